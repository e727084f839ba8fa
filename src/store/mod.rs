//! The store: documents that outlive the process, with a revision for every change, its history and a log.
//!
//! Owns   one redb file, its last good copy, and the form of a backup. Keys are texts (`panels/fra1`), values are bytes.
//! Takes  commits, from one writer at a time: several documents, what they are expected to be, and an entry for the log.
//! Gives  documents to any number of readers, what each revision changed, the log, and news of each revision to those who watch.
//! Never  knows what is in a document, or lets a broken file be written over: what is sound is read, and the rest is said.

mod backup;
mod embedded;
mod error;
mod gate;
mod good;
mod log;
mod write;

pub use backup::{BackedUp, Backup, BackupHead, Restored, Source, read_backup, restore_offline};
pub use error::StoreError;
pub use good::{GOOD_EVERY_S, open, open_with};
pub use log::{Changed, LogQuery, Logged, MAX_OBJECTS, Version};
/// What a store can be kept in beside a file; tests fail it on purpose.
pub use redb::StorageBackend;
pub use write::{MAX_KEY, MAX_NOTED, MAX_VALUE};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use redb::ReadableDatabase;
use tokio::sync::broadcast;

use crate::document::Problem;
use embedded::{DOCUMENTS, Live, meta};

/// History and log outlive a year of books and the month it takes to look at them.
pub const KEEP_AGE_S: u64 = 400 * 24 * 3600;
/// History and log together: hundreds of thousands of changes, and a file that is still copied in a second.
pub const KEEP_BYTES: u64 = 256 << 20;

/// Revisions a watcher may be behind before it is told that it lagged: more than one burst of single changes.
const WATCHED: usize = 1024;

/// A handle on the store; all of them are the same one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    live: Live,
    /// Why nothing may be written, if so.
    sealed: Option<String>,
    options: Options,
    revision: AtomicU64,
    pen: Mutex<write::Pen>,
    good: Option<good::Copy>,
    watchers: broadcast::Sender<Arc<Revision>>,
}

/// How much of history and log is kept. Documents are kept always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub keep_age_s: u64,
    pub keep_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { keep_age_s: KEEP_AGE_S, keep_bytes: KEEP_BYTES }
    }
}

pub struct Opened {
    pub store: Store,
    /// There was none: it has been made, and is empty.
    pub is_new: bool,
    /// Why the store is sealed, or what was wrong beside it.
    pub problem: Option<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub revision: u64,
    /// The revision it came into being with.
    pub created: u64,
    pub value: Vec<u8>,
}

/// What a writer believes a document to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Any,
    Absent,
    Present,
    Revision(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub key: String,
    pub expect: Expect,
    /// None: the document is deleted.
    pub value: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub writes: Vec<Write>,
    /// What the log keeps of it.
    pub entry: Vec<u8>,
    pub at_s: u64,
}

/// News of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    pub revision: u64,
    pub keys: Vec<String>,
}

impl Store {
    /// Of the last commit; 0 before the first.
    pub fn revision(&self) -> u64 {
        self.inner.revision.load(Ordering::Acquire)
    }

    /// Why nothing may be written, if so.
    pub fn sealed(&self) -> Option<&str> {
        self.inner.sealed.as_deref()
    }

    pub fn get(&self, key: &str) -> Result<Option<Document>, StoreError> {
        self.inner.live.read(&mut |db| {
            let table = db.begin_read()?.open_table(DOCUMENTS)?;
            Ok(table.get(key)?.map(|row| Document::of(row.value())))
        })
    }

    /// All documents whose key begins with `prefix`, in the order of their keys, as they were at one moment; until `each` says false.
    pub fn scan(&self, prefix: &str, each: &mut dyn FnMut(&str, Document) -> bool) -> Result<(), StoreError> {
        self.scan_at(prefix, &mut |_| true, each).map(drop)
    }

    /// As `scan`; `start` is first told the revision of that moment.
    fn scan_at(
        &self,
        prefix: &str,
        start: &mut dyn FnMut(u64) -> bool,
        each: &mut dyn FnMut(&str, Document) -> bool,
    ) -> Result<u64, StoreError> {
        // The sequence it began at, and the last key given: where the disk failed on the way, the scan goes on behind it.
        let mut seen: Option<(u64, String)> = None;
        self.inner.live.read(&mut |db| {
            let txn = db.begin_read()?;
            let sequence = log::counter(&txn, meta::SEQUENCE)?;
            let revision = log::counter(&txn, meta::REVISION)?;
            let (began, last) = match &mut seen {
                Some(seen) => seen,
                None if !start(revision) => return Ok(revision),
                none => none.insert((sequence, String::new())),
            };
            if *began != sequence {
                let what = "the disk failed during a scan, and the store has changed since".into();
                return Err(StoreError::Gone { what, source: None }.into());
            }
            let table = txn.open_table(DOCUMENTS)?;
            let from = prefix.max(last).to_owned();
            for row in table.range(from.as_str()..)? {
                let (key, row) = row?;
                let key = key.value();
                if !key.starts_with(prefix) {
                    break;
                }
                if key == last {
                    continue;
                }
                key.clone_into(last);
                if !each(key, Document::of(row.value())) {
                    break;
                }
            }
            Ok(revision)
        })
    }

    /// News of every commit from now on. A receiver that falls behind by more than a thousand is told so.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Revision>> {
        self.inner.watchers.subscribe()
    }

    fn new(live: Live, options: &Options, sealed: Option<String>, good: Option<good::Copy>) -> Result<Self, StoreError> {
        let (watchers, _) = broadcast::channel(WATCHED);
        let (revision, pen, options) = (AtomicU64::new(0), Mutex::default(), options.clone());
        let store = Self { inner: Arc::new(Inner { live, sealed, options, revision, pen, good, watchers }) };
        store.inner.revision.store(store.stand()?.revision, Ordering::Release);
        Ok(store)
    }
}

impl Document {
    fn of((revision, created, value): (u64, u64, &[u8])) -> Self {
        Self { revision, created, value: value.to_vec() }
    }
}

#[cfg(test)]
mod tests;
