//! Which fields make up the data of each type. All else in this room follows from this table.

use super::field::Field::{self, *};
use super::mnemonic;
use crate::dns::rtype::Type;

/// A field and what messages call it.
pub(super) struct Part(pub(super) &'static str, pub(super) Field);

const KEY_ALGORITHM: Part = Part("algorithm", Mnemonic8(mnemonic::ALGORITHMS));

/// Nothing for types whose data is opaque here: NULL, and what the registry got after this was written.
pub(super) fn layout(rtype: Type) -> Option<&'static [Part]> {
    Some(match rtype.0 {
        1 => &[Part("IPv4 address", V4)],
        2 => &[Part("name server", Name)],
        3 | 4 => &[Part("mail host", Name)],
        5 | 39 => &[Part("target", Name)],
        6 => &[
            Part("primary name server", Name),
            Part("responsible mailbox", Name),
            Part("serial", U32),
            Part("refresh", Span),
            Part("retry", Span),
            Part("expire", Span),
            Part("minimum", Span),
        ],
        7..=9 => &[Part("mailbox", Name)],
        11 => &[Part("IPv4 address", V4), Part("protocol and services", Services)],
        12 | 23 => &[Part("name", Name)],
        13 => &[Part("processor", Str), Part("system", Str)],
        14 => &[Part("responsible mailbox", Name), Part("error mailbox", Name)],
        15 => &[Part("preference", U16), Part("mail server", Name)],
        16 | 56 | 99 | 258 | 261 | 262 => &[Part("text", Strs)],
        17 => &[Part("mailbox", Name), Part("text name", Name)],
        18 => &[Part("subtype", U16), Part("host", Name)],
        19 => &[Part("PSDN address", Str)],
        20 => &[Part("ISDN address", Str), Part("subaddress", StrOpt)],
        21 => &[Part("preference", U16), Part("intermediate host", Name)],
        22 => &[Part("NSAP address", Nsap)],
        24 | 46 => &[
            Part("type covered", TypeCode),
            KEY_ALGORITHM,
            Part("labels", U8),
            Part("original TTL", Span),
            Part("expiration", Time),
            Part("inception", Time),
            Part("key tag", U16),
            Part("signer", Name),
            Part("signature", Base64),
        ],
        25 => &[Part("flags", U16), Part("protocol", U8), KEY_ALGORITHM, Part("public key", Base64Opt)],
        48 | 60 => &[Part("flags", U16), Part("protocol", U8), KEY_ALGORITHM, Part("public key", Base64)],
        26 => &[Part("preference", U16), Part("RFC 822 name", Name), Part("X.400 name", Name)],
        27 => &[Part("longitude", Str), Part("latitude", Str), Part("altitude", Str)],
        28 => &[Part("IPv6 address", V6)],
        29 => &[Part("place", Loc)],
        30 => &[Part("next name", Name), Part("types", OldBitmap)],
        31 | 32 => &[Part("hex digits", Hex)],
        33 => &[Part("priority", U16), Part("weight", U16), Part("port", U16), Part("target", Name)],
        35 => &[
            Part("order", U16),
            Part("preference", U16),
            Part("flags", Str),
            Part("services", Str),
            Part("regular expression", Str),
            Part("replacement", Name),
        ],
        36 => &[Part("preference", U16), Part("exchanger", Name)],
        37 => &[Part("certificate type", Mnemonic16(mnemonic::CERTS)), Part("key tag", U16), KEY_ALGORITHM, Part("certificate", Base64)],
        40 => &[Part("coding", U8), Part("subcoding", U8), Part("data", Base64Opt)],
        42 => &[Part("address prefixes", Apl)],
        43 | 59 | 32768 | 32769 => {
            &[Part("key tag", U16), KEY_ALGORITHM, Part("digest type", Mnemonic8(mnemonic::DIGESTS)), Part("digest", Hex)]
        }
        44 => &[Part("algorithm", U8), Part("fingerprint type", U8), Part("fingerprint", Hex)],
        45 => &[Part("gateway and key", Ipseckey)],
        47 => &[Part("next name", Name), Part("types", Bitmap)],
        49 => &[Part("digest", Base64)],
        50 => &[
            Part("hash algorithm", U8),
            Part("flags", U8),
            Part("iterations", U16),
            Part("salt", Salt),
            Part("next hashed owner", Hash),
            Part("types", Bitmap),
        ],
        51 => &[Part("hash algorithm", U8), Part("flags", U8), Part("iterations", U16), Part("salt", Salt)],
        52 | 53 => &[Part("certificate usage", U8), Part("selector", U8), Part("matching type", U8), Part("certificate data", Hex)],
        55 => &[Part("host identity", Hip)],
        57 => &[Part("flags", U16), Part("protocol", U8), Part("algorithm", U8), Part("public key", Base64)],
        58 => &[Part("previous name", Name), Part("next name", Name)],
        61 => &[Part("OpenPGP key", Base64)],
        62 => &[Part("serial", U32), Part("flags", U16), Part("types", Bitmap)],
        63 => &[Part("serial", U32), Part("scheme", U8), Part("hash algorithm", U8), Part("digest", Hex)],
        64 | 65 => &[Part("priority", U16), Part("target", Name), Part("parameters", Params)],
        66 => &[Part("type", TypeCode), Part("scheme", Mnemonic8(mnemonic::SCHEMES)), Part("port", U16), Part("target", Name)],
        104 => &[Part("preference", U16), Part("node identifier", Groups)],
        105 => &[Part("preference", U16), Part("locator", V4)],
        106 => &[Part("preference", U16), Part("locator", Groups)],
        107 => &[Part("preference", U16), Part("locator name", Name)],
        108 => &[Part("EUI-48 address", Eui48)],
        109 => &[Part("EUI-64 address", Eui64)],
        256 => &[Part("priority", U16), Part("weight", U16), Part("URI in quotes", Long)],
        257 => &[Part("flags", U8), Part("tag", Tag), Part("value", Long)],
        259 => &[Part("enterprise", U32), Part("type", U32), Part("location", U8), Part("media type", Str), Part("data", Base64Dash)],
        260 => &[Part("relay", Relay)],
        _ => return None,
    })
}

