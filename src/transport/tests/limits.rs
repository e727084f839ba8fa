use super::*;
use crate::clock;
use tokio::net::TcpSocket;

/// Short, for tests that wait for it.
const IDLE: Duration = Duration::from_secs(1);

fn limited(connections: usize, per_client: usize, idle: Duration) -> Options {
    Options { tcp: TcpOptions { connections, per_client, idle }, ..options(&["0.0.0.0:0"]) }
}

async fn connect_from(host: [u8; 4], at: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((host, 0).into()).unwrap();
    timeout(SOON, socket.connect(([127, 0, 0, 1], at.port()).into())).await.unwrap().unwrap()
}

/// Idleness is known to the millisecond: what is heard after this is heard later.
async fn next_millisecond() {
    let now = clock::now().mono_ms;
    until(|| clock::now().mono_ms > now).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let (running, at) = start(&limited(10, 10, IDLE), echo);
    let mut silent = connect_from([127, 0, 0, 1], at).await;
    let mut asked = connect_from([127, 0, 0, 1], at).await;
    asks(&mut asked, 1).await;
    assert!(closed(&mut silent).await);
    assert!(closed(&mut asked).await);
    until(|| running.counters().connections.open == 0).await;
    assert_eq!(running.counters().connections.idle, 2);
}

#[tokio::test]
async fn queries_keep_a_connection_and_dripping_does_not() {
    let (running, at) = start(&limited(10, 10, IDLE), echo);
    let busy = async {
        let mut busy = connect_from([127, 0, 0, 1], at).await;
        for id in 0..12 {
            asks(&mut busy, id).await;
            tokio::time::sleep(IDLE / 4).await;
        }
    };
    let drip = async {
        let mut drip = connect_from([127, 0, 0, 1], at).await;
        let mut sent = 0;
        for byte in framed(&query(1, 200)) {
            if drip.write_all(&[byte]).await.is_err() {
                break;
            }
            sent += 1;
            tokio::time::sleep(IDLE / 10).await;
        }
        assert!(sent < 150, "cut before the message was complete, not after {sent} bytes");
    };
    tokio::join!(busy, drip);
    assert_eq!(running.counters().connections.stalled, 1);
}

#[tokio::test]
async fn a_length_that_promises_too_much_is_cut() {
    let (running, at) = start(&limited(10, 10, IDLE), echo);
    let mut stream = connect_from([127, 0, 0, 1], at).await;
    stream.write_all(&[0xff, 0xff, 1, 2, 3]).await.unwrap();
    assert!(closed(&mut stream).await);
    assert_eq!(running.counters().connections.stalled, 1);
}

#[tokio::test]
async fn a_client_at_its_cap_loses_its_own_idlest() {
    let (running, at) = start(&limited(100, 3, SOON), echo);
    let mut other = connect_from([127, 0, 1, 1], at).await;
    asks(&mut other, 0).await;
    let mut streams = Vec::new();
    for host in 1..=3 {
        let mut stream = connect_from([127, 0, 0, host], at).await;
        asks(&mut stream, 1).await;
        streams.push(stream);
        next_millisecond().await;
    }
    asks(&mut streams[0], 2).await;
    let mut new = connect_from([127, 0, 0, 4], at).await;
    asks(&mut new, 3).await;
    assert!(closed(&mut streams[1]).await);
    for stream in [&mut other, &mut new] {
        asks(stream, 4).await;
    }
    asks(&mut streams[0], 5).await;
    asks(&mut streams[2], 6).await;
    assert_eq!((running.counters().connections.evicted, running.counters().connections.open), (1, 4));
}

#[tokio::test]
async fn at_the_total_cap_the_idlest_of_all_goes() {
    let (running, at) = start(&limited(3, 3, SOON), echo);
    let mut streams = Vec::new();
    for net in 1..=3 {
        let mut stream = connect_from([127, 0, net, 1], at).await;
        asks(&mut stream, 1).await;
        streams.push(stream);
        next_millisecond().await;
    }
    asks(&mut streams[0], 2).await;
    let mut new = connect_from([127, 0, 9, 1], at).await;
    asks(&mut new, 3).await;
    assert!(closed(&mut streams[1]).await);
    asks(&mut streams[0], 4).await;
    asks(&mut streams[2], 5).await;
    assert_eq!((running.counters().connections.evicted, running.counters().connections.open), (1, 3));
}

#[tokio::test]
async fn who_does_not_read_is_held_short_and_cut() {
    let (running, at) = start(&limited(10, 10, IDLE), echo);
    let mut stream = connect_from([127, 0, 0, 1], at).await;
    // 60 MB of answers asked for with 100 kB.
    let all: Vec<u8> = (0..1000).flat_map(|id| framed(&query(id, LARGE_QUERY))).collect();
    let _ = stream.write_all(&all).await;
    until(|| running.counters().connections.stalled == 1).await;
    let counts = running.counters();
    // Computed and not asked for again: what the peer's and our own kernel buffers took, and one buffer more.
    assert!(counts.tcp.received < 500, "{} answers were made for a peer that reads none", counts.tcp.received);
}

#[tokio::test]
async fn who_reads_slowly_but_reads_gets_everything() {
    let (_running, at) = start(&limited(10, 10, IDLE), echo);
    let mut stream = connect_from([127, 0, 0, 1], at).await;
    let all: Vec<u8> = (0..300).flat_map(|id| framed(&query(id, LARGE_QUERY))).collect();
    stream.write_all(&all).await.unwrap();
    for id in 0..300_u16 {
        assert_eq!(read_answer(&mut stream).await.unwrap()[..2], id.to_be_bytes());
        if id % 30 == 0 {
            tokio::time::sleep(IDLE / 8).await;
        }
    }
}
