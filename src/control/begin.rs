//! Opening the store, and what there is in it when a node starts.

use super::desk::Control;
use super::happen::Happenings;
use super::office::{Office, Post, Told, Wished};
use super::tokens::{self, Token, Tokens};
use super::wanting::{Stored, store_target};
use super::writer::Writer;
use super::{Caller, Role, Scope, TokenOrder};
use crate::document::Problem;
use crate::fleet::ledger::{Item, Ledger, Target, Texts};
use crate::fleet::{Fleet, Kind, Source};
use crate::snapshot::Slot;
use crate::store::{self, Store};
use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashMap};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use tokio::sync::mpsc;

/// A token that people choose themselves is at least this long.
const MIN_CHOSEN: usize = 16;
const ADMIN_TOKEN: &str = "admin.token";
/// The name of the token that the first start makes.
pub(super) const ADMIN: &str = "admin";

#[derive(Clone, Debug)]
pub struct Options {
    /// The node's own directory.
    pub data: PathBuf,
    pub node: String,
    /// `[store].kind = "files"`: the fleet file is the truth.
    pub is_files: bool,
    /// `MERIDIAN_ADMIN_TOKEN`.
    pub admin_token: Option<String>,
}

/// A store that was opened, and the fleet in it.
pub struct Opening {
    pub control: Control,
    /// None: there is none yet, so what stands in files is served and then imported; or the files are the truth.
    pub fleet: Option<Arc<Fleet>>,
    /// What is wrong with the store or what it holds.
    pub problems: Vec<Problem>,
    /// For the pilot's answers.
    pub posts: mpsc::UnboundedReceiver<Post>,
}

pub fn begin(options: &Options, slot: Arc<Slot>) -> Result<Opening, String> {
    if options.admin_token.as_ref().is_some_and(|token| token.chars().count() < MIN_CHOSEN) {
        return Err(format!("MERIDIAN_ADMIN_TOKEN is shorter than {MIN_CHOSEN} characters; choose a longer one, or leave it away"));
    }
    let store::Opened { store, problem, .. } = store::open(&options.data, &store::Options::default())
        .map_err(|error| format!("[node].data: the store cannot be opened: {}", error.in_full()))?;
    let mut problems: Vec<Problem> = problem.into_iter().collect();
    let mut held = Held::read(&store, options.admin_token.as_deref())?;
    let has_fleet = held.has_fleet;
    let mut ledger = Ledger::default();
    if has_fleet && !options.is_files {
        let found;
        (ledger, found) = Ledger::load(held.defaults.take(), held.objects);
        for (zone, source) in held.files {
            ledger.place_zone(&zone, source);
        }
        let own =
            |problem: Problem| problem.hint("what is stored was sound when it was stored; change it by the API or with `meridian set`");
        problems.extend(found.into_iter().filter(Problem::is_error).map(own));
    }
    finish_first_token(&options.data, &held.tokens);
    // Without anybody who may make tokens nobody could ever come in again.
    if !held.tokens.has_admin_without(None, Office::now_s()) && store.sealed().is_none() {
        let path = options.data.join(ADMIN_TOKEN);
        first_token(&store, &path, &mut held.tokens)
            .map_err(|error| format!("can't make the first token in {}: {error}", path.display()))?;
    }
    let is_files = options.is_files || !has_fleet;
    let fleet = (has_fleet && !options.is_files).then(|| Arc::clone(ledger.fleet()));
    let sealed = store.sealed().map(str::to_owned);
    let (pilot, posts) = mpsc::unbounded_channel();
    let (queue, jobs) = std::sync::mpsc::channel();
    let office = Arc::new(Office {
        node: options.node.clone(),
        data: options.data.clone(),
        // By the time: an earlier run had fewer than so many a second, so none of its ids comes again.
        happenings: Happenings::from(Office::now_s().saturating_mul(4096)),
        fleet_revision: AtomicU64::new(held.fleet_revision),
        store,
        is_files: AtomicBool::new(is_files),
        read_only: RwLock::new(match (options.is_files, sealed) {
            (true, _) => FILES.into(),
            (false, Some(sealed)) => sealed,
            (false, None) => NOT_IMPORTED.into(),
        }),
        ledger: RwLock::new(ledger),
        wishes: RwLock::new(held.wishes),
        reports: RwLock::default(),
        beats: Mutex::default(),
        tallies: Mutex::default(),
        tokens: RwLock::new(held.tokens),
        guessers: Mutex::default(),
        told: ArcSwap::from_pointee(Told::default()),
        slot,
        pilot,
        storing_since_ms: AtomicU64::new(0),
    });
    let writer = Writer {
        office: Arc::clone(&office),
        orders: HashMap::new(),
        plans: HashMap::new(),
        is_ahead: false,
        refusals: Default::default(),
    };
    let control = Control::new(office, queue, (writer, jobs));
    Ok(Opening { control, fleet, problems, posts })
}

const FILES: &str =
    "the fleet is what the files say ([store].kind = \"files\"): change fleet.toml and the zone files, which are read when they change";
const NOT_IMPORTED: &str =
    "nothing has been imported yet, because the files have errors, which /readyz names: mend them, and they are read by themselves";

/// The file of the first token, whose token is gone.
pub(super) fn forget_file(data: &Path) {
    let _ = std::fs::remove_file(data.join(ADMIN_TOKEN));
}

