//! Where a message is answered: the handler, behind a wall that a panic does not pass.

use crate::answer::{self, Ahead, Ask, Over, Reply, Verdict};
use crate::clock::Now;
use crate::snapshot::{Slot, Snapshot};
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Who answers: `answer::handle`, or what a test puts there.
pub(super) type Handler = fn(Now, &Snapshot, &Ask<'_>, &mut [u8]) -> Verdict;

/// Shortest time between two log lines on panics: a packet that panics can be sent a hundred thousand times a second.
const PANIC_LOG_MS: u64 = 1000;

/// Bytes of such a packet that are logged; any query but a forged one fits.
const PANIC_LOG_BYTES: usize = 1024;

#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) slot: Arc<Slot>,
    handler: Handler,
}

/// What became of one message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Reply(Reply),
    Drop,
    Panic,
}

impl Desk {
    pub(super) fn new(slot: Arc<Slot>) -> Self {
        Self::with(slot, answer::handle)
    }

    pub(super) fn with(slot: Arc<Slot>, handler: Handler) -> Self {
        Self { slot, handler }
    }

    /// A panic costs this message and no other: the snapshot is immutable and `out` is overwritten by the next.
    pub(super) fn answer(&self, now: Now, snapshot: &Snapshot, ask: &Ask<'_>, out: &mut [u8]) -> Outcome {
        wall(now, ask, || (self.handler)(now, snapshot, ask, out))
    }

    /// False: it panicked, and what it has found is of no use.
    pub(super) fn look<'q>(&self, ahead: &mut Ahead, snapshot: &Snapshot, queries: impl Iterator<Item = (&'q [u8], IpAddr)>) -> bool {
        catch_unwind(AssertUnwindSafe(|| ahead.look(snapshot, queries))).is_ok()
    }

    /// The small answer instead, where there is one.
    #[cold]
    pub(super) fn slip(&self, now: Now, snapshot: &Snapshot, ask: &Ask<'_>, out: &mut [u8]) -> Outcome {
        wall(now, ask, || answer::slip(now, snapshot, ask, out).map_or(Verdict::Drop, Verdict::Reply))
    }
}

#[inline]
fn wall(now: Now, ask: &Ask<'_>, answer: impl FnOnce() -> Verdict) -> Outcome {
    match catch_unwind(AssertUnwindSafe(answer)) {
        Ok(Verdict::Reply(reply)) => Outcome::Reply(reply),
        Ok(Verdict::Drop) => Outcome::Drop,
        Err(_) => {
            report(now, ask);
            Outcome::Panic
        }
    }
}

/// A sequence for `Ask::seed`, one more each time, started differently in each process and worker.
pub(super) struct Seeds(u64);

impl Seeds {
    pub(super) fn new() -> Self {
        Self(std::collections::hash_map::RandomState::new().build_hasher().finish())
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }
}

static NEXT_REPORT: AtomicU64 = AtomicU64::new(0);

#[cold]
fn report(now: Now, ask: &Ask<'_>) {
    let due = NEXT_REPORT.load(Relaxed);
    if now.mono_ms < due || NEXT_REPORT.compare_exchange(due, now.mono_ms + PANIC_LOG_MS, Relaxed, Relaxed).is_err() {
        return;
    }
    let over = match ask.over {
        Over::Udp => "UDP",
        Over::Tcp => "TCP",
    };
    let mut hex = String::with_capacity(2 * PANIC_LOG_BYTES);
    for byte in ask.bytes.iter().take(PANIC_LOG_BYTES) {
        let _ = write!(hex, "{byte:02x}");
    }
    tracing::error!(peer = %ask.peer, over, length = ask.bytes.len(), packet = hex, "answering this packet panicked; it was dropped");
}
