//! Weighted rendezvous hashing: which panel of a tier a client's network belongs to.
//!
//! Every panel bids for every slot; the best bid wins. A bid depends on nothing but the slot, the panel's name and its weight, so what happens to
//! one panel moves only the slots it wins or loses. Integers only, with a hash and a logarithm of our own: all nodes agree, whatever they run on.
//!
//! A panel's bid for a slot is −log2(u) / weight, the least one wins. u is not drawn for each slot but dealt: a permutation of the 65,536 slots, keyed
//! by the panel, gives every value once. That halves the variance of small shares, and gives each panel two slots with a bid of 0, which
//! nobody can beat: whoever has weight, however little, gets a slot, except where both of them are also best slots of panels that come
//! before it in the order of keys. A panel that has all but no weight among n others goes without by a chance of at most (n / 32,768)².

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub const SLOTS: u32 = 1 << 16;

/// A share of 1, in units of 1/65,536.
pub const WHOLE: u32 = 1 << 16;

/// Panels in one answer; more would not fit into small responses.
pub const MOST: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub u16);

impl Slot {
    /// The one of a client's network: the /24 of an IPv4 address, also of one mapped into IPv6, else the /56.
    #[inline]
    pub fn of_network(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// For choices that aren't sticky.
    #[inline]
    pub fn random(seed: u64) -> Self {
        Self::of(seed)
    }

    #[inline]
    fn of_v4(address: Ipv4Addr) -> Self {
        Self::of(u64::from(address.to_bits() >> 8) | 4 << FAMILY_BIT)
    }

    #[inline]
    fn of_v6(address: Ipv6Addr) -> Self {
        Self::of((address.to_bits() >> 72) as u64 | 6 << FAMILY_BIT)
    }

    #[inline]
    fn of(seed: u64) -> Self {
        Self((mixed(seed) >> 48) as u16)
    }
}

/// Above the 56 bits of a network.
const FAMILY_BIT: u32 = 56;

/// What a panel bids with: a hash of its name, without regard to the case of ASCII letters.
pub fn key(name: &str) -> u64 {
    // FNV-1a, whose weak upper bits the mixing mends.
    mixed(
        name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
        }),
    )
}

/// Of a panel among the others, in fixed point: 65,536 is 1, and what is more than nothing is at least one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u32);

impl Weight {
    pub const ZERO: Self = Self(0);
    pub const ONE: Self = Self(1 << 16);
    /// 10,000: with ranks below 2^29, products of the two fit into 64 bits by far.
    pub const MAX: Self = Self(10_000 << 16);

    /// What isn't from 0 to 10,000 is taken as the nearest that is.
    pub fn new(weight: f64) -> Self {
        if weight > 0.0 {
            let units = (weight * f64::from(Self::ONE.0)).round();
            Self(units.clamp(1.0, f64::from(Self::MAX.0)) as u32)
        } else {
            Self::ZERO
        }
    }

    /// A share of it, in 1/65,536.
    pub fn times(self, share: u32) -> Self {
        if self.0 == 0 || share == 0 {
            return Self::ZERO;
        }
        let units = u64::from(self.0) * u64::from(share.min(WHOLE)) / u64::from(WHOLE);
        Self((units as u32).max(1))
    }

    #[inline]
    pub fn units(self) -> u32 {
        self.0
    }

    #[inline]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// A share from 0 to 1 in units of 1/65,536; what lies between two of them is the lower one.
pub fn share(of_one: f64) -> u32 {
    (of_one.clamp(0.0, 1.0) * f64::from(WHOLE)) as u32
}

/// How far from best a slot is for the panel with this key: −log2(u) in units of 2^−24, from 0 to 17.
#[inline]
pub fn rank(slot: Slot, key: u64) -> u32 {
    distance(permuted(slot.0, key))
}

/// What a panel offers for a slot. Its weight is more than 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bid {
    pub rank: u32,
    pub weight: Weight,
    pub key: u64,
}

impl Bid {
    #[inline]
    pub fn new(slot: Slot, key: u64, weight: Weight) -> Self {
        Self { rank: rank(slot, key), weight, key }
    }

    /// Whether its rank / weight is less; equals go by their keys. An order: no two panels beat each other, and none is in a circle.
    #[inline]
    pub fn beats(&self, other: &Self) -> bool {
        let mine = u64::from(self.rank) * u64::from(other.weight.0);
        let theirs = u64::from(other.rank) * u64::from(self.weight.0);
        mine < theirs || mine == theirs && self.key < other.key
    }
}

/// Whether a tier that keeps only a share (in 1/65,536) of its clients keeps those of this slot. It keeps exactly so many slots as the share says,
/// and with a greater share also all of a smaller one.
#[inline]
pub fn keeps(slot: Slot, tier: u8, share: u32) -> bool {
    // Apart from the panels' keys, which are hashes of names.
    u32::from(permuted(slot.0, mixed(0x7469_6572_0000_0000 | u64::from(tier)))) < share
}

