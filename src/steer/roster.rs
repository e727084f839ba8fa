//! A set under one policy, ready to be chosen from.

use super::chart::Chart;
use super::geometry::Geometry;
use super::guide::{Client, Guide, Spot};
use super::slots::{self, Slot, WHOLE, Weight};
use super::standing::{self, Fit};
use crate::geo::Near;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

/// Panels in one answer at most.
pub const MAX_ANSWERS: usize = slots::MOST;
/// What a network's clients have in common, so that they share a slot: fewer bits would tie strangers together.
const SLOT_V4: u8 = 24;
const SLOT_V6: u8 = 56;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

/// One panel of the set. What it may carry now is in `fit`.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its number in the fleet.
    pub panel: u32,
    pub key: u64,
    pub fit: Fit,
}

/// What the tiers are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By distance; where the place is unknown each of the operator's tiers is one.
    Nearest,
    /// One tier of each of the operator's.
    Tiers,
}

#[derive(Clone, Debug)]
pub struct Roster {
    pub geometry: Arc<Geometry>,
    /// Only ever an acceleration: what it gives is what `geometry` gives.
    pub chart: Option<Arc<Chart>>,
    /// Stop by stop.
    pub members: Box<[Member]>,
    /// The members at each stop.
    pub stops: Box<[Range<u16>]>,
    /// The stops of each of the operator's tiers.
    pub tiers: Box<[Box<[u16]>]>,
    pub order: Order,
    pub choice: How,
    /// How many panels go into one answer.
    pub answers: u8,
    /// 1/65,536 of the weight of a tier; below it the tier hands clients on.
    pub overflow: u32,
    /// Every tier keeps all its clients.
    pub calm: bool,
}

/// What makes two queries get different panels of one tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The client's network.
    Sticky,
    /// Chance, by weight.
    Random,
    /// One after the other, whatever their weight.
    InTurn,
}

/// What was chosen, and why. No members: nobody has weight in this family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Numbers of members, the preferred one first.
    members: [u16; MAX_ANSWERS],
    count: u8,
    /// How many tiers with panels came before.
    pub tier: u16,
    pub slot: Slot,
    /// Another slot of the same place may get others.
    pub by_slot: bool,
    /// More was needed than the chart knows, which ends at the fence: another place of the same class may get others.
    pub beyond_chart: bool,
}

impl Choice {
    pub fn members(&self) -> &[u16] {
        &self.members[..usize::from(self.count)]
    }
}

/// What a place is, to a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The same for all places.
    Any,
    Unknown,
    Charted(u16),
    Spot(Spot),
}

impl Class {
    pub fn is_known(self) -> bool {
        self != Self::Unknown
    }
}

impl Roster {
    /// What `address` is to this roster, and the widest network around it that is the same.
    #[inline]
    pub fn class(&self, guide: &Guide, address: IpAddr) -> (Class, u8) {
        if self.order == Order::Tiers {
            return (Class::Any, 0);
        }
        if let Some(chart) = &self.chart {
            let hit = chart.find(address);
            let class = if hit.value == 0 { Class::Unknown } else { Class::Charted(hit.value) };
            return (class, hit.prefix);
        }
        let (spot, prefix) = guide.find(address);
        let known = guide.client(spot).is_some();
        (if known { Class::Spot(spot) } else { Class::Unknown }, prefix)
    }

    /// Where the chart's answer about an address stands, if there is a chart. For whoever looks ahead.
    #[inline]
    pub fn near(&self, address: IpAddr) -> Option<Near> {
        self.chart.as_ref().map(|chart| chart.near(address))
    }

    #[inline]
    pub fn touch(&self, near: Near) {
        if let Some(chart) = &self.chart {
            chart.touch(near);
        }
    }

