//! HLS: what is served, and what is made of it.

use crate::panel::{LONG, Panel, SHORT, asking, bad, header, probe, request, response, target, wait};
use meridian::fleet::CheckKind;
use meridian::health::{Live, Outcome, Report};
use std::time::Duration;

const HEAD: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n";

fn ts() -> Vec<u8> {
    [&[0x47][..], &[0xff; 187]].concat().repeat(10)
}

fn hls(panel: &Panel, path: &str, timeout: Duration) -> Report {
    probe("127.0.0.1", CheckKind::Hls { asking: asking(timeout), request: request(panel.url(path)) })
}

fn said(files: &[(&str, u16, &[u8])]) -> Outcome {
    hls(&Panel::files(files), "/live/index.m3u8", LONG).outcome
}

#[test]
fn a_live_stream_is_followed_to_its_newest_segment() {
    let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ndata:nothing\n#EXT-X-STREAM-INF:BANDWIDTH=2\nlow/index.m3u8?token=a%20b\n\
        #EXT-X-STREAM-INF:BANDWIDTH=3\nhigh/index.m3u8\n";
    let media = format!("{HEAD}#EXT-X-MEDIA-SEQUENCE:100\n#EXTINF:6.0,\n../old.ts\n#EXTINF:6.0,\n../../new.ts?x=1\n");
    let panel = Panel::files(&[
        ("/live/index.m3u8", 200, master.as_bytes()),
        ("/live/low/index.m3u8?token=a%20b", 200, media.as_bytes()),
        ("/new.ts?x=1", 200, &ts()),
    ]);
    let report = hls(&panel, "/live/index.m3u8", LONG);
    assert_eq!(report.outcome, Outcome::Good);
    assert_eq!(report.live, Some(Live { newest: 101, target: Duration::from_secs(6) }));
    assert!(report.stream_start.is_some_and(|start| start <= report.took), "{report:?}");
    let asked: Vec<String> = panel.seen().iter().map(|head| target(head)).collect();
    assert_eq!(asked, ["/live/index.m3u8", "/live/low/index.m3u8?token=a%20b", "/new.ts?x=1"]);
    assert_eq!(panel.connections(), 1, "one connection does");
    assert_eq!(header(&panel.seen()[2], "connection"), Some("close"));
}

#[test]
fn a_film_is_begun_at_its_beginning() {
    let media = format!("{HEAD}#EXTINF:6,\nfirst.ts\n#EXTINF:6,\nlast.ts\n#EXT-X-ENDLIST\n");
    let panel = Panel::files(&[("/vod.m3u8", 200, media.as_bytes()), ("/first.ts", 200, &ts())]);
    let report = hls(&panel, "/vod.m3u8", LONG);
    assert_eq!((report.outcome, report.live), (Outcome::Good, None));
}

#[test]
fn whatever_is_legal_media_is_good() {
    let file: &[u8] = &[&ts()[..], b"\0\0\0\x18styp"].concat();
    for (tags, status, bytes) in [
        ("", 200, &ts()[..]),
        ("", 200, b"\0\0\0\x18ftypmp42"),
        ("", 200, b"ID3\x04"),
        ("", 200, b"WEBVTT\n"),
        ("#EXT-X-MAP:URI=\"nothing.mp4\"\n", 200, b"\0\0\0\x18moof"),
        ("#EXT-X-KEY:METHOD=AES-128,URI=\"nothing\"\n", 200, b"\x01\x02"),
        ("#EXT-X-BYTERANGE:1880@0\n", 200, file),
        ("#EXT-X-BYTERANGE:8@1880\n", 206, b"\0\0\0\x18styp"),
    ] {
        let media = format!("{HEAD}{tags}#EXTINF:6,\ns\n");
        let outcome = said(&[("/live/index.m3u8", 200, media.as_bytes()), ("/live/s", status, bytes)]);
        assert_eq!(outcome, Outcome::Good, "{tags} {bytes:?}");
    }
}

