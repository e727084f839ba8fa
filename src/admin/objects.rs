//! `/v1/{kind}` and `/v1/defaults`: the objects of a fleet.

use super::Door;
use super::bearer::{Asked, spelled};
use super::problem::Trouble;
use super::query::Parameters;
use super::reply::{Answer, Told, done, found};
use crate::control::{Change, Query};
use crate::fleet::Kind;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::json;
use std::sync::Arc;

/// A page that a person or a program reads at once.
pub(super) const PAGE: u64 = 100;
pub(super) const MAX_PAGE: u64 = 1000;

pub(super) type Doorway = State<Arc<Door>>;

/// By what a kind can be listed, beside a part of the name.
pub(super) fn filters(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Panel => &["region", "set", "check", "state", "label"],
        Kind::Hostname => &["zone", "set"],
        Kind::Set => &["panel"],
        Kind::Check => &["kind"],
        Kind::Region | Kind::Zone | Kind::Key => &[],
    }
}

pub(super) async fn list(kind: Kind, State(door): Doorway, mut asked: Asked) -> Answer {
    let query = query(kind, &mut asked.query)?;
    asked.finish()?;
    let page = door.control.list(&asked.caller, kind, &query)?;
    Ok(Json(json!({ "items": page.items, "next": page.next })).into_response())
}

pub(super) async fn show(kind: Kind, State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    found(&asked.headers, door.control.object(&asked.caller, kind, &asked.name_of(kind, 0))?)
}

pub(super) async fn put(kind: Kind, State(door): Doorway, mut asked: Asked) -> Answer {
    let (how, name) = (asked.how()?, asked.name_of(kind, 0));
    asked.finish()?;
    let body = asked.json(super::body::MAX_BODY).await?;
    let change = door.control.change(&asked.caller, Change::Put { kind, name, body }, &how).await?;
    Ok(done(change, how.dry_run, Told::Object))
}

pub(super) async fn patch(kind: Kind, State(door): Doorway, mut asked: Asked) -> Answer {
    let (how, name) = (asked.how()?, asked.name_of(kind, 0));
    asked.finish()?;
    let patch = asked.patch().await?;
    let change = door.control.change(&asked.caller, Change::Patch { kind, name, patch }, &how).await?;
    Ok(done(change, how.dry_run, Told::Object))
}

pub(super) async fn delete(kind: Kind, State(door): Doorway, mut asked: Asked) -> Answer {
    let (how, name) = (asked.how()?, asked.name_of(kind, 0));
    asked.finish()?;
    let change = door.control.change(&asked.caller, Change::Delete { kind, name }, &how).await?;
    Ok(done(change, how.dry_run, Told::Gone))
}

pub(super) async fn show_defaults(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    found(&asked.headers, door.control.defaults(&asked.caller)?)
}

pub(super) async fn put_defaults(State(door): Doorway, mut asked: Asked) -> Answer {
    let how = asked.how()?;
    asked.finish()?;
    let change = Change::PutDefaults(asked.json(super::body::MAX_BODY).await?);
    Ok(done(door.control.change(&asked.caller, change, &how).await?, how.dry_run, Told::Object))
}

pub(super) async fn patch_defaults(State(door): Doorway, mut asked: Asked) -> Answer {
    let how = asked.how()?;
    asked.finish()?;
    let change = Change::PatchDefaults(asked.patch().await?);
    Ok(done(door.control.change(&asked.caller, change, &how).await?, how.dry_run, Told::Object))
}

fn query(kind: Kind, given: &mut Parameters) -> Result<Query, Trouble> {
    let after = given.text("after").map(|name| spelled(kind, &name));
    let limit = given.number("limit", 1..=MAX_PAGE)?.unwrap_or(PAGE) as usize;
    let mut query = Query { after, limit, ..Query::default() };
    for key in ["match"].iter().chain(filters(kind)) {
        let Some(mut value) = given.text(key) else { continue };
        if *key == "zone" {
            value = spelled(Kind::Zone, &value);
        }
        if *key == "label" {
            let (name, wanted) = value
                .split_once(':')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| Trouble::bad_request("`label` is written as key:value, such as label=provider:a"))?;
            value = format!("{name}={wanted}");
        }
        query.filters.insert((*key).to_owned(), value);
    }
    Ok(query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read(kind: Kind, text: &str) -> Result<Query, Trouble> {
        let mut given = Parameters::read(Some(text)).unwrap();
        let query = query(kind, &mut given)?;
        given.finish().map(|()| query)
    }

    #[test]
    fn lists_are_narrowed_by_what_the_kind_has() {
        assert_eq!(read(Kind::Region, "").unwrap(), Query { limit: 100, ..Query::default() });
        let all = "after=ams1&limit=1000&match=fra&region=eu&set=premium&check=stream&state=enabled&label=provider:a:b";
        let query = read(Kind::Panel, all).unwrap();
        let pairs =
            [("match", "fra"), ("region", "eu"), ("set", "premium"), ("check", "stream"), ("state", "enabled"), ("label", "provider=a:b")];
        let filters = BTreeMap::from(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(query, Query { after: Some("ams1".into()), limit: 1000, filters });
        let query = read(Kind::Hostname, "zone=Panels.Example.&after=A.Panels.Example.").unwrap();
        assert_eq!((query.after.as_deref(), query.filters["zone"].as_str()), (Some("a.panels.example"), "panels.example"));
    }

    #[test]
    fn what_the_kind_has_not_is_refused_with_a_hint() {
        for (kind, text, expected) in [
            (Kind::Panel, "regoin=eu", "unknown parameter `regoin`; did you mean `region`?"),
            (Kind::Region, "zone=a", "unknown parameter `zone`; known here: after, limit, match"),
            (Kind::Panel, "label=a", "`label` is written as key:value, such as label=provider:a"),
            (Kind::Panel, "label=:a", "`label` is written as key:value, such as label=provider:a"),
            (Kind::Panel, "limit=1001", "`limit` is `1001` where a whole number from 1 to 1000 belongs"),
        ] {
            assert_eq!(read(kind, text).unwrap_err().detail(), expected);
        }
    }
}
