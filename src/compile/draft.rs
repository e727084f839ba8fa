//! A zone while it is being read: every name once, its records in a chain, in the order they came.

use crate::dns::rtype::Type;
use crate::snapshot::path::Path;
use crate::snapshot::zone::Part;
use std::collections::HashMap;

const NONE: u32 = u32::MAX;
/// The apex is always the first node.
pub(super) const APEX: usize = 0;

pub(super) struct Draft {
    apex_labels: usize,
    apex: Box<[u8]>,
    names: Vec<u8>,
    nodes: Vec<DraftNode>,
    entries: Vec<Entry>,
    data: Vec<u8>,
    slots: Vec<u32>,
    /// Most files give a name's records one after the other.
    latest: (Vec<u8>, u32),
    /// Nodes with records that depend on who asks: the hostname's number and which part of it they are.
    steered: HashMap<u32, (usize, Part)>,
    /// A record was turned away.
    full: bool,
}

struct DraftNode {
    name_at: u32,
    name_len: u8,
    has_wildcard: bool,
    hash: u32,
    parent: u32,
    first: u32,
    last: u32,
}

/// One record.
pub(super) struct Entry {
    next: u32,
    data_at: u32,
    data_len: u16,
    pub rtype: Type,
    pub ttl: u32,
    pub line: u32,
    pub file: u32,
}

/// Why a record is not in the draft.
pub(super) enum NotAdded {
    /// Its owner is not in the zone.
    Outside,
    /// Places in a draft have 32 bits.
    Full,
}

/// What `u32` places reach, the longest name and data still added, `NONE` left out.
const MAX_BYTES: usize = u32::MAX as usize - 0x1_0000;

impl Draft {
    pub(super) fn new(apex: &Path, text_len: usize) -> Self {
        // A short record line has some thirty bytes; room for them all at once keeps the peak low.
        let guess = text_len / 32;
        let mut draft = Self {
            apex_labels: apex.count(),
            apex: apex.wire().into(),
            names: Vec::new(),
            nodes: Vec::with_capacity(guess),
            entries: Vec::with_capacity(guess),
            data: Vec::new(),
            slots: vec![NONE; 16],
            latest: (Vec::new(), NONE),
            steered: HashMap::new(),
            full: false,
        };
        draft.insert(apex, apex.count());
        draft
    }

    pub(super) fn add(&mut self, owner: &[u8], rtype: Type, ttl: u32, rdata: &[u8], file: u32, line: u32) -> Result<(), NotAdded> {
        if self.data.len() + self.entries.len() > MAX_BYTES || self.names.len() > MAX_BYTES {
            self.full = true;
            return Err(NotAdded::Full);
        }
        if self.latest.1 == NONE || self.latest.0 != owner {
            let path = Path::read(owner).ok_or(NotAdded::Outside)?;
            if path.count() < self.apex_labels || path.suffix(self.apex_labels) != &*self.apex {
                return Err(NotAdded::Outside);
            }
            self.latest.1 = self.find_or_insert(&path, path.count());
            self.latest.0.clear();
            self.latest.0.extend_from_slice(owner);
        }
        let n = self.entries.len() as u32;
        self.entries.push(Entry { next: NONE, data_at: self.data.len() as u32, data_len: rdata.len() as u16, rtype, ttl, line, file });
        self.data.extend_from_slice(rdata);
        let node = &mut self.nodes[self.latest.1 as usize];
        match node.last {
            NONE => node.first = n,
            last => self.entries[last as usize].next = n,
        }
        node.last = n;
        Ok(())
    }

    /// `path` lies in the zone.
    pub(super) fn steer(&mut self, path: &Path, number: usize, part: Part) {
        let node = self.find_or_insert(path, path.count());
        self.steered.insert(node, (number, part));
    }

    pub(super) fn steered(&self, node: usize) -> Option<(usize, Part)> {
        self.steered.get(&(node as u32)).copied()
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// An estimate of the bytes the finished zone takes.
    pub(super) fn size(&self) -> usize {
        self.names.len() + self.data.len() + self.nodes.len() * 12 + self.entries.len() * 20
    }

    /// Relative to the apex, lower case.
    pub(super) fn name(&self, node: usize) -> &[u8] {
        let node = &self.nodes[node];
        &self.names[node.name_at as usize..][..usize::from(node.name_len)]
    }

    pub(super) fn hash(&self, node: usize) -> u32 {
        self.nodes[node].hash
    }

    pub(super) fn has_wildcard(&self, node: usize) -> bool {
        self.nodes[node].has_wildcard
    }

    /// A parent always comes before its children.
    pub(super) fn parent(&self, node: usize) -> Option<usize> {
        (self.nodes[node].parent != NONE).then_some(self.nodes[node].parent as usize)
    }

    pub(super) fn find(&self, path: &Path, depth: usize) -> Option<usize> {
        let relative = &path.wire()[path.start(depth)..path.start(self.apex_labels)];
        let mask = self.slots.len() - 1;
        let mut slot = path.hash(depth) as usize & mask;
        loop {
            match self.slots[slot] {
                NONE => return None,
                node if self.nodes[node as usize].hash == path.hash(depth) && self.name(node as usize) == relative => {
                    return Some(node as usize);
                }
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// A node's records in the order they came.
    pub(super) fn entries(&self, node: usize) -> impl Iterator<Item = &Entry> {
        let mut next = self.nodes[node].first;
        std::iter::from_fn(move || {
            let entry = self.entries.get(next as usize)?;
            next = entry.next;
            Some(entry)
        })
    }

    pub(super) fn data(&self, entry: &Entry) -> &[u8] {
        &self.data[entry.data_at as usize..][..usize::from(entry.data_len)]
    }

    fn find_or_insert(&mut self, path: &Path, depth: usize) -> u32 {
        match self.find(path, depth) {
            Some(node) => node as u32,
            None => self.insert(path, depth),
        }
    }

    /// Inserts the name and whatever is missing between it and the apex: empty non-terminals exist too.
    fn insert(&mut self, path: &Path, depth: usize) -> u32 {
        let mut missing = depth;
        let mut parent = NONE;
        while missing > self.apex_labels {
            if let Some(found) = self.find(path, missing - 1) {
                parent = found as u32;
                break;
            }
            missing -= 1;
        }
        for depth in missing..=depth {
            let start = path.start(depth);
            let relative = &path.wire()[start..path.start(self.apex_labels)];
            if relative.starts_with(b"\x01*") && parent != NONE {
                self.nodes[parent as usize].has_wildcard = true;
            }
            let node = DraftNode {
                name_at: self.names.len() as u32,
                name_len: relative.len() as u8,
                has_wildcard: false,
                hash: path.hash(depth),
                parent,
                first: NONE,
                last: NONE,
            };
            self.names.extend_from_slice(relative);
            parent = self.nodes.len() as u32;
            self.nodes.push(node);
            self.index(parent);
        }
        parent
    }

    fn index(&mut self, node: u32) {
        if self.nodes.len() * 3 > self.slots.len() * 2 {
            let len = self.slots.len() * 4;
            self.slots = Vec::new();
            self.slots.resize(len, NONE);
            for n in 0..self.nodes.len() {
                self.place(n as u32);
            }
        } else {
            self.place(node);
        }
    }

    fn place(&mut self, node: u32) {
        let mask = self.slots.len() - 1;
        let mut slot = self.nodes[node as usize].hash as usize & mask;
        while self.slots[slot] != NONE {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = node;
    }
}
