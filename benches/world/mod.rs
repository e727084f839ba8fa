//! What the benchmarks of steering and of answers share: a pilot driven without a node.

mod no_files;
mod sequence;

pub(crate) use no_files::NoFiles;
pub(crate) use sequence::Sequence;

use meridian::compile::zone::zone;
use meridian::dns::name::Name;
use meridian::geo::{self, Atlas};
use meridian::health::{Errand, Outcome, Report};
use meridian::pilot::{Action, Event, Pilot, Survey};
use meridian::snapshot::Snapshot;
use meridian::steer::Chart;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The shipped database, or those that `MERIDIAN_BENCH_MMDB` names with colons between them.
pub(crate) fn atlas() -> Atlas {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/city.mmdb");
    let names = std::env::var("MERIDIAN_BENCH_MMDB").unwrap_or(shipped.into());
    let databases = names.split(':').map(|name| geo::read(name, std::fs::read(name).unwrap()).unwrap());
    Atlas::new(databases.collect(), &[])
}

/// Does everything the pilot wants done; `text` gives each zone's records. Gives what it published last.
pub(crate) fn settle(
    pilot: &mut Pilot,
    event: Event,
    text: &dyn Fn(&Name) -> String,
    atlas: &mut Option<Atlas>,
    with_charts: bool,
) -> Option<Arc<Snapshot>> {
    let (mut published, mut events) = (None, VecDeque::from([event]));
    while let Some(event) = events.pop_front() {
        for action in pilot.handle(meridian::clock::Now::default(), event) {
            match action {
                Action::Publish(snapshot) => published = Some(snapshot),
                Action::Ask(errands) => events.extend(errands.iter().map(unasked)),
                Action::Watch(_) | Action::Turned(_) => {}
                Action::Chart(sketch) if with_charts => {
                    let chart = Chart::new(&sketch.geometry, &sketch.guide);
                    events.push_back(Event::Charted { ticket: sketch.ticket, chart });
                }
                Action::Chart(_) => {}
                Action::Survey(ticket) => {
                    let survey = Box::new(Survey { atlas: atlas.take().unwrap_or_default(), problems: vec![] });
                    events.push_back(Event::Surveyed { ticket, survey });
                }
                Action::Build(job) => {
                    let compiled = zone(&job.plan.name, "z", text(&job.plan.name).into(), &mut NoFiles, &job.plan.steered);
                    events.push_back(Event::Built { zone: job.plan.name.clone(), ticket: job.ticket, compiled });
                }
            }
        }
    }
    published
}

/// Nobody is asked here how panels are: all count as up.
fn unasked(errand: &Errand) -> Event {
    let report = Report { outcome: Outcome::Unasked(String::new()), took: Duration::ZERO, stream_start: None, live: None };
    Event::Reported { target: errand.target, report }
}
