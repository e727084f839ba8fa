//! One panel's health as a person reads it at three in the morning.

use super::share::{load, percent};
use crate::cli::api::{Paint, Table, age, line, seconds, stamp};
use crate::cli::state::sentence;
use serde_json::Value;

/// Turns that are shown; --json has all that the node keeps.
const MAX_TURNS: usize = 10;

pub(super) fn lines(health: &Value, now_s: u64, paint: Paint) -> Vec<String> {
    let ago = |value: &Value| seconds(value).map(|at| age(now_s.saturating_sub(at)));
    let word = |value: &Value| value.as_str().map(line).unwrap_or_default();
    let (name, verdict) = (word(&health["panel"]), word(&health["verdict"]));
    let mut head = format!("{name} is {verdict}");
    head.extend(ago(&health["since"]).map(|since| format!(" for {since}")));
    head.extend(health["reason"].as_str().map(|reason| format!(": {}", line(reason))));
    let mut lines = vec![match &*verdict {
        "down" => paint.red(&head),
        "degraded" | "unknown" => paint.yellow(&head),
        _ => paint.bold(&head),
    }];
    let state = &health["state"];
    if state["who"].is_string() || state["state"].as_str().is_some_and(|state| state != "enabled") {
        lines.push(sentence(&name, state));
    }
    lines.extend(load(health).map(|load| format!("load {load}")));
    let windows = [("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days")];
    let uptimes = windows.iter().filter_map(|(key, words)| Some(format!("{} of {words}", percent(&health["uptime"][*key])?)));
    let uptimes = uptimes.collect::<Vec<_>>().join(", ");
    lines.extend((!uptimes.is_empty()).then(|| format!("up {uptimes}")));
    if let Some(gauges) = health["gauges"].as_object().filter(|gauges| !gauges.is_empty()) {
        let when = ago(&health["reported"]).map(|ago| format!(" {ago} ago")).unwrap_or_default();
        let gauges = gauges.iter().map(|(gauge, value)| format!("{} {}", line(gauge), line(&value.to_string())));
        lines.push(format!("reported{when}: {}", gauges.collect::<Vec<_>>().join(", ")));
    }
    lines.push(String::new());
    lines.extend(checks(health, now_s, paint));
    lines.extend(turns(health, paint));
    lines
}

fn checks(health: &Value, now_s: u64, paint: Paint) -> Vec<String> {
    let mut table = Table::new(&["address", "check", "verdict", "last", "took", "stream", "watched", "reason"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let took = |value: &Value| value.as_u64().map(|ms| format!("{ms} ms")).unwrap_or_default();
    let mut verdicts = Vec::new();
    for address in list(&health["addresses"]) {
        let checks = list(&address["checks"]);
        if checks.is_empty() {
            let cells = [text(&address["address"]), String::new(), text(&address["verdict"])];
            table.row(cells.into_iter().chain(std::iter::repeat_n(String::new(), 4)).chain([text(&address["reason"])]));
            verdicts.push(text(&address["verdict"]));
        }
        for check in checks {
            let last = seconds(&check["last"]).map(|at| format!("{} ago", age(now_s.saturating_sub(at))));
            let held = seconds(&check["held_until"]).filter(|until| *until > now_s);
            let held = held.map(|until| format!("held back for {}, as it fell again and again", age(until - now_s)));
            let reason: Vec<String> = check["reason"].as_str().map(str::to_owned).into_iter().chain(held).collect();
            table.row([
                text(&address["address"]),
                text(&check["check"]),
                text(&check["verdict"]),
                last.unwrap_or_default(),
                took(&check["latency_ms"]),
                took(&check["stream_start_ms"]),
                if check["watched"] == true { "yes".into() } else { String::new() },
                reason.join("; "),
            ]);
            verdicts.push(text(&check["verdict"]));
        }
    }
    let mut lines = table.lines();
    if let Some(head) = lines.first_mut() {
        *head = paint.bold(head);
    }
    for (row, verdict) in lines[1..].iter_mut().zip(verdicts) {
        *row = match &*verdict {
            "down" => paint.red(row),
            "degraded" | "unknown" => paint.yellow(row),
            _ => std::mem::take(row),
        };
    }
    lines
}

fn turns(health: &Value, paint: Paint) -> Vec<String> {
    let turns = list(&health["history"]);
    if turns.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(&["at", "address", "from", "to", "after", "reason"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for turn in turns.iter().take(MAX_TURNS) {
        let after = turn["seconds"].as_f64().map(|seconds| format!("{seconds:.2} s")).unwrap_or_default();
        let at = seconds(&turn["at"]).map(stamp).unwrap_or_default();
        table.row([at, text(&turn["address"]), text(&turn["from"]), text(&turn["to"]), after, text(&turn["reason"])]);
    }
    let mut lines = vec![String::new()];
    lines.extend(table.lines());
    lines[1] = paint.bold(&lines[1]);
    lines.extend((turns.len() > MAX_TURNS).then(|| format!("and {} before (--json has all)", turns.len() - MAX_TURNS)));
    lines
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_panel_is_told_from_its_verdict_to_its_history() {
        let check = json!({"check": "stream", "verdict": "down", "failures": 3, "successes": 0, "reason": "connection refused", "last": 999_998, "latency_ms": 42,
            "stream_start_ms": 250, "watched": false, "held_until": 1_000_040});
        let turn = json!({"at": 999_880, "from": "degraded", "to": "down", "reason": "connection refused", "address": "127.0.1.1", "seconds": 0.184});
        let health = json!({
            "panel": "fra1", "verdict": "down", "since": 999_880, "reason": "connection refused",
            "state": {"state": "draining", "fleet_state": "enabled", "who": "ann", "reason": "new disks"},
            "addresses": [{"address": "127.0.1.1", "verdict": "down", "reason": "connection refused", "checks": [check]}, {"address": "::1", "verdict": "unchecked", "checks": []}],
            "gauges": {"connections": 312.0}, "reported": 999_990, "utilisation": 0.62, "shed": 0.25,
            "uptime": {"24h": 0.9995, "7d": 1.0, "30d": null}, "history": [turn],
        });
        let expected = "\
fra1 is down for 2m: connection refused
fra1 is draining: new disks
load 62 %, sheds 25 %
up 99.95 % of 24 hours, 100 % of 7 days
reported 10s ago: connections 312.0

ADDRESS     CHECK    VERDICT     LAST     TOOK    STREAM   WATCHED   REASON
127.0.1.1   stream   down        2s ago   42 ms   250 ms   -         connection refused; held back for 40s, as it fell again and …
::1         -        unchecked   -        -       -        -         -

AT                     ADDRESS     FROM       TO     AFTER    REASON
1970-01-12 13:44:40Z   127.0.1.1   degraded   down   0.18 s   connection refused";
        assert_eq!(lines(&health, 1_000_000, Paint::NONE).join("\n"), expected);
    }

    #[test]
    fn a_health_of_another_shape_is_no_panic() {
        for health in
            [json!({}), json!([]), json!(null), json!({"addresses": [1, {"checks": 5}], "history": [null], "uptime": 3, "gauges": []})]
        {
            assert!(!lines(&health, 0, Paint::NONE).is_empty(), "{health}");
        }
    }
}
