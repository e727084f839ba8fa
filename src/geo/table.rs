//! A sorted table of runs with an index of its upper bits.

use std::fmt::Debug;

/// What ranges can hold. The default stands for "nothing known".
pub trait Value: Copy + Eq + Default + Debug {
    /// Never a value: where it stands in the table of IPv6, the answer lies in the table of deep networks.
    const MARK: Self;
}

impl Value for u16 {
    const MARK: Self = u16::MAX;
}

impl Value for u32 {
    const MARK: Self = u32::MAX;
}

pub(super) trait Key: Copy + Ord + Debug {
    const ZERO: Self;
    /// The upper `bits` bits of where the family's addresses really lie.
    fn slot(self, bits: u32) -> usize;
}

impl Key for u32 {
    const ZERO: Self = 0;

    #[inline]
    fn slot(self, bits: u32) -> usize {
        self.checked_shr(32 - bits).unwrap_or(0) as usize
    }
}

/// The upper half of an IPv6 address.
impl Key for u64 {
    const ZERO: Self = 0;

    /// All addresses given out so far begin with the bits 001; the others go to the slots at the ends.
    #[inline]
    fn slot(self, bits: u32) -> usize {
        const GIVEN_OUT: u64 = 0x2000 << 48;
        let slot = self.saturating_sub(GIVEN_OUT).checked_shr(61 - bits).unwrap_or(0);
        slot.min((1 << bits) - 1) as usize
    }
}

/// Run `at` goes from `starts[at]` to before `starts[at + 1]`; the first begins at zero.
#[derive(Clone)]
pub(super) struct Table<K, V> {
    pub(super) starts: Vec<K>,
    pub(super) values: Vec<V>,
    /// For each slot how many runs begin in the slots before it, and the number of all runs at the end.
    index: Vec<u32>,
    bits: u32,
}

/// A slot has about so many runs where they are spread evenly, which those of IPv6 are not.
const RUNS_A_SLOT: usize = 2;
/// 16 MB: twice as much no longer pays for the full table of a city database.
const MAX_BITS: u32 = 22;

impl<K: Key, V: Value> Table<K, V> {
    pub(super) fn new(mut starts: Vec<K>, mut values: Vec<V>) -> Self {
        debug_assert!(starts.first() == Some(&K::ZERO) && starts.len() == values.len() && starts.is_sorted());
        starts.shrink_to_fit();
        values.shrink_to_fit();
        let bits = (starts.len() / RUNS_A_SLOT).next_power_of_two().ilog2().min(MAX_BITS);
        let mut index = vec![0u32; (1 << bits) + 1];
        for start in &starts {
            index[start.slot(bits) + 1] += 1;
        }
        for slot in 1..index.len() {
            index[slot] += index[slot - 1];
        }
        Self { starts, values, index, bits }
    }

    /// The number of the run a key lies in.
    #[inline]
    pub(super) fn position(&self, key: K) -> usize {
        let slot = key.slot(self.bits);
        let (from, to) = (self.index[slot] as usize, self.index[slot + 1] as usize);
        from + self.starts[from..to].partition_point(|start| *start <= key) - 1
    }

    /// The one value of all keys, if there is only one.
    #[inline]
    pub(super) fn only(&self) -> Option<V> {
        match self.values[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.only() == Some(V::default())
    }

    pub(super) fn memory(&self) -> usize {
        self.starts.capacity() * size_of::<K>() + self.values.capacity() * size_of::<V>() + self.index.capacity() * size_of::<u32>()
    }
}

/// Collects the runs of a table.
pub(super) struct Rows<K, V> {
    pub(super) starts: Vec<K>,
    pub(super) values: Vec<V>,
}

impl<K: Key, V: Value> Rows<K, V> {
    pub(super) fn new() -> Self {
        Self { starts: Vec::new(), values: Vec::new() }
    }

    #[inline]
    pub(super) fn push(&mut self, start: K, value: V) {
        if self.values.last() != Some(&value) {
            debug_assert!(self.starts.last().is_none_or(|last| *last < start), "{start:?} after {:?}", self.starts.last());
            self.starts.push(start);
            self.values.push(value);
        }
    }

    pub(super) fn finish(self) -> Table<K, V> {
        Table::new(self.starts, self.values)
    }
}
