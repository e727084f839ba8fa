//! Rankings, charts and choices held to what is said of them, on random sets and places.

use super::*;
use crate::document::Network;
use crate::geo::{Atlas, Continents, EARTH_KM, Override, Point, continent_bit, distance_km};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::net::IpAddr;
use std::sync::Arc;

/// The same worlds each time.
const SEED: u64 = 1;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(SEED),
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    }
}

type Degrees = (f64, f64);

/// A stop as a person would describe it.
#[derive(Clone, Debug)]
struct Spot {
    at: Option<Degrees>,
    region: Option<u16>,
    tier: u16,
    continents: Continents,
}

#[derive(Clone, Debug)]
struct Set {
    spots: Vec<Spot>,
    fence: Fence,
    spread_km: f64,
    /// Which regions come after each region.
    then: Vec<Vec<u16>>,
}

const REGIONS: u16 = 5;

fn degrees() -> impl Strategy<Value = Degrees> {
    // Some places twice, so that panels meet; poles and the date line.
    let known = vec![(50.11, 8.68), (40.71, -74.0), (1.35, 103.82), (90.0, 0.0), (-89.0, 10.0), (0.0, 180.0), (0.0, -179.9)];
    prop_oneof![3 => (-90.0..90.0, -180.0..180.0), 1 => proptest::sample::select(known)]
}

fn spot() -> impl Strategy<Value = Spot> {
    let region = prop_oneof![3 => (0..REGIONS).prop_map(Some), 1 => Just(None)];
    (proptest::option::weighted(0.9, degrees()), region, 1u16..4, 0u8..7).prop_map(|(at, region, tier, continent)| Spot {
        at,
        // Whoever is in a region has a place: that of the region.
        region: region.filter(|_| at.is_some()),
        tier,
        continents: if at.is_some() { 1 << continent } else { 0 },
    })
}

fn set(spots: impl Strategy<Value = Vec<Spot>>) -> impl Strategy<Value = Set> {
    let fence = prop_oneof![2 => Just(Fence::None), 1 => Just(Fence::Region), 1 => Just(Fence::Continent)];
    let spread = prop_oneof![1 => Just(0.0), 3 => 1.0..3000.0, 1 => 3000.0..19_000.0, 1 => Just(20_100.0)];
    let then = proptest::collection::vec(proptest::collection::hash_set(0..REGIONS, 0..3), usize::from(REGIONS));
    (spots, fence, spread, then).prop_map(|(mut spots, fence, spread_km, then)| {
        spots.sort_by_key(|spot| spot.tier);
        let then = then.into_iter().zip(0..).map(|(then, own)| then.into_iter().filter(|next| *next != own).collect());
        Set { spots, fence, spread_km, then: then.collect() }
    })
}

impl Set {
    fn geometry(&self) -> Geometry {
        let stop = |spot: &Spot| Stop {
            point: spot.at.map(|(latitude, longitude)| Point::at(latitude, longitude)),
            region: spot.region.unwrap_or(NOWHERE),
            tier: spot.tier,
            continents: spot.continents,
        };
        Geometry::new(self.spots.iter().map(stop).collect(), self.fence, self.spread_km)
    }

    fn regions(&self) -> Vec<Region> {
        self.then.iter().map(|then| Region { then: then.clone(), ..Region::default() }).collect()
    }

    fn far(&self, spot: &Spot, client: Degrees) -> f64 {
        spot.at.map_or(f64::INFINITY, |at| distance_km(at, client))
    }

