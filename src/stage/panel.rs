//! One panel: a name, its addresses, and what is wrong with it.

use super::face::Face;
use super::mode::Mode;
use super::site::Site;
use super::stream::Stream;
use super::tally::{Requests, Tally};
use crate::clock;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

pub struct Options {
    pub name: String,
    /// Port 0: any that is free.
    pub listen: Vec<SocketAddr>,
    /// How long a segment plays. Playlists name whole seconds as target, so it may be shorter than that.
    pub segment: Duration,
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Connections it says it is rated for.
    pub capacity: u32,
}

/// Serves until it is dropped, which ends it as a killed process ends.
pub struct Panel {
    common: Arc<Common>,
    faces: Vec<Arc<Face>>,
}

/// What all addresses of a panel share.
pub(super) struct Common {
    pub(super) site: Site,
    pub(super) tls: Option<Arc<rustls::ServerConfig>>,
    pub(super) tally: Tally,
    /// Connections that are open.
    pub(super) open: AtomicU32,
    /// Viewers it says it has besides.
    viewers: AtomicU32,
}

impl Panel {
    /// All addresses are bound when it returns.
    pub fn start(options: Options, runtime: &tokio::runtime::Handle) -> io::Result<Self> {
        let now = clock::now();
        let common = Arc::new(Common {
            site: Site {
                name: options.name,
                // No two starts have the same numbers, as with a panel that counts by the clock.
                stream: Stream::new(now.wall_s, now.mono_ms, options.segment),
                capacity: options.capacity,
                scheme: if options.tls.is_some() { "https" } else { "http" },
            },
            tls: options.tls,
            tally: Tally::default(),
            open: AtomicU32::new(0),
            viewers: AtomicU32::new(0),
        });
        let mut panel = Self { common, faces: Vec::new() };
        for address in options.listen {
            panel.faces.push(Face::open(address, &panel.common, runtime)?);
        }
        Ok(panel)
    }

    pub fn name(&self) -> &str {
        &self.common.site.name
    }

    /// As in the options.
    pub fn capacity(&self) -> u32 {
        self.common.site.capacity
    }

    /// In the order of the options, with the ports that were found.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.faces.iter().map(|face| face.address).collect()
    }

    /// At all addresses. An error: an address could not be bound again.
    pub fn set(&self, mode: Mode) -> io::Result<()> {
        self.faces.iter().try_for_each(|face| face.set(mode))
    }

    /// At one address.
    pub fn set_at(&self, address: SocketAddr, mode: Mode) -> io::Result<()> {
        let face = self.faces.iter().find(|face| face.address == address);
        face.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{address} is no address of {}", self.name())))?.set(mode)
    }

    /// Of the first address that is not well.
    pub fn mode(&self) -> Mode {
        self.faces.iter().map(|face| face.mode()).find(|mode| *mode != Mode::Fine).unwrap_or_default()
    }

    /// As a process that is killed: when it returns nobody listens, and open connections are being reset.
    pub fn kill(&self) {
        // Nothing is bound for it, so nothing can go wrong.
        let _ = self.set(Mode::Killed);
    }

    /// Listens again on the same addresses, all faults off.
    pub fn heal(&self) -> io::Result<()> {
        self.set(Mode::Fine)
    }

    /// Since the start.
    pub fn requests(&self) -> Requests {
        self.common.tally.requests()
    }

    /// It says from now on that it has so many viewers.
    pub fn seat(&self, viewers: u32) {
        self.common.viewers.store(viewers, Relaxed);
    }

    /// As it reports them itself.
    pub fn connections(&self) -> u32 {
        self.common.connections(self.mode())
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Common {
    pub(super) fn connections(&self, mode: Mode) -> u32 {
        match mode {
            Mode::Overloaded { connections } => connections,
            _ => self.viewers.load(Relaxed).saturating_add(self.open.load(Relaxed)),
        }
    }
}
