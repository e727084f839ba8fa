//! A check by HTTP: the status, and what the body must hold.

use super::client::{Answer, Client, Wish};
use super::errand::Findings;
use super::sentence::choice;
use crate::document::{Value, shown};
use crate::fleet::Expect;
use crate::health::Outcome;
use hyper::Method;
use serde_json::Value as Json;

/// What is looked for stands at the beginning of a page, and status pages have kilobytes.
const BODY: usize = 1 << 20;

/// Of an answer whose body is not looked into, so much must come if it was announced: a backend that dies in the middle is noticed,
/// and a stream without end is not waited for.
const SHORT: u64 = 64 << 10;

pub(super) async fn check(mut client: Client<'_>, expect: &Expect) -> Result<Findings, Outcome> {
    let method = Method::from_bytes(expect.method.as_bytes());
    let method = method.map_err(|_| Outcome::Unasked("the check cannot be asked: its method is none".into()))?;
    let url = client.url.clone();
    let mut answer = client.ask(&url, Wish { method, taken: &expect.status, range: None, last: true }).await?;
    let status = answer.status.as_u16();
    if !expect.status.contains(&status) {
        return Err(Outcome::Bad(format!("status {status} instead of {}", choice(&expect.status))));
    }
    if expect.body.is_none() && expect.json.is_empty() {
        arrive(&mut client, &mut answer).await?;
    } else {
        answer.plain()?;
        let (body, whole) = client.read_all(&mut answer, BODY).await?;
        judge(expect, &body, whole).map_err(Outcome::Bad)?;
    }
    Ok(Findings { weak: client.weak, ..Findings::default() })
}

/// The whole of a short body, the beginning of others.
async fn arrive(client: &mut Client<'_>, answer: &mut Answer) -> Result<(), Outcome> {
    let short = answer.length().is_some_and(|length| length <= SHORT);
    while client.read(answer).await?.is_some() && short {}
    Ok(())
}

fn judge(expect: &Expect, body: &[u8], whole: bool) -> Result<(), String> {
    let within = if whole { "" } else { " in its first 1 MiB" };
    if let Some(text) = &expect.body
        && !String::from_utf8_lossy(body).contains(text.as_str())
    {
        return Err(format!("the body has no `{}`{within}", shown(text)));
    }
    if expect.json.is_empty() {
        return Ok(());
    }
    if !whole {
        return Err("the body is longer than 1 MiB, too long for JSON".into());
    }
    let json: Json = serde_json::from_slice(body).map_err(|_| "the body is not JSON")?;
    for (pointer, wanted) in &expect.json {
        match json.pointer(pointer) {
            None => return Err(format!("the body has nothing at `{}`", shown(pointer))),
            Some(found) if equal(found, wanted) => {}
            Some(found) => return Err(format!("`{}` is {} instead of {}", shown(pointer), show(found), show_value(wanted))),
        }
    }
    Ok(())
}

/// Numbers by what they are worth, everything else as it is written.
fn equal(found: &Json, wanted: &Value) -> bool {
    match (found, wanted) {
        (Json::Bool(found), Value::Bool(wanted)) => found == wanted,
        (Json::Number(found), Value::Integer(wanted)) => match found.as_i64() {
            Some(found) => found == *wanted,
            None => found.as_f64().is_some_and(|found| !found_beyond(found) && found == *wanted as f64),
        },
        (Json::Number(found), Value::Float(wanted)) => found.as_f64() == Some(*wanted),
        (Json::String(found), Value::Text(wanted)) => found == wanted,
        (Json::Null, Value::Other("null")) => true,
        _ => false,
    }
}

/// Beyond 2^53 a float does not know which integer it is.
fn found_beyond(found: f64) -> bool {
    found.abs() > 9_007_199_254_740_992.0
}

fn show(found: &Json) -> String {
    match found {
        Json::Object(_) => "an object".into(),
        Json::Array(_) => "a list".into(),
        Json::String(text) => format!("\"{}\"", shown(text)),
        other => other.to_string(),
    }
}

fn show_value(wanted: &Value) -> String {
    match wanted {
        Value::Bool(wanted) => wanted.to_string(),
        Value::Integer(wanted) => wanted.to_string(),
        Value::Float(wanted) => wanted.to_string(),
        Value::Text(wanted) => format!("\"{}\"", shown(wanted)),
        Value::Other(what) => (*what).to_owned(),
        Value::List(_) => "a list".into(),
        Value::Table(_) => "an object".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(body: &str, json: &str, text: Option<&str>, whole: bool) -> Result<(), String> {
        let Json::Object(json) = serde_json::from_str(json).unwrap() else { panic!("{json}") };
        let json = json.iter().map(|(pointer, value)| (pointer.clone(), crate::document::from_json(value).0.it));
        let expect = Expect { method: "GET".into(), status: vec![200], body: text.map(str::to_owned), json: json.collect() };
        judge(&expect, body.as_bytes(), whole)
    }

    #[test]
    fn bodies() {
        assert_eq!(judged("all is well", "{}", Some("is w"), true), Ok(()));
        assert_eq!(judged("all is well", "{}", Some("ill"), true), Err("the body has no `ill`".into()));
        assert_eq!(judged("all is well", "{}", Some("ill"), false), Err("the body has no `ill` in its first 1 MiB".into()));
        assert_eq!(
            judge(&Expect { method: String::new(), status: vec![], body: Some("ok".into()), json: vec![] }, b"\xffok", true),
            Ok(())
        );
    }

    #[test]
    fn scalars_where_pointers_lead() {
        let body = r#"{"user_info":{"auth":1,"name":"x","on":true,"share":0.5,"big":9007199254740993,"none":null},"list":[1.0,{"a/b":2}]}"#;
        for (pointer, value, fault) in [
            ("/user_info/auth", "1", None),
            ("/user_info/auth", "1.0", None),
            ("/user_info/auth", "2", Some("`/user_info/auth` is 1 instead of 2")),
            ("/user_info/auth", "\"1\"", Some("`/user_info/auth` is 1 instead of \"1\"")),
            ("/user_info/auth", "true", Some("`/user_info/auth` is 1 instead of true")),
            ("/user_info/name", "\"x\"", None),
            ("/user_info/name", "\"y\"", Some("`/user_info/name` is \"x\" instead of \"y\"")),
            ("/user_info/on", "true", None),
            ("/user_info/on", "false", Some("`/user_info/on` is true instead of false")),
            ("/user_info/share", "0.5", None),
            ("/user_info/big", "9007199254740993", None),
            ("/user_info/big", "9007199254740992", Some("`/user_info/big` is 9007199254740993 instead of 9007199254740992")),
            ("/user_info/none", "1", Some("`/user_info/none` is null instead of 1")),
            ("/list/0", "1", None),
            ("/list/1/a~1b", "2", None),
            ("/list/2", "1", Some("the body has nothing at `/list/2`")),
            ("/list", "1", Some("`/list` is a list instead of 1")),
            ("/user_info", "1", Some("`/user_info` is an object instead of 1")),
        ] {
            let said = judged(body, &format!("{{\"{pointer}\":{value}}}"), None, true);
            assert_eq!(said.err().as_deref(), fault, "{pointer} {value}");
        }
        assert_eq!(judged("<html>", r#"{"/a":1}"#, None, true), Err("the body is not JSON".into()));
        assert_eq!(judged("{}", r#"{"/a":1}"#, None, false), Err("the body is longer than 1 MiB, too long for JSON".into()));
        // Deeper than the reader goes.
        assert_eq!(judged(&"[".repeat(100_000), r#"{"/a":1}"#, None, true), Err("the body is not JSON".into()));
    }
}
