//! Typed reading of tables. What is wrong is noted and the reading goes on, so that all problems are found at once.

use super::value::{At, Node, Table, Value};
use super::words::{did_you_mean, duration, kilometres, shown, written};
use super::{Network, Reader};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Takes the keys of one table. What was not taken when it is finished is unknown.
#[derive(Debug)]
pub struct TableReader<'a> {
    reader: &'a Reader,
    table: &'a Table,
    line: u32,
    /// What a key's path begins with: empty, `dns.`, or `panel fra1: `.
    prefix: String,
    taken: Vec<bool>,
    asked: Vec<&'static str>,
}

impl<'a> TableReader<'a> {
    pub(super) fn new(reader: &'a Reader, table: &'a Table, line: u32, prefix: String) -> Self {
        Self { reader, table, line, prefix, taken: vec![false; table.entries.len()], asked: Vec::new() }
    }

    pub fn line(&self) -> u32 {
        self.line
    }

    pub fn reader(&self) -> &'a Reader {
        self.reader
    }

    /// From here on problems speak of this object: `panel fra1`.
    pub fn rename(&mut self, object: &str) {
        self.prefix = format!("{object}: ");
    }

    pub fn path(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The table itself, as problems name it.
    pub fn own_path(&self) -> &str {
        self.prefix.trim_end_matches([':', ' ', '.'])
    }

    pub fn error(&self, line: u32, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.reader.error(line, &self.path(key), what, hint);
    }

    /// Notes a problem where the key is not there.
    pub fn needs(&self, key: &str, hint: impl Into<String>) {
        if self.table.find(key).is_none() {
            self.reader.error(self.line, self.own_path(), format!("`{key}` is missing"), hint);
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.find(key).is_some()
    }

    /// Where the key stands, if it is there.
    pub fn line_of(&self, key: &str) -> Option<u32> {
        self.table.find(key).map(|at| self.table.entries[at].0.line)
    }

    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        let at = self.table.find(key)?;
        self.taken[at] = true;
        Some(&self.table.entries[at].1)
    }

    /// Every key that has not been taken yet, for tables whose keys are the operator's own.
    pub fn rest(&mut self) -> Vec<(&'a At<String>, &'a Node)> {
        let rest = self.table.entries.iter().zip(&self.taken).filter(|(_, taken)| !**taken).map(|((key, node), _)| (key, node)).collect();
        self.taken.fill(true);
        rest
    }

    pub fn bool(&mut self, key: &'static str) -> Option<At<bool>> {
        let node = self.node(key)?;
        match &node.it {
            Value::Bool(yes) => Some(At::new(node.line, *yes)),
            _ => self.wrong(key, node, "true or false"),
        }
    }

    pub fn text(&mut self, key: &'static str) -> Option<At<String>> {
        let node = self.node(key)?;
        self.text_of(key, node)
    }

    /// Text that no problem shows.
    pub fn secret(&mut self, key: &'static str) -> Option<At<String>> {
        let node = self.node(key)?;
        match &node.it {
            Value::Text(text) => Some(At::new(node.line, text.clone())),
            _ => {
                self.error(node.line, key, "not text", "put it in quotes");
                None
            }
        }
    }

    pub fn integer(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<At<u32>> {
        let node = self.node(key)?;
        self.integer_of(key, node, range)
    }

    /// A whole number is a float as well.
    pub fn float(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<At<f64>> {
        let node = self.node(key)?;
        self.float_of(key, node, range)
    }

    /// `10s`, `500ms`, `1m30s`, `2h`.
    pub fn duration(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Option<At<Duration>> {
        let node = self.node(key)?;
        let wanted = format!("a time from {} to {}", written(*range.start()), written(*range.end()));
        match &node.it {
            Value::Text(text) => match duration(text) {
                Some(time) if range.contains(&time) => Some(At::new(node.line, time)),
                Some(_) => self.wrong(key, node, &wanted),
                None => self.wrong_because(key, node, &wanted, "write whole numbers with units, such as \"10s\", \"500ms\" or \"1m30s\""),
            },
            Value::Integer(number) => self.wrong_because(key, node, &wanted, &format!("write the unit: \"{number}s\" or \"{number}ms\"")),
            _ => self.wrong_because(key, node, &wanted, "write it in quotes, such as \"10s\""),
        }
    }

    /// A whole number of seconds, or a time in words.
    pub fn seconds(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<At<u32>> {
        let node = self.node(key)?;
        let Value::Text(text) = &node.it else { return self.integer_of(key, node, range) };
        let seconds = duration(text).filter(|time| time.subsec_nanos() == 0).and_then(|time| u32::try_from(time.as_secs()).ok());
        match seconds {
            Some(seconds) if range.contains(&seconds) => Some(At::new(node.line, seconds)),
            _ => {
                let wanted = format!("a number of seconds from {} to {}", range.start(), range.end());
                self.wrong_because(key, node, &wanted, "write seconds, such as 60, or a time, such as \"5m\"")
            }
        }
    }

    /// `250km` or `155mi`, in kilometres.
    pub fn distance(&mut self, key: &'static str) -> Option<At<f64>> {
        let node = self.node(key)?;
        let wanted = "a distance";
        match &node.it {
            Value::Text(text) => match kilometres(text) {
                Some(km) => Some(At::new(node.line, km)),
                None => {
                    self.wrong_because(key, node, wanted, "write kilometres or miles, at most once round the globe: \"250km\" or \"155mi\"")
                }
            },
            Value::Integer(number @ 0..) => {
                self.wrong_because(key, node, wanted, &format!("write the unit: \"{number}km\" or \"{number}mi\""))
            }
            _ => self.wrong_because(key, node, wanted, "write it in quotes, such as \"250km\""),
        }
    }

    /// One of the words, and what it means.
    pub fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<At<T>> {
        let node = self.node(key)?;
        self.word_of(key, node, words)
    }

    pub fn list(&mut self, key: &'static str) -> Option<At<&'a [Node]>> {
        let node = self.node(key)?;
        match &node.it {
            Value::List(items) => Some(At::new(node.line, items)),
            Value::Table(_) | Value::Other(_) => self.wrong(key, node, "a list"),
            _ => self.wrong_because(key, node, "a list", &format!("put it in square brackets: {key} = [...]")),
        }
    }

    /// Items that are not text are noted and left out.
    pub fn texts(&mut self, key: &'static str) -> Option<At<Vec<At<String>>>> {
        let items = self.list(key)?;
        Some(At::new(items.line, items.iter().filter_map(|item| self.text_of(key, item)).collect()))
    }

    pub fn integers(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<At<Vec<At<u32>>>> {
        let items = self.list(key)?;
        Some(At::new(items.line, items.iter().filter_map(|item| self.integer_of(key, item, range.clone())).collect()))
    }

    pub fn networks(&mut self, key: &'static str) -> Option<At<Vec<At<Network>>>> {
        let texts = self.texts(key)?;
        let networks = texts.iter().filter_map(|text| match Network::parse(text) {
            Ok(network) => Some(At::new(text.line, network)),
            Err((what, hint)) => {
                self.error(text.line, key, what, hint);
                None
            }
        });
        Some(At::new(texts.line, networks.collect()))
    }

    pub fn table(&mut self, key: &'static str) -> Option<TableReader<'a>> {
        let node = self.node(key)?;
        self.table_of(key, node)
    }

    /// A list of objects: `[[key]]`. Until they are renamed, problems call them `key number 1`.
    pub fn tables(&mut self, key: &'static str) -> Vec<TableReader<'a>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let items = match &node.it {
            Value::List(items) => items,
            _ => {
                self.wrong_because::<()>(key, node, "a list of objects", &format!("write [[{}]] in two brackets", self.path(key)));
                return Vec::new();
            }
        };
        let mut tables = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let object = format!("{} number {}", self.path(key), number + 1);
            match &item.it {
                Value::Table(table) => tables.push(TableReader::new(self.reader, table, item.line, format!("{object}: "))),
                _ => drop(self.wrong_because::<()>(key, item, "a table", &format!("write [[{key}]] and its keys under it"))),
            }
        }
        tables
    }

    pub fn text_of(&self, key: &str, node: &Node) -> Option<At<String>> {
        match &node.it {
            // No name, path, address or word has one, and the system cuts paths off there.
            Value::Text(text) if text.contains('\0') => self.wrong_because(key, node, "text", "leave out the NUL character"),
            Value::Text(text) => Some(At::new(node.line, text.clone())),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => self.wrong_because(key, node, "text", "put it in quotes"),
            _ => self.wrong(key, node, "text"),
        }
    }

    pub fn integer_of(&self, key: &str, node: &Node, range: RangeInclusive<u32>) -> Option<At<u32>> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        match &node.it {
            Value::Integer(number) => match u32::try_from(*number) {
                Ok(number) if range.contains(&number) => Some(At::new(node.line, number)),
                _ => self.wrong(key, node, &wanted),
            },
            Value::Text(text) if text.parse::<i64>().is_ok() => self.wrong_because(key, node, &wanted, "leave out the quotes"),
            _ => self.wrong(key, node, &wanted),
        }
    }

    pub fn float_of(&self, key: &str, node: &Node, range: RangeInclusive<f64>) -> Option<At<f64>> {
        let wanted = format!("a number from {} to {}", range.start(), range.end());
        let number = match &node.it {
            Value::Integer(number) => *number as f64,
            Value::Float(number) => *number,
            Value::Text(text) if text.parse::<f64>().is_ok() => return self.wrong_because(key, node, &wanted, "leave out the quotes"),
            _ => return self.wrong(key, node, &wanted),
        };
        if range.contains(&number) { Some(At::new(node.line, number)) } else { self.wrong(key, node, &wanted) }
    }

    pub fn word_of<T: Copy>(&self, key: &str, node: &Node, words: &[(&str, T)]) -> Option<At<T>> {
        let all = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let Value::Text(text) = &node.it else {
            return self.wrong_because(key, node, "a word", &format!("write one of {all}"));
        };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| word == text) {
            return Some(At::new(node.line, *meaning));
        }
        let guess = did_you_mean(text, words.iter().map(|(word, _)| *word));
        let hint = if guess.is_empty() { format!("write one of {all}") } else { guess };
        self.error(node.line, key, format!("unknown word `{}`", shown(text)), hint);
        None
    }

    pub fn table_of(&self, key: &str, node: &'a Node) -> Option<TableReader<'a>> {
        match &node.it {
            Value::Table(table) => Some(TableReader::new(self.reader, table, node.line, format!("{}.", self.path(key)))),
            Value::List(_) => self.wrong_because(key, node, "a table", &format!("write [{key}] in single brackets")),
            _ => self.wrong_because(key, node, "a table", &format!("write {key} = {{ ... }} or [{key}]")),
        }
    }

    /// Notes every key that nobody took.
    pub fn finish(self) {
        for ((key, _), taken) in self.table.entries.iter().zip(&self.taken) {
            if !taken {
                let guess = did_you_mean(key, self.asked.iter().copied());
                let hint = if guess.is_empty() { format!("known here: {}", self.asked.join(", ")) } else { guess };
                self.reader.error(key.line, &self.path(&shown(key)), "unknown key", hint);
            }
        }
    }

    fn wrong<T>(&self, key: &str, node: &Node, wanted: &str) -> Option<T> {
        self.wrong_because(key, node, wanted, "")
    }

    fn wrong_because<T>(&self, key: &str, node: &Node, wanted: &str, hint: &str) -> Option<T> {
        self.error(node.line, key, format!("found {} where {wanted} belongs", found(&node.it)), hint);
        None
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Bool(yes) => yes.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => format!("the text \"{}\"", shown(text)),
        Value::List(_) => "a list".into(),
        Value::Table(_) => "a table".into(),
        Value::Other(what) => (*what).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `text` and gives the problems, one a line.
    fn problems(text: &str, read: impl Fn(&mut TableReader<'_>)) -> String {
        let reader = Reader::new("f");
        let table = super::super::parse(&reader, text.as_bytes()).unwrap();
        let mut root = reader.root(&table);
        read(&mut root);
        root.finish();
        reader.into_problems().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn right_values_are_taken() {
        let text = "b = true\ni = 7\nf = 1\nt = \"x\"\nd = \"1m30s\"\ns = 60\ns2 = \"5m\"\nk = \"250km\"\nw = \"two\"\nl = [\"a\", \"b\"]\nn = [\"10.0.0.0/8\"]\nu = [1, 2]\n[o]\n[[a]]\n";
        let found = problems(text, |t| {
            assert_eq!(t.bool("b"), Some(At::new(1, true)));
            assert_eq!(t.integer("i", 0..=7), Some(At::new(2, 7)));
            assert_eq!(t.float("f", 0.0..=1.0), Some(At::new(3, 1.0)));
            assert_eq!(t.text("t").unwrap().it, "x");
            assert_eq!(t.duration("d", Duration::ZERO..=Duration::from_secs(90)).unwrap().it, Duration::from_secs(90));
            assert_eq!(t.seconds("s", 0..=60).unwrap().it, 60);
            assert_eq!(t.seconds("s2", 0..=300).unwrap().it, 300);
            assert_eq!(t.distance("k").unwrap().it, 250.0);
            assert_eq!(t.word("w", &[("one", 1), ("two", 2)]), Some(At::new(9, 2)));
            assert_eq!(t.texts("l").unwrap().len(), 2);
            assert_eq!(t.networks("n").unwrap().len(), 1);
            assert_eq!(t.integers("u", 0..=9).unwrap()[1].it, 2);
            assert!(t.table("o").is_some());
            assert_eq!(t.tables("a").len(), 1);
            assert_eq!(t.text("absent"), None);
        });
        assert_eq!(found, "");
    }

    #[test]
    fn wrong_types_and_ranges_are_all_named() {
        let text = "b = \"true\"\ni = \"12\"\nj = 300\nf = 2.0\nt = 5\nd = 10\nd2 = \"10 s\"\nd3 = \"2h\"\ns = -1\nk = 250\nw = \"tow\"\nl = \"a\"\nl2 = [1]\no = 1\na = 1\nn = [\"10.0.0.1/8\"]\nx = 2020-01-01\nz = \"a\\u0000\"\n";
        let found = problems(text, |t| {
            t.bool("b");
            t.integer("i", 0..=99);
            t.integer("j", 0..=99);
            t.float("f", 0.0..=1.0);
            t.text("t");
            let hour = Duration::ZERO..=Duration::from_secs(3600);
            t.duration("d", hour.clone());
            t.duration("d2", hour.clone());
            t.duration("d3", hour);
            t.seconds("s", 0..=60);
            t.distance("k");
            t.word("w", &[("one", 1), ("two", 2)]);
            t.texts("l");
            t.texts("l2");
            t.table("o");
            t.tables("a");
            t.networks("n");
            t.text("x");
            t.text("z");
        });
        let expected = "\
f:1: b: found the text \"true\" where true or false belongs
f:2: i: found the text \"12\" where a whole number from 0 to 99 belongs; leave out the quotes
f:3: j: found 300 where a whole number from 0 to 99 belongs
f:4: f: found 2 where a number from 0 to 1 belongs
f:5: t: found 5 where text belongs; put it in quotes
f:6: d: found 10 where a time from 0s to 1h belongs; write the unit: \"10s\" or \"10ms\"
f:7: d2: found the text \"10 s\" where a time from 0s to 1h belongs; write whole numbers with units, such as \"10s\", \"500ms\" or \"1m30s\"
f:8: d3: found the text \"2h\" where a time from 0s to 1h belongs
f:9: s: found -1 where a whole number from 0 to 60 belongs
f:10: k: found 250 where a distance belongs; write the unit: \"250km\" or \"250mi\"
f:11: w: unknown word `tow`; did you mean `two`?
f:12: l: found the text \"a\" where a list belongs; put it in square brackets: l = [...]
f:13: l2: found 1 where text belongs; put it in quotes
f:14: o: found 1 where a table belongs; write o = { ... } or [o]
f:15: a: found 1 where a list of objects belongs; write [[a]] in two brackets
f:16: n: `10.0.0.1/8` has bits beyond its prefix; write 10.0.0.0/8
f:17: x: found a date where text belongs
f:18: z: found the text \"a\\0\" where text belongs; leave out the NUL character";
        assert_eq!(found, expected);
    }

    #[test]
    fn unknown_and_missing_keys_have_a_path() {
        let found = problems("[dns]\nlsiten = 1\nzebra = 2\n[[panel]]\nwieght = 1\n", |t| {
            let mut dns = t.table("dns").unwrap();
            dns.list("listen");
            dns.needs("workers", "say how many");
            dns.finish();
            let mut panel = t.tables("panel").remove(0);
            panel.rename("panel fra1");
            panel.float("weight", 0.0..=1.0);
            panel.finish();
        });
        let expected = "\
f:1: dns: `workers` is missing; say how many
f:2: dns.lsiten: unknown key; did you mean `listen`?
f:3: dns.zebra: unknown key; known here: listen
f:5: panel fra1: wieght: unknown key; did you mean `weight`?";
        assert_eq!(found, expected);
    }
}
