//! `$GENERATE` as BIND has it: `$GENERATE 1-254 host-$ A 10.0.0.$`.

use super::entry::{Header, owner_into, read_header};
use super::scan::Scanner;
use super::{MAX_GENERATE, MAX_GENERATED, MAX_GENERATED_BYTES, Owner, Reader};
use crate::dns::rdata::{Fault, Token, Words};

/// Digits a number may be padded to: more does not fit in a name.
const MAX_WIDTH: usize = 255;

struct Range {
    start: u32,
    stop: u32,
    step: u32,
}

impl Reader<'_> {
    pub(super) fn generate(&mut self, words: &mut Words<'_>, tokens: &[Token<'_>]) -> Result<(), Fault> {
        let line = tokens.first().map_or(0, |token| token.line);
        let range = Range::parse(words.bare("range")?)
            .ok_or_else(|| words.wrong("range", "start-stop or start-stop/step, numbers up to 2147483647"))?;
        if range.count() > MAX_GENERATE {
            return Err(words.fault(format!("the range makes {} records; one $GENERATE makes at most {MAX_GENERATE}", range.count())));
        }
        self.generated += range.count();
        if self.generated > MAX_GENERATED {
            return Err(words.fault(format!("all $GENERATE together make more than {MAX_GENERATED} records")));
        }
        let owner_template = words.bare("owner")?;
        let owner_word = words.at();
        let header = read_header(words)?;
        let data_word = words.at() + 1;
        let data_template = data_template(tokens.get(data_word..).unwrap_or_default());
        // The lines below it go on with the owner above it, as in BIND.
        let (owner, owner_wire) = (self.owner, self.owner_wire.clone());
        let result = self.generate_all(&range, (owner_template, owner_word), &header, (&data_template, data_word), line);
        (self.owner, self.owner_wire) = (owner, owner_wire);
        result
    }

    fn generate_all(
        &mut self,
        range: &Range,
        (owner_template, owner_word): (&[u8], usize),
        header: &Header,
        (data_template, data_word): (&[u8], usize),
        line: u32,
    ) -> Result<(), Fault> {
        let fault =
            |token: usize, value: u32, what: String, hint: String| Fault { token, what: format!("with the number {value}: {what}"), hint };
        let (mut owner, mut data) = (Vec::new(), Vec::new());
        for value in (range.start..=range.stop).step_by(range.step as usize) {
            owner.clear();
            data.clear();
            expand(owner_template, value, &mut owner).map_err(|what| fault(owner_word, value, what, String::new()))?;
            expand(data_template, value, &mut data).map_err(|what| fault(data_word, value, what, String::new()))?;
            self.generated_bytes += (owner.len() + data.len()) as u64;
            if self.generated_bytes > MAX_GENERATED_BYTES {
                return Err(fault(
                    0,
                    value,
                    format!("all $GENERATE together make more than {MAX_GENERATED_BYTES} bytes of text"),
                    String::new(),
                ));
            }
            self.owner_wire.clear();
            owner_into(&owner, &self.origin, &mut self.owner_wire)
                .map_err(|why| fault(owner_word, value, why.to_string(), String::new()))?;
            self.owner = Owner::Known;
            let mut tokens = Vec::new();
            Scanner::new(&data, line).entry(&mut tokens).map_err(|flaw| fault(data_word, value, flaw.what, flaw.hint.into()))?;
            self.read_rest(header, &tokens, line).map_err(|why| fault(data_word, value, why.what, why.hint))?;
            if self.stopped {
                break;
            }
        }
        Ok(())
    }
}

impl Range {
    fn parse(text: &[u8]) -> Option<Self> {
        let (range, step) = split_at_byte(text, b'/').unwrap_or((text, b"1"));
        let (start, stop) = split_at_byte(range, b'-')?;
        let range = Self { start: number(start)?, stop: number(stop)?, step: number(step)? };
        (range.start <= range.stop && range.step > 0).then_some(range)
    }

    fn count(&self) -> u64 {
        u64::from((self.stop - self.start) / self.step) + 1
    }
}

fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

fn number(digits: &[u8]) -> Option<u32> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|&value: &u32| value <= i32::MAX as u32)
}

