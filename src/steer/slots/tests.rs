use super::*;

use proptest::prelude::*;

type Member = (u16, u64, Weight);

/// Panels by these weights, each with a name of its own that differs from those of other tiers.
fn tier(name: &str, weights: &[f64]) -> Vec<Member> {
    let panel = |(index, weight): (usize, &f64)| (index as u16, key(&format!("{name}-{index}")), Weight::new(*weight));
    weights.iter().enumerate().map(panel).collect()
}

fn slots() -> impl Iterator<Item = Slot> {
    (0..=u16::MAX).map(Slot)
}

fn winner(slot: Slot, members: &[Member]) -> Option<u16> {
    let mut out = [0];
    (pick(slot, members.iter().copied(), &mut out) == 1).then(|| out[0])
}

fn winners(slot: Slot, members: &[Member]) -> Vec<u16> {
    let mut out = [0; MOST];
    let count = pick(slot, members.iter().copied(), &mut out);
    out[..count].to_vec()
}

/// How many slots each member has.
fn won(members: &[Member]) -> Vec<u32> {
    let mut won = vec![0; members.len()];
    for slot in slots() {
        won[usize::from(winner(slot, members).unwrap())] += 1;
    }
    won
}

/// The greatest deviation of a realised share from the intended one, relative to it.
fn worst_deviation(members: &[Member]) -> f64 {
    let whole: f64 = members.iter().map(|(.., weight)| f64::from(weight.units())).sum();
    let off = |(won, (.., weight)): (u32, &Member)| (f64::from(won) / (f64::from(SLOTS) * f64::from(weight.units()) / whole) - 1.0).abs();
    won(members).into_iter().zip(members).map(off).fold(0.0, f64::max)
}

/// Evenly spread numbers from 0 to 1, the same ones each time.
fn numbers(seed: u64) -> impl Iterator<Item = f64> {
    (0..).map(move |at: u64| (mixed(seed << 32 | at) >> 11) as f64 / (1u64 << 53) as f64)
}

#[test]
fn names_have_the_same_keys_everywhere() {
    // These and all golden numbers below are printed by tests/golden/slots.py, which is written from the formulas in another language.
    for (name, golden) in GOLDEN_KEYS {
        assert_eq!(key(name), golden, "{name:?}: {:#018x}", key(name));
    }
    assert_eq!(key("FRA1.Example"), key("fra1.eXAMPLE"));
    assert_ne!(key("É"), key("é"));
}

const GOLDEN_KEYS: [(&str, u64); 5] = [
    ("", 0xc381_7c01_6ba4_ff30),
    ("fra1", 0x340a_c3c8_d3f9_3dc2),
    ("ams1", 0x5a91_73ce_10e2_67f4),
    ("panel-with-a-long-name.example", 0x5f2a_cc52_5512_5dab),
    ("münchen", 0x0066_e844_f3db_1bfc),
];

#[test]
fn networks_have_the_same_slots_everywhere() {
    for (address, golden) in GOLDEN_NETWORKS {
        let slot = Slot::of_network(address.parse().unwrap());
        assert_eq!(slot.0, golden, "{address}");
    }
    for (seed, golden) in GOLDEN_RANDOM {
        assert_eq!(Slot::random(seed).0, golden, "{seed}");
    }
}

const GOLDEN_NETWORKS: [(&str, u16); 8] = [
    ("0.0.0.0", 48639),
    ("192.0.2.1", 23334),
    ("198.51.100.200", 2770),
    ("255.255.255.255", 54017),
    ("::ffff:192.0.2.1", 23334),
    ("::", 2399),
    ("2001:db8::1", 6823),
    ("2001:db8:0:ff00::", 28918),
];

const GOLDEN_RANDOM: [(u64, u16); 3] = [(0, 57888), (1, 37130), (u64::MAX, 58585)];

#[test]
fn ranks_and_shares_are_the_same_everywhere() {
    for (slot, name, golden) in GOLDEN_RANKS {
        assert_eq!((permuted(slot, key(name)), rank(Slot(slot), key(name))), golden, "slot {slot} of {name}");
    }
    for (number, golden) in GOLDEN_LOGS {
        assert_eq!(log2(number), golden, "{number}");
    }
    for (tier, golden) in GOLDEN_TIERS {
        assert_eq!(slots().filter(|slot| keeps(*slot, tier, 4)).map(|slot| slot.0).collect::<Vec<_>>(), golden, "tier {tier}");
    }
    let table = LOG2.iter().fold(0, |hash, entry| mixed(hash ^ u64::from(*entry)));
    assert_eq!(table, GOLDEN_TABLE, "{table:#018x}");
}

