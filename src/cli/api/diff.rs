//! What a change does, as a person reads it: `+` comes, `-` goes, `~` changes.

use super::output::{Paint, line};
use super::toml;
use serde_json::{Map, Value};

/// Objects that are shown; whoever wants more reads JSON.
const MAX_OBJECTS: usize = 200;
/// Longer values are cut.
const MAX_VALUE: usize = 200;

/// What the node says a change would do, or did: `{"changes": [...], "effect": [...], "warnings": [...]}`.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Effect<'a>(pub(in crate::cli) &'a Value);

impl Effect<'_> {
    fn list(&self, key: &str) -> &[Value] {
        self.0[key].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.list("changes").is_empty()
    }

    /// Differences, what they come to, and a line that counts them.
    pub(in crate::cli) fn text(&self, paint: Paint) -> String {
        let mut text = entries(self.list("changes"), paint);
        let said = |key: &str| self.list(key).iter().filter_map(Value::as_str).map(line).collect::<Vec<_>>();
        for effect in said("effect") {
            text += &format!("{effect}\n");
        }
        for warning in said("warnings") {
            let warning = warning.strip_prefix("warning: ").unwrap_or(&warning);
            text += &format!("{}: {warning}\n", paint.yellow("warning"));
        }
        text + &self.summary() + "\n"
    }

    /// `1 comes, 2 change, 3 go`
    fn summary(&self) -> String {
        let (mut come, mut change, mut go) = (0, 0, 0);
        for entry in self.list("changes") {
            match Sign::of(entry) {
                Sign::Comes => come += 1,
                Sign::Goes => go += 1,
                Sign::Changes => change += 1,
            }
        }
        let counts = [(come, "comes", "come"), (change, "changes", "change"), (go, "goes", "go")];
        let told: Vec<String> =
            counts.iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| format!("{n} {}", if *n == 1 { one } else { many })).collect();
        if told.is_empty() { "nothing changes".into() } else { told.join(", ") }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Comes,
    Goes,
    Changes,
}

impl Sign {
    fn of(entry: &Value) -> Self {
        let has_lines = ["removed", "added"].iter().any(|key| entry[key].as_array().is_some_and(|lines| !lines.is_empty()));
        match (entry["before"].is_null(), entry["after"].is_null()) {
            (true, false) => Self::Comes,
            (false, true) => Self::Goes,
            (true, true) if !has_lines => Self::Changes,
            (true, true) if entry["removed"].as_array().is_none_or(Vec::is_empty) => Self::Comes,
            _ => Self::Changes,
        }
    }
}

/// Each object with the keys and records that differ.
pub(in crate::cli) fn entries(changes: &[Value], paint: Paint) -> String {
    let mut text = String::new();
    for entry in changes.iter().take(MAX_OBJECTS) {
        let object = line(entry["object"].as_str().unwrap_or("?"));
        text += &match Sign::of(entry) {
            Sign::Comes => paint.green(&format!("+ {object}")),
            Sign::Goes => paint.red(&format!("- {object}")),
            Sign::Changes => paint.yellow(&format!("~ {object}")),
        };
        text.push('\n');
        for told in keys_changed(&entry["before"], &entry["after"]) {
            text += &format!("    {}\n", painted(&told, paint));
        }
        for (sign, key) in [('-', "removed"), ('+', "added")] {
            for record in entry[key].as_array().into_iter().flatten().filter_map(Value::as_str) {
                text += &format!("    {}\n", painted(&format!("{sign} {}", line(record)), paint));
            }
        }
    }
    if let Some(more) = changes.len().checked_sub(MAX_OBJECTS).filter(|more| *more > 0) {
        text += &format!("and {more} objects more (--json has all)\n");
    }
    text
}

fn painted(told: &str, paint: Paint) -> String {
    match told.chars().next() {
        Some('+') => paint.green(told),
        Some('-') => paint.red(told),
        _ => told.to_owned(),
    }
}

/// `weight: 1.0 → 2.0`, `+ labels.provider = "a"`, `- capacity = 500`; of an object that comes its keys, of one that goes none.
pub(in crate::cli) fn keys_changed(before: &Value, after: &Value) -> Vec<String> {
    let none = Map::new();
    let mut told = Vec::new();
    match (before.as_object(), after.as_object()) {
        (Some(before), Some(after)) => walk(&mut String::new(), before, after, &mut told),
        (None, Some(after)) => {
            let keys = after.iter().filter(|(key, _)| *key != "text");
            told.extend(keys.filter_map(|(key, value)| Some(format!("{} = {}", toml::key(key), shown(value)?))));
        }
        (Some(_), None) => {}
        (None, None) => walk(&mut String::new(), &none, &none, &mut told),
    }
    told
}

