//! Which objects of a kind there are, and following references to them.

use super::doc::Object;
use crate::document::{At, Reader, did_you_mean, shown};
use std::cell::Cell;
use std::collections::HashMap;

/// Paths, commands and DNS labels carry object names.
pub(super) const MAX_OBJECT_NAME: usize = 63;
/// Looking for near names costs a pass over all of them; after so many the operator has seen enough.
const MAX_GUESSES: u32 = 100;

/// What there is to know of names besides the document.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// The names of a kind that exist besides those in the document, for hints.
    pub names: &'a dyn Fn(&str) -> Vec<String>,
    /// Whether this name of a kind is kept from whoever wrote the line; from anybody, where the line is 0.
    pub hides: &'a dyn Fn(&str, &str, u32) -> bool,
}

impl Known<'static> {
    pub(super) const NOTHING: Self = Self { names: &|_| Vec::new(), hides: &|_, _, _| false };
}

/// The names of one kind. A name without an id is of an object that has problems of its own.
pub(super) struct Names<'a> {
    kind: &'static str,
    /// By name without case, because some of them end up in DNS names.
    entries: HashMap<String, Entry<'a>>,
    guesses: Cell<u32>,
    known: Known<'a>,
}

struct Entry<'a> {
    name: &'a str,
    line: u32,
    id: Option<u32>,
}

impl<'a> Names<'a> {
    /// Gives each sound object the next id. The flags tell which objects got one.
    pub(super) fn new<T>(reader: &Reader, known: Known<'a>, kind: &'static str, objects: &'a [Object<T>]) -> (Self, Vec<bool>) {
        let mut names = Self { kind, entries: HashMap::with_capacity(objects.len()), guesses: Cell::new(0), known };
        let mut next = 0;
        let mut kept = Vec::with_capacity(objects.len());
        for object in objects {
            let sane = names.is_sane(reader, object);
            let unique = names.is_unique(reader, object);
            let keep = object.sound && sane && unique;
            if unique {
                let id = keep.then_some(next);
                names.entries.insert(object.name.to_lowercase(), Entry { name: &object.name.it, line: object.line, id });
            }
            next += u32::from(keep);
            kept.push(keep);
        }
        (names, kept)
    }

    /// Takes the id back that an object got before its own references were followed.
    pub(super) fn lose(&mut self, name: &str) {
        if let Some(entry) = self.entries.get_mut(&name.to_lowercase()) {
            entry.id = None;
        }
    }

    pub(super) fn set(&mut self, name: &str, id: u32) {
        if let Some(entry) = self.entries.get_mut(&name.to_lowercase()) {
            entry.id = Some(id);
        }
    }

    /// None where the reference leads nowhere, which is noted, or to an object that has problems of its own, which is not noted again.
    pub(super) fn follow(&self, reader: &Reader, path: &str, name: &At<String>) -> Option<u32> {
        let is_hidden = |entry: &&Entry<'_>, line: u32| (self.known.hides)(self.kind, entry.name, line);
        match self.entries.get(&name.to_lowercase()).filter(|entry| !is_hidden(entry, name.line)) {
            Some(entry) if entry.name == name.it => return entry.id,
            Some(entry) => self.unknown(reader, path, name, format!("did you mean `{}`?", shown(entry.name))),
            None if self.guesses.get() < MAX_GUESSES => {
                self.guesses.set(self.guesses.get() + 1);
                let known = (self.known.names)(self.kind);
                let told = self.entries.values().filter(|entry| !is_hidden(entry, 0)).map(|entry| entry.name);
                let guess = did_you_mean(name, told.chain(known.iter().map(String::as_str)));
                let hint = if guess.is_empty() { format!("add a [[{}]] of this name, or name another", self.kind) } else { guess };
                self.unknown(reader, path, name, hint);
            }
            None => self.unknown(reader, path, name, String::new()),
        }
        None
    }

    fn unknown(&self, reader: &Reader, path: &str, name: &At<String>, hint: String) {
        reader.error(name.line, path, format!("unknown {} `{}`", self.kind, shown(name)), hint);
    }

    fn is_sane<T>(&self, reader: &Reader, object: &Object<T>) -> bool {
        let name = &object.name;
        let ends = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let sane = (1..=MAX_OBJECT_NAME).contains(&name.len())
            && name.starts_with(ends)
            && name.ends_with(ends)
            && !name.contains("..")
            && name.chars().all(|c| ends(c) || c == '-' || c == '.');
        if !sane {
            let what = format!("`{}` cannot be the name of a {}", shown(name), self.kind);
            reader.error(
                name.line,
                "",
                what,
                format!("use 1 to {MAX_OBJECT_NAME} letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit"),
            );
        }
        sane
    }

    fn is_unique<T>(&self, reader: &Reader, object: &Object<T>) -> bool {
        let Some(first) = self.entries.get(&object.name.to_lowercase()) else { return true };
        let path = format!("{} {}", self.kind, shown(&object.name));
        let what = match first.name == object.name.it {
            true => format!("there is a {} of this name already, at line {}", self.kind, first.line),
            false => format!("differs only in case from the {} `{}` at line {}", self.kind, shown(first.name), first.line),
        };
        reader.error(object.name.line, &path, what, "give one of the two another name");
        false
    }
}
