//! How many instructions each kind of answer takes, counted by callgrind: `tests/instructions/run`.
//!
//! A count is the same whatever else the machine does, so a regression can be told from noise. `table.txt` has what was counted last:
//! 5 % above it is a regression, and 5 % below it a table that would let the next one pass. Both fail; `--renew` writes it anew.
//!
//! What differs between machines is kept out: valgrind shows programs one of few processors of its own, and of those libc is told to
//! use nothing that only some have. The environment is empty; the world, the questions and the seeds are always the same.
//!
//! The rooms that answer are compiled into this program as they are: optimizing the whole server takes minutes, these a part of one.

#![allow(dead_code, unused_imports)]

extern crate self as meridian;

#[path = "../../src/answer/mod.rs"]
pub mod answer;
#[path = "../../src/clock/mod.rs"]
pub mod clock;
#[path = "../../src/compile/mod.rs"]
pub mod compile;
#[path = "../../src/dns/mod.rs"]
pub mod dns;
#[path = "../../src/document/mod.rs"]
pub mod document;
#[path = "../../src/fleet/mod.rs"]
pub mod fleet;
#[path = "../../src/geo/mod.rs"]
pub mod geo;
#[path = "../../src/health/mod.rs"]
pub mod health;
#[path = "../../src/metrics/mod.rs"]
pub mod metrics;
#[path = "../../src/pilot/mod.rs"]
pub mod pilot;
#[path = "../../src/snapshot/mod.rs"]
pub mod snapshot;
#[path = "../../src/steer/mod.rs"]
pub mod steer;

#[path = "../../benches/world/cases.rs"]
mod cases;
#[path = "../../benches/world/mod.rs"]
mod world;

use cases::{CASES, Case, Questions, clients, snapshot};
use meridian::answer::{AHEAD, Ahead, Verdict, handle};
use meridian::clock::Now;
use meridian::dns::wire::{HEADER, Header, read_query};
use meridian::geo::{Ranges, map};
use meridian::snapshot::path::Path;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

const DATABASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../geoip/city.mmdb");
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/table.txt");
/// Where callgrind's files are left, for callgrind_annotate.
const LEFT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tmp/instructions");
/// Of a count, up or down.
const ALLOWED: f64 = 0.05;
const ROUNDS: usize = 2_000;
/// How the table begins.
const BY: &str = "# Instructions each, by ";
/// For the program that callgrind watches.
const WATCHED: &str = "--watched";
/// The functions of libc are those of every x86-64.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX_Fast_Unaligned_Load,-SSE4_2,-SSE4_1,-SSSE3,-ERMS,-FSRM";

