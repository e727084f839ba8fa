//! All that is known of one panel.

use super::condition::{Condition, Life};
use super::course::Course;
use super::load::{Load, Watermarks};
use super::report::{Gauges, Target, Vigil};
use super::uptime::{Spell, Uptime};
use super::view::{AddressView, CheckView, PanelView, Turn, Verdict};
use super::watch::Watch;
use crate::clock::Now;
use crate::fleet::{Check, CheckKind, Panel};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Turns that are shown.
const TURNS: usize = 50;

pub(super) struct Ward {
    pub(super) name: Arc<str>,
    pub(super) panel: Arc<Panel>,
    pub(super) posts: Vec<Post>,
    /// The policies that it is under.
    pub(super) marks: Arc<[Watermarks]>,
    /// None: it has never said how full it is.
    pub(super) load: Option<Box<Load>>,
    pub(super) uptime: Uptime,
    pub(super) turns: VecDeque<Turn>,
    pub(super) verdict: Verdict,
    pub(super) since_s: u64,
    pub(super) turned_ms: Option<u64>,
    pub(super) stirred_ms: Option<u64>,
    pub(super) returned_ms: Option<u64>,
    pub(super) shed_ms: Option<u64>,
    /// As it was last written down; none: it has changed since.
    pub(super) line: Option<Box<str>>,
}

/// One of its addresses.
pub(super) struct Post {
    pub(super) address: IpAddr,
    pub(super) stations: Vec<Station>,
    pub(super) verdict: Verdict,
    pub(super) since_s: u64,
    pub(super) reason: String,
    pub(super) life: Life,
}

/// One check of it.
pub(super) struct Station {
    pub(super) target: Target,
    pub(super) check: Arc<Check>,
    pub(super) course: Course,
    pub(super) watch: Watch,
    /// What it counts as until there is a result.
    pub(super) presumed: Life,
    /// When the check began that is under way.
    pub(super) asked_ms: Option<u64>,
    pub(super) due_ms: u64,
    /// It has been heard of since the node runs.
    pub(super) is_heard: bool,
    /// Its connection broke while a check was under way.
    pub(super) is_broken: bool,
    /// heartbeat: the last one, or since when it is waited for.
    pub(super) beat_ms: u64,
    pub(super) last_s: Option<u64>,
    pub(super) took: Option<Duration>,
    pub(super) stream_start: Option<Duration>,
}

impl Station {
    pub(super) fn new(target: Target, check: Arc<Check>, course: Course, presumed: Life, now: Now) -> Self {
        Self {
            target,
            check,
            course,
            watch: Watch::default(),
            presumed,
            asked_ms: None,
            due_ms: now.mono_ms,
            is_heard: false,
            is_broken: false,
            beat_ms: now.mono_ms,
            last_s: None,
            took: None,
            stream_start: None,
        }
    }

    pub(super) fn is_heartbeat(&self) -> bool {
        matches!(self.check.kind, CheckKind::Heartbeat)
    }

    /// From here nobody can say, which is no fault of the panel's.
    fn verdict(&self) -> Verdict {
        match self.course.verdict {
            Verdict::Unknown if self.course.unasked => Verdict::Unchecked,
            verdict => verdict,
        }
    }

    fn life(&self) -> Life {
        match self.verdict() {
            Verdict::Down => Life::Down,
            Verdict::Unchecked => Life::Presumed,
            Verdict::Unknown => self.presumed,
            Verdict::Up | Verdict::Degraded => Life::Up,
        }
    }

    pub(super) fn vigil(&self, address: IpAddr, renew: Option<Duration>) -> Option<Vigil> {
        Some(Vigil { target: self.target, to: SocketAddr::new(address, self.check.kind.port()?), renew })
    }

    fn view(&self, now: Now) -> CheckView {
        let millis = |span: Option<Duration>| span.map(super::course::millis);
        CheckView {
            check: self.check.name.clone(),
            verdict: self.verdict(),
            failures: self.course.failures,
            successes: self.course.successes,
            reason: self.course.reason.clone(),
            last_s: self.last_s,
            took_ms: millis(self.took),
            stream_start_ms: millis(self.stream_start),
            is_watched: self.watch.is_open(),
            held_until_s: self.course.held_until_ms().map(|until| now.wall_s + until.saturating_sub(now.mono_ms) / 1000),
        }
    }
}

impl Post {
    /// The worst of its checks, and why.
    fn judged(&self) -> (Verdict, &str) {
        // The first of the worst.
        let worst = self.stations.iter().rev().max_by_key(|station| station.verdict());
        worst.map_or((Verdict::Unchecked, ""), |station| (station.verdict(), &station.course.reason))
    }

