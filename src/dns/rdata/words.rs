//! The words of an entry, and what is said when one is wrong.

use std::fmt;

/// One word as it stands in the text: quotes taken off, escapes still in.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    pub text: &'a [u8],
    pub line: u32,
    pub quoted: bool,
    /// Nothing stood between this word and the one before it, as in `alpn="h2,h3"`.
    pub glued: bool,
}

impl<'a> Token<'a> {
    /// A word without quotes, as tests and the API make them.
    pub fn bare(text: &'a [u8]) -> Self {
        Self { text, line: 1, quoted: false, glued: false }
    }

    pub fn is(&self, word: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(word.as_bytes())
    }

    /// For messages: in backticks, cut when it is long.
    pub fn show(&self) -> String {
        const ENOUGH: usize = 60;
        let mut text = String::from("`");
        if self.quoted {
            text.push('"');
        }
        text.push_str(&self.text[..self.text.len().min(ENOUGH)].escape_ascii().to_string().replace("\\\\", "\\").replace("\\\"", "\""));
        if self.text.len() > ENOUGH {
            text.push('…');
        } else if self.quoted {
            text.push('"');
        }
        text.push('`');
        text
    }
}

/// What is wrong with a word, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Index of the word among those given.
    pub token: usize,
    pub what: String,
    pub hint: String,
}

impl Fault {
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "; {}", self.hint) }
    }
}

impl std::error::Error for Fault {}

/// Words taken one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    tokens: &'a [Token<'a>],
    next: usize,
}

impl<'a> Words<'a> {
    pub fn new(tokens: &'a [Token<'a>]) -> Self {
        Self { tokens, next: 0 }
    }

    pub fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).copied()
    }

    pub fn skip(&mut self) -> Option<Token<'a>> {
        let token = self.peek()?;
        self.next += 1;
        Some(token)
    }

    /// The next word, quoted or not; `label` says what it should have been.
    pub fn take(&mut self, label: &str) -> Result<Token<'a>, Fault> {
        self.skip().ok_or_else(|| self.ahead(format!("<{label}> is missing")))
    }

    /// The next word, which must not be quoted.
    pub fn bare(&mut self, label: &str) -> Result<&'a [u8], Fault> {
        let token = self.take(label)?;
        if token.quoted { Err(self.fault(format!("<{label}> {} must stand without quotes", token.show()))) } else { Ok(token.text) }
    }

    /// Index of the word taken last.
    pub fn at(&self) -> usize {
        self.next.saturating_sub(1)
    }

    /// A fault of the word taken last.
    pub fn fault(&self, what: impl Into<String>) -> Fault {
        self.fault_at(self.at(), what)
    }

    /// A fault of the word not taken yet, or of the end.
    pub fn ahead(&self, what: impl Into<String>) -> Fault {
        self.fault_at(self.next, what)
    }

    pub fn fault_at(&self, token: usize, what: impl Into<String>) -> Fault {
        Fault { token, what: what.into(), hint: String::new() }
    }

    /// The word taken last is not what it should be.
    pub fn wrong(&self, label: &str, must: &str) -> Fault {
        let shown = self.tokens.get(self.at()).map(Token::show).unwrap_or_default();
        self.fault(format!("<{label}> {shown} must be {must}"))
    }
}
