//! Looking at things: objects, lists, the whole fleet, status.

use super::asking;
use super::office::{Office, Wished, state_word};
use super::secret::{self, MASK};
use super::sight::{HIDDEN, Sight};
use super::texts;
use super::wanting::{missing, text_of};
use super::{Caller, Found, Page, Query, Question, RecordQuery, Records, Refusal};
use crate::dns::name::Name;
use crate::fleet::ledger::{Ledger, key, shown};
use crate::fleet::{Fleet, Kind, Panel, Source, conducts};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Panels, zones and sets of one status.
const MAX_LISTED: usize = 20_000;

pub(super) fn object(office: &Office, caller: &Caller, kind: Kind, name: &str) -> Result<Found, Refusal> {
    let ledger = office.ledger.read();
    let sight = Sight::of(caller, &ledger);
    let item = ledger.item(kind, name).filter(|_| sight.sees(&ledger, kind, name)).ok_or_else(|| missing(kind, name))?;
    let mut object = item.json();
    secret::mask(kind, &mut object);
    sight.narrow(&ledger, &mut object);
    Ok(Found { object, revision: item.revision })
}

pub(super) fn defaults(office: &Office, _: &Caller) -> Result<Found, Refusal> {
    let ledger = office.ledger.read();
    Ok(ledger
        .defaults()
        .map_or_else(|| Found { object: json!({}), revision: 0 }, |item| Found { object: item.json(), revision: item.revision }))
}

pub(super) fn list(office: &Office, caller: &Caller, kind: Kind, query: &Query) -> Result<Page, Refusal> {
    let ledger = office.ledger.read();
    let sight = Sight::of(caller, &ledger);
    let filter = Filter { office, ledger: &ledger, sight: &sight, kind, query };
    let mut page = Page::default();
    for (found, item) in ledger.items(kind, query.after.as_deref()) {
        if !sight.sees(&ledger, kind, found) || !filter.fits_name(found) {
            continue;
        }
        let mut object = item.json();
        if !filter.fits(found, &object) {
            continue;
        }
        if page.items.len() == query.limit {
            page.next = page.items.last().and_then(|last| last["name"].as_str()).map(str::to_owned);
            break;
        }
        secret::mask(kind, &mut object);
        sight.narrow(&ledger, &mut object);
        page.items.push(named(&item.name, object));
    }
    Ok(page)
}

fn named(name: &str, object: Value) -> Value {
    let mut all = Map::from_iter([("name".to_owned(), Value::String(name.to_owned()))]);
    if let Value::Object(keys) = object {
        all.extend(keys);
    }
    Value::Object(all)
}

struct Filter<'a> {
    office: &'a Office,
    ledger: &'a Ledger,
    sight: &'a Sight,
    kind: Kind,
    query: &'a Query,
}

impl Filter<'_> {
    fn fits_name(&self, found: &str) -> bool {
        self.query.filters.get("match").is_none_or(|part| found.contains(&part.to_lowercase()))
    }

    fn fits(&self, found: &str, object: &Value) -> bool {
        self.query.filters.iter().all(|(key, wanted)| self.fits_one(found, object, key, wanted))
    }

    fn fits_one(&self, found: &str, object: &Value, filter: &str, wanted: &str) -> bool {
        let same = |value: &Value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(wanted));
        let any = |value: &Value| value.as_array().is_some_and(|items| items.iter().any(|item| same(item) || same(&item["panel"])));
        match (self.kind, filter) {
            (Kind::Panel, "region") | (Kind::Hostname, "set") | (Kind::Check, "kind") => same(&object[filter]),
            (Kind::Panel, "check") => any(&object["checks"]),
            (Kind::Panel, "state") => panel(self.office, self.ledger, found).is_some_and(|panel| same(&panel["state"])),
            (Kind::Panel, "label") => {
                wanted.split_once([':', '=']).is_some_and(|(label, value)| object["labels"][label].as_str() == Some(value))
            }
            (Kind::Panel, "set") => {
                let is_in = || self.ledger.users(Kind::Panel, found).iter().any(|(_, set)| set.eq_ignore_ascii_case(wanted));
                self.sight.sees(self.ledger, Kind::Set, wanted) && is_in()
            }
            (Kind::Set, "panel") => any(&object["panels"]),
            (Kind::Hostname, "zone") => {
                let fleet = self.ledger.fleet();
                let zone = self
                    .ledger
                    .id(Kind::Hostname, found)
                    .and_then(|id| fleet.hostnames.get(id as usize))
                    .map(|hostname| &fleet.zone(hostname.zone).name);
                zone.is_some_and(|zone| Name::parse(wanted).is_ok_and(|wanted| *zone == wanted))
            }
            _ => true,
        }
    }
}

