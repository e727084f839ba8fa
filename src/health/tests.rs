use super::*;
use crate::fleet::{self, Fleet};

const FLEET: &str = r#"
[[check]]
name = "c"
kind = "tcp"
port = 80
interval = "10s"
[[check]]
name = "h"
kind = "http"
url = "http://{address}:80/"
[[check]]
name = "beat"
kind = "heartbeat"
interval = "10s"
[[panel]]
name = "a"
addresses = ["192.0.2.1", "2001:db8::1"]
checks = ["c"]
capacity = 100
[[panel]]
name = "b"
addresses = ["192.0.2.2"]
checks = ["c", "h"]
[[panel]]
name = "free"
addresses = ["192.0.2.3"]
[[panel]]
name = "own"
addresses = ["192.0.2.4"]
checks = ["beat"]
"#;

fn fleet(text: &str) -> Fleet {
    let (fleet, problems) = fleet::parse("f", text.as_bytes(), std::path::Path::new(""));
    assert!(!problems.iter().any(|problem| problem.is_error()), "{problems:?}");
    fleet
}

fn at(mono_ms: u64) -> Now {
    Now { mono_ms, wall_s: 1_800_000_000 + mono_ms / 1000 }
}

fn report(outcome: Outcome) -> Report {
    Report { outcome, took: Duration::from_millis(7), stream_start: None, live: None }
}

fn bad() -> Report {
    report(Outcome::Bad("broken".into()))
}

/// Who is asked now, as `panel address check`.
fn asked(health: &mut Health, now: Now) -> Vec<(String, Target)> {
    health.advance(now);
    let errands = health.take_errands().into_iter();
    let mut asked: Vec<(String, Target)> =
        errands.map(|errand| (format!("{} {} {}", errand.panel, errand.address, errand.check.name), errand.target)).collect();
    asked.sort();
    asked
}

/// Follows the fleet, and everybody who is asked answers well.
fn begun(text: &str, now: Now) -> (Health, HashMap<String, Target>) {
    let mut health = Health::default();
    health.follow(&fleet(text), now);
    let targets: HashMap<String, Target> = asked(&mut health, now).into_iter().collect();
    for target in targets.values() {
        health.report(*target, &report(Outcome::Good), now);
    }
    health.advance(now);
    health.take_turns(now);
    health.take_stirred();
    (health, targets)
}

fn life(health: &Health, panel: &str, address: &str) -> Life {
    health.conditions()[panel].life(address.parse().unwrap())
}

/// Lets it fail until it is down, and gives when it is.
fn fell(health: &mut Health, target: Target, mut now_ms: u64) -> u64 {
    loop {
        now_ms = health.due_ms().unwrap().max(now_ms);
        for (_, other) in asked(health, at(now_ms)) {
            health.report(other, &if other == target { bad() } else { report(Outcome::Good) }, at(now_ms));
        }
        let is_down =
            |health: &Health| health.views(at(now_ms)).iter().any(|panel| panel.addresses.iter().any(|at| at.verdict == Verdict::Down));
        if is_down(health) {
            return now_ms;
        }
    }
}

#[test]
fn everybody_is_asked_at_once_and_the_round_ends_with_the_last() {
    let mut health = Health::default();
    assert!(!health.is_round_over());
    health.follow(&fleet(FLEET), at(5));
    assert_eq!(health.due_ms(), Some(5));
    let targets = asked(&mut health, at(5));
    let names: Vec<&str> = targets.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a 192.0.2.1 c", "a 2001:db8::1 c", "b 192.0.2.2 c", "b 192.0.2.2 h"]);
    // Without history what is not known counts as up.
    assert_eq!(life(&health, "a", "192.0.2.1"), Life::Presumed);
    for (_, target) in &targets[1..] {
        health.report(*target, &report(Outcome::Good), at(6));
    }
    health.advance(at(7));
    assert!(!health.is_round_over());
    // Nobody is asked twice at a time, whatever is due.
    assert_eq!(asked(&mut health, at(1999)), []);
    health.report(targets[0].1, &bad(), at(1999));
    health.advance(at(1999));
    assert!(health.is_round_over());
    // The first result decides alone.
    assert_eq!((life(&health, "a", "192.0.2.1"), life(&health, "a", "2001:db8::1")), (Life::Down, Life::Up));
    assert_eq!(health.view("a", at(1999)).unwrap().verdict, Verdict::Degraded);
    assert_eq!(health.view("free", at(1999)).unwrap().verdict, Verdict::Unchecked);
}

