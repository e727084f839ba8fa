//! Starting, joining and draining the parts.
//!
//! Owns   the event loop around the pilot, signals, and the files that are watched.
//! Takes  `Options`, and a reader that gives the fleet anew each time it is called.
//! Gives  a running node, until it is told to stop.
//! Never  decides what is answered: it carries events to the pilot and out what the pilot wants done.

mod api;
pub mod data;
pub mod files;
mod health;
mod import;
pub mod notify;
pub mod once;
pub mod places;
mod tidy;

use crate::admin::{self, Certificate, CertificateFiles, Readiness, Status};
use crate::clock;
use crate::compile;
use crate::compile::plan::{Plan, ZonePlan};
use crate::control::{self, Control, Served, Told};
use crate::dns::name::Name;
use crate::document::{Network, Problem};
use crate::fleet::Source;
use crate::fleet::ledger::Ledger;
use crate::health::Health;
use crate::pilot::{Action, Event, Job, Pilot, Sketch};
use crate::snapshot::{Manners, Slot, Snapshot};
use crate::steer::Chart;
use crate::transport;
use anyhow::{Context, anyhow};
use api::Api;
use files::{Includes, Watch};
use health::Rounds;
use import::Imported;
use notify::Notify;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tidy::Tidy;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// How often files are looked at. A change is acted on at the second look that sees it, so within a second.
const LOOK: Duration = Duration::from_millis(500);
/// What was received before the end is answered within this, or not at all: service managers kill after ten times as long.
const DRAIN: Duration = Duration::from_secs(5);
/// The runtime, the sockets of one address and of the API, and the files that are read one after the other take no more.
const LEAST_FILES: u64 = 32;
/// Zones compiled at once, charts and databases among them; each takes a core and, while it lasts, a few times its file in memory.
const BUILDERS: usize = 3;
/// Events taken together: while thousands of zones come in, one snapshot is made for all that came while the last one was.
const BATCH: usize = 10_000;
/// Problems shown at /readyz: thousands of broken zones would make a page that no checker reads.
const MAX_TOLD: usize = 1000;

#[derive(Clone, Debug)]
pub struct Options {
    /// The node's own directory.
    pub data: PathBuf,
    /// Spreads checks over time.
    pub seed: u64,
    /// Where panels are that are checked from here.
    pub networks: Vec<Network>,
    pub transport: transport::Options,
    pub admin: SocketAddr,
    /// What the API is secured with.
    pub certificate: Option<CertificateFiles>,
    pub places: places::Options,
    /// What the reader reads of the fleet, while the files are the truth; a change means that it is read again.
    pub fleet_files: Vec<PathBuf>,
    /// What it reads besides.
    pub files: Vec<PathBuf>,
    /// A fleet that was read from files and is sound becomes the store's.
    pub imports: bool,
}

/// Where changes come in.
pub struct Door {
    pub control: Control,
    pub posts: control::Posts,
    /// The one that control looks at as well.
    pub slot: Arc<Slot>,
    /// What is wrong with the store.
    pub problems: Vec<Problem>,
    /// To be done once queries are answered.
    pub afterwards: Option<Afterwards>,
}

/// Something that can wait.
pub type Afterwards = Box<dyn FnOnce() + Send>;

/// A fleet that was read.
#[derive(Debug)]
pub struct FleetRead {
    pub plan: Plan,
    /// The document, where it came from a file.
    pub json: Option<serde_json::Value>,
}

/// All that may change while the node runs, read once.
#[derive(Debug)]
pub struct Reading {
    /// None: the one there is stays.
    pub fleet: Option<FleetRead>,
    pub problems: Vec<Problem>,
    /// None when they are not sound: the old ones stay.
    pub manners: Option<Manners>,
}

/// Reads the fleet and whatever goes with it.
pub type Reader = Box<dyn FnMut() -> Reading + Send>;

