//! What fields cannot say alone: lengths that another field fixes, combinations that make no sense.

use crate::dns::rtype::Type;

/// `bytes` are right field by field.
pub(super) fn check(rtype: Type, bytes: &[u8]) -> Result<(), String> {
    match (rtype.0, bytes) {
        // Types that are read by the million and have no rules come first.
        (1 | 2 | 5 | 12 | 15 | 16 | 28, _) => Ok(()),
        // RFC 8078 §4: the one CDS that asks for removal of the DS.
        (59, [0, 0, 0, 0, 0]) => Ok(()),
        (43 | 59 | 32768 | 32769, [_, _, _, kind, digest @ ..]) => {
            digest_length("digest", "digest type", *kind, digest, &[(1, 20), (2, 32), (3, 32), (4, 48)])
        }
        (44, [_, kind, digest @ ..]) => digest_length("fingerprint", "fingerprint type", *kind, digest, &[(1, 20), (2, 32)]),
        (52 | 53, [_, _, kind, digest @ ..]) => digest_length("certificate data", "matching type", *kind, digest, &[(1, 32), (2, 64)]),
        (63, [_, _, _, _, _, kind, digest @ ..]) => {
            // RFC 8976 §2.2.4: no digest is shorter than 12 bytes.
            if digest.len() < 12 {
                return Err("<digest> must have at least 12 bytes".into());
            }
            digest_length("digest", "hash algorithm", *kind, digest, &[(1, 48), (2, 64)])
        }
        (19, [_, digits @ ..]) if digits.len() < 4 || !digits.iter().all(u8::is_ascii_digit) => {
            Err("<PSDN address> must be at least four digits".into())
        }
        // RFC 7553 §4.4.
        (256, [_, _, _, _]) => Err("<URI in quotes> may not be empty".into()),
        _ => Ok(()),
    }
}

fn digest_length(what: &str, kind_name: &str, kind: u8, digest: &[u8], known: &[(u8, usize)]) -> Result<(), String> {
    match known.iter().find(|(number, _)| *number == kind) {
        Some((_, len)) if *len != digest.len() => Err(format!("<{what}> has {} bytes, but {kind_name} {kind} needs {len}", digest.len())),
        _ => Ok(()),
    }
}
