//! One record: owner, TTL, class and type, some of which may be left out, then its data.

use super::{Owner, Reader, Record};
use crate::dns::name::{self, Name};
use crate::dns::rdata::{self, Fault, MAX_TTL, Token, Words};
use crate::dns::rtype::{Type, class};
use crate::document::Problem;

/// What stands before the data.
pub(super) struct Header {
    pub(super) ttl: Option<u32>,
    pub(super) rtype: Type,
}

impl Reader<'_> {
    /// On error: what it is about, and the fault.
    pub(super) fn read_record(&mut self, indented: bool, tokens: &[Token<'_>]) -> Result<(), (String, Fault)> {
        let plain = |fault| (String::new(), fault);
        let mut words = Words::new(tokens);
        if !indented {
            self.read_owner(&mut words).map_err(plain)?;
        } else if self.owner == Owner::None {
            let fault = words.ahead("the line begins with white space, but there is no owner above it to go on with");
            return Err(plain(fault.hint("begin the line with the owner, such as `@`")));
        }
        let header = read_header(&mut words).map_err(|fault| {
            if indented && fault.token == 0 && fault.hint.is_empty() {
                plain(fault.hint("a line that begins with white space goes on with the owner above"))
            } else {
                plain(fault)
            }
        })?;
        let line = tokens.first().map_or(0, |token| token.line);
        let from = words.at() + 1;
        self.read_rest(&header, &tokens[from..], line)
            .map_err(|fault| (self.about(header.rtype), Fault { token: fault.token + from, ..fault }))
    }

    /// The data, and then the record is complete.
    pub(super) fn read_rest(&mut self, header: &Header, tokens: &[Token<'_>], line: u32) -> Result<(), Fault> {
        self.data.clear();
        rdata::parse(header.rtype, tokens, &self.origin, &mut self.data)?;
        let ttl = match header.ttl {
            Some(ttl) => {
                self.last_ttl = Some(ttl);
                ttl
            }
            None => self.left_out_ttl(header.rtype, line)?,
        };
        if let Some(doubt) = rdata::doubt(header.rtype, &self.data) {
            let warning = Problem::warning(self.shown(), line, doubt).at(self.about(header.rtype));
            self.push(warning);
        }
        if self.owner == Owner::Known {
            (self.each)(Record { owner: &self.owner_wire, rtype: header.rtype, ttl, rdata: &self.data, file: self.file, line });
        }
        Ok(())
    }

    pub(super) fn about(&self, rtype: Type) -> String {
        match Name::from_wire(&self.owner_wire) {
            Ok(owner) => format!("{owner} {rtype}"),
            Err(_) => rtype.to_string(),
        }
    }

    fn read_owner(&mut self, words: &mut Words<'_>) -> Result<(), Fault> {
        self.owner = Owner::Broken;
        self.owner_wire.clear();
        let text = words.bare("owner")?;
        if let Err(why) = owner_into(text, &self.origin, &mut self.owner_wire) {
            self.owner_wire.clear();
            return Err(words.fault(format!("{}: {why}", words.wrong("owner", "a domain name").what)));
        }
        self.owner = Owner::Known;
        Ok(())
    }

    /// `$TTL`; without one, the last TTL written (RFC 1035 §5.1); without that, an SOA gives its minimum to itself and what follows, as in BIND.
    fn left_out_ttl(&mut self, rtype: Type, line: u32) -> Result<u32, Fault> {
        if let Some(ttl) = self.default_ttl {
            return Ok(ttl);
        }
        let (ttl, from) = match (self.last_ttl, self.data.last_chunk::<4>()) {
            (Some(ttl), _) => (ttl, "the last one written is taken"),
            (None, Some(&minimum)) if rtype == Type::SOA => {
                let ttl = u32::from_be_bytes(minimum).min(MAX_TTL);
                self.default_ttl = Some(ttl);
                (ttl, "the SOA's minimum is taken")
            }
            _ => {
                return Err(Fault {
                    token: 0,
                    what: "the record has no TTL and none was given before".into(),
                    hint: "add a line such as `$TTL 1h`".into(),
                });
            }
        };
        if !self.warned_of_ttl {
            self.warned_of_ttl = true;
            let warning = Problem::warning(self.shown(), line, format!("records without a TTL, and no $TTL: {from}"));
            self.push(warning.hint("add a line such as `$TTL 1h`"));
        }
        Ok(ttl)
    }
}

pub(super) fn owner_into(text: &[u8], origin: &[u8], out: &mut Vec<u8>) -> Result<(), name::NameError> {
    if text == b"@" {
        out.extend_from_slice(origin);
        return Ok(());
    }
    name::parse_into(text, origin, out)
}

/// TTL and class in either order, both optional, then the type.
pub(super) fn read_header(words: &mut Words<'_>) -> Result<Header, Fault> {
    let (mut ttl, mut class_seen) = (None, false);
    loop {
        let text = words.bare("type")?;
        if text.first().is_some_and(u8::is_ascii_digit) {
            if ttl.is_some() {
                return Err(words.wrong("type", "a record type; the TTL stands before it already"));
            }
            ttl = Some(read_ttl(text, words)?);
            continue;
        }
        if !class_seen && text.eq_ignore_ascii_case(b"IN") {
            class_seen = true;
            continue;
        }
        if let Some(rtype) = Type::from_mnemonic(text) {
            if rtype.is_meta() {
                return Err(words.fault(format!("{rtype} is a type of queries and messages, not of records in a zone")));
            }
            return Ok(Header { ttl, rtype });
        }
        match class::from_mnemonic(text) {
            Some(_) if class_seen => return Err(words.wrong("type", "a record type; the class stands before it already")),
            Some(class::IN) => class_seen = true,
            Some(other) => {
                return Err(words
                    .fault(format!("the class is {}; only zones of class IN are served", class::show(other)))
                    .hint("write IN, or no class"));
            }
            None => {
                let fault = words.wrong("type", "a record type, such as A or CNAME");
                return Err(match Type::meant_by(text) {
                    Some(meant) => fault.hint(format!("did you mean {meant}?")),
                    None => fault,
                });
            }
        }
    }
}

pub(super) fn read_ttl(text: &[u8], words: &Words<'_>) -> Result<u32, Fault> {
    match rdata::ttl(text) {
        Some(ttl) if ttl <= MAX_TTL => Ok(ttl),
        Some(_) => Err(words.wrong("TTL", &format!("at most {MAX_TTL} seconds (RFC 2181 §8)"))),
        None => Err(words.wrong("TTL", &format!("seconds up to {MAX_TTL}, or a time such as 1h30m or 2w"))),
    }
}
