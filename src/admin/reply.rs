//! What came of a verb, as a response.

use super::problem::Trouble;
use super::version;
use crate::control::{Difference, Done, Found};
use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub(super) type Answer = Result<Response, Trouble>;

pub(super) const REVISION: HeaderName = HeaderName::from_static("meridian-revision");
pub(super) const GENERATION: HeaderName = HeaderName::from_static("meridian-generation");

/// What a change would do, or did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Effect {
    /// Nothing was changed.
    dry_run: bool,
    /// Of the store: the one before the change, if nothing was changed.
    revision: u64,
    /// Each object that differs.
    changes: Vec<Changed>,
    /// In words: what changes for whom.
    effect: Vec<String>,
    /// What is right, and perhaps not meant.
    warnings: Vec<String>,
}

/// One object before and after; secrets are masked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changed {
    /// Such as `panels/fra1`, `defaults`, `files/panels.example`, `states/fra1`.
    object: String,
    /// Absent where it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// Absent where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
    /// Of a zone's file: the records that go; the first hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    removed: Vec<String>,
    /// Of a zone's file: the records that come; the first hundred.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    added: Vec<String>,
}

/// What a change of many objects came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Summary {
    /// Of the store.
    revision: u64,
    /// Of the answers that have it.
    generation: u64,
    /// How many objects differ.
    changes: usize,
    /// What is right, and perhaps not meant.
    warnings: Vec<String>,
}

/// How a change that was made is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The object as it is now.
    Object,
    /// How much it was.
    Summary,
    /// All of it, as a dry run tells it.
    Effect,
    /// Nothing more.
    Gone,
}

pub(super) fn done(done: Done, is_dry: bool, told: Told) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(REVISION, done.revision.into());
    headers.insert(GENERATION, done.generation.into());
    if is_dry {
        return (headers, Json(Effect::new(done, true))).into_response();
    }
    let status = if done.is_made { StatusCode::CREATED } else { StatusCode::OK };
    if told != Told::Gone && done.object_revision > 0 {
        headers.insert(header::ETAG, quoted(done.object_revision));
    }
    match told {
        Told::Object => (status, headers, Json(done.object.unwrap_or_else(|| Value::Object(serde_json::Map::new())))).into_response(),
        Told::Summary => {
            let (changes, warnings) = (done.differences.len(), done.warnings);
            let summary = Summary { revision: done.revision, generation: done.generation, changes, warnings };
            (status, headers, Json(summary)).into_response()
        }
        Told::Effect => (headers, Json(Effect::new(done, false))).into_response(),
        Told::Gone => (StatusCode::NO_CONTENT, headers).into_response(),
    }
}

impl Effect {
    fn new(done: Done, dry_run: bool) -> Self {
        let changes = done.differences.into_iter().map(Changed::from).collect();
        Self { dry_run, revision: done.revision, changes, effect: done.effect, warnings: done.warnings }
    }
}

impl From<Difference> for Changed {
    fn from(one: Difference) -> Self {
        Self { object: one.object, before: one.before, after: one.after, removed: one.removed, added: one.added }
    }
}

/// An object, or 304 where the client has this version.
pub(super) fn found(headers: &HeaderMap, found: Found) -> Answer {
    versioned(headers, found.revision, || Json(found.object).into_response())
}

pub(super) fn versioned(headers: &HeaderMap, revision: u64, body: impl FnOnce() -> Response) -> Answer {
    let mut response = if version::is_known(headers, revision)? { StatusCode::NOT_MODIFIED.into_response() } else { body() };
    response.headers_mut().insert(header::ETAG, quoted(revision));
    Ok(response)
}

/// A master file (RFC 4027).
pub(super) fn master_file(text: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "text/dns")], Body::from(text)).into_response()
}

fn quoted(revision: u64) -> HeaderValue {
    // Digits in quotes are always a header's value.
    HeaderValue::try_from(version::tag(revision)).unwrap_or(HeaderValue::from_static("\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    async fn body(response: Response) -> Value {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() }
    }

    fn a_change() -> Done {
        Done {
            revision: 17,
            generation: 9,
            is_made: true,
            differences: vec![Difference { object: "panels/fra1".into(), after: Some(json!({"weight": 2})), ..Difference::default() }],
            effect: vec!["live: more".into()],
            warnings: vec!["odd".into()],
            object: Some(json!({"weight": 2})),
            object_revision: 17,
        }
    }

    #[tokio::test]
    async fn a_change_is_told_as_its_verb_wants() {
        let effect = |dry_run| {
            let changes = json!([{"object": "panels/fra1", "after": {"weight": 2}}]);
            json!({"dry_run": dry_run, "revision": 17, "changes": changes, "effect": ["live: more"], "warnings": ["odd"]})
        };
        for (is_dry, told, status, expected) in [
            (false, Told::Object, 201, json!({"weight": 2})),
            (false, Told::Summary, 201, json!({"revision": 17, "generation": 9, "changes": 1, "warnings": ["odd"]})),
            (false, Told::Effect, 200, effect(false)),
            (false, Told::Gone, 204, Value::Null),
            (true, Told::Object, 200, effect(true)),
            (true, Told::Gone, 200, effect(true)),
        ] {
            let response = done(a_change(), is_dry, told);
            assert_eq!(response.status().as_u16(), status);
            assert_eq!((&response.headers()["meridian-revision"], &response.headers()["meridian-generation"]), (&17.into(), &9.into()));
            let tag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
            assert_eq!(tag, (!is_dry && told != Told::Gone).then(|| "\"17\"".to_owned()));
            assert_eq!(body(response).await, expected);
        }
        let changed = done(Done { is_made: false, ..a_change() }, false, Told::Object);
        assert_eq!(changed.status(), 200);
    }

    #[tokio::test]
    async fn a_version_that_is_known_has_no_body() {
        let object = || Found { object: json!({"a": 1}), revision: 17 };
        let response = found(&HeaderMap::new(), object()).unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["etag"].to_str().unwrap()), (200, "\"17\""));
        assert_eq!(body(response).await, json!({"a": 1}));
        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static("\"17\""))]);
        let response = found(&known, object()).unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["etag"].to_str().unwrap()), (304, "\"17\""));
        assert_eq!(body(response).await, Value::Null);
    }
}
