//! fleet.toml as it is written: every key by itself, typed and in range, no reference followed.

mod check;
mod country;
mod key;
mod place;
mod policy;
mod serving;
pub mod shape;

pub use check::{Check, Kind};
pub use country::country_code;
pub use key::Key;
pub use place::{Panel, Region, read_place};
pub use policy::Policy;
pub use serving::{Hostname, Member, Set, Transfer, Update, Zone};

use crate::document::{At, Reader, Table, TableReader, shown};

/// One `[[kind]]` that has a name.
#[derive(Clone, Debug)]
pub struct Object<T> {
    pub line: u32,
    pub name: At<String>,
    /// False when something in it was wrong: the problem is noted, and the rest only serves to find more.
    pub sound: bool,
    pub keys: T,
}

#[derive(Clone)]
pub struct Document {
    pub defaults: Policy,
    pub checks: Vec<Object<Check>>,
    pub regions: Vec<Object<Region>>,
    pub panels: Vec<Object<Panel>>,
    pub sets: Vec<Object<Set>>,
    pub zones: Vec<Object<Zone>>,
    pub keys: Vec<Object<Key>>,
    pub hostnames: Vec<Object<Hostname>>,
}

pub fn read(reader: &Reader, table: &Table) -> Document {
    let mut root = reader.root(table);
    let document = Document {
        defaults: root.table("defaults").map_or_else(Policy::default, |mut table| {
            let policy = policy::read(&mut table);
            table.finish();
            policy
        }),
        checks: objects(&mut root, "check", check::read),
        regions: objects(&mut root, "region", place::read_region),
        panels: objects(&mut root, "panel", place::read_panel),
        sets: objects(&mut root, "set", serving::read_set),
        zones: objects(&mut root, "zone", serving::read_zone),
        keys: objects(&mut root, "key", key::read),
        hostnames: objects(&mut root, "hostname", serving::read_hostname),
    };
    root.finish();
    document
}

fn objects<T>(root: &mut TableReader<'_>, kind: &'static str, read: fn(&mut TableReader<'_>) -> T) -> Vec<Object<T>> {
    let mut objects = Vec::new();
    for mut table in root.tables(kind) {
        let before = table.reader().errors();
        table.needs("name", format!("give the {kind} a name: name = \"...\""));
        let name = table.text("name");
        if let Some(name) = &name {
            table.rename(&format!("{kind} {}", shown(name)));
        }
        let keys = read(&mut table);
        let line = table.line();
        let reader = table.reader();
        table.finish();
        if let Some(name) = name {
            objects.push(Object { line, name, sound: reader.errors() == before, keys });
        }
    }
    objects
}
