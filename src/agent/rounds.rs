//! One report after the other, each on time.

use super::asking::Asking;
use super::host::Host;
use super::leash::Leash;
use super::{Gauges, Gauging, dice, pause};
use crate::clock;
use std::sync::Arc;
use std::time::Duration;

/// The processor and the line are measured from one reading to the next: the first report comes after this time.
const FIRST_MS: u64 = 1000;
/// When one report is all there is.
pub(super) const ONE: Duration = Duration::from_secs(10);
/// No source may take longer, or more than half of the time between two reports.
const PATIENCE: Duration = Duration::from_secs(2);
/// Reports come up to so much earlier or later, that many agents started together spread out.
const JITTER: f64 = 0.05;

pub(super) struct Rounds {
    host: Host,
    asking: Asking,
    every: Duration,
    due_ms: u64,
}

impl Rounds {
    pub(super) fn new(gauging: &Gauging, every: Duration, leash: Arc<Leash>) -> Self {
        let now_ms = clock::now().mono_ms;
        let host = Host::new(gauging.root.clone(), gauging.interfaces.clone(), now_ms);
        let asking = Asking::new(gauging, PATIENCE.min(every / 2), &leash);
        Self { host, asking, every, due_ms: now_ms + FIRST_MS }
    }

    /// Waits until the next report is due, and measures.
    pub(super) fn next(&mut self) -> Gauges {
        let now_ms = clock::now().mono_ms;
        pause(Duration::from_millis(self.due_ms.saturating_sub(now_ms)));
        let every_ms = self.every.as_millis() as f64 * (1.0 - JITTER + 2.0 * JITTER * dice());
        let now_ms = clock::now().mono_ms;
        // A machine that slept reports once, not for every time it missed.
        self.due_ms = now_ms.max(self.due_ms.saturating_add(every_ms as u64));
        let asked = self.asking.ask();
        let host = self.host.measure(clock::now().mono_ms);
        Gauges { connections: asked.connections, credits: asked.credits, ..host }
    }

    /// What the last report lacked, and why.
    pub(super) fn missing(&self) -> Vec<String> {
        self.host.missing().into_iter().chain(self.asking.missing()).collect()
    }
}
