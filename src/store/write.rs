//! The one writer: commits, notes, quiet values, and what is to be thrown away.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use redb::{Database, Durability, ReadableDatabase, ReadableTable, Table, WriteTransaction};

use super::embedded::{DOCUMENTS, HISTORY, HistoryKey, HistoryRow, LOG, LogRow, META, TOUCHED, begin, meta};
use super::error::{Failure, StoreError};
use super::{Commit, Expect, Options, Revision, Store, Write};

/// A key is a kind and a name; longer than any name in DNS with its kind before it.
pub const MAX_KEY: usize = 1024;
/// The largest document is a zone's master text. More would not fit the memory that a change of it takes several times.
pub const MAX_VALUE: usize = 64 << 20;
/// Objects kept of an entry that changed nothing: a refused document may name a hundred thousand.
pub const MAX_NOTED: usize = 1000;

/// Rows of log and history that one commit throws away at most: it writes about four a document, so it keeps up, and is not slowed.
const PRUNED_BY_COMMIT: usize = 64;
/// Rows that one call of `prune` throws away at most, some tens of milliseconds.
const PRUNED_BY_CALL: usize = 10_000;

/// What the log keeps beside keys and bytes, about; it makes `keep_bytes` bound many small entries too.
const ROW_BYTES: u64 = 100;

/// What the one writer remembers.
#[derive(Default)]
pub(super) struct Pen {
    /// Made, but not known to be safe; told to those who watch once it is.
    unsure: Option<Arc<Revision>>,
}

/// One entry of the log, with the documents it changes, if it does.
pub(super) struct Entry<'a> {
    pub(super) writes: Option<&'a [Write]>,
    /// Of an entry without writes.
    pub(super) objects: &'a [String],
    pub(super) entry: &'a [u8],
    pub(super) at_s: u64,
    /// The revision is above this one.
    pub(super) above: u64,
}

/// Where the store stands after an entry.
#[derive(Clone, Copy)]
pub(super) struct Stand {
    pub(super) revision: u64,
    pub(super) sequence: u64,
}

impl Store {
    /// All or nothing; durable when it returns. A write that expects something else than what is there is a conflict that names its key.
    pub fn commit(&self, commit: Commit) -> Result<u64, StoreError> {
        self.commit_above(commit, 0)
    }

    /// A commit whose revision is above `above` and all that were.
    pub(super) fn commit_above(&self, mut commit: Commit, above: u64) -> Result<u64, StoreError> {
        commit.writes.sort_by(|a, b| a.key.cmp(&b.key));
        if let Some(pair) = commit.writes.windows(2).find(|pair| pair[0].key == pair[1].key) {
            return Err(StoreError::Refused(format!("{} is written twice in one commit", pair[0].key)));
        }
        commit.writes.iter().try_for_each(|write| sound(&write.key, write.value.as_deref()))?;
        let entry = Entry { writes: Some(&commit.writes), objects: &[], entry: &commit.entry, at_s: commit.at_s, above };
        Ok(self.enter(&entry)?.revision)
    }

    /// An entry of the log without a change, such as a change that was refused. Of very many objects the first thousand are kept.
    pub fn note(&self, at_s: u64, objects: &[String], entry: Vec<u8>) -> Result<u64, StoreError> {
        let mut objects = objects[..objects.len().min(MAX_NOTED)].to_vec();
        objects.sort();
        objects.dedup();
        objects.iter().try_for_each(|key| sound(key, None))?;
        let entry = Entry { writes: None, objects: &objects, entry: &entry, at_s, above: 0 };
        Ok(self.enter(&entry)?.sequence)
    }

