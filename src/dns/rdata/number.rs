//! Numbers, and spans of time with units (`1h30m`).

use super::words::{Fault, Words};

/// A TTL has 31 bits (RFC 2181 §8).
pub const MAX_TTL: u32 = 0x7fff_ffff;

/// `3600`, `1h`, `1W2d3h4m5s`, any letter case. A bare number behind a unit (`1h30`) says nothing certain and is refused, as BIND does.
pub fn ttl(text: &[u8]) -> Option<u32> {
    let (mut sum, mut digits_from, mut units) = (0u64, 0, false);
    for (i, byte) in text.iter().enumerate() {
        let unit = match byte {
            b'0'..=b'9' => continue,
            b's' | b'S' => 1,
            b'm' | b'M' => 60,
            b'h' | b'H' => 3_600,
            b'd' | b'D' => 86_400,
            b'w' | b'W' => 604_800,
            _ => return None,
        };
        sum += u64::from(decimal(&text[digits_from..i])?) * unit;
        if sum > u64::from(u32::MAX) {
            return None;
        }
        digits_from = i + 1;
        units = true;
    }
    match (units, &text[digits_from..]) {
        (true, []) => u32::try_from(sum).ok(),
        (false, digits) => decimal(digits),
        _ => None,
    }
}

/// Digits only: no sign, no blanks.
pub(super) fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |value, digit| {
        if !digit.is_ascii_digit() {
            return None;
        }
        value.checked_mul(10)?.checked_add(u32::from(digit - b'0'))
    })
}

pub(super) fn read_u8(words: &mut Words<'_>, label: &str) -> Result<u8, Fault> {
    let value = decimal(words.bare(label)?);
    value.and_then(|v| v.try_into().ok()).ok_or_else(|| words.wrong(label, "a number from 0 to 255"))
}

pub(super) fn read_u16(words: &mut Words<'_>, label: &str) -> Result<u16, Fault> {
    let value = decimal(words.bare(label)?);
    value.and_then(|v| v.try_into().ok()).ok_or_else(|| words.wrong(label, "a number from 0 to 65535"))
}

pub(super) fn read_u32(words: &mut Words<'_>, label: &str) -> Result<u32, Fault> {
    decimal(words.bare(label)?).ok_or_else(|| words.wrong(label, "a number from 0 to 4294967295"))
}

pub(super) fn read_span(words: &mut Words<'_>, label: &str) -> Result<u32, Fault> {
    ttl(words.bare(label)?).ok_or_else(|| words.wrong(label, "a number of seconds, or a time such as 1h30m or 2w"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (text, seconds) in [
            ("0", 0),
            ("3600", 3600),
            ("1h", 3600),
            ("1h30m", 5400),
            ("2w", 1_209_600),
            ("1W2D3H4M5S", 788_645),
            ("007", 7),
            ("4294967295", u32::MAX),
            ("0s", 0),
        ] {
            assert_eq!(ttl(text.as_bytes()), Some(seconds), "{text}");
        }
        for text in ["", "h", "1x", "-1", "1h30", "4294967296", "99999999999999999999", "7102w", "1.5h", "1 h", "1hh"] {
            assert_eq!(ttl(text.as_bytes()), None, "{text}");
        }
    }
}