/// Where domain names stand in the data of a type, for whoever answers with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// No names, or none that a reader of the answer needs to know of.
    Opaque,
    /// `count` names in a row behind `skip` fixed bytes. Only types of RFC 1035 may be compressed (RFC 3597 §4).
    Names { skip: u8, count: u8, compress: bool },
}

pub const fn names(rtype: Type) -> Shape {
    match rtype.0 {
        2 | 3 | 4 | 5 | 7 | 8 | 9 | 12 => Shape::Names { skip: 0, count: 1, compress: true },
        6 | 14 => Shape::Names { skip: 0, count: 2, compress: true },
        15 => Shape::Names { skip: 2, count: 1, compress: true },
        23 | 39 => Shape::Names { skip: 0, count: 1, compress: false },
        17 | 58 => Shape::Names { skip: 0, count: 2, compress: false },
        18 | 21 | 36 | 64 | 65 | 107 => Shape::Names { skip: 2, count: 1, compress: false },
        26 => Shape::Names { skip: 2, count: 2, compress: false },
        33 => Shape::Names { skip: 6, count: 1, compress: false },
        _ => Shape::Opaque,
    }
}

/// Types whose names are lower-cased in canonical form: RFC 4034 §6.2 without NSEC, which RFC 6840 §5.1 took off the list.
pub(super) const fn lower_cased(rtype: Type) -> bool {
    matches!(rtype.0, 2..=9 | 12 | 14 | 15 | 17 | 18 | 21 | 24 | 26 | 30 | 33 | 35 | 36 | 39 | 46)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table for answers and the table of fields must say the same.
    #[test]
    fn shapes_follow_the_layout() {
        for number in 0..=u16::MAX {
            let Shape::Names { skip, count, compress } = names(Type(number)) else { continue };
            let parts = layout(Type(number)).unwrap();
            let (mut before, mut found) = (0, 0);
            for part in parts {
                match part.1 {
                    Name => found += 1,
                    U8 if found == 0 => before += 1,
                    U16 if found == 0 => before += 2,
                    _ => break,
                }
            }
            assert_eq!((before, found), (skip, count), "{}", Type(number));
            assert!(!compress || number <= 16, "only RFC 1035 types may be compressed");
        }
    }
}
