//! Some runs as bits, the lowest bit of each byte first.
//!
//! A head: how far the gaps between the starts are shifted (6 bits), how wide codes are (6), how wide numbers of codes are (3),
//! and for each run one bit whether its code is another one than two runs before (`MOST`): databases often tell two places in turn.
//! For each of those a bit whether the block did not have the code before; then those codes, each once; then numbers of such codes for the others.
//! Then the gaps. One of n bits has n - 1 zeros, a one, and its lower bits; lengths from `ESCAPE` on have a zero more,
//! and exactly so many zeros say that the gap comes whole: shift, length, and lower bits.

/// Runs of a block. Twice as many would take a tenth less memory, and twice as long to be searched.
pub(super) const MOST: usize = 32;
/// Bytes that may be looked at beyond the end of a block.
pub(super) const BEYOND: usize = 16;

const SHIFT: u32 = 6;
const WIDTH: u32 = 6;
const NUMBER: u32 = 3;
const HEAD: u32 = SHIFT + WIDTH + NUMBER + MOST as u32;
const ESCAPE: u32 = 3;
/// How many bits one look shows wherever it begins in a byte.
const SURE: u32 = 57;
/// Of a gap that doesn't come whole: it must be seen at one look.
const MAX_SIZE: u32 = 27;
const _: () = assert!(HEAD <= SURE && 2 * (MAX_SIZE + 1) < SURE);

/// Starts that ascend, and their codes; of the first start nothing is written.
pub(super) fn write(runs: impl Iterator<Item = (u64, u32)>, bytes: &mut Vec<u8>) {
    let (mut starts, mut codes) = ([0; MOST], [0; MOST]);
    let mut count = 0;
    for (at, (start, code)) in runs.enumerate() {
        (starts[at], codes[at]) = (start, code);
        count = at + 1;
    }
    let (starts, codes) = (&starts[..count], &codes[..count]);
    let (mut fresh, mut asked) = (0u32, 0u32);
    let (mut known, mut numbers) = (Few::new(), Few::new());
    let mut is_new = 0u32;
    for (at, code) in codes.iter().enumerate() {
        if at >= 2 && codes[at - 2] == *code {
            continue;
        }
        fresh |= 1 << at;
        match known.find(*code) {
            Some(number) => numbers.push(number),
            None => {
                is_new |= 1 << asked;
                known.push(*code);
            }
        }
        asked += 1;
    }
    let (known, numbers) = (known.list(), numbers.list());
    let width = u32::BITS - known.iter().fold(0, |all, code| all | code).leading_zeros();
    let number = usize::BITS - (known.len() - 1).leading_zeros();
    let shift = shift(starts);

    let mut bits = Bits { bytes, open: 0, count: 0 };
    for (value, size) in [(shift, SHIFT), (width, WIDTH), (number, NUMBER), (fresh, MOST as u32), (is_new, asked)] {
        bits.push(value.into(), size);
    }
    known.iter().for_each(|code| bits.push((*code).into(), width));
    numbers.iter().for_each(|of| bits.push((*of).into(), number));
    for pair in starts.windows(2) {
        bits.push_gap(pair[1] - pair[0], shift);
    }
    bits.end();
}

/// How many zeros most gaps end in.
fn shift(starts: &[u64]) -> u32 {
    let mut counts = [0u8; 64];
    for pair in starts.windows(2) {
        counts[(pair[1] - pair[0]).trailing_zeros() as usize] += 1;
    }
    (0..64).rev().max_by_key(|shift| counts[*shift as usize]).unwrap_or(0)
}

/// A list of at most so many as a block has runs.
struct Few {
    all: [u32; MOST],
    count: usize,
}

impl Few {
    fn new() -> Self {
        Self { all: [0; MOST], count: 0 }
    }

    fn push(&mut self, one: u32) {
        self.all[self.count] = one;
        self.count += 1;
    }

    /// All are compared: where the one is that is alike can't be foretold, and guessing wrong takes longer.
    fn find(&self, one: u32) -> Option<u32> {
        let alike = self.all.iter().zip(0..).fold(0u32, |alike, (other, at)| alike | u32::from(*other == one) << at);
        let at = alike.trailing_zeros();
        ((at as usize) < self.count).then_some(at)
    }

    fn list(&self) -> &[u32] {
        &self.all[..self.count]
    }
}

struct Bits<'a> {
    bytes: &'a mut Vec<u8>,
    open: u64,
    count: u32,
}

