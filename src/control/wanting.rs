//! A change in its caller's words → what objects, texts and states there should be.

use super::office::{Office, Wished};
use super::secret;
use super::sight::{Sight, outside};
use super::texts;
use super::writer::{Recorded, Wanted, merge, wished};
use super::{Caller, Change, Fault, How, RecordData, Refusal, Role};
use crate::dns::name::Name;
use crate::document::shown as cut;
use crate::fleet::Kind;
use crate::fleet::ledger::{Edit, Item, Ledger, Target, key, shown};
use crate::fleet::{Fleet, Source};
use crate::store::{BackedUp, read_backup};
use serde_json::{Map, Value, json};

pub(super) fn wanted(
    office: &Office,
    ledger: &Ledger,
    sight: &Sight,
    caller: &Caller,
    change: Change,
    how: &How,
) -> Result<Wanted, Refusal> {
    let wanting = Wanting { office, ledger, sight, caller, how };
    match change {
        Change::Put { kind, name, body } => wanting.put(kind, &name, body),
        Change::Patch { kind, name, patch } => wanting.patch(kind, &name, &patch),
        Change::Delete { kind, name } => wanting.delete(kind, &name),
        Change::PutDefaults(body) => wanting.defaults(body),
        Change::PatchDefaults(patch) => {
            let mut body = ledger.defaults().map_or_else(|| json!({}), Item::json);
            merge(&mut body, &patch);
            wanting.defaults(body)
        }
        Change::Fleet(json) => {
            wanting.all()?;
            wanting.match_revision(office.fleet_revision.load(std::sync::atomic::Ordering::Acquire), true, "the fleet")?;
            Ok(Wanted { fleet: Some(unmasked(ledger, json)?), ..Wanted::default() })
        }
        Change::ZoneFile { zone, text } => wanting.zone_file(&zone, text),
        Change::Records { zone, name, rtype, set } => wanting.records(&zone, &name, &rtype, set),
        Change::State { panel, state } => {
            let found = wanting.changeable(Kind::Panel, &panel)?;
            if ledger.item(Kind::Panel, &found).is_none() {
                return Err(missing(Kind::Panel, &panel));
            }
            let state = state.map(|order| wished(&order, &caller.who, Office::now_s())).transpose()?;
            let is_same = state.is_none() && !office.wishes.read().contains_key(&found);
            Ok(Wanted { states: if is_same { vec![] } else { vec![(found, state)] }, ..Wanted::default() })
        }
        Change::Revert(revision) => wanting.revert(revision),
        Change::Restore(backup) => wanting.restore(&backup),
    }
}

struct Wanting<'a> {
    office: &'a Office,
    ledger: &'a Ledger,
    sight: &'a Sight,
    caller: &'a Caller,
    how: &'a How,
}

