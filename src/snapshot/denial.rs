//! What proves that a signed zone does not hold something: its NSEC owners in the order of names, or its NSEC3 owners in the order of hashes.

use super::path::Path;
use super::zone::{At, Zone};
use crate::dns::name::{MAX_LABELS, MAX_NAME};
use sha1::{Digest, Sha1};
use std::cmp::Ordering;

/// SHA-1, the only hash NSEC3 has (RFC 5155 §11).
pub const HASH: usize = 20;
/// Each round is work for every negative answer. RFC 5155 §10.3 allows no more for any key; RFC 9276 §3.1 wants none at all.
pub const MAX_ITERATIONS: u16 = 2500;

pub type Hash = [u8; HASH];

/// How a signed zone denies.
#[derive(Debug)]
pub enum Denial {
    /// Signatures without a chain: nothing can be proven.
    None,
    /// Nodes that own an NSEC record, in canonical order; the apex is the first.
    Nsec(Box<[At]>),
    Nsec3(Nsec3),
}

#[derive(Debug)]
pub struct Nsec3 {
    rule: HashRule,
    /// In ascending order, each with the node that holds its record. That node is not found by name (RFC 5155 §7.2.8).
    owners: Box<[(Hash, At)]>,
}

/// How names are hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashRule {
    pub iterations: u16,
    pub salt: Box<[u8]>,
}

impl HashRule {
    /// The rule that the data of an NSEC3 or NSEC3PARAM record gives: hash, flags, iterations, salt. `None` if its hash is unknown.
    pub fn of(rdata: &[u8]) -> Option<Self> {
        let &[1, _, high, low, salt] = rdata.first_chunk()? else { return None };
        Some(Self { iterations: u16::from_be_bytes([high, low]), salt: rdata.get(5..5 + usize::from(salt))?.into() })
    }

    /// The hash of a name in wire form and lower case.
    pub fn hash(&self, name: &[u8]) -> Hash {
        let mut hash: Hash = Sha1::new_with_prefix(name).chain_update(&self.salt).finalize().into();
        for _ in 0..self.iterations {
            hash = Sha1::new_with_prefix(hash).chain_update(&self.salt).finalize().into();
        }
        hash
    }
}

impl Denial {
    /// `owners` in any order.
    pub fn nsec3(rule: HashRule, mut owners: Vec<(Hash, At)>) -> Self {
        owners.sort_unstable_by_key(|owner| owner.0);
        Self::Nsec3(Nsec3 { rule, owners: owners.into() })
    }

    /// Bytes of memory beside the zone's.
    pub fn memory(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Nsec(order) => size_of_val(&**order),
            Self::Nsec3(nsec3) => size_of_val(&*nsec3.owners),
        }
    }
}

impl Nsec3 {
    pub fn hash(&self, name: &[u8]) -> Hash {
        self.rule.hash(name)
    }

    /// The `*` below suffix `depth` of `path`, hashed.
    pub fn hash_wildcard(&self, path: &Path, depth: usize) -> Hash {
        let mut name = [0; MAX_NAME + 2];
        self.hash(wildcard(path.suffix(depth), &mut name))
    }

    pub fn at(&self, hash: &Hash) -> Option<At> {
        self.owners.binary_search_by_key(&hash, |owner| &owner.0).ok().map(|n| self.owners[n].1)
    }

    /// The owner that covers a hash: the one before it, round the end if there is none.
    pub fn before(&self, hash: &Hash) -> Option<At> {
        let n = self.owners.partition_point(|owner| owner.0 <= *hash);
        n.checked_sub(1).map_or(self.owners.last(), |n| self.owners.get(n)).map(|owner| owner.1)
    }
}

/// The NSEC owner that is `name` (relative to the apex, lower case), or the last one before it.
pub fn nsec_before(zone: &Zone, order: &[At], name: &[u8]) -> Option<At> {
    let n = order.partition_point(|&at| canonical(zone.node_at(at).name(), name) != Ordering::Greater);
    n.checked_sub(1).map_or(order.last(), |n| order.get(n)).copied()
}