/// Runs until SIGTERM or SIGINT. Errors are sentences for the operator.
pub fn run(options: &Options, reader: Reader, door: Door) -> anyhow::Result<ExitCode> {
    // Asked first: without files the runtime cannot even say so.
    transport::raise_nofile(LEAST_FILES).map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BUILDERS)
        .build()
        .context("can't start the runtime")?;
    runtime.block_on(serve(options, reader, door))
}

/// The fleet was read; the reader comes back with what it found, or without when it met a fault of ours.
struct Read {
    reader: Reader,
    reading: Option<Reading>,
    force: bool,
}

struct Node {
    pilot: Pilot,
    /// Away while it reads.
    reader: Option<Reader>,
    /// It is to read again as soon as it is back, and whether that may take much away.
    read_again: Option<bool>,
    read: mpsc::UnboundedSender<Read>,
    places: Arc<places::Options>,
    texts: Texts,
    slot: Arc<Slot>,
    status: Arc<Status>,
    /// Queries are answered.
    serving: bool,
    notify: Notify,
    watch: Watch,
    control: Control,
    rounds: Rounds,
    store_problems: Vec<Problem>,
    /// Of what is read besides the fleet.
    file_problems: Vec<Problem>,
    /// Where to say what came of an import; none where nothing is imported, or no more.
    import: Option<mpsc::UnboundedSender<Imported>>,
    /// The fleet's file was read and is sound, so that it can be imported.
    is_read: bool,
    /// It went into an import that failed: what changes next has all of it read again.
    is_unread: bool,
    /// What was read is on its way into the store; a fleet that is read meanwhile comes too late.
    importing: bool,
    was_late: bool,
    /// Files whose change means that the whole fleet is read again.
    fleet_files: Vec<PathBuf>,
    /// Files that are read with it.
    files: Vec<PathBuf>,
    /// Snapshots that queries may still be reading; they are freed here and nowhere else.
    retired: Vec<Arc<Snapshot>>,
    tidy: Tidy,
    events: mpsc::UnboundedSender<Event>,
    /// The pilot knows what `tell` has not told yet.
    untold: bool,
    told: HashSet<String>,
    told_edition: u64,
}

