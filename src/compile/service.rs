//! A set, a policy and what is known of the panels → a service that queries read.

use super::brief::Brief;
use super::plan::Order;
use crate::fleet::{self, Fence, Fleet, MAX_PANELS_IN_SET, Panel, Policy, Set, Steer};
use crate::geo::{Atlas, Point, continent_bit, nearest_country};
use crate::snapshot::service::{Listing, Service};
use crate::steer::slots::share;
use crate::steer::{self, Geometry, Guide, How, Limits, MAX_STOPS, Member, NOWHERE, Roster, Standing, Stop, judge, key};
use std::ops::Range;
use std::sync::Arc;

// Each panel may stand at a place of its own.
const _: () = assert!(MAX_PANELS_IN_SET <= MAX_STOPS);

/// All regions of the fleet over the atlas.
pub fn guide(fleet: &Fleet, atlas: Arc<Atlas>) -> Guide {
    Guide::new(atlas, fleet.regions.iter().map(region).collect())
}

fn region(region: &fleet::Region) -> steer::Region {
    let serves = &region.serves;
    steer::Region {
        latitude: region.at.latitude,
        longitude: region.at.longitude,
        continents: serves.continents.iter().map(|code| continent_bit(code)).fold(0, |all, one| all | one),
        countries: serves.countries.clone(),
        subdivisions: serves.subdivisions.clone(),
        networks: serves.networks.clone(),
        asns: serves.asns.clone(),
        then: region.then.iter().map(|id| region_number(id.index())).collect(),
    }
}

/// More regions than numbers: the last ones are told apart no more.
fn region_number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(NOWHERE)
}

/// `brief` is how its panels stand now; `geometry` gives the shared one of those that are equal.
pub fn service(fleet: &Fleet, order: &Order, brief: &Brief, guide: &Guide, geometry: &mut dyn FnMut(Geometry) -> Arc<Geometry>) -> Service {
    let set = fleet.set(order.set);
    let policy = &order.policy;
    let (places, grouped) = stops(fleet, set, policy, guide);
    let standings: Vec<Standing> = grouped.iter().flatten().map(|n| brief.standings[*n]).collect();
    let verdict = judge(&standings, &Limits { panic: policy.panic, overflow: policy.overflow });
    let mut ranges: Vec<Range<u16>> = Vec::with_capacity(places.len());
    let mut tiers: Vec<Vec<u16>> = Vec::new();
    let mut at = 0u16;
    for (n, (stop, panels)) in places.iter().zip(&grouped).enumerate() {
        let end = at + panels.len() as u16;
        ranges.push(at..end);
        at = end;
        // What comes after each other alone is a tier of its own.
        let is_same = policy.steer != Steer::Failover && n > 0 && places[n - 1].tier == stop.tier;
        match tiers.last_mut().filter(|_| is_same) {
            Some(tier) => tier.push(n as u16),
            None => tiers.push(vec![n as u16]),
        }
    }
    let ids = grouped.iter().flatten().map(|n| (*n, set.members[*n].panel));
    let members = ids.clone().zip(verdict.fits).map(|((_, id), fit)| Member { panel: id.0, key: key(&fleet.panel(id).name), fit });
    let roster = Roster {
        members: members.collect(),
        geometry: geometry(Geometry::new(places, fence(policy.fence), policy.spread_km)),
        chart: None,
        stops: ranges.into(),
        tiers: tiers.into_iter().map(Into::into).collect(),
        order: if policy.steer == Steer::Nearest { steer::Order::Nearest } else { steer::Order::Tiers },
        choice: match (policy.steer, policy.sticky) {
            (Steer::RoundRobin, _) => How::InTurn,
            (_, true) => How::Sticky,
            (_, false) => How::Random,
        },
        answers: policy.answers,
        overflow: share(policy.overflow),
        calm: verdict.calm,
    };
    let listing = |(n, id): (usize, fleet::PanelId)| Listing { name: &fleet.panel(id).name, addresses: brief.addresses(n).collect() };
    let listings: Vec<Listing<'_>> = ids.map(listing).collect();
    let families = [verdict.has_v4 && !verdict.v4_dead, verdict.has_v6 && !verdict.v6_dead];
    let mut service = Service::new(roster, brief.ttl, families, &listings);
    // What an operator has switched off stays away as long as he says.
    let died = |family: fn(&Standing) -> steer::Fitness| {
        standings.iter().any(|member| member.state != steer::State::Disabled && family(member) == steer::Fitness::Down)
    };
    let is_dead = verdict.v4_dead && died(|member| member.v4) || verdict.v6_dead && died(|member| member.v6);
    (service.http, service.https) = (order.ports.http, order.ports.https);
    service.dead_ttl = is_dead.then(|| policy.ttl.min(policy.ttl_changing));
    service
}

