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

/// Two panels that are checked, in one set under one hostname.
const CHECKED: &str = r#"
[[check]]
name = "c"
kind = "tcp"
port = 80
interval = "5s"
confirm = "200ms"
[[panel]]
name = "a"
addresses = ["192.0.2.1"]
checks = ["c"]
[[panel]]
name = "b"
addresses = ["192.0.2.2"]
checks = ["c"]
[[set]]
name = "s"
panels = ["a", "b"]
steer = "failover"
[[zone]]
name = "x.test"
file = "z"
[[hostname]]
name = "live.x.test"
set = "s"
"#;

/// A pilot with that fleet, and what stands of its answers and turns.
struct Flight {
    pilot: Pilot,
    now: Now,
    published: Vec<Arc<Snapshot>>,
    turned: Vec<String>,
    asked: Vec<Errand>,
}

impl Flight {
    /// Everything but the checks is done at once.
    fn begin(text: &str) -> Self {
        let now = Now { mono_ms: 1000, wall_s: 1_800_000_000 };
        let mut flight = Self { pilot: Pilot::default(), now, published: vec![], turned: vec![], asked: vec![] };
        flight.hand(planned(Self::plan(text)));
        flight
    }

    fn plan(text: &str) -> Plan {
        let (fleet, problems) = crate::fleet::parse("f", text.as_bytes(), std::path::Path::new(""));
        assert!(!problems.iter().any(Problem::is_error), "{problems:?}");
        crate::compile::plan::plan("f", fleet)
    }

    fn hand(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in self.pilot.handle(self.now, event) {
                match action {
                    Action::Publish(snapshot) => self.published.push(snapshot),
                    Action::Turned(turns) => {
                        self.turned.extend(turns.iter().map(|turn| format!("{} {}-{}", turn.panel, turn.from.word(), turn.to.word())));
                    }
                    Action::Ask(errands) => self.asked.extend(errands),
                    Action::Survey(ticket) => events.push(surveyed(ticket)),
                    Action::Build(job) => {
                        let compiled = crate::compile::zone::zone(&job.plan.name, "z", text(1).into(), &mut NoFiles, &job.plan.steered);
                        events.push(Event::Built { zone: job.plan.name.clone(), ticket: job.ticket, compiled });
                    }
                    Action::Chart(_) | Action::Watch(_) => {}
                }
            }
        }
    }

    /// Answers those that are asked, also later: one of them with `outcome`.
    fn report(&mut self, panel: &str, outcome: &Outcome) {
        for errand in std::mem::take(&mut self.asked) {
            let outcome = if *errand.panel == *panel { outcome.clone() } else { Outcome::Good };
            self.hand(reported(&errand, outcome));
        }
    }

    /// Lets time go to what is due next.
    fn wait(&mut self) {
        self.now.mono_ms = self.pilot.due_ms().unwrap().max(self.now.mono_ms);
        let actions = self.pilot.handle_all(self.now, []);
        for action in actions {
            match action {
                Action::Ask(errands) => self.asked.extend(errands),
                Action::Publish(snapshot) => self.published.push(snapshot),
                Action::Turned(turns) => {
                    self.turned.extend(turns.iter().map(|turn| format!("{} {}-{}", turn.panel, turn.from.word(), turn.to.word())));
                }
                _ => {}
            }
        }
    }

    /// Who has weight in the last snapshot, and the TTL.
    fn serving(&self) -> (Vec<u32>, u32) {
        let Some(Serving::Zone(_, services)) = self.published.last().unwrap().zones.iter().next() else { panic!("no zone") };
        let service = services.of_hostname(0).unwrap();
        let weighty = service.roster.members.iter().filter(|member| !member.weight(crate::steer::Family::V4).is_zero());
        (weighty.map(|member| member.panel).collect(), service.ttl)
    }

    /// Until `panel` has turned to `verdict`; everybody else is well.
    fn until(&mut self, panel: &str, outcome: Outcome, turn: &str) {
        for _ in 0..100 {
            if self.turned.iter().any(|told| told == turn) {
                return;
            }
            self.wait();
            self.report(panel, &outcome);
        }
        panic!("{turn} does not come: {:?}", self.turned);
    }
}

