use super::*;
use crate::compile::plan::{Plan, plan};
use crate::fleet;
use crate::steer::State as Wanted;
use std::time::Duration;

/// Two panels with both families, one of them with two addresses of IPv4.
const FLEET: &str = r#"
[[panel]]
name = "a"
addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1"]
[[panel]]
name = "b"
addresses = ["192.0.2.3", "2001:db8::3"]
weight = 4.0
[[set]]
name = "s"
panels = ["a", "b"]
[[zone]]
name = "x.test"
file = "z"
[[hostname]]
name = "live.x.test"
set = "s"
"#;

const NOW_MS: u64 = 1_000_000;

fn planned(keys: &str) -> Plan {
    planned_of(&format!("{FLEET}{keys}"))
}

fn planned_of(text: &str) -> Plan {
    let (fleet, problems) = fleet::parse("f", text.as_bytes(), std::path::Path::new(""));
    assert!(!problems.iter().any(|problem| problem.is_error()), "{problems:?}");
    plan("f", fleet)
}

/// All addresses live, but for those named.
fn conditions(plan: &Plan, others: &[(&str, Life)]) -> Conditions {
    let life = |address: &IpAddr| others.iter().find(|(at, _)| *at == address.to_string()).map_or(Life::Up, |(_, life)| *life);
    let condition =
        |panel: &fleet::Panel| Condition { lives: panel.addresses.iter().map(|at| (*at, life(at))).collect(), ..Condition::default() };
    plan.fleet.panels.iter().map(|panel| ((*panel.name).into(), Box::new(condition(panel)))).collect()
}

fn of_b(conditions: &mut Conditions) -> &mut Condition {
    conditions.get_mut("b").unwrap()
}

fn seen(plan: &Plan, conditions: &Conditions, now_ms: u64) -> Brief {
    brief(&plan.fleet, &plan.orders[0].list[0], Known { conducts: &Conducts::new(), conditions: Some(conditions), now_ms })
}

