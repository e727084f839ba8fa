//! What a query reads: the compiled truth, and the slot it is swapped in.
//!
//! Owns   the immutable form of zones, made for look-up, and `Slot`.
//! Takes  zones written by `compile`.
//! Gives  look-ups by name without lock or allocation.
//! Never  knows health or fleet.

pub mod denial;
pub mod path;
pub mod service;
pub mod zone;
mod zones;

pub use service::Services;
pub use zones::{Serving, Zones};

use crate::document::Network;
use crate::steer::Guide;
use std::net::IpAddr;
use std::sync::Arc;

/// One whole truth. A query reads exactly one of these.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Grows with every published snapshot.
    pub generation: u64,
    pub zones: Zones,
    /// Where clients are.
    pub guide: Arc<Guide>,
    pub manners: Arc<Manners>,
}

/// How this node presents itself, the same for all zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manners {
    /// Largest answer over UDP, whatever the client offers.
    pub udp_size: u16,
    /// NSID, `id.server` and `hostname.bind`; at most 255 bytes.
    pub name: String,
    /// `version.bind` and `version.server`; at most 255 bytes.
    pub version: String,
    /// The first one makes cookies, all of them are accepted. None: cookies are off.
    pub cookie_secrets: Vec<[u8; 16]>,
    /// What the TCP keepalive option tells clients, in units of 100 ms.
    pub tcp_idle: u16,
    /// Resolvers whose client subnets are believed.
    pub ecs_from: Vec<Network>,
}

impl Manners {
    #[inline]
    pub fn believes(&self, resolver: IpAddr) -> bool {
        self.ecs_from.iter().any(|network| network.contains(resolver))
    }
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            udp_size: 1232,
            name: String::new(),
            version: String::new(),
            cookie_secrets: Vec::new(),
            tcp_idle: 100,
            ecs_from: Network::everywhere().into(),
        }
    }
}

/// Where the current snapshot stands. Reading takes no lock.
#[derive(Debug)]
pub struct Slot(arc_swap::ArcSwap<Snapshot>);

impl Slot {
    pub fn new(snapshot: Snapshot) -> Self {
        Self(arc_swap::ArcSwap::from_pointee(snapshot))
    }

    /// Hold the guard for one batch at most: the old snapshot lives as long as somebody reads it.
    pub fn load(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.0.load()
    }

    /// Gives back the old one, so that the caller frees it and no reader does.
    #[must_use]
    pub fn store(&self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        self.0.swap(snapshot)
    }
}
