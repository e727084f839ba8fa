//! `meridian drain`, `disable`, `enable` and `clear`: what an operator wants of a panel for now, beside what the fleet says.

use super::api::{Ask, Changing, Client, Reach, Result, age, applied, line, path, seconds, stamp};
use serde_json::{Value, json};
use std::process::ExitCode;
use ureq::http::Method;

/// Take a panel out of the answers, its clients handed over one after the other.
///
/// It stays until `meridian clear`, or for the time given by --for. `apply` leaves it alone.
#[derive(Debug, clap::Args)]
pub(super) struct DrainArgs {
    #[command(flatten)]
    order: Order,
    /// Hand its clients over within this time, such as 10m
    #[arg(long, value_name = "TIME")]
    over: Option<String>,
}

/// Take a panel out of the answers at once, whatever is left of its set.
#[derive(Debug, clap::Args)]
pub(super) struct DisableArgs {
    #[command(flatten)]
    order: Order,
}

/// Let a panel serve again, also where the fleet says otherwise.
#[derive(Debug, clap::Args)]
pub(super) struct EnableArgs {
    #[command(flatten)]
    order: Order,
}

/// Take back what drain, disable or enable said of a panel: what the fleet says counts again.
#[derive(Debug, clap::Args)]
pub(super) struct ClearArgs {
    panel: String,
    /// End its hold-down instead: it fell again and again and is held back, and returns as soon as its checks let it
    #[arg(long, conflicts_with_all = ["dry_run", "force"])]
    hold: bool,
    #[command(flatten)]
    changing: Changing,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, clap::Args)]
struct Order {
    panel: String,
    /// After this time what the fleet says counts again, such as 2h
    #[arg(long = "for", value_name = "TIME")]
    lasting: Option<String>,
    /// Why, for whoever looks at the status at night
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    changing: Changing,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn drain(args: DrainArgs) -> ExitCode {
    args.order.give("draining", args.over.as_deref())
}

pub(super) fn disable(args: DisableArgs) -> ExitCode {
    args.order.give("disabled", None)
}

pub(super) fn enable(args: EnableArgs) -> ExitCode {
    args.order.give("enabled", None)
}

pub(super) fn clear(args: ClearArgs) -> ExitCode {
    args.reach.run(|client| {
        if args.hold {
            client.send(Ask::new(Method::DELETE, &path(&["panels", &args.panel, "hold"])))?;
            let told = json!({"panel": args.panel, "hold": null});
            return applied(client, args.changing, &told, &format!("{}: no longer held back", line(&args.panel)));
        }
        let path = path(&["panels", &args.panel, "state"]);
        let mut ask = Ask::new(Method::DELETE, &path);
        ask.query = args.changing.query();
        let heard = client.send(ask)?;
        let answer = match heard.body.is_empty() {
            true => json!({"panel": args.panel, "revision": heard.revision}),
            false => heard.json()?,
        };
        applied(client, args.changing, &answer, &format!("{}: what the fleet says counts again", line(&args.panel)))
    })
}

impl Order {
    fn give(&self, state: &str, over: Option<&str>) -> ExitCode {
        self.reach.run(|client| self.send(client, state, over))
    }

    fn send(&self, client: &Client, state: &str, over: Option<&str>) -> Result<u8> {
        let path = path(&["panels", &self.panel, "state"]);
        let order = self.body(state, over);
        let mut ask = Ask::new(Method::POST, &path).json(order.clone());
        ask.query = self.changing.query();
        let answer = client.send(ask)?.json()?;
        // A node that only says that it was done did what it was told.
        let told = if answer["state"].is_string() { &answer } else { &order };
        applied(client, self.changing, &answer, &sentence(&self.panel, told))
    }

    fn body(&self, state: &str, over: Option<&str>) -> Value {
        let mut body = json!({ "state": state });
        let texts = [("reason", self.reason.as_deref()), ("over", over), ("for", self.lasting.as_deref())];
        for (key, text) in texts.into_iter().filter_map(|(key, text)| Some((key, text?))) {
            body[key] = text.into();
        }
        body
    }
}

/// `fra1 is draining, over 10m, until 2026-11-21 16:00:00Z: new disks`
pub(super) fn sentence(panel: &str, state: &Value) -> String {
    let text = |key: &str| state[key].as_str().filter(|text| !text.is_empty()).map(line);
    let mut sentence = format!("{} is {}", line(panel), text("state").unwrap_or_else(|| "as it was".into()));
    let over = text("over").or_else(|| seconds(&state["over"]).map(age));
    sentence.extend(over.map(|over| format!(", over {over}")));
    let until = text("until").or_else(|| seconds(&state["until"]).map(stamp));
    sentence.extend(until.map(|until| format!(", until {until}")));
    sentence.extend(text("reason").map(|reason| format!(": {reason}")));
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_in_a_sentence() {
        for (state, expected) in [
            (json!({"state": "enabled"}), "fra1 is enabled"),
            (
                json!({"state": "draining", "over": "10m", "until": 1_795_269_600, "reason": "new disks"}),
                "fra1 is draining, over 10m, until 2026-11-21 14:00:00Z: new disks",
            ),
            (json!({"state": "draining", "over": 600, "until": null, "reason": ""}), "fra1 is draining, over 10m"),
            (json!({"state": "disabled", "until": "2026-11-21T14:00:00Z"}), "fra1 is disabled, until 2026-11-21T14:00:00Z"),
        ] {
            assert_eq!(sentence("fra1", &state), expected);
        }
    }
}
