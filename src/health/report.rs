//! What probes are asked, and what they say.

use crate::fleet::Check;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// One check of one panel at one address. Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target(pub u64);

/// Somebody is to look, once.
#[derive(Clone, Debug)]
pub struct Errand {
    pub target: Target,
    pub panel: Arc<str>,
    pub address: IpAddr,
    pub check: Arc<Check>,
}

/// An idle connection to be kept until it breaks, or is not wanted any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vigil {
    pub target: Target,
    pub to: SocketAddr,
    /// Others are closed by the panel when they get older, so it is replaced before.
    pub renew: Option<Duration>,
}

/// What came of an errand.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub outcome: Outcome,
    /// From the start of the check to its end.
    pub took: Duration,
    /// hls: from the start to the first bytes of a segment.
    pub stream_start: Option<Duration>,
    /// hls, and the stream has no end.
    pub live: Option<Live>,
}

/// Sentences name what was seen, without the address: "status 500 instead of 200".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Good,
    /// It serves, and something about it wants to be looked at.
    Weak(String),
    /// It does not serve.
    Bad(String),
    /// Nobody listens there.
    Refused,
    /// It asks for other credentials: no word on whether it serves, and told to people.
    Barred(String),
    /// It could not be asked, for a reason on this side: no files, no route. No word on the panel either.
    Unasked(String),
}

/// How far a live stream has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// Media sequence number of the newest segment.
    pub newest: u64,
    pub target: Duration,
}

/// What a panel says of itself. None: it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gauges {
    pub connections: Option<f64>,
    /// Shares of 1.
    pub cpu: Option<f64>,
    pub memory: Option<f64>,
    pub bandwidth_mbps: Option<f64>,
    pub credits: Option<f64>,
}
