//! What the judge has seen of a panel, and since when.

use meridian::fleet::{State, Wish};
use meridian::health::{CheckView, PanelView, Verdict};
use std::collections::HashMap;
use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Up,
    /// Not asked yet: it may be taken for either.
    Unknown,
    Down,
}

pub(crate) fn life(verdict: Verdict) -> Life {
    match verdict {
        Verdict::Unchecked | Verdict::Up | Verdict::Degraded => Life::Up,
        Verdict::Unknown => Life::Unknown,
        Verdict::Down => Life::Down,
    }
}

/// What an operator's word comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conduct {
    pub(crate) state: State,
    /// How far its clients are handed over, in sixteenths.
    pub(crate) step: Option<u64>,
}

impl Conduct {
    pub(crate) fn of(state: State, wish: Option<&Wish>, wall_s: u64) -> Self {
        let Some(wish) = wish.filter(|wish| wish.until_s.is_none_or(|until| wall_s < until)) else { return Self { state, step: None } };
        match wish.over_s {
            Some(over) if wish.state == State::Draining && wall_s < over && wish.since_s < over => {
                let step = wall_s.saturating_sub(wish.since_s) * 16 / (over - wish.since_s);
                Self { state: State::Enabled, step: Some(step) }
            }
            _ => Self { state: wish.state, step: None },
        }
    }
}

#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) addresses: HashMap<IpAddr, (Life, u64)>,
    /// It fails and is not down, or is down and answers: since when.
    pub(crate) wavers_ms: Option<u64>,
    /// An address turned from up to down, or back.
    pub(crate) turned_ms: Option<u64>,
    /// It came back as a whole.
    pub(crate) returned_ms: Option<u64>,
    /// Something about it changed that may have to do with answers.
    pub(crate) moved_ms: u64,
    /// It serves, perhaps for the first time, or may serve again: for all that it may gain clients step by step.
    pub(crate) gains_ms: Option<u64>,
    pub(crate) conduct: Conduct,
    pub(crate) stirred_ms: Option<u64>,
    /// What others take of its clients because of its load, and when that last changed.
    shed: f64,
    pub(crate) shed_ms: Option<u64>,
    /// It could not be asked from here, and nothing is known of it: it counts as up then, which is no turn of any verdict.
    pub(crate) is_unasked: bool,
    lives: bool,
    /// While the node ran.
    is_added: bool,
    was_heard: bool,
}

impl Seen {
    pub(crate) fn new(conduct: Conduct, is_added: bool, now_ms: u64) -> Self {
        Self {
            is_added,
            was_heard: false,
            addresses: HashMap::new(),
            wavers_ms: None,
            turned_ms: None,
            returned_ms: None,
            moved_ms: now_ms,
            gains_ms: None,
            conduct,
            stirred_ms: None,
            shed: 0.0,
            shed_ms: None,
            is_unasked: false,
            lives: false,
        }
    }

    /// `is_edited`: the fleet was changed in this step.
    pub(crate) fn look(&mut self, view: &PanelView, is_edited: bool, now_ms: u64) {
        if is_edited {
            self.addresses.retain(|address, _| view.addresses.iter().any(|at| at.address == *address));
            self.moved_ms = now_ms;
        }
        for at in &view.addresses {
            let new = life(at.verdict);
            let Some((old, since_ms)) = self.addresses.get_mut(&at.address) else {
                self.addresses.insert(at.address, (new, now_ms));
                self.moved_ms = now_ms;
                continue;
            };
            if *old != new {
                if *old != Life::Unknown && new != Life::Unknown && !is_edited {
                    self.turned_ms = Some(now_ms);
                }
                (*old, *since_ms) = (new, now_ms);
                self.moved_ms = now_ms;
            }
        }
        let checks = || view.addresses.iter().flat_map(|at| &at.checks);
        self.was_heard |= checks().any(|check| check.last_s.is_some() || check.verdict != Verdict::Unknown) || checks().next().is_none();
        self.is_unasked = checks().any(|check| check.verdict == Verdict::Unchecked && !check.reason.is_empty());
        // It may be under several policies, and only the greatest share is shown.
        if self.shed != view.shed || view.shed > 0.0 {
            (self.shed, self.shed_ms) = (view.shed, Some(now_ms));
        }
        let lives = self.addresses.values().any(|(life, _)| *life == Life::Up);
        if lives && !self.lives {
            self.gains_ms = Some(now_ms);
            if self.turned_ms == Some(now_ms) {
                self.returned_ms = Some(now_ms);
            }
        }
        self.lives = lives;
        let wavers = view.addresses.iter().flat_map(|at| &at.checks).any(wavers);
        if wavers || self.wavers_ms.is_some() {
            self.moved_ms = now_ms;
        }
        self.wavers_ms = wavers.then(|| self.wavers_ms.unwrap_or(now_ms));
    }

    /// Added while the node runs, and nobody has been asked yet.
    pub(crate) fn is_new(&self) -> bool {
        self.is_added && !self.was_heard
    }

    /// What the fleet itself says of it is no hand-over.
    pub(crate) fn conduct(&mut self, conduct: Conduct, is_edited: bool, now_ms: u64) -> bool {
        if self.conduct == conduct {
            return false;
        }
        if conduct.state == State::Enabled && self.conduct.state != State::Enabled {
            self.gains_ms = Some(now_ms);
        }
        self.conduct = conduct;
        self.moved_ms = now_ms;
        if !is_edited {
            self.stirred_ms = Some(now_ms);
        }
        true
    }
}

fn wavers(check: &CheckView) -> bool {
    match check.verdict {
        Verdict::Down => check.successes > 0,
        _ => check.failures > 0,
    }
}