#[test]
fn nothing_is_published_before_everybody_was_asked_once() {
    let mut flight = Flight::begin(CHECKED);
    assert_eq!((flight.published.len(), flight.asked.len()), (0, 2));
    flight.report("a", &Outcome::Bad("broken".into()));
    assert_eq!((flight.published.len(), flight.serving()), (1, (vec![1], 60)));
    let mut flight = Flight::begin(CHECKED);
    flight.wait();
    assert_eq!((flight.published.len(), flight.now.mono_ms, flight.serving()), (1, 3000, (vec![0, 1], 60)));
}

#[test]
fn a_fall_is_answered_before_it_is_told_and_each_change_is_a_generation() {
    let mut flight = Flight::begin(CHECKED);
    flight.report("", &Outcome::Good);
    assert_eq!((flight.serving(), flight.turned.len()), ((vec![0, 1], 60), 2));
    flight.until("a", Outcome::Bad("broken".into()), "a degraded-down");
    // It failed, and its clients were told to ask again soon; then it was down.
    let generations: Vec<u64> = flight.published.iter().map(|snapshot| snapshot.generation).collect();
    assert_eq!((generations, flight.serving()), (vec![1, 2, 3], (vec![1], 10)));
    assert_eq!(flight.turned[2..], ["a up-up", "a up-degraded", "a degraded-down"]);
    flight.until("a", Outcome::Good, "a down-up");
    // It answers again, and it is back.
    assert_eq!((flight.published.len(), flight.serving()), (4, (vec![0, 1], 10)), "who answers again is down still");
    while flight.serving().1 == 10 {
        flight.wait();
        flight.report("", &Outcome::Good);
    }
    // By sixteenths, and two minutes after the last change as usual.
    assert_eq!(flight.serving(), (vec![0, 1], 60));
}

#[test]
fn reports_that_change_nothing_cost_nothing() {
    let mut flight = Flight::begin(CHECKED);
    flight.report("", &Outcome::Good);
    let published = flight.published.len();
    for _ in 0..100 {
        flight.wait();
        flight.report("", &Outcome::Good);
    }
    assert_eq!((flight.published.len(), flight.turned.len()), (published, 2));
}

#[test]
fn verdicts_that_come_together_are_one_generation() {
    let panels = 40;
    let list: String =
        (0..panels).map(|n| format!("[[panel]]\nname = \"p{n}\"\naddresses = [\"192.0.2.{n}\"]\nchecks = [\"c\"]\n")).collect();
    let names: String = (0..panels).map(|n| format!("\"p{n}\",")).collect();
    let text = CHECKED.replace("panels = [\"a\", \"b\"]", &format!("panels = [\"a\", \"b\", {names}]"));
    let mut flight = Flight::begin(&format!("{text}{list}"));
    flight.report("", &Outcome::Good);
    let mut failures: std::collections::HashMap<String, u32> = Default::default();
    let before = flight.published.len();
    while flight.turned.iter().filter(|turn| turn.ends_with("-down")).count() < panels {
        flight.wait();
        for errand in std::mem::take(&mut flight.asked) {
            let is_dead = errand.panel.starts_with('p');
            *failures.entry(errand.panel.to_string()).or_default() += u32::from(is_dead);
            flight.hand(reported(&errand, if is_dead { Outcome::Bad("gone".into()) } else { Outcome::Good }));
        }
    }
    assert_eq!(flight.serving().0, [0, 1]);
    // Each is published within ten milliseconds, and no two of them apart by less.
    assert!(flight.published.len() - before <= 2 * panels, "{}", flight.published.len() - before);
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
