//! Where the files are the truth, and where they are read once.

use crate::place::{FLEET, Node, Place, ZONE};
use serde_json::json;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

const FILES: &str = "[store]\nkind = \"files\"\n";

/// Asks until the answer is this one: files are looked at now and then.
fn until(expected: &[&str], mut ask: impl FnMut() -> Vec<String>) {
    let mut last = Vec::new();
    for _ in 0..400 {
        last = ask();
        if last == expected {
            return;
        }
        let idle = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        idle.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let _ = idle.recv(&mut [0]);
    }
    panic!("{expected:?} does not come; at last it was {last:?}");
}

#[test]
fn files_are_the_truth_and_states_stay() {
    let place = Place::new().with(FILES);
    let node = place.start();
    let api = node.api();
    assert_eq!(api.get("/v1/status").json()["truth"], "files");
    let fleet = api.fleet();
    assert_eq!(fleet["panel"][0]["name"], "fra1");
    let text = ZONE.to_owned();
    for (method, path, body) in [
        ("PUT", "panels/fra1", json!({"region": "eu", "addresses": ["192.0.2.1"]})),
        ("PATCH", "defaults", json!({"ttl": 3})),
        ("PUT", "fleet", fleet),
        ("PUT", "zones/z.example/records/www.z.example/A", json!({"ttl": 5, "data": ["192.0.2.1"]})),
        ("POST", "revert", json!({"revision": 2})),
    ] {
        let refused = api.ask(method, &format!("/v1/{path}"), &[], Some(body.to_string().as_bytes())).refuses(405, "read-only");
        assert!(
            refused.json()["detail"].as_str().unwrap().contains("[store].kind = \"files\"") && refused.header("allow").is_some(),
            "{}",
            refused.raw
        );
    }
    api.delete("/v1/hostnames/live.z.example").refuses(405, "read-only");
    api.ask("PUT", "/v1/zones/z.example/file", &["Content-Type: text/dns"], Some(text.as_bytes())).refuses(405, "read-only");
    api.post("/v1/panels/fra1/state", &json!({"state": "disabled"})).is(200);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.2"]);
    place.write("fleet.toml", &FLEET.replace("192.0.2.2\", \"2001", "192.0.2.22\", \"2001"));
    until(&["192.0.2.22"], || node.dig("live.z.example", "A"));
    place.write("z.zone", &ZONE.replace("192.0.2.8", "192.0.2.88"));
    until(&["192.0.2.7", "192.0.2.88"], || node.dig("www.z.example", "A"));
    // What is wrong changes nothing and is told.
    place.write("fleet.toml", "rubbish\n");
    until(&["told"], || if api.get("/v1/status").body.contains("fleet.toml:1") { vec!["told".into()] } else { vec![] });
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.22"]);
    place.write("fleet.toml", FLEET);
    node.kill();
    let node = place.start();
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.2"], "disabled still");
    node.api().delete("/v1/panels/fra1/state").is(204);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.1"]);
}

#[test]
fn two_nodes_on_the_same_files_say_the_same() {
    let (one, other) = (Place::new().with(FILES), Place::new());
    let other = other.with(FILES);
    // The fleet of the one is that of the other, by path.
    for file in ["fleet.toml", "z.zone"] {
        std::fs::remove_file(other.path(file)).unwrap();
        std::os::unix::fs::symlink(one.path(file), other.path(file)).unwrap();
    }
    let (first, second) = (one.start(), other.start());
    let same = |what: &str| {
        for (name, rtype) in [
            ("z.example", "SOA"),
            ("www.z.example", "A"),
            ("live.z.example", "A"),
            ("live.z.example", "AAAA"),
            ("vod.z.example", "A"),
            ("z.example", "NS"),
        ] {
            let said = first.dig(name, rtype);
            assert!(!said.is_empty() && said == second.dig(name, rtype), "{what}: {name} {rtype}");
        }
    };
    same("at first");
    one.write("z.zone", &ZONE.replace("host 7", "host 8").replace("192.0.2.8", "192.0.2.88"));
    for node in [&first, &second] {
        until(&["192.0.2.7", "192.0.2.88"], || node.dig("www.z.example", "A"));
    }
    same("after a change");
    assert_eq!(first.serial("z.example"), 8);
}

fn truth(node: &Node<'_>) -> Vec<String> {
    vec![node.api().get("/v1/status").json()["truth"].as_str().unwrap().to_owned()]
}

#[test]
fn an_unsound_fleet_is_imported_once_it_is_mended() {
    let place = Place::new();
    place.write("fleet.toml", &format!("{FLEET}[[zone]]\nname = \"y.example\"\nfile = \"y.zone\"\n"));
    place.write("y.zone", "rubbish\n");
    let mut node = place.spawn();
    node.hears("answering on");
    assert_eq!(node.dig("www.z.example", "A"), ["192.0.2.7", "192.0.2.8"], "what is sound is served");
    assert_eq!(truth(&node), ["files"]);
    let refused = node.api().patch("/v1/defaults", &json!({"ttl": 9})).refuses(405, "read-only");
    assert!(refused.json()["detail"].as_str().unwrap().contains("nothing has been imported yet"), "{}", refused.raw);
    place.write("y.zone", ZONE);
    until(&["store"], || truth(&node));
    assert_eq!(node.dig("www.y.example", "A"), ["192.0.2.7", "192.0.2.8"]);
    node.api().patch("/v1/defaults", &json!({"ttl": 9})).is(200);
    // From now on the files are not read.
    place.write("z.zone", &ZONE.replace("192.0.2.8", "192.0.2.88"));
    place.write("fleet.toml", FLEET);
    drop(node);
    let node = place.start();
    assert_eq!(node.dig("www.y.example", "A"), ["192.0.2.7", "192.0.2.8"]);
    assert_eq!(node.dig("www.z.example", "A"), ["192.0.2.7", "192.0.2.8"]);
}
