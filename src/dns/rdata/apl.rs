//! Address prefix lists (RFC 3123): `1:192.0.2.0/24 !2:2001:db8::/32`.

use super::field::{show_v4, show_v6, v4, v6};
use super::number::decimal;
use super::wire::{Checked, Wire};
use super::words::{Fault, Words};

const NEGATED: u8 = 0x80;

pub(super) fn read(words: &mut Words<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    while words.peek().is_some() {
        let text = words.bare(label)?;
        item(text, out).ok_or_else(|| words.wrong(label, "[!]1:<IPv4>/<0-32> or [!]2:<IPv6>/<0-128>"))?;
    }
    Ok(())
}

fn item(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (negated, text) = text.strip_prefix(b"!").map_or((0, text), |rest| (NEGATED, rest));
    let (family, rest) = text.split_at_checked(2)?;
    let slash = rest.iter().rposition(|&byte| byte == b'/')?;
    let prefix = decimal(&rest[slash + 1..])?;
    let mut octets = [0; 16];
    let (family, size) = match family {
        b"1:" => {
            octets[..4].copy_from_slice(&v4(&rest[..slash])?.octets());
            (1u16, 4)
        }
        b"2:" => {
            octets = v6(&rest[..slash])?.octets();
            (2, 16)
        }
        _ => return None,
    };
    let prefix = u8::try_from(prefix).ok().filter(|&bits| usize::from(bits) <= size * 8)?;
    let len = octets[..size].iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    out.extend_from_slice(&family.to_be_bytes());
    out.extend_from_slice(&[prefix, negated | len as u8]);
    out.extend_from_slice(&octets[..len]);
    Some(())
}

pub(super) fn check(wire: &mut Wire<'_>) -> Checked<()> {
    while !wire.0.is_empty() {
        let size = match wire.u16()? {
            1 => 4,
            2 => 16,
            other => return Err(format!("address family {other} is neither 1 (IPv4) nor 2 (IPv6)")),
        };
        let prefix = wire.u8()?;
        let len = wire.u8()? & !NEGATED;
        let part = wire.take(len.into())?;
        if usize::from(prefix) > size * 8 || part.len() > size {
            return Err("a prefix is longer than its address".into());
        }
        if part.last() == Some(&0) {
            return Err("zeroes at the end of a prefix must be left out".into());
        }
    }
    Ok(())
}

pub(super) fn show(wire: &mut Wire<'_>, out: &mut String) -> Checked<()> {
    while !wire.0.is_empty() {
        let (family, prefix, len) = (wire.u16()?, wire.u8()?, wire.u8()?);
        let part = wire.take((len & !NEGATED).into())?;
        let mut octets = [0; 16];
        octets[..part.len().min(16)].copy_from_slice(&part[..part.len().min(16)]);
        if len & NEGATED != 0 {
            out.push('!');
        }
        if family == 1 {
            let [a, b, c, d, ..] = octets;
            out.push_str("1:");
            show_v4([a, b, c, d], out);
        } else {
            out.push_str("2:");
            show_v6(octets, out);
        }
        out.push_str(&format!("/{prefix} "));
    }
    Ok(())
}
