//! A token for one zone and one set, in a fleet that has two of each: nothing it is told names what belongs to the other alone.

use crate::place::{Answer, Api, Node, Place, ZONE};
use crate::trail::Watch;
use serde_json::{Value, json};

/// Whatever begins with this belongs to the other.
const SECRET: &str = "zq";

const FLEET: &str = r#"
[[check]]
name = "checka"
kind = "tcp"
port = 80
[[check]]
name = "zqcheck"
kind = "panel-api"
url = "http://{address}/"
user = "zquser"
password = "zqpassword"
[[region]]
name = "eu"
at = [50.0, 8.0]
serves = { countries = ["DE"], networks = ["192.0.2.0/24"] }
then = ["zqregion"]
[[region]]
name = "zqregion"
at = [40.0, -74.0]
serves = { countries = ["US"], networks = ["198.51.100.0/24"] }
then = ["eu"]
[[panel]]
name = "mine"
region = "eu"
addresses = ["192.0.2.1"]
checks = ["checka"]
[[panel]]
name = "shared"
region = "eu"
addresses = ["192.0.2.2"]
[[panel]]
name = "zqpanel"
region = "zqregion"
addresses = ["192.0.2.3"]
checks = ["zqcheck"]
labels = { zqlabel = "zqvalue" }
[[set]]
name = "a"
panels = ["mine", "shared"]
[[set]]
name = "zqset"
panels = ["zqpanel", "shared"]
[[zone]]
name = "a.example"
file = "z.zone"
[[zone]]
name = "zqzone.example"
file = "zq.zone"
[[hostname]]
name = "live.a.example"
set = "a"
[[hostname]]
name = "zqmix.a.example"
set = "zqset"
[[hostname]]
name = "zqdeep.sub.a.example"
set = "zqset"
[[hostname]]
name = "live.zqzone.example"
set = "zqset"
[[hostname]]
name = "zqother.zqzone.example"
set = "a"
"#;

fn place() -> Place {
    let place = Place::new();
    place.write("fleet.toml", FLEET);
    place.write("zq.zone", &format!("{ZONE}zqname A 192.0.2.1\n"));
    place
}

/// One who looks after zone a.example and set a, and an admin who has done things to both.
fn scoped(node: &Node<'_>) -> (Api, Api) {
    let admin = node.api();
    let a = node.api_of(&json!({"name": "ann", "role": "operator", "zones": ["a.example"], "sets": ["a"]}));
    admin.post("/v1/tokens", &json!({"name": "bob", "role": "operator", "zones": ["zqzone.example"], "sets": ["zqset"]})).is(201);
    (admin, a)
}

/// Nothing of it names what belongs to the other, save what was said in the request.
#[track_caller]
fn keeps(what: &str, answer: &Answer, said: &[&str]) {
    let mut told = answer.raw.to_ascii_lowercase();
    for said in said {
        told = told.replace(&said.to_ascii_lowercase(), "");
    }
    assert!(!told.contains(SECRET), "{what}: {}", answer.raw);
}