#[test]
fn the_first_round_waits_two_seconds_and_no_more() {
    let mut health = Health::default();
    health.follow(&fleet(FLEET), at(5));
    asked(&mut health, at(5));
    assert_eq!(health.due_ms(), Some(2005));
    health.advance(at(2004));
    assert!(!health.is_round_over());
    health.advance(at(2005));
    assert!(health.is_round_over());
    let mut health = Health::default();
    health.follow(&fleet("[[panel]]\nname = \"x\"\naddresses = [\"192.0.2.1\"]"), at(5));
    health.advance(at(5));
    assert!(health.is_round_over(), "nobody is asked");
}

#[test]
fn detection_takes_no_longer_than_promised() {
    for seed in 0..200 {
        let mut health = Health::new(seed, None);
        health.follow(&fleet(FLEET), at(0));
        let targets: HashMap<String, Target> = asked(&mut health, at(0)).into_iter().collect();
        targets.values().for_each(|target| health.report(*target, &report(Outcome::Good), at(0)));
        health.take_turns(at(0));
        // It dies right after it was seen well: an interval, and two confirmations; timeouts would come on top.
        let fell_ms = fell(&mut health, targets["a 192.0.2.1 c"], 0);
        assert!(fell_ms <= 10_000 + 2 * 500, "{fell_ms}");
        let turns = health.take_turns(at(fell_ms));
        let words: Vec<String> = turns
            .iter()
            .map(|turn| format!("{} {:?} {}-{}", turn.panel, turn.address.map(|at| at.is_ipv4()), turn.from.word(), turn.to.word()))
            .collect();
        let expected = ["a Some(true) up-up", "a Some(true) up-degraded", "a None up-degraded", "a Some(true) degraded-down"];
        assert_eq!(words, expected);
        assert_eq!((turns[3].took_ms, turns[3].reason.as_str()), (Some(1000), "broken"));
    }
}

#[test]
fn checks_are_spread_and_never_late() {
    let panels: String =
        (0..200).map(|n| format!("[[panel]]\nname = \"p{n}\"\naddresses = [\"192.0.2.{n}\"]\nchecks = [\"c\"]\n")).collect();
    let (mut health, _) = begun(&format!("[[check]]\nname = \"c\"\nkind = \"tcp\"\nport = 80\ninterval = \"10s\"\n{panels}"), at(0));
    let mut last: HashMap<Target, u64> = HashMap::new();
    let mut per_second = [0; 60];
    while let Some(now_ms) = health.due_ms().filter(|due| *due < 60_000) {
        // Nobody is woken for one of them alone.
        assert!(now_ms % GRID_MS == 0, "{now_ms}");
        for (_, target) in asked(&mut health, at(now_ms)) {
            if let Some(before) = last.insert(target, now_ms) {
                assert!((9_000..=10_000).contains(&(now_ms - before)), "{}", now_ms - before);
            }
            per_second[now_ms as usize / 1000] += 1;
            health.report(target, &report(Outcome::Good), at(now_ms));
        }
    }
    assert_eq!(last.len(), 200);
    assert!(per_second[10..].iter().all(|count| (5..60).contains(count)), "{per_second:?}");
}

#[test]
fn the_watch_asks_at_once_and_two_refusals_are_enough() {
    let (mut health, targets) = begun(FLEET, at(0));
    let target = targets["a 192.0.2.1 c"];
    let begun: Vec<Target> = health
        .take_watching()
        .iter()
        .map(|watching| if let Watching::Begin(vigil) = watching { vigil.target } else { Target(0) })
        .collect();
    // One for each port of an address.
    assert_eq!(begun.len(), 3);
    assert!(begun.contains(&target) && begun.contains(&targets["b 192.0.2.2 c"]) && !begun.contains(&targets["b 192.0.2.2 h"]));
    health.watching(target);
    assert!(health.view("a", at(0)).unwrap().addresses[0].checks[0].is_watched);
    health.broken(target, Duration::from_secs(1), at(1000));
    assert_eq!(asked(&mut health, at(1000)), [("a 192.0.2.1 c".into(), target)]);
    health.report(target, &report(Outcome::Refused), at(1001));
    assert_eq!(health.due_ms(), Some(1051));
    assert_eq!(asked(&mut health, at(1051)), [("a 192.0.2.1 c".into(), target)]);
    health.report(target, &report(Outcome::Refused), at(1052));
    assert_eq!(life(&health, "a", "192.0.2.1"), Life::Down);
    let turns = health.take_turns(at(1055));
    assert_eq!(turns.iter().map(|turn| turn.took_ms).max().flatten(), Some(55));
    assert_eq!(health.take_stirred().judged.len(), 1);
}

