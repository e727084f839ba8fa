//! Host identities (RFC 8005): algorithm, tag in hex, key in base64, rendezvous servers.

use super::field::{read_name, show_name};
use super::wire::{Checked, Wire};
use super::words::{Fault, Words};
use super::{code, number};

pub(super) fn read(words: &mut Words<'_>, origin: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    let algorithm = number::read_u8(words, "key algorithm")?;
    out.extend_from_slice(&[0, algorithm, 0, 0]);
    let tag = words.bare("host identity tag")?;
    let decoded = code::hex(tag, out);
    let tag_len = u8::try_from(out.len() - start - 4).ok().filter(|&len| len > 0 && decoded.is_some());
    out[start] = tag_len.ok_or_else(|| words.wrong("host identity tag", "1 to 255 bytes in hex digits"))?;
    let key_from = out.len();
    let key = words.bare("public key")?;
    let decoded = code::base64(key, out);
    let key_len = u16::try_from(out.len() - key_from).ok().filter(|&len| len > 0 && decoded.is_some());
    let key_len = key_len.ok_or_else(|| words.wrong("public key", "base64 in one word, padded with `=`"))?;
    out[start + 2..start + 4].copy_from_slice(&key_len.to_be_bytes());
    while words.peek().is_some() {
        read_name(words, "rendezvous server", origin, out)?;
    }
    Ok(())
}

pub(super) fn check(wire: &mut Wire<'_>) -> Checked<()> {
    let tag_len = wire.u8()?;
    wire.u8()?;
    let key_len = wire.u16()?;
    if tag_len == 0 || key_len == 0 {
        return Err("the tag and the key may not be empty".into());
    }
    wire.take(tag_len.into())?;
    wire.take(key_len.into())?;
    while !wire.0.is_empty() {
        wire.name()?;
    }
    Ok(())
}

pub(super) fn show(wire: &mut Wire<'_>, out: &mut String) -> Checked<()> {
    let (tag_len, algorithm, key_len) = (wire.u8()?, wire.u8()?, wire.u16()?);
    out.push_str(&format!("{algorithm} "));
    code::show_hex(wire.take(tag_len.into())?, out);
    out.push(' ');
    code::show_base64(wire.take(key_len.into())?, out);
    while !wire.0.is_empty() {
        out.push(' ');
        show_name(wire.name()?, out);
    }
    Ok(())
}
