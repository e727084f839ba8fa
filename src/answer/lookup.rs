//! The algorithm of RFC 1034 §4.3.2 with wildcards (RFC 4592) and DNAME (RFC 6672), inside one zone.

use super::message::{Full, Message, Owner, Section};
use super::shape::shape;
use crate::dns::name::MAX_NAME;
use crate::dns::rtype::Type;
use crate::dns::wire::{HEADER, Header, Question, rcode};
use crate::snapshot::path::Path;
use crate::snapshot::zone::{Found, Node, Set, Zone, flag};

/// CNAMEs and DNAMEs followed for one question. Real chains have three; the bound keeps one question from costing as much as a thousand.
const MAX_HOPS: usize = 128;
/// Names of one RRset looked at for additional addresses: as many as a message can hold, at 16 bytes a record.
const MAX_TARGETS: usize = 4096;
/// So many take no table that is worth speaking of.
const FEW_TARGETS: usize = 128;

/// Writes all sections and gives the RCODE. AA is set by the caller and cleared here for referrals.
pub(super) fn answer(zone: &Zone, path: &Path, question: &Question<'_>, message: &mut Message<'_>) -> u16 {
    let mut walk = Walk { zone, qtype: question.qtype, message };
    match walk.run(path, question.name) {
        Ok(rcode) => rcode,
        Err(Cut { rcode }) => {
            walk.message.set_flag(Header::TC);
            rcode
        }
    }
}

/// Something that had to be in the answer did not fit.
struct Cut {
    rcode: u16,
}

impl From<Full> for Cut {
    fn from(_: Full) -> Self {
        Self { rcode: rcode::NOERROR }
    }
}

struct Walk<'a, 'm, 'o> {
    zone: &'a Zone,
    qtype: Type,
    message: &'m mut Message<'o>,
}

/// The name being looked up: the question's, or where a chain has led.
struct Current {
    path: Path,
    wire: [u8; MAX_NAME],
    at: usize,
}

impl Current {
    fn name(&self) -> &[u8] {
        &self.wire[..self.path.wire().len()]
    }

    fn owner(&self) -> Owner<'_> {
        Owner { at: self.at, name: self.name() }
    }

    /// In place: a path is large. `target` is a valid name.
    fn become_target(&mut self, target: &[u8], at: usize) {
        self.path.fill(target);
        self.wire[..target.len()].copy_from_slice(target);
        self.at = at;
    }
}

/// Names and DNAMEs a chain has been through.
struct Trail {
    hops: usize,
    hashes: [u32; MAX_HOPS],
    lengths: [u8; MAX_HOPS],
    renames: usize,
    dnames: [u32; MAX_HOPS],
}

impl Trail {
    const EMPTY: Self = Self { hops: 0, hashes: [0; MAX_HOPS], lengths: [0; MAX_HOPS], renames: 0, dnames: [0; MAX_HOPS] };

    /// False when the name was there before, or the trail is too long.
    fn enter(&mut self, path: &Path) -> bool {
        let (hash, len) = (path.hash(path.count()), path.wire().len() as u8);
        let known = (0..self.hops).any(|n| self.hashes[n] == hash && self.lengths[n] == len);
        if known || self.hops == MAX_HOPS {
            return false;
        }
        (self.hashes[self.hops], self.lengths[self.hops]) = (hash, len);
        self.hops += 1;
        true
    }

    fn has_renamed(&self, node: Node<'_>) -> bool {
        self.dnames[..self.renames].contains(&node.at())
    }

    fn rename(&mut self, node: Node<'_>) {
        self.dnames[self.renames] = node.at();
        self.renames += 1;
    }
}

impl<'a> Walk<'a, '_, '_> {
    /// The usual cases: one look-up, and the name of the question stays where it is.
    fn run(&mut self, path: &Path, name: &[u8]) -> Result<u16, Cut> {
        let owner = Owner { at: HEADER, name };
        match self.zone.find(path) {
            Found::Node(node) if !self.is_cut(node) => {
                if let Some(set) = self.own_set(node) {
                    self.positive(owner, path, set)?;
                    return Ok(rcode::NOERROR);
                }
                if node.flags() & flag::CNAME == 0 {
                    return self.negative(owner, path, rcode::NOERROR);
                }
            }
            Found::Missing(encloser, _) if encloser.flags() & flag::HAS_WILDCARD == 0 => {
                return self.negative(owner, path, rcode::NXDOMAIN);
            }
            Found::Node(node) => return self.referral(owner, path, node, path.count()),
            Found::Covered(node, depth) if node.flags() & flag::CUT != 0 => return self.referral(owner, path, node, depth),
            _ => {}
        }
        self.chase(path, name)
    }

