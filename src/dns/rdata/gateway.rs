//! Data with a gateway whose form another field tells: IPSECKEY (RFC 4025) and AMTRELAY (RFC 8777).

use super::field::{read_name, read_v4, read_v6, show_name, show_v4, show_v6};
use super::wire::{Checked, Wire};
use super::words::{Fault, Words};
use super::{code, mnemonic, number};

/// AMTRELAY: the top bit of the type byte says that the relay may be found by discovery too.
const DISCOVERY: u8 = 0x80;

pub(super) fn read_ipseckey(words: &mut Words<'_>, origin: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.push(number::read_u8(words, "precedence")?);
    let kind = number::read_u8(words, "gateway type")?;
    let kind_word = words.at();
    let algorithm = mnemonic::number(IPSEC_ALGORITHMS, words.bare("algorithm")?).and_then(|v| u8::try_from(v).ok());
    let algorithm = algorithm.ok_or_else(|| words.wrong("algorithm", "a number from 0 to 255"))?;
    out.extend_from_slice(&[kind, algorithm]);
    read_gateway(kind, kind_word, "gateway", words, origin, out)?;
    // Algorithm 0 should mean that there is no key (RFC 4025 §2.4); no peer insists.
    code::read_base64_to_end(words, "public key", true, out)
}

pub(super) fn check_ipseckey(wire: &mut Wire<'_>) -> Checked<()> {
    wire.u8()?;
    let kind = wire.u8()?;
    wire.u8()?;
    check_gateway(kind, wire)?;
    wire.rest();
    Ok(())
}

pub(super) fn show_ipseckey(wire: &mut Wire<'_>, out: &mut String) -> Checked<()> {
    let [precedence, kind, algorithm] = wire.array()?;
    out.push_str(&format!("{precedence} {kind} {algorithm} "));
    show_gateway(kind, wire, out)?;
    out.push(' ');
    code::show_base64(wire.rest(), out);
    Ok(())
}

pub(super) fn read_relay(words: &mut Words<'_>, origin: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    out.push(number::read_u8(words, "precedence")?);
    let discovery = match words.bare("discovery optional")? {
        b"0" => 0,
        b"1" => DISCOVERY,
        _ => return Err(words.wrong("discovery optional", "0 or 1")),
    };
    let kind = number::read_u8(words, "relay type")?;
    out.push(discovery | kind & !DISCOVERY);
    read_gateway(kind, words.at(), "relay", words, origin, out)
}

pub(super) fn check_relay(wire: &mut Wire<'_>) -> Checked<()> {
    wire.u8()?;
    let kind = wire.u8()?;
    check_gateway(kind & !DISCOVERY, wire)
}

pub(super) fn show_relay(wire: &mut Wire<'_>, out: &mut String) -> Checked<()> {
    let [precedence, kind] = wire.array()?;
    out.push_str(&format!("{precedence} {} {} ", kind >> 7, kind & !DISCOVERY));
    show_gateway(kind & !DISCOVERY, wire, out)
}

/// IPSECKEY has its own list of algorithms (RFC 4025 §2.4, RFC 9373).
const IPSEC_ALGORITHMS: &[(&str, u16)] = &[("DSA", 1), ("RSA", 2), ("ECDSA", 3), ("EdDSA", 4)];

fn read_gateway(kind: u8, kind_word: usize, label: &str, words: &mut Words<'_>, origin: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    match kind {
        0 => match words.bare(label)? {
            b"." => Ok(()),
            _ => Err(words.wrong(label, "`.`, as its type 0 says that there is none")),
        },
        1 => read_v4(words, label, out),
        2 => read_v6(words, label, out),
        3 => read_name(words, label, origin, out),
        _ => Err(words.fault_at(kind_word, format!("<{label} type> `{kind}` must be 0 (none), 1 (IPv4), 2 (IPv6) or 3 (a name)"))),
    }
}

fn check_gateway(kind: u8, wire: &mut Wire<'_>) -> Checked<()> {
    match kind {
        0 => Ok(()),
        1 => wire.take(4).map(drop),
        2 => wire.take(16).map(drop),
        3 => wire.name().map(drop),
        _ => Err(format!("type {kind} is not one of 0 to 3")),
    }
}

fn show_gateway(kind: u8, wire: &mut Wire<'_>, out: &mut String) -> Checked<()> {
    match kind {
        1 => show_v4(wire.array()?, out),
        2 => show_v6(wire.array()?, out),
        3 => show_name(wire.name()?, out),
        _ => out.push('.'),
    }
    Ok(())
}
