//! Judged state: which panels are fit to be answered with.
//!
//! Owns   the memory of past reports and the rule that turns them into verdicts; when who is looked at next.
//! Takes  reports from probes, heartbeats, broken watches, the fleet, and `now`.
//! Gives  errands for probes, changes of verdicts with their reasons, and each panel's condition.
//! Never  opens a socket, reads a clock, or knows what DNS is.

mod report;
mod view;

pub use report::{Errand, Gauges, Live, Outcome, Report, Target, Vigil};
pub use view::{AddressView, CheckView, PanelView, Turn, Uptimes, Verdict};
