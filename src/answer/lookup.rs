//! The algorithm of RFC 1034 §4.3.2 with wildcards (RFC 4592) and DNAME (RFC 6672), inside one zone.

use super::limit::Imputed;
use super::message::{Full, Message, Owner, Section};
use super::proof::{self, Proof};
use super::shape::shape;
use super::steered::Client;
use super::trail::{Current, Trail};
use super::why::Of;
use crate::dns::name::MAX_NAME;
use crate::dns::rtype::Type;
use crate::dns::wire::{HEADER, Header, Question, rcode};
use crate::snapshot::denial::Denial;
use crate::snapshot::path::Path;
use crate::snapshot::service::Below;
use crate::snapshot::zone::{Found, Node, Set, Zone, flag};

/// Writes all sections and gives the RCODE. AA is set by the caller and cleared here for referrals. `dnssec`: with signatures and proofs, if the zone has any.
pub(super) fn answer<'a>(
    zone: &'a Zone,
    client: &mut Client<'a, '_>,
    path: &Path,
    question: &Question<'_>,
    dnssec: bool,
    message: &mut Message<'_>,
) -> u16 {
    let denial = if dnssec { zone.denial() } else { None };
    let mut walk = Walk { zone, client, qtype: question.qtype, denial, dead_ttl: None, message };
    match walk.run(path, question.name) {
        Ok(rcode) => rcode,
        Err(Cut { rcode }) => {
            walk.message.set_flag(Header::TC);
            rcode
        }
    }
}

/// Something that had to be in the answer did not fit.
pub(super) struct Cut {
    pub(super) rcode: u16,
}

impl From<Full> for Cut {
    fn from(_: Full) -> Self {
        Self { rcode: rcode::NOERROR }
    }
}

pub(super) struct Walk<'a, 'm, 'o, 'w> {
    pub(super) zone: &'a Zone,
    pub(super) client: &'m mut Client<'a, 'w>,
    pub(super) qtype: Type,
    /// Present where the answer is to be signed.
    pub(super) denial: Option<&'a Denial>,
    /// A negative answer may be believed no longer than this.
    pub(super) dead_ttl: Option<u32>,
    pub(super) message: &'m mut Message<'o>,
}

