//! Questions and answers, and many of them at a steady rate.

use crate::chance::Chance;
use crate::running::SOON;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Bursts a second.
const BURSTS: usize = 100;

pub(crate) struct Asker {
    socket: UdpSocket,
    /// Of the next question: what comes late is not taken for the answer to another.
    number: u16,
}

impl Asker {
    pub(crate) fn new(dns: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(dns).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Self { socket, number: 0 }
    }

    /// The addresses each is answered with; None where no answer came. At most a few hundred at once.
    pub(crate) fn ask(&mut self, questions: &[(&str, [u8; 3])]) -> Vec<Option<Vec<Ipv4Addr>>> {
        let first = self.number;
        for (name, client) in questions {
            self.socket.send(&question(self.number, name, *client)).unwrap();
            self.number = self.number.wrapping_add(1);
        }
        let mut found = vec![None; questions.len()];
        let mut buffer = [0; 4096];
        while found.iter().any(Option::is_none) {
            let Ok(length) = self.socket.recv(&mut buffer) else { break };
            let (number, addresses) = answer(&buffer[..length]);
            if let Some(place) = found.get_mut(usize::from(number.wrapping_sub(first))) {
                *place = Some(addresses);
            }
        }
        found
    }
}

/// Asks at a steady rate until it is stopped.
pub(crate) struct Traffic {
    stop: Sender<()>,
    thread: JoinHandle<(u64, u64)>,
}

impl Traffic {
    pub(crate) fn start(dns: SocketAddr, hostnames: Vec<String>, rate: usize) -> Self {
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let (mut asker, mut chance) = (Asker::new(dns), Chance::new(1));
            let (mut answered, mut lost) = (0, 0);
            let (begun, mut bursts) = (Instant::now(), 0);
            loop {
                bursts += 1;
                let wait = (begun + Duration::from_secs(1) * bursts / BURSTS as u32).saturating_duration_since(Instant::now());
                let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(wait) else { break };
                let draw = |_| (hostnames[chance.below(hostnames.len())].as_str(), [10, chance.below(256) as u8, chance.below(256) as u8]);
                let burst: Vec<(&str, [u8; 3])> = (0..(rate / BURSTS).max(1)).map(draw).collect();
                let came = asker.ask(&burst).iter().filter(|answer| answer.is_some()).count() as u64;
                answered += came;
                lost += burst.len() as u64 - came;
            }
            (answered, lost)
        });
        Self { stop, thread }
    }

    /// How many were answered, and how many not.
    pub(crate) fn stop(self) -> (u64, u64) {
        drop(self.stop);
        self.thread.join().unwrap()
    }
}

/// Packets that the kernel dropped on their way from one process to another, of the whole machine: its queue holds 1000, and a machine with
/// too much to do does not come round to it. The second column of each processor's line.
pub(crate) fn dropped_by_kernel() -> u64 {
    let text = std::fs::read_to_string("/proc/net/softnet_stat").unwrap();
    text.lines().map(|line| u64::from_str_radix(line.split(' ').nth(1).unwrap(), 16).unwrap()).sum()
}

/// For A, for a client's /24.
fn question(number: u16, name: &str, client: [u8; 3]) -> Vec<u8> {
    let mut wire = number.to_be_bytes().to_vec();
    wire.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    for label in name.split('.') {
        wire.push(label.len() as u8);
        wire.extend(label.bytes());
    }
    wire.extend([0, 0, 1, 0, 1]);
    // OPT: 1232 bytes, and the network.
    wire.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0]);
    wire.extend(client);
    wire
}

fn answer(wire: &[u8]) -> (u16, Vec<Ipv4Addr>) {
    let two = |at: usize| u16::from_be_bytes([wire[at], wire[at + 1]]);
    let mut at = 12 + wire[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let mut addresses = Vec::new();
    for _ in 0..two(6) {
        // The owner's name is a pointer, for there is nothing else in the answer it could be.
        assert!(wire[at] >= 192, "{wire:?}");
        let length = usize::from(two(at + 10));
        if two(at + 2) == 1 {
            addresses.push(Ipv4Addr::new(wire[at + 12], wire[at + 13], wire[at + 14], wire[at + 15]));
        }
        at += 12 + length;
    }
    (two(0), addresses)
}
