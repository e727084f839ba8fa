//! One zone, made for look-up: a table of hashes over one block of bytes.
//!
//! A node in the block, aligned to four bytes: cover (u32), RRset count (u16), flags (u8), name length (u8), the name
//! relative to the apex in lower case, then its RRsets by ascending type: type (u16), record count (u16), body length (u32),
//! then each record as it goes into a message whose question starts at byte 12: `C0 0C`, type, class, TTL, length, data.
//! One without RRsets has the number of names directly below it instead (u32): so it is known when it need no longer be there.
//! A million one-address names take about 60 MB this way, and an answer is one copy.

mod editor;
mod negative;
mod writer;

pub use editor::{Editor, Unfit};
pub use negative::Negative;
pub use writer::Writer;

use super::denial::Denial;
use super::path::Path;
use crate::dns::rtype::{Type, class};
use std::hint::black_box;
use std::sync::Arc;

/// Nodes start at multiples of this, so that a `u32` reaches 16 GiB.
const ALIGN: usize = 4;
const NODE_HEAD: usize = 8;
const SET_HEAD: usize = 8;
/// The number of names below.
const COUNT: usize = 4;
/// Owner pointer, type, class, TTL, data length.
pub const RECORD_HEAD: usize = 12;

/// What a node is, besides its records.
pub mod flag {
    /// NS below the apex: a delegation starts here.
    pub const CUT: u8 = 1;
    pub const DNAME: u8 = 2;
    pub const CNAME: u8 = 4;
    /// A `*` label stands directly below.
    pub const HAS_WILDCARD: u8 = 8;
    /// Some of its records depend on who asks. Its place for the cover holds its part; nothing steered is ever covered.
    pub const STEERED: u8 = 16;
}

/// What a steered name answers with records of its own making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The hostname itself: addresses.
    Host,
    /// `_http._tcp` below it: SRV.
    Service,
    /// `_port._https` below it: HTTPS.
    Binding,
}

impl Part {
    const ALL: [Self; 4] = [Self::Host, Self::Service, Self::Binding, Self::Host];
}

/// Where a node stands in its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct At(u32);

#[derive(Debug)]
pub struct Zone {
    apex: Box<[u8]>,
    labels: usize,
    bytes: Box<[u8]>,
    /// Node places; 0 is empty. A power of two of them.
    slots: Box<[u32]>,
    /// A byte of each slot's hash, so that a miss seldom touches a node.
    tags: Box<[u8]>,
    records: usize,
    nodes: usize,
    /// Bytes of the block that no look-up comes to any more.
    dead: usize,
    /// What `with_servers` was told, sorted.
    servers: Arc<[u32]>,
    /// Only where the zone was signed beforehand.
    denial: Option<Box<Denial>>,
    negative: Option<Box<Negative>>,
}