    /// DESIGN §3 said slowly. A client that no region claims is ranked by regions only where that of its nearest panel says who comes next.
    fn tiers(&self, client: Degrees, home: Option<u16>, continents: Continents) -> Vec<Vec<u16>> {
        let far = |spot: &Spot| self.far(spot, client);
        let nearest = self.spots.iter().filter(|spot| spot.at.is_some()).min_by(|a, b| far(a).total_cmp(&far(b)));
        let nearest = nearest.and_then(|spot| spot.region);
        let counted = home.or(nearest);
        let is_inside = |spot: &Spot| match self.fence {
            Fence::None => true,
            Fence::Region => counted.is_some() && spot.region == counted,
            Fence::Continent => spot.continents & continents != 0,
        };
        let is_fenced = self.spots.iter().any(is_inside);
        let ranking = home.or(nearest.filter(|region| !self.then[usize::from(*region)].is_empty()));
        let rank = |spot: &Spot| match ranking {
            None => 0,
            Some(home) if spot.region == Some(home) => 0,
            Some(home) => {
                let then = &self.then[usize::from(home)];
                then.iter().position(|next| spot.region == Some(*next)).map_or(usize::MAX, |at| at + 1)
            }
        };
        let mut left: Vec<(u16, &Spot)> = (0..).zip(&self.spots).filter(|(_, spot)| !is_fenced || is_inside(spot)).collect();
        left.sort_by(|(_, a), (_, b)| (a.tier, rank(a)).cmp(&(b.tier, rank(b))).then(far(a).total_cmp(&far(b))));
        let mut tiers: Vec<Vec<u16>> = Vec::new();
        let mut first: Option<&Spot> = None;
        for (n, spot) in left {
            let goes_on = first.filter(|first| {
                let is_near = far(spot) <= far(first) + self.spread_km || far(spot) == far(first);
                (first.tier, rank(first)) == (spot.tier, rank(spot)) && is_near
            });
            match (goes_on, tiers.last_mut()) {
                (Some(_), Some(tier)) => tier.push(n),
                _ => {
                    tiers.push(vec![n]);
                    first = Some(spot);
                }
            }
        }
        for tier in &mut tiers {
            tier.sort_unstable();
        }
        tiers
    }

    /// Who is nearer, or just within the spread, is less clear than a kilometre.
    fn is_close_call(&self, client: Degrees) -> bool {
        let all: Vec<(&Spot, f64)> =
            self.spots.iter().filter(|spot| spot.at.is_some()).map(|spot| (spot, self.far(spot, client))).collect();
        let half = EARTH_KM * std::f64::consts::PI;
        all.iter().any(|(a, near)| {
            // Chords grow no more at the far end of the globe.
            let edge = near + self.spread_km;
            let is_far = *near > half - 60.0 || (edge - half).abs() < 150.0;
            is_far || all.iter().any(|(b, far)| a.at != b.at && ((near - far).abs() < 1.0 || (edge - far).abs() < 1.0))
        })
    }
}

fn ranked(geometry: &Geometry, guide: &Guide, client: &Client) -> Vec<Vec<u16>> {
    let mut tiers = Vec::new();
    geometry.rank(guide, client, |tier| {
        tiers.push(tier.to_vec());
        false
    });
    tiers
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn a_ranking_is_what_the_rules_say(
        set in set(proptest::collection::vec(spot(), 1..41)),
        at in degrees(),
        home in proptest::option::of(0..REGIONS),
        continent in 0u8..7,
    ) {
        prop_assume!(!set.is_close_call(at));
        let guide = Guide::new(Arc::new(Atlas::default()), set.regions());
        let client = Client { point: Point::at(at.0, at.1), home: home.unwrap_or(NOWHERE), continents: 1 << continent };
        let found = ranked(&set.geometry(), &guide, &client);
        prop_assert_eq!(&found, &set.tiers(at, home, 1 << continent));
        let mut all: Vec<u16> = found.concat();
        set.geometry().rank_beyond(&guide, &client, |tier| {
            all.extend_from_slice(tier);
            false
        });
        all.sort_unstable();
        all.windows(2).for_each(|pair| assert_ne!(pair[0], pair[1]));
        prop_assert_eq!(all.len(), set.spots.len(), "within the fence or beyond it");
    }
}

#[test]
fn more_stops_than_most_sets_have_are_ranked_alike() {
    let spots = (0..u16::try_from(MAX_STOPS).unwrap()).map(|n| Spot {
        at: Some((f64::from(n % 160) - 80.0, f64::from(n) / 3.0 - 170.0)),
        region: None,
        tier: 1 + n / 600,
        continents: 1,
    });
    let set = Set { spots: spots.collect(), fence: Fence::None, spread_km: 0.0, then: vec![vec![]; 5] };
    let guide = Guide::new(Arc::default(), vec![]);
    let client = Client { point: Point::at(10.0, 20.0), home: NOWHERE, continents: 1 };
    let tiers = ranked(&set.geometry(), &guide, &client);
    assert_eq!(tiers.concat().len(), MAX_STOPS);
    let far = |tier: &Vec<u16>| (set.spots[usize::from(tier[0])].tier, set.far(&set.spots[usize::from(tier[0])], (10.0, 20.0)));
    for pair in tiers.windows(2) {
        let (before, after) = (far(&pair[0]), far(&pair[1]));
        assert!(before.0 < after.0 || before.0 == after.0 && before.1 < after.1 + 1.0, "{before:?} {after:?}");
    }
}

