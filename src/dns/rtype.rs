//! Record types and classes: numbers and mnemonics.

use std::fmt;

/// A record type. Any of the 65,536 may occur; the constants are those the code speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Type(pub u16);

impl Type {
    pub const A: Self = Self(1);
    pub const NS: Self = Self(2);
    pub const CNAME: Self = Self(5);
    pub const SOA: Self = Self(6);
    pub const PTR: Self = Self(12);
    pub const MX: Self = Self(15);
    pub const TXT: Self = Self(16);
    pub const AAAA: Self = Self(28);
    pub const SRV: Self = Self(33);
    pub const DNAME: Self = Self(39);
    pub const OPT: Self = Self(41);
    pub const DS: Self = Self(43);
    pub const RRSIG: Self = Self(46);
    pub const NSEC: Self = Self(47);
    pub const DNSKEY: Self = Self(48);
    pub const NSEC3: Self = Self(50);
    pub const NSEC3PARAM: Self = Self(51);
    pub const SVCB: Self = Self(64);
    pub const HTTPS: Self = Self(65);
    pub const TSIG: Self = Self(250);
    pub const IXFR: Self = Self(251);
    pub const AXFR: Self = Self(252);
    pub const ANY: Self = Self(255);

    /// `A`, `aaaa`, `TYPE65280`: any letter case.
    pub fn from_mnemonic(text: &[u8]) -> Option<Self> {
        let key = packed(text)?;
        if let Ok(at) = BY_KEY.binary_search_by_key(&key, |&(known, _)| known) {
            return Some(Self(BY_KEY[at].1));
        }
        numbered(&text.to_ascii_uppercase(), b"TYPE").map(Self)
    }

    pub fn mnemonic(self) -> Option<&'static str> {
        BY_NAME.iter().find(|&&(_, number)| number == self.0).map(|&(name, _)| name)
    }

    /// The mnemonic somebody most likely meant to write.
    pub fn meant_by(text: &[u8]) -> Option<&'static str> {
        let text = text.get(..text.len().min(LONGEST))?.to_ascii_uppercase();
        let allowed = if text.len() <= 3 { 1 } else { 2 };
        BY_NAME
            .iter()
            .filter(|(name, number)| name.len() > 1 && !Self(*number).is_meta())
            .map(|&(name, _)| (distance(name.as_bytes(), &text), name))
            .filter(|&(far, name)| far <= allowed && far < name.len())
            .min()
            .map(|(_, name)| name)
    }

    /// Speaks about a query or a message: never stands in a zone (RFC 6895 §3.1).
    pub fn is_meta(self) -> bool {
        matches!(self.0, 0 | 41 | 128..=255)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mnemonic() {
            Some(name) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

/// Classes (RFC 1035 §3.2.4).
pub mod class {
    pub const IN: u16 = 1;
    pub const CH: u16 = 3;
    pub const HS: u16 = 4;
    pub const NONE: u16 = 254;
    pub const ANY: u16 = 255;

    /// `IN`, `ch`, `CLASS1`: any letter case. Those of queries only (NONE, ANY) have no place in text.
    pub fn from_mnemonic(text: &[u8]) -> Option<u16> {
        let is = |name: &[u8]| text.eq_ignore_ascii_case(name);
        match text.len() {
            2 if is(b"IN") => Some(IN),
            2 if is(b"CH") => Some(CH),
            2 if is(b"HS") => Some(HS),
            // CSNET: obsolete, known here only so that the message can name it.
            2 if is(b"CS") => Some(2),
            6..=10 => super::numbered(&text.to_ascii_uppercase(), b"CLASS"),
            _ => None,
        }
    }

    pub fn show(class: u16) -> String {
        match class {
            IN => "IN".into(),
            CH => "CH".into(),
            HS => "HS".into(),
            NONE => "NONE".into(),
            ANY => "ANY".into(),
            other => format!("CLASS{other}"),
        }
    }
}

/// `TYPE123` and `CLASS123` (RFC 3597 §5).
fn numbered(upper: &[u8], prefix: &[u8]) -> Option<u16> {
    let digits = upper.strip_prefix(prefix)?;
    if digits.is_empty() || digits.len() > 5 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Edits between two short words (Levenshtein, with a swap of neighbours counted once).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]));
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[a.len()][b.len()]
}

/// No mnemonic is longer than `NSEC3PARAM`; a typo may be a little longer.
const LONGEST: usize = 12;

/// The text in upper case as one number, in the order of the text. Every record of a zone file is looked up: comparing numbers takes a fifth of the time.
const fn packed(text: &[u8]) -> Option<u128> {
    if text.len() > LONGEST {
        return None;
    }
    let (mut key, mut i) = (0u128, 0);
    while i < LONGEST {
        key = key << 8 | if i < text.len() { text[i].to_ascii_uppercase() as u128 } else { 0 };
        i += 1;
    }
    Some(key)
}

static BY_KEY: [(u128, u16); BY_NAME.len()] = {
    let mut keys = [(0, 0); BY_NAME.len()];
    let mut i = 0;
    while i < keys.len() {
        if let Some(key) = packed(BY_NAME[i].0.as_bytes()) {
            keys[i] = (key, BY_NAME[i].1);
        }
        i += 1;
    }
    keys
};

