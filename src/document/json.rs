//! JSON as a document, and a document as JSON.

use super::{At, Node, Table, Value};
use serde_json::Value as Json;

/// Where the values of one JSON document stand: the line of each is its number here.
#[derive(Debug, Default)]
pub struct Pointers(Vec<Step>);

#[derive(Debug)]
struct Step {
    parent: u32,
    to: To,
}

#[derive(Debug)]
enum To {
    Key(String),
    Index(usize),
}

impl Pointers {
    /// The JSON pointer (RFC 6901) of the value with this line; empty for the whole document, and for what has no line.
    pub fn of(&self, line: u32) -> String {
        let mut steps = Vec::new();
        let mut at = line;
        while let Some(step) = (at as usize).checked_sub(2).and_then(|at| self.0.get(at)) {
            steps.push(match &step.to {
                To::Key(key) => key.replace('~', "~0").replace('/', "~1"),
                To::Index(index) => index.to_string(),
            });
            at = step.parent;
        }
        steps.iter().rev().flat_map(|step| ["/", step]).collect()
    }
}

/// The document itself has line 1.
pub fn from_json(json: &Json) -> (Node, Pointers) {
    let mut steps = Steps::Kept(Vec::new());
    let node = node(json, 1, &mut steps);
    (node, Pointers(if let Steps::Kept(steps) = steps { steps } else { Vec::new() }))
}

/// A document that comes piece by piece: values have the lines that they have in the whole, and nobody asks for their pointers.
#[derive(Debug)]
pub struct Pieces(Steps);

impl Default for Pieces {
    fn default() -> Self {
        Self(Steps::Counted(0))
    }
}

impl Pieces {
    /// The line of the next value: to be asked for before what is in it.
    pub fn line(&mut self) -> u32 {
        self.0.next(0, || To::Index(0))
    }

    /// The next value with all that is in it.
    pub fn node(&mut self, json: &Json) -> Node {
        let line = self.line();
        node(json, line, &mut self.0)
    }
}

#[derive(Debug)]
enum Steps {
    Kept(Vec<Step>),
    Counted(u32),
}

impl Steps {
    /// The line of the next value.
    fn next(&mut self, parent: u32, to: impl FnOnce() -> To) -> u32 {
        match self {
            Self::Kept(steps) => {
                steps.push(Step { parent, to: to() });
                u32::try_from(steps.len() + 1).unwrap_or(u32::MAX)
            }
            Self::Counted(count) => {
                *count = count.saturating_add(1);
                count.saturating_add(1)
            }
        }
    }
}

fn node(json: &Json, line: u32, steps: &mut Steps) -> Node {
    let it = match json {
        Json::Null => Value::Other("null"),
        Json::Bool(yes) => Value::Bool(*yes),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Value::Integer(number),
            (None, Some(number)) if !number_is_whole(json) && number.is_finite() => Value::Float(number),
            _ => Value::Other("a number beyond 64 bits"),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let line = steps.next(line, || To::Index(index));
                    node(item, line, steps)
                })
                .collect(),
        ),
        Json::Object(keys) => {
            let entries = keys.iter().map(|(key, value)| {
                let line = steps.next(line, || To::Key(key.clone()));
                (At::new(line, key.clone()), node(value, line, steps))
            });
            Value::Table(Table { entries: entries.collect() })
        }
    };
    At::new(line, it)
}

fn number_is_whole(json: &Json) -> bool {
    json.is_u64() || json.is_i64()
}

/// What was read, for whoever speaks JSON. What JSON cannot say becomes null.
pub fn to_json(table: &Table) -> Json {
    Json::Object(table.entries.iter().map(|(key, node)| (key.it.clone(), value(&node.it))).collect())
}

/// The same of a table that nobody wants any more: texts are moved, and what is done with is let go on the way.
pub fn into_json(table: Table) -> Json {
    Json::Object(table.entries.into_iter().map(|(key, node)| (key.it, moved(node.it))).collect())
}

