//! What a whole answer costs in process: `cargo bench --bench answer`.
//!
//! The shipped fleet, zone and database; `MERIDIAN_BENCH_MMDB` names other databases, with colons between them. Clients are 65,536 random
//! networks, so that places come from memory and not from the cache.

#[path = "world/mod.rs"]
mod world;

use divan::{Bencher, black_box};
use meridian::answer::{Ask, Over, Verdict, handle};
use meridian::clock::Now;
use meridian::compile::plan::plan;
use meridian::dns::name::Name;
use meridian::fleet;
use meridian::pilot::{Event, Pilot};
use meridian::snapshot::Snapshot;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use world::{Sequence, atlas, settle};

fn main() {
    divan::main();
}

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

static WORLD: LazyLock<Arc<Snapshot>> = LazyLock::new(|| {
    let read = |file: &str| std::fs::read(Path::new(ROOT).join(file)).unwrap();
    let (fleet, _) = fleet::parse("fleet.toml", &read("config/fleet.toml"), Path::new("config"));
    let mut text = read("zones/panels.example.zone");
    text.extend_from_slice(b"\nkid.panels.example. 3600 IN NS ns.kid.panels.example.\nns.kid.panels.example. 3600 IN A 192.0.2.53\n");
    let event = Event::Plan { plan: plan("fleet.toml", fleet), problems: vec![], force: false };
    settle(&mut Pilot::default(), event, str::from_utf8(&text).unwrap(), &mut Some(atlas()), true).unwrap()
});

/// A question with EDNS, for the network if there is one.
fn question(name: &str, network: Option<[u8; 3]>) -> Vec<u8> {
    let mut bytes = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    bytes.extend_from_slice(Name::parse(name).unwrap().wire());
    bytes.extend_from_slice(&[0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0]);
    match network {
        None => bytes.extend_from_slice(&[0, 0]),
        Some([a, b, c]) => bytes.extend_from_slice(&[0, 11, 0, 8, 0, 7, 0, 1, 24, 0, a, b, c]),
    }
    bytes
}

#[divan::bench(args = ["plain.panels.example", "nobody.panels.example", "a.kid.panels.example", "live.panels.example", "www.panels.example"])]
fn without_a_client_subnet(bencher: Bencher<'_, '_>, name: &str) {
    let question = question(name, None);
    measured(bencher, &[question]);
}

#[divan::bench(args = ["live.panels.example", "www.panels.example", "vod.panels.example"])]
fn with_a_client_subnet(bencher: Bencher<'_, '_>, name: &str) {
    let mut random = Sequence(1);
    let network = |n: u64| [1 + (n % 223) as u8, (n >> 8) as u8, (n >> 16) as u8];
    let questions: Vec<Vec<u8>> = (0..65_536).map(|_| question(name, Some(network(random.next())))).collect();
    measured(bencher, &questions);
}

fn measured(bencher: Bencher<'_, '_>, questions: &[Vec<u8>]) {
    let (snapshot, now) = (&*WORLD, Now { mono_ms: 0, wall_s: 1_600_000_000 });
    let mut out = vec![0; 65_535];
    let mut n = 0usize;
    let mut random = Sequence(2);
    bencher.counter(divan::counter::ItemsCount::new(256u32)).bench_local(|| {
        for _ in 0..256 {
            n += 1;
            let source = (random.next() as u32).to_be_bytes();
            let ask = Ask { bytes: &questions[n % questions.len()], peer: SocketAddr::from((source, 53)), over: Over::Udp, seed: n as u64 };
            let Verdict::Reply(reply) = handle(now, snapshot, &ask, &mut out) else { panic!("no answer") };
            black_box(reply.len);
        }
    });
}
