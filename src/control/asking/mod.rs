//! How panels are: asked of the node, and put into the words of the API.

use crate::control::Caller;
use crate::control::Refusal;
use crate::control::explain::{Explanation, Facts, Ranked};
use crate::control::look::state_of;
use crate::control::office::{Office, Post};
use crate::control::sight::Sight;
use crate::control::wanting::missing;
use crate::fleet::Kind;
use crate::health::{AddressView, CheckView, Gauges, PanelView, Turn, Uptimes, Verdict};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::sync::oneshot;

/// The node's loop answers in milliseconds; who waits longer waits for something that is broken.
const PATIENCE: Duration = Duration::from_secs(2);

/// By the panels' keys.
#[derive(Debug, Default)]
pub(super) struct Views(HashMap<String, PanelView>);

/// None: of all panels.
pub(super) async fn ask(office: &Office, panels: Option<Vec<String>>) -> Result<Views, Refusal> {
    let (done, answer) = oneshot::channel();
    let gone = || Refusal::Late("the node is stopping".into());
    office.pilot.send(Post::Health { panels, done }).map_err(|_| gone())?;
    let late = |_| Refusal::Late("the node is busy with something long and has not said how its panels are; ask again".into());
    let views = tokio::time::timeout(PATIENCE, answer).await.map_err(late)?.map_err(|_| gone())?;
    Ok(Views(views.into_iter().map(|view| (view.name.to_lowercase(), view)).collect()))
}

impl Views {
    pub(super) fn of(&self, found: &str) -> Option<&PanelView> {
        self.0.get(found)
    }

    /// A panel that the node has not heard of yet is one that nobody has asked.
    pub(super) fn take(&mut self, found: &str, name: &str) -> PanelView {
        self.0.remove(found).unwrap_or_else(|| nothing(name))
    }
}

fn nothing(name: &str) -> PanelView {
    PanelView {
        name: name.to_owned(),
        verdict: Verdict::Unknown,
        since_s: 0,
        reason: String::new(),
        addresses: Vec::new(),
        gauges: None,
        utilisation: None,
        shed: 0.0,
        uptime: Uptimes::default(),
        turns: Vec::new(),
    }
}

pub(super) async fn panel_health(office: &Office, caller: &Caller, name: &str) -> Result<Value, Refusal> {
    let panel = {
        let ledger = office.ledger.read();
        let sight = Sight::of(caller, &ledger);
        let item = ledger.item(Kind::Panel, name).filter(|_| sight.sees(&ledger, Kind::Panel, name));
        item.ok_or_else(|| missing(Kind::Panel, name))?.name.to_string()
    };
    let found = panel.to_lowercase();
    let view = ask(office, Some(vec![panel.clone()])).await?.take(&found, &panel);
    let state = state_of(office, &office.ledger.read(), &found);
    // What came in a moment ago counts before what the node has taken.
    let reported = office.reports.read().get(&found).map(|reported| (reported.gauges, reported.at_s)).or(view.gauges);
    Ok(json!({
        "panel": panel,
        "verdict": view.verdict.word(),
        "since": time(view.since_s),
        "reason": text(&view.reason),
        "addresses": view.addresses.iter().map(address).collect::<Vec<_>>(),
        "state": state,
        "gauges": reported.map(|(reported, _)| gauges(&reported)),
        "reported": reported.map(|(_, at_s)| at_s),
        "utilisation": view.utilisation,
        "shed": view.shed,
        "uptime": uptimes(&view.uptime),
        "history": view.turns.iter().map(turn).collect::<Vec<_>>(),
    }))
}

/// What a status says of a panel's health, beside what operators want of it.
pub(super) fn put_into(status: &mut Value, view: &PanelView) {
    let Some(status) = status.as_object_mut() else { return };
    let health = [
        ("verdict", view.verdict.word().into()),
        ("verdict_since", time(view.since_s)),
        ("verdict_reason", text(&view.reason)),
        ("utilisation", json!(view.utilisation)),
        ("shed", json!(view.shed)),
        ("uptime", uptimes(&view.uptime)),
    ];
    status.extend(health.map(|(key, value)| (key.to_owned(), value)));
}

fn address(view: &AddressView) -> Value {
    json!({
        "address": view.address.to_string(),
        "verdict": view.verdict.word(),
        "since": time(view.since_s),
        "reason": text(&view.reason),
        "checks": view.checks.iter().map(check).collect::<Vec<_>>(),
    })
}

fn check(view: &CheckView) -> Value {
    json!({
        "check": view.check,
        "verdict": view.verdict.word(),
        "failures": view.failures,
        "successes": view.successes,
        "reason": text(&view.reason),
        "last": view.last_s,
        "latency_ms": view.took_ms,
        "stream_start_ms": view.stream_start_ms,
        "watched": view.is_watched,
        "held_until": view.held_until_s,
    })
}

