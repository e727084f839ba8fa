//! TCP listeners: who may come in, and what happens when there is no room.

use super::TcpOptions;
use super::connection;
use super::count::{Connections, Counter, Tally};
use super::crowd::Crowd;
use super::desk::Desk;
use crate::clock;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// A message that has begun must be complete, and answers must be read, within this (or `idle`, if shorter): who drips
/// bytes or does not read holds memory. RFC 7766 leaves it to the server; ten seconds let a lost packet be sent again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pause after accept() failed for want of files or memory: without it the listener spins, as the connection still waits.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Shortest time between two log lines on it: it lasts as long as its cause does.
const EXHAUSTED_LOG_MS: u64 = 10_000;

/// Connections closed then: one alone would let in ten new ones a second, and leave no file to the rest of the process.
const EXHAUSTED_MAKES_ROOM: usize = 16;

/// What every connection needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) desk: Desk,
    pub(super) crowd: Arc<Crowd>,
    pub(super) tally: Tally,
    pub(super) idle_ms: u64,
    pub(super) patience_ms: u64,
    pub(super) idle: Counter,
    pub(super) stalled: Counter,
    accepted: Counter,
    evicted: Counter,
    exhausted: Counter,
}

impl Shared {
    pub(super) fn new(desk: Desk, options: &TcpOptions) -> Self {
        let ms = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX).max(1);
        Self {
            desk,
            crowd: Arc::new(Crowd::new(options.connections, options.per_client)),
            tally: Tally::default(),
            idle_ms: ms(options.idle),
            patience_ms: ms(options.idle.min(PATIENCE)),
            idle: Counter::default(),
            stalled: Counter::default(),
            accepted: Counter::default(),
            evicted: Counter::default(),
            exhausted: Counter::default(),
        }
    }

    pub(super) fn connections(&self) -> Connections {
        Connections {
            open: self.crowd.len() as u64,
            accepted: self.accepted.read(),
            evicted: self.evicted.read(),
            idle: self.idle.read(),
            stalled: self.stalled.read(),
            exhausted: self.exhausted.read(),
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, drain: &watch::Receiver<bool>) {
        self.accepted.add(1);
        // An answer is one write: waiting for more to fill a segment only delays it.
        let _ = stream.set_nodelay(true);
        let (seat, evicted) = self.crowd.enter(peer.ip(), clock::now().mono_ms);
        self.evicted.add(usize::from(evicted));
        let id = seat.id();
        let task = tokio::spawn(connection::converse(stream, peer, Arc::clone(self), seat, drain.clone()));
        self.crowd.seat(id, task.abort_handle());
    }
}

/// Accepts until drained.
pub(super) async fn listen(listener: TcpListener, shared: Arc<Shared>, mut drain: watch::Receiver<bool>) {
    let mut next_log_ms = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = connection::drained(&mut drain) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => shared.admit(stream, peer, &drain),
            Err(error) if exhausted(&error) => {
                shared.exhausted.add(1);
                let closed = (0..EXHAUSTED_MAKES_ROOM).take_while(|_| shared.crowd.evict()).count();
                shared.evicted.add(closed);
                let now_ms = clock::now().mono_ms;
                if now_ms >= next_log_ms {
                    next_log_ms = now_ms + EXHAUSTED_LOG_MS;
                    tracing::warn!(%error, closed, "cannot accept TCP connections; the idlest were closed");
                }
                sleep(EXHAUSTED_PAUSE).await;
            }
            // The connection was gone before it was accepted, or its network reported an error: the next may be fine.
            Err(error) => tracing::debug!(%error, "a TCP connection was lost before it was accepted"),
        }
    }
    // Those who connected before the drain began are answered too.
    while let Ok(Ok((stream, peer))) = timeout(Duration::ZERO, listener.accept()).await {
        shared.admit(stream, peer, &drain);
    }
}

fn exhausted(error: &io::Error) -> bool {
    !matches!(
        error.raw_os_error(),
        // accept(2) hands on what the network reported about the new connection.
        Some(
            libc::ECONNABORTED
                | libc::EINTR
                | libc::EPERM
                | libc::EPROTO
                | libc::ENOPROTOOPT
                | libc::EOPNOTSUPP
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENONET
        )
    )
}
