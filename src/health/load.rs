//! What panels say of themselves: how full they are, and what of their clients others should take.
//!
//! Shedding works on new clients only, and what it does shows late: gauges lag and clients hold on to what they were told. A rule that looks
//! at the load alone would shed all, see an empty panel, take all back, and so on for ever. So beside the load there is an estimate of what
//! the panel's clients would make of it if none were shed, and what is given back never goes below what that estimate needs:
//! with demand d a share s is right when d (1 − s) is the very load at which s is shed.

use super::report::Gauges;
use crate::fleet::Panel;
use std::collections::VecDeque;

/// Over which the load is averaged.
const AVERAGE_MS: u64 = 30_000;
/// Averages of more reports than come in that time, one a second, are not better.
const SAMPLES: usize = 32;
/// A report older than this says nothing, or than three times what lay between the last two, as far as that is believed.
const STALE_MS: u64 = 60_000;
const GAPS: u64 = 3;
const LONGEST_GAP_MS: u64 = 300_000;
/// What is shed goes down once the load is so much lower than where it went up.
const SLACK: f64 = 0.05;
/// Shares change in such steps, up at once, down by one a second.
const STEPS: f64 = 16.0;
/// What a share did to the load shows after this at the latest: gauges that lag and are averaged, and clients who hold on.
const EFFECT_MS: u64 = 180_000;
/// All, in the units of a share.
pub(super) const WHOLE: u32 = 1 << 16;
/// A gauge beyond its limit many times over is no more than full.
const FULLEST: f64 = 10.0;

/// Limits between which a policy sheds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watermarks {
    pub from: f64,
    pub all: f64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    /// The last report, and the wall time it came at.
    pub(super) last: Option<(Gauges, u64)>,
    last_ms: u64,
    gap_ms: u64,
    samples: VecDeque<(u64, f64)>,
    pub(super) sheds: Vec<Shed>,
}

/// What is shed under one policy.
#[derive(Clone, Debug)]
pub(super) struct Shed {
    pub(super) marks: Watermarks,
    /// Sixteenths.
    steps: u32,
    /// What its load would be if nothing were shed.
    demand: f64,
    /// What was shed since when, for as long as it may still show.
    past: VecDeque<(u64, u32)>,
}

impl Load {
    pub(super) fn report(&mut self, panel: &Panel, gauges: Gauges, now_ms: u64, now_s: u64) {
        self.last = Some((gauges, now_s));
        let Some(fullness) = fullness(panel, &gauges) else { return };
        if self.is_stale(now_ms) {
            self.samples.clear();
        }
        self.gap_ms = if self.last_ms == 0 { 0 } else { (now_ms - self.last_ms).min(LONGEST_GAP_MS) };
        self.last_ms = now_ms;
        // Several in one second are one.
        if self.samples.back().is_some_and(|(at, _)| now_ms < at + 1000) {
            self.samples.pop_back();
        }
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((now_ms, fullness));
    }

    fn is_stale(&self, now_ms: u64) -> bool {
        now_ms >= self.last_ms + STALE_MS.max(GAPS * self.gap_ms)
    }

    /// Averaged; none without a fresh report.
    pub(super) fn utilisation(&self, now_ms: u64) -> Option<f64> {
        if self.samples.is_empty() || self.is_stale(now_ms) {
            return None;
        }
        let recent = || self.samples.iter().filter(|(at, _)| now_ms < at + AVERAGE_MS);
        let count = recent().count();
        match count {
            // All are older than the average asks for, and not yet stale.
            0 => self.samples.back().map(|(_, fullness)| *fullness),
            _ => Some(recent().map(|(_, fullness)| fullness).sum::<f64>() / count as f64),
        }
    }

    /// Under which policies it is.
    pub(super) fn mark(&mut self, marks: &[Watermarks]) {
        self.sheds.retain(|shed| marks.contains(&shed.marks));
        for marks in marks {
            if !self.sheds.iter().any(|shed| shed.marks == *marks) {
                self.sheds.push(Shed { marks: *marks, steps: 0, demand: 0.0, past: VecDeque::new() });
            }
        }
    }

    /// Once a second.
    pub(super) fn settle(&mut self, now_ms: u64) {
        let utilisation = self.utilisation(now_ms);
        if utilisation.is_none() {
            self.samples.clear();
        }
        self.sheds.iter_mut().for_each(|shed| shed.settle(utilisation, now_ms));
    }
}

impl Shed {
    /// In 1/65,536.
    pub(super) fn share(&self) -> u32 {
        self.steps * (WHOLE / STEPS as u32)
    }

    fn settle(&mut self, utilisation: Option<f64>, now_ms: u64) {
        let Some(load) = utilisation else {
            // Nobody knows how full it is: as if it had never said.
            (self.steps, self.demand) = (0, 0.0);
            self.past.clear();
            return;
        };
        self.estimate(load, now_ms);
        let Watermarks { from, all } = self.marks;
        let asked = |load: f64| up((load - from) / (all - from));
        // Where load and what is shed because of it agree.
        let needed = up((self.demand - from) / (all - from + self.demand));
        let wanted = asked(load);
        let kept = asked(load + SLACK).max(needed);
        let steps = if wanted > self.steps {
            wanted
        } else if kept < self.steps {
            self.steps - 1
        } else {
            return;
        };
        self.past.push_back((now_ms, self.steps));
        self.steps = steps;
    }

    /// Of the shares that may show in this load the smallest and the greatest bound the demand.
    fn estimate(&mut self, load: f64, now_ms: u64) {
        while self.past.front().is_some_and(|(until, _)| until + EFFECT_MS <= now_ms) {
            self.past.pop_front();
        }
        let shares = || self.past.iter().map(|(_, steps)| *steps).chain([self.steps]);
        let (least, most) = shares().fold((u32::MAX, 0), |(least, most), steps| (least.min(steps), most.max(steps)));
        let without = |steps: u32| if f64::from(steps) < STEPS { load / (1.0 - f64::from(steps) / STEPS) } else { f64::INFINITY };
        if f64::from(least) < STEPS {
            self.demand = self.demand.max(without(least));
        }
        self.demand = self.demand.min(without(most));
    }
}

/// Sixteenths, so that no less is shed than asked.
fn up(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * STEPS - 1e-9).ceil().max(0.0) as u32
}

/// The worst gauge over its limit; none of them has one: it is not known.
fn fullness(panel: &Panel, gauges: &Gauges) -> Option<f64> {
    let limit = |name: &str| panel.limits.iter().find(|(gauge, _)| gauge == name).map(|(_, limit)| *limit);
    let of = |value: Option<f64>, limit: Option<f64>| Some(value? / limit.filter(|limit| *limit > 0.0)?);
    let parts = [
        of(gauges.connections, limit("connections").or(panel.capacity.map(f64::from))),
        of(gauges.cpu, limit("cpu").or(Some(1.0))),
        of(gauges.memory, limit("memory").or(Some(1.0))),
        of(gauges.bandwidth_mbps, limit("bandwidth_mbps")),
    ];
    parts.into_iter().flatten().reduce(f64::max).map(|fullness| fullness.clamp(0.0, FULLEST))
}

#[cfg(test)]
mod tests;
