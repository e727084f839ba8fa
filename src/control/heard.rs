//! An answer's bytes, read back.

use crate::dns::name::{MAX_LABELS, MAX_NAME, Name};
use crate::dns::rdata::{self, Shape};
use crate::dns::rtype::Type;
use crate::dns::wire::{HEADER, Header, option, rcode};

#[derive(Debug)]
pub(super) struct Heard {
    /// The extended RCODE.
    pub(super) rcode: u16,
    pub(super) answer: Vec<Record>,
    pub(super) authority: Vec<Record>,
    /// Only where the question had a client's network that is believed.
    pub(super) scope: Option<u8>,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: Name,
    pub(super) rtype: Type,
    pub(super) ttl: u32,
    /// Names in it are whole.
    pub(super) data: Vec<u8>,
}

impl Heard {
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let header = Header::read(message)?;
        let mut at = HEADER;
        for _ in 0..header.counts[0] {
            at = name_at(message, at)?.1 + 4;
        }
        let mut heard = Self { rcode: header.flags & 15, answer: Vec::new(), authority: Vec::new(), scope: None };
        for _ in 0..header.counts[1] {
            heard.answer.push(record_at(message, &mut at)?);
        }
        for _ in 0..header.counts[2] {
            heard.authority.push(record_at(message, &mut at)?);
        }
        for _ in 0..header.counts[3] {
            let record = record_at(message, &mut at)?;
            if record.rtype == Type::OPT {
                heard.rcode |= (record.ttl >> 24 << 4) as u16;
                heard.scope = scope(&record.data);
            }
        }
        Some(heard)
    }

    /// There is more than aliases, or those are what was asked for.
    pub(super) fn has_end(&self, asked: Type) -> bool {
        self.answer.iter().any(|record| record.rtype == asked || !matches!(record.rtype, Type::CNAME | Type::DNAME))
    }

    /// The name that the answer is about in the end: aliases lead there.
    pub(super) fn end<'h>(&'h self, asked: &'h Name) -> Name {
        let last = self.answer.iter().rev().find(|record| record.rtype == Type::CNAME);
        last.and_then(Record::target).unwrap_or_else(|| asked.clone())
    }
}

impl Record {
    /// What an alias leads to.
    pub(super) fn target(&self) -> Option<Name> {
        Name::from_wire(&self.data).ok()
    }

    pub(super) fn shown(&self) -> String {
        rdata::show(self.rtype, &self.data)
    }
}

pub(super) fn status(code: u16) -> String {
    match code {
        rcode::NOERROR => "NOERROR".into(),
        rcode::FORMERR => "FORMERR".into(),
        rcode::SERVFAIL => "SERVFAIL".into(),
        rcode::NXDOMAIN => "NXDOMAIN".into(),
        rcode::NOTIMP => "NOTIMP".into(),
        rcode::REFUSED => "REFUSED".into(),
        rcode::YXDOMAIN => "YXDOMAIN".into(),
        rcode::NOTAUTH => "NOTAUTH".into(),
        other => format!("RCODE{other}"),
    }
}

fn record_at(message: &[u8], at: &mut usize) -> Option<Record> {
    let (name, end) = name_at(message, *at)?;
    let fixed = message.get(end..end + 10)?;
    let rtype = Type(u16::from_be_bytes([fixed[0], fixed[1]]));
    let ttl = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
    let (start, len) = (end + 10, usize::from(u16::from_be_bytes([fixed[8], fixed[9]])));
    *at = start + len;
    Some(Record { name, rtype, ttl, data: whole(message.get(..*at)?, start, rtype)? })
}

/// Data from `start` to the end, its names written out.
fn whole(message: &[u8], start: usize, rtype: Type) -> Option<Vec<u8>> {
    let Shape::Names { skip, count, .. } = rdata::names(rtype) else { return Some(message[start..].to_vec()) };
    let mut at = start + usize::from(skip);
    let mut data = message.get(start..at)?.to_vec();
    for _ in 0..count {
        let (name, end) = name_at(message, at)?;
        data.extend(name.wire());
        at = end;
    }
    data.extend(message.get(at..)?);
    Some(data)
}

/// The name at `at`, and where it ends there.
fn name_at(message: &[u8], start: usize) -> Option<(Name, usize)> {
    let (mut at, mut end, mut wire) = (start, None, Vec::new());
    // Each pointer is followed by a label or the root, so a name has no more of them than labels.
    for _ in 0..2 * MAX_LABELS {
        let len = *message.get(at)?;
        match len {
            0 => {
                wire.push(0);
                return Some((Name::from_wire(&wire).ok()?, end.unwrap_or(at + 1)));
            }
            1..=63 => {
                let next = at + 1 + usize::from(len);
                wire.extend(message.get(at..next)?);
                at = next;
            }
            _ => {
                end = end.or(Some(at + 2));
                at = usize::from(len & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
            }
        }
        if wire.len() > MAX_NAME {
            return None;
        }
    }
    None
}

fn scope(mut options: &[u8]) -> Option<u8> {
    while let [a, b, c, d, rest @ ..] = options {
        let (value, next) = rest.split_at_checked(usize::from(u16::from_be_bytes([*c, *d])))?;
        if u16::from_be_bytes([*a, *b]) == option::SUBNET {
            return value.get(3).copied();
        }
        options = next;
    }
    None
}
