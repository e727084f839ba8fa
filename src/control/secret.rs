//! Secrets: written, never shown.

use crate::fleet::Kind;
use serde_json::Value;

/// What is shown instead; sent back, it means the secret that is stored.
pub const MASK: &str = "********";

/// The keys of a kind that hold secrets.
fn keys(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Check => &["password"],
        Kind::Key => &["secret"],
        _ => &[],
    }
}

pub(super) fn mask(kind: Kind, object: &mut Value) {
    for key in keys(kind) {
        if let Some(secret) = object.get_mut(*key) {
            *secret = MASK.into();
        }
    }
    if kind == Kind::Check
        && let Some(Value::String(url)) = object.get_mut("url")
    {
        *url = masked_url(url);
    }
    // Headers may carry credentials.
    if kind == Kind::Check
        && let Some(headers) = object.get_mut("headers").and_then(Value::as_object_mut)
    {
        for (name, value) in headers.iter_mut().filter(|(name, _)| is_credential(name)) {
            let _ = name;
            *value = MASK.into();
        }
    }
}

/// Headers that name no secret; any other may.
fn is_credential(header: &str) -> bool {
    !["accept", "accept-encoding", "accept-language", "cache-control", "content-type", "origin", "range", "referer", "user-agent"]
        .contains(&header.to_ascii_lowercase().as_str())
}

/// A URL without who asks and with what words: `http://********@host/path?********`.
fn masked_url(url: &str) -> String {
    let (url, query) = url.split_once('?').map_or((url, None), |(url, query)| (url, Some(query)));
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or_else(|| host.to_owned(), |(_, host)| format!("{MASK}@{host}"));
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    let query = query.map_or_else(String::new, |query| if query.is_empty() { "?".into() } else { format!("?{MASK}") });
    format!("{scheme}{host}{path}{query}")
}

/// Puts the stored secrets where masks were sent back. The error is the pointer to a mask that stands for nothing.
pub(super) fn unmask(kind: Kind, object: &mut Value, old: Option<&Value>) -> Result<(), String> {
    for key in keys(kind) {
        put_back(object.get_mut(*key), old.and_then(|old| old.get(*key)), || format!("/{key}"))?;
    }
    if kind == Kind::Check
        && let Some(Value::String(url)) = object.get_mut("url")
        && url.contains(MASK)
    {
        let stored = old.and_then(|old| old["url"].as_str()).filter(|stored| masked_url(stored) == *url);
        *url = stored.ok_or("/url")?.to_owned();
    }
    if kind == Kind::Check
        && let Some(headers) = object.get_mut("headers").and_then(Value::as_object_mut)
    {
        for (name, value) in headers.iter_mut().filter(|(name, _)| is_credential(name)) {
            let stored = old.and_then(|old| old.get("headers")).and_then(|headers| headers.get(name));
            put_back(Some(value), stored, || format!("/headers/{}", name.replace('~', "~0").replace('/', "~1")))?;
        }
    }
    Ok(())
}

fn put_back(value: Option<&mut Value>, stored: Option<&Value>, pointer: impl Fn() -> String) -> Result<(), String> {
    match value {
        Some(value) if value == MASK => {
            *value = stored.cloned().ok_or_else(pointer)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A document of the store as it may be shown; None where it is none of the caller's business.
pub(super) fn shown_document(key: &str, value: &[u8]) -> Option<Value> {
    let (shelf, _) = key.split_once('/').unwrap_or((key, ""));
    match shelf {
        "files" | "serials" => None,
        "tokens" => {
            let mut token: Value = serde_json::from_slice(value).ok()?;
            token.as_object_mut()?.shift_remove("hash");
            Some(token)
        }
        "states" => serde_json::from_slice(value).ok(),
        _ => {
            let stored: Value = serde_json::from_slice(value).ok()?;
            let mut object = stored.get("keys")?.clone();
            if let Some(kind) = Kind::from_plural(shelf) {
                mask(kind, &mut object);
            }
            Some(object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mask_that_comes_back_keeps_the_secret() {
        let stored = json!({"kind": "panel-api", "password": "s3cret", "headers": {"Authorization": "Basic x", "Accept": "b", "X-Token": "t"},
            "url": "http://me:pw@{address}:80/a?token=x"});
        let mut shown = stored.clone();
        mask(Kind::Check, &mut shown);
        assert_eq!(
            shown,
            json!({"kind": "panel-api", "password": MASK, "headers": {"Authorization": MASK, "Accept": "b", "X-Token": MASK},
            "url": "http://********@{address}:80/a?********"})
        );
        let mut back = shown.clone();
        unmask(Kind::Check, &mut back, Some(&stored)).unwrap();
        assert_eq!(back, stored);
        assert_eq!(unmask(Kind::Check, &mut shown.clone(), None), Err("/password".into()));
        for (url, masked) in [
            ("http://{address}/live/a.m3u8", "http://{address}/live/a.m3u8"),
            ("http://h?a=b", "http://h?********"),
            ("x", "x"),
            ("http://a@b:1", "http://********@b:1"),
        ] {
            assert_eq!(masked_url(url), masked);
        }
        assert_eq!(unmask(Kind::Check, &mut json!({"url": "http://********@other/"}), Some(&stored)), Err("/url".into()));
        let mut only = json!({"headers": {"authorization": MASK}});
        assert_eq!(unmask(Kind::Check, &mut only, Some(&json!({}))), Err("/headers/authorization".into()));
        // A text that only looks like one elsewhere is left alone.
        let mut panel = json!({"password": MASK});
        unmask(Kind::Panel, &mut panel, None).unwrap();
        assert_eq!(panel["password"], MASK);
    }
}
