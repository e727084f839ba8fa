//! Why something was not done.

use crate::document::Problem;

/// The sentences are for the caller: nothing outside the caller's scope is named in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotFound(String),
    /// The role or the scope does not allow it.
    Forbidden(String),
    /// Others refer to it: `sets/premium`. `hidden` more are outside the caller's scope.
    InUse {
        what: String,
        users: Vec<String>,
        hidden: usize,
    },
    /// It is not in the version the caller named.
    Stale(String),
    /// All that is wrong with what was sent.
    Faults(Vec<Fault>),
    /// It would take away more than half of something; `force` says that it is meant.
    Shrinks(Vec<String>),
    /// The files are the truth here, so the fleet is changed there.
    ReadOnly(String),
    /// What was sent is longer than may be.
    TooLarge(String),
    /// The disk is full.
    Full(String),
    /// The store cannot be written now.
    Gone(String),
    /// The node's own loop did not answer in time.
    Late(String),
}

/// One thing that is wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer into the body (RFC 6901), such as `/addresses/0`; empty for the whole.
    pub pointer: String,
    /// The object or key as people call it: `panel fra1: addresses`.
    pub path: String,
    pub what: String,
    pub hint: String,
    /// In a text such as a zone's file; 0 where there are no lines.
    pub line: u32,
}

impl Fault {
    pub fn new(pointer: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), path: String::new(), what: what.into(), hint: hint.into(), line: 0 }
    }

    pub(super) fn of(problem: &Problem) -> Self {
        Self {
            pointer: String::new(),
            path: problem.path.clone(),
            what: problem.what.clone(),
            hint: problem.hint.clone(),
            line: problem.line,
        }
    }
}

impl Refusal {
    /// In one line, for a log.
    pub fn in_words(&self) -> String {
        sentence(self)
    }

    pub fn fault(pointer: &str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Faults(vec![Fault::new(pointer, what, hint)])
    }
}

/// In one line, for the log.
pub(super) fn sentence(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotFound(what)
        | Refusal::Forbidden(what)
        | Refusal::Stale(what)
        | Refusal::ReadOnly(what)
        | Refusal::TooLarge(what)
        | Refusal::Full(what)
        | Refusal::Gone(what)
        | Refusal::Late(what) => what.clone(),
        Refusal::InUse { what, users, .. } => format!("{what}: {}", users.join(", ")),
        Refusal::Shrinks(what) => what.join("; "),
        Refusal::Faults(faults) => {
            let first = faults.iter().take(MAX_TOLD).map(|fault| match fault.path.is_empty() {
                true => fault.what.clone(),
                false => format!("{}: {}", fault.path, fault.what),
            });
            first.collect::<Vec<_>>().join("; ")
        }
    }
}

/// Faults that the log names of one change.
const MAX_TOLD: usize = 5;
