//! Each kind of object: made, read, changed, listed, removed.

use crate::place::Place;
use serde_json::{Value, json};

#[test]
fn every_kind_is_made_read_changed_and_removed() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    for (path, body, other, patch, patched) in [
        (
            "checks/c9",
            json!({"kind": "tcp", "port": 80}),
            json!({"kind": "tcp", "port": 81}),
            json!({"interval": "5s"}),
            json!({"kind": "tcp", "port": 81, "interval": "5s"}),
        ),
        ("regions/r9", json!({"at": [1.5, 2]}), json!({"at": [1.5, 3]}), json!({"then": ["eu"]}), json!({"at": [1.5, 3], "then": ["eu"]})),
        (
            "panels/p9",
            json!({"region": "eu", "addresses": ["192.0.2.9"]}),
            json!({"region": "us", "addresses": ["192.0.2.9"], "labels": {"a": "b", "c": "d"}}),
            json!({"weight": 2, "labels": {"a": null}}),
            json!({"region": "us", "addresses": ["192.0.2.9"], "labels": {"c": "d"}, "weight": 2}),
        ),
        (
            "sets/s9",
            json!({"panels": ["fra1"]}),
            json!({"panels": ["fra1", "nyc1"]}),
            json!({"ttl": 5}),
            json!({"panels": ["fra1", "nyc1"], "ttl": 5}),
        ),
        (
            "hostnames/h9.z.example",
            json!({"set": "premium"}),
            json!({"set": "budget"}),
            json!({"ttl": 5}),
            json!({"set": "budget", "ttl": 5}),
        ),
    ] {
        let path = format!("/v1/{path}");
        api.get(&path).refuses(404, "not-found");
        api.patch(&path, &patch).refuses(404, "not-found");
        api.delete(&path).refuses(404, "not-found");
        let made = api.put(&path, &body).is(201);
        assert_eq!(made.json(), body);
        let read = api.get(&path).is(200);
        assert_eq!((read.json(), read.tag()), (body.clone(), made.tag()));
        // The same again changes nothing and has the same revision.
        let same = api.put(&path, &body).is(200);
        assert_eq!((same.tag(), same.revision()), (made.tag(), made.revision()));
        let changed = api.put(&path, &other).is(200);
        assert_eq!(changed.json(), other);
        assert!(changed.revision() > made.revision() && changed.tag() == format!("\"{}\"", changed.revision()));
        let merged = api.ask("PATCH", &path, &["Content-Type: application/merge-patch+json"], Some(patch.to_string().as_bytes())).is(200);
        assert_eq!(merged.json(), patched);
        assert_eq!(api.get(&path).json(), patched);
        // Which version is meant.
        api.ask("PUT", &path, &[&format!("If-Match: {}", made.tag())], Some(body.to_string().as_bytes())).refuses(412, "stale");
        api.ask("DELETE", &path, &[&format!("If-Match: {}", made.tag())], None).refuses(412, "stale");
        api.ask("PUT", &path, &["If-None-Match: *"], Some(body.to_string().as_bytes())).refuses(412, "stale");
        assert_eq!(api.ask("GET", &path, &[&format!("If-None-Match: {}", merged.tag())], None).is(304).body, "");
        assert_eq!(api.get(&path).json(), patched, "refused changes change nothing");
        api.ask("PUT", &path, &[&format!("If-Match: \"1\", {}", merged.tag())], Some(body.to_string().as_bytes())).is(200);
        let head = api.ask("HEAD", &path, &[], None).is(200);
        assert_eq!(head.body, "");
        api.ask("DELETE", &path, &["If-Match: *"], None).is(204);
        api.get(&path).refuses(404, "not-found");
        api.ask("PUT", &path, &["If-Match: *"], Some(body.to_string().as_bytes())).refuses(412, "stale");
        api.ask("PUT", &path, &["If-None-Match: *"], Some(body.to_string().as_bytes())).is(201);
        api.delete(&path).is(204);
    }
    // A zone is made with its records, and needs them.
    assert_eq!(api.put("/v1/zones/y.example", &json!({})).refuses(422, "invalid").errors()[0][1], "a new zone needs its records");
    api.put("/v1/zones/y.example", &json!({"text": crate::place::ZONE})).is(201);
    assert_eq!(node.dig("www.y.example", "A"), ["192.0.2.7", "192.0.2.8"]);
    assert_eq!(api.get("/v1/zones/y.example").is(200).json(), json!({}));
    api.delete("/v1/zones/y.example").is(204);
    assert_eq!(node.dig("www.y.example", "A"), Vec::<String>::new());
    // The defaults are always there.
    let defaults = api.get("/v1/defaults").is(200);
    assert_eq!(defaults.json(), json!({"ttl": 20}));
    assert_eq!(api.patch("/v1/defaults", &json!({"ttl": null, "answers": 2})).is(200).json(), json!({"answers": 2}));
    api.ask("PUT", "/v1/defaults", &[&format!("If-Match: {}", defaults.tag())], Some(b"{}")).refuses(412, "stale");
    assert_eq!(api.put("/v1/defaults", &json!({})).is(200).json(), json!({}));
    api.delete("/v1/defaults").refuses(405, "not-allowed");
}

