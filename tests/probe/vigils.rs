//! Idle connections: kept, broken, replaced.

use crate::panel::Listener;
use meridian::health::{Target, Vigil};
use meridian::probe::{Heard, Options};
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

fn listener(vigils: usize) -> Listener {
    Listener::new(Options { concurrency: 1, vigils })
}

fn vigil(number: u64, to: SocketAddr) -> Vigil {
    Vigil { target: Target(number), to, renew: None }
}

fn port(address: &str) -> (TcpListener, SocketAddr) {
    let port = TcpListener::bind((address, 0)).unwrap();
    let at = port.local_addr().unwrap();
    (port, at)
}

fn watching(number: u64) -> Heard {
    Heard::Watching { target: Target(number) }
}

fn unwatched(number: u64) -> Heard {
    Heard::Unwatched { target: Target(number) }
}

fn assert_broken(heard: &Heard, number: u64) {
    assert!(matches!(heard, Heard::Broken { target, .. } if *target == Target(number)), "{heard:?}");
}

/// Whoever held the other end has let go.
fn assert_gone(mut stream: TcpStream) {
    assert!(matches!(stream.read(&mut [0]).map_err(|error| error.kind()), Ok(0) | Err(ErrorKind::ConnectionReset)));
}

#[test]
fn a_close_and_a_reset_are_told_in_both_families() {
    let mut listener = listener(10);
    for address in ["127.0.0.1", "::1"] {
        for reset in [false, true] {
            let (port, at) = port(address);
            listener.prober.watch(vigil(1, at));
            assert_eq!(listener.next(), watching(1));
            let (stream, _) = port.accept().unwrap();
            if reset {
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(stream);
            assert_broken(&listener.next(), 1);
        }
    }
}

/// As when a process dies: connections nobody has accepted yet go with it.
#[test]
fn a_listener_that_goes_takes_its_queue_with_it() {
    let mut listener = listener(10);
    let (port, at) = port("127.0.0.1");
    listener.prober.watch(vigil(1, at));
    assert_eq!(listener.next(), watching(1));
    drop(port);
    assert_broken(&listener.next(), 1);
    // Refused is as good a hint as broken.
    listener.prober.watch(vigil(1, at));
    assert_broken(&listener.next(), 1);
}

#[test]
fn a_greeting_is_ignored_and_a_talker_is_left() {
    let mut listener = listener(10);
    let (port, at) = port("127.0.0.1");
    listener.prober.watch(vigil(1, at));
    assert_eq!(listener.next(), watching(1));
    let (mut stream, _) = port.accept().unwrap();
    stream.write_all(b"220 hello\r\n").unwrap();
    drop(stream);
    assert_broken(&listener.next(), 1);
    listener.prober.watch(vigil(1, at));
    assert_eq!(listener.next(), watching(1));
    let (mut stream, _) = port.accept().unwrap();
    while stream.write_all(&[b'x'; 1000]).is_ok() {}
    assert_eq!(listener.next(), unwatched(1));
}

#[test]
fn no_more_are_open_than_allowed() {
    let mut listener = listener(2);
    let (port, at) = port("127.0.0.1");
    for (number, heard) in [(1, watching(1)), (2, watching(2)), (3, unwatched(3)), (2, watching(2))] {
        listener.prober.watch(vigil(number, at));
        assert_eq!(listener.next(), heard);
    }
    listener.prober.unwatch(Target(1));
    listener.prober.watch(vigil(3, at));
    assert_eq!(listener.next(), watching(3));
    drop(port);
    let mut broken: Vec<u64> = (0..2).map(|_| if let Heard::Broken { target, .. } = listener.next() { target.0 } else { 0 }).collect();
    broken.sort_unstable();
    assert_eq!(broken, [2, 3]);
}

#[test]
fn what_is_not_watched_any_more_is_closed_in_silence() {
    let mut listener = listener(10);
    let (port, at) = port("127.0.0.1");
    listener.prober.watch(vigil(1, at));
    assert_eq!(listener.next(), watching(1));
    let (first, _) = port.accept().unwrap();
    // Replaced by itself, then given up.
    listener.prober.watch(vigil(1, at));
    assert_eq!(listener.next(), watching(1));
    assert_gone(first);
    let (second, _) = port.accept().unwrap();
    listener.prober.unwatch(Target(1));
    listener.prober.unwatch(Target(9));
    assert_gone(second);
    // What comes next is the next thing that happens.
    listener.prober.watch(vigil(2, at));
    assert_eq!(listener.next(), watching(2));
}

#[test]
fn before_it_gets_old_a_connection_is_replaced_in_silence() {
    for vigils in [10, 1] {
        let mut listener = listener(vigils);
        let (port, at) = port("127.0.0.1");
        listener.prober.watch(Vigil { renew: Some(Duration::from_millis(80)), ..vigil(1, at) });
        assert_eq!(listener.next(), watching(1));
        let (mut before, _) = port.accept().unwrap();
        for _ in 0..3 {
            let (after, _) = port.accept().unwrap();
            assert_gone(before);
            before = after;
        }
        drop(port);
        drop(before);
        assert_broken(&listener.next(), 1);
    }
}
