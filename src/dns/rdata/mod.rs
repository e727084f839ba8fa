//! Record data: text to uncompressed wire, the check of such wire, and wire back to text.
//!
//! Owns   one table (`table`) that says of which fields each type is made, and what a field looks like in both forms.
//! Takes  words a scanner has found, or wire from a peer or a store.
//! Gives  wire that is right for its type, text that reads back to the same wire, and a `Fault` that says what would be right.
//! Never  follows compression pointers, knows files or lines, or panics whatever it is given.

mod apl;
mod bitmap;
mod code;
mod field;
mod gateway;
mod groups;
mod hip;
mod loc;
mod mnemonic;
mod number;
mod old;
mod rules;
mod svcb;
mod svcb_value;
mod table;
mod text;
mod time;
mod wire;
mod words;

use std::fmt::Write;

use crate::dns::rtype::Type;

pub use number::{MAX_TTL, ttl};
pub use rules::doubt;
pub use table::{Shape, names};
pub use words::{Fault, Token, Words};

/// The length of record data is two bytes on the wire (RFC 1035 §3.2.1).
pub const MAX_RDATA: usize = 65_535;

/// Appends the wire form of `tokens`. Relative names are continued by `origin` (wire form).
/// On error `out` holds a part of it: throw it away.
pub fn parse(rtype: Type, tokens: &[Token<'_>], origin: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    let mut words = Words::new(tokens);
    let Some(parts) = table::layout(rtype).filter(|_| !is_generic(tokens)) else {
        return generic(rtype, &mut words, out);
    };
    for part in parts {
        part.1.read(part.0, &mut words, origin, out).map_err(|fault| {
            let cut_short = fault.token >= tokens.len() && fault.hint.is_empty();
            if cut_short { fault.hint(form(rtype)) } else { fault }
        })?;
    }
    if let Some(extra) = words.peek() {
        return Err(words.ahead(format!("{} is one word too many", extra.show())).hint(form(rtype)));
    }
    if out.len() - start > MAX_RDATA {
        return Err(words.fault(format!("the data is {} bytes long; a record holds at most {MAX_RDATA}", out.len() - start)));
    }
    rules::check(rtype, &out[start..]).map_err(|what| words.fault(what))
}

/// Whether `bytes` are right for the type: lengths, and names that are valid and uncompressed. Unknown types may hold anything.
pub fn check(rtype: Type, bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > MAX_RDATA {
        return Err(format!("the data is {} bytes long; a record holds at most {MAX_RDATA}", bytes.len()));
    }
    let Some(parts) = table::layout(rtype) else { return Ok(()) };
    let mut wire = wire::Wire(bytes);
    for part in parts {
        part.1.check(&mut wire).map_err(|why| format!("{rtype} data: {}: {why}", part.0))?;
    }
    if !wire.0.is_empty() {
        return Err(format!("{rtype} data: {} bytes too many", wire.0.len()));
    }
    rules::check(rtype, bytes)
}

/// The text of record data: absolute names, one line; reads back to the same bytes.
/// What has no text form, or is wrong for its type, is shown as RFC 3597 §5 has it.
pub fn show(rtype: Type, bytes: &[u8]) -> String {
    let mut text = String::new();
    match table::layout(rtype).filter(|_| check(rtype, bytes).is_ok()) {
        Some(parts) => {
            let mut wire = wire::Wire(bytes);
            for part in parts {
                if !text.is_empty() && !text.ends_with(' ') {
                    text.push(' ');
                }
                part.1.show(&mut wire, &mut text);
            }
            text.truncate(text.trim_end_matches(' ').len());
            // No field showed anything: an empty APL. A line would end after its type, which is legal but looks cut off.
            if text.is_empty() {
                text.push_str("\\# 0");
            }
        }
        None => {
            let _ = write!(text, "\\# {}", bytes.len());
            if !bytes.is_empty() {
                text.push(' ');
                code::show_hex(bytes, &mut text);
            }
        }
    }
    text
}

/// Lower-cases the names which the canonical form wants so (RFC 4034 §6.2, RFC 6840 §5.1). Wrong data is left as it is.
pub fn to_canonical(rtype: Type, bytes: &mut [u8]) {
    if !table::lower_cased(rtype) || check(rtype, bytes).is_err() {
        return;
    }
    let mut at = 0;
    for part in table::layout(rtype).unwrap_or_default() {
        let mut wire = wire::Wire(&bytes[at..]);
        if part.1.check(&mut wire).is_err() {
            return;
        }
        let end = bytes.len() - wire.0.len();
        if part.1.is_name() {
            bytes[at..end].make_ascii_lowercase();
        }
        at = end;
    }
}

/// The fields of a type in words, for messages: `preference mail-server`.
pub fn form(rtype: Type) -> String {
    match table::layout(rtype) {
        Some(parts) => {
            let names: Vec<String> = parts.iter().map(|part| format!("<{}>", part.0)).collect();
            format!("{rtype} is written: {}", names.join(" "))
        }
        None => format!("{rtype} is written: \\# <length> <hex digits>"),
    }
}

/// `\#` opens the form every type may be written in (RFC 3597 §5).
fn is_generic(tokens: &[Token<'_>]) -> bool {
    tokens.first().is_some_and(|token| !token.quoted && token.text == b"\\#")
}

fn generic(rtype: Type, words: &mut Words<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    let opening = words.take("\\# <length> <hex digits>")?;
    if opening.quoted || opening.text != b"\\#" {
        return Err(words.fault(format!("{rtype} has no text form")).hint(form(rtype)));
    }
    let length = number::read_u16(words, "length")?;
    let length_word = words.at();
    code::read_hex_to_end(words, "hex digits", true, out)?;
    if out.len() - start != usize::from(length) {
        return Err(words.fault_at(length_word, format!("the length is given as {length}, but {} bytes follow", out.len() - start)));
    }
    check(rtype, &out[start..]).map_err(|what| words.fault_at(0, what))
}

#[cfg(test)]
mod tests;
