//! What has been: the log, the versions of a document, what a revision changed.

use redb::{ReadTransaction, ReadableDatabase};

use super::Store;
use super::embedded::{HISTORY, LOG, META, TOUCHED, meta};
use super::error::{Failure, StoreError};
use super::write::keys_of;

/// Objects shown of one entry of the log: a commit of a whole fleet has a hundred thousand, and `at` gives them all.
pub const MAX_OBJECTS: usize = 100;

/// How far a clock may have been set back between two entries before a question by time misses the older one.
const CLOCK_BACK_S: u64 = 24 * 3600;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// One object by its whole key, or with a slash at its end all of a kind (`panels/`).
    pub object: Option<String>,
    pub since_s: Option<u64>,
    /// Only entries with a lower sequence.
    pub before: Option<u64>,
    pub limit: usize,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub sequence: u64,
    pub at_s: u64,
    /// None: it changed nothing.
    pub revision: Option<u64>,
    pub entry: Vec<u8>,
    /// The first of them, in order.
    pub objects: Vec<String>,
    /// How many there are.
    pub objects_in_all: u64,
}

/// A document as one revision left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub revision: u64,
    /// None: it was deleted.
    pub value: Option<Vec<u8>>,
}

/// What a revision did to one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub key: String,
    pub before: Option<Vec<u8>>,
    pub after: Option<Vec<u8>>,
}

impl Store {
    /// The log, newest first.
    pub fn log(&self, query: &LogQuery) -> Result<Vec<Logged>, StoreError> {
        self.inner.live.read(&mut |db| {
            let txn = db.begin_read()?;
            let (first, end) = (counter(&txn, meta::FLOOR)? + 1, query.before.unwrap_or(u64::MAX));
            let mut found = Vec::new();
            if first >= end {
                return Ok(found);
            }
            match &query.object {
                None => {
                    for row in txn.open_table(LOG)?.range(first..end)?.rev() {
                        if !query.takes(&txn, row?.0.value(), &mut found)? {
                            break;
                        }
                    }
                }
                Some(object) => {
                    for row in txn.open_table(TOUCHED)?.range((object.as_str(), first)..(object.as_str(), end))?.rev() {
                        if !query.takes(&txn, row?.0.value().1, &mut found)? {
                            break;
                        }
                    }
                }
            }
            Ok(found)
        })
    }

    /// The versions of a document that are kept, newest first.
    pub fn versions(&self, key: &str, limit: usize) -> Result<Vec<Version>, StoreError> {
        self.inner.live.read(&mut |db| {
            let txn = db.begin_read()?;
            let first = counter(&txn, meta::FLOOR)? + 1;
            let (touched, history) = (txn.open_table(TOUCHED)?, txn.open_table(HISTORY)?);
            let mut found = Vec::new();
            for row in touched.range((key, first)..=(key, u64::MAX))?.rev() {
                if found.len() >= limit {
                    break;
                }
                let Some(revision) = row?.1.value() else { continue };
                if let Some(row) = history.get((revision, key))? {
                    found.push(Version { revision, value: row.value().1.map(<[u8]>::to_vec) });
                }
            }
            Ok(found)
        })
    }

    /// What one revision changed, in the order of the keys; None when that is no longer kept, or never was.
    pub fn at(&self, revision: u64) -> Result<Option<Vec<Changed>>, StoreError> {
        self.inner.live.read(&mut |db| {
            let txn = db.begin_read()?;
            if revision <= counter(&txn, meta::FLOOR_REVISION)? || revision > counter(&txn, meta::REVISION)? {
                return Ok(None);
            }
            let mut changed = Vec::new();
            for row in txn.open_table(HISTORY)?.range((revision, "")..(revision + 1, ""))? {
                let (key, row) = row?;
                let (before, after) = row.value();
                let owned = |value: Option<&[u8]>| value.map(<[u8]>::to_vec);
                changed.push(Changed { key: key.value().1.to_owned(), before: owned(before), after: owned(after) });
            }
            Ok((!changed.is_empty()).then_some(changed))
        })
    }
}

impl LogQuery {
    /// Takes an entry if it is asked for; false when no older one can be.
    fn takes(&self, txn: &ReadTransaction, sequence: u64, found: &mut Vec<Logged>) -> Result<bool, Failure> {
        if found.len() >= self.limit {
            return Ok(false);
        }
        let table = txn.open_table(LOG)?;
        let Some(row) = table.get(sequence)? else { return Ok(true) };
        let (at_s, revision, _, objects_in_all, objects, entry) = row.value();
        if let Some(since_s) = self.since_s
            && at_s < since_s
        {
            return Ok(at_s.saturating_add(CLOCK_BACK_S) >= since_s);
        }
        let objects = match revision {
            Some(revision) => keys_of(&txn.open_table(HISTORY)?, revision, MAX_OBJECTS)?,
            None => objects.into_iter().take(MAX_OBJECTS).map(str::to_owned).collect(),
        };
        found.push(Logged { sequence, at_s, revision, entry: entry.to_vec(), objects, objects_in_all });
        Ok(true)
    }
}

pub(super) fn counter(txn: &ReadTransaction, name: &str) -> Result<u64, Failure> {
    Ok(txn.open_table(META)?.get(name)?.map_or(0, |row| row.value()))
}