#[test]
fn ranges_are_asked_for() {
    let media = format!("{HEAD}#EXT-X-BYTERANGE:100@5\n#EXTINF:6,\nall.ts\n#EXT-X-BYTERANGE:376\n#EXTINF:6,\nall.ts\n");
    let panel = Panel::files(&[("/a.m3u8", 200, media.as_bytes()), ("/all.ts", 206, &ts()[..376])]);
    assert_eq!(hls(&panel, "/a.m3u8", LONG).outcome, Outcome::Good);
    assert_eq!(header(&panel.seen()[1], "range"), Some("bytes=105-480"));
    let deaf = Panel::files(&[("/a.m3u8", 200, media.as_bytes()), ("/all.ts", 200, &ts())]);
    assert_eq!(hls(&deaf, "/a.m3u8", LONG).outcome, bad("segment `all.ts`: status 200 instead of 206"));
}

#[test]
fn every_way_not_to_serve_is_named() {
    let page: &[u8] = b"<html><body>Bad gateway";
    let live = format!("{HEAD}#EXTINF:6,\n/secret/s.ts?token=secret\n");
    let live = live.as_bytes();
    let index = "/live/index.m3u8";
    let segment = "/secret/s.ts?token=secret";
    let master: &[u8] = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8?t=secret\n";
    let low = "/live/low.m3u8?t=secret";
    let gaps = format!("{HEAD}#EXT-X-GAP\n#EXTINF:6,\ns.ts\n");
    let foreign = format!("{HEAD}#EXTINF:6,\nftp://a/s.ts\n");
    let barred = |text: &str| Outcome::Barred(text.into());
    let long = [HEAD.as_bytes(), &b"# a remark of some length\n".repeat(50_000)].concat();
    for (files, outcome) in [
        (&[][..], bad("playlist: status 404 instead of 200")),
        (&[(index, 500, page)], bad("playlist: status 500 instead of 200")),
        (&[(index, 200, page)], bad("playlist: not a playlist: it begins with `<html>`")),
        (&[(index, 200, b"")], bad("playlist: not a playlist: it is empty")),
        (&[(index, 200, HEAD.as_bytes())], bad("playlist: it has no segments")),
        (&[(index, 200, gaps.as_bytes())], bad("playlist: all its segments are gaps")),
        (&[(index, 200, foreign.as_bytes())], bad("playlist: its segment has a URL that is neither http:// nor https://")),
        (&[(index, 200, &long)], bad("playlist: it is longer than 1 MiB")),
        (&[(index, 401, b"")], barred("playlist: status 401: it wants other credentials")),
        (&[(index, 403, b"")], barred("playlist: status 403: it wants other credentials")),
        (&[(index, 200, master)], bad("variant `low.m3u8`: status 404 instead of 200")),
        (&[(index, 200, master), (low, 200, page)], bad("variant `low.m3u8`: not a playlist: it begins with `<html>`")),
        (&[(index, 200, master), (low, 200, master)], bad("variant `low.m3u8`: it leads to variants again")),
        (&[(index, 200, b"#EXTM3U\n#EXT-X-STREAM-INF:A=1\n")], bad("playlist: it has no variant that can be asked for")),
        (&[(index, 200, live)], bad("segment `s.ts`: status 404 instead of 200")),
        (&[(index, 200, live), (segment, 403, b"")], barred("segment `s.ts`: status 403: it wants other credentials")),
        (&[(index, 200, live), (segment, 200, page)], bad("segment `s.ts`: a page instead of media: it begins with `<html>`")),
        (&[(index, 200, live), (segment, 200, b"")], bad("segment `s.ts`: it is empty")),
        (&[(index, 200, live), (segment, 200, b"neither")], bad("segment `s.ts`: it is no media: neither MPEG-TS nor ISO-BMFF")),
    ] {
        assert_eq!(said(files), outcome, "{files:?}");
    }
}

#[test]
fn a_segment_that_stops_before_it_can_be_judged_is_bad() {
    let panel = stopping(&ts()[..100]);
    assert_eq!(hls(&panel, "/a.m3u8", SHORT).outcome, bad("segment `s.ts`: the answer was not complete within 400ms"));
}

