//! `/v1/panels/{name}/…`: what operators want of a panel for now, and what it reports.

use super::bearer::Asked;
use super::body::MAX_BODY;
use super::fields::Fields;
use super::objects::Doorway;
use super::problem::Trouble;
use super::reply::{Answer, Told, done};
use crate::control::{Change, StateOrder};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::Value;

/// Whoever means longer changes the fleet.
const LONGEST_S: u64 = 366 * 86_400;
/// A sentence; it stands in tables and logs.
const MAX_REASON: usize = 1000;
const GAUGES: [&str; 5] = ["connections", "cpu", "memory", "bandwidth_mbps", "credits"];

pub(super) async fn show_state(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    Ok(Json(door.control.panel_state(&asked.caller, asked.name(0))?).into_response())
}

pub(super) async fn set_state(State(door): Doorway, mut asked: Asked) -> Answer {
    let how = asked.how()?;
    asked.finish()?;
    let state = Some(read_order(asked.json(MAX_BODY).await?)?);
    let panel = asked.name(0).to_owned();
    let mut change = door.control.change(&asked.caller, Change::State { panel, state }, &how).await?;
    // 200 even for the first one: a panel always has a state.
    change.is_made = false;
    Ok(done(change, how.dry_run, Told::Object))
}

pub(super) async fn drop_state(State(door): Doorway, mut asked: Asked) -> Answer {
    let how = asked.how()?;
    asked.finish()?;
    let panel = asked.name(0).to_owned();
    let change = door.control.change(&asked.caller, Change::State { panel, state: None }, &how).await?;
    Ok(done(change, how.dry_run, Told::Gone))
}

pub(super) async fn report(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    let report = read_report(asked.json(MAX_BODY).await?)?;
    door.control.report(&asked.caller, asked.name(0), report).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn health(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    Ok(Json(door.control.panel_health(&asked.caller, asked.name(0)).await?).into_response())
}

/// It is let back in at once, however often it has fallen.
pub(super) async fn unhold(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    door.control.unhold(&asked.caller, asked.name(0)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn read_report(body: Value) -> Result<Value, Trouble> {
    let report = body.clone();
    let mut fields = Fields::new(body)?;
    for gauge in GAUGES {
        fields.gauge(gauge);
    }
    fields.finish()?;
    Ok(report)
}

fn read_order(body: Value) -> Result<StateOrder, Trouble> {
    let mut fields = Fields::new(body)?;
    fields.needs("state", "write one of enabled, draining, disabled");
    let state = fields.word("state", &["enabled", "draining", "disabled"]);
    let reason = fields.text("reason").unwrap_or_default();
    if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
        fields.wrong("reason", format!("not one line of at most {MAX_REASON} letters"), "say it shorter");
    }
    let over_s = fields.span("over", LONGEST_S);
    let for_s = fields.span("for", LONGEST_S);
    if over_s.is_some() && state.is_some_and(|state| state != "draining") {
        fields.wrong("over", "only a drain hands its clients over in time", "leave it out, or write \"state\": \"draining\"");
    }
    fields.finish()?;
    Ok(StateOrder { state: state.unwrap_or_default().to_owned(), reason, over_s, for_s })
}

#[cfg(test)]
mod tests {
    use super::super::problem::Word;
    use super::*;
    use serde_json::json;

    #[test]
    fn an_order_is_a_state_with_its_reason_and_times() {
        let order = read_order(json!({"state": "draining", "reason": "new disks", "over": "10m", "for": "2h"})).unwrap();
        let expected = StateOrder { state: "draining".into(), reason: "new disks".into(), over_s: Some(600), for_s: Some(7200) };
        assert_eq!(order, expected);
        let order = read_order(json!({"state": "enabled"})).unwrap();
        assert_eq!(order, StateOrder { state: "enabled".into(), reason: String::new(), over_s: None, for_s: None });
    }

    #[test]
    fn a_report_is_of_known_gauges_from_nothing_up() {
        read_report(json!({})).unwrap();
        read_report(json!({"connections": 312, "cpu": 0.41, "memory": 0, "bandwidth_mbps": 840.5, "credits": 1e9})).unwrap();
        for body in [json!([]), json!({"cpu": -0.1}), json!({"cpu": "0.4"}), json!({"memory": null}), json!({"load": 1})] {
            assert_eq!(read_report(body.clone()).unwrap_err().word(), Word::Invalid, "{body}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for body in [
            json!({}),
            json!("draining"),
            json!({"state": "off"}),
            json!({"state": "draining", "over": 600}),
            json!({"state": "draining", "over": "500ms"}),
            json!({"state": "draining", "for": "400d"}),
            json!({"state": "disabled", "over": "10m"}),
            json!({"state": "disabled", "reason": "a\nb"}),
            json!({"state": "disabled", "reason": "x".repeat(MAX_REASON + 1)}),
            json!({"state": "disabled", "because": "x"}),
        ] {
            assert_eq!(read_order(body.clone()).unwrap_err().word(), Word::Invalid, "{body}");
        }
    }
}
