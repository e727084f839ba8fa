//! Who may do what: tokens, roles, and those who guess.

use crate::place::Place;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_first_token_is_the_owners_alone() {
    let place = Place::new();
    let node = place.start();
    let mode = fs::metadata(place.path("data/admin.token")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let api = node.api();
    let token = api.token.clone();
    let tokens = api.get("/v1/tokens").is(200).json();
    assert_eq!((tokens["items"][0]["name"].as_str(), tokens["items"][0]["role"].as_str()), (Some("admin"), Some("admin")));
    let log = node.kill();
    assert!(!log.contains(&token[4..]), "the log has no token");
    let store = fs::read(place.path("data/meridian.redb")).unwrap();
    assert!(!store.windows(token.len()).any(|part| part == token.as_bytes()), "the store has its hash only");
    // The next start makes no other.
    let node = place.start();
    assert_eq!(node.api().token, token);
    node.api().get("/v1/status").is(200);
}

#[test]
fn the_environment_may_choose_the_admins_token() {
    let mut place = Place::new();
    place.environment = vec![("MERIDIAN_ADMIN_TOKEN", "fifteen letters")];
    let (status, said) = place.spawn().ended();
    assert!(status == 1 && said.contains("MERIDIAN_ADMIN_TOKEN is shorter than 16"), "{status}: {said}");
    place.environment = vec![("MERIDIAN_ADMIN_TOKEN", "sixteen letters!")];
    let node = place.start();
    assert!(!place.path("data/admin.token").exists());
    node.api().put("/v1/sets/new", &json!({"panels": ["fra1"]})).is(201);
    assert_eq!(node.api().get("/v1/history/sets/new").json()["items"][0]["who"], "environment");
    drop(node);
    // Another one at the next start; the old one is none any more.
    place.environment = vec![("MERIDIAN_ADMIN_TOKEN", "seventeen letters")];
    let node = place.start();
    node.api().get("/v1/sets/new").is(200);
    node.api().with_token("sixteen letters!").get("/v1/sets/new").refuses(401, "unauthorized");
}

#[test]
fn each_role_may_do_its_own() {
    let place = Place::new();
    let node = place.start();
    let admin = node.api();
    let [eye, ops] = ["viewer", "operator"].map(|role| node.api_of(&json!({"name": role, "role": role})));
    let fra1 = node.api_of(&json!({"name": "fra1", "role": "panel", "panel": "fra1"}));
    let panel = json!({"region": "eu", "addresses": ["192.0.2.9"]});
    for (method, path, body, allowed) in [
        // By admin, operator, viewer, panel.
        ("GET", "panels/fra1", None, [200, 200, 200, 403]),
        ("GET", "panels", None, [200, 200, 200, 403]),
        ("GET", "fleet", None, [200, 200, 200, 403]),
        ("GET", "fleet?secrets=true", None, [200, 403, 403, 403]),
        ("GET", "status", None, [200, 200, 200, 403]),
        ("GET", "defaults", None, [200, 200, 200, 403]),
        ("GET", "zones/z.example/file", None, [200, 200, 200, 403]),
        ("GET", "zones/z.example/records", None, [200, 200, 200, 403]),
        ("GET", "explain?name=live.z.example&type=A&client=192.0.2.1", None, [200, 200, 200, 403]),
        ("GET", "panels/fra1/state", None, [200, 200, 200, 403]),
        ("GET", "panels/fra1/health", None, [200, 200, 200, 403]),
        ("GET", "audit", None, [200, 403, 403, 403]),
        ("GET", "history/panels/fra1", None, [200, 200, 200, 403]),
        ("GET", "tokens", None, [200, 403, 403, 403]),
        ("GET", "backup", None, [200, 403, 403, 403]),
        ("PUT", "panels/new", Some(panel.clone()), [201, 200, 403, 403]),
        ("PATCH", "panels/new", Some(json!({"weight": 2})), [200, 200, 403, 403]),
        ("POST", "panels/fra1/state", Some(json!({"state": "enabled"})), [200, 200, 403, 403]),
        ("DELETE", "panels/fra1/state", None, [204, 204, 403, 403]),
        ("DELETE", "panels/fra1/hold", None, [204, 204, 403, 403]),
        ("PUT", "fleet?dry_run=true", Some(admin.fleet()), [200, 200, 403, 403]),
        ("POST", "revert?dry_run=true", Some(json!({"revision": 2})), [409, 409, 403, 403]),
        ("POST", "tokens", Some(json!({"name": "x", "role": "viewer"})), [201, 403, 403, 403]),
        ("DELETE", "tokens/x", None, [204, 403, 403, 403]),
        ("POST", "panels/fra1/heartbeat", Some(json!({"cpu": 0.5})), [204, 204, 403, 204]),
        ("POST", "panels/ams1/heartbeat", Some(json!({"cpu": 0.5})), [204, 204, 403, 403]),
        ("POST", "panels/nobody/heartbeat", Some(json!({"cpu": 0.5})), [404, 404, 403, 403]),
    ] {
        for (api, status) in [&admin, &ops, &eye, &fra1].into_iter().zip(allowed) {
            let text = body.as_ref().map(ToString::to_string);
            let answer = api.ask(method, &format!("/v1/{path}"), &[], text.as_deref().map(str::as_bytes));
            assert!(
                answer.status == status || path.starts_with("revert") && status != 403 && answer.status < 500 && answer.status != 403,
                "{method} {path} by {}: {status}, {}",
                api.token,
                answer.raw
            );
            if status == 403 {
                answer.refuses(403, "forbidden");
            }
        }
    }
    // Refused without the body being read.
    eye.ask("PUT", "/v1/fleet", &[], Some(b"{")).refuses(403, "forbidden");
    let health = admin.get("/v1/panels/fra1/health").json();
    assert_eq!((&health["verdict"], &health["gauges"]), (&json!("unchecked"), &json!({"cpu": 0.5})));
    for body in [json!({"cpu": "hot"}), json!({"cpu": -1}), json!({"heat": 1}), json!([1])] {
        fra1.post("/v1/panels/fra1/heartbeat", &body).refuses(422, "invalid");
    }
}

#[test]
fn tokens_end() {
    let place = Place::new();
    let node = place.start();
    let admin = node.api();
    let made = admin.post("/v1/tokens", &json!({"name": "deploy", "role": "operator", "expires": "30d"})).is(201).json();
    let (created, expires) = (made["created"].as_u64().unwrap(), made["expires"].as_u64().unwrap());
    assert_eq!(expires - created, 30 * 86_400);
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("mrd_") && token.len() == 68, "{token}");
    let deploy = admin.with_token(token);
    deploy.get("/v1/status").is(200);
    assert!(!admin.get("/v1/tokens").body.contains(token));
    admin.post("/v1/tokens", &json!({"name": "deploy", "role": "viewer"})).refuses(422, "invalid");
    admin.delete("/v1/tokens/deploy").is(204);
    admin.delete("/v1/tokens/deploy").refuses(404, "not-found");
    deploy.get("/v1/status").refuses(401, "unauthorized");
    for body in [
        json!({"name": "a b", "role": "viewer"}),
        json!({"name": "", "role": "viewer"}),
        json!({"name": "a", "role": "root"}),
        json!({"name": "a", "role": "panel", "panel": "nobody"}),
        json!({"name": "a", "role": "viewer", "expires": "soon"}),
        json!({"name": "a", "role": "viewer", "zone": []}),
    ] {
        admin.post("/v1/tokens", &body).refuses(422, "invalid");
    }
    // One that ends at once: from some request on it is none.
    let brief = node.api_of(&json!({"name": "brief", "role": "viewer", "expires": "1s"}));
    let ended = (0..1000).find_map(|_| {
        let answer = brief.get("/v1/status");
        assert!(matches!(answer.status, 200 | 401), "{}", answer.raw);
        (answer.status == 401).then_some(answer)
    });
    ended.expect("it ends").refuses(401, "unauthorized");
    brief.get("/v1/status").refuses(401, "unauthorized");
}