/// The best bids for a slot of those seen so far, the best one first.
#[derive(Clone, Debug)]
pub struct Winners {
    slot: Slot,
    bids: [(Bid, u16); MOST],
    /// How many of them there are.
    count: usize,
    most: usize,
}

impl Winners {
    /// Room for so many, not more than `MOST`.
    #[inline]
    pub fn new(slot: Slot, most: usize) -> Self {
        Self { slot, bids: [(Bid::default(), 0); MOST], count: 0, most: most.min(MOST) }
    }

    /// A panel without weight has nothing to bid with.
    #[inline]
    pub fn offer(&mut self, index: u16, key: u64, weight: Weight) {
        if weight.is_zero() || self.most == 0 {
            return;
        }
        let bid = Bid::new(self.slot, key, weight);
        if self.count < self.most {
            self.count += 1;
        } else if !bid.beats(&self.bids[self.count - 1].0) {
            return;
        }
        let mut at = self.count - 1;
        while at > 0 && bid.beats(&self.bids[at - 1].0) {
            self.bids[at] = self.bids[at - 1];
            at -= 1;
        }
        self.bids[at] = (bid, index);
    }

    pub fn indices(&self) -> impl ExactSizeIterator<Item = u16> {
        self.bids[..self.count].iter().map(|(_, index)| *index)
    }
}

/// Fills `out` with the indices of the members (index, key, weight) that win the slot, in order of preference, and tells how many there are:
/// as many as have weight, fit into `out`, and are allowed in one answer.
#[inline]
pub fn pick(slot: Slot, members: impl Iterator<Item = (u16, u64, Weight)>, out: &mut [u16]) -> usize {
    let mut winners = Winners::new(slot, out.len());
    for (index, key, weight) in members {
        winners.offer(index, key, weight);
    }
    for (place, index) in out.iter_mut().zip(winners.indices()) {
        *place = index;
    }
    winners.count
}

/// A permutation of 16 bits: each step can be undone. Good for keys that are hashes, not for small numbers.
#[inline]
fn permuted(value: u16, key: u64) -> u16 {
    let [a, b, c, d] = [key as u16, (key >> 16) as u16, (key >> 32) as u16, (key >> 48) as u16];
    let mut value = (value ^ d).wrapping_mul(a | 1);
    value ^= value >> 8;
    value = value.wrapping_mul(b | 1);
    value ^= value >> 7;
    value = value.wrapping_mul(c | 1);
    value ^ value >> 9
}

/// −log2((dealt + 1/2) / 65,536): the middle of its step, so that small shares aren't rounded up. The best two are 0, see above.
#[inline]
fn distance(dealt: u16) -> u32 {
    const FREE: u16 = u16::MAX - 1;
    let twice = u32::from(dealt) * 2 + 1;
    if dealt >= FREE { 0 } else { (17 << LOG_BITS) - log2(twice) }
}

const LOG_BITS: u32 = 24;
const STEP_BITS: u32 = 10;

/// log2 in units of 2^−24 of a number from 1 to 2^17 − 1, read from a table; between its entries the line is straight.
#[inline]
fn log2(number: u32) -> u32 {
    const WITHIN_BITS: u32 = 16 - STEP_BITS;
    let whole = number.ilog2();
    let fraction = (number << (16 - whole)) & 0xffff;
    let step = (fraction >> WITHIN_BITS) as usize;
    let (low, high) = (LOG2[step], LOG2[step + 1]);
    (whole << LOG_BITS) + low + (((high - low) * (fraction & ((1 << WITHIN_BITS) - 1))) >> WITHIN_BITS)
}

/// log2(1 + i/1024) in units of 2^−24.
static LOG2: [u32; (1 << STEP_BITS) + 1] = {
    let mut table = [0; (1 << STEP_BITS) + 1];
    let mut step = 0;
    while step < table.len() {
        table[step] = exact_log2((1 << STEP_BITS) + step as u128);
        step += 1;
    }
    table
};

/// Bit by bit: the square of a number has twice its logarithm. Only the compiler does this.
const fn exact_log2(steps: u128) -> u32 {
    const ONE: u128 = 1 << 62;
    if steps == 2 << STEP_BITS {
        return 1 << LOG_BITS;
    }
    let mut rest = steps * (ONE >> STEP_BITS);
    let mut log: u32 = 0;
    let mut bit = 0;
    // One bit more than is kept, to round by.
    while bit <= LOG_BITS {
        rest = (rest * rest) >> 62;
        log <<= 1;
        if rest >= 2 * ONE {
            rest >>= 1;
            log |= 1;
        }
        bit += 1;
    }
    (log + 1) >> 1
}

/// Every bit of the result depends on every bit given; no two seeds have the same.
#[inline]
fn mixed(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

#[cfg(test)]
mod tests;