/// What stands at a name, or above it when nothing does.
#[derive(Clone, Copy)]
pub enum Found<'a> {
    Node(Node<'a>),
    /// The name is below a cut or a DNAME: its node and how many labels that has.
    Covered(Node<'a>, usize),
    /// Nothing here: the closest encloser and how many labels that has.
    Missing(Node<'a>, usize),
}

impl Zone {
    /// Lower-case wire form.
    pub fn apex(&self) -> &[u8] {
        &self.apex
    }

    /// Labels of the apex, without the root.
    pub fn labels(&self) -> usize {
        self.labels
    }

    pub fn records(&self) -> usize {
        self.records
    }

    /// Names that exist, empty non-terminals included.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// Bytes of memory the zone holds.
    pub fn memory(&self) -> usize {
        self.bytes.len() + self.slots.len() * 5 + self.servers.len() * 4 + self.denial.as_ref().map_or(0, |denial| denial.memory())
    }

    /// `None`: the zone is not signed.
    #[inline]
    pub fn denial(&self) -> Option<&Denial> {
        self.denial.as_deref()
    }

    /// Of its SOA record.
    pub fn serial(&self) -> Option<u32> {
        let at = self.serial_at()?;
        Some(u32::from_be_bytes(self.bytes[at..at + 4].try_into().ok()?))
    }

    /// Only for zones without signatures, which would no longer hold.
    pub fn set_serial(&mut self, serial: u32) {
        if let Some(at) = self.serial_at() {
            self.bytes[at..at + 4].copy_from_slice(&serial.to_be_bytes());
            self.negative = Negative::of(self).map(Box::new);
        }
    }

    /// What says that something is not there; None: the zone has no sound SOA record.
    #[inline]
    pub fn negative(&self) -> Option<&Negative> {
        self.negative.as_deref()
    }

    /// Where it stands in the block: before the four numbers that end the record.
    fn serial_at(&self) -> Option<usize> {
        let body = self.apex_node().set(Type::SOA)?.body;
        let end = body.as_ptr_range().end.addr() - self.bytes.as_ptr().addr();
        end.checked_sub(20)
    }

    pub fn apex_node(&self) -> Node<'_> {
        self.node(At(1))
    }

    /// All names that exist, in no order.
    pub fn each(&self) -> impl Iterator<Item = Node<'_>> {
        self.slots.iter().filter(|slot| **slot != 0).map(|slot| self.node(At(*slot)))
    }

    /// `path` must lie in the zone, and not below a cut or a DNAME.
    pub fn is_server(&self, path: &Path) -> bool {
        // Other names may have the same hash.
        self.servers.binary_search(&path.hash(path.count())).is_ok()
            && self.each().filter_map(|node| node.set(Type::NS)).flat_map(Set::data).any(|target| target.eq_ignore_ascii_case(path.wire()))
    }

    /// `names` are the hashes of all names below no cut that name servers have, and of those above them that have no records:
    /// what comes to stand there, or goes, can change what is said of the server.
    pub fn with_servers(mut self, mut names: Vec<u32>) -> Self {
        names.sort_unstable();
        names.dedup();
        self.servers = names.into();
        self
    }

    /// `path` must lie in the zone.
    #[inline]
    pub fn find<'a>(&'a self, path: &Path) -> Found<'a> {
        let count = path.count();
        if let Some(node) = self.exact(path, count) {
            return match self.cover_of(node) {
                Some(cover) => Found::Covered(cover, self.labels_of(cover)),
                None => Found::Node(node),
            };
        }
        let (encloser, depth) = self.encloser(path);
        if let Some(cover) = self.cover_of(encloser) {
            return Found::Covered(cover, self.labels_of(cover));
        }
        if encloser.flags() & (flag::CUT | flag::DNAME) != 0 { Found::Covered(encloser, depth) } else { Found::Missing(encloser, depth) }
    }

    /// The node of suffix `depth` itself, covered or not.
    #[inline]
    pub fn exact(&self, path: &Path, depth: usize) -> Option<Node<'_>> {
        let hash = path.hash(depth);
        let relative = &path.wire()[path.start(depth)..path.start(self.labels)];
        self.probe(hash, |name| name == relative)
    }

    /// The records that stand for a name others point at: its own or a wildcard's, delegations or not, for glue counts.
    pub fn host(&self, path: &Path) -> Option<Node<'_>> {
        if let Some(node) = self.exact(path, path.count()) {
            return Some(node);
        }
        let (encloser, depth) = self.encloser(path);
        self.wildcard(encloser, path, depth)
    }

    /// The closest node above a name that has none. All names above one that exists exist too, so the way there is halved:
    /// a name of a hundred labels costs seven look-ups, not a hundred.
    #[inline]
    fn encloser(&self, path: &Path) -> (Node<'_>, usize) {
        let mut missing = path.count();
        let mut depth = self.labels;
        let mut node = self.apex_node();
        // Most names that do not exist have a parent that does.
        let mut next = missing.saturating_sub(1);
        while next > depth {
            match self.exact(path, next) {
                Some(found) => (node, depth) = (found, next),
                None => missing = next,
            }
            next = depth.midpoint(missing);
        }
        (node, depth)
    }

    /// The `*` below suffix `depth` of `path`, if there is one.
    #[inline]
    pub fn wildcard(&self, encloser: Node<'_>, path: &Path, depth: usize) -> Option<Node<'_>> {
        if encloser.flags() & flag::HAS_WILDCARD == 0 {
            return None;
        }
        let relative = &path.wire()[path.start(depth)..path.start(self.labels)];
        self.probe(super::path::chain(path.hash(depth), b"*"), |name| name.strip_prefix(b"\x01*") == Some(relative))
    }

    #[inline]
    fn probe(&self, hash: u32, is_it: impl Fn(&[u8]) -> bool) -> Option<Node<'_>> {
        let mask = self.slots.len() - 1;
        let tag = tag(hash);
        let mut slot = hash as usize & mask;
        loop {
            let at = self.slots[slot];
            if at == 0 {
                return None;
            }
            if self.tags[slot] == tag {
                let node = self.node(At(at));
                if is_it(node.name()) {
                    return Some(node);
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The node that stands where the name's own is looked for first; mostly it is that. For whoever looks ahead.
    #[inline]
    pub fn likely(&self, path: &Path) -> Option<At> {
        let slot = path.hash(path.count()) as usize & (self.slots.len() - 1);
        black_box(self.tags[slot]);
        Some(self.slots[slot]).filter(|at| *at != 0).map(At)
    }

    #[inline]
    pub fn node_at(&self, at: At) -> Node<'_> {
        self.node(at)
    }

    #[inline]
    fn node(&self, at: At) -> Node<'_> {
        Node { at: at.0, bytes: &self.bytes[at.0 as usize * ALIGN..] }
    }

    #[inline]
    fn cover_of(&self, node: Node<'_>) -> Option<Node<'_>> {
        match node.cover() {
            0 => None,
            at => Some(self.node(At(at))),
        }
    }

    fn labels_of(&self, node: Node<'_>) -> usize {
        let mut count = self.labels;
        let mut rest = node.name();
        while let Some((&len, tail)) = rest.split_first() {
            rest = &tail[usize::from(len)..];
            count += 1;
        }
        count
    }
}

/// A name that exists, with what it owns.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    at: u32,
    bytes: &'a [u8],
}

impl<'a> Node<'a> {
    #[inline]
    fn cover(self) -> u32 {
        if self.flags() & flag::STEERED != 0 { 0 } else { self.word() }
    }

    #[inline]
    fn word(self) -> u32 {
        u32::from_le_bytes([self.bytes[0], self.bytes[1], self.bytes[2], self.bytes[3]])
    }

    /// The number of the hostname in its zone, and which part of it this is.
    #[inline]
    pub fn steered(self) -> Option<(usize, Part)> {
        (self.flags() & flag::STEERED != 0).then(|| (self.word() as usize >> 2, Part::ALL[self.word() as usize & 3]))
    }

    /// Tells nodes of one zone apart.
    #[inline]
    pub fn at(self) -> u32 {
        self.at
    }

    #[inline]
    pub fn flags(self) -> u8 {
        self.bytes[6]
    }

    /// Relative to the apex, lower case, without a root label.
    #[inline]
    pub fn name(self) -> &'a [u8] {
        &self.bytes[NODE_HEAD..NODE_HEAD + usize::from(self.bytes[7])]
    }

    /// Has no records of its own in the zone's file.
    #[inline]
    pub fn is_bare(self) -> bool {
        self.bytes[4..6] == [0, 0]
    }

    /// Bytes of it, its records included.
    fn size(self) -> usize {
        let head = NODE_HEAD + self.name().len();
        if self.is_bare() { head + COUNT } else { head + self.sets().map(|set| SET_HEAD + set.body.len()).sum::<usize>() }
    }

    /// Bare, and nothing is steered there or stands below.
    fn is_idle(self) -> bool {
        let at = NODE_HEAD + self.name().len();
        self.is_bare() && self.flags() & flag::STEERED == 0 && self.bytes[at..at + COUNT] == [0; COUNT]
    }

    #[inline]
    pub fn sets(self) -> Sets<'a> {
        Sets { left: u16::from_le_bytes([self.bytes[4], self.bytes[5]]), bytes: &self.bytes[NODE_HEAD + usize::from(self.bytes[7])..] }
    }

    #[inline]
    pub fn set(self, rtype: Type) -> Option<Set<'a>> {
        self.sets().find(|set| set.rtype >= rtype).filter(|set| set.rtype == rtype)
    }
}

