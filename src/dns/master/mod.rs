//! Master files (RFC 1035 §5, with what operators use beyond it): text in, records out.
//!
//! Owns   words, parentheses, comments, directives, and how a record's owner, class and TTL may be left out.
//! Takes  text, and included texts through the `Loader` the caller gives.
//! Gives  every sound record, and a problem with file and line for every other entry.
//! Never  opens a file, judges the zone as a whole (the apex, CNAME and others), or gives up at the first mistake.

mod directive;
mod entry;
mod generate;
mod scan;

use crate::dns::name::Name;
use crate::dns::rdata::{self, Fault, Token};
use crate::dns::rtype::Type;
use crate::document::Problem;

/// After so many errors the file is most likely not a master file at all, and the list helps no one. Warnings have a count of their own.
pub const MAX_PROBLEMS: usize = 100;
/// Files within files: nobody nests deeper by intention (NSD has the same limit), and a file that includes itself ends here.
pub const MAX_DEPTH: usize = 10;
/// Files in one reading: without it, ten files that include the next one ten times each would be read ten thousand million times.
pub const MAX_FILES: usize = 10_000;
/// Records of one `$GENERATE`: a reverse zone of a /16.
pub const MAX_GENERATE: u64 = 65_536;
/// Records of all `$GENERATE` lines of one reading: sixteen times a /16. A short file could otherwise keep a node busy for hours.
pub const MAX_GENERATED: u64 = 1 << 20;
/// Bytes of text made by all `$GENERATE` lines of one reading: long templates must not get around `MAX_GENERATED`.
pub const MAX_GENERATED_BYTES: u64 = 64 << 20;

/// Hands over what `$INCLUDE` asks for. The caller decides what may be read.
pub trait Loader {
    /// `path` as written; `from` the shown name of the file it stands in.
    /// Gives the name to show in problems, and the text.
    fn load(&mut self, path: &str, from: &str) -> Result<(String, Vec<u8>), String>;
}

/// One record as it was read. All slices live only for the call.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Wire form, case as written.
    pub owner: &'a [u8],
    pub rtype: Type,
    pub ttl: u32,
    /// Uncompressed wire form, checked against its type.
    pub rdata: &'a [u8],
    /// Index into `Reading::files`.
    pub file: u32,
    pub line: u32,
}

/// What came of reading a master file.
#[derive(Debug, Default)]
pub struct Reading {
    /// Every file that was read, the first one being the master file itself.
    pub files: Vec<String>,
    pub problems: Vec<Problem>,
}

/// Reads a whole master file of class IN. Every problem is found (up to `MAX_PROBLEMS`), and every sound record is handed to `each`.
pub fn read(shown: &str, text: &[u8], origin: &Name, loader: &mut dyn Loader, each: &mut dyn FnMut(Record<'_>)) -> Reading {
    let mut reader = Reader {
        loader,
        each,
        reading: Reading { files: vec![shown.into()], problems: Vec::new() },
        file: 0,
        depth: 0,
        errors: 0,
        warnings: 0,
        stopped: false,
        origin: origin.wire().into(),
        owner: Owner::None,
        owner_wire: Vec::new(),
        default_ttl: None,
        last_ttl: None,
        warned_of_ttl: false,
        data: Vec::new(),
        generated: 0,
        generated_bytes: 0,
    };
    reader.read_file(text);
    reader.reading
}

/// Record data written on one line, as it stands behind the type: for whoever takes records other than by file.
pub fn read_data(rtype: Type, text: &[u8], origin: &Name) -> Result<Vec<u8>, Fault> {
    let mut tokens = Vec::new();
    let mut scanner = scan::Scanner::new(text, 1);
    let fault = |what: String, hint: &str| Fault { token: 0, what, hint: hint.into() };
    scanner.entry(&mut tokens).map_err(|flaw| fault(flaw.what, flaw.hint))?;
    if scanner.entry(&mut Vec::new()).is_ok_and(|more| more.is_none()) {
        let mut data = Vec::new();
        rdata::parse(rtype, &tokens, origin.wire(), &mut data)?;
        Ok(data)
    } else {
        Err(fault("record data must stand on one line".into(), ""))
    }
}

/// The owner a line that begins with white space goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    None,
    Known,
    /// It was written wrongly and has been reported; records that go on with it have no place.
    Broken,
}

struct Reader<'a> {
    loader: &'a mut dyn Loader,
    each: &'a mut dyn FnMut(Record<'_>),
    reading: Reading,
    /// The file being read now, as an index into `reading.files`.
    file: u32,
    depth: usize,
    errors: usize,
    warnings: usize,
    stopped: bool,
    origin: Vec<u8>,
    owner: Owner,
    owner_wire: Vec<u8>,
    /// What `$TTL` said.
    default_ttl: Option<u32>,
    /// The last one written in a record.
    last_ttl: Option<u32>,
    warned_of_ttl: bool,
    /// Reused for the data of each record.
    data: Vec<u8>,
    generated: u64,
    generated_bytes: u64,
}

impl Reader<'_> {
    fn read_file(&mut self, text: &[u8]) {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut scanner = scan::Scanner::new(text, 1);
        let mut tokens = Vec::new();
        while !self.stopped {
            match scanner.entry(&mut tokens) {
                Ok(Some(entry)) => self.read_entry(entry.indented, &tokens),
                Ok(None) => return,
                Err(flaw) => self.report(flaw.line, String::new(), flaw.what, flaw.hint.into()),
            }
        }
    }

    fn read_entry(&mut self, indented: bool, tokens: &[Token<'_>]) {
        let Some(first) = tokens.first() else { return };
        let result = if !indented && !first.quoted && first.text.starts_with(b"$") {
            self.read_directive(tokens).map_err(|fault| (String::new(), fault))
        } else {
            self.read_record(indented, tokens)
        };
        if let Err((path, fault)) = result {
            let line = tokens.get(fault.token).or(tokens.last()).map_or(0, |token| token.line);
            self.report(line, path, fault.what, fault.hint);
        }
    }

    fn report(&mut self, line: u32, path: String, what: String, hint: String) {
        self.push(Problem::error(self.shown(), line, what).at(path).hint(hint));
    }

    /// A warning never stops the reading; beyond the limit it is left out.
    fn push(&mut self, problem: Problem) {
        if self.stopped {
            return;
        }
        let count = if problem.is_error() { &mut self.errors } else { &mut self.warnings };
        if *count < MAX_PROBLEMS {
            *count += 1;
            self.reading.problems.push(problem);
            return;
        }
        if !problem.is_error() {
            return;
        }
        self.stopped = true;
        let last = Problem::error(&problem.file, problem.line, format!("there are more than {MAX_PROBLEMS} errors; the rest was not read"));
        self.reading.problems.push(last);
    }

    fn shown(&self) -> &str {
        self.reading.files.get(self.file as usize).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests;
