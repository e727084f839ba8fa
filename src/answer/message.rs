//! The answer being written: sections, compressed names, and the size it may reach.

use super::shape::{Shape, shape};
use crate::dns::name::{MAX_LABELS, MAX_NAME};
use crate::dns::rtype::{Type, class};
use crate::dns::wire::{HEADER, Header};
use crate::snapshot::path::Path;
use crate::snapshot::zone::{Negative, RECORD_HEAD, Set};

/// Suffixes remembered for compression. An answer seldom has twenty; a longer list would cost more time than its bytes save.
const REMEMBERED: usize = 48;
/// Labels of one name that are remembered, from the right: hostile names have 127, real ones a handful.
const REMEMBERED_LABELS: usize = 12;
/// A compression pointer reaches no further (RFC 1035 §4.1.4).
const POINTER_REACH: usize = 0x3fff;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Answer,
    Authority,
    Additional,
}

/// It did not fit; the message is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A name that already stands in the message.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub at: usize,
    /// The same in wire form, for when `at` is beyond a pointer's reach.
    pub name: &'a [u8],
}

pub(super) struct Message<'o> {
    out: &'o mut [u8],
    pos: usize,
    limit: usize,
    /// Where the question ends: up to there names stand uncompressed.
    question_end: usize,
    counts: [u16; 3],
    names: Names,
}

/// How far a message was written.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pos: usize,
    names: usize,
    counts: [u16; 3],
}

impl Mark {
    pub(super) fn position(self) -> usize {
        self.pos
    }
}

struct Names {
    len: usize,
    /// No name with more labels is remembered, so none is looked for.
    deepest: usize,
    hashes: [u32; REMEMBERED],
    places: [u16; REMEMBERED],
}

impl<'o> Message<'o> {
    /// A response that repeats the header's id, opcode and RD, and the question if there is one.
    pub(super) fn new(out: &'o mut [u8], header: &Header, question: &[u8], limit: usize) -> Self {
        let limit = limit.min(out.len());
        out[..2].copy_from_slice(&header.id.to_be_bytes());
        out[2..4].copy_from_slice(&(Header::QR | header.flags & (0x7800 | Header::RD)).to_be_bytes());
        out[4..6].copy_from_slice(&u16::from(!question.is_empty()).to_be_bytes());
        out[6..HEADER].fill(0);
        out[HEADER..HEADER + question.len()].copy_from_slice(question);
        Self {
            pos: HEADER + question.len(),
            question_end: HEADER + question.len(),
            out,
            limit,
            counts: [0; 3],
            names: Names { len: 0, deepest: 0, hashes: [0; REMEMBERED], places: [0; REMEMBERED] },
        }
    }

    pub(super) fn set_flag(&mut self, flag: u16) {
        let flags = u16::from_be_bytes([self.out[2], self.out[3]]) | flag;
        self.out[2..4].copy_from_slice(&flags.to_be_bytes());
    }

    pub(super) fn clear_flag(&mut self, flag: u16) {
        let flags = u16::from_be_bytes([self.out[2], self.out[3]]) & !flag;
        self.out[2..4].copy_from_slice(&flags.to_be_bytes());
    }

    pub(super) fn set_rcode(&mut self, rcode: u16) {
        self.out[3] = self.out[3] & 0xf0 | (rcode & 15) as u8;
    }

    pub(super) fn has_answers(&self) -> bool {
        self.counts[0] > 0
    }

    /// Bytes written so far; what is written next starts here.
    pub(super) fn position(&self) -> usize {
        self.pos
    }

    /// Makes the names of the question known to compression. Done late, for most answers need no names.
    pub(super) fn remember_question(&mut self, path: &Path) {
        if self.names.len == 0 {
            for depth in 1..=path.count().min(REMEMBERED_LABELS) {
                self.names.add(path.hash(depth), depth, HEADER + path.start(depth));
            }
            if path.count() > REMEMBERED_LABELS {
                self.names.add(path.hash(path.count()), path.count(), HEADER);
            }
        }
    }

    /// The SOA record of a negative answer, the apex standing at `apex`: in the question, where it is whole.
    #[inline]
    pub(super) fn negative(&mut self, negative: &Negative, apex: usize, ttl: u32) -> Result<(), Full> {
        if apex >= self.question_end {
            return Err(Full);
        }
        self.pos = negative.write(&mut self.out[..self.limit], self.pos, apex, ttl).ok_or(Full)?;
        self.count(Section::Authority, 1);
        Ok(())
    }

