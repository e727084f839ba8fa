//! Ranges against a list that is searched from end to end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use super::*;
use crate::document::Network;

const MAPPED: u128 = 0xffff << 32;

/// Starts and values of both families in ascending order, each from zero on.
#[derive(Clone, Debug)]
struct List {
    v4: Vec<(u128, u16)>,
    v6: Vec<(u128, u16)>,
}

impl List {
    fn new(v4: Vec<(u128, u16)>, v6: Vec<(u128, u16)>) -> Self {
        let sorted = |mut starts: Vec<(u128, u16)>| {
            starts.push((0, 0));
            // Of equal starts the first one given counts; zero was put last.
            starts.sort_by_key(|(start, _)| *start);
            starts.dedup_by_key(|(start, _)| *start);
            starts
        };
        Self { v4: sorted(v4), v6: sorted(v6) }
    }

    fn ranges<V: Value + From<u16>>(&self) -> Ranges<V> {
        let mut builder = Builder::new();
        self.v4.iter().for_each(|(start, value)| builder.push_v4(*start as u32, (*value).into()));
        self.v6.iter().for_each(|(start, value)| builder.push_v6(*start, (*value).into()));
        builder.finish()
    }

    fn value(&self, address: IpAddr) -> u16 {
        let (starts, at) = match address.to_canonical() {
            IpAddr::V4(v4) => (&self.v4, u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (&self.v6, v6.to_bits()),
        };
        starts.iter().rev().find(|(start, _)| *start <= at).unwrap().1
    }

    /// The values in a network, each at least once.
    fn values(&self, network: Network) -> Vec<u16> {
        let (first, last) = match (network.address(), network.prefix()) {
            (IpAddr::V4(v4), prefix) => {
                (u128::from(v4.to_bits()), u128::from(v4.to_bits() | u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0)))
            }
            (IpAddr::V6(v6), prefix) => (v6.to_bits(), v6.to_bits() | u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0)),
        };
        let (starts, v4) = (if network.address().is_ipv4() { &self.v4 } else { &self.v6 }, network.address().is_ipv4());
        let to = |at: u128| if v4 { IpAddr::V4((at as u32).into()) } else { IpAddr::V6(at.into()) };
        let within = starts.iter().map(|(start, _)| *start).filter(|start| (first..=last).contains(start));
        let mut values: Vec<u16> = within.chain([first, last]).map(|at| self.value(to(at))).collect();
        if !v4 {
            // What lies beside the mapped addresses, and all of those that lie in the network.
            let beside = [MAPPED - 1, MAPPED + (1 << 32)];
            values.extend(beside.into_iter().filter(|at| (first..=last).contains(at)).map(|at| self.value(to(at))));
            let mapped = self.v4.iter().map(|(start, _)| MAPPED + start).filter(|at| (first..=last).contains(at));
            values.extend(mapped.map(|at| self.value(to(at))));
        }
        values
    }

    /// The shortest prefix whose network has one value, tried one after the other.
    fn hit(&self, address: IpAddr) -> Hit<u16> {
        let value = self.value(address);
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = (0..=width).find(|&prefix| self.values(network(address, prefix)).iter().all(|other| *other == value));
        Hit { value, prefix: prefix.unwrap() }
    }

    /// Addresses at which something may go wrong: the edges of runs, and those a bit away from them.
    fn edges(&self) -> Vec<IpAddr> {
        let v4 = self.v4.iter().flat_map(|(start, _)| [*start as u32, (*start as u32).wrapping_sub(1), *start as u32 ^ 0x1_0000]);
        let v6 = self.v6.iter().flat_map(|(start, _)| [*start, start.wrapping_sub(1), start ^ 1 << 64, start ^ 1 << 40]);
        let mapped = self.v4.iter().map(|(start, _)| MAPPED + start);
        let beside = [0, MAPPED - 1, MAPPED, MAPPED + u128::from(u32::MAX), MAPPED + (1 << 32), u128::MAX];
        let v6 = v6.chain(mapped).chain(beside).map(|at| IpAddr::V6(at.into()));
        v4.map(|at| IpAddr::V4(at.into())).chain(v6).collect()
    }

    fn joined(&self, other: &Self, f: impl Fn(u16, u16) -> u16) -> Self {
        let join = |v4: bool, a: &[(u128, u16)], b: &[(u128, u16)]| {
            let at = |list: &Self, start: u128| match v4 {
                true => list.value(IpAddr::V4((start as u32).into())),
                // Not through `value`: in the table of IPv6 the mapped addresses are as others.
                false => list.v6.iter().rev().find(|(from, _)| *from <= start).unwrap().1,
            };
            a.iter().chain(b).map(|(start, _)| (*start, f(at(self, *start), at(other, *start)))).collect()
        };
        Self::new(join(true, &self.v4, &other.v4), join(false, &self.v6, &other.v6))
    }
}

