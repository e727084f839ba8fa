//! Panels' health between those who ask, the pilot, and the disk.

use super::{LEAST_FILES, Node, data};
use crate::clock;
use crate::document::Network;
use crate::fleet::Check;
use crate::health::{Errand, Memory, Outcome, PanelView, Report, Target, Watching};
use crate::pilot::Event;
use crate::probe::{Heard, Options, Prober};
use crate::transport;
use anyhow::Context;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// In the node's own directory.
const FILE: &str = "health";
/// Sockets of checks at once: ten thousand panels are asked every five seconds, and one that does not answer holds one for seconds.
const CHECKS: usize = 4096;
/// Idle connections at once: two for each of ten thousand panels.
const VIGILS: usize = 20_000;
/// Without any file to spare there are still so many: what checks a panel is worth more than an idle client.
const LEAST_CHECKS: usize = 16;
/// Ten thousand panels with a bad month each take a fraction of it.
const LARGEST: u64 = 1 << 30;
/// Last-known health is written at most so often.
const WRITE_MS: u64 = 1000;
/// And at least so often: what is older is not known for sure by the next run.
const WRITE_LEAST_MS: u64 = 60_000;
/// Somebody looks at what is due at least so often.
const LONGEST: Duration = Duration::from_secs(1);

/// Those who ask, and what was known before.
pub(super) struct Rounds {
    prober: Prober,
    networks: Vec<Network>,
    /// What is said of those that nobody may ask.
    heard: mpsc::UnboundedSender<Heard>,
    /// What is being asked.
    asked: HashMap<Target, Arc<Check>>,
    file: PathBuf,
    /// Something turned since it was last written.
    pub(super) is_stale: bool,
    written_ms: u64,
    /// The writing that is under way.
    writing: Option<tokio::task::JoinHandle<()>>,
}

impl Rounds {
    pub(super) fn begin(options: &super::Options, heard: mpsc::UnboundedSender<Heard>) -> anyhow::Result<Self> {
        // What the rest of the node may want. Where there are too few files for all, checks and watches have a quarter each.
        let others = options.transport.tcp.connections as u64 + LEAST_FILES;
        let wanted = others + (CHECKS + VIGILS) as u64;
        let files = transport::raise_nofile(wanted).or_else(|_| transport::raise_nofile(0)).unwrap_or(others);
        let spare = usize::try_from(files.saturating_sub(others)).unwrap_or(usize::MAX);
        // Clients seldom take all they may.
        let fair = usize::try_from(files / 4).unwrap_or(usize::MAX);
        let concurrency = CHECKS.min(fair.max(spare / 2)).max(LEAST_CHECKS);
        let limits = Options { concurrency, vigils: VIGILS.min(fair.max(spare.saturating_sub(concurrency))) };
        let prober = Prober::start(limits, heard.clone()).context("can't start the threads of health checks")?;
        let (networks, file) = (options.networks.clone(), options.data.join(FILE));
        Ok(Self { prober, networks, heard, asked: HashMap::new(), file, is_stale: false, written_ms: 0, writing: None })
    }

    pub(super) fn ask(&mut self, errands: Vec<Errand>) {
        for errand in errands {
            if !self.networks.iter().any(|network| network.contains(errand.address)) {
                let outcome = Outcome::Unasked("not in [health].networks".into());
                let report = Report { outcome, took: Duration::ZERO, stream_start: None, live: None };
                // The node listens for as long as it asks.
                let _ = self.heard.send(Heard::Report { target: errand.target, report });
                continue;
            }
            self.asked.insert(errand.target, Arc::clone(&errand.check));
            self.prober.ask(errand);
        }
    }

    pub(super) fn watch(&self, watching: Vec<Watching>) {
        for watching in watching {
            match watching {
                Watching::Begin(vigil) => self.prober.watch(vigil),
                Watching::End(target) => self.prober.unwatch(target),
            }
        }
    }
}

