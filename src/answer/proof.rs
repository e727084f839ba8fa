//! What of a signed zone proves a negative: which NSEC or NSEC3 records an answer needs (RFC 4035 §3.1.3, RFC 5155 §7.2).

use super::message::{Full, Message, Owner, Section};
use crate::dns::name::MAX_NAME;
use crate::dns::rtype::Type;
use crate::snapshot::denial::{Denial, Nsec3, nsec_before, wildcard};
use crate::snapshot::path::Path;
use crate::snapshot::zone::{At, Node, Set, Zone};

/// Records that prove one answer. Three do, and one for each wildcard that a chain of aliases came by; resolvers follow a dozen of those.
const MAX_PROOFS: usize = 32;
/// Beyond the reach of any pointer: the name itself is to be written.
const NOWHERE: usize = usize::MAX;

/// Gathers what is to be proven while an answer is made, and shows each record once.
pub(super) struct Proof<'a> {
    zone: &'a Zone,
    /// `None`: the zone is not signed, or nobody wants to know.
    denial: Option<&'a Denial>,
    list: [Option<At>; MAX_PROOFS],
    len: usize,
    shown: usize,
}

impl<'a> Proof<'a> {
    pub(super) fn new(zone: &'a Zone, denial: Option<&'a Denial>) -> Self {
        Self { zone, denial, list: [None; MAX_PROOFS], len: 0, shown: 0 }
    }

    /// Nothing stands at `path`, whose closest encloser has `encloser` labels, and no wildcard stands in.
    #[inline]
    pub(super) fn no_name(&mut self, path: &Path, encloser: usize) {
        if let Some(denial) = self.denial {
            self.add_no_name(denial, path, encloser);
        }
    }

    /// What stands at `path` is not of the type asked for.
    #[inline]
    pub(super) fn no_data(&mut self, path: &Path) {
        self.no_data_at(path, path.count());
    }

    /// A wildcard stands in for `path`, so nothing stands there itself.
    #[inline]
    pub(super) fn expanded(&mut self, path: &Path, encloser: usize) {
        if let Some(denial) = self.denial {
            match denial {
                Denial::None => {}
                Denial::Nsec(order) => self.add(nsec_before(self.zone, order, self.relative(path, path.count()))),
                Denial::Nsec3(nsec3) => self.add(nsec3.before(&nsec3.hash(path.suffix(encloser + 1)))),
            }
        }
    }

    /// The wildcard that stands in for `path` has nothing of the type asked for. `expanded` was said before.
    pub(super) fn no_wildcard_data(&mut self, path: &Path, encloser: usize) {
        match self.denial {
            // Also where the wildcard is an empty non-terminal, although Knot and BIND leave that out: validators fail without it.
            Some(Denial::Nsec(order)) => self.add(self.nsec_wildcard(order, path, encloser)),
            Some(Denial::Nsec3(nsec3)) => {
                self.add(nsec3.at(&nsec3.hash(path.suffix(encloser))));
                let hash = nsec3.hash_wildcard(path, encloser);
                self.add(nsec3.at(&hash).or_else(|| nsec3.before(&hash)));
            }
            Some(Denial::None) | None => {}
        }
    }

    /// The delegation of suffix `depth` has no DS.
    #[inline]
    pub(super) fn no_ds(&mut self, path: &Path, depth: usize) {
        self.no_data_at(path, depth);
    }

    fn no_data_at(&mut self, path: &Path, depth: usize) {
        match self.denial {
            Some(Denial::Nsec(order)) => self.add(nsec_before(self.zone, order, self.relative(path, depth))),
            Some(Denial::Nsec3(nsec3)) => {
                // What opt-out leaves without a record of its own is proven by the one that covers it: RFC 5155 §7.2.4.
                let encloser = self.closest(nsec3, path, depth);
                if encloser < depth {
                    self.add(nsec3.before(&nsec3.hash(path.suffix(encloser + 1))));
                }
            }
            Some(Denial::None) | None => {}
        }
    }