#[test]
fn no_look_names_what_is_outside() {
    let place = place();
    let node = place.start();
    let (admin, a) = scoped(&node);
    // A past in which there were other ties, each of them undone again.
    for body in [json!({"panels": ["mine", "shared", "zqpanel"]}), json!({"panels": ["mine", "shared"]})] {
        admin.put("/v1/sets/a", &body).is(200);
    }
    for region in ["zqregion", "eu"] {
        admin.patch("/v1/panels/mine", &json!({"region": region, "checks": ["checka"]})).is(200);
    }
    for body in [json!({"checks": ["checka", "zqcheck"]}), json!({"checks": ["checka"]})] {
        admin.patch("/v1/panels/mine", &body).is(200);
    }
    for set in ["zqset", "a"] {
        admin.put("/v1/hostnames/live.a.example", &json!({"set": set})).is(200);
    }
    admin.put("/v1/hostnames/zqgone.a.example", &json!({"set": "zqset"})).is(201);
    admin.delete("/v1/hostnames/zqgone.a.example").is(204);
    admin.put("/v1/panels/zqgone", &json!({"region": "zqregion", "addresses": ["192.0.2.9"]})).is(201);
    admin.put("/v1/sets/a", &json!({"panels": ["mine", "shared", "zqgone"]})).is(200);
    admin.put("/v1/sets/a", &json!({"panels": ["mine", "shared"]})).is(200);
    admin.delete("/v1/panels/zqgone").is(204);
    // And what was refused.
    admin.delete("/v1/sets/a").refuses(409, "in-use");
    admin.put("/v1/sets/a", &json!({"panels": ["zqpanel", "zqtypo"]})).refuses(422, "invalid");
    admin.put("/v1/zones/a.example/records/sub.a.example/NS", &json!({"ttl": 60, "data": ["ns.x."]})).refuses(422, "invalid");
    a.put("/v1/zones/a.example/records/sub.a.example/NS", &json!({"ttl": 60, "data": ["ns.x."]})).refuses(422, "invalid");
    a.put("/v1/hostnames/zqnew.a.example", &json!({"set": "zqset"})).refuses(422, "invalid");
    admin.post("/v1/panels/zqpanel/state", &json!({"state": "disabled", "reason": "zqreason"})).is(200);

    for kind in ["checks", "regions", "panels", "sets", "zones", "hostnames", "keys"] {
        let list = a.get(&format!("/v1/{kind}"));
        keeps(kind, &list, &[]);
        for item in list.is(200).json()["items"].as_array().unwrap() {
            let path = format!("/v1/{kind}/{}", item["name"].as_str().unwrap());
            keeps(&path, &a.get(&path).is(200), &[]);
            let object = format!("{kind}/{}", item["name"].as_str().unwrap());
            keeps(&object, &a.get(&format!("/v1/history/{object}")).is(200), &[]);
            keeps(&object, &a.get(&format!("/v1/audit?object={object}")).is(200), &[]);
        }
    }
    for path in [
        "/v1/defaults",
        "/v1/fleet",
        "/v1/status",
        "/v1/audit",
        "/v1/audit?limit=1000",
        "/v1/history/states/mine",
        "/v1/history/files/a.example",
        "/v1/history/zones/a.example",
        "/v1/zones/a.example/file",
        "/v1/zones/a.example/records",
        "/v1/panels/mine/state",
        "/v1/panels/shared/state",
        "/v1/panels/mine/health",
        "/v1/panels/shared/health",
        "/metrics",
        "/v1/explain?name=live.a.example&type=A&client=198.51.100.0/24",
        "/v1/explain?name=live.a.example&type=A&client=192.0.2.0/24",
        "/v1/explain?name=www.a.example&type=A&client=192.0.2.1",
        "/v1/explain?name=nothing.a.example&type=A&client=192.0.2.1",
        "/v1/panels?region=eu",
        "/v1/sets?panel=shared",
    ] {
        keeps(path, &a.get(path).is(200), &[]);
    }
    // What is counted, and no more than that.
    let status = a.get("/v1/status").json();
    assert_eq!((status["hidden"].as_u64(), status["hostnames"].as_u64()), (Some(3), Some(1)), "{status}");
    for path in ["/v1/tokens", "/v1/backup", "/v1/fleet?secrets=true"] {
        keeps(path, &a.get(path).refuses(403, "forbidden"), &[]);
    }
    for path in ["/v1/openapi", "/v1/", "/v1/zq", "/docs", "/openapi.json", "/livez"] {
        keeps(path, &a.get(path), &["/v1/zq"]);
    }
}

#[test]
fn no_event_names_what_is_outside() {
    let place = place();
    let node = place.start();
    let (admin, a) = scoped(&node);
    let from = last_event(&admin);
    admin.post("/v1/panels/zqpanel/state", &json!({"state": "disabled", "reason": "zqreason"})).is(200);
    admin.patch("/v1/sets/zqset", &json!({"ttl": 5})).is(200);
    admin.put("/v1/hostnames/zqgone.a.example", &json!({"set": "zqset"})).is(201);
    admin.delete("/v1/hostnames/zqgone.a.example").is(204);
    admin.put("/v1/hostnames/live.a.example", &json!({"set": "zqset"})).is(200);
    admin.put("/v1/hostnames/live.a.example", &json!({"set": "a"})).is(200);
    let mut fleet = admin.fleet();
    fleet["set"][0]["ttl"] = json!(9);
    fleet["set"][1]["ttl"] = json!(9);
    admin.put("/v1/fleet", &fleet).is(200);
    a.put("/v1/hostnames/own.a.example", &json!({"set": "a"})).is(201);
    a.delete("/v1/hostnames/own.a.example").is(204);
    let last = a.patch("/v1/sets/a", &json!({"ttl": 77})).is(200).revision();
    let events = events_until(&a, from, &format!("\"revision\":{last},"));
    assert!(!events.contains(SECRET), "{events}");
    assert_eq!(events.matches("hostnames/own.a.example").count(), 2, "its own are told: {events}");
    assert!(events_until(&admin, from, &format!("\"revision\":{last},")).contains("zqgone"));
}

