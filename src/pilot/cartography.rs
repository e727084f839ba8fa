//! Which rankings are worked out beforehand, and the services that use them.

use crate::compile::plan::{Order, Orders};
use crate::compile::service;
use crate::fleet::Fleet;
use crate::snapshot::Services;
use crate::snapshot::service::Service;
use crate::steer::{Chart, Geometry, Guide, Order as Ranked};
use std::collections::HashMap;
use std::sync::Arc;

/// Charts in use at once. Each takes up to twenty MB with a database of all cities, so those most used come first;
/// services without one rank at each query, with the same outcome.
pub const MAX_CHARTS: usize = 16;

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
}

#[derive(Debug)]
struct Known {
    geometry: Arc<Geometry>,
    users: usize,
    chart: Drawn,
}

#[derive(Debug)]
enum Drawn {
    Not,
    Chart(Arc<Chart>),
    TooLarge,
}

impl Cartography {
    /// All services are about to be made anew.
    pub(super) fn begin(&mut self, guide: &Arc<Guide>) {
        let is_same = self.guide.as_ref().is_some_and(|old| Arc::ptr_eq(old, guide));
        for known in &mut self.known {
            known.users = 0;
            if !is_same {
                known.chart = Drawn::Not;
            }
        }
        if !is_same {
            self.drawing = None;
            self.guide = Some(Arc::clone(guide));
        }
    }

    /// They have been: what nobody uses is forgotten.
    pub(super) fn end(&mut self) {
        self.known.retain(|known| known.users > 0);
        self.by_print.clear();
        for (n, known) in self.known.iter().enumerate() {
            self.by_print.entry(known.geometry.print()).or_default().push(n);
        }
    }

    pub(super) fn services(&mut self, fleet: &Fleet, orders: &Orders, guide: &Guide) -> Services {
        let list = orders.list.iter().map(|order| Arc::new(self.service(fleet, order, guide)));
        Services { of: Arc::clone(&orders.of), list: list.collect() }
    }

    fn service(&mut self, fleet: &Fleet, order: &Order, guide: &Guide) -> Service {
        let mut number = 0;
        let mut service = service::service(fleet, order, guide, &mut |geometry| {
            number = self.number(geometry);
            Arc::clone(&self.known[number].geometry)
        });
        // Others have no use for places.
        if service.roster.order == Ranked::Nearest {
            let known = &mut self.known[number];
            known.users += 1;
            if let Drawn::Chart(chart) = &known.chart {
                service.roster.chart = Some(Arc::clone(chart));
            }
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
        self.known.push(Known { geometry: Arc::new(geometry), users: 0, chart: Drawn::Not });
        number
    }

    /// The chart to be drawn next, if there is one: one at a time, so that zones are never kept waiting by them.
    pub(super) fn next(&mut self, ticket: u64, guide: &Arc<Guide>) -> Option<Sketch> {
        if self.drawing.is_some() || self.charts().0 >= MAX_CHARTS {
            return None;
        }
        let open = self.known.iter().filter(|known| known.users > 0 && matches!(known.chart, Drawn::Not));
        let known = open.max_by_key(|known| known.users)?;
        let geometry = Arc::clone(&known.geometry);
        self.drawing = Some((ticket, Arc::clone(&geometry)));
        Some(Sketch { ticket, geometry, guide: Arc::clone(guide) })
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
