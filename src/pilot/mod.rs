//! Events in, actions out: the one place where a new snapshot comes into being.
//!
//! Owns   which version of which zone is served, and which problems stand.
//! Takes  plans, compiled zones and manners, as events.
//! Gives  zones to build, and snapshots to publish.
//! Never  reads a file or waits: what takes long leaves as `Action::Build` and comes back as `Event::Built`.

use crate::compile::plan::{Plan, ZonePlan};
use crate::compile::zone::Compiled;
use crate::dns::name::Name;
use crate::document::Problem;
use crate::snapshot::zone::Zone;
use crate::snapshot::{Manners, Serving, Snapshot, Zones};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

#[derive(Debug)]
pub enum Event {
    /// The fleet was read again. Everything in it is built again too.
    Plan {
        plan: Plan,
        problems: Vec<Problem>,
        force: bool,
    },
    /// Files of these zones have changed.
    Touched {
        zones: Vec<Name>,
        force: bool,
    },
    Built {
        zone: Name,
        ticket: u64,
        compiled: Compiled,
    },
    Manners(Manners),
}

#[derive(Debug)]
pub enum Action {
    Build(Job),
    Publish(Arc<Snapshot>),
}

/// A zone to be read and compiled.
#[derive(Clone, Debug)]
pub struct Job {
    pub plan: Arc<ZonePlan>,
    pub ticket: u64,
}

/// What is served and what is wrong, for whoever asks.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub generation: u64,
    /// Zones that are answered, and zones that get SERVFAIL.
    pub sound: usize,
    pub broken: Vec<Name>,
    pub records: usize,
    pub problems: Vec<Problem>,
}

#[derive(Debug, Default)]
pub struct Pilot {
    plan: Plan,
    plan_problems: Vec<Problem>,
    zones: BTreeMap<Name, Held>,
    manners: Arc<Manners>,
    generation: u64,
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
    served: Option<Arc<Zone>>,
    /// Names that should be steered in the served version, and nobody knows to where.
    lost: Vec<Name>,
    /// It has been built once, well or not. Until then the zones above it go on answering for its names.
    tried: bool,
    problems: Vec<Problem>,
    files: Vec<String>,
    /// The build under way, and whether it may take much away.
    building: Option<(u64, bool)>,
    /// Something changed while it was under way.
    again: Option<bool>,
}

impl Pilot {
    pub fn handle(&mut self, event: Event) -> Vec<Action> {
        self.handle_all([event])
    }

    /// As many events as have come, and one snapshot for them: making one takes as long as there are zones.
    pub fn handle_all(&mut self, events: impl IntoIterator<Item = Event>) -> Vec<Action> {
        let mut actions = Vec::new();
        for event in events {
            self.take(event, &mut actions);
        }
        if self.started && std::mem::take(&mut self.unpublished) {
            self.publish(&mut actions);
        }
        actions
    }

    fn take(&mut self, event: Event, actions: &mut Vec<Action>) {
        match event {
            Event::Plan { plan, problems, force } => self.planned(plan, problems, force, actions),
            Event::Touched { zones, force } => {
                for name in zones {
                    self.build(&name, force, actions);
                }
            }
            Event::Built { zone, ticket, compiled } => self.built(&zone, ticket, compiled, actions),
            Event::Manners(manners) => {
                if *self.manners != manners {
                    self.manners = Arc::new(manners);
                    self.unpublished = true;
                }
            }
        }
    }

    pub fn state(&self) -> State {
        let broken = self.zones.iter().filter(|(_, held)| held.tried && held.served.is_none()).map(|(name, _)| name);
        let broken = broken.chain(&self.plan.lost).cloned();
        let served = self.zones.values().filter_map(|held| held.served.as_ref());
        State {
            generation: self.generation,
            sound: served.clone().count(),
            broken: broken.collect(),
            records: served.map(|zone| zone.records()).sum(),
            problems: self.plan_problems.iter().chain(self.zones.values().flat_map(|held| &held.problems)).cloned().collect(),
        }
    }

    /// Every file that was read for a zone, as its compiler named it.
    pub fn files(&self) -> impl Iterator<Item = (&Name, &[String])> {
        self.zones.iter().map(|(name, held)| (name, &*held.files))
    }

