//! A fleet in which every reference leads somewhere.

use super::Roll;
use crate::dns::name::Name;
use crate::document::{Network, Value};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $id(pub u32);

        impl $id {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// Index into `Fleet::checks`; the others likewise.
    CheckId RegionId PanelId SetId ZoneId HostnameId
}

/// Every id in it is an index into its own lists. They are in the order of the document, later changes at the end;
/// what was removed since stands there until the lists are made anew, and nothing refers to it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Fleet {
    /// What holds where sets and hostnames say nothing.
    pub defaults: Policy,
    pub checks: Vec<Check>,
    pub regions: Vec<Region>,
    pub panels: Vec<Arc<Panel>>,
    pub sets: Vec<Arc<Set>>,
    pub zones: Vec<Zone>,
    pub hostnames: Roll<Hostname>,
    /// Names that are the fleet's, and of which no more is known: their zones or hostnames were left out.
    pub lost: Vec<Lost>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Lost {
    Zone(Name),
    Hostname { name: Name, zone: ZoneId },
}

impl Fleet {
    pub fn check(&self, id: CheckId) -> &Check {
        &self.checks[id.index()]
    }

    pub fn region(&self, id: RegionId) -> &Region {
        &self.regions[id.index()]
    }

    pub fn panel(&self, id: PanelId) -> &Panel {
        &self.panels[id.index()]
    }

    pub fn set(&self, id: SetId) -> &Set {
        &self.sets[id.index()]
    }

    pub fn zone(&self, id: ZoneId) -> &Zone {
        &self.zones[id.index()]
    }

    pub fn hostname(&self, id: HostnameId) -> &Hostname {
        &self.hostnames[id.index()]
    }

    /// What is in its place in both fleets is kept once: the other's.
    pub fn sharing(mut self, other: &Self) -> Self {
        share(&mut self.panels, &other.panels);
        share(&mut self.sets, &other.sets);
        self.hostnames.share(&other.hostnames);
        self
    }

    /// What is in force for a hostname.
    pub fn policy(&self, hostname: &Hostname) -> Policy {
        Overlay::over(&hostname.own, self.set(hostname.set).policy)
    }
}

fn share<T: PartialEq>(list: &mut [Arc<T>], others: &[Arc<T>]) {
    for (item, other) in list.iter_mut().zip(others).filter(|(item, other)| item == other) {
        *item = Arc::clone(other);
    }
}

/// Where something stands in the document. No part of what it is: all lines are equal,
/// so that a fleet in which things only moved equals the one before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line(pub u32);

impl PartialEq for Line {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Line {}

/// Degrees, on the globe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub latitude: f64,
    pub longitude: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    pub name: String,
    pub at: Place,
    pub serves: Serves,
    /// Where its clients go next; never itself, none twice.
    pub then: Vec<RegionId>,
}

/// Codes are in capitals.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Serves {
    pub continents: Vec<String>,
    pub countries: Vec<String>,
    pub subdivisions: Vec<String>,
    pub networks: Vec<Network>,
    pub asns: Vec<u32>,
}

/// There may be ten thousand.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    pub name: Box<str>,
    pub region: Option<RegionId>,
    /// Its own, else its region's.
    pub at: Option<Place>,
    /// At least one, none twice.
    pub addresses: Box<[IpAddr]>,
    pub checks: Box<[CheckId]>,
    /// Connections it is rated for.
    pub capacity: Option<u32>,
    /// Further gauges and what they may reach.
    pub limits: Box<[(String, f64)]>,
    pub weight: f64,
    pub state: State,
    pub labels: Box<[(String, String)]>,
}

/// What the operator wants of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum State {
    #[default]
    Enabled,
    Draining,
    Disabled,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    pub name: String,
    /// At least one, none twice; tiers without gaps from 1.
    pub members: Vec<Member>,
    /// Of its hostnames, unless they say otherwise.
    pub policy: Policy,
    /// What of it is the set's own word.
    pub own: Own,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub panel: PanelId,
    pub tier: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub name: Name,
    pub source: Source,
    /// Where the fleet names it, for problems with the file.
    pub line: Line,
}

/// Where a zone's records are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A master file; as the document has it when that is absolute, else from the document's directory.
    File(PathBuf),
    /// In the document itself.
    Text(Arc<str>),
    /// In the store, in the version of this revision, and shown with this serial.
    Stored { revision: u64, serial: Option<u32> },
}

