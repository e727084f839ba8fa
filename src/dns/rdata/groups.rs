//! Fixed runs of hex groups: EUI-48 and EUI-64 (RFC 7043), node identifiers and locators (RFC 6742).

use super::code;
use super::words::{Fault, Words};

/// How many groups of how many digits, with what between them.
#[derive(Clone, Copy)]
pub(super) struct Grouping {
    groups: usize,
    digits: usize,
    separator: u8,
    /// Whether leading zeroes of a group may be left out.
    short: bool,
    must: &'static str,
}

pub(super) const EUI48: Grouping =
    Grouping { groups: 6, digits: 2, separator: b'-', short: false, must: "six pairs of hex digits, such as 00-00-5e-00-53-2a" };
pub(super) const EUI64: Grouping =
    Grouping { groups: 8, digits: 2, separator: b'-', short: false, must: "eight pairs of hex digits, such as 00-00-5e-ef-10-00-00-2a" };
pub(super) const WORDS64: Grouping = Grouping {
    groups: 4,
    digits: 4,
    separator: b':',
    short: true,
    must: "four groups of up to four hex digits, such as 2001:db8:1140:1000",
};

pub(super) fn read(words: &mut Words<'_>, label: &str, grouping: Grouping, out: &mut Vec<u8>) -> Result<(), Fault> {
    let text = words.bare(label)?;
    decode(text, grouping, out).ok_or_else(|| words.wrong(label, grouping.must))
}

fn decode(text: &[u8], grouping: Grouping, out: &mut Vec<u8>) -> Option<()> {
    let mut seen = 0;
    for group in text.split(|&byte| byte == grouping.separator) {
        let fits = group.len() == grouping.digits || (grouping.short && (1..grouping.digits).contains(&group.len()));
        seen += 1;
        if !fits || seen > grouping.groups {
            return None;
        }
        let value = group.iter().try_fold(0u32, |value, &digit| Some(value << 4 | u32::from(code::hex_digit(digit)?)))?;
        out.extend_from_slice(&value.to_be_bytes()[4 - grouping.digits / 2..]);
    }
    (seen == grouping.groups).then_some(())
}

pub(super) fn show(bytes: &[u8], grouping: Grouping, out: &mut String) {
    for (i, group) in bytes.chunks(grouping.digits / 2).enumerate() {
        if i > 0 {
            out.push(grouping.separator.into());
        }
        let mut digits = String::new();
        code::show_hex(group, &mut digits);
        out.push_str(&digits.to_ascii_lowercase());
    }
}
