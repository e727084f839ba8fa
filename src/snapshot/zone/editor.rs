//! Hostnames and RRsets put into a zone and taken out of it, in a copy of its block; all else stays as it is.

use super::{ALIGN, At, COUNT, NODE_HEAD, Negative, Node, Part, RECORD_HEAD, Zone, count_below, flag, tag};
use crate::dns::rtype::Type;
use crate::snapshot::path::{Path, chain};
use std::sync::Arc;

/// As many dead bytes are never worth writing the zone anew.
const MIN_DEAD: usize = 64 << 10;

/// More data of one type than a short answer has: the compiler warns of too much.
const MAX_SET_BYTES: usize = 32 << 10;
/// Types that matter to other names than their own, or to proofs.
const MATTERS: [Type; 12] =
    [Type::NS, Type::CNAME, Type::DNAME, Type::SOA, Type(43), Type::RRSIG, Type(47), Type(48), Type(50), Type(51), Type(59), Type(60)];

/// What an editor can't do: the zone has to be written anew.
#[derive(Debug)]
pub struct Unfit;

/// Edits a copy of a zone.
pub struct Editor {
    zone: Zone,
    bytes: Vec<u8>,
    /// The hash of the apex.
    apex: u32,
    /// Nodes that lost their hostname; some may have another by now.
    left: Vec<u32>,
}

impl Editor {
    /// About `more` bytes will come. A zone that was signed can't be edited: what is new would have no proofs.
    pub fn new(zone: &Zone, more: usize) -> Result<Self, Unfit> {
        if zone.denial.is_some() {
            return Err(Unfit);
        }
        let mut bytes = Vec::with_capacity(zone.bytes.len() + more);
        bytes.extend_from_slice(&zone.bytes);
        let copy = Zone {
            apex: zone.apex.clone(),
            labels: zone.labels,
            bytes: Box::default(),
            slots: zone.slots.clone(),
            tags: zone.tags.clone(),
            records: zone.records,
            nodes: zone.nodes,
            dead: zone.dead,
            servers: Arc::clone(&zone.servers),
            denial: None,
            negative: None,
        };
        let apex = Path::read(&zone.apex).ok_or(Unfit)?;
        Ok(Self { zone: copy, bytes, apex: apex.hash(apex.count()), left: Vec::new() })
    }

    /// Fails at a name outside, at or below a cut or a DNAME, and where another part stands.
    pub fn steer(&mut self, path: &Path, number: usize, part: Part) -> Result<(), Unfit> {
        if number >= 1 << 30 || !self.is_inside(path) {
            return Err(Unfit);
        }
        let at = match self.find(path, path.count()) {
            Some(slot) => self.zone.slots[slot],
            None => self.add(path)?,
        };
        let node = self.node(at);
        if node.steered().is_some() || is_left(node) {
            return Err(Unfit);
        }
        let place = at as usize * ALIGN;
        let word = (number as u32) << 2 | part as u32;
        self.bytes[place..place + 4].copy_from_slice(&word.to_le_bytes());
        self.bytes[place + 6] |= flag::STEERED;
        Ok(())
    }

    /// Takes away what must stand there. The name itself goes with `finish`, if nothing needs it then.
    pub fn unsteer(&mut self, path: &Path, number: usize, part: Part) -> Result<(), Unfit> {
        let slot = self.is_inside(path).then(|| self.find(path, path.count())).flatten();
        let at = self.zone.slots[slot.ok_or(Unfit)?];
        if self.node(at).steered() != Some((number, part)) {
            return Err(Unfit);
        }
        let place = at as usize * ALIGN;
        self.bytes[place..place + 4].fill(0);
        self.bytes[place + 6] &= !flag::STEERED;
        self.left.push(at);
        Ok(())
    }

