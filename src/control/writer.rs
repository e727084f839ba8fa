//! The one who changes things: each change is judged, compiled, stored, published, and only then answered.

use super::journal::Entry;
use super::making::{Made, make};
use super::office::{Office, Post, Wished, state};
use super::sight::{Sight, outside};
use super::telling::{differences, has, refusal, said, shown, writes};
use super::touch;
use super::wanting::missing;
use super::{Caller, Change, Done, How, Refusal, StateOrder, TokenOrder, TokenShown};
use crate::clock;
use crate::compile::plan::{Orders, ZonePlan};
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::dns::sheet::RecordSet;
use crate::fleet::Kind;
use crate::fleet::ledger::{Edit, Ledger, Target, key};
use crate::pilot::Event;
use crate::store::{Commit, StoreError, Write};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Written with every change of the fleet: its revision is the fleet's, and where it is there has been one.
pub(super) const FLEET: &str = "meta/fleet";
/// Refused changes of one token that the log takes a second: nobody pushes out the rest of it.
const REFUSED_A_SECOND: u32 = 5;
/// Objects that an event names.
const MAX_NAMED: usize = 20;
/// While nothing is asked for, old history is removed and a good copy kept at this interval.
const CHORES: Duration = Duration::from_secs(30);
/// A reason is a sentence.
const MAX_REASON: usize = 1000;
/// Nobody drains for longer than a year.
const MAX_SPAN_S: u64 = 366 * 24 * 3600;

const OUT_OF_STEP: &str =
    "an earlier change is stored, and met a fault of meridian's own before it was answered: restart the node, which then has it";

/// Something to be done, and where the answer goes.
pub(super) struct Job {
    pub(super) caller: Caller,
    pub(super) task: Task,
    /// 0: waits; 1: is being done; 2: whoever asked has gone.
    pub(super) stage: Arc<AtomicU8>,
    pub(super) reply: oneshot::Sender<Result<Outcome, Refusal>>,
}

pub(super) enum Task {
    Change(Change, How),
    MakeToken(TokenOrder),
    DropToken(String),
    /// The panel returns at once, however often it has fallen.
    Unhold(String),
    /// A change of `verb` was refused before it came here.
    Refused {
        verb: String,
        objects: Vec<String>,
        why: String,
    },
    /// Somebody without a token that is known.
    Unknown {
        from: String,
    },
    /// The token was used; none if it is in the environment.
    Used(String),
    /// What stands in files becomes the store's: the fleet's document and the texts of its zones.
    Import {
        json: Value,
        texts: Vec<(String, Vec<u8>)>,
    },
}

pub(super) enum Outcome {
    Done(Box<Done>),
    Token(String, TokenShown),
    Nothing,
}

pub(super) struct Writer {
    pub(super) office: Arc<Office>,
    /// What each zone's hostnames are answered with now.
    pub(super) orders: HashMap<Name, Orders>,
    /// What zones were compiled from, while that is known.
    pub(super) plans: HashMap<Name, Arc<ZonePlan>>,
    /// Something is stored that the answers do not have yet.
    pub(super) is_ahead: bool,
    /// In this second, by token.
    pub(super) refusals: (u64, HashMap<String, u32>),
}

/// What a change comes to before it is judged.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) edits: Vec<Edit>,
    /// The whole fleet instead of edits.
    pub(super) fleet: Option<Value>,
    /// By zone's key.
    pub(super) texts: Vec<(String, Vec<u8>)>,
    pub(super) states: Vec<(String, Option<Wished>)>,
    /// The object the answer shows.
    pub(super) shows: Option<Target>,
    pub(super) is_zone_deleted: bool,
    pub(super) is_records: bool,
    /// The one set that a text differs in.
    pub(super) record: Option<Recorded>,
    /// Serials that zones were shown with elsewhere.
    pub(super) serials: HashMap<String, u32>,
    /// The store has nothing yet, so all is written.
    pub(super) is_import: bool,
}

/// A record set that comes, goes, or is another.
pub(super) struct Recorded {
    pub(super) name: Name,
    pub(super) rtype: Type,
    pub(super) set: Option<RecordSet>,
    /// The serial in the zone's text.
    pub(super) written: Option<u32>,
}

