//! Domain names in wire form, case kept, compared without it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A name's wire form may not be longer (RFC 1035 §2.3.4).
pub const MAX_NAME: usize = 255;
/// A label may not be longer (RFC 1035 §2.3.4).
pub const MAX_LABEL: usize = 63;
/// 127 one-byte labels and the root fill `MAX_NAME`.
pub const MAX_LABELS: usize = 128;

/// An absolute name: uncompressed wire form that ends in the root label. Copies share it: a hostname stands in several lists.
#[derive(Clone)]
pub struct Name(Arc<[u8]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    EmptyLabel,
    LongLabel,
    LongName,
    BadEscape,
    NotAscii,
    NotWire,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyLabel => "a name has an empty label (two dots in a row, or a leading dot)",
            Self::LongLabel => "a label is longer than 63 bytes",
            Self::LongName => "a name is longer than 255 bytes",
            Self::BadEscape => "a backslash must be followed by three digits up to 255 or by one other character",
            Self::NotAscii => "a name may hold only ASCII; write other letters in punycode (xn--…) or as \\DDD",
            Self::NotWire => "not a name in wire form",
        })
    }
}

impl std::error::Error for NameError {}

impl Name {
    pub fn root() -> Self {
        Self(Arc::new([0]))
    }

    /// Uncompressed wire form, the root label included and nothing after it.
    pub fn from_wire(wire: &[u8]) -> Result<Self, NameError> {
        match wire_len(wire) {
            Some(len) if len == wire.len() => Ok(Self(wire.into())),
            _ => Err(NameError::NotWire),
        }
    }

    /// Text as people write it: `live.panels.example`, with or without the last dot, always absolute.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut wire = Vec::with_capacity(text.len() + 2);
        parse_into(text.as_bytes(), &[0], &mut wire)?;
        Ok(Self(wire.into()))
    }

    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// Labels without the root.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        labels(&self.0)
    }

    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// True for the name itself and everything below it.
    pub fn is_at_or_below(&self, other: &Name) -> bool {
        is_at_or_below(&self.0, &other.0)
    }

    pub fn parent(&self) -> Option<Name> {
        if self.is_root() { None } else { Some(Self(self.0[1 + usize::from(self.0[0])..].into())) }
    }

    pub fn to_lowercase(&self) -> Name {
        Self(self.0.to_ascii_lowercase().into())
    }
}

/// Length of the uncompressed name at the start of `bytes`, if there is a valid one.
pub fn wire_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let len = usize::from(*bytes.get(at)?);
        if len == 0 {
            return Some(at + 1);
        }
        if len > MAX_LABEL {
            return None;
        }
        at += 1 + len;
        if at >= MAX_NAME {
            return None;
        }
    }
}

/// Labels of a valid wire name, without the root.
pub fn labels(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (&len, tail) = rest.split_first()?;
        if len == 0 {
            return None;
        }
        let (label, next) = tail.split_at_checked(usize::from(len))?;
        rest = next;
        Some(label)
    })
}

/// Both are valid wire names.
pub fn is_at_or_below(wire: &[u8], other: &[u8]) -> bool {
    let mut rest = wire;
    while rest.len() > other.len() {
        rest = &rest[1 + usize::from(rest[0])..];
    }
    rest.eq_ignore_ascii_case(other)
}

/// Appends the wire form of `text`; a name without a last dot is continued by `origin` (wire form).
/// `@` is the caller's business. On error `out` holds a part of the name: throw it away.
pub fn parse_into(text: &[u8], origin: &[u8], out: &mut Vec<u8>) -> Result<(), NameError> {
    let start = out.len();
    if text == b"." {
        out.push(0);
        return Ok(());
    }
    if text.is_empty() {
        return Err(NameError::EmptyLabel);
    }
    let mut length_at = start;
    out.push(0);
    let mut i = 0;
    while i < text.len() {
        let byte = match text[i] {
            b'.' => {
                close_label(out, length_at)?;
                length_at = out.len();
                out.push(0);
                i += 1;
                continue;
            }
            b'\\' => {
                let (byte, used) = unescape(&text[i + 1..]).ok_or(NameError::BadEscape)?;
                i += used;
                byte
            }
            byte if byte >= 0x80 => return Err(NameError::NotAscii),
            byte => byte,
        };
        out.push(byte);
        i += 1;
    }
    if out.len() - length_at == 1 {
        // The text ended in a dot: the length byte just opened is the root.
    } else {
        close_label(out, length_at)?;
        out.extend_from_slice(origin);
    }
    if out.len() - start > MAX_NAME { Err(NameError::LongName) } else { Ok(()) }
}

fn close_label(out: &mut [u8], length_at: usize) -> Result<(), NameError> {
    let len = out.len() - length_at - 1;
    if len == 0 {
        return Err(NameError::EmptyLabel);
    }
    if len > MAX_LABEL {
        return Err(NameError::LongLabel);
    }
    out[length_at] = len as u8;
    Ok(())
}