impl Wanting<'_> {
    fn all(&self) -> Result<(), Refusal> {
        if self.sight.is_all() { Ok(()) } else { Err(Refusal::Forbidden(outside(self.caller))) }
    }

    /// The object's key, if this caller may change an object of this name.
    fn changeable(&self, kind: Kind, name: &str) -> Result<String, Refusal> {
        let found = key(kind, name)
            .map_err(|error| Refusal::fault("", format!("`{}`: {error}", cut(name)), "write it as \"live.panels.example\""))?;
        if self.sight.may_change(self.ledger, kind, &found) { Ok(found) } else { Err(Refusal::Forbidden(outside(self.caller))) }
    }

    fn match_item(&self, item: Option<&Item>, what: &str) -> Result<(), Refusal> {
        self.match_revision(item.map_or(0, |item| item.revision), item.is_some(), what)
    }

    fn match_revision(&self, revision: u64, exists: bool, what: &str) -> Result<(), Refusal> {
        if exists && self.how.if_absent {
            return Err(Refusal::Stale(format!("{what} exists already")));
        }
        let Some(revisions) = &self.how.if_match else { return Ok(()) };
        if exists && (revisions.is_empty() || revisions.contains(&revision)) {
            return Ok(());
        }
        Err(Refusal::Stale(match exists {
            true => format!("{what} has changed since: it is at revision {revision} now; read it again"),
            false => format!("{what} does not exist"),
        }))
    }

    fn put(&self, kind: Kind, name: &str, mut body: Value) -> Result<Wanted, Refusal> {
        let found = self.changeable(kind, name)?;
        let item = self.ledger.item(kind, &found);
        self.match_item(item, &format!("{} {}", kind.word(), cut(name)))?;
        secret::unmask(kind, &mut body, item.map(Item::json).as_ref()).map_err(no_secret)?;
        self.no_others(kind, &body)?;
        if kind == Kind::Zone && item.is_none() && body.get("text").is_none_or(|text| !text.is_string()) {
            let hint = format!("send its master file to /v1/zones/{found}/file, or give it here as `text`");
            return Err(Refusal::fault("", "a new zone needs its records", hint));
        }
        let shows = Some(Target::Object(kind, found.clone()));
        let name = if kind.is_named_by_dns() { found } else { name.to_owned() };
        Ok(Wanted { edits: vec![Edit { target: Target::Object(kind, name), body: Some(body) }], shows, ..Wanted::default() })
    }

    /// A scoped operator's objects stay within the scope: what a hostname pointed to before is seen by `changeable`, what it is to point to here.
    fn no_others(&self, kind: Kind, body: &Value) -> Result<(), Refusal> {
        match (kind, body["set"].as_str()) {
            (Kind::Hostname, Some(set)) if !self.sight.sees(self.ledger, Kind::Set, set) => {
                Err(Refusal::fault("/set", format!("unknown set `{}`", cut(set)), "add a [[set]] of this name, or name another"))
            }
            _ => Ok(()),
        }
    }

    fn patch(&self, kind: Kind, name: &str, patch: &Value) -> Result<Wanted, Refusal> {
        let found = self.changeable(kind, name)?;
        let item = self.ledger.item(kind, &found).ok_or_else(|| missing(kind, name))?;
        if !patch.is_object() {
            return Err(Refusal::fault("", "a merge patch of an object is an object", "write {\"key\": value, ...}"));
        }
        let mut body = item.json();
        let mut patch = patch.clone();
        secret::unmask(kind, &mut patch, Some(&body)).map_err(no_secret)?;
        merge(&mut body, &patch);
        self.put(kind, &item.name, body)
    }

    fn delete(&self, kind: Kind, name: &str) -> Result<Wanted, Refusal> {
        if kind == Kind::Zone && !self.sight.is_all() {
            return Err(Refusal::Forbidden(outside(self.caller)));
        }
        let found = self.changeable(kind, name)?;
        let item = self.ledger.item(kind, &found).ok_or_else(|| missing(kind, name))?;
        self.match_item(Some(item), &format!("{} {}", kind.word(), cut(name)))?;
        let edits = vec![Edit { target: Target::Object(kind, item.name.to_string()), body: None }];
        let states = if kind == Kind::Panel && self.office.wishes.read().contains_key(&found) { vec![(found, None)] } else { vec![] };
        Ok(Wanted { edits, states, is_zone_deleted: kind == Kind::Zone, ..Wanted::default() })
    }

    fn defaults(&self, body: Value) -> Result<Wanted, Refusal> {
        self.all()?;
        self.match_revision(self.ledger.defaults().map_or(0, |item| item.revision), true, "the defaults")?;
        // Saying nothing is the same as not being there.
        let body = Some(body).filter(|body| body.as_object().is_none_or(|keys| !keys.is_empty()));
        Ok(Wanted { edits: vec![Edit { target: Target::Defaults, body }], shows: Some(Target::Defaults), ..Wanted::default() })
    }

    fn zone_file(&self, zone: &str, text: Vec<u8>) -> Result<Wanted, Refusal> {
        let found = key(Kind::Zone, zone)
            .map_err(|error| Refusal::fault("", format!("`{}`: {error}", cut(zone)), "write it as \"panels.example\""))?;
        let item = self.ledger.item(Kind::Zone, &found);
        if item.is_none() {
            self.all()?;
        }
        if item.is_some() || !self.sight.is_all() {
            self.changeable(Kind::Zone, zone)?;
        }
        self.match_revision(
            text_revision(self.ledger.fleet(), self.ledger.id(Kind::Zone, &found)),
            item.is_some(),
            &format!("the file of zone {found}"),
        )?;
        let target = Target::Object(Kind::Zone, found.clone());
        let edits = if item.is_some() { vec![] } else { vec![Edit { target: target.clone(), body: Some(json!({})) }] };
        Ok(Wanted { edits, texts: vec![(found, text)], shows: Some(target), ..Wanted::default() })
    }

    fn records(&self, zone: &str, name: &str, rtype: &str, set: Option<RecordData>) -> Result<Wanted, Refusal> {
        let found = self.changeable(Kind::Zone, zone)?;
        let Some(id) = self.ledger.id(Kind::Zone, &found) else { return Err(missing(Kind::Zone, zone)) };
        let apex: Name = self.ledger.fleet().zones[id as usize].name.clone();
        let (owner, rtype) = (texts::owner(&apex, name)?, texts::rtype(rtype)?);
        let text = text_of(self.office, &found)?;
        let mut sheet = texts::read(&apex, &text).map_err(Refusal::Faults)?;
        let what = format!("{} {rtype}", shown(&owner));
        let is_there = sheet.find(&owner, rtype).is_some();
        self.match_revision(text_revision(self.ledger.fleet(), Some(id)), is_there, &what)?;
        let mut recorded = None;
        match set {
            Some(data) => {
                let set = texts::set(&apex, &owner, rtype, &data)?;
                if sheet.find(&owner, rtype) == Some(&set) {
                    return Ok(Wanted::default());
                }
                drop(sheet.put(set.clone()));
                recorded = Some(set);
            }
            None if is_there => drop(sheet.remove(&owner, rtype)),
            None => return Err(Refusal::NotFound(format!("there are no {what} records"))),
        }
        let shows = (!is_there).then(|| Target::Object(Kind::Zone, String::new()));
        let record = Some(Recorded { name: owner, rtype, set: recorded, written: sheet.serial() });
        Ok(Wanted { texts: vec![(found, sheet.text().into_bytes())], shows, is_records: true, record, ..Wanted::default() })
    }

    fn revert(&self, revision: u64) -> Result<Wanted, Refusal> {
        self.all()?;
        let gone = |error: crate::store::StoreError| Refusal::Gone(error.in_full());
        let changed = self.office.store.at(revision).map_err(gone)?;
        let changed =
            changed.ok_or_else(|| Refusal::NotFound(format!("revision {revision} is not in the history, which is kept for a time")))?;
        let mut wanted = Wanted::default();
        for changed in changed {
            match store_target(&changed.key) {
                Some(Stored::Object(target)) => {
                    let body = changed.before.as_deref().map(|bytes| keys_of(bytes).0);
                    let target = match (target, changed.before.as_deref().or(changed.after.as_deref())) {
                        (Target::Object(kind, _), Some(bytes)) => Target::Object(kind, keys_of(bytes).1),
                        (target, _) => target,
                    };
                    let body = if target == Target::Defaults { Some(body.unwrap_or_else(|| json!({}))) } else { body };
                    wanted.edits.push(Edit { target, body });
                }
                Some(Stored::File(zone)) => wanted.texts.extend(changed.before.map(|text| (zone, text))),
                Some(Stored::State(panel)) => {
                    let wished = changed.before.and_then(|bytes| serde_json::from_slice::<Wished>(&bytes).ok());
                    wanted.states.push((panel, wished));
                }
                None => {}
            }
        }
        let wishes = self.office.wishes.read();
        wanted.states.retain(|(panel, wished)| wishes.get(panel) != wished.as_ref());
        drop(wishes);
        // What a zone had goes with it.
        let kept = |zone: &String| {
            let edit = wanted.edits.iter().find(|edit| edit.target == Target::Object(Kind::Zone, zone.clone()));
            edit.map_or(self.ledger.item(Kind::Zone, zone).is_some(), |edit| edit.body.is_some())
        };
        let texts = wanted.texts.iter().filter(|(zone, _)| kept(zone)).cloned().collect();
        wanted.texts = texts;
        Ok(wanted)
    }

    fn restore(&self, backup: &[u8]) -> Result<Wanted, Refusal> {
        if self.caller.role != Role::Admin {
            return Err(Refusal::Forbidden("to restore is an admin's business".into()));
        }
        self.all()?;
        let mut objects: Vec<(u64, Target, Value)> = Vec::new();
        let mut wanted = Wanted::default();
        let mut reader = backup;
        let mut take = |BackedUp { key, value, .. }: BackedUp| match store_target(&key) {
            Some(Stored::Object(target)) => {
                let (body, name) = keys_of(&value);
                let position = serde_json::from_slice::<Value>(&value).ok().and_then(|stored| stored["position"].as_u64()).unwrap_or(0);
                let target = if let Target::Object(kind, _) = target { Target::Object(kind, name) } else { target };
                objects.push((position, target, body));
            }
            Some(Stored::File(zone)) => wanted.texts.push((zone, value)),
            Some(Stored::State(panel)) => wanted.states.extend(serde_json::from_slice(&value).ok().map(|wished| (panel, Some(wished)))),
            None => {
                if let Some(zone) = key.strip_prefix("serials/") {
                    let serial = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
                    wanted.serials.extend(serial.map(|serial| (zone.to_owned(), serial)));
                }
            }
        };
        read_backup(&mut reader, &mut take)
            .map_err(|error| Refusal::Faults(vec![Fault::new("", error.to_string(), "take another backup")]))?;
        objects.sort_by_key(|(position, ..)| *position);
        let mut fleet = Map::new();
        for (_, target, body) in objects {
            match (target, body) {
                (Target::Defaults, body) => drop(fleet.insert("defaults".into(), body)),
                (Target::Object(kind, name), Value::Object(keys)) => {
                    let mut object = Map::from_iter([("name".to_owned(), Value::String(name))]);
                    object.extend(keys);
                    let list = fleet.entry(kind.word()).or_insert_with(|| json!([]));
                    list.as_array_mut().into_iter().for_each(|list| list.push(Value::Object(object.clone())));
                }
                _ => {}
            }
        }
        let kept: Vec<String> = wanted.states.iter().map(|(panel, _)| panel.clone()).collect();
        let gone: Vec<_> =
            self.office.wishes.read().keys().filter(|panel| !kept.contains(panel)).map(|panel| (panel.clone(), None)).collect();
        wanted.states.extend(gone);
        wanted.fleet = Some(Value::Object(fleet));
        Ok(wanted)
    }
}

