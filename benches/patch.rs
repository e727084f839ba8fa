//! What it costs to change one hostname of a zone of a hundred thousand: `cargo bench --bench patch`.

#[path = "world/no_files.rs"]
mod no_files;

use divan::{Bencher, black_box};
use meridian::compile::patch::{Edit, Patched, patch};
use meridian::compile::plan::Steered;
use meridian::compile::zone::zone;
use meridian::dns::name::Name;
use meridian::snapshot::zone::Zone;
use no_files::NoFiles;
use std::sync::LazyLock;

fn main() {
    divan::main();
}

const COUNT: usize = 100_000;

fn hostname(n: usize, is_served: bool) -> Steered {
    let http = is_served.then(|| (0..10).map(|n| format!("panel{n}")).collect());
    let name = Name::parse(&format!("host{n}.panels.example")).unwrap();
    Steered { name, http, https: is_served.then_some(443), file: "fleet.toml".into(), line: 1 }
}

fn compiled(is_served: bool) -> Zone {
    let steered: Vec<Steered> = (0..COUNT).map(|n| hostname(n, is_served)).collect();
    whole(&steered)
}

fn whole(steered: &[Steered]) -> Zone {
    let text = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";
    zone(&Name::parse("panels.example").unwrap(), "z", text.into(), &mut NoFiles, steered).zone.unwrap()
}

static PLAIN: LazyLock<Zone> = LazyLock::new(|| compiled(false));
static SERVED: LazyLock<Zone> = LazyLock::new(|| compiled(true));

/// Hostnames without ports have one name each, those with both have five.
fn measured(bencher: Bencher<'_, '_>, is_served: bool, edits: &[Edit<'_>]) {
    let zone = if is_served { &*SERVED } else { &*PLAIN };
    bencher.bench_local(|| {
        let Patched::Zone(zone) = patch(zone, edits) else { panic!("not patched") };
        black_box(zone.nodes())
    });
}

#[divan::bench(args = [false, true])]
fn one_more(bencher: Bencher<'_, '_>, is_served: bool) {
    let after = hostname(COUNT, is_served);
    measured(bencher, is_served, &[Edit { number: COUNT, before: None, after: Some(&after) }]);
}

#[divan::bench(args = [false, true])]
fn one_less(bencher: Bencher<'_, '_>, is_served: bool) {
    let before = hostname(777, is_served);
    measured(bencher, is_served, &[Edit { number: 777, before: Some(&before), after: None }]);
}

#[divan::bench(args = [false, true])]
fn other_ports(bencher: Bencher<'_, '_>, is_served: bool) {
    let (before, after) = (hostname(777, is_served), hostname(777, !is_served));
    measured(bencher, is_served, &[Edit { number: 777, before: Some(&before), after: Some(&after) }]);
}

#[divan::bench(args = [false, true])]
fn a_thousand_more(bencher: Bencher<'_, '_>, is_served: bool) {
    let after: Vec<Steered> = (COUNT..COUNT + 1000).map(|n| hostname(n, is_served)).collect();
    let edits: Vec<Edit<'_>> = (COUNT..).zip(&after).map(|(number, after)| Edit { number, before: None, after: Some(after) }).collect();
    measured(bencher, is_served, &edits);
}

#[divan::bench(args = [false, true])]
fn a_thousand_less(bencher: Bencher<'_, '_>, is_served: bool) {
    let before: Vec<Steered> = (0..1000).map(|n| hostname(n, is_served)).collect();
    let edits: Vec<Edit<'_>> = (0..).zip(&before).map(|(number, before)| Edit { number, before: Some(before), after: None }).collect();
    measured(bencher, is_served, &edits);
}

/// What it would cost without.
#[divan::bench(args = [false, true], sample_count = 10)]
fn the_whole_zone(bencher: Bencher<'_, '_>, is_served: bool) {
    let steered: Vec<Steered> = (0..COUNT).map(|n| hostname(n, is_served)).collect();
    bencher.bench_local(|| black_box(whole(&steered).nodes()));
}
