//! How the panels of a set stand under one policy at one time.

use super::plan::Order;
use crate::fleet::{Conduct, Conducts, Fleet, Panel, Policy, State, Steer};
use crate::health::{Condition, Conditions, Life, Watermarks};
use crate::steer::slots::WHOLE;
use crate::steer::{self, Fitness, Standing};
use std::net::IpAddr;

/// Shares that change with time go in so many steps.
const STEPS: u64 = 16;
/// What a panel has of its weight when it comes back, and least-loaded leaves the fullest: enough to find out how it does.
const FIRST_SHARE: f64 = 0.10;
const LEAST_SHARE: f64 = 0.05;

/// What is known of panels beside the fleet.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub conducts: &'a Conducts,
    /// None: all are well.
    pub conditions: Option<&'a Conditions>,
    pub now_ms: u64,
}

/// In the order of the set's members.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Brief {
    pub standings: Vec<Standing>,
    /// Addresses that are answered with when the panel is, member by member.
    addresses: Box<[(u16, IpAddr)]>,
    pub ttl: u32,
    /// When it becomes another one by itself.
    pub due_ms: Option<u64>,
}

pub fn brief(fleet: &Fleet, order: &Order, known: Known<'_>) -> Brief {
    let (set, policy) = (fleet.set(order.set), &order.policy);
    let members: Vec<Seen<'_>> = set.members.iter().map(|member| Seen::new(fleet.panel(member.panel), known)).collect();
    let faith = Faith::of(&members);
    let mut brief = Brief {
        standings: members.iter().map(|seen| seen.standing(policy, &faith, known.now_ms)).collect(),
        addresses: (0..).zip(&members).flat_map(|(n, seen)| seen.addresses(faith).map(move |at| (n, at))).collect(),
        ttl: policy.ttl,
        due_ms: None,
    };
    let changes = members.iter().map(|seen| seen.changing(policy, known.now_ms));
    for (is_changing, due_ms) in changes {
        if is_changing {
            brief.ttl = policy.ttl.min(policy.ttl_changing);
        }
        brief.due_ms = [brief.due_ms, due_ms].into_iter().flatten().min();
    }
    brief
}

/// What counts as up though nobody has seen it, in one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Faith {
    /// What is presumed to be.
    Presumed,
    /// Also what is new: nobody else is there.
    New,
    /// Nothing: one family is known to be dead, and of the other nothing is known, which is no reason to answer with that alone.
    None,
}

impl Faith {
    fn of(members: &[Seen<'_>]) -> Self {
        let on = || members.iter().filter(|seen| seen.conduct.state != State::Disabled);
        let lives = |is_it: fn(&IpAddr) -> bool| on().flat_map(move |seen| seen.lives(is_it));
        let best = |is_it| lives(is_it).min();
        match [best(IpAddr::is_ipv4), best(IpAddr::is_ipv6)] {
            [Some(Life::Up), _] | [_, Some(Life::Up)] => Self::Presumed,
            [Some(Life::Down), Some(_)] | [Some(_), Some(Life::Down)] => Self::None,
            [Some(Life::Presumed), _] | [_, Some(Life::Presumed)] => Self::Presumed,
            _ => Self::New,
        }
    }

    fn counts(self, life: Life) -> bool {
        match life {
            Life::Up => true,
            Life::Presumed => self != Self::None,
            Life::New => self == Self::New,
            Life::Down => false,
        }
    }
}

impl Brief {
    /// Those of the set's member with this number.
    pub fn addresses(&self, member: usize) -> impl Iterator<Item = IpAddr> {
        let from = self.addresses.partition_point(|(n, _)| usize::from(*n) < member);
        self.addresses[from..].iter().take_while(move |(n, _)| usize::from(*n) == member).map(|(_, at)| *at)
    }

    /// Both are answered with alike, whatever comes next.
    pub fn is_like(&self, other: &Self) -> bool {
        self.ttl == other.ttl && self.standings == other.standings && self.addresses == other.addresses
    }
}

/// A panel with all that is known of it.
struct Seen<'a> {
    panel: &'a Panel,
    conduct: Conduct,
    condition: Option<&'a Condition>,
    /// Nobody looks: all are well.
    is_unseen: bool,
}

impl<'a> Seen<'a> {
    fn new(panel: &'a Panel, known: Known<'a>) -> Self {
        let own = Conduct { state: panel.state, shed: 0, is_moving: false };
        let conduct = known.conducts.get(&*panel.name).copied().unwrap_or(own);
        let condition = known.conditions.and_then(|conditions| conditions.get(&*panel.name)).map(|condition| &**condition);
        Self { panel, conduct, condition, is_unseen: known.conditions.is_none() }
    }

    fn life(&self, address: IpAddr) -> Life {
        match self.condition {
            Some(condition) => condition.life(address),
            None if self.is_unseen || self.panel.checks.is_empty() => Life::Up,
            None => Life::New,
        }
    }

