//! The reporter on a panel's host.
//!
//! Owns   the reading of the gauges (processor, memory, line, connections, credits) and their way to the nodes.
//! Takes  which panel it speaks for, the nodes and the HTTP clients to reach them by, and where connections are counted.
//! Gives  a heartbeat to every node, each at its own pace: a node or a source that is slow delays nobody else.
//! Never  keeps old reports, follows what a node answers, or ends because something cannot be read or reached.

mod asking;
mod gauges;
mod host;
mod install;
mod leash;
mod pace;
mod rounds;
mod sender;
mod source;
mod told;
mod unit;

pub use gauges::Gauges;
pub use install::{Installation, TOKEN, install};
pub use source::Source;
pub use unit::{Unit, UnitError};

use leash::Leash;
use rounds::Rounds;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// The token as it is now: it may be replaced while the agent runs. The error is a sentence.
pub type Token = Arc<dyn Fn() -> Result<String, String> + Send + Sync>;

/// Who reports what to whom.
pub struct Options {
    pub panel: String,
    pub nodes: Vec<Node>,
    pub every: Duration,
    pub gauging: Gauging,
    pub token: Token,
}

/// What is measured.
pub struct Gauging {
    /// Empty: the interface of the default route.
    pub interfaces: Vec<String>,
    /// Their numbers are added up.
    pub connections: Vec<Source>,
    pub credits: Option<Source>,
    /// Asks the sources that speak HTTP.
    pub http: ureq::Agent,
    /// Where `proc` and `sys` are: `/`, but for tests.
    pub root: PathBuf,
}

/// Where reports go.
#[derive(Clone)]
pub struct Node {
    /// The admin address, without a slash at the end.
    pub base: String,
    pub http: ureq::Agent,
}

/// Why a node has not taken a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No answer, or half of one.
    Unreachable(String),
    /// It cannot just now; it may have said for how long.
    Busy(String, Option<Duration>),
    /// The token is not known, or is another panel's.
    Unauthorized(String),
    /// It will say the same of the same report: the panel is unknown, say.
    Refused(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) | Self::Busy(why, _) | Self::Unauthorized(why) | Self::Refused(why) => f.write_str(why),
        }
    }
}

/// Reports until SIGTERM or SIGINT.
pub fn run(options: Options) -> Result<(), String> {
    until_told(move |leash| {
        let posts: Vec<sender::Post> = options.nodes.iter().map(|_| sender::Post::default()).collect();
        thread::scope(|scope| {
            for (node, post) in options.nodes.iter().zip(&posts) {
                scope.spawn(|| sender::deliver(&options, node, post));
            }
            let mut rounds = Rounds::new(&options.gauging, options.every, leash);
            loop {
                let gauges = rounds.next();
                tracing::debug!(report = %gauges.json(), "measured");
                let body: Arc<str> = gauges.json().to_string().into();
                posts.iter().for_each(|post| post.put(Arc::clone(&body)));
            }
        })
    })
    .map(|_: Option<()>| ())
}

/// One report to every node, and what came of it. None: it was told to end before.
pub fn once(options: Options) -> Result<Option<Vec<Result<(), Trouble>>>, String> {
    until_told(move |leash| {
        let gauges = Rounds::new(&options.gauging, options.every, leash).next();
        let body = gauges.json().to_string();
        thread::scope(|scope| {
            let tries: Vec<_> = options.nodes.iter().map(|node| scope.spawn(|| sender::send(&options, node, &body))).collect();
            let lost = || Err(Trouble::Unreachable("the sender broke".into()));
            tries.into_iter().map(|one| one.join().unwrap_or_else(|_| lost())).collect()
        })
    })
}

/// What a report would be now, and what is missing in it and why. None: it was told to end before.
pub fn sample(gauging: Gauging) -> Result<Option<(Gauges, Vec<String>)>, String> {
    until_told(move |leash| {
        let mut rounds = Rounds::new(&gauging, rounds::ONE, leash);
        let gauges = rounds.next();
        (gauges, rounds.missing())
    })
}

/// Does the work on a thread of its own, so that a signal ends it whatever it waits for. None: it was ended.
fn until_told<T: Send + 'static>(work: impl FnOnce(Arc<Leash>) -> T + Send + 'static) -> Result<Option<T>, String> {
    let broken = |error: std::io::Error| format!("the agent cannot be started: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
    let leash = Arc::new(Leash::default());
    let (done, result) = oneshot::channel();
    let ended = runtime.block_on(async {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let kept = Arc::clone(&leash);
        thread::Builder::new().name("agent".into()).spawn(move || drop(done.send(work(kept))))?;
        Ok(tokio::select! {
            result = result => Some(result),
            _ = term.recv() => None,
            _ = int.recv() => None,
        })
    });
    leash.end();
    match ended.map_err(broken)? {
        Some(Ok(result)) => Ok(Some(result)),
        Some(Err(_)) => Err("the agent broke; what it said before tells why".into()),
        None => Ok(None),
    }
}

/// Waits, as nothing is to be heard meanwhile.
fn pause(time: Duration) {
    let (_kept, silence) = mpsc::channel::<()>();
    let _ = silence.recv_timeout(time);
}

/// From 0 to 1, so that many agents do not do the same thing at the same time.
fn dice() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}
