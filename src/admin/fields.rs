//! The keys of a small body that admin itself reads, with all that is wrong in it told at once.

use super::problem::Trouble;
use crate::control::{Fault, Refusal};
use crate::document::{did_you_mean, duration, shown};
use serde_json::{Map, Value};

#[derive(Debug)]
pub(super) struct Fields {
    given: Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Fields {
    pub(super) fn new(body: Value) -> Result<Self, Trouble> {
        match body {
            Value::Object(given) => Ok(Self { given, known: Vec::new(), faults: Vec::new() }),
            other => Err(Trouble::invalid("", format!("found {} where an object belongs", kind(&other)), "write it in curly brackets")),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.given.remove(key)
    }

    pub(super) fn wrong(&mut self, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        self.faults.push(Fault { path: key.into(), ..Fault::new(pointer, what, hint) });
    }

    pub(super) fn needs(&mut self, key: &str, hint: &str) {
        if !self.given.contains_key(key) {
            self.faults.push(Fault::new("", format!("`{key}` is missing"), hint));
        }
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            other => {
                self.wrong(key, format!("found {} where text belongs", kind(&other)), "put it in quotes");
                None
            }
        }
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let Value::Array(items) = self.take(key)? else {
            self.wrong(key, "a list of texts belongs here", "put it in square brackets");
            return None;
        };
        let mut texts = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                other => {
                    let what = format!("found {} where text belongs", kind(&other));
                    self.faults.push(Fault { path: key.into(), ..Fault::new(format!("/{key}/{at}"), what, "put it in quotes") });
                }
            }
        }
        Some(texts)
    }

    pub(super) fn number(&mut self, key: &'static str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let value = self.take(key)?;
        let number = value.as_u64().filter(|number| range.contains(number));
        if number.is_none() {
            let wanted = format!("a whole number from {} to {}", range.start(), range.end());
            self.wrong(key, format!("found {} where {wanted} belongs", kind(&value)), "");
        }
        number
    }

    /// A number from 0 up.
    pub(super) fn gauge(&mut self, key: &'static str) {
        if let Some(value) = self.take(key)
            && value.as_f64().is_none_or(|number| number < 0.0)
        {
            self.wrong(key, format!("found {} where a number from 0 belongs", kind(&value)), "");
        }
    }

    /// A span such as `10m`, in whole seconds, at least one.
    pub(super) fn span(&mut self, key: &'static str, longest_s: u64) -> Option<u64> {
        let text = self.text(key)?;
        let span = duration(&text).filter(|span| (1..=longest_s).contains(&span.as_secs()) && span.subsec_nanos() == 0);
        if span.is_none() {
            let what = format!("`{}` is not a time from 1s to {}d", shown(&text), longest_s / 86_400);
            self.wrong(key, what, "write whole numbers with units, such as \"10m\" or \"1h30m\"");
        }
        span.map(|span| span.as_secs())
    }

    pub(super) fn word(&mut self, key: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(key)?;
        let found = words.iter().find(|word| **word == text);
        if found.is_none() {
            let guess = did_you_mean(&text, words.iter().copied());
            let hint = if guess.is_empty() { format!("write one of {}", words.join(", ")) } else { guess };
            self.wrong(key, format!("unknown word `{}`", shown(&text)), hint);
        }
        found.copied()
    }

    /// What was not taken is unknown.
    pub(super) fn finish(mut self) -> Result<(), Trouble> {
        for key in std::mem::take(&mut self.given).keys() {
            let guess = did_you_mean(key, self.known.iter().copied());
            let hint = if guess.is_empty() { format!("known here: {}", self.known.join(", ")) } else { guess };
            self.wrong(key, format!("unknown key `{}`", shown(key)), hint);
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Refusal::Faults(self.faults).into()) }
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the text \"{}\"", shown(text)),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use serde_json::json;

    #[tokio::test]
    async fn all_that_is_wrong_is_told_at_once() {
        let body = json!({"state": "drainin", "over": "10", "for": 7, "zones": ["a", 1], "revision": -1, "reasn": "x", "z/": 1});
        let mut fields = Fields::new(body).unwrap();
        fields.needs("name", "give it one");
        assert_eq!(fields.word("state", &["enabled", "draining"]), None);
        assert_eq!((fields.span("over", 86_400), fields.span("for", 86_400)), (None, None));
        assert_eq!(fields.texts("zones"), Some(vec!["a".into()]));
        assert_eq!((fields.number("revision", 1..=9), fields.text("reason")), (None, None));
        let response = fields.finish().unwrap_err().into_response();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let told: Value = serde_json::from_slice(&bytes).unwrap();
        let told: Vec<_> =
            told["errors"].as_array().unwrap().iter().map(|one| (one["pointer"].as_str().unwrap(), one["hint"].as_str())).collect();
        let expected = [
            ("", Some("give it one")),
            ("/state", Some("did you mean `draining`?")),
            ("/over", Some("write whole numbers with units, such as \"10m\" or \"1h30m\"")),
            ("/for", Some("put it in quotes")),
            ("/zones/1", Some("put it in quotes")),
            ("/revision", None),
            ("/z~1", Some("known here: state, over, for, zones, revision, reason")),
            ("/reasn", Some("did you mean `reason`?")),
        ];
        assert_eq!(told, expected);
        assert!(Fields::new(json!([])).is_err());
    }

    #[test]
    fn what_is_right_is_taken() {
        let mut fields = Fields::new(json!({"a": "x", "b": "1h30m", "c": 5})).unwrap();
        assert_eq!((fields.text("a"), fields.span("b", 86_400), fields.number("c", 1..=5)), (Some("x".into()), Some(5400), Some(5)));
        fields.finish().unwrap();
    }
}
