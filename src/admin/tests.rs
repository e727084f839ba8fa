//! Every path as somebody who is known finds it.

use super::Door;
use super::door::routes;
use super::status::Status;
use crate::control::Caller;
use axum::body::Body;
use axum::extract::{Extension, Request};
use axum::http::{Method, header};
use axum::response::Response;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::watch;

/// What every test in this room that needs a door stands before.
pub(super) fn door() -> Door {
    let (_, stopped) = watch::channel(false);
    Door::new(crate::control::scratch("a token of the tests"), Arc::new(Status::starting()), stopped)
}

/// Asks as the node itself, which may do all.
pub(super) async fn ask(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (Response, Value) {
    let router = routes().layer(Extension(Caller::node())).with_state(Arc::new(door()));
    let mut request = Request::builder().method(Method::try_from(method).unwrap()).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let (head, body) = TowerToHyperService::new(router).call(request).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (Response::from_parts(head, Body::empty()), body)
}

const METHODS: [&str; 9] = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "FROB"];

#[tokio::test]
async fn every_path_says_which_methods_it_has() {
    for (path, allowed) in [
        ("/livez", "GET,HEAD"),
        ("/v1/panels", "GET,HEAD"),
        ("/v1/panels/fra1", "DELETE,GET,HEAD,PATCH,PUT"),
        ("/v1/zones/panels.example", "DELETE,GET,HEAD,PATCH,PUT"),
        ("/v1/zones/./file", "GET,HEAD,PUT"),
        ("/v1/zones/panels.example/records", "GET,HEAD"),
        ("/v1/zones/panels.example/records/%2A.panels.example/A", "DELETE,GET,HEAD,PUT"),
        ("/v1/defaults", "GET,HEAD,PATCH,PUT"),
        ("/v1/fleet", "GET,HEAD,PUT"),
        ("/v1/panels/fra1/state", "DELETE,GET,HEAD,POST"),
        ("/v1/panels/fra1/heartbeat", "POST"),
        ("/v1/history/panels/fra1", "GET,HEAD"),
        ("/v1/history/defaults", "GET,HEAD"),
        ("/v1/tokens", "GET,HEAD,POST"),
        ("/v1/tokens/deploy", "DELETE"),
        ("/v1/revert", "POST"),
        ("/v1/backup", "GET,HEAD"),
        ("/v1/restore", "POST"),
    ] {
        for method in METHODS {
            let (response, body) = ask(method, path, &[], "").await;
            let is_allowed = allowed.split(',').any(|word| word == method);
            assert_eq!(response.status() == 405, !is_allowed, "{method} {path}: {}", response.status());
            if !is_allowed {
                let mut told: Vec<_> = response.headers()[header::ALLOW].to_str().unwrap().split(',').map(str::trim).collect();
                told.sort_unstable();
                assert_eq!(told.join(","), allowed, "{method} {path}");
                // Nothing that HEAD gets has a body.
                let word = (method != "HEAD").then_some("/problems/not-allowed");
                assert_eq!(body["type"].as_str(), word, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn where_nothing_is_a_hint_tells_what_may_be_meant() {
    for (path, expected) in [
        ("/v1/panel", "there is nothing at /v1/panel; did you mean `panels`?"),
        ("/v1/hostname/a", "there is nothing at /v1/hostname/a; did you mean `hostnames`?"),
        ("/v1/panels/", "there is nothing at /v1/panels/; /docs tells what there is below it"),
        ("/v1/panels/a/b", "there is nothing at /v1/panels/a/b; /docs tells what there is below it"),
        ("/lives", "there is nothing at /lives; did you mean `/livez`?"),
        ("/", "there is nothing at /; /docs tells what there is"),
    ] {
        let (response, body) = ask("GET", path, &[], "").await;
        assert_eq!((response.status().as_u16(), body["detail"].as_str()), (404, Some(expected)));
    }
    let (response, _) = ask("GET", "/v1/panels/%ff", &[], "").await;
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let json = ("content-type", "application/json");
    for (method, path, headers, body, status, word) in [
        ("PUT", "/v1/panels/fra1", &[json][..], "{", 400, "bad-request"),
        ("PUT", "/v1/panels/fra1", &[json], "{\"weight\": 1, \"weight\": 2}", 422, "invalid"),
        ("PUT", "/v1/panels/fra1", &[], "{}", 415, "media-type"),
        ("PUT", "/v1/panels/fra1", &[("content-type", "application/merge-patch+json")], "{}", 415, "media-type"),
        ("PATCH", "/v1/panels/fra1", &[("content-type", "text/plain")], "{}", 415, "media-type"),
        ("PUT", "/v1/panels/fra1?dryrun=true", &[json], "{}", 400, "bad-request"),
        ("PUT", "/v1/panels/fra1", &[json, ("if-match", "17")], "{}", 400, "bad-request"),
        ("PUT", "/v1/panels/fra1", &[json, ("content-length", "1048577")], "{}", 413, "too-large"),
        ("PUT", "/v1/fleet", &[("content-type", "application/toml")], "[[panel]]\nname = ", 400, "bad-request"),
        ("PUT", "/v1/fleet", &[("content-type", "application/toml")], "d = 2020-01-01", 422, "invalid"),
        ("PUT", "/v1/zones/a/file", &[json], "", 415, "media-type"),
        ("POST", "/v1/panels/fra1/state", &[json], "{\"state\": \"off\"}", 422, "invalid"),
        ("POST", "/v1/panels/fra1/heartbeat", &[json], "[]", 422, "invalid"),
        ("POST", "/v1/revert", &[json], "{}", 422, "invalid"),
        ("GET", "/v1/explain", &[], "", 400, "bad-request"),
        ("GET", "/v1/panels?limit=0", &[], "", 400, "bad-request"),
    ] {
        let (response, told) = ask(method, path, headers, body).await;
        assert_eq!(response.status().as_u16(), status, "{method} {path} {body}: {told}");
        assert_eq!(told["type"].as_str(), Some(format!("/problems/{word}").as_str()), "{method} {path} {body}");
        assert_eq!(response.headers().contains_key("accept-patch"), method == "PATCH", "{method} {path} {body}");
    }
}
