//! Question bytes and a snapshot in, answer bytes out.
//!
//! Owns   every rule of what an authoritative server says.
//! Takes  the query's bytes, who sent it and over what, the snapshot, the time.
//! Gives  the answer's bytes, and a `Reply` that says what kind of answer it is.
//! Never  sends, counts, logs, locks or allocates.

use crate::clock::Now;
use crate::snapshot::Snapshot;
use std::net::SocketAddr;

/// What carried the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Udp,
    Tcp,
}

/// One query as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub bytes: &'a [u8],
    pub peer: SocketAddr,
    pub over: Over,
    /// Changes from query to query; what is random in an answer comes from here.
    pub seed: u64,
}

/// What `handle` wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send the first `Reply::len` bytes of `out`.
    Reply(Reply),
    /// Say nothing.
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    pub len: usize,
    /// The extended RCODE.
    pub rcode: u16,
}

/// `out` holds at least 512 bytes over UDP and 65,535 over TCP; no more than its length is written.
pub fn handle(now: Now, snapshot: &Snapshot, ask: &Ask<'_>, out: &mut [u8]) -> Verdict {
    let _ = (now, snapshot);
    // REFUSED, until the core is in place.
    if ask.bytes.len() < 12 || ask.bytes[2] & 0x80 != 0 || ask.bytes.len() > out.len() {
        return Verdict::Drop;
    }
    out[..ask.bytes.len()].copy_from_slice(ask.bytes);
    out[2] |= 0x80;
    out[3] = 5;
    Verdict::Reply(Reply { len: ask.bytes.len(), rcode: 5 })
}
