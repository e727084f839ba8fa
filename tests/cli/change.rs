//! Commands that change something.

use super::canned::{Answer, Node, answer, json};
use super::place::Place;
use serde_json::{Value, json};

const ZONE: &str = "$TTL 60\n@ SOA ns1 host 1 1 1 1 1\n@ NS ns1\nns1 A 192.0.2.1\n";

fn fleet(name: &str) -> Place {
    let place = Place::new(name);
    place.write("fleet.toml", "[defaults]\nttl = 30\n[[zone]]\nname = \"x.example\"\nfile = \"zones/x.zone\"\n");
    place.write("zones/x.zone", ZONE);
    place
}

fn version() -> Answer {
    answer(304, "").with("etag", "\"17\"")
}

fn effect(dry_run: bool) -> Value {
    let changes = json!([{"object": "defaults", "before": {"ttl": 60}, "after": {"ttl": 30}}]);
    json!({"dry_run": dry_run, "revision": 17, "changes": changes, "effect": ["live.x.example: TTL 30"], "warnings": []})
}

fn problem(status: u16, word: &str, detail: &str) -> Answer {
    json(status, json!({"type": format!("/problems/{word}"), "detail": detail}))
}

const SHOWN: &str = "~ defaults\n    ttl: 60 → 30\nlive.x.example: TTL 30\n1 changes\n";

#[test]
fn nothing_is_applied_that_nobody_confirmed() {
    let (place, node) = (fleet("unconfirmed"), Node::new(vec![version(), json(200, effect(true))]));
    let told = place.run(&node.url(), &["apply", "-f", "fleet.toml"]);
    assert_eq!((told.status, told.out.as_str()), (3, SHOWN));
    assert!(told.err.contains("nothing was changed") && told.err.contains("--yes"), "{}", told.err);
    assert_eq!(node.lines(), ["GET /v1/fleet", "PUT /v1/fleet?dry_run=true"]);
}

#[test]
fn what_is_applied_is_what_was_shown() {
    let answers =
        vec![version(), json(200, effect(true)), json(200, json!({"revision": 18, "generation": 9, "changes": 1, "warnings": []}))];
    let (place, node) = (fleet("applied"), Node::new(answers));
    let told = place.run(&node.url(), &["apply", "-f", "fleet.toml", "--yes", "--force"]);
    let expected = format!("{SHOWN}done: store revision 18, in the answers since generation 9\n");
    assert_eq!((told.status, told.out, told.err.as_str()), (0, expected, ""));
    let heard = node.heard();
    assert_eq!(node.lines(), ["GET /v1/fleet", "PUT /v1/fleet?dry_run=true&force=true", "PUT /v1/fleet?force=true"]);
    assert_eq!(heard[0].header("if-none-match"), "*");
    for put in &heard[1..] {
        assert_eq!((put.header("if-match"), put.header("content-type")), ("\"17\"", "application/json"));
        assert_eq!(put.json(), json!({"defaults": {"ttl": 30}, "zone": [{"name": "x.example", "text": ZONE}]}));
    }
}

#[test]
fn a_dry_run_says_by_its_status_whether_there_is_something_to_do() {
    let nothing = json!({"dry_run": true, "revision": 17, "changes": [], "effect": [], "warnings": []});
    for (effect, arguments, status) in [
        (effect(true), &["apply", "-f", "fleet.toml", "--dry-run", "--yes"][..], 3),
        (nothing.clone(), &["apply", "-f", "fleet.toml", "--dry-run"], 0),
        (nothing, &["apply", "-f", "fleet.toml"], 0),
    ] {
        let (place, node) = (fleet("dry"), Node::new(vec![version(), json(200, effect.clone()), version(), json(200, effect.clone())]));
        assert_eq!(place.run(&node.url(), arguments).status, status);
        let told = place.run(&node.url(), &[arguments, &["--json"]].concat());
        assert_eq!((told.status, told.json()), (status, effect));
        assert_eq!(node.heard().len(), 4, "nothing beyond the dry runs");
    }
}

#[test]
fn a_change_in_between_is_not_overwritten() {
    let answers = vec![version(), json(200, effect(true)), problem(412, "stale", "the fleet has changed")];
    let (place, node) = (fleet("stale"), Node::new(answers));
    let told = place.run(&node.url(), &["apply", "-f", "fleet.toml", "--yes"]);
    assert_eq!(told.status, 1);
    assert!(told.err.starts_with("meridian: the fleet has changed\nmeridian: somebody else has changed it in between"), "{}", told.err);
}

