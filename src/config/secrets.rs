//! The file of cookie secrets, which the nodes of a cluster share.

use crate::document::Problem;

/// One secret, or the new and the old one while they are being changed (RFC 9018 §5).
const MAX_SECRETS: usize = 2;
/// SipHash-2-4 takes 128 bits (RFC 9018 §4).
const SECRET_BYTES: usize = 16;

/// Lines of 32 hex digits, the one to make cookies with first; blank lines and `#` comments are skipped.
pub fn cookie_secrets(file: &str, text: &str) -> Result<Vec<[u8; SECRET_BYTES]>, Vec<Problem>> {
    let mut secrets = Vec::new();
    let mut problems = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let secret = line.split('#').next().unwrap_or_default().trim();
        if secret.is_empty() {
            continue;
        }
        match hex(secret) {
            Some(bytes) if secrets.contains(&bytes) => {
                problems.push(Problem::error(file, number, "the same secret stands here twice").hint("keep one of the two"));
            }
            Some(bytes) => secrets.push(bytes),
            // The line is not shown: what is almost a secret may be one.
            None => problems
                .push(Problem::error(file, number, "not a secret").hint("write 32 hex digits, as `openssl rand -hex 16` makes them")),
        }
    }
    if problems.is_empty() && !(1..=MAX_SECRETS).contains(&secrets.len()) {
        let what = format!("{} secrets where one or two belong", secrets.len());
        problems.push(Problem::error(file, 0, what).hint("the first makes new cookies, the second is still believed"));
    }
    if problems.is_empty() { Ok(secrets) } else { Err(problems) }
}

fn hex(text: &str) -> Option<[u8; SECRET_BYTES]> {
    if text.len() != 2 * SECRET_BYTES || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    const TWO: &str = "445536bcd2513298075a5d379663c962";

    #[test]
    fn one_or_two_secrets() {
        let both = cookie_secrets("s", &format!("# new\n{ONE}\n\n  {TWO} # old\r\n")).unwrap();
        assert_eq!(both.len(), 2);
        assert_eq!(both[0][..2], [0xe5, 0xe9]);
        assert_eq!(cookie_secrets("s", &ONE.to_uppercase()).unwrap(), both[..1]);
    }

    #[test]
    fn anything_else_is_a_problem_that_shows_no_secret() {
        let three = format!("{ONE}\n{TWO}\n{}", "0".repeat(32));
        for text in [
            "",
            "# only\n",
            &ONE[1..],
            &format!("{ONE}0"),
            &format!("{ONE}\n{ONE}"),
            &three,
            "é5e973e5a6b2a43f48e7dc849e37bfc",
            &"+".repeat(32),
        ] {
            let found = cookie_secrets("s", text).unwrap_err();
            assert!(!found.is_empty() && found.iter().all(|p| !p.to_string().contains("973e5a6")), "{text}: {found:?}");
        }
        assert_eq!(cookie_secrets("s", "x\ny\n").unwrap_err().len(), 2);
    }
}
