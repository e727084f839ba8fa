//! The whole fleet at once: atomic, and the same wherever it goes.

use crate::place::Place;
use serde_json::{Value, json};

#[test]
fn what_comes_out_goes_in_and_changes_nothing() {
    let (place, other) = (Place::new(), Place::new());
    let (node, second) = (place.start(), other.start());
    let (api, copy) = (node.api(), second.api());
    api.put("/v1/zones/z.example/records/new.z.example/TXT", &json!({"ttl": 5, "data": ["x"]})).is(201);
    api.put("/v1/hostnames/%2A.w.z.example", &json!({"set": "budget", "ports": {"http": 80}})).is(201);
    let fleet = api.get("/v1/fleet?secrets=true").is(200);
    let before = fleet.revision_of_tag();
    for query in ["", "?dry_run=true"] {
        let done = api.put(&format!("/v1/fleet{query}"), &fleet.json()).is(200).json();
        assert!(done["changes"] == json!(0) || done["changes"] == json!([]), "{done}");
    }
    assert_eq!(api.put("/v1/fleet", &api.fleet()).is(200).json()["changes"], 0, "masked secrets are the stored ones");
    assert_eq!(api.get("/v1/fleet").revision_of_tag(), before);
    let done = copy.put("/v1/fleet", &fleet.json()).is(200).json();
    assert!(done["changes"].as_u64().unwrap() > 0, "{done}");
    assert_eq!(copy.get("/v1/fleet?secrets=true").body, fleet.body);
    let toml = format!("{}\n", toml_of(&fleet.json()));
    let done = api.ask("PUT", "/v1/fleet", &["Content-Type: application/toml"], Some(toml.as_bytes())).is(200).json();
    assert_eq!(done["changes"], 0, "{done}");
    for (name, rtype) in [("new.z.example", "TXT"), ("a.w.z.example", "A"), ("live.z.example", "A"), ("www.z.example", "A")] {
        assert_eq!(node.dig(name, rtype), second.dig(name, rtype));
        assert_eq!(node.dig(name, rtype).len(), if name.starts_with("www") { 2 } else { 1 });
    }
}

fn toml_of(json: &Value) -> String {
    toml::to_string(json).unwrap()
}

trait Tagged {
    fn revision_of_tag(&self) -> String;
}

impl Tagged for crate::place::Answer {
    fn revision_of_tag(&self) -> String {
        self.tag().to_owned()
    }
}

#[test]
fn one_error_and_nothing_is_changed() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let before = api.get("/v1/fleet").is(200);
    let mut fleet = before.json();
    fleet["defaults"]["ttl"] = json!(99);
    fleet["panel"][0]["weight"] = json!(5);
    let good = fleet.clone();
    for (change, pointer) in [
        ((|fleet| fleet["hostname"][1]["set"] = json!("nothing")) as fn(&mut Value), "/hostname/1/set"),
        (|fleet| fleet["panel"][2]["region"] = json!("uss"), "/panel/2/region"),
        (|fleet| fleet["zone"][0]["text"] = json!("rubbish"), "/zone/0/text"),
        (|fleet| fleet["zone"][0]["text"] = json!(format!("{}live A 192.0.2.1\n", crate::place::ZONE)), ""),
        (|fleet| fleet["set"][0]["pannels"] = json!([]), "/set/0/pannels"),
        (|fleet| fleet["sets"] = json!([]), "/sets"),
        (|fleet| fleet["panel"][1]["name"] = json!("fra1"), ""),
        (|fleet| drop(fleet["panel"][1].as_object_mut().unwrap().remove("name")), ""),
        (|fleet| fleet["zone"][0]["file"] = json!("/etc/passwd"), "/zone/0/file"),
    ] {
        let mut fleet = good.clone();
        change(&mut fleet);
        let refused = api.put("/v1/fleet?force=true", &fleet).refuses(422, "invalid");
        assert!(pointer.is_empty() || refused.errors().iter().any(|error| error[0] == pointer), "{pointer}: {}", refused.body);
        let now = api.get("/v1/fleet").is(200);
        assert_eq!((now.json(), now.tag()), (before.json(), before.tag()));
    }
    let refused = api.ask(
        "PUT",
        "/v1/fleet",
        &["Content-Type: application/toml"],
        Some(b"[defaults]\nttl = 5\n[[panel]]\nname = \"x\"\nregion = \"eu\"\n"),
    );
    assert!(matches!(refused.status, 409 | 422), "{}", refused.raw);
    let refused = api
        .ask("PUT", "/v1/fleet?force=true", &["Content-Type: application/toml"], Some(b"[defaults]\nttl = 5\ntll = 6\n"))
        .refuses(422, "invalid")
        .json();
    assert_eq!(refused["errors"][0]["pointer"], "/defaults/tll", "{refused}");
    api.put("/v1/fleet", &json!({})).refuses(409, "shrinks");
    let put = |tag: &str| api.ask("PUT", "/v1/fleet", &[&format!("If-Match: {tag}")], Some(good.to_string().as_bytes()));
    put("\"1\"").refuses(412, "stale");
    assert_eq!(put(before.tag()).is(200).json()["changes"], 2);
    assert_eq!(api.fleet(), good);
    put(before.tag()).refuses(412, "stale");
}

