//! `$ORIGIN`, `$TTL` and `$INCLUDE` (RFC 1035 §5.1, RFC 2308 §4).

use super::entry::{owner_into, read_ttl};
use super::{MAX_DEPTH, MAX_FILES, Reader};
use crate::dns::rdata::{Fault, Token, Words};

impl Reader<'_> {
    pub(super) fn read_directive(&mut self, tokens: &[Token<'_>]) -> Result<(), Fault> {
        let mut words = Words::new(tokens);
        let directive = words.take("directive")?;
        if directive.is("$ORIGIN") {
            let origin = self.read_origin(&mut words)?;
            at_end(&words)?;
            self.origin = origin;
            Ok(())
        } else if directive.is("$TTL") {
            let ttl = words.bare("TTL")?;
            let ttl = read_ttl(ttl, &words)?;
            at_end(&words)?;
            self.default_ttl = Some(ttl);
            Ok(())
        } else if directive.is("$INCLUDE") {
            self.include(&mut words)
        } else if directive.is("$GENERATE") {
            self.generate(&mut words, tokens)
        } else {
            Err(words
                .fault(format!("{} is not a directive", directive.show()))
                .hint("there are $ORIGIN, $TTL, $INCLUDE and $GENERATE; an owner that begins with a dollar sign is written \\$"))
        }
    }

    fn read_origin(&self, words: &mut Words<'_>) -> Result<Vec<u8>, Fault> {
        let text = words.bare("origin")?;
        let mut origin = Vec::new();
        owner_into(text, &self.origin, &mut origin)
            .map_err(|why| words.fault(format!("{}: {why}", words.wrong("origin", "a domain name").what)))?;
        Ok(origin)
    }

    /// Origin and last owner are as before when the file has been read; `$TTL` in it stays, as in BIND and NSD.
    fn include(&mut self, words: &mut Words<'_>) -> Result<(), Fault> {
        let path = words.take("file")?;
        let path_word = words.at();
        let path = path_text(path.text).ok_or_else(|| words.wrong("file", "a path in UTF-8"))?;
        let origin = if words.peek().is_some() { self.read_origin(words)? } else { self.origin.clone() };
        at_end(words)?;
        if self.depth >= MAX_DEPTH {
            return Err(words
                .fault_at(path_word, format!("`{path}` is included {MAX_DEPTH} files deep already"))
                .hint("does a file include itself?"));
        }
        if self.reading.files.len() >= MAX_FILES {
            return Err(words.fault_at(path_word, format!("more than {MAX_FILES} files are included")));
        }
        let loaded = self.loader.load(&path, self.reading.files.get(self.file as usize).map_or("", String::as_str));
        let (shown, text) = loaded.map_err(|why| words.fault_at(path_word, format!("`{path}` cannot be included: {why}")))?;
        let includer = self.file;
        let (origin, owner, owner_wire) = (std::mem::replace(&mut self.origin, origin), self.owner, self.owner_wire.clone());
        self.file = self.reading.files.len() as u32;
        self.reading.files.push(shown);
        self.depth += 1;
        self.read_file(&text);
        self.depth -= 1;
        self.file = includer;
        (self.origin, self.owner, self.owner_wire) = (origin, owner, owner_wire);
        Ok(())
    }
}

fn at_end(words: &Words<'_>) -> Result<(), Fault> {
    match words.peek() {
        Some(extra) => Err(words.ahead(format!("{} is one word too many", extra.show()))),
        None => Ok(()),
    }
}

/// A backslash only takes the meaning from the character behind it.
fn path_text(text: &[u8]) -> Option<String> {
    let mut path = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        path.push(if byte == b'\\' { *bytes.next()? } else { byte });
    }
    String::from_utf8(path).ok().filter(|path| !path.is_empty())
}
