//! What the readers and the one writer of control share.

use super::StateOrder;
use super::happen::Happenings;
use super::tally::Tallies;
use super::tokens::{Guessers, Tokens};
use crate::clock;
use crate::fleet::ledger::Ledger;
use crate::fleet::{State, Wish};
use crate::health::{Gauges, PanelView};
use crate::pilot::Event;
use crate::snapshot::Slot;
use crate::store::Store;
use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};

/// What control wants of the node's loop.
#[derive(Debug)]
pub enum Post {
    /// Events for the pilot; whoever sent them learns the generation that answers with them.
    Events { events: Vec<Event>, done: oneshot::Sender<u64> },
    /// Heartbeats wait to be taken: `Control::beats` has them.
    Beats,
    /// How these panels are; None: all. Those that there are not are left out.
    Health { panels: Option<Vec<String>>, done: oneshot::Sender<Vec<PanelView>> },
}

/// What the node says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub is_ready: bool,
    pub generation: u64,
    pub problems: Vec<String>,
    pub served: Served,
}

/// How much there is of what the node serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Generations that differ by more than charts.
    pub edition: u64,
    /// Zones that are answered, and zones that get SERVFAIL.
    pub zones: usize,
    pub broken: usize,
    pub records: usize,
    /// All of them, where `Told::problems` has the first ones only.
    pub problems: usize,
}

pub(super) struct Office {
    pub(super) node: String,
    /// The node's own directory.
    pub(super) data: PathBuf,
    pub(super) store: Store,
    /// The files are the truth, by configuration or because nothing has been imported yet.
    pub(super) is_files: AtomicBool,
    /// Why the fleet cannot be changed here, when it cannot.
    pub(super) read_only: RwLock<String>,
    pub(super) ledger: RwLock<Ledger>,
    /// The store's revision when the fleet or a zone's records last changed.
    pub(super) fleet_revision: AtomicU64,
    /// By panel's key.
    pub(super) wishes: RwLock<BTreeMap<String, Wished>>,
    pub(super) reports: RwLock<BTreeMap<String, Reported>>,
    /// Heartbeats that the node has not taken yet, the last one of each panel by its name.
    pub(super) beats: Mutex<BTreeMap<String, Gauges>>,
    pub(super) tallies: Mutex<Tallies>,
    pub(super) tokens: RwLock<Tokens>,
    pub(super) guessers: Mutex<Guessers>,
    pub(super) happenings: Happenings,
    pub(super) told: ArcSwap<Told>,
    pub(super) slot: Arc<Slot>,
    pub(super) pilot: mpsc::UnboundedSender<Post>,
    /// Since when the writer has been storing; 0: it is not.
    pub(super) storing_since_ms: AtomicU64,
}

/// An operator's word on a panel, as it is stored. Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wished {
    pub state: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub reason: String,
    pub who: String,
    pub since: u64,
    /// A drain hands its clients over until then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub over_until: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<u64>,
}

/// A panel's last report.
#[derive(Clone, Debug)]
pub(super) struct Reported {
    pub at_s: u64,
    pub gauges: Gauges,
}

impl Wished {
    pub(super) fn of(order: &StateOrder, who: &str, now_s: u64) -> Self {
        Self {
            state: order.state.clone(),
            reason: order.reason.clone(),
            who: who.into(),
            since: now_s,
            over_until: order.over_s.map(|over| now_s.saturating_add(over)),
            until: order.for_s.map(|until| now_s.saturating_add(until)),
        }
    }

    pub(super) fn holds(&self, now_s: u64) -> bool {
        self.until.is_none_or(|until| now_s < until)
    }

    pub(super) fn wish(&self, panel: &str) -> Wish {
        Wish {
            panel: panel.into(),
            state: state(&self.state).unwrap_or_default(),
            since_s: self.since,
            over_s: self.over_until,
            until_s: self.until,
        }
    }
}

pub(super) fn state(word: &str) -> Option<State> {
    Some(match word {
        "enabled" => State::Enabled,
        "draining" => State::Draining,
        "disabled" => State::Disabled,
        _ => return None,
    })
}

pub(super) fn state_word(state: State) -> &'static str {
    match state {
        State::Enabled => "enabled",
        State::Draining => "draining",
        State::Disabled => "disabled",
    }
}

impl Office {
    pub(super) fn is_files(&self) -> bool {
        self.is_files.load(Ordering::Acquire)
    }

    /// Wishes as the pilot takes them: of panels that there are.
    pub(super) fn wishes(&self) -> Vec<Wish> {
        self.wishes_in(&self.ledger.read())
    }

    pub(super) fn wishes_in(&self, ledger: &Ledger) -> Vec<Wish> {
        let named = |key: &String| ledger.item(crate::fleet::Kind::Panel, key).map(|item| item.name.to_string());
        self.wishes.read().iter().filter_map(|(key, wished)| Some(wished.wish(&named(key)?))).collect()
    }

    pub(super) fn now_s() -> u64 {
        clock::now().wall_s
    }
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Office").field("node", &self.node).finish_non_exhaustive()
    }
}