/// What follows a backslash: the byte meant, and how many characters it took.
pub fn unescape(after: &[u8]) -> Option<(u8, usize)> {
    let &first = after.first()?;
    if !first.is_ascii_digit() {
        return Some((first, 1));
    }
    let digits = after.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0u16, |v, d| v * 10 + u16::from(d - b'0'));
    u8::try_from(value).ok().map(|byte| (byte, 3))
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in &*self.0 {
            state.write_u8(byte.to_ascii_lowercase());
        }
    }
}

impl Ord for Name {
    /// Canonical order (RFC 4034 §6.1): by labels from the right, without case.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let ours: Vec<Vec<u8>> = self.labels().map(<[u8]>::to_ascii_lowercase).collect();
        let theirs: Vec<Vec<u8>> = other.labels().map(<[u8]>::to_ascii_lowercase).collect();
        ours.iter().rev().cmp(theirs.iter().rev())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// With the last dot, special bytes escaped, so that it reads back as the same name.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &byte in label {
                match byte {
                    b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => write!(f, "\\{}", char::from(byte))?,
                    0x21..=0x7e => write!(f, "{}", char::from(byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        for (text, shown) in [
            ("Live.Panels.Example", "Live.Panels.Example."),
            (".", "."),
            ("a\\.b.c.", "a\\.b.c."),
            ("a\\046b", "a\\.b."),
            ("\\000\\255x", "\\000\\255x."),
            ("*.x", "*.x."),
        ] {
            let name = Name::parse(text).unwrap();
            assert_eq!(name.to_string(), shown);
            assert_eq!(Name::parse(&name.to_string()).unwrap(), name);
        }
    }

    #[test]
    fn bad_text_is_refused() {
        let long = "a".repeat(64);
        let many = "a.".repeat(128);
        for (text, why) in [
            ("a..b", NameError::EmptyLabel),
            (".a", NameError::EmptyLabel),
            ("", NameError::EmptyLabel),
            ("a\\", NameError::BadEscape),
            ("a\\25", NameError::BadEscape),
            ("a\\256", NameError::BadEscape),
            ("bücher", NameError::NotAscii),
            (&long, NameError::LongLabel),
            (&many, NameError::LongName),
        ] {
            assert_eq!(Name::parse(text).unwrap_err(), why, "{text}");
        }
        assert!(Name::parse(&"a.".repeat(127)).is_ok(), "255 bytes is the longest");
    }

    #[test]
    fn order_is_canonical() {
        // The example of RFC 4034 §6.1.
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
            "zABC.a.EXAMPLE",
            "z.example",
            "\\001.z.example",
            "*.z.example",
            "\\200.z.example",
        ];
        let names: Vec<Name> = sorted.iter().map(|n| Name::parse(n).unwrap()).collect();
        let mut shuffled = names.clone();
        shuffled.reverse();
        shuffled.sort();
        assert_eq!(shuffled, names);
    }

    #[test]
    fn below_is_by_whole_labels() {
        let zone = Name::parse("panels.example").unwrap();
        assert!(Name::parse("LIVE.panels.example").unwrap().is_at_or_below(&zone));
        assert!(zone.is_at_or_below(&zone));
        assert!(!Name::parse("xpanels.example").unwrap().is_at_or_below(&zone));
        assert!(!Name::parse("example").unwrap().is_at_or_below(&zone));
        assert!(zone.is_at_or_below(&Name::root()));
    }

    use proptest::prelude::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let label = |longest| proptest::collection::vec(any::<u8>(), 1..=longest);
        let labels = prop_oneof![proptest::collection::vec(label(4), 0..128), proptest::collection::vec(label(64), 0..6)];
        (labels, proptest::option::of(any::<(proptest::sample::Index, u8)>())).prop_map(|(labels, change)| {
            let mut wire: Vec<u8> = labels.iter().flat_map(|label| [&[label.len() as u8][..], label].concat()).collect();
            wire.push(0);
            if let Some((at, value)) = change {
                let at = at.index(wire.len());
                wire[at] = value;
            }
            wire
        })
    }

    proptest! {
        #[test]
        fn any_name_reads_back_from_its_text(wire in bytes()) {
            if let Ok(name) = Name::from_wire(&wire) {
                let read = Name::parse(&name.to_string()).unwrap();
                prop_assert_eq!(read.wire(), name.wire());
                prop_assert_eq!(name.label_count(), name.labels().count());
                prop_assert!(name.is_at_or_below(&Name::root()) && name.to_lowercase() == name);
            }
        }

        #[test]
        fn a_path_takes_the_names_there_are(wire in bytes()) {
            let path = crate::snapshot::path::Path::read(&wire);
            prop_assert_eq!(path.as_ref().map(|path| path.wire().len()), wire_len(&wire));
            if let Some(path) = path {
                prop_assert!((0..=path.count()).all(|depth| labels(path.suffix(depth)).count() == depth));
            }
        }
    }
}
