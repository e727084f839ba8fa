//! A store made anew while no node runs: of a backup, or of its last good copy.

use super::Caller;
use super::journal::Entry;
use super::office::Office;
use crate::store::{self, Source};
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// What a store is made of.
pub enum Ground<'a> {
    Backup(&'a mut dyn BufRead),
    /// The copy that a running node keeps.
    Good,
}

/// A store that is there again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mended {
    pub revision: u64,
    pub documents: u64,
    /// Where the old file is now.
    pub aside: Option<PathBuf>,
}

/// The caller has claimed the directory. The error is a sentence.
pub fn mend(data: &Path, ground: Ground<'_>) -> Result<Mended, String> {
    let (source, verb) = match ground {
        Ground::Backup(backup) => (Source::Backup(backup), "restore offline"),
        Ground::Good => (Source::Good, "restore the good copy"),
    };
    let entry = Entry::of(&Caller::node(), verb).bytes();
    let restored = store::restore_offline(data, source, Office::now_s(), entry).map_err(|error| error.in_full())?;
    Ok(Mended { revision: restored.revision, documents: restored.documents, aside: restored.aside })
}
