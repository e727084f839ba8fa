//! The way to one node: always the newest report, never a queue of old ones.

use super::pace::Pace;
use super::told::{Told, Worth};
use super::{Node, Options, Trouble, dice};
use crate::clock;
use parking_lot::{Condvar, Mutex};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};
use ureq::http::{Method, Request, Response, StatusCode, header};

/// For a whole report, from the name's look-up to the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A node's problem document is a page.
const MAX_ANSWER: u64 = 64 << 10;

/// Where the newest report lies for a sender.
#[derive(Debug, Default)]
pub(super) struct Post {
    newest: Mutex<(u64, Arc<str>)>,
    bell: Condvar,
}

impl Post {
    pub(super) fn put(&self, body: Arc<str>) {
        let mut newest = self.newest.lock();
        *newest = (newest.0 + 1, body);
        self.bell.notify_one();
    }

    /// Waits for a report that is none of the first `seen`.
    fn newer(&self, seen: u64) -> (u64, Arc<str>) {
        let mut newest = self.newest.lock();
        self.bell.wait_while(&mut newest, |newest| newest.0 <= seen);
        newest.clone()
    }

    /// Waits so long, or until at a new report `is_enough`.
    fn pause(&self, time: Duration, is_enough: impl Fn() -> bool) {
        let until_ms = clock::now().mono_ms + time.as_millis() as u64;
        let mut newest = self.newest.lock();
        loop {
            let left = until_ms.saturating_sub(clock::now().mono_ms);
            let seen = newest.0;
            if left == 0 {
                return;
            }
            self.bell.wait_while_for(&mut newest, |newest| newest.0 == seen, Duration::from_millis(left));
            // Nobody waits for the file that is read meanwhile.
            if newest.0 != seen && parking_lot::MutexGuard::unlocked(&mut newest, &is_enough) {
                return;
            }
        }
    }
}

/// Sends what comes, for ever.
pub(super) fn deliver(options: &Options, node: &Node, post: &Post) {
    let (mut pace, mut told, mut sent) = (Pace::default(), Told::default(), 0);
    loop {
        let (number, body) = post.newer(sent);
        let token = (options.token)();
        let came = match &token {
            Ok(token) => send_with(options, node, &body, token),
            Err(why) => Err(Trouble::Unauthorized(why.clone())),
        };
        let base = &node.base;
        match came {
            Ok(()) => {
                sent = number;
                pace.went_well();
                if told.works() != Worth::Nothing {
                    info!("{base} takes the reports of {}", options.panel);
                }
            }
            Err(trouble) => {
                if told.fails(&trouble.to_string(), clock::now().mono_ms) {
                    warn!("{trouble}");
                }
                let wait = pace.wait(&trouble, options.every, dice());
                let is_locked_out = matches!(trouble, Trouble::Unauthorized(_));
                post.pause(wait, || is_locked_out && (options.token)().is_ok_and(|now| token.as_ref() != Ok(&now)));
            }
        }
    }
}

pub(super) fn send(options: &Options, node: &Node, body: &str) -> Result<(), Trouble> {
    let token = (options.token)().map_err(Trouble::Unauthorized)?;
    send_with(options, node, body, &token)
}

fn send_with(options: &Options, node: &Node, body: &str, token: &str) -> Result<(), Trouble> {
    let base = &node.base;
    let url = format!("{base}/v1/panels/{}/heartbeat", utf8_percent_encode(&options.panel, NON_ALPHANUMERIC));
    let request = Request::builder()
        .method(Method::POST)
        .uri(&url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(body.to_owned())
        .map_err(|error| Trouble::Refused(format!("{base}: the report cannot be sent: {error}")))?;
    let request = node.http.configure_request(request).timeout_global(Some(PATIENCE)).build();
    let response = node.http.run(request).map_err(|error| Trouble::Unreachable(broken(base, &error)))?;
    judge(options, base, response)
}

fn judge(options: &Options, base: &str, mut response: Response<ureq::Body>) -> Result<(), Trouble> {
    let (status, panel) = (response.status(), &options.panel);
    let after = response.headers().get(header::RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    let mut said = || said(&mut response);
    Err(match status.as_u16() {
        200..=299 => return Ok(()),
        401 => Trouble::Unauthorized(format!("{base} does not know the token, or it has expired; `meridian token make` gives a new one")),
        403 => Trouble::Unauthorized(format!(
            "{base} does not take this token for {panel}; `meridian token make NAME --role panel --panel {panel}` gives one that it takes"
        )),
        404 => Trouble::Refused(format!("{base} knows no panel {panel}; {}", said())),
        300..=399 => Trouble::Refused(format!("{base} leads on to another place, which is not followed; give the right --to")),
        408 | 425 | 429 => Trouble::Busy(format!("{base} answered {status}: {}", said()), after),
        400..=499 => Trouble::Refused(format!("{base} refuses the report ({status}): {}", said())),
        _ => Trouble::Busy(format!("{base} answered {status}: {}", said()), after),
    })
}

/// Why, in one line, in the node's own words.
fn said(response: &mut Response<ureq::Body>) -> String {
    let status: StatusCode = response.status();
    let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().unwrap_or_default();
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let words = document["detail"].as_str().or(document["title"].as_str());
    let line: String = words.unwrap_or_default().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    match line.is_empty() {
        true => format!("{status}; is it the admin address of a meridian node?"),
        false => line,
    }
}

/// The kind of trouble as it reads each time: a number that changes would be news each time.
fn broken(base: &str, error: &ureq::Error) -> String {
    let tls = |error: &rustls::Error| match error {
        rustls::Error::InvalidCertificate(_) => {
            format!("{base}: {error}; --ca names the authority of its certificate, and --to must name the host as the certificate does")
        }
        rustls::Error::InvalidMessage(_) => format!("{base} does not speak TLS ({error}); is it http:// instead?"),
        _ => format!("{base}: no TLS: {error}"),
    };
    match error {
        ureq::Error::HostNotFound => format!("{base}: there is no such host"),
        ureq::Error::Timeout(_) => format!("{base} does not answer within {} s", PATIENCE.as_secs()),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            format!("nothing listens at {base} (connection refused)")
        }
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            format!("{base} does not answer within {} s", PATIENCE.as_secs())
        }
        ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => tls(error),
            None => format!("{base}: {error}"),
        },
        ureq::Error::Other(error) => match error.downcast_ref::<rustls::Error>() {
            Some(error) => tls(error),
            None => format!("{base}: {error}"),
        },
        ureq::Error::Protocol(error) => format!("what answers at {base} does not speak HTTP as it should ({error})"),
        error => format!("{base}: {error}"),
    }
}