    fn life_now(&self) -> Life {
        self.stations.iter().map(Station::life).max().unwrap_or(Life::Up)
    }

    /// The first failed check of those that have it down.
    fn first_failed_ms(&self) -> Option<u64> {
        self.stations
            .iter()
            .filter(|station| station.course.verdict == Verdict::Down)
            .filter_map(|station| station.course.first_failed_ms)
            .min()
    }
}

/// What an evaluation found.
#[derive(Default)]
pub(super) struct Found {
    /// With when the first check failed, where it did.
    pub(super) turns: Vec<(Turn, Option<u64>)>,
    /// Somebody lives who did not, or the other way round.
    pub(super) is_other: bool,
}

impl Ward {
    pub(super) fn new(panel: &Arc<Panel>, now: Now) -> Self {
        Self {
            name: (*panel.name).into(),
            panel: Arc::clone(panel),
            posts: Vec::new(),
            marks: Arc::default(),
            load: None,
            uptime: Uptime::new(now),
            turns: VecDeque::new(),
            verdict: Verdict::Unknown,
            since_s: now.wall_s,
            turned_ms: None,
            stirred_ms: None,
            returned_ms: None,
            shed_ms: None,
            line: None,
        }
    }

    /// One that nobody looks at, and of which nothing has been said.
    pub(super) fn unchecked(panel: &Arc<Panel>, since_s: u64, marks: &Arc<[Watermarks]>, now: Now) -> Self {
        let post = |address: &IpAddr| Post {
            address: *address,
            stations: Vec::new(),
            verdict: Verdict::Unchecked,
            since_s,
            reason: String::new(),
            life: Life::Up,
        };
        Self {
            posts: panel.addresses.iter().map(post).collect(),
            marks: Arc::clone(marks),
            verdict: Verdict::Unchecked,
            since_s,
            ..Self::new(panel, now)
        }
    }

    pub(super) fn lives(&self) -> bool {
        self.posts.iter().any(|post| post.life.is_up())
    }

    /// Verdicts and lives as the courses have them now. At the start nothing has turned: it is merely learnt.
    pub(super) fn evaluate(&mut self, now: Now, is_start: bool) -> Found {
        let mut found = Found::default();
        let lived = self.lives();
        let is_single = self.posts.len() == 1;
        for post in &mut self.posts {
            let life = post.life_now();
            found.is_other |= life != post.life;
            post.life = life;
            let (verdict, reason) = post.judged();
            if verdict != post.verdict {
                let reason = if verdict == Verdict::Up && reason.is_empty() { back(post.verdict) } else { reason };
                let turn = Turn {
                    panel: self.name.to_string(),
                    address: Some(post.address),
                    from: post.verdict,
                    to: verdict,
                    reason: reason.to_owned(),
                    at_s: now.wall_s,
                    took_ms: None,
                };
                let failed_ms = if verdict == Verdict::Down { post.first_failed_ms() } else { None };
                found.turns.push((turn, failed_ms));
                post.since_s = now.wall_s;
            }
            let (verdict, reason) = post.judged();
            let reason = reason.to_owned();
            (post.verdict, post.reason) = (verdict, reason);
        }
        if found.is_other && !is_start {
            self.turned_ms = Some(now.mono_ms);
            if !lived && self.lives() {
                self.returned_ms = Some(now.mono_ms);
            }
        }
        let verdict = self.judged();
        if verdict != self.verdict {
            if !is_single {
                let turn = Turn {
                    panel: self.name.to_string(),
                    address: None,
                    from: self.verdict,
                    to: verdict,
                    reason: self.reason().to_owned(),
                    at_s: now.wall_s,
                    took_ms: None,
                };
                let failed_ms = if verdict == Verdict::Down { self.posts.iter().filter_map(Post::first_failed_ms).min() } else { None };
                found.turns.push((turn, failed_ms));
            }
            self.verdict = verdict;
            self.since_s = now.wall_s;
        }
        if !found.turns.is_empty() || found.is_other {
            self.line = None;
            let spell = match self.verdict {
                Verdict::Up | Verdict::Degraded | Verdict::Unchecked => Spell::Up,
                Verdict::Down => Spell::Down,
                Verdict::Unknown => Spell::Unknown,
            };
            // What nobody checks has no uptime to speak of.
            self.uptime.turn(if self.verdict == Verdict::Unchecked { Spell::Unknown } else { spell }, now);
        }
        found
    }

