//! What is counted of checks and verdicts since the start, and what /metrics shows of it all.

use super::happen::Happenings;
use super::office::{Office, Told};
use super::sight::Sight;
use super::{Caller, asking};
use crate::fleet::Kind;
use crate::fleet::ledger::Ledger;
use crate::health::{Outcome, PanelView, Report, Turn, Verdict};
use crate::metrics::Histogram;
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Turns of one moment that the log tells: when a data centre goes, a thousand lines tell no more than a hundred.
const MAX_LOGGED: usize = 100;

#[derive(Clone, Debug)]
pub struct Tallies {
    /// Verdicts on addresses that became another one: from, to.
    pub turns: BTreeMap<(Verdict, Verdict), u64>,
    /// Seconds from the first failed check to the answers that do without the address.
    pub failovers: Histogram,
    /// By check.
    pub checks: BTreeMap<String, CheckTally>,
    /// Tokens that nobody has.
    pub wrong_tokens: u64,
}

#[derive(Clone, Debug)]
pub struct CheckTally {
    /// In the order of `OUTCOMES`.
    pub outcomes: [u64; OUTCOMES.len()],
    pub latency: Histogram,
    pub stream_start: Histogram,
}

pub const OUTCOMES: [&str; 6] = ["good", "weak", "bad", "refused", "barred", "unasked"];

/// What /metrics shows to one caller.
#[derive(Clone, Debug)]
pub struct Figures {
    pub node: String,
    pub told: Arc<Told>,
    /// Of the store.
    pub revision: u64,
    pub hostnames: usize,
    pub sets: usize,
    /// All panels by their verdict, also those that the caller may not know of.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// By name; those that the caller may know of.
    pub panels: Vec<PanelView>,
    /// How many more there are.
    pub hidden: usize,
    /// Without checks that the caller may not know of.
    pub tallies: Tallies,
}

impl Default for Tallies {
    fn default() -> Self {
        Self { turns: BTreeMap::new(), failovers: Histogram::new(Histogram::FAILOVER), checks: BTreeMap::new(), wrong_tokens: 0 }
    }
}

impl Default for CheckTally {
    fn default() -> Self {
        Self {
            outcomes: [0; OUTCOMES.len()],
            latency: Histogram::new(Histogram::LATENCY),
            stream_start: Histogram::new(Histogram::LATENCY),
        }
    }
}

impl Tallies {
    pub(super) fn count(&mut self, check: &str, report: &Report) {
        // Looked up first: a name is copied once, and not two thousand times a second.
        if !self.checks.contains_key(check) {
            self.checks.insert(check.to_owned(), CheckTally::default());
        }
        let Some(tally) = self.checks.get_mut(check) else { return };
        let at = match report.outcome {
            Outcome::Good => 0,
            Outcome::Weak(_) => 1,
            Outcome::Bad(_) => 2,
            Outcome::Refused => 3,
            Outcome::Barred(_) => 4,
            Outcome::Unasked(_) => 5,
        };
        tally.outcomes[at] += 1;
        // Who could not be asked took no time, and who did not serve took a timeout's.
        if at < 2 {
            tally.latency.observe(report.took.as_secs_f64());
        }
        report.stream_start.into_iter().for_each(|start| tally.stream_start.observe(start.as_secs_f64()));
    }

    fn turn(&mut self, turn: &Turn) {
        if turn.address.is_none() || turn.from == turn.to {
            return;
        }
        *self.turns.entry((turn.from, turn.to)).or_default() += 1;
        if let Some(took_ms) = turn.took_ms.filter(|_| turn.to == Verdict::Down) {
            self.failovers.observe(took_ms as f64 / 1000.0);
        }
    }
}

