//! A change worked out, and not made yet.

use super::compare::position;
use super::compose::{self, Built, Composed};
use super::part;
use super::{Edit, Flaw, Item, Ledger, Numbers, Sight, Target, Texts, key, shown};
use crate::document::{Problem, Reader, Value as Node, from_json, shown as cut};
use crate::fleet::names::Known;
use crate::fleet::{Fleet, Hostname, Kind, MAX_REGIONS, Origin, Source, ZoneId, build, doc};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// More edits than this at once make the whole fleet anew.
const MAX_PARTS: usize = 64;
/// Positions are this far apart, so that others fit between them.
pub(super) const GAP: u64 = 1024;

/// Records that came with zones, by the zone's key.
type ZoneTexts = Vec<(String, Arc<str>)>;

#[derive(Clone, Debug)]
pub struct Draft {
    /// What is stored: each object by its key, None where it goes. Empty: nothing changes.
    pub items: Vec<(Target, Option<Item>)>,
    pub fleet: Arc<Fleet>,
    pub extent: Extent,
    pub warnings: Vec<Flaw>,
    pub texts: ZoneTexts,
    pub(super) renamed: Renamed,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Extent {
    /// These hostnames, and the policies of others if `is_policy`.
    Part {
        hostnames: Vec<Rehosted>,
        is_policy: bool,
    },
    Whole,
}

/// A hostname that comes, goes, or is another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehosted {
    pub zone: ZoneId,
    pub before: Option<Hostname>,
    pub after: Option<Hostname>,
}

/// Which ids are others than before.
#[derive(Clone, Debug)]
pub(super) enum Renamed {
    All { troubles: HashSet<String> },
    Some { ids: Vec<(Kind, String, Option<u32>)>, numbers: Vec<(u32, Numbers)> },
}

/// Why there is no draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoDraft {
    Flaws(Vec<Flaw>),
    /// The object of this edit is still referred to.
    InUse {
        edit: usize,
        users: Vec<(Kind, String)>,
    },
}

impl Draft {
    /// What the ledger has as well is kept once: as it is there.
    pub fn sharing(self, ledger: &Ledger) -> Self {
        let fleet = Arc::unwrap_or_clone(self.fleet).sharing(&ledger.fleet);
        let old = |target: &Target| match target {
            Target::Defaults => ledger.defaults(),
            Target::Object(kind, key) => ledger.shelved(*kind, key).map(|shelved| &shelved.item),
        };
        let shared = |target: &Target, item: Item| match old(target) {
            Some(old) if old.name == item.name && (old.body == item.body || old.json() == item.json()) => {
                Item { name: Arc::clone(&old.name), body: Arc::clone(&old.body), ..item }
            }
            _ => item,
        };
        let items = self.items.into_iter().map(|(target, item)| {
            let item = item.map(|item| shared(&target, item));
            (target, item)
        });
        Self { items: items.collect(), fleet: Arc::new(fleet), ..self }
    }
}

impl From<Vec<Flaw>> for NoDraft {
    fn from(flaws: Vec<Flaw>) -> Self {
        Self::Flaws(flaws)
    }
}

impl Ledger {
    /// What the edits come to. Each is about another object.
    pub fn draft(&self, edits: &[Edit], sight: Sight<'_>) -> Result<Draft, NoDraft> {
        let mut seen = HashSet::new();
        let twice = |(n, edit): (usize, &Edit)| (!seen.insert(edit.target.by_key())).then(|| again(n, edit));
        let mut flaws: Vec<Flaw> = edits.iter().enumerate().filter_map(twice).collect();
        flaws.extend(edits.iter().enumerate().filter_map(|(n, edit)| self.misnamed(n, edit, sight)));
        if !flaws.is_empty() {
            return Err(flaws.into());
        }
        if edits.iter().all(|edit| self.is_as(edit)) {
            return Ok(self.nothing());
        }
        if let [Edit { target: Target::Object(kind, name), body: None }] = edits {
            let users = self.users(*kind, name);
            // Hostnames never fall to the zone above unasked, even where there is one.
            if !users.is_empty() {
                return Err(NoDraft::InUse { edit: 0, users });
            }
        }
        // Objects that were left out come back with what they were waiting for: that is no small change.
        match self.troubles.is_empty() && edits.len() <= MAX_PARTS && edits.iter().all(|edit| self.is_part(edit, edits.len())) {
            true => part::draft(self, edits, sight),
            false => self.whole(edits, sight),
        }
    }

