//! What health asks for, and when answers follow it.

use super::{Action, Pilot};
use crate::compile::plan::Orders;
use crate::fleet::{Conduct, Conducts, Fleet, State};
use crate::health::Watermarks;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Verdicts are followed at once, but not more often than this: when a site goes down, hundreds come together.
const JUDGED_MS: u64 = 10;
/// Loads, and what changes with time alone, are followed no more often than this.
const LOADED_MS: u64 = 1000;

impl Pilot {
    /// When `handle_all` wants to be called, events or not; by the clock that does not step.
    pub fn due_ms(&self) -> Option<u64> {
        let judged = (!self.stirred.judged.is_empty()).then_some(self.judged_ms.map_or(0, |at| at + JUDGED_MS));
        let gentle_ms = self.loaded_ms.map_or(0, |at| at + LOADED_MS);
        let loaded = (!self.stirred.loaded.is_empty()).then_some(gentle_ms);
        let steered = self.steer_due_ms.map(|due| due.max(gentle_ms));
        [self.health.due_ms(), judged, loaded, steered].into_iter().flatten().min()
    }

    /// The fleet's panels are those that are looked at.
    pub(super) fn follow(&mut self) {
        self.health.follow(&self.plan.fleet, self.now);
    }

    /// Loads are shed as the policies say that panels are under.
    pub(super) fn mark(&mut self) {
        let orders = self.zones.values().map(|held| &held.orders);
        self.health.mark(&marks(&self.plan.fleet, orders));
    }

    /// Operators have said something else of some panels.
    pub(super) fn stir(&mut self, before: &Conducts) {
        let fleet = Arc::clone(&self.plan.fleet);
        for panel in &fleet.panels {
            // Who says what the fleet says anyway changes nothing.
            let own = Conduct { state: panel.state, shed: 0, is_moving: false };
            let of = |conducts: &Conducts| conducts.get(&*panel.name).copied().unwrap_or(own);
            let (old, new) = (of(before), of(&self.conducts));
            if old != new {
                let serves = new.state == State::Enabled && old.state != State::Enabled;
                self.health.stir(&panel.name, serves, self.now);
            }
        }
    }

    pub(super) fn attend(&mut self, actions: &mut Vec<Action>) {
        let now = self.now;
        self.health.advance(now);
        let errands = self.health.take_errands();
        if !errands.is_empty() {
            actions.push(Action::Ask(errands));
        }
        let watching = self.health.take_watching();
        if !watching.is_empty() {
            actions.push(Action::Watch(watching));
        }
        let stirred = self.health.take_stirred();
        self.stirred.judged.extend(stirred.judged);
        self.stirred.loaded.extend(stirred.loaded);
        // What is published first has all that is known.
        let is_first = !self.started;
        self.start_if_done();
        let is_time = |last: Option<u64>, apart_ms: u64| is_first || last.is_none_or(|last| last + apart_ms <= now.mono_ms);
        let mut concerned: HashSet<Arc<str>> = HashSet::new();
        if !self.stirred.judged.is_empty() && is_time(self.judged_ms, JUDGED_MS) {
            self.judged_ms = Some(now.mono_ms);
            concerned = std::mem::take(&mut self.stirred.judged);
        }
        let is_due = self.steer_due_ms.is_some_and(|due| due <= now.mono_ms);
        if (is_due || !self.stirred.loaded.is_empty()) && is_time(self.loaded_ms, LOADED_MS) {
            self.loaded_ms = Some(now.mono_ms);
            concerned.extend(std::mem::take(&mut self.stirred.loaded));
            self.steer_those(false, Some(&concerned));
        } else if !concerned.is_empty() {
            self.steer_those(false, Some(&concerned));
        }
    }

    /// What turned, once the answers have it.
    pub(super) fn tell_turns(&mut self, actions: &mut Vec<Action>) {
        if !self.stirred.judged.is_empty() || !self.started {
            return;
        }
        let turns = self.health.take_turns(self.now);
        if !turns.is_empty() {
            actions.push(Action::Turned(turns));
        }
    }
}

/// Between which loads each panel sheds, under the policies that it is under.
fn marks<'f, 'o>(fleet: &'f Fleet, orders: impl Iterator<Item = &'o Orders>) -> HashMap<&'f str, Vec<Watermarks>> {
    let mut marks: HashMap<&str, Vec<Watermarks>> = HashMap::new();
    for order in orders.flat_map(|orders| orders.list.iter()) {
        let of_policy = Watermarks { from: order.policy.shed_from, all: order.policy.shed_all };
        let Some(set) = fleet.sets.get(order.set.index()) else { continue };
        for member in &set.members {
            let of_panel = marks.entry(&fleet.panel(member.panel).name).or_default();
            if !of_panel.contains(&of_policy) {
                of_panel.push(of_policy);
            }
        }
    }
    marks
}
