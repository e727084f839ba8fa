//! How panels are: as the API shows it, to whom, and as Prometheus reads it.

use crate::place::{Api, Place};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Without a token, from an address that is not this host's own.
fn stranger(api: &Api) -> Api {
    let mut stranger = api.with_token("");
    stranger.more = vec!["--header".into(), "X-Forwarded-For: 192.0.2.9".into()];
    stranger
}

/// The node of this directory: its address and its token are found by the config.
fn run(place: &Place, arguments: &[&str]) -> Output {
    place.run(&[arguments, &["--config", "meridian.toml"]].concat())
}

#[test]
fn a_panels_health_has_one_shape() {
    let place = Place::new();
    let node = place.start();
    let admin = node.api();
    let health = admin.get("/v1/panels/AMS1/health").is(200).json();
    let keys: Vec<&String> = health.as_object().unwrap().keys().collect();
    let expected =
        ["panel", "verdict", "since", "reason", "addresses", "state", "gauges", "reported", "utilisation", "shed", "uptime", "history"];
    assert_eq!(keys, expected);
    assert_eq!(health["panel"], "ams1");
    let addresses: Vec<&Value> = health["addresses"].as_array().unwrap().iter().map(|address| &address["address"]).collect();
    assert_eq!(addresses, ["192.0.2.2", "2001:db8::2"]);
    assert_eq!(health["uptime"].as_object().unwrap().keys().collect::<Vec<_>>(), ["24h", "7d", "30d"]);
    assert_eq!((&health["state"]["state"], &health["gauges"], &health["reported"]), (&json!("enabled"), &Value::Null, &Value::Null));
    // What it says of itself is shown as it said it.
    let said = json!({"connections": 312, "cpu": 0.41, "memory": 0.6, "bandwidth_mbps": 840, "credits": 120});
    admin.post("/v1/panels/ams1/heartbeat", &said).is(204);
    let health = admin.get("/v1/panels/ams1/health").json();
    assert_eq!(health["gauges"], said);
    assert!(health["reported"].as_u64().unwrap() > 1_700_000_000);
    admin.post("/v1/panels/ams1/heartbeat", &json!({"cpu": 0.5})).is(204);
    assert_eq!(admin.get("/v1/panels/ams1/health").json()["gauges"], json!({"cpu": 0.5}), "the last one counts, alone");
    admin.get("/v1/panels/nobody/health").refuses(404, "not-found");
    admin.get("/v1/panels/ams1/health?x=1").refuses(400, "bad-request");
}

#[test]
fn status_tells_an_operators_word_and_a_verdict_apart() {
    let place = Place::new();
    let node = place.start();
    let admin = node.api();
    admin.post("/v1/panels/fra1/state", &json!({"state": "draining", "reason": "new disks"})).is(200);
    let status = admin.get("/v1/status").is(200).json();
    let fra1 = status["panels"].as_array().unwrap().iter().find(|panel| panel["name"] == "fra1").unwrap();
    assert_eq!((&fra1["state"], &fra1["reason"]), (&json!("draining"), &json!("new disks")));
    for key in ["verdict", "verdict_since", "verdict_reason", "utilisation", "shed", "uptime"] {
        assert!(fra1.get(key).is_some(), "{key}: {fra1}");
    }
    let shown = String::from_utf8(run(&place, &["status"]).stdout).unwrap();
    let row = shown.lines().find(|line| line.starts_with("fra1")).unwrap();
    assert!(row.contains("draining") && row.contains("new disks"), "{shown}");
    let shown = String::from_utf8(run(&place, &["status", "fra1"]).stdout).unwrap();
    assert!(shown.starts_with("fra1 is ") && shown.contains("fra1 is draining: new disks") && shown.contains("192.0.2.1"), "{shown}");
    let missing = run(&place, &["status", "nobody"]);
    assert!(!missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("there is no panel `nobody`"));
}

