//! `meridian history` and `meridian audit`: who changed what.

use super::api::{Ask, Client, Paint, Reach, Result, entries, kind, line, path, print, print_json, seconds, stamp};
use serde_json::Value;
use std::process::ExitCode;
use ureq::http::Method;

const EXAMPLES: &str = "\
Examples:
  meridian history panels/fra1       meridian history zone panels.example
  meridian history defaults          also files/panels.example, states/fra1";

/// Show who changed an object, when, and what, the newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HistoryArgs {
    /// Such as panels/fra1, or KIND NAME
    #[arg(required = true, num_args = 1..=2, value_name = "OBJECT")]
    object: Vec<String>,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    reach: Reach,
}

/// Show every change and every refused one, the newest first.
#[derive(Debug, clap::Args)]
pub(super) struct AuditArgs {
    /// Not older than this: a time ago such as 2h, or 2026-11-21T14:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those of one object, such as panels/fra1
    #[arg(long, value_name = "OBJECT")]
    object: Option<String>,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, clap::Args)]
struct Paging {
    /// So many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Those older than this entry; the last line names it when there are more
    #[arg(long, value_name = "ENTRY")]
    before: Option<u64>,
}

pub(super) fn history(args: HistoryArgs) -> ExitCode {
    args.reach.run(|client| {
        let object = object(&args.object);
        // What stands behind the first slash is the name, and may have slashes of its own.
        let path = match object.split_once('/') {
            Some((kind, name)) => path(&["history", kind, name]),
            None => path(&["history", &object]),
        };
        show(client, args.paging.ask(&path))
    })
}

pub(super) fn audit(args: AuditArgs) -> ExitCode {
    args.reach.run(|client| {
        let mut ask = args.paging.ask("/v1/audit");
        ask.query.extend(args.since.clone().map(|since| ("since", since)));
        ask.query.extend(args.object.clone().map(|object| ("object", self::object(&[object]))));
        show(client, ask)
    })
}

impl Paging {
    fn ask<'a>(&self, path: &'a str) -> Ask<'a> {
        let mut ask = Ask::new(Method::GET, path).with("limit", self.limit.to_string());
        ask.query.extend(self.before.map(|before| ("before", before.to_string())));
        ask
    }
}

/// `panel fra1` and `panel/fra1` are `panels/fra1`; what is no kind of the fleet stays as it is.
fn object(words: &[String]) -> String {
    let joined = words.join("/");
    match joined.split_once('/') {
        Some((word, name)) => kind(word).map_or(joined.clone(), |kind| format!("{}/{name}", kind.plural())),
        None => joined,
    }
}

fn show(client: &Client, ask: Ask<'_>) -> Result<u8> {
    let page = client.send(ask)?.json()?;
    match client.json {
        true => print_json(&page)?,
        false => print(&text(&page, Paint::of_stdout()))?,
    }
    Ok(0)
}

fn text(page: &Value, paint: Paint) -> String {
    let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text: String = items.iter().map(|entry| told(entry, paint)).collect();
    if items.is_empty() {
        text += "nothing is known\n";
    }
    if let Some(next) = page["next"].as_u64() {
        text += &format!("there are more: --before {next}\n");
    }
    text
}

/// `revision 17   2026-11-21 14:22:32Z   ops   put panels/fra1`, and below it what differs.
fn told(entry: &Value, paint: Paint) -> String {
    let said = |key: &str| entry[key].as_str().filter(|text| !text.is_empty()).map(line);
    let mut parts = Vec::new();
    let revision = seconds(&entry["revision"]).map(|revision| paint.bold(&format!("revision {revision}")));
    parts.extend(revision.or_else(|| entry["sequence"].as_u64().map(|sequence| format!("entry {sequence}"))));
    parts.extend(seconds(&entry["at"]).map(stamp).or_else(|| said("at")));
    let from = said("from").map(|from| format!(" from {from}")).unwrap_or_default();
    parts.extend(said("who").map(|who| who + &from));
    let objects: Vec<String> = entry["objects"].as_array().into_iter().flatten().filter_map(Value::as_str).map(line).collect();
    let named = match objects.as_slice() {
        few if few.len() <= 3 => few.join(", "),
        many => format!("{} and {} more", many[..2].join(", "), many.len() - 2),
    };
    parts.push(format!("{} {named}", said("verb").unwrap_or_else(|| "changed".into())).trim().to_owned());
    let mut text = parts.join("   ");
    let outcome = said("outcome").filter(|outcome| !matches!(outcome.as_str(), "done" | "ok"));
    let reason = said("reason");
    if let Some(outcome) = outcome {
        text += &format!("   {}", paint.yellow(&outcome));
    }
    text.extend(reason.map(|reason| format!(": {reason}")));
    text.push('\n');
    let differences = entry["differences"].as_array().map(Vec::as_slice).unwrap_or_default();
    for line in entries(differences, paint).lines() {
        text += &format!("    {line}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_tells_who_when_and_what() {
        let page = json!({"items": [
            {"sequence": 9, "at": 1_795_269_660, "who": "deploy", "from": "192.0.2.9", "verb": "patch", "revision": 17, "objects": ["panels/fra1"],
             "outcome": "done", "differences": [{"object": "panels/fra1", "before": {"weight": 1}, "after": {"weight": 2}}]},
            {"sequence": 8, "at": "2026-11-21T14:00:00Z", "who": "viewer", "verb": "delete", "objects": ["a", "b", "c", "d"], "outcome": "refused",
             "reason": "the role does not\nallow it"},
        ], "next": 8});
        let expected = "\
revision 17   2026-11-21 14:01:00Z   deploy from 192.0.2.9   patch panels/fra1
    ~ panels/fra1
        weight: 1 → 2
entry 8   2026-11-21T14:00:00Z   viewer   delete a, b and 2 more   refused: the role does not\\u{a}allow it
there are more: --before 8
";
        assert_eq!(text(&page, Paint::NONE), expected);
        assert_eq!(text(&json!({"items": [], "next": null}), Paint::NONE), "nothing is known\n");
    }

    #[test]
    fn objects_are_taken_as_people_write_them() {
        for (words, expected) in [
            (&["panels/fra1"][..], "panels/fra1"),
            (&["panel/fra1"], "panels/fra1"),
            (&["panel", "fra1"], "panels/fra1"),
            (&["zone", "0/25.2.0.192.in-addr.arpa"], "zones/0/25.2.0.192.in-addr.arpa"),
            (&["defaults"], "defaults"),
            (&["files/panels.example"], "files/panels.example"),
            (&["states", "fra1"], "states/fra1"),
        ] {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            assert_eq!(object(&words), expected);
        }
    }
}
