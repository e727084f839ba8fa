//! A document held against the ledger part by part, so that nobody waits for the whole of it.

use super::draft::{GAP, take_text};
use super::{Item, Kind, Ledger, Target, compose, key};
use serde_json::Value;
use std::collections::HashMap;

#[derive(Debug, Default)]
pub struct Comparison {
    last: HashMap<Kind, u64>,
    /// Objects of the document that the ledger has as well.
    known: usize,
    differing: usize,
}

/// The objects of a document in the form of fleet.toml, in its order.
pub fn objects(json: &Value) -> impl Iterator<Item = (Target, Value)> {
    compose::objects(json)
}

impl Ledger {
    /// Goes on with the next objects of a document that has no errors.
    pub fn compare(&self, objects: impl IntoIterator<Item = (Target, Value)>, so_far: &mut Comparison) {
        for (target, mut body) in objects {
            let Target::Object(kind, name) = &target else {
                let old = self.defaults.as_ref();
                so_far.known += usize::from(old.is_some());
                so_far.differing += usize::from(old.map(Item::json).unwrap_or_default() != body);
                continue;
            };
            let found = key(*kind, name).unwrap_or_else(|_| name.to_lowercase());
            let _ = take_text(*kind, &mut body);
            let old = self.shelved(*kind, &found).map(|shelved| &shelved.item);
            let last = so_far.last.entry(*kind).or_default();
            let position = position(old, *last);
            *last = position;
            let shown = if kind.is_named_by_dns() { &found } else { name };
            so_far.known += usize::from(old.is_some());
            so_far.differing += usize::from(old.is_none_or(|old| old.position != position || *old.name != **shown || old.json() != body));
        }
    }

    /// How many objects are others than in the document that was compared: changed, added or missing.
    pub fn differing(&self, whole: &Comparison) -> usize {
        let all = Kind::ALL.into_iter().map(|kind| self.count(kind)).sum::<usize>() + usize::from(self.defaults.is_some());
        whole.differing + all.saturating_sub(whole.known)
    }
}

/// Where an object stands behind one at `last`: where it stood, if that is behind it.
pub(super) fn position(old: Option<&Item>, last: u64) -> u64 {
    old.map(|old| old.position).filter(|position| *position > last).unwrap_or(last + if old.is_some() { 1 } else { GAP })
}