pub struct Sets<'a> {
    left: u16,
    bytes: &'a [u8],
}

impl<'a> Iterator for Sets<'a> {
    type Item = Set<'a>;

    #[inline]
    fn next(&mut self) -> Option<Set<'a>> {
        self.left = self.left.checked_sub(1)?;
        let head = &self.bytes[..SET_HEAD];
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let (body, rest) = self.bytes[SET_HEAD..].split_at(len);
        self.bytes = rest;
        Some(Set { rtype: Type(u16::from_le_bytes([head[0], head[1]])), count: u16::from_le_bytes([head[2], head[3]]), body })
    }
}

/// An RRset, rendered.
#[derive(Clone, Copy)]
pub struct Set<'a> {
    pub rtype: Type,
    pub count: u16,
    /// The records as they stand in a message whose question starts at byte 12.
    pub body: &'a [u8],
}

impl<'a> Set<'a> {
    pub fn ttl(self) -> u32 {
        u32::from_be_bytes([self.body[6], self.body[7], self.body[8], self.body[9]])
    }

    /// Each record's data.
    #[inline]
    pub fn data(self) -> impl Iterator<Item = &'a [u8]> {
        self.records().map(|record| &record[RECORD_HEAD..])
    }

    /// Each record as it stands in `body`.
    #[inline]
    pub fn records(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.body;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let len = usize::from(u16::from_be_bytes([rest[10], rest[11]]));
            let (record, next) = rest.split_at(RECORD_HEAD + len);
            rest = next;
            Some(record)
        })
    }
}

