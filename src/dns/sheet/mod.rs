//! A zone's records as an operator edits them: sets by name and type.
//!
//! Owns   the sets of a zone in their order, what data a set may have, and the text a zone is written in.
//! Takes  a zone's text, and data as it stands behind the type.
//! Gives  sets to look through, problems with file and line or with the index of the record, and text that reads back to the same records.
//! Never  judges sets by each other (a CNAME beside others, a missing SOA): that is found when the zone is compiled.

mod place;
mod read;
mod set;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Bound;

use self::place::Place;
use crate::dns::master::Loader;
use crate::dns::name::Name;
use crate::dns::rdata;
use crate::dns::rtype::Type;
use crate::document::Problem;

pub use set::{MAX_SET, RecordSet, Wrong};

/// Behind the serial of an SOA stand four numbers of four bytes.
const SERIAL_FROM_END: usize = 20;

/// All sets of a zone.
#[derive(Clone, Debug)]
pub struct Sheet {
    apex: Name,
    sets: BTreeMap<Place, RecordSet>,
}

impl Sheet {
    /// Every problem of the text, with lines; no sheet when there are errors. Comments, `$GENERATE` and the like are gone from it,
    /// included files are part of it, and of a record that stands twice there is one.
    pub fn read(apex: &Name, shown: &str, text: &[u8], loader: &mut dyn Loader) -> (Option<Self>, Vec<Problem>) {
        read::read(apex, shown, text, loader)
    }

    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The apex first, where SOA and NS come first; then names in canonical order (RFC 4034 §6.1), the types of each ascending.
    pub fn sets(&self) -> impl Iterator<Item = &RecordSet> {
        self.sets.values()
    }

    /// As `sets`, from behind the given one on, which need not be there itself.
    pub fn after(&self, after: Option<(&Name, Type)>) -> impl Iterator<Item = &RecordSet> {
        let from = after.map_or(Bound::Unbounded, |(name, rtype)| Bound::Excluded(self.place(name, rtype)));
        self.sets.range((from, Bound::Unbounded)).map(|(_, set)| set)
    }

    /// All sets of a name.
    pub fn at(&self, name: &Name) -> impl Iterator<Item = &RecordSet> {
        let [before, behind] = Place::ends(name.wire());
        self.sets.range(before..behind).map(|(_, set)| set)
    }

    pub fn find(&self, name: &Name, rtype: Type) -> Option<&RecordSet> {
        self.sets.get(&self.place(name, rtype))
    }

    /// A set from data as text, each as it stands behind the type in a master file with `$ORIGIN` = `apex`: a name without a final dot is
    /// continued by the apex. The error names all that is wrong.
    pub fn parse_set(apex: &Name, name: &Name, rtype: Type, ttl: u32, data: &[String]) -> Result<RecordSet, Vec<Wrong>> {
        set::parse(apex, name, rtype, ttl, data)
    }

    /// Gives what was there before. The set is one `parse_set` gave for this zone; one without records takes away what is there.
    pub fn put(&mut self, set: RecordSet) -> Option<RecordSet> {
        let place = self.place(&set.name, set.rtype);
        if set.data.is_empty() { self.sets.remove(&place) } else { self.sets.insert(place, set) }
    }

    pub fn remove(&mut self, name: &Name, rtype: Type) -> Option<RecordSet> {
        self.sets.remove(&self.place(name, rtype))
    }

    /// Of the SOA at the apex.
    pub fn serial(&self) -> Option<u32> {
        let data = self.find(&self.apex, Type::SOA)?.data.first()?;
        let at = data.len().checked_sub(SERIAL_FROM_END)?;
        data[at..].first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// False when there is no SOA.
    pub fn set_serial(&mut self, serial: u32) -> bool {
        let place = self.place(&self.apex, Type::SOA);
        let data = self.sets.get_mut(&place).and_then(|set| set.data.first_mut());
        data.is_some_and(|data| write_serial(data, serial))
    }

    /// The same records but for the serial. What DNS takes for the same counts as the same: the order within a set, the case of names.
    pub fn is_same_but_serial(&self, other: &Self) -> bool {
        let blank = |set: &RecordSet| -> fn(&mut [u8]) { if set.rtype == Type::SOA { |data| _ = write_serial(data, 0) } else { |_| () } };
        self.sets.len() == other.sets.len() && self.sets().zip(other.sets()).all(|(one, two)| one.is_same(two, blank(one)))
    }

    /// A master file: one record a line, each with its owner and TTL, so that a search finds whole records; names in the data are absolute,
    /// as in `RecordSet::shown`. A line depends on nothing but its own record, so that a change of one record is a change of one line.
    /// What is read from it writes the same text again.
    pub fn text(&self) -> String {
        let mut text = format!("$ORIGIN {}\n", self.apex);
        for set in self.sets() {
            let (owner, rtype) = (self.relative(&set.name), set.rtype.to_string());
            for (ttl, data) in set.records() {
                let _ = writeln!(text, "{owner:<23} {ttl:<7} {rtype:<7} {}", rdata::show(set.rtype, data));
            }
        }
        text
    }

    fn place(&self, name: &Name, rtype: Type) -> Place {
        Place::of(name.wire(), rtype, &self.apex)
    }

    /// As it is written below `$ORIGIN`.
    fn relative(&self, name: &Name) -> String {
        if *name == self.apex {
            return "@".into();
        }
        let below = name.is_at_or_below(&self.apex).then(|| name.wire().len() - self.apex.wire().len());
        let labels = below.and_then(|len| Name::from_wire(&[&name.wire()[..len], &[0]].concat()).ok());
        match labels {
            Some(labels) => {
                let mut shown = labels.to_string();
                shown.pop();
                shown
            }
            None => name.to_string(),
        }
    }
}

fn write_serial(soa: &mut [u8], serial: u32) -> bool {
    let bytes = soa.len().checked_sub(SERIAL_FROM_END).and_then(|at| soa[at..].first_chunk_mut());
    bytes.map(|bytes| *bytes = serial.to_be_bytes()).is_some()
}

#[cfg(test)]
mod tests;