#[test]
fn names_are_spelled_as_dns_has_them() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    for path in ["/v1/hostnames/LIVE.Z.Example.", "/v1/hostnames/live.z.example"] {
        assert_eq!(api.get(path).is(200).json(), json!({"set": "premium"}));
    }
    api.put("/v1/hostnames/*.Wild.z.EXAMPLE.", &json!({"set": "budget"})).is(201);
    assert_eq!(api.get("/v1/hostnames?match=wild").json()["items"], json!([{"name": "*.wild.z.example", "set": "budget"}]));
    assert_eq!(node.dig("a.b.wild.z.example", "A"), ["192.0.2.3"]);
    assert_eq!(api.put("/v1/hostnames/h.elsewhere.example", &json!({"set": "budget"})).refuses(422, "invalid").errors().len(), 1);
}

#[test]
fn lists_are_paged_and_narrowed() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let names = |path: &str| -> Vec<String> {
        let json = api.get(path).is(200).json();
        json["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    for (path, expected) in [
        ("panels", &["ams1", "fra1", "nyc1"][..]),
        ("panels?after=ams1", &["fra1", "nyc1"]),
        ("panels?after=b", &["fra1", "nyc1"]),
        ("panels?match=A1", &["fra1"]),
        ("panels?region=us", &["nyc1"]),
        ("panels?set=budget", &["fra1", "nyc1"]),
        ("panels?set=nothing", &[]),
        ("panels?check=panel", &["ams1"]),
        ("panels?state=enabled&region=eu", &["ams1", "fra1"]),
        ("panels?state=draining", &[]),
        ("panels?label=provider:a", &["fra1"]),
        ("panels?label=provider:b", &[]),
        ("hostnames?zone=Z.example.", &["live.z.example", "vod.z.example"]),
        ("hostnames?zone=y.example", &[]),
        ("hostnames?set=budget", &["vod.z.example"]),
        ("sets?panel=ams1", &["premium"]),
        ("checks?kind=tcp", &["stream"]),
        ("regions", &["eu", "us"]),
        ("zones", &["z.example"]),
        ("keys", &[]),
    ] {
        assert_eq!(names(&format!("/v1/{path}")), expected, "{path}");
    }
    let page = api.get("/v1/panels?limit=2").json();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (2, &json!("fra1")));
    let page = api.get("/v1/panels?limit=2&after=fra1").json();
    assert_eq!((page["items"][0]["name"].as_str(), &page["next"]), (Some("nyc1"), &Value::Null));
    let page = api.get("/v1/panels?limit=3").json();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (3, &Value::Null), "no empty page follows");
    for (query, detail) in [
        ("limit=0", "`limit` is `0`"),
        ("limit=1001", "`limit` is `1001`"),
        ("limit=x", "`limit` is `x`"),
        ("regoin=eu", "did you mean `region`?"),
        ("label=a", "key:value"),
        ("region=eu&region=us", "given twice"),
        ("match=%ff", ""),
    ] {
        let problem = api.get(&format!("/v1/panels?{query}")).refuses(400, "bad-request").json();
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
}

