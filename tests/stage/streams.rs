//! A panel that is well.

use super::player::{Answer, Line, Stage, curl};
use meridian::stage::{Requests, secured};
use std::path::Path;
use std::time::Duration;

const PACKET: usize = 188;

/// Packets, the tables first, and each table's checksum right: over section and checksum together it is 0.
fn is_transport_stream(bytes: &[u8]) -> bool {
    let packets: Vec<&[u8]> = bytes.chunks(PACKET).collect();
    let pid = |packet: &[u8]| u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
    let section = |packet: &[u8]| {
        let length = usize::from(u16::from_be_bytes([packet[6] & 0x0f, packet[7]]));
        packet[5..8 + length].to_vec()
    };
    let sum = |bytes: &[u8]| {
        bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8).rev().fold(sum, |sum, bit| {
                let out = (sum >> 31) ^ u32::from(byte >> bit & 1);
                (sum << 1) ^ (out * 0x04c1_1db7)
            })
        })
    };
    assert_eq!(sum(b"123456789"), 0x0376_e6e7);
    packets.len() > 2
        && packets.iter().all(|packet| packet.len() == PACKET && packet[0] == 0x47)
        && (pid(packets[0]), sum(&section(packets[0]))) == (0, 0)
        // The first table says where the second one is.
        && pid(packets[1]) == u16::from_be_bytes([packets[0][15] & 0x1f, packets[0][16]])
        && sum(&section(packets[1])) == 0
}

fn sequence(answer: &Answer) -> u64 {
    answer.text().lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:")).unwrap().parse().unwrap()
}

#[test]
fn a_player_finds_its_way_to_moving_segments() {
    let stage = Stage::new();
    let master = stage.get("/live/index.m3u8");
    assert_eq!((master.status, master.content.as_str()), (200, "application/vnd.apple.mpegurl"));
    assert!(master.text().starts_with("#EXTM3U\n"), "{master:?}");
    assert_eq!(master.names(), ["low/index.m3u8", "high/index.m3u8"]);
    let list = stage.get("/live/high/index.m3u8");
    assert!(list.text().contains("\n#EXT-X-TARGETDURATION:1\n") && !list.text().contains("ENDLIST"), "{}", list.text());
    assert_eq!(list.names().len(), 6);
    assert_eq!(list.names()[0], format!("{}.ts", sequence(&list)));
    let segment = stage.get(&format!("/live/high/{}", stage.get("/live/high/index.m3u8").names()[5]));
    assert_eq!((segment.status, segment.content.as_str()), (200, "video/mp2t"));
    assert!(is_transport_stream(&segment.body));
    // Time goes on: asked until it has.
    while sequence(&stage.get("/live/high/index.m3u8")) < sequence(&list) + 6 {}
    assert_eq!(stage.get("/live/high/99.ts").status, 404);
}

#[test]
fn absolute_names_lead_to_the_panel_by_the_name_it_was_asked_by() {
    let stage = Stage::new();
    let asked = |path: &str| curl(&["-H", "Host: live.panels.example", &stage.url(path)]);
    let base = format!("http://live.panels.example:{}", stage.at.port());
    assert_eq!(asked("/live/absolute.m3u8").names()[0], format!("{base}/live/low/absolute.m3u8"));
    let segment = asked("/live/low/absolute.m3u8").names()[5].clone();
    let segment = segment.strip_prefix(&format!("{base}/live/low/")).unwrap();
    assert!(is_transport_stream(&stage.get(&format!("/live/low/{segment}")).body));
}

#[test]
fn a_film_is_played_by_byte_ranges() {
    let stage = Stage::new();
    let list = stage.get("/vod/index.m3u8").text();
    assert!(list.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && list.ends_with("#EXT-X-ENDLIST\n"), "{list}");
    let ranges: Vec<&str> = list.lines().filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:")).collect();
    assert_eq!(ranges.len(), 10);
    for range in [ranges[0], ranges[9]] {
        let (size, at): (usize, usize) = range.split_once('@').map(|(size, at)| (size.parse().unwrap(), at.parse().unwrap())).unwrap();
        let part = curl(&["-r", &format!("{at}-{}", at + size - 1), &stage.url("/vod/film.ts")]);
        assert_eq!((part.status, part.body.len()), (206, size));
        assert!(is_transport_stream(&part.body));
    }
    assert_eq!(curl(&["-r", "99999999-", &stage.url("/vod/film.ts")]).status, 416);
}

