//! The audit trail: who did what, and what was refused.

use super::office::Office;
use super::secret::shown_document;
use super::sight::Sight;
use super::{AuditQuery, Caller, Difference, Refusal};
use crate::fleet::Kind;
use crate::fleet::ledger::Ledger;
use crate::store::{Changed, LogQuery, Logged, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Objects shown of one revision: an import has a hundred thousand.
const MAX_SHOWN: usize = 100;
/// Entries looked through for one page, so that a scoped reader of a long log costs no more than others.
const MAX_LOOKED: usize = 10_000;

/// What the log keeps of a change, or of one that was refused.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Entry {
    pub who: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    pub verb: String,
    /// What was asked for, where no revision tells it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub objects: Vec<String>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<String>,
}

impl Entry {
    pub(super) fn of(caller: &Caller, verb: &str) -> Self {
        Self { who: caller.who.clone(), from: caller.from.map(|from| from.to_string()), verb: verb.into(), ..Self::default() }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Newest first, as far as this caller may see them.
pub(super) fn read(office: &Office, caller: &Caller, query: &AuditQuery) -> Result<Vec<Value>, Refusal> {
    let store = &office.store;
    let gone = |error: crate::store::StoreError| Refusal::Gone(error.in_full());
    let wanted = query.object.as_deref().map(about);
    let mut found = Vec::new();
    let mut before = query.before;
    let mut looked = 0;
    while found.len() < query.limit && looked < MAX_LOOKED {
        let limit = query.limit.max(1);
        let page = |object: Option<String>| LogQuery { object, since_s: query.since_s, before, limit };
        let mut entries = Vec::new();
        match &wanted {
            None => entries = store.log(&page(None)).map_err(gone)?,
            Some(objects) => {
                for object in objects {
                    entries.extend(store.log(&page(Some(object.clone()))).map_err(gone)?);
                }
                entries.sort_by_key(|logged: &Logged| std::cmp::Reverse(logged.sequence));
                entries.dedup_by_key(|logged| logged.sequence);
                entries.truncate(limit);
            }
        }
        let Some(last) = entries.last() else { break };
        (before, looked) = (Some(last.sequence), looked + entries.len());
        let is_last = entries.len() < limit;
        // The log is read before the fleet is held: whoever changes that does not wait for the disk.
        let read = |logged: Logged| Ok((changes(store, &logged)?, logged));
        let page: Vec<(Vec<Changed>, Logged)> =
            entries.into_iter().map(read).collect::<Result<_, crate::store::StoreError>>().map_err(gone)?;
        let ledger = office.ledger.read();
        let sight = Sight::of(caller, &ledger);
        found.extend(page.into_iter().filter_map(|(changed, logged)| shown(&ledger, &sight, wanted.as_deref(), changed, logged)));
        if is_last {
            break;
        }
    }
    found.truncate(query.limit);
    Ok(found)
}

/// What the store keeps of one object: a panel has its state beside it, a zone its records.
fn about(object: &str) -> Vec<String> {
    let beside = match object.split_once('/') {
        Some(("panels", name)) => Some(format!("states/{name}")),
        Some(("zones", name)) => Some(format!("files/{name}")),
        _ => None,
    };
    [object.to_owned()].into_iter().chain(beside).collect()
}

/// `panels/` stands for all of its kind.
fn is_about(key: &str, wanted: &[String]) -> bool {
    wanted.iter().any(|wanted| key == wanted || wanted.ends_with('/') && key.starts_with(wanted.as_str()))
}

/// What a revision changed, without what only the store itself needs.
fn changes(store: &Store, logged: &Logged) -> Result<Vec<Changed>, crate::store::StoreError> {
    let Some(revision) = logged.revision else { return Ok(Vec::new()) };
    let mut changed = store.at(revision)?.unwrap_or_default();
    changed.retain(|changed| !changed.key.starts_with("serials/") && changed.key != super::writer::FLEET);
    Ok(changed)
}

fn shown(ledger: &Ledger, sight: &Sight, wanted: Option<&[String]>, mut changed: Vec<Changed>, logged: Logged) -> Option<Value> {
    let entry: Entry = serde_json::from_slice(&logged.entry).unwrap_or_default();
    let sees = |object: &str| sight.sees_object(ledger, object);
    // One that is gone is told by what it was: whose set it pointed to.
    let sees_change = |Changed { key, before, after }: &Changed| {
        let sets = [before, after].into_iter().flatten().filter_map(|value| Some(shown_document(key, value)?["set"].as_str()?.to_owned()));
        sees(key) && (!key.starts_with("hostnames/") || sets.into_iter().all(|set| sight.sees(ledger, Kind::Set, &set)))
    };
    let exists = |object: &&String| object.strip_prefix("hostnames/").is_none_or(|name| ledger.item(Kind::Hostname, name).is_some());
    let all = changed.len();
    changed.retain(sees_change);
    let objects: Vec<&String> = entry.objects.iter().filter(|object| sees(object) && (sight.is_all() || exists(object))).collect();
    // Whoever sees not all sees only what is about what it sees, and was asked for by that.
    let is_asked_for = |key: &str| wanted.is_none_or(|wanted| is_about(key, wanted));
    let is_told = changed.iter().any(|changed| is_asked_for(&changed.key)) || objects.iter().any(|object| is_asked_for(object));
    if !sight.is_all() && !is_told {
        return None;
    }
    let hidden = all - changed.len() + entry.objects.len() - objects.len();
    let mut value = json!({
        "sequence": logged.sequence,
        "at": logged.at_s,
        "who": entry.who,
        "verb": entry.verb,
        "outcome": if entry.refused.is_some() { "refused" } else { "done" },
    });
    let mut put = |key: &str, it: Value| value.as_object_mut().into_iter().for_each(|object| drop(object.insert(key.into(), it.clone())));
    if let Some(from) = &entry.from {
        put("from", json!(from));
    }
    if let Some(revision) = logged.revision {
        put("revision", json!(revision));
    }
    // A reason may name anything there was when it was given.
    if let Some(reason) = entry.refused.as_ref().filter(|_| sight.is_all()) {
        put("reason", json!(reason));
    }
    let named: Vec<String> =
        changed.iter().map(|changed| changed.key.clone()).chain(objects.into_iter().cloned()).take(MAX_SHOWN).collect();
    put("objects", json!(named));
    if changed.len() > MAX_SHOWN {
        put("more", json!(changed.len() - MAX_SHOWN));
    }
    if hidden > 0 {
        put("hidden", json!(hidden));
    }
    let differences = changed.iter().filter(|changed| wanted.is_none_or(|wanted| is_about(&changed.key, wanted)));
    let mut differences: Vec<Difference> = differences.take(MAX_SHOWN).map(difference).collect();
    let values = differences.iter_mut().flat_map(|difference| [&mut difference.before, &mut difference.after]);
    values.flatten().for_each(|value| sight.narrow(ledger, value));
    put("differences", json!(differences));
    Some(value)
}

/// Secrets masked; of a zone's file only that it changed.
fn difference(Changed { key, before, after }: &Changed) -> Difference {
    let shown = |value: &Option<Vec<u8>>| value.as_ref().and_then(|value| shown_document(key, value));
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    if key.starts_with("files/") {
        (removed, added) = super::texts::between(key, before.as_deref().unwrap_or_default(), after.as_deref().unwrap_or_default());
    }
    Difference { object: key.clone(), before: shown(before), after: shown(after), removed, added }
}
