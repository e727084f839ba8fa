//! A sorted table of runs with an index of its upper bits.

use super::table::{Key, Run, Table, Value};

/// Run `at` goes from `starts[at]` to before `starts[at + 1]`.
#[derive(Clone)]
pub struct Flat<K, V> {
    pub(super) starts: Vec<K>,
    pub(super) values: Vec<V>,
    /// For each slot how many runs begin in the slots before it, and the number of all runs at the end.
    index: Vec<u32>,
    bits: u32,
}

/// A slot has so many runs or up to twice as many where they are spread evenly, which those of IPv6 are not. With half as many
/// a look-up takes a step less, and a chart a quarter more memory.
const RUNS_A_SLOT: usize = 4;
/// 16 MB, which is for more runs than the databases of all cities have.
const MAX_BITS: u32 = 22;

impl<K, V> Default for Flat<K, V> {
    fn default() -> Self {
        Self { starts: Vec::new(), values: Vec::new(), index: Vec::new(), bits: 0 }
    }
}

impl<K: Key, V: Copy> Flat<K, V> {
    /// The number of the run a key lies in.
    #[inline]
    pub(super) fn position(&self, key: K) -> usize {
        let slot = key.slot(self.bits);
        let (from, to) = (self.index[slot] as usize, self.index[slot + 1] as usize);
        from + self.starts[from..to].partition_point(|start| *start <= key) - 1
    }
}

impl<K: Key, V: Value> Table<K, V> for Flat<K, V> {
    #[inline]
    fn push(&mut self, start: K, value: V) {
        self.starts.push(start);
        self.values.push(value);
    }

    fn close(&mut self) {
        debug_assert!(self.starts.first() == Some(&K::ZERO) && self.starts.is_sorted());
        self.starts.shrink_to_fit();
        self.values.shrink_to_fit();
        self.bits = (self.starts.len() / RUNS_A_SLOT).max(1).ilog2().min(MAX_BITS);
        self.index = vec![0u32; (1 << self.bits) + 1];
        for start in &self.starts {
            self.index[start.slot(self.bits) + 1] += 1;
        }
        for slot in 1..self.index.len() {
            self.index[slot] += self.index[slot - 1];
        }
    }

    #[inline]
    fn find(&self, key: K) -> Run<K, V> {
        let at = self.position(key);
        Run { start: self.starts[at], next: self.starts.get(at + 1).copied(), value: self.values[at] }
    }

    fn runs(&self) -> impl Iterator<Item = (K, V)> {
        self.starts.iter().copied().zip(self.values.iter().copied())
    }

    #[inline]
    fn only(&self) -> Option<V> {
        match self.values[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    fn memory(&self) -> usize {
        self.starts.capacity() * size_of::<K>() + self.values.capacity() * size_of::<V>() + self.index.capacity() * size_of::<u32>()
    }
}
