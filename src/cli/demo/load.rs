//! The panels' reports, as an agent on each of them would send them.

use crate::cli::api::{Ask, Client, Result, path};
use crate::clock;
use crate::stage::{Mode, Panel};
use serde_json::json;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use ureq::http::Method;

/// As often as an agent reports.
const EVERY: Duration = Duration::from_secs(2);
/// A node on this machine answers at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// A panel's viewers come and go within these shares of its capacity, and so long from the fewest to the most.
const FEWEST: f64 = 0.3;
const MOST: f64 = 0.5;
const TIDE_MS: u64 = 120_000;

/// Reports until `nudge` is gone; a nudge asks for a report at once.
pub(super) fn report(panels: &[Panel], admin: SocketAddr, master: &Client, nudge: &Receiver<()>) {
    let mut agents = HashMap::new();
    let mut has_failed = false;
    loop {
        seat(panels);
        for panel in panels {
            let came = one(panel, admin, master, &mut agents);
            if let (Err(_), false) = (&came, has_failed) {
                tracing::warn!(panel = panel.name(), "the node does not take the panels' reports, so nothing follows their load");
            }
            has_failed = came.is_err();
        }
        if nudge.recv_timeout(EVERY) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// The viewers that there are by now.
pub(super) fn seat(panels: &[Panel]) {
    let now_ms = clock::now().mono_ms;
    panels.iter().zip(0..).for_each(|(panel, at)| panel.seat(viewers(panel.capacity(), at, now_ms)));
}

/// A report is sent by a token of its panel, which is made for the first one.
fn one(panel: &Panel, admin: SocketAddr, master: &Client, agents: &mut HashMap<String, Client>) -> Result<()> {
    // With the host its agent is gone.
    if matches!(panel.mode(), Mode::Killed | Mode::Stopped) {
        return Ok(());
    }
    let name = panel.name();
    if !agents.contains_key(name) {
        let order = json!({"name": format!("demo-{name}"), "role": "panel", "panel": name});
        let made = master.send(Ask::new(Method::POST, "/v1/tokens").json(order).patience(PATIENCE))?.json()?;
        agents.insert(name.to_owned(), Client::beside(admin, made["token"].as_str().unwrap_or_default())?);
    }
    let body = json!({"connections": panel.connections()});
    agents[name].send(Ask::new(Method::POST, &path(&["panels", name, "heartbeat"])).json(body).patience(PATIENCE)).map(drop)
}

/// A tide that is elsewhere at each panel.
fn viewers(capacity: u32, panel: u64, now_ms: u64) -> u32 {
    let turn = (now_ms + panel * TIDE_MS / 3) % (2 * TIDE_MS);
    let height = turn.abs_diff(TIDE_MS) as f64 / TIDE_MS as f64;
    (f64::from(capacity) * (FEWEST + (MOST - FEWEST) * height)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_panel_is_ever_full_of_viewers() {
        let counts: Vec<u32> = (0..500).map(|step| viewers(500, step % 5, step * 1000)).collect();
        assert!(counts.iter().all(|count| (150..=250).contains(count)), "{counts:?}");
        assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() > 80);
    }
}
