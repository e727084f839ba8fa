//! The panels of a set in the order in which they come for one client, and what keeps others out of it.

use super::{BOTH, Scene};
use crate::answer::Located;
use crate::control::explain::{Facts, Ranked, Step, Tiered};
use crate::control::words::{counted, kilometres, listed, nth, percent, thousands};
use crate::fleet::{self, Panel, State, Steer};
use crate::geo::{continent_codes, distance_km};
use crate::steer::slots::{self, WHOLE, Weight};
use crate::steer::{Class, Client, Family, Fence, How, MAX_ANSWERS, Member, NOWHERE, Order};
use std::cmp::Ordering;
use std::collections::HashSet;

/// What is asked of panels: addresses of one family, or (SRV) of any.
#[derive(Clone, Copy)]
struct Wanted(Option<Family>);

impl Wanted {
    fn weight(self, member: &Member) -> Weight {
        match self.0 {
            Some(family) => member.weight(family),
            None => BOTH.map(|family| member.weight(family)).into_iter().max().unwrap_or_default(),
        }
    }
}

impl Scene<'_> {
    /// A step for each tier, and one for those who are in none.
    pub(super) fn rank(&self, located: &Located, steps: &mut Vec<Step>) {
        let roster = &self.service.roster;
        let (spot, client) = self.spot(located);
        // All tiers are told, and a chart knows the first ones only.
        let class = match located.class {
            Class::Charted(_) => Class::Spot(spot),
            class => class,
        };
        let client = client.filter(|_| matches!(class, Class::Spot(_)));
        let mut tiers: Vec<Vec<u16>> = Vec::new();
        let family = self.choice().map(|(family, _)| family).or(self.family());
        roster.rank(&self.snapshot.guide, class, family, |tier| tiers.push(tier.to_vec()));
        let mut within = 0;
        let count = |_: &[u16]| {
            within += 1;
            false
        };
        match &client {
            Some(client) => roster.geometry.rank(&self.snapshot.guide, client, count),
            None => within = tiers.len(),
        }
        let mut priority = 0;
        for (n, tier) in tiers.iter().enumerate() {
            let mut tiered = self.tier(n, tier, client.as_ref(), located, &mut priority);
            if n > 0 && tiered.state != "chosen" && tiered.state != "handed-on" {
                let because = self.behind(&tiers[n - 1], tier, client.as_ref());
                if let Some(first) = tiered.panels.first_mut().filter(|first| first.text.is_empty()) {
                    first.text = because;
                }
            }
            if let Some(first) = tiered.panels.first_mut().filter(|_| n == within) {
                let parts = [std::mem::take(&mut first.text), "beyond the fence, but nobody within it is left".into()];
                first.text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
            }
            steps.push(Step { text: sentence(&tiered), facts: Facts::Tier(tiered) });
        }
        let seen: HashSet<u16> = tiers.into_iter().flatten().collect();
        let outside = (0..roster.stops.len() as u16).filter(|stop| !seen.contains(stop));
        let outside: Vec<Ranked> = outside.flat_map(|stop| self.beyond(stop, client.as_ref())).collect();
        if !outside.is_empty() {
            let text = format!("{} beyond the fence", counted(outside.len(), "panel"));
            steps.push(Step { facts: Facts::Out { panels: outside }, text });
        }
    }

    /// Every panel of the set, where nobody can be chosen.
    pub(super) fn nobody(&self) -> Option<Step> {
        let wanted = Wanted(self.family());
        let is_about_addresses = self.family().is_some() && !self.heard.has_end(self.question.rtype);
        let roster = &self.service.roster;
        let stops = (0..roster.stops.len() as u16).filter(|_| is_about_addresses);
        let panels: Vec<Ranked> = stops.flat_map(|stop| self.members(stop, None, wanted)).map(|(_, ranked)| ranked).collect();
        let text = "no panel has what is asked for".into();
        (!panels.is_empty()).then_some(Step { facts: Facts::Out { panels }, text })
    }

    fn tier(&self, n: usize, tier: &[u16], client: Option<&Client>, located: &Located, priority: &mut u16) -> Tiered {
        let roster = &self.service.roster;
        let choice = self.choice();
        let wanted = Wanted(choice.map(|(family, _)| family).or(self.family()));
        let mut members: Vec<(u16, Ranked)> = tier.iter().flat_map(|stop| self.members(*stop, client, wanted)).collect();
        members.sort_by(|(_, a), (_, b)| a.distance_km.partial_cmp(&b.distance_km).unwrap_or(Ordering::Equal));
        let mut keeps = WHOLE;
        let serving = members.iter().filter(|(_, ranked)| ranked.out.is_none()).count();
        let state = match choice {
            _ if serving == 0 => "empty",
            None => {
                for (_, ranked) in members.iter_mut().filter(|(_, ranked)| ranked.out.is_none()) {
                    ranked.text = format!("priority {priority}");
                }
                *priority += 1;
                "told"
            }
            Some((family, choice)) => {
                keeps = roster.kept(&roster.tally(tier, family));
                match n.cmp(&usize::from(choice.tier)) {
                    Ordering::Less => "handed-on",
                    Ordering::Equal => "chosen",
                    Ordering::Greater => "waiting",
                }
            }
        };
        if state == "chosen" {
            self.turns(&mut members, wanted, serving);
        }
        if state == "handed-on" {
            let text = format!("keeps {} of its clients, not those of slot {}", percent(keeps), thousands(located.slot.0.into()));
            members.iter_mut().filter(|(_, ranked)| ranked.out.is_none()).take(1).for_each(|(_, ranked)| ranked.text.clone_from(&text));
        }
        let slot = (roster.choice == How::Sticky && state == "chosen" && serving > 1).then_some(located.slot.0);
        let panels = members.into_iter().map(|(_, ranked)| ranked).collect();
        Tiered { tier: n + 1, state: state.into(), keeps: f64::from(keeps) / f64::from(WHOLE), slot, panels }
    }

    /// Who of the chosen tier comes when: those chosen, then those who would be.
    fn turns(&self, members: &mut [(u16, Ranked)], wanted: Wanted, serving: usize) {
        let Some((_, choice)) = self.choice() else { return };
        let roster = &self.service.roster;
        let mut order = [0; MAX_ANSWERS];
        let all = members.iter().map(|(n, _)| (*n, &roster.members[usize::from(*n)]));
        let count = slots::pick(choice.slot, all.map(|(n, member)| (n, member.key, wanted.weight(member))), &mut order);
        let has_turns = serving > 1 && roster.choice != How::InTurn;
        let is_alone = members.len() == 1;
        for (n, ranked) in members.iter_mut().filter(|(_, ranked)| ranked.out.is_none()) {
            ranked.chosen = choice.members().contains(n);
            ranked.turn = order[..count].iter().position(|at| at == n).filter(|_| has_turns).map(|at| at + 1);
            let slot = match roster.choice {
                How::Sticky => format!("in slot {}", thousands(choice.slot.0.into())),
                How::Random | How::InTurn => "by chance".into(),
            };
            let text = match (ranked.chosen, ranked.turn) {
                (true, Some(turn)) => format!("chosen: {} of {serving} {slot}", nth(turn)),
                (true, None) if serving > 1 => "chosen: in turn".into(),
                (true, None) if is_alone => "chosen: alone in its tier".into(),
                (true, None) => "chosen: nobody else of its tier can be".into(),
                (false, Some(turn)) => format!("{} {slot}", nth(turn)),
                (false, None) => String::new(),
            };
            let waived = std::mem::take(&mut ranked.text);
            let parts = [text, waived].into_iter().filter(|part| !part.is_empty());
            ranked.text = parts.collect::<Vec<_>>().join("; ");
        }
        members.sort_by_key(|(_, ranked)| (!ranked.chosen, ranked.turn.unwrap_or(usize::MAX)));
    }

    /// The members at a stop, with their numbers.
    fn members(&self, stop: u16, client: Option<&Client>, wanted: Wanted) -> Vec<(u16, Ranked)> {
        let roster = &self.service.roster;
        let at = &roster.geometry.stops[usize::from(stop)];
        let distance = client.zip(at.point).map(|(client, point)| distance_km(client.point.degrees(), point.degrees()));
        let ranked = roster.numbered_at(stop).map(|(n, member)| {
            let weight = wanted.weight(member);
            let panel = self.panel(member);
            let (out, text) = match (panel, weight.is_zero()) {
                (panel, true) => (Some(absence(panel, wanted)), String::new()),
                (Some(panel), false) => (None, waived(panel)),
                (None, false) => (None, String::new()),
            };
            let ranked = Ranked {
                panel: self.panel_name(n),
                region: (at.region != NOWHERE).then(|| self.region_name(at.region)),
                tier: at.tier,
                distance_km: distance.map(|km| (km * 10.0).round() / 10.0),
                weight: f64::from(weight.units()) / f64::from(Weight::ONE.units()),
                state: panel.map_or("", |panel| state(panel.state)).into(),
                verdict: None,
                reason: None,
                chosen: false,
                turn: None,
                text: out.as_ref().map_or(text, |out: &String| format!("out: {out}")),
                out,
            };
            (n, ranked)
        });
        ranked.collect()
    }

    /// Why a tier comes after another.
    fn behind(&self, before: &[u16], tier: &[u16], client: Option<&Client>) -> String {
        let roster = &self.service.roster;
        let nearest = |tier: &[u16]| {
            let far = |stop: &u16| {
                let stop = &roster.geometry.stops[usize::from(*stop)];
                client.zip(stop.point).map_or(f64::INFINITY, |(client, point)| distance_km(client.point.degrees(), point.degrees()))
            };
            tier.iter().map(|stop| (far(stop), *stop)).min_by(|a, b| a.0.total_cmp(&b.0))
        };
        let (Some((near, first)), Some((far, second))) = (nearest(before), nearest(tier)) else { return String::new() };
        let nearer = first;
        let [first, second] = [first, second].map(|stop| &roster.geometry.stops[usize::from(stop)]);
        if first.tier != second.tier {
            return format!("tier {} of the set", second.tier);
        }
        let Some(client) = client else { return "next in the list".into() };
        let guide = &self.snapshot.guide;
        let home = roster.geometry.ranked_from(guide, client);
        if roster.order == Order::Nearest && home != NOWHERE {
            let [before, after] = [first, second].map(|stop| guide.rank(home, stop.region));
            let is_named = guide.regions.get(usize::from(home)).is_some_and(|region| region.then.contains(&second.region));
            if before != after {
                return match (second.region, is_named) {
                    (NOWHERE, _) => format!("in no region, so after {}", self.region_name(home)),
                    (region, true) => format!("region {}, next in {}'s `then`", self.region_name(region), self.region_name(home)),
                    (region, false) => format!("region {}, not in {}'s `then`", self.region_name(region), self.region_name(home)),
                };
            }
        }
        match far.is_finite() {
            true => format!("{} farther than {}", kilometres(far - near), self.panel_name(roster.stops[usize::from(nearer)].start)),
            false => "nobody knows where it is".into(),
        }
    }

    /// Panels that the fence shuts out.
    fn beyond(&self, stop: u16, client: Option<&Client>) -> Vec<Ranked> {
        let geometry = &self.service.roster.geometry;
        let why = match (geometry.fence, client) {
            (Fence::Region, Some(client)) => format!("beyond the fence: not in region {}", self.region_name(geometry.home(client))),
            (Fence::Continent, Some(client)) => {
                format!("beyond the fence: not on {}", continent_codes(client.continents).collect::<Vec<_>>().join(" or "))
            }
            _ => "not in the ranking".into(),
        };
        let wanted = Wanted(self.choice().map(|(family, _)| family).or(self.family()));
        let members = self.members(stop, client, wanted).into_iter().map(|(_, ranked)| ranked);
        members.map(|ranked| Ranked { text: format!("out: {why}"), out: Some(why.clone()), ..ranked }).collect()
    }
}