#[test]
fn a_hold_down_is_cleared_by_operators_and_stands_in_the_trail() {
    let place = Place::new();
    let node = place.start();
    let admin = node.api();
    admin.delete("/v1/panels/FRA1/hold").is(204);
    let cleared = run(&place, &["clear", "--hold", "fra1"]);
    assert_eq!(String::from_utf8_lossy(&cleared.stdout), "fra1: no longer held back\n", "{}", String::from_utf8_lossy(&cleared.stderr));
    let trail = admin.get("/v1/history/panels/fra1").json();
    let entries: Vec<&Value> = trail["items"].as_array().unwrap().iter().filter(|entry| entry["verb"] == "hold clear").collect();
    assert_eq!(entries.len(), 2, "{trail}");
    admin.delete("/v1/panels/nobody/hold").refuses(404, "not-found");
    admin.delete("/v1/panels/fra1/hold?dry_run=true").refuses(400, "bad-request");
    node.api_of(&json!({"name": "eye", "role": "viewer"})).delete("/v1/panels/fra1/hold").refuses(403, "forbidden");
    // Another's clients are on it too: budget has it.
    let ann = node.api_of(&json!({"name": "ann", "role": "operator", "sets": ["premium"]}));
    ann.delete("/v1/panels/fra1/hold").refuses(403, "forbidden");
    ann.delete("/v1/panels/ams1/hold").is(204);
}

#[test]
fn metrics_are_for_this_host_and_for_viewers() {
    let place = Place::new();
    let node = place.start();
    let admin = node.api();
    let open = admin.with_token("").get("/metrics").is(200);
    assert_eq!(open.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(open.body.contains("meridian_panel_up{panel=\"fra1\"} "), "{}", open.body);
    admin.with_token("").ask("HEAD", "/metrics", &[], None).is(200);
    // Through a proxy it is somebody else who asks.
    stranger(&admin).get("/metrics").refuses(401, "unauthorized");
    let mut viewer = node.api_of(&json!({"name": "eye", "role": "viewer"}));
    viewer.more = stranger(&admin).more;
    viewer.get("/metrics").is(200);
    node.api_of(&json!({"name": "fra1", "role": "panel", "panel": "fra1"})).get("/metrics").refuses(403, "forbidden");
    // A wrong token is none, also from here.
    admin.with_token("mrd_0000").get("/metrics").refuses(401, "unauthorized");
    admin.with_token("").get("/metrics?x=1").refuses(400, "bad-request");
}

#[test]
fn a_scoped_token_counts_what_it_may_not_name() {
    let place = Place::new();
    let node = place.start();
    let ann = node.api_of(&json!({"name": "ann", "role": "viewer", "sets": ["premium"]}));
    let page = ann.get("/metrics").is(200).body;
    assert!(page.contains("panel=\"fra1\"") && page.contains("panel=\"ams1\"") && !page.contains("nyc1"), "{page}");
    assert!(page.contains("\nmeridian_panels_hidden 1\n"), "{page}");
    let all: u64 = page.lines().filter_map(|line| line.strip_prefix("meridian_panels{")?.rsplit(' ').next()?.parse::<u64>().ok()).sum();
    assert_eq!(all, 3);
}

#[test]
fn metrics_move_with_what_happens() {
    let place = Place::new();
    let node = place.start();
    let admin = node.api();
    let read = |name: &str| {
        let page = admin.with_token("").get("/metrics").is(200).body;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<f64>().ok());
        line.unwrap_or_else(|| panic!("no {name} in {page}"))
    };
    let (answers, wrong) = ("meridian_dns_answers_total{transport=\"udp\",rcode=\"NOERROR\"}", "meridian_api_wrong_tokens_total");
    assert_eq!((read(answers), read(wrong)), (0.0, 0.0));
    assert_eq!(node.dig("www.z.example", "A").len(), 2);
    admin.with_token("mrd_0000").get("/v1/status").refuses(401, "unauthorized");
    assert_eq!((read(answers), read(wrong)), (1.0, 1.0));
    assert_eq!((read("meridian_ready"), read("meridian_zones{state=\"served\"}"), read("meridian_sets")), (1.0, 1.0, 2.0));
    let before = read("meridian_generation");
    admin.put("/v1/hostnames/more.z.example", &json!({"set": "premium"})).is(201);
    assert!(read("meridian_generation") > before);
    assert!(read("meridian_process_resident_memory_bytes") > 1e6 && read("meridian_process_open_fds") > 5.0);
}

/// Prometheus's own reader, which also knows what names are bad habits.
#[test]
fn prometheus_reads_the_metrics() {
    let place = Place::new();
    let node = place.start();
    let admin = node.api();
    admin.post("/v1/panels/fra1/heartbeat", &json!({"cpu": 0.41, "credits": 1e9})).is(204);
    let page = admin.with_token("").get("/metrics").is(200).body;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool; Debian has it in the package prometheus, which `tests/run` installs");
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(checked.status.success() && said.is_empty(), "{said}{page}");
}
