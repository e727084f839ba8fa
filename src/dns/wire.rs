//! Queries as bytes: the strict parser of what comes in.

use super::rtype::Type;

/// Every message starts with a header of this many bytes.
pub const HEADER: usize = 12;
/// What a client without EDNS takes over UDP (RFC 1035 §2.3.4).
pub const PLAIN_UDP: usize = 512;

pub mod rcode {
    pub const NOERROR: u16 = 0;
    pub const FORMERR: u16 = 1;
    pub const SERVFAIL: u16 = 2;
    pub const NXDOMAIN: u16 = 3;
    pub const NOTIMP: u16 = 4;
    pub const REFUSED: u16 = 5;
    pub const YXDOMAIN: u16 = 6;
    pub const NOTAUTH: u16 = 9;
    pub const BADVERS: u16 = 16;
    pub const BADCOOKIE: u16 = 23;
}

/// EDNS option codes this server knows.
pub mod option {
    pub const NSID: u16 = 3;
    pub const SUBNET: u16 = 8;
    pub const COOKIE: u16 = 10;
    pub const KEEPALIVE: u16 = 11;
    pub const EDE: u16 = 15;
}

/// The fixed part of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub id: u16,
    pub flags: u16,
    pub counts: [u16; 4],
}

impl Header {
    pub const QR: u16 = 0x8000;
    pub const AA: u16 = 0x0400;
    pub const TC: u16 = 0x0200;
    pub const RD: u16 = 0x0100;
    pub const CD: u16 = 0x0010;

    pub fn read(message: &[u8]) -> Option<Self> {
        let word = |at: usize| message.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
        Some(Self { id: word(0)?, flags: word(2)?, counts: [word(4)?, word(6)?, word(8)?, word(10)?] })
    }

    pub fn is_response(&self) -> bool {
        self.flags & Self::QR != 0
    }

    pub fn opcode(&self) -> u8 {
        (self.flags >> 11) as u8 & 15
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// Uncompressed, case as asked.
    pub name: &'a [u8],
    pub qtype: Type,
    pub qclass: u16,
    /// Where the question ends in the message.
    pub end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns<'a> {
    pub payload: u16,
    pub version: u8,
    /// DNSSEC answers wanted.
    pub dnssec: bool,
    /// The options' bytes, each known to be whole.
    pub options: &'a [u8],
}

impl<'a> Edns<'a> {
    pub fn options(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut rest = self.options;
        std::iter::from_fn(move || {
            let (head, tail) = rest.split_at_checked(4)?;
            let (value, next) = tail.split_at_checked(usize::from(u16::from_be_bytes([head[2], head[3]])))?;
            rest = next;
            Some((u16::from_be_bytes([head[0], head[1]]), value))
        })
    }
}

/// The parts of a TSIG record that an error answer repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tsig<'a> {
    /// Uncompressed; a compressed key name is not sent by anybody and is an error here.
    pub key: &'a [u8],
    pub algorithm: &'a [u8],
    /// Time signed and fudge, as they came.
    pub time: [u8; 6],
    pub fudge: [u8; 2],
    pub original_id: [u8; 2],
}

/// A message with opcode QUERY, understood to its last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// None when QDCOUNT is 0.
    pub question: Option<Question<'a>>,
    pub edns: Option<Edns<'a>>,
    pub tsig: Option<Tsig<'a>>,
}

/// What was understood of a message that breaks the rules, for the FORMERR to repeat. Its OPT record is not believed either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Malformed<'a> {
    pub question: Option<Question<'a>>,
}

