//! Shapes of what control makes by itself, and of small bodies: described here because no struct of admin's has them.

use super::endpoints::reference;
use serde_json::{Map, Value, json};

pub(super) fn by_hand() -> Map<String, Value> {
    let text = |says: &str| json!({ "type": "string", "description": says });
    let maybe = |says: &str| json!({ "type": ["string", "null"], "description": says });
    let time = |says: &str| json!({ "type": ["integer", "null"], "minimum": 0, "description": says });
    let count = |says: &str| json!({ "type": "integer", "minimum": 0, "description": says });
    let texts = |says: &str| json!({ "type": "array", "items": { "type": "string" }, "description": says });
    let free = |says: &str| json!({ "type": "array", "items": { "type": "object" }, "description": says });
    let states = json!({ "type": "string", "enum": ["enabled", "draining", "disabled"], "description": "The state." });
    let span = |says: &str| json!({ "type": "string", "description": says, "examples": ["10m", "2h"] });
    let states_again = states.clone();
    let verdict = |says: &str| json!({ "type": "string", "enum": ["unchecked", "up", "degraded", "unknown", "down"], "description": says });
    let share = |says: &str| json!({ "type": ["number", "null"], "minimum": 0, "description": says });
    let gauge = |says: &str| json!({ "type": "number", "minimum": 0, "description": says });
    let ttl =
        json!({ "type": "integer", "minimum": 0, "maximum": 2_147_483_647, "description": "Seconds that resolvers may remember it." });
    let data = json!({ "type": "array", "minItems": 1, "items": { "type": "string" }, "description": "What each record says, as a master file has it." });
    let roles = json!({ "type": "string", "enum": ["viewer", "operator", "admin", "panel"], "description": "What it may." });
    let token = [
        ("name", text("Whose it is.")),
        ("role", roles.clone()),
        ("panel", text("role panel: the panel that reports with it.")),
        ("zones", texts("Only these zones; absent: all.")),
        ("sets", texts("Only these sets; absent: all.")),
        ("created", count("When it was made, in seconds since 1970.")),
        ("expires", count("When it ends.")),
        ("last_used", count("When it was last seen.")),
    ];
    let mut made = token.to_vec();
    made.push(("token", text("The token itself, shown here and never again.")));
    let shapes = [
        closed(
            "RecordSet",
            "Records of one name and type.",
            &["name", "type", "ttl", "data"],
            &[
                ("name", text("Absolute, without the last dot.")),
                ("type", text("Such as A.")),
                ("ttl", ttl.clone()),
                ("data", data.clone()),
            ],
        ),
        closed("RecordData", "Records as they are sent.", &["ttl", "data"], &[("ttl", ttl), ("data", data)]),
        closed(
            "StateOrder",
            "What is wanted of a panel for now.",
            &["state"],
            &[
                ("state", states.clone()),
                ("reason", json!({ "type": "string", "maxLength": 1000, "description": "Why, in one line." })),
                ("over", span("draining: hand its clients over within this time.")),
                ("for", span("After this time the fleet's word counts again.")),
            ],
        ),
        open(
            "PanelState",
            "What is wanted of a panel, and who said so.",
            &["state"],
            &[
                ("state", states),
                ("fleet_state", text("What the fleet says.")),
                ("reason", maybe("Why.")),
                ("who", maybe("Who said so.")),
                ("since", time("Since when, in seconds since 1970.")),
                ("until", time("Until when.")),
                ("over", time("The seconds within which clients are handed over.")),
            ],
        ),
        closed(
            "Report",
            "How a panel is, as it says itself.",
            &[],
            &[
                ("connections", gauge("Open connections.")),
                ("cpu", gauge("A share of 1.")),
                ("memory", gauge("A share of 1.")),
                ("bandwidth_mbps", gauge("Megabits a second.")),
                ("credits", gauge("What is left to sell.")),
            ],
        ),
        open(
            "PanelHealth",
            "How a panel is.",
            &["panel", "verdict", "addresses", "uptime", "history"],
            &[
                ("panel", text("The panel.")),
                ("verdict", verdict("The best of its addresses', but degraded where they differ.")),
                ("since", time("Since when, in seconds since 1970.")),
                ("reason", maybe("What is wrong with its worst address.")),
                ("addresses", json!({ "type": "array", "items": reference("AddressHealth"), "description": "Each of its addresses." })),
                ("state", json!({ "type": ["object", "null"], "description": "What is wanted of it, as /v1/panels/{name}/state has it." })),
                ("gauges", json!({ "type": ["object", "null"], "description": "What it last said of itself." })),
                ("reported", time("When it said so.")),
                ("utilisation", share("Its worst gauge over its limit, averaged; null without a fresh report.")),
                ("shed", share("The share of its clients that others take because of its load.")),
                ("uptime", reference("Uptime")),
                ("history", json!({ "type": "array", "items": reference("Turn"), "description": "Its last verdicts, the newest first." })),
            ],
        ),
        open(
            "AddressHealth",
            "How a panel is at one of its addresses.",
            &["address", "verdict", "checks"],
            &[
                ("address", text("The address.")),
                ("verdict", verdict("The worst of its checks'.")),
                ("since", time("Since when, in seconds since 1970.")),
                ("reason", maybe("What is wrong with it.")),
                ("checks", json!({ "type": "array", "items": reference("CheckHealth"), "description": "Each of its checks." })),
            ],
        ),
        open(
            "CheckHealth",
            "What one check says of one address.",
            &["check", "verdict", "failures", "successes", "watched"],
            &[
                ("check", text("The check.")),
                ("verdict", verdict("What it comes to.")),
                ("failures", count("Failures that count.")),
                ("successes", count("Successes in a row since.")),
                ("reason", maybe("What is wrong, or was last.")),
                ("last", time("When it was last heard of.")),
                ("latency_ms", time("What it took, in milliseconds.")),
                ("stream_start_ms", time("hls: from its start to the first bytes of a segment.")),
                ("watched", json!({ "type": "boolean", "description": "An idle connection is open, whose end is noticed at once." })),
                ("held_until", time("It fell again and again, and stays away until then at least.")),
            ],
        ),
        open(
            "Turn",
            "A verdict that became another one.",
            &["at", "from", "to"],
            &[
                ("at", count("When, in seconds since 1970.")),
                ("from", verdict("What it was.")),
                ("to", verdict("What it became.")),
                ("reason", maybe("Why.")),
                ("address", maybe("Of which address; null: of the panel as a whole.")),
                ("seconds", share("From the first failed check to the answers that have it.")),
            ],
        ),
        open(
            "Uptime",
            "The share of the time that is known of in which it served; null: nothing is known.",
            &["24h", "7d", "30d"],
            &[("24h", share("Of a day.")), ("7d", share("Of a week.")), ("30d", share("Of a month."))],
        ),
        open(
            "PanelStatus",
            "A panel, what is wanted of it, and how it is.",
            &["name", "state", "verdict"],
            &[
                ("name", text("Its name.")),
                ("region", maybe("Where it is.")),
                ("state", states_again.clone()),
                ("fleet_state", text("What the fleet says.")),
                ("reason", maybe("Why an operator says otherwise.")),
                ("who", maybe("Who said so.")),
                ("since", time("Since when, in seconds since 1970.")),
                ("until", time("Until when.")),
                ("verdict", verdict("The best of its addresses', but degraded where they differ.")),
                ("verdict_since", time("Since when it has it.")),
                ("verdict_reason", maybe("What is wrong with its worst address.")),
                ("utilisation", share("Its worst gauge over its limit, averaged; null without a fresh report.")),
                ("shed", share("The share of its clients that others take because of its load.")),
                ("uptime", reference("Uptime")),
                ("sets", texts("Sets it is in.")),
            ],
        ),
        open(
            "NodeStatus",
            "The node, and what it serves.",
            &["node", "version", "generation", "revision", "ready"],
            &[
                ("node", text("Its name.")),
                ("version", text("Of the program.")),
                ("generation", count("Of the answers.")),
                ("revision", count("Of the store.")),
                ("ready", json!({ "type": "boolean", "description": "Queries are answered." })),
                ("problems", json!({ "type": "array", "description": "What is wrong." })),
                (
                    "panels",
                    json!({ "type": "array", "items": reference("PanelStatus"), "description": "Each panel with its state and verdict." }),
                ),
                ("zones", free("Each zone.")),
                ("sets", free("Each set.")),
                ("hidden", json!({ "description": "How much more there is that the token may not see." })),
            ],
        ),
        open(
            "Explanation",
            "An answer, and what made it.",
            &["name", "type", "resolver", "status", "answer", "panels", "generation", "records", "steps"],
            &[
                ("name", text("What was asked for.")),
                ("type", text("The type.")),
                ("client", maybe("The network that the resolver names.")),
                ("resolver", text("Who asks.")),
                ("status", text("Such as NOERROR.")),
                ("answer", texts("The addresses in it.")),
                ("panel", maybe("The first of those chosen.")),
                ("panels", texts("Those chosen.")),
                ("ttl", time("Seconds that it may be remembered.")),
                ("scope", time("Prefix of the network it holds for.")),
                ("generation", count("Of the answers.")),
                ("records", free("The records in it.")),
                ("steps", free("What made it what it is, one after the other; `text` is a sentence.")),
            ],
        ),
        open(
            "Entry",
            "Who did what.",
            &["sequence"],
            &[
                ("sequence", count("Its number.")),
                ("who", maybe("Whose token.")),
                ("from", maybe("From which address.")),
                ("verb", text("What was asked for.")),
                ("revision", time("Of the store, after it.")),
                ("objects", texts("What it was about.")),
                ("outcome", text("What came of it.")),
                ("reason", maybe("Why it was refused.")),
            ],
        ),
        closed(
            "Revert",
            "What is to be taken back.",
            &["revision"],
            &[("revision", json!({ "type": "integer", "minimum": 1, "description": "The change's." }))],
        ),
        closed(
            "TokenOrder",
            "A token that is wanted.",
            &["name", "role"],
            &[
                ("name", text("Whose it is.")),
                ("role", roles),
                ("panel", text("role panel: the panel that reports with it.")),
                ("zones", texts("Only these zones. Default: all, unless `sets` is given.")),
                ("sets", texts("Only these sets. Default: all, unless `zones` is given.")),
                ("expires", span("After this time it ends. Default: never.")),
            ],
        ),
        open("Token", "A token, without itself.", &["name", "role"], &token),
        open("MadeToken", "A token that was made.", &["token", "name", "role"], &made),
    ];
    Map::from_iter(shapes)
}

/// An object of these keys and no others.
fn closed(name: &str, says: &str, required: &[&str], keys: &[(&str, Value)]) -> (String, Value) {
    let (name, mut schema) = open(name, says, required, keys);
    schema["additionalProperties"] = json!(false);
    (name, schema)
}

/// An object that may have more keys one day.
fn open(name: &str, says: &str, required: &[&str], keys: &[(&str, Value)]) -> (String, Value) {
    let keys: Map<String, Value> = keys.iter().map(|(key, schema)| ((*key).to_owned(), schema.clone())).collect();
    let mut schema = json!({ "type": "object", "description": says, "properties": keys });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    (name.to_owned(), schema)
}