    /// Its load as it is now; what others take of its clients because of it, when that is another share than before.
    pub(super) fn settle(&mut self, now: Now) -> Option<Turn> {
        let before = self.shed();
        self.load.as_mut()?.settle(now.mono_ms);
        let shed = self.shed();
        if shed == before {
            return None;
        }
        self.shed_ms = Some(now.mono_ms);
        let percent = |share: f64| (share * 100.0).round();
        let load = self.utilisation(now).map_or("its load is not known".into(), |load| format!("it is {} % full", percent(load)));
        Some(Turn {
            panel: self.name.to_string(),
            address: None,
            from: self.verdict,
            to: self.verdict,
            reason: format!("{load}: others take {} % of its clients, and took {} %", percent(shed), percent(before)),
            at_s: now.wall_s,
            took_ms: None,
        })
    }

    /// What others take of its clients, the most of all policies it is under.
    fn shed(&self) -> f64 {
        let most = self.sheds().map(|(_, share)| share).max().unwrap_or_default();
        f64::from(most) / f64::from(super::load::WHOLE)
    }

    fn sheds(&self) -> impl Iterator<Item = (Watermarks, u32)> {
        self.load.iter().flat_map(|load| &load.sheds).map(|shed| (shed.marks, shed.share()))
    }

    fn utilisation(&self, now: Now) -> Option<f64> {
        self.load.as_ref()?.utilisation(now.mono_ms)
    }

    /// It says how full it is.
    pub(super) fn report(&mut self, gauges: Gauges, now: Now) {
        let marks = &self.marks;
        let load = self.load.get_or_insert_with(|| {
            let mut load = Box::<Load>::default();
            load.mark(marks);
            load
        });
        load.report(&self.panel, gauges, now.mono_ms, now.wall_s);
    }

    /// From now on it is under these policies.
    pub(super) fn mark(&mut self, marks: Arc<[Watermarks]>) {
        self.load.iter_mut().for_each(|load| load.mark(&marks));
        self.marks = marks;
    }

    /// Nobody looks at it.
    pub(super) fn is_unchecked(&self) -> bool {
        self.posts.iter().all(|post| post.stations.is_empty())
    }

    /// The turns as they were published.
    pub(super) fn remember(&mut self, turn: &Turn) {
        if self.turns.len() == TURNS {
            self.turns.pop_back();
        }
        self.turns.push_front(turn.clone());
    }

    /// The best of its addresses', but degraded where they differ.
    fn judged(&self) -> Verdict {
        let verdicts = || self.posts.iter().map(|post| post.verdict);
        let (best, worst) = (verdicts().min().unwrap_or_default(), verdicts().max().unwrap_or_default());
        match (best, worst) {
            (Verdict::Up | Verdict::Degraded | Verdict::Unchecked, Verdict::Degraded | Verdict::Down) => Verdict::Degraded,
            _ => best,
        }
    }

    fn reason(&self) -> &str {
        self.posts.iter().rev().max_by_key(|post| post.verdict).map_or("", |post| &post.reason)
    }

    pub(super) fn condition(&self, now: Now) -> Condition {
        let is_unchecked = self.is_unchecked();
        let looked_at = self.posts.iter().filter(|_| !is_unchecked);
        Condition {
            is_unchecked,
            lives: looked_at.map(|post| (post.address, post.life)).collect(),
            is_wavering: self.posts.iter().flat_map(|post| &post.stations).any(|station| station.course.is_wavering()),
            turned_ms: self.turned_ms,
            stirred_ms: self.stirred_ms,
            returned_ms: self.returned_ms,
            shed_ms: self.shed_ms,
            sheds: self.sheds().filter(|(_, share)| *share > 0).collect(),
            load: self.utilisation(now).map(|load| (load * 16.0).clamp(0.0, 16.0) as u8),
        }
    }

    /// Without its turns.
    pub(super) fn view(&self, now: Now) -> PanelView {
        let addresses = self.posts.iter().map(|post| AddressView {
            address: post.address,
            verdict: post.verdict,
            since_s: post.since_s,
            reason: post.reason.clone(),
            checks: post.stations.iter().map(|station| station.view(now)).collect(),
        });
        PanelView {
            name: self.name.to_string(),
            verdict: self.verdict,
            since_s: self.since_s,
            reason: self.reason().to_owned(),
            addresses: addresses.collect(),
            gauges: self.load.as_ref().and_then(|load| load.last),
            utilisation: self.utilisation(now),
            shed: self.shed(),
            uptime: self.uptime.shares(now),
            turns: Vec::new(),
        }
    }
}

fn back(from: Verdict) -> &'static str {
    match from {
        Verdict::Down => "it answers again",
        Verdict::Degraded => "all is well again",
        _ => "it answers",
    }
}
