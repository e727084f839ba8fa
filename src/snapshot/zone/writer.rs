//! The writing of a zone's block.

use super::{ALIGN, At, COUNT, Negative, Part, SET_HEAD, Zone, count_below, flag, tag};
use crate::dns::rtype::Type;
use crate::snapshot::denial::Denial;
use crate::snapshot::path::Path;
use std::sync::Arc;

/// Writes a zone's block, node by node. The first node must be the apex.
pub struct Writer {
    zone: Zone,
    bytes: Vec<u8>,
    set_at: usize,
    node_at: usize,
}

impl Writer {
    /// At most `names` nodes will come, and about `bytes` bytes.
    pub fn new(apex: &Path, names: usize, bytes: usize) -> Self {
        // At most two slots in three are taken: longer probes cost more than the memory.
        let slots = (names.max(2) * 3 / 2 + 1).next_power_of_two();
        let mut block = Vec::with_capacity(bytes + ALIGN);
        block.extend_from_slice(&[0; ALIGN]);
        Self {
            zone: Zone {
                apex: apex.wire().into(),
                labels: apex.count(),
                bytes: Box::default(),
                slots: vec![0; slots].into(),
                tags: vec![0; slots].into(),
                records: 0,
                nodes: 0,
                dead: 0,
                servers: Arc::default(),
                denial: None,
                negative: None,
            },
            bytes: block,
            set_at: 0,
            node_at: 0,
        }
    }

    /// `name` as `Node::name` gives it; `hash` is that of the whole name. No two nodes may have one name.
    pub fn node(&mut self, name: &[u8], hash: u32, flags: u8, cover: Option<At>) -> At {
        let at = self.hidden(name, flags, cover);
        let mask = self.zone.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.zone.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.zone.slots[slot] = at.0;
        self.zone.tags[slot] = tag(hash);
        self.zone.nodes += 1;
        at
    }

    /// A node that no look-up finds: only the denial knows where it is.
    pub fn hidden(&mut self, name: &[u8], flags: u8, cover: Option<At>) -> At {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        self.node_at = self.bytes.len();
        let at = u32::try_from(self.node_at / ALIGN).expect("a zone of more than 16 GiB");
        self.bytes.extend_from_slice(&cover.map_or(0, |at| at.0).to_le_bytes());
        self.bytes.extend_from_slice(&[0, 0, flags, name.len() as u8]);
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(&[0; COUNT]);
        At(at)
    }

    /// The latest node stands directly below this one.
    pub fn below(&mut self, parent: At) {
        count_below(&mut self.bytes, parent, true);
    }

    /// The latest node is part of hostname `number`, of fewer than 2^30.
    pub fn steer(&mut self, number: usize, part: Part) {
        let word = (number as u32) << 2 | part as u32;
        self.bytes[self.node_at..self.node_at + 4].copy_from_slice(&word.to_le_bytes());
        self.bytes[self.node_at + 6] |= flag::STEERED;
    }

    /// Opens an RRset of the latest node, all of whose sets come before any name below it; types must come in ascending order.
    pub fn set(&mut self, rtype: Type) {
        let count = u16::from_le_bytes([self.bytes[self.node_at + 4], self.bytes[self.node_at + 5]]) + 1;
        if count == 1 {
            self.bytes.truncate(self.bytes.len() - COUNT);
        }
        self.bytes[self.node_at + 4..self.node_at + 6].copy_from_slice(&count.to_le_bytes());
        self.set_at = self.bytes.len();
        self.bytes.extend_from_slice(&rtype.0.to_le_bytes());
        self.bytes.extend_from_slice(&[0; SET_HEAD - 2]);
    }

    /// Adds a record to the latest RRset.
    pub fn record(&mut self, rtype: Type, ttl: u32, rdata: &[u8]) {
        super::render(&mut self.bytes, rtype, ttl, rdata);
        self.zone.records += 1;
        let head = self.set_at;
        let count = u16::from_le_bytes([self.bytes[head + 2], self.bytes[head + 3]]) + 1;
        let len = (self.bytes.len() - head - SET_HEAD) as u32;
        self.bytes[head + 2..head + 4].copy_from_slice(&count.to_le_bytes());
        self.bytes[head + 4..head + 8].copy_from_slice(&len.to_le_bytes());
    }

    /// The zone is signed, and this is how it denies.
    pub fn deny(&mut self, denial: Denial) {
        self.zone.denial = Some(Box::new(denial));
    }

    pub fn finish(mut self) -> Zone {
        self.zone.bytes = self.bytes.into_boxed_slice();
        self.zone.negative = Negative::of(&self.zone).map(Box::new);
        self.zone
    }
}
