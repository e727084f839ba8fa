//! Documents put together from objects: whole fleets, and just what a change has to do with.

use super::{Edit, Flaw, Item, Ledger, Sight, Target, key};
use crate::document::{At, Pieces, Pointers, Problem, Reader, Table, Value as Node, from_json};
use crate::fleet::names::Known;
use crate::fleet::{Fleet, Kind, Origin, build, doc};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Objects of a document under way.
#[derive(Default)]
pub(super) struct Composed {
    defaults: Option<(Value, Option<usize>)>,
    lists: BTreeMap<Kind, Vec<Listed>>,
    /// Where an object stands in its list, by key.
    at: HashMap<(Kind, String), usize>,
}

struct Listed {
    name: String,
    body: Value,
    /// The edit it comes from.
    edit: Option<usize>,
}

/// The objects of a document in the form of fleet.toml, in its order.
pub(super) fn objects(json: &Value) -> impl Iterator<Item = (Target, Value)> {
    let defaults = json.get("defaults").map(|defaults| (Target::Defaults, defaults.clone()));
    let of = move |kind: Kind| {
        let list = json.get(kind.word()).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(move |json| object(kind, json.clone()))
    };
    defaults.into_iter().chain(Kind::ALL.into_iter().flat_map(of))
}

/// The same of a document that is let go on the way.
pub(super) fn into_objects(mut json: Value) -> impl Iterator<Item = (Target, Value)> {
    let defaults = json.get_mut("defaults").map(|defaults| (Target::Defaults, defaults.take()));
    let of = move |kind: Kind| {
        let list = json.get_mut(kind.word()).map(Value::take);
        let list = if let Some(Value::Array(list)) = list { list } else { Vec::new() };
        list.into_iter().filter_map(move |json| object(kind, json))
    };
    defaults.into_iter().chain(Kind::ALL.into_iter().flat_map(of))
}

fn object(kind: Kind, json: Value) -> Option<(Target, Value)> {
    let Value::Object(mut keys) = json else { return None };
    let Value::String(name) = keys.shift_remove("name")? else { return None };
    Some((Target::Object(kind, name), Value::Object(keys)))
}

impl Ledger {
    /// All that is written in it, in the form of fleet.toml.
    pub fn document(&self) -> Value {
        let mut document = Map::new();
        document.extend(self.defaults.iter().map(|item| ("defaults".to_owned(), item.json())));
        for kind in self.shelves.keys().copied().filter(|kind| self.count(*kind) > 0) {
            let objects = self.in_order(kind).into_iter().map(|item| named(&item.name, &item.json()));
            document.insert(kind.word().into(), Value::Array(objects.collect()));
        }
        Value::Object(document)
    }
}

/// For objects that were sound before: the fleet they make, and every problem as it is. A million objects are put into one document
/// only in the form that is read, and that is gone before the fleet is made.
pub(super) fn build_all(ledger: &Ledger) -> (Arc<Fleet>, Vec<Problem>) {
    let mut pieces = Pieces::default();
    let mut table = Table::default();
    if let Some(defaults) = &ledger.defaults {
        let node = pieces.node(&defaults.json());
        table.entries.push((At::new(node.line, "defaults".into()), node));
    }
    for kind in ledger.shelves.keys().copied().filter(|kind| ledger.count(*kind) > 0) {
        let line = pieces.line();
        let objects = ledger.in_order(kind).into_iter().map(|item| pieces.node(&named(&item.name, &item.json()))).collect();
        table.entries.push((At::new(line, kind.word().into()), At::new(line, Node::List(objects))));
    }
    let reader = Reader::new("");
    let document = doc::read(&reader, &table);
    drop(table);
    let fleet = build::build_with(&reader, &document, Origin::Store, Known::NOTHING);
    (Arc::new(fleet), reader.into_problems())
}

/// The object as documents have it.
fn named(name: &str, body: &Value) -> Value {
    match body {
        Value::Object(keys) => {
            let mut object = Map::with_capacity(keys.len() + 1);
            object.insert("name".into(), Value::String(name.to_owned()));
            object.extend(keys.iter().filter(|(key, _)| *key != "name").map(|(key, value)| (key.clone(), value.clone())));
            Value::Object(object)
        }
        other => other.clone(),
    }
}

impl Composed {
    pub(super) fn whole(ledger: &Ledger) -> Self {
        let mut composed = Self { defaults: ledger.defaults.as_ref().map(|item| (item.json(), None)), ..Self::default() };
        for kind in Kind::ALL {
            for item in ledger.in_order(kind) {
                composed.add(kind, &item.name, item.json(), None);
            }
        }
        composed
    }