/// Everything the store holds, sorted out.
#[derive(Default)]
struct Held {
    defaults: Option<Item>,
    objects: Vec<(Kind, Item)>,
    files: BTreeMap<String, Source>,
    wishes: BTreeMap<String, Wished>,
    tokens: Tokens,
    /// There has been a fleet, even if nothing is left of it.
    has_fleet: bool,
    fleet_revision: u64,
}

impl Held {
    fn read(store: &Store, admin_token: Option<&str>) -> Result<Self, String> {
        let mut held = Self { tokens: Tokens::with_environment(admin_token), ..Self::default() };
        let mut serials: HashMap<String, u32> = HashMap::new();
        let mut bodies = Texts::default();
        store
            .scan("", &mut |key, document| {
                match store_target(key) {
                    Some(Stored::Object(target)) => {
                        let stored: serde_json::Value = serde_json::from_slice(&document.value).unwrap_or_default();
                        let position = stored["position"].as_u64().unwrap_or(0);
                        let item = Item::of(stored["name"].as_str().unwrap_or_default(), &stored["keys"], position);
                        let item = Item { revision: document.revision, body: bodies.one(item.body), ..item };
                        match target {
                            Target::Defaults => held.defaults = Some(item),
                            Target::Object(kind, _) => held.objects.push((kind, item)),
                        }
                    }
                    Some(Stored::File(zone)) => {
                        held.files.insert(zone, Source::Stored { revision: document.revision, serial: None });
                    }
                    Some(Stored::State(panel)) => {
                        held.wishes.extend(serde_json::from_slice(&document.value).ok().map(|wished| (panel, wished)))
                    }
                    None => {
                        if key == super::writer::FLEET {
                            (held.has_fleet, held.fleet_revision) = (true, document.revision);
                        }
                        let text = || std::str::from_utf8(&document.value).ok();
                        if let Some(zone) = key.strip_prefix("serials/") {
                            serials.extend(text().and_then(|text| text.parse().ok()).map(|serial| (zone.to_owned(), serial)));
                        } else if let Some(name) = key.strip_prefix("tokens/")
                            && let Ok(token) = serde_json::from_slice::<Token>(&document.value)
                        {
                            held.tokens.put(name, token);
                        }
                    }
                }
                true
            })
            .map_err(|error| format!("[node].data: the store cannot be read: {}", error.in_full()))?;
        for (zone, source) in &mut held.files {
            if let Source::Stored { serial, .. } = source {
                *serial = serials.get(zone).copied();
            }
        }
        Ok(held)
    }
}

/// A first start that was killed between storing its token and giving the file its name left one that nobody else knows.
fn finish_first_token(data: &Path, tokens: &Tokens) {
    let path = data.join(ADMIN_TOKEN);
    let aside = aside_of(&path);
    let Ok(text) = std::fs::read_to_string(&aside) else { return };
    let is_known = tokens.get(ADMIN).is_some_and(|token| token.hash == tokens::hash(text.trim()));
    if is_known && !path.exists() && std::fs::rename(&aside, &path).is_ok() {
        tracing::info!("the admin token is in {}", path.display());
    }
}

fn aside_of(path: &Path) -> PathBuf {
    path.with_extension("token.new")
}

/// The token of the first start: in a file that only this node's user can read.
fn first_token(store: &Store, path: &Path, tokens: &mut Tokens) -> Result<(), String> {
    let io = |error: std::io::Error| error.to_string();
    let text = tokens::make()?;
    let aside = aside_of(path);
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&aside).map_err(io)?;
    writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(io)?;
    let now_s = Office::now_s();
    let order = TokenOrder { name: ADMIN.into(), role: Role::Admin, scope: Scope::All, expires_in_s: None };
    let token = Token::of(&order, tokens::hash(&text), now_s);
    let value = Some(serde_json::to_vec(&token).map_err(|error| error.to_string())?);
    let write = store::Write { key: format!("tokens/{ADMIN}"), expect: store::Expect::Any, value };
    let entry = super::journal::Entry::of(&Caller::node(), "token make").bytes();
    store.commit(store::Commit { writes: vec![write], entry, at_s: now_s }).map_err(|error| error.in_full())?;
    // Last: a file that is there holds a token that is known.
    std::fs::rename(&aside, path).map_err(io)?;
    tokens.put(ADMIN, token);
    tracing::info!("the admin token is in {}", path.display());
    Ok(())
}

/// A control of its own, on a scratch store and before a pilot that says yes to everything: for tests of what stands before it.
#[cfg(test)]
pub fn scratch(admin_token: &str) -> Control {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let data = std::env::temp_dir().join(format!("meridian-control-{}-{count}", std::process::id()));
    let _ = std::fs::remove_dir_all(&data);
    std::fs::create_dir_all(&data).unwrap();
    let options = Options { data, node: "test".into(), is_files: false, admin_token: Some(admin_token.into()) };
    let Opening { control, mut posts, .. } = begin(&options, Arc::new(Slot::new(Default::default()))).unwrap();
    std::thread::spawn(move || {
        while let Some(post) = posts.blocking_recv() {
            match post {
                Post::Events { done, .. } => drop(done.send(1)),
                Post::Health { done, .. } => drop(done.send(Vec::new())),
                Post::Beats => {}
            }
        }
    });
    control.start(None).unwrap();
    control.hold_fleet();
    control
}
