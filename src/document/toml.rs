//! TOML bytes to a `Table`.

use super::{At, Node, Problem, Reader, Table, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A hundred thousand hostnames fill some 9 MiB. The parser may need fifty times the length of garbage, so what is longer is not tried.
pub const MAX_DOCUMENT: usize = 32 << 20;
/// Documents up to this size have all their syntax errors listed; in longer ones the first is enough, because garbage has one at every byte.
const MAX_LISTED: usize = 1 << 20;
/// More syntax errors than this help nobody.
const MAX_SYNTAX_ERRORS: usize = 20;

/// Any bytes may come in. Syntax errors go to the reader; the table is what could be read.
/// None when the rest cannot be trusted because of them. Nesting is bounded by the toml crate (80 levels).
pub fn parse(reader: &Reader, bytes: &[u8]) -> Option<Table> {
    if bytes.len() > MAX_DOCUMENT {
        reader.push(
            Problem::error(reader.file(), 0, format!("the file is longer than {} MiB", MAX_DOCUMENT >> 20))
                .hint("no document is: is it the right file?"),
        );
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = Lines::new(bytes).of(error.valid_up_to());
            reader.push(Problem::error(reader.file(), line, "the file is not UTF-8 text").hint("save it as UTF-8"));
            return None;
        }
    };
    let lines = Lines::new(bytes);
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(_) if bytes.len() <= MAX_LISTED => {
            let (table, errors) = DeTable::parse_recoverable(text);
            // A key given twice leaves the rest readable; after any other error the rest is guesswork.
            let readable = errors.iter().all(|error| error.message() == "duplicate key");
            report(reader, text, &lines, &errors);
            if !readable {
                return None;
            }
            table
        }
        Err(error) => {
            report(reader, text, &lines, &[error]);
            return None;
        }
    };
    Some(Import(&lines).table(table.get_ref()))
}

fn report(reader: &Reader, text: &str, lines: &Lines, errors: &[toml::de::Error]) {
    let mut last_line = 0;
    let mut reported = 0;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let line = lines.of(span.start);
        // One error makes others on its own line.
        if line == last_line {
            continue;
        }
        last_line = line;
        let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        let problem = match (message.as_str(), text.get(span)) {
            ("duplicate key", Some(key)) => Problem::error(reader.file(), line, format!("the key `{}` is given twice", super::shown(key)))
                .hint("keep one of the two; objects of a list are written with [[two brackets]]"),
            _ => Problem::error(reader.file(), line, format!("not TOML: {message}")),
        };
        reader.push(problem);
        reported += 1;
        if reported == MAX_SYNTAX_ERRORS {
            break;
        }
    }
}

struct Import<'a>(&'a Lines);

impl Import<'_> {
    fn table(&self, table: &DeTable<'_>) -> Table {
        let mut entries: Vec<_> = table.iter().collect();
        // The crate sorts by key; people expect the order they wrote.
        entries.sort_by_key(|(key, _)| key.span().start);
        let entries = entries
            .into_iter()
            .map(|(key, value)| {
                let line = self.0.of(key.span().start);
                let mut node = self.node(value);
                // A [table] is where its header is, which the key knows better than its contents.
                node.line = if matches!(node.it, Value::Table(_)) { line } else { node.line };
                (At::new(line, key.get_ref().to_string()), node)
            })
            .collect();
        Table { entries }
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let it = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(yes) => Value::Bool(*yes),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other("a number beyond 64 bits"), Value::Integer)
            }
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() => Value::Float(number),
                _ => Value::Other("a number that is not finite"),
            },
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        At::new(self.0.of(value.span().start), it)
    }
}

/// Where each line ends, so that a place in the text becomes a line at once.
struct Lines(Vec<usize>);

impl Lines {
    fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect())
    }

    fn of(&self, at: usize) -> u32 {
        u32::try_from(self.0.partition_point(|&end| end < at) + 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problems(bytes: &[u8]) -> Vec<String> {
        let reader = Reader::new("f.toml");
        parse(&reader, bytes);
        reader.into_problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_value_knows_its_line() {
        let reader = Reader::new("f.toml");
        let table = parse(&reader, b"b = 1\na = [\n  \"x\",\n  2.5,\n]\r\n[t.u]\nk = true\n[[l]]\n[[l]]\nz = {y = 1}\n").unwrap();
        let keys: Vec<_> = table.entries.iter().map(|(key, node)| (key.it.as_str(), key.line, node.line)).collect();
        assert_eq!(keys[..3], [("b", 1, 1), ("a", 2, 2), ("t", 6, 6)]);
        let Value::List(items) = &table.entries[1].1.it else { panic!() };
        assert_eq!(items.iter().map(|i| i.line).collect::<Vec<_>>(), [3, 4]);
        let Value::List(objects) = &table.entries[3].1.it else { panic!() };
        assert_eq!(objects.iter().map(|o| o.line).collect::<Vec<_>>(), [8, 9]);
        assert!(reader.into_problems().is_empty());
    }

    #[test]
    fn syntax_errors_have_a_line() {
        let found = problems(b"a = 1\nb = \nc = [1\n");
        assert!(found[0].starts_with("f.toml:2: not TOML: "), "{found:?}");
        assert!(found.iter().all(|p| !p.contains('\n')));
    }

    #[test]
    fn a_duplicate_key_hides_nothing() {
        let reader = Reader::new("f.toml");
        let table = parse(&reader, b"a = 1\na = 2\nb = 3\n").unwrap();
        assert_eq!(table.entries.len(), 2);
        assert_eq!(reader.into_problems()[0].to_string().split(';').next(), Some("f.toml:2: the key `a` is given twice"));
    }

    #[test]
    fn what_has_no_use_is_neither_number_nor_text() {
        let reader = Reader::new("f.toml");
        let table = parse(&reader, b"a = 2020-01-01\nb = 99999999999999999999\nc = nan\nd = inf\ne = 1e999").unwrap();
        assert!(table.entries.iter().all(|(_, node)| matches!(node.it, Value::Other(_))), "{table:?}");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(problems(b"ok = 1\nbad = \"\xff\"")[0], "f.toml:2: the file is not UTF-8 text; save it as UTF-8");
        assert_eq!(problems(&vec![b'#'; MAX_DOCUMENT + 1]).len(), 1);
    }

    #[test]
    fn depth_is_bounded() {
        for (open, close) in [("[", "]"), ("{a=", "}")] {
            let deep = format!("a = {}1{}", open.repeat(100_000), close.repeat(100_000));
            assert!(!problems(deep.as_bytes()).is_empty());
        }
        assert!(!problems(format!("{}a = 1", "a.".repeat(100_000)).as_bytes()).is_empty());
        assert!(!problems(format!("[{}a]\n", "a.".repeat(1000)).as_bytes()).is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_give_problems_or_a_table(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let found = problems(&bytes);
            prop_assert!(found.len() <= MAX_SYNTAX_ERRORS + 200);
        }

        #[test]
        fn anything_like_toml_does_too(text in "[a-c.=\\[\\]{}\"'\n0-9#, \\\\-]{0,80}") {
            problems(text.as_bytes());
        }
    }
}
