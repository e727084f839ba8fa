//! How much of the last day, week and month a panel was up.
//!
//! Hours are kept, and only those in which something was amiss: ten thousand panels that are well take next to nothing.

use super::view::Uptimes;
use crate::clock::Now;
use std::collections::VecDeque;

const HOUR_S: u64 = 3600;
const DAY_S: u64 = 24 * HOUR_S;
const MONTH_S: u64 = 30 * DAY_S;
const LEAST_S: f64 = 5.0;

/// Seconds of one hour that were not up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hour {
    /// Hours since 1970.
    pub(super) number: u64,
    pub(super) down_s: u16,
    /// Nobody looked, or could say.
    pub(super) unknown_s: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Spell {
    Up,
    Down,
    #[default]
    Unknown,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Uptime {
    pub(super) spell: Spell,
    /// Accounted for up to here; wall time.
    pub(super) at_s: u64,
    at_ms: u64,
    /// Known of since then.
    pub(super) began_s: u64,
    pub(super) hours: VecDeque<Hour>,
}

impl Uptime {
    pub(super) fn new(now: Now) -> Self {
        Self { at_s: now.wall_s, at_ms: now.mono_ms, began_s: now.wall_s, ..Self::default() }
    }

    /// As an earlier run left it, which was last sure of it at `saved_s`.
    pub(super) fn recalled(spell: Spell, at_s: u64, saved_s: u64, began_s: u64, hours: VecDeque<Hour>, now: Now) -> Self {
        let mut uptime = Self { spell, at_s, at_ms: 0, began_s, hours };
        uptime.count(at_s, saved_s.min(now.wall_s), spell);
        uptime.count(saved_s, now.wall_s, Spell::Unknown);
        (uptime.at_s, uptime.at_ms) = (now.wall_s, now.mono_ms);
        uptime
    }

    pub(super) fn turn(&mut self, spell: Spell, now: Now) {
        self.advance(now);
        self.spell = spell;
    }

    /// By the clock that does not step; what the other one skips is not known.
    pub(super) fn advance(&mut self, now: Now) {
        let lasted_s = now.mono_ms.saturating_sub(self.at_ms) / 1000;
        let began_s = now.wall_s.saturating_sub(lasted_s);
        self.count(self.at_s, began_s.saturating_sub(1), Spell::Unknown);
        self.count(began_s.max(self.at_s), now.wall_s, self.spell);
        // Parts of seconds stay for the next time.
        self.at_ms += lasted_s * 1000;
        self.at_s = now.wall_s;
        self.began_s = self.began_s.min(now.wall_s);
    }

    pub(super) fn shares(&self, now: Now) -> Uptimes {
        let mut uptime = self.clone();
        uptime.advance(now);
        let share = |window_s| uptime.share(window_s);
        Uptimes { day: share(DAY_S), week: share(7 * DAY_S), month: share(MONTH_S) }
    }

    fn share(&self, window_s: u64) -> Option<f64> {
        let from_s = self.at_s.saturating_sub(window_s).max(self.began_s);
        let (mut down, mut unknown) = (0.0, 0.0);
        for hour in &self.hours {
            let (start, end) = (hour.number * HOUR_S, (hour.number + 1) * HOUR_S);
            // Of the oldest hour as much as the window has of it.
            let within = end.min(self.at_s).saturating_sub(start.max(from_s)) as f64;
            let whole = end.min(self.at_s).saturating_sub(start.max(self.began_s)).max(1) as f64;
            down += f64::from(hour.down_s) * (within / whole).min(1.0);
            unknown += f64::from(hour.unknown_s) * (within / whole).min(1.0);
        }
        let known = (self.at_s - from_s) as f64 - unknown;
        // Seconds lost to rounding are no knowledge.
        (known >= LEAST_S).then(|| ((known - down) / known).clamp(0.0, 1.0))
    }

    fn count(&mut self, from_s: u64, to_s: u64, spell: Spell) {
        let mut at = from_s.max(to_s.saturating_sub(MONTH_S + HOUR_S));
        while at < to_s && spell != Spell::Up {
            let number = at / HOUR_S;
            let end = ((number + 1) * HOUR_S).min(to_s);
            let seconds = (end - at) as u16;
            let hour = self.hour(number);
            match spell {
                Spell::Down => hour.down_s = (hour.down_s + seconds).min(HOUR_S as u16),
                _ => hour.unknown_s = (hour.unknown_s + seconds).min(HOUR_S as u16),
            }
            at = end;
        }
        let oldest = to_s.saturating_sub(MONTH_S) / HOUR_S;
        while self.hours.front().is_some_and(|hour| hour.number < oldest) {
            self.hours.pop_front();
        }
    }

    fn hour(&mut self, number: u64) -> &mut Hour {
        let at = self.hours.partition_point(|hour| hour.number < number);
        if self.hours.get(at).is_none_or(|hour| hour.number != number) {
            self.hours.insert(at, Hour { number, down_s: 0, unknown_s: 0 });
        }
        &mut self.hours[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000;

    fn at(seconds: u64) -> Now {
        Now { mono_ms: 5_000 + seconds * 1000, wall_s: START + seconds }
    }

    fn near(share: Option<f64>, expected: f64) -> bool {
        share.is_some_and(|share| (share - expected).abs() < 5e-3)
    }

    #[test]
    fn what_was_down_is_missing() {
        let mut uptime = Uptime::new(at(0));
        assert_eq!(uptime.shares(at(0)), Uptimes::default());
        uptime.turn(Spell::Up, at(0));
        uptime.turn(Spell::Down, at(9 * HOUR_S));
        uptime.turn(Spell::Up, at(10 * HOUR_S));
        let shares = uptime.shares(at(10 * HOUR_S));
        assert!(near(shares.day, 0.9) && shares.week == shares.day && shares.month == shares.day, "{shares:?}");
        // A day later it is out of the day.
        let shares = uptime.shares(at(40 * HOUR_S));
        assert!(near(shares.day, 1.0) && near(shares.week, 39.0 / 40.0), "{shares:?}");
        assert!(near(uptime.shares(at(1000 * HOUR_S)).month, 1.0));
        assert!(uptime.hours.len() <= 2);
    }

    #[test]
    fn what_is_not_known_counts_neither_way() {
        let mut uptime = Uptime::new(at(0));
        uptime.turn(Spell::Up, at(3600));
        uptime.turn(Spell::Down, at(7200));
        assert!(near(uptime.shares(at(10_800)).day, 0.5));
        // Away for an hour, told by the next run; it was saved with the panel down, ten minutes before the end.
        let later = Now { mono_ms: 0, wall_s: START + 14_400 };
        let recalled = Uptime::recalled(uptime.spell, uptime.at_s, START + 10_800, uptime.began_s, uptime.hours.clone(), later);
        assert!(near(recalled.shares(later).day, 0.5), "{:?}", recalled.shares(later));
    }

    #[test]
    fn a_clock_that_steps_makes_nobody_up_or_down() {
        let mut uptime = Uptime::new(at(0));
        uptime.turn(Spell::Up, at(0));
        let back = Now { mono_ms: 5_000 + 100_000, wall_s: START - 86_400 };
        assert!(near(uptime.shares(back).day, 1.0) || uptime.shares(back).day.is_none());
        let forth = Now { mono_ms: 5_000 + 100_000, wall_s: START + 86_400 };
        uptime.turn(Spell::Down, forth);
        assert!(near(uptime.shares(forth).day, 1.0), "{:?}", uptime.shares(forth));
        let after = Now { mono_ms: 5_000 + 200_000, wall_s: START + 86_500 };
        assert!(near(uptime.shares(after).day, 0.5), "{:?}", uptime.shares(after));
    }

    #[test]
    fn memory_is_bounded() {
        let mut uptime = Uptime::new(at(0));
        for n in 0..100_000 {
            uptime.turn(if n % 2 == 0 { Spell::Down } else { Spell::Up }, at(n * 600));
        }
        assert!(uptime.hours.len() <= 722, "{}", uptime.hours.len());
    }
}
