//! Whatever is down, slow or wrong, reports go where they can.

use crate::host::{agent, once, reported, start, token, until};
use crate::place::Place;
use rustix::process::Signal;
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

#[test]
fn a_node_that_was_down_hears_when_it_comes() {
    let place = Place::new();
    let node = place.start();
    token(&node);
    node.kill();
    let (exit, said) = once(&place, &[]);
    assert!(exit == 4 && said.contains("nothing listens at"), "{exit} {said}");
    let mut agent = start(&place, &["--every", "1s"]);
    agent.hears("nothing listens at");
    let mut node = place.spawn();
    node.hears("answering on");
    agent.hears("takes the reports of fra1");
    assert!(reported(&node)["memory"].is_number());
    // And once more, while the agent runs: a node forgets reports when it ends.
    node.kill();
    let mut node = place.spawn();
    node.hears("answering on");
    until("a report", || reported(&node)["memory"].is_number().then_some(()));
}

#[test]
fn a_node_that_says_nothing_delays_nobody() {
    let place = Place::new();
    let node = place.start();
    token(&node);
    let silent = TcpListener::bind((place.admin.ip(), 0)).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut agent = start(&place, &["--to", &url, "--every", "1s"]);
    // It is asked, and its connection is held while others hear more than one report.
    let _held = silent.accept().unwrap();
    let first = until("a report", || reported(&node)["at"].as_u64());
    let second = until("a second report", || reported(&node)["at"].as_u64().filter(|at| *at > first));
    until("a third report", || reported(&node)["at"].as_u64().filter(|at| *at > second));
    agent.hears(&format!("{url} does not answer within 5 s"));
}

#[test]
fn a_command_that_hangs_is_left_out_until_it_is_right() {
    let place = Place::new();
    let node = place.start();
    token(&node);
    let command = "command=test -e right && echo 5 || { sleep 600; echo 6; }";
    let mut agent = start(&place, &["--every", "1s", "--connections", command]);
    agent.hears("did not end within 500 ms");
    let report = until("a report", || Some(reported(&node)).filter(|report| !report.is_null()));
    assert!(report["connections"].is_null() && report["memory"].is_number(), "{report}");
    place.write("right", "");
    agent.hears("the source is right");
    until("the number", || (reported(&node)["connections"] == 5).then_some(()));
}

#[test]
fn sigterm_ends_it_at_once_with_what_it_started() {
    let place = Place::new();
    let node = place.start();
    token(&node);
    let agent = start(&place, &["--every", "5m", "--connections", "command=echo $$ > shell; sleep 600; echo 1"]);
    let shell = until("the command", || fs::read_to_string(place.path("shell")).ok().filter(|text| text.ends_with('\n')));
    agent.signal(Signal::TERM);
    let (exit, log) = agent.ended();
    assert_eq!(exit, 0, "{log}");
    let is_there = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", shell.trim())).ok()?;
        (!stat.contains(") Z ")).then_some(stat)
    };
    until("the command's end", || is_there().is_none().then_some(()));
}

#[test]
fn a_wrong_token_is_told_and_a_right_one_is_found() {
    let place = Place::new();
    let node = place.start();
    let right = token(&node);
    place.write("fra1.token", "mrd_wrong\n");
    let (exit, said) = once(&place, &[]);
    assert!(exit == 5 && said.contains("does not know the token") && !said.contains("mrd_wrong"), "{exit} {said}");
    let mut agent = start(&place, &["--every", "1s"]);
    agent.hears("does not know the token");
    place.write("fra1.token", &right);
    agent.hears("takes the reports of fra1");
    // Another panel's: it may not speak for that one.
    let to = format!("http://{}", place.admin);
    let other = |panel: &str| {
        let output = place.run(&["agent", "--once", "--panel", panel, "--to", &to, "--token-file", "fra1.token"]);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (exit, said) = other("ams1");
    assert!(exit == 5 && said.contains("--role panel --panel ams1"), "{exit} {said}");
    // Its own that is gone from the fleet.
    let admin = node.api();
    for set in ["premium", "budget"] {
        admin.patch(&format!("/v1/sets/{set}"), &serde_json::json!({"panels": ["ams1"]})).is(200);
    }
    admin.delete("/v1/panels/fra1").is(204);
    let (exit, said) = other("fra1");
    assert!(exit == 1 && said.contains("knows no panel fra1"), "{exit} {said}");
    agent.hears("knows no panel fra1");
}

#[test]
fn the_nodes_certificate_is_judged() {
    let place = Place::new();
    let ip = format!("subjectAltName=IP:{}", place.admin.ip());
    for name in ["node", "other"] {
        let (key, pem) = (format!("{name}.key"), format!("{name}.pem"));
        let arguments = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=n",
            "-addext",
        ];
        let output = Command::new("openssl")
            .args(arguments)
            .args(["basicConstraints=critical,CA:FALSE", "-addext", &ip, "-keyout", &key, "-out", &pem])
            .current_dir(place.path(""))
            .stdin(Stdio::null())
            .output()
            .expect("openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let place = place.with("certificate = \"node.pem\"\nkey = \"node.key\"\n");
    let mut node = place.spawn();
    node.hears("answering on");
    let mut api = node.api();
    api.url = format!("https://{}", place.admin);
    api.more = vec!["--cacert".into(), place.path("node.pem").display().to_string()];
    let made = api.post("/v1/tokens", &serde_json::json!({"name": "a", "role": "panel", "panel": "fra1"})).is(201);
    place.write("fra1.token", made.json()["token"].as_str().unwrap());
    let run = |ca: &str| {
        let arguments = ["agent", "--once", "--panel", "fra1", "--to", &api.url, "--token-file", "fra1.token", "--ca", ca];
        let output = place.run(&arguments);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (exit, said) = run("other.pem");
    assert!(exit == 4 && said.contains("--ca names the authority"), "{exit} {said}");
    assert!(api.get("/v1/panels/fra1/health").json()["reported"].is_null());
    assert_eq!(run("node.pem"), (0, String::new()));
    assert!(api.get("/v1/panels/fra1/health").json()["gauges"]["memory"].is_number());
}

#[test]
fn what_cannot_be_meant_is_told_before_anything_is_sent() {
    let place = Place::new();
    place.write("fra1.token", "t0ken");
    let refused = |arguments: &[&str], expected: &str| {
        let output = place.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(expected), "{arguments:?}: {:?} {said}", output.status.code());
    };
    refused(&["agent"], "--panel");
    refused(&["agent", "--panel", "fra1"], "--to");
    refused(&["agent", "--panel", "fra1", "--to", "http://127.0.0.1:1"], "--token-file");
    let to = |url| ["agent", "--panel", "fra1", "--token-file", "fra1.token", "--to", url];
    refused(&to("http://192.0.2.1"), "--insecure-http");
    refused(&to("ns1"), "neither http");
    let with = |more: &[&str], expected: &str| refused(&[&to("http://127.0.0.1:1")[..], more].concat(), expected);
    with(&["--to", "http://127.0.0.1:1/"], "given twice");
    with(&["--every", "500ms"], "from 1s to 5m");
    with(&["--every", "6m"], "from 1s to 5m");
    with(&["--connections", "apache=http://x"], "write nginx=URL");
    with(&["--credits", "ports=80"], "credits come from a command");
    with(&["--token-file", "none"], "cannot be used multiple times");
    let mut missing = agent(&place, &[]);
    missing.current_dir("/");
    assert_eq!(missing.output().unwrap().status.code(), Some(2), "no token file there");
}