#[test]
fn a_restart_keeps_everything() {
    let place = Place::new();
    let seen = {
        let node = place.start();
        let api = node.api();
        api.put("/v1/zones/z.example/records/new.z.example/TXT", &json!({"ttl": 5, "data": ["x"]})).is(201);
        api.put("/v1/hostnames/more.z.example", &json!({"set": "budget"})).is(201);
        api.post("/v1/panels/fra1/state", &json!({"state": "draining", "reason": "new disks"})).is(200);
        api.patch("/v1/panels/nyc1", &json!({"weight": 3})).is(200);
        let viewer = api.post("/v1/tokens", &json!({"name": "eye", "role": "viewer"})).is(201).json();
        let seen = (
            api.get("/v1/fleet?secrets=true").raw_tail(),
            api.get("/v1/panels/fra1/state").body,
            node.serial("z.example"),
            viewer["token"].clone(),
        );
        node.kill();
        seen
    };
    let node = place.start();
    let api = node.api();
    let now =
        (api.get("/v1/fleet?secrets=true").raw_tail(), api.get("/v1/panels/fra1/state").body, node.serial("z.example"), seen.3.clone());
    assert_eq!(now, seen);
    assert_eq!(node.dig("new.z.example", "TXT"), ["\"x\""]);
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.2"], "drained, as before");
    assert_eq!(node.dig("more.z.example", "A"), ["192.0.2.3"]);
    api.with_token(seen.3.as_str().unwrap()).get("/v1/status").is(200);
    assert!(!api.get("/v1/audit").json()["items"].as_array().unwrap().is_empty());
    // The file is not read any more, and when it differs that is said once, with the command for it.
    let log = node.kill();
    let said: Vec<&str> = log.lines().filter(|line| line.contains("fleet.toml") && line.contains("meridian apply")).collect();
    assert_eq!(said.len(), 1, "{log}");
}

impl crate::place::Answer {
    fn raw_tail(&self) -> String {
        format!("{} {}", self.tag(), self.body)
    }
}

#[test]
fn a_backup_is_the_same_fleet_on_another_node() {
    let (place, other) = (Place::new(), Place::new());
    let (node, second) = (place.start(), other.start());
    let (api, copy) = (node.api(), second.api());
    api.put("/v1/zones/z.example/records/new.z.example/TXT", &json!({"ttl": 5, "data": ["x"]})).is(201);
    api.post("/v1/panels/fra1/state", &json!({"state": "draining"})).is(200);
    copy.put("/v1/hostnames/gone.z.example", &json!({"set": "budget"})).is(201);
    let backup = api.get("/v1/backup").is(200);
    assert_eq!(backup.header("content-type"), Some("application/x-ndjson"));
    let restore = |query: &str, body: &str| {
        copy.ask("POST", &format!("/v1/restore{query}"), &["Content-Type: application/x-ndjson"], Some(body.as_bytes()))
    };
    let dry = restore("?dry_run=true", &backup.body).is(200).json();
    assert!(dry["dry_run"] == true && dry["changes"].as_array().unwrap().len() >= 3, "{dry}");
    assert_eq!(copy.get("/v1/hostnames/gone.z.example").status, 200);
    let half = &backup.body[..backup.body.len() / 2];
    restore("", half).refuses(422, "invalid");
    restore("", "rubbish").refuses(422, "invalid");
    let done = restore("", &backup.body).is(200).json();
    assert!(done["dry_run"] == false && !done["changes"].as_array().unwrap().is_empty(), "{done}");
    assert_eq!(copy.get("/v1/fleet?secrets=true").body, api.get("/v1/fleet?secrets=true").body);
    assert_eq!(copy.get("/v1/panels/fra1/state").json()["state"], "draining");
    assert_eq!((second.dig("new.z.example", "TXT"), second.dig("live.z.example", "A")), (vec!["\"x\"".into()], vec!["192.0.2.2".into()]));
}
