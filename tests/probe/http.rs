//! What an HTTP server can answer, and what is made of it.

use crate::panel::{LONG, Panel, SHORT, asking, bad, expect, header, http, outcome, probe, request, response, target, wait};
use meridian::document::Value;
use meridian::fleet::{CheckKind, Expect};
use meridian::health::Outcome;
use std::time::Duration;

fn said(answer: impl Into<Vec<u8>>, expect: Expect) -> Outcome {
    let panel = Panel::saying(answer);
    outcome(http(request(panel.url("/")), expect))
}

fn body(text: &str) -> Expect {
    Expect { body: Some(text.into()), ..expect() }
}

#[test]
fn statuses_and_bodies() {
    let ok = |body: &str| response(200, body.as_bytes());
    let json = |value| Expect { json: vec![("/user_info/auth".into(), value)], ..expect() };
    let codes = |status: &[u16]| Expect { status: status.to_vec(), ..expect() };
    let chunked = |rest: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}").into_bytes();
    for (answer, expect, outcome) in [
        (ok("x"), expect(), Outcome::Good),
        (ok(""), expect(), Outcome::Good),
        (response(204, b""), codes(&[200, 204]), Outcome::Good),
        (response(500, b"x"), expect(), bad("status 500 instead of 200")),
        (response(500, b"x"), codes(&[200, 204, 302]), bad("status 500 instead of 200, 204 or 302")),
        (response(401, b"x"), expect(), bad("status 401 instead of 200")),
        (ok("all is well"), body("is well"), Outcome::Good),
        (ok("<html>Oops"), body("is well"), bad("the body has no `is well`")),
        (chunked("4\r\nis w\r\n3\r\nell\r\n0\r\n\r\n"), body("is well"), Outcome::Good),
        (chunked("zz\r\n"), body("is well"), bad("the answer's body is not HTTP")),
        (b"HTTP/1.0 200 OK\r\n\r\nis well".to_vec(), body("is well"), Outcome::Good),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(), expect(), Outcome::Good),
        (ok(r#"{"user_info":{"auth":1}}"#), json(Value::Integer(1)), Outcome::Good),
        (ok(r#"{"user_info":{"auth":0}}"#), json(Value::Integer(1)), bad("`/user_info/auth` is 0 instead of 1")),
        (ok("<html>"), json(Value::Integer(1)), bad("the body is not JSON")),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b".to_vec(), expect(), Outcome::Good),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b".to_vec(),
            body("x"),
            bad("the answer is compressed, which was not asked for: gzip"),
        ),
    ] {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(said(answer, expect), outcome, "{shown}");
    }
}

#[test]
fn what_is_not_http_is_named() {
    let headers = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(count)).into_bytes();
    for (answer, outcome) in [
        (b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), bad("the answer is not HTTP")),
        (b"<html>200 OK</html>\r\n\r\n".to_vec(), bad("the answer is not HTTP")),
        (b"\0\x01\x02\x03\r\n\r\n".to_vec(), bad("the answer is not HTTP")),
        (b"HTTP/1.1 xyz\r\n\r\n".to_vec(), bad("the answer's status is none")),
        (b"".to_vec(), bad("the connection was closed before the answer")),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n".to_vec(), bad("the connection was closed before the answer")),
        (headers(100), Outcome::Good),
        (headers(101), bad("the answer's headers have no end")),
        (format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(40 << 10)).into_bytes(), bad("the answer's headers have no end")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this".to_vec(), bad("the connection was closed in the middle of the answer")),
    ] {
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(60)]).into_owned();
        assert_eq!(said(answer, expect()), outcome, "{shown}");
    }
}

