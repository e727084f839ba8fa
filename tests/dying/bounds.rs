//! How long it takes, with intervals that are used. By hand, on a machine with nothing else to do:
//! `cargo test --release --test dying bounds -- --ignored --nocapture --test-threads 1`.

use crate::cases::{self, Pace, table};
use crate::inside::inside;
use crate::node::{Doors, Place, at, until};
use crate::panel::Panel;
use crate::wire::A;
use meridian::clock;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;

/// `timeout` and `confirm` are the defaults.
const USUAL: Pace = Pace { interval_ms: 5000, timeout_ms: 3000, confirm_ms: 500 };

/// Sets of three, one of which is killed so many times each.
const SETS: u8 = 12;
const KILLS: usize = 3;

#[test]
#[ignore = "it measures, and takes a minute"]
fn each_way_to_die_is_acted_on_within_its_bound() {
    if !inside("bounds::each_way_to_die_is_acted_on_within_its_bound") {
        return;
    }
    let rows = cases::run("bounds", USUAL);
    print!("{}", table(&rows));
    let late: Vec<_> = rows.into_iter().filter(|row| row.measured_ms > row.bound_ms).collect();
    assert!(late.is_empty(), "{}", table(&late));
}

#[test]
#[ignore = "it measures, and takes a minute"]
fn a_panel_that_is_killed_under_watch_is_gone_within_a_second() {
    if !inside("bounds::a_panel_that_is_killed_under_watch_is_gone_within_a_second") {
        return;
    }
    let place = Place::new("killed", &fleet());
    let well = [2, 3].map(|last| {
        let listen: Vec<String> = (1..=SETS).map(|n| at(&format!("127.1.{n}.{last}"), 8090)).collect();
        Panel::start("well", &listen, &[])
    });
    let dying: Vec<(u8, Panel)> = (1..=SETS).map(|n| (n, Panel::start("dies", &[at(&address(n, 1), 8090)], &[]))).collect();
    let node = place.start();
    let mut took: Vec<u64> = std::thread::scope(|scope| {
        let doors = &node.doors;
        let running: Vec<_> = dying.into_iter().map(|(n, panel)| scope.spawn(move || killed(doors, n, panel))).collect();
        running.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    drop(well);
    took.sort_unstable();
    let (median, worst) = (took[took.len() / 2], took[took.len() - 1]);
    println!("killed under watch, interval 5 s, {} times: median {median} ms, worst {worst} ms; all: {took:?}", took.len());
    assert!(median < 300 && worst < 1000);
}

/// From each kill to the last stale answer, in milliseconds.
fn killed(node: &Doors, n: u8, mut panel: Panel) -> Vec<u64> {
    let name = format!("p{n}-1");
    let all: BTreeSet<IpAddr> = [1, 2, 3].map(|last| address(n, last).parse().unwrap()).into();
    let dead: IpAddr = address(n, 1).parse().unwrap();
    let well: BTreeSet<IpAddr> = all.iter().copied().filter(|address| *address != dead).collect();
    let mut took = Vec::new();
    for _ in 0..KILLS {
        until(
            "a watch",
            || node.health(&name),
            |health| health["verdict"] == "up" && health["addresses"][0]["checks"][0]["watched"] == true,
        );
        let eye = node.eye(&format!("c{n}.z.example"), A);
        eye.sees(0, "all three", |sample| sample.addresses == all);
        let killed_ms = clock::now().mono_ms;
        panel.signal(Signal::KILL);
        node.ear.hears(killed_ms, &name, &dead.to_string(), "down");
        eye.next(20).iter().for_each(|sample| assert_eq!(sample.addresses, well));
        let samples = eye.samples();
        assert!(samples.iter().all(|sample| sample.addresses.is_superset(&well)));
        let stale = samples.iter().rev().find(|sample| sample.addresses.contains(&dead)).unwrap();
        took.push(stale.heard_ms.saturating_sub(killed_ms));
        let back_ms = clock::now().mono_ms;
        panel.start_again();
        node.ear.hears(back_ms, &name, &dead.to_string(), "up");
    }
    took
}

fn fleet() -> String {
    let mut text = String::from("[defaults]\nsteer = \"round-robin\"\nanswers = 3\n");
    let kinds = [
        ("hls", "url = \"http://{address}:8090/live/index.m3u8\""),
        ("http", "url = \"http://{address}:8090/health\""),
        ("tcp", "port = 8090"),
    ];
    for (kind, keys) in kinds {
        writeln!(text, "[[check]]\nname = \"{kind}\"\nkind = \"{kind}\"\n{keys}\ninterval = \"5s\"\nhold_down = false").unwrap();
    }
    for n in 1..=SETS {
        let check = kinds[usize::from(n) % kinds.len()].0;
        for last in 1..=3 {
            let address = address(n, last);
            writeln!(text, "[[panel]]\nname = \"p{n}-{last}\"\naddresses = [\"{address}\"]\nchecks = [\"{check}\"]").unwrap();
        }
        writeln!(text, "[[set]]\nname = \"s{n}\"\npanels = [\"p{n}-1\", \"p{n}-2\", \"p{n}-3\"]").unwrap();
        writeln!(text, "[[hostname]]\nname = \"c{n}.z.example\"\nset = \"s{n}\"").unwrap();
    }
    text
}

fn address(n: u8, last: u8) -> String {
    format!("127.1.{n}.{last}")
}