#[test]
fn no_refusal_names_what_is_outside() {
    let place = place();
    let node = place.start();
    let (admin, a) = scoped(&node);
    let before = admin.fleet();
    let panel = |region: &str, check: &str| json!({"region": region, "addresses": ["192.0.2.1"], "checks": [check]});
    for (method, path, body, said) in [
        ("DELETE", "sets/a", Value::Null, &[][..]),
        ("DELETE", "panels/mine", Value::Null, &[]),
        ("DELETE", "panels/shared", Value::Null, &[]),
        ("DELETE", "regions/eu", Value::Null, &[]),
        ("DELETE", "checks/checka", Value::Null, &[]),
        ("DELETE", "zones/a.example", Value::Null, &[]),
        ("PUT", "zones/a.example/records/sub.a.example/NS", json!({"ttl": 60, "data": ["ns.x."]}), &[]),
        ("PUT", "zones/a.example/records/sub.a.example/DNAME", json!({"ttl": 60, "data": ["x."]}), &[]),
        ("PUT", "panels/mine", panel("zqregio", "checka"), &["zqregio"]),
        ("PUT", "panels/mine", panel("eu", "zqchec"), &["zqchec"]),
        ("PUT", "sets/a", json!({"panels": ["mine", "zqpane"]}), &["zqpane"]),
        ("PUT", "sets/a", json!({"panels": [{"panel": "zqpane", "tier": 3}]}), &["zqpane"]),
        ("PUT", "hostnames/x.a.example", json!({"set": "zqse"}), &["zqse"]),
        ("PUT", "hostnames/live.a.example", json!({"set": "zqse"}), &["zqse"]),
        ("PATCH", "hostnames/live.a.example", json!({"set": "zqse"}), &["zqse"]),
        ("PUT", "hostnames/live.zqzon.example", json!({"set": "a"}), &["zqzon"]),
        ("PUT", "regions/eu", json!({"at": [1, 1], "then": ["zqregio"]}), &["zqregio"]),
        ("PUT", "defaults", json!({"ttl": 3}), &[]),
        ("PUT", "fleet", json!({}), &[]),
        ("POST", "revert", json!({"revision": 2}), &[]),
        ("POST", "tokens", json!({"name": "x", "role": "admin"}), &[]),
        ("DELETE", "tokens/bob", Value::Null, &[]),
        ("PUT", "zones/sub.a.example", json!({"text": ZONE}), &[]),
        ("PUT", "zones/new.example", json!({"text": ZONE}), &[]),
    ] {
        let text = body.to_string();
        let sent = (!body.is_null()).then_some(text.as_bytes());
        let answer = a.ask(method, &format!("/v1/{path}"), &[], sent);
        assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.raw);
        keeps(path, &answer, said);
        let answer = a.ask(method, &format!("/v1/{path}?dry_run=true"), &[], sent);
        keeps(path, &answer, said);
        let answer = a.ask(method, &format!("/v1/{path}?force=true"), &["If-Match: \"1\""], sent);
        keeps(path, &answer, said);
    }
    let delegation = format!("{ZONE}sub NS ns.x.\n");
    let refused =
        a.ask("PUT", "/v1/zones/a.example/file", &["Content-Type: text/dns"], Some(delegation.as_bytes())).refuses(422, "invalid");
    keeps("file", &refused, &[]);
    let dry = a.ask("PATCH", "/v1/sets/a?dry_run=true", &[], Some(b"{\"steer\": \"failover\"}")).is(200);
    keeps("a dry run", &dry, &[]);
    assert_eq!(admin.fleet(), before);
}

