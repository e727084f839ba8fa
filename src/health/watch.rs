//! What is learnt of a panel's way with idle connections.

use std::time::Duration;

/// So many closed without a reason are a habit.
const HABIT: u32 = 3;
/// Replacing connections more often than this costs more than it tells.
const SHORTEST_MS: u64 = 5_000;
/// A panel that closes them sooner is left alone for so long: it may be another server by then.
const LEFT_ALONE_MS: u64 = 3_600_000;
/// After one could not be opened, the next attempt waits.
const RETRY_MS: u64 = 10_000;

#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    /// The check allows it, and no other of the panel's checks watches the same port.
    pub(super) is_allowed: bool,
    state: State,
    not_before_ms: u64,
    /// How long the last one had lived that broke, until it is known why.
    broke: Option<u64>,
    innocents: u32,
    shortest_ms: Option<u64>,
    renew_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Off,
    Opening,
    Open,
}

impl Watch {
    /// The panel has answered well: true if a connection is to be opened, replaced before it gets as old as that.
    pub(super) fn answered(&mut self, now_ms: u64) -> Option<Option<Duration>> {
        if let Some(lived_ms) = self.broke.take() {
            self.was_innocent(lived_ms, now_ms);
        }
        if !self.is_allowed || self.state != State::Off || now_ms < self.not_before_ms {
            return None;
        }
        self.state = State::Opening;
        Some(self.renew_ms.map(Duration::from_millis))
    }

    /// The panel failed: what broke had its reason.
    pub(super) fn failed(&mut self) {
        self.broke = None;
    }

    pub(super) fn opened(&mut self) {
        self.state = State::Open;
    }

    pub(super) fn broke(&mut self, lived: Duration) {
        self.state = State::Off;
        self.broke = Some(u64::try_from(lived.as_millis()).unwrap_or(u64::MAX));
    }

    pub(super) fn given_up(&mut self, now_ms: u64) {
        self.state = State::Off;
        self.not_before_ms = now_ms + RETRY_MS;
    }

    /// True: there is one to be closed.
    pub(super) fn end(&mut self) -> bool {
        std::mem::take(&mut self.state) != State::Off
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// It broke, and the panel serves.
    fn was_innocent(&mut self, lived_ms: u64, now_ms: u64) {
        self.innocents += 1;
        self.shortest_ms = Some(self.shortest_ms.unwrap_or(u64::MAX).min(lived_ms));
        if self.innocents < HABIT {
            return;
        }
        let shortest_ms = self.shortest_ms.take().unwrap_or_default();
        self.innocents = 0;
        if shortest_ms < SHORTEST_MS {
            self.not_before_ms = now_ms + LEFT_ALONE_MS;
            self.renew_ms = None;
        } else {
            self.renew_ms = Some(shortest_ms / 4 * 3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watching() -> Watch {
        Watch { is_allowed: true, ..Watch::default() }
    }

    /// Opened, closed by the panel after `lived_ms`, and the panel answers: whether the next is opened.
    fn closed(watch: &mut Watch, lived_ms: u64, now_ms: u64) -> Option<Option<Duration>> {
        watch.opened();
        watch.broke(Duration::from_millis(lived_ms));
        watch.answered(now_ms)
    }

    #[test]
    fn closing_by_habit_is_learnt() {
        let mut watch = watching();
        assert_eq!(watch.answered(0), Some(None));
        assert_eq!(watch.answered(0), None, "it is being opened");
        assert_eq!((closed(&mut watch, 60_000, 1), closed(&mut watch, 61_000, 2)), (Some(None), Some(None)));
        assert_eq!(closed(&mut watch, 60_000, 3), Some(Some(Duration::from_secs(45))));
    }

    #[test]
    fn who_closes_at_once_is_left_alone_for_an_hour() {
        let mut watch = watching();
        watch.answered(0);
        assert_eq!(
            (closed(&mut watch, 9, 1).is_some(), closed(&mut watch, 90_000, 2).is_some(), closed(&mut watch, 9, 3)),
            (true, true, None)
        );
        assert_eq!((watch.answered(3_600_002), watch.answered(3_600_003)), (None, Some(None)));
    }

    #[test]
    fn a_connection_that_broke_for_a_reason_teaches_nothing() {
        let mut watch = watching();
        watch.answered(0);
        for n in 0..10 {
            watch.opened();
            watch.broke(Duration::from_millis(1));
            watch.failed();
            assert_eq!(watch.answered(n), Some(None));
        }
    }

    #[test]
    fn what_could_not_be_opened_is_tried_again_later() {
        let mut watch = watching();
        watch.answered(0);
        watch.given_up(5);
        assert_eq!((watch.answered(10_004), watch.answered(10_005)), (None, Some(None)));
        assert!(watch.end() && !watch.end());
        assert_eq!(Watch::default().answered(0), None);
    }
}
