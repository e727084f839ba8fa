//! What a change is to the store, and to whoever asked for it.

use super::making::Made;
use super::office::Office;
use super::secret;
use super::sight::Sight;
use super::texts;
use super::writer::{FLEET, Wanted};
use super::{Difference, Fault, Refusal};
use crate::document::Problem;
use crate::fleet::Kind;
use crate::fleet::ledger::{Flaw, Item, Ledger, NoDraft, Target};
use crate::store::{Expect, Write};
use serde_json::{Value, json};

/// Users of an object that a refusal names.
const MAX_USERS: usize = 20;
/// Objects of which before and after are worked out: a fleet that comes as a whole has a hundred thousand.
const MAX_DIFFERENCES: usize = 2000;

/// The object as it is now, secrets masked, and its revision.
pub(super) fn shown(ledger: &Ledger, target: Option<&Target>) -> (Option<Value>, u64) {
    match target {
        None => (None, 0),
        Some(Target::Defaults) => ledger.defaults().map_or((Some(json!({})), 0), |item| (Some(item.json()), item.revision)),
        Some(Target::Object(kind, name)) => ledger.item(*kind, name).map_or((None, 0), |item| {
            let mut object = item.json();
            secret::mask(*kind, &mut object);
            (Some(object), item.revision)
        }),
    }
}

/// A warning that is listed as one.
pub(super) fn said(problem: &Problem) -> String {
    let text = problem.to_string();
    text.strip_prefix("warning: ").map_or(text.clone(), str::to_owned)
}

/// What the store is to write. A document is the object and where it stands among its like.
pub(super) fn writes(made: &Made, wanted: &Wanted) -> Vec<Write> {
    let mut writes = Vec::new();
    let mut put = |key: String, value: Option<Vec<u8>>| writes.push(Write { key, expect: Expect::Any, value });
    for (target, item) in &made.draft.items {
        let stored =
            item.as_ref().map(|item| format!("{{\"name\":{},\"position\":{},\"keys\":{}}}", json!(&*item.name), item.position, item.body));
        put(store_key(target), stored.map(String::into_bytes));
        if let (Target::Object(Kind::Zone, zone), None) = (target, item) {
            // Its serial stays: when the zone comes back, it goes on from there.
            put(format!("files/{zone}"), None);
        }
    }
    for text in &made.texts {
        put(format!("files/{}", text.zone), Some(text.text.clone()));
        put(format!("serials/{}", text.zone), text.serial.map(|serial| serial.to_string().into_bytes()));
    }
    for (panel, wished) in &wanted.states {
        put(format!("states/{panel}"), wished.as_ref().and_then(|wished| serde_json::to_vec(wished).ok()));
    }
    if made.is_fleet() {
        put(FLEET.into(), Some(b"{}".to_vec()));
    }
    writes
}

pub(super) fn store_key(target: &Target) -> String {
    match target {
        Target::Defaults => "defaults".into(),
        Target::Object(kind, key) => format!("{}/{key}", kind.plural()),
    }
}

pub(super) fn refusal(ledger: &Ledger, sight: &Sight, wanted: &Wanted, why: NoDraft) -> Refusal {
    match why {
        NoDraft::Flaws(flaws) => Refusal::Faults(flaws.into_iter().map(fault).collect()),
        NoDraft::InUse { edit, users } => {
            let all = users.len();
            let seen = users.into_iter().filter(|(kind, name)| sight.sees(ledger, *kind, name));
            let seen: Vec<String> = seen.map(|(kind, name)| format!("{}/{name}", kind.plural())).collect();
            let hidden = all - seen.len();
            let what = match wanted.edits.get(edit).map(|edit| &edit.target) {
                Some(Target::Object(kind, name)) => format!("{} {}", kind.word(), crate::document::shown(name)),
                _ => "it".into(),
            };
            Refusal::InUse {
                what: format!("{what} is used by {all} {}", if all == 1 { "other" } else { "others" }),
                users: seen.into_iter().take(MAX_USERS).collect(),
                hidden,
            }
        }
    }
}

fn fault(flaw: Flaw) -> Fault {
    Fault { pointer: flaw.pointer, ..Fault::of(&flaw.problem) }
}

/// Of very many objects only the names.
pub(super) fn differences(office: &Office, ledger: &Ledger, made: &Made, wanted: &Wanted) -> Vec<Difference> {
    let mut differences: Vec<Difference> = Vec::new();
    let is_told = made.draft.items.len() <= MAX_DIFFERENCES;
    for (target, item) in &made.draft.items {
        if !is_told {
            differences.push(Difference { object: store_key(target), ..Difference::default() });
            continue;
        }
        let (before, _) = shown(ledger, Some(target));
        let before = before.filter(|_| has(ledger, target));
        let old = match target {
            Target::Defaults => ledger.defaults(),
            Target::Object(kind, name) => ledger.item(*kind, name),
        };
        let after = item.as_ref().map(|item| {
            let mut object = item.json();
            if let Target::Object(kind, _) = target {
                secret::mask(*kind, &mut object);
            }
            object
        });
        // Another secret looks the same and is not.
        if before.is_none() || old.map(Item::json) != item.as_ref().map(Item::json) {
            differences.push(Difference { object: store_key(target), before, after, ..Difference::default() });
        } else if let (Some(old), Some(new)) = (old, item)
            && old.position != new.position
        {
            // The same, and another place in the list: of regions that serve a client alike the first counts.
            let place = |position: u64| Some(json!({ "position": position }));
            differences.push(Difference {
                object: store_key(target),
                before: place(old.position),
                after: place(new.position),
                ..Difference::default()
            });
        }
    }
    for text in &made.texts {
        let old = office.store.get(&format!("files/{}", text.zone)).ok().flatten().map(|document| document.value).unwrap_or_default();
        let object = format!("files/{}", text.zone);
        let (removed, added) = texts::between(&object, &old, &text.text);
        differences.push(Difference { object, removed, added, ..Difference::default() });
    }
    for (panel, wished) in &wanted.states {
        let before = office.wishes.read().get(panel).and_then(|wished| serde_json::to_value(wished).ok());
        let after = wished.as_ref().and_then(|wished| serde_json::to_value(wished).ok());
        differences.push(Difference { object: format!("states/{panel}"), before, after, ..Difference::default() });
    }
    differences
}

pub(super) fn has(ledger: &Ledger, target: &Target) -> bool {
    match target {
        Target::Defaults => true,
        Target::Object(kind, name) => ledger.item(*kind, name).is_some(),
    }
}