fn main() -> ExitCode {
    let is_told = |word: &str| env::args().any(|argument| argument == word);
    if is_told(WATCHED) {
        all();
        return ExitCode::SUCCESS;
    }
    let counts = match count() {
        Ok(counts) => counts,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    if is_told("--renew") {
        fs::write(TABLE, table(&counts)).expect("the table can be written");
    }
    let kept = fs::read_to_string(TABLE).unwrap_or_default();
    judge(&counts, &kept)
}

/// Everything that is counted; says each one's name on a line before.
fn all() {
    let snapshot = snapshot();
    let clients = clients(&snapshot, ROUNDS);
    let now = Now { mono_ms: 0, wall_s: 1_600_000_000 };
    let mut out = vec![0; 65_535];
    for case in &CASES {
        let questions = Questions::new(case, &clients);
        let asks: Vec<_> = (0..ROUNDS).map(|n| questions.ask(n)).collect();
        println!("{}", case.name);
        counted(&mut |n| {
            let Verdict::Reply(reply) = handle(now, &snapshot, &asks[n], &mut out) else { panic!("no answer") };
            black_box(reply.len);
        });
        let Verdict::Reply(reply) = handle(now, &snapshot, &asks[0], &mut out) else { panic!("no answer") };
        assert!(case.holds(&out[..reply.len]), "{}: {:?}", case.name, &out[..reply.len]);
    }
    let questions = Questions::new(Case::named("steered, ECS"), &clients);
    let asks: Vec<_> = (0..ROUNDS).map(|n| questions.ask(n)).collect();
    println!("part: read a query with ECS");
    counted(&mut |n| {
        let header = Header::read(asks[n].bytes).expect("a header");
        black_box(read_query(asks[n].bytes, &header).is_ok());
    });
    println!("part: make a path");
    let mut path = Path::ROOT;
    counted(&mut |n| {
        black_box(path.fill(&asks[n].bytes[HEADER..]));
    });
    println!("part: look ahead for a batch");
    let mut ahead = Ahead::default();
    counted(&mut |n| {
        let batch = (0..AHEAD).map(|k| &asks[(n + k) % ROUNDS]);
        ahead.look(&snapshot, batch.map(|ask| (ask.bytes, ask.peer.ip())));
    });
    let atlas = &snapshot.guide.atlas;
    // As a chart keeps it: the shipped database has fewer cells than a chart may have classes.
    let charted: Ranges<u16> = map(atlas.ranges(), |cell| cell as u16);
    println!("part: find a place");
    counted(&mut |n| {
        black_box(charted.find(asks[n].peer.ip()));
    });
    println!("part: find a place, no chart");
    counted(&mut |n| {
        black_box(atlas.find(asks[n].peer.ip()));
    });
}

/// What callgrind counts, and a dump after it.
#[inline(never)]
fn counted(work: &mut dyn FnMut(usize)) {
    for n in 0..ROUNDS {
        work(n);
    }
}

/// Instructions of each round, in the order they were counted.
fn count() -> Result<Vec<(String, f64)>, String> {
    let _ = fs::remove_dir_all(LEFT);
    fs::create_dir_all(LEFT).map_err(|error| format!("{LEFT}: {error}"))?;
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let mut valgrind = Command::new("valgrind");
    valgrind.env_clear().env("PATH", "/usr/bin:/bin").env("GLIBC_TUNABLES", TUNABLES).env("MERIDIAN_BENCH_MMDB", DATABASE);
    valgrind.args([
        "--quiet",
        "--tool=callgrind",
        "--compress-strings=no",
        "--toggle-collect=instructions::counted",
        "--dump-after=instructions::counted",
    ]);
    valgrind.arg(format!("--callgrind-out-file={LEFT}/out")).arg(program).arg(WATCHED).stderr(Stdio::inherit());
    let output = valgrind.output().map_err(|error| format!("valgrind cannot be run (apt install valgrind): {error}"))?;
    if !output.status.success() {
        return Err(format!("what valgrind ran ended with {}", output.status));
    }
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    names.lines().zip(1..).map(|(name, part)| Ok((name.to_owned(), total(&format!("{LEFT}/out.{part}"))? / ROUNDS as f64))).collect()
}

fn total(file: &str) -> Result<f64, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    total.filter(|total| *total > 0.0).ok_or_else(|| format!("{file}: nothing was counted"))
}

fn table(counts: &[(String, f64)]) -> String {
    let mut text = format!("{BY}{}: tests/instructions/run --renew\n", compiler());
    for (name, count) in counts {
        let _ = writeln!(text, "{count:>8.1}  {name}");
    }
    text
}

fn judge(counts: &[(String, f64)], kept: &str) -> ExitCode {
    let mut known: BTreeMap<&str, f64> = kept.lines().filter_map(row).collect();
    let mut wrong = 0;
    for (name, count) in counts {
        let (before, verdict) = match known.remove(name.as_str()) {
            None => (0.0, "not in the table"),
            Some(before) if *count > before * (1.0 + ALLOWED) => (before, "A REGRESSION"),
            Some(before) if *count < before * (1.0 - ALLOWED) => (before, "better than the table: renew it"),
            Some(before) => (before, ""),
        };
        wrong += usize::from(!verdict.is_empty());
        println!("{name:<28} {count:>8.1}  was {before:>8.1}  {:>+6.1} %  {verdict}", (count / before - 1.0) * 100.0);
    }
    for name in known.keys() {
        wrong += 1;
        println!("{name:<28} is in the table, and no longer counted");
    }
    if wrong == 0 {
        return ExitCode::SUCCESS;
    }
    println!("{wrong} of these fail. The table is of {}; this is {}.", maker(kept), compiler());
    println!("Where instructions go: callgrind_annotate target/tmp/instructions/out.1, and so on in this order.");
    println!("If the change is meant: tests/instructions/run --renew");
    ExitCode::FAILURE
}

fn row(line: &str) -> Option<(&str, f64)> {
    let (count, name) = line.trim().split_once("  ")?;
    Some((name, count.parse().ok()?))
}

/// The compiler that the table was made by.
fn maker(kept: &str) -> &str {
    kept.strip_prefix(BY).and_then(|rest| rest.split(": ").next()).unwrap_or("nobody")
}

/// The compiler, and what it compiles for: others count otherwise.
fn compiler() -> String {
    let rustc = Command::new("rustc").arg("--version").output().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!("{} for {}", rustc.unwrap_or_else(|_| "an unknown compiler".into()), env::consts::ARCH)
}
