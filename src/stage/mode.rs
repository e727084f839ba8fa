//! The ways in which a panel is well or broken.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What a panel does, at one address or at all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Fine,
    /// As a killed process: nobody listens, and open connections are reset.
    Killed,
    /// Nobody listens, and open connections live on.
    Closed,
    /// As a stopped process: the kernel accepts, and nothing is ever answered.
    Stopped,
    /// Playlists no longer move.
    Frozen,
    /// Bodies drip, and a segment takes so many times as long as it plays.
    Slow { times: u32 },
    /// Answers begin so much later.
    Late { by: Duration },
    /// A byte now and then, and the answer never ends.
    Drip,
    /// Every request is answered with this status.
    Status(u16),
    /// Every request is answered with 200 and a page for people.
    Html,
    /// Playlists are fine, segments are 404.
    NoSegments,
    /// Every second request is answered with 500.
    HalfFail,
    /// Every request is answered with 401.
    Barred,
    /// It serves, and says that it has so many connections.
    Overloaded { connections: u32 },
    /// Segments are no media.
    WrongBytes,
    /// No body ends.
    EndlessBody,
    /// Bodies end before their length.
    Cut,
    /// Each connection is reset once it is accepted.
    Reset,
    /// The account is not let in: `auth` is 0.
    Denied,
    /// The account ends in so much time.
    Ending { within: Duration },
}

/// Of `slow` without a number.
const SLOW: u32 = 4;
/// Of `late` without a number.
const LATE: Duration = Duration::from_secs(1);
/// Of `ending` without a number.
const ENDING_DAYS: u64 = 2;
/// Longer is no fault that anybody waits for.
const MAX_LATE: u64 = 3_600_000;
const MAX_DAYS: u64 = 36_600;
/// Of `slow`: a segment that takes a thousand times as long is as good as none.
const MAX_TIMES: u32 = 1000;
const DAY: u64 = 86_400;

impl Mode {
    /// How each is typed, and what it does.
    pub const WORDS: [(&str, &str); 20] = [
        ("heal", "all is well again"),
        ("kill", "as a killed process: connections are reset, nobody listens"),
        ("close", "nobody listens, open connections live on"),
        ("stop", "as a stopped process: connections open, nothing is answered"),
        ("freeze", "playlists no longer move"),
        ("slow [TIMES]", "a segment takes several times as long as it plays"),
        ("late [MS]", "answers begin late"),
        ("drip", "a byte now and then, never done"),
        ("status CODE", "every request is answered with this status"),
        ("html", "200 with a page for people, for everything"),
        ("no-segments", "playlists are fine, segments are 404"),
        ("half", "every second request is answered with 500"),
        ("bar", "401 for everything"),
        ("overload [CONNECTIONS]", "it serves, and reports that it is full"),
        ("wrong-bytes", "segments are no media"),
        ("endless", "no body ends"),
        ("cut", "bodies end before their length"),
        ("reset", "each connection is reset once it is open"),
        ("deny", "the account is not let in"),
        ("ending [DAYS]", "the account is near its end"),
    ];

