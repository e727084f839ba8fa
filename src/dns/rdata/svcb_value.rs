//! One parameter of SVCB and HTTPS: its key, and its value as text and as wire (RFC 9460 §7, RFC 9461, RFC 9540).

use super::code;
use super::field::{show_v4, show_v6, v4, v6};
use super::number::decimal;
use super::text::show_string;
use super::wire::{Checked, Wire};

pub(super) const MANDATORY: u16 = 0;
pub(super) const ALPN: u16 = 1;
pub(super) const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6HINT: u16 = 6;
const DOHPATH: u16 = 7;
const OHTTP: u16 = 8;
const GROUPS: u16 = 9;

pub(super) const NAMES: [(&str, u16); 10] = [
    ("mandatory", MANDATORY),
    ("alpn", ALPN),
    ("no-default-alpn", NO_DEFAULT_ALPN),
    ("port", PORT),
    ("ipv4hint", IPV4HINT),
    ("ech", ECH),
    ("ipv6hint", IPV6HINT),
    ("dohpath", DOHPATH),
    ("ohttp", OHTTP),
    ("tls-supported-groups", GROUPS),
];

/// The key a name stands for, and whether it was written `keyNNNNN`: then the value is wire, not text (RFC 9460 §2.1).
pub(super) fn key(name: &[u8]) -> Option<(u16, bool)> {
    if let Some((_, key)) = NAMES.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)) {
        return Some((*key, false));
    }
    let (prefix, digits) = name.split_at_checked(3)?;
    if !prefix.eq_ignore_ascii_case(b"key") || digits.len() > 5 {
        return None;
    }
    decimal(digits)?.try_into().ok().map(|key| (key, true))
}

pub(super) fn show_key(key: u16) -> String {
    NAMES.iter().find(|(_, number)| *number == key).map_or_else(|| format!("key{key}"), |(name, _)| (*name).into())
}

/// Text, its escapes of character strings already resolved, to wire.
pub(super) fn read(key: u16, text: &[u8]) -> Checked<Vec<u8>> {
    let mut out = Vec::new();
    if matches!(key, NO_DEFAULT_ALPN | OHTTP) {
        return if text.is_empty() { Ok(out) } else { Err("takes no value".into()) };
    }
    if text.is_empty() && key != ECH {
        return Err("needs a value".into());
    }
    match key {
        MANDATORY => {
            let keys: Option<Vec<u16>> = text.split(|&byte| byte == b',').map(|name| self::key(name).map(|(key, _)| key)).collect();
            let mut keys = keys.ok_or("must be a list of parameter names with commas")?;
            keys.sort_unstable();
            out.extend(keys.iter().flat_map(|key| key.to_be_bytes()));
        }
        ALPN => read_alpn(text, &mut out)?,
        PORT => out.extend(number(text, "must be a port from 0 to 65535")?.to_be_bytes()),
        IPV4HINT => {
            for part in text.split(|&byte| byte == b',') {
                out.extend(v4(part).ok_or("must be a list of IPv4 addresses with commas")?.octets());
            }
        }
        IPV6HINT => {
            for part in text.split(|&byte| byte == b',') {
                out.extend(v6(part).ok_or("must be a list of IPv6 addresses with commas")?.octets());
            }
        }
        ECH => code::base64(text, &mut out).ok_or("must be base64, padded with `=`")?,
        GROUPS => {
            for part in text.split(|&byte| byte == b',') {
                out.extend(number(part, "must be a list of numbers from 0 to 65535 with commas")?.to_be_bytes());
            }
        }
        _ => out.extend_from_slice(text),
    }
    Ok(out)
}

pub(super) fn check(key: u16, bytes: &[u8]) -> Checked<()> {
    let size = match key {
        NO_DEFAULT_ALPN | OHTTP => return if bytes.is_empty() { Ok(()) } else { Err("takes no value".into()) },
        PORT => return if bytes.len() == 2 { Ok(()) } else { Err("must have two bytes".into()) },
        DOHPATH => return check_dohpath(bytes),
        ALPN => {
            let mut wire = Wire(bytes);
            while !wire.0.is_empty() {
                if wire.string()?.is_empty() {
                    return Err("a protocol name may not be empty".into());
                }
            }
            1
        }
        MANDATORY => {
            check_mandatory(bytes)?;
            2
        }
        IPV4HINT => 4,
        IPV6HINT => 16,
        GROUPS => 2,
        _ => return Ok(()),
    };
    if bytes.is_empty() || !bytes.len().is_multiple_of(size) { Err("has the wrong length".into()) } else { Ok(()) }
}