#[test]
fn secrets_are_masked_and_a_mask_keeps_them() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let shown = api.get("/v1/checks/panel").is(200).json();
    assert_eq!(shown["password"], "********");
    assert_eq!(api.put("/v1/checks/panel", &shown).is(200).json(), shown);
    let mut other = shown.clone();
    other["user"] = json!("v");
    api.put("/v1/checks/panel", &other).is(200);
    let fleet = api.get("/v1/fleet?secrets=true").is(200).json();
    assert_eq!((&fleet["check"][1]["password"], &fleet["check"][1]["user"]), (&json!("swordfish"), &json!("v")));
    let refused = api.put("/v1/checks/new", &shown).refuses(422, "invalid");
    assert_eq!(refused.errors()[0][0], "/password");
    for path in ["/v1/fleet", "/v1/checks", "/v1/checks/panel", "/v1/audit", "/v1/history/checks/panel", "/v1/status"] {
        assert!(!api.get(path).raw.contains("swordfish"), "{path}");
    }
    api.patch("/v1/checks/panel", &json!({"password": "bluefish"})).is(200);
    assert!(!api.get("/v1/history/checks/panel").raw.contains("fish"));
}

#[test]
fn what_is_in_use_stays_and_its_users_are_named() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let before = api.fleet();
    for (path, users) in [
        ("checks/stream", json!(["panels/ams1", "panels/fra1"])),
        ("regions/us", json!(["panels/nyc1", "regions/eu"])),
        ("panels/fra1", json!(["sets/budget", "sets/premium"])),
        ("sets/premium", json!(["hostnames/live.z.example"])),
        ("zones/z.example", json!(["hostnames/live.z.example", "hostnames/vod.z.example"])),
    ] {
        let mut problem = api.delete(&format!("/v1/{path}")).refuses(409, "in-use").json();
        problem["users"].as_array_mut().unwrap().sort_by_key(|user| user.as_str().unwrap().to_owned());
        assert_eq!(problem["users"], users, "{path}");
    }
    assert_eq!(api.fleet(), before);
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let before = api.get("/v1/fleet").is(200);
    for (method, path, body, object) in [
        ("PUT", "/v1/panels/fra1", r#"{"region": "us", "addresses": ["192.0.2.1"]}"#, "panels/fra1"),
        ("PUT", "/v1/panels/new", r#"{"region": "us", "addresses": ["192.0.2.1"]}"#, "panels/new"),
        ("PATCH", "/v1/panels/fra1", r#"{"weight": 3}"#, "panels/fra1"),
        ("DELETE", "/v1/hostnames/vod.z.example", "", "hostnames/vod.z.example"),
        ("PATCH", "/v1/defaults", r#"{"ttl": 3}"#, "defaults"),
        ("PUT", "/v1/zones/z.example/records/www.z.example/A", r#"{"ttl": 5, "data": ["192.0.2.99"]}"#, "files/z.example"),
        ("DELETE", "/v1/zones/z.example/records/www.z.example/A", "", "files/z.example"),
        ("POST", "/v1/panels/fra1/state", r#"{"state": "disabled"}"#, "states/fra1"),
    ] {
        let answer = api.ask(method, &format!("{path}?dry_run=true"), &[], (!body.is_empty()).then_some(body.as_bytes())).is(200);
        let json = answer.json();
        assert_eq!((&json["dry_run"], &json["changes"][0]["object"]), (&json!(true), &json!(object)), "{json}");
        let difference = &json["changes"][0];
        assert!(["before", "after", "added", "removed"].iter().any(|key| !difference[key].is_null()), "{json}");
    }
    api.ask("PUT", "/v1/panels/fra1?dry_run=true", &[], Some(b"{\"region\": \"nowhere\"}")).refuses(422, "invalid");
    api.ask("PUT", "/v1/panels/fra1?dry_run=perhaps", &[], Some(b"{}")).refuses(400, "bad-request");
    let after = api.get("/v1/fleet").is(200);
    assert_eq!((after.json(), after.tag()), (before.json(), before.tag()));
    assert_eq!(api.get("/v1/panels/fra1/state").json()["state"], "enabled");
    assert_eq!(node.dig("www.z.example", "A"), ["192.0.2.7", "192.0.2.8"]);
}