    /// `full` is what a panel that is overloaded reports where no number is given.
    pub fn read(text: &str, full: u32) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let (word, number) = (words.next().unwrap_or_default(), words.next());
        if let Some(more) = words.next() {
            return Err(format!("`{more}` is too much"));
        }
        let takes_number = ["slow", "late", "status", "overload", "ending"].contains(&word);
        if let Some(number) = number.filter(|_| !takes_number) {
            return Err(format!("`{word}` takes no number, and `{number}` follows"));
        }
        let within = |least: u64, most: u64, usual: Option<u64>| match number {
            None => usual.ok_or_else(|| format!("`{word}` needs a number")),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| (least..=most).contains(number))
                .ok_or_else(|| format!("`{text}` is no number from {least} to {most}")),
        };
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(match word {
            "heal" | "fine" => Self::Fine,
            "kill" => Self::Killed,
            "close" => Self::Closed,
            "stop" => Self::Stopped,
            "freeze" => Self::Frozen,
            "slow" => Self::Slow { times: small(within(2, MAX_TIMES.into(), Some(SLOW.into()))?) },
            "late" => Self::Late { by: Duration::from_millis(within(1, MAX_LATE, Some(LATE.as_millis() as u64))?) },
            "drip" => Self::Drip,
            "status" => Self::Status(u16::try_from(within(200, 599, None)?).unwrap_or(500)),
            "html" => Self::Html,
            "no-segments" => Self::NoSegments,
            "half" => Self::HalfFail,
            "bar" => Self::Barred,
            "overload" => Self::Overloaded { connections: small(within(0, u32::MAX.into(), Some(full.into()))?) },
            "wrong-bytes" => Self::WrongBytes,
            "endless" => Self::EndlessBody,
            "cut" => Self::Cut,
            "reset" => Self::Reset,
            "deny" => Self::Denied,
            "ending" => Self::Ending { within: Duration::from_secs(within(0, MAX_DAYS, Some(ENDING_DAYS))? * DAY) },
            "" => return Err("no mode is given".into()),
            other => return Err(format!("`{other}` is no mode; there are {}", names().join(", "))),
        })
    }

    /// What it does, in words.
    pub fn meaning(self) -> &'static str {
        let shown = self.to_string();
        let word = shown.split(' ').next().filter(|word| *word != "fine").unwrap_or("heal");
        Self::WORDS.iter().find(|(form, _)| form.split(' ').next() == Some(word)).map_or("", |(_, what)| what)
    }

    /// Somebody listens in it.
    pub(super) fn listens(self) -> bool {
        !matches!(self, Self::Killed | Self::Closed)
    }
}

/// The words alone.
fn names() -> Vec<&'static str> {
    Mode::WORDS.iter().map(|(form, _)| form.split(' ').next().unwrap_or(form)).collect()
}

/// As it is typed.
impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Fine => "fine",
            Self::Killed => "kill",
            Self::Closed => "close",
            Self::Stopped => "stop",
            Self::Frozen => "freeze",
            Self::Slow { times } => return write!(f, "slow {times}"),
            Self::Late { by } => return write!(f, "late {}", by.as_millis()),
            Self::Drip => "drip",
            Self::Status(code) => return write!(f, "status {code}"),
            Self::Html => "html",
            Self::NoSegments => "no-segments",
            Self::HalfFail => "half",
            Self::Barred => "bar",
            Self::Overloaded { connections } => return write!(f, "overload {connections}"),
            Self::WrongBytes => "wrong-bytes",
            Self::EndlessBody => "endless",
            Self::Cut => "cut",
            Self::Reset => "reset",
            Self::Denied => "deny",
            Self::Ending { within } => return write!(f, "ending {}", within.as_secs() / DAY),
        };
        f.write_str(word)
    }
}

impl FromStr for Mode {
    type Err = String;

    /// An overloaded panel without a number reports more than any panel is rated for.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_a_mode_and_reads_back_as_it_is_shown() {
        for (form, what) in Mode::WORDS {
            let word = form.split(' ').next().unwrap();
            let text = if word == "status" { "status 500" } else { word };
            let mode = Mode::read(text, 600).unwrap();
            assert_eq!(mode.to_string().parse(), Ok(mode), "{form}");
            assert!(mode.to_string().starts_with(word) || word == "heal", "{form}: {mode}");
            assert_eq!(mode.meaning(), what);
        }
        assert_eq!(Mode::read("overload", 600), Ok(Mode::Overloaded { connections: 600 }));
        assert_eq!(Mode::read(" late  250 ", 0), Ok(Mode::Late { by: Duration::from_millis(250) }));
        assert_eq!(Mode::read("slow 9", 0), Ok(Mode::Slow { times: 9 }));
        assert_eq!(Mode::read("ending 3", 0), Ok(Mode::Ending { within: Duration::from_secs(3 * DAY) }));
    }

    #[test]
    fn what_is_no_mode_is_told() {
        for (text, expected) in [
            ("", "no mode is given"),
            ("burn", "`burn` is no mode; there are heal, kill, close"),
            ("kill 9", "`kill` takes no number, and `9` follows"),
            ("status", "`status` needs a number"),
            ("status 99", "`99` is no number from 200 to 599"),
            ("slow 1", "`1` is no number from 2 to 1000"),
            ("slow x", "`x` is no number"),
            ("slow 2 3", "`3` is too much"),
        ] {
            let error = Mode::read(text, 0).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
