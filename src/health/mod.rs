//! Judged state: which panels are fit to be answered with.
//!
//! Owns   the memory of past reports and the rule that turns them into verdicts; when who is looked at next.
//! Takes  reports from probes, heartbeats, broken watches, the fleet, and `now`.
//! Gives  errands for probes, changes of verdicts with their reasons, and each panel's condition.
//! Never  opens a socket, reads a clock, or knows what DNS is.

mod condition;
mod course;
mod follow;
mod idle;
mod load;
mod memory;
mod report;
mod uptime;
mod view;
mod ward;
mod watch;

pub use condition::{Condition, Conditions, Life};
pub use load::Watermarks;
pub use memory::Memory;
pub use report::{Errand, Gauges, Live, Outcome, Report, Target, Vigil};
pub use view::{AddressView, CheckView, PanelView, Turn, Uptimes, Verdict};

use crate::clock::Now;
use crate::fleet::Check;
use condition::note;
use course::{Next, millis};
use idle::Idle;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use ward::{Station, Ward};

/// The first round is over by then, whoever has not answered.
const FIRST_ROUND_MS: u64 = 2_000;
/// Checks begin up to this part of their interval early, so that they do not stay in step.
const JITTER: u64 = 10;
/// Checks that have no hurry begin at multiples of this, so that those of many panels are sent out together.
const GRID_MS: u64 = 10;
/// How often loads are settled.
const SETTLE_MS: u64 = 1_000;

/// Every panel's health.
pub struct Health {
    wards: HashMap<Arc<str>, Box<Ward>>,
    /// All other panels.
    idle: Idle,
    /// Who has which target: the panel, its address, the check of it.
    places: HashMap<Target, (Arc<str>, usize, usize)>,
    checks: Vec<Arc<Check>>,
    conditions: Conditions,
    /// When targets want to be looked at. What was put off since is passed over.
    due: BinaryHeap<Reverse<(u64, Target)>>,
    targets: u64,
    chance: u64,
    memory: Option<Memory>,
    round: Round,
    /// Those that have said how full they are.
    loaded: BTreeSet<Arc<str>>,
    settled_ms: u64,
    errands: Vec<Errand>,
    vigils: Vec<Watching>,
    turns: Vec<(Turn, Option<u64>)>,
    stirred: Stirred,
}

/// What is to be done about idle connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watching {
    Begin(Vigil),
    End(Target),
}

/// Whose conditions changed since that was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stirred {
    /// By verdicts and operators: to be acted on at once.
    pub judged: HashSet<Arc<str>>,
    /// By load.
    pub loaded: HashSet<Arc<str>>,
}

/// The node is not ready before everybody was asked once.
#[derive(Debug)]
enum Round {
    /// No fleet yet.
    Ahead,
    Under {
        until_ms: u64,
        left: HashSet<Target>,
    },
    Over,
}

impl Health {
    /// Chance only spreads checks over time; the same seed gives the same times.
    pub fn new(seed: u64, memory: Option<Memory>) -> Self {
        Self {
            wards: HashMap::new(),
            idle: Idle::default(),
            places: HashMap::new(),
            checks: Vec::new(),
            conditions: Conditions::new(),
            due: BinaryHeap::new(),
            targets: 0,
            chance: seed,
            memory,
            round: Round::Ahead,
            loaded: BTreeSet::new(),
            settled_ms: 0,
            errands: Vec::new(),
            vigils: Vec::new(),
            turns: Vec::new(),
            stirred: Stirred::default(),
        }
    }

    /// Everybody has been asked once, or the time for that is over.
    pub fn is_round_over(&self) -> bool {
        matches!(self.round, Round::Over)
    }

    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// When `advance` wants to be called.
    pub fn due_ms(&self) -> Option<u64> {
        let looks = self.due.peek().map(|Reverse((due_ms, _))| *due_ms);
        let settles = (!self.loaded.is_empty()).then_some(self.settled_ms + SETTLE_MS);
        let round = if let Round::Under { until_ms, .. } = self.round { Some(until_ms) } else { None };
        [looks, settles, round].into_iter().flatten().min()
    }

    /// What has become due.
    pub fn advance(&mut self, now: Now) {
        if let Round::Under { until_ms, left } = &self.round
            && (left.is_empty() || *until_ms <= now.mono_ms)
        {
            self.round = Round::Over;
        }
        while self.due.peek().is_some_and(|Reverse((due_ms, _))| *due_ms <= now.mono_ms) {
            let Some(Reverse((due_ms, target))) = self.due.pop() else { break };
            self.look(target, due_ms, now);
        }
        if !self.loaded.is_empty() && self.settled_ms + SETTLE_MS <= now.mono_ms {
            self.settle(now);
        }
    }

