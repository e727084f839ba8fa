//! A name made ready for look-up: lower-cased, its labels found, every suffix hashed.

use crate::dns::name::{MAX_LABELS, MAX_NAME};

/// Names are hashed eight bytes at a time, so that many are read beyond the last one.
const PADDING: usize = 8;

/// All suffixes of one name. Suffix 0 is the root, suffix `count()` the name itself.
#[derive(Clone)]
pub struct Path {
    lower: [u8; MAX_NAME + PADDING],
    len: u8,
    count: u8,
    /// Where each label's length byte stands, the leftmost label first; then where the root stands.
    starts: [u8; MAX_LABELS],
    /// `hashes[n]` is the hash of the rightmost `n` labels, for as many as there are.
    hashes: [u32; MAX_LABELS],
}

/// The hash of no labels at all.
pub const ROOT_HASH: u32 = 0x9e37_79b9;
const M: u64 = 0x9fb2_1c65_1e98_df25;

/// The hash of a name from its parent's hash and its own first label (lower case, without the length byte).
#[inline]
pub fn chain(parent: u32, label: &[u8]) -> u32 {
    let mut hash = opened(parent, label.len());
    for chunk in label.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = fold(hash ^ u64::from_le_bytes(word), M);
    }
    closed(hash)
}

#[inline]
fn opened(parent: u32, len: usize) -> u64 {
    (u64::from(parent) << 8 | len as u64).wrapping_mul(M)
}

#[inline]
fn closed(hash: u64) -> u32 {
    let mixed = hash ^ hash >> 29;
    (mixed ^ mixed >> 32) as u32
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ (wide >> 64) as u64
}

/// Eight bytes in lower case; of the length bytes among them none is the number of a letter.
#[inline]
fn lower(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let low = word & !HIGH;
    // The high bit of each sum says that the byte is at least `A`, and more than `Z`.
    let from_a = low + ONES * (0x80 - b'A' as u64);
    let beyond_z = low + ONES * (0x7f - b'Z' as u64);
    let is_upper = from_a & !beyond_z & !word & HIGH;
    word | is_upper >> 2
}

impl std::fmt::Debug for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Path").field(&String::from_utf8_lossy(self.wire())).finish()
    }
}

impl Path {
    /// The root; for `fill`.
    pub const ROOT: Self = Self { lower: [0; MAX_NAME + PADDING], len: 1, count: 0, starts: [0; MAX_LABELS], hashes: [0; MAX_LABELS] };

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
            at += 1 + usize::from(len);
            // The root label must still fit behind it.
            if len > 63 || at >= MAX_NAME {
                return false;
            }
            count += 1;
        }
        let len = at + 1;
        self.lower_from(&wire[..len]);
        self.len = len as u8;
        self.count = count as u8;
        let mut hash = ROOT_HASH;
        self.hashes[0] = hash;
        for depth in 1..=count {
            hash = self.chained(hash, depth);
            self.hashes[depth] = hash;
        }
        true
    }

    /// In words of eight bytes: names are too short for a loop that the compiler makes wide.
    #[inline]
    fn lower_from(&mut self, wire: &[u8]) {
        let (words, rest) = wire.as_chunks::<8>();
        let mut at = 0;
        for word in words {
            self.lower[at..at + 8].copy_from_slice(&lower(u64::from_le_bytes(*word)).to_le_bytes());
            at += 8;
        }
        for (to, from) in self.lower[at..].iter_mut().zip(rest) {
            *to = from.to_ascii_lowercase();
        }
    }

    /// `chain` of the leftmost label of suffix `depth`.
    #[inline]
    fn chained(&self, parent: u32, depth: usize) -> u32 {
        let start = self.start(depth);
        let len = usize::from(self.lower[start]);
        let mut hash = opened(parent, len);
        let (mut at, mut left) = (start + 1, len);
        loop {
            let word = self.lower[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
            if left <= 8 {
                return closed(fold(hash ^ word & u64::MAX >> (64 - 8 * left as u32), M));
            }
            hash = fold(hash ^ word, M);
            (at, left) = (at + 8, left - 8);
        }
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
        // Many labels, and of all lengths.
        let mut text = String::from("x");
        for len in (1..=15).cycle().take(24) {
            text = format!("{}.{text}", "Y".repeat(len));
            let name = path(&text);
            let count = name.count();
            assert_eq!(name.hash(count), chain(name.hash(count - 1), "y".repeat(len).as_bytes()));
            assert_eq!(path(&format!("a.{text}")).hash(count), name.hash(count));
        }
    }

    #[test]
    fn every_byte_is_lowered_in_every_place() {
        for place in 0..8 {
            for byte in 0..=255u8 {
                let mut bytes = *b"A@[Zaz`{";
                bytes[place] = byte;
                assert_eq!(
                    lower(u64::from_le_bytes(bytes)).to_le_bytes(),
                    bytes.map(|byte| byte.to_ascii_lowercase()),
                    "{byte} at {place}"
                );
            }
        }
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
