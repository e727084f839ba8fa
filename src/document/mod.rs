//! Documents people write, and what is wrong with them.
//!
//! Owns   `Problem` (where, what, what would be right) and the reader that finds all problems of a document at once.
//! Takes  TOML as bytes, or JSON that somebody else has parsed.
//! Gives  a tree in which every value knows its line, and typed readings of its tables.
//! Never  touches a file, and knows no key by name.

mod json;
mod network;
mod read;
mod reader;
mod toml;
mod value;
mod words;

pub use json::{Pieces, Pointers, from_json, into_json, line_at, to_json};
pub use network::Network;
pub use read::TableReader;
pub use reader::Reader;
pub use toml::{MAX_DOCUMENT, parse};
pub use value::{At, Key, Node, Table, Value};
pub use words::{EARTH_KM, did_you_mean, duration, kilometres, sentence, shown};

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One thing that is wrong, said so that the reader knows where to go and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// The file as the operator named it; empty when there is none.
    pub file: String,
    /// Counted from 1; 0 when the problem has no line.
    pub line: u32,
    /// The key or object it is about, such as `dns.udp_size` or `set premium`; empty when the line says it all.
    pub path: String,
    pub what: String,
    /// What would be right; empty when `what` already says it.
    pub hint: String,
}

impl Problem {
    pub fn error(file: &str, line: u32, what: impl Into<String>) -> Self {
        Self { severity: Severity::Error, file: file.into(), line, path: String::new(), what: what.into(), hint: String::new() }
    }

    pub fn warning(file: &str, line: u32, what: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, line, what) }
    }

    pub fn at(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.file.is_empty() {
            // A name with a line break in it would make two lines of the problem.
            match self.file.chars().any(char::is_control) {
                true => write!(f, "{}:", self.file.escape_debug())?,
                false => write!(f, "{}:", self.file)?,
            }
            if self.line > 0 {
                write!(f, "{}:", self.line)?;
            }
            f.write_str(" ")?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}
