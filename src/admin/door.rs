//! Which path leads where.

use super::bearer::{Asked, gate, not_this_way, nowhere};
use super::events::{self, Outlet};
use super::objects::{self, Doorway};
use super::problem::{Trouble, Word};
use super::status::{Status, livez, readyz};
use super::tls::Certificate;
use super::{docs, fleet, look, metrics, panels, tokens, zones};
use crate::clock;
use crate::control::Control;
use crate::fleet::Kind;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// At once; each is answered in milliseconds, so more only wait for each other.
const MAX_REQUESTS: usize = 64;
/// Long readings at once: fewer than the API has threads, so that somebody always answers the short ones.
const MAX_READING: usize = 2;
/// Bodies of up to 64 MiB at once; each takes several times its length while it is read.
const MAX_HEAVY: usize = 2;
/// Streams of events and backups at once; each holds a connection for long.
const MAX_STREAMS: usize = 64;

/// What stands behind the API.
#[derive(Debug)]
pub struct Door {
    pub(super) control: Control,
    pub(super) status: Arc<Status>,
    /// Without one what is said can be read on the way.
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) places: Places,
    pub(super) requests: Requests,
    /// When this node began.
    pub(super) started_s: u64,
    /// Changes when the node stops.
    pub(super) stopped: watch::Receiver<bool>,
}

#[derive(Debug)]
pub(super) struct Places {
    pub(super) requests: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// How many requests were answered with a status of 100 on, 200 on, and so on.
#[derive(Debug, Default)]
pub(super) struct Requests([AtomicU64; 5]);

impl Requests {
    pub(super) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        self.0[class.min(self.0.len() - 1)].fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> [u64; 5] {
        self.0.each_ref().map(|count| count.load(Relaxed))
    }
}

impl Door {
    pub fn new(control: Control, status: Arc<Status>, stopped: watch::Receiver<bool>) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        let places =
            Places { requests: places(MAX_REQUESTS), heavy: places(MAX_HEAVY), reading: places(MAX_READING), streams: places(MAX_STREAMS) };
        let (requests, started_s) = (Requests::default(), clock::now().wall_s);
        Self { control, status, certificate: None, places, requests, started_s, stopped }
    }

    /// Everything over TLS from here on.
    pub fn secured(self, certificate: Option<Certificate>) -> Self {
        Self { certificate: certificate.map(Arc::new), ..self }
    }

    /// A place for a long body.
    /// Waits for a turn to read what is long: the log, a zone, the whole fleet. Short questions are answered meanwhile.
    pub(super) async fn reading(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places.reading).acquire_owned().await.ok()
    }

    pub(super) fn heavy(&self) -> Result<OwnedSemaphorePermit, Trouble> {
        let busy = |_| Trouble::new(Word::Busy, format!("{MAX_HEAVY} long bodies are under way; send yours when they are through"));
        Arc::clone(&self.places.heavy).try_acquire_owned().map_err(busy)
    }

    /// A place for a stream.
    pub(super) fn outlet(&self) -> Result<Outlet, Trouble> {
        let busy = |_| Trouble::new(Word::Busy, format!("{MAX_STREAMS} streams are open; close one"));
        Arc::clone(&self.places.streams).try_acquire_owned().map_err(busy)
    }
}

pub(super) fn router(door: Arc<Door>) -> Router {
    routes().layer(from_fn_with_state(Arc::clone(&door), gate)).with_state(door)
}

/// Without the gate before them.
pub(super) fn routes() -> Router<Arc<Door>> {
    let mut router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/openapi.json", get(docs::openapi))
        .route("/docs", get(docs::docs))
        .route("/docs.css", get(docs::style))
        .route("/v1/defaults", get(objects::show_defaults).put(objects::put_defaults).patch(objects::patch_defaults))
        .route("/v1/zones/{zone}/file", get(zones::show_file).put(zones::put_file))
        .route("/v1/zones/{zone}/records", get(zones::list))
        .route("/v1/zones/{zone}/records/{name}/{type}", get(zones::show).put(zones::put).delete(zones::delete))
        .route("/v1/panels/{name}/state", get(panels::show_state).post(panels::set_state).delete(panels::drop_state))
        .route("/v1/panels/{name}/heartbeat", post(panels::report))
        .route("/v1/panels/{name}/health", get(panels::health))
        .route("/v1/panels/{name}/hold", delete(panels::unhold))
        .route("/v1/fleet", get(fleet::show).put(fleet::put))
        .route("/v1/status", get(look::status))
        .route("/v1/explain", get(look::explain))
        .route("/v1/audit", get(look::audit))
        .route("/v1/history/{*object}", get(look::history))
        .route("/v1/events", get(events::events))
        .route("/v1/revert", post(fleet::revert))
        .route("/v1/tokens", get(tokens::list).post(tokens::make))
        .route("/v1/tokens/{name}", delete(tokens::delete))
        .route("/v1/backup", get(fleet::backup))
        .route("/v1/restore", post(fleet::restore));
    for kind in Kind::ALL {
        let plural = kind.plural();
        let name = if kind == Kind::Zone { "zone" } else { "name" };
        router = router.route(&format!("/v1/{plural}"), get(move |door: Doorway, asked: Asked| objects::list(kind, door, asked)));
        router = router.route(&format!("/v1/{plural}/{{{name}}}"), object(kind));
    }
    router.fallback(nowhere).method_not_allowed_fallback(not_this_way)
}

fn object(kind: Kind) -> MethodRouter<Arc<Door>> {
    get(move |door: Doorway, asked: Asked| objects::show(kind, door, asked))
        .put(move |door: Doorway, asked: Asked| objects::put(kind, door, asked))
        .patch(move |door: Doorway, asked: Asked| objects::patch(kind, door, asked))
        .delete(move |door: Doorway, asked: Asked| objects::delete(kind, door, asked))
}