impl Bits<'_> {
    /// The lowest of a number that has no more.
    fn push(&mut self, value: u64, size: u32) {
        let room = u64::BITS - self.count;
        self.open |= value << self.count;
        self.count += size;
        if size >= room {
            self.bytes.extend_from_slice(&self.open.to_le_bytes());
            self.open = value.checked_shr(room).unwrap_or(0);
            self.count = size - room;
        }
    }

    fn push_gap(&mut self, gap: u64, shift: u32) {
        let zeros = gap.trailing_zeros();
        let shifted = gap >> shift;
        if zeros >= shift && shifted.ilog2() <= MAX_SIZE {
            let size = shifted.ilog2();
            let zeros = size + u32::from(size >= ESCAPE);
            self.push((shifted ^ 1 << size) << (zeros + 1) | 1 << zeros, zeros + 1 + size);
            return;
        }
        let odd = gap >> zeros;
        let size = odd.ilog2();
        self.push(1 << ESCAPE, ESCAPE + 1);
        self.push(zeros.into(), SHIFT);
        self.push(size.into(), SHIFT);
        self.push(odd ^ 1 << size, size);
    }

    fn end(self) {
        self.bytes.extend_from_slice(&self.open.to_le_bytes()[..self.count.div_ceil(8) as usize]);
    }
}

/// What was written, and whatever comes after it.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    bytes: &'a [u8],
    count: usize,
    shift: u32,
    width: u32,
    number: u32,
    fresh: u32,
    is_new: u32,
    /// Where the codes begin, the numbers of codes, and the gaps.
    known: u32,
    numbers: u32,
    gaps: u32,
}

impl<'a> Block<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], count: usize) -> Self {
        let head = look(bytes, 0);
        let shift = head as u32 & mask(SHIFT);
        let width = (head >> SHIFT) as u32 & mask(WIDTH);
        let number = (head >> (SHIFT + WIDTH)) as u32 & mask(NUMBER);
        let fresh = (head >> (SHIFT + WIDTH + NUMBER)) as u32;
        let asked = fresh.count_ones();
        let is_new = look(bytes, HEAD) as u32 & mask(asked);
        let known = HEAD + asked;
        let numbers = known + is_new.count_ones() * width;
        let gaps = numbers + (asked - is_new.count_ones()) * number;
        Self { bytes, count, shift, width, number, fresh, is_new, known, numbers, gaps }
    }

    /// The number of the run that goes over this distance from the first start; how far away it begins, and the next one if that is in the block.
    #[inline]
    pub(super) fn find(&self, distance: u64) -> (usize, u64, Option<u64>) {
        let (mut gaps, mut from) = (Gaps::new(self), 0);
        for number in 0..self.count - 1 {
            let to = from + gaps.next();
            if distance < to {
                return (number, from, Some(to));
            }
            from = to;
        }
        (self.count - 1, from, None)
    }

    /// The code of a run.
    #[inline]
    pub(super) fn code(&self, run: usize) -> u32 {
        let alike = (0x5555_5555 << (run & 1)) & mask(run as u32 + 1);
        let told = (self.fresh & alike).ilog2();
        let asked = (self.fresh & mask(told)).count_ones();
        let before = (self.is_new & mask(asked)).count_ones();
        match self.is_new >> asked & 1 {
            1 => self.known(before),
            _ => self.known(self.number(self.numbers + (asked - before) * self.number)),
        }
    }

    /// How far each run begins from the first, and its code.
    pub(super) fn runs(self) -> impl Iterator<Item = (u64, u32)> {
        let (mut gaps, mut from) = (Gaps::new(&self), 0);
        let (mut fresh, mut is_new) = (self.fresh, self.is_new);
        let (mut known, mut numbers) = (0, self.numbers);
        // Those of the run before, and of the one before that.
        let mut codes = (0, 0);
        (0..self.count).map(move |run| {
            if run > 0 {
                from += gaps.next();
            }
            // All ways are gone: which is the right one can't be foretold, and guessing wrong takes longer.
            let (is_told, is_first) = (fresh & 1, fresh & is_new & 1);
            let number = if is_first == 1 { known } else { self.number(numbers) };
            let told = self.known(number * is_told);
            let code = if is_told == 1 { told } else { codes.1 };
            known += is_first;
            numbers += self.number * (is_told ^ is_first);
            is_new >>= is_told;
            fresh >>= 1;
            codes = (code, codes.0);
            (from, code)
        })
    }

    #[inline]
    fn number(&self, at: u32) -> u32 {
        look(self.bytes, at) as u32 & mask(self.number)
    }

    #[inline]
    fn known(&self, number: u32) -> u32 {
        look(self.bytes, self.known + number * self.width) as u32 & mask(self.width)
    }
}

/// Reads one gap after the other. It looks at the bytes only when it has used up what it saw: each look waits for the gap before.
struct Gaps<'a> {
    bytes: &'a [u8],
    shift: u32,
    at: u32,
    seen: u64,
    left: u32,
}

