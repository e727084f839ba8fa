//! `/v1/fleet`, `/v1/revert`, `/v1/backup` and `/v1/restore`: everything at once.

use super::bearer::Asked;
use super::body::{self, MAX_BACKUP, MAX_BODY, MAX_LARGE};
use super::events::Outlet;
use super::fields::Fields;
use super::objects::Doorway;
use super::problem::{Trouble, Word};
use super::reply::{Answer, Told, done, found};
use crate::control::{Change, Refusal, Role};
use crate::document;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, header};
use axum::response::IntoResponse;
use http_body_util::channel::Channel;
use serde_json::{Map, Value};

/// Parts of a backup under way to a client: a slow one holds no more.
const PARTS: usize = 4;

pub(super) async fn show(State(door): Doorway, mut asked: Asked) -> Answer {
    let secrets = asked.query.flag("secrets")?;
    asked.finish()?;
    let _turn = door.reading().await;
    found(&asked.headers, door.control.fleet(&asked.caller, secrets)?)
}

pub(super) async fn put(State(door): Doorway, mut asked: Asked) -> Answer {
    let how = asked.how()?;
    asked.finish()?;
    let language = body::expect(&asked.headers, &["application/json", "application/toml"], false)?;
    let _heavy = door.heavy()?;
    let mut toml = None;
    let fleet = match asked.caller.may_change() {
        true if language.as_deref() == Some("application/toml") => {
            let text = asked.bytes(MAX_LARGE).await?;
            toml = Some(text.clone());
            body::toml(text).await?
        }
        true => body::json(asked.bytes(MAX_LARGE).await?).await?,
        // Refused without the body: control says so, and writes it down.
        false => Value::Object(Map::new()),
    };
    let change = door.control.change(&asked.caller, Change::Fleet(fleet), &how).await;
    let mut change = change.map_err(|refusal| with_lines(refusal, toml.as_deref()))?;
    change.is_made = false;
    Ok(done(change, how.dry_run, Told::Summary))
}

/// Where the body has lines, faults have them too.
fn with_lines(mut refusal: Refusal, toml: Option<&[u8]>) -> Refusal {
    if let (Refusal::Faults(faults), Some(text)) = (&mut refusal, toml)
        && let Some(table) = document::parse(&document::Reader::new(""), text)
    {
        for fault in faults.iter_mut().filter(|fault| fault.line == 0) {
            fault.line = document::line_at(&table, &fault.pointer);
        }
    }
    refusal
}

pub(super) async fn revert(State(door): Doorway, mut asked: Asked) -> Answer {
    let how = asked.how()?;
    asked.finish()?;
    let mut fields = Fields::new(asked.json(MAX_BODY).await?)?;
    fields.needs("revision", "say what is to be taken back: \"revision\": 17");
    let revision = fields.number("revision", 1..=u64::MAX);
    fields.finish()?;
    let change = door.control.change(&asked.caller, Change::Revert(revision.unwrap_or_default()), &how).await?;
    Ok(done(change, how.dry_run, Told::Effect))
}

pub(super) async fn backup(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson")];
    if asked.method == Method::HEAD {
        // What it would be is not worth making it.
        return match asked.caller.role {
            Role::Admin if asked.caller.sees_all() => Ok((headers, Body::empty()).into_response()),
            _ => Err(Trouble::new(Word::Forbidden, "only an admin's token takes backups")),
        };
    }
    let outlet: Outlet = door.outlet()?;
    let mut lines = door.control.backup(&asked.caller).await?;
    let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(PARTS);
    tokio::spawn(async move {
        while let Some(part) = lines.recv().await {
            let part = match part {
                Ok(part) => part,
                Err(sentence) => {
                    tracing::error!("a backup broke off: {sentence}");
                    // The connection breaks in the middle, so nobody takes the part for the whole.
                    return sender.abort(std::io::Error::other(sentence));
                }
            };
            // An error here: the client has gone.
            if sender.send_data(part.into()).await.is_err() {
                return;
            }
        }
        drop(outlet);
    });
    Ok((headers, Body::new(body)).into_response())
}

pub(super) async fn restore(State(door): Doorway, mut asked: Asked) -> Answer {
    let how = asked.how()?;
    asked.finish()?;
    body::expect(&asked.headers, &["application/x-ndjson", "application/octet-stream"], true)?;
    let _heavy = door.heavy()?;
    let lines = if asked.caller.role == Role::Admin { asked.bytes(MAX_BACKUP).await? } else { Vec::new() };
    let change = door.control.change(&asked.caller, Change::Restore(lines), &how).await?;
    Ok(done(change, how.dry_run, Told::Effect))
}
