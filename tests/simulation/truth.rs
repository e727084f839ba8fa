//! How panels really are, and what a probe sees of that.

use crate::chance::Chance;
use meridian::fleet::{Check, CheckKind};
use meridian::health::{Live, Outcome, Report};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Well,
    /// The process is gone.
    Refused,
    /// The host is gone.
    Silent,
    /// It listens, and serves nothing.
    Broken,
    Slow,
    /// Every second check fails.
    Half,
    /// The encoder stands still.
    Frozen,
    /// This node has no files, or no route.
    Unasked,
    /// Other credentials are wanted.
    Barred,
    /// Its certificate, or its account, is near the end.
    Ending,
}

/// What checks must come to in the end, in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Dead,
    /// Dead once its playlist has stood still for so many ms.
    Frozen(u64),
    Well,
    Half,
    Neither,
}

pub(crate) struct Address {
    pub(crate) state: State,
    /// What is planned for it has this number; older plans are void.
    pub(crate) plan: u64,
    /// Of a live stream: how long its segments are, and when it began.
    live: Option<(u64, u64)>,
    stood_at: u64,
    /// It closes idle connections after so long.
    pub(crate) habit_ms: Option<u64>,
    /// By check: the last one failed.
    failed: HashMap<String, bool>,
}

#[derive(Default)]
pub(crate) struct Truth {
    addresses: HashMap<IpAddr, Address>,
}

impl Truth {
    /// `is_settled`: before the node begins, when all is well.
    pub(crate) fn add(&mut self, address: IpAddr, is_settled: bool, chance: &mut Chance) {
        let live = chance.is(80).then(|| (chance.one(&[1000, 2000, 6000]), 0));
        let habit_ms = chance.is(15).then(|| chance.one(&[2000, 15_000, 65_000]));
        let state = if is_settled || chance.is(70) { State::Well } else { chance.one(&KINDS) };
        let new = || Address { state, plan: 0, live, stood_at: 0, habit_ms, failed: HashMap::new() };
        self.addresses.entry(address).or_insert_with(new);
    }

    pub(crate) fn at(&mut self, address: IpAddr) -> &mut Address {
        self.addresses.get_mut(&address).expect("every address of a fleet is added")
    }

    pub(crate) fn state(&self, address: IpAddr) -> Option<State> {
        self.addresses.get(&address).map(|at| at.state)
    }

    pub(crate) fn class(&self, address: IpAddr, check: &Check) -> Class {
        let Some(at) = self.addresses.get(&address) else { return Class::Neither };
        let is_web = !matches!(check.kind, CheckKind::Tcp { .. } | CheckKind::Heartbeat);
        let is_hls = matches!(check.kind, CheckKind::Hls { .. });
        match at.state {
            State::Refused | State::Silent => Class::Dead,
            State::Broken if is_web => Class::Dead,
            State::Half => Class::Half,
            State::Frozen if is_hls => at.live.map_or(Class::Well, |(target_ms, _)| Class::Frozen((3 * target_ms).max(6000))),
            State::Unasked => Class::Neither,
            State::Barred if is_hls => Class::Neither,
            _ => Class::Well,
        }
    }
}

impl Address {
    pub(crate) fn turn(&mut self, state: State, now_ms: u64) {
        if state == State::Frozen {
            self.stood_at = self.newest(now_ms);
        }
        let was_dead = matches!(self.state, State::Refused | State::Silent);
        if was_dead && let Some((_, began_ms)) = &mut self.live {
            // The encoder starts over.
            *began_ms = now_ms;
        }
        self.state = state;
        self.failed.clear();
    }

    pub(crate) fn listens(&self) -> bool {
        !matches!(self.state, State::Refused | State::Silent)
    }

    /// What a check sees that ends now. None: nothing before its time is over.
    pub(crate) fn seen(&mut self, check: &Check, took_ms: u64, timeout_ms: u64, now_ms: u64) -> Option<Report> {
        let is_web = !matches!(check.kind, CheckKind::Tcp { .. });
        let is_hls = matches!(check.kind, CheckKind::Hls { .. });
        let outcome = match self.state {
            State::Refused => Outcome::Refused,
            State::Silent if took_ms < timeout_ms => return None,
            State::Silent => Outcome::Bad("no answer in time".into()),
            State::Broken if is_web => Outcome::Bad("status 500 instead of 200".into()),
            State::Slow if is_web => Outcome::Weak("it took long".into()),
            State::Half => {
                let failed = self.failed.entry(check.name.clone()).or_default();
                *failed = !*failed;
                if *failed { Outcome::Bad("half of it fails".into()) } else { Outcome::Good }
            }
            State::Unasked => Outcome::Unasked("no file descriptors left".into()),
            State::Barred if is_hls => Outcome::Barred("status 403".into()),
            State::Ending if is_web => Outcome::Weak("its certificate ends in 3 days".into()),
            _ => Outcome::Good,
        };
        let is_seen = is_hls && matches!(outcome, Outcome::Good | Outcome::Weak(_));
        let target = self.live.map(|(target_ms, _)| Duration::from_millis(target_ms));
        let live = target.filter(|_| is_seen).map(|target| Live { newest: self.newest(now_ms), target });
        let took = Duration::from_millis(took_ms);
        Some(Report { outcome, took, stream_start: is_seen.then_some(took), live })
    }

    fn newest(&self, now_ms: u64) -> u64 {
        match (self.state, self.live) {
            (State::Frozen, _) | (_, None) => self.stood_at,
            (_, Some((target_ms, began_ms))) => (now_ms - began_ms) / target_ms,
        }
    }
}

const KINDS: [State; 11] = [
    State::Refused,
    State::Refused,
    State::Silent,
    State::Silent,
    State::Broken,
    State::Slow,
    State::Half,
    State::Frozen,
    State::Unasked,
    State::Barred,
    State::Ending,
];

/// What goes wrong with a panel, or all its addresses together: states, and after how many ms each comes.
pub(crate) fn trouble(chance: &mut Chance) -> Vec<(u64, State)> {
    let state = chance.one(&KINDS);
    if chance.is(25) {
        // Flapping, ever as fast.
        let (on_ms, off_ms) = (chance.between(50, 40_000), chance.between(50, 40_000));
        let times = chance.between(2, 30);
        return (0..times).flat_map(|n| [(n * (on_ms + off_ms), state), (n * (on_ms + off_ms) + on_ms, State::Well)]).collect();
    }
    let most_ms = chance.one(&[1000, 10_000, 60_000, 400_000]);
    let lasts_ms = chance.between(100, most_ms);
    if chance.is(20) {
        return vec![(0, state), (lasts_ms, chance.one(&KINDS)), (2 * lasts_ms, State::Well)];
    }
    vec![(0, state), (lasts_ms, State::Well)]
}
