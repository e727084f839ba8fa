//! The store in its directory: made, opened, and kept beside a last good copy that stands in for it when it is broken.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::embedded::{Live, create, file_backend};
use super::error::{Failure, StoreError};
use super::{Opened, Options, StorageBackend, Store};
use crate::clock;
use crate::document::Problem;

pub(super) const FILE: &str = "meridian.redb";
const GOOD: &str = "meridian.redb.good";
/// What is being made; a crash may leave it, and the next start removes it.
const NEW: &str = "meridian.redb.new";
const GOOD_NEW: &str = "meridian.redb.good.new";

/// How often a running store is copied: what a broken file may cost is the changes of ten minutes.
pub const GOOD_EVERY_S: u64 = 600;

/// Only the owner reads it: tokens are in it, though hashed.
const MODE: u32 = 0o600;

/// When the last good copy was made, and of what.
pub(super) struct Copy {
    directory: PathBuf,
    last: Mutex<Option<(u64, u64)>>,
}

/// Opens the store of a directory, or makes it when neither it nor a copy of it is there.
///
/// A file that is not sound is left as it is; its last good copy is opened in its place, sealed.
pub fn open(directory: &Path, options: &Options) -> Result<Opened, StoreError> {
    let (file, good) = (directory.join(FILE), directory.join(GOOD));
    let there = |path: &Path| fs::symlink_metadata(path).is_ok_and(|_| true) || path.exists();
    let is_new = match fs::symlink_metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if there(&good) {
                return sealed(directory, options, &StoreError::Corrupt(format!("{} is missing", file.display())));
            }
            make(directory)?;
            true
        }
        _ => false,
    };
    match Live::open(disk(&file), file.display().to_string()) {
        Ok(live) => {
            let copy = Copy { directory: directory.to_owned(), last: Mutex::new(None) };
            let store = Store::new(live, options, None, Some(copy))?;
            let problem = settle(&store, &file).err().map(|error| Problem::warning(&file.display().to_string(), 0, error.in_full()));
            Ok(Opened { store, is_new, problem })
        }
        Err(busy @ StoreError::Busy(_)) => Err(busy),
        Err(broken) if there(&good) => sealed(directory, options, &broken),
        Err(broken) => Err(StoreError::Corrupt(format!(
            "{}; there is no copy of it ({GOOD}). `meridian restore --offline FILE` makes a store of a backup and sets the broken one aside",
            broken.in_full()
        ))),
    }
}

/// A store in something else than a file: `disk` gives it, each time it is to be opened. It has no good copy.
pub fn open_with(
    disk: impl Fn() -> io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
    options: &Options,
) -> Result<Opened, StoreError> {
    let cannot = |error| StoreError::of_io("the store cannot be opened", error);
    let file = disk().map_err(cannot)?;
    let is_new = file.len().map_err(cannot)? == 0;
    match is_new {
        true => create(file).map_err(said)?,
        false => file.close().map_err(cannot)?,
    }
    let live = Live::open(Box::new(disk), "the store".to_owned())?;
    let store = Store::new(live, options, None, None)?;
    // What opening wants written may wait: the first commit tries it again, and says it.
    let problem = store.inner.live.ready().err().map(|error| Problem::warning("", 0, error.in_full()));
    Ok(Opened { store, is_new, problem })
}

impl Store {
    /// Copies the store to its good copy if it has changed since and the last is ten minutes old; true when it did.
    ///
    /// To be called now and then from a thread that may take a second: commits wait only while the bytes are copied; syncing and
    /// checking the copy takes longer, and nobody waits for it. A copy that is not sound never replaces a good one.
    pub fn keep_good(&self, now_s: u64) -> Result<bool, StoreError> {
        let Some(copy) = &self.inner.good else { return Ok(false) };
        let mut last = copy.last.lock();
        let pen = self.pen()?;
        let sequence = self.stand()?.sequence;
        if last.is_some_and(|(at_s, of)| of == sequence || at_s.abs_diff(now_s) < GOOD_EVERY_S) {
            return Ok(false);
        }
        let mut pen = pen;
        self.ready(&mut pen)?;
        let (from, new) = (copy.directory.join(FILE), copy.directory.join(GOOD_NEW));
        let cannot = |error| StoreError::of_io(&format!("{} cannot be written", new.display()), error);
        let made = duplicate(&from, &new).map_err(cannot).and_then(|file| {
            drop(pen);
            file.sync_all().map_err(cannot)?;
            let found = Live::open(disk(&new), new.display().to_string())?;
            let found = Store::new(found, &self.inner.options, None, None)?.stand()?;
            match found.sequence == sequence {
                true => Ok(()),
                false => Err(StoreError::Corrupt(format!("{} is not what was copied", new.display()))),
            }
        });
        let kept = made.and_then(|()| put(&new, &copy.directory.join(GOOD)).map_err(cannot));
        if kept.is_err() {
            let _ = fs::remove_file(&new);
        }
        kept?;
        *last = Some((now_s, sequence));
        Ok(true)
    }
}