    /// A whole RRset or nothing.
    #[inline]
    pub(super) fn set(&mut self, section: Section, owner: Owner<'_>, set: Set<'_>) -> Result<(), Full> {
        let shape = shape(set.rtype);
        if owner.at == HEADER && !shape.compress {
            let end = self.pos + set.body.len();
            if end > self.limit {
                return Err(Full);
            }
            self.out[self.pos..end].copy_from_slice(set.body);
            self.pos = end;
            self.count(section, set.count);
            return Ok(());
        }
        self.set_by_record(section, owner, set, shape, None)
    }

    /// The same with another TTL, as negative answers need it.
    pub(super) fn set_with_ttl(&mut self, section: Section, owner: Owner<'_>, set: Set<'_>, ttl: u32) -> Result<(), Full> {
        self.set_by_record(section, owner, set, shape(set.rtype), Some(ttl))
    }

    fn set_by_record(&mut self, section: Section, owner: Owner<'_>, set: Set<'_>, shape: Shape, ttl: Option<u32>) -> Result<(), Full> {
        let before = (self.pos, self.names.len);
        for record in set.records() {
            let ttl = ttl.unwrap_or_else(|| record_ttl(record));
            if self.record(owner, set.rtype, ttl, &record[RECORD_HEAD..], shape).is_err() {
                (self.pos, self.names.len) = before;
                return Err(Full);
            }
        }
        self.count(section, set.count);
        Ok(())
    }

    /// Of an RRSIG set the records that cover `covered`, all or none; `ttl` is that of the set they sign where it is shown with another one.
    pub(super) fn signatures(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        set: Set<'_>,
        covered: Type,
        ttl: Option<u32>,
    ) -> Result<(), Full> {
        let before = (self.pos, self.names.len);
        let mut count = 0;
        for record in set.records().filter(|record| record[RECORD_HEAD..].starts_with(&covered.0.to_be_bytes())) {
            let ttl = ttl.unwrap_or_else(|| record_ttl(record));
            if self.record(owner, set.rtype, ttl, &record[RECORD_HEAD..], shape(set.rtype)).is_err() {
                (self.pos, self.names.len) = before;
                return Err(Full);
            }
            count += 1;
        }
        self.count(section, count);
        Ok(())
    }

    fn record(&mut self, owner: Owner<'_>, rtype: Type, ttl: u32, data: &[u8], shape: Shape) -> Result<(), Full> {
        self.owner(owner)?;
        let mut head = [0; RECORD_HEAD - 2];
        head[..2].copy_from_slice(&rtype.0.to_be_bytes());
        head[2..4].copy_from_slice(&class::IN.to_be_bytes());
        head[4..8].copy_from_slice(&ttl.to_be_bytes());
        self.put(&head)?;
        let start = self.pos;
        if shape.compress {
            let (skipped, mut rest) = data.split_at(usize::from(shape.skip));
            self.put(skipped)?;
            for _ in 0..shape.names {
                let len = crate::dns::name::wire_len(rest).unwrap_or(rest.len());
                self.name(&rest[..len])?;
                rest = &rest[len..];
            }
            self.put(rest)?;
        } else {
            self.put(data)?;
        }
        let len = ((self.pos - start) as u16).to_be_bytes();
        self.out[start - 2..start].copy_from_slice(&len);
        Ok(())
    }

    /// One record that stands in no zone.
    pub(super) fn one(&mut self, section: Section, owner: Owner<'_>, rtype: Type, ttl: u32, data: &[u8]) -> Result<(), Full> {
        let before = (self.pos, self.names.len);
        if self.record(owner, rtype, ttl, data, shape(rtype)).is_err() {
            (self.pos, self.names.len) = before;
            return Err(Full);
        }
        self.count(section, 1);
        Ok(())
    }

    /// A CNAME made up from a DNAME: it stands in no zone, so it is given by its target.
    pub(super) fn cname(&mut self, owner: Owner<'_>, ttl: u32, target: &[u8]) -> Result<(), Full> {
        self.one(Section::Answer, owner, Type::CNAME, ttl, target)
    }

    /// For `rewind`, to take back what comes after.
    pub(super) fn mark(&self) -> Mark {
        Mark { pos: self.pos, names: self.names.len, counts: self.counts }
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        (self.pos, self.names.len, self.counts) = (mark.pos, mark.names, mark.counts);
    }

    /// Copies the uncompressed name at `at`, and gives its length.
    pub(super) fn plain_name(&self, at: usize, name: &mut [u8; MAX_NAME]) -> Option<usize> {
        let len = crate::dns::name::wire_len(&self.out[at..self.pos])?;
        name[..len].copy_from_slice(&self.out[at..at + len]);
        Some(len)
    }

