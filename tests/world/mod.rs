//! A fleet, its zones and what is known of places, brought to a snapshot the way a node does it.

pub(crate) mod mmdb;

use meridian::compile::{self, plan};
use meridian::dns::master::Loader;
use meridian::dns::name::Name;
use meridian::document::Problem;
use meridian::fleet;
use meridian::geo::{Atlas, Database, Override};
use meridian::health::{Errand, Outcome, Report};
use meridian::pilot::{Action, Event, Pilot, Survey};
use meridian::snapshot::{Manners, Snapshot};
use meridian::steer::Chart;
use std::collections::VecDeque;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("nothing is included here".into())
    }
}

#[derive(Default)]
pub(crate) struct World<'t> {
    /// What problems call the fleet and its zones.
    pub(crate) file: &'t str,
    /// TOML, without the zones' tables.
    pub(crate) fleet: String,
    /// Master files. One that is empty is a zone that was never sound.
    pub(crate) zones: Vec<(Name, String)>,
    pub(crate) places: Vec<Override>,
    /// A database of places, as `meridian::geo::read` takes it.
    pub(crate) database: Option<Vec<u8>>,
    pub(crate) manners: Manners,
}

/// What came of it.
pub(crate) struct Published {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) charts: usize,
}

impl World<'_> {
    /// Without charts every query ranks by itself.
    pub(crate) fn publish(&self, with_charts: bool) -> Published {
        let mut text = self.fleet.clone();
        for (name, _) in &self.zones {
            let _ = write!(text, "\n[[zone]]\nname = \"{name}\"\nfile = \"zone\"\n");
        }
        let (fleet, problems) = fleet::parse(self.file, text.as_bytes(), Path::new(""));
        let plan = plan::plan(self.file, fleet);
        let mut pilot = Pilot::default();
        let mut events = VecDeque::from([Event::Manners(self.manners.clone()), Event::Plan { plan, problems, force: false }]);
        let mut published = None;
        while let Some(event) = events.pop_front() {
            for action in pilot.handle(meridian::clock::Now::default(), event) {
                match action {
                    Action::Publish(snapshot) => published = Some(snapshot),
                    Action::Ask(errands) => events.extend(errands.iter().map(unasked)),
                    Action::Watch(_) | Action::Turned(_) => {}
                    Action::Survey(ticket) => {
                        let survey = Survey { atlas: self.atlas(), problems: vec![] };
                        events.push_back(Event::Surveyed { ticket, survey: Box::new(survey) });
                    }
                    Action::Chart(sketch) if with_charts => {
                        let chart = Chart::new(&sketch.geometry, &sketch.guide);
                        events.push_back(Event::Charted { ticket: sketch.ticket, chart });
                    }
                    Action::Chart(_) => {}
                    Action::Build(job) => {
                        let name = &job.plan.name;
                        let text = self.zones.iter().find(|(zone, _)| zone == name).map(|(_, text)| text.clone()).unwrap_or_default();
                        let compiled = compile::zone::zone(name, self.file, text.into(), &mut NoFiles, &job.plan.steered);
                        events.push_back(Event::Built { zone: name.clone(), ticket: job.ticket, compiled });
                    }
                }
            }
        }
        let state = pilot.state();
        Published {
            snapshot: published.expect("a fleet is published, whatever is wrong with it"),
            problems: state.problems,
            charts: state.charts.0,
        }
    }

    pub(crate) fn atlas(&self) -> Atlas {
        let database =
            self.database.clone().map(|bytes| meridian::geo::read("places", bytes).unwrap_or_else(|problem| panic!("{problem}")));
        Atlas::new(database.into_iter().collect::<Vec<Database>>(), &self.places)
    }
}

/// Nobody is asked here how panels are: all count as up.
fn unasked(errand: &Errand) -> Event {
    let report = Report { outcome: Outcome::Unasked(String::new()), took: Duration::ZERO, stream_start: None, live: None };
    Event::Reported { target: errand.target, report }
}
