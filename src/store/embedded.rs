//! The redb file: opened only when sound, opened anew after an error of the disk.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageBackend, TableDefinition, WriteTransaction};

use super::error::{Failure, StoreError};
use super::gate::{Gate, Passage};

/// Counters by name, see `meta`.
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// Key → revision, revision it came into being, value.
pub(super) const DOCUMENTS: TableDefinition<&str, (u64, u64, &[u8])> = TableDefinition::new("documents");
/// Revision, key → before, after.
pub(super) const HISTORY: TableDefinition<HistoryKey, HistoryRow> = TableDefinition::new("history");
pub(super) type HistoryKey = (u64, &'static str);
pub(super) type HistoryRow = (Option<&'static [u8]>, Option<&'static [u8]>);
/// Sequence → when, revision, the bytes it stands for, how many objects, those of a refused entry, the entry.
pub(super) const LOG: TableDefinition<u64, LogRow> = TableDefinition::new("log");
pub(super) type LogRow = (u64, Option<u64>, u64, u64, Vec<&'static str>, &'static [u8]);
/// Object or kind (`panels/`), sequence → revision: who is touched by which entry of the log.
pub(super) const TOUCHED: TableDefinition<(&str, u64), Option<u64>> = TableDefinition::new("touched");

/// The rows of META.
pub(super) mod meta {
    pub(in crate::store) const FORMAT: &str = "format";
    pub(in crate::store) const REVISION: &str = "revision";
    pub(in crate::store) const SEQUENCE: &str = "sequence";
    /// What log and history hold, as `keep_bytes` counts it.
    pub(in crate::store) const KEPT_BYTES: &str = "kept_bytes";
    /// Entries of the log up to here are gone, though their rows may still wait to be removed.
    pub(in crate::store) const FLOOR: &str = "floor";
    pub(in crate::store) const FLOOR_REVISION: &str = "floor_revision";
}

/// Of the tables above. A store of another format is refused, not guessed at.
const FORMAT: u64 = 1;

/// Memory for pages of the file. What is answered and shown is held elsewhere, and the system keeps the file's pages as long as it has room;
/// redb's own default is 1 GiB.
const CACHE_BYTES: usize = 1 << 20;

/// How long opening anew waits for readers to leave. Longer than any scan; without an end, a reader that waits for itself would hang.
const READERS_LEAVE: Duration = Duration::from_secs(5);

/// Where the file comes from, each time it is opened.
pub(super) type Disk = Box<dyn Fn() -> io::Result<Box<dyn StorageBackend>> + Send + Sync>;

pub(super) struct Live {
    disk: Disk,
    /// How the file is called in sentences.
    name: String,
    state: RwLock<State>,
}

struct State {
    open: Option<Open>,
    /// How often the file has been opened: two that saw the same error open it once.
    turn: u64,
}

struct Open {
    db: Database,
    gate: Arc<Gate>,
}

impl Live {
    /// Opens a file that must be there and be sound. Nothing of it is changed before `ready`.
    pub(super) fn open(disk: Disk, name: String) -> Result<Self, StoreError> {
        let open = open_sound(&disk, &name)?;
        Ok(Self { disk, name, state: RwLock::new(State { open: Some(open), turn: 0 }) })
    }

    /// Runs `read` on the file; if the disk fails under it, once more on the file opened anew.
    pub(super) fn read<T>(&self, read: &mut dyn FnMut(&Database) -> Result<T, Failure>) -> Result<T, StoreError> {
        for last in [false, true] {
            // Recursive: who scans may read from within, also while a writer waits to open the file anew.
            let state = self.state.read_recursive();
            let turn = state.turn;
            if let Some(open) = &state.open {
                match read(&open.db) {
                    Ok(done) => return Ok(done),
                    Err(Failure::Said(error)) => return Err(error),
                    Err(Failure::Redb(error)) if last || !is_disk(&error) => return Err(self.sentence(error, open)),
                    Err(Failure::Redb(_)) => {}
                }
            }
            drop(state);
            self.reopen(turn)?;
        }
        Err(StoreError::Gone { what: format!("{} could not be opened anew", self.name), source: None })
    }

    /// Runs one write transaction: only after `ready`, and by one thread at a time.
    pub(super) fn write<T>(&self, write: &mut dyn FnMut(&Database) -> Result<T, Failure>) -> Result<T, StoreError> {
        let state = self.state.read_recursive();
        let Some(open) = &state.open else {
            return Err(StoreError::Gone { what: format!("{} is not open", self.name), source: None });
        };
        write(&open.db).map_err(|failure| match failure {
            Failure::Said(error) => error,
            Failure::Redb(error) => self.sentence(error, open),
        })
    }

    /// Makes the file such that it can be written: opened anew after an error, and with all written that opening held back.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        let (turn, failed) = {
            let state = self.state.read_recursive();
            (state.turn, state.open.as_ref().is_none_or(|open| open.gate.fault().is_some()))
        };
        if failed {
            self.reopen(turn)?;
        }
        let state = self.state.read_recursive();
        match &state.open {
            Some(open) => open.gate.release().map_err(|error| StoreError::of_io(&format!("{} cannot be written", self.name), error)),
            None => Err(StoreError::Gone { what: format!("{} is not open", self.name), source: None }),
        }
    }

    /// Whether the disk has failed since the file was opened.
    pub(super) fn failed(&self) -> bool {
        self.state.read_recursive().open.as_ref().is_none_or(|open| open.gate.fault().is_some())
    }

    fn reopen(&self, seen: u64) -> Result<(), StoreError> {
        let Some(mut state) = self.state.try_write_for(READERS_LEAVE) else {
            return Err(StoreError::Gone { what: format!("{} cannot be opened anew while it is read", self.name), source: None });
        };
        if state.turn != seen && state.open.is_some() {
            return Ok(());
        }
        // Closed first: it holds the lock of the file.
        state.open = None;
        state.turn += 1;
        state.open = Some(open_sound(&self.disk, &self.name)?);
        Ok(())
    }

    fn sentence(&self, error: redb::Error, open: &Open) -> StoreError {
        match (open.gate.fault(), error) {
            (Some(fault), _) => StoreError::of_io(&format!("{} cannot be read or written", self.name), fault),
            (None, redb::Error::ValueTooLarge(len)) => StoreError::Refused(format!("a value of {len} bytes is too large")),
            (None, redb::Error::Io(error)) => StoreError::Corrupt(format!("{} is damaged: {error}", self.name)),
            (None, redb::Error::Corrupted(what)) => StoreError::Corrupt(format!("{} is damaged: {what}", self.name)),
            (None, other) => StoreError::Gone { what: format!("{}: {other}", self.name), source: None },
        }
    }
}