    /// Sets a value without a revision or an entry in the log. A crash may lose it; the next commit makes it safe.
    pub fn quiet(&self, key: &str, value: Option<Vec<u8>>) -> Result<(), StoreError> {
        sound(key, value.as_deref())?;
        let mut pen = self.pen()?;
        self.ready(&mut pen)?;
        self.inner.live.write(&mut |db| {
            let mut txn = db.begin_write()?;
            txn.set_durability(Durability::None)?;
            {
                let mut documents = txn.open_table(DOCUMENTS)?;
                let now = txn.open_table(META)?.get(meta::REVISION)?.map_or(0, |row| row.value());
                let stands = documents.get(key)?.map(|row| (row.value().0, row.value().1));
                match (&value, stands) {
                    (Some(value), stands) => {
                        let (revision, created) = stands.unwrap_or((now, now));
                        documents.insert(key, (revision, created, value.as_slice()))?;
                    }
                    (None, Some(_)) => drop(documents.remove(key)?),
                    (None, None) => {}
                }
            }
            txn.commit()?;
            Ok(())
        })
    }

    /// Throws away what log and history hold beyond their limits, a bounded number of rows; true when there is more to do.
    /// Commits do the same in smaller steps; this is for a store that is not written.
    pub fn prune(&self, now_s: u64) -> Result<bool, StoreError> {
        let mut pen = self.pen()?;
        self.ready(&mut pen)?;
        self.inner.live.write(&mut |db| {
            let txn = begin(db)?;
            let (rows, more) = prune(&txn, &self.inner.options, now_s, PRUNED_BY_CALL)?;
            match rows {
                0 => txn.abort()?,
                _ => txn.commit()?,
            }
            Ok(more)
        })
    }

    pub(super) fn pen(&self) -> Result<parking_lot::MutexGuard<'_, Pen>, StoreError> {
        match &self.inner.sealed {
            Some(why) => Err(StoreError::Sealed(why.clone())),
            None => Ok(self.inner.pen.lock()),
        }
    }

    /// Makes the file ready to be written; if a commit was left unsure, it is safe after that, or undone.
    pub(super) fn ready(&self, pen: &mut Pen) -> Result<(), StoreError> {
        self.inner.live.ready()?;
        if let Some(revision) = pen.unsure.take() {
            let stand = self.stand()?;
            self.inner.revision.store(stand.revision, Ordering::Release);
            if stand.revision == revision.revision {
                let _ = self.inner.watchers.send(revision);
            }
        }
        Ok(())
    }

    pub(super) fn stand(&self) -> Result<Stand, StoreError> {
        self.inner.live.read(&mut |db| {
            let table = db.begin_read()?.open_table(META)?;
            let row = |name| Ok::<_, Failure>(table.get(name)?.map_or(0, |row| row.value()));
            Ok(Stand { revision: row(meta::REVISION)?, sequence: row(meta::SEQUENCE)? })
        })
    }

    fn enter(&self, entry: &Entry<'_>) -> Result<Stand, StoreError> {
        let mut pen = self.pen()?;
        self.ready(&mut pen)?;
        // Set once all is written but the commit itself: from there on an error leaves it open whether it is there.
        let mut made = None;
        let done = self.inner.live.write(&mut |db| {
            let (txn, stand) = written(db, entry, &self.inner.options)?;
            made = Some(stand);
            txn.commit()?;
            Ok(stand)
        });
        let keys = || entry.writes.unwrap_or_default().iter().map(|write| write.key.clone()).collect();
        match (done, made) {
            (Ok(stand), _) => Ok(self.told(entry, stand, keys())),
            (Err(error), None) => {
                // The disk may have failed under it: opened anew now, so that readers do not meet the error.
                if self.inner.live.failed() {
                    let _ = self.inner.live.ready();
                }
                Err(error)
            }
            (Err(error), Some(stand)) => match self.outcome(stand) {
                Outcome::Undone => Err(error),
                Outcome::Done => Ok(self.told(entry, stand, keys())),
                Outcome::Unsure => {
                    self.inner.revision.store(stand.revision, Ordering::Release);
                    pen.unsure = entry.writes.map(|_| Arc::new(Revision { revision: stand.revision, keys: keys() }));
                    Err(match error {
                        StoreError::Full { source } | StoreError::Gone { source: Some(source), .. } => {
                            StoreError::Unsure { revision: stand.revision, source }
                        }
                        other => other,
                    })
                }
            },
        }
    }

    /// What became of a commit that ended in an error: looked up in the file opened anew.
    fn outcome(&self, made: Stand) -> Outcome {
        let ready = self.inner.live.ready();
        match (self.stand(), ready) {
            (Ok(found), _) if found.sequence < made.sequence => Outcome::Undone,
            (Ok(_), Ok(())) => Outcome::Done,
            _ => Outcome::Unsure,
        }
    }

    fn told(&self, entry: &Entry<'_>, stand: Stand, keys: Vec<String>) -> Stand {
        if entry.writes.is_some() {
            self.inner.revision.store(stand.revision, Ordering::Release);
            // An error only says that nobody watches.
            let _ = self.inner.watchers.send(Arc::new(Revision { revision: stand.revision, keys }));
        }
        stand
    }
}

