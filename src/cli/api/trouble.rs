//! Why a command did not do what it was told to: in words, as a problem document, and as an exit status.

use super::output::line;
use crate::cli::{FAILED, UNAUTHORIZED, UNREACHABLE, WRONG_INPUT};
use crate::document::Problem;
use serde_json::{Value, json};

pub(in crate::cli) type Result<T> = std::result::Result<T, Trouble>;

/// Problems that are printed; the document of `--json` has all.
const MAX_LINES: usize = 100;
/// Objects that are named as users of another.
const MAX_USERS: usize = 20;

#[derive(Debug)]
pub(in crate::cli) enum Trouble {
    /// Whoever read the output has gone.
    Closed,
    Told(Box<Told>),
}

#[derive(Debug)]
pub(in crate::cli) struct Told {
    pub(in crate::cli) exit: u8,
    /// HTTP status of the node's answer; 0 where it gave none.
    pub(in crate::cli) status: u16,
    /// RFC 9457; the node's own where it gave one.
    pub(in crate::cli) document: Value,
    /// Said after what the document says.
    pub(in crate::cli) advice: Option<String>,
}

impl Trouble {
    pub(in crate::cli) fn failed(sentence: impl Into<String>) -> Self {
        Self::own(FAILED, "failed", "It was not done", sentence.into())
    }

    pub(in crate::cli) fn wrong(sentence: impl Into<String>) -> Self {
        Self::own(WRONG_INPUT, "wrong-input", "The input is not right", sentence.into())
    }

    pub(in crate::cli) fn unreachable(sentence: impl Into<String>) -> Self {
        Self::own(UNREACHABLE, "unreachable", "The node cannot be reached", sentence.into())
    }

    /// All that is wrong with files.
    pub(in crate::cli) fn problems(problems: &[Problem]) -> Self {
        let errors: Vec<Value> = problems.iter().filter(|problem| problem.is_error()).map(problem_json).collect();
        let detail = match errors.len() {
            1 => "1 error".to_owned(),
            many => format!("{many} errors"),
        };
        let document = json!({"type": "/problems/wrong-input", "title": "The input is not right", "detail": detail, "errors": errors});
        Self::Told(Box::new(Told { exit: WRONG_INPUT, status: 0, document, advice: None }))
    }

    /// What the node answered instead of doing it.
    pub(in crate::cli) fn refused(status: u16, document: Value, advice: Option<String>) -> Self {
        let exit = match status {
            400 | 411 | 413 | 414 | 415 | 422 | 431 => WRONG_INPUT,
            401 | 403 => UNAUTHORIZED,
            _ => FAILED,
        };
        Self::Told(Box::new(Told { exit, status, document, advice }))
    }

    /// The status the node answered with.
    pub(in crate::cli) fn status(&self) -> u16 {
        match self {
            Self::Closed => 0,
            Self::Told(told) => told.status,
        }
    }

    /// The kind of problem, as the node's document names it.
    pub(in crate::cli) fn is(&self, word: &str) -> bool {
        let kind = |told: &Told| told.document["type"].as_str().and_then(|kind| kind.strip_prefix("/problems/")).map(str::to_owned);
        matches!(self, Self::Told(told) if kind(told).as_deref() == Some(word))
    }

    fn own(exit: u8, word: &str, title: &str, detail: String) -> Self {
        let document = json!({"type": format!("/problems/{word}"), "title": title, "detail": detail});
        Self::Told(Box::new(Told { exit, status: 0, document, advice: None }))
    }
}

fn problem_json(problem: &Problem) -> Value {
    let mut json = json!({"detail": problem.what});
    let texts = [("file", &problem.file), ("path", &problem.path), ("hint", &problem.hint)];
    for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        json[key] = Value::from(text.as_str());
    }
    if problem.line > 0 {
        json["line"] = problem.line.into();
    }
    json
}

impl Told {
    /// A line for each thing that is wrong, then what to do about it.
    pub(in crate::cli) fn lines(&self) -> Vec<String> {
        let empty = Vec::new();
        let errors = self.document["errors"].as_array().unwrap_or(&empty);
        let mut lines: Vec<String> = errors.iter().take(MAX_LINES).map(one).collect();
        if let Some(more) = errors.len().checked_sub(MAX_LINES).filter(|more| *more > 0) {
            lines.push(format!("meridian: and {more} problems more (--json has all)"));
        }
        if lines.is_empty() {
            lines.push(format!("meridian: {}", self.sentence()));
        }
        lines.extend(self.users().map(|users| format!("meridian: {users}")));
        let advice = self.advice.as_deref().or_else(|| self.usual_advice());
        lines.extend(advice.map(|advice| format!("meridian: {advice}")));
        lines
    }

    fn sentence(&self) -> String {
        let said = ["detail", "title"].into_iter().filter_map(|key| self.document[key].as_str()).find(|text| !text.is_empty());
        said.map_or_else(|| format!("the node answered with status {}", self.status), line)
    }

