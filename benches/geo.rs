//! What a look-up costs, and what it takes to read databases: `cargo bench --bench geo`.
//!
//! The shipped database is measured, and those that MERIDIAN_BENCH_MMDB names (separated by colons) as one atlas.
//! Each benchmark takes one look-up in a batch of a thousand addresses; `cold` ones are drawn from 4 million in random order,
//! each in a random one of the ranges, `hot` ones from a thousand.

use std::net::IpAddr;
use std::sync::LazyLock;
use std::{env, fs};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use meridian::geo::{Atlas, Database, Ranges, read};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/city.mmdb");
const BATCH: usize = 1000;
const COLD: usize = 4_000_000;

static WORLDS: LazyLock<Vec<World>> = LazyLock::new(|| {
    let mut worlds = vec![World::new("shipped", vec![SHIPPED.into()])];
    if let Ok(files) = env::var("MERIDIAN_BENCH_MMDB") {
        worlds.push(World::new("full", files.split(':').map(str::to_owned).collect()));
    }
    worlds
});

struct World {
    name: &'static str,
    files: Vec<String>,
    atlas: Atlas,
    v4: Vec<IpAddr>,
    v6: Vec<IpAddr>,
}

fn main() {
    for world in &*WORLDS {
        let ranges = world.atlas.ranges();
        println!(
            "{}: {} cells, {} runs of IPv4, {} of IPv6, {} lands, {:.1} MB",
            world.name,
            world.atlas.cells().len() - 1,
            ranges.v4().count(),
            ranges.v6().count(),
            world.atlas.lands().len() - 1,
            world.atlas.memory() as f64 / 1e6
        );
    }
    divan::main();
}

impl World {
    fn new(name: &'static str, files: Vec<String>) -> Self {
        let atlas = Atlas::new(files.iter().map(|file| database(file)).collect(), &[]);
        let (v4, v6) = (sample_v4(atlas.ranges()), sample_v6(atlas.ranges()));
        Self { name, files, atlas, v4, v6 }
    }

    fn named(name: &str) -> Option<&'static Self> {
        WORLDS.iter().find(|world| world.name == name)
    }
}

#[divan::bench(args = ["shipped", "full"])]
fn read_files(bencher: Bencher<'_, '_>, name: &str) {
    let Some(world) = World::named(name) else { return };
    let bytes: Vec<_> = world.files.iter().map(|file| (file, fs::read(file).expect("a file to read"))).collect();
    bencher
        .with_inputs(|| bytes.clone())
        .bench_values(|bytes| bytes.into_iter().map(|(file, bytes)| read(file, bytes)).collect::<Vec<_>>());
}

#[divan::bench(args = ["shipped", "full"])]
fn build_atlas(bencher: Bencher<'_, '_>, name: &str) {
    let Some(world) = World::named(name) else { return };
    bencher
        .with_inputs(|| world.files.iter().map(|file| database(file)).collect())
        .bench_values(|databases: Vec<_>| Atlas::new(databases, &[]));
}

#[divan::bench(args = ["shipped", "full"])]
fn v4_cold(bencher: Bencher<'_, '_>, name: &str) {
    look_up(bencher, name, |world| &world.v4);
}

#[divan::bench(args = ["shipped", "full"])]
fn v4_hot(bencher: Bencher<'_, '_>, name: &str) {
    look_up(bencher, name, |world| &world.v4[..BATCH]);
}

#[divan::bench(args = ["shipped", "full"])]
fn v6_cold(bencher: Bencher<'_, '_>, name: &str) {
    look_up(bencher, name, |world| &world.v6);
}

#[divan::bench(args = ["shipped", "full"])]
fn v6_hot(bencher: Bencher<'_, '_>, name: &str) {
    look_up(bencher, name, |world| &world.v6[..BATCH]);
}

fn look_up(bencher: Bencher<'_, '_>, name: &str, addresses: impl Fn(&'static World) -> &'static [IpAddr]) {
    let Some(world) = World::named(name) else { return };
    let addresses = addresses(world);
    let mut batches = addresses.chunks_exact(BATCH).cycle();
    bencher.counter(ItemsCount::new(BATCH)).with_inputs(|| batches.next().expect("a circle")).bench_local_refs(|batch| {
        // Each look-up waits for the one before, as the look-ups of queries do.
        let (mut last, zero) = (0, black_box(0));
        for address in batch.iter() {
            let hit = world.atlas.find(after(*address, last & zero));
            last = hit.value ^ u32::from(hit.prefix);
        }
        black_box(last)
    });
}

/// The same address, but not known before `mask` is, which is zero.
#[inline]
fn after(address: IpAddr, mask: u32) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() ^ mask).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() ^ u128::from(mask)).into()),
    }
}

fn database(file: &str) -> Database {
    read(file, fs::read(file).expect("a file to read")).unwrap_or_else(|problem| panic!("{problem}"))
}

fn sample_v4(ranges: &Ranges<u32>) -> Vec<IpAddr> {
    sample(ranges.v4().collect(), u128::from(u32::MAX)).into_iter().map(|address| IpAddr::V4((address as u32).into())).collect()
}

fn sample_v6(ranges: &Ranges<u32>) -> Vec<IpAddr> {
    sample(ranges.v6().collect(), u128::MAX).into_iter().map(|address| IpAddr::V6(address.into())).collect()
}

/// Random addresses in random known ranges.
fn sample(runs: Vec<(u128, u32)>, end: u128) -> Vec<u128> {
    let mut seed = 1u64;
    let mut next = || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = seed;
        x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    };
    let mut found = Vec::with_capacity(COLD);
    while found.len() < COLD {
        let at = next() as usize % runs.len();
        let (start, value) = runs[at];
        let last = runs.get(at + 1).map_or(end, |(next, _)| next - 1);
        if value != 0 {
            found.push(start + (u128::from(next()) << 64 | u128::from(next())) % (last - start + 1));
        }
    }
    found
}
