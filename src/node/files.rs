//! Files: reading them whole, includes kept inside their directory, and noticing changes.

use crate::dns::master::Loader;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Places in a zone's text and data are 32 bits wide while it is compiled; a larger file would wrap them.
const MAX_ZONE_FILE: u64 = 2 << 30;

/// A regular file's bytes. Errors are sentences without the file's name.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let in_words = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this process may not read it; give its user read permission".to_owned(),
        _ => format!("can't be read: {error}"),
    };
    // Asked before opening: to open a pipe would wait for a writer.
    let about = fs::metadata(path).map_err(in_words)?;
    if !about.is_file() {
        return Err("is not a regular file".into());
    }
    if about.len() > MAX_ZONE_FILE {
        return Err(format!("is larger than {} GiB", MAX_ZONE_FILE >> 30));
    }
    let mut text = Vec::with_capacity(about.len() as usize + 1);
    File::open(path).and_then(|file| file.take(MAX_ZONE_FILE).read_to_end(&mut text)).map_err(in_words)?;
    Ok(text)
}

/// Refused includes that are watched; a file of nothing but wrong ones must not fill the list.
const MAX_REFUSED: usize = 100;

/// Follows `$INCLUDE`, never out of the directory of the zone's own file.
#[derive(Debug)]
pub struct Includes {
    root: Option<PathBuf>,
    /// Files that were asked for and could not be had: when one appears, the zone is worth another try.
    pub(super) refused: Vec<String>,
}

impl Includes {
    /// For text that is in no file.
    pub fn none() -> Self {
        Self { root: None, refused: Vec::new() }
    }

    pub fn of(zone_file: &Path) -> Self {
        Self { root: directory(zone_file).canonicalize().ok(), refused: Vec::new() }
    }
}

impl Loader for Includes {
    fn load(&mut self, path: &str, from: &str) -> Result<(String, Vec<u8>), String> {
        let shown = directory(Path::new(from)).join(path);
        let loaded = self.inside(&shown);
        if loaded.is_err() && self.refused.len() < MAX_REFUSED {
            self.refused.push(shown.display().to_string());
        }
        Ok((shown.display().to_string(), loaded?))
    }
}

impl Includes {
    fn inside(&self, shown: &Path) -> Result<Vec<u8>, String> {
        if self.root.is_none() {
            return Err("no file is read for a zone that is in none itself; write the records here".into());
        }
        let real = match shown.canonicalize() {
            Ok(real) => real,
            Err(_) => return Err(read(shown).err().unwrap_or_else(|| "can't be found".into())),
        };
        if !self.root.as_ref().is_some_and(|root| real.starts_with(root)) {
            return Err("lies outside the directory of the zone's file, so it is not included; move it there".into());
        }
        read(&real)
    }
}

fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// What can be seen of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    /// Moves also when the file becomes readable, or is replaced by one that keeps its old time.
    changed: (i64, i64),
    len: u64,
    inode: u64,
}

/// Notices files that have changed, once they have stopped changing.
#[derive(Debug, Default)]
pub(super) struct Watch {
    files: BTreeMap<PathBuf, Watched>,
}

#[derive(Debug)]
struct Watched {
    acted_on: Option<Stamp>,
    latest: Option<Stamp>,
}

impl Watch {
    /// From now on these and no others; a new one counts as seen now.
    pub(super) fn set(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        let mut old = std::mem::take(&mut self.files);
        for path in files {
            let watched = old.remove(&path).unwrap_or_else(|| {
                let stamp = stamp(&path);
                Watched { acted_on: stamp, latest: stamp }
            });
            self.files.insert(path, watched);
        }
    }

    /// To be called at intervals: a change counts when two looks in a row see the same, so that no half-written file is read.
    pub(super) fn look(&mut self) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for (path, watched) in &mut self.files {
            let stamp = stamp(path);
            if stamp != watched.acted_on && stamp == watched.latest {
                watched.acted_on = stamp;
                changed.push(path.clone());
            }
            watched.latest = stamp;
        }
        changed
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let about = fs::metadata(path).ok()?;
    Some(Stamp {
        modified: (about.mtime(), about.mtime_nsec()),
        changed: (about.ctime(), about.ctime_nsec()),
        len: about.len(),
        inode: about.ino(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("meridian-files-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("zones/sub")).unwrap();
        dir
    }

    #[test]
    fn includes_stay_inside() {
        let dir = scratch("includes");
        for file in ["zones/a.zone", "zones/sub/b.inc", "zones/sub/c.inc", "outside.inc"] {
            fs::write(dir.join(file), file).unwrap();
        }
        std::os::unix::fs::symlink(dir.join("outside.inc"), dir.join("zones/link.inc")).unwrap();
        let zone = dir.join("zones/a.zone");
        let mut includes = Includes::of(&zone);
        let from = zone.to_str().unwrap();
        let (shown, text) = includes.load("sub/b.inc", from).unwrap();
        assert_eq!(text, b"zones/sub/b.inc");
        assert_eq!(includes.load("c.inc", &shown).unwrap().1, b"zones/sub/c.inc");
        for outside in ["../outside.inc", "link.inc", "/etc/hostname", "sub/../../outside.inc"] {
            assert!(includes.load(outside, from).unwrap_err().contains("outside"), "{outside}");
        }
        assert_eq!(includes.load("missing", from).unwrap_err(), "there is no such file");
        assert_eq!(includes.load("sub", from).unwrap_err(), "is not a regular file");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_change_counts_once_it_is_over() {
        let dir = scratch("watch");
        let file = dir.join("zones/a.zone");
        fs::write(&file, "1").unwrap();
        let mut watch = Watch::default();
        watch.set([file.clone()]);
        assert!(watch.look().is_empty());
        fs::write(&file, "12").unwrap();
        assert!(watch.look().is_empty(), "it may still be being written");
        fs::write(&file, "123").unwrap();
        assert!(watch.look().is_empty());
        assert_eq!(watch.look(), std::slice::from_ref(&file));
        assert!(watch.look().is_empty());
        fs::remove_file(&file).unwrap();
        assert!(watch.look().is_empty());
        assert_eq!(watch.look(), [file]);
        fs::remove_dir_all(dir).unwrap();
    }
}