impl<'a> Gaps<'a> {
    #[inline]
    fn new(block: &Block<'a>) -> Self {
        Self { bytes: block.bytes, shift: block.shift, at: block.gaps, seen: 0, left: 0 }
    }

    #[inline]
    fn next(&mut self) -> u64 {
        let mut zeros = self.seen.trailing_zeros();
        if 2 * zeros + 1 > self.left {
            (self.seen, self.left) = (look(self.bytes, self.at), SURE);
            zeros = self.seen.trailing_zeros();
        }
        if zeros == ESCAPE {
            return self.whole();
        }
        let size = zeros - u32::from(zeros > ESCAPE);
        let lower = self.seen >> (zeros + 1) & ((1 << size) - 1);
        let used = zeros + 1 + size;
        self.seen >>= used;
        self.left -= used;
        self.at += used;
        (1 << size | lower) << self.shift
    }

    #[cold]
    fn whole(&mut self) -> u64 {
        let at = self.at + ESCAPE + 1;
        let from = (at / 8) as usize;
        let mut wide = [0; 16];
        wide.copy_from_slice(&self.bytes[from..from + 16]);
        let bits = u128::from_le_bytes(wide) >> (at % 8);
        let (shift, size) = (bits as u32 & mask(SHIFT), (bits >> SHIFT) as u32 & mask(SHIFT));
        let lower = (bits >> (2 * SHIFT)) as u64 & ((1 << size) - 1);
        (self.at, self.left) = (at + 2 * SHIFT + size, 0);
        (1 << size | lower) << shift
    }
}

/// The bits from `at` on; `SURE` are sure to be there.
#[inline]
fn look(bytes: &[u8], at: u32) -> u64 {
    let from = (at / 8) as usize;
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[from..from + 8]);
    u64::from_le_bytes(word) >> (at % 8)
}

/// Ones in the lowest `size` bits, up to 32.
#[inline]
fn mask(size: u32) -> u32 {
    ((1u64 << size) - 1) as u32
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    /// What a block gives back, run by run.
    fn read(block: Block<'_>) -> Vec<(u64, u32)> {
        block.runs().collect()
    }

    fn gap() -> impl Strategy<Value = u64> {
        prop_oneof![4 => (1..9u64, 0..40u32).prop_map(|(gap, shift)| gap << shift), 2 => (1..9u64).prop_map(|gap| gap << 8), 1 => 1..1u64 << 58]
    }

    fn code() -> impl Strategy<Value = u32> {
        prop_oneof![3 => 0..4u32, 2 => 0..40_000u32, 1 => any::<u32>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        #[test]
        fn a_block_gives_back_what_was_written(first in 0..1u64 << 62, runs in vec((gap(), code()), 1..=MOST), rest in any::<[u8; BEYOND]>()) {
            let mut at = first;
            let runs: Vec<(u64, u32)> = runs.iter().enumerate().map(|(n, (gap, code))| {
                at += if n == 0 { 0 } else { *gap };
                (at, *code)
            }).collect();
            let mut bytes = vec![];
            write(runs.iter().copied(), &mut bytes);
            bytes.extend(rest);
            let block = Block::new(&bytes, runs.len());
            let distances: Vec<(u64, u32)> = runs.iter().map(|(start, code)| (start - first, *code)).collect();
            prop_assert_eq!(&read(block), &distances);
            for (n, (start, code)) in distances.iter().enumerate() {
                let next = distances.get(n + 1).map(|(next, _)| *next);
                for within in [*start, next.map_or(u64::MAX - first, |next| next - 1)] {
                    prop_assert_eq!(block.find(within), (n, *start, next));
                }
                prop_assert_eq!(block.code(n), *code);
            }
        }
    }

    #[test]
    fn the_widest_of_everything_is_read() {
        for runs in [
            vec![(0, u32::MAX)],
            vec![(0, 0), (u64::MAX, u32::MAX)],
            vec![(0, 1), (1, 2), (1 << 63, 1), (u64::MAX - 1, 2)],
            (0..MOST as u64).map(|n| (n << 59 | n, u32::MAX - n as u32)).collect(),
            (0..MOST as u64).map(|n| (n << MAX_SIZE, 7 - n as u32 % 3)).collect(),
            (0..MOST as u64).map(|n| (n << (MAX_SIZE + 1) | n & 1, n as u32 & 1)).collect(),
        ] {
            let mut bytes = vec![];
            write(runs.iter().copied(), &mut bytes);
            bytes.extend([0xff; BEYOND]);
            assert_eq!(read(Block::new(&bytes, runs.len())), runs);
        }
    }
}
