//! `/v1/events`: what happens, as it happens (server-sent events).

use super::Door;
use super::bearer::{Asked, token};
use super::objects::Doorway;
use super::problem::Trouble;
use super::reply::Answer;
use crate::control::{Caller, Happening, Welcome};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, header};
use axum::response::IntoResponse;
use http_body_util::channel::{Channel, Sender};
use serde_json::json;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;

/// A comment so often: proxies close what is silent, and a client that has gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events under way to one client; a slower one falls behind in control's own queue, and begins anew when it is lost there.
const QUEUE: usize = 16;

/// A place among the streams; held as long as one runs.
pub(super) type Outlet = tokio::sync::OwnedSemaphorePermit;

pub(super) async fn events(State(door): Doorway, mut asked: Asked) -> Answer {
    let after = after(&asked.headers, &mut asked.query)?;
    asked.finish()?;
    let token = token(&asked.headers)?.to_owned();
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store, no-transform")];
    if asked.method == Method::HEAD {
        return Ok((headers, Body::empty()).into_response());
    }
    let outlet = door.outlet()?;
    let found = door.control.happenings(&asked.caller, after)?;
    // What came since is forgotten: the client is told to look at everything anew.
    let is_reset = found.is_none();
    let (known, coming) = match found {
        Some(found) => found,
        None => door.control.happenings(&asked.caller, None)?.ok_or_else(|| Trouble::bad_request("no events can be had"))?,
    };
    let (sender, body) = Channel::<Bytes>::new(QUEUE);
    let stream =
        Stream { door, token, from: asked.from, caller: asked.caller, sender, coming, last: after.filter(|_| !is_reset), _outlet: outlet };
    tokio::spawn(stream.run(is_reset, known));
    Ok((headers, Body::new(body)).into_response())
}

/// The last event that the client has seen: what its library says, else what the address says.
fn after(headers: &HeaderMap, query: &mut super::query::Parameters) -> Result<Option<u64>, Trouble> {
    let asked = query.number("after", 0..=u64::MAX)?;
    match headers.get("last-event-id").filter(|id| !id.is_empty()) {
        None => Ok(asked),
        Some(id) => match id.to_str().ok().and_then(|id| id.parse().ok()) {
            Some(id) => Ok(Some(id)),
            None => Err(Trouble::bad_request("Last-Event-ID is no number that an event here has had")),
        },
    }
}

struct Stream {
    door: Arc<Door>,
    token: String,
    from: IpAddr,
    caller: Caller,
    sender: Sender<Bytes>,
    coming: Receiver<Arc<Happening>>,
    /// The last one sent.
    last: Option<u64>,
    _outlet: Outlet,
}

impl Stream {
    async fn run(mut self, is_reset: bool, known: Vec<Arc<Happening>>) {
        if is_reset && self.say(reset()).await.is_err() {
            return;
        }
        for happening in known {
            if self.tell(&happening).await.is_err() {
                return;
            }
        }
        let mut stopped = self.door.stopped.clone();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // An interval begins with a tick.
        heartbeat.reset();
        loop {
            let said = tokio::select! {
                coming = self.coming.recv() => match coming {
                    Ok(happening) => self.tell(&happening).await,
                    Err(RecvError::Lagged(_)) => self.say(reset()).await,
                    Err(RecvError::Closed) => return,
                },
                _ = heartbeat.tick() => {
                    if !self.is_still_welcome() {
                        return;
                    }
                    self.say(": still here\n\n".into()).await
                }
                _ = stopped.changed() => return,
            };
            if said.is_err() {
                return;
            }
        }
    }

    async fn tell(&mut self, happening: &Happening) -> Result<(), ()> {
        // One that came while the past was collected is in both.
        let is_told = self.last.is_some_and(|last| happening.id <= last);
        if is_told || !self.door.control.may_see(&self.caller, happening) {
            return Ok(());
        }
        self.last = Some(happening.id);
        self.say(event(happening)).await
    }

    async fn say(&mut self, text: String) -> Result<(), ()> {
        self.sender.send_data(text.into()).await.map_err(|_| ())
    }