    pub fn report(&mut self, target: Target, report: &Report, now: Now) {
        let Some((ward, post, station)) = self.places.get(&target).cloned() else { return };
        let Some(ward) = self.wards.get_mut(&ward) else { return };
        let address = ward.posts[post].address;
        let at = &mut ward.posts[post].stations[station];
        let Some(began_ms) = at.asked_ms.take() else { return };
        let (was_first, was) = (at.course.failures == 0, at.course.verdict);
        let check = Arc::clone(&at.check);
        let next = at.course.take(&check, began_ms, now.mono_ms, report);
        (at.last_s, at.took) = (Some(now.wall_s), Some(report.took));
        at.stream_start = report.stream_start.or(at.stream_start);
        let reason = at.course.reason.clone();
        let is_turned = at.course.verdict != was;
        let is_first = was_first && at.course.failures > 0 && at.course.verdict != Verdict::Down;
        self.chance = next_chance(self.chance);
        let interval_ms = millis(check.interval).max(1);
        // The first time they are spread all over the interval, for all began together.
        let early = if at.is_heard { interval_ms / JITTER } else { interval_ms / JITTER * (JITTER - 1) };
        let interval = on_grid(began_ms + interval_ms - self.chance % (early + 1), interval_ms).max(now.mono_ms);
        at.is_heard = true;
        at.due_ms = match next {
            _ if std::mem::take(&mut at.is_broken) => {
                at.course.suspect();
                now.mono_ms
            }
            Next::Interval => interval,
            Next::In(wait_ms) => now.mono_ms + wait_ms,
            Next::By(limit_ms) => interval.min(limit_ms.max(now.mono_ms)),
        };
        self.due.push(Reverse((at.due_ms, target)));
        match (&report.outcome, at.course.verdict) {
            (Outcome::Good | Outcome::Weak(_), verdict) if verdict != Verdict::Down && !at.course.is_suspect() => {
                if let Some(renew) = at.watch.answered(now.mono_ms) {
                    self.vigils.extend(at.vigil(address, renew).map(Watching::Begin));
                }
            }
            (Outcome::Bad(_) | Outcome::Refused, _) => at.watch.failed(),
            _ => {}
        }
        if at.course.verdict == Verdict::Down && at.watch.end() {
            self.vigils.push(Watching::End(target));
        }
        if is_first && ward.posts[post].verdict != Verdict::Down {
            let verdict = ward.posts[post].verdict;
            let panel = ward.name.to_string();
            let turn = Turn { panel, address: Some(address), from: verdict, to: verdict, reason, at_s: now.wall_s, took_ms: None };
            self.turns.push((turn, None));
        }
        if let Round::Under { left, .. } = &mut self.round {
            left.remove(&target);
        }
        if is_turned {
            ward.line = None;
        }
        let name = Arc::clone(&ward.name);
        self.evaluate(&name, now);
    }

    /// The idle connection to a target is open.
    pub fn watching(&mut self, target: Target) {
        if let Some(station) = self.station(target) {
            station.watch.opened();
        }
    }

    /// It broke: the panel is looked at at once.
    pub fn broken(&mut self, target: Target, lived: Duration, now: Now) {
        let Some(station) = self.station(target) else { return };
        station.watch.broke(lived);
        if station.asked_ms.is_some() {
            // What is under way may have begun before.
            station.is_broken = true;
            return;
        }
        station.course.suspect();
        station.due_ms = now.mono_ms;
        self.due.push(Reverse((now.mono_ms, target)));
    }

    /// It could not be opened, or was given up on this side.
    pub fn unwatched(&mut self, target: Target, now: Now) {
        if let Some(station) = self.station(target) {
            station.watch.given_up(now.mono_ms);
        }
    }

    /// A panel reports by itself.
    pub fn beat(&mut self, panel: &str, gauges: Gauges, now: Now) {
        self.rouse(panel, now);
        let Some(ward) = self.wards.get_mut(panel) else { return };
        let name = Arc::clone(&ward.name);
        ward.report(gauges, now);
        for station in ward.posts.iter_mut().flat_map(|post| &mut post.stations).filter(|station| station.is_heartbeat()) {
            (station.beat_ms, station.last_s) = (now.mono_ms, Some(now.wall_s));
            station.course.beat(&station.check, now.mono_ms);
            if let Round::Under { left, .. } = &mut self.round {
                left.remove(&station.target);
            }
        }
        self.loaded.insert(Arc::clone(&name));
        self.evaluate(&name, now);
    }

    /// Operators say something else of it than before. `serves`: now it may serve, and could not before.
    pub fn stir(&mut self, panel: &str, serves: bool, now: Now) {
        self.rouse(panel, now);
        let Some(ward) = self.wards.get_mut(panel) else { return };
        ward.stirred_ms = Some(now.mono_ms);
        if serves {
            ward.returned_ms = Some(now.mono_ms);
        }
        let name = Arc::clone(&ward.name);
        note(&mut self.conditions, &name, ward.condition(now));
        self.stirred.judged.insert(name);
    }

    /// An operator lets a flapping panel return as fast as any other.
    pub fn clear_hold(&mut self, panel: &str) {
        let Some(ward) = self.wards.get_mut(panel) else { return };
        ward.posts.iter_mut().flat_map(|post| &mut post.stations).for_each(|station| station.course.clear_hold());
    }

