//! A zone and questions made from bytes, answered by `meridian` and by the oracle.

use crate::oracle::{self, Data, Name, Oracle, Record, Said};
use crate::wire;
use meridian::answer::{Ask, Over, Verdict, handle};
use meridian::clock::Now;
use meridian::compile;
use meridian::dns::master::Loader;
use meridian::snapshot::{Services, Serving, Snapshot, Zones};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

/// Few, so that names meet.
const LABELS: [&str; 6] = ["a", "b", "c", "*", "ns", "dd"];
const TYPES: [u16; 9] = [oracle::A, oracle::NS, oracle::CNAME, oracle::MX, oracle::TXT, oracle::AAAA, oracle::DNAME, oracle::DS, oracle::A];

struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("no files".into())
    }
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> Option<usize> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(usize::from(first))
    }

    /// Up to four labels below the apex; seldom outside the zone.
    fn name(&mut self, inside: bool) -> Option<Name> {
        let kind = self.next()?;
        if !inside && kind >= 250 {
            return Some(vec![b"a".to_vec(), b"other".to_vec()]);
        }
        let mut name = Name::new();
        for _ in 0..kind % 5 {
            name.push(LABELS[self.next()? % LABELS.len()].into());
        }
        name.extend(apex());
        Some(name)
    }
}

fn apex() -> Name {
    vec![b"x".to_vec(), b"test".to_vec()]
}

/// Gives how many questions were compared.
pub(crate) fn compare(bytes: &[u8]) -> usize {
    let mut bytes = Bytes(bytes);
    let mut records = vec![
        Record { owner: apex(), rtype: oracle::SOA, ttl: 100, data: Data::Minimum(60) },
        Record { owner: apex(), rtype: oracle::NS, ttl: 300, data: Data::Name(vec![b"ns".to_vec(), b"x".to_vec(), b"test".to_vec()]) },
    ];
    let count = bytes.next().unwrap_or(0) % 24;
    for _ in 0..count {
        let Some(record) = record(&mut bytes) else { break };
        if is_welcome(&records, &record) {
            records.push(record);
        }
    }
    let oracle = Oracle { apex: apex(), records };
    let text = text(&oracle.records);
    let zone_name = meridian::dns::name::Name::parse("x.test").unwrap();
    let compiled = compile::zone::zone(&zone_name, "zone", text.clone().into_bytes(), &mut NoFiles, &[]);
    let zone = compiled.zone.unwrap_or_else(|| panic!("{text}\n{:?}", compiled.problems));
    let zones = Zones::new(vec![Serving::Zone(Arc::new(zone), Services::default())]);
    let snapshot = Snapshot { generation: 1, zones, ..Snapshot::default() };
    let mut compared = 0;
    while let (Some(name), Some(rtype)) = (bytes.name(true), bytes.next()) {
        let qtype = TYPES[rtype % TYPES.len()];
        let ours = said(&snapshot, &name, qtype);
        let theirs = oracle.ask(&name, qtype);
        assert_eq!(ours, theirs, "\nasked {} {qtype} of\n{text}", show(&name));
        compared += 1;
        if compared > 40 {
            break;
        }
    }
    compared
}

fn record(bytes: &mut Bytes<'_>) -> Option<Record> {
    let owner = bytes.name(true)?;
    let rtype = TYPES[bytes.next()? % TYPES.len()];
    let data = match rtype {
        oracle::NS | oracle::CNAME | oracle::DNAME | oracle::MX => Data::Name(bytes.name(false)?),
        _ => Data::Byte(bytes.next()? as u8),
    };
    Some(Record { owner, rtype, ttl: 300, data })
}

