//! Redirects: followed so far, and never away from the address under test.

use crate::panel::{Panel, bad, expect, header, http, outcome, request, response, target};
use meridian::fleet::Expect;
use meridian::health::Outcome;

fn leading(to: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Panel {
    Panel::new(move |wire, head| {
        let answer = match to(&target(head)) {
            Some(location) => format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes(),
            None => response(200, b"arrived"),
        };
        wire.write_all(&answer).is_ok()
    })
}

fn arrived() -> Expect {
    Expect { body: Some("arrived".into()), ..expect() }
}

#[test]
fn five_are_followed_and_no_more() {
    let panel = leading(|path| {
        let step: u32 = path.trim_start_matches("/a/").parse().unwrap();
        (step > 0).then(|| format!("../a/{}", step - 1))
    });
    assert_eq!(outcome(http(request(panel.url("/a/5")), arrived())), Outcome::Good);
    assert_eq!(outcome(http(request(panel.url("/a/6")), arrived())), bad("more than 5 redirects"));
    assert_eq!(panel.seen().len(), 12);
}

#[test]
fn a_status_that_is_expected_is_not_followed() {
    let panel = leading(|path| (path == "/").then(|| "/elsewhere".into()));
    let expect = Expect { status: vec![302], ..expect() };
    assert_eq!(outcome(http(request(panel.url("/")), expect)), Outcome::Good);
    assert_eq!(panel.seen().len(), 1);
}

#[test]
fn what_leads_nowhere_is_named() {
    for (location, said) in [
        ("ftp://a/", "a redirect to a URL that is neither http:// nor https://"),
        ("http://", "a redirect to a URL whose host is none"),
        ("http://a:0/", "a redirect to a URL whose port is none"),
    ] {
        let panel = leading(|_| Some(location.into()));
        assert_eq!(outcome(http(request(panel.url("/")), expect())), bad(said));
    }
    let panel = Panel::saying("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(outcome(http(request(panel.url("/")), expect())), bad("status 302 instead of 200"));
}

/// Names and addresses in a redirect choose the port and what is said in `Host`, and nothing else.
#[test]
fn another_address_is_never_visited() {
    let elsewhere = Panel::at("127.0.0.2:0", |wire, _| wire.write_all(&response(200, b"arrived")).is_ok());
    let port = elsewhere.at.port();
    let here = Panel::at(&format!("127.0.0.1:{port}"), |wire, _| wire.write_all(&response(200, b"arrived")).is_ok());
    for (host, shown) in [("127.0.0.2", "127.0.0.2"), ("cdn.example", "cdn.example"), ("LOCALHOST", "localhost")] {
        let panel = leading(move |_| Some(format!("http://{host}:{port}/there?x=1")));
        let mut request = request(panel.url("/").replace("//", "//user:secret@"));
        request.headers = vec![("X-Secret".into(), "secret".into())];
        request.host = Some("live.example".into());
        assert_eq!(outcome(http(request, arrived())), Outcome::Good, "{host}");
        let sent = panel.seen().pop().unwrap();
        assert!(sent.contains("X-Secret") || sent.contains("x-secret"), "{sent}");
        let seen = here.seen().pop().unwrap();
        assert_eq!(target(&seen), "/there?x=1");
        assert_eq!(header(&seen, "host"), Some(format!("{shown}:{port}").as_str()));
        // What the operator gave is for the panel it was given for.
        assert!(!seen.contains("secret") && header(&seen, "authorization").is_none(), "{seen}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn headers_stay_where_the_redirect_stays() {
    // A panel that is asked by its name answers with it.
    let panel = Panel::new(|wire, head| {
        let port = header(head, "x-port").unwrap();
        let location = match target(head).as_str() {
            "/" => "/second".to_owned(),
            "/second" => format!("http://LIVE.example:{port}/third"),
            _ => return wire.write_all(&response(200, b"arrived")).is_ok(),
        };
        let answer = format!("HTTP/1.1 301 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        wire.write_all(answer.as_bytes()).is_ok()
    });
    let mut request = request(panel.url("/"));
    request.headers = vec![("X-Port".into(), panel.at.port().to_string())];
    request.host = Some("live.example".into());
    assert_eq!(outcome(http(request, arrived())), Outcome::Good);
    let seen = panel.seen();
    assert_eq!(seen.iter().map(|head| target(head)).collect::<Vec<_>>(), ["/", "/second", "/third"]);
    assert!(seen.iter().all(|head| header(head, "host") == Some("live.example")), "{seen:?}");
}
