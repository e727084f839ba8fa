//! Where every verb comes in.

use super::asking;
use super::explain::explain;
use super::happen::Stream;
use super::journal;
use super::look;
use super::office::{Office, Post, Reported, Told};
use super::sight::outside;
use super::tally::{self, Figures};
use super::tokens;
use super::tokens::TokenShown;
use super::wanting::{missing, text_of, text_revision, unmasked};
use super::writer::{Job, Outcome, Task, Writer};
use super::{Caller, Change, Done, Found, How, Page, Query, Question, RecordSet, Refusal, Role, Scope};
use crate::clock;
use crate::compile::plan::Plan;
use crate::fleet::Kind;
use crate::fleet::ledger::{self, Comparison, Ledger, key};
use crate::health::{Report, Turn};
use crate::pilot::Event;
use parking_lot::Mutex;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A change that cannot be stored is refused within this.
const STORE_TIME_MS: u64 = 5000;
/// Objects compared before whoever waits for the ledger has his turn.
const COMPARED_AT_ONCE: usize = 1000;
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Changes that wait for the writer; more come from somebody who does not wait for answers.
const MAX_WAITING: usize = 1000;
/// Lines of a backup on their way to a slow reader.
const BACKUP_CHUNKS: usize = 16;
const BACKUP_CHUNK: usize = 64 << 10;

/// One for the node; cheap to clone.
#[derive(Clone)]
pub struct Control {
    office: Arc<Office>,
    queue: Sender<Job>,
    waiting: Arc<std::sync::atomic::AtomicUsize>,
    /// Until the node has started.
    writer: Arc<Mutex<Option<Waiting>>>,
}

/// The writer and its queue, before it runs.
type Waiting = (Writer, Receiver<Job>);

/// What became of a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Welcome {
    Known(Caller),
    Unknown,
    /// Too many wrong ones came from there: not looked at.
    Slowed {
        retry_after_s: u64,
    },
}

/// A token that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOrder {
    pub name: String,
    pub role: Role,
    pub scope: Scope,
    /// Seconds from now.
    pub expires_in_s: Option<u64>,
}

/// What happened, for those who watch: `{"object": "panels/fra1", "verb": "put", "who": "ops", "revision": 17}` and the like.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    pub id: u64,
    /// `change`, `published`, `problem`, `state`, `verdict`, `load`.
    pub kind: &'static str,
    pub at_s: u64,
    pub body: Value,
    /// Objects it speaks of, for scopes.
    /// Of an import none are named: only who may see everything is told of it.
    pub objects: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    pub object: Option<String>,
    pub since_s: Option<u64>,
    /// Entries older than this sequence number, for paging.
    pub before: Option<u64>,
    pub limit: usize,
}

/// Which record sets of a zone.
#[derive(Clone, Debug, Default)]
pub struct RecordQuery {
    pub name: Option<String>,
    pub rtype: Option<String>,
    /// Name and type of the last one seen.
    pub after: Option<(String, String)>,
    pub limit: usize,
}

/// Record sets, whether there are more, and the revision of the zone's records.
#[derive(Clone, Debug)]
pub struct Records {
    pub items: Vec<RecordSet>,
    pub has_more: bool,
    pub revision: u64,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.office.fmt(f)
    }
}

impl Control {
    pub(super) fn new(office: Arc<Office>, queue: Sender<Job>, writer: Waiting) -> Self {
        Self { office, queue, waiting: Arc::default(), writer: Arc::new(Mutex::new(Some(writer))) }
    }

    // For the node.

    /// The node answers with this plan: from now on changes are made.
    pub fn start(&self, plan: Option<&Plan>) -> Result<(), String> {
        let Some((mut writer, jobs)) = self.writer.lock().take() else { return Ok(()) };
        if let Some(plan) = plan {
            writer.remember(plan);
        }
        let run = move || writer.run(&jobs);
        std::thread::Builder::new()
            .name("control".into())
            .spawn(run)
            .map(drop)
            .map_err(|error| format!("can't start the thread for changes: {error}"))
    }

    /// The fleet as the files have it now.
    pub fn take_files(&self, ledger: Ledger) {
        *self.office.ledger.write() = ledger;
    }

    /// The fleet's document, as it was read from the file or is stored.
    pub fn document(&self) -> Value {
        self.office.ledger.read().document()
    }