/// What the last run knew. A file that is not understood is as good as none.
pub(super) fn recall(data: &Path) -> Option<Memory> {
    let path = data.join(FILE);
    let read = || {
        let about = std::fs::metadata(&path)?;
        // To open a pipe would wait for a writer.
        if !about.is_file() || about.len() > LARGEST {
            return Err(std::io::Error::other("it is no regular file of a size that it can have"));
        }
        std::fs::read_to_string(&path)
    };
    match read() {
        Ok(text) => {
            let memory = Memory::read(&text);
            if memory.is_none() {
                tracing::warn!("{} is not understood: panels are judged as if this were the first start", path.display());
            }
            memory
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!("{} cannot be read ({error}): panels are judged as if this were the first start", path.display());
            None
        }
    }
}

impl Node {
    /// What probes have heard.
    pub(super) fn hear(&mut self, heard: Vec<Heard>) {
        let mut events = Vec::with_capacity(heard.len());
        let mut checked = Vec::new();
        for heard in heard {
            events.push(match heard {
                Heard::Report { target, report } => {
                    if let Some(check) = self.rounds.asked.remove(&target) {
                        checked.push((check, report.clone()));
                    }
                    Event::Reported { target, report }
                }
                Heard::Watching { target } => Event::Watching(target),
                Heard::Broken { target, lived } => Event::Broken { target, lived },
                Heard::Unwatched { target } => Event::Unwatched(target),
            });
        }
        // Most reports change nothing, and thousands come in a second: `look` tells.
        let actions = self.pilot.handle_all(clock::now(), events);
        self.perform(actions);
        self.control.checked(checked.iter().map(|(check, report)| (check.name.as_str(), report)));
    }

    /// How long nothing becomes due.
    pub(super) fn pause(&self) -> Duration {
        let Some(due_ms) = self.pilot.due_ms() else { return LONGEST };
        Duration::from_millis(due_ms.saturating_sub(clock::now().mono_ms)).min(LONGEST)
    }

    /// Writes down what is known, when it is time.
    pub(super) fn note_health(&mut self) {
        let now = clock::now();
        let since_ms = now.mono_ms.saturating_sub(self.rounds.written_ms);
        let is_time = since_ms >= WRITE_LEAST_MS || self.rounds.is_stale && since_ms >= WRITE_MS;
        if !is_time || self.rounds.writing.as_ref().is_some_and(|writing| !writing.is_finished()) {
            return;
        }
        (self.rounds.is_stale, self.rounds.written_ms) = (false, now.mono_ms);
        let (text, file) = (self.pilot.written_health(now), self.rounds.file.clone());
        self.rounds.writing = Some(tokio::task::spawn_blocking(move || {
            if let Err(error) = data::replace(&file, text.as_bytes()) {
                tracing::warn!("{}: {error:#}; the next start will know less of panels", file.display());
            }
        }));
    }

    /// The last word, when the node stops.
    pub(super) async fn leave_health(&mut self) {
        if let Some(writing) = self.rounds.writing.take() {
            let _ = writing.await;
        }
        (self.rounds.is_stale, self.rounds.written_ms) = (true, 0);
        self.rounds.written_ms = clock::now().mono_ms.saturating_sub(WRITE_LEAST_MS);
        self.note_health();
        if let Some(writing) = self.rounds.writing.take() {
            let _ = writing.await;
        }
    }

    /// Of one panel, or of all.
    pub(super) fn views(&self, panel: Option<&str>) -> Vec<PanelView> {
        let (health, now) = (self.pilot.health(), clock::now());
        let Some(panel) = panel else { return health.views(now) };
        let as_written = || self.pilot.fleet().panels.iter().find(|known| known.name.eq_ignore_ascii_case(panel));
        health.view(panel, now).or_else(|| health.view(&as_written()?.name, now)).into_iter().collect()
    }
}
