//! Reading what is sent: how long it may be, how slowly it may come, and of which type it is.

use super::json;
use super::problem::{Trouble, Word};
use crate::control::{Fault, Refusal};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;
use serde_json::Value;
use std::time::Duration;

/// An object of the fleet fills a few kilobytes.
pub(super) const MAX_BODY: usize = 1 << 20;
/// A zone of a million records, a fleet of half a million hostnames.
pub(super) const MAX_LARGE: usize = 64 << 20;
/// A backup has all zones.
pub(super) const MAX_BACKUP: usize = 1 << 30;
/// Until a body is well under way; a slow start is no attack.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes a second on average after that: a modem's, and 64 MiB cannot be dragged out beyond hours.
const LEAST_RATE: u64 = 4096;
/// Bodies longer than this are read away from the threads that answer others.
const LONG: usize = 256 << 10;

/// What `Accept-Patch` says.
pub(super) const PATCHES: &str = "application/merge-patch+json, application/json";

/// The body in whole. `limit` in bytes.
pub(super) async fn bytes(headers: &HeaderMap, body: Body, limit: usize) -> Result<Vec<u8>, Trouble> {
    if headers.contains_key(header::CONTENT_ENCODING) && headers[header::CONTENT_ENCODING] != "identity" {
        return Err(Trouble::new(Word::MediaType, "compressed bodies are not taken; leave out Content-Encoding"));
    }
    // Asked before anything is read: a client that waits for `100 Continue` need not send it at all.
    let told = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|told| told > limit as u64) {
        return Err(too_large(limit));
    }
    let patience = tokio::time::sleep(PATIENCE);
    let first = patience.deadline();
    tokio::pin!(patience);
    let (mut body, mut read) = (body, Vec::new());
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = &mut patience => return Err(Trouble::new(Word::Timeout, format!("the body came at less than {LEAST_RATE} bytes a second"))),
        };
        let Some(frame) = frame else { return Ok(read) };
        let frame = frame.map_err(|_| Trouble::bad_request("the body ends in the middle"))?;
        let Ok(part) = frame.into_data() else { continue };
        if read.len() + part.len() > limit {
            return Err(too_large(limit));
        }
        read.extend_from_slice(&part);
        patience.as_mut().reset(first + Duration::from_millis(read.len() as u64 * 1000 / LEAST_RATE));
    }
}

/// The media type without its parameters, in small letters; None where none is given.
pub(super) fn media_type(headers: &HeaderMap) -> Result<Option<String>, Trouble> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let Some(first) = types.next() else { return Ok(None) };
    let text = first.to_str().ok().filter(|_| types.next().is_none());
    let text = text.ok_or_else(|| Trouble::bad_request("Content-Type is not one media type"))?;
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    for parameter in parts {
        let charset =
            parameter.split_once('=').filter(|(key, _)| key.trim().eq_ignore_ascii_case("charset")).map(|(_, value)| value.trim());
        if charset.is_some_and(|charset| !["utf-8", "utf8", "us-ascii"].contains(&charset.trim_matches('"').to_ascii_lowercase().as_str()))
        {
            return Err(Trouble::new(Word::MediaType, "bodies are UTF-8; send charset=utf-8, or none"));
        }
    }
    Ok(Some(essence))
}

/// Refuses a body that is of none of the types.
pub(super) fn expect(headers: &HeaderMap, types: &[&str], none_is_fine: bool) -> Result<Option<String>, Trouble> {
    let found = media_type(headers)?;
    match &found {
        Some(found) if types.contains(&found.as_str()) => {}
        None if none_is_fine => {}
        _ => {
            let found = found.as_deref().unwrap_or("no Content-Type");
            let trouble =
                Trouble::new(Word::MediaType, format!("found {} where {} belongs", crate::document::shown(found), types.join(" or ")));
            return Err(if types.contains(&"application/merge-patch+json") {
                trouble.with(header::HeaderName::from_static("accept-patch"), HeaderValue::from_static(PATCHES))
            } else {
                trouble
            });
        }
    }
    Ok(found)
}

/// JSON of any kind.
pub(super) async fn json(bytes: Vec<u8>) -> Result<Value, Trouble> {
    off_thread(bytes, json::from_json).await
}

/// A fleet in the form of fleet.toml, as the JSON it stands for.
pub(super) async fn toml(bytes: Vec<u8>) -> Result<Value, Trouble> {
    off_thread(bytes, json::from_toml).await
}

