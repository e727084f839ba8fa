//! Panels in numbers: those that the caller may know of by name, all of them by count.

use crate::control::{Figures, named_gauges};
use crate::health::{AddressView, CheckView, PanelView, Verdict};
use crate::metrics::{Page, Samples};

const VERDICTS: [Verdict; 5] = [Verdict::Unchecked, Verdict::Up, Verdict::Degraded, Verdict::Unknown, Verdict::Down];

pub(super) fn write(page: &mut Page, figures: &Figures) {
    let mut samples = page.gauge("meridian_panels", "Panels by their verdict.");
    for verdict in VERDICTS {
        samples.put(&[("verdict", verdict.word())], figures.verdicts.get(&verdict).copied().unwrap_or(0));
    }
    page.gauge("meridian_panels_hidden", "Panels among them that the token may not know of.").put(&[], figures.hidden);
    let mut each = |name, help, put: &dyn Fn(&mut Samples<'_>, &PanelView)| {
        let mut samples = page.gauge(name, help);
        figures.panels.iter().for_each(|panel| put(&mut samples, panel));
    };
    each("meridian_panel_up", "Whether a panel serves: its verdict is up, degraded or unchecked.", &|samples, panel| {
        samples.put(&[("panel", &panel.name)], serves(panel.verdict));
    });
    each("meridian_panel_verdict", "A panel's verdict; always 1.", &|samples, panel| {
        samples.put(&[("panel", &panel.name), ("verdict", panel.verdict.word())], true);
    });
    each("meridian_panel_utilisation", "A panel's worst gauge over its limit; 1 is full.", &|samples, panel| {
        if let Some(load) = panel.utilisation {
            samples.put(&[("panel", &panel.name)], load);
        }
    });
    each("meridian_panel_shed", "The share of a panel's clients that others take because of its load.", &|samples, panel| {
        samples.put(&[("panel", &panel.name)], panel.shed);
    });
    each("meridian_panel_reported", "What a panel says of itself, in its own units.", &|samples, panel| {
        for (gauge, value) in panel.gauges.iter().flat_map(|(gauges, _)| named_gauges(gauges)) {
            if let Some(value) = value {
                samples.put(&[("panel", &panel.name), ("gauge", gauge)], value);
            }
        }
    });
    each("meridian_panel_uptime_ratio", "The share of the time that is known of in which a panel served.", &|samples, panel| {
        let windows = [("24h", panel.uptime.day), ("7d", panel.uptime.week), ("30d", panel.uptime.month)];
        for (window, share) in windows {
            if let Some(share) = share {
                samples.put(&[("panel", &panel.name), ("window", window)], share);
            }
        }
    });
    addresses(page, figures);
}

fn addresses(page: &mut Page, figures: &Figures) {
    // Each address is written once, and not once for each of its checks and families.
    let panels: Vec<Vec<(String, &AddressView)>> = figures.panels.iter().map(named).collect();
    let mut samples = page.gauge("meridian_address_up", "Whether a panel serves at one of its addresses.");
    for (panel, addresses) in figures.panels.iter().zip(&panels) {
        for (address, view) in addresses {
            samples.put(&[("panel", &panel.name), ("address", address)], serves(view.verdict));
        }
    }
    let mut each = |name, help, value: fn(&CheckView) -> Option<f64>| {
        let mut samples = page.gauge(name, help);
        for (panel, addresses) in figures.panels.iter().zip(&panels) {
            for (address, check) in addresses.iter().flat_map(|(address, view)| view.checks.iter().map(move |check| (address, check))) {
                let labels = [("panel", &*panel.name), ("address", address), ("check", &check.check)];
                if let Some(value) = value(check) {
                    samples.put(&labels, value);
                }
            }
        }
    };
    each("meridian_check_up", "Whether a check says that an address serves.", |check| Some(f64::from(u8::from(serves(check.verdict)))));
    each("meridian_check_latency_seconds", "What the last check took.", |check| check.took_ms.map(in_seconds));
    each("meridian_check_watched", "Whether an idle connection is open, whose end is noticed at once.", |check| {
        Some(f64::from(u8::from(check.is_watched)))
    });
    each("meridian_stream_start_seconds", "From the start of the last check to the first bytes of a segment.", |check| {
        check.stream_start_ms.map(in_seconds)
    });
}

fn named(panel: &PanelView) -> Vec<(String, &AddressView)> {
    panel.addresses.iter().map(|view| (view.address.to_string(), view)).collect()
}

fn in_seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn serves(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Up | Verdict::Degraded | Verdict::Unchecked => true,
        Verdict::Unknown | Verdict::Down => false,
    }
}