const GOLDEN_RANKS: [(u16, &str, (u16, u32)); 6] = [
    (0, "fra1", (55057, 4216930)),
    (1, "fra1", (37551, 13479105)),
    (65535, "fra1", (13974, 37404652)),
    (0, "ams1", (18350, 30810826)),
    (4242, "nyc1", (49037, 7019625)),
    (30164, "sgp1", (65534, 0)),
];

const GOLDEN_LOGS: [(u32, u32); 6] = [(1, 0), (2, 16777216), (3, 26591258), (1023, 167748511), (65537, 268435825), (131071, 285212487)];

const GOLDEN_TIERS: [(u8, [u16; 4]); 3] =
    [(0, [285, 28044, 33138, 50091]), (1, [44339, 45646, 59534, 64556]), (255, [6667, 18613, 36688, 49015])];

const GOLDEN_TABLE: u64 = 0x9a35_0c55_902f_022b;

#[test]
fn winners_are_the_same_everywhere() {
    let members = golden_tier();
    for (slot, golden) in GOLDEN_WINNERS {
        assert_eq!(winners(Slot(slot), &members), golden, "slot {slot}");
    }
    let all = slots().fold(0, |hash, slot| winners(slot, &members).iter().fold(hash, |hash, index| mixed(hash ^ u64::from(*index))));
    assert_eq!(all, GOLDEN_ALL_WINNERS, "{all:#018x}");
}

fn golden_tier() -> Vec<Member> {
    let panels = [("fra1", 1.0), ("ams1", 2.5), ("nyc1", 0.001), ("lax1", 0.0), ("sgp1", 10.0)];
    panels.iter().enumerate().map(|(index, (name, weight))| (index as u16, key(name), Weight::new(*weight))).collect()
}

const GOLDEN_WINNERS: [(u16, [u16; 4]); 5] =
    [(0, [4, 0, 1, 2]), (1, [4, 1, 0, 2]), (18295, [2, 0, 4, 1]), (40000, [4, 1, 0, 2]), (65535, [4, 1, 0, 2])];

const GOLDEN_ALL_WINNERS: u64 = 0x04ea_7001_4e39_3d40;

#[test]
fn neighbours_of_one_network_share_a_slot_and_mapped_ones_are_as_unmapped() {
    let slot = |address: &str| Slot::of_network(address.parse().unwrap());
    assert_eq!(slot("192.0.2.1"), slot("192.0.2.255"));
    assert_ne!(slot("192.0.2.1"), slot("192.0.3.1"));
    assert_eq!(slot("192.0.2.1"), slot("::ffff:192.0.2.77"));
    assert_eq!(slot("2001:db8:0:100::1"), slot("2001:db8:0:1ff:ffff::"));
    assert_ne!(slot("2001:db8:0:100::1"), slot("2001:db8:0:200::1"));
    // Compatible, not mapped: an IPv6 network of its own, the same as ::1.
    assert_eq!(slot("::192.0.2.1"), slot("::1"));
    assert_ne!(slot("::"), slot("0.0.0.0"));
}

#[test]
fn networks_are_spread_evenly_over_the_slots() {
    assert_even("/24", |at| IpAddr::V4(Ipv4Addr::from_bits(at << 8)));
    assert_even("/56", |at| IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(at) << 72)));
}

fn assert_even(what: &str, network: impl Fn(u32) -> IpAddr) {
    // 2^20 networks in a row, 16 a slot: of 65,536 Poisson draws the greatest is below 45 but once in a million tests.
    let mut count = vec![0u32; SLOTS as usize];
    (0..1 << 20).for_each(|at| count[usize::from(Slot::of_network(network(at)).0)] += 1);
    assert!(count.iter().all(|count| *count < 45), "{what}");
    let squares: f64 = count.iter().map(|count| (f64::from(*count) - 16.0).powi(2) / 16.0).sum();
    // Chi-squared with 65,535 degrees: sigma is 362.
    assert!((squares - 65_535.0).abs() < 5.0 * 362.0, "{what}: {squares}");
}