    /// Another RRset in the place of the one of its type, or none: `records` are TTLs and data. Only where that is all that changes:
    /// not at the apex, nor at or below a cut or a DNAME, nor where something steered or a name server of the zone has to do with it.
    pub fn put(&mut self, path: &Path, rtype: Type, records: &[(u32, &[u8])]) -> Result<(), Unfit> {
        let size: usize = records.iter().map(|(_, data)| RECORD_HEAD + data.len()).sum();
        if !self.is_inside(path) || path.count() == self.zone.labels || MATTERS.contains(&rtype) || size > MAX_SET_BYTES {
            return Err(Unfit);
        }
        let steered_above = (self.zone.labels..path.count())
            .filter_map(|depth| self.find(path, depth))
            .any(|slot| self.node(self.zone.slots[slot]).steered().is_some());
        if steered_above || rtype == Type::A || rtype == Type::AAAA {
            self.ask(path.hash(path.count()))?;
        }
        if steered_above {
            return Err(Unfit);
        }
        let slot = match (self.find(path, path.count()), records.is_empty()) {
            (Some(slot), _) => slot,
            (None, true) => return Ok(()),
            (None, false) => {
                self.add(path)?;
                self.find(path, path.count()).ok_or(Unfit)?
            }
        };
        let node = self.node(self.zone.slots[slot]);
        let is_owned = [Type::A, Type::AAAA, Type::HTTPS, Type::SRV].contains(&rtype);
        if is_left(node) || node.flags() & flag::CNAME != 0 || is_owned && node.steered().is_some() {
            return Err(Unfit);
        }
        self.rewrite(slot, rtype, records)
    }

    /// Writes a node behind all others, with this RRset, and leaves the old one behind.
    fn rewrite(&mut self, slot: usize, rtype: Type, records: &[(u32, &[u8])]) -> Result<(), Unfit> {
        let node = self.node(self.zone.slots[slot]);
        let mut sets: Vec<(Type, u16, Vec<u8>)> =
            node.sets().filter(|set| set.rtype != rtype).map(|set| (set.rtype, set.count, set.body.to_vec())).collect();
        let before: usize = node.sets().map(|set| usize::from(set.count)).sum();
        let old_size = node.size();
        let (was_bare, name) = (node.is_bare(), node.name().to_vec());
        if !records.is_empty() {
            let mut body = Vec::new();
            records.iter().for_each(|(ttl, data)| super::render(&mut body, rtype, *ttl, data));
            sets.push((rtype, u16::try_from(records.len()).map_err(|_| Unfit)?, body));
            sets.sort_by_key(|(rtype, ..)| *rtype);
        }
        let mut head = self.bytes[node.at as usize * ALIGN..][..NODE_HEAD].to_vec();
        head[4..6].copy_from_slice(&u16::try_from(sets.len()).map_err(|_| Unfit)?.to_le_bytes());
        let below = match (sets.is_empty(), was_bare) {
            (true, true) => return Ok(()),
            (true, false) => Some(self.count_of(&name)),
            (false, _) => None,
        };
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        let at = u32::try_from(self.bytes.len() / ALIGN).map_err(|_| Unfit)?;
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(&name);
        self.bytes.extend(below.iter().flat_map(|count| count.to_le_bytes()));
        for (rtype, count, body) in &sets {
            self.bytes.extend_from_slice(&rtype.0.to_le_bytes());
            self.bytes.extend_from_slice(&count.to_le_bytes());
            self.bytes.extend_from_slice(&u32::try_from(body.len()).map_err(|_| Unfit)?.to_le_bytes());
            self.bytes.extend_from_slice(body);
        }
        self.zone.slots[slot] = at;
        self.zone.records = self.zone.records + sets.iter().map(|(_, count, _)| usize::from(*count)).sum::<usize>() - before;
        self.zone.dead += old_size.next_multiple_of(ALIGN);
        if below.is_some() {
            self.left.push(at);
        }
        Ok(())
    }

