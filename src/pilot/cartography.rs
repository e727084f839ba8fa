//! Which rankings are worked out beforehand, and the services that use them.

use crate::compile::plan::{Order, Orders};
use crate::compile::service;
use crate::fleet::{Conducts, Fleet, PanelId};
use crate::snapshot::Services;
use crate::snapshot::service::Service;
use crate::steer::{Chart, Geometry, Guide, Order as Ranked};
use std::collections::HashMap;
use std::sync::Arc;

/// Memory for charts. Each takes some twenty MB with a database of all cities, so those most used come first;
/// services without one rank at each query, with the same outcome.
const MAX_BYTES: usize = 128 << 20;

/// A chart to be drawn.
#[derive(Clone, Debug)]
pub struct Sketch {
    pub ticket: u64,
    pub geometry: Arc<Geometry>,
    pub guide: Arc<Guide>,
}

/// Every geometry in use, once.
#[derive(Debug, Default)]
pub(super) struct Cartography {
    known: Vec<Known>,
    by_print: HashMap<u64, Vec<usize>>,
    /// What the charts are drawn from.
    guide: Option<Arc<Guide>>,
    drawing: Option<(u64, Arc<Geometry>)>,
    /// Services were made since it was last asked what to draw.
    stale: bool,
}

#[derive(Debug)]
struct Known {
    geometry: Arc<Geometry>,
    chart: Drawn,
}

#[derive(Debug)]
enum Drawn {
    Not,
    Chart(Arc<Chart>),
    TooLarge,
}

/// What services were made from.
pub(super) struct Made<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) orders: &'a Orders,
    pub(super) conducts: &'a Conducts,
    pub(super) services: &'a Services,
}

impl Cartography {
    /// Charts of another guide say nothing any more.
    pub(super) fn follow(&mut self, guide: &Arc<Guide>) {
        if self.guide.as_ref().is_some_and(|old| Arc::ptr_eq(old, guide)) {
            return;
        }
        self.guide = Some(Arc::clone(guide));
        self.drawing = None;
        self.stale = true;
        for known in &mut self.known {
            known.chart = Drawn::Not;
        }
    }

    /// Those of `before`, which were made for the same guide, are kept where nothing they are made from has changed.
    pub(super) fn services(
        &mut self,
        fleet: &Fleet,
        orders: &Orders,
        conducts: &Conducts,
        guide: &Guide,
        before: Option<Made<'_>>,
    ) -> Services {
        self.stale = true;
        let list = orders.list.iter().enumerate().map(|(n, order)| {
            let old = before.as_ref().and_then(|before| before.unchanged(n, order, fleet, conducts));
            old.unwrap_or_else(|| Arc::new(self.service(fleet, order, conducts, guide)))
        });
        Services { list: list.collect(), of: Arc::clone(&orders.of) }
    }

    fn service(&mut self, fleet: &Fleet, order: &Order, conducts: &Conducts, guide: &Guide) -> Service {
        let mut number = 0;
        let mut service = service::service(fleet, order, conducts, guide, &mut |geometry| {
            number = self.number(geometry);
            Arc::clone(&self.known[number].geometry)
        });
        if service.roster.order == Ranked::Nearest
            && let Drawn::Chart(chart) = &self.known[number].chart
        {
            service.roster.chart = Some(Arc::clone(chart));
        }
        service
    }

    fn number(&mut self, geometry: Geometry) -> usize {
        let same = self.by_print.entry(geometry.print()).or_default();
        if let Some(number) = same.iter().copied().find(|number| *self.known[*number].geometry == geometry) {
            return number;
        }
        let number = self.known.len();
        same.push(number);
        self.known.push(Known { geometry: Arc::new(geometry), chart: Drawn::Not });
        number
    }