fn standing() -> impl Strategy<Value = Standing> {
    let weight = prop_oneof![1 => Just(0.0), 4 => Just(1.0), 3 => 0.1..20.0, 1 => Just(10_000.0)];
    let state = prop_oneof![6 => Just(State::Enabled), 1 => Just(State::Draining), 1 => Just(State::Disabled)];
    let fitness = || prop_oneof![5 => Just(Fitness::Up), 2 => Just(Fitness::Down), 1 => Just(Fitness::None)];
    let shed = prop_oneof![4 => Just(0), 1 => 0..=slots::WHOLE];
    (weight, state, fitness(), fitness(), shed).prop_map(|(weight, state, v4, v6, shed)| Standing {
        weight,
        state,
        v4,
        v6,
        slow_start: slots::WHOLE,
        shed,
    })
}

const CALM: Limits = Limits { panic: 0.0, overflow: 0.0 };

/// Standings by stop.
fn roster(geometry: Arc<Geometry>, standings: &[Vec<Standing>], limits: &Limits, choice: How, answers: u8, order: Order) -> Roster {
    let flat: Vec<Standing> = standings.iter().flatten().copied().collect();
    let verdict = judge(&flat, limits);
    let members = (0u32..).zip(verdict.fits).map(|(panel, fit)| Member { panel, key: key(&format!("panel-{panel}")), fit });
    let mut end = 0;
    let stops = standings.iter().map(|here| {
        let start = end;
        end += here.len() as u16;
        start..end
    });
    let mut tiers: Vec<Vec<u16>> = Vec::new();
    for (n, stop) in (0u16..).zip(&geometry.stops) {
        match tiers.last_mut().filter(|_| n > 0 && geometry.stops[usize::from(n) - 1].tier == stop.tier) {
            Some(tier) => tier.push(n),
            None => tiers.push(vec![n]),
        }
    }
    Roster {
        members: members.collect(),
        stops: stops.collect(),
        tiers: tiers.into_iter().map(Into::into).collect(),
        geometry,
        chart: None,
        order,
        choice,
        answers,
        overflow: slots::share(limits.overflow),
        calm: verdict.calm,
    }
}

/// Networks within 10.0.0.0/20 and 2001:db8::/116, where they are and who serves them.
fn world() -> impl Strategy<Value = (Vec<Override>, Vec<(Network, u16)>)> {
    let network = || {
        (any::<bool>(), 0u32..4096, 0u8..13).prop_map(|(is_v4, at, bits)| {
            let at = at >> bits << bits;
            let text = match is_v4 {
                true => format!("10.0.{}.{}/{}", at >> 8, at & 255, 32 - bits),
                false => format!("2001:db8::{at:x}/{}", 128 - bits),
            };
            Network::parse(&text).unwrap()
        })
    };
    let country = proptest::option::of(proptest::sample::select(vec![*b"DE", *b"US", *b"JP", *b"BR", *b"ZA"]));
    let place = (network(), degrees(), country).prop_map(|(network, at, country)| Override { network, at: Some(at), country });
    (proptest::collection::vec(place, 1..30), proptest::collection::vec((network(), 0..REGIONS), 0..4))
}

fn regions(set: &Set, rules: &[(Network, u16)]) -> Vec<Region> {
    let mut regions = set.regions();
    let serves = ["DE", "US", "JP", "BR", ""];
    for ((n, region), country) in (0u16..).zip(&mut regions).zip(serves) {
        (region.latitude, region.longitude) = (f64::from(n) * 15.0, f64::from(n) * 40.0 - 80.0);
        region.countries = [country].into_iter().filter(|code| !code.is_empty()).map(String::from).collect();
        region.continents = if n == 0 { continent_bit("AF") } else { 0 };
        region.networks = rules.iter().filter(|(_, to)| *to == n).map(|(network, _)| *network).collect();
    }
    regions
}

