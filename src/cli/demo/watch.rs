//! What the watched clients are answered, and when that changes.

use super::clients::CLIENTS;
use super::dig::{self, Answer};
use super::session::Heard;
use crate::clock;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

/// The name that is asked for.
pub(super) const NAME: &str = "live.panels.example";
/// How long a change may go unseen.
const EVERY: Duration = Duration::from_millis(20);

/// A client that is answered otherwise than before.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Move {
    /// By its place among the clients.
    pub(super) client: usize,
    pub(super) from: Result<Answer, String>,
    pub(super) to: Result<Answer, String>,
    pub(super) at_ms: u64,
}

/// Until nobody listens any more, or `stop` is gone.
pub(super) fn watch(node: SocketAddr, heard: &Sender<Heard>, stop: &Receiver<()>) {
    let look = |at: usize| dig::ask(node, NAME, CLIENTS[at].network());
    let mut known: [Result<Answer, String>; CLIENTS.len()] = std::array::from_fn(look);
    while stop.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        for (client, known) in known.iter_mut().enumerate() {
            let now = look(client);
            let has_moved = addresses(&now) != addresses(known);
            let from = std::mem::replace(known, now.clone());
            let at_ms = clock::now().mono_ms;
            if has_moved && heard.send(Heard::Moved(Move { client, from, to: now, at_ms })).is_err() {
                return;
            }
        }
    }
}

/// A TTL that changes moves nobody.
fn addresses(answer: &Result<Answer, String>) -> Result<&[std::net::Ipv4Addr], &str> {
    answer.as_ref().map(|answer| answer.addresses.as_slice()).map_err(String::as_str)
}
