//! What it costs to read a query and to find its name: `cargo bench --bench names`.
//!
//! A zone of a million names, asked for in random order, so that each comes from memory. Each look-up waits for the one before, as the
//! look-ups of queries do; making the path is part of it, and is measured alone as well.

#[path = "world/no_files.rs"]
mod no_files;
#[path = "world/sequence.rs"]
mod sequence;

use divan::{Bencher, black_box};
use meridian::compile::zone::zone;
use meridian::dns::name::Name;
use meridian::dns::wire::{Header, read_query};
use meridian::snapshot::path::Path;
use meridian::snapshot::zone::{Found, Zone};
use no_files::NoFiles;
use sequence::Sequence;
use std::fmt::Write;
use std::sync::LazyLock;

fn main() {
    divan::main();
}

const NAMES: u64 = 1_000_000;
const ASKED: usize = 1 << 18;

static ZONE: LazyLock<Zone> = LazyLock::new(|| {
    let mut text = String::from("$TTL 300\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n");
    for n in 0..NAMES {
        let _ = writeln!(text, "r{n:07} A 198.18.{}.{}", n >> 8 & 255, n & 255);
    }
    zone(&Name::parse("big.example").unwrap(), "z", text.into(), &mut NoFiles, &[]).zone.unwrap()
});

fn names(first: char) -> Vec<Name> {
    let mut random = Sequence(5);
    (0..ASKED).map(|_| Name::parse(&format!("{first}{:07}.big.example", random.next() % NAMES)).unwrap()).collect()
}

#[divan::bench(args = ["plain", "with EDNS", "with ECS"], sample_count = 1000, sample_size = 256)]
fn read(bencher: Bencher<'_, '_>, what: &str) {
    let additional: &[u8] = match what {
        "plain" => &[],
        "with EDNS" => &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0],
        _ => &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2],
    };
    let mut bytes = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(!additional.is_empty())];
    bytes.extend_from_slice(Name::parse("r0000007.big.example").unwrap().wire());
    bytes.extend_from_slice(&[0, 1, 0, 1]);
    bytes.extend_from_slice(additional);
    bencher.bench_local(|| {
        let bytes = black_box(&bytes[..]);
        let header = Header::read(bytes).expect("a header");
        read_query(bytes, &header).map(|query| query.edns.map(|edns| edns.payload))
    });
}

#[divan::bench(sample_count = 1000, sample_size = 256)]
fn path(bencher: Bencher<'_, '_>) {
    let names = names('r');
    look_up(bencher, &names, |path| path.hash(path.count()));
}

#[divan::bench(sample_count = 1000, sample_size = 256)]
fn path_and_name_that_is_there(bencher: Bencher<'_, '_>) {
    let (zone, names) = (&*ZONE, names('r'));
    look_up(bencher, &names, |path| match zone.find(path) {
        Found::Node(node) => u32::from(node.flags()),
        _ => panic!("not found"),
    });
}

#[divan::bench(sample_count = 1000, sample_size = 256)]
fn path_and_name_that_is_not(bencher: Bencher<'_, '_>) {
    let (zone, names) = (&*ZONE, names('x'));
    look_up(bencher, &names, |path| match zone.find(path) {
        Found::Missing(_, depth) => depth as u32,
        _ => panic!("found"),
    });
}

fn look_up(bencher: Bencher<'_, '_>, names: &[Name], find: impl Fn(&Path) -> u32) {
    let (mut n, mut last, zero) = (0, 0, black_box(0));
    let mut path = Path::ROOT;
    bencher.bench_local(|| {
        n += 1 + (last & zero) as usize;
        assert!(path.fill(names[n % names.len()].wire()));
        last = find(&path);
        last
    });
}
