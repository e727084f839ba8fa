//! What a node with these files serves for one name, for commands that look once.

use super::{Reading, compile_once, places};
use crate::clock;
use crate::compile::zone::Compiled;
use crate::dns::name::Name;
use crate::document::Problem;
use crate::fleet::Fleet;
use crate::health::{Outcome, Report};
use crate::pilot::{Action, Event, Job, Pilot};
use crate::snapshot::Snapshot;
use crate::snapshot::path::Path;
use crate::snapshot::zone::Writer;
use crate::steer::{Chart, Geometry};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

pub struct Once {
    pub snapshot: Arc<Snapshot>,
    pub fleet: Arc<Fleet>,
    pub problems: Vec<Problem>,
}

/// Goes through the pilot as a node does, with what others than `name` need left out: of zones that do not hold it only their apex is there,
/// and of the charts that a node draws the one for the geometry that `wanted` names.
pub fn look(reading: Reading, places: &places::Options, name: &Name, wanted: impl Fn(&Snapshot) -> Option<Arc<Geometry>>) -> Once {
    let mut pilot = Pilot::default();
    let mut snapshot = Arc::new(Snapshot::default());
    let mut is_drawn = false;
    let plan = Event::Plan { plan: reading.fleet.map(|read| read.plan).unwrap_or_default(), problems: reading.problems, force: false };
    let mut events: VecDeque<Event> = reading.manners.map(Event::Manners).into_iter().chain([plan]).collect();
    while let Some(event) = events.pop_front() {
        for action in pilot.handle(clock::now(), event) {
            match action {
                Action::Build(job) => {
                    let compiled = if name.is_at_or_below(&job.plan.name) { compile_once(&job.plan) } else { bare(&job) };
                    events.push_back(Event::Built { zone: job.plan.name.clone(), ticket: job.ticket, compiled });
                }
                Action::Survey(ticket) => events.push_back(Event::Surveyed { ticket, survey: Box::new(places::survey(places)) }),
                Action::Publish(published) => snapshot = published,
                // Nobody is asked how panels are: all count as up.
                Action::Ask(errands) => events.extend(errands.into_iter().map(|errand| {
                    let outcome = Outcome::Unasked(String::new());
                    let report = Report { outcome, took: Duration::ZERO, stream_start: None, live: None };
                    Event::Reported { target: errand.target, report }
                })),
                Action::Watch(_) | Action::Turned(_) => {}
                Action::Chart(sketch) => {
                    let is_wanted = !is_drawn && wanted(&snapshot).is_some_and(|geometry| Arc::ptr_eq(&geometry, &sketch.geometry));
                    is_drawn |= is_wanted;
                    let chart = is_wanted.then(|| Chart::new(&sketch.geometry, &sketch.guide)).flatten();
                    events.push_back(Event::Charted { ticket: sketch.ticket, chart });
                }
            }
        }
    }
    Once { snapshot, fleet: Arc::clone(pilot.fleet()), problems: pilot.state().problems }
}

/// A zone of which only the name matters: its file may have a million records, and none is read.
fn bare(job: &Job) -> Compiled {
    let zone = Path::read(job.plan.name.wire()).map(|apex| {
        let mut writer = Writer::new(&apex, 1, 0);
        writer.node(&[], apex.hash(apex.count()), 0, None);
        writer.finish()
    });
    Compiled { zone, problems: Vec::new(), files: Vec::new() }
}
