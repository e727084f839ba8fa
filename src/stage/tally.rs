//! How often a panel was asked for what.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Master,
    Media,
    Segment,
    Health,
    Account,
    Stub,
    Other,
}

/// Requests since the panel was started, those that failed among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Connections that were accepted.
    pub connections: u64,
    pub master: u64,
    pub media: u64,
    pub segment: u64,
    pub health: u64,
    /// player_api.php
    pub account: u64,
    /// stub_status
    pub stub: u64,
    pub other: u64,
}

impl Requests {
    /// Of all kinds.
    pub fn all(&self) -> u64 {
        self.master + self.media + self.segment + self.health + self.account + self.stub + self.other
    }
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    connections: AtomicU64,
    kinds: [AtomicU64; 7],
}

impl Tally {
    pub(super) fn connection(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(super) fn request(&self, kind: Kind) {
        self.kinds[kind as usize].fetch_add(1, Relaxed);
    }

    pub(super) fn requests(&self) -> Requests {
        let [master, media, segment, health, account, stub, other] = self.kinds.each_ref().map(|count| count.load(Relaxed));
        Requests { connections: self.connections.load(Relaxed), master, media, segment, health, account, stub, other }
    }
}
