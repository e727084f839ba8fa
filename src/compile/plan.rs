//! What of a fleet the zones need to know.

use crate::dns::name::Name;
use crate::fleet::{Fleet, Hostname, Lost, Overlay, Own, Policy, Ports, SetId, Source, Zone, ZoneId};
use std::collections::HashMap;
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
    pub source: Source,
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
    pub list: Arc<[Order]>,
}

/// Hostnames of one order get one service.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub set: SetId,
    /// What the hostnames say themselves, and what holds then.
    pub own: Own,
    pub policy: Policy,
    pub ports: Ports,
}

/// The order of a hostname that is gone.
pub const NO_ORDER: u32 = u32::MAX;

/// The order of a hostname, for services to be told apart by.
pub fn order(fleet: &Fleet, hostname: &Hostname) -> Order {
    let mut ports = hostname.ports;
    if hostname.name.is_wildcard() {
        // SRV records have no place below a name that stands for many.
        ports.http = None;
    }
    Order { set: hostname.set, own: hostname.own.clone(), policy: fleet.policy(hostname), ports }
}

/// A hostname as its zone needs to know it; `file` is where problems with it are.
pub fn steered(fleet: &Fleet, hostname: &Hostname, file: &Arc<str>) -> Steered {
    steered_as(hostname, &order(fleet, hostname), file, |set| names(fleet, set))
}

fn steered_as(hostname: &Hostname, order: &Order, file: &Arc<str>, names: impl FnOnce(SetId) -> Arc<[String]>) -> Steered {
    Steered {
        name: hostname.name.clone(),
        http: order.ports.http.map(|_| names(hostname.set)),
        https: order.ports.https,
        file: Arc::clone(file),
        line: hostname.line.0,
    }
}

fn names(fleet: &Fleet, set: SetId) -> Arc<[String]> {
    fleet.set(set).members.iter().map(|member| fleet.panel(member.panel).name.to_string()).collect()
}

impl Orders {
    /// As many numbers that no hostname has, the smallest first.
    pub fn free(&self, count: usize) -> Vec<u32> {
        let holes = self.of.iter().zip(0..).filter(|(order, _)| **order == NO_ORDER).map(|(_, number)| number);
        holes.chain(self.of.len() as u32..).take(count).collect()
    }

    /// After hostnames have come, gone, or got another order.
    pub fn amended(&self, edits: &[(u32, Option<Order>)]) -> Self {
        let mut of = self.of.to_vec();
        for (number, _) in edits {
            of.resize(of.len().max(*number as usize + 1), NO_ORDER);
            of[*number as usize] = NO_ORDER;
        }
        let mut list = self.list.to_vec();
        let mut used = vec![false; list.len()];
        of.iter().for_each(|order| used.get_mut(*order as usize).into_iter().for_each(|used| *used = true));
        for (number, order) in edits.iter().filter_map(|(number, order)| Some((number, order.as_ref()?))) {
            let known = list.iter().zip(&used).position(|(other, used)| *used && other == order);
            // What nobody uses any more is written over, so that the list does not grow with every change.
            let at = known.or_else(|| used.iter().position(|used| !used)).unwrap_or_else(|| {
                list.push(order.clone());
                used.push(true);
                list.len() - 1
            });
            (list[at], used[at]) = (order.clone(), true);
            of[*number as usize] = at as u32;
        }
        Self { of: of.into(), list: list.into() }
    }

    /// The same hostnames under the policies that hold in `fleet`.
    pub fn under(&self, fleet: &Fleet) -> Self {
        let list = self.list.iter().map(|order| Order { policy: Overlay::over(&order.own, fleet.set(order.set).policy), ..order.clone() });
        Self { of: Arc::clone(&self.of), list: list.collect() }
    }
}

/// What one zone of the fleet is compiled from. Its hostnames are numbered without gaps, as they come.
pub fn of_zone(shown: &str, fleet: &Fleet, zone: ZoneId) -> (ZonePlan, Orders) {
    let Zone { name, source, .. } = fleet.zone(zone);
    let mut plan = ZonePlan { name: name.clone(), source: source.clone(), steered: vec![], lost: vec![] };
    let mut drafted = Drafted::default();
    let mut panels: HashMap<SetId, Arc<[String]>> = HashMap::new();
    let file: Arc<str> = shown.into();
    for hostname in fleet.hostnames.iter().filter(|hostname| hostname.zone == zone) {
        let order = order(fleet, hostname);
        let names = |set| Arc::clone(panels.entry(set).or_insert_with(|| names(fleet, set)));
        plan.steered.push(steered_as(hostname, &order, &file, names));
        drafted.add(hostname, order);
    }
    (plan, drafted.orders())
}

/// `shown` is the fleet's file as the operator knows it.
pub fn plan(shown: &str, fleet: Fleet) -> Plan {
    let mut zones: Vec<ZonePlan> = fleet
        .zones
        .iter()
        .map(|Zone { name, source, .. }| ZonePlan { name: name.clone(), source: source.clone(), steered: vec![], lost: vec![] })
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
    for hostname in fleet.hostnames.iter() {
        let order = order(&fleet, hostname);
        let names = |set| Arc::clone(panels.entry(set).or_insert_with(|| names(&fleet, set)));
        zones[hostname.zone.index()].steered.push(steered_as(hostname, &order, &file, names));
        orders[hostname.zone.index()].add(hostname, order);
    }
    zones.iter_mut().for_each(|zone| zone.steered.shrink_to_fit());
    Plan {
        file: shown.into(),
        zones: zones.into_iter().map(Arc::new).collect(),
        orders: orders.into_iter().map(Drafted::orders).collect(),
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
    fn orders(self) -> Orders {
        Orders { of: self.of.into(), list: self.list.into() }
    }

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
