//! Backups: every document as a line of JSON, to be read without this program, and made a store again.
//!
//! ```text
//! {"meridian_backup":1,"revision":812,"at":1795000000}
//! {"key":"panels/fra1","revision":640,"created":12,"text":"{\"region\":\"eu\"}"}
//! {"documents":1,"sha256":"<of all bytes before this line>"}
//! ```
//!
//! A value that is no text is under `base64` instead of `text`. Log and history are not in it: a restore goes into the store that is
//! there, as one more revision, and so keeps both.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::embedded::Live;
use super::error::StoreError;
use super::good::{FILE, copied, disk, fresh, good_of, put};
use super::write::MAX_VALUE;
use super::{Commit, Expect, Options, Store, Write};

const FORMAT: u64 = 1;

/// The longest line: the largest value with each byte escaped, and its key.
const MAX_LINE: u64 = 6 * MAX_VALUE as u64 + 16_384;

/// Revisions beyond this are no revisions: readers of JSON have 53 bits for a number.
const MAX_REVISION: u64 = 1 << 53;

/// How far the counter jumps when what was lost is not known: a revision must never come twice, for its ETag says what it was.
const GAP: u64 = 1 << 20;

/// What was backed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    pub revision: u64,
    pub documents: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    pub key: String,
    pub revision: u64,
    pub created: u64,
    pub value: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupHead {
    pub revision: u64,
    pub at_s: u64,
    pub documents: u64,
}