/// `bytes` have passed `check` and are not empty.
pub(super) fn show(key: u16, bytes: &[u8], out: &mut String) -> Checked<()> {
    let mut wire = Wire(bytes);
    match key {
        ALPN => show_alpn(wire, out)?,
        ECH => code::show_base64(bytes, out),
        MANDATORY | PORT | GROUPS | IPV4HINT | IPV6HINT => {
            while !wire.0.is_empty() {
                match key {
                    MANDATORY => out.push_str(&show_key(wire.u16()?)),
                    IPV4HINT => show_v4(wire.array()?, out),
                    IPV6HINT => show_v6(wire.array()?, out),
                    _ => out.push_str(&wire.u16()?.to_string()),
                }
                if !wire.0.is_empty() {
                    out.push(',');
                }
            }
        }
        _ => show_string(bytes, out),
    }
    Ok(())
}

fn number(text: &[u8], must: &str) -> Checked<u16> {
    decimal(text).and_then(|v| v.try_into().ok()).ok_or_else(|| must.into())
}

/// Appendix A.1: commas part the names; what follows a backslash stands for itself.
fn read_alpn(text: &[u8], out: &mut Vec<u8>) -> Checked<()> {
    let mut length_at = out.len();
    out.push(0);
    let mut bytes = text.iter();
    loop {
        let next = match bytes.next() {
            Some(b'\\') => Some(*bytes.next().ok_or("a backslash stands at the end of the list")?),
            Some(b',') | None => None,
            Some(&byte) => Some(byte),
        };
        if let Some(byte) = next {
            out.push(byte);
            continue;
        }
        let len = u8::try_from(out.len() - length_at - 1).ok().filter(|&len| len > 0);
        out[length_at] = len.ok_or("a protocol name must have 1 to 255 bytes")?;
        // Only the end of the text leaves nothing behind the name just closed, except after a last comma.
        if bytes.as_slice().is_empty() {
            return if text.ends_with(b",") && !ends_in_escape(text) { Err("a protocol name may not be empty".into()) } else { Ok(()) };
        }
        length_at = out.len();
        out.push(0);
    }
}

/// Whether the last byte is the second half of an escape.
fn ends_in_escape(text: &[u8]) -> bool {
    text.iter().rev().skip(1).take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

fn show_alpn(mut wire: Wire<'_>, out: &mut String) -> Checked<()> {
    let mut list = Vec::new();
    while !wire.0.is_empty() {
        for &byte in wire.string()? {
            if matches!(byte, b',' | b'\\') {
                list.push(b'\\');
            }
            list.push(byte);
        }
        if !wire.0.is_empty() {
            list.push(b',');
        }
    }
    show_string(&list, out);
    Ok(())
}

fn check_mandatory(bytes: &[u8]) -> Checked<()> {
    let (keys, []) = bytes.as_chunks::<2>() else { return Err("has the wrong length".into()) };
    if keys.iter().any(|&key| u16::from_be_bytes(key) == MANDATORY) {
        return Err("may not name itself".into());
    }
    if !keys.is_sorted_by(|a, b| a < b) {
        return Err("names a parameter twice, or not in ascending order".into());
    }
    Ok(())
}

/// A URI template in UTF-8 that is relative to the root and knows the variable `dns` (RFC 9461 §5).
fn check_dohpath(bytes: &[u8]) -> Checked<()> {
    let sound = std::str::from_utf8(bytes).is_ok_and(|path| {
        let in_braces = path.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
        path.starts_with('/') && in_braces.flat_map(|(names, _)| names.split(['?', '&', ',', '+', '#'])).any(|name| name == "dns")
    });
    if sound { Ok(()) } else { Err("must be a URI template such as /dns-query{?dns}".into()) }
}
