//! What is not done, and what is said of it.

use crate::place::Place;
use serde_json::json;

#[test]
fn each_wrong_field_is_pointed_to_with_a_hint() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let before = api.fleet();
    for (path, body, expected) in [
        (
            "panels/fra1",
            json!({"region": "euu", "addresses": ["192.0.2.1"]}),
            &[["/region", "unknown region `euu`", "did you mean `eu`?"]][..],
        ),
        (
            "panels/fra1",
            json!({"region": "eu", "adresses": ["192.0.2.1"]}),
            &[["/adresses", "unknown key", "did you mean `addresses`?"], ["", "`addresses` is missing", ""]],
        ),
        ("panels/fra1", json!({"region": "eu", "addresses": ["192.0.2.1", "192.0.2"]}), &[["/addresses/1", "", ""]]),
        (
            "panels/fra1",
            json!({"region": "eu", "addresses": ["192.0.2.1"], "checks": ["stream", "pannel"]}),
            &[["/checks/1", "unknown check `pannel`", "did you mean `panel`?"]],
        ),
        (
            "panels/fra1",
            json!({"region": "eu", "addresses": ["192.0.2.1"], "weight": "heavy", "state": "off"}),
            &[["/weight", "", ""], ["/state", "", ""]],
        ),
        ("sets/premium", json!({"panels": ["fra1", "fra2"]}), &[["/panels/1", "unknown panel `fra2`", "did you mean `fra1`?"]]),
        (
            "sets/premium",
            json!({"panels": [{"panel": "fra2", "tier": 1}]}),
            &[["/panels/0/panel", "unknown panel `fra2`", "did you mean `fra1`?"]],
        ),
        ("hostnames/live.z.example", json!({"set": "premum"}), &[["/set", "unknown set `premum`", "did you mean `premium`?"]]),
        ("hostnames/live.z.example", json!({"set": "premium", "ports": {"ftp": 1}}), &[["/ports/ftp", "", ""]]),
        ("regions/eu", json!({"at": [91, 0]}), &[["/at", "", ""]]),
        ("regions/eu", json!({"at": [1, 0], "then": ["uss"]}), &[["/then/0", "unknown region `uss`", "did you mean `us`?"]]),
        ("checks/stream", json!({"kind": "tpc", "port": 80}), &[["/kind", "", "did you mean `tcp`?"]]),
        ("checks/stream", json!({"kind": "tcp"}), &[["", "", ""]]),
    ] {
        let refused = api.put(&format!("/v1/{path}"), &body).refuses(422, "invalid");
        let errors = refused.errors();
        assert_eq!(errors.len(), expected.len(), "{body}: {}", refused.body);
        for wanted in expected {
            let fits = |error: &[String; 3]| error[0] == wanted[0] && error[1].contains(wanted[1]) && error[2].contains(wanted[2]);
            assert!(errors.iter().any(fits), "{path} {body}: no {wanted:?} in {}", refused.body);
        }
    }
    assert_eq!(api.fleet(), before);
}

#[test]
fn bodies_are_of_the_right_type_and_length() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let panel = br#"{"region": "eu", "addresses": ["192.0.2.1"]}"#;
    for (method, kind) in [("PUT", "text/plain"), ("PUT", "application/merge-patch+json"), ("PATCH", "application/json-patch+json")] {
        let refused = api.ask(method, "/v1/panels/fra1", &[&format!("Content-Type: {kind}")], Some(panel)).refuses(415, "media-type");
        let expected = (method == "PATCH").then_some("application/merge-patch+json, application/json");
        assert_eq!(refused.header("accept-patch"), expected);
    }
    api.ask("PUT", "/v1/panels/fra1", &["Content-Type: application/json", "Content-Encoding: gzip"], Some(panel))
        .refuses(415, "media-type");
    api.ask("PUT", "/v1/zones/z.example/file", &["Content-Type: application/json"], Some(b"{}")).refuses(415, "media-type");
    api.ask("PUT", "/v1/fleet", &["Content-Type: text/plain"], Some(b"{}")).refuses(415, "media-type");
    let spaces = |count: usize| [&panel[..], &vec![b' '; count - panel.len()]].concat();
    api.ask("PUT", "/v1/panels/fra1", &[], Some(&spaces(1 << 20))).is(200);
    api.ask("PUT", "/v1/panels/fra1", &[], Some(&spaces((1 << 20) + 1))).refuses(413, "too-large");
    // Whole fleets and files may be longer, and not without end.
    let fleet = api.fleet().to_string();
    let long = format!("{fleet}{}", " ".repeat(2 << 20));
    api.ask("PUT", "/v1/fleet", &[], Some(long.as_bytes())).is(200);
    api.ask("PUT", "/v1/fleet", &["Content-Length: 67108865"], Some(b"{")).refuses(413, "too-large");
    let zone = format!("{}{}", crate::place::ZONE, "; much to say\n".repeat(200_000));
    api.ask("PUT", "/v1/zones/z.example/file", &["Content-Type: text/dns"], Some(zone.as_bytes())).is(200);
    for body in ["", "{", "nothing", "{} {}", "{\"a\": 1, \"a\": 2}", "\u{feff}{}", "[", "{\"weight\": 1e999}"] {
        let refused = api.ask("PUT", "/v1/panels/fra1", &[], Some(body.as_bytes()));
        assert!(matches!(refused.status, 400 | 422), "{body}: {}", refused.raw);
    }
    api.ask("PUT", "/v1/panels/fra1", &[], Some(b"{\"region\": \"\xff\"}")).refuses(400, "bad-request");
    let deep = "[".repeat(100_000);
    api.ask("PUT", "/v1/panels/fra1", &[], Some(deep.as_bytes())).refuses(400, "bad-request");
    for body in ["null", "[]", "1", "\"x\""] {
        api.ask("PUT", "/v1/panels/fra1", &[], Some(body.as_bytes())).refuses(422, "invalid");
        api.ask("PATCH", "/v1/panels/fra1", &[], Some(body.as_bytes())).refuses(422, "invalid");
    }
}

