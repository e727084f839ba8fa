//! A set, a policy and what is known of the panels → a service that queries read.

use super::plan::Order;
use crate::fleet::{self, Fence, Fleet, Hostname, Panel, PanelId, Policy, Set, State, Steer};
use crate::geo::{Atlas, Point, continent_bit, nearest_country};
use crate::snapshot::service::{Listing, Service};
use crate::steer::slots::{WHOLE, share};
use crate::steer::{self, Geometry, Guide, How, Limits, Member, NOWHERE, Roster, Standing, Stop, judge, key};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

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

/// `geometry` gives the shared one of those that are equal.
pub fn service(fleet: &Fleet, order: &Order, guide: &Guide, geometry: &mut dyn FnMut(Geometry) -> Arc<Geometry>) -> Service {
    let set = fleet.set(order.set);
    let policy = &order.policy;
    let (places, grouped) = stops(fleet, set, policy, guide);
    let standings: Vec<Standing> = grouped.iter().flatten().map(|id| standing(fleet.panel(*id), policy)).collect();
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
    let ids = grouped.iter().flatten();
    let members = ids.clone().zip(verdict.fits).map(|(id, fit)| Member { panel: id.0, key: key(&fleet.panel(*id).name), fit });
    let roster = Roster {
        members: members.collect(),
        geometry: geometry(Geometry::new(places, fence(policy.fence), policy.spread_km)),
        chart: None,
        stops: ranges,
        tiers,
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
    let listings: Vec<Listing<'_>> = ids.map(|id| listing(fleet.panel(*id))).collect();
    let families = [verdict.has_v4 && !verdict.v4_dead, verdict.has_v6 && !verdict.v6_dead];
    let mut service = Service::new(roster, policy.ttl, families, &listings);
    (service.http, service.https) = (order.ports.http, order.ports.https);
    service
}

/// The distinct places of a set's panels and who stands there. Without distances each panel is a place of its own, in the order of the list.
fn stops(fleet: &Fleet, set: &Set, policy: &Policy, guide: &Guide) -> (Vec<Stop>, Vec<Vec<PanelId>>) {
    let mut placed: Vec<(Stop, Vec<PanelId>)> = Vec::new();
    for member in &set.members {
        let stop = stop(fleet.panel(member.panel), member.tier, guide);
        match placed.iter_mut().find(|(other, _)| policy.steer == Steer::Nearest && *other == stop) {
            Some((_, panels)) => panels.push(member.panel),
            None => placed.push((stop, vec![member.panel])),
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

/// Until health exists every address is up and nobody is loaded.
fn standing(panel: &Panel, policy: &Policy) -> Standing {
    let family = |is_it: fn(&IpAddr) -> bool| match panel.addresses.iter().any(is_it) {
        true => steer::Fitness::Up,
        false => steer::Fitness::None,
    };
    Standing {
        // In turn means in turn, but 0 is never.
        weight: if policy.steer == Steer::RoundRobin && panel.weight > 0.0 { 1.0 } else { panel.weight },
        state: match panel.state {
            State::Enabled => steer::State::Enabled,
            State::Draining => steer::State::Draining,
            State::Disabled => steer::State::Disabled,
        },
        v4: family(IpAddr::is_ipv4),
        v6: family(IpAddr::is_ipv6),
        slow_start: WHOLE,
        shed: 0,
    }
}

fn listing(panel: &Panel) -> Listing<'_> {
    Listing { name: &panel.name, addresses: panel.addresses.clone() }
}

/// The order of a hostname, for services to be told apart by.
pub(super) fn order(hostname: &Hostname) -> Order {
    let mut ports = hostname.ports;
    if hostname.name.is_wildcard() {
        // SRV records have no place below a name that stands for many.
        ports.http = None;
    }
    Order { set: hostname.set, policy: hostname.policy, ports }
}
