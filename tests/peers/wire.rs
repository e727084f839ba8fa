//! The little of the wire that a judge needs: questions out, answers in, everything in comparable form.
//!
//! Written apart from `meridian::dns` on purpose: a judge that shares code with the judged shares its mistakes.

use std::fmt::{self, Write as _};

pub(crate) const A: u16 = 1;
pub(crate) const NS: u16 = 2;
pub(crate) const CNAME: u16 = 5;
pub(crate) const SOA: u16 = 6;
pub(crate) const MX: u16 = 15;
pub(crate) const TXT: u16 = 16;
pub(crate) const AAAA: u16 = 28;
pub(crate) const SRV: u16 = 33;
pub(crate) const DNAME: u16 = 39;
pub(crate) const OPT: u16 = 41;
pub(crate) const DS: u16 = 43;
pub(crate) const RRSIG: u16 = 46;
pub(crate) const NSEC: u16 = 47;
pub(crate) const NSEC3: u16 = 50;
pub(crate) const IXFR: u16 = 251;
pub(crate) const AXFR: u16 = 252;
pub(crate) const ANY: u16 = 255;
pub(crate) const PRIVATE: u16 = 65280;
pub(crate) const IN: u16 = 1;

pub(crate) const QR: u16 = 0x8000;
pub(crate) const AA: u16 = 0x0400;
pub(crate) const TC: u16 = 0x0200;
pub(crate) const RD: u16 = 0x0100;
pub(crate) const RA: u16 = 0x0080;
pub(crate) const Z: u16 = 0x0040;
pub(crate) const AD: u16 = 0x0020;
pub(crate) const CD: u16 = 0x0010;

/// A name as on the wire, uncompressed. Its derived order is good enough for sets.
pub(crate) type Name = Vec<u8>;

/// Reads a name in presentation form; tests write only what is valid.
pub(crate) fn name(text: &str) -> Name {
    let (mut wire, mut label, bytes) = (Vec::new(), Vec::new(), text.as_bytes());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'.' => {
                if !label.is_empty() {
                    wire.push(label.len() as u8);
                    wire.append(&mut label);
                }
            }
            b'\\' if bytes[at + 1].is_ascii_digit() => {
                label.push(text[at + 1..at + 4].parse().expect("a \\DDD escape"));
                at += 3;
            }
            b'\\' => {
                label.push(bytes[at + 1]);
                at += 1;
            }
            byte => label.push(byte),
        }
        at += 1;
    }
    if !label.is_empty() {
        wire.push(label.len() as u8);
        wire.append(&mut label);
    }
    wire.push(0);
    wire
}

pub(crate) fn labels(name: &[u8]) -> Vec<&[u8]> {
    let (mut found, mut at) = (Vec::new(), 0);
    while name[at] != 0 {
        let end = at + 1 + name[at] as usize;
        found.push(&name[at + 1..end]);
        at = end;
    }
    found
}

pub(crate) fn show(name: &[u8]) -> String {
    let mut text = String::new();
    for label in labels(name) {
        for &byte in label {
            match byte {
                b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => {
                    text.push('\\');
                    text.push(byte as char);
                }
                0x21..=0x7e => text.push(byte as char),
                _ => write!(text, "\\{byte:03}").expect("writing to a string"),
            }
        }
        text.push('.');
    }
    if text.is_empty() { ".".into() } else { text }
}

pub(crate) fn type_text(rtype: u16) -> String {
    let known = [
        (A, "A"),
        (NS, "NS"),
        (CNAME, "CNAME"),
        (SOA, "SOA"),
        (12, "PTR"),
        (MX, "MX"),
        (TXT, "TXT"),
        (AAAA, "AAAA"),
        (SRV, "SRV"),
        (35, "NAPTR"),
        (36, "KX"),
        (DNAME, "DNAME"),
        (DS, "DS"),
        (RRSIG, "RRSIG"),
        (NSEC, "NSEC"),
        (48, "DNSKEY"),
        (NSEC3, "NSEC3"),
        (51, "NSEC3PARAM"),
        (64, "SVCB"),
        (65, "HTTPS"),
        (IXFR, "IXFR"),
        (AXFR, "AXFR"),
        (ANY, "ANY"),
    ];
    match known.iter().find(|(code, _)| *code == rtype) {
        Some((_, text)) => (*text).into(),
        None => format!("TYPE{rtype}"),
    }
}