/// `*` before `name`, in `space`.
pub fn wildcard<'s>(name: &[u8], space: &'s mut [u8; MAX_NAME + 2]) -> &'s [u8] {
    space[..2].copy_from_slice(b"\x01*");
    space[2..2 + name.len()].copy_from_slice(name);
    &space[..2 + name.len()]
}

/// The order of names (RFC 4034 §6.1); both in lower case, relative to one apex.
pub fn canonical(a: &[u8], b: &[u8]) -> Ordering {
    let (starts_a, count_a) = starts(a);
    let (starts_b, count_b) = starts(b);
    let label = |name: &'_ [u8], at: u8| -> std::ops::Range<usize> {
        let at = usize::from(at);
        at + 1..at + 1 + usize::from(name[at])
    };
    for n in 1..=count_a.min(count_b) {
        let ours = &a[label(a, starts_a[count_a - n])];
        let theirs = &b[label(b, starts_b[count_b - n])];
        match ours.cmp(theirs) {
            Ordering::Equal => {}
            other => return other,
        }
    }
    count_a.cmp(&count_b)
}

/// Where the labels start, and how many there are.
fn starts(name: &[u8]) -> ([u8; MAX_LABELS], usize) {
    let mut starts = [0; MAX_LABELS];
    let (mut at, mut count) = (0, 0);
    while at < name.len() {
        starts[count] = at as u8;
        count += 1;
        at += 1 + usize::from(name[at]);
    }
    (starts, count)
}

/// The hash that the first label of an NSEC3 owner spells: base32hex without padding, any letter case.
pub fn owner_hash(label: &[u8]) -> Option<Hash> {
    let label: &[u8; 32] = label.try_into().ok()?;
    let mut hash = [0; HASH];
    for (out, text) in hash.as_chunks_mut::<5>().0.iter_mut().zip(label.as_chunks::<8>().0) {
        let mut bits = 0u64;
        for byte in text {
            let digit = match byte.to_ascii_lowercase() {
                digit @ b'0'..=b'9' => digit - b'0',
                digit @ b'a'..=b'v' => digit - b'a' + 10,
                _ => return None,
            };
            bits = bits << 5 | u64::from(digit);
        }
        out.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::name::Name;

    fn wire(text: &str) -> Vec<u8> {
        Name::parse(text).unwrap().wire().to_ascii_lowercase()
    }

    #[test]
    fn hashes_of_rfc_5155() {
        let rule = HashRule::of(&[1, 0, 0, 12, 4, 0xaa, 0xbb, 0xcc, 0xdd]).unwrap();
        for (name, hash) in [
            ("example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
            ("a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
            ("*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
            ("x.y.w.example", "2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S"),
        ] {
            assert_eq!(Some(rule.hash(&wire(name))), owner_hash(hash.as_bytes()), "{name}");
        }
        assert_eq!(HashRule::of(&[2, 0, 0, 12, 0]), None);
        assert_eq!(HashRule::of(&[1, 0, 0, 12, 4, 0]), None);
        assert_eq!(owner_hash(b"0p9mhaveqvm6t7vbl5lop2u3t2rp3tow"), None);
        assert_eq!(owner_hash(b"short"), None);
    }

    #[test]
    fn order_is_canonical() {
        let sorted = ["", "a", "yljkjljk.a", "Z.a", "zABC.a", "z", "\\001.z", "*.z", "\\200.z"];
        let names: Vec<Vec<u8>> =
            sorted.iter().map(|text| if text.is_empty() { Vec::new() } else { wire(text)[..wire(text).len() - 1].to_vec() }).collect();
        for (i, a) in names.iter().enumerate() {
            for (j, b) in names.iter().enumerate() {
                assert_eq!(canonical(a, b), i.cmp(&j), "{} {}", sorted[i], sorted[j]);
            }
        }
    }
}
