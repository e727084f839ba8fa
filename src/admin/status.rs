//! /livez and /readyz: what node says of itself.

use super::bearer::{caller, peer};
use super::door::Door;
use crate::transport::Counts;
use arc_swap::ArcSwap;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fmt;
use std::sync::{Arc, OnceLock};
use utoipa::ToSchema;

/// The body of /readyz.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    /// True while queries are answered; a broken zone beside sound ones does not end that.
    pub ready: bool,
    /// Of the snapshot that answers; 0 before the first.
    pub generation: u64,
    /// What is wrong all the same, or why the node is not ready; one line each.
    pub problems: Vec<String>,
}

/// Written by node, read by handlers; neither waits for the other.
pub struct Status {
    readiness: ArcSwap<Readiness>,
    /// From the moment that queries are answered.
    counting: OnceLock<Counting>,
}

type Counting = Box<dyn Fn() -> Counts + Send + Sync>;

impl Status {
    /// Not ready, because it is starting.
    pub fn starting() -> Self {
        let readiness = Readiness { ready: false, generation: 0, problems: vec!["starting".into()] };
        Self { readiness: ArcSwap::from_pointee(readiness), counting: OnceLock::new() }
    }

    pub fn set(&self, readiness: Readiness) {
        self.readiness.store(Arc::new(readiness));
    }

    /// No longer ready, with the generation it had: load balancers look elsewhere while what is under way is finished.
    pub fn draining(&self) {
        self.readiness.rcu(|old| Readiness { ready: false, generation: old.generation, problems: vec!["draining".into()] });
    }

    /// Who counts queries; the first one stays.
    pub fn counts_by(&self, counting: impl Fn() -> Counts + Send + Sync + 'static) {
        let _ = self.counting.set(Box::new(counting));
    }

    pub(super) fn counts(&self) -> Option<Counts> {
        self.counting.get().map(|count| count())
    }

    pub fn load(&self) -> Arc<Readiness> {
        self.readiness.load_full()
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Status").field("readiness", &self.readiness).finish_non_exhaustive()
    }
}

pub(super) async fn livez() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(State(door): State<Arc<Door>>, request: Request) -> Response {
    let readiness = door.status.load();
    let code = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match may_know_why(&door, &request) {
        true => (code, Json(&*readiness)).into_response(),
        false => (code, Json(Outside { ready: readiness.ready, hidden: readiness.problems.len() })).into_response(),
    }
}

/// What those are told who may not know more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Outside {
    /// True while queries are answered.
    ready: bool,
    /// How many problems there are.
    hidden: usize,
}

/// Problems name zones, files and hosts: for whoever is on this host, or has a token that sees all.
fn may_know_why(door: &Door, request: &Request) -> bool {
    if is_here(request) {
        return true;
    }
    let from = peer(request).to_canonical();
    let has_token = request.headers().contains_key("authorization");
    has_token && caller(door, request.headers(), from).is_ok_and(|caller| caller.sees_all())
}

/// Whoever asks is on this host.
pub(super) fn is_here(request: &Request) -> bool {
    peer(request).to_canonical().is_loopback() && !is_passed_on(request.headers())
}

/// A proxy on this host asks for somebody else.
fn is_passed_on(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name))
}
