//! `meridian get`

use super::api::{
    Client, Reach, Result, Table, Trouble, keys_document, kind, object_document, object_path, path, print, print_json, print_raw,
};
use crate::fleet::Kind;
use serde_json::{Value, json};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  meridian get panels                       all panels
  meridian get panel fra1                   one of them
  meridian get panel fra1/health            also fra1/state
  meridian get zone panels.example/records  all record sets of a zone
  meridian get zone-file panels.example     its master file
  meridian get defaults";

/// Show objects: one as it stands in fleet.toml, or all of a kind as a table.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct GetArgs {
    /// check, region, panel, set, zone, hostname, key, zone-file or defaults; or both words in one: panels/fra1
    kind: String,
    name: Option<String>,
    /// Only those with this in their name
    #[arg(long = "match", value_name = "TEXT")]
    matching: Option<String>,
    /// Only those that fit: panels by region, set, check, state, label=provider:a; hostnames by zone, set; sets by panel; records by name, type
    #[arg(long = "where", value_name = "KEY=VALUE")]
    filters: Vec<String>,
    #[command(flatten)]
    reach: Reach,
}

/// Filters the API has.
const FILTERS: [&str; 10] = ["region", "set", "check", "state", "label", "zone", "panel", "kind", "name", "type"];

pub(super) fn get(args: GetArgs) -> ExitCode {
    args.reach.run(|client| {
        let name = args.name.as_deref().filter(|name| !name.is_empty());
        // As history and differences write it: `panels/fra1`.
        let (kind_word, name) = match (args.kind.split_once('/'), name) {
            (Some((kind, name)), None) => (kind, Some(name)),
            (_, name) => (args.kind.as_str(), name),
        };
        match (kind_word, name) {
            ("defaults", None) => defaults(client),
            ("defaults", Some(_)) => Err(Trouble::wrong("defaults have no name: meridian get defaults")),
            ("zone-file", Some(zone)) => zone_file(client, zone),
            ("zone-file", None) => Err(Trouble::wrong("which zone? meridian get zone-file panels.example")),
            (word, Some(name)) => one(client, kind(word).map_err(Trouble::wrong)?, name, &args),
            (word, None) => list(client, kind(word).map_err(Trouble::wrong)?, &args),
        }
    })
}

fn defaults(client: &Client) -> Result<u8> {
    let defaults = client.get("/v1/defaults")?.json()?;
    if client.json {
        print_json(&defaults)?;
    } else {
        print(&format!("[defaults]\n{}", keys_document(&defaults)))?;
    }
    Ok(0)
}

fn zone_file(client: &Client, zone: &str) -> Result<u8> {
    let file = client.get(&path(&["zones", zone, "file"]))?;
    let text = String::from_utf8_lossy(&file.body);
    if client.json {
        print_json(&json!({"zone": zone, "text": text}))?;
    } else {
        print_raw(&text)?;
    }
    Ok(0)
}

fn one(client: &Client, kind: Kind, name: &str, args: &GetArgs) -> Result<u8> {
    match (kind, name.rsplit_once('/')) {
        (Kind::Zone, Some((zone, "records"))) => return records(client, zone, args),
        (Kind::Zone, Some((zone, "file"))) => return zone_file(client, zone),
        (Kind::Panel, Some((panel, part @ ("state" | "health")))) => {
            let about = client.get(&path(&["panels", panel, part]))?.json()?;
            if client.json {
                print_json(&about)?;
            } else {
                print(&keys_document(&about))?;
            }
            return Ok(0);
        }
        _ => {}
    }
    let object = client.get(&object_path(kind, name))?.json()?;
    if client.json {
        print_json(&object)?;
    } else {
        print(&object_document(kind, name, &object))?;
    }
    Ok(0)
}

fn list(client: &Client, kind: Kind, args: &GetArgs) -> Result<u8> {
    let items = client.all(&path(&[kind.plural()]), &filters(args)?)?;
    if client.json {
        print_json(&json!({ "items": items }))?;
    } else {
        print(&table(kind, &items).text())?;
    }
    Ok(0)
}