fn network(address: IpAddr, prefix: u8) -> Network {
    let masked = match address {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0))),
    };
    // `::ffff:a.b.c.d/n` is written with hexadecimal digits, which say the same.
    Network::parse(&format!("{masked}/{prefix}")).unwrap()
}

fn v4_start() -> impl Strategy<Value = u128> {
    prop_oneof![
        any::<u32>(),
        (0..64u32).prop_map(|at| 0x0a00_0000 + at),
        (0..=32u32).prop_map(|bit| 1u32.checked_shl(bit).unwrap_or(u32::MAX))
    ]
    .prop_map(u128::from)
}

/// Few upper halves and few lower ones, so that runs meet within a half and at its edges.
fn v6_start() -> impl Strategy<Value = u128> {
    let given_out = 0x2001_0db8_0000_0000u64;
    let half = prop_oneof![
        select(vec![
            0,
            1,
            2,
            given_out,
            given_out + 1,
            given_out + 2,
            given_out + 0x1_0000,
            0x2000 << 48,
            0x3fff << 48,
            0xfd00 << 48,
            u64::MAX
        ]),
        any::<u64>()
    ];
    let low =
        prop_oneof![4 => Just(0), 1 => select(vec![1, 2, 1 << 32, 0xffff << 32, 0x1_0000 << 32, 1 << 63, u64::MAX]), 1 => any::<u64>()];
    let start = (half, low).prop_map(|(half, low)| u128::from(half) << 64 | u128::from(low));
    // Runs that begin among the mapped addresses are nobody's, and only make prefixes beside them longer.
    start.prop_map(|start| if start >> 32 == 0xffff { MAPPED - 1 } else { start })
}

fn list() -> impl Strategy<Value = List> {
    (vec((v4_start(), 0..4u16), 0..12), vec((v6_start(), 0..4u16), 0..12)).prop_map(|(v4, v6)| List::new(v4, v6))
}

/// Long enough for many blocks: gaps of all sizes, most of them multiples of something, and values that come again.
fn long_list() -> impl Strategy<Value = List> {
    let gap = |shifts: Vec<u32>| {
        prop_oneof![6 => 1..40u64, 1 => 1..5000u64].prop_flat_map(move |gap| select(shifts.clone()).prop_map(move |shift| gap << shift))
    };
    let value = || prop_oneof![4 => 0..5u16, 3 => 0..600u16, 1 => 0..u16::MAX];
    let v4 = vec((gap(vec![0, 8, 8, 8, 12]), value()), 0..300);
    let v6 = vec((gap(vec![0, 16, 16, 24, 32, 44]), value(), prop_oneof![20 => Just(0), 1 => any::<u64>()]), 0..300);
    (v4, any::<u32>(), v6, select(vec![0, 0x2000 << 48, 0x2a00 << 48])).prop_map(|(v4, first, v6, base)| {
        let (mut at, mut half) = (u64::from(first) >> 1, base);
        let mut next = |gap: u64| {
            at += gap;
            u128::from(at)
        };
        let v4: Vec<_> = v4.into_iter().map(|(gap, value)| (next(gap), value)).filter(|(at, _)| *at <= u128::from(u32::MAX)).collect();
        let mut next = |gap: u64, low: u64| {
            // Some within the half before.
            half += if low % 3 == 1 { 0 } else { gap };
            u128::from(half) << 64 | u128::from(low)
        };
        let v6: Vec<_> = v6.into_iter().map(|(gap, value, low)| (next(gap, low), value)).filter(|(at, _)| at >> 32 != 0xffff).collect();
        List::new(v4, v6)
    })
}

