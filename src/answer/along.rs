//! What goes along with an answer: glue, and the addresses of names that it points at.

use super::lookup::{Cut, Walk};
use super::message::{Full, Owner, Section};
use super::proof;
use super::shape::shape;
use crate::dns::rtype::Type;
use crate::snapshot::path::Path;
use crate::snapshot::zone::{Node, Set};

/// Names of one RRset looked at for additional addresses: as many as a message can hold, at 16 bytes a record.
const MAX_TARGETS: usize = 4096;
/// So many take no table that is worth speaking of.
const FEW_TARGETS: usize = 128;

/// Which of an RRset's targets have all their addresses in the message. Beyond the first hundred there is no room for signatures.
struct Written(u128);

impl Written {
    fn note(&mut self, nth: u32, put: Result<(), Full>) {
        if put.is_ok() {
            self.0 |= 1u128.checked_shl(nth).unwrap_or(0);
        }
    }

    fn has(&self, nth: u32) -> bool {
        self.0 & 1u128.checked_shl(nth).unwrap_or(0) != 0
    }
}

impl<'a> Walk<'a, '_, '_, '_> {
    /// Addresses of the delegation's servers. Those below the cut are needed (RFC 9471): without room for them the answer is cut.
    pub(super) fn glue(&mut self, path: &Path, depth: usize, at: usize, set: Set<'a>) -> Result<(), Cut> {
        let mut written = Written(0);
        for needed in [true, false] {
            let mut nth = 0;
            self.each_target(at, set, |walk, named, place, target| {
                nth += 1;
                let is_below = named.count() >= depth && named.suffix(depth) == path.suffix(depth);
                if is_below != needed {
                    return Ok(());
                }
                match walk.zone.host(named) {
                    Some(node) => {
                        let put = walk.addresses(place, target, node);
                        written.note(nth, put);
                        if needed { put } else { Ok(()) }
                    }
                    None => Ok(()),
                }
            })?;
        }
        if self.denial.is_some() {
            self.sign_targets(at, set, &written);
        }
        Ok(())
    }

    /// Addresses of the names an RRset points at, as far as there is room.
    pub(super) fn target_addresses(&mut self, at: usize, set: Set<'a>) {
        let is_service = matches!(set.rtype, Type::SVCB | Type::HTTPS);
        let (mut written, mut nth) = (Written(0), 0);
        let _ = self.each_target(at, set, |walk, named, place, target| {
            nth += 1;
            let Some(node) = walk.zone.host(named) else { return Ok(()) };
            let mut put = walk.addresses(place, target, node);
            if put.is_ok()
                && is_service
                && let Some(service) = node.set(set.rtype)
            {
                // What an alias leads to comes along (RFC 9460 §4.1).
                put = walk.message.set(Section::Additional, Owner { at: place, name: target }, service);
            }
            written.note(nth, put);
            Ok(())
        });
        if self.denial.is_some() {
            self.sign_targets(at, set, &written);
        }
    }

    /// Signatures of the additional section, once all that they sign is in it and as far as there is room (RFC 4035 §3.1.1).
    #[inline(never)]
    fn sign_targets(&mut self, at: usize, set: Set<'a>, written: &Written) {
        let service = matches!(set.rtype, Type::SVCB | Type::HTTPS).then_some(set.rtype);
        let mut nth = 0;
        let _ = self.each_target(at, set, |walk, named, place, target| {
            nth += 1;
            let Some(node) = walk.zone.host(named).filter(|_| written.has(nth)) else { return Ok(()) };
            for set in [Some(Type::A), Some(Type::AAAA), service].into_iter().flatten().filter_map(|rtype| node.set(rtype)) {
                proof::sign(walk.message, Section::Additional, Owner { at: place, name: target }, node, set, None)?;
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
