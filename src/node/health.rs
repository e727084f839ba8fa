//! How panels are, for those who ask.

use super::Node;
use crate::health::{AddressView, PanelView, Uptimes, Verdict};

impl Node {
    /// Of one panel, or of all.
    pub(super) fn views(&self, panel: Option<&str>) -> Vec<PanelView> {
        let fleet = self.pilot.fleet();
        let is_wanted = |name: &str| panel.is_none_or(|panel| panel.eq_ignore_ascii_case(name));
        let panels = fleet.panels.iter().filter(|panel| is_wanted(&panel.name));
        let view = |panel: &std::sync::Arc<crate::fleet::Panel>| PanelView {
            name: panel.name.clone(),
            verdict: Verdict::Unchecked,
            since_s: 0,
            reason: String::new(),
            addresses: panel.addresses.iter().map(|address| unchecked(*address)).collect(),
            gauges: None,
            utilisation: None,
            shed: 0.0,
            uptime: Uptimes::default(),
            turns: Vec::new(),
        };
        panels.map(view).collect()
    }
}

fn unchecked(address: std::net::IpAddr) -> AddressView {
    AddressView { address, verdict: Verdict::Unchecked, since_s: 0, reason: String::new(), checks: Vec::new() }
}
