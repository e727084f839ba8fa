//! What the pilot hears, and what it wants done.

use super::cartography::Sketch;
use crate::compile::plan::{Orders, Plan, ZonePlan};
use crate::compile::zone::Compiled;
use crate::dns::name::Name;
use crate::document::Problem;
use crate::fleet::{Fleet, Wish};
use crate::geo::Atlas;
use crate::health::{Errand, Gauges, Report, Target, Turn, Watching};
use crate::snapshot::zone::Zone;
use crate::snapshot::{Manners, Snapshot};
use crate::steer::Chart;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub enum Event {
    /// The fleet was read again. Everything in it is built again too.
    Plan {
        plan: Plan,
        problems: Vec<Problem>,
        force: bool,
    },
    /// Files of these zones have changed.
    Touched {
        zones: Vec<Name>,
        force: bool,
    },
    Built {
        zone: Name,
        ticket: u64,
        compiled: Compiled,
    },
    /// Somebody has changed the fleet, and has compiled what that needs.
    Changed(Box<Changed>),
    /// The whole fleet is another one, and all its zones are compiled.
    Replaced {
        plan: Plan,
        zones: HashMap<Name, Arc<Zone>>,
        /// What there is to say of those that were compiled for it.
        problems: HashMap<Name, Vec<Problem>>,
    },
    /// What operators want of panels beside the fleet: all of it.
    Wishes(Vec<Wish>),
    /// What a panel says of itself.
    Beat {
        panel: String,
        gauges: Gauges,
    },
    /// An operator lets a panel return at once, however often it has fallen.
    Unheld {
        panel: String,
    },
    Manners(Manners),
    /// A database of places has changed.
    Moved,
    Surveyed {
        ticket: u64,
        survey: Box<Survey>,
    },
    Charted {
        ticket: u64,
        /// None: it would have been too large.
        chart: Option<Chart>,
    },
    /// Somebody was asked how a panel is.
    Reported {
        target: Target,
        report: Report,
    },
    /// The idle connection to a target is open.
    Watching(Target),
    /// It broke after it had lived so long.
    Broken {
        target: Target,
        lived: Duration,
    },
    /// It could not be kept, for a reason on this side.
    Unwatched(Target),
}

/// A part of the fleet that is no longer what it was.
#[derive(Debug)]
pub struct Changed {
    pub fleet: Arc<Fleet>,
    pub zones: Vec<Rezoned>,
}

#[derive(Debug)]
pub struct Rezoned {
    pub name: Name,
    /// None: as it is.
    pub zone: Option<Arc<Zone>>,
    /// None: the same hostnames with the same orders, under the policies that hold now.
    pub orders: Option<Orders>,
    /// What it was compiled from, where it was compiled anew, and what there is to say of it.
    pub compiled: Option<(Arc<ZonePlan>, Vec<Problem>)>,
}

#[derive(Debug)]
pub enum Action {
    Build(Job),
    /// Read the databases of places.
    Survey(u64),
    Chart(Sketch),
    Publish(Arc<Snapshot>),
    /// Ask these panels how they are.
    Ask(Vec<Errand>),
    /// Idle connections to be kept, or no more.
    Watch(Vec<Watching>),
    /// Verdicts that became others; the answers have them by now.
    Turned(Vec<Turn>),
}

/// What came of reading the databases of places.
pub struct Survey {
    /// What those say that are sound.
    pub atlas: Atlas,
    pub problems: Vec<Problem>,
}

/// A zone to be read and compiled.
#[derive(Clone, Debug)]
pub struct Job {
    pub plan: Arc<ZonePlan>,
    pub ticket: u64,
}

/// What is served and what is wrong, for whoever asks.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub generation: u64,
    /// Generations that differ by more than charts.
    pub edition: u64,
    /// Zones that are answered, and zones that get SERVFAIL.
    pub sound: usize,
    pub broken: Vec<Name>,
    pub records: usize,
    pub problems: Vec<Problem>,
    /// How many charts are in use, and their bytes.
    pub charts: (usize, usize),
}

/// An atlas has millions of entries, so only the problems are shown.
impl std::fmt::Debug for Survey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Survey").field("problems", &self.problems).finish_non_exhaustive()
    }
}