fn some_network() -> impl Strategy<Value = Network> {
    let v4 = (v4_start(), 0..=32u8).prop_map(|(at, prefix)| network(IpAddr::V4((at as u32).into()), prefix));
    let v6 = (v6_start(), 0..=128u8).prop_map(|(at, prefix)| network(IpAddr::V6(at.into()), prefix));
    let mapped = (v4_start(), 96..=128u8).prop_map(|(at, prefix)| network(IpAddr::V6((MAPPED + at).into()), prefix));
    prop_oneof![v4, v6, mapped]
}

fn runs<V: Value>(ranges: &Ranges<V>) -> [Vec<(u128, V)>; 2] {
    [ranges.v4().collect(), ranges.v6().collect()]
}

/// The same each time; PROPTEST_CASES looks further.
const SEED: u64 = 1;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(SEED), ..ProptestConfig::default() })]

    #[test]
    fn a_hit_has_the_value_and_the_largest_network_of_the_list(list in list(), others in vec(v6_start(), 10)) {
        let (ranges, packed) = (list.ranges::<u16>(), list.ranges::<u32>());
        for address in list.edges().into_iter().chain(others.into_iter().map(|at| IpAddr::V6(at.into()))) {
            let hit = list.hit(address);
            prop_assert_eq!(ranges.find(address), hit, "{}", address);
            prop_assert_eq!(packed.find(address), Hit { value: u32::from(hit.value), prefix: hit.prefix }, "{}", address);
        }
    }

    #[test]
    fn packed_ranges_say_what_flat_ones_do(list in long_list(), others in vec(v6_start(), 10)) {
        let (flat, packed) = (list.ranges::<u16>(), list.ranges::<u32>());
        prop_assert_eq!(runs(&packed), runs(&flat).map(|runs| runs.into_iter().map(|(start, value)| (start, u32::from(value))).collect::<Vec<_>>()));
        for address in list.edges().into_iter().chain(others.into_iter().map(|at| IpAddr::V6(at.into()))) {
            let Hit { value, prefix } = flat.find(address);
            prop_assert_eq!(packed.find(address), Hit { value: u32::from(value), prefix }, "{}", address);
        }
        prop_assert_eq!(packed.is_empty(), flat.is_empty());
    }

    #[test]
    fn runs_are_those_of_the_list_without_equal_neighbours(list in list()) {
        let merged = |starts: &[(u128, u16)]| {
            let mut starts = starts.to_vec();
            starts.dedup_by_key(|(_, value)| *value);
            starts
        };
        let ranges = list.ranges::<u16>();
        prop_assert_eq!(runs(&ranges), [merged(&list.v4), merged(&list.v6)]);
        prop_assert_eq!(ranges.is_empty(), list.v4.iter().chain(&list.v6).all(|(_, value)| *value == 0));
    }

    #[test]
    fn what_lies_on_top_wins_where_it_knows_something(top in list(), bottom in list()) {
        let expected = top.joined(&bottom, |a, b| if a == 0 { b } else { a });
        prop_assert_eq!(runs(&overlay(top.ranges(), bottom.ranges())), runs(&expected.ranges::<u16>()));
        prop_assert_eq!(runs(&overlay(top.ranges(), bottom.ranges())), runs(&expected.ranges::<u32>()));
    }

    #[test]
    fn merged_ranges_have_what_is_made_of_both(a in list(), b in list()) {
        let expected = a.joined(&b, |a, b| a * 2 + b / 2);
        let merged: Ranges<u32> = merge(&a.ranges::<u16>(), &b.ranges::<u16>(), |a, b| u32::from(a * 2 + b / 2));
        prop_assert_eq!(runs(&merged), runs(&expected.ranges::<u32>()));
        for address in a.edges() {
            prop_assert_eq!(merged.find(address).value, u32::from(a.value(address) * 2 + b.value(address) / 2));
        }
    }

    #[test]
    fn mapped_values_that_become_equal_become_one_run(list in list()) {
        let expected = list.joined(&list, |value, _| value / 2);
        prop_assert_eq!(runs(&map(&list.ranges::<u32>(), |value| value as u16 / 2)), runs(&expected.ranges::<u16>()));
    }

    #[test]
    fn other_numbers_for_the_same_values_change_nothing_else(list in list()) {
        let wide = |by| map(&list.ranges::<u16>(), |value| if value == 0 { 0 } else { u32::from(value) + by });
        let mut ranges = list.ranges();
        ranges.add(10);
        prop_assert_eq!(runs(&ranges), runs(&wide(10)));
    }

    #[test]
    fn the_longest_network_counts_and_of_equal_ones_the_first(networks in vec((some_network(), 1..5u16), 0..30), others in vec(v6_start(), 5)) {
        let ranges = from_networks(networks.clone());
        let longest = |address: IpAddr| {
            let plain = |network: &Network| match (network.address().to_canonical(), network.prefix()) {
                (IpAddr::V4(v4), prefix) if network.address().is_ipv6() && prefix >= 96 => super::tests::network(IpAddr::V4(v4), prefix - 96),
                _ => *network,
            };
            let around = networks.iter().map(|(network, value)| (plain(network), *value)).filter(|(network, _)| network.contains(address.to_canonical()));
            around.rev().max_by_key(|(network, _)| network.prefix()).map_or(0, |(_, value)| value)
        };
        let firsts = networks.iter().map(|(network, _)| network.address());
        let edges = firsts.flat_map(|first| match first {
            IpAddr::V4(v4) => [first, IpAddr::V4(v4.to_bits().wrapping_sub(1).into())],
            IpAddr::V6(v6) => [first, IpAddr::V6(v6.to_bits().wrapping_sub(1).into())],
        });
        for address in edges.chain(others.into_iter().map(|at| IpAddr::V6(at.into()))) {
            prop_assert_eq!(ranges.find(address).value, longest(address), "{}", address);
        }
    }
}