fn turn(turn: &Turn) -> Value {
    json!({
        "at": turn.at_s,
        "from": turn.from.word(),
        "to": turn.to.word(),
        "reason": text(&turn.reason),
        "address": turn.address.map(|address| address.to_string()),
        "seconds": turn.took_ms.map(|ms| ms as f64 / 1000.0),
    })
}

fn uptimes(uptime: &Uptimes) -> Value {
    json!({"24h": uptime.day, "7d": uptime.week, "30d": uptime.month})
}

/// What a panel says; what it does not say is left out.
fn gauges(gauges: &Gauges) -> Value {
    // As people write them: 312, not 312.0.
    let shown = |gauge: f64| if gauge.fract() == 0.0 && gauge < 2f64.powi(53) { json!(gauge as u64) } else { json!(gauge) };
    Value::Object(Map::from_iter(named_gauges(gauges).filter_map(|(name, gauge)| Some((name.to_owned(), shown(gauge?))))))
}

pub fn named_gauges(gauges: &Gauges) -> impl Iterator<Item = (&'static str, Option<f64>)> {
    let Gauges { connections, cpu, memory, bandwidth_mbps, credits } = *gauges;
    [("connections", connections), ("cpu", cpu), ("memory", memory), ("bandwidth_mbps", bandwidth_mbps), ("credits", credits)].into_iter()
}

pub(super) fn read_gauges(report: &Value) -> Gauges {
    let gauge = |name: &str| report[name].as_f64();
    Gauges {
        connections: gauge("connections"),
        cpu: gauge("cpu"),
        memory: gauge("memory"),
        bandwidth_mbps: gauge("bandwidth_mbps"),
        credits: gauge("credits"),
    }
}

fn time(at_s: u64) -> Value {
    if at_s == 0 { Value::Null } else { at_s.into() }
}

fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

/// Every panel that an explanation ranks.
pub(super) fn ranked(explanation: &Explanation) -> Vec<String> {
    let panels = |facts: &Facts| match facts {
        Facts::Tier(tier) => tier.panels.iter().map(|ranked| ranked.panel.clone()).collect(),
        Facts::Out { panels } => panels.iter().map(|ranked| ranked.panel.clone()).collect(),
        _ => Vec::new(),
    };
    explanation.steps.iter().flat_map(|step| panels(&step.facts)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Says of each panel that is not up what is wrong with it, where the caller may know of it.
pub(super) fn judge(explanation: &mut Explanation, views: &Views, is_seen: impl Fn(&str) -> bool) {
    let family = match &*explanation.rtype {
        "A" => Some(true),
        "AAAA" => Some(false),
        _ => None,
    };
    for step in &mut explanation.steps {
        let panels = match &mut step.facts {
            Facts::Tier(tier) => &mut tier.panels,
            Facts::Out { panels } => panels,
            _ => continue,
        };
        for ranked in panels {
            let found = ranked.panel.to_lowercase();
            if let Some(view) = views.of(&found).filter(|_| is_seen(&found)) {
                condition(ranked, view, family);
            }
        }
    }
}

fn condition(ranked: &mut Ranked, view: &PanelView, is_v4: Option<bool>) {
    let (verdict, reason) = of_family(view, is_v4);
    let is_weightless = ranked.out.as_deref() == Some(crate::control::steered::WEIGHTLESS);
    let said = match verdict {
        Verdict::Up | Verdict::Unchecked if is_weightless && view.shed >= 1.0 => "full: others take all of its clients".to_owned(),
        Verdict::Up | Verdict::Unchecked => return,
        Verdict::Unknown if reason.is_empty() => "unknown: not asked yet".to_owned(),
        _ if reason.is_empty() => verdict.word().to_owned(),
        _ => format!("{}: {reason}", verdict.word()),
    };
    if !matches!(verdict, Verdict::Up | Verdict::Unchecked) {
        ranked.verdict = Some(verdict.word().into());
        ranked.reason = (!reason.is_empty()).then(|| reason.to_owned());
    }
    if is_weightless {
        ranked.text = format!("out: {said}");
        ranked.out = Some(said);
    } else {
        let parts = [std::mem::take(&mut ranked.text), said];
        ranked.text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    }
}

/// What holds for those who ask for addresses of one family: the best of them serves, and the worst has the reason.
fn of_family(view: &PanelView, is_v4: Option<bool>) -> (Verdict, &str) {
    let Some(is_v4) = is_v4 else { return (view.verdict, &view.reason) };
    let of_it = || view.addresses.iter().filter(|address| address.address.is_ipv4() == is_v4);
    match (of_it().min_by_key(|address| address.verdict), of_it().max_by_key(|address| address.verdict)) {
        (Some(best), Some(worst)) => (best.verdict, &worst.reason),
        _ => (view.verdict, &view.reason),
    }
}

#[cfg(test)]
mod tests;
