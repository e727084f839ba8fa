//! What the transports count. The caller makes metrics of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// RCODEs counted one by one: 0 to 23 (BADCOOKIE); what is beyond counts as the last.
pub const RCODES: usize = 24;

/// Everything since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub udp: Traffic,
    pub tcp: Traffic,
    pub connections: Connections,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages read.
    pub received: u64,
    /// Answers the kernel took.
    pub answered: u64,
    /// Messages that deserve no answer: runts, responses, source port 0.
    pub dropped: u64,
    /// Answers the kernel did not take.
    pub unsent: u64,
    /// Messages lost to a panic.
    pub panics: u64,
    /// Answers over the response rate limit that were kept back.
    pub withheld: u64,
    /// Those that went out small instead; they count as answers too.
    pub slipped: u64,
    pub rcodes: [u64; RCODES],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    pub open: u64,
    pub accepted: u64,
    /// Closed to make room for another.
    pub evicted: u64,
    /// Closed for want of a complete message.
    pub idle: u64,
    /// Closed because a message did not get finished, or answers were not read, in time.
    pub stalled: u64,
    /// Times accept() failed for want of files or memory.
    pub exhausted: u64,
}

/// One thread's own counters, or those shared by the TCP tasks. Padded: two workers never write one cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Tally {
    pub(super) received: Counter,
    pub(super) answered: Counter,
    pub(super) dropped: Counter,
    pub(super) unsent: Counter,
    pub(super) panics: Counter,
    pub(super) withheld: Counter,
    pub(super) slipped: Counter,
    pub(super) rcodes: [Counter; RCODES],
}

impl Tally {
    pub(super) fn rcode(&self, rcode: u16) -> &Counter {
        &self.rcodes[usize::from(rcode).min(RCODES - 1)]
    }

    pub(super) fn add_to(&self, sum: &mut Traffic) {
        sum.received += self.received.read();
        sum.answered += self.answered.read();
        sum.dropped += self.dropped.read();
        sum.unsent += self.unsent.read();
        sum.panics += self.panics.read();
        sum.withheld += self.withheld.read();
        sum.slipped += self.slipped.read();
        for (sum, one) in sum.rcodes.iter_mut().zip(&self.rcodes) {
            *sum += one.read();
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// For a counter with one writer: a plain load and store, no locked instruction.
    pub(super) fn add_alone(&self, n: usize) {
        self.0.store(self.0.load(Relaxed) + n as u64, Relaxed);
    }

    pub(super) fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