impl<'a> Walk<'a, '_, '_, '_> {
    /// The usual cases: one look-up, and the name of the question stays where it is.
    fn run(&mut self, path: &Path, name: &[u8]) -> Result<u16, Cut> {
        let owner = Owner { at: HEADER, name };
        match self.zone.find(path) {
            Found::Node(node) if !self.is_cut(node) => {
                if node.flags() & flag::STEERED != 0 && self.steer(owner, path, node)? {
                    return Ok(rcode::NOERROR);
                }
                if let Some(set) = self.own_set(node) {
                    self.positive(owner, path, node, set, None)?;
                    return Ok(rcode::NOERROR);
                }
                if node.flags() & flag::CNAME == 0 && self.denial.is_none() {
                    return self.negative(owner, path, rcode::NOERROR, None);
                }
            }
            // What must be proven takes the long way.
            _ if self.denial.is_some() => {}
            Found::Missing(encloser, depth) if self.panel_below(encloser, path, depth).is_some() => {}
            Found::Missing(encloser, _) if encloser.flags() & flag::HAS_WILDCARD == 0 => {
                return self.negative(owner, path, rcode::NXDOMAIN, None);
            }
            Found::Node(node) => return self.referral(owner, path, node, path.count(), None),
            Found::Covered(node, depth) if node.flags() & flag::CUT != 0 => return self.referral(owner, path, node, depth, None),
            _ => {}
        }
        self.chase(path, name)
    }

    /// Wildcards, CNAMEs and DNAMEs: the name of the question may not be the last one.
    #[inline(never)]
    fn chase(&mut self, path: &Path, name: &[u8]) -> Result<u16, Cut> {
        let mut proof = Proof::new(self.zone, self.denial);
        let rcode = self.chase_with(path, name, &mut proof)?;
        match proof.show(self.message) {
            Ok(()) => Ok(rcode),
            Err(Full) => Err(Cut { rcode }),
        }
    }

    fn chase_with(&mut self, path: &Path, name: &[u8], proof: &mut Proof<'a>) -> Result<u16, Cut> {
        self.message.remember_question(path);
        let mut current = Current { path: path.clone(), wire: [0; MAX_NAME], at: HEADER };
        current.wire[..name.len()].copy_from_slice(name);
        let mut trail = Trail::EMPTY;
        while trail.enter(&current.path) {
            let done = match self.zone.find(&current.path) {
                // The DNAME asked for is the one that led here.
                Found::Node(node) if self.qtype == Type::DNAME && trail.has_renamed(node) => Some(rcode::NOERROR),
                Found::Node(node) if self.is_cut(node) => {
                    return self.referral(current.owner(), &current.path, node, current.path.count(), Some(proof));
                }
                Found::Covered(node, depth) if node.flags() & flag::CUT != 0 => {
                    return self.referral(current.owner(), &current.path, node, depth, Some(proof));
                }
                Found::Covered(node, depth) => {
                    let is_first = !trail.has_renamed(node);
                    trail.rename(node);
                    self.dname(&mut current, node, depth, is_first)?
                }
                Found::Node(node) => self.at_node(&mut current, node, None, proof)?,
                Found::Missing(encloser, depth)
                    if let Some((hostname, service, below)) = self.panel_below(encloser, &current.path, depth) =>
                {
                    let set = match below {
                        Below::Nothing(member) => {
                            self.client.come_upon(hostname, Of::Panel(member));
                            return self.negative(current.owner(), &current.path, rcode::NXDOMAIN, Some(proof));
                        }
                        Below::Between => None,
                        Below::Panel(member) => {
                            self.client.come_upon(hostname, Of::Panel(member));
                            self.panel_set(service, member)
                        }
                    };
                    let Some(set) = set else {
                        return self.negative(current.owner(), &current.path, rcode::NOERROR, Some(proof));
                    };
                    self.message.set(Section::Answer, current.owner(), set)?;
                    Some(rcode::NOERROR)
                }
                Found::Missing(encloser, depth) => match self.zone.wildcard(encloser, &current.path, depth) {
                    Some(node) => self.at_node(&mut current, node, Some(depth), proof)?,
                    None => {
                        proof.no_name(&current.path, depth);
                        return self.negative(current.owner(), &current.path, rcode::NXDOMAIN, Some(proof));
                    }
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

    /// A node that answers for `current`: its own, or the wildcard below the closest encloser, which has `expanded` labels. `None`: there is a CNAME to follow.
    fn at_node(
        &mut self,
        current: &mut Current,
        node: Node<'a>,
        expanded: Option<usize>,
        proof: &mut Proof<'a>,
    ) -> Result<Option<u16>, Cut> {
        if let Some(encloser) = expanded {
            proof.expanded(&current.path, encloser);
            if !self.message.has_answers() {
                self.client.imputed = Imputed::wildcard(&current.path, encloser);
            }
        }
        if node.flags() & flag::STEERED != 0 && self.steer(current.owner(), &current.path, node)? {
            return Ok(Some(rcode::NOERROR));
        }
        if let Some(set) = self.own_set(node) {
            if set.rtype == Type::NSEC && !self.message.has_answers() {
                // What proves the expansion is itself the answer.
                proof.forget(node);
            }
            self.positive(current.owner(), &current.path, node, set, Some(proof))?;
            return Ok(Some(rcode::NOERROR));
        }
        // These two speak of the alias itself, so it is not followed.
        let is_about_alias = matches!(self.qtype, Type::RRSIG | Type::NSEC);
        let Some(set) = node.set(Type::CNAME).filter(|_| !is_about_alias) else {
            match expanded {
                Some(encloser) => proof.no_wildcard_data(&current.path, encloser),
                None => proof.no_data(&current.path),
            }
            return self.negative(current.owner(), &current.path, rcode::NOERROR, Some(proof)).map(Some);
        };
        let at = self.message.position();
        self.message.set(Section::Answer, current.owner(), set)?;
        self.sign(Section::Answer, current.owner(), node, set)?;
        let Some(target) = set.data().next() else { return Ok(Some(rcode::NOERROR)) };
        current.become_target(target, self.message.resolve(self.message.data_at(at)));
        Ok(None)
    }

    #[inline]
    fn positive(&mut self, owner: Owner<'_>, path: &Path, node: Node<'a>, set: Set<'a>, proof: Option<&mut Proof<'a>>) -> Result<(), Cut> {
        let shape = shape(set.rtype);
        if shape.compress || shape.address {
            self.message.remember_question(path);
        }
        let at = self.message.position();
        match self.denial {
            None => self.message.set(Section::Answer, owner, set)?,
            Some(_) if self.qtype == Type::RRSIG && !self.message.has_answers() => proof::first_signatures(self.message, owner, set)?,
            Some(_) => {
                self.message.set(Section::Answer, owner, set)?;
                proof::sign(self.message, Section::Answer, owner, node, set, None)?;
            }
        }
        if let Some(proof) = proof {
            proof.show(self.message)?;
        }
        if shape.address && self.qtype != Type::ANY {
            self.target_addresses(at, set);
        }
        Ok(())
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

    pub(super) fn is_inside(&self, path: &Path) -> bool {
        path.count() >= self.zone.labels() && path.suffix(self.zone.labels()) == self.zone.apex()
    }

    /// The name is left at the one made from the DNAME, unless that is too long: then the RCODE says so.
    /// A DNAME that renames twice is shown once.
    fn dname(&mut self, current: &mut Current, node: Node<'a>, depth: usize, is_first: bool) -> Result<Option<u16>, Cut> {
        let Some(set) = node.set(Type::DNAME) else { return Ok(Some(rcode::SERVFAIL)) };
        let Some(target) = set.data().next() else { return Ok(Some(rcode::SERVFAIL)) };
        let own = current.path.start(depth);
        let len = own + target.len();
        let is_long = len > MAX_NAME;
        if !self.message.has_answers() {
            self.client.imputed = Imputed::dname(&current.path, depth);
        }
        if is_first {
            let owner = self.suffix(current.owner(), &current.path, depth);
            let put = self.message.set(Section::Answer, owner, set).and_then(|()| self.sign(Section::Answer, owner, node, set));
            put.map_err(|Full| Cut { rcode: if is_long { rcode::YXDOMAIN } else { rcode::NOERROR } })?;
        }
        if is_long {
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

    #[inline]
    fn negative(&mut self, owner: Owner<'_>, path: &Path, rcode: u16, proof: Option<&mut Proof<'a>>) -> Result<u16, Cut> {
        let Some(negative) = self.zone.negative() else { return Ok(rcode::SERVFAIL) };
        let ttl = negative.ttl.min(self.dead_ttl.unwrap_or(u32::MAX));
        if self.denial.is_none() {
            // The name of the question ends where its label says; one that a chain led to may go on behind a pointer.
            let own = path.start(self.zone.labels());
            let at = if owner.at == HEADER { HEADER + own } else { self.suffix(owner, path, self.zone.labels()).at };
            if self.message.negative(negative, at, ttl).is_ok() {
                return Ok(rcode);
            }
        }
        self.proven_negative(owner, path, rcode, ttl, proof)
    }

    #[inline(never)]
    fn proven_negative(&mut self, owner: Owner<'_>, path: &Path, rcode: u16, ttl: u32, proof: Option<&mut Proof<'a>>) -> Result<u16, Cut> {
        self.message.remember_question(path);
        let apex = self.zone.apex_node();
        let Some(soa) = apex.set(Type::SOA) else { return Ok(rcode::SERVFAIL) };
        let owner = self.suffix(owner, path, self.zone.labels());
        let mut written = self.message.set_with_ttl(Section::Authority, owner, soa, ttl);
        if self.denial.is_some() {
            written = written.and_then(|()| proof::sign(self.message, Section::Authority, owner, apex, soa, Some(ttl)));
        }
        if let Some(proof) = proof {
            written = written.and_then(|()| proof.show(self.message));
        }
        match written {
            Ok(()) => Ok(rcode),
            Err(Full) => Err(Cut { rcode }),
        }
    }

    /// The rightmost `depth` labels of a name that stands in the message.
    fn suffix<'c>(&self, owner: Owner<'c>, path: &Path, depth: usize) -> Owner<'c> {
        let at = self.message.suffix_at(owner.at, path.count() - depth);
        Owner { at, name: &owner.name[path.start(depth)..] }
    }

    fn referral(&mut self, owner: Owner<'_>, path: &Path, node: Node<'a>, depth: usize, proof: Option<&mut Proof<'a>>) -> Result<u16, Cut> {
        self.message.remember_question(path);
        if !self.message.has_answers() {
            self.message.clear_flag(Header::AA);
            self.client.imputed = Imputed::referral(path, depth);
        }
        let Some(set) = node.set(Type::NS) else { return Ok(rcode::SERVFAIL) };
        let owner = self.suffix(owner, path, depth);
        let at = self.message.position();
        self.message.set(Section::Authority, owner, set)?;
        if let Some(proof) = proof.filter(|_| self.denial.is_some()) {
            match node.set(Type::DS) {
                Some(ds) => {
                    self.message.set(Section::Authority, owner, ds)?;
                    self.sign(Section::Authority, owner, node, ds)?;
                }
                None => proof.no_ds(path, depth),
            }
            proof.show(self.message)?;
        }
        self.glue(path, depth, at, set)?;
        Ok(rcode::NOERROR)
    }
}