/// Every seventh address of the world, and some that nobody knows.
fn addresses() -> impl Iterator<Item = IpAddr> {
    let v4 = (0x0a00_0000u32 - 8..0x0a00_1008).step_by(7).map(|bits| IpAddr::V4(bits.into()));
    let base = 0x2001_0db8u128 << 96;
    let v6 = (base..base + 4104).step_by(7).map(|bits| IpAddr::V6(bits.into()));
    v4.chain(v6)
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn a_chart_gives_what_the_geometry_gives_in_wider_networks(
        (places, rules) in world(),
        set in set(proptest::collection::vec(spot(), 1..12)),
        standings in proptest::collection::vec(proptest::collection::vec(standing(), 1..3), 12),
        choice in proptest::sample::select(vec![How::Sticky, How::Random, How::InTurn]),
        answers in 1u8..4,
        overflow in proptest::sample::select(vec![0.0, 0.5, 1.0]),
    ) {
        let guide = Guide::new(Arc::new(Atlas::new(vec![], &places)), regions(&set, &rules));
        let geometry = Arc::new(set.geometry());
        let chart = Chart::new(&geometry, &guide).unwrap();
        let limits = Limits { panic: 0.0, overflow };
        let direct = roster(Arc::clone(&geometry), &standings[..set.spots.len()], &limits, choice, answers, Order::Nearest);
        for address in addresses() {
            let (spot, own) = guide.find(address);
            let hit = chart.find(address);
            let mut first = Vec::new();
            let is_whole = chart.rank(hit.value, |tier| { first.push(tier.to_vec()); false });
            let full = guide.client(spot).map_or_else(Vec::new, |client| ranked(&geometry, &guide, &client));
            prop_assert_eq!(&first[..], &full[..full.len().min(3)], "{}", address);
            prop_assert_eq!(hit.value == 0, guide.client(spot).is_none());
            prop_assert!(hit.value == 0 || is_whole == (full.len() <= 3));
            prop_assert!(hit.prefix <= own, "{}: {} beyond {}", address, hit.prefix, own);
        }
        let charted = Roster { chart: Some(Arc::new(chart)), ..direct.clone() };
        for (seed, address) in (0u64..).zip(addresses()) {
            for family in [Family::V4, Family::V6] {
                let slot = direct.slot(address, seed);
                let [a, b] = [&direct, &charted].map(|roster| {
                    roster.choose(&guide, roster.class(&guide, address).0, address, family, slot, seed)
                });
                prop_assert_eq!((a.members(), a.tier, a.slot, a.by_slot), (b.members(), b.tier, b.slot, b.by_slot), "{}", address);
            }
        }
    }
}

/// The answers of all slots, or nearly so.
fn chosen(roster: &Roster, family: Family) -> Vec<Option<u16>> {
    let guide = Guide::default();
    let unspecified = IpAddr::V4(0.into());
    let choose = |slot| roster.choose(&guide, Class::Any, unspecified, family, Slot(slot), 0).members().first().copied();
    (0..=u16::MAX).step_by(5).map(choose).collect()
}

/// Sets of up to three tiers, one panel a stop.
fn tiered() -> impl Strategy<Value = (Vec<u16>, Vec<Standing>)> {
    let up = (prop_oneof![3 => Just(1.0), 2 => 0.1..20.0], Just(Fitness::Up)).prop_map(|(weight, v4)| Standing {
        weight,
        state: State::Enabled,
        v4,
        v6: Fitness::Up,
        slow_start: slots::WHOLE,
        shed: 0,
    });
    proptest::collection::vec((1u16..4, up), 2..12).prop_map(|mut panels| {
        panels.sort_by_key(|(tier, _)| *tier);
        panels.into_iter().unzip()
    })
}

