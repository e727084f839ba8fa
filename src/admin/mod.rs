//! The HTTP door: for now whether the node lives and whether it answers.
//!
//! Owns   the shapes of HTTP answers, and the limits on those who ask.
//! Takes  a listener, and a `Status` that node writes.
//! Gives  /livez and /readyz.
//! Never  decides anything: it says what node told it. Never sees the store, compile or a snapshot.

mod serve;
mod status;

pub use serve::serve;
pub use status::{Readiness, Status};

use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::sync::Arc;

fn router(status: Arc<Status>) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(status)
}

async fn livez() -> &'static str {
    "ok\n"
}

async fn readyz(State(status): State<Arc<Status>>) -> Response {
    let readiness = status.load();
    let code = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // A proxy that remembers readiness would hide a node that stopped.
    (code, [(header::CACHE_CONTROL, "no-store")], Json(&*readiness)).into_response()
}

async fn not_found(uri: Uri) -> Response {
    let path: String = uri.path().chars().take(MAX_SHOWN_PATH).collect();
    problem(StatusCode::NOT_FOUND, format!("there is nothing at {path}; /livez and /readyz are here"))
}

async fn method_not_allowed(method: Method) -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not possible here; use GET"))
}

/// Longer paths are not repeated in full: the asker knows what was asked.
const MAX_SHOWN_PATH: usize = 200;

/// RFC 9457.
fn problem(code: StatusCode, detail: String) -> Response {
    let title = code.canonical_reason().unwrap_or_default();
    let body = serde_json::json!({ "type": "about:blank", "title": title, "status": code.as_u16(), "detail": detail });
    (code, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
