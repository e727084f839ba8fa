//! The command line before a real node.

use crate::place::{FLEET, Place};
use std::process::Output;

struct Told {
    status: i32,
    out: String,
    err: String,
}

fn told(output: &Output) -> Told {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Told { status: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

#[track_caller]
fn run(place: &Place, status: i32, arguments: &[&str]) -> Told {
    // The node of this directory: its address and its token are found by the config.
    let told = told(&place.run(&[arguments, &["--config", "meridian.toml"]].concat()));
    assert_eq!(told.status, status, "{arguments:?}: {}\n{}", told.out, told.err);
    told
}

#[test]
fn a_fleet_is_applied_and_exported() {
    let place = Place::new();
    let node = place.start();
    run(&place, 0, &["apply", "-f", "fleet.toml", "--dry-run"]);
    run(&place, 0, &["apply", "-f", "fleet.toml", "--yes"]);
    let revision = node.api().get("/v1/fleet").tag().to_owned();
    place.write("fleet.toml", &FLEET.replace("192.0.2.1\"", "192.0.2.11\"").replace("ttl = 30", "ttl = 31"));
    let shown = run(&place, 3, &["apply", "-f", "fleet.toml", "--dry-run"]).out;
    assert!(shown.contains("panels/fra1") && shown.contains("192.0.2.11") && shown.contains("ttl: 30 → 31"), "{shown}");
    run(&place, 3, &["apply", "-f", "fleet.toml"]);
    assert_eq!(node.api().get("/v1/fleet").tag(), revision, "nobody has said yes");
    run(&place, 0, &["apply", "-f", "fleet.toml", "--yes"]);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.11"]);
    place.write("bad.toml", &FLEET.replace("region = \"us\"", "region = \"uss\""));
    let refused = run(&place, 2, &["apply", "-f", "bad.toml", "--yes"]).err;
    assert!(refused.contains("unknown region `uss`") && refused.contains("did you mean `us`?"), "{refused}");
    // Out and in again.
    place.write("out.toml", &run(&place, 0, &["export"]).out);
    run(&place, 0, &["apply", "-f", "out.toml", "--dry-run"]);
    run(&place, 0, &["export", "--directory", "out"]);
    assert_eq!(std::fs::read_to_string(place.path("out/zones/z.example.zone")).unwrap(), crate::place::ZONE);
    run(&place, 0, &["apply", "-f", "out/fleet.toml", "--dry-run"]);
    assert_eq!(run(&place, 0, &["export", "--directory", "out"]).out, "", "what is there already is left alone");
}

#[test]
fn one_object_at_a_time() {
    let place = Place::new();
    let node = place.start();
    run(&place, 0, &["set", "panel", "fra1", "addresses=[\"192.0.2.11\"]", "weight=2"]);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.11"]);
    assert!(run(&place, 0, &["get", "panel", "fra1"]).out.contains("192.0.2.11"));
    assert!(run(&place, 0, &["get", "panels"]).out.contains("nyc1"));
    let json: serde_json::Value = serde_json::from_str(&run(&place, 0, &["get", "panel", "fra1", "--json"]).out).unwrap();
    assert_eq!(json["weight"], 2);
    run(&place, 0, &["set", "record", "z.example", "new", "A", "300", "192.0.2.9"]);
    assert_eq!(node.dig("new.z.example", "A"), ["192.0.2.9"]);
    run(&place, 0, &["set", "hostname", "new2.z.example", "--create", "set=budget"]);
    assert_eq!(node.dig("new2.z.example", "A"), ["192.0.2.3"]);
    run(&place, 1, &["get", "panel", "nobody"]);
    run(&place, 1, &["delete", "panel", "fra1"]);
    run(&place, 0, &["drain", "fra1", "--reason", "new disks"]);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.2"]);
    let status = run(&place, 0, &["status"]).out;
    assert!(status.contains("fra1") && status.contains("draining") && status.contains("new disks"), "{status}");
    run(&place, 0, &["enable", "fra1"]);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.11"]);
    run(&place, 0, &["disable", "fra1"]);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.2"]);
    run(&place, 0, &["clear", "fra1"]);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.11"]);
    let history = run(&place, 0, &["history", "panels/fra1"]).out;
    assert!(history.contains("admin") && history.contains("weight"), "{history}");
    let revision = node.api().patch("/v1/panels/fra1", &serde_json::json!({"addresses": ["192.0.2.12"]})).is(200).revision();
    run(&place, 3, &["revert", &revision.to_string()]);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.12"]);
    run(&place, 0, &["revert", &revision.to_string(), "--yes"]);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.11"]);
}

#[test]
fn a_node_is_carried_to_another_by_a_backup() {
    let (place, other) = (Place::new(), Place::new());
    let (node, second) = (place.start(), other.start());
    run(&place, 0, &["set", "panel", "fra1", "addresses=[\"192.0.2.11\"]"]);
    run(&place, 0, &["backup", "-o", "backup"]);
    let backup = place.path("backup").display().to_string();
    run(&other, 3, &["restore", &backup]);
    run(&other, 0, &["restore", &backup, "--yes"]);
    assert_eq!((second.dig("live.z.example", "A"), second.api().fleet()), (vec!["192.0.2.11".into()], node.api().fleet()));
}

#[test]
fn whoever_has_no_token_or_no_node_is_told_by_the_status() {
    let place = Place::new();
    let node = place.start();
    let url = format!("http://{}", place.admin);
    let with = |token: &str, arguments: &[&str]| {
        let mut command = place.command(arguments);
        told(&command.env("MERIDIAN_URL", &url).env("MERIDIAN_TOKEN", token).output().unwrap())
    };
    let eye = node.api_of(&serde_json::json!({"name": "eye", "role": "viewer"}));
    assert_eq!(with(&eye.token, &["status"]).status, 0);
    assert_eq!(with(&eye.token, &["drain", "fra1"]).status, 5);
    assert_eq!(with("mrd_wrong", &["status"]).status, 5);
    node.kill();
    let gone = with(&eye.token, &["status"]);
    assert!(gone.status == 4 && gone.err.contains(&place.admin.to_string()), "{}", gone.err);
}
