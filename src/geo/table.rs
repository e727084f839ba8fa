//! The runs of one family, whichever way they are kept.

use std::fmt::Debug;

use super::flat::Flat;
use super::packed::Packed;

/// What ranges can hold. The default stands for "nothing known".
pub trait Value: Copy + Eq + Default + Debug {
    /// Never a value: where it stands in the table of IPv6, the answer lies in the table of deep networks.
    const MARK: Self;
    type Table<K: Key>: Table<K, Self>;
}

/// Few values, looked up for every query: quick.
impl Value for u16 {
    const MARK: Self = u16::MAX;
    type Table<K: Key> = Flat<K, Self>;
}

/// Numbers of the cells of an atlas, of which there may be millions, and which are looked up where a chart does not know enough: small.
impl Value for u32 {
    const MARK: Self = u32::MAX;
    type Table<K: Key> = Packed<K>;
}

/// An address of IPv4, or the upper half of one of IPv6.
pub trait Key: Copy + Ord + Debug + Into<u64> {
    const ZERO: Self;
    /// The upper `bits` bits of where the family's addresses really lie.
    fn slot(self, bits: u32) -> usize;
    /// The key so far after this one, which there is.
    fn after(self, gap: u64) -> Self;
}

impl Key for u32 {
    const ZERO: Self = 0;

    #[inline]
    fn slot(self, bits: u32) -> usize {
        self.checked_shr(32 - bits).unwrap_or(0) as usize
    }

    #[inline]
    fn after(self, gap: u64) -> Self {
        self + gap as u32
    }
}

impl Key for u64 {
    const ZERO: Self = 0;

    /// All addresses given out so far begin with the bits 001; the others go to the slots at the ends.
    #[inline]
    fn slot(self, bits: u32) -> usize {
        const GIVEN_OUT: u64 = 0x2000 << 48;
        let slot = self.saturating_sub(GIVEN_OUT).checked_shr(61 - bits).unwrap_or(0);
        slot.min((1 << bits) - 1) as usize
    }

    #[inline]
    fn after(self, gap: u64) -> Self {
        self + gap
    }
}

/// A run goes from its start to before the next one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<K, V> {
    pub start: K,
    /// None for the last one.
    pub next: Option<K>,
    pub value: V,
}

/// Runs in ascending order; the first begins at zero.
pub trait Table<K, V: Default + PartialEq>: Clone + Default {
    /// The starts ascend.
    fn push(&mut self, start: K, value: V);
    /// Nothing is pushed any more; before this nothing is found.
    fn close(&mut self);
    /// The run a key lies in.
    fn find(&self, key: K) -> Run<K, V>;
    fn runs(&self) -> impl Iterator<Item = (K, V)>;
    /// The one value of all keys, if there is only one.
    fn only(&self) -> Option<V>;
    /// Nothing is known about any key.
    #[inline]
    fn is_empty(&self) -> bool {
        self.only() == Some(V::default())
    }
    /// In bytes.
    fn memory(&self) -> usize;
}

/// Collects the runs of a table: equal neighbours become one.
pub(super) struct Rows<K: Key, V: Value> {
    last: Option<(K, V)>,
    table: V::Table<K>,
}

impl<K: Key, V: Value> Rows<K, V> {
    pub(super) fn new() -> Self {
        Self { last: None, table: V::Table::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    #[inline]
    pub(super) fn push(&mut self, start: K, value: V) {
        if self.last.is_none_or(|(_, last)| last != value) {
            debug_assert!(self.last.is_none_or(|(last, _)| last < start), "{start:?} after {:?}", self.last);
            self.table.push(start, value);
            self.last = Some((start, value));
        }
    }

    pub(super) fn finish(mut self) -> V::Table<K> {
        debug_assert!(!self.is_empty(), "a table without a run");
        self.table.close();
        self.table
    }
}