fn walk(path: &mut String, before: &Map<String, Value>, after: &Map<String, Value>, told: &mut Vec<String>) {
    let len = path.len();
    for key in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
        path.push_str(if len > 0 { "." } else { "" });
        path.push_str(&toml::key(key));
        match (before.get(key), after.get(key)) {
            (Some(old), Some(new)) if old == new => {}
            (Some(Value::Object(old)), Some(Value::Object(new))) => walk(path, old, new, told),
            (Some(old), Some(new)) => told.push(format!("{path}: {} → {}", shown(old).unwrap_or_default(), shown(new).unwrap_or_default())),
            (Some(old), None) => told.extend(shown(old).map(|old| format!("- {path} = {old}"))),
            (None, Some(new)) => told.extend(shown(new).map(|new| format!("+ {path} = {new}"))),
            (None, None) => {}
        }
        path.truncate(len);
    }
}

fn shown(json: &Value) -> Option<String> {
    let text = line(&toml::value(json)?);
    Some(match text.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_is_told_by_what_differs() {
        let effect = json!({"dry_run": true, "revision": 3, "changes": [
            {"object": "panels/fra1", "before": {"weight": 1.0, "capacity": 500, "labels": {"a": "1", "b": "2"}, "region": "eu"},
             "after": {"weight": 2.0, "labels": {"a": "1", "b": "3", "c d": "4"}, "region": "eu"}},
            {"object": "hostnames/new.example", "after": {"set": "premium"}},
            {"object": "sets/old", "before": {"panels": ["fra1"]}},
            {"object": "files/panels.example", "before": {"serial": 1}, "after": {"serial": 2}, "removed": ["www 300 A 192.0.2.1"], "added": ["www 300 A 192.0.2.2"]},
        ], "effect": ["live.panels.example: 31 % of known networks move from fra1 to ams1"], "warnings": ["warning: odd"]});
        let expected = "\
~ panels/fra1
    weight: 1.0 → 2.0
    - capacity = 500
    labels.b: \"2\" → \"3\"
    + labels.\"c d\" = \"4\"
+ hostnames/new.example
    set = \"premium\"
- sets/old
~ files/panels.example
    serial: 1 → 2
    - www 300 A 192.0.2.1
    + www 300 A 192.0.2.2
live.panels.example: 31 % of known networks move from fra1 to ams1
warning: odd
1 comes, 2 change, 1 goes
";
        assert_eq!(Effect(&effect).text(Paint::NONE), expected);
        assert!(!Effect(&effect).is_empty());
    }

    #[test]
    fn nothing_is_told_as_nothing() {
        let effect = json!({"changes": [], "effect": [], "warnings": []});
        assert!(Effect(&effect).is_empty());
        assert_eq!(Effect(&effect).text(Paint::NONE), "nothing changes\n");
        assert!(Effect(&json!({})).is_empty());
    }

    #[test]
    fn a_zone_file_alone_is_told_by_its_records() {
        let entry = |removed: &[&str], added: &[&str]| json!([{"object": "files/a", "removed": removed, "added": added}]);
        let text = |entry: Value| entries(entry.as_array().unwrap(), Paint::NONE);
        assert_eq!(text(entry(&[], &["x"])), "+ files/a\n    + x\n");
        assert_eq!(text(entry(&["y"], &["x"])), "~ files/a\n    - y\n    + x\n");
    }

    #[test]
    fn a_flood_is_cut() {
        let many: Vec<Value> = (0..MAX_OBJECTS + 3).map(|n| json!({"object": format!("panels/p{n}"), "before": {}})).collect();
        let text = entries(&many, Paint::NONE);
        assert_eq!(text.lines().count(), MAX_OBJECTS + 1);
        assert!(text.ends_with("and 3 objects more (--json has all)\n"));
        let long = keys_changed(&Value::Null, &json!({"a": "x".repeat(10_000)}));
        assert!(long[0].chars().count() < MAX_VALUE + 10);
    }
}
