//! Commands that look.

use super::canned::{Node, answer, json};
use super::place::{Place, told};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn all_pages_of_a_list_are_read() {
    let pages = vec![
        json(200, json!({"items": [{"name": "a.x", "set": "s"}, {"name": "b.x", "set": "s"}], "next": "b.x"})),
        json(200, json!({"items": [{"name": "*.x", "set": "t"}], "next": null})),
    ];
    let (place, node) = (Place::new("pages"), Node::new(pages));
    let told = place.run(&node.url(), &["get", "hostnames", "--where", "zone=x", "--match", "a&b"]);
    assert_eq!(told.out, "NAME   SET   PORTS   TTL\na.x    s     -       -\nb.x    s     -       -\n*.x    t     -       -\n");
    let query = "GET /v1/hostnames?limit=1000&match=a%26b&zone=x";
    assert_eq!(node.lines(), [query.to_owned(), format!("{query}&after=b.x")]);
    assert_eq!(told.status, 0);
}

#[test]
fn a_list_that_leads_in_a_circle_ends() {
    let page = json(200, json!({"items": [{"name": "a"}], "next": "a"}));
    let (place, node) = (Place::new("circle"), Node::new(vec![page.clone(), page]));
    let told = place.run(&node.url(), &["get", "panels", "--json"]);
    assert_eq!((told.status, told.json()["items"].as_array().unwrap().len()), (0, 2));
}

#[test]
fn records_and_files_of_a_zone_are_shown() {
    let set = json!({"name": "www.x", "type": "A", "ttl": 300, "data": ["192.0.2.1", "192.0.2.2"]});
    let node =
        Node::new(vec![json(200, json!({"items": [set], "next": null})), answer(200, "$ORIGIN x.\n").with("content-type", "text/dns")]);
    let place = Place::new("records");
    let told = place.run(&node.url(), &["get", "zone", "x/records", "--where", "type=A"]);
    assert_eq!(told.out, "NAME    TTL   TYPE   DATA\nwww.x   300   A      192.0.2.1\n                     192.0.2.2\n");
    assert_eq!(place.run(&node.url(), &["get", "zone-file", "x"]).out, "$ORIGIN x.\n");
    assert_eq!(node.lines(), ["GET /v1/zones/x/records?limit=1000&type=A", "GET /v1/zones/x/file"]);
}

#[test]
fn an_export_is_a_fleet_that_apply_reads() {
    let fleet = json!({"defaults": {"ttl": 30}, "check": [], "region": [], "panel": [{"name": "p", "addresses": ["192.0.2.1"]}],
        "set": [{"name": "s", "panels": [{"panel": "p", "tier": 1}]}], "zone": [{"name": "x.example", "text": "@ SOA a b 1 1 1 1 1\n"}], "key": [],
        "hostname": [{"name": "live.x.example", "set": "s"}]});
    let node = Node::new(vec![json(200, fleet.clone()), json(200, fleet.clone()), json(200, fleet.clone())]);
    let place = Place::new("export");
    let told = place.run(&node.url(), &["export", "--secrets"]);
    assert_eq!(node.lines(), ["GET /v1/fleet?secrets=true"]);
    let read: Value = serde_json::to_value(told.out.parse::<toml::Table>().unwrap()).unwrap();
    assert_eq!((&read["zone"], &read["set"], &read["hostname"]), (&fleet["zone"], &fleet["set"], &fleet["hostname"]));
    let told = place.run(&node.url(), &["export", "--directory", "out"]);
    assert_eq!((told.status, told.out.as_str()), (0, "out/zones/x.example.zone\nout/fleet.toml\n"));
    assert_eq!(std::fs::read_to_string(place.0.join("out/zones/x.example.zone")).unwrap(), fleet["zone"][0]["text"].as_str().unwrap());
    assert_eq!(place.run(&node.url(), &["export", "--json"]).json(), fleet);
}

#[test]
fn the_status_is_a_table() {
    let status = json!({"node": "ns1", "revision": 17, "ready": true, "problems": [], "zones": ["x"],
        "panels": [{"name": "fra1", "region": "eu", "state": "enabled", "verdict": "down", "verdict_reason": "connection refused", "utilisation": 0.62,
            "uptime": {"24h": 0.9995}, "sets": ["s"]}]});
    let (place, node) = (Place::new("status"), Node::new(vec![json(200, status.clone()), json(200, status.clone())]));
    let told = place.run(&node.url(), &["status"]);
    let expected = "\
1 panel, 0 serving, 1 down; zones 1; store revision 17; node ns1 ready

PANEL   REGION   STATE     VERDICT   SINCE   LOAD   UP 24H    REASON               SETS
fra1    eu       enabled   down      -       62 %   99.95 %   connection refused   s
";
    assert_eq!((told.status, told.out.as_str()), (0, expected));
    assert_eq!(place.run(&node.url(), &["status", "--json"]).json(), status);
}

