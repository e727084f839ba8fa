//! `meridian token`

use super::api::{Ask, Reach, Result, Table, Trouble, line, path, print, print_json, seconds, stamp};
use serde_json::{Value, json};
use std::process::ExitCode;
use ureq::http::Method;

/// Make, list and drop the tokens by which people and programs use the API.
#[derive(Debug, clap::Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a token and print it: it is shown this once
    Make(Make),
    /// List the tokens, never what they are
    List {
        #[command(flatten)]
        reach: Reach,
    },
    /// Drop a token: from now on nobody gets in with it
    Drop {
        name: String,
        #[command(flatten)]
        reach: Reach,
    },
}

#[derive(Debug, clap::Args)]
struct Make {
    name: String,
    /// viewer: looks; operator: changes the fleet and states; admin: also tokens and backups; panel: reports of one panel
    #[arg(long, value_parser = ["viewer", "operator", "admin", "panel"])]
    role: String,
    /// Only this zone; may be given several times [default: all]
    #[arg(long = "zone", value_name = "ZONE")]
    zones: Vec<String>,
    /// Only this set; may be given several times [default: all]
    #[arg(long = "set", value_name = "SET")]
    sets: Vec<String>,
    /// The panel whose reports a token of role panel brings
    #[arg(long, value_name = "PANEL")]
    panel: Option<String>,
    /// It is worth nothing after this time, such as 30d [default: never]
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn token(args: TokenArgs) -> ExitCode {
    match args.what {
        What::Make(order) => make(&order),
        What::List { reach } => list(&reach),
        What::Drop { name, reach } => drop(&name, &reach),
    }
}

fn make(order: &Make) -> ExitCode {
    order.reach.run(|client| {
        let made = client.send(Ask::new(Method::POST, "/v1/tokens").json(order.body()))?.json()?;
        match client.json {
            true => print_json(&made)?,
            false => {
                let token = made["token"].as_str().ok_or_else(|| Trouble::failed("the node made a token and does not show it"))?;
                print(&format!("{}\n", line(token)))?;
            }
        }
        Ok(0)
    })
}

impl Make {
    fn body(&self) -> Value {
        let mut body = json!({"name": self.name, "role": self.role});
        // A scope that names only one kind holds nothing of the other.
        if !self.zones.is_empty() {
            body["zones"] = self.zones.clone().into();
        }
        if !self.sets.is_empty() {
            body["sets"] = self.sets.clone().into();
        }
        for (key, text) in [("panel", &self.panel), ("expires", &self.expires)] {
            if let Some(text) = text {
                body[key] = text.as_str().into();
            }
        }
        body
    }
}

fn list(reach: &Reach) -> ExitCode {
    reach.run(|client| {
        let tokens = client.get("/v1/tokens")?.json()?;
        match client.json {
            true => print_json(&tokens)?,
            false => print(&table(&tokens))?,
        }
        Ok(0)
    })
}

fn table(tokens: &Value) -> String {
    let mut table = Table::new(&["name", "role", "scope", "created", "expires", "last used"]);
    for token in tokens["items"].as_array().into_iter().flatten() {
        let text = |key: &str| token[key].as_str().unwrap_or_default().to_owned();
        let time = |key: &str| seconds(&token[key]).map_or_else(|| text(key), stamp);
        let expires = if token["expires"].is_null() { "never".into() } else { time("expires") };
        table.row([text("name"), text("role"), scope(token), time("created"), expires, time("last_used")]);
    }
    table.text()
}

fn scope(token: &Value) -> String {
    let names = |word: &str, key: &str| {
        let named = token[key].as_array()?.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        (!named.is_empty()).then(|| format!("{word} {named}"))
    };
    let panel = token["panel"].as_str().map(|panel| format!("panel {panel}"));
    let parts: Vec<String> = [panel, names("zones", "zones"), names("sets", "sets")].into_iter().flatten().collect();
    let is_scoped = ["zones", "sets", "panel"].iter().any(|key| !token[*key].is_null());
    match parts.is_empty() {
        true if is_scoped => "nothing".into(),
        true => "all".into(),
        false => parts.join("; "),
    }
}

fn drop(name: &str, reach: &Reach) -> ExitCode {
    reach.run(|client| -> Result<u8> {
        client.send(Ask::new(Method::DELETE, &path(&["tokens", name])))?;
        match client.json {
            true => print_json(&json!({ "dropped": name }))?,
            false => print(&format!("{} dropped\n", line(name)))?,
        }
        Ok(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_listed_with_what_they_may() {
        let tokens = json!({"items": [
            {"name": "admin", "role": "admin", "created": 1_795_269_600, "last_used": 1_795_269_660},
            {"name": "deploy", "role": "operator", "zones": ["a.example"], "sets": ["s", "t"], "created": 1_795_269_600, "expires": 1_797_861_600},
            {"name": "fra1", "role": "panel", "panel": "fra1", "created": 1_795_269_600},
            {"name": "none", "role": "viewer", "zones": [], "created": 1_795_269_600},
        ]});
        let expected = "\
NAME     ROLE       SCOPE                        CREATED                EXPIRES                LAST USED
admin    admin      all                          2026-11-21 14:00:00Z   never                  2026-11-21 14:01:00Z
deploy   operator   zones a.example; sets s, t   2026-11-21 14:00:00Z   2026-12-21 14:00:00Z   -
fra1     panel      panel fra1                   2026-11-21 14:00:00Z   never                  -
none     viewer     nothing                      2026-11-21 14:00:00Z   never                  -
";
        assert_eq!(table(&tokens), expected);
    }
}
