//! JSON as TOML, the way people write it; and a word of the command line as JSON.

use serde_json::{Map, Value};

/// A value on one line; tables are inline. None: TOML has no null.
pub(super) fn value(json: &Value) -> Option<String> {
    Some(match json {
        Value::Null => return None,
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().filter_map(value).collect::<Vec<_>>().join(", ")),
        Value::Object(keys) => {
            let entries: Vec<String> =
                keys.iter().filter_map(|(key, inner)| Some(format!("{} = {}", self::key(key), value(inner)?))).collect();
            if entries.is_empty() { "{}".into() } else { format!("{{ {} }}", entries.join(", ")) }
        }
    })
}

/// As it stands left of `=`.
pub(super) fn key(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if is_bare { key.to_owned() } else { quoted(key) }
}

/// A text of many lines as it is, where it can be; else escaped.
pub(super) fn block(text: &str) -> String {
    let is_plain = !text.contains("'''") && !text.ends_with('\'') && text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control());
    if is_plain && text.contains('\n') { format!("'''\n{text}'''") } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            '\n' => quoted += "\\n",
            '\t' => quoted += "\\t",
            '\r' => quoted += "\\r",
            c if c.is_control() => quoted += &format!("\\u{:04X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// `key=value` as the merge patch it means: the value is TOML, or else text; none takes the key away. The error is a sentence.
pub(in crate::cli) fn literal(word: &str) -> Result<(Vec<String>, Value), String> {
    let (key, text) = split(word).ok_or_else(|| format!("`{word}` is not key=value; write it as weight=2 or labels.provider=a"))?;
    let path = keys(key).ok_or_else(|| format!("`{key}` cannot be a key; write it as weight, labels.provider or headers.\"X-Token\""))?;
    Ok((path, of_text(text).map_err(|what| format!("{key}: {what}"))?))
}

/// The first `=` that is not in quotes.
fn split(word: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, c) in word.char_indices() {
        match (c, quote) {
            ('=', None) => return Some((&word[..at], &word[at + 1..])),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

/// A dotted key in its parts.
fn keys(text: &str) -> Option<Vec<String>> {
    if text.contains(['\n', '\r', '#', '=']) && !text.contains(['"', '\'']) {
        return None;
    }
    let table: toml::Table = format!("{text} = 0\n").parse().ok()?;
    let mut path = Vec::new();
    let mut at = &toml::Value::Table(table);
    while let toml::Value::Table(table) = at {
        let mut entries = table.iter();
        let (key, inner) = entries.next().filter(|_| entries.next().is_none())?;
        path.push(key.clone());
        at = inner;
    }
    Some(path)
}

fn of_text(text: &str) -> Result<Value, String> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let read = format!("v = {text}\n").parse::<toml::Table>().ok().filter(|table| table.len() == 1);
    match read.and_then(|mut table| table.remove("v")).and_then(json) {
        Some(json) => Ok(json),
        // Whoever opens a bracket means no text.
        None if text.starts_with(['[', '{', '"', '\'']) => {
            Err(format!("`{text}` is not TOML; write it as in fleet.toml, such as [\"192.0.2.1\"], in quotes for the shell"))
        }
        None => Ok(Value::String(text.to_owned())),
    }
}

/// None: no JSON has it, or no key of the fleet takes it; then it was meant as text.
fn json(value: toml::Value) -> Option<Value> {
    Some(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) if number.is_finite() => number.into(),
        toml::Value::Float(_) | toml::Value::Datetime(_) => return None,
        toml::Value::Boolean(yes) => yes.into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect::<Option<Vec<_>>>()?.into(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| Some((key, json(value)?))).collect::<Option<Map<_, _>>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{self, Reader};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn values_are_written_as_people_write_them() {
        for (json, toml) in [
            (json!("eu"), "\"eu\""),
            (json!(1.0), "1.0"),
            (json!(500), "500"),
            (json!([50.11, 8.68]), "[50.11, 8.68]"),
            (json!(["nyc1", {"panel": "fra1", "tier": 2}]), "[\"nyc1\", { panel = \"fra1\", tier = 2 }]"),
            (json!({"/user_info/auth": 1}), "{ \"/user_info/auth\" = 1 }"),
            (json!({}), "{}"),
            (json!("a\"\\\u{1b}\u{7f}\n"), "\"a\\\"\\\\\\u001B\\u007F\\n\""),
        ] {
            assert_eq!(value(&json).as_deref(), Some(toml));
        }
        assert_eq!(value(&Value::Null), None);
    }

    #[test]
    fn zones_are_written_as_they_are() {
        assert_eq!(block("@ SOA a b\n@ TXT \"x\\\\y\"\n"), "'''\n@ SOA a b\n@ TXT \"x\\\\y\"\n'''");
        for text in ["one line", "a\r\nb\n", "a'''b\n", "a\nb'", "a\n\u{0}", ""] {
            assert_eq!(block(text), quoted(text), "{text:?}");
        }
    }

    fn read(text: &str) -> Value {
        let reader = Reader::new("f");
        let table = document::parse(&reader, text.as_bytes()).unwrap();
        assert!(reader.into_problems().is_empty(), "{text}");
        document::to_json(&table)["v"].clone()
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "[ -~\t\r\n'\"\\\\üß\u{0}-\u{1f}\u{7f}\u{85}]{0,40}", n in any::<i64>(), f in -1e300f64..1e300) {
            // The reader takes texts with a NUL as well: only keys of the fleet refuse them.
            prop_assert_eq!(read(&format!("v = {}", block(&text))), json!(text.clone()));
            let json = json!([text.clone(), n, f, true, { text.clone(): { "b": [] } }]);
            prop_assert_eq!(read(&format!("v = {}", value(&json).unwrap())), json);
        }
    }

    #[test]
    fn words_of_the_command_line_are_toml_or_text() {
        for (word, path, expected) in [
            ("weight=2", vec!["weight"], json!(2)),
            ("weight=0.5", vec!["weight"], json!(0.5)),
            ("sticky=false", vec!["sticky"], json!(false)),
            ("region=eu", vec!["region"], json!("eu")),
            ("region=\"eu\"", vec!["region"], json!("eu")),
            ("spread=250km", vec!["spread"], json!("250km")),
            ("ttl=", vec!["ttl"], Value::Null),
            ("addresses=[\"192.0.2.1\", \"::1\"]", vec!["addresses"], json!(["192.0.2.1", "::1"])),
            ("url=http://{address}/?a=b", vec!["url"], json!("http://{address}/?a=b")),
            ("labels.provider=a", vec!["labels", "provider"], json!("a")),
            ("headers.\"X.Y=Z\"=1 2", vec!["headers", "X.Y=Z"], json!("1 2")),
            ("ports={http=80}", vec!["ports"], json!({"http": 80})),
            ("note=2026-11-21", vec!["note"], json!("2026-11-21")),
            ("note=nan", vec!["note"], json!("nan")),
            ("note=1\nx = 2", vec!["note"], json!("1\nx = 2")),
        ] {
            let path: Vec<String> = path.into_iter().map(String::from).collect();
            assert_eq!(literal(word), Ok((path, expected)), "{word}");
        }
    }

    #[test]
    fn what_is_neither_is_told() {
        for (word, expected) in [
            ("weight", "`weight` is not key=value"),
            ("=2", "`` cannot be a key"),
            ("a b=2", "`a b` cannot be a key"),
            ("a\nb=2", "cannot be a key"),
            ("addresses=[192.0.2.1]", "addresses: `[192.0.2.1]` is not TOML"),
            ("x=\"a", "x: `\"a` is not TOML"),
        ] {
            let error = literal(word).unwrap_err();
            assert!(error.contains(expected), "{word}: {error}");
        }
    }
}
