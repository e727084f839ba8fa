//! What a query reads: the compiled truth, and the slot it is swapped in.
//!
//! Owns   the immutable form of zones, made for look-up, and `Slot`.
//! Gives  look-ups by name without lock or allocation.
//! Never  knows health or fleet.

use std::sync::Arc;

/// One whole truth. A query reads exactly one of these.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Grows with every published snapshot.
    pub generation: u64,
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