#[test]
fn what_takes_much_away_is_shown_and_refused() {
    let shrinks = || problem(409, "shrinks", "zone x.example goes away");
    let (place, node) = (fleet("shrinks"), Node::new(vec![version(), shrinks(), json(200, effect(true))]));
    let told = place.run(&node.url(), &["apply", "-f", "fleet.toml", "--yes"]);
    assert_eq!((told.status, told.out.as_str()), (1, SHOWN));
    assert_eq!(told.err, "meridian: zone x.example goes away\nmeridian: `--force` says that it is meant\n");
    assert_eq!(node.lines()[1..], ["PUT /v1/fleet?dry_run=true", "PUT /v1/fleet?dry_run=true&force=true"]);
}

#[test]
fn a_fleet_that_is_wrong_is_not_sent() {
    let (place, node) = (fleet("wrong"), Node::new(vec![version()]));
    place.write("zones/x.zone", &ZONE.replace("192.0.2.1", "192.0.2.x"));
    let told = place.run(&node.url(), &["apply", "-f", "fleet.toml", "--yes"]);
    assert_eq!((told.status, told.out.as_str()), (2, ""));
    assert!(told.err.starts_with("zones/x.zone:4: "), "{}", told.err);
    let told = place.run(&node.url(), &["apply", "-f", "none.toml", "--yes", "--json"]);
    assert_eq!((told.status, &told.json()["errors"][0]["file"]), (2, &json!("none.toml")));
    assert!(node.heard().is_empty());
}

#[test]
fn a_long_body_waits_for_the_nodes_word() {
    // A node that does not want it says so before it comes.
    let (place, node) = (fleet("long"), Node::new(vec![version(), problem(401, "unauthorized", "no").early()]));
    let long: String = (0..10_000).map(|n| format!("h{n} A 192.0.2.1\n")).collect();
    place.write("zones/x.zone", &(ZONE.to_owned() + &long));
    let told = place.run(&node.url(), &["apply", "-f", "fleet.toml", "--yes"]);
    assert_eq!(told.status, 5, "{told:?}");
    assert_eq!(node.heard()[1].header("expect"), "100-continue");
}

#[test]
fn set_sends_a_merge_patch() {
    let changed = json(200, json!({"weight": 2})).with("meridian-revision", "18");
    let (place, node) = (Place::new("set"), Node::new(vec![changed]));
    let told = place.run(&node.url(), &["set", "panel", "fra1", "weight=2", "labels.provider=a", "capacity=", "addresses=[\"192.0.2.1\"]"]);
    assert_eq!((told.status, told.out.as_str()), (0, "panels/fra1 set, store revision 18\n"));
    let heard = &node.heard()[0];
    assert_eq!(heard.line, "PATCH /v1/panels/fra1");
    let expected = json!({"weight": 2, "labels": {"provider": "a"}, "capacity": null, "addresses": ["192.0.2.1"]});
    assert_eq!((heard.header("content-type"), heard.json()), ("application/json", expected));
}

#[test]
fn set_makes_what_is_not_there_only_when_told_to() {
    let none = || problem(404, "not-found", "there is no panel `fra2`");
    let (place, node) = (Place::new("create"), Node::new(vec![none(), none(), json(201, json!({"region": "eu"}))]));
    let told = place.run(&node.url(), &["set", "panel", "fra2", "region=eu"]);
    assert_eq!((told.status, told.err.as_str()), (1, "meridian: there is no panel `fra2`\nmeridian: --create makes it\n"));
    let told = place.run(&node.url(), &["set", "panel", "fra2", "--create", "region=eu", "capacity="]);
    assert_eq!((told.status, told.out.as_str()), (0, "panels/fra2 made\n"));
    let put = &node.heard()[2];
    assert_eq!((put.line.as_str(), put.header("if-none-match")), ("PUT /v1/panels/fra2", "*"));
    assert_eq!(put.json(), json!({"region": "eu"}));
}

