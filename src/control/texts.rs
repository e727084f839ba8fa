//! Zones' texts: what differs between two, and record sets within one.

use super::{Fault, RecordData, RecordSet, Refusal};
use crate::dns::master::Loader;
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::dns::serial;
use crate::dns::sheet::{self, Sheet};
use crate::document::shown as cut;
use crate::fleet::ledger::shown;
use std::collections::HashSet;

/// Lines shown of a difference, of each kind.
const MAX_LINES: usize = 100;
/// Longer texts are compared by their bytes alone: to read both takes longer than anybody waits for.
const MAX_COMPARED: usize = 16 << 20;

/// Of longer texts lines are told and not records: a page of the audit trail has many of them.
const MAX_TOLD_APART: usize = 256 << 10;

/// The API reads no file of the server.
pub(super) struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("no file of the server is read here; write the records themselves".into())
    }
}

pub(super) fn read(zone: &Name, text: &[u8]) -> Result<Sheet, Vec<Fault>> {
    let (sheet, problems) = Sheet::read(zone, "", text, &mut NoFiles);
    sheet.ok_or_else(|| problems.iter().filter(|problem| problem.is_error()).map(Fault::of).collect())
}

/// The serial to be shown with a new text: the text's own if it is after the one shown, else the next one.
/// Where nothing but the way it is written has changed, the one that is shown stays.
pub(super) fn serial_after(zone: &Name, shown: Option<u32>, old: Option<&[u8]>, new: &[u8], written: Option<u32>) -> Option<u32> {
    let written = written?;
    // What was never shown before is shown as it is written.
    let Some(shown) = shown else { return Some(written) };
    if serial::is_after(written, shown) {
        return Some(written);
    }
    let same = old.is_some_and(|old| {
        old == new
            || old.len().max(new.len()) <= MAX_COMPARED
                && read(zone, old).ok().zip(read(zone, new).ok()).is_some_and(|(old, new)| old.is_same_but_serial(&new))
    });
    Some(if same { shown } else { serial::next(shown) })
}

/// Records that only one of two texts of `files/ZONE` has, the first of them; where the records are the same, the lines.
pub(super) fn between(object: &str, old: &[u8], new: &[u8]) -> (Vec<String>, Vec<String>) {
    let zone = object.strip_prefix("files/").and_then(|zone| Name::parse(zone).ok());
    let records = |text: &[u8]| -> Option<Vec<u8>> {
        let sheet = read(zone.as_ref().filter(|_| text.len() <= MAX_TOLD_APART)?, text).ok()?;
        let of =
            |set: RecordSet| set.data.iter().map(|data| format!("{} {} {} {data}\n", set.name, set.ttl, set.rtype)).collect::<String>();
        Some(sheet.after(None).map(|set| of(shown_set(set))).collect::<String>().into_bytes())
    };
    let told = match (old.is_empty(), records(old), records(new)) {
        (false, Some(old), Some(new)) => lines_between(&old, &new),
        _ => Default::default(),
    };
    if told.0.is_empty() && told.1.is_empty() { lines_between(old, new) } else { told }
}

/// Lines that only one of two texts has; the first of them.
fn lines_between(old: &[u8], new: &[u8]) -> (Vec<String>, Vec<String>) {
    let lines = |text: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(text)
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|line| !line.is_empty())
            .collect()
    };
    let (old, new) = (lines(old), lines(new));
    let only = |these: &[String], others: &[String]| -> Vec<String> {
        let others: HashSet<&String> = others.iter().collect();
        these.iter().filter(|line| !others.contains(line)).take(MAX_LINES).cloned().collect()
    };
    (only(&old, &new), only(&new, &old))
}

/// A record's owner as paths name it: `@` or absolute.
pub(super) fn owner(zone: &Name, name: &str) -> Result<Name, Refusal> {
    if name == "@" {
        return Ok(zone.clone());
    }
    let wrong = |what: String, hint: &str| Refusal::fault("", what, hint);
    let owner =
        Name::parse(name).map_err(|error| wrong(format!("`{}` is not a name: {error}", cut(name)), "write it as www.panels.example"))?;
    if owner.is_at_or_below(zone) {
        return Ok(owner);
    }
    let hint = format!("write the whole name, such as www.{}, or @ for the zone itself", shown(zone));
    Err(wrong(format!("{} is not in zone {}", shown(&owner), shown(zone)), &hint))
}

pub(super) fn rtype(text: &str) -> Result<Type, Refusal> {
    Type::from_mnemonic(text.as_bytes()).ok_or_else(|| {
        let meant = Type::meant_by(text.as_bytes()).map(|name| format!("did you mean `{name}`?"));
        let hint = meant.unwrap_or_else(|| "write A, AAAA, CNAME, MX, TXT, or a number as TYPE65280".into());
        Refusal::fault("", format!("`{}` is not a record type", cut(text)), hint)
    })
}

/// The set as it was sent, with everything that is wrong with it.
pub(super) fn set(zone: &Name, name: &Name, rtype: Type, data: &RecordData) -> Result<sheet::RecordSet, Refusal> {
    Sheet::parse_set(zone, name, rtype, data.ttl, &data.data).map_err(|wrong| {
        let fault = |wrong: sheet::Wrong| {
            let pointer = wrong.index.map_or_else(String::new, |index| format!("/data/{index}"));
            Fault { path: format!("{} {rtype}", shown(name)), ..Fault::new(pointer, wrong.what, wrong.hint) }
        };
        Refusal::Faults(wrong.into_iter().map(fault).collect())
    })
}

pub(super) fn shown_set(set: &sheet::RecordSet) -> RecordSet {
    RecordSet { name: shown(&set.name), rtype: set.rtype.to_string(), ttl: set.ttl, data: set.shown().collect() }
}