impl Source {
    /// What problems call it.
    pub fn shown(&self, zone: &Name) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Text(_) | Self::Stored { .. } => format!("{}zone", zone),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hostname {
    /// May begin with `*`.
    pub name: Name,
    pub set: SetId,
    /// The zone with the longest name it is in.
    pub zone: ZoneId,
    /// Its number among the hostnames of the zone.
    pub number: u32,
    pub ports: Ports,
    /// What it says of its own policy; `Fleet::policy` is what holds.
    pub own: Own,
    /// Where the fleet names it, for conflicts with its zone's records.
    pub line: Line,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Ports {
    pub http: Option<u16>,
    pub https: Option<u16>,
}

/// What is in force for one set or hostname: `[defaults]` < `[[set]]` < `[[hostname]]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    pub steer: Steer,
    pub spread_km: f64,
    pub fence: Fence,
    pub sticky: bool,
    pub answers: u8,
    pub ttl: u32,
    pub ttl_changing: u32,
    pub panic: f64,
    pub overflow: f64,
    /// Less than `shed_all`.
    pub shed_from: f64,
    pub shed_all: f64,
    pub slow_start: Duration,
}

/// What one scope says of a policy; what it does not say comes from the scope around it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlay {
    pub steer: Option<Steer>,
    pub spread_km: Option<f64>,
    pub fence: Option<Fence>,
    pub sticky: Option<bool>,
    pub answers: Option<u8>,
    pub ttl: Option<u32>,
    pub ttl_changing: Option<u32>,
    pub panic: Option<f64>,
    pub overflow: Option<f64>,
    pub shed_from: Option<f64>,
    pub shed_all: Option<f64>,
    pub slow_start: Option<Duration>,
}

/// Most say nothing.
pub type Own = Option<Arc<Overlay>>;

impl Overlay {
    pub fn over(own: &Own, around: Policy) -> Policy {
        own.as_ref().map_or(around, |own| own.laid_over(around))
    }

    pub fn laid_over(&self, around: Policy) -> Policy {
        Policy {
            steer: self.steer.unwrap_or(around.steer),
            spread_km: self.spread_km.unwrap_or(around.spread_km),
            fence: self.fence.unwrap_or(around.fence),
            sticky: self.sticky.unwrap_or(around.sticky),
            answers: self.answers.unwrap_or(around.answers),
            ttl: self.ttl.unwrap_or(around.ttl),
            ttl_changing: self.ttl_changing.unwrap_or(around.ttl_changing),
            panic: self.panic.unwrap_or(around.panic),
            overflow: self.overflow.unwrap_or(around.overflow),
            shed_from: self.shed_from.unwrap_or(around.shed_from),
            shed_all: self.shed_all.unwrap_or(around.shed_all),
            slow_start: self.slow_start.unwrap_or(around.slow_start),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            steer: Steer::Nearest,
            spread_km: 250.0,
            fence: Fence::None,
            sticky: true,
            answers: 1,
            ttl: 60,
            ttl_changing: 10,
            panic: 0.0,
            overflow: 0.5,
            shed_from: 0.80,
            shed_all: 0.95,
            slow_start: Duration::from_secs(30),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    Nearest,
    Failover,
    Weighted,
    RoundRobin,
    LeastLoaded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    None,
    Region,
    Continent,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub name: String,
    pub interval: Duration,
    /// `degraded_after` is at most `down_after`.
    pub degraded_after: u32,
    pub down_after: u32,
    pub up_after: u32,
    pub hold_down: bool,
    pub kind: CheckKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CheckKind {
    /// The panel reports by itself.
    Heartbeat,
    Tcp {
        asking: Asking,
        port: u16,
    },
    Http {
        asking: Asking,
        request: Request,
        expect: Expect,
    },
    Hls {
        asking: Asking,
        request: Request,
    },
    PanelApi {
        asking: Asking,
        request: Request,
        user: String,
        password: Password,
    },
}

impl CheckKind {
    /// None: nobody asks, the panel reports by itself.
    pub fn asking(&self) -> Option<&Asking> {
        match self {
            Self::Heartbeat => None,
            Self::Tcp { asking, .. } | Self::Http { asking, .. } | Self::Hls { asking, .. } | Self::PanelApi { asking, .. } => Some(asking),
        }
    }

    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::Heartbeat | Self::Tcp { .. } => None,
            Self::Http { request, .. } | Self::Hls { request, .. } | Self::PanelApi { request, .. } => Some(request),
        }
    }

    /// Where panels are asked.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp { port, .. } => Some(*port),
            _ => self.request().and_then(Request::port),
        }
    }
}

impl Request {
    fn port(&self) -> Option<u16> {
        let (scheme, rest) = self.url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // Colons within brackets, or what `{address}` stands for, are no port's.
        let given = host.rsplit_once(':').filter(|(_, port)| !port.contains([']', '}'])).map(|(_, port)| port);
        given.map_or(Some(if scheme == "https" { 443 } else { 80 }), |port| port.parse().ok())
    }
}

/// How a panel is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    pub timeout: Duration,
    pub confirm: Duration,
    pub watch: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// With `{address}` and `{panel}` still in it.
    pub url: String,
    pub host: Option<String>,
    pub headers: Vec<(String, String)>,
    /// Slower is degraded.
    pub latency: Option<Duration>,
    pub verify: bool,
    /// A certificate with less than so many days left is degraded.
    pub certificate_days: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    pub method: String,
    pub status: Vec<u16>,
    pub body: Option<String>,
    /// JSON pointers, and the scalars they must lead to.
    pub json: Vec<(String, Value)>,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    Text(String),
    File(PathBuf),
}

/// Never shows the password: what is printed for debugging ends up in logs.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
