//! What goes to stdout.

use super::trouble::{Result, Trouble};
use serde_json::Value;
use std::io::{ErrorKind, IsTerminal, Write};

/// Whoever closed the pipe has seen enough: that is no failure.
pub(in crate::cli) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Trouble::Closed),
        Err(error) => Err(Trouble::failed(format!("the output cannot be written: {error}"))),
    }
}

/// Text that is passed on as it is, unless a terminal would act on it.
pub(in crate::cli) fn print_raw(text: &str) -> Result<()> {
    match std::io::stdout().is_terminal() {
        true => print(
            &text
                .split_inclusive('\n')
                .map(|part| part.strip_suffix('\n').map_or_else(|| line(part), |part| line(part) + "\n"))
                .collect::<String>(),
        ),
        false => print(text),
    }
}

/// The one document of `--json`.
pub(in crate::cli) fn print_json(value: &Value) -> Result<()> {
    print(&format!("{value:#}\n"))
}

/// Text that others wrote, fit for a terminal: one line, and no control characters that would act there.
pub(in crate::cli) fn line(text: &str) -> String {
    let acts = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    match text.chars().any(acts) {
        false => text.to_owned(),
        true => text.chars().flat_map(|c| if acts(c) { c.escape_unicode().collect() } else { vec![c] }).collect(),
    }
}

/// Colours, where they are wanted. They never carry what the words do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Paint(bool);

impl Paint {
    /// On a terminal, unless the operator wants none (no-color.org).
    pub(in crate::cli) fn of_stdout() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self(std::io::stdout().is_terminal() && !set("NO_COLOR") && !is_dumb)
    }

    #[cfg(test)]
    pub(in crate::cli) const NONE: Self = Self(false);

    pub(in crate::cli) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(in crate::cli) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(in crate::cli) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(in crate::cli) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_does_not_act_on_the_terminal() {
        assert_eq!(line("disks, neu: ü"), "disks, neu: ü");
        assert_eq!(line("a\x1b[2Jb\nc"), "a\\u{1b}[2Jb\\u{a}c");
        assert_eq!(line("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn colour_is_added_to_the_words() {
        assert_eq!(Paint(true).red("down"), "\x1b[31mdown\x1b[0m");
        assert_eq!(Paint::NONE.red("down"), "down");
    }
}
