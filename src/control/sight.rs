//! What a caller may see and change.

use super::{Caller, Role, Scope};
use crate::dns::name::Name;
use crate::fleet::Kind;
use crate::fleet::ledger::{Ledger, key, shown};
use serde_json::Value;
use std::collections::HashSet;

/// Stands for a name that the caller may not know.
pub(super) const HIDDEN: &str = "(hidden)";

/// Worked out for one caller and one state of the fleet.
#[derive(Debug)]
pub(super) enum Sight {
    All,
    Named(Box<Named>),
}

/// By key.
#[derive(Debug, Default)]
pub(super) struct Named {
    zones: HashSet<String>,
    sets: HashSet<String>,
    panels: HashSet<String>,
    /// Panels that no other set has.
    own_panels: HashSet<String>,
    regions: HashSet<String>,
    checks: HashSet<String>,
}

impl Sight {
    pub(super) fn of(caller: &Caller, ledger: &Ledger) -> Self {
        let Scope::Named { zones, sets } = &caller.scope else { return Self::All };
        let mut named = Named {
            zones: zones.iter().filter_map(|zone| key(Kind::Zone, zone).ok()).collect(),
            sets: sets.iter().map(|set| set.to_lowercase()).collect(),
            ..Named::default()
        };
        let fleet = ledger.fleet();
        for set in named.sets.iter().filter_map(|set| ledger.id(Kind::Set, set)) {
            for panel in fleet.sets[set as usize].members.iter().map(|member| fleet.panel(member.panel)) {
                named.panels.insert(panel.name.to_lowercase());
                named.regions.extend(panel.region.map(|region| fleet.region(region).name.to_lowercase()));
                named.checks.extend(panel.checks.iter().map(|check| fleet.check(*check).name.to_lowercase()));
            }
        }
        let foreign: HashSet<String> = ledger
            .items(Kind::Set, None)
            .filter(|(set, _)| !named.sets.contains(*set))
            .filter_map(|(set, _)| ledger.id(Kind::Set, set))
            .flat_map(|set| fleet.sets[set as usize].members.iter().map(|member| fleet.panel(member.panel).name.to_lowercase()))
            .collect();
        named.own_panels = named.panels.difference(&foreign).cloned().collect();
        Self::Named(Box::new(named))
    }

    pub(super) fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    pub(super) fn sees(&self, ledger: &Ledger, kind: Kind, name: &str) -> bool {
        let Self::Named(named) = self else { return true };
        let Ok(found) = key(kind, name) else { return false };
        match kind {
            Kind::Zone => named.zones.contains(&found),
            Kind::Set => named.sets.contains(&found),
            Kind::Panel => named.panels.contains(&found),
            Kind::Region => named.regions.contains(&found),
            Kind::Check => named.checks.contains(&found),
            Kind::Key => false,
            Kind::Hostname => {
                let set = ledger.item(kind, &found).and_then(|item| item.json()["set"].as_str().map(str::to_lowercase));
                self.zone_of(ledger, &found).is_some_and(|zone| named.zones.contains(&zone))
                    && set.is_none_or(|set| named.sets.contains(&set))
            }
        }
    }

    /// Whether an object of this name may be made, changed or removed.
    pub(super) fn may_change(&self, ledger: &Ledger, kind: Kind, name: &str) -> bool {
        let Self::Named(named) = self else { return true };
        match kind {
            Kind::Zone | Kind::Set => self.sees(ledger, kind, name) && ledger.item(kind, name).is_some(),
            Kind::Hostname => self.sees(ledger, kind, name),
            Kind::Panel => named.own_panels.contains(&name.to_lowercase()),
            Kind::Region | Kind::Check | Kind::Key => false,
        }
    }

    /// Whether a thing the store or a happening speaks of may be named: `panels/fra1`, `files/panels.example`.
    pub(super) fn sees_object(&self, ledger: &Ledger, object: &str) -> bool {
        if self.is_all() {
            return true;
        }
        let Some((shelf, name)) = object.split_once('/') else { return false };
        match shelf {
            "files" | "serials" => self.sees(ledger, Kind::Zone, name),
            "states" => self.sees(ledger, Kind::Panel, name),
            _ => Kind::from_plural(shelf).is_some_and(|kind| self.sees(ledger, kind, name)),
        }
    }

    /// Takes out of an object what it refers to and the caller does not see.
    pub(super) fn narrow(&self, ledger: &Ledger, object: &mut Value) {
        if self.is_all() {
            return;
        }
        let hides = |kind: Kind, name: &Value| name.as_str().is_some_and(|name| !self.sees(ledger, kind, name));
        for (key, kind) in [("then", Kind::Region), ("checks", Kind::Check), ("panels", Kind::Panel)] {
            if let Some(names) = object.get_mut(key).and_then(Value::as_array_mut) {
                names.retain(|name| !hides(kind, name) && !hides(kind, &name["panel"]));
            }
        }
        for (key, kind) in [("region", Kind::Region), ("set", Kind::Set)] {
            if let Some(name) = object.get_mut(key).filter(|name| hides(kind, name)) {
                *name = HIDDEN.into();
            }
        }
    }

    /// The zone a name is in or would be in.
    fn zone_of(&self, ledger: &Ledger, name: &str) -> Option<String> {
        let mut at = Name::parse(name).ok();
        while let Some(suffix) = at {
            let found = shown(&suffix);
            if ledger.item(Kind::Zone, &found).is_some() {
                return Some(found);
            }
            at = suffix.parent();
        }
        None
    }
}

/// In words, for a refusal that names nothing.
pub(super) fn outside(caller: &Caller) -> String {
    match caller.role {
        Role::Panel(_) => "a panel's token brings reports and does nothing else".into(),
        Role::Viewer => "a viewer looks and changes nothing".into(),
        _ => "that is outside this token's scope".into(),
    }
}
