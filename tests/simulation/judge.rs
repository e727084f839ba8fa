//! What must hold after every step, from DESIGN §3 and §4 alone: whoever wrote the laws is not asked.
//!
//! Answers: none is empty that should not be; nobody who is down, disabled or draining while somebody better is there; TTLs; no change
//! without a cause that was told. Verdicts: those who are dead are down within the bound, those who serve are not for ever.

use crate::asking::{self, Client, Said};
use crate::seen::{Conduct, Life, Seen, life};
use crate::truth::{Class, State as Real, Truth};
use meridian::clock::Now;
use meridian::fleet::{Check, CheckKind, Fleet, Hostname, Panel, Policy, State, Steer, Wish};
use meridian::health::{Turn, Verdict};
use meridian::pilot::Pilot;
use meridian::snapshot::Snapshot;
use meridian::snapshot::service::Service;
use meridian::steer::Family;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

/// A verdict is in the answers after this.
const COALESCED_MS: u64 = 10;
/// What changes with time alone is followed so late at most.
const TIMED_MS: u64 = 1000 + COALESCED_MS;
/// What a gauge said may show for so long: until it is stale, and is settled.
const GAUGE_MS: u64 = 63_000;
/// Each wait of the driver, the way of each report, and what a check takes that succeeds.
const SLACK_MS: u64 = 250;
/// The driver is never later than this.
const LATE_MS: u64 = 1100;
/// The longest hold-down.
const HOLD_MS: u64 = 300_000;

/// One call of the pilot, and what came of it.
#[derive(Default)]
pub(crate) struct Step {
    pub(crate) at_ms: u64,
    /// As the pilot was told.
    pub(crate) now: Now,
    /// Panels on which there was a report.
    pub(crate) touched: HashSet<String>,
    /// The fleet was changed, or the node began.
    pub(crate) is_edited: bool,
    pub(crate) is_wished: bool,
    /// From now on it answers.
    pub(crate) starts: bool,
    pub(crate) turns: Vec<Turn>,
    pub(crate) published: Option<Arc<Snapshot>>,
}

pub(crate) struct Judge {
    clients: Vec<Client>,
    pub(crate) panels: HashMap<String, Seen>,
    stations: HashMap<(String, IpAddr, String), Station>,
    /// When panels last said how full they are, and since when they do without a pause.
    beats: HashMap<String, (u64, u64)>,
    services: Vec<Arc<Service>>,
    /// By hostname and client, for A and AAAA.
    answers: Vec<Vec<[Said; 2]>>,
    unexplained: Vec<Unexplained>,
    /// The latest wall time at which wishes were looked at, since they were made.
    wished_s: u64,
    /// Something is to be judged until it has settled.
    unsettled_ms: u64,
    judged_ms: u64,
    toured_ms: u64,
    /// How long the driver has slept, all in all.
    pub(crate) slept_ms: u64,
}

/// A check of an address, and what it should come to.
struct Station {
    check: Check,
    class: Class,
    is_quite_well: bool,
    since_ms: u64,
    slept_ms: u64,
    falls: u32,
    is_down: bool,
    asked_ms: Option<u64>,
    asked_slept_ms: u64,
}