    /// How many names stand directly below one: a look at each.
    fn count_of(&self, name: &[u8]) -> u32 {
        let is_child = |at: &&u32| {
            let child = self.node(**at).name();
            child.first().is_some_and(|len| child.len() == name.len() + 1 + usize::from(*len)) && child.ends_with(name)
        };
        let count = self.zone.slots.iter().filter(|at| **at != 0).filter(is_child).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Fails where the block holds too much that nobody reads.
    pub fn finish(mut self) -> Result<Zone, Unfit> {
        self.sweep()?;
        if self.zone.dead > MIN_DEAD && self.zone.dead > self.bytes.len() / 4 {
            return Err(Unfit);
        }
        self.zone.bytes = self.bytes.into_boxed_slice();
        self.zone.negative = Negative::of(&self.zone).map(Box::new);
        Ok(self.zone)
    }

    /// Adds a name that has no node, and what is missing between it and the apex.
    fn add(&mut self, path: &Path) -> Result<u32, Unfit> {
        let mut depth = path.count();
        let mut at = loop {
            depth -= 1;
            if let Some(slot) = self.find(path, depth) {
                break self.zone.slots[slot];
            }
        };
        if is_left(self.node(at)) {
            return Err(Unfit);
        }
        while depth < path.count() {
            depth += 1;
            let (hash, name) = (path.hash(depth), relative(path, depth, self.zone.labels));
            self.ask(hash)?;
            if name.starts_with(b"\x01*") {
                self.bytes[at as usize * ALIGN + 6] |= flag::HAS_WILDCARD;
            }
            count_below(&mut self.bytes, At(at), true);
            self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
            at = u32::try_from(self.bytes.len() / ALIGN).map_err(|_| Unfit)?;
            self.bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, name.len() as u8]);
            self.bytes.extend_from_slice(name);
            self.bytes.extend_from_slice(&[0; COUNT]);
            self.zone.nodes += 1;
            if self.zone.nodes * 3 > self.zone.slots.len() * 2 {
                self.grow();
            }
            self.place(at, hash);
        }
        Ok(at)
    }

    /// A name that comes or goes must matter to no name server of the zone.
    fn ask(&self, hash: u32) -> Result<(), Unfit> {
        if self.zone.servers.binary_search(&hash).is_ok() { Err(Unfit) } else { Ok(()) }
    }

    /// Takes out the names that nothing needs any more: those that lost a hostname, and the empty ones above.
    fn sweep(&mut self) -> Result<(), Unfit> {
        for mut at in std::mem::take(&mut self.left) {
            while self.node(at).is_idle() && !self.node(at).name().is_empty() {
                let name = self.node(at).name().to_vec();
                let hash = self.hash(&name);
                // It may be gone already.
                let Some(slot) = self.slot(hash, &name).filter(|slot| self.zone.slots[*slot] == at) else { break };
                self.ask(hash)?;
                self.free(slot);
                self.zone.nodes -= 1;
                self.zone.dead += (NODE_HEAD + name.len() + COUNT).next_multiple_of(ALIGN);
                let parent = &name[1 + usize::from(name[0])..];
                at = self.zone.slots[self.slot(self.hash(parent), parent).ok_or(Unfit)?];
                if name.starts_with(b"\x01*") {
                    self.bytes[at as usize * ALIGN + 6] &= !flag::HAS_WILDCARD;
                }
                count_below(&mut self.bytes, At(at), false);
            }
        }
        Ok(())
    }

    fn node(&self, at: u32) -> Node<'_> {
        Node { at, bytes: &self.bytes[at as usize * ALIGN..] }
    }

    fn is_inside(&self, path: &Path) -> bool {
        path.count() >= self.zone.labels && path.suffix(self.zone.labels) == &*self.zone.apex
    }

    fn find(&self, path: &Path, depth: usize) -> Option<usize> {
        self.slot(path.hash(depth), relative(path, depth, self.zone.labels))
    }

    /// Where the table has a name.
    fn slot(&self, hash: u32, name: &[u8]) -> Option<usize> {
        let mask = self.zone.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.zone.slots[slot] {
                0 => return None,
                at if self.zone.tags[slot] == tag(hash) && self.node(at).name() == name => return Some(slot),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn place(&mut self, at: u32, hash: u32) {
        let mask = self.zone.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.zone.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.zone.slots[slot] = at;
        self.zone.tags[slot] = tag(hash);
    }

    fn grow(&mut self) {
        let twice = self.zone.slots.len() * 2;
        let old = std::mem::replace(&mut self.zone.slots, vec![0; twice].into());
        self.zone.tags = vec![0; twice].into();
        for at in old.into_iter().filter(|at| *at != 0) {
            let hash = self.hash(self.node(at).name());
            self.place(at, hash);
        }
    }

    /// Empties a slot and moves up what had to step aside for it, so that a miss ends as early as in a new table.
    fn free(&mut self, mut slot: usize) {
        let mask = self.zone.slots.len() - 1;
        let mut next = slot;
        loop {
            next = (next + 1) & mask;
            let at = self.zone.slots[next];
            if at == 0 {
                break;
            }
            let home = self.hash(self.node(at).name()) as usize & mask;
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(slot) & mask {
                self.zone.slots[slot] = at;
                self.zone.tags[slot] = self.zone.tags[next];
                slot = next;
            }
        }
        self.zone.slots[slot] = 0;
        self.zone.tags[slot] = 0;
    }

    /// The hash of the whole name that a node has.
    fn hash(&self, name: &[u8]) -> u32 {
        let mut starts = [0u8; 128];
        let (mut at, mut count) = (0, 0);
        while at < name.len() {
            starts[count] = at as u8;
            count += 1;
            at += 1 + usize::from(name[at]);
        }
        starts[..count].iter().rev().fold(self.apex, |hash, start| {
            let label = &name[usize::from(*start)..];
            chain(hash, &label[1..=usize::from(label[0])])
        })
    }
}

/// At or below a cut or a DNAME, so that what stands there would not be found.
fn is_left(node: Node<'_>) -> bool {
    node.flags() & (flag::CUT | flag::DNAME) != 0 || node.cover() != 0
}

/// Suffix `depth` without the apex.
fn relative(path: &Path, depth: usize, apex: usize) -> &[u8] {
    &path.wire()[path.start(depth)..path.start(apex)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::name::Name;
    use crate::snapshot::zone::Writer;

    fn path(text: &str) -> Path {
        Path::read(Name::parse(text).unwrap().wire()).unwrap()
    }

    #[test]
    fn nothing_is_steered_where_no_look_up_comes() {
        let apex = path("x.test");
        let mut writer = Writer::new(&apex, 5, 0);
        let mut node = |name: &str, flags, cover| {
            let path = path(name);
            let at = writer.node(relative(&path, path.count(), 2), path.hash(path.count()), flags, cover);
            writer.set(Type::A);
            writer.record(Type::A, 60, &[192, 0, 2, 1]);
            at
        };
        node("x.test", 0, None);
        let cut = node("cut.x.test", flag::CUT, None);
        node("ns.cut.x.test", 0, Some(cut));
        node("d.x.test", flag::DNAME, None);
        let zone = writer.finish();
        let mut editor = Editor::new(&zone, 0).unwrap();
        for name in
            ["cut.x.test", "a.b.cut.x.test", "ns.cut.x.test", "a.ns.cut.x.test", "d.x.test", "a.d.x.test", "test", "a.y.test", "xx.test"]
        {
            assert!(editor.steer(&path(name), 1, Part::Host).is_err(), "{name}");
            assert!(editor.unsteer(&path(name), 1, Part::Host).is_err(), "{name}");
        }
        let live = path("live.x.test");
        editor.steer(&live, 1, Part::Host).unwrap();
        assert!(editor.steer(&live, 2, Part::Host).is_err(), "it is the other's");
        assert!(editor.steer(&path("more.x.test"), 1 << 30, Part::Host).is_err(), "its number has no room");
        for (number, part) in [(2, Part::Host), (1, Part::Service)] {
            assert!(editor.unsteer(&live, number, part).is_err());
        }
        assert_eq!(editor.finish().unwrap().exact(&live, 3).unwrap().steered(), Some((1, Part::Host)));
    }
}
