//! A table of runs in blocks of bits: it takes a sixth of a flat one's memory, and some steps more to find anything in it.

use super::block::{self, Block, MOST};
use super::flat::Flat;
use super::table::{Key, Run, Table, Value};

#[derive(Clone)]
pub struct Packed<K: Copy> {
    /// Where each block begins: its first run, and its bits in grains.
    blocks: Flat<K, u32>,
    bits: Vec<u8>,
    /// How many runs the last block has; the others have as many as fit.
    last: usize,
    /// Added to all known values.
    by: u32,
    /// Runs that are not packed yet.
    open: Vec<(K, u32)>,
}

/// Blocks begin at multiples of so many bytes: there can be 16 GiB of them.
const GRAIN: usize = 4;

impl<K: Copy> Default for Packed<K> {
    fn default() -> Self {
        Self { blocks: Flat::default(), bits: Vec::new(), last: 0, by: 0, open: Vec::new() }
    }
}

impl<K: Key> Packed<K> {
    /// All known values become greater: different ones stay different, and none becomes unknown.
    pub(super) fn add(&mut self, by: u32) {
        self.by += by;
    }

    fn pack(&mut self) {
        let Some(&(start, _)) = self.open.first() else { return };
        self.bits.resize(self.bits.len().next_multiple_of(GRAIN), 0);
        let grain = u32::try_from(self.bits.len() / GRAIN).expect("a table of less than 16 GiB");
        self.blocks.push(start, grain);
        block::write(self.open.iter().map(|&(start, value)| (start.into(), code(value))), &mut self.bits);
        self.last = self.open.len();
        self.open.clear();
    }

    #[inline]
    fn block(&self, at: usize) -> Block<'_> {
        let count = if at + 1 == self.blocks.rows.len() { self.last } else { MOST };
        Block::new(&self.bits[self.blocks.rows[at].value as usize * GRAIN..], count)
    }

    #[inline]
    fn value(&self, code: u32) -> u32 {
        let by = if code > UNKNOWN { self.by } else { 0 };
        code.wrapping_sub(1).wrapping_add(by)
    }
}

/// What stands for a value: small numbers take few bits, and the mark is met more often than the greatest values.
fn code(value: u32) -> u32 {
    value.wrapping_add(1)
}

const UNKNOWN: u32 = 1;
const _: () = assert!(<u32 as Value>::MARK.wrapping_add(1) < UNKNOWN);

impl<K: Key> Table<K, u32> for Packed<K> {
    #[inline]
    fn push(&mut self, start: K, value: u32) {
        if self.open.len() == MOST {
            self.pack();
        }
        self.open.push((start, value));
    }

    fn close(&mut self) {
        self.pack();
        self.open = Vec::new();
        self.bits.resize(self.bits.len() + block::BEYOND, 0);
        self.bits.shrink_to_fit();
        self.blocks.close();
    }

    #[inline]
    fn find(&self, key: K) -> Run<K, u32> {
        let at = self.blocks.position(key);
        let (block, first) = (self.block(at), self.blocks.rows[at].start);
        let (number, from, to) = block.find(key.into() - first.into());
        let next = to.map(|gap| first.after(gap)).or_else(|| self.blocks.start(at + 1));
        Run { start: first.after(from), next, value: self.value(block.code(number)) }
    }

    fn runs(&self) -> impl Iterator<Item = (K, u32)> {
        (0..self.blocks.rows.len()).flat_map(move |at| {
            let first = self.blocks.rows[at].start;
            self.block(at).runs().map(move |(gap, code)| (first.after(gap), self.value(code)))
        })
    }

    fn only(&self) -> Option<u32> {
        (self.blocks.rows.len() == 1 && self.last == 1).then(|| self.find(K::ZERO).value)
    }

    fn memory(&self) -> usize {
        self.blocks.memory() + self.bits.capacity()
    }
}
