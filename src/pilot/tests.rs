use super::*;
use crate::dns::master::Loader;
use crate::geo::Atlas;
use crate::health::{Errand, Outcome, Report};
use std::time::Duration;

struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("no files here".into())
    }
}

fn plan(zones: &[&str], panels: usize) -> Plan {
    let zone = |name: &&str| {
        Arc::new(ZonePlan { name: Name::parse(name).unwrap(), source: Source::File("z".into()), steered: vec![], lost: vec![] })
    };
    let zones: Vec<_> = zones.iter().map(zone).collect();
    let orders = zones.iter().map(|_| Orders::default()).collect();
    Plan { file: "fleet.toml".into(), zones, orders, sets: vec![("s".into(), panels)], ..Plan::default() }
}

fn text(hosts: usize) -> String {
    let hosts: String = (0..hosts).map(|n| format!("h{n} 60 IN A 192.0.2.1\n")).collect();
    format!("@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n{hosts}")
}

fn run(pilot: &mut Pilot, event: Event, text: &str) -> Option<Arc<Snapshot>> {
    let mut published = None;
    let mut events = vec![event];
    while let Some(event) = events.pop() {
        for action in pilot.handle(Now::default(), event) {
            match action {
                Action::Publish(snapshot) => published = Some(snapshot),
                Action::Survey(ticket) => events.push(surveyed(ticket)),
                Action::Chart(_) | Action::Watch(_) | Action::Turned(_) => {}
                Action::Ask(errands) => events.extend(errands.iter().map(|errand| reported(errand, Outcome::Good))),
                Action::Build(job) => {
                    let compiled = crate::compile::zone::zone(&job.plan.name, "z", text.into(), &mut NoFiles, &job.plan.steered);
                    events.push(Event::Built { zone: job.plan.name.clone(), ticket: job.ticket, compiled });
                }
            }
        }
    }
    published
}

fn reported(errand: &Errand, outcome: Outcome) -> Event {
    let report = Report { outcome, took: Duration::ZERO, stream_start: None, live: None };
    Event::Reported { target: errand.target, report }
}

fn surveyed(ticket: u64) -> Event {
    Event::Surveyed { ticket, survey: Box::new(Survey { atlas: Atlas::default(), problems: vec![] }) }
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
    Some(snapshot.zones.iter().map(|zone| (matches!(zone, Serving::Zone(..)), zone.apex().to_vec())).collect())
}

#[test]
fn nothing_to_build_is_a_start_too() {
    let mut pilot = Pilot::default();
    assert!(
        pilot.handle(Now::default(), Event::Manners(Manners { udp_size: 1400, ..Manners::default() })).is_empty(),
        "nothing is known yet"
    );
    let snapshot = run(&mut pilot, planned(plan(&[], 0)), "").unwrap();
    assert_eq!((snapshot.generation, snapshot.zones.is_empty(), snapshot.manners.udp_size), (1, true, 1400));
}

#[test]
fn a_zone_that_is_new_takes_no_names_before_it_is_built() {
    let mut pilot = Pilot::default();
    run(&mut pilot, planned(plan(&["x.test"], 2)), &text(4)).unwrap();
    let actions = pilot.handle(Now::default(), planned(plan(&["x.test", "kid.x.test"], 2)));
    assert!(published(&actions).is_none() && pilot.state().broken.is_empty());
    let jobs = jobs(&actions);
    let kid = jobs.iter().find(|job| job.plan.name.label_count() == 3).unwrap();
    // From here on its names are its own, and it is known to be broken.
    let zones = published(&pilot.handle(Now::default(), built(kid, "rubbish"))).unwrap();
    assert!(zones.contains(&(false, kid.plan.name.wire().to_vec())), "{zones:?}");
    assert_eq!(pilot.state().broken.len(), 1);
}

#[test]
fn a_zone_removed_while_it_is_built_and_added_again() {
    let mut pilot = Pilot::default();
    run(&mut pilot, planned(plan(&["x.test"], 2)), &text(4)).unwrap();
    let first = jobs(&pilot.handle(Now::default(), planned(plan(&["x.test", "y.test"], 2))));
    let old = first.iter().find(|job| job.plan.name == Name::parse("y.test").unwrap()).unwrap();
    pilot.handle(Now::default(), planned(plan(&["x.test"], 2)));
    assert!(pilot.handle(Now::default(), built(old, &text(1))).is_empty(), "it is gone");
    let again = jobs(&pilot.handle(Now::default(), planned(plan(&["x.test", "y.test"], 2))));
    assert!(pilot.handle(Now::default(), built(old, &text(1))).is_empty(), "an old ticket");
    let new = again.iter().find(|job| job.plan.name == old.plan.name).unwrap();
    let zones = published(&pilot.handle(Now::default(), built(new, &text(2)))).unwrap();
    assert!(zones.contains(&(true, new.plan.name.wire().to_vec())));
}