/// What a store is restored from.
pub enum Source<'a> {
    Backup(&'a mut dyn BufRead),
    /// The last good copy, for a store that is broken or missing.
    Good,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub revision: u64,
    pub documents: u64,
    /// Where the old file is now.
    pub aside: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    meridian_backup: u64,
    revision: u64,
    at: u64,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    key: std::borrow::Cow<'a, str>,
    revision: u64,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Foot {
    documents: u64,
    sha256: String,
}

impl Store {
    /// Writes all documents as they are at one moment, while the store is used.
    pub fn backup(&self, at_s: u64, out: &mut dyn io::Write) -> Result<Backup, StoreError> {
        let out = std::cell::RefCell::new(Digested { out, digest: Sha256::new() });
        let failed = std::cell::RefCell::new(None);
        let written = |result: io::Result<()>| match result {
            Ok(()) => true,
            Err(error) => failed.replace(Some(error)).is_some_and(|_| false),
        };
        let mut documents = 0;
        let revision = self.scan_at(
            "",
            &mut |revision| written(out.borrow_mut().line(&Head { meridian_backup: FORMAT, revision, at: at_s })),
            &mut |key, document| {
                documents += 1;
                let (text, base64) = match String::from_utf8(document.value) {
                    Ok(text) => (Some(text), None),
                    Err(bytes) => (None, Some(base64(bytes.as_bytes()))),
                };
                let line = Line { key: key.into(), revision: document.revision, created: document.created, text, base64 };
                written(out.borrow_mut().line(&line))
            },
        )?;
        let mut out = out.into_inner();
        let foot = Foot { documents, sha256: hex(&out.digest.clone().finalize()) };
        let done = match failed.into_inner() {
            Some(error) => Err(error),
            None => out.line(&foot).and_then(|()| out.out.flush()),
        };
        done.map_err(|error| StoreError::Gone { what: "the backup cannot be written".into(), source: Some(error) })?;
        Ok(Backup { revision, documents })
    }
}

/// Reads a backup. What `each` was given is certain only when this returns well: the last line vouches for all before it.
pub fn read_backup(input: &mut dyn BufRead, each: &mut dyn FnMut(BackedUp)) -> Result<BackupHead, StoreError> {
    let mut lines = Lines { input, number: 0, line: Vec::new(), digest: Sha256::new() };
    let head: Head = match lines.next()? {
        true => lines.parsed("the first line of a backup")?,
        false => return Err(lines.wrong("it is empty")),
    };
    if head.meridian_backup != FORMAT {
        return Err(lines.wrong(format!("it is of format {}; this version reads format {FORMAT}", head.meridian_backup)));
    }
    if head.revision > MAX_REVISION {
        return Err(lines.wrong(format!("{} is no revision", head.revision)));
    }
    let (mut documents, mut last) = (0, String::new());
    loop {
        let digest = lines.digest.clone();
        if !lines.next()? {
            return Err(lines.wrong("the backup ends before its last line, which counts the documents"));
        }
        if lines.line.starts_with(b"{\"documents\"") {
            let foot: Foot = lines.parsed("the last line of a backup")?;
            if foot.documents != documents {
                return Err(lines.wrong(format!("it should have {} documents, and has {documents}", foot.documents)));
            }
            if foot.sha256 != hex(&digest.finalize()) {
                return Err(lines.wrong("the backup was changed since it was written: its SHA-256 is another"));
            }
            if lines.next()? {
                return Err(lines.wrong("there is something behind the last line"));
            }
            return Ok(BackupHead { revision: head.revision, at_s: head.at, documents });
        }
        let line: Line<'_> = lines.parsed("a document")?;
        if documents > 0 && *line.key <= *last {
            return Err(lines.wrong(format!("{} does not come after {last}", line.key)));
        }
        if line.revision > head.revision || line.created > line.revision {
            return Err(lines.wrong(format!("{} cannot be of revision {}", line.key, line.revision)));
        }
        let value = match (line.text, line.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => unbase64(&text).ok_or_else(|| lines.wrong("the value is not base64"))?,
            _ => return Err(lines.wrong("a document has either `text` or `base64`")),
        };
        last = line.key.into_owned();
        documents += 1;
        each(BackedUp { key: last.clone(), revision: line.revision, created: line.created, value });
    }
}

/// Makes the store of a directory out of a backup or its last good copy, while no node runs. The old file is set aside.
///
/// What is sound of the old store is the ground of the new one, so the log goes on and revisions only grow.
pub fn restore_offline(directory: &Path, source: Source<'_>, at_s: u64, entry: Vec<u8>) -> Result<Restored, StoreError> {
    let mut wanted = BTreeMap::new();
    let head = match source {
        Source::Backup(input) => Some(read_backup(input, &mut |document| drop(wanted.insert(document.key, document.value)))?),
        Source::Good => None,
    };
    let file = directory.join(FILE);
    let open = |path: &Path| Live::open(disk(path), path.display().to_string());
    // The ground stays open, and so locked, until the new store has its name.
    let (ground, is_good, new) = match open(&file) {
        Err(busy @ StoreError::Busy(_)) => return Err(busy),
        Ok(_) if head.is_none() => {
            return Err(StoreError::Refused(format!("{} is sound: its copy is not needed", file.display())));
        }
        Ok(ground) => (Some(ground), false, copied(directory, &file)?),
        Err(_) => match (open(&good_of(directory)), head) {
            (Err(busy @ StoreError::Busy(_)), _) => return Err(busy),
            (Ok(ground), _) => (Some(ground), true, copied(directory, &good_of(directory))?),
            (Err(error), None) => return Err(error),
            (Err(_), Some(_)) => (None, true, fresh(directory)?),
        },
    };
    let options = Options { keep_age_s: u64::MAX, keep_bytes: u64::MAX };
    let store = Store::new(open(&new)?, &options, None, None)?;
    let known = store.revision().max(head.map_or(0, |head| head.revision));
    let above = if is_good { known.saturating_add(GAP) } else { known };
    let writes = head.map_or_else(|| Ok(Vec::new()), |_| difference(&store, wanted))?;
    let revision = store.commit_above(Commit { writes, entry, at_s }, above)?;
    let mut documents = 0;
    store.scan("", &mut |_, _| {
        documents += 1;
        true
    })?;
    drop(store);
    let cannot = |error| StoreError::of_io(&format!("{} cannot be set aside", file.display()), error);
    let aside = set_aside(&file, at_s).map_err(cannot)?;
    put(&new, &file).map_err(|error| StoreError::of_io(&format!("{} cannot be written", file.display()), error))?;
    drop(ground);
    Ok(Restored { revision, documents, aside })
}

/// What makes the documents of a store the wanted ones.
fn difference(store: &Store, mut wanted: BTreeMap<String, Vec<u8>>) -> Result<Vec<Write>, StoreError> {
    let write = |key: &str, value| Write { key: key.to_owned(), expect: Expect::Any, value };
    let mut writes = Vec::new();
    store.scan("", &mut |key, document| {
        match wanted.remove(key) {
            Some(value) if value == document.value => {}
            value => writes.push(write(key, value)),
        }
        true
    })?;
    writes.extend(wanted.into_iter().map(|(key, value)| write(&key, Some(value))));
    Ok(writes)
}

/// Gives a file a second name, so that there is no moment without a store; one that cannot have two is moved.
fn set_aside(file: &Path, at_s: u64) -> io::Result<Option<PathBuf>> {
    if let Err(error) = fs::symlink_metadata(file) {
        return if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) };
    }
    let names =
        (0..).map(|n| file.with_file_name(if n == 0 { format!("{FILE}.aside-{at_s}") } else { format!("{FILE}.aside-{at_s}-{n}") }));
    let aside = names.into_iter().find(|name| fs::symlink_metadata(name).is_err()).unwrap_or_default();
    if fs::hard_link(file, &aside).is_err() {
        fs::rename(file, &aside)?;
    }
    Ok(Some(aside))
}