struct Unexplained {
    panels: HashSet<String>,
    at_ms: u64,
    what: String,
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self {
            clients: asking::clients(),
            panels: HashMap::new(),
            stations: HashMap::new(),
            beats: HashMap::new(),
            services: Vec::new(),
            answers: Vec::new(),
            unexplained: Vec::new(),
            wished_s: 0,
            unsettled_ms: 0,
            judged_ms: 0,
            toured_ms: 0,
            slept_ms: 0,
        }
    }

    /// The node begins anew; what the driver slept stays slept.
    pub(crate) fn restart(&mut self) {
        *self = Self { slept_ms: self.slept_ms, ..Self::new() };
    }

    pub(crate) fn beat(&mut self, panel: &str, now_ms: u64) {
        let (last_ms, since_ms) = self.beats.entry(panel.to_owned()).or_insert((now_ms, now_ms));
        // No heartbeat check has a shorter interval.
        if now_ms - *last_ms >= 5000 {
            *since_ms = now_ms;
        }
        *last_ms = now_ms;
    }

    pub(crate) fn asked(&mut self, panel: &str, address: IpAddr, check: &str, now_ms: u64) -> Result<(), String> {
        let key = (panel.to_owned(), address, check.to_owned());
        let slept_ms = self.slept_ms;
        let station =
            self.stations.get_mut(&key).ok_or_else(|| format!("{panel} {address} {check} is asked, and there is no such check"))?;
        (station.asked_ms, station.asked_slept_ms) = (Some(now_ms), slept_ms);
        Ok(())
    }

    /// The fleet, or how an address really is, has become another.
    pub(crate) fn expect(&mut self, fleet: &Fleet, truth: &Truth, now_ms: u64) {
        let mut there = HashSet::new();
        for panel in fleet.panels.iter() {
            for (address, id) in panel.addresses.iter().flat_map(|address| panel.checks.iter().map(move |id| (*address, *id))) {
                let check = fleet.check(id);
                let key = (panel.name.to_string(), address, check.name.clone());
                let (class, is_quite_well) = (truth.class(address, check), truth.state(address) == Some(Real::Well));
                let kept = self.stations.get_mut(&key).filter(|station| station.check == *check);
                match kept {
                    Some(station) if station.class == class && station.is_quite_well == is_quite_well => {}
                    Some(station) => {
                        (station.class, station.is_quite_well, station.since_ms, station.slept_ms) =
                            (class, is_quite_well, now_ms, self.slept_ms);
                    }
                    None => {
                        let station = Station {
                            check: check.clone(),
                            class,
                            is_quite_well,
                            since_ms: now_ms,
                            slept_ms: self.slept_ms,
                            falls: 0,
                            is_down: false,
                            asked_ms: None,
                            asked_slept_ms: self.slept_ms,
                        };
                        self.stations.insert(key.clone(), station);
                    }
                }
                there.insert(key);
            }
        }
        self.stations.retain(|key, _| there.contains(key));
    }

    pub(crate) fn look(
        &mut self,
        pilot: &Pilot,
        wishes: &BTreeMap<String, Wish>,
        is_asked: &dyn Fn(&str, IpAddr, &str) -> bool,
        step: &Step,
    ) -> Result<(), String> {
        let fleet = pilot.fleet();
        let at_ms = step.at_ms;
        self.wished_s = if step.is_wished { step.now.wall_s } else { self.wished_s.max(step.now.wall_s) };
        let mut stirred = HashSet::new();
        let is_tour = at_ms >= self.toured_ms + 1000;
        let is_all = is_tour || step.is_edited || step.is_wished || !step.turns.is_empty() || step.published.is_some();
        if step.is_edited {
            let there: HashSet<&str> = fleet.panels.iter().filter(|panel| !panel.addresses.is_empty()).map(|panel| &*panel.name).collect();
            self.panels.retain(|name, _| there.contains(&**name));
        }
        for panel in fleet.panels.iter().filter(|panel| !panel.addresses.is_empty()) {
            let conduct = Conduct::of(panel.state, wishes.get(&*panel.name), self.wished_s);
            let is_new = !self.panels.contains_key(&*panel.name);
            let seen =
                self.panels.entry(panel.name.to_string()).or_insert_with(|| Seen::new(conduct, pilot.has_started() && !step.starts, at_ms));
            if seen.conduct(conduct, step.is_edited, at_ms) {
                stirred.insert(panel.name.to_string());
            }
            let beats = panel.checks.iter().any(|id| matches!(fleet.check(*id).kind, CheckKind::Heartbeat));
            if !(is_all || is_new || beats || step.touched.contains(&*panel.name)) {
                continue;
            }
            let view = pilot.health().view(&panel.name, step.now).ok_or_else(|| format!("nothing is known of {}", panel.name))?;
            // What is heard before it answers is merely learnt.
            seen.look(&view, step.is_edited || !pilot.has_started() || step.starts, at_ms);
            if seen.moved_ms == at_ms {
                self.unsettled_ms = at_ms + COALESCED_MS + 1;
            }
            let ups = [view.uptime.day, view.uptime.week, view.uptime.month];
            if let Some(wrong) = ups.into_iter().flatten().find(|share| !(0.0..=1.0).contains(share)) {
                return Err(format!("{} has been up {wrong} of the time", panel.name));
            }
            for at in &view.addresses {
                let worst = at.checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Unchecked);
                if worst != at.verdict {
                    return Err(format!("{} {} is {:?}, its checks say {worst:?}", panel.name, at.address, at.verdict));
                }
                for check in &at.checks {
                    let key = (panel.name.to_string(), at.address, check.check.clone());
                    let Some(station) = self.stations.get_mut(&key) else {
                        return Err(format!("{key:?} is looked at, and is not in the fleet"));
                    };
                    let is_down = check.verdict == Verdict::Down;
                    station.falls += u32::from(is_down && !station.is_down);
                    station.is_down = is_down;
                    if is_tour {
                        let (last, since) = self.beats.get(&*panel.name).copied().unwrap_or_default();
                        let is_asked = is_asked(&key.0, key.1, &key.2);
                        station
                            .judge(check.verdict, is_asked, last, since, at_ms, self.slept_ms)
                            .map_err(|what| format!("{} {} {}: {what}", panel.name, at.address, check.check))?;
                    }
                }
            }
        }
        if is_tour {
            self.toured_ms = at_ms;
        }
        for turn in &step.turns {
            if life(turn.from) != life(turn.to) {
                self.unexplained.retain(|change| !change.panels.contains(&turn.panel));
            }
        }
        if let Some(late) = self.unexplained.iter().find(|change| at_ms >= change.at_ms + COALESCED_MS) {
            return Err(format!("nothing explains what changed at {} ms: {}", late.at_ms, late.what));
        }
        let is_new = step.published.as_ref().map(|snapshot| self.heard(pilot, snapshot, step, &stirred)).transpose()?.is_some();
        let is_time = at_ms >= self.judged_ms + 1000 || self.judged_ms < self.unsettled_ms && at_ms >= self.unsettled_ms;
        if pilot.has_started() && (is_new || is_time) {
            self.judged_ms = at_ms;
            for (n, hostname) in fleet.hostnames.iter().enumerate() {
                self.judge_host(fleet, n, hostname, at_ms).map_err(|what| format!("{}: {what}", hostname.name))?;
            }
        }
        Ok(())
    }

    /// Asks what became another, and looks for what explains it.
    fn heard(&mut self, pilot: &Pilot, snapshot: &Snapshot, step: &Step, stirred: &HashSet<String>) -> Result<(), String> {
        let (fleet, at_ms) = (pilot.fleet(), step.at_ms);
        let services = asking::services(snapshot);
        let is_first = self.answers.is_empty();
        let hosts = fleet.hostnames.iter().count();
        if services.len() != hosts {
            return Err(format!("{} of {hosts} hostnames have a service", services.len()));
        }
        let owners: HashMap<IpAddr, &str> =
            fleet.panels.iter().flat_map(|panel| panel.addresses.iter().map(|address| (*address, &*panel.name))).collect();
        for (n, hostname) in fleet.hostnames.iter().enumerate() {
            if !is_first && Arc::ptr_eq(&services[n], &self.services[n]) {
                continue;
            }
            let policy = fleet.policy(hostname);
            let members: HashSet<String> =
                fleet.set(hostname.set).members.iter().map(|member| fleet.panel(member.panel).name.to_string()).collect();
            let is_told = step.is_edited
                || members.iter().any(|name| stirred.contains(name))
                || step.turns.iter().any(|turn| life(turn.from) != life(turn.to) && members.contains(&turn.panel))
                || members
                    .iter()
                    .any(|name| self.is_loaded(name, &policy, at_ms) || self.panels.get(name).is_some_and(|seen| seen.is_unasked));
            let slow_ms = policy.slow_start.as_millis() as u64;
            let gains = |name: &str| {
                let gains_ms = self.panels.get(name).and_then(|seen| seen.gains_ms);
                gains_ms.is_some_and(|since_ms| at_ms <= since_ms + slow_ms + LATE_MS)
            };
            let mut now_said = Vec::with_capacity(self.clients.len());
            for (c, client) in self.clients.iter().enumerate() {
                let said =
                    |is_v4| asking::ask(snapshot, n, client, is_v4, c as u64 * 7).map_err(|what| format!("{}: {what}", hostname.name));
                let said = [said(true)?, said(false)?];
                let before = if is_first { None } else { Some(&self.answers[n][c]) };
                for (old, new) in before.into_iter().flatten().zip(&said).filter(|(old, new)| old.addresses != new.addresses) {
                    let mut added = new.addresses.difference(&old.addresses).map(|address| owners.get(address).copied());
                    let is_step = !new.addresses.is_empty() && added.all(|owner| owner.is_some_and(gains));
                    if !is_told && !is_step {
                        let what = format!(
                            "{} is {:?} to {}, and was {:?}; generation {}",
                            hostname.name, new, client.shown, old, snapshot.generation
                        );
                        self.unexplained.push(Unexplained { panels: members.clone(), at_ms, what });
                    }
                }
                now_said.push(said);
            }
            if is_first {
                self.answers.push(now_said);
            } else {
                self.answers[n] = now_said;
            }
        }
        self.services = services;
        Ok(())
    }

    /// What it says of its load may have moved clients by now.
    fn is_loaded(&self, panel: &str, policy: &Policy, at_ms: u64) -> bool {
        let lately = |since_ms: Option<u64>| since_ms.is_some_and(|since_ms| at_ms <= since_ms + LATE_MS);
        let says = self.beats.get(panel).is_some_and(|(last_ms, _)| at_ms < last_ms + GAUGE_MS);
        says && policy.steer == Steer::LeastLoaded || self.panels.get(panel).is_some_and(|seen| lately(seen.shed_ms))
    }

    fn judge_host(&self, fleet: &Fleet, n: usize, hostname: &Hostname, at_ms: u64) -> Result<(), String> {
        let policy = fleet.policy(hostname);
        let members: Vec<Member<'_>> =
            fleet.set(hostname.set).members.iter().map(|member| self.member(fleet.panel(member.panel), at_ms)).collect();
        let service = &self.services[n];
        for is_v4 in [true, false] {
            let family = if is_v4 { Family::V4 } else { Family::V6 };
            // Everything that anybody may get, and what some really got.
            let mut given: BTreeSet<IpAddr> = BTreeSet::new();
            for (m, member) in (0u16..).zip(&service.roster.members) {
                if !member.weight(family).is_zero() && service.has(family) {
                    for data in service.set(m, family).data() {
                        given.insert(address(data).ok_or("a strange address is rendered")?);
                    }
                }
            }
            let mut is_empty = given.is_empty();
            for said in &self.answers[n] {
                let said = &said[usize::from(!is_v4)];
                is_empty |= said.addresses.is_empty();
                if said.addresses.is_empty() && !given.is_empty() {
                    return Err(format!("some client gets nothing, others {given:?}"));
                }
                given.extend(&said.addresses);
            }
            judge_family(&members, &policy, is_v4, &given, is_empty)?;
        }
        let ttls: BTreeSet<u32> = self.answers[n].iter().flatten().filter_map(|said| said.ttl).collect();
        judge_ttl(&members, &policy, &ttls, at_ms)
    }

    fn member<'a>(&'a self, panel: &'a Panel, at_ms: u64) -> Member<'a> {
        let seen = &self.panels[&*panel.name];
        let settled = |address: &IpAddr| {
            let (life, since_ms) = seen.addresses.get(address).copied().unwrap_or((Life::Unknown, at_ms));
            (*address, if at_ms >= since_ms + COALESCED_MS { life } else { Life::Unknown })
        };
        Member { panel, seen, lives: panel.addresses.iter().map(settled).collect() }
    }
}