/// Counts, tells and logs verdicts that became others. One that stays what it is tells of a first failure: that is logged only.
pub(super) fn turned(office: &Office, turns: &[Turn]) {
    {
        let mut tallies = office.tallies.lock();
        turns.iter().for_each(|turn| tallies.turn(turn));
    }
    for turn in turns {
        match (turn.from == turn.to, turn.address) {
            (false, _) => tell(&office.happenings, turn),
            (true, None) => relieve(&office.happenings, turn),
            (true, Some(_)) => {}
        }
    }
    // What is said of an address need not be said of its panel again.
    let told: HashSet<(&str, Verdict)> =
        turns.iter().filter(|turn| turn.address.is_some()).map(|turn| (turn.panel.as_str(), turn.to)).collect();
    let is_new = |turn: &&Turn| turn.address.is_some() || !told.contains(&(turn.panel.as_str(), turn.to));
    let mut lines = turns.iter().filter(is_new);
    lines.by_ref().take(MAX_LOGGED).for_each(log);
    let more = lines.count();
    if more > 0 {
        tracing::warn!("and {more} verdicts more have changed; `meridian status` shows all");
    }
}

fn tell(happenings: &Happenings, turn: &Turn) {
    let mut body = json!({
        "panel": turn.panel,
        "from": turn.from.word(),
        "to": turn.to.word(),
        "reason": turn.reason,
    });
    if let Some(address) = turn.address {
        body["address"] = address.to_string().into();
    }
    if let Some(took_ms) = turn.took_ms {
        body["seconds"] = (took_ms as f64 / 1000.0).into();
    }
    happenings.tell("verdict", turn.at_s, body, vec![format!("panels/{}", turn.panel.to_lowercase())]);
}

fn relieve(happenings: &Happenings, turn: &Turn) {
    let body = json!({"panel": turn.panel, "reason": turn.reason});
    happenings.tell("load", turn.at_s, body, vec![format!("panels/{}", turn.panel.to_lowercase())]);
}

fn log(turn: &Turn) {
    let text = sentence(turn);
    match (turn.from, turn.to) {
        (from, to) if from == to => tracing::info!("{text}"),
        (_, Verdict::Down) => tracing::error!("{text}"),
        (_, Verdict::Degraded) => tracing::warn!("{text}"),
        // Every panel of a node that starts.
        (Verdict::Unknown, Verdict::Up) => tracing::debug!("{text}"),
        _ => tracing::info!("{text}"),
    }
}

/// `panel fra1 at 127.0.1.1 is down: connection refused (0.18 s after the first failed check)`
fn sentence(turn: &Turn) -> String {
    let mut text = format!("panel {}", turn.panel);
    text.extend(turn.address.map(|address| format!(" at {address}")));
    match turn.from == turn.to {
        true if turn.address.is_none() => text += " sheds",
        true => text += " has failed a check",
        false => text += &format!(" is {}", turn.to.word()),
    }
    if !turn.reason.is_empty() {
        // Some of it may be what a stranger has sent.
        text += &format!(": {}", crate::document::sentence(&turn.reason));
    }
    text.extend(turn.took_ms.map(|ms| format!(" ({:.2} s after the first failed check)", ms as f64 / 1000.0)));
    text
}

pub(super) async fn figures(office: &Office, caller: &Caller) -> Result<Figures, super::Refusal> {
    let views = asking::ask(office, None).await?;
    let ledger = office.ledger.read();
    let sight = Sight::of(caller, &ledger);
    let mut figures = Figures {
        node: office.node.clone(),
        told: office.told.load_full(),
        revision: office.store.revision(),
        hostnames: ledger.count(Kind::Hostname),
        sets: ledger.count(Kind::Set),
        verdicts: BTreeMap::new(),
        panels: Vec::new(),
        hidden: 0,
        tallies: tallies(office, &ledger, &sight),
    };
    let mut views = views;
    for (found, item) in ledger.items(Kind::Panel, None) {
        let view = views.take(found, &item.name);
        *figures.verdicts.entry(view.verdict).or_default() += 1;
        match sight.sees(&ledger, Kind::Panel, found) {
            true => figures.panels.push(view),
            false => figures.hidden += 1,
        }
    }
    Ok(figures)
}