    pub(super) fn has(&self, kind: Kind, key: &str) -> bool {
        self.at.contains_key(&(kind, key.to_owned()))
    }

    pub(super) fn set_defaults(&mut self, body: Value, edit: Option<usize>) {
        self.defaults = Some((body, edit));
    }

    /// Adds the object, or puts it in the place of the one with its key.
    pub(super) fn add(&mut self, kind: Kind, name: &str, body: Value, edit: Option<usize>) {
        let key = key(kind, name).unwrap_or_else(|_| name.to_lowercase());
        let list = self.lists.entry(kind).or_default();
        let listed = Listed { name: name.to_owned(), body, edit };
        match self.at.get(&(kind, key.clone())) {
            Some(at) => list[*at] = listed,
            None => {
                self.at.insert((kind, key), list.len());
                list.push(listed);
            }
        }
    }

    /// All at once: places in the lists are made anew.
    fn remove(&mut self, gone: &HashSet<(Kind, String)>) {
        let key_of = |kind: Kind, listed: &Listed| (kind, key(kind, &listed.name).unwrap_or_else(|_| listed.name.to_lowercase()));
        for (kind, list) in &mut self.lists {
            if gone.iter().any(|(of, _)| of == kind) {
                list.retain(|listed| !gone.contains(&key_of(*kind, listed)));
                self.at.retain(|(of, _), _| of != kind);
                self.at.extend(list.iter().zip(0..).map(|(listed, at)| (key_of(*kind, listed), at)));
            }
        }
    }

    /// Applies the edits to what is there; each takes the place of the object it is about.
    pub(super) fn edit(&mut self, edits: &[Edit]) {
        let mut gone = HashSet::new();
        for (number, edit) in edits.iter().enumerate() {
            match (&edit.target, &edit.body) {
                (Target::Defaults, body) => self.set_defaults(body.clone().unwrap_or_else(|| json!({})), Some(number)),
                (Target::Object(kind, name), Some(body)) => self.add(*kind, name, body.clone(), Some(number)),
                (Target::Object(kind, name), None) => gone.extend(key(*kind, name).map(|key| (*kind, key))),
            }
        }
        if !gone.is_empty() {
            self.remove(&gone);
        }
    }