    /// Wildcards, CNAMEs and DNAMEs: the name of the question may not be the last one.
    #[inline(never)]
    fn chase(&mut self, path: &Path, name: &[u8]) -> Result<u16, Cut> {
        self.message.remember_question(path);
        let mut current = Current { path: path.clone(), wire: [0; MAX_NAME], at: HEADER };
        current.wire[..name.len()].copy_from_slice(name);
        let mut trail = Trail::EMPTY;
        while trail.enter(&current.path) {
            let done = match self.zone.find(&current.path) {
                // The DNAME asked for is the one that led here.
                Found::Node(node) if self.qtype == Type::DNAME && trail.has_renamed(node) => Some(rcode::NOERROR),
                Found::Node(node) if self.is_cut(node) => {
                    return self.referral(current.owner(), &current.path, node, current.path.count());
                }
                Found::Covered(node, depth) if node.flags() & flag::CUT != 0 => {
                    return self.referral(current.owner(), &current.path, node, depth);
                }
                Found::Covered(node, depth) => {
                    let is_first = !trail.has_renamed(node);
                    trail.rename(node);
                    self.dname(&mut current, node, depth, is_first)?
                }
                Found::Node(node) => self.at_node(&mut current, node)?,
                Found::Missing(encloser, depth) => match self.zone.wildcard(encloser, &current.path, depth) {
                    Some(node) => self.at_node(&mut current, node)?,
                    None => return self.negative(current.owner(), &current.path, rcode::NXDOMAIN),
                },
            };
            if let Some(rcode) = done {
                return Ok(rcode);
            }
            if !self.is_inside(&current.path) {
                break;
            }
        }
        Ok(rcode::NOERROR)
    }

    /// A node that answers for `current`: its own, or the wildcard that covers it. `None`: there is a CNAME to follow.
    fn at_node(&mut self, current: &mut Current, node: Node<'a>) -> Result<Option<u16>, Cut> {
        if let Some(set) = self.own_set(node) {
            self.positive(current.owner(), &current.path, set)?;
            return Ok(Some(rcode::NOERROR));
        }
        let Some(set) = node.set(Type::CNAME) else {
            return self.negative(current.owner(), &current.path, rcode::NOERROR).map(Some);
        };
        let at = self.message.position();
        self.message.set(Section::Answer, current.owner(), set)?;
        let Some(target) = set.data().next() else { return Ok(Some(rcode::NOERROR)) };
        current.become_target(target, self.message.resolve(self.message.data_at(at)));
        Ok(None)
    }

    #[inline]
    fn positive(&mut self, owner: Owner<'_>, path: &Path, set: Set<'a>) -> Result<(), Cut> {
        let shape = shape(set.rtype);
        if shape.compress || shape.address {
            self.message.remember_question(path);
        }
        let at = self.message.position();
        self.message.set(Section::Answer, owner, set)?;
        if shape.address && self.qtype != Type::ANY {
            self.target_addresses(at, set);
        }
        Ok(())
    }