#[test]
fn what_is_not_there_says_what_is() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    for (path, hint) in [
        ("/v1/panel", "did you mean `panels`?"),
        ("/v1/hostname/x", "did you mean `hostnames`?"),
        ("/livezz", "did you mean `/livez`?"),
        ("/", "/docs"),
        ("/v1/panels/a/b/c", "/docs"),
    ] {
        let problem = api.get(path).refuses(404, "not-found").json();
        assert!(problem["detail"].as_str().unwrap().contains(hint), "{path}: {problem}");
    }
    for (method, path, allowed) in [
        ("POST", "/v1/panels/fra1", "GET,HEAD,PUT,PATCH,DELETE"),
        ("DELETE", "/v1/panels", "GET,HEAD"),
        ("PUT", "/v1/status", "GET,HEAD"),
        ("PATCH", "/v1/zones/z.example/file", "GET,HEAD,PUT"),
        ("GET", "/v1/revert", "POST"),
    ] {
        let refused = api.ask(method, path, &[], Some(b"{}")).refuses(405, "not-allowed");
        let mut found: Vec<&str> = refused.header("allow").unwrap().split(',').map(str::trim).collect();
        let mut wanted: Vec<&str> = allowed.split(',').collect();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{method} {path}");
    }
    api.get("/v1/panels/fra1?colour=red").refuses(400, "bad-request");
    api.ask("PUT", "/v1/panels/fra1", &["If-Match: 17"], Some(b"{}")).refuses(400, "bad-request");
    api.get("/v1/panels/%ff").refuses(400, "bad-request");
    for name in ["%00", "..", "a%2fb", "%20", "%F0%9F%A6%84", &"x".repeat(5000)] {
        let answer = api.get(&format!("/v1/panels/{name}"));
        assert!(matches!(answer.status, 400 | 404), "{name}: {}", answer.raw);
        let answer = api.put(&format!("/v1/panels/{name}"), &json!({"region": "eu", "addresses": ["192.0.2.1"]}));
        assert!(matches!(answer.status, 400 | 404 | 422), "{name}: {}", answer.raw);
    }
}

#[test]
fn it_tells_of_itself_without_a_token() {
    let place = Place::new();
    let node = place.start();
    let api = node.api().with_token("");
    for (path, kind) in [("/livez", ""), ("/readyz", "application/json"), ("/openapi.json", "application/json"), ("/docs", "text/html")] {
        let answer = api.get(path).is(200);
        assert!(answer.header("content-type").unwrap_or_default().starts_with(kind), "{path}: {}", answer.raw);
    }
    let openapi = api.get("/openapi.json").json();
    let golden: serde_json::Value = serde_json::from_str(include_str!("../golden/openapi.json")).unwrap();
    assert_eq!(openapi, golden);
    assert_eq!(api.get("/readyz").json()["ready"], true);
    for path in golden["paths"].as_object().unwrap().keys().filter(|path| path.starts_with("/v1/")) {
        let refused = api.get(path).refuses(401, "unauthorized");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"), "{}", refused.raw);
    }
}
