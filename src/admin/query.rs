//! What stands behind the question mark of an address.

use super::problem::Trouble;
use crate::clock;
use crate::document::{did_you_mean, duration, shown};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// More parameters than any path has: who sends more is not looked at further.
const MAX_PARAMETERS: usize = 32;

/// The parameters of one request. What was not taken when it is finished is unknown.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    given: BTreeMap<String, String>,
    known: Vec<&'static str>,
}

impl Parameters {
    pub(super) fn read(query: Option<&str>) -> Result<Self, Trouble> {
        let mut given = BTreeMap::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (key, value) = (decoded(key)?, decoded(value)?);
            if given.len() == MAX_PARAMETERS {
                return Err(Trouble::bad_request(format!("more than {MAX_PARAMETERS} parameters")));
            }
            if given.insert(key.clone(), value).is_some() {
                return Err(Trouble::bad_request(format!("the parameter `{}` is given twice; keep one of the two", shown(&key))));
            }
        }
        Ok(Self { given, known: Vec::new() })
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.known.push(key);
        self.given.remove(key)
    }

    /// False where it is not given.
    pub(super) fn flag(&mut self, key: &'static str) -> Result<bool, Trouble> {
        match self.text(key).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Trouble::bad_request(format!("`{key}` is `{}` where true or false belongs", shown(other)))),
        }
    }

    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Result<Option<u64>, Trouble> {
        let Some(text) = self.text(key) else { return Ok(None) };
        // `+5` is a number to the library.
        let number = text.parse().ok().filter(|number| range.contains(number) && text.bytes().all(|b| b.is_ascii_digit()));
        number.map(Some).ok_or_else(|| {
            let (found, from, to) = (shown(&text), range.start(), range.end());
            Trouble::bad_request(format!("`{key}` is `{found}` where a whole number from {from} to {to} belongs"))
        })
    }

    /// A time as RFC 3339 has it, as seconds since 1970, or as a span before now such as `2h`; in seconds since 1970.
    pub(super) fn time(&mut self, key: &'static str) -> Result<Option<u64>, Trouble> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let seconds = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let span = || duration(&text).map(|span| clock::now().wall_s.saturating_sub(span.as_secs()));
        seconds.or_else(span).or_else(|| rfc3339(&text)).map(Some).ok_or_else(|| {
            let wanted = "a time belongs: 2026-01-31T12:00:00Z, seconds since 1970, or a span before now such as 2h";
            Trouble::bad_request(format!("`{key}` is `{}` where {wanted}", shown(&text)))
        })
    }

    /// Whatever was not asked for is refused.
    pub(super) fn finish(self) -> Result<(), Trouble> {
        let Some(unknown) = self.given.keys().next() else { return Ok(()) };
        let guess = did_you_mean(unknown, self.known.iter().copied());
        let hint = match (guess.is_empty(), self.known.is_empty()) {
            (false, _) => guess,
            (true, false) => format!("known here: {}", self.known.join(", ")),
            (true, true) => "this path has none".into(),
        };
        Err(Trouble::bad_request(format!("unknown parameter `{}`; {hint}", shown(unknown))))
    }
}

fn decoded(text: &str) -> Result<String, Trouble> {
    // A plus is a space in forms, and forms are what clients' libraries write.
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8();
    decoded.map(|text| text.into_owned()).map_err(|_| Trouble::bad_request("the query is not UTF-8 when decoded"))
}