impl Writer {
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut due_ms = 0;
        loop {
            match jobs.recv_timeout(CHORES) {
                Ok(job) => self.take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now_ms = clock::now().mono_ms;
            if now_ms >= due_ms {
                due_ms = now_ms + CHORES.as_millis() as u64;
                self.chores();
            }
        }
    }

    fn take(&mut self, job: Job) {
        if job.stage.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return;
        }
        // A fault of ours between the two: what is stored is right, and only a start brings the rest in step with it.
        if self.is_ahead {
            let _ = job.reply.send(Err(Refusal::Gone(OUT_OF_STEP.into())));
            return;
        }
        let done = catch_unwind(AssertUnwindSafe(|| self.perform(&job.caller, job.task)));
        let done = done.unwrap_or_else(|_| {
            tracing::error!("a change met a fault of meridian's own; please report it with the log above");
            Err(Refusal::Gone("the change met a fault of meridian's own; please report it with the node's log".into()))
        });
        // Whoever asked may have gone.
        let _ = job.reply.send(done);
    }

    fn chores(&self) {
        let now_s = Office::now_s();
        for error in [self.office.store.prune(now_s).err(), self.office.store.keep_good(now_s).err()].into_iter().flatten() {
            tracing::warn!("the store: {}", error.in_full());
        }
    }

    fn perform(&mut self, caller: &Caller, task: Task) -> Result<Outcome, Refusal> {
        match task {
            Task::Change(change, how) => {
                let (verb, objects) = (verb(&change), objects(&change));
                let done = self.change(caller, &verb, change, &how);
                if let Err(refusal) = &done {
                    self.refused(caller, &verb, objects, super::refusal::sentence(refusal));
                }
                done.map(|done| Outcome::Done(Box::new(done)))
            }
            Task::Import { json, texts } => {
                let wanted = Wanted { fleet: Some(json), texts, is_import: true, ..Wanted::default() };
                self.make(caller, "import", wanted, &How { force: true, ..How::default() }).map(|done| Outcome::Done(Box::new(done)))
            }
            Task::MakeToken(order) => self.make_token(caller, &order),
            Task::DropToken(name) => self.drop_token(caller, &name),
            Task::Unhold(panel) => {
                let done = self.unhold(caller, &panel);
                if let Err(refusal) = &done {
                    self.refused(caller, UNHOLD, vec![of(Kind::Panel, &panel)], super::refusal::sentence(refusal));
                }
                done.map(|()| Outcome::Nothing)
            }
            Task::Refused { verb, objects, why } => {
                self.refused(caller, &verb, objects, why);
                Ok(Outcome::Nothing)
            }
            Task::Unknown { from } => {
                let entry = Entry {
                    who: "unknown".into(),
                    from: Some(from),
                    verb: "authenticate".into(),
                    refused: Some("unknown token".into()),
                    ..Entry::default()
                };
                let _ = self.office.store.note(Office::now_s(), &[], entry.bytes());
                Ok(Outcome::Nothing)
            }
            Task::Used(name) => {
                let token = self.office.tokens.write().used(&name, Office::now_s());
                if let Some(bytes) = token.and_then(|token| serde_json::to_vec(&token).ok()) {
                    let _ = self.office.store.quiet(&format!("tokens/{name}"), Some(bytes));
                }
                Ok(Outcome::Nothing)
            }
        }
    }

    /// A refused change of somebody known: it stands in the log, whether or not that can be written now.
    pub(super) fn refused(&mut self, caller: &Caller, verb: &str, objects: Vec<String>, why: String) {
        let now_s = Office::now_s();
        if self.refusals.0 != now_s {
            self.refusals = (now_s, HashMap::new());
        }
        let count = self.refusals.1.entry(caller.who.clone()).or_default();
        *count += 1;
        if *count > REFUSED_A_SECOND {
            return;
        }
        tracing::info!(who = caller.who, verb, "refused: {why}");
        let entry = Entry { objects: objects.clone(), refused: Some(why), ..Entry::of(caller, verb) };
        let _ = self.office.store.note(Office::now_s(), &objects, entry.bytes());
    }

    fn change(&mut self, caller: &Caller, verb: &str, change: Change, how: &How) -> Result<Done, Refusal> {
        if !caller.may_change() {
            return Err(Refusal::Forbidden(outside(caller)));
        }
        let is_state = matches!(change, Change::State { .. });
        if self.office.is_files() && !is_state {
            return Err(Refusal::ReadOnly(self.office.read_only.read().clone()));
        }
        let wanted = {
            let ledger = self.office.ledger.read();
            let sight = Sight::of(caller, &ledger);
            super::wanting::wanted(&self.office, &ledger, &sight, caller, change, how)?
        };
        self.make(caller, verb, wanted, how)
    }

    fn make(&mut self, caller: &Caller, verb: &str, mut wanted: Wanted, how: &How) -> Result<Done, Refusal> {
        let office = Arc::clone(&self.office);
        let empty = Ledger::default();
        let held = office.ledger.read();
        let ledger: &Ledger = if wanted.is_import { &empty } else { &held };
        let sight = Sight::of(caller, ledger);
        let sees = |kind: Kind, name: &str| sight.sees(ledger, kind, name);
        let draft = match &wanted.fleet {
            Some(json) => ledger.replace(json),
            None => ledger.draft(&wanted.edits, &sees),
        };
        let draft = draft.map_err(|why| refusal(ledger, &sight, &wanted, why))?;
        // What was read from the files stays, and what the import made of it goes.
        let draft = if wanted.is_import { draft.sharing(&held) } else { draft };
        // What was said of a panel goes with it.
        let wishes = office.wishes.read();
        let gone = draft.items.iter().filter_map(|(target, item)| match target {
            Target::Object(Kind::Panel, panel) if item.is_none() && wishes.contains_key(panel) => Some((panel.clone(), None)),
            _ => None,
        });
        let gone: Vec<_> = gone.filter(|(panel, _)| wanted.states.iter().all(|(other, _)| other != panel)).collect();
        drop(wishes);
        wanted.states.extend(gone);
        let made = make(self, ledger, draft, &wanted, how)?;
        let revision = office.store.revision();
        let mut done = Done {
            revision,
            generation: office.told.load().generation,
            is_made: wanted.shows.as_ref().is_some_and(|target| !has(ledger, target)),
            warnings: made.draft.warnings.iter().map(|flaw| said(&flaw.problem)).chain(made.warnings.iter().cloned()).collect(),
            // Nobody is shown an import's.
            differences: if wanted.is_import { Vec::new() } else { differences(&office, ledger, &made, &wanted) },
            ..Done::default()
        };
        if how.dry_run {
            done.effect = touch::effect(&office, ledger, &made, &wanted, &sight);
            return Ok(done);
        }
        let writes = writes(&made, &wanted);
        if writes.is_empty() {
            (done.object, done.object_revision) = shown(ledger, wanted.shows.as_ref());
            return Ok(done);
        }
        let counted = writes.len();
        let mut objects = made.keys(&wanted);
        let count = objects.len();
        let told = objects.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>();
        if wanted.is_import {
            // It is all there is, and told to those who may see all.
            objects = Vec::new();
        } else {
            objects.extend(made.sets_of_hostnames(ledger));
        }
        // Nobody else waits for the disk.
        drop(held);
        // A whole document may be large, and is done with.
        wanted.fleet = None;
        let doubt;
        (done.revision, doubt) = self.store(caller, verb, writes)?;
        self.is_ahead = true;
        let published = self.publish(made, &wanted, done.revision);
        self.is_ahead = false;
        done.generation = published?;
        if let Some(doubt) = doubt {
            return Err(doubt);
        }
        let ledger = office.ledger.read();
        (done.object, done.object_revision) = shown(&ledger, wanted.shows.as_ref());
        if let [(panel, _)] = &*wanted.states
            && wanted.edits.is_empty()
        {
            done.object = super::look::state_of(&office, &ledger, panel);
        }
        drop(ledger);
        tracing::info!(who = caller.who, verb, revision = done.revision, generation = done.generation, documents = counted, "changed");
        let kind = if wanted.states.is_empty() { "change" } else { "state" };
        let body = json!({"verb": verb, "who": caller.who, "revision": done.revision, "generation": done.generation, "objects": told, "count": count});
        office.happenings.tell(kind, Office::now_s(), body, objects);
        Ok(done)
    }

    /// Not in the store: it is over when the panel is back.
    fn unhold(&self, caller: &Caller, panel: &str) -> Result<(), Refusal> {
        if !caller.may_change() {
            return Err(Refusal::Forbidden(outside(caller)));
        }
        let office = &self.office;
        let panel = {
            let ledger = office.ledger.read();
            if !Sight::of(caller, &ledger).may_change(&ledger, Kind::Panel, panel) {
                return Err(Refusal::Forbidden(outside(caller)));
            }
            ledger.item(Kind::Panel, panel).map(|item| item.name.to_string()).ok_or_else(|| missing(Kind::Panel, panel))?
        };
        let objects = vec![of(Kind::Panel, &panel)];
        let entry = Entry { objects: objects.clone(), ..Entry::of(caller, UNHOLD) };
        // A panel that could serve does not wait for a disk that is full.
        if let Err(error) = office.store.note(Office::now_s(), &objects, entry.bytes()) {
            tracing::warn!("the store: {}", error.in_full());
        }
        tracing::info!(who = caller.who, panel, "hold-down cleared");
        let (done, taken) = oneshot::channel();
        let gone = || Refusal::Gone("the node is stopping".into());
        office.pilot.send(Post::Events { events: vec![Event::Unheld { panel }], done }).map_err(|_| gone())?;
        let generation = taken.blocking_recv().map_err(|_| gone())?;
        let body = json!({"verb": UNHOLD, "who": caller.who, "generation": generation, "objects": objects, "count": 1});
        office.happenings.tell("state", Office::now_s(), body, objects);
        Ok(())
    }

    /// Durable when it returns without a doubt; nothing is stored when it is refused.
    pub(super) fn store(&self, caller: &Caller, verb: &str, writes: Vec<Write>) -> Result<(u64, Option<Refusal>), Refusal> {
        let commit = Commit { writes, entry: Entry::of(caller, verb).bytes(), at_s: Office::now_s() };
        self.office.storing_since_ms.store(clock::now().mono_ms.max(1), Ordering::Release);
        let stored = self.office.store.commit(commit);
        self.office.storing_since_ms.store(0, Ordering::Release);
        let error = match stored {
            Ok(revision) => return Ok((revision, None)),
            Err(error) => error,
        };
        tracing::error!("the store: {}", error.in_full());
        match error {
            // It is there, so the answers have it; whether it outlives a loss of power nobody can promise.
            StoreError::Unsure { revision, .. } => Ok((revision, Some(Refusal::Gone(error.in_full())))),
            StoreError::Full { .. } => Err(Refusal::Full(error.to_string())),
            StoreError::Refused(what) => Err(Refusal::TooLarge(what)),
            error => Err(Refusal::Gone(error.in_full())),
        }
    }

    /// The change is stored: the ledger has it, and the answers follow. Gives the generation that has it.
    fn publish(&mut self, made: Made, wanted: &Wanted, revision: u64) -> Result<u64, Refusal> {
        let office = Arc::clone(&self.office);
        let mut events = Vec::new();
        if made.is_fleet() {
            let mut ledger = office.ledger.write();
            let sources = made.sources(revision);
            let Made { draft, outcome, .. } = made;
            if wanted.is_import {
                ledger.take_stored(draft, revision);
                office.is_files.store(false, Ordering::Release);
            } else {
                ledger.apply(draft, revision);
            }
            for (zone, source) in sources {
                ledger.place_zone(&zone, source);
            }
            events.push(outcome.event(self, &ledger));
            office.fleet_revision.store(revision, Ordering::Release);
        }
        if !wanted.states.is_empty() {
            let mut wishes = office.wishes.write();
            for (panel, wished) in &wanted.states {
                match wished {
                    Some(wished) => wishes.insert(panel.clone(), wished.clone()),
                    None => wishes.remove(panel),
                };
            }
        }
        // Also after a change of the fleet: a panel may be there again.
        let wishes = office.wishes();
        if !wanted.states.is_empty() || !wishes.is_empty() {
            events.push(Event::Wishes(wishes));
        }
        let (done, published) = oneshot::channel();
        let gone = || Refusal::Gone("the change is stored, and the node is stopping: the next start answers with it".into());
        office.pilot.send(Post::Events { events, done }).map_err(|_| gone())?;
        published.blocking_recv().map_err(|_| gone())
    }
}

