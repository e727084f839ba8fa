//! Memory that starting, importing or reading anew has used goes back to the system.

use crate::transport;

/// What is freed comes in pieces: nothing is given back before it has been quiet for so long.
const QUIET_MS: u64 = 2_000;
/// Walking all of the heap costs milliseconds, so zones that change all the time do not bring it about more often.
const APART_MS: u64 = 60_000;

#[derive(Debug, Default)]
pub(super) struct Tidy {
    /// Something large was replaced, first and last at these times.
    stirred_ms: Option<(u64, u64)>,
    done_ms: Option<u64>,
}

impl Tidy {
    /// Something large was made, and what it was made from is freed, or will be.
    pub(super) fn stir(&mut self, now_ms: u64) {
        self.stirred_ms = Some((self.stirred_ms.map_or(now_ms, |(first, _)| first), now_ms));
    }

    /// True once, when it is time.
    pub(super) fn is_due(&mut self, now_ms: u64) -> bool {
        // Where it is never quiet it is time all the same.
        let is_quiet = self.stirred_ms.is_some_and(|(first, last)| last + QUIET_MS <= now_ms || first + APART_MS <= now_ms);
        let is_due = is_quiet && self.done_ms.is_none_or(|at| at + APART_MS <= now_ms);
        if is_due {
            (self.stirred_ms, self.done_ms) = (None, Some(now_ms));
        }
        is_due
    }

    /// Beside the loop: nobody waits for it.
    pub(super) fn begin() {
        tokio::task::spawn_blocking(Self::work);
    }

    pub(super) fn work() {
        transport::return_free_pages();
        transport::return_program_pages();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_for_quiet_and_does_not_come_back_soon() {
        let mut tidy = Tidy::default();
        assert!(!tidy.is_due(10_000), "nothing was stirred");
        tidy.stir(10_000);
        tidy.stir(11_000);
        assert_eq!([11_999, 12_999, 13_000, 13_001].map(|now_ms| tidy.is_due(now_ms)), [false, false, true, false]);
        tidy.stir(14_000);
        assert_eq!([16_000, 72_999, 73_000, 200_000].map(|now_ms| tidy.is_due(now_ms)), [false, false, true, false]);
        let due: Vec<u64> = (300..400)
            .map(|second| second * 1000)
            .filter(|now_ms| {
                tidy.stir(*now_ms);
                tidy.is_due(*now_ms)
            })
            .collect();
        assert_eq!(due, [360_000], "never quiet");
    }
}