/// `2026-01-31T12:00:00Z`, also with a part of a second or with an offset; in seconds since 1970.
fn rfc3339(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = bytes.get(range)?;
        digits.iter().all(u8::is_ascii_digit).then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    };
    let stands = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    if !(stands(4, b"-") && stands(7, b"-") && stands(10, b"Tt ") && stands(13, b":") && stands(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let sane = (1..=12).contains(&month) && (1..=days(year, month)).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let rest = &text.get(19..)?;
    let zone = match rest.strip_prefix('.') {
        Some(part) if part.starts_with(|c: char| c.is_ascii_digit()) => part.trim_start_matches(|c: char| c.is_ascii_digit()),
        Some(_) => return None,
        None => rest,
    };
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        // Where a plus was not escaped it has become a space.
        [sign @ (b'+' | b'-' | b' '), h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
            let two = |a: &u8, b: &u8| i64::from(a - b'0') * 10 + i64::from(b - b'0');
            let seconds = two(h1, h2) * 3600 + two(m1, m2) * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let time = before(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
    sane.then(|| u64::try_from(time).ok()).flatten()
}

fn days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to a date of the Gregorian calendar. Years are counted from March, so that a leap day is their last.
fn before(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Parameters {
        Parameters::read(Some(query)).unwrap()
    }

    #[test]
    fn parameters_are_decoded_and_taken_once() {
        let mut query = read("dry_run=true&limit=100&match=%2A.a%26b&label=a+b:c&empty");
        assert!(query.flag("dry_run").unwrap() && !query.flag("force").unwrap());
        assert_eq!(query.number("limit", 1..=1000).unwrap(), Some(100));
        assert_eq!(query.text("match").as_deref(), Some("*.a&b"));
        assert_eq!(query.text("label").as_deref(), Some("a b:c"));
        assert_eq!(query.text("empty").as_deref(), Some(""));
        query.finish().unwrap();
    }

    #[test]
    fn what_cannot_be_right_is_told() {
        for (query, expected) in [
            ("a=1&a=2", "the parameter `a` is given twice; keep one of the two"),
            ("a=%ff", "the query is not UTF-8 when decoded"),
            ("dry_run=yes", "`dry_run` is `yes` where true or false belongs"),
            ("limit=0", "`limit` is `0` where a whole number from 1 to 1000 belongs"),
            ("limit=1001", "`limit` is `1001` where a whole number from 1 to 1000 belongs"),
            ("limit=%2B5", "`limit` is `+5` where a whole number from 1 to 1000 belongs"),
            ("limit=99999999999999999999", "`limit` is `99999999999999999999` where a whole number from 1 to 1000 belongs"),
            ("dryrun=true", "unknown parameter `dryrun`; did you mean `dry_run`?"),
            ("zebra", "unknown parameter `zebra`; known here: dry_run, limit"),
        ] {
            let told = Parameters::read(Some(query)).and_then(|mut query| {
                query.flag("dry_run")?;
                query.number("limit", 1..=1000)?;
                query.finish()
            });
            assert_eq!(told.unwrap_err().detail(), expected);
        }
        assert_eq!(read("x=1").finish().unwrap_err().detail(), "unknown parameter `x`; this path has none");
        let many = (0..=MAX_PARAMETERS).map(|n| format!("a{n}")).collect::<Vec<_>>().join("&");
        assert_eq!(Parameters::read(Some(&many)).unwrap_err().detail(), "more than 32 parameters");
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("0", 0),
            ("1700000000", 1_700_000_000),
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2026-11-21T14:00:00Z", 1_795_269_600),
            ("2026-11-21T14:00:00.123456Z", 1_795_269_600),
            ("2026-11-21T15:00:00%2B01:00", 1_795_269_600),
            ("2026-11-21T15:00:00+01:00", 1_795_269_600),
            ("2026-11-21t13:30:00-00:30", 1_795_269_600),
        ] {
            assert_eq!(read(&format!("since={text}")).time("since").unwrap(), Some(seconds), "{text}");
        }
        let now = clock::now().wall_s;
        let before = read("since=2h").time("since").unwrap().unwrap();
        assert!((now - 7200..=clock::now().wall_s - 7200).contains(&before));
        for text in [
            "",
            "x",
            "-1",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00Zx",
            "2026-01-01T00:00:00.Z",
        ] {
            assert!(read(&format!("since={text}")).time("since").is_err(), "{text}");
        }
    }
}