    /// `address` is where `class` was found; a chart that knows too little asks the guide about it again.
    #[inline]
    pub fn choose(&self, guide: &Guide, class: Class, address: IpAddr, family: Family, slot: Slot, seed: u64) -> Choice {
        let mut choosing = Choosing::new(self, family, slot, seed);
        match class {
            Class::Any | Class::Unknown => self.each_tier(|tier| choosing.visit(tier)),
            Class::Spot(spot) => {
                if let Some(client) = guide.client(spot) {
                    self.geometry.rank(guide, &client, |tier| choosing.visit(tier));
                    self.choose_beyond(guide, &client, &mut choosing);
                }
            }
            Class::Charted(class) => {
                let is_whole = self.chart.as_ref().is_none_or(|chart| chart.rank(class, |tier| choosing.visit(tier)));
                let is_enough = choosing.is_done || is_whole && choosing.choice.count > 0;
                if !is_enough {
                    choosing = Choosing::new(self, family, slot, seed);
                    choosing.choice.beyond_chart = true;
                    if let Some(client) = guide.client(guide.find(address).0) {
                        self.geometry.rank(guide, &client, |tier| choosing.visit(tier));
                        self.choose_beyond(guide, &client, &mut choosing);
                    }
                }
            }
        }
        choosing.choice
    }

    /// Nobody within the fence has weight in this family: better a panel beyond it than no answer, which would have no scope.
    #[inline]
    fn choose_beyond(&self, guide: &Guide, client: &Client, choosing: &mut Choosing<'_>) {
        if choosing.choice.count == 0 {
            self.geometry.rank_beyond(guide, client, |tier| choosing.visit(tier));
        }
    }

    /// Calls `visit` with the stops of each tier of the ranking for `spot`, all of them; those beyond the fence only where nobody within it
    /// has weight, in `family` if there is one.
    pub fn rank(&self, guide: &Guide, class: Class, family: Option<Family>, mut visit: impl FnMut(&[u16])) {
        let mut is_served = false;
        let mut all = |tier: &[u16]| {
            visit(tier);
            is_served |= tier.iter().any(|stop| self.numbered_at(*stop).any(|(_, member)| member.has_weight(family)));
            false
        };
        match class {
            Class::Spot(spot) if self.order == Order::Nearest => {
                let Some(client) = guide.client(spot) else { return };
                self.geometry.rank(guide, &client, &mut all);
                if !is_served {
                    self.geometry.rank_beyond(guide, &client, |tier| {
                        visit(tier);
                        false
                    });
                }
            }
            _ => self.each_tier(all),
        }
    }

    #[inline]
    fn each_tier(&self, mut visit: impl FnMut(&[u16]) -> bool) {
        for tier in &self.tiers {
            if visit(tier) {
                return;
            }
        }
    }

    /// The slot of a client's network, or of chance.
    #[inline]
    pub fn slot(&self, network: IpAddr, seed: u64) -> Slot {
        match self.choice {
            How::Sticky => Slot::of_network(network),
            How::Random | How::InTurn => Slot::random(seed),
        }
    }

    /// The prefix that a choice made at a place of `prefix` holds for: where slots decide, no network wider than a slot's.
    #[inline]
    pub fn narrowed(&self, prefix: u8, by_slot: bool, network: IpAddr) -> u8 {
        if self.choice != How::Sticky || !by_slot {
            return prefix;
        }
        prefix.max(if network.is_ipv4() { SLOT_V4 } else { SLOT_V6 })
    }

    #[inline]
    pub fn tally(&self, tier: &[u16], family: Family) -> Tally {
        let mut tally = Tally::default();
        for stop in tier {
            let Range { start, end } = self.stops[usize::from(*stop)];
            for n in start..end {
                let member = &self.members[usize::from(n)];
                if !member.weight(family).is_zero() {
                    tally.serving += 1;
                    tally.last = n;
                }
                tally.up += u64::from(member.fit.up);
                tally.full += u64::from(member.fit.full);
                tally.open = tally.open.max(member.fit.open);
            }
        }
        tally
    }