    /// True while the files say what is served.
    pub fn is_files(&self) -> bool {
        self.office.is_files()
    }

    /// The store is the truth, even while it is empty.
    #[cfg(test)]
    pub(super) fn hold_fleet(&self) {
        self.office.is_files.store(false, Ordering::Release);
    }

    /// What stands in files becomes the store's, and the store the truth.
    pub async fn import(&self, json: Value, texts: Vec<(String, Vec<u8>)>) -> Result<Done, Refusal> {
        // However long it takes: whoever asks is the node itself.
        match self.ask_within(&Caller::node(), Task::Import { json, texts }, u64::MAX).await? {
            Outcome::Done(done) => Ok(*done),
            Outcome::Token(..) | Outcome::Nothing => Err(Refusal::Gone("the import came to nothing".into())),
        }
    }

    pub fn tell(&self, told: Told) {
        let old = self.office.told.swap(Arc::new(told.clone()));
        if old.generation != told.generation {
            let body = serde_json::json!({"generation": told.generation});
            self.office.happenings.tell("published", Office::now_s(), body, Vec::new());
        }
        for problem in told.problems.iter().filter(|problem| !old.problems.contains(problem)) {
            self.office.happenings.tell("problem", Office::now_s(), serde_json::json!({"problem": problem}), Vec::new());
        }
    }

    /// The text of a zone in the store.
    pub fn stored_text(&self, zone: &crate::dns::name::Name) -> Result<Vec<u8>, String> {
        text_of(&self.office, &crate::fleet::ledger::shown(zone)).map_err(|refusal| super::refusal::sentence(&refusal))
    }

    /// Heartbeats that came since the last time: the last one of each panel, for the pilot.
    pub fn beats(&self) -> Vec<Event> {
        let beats = std::mem::take(&mut *self.office.beats.lock());
        beats.into_iter().map(|(panel, gauges)| Event::Beat { panel, gauges }).collect()
    }

    /// Verdicts that became others, once the answers have them: counted, told to those who watch, and logged.
    pub fn turned(&self, turns: &[Turn]) {
        tally::turned(&self.office, turns);
    }

