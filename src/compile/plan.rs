//! What of a fleet the zones need to know.

use super::service;
use crate::dns::name::Name;
use crate::fleet::{Fleet, Hostname, Lost, Policy, Ports, SetId, Zone};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The fleet's file, for problems that have no line.
    pub file: String,
    pub fleet: Arc<Fleet>,
    pub zones: Vec<Arc<ZonePlan>>,
    /// What is steered in each of the zones, in their order.
    pub orders: Vec<Orders>,
    /// Zones of which only the name could be made out.
    pub lost: Vec<Name>,
    /// Each set's name and how many panels it has.
    pub sets: Vec<(String, usize)>,
}

/// All that a zone is compiled from, beside its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonePlan {
    pub name: Name,
    pub file: PathBuf,
    pub steered: Vec<Steered>,
    /// Names to be steered in it of which no more could be made out.
    pub lost: Vec<Name>,
}

/// A hostname, as its zone needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steered {
    pub name: Name,
    /// The SRV record names these panels, each by a name of its own below the hostname.
    pub http: Option<Arc<[String]>>,
    pub https: Option<u16>,
    /// Where it was asked for.
    pub file: Arc<str>,
    pub line: u32,
}

/// The services of one zone's hostnames.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// By the hostname's number in `ZonePlan::steered`.
    pub of: Arc<[u32]>,
    pub list: Vec<Order>,
}

/// Hostnames of one order get one service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    pub set: SetId,
    pub policy: Policy,
    pub ports: Ports,
}

/// `shown` is the fleet's file as the operator knows it.
pub fn plan(shown: &str, fleet: Fleet) -> Plan {
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
    let file: Arc<str> = shown.into();
    let mut orders: Vec<Drafted> = zones.iter().map(|_| Drafted::default()).collect();
    let mut panels: HashMap<SetId, Arc<[String]>> = HashMap::new();
    for hostname in &fleet.hostnames {
        let order = service::order(hostname);
        let names = || fleet.set(hostname.set).members.iter().map(|member| fleet.panel(member.panel).name.clone()).collect();
        zones[hostname.zone.index()].steered.push(Steered {
            name: hostname.name.clone(),
            http: order.ports.http.map(|_| Arc::clone(panels.entry(hostname.set).or_insert_with(names))),
            https: order.ports.https,
            file: Arc::clone(&file),
            line: hostname.line.0,
        });
        orders[hostname.zone.index()].add(hostname, order);
    }
    Plan {
        file: shown.into(),
        zones: zones.into_iter().map(Arc::new).collect(),
        orders: orders.into_iter().map(|drafted| Orders { of: drafted.of.into(), list: drafted.list }).collect(),
        lost,
        sets: fleet.sets.iter().map(|set| (set.name.clone(), set.members.len())).collect(),
        fleet: Arc::new(fleet),
    }
}

#[derive(Default)]
struct Drafted {
    of: Vec<u32>,
    list: Vec<Order>,
    /// Orders of one set: few, for most hostnames say nothing of their own.
    of_set: HashMap<SetId, Vec<u32>>,
}

impl Drafted {
    fn add(&mut self, hostname: &Hostname, order: Order) {
        let known = self.of_set.entry(hostname.set).or_default();
        let number = known.iter().copied().find(|number| self.list[*number as usize] == order).unwrap_or_else(|| {
            let number = self.list.len() as u32;
            self.list.push(order);
            known.push(number);
            number
        });
        self.of.push(number);
    }
}
