//! Each way in which a panel is broken, and that it is well again afterwards.

use super::player::{Stage, curl, is_refused};
use meridian::stage::Mode;
use std::time::Duration;

const LIST: &str = "/live/low/index.m3u8";

fn segment(stage: &Stage) -> String {
    format!("/live/low/{}", stage.get(LIST).names()[5])
}

#[test]
fn a_killed_panel_resets_refuses_and_comes_back_where_it_was() {
    let stage = Stage::new();
    let (mut idle, mut used) = (stage.open(), stage.open());
    used.ask("/health");
    used.hear();
    stage.panel.kill();
    assert!(is_refused(stage.at));
    assert_eq!((idle.rest(), used.rest()), ((vec![], true), (vec![], true)));
    assert_eq!((stage.panel.mode(), stage.get("/health").exit), (Mode::Killed, 7));
    stage.panel.heal().unwrap();
    assert_eq!((stage.panel.mode(), stage.get(LIST).status), (Mode::Fine, 200));
}

#[test]
fn a_kill_and_a_heal_at_once_leave_no_connection_alive() {
    let stage = Stage::new();
    for _ in 0..50 {
        let mut line = stage.open();
        line.ask("/health");
        line.hear();
        stage.panel.kill();
        stage.panel.heal().unwrap();
        assert_eq!(line.rest(), (vec![], true));
        assert_eq!(stage.get("/health").status, 200);
    }
}

#[test]
fn a_closed_port_refuses_and_lets_live_what_is_open() {
    let stage = Stage::new();
    let mut line = stage.open();
    line.ask("/health");
    line.hear();
    stage.panel.set(Mode::Closed).unwrap();
    assert!(is_refused(stage.at));
    line.ask("/health");
    assert!(line.hear().0.starts_with("HTTP/1.1 200 OK"));
    stage.panel.heal().unwrap();
    assert_eq!(stage.get("/health").status, 200);
}