    /// What came of checks, by the checks' names: counted.
    pub fn checked<'r>(&self, reports: impl IntoIterator<Item = (&'r str, &'r Report)>) {
        let mut tallies = self.office.tallies.lock();
        reports.into_iter().for_each(|(check, report)| tallies.count(check, report));
    }

    /// What operators have said of panels, for a pilot that starts.
    pub fn wishes(&self) -> Vec<crate::fleet::Wish> {
        self.office.wishes()
    }

    /// Objects in which this fleet, which has no errors, differs from the one that is served; none where they are equal.
    pub fn differs_from(&self, json: &Value) -> Result<usize, Refusal> {
        let json = unmasked(&self.office.ledger.read(), look::without_paths(json))?;
        let mut comparison = Comparison::default();
        let mut objects = ledger::objects(&json).peekable();
        while objects.peek().is_some() {
            // Let go again and again: who wants to change something must not wait for a million of them, nor others behind him.
            self.office.ledger.read().compare(objects.by_ref().take(COMPARED_AT_ONCE), &mut comparison);
        }
        Ok(self.office.ledger.read().differing(&comparison))
    }

    // Who.

    pub fn welcome(&self, bearer: &str, from: IpAddr) -> Welcome {
        let now_s = Office::now_s();
        let wait = self.office.guessers.lock().wait(from, now_s);
        let tokens = self.office.tokens.read();
        let caller = tokens.caller(bearer, from, now_s);
        // Nobody guesses one of 256 bits, so whoever has one is let in whatever others do from there; one that people chose is not looked at.
        if let Some(retry_after_s) = wait
            && caller.as_ref().is_none_or(|caller| caller.who == tokens::ENVIRONMENT)
        {
            return Welcome::Slowed { retry_after_s };
        }
        let Some(caller) = caller else {
            drop(tokens);
            self.office.tallies.lock().wrong_tokens += 1;
            if self.office.guessers.lock().wrong(from, now_s) {
                tracing::warn!(%from, "a token that nobody has");
                self.leave(&Caller::node(), Task::Unknown { from: from.to_string() });
            }
            return Welcome::Unknown;
        };
        let is_due = tokens.is_use_due(&caller.who, now_s);
        drop(tokens);
        if wait.is_none() {
            self.office.guessers.lock().right(from);
        }
        if is_due {
            self.leave(&caller, Task::Used(caller.who.clone()));
        }
        Welcome::Known(caller)
    }

    pub fn tokens(&self, caller: &Caller) -> Result<Vec<TokenShown>, Refusal> {
        if caller.role != Role::Admin || !caller.sees_all() {
            return Err(Refusal::Forbidden("tokens are an admin's business".into()));
        }
        Ok(self.office.tokens.read().shown())
    }

    /// The token itself is in the answer, and nowhere else ever again.
    pub async fn make_token(&self, caller: &Caller, order: TokenOrder) -> Result<(String, TokenShown), Refusal> {
        match self.ask(caller, Task::MakeToken(order)).await? {
            Outcome::Token(text, shown) => Ok((text, shown)),
            Outcome::Done(_) | Outcome::Nothing => Err(Refusal::Gone("no token was made".into())),
        }
    }

    pub async fn drop_token(&self, caller: &Caller, name: &str) -> Result<(), Refusal> {
        self.ask(caller, Task::DropToken(name.to_owned())).await.map(drop)
    }

    // Looking.

    pub fn object(&self, caller: &Caller, kind: Kind, name: &str) -> Result<Found, Refusal> {
        look::object(&self.office, viewer(caller)?, kind, name)
    }

    pub fn defaults(&self, caller: &Caller) -> Result<Found, Refusal> {
        look::defaults(&self.office, viewer(caller)?)
    }

    pub fn list(&self, caller: &Caller, kind: Kind, query: &Query) -> Result<Page, Refusal> {
        look::list(&self.office, viewer(caller)?, kind, query)
    }

    /// The whole fleet in the form of fleet.toml (`{"defaults": {..}, "check": [{"name": ..}], ...}`), zones with their `text`.
    pub fn fleet(&self, caller: &Caller, secrets: bool) -> Result<Found, Refusal> {
        if secrets && (caller.role != Role::Admin || !caller.sees_all()) {
            return Err(Refusal::Forbidden("secrets are shown to admins only".into()));
        }
        look::fleet(&self.office, viewer(caller)?, secrets)
    }

    /// With its revision.
    pub fn zone_file(&self, caller: &Caller, zone: &str) -> Result<(Vec<u8>, u64), Refusal> {
        let found = self.zone(viewer(caller)?, zone)?;
        look::zone_text(&self.office, &found).map(|text| (text, self.text_revision(&found)))
    }

    pub fn records(&self, caller: &Caller, zone: &str, query: &RecordQuery) -> Result<Records, Refusal> {
        let found = self.zone(viewer(caller)?, zone)?;
        look::records(&self.office, &found, query, self.text_revision(&found))
    }

    pub async fn status(&self, caller: &Caller) -> Result<Value, Refusal> {
        look::status(&self.office, viewer(caller)?).await
    }

    /// What /metrics shows.
    pub async fn figures(&self, caller: &Caller) -> Result<Figures, Refusal> {
        tally::figures(&self.office, viewer(caller)?).await
    }

    pub async fn panel_health(&self, caller: &Caller, panel: &str) -> Result<Value, Refusal> {
        asking::panel_health(&self.office, viewer(caller)?, panel).await
    }

    pub fn panel_state(&self, caller: &Caller, panel: &str) -> Result<Value, Refusal> {
        look::panel_state(&self.office, viewer(caller)?, panel)
    }

    /// An `Explanation` as JSON.
    pub async fn explain(&self, caller: &Caller, question: &Question) -> Result<Value, Refusal> {
        look::may_explain(&self.office, viewer(caller)?, question)?;
        let mut explanation = {
            let snapshot = Arc::clone(&self.office.slot.load());
            let fleet = look::with_states(&self.office);
            explain(clock::now(), &snapshot, &fleet, question).map_err(|sentence| Refusal::fault("", sentence, ""))?
        };
        let ranked = asking::ranked(&explanation);
        if !ranked.is_empty() {
            let views = asking::ask(&self.office, Some(ranked)).await?;
            let ledger = self.office.ledger.read();
            let sight = super::sight::Sight::of(caller, &ledger);
            asking::judge(&mut explanation, &views, |panel| sight.sees(&ledger, Kind::Panel, panel));
        }
        let value = serde_json::to_value(&explanation).map_err(|error| Refusal::Gone(error.to_string()))?;
        look::within_scope(&self.office, caller, value)
    }

    /// Newest first, secrets masked.
    pub fn audit(&self, caller: &Caller, query: &AuditQuery) -> Result<Vec<Value>, Refusal> {
        let is_admin = viewer(caller)?.role == Role::Admin && caller.sees_all();
        if query.object.is_none() && !is_admin && caller.sees_all() {
            return Err(Refusal::Forbidden("the whole audit trail is an admin's; ask for one object".into()));
        }
        if query.object.as_ref().is_some_and(|object| object.starts_with("tokens")) && !is_admin {
            return Err(Refusal::Forbidden("tokens are an admin's business".into()));
        }
        journal::read(&self.office, caller, query)
    }

    /// What this caller may see of those after `after` that are still known, and of all that come. None: `after` is too old, begin anew.
    pub fn happenings(&self, caller: &Caller, after: Option<u64>) -> Result<Option<Stream>, Refusal> {
        viewer(caller)?;
        Ok(self.office.happenings.since(after).map(|(known, coming)| {
            let known = known.into_iter().filter(|happening| self.may_see(caller, happening)).collect();
            (known, coming)
        }))
    }

    pub fn may_see(&self, caller: &Caller, happening: &Happening) -> bool {
        if caller.sees_all() {
            return true;
        }
        let ledger = self.office.ledger.read();
        let sight = super::sight::Sight::of(caller, &ledger);
        happening.kind == "published"
            || !happening.objects.is_empty() && happening.objects.iter().all(|object| sight.sees_object(&ledger, object))
    }

    // Changing.

    /// When it returns, this node's answers have it.
    pub async fn change(&self, caller: &Caller, change: Change, how: &How) -> Result<Done, Refusal> {
        let said = (!caller.sees_all()).then(|| change.said());
        let outcome = self.ask(caller, Task::Change(change, how.clone())).await;
        let within_scope = |refusal| match &said {
            Some(said) => look::refused_within_scope(&self.office, caller, said, refusal),
            None => refusal,
        };
        match outcome.map_err(within_scope)? {
            Outcome::Done(done) => Ok(*done),
            Outcome::Token(..) | Outcome::Nothing => Err(Refusal::Gone("the change came to nothing".into())),
        }
    }

    /// What a panel says of itself. `report` holds numbers that were checked.
    pub async fn report(&self, caller: &Caller, panel: &str, report: Value) -> Result<(), Refusal> {
        let found = panel.to_lowercase();
        let ledger = self.office.ledger.read();
        let sight = super::sight::Sight::of(caller, &ledger);
        let may = match &caller.role {
            Role::Panel(own) => own.to_lowercase() == found,
            role => *role >= Role::Operator && sight.may_change(&ledger, Kind::Panel, panel),
        };
        if !may {
            let why = "that is not this token's panel".to_owned();
            self.leave(caller, Task::Refused { verb: "report".into(), objects: vec![format!("panels/{found}")], why: why.clone() });
            return Err(Refusal::Forbidden(why));
        }
        let name = ledger.item(Kind::Panel, panel).map(|item| item.name.to_string()).ok_or_else(|| missing(Kind::Panel, panel))?;
        drop(ledger);
        let gauges = asking::read_gauges(&report);
        self.office.reports.write().insert(found, Reported { at_s: Office::now_s(), gauges });
        let mut beats = self.office.beats.lock();
        // The node takes all that wait at once, so it is called for the first one.
        let is_first = beats.is_empty();
        beats.insert(name, gauges);
        drop(beats);
        if is_first {
            // A node that is stopping has no use for it.
            let _ = self.office.pilot.send(Post::Beats);
        }
        Ok(())
    }

    /// A panel that was held down returns as soon as it serves.
    pub async fn unhold(&self, caller: &Caller, panel: &str) -> Result<(), Refusal> {
        self.ask(caller, Task::Unhold(panel.to_owned())).await.map(drop)
    }

    /// Pieces of the backup, to be written out as they come.
    pub async fn backup(&self, caller: &Caller) -> Result<mpsc::Receiver<Result<Vec<u8>, String>>, Refusal> {
        if caller.role != Role::Admin || !caller.sees_all() {
            return Err(Refusal::Forbidden("a backup holds all secrets, so it is an admin's business".into()));
        }
        let (pieces, receiver) = mpsc::channel(BACKUP_CHUNKS);
        let store = self.office.store.clone();
        tokio::task::spawn_blocking(move || {
            let mut out = std::io::BufWriter::with_capacity(BACKUP_CHUNK, Pieces(pieces.clone()));
            let done = store.backup(Office::now_s(), &mut out).map(drop).map_err(|error| error.in_full());
            let flushed = std::io::Write::flush(&mut out).map_err(|error| error.to_string());
            if let Err(why) = done.and(flushed) {
                let _ = pieces.blocking_send(Err(why));
            }
        });
        Ok(receiver)
    }

    fn zone(&self, caller: &Caller, zone: &str) -> Result<String, Refusal> {
        let ledger = self.office.ledger.read();
        let sight = super::sight::Sight::of(caller, &ledger);
        let found =
            key(Kind::Zone, zone).ok().filter(|found| ledger.item(Kind::Zone, found).is_some() && sight.sees(&ledger, Kind::Zone, found));
        found.ok_or_else(|| missing(Kind::Zone, zone))
    }

    fn text_revision(&self, zone: &str) -> u64 {
        let ledger = self.office.ledger.read();
        text_revision(ledger.fleet(), ledger.id(Kind::Zone, zone))
    }

    /// Leaves a note for the writer; nobody waits for it, and where nobody comes for notes they are lost.
    fn leave(&self, caller: &Caller, task: Task) {
        if self.waiting.load(Ordering::Relaxed) < MAX_WAITING {
            let (reply, _) = oneshot::channel();
            let _ = self.queue.send(Job { caller: caller.clone(), task, stage: Arc::default(), reply });
        }
    }

    async fn ask(&self, caller: &Caller, task: Task) -> Result<Outcome, Refusal> {
        self.ask_within(caller, task, STORE_TIME_MS).await
    }

    async fn ask_within(&self, caller: &Caller, task: Task, store_time_ms: u64) -> Result<Outcome, Refusal> {
        let _place = Place::take(&self.waiting)?;
        let (reply, mut answer) = oneshot::channel();
        let stage = Arc::new(AtomicU8::new(0));
        let gone = || Refusal::Gone("the node is stopping".into());
        self.queue.send(Job { caller: caller.clone(), task, stage: Arc::clone(&stage), reply }).map_err(|_| gone())?;
        loop {
            match tokio::time::timeout(LOOK, &mut answer).await {
                Ok(answer) => return answer.map_err(|_| gone())?,
                Err(_) => {
                    let since_ms = self.office.storing_since_ms.load(Ordering::Acquire);
                    if since_ms == 0 || clock::now().mono_ms < since_ms.saturating_add(store_time_ms) {
                        continue;
                    }
                    // Whoever still waits for a turn will not get it: nothing of it happens later.
                    return Err(Refusal::Gone(match stage.compare_exchange(0, 2, Ordering::AcqRel, Ordering::Acquire) {
                        Ok(_) => "the store does not answer, so nothing was changed; see the disk that [node].data is on".into(),
                        Err(_) => "the store has not answered in time: the change may still come to hold; see the disk that [node].data is on, and /v1/audit".into(),
                    }));
                }
            }
        }
    }
}

/// A place in the queue, given back when whoever asked has an answer or is gone.
struct Place<'a>(&'a std::sync::atomic::AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a std::sync::atomic::AtomicUsize) -> Result<Self, Refusal> {
        let place = Self(waiting);
        match waiting.fetch_add(1, Ordering::AcqRel) < MAX_WAITING {
            true => Ok(place),
            false => Err(Refusal::Gone("too many changes wait already; try again".into())),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn viewer(caller: &Caller) -> Result<&Caller, Refusal> {
    if caller.role >= Role::Viewer { Ok(caller) } else { Err(Refusal::Forbidden(outside(caller))) }
}

/// Hands on what is written, piece by piece.
struct Pieces(mpsc::Sender<Result<Vec<u8>, String>>);

impl std::io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.blocking_send(Ok(bytes.to_vec())).map_err(|_| std::io::Error::other("nobody reads the backup any more"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// For the node, which takes posts to the pilot.
pub type Posts = mpsc::UnboundedReceiver<Post>;
