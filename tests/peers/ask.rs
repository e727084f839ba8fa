//! Asking servers: many questions in flight over UDP or TCP, or one odd packet at a time.

use super::wire;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// Questions in flight: keeps a socket buffer of 200 KB from overflowing with answers of 1232 bytes.
const WINDOW: usize = 64;
/// A question without an answer after this many rounds of one second counts as unanswered.
const ROUNDS: u32 = 4;

/// Asks everything of one server, each question as it wants to be asked. `None` is silence.
pub(crate) fn all(server: SocketAddr, questions: &[wire::Question]) -> Vec<Option<Vec<u8>>> {
    let mut answers = vec![None; questions.len()];
    for tcp in [false, true] {
        let picked: Vec<usize> = (0..questions.len()).filter(|&i| questions[i].tcp == tcp).collect();
        let packets: Vec<Vec<u8>> = picked.iter().map(|&i| questions[i].encode()).collect();
        let got = if tcp { over_tcp(server, &packets) } else { over_udp(server, &packets) };
        for (i, answer) in picked.into_iter().zip(got) {
            answers[i] = answer;
        }
    }
    answers
}

pub(crate) fn over_udp(server: SocketAddr, packets: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
    let mut answers: Vec<Option<Vec<u8>>> = vec![None; packets.len()];
    for _ in 0..ROUNDS {
        let missing: Vec<usize> = (0..packets.len()).filter(|&i| answers[i].is_none()).collect();
        // Identifiers are positions, so a round takes at most as many as there are identifiers.
        for part in missing.chunks(60_000) {
            let batch: Vec<Vec<u8>> = part.iter().map(|&i| packets[i].clone()).collect();
            for (&i, answer) in part.iter().zip(over_udp_once(server, &batch, 1000)) {
                answers[i] = answer;
            }
        }
    }
    answers
}

/// One round: what is not answered when nothing has come for `patience_ms` stays `None`.
pub(crate) fn over_udp_once(server: SocketAddr, packets: &[Vec<u8>], patience_ms: u64) -> Vec<Option<Vec<u8>>> {
    let socket = socket(server, patience_ms);
    let mut answers = vec![None; packets.len()];
    let mut buffer = vec![0; 65_536];
    let (mut sent, mut received) = (0, 0);
    while received < packets.len() {
        while sent < packets.len() && sent.saturating_sub(received) < WINDOW {
            let _ = socket.send(&numbered(&packets[sent], sent));
            sent += 1;
        }
        match socket.recv(&mut buffer) {
            Ok(length) if length >= 2 => {
                let id = usize::from(u16::from_be_bytes([buffer[0], buffer[1]]));
                if id < sent && answers[id].is_none() {
                    answers[id] = Some(buffer[..length].to_vec());
                    received += 1;
                }
            }
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => break,
            // Silence: the window is given up and the rest of the questions is asked.
            Err(_) if sent < packets.len() => received = sent,
            Err(_) => break,
        }
    }
    answers
}

pub(crate) fn over_tcp(server: SocketAddr, packets: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
    let mut answers = vec![None; packets.len()];
    let mut from = 0;
    for part in packets.chunks(2000) {
        let got = over_one_connection(server, part);
        answers[from..from + part.len()].clone_from_slice(&got);
        from += part.len();
    }
    answers
}

fn over_one_connection(server: SocketAddr, packets: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
    let mut answers = vec![None; packets.len()];
    let Ok(mut stream) = TcpStream::connect(server) else { return answers };
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
    stream.set_nodelay(true).expect("no delay");
    let (mut sent, mut received) = (0, 0);
    while received < packets.len() {
        let mut out = Vec::new();
        while sent < packets.len() && sent.saturating_sub(received) < 16 {
            out.extend(framed(&numbered(&packets[sent], sent)));
            sent += 1;
        }
        if stream.write_all(&out).is_err() {
            break;
        }
        let Some(message) = read_framed(&mut stream) else { break };
        let id = usize::from(u16::from_be_bytes([message[0], message[1]]));
        if id < sent && answers[id].is_none() {
            answers[id] = Some(message);
        }
        received += 1;
    }
    answers
}

/// Every message of a zone transfer, decoded.
pub(crate) fn transfer(server: SocketAddr, zone: &str) -> Vec<wire::Rr> {
    let mut stream = TcpStream::connect(server).expect("a connection for the transfer");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    let question = wire::Question::of(wire::name(zone), wire::AXFR).encode();
    stream.write_all(&framed(&question)).expect("the transfer is asked for");
    let mut records = Vec::new();
    while records.iter().filter(|rr: &&wire::Rr| rr.rtype == wire::SOA).count() < 2 {
        let message = read_framed(&mut stream).unwrap_or_else(|| panic!("the transfer of {zone} ends early"));
        let part = wire::decode(&message).unwrap_or_else(|e| panic!("the transfer of {zone}: {e}"));
        assert!(!part.answer.is_empty(), "the transfer of {zone} is refused: {part}");
        records.extend(part.answer);
    }
    records.pop();
    records
}

/// Lets a little time pass between two looks at a server that answers at once, but not yet well.
pub(crate) fn pause() {
    let idle = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP port");
    idle.set_read_timeout(Some(Duration::from_millis(100))).expect("a time-out");
    let _ = idle.recv(&mut [0]);
}

/// What came of a packet that may not deserve an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answer(Vec<u8>),
    Silence,
    Closed,
}

/// Sends one datagram as it is. Silence is certain once a later, sound question has been answered.
pub(crate) fn lone_udp(server: SocketAddr, packet: &[u8], sound: &[u8]) -> Outcome {
    let socket = socket(server, 2000);
    socket.send(packet).expect("a datagram is sent");
    let sentinel = numbered(sound, 0xbeef);
    socket.send(&sentinel).expect("a datagram is sent");
    let mut buffer = vec![0; 65_536];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) if length >= 2 && buffer[..2] == sentinel[..2] => {
                // Servers with several workers may answer out of order, but not by much.
                socket.set_read_timeout(Some(Duration::from_millis(60))).expect("a time-out");
            }
            Ok(length) => return Outcome::Answer(buffer[..length].to_vec()),
            Err(_) => return Outcome::Silence,
        }
    }
}

/// Sends one message over a connection of its own.
pub(crate) fn lone_tcp(server: SocketAddr, packet: &[u8]) -> Outcome {
    let mut stream = TcpStream::connect(server).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_millis(400))).expect("a time-out");
    stream.write_all(&framed(packet)).expect("a message is sent");
    let mut length = [0; 2];
    match stream.read_exact(&mut length) {
        Ok(()) => {
            let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut message).expect("the rest of an answer");
            Outcome::Answer(message)
        }
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Outcome::Silence,
        Err(_) => Outcome::Closed,
    }
}

fn socket(server: SocketAddr, patience_ms: u64) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP port");
    socket.connect(server).expect("a loopback address");
    socket.set_read_timeout(Some(Duration::from_millis(patience_ms))).expect("a time-out");
    socket
}

fn numbered(packet: &[u8], id: usize) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[..2].copy_from_slice(&(id as u16).to_be_bytes());
    packet
}

pub(crate) fn framed(packet: &[u8]) -> Vec<u8> {
    let mut out = (packet.len() as u16).to_be_bytes().to_vec();
    out.extend(packet);
    out
}

fn read_framed(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    (message.len() >= 12).then_some(message)
}
