//! What can go wrong with a store, and what the caller may conclude from it.

use std::error::Error;
use std::{fmt, io};

/// Everything but `Unsure` means that nothing has changed.
#[derive(Debug)]
pub enum StoreError {
    /// The document is not as the writer expected it; `revision` is the one it has, None when it is absent.
    Conflict { key: String, revision: Option<u64> },
    /// The call itself is wrong: a key or a value over its limit, one key twice.
    Refused(String),
    /// No space, or no more of it for us. Reading goes on; writing works again as soon as there is space.
    Full { source: io::Error },
    /// The file cannot be read or written. It is opened anew with each further call.
    Gone { what: String, source: Option<io::Error> },
    /// The disk failed at the last step of a commit: it can be read now, and may be lost with the next loss of power.
    Unsure { revision: u64, source: io::Error },
    /// The store is the last good copy of a broken one: it can be read, and nothing may be written.
    Sealed(String),
    /// The file is not a sound store.
    Corrupt(String),
    /// Another process has the file open.
    Busy(String),
    /// The backup is cut, altered, or none at all; `line` counts from 1.
    Backup { line: u64, what: String },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { key, revision: Some(revision) } => {
                write!(f, "{key} is at revision {revision}, which is not what was expected")
            }
            Self::Conflict { key, revision: None } => write!(f, "{key} does not exist, which is not what was expected"),
            Self::Refused(what) | Self::Sealed(what) | Self::Corrupt(what) | Self::Busy(what) => f.write_str(what),
            Self::Full { .. } => f.write_str("there is no space to write to the store; nothing was changed"),
            Self::Gone { what, .. } => f.write_str(what),
            Self::Unsure { revision, .. } => {
                write!(f, "the disk failed while revision {revision} was made safe; whether it outlives a loss of power is not known")
            }
            Self::Backup { line, what } => write!(f, "line {line} of the backup: {what}"),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Full { source } | Self::Unsure { source, .. } => Some(source),
            Self::Gone { source, .. } => source.as_ref().map(|source| source as &(dyn Error + 'static)),
            _ => None,
        }
    }
}

impl StoreError {
    /// What an error of the file system is to the store; `what` says what was being done.
    pub(super) fn of_io(what: &str, error: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::Full { source: error },
            _ => Self::Gone { what: what.to_owned(), source: Some(error) },
        }
    }

    /// The sentence with its cause, for one line of a log.
    pub fn in_full(&self) -> String {
        self.source().map_or_else(|| self.to_string(), |source| format!("{self}: {source}"))
    }
}

/// An error on its way out of a transaction.
pub(super) enum Failure {
    /// It has nothing to do with the file.
    Said(StoreError),
    Redb(redb::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Said(error)
    }
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for Failure {
            fn from(error: redb::$error) -> Self {
                Self::Redb(error.into())
            }
        })*
    };
}
from_redb!(TransactionError, TableError, StorageError, CommitError, DatabaseError, SetDurabilityError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_want_of_space_is_a_full_disk() {
        for (errno, full) in [(libc::ENOSPC, true), (libc::EDQUOT, true), (libc::EFBIG, true), (libc::EIO, false), (libc::EROFS, false)] {
            let error = StoreError::of_io("writing", io::Error::from_raw_os_error(errno));
            assert_eq!(matches!(error, StoreError::Full { .. }), full, "{errno}: {error}");
            assert!(error.source().is_some() && error.in_full().len() > error.to_string().len());
        }
    }
}