    /// No zone is being built.
    pub fn is_idle(&self) -> bool {
        self.building == 0
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
        let before = self.zones.len();
        let names: HashSet<&Name> = plan.zones.iter().map(|zone| &zone.name).collect();
        self.zones.retain(|name, held| {
            let stays = names.contains(name);
            self.building -= usize::from(!stays && held.building.is_some());
            stays
        });
        self.unpublished |= self.zones.len() != before || self.plan.lost != plan.lost;
        for zone in &plan.zones {
            match self.zones.get_mut(&zone.name) {
                Some(held) => held.plan = Arc::clone(zone),
                None => {
                    // Watched from now on, so that no change is missed while it is read for the first time.
                    let files = vec![zone.file.display().to_string()];
                    let plan = Arc::clone(zone);
                    let held =
                        Held { plan, served: None, lost: vec![], tried: false, problems: vec![], files, building: None, again: None };
                    self.zones.insert(zone.name.clone(), held);
                }
            }
            self.build(&zone.name, force, actions);
        }
        self.plan = plan;
        self.start_if_done();
    }

    fn build(&mut self, name: &Name, force: bool, actions: &mut Vec<Action>) {
        let Some(held) = self.zones.get_mut(name) else { return };
        if held.building.is_some() {
            held.again = Some(held.again.unwrap_or(false) || force);
            return;
        }
        self.tickets += 1;
        held.building = Some((self.tickets, force));
        self.building += 1;
        actions.push(Action::Build(Job { plan: Arc::clone(&held.plan), ticket: self.tickets }));
    }

