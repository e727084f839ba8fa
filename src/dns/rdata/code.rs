//! Base 16, 32 (with the extended hex alphabet) and 64 (RFC 4648), over as many words as they are broken into.

use super::words::{Fault, Words};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32HEX: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// Hex digits to the end of the entry; a byte may be broken over two words.
pub(super) fn read_hex_to_end(words: &mut Words<'_>, label: &str, may_be_empty: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    if !may_be_empty && words.peek().is_none() {
        words.take(label)?;
    }
    let mut high = None;
    while words.peek().is_some() {
        for &digit in words.bare(label)? {
            let value = hex_digit(digit).ok_or_else(|| words.wrong(label, "hex digits"))?;
            match high.take() {
                None => high = Some(value),
                Some(high) => out.push(high << 4 | value),
            }
        }
    }
    if high.is_some() { Err(words.fault(format!("<{label}> has an odd number of hex digits"))) } else { Ok(()) }
}

/// All of `text` as hex bytes.
pub(super) fn hex(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    for &[high, low] in pairs {
        out.push(hex_digit(high)? << 4 | hex_digit(low)?);
    }
    Some(())
}

pub(super) fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|v| v as u8)
}

pub(super) fn show_hex(bytes: &[u8], text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
}

/// Base64 as it comes in, a word at a time.
#[derive(Default)]
struct Base64 {
    bits: u32,
    digits: usize,
    padding: usize,
}

impl Base64 {
    fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        for &byte in text {
            if byte == b'=' {
                self.padding += 1;
                continue;
            }
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            if self.padding > 0 {
                return None;
            }
            self.bits = self.bits << 6 | u32::from(value);
            self.digits += 1;
            if self.digits.is_multiple_of(4) {
                out.extend_from_slice(&self.bits.to_be_bytes()[1..]);
                self.bits = 0;
            }
        }
        Some(())
    }

    fn finish(self, out: &mut Vec<u8>) -> Option<()> {
        match (self.digits % 4, self.padding) {
            (0, 0) => Some(()),
            (2, 2) if self.bits & 0xf == 0 => {
                out.push((self.bits >> 4) as u8);
                Some(())
            }
            (3, 1) if self.bits & 3 == 0 => {
                out.extend_from_slice(&((self.bits >> 2) as u16).to_be_bytes());
                Some(())
            }
            _ => None,
        }
    }
}

pub(super) fn read_base64_to_end(words: &mut Words<'_>, label: &str, may_be_empty: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    const MUST: &str = "base64, padded with `=` to groups of four";
    if !may_be_empty && words.peek().is_none() {
        words.take(label)?;
    }
    let mut base64 = Base64::default();
    while words.peek().is_some() {
        let text = words.bare(label)?;
        base64.push(text, out).ok_or_else(|| words.wrong(label, MUST))?;
    }
    base64.finish(out).ok_or_else(|| words.wrong(label, MUST))
}

/// All of `text` as base64.
pub(super) fn base64(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut base64 = Base64::default();
    base64.push(text, out)?;
    base64.finish(out)
}

pub(super) fn show_base64(bytes: &[u8], text: &mut String) {
    for group in bytes.chunks(3) {
        let at = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= group.len() { digit.into() } else { '=' });
        }
    }
}

/// Without padding, any letter case (NSEC3's next hashed owner, RFC 5155 §3.3).
pub(super) fn base32hex(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (mut bits, mut have) = (0u32, 0);
    for byte in text {
        let value = match byte.to_ascii_lowercase() {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'v' => digit - b'a' + 10,
            _ => return None,
        };
        bits = (bits << 5 | u32::from(value)) & 0xfff;
        have += 5;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    let left = bits & ((1 << have) - 1);
    if have >= 5 || left != 0 { None } else { Some(()) }
}

pub(super) fn show_base32hex(bytes: &[u8], text: &mut String) {
    for group in bytes.chunks(5) {
        let bits = (0..5).fold(0u64, |bits, i| bits << 8 | u64::from(group.get(i).copied().unwrap_or(0)));
        for i in 0..(group.len() * 8).div_ceil(5) {
            text.push(BASE32HEX[(bits >> (35 - 5 * i) & 31) as usize].into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 §10.
    #[test]
    fn known_vectors() {
        for (plain, b64, b32, b16) in [
            ("", "", "", ""),
            ("f", "Zg==", "co", "66"),
            ("fo", "Zm8=", "cpng", "666F"),
            ("foo", "Zm9v", "cpnmu", "666F6F"),
            ("foob", "Zm9vYg==", "cpnmuog", "666F6F62"),
            ("fooba", "Zm9vYmE=", "cpnmuoj1", "666F6F6261"),
            ("foobar", "Zm9vYmFy", "cpnmuoj1e8", "666F6F626172"),
        ] {
            let (mut t64, mut t32, mut t16) = (String::new(), String::new(), String::new());
            show_base64(plain.as_bytes(), &mut t64);
            show_base32hex(plain.as_bytes(), &mut t32);
            show_hex(plain.as_bytes(), &mut t16);
            assert_eq!((t64.as_str(), t32.as_str(), t16.as_str()), (b64, b32, b16));
            let (mut r64, mut r32, mut r16) = (Vec::new(), Vec::new(), Vec::new());
            base64(b64.as_bytes(), &mut r64).unwrap();
            base32hex(b32.to_uppercase().as_bytes(), &mut r32).unwrap();
            hex(b16.as_bytes(), &mut r16).unwrap();
            assert_eq!([&r64, &r32, &r16], [plain.as_bytes(); 3]);
        }
    }

    #[test]
    fn bad_codes_are_refused() {
        for text in ["Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z=g=", "Zg==Zg==", "Z*==", "===="] {
            assert_eq!(base64(text.as_bytes(), &mut Vec::new()), None, "{text}");
        }
        for text in ["c", "cp", "w0", "cpn"] {
            assert_eq!(base32hex(text.as_bytes(), &mut Vec::new()), None, "{text}");
        }
        for text in ["1", "0g", "123"] {
            assert_eq!(hex(text.as_bytes(), &mut Vec::new()), None, "{text}");
        }
    }
}
