//! The node on a disk that is full, and on a store that is broken: it answers, says what is wrong, and comes back.

#[allow(dead_code)]
#[path = "kill/api.rs"]
mod api;
mod peers;
#[allow(dead_code)]
#[path = "node/place.rs"]
mod place;

use api::{Api, TOKEN};
use peers::wire::A;
use place::{HEAD, Node, Place, zones};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Command, Output};

const STORE: &str = "data/meridian.redb";
const COPY: &str = "data/meridian.redb.good";

/// In a mount namespace of its own the node's data is on 8 MB of memory; from here it is seen by way of the process.
#[test]
fn a_full_disk_refuses_changes_and_nothing_else() {
    let place = steered();
    fs::create_dir(place.path("data")).unwrap();
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("-r");
    }
    let script = "mount -t tmpfs -o size=8m,mode=700 tmpfs data && exec \"$0\" serve --config meridian.toml";
    command.args(["-m", "sh", "-c", script, env!("CARGO_BIN_EXE_meridian")]).current_dir(place.path(""));
    command.env_remove("NOTIFY_SOCKET").env_remove("MERIDIAN_LOG").env_remove("RUST_LOG").env("MERIDIAN_ADMIN_TOKEN", TOKEN);
    let node = imported(place.spawn(command));
    let mut api = Api::open(place.admin).unwrap();
    let data = PathBuf::from(format!("/proc/{}/root{}", node.id(), fs::canonicalize(place.path("data")).unwrap().display()));
    assert!(data.join("meridian.redb").exists() && !place.path(STORE).exists(), "it is on the disk that gets full");

    let ballast = data.join("ballast");
    fill(&ballast);
    let labels: Value = (0..16).map(|n| (format!("l{n}"), json!("x".repeat(200)))).collect::<serde_json::Map<_, _>>().into();
    let mut last = 0;
    let refused = (1..3000).find_map(|n| {
        let body = json!({"addresses": [address(n)], "labels": labels, "weight": n % 90});
        let said = api.ask("PUT", "/v1/panels/p1", Some(&body)).unwrap();
        // What is kept free in the file is used up first.
        fill(&ballast);
        if said.is_done() {
            last = n;
            return None;
        }
        Some(said)
    });
    let said = refused.expect("a disk of 8 MB gets full");
    assert!(said.status == 507 && said.json()["type"] == "/problems/store-full", "{}", said.text());
    let shown = api.get("/v1/panels/p1").json();
    let wanted = if last == 0 { "192.0.2.61".to_owned() } else { address(last) };
    assert_eq!(shown["addresses"][0], wanted.as_str(), "reading goes on, and shows what was acknowledged");
    assert!(node.says("live.z.example", A).contains(&wanted), "so do answers");
    let refused = api.ask("PUT", "/v1/hostnames/new.z.example", Some(&json!({"set": "s", "answers": 1, "ports": {"http": 80}}))).unwrap();
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert!(node.says("new.z.example", A).starts_with("NXDOMAIN") && api.get("/v1/hostnames/new.z.example").status == 404);
    assert!(node.readyz().starts_with("HTTP/1.1 200 "));

    fs::remove_file(&ballast).unwrap();
    let made = api.ask("PUT", "/v1/hostnames/new.z.example", Some(&json!({"set": "s"}))).unwrap();
    assert_eq!(made.status, 201, "there is space again: {}", made.text());
    assert!(node.says("new.z.example", A).contains(&wanted));
    assert!(!node.readyz().contains("full"), "{}", node.readyz());
}

#[test]
fn a_broken_store_is_read_from_its_copy_until_somebody_mends_it() {
    let place = steered();
    let node = imported(place.spawn(serve(&place)));
    let made = Api::open(place.admin).unwrap().ask("PUT", "/v1/hostnames/new.z.example", Some(&json!({"set": "s"}))).unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    ended(node);
    // Each start copies what it finds.
    ended(imported(place.spawn(serve(&place))));
    let broken = break_file(&place, STORE);

    let node = imported(place.spawn(serve(&place)));
    let mut api = Api::open(place.admin).unwrap();
    let ready = node.readyz();
    assert!(ready.starts_with("HTTP/1.1 200 ") && ready.contains("meridian.redb") && ready.contains("meridian restore --good"), "{ready}");
    assert!(node.says("new.z.example", A).contains("192.0.2.61"));
    assert_eq!(api.get("/v1/hostnames/new.z.example").json(), json!({"set": "s"}));
    for (method, path, body) in [
        ("PUT", "/v1/hostnames/more.z.example", json!({"set": "s"})),
        ("POST", "/v1/panels/p1/state", json!({"state": "disabled"})),
        ("POST", "/v1/tokens", json!({"name": "t", "role": "viewer"})),
    ] {
        let said = api.ask(method, path, Some(&body)).unwrap();
        assert!(said.status == 503 && said.json()["type"] == "/problems/store-gone", "{method} {path}: {}", said.text());
    }
    let told = restore(&place, &["--good"]);
    assert!(told.status.code() == Some(1) && text(&told.stderr).contains("another meridian"), "{}", text(&told.stderr));
    ended(node);
    assert!(fs::read(place.path(STORE)).unwrap() == broken, "it was left as it is");

    let told = restore(&place, &["--good"]);
    assert!(told.status.success() && text(&told.stdout).contains("the old file is now"), "{}{}", text(&told.stdout), text(&told.stderr));
    let node = imported(place.spawn(serve(&place)));
    assert!(node.readyz().contains("\"problems\":[]"), "{}", node.readyz());
    let mut api = Api::open(place.admin).unwrap();
    let again = api.ask("PUT", "/v1/hostnames/more.z.example", Some(&json!({"set": "s"}))).unwrap();
    assert!(again.status == 201 && again.revision > made.revision, "{}", again.text());
    assert!(node.says("more.z.example", A).contains("192.0.2.61") && node.says("new.z.example", A).contains("192.0.2.61"));
    assert!(api.get("/v1/audit").json().to_string().contains("restore the good copy"));
    let told = restore(&place, &["--good"]);
    assert_eq!(told.status.code(), Some(1));
    ended(node);
    let told = restore(&place, &["--good"]);
    assert!(told.status.code() == Some(1) && text(&told.stderr).contains("is sound"), "{}", text(&told.stderr));
}

