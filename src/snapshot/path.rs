//! A name made ready for look-up: lower-cased, its labels found, every suffix hashed.

use crate::dns::name::{MAX_LABELS, MAX_NAME};

/// All suffixes of one name. Suffix 0 is the root, suffix `count()` the name itself.
#[derive(Clone)]
pub struct Path {
    lower: [u8; MAX_NAME],
    len: u8,
    count: u8,
    /// Where each label's length byte stands, the leftmost label first; then where the root stands.
    starts: [u8; MAX_LABELS],
    /// `hashes[n]` is the hash of the rightmost `n` labels.
    hashes: [u32; MAX_LABELS],
}

/// The hash of no labels at all.
pub const ROOT_HASH: u32 = 0x9e37_79b9;

/// The hash of a name from its parent's hash and its own first label (lower case, without the length byte).
#[inline]
pub fn chain(parent: u32, label: &[u8]) -> u32 {
    const M: u64 = 0x9fb2_1c65_1e98_df25;
    let mut hash = (u64::from(parent) << 8 | label.len() as u64).wrapping_mul(M);
    let mut chunks = label.chunks_exact(8);
    for chunk in &mut chunks {
        hash = fold(hash ^ u64::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3], chunk[4], chunk[5], chunk[6], chunk[7]]), M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut last = 0u64;
        for &byte in rest {
            last = last << 8 | u64::from(byte);
        }
        hash = fold(hash ^ last, M);
    }
    let mixed = hash ^ hash >> 29;
    (mixed ^ mixed >> 32) as u32
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ (wide >> 64) as u64
}

impl Path {
    /// The root; for `fill`.
    pub const ROOT: Self = Self { lower: [0; MAX_NAME], len: 1, count: 0, starts: [0; MAX_LABELS], hashes: [ROOT_HASH; MAX_LABELS] };

    /// The name at the start of `wire`, uncompressed; `None` if there is no valid one.
    pub fn read(wire: &[u8]) -> Option<Self> {
        let mut path = Self::ROOT;
        path.fill(wire).then_some(path)
    }

    /// The same in place: a path is large, and moving it costs as much as making it. False leaves it of no use.
    #[inline]
    pub fn fill(&mut self, wire: &[u8]) -> bool {
        let mut at = 0usize;
        let mut count = 0usize;
        loop {
            let Some(&len) = wire.get(at) else { return false };
            self.starts[count] = at as u8;
            if len == 0 {
                break;
            }
            let end = at + 1 + usize::from(len);
            // The root label must still fit behind it.
            if len > 63 || end >= MAX_NAME {
                return false;
            }
            let Some(label) = wire.get(at + 1..end) else { return false };
            self.lower[at] = len;
            for (to, from) in self.lower[at + 1..end].iter_mut().zip(label) {
                *to = from.to_ascii_lowercase();
            }
            at = end;
            count += 1;
        }
        self.lower[at] = 0;
        self.len = at as u8 + 1;
        self.count = count as u8;
        let mut hash = ROOT_HASH;
        for depth in 1..=count {
            let start = usize::from(self.starts[count - depth]);
            let end = usize::from(self.starts[count - depth + 1]);
            hash = chain(hash, &self.lower[start + 1..end]);
            self.hashes[depth] = hash;
        }
        true
    }

    /// Labels without the root.
    #[inline]
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// Lower-case wire form, the root label included.
    #[inline]
    pub fn wire(&self) -> &[u8] {
        &self.lower[..usize::from(self.len)]
    }

    /// The rightmost `depth` labels, as wire form.
    #[inline]
    pub fn suffix(&self, depth: usize) -> &[u8] {
        &self.lower[self.start(depth)..usize::from(self.len)]
    }

    /// Where suffix `depth` starts in the wire form.
    #[inline]
    pub fn start(&self, depth: usize) -> usize {
        usize::from(self.starts[self.count() - depth])
    }

    #[inline]
    pub fn hash(&self, depth: usize) -> u32 {
        self.hashes[depth]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::name::Name;

    fn path(text: &str) -> Path {
        Path::read(Name::parse(text).unwrap().wire()).unwrap()
    }

    #[test]
    fn suffixes_hash_as_names() {
        let long = path("A.b.Panels.Example");
        for (depth, suffix) in [(0, "."), (1, "example"), (2, "panels.example"), (3, "b.panels.example"), (4, "a.b.panels.example")] {
            let short = path(suffix);
            assert_eq!(long.hash(depth), short.hash(short.count()));
            assert_eq!(long.suffix(depth), short.wire());
        }
        assert_ne!(path("ab.c").hash(2), path("a.bc").hash(2));
    }

    #[test]
    fn longest_and_too_long() {
        let longest = "a.".repeat(127);
        assert_eq!(path(&longest).count(), 127);
        assert!(Path::read(&[1; 300]).is_none());
        assert!(Path::read(b"\x03ab").is_none());
        assert!(Path::read(b"\xc0\x0c").is_none());
        assert!(Path::read(b"").is_none());
    }
}