/// The EDNS part of a question.
#[derive(Clone, Debug)]
pub(crate) struct Edns {
    pub(crate) size: u16,
    pub(crate) version: u8,
    pub(crate) flags: u16,
    pub(crate) options: Vec<u8>,
}

impl Edns {
    pub(crate) fn of(size: u16) -> Edns {
        Edns { size, version: 0, flags: 0, options: Vec::new() }
    }

    pub(crate) fn with_do(mut self) -> Edns {
        self.flags |= 0x8000;
        self
    }

    pub(crate) fn option(mut self, code: u16, value: &[u8]) -> Edns {
        self.options.extend(code.to_be_bytes());
        self.options.extend((value.len() as u16).to_be_bytes());
        self.options.extend(value);
        self
    }

    pub(crate) fn record(&self) -> Vec<u8> {
        let mut out = vec![0];
        out.extend(OPT.to_be_bytes());
        out.extend(self.size.to_be_bytes());
        out.extend([0, self.version]);
        out.extend(self.flags.to_be_bytes());
        out.extend((self.options.len() as u16).to_be_bytes());
        out.extend(&self.options);
        out
    }
}

/// One question as it will be sent, less its identifier.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) name: Name,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) flags: u16,
    pub(crate) edns: Option<Edns>,
    pub(crate) tcp: bool,
}

impl Question {
    pub(crate) fn of(name: Name, rtype: u16) -> Question {
        Question { name, rtype, class: IN, flags: 0, edns: None, tcp: false }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = header(0, self.flags, [1, 0, 0, u16::from(self.edns.is_some())]);
        out.extend(&self.name);
        out.extend(self.rtype.to_be_bytes());
        out.extend(self.class.to_be_bytes());
        if let Some(edns) = &self.edns {
            out.extend(edns.record());
        }
        out
    }

    /// The most bytes an answer may have.
    pub(crate) fn room(&self) -> usize {
        match &self.edns {
            _ if self.tcp => 65_535,
            Some(edns) => edns.size.clamp(512, 1232).into(),
            None => 512,
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", show(&self.name), type_text(self.rtype))?;
        if self.class != IN {
            write!(f, " class {}", self.class)?;
        }
        write!(f, " over {}", if self.tcp { "TCP" } else { "UDP" })?;
        match &self.edns {
            None => Ok(()),
            Some(e) if e.flags & 0x8000 != 0 => write!(f, ", EDNS {} DO", e.size),
            Some(e) => write!(f, ", EDNS {}", e.size),
        }
    }
}

pub(crate) fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend(id.to_be_bytes());
    out.extend(flags.to_be_bytes());
    for count in counts {
        out.extend(count.to_be_bytes());
    }
    out
}

/// A record with lower-case names, in its rdata as well, and nothing compressed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rr {
    pub(crate) name: Name,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    pub(crate) rdata: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) len: usize,
    pub(crate) flags: u16,
    /// As received, so that letter case can be judged.
    pub(crate) question: Vec<u8>,
    pub(crate) answer: Vec<Rr>,
    pub(crate) authority: Vec<Rr>,
    pub(crate) additional: Vec<Rr>,
    pub(crate) opt: Option<Rr>,
    /// Types whose rdata held a compressed name although RFC 3597 §4 forbids it.
    pub(crate) squeezed: Vec<u16>,
}

impl Answer {
    pub(crate) fn rcode(&self) -> u16 {
        let high = self.opt.as_ref().map_or(0, |opt| (opt.ttl >> 24) as u16);
        high << 4 | self.flags & 15
    }

    pub(crate) fn opcode(&self) -> u16 {
        self.flags >> 11 & 15
    }

