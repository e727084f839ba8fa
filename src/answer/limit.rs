//! What an answer counts as where answers of one kind to one network are counted.

use crate::dns::wire::rcode;
use crate::snapshot::path::{Path, chain};

/// Errors, and all else that no zone says: one key, for there is no end to the names that are not here.
pub(super) const NAMELESS: u64 = 0;

/// The kinds, above the 32 bits of a name's hash. The hash has no secret: who makes two names collide limits himself.
const POSITIVE: u64 = 1 << 32;
const NO_DATA: u64 = 2 << 32;
const NO_NAME: u64 = 3 << 32;
const REFERRAL: u64 = 4 << 32;

/// The name that an answer is imputed to: the question's own, unless any number of names would get the same answer.
#[derive(Clone, Copy)]
pub(super) struct Imputed {
    name: u32,
    is_referral: bool,
}

impl Imputed {
    pub(super) fn to(path: &Path) -> Self {
        Self { name: path.hash(path.count()), is_referral: false }
    }

    /// The first answer comes from the wildcard below the rightmost `depth` labels.
    pub(super) fn wildcard(path: &Path, depth: usize) -> Self {
        Self { name: chain(path.hash(depth), b"*"), is_referral: false }
    }

    /// It comes from the DNAME at the rightmost `depth` labels.
    pub(super) fn dname(path: &Path, depth: usize) -> Self {
        Self { name: path.hash(depth), is_referral: false }
    }

    /// It is the delegation there.
    pub(super) fn referral(path: &Path, depth: usize) -> Self {
        Self { name: path.hash(depth), is_referral: true }
    }

    /// The key, once all is said. Names that do not exist are imputed to their zone's apex.
    #[inline]
    pub(super) fn key(self, rcode: u16, has_answers: bool, apex: u32) -> u64 {
        let name = u64::from(self.name);
        match rcode {
            rcode::NOERROR | rcode::NXDOMAIN if has_answers => POSITIVE | name,
            rcode::NOERROR if self.is_referral => REFERRAL | name,
            rcode::NOERROR => NO_DATA | name,
            rcode::NXDOMAIN => NO_NAME | u64::from(apex),
            _ => NAMELESS,
        }
    }
}
