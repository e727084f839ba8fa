//! The fleet as operators wrote it, object by object, and the `Fleet` it makes: kept in step by small changes.
//!
//! A change is judged with the objects it has to do with, by the same code that reads a whole document; all else is known to be sound.
//! What a small change cannot tell (zones come and go, regions go, many objects at once) makes the whole fleet anew.

mod compare;
mod compose;
mod draft;
mod part;
#[cfg(test)]
mod tests;

pub use compare::{Comparison, objects};
pub use draft::{Draft, Extent, NoDraft, Rehosted};

use draft::Renamed;

use super::{Fleet, Kind, Source};
use crate::dns::name::{MAX_LABEL, MAX_NAME, Name};
use crate::document::Problem;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// One object as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// As it is shown; found by `key`.
    pub name: Arc<str>,
    /// A JSON object, without the name. Objects of which the same is written share it where they came together.
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
    shelves: BTreeMap<Kind, BTreeMap<Arc<str>, Shelved>>,
    fleet: Arc<Fleet>,
    /// By zone: which numbers hostnames of it have.
    numbers: HashMap<u32, Numbers>,
    next_position: u64,
    /// What was wrong with objects when they were loaded, and still is.
    troubles: HashSet<String>,
}

#[derive(Clone, Debug)]
struct Shelved {
    item: Item,
    /// The object's number in the fleet; none: it is not sound, or of a kind that has none.
    id: Option<u32>,
}

/// Texts that came together, each kept once.
#[derive(Debug, Default)]
pub struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// The same text, or the one like it that came before.
    pub fn one(&mut self, text: Arc<str>) -> Arc<str> {
        match self.0.get(&text) {
            Some(same) => Arc::clone(same),
            None => {
                self.0.insert(Arc::clone(&text));
                text
            }
        }
    }
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
    if is_key(name) {
        return Ok(name.to_owned());
    }
    let name = Name::parse(name).map_err(|error| error.to_string())?.to_string().to_lowercase();
    Ok(if name == "." { name } else { name.strip_suffix('.').unwrap_or(&name).to_owned() })
}

/// A DNS name that is its own key, as most are: short cut, for a fleet may have a million.
fn is_key(name: &str) -> bool {
    let is_label = |label: &[u8]| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
    };
    // With a length byte before each label and the root behind.
    name.len() + 2 <= MAX_NAME && name.as_bytes().split(|byte| *byte == b'.').all(is_label)
}

impl Ledger {
    /// Objects that were sound once. What is not any more is told of, and left out of the fleet.
    pub fn load(defaults: Option<Item>, objects: impl IntoIterator<Item = (Kind, Item)>) -> (Self, Vec<Problem>) {
        let mut ledger = Self { defaults, ..Self::default() };
        let mut lists: BTreeMap<Kind, Vec<(Arc<str>, Shelved)>> = BTreeMap::new();
        for (kind, item) in objects {
            ledger.next_position = ledger.next_position.max(item.position + 1);
            let key = key(kind, &item.name).unwrap_or_else(|_| item.name.to_lowercase());
            lists.entry(kind).or_default().push((shared_key(key, &item), Shelved { item, id: None }));
        }
        // From a list, so that the map is made without gaps.
        ledger.shelves = lists.into_iter().map(|(kind, list)| (kind, list.into_iter().collect())).collect();
        let (fleet, problems) = compose::build_all(&ledger);
        ledger.take(fleet);
        ledger.troubles = problems.iter().filter(|problem| problem.is_error()).map(compose::trouble).collect();
        (ledger, problems)
    }

