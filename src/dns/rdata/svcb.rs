//! The parameters of SVCB and HTTPS (RFC 9460 §2): read in any order, sorted by key on the wire.

use super::svcb_value as value;
use super::wire::{Checked, Wire};
use super::words::{Fault, Words};
use super::{MAX_RDATA, text};

pub(super) fn read(words: &mut Words<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut params: Vec<(u16, Vec<u8>, usize)> = Vec::new();
    while let Some(mut token) = words.skip() {
        if token.quoted {
            return Err(words.fault(format!("parameter {} must be written key or key=\"value\"", token.show())));
        }
        let word = words.at();
        let equals = token.text.iter().position(|&byte| byte == b'=');
        let name = &token.text[..equals.unwrap_or(token.text.len())];
        let (key, numbered) = value::key(name).ok_or_else(|| {
            let known = value::NAMES.map(|(name, _)| name).join(", ");
            words.fault(format!("{} is not a parameter", token.show())).hint(format!("known are {known}, and key0 to key65535"))
        })?;
        let mut given = Vec::new();
        if let Some(equals) = equals {
            token.text = &token.text[equals + 1..];
            // `alpn="h2,h3"` comes as two words with nothing between them.
            if let Some(quoted) = words.peek().filter(|next| token.text.is_empty() && next.glued && next.quoted) {
                words.skip();
                token = quoted;
            }
            text::unescaped(&token, words, &mut given)?;
        }
        let wire = if numbered { Ok(given) } else { value::read(key, &given) };
        let wire = wire.and_then(|wire| value::check(key, &wire).map(|()| wire));
        params.push((key, wire.map_err(|why| words.fault(format!("parameter {}: {why}", value::show_key(key))))?, word));
    }
    params.sort_by_key(|&(key, ..)| key);
    for (key, wire, word) in &params {
        let len = u16::try_from(wire.len()).ok().filter(|_| out.len() <= 2 * MAX_RDATA);
        let len = len.ok_or_else(|| words.fault_at(*word, format!("parameter {} is too long", value::show_key(*key))))?;
        out.extend_from_slice(&key.to_be_bytes());
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(wire);
    }
    if let Some(pair) = params.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(words.fault_at(pair[1].2, format!("parameter {} stands twice", value::show_key(pair[1].0))));
    }
    together(params.iter().map(|(key, wire, _)| (*key, wire.as_slice()))).map_err(|why| words.fault(why))
}

pub(super) fn check(wire: &mut Wire<'_>) -> Checked<()> {
    let all = *wire;
    let mut last = None;
    while !wire.0.is_empty() {
        let (key, bytes) = param(wire)?;
        if last >= Some(key) {
            return Err(format!("parameter {} is not in ascending order, or twice there", value::show_key(key)));
        }
        value::check(key, bytes).map_err(|why| format!("parameter {}: {why}", value::show_key(key)))?;
        last = Some(key);
    }
    let mut left = all;
    together(std::iter::from_fn(|| param(&mut left).ok()))
}

pub(super) fn show(wire: &mut Wire<'_>, out: &mut String) -> Checked<()> {
    while !wire.0.is_empty() {
        let (key, bytes) = param(wire)?;
        out.push_str(&value::show_key(key));
        if !bytes.is_empty() {
            out.push('=');
            value::show(key, bytes, out)?;
        }
        out.push(' ');
    }
    Ok(())
}

fn param<'a>(wire: &mut Wire<'a>) -> Checked<(u16, &'a [u8])> {
    let (key, len) = (wire.u16()?, wire.u16()?);
    Ok((key, wire.take(len.into())?))
}

/// What parameters say about each other (RFC 9460 §7.1.1, §8). They come in ascending order, and so do the mandatory keys:
/// one walk over both, however many there are.
fn together<'a>(params: impl Iterator<Item = (u16, &'a [u8])>) -> Checked<()> {
    let missing = |key| format!("parameter {} is called mandatory but is not there", value::show_key(key));
    let mut alpn = false;
    let mut mandatory = Wire(&[]);
    let mut wanted = None;
    for (key, bytes) in params {
        match key {
            value::MANDATORY => {
                mandatory = Wire(bytes);
                wanted = mandatory.u16().ok();
                continue;
            }
            value::ALPN => alpn = true,
            value::NO_DEFAULT_ALPN if !alpn => return Err("parameter no-default-alpn needs alpn beside it".into()),
            _ => {}
        }
        match wanted {
            Some(first) if first < key => return Err(missing(first)),
            Some(first) if first == key => wanted = mandatory.u16().ok(),
            _ => {}
        }
    }
    wanted.map_or(Ok(()), |key| Err(missing(key)))
}
