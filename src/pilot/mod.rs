//! Events in, actions out: the one place where a new snapshot comes into being.
//!
//! Owns   which version of which zone is served, what is known of places and of panels' health, and which problems stand.
//! Takes  plans, changes, compiled zones, wishes, atlases, charts, manners and reports on panels, as events; and the time.
//! Gives  zones to build, databases to read, charts to draw, panels to ask, and snapshots to publish.
//! Never  reads a file or waits: what takes long leaves as `Action::Build` and comes back as `Event::Built`.

mod attention;
mod cartography;
mod event;

pub use cartography::Sketch;
pub use event::{Action, Changed, Event, Job, Rezoned, State, Survey};

use crate::clock::Now;
use crate::compile::brief::{Brief, Known};
use crate::compile::plan::{NO_ORDER, Orders, Plan, ZonePlan};
use crate::compile::service;
use crate::compile::zone::Compiled;
use crate::dns::name::Name;
use crate::document::Problem;
use crate::fleet::{Conducts, Fleet, Source, Wish, conducts};
use crate::health::{Health, Stirred};
use crate::snapshot::zone::Zone;
use crate::snapshot::{Manners, Services, Serving, Snapshot, Zones};
use crate::steer::{Chart, Guide};
use cartography::{Cartography, Made};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

#[derive(Debug, Default)]
pub struct Pilot {
    plan: Plan,
    guide: Arc<Guide>,
    cartography: Cartography,
    place_problems: Vec<Problem>,
    /// Databases that the atlas in use had to do without.
    lacking: HashSet<String>,
    /// The reading of databases under way, and whether they have changed since it began.
    surveying: Option<(u64, bool)>,
    surveyed: bool,
    /// A fleet was read, well or not.
    is_planned: bool,
    plan_problems: Vec<Problem>,
    zones: BTreeMap<Name, Held>,
    manners: Arc<Manners>,
    wishes: Vec<Wish>,
    conducts: Arc<Conducts>,
    /// When the conducts change next by themselves; wall time.
    conducts_due_s: Option<u64>,
    health: Health,
    /// Whose conditions changed and are not in the answers yet.
    stirred: Stirred,
    /// When the answers last followed verdicts, and loads.
    judged_ms: Option<u64>,
    loaded_ms: Option<u64>,
    /// When services change next by themselves.
    steer_due_ms: Option<u64>,
    /// When this began that is under way.
    now: Now,
    generation: u64,
    edition: u64,
    /// Only charts have changed since the last snapshot.
    redrawn: bool,
    tickets: u64,
    /// How many zones are being built.
    building: usize,
    /// Something changed that no snapshot has yet.
    unpublished: bool,
    /// The first round of builds is over: from here on the old truth is kept where the new one is broken.
    started: bool,
}

#[derive(Debug)]
struct Held {
    plan: Arc<ZonePlan>,
    orders: Orders,
    served: Option<Served>,
    /// It has been built once, well or not. Until then the zones above it go on answering for its names.
    tried: bool,
    problems: Vec<Problem>,
    files: Vec<String>,
    building: Option<Building>,
    /// Something changed while it was under way.
    again: Option<bool>,
}

/// A build under way.
#[derive(Debug)]
struct Building {
    ticket: u64,
    /// It may take much away.
    force: bool,
    plan: Arc<ZonePlan>,
}

/// The version of a zone that is answered from.
#[derive(Debug)]
struct Served {
    zone: Arc<Zone>,
    /// What it was built from. Its hostnames are numbered as they are there.
    plan: Arc<ZonePlan>,
    /// What its hostnames are answered with, of this fleet.
    orders: Orders,
    fleet: Arc<Fleet>,
    services: Services,
    /// How the panels stand that each service was made for.
    briefs: Vec<Brief>,
}