    /// A token that is taken away ends what it opened; one whose scope has changed sees what it may now.
    fn is_still_welcome(&mut self) -> bool {
        match self.door.control.welcome(&self.token, self.from) {
            Welcome::Known(caller) => {
                self.caller = caller;
                true
            }
            Welcome::Unknown | Welcome::Slowed { .. } => false,
        }
    }
}

const RESET: &str = "reset";

/// The client has missed something: what it knows may be old.
fn reset() -> String {
    format!("event: {RESET}\ndata: {{}}\n\n")
}

fn event(happening: &Happening) -> String {
    let mut body = happening.body.clone();
    if let Some(body) = body.as_object_mut() {
        body.entry("at").or_insert(json!(happening.at_s));
    }
    // JSON in one piece has no line break.
    format!("id: {}\nevent: {}\ndata: {body}\n\n", happening.id, happening.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn an_event_is_three_lines_and_an_empty_one() {
        let body = json!({"object": "panels/fra1", "reason": "a\nb"});
        let happening = Happening { id: 7, kind: "change", at_s: 1_700_000_000, body, objects: vec!["panels/fra1".into()] };
        let expected = "id: 7\nevent: change\ndata: {\"object\":\"panels/fra1\",\"reason\":\"a\\nb\",\"at\":1700000000}\n\n";
        assert_eq!(event(&happening), expected);
        assert_eq!(reset(), "event: reset\ndata: {}\n\n");
    }

    #[test]
    fn a_client_goes_on_where_it_was() {
        let read = |id: Option<&str>, query: &str| {
            let headers = id.map(|id| (header::HeaderName::from_static("last-event-id"), HeaderValue::from_str(id).unwrap()));
            let mut query = super::super::query::Parameters::read(Some(query)).unwrap();
            after(&headers.into_iter().collect(), &mut query).ok()
        };
        assert_eq!(read(None, ""), Some(None));
        assert_eq!(read(None, "after=7"), Some(Some(7)));
        assert_eq!(read(Some("9"), "after=7"), Some(Some(9)));
        assert_eq!(read(Some(""), "after=7"), Some(Some(7)));
        assert_eq!(read(Some("x"), ""), None);
        assert_eq!(read(None, "after=x"), None);
    }

    /// All that a client gets until its stream ends, as it does when its token is known no more: this door knows none.
    async fn told(last: Option<u64>, is_reset: bool, known: Vec<Happening>, coming: usize) -> String {
        let (_running, stopped) = tokio::sync::watch::channel(false);
        let door = Arc::new(Door { stopped, ..super::super::tests::door() });
        let outlet = door.outlet().unwrap();
        let (sender, body) = Channel::<Bytes>::new(QUEUE);
        // A queue of one: of several that come at once all but the last are lost.
        let (happens, receiver) = tokio::sync::broadcast::channel(1);
        for id in 0..coming {
            let happening = Happening { id: id as u64, kind: "change", at_s: 0, body: json!({}), objects: Vec::new() };
            happens.send(Arc::new(happening)).unwrap();
        }
        let caller = Caller::node();
        let from = IpAddr::from([127, 0, 0, 1]);
        let stream = Stream { door, token: "gone".into(), from, caller, sender, coming: receiver, last, _outlet: outlet };
        let running = tokio::spawn(stream.run(is_reset, known.into_iter().map(Arc::new).collect()));
        let bytes = axum::body::to_bytes(Body::new(body), 1 << 20).await.unwrap();
        running.await.unwrap();
        drop(happens);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_missed_something_is_told_to_begin_anew() {
        // Behind in our own queue.
        assert_eq!(told(None, false, Vec::new(), 3).await, "event: reset\ndata: {}\n\nid: 2\nevent: change\ndata: {\"at\":0}\n\n");
        // Control no longer knows the past.
        assert_eq!(told(None, true, Vec::new(), 0).await, "event: reset\ndata: {}\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_sees_what_control_does_not_let_them_see() {
        let hidden = Happening { id: 10, kind: "change", at_s: 7, body: json!({}), objects: Vec::new() };
        let is_seen = super::super::tests::door().control.may_see(&Caller::node(), &hidden);
        assert_eq!(told(Some(9), false, vec![hidden], 0).await.is_empty(), !is_seen);
    }
}