/// The distinct places of a set's panels and which members stand there. Without distances each panel is a place of its own, in the order of the list.
fn stops(fleet: &Fleet, set: &Set, policy: &Policy, guide: &Guide) -> (Vec<Stop>, Vec<Vec<usize>>) {
    let mut placed: Vec<(Stop, Vec<usize>)> = Vec::new();
    for (n, member) in set.members.iter().enumerate() {
        let stop = stop(fleet.panel(member.panel), member.tier, guide);
        match placed.iter_mut().find(|(other, _)| policy.steer == Steer::Nearest && *other == stop) {
            Some((_, members)) => members.push(n),
            None => placed.push((stop, vec![n])),
        }
    }
    if policy.steer == Steer::Nearest {
        // In an order of their own, so that sets with panels in the same places share what is made of those.
        let bits = |stop: &Stop| stop.point.map(|point| [point.x, point.y, point.z].map(f32::to_bits));
        placed.sort_by_key(|(stop, _)| (stop.tier, stop.region, bits(stop)));
    } else {
        placed.sort_by_key(|(stop, _)| stop.tier);
    }
    placed.into_iter().unzip()
}

fn stop(panel: &Panel, tier: u32, guide: &Guide) -> Stop {
    let region = panel.region.map_or(NOWHERE, |id| region_number(id.index()));
    let continents = match (panel.region, panel.at) {
        (Some(_), _) => guide.continents(region),
        (None, Some(at)) => nearest_country(at.latitude, at.longitude).continent,
        (None, None) => 0,
    };
    Stop {
        point: panel.at.map(|at| Point::at(at.latitude, at.longitude)),
        region,
        tier: u16::try_from(tier).unwrap_or(u16::MAX),
        continents,
    }
}