impl Held {
    fn new(plan: &Arc<ZonePlan>, orders: &Orders) -> Self {
        // Watched from now on, so that no change is missed while it is read for the first time.
        let files = match &plan.source {
            Source::File(path) => vec![path.display().to_string()],
            Source::Text(_) | Source::Stored { .. } => Vec::new(),
        };
        Self {
            plan: Arc::clone(plan),
            orders: orders.clone(),
            served: None,
            tried: false,
            problems: Vec::new(),
            files,
            building: None,
            again: None,
        }
    }
}

impl Pilot {
    pub fn new(health: Health) -> Self {
        Self { health, ..Self::default() }
    }

    pub fn handle(&mut self, now: Now, event: Event) -> Vec<Action> {
        self.handle_all(now, [event])
    }

    /// As many events as have come, and one snapshot for them: making one takes as long as there are zones.
    /// Without events it does what has become due.
    pub fn handle_all(&mut self, now: Now, events: impl IntoIterator<Item = Event>) -> Vec<Action> {
        let mut actions = Vec::new();
        self.now = now;
        if self.conducts_due_s.is_some_and(|due| due <= now.wall_s) {
            self.conduct(now);
        }
        for event in events {
            self.take(now, event, &mut actions);
        }
        self.attend(&mut actions);
        if self.started {
            let is_new = std::mem::take(&mut self.unpublished);
            self.edition += u64::from(is_new);
            if std::mem::take(&mut self.redrawn) | is_new {
                self.publish(&mut actions);
            }
            self.draw(&mut actions);
        }
        self.tell_turns(&mut actions);
        actions
    }

