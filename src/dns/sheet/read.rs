//! From a zone's text to its sets.

use std::collections::{BTreeMap, HashSet};

use super::Sheet;
use super::place::Place;
use super::set::{RecordSet, canonical};
use crate::dns::master::{self, Loader, MAX_PROBLEMS};
use crate::dns::name::{self, Name};
use crate::dns::rtype::Type;
use crate::document::Problem;

/// A record on its way into a set.
struct Row {
    place: Place,
    owner: Name,
    rtype: Type,
    ttl: u32,
    data: Vec<u8>,
    file: u32,
    line: u32,
}

pub(super) fn read(apex: &Name, shown: &str, text: &[u8], loader: &mut dyn Loader) -> (Option<Sheet>, Vec<Problem>) {
    let mut rows: Vec<Row> = Vec::new();
    let mut outside: Vec<(u32, u32, Name)> = Vec::new();
    let reading = master::read(shown, text, apex, loader, &mut |record| {
        let is_inside = name::is_at_or_below(record.owner, apex.wire());
        if !is_inside && outside.len() == MAX_PROBLEMS {
            return;
        }
        let Ok(owner) = Name::from_wire(record.owner) else { return };
        if is_inside {
            let place = Place::of(record.owner, record.rtype, apex);
            let (rtype, ttl, file, line) = (record.rtype, record.ttl, record.file, record.line);
            rows.push(Row { place, owner, rtype, ttl, data: record.rdata.into(), file, line });
        } else {
            outside.push((record.file, record.line, owner));
        }
    });
    let file = |number: u32| reading.files.get(number as usize).map_or("", String::as_str);
    let mut problems = reading.problems;
    problems.extend(outside.into_iter().map(|(number, line, owner)| {
        let hint = "end relative names without a dot, or put the record into its own zone's file";
        Problem::error(file(number), line, format!("{owner} is not in zone {apex}")).hint(hint)
    }));
    // Stable: records of one set stay in the order of the file.
    rows.sort_by(|a, b| a.place.cmp(&b.place));
    let (mut sets, mut doubts, mut same) = (Vec::new(), Vec::new(), Vec::new());
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.next() {
        same.push(first);
        while let Some(row) = rows.next_if(|row| row.place == same[0].place) {
            same.push(row);
        }
        if let Some((row, what)) = other_ttl(&same)
            && doubts.len() < MAX_PROBLEMS
        {
            let hint = "all records of one name and type share one TTL (RFC 2181 §5.2); the first one is used";
            doubts.push(Problem::warning(file(row.file), row.line, what).hint(hint));
        }
        sets.extend(gathered(&mut same));
    }
    problems.append(&mut doubts);
    // By file as they were read, then by line.
    problems.sort_by_cached_key(|problem| (reading.files.iter().position(|file| *file == problem.file), problem.line));
    let sound = !problems.iter().any(Problem::is_error);
    (sound.then(|| Sheet { apex: apex.clone(), sets: BTreeMap::from_iter(sets) }), problems)
}

fn other_ttl(rows: &[Row]) -> Option<(&Row, String)> {
    let first = rows.first().filter(|row| row.rtype != Type::RRSIG)?;
    let other = rows.iter().find(|row| row.ttl != first.ttl)?;
    Some((other, format!("{} {} has records of TTL {} and {}", first.owner, first.rtype, first.ttl, other.ttl)))
}

/// The set these records make; they are taken out.
fn gathered(rows: &mut Vec<Row>) -> Option<(Place, RecordSet)> {
    if rows.len() > 1 {
        let mut seen = HashSet::with_capacity(rows.len());
        rows.retain(|row| seen.insert(canonical(row.rtype, &row.data)));
    }
    let differ = rows.iter().any(|row| row.rtype == Type::RRSIG && row.ttl != rows[0].ttl);
    let signature_ttls = differ.then(|| rows.iter().map(|row| row.ttl).collect());
    let mut data = Vec::with_capacity(rows.len());
    let mut rows = rows.drain(..);
    let first = rows.next()?;
    data.push(first.data);
    data.extend(rows.map(|row| row.data));
    Some((first.place, RecordSet { name: first.owner, rtype: first.rtype, ttl: first.ttl, data, signature_ttls }))
}
