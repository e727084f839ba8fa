//! One errand: asked, timed, and put into a report.

use super::client::Client;
use super::sentence::{of_io, span};
use super::tls::Trust;
use super::{api, dial, hls, http};
use crate::clock;
use crate::fleet::CheckKind;
use crate::health::{Errand, Live, Outcome, Report};
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

/// What was found where nothing is bad.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Findings {
    /// Sentences on what wants to be looked at.
    pub(super) weak: Vec<String>,
    pub(super) stream_start: Option<Duration>,
    pub(super) live: Option<Live>,
}

/// Since when, how long, and what is waited for: it says what was missing when the time is over.
#[derive(Debug)]
pub(super) struct Progress {
    begun_ms: u64,
    pub(super) timeout: Duration,
    step: AtomicU8,
    /// Which of several requests it is about; empty where there is one.
    about: Mutex<String>,
}

#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Step {
    Connect,
    Secure,
    Ask,
    Read,
}

const MISSED: [&str; 4] = ["no connection", "no TLS handshake", "no answer", "the answer was not complete"];

impl Progress {
    pub(super) fn begin(timeout: Duration) -> Self {
        Self { begun_ms: clock::now().mono_ms, timeout, step: AtomicU8::new(Step::Connect as u8), about: Mutex::default() }
    }

    pub(super) fn step(&self, step: Step) {
        self.step.store(step as u8, Relaxed);
    }

    pub(super) fn about(&self, what: &str) {
        what.clone_into(&mut self.about.lock());
    }

    pub(super) fn gone(&self) -> Duration {
        Duration::from_millis(clock::now().mono_ms.saturating_sub(self.begun_ms))
    }

    fn late(&self) -> Outcome {
        let about = self.about.lock();
        let colon = if about.is_empty() { "" } else { ": " };
        Outcome::Bad(format!("{about}{colon}{} within {}", MISSED[usize::from(self.step.load(Relaxed))], span(self.timeout)))
    }
}

pub(super) async fn run(errand: &Errand, trust: &Trust) -> Report {
    let timeout = errand.check.kind.asking().map_or(Duration::ZERO, |asking| asking.timeout);
    let progress = Progress::begin(timeout);
    let found = tokio::time::timeout(timeout, look(errand, trust, &progress)).await.unwrap_or_else(|_| Err(progress.late()));
    let took = progress.gone();
    match found {
        Ok(Findings { mut weak, stream_start, live }) => {
            weak.extend(slow(errand, stream_start.unwrap_or(took)));
            let outcome = if weak.is_empty() { Outcome::Good } else { Outcome::Weak(weak.join("; ")) };
            Report { outcome, took, stream_start, live }
        }
        Err(outcome) => Report { outcome, took, stream_start: None, live: None },
    }
}

async fn look(errand: &Errand, trust: &Trust, progress: &Progress) -> Result<Findings, Outcome> {
    let client = |request| Client::new(errand, request, trust, progress);
    match &errand.check.kind {
        CheckKind::Heartbeat => {
            debug_assert!(false, "nobody is sent where the panel reports by itself");
            Err(Outcome::Unasked("the panel reports by itself".into()))
        }
        CheckKind::Tcp { port, .. } => match dial::knock(SocketAddr::new(errand.address, *port)).await {
            Ok(()) => Ok(Findings::default()),
            Err(error) => Err(of_io(&error)),
        },
        CheckKind::Http { request, expect, .. } => http::check(client(request)?, expect).await,
        CheckKind::Hls { request, .. } => hls::check(client(request)?).await,
        CheckKind::PanelApi { request, user, password, .. } => api::check(client(request)?, user, password).await,
    }
}

fn slow(errand: &Errand, took: Duration) -> Option<String> {
    let latency = errand.check.kind.request()?.latency.filter(|latency| took > *latency)?;
    Some(format!("slow: {} instead of at most {}", span(took), span(latency)))
}