/// The words behind the type as one text. BIND takes one word there and lets it be quoted to hold blanks; others take all words as they are.
fn data_template(tokens: &[Token<'_>]) -> Vec<u8> {
    if let [only] = tokens
        && only.quoted
    {
        let mut text = Vec::with_capacity(only.text.len());
        let mut bytes = only.text.iter().peekable();
        while let Some(&byte) = bytes.next() {
            match bytes.peek() {
                Some(&&next) if byte == b'\\' => {
                    bytes.next();
                    // Only a quote loses its backslash here; the others are for the data's own reader.
                    if next != b'"' {
                        text.push(byte);
                    }
                    text.push(next);
                }
                _ => text.push(byte),
            }
        }
        return text;
    }
    let mut text = Vec::new();
    for token in tokens {
        if !text.is_empty() && !token.glued {
            text.push(b' ');
        }
        if token.quoted {
            text.push(b'"');
        }
        text.extend_from_slice(token.text);
        if token.quoted {
            text.push(b'"');
        }
    }
    text
}

/// `$` is the number, `$$` and `\$` a dollar sign, `${offset,width,base}` the number in another shape.
fn expand(template: &[u8], value: u32, out: &mut Vec<u8>) -> Result<(), String> {
    let mut rest = template;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'\\', &[next, ref after @ ..]) => {
                out.extend_from_slice(&[byte, next]);
                rest = after;
            }
            (b'$', [b'$', after @ ..]) => {
                out.extend_from_slice(b"$");
                rest = after;
            }
            (b'$', [b'{', after @ ..]) => {
                let (inside, after) = split_at_byte(after, b'}').ok_or("a `${` is not closed with `}`")?;
                Shape::parse(inside)
                    .ok_or_else(|| {
                        format!("`${{{}}}` must be ${{offset[,width[,base]]}} with a base of d, o, x, X, n or N", inside.escape_ascii())
                    })?
                    .write(value, out)?;
                rest = after;
            }
            (b'$', _) => out.extend_from_slice(value.to_string().as_bytes()),
            _ => out.push(byte),
        }
    }
    Ok(())
}

/// What stands in `${…}`.
struct Shape {
    offset: i64,
    width: usize,
    base: u8,
}

impl Shape {
    fn parse(text: &[u8]) -> Option<Self> {
        let mut parts = text.split(|&byte| byte == b',');
        let offset = parts.next()?;
        let (sign, digits) = match offset.split_first()? {
            (b'-', digits) => (-1, digits),
            (b'+', digits) => (1, digits),
            _ => (1, offset),
        };
        let width = parts.next().map_or(Some(0), |width| number(width).map(|width| width as usize))?;
        let base = match parts.next() {
            None => b'd',
            Some(&[base @ (b'd' | b'o' | b'x' | b'X' | b'n' | b'N')]) => base,
            Some(_) => return None,
        };
        (parts.next().is_none() && width <= MAX_WIDTH).then_some(())?;
        Some(Self { offset: sign * i64::from(number(digits)?), width, base })
    }

    fn write(&self, value: u32, out: &mut Vec<u8>) -> Result<(), String> {
        let (value, width) = (i64::from(value) + self.offset, self.width);
        if value < 0 && self.base != b'd' {
            return Err(format!("{value} is negative, which only base d can show"));
        }
        match self.base {
            b'o' => out.extend(format!("{value:0width$o}").bytes()),
            b'x' => out.extend(format!("{value:0width$x}").bytes()),
            b'X' => out.extend(format!("{value:0width$X}").bytes()),
            b'n' | b'N' => write_nibbles(value.unsigned_abs(), width, self.base == b'N', out),
            _ => out.extend(format!("{value:0width$}").bytes()),
        }
        Ok(())
    }
}

/// Hex digits from the lowest up with dots between, for reverse zones of IPv6. The width counts the dots too.
fn write_nibbles(mut value: u64, mut width: usize, upper: bool, out: &mut Vec<u8>) {
    loop {
        let digit = char::from_digit((value & 15) as u32, 16).unwrap_or('0') as u8;
        out.push(if upper { digit.to_ascii_uppercase() } else { digit });
        value >>= 4;
        width = width.saturating_sub(1);
        if value == 0 && width == 0 {
            return;
        }
        out.push(b'.');
        width = width.saturating_sub(1);
        if value == 0 && width == 0 {
            return;
        }
    }
}
