//! Sockets: questions from the net to `answer`, and its answers back.
//!
//! Owns   the listening sockets, the UDP workers, the TCP connections, their limits and counters. All `unsafe` (`sys`).
//! Takes  addresses and limits, the slot with the current snapshot, the runtime for TCP.
//! Gives  the addresses really bound, counters, and an end that loses no question already received.
//! Never  knows fleet, health or store, and never looks into a message.

mod bind;
mod connection;
mod count;
mod crowd;
mod desk;
pub mod hickory;
mod lanes;
mod limit;
mod sys;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

pub use bind::BindError;
pub use count::{Connections, Counts, RCODES, Traffic};
pub use limit::LimitOptions;
pub use sys::{raise_nofile, return_free_pages, return_freed_memory, return_program_pages};

use crate::snapshot::Slot;
use count::Tally;
use desk::Desk;
use limit::Limit;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// How long tasks whose connections were cut have to end.
const CUTTING: Duration = Duration::from_millis(250);

/// Files beyond TCP connections and UDP sockets: probes, the API, the store, databases.
const OTHER_FILES: u64 = 2048;

#[derive(Clone, Debug)]
pub struct Options {
    /// UDP and TCP; port 0 picks a port that is free for both.
    pub listen: Vec<SocketAddr>,
    /// UDP threads for each address; 0 = one a core.
    pub workers: usize,
    pub tcp: TcpOptions,
    /// The response rate limit, for UDP; none: off.
    pub limit: Option<LimitOptions>,
}

#[derive(Clone, Debug)]
pub struct TcpOptions {
    /// Open connections in all; at the limit the idlest is closed for the new one.
    pub connections: usize,
    /// The same for one client network (/24, /56).
    pub per_client: usize,
    /// A connection without a complete message for so long is closed.
    pub idle: Duration,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self { connections: 10_000, per_client: 100, idle: Duration::from_secs(10) }
    }
}

/// Opens every socket, or none.
pub fn bind(options: &Options) -> Result<Bound, BindError> {
    let workers = match options.workers {
        0 => thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let listeners = bind::open(&options.listen, workers)?;
    let mut tcp = options.tcp.clone();
    tcp.connections = affordable(tcp.connections, listeners.len() * (2 * workers + 1));
    Ok(Bound { listeners, tcp, limit: options.limit })
}

/// Raises the limit of open files; where that is refused, as many connections as it leaves room for.
fn affordable(connections: usize, listeners: usize) -> usize {
    let others = OTHER_FILES + listeners as u64;
    let Err(why) = raise_nofile(connections as u64 + others) else { return connections };
    let limit = sys::nofile();
    // A quarter at least: a small limit that is mostly unused serves TCP better than none.
    let cap = limit.saturating_sub(others).max(limit / 4).clamp(1, connections as u64) as usize;
    if cap < connections {
        tracing::warn!(wanted = connections, cap, "fewer TCP connections than configured: {why}");
    }
    cap
}

/// Sockets that are open and not yet answered from: what arrives waits in the kernel.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<bind::Listener>,
    tcp: TcpOptions,
    limit: Option<LimitOptions>,
}

impl Bound {
    /// In the order of `Options::listen`, with the ports really bound.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|l| l.address).collect()
    }

    /// The cap on TCP connections, lower than configured where the limit of open files wants it.
    pub fn connections(&self) -> usize {
        self.tcp.connections
    }

    /// Starts answering: UDP on threads of its own, TCP on `runtime`.
    pub fn serve(self, slot: Arc<Slot>, runtime: &Handle) -> io::Result<Running> {
        self.serve_with(Desk::new(slot), runtime)
    }

    fn serve_with(self, desk: Desk, runtime: &Handle) -> io::Result<Running> {
        let addresses = self.addresses();
        let (drain, draining) = watch::channel(false);
        let shared = Arc::new(tcp::Shared::new(desk.clone(), &self.tcp));
        // Made first, so that an error on the way stops what has been started.
        let mut running = Running {
            addresses,
            stop: Arc::new(AtomicBool::new(false)),
            drain,
            shared,
            tallies: Vec::new(),
            sockets: Vec::new(),
            threads: Vec::new(),
        };
        let limit = self.limit.map(|options| Arc::new(Limit::new(options)));
        let _context = runtime.enter();
        for listener in self.listeners {
            let tcp = tokio::net::TcpListener::from_std(listener.tcp)?;
            runtime.spawn(tcp::listen(tcp, Arc::clone(&running.shared), draining.clone()));
            let common = listener.udp.len() / 2;
            for (i, socket) in listener.udp.into_iter().enumerate() {
                let tally = Arc::new(Tally::default());
                running.tallies.push(Arc::clone(&tally));
                let socket = Arc::new(socket);
                running.sockets.push(Arc::clone(&socket));
                let (desk, limit, stop) = (desk.clone(), limit.clone(), Arc::clone(&running.stop));
                // The kernel shows 15 characters of it; lane and number must be among them.
                let name =
                    if i < common { format!("udp-{i} {}", listener.address) } else { format!("udp-c{} {}", i - common, listener.address) };
                let thread = thread::Builder::new().name(name).spawn(move || udp::work(&socket, &desk, limit.as_deref(), &tally, &stop))?;
                running.threads.push(thread);
            }
        }
        Ok(running)
    }
}

/// The transports at work. Dropping it stops them; `drain` does so without losing what was received.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    drain: watch::Sender<bool>,
    shared: Arc<tcp::Shared>,
    tallies: Vec<Arc<Tally>>,
    sockets: Vec<Arc<UdpSocket>>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because they did not end in time.
    pub cut: usize,
}

impl Running {
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub fn counters(&self) -> Counts {
        counted(&self.shared, &self.tallies)
    }

    /// The same for whoever counts while others hold the transports; it may be asked after their end.
    pub fn counting(&self) -> impl Fn() -> Counts + Send + Sync + 'static {
        let (shared, tallies) = (Arc::clone(&self.shared), self.tallies.clone());
        move || counted(&shared, &tallies)
    }

    fn stop_workers(&self) {
        self.stop.store(true, SeqCst);
        self.sockets.iter().for_each(|socket| sys::wake(&**socket));
    }

    /// Accepts nothing new, answers what has been received, then closes; connections that take longer than `within` are cut.
    pub async fn drain(mut self, within: Duration) -> Drained {
        self.stop_workers();
        self.drain.send_replace(true);
        let threads = std::mem::take(&mut self.threads);
        let workers = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        let mut cut = 0;
        // Each task holds a receiver: when all are gone, so are the tasks.
        if tokio::time::timeout(within, self.drain.closed()).await.is_err() {
            cut = self.shared.crowd.clear();
            let _ = tokio::time::timeout(CUTTING, self.drain.closed()).await;
        }
        let _ = workers.await;
        Drained { cut }
    }
}

fn counted(shared: &tcp::Shared, tallies: &[Arc<Tally>]) -> Counts {
    let mut counts = Counts { connections: shared.connections(), ..Counts::default() };
    tallies.iter().for_each(|tally| tally.add_to(&mut counts.udp));
    shared.tally.add_to(&mut counts.tcp);
    counts
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop_workers();
        // TCP listeners and connections end when the sender goes.
    }
}