/// A member of a set, as it is known for certain.
struct Member<'a> {
    panel: &'a Panel,
    seen: &'a Seen,
    lives: Vec<(IpAddr, Life)>,
}

impl Member<'_> {
    fn state(&self) -> State {
        self.seen.conduct.state
    }

    fn has(&self, is_v4: bool, is_it: impl Fn(Life) -> bool) -> bool {
        self.lives.iter().any(|(address, life)| address.is_ipv4() == is_v4 && is_it(*life))
    }

    fn has_any(&self, is_it: impl Fn(Life) -> bool + Copy) -> bool {
        self.has(true, is_it) || self.has(false, is_it)
    }
}

/// What may be answered to A, or to AAAA. `is_empty`: somebody gets nothing.
fn judge_family(members: &[Member<'_>], policy: &Policy, is_v4: bool, given: &BTreeSet<IpAddr>, is_empty: bool) -> Result<(), String> {
    let shown = |what: String| {
        let lives: Vec<String> = members
            .iter()
            .map(|member| format!("{} {:?} weight {} {:?}", member.panel.name, member.state(), member.panel.weight, member.lives))
            .collect();
        format!("{what}; answered with {given:?}; {policy:?}; the set: {lives:#?}")
    };
    let on = || members.iter().filter(|member| member.state() != State::Disabled);
    let is_up = |life: Life| life == Life::Up;
    let may_be_up = |life: Life| life != Life::Down;
    if is_empty {
        let has_living = on().any(|member| member.has(is_v4, is_up));
        let has_some = on().any(|member| member.has(is_v4, |_| true));
        let other_may_live = on().any(|member| member.has(!is_v4, may_be_up));
        if has_living || has_some && !other_may_live {
            return Err(shown("an answer is empty".into()));
        }
    }
    for member in members.iter().filter(|member| member.state() == State::Disabled) {
        if let Some((address, _)) = member.lives.iter().find(|(address, _)| given.contains(address)) {
            return Err(shown(format!("{} is disabled, and {address} is answered", member.panel.name)));
        }
    }
    // Those of weight 0 are used when no other is up.
    let is_better = |member: &&Member<'_>| member.state() == State::Enabled && member.panel.weight > 0.0 && member.has(is_v4, is_up);
    if let Some(better) = on().find(is_better) {
        for member in on().filter(|member| member.state() == State::Draining) {
            if let Some((address, _)) = member.lives.iter().find(|(address, _)| given.contains(address)) {
                return Err(shown(format!("{} is draining, {} is up, and {address} is answered", member.panel.name, better.panel.name)));
            }
        }
    }
    let all_zero = on().all(|member| member.panel.weight == 0.0);
    let weight = |member: &Member<'_>| match policy.steer {
        _ if all_zero => 1.0,
        // In turn means that all weigh the same, but for those that never have a turn.
        Steer::RoundRobin if member.panel.weight > 0.0 => 1.0,
        _ => member.panel.weight,
    };
    let full: f64 = on().map(weight).sum();
    let up: f64 = on().filter(|member| member.has_any(is_up)).map(weight).sum();
    if full == 0.0 || up / full <= policy.panic + 1e-9 {
        return Ok(());
    }
    let Some(alive) = on().find(|member| member.has(is_v4, is_up)) else { return Ok(()) };
    for member in on().filter(|member| member.seen.is_new()) {
        if let Some((address, _)) = member.lives.iter().find(|(address, _)| given.contains(address)) {
            return Err(shown(format!(
                "{address} of {} was never heard of, {} is up, and it is answered",
                member.panel.name, alive.panel.name
            )));
        }
    }
    for member in on() {
        if let Some((address, _)) = member.lives.iter().find(|(address, life)| *life == Life::Down && given.contains(address)) {
            return Err(shown(format!("{address} of {} is down, {} is up, and it is answered", member.panel.name, alive.panel.name)));
        }
    }
    Ok(())
}

