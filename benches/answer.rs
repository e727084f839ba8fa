//! What a whole answer costs in process: `cargo bench --bench answer`.
//!
//! 131,072 questions of each kind, for names in random order and from as many random clients, so that names and places come from where
//! a server finds them and not from the nearest cache. `MERIDIAN_BENCH_MMDB` names other databases than the shipped one, with colons
//! between them. The yardstick is always the same work: what a noisy minute does to it, it does to all.

#[path = "world/cases.rs"]
mod cases;
#[path = "world/mod.rs"]
mod world;

use cases::{CASES, Case, Questions, clients, snapshot};
use divan::{Bencher, black_box};
use meridian::answer::{Verdict, handle};
use meridian::clock::Now;
use meridian::snapshot::Snapshot;
use std::hash::Hasher;
use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};

fn main() {
    divan::main();
}

const QUESTIONS: usize = 1 << 17;

static WORLD: LazyLock<(Arc<Snapshot>, Vec<Ipv4Addr>)> = LazyLock::new(|| {
    let snapshot = snapshot();
    let clients = clients(&snapshot, QUESTIONS);
    (snapshot, clients)
});

#[divan::bench(args = CASES.iter().map(|case| case.name), sample_count = 2000, sample_size = 256)]
fn answer(bencher: Bencher<'_, '_>, name: &str) {
    let (snapshot, clients) = &*WORLD;
    let case = Case::named(name);
    let questions = Questions::new(case, clients);
    let now = Now { mono_ms: 0, wall_s: 1_600_000_000 };
    let mut out = vec![0; 65_535];
    for n in 0..QUESTIONS {
        let Verdict::Reply(reply) = handle(now, snapshot, &questions.ask(n), &mut out) else { panic!("no answer") };
        assert!(case.holds(&out[..reply.len]), "{name}: {:?}", &out[..reply.len]);
    }
    let mut n = 0;
    bencher.bench_local(|| {
        n += 1;
        let Verdict::Reply(reply) = handle(now, snapshot, &questions.ask(n), &mut out) else { panic!("no answer") };
        black_box(reply.len)
    });
}

/// Every question copied, and SipHash of it.
#[divan::bench(sample_count = 2000, sample_size = 256)]
fn yardstick(bencher: Bencher<'_, '_>) {
    let questions = Questions::new(Case::named("steered, ECS"), &WORLD.1);
    let mut out = vec![0; 65_535];
    let mut n = 0;
    bencher.bench_local(|| {
        n += 1;
        let bytes = questions.ask(n).bytes;
        out[..bytes.len()].copy_from_slice(bytes);
        #[expect(deprecated, reason = "the one hasher in std that has the same keys each time and is what it was")]
        let mut hasher = std::hash::SipHasher::new();
        hasher.write(black_box(&out[..bytes.len()]));
        hasher.finish()
    });
}