#[test]
fn what_never_ends_is_ended() {
    let endless = |start: &'static str, more: &'static [u8]| {
        Panel::new(move |wire, _| {
            let _ = wire.write_all(start.as_bytes());
            while wire.write_all(more).is_ok() {}
            false
        })
    };
    let line = endless("", &[b'x'; 1000]);
    let headers = endless("HTTP/1.1 200 OK\r\n", b"a: b\r\n");
    let bodies = endless("HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 1000]);
    let ask = |panel: &Panel, expect| outcome(http(request(panel.url("/")), expect));
    assert_eq!(ask(&line, expect()), bad("the answer is not HTTP"));
    assert_eq!(ask(&headers, expect()), bad("the answer's headers have no end"));
    assert_eq!(ask(&bodies, expect()), Outcome::Good, "a stream without end is one that runs");
    assert_eq!(ask(&bodies, body("ox")), bad("the body has no `ox` in its first 1 MiB"));
    assert_eq!(ask(&bodies, body("xx")), Outcome::Good);
    let json = Expect { json: vec![("/a".into(), Value::Integer(1))], ..expect() };
    assert_eq!(ask(&bodies, json), bad("the body is longer than 1 MiB, too long for JSON"));
}

#[test]
fn whoever_stops_in_the_middle_is_bad_when_the_time_is_over() {
    for (start, expect, outcome) in [
        ("", expect(), bad("no answer within 400ms")),
        ("HTTP/1.1 200 O", expect(), bad("no answer within 400ms")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", expect(), bad("the answer was not complete within 400ms")),
        ("HTTP/1.1 200 OK\r\n\r\nx", body("y"), bad("the answer was not complete within 400ms")),
        // Enough of a long one, and of one that says nothing of its length.
        ("HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\nx", expect(), Outcome::Good),
        ("HTTP/1.1 200 OK\r\n\r\nx", expect(), Outcome::Good),
    ] {
        let panel = Panel::new(move |wire, _| {
            let _ = wire.write_all(start.as_bytes());
            wait(wire);
            false
        });
        let kind = CheckKind::Http { asking: asking(SHORT), request: request(panel.url("/")), expect };
        assert_eq!(probe("127.0.0.1", kind).outcome, outcome, "{start}");
    }
}

#[test]
fn a_request_says_what_the_check_has_it_say() {
    let panel = Panel::at("[::1]:0", |wire, _| wire.write_all(&response(200, b"")).is_ok());
    let port = panel.at.port();
    let mut request = request(format!("http://user:p%40ss@{{address}}:{port}/x/{{panel}}?q={{panel}}#part"));
    request.headers = vec![("X-Panel".into(), "{panel} at {address}".into()), ("user-agent".into(), "other".into())];
    let head = Expect { method: "HEAD".into(), ..expect() };
    assert_eq!(probe("::1", http(request.clone(), head)).outcome, Outcome::Good);
    request.host = Some("live.panels.example".into());
    request.url = format!("http://{{address}}:{port}");
    request.headers.clear();
    assert_eq!(probe("::1", http(request, expect())).outcome, Outcome::Good);
    let seen = panel.seen();
    assert!(seen[0].starts_with("HEAD /x/fra1?q=fra1 HTTP/1.1\r\n"), "{seen:?}");
    assert_eq!(header(&seen[0], "host"), Some(format!("[::1]:{port}").as_str()));
    assert_eq!(header(&seen[0], "authorization"), Some("Basic dXNlcjpwQHNz"));
    assert_eq!(header(&seen[0], "x-panel"), Some("fra1 at [::1]"));
    assert_eq!(header(&seen[0], "user-agent"), Some("other"));
    assert_eq!(header(&seen[0], "accept-encoding"), Some("identity"));
    assert_eq!((target(&seen[1]).as_str(), header(&seen[1], "host")), ("/", Some("live.panels.example")));
    assert!(header(&seen[1], "user-agent").unwrap().starts_with("meridian/"));
    assert_eq!(header(&seen[1], "authorization"), None);
}

#[test]
fn a_request_that_cannot_be_said_is_no_word_on_the_panel() {
    let panel = Panel::files(&[("/", 200, b"")]);
    for headers in [("a b", "c"), ("", "c"), ("a", "b\nc"), ("Content-Length", "5")] {
        let mut request = request(panel.url("/"));
        request.headers = vec![(headers.0.into(), headers.1.into())];
        let said = outcome(http(request, expect()));
        assert!(matches!(said, Outcome::Unasked(_)), "{headers:?}: {said:?}");
    }
    let said = outcome(http(request("http://{panel}:x/".into()), expect()));
    assert_eq!(said, Outcome::Unasked("the check cannot be asked: a URL whose port is none".into()));
    assert_eq!(panel.seen().len(), 0);
}

#[test]
fn who_answers_late_is_weak() {
    let panel = Panel::new(|wire, _| {
        let begun = meridian::clock::now().mono_ms;
        while meridian::clock::now().mono_ms < begun + 3 {}
        wire.write_all(&response(200, b"")).is_ok()
    });
    let mut request = request(panel.url("/"));
    request.latency = Some(Duration::from_millis(1));
    let Outcome::Weak(said) = outcome(http(request.clone(), expect())) else { panic!("not weak") };
    assert!(said.starts_with("slow: ") && said.ends_with(" instead of at most 1ms"), "{said}");
    request.latency = Some(LONG);
    assert_eq!(outcome(http(request, expect())), Outcome::Good);
}

#[test]
fn a_closed_port_refuses() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(outcome(http(request(format!("http://{{address}}:{port}/")), expect())), Outcome::Refused);
}
