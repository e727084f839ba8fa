//! Errands that wait, errands that fail, and the end of it all.

use crate::panel::{LONG, Listener, Panel, asking, errand, expect, http, next, request, response, wait};
use meridian::fleet::CheckKind;
use meridian::health::{Outcome, Target, Vigil};
use meridian::probe::{Heard, Options};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const HERE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

#[test]
fn errands_wait_in_order_and_each_is_reported_once() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let panel = {
        let most = Arc::clone(&most);
        Panel::new(move |wire, _| {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            let _ = wire.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
            now.fetch_sub(1, SeqCst);
            wire.write_all(b"x").is_ok()
        })
    };
    let mut listener = Listener::new(Options { concurrency: 1, vigils: 0 });
    for number in 0..50 {
        listener.prober.ask(errand(number, HERE, http(request(panel.url("/")), expect())));
    }
    for number in 0..50 {
        let (target, report) = listener.report();
        assert_eq!((target, report.outcome), (Target(number), Outcome::Good));
    }
    assert_eq!(most.load(SeqCst), 1);
}

#[test]
fn an_errand_that_fails_here_is_reported_and_lets_the_next_go() {
    let panel = Panel::saying(response(200, b""));
    let mut listener = Listener::new(Options { concurrency: 1, vigils: 0 });
    // Nobody sends one for this; where assertions are on, the task panics.
    listener.prober.ask(errand(1, HERE, CheckKind::Heartbeat));
    listener.prober.ask(errand(2, HERE, http(request(panel.url("/")), expect())));
    let (target, report) = listener.report();
    assert!(target == Target(1) && matches!(report.outcome, Outcome::Unasked(_)), "{report:?}");
    let (target, report) = listener.report();
    assert_eq!((target, report.outcome), (Target(2), Outcome::Good));
}

#[test]
fn dropping_it_ends_everything_at_once_and_says_nothing() {
    let panel = Panel::new(|wire, _| {
        wait(wire);
        false
    });
    let mut listener = Listener::new(Options { concurrency: 2, vigils: 10 });
    listener.prober.watch(Vigil { target: Target(0), to: panel.at, renew: None });
    assert_eq!(listener.next(), Heard::Watching { target: Target(0) });
    for number in 1..20_000 {
        let kind = CheckKind::Http { asking: asking(LONG), request: request(panel.url("/")), expect: expect() };
        listener.prober.ask(errand(number, HERE, kind));
    }
    let mut heard = listener.end();
    assert_eq!(next(&mut heard), None);
}
