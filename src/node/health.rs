//! How panels are, for those who ask.

use super::Node;
use crate::fleet::Panel;
use crate::health::{AddressView, PanelView, Uptimes, Verdict};

impl Node {
    /// Of one panel, or of all.
    pub(super) fn views(&self, panel: Option<&str>) -> Vec<PanelView> {
        let is_wanted = |found: &str| panel.is_none_or(|panel| panel.eq_ignore_ascii_case(found));
        let panels = self.pilot.fleet().panels.iter().filter(|panel| is_wanted(&panel.name));
        panels.map(|panel| unchecked(panel)).collect()
    }
}

/// Until the pilot has a law of health, nobody checks anything.
fn unchecked(panel: &Panel) -> PanelView {
    let address = |address| AddressView { address, verdict: Verdict::Unchecked, since_s: 0, reason: String::new(), checks: Vec::new() };
    PanelView {
        name: panel.name.clone(),
        verdict: Verdict::Unchecked,
        since_s: 0,
        reason: String::new(),
        addresses: panel.addresses.iter().copied().map(address).collect(),
        gauges: None,
        utilisation: None,
        shed: 0.0,
        uptime: Uptimes::default(),
        turns: Vec::new(),
    }
}