#[test]
fn a_store_without_a_copy_is_made_of_a_backup() {
    let place = steered();
    let node = imported(place.spawn(serve(&place)));
    let mut backup = place.command(&["backup", "-o", "backup.jsonl"]);
    let told = backup.env("MERIDIAN_TOKEN", TOKEN).output().unwrap();
    assert!(told.status.success(), "{}", text(&told.stderr));
    ended(node);
    let broken = break_file(&place, STORE);
    break_file(&place, COPY);
    let (status, said) = place.spawn(serve(&place)).ended();
    assert!(status == 1 && said.contains("meridian restore --offline FILE"), "{status}: {said}");
    assert!(fs::read(place.path(STORE)).unwrap() == broken, "it was left as it is");

    let told = restore(&place, &["none.jsonl", "--offline"]);
    assert_eq!(told.status.code(), Some(2), "{}", text(&told.stderr));
    place.write("cut.jsonl", &fs::read_to_string(place.path("backup.jsonl")).unwrap().lines().take(3).collect::<Vec<_>>().join("\n"));
    let told = restore(&place, &["cut.jsonl", "--offline"]);
    assert_eq!(told.status.code(), Some(1), "{}", text(&told.stderr));
    assert!(fs::read(place.path(STORE)).unwrap() == broken, "half a backup mends nothing");
    let told = restore(&place, &["backup.jsonl", "--offline", "--json"]);
    let shown: Value = serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{}", text(&told.stderr)));
    assert!(shown["documents"].as_u64() > Some(4) && shown["aside"].as_str().unwrap().contains("meridian.redb.aside-"), "{shown}");
    let node = imported(place.spawn(serve(&place)));
    assert!(node.says("live.z.example", A).contains("192.0.2.61") && node.readyz().contains("\"problems\":[]"));
}

/// One hostname, one panel.
fn steered() -> Place {
    let place = api::stored();
    let fleet = "[[panel]]\nname = \"p1\"\naddresses = [\"192.0.2.61\"]\n[[set]]\nname = \"s\"\npanels = [\"p1\"]\n[[hostname]]\nname = \"live.z.example\"\nset = \"s\"\n";
    place.write("fleet.toml", &(zones(&["z.example"]) + fleet));
    place.write("z.example.zone", HEAD);
    place
}

fn serve(place: &Place) -> Command {
    let mut command = place.command(&["serve"]);
    command.env("MERIDIAN_ADMIN_TOKEN", TOKEN);
    command
}

/// Waits until the store is the truth.
fn imported(mut node: Node<'_>) -> Node<'_> {
    node.hears("answering on");
    place::until("\"truth\":\"store\"", || String::from_utf8(Api::open(node.place.admin).unwrap().get("/v1/status").body).unwrap());
    node
}

fn ended(node: Node<'_>) {
    node.signal(Signal::TERM);
    let (status, log) = node.ended();
    assert_eq!(status, 0, "{log}");
}

fn restore(place: &Place, arguments: &[&str]) -> Output {
    place.run(&[&["restore"], arguments].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn address(n: usize) -> String {
    format!("10.9.{}.{}", n >> 8, n & 255)
}

/// Takes what is left of a disk.
fn fill(ballast: &PathBuf) {
    let mut file = File::options().create(true).append(true).open(ballast).unwrap();
    for size in [65_536, 4096] {
        loop {
            match file.write_all(&vec![1; size]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Garbage in the middle of a file, and what it is now.
fn break_file(place: &Place, name: &str) -> Vec<u8> {
    let path = place.path(name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[..8192].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    bytes
}
