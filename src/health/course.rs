//! One check of one panel at one address: what its reports come to.

use super::report::{Live, Outcome, Report};
use super::view::Verdict;
use crate::fleet::Check;
use std::collections::VecDeque;
use std::time::Duration;

/// Two refused connects so far apart are no accident.
const REFUSED_AGAIN_MS: u64 = 50;
/// A live playlist may stand still for so many target durations, and at least for so long (RFC 8216 §6.3.4; fixed limits gave false alarms).
const STILL_TARGETS: u64 = 3;
const STILL_LEAST_MS: u64 = 6_000;
/// Who names longer segments than anybody makes is not believed.
const LONGEST_TARGET: Duration = Duration::from_secs(60);
/// So many falls in such a time are flapping.
const FLAPPING: usize = 3;
const FLAPPING_MS: u64 = 600_000;
/// No panel is kept away for longer: by then somebody looks at it.
const HOLD_MOST_MS: u64 = 300_000;

#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    pub(super) verdict: Verdict,
    /// Failures that count.
    pub(super) failures: u32,
    /// Successes in a row.
    pub(super) successes: u32,
    /// When the first check began of those failures.
    pub(super) first_failed_ms: Option<u64>,
    /// What is wrong, or was last while failures count.
    pub(super) reason: String,
    /// The last report could say nothing: why.
    pub(super) unasked: bool,
    /// When the successes in a row began.
    run_began_ms: u64,
    /// Newest segment, and since when it is.
    live: Option<(Live, u64)>,
    /// Only known since it is down: a stream that does not move looks well at first sight.
    is_unmoved: bool,
    suspicion: Suspicion,
    /// Falls of the last ten minutes.
    falls: VecDeque<u64>,
    /// How long successes must go on before it returns; 0: it is not held.
    pub(super) hold_ms: u64,
    returned_ms: u64,
}

/// The idle connection broke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Suspicion {
    #[default]
    None,
    Broken,
    /// And the look that followed was answered somehow: a process that ends may close its connections before it stops listening.
    Answered,
    Refused,
}

/// When it is to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// After the check's interval.
    Interval,
    /// So long from now.
    In(u64),
    /// After the interval, and not later than at this time.
    By(u64),
}

impl Course {
    /// One that was judged so by an earlier run.
    pub(super) fn recalled(check: &Check, verdict: Verdict, reason: &str) -> Self {
        let failures = if verdict == Verdict::Down { check.down_after } else { 0 };
        // What was merely wrong with it is found again soon enough.
        let verdict = if verdict == Verdict::Degraded { Verdict::Up } else { verdict };
        let reason = if verdict == Verdict::Down { reason.to_owned() } else { String::new() };
        Self { verdict, failures, reason, ..Self::default() }
    }

    /// The same for a check that was edited.
    pub(super) fn continued(&self) -> Self {
        Self { suspicion: Suspicion::None, ..self.clone() }
    }

    /// Its idle connection broke: what is heard next counts more.
    pub(super) fn suspect(&mut self) {
        // One that was refused already need not be refused twice again.
        if self.verdict != Verdict::Down && self.suspicion != Suspicion::Refused {
            self.suspicion = Suspicion::Broken;
        }
    }

    /// What is heard next tells why the connection broke.
    pub(super) fn is_suspect(&self) -> bool {
        self.suspicion != Suspicion::None
    }

    pub(super) fn clear_hold(&mut self) {
        self.hold_ms = 0;
        self.falls.clear();
    }

    /// When it may return at the earliest, if it is kept away although it answers.
    pub(super) fn held_until_ms(&self) -> Option<u64> {
        (self.verdict == Verdict::Down && self.hold_ms > 0 && self.successes > 0).then(|| self.run_began_ms + self.hold_ms)
    }

    /// It fails, though it is not down for that; or is down and answers again.
    pub(super) fn is_wavering(&self) -> bool {
        match self.verdict {
            Verdict::Down => self.successes > 0,
            _ => self.failures > 0,
        }
    }