enum Outcome {
    Done,
    Undone,
    Unsure,
}

/// The kind of an object: `panels/` of `panels/fra1`. The log is indexed by it too.
fn kind(key: &str) -> Option<&str> {
    key.find('/').map(|slash| &key[..=slash])
}

fn sound(key: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
    let refused = |what: String| Err(StoreError::Refused(what));
    match value {
        _ if key.is_empty() => refused("a key is empty".into()),
        _ if key.len() > MAX_KEY => refused(format!("a key has {} bytes, more than {MAX_KEY}", key.len())),
        _ if key.ends_with('/') => refused(format!("the key {key:?} ends in a slash, as only kinds do")),
        _ if key.chars().any(char::is_control) => refused(format!("the key {key:?} has a control character")),
        Some(value) if value.len() > MAX_VALUE => refused(format!("{key} has {} bytes, more than {MAX_VALUE}", value.len())),
        _ => Ok(()),
    }
}

/// A transaction with the entry in it, not yet committed.
fn written(db: &Database, entry: &Entry<'_>, options: &Options) -> Result<(WriteTransaction, Stand), Failure> {
    let txn = begin(db)?;
    let stand = {
        let mut counters = txn.open_table(META)?;
        let read = |name| Ok::<_, Failure>(counters.get(name)?.map_or(0, |row| row.value()));
        let (last, sequence, kept) = (read(meta::REVISION)?, read(meta::SEQUENCE)? + 1, read(meta::KEPT_BYTES)?);
        let revision = if entry.writes.is_some() { last.max(entry.above) + 1 } else { last };
        let of = entry.writes.is_some().then_some(revision);

        let mut touched = txn.open_table(TOUCHED)?;
        let mut kinds = BTreeSet::new();
        let mut touch = |key: &str| -> Result<(), Failure> {
            touched.insert((key, sequence), of)?;
            if let Some(kind) = kind(key)
                && kinds.insert(kind.to_owned())
            {
                touched.insert((kind, sequence), of)?;
            }
            Ok(())
        };
        let (mut bytes, mut count) = (ROW_BYTES + entry.entry.len() as u64, 0);
        for key in entry.objects {
            touch(key)?;
            bytes += ROW_BYTES + 2 * key.len() as u64;
            count += 1;
        }
        let mut documents = txn.open_table(DOCUMENTS)?;
        let mut history = txn.open_table(HISTORY)?;
        for write in entry.writes.unwrap_or_default() {
            if let Some(changed) = change(&mut documents, &mut history, write, revision)? {
                touch(&write.key)?;
                bytes += ROW_BYTES + 2 * write.key.len() as u64 + changed;
                count += 1;
            }
        }
        let objects: Vec<&str> = entry.objects.iter().map(String::as_str).collect();
        txn.open_table(LOG)?.insert(sequence, (entry.at_s, of, bytes, count, objects, entry.entry))?;
        counters.insert(meta::REVISION, revision)?;
        counters.insert(meta::SEQUENCE, sequence)?;
        counters.insert(meta::KEPT_BYTES, kept + bytes)?;
        Stand { revision, sequence }
    };
    prune(&txn, options, entry.at_s, PRUNED_BY_COMMIT)?;
    Ok((txn, stand))
}

