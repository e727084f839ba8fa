//! Who goes where by continent, country and subdivision, against gdnsd's map and Knot's mod-geoip on the same database.

use crate::asking::question;
use crate::judging::{Judged, ecs_of};
use crate::peers::ask;
use crate::peers::wire::{A, AAAA};
use crate::place::Place;
use crate::servers::{Lands, gdnsd, knot};
use crate::world::{DATABASE, Region, World, spots};
use serde_json::json;
use std::collections::BTreeSet;
use std::net::SocketAddr;

const SEED: u64 = 20_261_123;
/// Regions with one panel each.
const REGIONS: usize = 8;

/// A region for a code, the same each time and with no regard to where the land lies.
fn region_of(code: &str) -> usize {
    code.bytes().fold(7, |sum, byte| sum * 31 + usize::from(byte)) % REGIONS
}

/// Panels whose distance says nothing: each land has a region by its code. Two in three of the countries that are met have a
/// rule of their own, the others go with their continent.
fn lands(met: &BTreeSet<(String, String)>) -> Lands {
    let mut lands = Lands::new();
    for continent in ["AF", "AN", "AS", "EU", "NA", "OC", "SA"] {
        lands.insert((continent.into(), String::new(), String::new()), region_of(continent));
    }
    for (continent, country) in met.iter().filter(|(_, country)| !region_of(&format!("own {country}")).is_multiple_of(3)) {
        lands.insert((continent.clone(), country.clone(), String::new()), region_of(country));
    }
    for (country, subdivision) in [("US", "CA"), ("US", "NY"), ("US", "TX"), ("US", "VA"), ("CA", "ON"), ("CA", "QC")] {
        lands.insert(("NA".into(), country.into(), subdivision.into()), region_of(subdivision));
    }
    lands
}

/// The same rules as regions that serve.
fn regions(lands: &Lands) -> Vec<Region> {
    let region = |n: usize| {
        let mut serves = [("continents", BTreeSet::new()), ("countries", BTreeSet::new()), ("subdivisions", BTreeSet::new())];
        for ((continent, country, subdivision), _) in lands.iter().filter(|(_, region)| **region == n) {
            match (country.as_str(), subdivision.as_str()) {
                ("", _) => serves[0].1.insert(continent.clone()),
                (_, "") => serves[1].1.insert(country.clone()),
                _ => serves[2].1.insert(format!("{country}-{subdivision}")),
            };
        }
        let serves = serves.into_iter().map(|(key, codes)| (key, codes.into_iter().collect())).collect();
        Region { name: format!("region{n}"), at: spots()[n].at, continent: spots()[n].continent.into(), serves, then: Vec::new() }
    };
    (0..REGIONS).map(region).collect()
}

#[test]
fn gdnsd_and_knot_send_each_land_to_the_same_panel() {
    // Which networks, and which lands they are in.
    let picked = World::default().oracle(&json!({ "pick": { "seed": SEED, "v4": 3000, "v6": 1500 } }));
    let met: BTreeSet<(String, String)> = picked.iter().filter_map(|one| Some((one.continent.clone()?, one.country.clone()?))).collect();
    assert!(met.len() > 100, "{} lands", met.len());
    let lands = lands(&met);
    let mut world = World { regions: regions(&lands), ..World::default() };
    for (n, spot) in spots().iter().take(REGIONS).enumerate() {
        world.add(spot.name.into(), spot.at, Some(&format!("region{n}")));
    }
    world.host("land", (0..REGIONS).map(|n| (n, 1)).collect(), 0, "none", 1);
    let networks: Vec<String> = picked.iter().map(|one| format!("{}/{}", one.network, one.length)).collect();
    let expected = world.oracle(&json!({ "networks": networks }));
    // Nothing hangs on distance here.
    assert!(expected.iter().all(|one| one.hosts[0].first.len() == 1));

    let peers = World { hostnames: Vec::new(), ..world.clone() };
    let (gdnsd, knot) = (gdnsd(&peers, &lands, &[]), knot(&peers, &lands));
    let place = Place::new();
    let judge = |who: &str, server: SocketAddr| {
        let mut judged = Judged::new(&world, &expected);
        for rtype in [A, AAAA] {
            let name = &world.hostnames[0].name;
            let packets: Vec<Vec<u8>> = expected.iter().map(|one| question(name, rtype, Some(&ecs_of(one))).encode()).collect();
            let answers = ask::over_udp(server, &packets);
            judged.judge(0, rtype, &answers, |n| Some(ecs_of(&expected[n])), who);
        }
        judged.end();
    };
    judge("by gdnsd", gdnsd.address);
    judge("by Knot", knot.address);
    let _node = world.serve(&place, &[DATABASE], &[], "");
    judge("by Meridian", place.dns);
}