async fn serve(options: &Options, reader: Reader, door: Door) -> anyhow::Result<ExitCode> {
    // First of all: a signal that nobody waits for ends the process.
    let mut hangup = signal(SignalKind::hangup())?;
    let mut force = signal(SignalKind::user_defined1())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let certificate = options.certificate.clone().map(Certificate::load).transpose()?;
    let bound = transport::bind(&options.transport)?;
    let listener = tokio::net::TcpListener::bind(options.admin)
        .await
        .map_err(|error| anyhow!("[admin].listen: {}", transport::BindError::api(options.admin, error)))?;
    let admin_address = listener.local_addr().context("the admin socket has no address")?;
    let status = Arc::new(Status::starting());
    let (stop_admin, stopped) = watch::channel(false);
    let (events, mut inbox) = mpsc::unbounded_channel();
    let (read, mut readings) = mpsc::unbounded_channel();
    let Door { control, mut posts, slot, problems, afterwards } = door;
    let admin_door = admin::Door::new(control.clone(), Arc::clone(&status), stopped.clone()).secured(certificate);
    let api = Api::new()?;
    let admin = api.spawn(admin::serve(listener, admin_door, stopped));
    let texts = control.clone();
    let (imported, mut imports) = mpsc::unbounded_channel();
    let (heard, mut hearings) = mpsc::unbounded_channel();
    let mut node = Node {
        rounds: Rounds::begin(options, heard)?,
        texts: Arc::new(move |zone| texts.stored_text(zone)),
        control,
        store_problems: problems,
        file_problems: Vec::new(),
        import: options.imports.then_some(imported),
        is_read: false,
        is_unread: false,
        importing: false,
        was_late: false,
        pilot: Pilot::new(Health::new(options.seed, health::recall(&options.data))),
        reader: Some(reader),
        read_again: None,
        read,
        places: Arc::new(options.places.clone()),
        slot: Arc::clone(&slot),
        status,
        serving: false,
        notify: Notify::from_environment(),
        watch: Watch::default(),
        fleet_files: options.fleet_files.clone(),
        files: options.files.clone(),
        retired: Vec::new(),
        tidy: Tidy::default(),
        events,
        untold: false,
        told: HashSet::new(),
        told_edition: 0,
    };
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut batch, mut heard) = (Vec::new(), Vec::new());
    // Before anything is read, so that no change is missed.
    node.watch();
    // Both take long, and neither needs the other.
    node.read_all(false);
    while !node.pilot.has_started() {
        tokio::select! {
            _ = inbox.recv_many(&mut batch, BATCH) => node.handle(std::mem::take(&mut batch)),
            _ = hearings.recv_many(&mut heard, BATCH) => node.hear(std::mem::take(&mut heard)),
            () = tokio::time::sleep(node.pause()) => node.hear(Vec::new()),
            Some(read) = readings.recv() => node.take(read),
            Some(post) = posts.recv() => node.post(post),
            _ = look.tick() => node.tell(),
            _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
            _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
        }
    }
    let state = node.pilot.state();
    // With a store it can be mended while it runs: by the API.
    if state.sound == 0 && node.control.is_files() {
        tracing::error!("nothing can be served: no zone of the fleet is sound; mend the problems above and start again");
        return Ok(ExitCode::from(2));
    }
    let addresses = bound.addresses();
    let running = bound.serve(slot, &tokio::runtime::Handle::current()).context(
        "can't start all threads that answer; lower [dns].workers, or raise the limit of threads (TasksMax= in systemd, ulimit -u)",
    )?;
    node.status.counts_by(running.counting());
    node.serving = true;
    node.control.start(Some(node.pilot.plan())).map_err(anyhow::Error::msg)?;
    node.import();
    node.tidy.stir(clock::now().mono_ms);
    node.untold = true;
    node.told_edition = state.edition;
    node.tell();
    tracing::info!(zones = state.sound, broken = state.broken.len(), records = state.records, admin = %admin_address, "answering on {}", list(&addresses));
    node.notify.ready(&format!("answering for {} zones", state.sound));
    if let Some(afterwards) = afterwards {
        // On a thread that nobody waits for: what it finds is only told, and a node that is to stop stops.
        let begun = std::thread::Builder::new().name("afterwards".into()).spawn(|| {
            afterwards();
            Tidy::work();
        });
        if let Err(error) = begun {
            tracing::warn!(%error, "can't start the thread that looks whether files and store are the same");
        }
    }

    loop {
        tokio::select! {
            _ = inbox.recv_many(&mut batch, BATCH) => node.handle(std::mem::take(&mut batch)),
            _ = hearings.recv_many(&mut heard, BATCH) => node.hear(std::mem::take(&mut heard)),
            () = tokio::time::sleep(node.pause()) => node.hear(Vec::new()),
            Some(read) = readings.recv() => node.take(read),
            Some(post) = posts.recv() => node.post(post),
            Some(imported) = imports.recv() => node.imported(imported),
            _ = hangup.recv() => node.read_all(false),
            _ = force.recv() => node.read_all(true),
            _ = look.tick() => node.look(),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    // Whoever still asks is told, and does not wait.
    drop(posts);
    node.leave_health().await;
    tracing::info!("stopping: answering what was received");
    node.notify.stopping();
    node.status.draining();
    let drained = running.drain(DRAIN).await;
    if drained.cut > 0 {
        tracing::warn!(connections = drained.cut, "cut TCP connections that did not end in time");
    }
    stop_admin.send_replace(true);
    let _ = admin.await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

impl Node {
    fn handle(&mut self, events: Vec<Event>) {
        if events.iter().any(is_large) {
            self.tidy.stir(clock::now().mono_ms);
        }
        let actions = self.pilot.handle_all(clock::now(), events);
        self.perform(actions);
        // A zone that was mended may have been the last thing in the way.
        self.import();
        self.untold = true;
        // With thousands of zones under way, telling after each would take longer than they do: `look` tells in between.
        if self.pilot.is_idle() {
            self.tell();
        }
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Build(job) => self.build(job),
                Action::Survey(ticket) => self.survey(ticket),
                Action::Chart(sketch) => self.chart(sketch),
                Action::Publish(snapshot) => {
                    tracing::debug!(generation = snapshot.generation, "published");
                    let old = self.slot.store(snapshot);
                    self.retired.push(old);
                    self.untold = true;
                }
                Action::Ask(errands) => self.rounds.ask(errands),
                Action::Watch(watching) => self.rounds.watch(watching),
                Action::Turned(turns) => {
                    self.rounds.is_stale = true;
                    self.control.turned(&turns);
                }
            }
        }
    }

    fn build(&self, job: Job) {
        let (events, texts) = (self.events.clone(), Arc::clone(&self.texts));
        tokio::task::spawn_blocking(move || {
            // The pilot waits for every build, also for one that meets a fault of ours.
            let compiled = catch_unwind(AssertUnwindSafe(|| compile(&job, &texts))).unwrap_or_else(|_| fault(&job));
            // Nobody listens any more when the node is stopping.
            let _ = events.send(Event::Built { zone: job.plan.name.clone(), ticket: job.ticket, compiled });
        });
    }

    fn survey(&self, ticket: u64) {
        let (events, options) = (self.events.clone(), Arc::clone(&self.places));
        tokio::task::spawn_blocking(move || {
            let survey = catch_unwind(|| places::survey(&options)).unwrap_or_else(|_| places::fault(&options));
            let _ = events.send(Event::Surveyed { ticket, survey: Box::new(survey) });
        });
    }

    fn chart(&self, sketch: Sketch) {
        let events = self.events.clone();
        tokio::task::spawn_blocking(move || {
            // Without a chart answers are the same, so a fault here costs time only.
            let chart = catch_unwind(|| Chart::new(&sketch.geometry, &sketch.guide)).unwrap_or_default();
            let _ = events.send(Event::Charted { ticket: sketch.ticket, chart });
        });
    }

    fn read_all(&mut self, force: bool) {
        if !self.places.databases.is_empty() {
            self.handle(vec![Event::Moved]);
        }
        self.reload(force);
    }

    /// Starts reading the fleet: a large one takes a second, and nothing waits for it.
    fn reload(&mut self, force: bool) {
        let Some(mut reader) = self.reader.take() else {
            self.read_again = Some(self.read_again.unwrap_or(false) || force);
            return;
        };
        if self.pilot.has_started() {
            match self.control.is_files() {
                true => tracing::info!(force, "reading fleet and zones again"),
                false => tracing::info!("reading databases and secrets again; the fleet is the store's, and changed by `meridian apply`"),
            }
            self.notify.reloading(None);
        }
        let read = self.read.clone();
        tokio::task::spawn_blocking(move || {
            let reading = catch_unwind(AssertUnwindSafe(&mut reader)).ok();
            let _ = read.send(Read { reader, reading, force });
        });
    }

    fn take(&mut self, Read { reader, reading, force }: Read) {
        self.reader = Some(reader);
        self.take_reading(reading.unwrap_or_else(unread), force);
        if let Some(force) = self.read_again.take() {
            self.reload(force);
        }
    }

    fn take_reading(&mut self, reading: Reading, force: bool) {
        let mut events: Vec<Event> = reading.manners.map(Event::Manners).into_iter().collect();
        let mut read = None;
        let is_late = |fleet: &FleetRead| fleet.json.is_some() && (self.importing || !self.control.is_files());
        let is_late = reading.fleet.as_ref().is_some_and(is_late);
        self.was_late |= is_late;
        match reading.fleet.filter(|_| !is_late) {
            Some(FleetRead { plan, json }) => {
                read = json.map(|json| (json, Arc::clone(&plan.fleet)));
                events.push(Event::Plan { plan, problems: reading.problems, force });
            }
            None if is_late => {}
            None => self.file_problems = reading.problems,
        }
        let mut actions = self.pilot.handle_all(clock::now(), events);
        // One with errors is not taken.
        if let Some((json, fleet)) = read.filter(|(_, fleet)| Arc::ptr_eq(fleet, self.pilot.fleet()) && self.control.is_files()) {
            self.control.take_files(Ledger::of_file(json, fleet));
            (self.is_read, self.is_unread) = (true, false);
        }
        actions.extend(self.pilot.handle(clock::now(), Event::Wishes(self.control.wishes())));
        // Watched before they are read, so that no change is missed.
        self.watch();
        self.perform(actions);
        self.import();
        self.untold = true;
        self.tell();
        if self.serving {
            self.notify.ready("reading fleet and zones again");
        }
    }

    fn post(&mut self, post: control::Post) {
        match post {
            control::Post::Events { events, done } => {
                if events.iter().any(is_large) {
                    self.tidy.stir(clock::now().mono_ms);
                }
                let actions = self.pilot.handle_all(clock::now(), events);
                self.perform(actions);
                self.untold = true;
                self.tell();
                // Whoever asked may have gone.
                let _ = done.send(self.pilot.generation());
            }
            control::Post::Beats => {
                let actions = self.pilot.handle_all(clock::now(), self.control.beats());
                // Most change nothing, and a thousand may come in a second: `look` tells.
                self.untold |= !actions.is_empty();
                self.perform(actions);
            }
            control::Post::Health { panels, done } => {
                let _ = done.send(match panels {
                    None => self.views(None),
                    Some(panels) => panels.iter().flat_map(|panel| self.views(Some(panel))).collect(),
                });
            }
        }
    }

    fn look(&mut self) {
        // What becomes due by itself.
        let due = self.pilot.handle_all(clock::now(), []);
        if !due.is_empty() {
            self.perform(due);
            self.untold = true;
        }
        self.retired.retain(|snapshot| Arc::strong_count(snapshot) > 1);
        self.note_health();
        self.tell();
        if !self.importing && self.pilot.is_idle() && self.reader.is_some() && self.tidy.is_due(clock::now().mono_ms) {
            Tidy::begin();
        }
        let changed: HashSet<PathBuf> = self.watch.look().into_iter().collect();
        if changed.is_empty() {
            return;
        }
        let mut events = Vec::new();
        if changed.iter().any(|file| self.places.databases.contains(file)) {
            tracing::info!("a database of places has changed, reading them again");
            events.push(Event::Moved);
        }
        if self.is_unread || changed.iter().any(|file| self.fleet_files.contains(file) || self.files.contains(file)) {
            self.handle(events);
            return self.reload(false);
        }
        let is_touched = |files: &[String]| files.iter().any(|file| changed.contains(Path::new(file)));
        let zones: Vec<Name> = self.pilot.files().filter(|(_, files)| is_touched(files)).map(|(name, _)| name.clone()).collect();
        if !zones.is_empty() {
            tracing::info!(zones = zones.len(), files = changed.len(), "files have changed, reading their zones again");
            events.push(Event::Touched { zones, force: false });
        }
        self.handle(events);
    }

    /// The files of the fleet and of every zone, as they are known now.
    fn watch(&mut self) {
        let zone_files = self.pilot.files().flat_map(|(_, files)| files.iter().map(PathBuf::from));
        self.watch.set(self.fleet_files.iter().chain(&self.files).chain(&self.places.databases).cloned().chain(zone_files));
    }

    /// Brings what the pilot knows to the log, the status page and the watch.
    fn tell(&mut self) {
        if !std::mem::take(&mut self.untold) {
            return;
        }
        self.watch();
        let mut state = self.pilot.state();
        state.problems.splice(0..0, self.store_problems.iter().chain(&self.file_problems).cloned());
        let mut told = HashSet::new();
        for problem in &state.problems {
            let text = problem.to_string();
            if !self.told.contains(&text) && !told.contains(&text) {
                if problem.is_error() { tracing::error!("{text}") } else { tracing::warn!("{text}") }
            }
            told.insert(text);
        }
        self.told = told;
        if self.serving && state.edition != self.told_edition {
            self.told_edition = state.edition;
            tracing::info!(
                generation = state.generation,
                zones = state.sound,
                broken = state.broken.len(),
                records = state.records,
                "serving"
            );
        }
        let mut problems: Vec<String> = state.problems.iter().take(MAX_TOLD).map(ToString::to_string).collect();
        if let Some(more) = state.problems.len().checked_sub(MAX_TOLD).filter(|more| *more > 0) {
            problems.push(format!("and {more} more; `meridian check` names them all"));
        }
        let served = Served {
            edition: state.edition,
            zones: state.sound,
            broken: state.broken.len(),
            records: state.records,
            problems: state.problems.len(),
        };
        self.control.tell(Told { is_ready: self.serving, generation: state.generation, problems: problems.clone(), served });
        self.status.set(Readiness { ready: self.serving, generation: state.generation, problems });
        if self.serving {
            self.notify.status(&format!("answering for {} zones, {} problems", state.sound, state.problems.len()));
        }
    }
}

