//! What of a fleet the zones need to know.

use super::zone::Steered;
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::fleet::{Fleet, Hostname, Lost, Panel, State, Zone};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The fleet's file, for problems that have no line.
    pub file: String,
    pub zones: Vec<Arc<ZonePlan>>,
    /// Zones of which only the name could be made out.
    pub lost: Vec<Name>,
    /// Each set's name and how many panels it has.
    pub sets: Vec<(String, usize)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonePlan {
    pub name: Name,
    pub file: PathBuf,
    pub steered: Vec<Steered>,
    /// Names to be steered in it of which no more could be made out.
    pub lost: Vec<Name>,
}

/// `shown` is the fleet's file as the operator knows it.
pub fn plan(shown: &str, fleet: &Fleet) -> Plan {
    let mut zones: Vec<ZonePlan> = fleet
        .zones
        .iter()
        .map(|Zone { name, file, .. }| ZonePlan { name: name.clone(), file: file.clone(), steered: vec![], lost: vec![] })
        .collect();
    let mut lost = Vec::new();
    for name in &fleet.lost {
        match name {
            Lost::Zone(name) => lost.push(name.clone()),
            // At the apex it would take the whole zone along.
            Lost::Hostname { name, zone } if *name == zones[zone.index()].name => {}
            Lost::Hostname { name, zone } => zones[zone.index()].lost.push(name.clone()),
        }
    }
    for hostname in &fleet.hostnames {
        zones[hostname.zone.index()].steered.push(steered(shown, fleet, hostname));
    }
    Plan {
        file: shown.into(),
        zones: zones.into_iter().map(Arc::new).collect(),
        lost,
        sets: fleet.sets.iter().map(|set| (set.name.clone(), set.members.len())).collect(),
    }
}

/// Until geo steering exists: the addresses of the set's first panel that is not disabled.
fn steered(shown: &str, fleet: &Fleet, hostname: &Hostname) -> Steered {
    let members = &fleet.set(hostname.set).members;
    let panels = || members.iter().map(|member| fleet.panel(member.panel));
    // With all of them disabled the first one still beats an empty answer.
    let panel = panels().find(|panel| panel.state != State::Disabled).or_else(|| panels().next());
    Steered {
        name: hostname.name.clone(),
        ttl: hostname.policy.ttl,
        records: panel.map(records).unwrap_or_default(),
        file: shown.into(),
        line: hostname.line.0,
    }
}

fn records(panel: &Panel) -> Vec<(Type, Vec<u8>)> {
    let record = |address: &IpAddr| match address {
        IpAddr::V4(v4) => (Type::A, v4.octets().to_vec()),
        IpAddr::V6(v6) => (Type::AAAA, v6.octets().to_vec()),
    };
    panel.addresses.iter().map(record).collect()
}
