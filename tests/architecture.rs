//! The house rules of DESIGN §1, held to the code: which room may import which, and what the pure ones never touch.

use std::fs;
use std::path::{Path, PathBuf};

/// In the order of DESIGN §1: a room may import only rooms listed above it.
const ROOMS: [&str; 25] = [
    "clock",
    "document",
    "metrics",
    "dns",
    "geo", // words
    "steer",
    "snapshot",
    "answer",
    "fleet",
    "health",
    "compile",
    "pilot", // laws
    "store",
    "cluster",
    "probe",
    "transport",
    "alert", // hands
    "control",
    "transfer",
    "admin",
    "agent",
    "stage", // doors
    "node",
    "config",
    "cli", // wiring
];

/// Imports that the order allows and the table forbids.
const NEVER: [(&str, &[&str]); 7] = [
    ("answer", &["metrics"]),
    ("store", &["fleet", "dns"]),
    ("probe", &["store", "snapshot"]),
    ("transport", &["fleet", "health", "store"]),
    ("admin", &["store", "compile", "snapshot"]),
    ("agent", LAWS),
    ("stage", LAWS),
];

const LAWS: &[&str] = &["snapshot", "answer", "fleet", "health", "steer", "compile", "pilot"];

/// Words that must be pure as well.
const PURE_WORDS: &[&str] = &["document", "metrics", "dns", "geo"];

/// What has no place in a pure room, and why.
const IMPURE: [(&str, &str); 16] = [
    ("tokio::", "async"),
    ("async fn", "async"),
    ("async move", "async"),
    ("std::fs", "I/O"),
    ("std::io::", "I/O"),
    ("std::process", "I/O"),
    ("std::env::", "I/O"),
    ("std::thread", "threads"),
    ("UdpSocket", "sockets"),
    ("TcpStream", "sockets"),
    ("TcpListener", "sockets"),
    ("clock::now", "a clock"),
    ("Instant", "a clock"),
    ("SystemTime", "a clock"),
    ("parking_lot::", "locks"),
    ("tracing::", "a log"),
];

#[test]
fn every_room_is_in_the_table_and_none_is_empty() {
    let mut broken = Vec::new();
    for entry in fs::read_dir(src()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            if !ROOMS.contains(&name.as_str()) {
                broken.push(format!("src/{name}: no such room in DESIGN §1"));
            }
            let lines: usize = files(&entry.path()).iter().map(|file| code(file).len()).sum();
            if lines == 0 {
                broken.push(format!("src/{name}: an empty room"));
            }
        } else if name != "lib.rs" && name != "main.rs" {
            broken.push(format!("src/{name}: only lib.rs and main.rs stand outside the rooms"));
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn rooms_import_only_what_is_above_them() {
    let broken = each_line(|room, _, line| {
        for imported in imports(line) {
            if rank(&imported) > rank(room) {
                return Some(format!("{room} may not import {imported}, which is below it"));
            }
            if NEVER.iter().any(|(from, to)| *from == room && to.contains(&imported.as_str())) {
                return Some(format!("{room} never imports {imported}"));
            }
        }
        None
    });
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn nobody_leaves_a_room_by_the_window() {
    let broken = each_line(|_, file, line| {
        let depth = file.trim_end_matches("/mod.rs").split('/').count() - 2;
        let climbs = "super::".repeat(depth + 1);
        line.contains(&climbs).then(|| "other rooms are named by `crate::`".to_owned())
    });
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn the_laws_are_pure() {
    let broken = each_line(|room, _, line| {
        if !LAWS.contains(&room) && !PURE_WORDS.contains(&room) {
            return None;
        }
        let (word, what) = IMPURE.iter().find(|(word, _)| line.contains(word))?;
        Some(format!("{room} is pure: no {what} (`{word}`)"))
    });
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn unsafe_stands_in_one_place() {
    let broken = each_line(|_, file, line| {
        let unsafe_code = line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
        (unsafe_code && !file.ends_with("transport/sys.rs") && !file.contains("transport/sys/"))
            .then(|| "unsafe stands in transport/sys only".to_owned())
    });
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn only_clock_reads_the_time() {
    let broken = each_line(|room, _, line| {
        let reads = ["Instant::now", "SystemTime::now"].iter().any(|call| line.contains(call));
        (reads && room != "clock").then(|| "only clock reads the time".to_owned())
    });
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// A test that cannot fail is worth nothing: the reading itself is tried on lines that break the rules.
#[test]
fn the_reading_finds_what_it_looks_for() {
    let found = |line: &str| imports(line);
    assert_eq!(found("use crate::fleet::Fleet;"), ["fleet"]);
    assert_eq!(found("use crate::{dns::name::Name, store, admin::{a, b}};"), ["dns", "store", "admin"]);
    assert_eq!(found("let x = crate::node::run(crate::cli::y());"), ["node", "cli"]);
    assert_eq!(found("use std::fmt; // crate::cli"), Vec::<String>::new());
    assert!(rank("cli") > rank("node") && rank("clock") < rank("dns"));
}

/// What `rule` says against each line of code in the rooms, with file and line. Comments and tests are not held to the rules.
fn each_line(rule: impl Fn(&str, &str, &str) -> Option<String>) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files(&src()) {
        let shown = file.strip_prefix(src().parent().unwrap()).unwrap().display().to_string();
        let mut parts = shown.split('/').skip(1);
        let room = match (parts.next(), parts.next()) {
            (Some(room), Some(_)) => room,
            // lib.rs and main.rs only put the rooms together.
            _ => continue,
        };
        for (number, line) in code(&file) {
            broken.extend(rule(room, &shown, &line).map(|what| format!("{shown}:{number}: {what}")));
        }
    }
    broken
}

/// Statements of use in one piece and all other lines, with their numbers, up to the tests at the end of the file.
fn code(file: &Path) -> Vec<(usize, String)> {
    if file.file_name().is_some_and(|name| name == "tests.rs") {
        return Vec::new();
    }
    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod "));
    let mut code: Vec<(usize, String)> = Vec::new();
    for (at, line) in lines[..tests.unwrap_or(lines.len())].iter().enumerate() {
        let line = without_comment(line).trim();
        match code.last_mut() {
            Some((_, open)) if open.starts_with("use ") && !open.ends_with(';') => open.push_str(line),
            _ if line.is_empty() => {}
            _ => code.push((at + 1, line.trim_start_matches("pub ").to_owned())),
        }
    }
    code
}

fn without_comment(line: &str) -> &str {
    // A slash pair after a colon is a URL in a text, not a comment.
    line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':')).map_or(line, |(at, _)| &line[..at])
}

/// The rooms a line names as `crate::room`, or inside `use crate::{room, ...}`.
fn imports(line: &str) -> Vec<String> {
    let line = without_comment(line);
    let mut rooms = Vec::new();
    for (at, prefix) in line.match_indices("crate::") {
        let rest = &line[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            rooms.extend(top_level(group));
        } else {
            rooms.push(first_word(rest));
        }
    }
    rooms.retain(|room| ROOMS.contains(&room.as_str()));
    rooms
}

/// The first word of each item of a `{group}`, the groups within it left out.
fn top_level(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut items = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            _ if depth == 0 => items.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    items.iter().map(|item| first_word(item.trim())).collect()
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn rank(room: &str) -> usize {
    ROOMS.iter().position(|known| *known == room).unwrap_or(ROOMS.len())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false if entry.path().extension().is_some_and(|extension| extension == "rs") => found.push(entry.path()),
            false => {}
        }
    }
    found.sort();
    found
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}
