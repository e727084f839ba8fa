//! One TCP connection: two-byte lengths and messages in, the same out (RFC 1035 4.2.2, RFC 7766).
//!
//! Owns   the stream, the beginning of a message not yet complete, and answers the peer has not taken.
//! Takes  as many messages as have come; what is complete is answered at once, in order, with one write.
//! Gives  its seat back when it ends.
//! Never  holds a buffer while idle: reading and answering happen in the thread's scratch, and only what is left over is kept.
//!
//! While answers wait to be taken nothing more is read, so the peer's own window stops it. A handler that takes its time
//! would bring its answers as one more branch of the `select!` in `run` and `put` them in whatever order they come.

use super::crowd::Seat;
use super::desk::{Outcome, Seeds};
use super::tcp::Shared;
use crate::answer::{Ask, Over};
use crate::clock::{self, Now};
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;

/// Bytes read at a time: some hundred pipelined queries, well under a millisecond of work before others have their turn.
const READ: usize = 16 << 10;

/// Answers are written once so many bytes have gathered; more would only make one stalled peer hold more memory.
const WRITE: usize = 16 << 10;

/// The longest message two bytes of length can announce.
const LONGEST: usize = 65_535;

/// A DNS header. What is shorter has no ID to answer to: who sends that does not speak DNS.
const HEADER: usize = 12;

/// How long a drained connection still listens for what was on its way.
const DRAIN_GRACE_MS: u64 = 100;

/// Shared by all connections of a thread; borrowed within one `turn`, never across an await.
struct Scratch {
    input: Box<[u8]>,
    output: Box<[u8]>,
    seeds: Seeds,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        input: vec![0; READ].into_boxed_slice(),
        output: vec![0; WRITE + 2 + LONGEST].into_boxed_slice(),
        seeds: Seeds::new(),
    });
}

pub(super) async fn converse(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>, seat: Seat, drain: watch::Receiver<bool>) {
    let quiet_ms = clock::now().mono_ms;
    let connection = Connection {
        stream,
        peer,
        shared,
        seat,
        pending: Vec::new(),
        unsent: Vec::new(),
        written: 0,
        quiet_ms,
        begun_ms: None,
        stalled_ms: None,
        closing: false,
    };
    if let Err(error) = connection.run(drain).await {
        tracing::trace!(%peer, %error, "TCP connection lost");
    }
}

/// Ends when the drain begins, or when nobody is left who could begin it.
pub(super) async fn drained(drain: &mut watch::Receiver<bool>) {
    let _ = drain.wait_for(|begun| *begun).await;
}

struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    seat: Seat,
    /// Read and not yet answered: the beginning of a message, or all there was when the peer stopped reading.
    pending: Vec<u8>,
    /// Answers from `written` on wait to be taken.
    unsent: Vec<u8>,
    written: usize,
    /// When a complete message last came, or the peer last took all its answers.
    quiet_ms: u64,
    /// When the incomplete message in `pending` began.
    begun_ms: Option<u64>,
    /// Since when answers wait.
    stalled_ms: Option<u64>,
    /// Nothing more is read; the end comes when all answers are written.
    closing: bool,
}

/// What to do after a turn.
enum Next {
    Wait,
    /// There is more to read, but others shall have their turn.
    Yield,
    End,
}

impl Connection {
    async fn run(mut self, mut drain: watch::Receiver<bool>) -> io::Result<()> {
        let mut until_ms = None;
        let mut alarm_ms = self.deadline(until_ms);
        let mut alarm = pin!(sleep(after(self.quiet_ms, alarm_ms)));
        loop {
            let interest = if self.stalled_ms.is_some() { Interest::WRITABLE } else { Interest::READABLE };
            tokio::select! {
                biased;
                ready = self.stream.ready(interest) => drop(ready?),
                () = &mut alarm => alarm_ms = 0,
                () = drained(&mut drain), if until_ms.is_none() => {
                    until_ms = Some(clock::now().mono_ms.saturating_add(DRAIN_GRACE_MS));
                }
            }
            let now = clock::now();
            match self.turn(now)? {
                Next::End => return Ok(()),
                Next::Yield => tokio::task::yield_now().await,
                Next::Wait => {}
            }
            let deadline_ms = self.deadline(until_ms);
            if deadline_ms <= now.mono_ms {
                if until_ms.is_none() {
                    let late = self.stalled_ms.is_some() || self.begun_ms.is_some();
                    if late { &self.shared.stalled } else { &self.shared.idle }.add(1);
                }
                return Ok(());
            }
            // Set again only when it has gone off or would be late: an alarm that is early costs less than one each message.
            if alarm_ms == 0 || deadline_ms < alarm_ms {
                alarm_ms = deadline_ms;
                alarm.set(sleep(after(now.mono_ms, deadline_ms)));
            }
        }
    }

    fn deadline(&self, until_ms: Option<u64>) -> u64 {
        if let Some(stalled_ms) = self.stalled_ms {
            return stalled_ms.saturating_add(self.shared.patience_ms);
        }
        let own = match self.begun_ms {
            Some(begun_ms) => begun_ms.saturating_add(self.shared.patience_ms),
            None => self.quiet_ms.saturating_add(self.shared.idle_ms),
        };
        until_ms.map_or(own, |until_ms| own.min(until_ms))
    }