struct Digested<'a> {
    out: &'a mut dyn io::Write,
    digest: Sha256,
}

impl Digested<'_> {
    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.digest.update(&bytes);
        self.out.write_all(&bytes)
    }
}

struct Lines<'a> {
    input: &'a mut dyn BufRead,
    number: u64,
    line: Vec<u8>,
    digest: Sha256,
}

impl Lines<'_> {
    /// Reads the next whole line; false at the end.
    fn next(&mut self) -> Result<bool, StoreError> {
        self.line.clear();
        self.number += 1;
        let read = (&mut *self.input).take(MAX_LINE).read_until(b'\n', &mut self.line);
        read.map_err(|error| StoreError::Gone { what: "the backup cannot be read".into(), source: Some(error) })?;
        self.digest.update(&self.line);
        match self.line.last() {
            None => Ok(false),
            Some(b'\n') => Ok(true),
            Some(_) if self.line.len() as u64 == MAX_LINE => Err(self.wrong("the line is too long")),
            Some(_) => Err(self.wrong("the backup is cut in this line")),
        }
    }

    fn parsed<'l, T: Deserialize<'l>>(&'l self, what: &str) -> Result<T, StoreError> {
        serde_json::from_slice(&self.line).map_err(|error| self.wrong(format!("it is not {what}: {error}")))
    }

    fn wrong(&self, what: impl fmt::Display) -> StoreError {
        StoreError::Backup { line: self.number, what: what.to_string() }
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 §4, with padding.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            match at <= chunk.len() {
                true => out.push(char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63])),
                false => out.push('='),
            }
        }
    }
    out
}

/// Only what `base64` writes: one text for one value.
fn unbase64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.as_bytes().chunks(4) {
        let digits = chunk.iter().take_while(|byte| **byte != b'=').count();
        let mut bits = 0;
        for byte in &chunk[..digits] {
            bits = bits << 6 | DIGITS.iter().position(|digit| digit == byte)? as u32;
        }
        bits <<= 6 * (4 - digits);
        out.extend(&bits.to_be_bytes()[1..digits.max(1)]);
    }
    (base64(&out) == text).then_some(out)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