    fn take(&mut self, now: Now, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Plan { plan, problems, force } => self.planned(plan, problems, force, actions),
            Event::Touched { zones, force } => {
                for name in zones {
                    self.build(&name, force, actions);
                }
            }
            Event::Built { zone, ticket, compiled } => self.built(&zone, ticket, compiled, actions),
            Event::Changed(changed) => self.changed(*changed),
            Event::Replaced { plan, zones, problems } => self.replaced(plan, zones, problems),
            Event::Wishes(wishes) => {
                self.wishes = wishes;
                self.conduct(now);
            }
            Event::Manners(manners) => {
                if *self.manners != manners {
                    self.manners = Arc::new(manners);
                    self.unpublished = true;
                }
            }
            Event::Moved => self.survey(actions),
            Event::Surveyed { ticket, survey } => self.surveyed(ticket, *survey, actions),
            Event::Charted { ticket, chart } => self.charted(ticket, chart),
            Event::Reported { target, report } => self.health.report(target, &report, now),
            Event::Watching(target) => self.health.watching(target),
            Event::Broken { target, lived } => self.health.broken(target, lived, now),
            Event::Unwatched(target) => self.health.unwatched(target, now),
            Event::Beat { panel, gauges } => self.health.beat(&panel, gauges, now),
            Event::Unheld { panel } => self.health.clear_hold(&panel),
        }
    }

    pub fn state(&self) -> State {
        let broken = self.zones.iter().filter(|(_, held)| held.tried && held.served.is_none()).map(|(name, _)| name);
        let broken = broken.chain(&self.plan.lost).cloned();
        let served = self.zones.values().filter_map(|held| held.served.as_ref().map(|served| &served.zone));
        let of_zones = self.zones.values().flat_map(|held| &held.problems);
        State {
            generation: self.generation,
            edition: self.edition,
            sound: served.clone().count(),
            broken: broken.collect(),
            records: served.map(|zone| zone.records()).sum(),
            problems: self.plan_problems.iter().chain(&self.place_problems).chain(of_zones).cloned().collect(),
            charts: self.cartography.charts(),
        }
    }

    /// Every file that was read for a zone, as its compiler named it.
    pub fn files(&self) -> impl Iterator<Item = (&Name, &[String])> {
        self.zones.iter().map(|(name, held)| (name, &*held.files))
    }

    /// No zone is being built and no database read.
    pub fn is_idle(&self) -> bool {
        self.building == 0 && self.surveying.is_none()
    }

    /// What is known of places now.
    pub fn guide(&self) -> &Arc<Guide> {
        &self.guide
    }

    pub fn fleet(&self) -> &Arc<Fleet> {
        &self.plan.fleet
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How panels that operators have a word on are treated now.
    pub fn conducts(&self) -> &Arc<Conducts> {
        &self.conducts
    }

    pub fn health(&self) -> &Health {
        &self.health
    }

    /// All that is known of panels, for the next run.
    pub fn written_health(&mut self, now: Now) -> String {
        self.health.written(now)
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// True once the first round of builds is over.
    pub fn has_started(&self) -> bool {
        self.started
    }

    fn planned(&mut self, plan: Plan, mut problems: Vec<Problem>, force: bool, actions: &mut Vec<Action>) {
        if self.started {
            // Of a fleet that is not sound nobody knows what it would take away.
            if !force && !problems.iter().any(Problem::is_error) {
                problems.extend(shrinks(&self.plan, &plan, &self.zones));
            }
            if problems.iter().any(Problem::is_error) {
                // All or nothing: the old fleet stays, its zones are read again all the same.
                self.plan_problems = problems;
                let names: Vec<Name> = self.zones.keys().cloned().collect();
                for name in names {
                    self.build(&name, force, actions);
                }
                return;
            }
        }
        self.plan_problems = problems;
        self.is_planned = true;
        if !self.surveyed && self.surveying.is_none() {
            self.survey(actions);
        }
        let before = self.zones.len();
        let names: HashSet<&Name> = plan.zones.iter().map(|zone| &zone.name).collect();
        self.zones.retain(|name, held| {
            let stays = names.contains(name);
            self.building -= usize::from(!stays && held.building.is_some());
            stays
        });
        self.unpublished |= self.zones.len() != before || self.plan.lost != plan.lost;
        for (zone, orders) in plan.zones.iter().zip(&plan.orders) {
            match self.zones.get_mut(&zone.name) {
                Some(held) => {
                    held.orders = orders.clone();
                    // The same one, so that it is not compared again each time somebody wants to know.
                    if held.plan != *zone {
                        held.plan = Arc::clone(zone);
                    }
                }
                None => {
                    self.zones.insert(zone.name.clone(), Held::new(zone, orders));
                }
            }
            self.build(&zone.name, force, actions);
        }
        let is_moved = self.plan.fleet.regions != plan.fleet.regions;
        self.plan = plan;
        self.follow();
        self.guide_if(is_moved);
        self.steer(is_moved);
        self.start_if_done();
    }

    fn changed(&mut self, Changed { fleet, zones }: Changed) {
        let is_moved = self.plan.fleet.regions != fleet.regions;
        self.plan.fleet = fleet;
        self.follow();
        for Rezoned { name, zone, orders, compiled } in zones {
            let Some(held) = self.zones.get_mut(&name) else { continue };
            held.orders = orders.unwrap_or_else(|| held.orders.under(&self.plan.fleet));
            if let Some((plan, problems)) = compiled {
                (held.plan, held.problems, held.tried) = (plan, problems, true);
                // It has the hostnames it was compiled with now.
                held.served.iter_mut().for_each(|served| served.plan = Arc::clone(&held.plan));
            }
            let Some(zone) = zone else { continue };
            self.unpublished = true;
            match &mut held.served {
                // The services are made anew below where their orders are others.
                Some(served) => served.zone = zone,
                // No sound version of it was ever read, and now there is one.
                None => {
                    let (orders, fleet) = (held.orders.clone(), Arc::clone(&self.plan.fleet));
                    let known = known(&self.conducts, &self.health, self.now);
                    let (services, briefs) = self.cartography.services(&fleet, &orders, known, &self.guide, None);
                    held.served = Some(Served { zone, plan: Arc::clone(&held.plan), orders, fleet, services, briefs });
                }
            }
        }
        self.guide_if(is_moved);
        self.steer(is_moved);
    }

    fn replaced(&mut self, plan: Plan, mut zones: HashMap<Name, Arc<Zone>>, mut problems: HashMap<Name, Vec<Problem>>) {
        let is_moved = self.plan.fleet.regions != plan.fleet.regions;
        let names: HashSet<&Name> = plan.zones.iter().map(|zone| &zone.name).collect();
        self.zones.retain(|name, held| {
            let stays = names.contains(name);
            self.building -= usize::from(!stays && held.building.is_some());
            stays
        });
        self.plan = plan;
        self.follow();
        for (zone_plan, orders) in self.plan.zones.iter().zip(&self.plan.orders) {
            let Some(zone) = zones.remove(&zone_plan.name) else { continue };
            let fleet = Arc::clone(&self.plan.fleet);
            let known = known(&self.conducts, &self.health, self.now);
            let old = self.zones.get(&zone_plan.name).and_then(|held| held.served.as_ref()).filter(|_| !is_moved);
            let before =
                old.map(|old| Made { fleet: &old.fleet, orders: &old.orders, services: &old.services, briefs: &old.briefs, stirred: None });
            let (services, briefs) = self.cartography.services(&fleet, orders, known, &self.guide, before);
            let served = Served { zone, plan: Arc::clone(zone_plan), orders: orders.clone(), fleet, services, briefs };
            let held = self.zones.entry(zone_plan.name.clone()).or_insert_with(|| Held::new(zone_plan, orders));
            self.building -= usize::from(held.building.take().is_some());
            let problems = problems.remove(&zone_plan.name).unwrap_or_else(|| std::mem::take(&mut held.problems));
            *held = Held { served: Some(served), tried: true, problems, ..Held::new(zone_plan, orders) };
        }
        self.plan_problems.clear();
        self.unpublished = true;
        self.guide_if(is_moved);
        self.steer(is_moved);
    }

    fn guide_if(&mut self, is_moved: bool) {
        if is_moved {
            self.guide = Arc::new(service::guide(&self.plan.fleet, Arc::clone(&self.guide.atlas)));
        }
    }

    fn conduct(&mut self, now: Now) {
        let (conducts, due) = conducts(&self.wishes, now.wall_s);
        self.conducts_due_s = due;
        if *self.conducts != conducts {
            let before = std::mem::replace(&mut self.conducts, Arc::new(conducts));
            self.stir(&before);
            self.steer(false);
        }
    }

    /// Makes the services of all zones that are no longer what they were.
    fn steer(&mut self, is_moved: bool) {
        self.mark();
        self.steer_those(is_moved, None);
    }

    /// `stirred`: panels that may stand otherwise than before; None: all.
    fn steer_those(&mut self, is_moved: bool, stirred: Option<&HashSet<Arc<str>>>) {
        self.cartography.follow(&self.guide);
        self.unpublished |= is_moved;
        self.steer_due_ms = None;
        for held in self.zones.values_mut() {
            let Some(served) = &mut held.served else { continue };
            let is_same = Arc::ptr_eq(&served.plan, &held.plan) || served.plan.steered == held.plan.steered;
            let orders = if is_same { held.orders.clone() } else { numbered_as(&served.plan, &held.plan, &held.orders) };
            let fleet = Arc::clone(&self.plan.fleet);
            let Served { fleet: old, orders: old_orders, services, briefs, .. } = &*served;
            let before = Made { fleet: old, orders: old_orders, services, briefs, stirred };
            let known = known(&self.conducts, &self.health, self.now);
            let (services, briefs) = self.cartography.services(&fleet, &orders, known, &self.guide, (!is_moved).then_some(before));
            let is_other = services.of != served.services.of
                || services.list.len() != served.services.list.len()
                || services.list.iter().zip(&*served.services.list).any(|(new, old)| !Arc::ptr_eq(new, old));
            self.unpublished |= is_other;
            (served.orders, served.fleet, served.services, served.briefs) = (orders, fleet, services, briefs);
            let due = served.briefs.iter().filter_map(|brief| brief.due_ms).min();
            self.steer_due_ms = [self.steer_due_ms, due].into_iter().flatten().min();
        }
    }

    fn survey(&mut self, actions: &mut Vec<Action>) {
        if let Some((_, again)) = &mut self.surveying {
            *again = true;
            return;
        }
        self.tickets += 1;
        self.surveying = Some((self.tickets, false));
        actions.push(Action::Survey(self.tickets));
    }

    fn surveyed(&mut self, ticket: u64, survey: Survey, actions: &mut Vec<Action>) {
        let Some((expected, again)) = self.surveying else { return };
        if expected != ticket {
            return;
        }
        self.surveying = None;
        let broken: HashSet<String> =
            survey.problems.iter().filter(|problem| problem.is_error()).map(|problem| problem.file.clone()).collect();
        self.place_problems = survey.problems;
        // A bad database never replaces a good one. One that was never good keeps nothing back: at the start the sound ones are better than none,
        // and later their changes.
        if broken.is_subset(&self.lacking) || !self.surveyed {
            self.surveyed = true;
            self.lacking = broken;
            self.guide = Arc::new(service::guide(&self.plan.fleet, Arc::new(survey.atlas)));
            self.steer(true);
        }
        if again {
            self.survey(actions);
        }
        self.start_if_done();
    }

    fn draw(&mut self, actions: &mut Vec<Action>) {
        let ticket = self.tickets + 1;
        let services = self.zones.values().filter_map(|held| held.served.as_ref()).map(|served| &served.services);
        if let Some(sketch) = self.cartography.next(ticket, &self.guide, services) {
            self.tickets = ticket;
            actions.push(Action::Chart(sketch));
        }
    }

    fn charted(&mut self, ticket: u64, chart: Option<Chart>) {
        let Some((geometry, chart)) = self.cartography.drawn(ticket, chart) else { return };
        for served in self.zones.values_mut().filter_map(|held| held.served.as_mut()) {
            self.redrawn |= cartography::hang(&mut served.services, &geometry, &chart);
        }
    }

    fn build(&mut self, name: &Name, force: bool, actions: &mut Vec<Action>) {
        let Some(held) = self.zones.get_mut(name) else { return };
        if held.building.is_some() {
            held.again = Some(held.again.unwrap_or(false) || force);
            return;
        }
        self.tickets += 1;
        held.building = Some(Building { ticket: self.tickets, force, plan: Arc::clone(&held.plan) });
        self.building += 1;
        actions.push(Action::Build(Job { plan: Arc::clone(&held.plan), ticket: self.tickets }));
    }

    fn built(&mut self, name: &Name, ticket: u64, compiled: Compiled, actions: &mut Vec<Action>) {
        let Some(held) = self.zones.get_mut(name) else { return };
        let Some(Building { force, plan, .. }) = held.building.take_if(|building| building.ticket == ticket) else { return };
        self.building -= 1;
        held.files = compiled.files;
        held.problems = compiled.problems;
        self.unpublished |= !held.tried;
        held.tried = true;
        if let Some(zone) = compiled.zone {
            match &held.served {
                Some(_) if held.problems.iter().any(Problem::is_error) => {}
                // Its hostnames are no longer those of the plan, and it is built again already.
                _ if plan.steered != held.plan.steered => {}
                Some(Served { zone: old, .. }) if !force && zone.records() * 2 < old.records() => {
                    let shown = held.files.first().map_or("", String::as_str);
                    let what =
                        format!("zone {name} would shrink from {} to {} records; the old version goes on", old.records(), zone.records());
                    held.problems.push(Problem::error(shown, 0, what).hint("if that is meant: `meridian reload --force`"));
                }
                _ => {
                    let (orders, fleet) = (held.orders.clone(), Arc::clone(&self.plan.fleet));
                    let known = known(&self.conducts, &self.health, self.now);
                    let (services, briefs) = self.cartography.services(&fleet, &orders, known, &self.guide, None);
                    let due = briefs.iter().filter_map(|brief| brief.due_ms).min();
                    self.steer_due_ms = [self.steer_due_ms, due].into_iter().flatten().min();
                    held.served = Some(Served { zone: Arc::new(zone), plan, orders, fleet, services, briefs });
                    self.unpublished = true;
                }
            }
        }
        if let Some(force) = held.again.take() {
            self.build(name, force, actions);
        }
        self.start_if_done();
    }

    fn start_if_done(&mut self) {
        if !self.started && self.is_planned && self.surveyed && self.is_idle() && self.health.is_round_over() {
            self.started = true;
            self.unpublished = true;
        }
    }

    fn publish(&mut self, actions: &mut Vec<Action>) {
        self.generation += 1;
        let mut serving: Vec<Serving> = Vec::with_capacity(self.zones.len());
        // Where only the name is known the answer is SERVFAIL: REFUSED or NXDOMAIN would keep resolvers from asking other servers.
        let broken = |name: &Name| Serving::broken(name.wire());
        for (name, held) in self.zones.iter().filter(|(_, held)| held.tried) {
            let Some(served) = &held.served else {
                serving.push(broken(name));
                continue;
            };
            serving.push(Serving::Zone(Arc::clone(&served.zone), served.services.clone()));
            // Names that should be steered, and nobody knows to where.
            serving.extend(served.plan.lost.iter().map(broken));
        }
        serving.extend(self.plan.lost.iter().map(broken));
        let (guide, manners) = (Arc::clone(&self.guide), Arc::clone(&self.manners));
        let snapshot = Snapshot { generation: self.generation, zones: Zones::new(serving), guide, manners };
        actions.push(Action::Publish(Arc::new(snapshot)));
    }
}

fn known<'a>(conducts: &'a Conducts, health: &'a Health, now: Now) -> Known<'a> {
    Known { conducts, conditions: Some(health.conditions()), now_ms: now.mono_ms }
}

/// The orders of `new`, as the hostnames of `old` are numbered: until a zone is built again it has the names it was built with.
fn numbered_as(old: &ZonePlan, new: &ZonePlan, orders: &Orders) -> Orders {
    let numbers: HashMap<&Name, u32> = new.steered.iter().zip(&*orders.of).map(|(hostname, order)| (&hostname.name, *order)).collect();
    let of = old.steered.iter().map(|hostname| numbers.get(&hostname.name).copied().unwrap_or(NO_ORDER));
    Orders { of: of.collect(), list: Arc::clone(&orders.list) }
}

/// What a new fleet would take away, more than half at once: seldom meant, and an empty file is the usual reason.
fn shrinks(old: &Plan, new: &Plan, zones: &BTreeMap<Name, Held>) -> Vec<Problem> {
    let names: HashSet<&Name> = new.zones.iter().map(|zone| &zone.name).collect();
    let gone = zones.iter().filter(|(name, held)| held.served.is_some() && !names.contains(name));
    let gone = gone.map(|(name, _)| format!("zone {name} would no longer be served"));
    let sets: HashMap<&str, usize> = new.sets.iter().map(|(name, panels)| (name.as_str(), *panels)).collect();
    let smaller = old.sets.iter().filter_map(|(name, before)| {
        let after = sets.get(name.as_str())?;
        (after * 2 < *before).then(|| format!("set {name} would shrink from {before} to {after} panels"))
    });
    let all = gone.chain(smaller);
    all.map(|what| {
        Problem::error(&new.file, 0, format!("{what}; the old fleet goes on")).hint("if that is meant: `meridian reload --force`")
    })
    .collect()
}

#[cfg(test)]
mod tests;