    pub(super) fn take(&mut self, check: &Check, began_ms: u64, now_ms: u64, report: &Report) -> Next {
        let suspicion = std::mem::take(&mut self.suspicion);
        self.unasked = matches!(report.outcome, Outcome::Unasked(_));
        let (is_weak, reason) = match &report.outcome {
            Outcome::Unasked(why) => {
                if self.failures == 0 {
                    self.reason.clone_from(why);
                }
                return Next::Interval;
            }
            Outcome::Refused => {
                self.fail(check, began_ms, now_ms, "connection refused".into(), suspicion == Suspicion::Refused);
                if matches!(suspicion, Suspicion::Broken | Suspicion::Answered) && self.verdict != Verdict::Down {
                    self.suspicion = Suspicion::Refused;
                    return Next::In(REFUSED_AGAIN_MS);
                }
                return self.after_failure(check);
            }
            Outcome::Bad(why) => {
                // Of one fault, seen twice in a moment, only the first counts.
                if suspicion != Suspicion::Answered || self.failures == 0 {
                    self.fail(check, began_ms, now_ms, why.clone(), false);
                }
                return self.once_more(suspicion).unwrap_or_else(|| self.after_failure(check));
            }
            Outcome::Barred(why) => {
                // It may well serve, and it may not: only a panel that nothing is known of is given the benefit of the doubt.
                if self.verdict != Verdict::Down {
                    self.verdict = Verdict::Degraded;
                    self.reason.clone_from(why);
                }
                return Next::Interval;
            }
            Outcome::Weak(why) => (true, why.as_str()),
            Outcome::Good => (false, ""),
        };
        let is_known = self.live.is_some();
        let still_until = match self.stillness(report.live, now_ms) {
            Stillness::TooLong(for_ms) => {
                self.fail(check, began_ms, now_ms, format!("the playlist has not moved for {} s", for_ms / 1000), false);
                return self.after_failure(check);
            }
            Stillness::Until(until) => Some(until),
            Stillness::None => None,
        };
        if self.verdict == Verdict::Down && self.is_unmoved {
            // Soon it must have moved, if it does.
            let segment = report.live.map_or(check.interval, |live| live.target.min(check.interval));
            return if is_known { Next::Interval } else { Next::In(millis(segment)) };
        }
        self.succeed(check, began_ms, now_ms, is_weak.then_some(reason));
        if let Some(next) = self.once_more(suspicion) {
            return next;
        }
        // One that failed a moment ago may fail every second time: whoever waits an interval for each failure finds that out late.
        if self.failures > 0 && self.verdict != Verdict::Down {
            return self.after_failure(check);
        }
        still_until.map_or(Next::Interval, Next::By)
    }

    /// It has said nothing for so many intervals: no memory here, as what is late by a little each time is not ill.
    pub(super) fn silent(&mut self, check: &Check, last_ms: u64, now_ms: u64) {
        let intervals = now_ms.saturating_sub(last_ms) / millis(check.interval).max(1);
        let failures = u32::try_from(intervals).unwrap_or(u32::MAX).min(check.down_after);
        if failures == 0 || self.verdict == Verdict::Unknown && failures < check.down_after {
            return;
        }
        self.failures = failures.saturating_sub(1);
        let due_ms = last_ms + millis(check.interval);
        self.fail(check, due_ms, now_ms, format!("no report for {} s", now_ms.saturating_sub(last_ms) / 1000), false);
    }

    /// It has reported by itself.
    pub(super) fn beat(&mut self, check: &Check, now_ms: u64) {
        self.succeed(check, now_ms, now_ms, None);
        if self.verdict != Verdict::Down {
            self.recover();
            self.reason.clear();
        }
    }

