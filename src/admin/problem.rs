//! What is said when something is not done: RFC 9457.

use crate::control::{Fault, Refusal};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What kind of problem it is: the word at the end of its `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    NotAllowed,
    ReadOnly,
    Timeout,
    InUse,
    Shrinks,
    Stale,
    TooLarge,
    MediaType,
    Invalid,
    Slowed,
    HeaderTooLarge,
    StoreGone,
    StoreFull,
    Busy,
    Late,
}

impl Word {
    pub(super) const ALL: [Self; 19] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::NotAllowed,
        Self::ReadOnly,
        Self::Timeout,
        Self::InUse,
        Self::Shrinks,
        Self::Stale,
        Self::TooLarge,
        Self::MediaType,
        Self::Invalid,
        Self::Slowed,
        Self::HeaderTooLarge,
        Self::StoreGone,
        Self::StoreFull,
        Self::Busy,
        Self::Late,
    ];

    /// Headers that come with it.
    pub(super) fn headers(self) -> &'static [&'static str] {
        match self {
            Self::Unauthorized => &["WWW-Authenticate"],
            Self::Slowed | Self::Busy | Self::Late => &["Retry-After"],
            Self::NotAllowed | Self::ReadOnly => &["Allow"],
            _ => &[],
        }
    }

    /// The word, the status and the title.
    pub(super) fn said(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", StatusCode::BAD_REQUEST, "The request cannot be read"),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "A token is needed"),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN, "The token does not allow this"),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "There is no such thing"),
            Self::NotAllowed => ("not-allowed", StatusCode::METHOD_NOT_ALLOWED, "The method is not possible here"),
            Self::ReadOnly => ("read-only", StatusCode::METHOD_NOT_ALLOWED, "The fleet is changed in its files"),
            Self::Timeout => ("timeout", StatusCode::REQUEST_TIMEOUT, "The request came too slowly"),
            Self::InUse => ("in-use", StatusCode::CONFLICT, "Others refer to it"),
            Self::Shrinks => ("shrinks", StatusCode::CONFLICT, "It would take much away"),
            Self::Stale => ("stale", StatusCode::PRECONDITION_FAILED, "It has another version now"),
            Self::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too long"),
            Self::MediaType => ("media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is of the wrong type"),
            Self::Invalid => ("invalid", StatusCode::UNPROCESSABLE_ENTITY, "What was sent is not right"),
            Self::Slowed => ("slowed", StatusCode::TOO_MANY_REQUESTS, "Too many wrong tokens"),
            Self::HeaderTooLarge => ("header-too-large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's head is too long"),
            Self::StoreGone => ("store-gone", StatusCode::SERVICE_UNAVAILABLE, "The store cannot be written now"),
            Self::StoreFull => ("store-full", StatusCode::INSUFFICIENT_STORAGE, "The disk is full"),
            Self::Busy => ("busy", StatusCode::SERVICE_UNAVAILABLE, "Too much is asked at once"),
            Self::Late => ("late", StatusCode::SERVICE_UNAVAILABLE, "The node did not answer in time"),
        }
    }
}

/// A problem document (RFC 9457). What does not apply is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Problem {
    /// Which kind of problem it is: `/problems/` and a word.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// The status of the response.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, in a sentence.
    detail: String,
    /// Each thing that is wrong with what was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Wrong>,
    /// The objects that refer to it, such as `sets/premium`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    users: Vec<String>,
    /// How many more the token may not see.
    #[serde(skip_serializing_if = "is_zero")]
    #[schema(required = false)]
    hidden: usize,
}

/// One thing that is wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Wrong {
    /// Where in the body (RFC 6901); empty for the whole of it.
    pointer: String,
    /// The object or key as people call it.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    path: String,
    /// What is wrong.
    detail: String,
    /// What would be right.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    hint: String,
    /// The line, counted from 1, where the body is text.
    #[serde(skip_serializing_if = "is_nothing")]
    #[schema(required = false)]
    line: u32,
}

/// Why a request was not answered as wanted; becomes the response.
#[derive(Debug)]
pub(super) struct Trouble(Box<Parts>);

#[derive(Debug)]
struct Parts {
    word: Word,
    problem: Problem,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Trouble {
    pub(super) fn new(word: Word, detail: impl Into<String>) -> Self {
        let (name, status, title) = word.said();
        let problem = Problem {
            kind: format!("/problems/{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            users: Vec::new(),
            hidden: 0,
        };
        let headers = match word {
            Word::Unauthorized => vec![(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"meridian\""))],
            Word::Busy | Word::Late => vec![(header::RETRY_AFTER, HeaderValue::from_static("1"))],
            // What is left of the body would be taken for the next request.
            Word::Timeout | Word::HeaderTooLarge => vec![(header::CONNECTION, HeaderValue::from_static("close"))],
            _ => Vec::new(),
        };
        Self(Box::new(Parts { word, problem, headers }))
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(Word::BadRequest, detail)
    }

    /// With one thing that is wrong at `pointer`.
    pub(super) fn invalid(pointer: &str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Refusal::fault(pointer, detail, hint).into()
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        // A value is made of words and numbers of ours.
        if let Ok(value) = value.try_into() {
            self.0.headers.push((name, value));
        }
        self
    }

    #[cfg(test)]
    pub(super) fn word(&self) -> Word {
        self.0.word
    }

    #[cfg(test)]
    pub(super) fn detail(&self) -> &str {
        &self.0.problem.detail
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound(what) => Self::new(Word::NotFound, what),
            Refusal::Forbidden(what) => Self::new(Word::Forbidden, what),
            Refusal::InUse { what, users, hidden } => {
                let mut trouble = Self::new(Word::InUse, what);
                trouble.0.problem.users = users;
                trouble.0.problem.hidden = hidden;
                trouble
            }
            Refusal::Stale(what) => Self::new(Word::Stale, what),
            Refusal::Faults(faults) => {
                let detail = match faults.as_slice() {
                    [one] => sentence(one),
                    many => format!("{} things are wrong; `errors` has each", many.len()),
                };
                let mut trouble = Self::new(Word::Invalid, detail);
                trouble.0.problem.errors = faults.into_iter().map(Wrong::from).collect();
                trouble
            }
            Refusal::Shrinks(what) => Self::new(Word::Shrinks, format!("{}; `?force=true` says that it is meant", what.join("; "))),
            // RFC 9110 §15.5.6 asks for `Allow` with every 405.
            Refusal::ReadOnly(what) => Self::new(Word::ReadOnly, what).with(header::ALLOW, "GET, HEAD"),
            Refusal::TooLarge(what) => Self::new(Word::TooLarge, what),
            Refusal::Full(what) => Self::new(Word::StoreFull, what),
            Refusal::Gone(what) => Self::new(Word::StoreGone, what),
            Refusal::Late(what) => Self::new(Word::Late, what),
        }
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self { pointer: fault.pointer, path: fault.path, detail: fault.what, hint: fault.hint, line: fault.line }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let Parts { word, problem, headers } = *self.0;
        // Texts and numbers always have a JSON form.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = word.said().1;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.headers_mut().extend(headers);
        response
    }
}

fn sentence(fault: &Fault) -> String {
    let mut text = String::new();
    if !fault.path.is_empty() {
        text += &format!("{}: ", fault.path);
    }
    text += &fault.what;
    if !fault.hint.is_empty() {
        text += &format!("; {}", fault.hint);
    }
    text
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn is_nothing(line: &u32) -> bool {
    *line == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    async fn read(trouble: Trouble) -> (Response, Value) {
        let response = trouble.into_response();
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (Response::from_parts(head, Body::empty()), serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn every_refusal_has_its_status_and_its_word() {
        let text = || "x".to_owned();
        for (refusal, status, word) in [
            (Refusal::NotFound(text()), 404, "not-found"),
            (Refusal::Forbidden(text()), 403, "forbidden"),
            (Refusal::InUse { what: text(), users: vec!["sets/a".into()], hidden: 2 }, 409, "in-use"),
            (Refusal::Stale(text()), 412, "stale"),
            (Refusal::fault("/a", "x", ""), 422, "invalid"),
            (Refusal::Shrinks(vec![text()]), 409, "shrinks"),
            (Refusal::ReadOnly(text()), 405, "read-only"),
            (Refusal::TooLarge(text()), 413, "too-large"),
            (Refusal::Full(text()), 507, "store-full"),
            (Refusal::Gone(text()), 503, "store-gone"),
            (Refusal::Late(text()), 503, "late"),
        ] {
            let (response, body) = read(refusal.into()).await;
            assert_eq!((response.status().as_u16(), &body["status"]), (status, &json!(status)));
            assert_eq!(body["type"], json!(format!("/problems/{word}")));
            assert_eq!(response.headers()["content-type"], "application/problem+json");
        }
    }

    #[tokio::test]
    async fn what_does_not_apply_is_left_out() {
        let (_, body) = read(Refusal::NotFound("there is no panel `x`".into()).into()).await;
        let expected =
            json!({"type": "/problems/not-found", "title": "There is no such thing", "status": 404, "detail": "there is no panel `x`"});
        assert_eq!(body, expected);
        let (_, body) = read(Refusal::InUse { what: "used".into(), users: vec!["sets/premium".into()], hidden: 2 }.into()).await;
        assert_eq!((&body["users"], &body["hidden"]), (&json!(["sets/premium"]), &json!(2)));
        let fault = Fault { line: 3, path: "panel fra1: addresses".into(), ..Fault::new("/addresses/0", "no address", "write one") };
        let (_, body) = read(Refusal::Faults(vec![fault]).into()).await;
        assert_eq!(body["detail"], json!("panel fra1: addresses: no address; write one"));
        let error =
            json!({"pointer": "/addresses/0", "path": "panel fra1: addresses", "detail": "no address", "hint": "write one", "line": 3});
        assert_eq!(body["errors"], json!([error]));
    }

    #[tokio::test]
    async fn headers_say_what_to_do() {
        for (word, name) in [(Word::Unauthorized, "www-authenticate"), (Word::Busy, "retry-after"), (Word::Timeout, "connection")] {
            assert!(read(Trouble::new(word, "x")).await.0.headers().contains_key(name), "{name}");
        }
        let words: std::collections::BTreeSet<_> = Word::ALL.iter().map(|word| word.said().0).collect();
        assert_eq!(words.len(), Word::ALL.len());
        let (response, _) = read(Refusal::ReadOnly("files".into()).into()).await;
        assert_eq!(response.headers()["allow"], "GET, HEAD");
    }
}