#[test]
fn the_status_of_one_panel_is_its_health() {
    let health =
        json!({"panel": "fra1", "verdict": "down", "reason": "connection refused", "uptime": {"24h": 0.5}, "addresses": [], "history": []});
    let (place, node) = (Place::new("status-of-one"), Node::new(vec![json(200, health.clone()), json(200, health.clone())]));
    let told = place.run(&node.url(), &["status", "fra1"]);
    assert!(told.status == 0 && told.out.starts_with("fra1 is down: connection refused\nup 50 % of 24 hours\n"), "{}", told.out);
    assert_eq!(place.run(&node.url(), &["status", "fra1", "--json"]).json(), health);
    assert_eq!(node.lines(), ["GET /v1/panels/fra1/health", "GET /v1/panels/fra1/health"]);
}

#[test]
fn a_watch_ends_well_on_ctrl_c() {
    let (place, node) = (Place::new("watch"), Node::new(vec![json(200, json!({"node": "ns1", "ready": true, "panels": []})); 100]));
    let mut child = place.command(&node.url(), &["status", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.contains("node ns1 ready"), "{line}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn an_explanation_of_the_node_reads_as_one_of_the_files() {
    let shipped = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["explain", "live.panels.example", "--client", "81.2.69.142", "--files"]);
        told(command.args(more).output().unwrap())
    };
    let (text, json_of_files) = (shipped(&[]).out, shipped(&["--json"]).json());
    let mut none = json_of_files.clone();
    none["answered"] = false.into();
    let node =
        Node::new(vec![json(200, json_of_files.clone()), json(200, json_of_files.clone()), json(200, none), json(200, json!({"x": 1}))]);
    let place = Place::new("explain");
    let ask = &["explain", "live.panels.example", "--client", "81.2.69.142", "--type", "a"][..];
    let told = place.run(&node.url(), ask);
    assert_eq!((told.status, told.out), (0, text));
    assert_eq!(node.lines(), ["GET /v1/explain?name=live.panels.example.&type=A&client=81.2.69.142"]);
    let told = place.run(&node.url(), &[ask, &["--json"]].concat());
    assert_eq!((told.status, told.json()), (0, json_of_files));
    assert_eq!(place.run(&node.url(), ask).status, 1, "there is no answer");
    let told = place.run(&node.url(), ask);
    assert!(told.status == 1 && told.out.is_empty() && told.err.contains("another way"), "{told:?}");
}

#[test]
fn a_backup_is_whole_and_its_owners_only() {
    let node =
        Node::new(vec![answer(200, "{\"line\":1}\n{\"line\":2}\n"), answer(200, "{\"line\":1}\n").broken(), answer(200, "{\"line\":1}\n")]);
    let place = Place::new("backup");
    let file = place.0.join("b.jsonl");
    let told = place.run(&node.url(), &["backup", "-o", "b.jsonl"]);
    assert_eq!((told.status, told.out.as_str()), (0, "b.jsonl written, 22 bytes\n"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let told = place.run(&node.url(), &["backup", "-o", "b.jsonl"]);
    assert!(told.status == 1 && told.err.contains("broke off"), "{told:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2, "the old one stays");
    assert_eq!(std::fs::read_dir(&place.0).unwrap().count(), 1, "nothing is left beside it");
    assert_eq!(place.run(&node.url(), &["backup"]).out, "{\"line\":1}\n");
    let told = place.run(&node.url(), &["backup", "--json"]);
    assert_eq!(told.status, 2);
}

#[test]
fn history_and_audit_name_the_object() {
    let page = json!({"items": [{"sequence": 3, "at": 1_795_269_600, "who": "ops", "verb": "put", "revision": 2, "objects": ["panels/fra1"]}], "next": null});
    let (place, node) = (Place::new("history"), Node::new(vec![json(200, page.clone()), json(200, page)]));
    let told = place.run(&node.url(), &["history", "panel", "fra1"]);
    assert_eq!(told.out, "revision 2   2026-11-21 14:00:00Z   ops   put panels/fra1\n");
    place.run(&node.url(), &["audit", "--since", "2h", "--object", "zone/0/25.x", "--limit", "5", "--before", "9"]);
    assert_eq!(node.lines(), ["GET /v1/history/panels/fra1?limit=50", "GET /v1/audit?limit=5&before=9&since=2h&object=zones%2F0%2F25.x"]);
}

#[test]
fn a_new_token_is_printed_alone() {
    let made = json!({"token": "mrd_abc", "name": "deploy", "role": "operator"});
    let (place, node) = (Place::new("token"), Node::new(vec![json(201, made), answer(204, "")]));
    let arguments = ["token", "make", "deploy", "--role", "operator", "--zone", "x.example", "--zone", "y.example", "--expires", "30d"];
    let told = place.run(&node.url(), &arguments);
    assert_eq!((told.status, told.out.as_str(), told.err.as_str()), (0, "mrd_abc\n", ""));
    let expected = json!({"name": "deploy", "role": "operator", "zones": ["x.example", "y.example"], "expires": "30d"});
    assert_eq!(node.heard()[0].json(), expected);
    assert_eq!(place.run(&node.url(), &["token", "drop", "deploy"]).out, "deploy dropped\n");
    assert_eq!(node.lines(), ["POST /v1/tokens", "DELETE /v1/tokens/deploy"]);
}

#[test]
fn the_exit_statuses_are_told() {
    let told = Place::new("help").run("", &["--help"]);
    for status in 0..=5 {
        assert!(told.out.contains(&format!("\n  {status}  ")), "{}", told.out);
    }
    assert!(Path::new(env!("CARGO_BIN_EXE_meridian")).exists());
}