pub(super) fn fleet(office: &Office, caller: &Caller, secrets: bool) -> Result<Found, Refusal> {
    let ledger = office.ledger.read();
    let sight = Sight::of(caller, &ledger);
    let mut all = Map::new();
    if let Some(defaults) = ledger.defaults() {
        all.insert("defaults".into(), defaults.json());
    }
    for kind in Kind::ALL {
        let mut objects = Vec::new();
        for item in ledger.in_order(kind) {
            if !sight.sees(&ledger, kind, &item.name) {
                continue;
            }
            let mut object = item.json();
            if !secrets {
                secret::mask(kind, &mut object);
            }
            sight.narrow(&ledger, &mut object);
            let mut object = named(&item.name, object);
            if kind == Kind::Zone && !office.is_files() {
                object["text"] = as_text(office, &ledger, &item.name)?.into();
            }
            objects.push(object);
        }
        if !objects.is_empty() {
            all.insert(kind.word().into(), Value::Array(objects));
        }
    }
    Ok(Found { object: Value::Object(all), revision: office.fleet_revision.load(Ordering::Acquire) })
}

/// A zone's records as text: what is not UTF-8 is written so that it is.
fn as_text(office: &Office, ledger: &Ledger, zone: &str) -> Result<String, Refusal> {
    match String::from_utf8(text_of(office, zone)?) {
        Ok(text) => Ok(text),
        Err(error) => {
            let Some(id) = ledger.id(Kind::Zone, zone) else { return Err(missing(Kind::Zone, zone)) };
            let sheet = texts::read(&ledger.fleet().zones[id as usize].name, error.as_bytes()).map_err(Refusal::Faults)?;
            Ok(sheet.text())
        }
    }
}

/// The zone's master file, from the store or from where it is read.
pub(super) fn zone_text(office: &Office, zone: &str) -> Result<Vec<u8>, Refusal> {
    let ledger = office.ledger.read();
    let id = ledger.id(Kind::Zone, zone);
    match id.and_then(|id| ledger.fleet().zones.get(id as usize)).map(|zone| &zone.source) {
        Some(Source::Text(text)) => Ok(text.as_bytes().to_vec()),
        Some(Source::File(_)) => {
            Err(Refusal::ReadOnly("this zone is read from a file of the node, and the API reads no files: look there".into()))
        }
        Some(Source::Stored { .. }) => text_of(office, zone),
        None => Err(missing(Kind::Zone, zone)),
    }
}