    /// Where the data of the record at `at` starts.
    pub(super) fn data_at(&self, mut at: usize) -> usize {
        loop {
            match self.out[at] {
                0 => return at + 1 + RECORD_HEAD - 2,
                0xc0.. => return at + RECORD_HEAD,
                len => at += 1 + usize::from(len),
            }
        }
    }

    /// How long the data that starts at `start` is.
    pub(super) fn data_len(&self, start: usize) -> usize {
        usize::from(u16::from_be_bytes([self.out[start - 2], self.out[start - 1]]))
    }

    /// Where the name at `at` continues after its first `labels` labels.
    pub(super) fn suffix_at(&self, mut at: usize, labels: usize) -> usize {
        for _ in 0..labels {
            at = self.resolve(at);
            at += 1 + usize::from(self.out[at]);
        }
        self.resolve(at)
    }

    /// Bytes at the end that belong to no record, such as the OPT record's.
    pub(super) fn raw_additional(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.out[self.pos..self.pos + part.len()].copy_from_slice(part);
            self.pos += part.len();
        }
        self.count(Section::Additional, 1);
    }

    /// The place of a record of `len` bytes that is written beside the message, such as the OPT record.
    #[inline]
    pub(super) fn last_record(&mut self, len: usize) -> &mut [u8] {
        let at = self.pos;
        self.pos += len;
        self.count(Section::Additional, 1);
        &mut self.out[at..at + len]
    }

    /// The same for an answer that stands in no zone.
    pub(super) fn raw_answer(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        let before = self.pos;
        for part in parts {
            if self.put(part).is_err() {
                self.pos = before;
                return Err(Full);
            }
        }
        self.count(Section::Answer, 1);
        Ok(())
    }

    pub(super) fn left(&self) -> usize {
        self.limit - self.pos
    }

    /// Room that was held back for the OPT record is given free.
    pub(super) fn release(&mut self, bytes: usize) {
        self.limit = (self.limit + bytes).min(self.out.len());
    }

    pub(super) fn finish(&mut self) -> usize {
        for (n, count) in self.counts.iter().enumerate() {
            self.out[6 + n * 2..8 + n * 2].copy_from_slice(&count.to_be_bytes());
        }
        self.pos
    }

    /// Where in the message the name at `at` really starts: behind its pointer, if it is nothing but one.
    pub(super) fn resolve(&self, at: usize) -> usize {
        match self.out[at] {
            high @ 0xc0.. => usize::from(high & 0x3f) << 8 | usize::from(self.out[at + 1]),
            _ => at,
        }
    }

    fn count(&mut self, section: Section, records: u16) {
        self.counts[section as usize] += records;
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let end = self.pos + bytes.len();
        if end > self.limit {
            return Err(Full);
        }
        self.out[self.pos..end].copy_from_slice(bytes);
        self.pos = end;
        Ok(())
    }

    fn owner(&mut self, owner: Owner<'_>) -> Result<(), Full> {
        if owner.at <= POINTER_REACH {
            return self.put(&(0xc000 | owner.at as u16).to_be_bytes());
        }
        self.name(owner.name).map(|_| ())
    }

    /// Writes a name, its longest known suffix as a pointer, and remembers the rest. Gives where the name can be pointed at.
    fn name(&mut self, name: &[u8]) -> Result<usize, Full> {
        let start = self.pos;
        let mut path = Path::ROOT;
        if !path.fill(name) {
            return self.put(name).map(|()| start);
        }
        let count = path.count();
        for depth in (1..=count.min(self.names.deepest)).rev() {
            if let Some(place) = self.find(&path, depth) {
                let own = path.start(depth);
                self.put(&name[..own])?;
                self.put(&(0xc000 | place as u16).to_be_bytes())?;
                self.remember(&path, depth + 1, start);
                return Ok(if depth == count { place } else { start });
            }
        }
        self.put(name)?;
        self.remember(&path, 1, start);
        Ok(start)
    }

    /// Makes known a name that stands uncompressed at `at`, and gives the first place where it stands.
    pub(super) fn note(&mut self, path: &Path, at: usize) -> usize {
        if let Some(place) = self.find(path, path.count()) {
            return place;
        }
        self.remember(path, path.count(), at);
        at
    }

    fn remember(&mut self, path: &Path, from: usize, at: usize) {
        for depth in from..=path.count().min(from + REMEMBERED_LABELS) {
            let place = at + path.start(depth);
            if place <= POINTER_REACH {
                self.names.add(path.hash(depth), depth, place);
            }
        }
    }

    fn find(&self, path: &Path, depth: usize) -> Option<usize> {
        let hash = path.hash(depth);
        let names = &self.names;
        let hit = |n: &usize| names.hashes[*n] == hash && self.is_name_at(usize::from(names.places[*n]), path.suffix(depth));
        (0..names.len).find(hit).map(|n| usize::from(names.places[n]))
    }

    /// `name` in lower case. The message is our own, so its pointers lead backwards to labels.
    fn is_name_at(&self, mut at: usize, name: &[u8]) -> bool {
        let mut rest = name;
        for _ in 0..2 * MAX_LABELS {
            let Some(&len) = self.out.get(at) else { return false };
            if len >= 0xc0 {
                at = self.resolve(at);
                continue;
            }
            let size = 1 + usize::from(len);
            let (Some(ours), Some(label)) = (self.out.get(at..at + size), rest.get(..size)) else { return false };
            if !ours.eq_ignore_ascii_case(label) {
                return false;
            }
            if len == 0 {
                return true;
            }
            at += size;
            rest = &rest[size..];
        }
        false
    }
}

