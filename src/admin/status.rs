//! What node says of itself, and every handler repeats.

use arc_swap::ArcSwap;
use serde::Serialize;
use std::sync::Arc;

/// The body of /readyz.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// True while queries are answered; a broken zone beside sound ones does not end that.
    pub ready: bool,
    /// Of the snapshot that answers; 0 before the first.
    pub generation: u64,
    /// What is wrong all the same, or why the node is not ready; one line each.
    pub problems: Vec<String>,
}

/// Written by node, read by handlers; neither waits for the other.
#[derive(Debug)]
pub struct Status(ArcSwap<Readiness>);

impl Status {
    /// Not ready, because it is starting.
    pub fn starting() -> Self {
        Self(ArcSwap::from_pointee(Readiness { ready: false, generation: 0, problems: vec!["starting".into()] }))
    }

    pub fn set(&self, readiness: Readiness) {
        self.0.store(Arc::new(readiness));
    }

    /// No longer ready, with the generation it had: load balancers look elsewhere while what is under way is finished.
    pub fn draining(&self) {
        self.0.rcu(|old| Readiness { ready: false, generation: old.generation, problems: vec!["draining".into()] });
    }

    pub fn load(&self) -> Arc<Readiness> {
        self.0.load_full()
    }
}