pub(super) fn records(office: &Office, zone: &str, query: &RecordQuery, revision: u64) -> Result<Records, Refusal> {
    let apex = {
        let ledger = office.ledger.read();
        let Some(id) = ledger.id(Kind::Zone, zone) else { return Err(missing(Kind::Zone, zone)) };
        ledger.fleet().zones[id as usize].name.clone()
    };
    let sheet = texts::read(&apex, &zone_text(office, zone)?).map_err(Refusal::Faults)?;
    let name = query.name.as_deref().map(|name| texts::owner(&apex, name)).transpose()?;
    let rtype = query.rtype.as_deref().map(texts::rtype).transpose()?;
    let after =
        query.after.as_ref().map(|(name, rtype)| Ok::<_, Refusal>((texts::owner(&apex, name)?, texts::rtype(rtype)?))).transpose()?;
    let mut items = Vec::new();
    let mut has_more = false;
    for set in sheet.after(after.as_ref().map(|(name, rtype)| (name, *rtype))) {
        if name.as_ref().is_some_and(|name| set.name != *name) || rtype.is_some_and(|rtype| set.rtype != rtype) {
            continue;
        }
        if items.len() == query.limit {
            has_more = true;
            break;
        }
        items.push(texts::shown_set(set));
    }
    Ok(Records { items, has_more, revision })
}

/// What holds for one panel, in the words of status.
fn panel(office: &Office, ledger: &Ledger, found: &str) -> Option<Value> {
    let fleet = ledger.fleet();
    let panel = fleet.panels.get(ledger.id(Kind::Panel, found)? as usize)?;
    let now_s = Office::now_s();
    let wishes = office.wishes.read();
    let wished: Option<&Wished> = wishes.get(found).filter(|wished| wished.holds(now_s));
    let mut value = json!({
        "name": panel.name,
        "region": panel.region.map(|region| &fleet.region(region).name),
        "state": wished.map_or(state_word(panel.state), |wished| &wished.state),
        "fleet_state": state_word(panel.state),
    });
    if let (Some(wished), Some(object)) = (wished, value.as_object_mut()) {
        object.insert("who".into(), wished.who.clone().into());
        object.insert("since".into(), wished.since.into());
        if !wished.reason.is_empty() {
            object.insert("reason".into(), wished.reason.clone().into());
        }
        if let Some(until) = wished.until {
            object.insert("until".into(), until.into());
        }
        if let Some(over) = wished.over_until {
            let (now, _) = conducts(&[wished.wish(&panel.name)], now_s);
            let shed =
                now.get(&*panel.name).map_or(0.0, |conduct| if conduct.is_moving { f64::from(conduct.shed) / 65_536.0 } else { 1.0 });
            object.insert("over".into(), over.saturating_sub(wished.since).into());
            object.insert("handed_over".into(), shed.into());
        }
    }
    Some(value)
}

pub(super) fn panel_state(office: &Office, caller: &Caller, name: &str) -> Result<Value, Refusal> {
    let ledger = office.ledger.read();
    let sight = Sight::of(caller, &ledger);
    let found = key(Kind::Panel, name).ok().filter(|found| sight.sees(&ledger, Kind::Panel, found));
    found.and_then(|found| state_of(office, &ledger, &found)).ok_or_else(|| missing(Kind::Panel, name))
}

pub(super) fn state_of(office: &Office, ledger: &Ledger, found: &str) -> Option<Value> {
    let mut value = panel(office, ledger, found)?;
    for key in ["name", "region"] {
        value.as_object_mut().into_iter().for_each(|object| drop(object.shift_remove(key)));
    }
    Some(value)
}

