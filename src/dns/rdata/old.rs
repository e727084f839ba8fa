//! Forms of the early days: well-known services (RFC 1035 §3.4.2) and NSAP addresses (RFC 1706).

use super::wire::{Checked, Wire};
use super::words::{Fault, Words};
use super::{code, mnemonic};

/// One bit for each of the 65,536 ports.
const MAX_PORTS: usize = 8_192;

pub(super) fn read_services(words: &mut Words<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let protocol = mnemonic::number(mnemonic::PROTOCOLS, words.bare("protocol")?).and_then(|v| u8::try_from(v).ok());
    out.push(protocol.ok_or_else(|| words.wrong("protocol", "tcp, udp or a number from 0 to 255"))?);
    let from = out.len();
    while words.peek().is_some() {
        let port = mnemonic::number(mnemonic::SERVICES, words.bare("service")?);
        let port = port.ok_or_else(|| words.wrong("service", "a port number or a service such as smtp or domain"))?;
        let at = from + usize::from(port >> 3);
        if out.len() <= at {
            out.resize(at + 1, 0);
        }
        out[at] |= 0x80 >> (port & 7);
    }
    Ok(())
}

pub(super) fn check_services(wire: &mut Wire<'_>) -> Checked<()> {
    wire.u8()?;
    let map = wire.rest();
    if map.len() > MAX_PORTS || map.last() == Some(&0) {
        return Err("the map of services must have at most 8192 bytes, the last one not zero".into());
    }
    Ok(())
}

pub(super) fn show_services(wire: &mut Wire<'_>, out: &mut String) -> Checked<()> {
    out.push_str(&wire.u8()?.to_string());
    for (i, byte) in wire.rest().iter().enumerate() {
        for bit in (0..8).filter(|bit| byte & 0x80 >> bit != 0) {
            out.push_str(&format!(" {}", i * 8 + bit));
        }
    }
    Ok(())
}

/// `0x47.0005.80.005a00...`: hex digits, with dots wherever one likes.
pub(super) fn read_nsap(words: &mut Words<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = words.bare(label)?;
    let digits = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X"));
    let digits: Option<Vec<u8>> = digits.map(|digits| digits.iter().copied().filter(|&byte| byte != b'.').collect());
    let decoded = digits.filter(|digits| !digits.is_empty()).and_then(|digits| code::hex(&digits, out));
    decoded.ok_or_else(|| words.wrong(label, "0x and pairs of hex digits"))
}

pub(super) fn check_nsap(wire: &mut Wire<'_>) -> Checked<()> {
    if wire.rest().is_empty() { Err("empty".into()) } else { Ok(()) }
}

pub(super) fn show_nsap(wire: &mut Wire<'_>, out: &mut String) {
    out.push_str("0x");
    code::show_hex(wire.rest(), out);
}