/// What a document of the store is about.
pub(super) enum Stored {
    Object(Target),
    File(String),
    State(String),
}

pub(super) fn store_target(store_key: &str) -> Option<Stored> {
    let (shelf, name) = store_key.split_once('/').unwrap_or((store_key, ""));
    Some(match shelf {
        "defaults" => Stored::Object(Target::Defaults),
        "files" => Stored::File(name.into()),
        "states" => Stored::State(name.into()),
        _ => Stored::Object(Target::Object(Kind::from_plural(shelf)?, name.into())),
    })
}

/// The object of a stored document, and its name.
pub(super) fn keys_of(bytes: &[u8]) -> (Value, String) {
    let mut stored: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let name = stored["name"].as_str().unwrap_or_default().to_owned();
    (stored["keys"].take(), name)
}

pub(super) fn missing(kind: Kind, name: &str) -> Refusal {
    Refusal::NotFound(format!("there is no {} `{}`", kind.word(), cut(name)))
}

/// The revision of a zone's records.
pub(super) fn text_revision(fleet: &Fleet, zone: Option<u32>) -> u64 {
    match zone.and_then(|zone| fleet.zones.get(zone as usize)).map(|zone| &zone.source) {
        Some(Source::Stored { revision, .. }) => *revision,
        _ => 0,
    }
}