#[test]
fn who_guesses_is_slowed_and_others_are_not() {
    let place = Place::new();
    let node = place.start();
    let admin = node.api();
    // From another network than the admin.
    let mut guesser = admin.with_token("mrd_0000");
    guesser.more = vec!["--interface".into(), "127.66.1.1".into()];
    let mut answers: Vec<_> = (0..8).map(|_| guesser.get("/v1/status")).collect();
    let slowed = answers.pop().unwrap().refuses(429, "slowed");
    assert!((1..=60).contains(&slowed.header("retry-after").unwrap().parse::<u64>().unwrap()), "{}", slowed.raw);
    for answer in &answers[..5] {
        assert_eq!(answer.status, 401, "{}", answer.raw);
    }
    admin.get("/v1/status").is(200);
    // In the trail at most once a second, and never the token.
    let trail = admin.get("/v1/audit").json();
    let unknown: Vec<_> = trail["items"].as_array().unwrap().iter().filter(|entry| entry["who"] == "unknown").collect();
    assert!((1..=3).contains(&unknown.len()) && unknown[0]["from"] == "127.66.1.1", "{trail}");
    assert!(!trail.to_string().contains("mrd_0000"), "{trail}");
    for (header, status) in
        [("Authorization: Basic YWRtaW46", 401), ("Authorization: Bearer", 401), ("Authorization: Bearer a b", 401), ("X: y", 401)]
    {
        assert_eq!(admin.with_token("").ask("GET", "/v1/status", &[header], None).status, status, "{header}");
    }
}