/// Sorted by name. The IANA registry, without the experiments that never got a format.
const BY_NAME: &[(&str, u16)] = &[
    ("A", 1),
    ("A6", 38),
    ("AAAA", 28),
    ("AFSDB", 18),
    ("AMTRELAY", 260),
    ("ANY", 255),
    ("APL", 42),
    ("ATMA", 34),
    ("AVC", 258),
    ("AXFR", 252),
    ("CAA", 257),
    ("CDNSKEY", 60),
    ("CDS", 59),
    ("CERT", 37),
    ("CNAME", 5),
    ("CSYNC", 62),
    ("DHCID", 49),
    ("DLV", 32769),
    ("DNAME", 39),
    ("DNSKEY", 48),
    ("DOA", 259),
    ("DS", 43),
    ("DSYNC", 66),
    ("EID", 31),
    ("EUI48", 108),
    ("EUI64", 109),
    ("GID", 102),
    ("GPOS", 27),
    ("HINFO", 13),
    ("HIP", 55),
    ("HTTPS", 65),
    ("IPSECKEY", 45),
    ("ISDN", 20),
    ("IXFR", 251),
    ("KEY", 25),
    ("KX", 36),
    ("L32", 105),
    ("L64", 106),
    ("LOC", 29),
    ("LP", 107),
    ("MAILA", 254),
    ("MAILB", 253),
    ("MB", 7),
    ("MD", 3),
    ("MF", 4),
    ("MG", 8),
    ("MINFO", 14),
    ("MR", 9),
    ("MX", 15),
    ("NAPTR", 35),
    ("NID", 104),
    ("NIMLOC", 32),
    ("NINFO", 56),
    ("NS", 2),
    ("NSAP", 22),
    ("NSAP-PTR", 23),
    ("NSEC", 47),
    ("NSEC3", 50),
    ("NSEC3PARAM", 51),
    ("NULL", 10),
    ("NXNAME", 128),
    ("NXT", 30),
    ("OPENPGPKEY", 61),
    ("OPT", 41),
    ("PTR", 12),
    ("PX", 26),
    ("RESINFO", 261),
    ("RKEY", 57),
    ("RP", 17),
    ("RRSIG", 46),
    ("RT", 21),
    ("SIG", 24),
    ("SINK", 40),
    ("SMIMEA", 53),
    ("SOA", 6),
    ("SPF", 99),
    ("SRV", 33),
    ("SSHFP", 44),
    ("SVCB", 64),
    ("TA", 32768),
    ("TALINK", 58),
    ("TKEY", 249),
    ("TLSA", 52),
    ("TSIG", 250),
    ("TXT", 16),
    ("UID", 101),
    ("UINFO", 100),
    ("UNSPEC", 103),
    ("URI", 256),
    ("WALLET", 262),
    ("WKS", 11),
    ("X25", 19),
    ("ZONEMD", 63),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mnemonics_go_both_ways() {
        assert!(BY_NAME.is_sorted() && BY_KEY.is_sorted(), "the search needs it sorted");
        for &(name, number) in BY_NAME {
            assert!(name.len() <= LONGEST);
            assert_eq!(Type::from_mnemonic(name.as_bytes()), Some(Type(number)));
            assert_eq!(Type::from_mnemonic(name.to_lowercase().as_bytes()), Some(Type(number)));
            assert_eq!(Type(number).to_string(), name);
        }
        for number in 0..=u16::MAX {
            assert_eq!(Type::from_mnemonic(format!("TYPE{number}").as_bytes()), Some(Type(number)));
            assert_eq!(Type::from_mnemonic(format!("type{number}").as_bytes()), Some(Type(number)));
        }
        assert_eq!(Type(65280).to_string(), "TYPE65280");
        for wrong in ["", "TYPE", "TYPE65536", "TYPE-1", "TYPE 1", "TYPE000001", "AAAAA", "NSEC3PARAMETERS"] {
            assert_eq!(Type::from_mnemonic(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn typos_are_understood() {
        for (wrong, meant) in [("CANME", "CNAME"), ("AAA", "AAAA"), ("TXTT", "TXT"), ("htps", "HTTPS"), ("NSEC3PARM", "NSEC3PARAM")] {
            assert_eq!(Type::meant_by(wrong.as_bytes()), Some(meant), "{wrong}");
        }
        for wrong in ["www.example.com.", "", "192.0.2.1", "Q"] {
            assert_eq!(Type::meant_by(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn classes_go_both_ways() {
        for (text, number) in [("in", 1), ("IN", 1), ("CLASS1", 1), ("Ch", 3), ("HS", 4), ("class65280", 65280)] {
            assert_eq!(class::from_mnemonic(text.as_bytes()), Some(number));
        }
        for wrong in ["", "I", "INN", "CLASS", "CLASS65536", "CLASSx"] {
            assert_eq!(class::from_mnemonic(wrong.as_bytes()), None);
        }
        assert_eq!(class::show(class::IN), "IN");
        assert_eq!(class::show(7), "CLASS7");
    }
}