#[test]
fn force_waits_for_its_own_build() {
    let mut pilot = Pilot::default();
    let name = Name::parse("x.test").unwrap();
    run(&mut pilot, planned(plan(&["x.test"], 2)), &text(7)).unwrap();
    let first = jobs(&pilot.handle(Now::default(), Event::Touched { zones: vec![name.clone()], force: false }));
    assert!(pilot.handle(Now::default(), Event::Touched { zones: vec![name.clone()], force: true }).is_empty());
    assert!(pilot.handle(Now::default(), Event::Touched { zones: vec![name.clone()], force: false }).is_empty());
    let actions = pilot.handle(Now::default(), built(&first[0], &text(0)));
    assert!(published(&actions).is_none(), "the first one was not forced");
    let second = jobs(&actions);
    assert!(published(&pilot.handle(Now::default(), built(&second[0], &text(0)))).is_some(), "the second one was");
    assert_eq!(pilot.state().records, 3);
}

#[test]
fn a_database_that_was_never_good_keeps_no_other_back() {
    let mut pilot = Pilot::default();
    run(&mut pilot, planned(plan(&["x.test"], 2)), &text(1)).unwrap();
    let mut said = |file: Option<&str>| {
        let Some(Action::Survey(ticket)) = pilot.handle(Now::default(), Event::Moved).pop() else { panic!("nothing is read") };
        let problems = file.map(|file| Problem::error(file, 0, "broken")).into_iter().collect();
        let survey = Box::new(Survey { atlas: Atlas::default(), problems });
        pilot.handle(Now::default(), Event::Surveyed { ticket, survey }).iter().any(|action| matches!(action, Action::Publish(_)))
    };
    assert!(said(None));
    assert!(!said(Some("a.mmdb")), "it was good before");
    assert!(said(None));
    let mut cold = Pilot::default();
    cold.handle(Now::default(), planned(plan(&[], 0)));
    let survey = |file| Box::new(Survey { atlas: Atlas::default(), problems: vec![Problem::error(file, 0, "broken")] });
    let taken = |actions: Vec<Action>| actions.iter().any(|action| matches!(action, Action::Publish(_)));
    assert!(
        taken(cold.handle(Now::default(), Event::Surveyed { ticket: 1, survey: survey("a.mmdb") })),
        "the sound ones are better than none"
    );
    cold.handle(Now::default(), Event::Moved);
    assert!(taken(cold.handle(Now::default(), Event::Surveyed { ticket: 2, survey: survey("a.mmdb") })), "another one has changed");
    cold.handle(Now::default(), Event::Moved);
    assert!(!taken(cold.handle(Now::default(), Event::Surveyed { ticket: 3, survey: survey("b.mmdb") })), "that one was good");
}

#[test]
fn what_comes_together_is_published_once() {
    let mut pilot = Pilot::default();
    let actions = pilot.handle(Now::default(), planned(plan(&["x.test", "y.test"], 2)));
    let done = |action: &Action| match action {
        Action::Build(job) => built(job, &text(1)),
        Action::Survey(ticket) => surveyed(*ticket),
        other => panic!("{other:?}"),
    };
    let actions = pilot.handle_all(Now::default(), actions.iter().map(done));
    assert!(matches!(&actions[..], [Action::Publish(snapshot)] if snapshot.generation == 1), "{actions:?}");
}

#[test]
fn a_change_during_a_build_is_built_again() {
    let mut pilot = Pilot::default();
    let name = Name::parse("x.test").unwrap();
    let first = jobs(&pilot.handle(Now::default(), planned(plan(&["x.test"], 2))));
    assert!(pilot.handle(Now::default(), Event::Touched { zones: vec![name], force: false }).is_empty());
    let actions = pilot.handle(Now::default(), built(&first[0], &text(1)));
    assert!(matches!(&actions[..], [Action::Build(second)] if second.ticket > first[0].ticket), "{actions:?}");
}

#[test]
fn a_wish_for_what_is_so_anyway_changes_nothing() {
    let text = "[[panel]]\nname = \"a\"\naddresses = [\"192.0.2.9\"]\n[[set]]\nname = \"s\"\npanels = [\"a\"]\n\
        [[zone]]\nname = \"x.test\"\nfile = \"z\"\n[[hostname]]\nname = \"live.x.test\"\nset = \"s\"\n";
    let (fleet, problems) = crate::fleet::parse("f", text.as_bytes(), std::path::Path::new(""));
    assert!(!problems.iter().any(Problem::is_error), "{problems:?}");
    let mut pilot = Pilot::default();
    assert!(run(&mut pilot, planned(crate::compile::plan::plan("f", fleet)), &self::text(1)).is_some());
    let wish = |state, until_s| Event::Wishes(vec![Wish { panel: "a".into(), state, since_s: 0, over_s: None, until_s }]);
    let mut said = |event| run(&mut pilot, event, "").is_some();
    let enabled = crate::fleet::State::Enabled;
    // Neither does it lower a TTL, nor does its end.
    assert_eq!((said(wish(enabled, Some(60))), said(Event::Wishes(vec![]))), (false, false));
    assert!(said(wish(crate::fleet::State::Draining, None)));
}
