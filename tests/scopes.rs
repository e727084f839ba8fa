//! No scope of an answer ever covers a network that gets another answer: random fleets, places and loads, every address of a small world asked for.

#[path = "peers/wire.rs"]
#[allow(dead_code)]
mod wire;
#[allow(dead_code)]
mod world;

use meridian::answer::{Ask, Over, Verdict, handle};
use meridian::clock::Now;
use meridian::dns::name::Name;
use meridian::document::Network;
use meridian::geo::Override;
use meridian::snapshot::service::Service;
use meridian::snapshot::{Services, Serving, Snapshot, Zones};
use meridian::steer::slots::{WHOLE, Weight};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use world::World;

/// The same worlds each time.
const SEED: u64 = 1;
const ZONE: &str = "@ 60 IN SOA ns hostmaster 1 2 3 4 30\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\nto 60 IN CNAME live\n";
/// 10.0.0.0/20, 2001:db8::/116 and its likeness in the form of IPv6, each a stretch of so many addresses.
const SIZE: u32 = 4096;
const V4: u32 = 0x0a00_0000;
const V6: u128 = 0x2001_0db8 << 96;
const MAPPED: u128 = 0xffff_0a00_0000;

/// Up to 4,096 addresses, and their first one.
#[derive(Clone, Debug)]
struct Part {
    is_v4: bool,
    at: u32,
    free: u8,
}

impl Part {
    fn network(&self) -> Network {
        let at = self.at >> self.free << self.free;
        let text = match self.is_v4 {
            true => format!("{}/{}", IpAddr::V4((V4 + at).into()), 32 - self.free),
            false => format!("{}/{}", IpAddr::V6((V6 + u128::from(at)).into()), 128 - self.free),
        };
        Network::parse(&text).unwrap()
    }
}

fn part() -> impl Strategy<Value = Part> {
    (any::<bool>(), 0..SIZE, 0u8..13).prop_map(|(is_v4, at, free)| Part { is_v4, at, free })
}

#[derive(Clone, Debug)]
struct Panel {
    at: Option<(f64, f64)>,
    region: bool,
    tier: u32,
    families: u8,
    weight: f64,
    /// What health and load leave of it: how much of its weight, whether it counts as up, and what it takes of its clients.
    fit: (u8, bool, u32),
}

#[derive(Clone, Debug)]
struct Case {
    places: Vec<(Part, (f64, f64))>,
    rules: Vec<Part>,
    panels: Vec<Panel>,
    policy: String,
    is_sticky: bool,
    is_loaded: bool,
}

fn degrees() -> impl Strategy<Value = (f64, f64)> {
    proptest::sample::select(vec![
        (50.11, 8.68),
        (52.37, 4.9),
        (40.71, -74.0),
        (34.05, -118.24),
        (1.35, 103.82),
        (-23.55, -46.63),
        (41.0, 29.0),
        (35.7, 139.7),
    ])
}

fn panel() -> impl Strategy<Value = Panel> {
    let fit = (0u8..4, any::<bool>(), prop_oneof![2 => Just(WHOLE), 1 => 0..WHOLE]);
    let weight = proptest::sample::select(vec![0.0, 1.0, 1.0, 3.0]);
    (proptest::option::weighted(0.9, degrees()), any::<bool>(), 1u32..3, 1u8..4, weight, fit)
        .prop_map(|(at, region, tier, families, weight, fit)| Panel { at, region, tier, families, weight, fit })
}

fn case() -> impl Strategy<Value = Case> {
    let policy = (
        prop_oneof![5 => Just("nearest"), 3 => proptest::sample::select(vec!["failover", "weighted", "round-robin", "least-loaded"])],
        proptest::sample::select(vec![0, 0, 1000, 20_000]),
        proptest::sample::select(vec!["none", "none", "region", "continent"]),
        prop_oneof![3 => Just(true), 1 => Just(false)],
        1u8..4,
        proptest::sample::select(vec![0.0, 0.5, 1.0, 1.0]),
    );
    let places = proptest::collection::vec((part(), degrees()), 1..24);
    (places, proptest::collection::vec(part(), 0..3), proptest::collection::vec(panel(), 1..10), policy, prop_oneof![2 => Just(true), 1 => Just(false)]).prop_map(
        |(places, rules, panels, (steer, spread, fence, is_sticky, answers, overflow), is_loaded)| Case {
            places,
            rules,
            panels,
            policy: format!(
                "steer = \"{steer}\"\nspread = \"{spread}km\"\nfence = \"{fence}\"\nsticky = {is_sticky}\nanswers = {answers}\noverflow = {overflow:?}\n"
            ),
            is_sticky: is_sticky && steer != "round-robin",
            is_loaded,
        },
    )
}

