//! What operators want: panels, sets of them, and the names that are steered to them.
//!
//! Owns   the fleet's document (`doc`, one struct an object, nothing resolved) and the `Fleet` in which a wrong state cannot be written.
//! Takes  the document's bytes and the directory its paths are relative to.
//! Gives  the fleet of what is sound, and every problem of the rest; the caller decides whether a part is enough.
//! Never  reads a file or looks a name up.

mod added;
mod advice;
mod build;
mod checks;
pub mod doc;
mod kind;
pub mod ledger;
mod model;
mod names;
mod planned;
mod roll;
mod wish;

pub use kind::Kind;
pub use model::*;
pub use roll::Roll;
pub use wish::{Conduct, Conducts, Wish, conducts};

use crate::document::{self, Problem, Reader};
use std::path::Path;

/// A set's slots stay small and its members' shares true up to here (DESIGN §2).
pub const MAX_PANELS_IN_SET: usize = 1024;
/// Regions are numbered with 16 bits where clients are looked up, and each has two numbers there: for its networks and for its ASNs.
pub const MAX_REGIONS: usize = 32_000;

/// Where a fleet's document comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// A file; relative paths in it are taken from this directory.
    File(&'a Path),
    /// The store, which has no paths and keeps the records of zones beside them.
    Store,
}

/// `shown` is the document as the operator knows it; relative paths in it are taken from `base`.
/// An object with an error is left out, and so is what cannot be without it; the rest is whole.
pub fn parse(shown: &str, bytes: &[u8], base: &Path) -> (Fleet, Vec<Problem>) {
    let (fleet, _, problems) = parse_as_json(shown, bytes, base);
    (fleet, problems)
}

/// With the document itself as JSON, for those who show it.
pub fn parse_as_json(shown: &str, bytes: &[u8], base: &Path) -> (Fleet, serde_json::Value, Vec<Problem>) {
    let reader = Reader::new(shown);
    let (fleet, json) = match document::parse(&reader, bytes) {
        Some(table) => {
            let read = doc::read(&reader, &table);
            // What stays before what goes, so that it does not stand between pieces of it.
            let fleet = build::build(&reader, &read, Origin::File(base));
            drop(read);
            (fleet, document::into_json(table))
        }
        None => (Fleet::default(), serde_json::Value::Null),
    };
    (fleet, json, reader.into_problems())
}

#[cfg(test)]
mod tests;
