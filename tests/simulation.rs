//! Fleets, faults and clocks from a seed, with the real laws: health, steering, pilot and answers, without a socket and without waiting.
//!
//! A world has panels whose true state changes, a driver that is late now and then, operators, clients that load panels, clocks that step,
//! and restarts. After each step a judge that knows the design and not the code looks at what is published, see `simulation/judge.rs`.
//!
//! `SEED=7` runs that world alone, `SEED=7 ROUNDS=500` so many from there on; `MINUTES` is how long each lasts.

#[path = "simulation/asking.rs"]
mod asking;
#[path = "simulation/chance.rs"]
mod chance;
#[path = "simulation/judge.rs"]
mod judge;
#[path = "simulation/seen.rs"]
mod seen;
#[path = "simulation/sketch.rs"]
mod sketch;
#[path = "simulation/truth.rs"]
mod truth;
#[path = "peers/wire.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod wire;
#[path = "simulation/world.rs"]
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use world::World;

/// Worlds of a run, and how long each lasts.
const ROUNDS: u64 = 24;
const MINUTES: u64 = 10;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

#[test]
fn whatever_happens_answers_follow_verdicts_and_nothing_else() {
    let seed = number("SEED");
    let first = seed.unwrap_or(1);
    let rounds = number("ROUNDS").unwrap_or(if seed.is_some() { 1 } else { ROUNDS });
    let minutes = number("MINUTES").unwrap_or(MINUTES);
    let next = AtomicU64::new(first);
    let (faults, sums) = (Mutex::new(Vec::new()), Mutex::new(world::Sums::default()));
    let crew = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..crew {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + rounds {
                        break;
                    }
                    match World::new(seed).last(minutes * 60_000) {
                        Ok(sum) => sums.lock().unwrap().add(&sum),
                        Err(fault) => {
                            let fault = format!("SEED={seed} MINUTES={minutes}: {fault}");
                            // Seen at once in a long run with --nocapture.
                            eprintln!("{fault}\n");
                            faults.lock().unwrap().push(fault);
                        }
                    }
                }
            });
        }
    });
    let (faults, sums) = (faults.into_inner().unwrap(), sums.into_inner().unwrap());
    println!("{sums:?}");
    assert!(faults.is_empty(), "{} of {rounds} worlds went wrong:\n{}", faults.len(), faults.join("\n\n"));
    // What never happens is not tested.
    sums.must_be_full(rounds * minutes);
}
