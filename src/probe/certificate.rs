//! When a certificate ends: as much of X.509 (RFC 5280) as that takes.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Seconds since 1970 of its last moment; none where it is no certificate.
pub(super) fn not_after(der: &[u8]) -> Option<i64> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest, VERSION)?.1;
    }
    // Serial number, algorithm, issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        rest = element(rest, tag)?.1;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, rest) = time(validity)?;
    Some(time(rest)?.0)
}

/// The content of the element at the front, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if found != tag {
        return None;
    }
    rest.split_at_checked(length)
}

/// `YYMMDDHHMMSSZ` (1950 to 2049) or `YYYYMMDDHHMMSSZ`: other forms are not for certificates (RFC 5280 4.1.2.5).
fn time(der: &[u8]) -> Option<(i64, &[u8])> {
    let (digits, rest, year) = match *der.first()? {
        UTC_TIME => {
            let (text, rest) = element(der, UTC_TIME)?;
            let year = number(text.get(..2)?)?;
            (&text[2..], rest, if year < 50 { 2000 + year } else { 1900 + year })
        }
        _ => {
            let (text, rest) = element(der, GENERALIZED_TIME)?;
            let year = number(text.get(..4)?)?;
            (&text[4..], rest, year)
        }
    };
    let [b'Z'] = *digits.get(10..)? else { return None };
    let mut parts = digits[..10].chunks(2).map(number);
    let mut part = |low, high| parts.next()?.filter(|number| (low..=high).contains(number));
    let (month, day, hour, minute, second) = (part(1, 12)?, part(1, 31)?, part(0, 23)?, part(0, 59)?, part(0, 60)?);
    Some((((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second, rest))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

/// Since 1970-01-01, in the Gregorian calendar; years are counted from March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let header = match length {
            0..0x80 => vec![tag, length as u8],
            _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        };
        [&header, content].concat()
    }

    fn certificate(version: bool, end: Vec<u8>) -> Vec<u8> {
        let version = if version { encoded(VERSION, &encoded(INTEGER, &[2])) } else { vec![] };
        let begin = encoded(UTC_TIME, b"200101000000Z");
        let validity = encoded(SEQUENCE, &[begin, end].concat());
        let issuer = encoded(SEQUENCE, &[7; 300]);
        let body = [version, encoded(INTEGER, &[1]), encoded(SEQUENCE, &[]), issuer, validity, encoded(SEQUENCE, b"subject")].concat();
        encoded(SEQUENCE, &[encoded(SEQUENCE, &body), encoded(SEQUENCE, &[])].concat())
    }

    #[test]
    fn ends_are_read_in_both_forms() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "500101000000Z", Some(-631_152_000)),
            (UTC_TIME, "261121173411Z", Some(1_795_282_451)),
            (GENERALIZED_TIME, "20240229120000Z", Some(1_709_208_000)),
            (GENERALIZED_TIME, "20000301000000Z", Some(951_868_800)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (UTC_TIME, "7001010000Z", None),
            (UTC_TIME, "701301000000Z", None),
            (UTC_TIME, "700101000000+", None),
            (UTC_TIME, "7001010000x0Z", None),
            (UTC_TIME, "", None),
            (GENERALIZED_TIME, "20240229120000.5Z", None),
            (INTEGER, "700101000000Z", None),
        ] {
            for version in [true, false] {
                assert_eq!(not_after(&certificate(version, encoded(tag, text.as_bytes()))), expected, "{text}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_no_certificate() {
        let whole = certificate(true, encoded(UTC_TIME, b"491231235959Z"));
        for end in 0..whole.len() {
            assert_eq!(not_after(&whole[..end]), None);
        }
        assert_eq!(not_after(&[SEQUENCE, 0x80, 0, 0]), None);
        assert_eq!(not_after(&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