    /// What it makes; or what is wrong with the edits, and with other objects for their sake.
    pub(super) fn build(self, ledger: &Ledger, sight: Sight<'_>) -> Result<Built, Vec<Flaw>> {
        let known = |word: &str| -> Vec<String> {
            let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word);
            kind.into_iter()
                .flat_map(|kind| ledger.in_order(kind).into_iter().map(move |item| (kind, item)))
                .filter(|(kind, item)| sight(*kind, &item.name))
                .map(|(_, item)| item.name.to_string())
                .collect()
        };
        let (fleet, problems, pointers) = self.read(&known, sight);
        let (old, new): (Vec<Problem>, Vec<Problem>) = problems
            .into_iter()
            .partition(|problem| ledger.troubles.contains(&trouble(problem)) && !self.is_of_edit(&pointers, problem.line));
        let flaws: Vec<Flaw> = new.into_iter().map(|problem| self.flaw(problem, &pointers, sight)).collect();
        if flaws.iter().any(|flaw| flaw.problem.is_error()) {
            return Err(flaws.into_iter().filter(|flaw| flaw.problem.is_error()).collect());
        }
        // What is said of objects that are as they were was said when they came.
        let warnings = flaws.into_iter().filter(|flaw| flaw.edit.is_some()).collect();
        Ok(Built { fleet, warnings, troubles: old.iter().map(trouble).collect() })
    }

    fn is_of_edit(&self, pointers: &Pointers, line: u32) -> bool {
        let pointer = pointers.of(line);
        match self.listed(&pointer).0 {
            Some((_, listed)) => listed.edit.is_some(),
            None => pointer.starts_with("/defaults") && self.defaults.as_ref().is_some_and(|(_, edit)| edit.is_some()),
        }
    }

    fn is_edited(&self, kind: Kind, name: &str) -> bool {
        let at = key(kind, name).ok().and_then(|key| self.at.get(&(kind, key)));
        at.and_then(|at| self.lists.get(&kind)?.get(*at)).is_some_and(|listed| listed.edit.is_some())
    }

    fn read(&self, known: &dyn Fn(&str) -> Vec<String>, sight: Sight<'_>) -> (Fleet, Vec<Problem>, Pointers) {
        let mut document = Map::new();
        if let Some((defaults, _)) = &self.defaults {
            document.insert("defaults".into(), defaults.clone());
        }
        for (kind, list) in &self.lists {
            let objects = list.iter().map(|listed| named(&listed.name, &listed.body));
            document.insert(kind.word().into(), Value::Array(objects.collect()));
        }
        let (node, pointers) = from_json(&Value::Object(document));
        let reader = Reader::new("");
        // An edit refers to what its sender may see, and to what came with it.
        let hides = |word: &str, name: &str, line: u32| {
            let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word);
            kind.is_some_and(|kind| !sight(kind, name) && !self.is_edited(kind, name) && (line == 0 || self.is_of_edit(&pointers, line)))
        };
        let known = Known { names: known, hides: &hides };
        let read = if let Node::Table(table) = &node.it { Some(doc::read(&reader, table)) } else { None };
        drop(node);
        let fleet = read.map_or_else(Fleet::default, |read| build::build_with(&reader, &read, Origin::Store, known));
        (fleet, reader.into_problems(), pointers)
    }

    /// The problem as whoever sent the edit knows it.
    fn flaw(&self, mut problem: Problem, pointers: &Pointers, sight: Sight<'_>) -> Flaw {
        let pointer = pointers.of(problem.line);
        let (listed, rest) = self.listed(&pointer);
        let (edit, pointer) = match listed {
            // The name is no part of the edit's body.
            Some((_, listed)) => (listed.edit, listed.edit.filter(|_| rest != "/name").map_or_else(String::new, |_| rest.to_owned())),
            None => match pointer.strip_prefix("/defaults") {
                Some(rest) => (self.defaults.as_ref().and_then(|(_, edit)| *edit), rest.to_owned()),
                None => (None, pointer.clone()),
            },
        };
        match listed {
            Some((kind, listed)) if listed.edit.is_none() && !sight(kind, &listed.name) => {
                problem.path = format!("{} of others", kind.word());
                problem.what = "does not fit with this change".into();
                problem.hint = "ask whoever looks after it, or change something else".into();
            }
            _ => {
                problem.what = self.named(&problem.what, pointers, sight);
                problem.hint = self.named(&problem.hint, pointers, sight);
            }
        }
        problem.line = 0;
        Flaw { edit, pointer, problem }
    }

    /// The object that a pointer leads into, and what of the pointer is inside it.
    fn listed<'a>(&'a self, pointer: &'a str) -> (Option<(Kind, &'a Listed)>, &'a str) {
        let mut parts = pointer.splitn(4, '/').skip(1);
        let kind = parts.next().and_then(|word| Kind::ALL.into_iter().find(|kind| kind.word() == word));
        let at = parts.next().and_then(|at| at.parse::<usize>().ok());
        let Some((kind, at)) = kind.zip(at) else { return (None, pointer) };
        let rest = pointer.match_indices('/').nth(2).map_or("", |(at, _)| &pointer[at..]);
        (self.lists.get(&kind).and_then(|list| list.get(at)).map(|listed| (kind, listed)), rest)
    }

    /// Files say `at line 17`; here it is an object with a name, or somebody else's.
    fn named(&self, text: &str, pointers: &Pointers, sight: Sight<'_>) -> String {
        lines_as(text, |said, line| {
            let pointer = pointers.of(line);
            let Some((kind, listed)) = self.listed(&pointer).0 else { return };
            // Some texts have the name before the line already.
            let name = format!(" `{}`", listed.name);
            if said.ends_with(&name) {
                said.truncate(said.len() - name.len());
            }
            let is_told = listed.edit.is_some() || sight(kind, &listed.name);
            said.push_str(if is_told { &name } else { " of others" });
        })
    }
}

/// The fleet that was made of a document.
pub(super) struct Built {
    pub fleet: Fleet,
    /// Of the edits.
    pub warnings: Vec<Flaw>,
    /// What is wrong with other objects, as it was before.
    pub troubles: HashSet<String>,
}

/// What is wrong, wherever it stands.
pub(super) fn trouble(problem: &Problem) -> String {
    format!("{}: {}", problem.path, lines_as(&problem.what, |_, _| {}))
}

/// Other words for each ` at line 17`, added to what was said before.
pub(super) fn lines_as(text: &str, say: impl Fn(&mut String, u32)) -> String {
    let mut parts = text.split(" at line ");
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        say(&mut said, part[..digits].parse().unwrap_or(0));
        said += &part[digits..];
    }
    said
}

impl Item {
    /// What is stored was read once, so it reads.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| json!({}))
    }
}