fn shown(brief: &Brief, member: usize) -> String {
    brief.addresses(member).map(|at| at.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn addresses_that_fail_are_left_out_and_families_judged_apart() {
    let plan = planned("");
    let all = "192.0.2.1 192.0.2.2 2001:db8::1";
    for (down, v4, v6, addresses) in [
        (&[][..], Fitness::Up, Fitness::Up, all),
        (&["192.0.2.2"], Fitness::Up, Fitness::Up, "192.0.2.1 2001:db8::1"),
        (&["2001:db8::1"], Fitness::Up, Fitness::Down, all),
        (&["192.0.2.1", "192.0.2.2"], Fitness::Down, Fitness::Up, all),
        (&["192.0.2.1", "192.0.2.2", "2001:db8::1"], Fitness::Down, Fitness::Down, all),
    ] {
        let down: Vec<(&str, Life)> = down.iter().map(|at| (*at, Life::Down)).collect();
        let brief = seen(&plan, &conditions(&plan, &down), NOW_MS);
        assert_eq!((brief.standings[0].v4, brief.standings[0].v6, shown(&brief, 0).as_str()), (v4, v6, addresses), "{down:?}");
        assert_eq!((brief.standings[1].v4, brief.standings[1].v6), (Fitness::Up, Fitness::Up));
    }
}

#[test]
fn what_is_new_serves_only_while_nobody_else_does() {
    let plan = planned("");
    let new = [("192.0.2.1", Life::New), ("192.0.2.2", Life::New), ("2001:db8::1", Life::New)];
    let brief = seen(&plan, &conditions(&plan, &new), NOW_MS);
    assert_eq!((brief.standings[0].v4, brief.standings[1].v4), (Fitness::Down, Fitness::Up));
    let down = [("192.0.2.3", Life::Down), ("2001:db8::3", Life::Down)];
    let brief = seen(&plan, &conditions(&plan, &[&new[..], &down].concat()), NOW_MS);
    assert_eq!((brief.standings[0].v4, brief.standings[1].v4), (Fitness::Up, Fitness::Down));
    // A new address of a panel that lives waits for its first result.
    let brief = seen(&plan, &conditions(&plan, &new[1..2]), NOW_MS);
    assert_eq!(shown(&brief, 0), "192.0.2.1 2001:db8::1");
    // And so does a panel that nobody has heard of yet, if anybody ever looks at it.
    let checked = FLEET.replacen("addresses", "checks = [\"c\"]\naddresses", 1) + "[[check]]\nname = \"c\"\nkind = \"tcp\"\nport = 80\n";
    for (fleet, v4) in [(checked.as_str(), Fitness::Down), (FLEET, Fitness::Up)] {
        let plan = planned_of(fleet);
        let brief = seen(&plan, &Conditions::from([conditions(&plan, &[]).remove_entry("b").unwrap()]), NOW_MS);
        assert_eq!((brief.standings[0].v4, brief.standings[1].v4), (v4, Fitness::Up));
    }
}

#[test]
fn what_is_only_presumed_makes_no_other_family_dead() {
    let plan = planned("");
    let lives = |v4: Life, v6: Life| {
        let all =
            ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|at| (at, v4)).into_iter().chain(["2001:db8::1", "2001:db8::3"].map(|at| (at, v6)));
        let brief = seen(&plan, &conditions(&plan, &all.collect::<Vec<_>>()), NOW_MS);
        (brief.standings[0].v4, brief.standings[0].v6)
    };
    let (up, down) = (Fitness::Up, Fitness::Down);
    for (v4, v6, expected) in [
        (Life::Up, Life::Presumed, (up, up)),
        (Life::Up, Life::Down, (up, down)),
        (Life::Presumed, Life::Presumed, (up, up)),
        (Life::Presumed, Life::New, (up, down)),
        (Life::New, Life::New, (up, up)),
        // Both are answered with, for nobody is known to live: health is given up for all.
        (Life::Down, Life::Presumed, (down, down)),
        (Life::New, Life::Down, (down, down)),
        (Life::Down, Life::Down, (down, down)),
    ] {
        assert_eq!(lives(v4, v6), expected, "{v4:?} {v6:?}");
        assert_eq!(lives(v6, v4), (expected.1, expected.0), "{v6:?} {v4:?}");
    }
}

#[test]
fn clients_ask_again_soon_while_something_changes_and_a_while_after() {
    let plan = planned("ttl = 30\nttl_changing = 5\nslow_start = \"16s\"");
    let with = |change: &dyn Fn(&mut Condition)| {
        let mut conditions = conditions(&plan, &[]);
        change(of_b(&mut conditions));
        conditions
    };
    let at = |conditions: &Conditions, now_ms| {
        let brief = seen(&plan, conditions, now_ms);
        (brief.ttl, brief.due_ms)
    };
    assert_eq!(at(&with(&|_| {}), NOW_MS), (30, None));
    assert_eq!(at(&with(&|b| b.is_wavering = true), NOW_MS), (5, None));
    let turned = with(&|b| b.turned_ms = Some(NOW_MS));
    assert_eq!(at(&turned, NOW_MS), (5, Some(NOW_MS + 60_000)));
    assert_eq!(at(&turned, NOW_MS + 59_999), (5, Some(NOW_MS + 60_000)));
    assert_eq!(at(&turned, NOW_MS + 60_000), (30, None));
    let stirred = with(&|b| b.stirred_ms = Some(NOW_MS));
    assert_eq!((at(&stirred, NOW_MS), at(&stirred, NOW_MS + 60_000)), ((5, Some(NOW_MS + 60_000)), (30, None)));
    let shed = with(&|b| b.shed_ms = Some(NOW_MS));
    assert_eq!((at(&shed, NOW_MS), at(&shed, NOW_MS + 60_000)), ((5, Some(NOW_MS + 60_000)), (30, None)));
    let returned = with(&|b| b.returned_ms = Some(NOW_MS));
    assert_eq!((at(&returned, NOW_MS), at(&returned, NOW_MS + 15_999)), ((5, Some(NOW_MS + 1000)), (5, Some(NOW_MS + 16_000))));
    assert_eq!(at(&returned, NOW_MS + 16_000), (30, None));
    // Of a panel that is switched off nobody waits for news, but that it was switched off is one.
    let plan = planned("ttl = 30\nttl_changing = 5");
    let conducts = Conducts::from([("b".to_owned(), Conduct { state: State::Disabled, shed: 0, is_moving: false })]);
    let of = |conditions: &Conditions| {
        let known = Known { conducts: &conducts, conditions: Some(conditions), now_ms: NOW_MS };
        brief(&plan.fleet, &plan.orders[0].list[0], known).ttl
    };
    assert_eq!((of(&with(&|b| b.is_wavering = true)), of(&turned), of(&returned), of(&stirred)), (30, 30, 30, 5));
    // Never longer than usual.
    let plan = planned("ttl = 3");
    assert_eq!(seen(&plan, &turned, NOW_MS).ttl, 3);
}

#[test]
fn a_returning_panel_gets_its_share_back_by_and_by() {
    let plan = planned("slow_start = \"16s\"");
    let mut conditions = conditions(&plan, &[]);
    of_b(&mut conditions).returned_ms = Some(NOW_MS);
    let share = |after_ms| f64::from(seen(&plan, &conditions, NOW_MS + after_ms).standings[1].slow_start) / 65_536.0;
    let shares: Vec<u32> = [0, 1999, 2000, 8000, 15_999, 16_000].map(|after_ms| (share(after_ms) * 100.0) as u32).into();
    assert_eq!(shares, [9, 9, 12, 50, 93, 100]);
    let mut now_ms = NOW_MS;
    let mut steps = 0;
    while let Some(due_ms) = seen(&plan, &conditions, now_ms).due_ms {
        assert!(due_ms > now_ms);
        (now_ms, steps) = (due_ms, steps + 1);
    }
    assert_eq!((now_ms, steps), (NOW_MS + 16_000, 16));
    let plan = planned("slow_start = \"0s\"");
    assert_eq!(seen(&plan, &conditions, NOW_MS).standings[1].slow_start, WHOLE);
}

#[test]
fn loads_shed_and_weigh() {
    let marks = Watermarks { from: 0.80, all: 0.95 };
    let plan = planned("steer = \"least-loaded\"");
    let mut conditions = conditions(&plan, &[]);
    let b = of_b(&mut conditions);
    (b.sheds, b.load) = (vec![(marks, WHOLE / 2)], Some(12));
    let brief = seen(&plan, &conditions, NOW_MS);
    assert_eq!((brief.standings[1].shed, brief.standings[1].slow_start), (WHOLE / 2, WHOLE / 4));
    of_b(&mut conditions).load = Some(16);
    assert_eq!(seen(&plan, &conditions, NOW_MS).standings[1].slow_start, WHOLE / 20);
    // Under other limits it sheds otherwise, and a hand-over takes its part of what is left.
    let others = planned("shed_from = 0.5");
    assert_eq!(seen(&others, &conditions, NOW_MS).standings[1], Standing { shed: 0, slow_start: WHOLE, ..brief.standings[1] });
    let conducts = Conducts::from([("b".to_owned(), Conduct { state: State::Enabled, shed: WHOLE / 4, is_moving: true })]);
    let known = Known { conducts: &conducts, conditions: Some(&conditions), now_ms: NOW_MS };
    let brief = super::brief(&plan.fleet, &plan.orders[0].list[0], known);
    assert_eq!((brief.standings[1].shed, brief.ttl), (WHOLE / 8 * 5, 10));
}

#[test]
fn a_full_panel_is_no_less_healthy() {
    let plan = planned("steer = \"least-loaded\"");
    let mut conditions = conditions(&plan, &[("192.0.2.1", Life::Down), ("192.0.2.2", Life::Down), ("2001:db8::1", Life::Down)]);
    of_b(&mut conditions).load = Some(16);
    let standings = seen(&plan, &conditions, NOW_MS).standings;
    // Four fifths of the set are well, although b has no room left.
    let verdict = steer::judge(&standings, &steer::Limits { panic: 0.3, overflow: 0.5 });
    assert!(verdict.fits[0].v4.is_zero() && !verdict.fits[1].v4.is_zero() && verdict.fits[1].up == 4 * WHOLE, "{verdict:?}");
}

#[test]
fn operators_and_the_fleet_say_the_state() {
    let plan = planned("");
    let mut conducts = Conducts::new();
    let state = |conducts: &Conducts| {
        let known = Known { conducts, conditions: None, now_ms: 0 };
        let brief = brief(&plan.fleet, &plan.orders[0].list[0], known);
        (brief.standings[0].state, brief.standings[0].v4)
    };
    assert_eq!(state(&conducts), (Wanted::Enabled, Fitness::Up));
    conducts.insert("a".into(), Conduct { state: State::Draining, shed: 0, is_moving: false });
    assert_eq!(state(&conducts), (Wanted::Draining, Fitness::Up));
    assert_eq!(Duration::from_secs(30), plan.orders[0].list[0].policy.slow_start);
}