impl Case {
    fn world(&self) -> World<'static> {
        let mut fleet = format!("[defaults]\n{}", self.policy);
        let rules: BTreeSet<String> = self.rules.iter().map(|part| format!("\"{}\"", part.network())).collect();
        let rules: Vec<String> = rules.into_iter().collect();
        let serves = format!("{{ continents = [\"EU\"], networks = [{}] }}", rules.join(", "));
        let _ = writeln!(fleet, "[[region]]\nname = \"eu\"\nat = [50.11, 8.68]\nserves = {serves}\nthen = [\"us\"]");
        let _ = writeln!(fleet, "[[region]]\nname = \"us\"\nat = [40.71, -74.0]\nserves = {{ countries = [\"US\"] }}");
        let first = self.panels.iter().map(|panel| panel.tier).min().unwrap_or(1);
        let mut members = Vec::new();
        for (n, panel) in self.panels.iter().enumerate() {
            let at = panel.at.map_or(String::new(), |(latitude, longitude)| format!("at = [{latitude:?}, {longitude:?}]\n"));
            let region = match panel.at {
                Some((_, longitude)) if panel.region => format!("region = \"{}\"\n", if longitude < -20.0 { "us" } else { "eu" }),
                _ => String::new(),
            };
            let addresses = [(1, format!("\"198.51.100.{n}\"")), (2, format!("\"2001:db8:ffff::{n}\""))];
            let addresses = addresses.iter().filter(|(bit, _)| panel.families & bit != 0).map(|(_, text)| text.as_str());
            let addresses: Vec<&str> = addresses.collect();
            let _ = write!(fleet, "[[panel]]\nname = \"p{n}\"\nweight = {:?}\n{at}{region}", panel.weight);
            let _ = writeln!(fleet, "addresses = [{}]", addresses.join(", "));
            members.push(format!("{{ panel = \"p{n}\", tier = {} }}", panel.tier - first + 1));
        }
        let _ = writeln!(fleet, "[[set]]\nname = \"all\"\npanels = [{}]", members.join(", "));
        fleet += "[[hostname]]\nname = \"live.x.test\"\nset = \"all\"\nports = { http = 80, https = 443 }\n";
        let places = self.places.iter().map(|(part, at)| {
            let country = if at.1 < -20.0 && at.0 > 0.0 { Some(*b"US") } else { None };
            Override { network: part.network(), at: Some(*at), country }
        });
        let zones = vec![(Name::parse("x.test").unwrap(), ZONE.into())];
        World { file: "world", fleet, zones, places: places.collect(), ..World::default() }
    }

    /// What health and load would leave: some panels down or with less weight, and tiers that hand clients on.
    fn loaded(&self, snapshot: &Snapshot) -> Snapshot {
        let serving = snapshot.zones.iter().map(|serving| match serving {
            Serving::Broken(_) => serving.clone(),
            Serving::Zone(zone, services) => {
                let list = services.list.iter().map(|service| Arc::new(self.burdened(service)));
                Serving::Zone(Arc::clone(zone), Services { of: Arc::clone(&services.of), list: list.collect() })
            }
        });
        Snapshot { zones: Zones::new(serving.collect()), ..snapshot.clone() }
    }

    fn burdened(&self, service: &Service) -> Service {
        let mut service = service.clone();
        service.roster.calm = false;
        for member in &mut service.roster.members {
            let (part, is_up, open) = self.panels[member.panel as usize].fit;
            let fit = &mut member.fit;
            (fit.v4, fit.v6) = match part {
                0 => (Weight::ZERO, Weight::ZERO),
                part => (fit.v4.times(WHOLE * u32::from(part) / 3), fit.v6.times(WHOLE * u32::from(part) / 3)),
            };
            fit.up = if is_up { fit.full } else { 0 };
            fit.open = open;
        }
        service
    }
}

/// A family of client subnets: its number, and how an address is made from a place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Four,
    Six,
    Mapped,
}

impl Form {
    fn address(self, at: u32) -> IpAddr {
        match self {
            Self::Four => IpAddr::V4(V4.wrapping_add(at).into()),
            Self::Six => IpAddr::V6((V6 + u128::from(at)).into()),
            Self::Mapped => IpAddr::V6((MAPPED + u128::from(at)).into()),
        }
    }

    fn width(self) -> u32 {
        if self == Self::Four { 32 } else { 128 }
    }
}