pub(super) fn text_of(office: &Office, zone: &str) -> Result<Vec<u8>, Refusal> {
    let found = office.store.get(&format!("files/{zone}")).map_err(|error| Refusal::Gone(error.in_full()))?;
    found.map(|document| document.value).ok_or_else(|| Refusal::NotFound(format!("there are no records of zone {}", cut(zone))))
}

/// The last serial that a zone was shown with, also while it is away.
pub(super) fn serial_of(office: &Office, zone: &str) -> Option<u32> {
    let kept = office.store.get(&format!("serials/{zone}")).ok().flatten()?;
    std::str::from_utf8(&kept.value).ok()?.parse().ok()
}

fn no_secret(pointer: String) -> Refusal {
    Refusal::fault(&pointer, "the mask stands for a secret, and none is stored", "write the secret itself")
}

/// Masks in a whole fleet mean the secrets that are stored.
pub(super) fn unmasked(ledger: &Ledger, mut json: Value) -> Result<Value, Refusal> {
    for kind in [Kind::Check, Kind::Key] {
        let Some(list) = json.get_mut(kind.word()).and_then(Value::as_array_mut) else { continue };
        for (at, object) in list.iter_mut().enumerate() {
            let old = object["name"].as_str().and_then(|name| ledger.item(kind, name)).map(Item::json);
            secret::unmask(kind, object, old.as_ref()).map_err(|pointer| no_secret(format!("/{}/{at}{pointer}", kind.word())))?;
        }
    }
    Ok(json)
}
