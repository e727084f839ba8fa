//! Every address of both families, by ranges that have one value each.

use std::net::{IpAddr, Ipv6Addr};

use super::build::Builder;
use super::table::{Run, Table, Value};

/// Addresses of IPv6 that stand for one of IPv4, `::ffff:0:0/96`, have the value of that.
#[derive(Clone)]
pub struct Ranges<V: Value> {
    pub(super) v4: V::Table<u32>,
    pub(super) v6: Six<V>,
}

/// What is known about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit<V> {
    pub value: V,
    /// The length of the largest network around the address in which every address has this value.
    pub prefix: u8,
}

/// Networks longer than /64 are rare: the table knows the upper halves only, and marks those within which a run begins.
#[derive(Clone)]
pub(super) struct Six<V: Value> {
    pub(super) table: V::Table<u64>,
    /// All runs within the marked upper halves, each half from its first address on.
    pub(super) deep: Vec<(u128, V)>,
}

/// The first address that stands for one of IPv4.
const MAPPED: u128 = 0xffff << 32;

impl<V: Value> Default for Ranges<V> {
    fn default() -> Self {
        Builder::new().finish()
    }
}

/// The first run that begins in the slot of an address: its own, or one close by.
#[derive(Clone, Copy, Debug)]
pub enum Near {
    V4(usize),
    V6(usize),
}

/// For whoever looks ahead: an address's run and its neighbours, brought near in two steps.
impl Ranges<u16> {
    #[inline]
    pub fn near(&self, address: IpAddr) -> Near {
        match address.to_canonical() {
            IpAddr::V4(v4) => Near::V4(self.v4.near(v4.to_bits())),
            IpAddr::V6(v6) => Near::V6(self.v6.table.near((v6.to_bits() >> 64) as u64)),
        }
    }

    #[inline]
    pub fn touch(&self, near: Near) {
        match near {
            Near::V4(at) => self.v4.touch(at),
            Near::V6(at) => self.v6.table.touch(at),
        }
    }
}

impl<V: Value> Ranges<V> {
    #[inline]
    pub fn find(&self, address: IpAddr) -> Hit<V> {
        match address {
            IpAddr::V4(v4) => self.find_v4(v4.to_bits()),
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                None => self.find_v6(v6.to_bits()),
                Some(v4) => self.find_mapped(v6, v4.to_bits()),
            },
        }
    }

    /// Nothing is known about any address.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// In bytes.
    pub fn memory(&self) -> usize {
        self.v4.memory() + self.v6.table.memory() + self.v6.deep.capacity() * size_of::<(u128, V)>()
    }

    /// The runs of IPv4 in ascending order, the first from zero on.
    pub fn v4(&self) -> impl Iterator<Item = (u128, V)> {
        self.v4.runs().map(|(start, value)| (u128::from(start), value))
    }

    /// The runs of IPv6 in ascending order, the first from zero on.
    pub fn v6(&self) -> impl Iterator<Item = (u128, V)> {
        let mut last = None;
        self.v6.pieces().filter(move |(_, value)| last.replace(*value) != Some(*value))
    }

    #[inline]
    fn find_v4(&self, ip: u32) -> Hit<V> {
        let Run { start, next, value } = self.v4.find(ip);
        let before = start.checked_sub(1).map_or(0, |end| (ip ^ end).leading_zeros() + 1);
        let after = next.map_or(0, |next| (ip ^ next).leading_zeros() + 1);
        Hit { value, prefix: before.max(after) as u8 }
    }

    #[inline]
    fn find_v6(&self, ip: u128) -> Hit<V> {
        let hit = self.v6.find(ip);
        if self.v4.only() == Some(hit.value) {
            return hit;
        }
        // No network may reach over the addresses that stand for those of IPv4.
        let apart = (ip ^ MAPPED).leading_zeros() as u8 + 1;
        Hit { prefix: hit.prefix.max(apart), ..hit }
    }

    fn find_mapped(&self, v6: Ipv6Addr, ip: u32) -> Hit<V> {
        let hit = self.find_v4(ip);
        let around = self.v6.find(v6.to_bits());
        match hit.prefix == 0 && around.value == hit.value {
            true => around,
            false => Hit { prefix: 96 + hit.prefix, ..hit },
        }
    }
}

impl Ranges<u32> {
    /// All known values become greater by so much.
    pub(super) fn add(&mut self, by: u32) {
        self.v4.add(by);
        self.v6.table.add(by);
        self.v6.deep.iter_mut().filter(|(_, value)| *value != 0).for_each(|(_, value)| *value += by);
    }
}

impl<V: Value> Six<V> {
    #[inline]
    fn find(&self, ip: u128) -> Hit<V> {
        let half = (ip >> 64) as u64;
        let Run { start, next, value } = self.table.find(half);
        if value == V::MARK {
            return self.find_deep(ip);
        }
        let before = start.checked_sub(1).map_or(0, |end| (half ^ end).leading_zeros() + 1);
        let after = next.map_or(0, |next| (half ^ next).leading_zeros() + 1);
        Hit { value, prefix: before.max(after) as u8 }
    }

    /// In a marked half two values meet, so no network wider than it has only one of them.
    #[cold]
    fn find_deep(&self, ip: u128) -> Hit<V> {
        let at = self.deep.partition_point(|(start, _)| *start <= ip) - 1;
        let (start, value) = self.deep[at];
        let before = start.checked_sub(1).map_or(0, |end| (ip ^ end).leading_zeros() + 1);
        let next = self.deep.get(at + 1).map(|(next, _)| *next);
        let after = next.map_or(0, |next| (ip ^ next).leading_zeros() + 1);
        Hit { value, prefix: before.max(after) as u8 }
    }

    /// The runs, cut at the edges of marked halves.
    fn pieces(&self) -> impl Iterator<Item = (u128, V)> {
        let mut deep = &self.deep[..];
        // A run of the table follows on all deep ones before it, and some of those follow on the last.
        self.table.runs().map(Some).chain([None]).flat_map(move |run| {
            let before = run.map_or(deep.len(), |(half, _)| deep.partition_point(|(start, _)| ((start >> 64) as u64) < half));
            let (within, rest) = deep.split_at(before);
            deep = rest;
            let known = run.filter(|(_, value)| *value != V::MARK).map(|(half, value)| (u128::from(half) << 64, value));
            within.iter().copied().chain(known)
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}