const UNHOLD: &str = "hold clear";

/// The words a change goes by in the log.
fn verb(change: &Change) -> String {
    match change {
        Change::Put { .. } | Change::PutDefaults(_) => "put",
        Change::Patch { .. } | Change::PatchDefaults(_) => "patch",
        Change::Delete { .. } => "delete",
        Change::Fleet(_) => "apply",
        Change::ZoneFile { .. } => "put file",
        Change::Records { set: Some(_), .. } => "put records",
        Change::Records { set: None, .. } => "delete records",
        Change::State { state: Some(order), .. } => return format!("state {}", order.state.chars().take(20).collect::<String>()),
        Change::State { state: None, .. } => "state clear",
        Change::Revert(revision) => return format!("revert {revision}"),
        Change::Restore(_) => "restore",
    }
    .to_owned()
}

fn objects(change: &Change) -> Vec<String> {
    match change {
        Change::Put { kind, name, .. } | Change::Patch { kind, name, .. } | Change::Delete { kind, name } => vec![of(*kind, name)],
        Change::PutDefaults(_) | Change::PatchDefaults(_) => vec!["defaults".into()],
        Change::ZoneFile { zone, .. } | Change::Records { zone, .. } => vec![of(Kind::Zone, zone).replacen("zones/", "files/", 1)],
        Change::State { panel, .. } => vec![of(Kind::Panel, panel).replacen("panels/", "states/", 1)],
        Change::Fleet(_) | Change::Revert(_) | Change::Restore(_) => Vec::new(),
    }
}

