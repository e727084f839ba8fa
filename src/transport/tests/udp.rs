use super::*;
use std::net::UdpSocket;

fn client(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 8192];
    let (len, from) = socket.recv_from(&mut buffer).unwrap();
    (buffer[..len].to_vec(), from)
}

#[tokio::test]
async fn a_wildcard_listener_answers_from_the_address_that_was_asked() {
    let (_running, at) = start(&options(&["0.0.0.0:0"]), echo);
    let socket = client("127.0.0.1:0");
    for host in [1, 5, 77] {
        let asked = SocketAddr::from(([127, 0, 0, host], at.port()));
        socket.send_to(&query(u16::from(host), 20), asked).unwrap();
        assert_eq!(receive(&socket), ([0, host, 0x80].into_iter().chain([0; 17]).collect(), asked));
    }
}

#[tokio::test]
async fn both_wildcards_share_a_port() {
    // Some other test's connection may have the port on one of the two.
    let (v4, v6) = std::iter::repeat_with(|| {
        let v4 = bind(&options(&["0.0.0.0:0"])).unwrap();
        let v6 = bind(&options(&[&format!("[::]:{}", v4.addresses()[0].port())])).ok()?;
        Some((v4, v6))
    })
    .take(20)
    .flatten()
    .next()
    .unwrap();
    let at = v4.addresses()[0];
    let (running, v6) = (serve(v4, echo), serve(v6, echo));
    for (from, to) in [("127.0.0.1:0", "127.0.0.9"), ("[::1]:0", "::1")] {
        let asked = SocketAddr::new(to.parse().unwrap(), at.port());
        let socket = client(from);
        socket.send_to(&query(1, 20), asked).unwrap();
        assert_eq!(receive(&socket).1, asked);
        asks(&mut connect(asked).await, 2).await;
    }
    // A worker counts when it has sent.
    until(|| running.counters().udp.answered == 1 && v6.counters().udp.answered == 1).await;
}

#[tokio::test]
async fn every_query_of_a_burst_is_answered_once() {
    let (running, at) = start(&options(&["127.0.0.1:0"]), echo);
    let socket = client("127.0.0.1:0");
    let mut seen = vec![0; 500];
    // Fewer at once than the client's own buffer holds.
    for burst in 0..5 {
        for id in burst * 100..(burst + 1) * 100 {
            socket.send_to(&query(id, 40), at).unwrap();
        }
        for _ in 0..100 {
            let (answer, from) = receive(&socket);
            assert_eq!(from, at);
            seen[usize::from(u16::from_be_bytes([answer[0], answer[1]]))] += 1;
        }
    }
    assert_eq!(seen, vec![1; 500]);
    until(|| running.counters().udp.answered == 500).await;
    assert_eq!(running.counters().udp.rcodes[0], 500);
    assert_eq!(running.counters().udp.unsent, 0);
}

#[tokio::test]
async fn what_is_dropped_disturbs_nobody() {
    let (running, at) = start(&options(&["127.0.0.1:0"]), echo);
    let socket = client("127.0.0.1:0");
    socket.send_to(&[], at).unwrap();
    socket.send_to(&[1; 11], at).unwrap();
    socket.send_to(&[0xff; 40], at).unwrap();
    // Longer than the buffer: handed on cut.
    socket.send_to(&query(6, 9000), at).unwrap();
    assert_eq!(receive(&socket).0.len(), super::super::sys::QUERY);
    socket.send_to(&query(7, 40), at).unwrap();
    assert_eq!(receive(&socket).0[..3], [0, 7, 0x80]);
    until(|| running.counters().udp.dropped == 3).await;
}

#[tokio::test]
async fn a_panic_costs_one_packet() {
    let (running, at) = start(&Options { workers: 1, ..options(&["127.0.0.1:0"]) }, echo);
    let socket = client("127.0.0.1:0");
    for id in 0..10 {
        let mut bad = query(id, 40);
        bad[20..25].copy_from_slice(b"panic");
        socket.send_to(&bad, at).unwrap();
        socket.send_to(&query(100 + id, 40), at).unwrap();
        assert_eq!(receive(&socket).0[..3], [0, 100 + id as u8, 0x80]);
    }
    until(|| running.counters().udp.panics == 10 && running.counters().udp.answered == 10).await;
}

#[tokio::test]
async fn port_0_is_one_port_for_both_transports() {
    let bound = bind(&options(&["127.0.0.1:0", "[::1]:0", "127.0.0.2:0"])).unwrap();
    let addresses = bound.addresses();
    let _running = serve(bound, echo);
    for at in addresses {
        assert_ne!(at.port(), 0);
        asks(&mut connect(at).await, 3).await;
        let socket = client(if at.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" });
        socket.send_to(&query(9, 40), at).unwrap();
        assert_eq!(receive(&socket).1, at);
    }
}

#[test]
fn an_address_in_use_is_refused_with_a_sentence() {
    let first = bind(&options(&["127.0.0.1:0"])).unwrap();
    let at = first.addresses()[0].to_string();
    for again in [at.clone(), at.replace("127.0.0.1", "0.0.0.0")] {
        let error = bind(&options(&[&again])).unwrap_err().to_string();
        assert!(error.contains(&again) && error.contains("another server uses it"), "{error}");
    }
}

#[test]
fn a_stranger_with_reuseport_is_found() {
    let stranger = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    stranger.set_reuse_port(true).unwrap();
    // An address of its own: no other test's connection may have the port this one gets.
    stranger.bind(&"127.0.0.44:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    let at = stranger.local_addr().unwrap().as_socket().unwrap();
    let error = bind(&options(&[&at.to_string()])).unwrap_err().to_string();
    assert!(error.contains("(UDP): another server uses it"), "{error}");
}

#[test]
fn other_refusals_are_sentences() {
    let said = |listen: &[&str]| bind(&options(listen)).unwrap_err().to_string();
    assert!(said(&[]).contains("name at least one"));
    assert!(said(&["127.0.0.1:5399", "127.0.0.1:5399"]).contains("listened on already"));
    assert!(said(&["0.0.0.0:5399", "127.0.0.1:5399"]).contains("listened on already as 0.0.0.0:5399"));
    assert!(said(&["192.0.2.1:0"]).contains("no address 192.0.2.1"));
}

#[tokio::test]
async fn a_drain_answers_what_was_sent_before() {
    let bound = bind(&options(&["127.0.0.1:0"])).unwrap();
    let at = bound.addresses()[0];
    let socket = client("127.0.0.1:0");
    let mut stream = connect(at).await;
    // All of it waits in the kernel: nobody reads yet.
    for id in 0..100 {
        socket.send_to(&query(id, 40), at).unwrap();
        stream.write_all(&framed(&query(id, 40))).await.unwrap();
    }
    let running = serve(bound, echo);
    assert_eq!(running.drain(SOON).await, super::super::Drained { cut: 0 });
    for id in 0..100 {
        receive(&socket);
        assert_eq!(read_answer(&mut stream).await.unwrap()[1], id);
    }
    assert!(closed(&mut stream).await);
    assert!(TcpStream::connect(at).await.is_err());
}