/// What is done once a file has been opened: what opening wants written, its mode, and its copy.
fn settle(store: &Store, file: &Path) -> Result<(), StoreError> {
    let narrow = |path: &Path| match fs::metadata(path)?.permissions().mode() & 0o7777 {
        MODE => Ok(()),
        _ => fs::set_permissions(path, Permissions::from_mode(MODE)),
    };
    let cannot = |error| StoreError::of_io(&format!("{} stays readable to others", file.display()), error);
    for left in [NEW, GOOD_NEW] {
        let _ = fs::remove_file(file.with_file_name(left));
    }
    narrow(file).map_err(cannot)?;
    store.keep_good(clock::now().wall_s).map(drop)
}

fn sealed(directory: &Path, options: &Options, broken: &StoreError) -> Result<Opened, StoreError> {
    let (file, good) = (directory.join(FILE), directory.join(GOOD));
    let live = Live::open(disk(&good), good.display().to_string()).map_err(|error| match error {
        busy @ StoreError::Busy(_) => busy,
        error => StoreError::Corrupt(format!(
            "{}; and of its copy: {}. `meridian restore --offline FILE` makes a store of a backup and sets the broken one aside",
            broken.in_full(),
            error.in_full()
        )),
    })?;
    let why = format!("the store is sealed: {}; what is read is its last good copy", broken.in_full());
    let store = Store::new(live, options, Some(why), None)?;
    let age =
        fs::metadata(&good).and_then(|metadata| metadata.modified()).ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let age =
        age.map_or_else(|| "of unknown age".to_owned(), |at| format!("{} old", in_words(clock::now().wall_s.saturating_sub(at.as_secs()))));
    let problem = Problem::error(
        &file.display().to_string(),
        0,
        format!(
            "{}; its last good copy, revision {}, {age}, is read in its place, and nothing can be changed",
            broken.in_full(),
            store.revision()
        ),
    )
    .hint("stop the node and run `meridian restore --good`; the broken file is set aside, not deleted");
    Ok(Opened { store, is_new: false, problem: Some(problem) })
}

/// Makes an empty store under another name first: a file of this name is always a whole one.
fn make(directory: &Path) -> Result<(), StoreError> {
    let cannot = |error| StoreError::of_io(&format!("no store can be made in {}", directory.display()), error);
    let new = fresh(directory)?;
    put(&new, &directory.join(FILE)).map_err(cannot)
}

/// An empty store, not yet under its name.
pub(super) fn fresh(directory: &Path) -> Result<PathBuf, StoreError> {
    let new = directory.join(NEW);
    let cannot = |error| StoreError::of_io(&format!("{} cannot be made", new.display()), error);
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(cannot)?;
    create(file_backend(emptied(&new).map_err(cannot)?).map_err(cannot)?).map_err(said)?;
    Ok(new)
}

/// A copy of a store, not yet under its name.
pub(super) fn copied(directory: &Path, from: &Path) -> Result<PathBuf, StoreError> {
    let new = directory.join(NEW);
    duplicate(from, &new).map_err(|error| StoreError::of_io(&format!("{} cannot be made", new.display()), error))?;
    Ok(new)
}

pub(super) fn good_of(directory: &Path) -> PathBuf {
    directory.join(GOOD)
}

pub(super) fn disk(path: &Path) -> super::embedded::Disk {
    let path = path.to_owned();
    Box::new(move || file_backend(OpenOptions::new().read(true).write(true).open(&path)?))
}

/// Gives a finished file its name, and makes both safe.
pub(super) fn put(new: &Path, name: &Path) -> io::Result<()> {
    File::open(new)?.sync_all()?;
    fs::rename(new, name)?;
    File::open(name.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn duplicate(from: &Path, to: &Path) -> io::Result<File> {
    let mut copy = emptied(to)?;
    let copied = File::open(from).and_then(|mut from| io::copy(&mut from, &mut copy));
    if copied.is_err() {
        // What it took of a disk that is nearly full, the next commit may need.
        let _ = fs::remove_file(to);
    }
    copied.map(|_| copy)
}

fn emptied(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(path)
}

fn said(failure: Failure) -> StoreError {
    match failure {
        Failure::Said(error) => error,
        Failure::Redb(error) => StoreError::Gone { what: format!("a store cannot be made: {error}"), source: None },
    }
}

fn in_words(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