fn judge_ttl(members: &[Member<'_>], policy: &Policy, ttls: &BTreeSet<u32>, at_ms: u64) -> Result<(), String> {
    let (usual, low) = (policy.ttl, policy.ttl.min(policy.ttl_changing));
    let after_ms = 2 * u64::from(usual) * 1000;
    let slow_ms = policy.slow_start.as_millis() as u64;
    let is_settled = |since_ms: u64| at_ms >= since_ms + COALESCED_MS;
    let within = |since_ms: Option<u64>, for_ms: u64| since_ms.is_some_and(|since_ms| is_settled(since_ms) && at_ms < since_ms + for_ms);
    let changing = members.iter().find_map(|member| {
        let seen = member.seen;
        let is_on = member.state() != State::Disabled;
        let causes = [
            ("is handed over", seen.conduct.step.is_some()),
            ("was changed by an operator", within(seen.stirred_ms, after_ms)),
            ("wavers", is_on && seen.wavers_ms.is_some_and(is_settled)),
            ("turned", is_on && within(seen.turned_ms, after_ms)),
            ("returns", is_on && within(seen.returned_ms, slow_ms)),
        ];
        let (cause, _) = causes.into_iter().find(|(_, holds)| *holds)?;
        Some(format!("{} {cause}", member.panel.name))
    });
    if let Some(cause) = changing {
        return match ttls.iter().find(|ttl| **ttl != low) {
            Some(ttl) => Err(format!("the TTL is {ttl} instead of {low}, and {cause}")),
            None => Ok(()),
        };
    }
    let is_calm = members.iter().all(|member| {
        let seen = member.seen;
        let gains_ms = seen.gains_ms.unwrap_or(0);
        let is_even = seen.shed_ms.is_none_or(|shed_ms| at_ms >= shed_ms + after_ms + TIMED_MS);
        is_even
            && seen.conduct.step.is_none()
            && at_ms >= seen.moved_ms + after_ms + TIMED_MS
            && at_ms >= gains_ms + slow_ms.max(after_ms) + TIMED_MS
    });
    match ttls.iter().find(|ttl| **ttl != usual) {
        Some(ttl) if is_calm => Err(format!("the TTL is {ttl} instead of {usual}, and nothing has changed for long")),
        Some(ttl) if *ttl != low => Err(format!("the TTL is {ttl}, neither {usual} nor {low}")),
        _ => Ok(()),
    }
}

impl Station {
    fn judge(&self, verdict: Verdict, is_asked: bool, beat_ms: u64, beats_ms: u64, at_ms: u64, slept_ms: u64) -> Result<(), String> {
        let check = &self.check;
        let interval_ms = check.interval.as_millis() as u64;
        let (down_after, up_after) = (u64::from(check.down_after), u64::from(check.up_after));
        let hold_ms = if check.hold_down && self.falls >= 3 { HOLD_MS } else { 0 };
        let asking = match &check.kind {
            CheckKind::Heartbeat => None,
            CheckKind::Tcp { asking, .. }
            | CheckKind::Http { asking, .. }
            | CheckKind::Hls { asking, .. }
            | CheckKind::PanelApi { asking, .. } => Some(asking),
        };
        let Some(asking) = asking else {
            let slept_ms = slept_ms - self.slept_ms;
            if at_ms > beat_ms.max(self.since_ms) + down_after * interval_ms + SLACK_MS + slept_ms && verdict != Verdict::Down {
                return Err(format!("it is {verdict:?}, and has said nothing since {beat_ms} ms"));
            }
            let is_beating = beat_ms > 0 && at_ms < beat_ms + interval_ms;
            let since_ms = beats_ms.max(self.since_ms);
            if is_beating && at_ms > since_ms + hold_ms + (up_after + 1) * interval_ms + SLACK_MS + slept_ms && verdict != Verdict::Up {
                return Err(format!("it is {verdict:?}, and reports without a pause since {since_ms} ms"));
            }
            return Ok(());
        };
        let timeout_ms = asking.timeout.as_millis() as u64;
        let confirm_ms = (asking.confirm.as_millis() as u64).min(interval_ms);
        let long_ms = interval_ms.max(timeout_ms);
        let asked_ms = self.asked_ms.unwrap_or(self.since_ms);
        if !is_asked && at_ms > asked_ms + long_ms.max(timeout_ms + confirm_ms) + SLACK_MS + slept_ms - self.asked_slept_ms {
            return Err(format!("nobody has asked since {asked_ms} ms"));
        }
        let failing_ms = interval_ms + timeout_ms + (down_after - 1) * (confirm_ms + timeout_ms);
        let (must, bound_ms): (&[Verdict], u64) = match self.class {
            Class::Neither => return Ok(()),
            Class::Dead => (&[Verdict::Down], failing_ms),
            Class::Frozen(still_ms) => (&[Verdict::Down], still_ms + failing_ms),
            // One success in a row is enough, so it may go on so for ever.
            Class::Half if up_after < 2 => return Ok(()),
            Class::Half => (&[Verdict::Down], failing_ms + (down_after - 1) * (interval_ms + timeout_ms)),
            Class::Well => {
                let again_ms = long_ms + timeout_ms;
                let must: &[Verdict] = if self.is_quite_well { &[Verdict::Up] } else { &[Verdict::Up, Verdict::Degraded] };
                // A stream that is first seen while the panel is down counts from when it has moved.
                let sights = if matches!(check.kind, CheckKind::Hls { .. }) { 2 } else { 0 };
                (must, timeout_ms + (up_after + 1 + sights) * again_ms + hold_ms)
            }
        };
        let slack_ms = SLACK_MS * (down_after + up_after + 2) + slept_ms - self.slept_ms;
        if at_ms > self.since_ms + bound_ms + slack_ms && !must.contains(&verdict) {
            return Err(format!(
                "it is {verdict:?} at {at_ms} ms, and {:?} since {} ms; the bound is {bound_ms} ms and {slack_ms} ms; {check:?}",
                self.class, self.since_ms
            ));
        }
        Ok(())
    }
}

fn address(data: &[u8]) -> Option<IpAddr> {
    match data.len() {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(data).ok()?)),
        16 => Some(IpAddr::from(<[u8; 16]>::try_from(data).ok()?)),
        _ => None,
    }
}