/// Reads what follows the header. Work and memory are bounded by the length of the message, whatever its counts say.
pub fn read_query<'a>(message: &'a [u8], header: &Header) -> Result<Query<'a>, Malformed<'a>> {
    let mut seen = Malformed::default();
    let [questions, answers, authorities, additionals] = header.counts;
    let mut at = HEADER;
    match questions {
        0 => {}
        1 => {
            let question = read_question(message, at).ok_or(seen)?;
            at = question.end;
            seen.question = Some(question);
        }
        _ => return Err(seen),
    }
    for _ in 0..u32::from(answers) + u32::from(authorities) {
        let record = read_record(message, at).ok_or(seen)?;
        if record.rtype == Type::OPT || record.rtype == Type::TSIG {
            return Err(seen);
        }
        at = record.end;
    }
    let mut tsig = None;
    let mut edns = None;
    for n in 0..additionals {
        let record = read_record(message, at).ok_or(seen)?;
        match record.rtype {
            Type::OPT => {
                if edns.is_some() {
                    return Err(seen);
                }
                edns = Some(record.edns().filter(|edns| options_are_whole(edns.options)).ok_or(seen)?);
            }
            Type::TSIG => {
                if n + 1 != additionals {
                    return Err(seen);
                }
                tsig = Some(record.tsig().ok_or(seen)?);
            }
            _ => {}
        }
        at = record.end;
    }
    if at != message.len() {
        return Err(seen);
    }
    Ok(Query { question: seen.question, edns, tsig })
}

fn read_question(message: &[u8], at: usize) -> Option<Question<'_>> {
    let rest = message.get(at..)?;
    let len = super::name::wire_len(rest)?;
    let name = &rest[..len];
    let tail = rest.get(len..len + 4)?;
    Some(Question {
        name,
        qtype: Type(u16::from_be_bytes([tail[0], tail[1]])),
        qclass: u16::from_be_bytes([tail[2], tail[3]]),
        end: at + len + 4,
    })
}

/// One record of a message, its name left where it is.
struct Record<'a> {
    owner: &'a [u8],
    rtype: Type,
    class: u16,
    ttl: u32,
    rdata: &'a [u8],
    end: usize,
}

fn read_record(message: &[u8], at: usize) -> Option<Record<'_>> {
    let name_end = skip_name(message, at)?;
    let fixed = message.get(name_end..name_end + 10)?;
    let start = name_end + 10;
    let end = start + usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
    Some(Record {
        owner: &message[at..name_end],
        rtype: Type(u16::from_be_bytes([fixed[0], fixed[1]])),
        class: u16::from_be_bytes([fixed[2], fixed[3]]),
        ttl: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        rdata: message.get(start..end)?,
        end,
    })
}

/// Where the name at `at` ends. A pointer must lead backwards; where to is of no interest here.
fn skip_name(message: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    loop {
        let len = *message.get(end)?;
        match len {
            0 => return Some(end + 1),
            1..=63 => end += 1 + usize::from(len),
            0xc0.. => {
                let target = usize::from(len & 0x3f) << 8 | usize::from(*message.get(end + 1)?);
                return if (HEADER..at).contains(&target) { Some(end + 2) } else { None };
            }
            _ => return None,
        }
        if end - at >= super::name::MAX_NAME {
            return None;
        }
    }
}

impl<'a> Record<'a> {
    fn edns(&self) -> Option<Edns<'a>> {
        if self.owner != [0] {
            return None;
        }
        Some(Edns { payload: self.class, version: (self.ttl >> 16) as u8, dnssec: self.ttl & 0x8000 != 0, options: self.rdata })
    }

    fn tsig(&self) -> Option<Tsig<'a>> {
        let key = self.owner;
        if super::name::wire_len(key)? != key.len() || self.class != super::rtype::class::ANY {
            return None;
        }
        let algorithm = &self.rdata[..super::name::wire_len(self.rdata)?];
        let rest = &self.rdata[algorithm.len()..];
        let mac = usize::from(u16::from_be_bytes([*rest.get(8)?, *rest.get(9)?]));
        let tail = rest.get(10 + mac..)?;
        let other = usize::from(u16::from_be_bytes([*tail.get(4)?, *tail.get(5)?]));
        if tail.len() != 6 + other {
            return None;
        }
        Some(Tsig {
            key,
            algorithm,
            time: rest[..6].try_into().ok()?,
            fudge: rest[6..8].try_into().ok()?,
            original_id: tail[..2].try_into().ok()?,
        })
    }
}

fn options_are_whole(options: &[u8]) -> bool {
    let mut rest = options;
    while !rest.is_empty() {
        let Some((head, tail)) = rest.split_at_checked(4) else { return false };
        match tail.get(usize::from(u16::from_be_bytes([head[2], head[3]]))..) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    true
}
