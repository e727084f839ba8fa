//! The store against what the world does to it: kills, power cuts, full disks, rot, and cut backups.
//!
//! Every test draws from a seed that it prints; `SEED=n` repeats it. `KILLS=1000` and `CUTS=100000` make longer runs.

#[path = "store/corrupt.rs"]
mod corrupt;
#[path = "store/full.rs"]
mod full;
#[path = "store/kill.rs"]
mod kill;
#[path = "store/large.rs"]
mod large;
#[path = "store/platter.rs"]
mod platter;
#[path = "store/power.rs"]
mod power;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use meridian::store::{Commit, Expect, Options, Store, StoreError, Write};

/// A directory that goes away with its test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("meridian-stores-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// splitmix64: enough to draw cases from.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    /// From `SEED`, or a new one; printed, so that a failure can be had again.
    fn new(test: &str) -> Self {
        let seed = env::var("SEED").map_or_else(
            |_| {
                let mut bytes = [0; 8];
                getrandom::fill(&mut bytes).unwrap();
                u64::from_le_bytes(bytes) >> 32
            },
            |seed| seed.parse().expect("SEED is a number"),
        );
        println!("{test}: SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

fn times(name: &str, default: usize) -> usize {
    env::var(name).map_or(default, |times| times.parse().expect("a number of rounds"))
}

/// Few bytes of history, so that a short test also throws some away.
fn small() -> Options {
    Options { keep_age_s: 1_000_000, keep_bytes: 20_000 }
}

type Documents = BTreeMap<String, Vec<u8>>;

fn documents(store: &Store) -> Documents {
    let mut found = Documents::new();
    store
        .scan("", &mut |key, document| {
            found.insert(key.to_owned(), document.value);
            true
        })
        .unwrap_or_else(|error| panic!("{}", error.in_full()));
    found
}

/// A commit of a few documents out of some dozens, and what the documents are after it.
fn change(dice: &mut Dice, documents: &Documents) -> (Vec<Write>, Documents) {
    let (mut writes, mut after) = (Vec::new(), documents.clone());
    for _ in 0..1 + dice.below(4) {
        let key = format!("panels/{:02}", dice.below(40));
        if writes.iter().any(|write: &Write| write.key == key) {
            continue;
        }
        let longest = if dice.one_in(8) { 9000 } else { 300 };
        let value = (!dice.one_in(4)).then(|| vec![dice.next() as u8; dice.below(longest)]);
        match &value {
            Some(value) => drop(after.insert(key.clone(), value.clone())),
            None => drop(after.remove(&key)),
        }
        writes.push(Write { key, expect: Expect::Any, value });
    }
    (writes, after)
}

fn commit(store: &Store, writes: Vec<Write>) -> Result<u64, StoreError> {
    store.commit(Commit { writes, entry: b"{\"who\":\"a test\"}".to_vec(), at_s: 1000 })
}
