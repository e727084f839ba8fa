//! The algorithm of RFC 1034 §4.3.2 with wildcards (RFC 4592) and DNAME (RFC 6672), inside one zone.

use super::message::{Full, Message, Owner, Section};
use super::proof::{self, Proof};
use super::shape::shape;
use crate::dns::name::MAX_NAME;
use crate::dns::rtype::Type;
use crate::dns::wire::{HEADER, Header, Question, rcode};
use crate::snapshot::denial::Denial;
use crate::snapshot::path::Path;
use crate::snapshot::zone::{Found, Node, Set, Zone, flag};
use std::ops::ControlFlow;

/// CNAMEs and DNAMEs followed for one question. Real chains have three; the bound keeps one question from costing as much as a thousand.
const MAX_HOPS: usize = 128;
/// Names looked at for additional addresses. More do not fit into any answer a resolver has use for.
const MAX_TARGETS: usize = 128;

/// Writes all sections and gives the RCODE. AA is set by the caller and cleared here for referrals. `dnssec`: with signatures and proofs, if the zone has any.
pub(super) fn answer(zone: &Zone, path: &Path, question: &Question<'_>, dnssec: bool, message: &mut Message<'_>) -> u16 {
    let denial = if dnssec { zone.denial() } else { None };
    let mut walk = Walk { zone, qtype: question.qtype, denial, message };
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
    /// Present where the answer is to be signed.
    denial: Option<&'a Denial>,
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
}

impl<'a> Walk<'a, '_, '_> {
    fn run(&mut self, path: &Path, name: &[u8]) -> Result<u16, Cut> {
        // The usual case first: a name that exists, without copying it.
        if let Found::Node(node) = self.zone.find(path)
            && !self.is_cut(node)
            && let Some(set) = self.own_set(node)
        {
            let shape = shape(set.rtype);
            if shape.compress || shape.address {
                self.message.remember_question(path);
            }
            let at = self.message.position();
            self.message.set(Section::Answer, Owner { at: HEADER, name }, set)?;
            self.sign(Section::Answer, Owner { at: HEADER, name }, node, set)?;
            if shape.address && self.qtype != Type::ANY {
                self.target_addresses(at, set)?;
            }
            return Ok(rcode::NOERROR);
        }
        self.chase(path, name)
    }

    /// Everything but the usual case.
    #[inline(never)]
    fn chase(&mut self, path: &Path, name: &[u8]) -> Result<u16, Cut> {
        let mut proof = Proof::new(self.zone, self.denial);
        let rcode = self.follow_all(path, name, &mut proof)?;
        match proof.show(self.message) {
            Ok(()) => Ok(rcode),
            Err(Full) => Err(Cut { rcode }),
        }
    }