    fn built(&mut self, name: &Name, ticket: u64, compiled: Compiled, actions: &mut Vec<Action>) {
        let Some(held) = self.zones.get_mut(name) else { return };
        let Some((expected, force)) = held.building else { return };
        if expected != ticket {
            return;
        }
        held.building = None;
        self.building -= 1;
        held.files = compiled.files;
        held.problems = compiled.problems;
        self.unpublished |= !held.tried;
        held.tried = true;
        if let Some(zone) = compiled.zone {
            match &held.served {
                Some(_) if held.problems.iter().any(Problem::is_error) => {}
                Some(old) if !force && zone.records() * 2 < old.records() => {
                    let shown = held.files.first().map_or("", String::as_str);
                    let what =
                        format!("zone {name} would shrink from {} to {} records; the old version goes on", old.records(), zone.records());
                    held.problems.push(Problem::error(shown, 0, what).hint("if that is meant: `meridian reload --force`"));
                }
                _ => {
                    held.served = Some(Arc::new(zone));
                    held.lost.clone_from(&held.plan.lost);
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
        if !self.started && self.is_idle() {
            self.started = true;
            self.unpublished = true;
        }
    }

    fn publish(&mut self, actions: &mut Vec<Action>) {
        self.generation += 1;
        let mut serving: Vec<Serving> = Vec::with_capacity(self.zones.len());
        // Where only the name is known the answer is SERVFAIL: REFUSED or NXDOMAIN would keep resolvers from asking other servers.
        let broken = |name: &Name| Serving::Broken(name.wire().into());
        for (name, held) in self.zones.iter().filter(|(_, held)| held.tried) {
            serving.push(held.served.as_ref().map_or_else(|| broken(name), |zone| Serving::Zone(Arc::clone(zone))));
            serving.extend(held.lost.iter().map(broken));
        }
        serving.extend(self.plan.lost.iter().map(broken));
        let snapshot = Snapshot { generation: self.generation, zones: Zones::new(serving), manners: Arc::clone(&self.manners) };
        actions.push(Action::Publish(Arc::new(snapshot)));
    }
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
mod tests {
    use super::*;
    use crate::dns::master::Loader;

    struct NoFiles;

    impl Loader for NoFiles {
        fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
            Err("no files here".into())
        }
    }

    fn plan(zones: &[&str], panels: usize) -> Plan {
        let zone = |name: &&str| Arc::new(ZonePlan { name: Name::parse(name).unwrap(), file: "z".into(), steered: vec![], lost: vec![] });
        Plan { file: "fleet.toml".into(), zones: zones.iter().map(zone).collect(), lost: vec![], sets: vec![("s".into(), panels)] }
    }

    fn text(hosts: usize) -> String {
        let hosts: String = (0..hosts).map(|n| format!("h{n} 60 IN A 192.0.2.1\n")).collect();
        format!("@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n{hosts}")
    }

    fn run(pilot: &mut Pilot, event: Event, text: &str) -> Option<Arc<Snapshot>> {
        let mut published = None;
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in pilot.handle(event) {
                match action {
                    Action::Publish(snapshot) => published = Some(snapshot),
                    Action::Build(job) => {
                        let compiled = crate::compile::zone::zone(&job.plan.name, "z", text.into(), &mut NoFiles, &job.plan.steered);
                        events.push(Event::Built { zone: job.plan.name.clone(), ticket: job.ticket, compiled });
                    }
                }
            }
        }
        published
    }

    fn planned(plan: Plan) -> Event {
        Event::Plan { plan, problems: vec![], force: false }
    }

    #[test]
    fn a_broken_zone_never_replaces_a_good_one() {
        let mut pilot = Pilot::default();
        let first = run(&mut pilot, planned(plan(&["x.test"], 2)), &text(4)).unwrap();
        assert_eq!((first.generation, pilot.state().records), (1, 7));
        assert!(run(&mut pilot, planned(plan(&["x.test"], 2)), "rubbish").is_none());
        assert_eq!(pilot.state().records, 7);
        assert!(pilot.state().problems.iter().any(Problem::is_error));
        assert_eq!(run(&mut pilot, planned(plan(&["x.test"], 2)), &text(5)).unwrap().generation, 2);
        assert!(pilot.state().problems.is_empty());
    }

    #[test]
    fn a_cold_start_serves_what_is_sound() {
        let mut pilot = Pilot::default();
        assert!(run(&mut pilot, planned(plan(&["x.test"], 2)), "rubbish").is_some());
        assert_eq!(pilot.state().broken, [Name::parse("x.test").unwrap()]);
        assert_eq!(pilot.state().sound, 0);
    }

    #[test]
    fn what_takes_away_more_than_half_needs_force() {
        let mut pilot = Pilot::default();
        run(&mut pilot, planned(plan(&["x.test", "y.test"], 4)), &text(7)).unwrap();
        assert!(run(&mut pilot, planned(plan(&["x.test", "y.test"], 4)), &text(1)).is_none(), "4 of 10 records");
        assert!(run(&mut pilot, planned(plan(&["x.test", "y.test"], 4)), &text(2)).is_some(), "5 of 10 records");
        run(&mut pilot, planned(plan(&["x.test", "y.test"], 1)), &text(2));
        assert!(pilot.state().problems[0].what.contains("set s would shrink from 4 to 1"), "{:?}", pilot.state().problems);
        run(&mut pilot, planned(plan(&[], 4)), &text(2));
        assert_eq!(pilot.state().sound, 2);
        let broken = Event::Plan { plan: plan(&[], 4), problems: vec![Problem::error("fleet.toml", 1, "not TOML")], force: false };
        run(&mut pilot, broken, &text(2));
        assert_eq!(pilot.state().problems.len(), 1, "{:?}", pilot.state().problems);
        let forced = Event::Plan { plan: plan(&["x.test"], 1), problems: vec![], force: true };
        assert!(run(&mut pilot, forced, &text(0)).is_some());
        assert_eq!((pilot.state().sound, pilot.state().records), (1, 3));
    }

    fn jobs(actions: &[Action]) -> Vec<Job> {
        actions.iter().filter_map(|action| if let Action::Build(job) = action { Some(job.clone()) } else { None }).collect()
    }

    fn built(job: &Job, text: &str) -> Event {
        let compiled = crate::compile::zone::zone(&job.plan.name, "z", text.into(), &mut NoFiles, &[]);
        Event::Built { zone: job.plan.name.clone(), ticket: job.ticket, compiled }
    }

    fn published(actions: &[Action]) -> Option<Vec<(bool, Vec<u8>)>> {
        let snapshot = actions.iter().find_map(|action| if let Action::Publish(snapshot) = action { Some(snapshot) } else { None })?;
        Some(snapshot.zones.iter().map(|zone| (matches!(zone, Serving::Zone(_)), zone.apex().to_vec())).collect())
    }

    #[test]
    fn nothing_to_build_is_a_start_too() {
        let mut pilot = Pilot::default();
        assert!(pilot.handle(Event::Manners(Manners { udp_size: 1400, ..Manners::default() })).is_empty(), "nothing is known yet");
        let actions = pilot.handle(planned(plan(&[], 0)));
        let [Action::Publish(snapshot)] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!((snapshot.generation, snapshot.zones.is_empty(), snapshot.manners.udp_size), (1, true, 1400));
    }

    #[test]
    fn a_zone_that_is_new_takes_no_names_before_it_is_built() {
        let mut pilot = Pilot::default();
        run(&mut pilot, planned(plan(&["x.test"], 2)), &text(4)).unwrap();
        let actions = pilot.handle(planned(plan(&["x.test", "kid.x.test"], 2)));
        assert!(published(&actions).is_none() && pilot.state().broken.is_empty());
        let jobs = jobs(&actions);
        let kid = jobs.iter().find(|job| job.plan.name.label_count() == 3).unwrap();
        // From here on its names are its own, and it is known to be broken.
        let zones = published(&pilot.handle(built(kid, "rubbish"))).unwrap();
        assert!(zones.contains(&(false, kid.plan.name.wire().to_vec())), "{zones:?}");
        assert_eq!(pilot.state().broken.len(), 1);
    }

    #[test]
    fn a_zone_removed_while_it_is_built_and_added_again() {
        let mut pilot = Pilot::default();
        run(&mut pilot, planned(plan(&["x.test"], 2)), &text(4)).unwrap();
        let first = jobs(&pilot.handle(planned(plan(&["x.test", "y.test"], 2))));
        let old = first.iter().find(|job| job.plan.name == Name::parse("y.test").unwrap()).unwrap();
        pilot.handle(planned(plan(&["x.test"], 2)));
        assert!(pilot.handle(built(old, &text(1))).is_empty(), "it is gone");
        let again = jobs(&pilot.handle(planned(plan(&["x.test", "y.test"], 2))));
        assert!(pilot.handle(built(old, &text(1))).is_empty(), "an old ticket");
        let new = again.iter().find(|job| job.plan.name == old.plan.name).unwrap();
        let zones = published(&pilot.handle(built(new, &text(2)))).unwrap();
        assert!(zones.contains(&(true, new.plan.name.wire().to_vec())));
    }

    #[test]
    fn force_waits_for_its_own_build() {
        let mut pilot = Pilot::default();
        let name = Name::parse("x.test").unwrap();
        run(&mut pilot, planned(plan(&["x.test"], 2)), &text(7)).unwrap();
        let first = jobs(&pilot.handle(Event::Touched { zones: vec![name.clone()], force: false }));
        assert!(pilot.handle(Event::Touched { zones: vec![name.clone()], force: true }).is_empty());
        assert!(pilot.handle(Event::Touched { zones: vec![name.clone()], force: false }).is_empty());
        let actions = pilot.handle(built(&first[0], &text(0)));
        assert!(published(&actions).is_none(), "the first one was not forced");
        let second = jobs(&actions);
        assert!(published(&pilot.handle(built(&second[0], &text(0)))).is_some(), "the second one was");
        assert_eq!(pilot.state().records, 3);
    }

    #[test]
    fn what_comes_together_is_published_once() {
        let mut pilot = Pilot::default();
        let builds = pilot.handle(planned(plan(&["x.test", "y.test"], 2)));
        let built = |action: &Action| {
            let Action::Build(job) = action else { panic!("{action:?}") };
            let compiled = crate::compile::zone::zone(&job.plan.name, "z", text(1).into(), &mut NoFiles, &[]);
            Event::Built { zone: job.plan.name.clone(), ticket: job.ticket, compiled }
        };
        let actions = pilot.handle_all(builds.iter().map(built));
        assert!(matches!(&actions[..], [Action::Publish(snapshot)] if snapshot.generation == 1), "{actions:?}");
    }

    #[test]
    fn a_change_during_a_build_is_built_again() {
        let mut pilot = Pilot::default();
        let name = Name::parse("x.test").unwrap();
        let actions = pilot.handle(planned(plan(&["x.test"], 2)));
        let [Action::Build(job)] = &actions[..] else { panic!("{actions:?}") };
        assert!(pilot.handle(Event::Touched { zones: vec![name.clone()], force: false }).is_empty());
        let compiled = crate::compile::zone::zone(&name, "z", text(1).into(), &mut NoFiles, &[]);
        let actions = pilot.handle(Event::Built { zone: name, ticket: job.ticket, compiled });
        assert!(matches!(&actions[..], [Action::Build(second)] if second.ticket > job.ticket), "{actions:?}");
    }
}