fn fence(fence: Fence) -> steer::Fence {
    match fence {
        Fence::None => steer::Fence::None,
        Fence::Region => steer::Fence::Region,
        Fence::Continent => steer::Fence::Continent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::brief::{Known, brief};
    use crate::compile::plan::{Plan, plan};
    use crate::fleet::Conducts;
    use crate::steer::slots::WHOLE;
    use crate::steer::{Class, Family};
    use std::net::IpAddr;

    /// Panels a and b in one place, c elsewhere, d without a place; b comes after all others.
    const FLEET: &str = r#"
[[region]]
name = "eu"
at = [50.0, 8.0]
[[panel]]
name = "a"
region = "eu"
addresses = ["192.0.2.1", "2001:db8::1"]
[[panel]]
name = "B"
at = [50.0, 8.0]
region = "eu"
addresses = ["192.0.2.2"]
weight = 0.0
[[panel]]
name = "c"
at = [40.0, -74.0]
addresses = ["192.0.2.3", "192.0.2.4"]
[[panel]]
name = "d"
addresses = ["192.0.2.5"]
weight = 3.0
[[set]]
name = "s"
panels = ["d", "c", "B", "a"]
[[set]]
name = "tiers"
panels = [{ panel = "a", tier = 2 }, "c", { panel = "B", tier = 3 }, "d"]
[[zone]]
name = "x.test"
file = "z"
[[zone]]
name = "y.test"
file = "z"
"#;

    fn planned(hostnames: &[(&str, &str)]) -> Plan {
        let mut text = FLEET.to_owned();
        for (name, keys) in hostnames {
            text += &format!("[[hostname]]\nname = \"{name}\"\n{keys}\n");
        }
        let (fleet, problems) = fleet::parse("f", text.as_bytes(), std::path::Path::new(""));
        assert!(!problems.iter().any(|problem| problem.is_error()), "{problems:?}");
        plan("f", fleet)
    }

    fn made(keys: &str) -> Service {
        let plan = planned(&[("live.x.test", keys)]);
        let guide = guide(&plan.fleet, Arc::default());
        let known = Known { conducts: &Conducts::new(), conditions: None, now_ms: 0 };
        let brief = brief(&plan.fleet, &plan.orders[0].list[0], known);
        service(&plan.fleet, &plan.orders[0].list[0], &brief, &guide, &mut Arc::new)
    }

    /// The panels at each stop, and the stops of each tier.
    fn stood(service: &Service) -> (Vec<Vec<u32>>, Vec<Vec<u16>>) {
        let roster = &service.roster;
        let at = |stop| roster.numbered_at(stop).map(|(_, member)| member.panel).collect();
        ((0..roster.stops.len() as u16).map(at).collect(), roster.tiers.iter().map(|tier| tier.to_vec()).collect())
    }

    #[test]
    fn panels_of_one_place_are_one_stop_where_distance_counts() {
        let nearest = made("set = \"s\"");
        let (stops, tiers) = stood(&nearest);
        assert_eq!(nearest.roster.order, steer::Order::Nearest);
        assert_eq!(tiers, [vec![0, 1, 2]]);
        assert_eq!(stops.len(), 3);
        assert!(stops.contains(&vec![1, 0]) && stops.contains(&vec![2]) && stops.contains(&vec![3]), "{stops:?}");
        let (stops, tiers) = stood(&made("set = \"tiers\""));
        assert_eq!((stops.len(), tiers), (4, vec![vec![0, 1], vec![2], vec![3]]));
        assert_eq!((&stops[2], &stops[3]), (&vec![0], &vec![1]));
    }

    #[test]
    fn each_kind_of_steering_has_its_tiers() {
        for (set, steer, stops, tiers) in [
            ("s", "failover", [3, 2, 1, 0], vec![vec![0], vec![1], vec![2], vec![3]]),
            ("tiers", "failover", [2, 3, 0, 1], vec![vec![0], vec![1], vec![2], vec![3]]),
            ("s", "weighted", [3, 2, 1, 0], vec![vec![0, 1, 2, 3]]),
            ("tiers", "round-robin", [2, 3, 0, 1], vec![vec![0, 1], vec![2], vec![3]]),
            ("tiers", "least-loaded", [2, 3, 0, 1], vec![vec![0, 1], vec![2], vec![3]]),
        ] {
            let service = made(&format!("set = \"{set}\"\nsteer = \"{steer}\""));
            assert_eq!(stood(&service), (stops.map(|panel| vec![panel]).into(), tiers), "{set} {steer}");
            assert_eq!(service.roster.order, steer::Order::Tiers);
        }
    }

    #[test]
    fn in_turn_means_in_turn_but_a_weight_of_0_is_never() {
        let service = made("set = \"s\"\nsteer = \"round-robin\"");
        assert_eq!(service.roster.choice, How::InTurn);
        let weights: Vec<u32> = service.roster.members.iter().map(|member| member.weight(Family::V4).units()).collect();
        assert_eq!(weights, [WHOLE, WHOLE, 0, WHOLE]);
        let guide = Guide::default();
        let address = IpAddr::V4(0.into());
        let turn = |seed| {
            let slot = service.roster.slot(address, seed);
            service.roster.choose(&guide, Class::Any, address, Family::V4, slot, seed).members().to_vec()
        };
        assert_eq!([0, 1, 2, 3].map(turn), [vec![0], vec![1], vec![3], vec![0]]);
    }

    #[test]
    fn hostnames_of_one_order_share_a_service() {
        let plan = planned(&[
            ("a.x.test", "set = \"s\""),
            ("b.x.test", "set = \"s\"\nttl = 60"),
            ("c.x.test", "set = \"s\"\nttl = 61"),
            ("d.x.test", "set = \"tiers\""),
            ("e.x.test", "set = \"s\"\nports = { http = 80 }"),
            ("*.x.test", "set = \"s\"\nports = { http = 80 }"),
            ("a.y.test", "set = \"s\""),
        ]);
        // The wildcard's `http` adds nothing, so it is like the first.
        assert_eq!(&*plan.orders[0].of, [0, 1, 2, 3, 4, 0]);
        assert_eq!((plan.orders[0].list.len(), &*plan.orders[1].of), (5, &[0][..]));
        let panels = plan.zones[0].steered[4].http.as_deref().unwrap();
        assert_eq!(panels, ["d", "c", "B", "a"]);
        assert!(plan.zones[0].steered[5].http.is_none());
    }

    #[test]
    fn records_are_rendered_for_a_question_at_byte_12() {
        let service = made("set = \"s\"\nttl = 258");
        let labels = |name: &str| [&[name.len() as u8], name.as_bytes()].concat();
        let of = |name: &str| service.member(&labels(name)).unwrap();
        let v4 = service.set(of("c"), Family::V4);
        let head = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 2, 0, 4];
        assert_eq!(v4.body, [&head[..], &[192, 0, 2, 3], &head, &[192, 0, 2, 4]].concat());
        assert_eq!((v4.count, service.set(of("c"), Family::V6).count), (2, 0));
        let v6 = service.set(of("a"), Family::V6);
        assert_eq!((v6.count, &v6.body[..4], &v6.body[10..14]), (1, &[0xc0, 12, 0, 28][..], &[0, 16, 0x20, 1][..]));
        assert_eq!(
            (service.labels(of("b")), service.member(b"\x01B"), service.member(b"\x01x"), service.member(b"\x01\xff")),
            (&b"\x01b"[..], None, None, None)
        );
        assert!(service.has(Family::V4) && service.has(Family::V6));
        assert_eq!(made("set = \"s\"\nports = { http = 80, https = 81 }").binds_name(), None);
        assert_eq!(made("set = \"s\"\nports = { https = 81 }").binds_name(), Some(81));
    }
}
