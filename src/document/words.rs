//! Values that people write as words: durations, distances; and what they may have meant.

use std::time::Duration;

/// Once round the globe: a longer distance is a slip of the keyboard.
pub const EARTH_KM: f64 = 40_100.0;
/// Longer texts are cut when they are shown in a problem: a problem is one line to read.
const MAX_SHOWN: usize = 60;
/// Three names of a certificate, and what is said of them.
const MAX_SENTENCE: usize = 400;
/// Mistyped words differ by so few letters; words farther apart only confuse.
const MAX_SLIPS: usize = 3;
/// Longer words are not compared: nobody types them by hand, and the comparison costs length × length.
const MAX_COMPARED: usize = 256;
const KM_PER_MILE: f64 = 1.609_344;

/// `10s`, `500ms`, `1m30s`, `2h`, `1d`: whole numbers with units, the largest first.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total_ms = 0u64;
    let mut below = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, next) = tail.split_at(end);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        if unit_ms >= below {
            return None;
        }
        below = unit_ms;
        total_ms = total_ms.checked_add(number.parse::<u64>().ok()?.checked_mul(unit_ms)?)?;
        rest = next;
    }
    (below != u64::MAX).then(|| Duration::from_millis(total_ms))
}

/// `250km` or `155mi`, in kilometres.
pub fn kilometres(text: &str) -> Option<f64> {
    let (number, factor) = match text.strip_suffix("km") {
        Some(number) => (number, 1.0),
        None => (text.strip_suffix("mi")?, KM_PER_MILE),
    };
    let number = number.trim_end();
    if !number.starts_with(|c: char| c.is_ascii_digit()) || !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let km = number.parse::<f64>().ok()? * factor;
    (km <= EARTH_KM).then_some(km)
}

/// A duration as `duration` reads it.
pub(super) fn written(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest >= ms {
            text += &format!("{}{unit}", rest / ms);
            rest %= ms;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// Text from outside, fit for one line of a terminal: cut, and nothing in it that is not printable.
pub fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// As `shown`, for a sentence that quotes what came from outside: its own quotation marks stay, and its end is seldom cut.
pub fn sentence(text: &str) -> String {
    let fit = |c: char| if matches!(c, '"' | '\'' | '\\') { c.to_string() } else { c.escape_debug().to_string() };
    let mut sentence: String = text.chars().take(MAX_SENTENCE).map(fit).collect();
    if text.chars().nth(MAX_SENTENCE).is_some() {
        sentence.push('…');
    }
    sentence
}

/// The word nearest to what was written: ``did you mean `eu`?``; empty when none is near.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    if written.len() > MAX_COMPARED {
        return String::new();
    }
    let lower = written.to_lowercase();
    // A third of the letters at most may differ, else short words would all be near each other.
    let slips = (lower.chars().count() / 3).clamp(1, MAX_SLIPS);
    known
        .into_iter()
        .filter(|word| word.len().abs_diff(written.len()) <= 4 * MAX_SLIPS)
        .map(|word| (strsim::osa_distance(&lower, &word.to_lowercase()), word))
        .filter(|(distance, _)| *distance <= slips)
        .min()
        .map_or_else(String::new, |(_, word)| format!("did you mean `{}`?", shown(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [("10s", 10_000), ("500ms", 500), ("1m30s", 90_000), ("2h", 7_200_000), ("1d12h", 129_600_000), ("0s", 0)] {
            assert_eq!(duration(text), Some(Duration::from_millis(ms)), "{text}");
            assert_eq!(duration(&written(Duration::from_millis(ms))), Some(Duration::from_millis(ms)));
        }
        for text in
            ["", "10", "s", "10 s", "-1s", "1.5s", "30s1m", "1s1s", "10sec", "10S", "99999999999999999999s", "999999999999999d", "1ｓ"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn distances() {
        assert_eq!(kilometres("250km"), Some(250.0));
        assert_eq!(kilometres("2.5 km"), Some(2.5));
        assert!((kilometres("155mi").unwrap() - 249.45).abs() < 0.01);
        for text in ["", "km", "250", "-1km", "250 miles", "nankm", "infkm", "1e3km", "1..2km", "40200km", "250KM"] {
            assert_eq!(kilometres(text), None, "{text}");
        }
    }

    #[test]
    fn the_nearest_word_is_offered() {
        assert_eq!(did_you_mean("euu", ["us", "eu", "asia"]), "did you mean `eu`?");
        assert_eq!(did_you_mean("lsiten", ["listen", "workers"]), "did you mean `listen`?");
        assert_eq!(did_you_mean("Listen", ["listen"]), "did you mean `listen`?");
        assert_eq!(did_you_mean("zebra", ["listen", "workers"]), "");
        assert_eq!(did_you_mean(&"a".repeat(100_000), ["a"]), "");
        assert_eq!(did_you_mean("", ["a"]), "did you mean `a`?");
    }

    #[test]
    fn shown_text_is_one_short_line() {
        assert_eq!(shown("a\nb\u{1b}[0m"), "a\\nb\\u{1b}[0m");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), MAX_SHOWN + 1);
        assert_eq!(sentence(&"x".repeat(1000)).chars().count(), MAX_SENTENCE + 1);
        assert_eq!(sentence("it is \"x\", an authority's own\n\u{1b}[2J"), "it is \"x\", an authority's own\\n\\u{1b}[2J");
    }
}
