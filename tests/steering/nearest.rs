//! The nearest panel for thousands of networks of the shipped database, against the oracle and against gdnsd.

use crate::asking::{Given, addresses, ecs, from, overlapping, panels, question};
use crate::judging::{Judged, TOLD, ecs_of, few_near_ties};
use crate::peers::ask;
use crate::peers::questions::Dice;
use crate::peers::wire::{self, A, AAAA, Question};
use crate::place::{Place, until};
use crate::servers::{Lands, gdnsd};
use crate::world::{DATABASE, Expected, MOST, Override, Region, World, ZONE, spots};
use serde_json::json;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Seeds say which networks are asked about; a failure comes back with the same one.
const SEED: u64 = 20_261_121;

/// Panels that belong to no region: distance alone decides.
fn by_distance(world: &mut World) {
    let all: Vec<usize> = spots().iter().map(|spot| world.add(spot.name.to_owned(), spot.at, None)).collect();
    for (name, count) in [("two", 2), ("five", 5), ("sixteen", 16), ("fifty", 50)] {
        world.host(name, all[..count].iter().map(|&n| (n, 1)).collect(), 0, "none", 1);
    }
}

/// What spread, regions, fences and tiers add to distance.
fn by_rule(world: &mut World) {
    let all: Vec<usize> = (0..50).collect();
    world.host("wide", all.iter().map(|&n| (n, 1)).collect(), 250, "none", MOST);
    world.host("wider", all.iter().map(|&n| (n, 1)).collect(), 1500, "none", 1);
    // Two thirds of the panels are the second choice, wherever the client is.
    world.host("tiers", all.iter().map(|&n| (n, if n % 3 == 0 { 1 } else { 2 })).collect(), 250, "none", MOST);
    let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<String>>();
    let mut region = |name: &str, at: [f64; 2], continent: &str, serves: &[(&'static str, &[&str])], then: &[&str]| {
        let serves = serves.iter().map(|(key, list)| (*key, codes(list))).collect();
        world.regions.push(Region { name: name.into(), at, continent: continent.into(), serves, then: codes(then) });
    };
    // Nothing serves Oceania and Antarctica; South America's clients have no panel of their own in `regional`.
    region("eu", [50.1, 8.7], "EU", &[("continents", &["EU"]), ("countries", &["MA", "TN", "DZ"])], &["us-east"]);
    region("us-east", [40.7, -74.0], "NA", &[("continents", &["NA"])], &["us-west", "eu"]);
    region("us-west", [34.1, -118.2], "NA", &[("subdivisions", &["US-CA", "US-WA", "CA-BC"]), ("countries", &["JP"])], &["us-east"]);
    region("asia", [1.35, 103.8], "AS", &[("continents", &["AS"]), ("networks", &["208.0.0.0/5", "2a00::/14"])], &["oceania"]);
    region("oceania", [-33.9, 151.2], "OC", &[("countries", &["ID"]), ("networks", &["215.0.0.0/8", "2a01::/16"])], &[]);
    region("africa", [-26.2, 28.0], "AF", &[("continents", &["AF"]), ("networks", &["31.0.0.0/8", "2806::/16"])], &["eu"]);
    region("south", [-23.5, -46.6], "SA", &[("continents", &["SA"])], &["us-east", "eu"]);
    let mut regional = Vec::new();
    for (n, spot) in spots().into_iter().enumerate() {
        let region = match (spot.continent, spot.at[1]) {
            ("NA", longitude) if longitude < -110.0 => "us-west",
            ("NA", _) => "us-east",
            ("SA", _) => "south",
            ("EU", _) => "eu",
            ("AF", _) => "africa",
            ("AS", _) => "asia",
            _ => "oceania",
        };
        regional.push((world.add(format!("r-{}", spot.name), spot.at, Some(region)), region, n));
    }
    let some = |keep: &dyn Fn(&str, usize) -> Option<u32>| {
        regional.iter().filter_map(|&(panel, region, n)| keep(region, n).map(|tier| (panel, tier))).collect::<Vec<_>>()
    };
    world.host("regional", some(&|region, n| (region != "south" && n < 30).then_some(1)), 250, "none", MOST);
    world.host("everywhere", some(&|_, _| Some(1)), 0, "none", 1);
    // The Americas are everybody's first tier; a fence leaves others the second. Nobody is fenced in where no panel is.
    let tier = |region: &str| if region.starts_with("us") { 1 } else { 2 };
    world.host("fenced", some(&|region, _| (region != "africa").then_some(tier(region))), 500, "region", MOST);
    world.host("continental", some(&|region, _| Some(tier(region))), 500, "continent", MOST);
}

#[test]
fn thousands_of_networks_get_a_panel_of_the_oracles_first_tier() {
    let mut world = World::default();
    by_distance(&mut world);
    by_rule(&mut world);
    let expected = world.oracle(&json!({ "pick": { "seed": SEED, "v4": 2500, "v6": 1500 } }));
    assert_eq!(expected.len(), 4000);
    few_near_ties(&expected);
    assert!(expected.iter().filter(|one| one.ruled).count() > 100, "regions name networks that are asked about");
    let place = Place::new();
    // Loopback addresses that stand where some of the networks are, so that a resolver's address can be somewhere.
    let (here, overrides) = on_loopback(&expected, 1000);
    let node = world.serve(&place, &[DATABASE], &overrides, "");

    let mut judged = Judged::new(&world, &expected);
    let early: Vec<f64> = [0, 4, 7].map(|host| by_ecs(&mut judged, place.dns, host)).into();
    // The other type, and TCP.
    for (host, rtype, tcp) in [(3, A, true), (4, AAAA, false), (7, AAAA, false)] {
        let asked = |one: &Expected| Question { tcp, ..question(&world.hostnames[host].name, rtype, Some(&ecs_of(one))) };
        let questions: Vec<Question> = expected.iter().map(asked).collect();
        let answers = ask::all(place.dns, &questions);
        judged.judge(host, rtype, &answers, |n| Some(ecs_of(&expected[n])), "another way");
    }

    // Without ECS: the resolver's address decides, and nobody hears of an option.
    let mut by_address = Judged::new(&world, &here);
    for (host, hostname) in world.hostnames.iter().enumerate() {
        let packets: Vec<(IpAddr, Vec<u8>)> = (0..here.len()).map(|n| (loopback(n), question(&hostname.name, A, None).encode())).collect();
        let answers = from(place.dns, &packets);
        by_address.judge(host, A, &answers, |_| None, "by the resolver's address");
    }
    by_address.end();
    on_ipv6_loopback(&world, place.dns, &here[0]);

    // A chart is drawn for each of these hostnames, one after the other, and each is published. They make scopes wider, and nothing else.
    let drawn = 1 + world.hostnames.len() as u64;
    until("all charts", || match generation(&node.readyz()) {
        Some(n) if n >= drawn => "all charts".into(),
        other => format!("generation {other:?}, not yet {drawn}"),
    });
    let widths: Vec<f64> = (0..world.hostnames.len()).map(|host| by_ecs(&mut judged, place.dns, host)).collect();
    judged.end();
    println!("mean IPv4 scopes: {early:.1?} at first, then {widths:.1?}");
    // The fewer the panels, the wider.
    assert!(widths[..4].is_sorted() && widths[0] < 17.0 && widths[0] < widths[3], "{widths:?}");
}

/// Judges everybody's answers and their scopes, and gives the mean scope for IPv4.
fn by_ecs(judged: &mut Judged<'_>, dns: SocketAddr, host: usize) -> f64 {
    let (world, expected) = (judged.world, judged.expected);
    let rtype = if host % 2 == 0 { A } else { AAAA };
    let packets: Vec<Vec<u8>> =
        expected.iter().map(|one| question(&world.hostnames[host].name, rtype, Some(&ecs_of(one))).encode()).collect();
    let given = judged.judge(host, rtype, &ask::over_udp(dns, &packets), |n| Some(ecs_of(&expected[n])), "by ECS");
    judged.faults.extend(scopes_hold(world, dns, host, rtype, &given));
    let scopes: Vec<f64> = given.iter().filter(|one| one.network.is_ipv4()).map(|one| f64::from(one.scope)).collect();
    scopes.iter().sum::<f64>() / scopes.len() as f64
}

fn generation(readyz: &str) -> Option<u64> {
    let body: serde_json::Value = serde_json::from_str(readyz.split_once("\r\n\r\n")?.1).ok()?;
    body["generation"].as_u64()
}

/// The first `count` networks with a place, and overrides that put a /24 of loopback addresses each there.
fn on_loopback(expected: &[Expected], count: usize) -> (Vec<Expected>, Vec<Override>) {
    // Neither a subdivision nor a network can be overridden, so who is served by one is left out.
    let fits = |one: &&Expected| one.at.is_some() && !one.ruled && !matches!(one.country.as_deref(), Some("US" | "CA"));
    let here: Vec<Expected> = expected.iter().filter(fits).take(count).cloned().collect();
    assert_eq!(here.len(), count);
    let put = |network: String, one: &Expected| Override { network, at: one.at.unwrap(), country: one.country.clone() };
    let mut overrides: Vec<Override> = here.iter().enumerate().map(|(n, one)| put(format!("{}/24", loopback(n)), one)).collect();
    for one in &mut overrides {
        one.network = one.network.replace(".9/24", ".0/24");
    }
    overrides.push(put("::1/128".into(), &here[0]));
    (here, overrides)
}

fn loopback(n: usize) -> IpAddr {
    Ipv4Addr::new(127, 100 + (n / 256) as u8, (n % 256) as u8, 9).into()
}

fn on_ipv6_loopback(world: &World, dns: SocketAddr, expected: &Expected) {
    let server = SocketAddr::new("::1".parse().unwrap(), dns.port());
    let host = &world.hostnames[3];
    let packet = question(&host.name, AAAA, None).encode();
    let answer = from(server, &[("::1".parse().unwrap(), packet)]).remove(0).expect("an answer");
    let heard = panels(world, &wire::decode(&answer).unwrap(), AAAA);
    assert_eq!(expected.hosts[3].fault(1, &heard), None);
}

/// Scopes never cover a network that gets another answer: neither among those asked, nor at an address by chance inside each.
fn scopes_hold(world: &World, dns: SocketAddr, host: usize, rtype: u16, given: &[Given]) -> Vec<String> {
    let name = &world.hostnames[host].name;
    let pair = |(a, b): (Given, Given)| format!("{name}: {a:?} covers {b:?}");
    let mut wrong: Vec<String> = overlapping(given.to_vec()).into_iter().map(pair).collect();
    let mut chance = Dice::new(SEED);
    let inside: Vec<IpAddr> = given.iter().map(|one| one.inside(u128::from(chance.roll()) << 64 | u128::from(chance.roll()))).collect();
    let packets: Vec<Vec<u8>> = inside
        .iter()
        .map(|&address| question(name, rtype, Some(&ecs(address, if address.is_ipv4() { 32 } else { 128 }))).encode())
        .collect();
    for ((one, address), bytes) in given.iter().zip(inside).zip(ask::over_udp(dns, &packets)) {
        let answer = wire::decode(&bytes.expect("an answer")).expect("a sound answer");
        let mut heard = panels(world, &answer, rtype);
        heard.sort();
        if heard != one.panels {
            wrong.push(format!("{name}: {one:?} covers {address}, which gets {heard:?}"));
        }
    }
    wrong
}

#[test]
fn gdnsd_by_coordinates_has_the_same_nearest() {
    let mut world = World::default();
    by_distance(&mut world);
    let expected = world.oracle(&json!({ "pick": { "seed": SEED + 1, "v4": 3000, "v6": 1500 } }));
    few_near_ties(&expected);
    let place = Place::new();
    let gdnsd = gdnsd(&world, &Lands::new(), &[]);
    let mut theirs = Judged::new(&world, &expected);
    let packets = |host: usize, rtype: u16| -> Vec<Vec<u8>> {
        expected.iter().map(|one| question(&world.hostnames[host].name, rtype, Some(&ecs_of(one))).encode()).collect()
    };
    let mut said = Vec::new();
    for host in 0..world.hostnames.len() {
        for rtype in [A, AAAA] {
            let answers = ask::over_udp(gdnsd.address, &packets(host, rtype));
            theirs.judge(host, rtype, &answers, |n| Some(ecs_of(&expected[n])), "by gdnsd");
            said.push((host, rtype, answers));
        }
    }
    theirs.end();
    let _node = world.serve(&place, &[DATABASE], &[], "");
    let mut wrong = Vec::new();
    for (host, rtype, theirs) in said {
        let ours = ask::over_udp(place.dns, &packets(host, rtype));
        for ((one, ours), theirs) in expected.iter().zip(ours).zip(theirs) {
            let [ours, theirs] = [ours, theirs].map(|bytes| addresses(&wire::decode(&bytes.expect("an answer")).unwrap(), rtype));
            // Where a hundred metres decide each may have its own.
            if ours != theirs && one.hosts[host].perhaps.is_empty() {
                wrong.push(format!("{} for {}/{}: {ours:?}, gdnsd {theirs:?}", world.hostnames[host].name, one.network, one.length));
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong[..wrong.len().min(TOLD)].join("\n"));
}

/// Nobody knows where these are: each panel of the first tier may be named, and all of them are.
#[test]
fn who_is_nowhere_gets_the_whole_first_tier() {
    let mut world = World::default();
    by_distance(&mut world);
    world.host("all", (0..6).map(|n| (n, 1)).chain((6..12).map(|n| (n, 2))).collect(), 250, "none", MOST);
    let networks =
        ["10.1.2.0/24", "192.168.7.0/24", "169.254.1.0/24", "240.1.2.0/24", "fc00:1::/56", "fe80::/64", "3ffe:1::/56", "100.64.9.0/24"];
    let expected = world.oracle(&json!({ "networks": networks }));
    assert!(expected.iter().all(|one| one.at.is_none() && one.hosts[4].first.len() == 6));
    let place = Place::new();
    let _node = world.serve(&place, &[DATABASE], &[], "");
    let mut judged = Judged::new(&world, &expected);
    for (host, hostname) in world.hostnames.iter().enumerate() {
        let packets: Vec<Vec<u8>> = expected.iter().map(|one| question(&hostname.name, A, Some(&ecs_of(one))).encode()).collect();
        let answers = ask::over_udp(place.dns, &packets);
        judged.judge(host, A, &answers, |n| Some(ecs_of(&expected[n])), "by ECS");
    }
    judged.end();
    // Clients by the hundred are spread over all of a tier.
    let name = format!("sixteen.{ZONE}");
    let packets: Vec<(IpAddr, Vec<u8>)> =
        (0..=255).map(|n| (Ipv4Addr::new(127, n, 2, 9).into(), question(&name, A, None).encode())).collect();
    let heard = from(place.dns, &packets);
    let heard: BTreeSet<_> = heard.iter().flat_map(|a| addresses(&wire::decode(a.as_ref().unwrap()).unwrap(), A)).collect();
    assert_eq!(heard.len(), 16, "{heard:?}");
}
