//! `meridian set`

use super::api::{Ask, Body, Changing, Client, Heard, LONG, Reach, Result, Trouble, applied, kind, literal, object_path, path};
use crate::config;
use crate::document::{duration, shown};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use ureq::http::Method;

const EXAMPLES: &str = "\
Examples:
  meridian set panel fra1 weight=2 labels.provider=a capacity=
  meridian set panel fra2 --create region=eu 'addresses=[\"192.0.2.2\"]'
  meridian set defaults ttl=30
  meridian set record panels.example www A 300 192.0.2.7 192.0.2.8
  meridian set zone-file panels.example -f panels.example.zone";

/// Change an object, a record set or a zone's file.
///
/// Values are TOML as in fleet.toml; bare words are text; nothing behind `=` takes a key away. Keys that are not named stay.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SetArgs {
    /// KIND NAME KEY=VALUE..., defaults KEY=VALUE..., record ZONE NAME TYPE TTL DATA..., or zone-file ZONE
    #[arg(required = true, value_name = "WHAT")]
    what: Vec<String>,
    /// Make the object if there is none of this name
    #[arg(long)]
    create: bool,
    /// The master file for zone-file; - is stdin
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    changing: Changing,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn set(args: SetArgs) -> ExitCode {
    args.reach.run(|client| {
        let words: Vec<&str> = args.what.iter().map(String::as_str).collect();
        if args.file.is_some() && words[0] != "zone-file" {
            return Err(Trouble::wrong("-f is for zone-file; a whole fleet is given by meridian apply -f"));
        }
        match words.as_slice() {
            ["record" | "records", zone, name, rtype, ttl, data @ ..] if !data.is_empty() => {
                record(client, &args, &Place { zone, name, rtype }, ttl, data)
            }
            ["record" | "records", ..] => Err(Trouble::wrong(
                "a record set has a zone, a name, a type, a TTL and data: meridian set record panels.example www A 300 192.0.2.7",
            )),
            ["zone-file", zone] => zone_file(client, &args, zone),
            ["zone-file", ..] => Err(Trouble::wrong("one zone at a time: meridian set zone-file panels.example -f FILE")),
            ["defaults", keys @ ..] => patch(client, &args, "defaults", "/v1/defaults", keys),
            [word, rest @ ..] => {
                let kind = kind(word).map_err(Trouble::wrong)?;
                match rest {
                    [name, keys @ ..] if !name.contains('=') => {
                        patch(client, &args, &format!("{}/{name}", kind.plural()), &object_path(kind, name), keys)
                    }
                    _ => Err(Trouble::wrong(format!("which {0}? meridian set {0} NAME KEY=VALUE...", kind.word()))),
                }
            }
            [] => Err(Trouble::wrong("what is to be set?")),
        }
    })
}

fn patch(client: &Client, args: &SetArgs, object: &str, path: &str, words: &[&str]) -> Result<u8> {
    let patch = merged(words).map_err(Trouble::wrong)?;
    if patch.is_empty() && !args.create {
        return Err(Trouble::wrong("nothing to set: give KEY=VALUE, such as weight=2"));
    }
    let mut ask = Ask::new(Method::PATCH, path).json(Value::Object(patch.clone()));
    ask.query = args.changing.query();
    let heard = match client.send(ask) {
        Err(trouble) if trouble.status() == 404 && args.create => {
            let mut ask = Ask::new(Method::PUT, path).json(without_nulls(Value::Object(patch)));
            ask.query = args.changing.query();
            ask.if_none_match = Some("*");
            client.send(ask)?
        }
        Err(Trouble::Told(mut told)) if told.status == 404 => {
            told.advice = Some("--create makes it".into());
            return Err(Trouble::Told(told));
        }
        heard => heard?,
    };
    told(client, args.changing, object, &heard)
}

/// The merge patch that the words make together. The error is a sentence.
fn merged(words: &[&str]) -> std::result::Result<Map<String, Value>, String> {
    let mut patch = Map::new();
    for word in words {
        let (keys, value) = literal(word)?;
        let (last, above) = keys.split_last().ok_or_else(|| format!("`{}` names no key", shown(word)))?;
        let mut at = &mut patch;
        for key in above {
            let inner = at.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
            at = inner.as_object_mut().ok_or_else(|| format!("`{}` is set as a whole and in part", shown(key)))?;
        }
        if at.insert(last.clone(), value).is_some() {
            return Err(format!("`{}` is set twice", shown(&keys.join("."))));
        }
    }
    Ok(patch)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(keys) => {
            keys.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key, without_nulls(value))).collect()
        }
        other => other,
    }
}

/// Where a record set is.
pub(super) struct Place<'a> {
    pub(super) zone: &'a str,
    pub(super) name: &'a str,
    pub(super) rtype: &'a str,
}

impl Place<'_> {
    /// A name that does not end in the zone's is below it; one with a last dot is whole.
    fn absolute(&self) -> String {
        let zone = self.zone.trim_end_matches('.');
        let lower = |text: &str| text.to_ascii_lowercase();
        let is_inside = || lower(self.name) == lower(zone) || lower(self.name).ends_with(&format!(".{}", lower(zone)));
        match self.name.strip_suffix('.') {
            Some(whole) if !whole.ends_with('\\') => whole.to_owned(),
            _ if self.name == "@" || zone.is_empty() || is_inside() => self.name.to_owned(),
            _ => format!("{}.{zone}", self.name),
        }
    }

    pub(super) fn path(&self) -> String {
        path(&["zones", self.zone, "records", &self.absolute(), &self.rtype.to_ascii_uppercase()])
    }

    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.absolute(), self.rtype.to_ascii_uppercase())
    }
}

