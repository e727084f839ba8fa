//! What is shown of panels' health.

use super::report::Gauges;
use std::net::IpAddr;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing checks it, so it counts as up.
    Unchecked,
    Up,
    /// It serves, and something is wrong with it.
    Degraded,
    /// Not asked yet.
    #[default]
    Unknown,
    Down,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::Down => "down",
        }
    }
}

/// A verdict that became another one. `address` None: the panel as a whole. One that stays what it is tells of something else:
/// an address's first failure, or, of a panel, that others take another share of its clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    pub panel: String,
    pub address: Option<IpAddr>,
    pub from: Verdict,
    pub to: Verdict,
    pub reason: String,
    /// Wall time.
    pub at_s: u64,
    /// From the start of the first failed check to the snapshot that has it; only of turns for the worse.
    pub took_ms: Option<u64>,
}

/// Everything about one panel.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelView {
    pub name: String,
    /// The best of its addresses', but degraded where they differ.
    pub verdict: Verdict,
    /// Wall time since when.
    pub since_s: u64,
    /// Of its worst address; empty when all is well.
    pub reason: String,
    pub addresses: Vec<AddressView>,
    /// The last report it sent, when it did.
    pub gauges: Option<(Gauges, u64)>,
    /// Worst gauge over its limit, averaged; None without a fresh report.
    pub utilisation: Option<f64>,
    /// Share of its clients that others take because of its load, the most of all policies it is under.
    pub shed: f64,
    pub uptime: Uptimes,
    /// The last turns, newest first.
    pub turns: Vec<Turn>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AddressView {
    pub address: IpAddr,
    pub verdict: Verdict,
    pub since_s: u64,
    pub reason: String,
    pub checks: Vec<CheckView>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CheckView {
    pub check: String,
    pub verdict: Verdict,
    /// Failures that count, and successes in a row since.
    pub failures: u32,
    pub successes: u32,
    /// What is wrong, or was last; empty when nothing is.
    pub reason: String,
    /// When it was last heard of; wall time.
    pub last_s: Option<u64>,
    pub took_ms: Option<u64>,
    pub stream_start_ms: Option<u64>,
    /// An idle connection is open.
    pub is_watched: bool,
    /// A flapping panel stays away until then at least; wall time.
    pub held_until_s: Option<u64>,
}

/// Shares of the time that is known of; None: nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Uptimes {
    pub day: Option<f64>,
    pub week: Option<f64>,
    pub month: Option<f64>,
}