    /// The whole fleet as this document has it, in the form of fleet.toml.
    pub fn replace(&self, json: &Value) -> Result<Draft, NoDraft> {
        let (node, pointers) = from_json(json);
        let reader = Reader::new("");
        let Node::Table(table) = &node.it else {
            let problem = Problem::error("", 0, "a fleet is a JSON object").hint("write it as `meridian export --json` does");
            return Err(vec![Flaw { edit: None, pointer: String::new(), problem }].into());
        };
        let read = doc::read(&reader, table);
        // A document of a million objects is gone before the fleet is made.
        drop(node);
        let fleet = build::build_with(&reader, &read, Origin::Store, Known::NOTHING);
        drop(read);
        let flaw = |mut problem: Problem| {
            let pointer = pointers.of(problem.line);
            for text in [&mut problem.what, &mut problem.hint] {
                *text = compose::lines_as(text, |said, line| *said += &format!(" at `{}`", pointers.of(line)));
            }
            problem.line = 0;
            Flaw { edit: None, pointer, problem }
        };
        let (errors, warnings): (Vec<_>, Vec<_>) = reader.into_problems().into_iter().map(flaw).partition(|flaw| flaw.problem.is_error());
        if !errors.is_empty() {
            return Err(errors.into());
        }
        let (items, texts) = self.items_in(json);
        Ok(Draft {
            items,
            fleet: self.placed(fleet),
            extent: Extent::Whole,
            warnings,
            texts,
            renamed: Renamed::All { troubles: HashSet::new() },
        })
    }

    /// What is to be stored so that there is what this document has, and nothing else.
    fn items_in(&self, json: &Value) -> (Vec<(Target, Option<Item>)>, ZoneTexts) {
        let mut items = Vec::new();
        let mut texts = Vec::new();
        let mut stays: HashSet<Target> = HashSet::new();
        let mut last: HashMap<Kind, u64> = HashMap::new();
        let mut bodies = Texts::default();
        for (target, mut body) in compose::objects(json) {
            let Target::Object(kind, name) = &target else {
                let old = self.defaults.as_ref();
                if old.map(Item::json).unwrap_or_default() != body {
                    items.push((Target::Defaults, Some(Item::of("", &body, 0))));
                }
                stays.insert(Target::Defaults);
                continue;
            };
            let found = key(*kind, name).unwrap_or_else(|_| name.to_lowercase());
            let text = take_text(*kind, &mut body);
            texts.extend(text.map(|text| (found.clone(), text)));
            let old = self.shelved(*kind, &found).map(|shelved| &shelved.item);
            let last = last.entry(*kind).or_default();
            let position = position(old, *last);
            *last = position;
            let shown = if kind.is_named_by_dns() { &found } else { name };
            if old.is_none_or(|old| old.position != position || *old.name != **shown || old.json() != body) {
                let item = Item::of(shown, &body, position);
                items.push((Target::Object(*kind, found.clone()), Some(Item { body: bodies.one(item.body), ..item })));
            }
            // Where there is nothing yet nothing goes.
            if !self.shelves.is_empty() {
                stays.insert(Target::Object(*kind, found));
            }
        }
        let old = self.shelves.iter().flat_map(|(kind, shelf)| shelf.keys().map(|key| Target::Object(*kind, key.to_string())));
        let old = old.chain(self.defaults.as_ref().map(|_| Target::Defaults));
        items.extend(old.filter(|target| !stays.contains(target)).map(|target| (target, None)));
        (items, texts)
    }