/// A name comes to stand directly below this one, or goes. Where there are records nobody counts.
/// One record as it stands in a message whose question starts at byte 12.
fn render(bytes: &mut Vec<u8>, rtype: Type, ttl: u32, rdata: &[u8]) {
    bytes.extend_from_slice(&[0xc0, 12]);
    bytes.extend_from_slice(&rtype.0.to_be_bytes());
    bytes.extend_from_slice(&class::IN.to_be_bytes());
    bytes.extend_from_slice(&ttl.to_be_bytes());
    bytes.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
    bytes.extend_from_slice(rdata);
}

fn count_below(bytes: &mut [u8], at: At, comes: bool) {
    let place = at.0 as usize * ALIGN;
    let node = Node { at: at.0, bytes: &bytes[place..] };
    if !node.is_bare() {
        return;
    }
    let place = place + NODE_HEAD + node.name().len();
    if let Some(count) = bytes[place..].first_chunk_mut() {
        let before = u32::from_le_bytes(*count);
        *count = if comes { before + 1 } else { before.saturating_sub(1) }.to_le_bytes();
    }
}

#[inline]
fn tag(hash: u32) -> u8 {
    (hash >> 24) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::name::Name;

    fn path(text: &str) -> Path {
        Path::read(Name::parse(text).unwrap().wire()).unwrap()
    }

    /// Nodes in the order given, the apex `x.test` first, with an A record each.
    fn zone(names: &[(&str, u8, Option<usize>)]) -> Zone {
        let apex = path("x.test");
        let mut writer = Writer::new(&apex, names.len(), 0);
        let mut places: Vec<At> = Vec::new();
        for (n, &(name, flags, cover)) in names.iter().enumerate() {
            let path = path(name);
            let relative = &path.wire()[..path.start(2)];
            places.push(writer.node(relative, path.hash(path.count()), flags, cover.map(|at| places[at])));
            writer.set(Type::A);
            writer.record(Type::A, 60, &[192, 0, 2, n as u8]);
        }
        writer.finish()
    }

    fn found(zone: &Zone, name: &str) -> (char, Vec<u8>, usize) {
        match zone.find(&path(name)) {
            Found::Node(node) => ('=', node.name().into(), 0),
            Found::Covered(node, depth) => ('c', node.name().into(), depth),
            Found::Missing(node, depth) => ('-', node.name().into(), depth),
        }
    }

    #[test]
    fn names_are_found_or_what_is_above_them() {
        let zone = zone(&[
            ("x.test", flag::HAS_WILDCARD, None),
            ("*.x.test", 0, None),
            ("a.x.test", 0, None),
            ("b.a.x.test", 0, None),
            ("c.b.a.x.test", 0, None),
            ("cut.x.test", flag::CUT, None),
            ("ns.cut.x.test", 0, Some(5)),
            ("d.x.test", flag::DNAME, None),
        ]);
        assert_eq!((zone.nodes(), zone.records(), zone.labels()), (8, 8, 2));
        for (name, expected) in [
            ("x.test", ('=', "", 0)),
            ("C.b.A.x.test", ('=', "\x01c\x01b\x01a", 0)),
            ("n.x.test", ('-', "", 2)),
            ("n.b.a.x.test", ('-', "\x01b\x01a", 4)),
            ("n.n.n.n.n.b.a.x.test", ('-', "\x01b\x01a", 4)),
            ("n.n.n.n.n.n.c.b.a.x.test", ('-', "\x01c\x01b\x01a", 5)),
            ("cut.x.test", ('=', "\x03cut", 0)),
            ("ns.cut.x.test", ('c', "\x03cut", 3)),
            ("n.ns.cut.x.test", ('c', "\x03cut", 3)),
            ("n.n.n.cut.x.test", ('c', "\x03cut", 3)),
            ("d.x.test", ('=', "\x01d", 0)),
            ("n.d.x.test", ('c', "\x01d", 3)),
        ] {
            assert_eq!(found(&zone, name), (expected.0, expected.1.into(), expected.2), "{name}");
        }
        let long = format!("{}x.test", "a.".repeat(122));
        assert_eq!(found(&zone, &long), ('-', b"\x01a".into(), 3));
        let wild = |name: &str, depth| zone.wildcard(zone.exact(&path(name), depth).unwrap(), &path(name), depth).is_some();
        assert!(wild("n.x.test", 2) && !wild("n.a.x.test", 3));
        assert!(zone.host(&path("any.thing.x.test")).unwrap().name().starts_with(b"\x01*"));
        assert!(zone.host(&path("ns.cut.x.test")).is_some() && zone.host(&path("n.cut.x.test")).is_none());
    }

    #[test]
    fn every_name_of_a_full_table_is_found_and_no_other() {
        for count in [1usize, 2, 3, 5, 10, 21, 42, 85, 1000] {
            let names: Vec<String> = (0..count).map(|n| if n == 0 { "x.test".into() } else { format!("h{n}.x.test") }).collect();
            let nodes: Vec<_> = names.iter().map(|name| (name.as_str(), 0, None)).collect();
            let zone = zone(&nodes);
            assert!(zone.slots.iter().filter(|&&slot| slot == 0).count() * 3 >= zone.slots.len(), "a miss needs an empty slot to end at");
            assert!(names.iter().all(|name| found(&zone, name).0 == '='));
            assert!((0..2000).all(|n| found(&zone, &format!("n{n}.x.test")) == ('-', vec![], 2)));
        }
    }

    #[test]
    fn the_longest_name_of_the_root_zone() {
        let (root, long) = (path("."), path(&"a.".repeat(127)));
        let mut writer = Writer::new(&root, 2, 0);
        writer.node(&[], root.hash(0), 0, None);
        writer.node(&long.wire()[..254], long.hash(127), 0, None);
        for rtype in [Type::A, Type::AAAA, Type::HTTPS] {
            writer.set(rtype);
            writer.record(rtype, 1 << 31, &vec![7; 65_535]);
        }
        let zone = writer.finish();
        let Found::Node(node) = zone.find(&long) else { panic!("it is there") };
        let types: Vec<Type> = node.sets().map(|set| set.rtype).collect();
        assert_eq!(types, [Type::A, Type::AAAA, Type::HTTPS]);
        let set = node.set(Type::AAAA).unwrap();
        assert_eq!((set.ttl(), set.count, set.data().next().unwrap().len()), (1 << 31, 1, 65_535));
        assert!(node.set(Type::MX).is_none() && node.set(Type(65_535)).is_none());
    }
}
