//! A port: open, closed, or silent.

use crate::panel::{LONG, SHORT, asking, bad, probe};
use meridian::fleet::CheckKind;
use meridian::health::Outcome;
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};

fn tcp(port: u16, timeout: std::time::Duration) -> CheckKind {
    CheckKind::Tcp { asking: asking(timeout), port }
}

#[test]
fn an_open_port_is_good_in_both_families() {
    for address in ["127.0.0.1", "127.3.2.1", "::1"] {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let report = probe(address, tcp(port, LONG));
        assert_eq!((report.outcome, report.stream_start, report.live), (Outcome::Good, None, None), "{address}");
        // It leaves nothing behind on either side.
        let (mut stream, _) = listener.accept().unwrap();
        assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
    }
}

#[test]
fn a_closed_port_refuses_and_others_on_the_host_do_not_count() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    for address in ["127.0.0.2", "::1"] {
        assert_eq!(probe(address, tcp(port, LONG)).outcome, Outcome::Refused, "{address}");
    }
}

#[test]
fn a_port_that_says_nothing_is_bad_when_the_time_is_over() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let at = socket.local_addr().unwrap().as_socket().unwrap();
    // Whoever comes after the queue is full gets no word.
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&at, SHORT) {
        queue.push(stream);
    }
    assert_eq!(probe("127.0.0.1", tcp(at.port(), SHORT)).outcome, bad("no connection within 400ms"));
}
