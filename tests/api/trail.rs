//! What is told of changes: the audit trail, history, taking back, and events.

use crate::place::{Api, Place};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// curl before the stream of events.
pub(crate) struct Watch {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watch {
    pub(crate) fn open(api: &Api, query: &str) -> Self {
        Self::open_with(api, query, &[])
    }

    /// It is open when the node has answered: what happens from then on is in it.
    pub(crate) fn open_with(api: &Api, query: &str, headers: &[&str]) -> Self {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--include", "--no-buffer", "--max-time", "40"]);
        command.args(["--header", &format!("Authorization: Bearer {}", api.token)]);
        for header in headers {
            command.args(["--header", header]);
        }
        let mut child = command.arg(format!("{}/v1/events{query}", api.url)).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/event-stream"), "{head}");
        Self { child, lines }
    }

    /// All lines until one has the text.
    pub(crate) fn until(mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let start = all.len();
            assert!(self.lines.read_line(&mut all).unwrap() > 0, "`{text}` does not come: {all}");
            if all[start..].contains(text) {
                return all;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_audit_trail_says_who_did_what() {
    let place = Place::new();
    let node = place.start();
    let admin = node.api();
    let ops = node.api_of(&json!({"name": "ops", "role": "operator"}));
    let eye = node.api_of(&json!({"name": "eye", "role": "viewer"}));
    let before = ops.get("/v1/panels/nyc1").json();
    let revision = ops.patch("/v1/panels/nyc1", &json!({"weight": 2})).is(200).revision();
    ops.put("/v1/panels/nyc1", &json!({"region": "uss"})).refuses(422, "invalid");
    ops.delete("/v1/panels/nyc1").refuses(409, "in-use");
    eye.patch("/v1/panels/nyc1", &json!({"weight": 9})).refuses(403, "forbidden");
    ops.patch("/v1/checks/panel", &json!({"password": "bluefish"})).is(200);
    ops.put("/v1/zones/z.example/records/www.z.example/A", &json!({"ttl": 60, "data": ["192.0.2.99"]})).is(200);
    ops.post("/v1/panels/fra1/state", &json!({"state": "draining", "reason": "new disks", "for": "2h"})).is(200);
    let trail = admin.get("/v1/audit").is(200).json();
    let entries = trail["items"].as_array().unwrap();
    let said: Vec<String> = entries
        .iter()
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap_or_default();
            format!("{} {} {} {}", text("who"), text("verb"), entry["objects"][0].as_str().unwrap_or_default(), text("outcome"))
        })
        .collect();
    assert_eq!(
        said[..9],
        [
            "ops state draining states/fra1 done",
            "ops put records files/z.example done",
            "ops patch checks/panel done",
            "eye patch panels/nyc1 refused",
            "ops delete panels/nyc1 refused",
            "ops put panels/nyc1 refused",
            "ops patch panels/nyc1 done",
            "admin token make tokens/eye done",
            "admin token make tokens/ops done",
        ]
    );
    assert!(entries.iter().filter(|entry| entry["who"] != "node").all(|entry| entry["from"] == "127.0.0.1"), "{trail}");
    assert!(entries.iter().all(|entry| entry["at"].as_u64().unwrap() > 1_700_000_000), "{trail}");
    let patched = &entries[6];
    let mut after = before.clone();
    after["weight"] = json!(2);
    assert_eq!(
        (&patched["revision"], &patched["differences"][0]["before"], &patched["differences"][0]["after"]),
        (&json!(revision), &before, &after)
    );
    assert!(entries[5]["reason"].as_str().unwrap().contains("unknown region `uss`"), "{trail}");
    assert_eq!(entries[1]["differences"][0]["object"], "files/z.example");
    assert!(entries[1]["differences"][0]["added"] == json!(["www.z.example 60 A 192.0.2.99"]), "{trail}");
    assert!(!trail.to_string().contains("fish"), "secrets are masked: {trail}");
    let tokens = admin.get("/v1/tokens").body;
    for token in [&admin.token, &ops.token, &eye.token] {
        assert!(!trail.to_string().contains(token.as_str()) && !tokens.contains(token.as_str()));
    }
    // Narrowed and paged.
    let history = eye.get("/v1/history/panels/nyc1").is(200).json();
    assert_eq!(history["items"].as_array().unwrap().len(), 5, "four, and the import: {history}");
    assert_eq!(history["items"][4]["differences"].as_array().unwrap().len(), 1, "of the import only what is about it: {history}");
    assert_eq!(admin.get("/v1/audit?object=panels/nyc1").json()["items"], history["items"]);
    let page = admin.get("/v1/audit?limit=2").json();
    assert_eq!(page["next"], entries[1]["sequence"]);
    assert_eq!(admin.get(&format!("/v1/audit?limit=1&before={}", page["next"])).json()["items"][0], entries[2]);
    assert_eq!(admin.get("/v1/audit?since=1h").json()["items"].as_array().unwrap().len(), entries.len());
    assert_eq!(admin.get("/v1/audit?since=2100-01-01T00:00:00Z").json()["items"], json!([]));
    admin.get("/v1/audit?since=yesterday").refuses(400, "bad-request");
    eye.get("/v1/audit").refuses(403, "forbidden");
}

#[test]
fn what_was_changed_can_be_taken_back() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let before = api.get("/v1/fleet?secrets=true").json();
    let mut undone = 0;
    for (method, path, body) in [
        ("PATCH", "panels/fra1", r#"{"weight": 3}"#),
        ("PUT", "hostnames/new.z.example", r#"{"set": "budget"}"#),
        ("DELETE", "hostnames/vod.z.example", ""),
        ("PATCH", "checks/panel", r#"{"password": "bluefish"}"#),
        ("PATCH", "defaults", r#"{"ttl": 99}"#),
        ("PUT", "zones/z.example/records/www.z.example/A", r#"{"ttl": 60, "data": ["192.0.2.99"]}"#),
        ("PUT", "zones/new.example/file", crate::place::ZONE),
        ("POST", "panels/fra1/state", r#"{"state": "disabled"}"#),
    ] {
        let kind = if path.ends_with("/file") { "Content-Type: text/dns" } else { "Content-Type: application/json" };
        let done = api.ask(method, &format!("/v1/{path}"), &[kind], (!body.is_empty()).then_some(body.as_bytes()));
        assert!(done.status < 300, "{}", done.raw);
        let order = json!({"revision": done.revision()});
        let force = if path.starts_with("zones/new") { "?force=true" } else { "" };
        let dry = api.post("/v1/revert?dry_run=true&force=true", &order).is(200).json();
        let taken = api.post(&format!("/v1/revert{force}"), &order).is(200).json();
        assert_eq!((&dry["dry_run"], &taken["dry_run"], &dry["changes"]), (&json!(true), &json!(false), &taken["changes"]));
        assert!(!taken["changes"].as_array().unwrap().is_empty(), "{path}: {taken}");
        undone += 1;
    }
    assert_eq!(undone, 8);
    let mut after = api.get("/v1/fleet?secrets=true").json();
    let by_name = |fleet: &mut serde_json::Value| {
        fleet["hostname"].as_array_mut().unwrap().sort_by_key(|one| one["name"].as_str().unwrap().to_owned());
        fleet["zone"].as_array_mut().unwrap().iter_mut().for_each(|zone| drop(zone.as_object_mut().unwrap().remove("text")));
    };
    let mut before = before;
    by_name(&mut before);
    by_name(&mut after);
    assert_eq!(after, before);
    assert_eq!(node.dig("www.z.example", "A"), ["192.0.2.7", "192.0.2.8"]);
    assert_eq!(api.get("/v1/panels/fra1/state").json()["state"], "enabled");
    api.post("/v1/revert", &json!({"revision": 999_999})).refuses(404, "not-found");
    for body in [json!({}), json!({"revision": 0}), json!({"revision": "x"}), json!({"revision": 2, "more": 1})] {
        api.post("/v1/revert", &body).refuses(422, "invalid");
    }
    // What others have come to need is not taken away.
    let made = api.put("/v1/sets/new", &json!({"panels": ["fra1"]})).is(201).revision();
    api.put("/v1/hostnames/new.z.example", &json!({"set": "new"})).is(201);
    let refused = api.post("/v1/revert", &json!({"revision": made}));
    assert!(matches!(refused.status, 409 | 422), "{}", refused.raw);
}

#[test]
fn events_have_numbers_and_go_on_from_one() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let watch = Watch::open(&api, "");
    api.patch("/v1/panels/fra1", &json!({"weight": 2})).is(200);
    let last = api.post("/v1/panels/fra1/state", &json!({"state": "draining"})).is(200).revision();
    let text = watch.until(&format!("\"revision\":{last},"));
    assert!(text.contains("event: change") && text.contains("event: state") && text.contains("panels/fra1"), "{text}");
    let ids: Vec<u64> = text.lines().filter_map(|line| line.strip_prefix("id:")).map(|id| id.trim().parse().unwrap()).collect();
    assert!(ids.len() >= 2 && ids.is_sorted_by(|one, other| one < other), "{text}");
    let first = ids[0];
    // From one that was seen: all that came after it, once.
    let end = format!("\"revision\":{last},");
    for again in [Watch::open(&api, &format!("?after={first}")), Watch::open_with(&api, "", &[&format!("Last-Event-ID: {first}")])] {
        let again = again.until(&end);
        let seen: Vec<u64> = again.lines().filter_map(|line| line.strip_prefix("id:")).map(|id| id.trim().parse().unwrap()).collect();
        assert_eq!(seen, ids[1..], "{again}");
    }
    // From one that nobody knows any more.
    for number in [1, ids[ids.len() - 1] + 1_000_000] {
        let watch = Watch::open(&api, &format!("?after={number}"));
        let marker = api.patch("/v1/panels/fra1", &json!({"labels": {"marker": number.to_string()}})).is(200).revision();
        let text = watch.until(&format!("\"revision\":{marker},"));
        assert!(text.starts_with("event: reset") || text.lines().take(2).any(|line| line == "event: reset"), "{text}");
    }
    api.get("/v1/events?after=x").refuses(400, "bad-request");
    api.ask("GET", "/v1/events", &["Last-Event-ID: x"], None).refuses(400, "bad-request");
    let eye = node.api_of(&json!({"name": "p", "role": "panel", "panel": "fra1"}));
    eye.get("/v1/events").refuses(403, "forbidden");
}