#[test]
fn a_watch_that_breaks_while_a_check_is_under_way_is_not_forgotten() {
    let (mut health, targets) = begun(FLEET, at(0));
    let target = targets["a 192.0.2.1 c"];
    health.watching(target);
    let now_ms = health.due_ms().unwrap();
    let mut now_ms = now_ms;
    loop {
        if asked(&mut health, at(now_ms)).iter().any(|(_, other)| *other == target) {
            break;
        }
        now_ms = health.due_ms().unwrap();
    }
    health.broken(target, Duration::from_secs(1), at(now_ms));
    assert!(!asked(&mut health, at(now_ms)).iter().any(|(_, other)| *other == target), "one at a time");
    health.report(target, &report(Outcome::Good), at(now_ms + 1));
    assert!(asked(&mut health, at(now_ms + 1)).iter().any(|(_, other)| *other == target));
    health.report(target, &report(Outcome::Refused), at(now_ms + 2));
    assert!(asked(&mut health, at(now_ms + 52)).iter().any(|(_, other)| *other == target));
}

#[test]
fn the_worst_of_several_checks_counts() {
    let (mut health, targets) = begun(FLEET, at(0));
    let now_ms = fell(&mut health, targets["b 192.0.2.2 h"], 0);
    assert_eq!(life(&health, "b", "192.0.2.2"), Life::Down);
    let view = health.view("b", at(now_ms)).unwrap();
    let verdicts: Vec<Verdict> = view.addresses[0].checks.iter().map(|check| check.verdict).collect();
    assert_eq!((view.verdict, verdicts, view.reason.as_str()), (Verdict::Down, vec![Verdict::Up, Verdict::Down], "broken"));
}

#[test]
fn who_comes_back_comes_back_slowly_and_is_told() {
    let (mut health, targets) = begun(FLEET, at(0));
    let target = targets["b 192.0.2.2 c"];
    let mut now_ms = fell(&mut health, target, 0);
    assert_eq!(health.conditions()["b"].turned_ms, Some(now_ms));
    health.take_turns(at(now_ms));
    while life(&health, "b", "192.0.2.2") == Life::Down {
        now_ms = health.due_ms().unwrap();
        for (_, target) in asked(&mut health, at(now_ms)) {
            health.report(target, &report(Outcome::Good), at(now_ms));
        }
    }
    let condition = &health.conditions()["b"];
    assert_eq!((condition.returned_ms, condition.turned_ms, condition.is_wavering), (Some(now_ms), Some(now_ms), false));
    let turns = health.take_turns(at(now_ms));
    assert_eq!((turns[0].to, turns[0].reason.as_str(), turns[0].took_ms), (Verdict::Up, "it answers again", None));
    assert_eq!(health.conditions()["a"].returned_ms, None, "not at the start");
}

