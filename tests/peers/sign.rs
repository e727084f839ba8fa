//! Signing zones with BIND's tools, so that what is served has chains and signatures of somebody else's making.

use super::Zone;
use super::questions::Dice;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// The ways to deny that a zone can have: NSEC, and NSEC3 with and without salt, iterations and opt-out.
const WAYS: [&[&str]; 6] =
    [&[], &[], &["-3", "-"], &["-3", "aabb", "-H", "3"], &["-3", "-", "-A"], &["-3", "0102030405060708", "-H", "1", "-A"]];

/// Signs the zone's file in place. False: the tool refuses the zone, which stays as it was.
pub(crate) fn sign(zone: &Zone, dice: &mut Dice) -> bool {
    let dir = zone.file.parent().expect("a zone's file is in a directory");
    let signed = zone.file.with_extension("signed");
    let key = run(dir, "/usr/bin/dnssec-keygen", &["-q", "-a", "ECDSAP256SHA256", &zone.name]);
    assert!(key, "dnssec-keygen makes no key for {}: it comes with the Debian package bind9-utils; `tests/run` installs it", zone.name);
    std::fs::write(&zone.file, signable(&std::fs::read_to_string(&zone.file).expect("the zone's text"))).expect("the zone is written");
    let (file, out) = (zone.file.display().to_string(), signed.display().to_string());
    let mut words = vec!["-q", "-S", "-z", "-n", "1", "-s", "20260101000000", "-e", "20460101000000", "-O", "full"];
    words.extend(*dice.pick(&WAYS));
    words.extend(["-o", &zone.name, "-f", &out, &file]);
    run(dir, "/usr/bin/dnssec-signzone", &words) && std::fs::rename(&signed, &zone.file).is_ok()
}

/// The tool wants no DS where there is no delegation. Each line is owner, TTL, class, type, data.
fn signable(text: &str) -> String {
    let part = |line: &str, nth| line.split_whitespace().nth(nth).unwrap_or_default().to_ascii_lowercase();
    let cuts: BTreeSet<String> = text.lines().filter(|line| part(line, 3) == "ns").map(|line| part(line, 0)).collect();
    text.lines().filter(|line| part(line, 3) != "ds" || cuts.contains(&part(line, 0))).fold(String::new(), |kept, line| kept + line + "\n")
}

fn run(dir: &Path, program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(words).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap_or_else(|e| panic!("{program}: {e}; `tests/run` installs it")).success()
}