    pub fn take_errands(&mut self) -> Vec<Errand> {
        std::mem::take(&mut self.errands)
    }

    pub fn take_watching(&mut self) -> Vec<Watching> {
        std::mem::take(&mut self.vigils)
    }

    pub fn take_stirred(&mut self) -> Stirred {
        std::mem::take(&mut self.stirred)
    }

    /// What turned since it was last asked; it is in the answers now.
    pub fn take_turns(&mut self, now: Now) -> Vec<Turn> {
        let mut turns = Vec::with_capacity(self.turns.len());
        for (mut turn, failed_ms) in std::mem::take(&mut self.turns) {
            turn.took_ms = failed_ms.map(|failed| now.mono_ms.saturating_sub(failed));
            if turn.from != turn.to
                && let Some(ward) = self.wards.get_mut(turn.panel.as_str())
            {
                ward.remember(&turn);
            }
            turns.push(turn);
        }
        turns
    }

    /// With its last turns.
    pub fn view(&self, panel: &str, now: Now) -> Option<PanelView> {
        let Some(ward) = self.wards.get(panel) else { return self.idle.view(panel, now).map(|ward| ward.view(now)) };
        Some(PanelView { turns: ward.turns.iter().cloned().collect(), ..ward.view(now) })
    }

    /// All of them by name, without their turns.
    pub fn views(&self, now: Now) -> Vec<PanelView> {
        let mut views: Vec<PanelView> = self.wards.values().map(|ward| ward.view(now)).collect();
        views.extend(self.idle.wards(now).map(|ward| ward.view(now)));
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views
    }

    /// If it has been idle so far, it has a ward now.
    fn rouse(&mut self, panel: &str, now: Now) {
        if let Some(ward) = self.idle.rouse(panel, now) {
            self.wards.insert(Arc::clone(&ward.name), Box::new(ward));
        }
    }

    fn station(&mut self, target: Target) -> Option<&mut Station> {
        let (ward, post, station) = self.places.get(&target)?;
        self.wards.get_mut(ward)?.posts.get_mut(*post)?.stations.get_mut(*station)
    }

    /// The time has come to look at a target.
    fn look(&mut self, target: Target, due_ms: u64, now: Now) {
        let Some((name, post, station)) = self.places.get(&target).cloned() else { return };
        let Some(ward) = self.wards.get_mut(&name) else { return };
        let address = ward.posts[post].address;
        let at = &mut ward.posts[post].stations[station];
        if at.due_ms != due_ms || at.asked_ms.is_some() {
            return;
        }
        if !at.is_heartbeat() {
            at.asked_ms = Some(now.mono_ms);
            self.errands.push(Errand { target, panel: Arc::clone(&name), address, check: Arc::clone(&at.check) });
            return;
        }
        let check = Arc::clone(&at.check);
        at.course.silent(&check, at.beat_ms, now.mono_ms);
        let interval_ms = millis(check.interval).max(1);
        let intervals = now.mono_ms.saturating_sub(at.beat_ms) / interval_ms;
        at.due_ms = at.beat_ms + (intervals + 1) * interval_ms;
        self.due.push(Reverse((at.due_ms, target)));
        self.evaluate(&name, now);
    }

    fn settle(&mut self, now: Now) {
        self.settled_ms = now.mono_ms;
        let names: Vec<Arc<str>> = self.loaded.iter().cloned().collect();
        for name in names {
            let Some(ward) = self.wards.get_mut(&name) else {
                self.loaded.remove(&name);
                continue;
            };
            self.turns.extend(ward.settle(now).map(|turn| (turn, None)));
            let condition = ward.condition(now);
            if condition.load.is_none() {
                self.loaded.remove(&name);
            }
            if self.conditions.get(&*name).map_or(!condition.is_plain(), |old| **old != condition) {
                note(&mut self.conditions, &name, condition);
                self.stirred.loaded.insert(name);
            }
        }
    }

    fn evaluate(&mut self, name: &Arc<str>, now: Now) {
        let is_start = !self.is_round_over();
        let Some(ward) = self.wards.get_mut(name) else { return };
        let found = ward.evaluate(now, is_start);
        self.turns.extend(found.turns);
        let wavered = self.conditions.get(&**name).is_some_and(|condition| condition.is_wavering);
        let wavers = ward.posts.iter().flat_map(|post| &post.stations).any(|station| station.course.is_wavering());
        if found.is_other || wavers != wavered {
            note(&mut self.conditions, name, ward.condition(now));
            self.stirred.judged.insert(Arc::clone(name));
        }
    }
}

/// A little earlier, and never by a noticeable part of the interval.
fn on_grid(due_ms: u64, interval_ms: u64) -> u64 {
    due_ms - due_ms % GRID_MS.min(interval_ms / JITTER).max(1)
}

/// SplitMix64: enough to spread checks.
fn next_chance(before: u64) -> u64 {
    let mut z = before.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Default for Health {
    fn default() -> Self {
        Self::new(0, None)
    }
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health").field("panels", &self.wards.len()).field("targets", &self.places.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