    fn lives(&self, is_it: fn(&IpAddr) -> bool) -> impl Iterator<Item = Life> {
        self.panel.addresses.iter().filter(move |at| is_it(at)).map(|at| self.life(*at))
    }

    fn fitness(&self, is_it: fn(&IpAddr) -> bool, faith: &Faith) -> Fitness {
        match self.lives(is_it).min() {
            None => Fitness::None,
            Some(life) if faith.counts(life) => Fitness::Up,
            Some(_) => Fitness::Down,
        }
    }

    /// Those that live; of a family in which none does all of them, for who is answered with then is tried for want of others.
    fn addresses(&self, faith: Faith) -> impl Iterator<Item = IpAddr> {
        let lives = move |at: &IpAddr| faith.counts(self.life(*at));
        let of = move |is_it: fn(&IpAddr) -> bool| {
            let all = move || self.panel.addresses.iter().copied().filter(is_it);
            let is_dead = !all().any(|at| lives(&at));
            all().filter(move |at| is_dead || lives(at))
        };
        of(IpAddr::is_ipv4).chain(of(IpAddr::is_ipv6))
    }

    fn standing(&self, policy: &Policy, faith: &Faith, now_ms: u64) -> Standing {
        let weight = match policy.steer {
            // In turn means in turn, but 0 is never.
            Steer::RoundRobin if self.panel.weight > 0.0 => 1.0,
            _ => self.panel.weight,
        };
        // What is free decides who gets clients; how much of the set is healthy goes by what was given.
        let free = match policy.steer {
            Steer::LeastLoaded => self.condition.and_then(|condition| condition.load).map_or(WHOLE, free),
            _ => WHOLE,
        };
        let back = self.slow_start(policy, now_ms).map_or(WHOLE, |(share, _)| share);
        let marks = Watermarks { from: policy.shed_from, all: policy.shed_all };
        let by_load = self.condition.map_or(0, |condition| condition.shed(marks));
        let open = |shed: u32| u64::from(WHOLE - shed.min(WHOLE));
        Standing {
            weight,
            state: match self.conduct.state {
                State::Enabled => steer::State::Enabled,
                State::Draining => steer::State::Draining,
                State::Disabled => steer::State::Disabled,
            },
            v4: self.fitness(IpAddr::is_ipv4, faith),
            v6: self.fitness(IpAddr::is_ipv6, faith),
            slow_start: ((u64::from(back) * u64::from(free)) >> 16) as u32,
            shed: WHOLE - ((open(self.conduct.shed) * open(by_load)) >> 16) as u32,
        }
    }

    /// What it has back of its weight, and when it gets more; none: all.
    fn slow_start(&self, policy: &Policy, now_ms: u64) -> Option<(u32, u64)> {
        let returned_ms = self.condition?.returned_ms?;
        let whole_ms = u64::try_from(policy.slow_start.as_millis()).unwrap_or(u64::MAX);
        let gone_ms = now_ms.saturating_sub(returned_ms);
        if gone_ms >= whole_ms {
            return None;
        }
        let step = gone_ms.saturating_mul(STEPS) / whole_ms;
        let share = (step as f64 / STEPS as f64).max(FIRST_SHARE);
        let next_ms = returned_ms + whole_ms.saturating_mul(step + 1).div_ceil(STEPS);
        Some(((share * f64::from(WHOLE)) as u32, next_ms))
    }

    /// Whether clients should ask again soon, and when that, or what it has of its weight, is another by itself.
    fn changing(&self, policy: &Policy, now_ms: u64) -> (bool, Option<u64>) {
        let Some(condition) = self.condition else { return (self.conduct.is_moving, None) };
        let after_ms = 2 * u64::from(policy.ttl) * 1000;
        let within = |at_ms: Option<u64>| at_ms.map(|at| at.saturating_add(after_ms)).filter(|until| *until > now_ms);
        let stirred = within(condition.stirred_ms);
        // Of one that is switched off nobody waits for news.
        let is_on = self.conduct.state != State::Disabled;
        let turned = within(condition.turned_ms).filter(|_| is_on);
        let shed = within(condition.shed_ms).filter(|_| is_on);
        let returning = self.slow_start(policy, now_ms).filter(|_| is_on).map(|(_, next_ms)| next_ms);
        let is_wavering = is_on && condition.is_wavering;
        let is_changing =
            self.conduct.is_moving || is_wavering || stirred.is_some() || turned.is_some() || shed.is_some() || returning.is_some();
        (is_changing, [stirred, turned, shed, returning].into_iter().flatten().min())
    }
}

/// What is left of a panel that is so many sixteenths full, in 1/65,536.
fn free(sixteenths: u8) -> u32 {
    ((1.0 - f64::from(sixteenths) / 16.0).max(LEAST_SHARE) * f64::from(WHOLE)) as u32
}

#[cfg(test)]
mod tests;