    fn fail(&mut self, check: &Check, began_ms: u64, now_ms: u64, reason: String, is_conclusive: bool) {
        self.reason = reason;
        self.successes = 0;
        if self.verdict == Verdict::Down {
            return;
        }
        self.first_failed_ms.get_or_insert(began_ms);
        // The first result decides alone.
        let is_conclusive = is_conclusive || self.verdict == Verdict::Unknown;
        self.failures = if is_conclusive { check.down_after } else { (self.failures + 1).min(check.down_after) };
        if self.failures >= check.down_after {
            self.verdict = Verdict::Down;
            self.fall(check, now_ms);
        } else if self.failures >= check.degraded_after {
            self.verdict = Verdict::Degraded;
        }
    }

    /// Its idle connection broke, and it still answers: that may be its last word.
    fn once_more(&mut self, suspicion: Suspicion) -> Option<Next> {
        (suspicion == Suspicion::Broken && self.verdict != Verdict::Down).then(|| {
            self.suspicion = Suspicion::Answered;
            Next::In(REFUSED_AGAIN_MS)
        })
    }

    fn after_failure(&self, check: &Check) -> Next {
        // One that is down is asked as often as others: there may be many of them, and for long.
        if self.verdict == Verdict::Down { Next::Interval } else { Next::In(millis(confirm(check)).min(millis(check.interval))) }
    }

    fn succeed(&mut self, check: &Check, began_ms: u64, now_ms: u64, weakness: Option<&str>) {
        if self.successes == 0 {
            self.run_began_ms = began_ms;
        }
        self.successes = self.successes.saturating_add(1);
        let is_enough = self.successes >= check.up_after;
        match self.verdict {
            Verdict::Unknown => self.recover(),
            Verdict::Down if is_enough && now_ms >= self.run_began_ms + self.hold_ms => {
                self.returned_ms = now_ms;
                self.recover();
            }
            Verdict::Down => return,
            _ if is_enough => self.recover(),
            _ => {}
        }
        if let Some(why) = weakness {
            self.verdict = Verdict::Degraded;
            self.reason = why.to_owned();
        } else if self.failures == 0 {
            self.verdict = Verdict::Up;
            self.reason.clear();
        }
    }

    fn recover(&mut self) {
        self.verdict = Verdict::Up;
        self.failures = 0;
        self.first_failed_ms = None;
    }

    /// The third fall in ten minutes and those after it: each return takes twice as long as the last, until it has been up for ten minutes.
    fn fall(&mut self, check: &Check, now_ms: u64) {
        if !check.hold_down {
            return;
        }
        let is_held = self.hold_ms > 0 && now_ms < self.returned_ms + FLAPPING_MS;
        if !is_held {
            self.hold_ms = 0;
            self.falls.retain(|fall| fall + FLAPPING_MS > now_ms);
            self.falls.push_back(now_ms);
        }
        if is_held || self.falls.len() >= FLAPPING {
            let usual = u64::from(check.up_after) * millis(check.interval);
            self.hold_ms = self.hold_ms.max(usual).saturating_mul(2).min(HOLD_MOST_MS);
            self.falls.clear();
        }
    }

    fn stillness(&mut self, live: Option<Live>, now_ms: u64) -> Stillness {
        let Some(live) = live else {
            (self.live, self.is_unmoved) = (None, false);
            return Stillness::None;
        };
        let limit_ms = millis(live.target.min(LONGEST_TARGET)).saturating_mul(STILL_TARGETS).max(STILL_LEAST_MS);
        match &mut self.live {
            Some((known, since_ms)) if known.newest == live.newest => {
                known.target = live.target;
                let for_ms = now_ms.saturating_sub(*since_ms);
                if for_ms >= limit_ms { Stillness::TooLong(for_ms) } else { Stillness::Until(*since_ms + limit_ms) }
            }
            // Also when it is a smaller one: encoders start over.
            known => {
                self.is_unmoved = known.is_none() && self.verdict == Verdict::Down;
                *known = Some((live, now_ms));
                Stillness::Until(now_ms + limit_ms)
            }
        }
    }
}

enum Stillness {
    None,
    Until(u64),
    TooLong(u64),
}

fn confirm(check: &Check) -> Duration {
    check.kind.asking().map_or(check.interval, |asking| asking.confirm)
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
