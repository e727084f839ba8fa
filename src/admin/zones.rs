//! `/v1/zones/{zone}/file` and `/v1/zones/{zone}/records`.

use super::bearer::{Asked, dns_name};
use super::body::{self, MAX_BODY, MAX_LARGE};
use super::fields::Fields;
use super::objects::{Doorway, MAX_PAGE, PAGE};
use super::problem::{Trouble, Word};
use super::reply::{Answer, Told, done, master_file, versioned};
use crate::control::{Change, RecordData, RecordQuery, RecordSet, Records};
use crate::document::shown;
use crate::fleet::Kind;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Value, json};

/// RFC 2181 §8.
const MAX_TTL: u64 = i32::MAX as u64;

pub(super) async fn show_file(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    let _turn = door.reading().await;
    let (text, revision) = door.control.zone_file(&asked.caller, &asked.name_of(Kind::Zone, 0))?;
    versioned(&asked.headers, revision, || master_file(text))
}

pub(super) async fn put_file(State(door): Doorway, mut asked: Asked) -> Answer {
    let (how, zone) = (asked.how()?, asked.name_of(Kind::Zone, 0));
    asked.finish()?;
    body::expect(&asked.headers, &["text/dns", "text/plain", "application/octet-stream"], true)?;
    let _heavy = door.heavy()?;
    // Whoever may change nothing is refused without the file: control says so, and writes it down.
    let text = if asked.caller.may_change() { asked.bytes(MAX_LARGE).await? } else { Vec::new() };
    let change = door.control.change(&asked.caller, Change::ZoneFile { zone, text }, &how).await?;
    Ok(done(change, how.dry_run, Told::Summary))
}

pub(super) async fn list(State(door): Doorway, mut asked: Asked) -> Answer {
    let zone = asked.name_of(Kind::Zone, 0);
    let name = asked.query.text("name").map(|name| absolute(&name, &zone));
    let rtype = asked.query.text("type").map(|rtype| rtype.to_ascii_uppercase());
    let limit = asked.query.number("limit", 1..=MAX_PAGE)?.unwrap_or(PAGE) as usize;
    let after = asked.query.text("after").map(|after| last_seen(&after, &zone)).transpose()?;
    asked.finish()?;
    let _turn = door.reading().await;
    let records = door.control.records(&asked.caller, &zone, &RecordQuery { name, rtype, after, limit })?;
    let (sets, revision) = (records.items, records.revision);
    let next = sets.last().filter(|_| records.has_more).map(|last| format!("{}/{}", last.name, last.rtype));
    // A page is one of many, so its version is the zone's.
    versioned(&asked.headers, revision, || Json(json!({ "items": sets, "next": next })).into_response())
}

pub(super) async fn show(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    let _turn = door.reading().await;
    let (zone, name, rtype) = place(&asked);
    let query = RecordQuery { name: Some(name.clone()), rtype: Some(rtype.clone()), after: None, limit: 1 };
    let Records { items, revision, .. } = door.control.records(&asked.caller, &zone, &query)?;
    let Some(set) = items.into_iter().next() else {
        return Err(Trouble::new(Word::NotFound, format!("{} has no records of type {}", shown(&name), shown(&rtype))));
    };
    versioned(&asked.headers, revision, || Json(set).into_response())
}

pub(super) async fn put(State(door): Doorway, mut asked: Asked) -> Answer {
    let how = asked.how()?;
    asked.finish()?;
    let (zone, name, rtype) = place(&asked);
    let set = read_set(asked.json(MAX_BODY).await?)?;
    let sent = RecordSet { name: name.clone(), rtype: rtype.clone(), ttl: set.ttl, data: set.data.clone() };
    let change = Change::Records { zone, name, rtype, set: Some(set) };
    let mut change = door.control.change(&asked.caller, change, &how).await?;
    change.object = change.object.or_else(|| serde_json::to_value(sent).ok());
    Ok(done(change, how.dry_run, Told::Object))
}

pub(super) async fn delete(State(door): Doorway, mut asked: Asked) -> Answer {
    let how = asked.how()?;
    asked.finish()?;
    let (zone, name, rtype) = place(&asked);
    let change = door.control.change(&asked.caller, Change::Records { zone, name, rtype, set: None }, &how).await?;
    Ok(done(change, how.dry_run, Told::Gone))
}

/// Zone, name and type of a path.
fn place(asked: &Asked) -> (String, String, String) {
    let zone = asked.name_of(Kind::Zone, 0);
    let name = absolute(asked.name(1), &zone);
    (zone, name, asked.name(2).to_ascii_uppercase())
}

/// `@` is the apex.
fn absolute(name: &str, zone: &str) -> String {
    if name == "@" { zone.to_owned() } else { dns_name(name) }
}

fn last_seen(text: &str, zone: &str) -> Result<(String, String), Trouble> {
    let (name, rtype) = text
        .rsplit_once('/')
        .ok_or_else(|| Trouble::bad_request(format!("`after` is `{}` where name/type belongs, as `next` has it", shown(text))))?;
    Ok((absolute(name, zone), rtype.to_ascii_uppercase()))
}

fn read_set(body: Value) -> Result<RecordData, Trouble> {
    let mut fields = Fields::new(body)?;
    fields.needs("ttl", "say for how long it may be remembered: \"ttl\": 300");
    fields.needs("data", "list what the records say: \"data\": [\"192.0.2.7\"]");
    let ttl = fields.number("ttl", 0..=MAX_TTL);
    let data = fields.texts("data");
    if data.as_ref().is_some_and(Vec::is_empty) {
        fields.wrong("data", "the list is empty", "DELETE takes a record set away");
    }
    fields.finish()?;
    // Where one of them is missing, `finish` has said so.
    Ok(RecordData { ttl: ttl.and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default(), data: data.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_absolute_and_the_apex_has_a_sign() {
        for (name, expected) in
            [("@", "panels.example"), ("www.Panels.Example.", "www.panels.example"), ("*.panels.example", "*.panels.example")]
        {
            assert_eq!(absolute(name, "panels.example"), expected);
        }
        assert_eq!(last_seen("A.panels.example/txt", "panels.example").unwrap(), ("a.panels.example".into(), "TXT".into()));
        assert_eq!(last_seen("a/b.panels.example/A", "panels.example").unwrap().0, "a/b.panels.example");
        assert!(last_seen("a", "panels.example").is_err());
    }

    #[test]
    fn a_record_set_is_a_time_and_a_list() {
        let set = read_set(json!({"ttl": 300, "data": ["192.0.2.7"]})).unwrap();
        assert_eq!(set, RecordData { ttl: 300, data: vec!["192.0.2.7".into()] });
        for body in [
            json!({}),
            json!([]),
            json!({"ttl": 300}),
            json!({"data": ["x"]}),
            json!({"ttl": 300, "data": []}),
            json!({"ttl": -1, "data": ["x"]}),
            json!({"ttl": 2_147_483_648_u32, "data": ["x"]}),
            json!({"ttl": 300, "data": "x"}),
            json!({"ttl": 300, "data": ["x"], "name": "y"}),
        ] {
            assert_eq!(read_set(body.clone()).unwrap_err().word(), Word::Invalid, "{body}");
        }
    }
}
