//! Where a chain of CNAMEs and DNAMEs stands, and where it has been.

use super::message::Owner;
use crate::dns::name::MAX_NAME;
use crate::snapshot::path::Path;
use crate::snapshot::zone::Node;

/// CNAMEs and DNAMEs followed for one question. Real chains have three; the bound keeps one question from costing as much as a thousand.
const MAX_HOPS: usize = 128;

/// The name being looked up: the question's, or where a chain has led.
pub(super) struct Current {
    pub(super) path: Path,
    pub(super) wire: [u8; MAX_NAME],
    pub(super) at: usize,
}

impl Current {
    pub(super) fn name(&self) -> &[u8] {
        &self.wire[..self.path.wire().len()]
    }

    pub(super) fn owner(&self) -> Owner<'_> {
        Owner { at: self.at, name: self.name() }
    }

    /// In place: a path is large. `target` is a valid name.
    pub(super) fn become_target(&mut self, target: &[u8], at: usize) {
        self.path.fill(target);
        self.wire[..target.len()].copy_from_slice(target);
        self.at = at;
    }
}

/// Names and DNAMEs a chain has been through.
pub(super) struct Trail {
    hops: usize,
    hashes: [u32; MAX_HOPS],
    lengths: [u8; MAX_HOPS],
    renames: usize,
    dnames: [u32; MAX_HOPS],
}

impl Trail {
    pub(super) const EMPTY: Self = Self { hops: 0, hashes: [0; MAX_HOPS], lengths: [0; MAX_HOPS], renames: 0, dnames: [0; MAX_HOPS] };

    /// False when the name was there before, or the trail is too long.
    pub(super) fn enter(&mut self, path: &Path) -> bool {
        let (hash, len) = (path.hash(path.count()), path.wire().len() as u8);
        let known = (0..self.hops).any(|n| self.hashes[n] == hash && self.lengths[n] == len);
        if known || self.hops == MAX_HOPS {
            return false;
        }
        (self.hashes[self.hops], self.lengths[self.hops]) = (hash, len);
        self.hops += 1;
        true
    }

    pub(super) fn has_renamed(&self, node: Node<'_>) -> bool {
        self.dnames[..self.renames].contains(&node.at())
    }

    pub(super) fn rename(&mut self, node: Node<'_>) {
        self.dnames[self.renames] = node.at();
        self.renames += 1;
    }
}
