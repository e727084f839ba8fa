//! What a field of record data can be, and its three verbs: read the text, check the wire, show the wire.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::wire::{Checked, Wire};
use super::words::{Fault, Words};
use super::{apl, bitmap, code, gateway, groups, hip, loc, mnemonic, number, old, svcb, text, time};
use crate::dns::name;
use crate::dns::rtype::Type;

#[derive(Clone, Copy)]
pub(super) enum Field {
    U8,
    U16,
    U32,
    /// Seconds, also written with units.
    Span,
    /// RRSIG instants.
    Time,
    /// A record type in two bytes.
    TypeCode,
    Mnemonic8(&'static [(&'static str, u16)]),
    Mnemonic16(&'static [(&'static str, u16)]),
    V4,
    V6,
    Name,
    /// A character string; one that may be missing; one or more to the end.
    Str,
    StrOpt,
    Strs,
    /// One string to the end, without a length byte (CAA value, URI target).
    Long,
    Tag,
    /// Codes that run to the end.
    Hex,
    Base64,
    Base64Opt,
    /// As `Base64Opt`, but nothing is written `-`.
    Base64Dash,
    /// NSEC3: hex and base32hex in one word, behind a length byte; no salt is written `-`.
    Salt,
    Hash,
    Bitmap,
    OldBitmap,
    Eui48,
    Eui64,
    /// Four groups of four hex digits with colons.
    Groups,
    Nsap,
    Loc,
    Apl,
    Services,
    Ipseckey,
    Relay,
    Hip,
    Params,
}