    fn users(&self) -> Option<String> {
        let named: Vec<String> = self.document["users"].as_array()?.iter().filter_map(Value::as_str).map(line).collect();
        let more = named.len().saturating_sub(MAX_USERS);
        let hidden = self.document["hidden"].as_u64().unwrap_or(0);
        let mut parts = named[..named.len() - more].to_vec();
        parts.extend((more > 0).then(|| format!("{more} more")));
        parts.extend((hidden > 0).then(|| format!("{hidden} that this token does not see")));
        (!parts.is_empty()).then(|| format!("used by {}", parts.join(", ")))
    }

    fn usual_advice(&self) -> Option<&'static str> {
        match self.document["type"].as_str()?.trim_start_matches("/problems/") {
            "stale" => Some("somebody else has changed it in between: look at it as it is now, then do it again"),
            "shrinks" => Some("`--force` says that it is meant"),
            _ => None,
        }
    }
}

/// `meridian: panel fra1: addresses: found 5 where text belongs; put it in quotes`
fn one(error: &Value) -> String {
    let text = |key: &str| error[key].as_str().filter(|text| !text.is_empty()).map(line);
    let number = error["line"].as_u64().filter(|line| *line > 0);
    // A file with a line is where to go; then a terminal opens it at a click.
    let mut said = match (text("file"), number) {
        (Some(file), Some(number)) => format!("{file}:{number}: "),
        (Some(file), None) => format!("{file}: "),
        (None, Some(number)) => format!("meridian: line {number}: "),
        (None, None) => "meridian: ".into(),
    };
    said.extend(text("path").or_else(|| text("pointer")).map(|path| format!("{path}: ")));
    said += &text("detail").unwrap_or_else(|| "wrong".into());
    said.extend(text("hint").map(|hint| format!("; {hint}")));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(status: u16, document: Value) -> Vec<String> {
        match Trouble::refused(status, document, None) {
            Trouble::Told(told) => told.lines(),
            Trouble::Closed => Vec::new(),
        }
    }

    #[test]
    fn each_wrong_field_is_a_line() {
        let document = json!({"type": "/problems/invalid", "title": "What was sent is not right", "status": 422, "detail": "2 errors", "errors": [
            {"pointer": "/addresses/0", "path": "panel fra1: addresses", "detail": "`x` is not an address", "hint": "write 192.0.2.1"},
            {"pointer": "/weight", "detail": "found 5"},
            {"pointer": "", "path": "zone a.example", "detail": "no SOA", "line": 3},
            {"file": "z.zone", "line": 4, "path": "", "detail": "bad"},
        ]});
        assert_eq!(
            lines(422, document),
            [
                "meridian: panel fra1: addresses: `x` is not an address; write 192.0.2.1",
                "meridian: /weight: found 5",
                "meridian: line 3: zone a.example: no SOA",
                "z.zone:4: bad",
            ]
        );
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let document =
            json!({"type": "/problems/in-use", "detail": "panel fra1 is in use", "users": ["sets/premium", "sets/a"], "hidden": 2});
        assert_eq!(
            lines(409, document),
            ["meridian: panel fra1 is in use", "meridian: used by sets/premium, sets/a, 2 that this token does not see"]
        );
        assert!(
            lines(412, json!({"type": "/problems/stale", "title": "It has another version now"}))[1].contains("look at it as it is now")
        );
        assert!(lines(409, json!({"type": "/problems/shrinks", "title": "It would take much away"}))[1].contains("--force"));
        assert_eq!(lines(503, json!({})), ["meridian: the node answered with status 503"]);
        assert_eq!(lines(500, json!({"detail": "a\u{1b}[2J"})), ["meridian: a\\u{1b}[2J"]);
    }

    #[test]
    fn a_flood_of_problems_is_cut() {
        let errors: Vec<Value> = (0..MAX_LINES + 5).map(|n| json!({"detail": n.to_string()})).collect();
        let lines = lines(422, json!({"errors": errors}));
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!(lines[MAX_LINES], "meridian: and 5 problems more (--json has all)");
    }

    #[test]
    fn the_status_becomes_the_exit_status() {
        for (status, exit) in [(400, 2), (422, 2), (413, 2), (401, 5), (403, 5), (404, 1), (409, 1), (412, 1), (429, 1), (503, 1), (507, 1)]
        {
            let Trouble::Told(told) = Trouble::refused(status, json!({}), None) else { panic!() };
            assert_eq!(told.exit, exit, "{status}");
        }
    }

    #[test]
    fn problems_of_files_keep_their_place() {
        let problems = [Problem::error("f.toml", 3, "odd").at("panel a").hint("do"), Problem::warning("f.toml", 1, "hm")];
        let Trouble::Told(told) = Trouble::problems(&problems) else { panic!() };
        assert_eq!((told.exit, told.lines()), (2, vec!["f.toml:3: panel a: odd; do".to_owned()]));
    }
}
