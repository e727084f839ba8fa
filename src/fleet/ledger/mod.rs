//! The fleet as operators wrote it, object by object, and the `Fleet` it makes: kept in step by small changes.
//!
//! A change is judged with the objects it has to do with, by the same code that reads a whole document; all else is known to be sound.
//! What a small change cannot tell (zones come and go, regions go, many objects at once) makes the whole fleet anew.

mod compose;
mod draft;
mod part;
#[cfg(test)]
mod tests;

pub use draft::{Draft, Extent, NoDraft, Rehosted};

use draft::Renamed;

use super::{Fleet, Kind, Source};
use crate::dns::name::Name;
use crate::document::Problem;
use compose::Composed;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// One object as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// As it is shown; found by `key`.
    pub name: String,
    /// A JSON object, without the name.
    pub body: Arc<str>,
    /// Of the store, when it was last changed.
    pub revision: u64,
    /// Documents list objects in this order.
    pub position: u64,
}

/// What is to be another object, or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    pub target: Target,
    pub body: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    Defaults,
    Object(Kind, String),
}

/// Something wrong with an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Which of the edits; none when it is another object that no longer fits.
    pub edit: Option<usize>,
    /// Into the edit's body, or into the whole document.
    pub pointer: String,
    pub problem: Problem,
}

/// Names that may be spoken of: hints come from these.
pub type Sight<'a> = &'a dyn Fn(Kind, &str) -> bool;

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    defaults: Option<Item>,
    /// By key.
    shelves: BTreeMap<Kind, BTreeMap<String, Item>>,
    fleet: Arc<Fleet>,
    ids: HashMap<Kind, HashMap<String, u32>>,
    /// By zone: which numbers hostnames of it have.
    numbers: HashMap<u32, Numbers>,
    next_position: u64,
    /// What was wrong with objects when they were loaded, and still is.
    troubles: HashSet<String>,
}

#[derive(Clone, Debug, Default)]
struct Numbers {
    next: u32,
    free: Vec<u32>,
}

/// How an object is found, however its name is written. An error where it can be no name of the kind.
pub fn key(kind: Kind, name: &str) -> Result<String, String> {
    if !kind.is_named_by_dns() {
        return Ok(name.to_lowercase());
    }
    let name = Name::parse(name).map_err(|error| error.to_string())?.to_string().to_lowercase();
    Ok(if name == "." { name } else { name.strip_suffix('.').unwrap_or(&name).to_owned() })
}

impl Ledger {
    /// Objects that were sound once. What is not any more is told of, and left out of the fleet.
    pub fn load(defaults: Option<Item>, objects: impl IntoIterator<Item = (Kind, Item)>) -> (Self, Vec<Problem>) {
        let mut ledger = Self { defaults, ..Self::default() };
        for (kind, item) in objects {
            ledger.next_position = ledger.next_position.max(item.position + 1);
            let key = key(kind, &item.name).unwrap_or_else(|_| item.name.to_lowercase());
            ledger.shelves.entry(kind).or_default().insert(key, item);
        }
        let (fleet, problems) = Composed::whole(&ledger).build_all();
        ledger.take(fleet);
        ledger.troubles = problems.iter().filter(|problem| problem.is_error()).map(compose::trouble).collect();
        (ledger, problems)
    }

    /// A fleet that was read from a file: `json` is its document, to be shown.
    pub fn of_file(json: &Value, fleet: Arc<Fleet>) -> Self {
        let mut ledger = Self::default();
        for (target, body) in compose::objects(json) {
            let position = ledger.next_position;
            ledger.next_position += 1;
            let item = |name: String| Item { name, body: body.to_string().into(), revision: 0, position };
            match target {
                Target::Defaults => ledger.defaults = Some(item(String::new())),
                Target::Object(kind, name) => {
                    if let Ok(key) = key(kind, &name) {
                        let shown = if kind.is_named_by_dns() { key.clone() } else { name };
                        ledger.shelves.entry(kind).or_default().entry(key).or_insert_with(|| item(shown));
                    }
                }
            }
        }
        ledger.take(fleet);
        ledger
    }