#[test]
fn a_stopped_panel_accepts_and_is_silent_until_it_goes_on() {
    let stage = Stage::new();
    let mut before = stage.open();
    before.ask("/health");
    before.hear();
    stage.panel.set(Mode::Stopped).unwrap();
    let mut after = stage.open();
    before.ask("/health");
    after.ask("/health");
    assert!(before.is_silent() && after.is_silent());
    stage.panel.heal().unwrap();
    // Nothing was lost.
    assert!(before.hear().0.starts_with("HTTP/1.1 200 OK") && after.hear().0.starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn a_stopped_panel_can_be_killed() {
    let stage = Stage::new();
    stage.panel.set(Mode::Stopped).unwrap();
    let mut line = stage.open();
    line.ask("/health");
    stage.panel.kill();
    assert_eq!(line.rest(), (vec![], true));
}

#[test]
fn addresses_break_one_by_one() {
    let stage = Stage::with(&["127.0.0.1:0", "[::1]:0"], Duration::from_millis(100), None);
    let six = stage.panel.addresses()[1];
    stage.panel.set_at(six, Mode::Killed).unwrap();
    assert!(is_refused(six));
    assert_eq!((stage.get("/health").status, stage.panel.mode()), (200, Mode::Killed));
    stage.panel.set_at(six, Mode::Status(503)).unwrap();
    assert_eq!(curl(&["-g", &format!("http://{six}/health")]).status, 503);
    assert_eq!(stage.get("/health").status, 200);
    assert!(stage.panel.set_at("127.0.0.1:1".parse().unwrap(), Mode::Killed).is_err());
}

#[test]
fn a_frozen_playlist_stands_while_time_goes_on() {
    let stage = Stage::with(&["127.0.0.1:0", "127.0.0.1:0"], Duration::from_millis(20), None);
    let other = stage.panel.addresses()[1];
    stage.panel.set_at(stage.at, Mode::Frozen).unwrap();
    let frozen = stage.get(LIST);
    let moving = || curl(&[&format!("http://{other}{LIST}")]).names();
    let first = moving();
    while moving().iter().any(|name| first.contains(name)) {}
    assert_eq!(stage.get(LIST).text(), frozen.text());
    assert_eq!(stage.get(&format!("/live/low/{}", frozen.names()[5])).status, 200);
    stage.panel.heal().unwrap();
    assert!(!stage.get(LIST).names().contains(&frozen.names()[5]));
}

#[test]
fn a_slow_segment_is_under_way_until_the_panel_is_well() {
    let stage = Stage::new();
    let path = segment(&stage);
    stage.panel.set(Mode::Slow { times: 1000 }).unwrap();
    assert_eq!(stage.get(LIST).status, 200);
    let mut line = stage.open();
    line.ask(&path);
    let head = line.bytes(15);
    assert_eq!(head, b"HTTP/1.1 200 OK");
    stage.panel.heal().unwrap();
    line.ask("/health");
    // The segment's rest and the next answer: whole.
    while !line.bytes(1).ends_with(b"\n") {}
    while line.bytes(2) != b"\r\n" {
        while line.bytes(1) != b"\n" {}
    }
}

#[test]
fn a_late_answer_does_not_come_before_its_time() {
    let stage = Stage::new();
    stage.panel.set(Mode::Late { by: Duration::from_secs(3600) }).unwrap();
    let mut line = stage.open();
    line.ask("/health");
    assert!(line.is_silent());
    stage.panel.set(Mode::Late { by: Duration::from_millis(1) }).unwrap();
    assert_eq!(stage.get("/health").status, 200);
}

#[test]
fn a_drip_begins_and_never_ends() {
    let stage = Stage::new();
    stage.panel.set(Mode::Drip).unwrap();
    let mut line = stage.open();
    line.ask(LIST);
    assert_eq!(line.bytes(2), b"HT");
    stage.panel.heal().unwrap();
    let (rest, is_reset) = line.rest();
    assert!(rest.len() < 100 && !is_reset, "{}", rest.len());
}

#[test]
fn what_is_answered_is_broken_as_the_mode_says() {
    let stage = Stage::new();
    for (mode, list, segments) in [
        (Mode::Status(500), 500, 500),
        (Mode::Status(302), 302, 302),
        (Mode::Barred, 401, 401),
        (Mode::NoSegments, 200, 404),
        (Mode::Fine, 200, 200),
        (Mode::Overloaded { connections: 600 }, 200, 200),
    ] {
        stage.panel.heal().unwrap();
        let path = segment(&stage);
        stage.panel.set(mode).unwrap();
        assert_eq!((stage.get(LIST).status, stage.get(&path).status), (list, segments), "{mode}");
    }
    assert_eq!(stage.panel.connections(), 600);
    assert!(stage.get("/stub_status").text().starts_with("Active connections: 600 \n"));
    stage.panel.set(Mode::Html).unwrap();
    for path in ["/live/index.m3u8", "/health", "/nowhere"] {
        let page = stage.get(path);
        assert_eq!((page.status, page.content.as_str()), (200, "text/html; charset=utf-8"), "{path}");
        assert!(page.text().starts_with("<!doctype html>"));
    }
}

#[test]
fn segments_of_wrong_bytes_are_no_stream() {
    let stage = Stage::new();
    let path = segment(&stage);
    stage.panel.set(Mode::WrongBytes).unwrap();
    let segment = stage.get(&path);
    assert_eq!((segment.status, segment.content.as_str()), (200, "video/mp2t"));
    assert!(!segment.body.is_empty() && segment.body[0] != 0x47);
}

#[test]
fn half_of_the_requests_fail_one_after_the_other() {
    let stage = Stage::new();
    stage.panel.set(Mode::HalfFail).unwrap();
    let statuses: Vec<u16> = (0..6).map(|_| stage.get(LIST).status).collect();
    assert_eq!(statuses, [500, 200, 500, 200, 500, 200]);
}

#[test]
fn an_endless_body_goes_on_until_the_panel_is_well() {
    let stage = Stage::new();
    stage.panel.set(Mode::EndlessBody).unwrap();
    let mut line = stage.open();
    line.ask(LIST);
    let start = line.bytes(4 << 20);
    assert!(start.starts_with(b"HTTP/1.1 200 OK\r\n") && start.windows(8).any(|part| part == b"#EXTM3U\n"));
    stage.panel.heal().unwrap();
    assert!(!line.rest().1);
}

#[test]
fn a_body_that_is_cut_is_shorter_than_it_says() {
    let stage = Stage::new();
    stage.panel.set(Mode::Cut).unwrap();
    // 18: only a part was transferred.
    let cut = stage.get(LIST);
    assert_eq!((cut.exit, cut.status), (18, 200));
    assert!(cut.text().starts_with("#EXTM3U\n"));
}

#[test]
fn every_connection_is_reset_once_it_is_open() {
    let stage = Stage::new();
    let mut earlier = stage.open();
    earlier.ask("/health");
    earlier.hear();
    stage.panel.set(Mode::Reset).unwrap();
    assert_eq!(stage.open().rest(), (vec![], true));
    earlier.ask("/health");
    assert_eq!(earlier.rest(), (vec![], true));
}

#[test]
fn accounts_end_and_are_not_let_in() {
    let stage = Stage::new();
    let account =
        || -> serde_json::Value { serde_json::from_slice(&stage.get("/player_api.php?username=demo&password=demo").body).unwrap() };
    stage.panel.set(Mode::Denied).unwrap();
    assert_eq!(account(), serde_json::json!({"user_info": {"auth": 0}}));
    stage.panel.heal().unwrap();
    let end = |account: serde_json::Value| account["user_info"]["exp_date"].as_str().unwrap().parse::<u64>().unwrap();
    let usual = end(account());
    stage.panel.set(Mode::Ending { within: Duration::from_secs(86_400) }).unwrap();
    assert!(end(account()) + 300 * 86_400 < usual);
}