    /// The hostnames of this zone numbered anew, without gaps, in the draft.
    pub fn renumber(&self, draft: &mut Draft, zone: ZoneId) {
        let fleet = Arc::make_mut(&mut draft.fleet);
        let mut next = 0;
        let renumbered = fleet.hostnames.iter().map(|hostname| match hostname.zone == zone {
            true => {
                next += 1;
                Hostname { number: next - 1, ..hostname.clone() }
            }
            false => hostname.clone(),
        });
        fleet.hostnames = renumbered.collect();
        if let Renamed::Some { numbers, .. } = &mut draft.renamed {
            numbers.retain(|(other, _)| *other != zone.0);
            numbers.push((zone.0, Numbers { next, free: Vec::new() }));
        }
    }

    fn nothing(&self) -> Draft {
        Draft {
            items: Vec::new(),
            fleet: Arc::clone(&self.fleet),
            extent: Extent::Part { hostnames: Vec::new(), is_policy: false },
            warnings: Vec::new(),
            texts: Vec::new(),
            renamed: Renamed::Some { ids: Vec::new(), numbers: Vec::new() },
        }
    }

    pub(super) fn whole(&self, edits: &[Edit], sight: Sight<'_>) -> Result<Draft, NoDraft> {
        let mut composed = Composed::whole(self);
        composed.edit(edits);
        let Built { fleet, warnings, troubles } = composed.build(self, sight)?;
        let fleet = self.placed(fleet);
        let (items, texts) = self.items_of(edits);
        Ok(Draft { items, fleet, extent: Extent::Whole, warnings, texts, renamed: Renamed::All { troubles } })
    }

    /// What of the edits is stored: objects as they are written, texts apart.
    pub(super) fn items_of(&self, edits: &[Edit]) -> (Vec<(Target, Option<Item>)>, ZoneTexts) {
        let mut items = Vec::new();
        let mut texts = Vec::new();
        let mut next = self.next_position;
        for edit in edits.iter().filter(|edit| !self.is_as(edit)) {
            let Target::Object(kind, name) = &edit.target else {
                items.push((Target::Defaults, edit.body.as_ref().map(|body| Item::of("", body, 0))));
                continue;
            };
            let found = key(*kind, name).unwrap_or_else(|_| name.to_lowercase());
            let item = edit.body.clone().map(|mut body| {
                texts.extend(take_text(*kind, &mut body).map(|text| (found.clone(), text)));
                let position = self.item(*kind, name).map_or_else(
                    || {
                        next = (next / GAP + 1) * GAP;
                        next
                    },
                    |old| old.position,
                );
                Item::of(if kind.is_named_by_dns() { &found } else { name }, &body, position)
            });
            items.push((Target::Object(*kind, found), item));
        }
        (items, texts)
    }

    /// Zones keep the records they have.
    fn placed(&self, mut fleet: Fleet) -> Arc<Fleet> {
        for zone in &mut fleet.zones {
            if let Some(old) = self.id(Kind::Zone, &shown(&zone.name)) {
                zone.source = self.fleet.zones[old as usize].source.clone();
            } else {
                zone.source = Source::Stored { revision: 0, serial: None };
            }
        }
        Arc::new(fleet)
    }

    /// The object is what the edit wants already.
    pub(super) fn is_as(&self, edit: &Edit) -> bool {
        let old = match &edit.target {
            Target::Defaults => self.defaults.as_ref(),
            Target::Object(kind, name) => self.item(*kind, name),
        };
        match (&edit.body, old) {
            (Some(body), Some(old)) => old.json() == *body,
            (None, None) => true,
            (Some(Value::Object(keys)), None) => edit.target == Target::Defaults && keys.is_empty(),
            _ => false,
        }
    }