fn moved(value: Value) -> Json {
    match value {
        Value::Text(text) => Json::String(text),
        Value::List(items) => Json::Array(items.into_iter().map(|item| moved(item.it)).collect()),
        Value::Table(table) => into_json(table),
        other => self::value(&other),
    }
}

fn value(value: &Value) -> Json {
    match value {
        Value::Bool(yes) => Json::Bool(*yes),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(|item| self::value(&item.it)).collect()),
        Value::Table(table) => to_json(table),
        Value::Other(_) => Json::Null,
    }
}

/// The line of what a JSON pointer leads to; of what is around it, where it leads nowhere.
pub fn line_at(table: &Table, pointer: &str) -> u32 {
    let mut line = 0;
    let mut inside: Option<&Value> = None;
    for step in pointer.split('/').skip(1) {
        let key = step.replace("~1", "/").replace("~0", "~");
        let next = match inside {
            None => table.find(&key).map(|at| &table.entries[at].1),
            Some(Value::Table(table)) => table.find(&key).map(|at| &table.entries[at].1),
            Some(Value::List(items)) => key.parse::<usize>().ok().and_then(|at| items.get(at)),
            Some(_) => None,
        };
        let Some(node) = next else { break };
        (line, inside) = (node.line, Some(&node.it));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_lead_to_lines() {
        let reader = crate::document::Reader::new("f");
        let table =
            crate::document::parse(&reader, b"[defaults]\nttl = 5\n\n[[panel]]\nname = \"a\"\naddresses = [\n\"x\",\n\"y\"]\n").unwrap();
        for (pointer, line) in
            [("", 0), ("/defaults", 1), ("/defaults/ttl", 2), ("/defaults/tll", 1), ("/panel/0/addresses/1", 8), ("/panel/1", 4), ("/x", 0)]
        {
            assert_eq!(line_at(&table, pointer), line, "{pointer}");
        }
    }

    #[test]
    fn every_value_knows_its_pointer() {
        let json = json!({"a": {"b/c": [1, {"~": true}]}, "d": null});
        let (node, pointers) = from_json(&json);
        let Value::Table(table) = &node.it else { panic!() };
        let Value::Table(a) = &table.entries[0].1.it else { panic!() };
        let Value::List(items) = &a.entries[0].1.it else { panic!() };
        let Value::Table(last) = &items[1].it else { panic!() };
        let found =
            [node.line, table.entries[0].0.line, a.entries[0].1.line, items[0].line, last.entries[0].0.line, table.entries[1].1.line];
        assert_eq!(found.map(|line| pointers.of(line)), ["", "/a", "/a/b~1c", "/a/b~1c/0", "/a/b~1c/1/~0", "/d"]);
        assert_eq!((pointers.of(0), pointers.of(999)), (String::new(), String::new()));
        assert_eq!(table.entries[1].1.it, Value::Other("null"));
    }

    #[test]
    fn toml_becomes_json_and_comes_back() {
        let reader = crate::document::Reader::new("f");
        let table = crate::document::parse(&reader, b"z = 1\na = [1.5, \"x\"]\n[t]\nk = true\n[[l]]\n[[l]]\ny = -3\n").unwrap();
        let json = to_json(&table);
        assert_eq!(json, json!({"z": 1, "a": [1.5, "x"], "t": {"k": true}, "l": [{}, {"y": -3}]}));
        // In the order it was written.
        assert_eq!(json.to_string(), r#"{"z":1,"a":[1.5,"x"],"t":{"k":true},"l":[{},{"y":-3}]}"#);
        assert_eq!(into_json(table), json);
        let (node, _) = from_json(&json);
        let mut pieces = Pieces::default();
        let Value::Table(again) = &node.it else { panic!() };
        for (key, node) in &again.entries {
            assert_eq!((pieces.node(&json[&key.it]), key.line), (node.clone(), node.line), "a piece has its lines of the whole");
        }
        assert_eq!(to_json(again), json);
        assert_eq!(from_json(&json!(u64::MAX)).0.it, Value::Other("a number beyond 64 bits"));
        assert_eq!(from_json(&json!(1e300)).0.it, Value::Float(1e300));
    }
}