#[test]
fn each_panel_has_every_value_once() {
    let mut odd_keys = vec![0, 1, u64::MAX, 1 << 63, 0xffff, 0xffff << 48];
    odd_keys.extend((0..1000).map(|at| key(&format!("panel-{at}"))));
    for key in odd_keys {
        let mut seen = vec![false; SLOTS as usize];
        (0..=u16::MAX).for_each(|slot| seen[usize::from(permuted(slot, key))] = true);
        assert!(seen.iter().all(|seen| *seen), "{key:#x}");
    }
}

#[test]
fn the_logarithm_falls_and_is_right_to_two_units_in_ten_million() {
    for dealt in 0..u16::MAX - 1 {
        let right = -((f64::from(dealt) + 0.5) / f64::from(SLOTS)).log2();
        let here = f64::from(distance(dealt)) / f64::from(1 << LOG_BITS);
        assert!((here - right).abs() < 2.4e-7, "{dealt}: {here} for {right}");
        assert!(distance(dealt) > distance(dealt + 1), "{dealt}");
    }
    assert_eq!((distance(u16::MAX - 1), distance(u16::MAX)), (0, 0));
    assert!(distance(u16::MAX - 2) > 0);
    assert_eq!(distance(0), 17 << LOG_BITS);
}

#[test]
fn two_panels_bid_independently() {
    // Of two dealt hands, one is better in 32,768 slots with a sigma of sqrt(65,536 / 12); each has 4,096 slots of its best sixteenth,
    // and 256 with a sigma of 15 are among the best of both.
    for pair in 0..100 {
        let (a, b) = (key(&format!("a{pair}")), key(&format!("b{pair}")));
        let hands = || slots().map(|slot| (permuted(slot.0, a), permuted(slot.0, b)));
        let better = hands().filter(|(a, b)| a > b).count() as f64;
        assert!((better - 32_768.0).abs() < 5.5 * 73.9, "pair {pair}: {better}");
        let both = hands().filter(|(a, b)| *a.min(b) >= 61_440).count() as f64;
        assert!((both - 256.0).abs() < 5.5 * 15.0, "pair {pair}: {both}");
    }
}

#[test]
fn shares_are_within_a_tenth_of_what_is_intended_in_tiers_up_to_sixteen() {
    // A share p realised by chance has a sigma of sqrt((1 - p) / 65,536 p), 1.5 % for a sixteenth; dealt values halve the variance.
    // The least weight here has a share of about a 140th: a sigma of 3 %.
    for size in [2, 3, 4, 8, 12, 16] {
        for seed in 0..4 {
            let name = format!("tier-{size}-{seed}");
            let equal = worst_deviation(&tier(&name, &vec![1.0; size]));
            assert!(equal < 0.06, "{size} equal members, seed {seed}: {equal}");
            let weights: Vec<f64> = numbers(seed << 8 | size as u64).take(size).map(|number| 10f64.powf(number)).collect();
            let random = worst_deviation(&tier(&name, &weights));
            assert!(random < 0.10, "weights {weights:?}, seed {seed}: {random}");
        }
    }
}

#[test]
fn shares_in_great_tiers_deviate_no_more_than_chance_allows() {
    // Sigmas are 2.2 % and 4.4 % (sqrt(n / 131,072)); the bounds are five of them.
    for (size, bound) in [(64, 0.11), (256, 0.22)] {
        let worst = worst_deviation(&tier("great", &vec![1.0; size]));
        assert!(worst < bound, "{size} members: {worst}");
    }
}

#[test]
fn small_shares_are_not_rounded_up() {
    // A panel against one that weighs more by a ratio r wins a slot with a chance of 2^(−r × rank): summed up over the values it is dealt.
    for (ratio, bound) in [(1.0, 1e-4), (10.0, 1e-4), (100.0, 0.001), (1000.0, 0.01), (10_000.0, 0.05)] {
        let won: f64 = (0..=u16::MAX).map(|dealt| (-ratio * f64::from(distance(dealt)) / f64::from(1 << LOG_BITS)).exp2()).sum();
        let intended = f64::from(SLOTS) / (1.0 + ratio);
        assert!((won / intended - 1.0).abs() < bound, "1 to {ratio}: {won} for {intended}");
    }
}