    /// A fleet that was read from a file: `json` is its document, of which each object is let go once it is written down.
    pub fn of_file(json: Value, fleet: Arc<Fleet>) -> Self {
        let mut ledger = Self::default();
        let mut texts = Texts::default();
        let mut lists: BTreeMap<Kind, Vec<(Arc<str>, Shelved)>> = BTreeMap::new();
        // Written down in one piece, and the document is gone before what stays is made: else that would stand between pieces of it.
        let mut text = String::new();
        let mut objects: Vec<(Option<Kind>, usize, usize)> = Vec::new();
        for (target, body) in compose::into_objects(json) {
            let kind = match target {
                Target::Defaults => None,
                Target::Object(kind, name) => {
                    text += &name;
                    Some(kind)
                }
            };
            let named = text.len();
            text += &body.to_string();
            objects.push((kind, named, text.len()));
        }
        let mut from = 0;
        for (kind, named, end) in objects {
            let (name, body) = (&text[from..named], texts.one(text[named..end].into()));
            from = end;
            let position = ledger.next_position;
            ledger.next_position += 1;
            let item = |name: &str| Item { name: name.into(), body, revision: 0, position };
            let Some(kind) = kind else {
                ledger.defaults = Some(item(""));
                continue;
            };
            if let Ok(key) = key(kind, name) {
                let item = item(if kind.is_named_by_dns() { &key } else { name });
                lists.entry(kind).or_default().push((shared_key(key, &item), Shelved { item, id: None }));
            }
        }
        drop(text);
        // Of two with one key the first counts, and of a list the last.
        ledger.shelves = lists.into_iter().map(|(kind, list)| (kind, list.into_iter().rev().collect())).collect();
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
        self.shelved(kind, &key(kind, name).ok()?).map(|shelved| &shelved.item)
    }

    fn shelved(&self, kind: Kind, key: &str) -> Option<&Shelved> {
        self.shelves.get(&kind)?.get(key)
    }

