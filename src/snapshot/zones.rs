//! All zones of a snapshot, found by the longest suffix of a name.

use super::path::Path;
use super::service::Services;
use super::zone::Zone;
use crate::dns::rtype::Type;
use std::sync::Arc;

/// What is said for the names of one zone.
#[derive(Clone, Debug)]
pub enum Serving {
    Zone(Arc<Zone>, Services),
    /// The zone is ours, but no sound version of it was ever read: SERVFAIL. Its apex in wire form, in lower case.
    Broken(Arc<[u8]>),
}

impl Serving {
    pub fn broken(apex: &[u8]) -> Self {
        Self::Broken(apex.to_ascii_lowercase().into())
    }

    /// In lower case.
    #[inline]
    pub fn apex(&self) -> &[u8] {
        match self {
            Self::Zone(zone, _) => zone.apex(),
            Self::Broken(apex) => apex,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Zones {
    list: Vec<Serving>,
    /// The hash of an apex, and its index in `list` plus one; 0 is empty. A power of two of them, at most half taken.
    slots: Vec<(u32, u32)>,
    /// Bit n: some zone has n labels.
    depths: u128,
}

impl Zones {
    /// No two may have one apex.
    pub fn new(list: Vec<Serving>) -> Self {
        let mut slots = vec![(0, 0u32); (list.len() * 2 + 1).next_power_of_two()];
        let mut depths = 0;
        for (n, serving) in list.iter().enumerate() {
            let path = Path::read(serving.apex()).expect("an apex is a name");
            depths |= 1u128 << path.count();
            let mask = slots.len() - 1;
            let hash = path.hash(path.count());
            let mut slot = hash as usize & mask;
            while slots[slot].1 != 0 {
                slot = (slot + 1) & mask;
            }
            slots[slot] = (hash, n as u32 + 1);
        }
        Self { list, slots, depths }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Serving> {
        self.list.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The zone with the most labels, `most` or fewer, whose apex is a suffix of `path`.
    #[inline]
    pub fn find(&self, path: &Path, most: usize) -> Option<&Serving> {
        let mut left = self.depths & (u128::MAX >> (127 - most.min(127)));
        while left != 0 {
            let depth = 127 - left.leading_zeros() as usize;
            if let Some(serving) = self.exact(path, depth) {
                return Some(serving);
            }
            left &= !(1u128 << depth);
        }
        None
    }

    /// Whose business a question is.
    #[inline]
    pub fn answering(&self, path: &Path, qtype: Type) -> Option<&Serving> {
        let serving = self.find(path, path.count());
        if qtype == Type::DS && path.count() > 0 && serving.is_some_and(|child| child.apex() == path.wire()) {
            // What the parent says of a delegation is the parent's: RFC 4035 §3.1.4.1.
            return self.find(path, path.count() - 1).or(serving);
        }
        serving
    }

    #[inline]
    fn exact(&self, path: &Path, depth: usize) -> Option<&Serving> {
        // Without any zone there are no slots.
        let mask = self.slots.len().checked_sub(1)?;
        let hash = path.hash(depth);
        let mut slot = hash as usize & mask;
        loop {
            let (known, n) = self.slots[slot];
            let serving = self.list.get((n as usize).checked_sub(1)?)?;
            if known == hash && serving.apex() == path.suffix(depth) {
                return Some(serving);
            }
            slot = (slot + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::name::Name;

    #[test]
    fn the_longest_suffix_wins() {
        let broken = |name: &str| Serving::broken(Name::parse(name).unwrap().wire());
        let zones = Zones::new(vec![broken("example"), broken("Kid.example"), broken("other.test")]);
        let find = |name: &str, most: usize| {
            let path = Path::read(Name::parse(name).unwrap().wire()).unwrap();
            zones.find(&path, most.min(path.count())).map(|s| Name::from_wire(s.apex()).unwrap().to_string())
        };
        assert_eq!(find("a.b.kid.EXAMPLE", 9).as_deref(), Some("kid.example."));
        assert_eq!(find("kid.example", 9).as_deref(), Some("kid.example."));
        assert_eq!(find("kid.example", 1).as_deref(), Some("example."));
        assert_eq!(find("notkid.example", 9).as_deref(), Some("example."));
        assert_eq!(find("test", 9), None);
        assert_eq!(find(".", 9), None);
        let all = Zones::new(vec![broken(".")]);
        let path = Path::read(Name::parse(&"a.".repeat(127)).unwrap().wire()).unwrap();
        assert!(all.find(&path, 127).is_some());
        assert!(Zones::default().find(&path, 127).is_none());
    }
}