    pub(crate) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// The value of an EDNS option, if it is there.
    pub(crate) fn option(&self, code: u16) -> Option<&[u8]> {
        let mut rest = self.opt.as_ref()?.rdata.as_slice();
        while rest.len() >= 4 {
            let end = 4 + u16::from_be_bytes([rest[2], rest[3]]) as usize;
            if rest[..2] == code.to_be_bytes() {
                return rest.get(4..end);
            }
            rest = rest.get(end..)?;
        }
        None
    }
}

pub(crate) fn rcode_text(rcode: u16) -> String {
    let known = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"];
    match known.get(usize::from(rcode)) {
        Some(text) => (*text).into(),
        None if rcode == 16 => "BADVERS".into(),
        None if rcode == 23 => "BADCOOKIE".into(),
        None => format!("RCODE{rcode}"),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", rcode_text(self.rcode()))?;
        for (bit, text) in [(AA, "aa"), (TC, "tc"), (RD, "rd"), (RA, "ra"), (Z, "z"), (AD, "ad"), (CD, "cd")] {
            if self.has(bit) {
                write!(f, " {text}")?;
            }
        }
        if let Some(opt) = &self.opt {
            write!(f, " edns={} size={}", opt.ttl >> 16 & 255, opt.class)?;
            if opt.ttl & 0x8000 != 0 {
                f.write_str(" do")?;
            }
            if !opt.rdata.is_empty() {
                write!(f, " options={}", hex(&opt.rdata))?;
            }
        }
        if self.question.is_empty() {
            f.write_str(" no-question")?;
        }
        writeln!(f, " ({} bytes)", self.len)?;
        for (title, records) in [("an", &self.answer), ("au", &self.authority), ("ad", &self.additional)] {
            for rr in records.iter().take(24) {
                writeln!(f, "    {title} {rr}")?;
            }
            if records.len() > 24 {
                writeln!(f, "    {title} ... {} in all", records.len())?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Rr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", show(&self.name), self.ttl, type_text(self.rtype))?;
        let shape = name_shape(self.rtype);
        match (self.rtype, self.rdata.as_slice()) {
            (A, [a, b, c, d]) => write!(f, "{a}.{b}.{c}.{d}"),
            (AAAA, bytes) if bytes.len() == 16 => {
                let octets: [u8; 16] = bytes.try_into().expect("sixteen bytes");
                write!(f, "{}", std::net::Ipv6Addr::from(octets))
            }
            (_, bytes) if shape.is_some_and(|(skip, names, _)| names == 1 && bytes.len() > skip) && self.rtype != 35 => {
                let skip = shape.expect("just looked").0;
                for pair in bytes[..skip].chunks(2) {
                    write!(f, "{} ", u16::from_be_bytes([pair[0], pair[1]]))?;
                }
                f.write_str(&show_prefix(&bytes[skip..]))
            }
            (SOA, bytes) => write!(f, "{} ... minimum {}", show_prefix(bytes), be32(&bytes[bytes.len() - 4..])),
            (_, bytes) if bytes.len() > 40 => write!(f, "\\# {} {}...", bytes.len(), hex(&bytes[..40])),
            (_, bytes) => write!(f, "\\# {} {}", bytes.len(), hex(bytes)),
        }
    }
}

fn show_prefix(bytes: &[u8]) -> String {
    let mut end = 0;
    while bytes[end] != 0 {
        end += 1 + bytes[end] as usize;
    }
    show(&bytes[..=end])
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

fn be16(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Where names are in the rdata of a type: bytes before, how many in a row, and whether they may be compressed.
fn name_shape(rtype: u16) -> Option<(usize, usize, bool)> {
    Some(match rtype {
        NS | 3 | 4 | CNAME | 7 | 8 | 9 | 12 => (0, 1, true),
        SOA | 14 => (0, 2, true),
        MX => (2, 1, true),
        DNAME | 23 | 47 => (0, 1, false),
        17 | 58 => (if rtype == 58 { 2 } else { 0 }, 2 - usize::from(rtype == 58), false),
        18 | 21 | 36 | 64 | 65 | 107 => (2, 1, false),
        26 => (2, 2, false),
        SRV => (6, 1, false),
        24 | 46 => (18, 1, false),
        35 => (4, 1, false),
        _ => return None,
    })
}

/// Reads a whole answer; anything odd in its structure is an error that says what.
pub(crate) fn decode(bytes: &[u8]) -> Result<Answer, String> {
    if bytes.len() < 12 {
        return Err(format!("{} bytes are no header", bytes.len()));
    }
    let count = |n: usize| be16(&bytes[4 + 2 * n..]);
    let mut at = 12;
    for _ in 0..count(0) {
        at = read_name(bytes, at)?.1 + 4;
    }
    if at > bytes.len() {
        return Err("the question is cut short".into());
    }
    let mut found = Answer {
        len: bytes.len(),
        flags: be16(&bytes[2..]),
        question: bytes[12..at].to_vec(),
        answer: Vec::new(),
        authority: Vec::new(),
        additional: Vec::new(),
        opt: None,
        squeezed: Vec::new(),
    };
    for section in 1..4 {
        for _ in 0..count(section) {
            let rr = read_record(bytes, &mut at, &mut found.squeezed)?;
            match section {
                _ if rr.rtype == OPT && (section != 3 || found.opt.is_some()) => return Err("an OPT too many".into()),
                3 if rr.rtype == OPT => found.opt = Some(rr),
                1 => found.answer.push(rr),
                2 => found.authority.push(rr),
                _ => found.additional.push(rr),
            }
        }
    }
    if at == bytes.len() { Ok(found) } else { Err(format!("{} bytes after the last record", bytes.len() - at)) }
}

fn read_record(bytes: &[u8], at: &mut usize, squeezed: &mut Vec<u16>) -> Result<Rr, String> {
    let (name, start) = read_name(bytes, *at)?;
    let fixed = bytes.get(start..start + 10).ok_or("a record is cut short")?;
    let (rtype, end) = (be16(fixed), start + 10 + usize::from(be16(&fixed[8..])));
    let raw = bytes.get(start + 10..end).ok_or("rdata is cut short")?;
    let mut rdata = Vec::new();
    let mut rest = start + 10;
    if let Some((skip, names, may_compress)) = name_shape(rtype).filter(|_| !raw.is_empty()) {
        let skip = if rtype == 35 { naptr_skip(raw)? } else { skip };
        rdata.extend(raw.get(..skip).ok_or("rdata is too short")?);
        rest += skip;
        for _ in 0..names {
            let (target, after) = read_name(bytes, rest)?;
            if after - rest != target.len() && !may_compress {
                squeezed.push(rtype);
            }
            rdata.extend(target);
            rest = after;
        }
    }
    rdata.extend(bytes.get(rest..end).ok_or("a name runs out of its rdata")?);
    *at = end;
    Ok(Rr { name, rtype, class: be16(&fixed[2..]), ttl: be32(&fixed[4..]), rdata })
}

/// NAPTR: order, preference and three strings stand before the name.
fn naptr_skip(raw: &[u8]) -> Result<usize, String> {
    let mut skip = 4;
    for _ in 0..3 {
        skip += 1 + usize::from(*raw.get(skip).ok_or("NAPTR is too short")?);
    }
    Ok(skip)
}

/// The name at `at` in lower case, and where the bytes after it begin.
fn read_name(bytes: &[u8], mut at: usize) -> Result<(Name, usize), String> {
    let (mut name, mut after) = (Vec::new(), None);
    loop {
        let length = usize::from(*bytes.get(at).ok_or("a name is cut short")?);
        match length >> 6 {
            0 if length == 0 => break,
            0 => {
                let label = bytes.get(at + 1..at + 1 + length).ok_or("a label is cut short")?;
                name.push(length as u8);
                name.extend(label.iter().map(u8::to_ascii_lowercase));
                at += 1 + length;
            }
            3 => {
                let low = usize::from(*bytes.get(at + 1).ok_or("a pointer is cut short")?);
                let to = (length & 63) << 8 | low;
                if to >= at {
                    return Err(format!("a pointer at {at} leads forward to {to}"));
                }
                after.get_or_insert(at + 2);
                at = to;
            }
            _ => return Err(format!("label type {length:#x}")),
        }
        if name.len() > 254 {
            return Err("a name of more than 255 bytes".into());
        }
    }
    name.push(0);
    Ok((name, after.unwrap_or(at + 1)))
}
