//! What a document holds, whatever language it was written in.

use std::ops::Deref;

/// Something, and the line it stands on (counted from 1; 0 where there are no lines).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct At<T> {
    pub line: u32,
    pub it: T,
}

impl<T> At<T> {
    pub fn new(line: u32, it: T) -> Self {
        Self { line, it }
    }
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.it
    }
}

pub type Key = At<String>;
pub type Node = At<Value>;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Table),
    /// What the language has and no key here wants, in words: `a date`, `null`.
    Other(&'static str),
}

/// Entries in the order they were written; a key stands in it once.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Table {
    pub entries: Vec<(Key, Node)>,
}

impl Table {
    pub fn find(&self, key: &str) -> Option<usize> {
        self.entries.iter().position(|(k, _)| k.it == key)
    }
}