/// Of checks that there are.
fn tallies(office: &Office, ledger: &Ledger, sight: &Sight) -> Tallies {
    let mut tallies = office.tallies.lock();
    tallies.checks.retain(|check, _| ledger.item(Kind::Check, check).is_some());
    let mut tallies = tallies.clone();
    tallies.checks.retain(|check, _| sight.sees(ledger, Kind::Check, check));
    tallies
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use std::time::Duration;

    fn turn(from: Verdict, to: Verdict) -> Turn {
        Turn {
            panel: "Fra1".into(),
            address: Some(IpAddr::from([127, 0, 1, 1])),
            from,
            to,
            reason: "connection refused".into(),
            at_s: 1_795_269_600,
            took_ms: None,
        }
    }

    #[test]
    fn a_turn_is_told_in_a_sentence() {
        let down = Turn { took_ms: Some(184), ..turn(Verdict::Up, Verdict::Down) };
        for (turn, expected) in [
            (down.clone(), "panel Fra1 at 127.0.1.1 is down: connection refused (0.18 s after the first failed check)"),
            (Turn { address: None, took_ms: None, ..down }, "panel Fra1 is down: connection refused"),
            (turn(Verdict::Up, Verdict::Up), "panel Fra1 at 127.0.1.1 has failed a check: connection refused"),
            (Turn { reason: String::new(), ..turn(Verdict::Down, Verdict::Up) }, "panel Fra1 at 127.0.1.1 is up"),
            (
                Turn { reason: "a\u{1b}[2J".into(), ..turn(Verdict::Up, Verdict::Degraded) },
                "panel Fra1 at 127.0.1.1 is degraded: a\\u{1b}[2J",
            ),
        ] {
            assert_eq!(sentence(&turn), expected);
        }
    }

    #[test]
    fn turns_of_addresses_are_counted_and_those_to_down_are_timed() {
        let mut tallies = Tallies::default();
        let timed = |turn: Turn| Turn { took_ms: Some(180), ..turn };
        for turn in [
            timed(turn(Verdict::Up, Verdict::Degraded)),
            timed(turn(Verdict::Degraded, Verdict::Down)),
            turn(Verdict::Unknown, Verdict::Down),
            turn(Verdict::Up, Verdict::Up),
            Turn { address: None, ..timed(turn(Verdict::Degraded, Verdict::Down)) },
        ] {
            tallies.turn(&turn);
        }
        let expected =
            [((Verdict::Up, Verdict::Degraded), 1), ((Verdict::Degraded, Verdict::Down), 1), ((Verdict::Unknown, Verdict::Down), 1)];
        assert_eq!(tallies.turns, BTreeMap::from(expected));
        assert_eq!((tallies.failovers.count(), tallies.failovers.sum()), (1, 0.18));
    }

    #[test]
    fn latency_is_of_checks_that_were_answered() {
        let mut tallies = Tallies::default();
        let text = String::new;
        let all = [
            Outcome::Good,
            Outcome::Weak(text()),
            Outcome::Bad(text()),
            Outcome::Refused,
            Outcome::Barred(text()),
            Outcome::Unasked(text()),
        ];
        for outcome in all {
            let stream_start = (outcome == Outcome::Good).then_some(Duration::from_millis(250));
            tallies.count("stream", &Report { outcome, took: Duration::from_millis(500), stream_start, live: None });
        }
        let tally = &tallies.checks["stream"];
        assert_eq!(tally.outcomes, [1; 6]);
        assert_eq!((tally.latency.count(), tally.latency.sum()), (2, 1.0));
        assert_eq!((tally.stream_start.count(), tally.stream_start.sum()), (1, 0.25));
    }

    #[test]
    fn an_event_of_a_verdict_has_what_is_known() {
        let happenings = Happenings::from(1);
        let (_, mut heard) = happenings.since(None).unwrap();
        tell(&happenings, &Turn { took_ms: Some(180), ..turn(Verdict::Up, Verdict::Down) });
        tell(&happenings, &Turn { address: None, ..turn(Verdict::Down, Verdict::Up) });
        let first = heard.try_recv().unwrap();
        let expected =
            json!({"panel": "Fra1", "from": "up", "to": "down", "reason": "connection refused", "address": "127.0.1.1", "seconds": 0.18});
        assert_eq!(
            (first.kind, first.at_s, &first.body, &*first.objects),
            ("verdict", 1_795_269_600, &expected, &["panels/fra1".to_owned()][..])
        );
        let second = heard.try_recv().unwrap();
        assert_eq!(second.body, json!({"panel": "Fra1", "from": "down", "to": "up", "reason": "connection refused"}));
    }
}
