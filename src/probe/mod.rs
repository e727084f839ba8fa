//! Asking a panel how it is, and noticing when it goes.
//!
//! Owns   a runtime of its own, the connections to panels, what is believed of certificates, the order in which errands wait.
//! Takes  errands and vigils.
//! Gives  one report for each errand, and a word when an idle connection opens or breaks.
//! Never  looks a name up, uses a proxy, leaves the address it was sent to, or judges what a report means for the panel.

mod api;
mod certificate;
mod client;
mod crew;
mod dial;
mod errand;
mod hls;
mod http;
mod media;
mod meter;
pub mod playlist;
mod pulse;
mod sentence;
mod tls;
mod url;
mod vigil;
mod watch;

use crate::health::{Errand, Report, Target, Vigil};
use crew::Crew;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::UnboundedSender;
use watch::Watch;

/// One thread does thousands of checks a second; with two, no TLS handshake holds up the word of a broken connection.
const THREADS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Errands at once; the others wait in the order they came. Each has at most one connection open.
    pub concurrency: usize,
    /// Idle connections at most.
    pub vigils: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Report {
        target: Target,
        report: Report,
    },
    /// The idle connection is open.
    Watching {
        target: Target,
    },
    /// The panel reset or closed the idle connection, is silent on it, or refused its successor; it had lived so long.
    Broken {
        target: Target,
        lived: Duration,
    },
    /// An idle connection could not be opened or was given up on this side: no word on the panel. There is none now.
    Unwatched {
        target: Target,
    },
}

/// At work until it is dropped.
#[derive(Debug)]
pub struct Prober {
    crew: Arc<Crew>,
    watch: Arc<Watch>,
    /// Taken only when it ends.
    runtime: Option<Runtime>,
}

impl Prober {
    pub fn start(options: Options, heard: UnboundedSender<Heard>) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).thread_name("probe").enable_all().build()?;
        let crew = Arc::new(Crew::new(options.concurrency, runtime.handle().clone(), heard.clone()));
        let watch = Arc::new(Watch::new(options.vigils, runtime.handle().clone(), heard));
        Ok(Self { crew, watch, runtime: Some(runtime) })
    }

    /// Its report comes when it comes; this waits for nothing.
    pub fn ask(&self, errand: Errand) {
        self.crew.ask(errand);
    }

    /// In place of what was watched for this target. When this returns, nothing more is heard of that.
    pub fn watch(&self, vigil: Vigil) {
        self.watch.begin(vigil);
    }

    pub fn unwatch(&self, target: Target) {
        self.watch.end(target);
    }
}

/// Ends everything, without waiting for it. What waits is not reported any more.
impl Drop for Prober {
    fn drop(&mut self) {
        self.crew.close();
        self.watch.close();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
