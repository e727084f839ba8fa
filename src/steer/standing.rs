//! Who of a set has how much weight now: what operators, health and load say, made one.
//!
//! Weight is given to the panels that should have some: weight × slow start × (1 − shed), and nothing to those that are down, draining or
//! disabled. Where that leaves nobody, constraints are given up until somebody has weight, so that neither load nor drains nor health can
//! make an answer empty: slow start, then shed, then draining, then health, each with those before it. Health goes at once, before the others,
//! when the healthy share of the set is at or below `panic`; as nothing can be below 0, that is also how it goes when nothing is healthy,
//! and then panels that are draining still stay away while others that are down can be tried.
//!
//! - A weight of 0 means: only when no panel with weight is left that is up. Then those of weight 0 that are up are one another's equals, before
//!   health is given up; a set in which nobody has weight is one of equals. (Weighted answers elsewhere are understood so.)
//! - A disabled panel never returns. A set in which all are disabled gives nobody weight: it exists, and has no address.
//! - Families are judged apart, except that health is never given up for the addresses of one family while a panel lives by the other: clients
//!   then do better without the dead ones.

use super::slots::{WHOLE, Weight, share};

/// What is known of one member of a set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub weight: f64,
    pub state: State,
    pub v4: Family,
    pub v6: Family,
    /// What it has of its weight now, in 1/65,536: what it has back, and of that what least-loaded finds free.
    pub slow_start: u32,
    /// What it should lose of its clients, in 1/65,536.
    pub shed: u32,
}

/// What the operator wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Enabled,
    Draining,
    Disabled,
}

/// A panel's addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// It has none.
    None,
    /// All of them are.
    Down,
    Up,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// At or below this healthy share of the set, health is ignored.
    pub panic: f64,
    /// A tier with less than this share of its weight up hands clients on.
    pub overflow: f64,
}

/// What a query needs to know of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Effective weight of its addresses of each family.
    pub v4: Weight,
    pub v6: Weight,
    /// Its part of the weight of its tier: that of panels not disabled.
    pub full: u32,
    /// What is up of it, or counts as up as health is ignored: `full` or 0.
    pub up: u32,
    /// What it takes of its clients, in 1/65,536; 0 without effective weight.
    pub open: u32,
}

/// Constraints that were given up so that somebody has weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waived {
    pub slow_start: bool,
    pub shed: bool,
    pub draining: bool,
    /// That panels of weight 0 get nothing.
    pub weight: bool,
    pub health: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// In the order of the members.
    pub fits: Vec<Fit>,
    /// Every tier in which somebody has weight keeps all its clients, whoever it consists of.
    pub calm: bool,
    /// Some panel has such an address, whatever its state.
    pub has_v4: bool,
    pub has_v6: bool,
    /// There are addresses of this family, but none to answer with, and there is one of the other.
    pub v4_dead: bool,
    pub v6_dead: bool,
    pub v4_waived: Waived,
    pub v6_waived: Waived,
}

pub fn judge(members: &[Standing], limits: &Limits) -> Verdict {
    let has = |family: Which| members.iter().any(|member| family.of(member) != Family::None);
    let ignored = ignores_health(members, limits);
    // Health stays where it tells one family from the other.
    let (v4_lives, v6_lives) = (lives(members, Which::V4), lives(members, Which::V6));
    let (v4, v4_waived) = weigh(members, Which::V4, ignored && (v4_lives || !v6_lives));
    let (v6, v6_waived) = weigh(members, Which::V6, ignored && (v6_lives || !v4_lives));

    // Who serves without weight is measured among equals.
    let served = members.iter().zip(v4.iter().zip(&v6));
    let equals = served.into_iter().all(|(member, (v4, v6))| Weight::new(member.weight).is_zero() || v4.is_zero() && v6.is_zero());
    let fit = |((member, v4), v6): ((&Standing, Weight), Weight)| {
        let full = if counts(member) { nominal(member, equals).units() } else { 0 };
        let sheds = |weight: Weight, waived: Waived| !weight.is_zero() && !waived.shed;
        let open = match (v4.is_zero() && v6.is_zero(), sheds(v4, v4_waived) || sheds(v6, v6_waived)) {
            (true, _) => 0,
            (false, true) => WHOLE - member.shed.min(WHOLE),
            (false, false) => WHOLE,
        };
        Fit { v4, v6, full, up: if ignored || is_up(member) { full } else { 0 }, open }
    };
    let fits: Vec<Fit> = members.iter().zip(v4).zip(v6).map(fit).collect();

    let (v4_any, v6_any) = (fits.iter().any(|fit| !fit.v4.is_zero()), fits.iter().any(|fit| !fit.v6.is_zero()));
    let all_up = share(limits.overflow) == 0 || fits.iter().all(|fit| fit.up == fit.full);
    let all_open = fits.iter().all(|fit| fit.open == WHOLE || (fit.v4.is_zero() && fit.v6.is_zero()));
    Verdict {
        fits,
        calm: all_up && all_open,
        has_v4: has(Which::V4),
        has_v6: has(Which::V6),
        v4_dead: has(Which::V4) && !v4_any && v6_any,
        v6_dead: has(Which::V6) && !v6_any && v4_any,
        v4_waived,
        v6_waived,
    }
}