    /// The share of its clients, in 1/65,536, that a tier keeps while others come after it.
    #[inline]
    pub fn kept(&self, tally: &Tally) -> u32 {
        if self.calm { WHOLE } else { standing::kept(tally.up, tally.full, tally.open, self.overflow) }
    }

    /// The members at a stop, with their numbers.
    pub fn numbered_at(&self, stop: u16) -> impl Iterator<Item = (u16, &Member)> {
        self.stops[usize::from(stop)].clone().map(|n| (n, &self.members[usize::from(n)]))
    }
}

impl Member {
    /// In this family, or in any.
    fn has_weight(&self, family: Option<Family>) -> bool {
        family.map_or(!self.fit.v4.is_zero() || !self.fit.v6.is_zero(), |family| !self.weight(family).is_zero())
    }

    #[inline]
    pub fn weight(&self, family: Family) -> Weight {
        match family {
            Family::V4 => self.fit.v4,
            Family::V6 => self.fit.v6,
        }
    }
}

/// What the members of a tier come to in one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many have weight.
    pub serving: usize,
    /// The last of those.
    last: u16,
    /// In the units of `Fit`.
    pub up: u64,
    pub full: u64,
    pub open: u32,
}

/// One walk down a ranking.
struct Choosing<'r> {
    roster: &'r Roster,
    family: Family,
    seed: u64,
    choice: Choice,
    /// Tiers seen.
    tiers: u16,
    /// One of them handed this slot on, so who comes after depends on the slot.
    is_handed_on: bool,
    is_done: bool,
}

impl<'r> Choosing<'r> {
    #[inline]
    fn new(roster: &'r Roster, family: Family, slot: Slot, seed: u64) -> Self {
        let choice = Choice { members: [0; MAX_ANSWERS], count: 0, tier: 0, slot, by_slot: false, beyond_chart: false };
        Self { roster, family, seed, choice, tiers: 0, is_handed_on: false, is_done: false }
    }

    /// True: the choice is made.
    #[inline]
    fn visit(&mut self, tier: &[u16]) -> bool {
        let number = self.tiers;
        self.tiers += 1;
        let roster = self.roster;
        let tally = roster.tally(tier, self.family);
        let serving = tally.serving;
        if serving == 0 {
            return false;
        }
        // The last tier with weight keeps all: what was chosen here stands if nobody comes after.
        self.choice.tier = number;
        self.choice.by_slot = self.is_handed_on;
        if serving == 1 {
            self.choice.members[0] = tally.last;
            self.choice.count = 1;
        } else {
            let wanted = usize::from(roster.answers).min(MAX_ANSWERS);
            // All of them in any order is one answer for everybody.
            self.choice.by_slot |= serving > wanted || roster.choice == How::Sticky;
            self.pick(tier, serving, wanted);
        }
        let kept = roster.kept(&tally);
        if kept == WHOLE || slots::keeps(self.choice.slot, u8::try_from(number).unwrap_or(u8::MAX), kept) {
            self.choice.by_slot |= kept != WHOLE;
            self.is_done = true;
            return true;
        }
        self.is_handed_on = true;
        false
    }

    #[inline]
    fn pick(&mut self, tier: &[u16], serving: usize, wanted: usize) {
        let (roster, family) = (self.roster, self.family);
        self.choice.count = 0;
        let candidates = tier.iter().flat_map(|stop| roster.stops[usize::from(*stop)].clone());
        let candidates = candidates.map(|n| (n, &roster.members[usize::from(n)])).filter(|(_, member)| !member.weight(family).is_zero());
        if roster.choice == How::InTurn && roster.calm {
            let first = (self.seed % serving as u64) as usize;
            for (n, _) in candidates.clone().skip(first).chain(candidates).take(serving.min(wanted)) {
                self.choice.members[usize::from(self.choice.count)] = n;
                self.choice.count += 1;
            }
            return;
        }
        let candidates = candidates.map(|(n, member)| (n, member.key, member.weight(family)));
        self.choice.count = slots::pick(self.choice.slot, candidates, &mut self.choice.members[..wanted]) as u8;
    }
}