async fn off_thread(bytes: Vec<u8>, read: fn(&[u8]) -> Result<Value, json::Unreadable>) -> Result<Value, Trouble> {
    let result = if bytes.len() <= LONG {
        read(&bytes)
    } else {
        let task = tokio::task::spawn_blocking(move || read(&bytes)).await;
        task.map_err(|_| Trouble::new(Word::StoreGone, "the body could not be read: a fault of meridian's own"))?
    };
    result.map_err(|unreadable| match unreadable {
        json::Unreadable::NotTheLanguage(sentence) => Trouble::bad_request(sentence),
        json::Unreadable::Wrong { what, hint, line } => {
            Refusal::Faults(vec![Fault { line, ..Fault::new(String::new(), what, hint) }]).into()
        }
    })
}

fn too_large(limit: usize) -> Trouble {
    let limit = if limit.is_multiple_of(1 << 30) { format!("{} GiB", limit >> 30) } else { format!("{} MiB", limit >> 20) };
    // The rest of the body is not read, so the connection can't be used again.
    Trouble::new(Word::TooLarge, format!("the body is longer than {limit}")).with(header::CONNECTION, HeaderValue::from_static("close"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::channel::Channel;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let name = |name: &str| header::HeaderName::try_from(name).unwrap();
        pairs.iter().map(|(key, value)| (name(key), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[tokio::test]
    async fn a_body_may_be_as_long_as_the_limit_and_no_longer() {
        let none = HeaderMap::new();
        assert_eq!(bytes(&none, Body::from(vec![1; 100]), 100).await.unwrap().len(), 100);
        let trouble = bytes(&none, Body::from(vec![1; 101]), 100).await.unwrap_err();
        assert_eq!(trouble.word(), Word::TooLarge);
        // Told beforehand: nothing of it is read.
        let (_sender, never) = Channel::<axum::body::Bytes>::new(1);
        let told = headers(&[("content-length", "101")]);
        assert_eq!(bytes(&told, Body::new(never), 100).await.unwrap_err().word(), Word::TooLarge);
        let packed = headers(&[("content-encoding", "gzip")]);
        assert_eq!(bytes(&packed, Body::from("x"), 100).await.unwrap_err().word(), Word::MediaType);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_dawdles_is_given_up() {
        let (mut sender, body) = Channel::<axum::body::Bytes>::new(1);
        let task = tokio::spawn(async move { bytes(&HeaderMap::new(), Body::new(body), MAX_LARGE).await });
        let (mut sent, step) = (0, 100);
        while sender.send_data(axum::body::Bytes::from(vec![0; step])).await.is_ok() {
            sent += step;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(task.await.unwrap().unwrap_err().word(), Word::Timeout);
        assert!(sent < 20 * step, "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_slow_but_sure_is_read() {
        let (mut sender, body) = Channel::<axum::body::Bytes>::new(1);
        let task = tokio::spawn(async move { bytes(&HeaderMap::new(), Body::new(body), MAX_LARGE).await });
        let step = 2 * LEAST_RATE as usize;
        for _ in 0..60 {
            sender.send_data(axum::body::Bytes::from(vec![0; step])).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        drop(sender);
        assert_eq!(task.await.unwrap().unwrap().len(), 60 * step);
    }

    #[test]
    fn media_types_are_told_apart() {
        let types = ["application/merge-patch+json", "application/json"];
        for text in ["application/json", "Application/JSON; charset=UTF-8", "application/merge-patch+json;charset=\"utf-8\""] {
            assert!(expect(&headers(&[("content-type", text)]), &types, false).is_ok(), "{text}");
        }
        for text in ["text/plain", "application/jsonx", "application/json; charset=latin1", ""] {
            assert_eq!(expect(&headers(&[("content-type", text)]), &types, false).unwrap_err().word(), Word::MediaType, "{text}");
        }
        assert_eq!(expect(&HeaderMap::new(), &types, false).unwrap_err().word(), Word::MediaType);
        assert_eq!(expect(&HeaderMap::new(), &types, true).unwrap(), None);
        let twice = headers(&[("content-type", "application/json"), ("content-type", "text/plain")]);
        assert_eq!(expect(&twice, &types, false).unwrap_err().word(), Word::BadRequest);
    }
}