impl Field {
    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::Name)
    }

    pub(super) fn read(self, label: &str, words: &mut Words<'_>, origin: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Self::U8 => out.push(number::read_u8(words, label)?),
            Self::U16 => out.extend_from_slice(&number::read_u16(words, label)?.to_be_bytes()),
            Self::U32 => out.extend_from_slice(&number::read_u32(words, label)?.to_be_bytes()),
            Self::Span => out.extend_from_slice(&number::read_span(words, label)?.to_be_bytes()),
            Self::Time => {
                let seconds = time::instant(words.bare(label)?);
                let seconds = seconds.ok_or_else(|| words.wrong(label, "YYYYMMDDHHMMSS, or seconds since 1970"))?;
                out.extend_from_slice(&seconds.to_be_bytes());
            }
            Self::TypeCode => {
                let rtype = Type::from_mnemonic(words.bare(label)?).ok_or_else(|| words.wrong(label, "a record type"))?;
                out.extend_from_slice(&rtype.0.to_be_bytes());
            }
            Self::Mnemonic8(table) => {
                let value = mnemonic::number(table, words.bare(label)?).and_then(|v| u8::try_from(v).ok());
                out.push(value.ok_or_else(|| words.wrong(label, "a number from 0 to 255 or a known mnemonic"))?);
            }
            Self::Mnemonic16(table) => {
                let value = mnemonic::number(table, words.bare(label)?);
                let value = value.ok_or_else(|| words.wrong(label, "a number from 0 to 65535 or a known mnemonic"))?;
                out.extend_from_slice(&value.to_be_bytes());
            }
            Self::V4 => read_v4(words, label, out)?,
            Self::V6 => read_v6(words, label, out)?,
            Self::Name => read_name(words, label, origin, out)?,
            Self::Str => text::read_string(words, label, out)?,
            Self::StrOpt if words.peek().is_none() => {}
            Self::StrOpt => text::read_string(words, label, out)?,
            Self::Strs => text::read_strings(words, label, out)?,
            Self::Long => {
                let token = words.take(label)?;
                text::unescaped(&token, words, out)?;
            }
            Self::Tag => text::read_tag(words, label, out)?,
            Self::Hex => code::read_hex_to_end(words, label, false, out)?,
            Self::Base64 => code::read_base64_to_end(words, label, false, out)?,
            Self::Base64Opt => code::read_base64_to_end(words, label, true, out)?,
            Self::Base64Dash if words.peek().is_some_and(|token| token.is("-")) => {
                words.skip();
            }
            Self::Base64Dash => code::read_base64_to_end(words, label, false, out)?,
            Self::Salt => read_lengthed(words, label, "hex digits (up to 255 bytes), or `-` for none", out, |text, out| {
                if text == b"-" { Some(()) } else { code::hex(text, out) }
            })?,
            Self::Hash => read_lengthed(words, label, "base32hex without padding", out, code::base32hex)?,
            Self::Bitmap => bitmap::read(words, label, out)?,
            Self::OldBitmap => bitmap::read_old(words, label, out)?,
            Self::Eui48 => groups::read(words, label, groups::EUI48, out)?,
            Self::Eui64 => groups::read(words, label, groups::EUI64, out)?,
            Self::Groups => groups::read(words, label, groups::WORDS64, out)?,
            Self::Nsap => old::read_nsap(words, label, out)?,
            Self::Loc => loc::read(words, out)?,
            Self::Apl => apl::read(words, label, out)?,
            Self::Services => old::read_services(words, out)?,
            Self::Ipseckey => gateway::read_ipseckey(words, origin, out)?,
            Self::Relay => gateway::read_relay(words, origin, out)?,
            Self::Hip => hip::read(words, origin, out)?,
            Self::Params => svcb::read(words, out)?,
        }
        Ok(())
    }

    pub(super) fn check(self, wire: &mut Wire<'_>) -> Checked<()> {
        match self {
            Self::U8 | Self::Mnemonic8(_) => wire.u8().map(drop),
            Self::U16 | Self::Mnemonic16(_) | Self::TypeCode => wire.u16().map(drop),
            Self::U32 | Self::Span | Self::Time | Self::V4 => wire.u32().map(drop),
            Self::V6 => wire.take(16).map(drop),
            Self::Name => wire.name().map(drop),
            Self::Str => wire.string().map(drop),
            Self::StrOpt if wire.0.is_empty() => Ok(()),
            Self::StrOpt => wire.string().map(drop),
            Self::Strs => text::check_strings(wire),
            Self::Tag => text::check_tag(wire),
            Self::Hex | Self::Base64 if wire.0.is_empty() => Err("empty".into()),
            Self::Hex | Self::Base64 | Self::Base64Opt | Self::Base64Dash | Self::Long => {
                wire.rest();
                Ok(())
            }
            Self::Salt => wire.string().map(drop),
            Self::Hash if wire.0.first() == Some(&0) => Err("empty".into()),
            Self::Hash => wire.string().map(drop),
            Self::Bitmap => bitmap::check(wire),
            Self::OldBitmap => bitmap::check_old(wire),
            Self::Eui48 => wire.take(6).map(drop),
            Self::Eui64 | Self::Groups => wire.take(8).map(drop),
            Self::Nsap => old::check_nsap(wire),
            Self::Loc => loc::check(wire),
            Self::Apl => apl::check(wire),
            Self::Services => old::check_services(wire),
            Self::Ipseckey => gateway::check_ipseckey(wire),
            Self::Relay => gateway::check_relay(wire),
            Self::Hip => hip::check(wire),
            Self::Params => svcb::check(wire),
        }
    }

    /// Only for wire that passed `check`; what is missing is then left out, never a panic.
    pub(super) fn show(self, wire: &mut Wire<'_>, out: &mut String) {
        // Only malformed wire makes a field fail here, and `rdata::show` has ruled that out.
        let _ = self.try_show(wire, out);
    }

    fn try_show(self, wire: &mut Wire<'_>, out: &mut String) -> Checked<()> {
        match self {
            Self::U8 | Self::Mnemonic8(_) => show_number(wire.u8()?.into(), out),
            Self::U16 | Self::Mnemonic16(_) => show_number(wire.u16()?.into(), out),
            Self::U32 | Self::Span => show_number(wire.u32()?, out),
            Self::Time => out.push_str(&time::show(wire.u32()?)),
            Self::TypeCode => {
                let _ = write!(out, "{}", Type(wire.u16()?));
            }
            Self::V4 => show_v4(wire.array()?, out),
            Self::V6 => show_v6(wire.array()?, out),
            Self::Name => show_name(wire.name()?, out),
            Self::StrOpt if wire.0.is_empty() => {}
            Self::Str | Self::StrOpt => text::show_string(wire.string()?, out),
            Self::Strs => {
                text::show_string(wire.string()?, out);
                while !wire.0.is_empty() {
                    out.push(' ');
                    text::show_string(wire.string()?, out);
                }
            }
            Self::Long => text::show_string(wire.rest(), out),
            Self::Tag => out.extend(wire.string()?.iter().copied().map(char::from)),
            Self::Hex => code::show_hex(wire.rest(), out),
            Self::Base64Dash if wire.0.is_empty() => out.push('-'),
            Self::Base64 | Self::Base64Opt | Self::Base64Dash => code::show_base64(wire.rest(), out),
            Self::Salt => match wire.string()? {
                [] => out.push('-'),
                salt => code::show_hex(salt, out),
            },
            Self::Hash => code::show_base32hex(wire.string()?, out),
            Self::Bitmap => bitmap::show(wire, out)?,
            Self::OldBitmap => bitmap::show_old(wire, out),
            Self::Eui48 => groups::show(wire.take(6)?, groups::EUI48, out),
            Self::Eui64 => groups::show(wire.take(8)?, groups::EUI64, out),
            Self::Groups => groups::show(wire.take(8)?, groups::WORDS64, out),
            Self::Nsap => old::show_nsap(wire, out),
            Self::Loc => loc::show(wire, out)?,
            Self::Apl => apl::show(wire, out)?,
            Self::Services => old::show_services(wire, out)?,
            Self::Ipseckey => gateway::show_ipseckey(wire, out)?,
            Self::Relay => gateway::show_relay(wire, out)?,
            Self::Hip => hip::show(wire, out)?,
            Self::Params => svcb::show(wire, out)?,
        }
        Ok(())
    }
}