#[test]
fn it_says_how_it_is_as_panels_do() {
    let stage = Stage::new();
    stage.panel.seat(30);
    let health: serde_json::Value = serde_json::from_slice(&stage.get("/health").body).unwrap();
    // The connection that asks is one.
    assert_eq!((&health["panel"], &health["connections"], &health["capacity"]), (&"fra1".into(), &31.into(), &500.into()));
    let account = stage.get("/player_api.php?username=demo&password=demo");
    let account: serde_json::Value = serde_json::from_slice(&account.body).unwrap();
    assert_eq!((&account["user_info"]["auth"], &account["user_info"]["active_cons"]), (&1.into(), &"31".into()));
    let stub = stage.get("/stub_status").text();
    assert!(stub.starts_with("Active connections: 31 \nserver accepts handled requests\n 3 3 3 \nReading: 0 Writing: 1 "), "{stub}");
    let expected = Requests { connections: 3, health: 1, account: 1, stub: 1, ..Requests::default() };
    assert_eq!((stage.panel.requests(), stage.panel.requests().all()), (expected, 3));
}

#[test]
fn a_connection_carries_one_request_after_the_other() {
    let stage = Stage::new();
    let mut line = stage.open();
    for _ in 0..3 {
        line.ask("/health");
        assert!(line.hear().0.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    // Two at once, the second without a body, and then the end.
    line.say("GET /health HTTP/1.1\r\n\r\nHEAD /live/index.m3u8 HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(line.hear().0.contains("\r\nConnection: keep-alive\r\n"));
    let (rest, is_reset) = line.rest();
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n") && rest.ends_with("\r\nConnection: close\r\n\r\n") && !is_reset, "{rest}");
    assert_eq!(stage.panel.requests().connections, 1);
    let mut line = stage.open();
    line.say("nonsense\r\n\r\n");
    assert!(line.rest().0.starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn redirects_end_where_they_lead_or_never() {
    let stage = Stage::new();
    let followed = curl(&["-L", &stage.url("/moved/3/live/index.m3u8")]);
    assert_eq!((followed.status, followed.names().len()), (200, 2));
    // 47: too many redirects.
    assert_eq!(curl(&["-L", "--max-redirs", "5", &stage.url("/loop")]).exit, 47);
}

#[test]
fn tls_is_spoken_with_whatever_certificate_is_given() {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let tls = secured(&files.join("node.pem"), &files.join("node.key")).unwrap();
    let stage = Stage::with(&["127.0.0.1:0"], Duration::from_millis(100), Some(tls));
    let (ca, port) = (files.join("ca.pem"), stage.at.port());
    let url = format!("https://localhost:{port}/live/absolute.m3u8");
    let trusted = curl(&["--cacert", ca.to_str().unwrap(), "--resolve", &format!("localhost:{port}:127.0.0.1"), &url]);
    assert_eq!((trusted.exit, trusted.status), (0, 200));
    assert_eq!(trusted.names()[0], format!("https://localhost:{port}/live/low/absolute.m3u8"));
    // 60: the certificate is not trusted.
    let doubted = curl(&["--cacert", ca.to_str().unwrap(), &format!("https://127.0.0.1:{port}/live/index.m3u8")]);
    assert_eq!(doubted.exit, 60);
    let mut plain = Line::open(stage.at);
    plain.ask("/");
    // An alert, not a reset.
    let (alert, is_reset) = plain.rest();
    assert_eq!((alert.first(), is_reset), (Some(&0x15), false));
    assert!(secured(&files.join("ca.pem"), &files.join("node.key")).is_err());
}
