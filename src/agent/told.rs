//! What is said to the log, so that it says everything once and fills no disk.

/// The same trouble is told again after this time.
const AGAIN_MS: u64 = 60_000;
/// Kinds of trouble that are told within that time; what comes beyond is one of them in other words.
const MAX_KINDS: usize = 8;

/// What was last told of one thing that works or does not.
#[derive(Debug, Default)]
pub(super) struct Told {
    recent: Vec<(String, u64)>,
    trouble: Option<String>,
    is_trouble_told: bool,
    has_worked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    Nothing,
    /// It works for the first time, and nothing else was told.
    First,
    /// It works after trouble that was told.
    Back,
}

impl Told {
    /// True when it is worth a line. `kind` names the kind of trouble.
    pub(super) fn fails(&mut self, kind: &str, now_ms: u64) -> bool {
        self.trouble = Some(kind.to_owned());
        self.recent.retain(|(_, at_ms)| now_ms < at_ms.saturating_add(AGAIN_MS));
        let is_told = self.recent.len() < MAX_KINDS && self.recent.iter().all(|(known, _)| known != kind);
        if is_told {
            self.recent.push((kind.to_owned(), now_ms));
        }
        self.is_trouble_told |= is_told;
        is_told
    }

    /// As `fails`, and only once for each trouble, however long it lasts.
    pub(super) fn fails_anew(&mut self, kind: &str, now_ms: u64) -> bool {
        self.trouble.as_deref() != Some(kind) && self.fails(kind, now_ms)
    }

    pub(super) fn works(&mut self) -> Worth {
        let worth = match (self.has_worked, self.is_trouble_told) {
            (_, true) => Worth::Back,
            (false, false) => Worth::First,
            (true, false) => Worth::Nothing,
        };
        (self.trouble, self.is_trouble_told, self.has_worked) = (None, false, true);
        worth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_by_kind_and_at_most_once_a_minute() {
        let mut told = Told::default();
        let heard = [("a", 0), ("a", 59_999), ("a", 60_000), ("b", 60_001), ("a", 60_002), ("b", 60_003), ("b", 120_001)];
        assert_eq!(heard.map(|(kind, at)| told.fails(kind, at)), [true, false, true, true, false, false, true]);
        assert_eq!([told.works(), told.works()], [Worth::Back, Worth::Nothing]);
        // What was not told is not told to be over.
        assert!(!told.fails("b", 120_002));
        assert_eq!(told.works(), Worth::Nothing);
        assert!(told.fails("c", 120_003));
        assert_eq!([told.works(), told.works()], [Worth::Back, Worth::Nothing]);
        let kinds: Vec<bool> = (0..20).map(|kind| told.fails(&kind.to_string(), 500_000)).collect();
        assert_eq!(kinds.iter().filter(|is_told| **is_told).count(), MAX_KINDS);
    }

    #[test]
    fn what_works_is_told_once() {
        let mut told = Told::default();
        assert_eq!([told.works(), told.works()], [Worth::First, Worth::Nothing]);
    }

    #[test]
    fn trouble_that_lasts_is_told_once() {
        let mut told = Told::default();
        let heard = [("late", 0), ("late", 100_000), ("odd", 100_001), ("odd", 900_000)];
        assert_eq!(heard.map(|(kind, at)| told.fails_anew(kind, at)), [true, false, true, false]);
        told.works();
        assert!(told.fails_anew("odd", 900_001));
    }
}
