//! Who asks: the token, and everything else of a request that a verb needs.

use super::problem::{Trouble, Word};
use super::query::Parameters;
use super::status::is_here;
use super::{Door, body, version};
use crate::control::{Caller, How, Role, Scope, Welcome};
use crate::document::did_you_mean;
use crate::fleet::Kind;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// A request's line and its fields; beyond it somebody else's cookies have come along.
const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 64;
/// No token is longer; what is longer is not looked up.
const MAX_TOKEN: usize = 1024;
/// What needs no token.
const OPEN: [&str; 5] = ["/livez", "/readyz", "/openapi.json", "/docs", "/docs.css"];

/// What needs none from this host.
const METRICS: &str = "/metrics";

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// Everything passes here first: the head's size, the token, the places for requests. No body is read.
pub(super) async fn gate(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let mut response = match admit(&door, request) {
        Ok((request, place)) => {
            let response = next.run(request).await;
            drop(place);
            response
        }
        Err(trouble) => trouble.into_response(),
    };
    door.requests.count(response.status());
    let headers = response.headers_mut();
    // Anything here may change at any moment, and much of it is nobody else's business.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

type Place = tokio::sync::OwnedSemaphorePermit;

fn admit(door: &Door, mut request: Request) -> Result<(Request, Option<Place>), Trouble> {
    if request.headers().len() > MAX_HEADERS {
        return Err(Trouble::new(Word::HeaderTooLarge, format!("more than {MAX_HEADERS} header fields")));
    }
    if head_size(&request) > MAX_HEAD {
        return Err(Trouble::new(Word::HeaderTooLarge, format!("the request's head is longer than {} KiB", MAX_HEAD >> 10)));
    }
    if OPEN.contains(&request.uri().path()) {
        return Ok((request, None));
    }
    let needs_none = request.uri().path() == METRICS && is_here(&request) && !request.headers().contains_key(header::AUTHORIZATION);
    let caller = match needs_none {
        true => Caller { who: METRICS.into(), role: Role::Viewer, scope: Scope::All, from: Some(peer(&request)) },
        false => caller(door, request.headers(), peer(&request))?,
    };
    let busy = |_| Trouble::new(Word::Busy, "too many requests are under way; ask again in a second");
    let place = Arc::clone(&door.places.requests).try_acquire_owned().map_err(busy)?;
    request.extensions_mut().insert(caller);
    Ok((request, Some(place)))
}

/// Whose token it is.
pub(super) fn caller(door: &Door, headers: &HeaderMap, from: IpAddr) -> Result<Caller, Trouble> {
    match door.control.welcome(token(headers)?, from) {
        Welcome::Known(caller) => Ok(caller),
        Welcome::Unknown => Err(Trouble::new(Word::Unauthorized, "the token is not known, or no longer")),
        Welcome::Slowed { retry_after_s } => {
            let trouble = Trouble::new(Word::Slowed, format!("too many wrong tokens came from {from}; ask again in {retry_after_s} s"));
            Err(trouble.with(header::RETRY_AFTER, retry_after_s.max(1)))
        }
    }
}

/// What stands behind `Bearer` (RFC 6750).
pub(super) fn token(headers: &HeaderMap) -> Result<&str, Trouble> {
    let missing = |what: &str| Trouble::new(Word::Unauthorized, format!("{what}; send `Authorization: Bearer TOKEN`"));
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let first = given.next().ok_or_else(|| missing("there is no token"))?;
    if given.next().is_some() {
        return Err(missing("there are two tokens"));
    }
    let text = first.to_str().map_err(|_| missing("the token is not text"))?;
    let (scheme, token) = text.split_once(' ').ok_or_else(|| missing("there is no token"))?;
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing("other schemes than Bearer are not known"));
    }
    if token.is_empty() || token.len() > MAX_TOKEN {
        return Err(missing("there is no token that could be one"));
    }
    Ok(token)
}

pub(super) fn peer(request: &Request) -> IpAddr {
    request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
}

fn head_size(request: &Request) -> usize {
    let line = request.method().as_str().len() + request.uri().to_string().len();
    // A colon, a space and the line's end go with each.
    line + request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}

/// A request of somebody who is known, its body not yet read. Not `Debug`: it holds a token.
pub(super) struct Asked {
    pub(super) caller: Caller,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) query: Parameters,
    pub(super) from: IpAddr,
    /// What the path names, decoded.
    names: Vec<String>,
    body: Body,
}