pub(super) async fn status(office: &Office, caller: &Caller) -> Result<Value, Refusal> {
    let mut views = asking::ask(office, None).await?;
    let ledger = office.ledger.read();
    let sight = Sight::of(caller, &ledger);
    let told = office.told.load();
    let mut hidden = 0;
    let mut visible = |kind: Kind| -> Vec<String> {
        let (seen, unseen): (Vec<_>, Vec<_>) =
            ledger.items(kind, None).map(|(found, _)| found.to_owned()).partition(|found| sight.sees(&ledger, kind, found));
        hidden += unseen.len();
        seen.into_iter().take(MAX_LISTED).collect()
    };
    let (panels, zones, sets) = (visible(Kind::Panel), visible(Kind::Zone), visible(Kind::Set));
    let mut sets_of: std::collections::HashMap<u32, Vec<&str>> = std::collections::HashMap::new();
    for set in sets.iter().filter_map(|set| ledger.id(Kind::Set, set)) {
        let set = &ledger.fleet().sets[set as usize];
        set.members.iter().for_each(|member| sets_of.entry(member.panel.0).or_default().push(&set.name));
    }
    let panels: Vec<Value> = panels
        .iter()
        .filter_map(|found| {
            let mut value = panel(office, &ledger, found)?;
            asking::put_into(&mut value, &views.take(found, found));
            value["sets"] = json!(ledger.id(Kind::Panel, found).and_then(|id| sets_of.get(&id)).cloned().unwrap_or_default());
            Some(value)
        })
        .collect();
    let set = |found: &String| {
        let set = &ledger.fleet().sets[ledger.id(Kind::Set, found)? as usize];
        Some(json!({"name": set.name, "panels": set.members.len()}))
    };
    let zone = |found: &String| {
        let id = ledger.id(Kind::Zone, found)?;
        let fleet = ledger.fleet();
        let zone = &fleet.zones[id as usize];
        let served = crate::snapshot::path::Path::read(zone.name.wire()).and_then(|path| {
            let snapshot = office.slot.load();
            match snapshot.zones.find(&path, path.count())? {
                crate::snapshot::Serving::Zone(zone, _) if zone.apex() == path.wire() => Some((zone.records(), zone.serial())),
                _ => None,
            }
        });
        let mut value = json!({"name": found, "state": if served.is_some() { "served" } else { "broken" }});
        if let Some((records, serial)) = served {
            value["records"] = records.into();
            value["serial"] = serial.into();
        }
        Some(value)
    };
    let mut value = json!({
        "node": office.node,
        "version": env!("CARGO_PKG_VERSION"),
        "ready": told.is_ready,
        "generation": told.generation,
        "revision": office.store.revision(),
        "truth": if office.is_files() { "files" } else { "store" },
        "problems": if sight.is_all() { json!(told.problems) } else { json!([]) },
        "panels": panels,
        "zones": zones.iter().filter_map(zone).collect::<Vec<_>>(),
        "sets": sets.iter().filter_map(set).collect::<Vec<_>>(),
        "hostnames": ledger.count(Kind::Hostname),
    });
    if !sight.is_all() {
        value["hostnames"] =
            ledger.items(Kind::Hostname, None).filter(|(found, _)| sight.sees(&ledger, Kind::Hostname, found)).count().into();
        value["hidden"] = hidden.into();
        value["hidden_problems"] = told.problems.len().into();
    }
    Ok(value)
}

/// The fleet with what operators have said of its panels.
pub(super) fn with_states(office: &Office) -> Arc<Fleet> {
    let conducts = conducts(&office.wishes(), Office::now_s()).0;
    let ledger = office.ledger.read();
    let mut fleet = Arc::clone(ledger.fleet());
    for (name, conduct) in conducts {
        let Some(id) = ledger.id(Kind::Panel, &name) else { continue };
        let panel = &mut Arc::make_mut(&mut fleet).panels[id as usize];
        *panel = Arc::new(Panel { state: conduct.state, ..(**panel).clone() });
    }
    fleet
}

/// Whoever sees not all asks for names of its zones, and of hostnames it sees.
pub(super) fn may_explain(office: &Office, caller: &Caller, question: &Question) -> Result<(), Refusal> {
    let ledger = office.ledger.read();
    let sight = Sight::of(caller, &ledger);
    if sight.is_all() {
        return Ok(());
    }
    let mut at = Some(question.name.clone());
    while let Some(name) = at {
        let found = shown(&name);
        if ledger.item(Kind::Hostname, &found).is_some() && !sight.sees(&ledger, Kind::Hostname, &found) {
            break;
        }
        if ledger.item(Kind::Zone, &found).is_some() {
            if sight.sees(&ledger, Kind::Zone, &found) {
                return Ok(());
            }
            break;
        }
        at = name.parent();
    }
    Err(Refusal::NotFound(format!("there is no name `{}` in this token's scope", shown(&question.name))))
}

