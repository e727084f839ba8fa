//! The process: starting, stopping, its data directory, what it tells the log and the service manager.

use crate::peers::wire::{A, Edns, Question, name};
use crate::peers::{ask, wire};
use crate::place::{Place, asked, ear, is_told, until};
use rustix::process::Signal;
use std::fs;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const COOKIE: u16 = 10;
const ONE: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const TWO: &str = "445536bcd2513298075a5d379663c962";

/// The whole cookie that comes back for one: the same while it was made with the first secret, else a new one.
fn cookie_for(place: &Place, cookie: &[u8]) -> Vec<u8> {
    let question = Question { edns: Some(Edns::of(1232).option(COOKIE, cookie)), ..Question::of(name("www.z.example"), A) };
    let cookie = asked(place.dns, &question).option(COOKIE).expect("a cookie").to_vec();
    assert_eq!((cookie.len(), &cookie[..8]), (24, &b"clientco"[..]));
    cookie
}

/// Whether the node knows a cookie as its own: asked without a question, BADCOOKIE says that it does not.
fn knows(place: &Place, cookie: &[u8]) -> bool {
    let mut packet = wire::header(7, 0, [0, 0, 0, 1]);
    packet.extend(Edns::of(1232).option(COOKIE, cookie).record());
    let answer = ask::over_udp(place.dns, &[packet]).remove(0).expect("an answer");
    let answer = wire::decode(&answer).unwrap();
    assert!(matches!(answer.rcode(), 0 | 23), "{answer}");
    answer.rcode() == 0
}

#[test]
fn cookie_secrets_are_made_once_and_for_the_owner_alone() {
    let place = Place::new();
    let node = place.start();
    let made = cookie_for(&place, b"clientco");
    assert!(knows(&place, &made) && !knows(&place, b"clientco\x01\0\0\0aaaaaaaaaaaa"));
    let mode = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("data"), mode("data/cookie.secrets")), (0o700, 0o600));
    let secret = fs::read_to_string(place.path("data/cookie.secrets")).unwrap();
    node.signal(Signal::KILL);
    assert_eq!(node.ended().0, -1);
    let node = place.start();
    assert!(knows(&place, &made), "the same secret after kill -9");
    assert_eq!(fs::read_to_string(place.path("data/cookie.secrets")).unwrap(), secret);
    drop(node);
    place.write("data/cookie.secrets", "");
    let (status, said) = place.refused();
    assert!(status == 2 && said.contains("cookie.secrets: ") && said.contains("remove the file, and the next start makes"), "{said}");
}

#[test]
fn cookie_secrets_rotate_while_running() {
    let place = Place::new();
    place.configure(&[place.dns], "cookie_secrets = \"secrets\"");
    place.write("secrets", &format!("{ONE}\n"));
    let mut node = place.start();
    assert!(!place.path("data/cookie.secrets").exists());
    let first = cookie_for(&place, b"clientco");
    place.write("secrets", &format!("{TWO} # new\n{ONE} # old\n"));
    // What the old secret made is answered with what the new one makes.
    until("renewed", || if cookie_for(&place, &first) == first { "the same" } else { "renewed" }.into());
    let second = cookie_for(&place, &first);
    assert!(knows(&place, &first) && knows(&place, &second), "both secrets");
    place.write("secrets", "rubbish\n");
    let line = node.hears("secrets:1: warning: not a secret; write 32 hex digits");
    assert!(line.contains("WARN"), "{line}");
    assert!(knows(&place, &first) && knows(&place, &second), "bad secrets change nothing");
    assert!(node.comes_to_show("not a secret").starts_with("HTTP/1.1 200 "));
    place.write("secrets", &format!("{TWO}\n"));
    until("forgotten", || if knows(&place, &first) { "known" } else { "forgotten" }.into());
    assert!(knows(&place, &second));
    node.heals();
}

#[test]
fn bad_cookie_secrets_prevent_a_start() {
    let place = Place::new();
    place.configure(&[place.dns], "cookie_secrets = \"secrets\"");
    let (status, said) = place.refused();
    assert!(status == 2 && said.contains("secrets: dns.cookie_secrets: there is no such file"), "{status}: {said}");
    for (text, what) in [("e5e973\n", "secrets:1: not a secret"), ("", "secrets: 0 secrets where one or two belong")] {
        place.write("secrets", text);
        let (status, said) = place.refused();
        assert!(status == 2 && said.contains(what), "{status}: {said}");
    }
}