    fn follow_all(&mut self, path: &Path, name: &[u8], proof: &mut Proof<'a>) -> Result<u16, Cut> {
        self.message.remember_question(path);
        let mut current = Current { path: path.clone(), wire: [0; MAX_NAME], at: HEADER };
        current.wire[..name.len()].copy_from_slice(name);
        let mut visited = [(0u32, 0usize); MAX_HOPS];
        // DNAMEs already in the answer, by their place in the zone.
        let mut renamed: [&[u8]; MAX_HOPS] = [&[]; MAX_HOPS];
        let mut renames = 0;
        for hop in 0..MAX_HOPS {
            let next = match self.zone.find(&current.path) {
                // The DNAME asked for is the one that led here.
                Found::Node(node) if self.qtype == Type::DNAME && renamed[..renames].contains(&node.name()) => return Ok(rcode::NOERROR),
                Found::Node(node) if self.is_cut(node) => return self.referral(&current, node, current.path.count(), proof),
                Found::Covered(node, depth) if node.flags() & flag::CUT != 0 => return self.referral(&current, node, depth, proof),
                Found::Covered(node, depth) => {
                    let is_first = !renamed[..renames].contains(&node.name());
                    renamed[renames] = node.name();
                    renames += 1;
                    self.dname(&current, node, depth, is_first)?
                }
                Found::Node(node) => match self.at_node(&current, node, None, proof)? {
                    ControlFlow::Break(rcode) => return Ok(rcode),
                    ControlFlow::Continue(next) => Some(next),
                },
                Found::Missing(encloser, depth) => match self.zone.wildcard(encloser, &current.path, depth) {
                    Some(node) => match self.at_node(&current, node, Some(depth), proof)? {
                        ControlFlow::Break(rcode) => return Ok(rcode),
                        ControlFlow::Continue(next) => Some(next),
                    },
                    None => {
                        proof.no_name(&current.path, depth);
                        return self.negative(&current, rcode::NXDOMAIN, proof);
                    }
                },
            };
            let Some(next) = next else { return Ok(rcode::YXDOMAIN) };
            visited[hop] = (current.path.hash(current.path.count()), current.path.count());
            if self.qtype == Type::CNAME {
                // Made from a DNAME, and what was asked for.
                return Ok(rcode::NOERROR);
            }
            let is_back = visited[..=hop].contains(&(next.path.hash(next.path.count()), next.path.count()));
            if is_back || !self.is_inside(&next.path) {
                return Ok(rcode::NOERROR);
            }
            current = next;
        }
        Ok(rcode::NOERROR)
    }

    /// A node that answers for `current`: its own, or the wildcard at the closest encloser, which has `expanded` labels.
    fn at_node(
        &mut self,
        current: &Current,
        node: Node<'a>,
        expanded: Option<usize>,
        proof: &mut Proof<'a>,
    ) -> Result<ControlFlow<u16, Current>, Cut> {
        if let Some(encloser) = expanded {
            proof.expanded(&current.path, encloser);
        }
        if let Some(set) = self.own_set(node) {
            let at = self.message.position();
            if set.rtype == Type::NSEC && !self.message.has_answers() {
                // What proves the expansion is itself the answer.
                proof.forget(node);
            }
            self.message.set(Section::Answer, current.owner(), set)?;
            self.sign(Section::Answer, current.owner(), node, set)?;
            proof.show(self.message)?;
            if shape(set.rtype).address && self.qtype != Type::ANY {
                self.target_addresses(at, set)?;
            }
            return Ok(ControlFlow::Break(rcode::NOERROR));
        }
        // These speak of the alias itself, so it is not followed.
        let is_about_alias = matches!(self.qtype, Type::RRSIG | Type::NSEC);
        if let Some(set) = node.set(Type::CNAME).filter(|_| !is_about_alias) {
            let at = self.message.position();
            self.message.set(Section::Answer, current.owner(), set)?;
            self.sign(Section::Answer, current.owner(), node, set)?;
            if let Some(target) = set.data().next()
                && let Some(next) = self.follow(at, target)
            {
                return Ok(ControlFlow::Continue(next));
            }
            return Ok(ControlFlow::Break(rcode::NOERROR));
        }
        match expanded {
            Some(encloser) => proof.no_wildcard_data(&current.path, encloser, node),
            None => proof.no_data(&current.path),
        }
        self.negative(current, rcode::NOERROR, proof).map(ControlFlow::Break)
    }