#[test]
fn a_changed_fleet_starts_and_stops_exactly_what_it_concerns() {
    let (mut health, targets) = begun(FLEET, at(0));
    health.take_watching();
    health.follow(&fleet(FLEET), at(100));
    assert_eq!(asked(&mut health, at(100)), []);
    // One address and one panel more, one panel less.
    let text =
        FLEET.replace("[\"192.0.2.2\"]", "[\"192.0.2.2\", \"192.0.2.9\"]").replace("name = \"free\"", "name = \"new\"\nchecks = [\"c\"]");
    health.follow(&fleet(&text), at(200));
    let names: Vec<String> = asked(&mut health, at(200)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["b 192.0.2.9 c", "b 192.0.2.9 h", "new 192.0.2.3 c"]);
    assert_eq!(
        (life(&health, "b", "192.0.2.9"), life(&health, "b", "192.0.2.2"), life(&health, "new", "192.0.2.3")),
        (Life::New, Life::Up, Life::New)
    );
    assert!(health.view("free", at(0)).is_none() && health.take_watching().is_empty());
    // A check that asks for something else begins anew, and the panels count as what they were.
    let text = FLEET.replace("port = 80", "port = 81");
    let before = fell(&mut health, targets["a 192.0.2.1 c"], 200);
    health.follow(&fleet(&text), at(before));
    let names: Vec<String> = asked(&mut health, at(before)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a 192.0.2.1 c", "a 2001:db8::1 c", "b 192.0.2.2 c"]);
    assert_eq!(
        (life(&health, "a", "192.0.2.1"), life(&health, "a", "2001:db8::1"), life(&health, "b", "192.0.2.2")),
        (Life::Down, Life::Up, Life::Up)
    );
    // What was asked for nobody any more is not listened to.
    health.report(targets["a 192.0.2.1 c"], &report(Outcome::Good), at(before));
    assert_eq!(life(&health, "a", "192.0.2.1"), Life::Down);
}

#[test]
fn a_panel_that_reports_by_itself_is_down_when_it_falls_silent() {
    let (mut health, _) = begun(FLEET, at(0));
    assert_eq!(life(&health, "own", "192.0.2.4"), Life::Presumed);
    let silent = |health: &mut Health, until_ms: u64| {
        while let Some(now_ms) = health.due_ms().filter(|due| *due <= until_ms) {
            for (_, target) in asked(health, at(now_ms)) {
                health.report(target, &report(Outcome::Good), at(now_ms));
            }
        }
    };
    silent(&mut health, 29_999);
    assert_eq!(life(&health, "own", "192.0.2.4"), Life::Presumed);
    silent(&mut health, 30_000);
    assert_eq!(life(&health, "own", "192.0.2.4"), Life::Down);
    for (now_ms, expected) in [(31_000, Life::Down), (41_000, Life::Up)] {
        health.beat("own", Gauges::default(), at(now_ms));
        assert_eq!(life(&health, "own", "192.0.2.4"), expected);
    }
    health.beat("nobody", Gauges::default(), at(41_000));
}

#[test]
fn loads_are_followed_once_a_second() {
    let (mut health, _) = begun(FLEET, at(0));
    let marks = Watermarks { from: 0.8, all: 0.95 };
    health.mark(&HashMap::from([("a", vec![marks])]));
    health.beat("a", Gauges { connections: Some(99.0), ..Gauges::default() }, at(10_000));
    health.advance(at(10_000));
    assert_eq!(health.conditions()["a"].shed(marks), 65_536);
    assert_eq!(health.take_stirred().loaded.into_iter().map(|name| name.to_string()).collect::<Vec<_>>(), ["a"]);
    let told = health.take_turns(at(10_000)).pop().unwrap();
    assert_eq!((told.address, told.reason.as_str()), (None, "it is 99 % full: others take 100 % of its clients, and took 0 %"));
    health.advance(at(10_999));
    assert_eq!(health.take_stirred().loaded.len(), 0);
    for now_s in 11..71 {
        health.advance(at(now_s * 1000));
    }
    assert_eq!((health.conditions()["a"].shed(marks), health.conditions()["a"].load), (0, None));
    assert!(health.loaded.is_empty());
}

#[test]
fn what_is_known_outlives_the_process() {
    let (mut health, targets) = begun(FLEET, at(0));
    let now_ms = fell(&mut health, targets["b 192.0.2.2 c"], 0);
    let text = health.written(at(now_ms + 30_000));
    assert_eq!(text, health.written(at(now_ms + 30_000)));
    let next = |text: &str, wait_s: u64| {
        let memory = Memory::read(text);
        let now = Now { mono_ms: 0, wall_s: at(now_ms).wall_s + wait_s };
        let mut health = Health::new(0, memory);
        health.follow(&fleet(FLEET), now);
        let targets: HashMap<String, Target> = asked(&mut health, now).into_iter().collect();
        (health, targets["b 192.0.2.2 c"], now)
    };
    // Soon after, all goes on where it was: one success is not enough.
    let (mut health, target, now) = next(&text, 60);
    assert_eq!((life(&health, "b", "192.0.2.2"), life(&health, "a", "192.0.2.1")), (Life::Down, Life::Up));
    health.report(target, &report(Outcome::Good), now);
    assert_eq!(life(&health, "b", "192.0.2.2"), Life::Down);
    assert!(health.view("b", now).unwrap().uptime.day.unwrap() < 1.0);
    // Later it is only what is presumed until somebody has looked.
    let (mut health, target, now) = next(&text, 3600);
    assert_eq!(life(&health, "b", "192.0.2.2"), Life::Down);
    health.report(target, &report(Outcome::Good), now);
    assert!(life(&health, "b", "192.0.2.2").is_up());
    // What is torn costs what is missing, and rubbish all; never the start.
    for end in 0..text.len() {
        if text.is_char_boundary(end) {
            next(&text[..end], 60);
        }
    }
    for rubbish in [
        "",
        "{}",
        "x\ny",
        "{\"health\":2,\"saved\":1}",
        "{\"health\":1,\"saved\":1}\n{\"panel\":\"b\",\"uptime\":{\"spell\":\"up\",\"at\":1,\"began\":5,\"hours\":7}}",
    ] {
        let (health, _, _) = next(rubbish, 60);
        assert_eq!(life(&health, "b", "192.0.2.2"), Life::Presumed);
    }
}

#[test]
fn who_cannot_be_asked_from_here_counts_as_up_and_is_said_to_be_unchecked() {
    let mut health = Health::default();
    health.follow(&fleet(FLEET), at(0));
    for (_, target) in asked(&mut health, at(0)) {
        health.report(target, &report(Outcome::Unasked("no route".into())), at(0));
    }
    let view = health.view("a", at(0)).unwrap();
    assert_eq!((view.verdict, view.reason.as_str(), life(&health, "a", "192.0.2.1")), (Verdict::Unchecked, "no route", Life::Presumed));
    assert!(health.take_turns(at(0)).iter().any(|turn| turn.panel == "a" && turn.to == Verdict::Unchecked && turn.reason == "no route"));
}

#[test]
fn a_state_that_the_fleet_says_is_as_good_as_an_operators_word() {
    let (mut health, _) = begun(FLEET, at(0));
    let state = |state: &str| fleet(&FLEET.replace("name = \"b\"", &format!("name = \"b\"\nstate = \"{state}\"")));
    health.follow(&state("disabled"), at(100));
    assert_eq!((health.conditions()["b"].stirred_ms, health.conditions()["b"].returned_ms), (Some(100), None));
    health.follow(&state("enabled"), at(200));
    assert_eq!((health.conditions()["b"].stirred_ms, health.conditions()["b"].returned_ms), (Some(200), Some(200)));
}

/// Ten thousand panels have as many of these, and most of them nothing to say.
#[test]
fn what_there_are_ten_thousand_of_is_small() {
    assert!(size_of::<Ward>() <= 264, "{}", size_of::<Ward>());
    assert!(size_of::<super::ward::Post>() <= 80, "{}", size_of::<super::ward::Post>());
    let (health, _) = begun(FLEET, at(0));
    assert!(!health.conditions().contains_key("free") && !health.wards.contains_key("free"));
}

#[test]
fn a_panel_that_nobody_looks_at_gets_a_ward_when_something_is_said_of_it() {
    let full = || fleet(&FLEET.replace("\"192.0.2.3\"]", "\"192.0.2.3\"]\nchecks = [\"c\"]"));
    let begun = || {
        let mut health = begun(FLEET, at(0)).0;
        health.mark(&HashMap::from([("free", vec![Watermarks { from: 0.5, all: 0.9 }])]));
        health
    };
    // A report: shed as its policies say.
    let mut health = begun();
    health.beat("free", Gauges { cpu: Some(1.0), ..Gauges::default() }, at(1000));
    health.advance(at(3000));
    assert_eq!(health.conditions()["free"].shed(Watermarks { from: 0.5, all: 0.9 }), 65_536);
    let view = health.view("free", at(3000)).unwrap();
    assert_eq!((view.verdict, view.since_s, view.gauges.is_some()), (Verdict::Unchecked, at(0).wall_s, true));
    // An operator's word, and the fleet's.
    let mut health = begun();
    health.stir("free", true, at(1000));
    assert_eq!((health.conditions()["free"].stirred_ms, health.conditions()["free"].returned_ms), (Some(1000), Some(1000)));
    let mut health = begun();
    health.follow(&fleet(&FLEET.replace("name = \"free\"", "name = \"free\"\nstate = \"draining\"")), at(1000));
    assert_eq!((health.conditions()["free"].stirred_ms, health.conditions()["free"].returned_ms), (Some(1000), None));
    // A check: it goes on counting as up until it is known not to be.
    let mut health = begun();
    health.follow(&full(), at(1000));
    assert_eq!((life(&health, "free", "192.0.2.3"), health.view("free", at(1000)).unwrap().verdict), (Life::Up, Verdict::Unknown));
    // And what has been looked at does not become new when it is not any more.
    health.follow(&fleet(FLEET), at(2000));
    assert_eq!(health.view("free", at(2000)).unwrap().verdict, Verdict::Unchecked);
    assert!(health.conditions().get("free").is_none_or(|condition| condition.is_unchecked));
    // What says nothing of its health leaves it as it is.
    let mut health = begun();
    health.follow(&fleet(&FLEET.replace("name = \"free\"", "name = \"free\"\nweight = 2.0")), at(1000));
    assert!(!health.wards.contains_key("free") && health.views(at(1000)).iter().any(|view| view.name == "free"));
}

#[test]
fn an_equal_fleet_leaves_nothing_of_the_one_before() {
    let (mut health, _) = begun(FLEET, at(0));
    let mut next = fleet(FLEET);
    health.follow(&next, at(1));
    for n in 2..4 {
        let old = std::mem::replace(&mut next, fleet(FLEET));
        health.follow(&next, at(n));
        assert!(old.panels.iter().all(|panel| Arc::strong_count(panel) == 1));
    }
    assert!(health.take_stirred() == Stirred::default());
}
