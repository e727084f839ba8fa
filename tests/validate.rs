//! What Meridian says of signed zones, judged by a validator: `delv`, with the zone's own key as its trust anchor.

mod peers;

use peers::{Kind, Scratch, Zone, start_all, world};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names below `nsec.test` and its like, with a type: every kind of answer that can be proven.
const NASTY: [&str; 17] = [
    "@ SOA",
    "@ DNSKEY",
    "@ MX",
    "www A",
    "www MX",
    "nothing A",
    "a.b.nothing AAAA",
    "ent A",
    "x.ent2 MX",
    "some.wildhost A",
    "some.wildhost MX",
    "cut DS",
    "sib1 DS",
    "down.below A",
    "x.below A",
    "tonx A",
    "x.dn A",
];
const WILD: [&str; 10] = [
    "zz A",
    "x.example TXT",
    "x.example A",
    "a.b.example MX",
    "x.cname A",
    "x.ent A",
    "zz.x.mid A",
    "x.multi SRV",
    "*.multi SRV",
    "*.mx MX",
];

#[test]
fn a_validator_believes_it() {
    let zones = world("signed");
    let servers = start_all(&[Kind::Meridian], &zones);
    let scratch = Scratch::new();
    let mut wrong = String::new();
    for zone in &zones {
        let asked: &[&str] = match zone.name.as_str() {
            "nsec.test" | "nsec3.test" | "optout.test" => &NASTY,
            "wildnsec.test" | "wildnsec3.test" => &WILD,
            _ => continue,
        };
        let anchor = anchor(zone, scratch.path());
        for line in asked {
            let (name, rtype) = line.split_once(' ').expect("a name and a type");
            let name = if name == "@" { zone.name.clone() } else { format!("{name}.{}", zone.name) };
            let port = servers[0].address.port().to_string();
            let root = format!("+root={}", zone.name);
            let said = Command::new("/usr/bin/delv")
                .args(["@127.0.0.1", "-p", &port, "-a"])
                .arg(&anchor)
                .args([&root, &name, rtype])
                .output()
                .unwrap_or_else(|e| panic!("delv: {e}; it comes with the Debian package bind9-dnsutils; `tests/run` installs it"));
            let said = [said.stdout, said.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            // What opt-out covers is proven to be unsigned.
            let is_believed = said.contains("fully validated") || (zone.name == "optout.test" && said.contains("unsigned answer"));
            if !is_believed {
                writeln!(wrong, "{name} {rtype}:\n{said}").expect("writing to a string");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The zone's key-signing key, as delv wants it.
fn anchor(zone: &Zone, dir: &Path) -> PathBuf {
    let text = std::fs::read_to_string(&zone.file).expect("the zone's text");
    let key = text
        .lines()
        .map(|line| line.split(';').next().unwrap_or_default().split_whitespace().collect::<Vec<_>>())
        .find(|words| words.get(3..5) == Some(&["DNSKEY", "257"]))
        .unwrap_or_else(|| panic!("{} has no key", zone.name));
    let file = dir.join(format!("{}.anchor", zone.name));
    let text = format!("trust-anchors {{ \"{}.\" static-key 257 {} {} \"{}\"; }};\n", zone.name, key[5], key[6], key[7..].concat());
    std::fs::write(&file, text).expect("an anchor is written");
    file
}