/// The share of its clients (in 1/65,536) that a tier keeps: min(1, H / overflow) × max(1 − shed), H being what is up of what there is.
/// `most_open` is the greatest `Fit::open` of its members. A tier of panels of weight 0 has nothing to be measured by and keeps them.
pub(super) fn kept(up: u64, full: u64, most_open: u32, overflow: u32) -> u32 {
    let open = most_open.min(WHOLE);
    let enough = u128::from(full) * u128::from(overflow);
    let there = u128::from(up) << 16;
    if there >= enough {
        return open;
    }
    // Less than `open`, so it fits.
    (there * u128::from(open) / enough) as u32
}

#[derive(Clone, Copy)]
enum Which {
    V4,
    V6,
}

impl Which {
    fn of(self, member: &Standing) -> Family {
        match self {
            Self::V4 => member.v4,
            Self::V6 => member.v6,
        }
    }
}

/// Whether its weight is part of its set's.
fn counts(member: &Standing) -> bool {
    member.state != State::Disabled && (member.v4 != Family::None || member.v6 != Family::None)
}

fn is_up(member: &Standing) -> bool {
    member.v4 == Family::Up || member.v6 == Family::Up
}

/// Whether some panel that may be used has an address of this family that is up.
fn lives(members: &[Standing], family: Which) -> bool {
    members.iter().any(|member| counts(member) && family.of(member) == Family::Up)
}

/// Nobody who counts has weight, so that all have the same.
fn are_equals(members: &[Standing]) -> bool {
    members.iter().filter(|member| counts(member)).all(|member| Weight::new(member.weight).is_zero())
}

fn nominal(member: &Standing, equals: bool) -> Weight {
    if equals { Weight::ONE } else { Weight::new(member.weight) }
}

fn ignores_health(members: &[Standing], limits: &Limits) -> bool {
    let equals = are_equals(members);
    let weight = |member: &Standing| u64::from(nominal(member, equals).units());
    let counting = || members.iter().filter(|member| counts(member));
    let full: u64 = counting().map(weight).sum();
    let up: u64 = counting().filter(|member| is_up(member)).map(weight).sum();
    // Sums are below 2^53, so this is the number nearest to the share, as a limit that is written down is to what is written.
    let healthy = up as f64 / full as f64;
    // While only panels of weight 0 live, health is what tells them from the dead.
    let told_apart = up == 0 && counting().any(is_up);
    full > 0 && healthy <= limits.panic.max(0.0) && !told_apart
}

/// The effective weights of one family's addresses, and what had to be given up for somebody to have any.
fn weigh(members: &[Standing], family: Which, ignore_health: bool) -> (Vec<Weight>, Waived) {
    let start = Waived { health: ignore_health, ..Waived::default() };
    for weight in [false, true] {
        let mut waived = Waived { weight, ..start };
        for give_up in STEPS {
            give_up(&mut waived);
            let weights: Vec<Weight> = members.iter().map(|member| effective(member, family, waived)).collect();
            if weights.iter().any(|weight| !weight.is_zero()) {
                return (weights, waived);
            }
        }
    }
    (vec![Weight::ZERO; members.len()], start)
}

/// In the order in which they are given up, each with those before it.
const STEPS: [fn(&mut Waived); 4] =
    [|_| {}, |waived| waived.slow_start = true, |waived| waived.shed = true, |waived| waived.draining = true];

fn effective(member: &Standing, family: Which, waived: Waived) -> Weight {
    let usable = match family.of(member) {
        Family::None => false,
        Family::Down => waived.health,
        Family::Up => true,
    };
    let wanted = match member.state {
        State::Enabled => true,
        State::Draining => waived.draining,
        State::Disabled => false,
    };
    if !usable || !wanted {
        return Weight::ZERO;
    }
    let slow_start = if waived.slow_start { WHOLE } else { member.slow_start };
    let open = if waived.shed { WHOLE } else { WHOLE - member.shed.min(WHOLE) };
    nominal(member, waived.weight).times(slow_start).times(open)
}

#[cfg(test)]
mod tests;