    /// The chart to be drawn next, if there is one: one at a time, so that zones are never kept waiting by them.
    pub(super) fn next<'a>(&mut self, ticket: u64, guide: &Arc<Guide>, services: impl Iterator<Item = &'a Services>) -> Option<Sketch> {
        if self.drawing.is_some() || !self.stale {
            return None;
        }
        let mut users: HashMap<*const Geometry, usize> = HashMap::new();
        for service in services.flat_map(|services| services.list.iter()) {
            // Others have no use for places.
            let is_nearest = service.roster.order == Ranked::Nearest;
            *users.entry(Arc::as_ptr(&service.roster.geometry)).or_default() += usize::from(is_nearest);
        }
        let users = |known: &Known| users.get(&Arc::as_ptr(&known.geometry)).copied();
        self.known.retain(|known| users(known).is_some());
        self.by_print.clear();
        for (n, known) in self.known.iter().enumerate() {
            self.by_print.entry(known.geometry.print()).or_default().push(n);
        }
        let open = self.known.iter().filter(|known| matches!(known.chart, Drawn::Not) && users(known) > Some(0));
        let next = open.max_by_key(|known| users(known)).filter(|_| self.charts().1 < MAX_BYTES);
        let Some(Known { geometry, .. }) = next else {
            self.stale = false;
            return None;
        };
        self.drawing = Some((ticket, Arc::clone(geometry)));
        Some(Sketch { ticket, geometry: Arc::clone(geometry), guide: Arc::clone(guide) })
    }

    pub(super) fn drawn(&mut self, ticket: u64, chart: Option<Chart>) -> Option<(Arc<Geometry>, Arc<Chart>)> {
        let (_, geometry) = self.drawing.take_if(|(expected, _)| *expected == ticket)?;
        let known = self.known.iter_mut().find(|known| Arc::ptr_eq(&known.geometry, &geometry))?;
        match chart {
            Some(chart) => {
                let chart = Arc::new(chart);
                known.chart = Drawn::Chart(Arc::clone(&chart));
                Some((geometry, chart))
            }
            None => {
                known.chart = Drawn::TooLarge;
                None
            }
        }
    }

    /// How many there are, and their bytes.
    pub(super) fn charts(&self) -> (usize, usize) {
        let charts = self.known.iter().filter_map(|known| if let Drawn::Chart(chart) = &known.chart { Some(chart.memory()) } else { None });
        charts.fold((0, 0), |(count, bytes), more| (count + 1, bytes + more))
    }
}

impl Made<'_> {
    /// The service of order `n`, if `order` in `fleet` would be made the same.
    fn unchanged(&self, n: usize, order: &Order, fleet: &Fleet, conducts: &Conducts) -> Option<Arc<Service>> {
        let (set, before) = (fleet.sets.get(order.set.index())?, self.fleet.sets.get(order.set.index())?);
        let is_quiet = self.conducts == conducts;
        let is_same_panel = |id: PanelId| {
            let (Some(new), Some(old)) = (fleet.panels.get(id.index()), self.fleet.panels.get(id.index())) else { return false };
            (Arc::ptr_eq(new, old) || new == old) && (is_quiet || conducts.get(&new.name) == self.conducts.get(&old.name))
        };
        let is_same = self.orders.list.get(n) == Some(order)
            && (Arc::ptr_eq(set, before) || set == before)
            && set.members.iter().all(|member| is_same_panel(member.panel));
        if is_same { self.services.list.get(n).cloned() } else { None }
    }
}

/// Gives the chart to the services it is for. True when there was one.
pub(super) fn hang(services: &mut Services, geometry: &Arc<Geometry>, chart: &Arc<Chart>) -> bool {
    let is_for = |service: &Service| service.roster.order == Ranked::Nearest && Arc::ptr_eq(&service.roster.geometry, geometry);
    if !services.list.iter().any(|service| is_for(service)) {
        return false;
    }
    let list = services.list.iter().map(|service| {
        if !is_for(service) {
            return Arc::clone(service);
        }
        let mut service = Service::clone(service);
        service.roster.chart = Some(Arc::clone(chart));
        Arc::new(service)
    });
    services.list = list.collect();
    true
}
