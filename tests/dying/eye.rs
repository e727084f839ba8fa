//! Who asks for a hostname all the time, and remembers the answers.

use crate::running::SOON;
use crate::wire;
use meridian::clock;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// As gdnsd and PowerDNS were measured.
const EVERY: Duration = Duration::from_millis(10);

#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) asked_ms: u64,
    pub(crate) heard_ms: u64,
    pub(crate) addresses: BTreeSet<IpAddr>,
    /// Of a negative answer that of its SOA.
    pub(crate) ttl: u32,
}

/// Until it is dropped.
pub(crate) struct Eye {
    seen: Arc<(Mutex<Vec<Sample>>, Condvar)>,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Eye {
    pub(crate) fn open(server: SocketAddr, name: &str, rtype: u16) -> Self {
        let seen = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let (end, ended) = channel::<()>();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        let question = wire::Question { edns: Some(wire::Edns::of(1232)), ..wire::Question::of(wire::name(name), rtype) };
        let (packet, here) = (question.encode(), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            let mut number = 0u16;
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                number = number.wrapping_add(1);
                let sample = look(&socket, &packet, number, rtype);
                here.0.lock().unwrap().push(sample);
                here.1.notify_all();
            }
        });
        Self { seen, end: Some(end), thread: Some(thread) }
    }

    /// All so far.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.seen.0.lock().unwrap().clone()
    }

    /// The first of the samples asked for from `from_ms` on that is as wanted.
    pub(crate) fn sees(&self, from_ms: u64, what: &str, wanted: impl Fn(&Sample) -> bool) -> Sample {
        let is_wanted = |sample: &&Sample| sample.asked_ms >= from_ms && wanted(sample);
        let find = |seen: &Vec<Sample>| seen.iter().rev().take_while(|sample| sample.asked_ms >= from_ms).filter(is_wanted).last().cloned();
        let seen = self.seen.0.lock().unwrap();
        let (seen, _) = self.seen.1.wait_timeout_while(seen, SOON, |seen| find(seen).is_none()).unwrap();
        find(&seen).unwrap_or_else(|| panic!("no answer has {what}; the last was {:?}", seen.last()))
    }

    /// The next `count` samples.
    pub(crate) fn next(&self, count: usize) -> Vec<Sample> {
        let from_ms = clock::now().mono_ms;
        let since = |seen: &Vec<Sample>| seen.iter().rev().take_while(|sample| sample.asked_ms >= from_ms).count();
        let seen = self.seen.0.lock().unwrap();
        let (seen, late) = self.seen.1.wait_timeout_while(seen, SOON, |seen| since(seen) < count).unwrap();
        assert!(!late.timed_out(), "answers no longer come");
        seen[seen.len() - count..].to_vec()
    }
}

impl Drop for Eye {
    fn drop(&mut self) {
        self.end = None;
        let result = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(result, Some(Ok(()))), "an answer did not come");
    }
}

fn look(socket: &UdpSocket, packet: &[u8], number: u16, rtype: u16) -> Sample {
    let packet = [&number.to_be_bytes(), &packet[2..]].concat();
    let asked_ms = clock::now().mono_ms;
    socket.send(&packet).unwrap();
    let mut buffer = [0; 1500];
    let length = socket.recv(&mut buffer).unwrap();
    let heard_ms = clock::now().mono_ms;
    assert_eq!(buffer[..2], packet[..2]);
    let answer = wire::decode(&buffer[..length]).unwrap();
    assert_eq!(answer.rcode(), 0, "{answer}");
    let addresses = answer.answer.iter().filter(|rr| rr.rtype == rtype).map(|rr| address(&rr.rdata)).collect();
    let ttl = answer.answer.first().or(answer.authority.first()).map_or(0, |rr| rr.ttl);
    Sample { asked_ms, heard_ms, addresses, ttl }
}

fn address(rdata: &[u8]) -> IpAddr {
    match <[u8; 4]>::try_from(rdata) {
        Ok(four) => four.into(),
        Err(_) => <[u8; 16]>::try_from(rdata).unwrap().into(),
    }
}
