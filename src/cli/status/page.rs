//! A node's status as a person reads it at three in the morning.

use super::share::{load, percent};
use crate::cli::api::{Paint, Table, age, line, seconds};
use serde_json::Value;

/// Problems that are shown; the node's log and --json have all.
const MAX_PROBLEMS: usize = 20;

#[derive(Debug)]
pub(super) struct Page<'a> {
    status: &'a Value,
    now_s: u64,
    paint: Paint,
}

/// How much a panel wants to be looked at; the first first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    Down,
    Disabled,
    Draining,
    Degraded,
    Odd,
    Fine,
}

impl<'a> Page<'a> {
    pub(super) fn new(status: &'a Value, now_s: u64, paint: Paint) -> Self {
        Self { status, now_s, paint }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.summary()];
        let problems = self.problems();
        if !problems.is_empty() {
            lines.push(String::new());
            let cut = problems.len().saturating_sub(MAX_PROBLEMS);
            lines.extend(problems.into_iter().take(MAX_PROBLEMS));
            lines.extend((cut > 0).then(|| format!("and {cut} problems more (--json has all)")));
        }
        let mut panels: Vec<&Value> = self.panels().iter().collect();
        if !panels.is_empty() {
            panels.sort_by_key(|panel| (alarm(panel), panel["name"].as_str().unwrap_or_default()));
            lines.push(String::new());
            lines.extend(self.table(&panels));
        }
        lines
    }

    fn panels(&self) -> &'a [Value] {
        self.status["panels"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// `5 panels, 4 serving, 1 draining; zones 1; store revision 17; node ns1 ready`
    fn summary(&self) -> String {
        let panels = self.panels();
        let count = |alarms: &[Alarm]| panels.iter().filter(|panel| alarms.contains(&alarm(panel))).count();
        let mut counts = vec![format!("{} panel{}", panels.len(), if panels.len() == 1 { "" } else { "s" })];
        counts.push(format!("{} serving", count(&[Alarm::Fine, Alarm::Odd, Alarm::Degraded])));
        for (word, alarm) in
            [("down", Alarm::Down), ("disabled", Alarm::Disabled), ("draining", Alarm::Draining), ("degraded", Alarm::Degraded)]
        {
            counts.extend(Some(count(&[alarm])).filter(|n| *n > 0).map(|n| format!("{n} {word}")));
        }
        let mut parts = vec![counts.join(", ")];
        let many =
            |key: &str| self.status[key].as_array().map(Vec::len).or_else(|| self.status[key].as_u64().and_then(|n| n.try_into().ok()));
        parts.extend(many("zones").map(|zones| format!("zones {zones}")));
        parts.extend(self.status["revision"].as_u64().map(|revision| format!("store revision {revision}")));
        let node = self.status["node"].as_str().map(|node| format!(" {}", line(node))).unwrap_or_default();
        let is_ready = self.status["ready"].as_bool().unwrap_or(false);
        parts.push(match is_ready {
            true => format!("node{node} ready"),
            false => self.paint.red(&format!("node{node} NOT READY")),
        });
        let hidden = self.status["hidden"].as_u64().filter(|hidden| *hidden > 0);
        parts.extend(hidden.map(|hidden| format!("{hidden} that this token does not see")));
        parts.join("; ")
    }

    fn problems(&self) -> Vec<String> {
        let problems = self.status["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
        problems.iter().map(|problem| format!("{} {}", self.paint.red("problem:"), told(problem))).collect()
    }

    fn table(&self, panels: &[&Value]) -> Vec<String> {
        let mut table = Table::new(&["panel", "region", "state", "verdict", "since", "load", "up 24h", "reason", "sets"]);
        for panel in panels {
            let text = |key: &str| panel[key].as_str().unwrap_or_default().to_owned();
            let sets = panel["sets"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
            let (load, uptime) = (load(panel).unwrap_or_default(), percent(&panel["uptime"]["24h"]).unwrap_or_default());
            table.row([
                text("name"),
                text("region"),
                self.state(panel),
                text("verdict"),
                self.since(panel),
                load,
                uptime,
                reason(panel),
                sets,
            ]);
        }
        let mut lines = table.lines();
        if let Some(head) = lines.first_mut() {
            *head = self.paint.bold(head);
        }
        // Whole rows, so that no column moves; the words say the same.
        for (row, panel) in lines[1..].iter_mut().zip(panels) {
            *row = match alarm(panel) {
                Alarm::Down => self.paint.red(row),
                Alarm::Disabled | Alarm::Draining | Alarm::Degraded | Alarm::Odd => self.paint.yellow(row),
                Alarm::Fine => std::mem::take(row),
            };
        }
        lines
    }

    /// `draining, 40m left`, and what the fleet says where an operator says otherwise.
    fn state(&self, panel: &Value) -> String {
        let text = |key: &str| panel[key].as_str().unwrap_or_default();
        let mut state = text("state").to_owned();
        if let Some(until) = seconds(&panel["until"]) {
            state += &format!(", {} left", age(until.saturating_sub(self.now_s)));
        }
        if !matches!(text("fleet_state"), "" | "enabled") && text("fleet_state") != text("state") {
            state += &format!(" (fleet: {})", text("fleet_state"));
        }
        state
    }

    /// How long what is to be seen has been so: a verdict, unless it is an operator who keeps the panel out.
    fn since(&self, panel: &Value) -> String {
        let is_operators = matches!(alarm(panel), Alarm::Disabled | Alarm::Draining);
        let keys = if is_operators { ["since", "verdict_since"] } else { ["verdict_since", "since"] };
        let since = keys.iter().find_map(|key| seconds(&panel[*key]));
        since.map(|since| age(self.now_s.saturating_sub(since))).unwrap_or_default()
    }
}

/// What is wrong with it, then why an operator says otherwise than the fleet.
fn reason(panel: &Value) -> String {
    let reasons = ["verdict_reason", "reason"].iter().filter_map(|key| panel[*key].as_str()).filter(|reason| !reason.is_empty());
    reasons.collect::<Vec<_>>().join("; ")
}

fn alarm(panel: &Value) -> Alarm {
    let text = |key: &str| panel[key].as_str().unwrap_or_default();
    match (text("state"), text("verdict")) {
        ("disabled", _) => Alarm::Disabled,
        (_, "down") => Alarm::Down,
        ("draining", _) => Alarm::Draining,
        (_, "degraded") => Alarm::Degraded,
        ("enabled" | "", "up" | "unchecked" | "unknown" | "") => Alarm::Fine,
        _ => Alarm::Odd,
    }
}

/// A problem as text, or as the object of a problem.
fn told(problem: &Value) -> String {
    if let Some(text) = problem.as_str() {
        return line(text);
    }
    let text = |key: &str| problem[key].as_str().filter(|text| !text.is_empty()).map(line);
    let mut told = String::new();
    told.extend(text("file").map(|file| match problem["line"].as_u64().filter(|line| *line > 0) {
        Some(line) => format!("{file}:{line}: "),
        None => format!("{file}: "),
    }));
    told.extend(text("path").map(|path| format!("{path}: ")));
    let what = text("what").or_else(|| text("detail")).or_else(|| text("text"));
    told += &what.unwrap_or_else(|| line(&problem.to_string()));
    told.extend(text("hint").map(|hint| format!("; {hint}")));
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(status: &Value) -> String {
        Page::new(status, 1_000_000, Paint::NONE).lines().join("\n")
    }

    #[test]
    fn what_is_not_normal_comes_first() {
        let status = json!({"node": "ns1", "version": "0.1.0", "generation": 9, "revision": 17, "ready": true, "problems": [], "zones": ["a"], "sets": ["s"], "panels": [
            {"name": "ams1", "region": "eu", "state": "enabled", "fleet_state": "enabled", "verdict": "up", "verdict_since": 740_800, "utilisation": 0.625, "shed": 0.0, "uptime": {"24h": 1.0}, "sets": ["s"]},
            {"name": "fra1", "region": "eu", "state": "draining", "fleet_state": "enabled", "verdict": "up", "verdict_since": 900_000, "since": 999_880, "until": 1_002_400, "reason": "new disks", "sets": ["s", "t"]},
            {"name": "lax1", "region": "us", "state": "enabled", "fleet_state": "disabled", "verdict": "degraded", "verdict_since": 999_000, "verdict_reason": "latency 900 ms", "since": 999_990, "reason": "tried", "utilisation": 0.97, "shed": 0.4, "sets": []},
            {"name": "nyc1", "region": "us", "state": "enabled", "fleet_state": "enabled", "verdict": "down", "verdict_since": 992_000, "verdict_reason": "connection refused", "uptime": {"24h": 0.90888}, "sets": ["s"]},
            {"name": "sgp1", "state": "disabled", "fleet_state": "disabled", "verdict": "unchecked", "verdict_since": null, "verdict_reason": null, "sets": ["s"]},
        ]});
        let expected = "\
5 panels, 2 serving, 1 down, 1 disabled, 1 draining, 1 degraded; zones 1; store revision 17; node ns1 ready

PANEL   REGION   STATE                       VERDICT     SINCE   LOAD               UP 24H    REASON                  SETS
nyc1    us       enabled                     down        2h13m   -                  90.88 %   connection refused      s
sgp1    -        disabled                    unchecked   -       -                  -         -                       s
fra1    eu       draining, 40m left          up          2m      -                  -         new disks               s, t
lax1    us       enabled (fleet: disabled)   degraded    16m     97 %, sheds 40 %   -         latency 900 ms; tried   -
ams1    eu       enabled                     up          3d      62 %               100 %     -                       s";
        assert_eq!(text(&status), expected);
    }

    #[test]
    fn problems_come_before_panels() {
        let status = json!({"node": "n", "ready": false, "revision": 1, "zones": 2, "hidden": 3, "problems": [
            "the store is gone",
            {"file": "z.zone", "line": 3, "path": "zone a", "what": "bad", "hint": "do"},
            {"detail": "x\u{1b}"},
        ], "panels": [{"name": "p", "state": "enabled"}]});
        let expected = "\
1 panel, 1 serving; zones 2; store revision 1; node n NOT READY; 3 that this token does not see

problem: the store is gone
problem: z.zone:3: zone a: bad; do
problem: x\\u{1b}

PANEL   REGION   STATE     VERDICT   SINCE   LOAD   UP 24H   REASON   SETS
p       -        enabled   -         -       -      -        -        -";
        assert_eq!(text(&status), expected);
    }

    #[test]
    fn a_status_of_another_shape_is_no_panic() {
        for status in
            [json!({}), json!([]), json!(null), json!({"panels": 5, "problems": {}, "zones": "x"}), json!({"panels": [1, null, {}]})]
        {
            assert!(text(&status).contains("NOT READY"), "{status}");
        }
    }
}