/// Makes an empty store in an empty file.
pub(super) fn create(file: Box<dyn StorageBackend>) -> Result<(), Failure> {
    let gate = Arc::new(Gate::held(file).map_err(|error| StoreError::of_io("a store cannot be made", error))?);
    gate.release().map_err(|error| StoreError::of_io("a store cannot be made", error))?;
    let made = || -> Result<(), Failure> {
        let db = Builder::new().create_with_backend(Passage(gate.clone()))?;
        let txn = begin(&db)?;
        txn.open_table(META)?.insert(meta::FORMAT, FORMAT)?;
        txn.open_table(DOCUMENTS)?;
        txn.open_table(HISTORY)?;
        txn.open_table(LOG)?;
        txn.open_table(TOUCHED)?;
        txn.commit()?;
        db.close()?;
        Ok(())
    };
    made().map_err(|failure| match (gate.fault(), failure) {
        (Some(fault), Failure::Redb(_)) => StoreError::of_io("a store cannot be made", fault).into(),
        (_, failure) => failure,
    })
}

/// A write transaction whose commit is durable when it returns.
///
/// In two phases, which costs a second sync and makes the end of a failed one sure: the old state stays the valid one until the new
/// one is on the disk, and a damaged new one is seen as damage, never taken for a commit that was not finished.
pub(super) fn begin(db: &Database) -> Result<WriteTransaction, Failure> {
    let mut txn = db.begin_write()?;
    txn.set_two_phase_commit(true);
    Ok(txn)
}

fn open_sound(disk: &Disk, name: &str) -> Result<Open, StoreError> {
    let cannot = |error| StoreError::of_io(&format!("{name} cannot be opened"), error);
    let gate = Arc::new(Gate::held(disk().map_err(cannot)?).map_err(cannot)?);
    if Passage(gate.clone()).len().map_err(cannot)? == 0 {
        return Err(StoreError::Corrupt(format!("{name} is empty")));
    }
    // redb reports damage; a panic out of it is damage that it did not think of.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let db = Builder::new().set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true).create_with_backend(Passage(gate.clone()))?;
        let format = db.begin_read()?.open_table(META)?.get(meta::FORMAT)?.map(|format| format.value());
        Ok::<_, Failure>((db, format))
    }));
    match opened {
        Ok(Ok((db, Some(FORMAT)))) => Ok(Open { db, gate }),
        Ok(Ok((_, Some(format)))) => {
            Err(StoreError::Corrupt(format!("{name} is of format {format}, written by another version; this one reads format {FORMAT}")))
        }
        Ok(Ok((_, None))) => Err(StoreError::Corrupt(format!("{name} is not a store of Meridian"))),
        Ok(Err(failure)) => Err(not_opened(failure, &gate, name)),
        Err(_) => Err(StoreError::Corrupt(format!("{name} is damaged"))),
    }
}

fn not_opened(failure: Failure, gate: &Gate, name: &str) -> StoreError {
    let error = match (gate.fault(), failure) {
        (Some(fault), _) => return StoreError::of_io(&format!("{name} cannot be read"), fault),
        (None, Failure::Said(error)) => return error,
        (None, Failure::Redb(error)) => error,
    };
    match error {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
            StoreError::Busy(format!("{name} is open in another process"))
        }
        redb::Error::TableDoesNotExist(_) | redb::Error::TableTypeMismatch { .. } => {
            StoreError::Corrupt(format!("{name} is not a store of Meridian"))
        }
        redb::Error::Corrupted(what) => StoreError::Corrupt(format!("{name} is damaged: {what}")),
        other => StoreError::Corrupt(format!("{name} is damaged: {other}")),
    }
}

/// Whether opening the file anew may help.
fn is_disk(error: &redb::Error) -> bool {
    matches!(error, redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed)
}

/// The file as redb's own backend.
pub(super) fn file_backend(file: std::fs::File) -> io::Result<Box<dyn StorageBackend>> {
    let backend = redb::backends::FileBackend::new(file).map_err(|error| match error {
        DatabaseError::Storage(redb::StorageError::Io(error)) => error,
        other => io::Error::other(other.to_string()),
    })?;
    Ok(Box::new(backend))
}
