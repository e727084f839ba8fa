//! When a node that did not take a report is tried again.

use super::Trouble;
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
/// Longer, and a node that is back would take its panels for dead.
const LONGEST: Duration = Duration::from_secs(60);
/// A wait is up to so much longer or shorter, that agents which lost a node together do not come back together.
const JITTER: f64 = 0.25;

/// Waits that grow with every failure.
#[derive(Debug, Default)]
pub(super) struct Pace {
    failures: u32,
}

impl Pace {
    pub(super) fn went_well(&mut self) {
        self.failures = 0;
    }

    /// `dice` is from 0 to 1.
    pub(super) fn wait(&mut self, trouble: &Trouble, every: Duration, dice: f64) -> Duration {
        let grown = FIRST.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        let wait = match trouble {
            // A try costs no more than a report does, and a node that starts again should hear from its panels at once.
            Trouble::Unreachable(_) => grown.min(every.clamp(FIRST, LONGEST)),
            Trouble::Busy(_, asked) => grown.max(asked.unwrap_or_default()).min(LONGEST),
            // Somebody must do something first.
            Trouble::Unauthorized(_) | Trouble::Refused(_) => LONGEST,
        };
        wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * dice.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(trouble: &Trouble, every_s: u64) -> Vec<u64> {
        let mut pace = Pace::default();
        (0..8).map(|_| pace.wait(trouble, Duration::from_secs(every_s), 0.5).as_secs()).collect()
    }

    #[test]
    fn waits_grow_as_the_trouble_is() {
        let unreachable = Trouble::Unreachable(String::new());
        assert_eq!(waits(&unreachable, 10), [1, 2, 4, 8, 10, 10, 10, 10]);
        assert_eq!(waits(&unreachable, 300), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waits(&unreachable, 1), [1; 8]);
        let busy = |asked_s: Option<u64>| Trouble::Busy(String::new(), asked_s.map(Duration::from_secs));
        assert_eq!(waits(&busy(None), 10), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waits(&busy(Some(5)), 10), [5, 5, 5, 8, 16, 32, 60, 60]);
        assert_eq!(waits(&busy(Some(86_400)), 10), [60; 8]);
        assert_eq!(waits(&Trouble::Unauthorized(String::new()), 10), [60; 8]);
        assert_eq!(waits(&Trouble::Refused(String::new()), 10), [60; 8]);
    }

    #[test]
    fn waits_begin_anew_after_a_success_and_differ_from_agent_to_agent() {
        let (mut pace, trouble) = (Pace::default(), Trouble::Unreachable(String::new()));
        for _ in 0..100 {
            pace.wait(&trouble, LONGEST, 0.5);
        }
        pace.went_well();
        let wait = |dice| Pace::default().wait(&trouble, LONGEST, dice).as_millis();
        assert_eq!(pace.wait(&trouble, LONGEST, 0.5), FIRST);
        assert_eq!([wait(0.0), wait(1.0), wait(7.0)], [750, 1250, 1250]);
    }
}
