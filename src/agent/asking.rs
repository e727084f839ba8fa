//! Asking the sources, each on a thread of its own: one that hangs delays nobody.

use super::Gauging;
use super::leash::Leash;
use super::source::{Asker, Source};
use super::told::{Told, Worth};
use crate::clock;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;
use tracing::{info, warn};

/// A source keeps its own time; this is for what it does not notice.
const GRACE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Connections,
    Credits,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Asked {
    pub(super) connections: Option<f64>,
    pub(super) credits: Option<f64>,
}

struct Post {
    what: What,
    name: String,
    ask: SyncSender<u64>,
    /// It has not yet answered what it was last asked.
    is_busy: bool,
    told: Told,
    last: Result<f64, String>,
    /// What it said too late for the report that it was asked for.
    late: Option<f64>,
}

/// Which source, the round it was asked in, and what it said.
type Said = (usize, u64, Result<f64, String>);

pub(super) struct Asking {
    posts: Vec<Post>,
    said: Receiver<Said>,
    round: u64,
    patience: Duration,
}

impl Asking {
    pub(super) fn new(gauging: &Gauging, patience: Duration, leash: &Arc<Leash>) -> Self {
        let (say, said) = channel();
        let connections = gauging.connections.iter().map(|source| (What::Connections, source));
        let all = connections.chain(gauging.credits.iter().map(|source| (What::Credits, source)));
        let posts = all.enumerate().map(|(number, (what, source))| {
            let asker = Asker { http: gauging.http.clone(), root: gauging.root.clone(), patience, leash: Arc::clone(leash) };
            Post {
                what,
                name: source.to_string(),
                ask: listen(number, source.clone(), asker, say.clone()),
                is_busy: false,
                told: Told::default(),
                last: Err("not asked yet".into()),
                late: None,
            }
        });
        Self { posts: posts.collect(), said, round: 0, patience }
    }

    /// Asks all of them; of what has not come in time the last late number counts, once.
    pub(super) fn ask(&mut self) -> Asked {
        self.round += 1;
        let mut waiting = 0;
        let until_ms = clock::now().mono_ms + (self.patience + GRACE).as_millis() as u64;
        // Who was late before may have answered since.
        while let Ok(said) = self.said.try_recv() {
            self.hear(said);
        }
        for post in &mut self.posts {
            post.last = Err(format!("no answer within {} ms", self.patience.as_millis()));
            if post.is_busy {
                continue;
            }
            match post.ask.try_send(self.round) {
                Ok(()) => {
                    post.is_busy = true;
                    waiting += 1;
                }
                Err(_) => post.last = Err("whoever asked it broke".into()),
            }
        }
        while waiting > 0 {
            let left = Duration::from_millis(until_ms.saturating_sub(clock::now().mono_ms));
            let Ok(said) = self.said.recv_timeout(left) else { break };
            waiting -= usize::from(self.hear(said));
        }
        for post in &mut self.posts {
            post.settle();
            post.tell();
        }
        Asked { connections: self.sum(What::Connections), credits: self.sum(What::Credits) }
    }

    pub(super) fn missing(&self) -> impl Iterator<Item = String> {
        self.posts.iter().filter_map(|post| Some(format!("{}: {}", post.name, post.last.as_ref().err()?)))
    }

    /// True when it is of this round.
    fn hear(&mut self, (number, round, came): Said) -> bool {
        let post = &mut self.posts[number];
        post.is_busy = false;
        let is_now = round == self.round;
        match is_now {
            true => post.last = came,
            false => post.late = came.ok(),
        }
        is_now
    }

    /// Half of the connections would look like a panel with room.
    fn sum(&self, what: What) -> Option<f64> {
        let mut of = self.posts.iter().filter(|post| post.what == what).map(|post| post.last.as_ref().ok().copied()).peekable();
        of.peek()?;
        of.sum()
    }
}

impl Post {
    /// A long list of connections may take its time, most of all where there are many: a number from the round before is better than none.
    fn settle(&mut self) {
        if let (Err(_), Some(late)) = (&self.last, self.late.take()) {
            self.last = Ok(late);
        }
    }

    fn tell(&mut self) {
        match &self.last {
            Ok(_) if self.told.works() == Worth::Back => info!(source = self.name, "the source is right"),
            Ok(_) => {}
            Err(why) if self.told.fails_anew(why, clock::now().mono_ms) => {
                warn!(source = self.name, "left out of the reports until it is right: {why}");
            }
            Err(_) => {}
        }
    }
}

fn listen(number: usize, source: Source, asker: Asker, say: Sender<Said>) -> SyncSender<u64> {
    let (ask, asked) = sync_channel::<u64>(1);
    let name = format!("source {number}");
    // Without its thread the source is told as broken at each report.
    let _ = thread::Builder::new().name(name).spawn(move || {
        for round in asked {
            if say.send((number, round, asker.ask(&source))).is_err() {
                break;
            }
        }
    });
    ask
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// A list that is read only as somebody writes it.
    #[test]
    fn a_late_number_counts_in_the_next_report_and_only_there() {
        let root = std::env::temp_dir().join(format!("meridian-late-{}", std::process::id()));
        let (list, other) = (root.join("proc/net/tcp"), root.join("proc/net/tcp6"));
        std::fs::create_dir_all(list.parent().unwrap()).unwrap();
        assert!(Command::new("mkfifo").arg(&list).status().unwrap().success());
        std::fs::write(&other, "").unwrap();
        let gauging = Gauging {
            interfaces: Vec::new(),
            connections: vec![Source::Ports(vec![80])],
            credits: Some(Source::Command("echo 7".into())),
            http: ureq::agent(),
            root: root.clone(),
        };
        let mut asking = Asking::new(&gauging, Duration::from_secs(1), &Arc::default());
        assert_eq!(asking.ask().connections, None);
        assert!(asking.missing().next().unwrap().starts_with("ports=80: no answer within"));
        std::fs::write(&list, "0: 0100007F:0050 0100007F:C350 01\n").unwrap();
        // It may still be on its way when the next round begins.
        assert!((0..60).any(|_| asking.ask() == Asked { connections: Some(1.0), credits: Some(7.0) }));
        assert_eq!(asking.ask().connections, None);
        std::fs::remove_dir_all(root).unwrap();
    }
}