    #[inline]
    fn sign(&mut self, section: Section, owner: Owner<'_>, node: Node<'_>, set: Set<'_>) -> Result<(), Full> {
        match self.denial {
            None => Ok(()),
            Some(_) => proof::sign(self.message, section, owner, node, set, None),
        }
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

    /// The name a CNAME record just written at `at` leads to.
    fn follow(&self, at: usize, target: &[u8]) -> Option<Current> {
        let path = Path::read(target)?;
        let mut next = Current { path, wire: [0; MAX_NAME], at: self.message.resolve(self.message.data_at(at)) };
        next.wire[..target.len()].copy_from_slice(target);
        Some(next)
    }

    /// `None` when the name made from the DNAME is too long. A DNAME that renames twice is shown once.
    fn dname(&mut self, current: &Current, node: Node<'a>, depth: usize, is_first: bool) -> Result<Option<Current>, Cut> {
        let Some(set) = node.set(Type::DNAME) else { return Ok(None) };
        let Some(target) = set.data().next() else { return Ok(None) };
        let own = current.path.start(depth);
        let len = own + target.len();
        let is_long = len > MAX_NAME;
        if is_first {
            let owner = self.suffix(current, depth);
            let put = self.message.set(Section::Answer, owner, set).and_then(|()| self.sign(Section::Answer, owner, node, set));
            put.map_err(|Full| Cut { rcode: if is_long { rcode::YXDOMAIN } else { rcode::NOERROR } })?;
        }
        if is_long {
            return Ok(None);
        }
        let mut wire = [0; MAX_NAME];
        wire[..own].copy_from_slice(&current.name()[..own]);
        wire[own..len].copy_from_slice(target);
        let at = self.message.position();
        self.message.cname(current.owner(), set.ttl(), &wire[..len])?;
        Ok(self.follow(at, &wire[..len]))
    }

    fn negative(&mut self, current: &Current, rcode: u16, proof: &mut Proof<'a>) -> Result<u16, Cut> {
        let apex = self.zone.apex_node();
        let Some(soa) = apex.set(Type::SOA) else { return Ok(rcode::SERVFAIL) };
        let minimum = soa.data().next().and_then(|data| data.last_chunk()).map_or(0, |last| u32::from_be_bytes(*last));
        let owner = self.suffix(current, self.zone.labels());
        let ttl = soa.ttl().min(minimum);
        let mut written = self.message.set_with_ttl(Section::Authority, owner, soa, ttl);
        if self.denial.is_some() {
            written = written
                .and_then(|()| proof::sign(self.message, Section::Authority, owner, apex, soa, Some(ttl)))
                .and_then(|()| proof.show(self.message));
        }
        match written {
            Ok(()) => Ok(rcode),
            Err(Full) => Err(Cut { rcode }),
        }
    }

    /// The rightmost `depth` labels of a name that stands in the message.
    fn suffix<'c>(&self, current: &'c Current, depth: usize) -> Owner<'c> {
        let at = self.message.suffix_at(current.at, current.path.count() - depth);
        Owner { at, name: &current.name()[current.path.start(depth)..] }
    }

    fn referral(&mut self, current: &Current, node: Node<'a>, depth: usize, proof: &mut Proof<'a>) -> Result<u16, Cut> {
        if !self.message.has_answers() {
            self.message.clear_flag(Header::AA);
        }
        let Some(set) = node.set(Type::NS) else { return Ok(rcode::SERVFAIL) };
        let owner = self.suffix(current, depth);
        let at = self.message.position();
        self.message.set(Section::Authority, owner, set)?;
        if self.denial.is_some() {
            match node.set(Type::DS) {
                Some(ds) => {
                    self.message.set(Section::Authority, owner, ds)?;
                    self.sign(Section::Authority, owner, node, ds)?;
                }
                None => proof.no_ds(&current.path, depth),
            }
            proof.show(self.message)?;
        }
        self.glue(&current.path, depth, at, set)?;
        Ok(rcode::NOERROR)
    }

    /// Addresses of the delegation's servers. Those below the cut are needed (RFC 9471): without room for them the answer is cut.
    fn glue(&mut self, path: &Path, depth: usize, at: usize, set: Set<'a>) -> Result<(), Cut> {
        let targets = self.targets(at, set);
        let mut complete = true;
        for needed in [true, false] {
            for &(place, target) in targets.iter() {
                let Some(named) = Path::read(target) else { continue };
                let is_below = named.count() >= depth && named.suffix(depth) == path.suffix(depth);
                if is_below != needed || !self.is_inside(&named) {
                    continue;
                }
                if let Some(node) = self.host(&named) {
                    complete &= self.addresses(place, target, node, needed)?;
                }
            }
        }
        if self.denial.is_some() && complete {
            self.sign_targets(&targets, None);
        }
        Ok(())
    }

    /// Addresses of the names an RRset points at, as far as there is room.
    fn target_addresses(&mut self, at: usize, set: Set<'a>) -> Result<(), Cut> {
        let targets = self.targets(at, set);
        // AliasMode: what the alias leads to comes along (RFC 9460 §4.1).
        let is_alias = matches!(set.rtype, Type::SVCB | Type::HTTPS) && set.data().any(|data| data.starts_with(&[0, 0]));
        let service = is_alias.then_some(set.rtype);
        let mut complete = true;
        for &(place, target) in targets.iter() {
            let Some(named) = Path::read(target).filter(|named| self.is_inside(named)) else { continue };
            let Some(node) = self.host(&named) else { continue };
            complete &= self.addresses(place, target, node, false)?;
            if let Some(service) = service.and_then(|rtype| node.set(rtype)) {
                complete &= self.message.set(Section::Additional, Owner { at: place, name: target }, service).is_ok();
            }
        }
        if self.denial.is_some() && complete {
            self.sign_targets(&targets, service);
        }
        Ok(())
    }

    /// Where the addresses of a name that others point at stand: glue counts, and so does a wildcard's offer.
    fn host(&self, path: &Path) -> Option<Node<'a>> {
        match self.zone.find(path) {
            Found::Node(node) => Some(node),
            Found::Covered(..) => self.zone.exact(path, path.count()),
            Found::Missing(encloser, depth) => self.zone.wildcard(encloser, path, depth),
        }
    }

    /// True when all of them fit.
    fn addresses(&mut self, at: usize, name: &[u8], node: Node<'a>, needed: bool) -> Result<bool, Cut> {
        let mut complete = true;
        for rtype in [Type::A, Type::AAAA] {
            if let Some(set) = node.set(rtype) {
                let put = self.message.set(Section::Additional, Owner { at, name }, set);
                if needed {
                    put?;
                }
                complete &= put.is_ok();
            }
        }
        Ok(complete)
    }

    /// Signatures in the additional section, as many as there is room for: the first thing to leave out (RFC 4035 §3.1.1).
    #[inline(never)]
    fn sign_targets(&mut self, targets: &Targets<'a>, service: Option<Type>) {
        for &(at, name) in targets.iter() {
            let Some(named) = Path::read(name).filter(|named| self.is_inside(named)) else { continue };
            let Some(node) = self.host(&named) else { continue };
            for set in [Some(Type::A), Some(Type::AAAA), service].into_iter().flatten().filter_map(|rtype| node.set(rtype)) {
                let _ = proof::sign(self.message, Section::Additional, Owner { at, name }, node, set, None);
            }
        }
    }

    /// The names an RRset just written at `at` points at, each once, with where it stands in the message.
    fn targets(&mut self, mut at: usize, set: Set<'a>) -> Targets<'a> {
        let shape = shape(set.rtype);
        let mut targets = Targets { len: 0, list: [(0, &[]); MAX_TARGETS] };
        for data in set.data() {
            let start = self.message.data_at(at);
            let target = &data[usize::from(shape.skip)..];
            let target = &target[..crate::dns::name::wire_len(target).unwrap_or(0)];
            let Some(path) = Path::read(target) else { break };
            let stands = self.message.resolve(start + usize::from(shape.skip));
            let place = if shape.compress { stands } else { self.message.note(&path, stands) };
            targets.add(place, target);
            at = start + self.message.data_len(start);
        }
        targets
    }
}

struct Targets<'a> {
    len: usize,
    list: [(usize, &'a [u8]); MAX_TARGETS],
}

impl<'a> Targets<'a> {
    fn add(&mut self, place: usize, target: &'a [u8]) {
        if self.len < MAX_TARGETS && self.iter().all(|&(other, _)| other != place) {
            self.list[self.len] = (place, target);
            self.len += 1;
        }
    }

    fn iter(&self) -> std::slice::Iter<'_, (usize, &'a [u8])> {
        self.list[..self.len].iter()
    }
}