pub(super) fn read_name(words: &mut Words<'_>, label: &str, origin: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = words.bare(label)?;
    if text == b"@" {
        out.extend_from_slice(origin);
        return Ok(());
    }
    name::parse_into(text, origin, out).map_err(|why| {
        let shown = words.wrong(label, "a domain name").what;
        words.fault(format!("{shown}: {why}"))
    })
}

pub(super) fn show_name(wire: &[u8], out: &mut String) {
    if let Ok(name) = name::Name::from_wire(wire) {
        let _ = write!(out, "{name}");
    }
}

pub(super) fn v4(text: &[u8]) -> Option<Ipv4Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

pub(super) fn v6(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

pub(super) fn read_v4(words: &mut Words<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = words.bare(label)?;
    let address = v4(text).ok_or_else(|| {
        let fault = words.wrong(label, "four numbers from 0 to 255 with dots, such as 192.0.2.1");
        if v6(text).is_some() { fault.hint("for an IPv6 address the type is AAAA") } else { fault }
    })?;
    out.extend_from_slice(&address.octets());
    Ok(())
}

pub(super) fn read_v6(words: &mut Words<'_>, label: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = words.bare(label)?;
    let address = v6(text).ok_or_else(|| {
        let fault = words.wrong(label, "an IPv6 address, such as 2001:db8::1");
        if v4(text).is_some() { fault.hint("for an IPv4 address the type is A") } else { fault }
    })?;
    out.extend_from_slice(&address.octets());
    Ok(())
}

pub(super) fn show_v4(octets: [u8; 4], out: &mut String) {
    let _ = write!(out, "{}", Ipv4Addr::from(octets));
}

pub(super) fn show_v6(octets: [u8; 16], out: &mut String) {
    let _ = write!(out, "{}", Ipv6Addr::from(octets));
}

fn show_number(value: u32, out: &mut String) {
    let _ = write!(out, "{value}");
}

/// One word that becomes at most 255 bytes behind their length.
fn read_lengthed(
    words: &mut Words<'_>,
    label: &str,
    must: &str,
    out: &mut Vec<u8>,
    decode: impl FnOnce(&[u8], &mut Vec<u8>) -> Option<()>,
) -> Result<(), Fault> {
    let text = words.bare(label)?;
    let length_at = out.len();
    out.push(0);
    let decoded = decode(text, out);
    let len = u8::try_from(out.len() - length_at - 1).ok();
    match (decoded, len) {
        (Some(()), Some(len)) if len > 0 || text == b"-" => {
            out[length_at] = len;
            Ok(())
        }
        _ => Err(words.wrong(label, must)),
    }
}