fn sticky(tiers: &[u16], standings: &[Standing], limits: &Limits) -> Roster {
    let stop = |tier: &u16| Stop { point: None, region: NOWHERE, tier: *tier, continents: 0 };
    let geometry = Geometry::new(tiers.iter().map(stop).collect(), Fence::None, 0.0);
    let standings: Vec<Vec<Standing>> = standings.iter().map(|standing| vec![*standing]).collect();
    roster(Arc::new(geometry), &standings, limits, How::Sticky, 1, Order::Tiers)
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn what_happens_to_one_panel_moves_only_what_it_wins_or_loses(
        (tiers, standings) in tiered(),
        which in any::<proptest::sample::Index>(),
        weight in 0.1f64..30.0,
        gone in 0u8..3,
    ) {
        let before = chosen(&sticky(&tiers, &standings, &CALM), Family::V4);
        let which = which.index(standings.len());
        let mut changed = standings.clone();
        match gone {
            0 => changed[which].state = State::Disabled,
            1 => changed[which].state = State::Draining,
            _ => (changed[which].v4, changed[which].v6) = (Fitness::Down, Fitness::Down),
        }
        let own = Some(which as u16);
        for (old, new) in before.iter().zip(chosen(&sticky(&tiers, &changed, &CALM), Family::V4)) {
            prop_assert!(new != own && (*old == own || *old == new), "{:?} became {:?} without {}", old, new, which);
        }
        let mut changed = standings.clone();
        changed[which].weight = weight;
        let more = weight > standings[which].weight;
        for (old, new) in before.iter().zip(chosen(&sticky(&tiers, &changed, &CALM), Family::V4)) {
            prop_assert!(*old == new || if more { new == own } else { *old == own }, "{:?} became {:?}", old, new);
        }
        prop_assert_eq!(before, chosen(&sticky(&tiers, &standings, &CALM), Family::V4), "and as it was, it is again");
    }

    #[test]
    fn both_families_of_a_client_name_one_panel_unless_one_of_them_lacks_a_family(
        (tiers, _) in tiered(),
        standings in proptest::collection::vec(standing(), 12),
        overflow in proptest::sample::select(vec![0.0, 0.5, 1.0]),
    ) {
        let roster = sticky(&tiers, &standings[..tiers.len()], &Limits { panic: 0.0, overflow });
        let has_both = |n: u16| {
            let fit = roster.members[usize::from(n)].fit;
            !fit.v4.is_zero() && !fit.v6.is_zero()
        };
        // Where one family had to give up more than the other, weights differ and so may panels.
        prop_assume!(roster.members.iter().all(|member| member.fit.v4.is_zero() || member.fit.v6.is_zero() || member.fit.v4 == member.fit.v6));
        for (v4, v6) in chosen(&roster, Family::V4).into_iter().zip(chosen(&roster, Family::V6)) {
            if let (Some(v4), Some(v6)) = (v4, v6) {
                prop_assert!(v4 == v6 || !has_both(v4) || !has_both(v6), "{} and {}", v4, v6);
            }
        }
    }
}

#[test]
fn a_tier_below_overflow_keeps_its_share_of_clients_the_same_ones_each_time() {
    let one = Standing { weight: 1.0, state: State::Enabled, v4: Fitness::Up, v6: Fitness::None, slow_start: slots::WHOLE, shed: 0 };
    let down = Standing { v4: Fitness::Down, ..one };
    let limits = Limits { panic: 0.0, overflow: 0.8 };
    let guide = Guide::default();
    let choose = |roster: &Roster, slot| roster.choose(&guide, Class::Any, IpAddr::V4(0.into()), Family::V4, Slot(slot), 0);
    let mut kept_before: Option<Vec<u16>> = None;
    // Ten panels of a first tier, ever fewer of them up, and two tiers more.
    for up in (1..=10usize).rev() {
        let mut standings: Vec<Standing> = (0..10).map(|n| if n < up { one } else { down }).collect();
        standings.extend([one, one, down]);
        let roster = sticky(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3], &standings, &limits);
        let kept: Vec<u16> = (0..=u16::MAX).filter(|slot| choose(&roster, *slot).tier == 0).collect();
        let share = standing::kept(up as u64, 10, slots::WHOLE, roster.overflow);
        assert_eq!(kept.len(), share as usize, "{up} of 10 up");
        assert!((share as f64 / f64::from(slots::WHOLE) - (up as f64 / 8.0).min(1.0)).abs() < 1e-4, "{up} of 10 up: {share}");
        for slot in 0..=u16::MAX {
            let choice = choose(&roster, slot);
            // Nobody in the third tier can serve, so the second keeps all it gets.
            assert!(choice.tier < 2 && choice.members().len() == 1);
            assert!(up >= 8 || choice.by_slot, "who is handed on depends on the slot");
        }
        if let Some(before) = &kept_before {
            assert!(kept.iter().all(|slot| before.binary_search(slot).is_ok()), "a smaller share is part of a greater one");
        }
        kept_before = Some(kept);
    }
}