/// What was there before it may have been large.
fn is_large(event: &Event) -> bool {
    matches!(event, Event::Plan { .. } | Event::Replaced { .. } | Event::Built { .. } | Event::Surveyed { .. } | Event::Charted { .. })
}

/// Gives the text of a zone that is kept in the store. Errors are sentences.
pub type Texts = Arc<dyn Fn(&Name) -> Result<Vec<u8>, String> + Send + Sync>;

fn compile(job: &Job, texts: &Texts) -> compile::zone::Compiled {
    compile_plan(&job.plan, texts)
}

/// Reads and compiles one zone.
pub fn compile_plan(plan: &ZonePlan, texts: &Texts) -> compile::zone::Compiled {
    let shown = plan.source.shown(&plan.name);
    let (text, path, serial) = match &plan.source {
        Source::File(path) => (files::read(path), Some(path), None),
        Source::Text(text) => (Ok(text.as_bytes().to_vec()), None, None),
        Source::Stored { serial, .. } => (texts(&plan.name), None, *serial),
    };
    match text {
        Ok(text) => {
            let mut includes = path.map_or_else(Includes::none, |path| Includes::of(path));
            let mut compiled = compile::zone::zone_shown_as(&plan.name, &shown, text, &mut includes, &plan.steered, serial);
            compiled.files.append(&mut includes.refused);
            compiled
        }
        Err(why) => {
            let problem = Problem::error(&shown, 0, why).at(format!("zone {}", plan.name));
            compile::zone::Compiled { zone: None, problems: vec![problem], files: vec![shown] }
        }
    }
}

/// For those who read files and nothing else.
pub fn no_texts() -> Texts {
    Arc::new(|_| Err("its records are in a store, and none is open".into()))
}

/// What is read when reading itself goes wrong: an error, so that a fleet in use stays, and a node that starts says so and ends.
fn unread() -> Reading {
    let problem = Problem::error("", 0, "reading the fleet met a fault of meridian's own; please report it with the fleet's file");
    Reading { fleet: Some(FleetRead { plan: Plan::default(), json: None }), problems: vec![problem], manners: None }
}

fn fault(job: &Job) -> compile::zone::Compiled {
    let shown = job.plan.source.shown(&job.plan.name);
    let problem = Problem::error(&shown, 0, "compiling it met a fault of meridian's own; please report it with this file");
    compile::zone::Compiled { zone: None, problems: vec![problem.at(format!("zone {}", job.plan.name))], files: vec![shown] }
}

/// Compiles a zone the way the node would, for `check`.
pub fn compile_once(plan: &ZonePlan) -> compile::zone::Compiled {
    compile_plan(plan, &no_texts())
}

fn list(addresses: &[SocketAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