    /// Everything that can be done without waiting.
    fn turn(&mut self, now: Now) -> io::Result<Next> {
        SCRATCH.with_borrow_mut(|Scratch { input, output, seeds }| {
            if self.stalled_ms.is_some() {
                if !self.flush()? {
                    return Ok(Next::Wait);
                }
                self.stalled_ms = None;
                self.quiet_ms = now.mono_ms;
                self.begun_ms = None;
                self.digest_pending(now, output, seeds)?;
            }
            if let Some(end) = self.ending() {
                return Ok(end);
            }
            let count = match self.stream.try_read(input) {
                Ok(0) => return Ok(Next::End),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Next::Wait),
                Err(error) => return Err(error),
            };
            if self.pending.is_empty() {
                let used = self.digest(now, &input[..count], output, seeds)?;
                self.pending.extend_from_slice(&input[used..count]);
            } else {
                self.pending.extend_from_slice(&input[..count]);
                self.digest_pending(now, output, seeds)?;
            }
            let more = if count == READ { Next::Yield } else { Next::Wait };
            Ok(self.ending().unwrap_or(more))
        })
    }

    fn ending(&self) -> Option<Next> {
        match (self.stalled_ms, self.closing) {
            (Some(_), _) => Some(Next::Wait),
            (None, true) => Some(Next::End),
            (None, false) => None,
        }
    }

    fn digest_pending(&mut self, now: Now, output: &mut [u8], seeds: &mut Seeds) -> io::Result<()> {
        let mut pending = std::mem::take(&mut self.pending);
        let used = self.digest(now, &pending, output, seeds)?;
        if used < pending.len() {
            pending.drain(..used);
            self.pending = pending;
        }
        Ok(())
    }

    /// Answers the complete messages at the front of `input`; gives the number of bytes they took.
    fn digest(&mut self, now: Now, input: &[u8], output: &mut [u8], seeds: &mut Seeds) -> io::Result<usize> {
        let shared = Arc::clone(&self.shared);
        let snapshot = shared.desk.slot.load();
        let (mut used, mut filled, mut answers) = (0, 0, 0);
        while let Some((message, size)) = first_message(&input[used..]) {
            used += size;
            shared.tally.received.add(1);
            if message.len() < HEADER {
                self.closing = true;
                shared.tally.dropped.add(1);
                break;
            }
            let ask = Ask { bytes: message, peer: self.peer, over: Over::Tcp, seed: seeds.draw(), path: None };
            let out = &mut output[filled + 2..filled + 2 + LONGEST];
            match shared.desk.answer(now, &snapshot, &ask, out) {
                Outcome::Reply(reply) => {
                    let len = u16::try_from(reply.len).unwrap_or(u16::MAX);
                    output[filled..filled + 2].copy_from_slice(&len.to_be_bytes());
                    filled += 2 + usize::from(len);
                    answers += 1;
                    shared.tally.rcode(reply.rcode).add(1);
                }
                // Who sends responses or garbage over a connection is cut off, as NSD does; earlier answers still go out.
                Outcome::Drop => {
                    self.closing = true;
                    shared.tally.dropped.add(1);
                    break;
                }
                Outcome::Panic => {
                    self.closing = true;
                    shared.tally.panics.add(1);
                    break;
                }
            }
            if filled >= WRITE {
                self.put(now, &output[..filled])?;
                filled = 0;
                if self.stalled_ms.is_some() {
                    break;
                }
            }
        }
        if filled > 0 {
            self.put(now, &output[..filled])?;
        }
        shared.tally.answered.add(answers);
        if used > 0 {
            self.quiet_ms = now.mono_ms;
            self.begun_ms = None;
            self.seat.heard(now.mono_ms);
        }
        if used < input.len() && self.begun_ms.is_none() {
            self.begun_ms = Some(now.mono_ms);
        }
        Ok(used)
    }

    /// Sends `bytes`; what the kernel does not take is kept.
    fn put(&mut self, now: Now, bytes: &[u8]) -> io::Result<()> {
        let taken = if self.stalled_ms.is_none() { self.write(bytes)? } else { 0 };
        if taken < bytes.len() {
            self.unsent.extend_from_slice(&bytes[taken..]);
            self.stalled_ms.get_or_insert(now.mono_ms);
        }
        Ok(())
    }

    /// Whether all that waited is now with the kernel.
    fn flush(&mut self) -> io::Result<bool> {
        self.written += self.write(&self.unsent[self.written..])?;
        let all = self.written == self.unsent.len();
        if all {
            (self.unsent, self.written) = (Vec::new(), 0);
        }
        Ok(all)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while taken < bytes.len() {
            match self.stream.try_write(&bytes[taken..]) {
                Ok(count) => taken += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }
}

/// The first message without its length, and the bytes both take; nothing if it is not complete.
fn first_message(input: &[u8]) -> Option<(&[u8], usize)> {
    let (length, rest) = input.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    Some((rest.get(..length)?, 2 + length))
}

fn after(now_ms: u64, deadline_ms: u64) -> Duration {
    Duration::from_millis(deadline_ms.saturating_sub(now_ms).max(1))
}