#[test]
fn record_sets_and_zone_files_are_set_and_deleted() {
    let done = || answer(204, "").with("meridian-revision", "5");
    let wrong = json(422, json!({"detail": "1 error", "errors": [{"pointer": "", "detail": "no SOA", "line": 2}]}));
    let (place, node) = (fleet("records"), Node::new(vec![json(200, json!({})), done(), json(200, json!({})), wrong, done()]));
    let run = |arguments: &[&str]| place.run(&node.url(), arguments);
    assert_eq!(run(&["set", "record", "x.example", "www", "a", "5m", "192.0.2.7", "192.0.2.8"]).status, 0);
    assert_eq!(run(&["delete", "record", "x.example", "@", "MX", "--force"]).out, "@ MX deleted, store revision 5\n");
    assert_eq!(run(&["set", "zone-file", "x.example", "-f", "zones/x.zone"]).status, 0);
    let told = run(&["set", "zone-file", "x.example", "-f", "zones/x.zone"]);
    assert_eq!((told.status, told.err.as_str()), (2, "zones/x.zone:2: no SOA\n"));
    assert_eq!(run(&["delete", "hostname", "*.x.example"]).out, "hostnames/*.x.example deleted, store revision 5\n");
    let heard = node.heard();
    let lines = [
        "PUT /v1/zones/x.example/records/www.x.example/A",
        "DELETE /v1/zones/x.example/records/%40/MX?force=true",
        "PUT /v1/zones/x.example/file",
        "PUT /v1/zones/x.example/file",
        "DELETE /v1/hostnames/%2A.x.example",
    ];
    assert_eq!(node.lines(), lines);
    assert_eq!(heard[0].json(), json!({"ttl": 300, "data": ["192.0.2.7", "192.0.2.8"]}));
    assert_eq!((heard[2].header("content-type"), heard[2].body.as_slice()), ("text/dns", ZONE.as_bytes()));
}

#[test]
fn states_are_given_and_taken_back() {
    let state = json!({"state": "draining", "over": "10m", "reason": "new disks"});
    let (place, node) = (Place::new("state"), Node::new(vec![json(200, state), json(200, json!({})), answer(204, "")]));
    let told = place.run(&node.url(), &["drain", "fra1", "--over", "10m", "--for", "2h", "--reason", "new disks"]);
    assert_eq!((told.status, told.out.as_str()), (0, "fra1 is draining, over 10m: new disks\n"));
    assert_eq!(place.run(&node.url(), &["enable", "fra1", "--reason", "back"]).out, "fra1 is enabled: back\n");
    assert_eq!(place.run(&node.url(), &["clear", "fra1"]).out, "fra1: what the fleet says counts again\n");
    let heard = node.heard();
    assert_eq!(heard[0].json(), json!({"state": "draining", "reason": "new disks", "over": "10m", "for": "2h"}));
    assert_eq!(heard[1].json(), json!({"state": "enabled", "reason": "back"}));
    assert_eq!(node.lines(), ["POST /v1/panels/fra1/state", "POST /v1/panels/fra1/state", "DELETE /v1/panels/fra1/state"]);
}

#[test]
fn what_is_in_use_names_its_users() {
    let users = json!({"type": "/problems/in-use", "detail": "panel fra1 is in use", "users": ["sets/premium"], "hidden": 1});
    let (place, node) = (Place::new("use"), Node::new(vec![json(409, users)]));
    let told = place.run(&node.url(), &["delete", "panel", "fra1"]);
    assert_eq!(told.err, "meridian: panel fra1 is in use\nmeridian: used by sets/premium, 1 that this token does not see\n");
    assert_eq!(told.status, 1);
}

#[test]
fn a_dry_run_of_one_object_shows_the_difference() {
    let (place, node) = (Place::new("dry-set"), Node::new(vec![json(200, effect(true))]));
    let told = place.run(&node.url(), &["set", "defaults", "ttl=30", "--dry-run"]);
    assert_eq!((told.status, told.out.as_str()), (3, SHOWN));
    assert_eq!(node.lines(), ["PATCH /v1/defaults?dry_run=true"]);
}

#[test]
fn reverting_and_restoring_are_shown_first() {
    let answers =
        vec![json(200, effect(true)), json(200, effect(true)), json(200, effect(false)), json(200, effect(true)), json(200, effect(false))];
    let (place, node) = (Place::new("revert"), Node::new(answers));
    assert_eq!(place.run(&node.url(), &["revert", "17"]).status, 3);
    let told = place.run(&node.url(), &["revert", "17", "--yes"]);
    assert_eq!((told.status, told.out), (0, format!("{SHOWN}revision 17 is taken back, store revision 17\n")));
    place.write("b.jsonl", "{\"line\":1}\n");
    let told = place.run(&node.url(), &["restore", "b.jsonl", "--yes"]);
    assert_eq!((told.status, told.out), (0, format!("{SHOWN}b.jsonl is restored, store revision 17\n")));
    let heard = node.heard();
    let lines = [
        "POST /v1/revert?dry_run=true",
        "POST /v1/revert?dry_run=true",
        "POST /v1/revert",
        "POST /v1/restore?dry_run=true",
        "POST /v1/restore",
    ];
    assert_eq!(node.lines(), lines);
    assert_eq!(heard[2].json(), json!({"revision": 17}));
    assert_eq!((heard[4].header("content-type"), heard[4].body.as_slice()), ("application/x-ndjson", &b"{\"line\":1}\n"[..]));
    assert_eq!(place.run(&node.url(), &["restore", "none"]).status, 2);
}
