//! JSON and TOML to a value, with nothing lost on the way.

use crate::document::{MAX_DOCUMENT, shown};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;

/// Values take 32 bytes each and more, so a body of commas would take thirty times its length; a fleet of half a million hostnames has fewer.
const MAX_VALUES: usize = 4_000_000;
/// A table that only the toml crate makes: its form of dates.
const TOML_DATE: &str = "$__toml_private_datetime";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A sentence.
    NotTheLanguage(String),
    /// It can be read, and cannot be meant.
    Wrong { what: String, hint: String, line: u32 },
}

/// Any bytes may come in. Keys stand once; nesting is bounded by serde_json (128 levels).
pub(super) fn from_json(bytes: &[u8]) -> Result<Value, Unreadable> {
    let fault = Fault::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Whole(&fault).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| {
        let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
        fault.said(line).unwrap_or_else(|| Unreadable::NotTheLanguage(format!("not JSON: {error}")))
    })
}

pub(super) fn from_toml(bytes: &[u8]) -> Result<Value, Unreadable> {
    if bytes.len() > MAX_DOCUMENT {
        let hint = "send it as JSON".to_owned();
        return Err(Unreadable::Wrong { what: format!("the TOML is longer than {} MiB", MAX_DOCUMENT >> 20), hint, line: 0 });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotTheLanguage("the body is not UTF-8".into()))?;
    let fault = Fault::default();
    let read = toml::Deserializer::parse(text).and_then(|reader| Whole(&fault).deserialize(reader));
    read.map_err(|error| {
        let line = error.span().map_or(0, |span| 1 + text.as_bytes()[..span.start.min(text.len())].iter().filter(|b| **b == b'\n').count());
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        fault.said(line).unwrap_or_else(|| {
            let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            Unreadable::NotTheLanguage(format!("not TOML: {message} at line {line}"))
        })
    })
}

/// What was found wrong while reading went on well: what, and what would be right.
#[derive(Default)]
struct Fault(Cell<Option<(String, String)>>);

impl Fault {
    fn say<E: Error>(&self, what: impl Into<String>, hint: impl Into<String>) -> E {
        let what = what.into();
        let error = E::custom(&what);
        self.0.set(Some((what, hint.into())));
        error
    }

    fn said(&self, line: u32) -> Option<Unreadable> {
        self.0.take().map(|(what, hint)| Unreadable::Wrong { what, hint, line })
    }
}

#[derive(Clone, Copy)]
struct Strict<'f> {
    fault: &'f Fault,
    left: &'f Cell<usize>,
}

impl Strict<'_> {
    fn count<E: Error>(&self) -> Result<(), E> {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.fault.say(format!("more than {MAX_VALUES} values in one body"), "")),
        }
    }
}

/// The outermost value, which begins the count.
struct Whole<'f>(&'f Fault);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        let left = Cell::new(MAX_VALUES);
        Strict { fault: self.0, left: &left }.deserialize(reader)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number).ok_or_else(|| self.fault.say("a number that is not finite", "write a finite number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            self.count()?;
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.count()?;
            if key == TOML_DATE {
                return Err(self.fault.say("found a date, and no key takes one", "put it in quotes if it is a text"));
            }
            if map.contains_key(&key) {
                return Err(self.fault.say(format!("the key `{}` is given twice", shown(&key)), "keep one of the two"));
            }
            let value = entries.next_value_seed(self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn sound_documents_are_read_as_they_are() {
        let text = r#"{"a": [1, -2, 2.5, "x\u00e9", null, true], "b": {"c": {}}}"#;
        assert_eq!(from_json(text.as_bytes()), Ok(json!({"a": [1, -2, 2.5, "x\u{e9}", null, true], "b": {"c": {}}})));
        let text = "[defaults]\nttl = 30\n[[panel]]\nname = \"fra1\"\nat = [50.11, 8]\nlabels = { a = \"b\" }\n";
        let expected = json!({"defaults": {"ttl": 30}, "panel": [{"name": "fra1", "at": [50.11, 8], "labels": {"a": "b"}}]});
        assert_eq!(from_toml(text.as_bytes()), Ok(expected));
    }

    #[test]
    fn what_is_not_json_is_told_with_its_place() {
        for (text, expected) in [
            ("", "not JSON: EOF while parsing a value at line 1 column 0"),
            ("{\"a\":\n1,}", "not JSON: trailing comma at line 2 column 3"),
            ("{} {}", "not JSON: trailing characters at line 1 column 4"),
            ("1e999", "not JSON: number out of range at line 1 column 5"),
            ("NaN", "not JSON: expected value at line 1 column 1"),
            ("\"\\ud800\"", "not JSON: unexpected end of hex escape at line 1 column 8"),
        ] {
            assert_eq!(from_json(text.as_bytes()), Err(Unreadable::NotTheLanguage(expected.into())), "{text}");
        }
        assert!(from_json(b"\"\xff\"").is_err());
        assert!(from_json("[".repeat(100_000).as_bytes()).is_err());
        assert!(matches!(from_toml(b"a = 1\nb = "), Err(Unreadable::NotTheLanguage(text)) if text.ends_with("at line 2")));
    }

    #[test]
    fn what_cannot_be_meant_names_the_key() {
        let twice = |line| Err(Unreadable::Wrong { what: "the key `a` is given twice".into(), hint: "keep one of the two".into(), line });
        assert_eq!(from_json(b"{\"a\": 1,\n\"b\": {\"a\": 1,\n\"a\": 2}}"), twice(3));
        assert_eq!(from_json(b"{\"a\": 1, \"\\u0061\": 2}"), twice(1));
        assert!(matches!(from_toml(b"a = 1\nd = 2020-01-01"), Err(Unreadable::Wrong { what, line: 2, .. }) if what.contains("date")));
        assert!(matches!(from_toml(b"a = nan"), Err(Unreadable::Wrong { what, .. }) if what.contains("not finite")));
        assert!(from_toml(b"a = 1\na = 2").is_err());
        assert!(matches!(from_toml(&vec![b'#'; MAX_DOCUMENT + 1]), Err(Unreadable::Wrong { .. })));
    }

    #[test]
    fn a_body_of_commas_is_cut_short() {
        let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(matches!(from_json(many.as_bytes()), Err(Unreadable::Wrong { what, .. }) if what.starts_with("more than")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let read = from_json(&bytes);
            // Whatever the plain reader takes is taken the same, but for what is given twice.
            match serde_json::from_slice::<Value>(&bytes) {
                Ok(value) => {
                    let is_refused = matches!(read, Err(Unreadable::Wrong { .. }));
                    prop_assert!(is_refused || read == Ok(value));
                },
                Err(_) => prop_assert!(read.is_err()),
            }
            let _ = from_toml(&bytes);
        }
    }
}