    /// What the node itself has for the question, CNAMEs to follow aside.
    #[inline]
    fn own_set(&self, node: Node<'a>) -> Option<Set<'a>> {
        if self.qtype == Type::ANY {
            // One RRset is answer enough: RFC 8482 §4.1.
            return node.sets().next();
        }
        node.set(self.qtype)
    }

    /// The parent side answers DS itself; everything else at a cut belongs to the child.
    #[inline]
    fn is_cut(&self, node: Node<'_>) -> bool {
        node.flags() & flag::CUT != 0 && self.qtype != Type::DS
    }

    fn is_inside(&self, path: &Path) -> bool {
        path.count() >= self.zone.labels() && path.suffix(self.zone.labels()) == self.zone.apex()
    }

    /// The name is left at the one made from the DNAME, unless that is too long: then the RCODE says so.
    /// A DNAME that renames twice is shown once.
    fn dname(&mut self, current: &mut Current, node: Node<'a>, depth: usize, is_first: bool) -> Result<Option<u16>, Cut> {
        let Some(set) = node.set(Type::DNAME) else { return Ok(Some(rcode::SERVFAIL)) };
        if is_first {
            self.message.set(Section::Answer, self.suffix(current.owner(), &current.path, depth), set)?;
        }
        let Some(target) = set.data().next() else { return Ok(Some(rcode::SERVFAIL)) };
        let own = current.path.start(depth);
        let len = own + target.len();
        if len > MAX_NAME {
            return Ok(Some(rcode::YXDOMAIN));
        }
        let mut wire = [0; MAX_NAME];
        wire[..own].copy_from_slice(&current.name()[..own]);
        wire[own..len].copy_from_slice(target);
        let at = self.message.position();
        self.message.cname(current.owner(), set.ttl(), &wire[..len])?;
        current.become_target(&wire[..len], self.message.resolve(self.message.data_at(at)));
        // A question for the CNAME itself is answered by the one just made.
        Ok((self.qtype == Type::CNAME).then_some(rcode::NOERROR))
    }

    fn negative(&mut self, owner: Owner<'_>, path: &Path, rcode: u16) -> Result<u16, Cut> {
        self.message.remember_question(path);
        let Some(soa) = self.zone.apex_node().set(Type::SOA) else { return Ok(rcode::SERVFAIL) };
        let minimum = soa.data().next().and_then(|data| data.last_chunk()).map_or(0, |last| u32::from_be_bytes(*last));
        let owner = self.suffix(owner, path, self.zone.labels());
        match self.message.set_with_ttl(Section::Authority, owner, soa, soa.ttl().min(minimum)) {
            Ok(()) => Ok(rcode),
            Err(Full) => Err(Cut { rcode }),
        }
    }

    /// The rightmost `depth` labels of a name that stands in the message.
    fn suffix<'c>(&self, owner: Owner<'c>, path: &Path, depth: usize) -> Owner<'c> {
        let at = self.message.suffix_at(owner.at, path.count() - depth);
        Owner { at, name: &owner.name[path.start(depth)..] }
    }

    fn referral(&mut self, owner: Owner<'_>, path: &Path, node: Node<'a>, depth: usize) -> Result<u16, Cut> {
        self.message.remember_question(path);
        if !self.message.has_answers() {
            self.message.clear_flag(Header::AA);
        }
        let Some(set) = node.set(Type::NS) else { return Ok(rcode::SERVFAIL) };
        let owner = self.suffix(owner, path, depth);
        let at = self.message.position();
        self.message.set(Section::Authority, owner, set)?;
        self.glue(path, depth, at, set)?;
        Ok(rcode::NOERROR)
    }

    /// Addresses of the delegation's servers. Those below the cut are needed (RFC 9471): without room for them the answer is cut.
    fn glue(&mut self, path: &Path, depth: usize, at: usize, set: Set<'a>) -> Result<(), Cut> {
        for needed in [true, false] {
            self.each_target(at, set, |walk, named, place, target| {
                let is_below = named.count() >= depth && named.suffix(depth) == path.suffix(depth);
                if is_below != needed {
                    return Ok(());
                }
                match walk.zone.host(named) {
                    Some(node) => walk.addresses(place, target, node).or(if needed { Err(Full) } else { Ok(()) }),
                    None => Ok(()),
                }
            })?;
        }
        Ok(())
    }

    /// Addresses of the names an RRset points at, as far as there is room.
    fn target_addresses(&mut self, at: usize, set: Set<'a>) {
        let is_service = matches!(set.rtype, Type::SVCB | Type::HTTPS);
        let _ = self.each_target(at, set, |walk, named, place, target| {
            let Some(node) = walk.zone.host(named) else { return Ok(()) };
            if walk.addresses(place, target, node).is_ok()
                && is_service
                && let Some(service) = node.set(set.rtype)
            {
                // What an alias leads to comes along (RFC 9460 §4.1).
                let _ = walk.message.set(Section::Additional, Owner { at: place, name: target }, service);
            }
            Ok(())
        });
    }

    /// Stops at the first RRset that does not fit: half of a host's addresses would send all clients to that half.
    fn addresses(&mut self, at: usize, name: &[u8], node: Node<'a>) -> Result<(), Full> {
        for rtype in [Type::A, Type::AAAA] {
            if let Some(set) = node.set(rtype) {
                self.message.set(Section::Additional, Owner { at, name }, set)?;
            }
        }
        Ok(())
    }

    /// The names in the zone that an RRset just written at `at` points at, each once, with where it stands in the message.
    fn each_target(
        &mut self,
        at: usize,
        set: Set<'a>,
        visit: impl FnMut(&mut Self, &Path, usize, &'a [u8]) -> Result<(), Full>,
    ) -> Result<(), Full> {
        if usize::from(set.count) <= FEW_TARGETS {
            return self.targets(at, set, &mut [0; 2 * FEW_TARGETS], visit);
        }
        self.many_targets(at, set, visit)
    }

    #[inline(never)]
    fn many_targets(
        &mut self,
        at: usize,
        set: Set<'a>,
        visit: impl FnMut(&mut Self, &Path, usize, &'a [u8]) -> Result<(), Full>,
    ) -> Result<(), Full> {
        self.targets(at, set, &mut [0; 2 * MAX_TARGETS], visit)
    }

    /// `seen` is a table of hashes, zero where empty, with twice as many places as there are records.
    #[inline]
    fn targets(
        &mut self,
        mut at: usize,
        set: Set<'a>,
        seen: &mut [u32],
        mut visit: impl FnMut(&mut Self, &Path, usize, &'a [u8]) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let shape = shape(set.rtype);
        let mut path = Path::ROOT;
        for data in set.data().take(seen.len() / 2) {
            let start = self.message.data_at(at);
            at = start + self.message.data_len(start);
            let target = &data[usize::from(shape.skip)..];
            let target = &target[..crate::dns::name::wire_len(target).unwrap_or(0)];
            if !path.fill(target) || !self.is_inside(&path) || !is_new(seen, path.hash(path.count()).max(1)) {
                continue;
            }
            let stands = self.message.resolve(start + usize::from(shape.skip));
            let place = if shape.compress { stands } else { self.message.note(&path, stands) };
            visit(self, &path, place, target)?;
        }
        Ok(())
    }
}

fn is_new(seen: &mut [u32], hash: u32) -> bool {
    let mask = seen.len() - 1;
    let mut slot = hash as usize & mask;
    while seen[slot] != 0 {
        if seen[slot] == hash {
            return false;
        }
        slot = (slot + 1) & mask;
    }
    seen[slot] = hash;
    true
}