    /// By key, from the one behind `after` on.
    pub fn items<'a>(&'a self, kind: Kind, after: Option<&str>) -> impl Iterator<Item = (&'a str, &'a Item)> {
        use std::ops::Bound;
        let after = after.map(|after| key(kind, after).unwrap_or_else(|_| after.to_lowercase()));
        let shelf = self.shelves.get(&kind);
        let behind = move |shelf: &'a BTreeMap<Arc<str>, Shelved>| {
            let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            shelf.range::<str, _>((from, Bound::Unbounded))
        };
        shelf.into_iter().flat_map(behind).map(|(key, shelved)| (&**key, &shelved.item))
    }

    /// As documents list them.
    pub fn in_order(&self, kind: Kind) -> Vec<&Item> {
        let mut items: Vec<&Item> = self.shelves.get(&kind).into_iter().flat_map(BTreeMap::values).map(|shelved| &shelved.item).collect();
        items.sort_by_key(|item| item.position);
        items
    }

    pub fn count(&self, kind: Kind) -> usize {
        self.shelves.get(&kind).map_or(0, BTreeMap::len)
    }

    /// The object's number in the fleet.
    pub fn id(&self, kind: Kind, name: &str) -> Option<u32> {
        self.shelved(kind, &key(kind, name).ok()?)?.id
    }

    /// Objects that refer to this one, by kind and key. Zones are used by the hostnames in them.
    pub fn users(&self, kind: Kind, name: &str) -> Vec<(Kind, String)> {
        let Some(id) = self.id(kind, name).map(|id| id as usize) else { return Vec::new() };
        let fleet = &self.fleet;
        let live = |of: Kind| {
            let shelf = self.shelves.get(&of).into_iter().flatten();
            shelf.filter_map(|(key, shelved)| Some((key, shelved.id? as usize)))
        };
        let mut users: Vec<(Kind, String)> = Vec::new();
        match kind {
            Kind::Check => users.extend(
                live(Kind::Panel).filter(|(_, panel)| fleet.panels[*panel].checks.iter().any(|check| check.index() == id)).map(panel_of),
            ),
            Kind::Region => {
                let in_it = |at: &usize| fleet.panels[*at].region.is_some_and(|region| region.index() == id);
                users.extend(live(Kind::Panel).filter(|(_, panel)| in_it(panel)).map(panel_of));
                let follows = |at: &usize| fleet.regions[*at].then.iter().any(|region| region.index() == id);
                users.extend(live(Kind::Region).filter(|(_, at)| follows(at)).map(|(key, _)| (Kind::Region, key.to_string())));
            }
            Kind::Panel => {
                let has = |at: &usize| fleet.sets[*at].members.iter().any(|member| member.panel.index() == id);
                users.extend(live(Kind::Set).filter(|(_, set)| has(set)).map(|(key, _)| (Kind::Set, key.to_string())));
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
        // All at once where there was nothing before, so that the map is made without gaps.
        let mut anew: BTreeMap<Kind, Vec<(Arc<str>, Shelved)>> = BTreeMap::new();
        for (target, item) in draft.items {
            let item = item.map(|item| Item { revision, ..item });
            if let Some(item) = &item {
                self.next_position = self.next_position.max(item.position + 1);
            }
            match (target, item) {
                (Target::Defaults, item) => self.defaults = item,
                (Target::Object(kind, key), Some(item)) => {
                    let shelf = self.shelves.entry(kind).or_default();
                    let is_first = shelf.is_empty();
                    match shelf.get_mut(&*key) {
                        Some(shelved) => shelved.item = item,
                        None if is_first => {
                            anew.entry(kind).or_default().push((shared_key(key, &item), Shelved { item, id: None }));
                        }
                        None => drop(shelf.insert(shared_key(key, &item), Shelved { item, id: None })),
                    }
                }
                (Target::Object(kind, key), None) => {
                    self.shelves.entry(kind).or_default().remove(&*key);
                }
            }
        }
        for (kind, list) in anew {
            self.shelves.entry(kind).or_default().append(&mut list.into_iter().collect());
        }
        match draft.renamed {
            Renamed::All { troubles } => {
                self.take(draft.fleet);
                self.troubles = troubles;
            }
            Renamed::Some { ids, numbers } => {
                for (kind, key, id) in ids {
                    // What goes has no place any more.
                    if let Some(shelved) = self.shelves.entry(kind).or_default().get_mut(&*key) {
                        shelved.id = id;
                    }
                }
                self.numbers.extend(numbers);
                self.fleet = draft.fleet;
            }
        }
    }

    /// The draft is of the document that this was read from, and is stored now.
    pub fn take_stored(&mut self, draft: Draft, revision: u64) {
        self.apply(draft, revision);
        // Nothing is left but what is stored.
        self.defaults = self.defaults.take().filter(|item| item.revision == revision);
        self.shelves.values_mut().for_each(|shelf| shelf.retain(|_, shelved| shelved.item.revision == revision));
    }

    /// Where a zone's records are; the same fleet otherwise.
    pub fn place_zone(&mut self, zone: &str, source: Source) {
        let Some(id) = self.id(Kind::Zone, zone) else { return };
        Arc::make_mut(&mut self.fleet).zones[id as usize].source = source;
    }

    /// Keys in the order of the fleet's list.
    fn number(&mut self, kind: Kind, keys: impl Iterator<Item = String>) {
        let shelf = self.shelves.entry(kind).or_default();
        for (key, id) in keys.zip(0..) {
            shelf.get_mut(&*key).into_iter().for_each(|shelved| shelved.id = Some(id));
        }
    }

    /// A fleet made as a whole.
    fn take(&mut self, fleet: Arc<Fleet>) {
        self.shelves.values_mut().flat_map(BTreeMap::values_mut).for_each(|shelved| shelved.id = None);
        self.number(Kind::Check, fleet.checks.iter().map(|check| check.name.to_lowercase()));
        self.number(Kind::Region, fleet.regions.iter().map(|region| region.name.to_lowercase()));
        self.number(Kind::Panel, fleet.panels.iter().map(|panel| panel.name.to_lowercase()));
        self.number(Kind::Set, fleet.sets.iter().map(|set| set.name.to_lowercase()));
        self.number(Kind::Zone, fleet.zones.iter().map(|zone| shown(&zone.name)));
        self.number(Kind::Hostname, fleet.hostnames.iter().map(|hostname| shown(&hostname.name)));
        self.numbers.clear();
        for hostname in fleet.hostnames.iter() {
            let numbers = self.numbers.entry(hostname.zone.0).or_default();
            numbers.next = numbers.next.max(hostname.number + 1);
        }
        self.fleet = fleet;
    }
}

/// The name itself, where it is its own key.
fn shared_key(key: String, item: &Item) -> Arc<str> {
    if *key == *item.name { Arc::clone(&item.name) } else { key.into() }
}

fn panel_of((key, _): (&Arc<str>, usize)) -> (Kind, String) {
    (Kind::Panel, key.to_string())
}

/// A name as the API shows it: small letters, no last dot.
pub fn shown(name: &Name) -> String {
    if let Some(text) = plain(name) {
        return text;
    }
    let text = name.to_string().to_lowercase();
    if text == "." { text } else { text.strip_suffix('.').unwrap_or(&text).to_owned() }
}

/// The same, where nothing in it has to be escaped.
fn plain(name: &Name) -> Option<String> {
    let mut text = String::with_capacity(name.wire().len());
    for label in name.labels() {
        if !text.is_empty() {
            text.push('.');
        }
        for byte in label {
            let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*');
            text.push(is_plain.then(|| char::from(byte.to_ascii_lowercase()))?);
        }
    }
    (!text.is_empty()).then_some(text)
}
