//! Character strings: quoted or not, `\DDD`, up to 255 bytes behind a length byte, or to the end of the data.

use std::fmt::Write;

use super::wire::{Checked, Wire};
use super::words::{Fault, Token, Words};
use crate::dns::name::unescape;

/// The length byte of a character string (RFC 1035 §3.3).
const MAX_STRING: usize = 255;

/// Appends the bytes a word stands for.
pub(super) fn unescaped(token: &Token<'_>, words: &Words<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    if !token.text.contains(&b'\\') {
        out.extend_from_slice(token.text);
        return Ok(());
    }
    let mut rest = token.text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (byte, used) = unescape(tail).ok_or_else(|| {
            words.fault(format!("{} holds a backslash that is not followed by three digits up to 255 or one character", token.show()))
        })?;
        out.push(byte);
        rest = &tail[used..];
    }
    Ok(())
}

pub(super) fn read_string(words: &mut Words<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let token = words.take(label)?;
    let length_at = out.len();
    out.push(0);
    unescaped(&token, words, out)?;
    let len = out.len() - length_at - 1;
    if len > MAX_STRING {
        return Err(words
            .fault(format!("<{label}> is {len} bytes long; one string holds at most {MAX_STRING}"))
            .hint("write it as several strings one after the other: \"…\" \"…\""));
    }
    out[length_at] = len as u8;
    Ok(())
}

/// One or more strings, to the end.
pub(super) fn read_strings(words: &mut Words<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    read_string(words, label, out)?;
    while words.peek().is_some() {
        read_string(words, label, out)?;
    }
    Ok(())
}

pub(super) fn check_strings(wire: &mut Wire<'_>) -> Checked<()> {
    wire.string()?;
    while !wire.0.is_empty() {
        wire.string()?;
    }
    Ok(())
}

/// The CAA tag: letters and digits (RFC 8659 §4.1).
pub(super) fn read_tag(words: &mut Words<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    // NSD and Knot read it quoted too.
    let text = words.take(label)?.text;
    if !is_tag(text) {
        return Err(words.wrong(label, "letters and digits, such as issue, issuewild or iodef"));
    }
    out.push(text.len() as u8);
    out.extend_from_slice(text);
    Ok(())
}

pub(super) fn check_tag(wire: &mut Wire<'_>) -> Checked<()> {
    if is_tag(wire.string()?) { Ok(()) } else { Err("must be letters and digits".into()) }
}

fn is_tag(text: &[u8]) -> bool {
    (1..=MAX_STRING).contains(&text.len()) && text.iter().all(u8::is_ascii_alphanumeric)
}

pub(super) fn show_string(bytes: &[u8], text: &mut String) {
    text.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(byte.into());
            }
            b' '..=b'~' => text.push(byte.into()),
            _ => {
                let _ = write!(text, "\\{byte:03}");
            }
        }
    }
    text.push('"');
}