/// Keeps the rules a zone must keep, so that every zone made is a sound one.
fn is_welcome(records: &[Record], new: &Record) -> bool {
    let beside: Vec<&Record> = records.iter().filter(|record| record.owner == new.owner).collect();
    let alone = |rtype| new.rtype == rtype && beside.iter().any(|record| record.rtype == rtype);
    let alias = beside.iter().any(|record| record.rtype == oracle::CNAME) || (new.rtype == oracle::CNAME && !beside.is_empty());
    let above =
        |upper: &Record, lower: &Record| upper.rtype == oracle::DNAME && lower.owner != upper.owner && lower.owner.ends_with(&upper.owner);
    let renamed = records.iter().any(|record| above(record, new) || above(new, record));
    let odd = new.rtype == oracle::DNAME && beside.iter().any(|record| record.rtype == oracle::NS)
        || new.rtype == oracle::NS && (beside.iter().any(|record| record.rtype == oracle::DNAME) || new.owner[0] == b"*")
        || new.rtype == oracle::DNAME && new.owner.iter().any(|label| label == b"*");
    !(alone(oracle::CNAME) || alone(oracle::DNAME) || alias || renamed || odd || records.contains(new))
}

fn text(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        let owner = show(&record.owner);
        let data = match (&record.data, record.rtype) {
            (Data::Minimum(minimum), _) => format!("SOA ns hostmaster 1 2 3 4 {minimum}"),
            (Data::Name(name), oracle::MX) => format!("MX 10 {}", show(name)),
            (Data::Name(name), rtype) => format!("TYPE{rtype} \\# {} {}", wire_name(name).len(), wire::hex(&wire_name(name))),
            (Data::Byte(byte), oracle::A) => format!("A 192.0.2.{byte}"),
            (Data::Byte(byte), oracle::AAAA) => format!("AAAA 2001:db8::{byte:x}"),
            (Data::Byte(byte), oracle::TXT) => format!("TXT \"{byte}\""),
            (Data::Byte(byte), _) => format!("DS {byte} 13 2 {}", "00".repeat(32)),
        };
        let _ = writeln!(text, "{owner} {} IN {data}", record.ttl);
    }
    text
}

fn show(name: &Name) -> String {
    name.iter().map(|label| format!("{}.", String::from_utf8_lossy(label))).collect()
}

fn wire_name(name: &Name) -> Vec<u8> {
    wire::name(&show(name))
}

fn said(snapshot: &Snapshot, name: &Name, qtype: u16) -> Said {
    let question = wire::Question { tcp: true, ..wire::Question::of(wire_name(name), qtype) }.encode();
    let ask = Ask { bytes: &question, peer: "192.0.2.1:53".parse().unwrap(), over: Over::Tcp, seed: 0, path: None };
    let mut out = vec![0; 65_535];
    let Verdict::Reply(reply) = handle(Now::default(), snapshot, &ask, &mut out) else { panic!("no answer") };
    let answer = wire::decode(&out[..reply.len]).unwrap();
    assert!(!answer.has(wire::TC));
    Said {
        rcode: answer.rcode(),
        aa: answer.has(wire::AA),
        answer: once_each(&answer.answer),
        authority: once_each(&answer.authority),
        additional: once_each(&answer.additional),
    }
}

fn once_each(records: &[wire::Rr]) -> BTreeSet<Record> {
    let set: BTreeSet<Record> = records.iter().map(back).collect();
    assert_eq!(set.len(), records.len(), "a record stands twice in one section: {records:?}");
    set
}

fn back(rr: &wire::Rr) -> Record {
    let name = |wire: &[u8]| wire::labels(wire).into_iter().map(<[u8]>::to_vec).collect::<Name>();
    let data = match rr.rtype {
        oracle::SOA => Data::Minimum(u32::from_be_bytes(*rr.rdata.last_chunk().unwrap())),
        oracle::NS | oracle::CNAME | oracle::DNAME => Data::Name(name(&rr.rdata)),
        oracle::MX => Data::Name(name(&rr.rdata[2..])),
        oracle::TXT => Data::Byte(std::str::from_utf8(&rr.rdata[1..]).unwrap().parse().unwrap()),
        oracle::DS => Data::Byte(rr.rdata[1]),
        _ => Data::Byte(*rr.rdata.last().unwrap()),
    };
    Record { owner: name(&rr.name), rtype: rr.rtype, ttl: rr.ttl, data }
}