#[test]
fn whoever_has_weight_gets_a_slot() {
    for size in [2, 3, 8, 16] {
        let names: Vec<u64> = (0..size).map(|at| key(&format!("apart-{size}-{at}"))).collect();
        let free: Vec<Vec<Slot>> = names.iter().map(|key| free_slots(*key)).collect();
        for (light, heavy) in [(1.0, 10_000.0), (0.001, 10_000.0), (1e-9, 10_000.0), (1.0, 1.0)] {
            for lights in [1, size / 2, size - 1] {
                let weight = |at| Weight::new(if at < lights { light } else { heavy });
                let members: Vec<Member> = names.iter().enumerate().map(|(at, key)| (at as u16, *key, weight(at))).collect();
                for (at, free) in free.iter().enumerate() {
                    assert!(free.iter().any(|slot| winner(*slot, &members) == Some(at as u16)), "{lights} of {size} weigh {light}: {at}");
                }
            }
        }
    }
}

/// Those with the best bid there can be.
fn free_slots(key: u64) -> Vec<Slot> {
    slots().filter(|slot| permuted(slot.0, key) >= u16::MAX - 1).collect()
}

#[test]
fn where_two_panels_best_slots_meet_one_has_it_and_the_other_keeps_its_second() {
    const PANELS: usize = 400;
    let names: Vec<String> = (0..PANELS).map(|at| format!("p{at}")).collect();
    let bests: Vec<Vec<Slot>> = names.iter().map(|name| free_slots(key(name))).collect();
    let mut met = 0;
    for (one, two) in (0..PANELS).flat_map(|one| (one + 1..PANELS).map(move |two| (one, two))) {
        let Some(slot) = bests[one].iter().find(|slot| bests[two].contains(slot)) else { continue };
        met += 1;
        let members = [(1, key(&names[one]), Weight::new(0.001)), (2, key(&names[two]), Weight::new(10_000.0))];
        let first = if members[0].1 < members[1].1 { 1 } else { 2 };
        assert_eq!(winner(*slot, &members), Some(first));
        assert!(bests[one].iter().any(|slot| winner(*slot, &members) == Some(1)), "{}", names[one]);
    }
    // 79,800 pairs, and 4 ways in 65,536 for each to meet: 5.
    assert!((1..20).contains(&met), "{met}");
}

#[test]
fn nobody_without_weight_is_picked_and_no_more_than_fit() {
    let members = tier("weightless", &[0.0, -1.0, f64::NAN, 3.0, 0.0, 1.0]);
    let none: Vec<Member> = members.iter().copied().filter(|(.., weight)| weight.is_zero()).collect();
    assert_eq!(none.len(), 4);
    for slot in slots().step_by(97) {
        let mut picked = winners(slot, &members);
        picked.sort();
        assert_eq!(picked, [3, 5]);
        assert!(winners(slot, &none).is_empty());
        assert_eq!(pick(slot, members.iter().copied(), &mut []), 0);
    }
    let many = tier("many", &[1.0; 20]);
    let mut out = [u16::MAX; 12];
    assert_eq!(pick(Slot(7), many.iter().copied(), &mut out), MOST);
    assert_eq!(out[MOST..], [u16::MAX; 4]);
}

#[test]
fn a_tier_keeps_exactly_its_share_and_more_of_it_keeps_all_of_the_former() {
    for tier in [0, 1, 2, 255] {
        let mut before = vec![false; SLOTS as usize];
        for share in [0, 1, 2, 100, 32_768, 65_535, 65_536] {
            let kept: Vec<bool> = slots().map(|slot| keeps(slot, tier, share)).collect();
            assert_eq!(kept.iter().filter(|kept| **kept).count(), share as usize, "tier {tier}");
            assert!(before.iter().zip(&kept).all(|(before, now)| *now || !before), "tier {tier}, share {share}");
            before = kept;
        }
    }
    // Tiers do not let the same ones go: of those one lets go, the next one keeps its half. Sigma is 64.
    let both = slots().filter(|slot| !keeps(*slot, 1, 32_768) && !keeps(*slot, 2, 32_768)).count() as f64;
    assert!((both - 16_384.0).abs() < 5.0 * 64.0, "{both}");
    // Nor do those it keeps belong to one panel.
    let members = tier("kept", &[1.0; 4]);
    let firsts = slots().filter(|slot| keeps(*slot, 1, 32_768) && winner(*slot, &members) == Some(0)).count() as f64;
    assert!((firsts - 8_192.0).abs() < 5.0 * 78.0, "{firsts}");
}