/// The TTL of a record that starts with a pointer.
fn record_ttl(record: &[u8]) -> u32 {
    u32::from_be_bytes([record[6], record[7], record[8], record[9]])
}

impl Names {
    fn add(&mut self, hash: u32, depth: usize, place: usize) {
        if self.len < REMEMBERED {
            self.deepest = self.deepest.max(depth);
            self.hashes[self.len] = hash;
            self.places[self.len] = place as u16;
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::name::Name;
    use crate::snapshot::zone::{Writer, Zone};

    fn wire(text: &str) -> Vec<u8> {
        Name::parse(text).unwrap().wire().to_vec()
    }

    fn path(text: &str) -> Path {
        Path::read(&wire(text)).unwrap()
    }

    /// A zone of nothing but one RRset.
    fn zone(rtype: Type, ttl: u32, data: &[Vec<u8>]) -> Zone {
        let mut writer = Writer::new(&path("x.test"), 1, 0);
        writer.node(&[], path("x.test").hash(2), 0, None);
        writer.set(rtype);
        data.iter().for_each(|data| writer.record(rtype, ttl, data));
        writer.finish()
    }

    fn mx(names: &[&str]) -> Zone {
        zone(Type::MX, 60, &names.iter().map(|name| [vec![0, 10], wire(name)].concat()).collect::<Vec<_>>())
    }

    /// What a test does with a message about `www.x.test`; gives what was written after the question.
    fn written(limit: usize, write: impl FnOnce(&mut Message<'_>)) -> (Vec<u8>, [u16; 3]) {
        let mut question = wire("www.x.test");
        question.extend([0, 1, 0, 1]);
        let mut out = vec![0xee; 65_535];
        let header = Header { id: 7, flags: 0xffff, counts: [1, 2, 3, 4] };
        let mut message = Message::new(&mut out, &header, &question, limit);
        write(&mut message);
        let counts = message.counts;
        let len = message.finish();
        assert_eq!(out[..6], [0, 7, 0xf9, 0, 0, 1], "id, QR with opcode and RD, one question");
        (out[HEADER + question.len()..len].to_vec(), counts)
    }

    fn top(zone: &Zone) -> Set<'_> {
        zone.apex_node().sets().next().unwrap()
    }

    const ASKED: Owner<'_> = Owner { at: HEADER, name: b"\x03www\x01x\x04test\0" };

    #[test]
    fn names_share_what_they_have_in_common() {
        let zone = mx(&["www.x.test", "Mail.x.test", "mail.X.test", "a.mail.x.test", "other.test", "."]);
        let (bytes, counts) = written(512, |message| {
            message.remember_question(&path("www.x.test"));
            message.set(Section::Answer, ASKED, top(&zone)).unwrap();
        });
        let at = |n: u8| 12 + 16 + n;
        let targets: [&[u8]; 6] = [&[0xc0, 12], b"\x04Mail\xc0\x10", &[0xc0, at(30)], &[1, b'a', 0xc0, at(30)], b"\x05other\xc0\x12", &[0]];
        let expected: Vec<u8> = targets
            .iter()
            .flat_map(|target| [&[0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 0, 2 + target.len() as u8, 0, 10][..], target].concat())
            .collect();
        assert_eq!((bytes, counts), (expected, [6, 0, 0]));
    }

    #[test]
    fn what_does_not_fit_leaves_no_trace() {
        let (small, large) = (mx(&["a.b.c"]), mx(&["d.b.c", "e.f.g", "hhhhhhhhhhhhhhhhhhhhhhhh.i.j"]));
        let both = |limit| {
            written(limit, |message| {
                message.set(Section::Answer, ASKED, top(&small)).unwrap();
                assert_eq!(message.set(Section::Authority, ASKED, top(&large)), Err(Full));
                // The names of the set that is gone are forgotten with it.
                message.set(Section::Additional, ASKED, top(&mx(&["e.f.g"]))).unwrap();
            })
        };
        let needed = 28 + (14 + 7) + (14 + 4) + (14 + 7) + (14 + 30);
        for limit in needed - 44..needed {
            let (bytes, counts) = both(limit);
            assert_eq!(counts, [1, 0, 1]);
            assert!(bytes.ends_with(b"\x01e\x01f\x01g\0"), "{bytes:?}");
        }
        let fits = written(needed, |message| {
            message.set(Section::Answer, ASKED, top(&small)).unwrap();
            message.set(Section::Authority, ASKED, top(&large)).unwrap();
        });
        assert_eq!((fits.0.len(), fits.1), (needed - 28, [1, 3, 0]));
    }

    #[test]
    fn nothing_points_beyond_a_pointers_reach() {
        let filler = zone(Type::TXT, 60, &[vec![b'x'; 0x3fff - 28 - 12 - 30]]);
        let names = mx(&["before.reach.net", "behind.reach.org", "again.reach.org", "www.reach.net"]);
        let (bytes, counts) = written(65_535, |message| {
            message.remember_question(&path("www.x.test"));
            message.set(Section::Answer, ASKED, top(&filler)).unwrap();
            message.set(Section::Answer, ASKED, top(&names)).unwrap();
            // An owner that stands out of reach is written out.
            let at = message.position() - 2;
            message.set(Section::Additional, Owner { at, name: &wire("far.away") }, top(&filler)).unwrap();
        });
        let has = |what: &[u8]| bytes.windows(what.len()).filter(|part| *part == what).count();
        assert_eq!(has(b"\x05reach\x03org\0"), 2, "it stands too far to be pointed at");
        assert_eq!(has(b"\x05reach\x03net\0"), 1);
        assert_eq!(has(b"\x03far\x04away\0\0\x10"), 1);
        assert_eq!(counts, [5, 0, 1]);
    }

    #[test]
    fn another_ttl_and_another_owner() {
        let soa = zone(Type::SOA, 3600, &[[wire("ns.x.test"), wire("h.x.test"), vec![9; 20]].concat()]);
        let (bytes, counts) = written(512, |message| {
            message.remember_question(&path("www.x.test"));
            let owner = Owner { at: message.suffix_at(HEADER, 1), name: b"\x01x\x04test\0" };
            message.set_with_ttl(Section::Authority, owner, top(&soa), 5).unwrap();
        });
        assert!(bytes.starts_with(b"\xc0\x10\0\x06\0\x01\0\0\0\x05\0\x1d\x02ns\xc0\x10\x01h\xc0\x10"), "{bytes:?}");
        assert_eq!(counts, [0, 1, 0]);
    }

    #[test]
    fn more_names_than_are_remembered() {
        let names: Vec<String> = (0..200).map(|n| format!("{}h{n}.x.test", "l.".repeat(n % 100))).collect();
        let zone = mx(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let (bytes, counts) = written(65_535, |message| message.set(Section::Answer, ASKED, top(&zone)).unwrap());
        assert_eq!(counts, [200, 0, 0]);
        // Each name reads back, by its own bytes and pointers that lead backwards.
        let mut message = vec![0; 28];
        message[12..28].copy_from_slice(b"\x03www\x01x\x04test\0\0\x01\0\x01".first_chunk::<16>().unwrap());
        message.extend(bytes);
        let mut at = 28;
        for name in names {
            let (mut place, mut read) = (at + 14, Vec::new());
            loop {
                match message[place] {
                    0 => break,
                    high @ 0xc0.. => {
                        let to = usize::from(high & 0x3f) << 8 | usize::from(message[place + 1]);
                        assert!(to < place);
                        place = to;
                    }
                    len => {
                        read.extend_from_slice(&message[place..=place + usize::from(len)]);
                        place += 1 + usize::from(len);
                    }
                }
            }
            read.push(0);
            assert_eq!(read, wire(&name));
            at += 12 + usize::from(u16::from_be_bytes([message[at + 10], message[at + 11]]));
        }
        assert_eq!(at, message.len());
    }
}