    pub fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }

    pub fn defaults(&self) -> Option<&Item> {
        self.defaults.as_ref()
    }

    pub fn item(&self, kind: Kind, name: &str) -> Option<&Item> {
        self.shelves.get(&kind)?.get(&key(kind, name).ok()?)
    }

    /// By key, from the one behind `after` on.
    pub fn items<'a>(&'a self, kind: Kind, after: Option<&str>) -> impl Iterator<Item = (&'a str, &'a Item)> {
        use std::ops::Bound;
        let from = after.map_or(Bound::Unbounded, |after| Bound::Excluded(key(kind, after).unwrap_or_else(|_| after.to_lowercase())));
        let shelf = self.shelves.get(&kind);
        shelf.into_iter().flat_map(move |shelf| shelf.range((from.clone(), Bound::Unbounded))).map(|(key, item)| (key.as_str(), item))
    }

    /// As documents list them.
    pub fn in_order(&self, kind: Kind) -> Vec<&Item> {
        let mut items: Vec<&Item> = self.shelves.get(&kind).into_iter().flat_map(BTreeMap::values).collect();
        items.sort_by_key(|item| item.position);
        items
    }

    pub fn count(&self, kind: Kind) -> usize {
        self.shelves.get(&kind).map_or(0, BTreeMap::len)
    }

    /// The object's number in the fleet.
    pub fn id(&self, kind: Kind, name: &str) -> Option<u32> {
        self.ids.get(&kind)?.get(&key(kind, name).ok()?).copied()
    }

    /// Objects that refer to this one, by kind and key. Zones are used by the hostnames in them.
    pub fn users(&self, kind: Kind, name: &str) -> Vec<(Kind, String)> {
        let Some(id) = self.id(kind, name).map(|id| id as usize) else { return Vec::new() };
        let fleet = &self.fleet;
        let live = |of: Kind| self.ids.get(&of).into_iter().flatten().map(|(key, id)| (key, *id as usize));
        let mut users: Vec<(Kind, String)> = Vec::new();
        match kind {
            Kind::Check => users.extend(
                live(Kind::Panel).filter(|(_, panel)| fleet.panels[*panel].checks.iter().any(|check| check.index() == id)).map(panel_of),
            ),
            Kind::Region => {
                let in_it = |at: &usize| fleet.panels[*at].region.is_some_and(|region| region.index() == id);
                users.extend(live(Kind::Panel).filter(|(_, panel)| in_it(panel)).map(panel_of));
                let follows = |at: &usize| fleet.regions[*at].then.iter().any(|region| region.index() == id);
                users.extend(live(Kind::Region).filter(|(_, at)| follows(at)).map(|(key, _)| (Kind::Region, key.clone())));
            }
            Kind::Panel => {
                let has = |at: &usize| fleet.sets[*at].members.iter().any(|member| member.panel.index() == id);
                users.extend(live(Kind::Set).filter(|(_, set)| has(set)).map(|(key, _)| (Kind::Set, key.clone())));
            }
            Kind::Set => {
                let hostnames = fleet.hostnames.iter().filter(|hostname| hostname.set.index() == id);
                users.extend(hostnames.map(|hostname| (Kind::Hostname, shown(&hostname.name))));
            }
            Kind::Zone => {
                let hostnames = fleet.hostnames.iter().filter(|hostname| hostname.zone.index() == id);
                users.extend(hostnames.map(|hostname| (Kind::Hostname, shown(&hostname.name))));
            }
            Kind::Hostname | Kind::Key => {}
        }
        users.sort();
        users
    }

    /// The draft becomes what holds; its objects were stored with `revision`.
    pub fn apply(&mut self, draft: Draft, revision: u64) {
        for (target, item) in draft.items {
            let item = item.map(|item| Item { revision, ..item });
            if let Some(item) = &item {
                self.next_position = self.next_position.max(item.position + 1);
            }
            match (target, item) {
                (Target::Defaults, item) => self.defaults = item,
                (Target::Object(kind, key), Some(item)) => drop(self.shelves.entry(kind).or_default().insert(key, item)),
                (Target::Object(kind, key), None) => {
                    self.shelves.entry(kind).or_default().remove(&key);
                }
            }
        }
        match draft.renamed {
            Renamed::All { troubles } => {
                self.take(draft.fleet);
                self.troubles = troubles;
            }
            Renamed::Some { ids, numbers } => {
                for (kind, key, id) in ids {
                    let ids = self.ids.entry(kind).or_default();
                    match id {
                        Some(id) => ids.insert(key, id),
                        None => ids.remove(&key),
                    };
                }
                self.numbers.extend(numbers);
                self.fleet = draft.fleet;
            }
        }
    }

    /// Where a zone's records are; the same fleet otherwise.
    pub fn place_zone(&mut self, zone: &str, source: Source) {
        let Some(id) = self.id(Kind::Zone, zone) else { return };
        Arc::make_mut(&mut self.fleet).zones[id as usize].source = source;
    }

    /// A fleet made as a whole.
    fn take(&mut self, fleet: Arc<Fleet>) {
        let named = |names: Vec<String>| names.into_iter().zip(0..).collect::<HashMap<String, u32>>();
        let lower = |name: &String| name.to_lowercase();
        self.ids = HashMap::from([
            (Kind::Check, named(fleet.checks.iter().map(|check| lower(&check.name)).collect())),
            (Kind::Region, named(fleet.regions.iter().map(|region| lower(&region.name)).collect())),
            (Kind::Panel, named(fleet.panels.iter().map(|panel| lower(&panel.name)).collect())),
            (Kind::Set, named(fleet.sets.iter().map(|set| lower(&set.name)).collect())),
            (Kind::Zone, named(fleet.zones.iter().map(|zone| shown(&zone.name)).collect())),
            (Kind::Hostname, named(fleet.hostnames.iter().map(|hostname| shown(&hostname.name)).collect())),
        ]);
        self.numbers.clear();
        for hostname in fleet.hostnames.iter() {
            let numbers = self.numbers.entry(hostname.zone.0).or_default();
            numbers.next = numbers.next.max(hostname.number + 1);
        }
        self.fleet = fleet;
    }
}

fn panel_of((key, _): (&String, usize)) -> (Kind, String) {
    (Kind::Panel, key.clone())
}

/// A name as the API shows it: small letters, no last dot.
pub fn shown(name: &Name) -> String {
    let text = name.to_string().to_lowercase();
    if text == "." { text } else { text.strip_suffix('.').unwrap_or(&text).to_owned() }
}