fn records(client: &Client, zone: &str, args: &GetArgs) -> Result<u8> {
    let items = client.all(&path(&["zones", zone, "records"]), &filters(args)?)?;
    if client.json {
        print_json(&json!({ "items": items }))?;
        return Ok(0);
    }
    let mut table = Table::new(&["name", "ttl", "type", "data"]);
    for item in &items {
        for (number, data) in item["data"].as_array().into_iter().flatten().enumerate() {
            let head = |key: &str| if number == 0 { shown(&item[key]) } else { String::new() };
            table.whole_row([head("name"), head("ttl"), head("type"), shown(data)]);
        }
    }
    print(&table.text())?;
    Ok(0)
}

fn filters(args: &GetArgs) -> Result<Vec<(&'static str, String)>> {
    let mut filters: Vec<(&'static str, String)> = args.matching.iter().map(|text| ("match", text.clone())).collect();
    for filter in &args.filters {
        let (key, value) =
            filter.split_once('=').ok_or_else(|| Trouble::wrong(format!("`{filter}` is not KEY=VALUE; write it as --where region=eu")))?;
        let known = FILTERS.into_iter().find(|known| *known == key);
        let known = known.ok_or_else(|| Trouble::wrong(format!("nothing is listed by `{key}`; known are {}", FILTERS.join(", "))))?;
        filters.push((known, value.to_owned()));
    }
    Ok(filters)
}

/// The columns that matter.
fn table(kind: Kind, items: &[Value]) -> Table {
    let columns: &[&'static str] = match kind {
        Kind::Check => &["name", "kind", "url", "port", "interval"],
        Kind::Region => &["name", "at", "serves", "then"],
        Kind::Panel => &["name", "region", "addresses", "checks", "weight", "state"],
        Kind::Set => &["name", "steer", "ttl", "panels"],
        Kind::Zone => &["name", "dnssec", "transfer", "update"],
        Kind::Key => &["name", "algorithm"],
        Kind::Hostname => &["name", "set", "ports", "ttl"],
    };
    let mut table = Table::new(columns);
    for item in items {
        table.row(columns.iter().map(|column| shown(&item[*column])));
    }
    table
}

/// A value in a table: lists without brackets, members of sets by name and tier.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(keys) => match (keys.get("panel"), keys.get("tier")) {
            (Some(panel), Some(tier)) => format!("{} (tier {})", shown(panel), shown(tier)),
            (Some(panel), None) => shown(panel),
            _ => keys.iter().map(|(key, value)| format!("{key} {}", shown(value))).collect::<Vec<_>>().join("; "),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_the_columns_that_matter() {
        let panels = [
            json!({"name": "fra1", "region": "eu", "addresses": ["192.0.2.1", "2001:db8::1"], "checks": ["stream"], "weight": 1.0}),
            json!({"name": "nyc1", "addresses": ["192.0.2.2"], "state": "draining"}),
        ];
        let expected = "\
NAME   REGION   ADDRESSES                CHECKS   WEIGHT   STATE
fra1   eu       192.0.2.1, 2001:db8::1   stream   1.0      -
nyc1   -        192.0.2.2                -        -        draining
";
        assert_eq!(table(Kind::Panel, &panels).text(), expected);
        let sets = [json!({"name": "budget", "panels": ["nyc1", {"panel": "fra1", "tier": 2}], "steer": "failover"})];
        assert_eq!(table(Kind::Set, &sets).text(), "NAME     STEER      TTL   PANELS\nbudget   failover   -     nyc1, fra1 (tier 2)\n");
        let hostnames = [json!({"name": "live.a", "set": "s", "ports": {"http": 80, "https": 443}})];
        assert!(table(Kind::Hostname, &hostnames).text().contains("http 80; https 443"));
    }
}
