//! What fields cannot say alone. Faults make data unreadable for somebody; doubts are most likely a mistake, but peers load them.

use crate::dns::rtype::Type;

/// `bytes` are right field by field.
pub(super) fn check(rtype: Type, bytes: &[u8]) -> Result<(), String> {
    match (rtype.0, bytes) {
        (19, [_, digits @ ..]) if digits.len() < 4 || !digits.iter().all(u8::is_ascii_digit) => {
            Err("<PSDN address> must be at least four digits".into())
        }
        _ => Ok(()),
    }
}

/// What is worth a warning. Two of NSD, Knot and BIND load each of these, so an error would keep zones from moving here.
pub fn doubt(rtype: Type, bytes: &[u8]) -> Option<String> {
    match (rtype.0, bytes) {
        // Types that are read by the million have nothing to doubt and come first.
        (1 | 2 | 5 | 12 | 15 | 16 | 28, _) => None,
        // RFC 8078 §4: the one CDS that asks for removal of the DS.
        (59, [0, 0, 0, 0, 0]) => None,
        (43 | 59 | 32768 | 32769, [_, _, _, kind, digest @ ..]) => {
            length("<digest>", "digest type", *kind, digest, &[(1, 20), (2, 32), (3, 32), (4, 48)])
        }
        (44, [_, kind, digest @ ..]) => length("<fingerprint>", "fingerprint type", *kind, digest, &[(1, 20), (2, 32)]),
        (52 | 53, [_, _, kind, digest @ ..]) => length("<certificate data>", "matching type", *kind, digest, &[(1, 32), (2, 64)]),
        // RFC 8976 §2.2.4: no digest is shorter than 12 bytes.
        (63, [_, _, _, _, _, _, digest @ ..]) if digest.len() < 12 => Some("<digest> should have at least 12 bytes".into()),
        (63, [_, _, _, _, _, kind, digest @ ..]) => length("<digest>", "hash algorithm", *kind, digest, &[(1, 48), (2, 64)]),
        // RFC 7553 §4.4.
        (256, [_, _, _, _]) => Some("the URI should not be empty".into()),
        _ => None,
    }
}

fn length(what: &str, kind_name: &str, kind: u8, digest: &[u8], known: &[(u8, usize)]) -> Option<String> {
    let (_, len) = known.iter().find(|(number, len)| *number == kind && *len != digest.len())?;
    Some(format!("{what} has {} bytes, but {kind_name} {kind} needs {len}", digest.len()))
}
