use super::*;
use crate::fleet::State;

const MARKS: Watermarks = Watermarks { from: 0.80, all: 0.95 };

fn panel() -> Panel {
    Panel {
        name: "p".into(),
        region: None,
        at: None,
        addresses: [[127, 0, 0, 1].into()].into(),
        checks: Box::default(),
        capacity: Some(1000),
        limits: [("bandwidth_mbps".into(), 900.0)].into(),
        weight: 1.0,
        state: State::Enabled,
        labels: Box::default(),
    }
}

fn connections(count: f64) -> Gauges {
    Gauges { connections: Some(count), ..Gauges::default() }
}

#[test]
fn the_worst_gauge_over_its_limit_counts() {
    let of = |gauges| fullness(&panel(), &gauges);
    assert_eq!(of(connections(250.0)), Some(0.25));
    assert_eq!(of(Gauges { cpu: Some(0.5), memory: Some(0.6), ..connections(250.0) }), Some(0.6));
    assert_eq!(of(Gauges { bandwidth_mbps: Some(900.0), ..connections(250.0) }), Some(1.0));
    assert_eq!(of(Gauges { credits: Some(5.0), ..Gauges::default() }), None);
    assert_eq!(of(Gauges::default()), None);
    assert_eq!(of(connections(1e9)), Some(FULLEST));
    let free = Panel { capacity: None, limits: [("cpu".into(), 0.5)].into(), ..panel() };
    assert_eq!(fullness(&free, &connections(1e9)), None);
    assert_eq!(fullness(&free, &Gauges { cpu: Some(0.25), ..connections(1e9) }), Some(0.5));
}

fn loaded(reports: &[(u64, f64)]) -> Load {
    let mut load = Load::default();
    load.mark(&[MARKS]);
    for (at_s, count) in reports {
        load.report(&panel(), connections(*count), at_s * 1000, 0);
    }
    load
}

#[test]
fn loads_are_averaged_over_half_a_minute_and_forgotten_after_a_whole() {
    let load = loaded(&[(100, 200.0), (110, 400.0), (120, 600.0)]);
    let at = |seconds: u64| load.utilisation(seconds * 1000).map(|load| (load * 100.0).round() as u32);
    assert_eq!((at(120), at(129), at(130), at(141), at(179), at(180)), (Some(40), Some(40), Some(50), Some(60), Some(60), None));
    // What it said before it fell silent is no part of what it says now.
    let load = loaded(&[(100, 200.0), (200, 600.0)]);
    assert_eq!(load.utilisation(200_000), Some(0.6));
    // Twice in one second is once, and many reports take no more memory.
    let load = loaded(&(0..100_000).map(|n| (n / 50, 500.0)).collect::<Vec<_>>());
    assert_eq!((load.utilisation(1_999_000), load.samples.len()), (Some(0.5), SAMPLES));
}

fn shed(load: &mut Load, at_s: u64) -> u32 {
    load.settle(at_s * 1000);
    load.sheds[0].steps
}

#[test]
fn between_the_marks_a_growing_share_is_shed() {
    for (count, expected) in [(0.0, 0), (800.0, 0), (801.0, 1), (875.0, 8), (940.0, 15), (950.0, 16), (2000.0, 16)] {
        assert_eq!(shed(&mut loaded(&[(100, count)]), 100), expected, "{count}");
    }
    assert_eq!(loaded(&[]).sheds[0].share(), 0);
}

#[test]
fn what_is_shed_comes_back_once_the_load_is_lower_by_so_much_and_slowly() {
    let mut load = loaded(&[(100, 875.0)]);
    assert_eq!(shed(&mut load, 100), 8);
    load.samples.clear();
    load.report(&panel(), connections(830.0), 101_000, 0);
    assert_eq!(shed(&mut load, 101), 8, "4.5 points lower");
    load.samples.clear();
    load.report(&panel(), connections(700.0), 102_000, 0);
    let steps: Vec<u32> = (102..110).map(|at_s| shed(&mut load, at_s)).collect();
    // Down to what clients that were shed would need, were they all back: demand 0.875 is right with 0.073 shed.
    assert_eq!(steps, [7, 6, 5, 4, 3, 2, 2, 2]);
}

#[test]
fn without_a_fresh_report_nothing_is_shed() {
    let mut load = loaded(&[(100, 2000.0)]);
    assert_eq!((shed(&mut load, 100), shed(&mut load, 159), shed(&mut load, 160)), (16, 16, 0));
    assert_eq!(load.sheds[0].demand, 0.0);
}

/// One panel whose clients hold on for a minute, and whose gauges are 30 seconds late: shares shed over two hours, a second each.
fn simulated(demand: impl Fn(u64) -> f64, ttl_s: usize, lag_s: usize, every_s: u64) -> Vec<u32> {
    let mut load = loaded(&[]);
    // Of the clients one in `ttl_s` asks each second, and stays or goes.
    let mut staying: VecDeque<f64> = std::iter::repeat_n(1.0, ttl_s).collect();
    let mut late: VecDeque<f64> = std::iter::repeat_n(0.0, lag_s + 1).collect();
    let mut steps = Vec::new();
    for at_s in 0..7200 {
        staying.pop_front();
        staying.push_back(1.0 - f64::from(load.sheds[0].steps) / STEPS);
        late.pop_front();
        late.push_back(1000.0 * demand(at_s) * staying.iter().sum::<f64>() / ttl_s as f64);
        if at_s % every_s == 0 {
            load.report(&panel(), connections(late[0]), at_s * 1000, 0);
        }
        steps.push(shed(&mut load, at_s));
    }
    steps
}

#[test]
fn late_gauges_and_clients_who_hold_on_make_no_cycle() {
    for demand in [0.5, 0.79, 0.85, 0.9, 1.0, 1.1, 1.2, 1.23, 1.3, 1.37, 1.5, 1.75, 2.0, 3.0, 5.0] {
        for (ttl_s, lag_s, every_s) in [(60, 30, 10), (60, 30, 1), (30, 30, 30), (10, 5, 5), (60, 0, 10), (120, 30, 10)] {
            let steps = simulated(|_| demand, ttl_s, lag_s, every_s);
            let settled = &steps[3600..];
            let shown =
                format!("demand {demand}, ttl {ttl_s}, lag {lag_s}, every {every_s}: {:?}", &steps.iter().step_by(60).collect::<Vec<_>>());
            assert!(settled.windows(2).all(|pair| pair[0] == pair[1]), "{shown}");
            // Neither too much nor too little: the load it settles at is between the marks, or below where nothing need be shed.
            let load = demand * (1.0 - f64::from(settled[0]) / STEPS);
            let needed =
                if demand <= MARKS.from { settled[0] == 0 } else { load <= MARKS.all && load > MARKS.from - demand / STEPS - SLACK };
            assert!(needed, "it settles at {load}: {shown}");
        }
    }
}

#[test]
fn an_evening_of_more_and_fewer_clients_is_followed() {
    // Up to twice what it can bear, and back, over two hours.
    let demand = |at_s: u64| 0.5 + 1.5 * (at_s as f64 / 7200.0 * std::f64::consts::PI).sin();
    let steps = simulated(demand, 60, 30, 10);
    let turns = steps.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let most = *steps.iter().max().unwrap();
    assert!(turns <= 80, "{turns} changes: {:?}", steps.iter().step_by(60).collect::<Vec<_>>());
    assert!(most >= 9 && steps[7199] <= 1, "{:?}", steps.iter().step_by(60).collect::<Vec<_>>());
}
