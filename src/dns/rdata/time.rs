//! Instants in RRSIG: `YYYYMMDDHHMMSS` or seconds since 1970 (RFC 4034 §3.2).

use super::number::decimal;

pub(super) fn instant(text: &[u8]) -> Option<u32> {
    if text.len() != 14 {
        return decimal(text).filter(|_| text.len() <= 10);
    }
    let part = |from: usize, to: usize| decimal(&text[from..to]).map(i64::from);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    // Second 60 is a leap second; it is the same count as the next second's zero, as timegm has it.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(year, month, day)?;
    // Instants are compared as serial numbers (RFC 4034 §3.1.5), so a year beyond 2106 comes round again, as in all peers.
    u64::try_from(days * 86_400 + hour * 3_600 + minute * 60 + second).ok().map(|seconds| seconds as u32)
}

pub(super) fn show(seconds: u32) -> String {
    let (year, month, day) = civil_from_days(i64::from(seconds / 86_400));
    let rest = seconds % 86_400;
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// Days since 1970-01-01; nothing for a day that is not in the calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) {
        return None;
    }
    // Counting years from March puts the leap day last.
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 1 - 719_468;
    (day >= 1 && civil_from_days(days) == (year, month, day)).then_some(days)
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * of_year + 2) / 153;
    let month = if m < 10 { m + 3 } else { m - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, of_year - (153 * m + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        for (text, seconds) in [
            ("19700101000000", 0),
            ("20030322173103", 1_048_354_263),
            ("20240229235959", 1_709_251_199),
            ("20380119031408", 0x8000_0000),
            ("21060207062815", u32::MAX),
        ] {
            assert_eq!(instant(text.as_bytes()), Some(seconds));
            assert_eq!(show(seconds), text);
        }
        assert_eq!(instant(b"1048354263"), Some(1_048_354_263));
        assert_eq!(instant(b"21060207062816"), Some(0));
        for seconds in (0..u32::MAX - 40_000_000).step_by(39_916_801) {
            assert_eq!(instant(show(seconds).as_bytes()), Some(seconds));
        }
        for wrong in [
            "",
            "20230229000000",
            "20231301000000",
            "20230001000000",
            "20230100000000",
            "20230101240000",
            "19691231235959",
            "99999999999",
            "2023010100000x",
        ] {
            assert_eq!(instant(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
