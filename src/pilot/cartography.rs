//! Which rankings are worked out beforehand, and the services that use them.

use crate::compile::brief::{Brief, Known, brief};
use crate::compile::plan::{Order, Orders};
use crate::compile::service;
use crate::fleet::{Fleet, PanelId, Set};
use crate::snapshot::Services;
use crate::snapshot::service::Service;
use crate::steer::{Chart, Geometry, Guide, Order as Ranked};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Memory for charts. Each takes some ten MB with a database of all cities, so those most used come first;
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
    known: Vec<Mapped>,
    by_print: HashMap<u64, Vec<usize>>,
    /// What the charts are drawn from.
    guide: Option<Arc<Guide>>,
    drawing: Option<(u64, Arc<Geometry>)>,
    /// Services were made since it was last asked what to draw.
    stale: bool,
}

#[derive(Debug)]
struct Mapped {
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
    pub(super) services: &'a Services,
    pub(super) briefs: &'a [Brief],
    /// Only these panels are known to stand otherwise; None: any may.
    pub(super) stirred: Option<&'a HashSet<Arc<str>>>,
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
        known: Known<'_>,
        guide: &Guide,
        before: Option<Made<'_>>,
    ) -> (Services, Vec<Brief>) {
        self.stale = true;
        let (mut list, mut briefs) = (Vec::with_capacity(orders.list.len()), Vec::with_capacity(orders.list.len()));
        for (n, order) in orders.list.iter().enumerate() {
            let old = before.as_ref().and_then(|before| before.unchanged(n, order, fleet));
            if let Some((service, brief)) = &old
                && before.as_ref().is_some_and(|before| before.is_quiet(fleet.set(order.set), fleet, brief, known))
            {
                list.push(Arc::clone(service));
                briefs.push((*brief).clone());
                continue;
            }
            let brief = brief(fleet, order, known);
            let kept = old.filter(|(_, old)| old.is_like(&brief)).map(|(service, _)| Arc::clone(service));
            list.push(kept.unwrap_or_else(|| Arc::new(self.service(fleet, order, &brief, guide))));
            briefs.push(brief);
        }
        (Services { list: list.into(), of: Arc::clone(&orders.of) }, briefs)
    }

    fn service(&mut self, fleet: &Fleet, order: &Order, brief: &Brief, guide: &Guide) -> Service {
        let mut number = 0;
        let mut service = service::service(fleet, order, brief, guide, &mut |geometry| {
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
        self.known.push(Mapped { geometry: Arc::new(geometry), chart: Drawn::Not });
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
        let users = |known: &Mapped| users.get(&Arc::as_ptr(&known.geometry)).copied();
        self.known.retain(|known| users(known).is_some());
        self.by_print.clear();
        for (n, known) in self.known.iter().enumerate() {
            self.by_print.entry(known.geometry.print()).or_default().push(n);
        }
        let open = self.known.iter().filter(|known| matches!(known.chart, Drawn::Not) && users(known) > Some(0));
        let next = open.max_by_key(|known| users(known)).filter(|_| self.charts().1 < MAX_BYTES);
        let Some(Mapped { geometry, .. }) = next else {
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
    /// The service of order `n`, if `order` in `fleet` is what it was made from; how its panels stand is another matter.
    fn unchanged(&self, n: usize, order: &Order, fleet: &Fleet) -> Option<(&Arc<Service>, &Brief)> {
        let (set, before) = (fleet.sets.get(order.set.index())?, self.fleet.sets.get(order.set.index())?);
        let is_same_panel = |id: PanelId| {
            let (Some(new), Some(old)) = (fleet.panels.get(id.index()), self.fleet.panels.get(id.index())) else { return false };
            Arc::ptr_eq(new, old) || new == old
        };
        let is_same = self.orders.list.get(n) == Some(order)
            && (Arc::ptr_eq(set, before) || set == before)
            && set.members.iter().all(|member| is_same_panel(member.panel));
        if is_same { Some((self.services.list.get(n)?, self.briefs.get(n)?)) } else { None }
    }

    /// Nothing says that its panels stand otherwise now.
    fn is_quiet(&self, set: &Set, fleet: &Fleet, brief: &Brief, known: Known<'_>) -> bool {
        let is_due = brief.due_ms.is_some_and(|due| due <= known.now_ms);
        let is_calm = |stirred: &HashSet<Arc<str>>| !set.members.iter().any(|member| stirred.contains(&*fleet.panel(member.panel).name));
        !is_due && self.stirred.is_some_and(is_calm)
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