    #[inline(never)]
    fn add_no_name(&mut self, denial: &'a Denial, path: &Path, encloser: usize) {
        match denial {
            Denial::None => {}
            Denial::Nsec(order) => {
                self.add(nsec_before(self.zone, order, self.relative(path, path.count())));
                self.add(self.nsec_wildcard(order, path, encloser));
            }
            Denial::Nsec3(nsec3) => {
                let encloser = self.closest(nsec3, path, encloser);
                self.add(nsec3.before(&nsec3.hash(path.suffix(encloser + 1))));
                self.add(nsec3.before(&nsec3.hash_wildcard(path, encloser)));
            }
        }
    }

    /// Adds the record of the longest suffix, `depth` labels at most, that has one. Gives how many labels that has.
    fn closest(&mut self, nsec3: &Nsec3, path: &Path, depth: usize) -> usize {
        let mut depth = depth;
        loop {
            let found = nsec3.at(&nsec3.hash(path.suffix(depth)));
            if found.is_some() || depth <= self.zone.labels() {
                self.add(found);
                return depth;
            }
            depth -= 1;
        }
    }

    fn nsec_wildcard(&self, order: &[At], path: &Path, encloser: usize) -> Option<At> {
        let mut name = [0; MAX_NAME + 2];
        nsec_before(self.zone, order, wildcard(self.relative(path, encloser), &mut name))
    }

    fn relative<'p>(&self, path: &'p Path, depth: usize) -> &'p [u8] {
        &path.wire()[path.start(depth)..path.start(self.zone.labels())]
    }

    /// The NSEC record of this node needs no showing.
    pub(super) fn forget(&mut self, node: Node<'_>) {
        let zone = self.zone;
        for at in &mut self.list[self.shown..self.len] {
            *at = at.filter(|&at| zone.node_at(at).name() != node.name());
        }
    }

    fn add(&mut self, at: Option<At>) {
        if at.is_some() && self.len < MAX_PROOFS && !self.list[..self.len].contains(&at) {
            self.list[self.len] = at;
            self.len += 1;
        }
    }

    /// Writes what was gathered since the last time.
    #[inline]
    pub(super) fn show(&mut self, message: &mut Message<'_>) -> Result<(), Full> {
        if self.shown < self.len { self.write(message) } else { Ok(()) }
    }

    #[inline(never)]
    fn write(&mut self, message: &mut Message<'_>) -> Result<(), Full> {
        while self.shown < self.len {
            if let Some(at) = self.list[self.shown] {
                let node = self.zone.node_at(at);
                let mut name = [0; MAX_NAME];
                let (own, apex) = (node.name(), self.zone.apex());
                name[..own.len()].copy_from_slice(own);
                name[own.len()..own.len() + apex.len()].copy_from_slice(apex);
                let owner = Owner { at: NOWHERE, name: &name[..own.len() + apex.len()] };
                let rtype = if matches!(self.denial, Some(Denial::Nsec(_))) { Type::NSEC } else { Type::NSEC3 };
                if let Some(set) = node.set(rtype) {
                    let at = message.position();
                    message.set(Section::Authority, owner, set)?;
                    // The name that was just written, however long it is.
                    let owner = Owner { at: message.resolve(at), ..owner };
                    sign(message, Section::Authority, owner, node, set, None)?;
                }
            }
            self.shown += 1;
        }
        Ok(())
    }
}

/// The signatures of a set just written, right behind it.
#[inline(never)]
pub(super) fn sign(
    message: &mut Message<'_>,
    section: Section,
    owner: Owner<'_>,
    node: Node<'_>,
    set: Set<'_>,
    ttl: Option<u32>,
) -> Result<(), Full> {
    match node.set(Type::RRSIG) {
        Some(signatures) => message.signatures(section, owner, signatures, set.rtype, ttl),
        None => Ok(()),
    }
}

/// Of all signatures of a name those of one type, as of all types one set: the asker wants to look, not to have.
pub(super) fn first_signatures(message: &mut Message<'_>, owner: Owner<'_>, signatures: Set<'_>) -> Result<(), Full> {
    let first = signatures.data().filter_map(|data| data.first_chunk()).min();
    match first {
        Some(&covered) => message.signatures(Section::Answer, owner, signatures, Type(u16::from_be_bytes(covered)), None),
        None => Ok(()),
    }
}