/// The answers that a client in this network may get: one where it is sticky, else those of several chances.
fn answers(snapshot: &Snapshot, name: &[u8], rtype: u16, address: IpAddr, seeds: u64) -> (Vec<Vec<Vec<u8>>>, u8) {
    let (family, octets) = match address {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let option = [&[0, family, octets.len() as u8 * 8, 0], &octets[..]].concat();
    let edns = Some(wire::Edns::of(1232).option(8, &option));
    let question = wire::Question { edns, tcp: true, ..wire::Question::of(name.to_vec(), rtype) }.encode();
    let (mut said, mut scope) = (Vec::new(), None);
    for seed in 0..seeds {
        let ask = Ask { bytes: &question, peer: "192.0.2.77:53".parse().unwrap(), over: Over::Tcp, seed, path: None };
        let mut out = [0; 4096];
        let Verdict::Reply(reply) = handle(Now::default(), snapshot, &ask, &mut out) else { panic!("no answer") };
        let answer = wire::decode(&out[..reply.len]).unwrap();
        let told = answer.option(8).expect("the option comes back")[3];
        assert!(scope.replace(told).is_none_or(|before| before == told), "a scope does not depend on chance");
        said.push(answer.answer.into_iter().map(|record| record.rdata).collect());
    }
    (said, scope.unwrap_or(0))
}

fn check(snapshot: &Snapshot, name: &str, rtype: u16, form: Form, seeds: u64, step: usize) -> Result<(), TestCaseError> {
    let name = wire::name(name);
    // Beside the world's own addresses some of the networks around it.
    let around: &[u32] = if form == Form::Four { &[0u32.wrapping_sub(1), SIZE, SIZE * 2 + 9, 0x3000_0000] } else { &[SIZE, SIZE * 2 + 9] };
    let mut all = Vec::new();
    for at in (0..SIZE).step_by(step).chain(around.iter().copied()) {
        let address = form.address(at);
        let (said, scope) = answers(snapshot, &name, rtype, address, seeds);
        prop_assert!(u32::from(scope) <= form.width());
        let bits = match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
            IpAddr::V6(v6) => v6.to_bits(),
        };
        all.push((address, bits, scope, said));
    }
    // Each network that a scope names, and the one answer of all in it.
    let mut told: HashMap<(u8, u128), usize> = HashMap::new();
    let masked = |bits: u128, scope: u8| bits & u128::MAX.checked_shl(128 - u32::from(scope)).unwrap_or(0);
    for (n, (_, bits, scope, _)) in all.iter().enumerate() {
        told.entry((*scope, masked(*bits, *scope))).or_insert(n);
    }
    let scopes: BTreeSet<u8> = all.iter().map(|(_, _, scope, _)| *scope).collect();
    for (address, bits, _, said) in &all {
        for scope in &scopes {
            let Some(first) = told.get(&(*scope, masked(*bits, *scope))) else { continue };
            let (other, _, _, others) = &all[*first];
            prop_assert_eq!(said, others, "the answer to {} for /{} reaches {}", other, scope, address);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, rng_seed: RngSeed::Fixed(SEED), ..ProptestConfig::default() })]

    #[test]
    fn no_scope_covers_a_network_with_another_answer(case in case()) {
        let world = case.world();
        for with_charts in [true, false] {
            let published = world.publish(with_charts);
            let errors: Vec<_> = published.problems.iter().filter(|problem| problem.is_error()).collect();
            prop_assert!(errors.iter().all(|problem| problem.what.contains("has no panels")), "{:?}", errors);
            let snapshot = if case.is_loaded { case.loaded(&published.snapshot) } else { Snapshot::clone(&published.snapshot) };
            let (seeds, step) = if case.is_sticky { (1, 1) } else { (6, 5) };
            for (form, step) in [(Form::Four, step), (Form::Six, step), (Form::Mapped, step * 3)] {
                check(&snapshot, "live.x.test", wire::A, form, seeds, step)?;
                check(&snapshot, "to.x.test", wire::AAAA, form, seeds, step * 5)?;
                check(&snapshot, "_443._https.live.x.test", 65, form, seeds, step * 11)?;
                check(&snapshot, "_http._tcp.live.x.test", wire::SRV, form, 1, step * 11)?;
            }
        }
    }
}

#[test]
fn what_a_chart_does_not_know_is_asked_for_place_by_place() {
    let panel = |tier, at, is_up| Panel { at: Some(at), region: false, tier, families: 3, weight: 1.0, fit: (3, is_up, WHOLE) };
    let (west, east) = ((40.71, -74.0), (1.35, 103.82));
    let case = Case {
        // Two places within one network that shares its panel, in both families.
        places: [true, false]
            .into_iter()
            .flat_map(|is_v4| [(0, west), (128, east)].map(|(at, place)| (Part { is_v4, at, free: 7 }, place)))
            .collect(),
        rules: vec![],
        // All of three tiers hand on; who comes then is another one for each of the two.
        panels: vec![panel(1, west, false), panel(2, west, false), panel(3, west, false), panel(4, west, true), panel(4, east, true)],
        policy: "overflow = 1.0\n".into(),
        is_sticky: true,
        is_loaded: true,
    };
    let published = case.world().publish(true);
    assert_eq!(published.charts, 1);
    let snapshot = case.loaded(&published.snapshot);
    let name = wire::name("live.x.test");
    let of = |form: Form, at| answers(&snapshot, &name, wire::A, form.address(at), 1);
    for (form, scope) in [(Form::Four, 25), (Form::Six, 121)] {
        let (near_west, near_east) = (of(form, 5), of(form, 200));
        assert_ne!(near_west.0, near_east.0);
        assert_eq!((near_west.1, near_east.1), (scope, scope), "{form:?}");
        check(&snapshot, "live.x.test", wire::A, form, 1, 1).unwrap();
    }
}
