//! The API against requests that schemathesis makes up of its description: no 5xx, and no answer that is not described.

#[allow(dead_code)]
#[path = "kill/api.rs"]
mod api;
mod peers;
#[allow(dead_code)]
#[path = "node/place.rs"]
mod place;

use api::TOKEN;
use std::path::Path;
use std::process::Command;

/// `SCHEMA_SECONDS=600 SEED=7` ask longer, and other things. It fails, and does not skip, where schemathesis cannot be had.
#[test]
fn no_request_is_answered_with_what_is_not_described() {
    let place = api::stored();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fleet = std::fs::read_to_string(root.join("config/fleet.toml")).unwrap();
    place.write("fleet.toml", &fleet.replace("../zones/", ""));
    let zone = std::fs::read_to_string(root.join("zones/panels.example.zone")).unwrap();
    place.write("panels.example.zone", &zone);
    let mut command = place.command(&["serve"]);
    command.env("MERIDIAN_ADMIN_TOKEN", TOKEN);
    let mut node = place.spawn(command);
    node.hears("imported the fleet");
    let var = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.into());
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    let mut asking = Command::new(root.join("tests/schema/run"));
    asking.arg(home).arg(format!("http://{}", place.admin)).args([TOKEN, &var("SCHEMA_SECONDS", "60"), &var("SEED", "1")]);
    let asked = asking.output().unwrap();
    let said = String::from_utf8_lossy(&asked.stdout);
    assert!(asked.status.success(), "{said}{}", String::from_utf8_lossy(&asked.stderr));
    let generated = said.lines().filter_map(|line| line.trim().split_once(" generated")?.0.parse::<u32>().ok()).sum::<u32>();
    assert!(generated > 300, "it asked {generated} times only:\n{said}");
    println!("{generated} requests");
}