#[test]
fn a_segment_slower_than_it_plays_is_weak() {
    let panel = stopping(&ts());
    let report = hls(&panel, "/a.m3u8", SHORT);
    let Outcome::Weak(said) = report.outcome else { panic!("{report:?}") };
    assert!(said.starts_with("segment `s.ts`: slower than it plays: 0.0s of it came in 0."), "{said}");
    assert!(report.stream_start.is_some() && report.live.is_some());
}

/// A segment of which only this comes, and its announced megabyte never.
fn stopping(bytes: &[u8]) -> Panel {
    let bytes = bytes.to_vec();
    Panel::new(move |wire, head| {
        if target(head) == "/a.m3u8" {
            return wire.write_all(&response(200, format!("{HEAD}#EXTINF:6,\ns.ts\n").as_bytes())).is_ok();
        }
        let _ = wire.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        let _ = wire.write_all(&bytes);
        wait(wire);
        false
    })
}

#[test]
fn of_a_fast_segment_little_is_read() {
    let panel = Panel::new(|wire, head| {
        if target(head) == "/a.m3u8" {
            return wire.write_all(&response(200, format!("{HEAD}#EXTINF:6,\ns.ts\n").as_bytes())).is_ok();
        }
        let _ = wire.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while wire.write_all(&ts()).is_ok() {}
        false
    });
    assert_eq!(hls(&panel, "/a.m3u8", LONG).outcome, Outcome::Good);
}

#[test]
fn a_server_that_closes_between_requests_is_asked_anew() {
    let panel = Panel::new(|wire, head| {
        let body = if target(head) == "/a.m3u8" { format!("{HEAD}#EXTINF:6,\ns.ts\n").into_bytes() } else { ts() };
        let _ = wire.write_all(&response(200, &body));
        // Without a word that it would.
        false
    });
    assert_eq!(hls(&panel, "/a.m3u8", LONG).outcome, Outcome::Good);
    assert_eq!(panel.connections(), 2);
}

#[test]
fn a_port_that_is_closed_elsewhere_is_not_the_panels_own() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let media = format!("{HEAD}#EXTINF:6,\nhttp://cdn.example:{port}/s.ts\n");
    let panel = Panel::files(&[("/a.m3u8", 200, media.as_bytes())]);
    assert_eq!(hls(&panel, "/a.m3u8", LONG).outcome, bad(&format!("segment `s.ts`: nobody listens on port {port}")));
    let gone = probe("127.0.0.2", CheckKind::Hls { asking: asking(LONG), request: request(format!("http://{{address}}:{port}/")) });
    assert_eq!(gone.outcome, Outcome::Refused);
}

#[test]
fn who_never_answers_is_told_by_what_was_asked() {
    let panel = Panel::new(|wire, _| {
        wait(wire);
        false
    });
    assert_eq!(hls(&panel, "/a.m3u8", SHORT).outcome, bad("playlist: no answer within 400ms"));
}

#[test]
fn segments_elsewhere_are_looked_for_here() {
    let elsewhere = Panel::at("127.0.0.2:0", |wire, _| wire.write_all(&response(200, &ts())).is_ok());
    let port = elsewhere.at.port();
    let here = Panel::at(&format!("127.0.0.1:{port}"), |wire, _| wire.write_all(&response(200, &ts())).is_ok());
    let media = format!("{HEAD}#EXTINF:6,\nhttp://127.0.0.2:{port}/s.ts\n");
    let panel = Panel::files(&[("/a.m3u8", 200, media.as_bytes())]);
    let mut request = request(panel.url("/a.m3u8"));
    request.headers = vec![("X-Secret".into(), "secret".into())];
    let report = probe("127.0.0.1", CheckKind::Hls { asking: asking(LONG), request });
    assert_eq!(report.outcome, Outcome::Good);
    assert_eq!(elsewhere.connections(), 0);
    let seen = here.seen().pop().unwrap();
    assert_eq!((header(&seen, "host"), header(&seen, "x-secret")), (Some(format!("127.0.0.2:{port}").as_str()), None));
}