impl<S: Send + Sync> FromRequest<S> for Asked {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &S) -> Result<Self, Trouble> {
        let from = peer(&request);
        let (mut parts, body) = request.into_parts();
        let names = RawPathParams::from_request_parts(&mut parts, state).await;
        let names = names.map_err(|_| Trouble::bad_request("the path is not UTF-8 when decoded"))?;
        // `gate` puts it there; without it nobody is let in.
        let caller = parts.extensions.remove::<Caller>().ok_or_else(|| Trouble::new(Word::Unauthorized, "there is no token"))?;
        Ok(Self {
            caller,
            query: Parameters::read(parts.uri.query())?,
            from,
            names: names.iter().map(|(_, name)| name.to_owned()).collect(),
            method: parts.method,
            headers: parts.headers,
            body,
        })
    }
}

impl Asked {
    /// The `at`th name in the path. The router has seen to it that it is there.
    pub(super) fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    pub(super) fn name_of(&self, kind: Kind, at: usize) -> String {
        spelled(kind, self.name(at))
    }

    pub(super) fn how(&mut self) -> Result<How, Trouble> {
        version::how(&self.headers, &mut self.query)
    }

    /// No more parameters than were taken.
    pub(super) fn finish(&mut self) -> Result<(), Trouble> {
        std::mem::take(&mut self.query).finish()
    }

    pub(super) async fn json(&mut self, limit: usize) -> Result<Value, Trouble> {
        body::expect(&self.headers, &["application/json"], false)?;
        body::json(self.bytes(limit).await?).await
    }

    pub(super) async fn patch(&mut self) -> Result<Value, Trouble> {
        body::expect(&self.headers, &["application/merge-patch+json", "application/json"], false)?;
        body::json(self.bytes(body::MAX_BODY).await?).await
    }

    pub(super) async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Trouble> {
        body::bytes(&self.headers, std::mem::take(&mut self.body), limit).await
    }
}

/// As control knows it: DNS names in small letters without the last dot.
pub(super) fn spelled(kind: Kind, name: &str) -> String {
    if kind.is_named_by_dns() { dns_name(name) } else { name.to_owned() }
}

pub(super) fn dns_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.strip_suffix('.') {
        None | Some("") => name,
        // A dot behind an odd number of backslashes is part of the label.
        Some(rest) if (rest.len() - rest.trim_end_matches('\\').len()) % 2 == 1 => name,
        Some(rest) => rest.to_owned(),
    }
}

/// There is nothing at this path.
pub(super) async fn nowhere(request: Request) -> Trouble {
    let path: String = request.uri().path().chars().take(MAX_SHOWN_PATH).collect();
    let known = Kind::ALL.iter().map(|kind| kind.plural());
    let known =
        known.chain(["defaults", "fleet", "status", "explain", "events", "audit", "history", "revert", "tokens", "backup", "restore"]);
    let guess = match path.strip_prefix("/v1/").map(|rest| rest.split('/').next().unwrap_or_default()) {
        Some(first) if known.clone().any(|known| known == first) => "/docs tells what there is below it".to_owned(),
        Some(first) => did_you_mean(first, known),
        None => did_you_mean(path.trim_end_matches('/'), OPEN.into_iter().chain([METRICS, "/v1"])),
    };
    let hint = if guess.is_empty() { "/docs tells what there is".to_owned() } else { guess };
    Trouble::new(Word::NotFound, format!("there is nothing at {path}; {hint}"))
}

/// axum adds `Allow`.
pub(super) async fn not_this_way(method: Method) -> Trouble {
    Trouble::new(Word::NotAllowed, format!("{method} is not possible here; `Allow` says what is"))
}

/// Longer paths are not repeated in full: the asker knows what was asked.
const MAX_SHOWN_PATH: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stand_behind_bearer() {
        let read = |lines: &[&str]| {
            let headers: HeaderMap = lines.iter().map(|line| (header::AUTHORIZATION, HeaderValue::from_str(line).unwrap())).collect();
            token(&headers).map(str::to_owned).map_err(|trouble| trouble.word())
        };
        for line in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(read(&[line]), Ok("abc".into()), "{line}");
        }
        let long = format!("Bearer {}", "a".repeat(MAX_TOKEN + 1));
        for lines in [&[][..], &[""], &["abc"], &["Bearer"], &["Bearer "], &["Basic abc"], &["Bearer a", "Bearer b"], &[&long]] {
            assert_eq!(read(lines), Err(Word::Unauthorized), "{lines:?}");
        }
    }

    #[test]
    fn dns_names_are_in_small_letters_without_the_last_dot() {
        for (name, expected) in [
            ("Live.Panels.Example.", "live.panels.example"),
            ("*.panels.example", "*.panels.example"),
            (".", "."),
            ("a\\.", "a\\."),
            ("a\\\\.", "a\\\\"),
            ("", ""),
        ] {
            assert_eq!(spelled(Kind::Hostname, name), expected);
        }
        assert_eq!(spelled(Kind::Panel, "Fra1."), "Fra1.");
    }
}