/// Writes one document and its history; the bytes the history took, or None when there was nothing to delete.
fn change(
    documents: &mut Table<'_, &'static str, (u64, u64, &'static [u8])>,
    history: &mut Table<'_, HistoryKey, HistoryRow>,
    write: &Write,
    revision: u64,
) -> Result<Option<u64>, Failure> {
    let key = write.key.as_str();
    let row = documents.get(key)?;
    let stands = row.as_ref().map(|row| row.value());
    let met = match write.expect {
        Expect::Any => true,
        Expect::Absent => stands.is_none(),
        Expect::Present => stands.is_some(),
        Expect::Revision(expected) => stands.is_some_and(|(found, ..)| found == expected),
    };
    if !met {
        return Err(StoreError::Conflict { key: key.to_owned(), revision: stands.map(|(found, ..)| found) }.into());
    }
    let after = write.value.as_deref();
    let before = stands.map(|(_, _, value)| value);
    if before.is_none() && after.is_none() {
        return Ok(None);
    }
    let bytes = before.map_or(0, <[u8]>::len) + after.map_or(0, <[u8]>::len);
    let created = stands.map_or(revision, |(_, created, _)| created);
    history.insert((revision, key), (before, after))?;
    drop(row);
    match after {
        Some(value) => drop(documents.insert(key, (revision, created, value))?),
        None => drop(documents.remove(key)?),
    }
    Ok(Some(bytes as u64))
}

/// Throws away the oldest entries over the limits, at most `budget` rows; how many it were, and whether there are more.
fn prune(txn: &WriteTransaction, options: &Options, now_s: u64, budget: usize) -> Result<(usize, bool), Failure> {
    let mut counters = txn.open_table(META)?;
    let read = |name| Ok::<_, Failure>(counters.get(name)?.map_or(0, |row| row.value()));
    let (newest, mut floor, mut kept) = (read(meta::SEQUENCE)?, read(meta::FLOOR)?, read(meta::KEPT_BYTES)?);
    let (mut log, mut history, mut touched) = (txn.open_table(LOG)?, txn.open_table(HISTORY)?, txn.open_table(TOUCHED)?);
    let mut rows = 0;
    while rows < budget {
        let Some(Old { sequence, of, at_s, bytes, objects }) = oldest(&log)? else { return Ok((rows, false)) };
        if sequence > floor {
            let outlived = at_s.saturating_add(options.keep_age_s) < now_s || kept > options.keep_bytes;
            // The newest is kept, whatever it is, so that the last change can always be looked at.
            if !outlived || sequence == newest {
                return Ok((rows, false));
            }
            (floor, kept) = (sequence, kept.saturating_sub(bytes));
            counters.insert(meta::FLOOR, floor)?;
            counters.insert(meta::KEPT_BYTES, kept)?;
            if let Some(revision) = of {
                counters.insert(meta::FLOOR_REVISION, revision)?;
            }
        }
        let keys = match of {
            Some(revision) => keys_of(&history, revision, budget - rows)?,
            None => objects,
        };
        for key in &keys {
            if let Some(revision) = of {
                history.remove((revision, key.as_str()))?;
            }
            touched.remove((key.as_str(), sequence))?;
            if let Some(kind) = kind(key) {
                touched.remove((kind, sequence))?;
            }
        }
        rows += keys.len();
        if rows < budget {
            log.remove(sequence)?;
            rows += 1;
        }
    }
    Ok((rows, true))
}

/// The oldest row of the log.
struct Old {
    sequence: u64,
    of: Option<u64>,
    at_s: u64,
    bytes: u64,
    objects: Vec<String>,
}

fn oldest(log: &Table<'_, u64, LogRow>) -> Result<Option<Old>, Failure> {
    Ok(log.first()?.map(|(sequence, row)| {
        let (at_s, of, bytes, _, objects, _) = row.value();
        Old { sequence: sequence.value(), of, at_s, bytes, objects: objects.into_iter().map(str::to_owned).collect() }
    }))
}

/// The first keys that a revision changed.
pub(super) fn keys_of(history: &impl ReadableTable<HistoryKey, HistoryRow>, revision: u64, most: usize) -> Result<Vec<String>, Failure> {
    let range = history.range((revision, "")..(revision + 1, ""))?;
    range.take(most).map(|row| Ok(row?.0.value().1.to_owned())).collect()
}
