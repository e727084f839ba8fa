//! From bytes to the words of one entry: white space, quotes, comments, parentheses.

use crate::dns::rdata::Token;

/// More words than any record can use: 65,535 bytes of data as single hex digits, and the words before them.
const MAX_WORDS: usize = 2 * 65_535 + 16;

/// What an entry begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Its first line begins with white space: it goes on with the owner above.
    pub(super) indented: bool,
}

/// The entry cannot be cut into words; the scanner stands behind it.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) line: u32,
    pub(super) what: String,
    pub(super) hint: &'static str,
}

pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    /// Going on behind an unclosed parenthesis is done once: it reads the rest a second time.
    rewound: bool,
}

/// Where `(` stands, and where to go on if it is never closed.
struct Open {
    line: u32,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8], line: u32) -> Self {
        Self { text, at: 0, line, rewound: false }
    }

    /// The words of the next entry, in `tokens`; nothing at the end of the text.
    pub(super) fn entry(&mut self, tokens: &mut Vec<Token<'a>>) -> Result<Option<Entry>, Flaw> {
        tokens.clear();
        let mut indented = false;
        let mut line_start = self.at;
        let mut open: Option<Open> = None;
        let mut flaw: Option<Flaw> = None;
        // Where the last word ended, if nothing has come since.
        let mut word_end = usize::MAX;
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line = self.line.saturating_add(1);
                    if open.is_some() {
                        continue;
                    }
                    if !tokens.is_empty() || flaw.is_some() {
                        return flaw.map_or(Ok(Some(Entry { indented })), Err);
                    }
                    indented = false;
                    line_start = self.at;
                }
                b' ' | b'\t' | b'\r' => {
                    indented |= self.at == line_start;
                    self.at += 1;
                }
                b';' => self.at = self.line_end(self.at),
                b'(' => {
                    if let Some(open) = &open {
                        flaw.get_or_insert(Flaw {
                            line: self.line,
                            what: format!("a `(` stands inside another, which was opened on line {}", open.line),
                            hint: "close the first with `)`",
                        });
                    } else {
                        open = Some(Open { line: self.line, at: self.at });
                    }
                    self.at += 1;
                }
                b')' => {
                    if open.take().is_none() {
                        flaw.get_or_insert(Flaw { line: self.line, what: "a `)` closes what no `(` has opened".into(), hint: "" });
                    }
                    self.at += 1;
                }
                _ => {
                    let glued = word_end == self.at;
                    let token = if byte == b'"' { self.quoted() } else { self.word() };
                    word_end = self.at;
                    match token {
                        Ok(text) if tokens.len() < MAX_WORDS => tokens.push(Token { text, line: self.line, quoted: byte == b'"', glued }),
                        Ok(_) => {
                            flaw.get_or_insert(Flaw {
                                line: self.line,
                                what: format!("an entry has more than {MAX_WORDS} words"),
                                hint: "",
                            });
                        }
                        Err(found) => {
                            flaw.get_or_insert(found);
                        }
                    }
                }
            }
        }
        match (open, flaw) {
            (Some(open), _) => {
                if !self.rewound {
                    self.rewound = true;
                    self.at = self.line_end(open.at);
                    self.line = open.line;
                }
                Err(Flaw { line: open.line, what: "a `(` is never closed".into(), hint: "close it with `)` behind the last word" })
            }
            (None, Some(flaw)) => Err(flaw),
            (None, None) if tokens.is_empty() => Ok(None),
            (None, None) => Ok(Some(Entry { indented })),
        }
    }

    /// A string up to its closing quote; `at` is left behind it, or at the end of the line when it has none.
    fn quoted(&mut self) -> Result<&'a [u8], Flaw> {
        let from = self.at + 1;
        let mut at = from;
        loop {
            match self.text.get(at) {
                Some(b'"') => break,
                Some(b'\\') if !matches!(self.text.get(at + 1), None | Some(b'\n' | 0)) => at += 2,
                Some(0) => return Err(self.nul(at)),
                Some(b'\n') | None => {
                    self.at = at;
                    return Err(Flaw {
                        line: self.line,
                        what: "a quote is not closed on its line".into(),
                        hint: "close it with `\"`; long text is written as several strings in parentheses",
                    });
                }
                Some(_) => at += 1,
            }
        }
        self.at = at + 1;
        Ok(&self.text[from..at])
    }

    /// Bytes up to something that has a meaning.
    fn word(&mut self) -> Result<&'a [u8], Flaw> {
        let from = self.at;
        let mut at = from;
        while let Some(&byte) = self.text.get(at) {
            if !STOPS[usize::from(byte)] {
                at += 1;
            } else if byte == b'\\' {
                match self.text.get(at + 1) {
                    None | Some(b'\n' | b'\r') => {
                        self.at = at + 1;
                        return Err(Flaw {
                            line: self.line,
                            what: "a backslash ends the line".into(),
                            hint: "to go on with the next line, put the words in parentheses",
                        });
                    }
                    Some(0) => return Err(self.nul(at + 1)),
                    Some(_) => at += 2,
                }
            } else if byte == 0 {
                return Err(self.nul(at));
            } else {
                break;
            }
        }
        self.at = at;
        Ok(&self.text[from..at])
    }

    fn nul(&mut self, at: usize) -> Flaw {
        self.at = at + 1;
        Flaw { line: self.line, what: "a NUL byte stands in the text".into(), hint: "is this a text file in ASCII or UTF-8?" }
    }

    fn line_end(&self, from: usize) -> usize {
        self.text[from..].iter().position(|&byte| byte == b'\n').map_or(self.text.len(), |len| from + len)
    }
}

/// Bytes a word cannot simply go on with.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut i = 0;
    let bytes = b" \t\r\n;()\"\\\0";
    while i < bytes.len() {
        stops[bytes[i] as usize] = true;
        i += 1;
    }
    stops
};