#[test]
fn it_ends_when_told_and_answers_what_it_was_asked() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new();
        let node = place.start();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.connect(place.dns).unwrap();
        let question = Question::of(name("www.z.example"), A).encode();
        for _ in 0..100 {
            socket.send(&question).unwrap();
        }
        node.signal(signal);
        for n in 0..100 {
            socket.recv(&mut [0; 512]).unwrap_or_else(|why| panic!("{n} of 100 are answered: {why}"));
        }
        let (status, log) = node.ended();
        assert_eq!(status, 0, "{log}");
        assert!(log.trim_end().ends_with("stopped"), "{log}");
        assert!(TcpStream::connect(place.dns).is_err() && TcpStream::connect(place.admin).is_err());
    }
}

#[test]
fn it_is_not_ready_while_it_drains() {
    let place = Place::new();
    let mut node = place.start();
    // Half a message: the drain waits a while for the other half.
    let mut half = TcpStream::connect(place.dns).unwrap();
    half.write_all(&[0, 30, 1]).unwrap();
    assert!(node.says("www.z.example", A).contains("192.0.2.7"));
    node.signal(Signal::TERM);
    node.hears("stopping");
    let shown = node.comes_to_show("draining");
    assert!(shown.starts_with("HTTP/1.1 503 ") && shown.contains("\"ready\":false"), "{shown}");
    drop(half);
    assert_eq!(node.ended().0, 0);
}

#[test]
fn a_second_node_is_turned_away() {
    let place = Place::new();
    let node = place.start();
    let (status, said) = place.refused();
    assert!(status == 1 && said.contains(&format!("another meridian (process {}) uses ", node.id())), "{status}: {said}");
    assert!(said.contains("stop it, or give this node a directory of its own"), "{said}");
    let config = fs::read_to_string(place.path("meridian.toml")).unwrap();
    place.write("meridian.toml", &config.replace("data = \"data\"", "data = \"other\""));
    let (status, said) = place.refused();
    assert!(status == 1 && said.contains(&format!("cannot listen on {} (TCP): another server uses it", place.dns)), "{status}: {said}");
    let other = crate::place::running::free(std::net::Ipv4Addr::LOCALHOST);
    place.configure(&[other], "");
    let config = fs::read_to_string(place.path("meridian.toml")).unwrap();
    place.write("meridian.toml", &config.replace("data = \"data\"", "data = \"other\""));
    let (status, said) = place.refused();
    assert!(
        status == 1 && said.contains(&format!("[admin].listen: cannot listen on {} (TCP): another server uses it", place.admin)),
        "{status}: {said}"
    );
    assert!(node.says("www.z.example", A).contains("192.0.2.7"));
}

#[test]
fn reload_without_a_node_says_so() {
    let place = Place::new();
    for _ in 0..2 {
        let output = place.run(&["reload"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains("no meridian runs with its data in data"), "{said}");
        // The second time round a stale process number lies there.
        fs::create_dir_all(place.path("data")).unwrap();
        place.write("data/meridian.pid", "1\n");
    }
}

#[test]
fn the_service_manager_is_told() {
    let place = Place::new();
    let ear = ear(&place);
    let mut command = place.command(&["serve"]);
    command.env("NOTIFY_SOCKET", fs::canonicalize(place.path("notify")).unwrap());
    let node = place.spawn(command);
    is_told(&ear, "READY=1");
    assert!(node.says("www.z.example", A).contains("192.0.2.7"), "ready means that it answers");
    node.signal(Signal::HUP);
    is_told(&ear, "RELOADING=1");
    is_told(&ear, "READY=1");
    node.signal(Signal::TERM);
    is_told(&ear, "STOPPING=1");
    assert_eq!(node.ended().0, 0);
}

#[test]
fn the_log_is_for_people_or_for_machines() {
    let place = Place::new();
    let mut node = place.spawn(place.command(&["serve", "--log-format", "json"]));
    node.hears("answering on");
    place.write("z.example.zone", "rubbish\n");
    node.hears("z.example.zone:1: ");
    node.signal(Signal::TERM);
    let (status, log) = node.ended();
    assert_eq!(status, 0);
    for line in log.lines() {
        let json: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        assert!(json["level"].is_string() && json["message"].is_string() && json["timestamp"].is_string(), "{line}");
    }
    let mut node = place.spawn(place.command(&["serve", "--log-format", "human"]));
    let line = node.hears("z.example.zone:1: ");
    assert!(line.contains("ERROR") && !line.contains('{') && !line.contains('\u{1b}'), "{line}");
    assert_eq!(node.ended().0, 2);
}
