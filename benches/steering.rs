//! What steering costs: choosing for one client, drawing a chart, and a whole fleet made anew.
//!
//! `cargo bench --bench steering`. The fleet: 10,000 panels at 50 places, 1,000 sets, 100,000 hostnames. `MERIDIAN_BENCH_MMDB` names
//! databases to be used instead of the shipped one, with colons between them.

#[path = "world/mod.rs"]
mod world;

use divan::{Bencher, black_box};
use meridian::compile::plan::{Plan, plan};
use meridian::compile::zone::zone;
use meridian::fleet::{self, Fleet};
use meridian::pilot::{Action, Event, Pilot};
use meridian::snapshot::service::Service;
use meridian::snapshot::{Serving, Snapshot};
use meridian::steer::{Chart, Family};
use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use world::{NoFiles, Sequence, atlas, settle};

fn main() {
    divan::main();
}

const PLACES: usize = 50;
const PANELS: usize = 10_000;
const SETS: usize = 1_000;
const HOSTNAMES: usize = 100_000;

/// From minus to plus so many degrees.
fn degrees(random: &mut Sequence, most: f64) -> f64 {
    (random.next() >> 11) as f64 / (1u64 << 53) as f64 * 2.0 * most - most
}

/// `first_weight` is that of the first panel, and the first region is moved north by `moved` degrees: what differs between two fleets.
fn document(first_weight: f64, moved: f64) -> String {
    let mut random = Sequence(1);
    let mut text = String::new();
    for n in 0..PLACES {
        let latitude = degrees(&mut random, 60.0) + if n == 0 { moved } else { 0.0 };
        let _ = writeln!(text, "[[region]]\nname = \"r{n}\"\nat = [{latitude:.2}, {:.2}]", degrees(&mut random, 180.0));
    }
    for n in 0..PANELS {
        let weight = if n == 0 { first_weight } else { 1.0 };
        let (a, b) = (n >> 8, n & 255);
        let place = random.next() as usize % PLACES;
        let _ = writeln!(text, "[[panel]]\nname = \"p{n}\"\nregion = \"r{place}\"\naddresses = [\"10.{a}.{b}.1\"]\nweight = {weight}");
    }
    for n in 0..SETS {
        let panels: Vec<String> = (0..PANELS / SETS).map(|k| format!("\"p{}\"", n * (PANELS / SETS) + k)).collect();
        let _ = writeln!(text, "[[set]]\nname = \"s{n}\"\npanels = [{}]", panels.join(", "));
    }
    text.push_str("[[zone]]\nname = \"panels.example\"\nfile = \"z\"\n");
    for n in 0..HOSTNAMES {
        let _ = writeln!(text, "[[hostname]]\nname = \"h{n}.panels.example\"\nset = \"s{}\"", n % SETS);
    }
    text
}

fn parsed(first_weight: f64, moved: f64) -> Fleet {
    let (fleet, problems) = fleet::parse("fleet.toml", document(first_weight, moved).as_bytes(), Path::new(""));
    assert!(!problems.iter().any(|problem| problem.is_error()), "{}", problems[0]);
    fleet
}

const ZONE: &str = "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n";

fn fleet_world() -> &'static Arc<Snapshot> {
    static WORLD: OnceLock<Arc<Snapshot>> = OnceLock::new();
    WORLD.get_or_init(|| {
        let event = Event::Plan { plan: plan("fleet.toml", parsed(1.0, 0.0)), problems: vec![], force: false };
        settle(&mut Pilot::default(), event, &|_| ZONE.into(), &mut Some(atlas()), false).unwrap()
    })
}

fn service(number: usize) -> &'static Service {
    let Some(Serving::Zone(_, services)) = fleet_world().zones.iter().next() else { panic!("no zone") };
    &services.list[number]
}

fn clients(v6: bool) -> Vec<IpAddr> {
    let mut random = Sequence(2);
    let address = |n: u64| match v6 {
        false => IpAddr::V4((n as u32).into()),
        true => IpAddr::V6((0x2a00 << 112 | u128::from(n >> 8 & 0xffff_ffff) << 80).into()),
    };
    (0..65_536).map(|_| address(random.next())).collect()
}

#[divan::bench(args = [false, true])]
fn choose_by_ranking(bencher: Bencher<'_, '_>, v6: bool) {
    choose(bencher, service(7).clone(), v6);
}

#[divan::bench(args = [false, true])]
fn choose_by_chart(bencher: Bencher<'_, '_>, v6: bool) {
    let mut service = service(7).clone();
    service.roster.chart = Chart::new(&service.roster.geometry, &fleet_world().guide).map(Arc::new);
    choose(bencher, service, v6);
}

fn choose(bencher: Bencher<'_, '_>, service: Service, v6: bool) {
    let (clients, guide) = (clients(v6), &fleet_world().guide);
    let mut n = 0;
    bencher.bench_local(|| {
        n = (n + 1) % clients.len();
        let address = clients[n];
        let roster = &service.roster;
        let (class, prefix) = roster.class(guide, address);
        let choice = roster.choose(guide, class, address, Family::V4, roster.slot(address, 0), 0);
        black_box((choice, prefix))
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn draw_a_chart(bencher: Bencher<'_, '_>) {
    let (geometry, guide) = (Arc::clone(&service(7).roster.geometry), Arc::clone(&fleet_world().guide));
    bencher.bench_local(|| Chart::new(&geometry, &guide));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn read_the_fleet(bencher: Bencher<'_, '_>) {
    let text = document(1.0, 0.0);
    bencher.bench_local(|| fleet::parse("fleet.toml", text.as_bytes(), Path::new("")).0.hostnames.len());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn plan_the_fleet(bencher: Bencher<'_, '_>) {
    let fleet = parsed(1.0, 0.0);
    bencher.with_inputs(|| fleet.clone()).bench_local_values(|fleet| plan("fleet.toml", fleet));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn build_the_zone(bencher: Bencher<'_, '_>) {
    let plan = plan("fleet.toml", parsed(1.0, 0.0));
    bencher.bench_local(|| zone(&plan.zones[0].name, "z", ZONE.into(), &mut NoFiles, &plan.zones[0].steered));
}

/// From the plan with one changed weight to the snapshot that answers by it.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn publish_a_changed_set(bencher: Bencher<'_, '_>) {
    publish(bencher, [(1.0, 0.0), (2.0, 0.0)]);
}

/// The same where a place has moved.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn publish_a_changed_geography(bencher: Bencher<'_, '_>) {
    publish(bencher, [(1.0, 0.0), (1.0, 1.0)]);
}

fn publish(bencher: Bencher<'_, '_>, fleets: [(f64, f64); 2]) {
    let mut pilot = Pilot::default();
    let plans: Vec<Plan> = fleets.iter().map(|(weight, moved)| plan("fleet.toml", parsed(*weight, *moved))).collect();
    let first = Event::Plan { plan: plans[0].clone(), problems: vec![], force: false };
    settle(&mut pilot, first, &|_| ZONE.into(), &mut Some(atlas()), false);
    let mut n = 0;
    bencher
        .with_inputs(|| {
            n += 1;
            Event::Plan { plan: plans[n % 2].clone(), problems: vec![], force: false }
        })
        .bench_local_values(|event| {
            let actions = pilot.handle(meridian::clock::Now::default(), event);
            assert!(actions.iter().any(|action| matches!(action, Action::Publish(_))));
            actions
        });
}
