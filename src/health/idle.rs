//! Panels that nobody looks at, and of which nothing has been said since the node began: of ten thousand little is kept.

use super::load::Watermarks;
use super::ward::Ward;
use crate::clock::Now;
use crate::fleet::Panel;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Idle(HashMap<Named, Rest>);

/// A panel, found by its name.
struct Named(Arc<Panel>);

struct Rest {
    /// Wall time.
    since_s: u64,
    marks: Arc<[Watermarks]>,
}

impl Idle {
    /// True: it is there, and what has become of it since is none of health's business.
    pub(super) fn renew(&mut self, panel: &Arc<Panel>) -> bool {
        let Some((Named(old), _)) = self.0.get_key_value(&*panel.name) else { return false };
        if Arc::ptr_eq(old, panel) {
            return true;
        }
        let is_same = old.state == panel.state && old.addresses == panel.addresses && panel.checks.is_empty();
        // Also an equal one of another fleet: the one before would outlive all else of its own.
        if is_same && let Some(rest) = self.0.remove(&*panel.name) {
            self.0.insert(Named(Arc::clone(panel)), rest);
        }
        is_same
    }

    pub(super) fn add(&mut self, panel: &Arc<Panel>, now: Now) {
        self.0.insert(Named(Arc::clone(panel)), Rest { since_s: now.wall_s, marks: Arc::default() });
    }

    /// Something is to be said of it: from now on it has a ward.
    pub(super) fn rouse(&mut self, panel: &str, now: Now) -> Option<Ward> {
        self.0.remove_entry(panel).map(|(Named(panel), rest)| rest.ward(&panel, now))
    }

    /// As they would be with wards.
    pub(super) fn view(&self, panel: &str, now: Now) -> Option<Ward> {
        self.0.get_key_value(panel).map(|(Named(panel), rest)| rest.ward(panel, now))
    }

    pub(super) fn wards(&self, now: Now) -> impl Iterator<Item = Ward> {
        self.0.iter().map(move |(Named(panel), rest)| rest.ward(panel, now))
    }

    pub(super) fn retain(&mut self, stays: impl Fn(&str) -> bool) {
        self.0.retain(|Named(panel), _| stays(&panel.name));
    }

    pub(super) fn marks(&mut self) -> impl Iterator<Item = (&str, &mut Arc<[Watermarks]>)> {
        self.0.iter_mut().map(|(Named(panel), rest)| (&*panel.name, &mut rest.marks))
    }
}

impl Rest {
    fn ward(&self, panel: &Arc<Panel>, now: Now) -> Ward {
        Ward::unchecked(panel, self.since_s, &self.marks, now)
    }
}

impl Borrow<str> for Named {
    fn borrow(&self) -> &str {
        &self.0.name
    }
}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (*self.0.name).hash(state);
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Named {}
