//! `/v1/status`, `/v1/explain`, `/v1/audit` and `/v1/history`.

use super::bearer::{Asked, dns_name};
use super::objects::{Doorway, MAX_PAGE, PAGE};
use super::problem::Trouble;
use super::query::Parameters;
use super::reply::Answer;
use crate::control::{AuditQuery, Question};
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::document::{Network, shown};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::net::IpAddr;

pub(super) async fn status(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    Ok(Json(door.control.status(&asked.caller).await?).into_response())
}

pub(super) async fn explain(State(door): Doorway, mut asked: Asked) -> Answer {
    // Chance differs each time, as it does in an answer.
    let question = question(&mut asked.query, getrandom::u64().unwrap_or_default())?;
    asked.finish()?;
    let _turn = door.reading().await;
    Ok(Json(door.control.explain(&asked.caller, &question).await?).into_response())
}

pub(super) async fn audit(State(door): Doorway, mut asked: Asked) -> Answer {
    let mut query = AuditQuery { since_s: asked.query.time("since")?, ..AuditQuery::default() };
    query.object = asked.query.text("object").map(|object| object_name(&object));
    query.before = asked.query.number("before", 0..=u64::MAX)?;
    query.limit = asked.query.number("limit", 1..=MAX_PAGE)?.unwrap_or(PAGE) as usize;
    asked.finish()?;
    let _turn = door.reading().await;
    let mut items = door.control.audit(&asked.caller, &AuditQuery { limit: query.limit + 1, ..query.clone() })?;
    // One more than asked for tells whether there is one.
    let more = items.len() > query.limit;
    items.truncate(query.limit);
    let next = items.last().filter(|_| more).and_then(|last| last["sequence"].as_u64());
    Ok(Json(json!({ "items": items, "next": next })).into_response())
}

pub(super) async fn history(State(door): Doorway, mut asked: Asked) -> Answer {
    let limit = asked.query.number("limit", 1..=MAX_PAGE)?.unwrap_or(PAGE) as usize;
    asked.finish()?;
    let _turn = door.reading().await;
    let query = AuditQuery { object: Some(object_name(asked.name(0))), limit, ..AuditQuery::default() };
    let items: Vec<Value> = door.control.audit(&asked.caller, &query)?;
    Ok(Json(json!({ "items": items })).into_response())
}

/// `zones/Panels.Example.` is `zones/panels.example`.
fn object_name(text: &str) -> String {
    match text.split_once('/') {
        Some((kind @ ("zones" | "hostnames" | "files"), name)) => format!("{kind}/{}", dns_name(name)),
        _ => text.to_owned(),
    }
}

fn question(query: &mut Parameters, seed: u64) -> Result<Question, Trouble> {
    let name = query.text("name").filter(|name| !name.is_empty());
    let name =
        name.ok_or_else(|| Trouble::bad_request("`name` is missing: the name that is asked for, such as name=live.panels.example"))?;
    let name = Name::parse(&name).map_err(|error| Trouble::bad_request(format!("`name` is `{}`: {error}", shown(&name))))?;
    let rtype = rtype(&query.text("type").unwrap_or_else(|| "A".into()))?;
    let client = query.text("client").map(|text| client(&text)).transpose()?;
    let resolver = query.text("resolver").map(|text| {
        let parsed = text.parse::<IpAddr>();
        parsed.map_err(|_| Trouble::bad_request(format!("`resolver` is `{}` where an address belongs", shown(&text))))
    });
    let resolver = match (resolver.transpose()?, client) {
        (Some(resolver), _) => resolver,
        (None, Some(client)) if client.prefix() > 0 => client.address(),
        (None, Some(_)) => return Err(Trouble::bad_request("`client` is everybody, so it is the resolver that counts: give `resolver`")),
        (None, None) => return Err(Trouble::bad_request("whose answer? Give the client's address or network, such as client=203.0.113.7")),
    };
    Ok(Question::new(name, rtype, client, resolver, seed))
}

fn client(text: &str) -> Result<Network, Trouble> {
    Network::parse(text).map_err(|(what, hint)| Trouble::bad_request(format!("`client`: {what}; {hint}")))
}

fn rtype(text: &str) -> Result<Type, Trouble> {
    let Some(rtype) = Type::from_mnemonic(text.as_bytes()) else {
        let meant = Type::meant_by(text.as_bytes()).map(|name| format!("did you mean `{name}`?"));
        let meant = meant.unwrap_or_else(|| "write A, AAAA, HTTPS, SRV, TXT, or a number as TYPE65280".into());
        return Err(Trouble::bad_request(format!("`type` is `{}`, which is not a record type; {meant}", shown(text))));
    };
    match rtype.is_meta() && rtype != Type::ANY {
        true => Err(Trouble::bad_request(format!("`type` is {rtype}, which is nothing that clients ask for"))),
        false => Ok(rtype),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Question, Trouble> {
        let mut query = Parameters::read(Some(text)).unwrap();
        let question = question(&mut query, 7)?;
        query.finish().map(|()| question)
    }

    #[test]
    fn a_question_is_a_name_a_type_and_somebody_who_asks() {
        let question = read("name=live.panels.example&client=203.0.113.0/24").unwrap();
        assert_eq!((question.rtype, question.resolver.to_string()), (Type::A, "203.0.113.0".into()));
        let question = read("name=*.panels.example&type=aaaa&client=2001:db8::/56&resolver=192.0.2.53").unwrap();
        assert_eq!((question.rtype, question.resolver.to_string()), (Type::AAAA, "192.0.2.53".into()));
        for (text, expected) in [
            ("client=192.0.2.1", "`name` is missing"),
            ("name=a", "whose answer?"),
            ("name=a&client=0.0.0.0/0", "`client` is everybody"),
            ("name=a&client=x", "`client`: "),
            ("name=a&resolver=x", "`resolver` is `x`"),
            ("name=a..b&client=192.0.2.1", "`name` is `a..b`: "),
            ("name=a&type=AAA&client=192.0.2.1", "`type` is `AAA`, which is not a record type"),
            ("name=a&type=AXFR&client=192.0.2.1", "`type` is AXFR"),
            ("name=a&client=192.0.2.1&typ=A", "unknown parameter `typ`; did you mean `type`?"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.detail().starts_with(expected), "{}", told.detail());
        }
    }

    #[test]
    fn objects_are_named_as_control_knows_them() {
        for (text, expected) in
            [("zones/Panels.Example.", "zones/panels.example"), ("panels/Fra1.", "panels/Fra1."), ("defaults", "defaults")]
        {
            assert_eq!(object_name(text), expected);
        }
    }
}