#[test]
fn what_is_outside_answers_like_what_is_nowhere() {
    let place = place();
    let node = place.start();
    let (admin, a) = scoped(&node);
    let before = admin.fleet();
    // What is there, and as many letters of nothing.
    let pairs = [
        ("panels", "zqpanel", "zqpanex"),
        ("sets", "zqset", "zqsex"),
        ("regions", "zqregion", "zqregiox"),
        ("checks", "zqcheck", "zqchecx"),
        ("zones", "zqzone.example", "zqzonx.example"),
        ("hostnames", "live.zqzone.example", "live.zqzonx.example"),
        ("hostnames", "zqother.zqzone.example", "zqother.zqzonx.example"),
        ("keys", "zqkey", "zqkex"),
    ];
    let body = |kind: &str| match kind {
        "panels" => json!({"region": "eu", "addresses": ["192.0.2.77"]}),
        "sets" => json!({"panels": ["mine"]}),
        "regions" => json!({"at": [1, 1]}),
        "checks" => json!({"kind": "tcp", "port": 80}),
        "zones" => json!({}),
        "hostnames" => json!({"set": "a"}),
        _ => json!({"algorithm": "hmac-sha256", "secret": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}),
    };
    let same = |method: &str, path: &str, there: &str, nowhere: &str, headers: &[&str], sent: Option<&str>| {
        let ask = |name: &str| {
            let sent = sent.map(|sent| sent.replace('%', name).into_bytes());
            let answer = a.ask(method, &path.replace('%', name), headers, sent.as_deref());
            let shown: String = answer.raw.lines().filter(|line| !line.starts_with("date: ")).map(|line| format!("{line}\n")).collect();
            shown.replace(name, "%")
        };
        assert_eq!(ask(there), ask(nowhere), "{method} {path} {there}");
    };
    for (kind, there, nowhere) in pairs {
        let (path, text) = (format!("/v1/{kind}/%"), body(kind).to_string());
        same("GET", &path, there, nowhere, &[], None);
        same("GET", &path, there, nowhere, &["If-None-Match: *"], None);
        for (query, headers) in [
            ("", &[][..]),
            ("?dry_run=true", &[]),
            ("?force=true", &[]),
            ("", &["If-Match: *"]),
            ("", &["If-Match: \"2\""]),
            ("", &["If-None-Match: *"]),
        ] {
            let path = format!("{path}{query}");
            same("PUT", &path, there, nowhere, headers, Some(&text));
            same("PATCH", &path, there, nowhere, headers, Some(&text));
            same("DELETE", &path, there, nowhere, headers, None);
        }
        same("PATCH", &path, there, nowhere, &[], Some("{}"));
        same("PUT", &path, there, nowhere, &[], Some("[]"));
        same("GET", &format!("/v1/history/{kind}/%"), there, nowhere, &[], None);
        same("GET", &format!("/v1/audit?object={kind}/%"), there, nowhere, &[], None);
        same("GET", &format!("/v1/{kind}?after=%"), there, nowhere, &[], None);
        same("GET", &format!("/v1/{kind}?match=%"), there, nowhere, &[], None);
    }
    for (filter, there, nowhere) in [("region", "zqregion", "zqregiox"), ("set", "zqset", "zqsex"), ("check", "zqcheck", "zqchecx")] {
        same("GET", &format!("/v1/panels?{filter}=%"), there, nowhere, &[], None);
    }
    same("GET", "/v1/hostnames?set=%", "zqset", "zqsex", &[], None);
    same("GET", "/v1/hostnames?zone=%", "zqzone.example", "zqzonx.example", &[], None);
    same("GET", "/v1/sets?panel=%", "zqpanel", "zqpanex", &[], None);
    for path in ["/v1/panels/%/state", "/v1/panels/%/health", "/v1/panels/%/hold"] {
        same("GET", path, "zqpanel", "zqpanex", &[], None);
        same("POST", path, "zqpanel", "zqpanex", &[], Some(r#"{"state": "disabled"}"#));
        same("DELETE", path, "zqpanel", "zqpanex", &[], None);
    }
    same("POST", "/v1/panels/%/heartbeat", "zqpanel", "zqpanex", &[], Some(r#"{"cpu": 0.5}"#));
    for path in [
        "/v1/zones/%/file",
        "/v1/zones/%/records",
        "/v1/zones/%/records/www.%/A",
        "/v1/explain?name=www.%&type=A&client=192.0.2.1",
        "/v1/explain?name=live.%&type=A&client=192.0.2.1",
        "/v1/explain?name=%&type=SOA&client=192.0.2.1",
    ] {
        same("GET", path, "zqzone.example", "zqzonx.example", &[], None);
    }
    same("PUT", "/v1/zones/%/file", "zqzone.example", "zqzonx.example", &["Content-Type: text/dns"], Some(ZONE));
    same("PUT", "/v1/zones/%/records/www.%/A", "zqzone.example", "zqzonx.example", &[], Some(r#"{"ttl": 60, "data": ["192.0.2.1"]}"#));
    same("DELETE", "/v1/zones/%/records/www.%/A", "zqzone.example", "zqzonx.example", &[], None);
    // In a body that is otherwise right.
    same("PUT", "/v1/hostnames/x.a.example", "zqset", "zqsex", &[], Some(r#"{"set": "%"}"#));
    same("PUT", "/v1/hostnames/live.a.example", "zqset", "zqsex", &[], Some(r#"{"set": "%"}"#));
    same("PATCH", "/v1/hostnames/live.a.example", "zqset", "zqsex", &[], Some(r#"{"set": "%"}"#));
    same("PUT", "/v1/sets/a", "zqpanel", "zqpanex", &[], Some(r#"{"panels": ["mine", "%"]}"#));
    same("PUT", "/v1/sets/a", "zqpanel", "zqpanex", &[], Some(r#"{"panels": ["mine", {"panel": "%", "tier": 2}]}"#));
    same("PATCH", "/v1/panels/mine", "zqregion", "zqregiox", &[], Some(r#"{"region": "%"}"#));
    same("PATCH", "/v1/panels/mine", "zqcheck", "zqchecx", &[], Some(r#"{"checks": ["%"]}"#));
    same("PATCH", "/v1/panels/mine", "zqcheck", "zqchecx", &["If-Match: *"], Some(r#"{"checks": ["checka", "%"]}"#));
    assert_eq!(admin.fleet(), before);
}

#[test]
fn whoever_looks_after_a_part_can_do_so() {
    let place = place();
    let node = place.start();
    let (admin, a) = scoped(&node);
    a.put("/v1/zones/a.example/records/new.a.example/A", &json!({"ttl": 60, "data": ["192.0.2.5"]})).is(201);
    a.ask("PUT", "/v1/zones/a.example/file", &["Content-Type: text/dns"], Some(ZONE.as_bytes())).is(200);
    a.put("/v1/hostnames/own.a.example", &json!({"set": "a"})).is(201);
    assert_eq!(node.dig("own.a.example", "A").len(), 1);
    a.patch("/v1/hostnames/own.a.example", &json!({"ttl": 5})).is(200);
    a.delete("/v1/hostnames/own.a.example").is(204);
    a.patch("/v1/sets/a", &json!({"steer": "failover", "panels": ["shared", "mine"]})).is(200);
    a.patch("/v1/panels/mine", &json!({"weight": 2})).is(200);
    a.post("/v1/panels/mine/state", &json!({"state": "draining"})).is(200);
    a.delete("/v1/panels/mine/state").is(204);
    // Another's clients are on it too.
    for answer in [
        a.post("/v1/panels/shared/state", &json!({"state": "draining"})),
        a.patch("/v1/panels/shared", &json!({"weight": 2})),
        a.patch("/v1/panels/zqpanel", &json!({"weight": 2})),
    ] {
        answer.refuses(403, "forbidden");
    }
    a.put("/v1/hostnames/zqmix.a.example", &json!({"set": "a"})).refuses(403, "forbidden");
    assert_eq!(admin.get("/v1/hostnames/zqmix.a.example").json()["set"], "zqset");
    let fleet = a.fleet();
    assert_eq!(
        fleet["panel"].as_array().unwrap().iter().map(|panel| panel["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["mine", "shared"]
    );
    assert_eq!(fleet["region"][0]["then"], json!([]));
    let entries = a.get("/v1/history/sets/a").json();
    assert_eq!((&entries["items"][0]["who"], &entries["items"][0]["verb"]), (&json!("ann"), &json!("patch")));
}

/// The number of the newest event there is.
fn last_event(api: &Api) -> u64 {
    // Events of no run: the reset that follows says which one is the last.
    let revision = api.put("/v1/hostnames/probe.a.example", &json!({"set": "a"})).is(201).revision();
    api.delete("/v1/hostnames/probe.a.example").is(204);
    let stream = Watch::open(api, "");
    let marker = api.put("/v1/hostnames/probe.a.example", &json!({"set": "a"})).is(201).revision();
    assert!(marker > revision);
    let text = stream.until(&format!("\"revision\":{marker},"));
    api.delete("/v1/hostnames/probe.a.example").is(204);
    let id = text.lines().rfind(|line| line.starts_with("id:")).unwrap();
    id[3..].trim().parse().unwrap()
}

fn events_until(api: &Api, after: u64, text: &str) -> String {
    Watch::open(api, &format!("?after={after}")).until(text)
}
