//! A sorted table of runs with an index of its upper bits.

use std::hint::black_box;

use super::table::{Key, Run, Table, Value};

#[derive(Clone)]
pub struct Flat<K: Copy, V: Copy> {
    pub(super) rows: Vec<Row<K, V>>,
    /// For each slot how many runs begin in the slots before it, and the number of all runs at the end.
    index: Vec<u32>,
    bits: u32,
}

/// A run and its value, side by side: one line of memory has both.
#[derive(Clone, Copy)]
#[repr(Rust, packed(2))]
pub(super) struct Row<K: Copy, V: Copy> {
    pub(super) start: K,
    pub(super) value: V,
}

/// A slot has so many runs or up to twice as many where they are spread evenly, which those of IPv6 are not. With half as many
/// a look-up takes a step less, and a chart a quarter more memory.
const RUNS_A_SLOT: usize = 4;
/// 16 MB, which is for more runs than the databases of all cities have.
const MAX_BITS: u32 = 22;

impl<K: Copy, V: Copy> Default for Flat<K, V> {
    fn default() -> Self {
        Self { rows: Vec::new(), index: Vec::new(), bits: 0 }
    }
}

impl<K: Copy, V: Copy> Row<K, V> {
    #[inline]
    fn start(&self) -> K {
        self.start
    }
}

impl<K: Key, V: Copy> Flat<K, V> {
    /// The first run that begins in the slot of a key.
    #[inline]
    pub(super) fn near(&self, key: K) -> usize {
        self.index[key.slot(self.bits)] as usize
    }

    #[inline]
    pub(super) fn touch(&self, at: usize) {
        black_box(self.start(at));
    }

    /// Where run `at` begins, if there is one.
    #[inline]
    pub(super) fn start(&self, at: usize) -> Option<K> {
        self.rows.get(at).map(Row::start)
    }

    /// The number of the run a key lies in.
    #[inline]
    pub(super) fn position(&self, key: K) -> usize {
        let slot = key.slot(self.bits);
        let (from, to) = (self.index[slot] as usize, self.index[slot + 1] as usize);
        from + self.rows[from..to].partition_point(|row| row.start() <= key) - 1
    }
}

impl<K: Key, V: Value> Table<K, V> for Flat<K, V> {
    #[inline]
    fn push(&mut self, start: K, value: V) {
        self.rows.push(Row { start, value });
    }

    fn close(&mut self) {
        debug_assert!(self.start(0) == Some(K::ZERO) && self.rows.is_sorted_by_key(|row| row.start()));
        self.rows.shrink_to_fit();
        self.bits = (self.rows.len() / RUNS_A_SLOT).max(1).ilog2().min(MAX_BITS);
        self.index = vec![0u32; (1 << self.bits) + 1];
        for row in &self.rows {
            self.index[row.start().slot(self.bits) + 1] += 1;
        }
        for slot in 1..self.index.len() {
            self.index[slot] += self.index[slot - 1];
        }
    }

    #[inline]
    fn find(&self, key: K) -> Run<K, V> {
        let at = self.position(key);
        let Row { start, value } = self.rows[at];
        Run { start, next: self.start(at + 1), value }
    }

    fn runs(&self) -> impl Iterator<Item = (K, V)> {
        self.rows.iter().map(|row| (row.start, row.value))
    }

    #[inline]
    fn only(&self) -> Option<V> {
        match self.rows[..] {
            [row] => Some(row.value),
            _ => None,
        }
    }

    fn memory(&self) -> usize {
        self.rows.capacity() * size_of::<Row<K, V>>() + self.index.capacity() * size_of::<u32>()
    }
}
