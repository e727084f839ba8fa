//! Whether this side keeps up: what comes too late to be heard is no fault of a panel's.

use crate::clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Short beside any timeout.
const BEAT_MS: u64 = 50;

#[derive(Debug)]
pub(super) struct Pulse {
    /// When it last beat, and how much later than it should have in all.
    beat_ms: AtomicU64,
    late_ms: AtomicU64,
}

impl Pulse {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { beat_ms: AtomicU64::new(now_ms), late_ms: AtomicU64::new(0) }
    }

    pub(super) async fn run(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_millis(BEAT_MS)).await;
            self.beat(clock::now().mono_ms);
        }
    }

    fn beat(&self, now_ms: u64) {
        self.late_ms.store(self.late_ms(now_ms), Relaxed);
        self.beat_ms.store(now_ms, Relaxed);
    }

    /// All lateness until now, also that which still lasts. Being late by a beat is nothing.
    pub(super) fn late_ms(&self, now_ms: u64) -> u64 {
        let since_ms = now_ms.saturating_sub(self.beat_ms.load(Relaxed));
        let late_ms = if since_ms > 2 * BEAT_MS { since_ms - BEAT_MS } else { 0 };
        self.late_ms.load(Relaxed) + late_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_really_late_counts_and_at_once() {
        let pulse = Pulse::new(1000);
        for now_ms in [1050, 1110, 1205] {
            pulse.beat(now_ms);
            assert_eq!(pulse.late_ms(now_ms), 0);
        }
        assert_eq!((pulse.late_ms(1305), pulse.late_ms(2205)), (0, 950));
        pulse.beat(2205);
        assert_eq!((pulse.late_ms(2205), pulse.late_ms(2255), pulse.late_ms(3205)), (950, 950, 1900));
    }
}