fn sentence(tiered: &Tiered) -> String {
    let names: Vec<String> = tiered.panels.iter().map(|ranked| ranked.panel.clone()).collect();
    let chosen: Vec<String> = tiered.panels.iter().filter(|ranked| ranked.chosen).map(|ranked| ranked.panel.clone()).collect();
    let names = listed(&names);
    match &*tiered.state {
        "chosen" => format!("{names}: {} chosen", listed(&chosen)),
        "handed-on" => format!("{names}: hands this client on"),
        "empty" => format!("{names}: nobody can be chosen"),
        "told" => format!("{names}: in the answer"),
        _ => format!("{names}: only if no tier before serves"),
    }
}

/// Of a panel that the fleet and its operators let serve: its health or its load keeps it out.
pub(in crate::control) const WEIGHTLESS: &str = "has no weight";

/// Why a panel has no weight.
fn absence(panel: Option<&Panel>, Wanted(family): Wanted) -> String {
    let Some(panel) = panel else { return WEIGHTLESS.into() };
    match family {
        Some(family) if !has(panel, family) => format!("has no {} address", ip(family)),
        _ if panel.state != State::Enabled => state(panel.state).into(),
        _ if panel.weight == 0.0 => "weight 0".into(),
        _ => WEIGHTLESS.into(),
    }
}

/// What speaks against a panel that serves all the same.
fn waived(panel: &Panel) -> String {
    match panel {
        Panel { state: State::Draining, .. } => "draining, but nobody else is left".into(),
        Panel { weight: 0.0, .. } => "weight 0, but nobody with weight is left".into(),
        _ => String::new(),
    }
}

pub(super) fn has(panel: &Panel, family: Family) -> bool {
    panel.addresses.iter().any(|address| address.is_ipv4() == (family == Family::V4))
}

pub(super) fn ip(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

pub(super) fn steer(steer: Steer) -> &'static str {
    match steer {
        Steer::Nearest => "nearest",
        Steer::Failover => "failover",
        Steer::Weighted => "weighted",
        Steer::RoundRobin => "round-robin",
        Steer::LeastLoaded => "least-loaded",
    }
}

pub(super) fn fence(fence: fleet::Fence) -> &'static str {
    match fence {
        fleet::Fence::None => "none",
        fleet::Fence::Region => "region",
        fleet::Fence::Continent => "continent",
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Enabled => "enabled",
        State::Draining => "draining",
        State::Disabled => "disabled",
    }
}