fn of(kind: Kind, name: &str) -> String {
    format!("{}/{}", kind.plural(), key(kind, name).unwrap_or_else(|_| name.chars().take(255).collect()))
}

/// A state that is wanted, or what is wrong with it.
pub(super) fn wished(order: &StateOrder, who: &str, now_s: u64) -> Result<Wished, Refusal> {
    if state(&order.state).is_none() {
        let guess = crate::document::did_you_mean(&order.state, ["enabled", "draining", "disabled"]);
        let hint = if guess.is_empty() { "write enabled, draining or disabled".to_owned() } else { guess };
        return Err(Refusal::fault("/state", format!("unknown state `{}`", crate::document::shown(&order.state)), hint));
    }
    if order.reason.chars().count() > MAX_REASON || order.reason.chars().any(char::is_control) {
        return Err(Refusal::fault("/reason", "a reason is one line of at most 1,000 characters", ""));
    }
    for (pointer, span) in [("/over", order.over_s), ("/for", order.for_s)] {
        if span.is_some_and(|span| span == 0 || span > MAX_SPAN_S) {
            return Err(Refusal::fault(pointer, "a time from 1s to 366d belongs here", "leave it out for none"));
        }
    }
    if order.over_s.is_some() && order.state != "draining" {
        return Err(Refusal::fault("/over", "only a drain is handed over", "leave it out"));
    }
    Ok(Wished::of(order, who, now_s))
}

/// A merge patch (RFC 7396).
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(object) = target.as_object_mut() else { return };
    for (key, value) in patch {
        match value {
            Value::Null => drop(object.shift_remove(key)),
            value => merge(object.entry(key.clone()).or_insert(Value::Null), value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn merge_patches() {
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, r"{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, r"null", r"null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            (r"[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            (r"{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut value: Value = serde_json::from_str(target).unwrap();
            merge(&mut value, &serde_json::from_str(patch).unwrap());
            assert_eq!(value, serde_json::from_str::<Value>(result).unwrap(), "{target} {patch}");
        }
    }
}
