//! Sets of types: the windows of NSEC, NSEC3 and CSYNC (RFC 4034 §4.1.2), and the plain map of NXT (RFC 2535 §5.2).

use std::fmt::Write;

use super::wire::{Checked, Wire};
use super::words::{Fault, Words};
use crate::dns::rtype::Type;

/// A window covers 256 types.
const MAX_WINDOW: usize = 32;
/// NXT can name types below 128 only.
const MAX_OLD: usize = 16;

pub(super) fn read(words: &mut Words<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut types = Vec::new();
    while words.peek().is_some() {
        types.push(read_type(words, label)?);
    }
    types.sort_unstable();
    for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
        let mut map = [0u8; MAX_WINDOW];
        for number in window {
            map[usize::from(number >> 3 & 31)] |= 0x80 >> (number & 7);
        }
        let len = map.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        out.extend_from_slice(&[(window[0] >> 8) as u8, len as u8]);
        out.extend_from_slice(&map[..len]);
    }
    Ok(())
}

pub(super) fn check(wire: &mut Wire<'_>) -> Checked<()> {
    let mut last = None;
    while !wire.0.is_empty() {
        let window = wire.u8()?;
        let map = wire.string()?;
        if last >= Some(window) {
            return Err("windows must ascend".into());
        }
        if !(1..=MAX_WINDOW).contains(&map.len()) || map.last() == Some(&0) {
            return Err("a window must have 1 to 32 bytes, the last one not zero".into());
        }
        last = Some(window);
    }
    Ok(())
}

pub(super) fn show(wire: &mut Wire<'_>, out: &mut String) -> Checked<()> {
    while !wire.0.is_empty() {
        let window = wire.u8()?;
        show_map(u16::from(window) << 8, wire.string()?, out);
    }
    Ok(())
}

pub(super) fn read_old(words: &mut Words<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut map = [0u8; MAX_OLD];
    while words.peek().is_some() {
        let number = read_type(words, label)?;
        if number == 0 || number > 127 {
            return Err(words.wrong(label, "types from 1 to 127 (NXT has room for no others)"));
        }
        map[usize::from(number >> 3)] |= 0x80 >> (number & 7);
    }
    let len = map.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    out.extend_from_slice(&map[..len]);
    Ok(())
}

pub(super) fn check_old(wire: &mut Wire<'_>) -> Checked<()> {
    let map = wire.rest();
    if map.len() > MAX_OLD || map.last() == Some(&0) || map.first().is_some_and(|byte| byte & 0x80 != 0) {
        return Err("must have at most 16 bytes, the last one not zero, and not the first bit".into());
    }
    Ok(())
}

pub(super) fn show_old(wire: &mut Wire<'_>, out: &mut String) {
    show_map(0, wire.rest(), out);
}

fn read_type(words: &mut Words<'_>, label: &str) -> Result<u16, Fault> {
    let text = words.bare(label)?;
    Ok(Type::from_mnemonic(text).ok_or_else(|| words.wrong(label, "record types, such as A NS TXT or TYPE65280"))?.0)
}

fn show_map(base: u16, map: &[u8], out: &mut String) {
    for (i, byte) in (0u16..).zip(map) {
        for bit in (0..8).filter(|bit| byte & 0x80 >> bit != 0) {
            let _ = write!(out, "{} ", Type(base | i << 3 | bit));
        }
    }
}