fn record(client: &Client, args: &SetArgs, place: &Place<'_>, ttl: &str, data: &[&str]) -> Result<u8> {
    let seconds = ttl.parse::<u32>().ok().or_else(|| duration(ttl).and_then(|time| u32::try_from(time.as_secs()).ok()));
    let ttl =
        seconds.ok_or_else(|| Trouble::wrong(format!("`{}` is no TTL; write seconds, such as 300, or a time, such as 5m", shown(ttl))))?;
    let path = place.path();
    let mut ask = Ask::new(Method::PUT, &path).json(json!({"ttl": ttl, "data": data}));
    ask.query = args.changing.query();
    told(client, args.changing, &place.shown(), &client.send(ask)?)
}

fn zone_file(client: &Client, args: &SetArgs, zone: &str) -> Result<u8> {
    let file = args.file.as_deref().ok_or_else(|| Trouble::wrong("which file? meridian set zone-file ZONE -f FILE"))?;
    let text = super::gather::zone_text(zone, file)?;
    let path = path(&["zones", zone, "file"]);
    let mut ask = Ask::new(Method::PUT, &path).patience(LONG);
    ask.body = Body::Text("text/dns", text.into_bytes());
    ask.query = args.changing.query();
    let heard = client.send(ask).map_err(|trouble| in_file(trouble, file))?;
    told(client, args.changing, &format!("files/{zone}"), &heard)
}

/// Problems with a line are of the file that was sent.
fn in_file(mut trouble: Trouble, file: &Path) -> Trouble {
    if let Trouble::Told(told) = &mut trouble
        && let Some(errors) = told.document["errors"].as_array_mut()
    {
        for error in errors.iter_mut().filter(|error| error["line"].as_u64().is_some_and(|line| line > 0) && error["file"].is_null()) {
            error["file"] = file.display().to_string().into();
        }
    }
    trouble
}

fn told(client: &Client, changing: Changing, object: &str, heard: &Heard) -> Result<u8> {
    let answer = match heard.body.is_empty() {
        true => json!({"object": object, "revision": heard.revision}),
        // A zone's file comes back as it is.
        false => heard
            .json()
            .or_else(|trouble| if changing.dry_run { Err(trouble) } else { Ok(json!({"object": object, "revision": heard.revision})) })?,
    };
    let made = if heard.status == 201 { "made" } else { "set" };
    let revision = heard.revision.map(|revision| format!(", store revision {revision}")).unwrap_or_default();
    applied(client, changing, &answer, &format!("{} {made}{revision}", super::api::line(object)))
}

/// Reads what is to be sent: a file, or stdin for `-`.
pub(super) fn read_input(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().take(MAX_INPUT).read_to_end(&mut bytes);
        return read.map(|_| bytes).map_err(|error| Trouble::wrong(format!("stdin cannot be read: {error}")));
    }
    config::read_file(path).map_err(|error| Trouble::problems(&[config::unreadable(&path.display().to_string(), &error)]))
}

/// The API takes no more.
const MAX_INPUT: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_make_one_patch() {
        let patch = merged(&["weight=2", "labels.a=x", "labels.b=", "region=eu", "limits.bandwidth_mbps=900"]).unwrap();
        let expected = json!({"weight": 2, "labels": {"a": "x", "b": null}, "region": "eu", "limits": {"bandwidth_mbps": 900}});
        assert_eq!(Value::Object(patch.clone()), expected);
        let put = json!({"weight": 2, "labels": {"a": "x"}, "region": "eu", "limits": {"bandwidth_mbps": 900}});
        assert_eq!(without_nulls(Value::Object(patch)), put);
        assert_eq!(merged(&["a=1", "a=2"]).unwrap_err(), "`a` is set twice");
        assert_eq!(merged(&["a.b=1", "a.b=2"]).unwrap_err(), "`a.b` is set twice");
        assert_eq!(merged(&["a=1", "a.b=2"]).unwrap_err(), "`a` is set as a whole and in part");
        assert_eq!(merged(&["a.b=1", "a=2"]).unwrap_err(), "`a` is set twice");
    }

    #[test]
    fn names_of_records_are_in_their_zone() {
        for (name, expected) in [
            ("www", "www.panels.example"),
            ("@", "@"),
            ("panels.example", "panels.example"),
            ("WWW.Panels.Example", "WWW.Panels.Example"),
            ("www.panels.example.", "www.panels.example"),
            ("other.example.", "other.example"),
            ("_http._tcp", "_http._tcp.panels.example"),
            ("mypanels.example", "mypanels.example.panels.example"),
        ] {
            for zone in ["panels.example", "panels.example."] {
                assert_eq!(Place { zone, name, rtype: "a" }.absolute(), expected);
            }
        }
        let place = Place { zone: "panels.example", name: "*", rtype: "aaaa" };
        assert_eq!(place.path(), "/v1/zones/panels.example/records/%2A.panels.example/AAAA");
    }
}
