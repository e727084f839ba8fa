//! One set: made from data as people write it, and compared with another.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::dns::master;
use crate::dns::name::Name;
use crate::dns::rdata::{self, MAX_TTL};
use crate::dns::rtype::Type;

/// More records than a message can count.
pub const MAX_SET: usize = 65_535;
/// After so many wrong records the rest would help no one.
const MAX_WRONG: usize = master::MAX_PROBLEMS;

/// All records of one name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    pub name: Name,
    pub rtype: Type,
    pub ttl: u32,
    /// Uncompressed wire form, in the order they were written.
    pub data: Vec<Vec<u8>>,
    /// Signatures have the TTL of what they sign, so those of one name may differ (RFC 4034 §3): then the TTL of each.
    pub signature_ttls: Option<Box<[u32]>>,
}

/// What is wrong with a set, or with one record of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The record, counted from 0; None when it is about the set.
    pub index: Option<usize>,
    pub what: String,
    /// What would be right; empty when `what` already says it.
    pub hint: String,
}

impl RecordSet {
    /// TTL and data of each record.
    pub fn records(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let ttls = self.signature_ttls.as_deref().unwrap_or_default();
        self.data.iter().enumerate().map(|(at, data)| (ttls.get(at).copied().unwrap_or(self.ttl), data.as_slice()))
    }

    /// The data of each record as text: absolute names, one line.
    pub fn shown(&self) -> impl Iterator<Item = String> {
        self.data.iter().map(|data| rdata::show(self.rtype, data))
    }

    /// Sets have no order, and names in them no case. `blank` takes out of the canonical data what shall not count.
    pub(super) fn is_same(&self, other: &Self, blank: fn(&mut [u8])) -> bool {
        if self.name != other.name || self.rtype != other.rtype || self.data.len() != other.data.len() {
            return false;
        }
        let sorted = |set: &Self| {
            let mut records: Vec<(u32, Vec<u8>)> = set.records().map(|(ttl, data)| (ttl, canonical(set.rtype, data))).collect();
            records.iter_mut().for_each(|(_, data)| blank(data));
            records.sort_unstable();
            records
        };
        (self.ttl == other.ttl && self.data == other.data && self.signature_ttls == other.signature_ttls) || sorted(self) == sorted(other)
    }
}

/// Twice the same is once (RFC 2181 §5), whatever the case of the names in it.
pub(super) fn canonical(rtype: Type, data: &[u8]) -> Vec<u8> {
    let mut canonical = data.to_vec();
    rdata::to_canonical(rtype, &mut canonical);
    canonical
}

/// See `Sheet::parse_set`.
pub(super) fn parse(apex: &Name, name: &Name, rtype: Type, ttl: u32, data: &[String]) -> Result<RecordSet, Vec<Wrong>> {
    let mut wrongs = about_the_set(apex, name, rtype, ttl, data.len());
    if rtype.is_meta() || data.len() > MAX_SET {
        return Err(wrongs);
    }
    let of_set = wrongs.len();
    let mut set = RecordSet { name: name.clone(), rtype, ttl, data: Vec::with_capacity(data.len()), signature_ttls: None };
    let mut seen = HashMap::with_capacity(data.len());
    for (index, text) in data.iter().enumerate() {
        let wrong = match master::read_data(rtype, text.as_bytes(), apex) {
            Ok(wire) => match seen.entry(canonical(rtype, &wire)) {
                Entry::Vacant(place) => {
                    place.insert(index);
                    set.data.push(wire);
                    continue;
                }
                Entry::Occupied(first) => {
                    (format!("is the same record as number {} of the list", first.get() + 1), "write each record once".into())
                }
            },
            Err(fault) => (fault.what, fault.hint),
        };
        if wrongs.len() - of_set == MAX_WRONG {
            wrongs.push(Wrong {
                index: None,
                what: format!("there are more than {MAX_WRONG} wrong records; the rest was not read"),
                hint: String::new(),
            });
            break;
        }
        wrongs.push(Wrong { index: Some(index), what: wrong.0, hint: wrong.1 });
    }
    if wrongs.is_empty() { Ok(set) } else { Err(wrongs) }
}

fn about_the_set(apex: &Name, name: &Name, rtype: Type, ttl: u32, count: usize) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    let mut wrong = |what: String, hint: &str| wrongs.push(Wrong { index: None, what, hint: hint.into() });
    if !name.is_at_or_below(apex) {
        wrong(format!("{name} is not in zone {apex}"), "records are kept in the zone their name lies in");
    }
    if rtype.is_meta() {
        wrong(
            format!("{rtype} is a type of queries and messages, not of records in a zone"),
            "name the type of the records, such as A or TXT",
        );
    }
    if ttl > MAX_TTL {
        wrong(format!("a TTL of {ttl} is too long"), "at most 2147483647 seconds (RFC 2181 §8)");
    }
    if rtype == Type::SOA && name != apex {
        wrong(format!("SOA at {name}, which is not the apex of zone {apex}"), "a zone has one SOA record, at its apex");
    }
    match count {
        0 => wrong("a set has at least one record".into(), "to have none, delete the set"),
        1 => {}
        _ if rtype == Type::SOA => wrong(format!("{count} SOA records"), "a zone has exactly one"),
        _ if matches!(rtype, Type::CNAME | Type::DNAME) => wrong(format!("{count} {rtype} records"), "a name has one at most"),
        _ if count > MAX_SET => wrong(format!("{count} records"), "no answer can carry more than 65,535"),
        _ => {}
    }
    wrongs
}