    fn is_part(&self, edit: &Edit, count: usize) -> bool {
        let Target::Object(kind, name) = &edit.target else { return true };
        let is_known = self.item(*kind, name).is_some();
        match (kind, &edit.body) {
            (Kind::Key, _) | (Kind::Region, None) => false,
            (Kind::Zone, body) => is_known && body.is_some(),
            (Kind::Region, Some(_)) => is_known || self.fleet.regions.len() + count <= MAX_REGIONS,
            (Kind::Set, Some(body)) => self.owners_of_new_names(name, body).nth(MAX_PARTS).is_none(),
            (Kind::Hostname, _) | (_, Some(_)) => true,
            // Of several at once others may refer to what goes.
            (_, None) => count == 1,
        }
    }

    /// Names that cannot be, or that are another object's but for the case of letters.
    pub(super) fn misnamed(&self, n: usize, edit: &Edit, sight: Sight<'_>) -> Option<Flaw> {
        let Target::Object(kind, name) = &edit.target else { return self.unfit(n, edit) };
        let word = kind.word();
        let flaw = |what: String, hint: &str| {
            let problem = Problem::error("", 0, what).at(format!("{word} {}", cut(name))).hint(hint);
            Some(Flaw { edit: Some(n), pointer: String::new(), problem })
        };
        if let Err(error) = key(*kind, name) {
            return flaw(error, "write it as \"live.panels.example\"");
        }
        match self.item(*kind, name) {
            Some(old) if !kind.is_named_by_dns() && *old.name != **name => match sight(*kind, &old.name) {
                true => flaw(format!("differs only in case from the {word} `{}`", old.name), "name that one, or choose another name"),
                false => flaw(format!("differs only in case from a {word} of others"), "choose another name"),
            },
            _ => self.unfit(n, edit),
        }
    }

    /// Bodies that are no objects, or name themselves.
    fn unfit(&self, n: usize, edit: &Edit) -> Option<Flaw> {
        let flaw = |pointer: &str, what: &str, hint: &str| {
            let problem = Problem::error("", 0, what).hint(hint);
            Some(Flaw { edit: Some(n), pointer: pointer.into(), problem })
        };
        match edit.body.as_ref()? {
            Value::Object(keys) if keys.contains_key("name") => flaw("/name", "unknown key", "leave it out: the path names the object"),
            Value::Object(_) => None,
            _ => flaw("", "an object belongs here", "write {\"key\": value, ...}"),
        }
    }
}

impl Item {
    pub fn of(name: &str, body: &Value, position: u64) -> Self {
        Self { name: name.into(), body: body.to_string().into(), revision: 0, position }
    }
}

impl Target {
    /// The same for all that mean one object.
    pub(super) fn by_key(&self) -> Self {
        match self {
            Self::Defaults => Self::Defaults,
            Self::Object(kind, name) => Self::Object(*kind, key(*kind, name).unwrap_or_else(|_| name.to_lowercase())),
        }
    }
}

/// Two edits of one object: nobody could tell which counts.
fn again(n: usize, edit: &Edit) -> Flaw {
    let path = match &edit.target {
        Target::Defaults => "defaults".into(),
        Target::Object(kind, name) => format!("{} {}", kind.word(), cut(name)),
    };
    let problem = Problem::error("", 0, "an edit before this one is about it as well").at(path).hint("make one edit of the two");
    Flaw { edit: Some(n), pointer: String::new(), problem }
}

/// The records that a zone's object came with.
pub(super) fn take_text(kind: Kind, body: &mut Value) -> Option<Arc<str>> {
    let keys: &mut Map<String, Value> = body.as_object_mut().filter(|_| kind == Kind::Zone)?;
    match keys.shift_remove("text") {
        Some(Value::String(text)) => Some(text.into()),
        _ => None,
    }
}
