//! UDP workers: plain threads, each with its own socket, buffers and counters.
//!
//! Owns   its socket; nothing it writes is shared with another worker.
//! Takes  datagrams, a batch a system call; one clock reading and one snapshot a batch.
//! Gives  answers, and counters others may read.
//! Never  waits for anything but the next datagram.

use super::count::Tally;
use super::desk::{Desk, Outcome, Seeds};
use super::limit::{Judged, Limit};
use super::sys::{BATCH, Batch};
use crate::answer::{AHEAD, Ahead, Ask, Over};
use crate::clock;
use std::io;
use std::net::UdpSocket;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// Datagrams a stopping worker still answers: more than a socket buffer of 2 MiB holds (the smallest counts 512 bytes
/// or more there). Without it a steady stream of queries keeps the worker from ending.
const LAST_DATAGRAMS: usize = 8192;

/// Pause after an error of the socket that is not about time: without it a broken socket burns a core.
const PAUSE: Duration = Duration::from_millis(100);

/// A batch of fewer is answered at once: looking ahead has to save more than it costs.
const WORTH_LOOKING: usize = 4;
const _: () = assert!(BATCH <= AHEAD);

/// Answers until `stop` is set and its socket is woken, then what is still queued. Starts over should its own code panic.
pub(super) fn work(socket: &UdpSocket, desk: &Desk, limit: Option<&Limit>, tally: &Tally, stop: &AtomicBool) {
    let mut worker = Worker { socket, desk, limit, tally, batch: Batch::new(), ahead: Ahead::default(), seeds: Seeds::new() };
    while catch_unwind(AssertUnwindSafe(|| worker.run(stop))).is_err() {
        tally.panics.add_alone(1);
        tracing::error!(thread = thread::current().name(), "a UDP worker panicked and starts over");
        thread::park_timeout(PAUSE);
        worker.batch = Batch::new();
    }
}

struct Worker<'a> {
    socket: &'a UdpSocket,
    desk: &'a Desk,
    limit: Option<&'a Limit>,
    tally: &'a Tally,
    batch: Batch,
    ahead: Ahead,
    seeds: Seeds,
}

impl Worker<'_> {
    fn run(&mut self, stop: &AtomicBool) {
        let mut last = LAST_DATAGRAMS;
        loop {
            // Read before receiving: what was queued when it was set is then still seen.
            let stopping = stop.load(Relaxed);
            match self.batch.receive(self.socket, !stopping) {
                Ok(count) => {
                    self.turn(count);
                    if stopping {
                        last = last.saturating_sub(count);
                        if last == 0 {
                            return;
                        }
                    }
                }
                Err(_) if stopping => return,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted) => {}
                Err(error) => {
                    tracing::warn!(thread = thread::current().name(), %error, "cannot receive");
                    thread::park_timeout(PAUSE);
                }
            }
        }
    }

    fn turn(&mut self, count: usize) {
        debug_assert!(count <= BATCH);
        let now = clock::now();
        let snapshot = self.desk.slot.load();
        let (mut dropped, mut panics) = (0, 0);
        let mut has_looked = false;
        if count >= WORTH_LOOKING {
            has_looked = self.desk.look(&mut self.ahead, &snapshot, (0..count).map(|i| self.batch.query(i)));
            panics += usize::from(!has_looked);
        }
        for i in 0..count {
            let Some(datagram) = self.batch.datagram(i) else {
                dropped += 1;
                continue;
            };
            let path = self.ahead.path(i).filter(|_| has_looked);
            let ask = Ask { bytes: datagram.query, peer: datagram.peer, over: Over::Udp, seed: self.seeds.draw(), path };
            let mut outcome = self.desk.answer(now, &snapshot, &ask, datagram.answer);
            if let Some(limit) = self.limit
                && let Outcome::Reply(reply) = &outcome
                && let judged @ (Judged::Slip | Judged::Withhold) = limit.judge(now.mono_ms, &ask, reply)
            {
                outcome = if judged == Judged::Slip { self.desk.slip(now, &snapshot, &ask, datagram.answer) } else { Outcome::Drop };
                match outcome {
                    Outcome::Reply(_) => self.tally.slipped.add_alone(1),
                    Outcome::Drop => {
                        self.tally.withheld.add_alone(1);
                        continue;
                    }
                    Outcome::Panic => {}
                }
            }
            match outcome {
                Outcome::Reply(reply) => {
                    self.tally.rcode(reply.rcode).add_alone(1);
                    self.batch.answer(i, reply.len);
                }
                Outcome::Drop => dropped += 1,
                Outcome::Panic => panics += 1,
            }
        }
        drop(snapshot);
        let done = self.batch.send(self.socket);
        self.tally.received.add_alone(count);
        self.tally.answered.add_alone(done.sent);
        self.tally.unsent.add_alone(done.unsent);
        self.tally.dropped.add_alone(dropped);
        self.tally.panics.add_alone(panics);
    }
}