#[test]
fn weights_are_fixed_point_and_never_nothing_when_there_is_something() {
    let units = |weight: f64| Weight::new(weight).units();
    assert_eq!([units(0.0), units(-0.0), units(-3.0), units(f64::NAN)], [0; 4]);
    assert_eq!([units(1.0), units(0.5), units(0.001), units(1e-300)], [65_536, 32_768, 66, 1]);
    assert_eq!([units(10_000.0), units(10_001.0), units(f64::INFINITY)], [655_360_000; 3]);
    assert_eq!(Weight::new(10_000.0), Weight::MAX);
    assert_eq!(Weight::new(1.0), Weight::ONE);
    let times = |weight: f64, share: u32| Weight::new(weight).times(share).units();
    assert_eq!([times(1.0, 65_536), times(1.0, 6_554), times(10_000.0, 70_000)], [65_536, 6_554, 655_360_000]);
    assert_eq!([times(1e-9, 1), times(1.0, 0), times(0.0, 65_536)], [1, 0, 0]);
    assert_eq!([share(0.0), share(0.5), share(1.0), share(2.0), share(-1.0), share(f64::NAN)], [0, 32_768, 65_536, 65_536, 0, 0]);
    assert_eq!(share(0.3), 19_660);
}

fn weights(most: usize) -> impl Strategy<Value = Vec<f64>> {
    let weight = prop_oneof![Just(0.0), Just(1.0), 0.001..10.0, 0.0..10_000.0];
    proptest::collection::vec(weight, 1..=most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn removing_a_panel_moves_only_its_slots(weights in weights(12), gone: prop::sample::Index, name: u32) {
        let members = tier(&name.to_string(), &weights);
        let mut rest = members.clone();
        let (gone, ..) = rest.remove(gone.index(members.len()));
        for slot in slots().step_by(13) {
            let (before, after) = (winners(slot, &members), winners(slot, &rest));
            // Whole orders of preference: those that are left are in the order in which they were.
            let left: Vec<u16> = before.iter().copied().filter(|index| *index != gone).collect();
            prop_assert_eq!(&after[..left.len()], &left[..]);
            prop_assert!(!after.contains(&gone));
        }
    }

    #[test]
    fn more_weight_only_wins_slots_and_less_only_loses_them(weights in weights(12), which: prop::sample::Index, to in 0.0..10_000.0, name: u32) {
        let before = tier(&name.to_string(), &weights);
        let mut after = before.clone();
        let changed = &mut after[which.index(before.len())];
        let (index, up) = (changed.0, Weight::new(to) > changed.2);
        changed.2 = Weight::new(to);
        for slot in slots().step_by(13) {
            let (was, is) = (winner(slot, &before), winner(slot, &after));
            prop_assert!(was == is || (if up { is } else { was }) == Some(index), "{was:?} became {is:?}");
        }
    }

    #[test]
    fn the_order_of_members_does_not_matter(
        (members, mixed) in (weights(12), any::<u32>()).prop_flat_map(|(weights, name)| {
            let members = tier(&name.to_string(), &weights);
            (Just(members.clone()), Just(members).prop_shuffle())
        })
    ) {
        for slot in slots().step_by(31) {
            prop_assert_eq!(winners(slot, &members), winners(slot, &mixed));
        }
    }

    #[test]
    fn the_next_choice_is_who_wins_without_the_former_ones(weights in weights(12), slot: u16, name: u32) {
        let mut members = tier(&name.to_string(), &weights);
        let choices = winners(Slot(slot), &members);
        prop_assert_eq!(choices.len(), members.iter().filter(|(.., weight)| !weight.is_zero()).count().min(MOST));
        for choice in choices {
            prop_assert_eq!(winner(Slot(slot), &members), Some(choice));
            members.retain(|(index, ..)| *index != choice);
        }
    }

    #[test]
    fn bids_are_in_one_order(ranks in [0u32..4, 0..4, 0..4], units in [1u32..4, 1..4, 1..4], keys in [0u64..3, 0..3, 0..3]) {
        let [a, b, c] = [0, 1, 2].map(|at| Bid { rank: ranks[at], weight: Weight(units[at]), key: keys[at] });
        prop_assert!(!a.beats(&a));
        prop_assert!(!(a.beats(&b) && b.beats(&a)));
        prop_assert!(a.key == b.key || a.beats(&b) || b.beats(&a));
        prop_assert!(!(a.beats(&b) && b.beats(&c)) || a.beats(&c));
    }
}