/// Regions and others that the caller may not know of are not named.
pub(super) fn within_scope(office: &Office, caller: &Caller, mut explanation: Value) -> Result<Value, Refusal> {
    let ledger = office.ledger.read();
    let sight = Sight::of(caller, &ledger);
    if sight.is_all() {
        return Ok(explanation);
    }
    // An alias or a wildcard may lead to what is others'.
    let mut hostnames = explanation["steps"].as_array().into_iter().flatten().filter_map(|step| step["hostname"].as_str());
    if hostnames.any(|hostname| !sight.sees(&ledger, Kind::Hostname, hostname)) {
        return Err(Refusal::NotFound("that name leads to what is outside this token's scope".into()));
    }
    hide(&mut explanation, &unseen(&ledger, &sight, &[Kind::Region, Kind::Panel, Kind::Set]));
    Ok(explanation)
}

/// Why a change was refused, without what its caller may not know of and has not said.
pub(super) fn refused_within_scope(office: &Office, caller: &Caller, said: &str, refusal: Refusal) -> Refusal {
    let Refusal::Faults(mut faults) = refusal else { return refusal };
    let ledger = office.ledger.read();
    let mut names = unseen(&ledger, &Sight::of(caller, &ledger), &Kind::ALL);
    // What the caller has said is told back whether there is such a thing or not.
    names.retain(|name| !said.contains(&name.to_lowercase()));
    for fault in &mut faults {
        for text in [&mut fault.path, &mut fault.what, &mut fault.hint] {
            *text = without(text, &names);
        }
    }
    Refusal::Faults(faults)
}

fn unseen(ledger: &Ledger, sight: &Sight, kinds: &[Kind]) -> Vec<String> {
    let of = |kind: &Kind| {
        let unseen = ledger.items(*kind, None).filter(|(found, _)| !sight.sees(ledger, *kind, found));
        unseen.map(|(_, item)| item.name.to_string()).collect::<Vec<_>>()
    };
    kinds.iter().flat_map(of).collect()
}

/// Takes names out of all texts.
fn hide(value: &mut Value, names: &[String]) {
    match value {
        Value::String(text) => *text = without(text, names),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, names)),
        Value::Object(keys) => keys.values_mut().for_each(|value| hide(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn without(text: &str, names: &[String]) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|c| !is_part(c)).map_or(rest.len(), |len| start + len);
        let word = rest[start..end].trim_end_matches('.');
        all += &rest[..start];
        all += if names.iter().any(|name| name.eq_ignore_ascii_case(word)) { HIDDEN } else { word };
        rest = &rest[start + word.len()..];
        // A full stop is no part of a name.
        let stops = rest.len() - rest.trim_start_matches('.').len();
        all += &rest[..stops];
        rest = &rest[stops..];
    }
    all + rest
}

/// A fleet's document without what names files of the node.
pub(super) fn without_paths(json: &Value) -> Value {
    let mut json = json.clone();
    for (list, path, kept) in [("zone", "file", None), ("check", "password_file", Some("password")), ("key", "secret_file", Some("secret"))]
    {
        for object in json.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
            if object.shift_remove(path).is_some()
                && let Some(kept) = kept
            {
                object.insert(kept.into(), MASK.into());
            }
        }
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_out_as_whole_words() {
        let names = ["us-east".to_owned(), "fra1".to_owned()];
        for (text, expected) in [
            ("region us-east, next in eu's `then`", "region (hidden), next in eu's `then`"),
            ("`us-east`", "`(hidden)`"),
            ("us-east.", "(hidden)."),
            ("us-east2 and fra1.x... FRA1", "us-east2 and fra1.x... (hidden)"),
            ("", ""),
            ("nothing, é fra1é", "nothing, é (hidden)é"),
        ] {
            assert_eq!(without(text, &names), expected);
        }
    }
}