#[test]
fn the_last_tier_with_weight_keeps_all_its_clients() {
    let one = Standing { weight: 1.0, state: State::Enabled, v4: Fitness::Up, v6: Fitness::None, slow_start: slots::WHOLE, shed: 0 };
    let down = Standing { v4: Fitness::Down, ..one };
    let roster = sticky(&[1, 1, 2], &[one, down, down], &Limits { panic: 0.0, overflow: 1.0 });
    assert!(!roster.calm);
    assert!(chosen(&roster, Family::V4).iter().all(|member| *member == Some(0)));
    assert!(chosen(&roster, Family::V6).iter().all(Option::is_none));
    // The same for everybody, so that is what its scope may say.
    let choice = roster.choose(&Guide::default(), Class::Any, IpAddr::V4(0.into()), Family::V4, Slot(7), 0);
    assert!(!choice.by_slot);
}

#[test]
fn a_fence_is_given_up_for_a_family_that_nobody_within_it_has() {
    let one = Standing { weight: 1.0, state: State::Enabled, v4: Fitness::Up, v6: Fitness::Up, slow_start: slots::WHOLE, shed: 0 };
    let v4_only = Standing { v6: Fitness::None, ..one };
    let draining = Standing { state: State::Draining, ..one };
    let spots = [(0, (50.0, 8.0)), (1, (40.0, -74.0)), (1, (34.0, -118.0))];
    let spots = spots.map(|(region, at)| Spot { at: Some(at), region: Some(region), tier: 1, continents: 1 << region });
    let home = Override { network: Network::parse("10.0.0.0/8").unwrap(), at: Some((50.0, 8.0)), country: Some(*b"DE") };
    let away = Override { network: Network::parse("10.128.0.0/9").unwrap(), at: Some((40.0, -74.0)), country: Some(*b"US") };
    for fence in [Fence::Region, Fence::Continent] {
        let set = Set { spots: spots.to_vec(), fence, spread_km: 0.0, then: vec![vec![]; 5] };
        let mut regions = set.regions();
        for (region, country) in regions.iter_mut().zip(["DE", "US"]) {
            region.countries = vec![country.into()];
        }
        let guide = Guide::new(Arc::new(Atlas::new(vec![], &[home.clone(), away.clone()])), regions);
        let mut geometry = set.geometry();
        for (stop, code) in geometry.stops.iter_mut().zip(["EU", "NA", "NA"]) {
            stop.continents = continent_bit(code);
        }
        let geometry = Arc::new(geometry);
        let chart = Arc::new(Chart::new(&geometry, &guide).unwrap());
        for (standing, expected) in [(v4_only, [0, 1]), (draining, [1, 1]), (one, [0, 0])] {
            let standings = [vec![standing], vec![one], vec![one]];
            let direct = roster(Arc::clone(&geometry), &standings, &CALM, How::Sticky, 1, Order::Nearest);
            let charted = Roster { chart: Some(Arc::clone(&chart)), ..direct.clone() };
            for roster in [&direct, &charted] {
                for (family, expected) in [Family::V4, Family::V6].into_iter().zip(expected) {
                    let address = "10.1.0.1".parse().unwrap();
                    let (class, _) = roster.class(&guide, address);
                    let choice = roster.choose(&guide, class, address, family, Slot(7), 0);
                    assert_eq!(choice.members(), [expected], "{fence:?} {standing:?} {family:?}");
                    assert_eq!((choice.by_slot, usize::from(choice.tier)), (false, usize::from(expected)));
                    let mut tiers = 0;
                    roster.rank(&guide, Class::Spot(guide.find(address).0), Some(family), |_| tiers += 1);
                    assert_eq!(tiers, if expected == 0 { 1 } else { 3 }, "all that lies beyond, or nothing of it");
                }
            }
        }
    }
}

#[test]
fn every_region_that_comes_next_has_its_turn_however_many_there_are() {
    let regions = (0..400).map(|n| Region { then: if n == 0 { (1..400).rev().collect() } else { vec![] }, ..Region::default() });
    let guide = Guide::new(Arc::default(), regions.collect());
    let spots = (1..400).map(|n| Spot { at: Some((0.0, f64::from(n) / 4.0)), region: Some(n), tier: 1, continents: 1 });
    let set = Set { spots: spots.collect(), fence: Fence::None, spread_km: 0.0, then: vec![] };
    let client = Client { point: Point::at(0.0, 0.0), home: 0, continents: 1 };
    assert_eq!(ranked(&set.geometry(), &guide, &client), (0..399).rev().map(|n| vec![n]).collect::<Vec<_>>());
}
