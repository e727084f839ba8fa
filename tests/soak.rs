//! Two hundred panels that break at random in every way, while queries come in: what is answered is what verdicts say, at every look,
//! panels that were never touched stay in, and memory stays what it was.
//!
//! MERIDIAN_SOAK_SECONDS, MERIDIAN_SOAK_SEED, MERIDIAN_SOAK_LOAD (queries a second) and MERIDIAN_SOAK_BINARY make a longer run of it:
//! `MERIDIAN_SOAK_SECONDS=3600 cargo test --release --test soak -- --nocapture`

#![allow(clippy::disallowed_methods, reason = "how long it has gone on is read from the clock")]

#[path = "soak/chance.rs"]
mod chance;
#[path = "soak/park.rs"]
mod park;
#[path = "running/mod.rs"]
#[allow(dead_code, reason = "only a process and ports are wanted of it")]
mod running;
#[path = "soak/server.rs"]
mod server;
#[path = "soak/traffic.rs"]
mod traffic;
#[path = "soak/witness.rs"]
mod witness;

use chance::Chance;
use park::Park;
use server::Server;
use std::time::{Duration, Instant};
use traffic::{Traffic, dropped_by_kernel};
use witness::Witness;

/// A line is told so often.
const TOLD: Duration = Duration::from_secs(60);
/// By then what is made once has been made.
const WARM: u32 = 4;
/// What may be added after that in a run of any length. A leak of a kilobyte a check would be as much in half a minute.
const GROWTH_KIB: u64 = 48 << 10;

fn given(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

#[test]
fn answers_are_what_verdicts_say_while_panels_break_at_random() {
    let (seconds, seed) = (given("MERIDIAN_SOAK_SECONDS", 25), given("MERIDIAN_SOAK_SEED", 5));
    let whole = Duration::from_secs(seconds);
    let dropped = dropped_by_kernel();
    let mut park = Park::open(Chance::new(seed));
    let server = Server::start(&park);
    let traffic = Traffic::start(server.dns, park.hostnames(), given("MERIDIAN_SOAK_LOAD", 500) as usize);
    let beats = park.beat(&server);
    let mut witness = Witness::new(&server, &park);
    let (begun, mut told, mut warm_kib) = (Instant::now(), Instant::now(), None);
    while begun.elapsed() < whole {
        park.stir();
        witness.look();
        if warm_kib.is_none() && begun.elapsed() > whole / WARM {
            warm_kib = Some(server.resident_kib());
        }
        if told.elapsed() > TOLD {
            told = Instant::now();
            println!("{:>5} s  {}  {}  {} KiB", begun.elapsed().as_secs(), park.told(), witness.told(), server.resident_kib());
        }
    }
    park.heal_all();
    let (warm_kib, end_kib) = (warm_kib.unwrap_or_default(), server.resident_kib());
    let innocents = witness.fallen_innocents(&park);
    let (answered, lost) = traffic.stop();
    let (lost, dropped) = (lost + witness.lost, dropped_by_kernel() - dropped);
    let stalls = park.longest_stall();
    drop(beats);
    println!(
        "seed {seed}: {}; {}; {answered} answers to others, {lost} lost, {dropped} packets dropped by the kernel",
        park.told(),
        witness.told()
    );
    println!("memory {warm_kib} KiB after a quarter, {end_kib} KiB at the end; the longest this machine stood still: {stalls:?}");
    assert!(witness.violations.is_empty(), "seed {seed}: {:#?}", witness.violations);
    assert!(lost <= dropped, "seed {seed}: {lost} queries without an answer, and the kernel dropped {dropped} packets");
    // Where the machine itself stands still for as long as a check may take, nobody can tell.
    assert!(innocents.is_empty() || stalls > park::TIMEOUT / 2, "seed {seed}: never broken, and down: {innocents:#?}");
    assert!(witness.judged > 0 && witness.was_down() > 0, "seed {seed}: nothing was there to be seen: {}", witness.told());
    assert!(end_kib < warm_kib + GROWTH_KIB, "seed {seed}: {warm_kib} KiB after a quarter of the time, {end_kib} KiB at the end");
}