#[test]
fn nothing_known_is_one_network_for_all_the_world() {
    let ranges = Ranges::<u32>::default();
    for address in ["0.0.0.0", "192.0.2.1", "::", "2001:db8::1", "::ffff:192.0.2.1", "ffff::"] {
        assert_eq!(ranges.find(address.parse().unwrap()), Hit { value: 0, prefix: 0 }, "{address}");
    }
    assert!(ranges.is_empty());
}

#[test]
fn networks_deeper_than_64_are_exact() {
    let network = |text: &str| Network::parse(text).unwrap();
    let ranges = from_networks([
        (network("2001:db8::/48"), 1u16),
        (network("2001:db8::8000:0:0:0/65"), 2),
        (network("2001:db8::1/128"), 3),
        (network("2001:db8:0:1::/64"), 2),
    ]);
    for (address, value, prefix) in [
        ("2001:db8::1", 3, 128),
        ("2001:db8::", 1, 128),
        ("2001:db8::2", 1, 127),
        ("2001:db8::4000:0:0:0", 1, 66),
        ("2001:db8::8000:0:0:0", 2, 65),
        ("2001:db8::ffff:0:0:0", 2, 65),
        ("2001:db8:0:1::", 2, 64),
        ("2001:db8:0:2::", 1, 63),
        ("2001:db8:1::", 0, 48),
    ] {
        assert_eq!(ranges.find(address.parse().unwrap()), Hit { value, prefix }, "{address}");
    }
}

#[test]
fn mapped_addresses_are_those_of_ipv4() {
    let ranges = from_networks([(Network::parse("10.0.0.0/8").unwrap(), 1u16), (Network::parse("::ffff:192.0.2.0/120").unwrap(), 2)]);
    for (address, value, prefix) in [("::ffff:10.1.2.3", 1, 104), ("::ffff:192.0.2.9", 2, 120), ("192.0.2.9", 2, 24), ("2001:db8::1", 0, 3)]
    {
        assert_eq!(ranges.find(address.parse().unwrap()), Hit { value, prefix }, "{address}");
    }
}

#[test]
#[should_panic(expected = "kept for the table itself")]
fn the_greatest_value_is_refused() {
    Builder::new().push_v6(0, u16::MAX);
}
