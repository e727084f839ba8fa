//! A fleet that changed: exactly the checks that it concerns begin and end.

use super::condition::{Life, note};
use super::course::Course;
use super::ward::{Post, Station, Ward};
use super::{FIRST_ROUND_MS, Health, Round, Target, Verdict, Watching, Watermarks};
use crate::clock::Now;
use crate::fleet::{Check, Fleet, Panel, State};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

impl Health {
    /// From now on this fleet's panels are looked at.
    pub fn follow(&mut self, fleet: &Fleet, now: Now) {
        let checks: Vec<Arc<Check>> = fleet.checks.iter().map(|check| self.kept(check)).collect();
        self.checks.clone_from(&checks);
        // What was removed stands in the list without addresses.
        let there: HashSet<&str> = fleet.panels.iter().filter(|panel| !panel.addresses.is_empty()).map(|panel| &*panel.name).collect();
        let gone: Vec<Arc<str>> = self.wards.keys().filter(|name| !there.contains(&***name)).cloned().collect();
        for name in gone {
            self.forget(&name);
        }
        self.idle.retain(|name| there.contains(name));
        for panel in fleet.panels.iter().filter(|panel| !panel.addresses.is_empty()) {
            if self.rests(panel, now) {
                continue;
            }
            let checks: Vec<&Arc<Check>> = panel.checks.iter().map(|id| &checks[id.index()]).collect();
            match self.wards.get_mut(&*panel.name).filter(|ward| is_kept(ward, panel, &checks)) {
                // An equal one of another fleet: the one before would outlive all else of its own.
                Some(ward) => ward.panel = Arc::clone(panel),
                None => self.enlist(panel, &checks, now),
            }
        }
        if matches!(self.round, Round::Ahead) {
            let asked = self.wards.values().flat_map(|ward| &ward.posts).flat_map(|post| &post.stations);
            let left = asked.filter(|station| !station.is_heartbeat()).map(|station| station.target).collect();
            self.round = Round::Under { until_ms: now.mono_ms + FIRST_ROUND_MS, left };
            self.memory = None;
        }
    }

    /// Between which loads each panel sheds, under the policies that it is under.
    pub fn mark(&mut self, marks: &HashMap<&str, Vec<Watermarks>>) {
        // Most panels are under the same few policies.
        let mut lists: HashMap<Vec<[u64; 2]>, Arc<[Watermarks]>> = HashMap::new();
        let mut list = |name: &str, old: &[Watermarks]| {
            let marks = marks.get(name).map_or(&[][..], Vec::as_slice);
            let key = || marks.iter().map(|marks| [marks.from.to_bits(), marks.all.to_bits()]).collect();
            (*old != *marks).then(|| Arc::clone(lists.entry(key()).or_insert_with(|| marks.into())))
        };
        for ward in self.wards.values_mut() {
            if let Some(marks) = list(&ward.name, &ward.marks) {
                ward.mark(marks);
            }
        }
        for (name, old) in self.idle.marks() {
            if let Some(marks) = list(name, old) {
                *old = marks;
            }
        }
    }

    /// There is nothing to be said of it, nor to be done.
    fn rests(&mut self, panel: &Arc<Panel>, now: Now) -> bool {
        if self.idle.renew(panel) {
            return true;
        }
        // What is otherwise than before, or looked at from now on, goes on from what it was.
        self.rouse(&panel.name, now);
        let has_past = || self.memory.as_ref().is_some_and(|memory| memory.uptime(&panel.name, now).is_some());
        let is_idle = panel.checks.is_empty() && !self.wards.contains_key(&*panel.name) && !has_past();
        if is_idle {
            self.idle.add(panel, now);
        }
        is_idle
    }

    /// The one there is, if it is the same: it is what tells those that go on from those that begin anew.
    fn kept(&self, check: &Check) -> Arc<Check> {
        self.checks.iter().find(|old| ***old == *check).map_or_else(|| Arc::new(check.clone()), Arc::clone)
    }

    fn forget(&mut self, name: &Arc<str>) {
        let Some(ward) = self.wards.remove(name) else { return };
        for mut station in ward.posts.into_iter().flat_map(|post| post.stations) {
            self.dismiss(&mut station);
        }
        self.conditions.remove(&**name);
        self.loaded.remove(name);
        self.stirred.judged.insert(Arc::clone(name));
    }

    fn dismiss(&mut self, station: &mut Station) {
        self.places.remove(&station.target);
        if station.watch.end() {
            self.vigils.push(Watching::End(station.target));
        }
    }

    /// A panel that is new, or not as it was.
    fn enlist(&mut self, panel: &Arc<Panel>, checks: &[&Arc<Check>], now: Now) {
        let mut ward = self.wards.remove(&*panel.name).unwrap_or_else(|| Box::new(self.ward(panel, now)));
        let mut before: Vec<Post> = std::mem::replace(&mut ward.posts, Vec::with_capacity(panel.addresses.len()));
        for address in &panel.addresses {
            let at = before.iter().position(|post| post.address == *address);
            let mut old = at.map(|at| before.remove(at));
            let known = old.as_ref().map(|post| post.life);
            let mut stations = Vec::with_capacity(checks.len());
            for check in checks {
                let before = old.as_mut().map(|post| &mut post.stations);
                let kept = before.and_then(|list| {
                    let at = list.iter().position(|station| Arc::ptr_eq(&station.check, check))?;
                    Some(list.remove(at))
                });
                let station = kept.unwrap_or_else(|| {
                    let mut station = self.station_for(panel, *address, check, known, now);
                    // It asks otherwise from now on; what is known of the panel goes on.
                    let edited = old.iter().flat_map(|post| &post.stations).find(|before| before.check.name == check.name);
                    if let Some(before) = edited {
                        station.course = before.course.continued();
                    }
                    station
                });
                stations.push(station);
            }
            allow_watches(&mut stations);
            let verdict = old.as_ref().map_or(Verdict::Unknown, |post| post.verdict);
            let since_s = old.as_ref().map_or(now.wall_s, |post| post.since_s);
            for mut station in old.into_iter().flat_map(|post| post.stations) {
                self.dismiss(&mut station);
            }
            let life = known.unwrap_or(Life::New);
            ward.posts.push(Post { address: *address, stations, verdict, since_s, reason: String::new(), life });
        }
        for mut station in before.into_iter().flat_map(|post| post.stations) {
            self.dismiss(&mut station);
        }
        if ward.panel.state != panel.state {
            ward.stirred_ms = Some(now.mono_ms);
            ward.returned_ms = if panel.state == State::Enabled { Some(now.mono_ms) } else { ward.returned_ms };
        }
        ward.panel = Arc::clone(panel);
        ward.line = None;
        let name = Arc::clone(&ward.name);
        for (n, post) in ward.posts.iter().enumerate() {
            for (m, station) in post.stations.iter().enumerate() {
                self.places.insert(station.target, (Arc::clone(&name), n, m));
            }
        }
        note(&mut self.conditions, &name, ward.condition(now));
        self.wards.insert(Arc::clone(&name), ward);
        self.evaluate_enlisted(&name, now);
    }

    /// What was known of it by an earlier run is its past.
    fn ward(&self, panel: &Arc<Panel>, now: Now) -> Ward {
        let mut ward = Ward::new(panel, now);
        if let Some(uptime) = self.memory.as_ref().and_then(|memory| memory.uptime(&panel.name, now)) {
            ward.uptime = uptime;
        }
        ward
    }

    fn station_for(&mut self, panel: &Panel, address: IpAddr, check: &Arc<Check>, known: Option<Life>, now: Now) -> Station {
        self.targets += 1;
        let target = Target(self.targets);
        let (course, presumed) = match (&self.round, known) {
            // On a running node an address that is checked otherwise counts as what it was until it is known.
            (_, Some(life)) => (Course::default(), life),
            (Round::Ahead, None) => {
                let recalled = self.memory.as_ref().and_then(|memory| memory.verdict(&panel.name, address, &check.name));
                match (recalled, self.memory.as_ref().is_some_and(|memory| memory.is_fresh(now))) {
                    (Some((verdict, reason)), true) => (Course::recalled(check, verdict, reason), Life::Presumed),
                    (Some((Verdict::Down, _)), false) => (Course::default(), Life::Down),
                    _ => (Course::default(), Life::Presumed),
                }
            }
            (_, None) => (Course::default(), Life::New),
        };
        self.due.push(Reverse((now.mono_ms, target)));
        Station::new(target, Arc::clone(check), course, presumed, now)
    }

    /// What it counts as from the start is not a turn.
    fn evaluate_enlisted(&mut self, name: &Arc<str>, now: Now) {
        let Some(ward) = self.wards.get_mut(name) else { return };
        let found = ward.evaluate(now, true);
        // Nobody turned who was not known; whose check was taken away did.
        self.turns.extend(found.turns.into_iter().filter(|(turn, _)| turn.from != Verdict::Unknown));
        note(&mut self.conditions, name, ward.condition(now));
        self.stirred.judged.insert(Arc::clone(name));
    }
}

fn is_kept(ward: &Ward, panel: &Arc<Panel>, checks: &[&Arc<Check>]) -> bool {
    let has_same = |stations: &[Station]| {
        stations.len() == checks.len() && stations.iter().zip(checks).all(|(station, check)| Arc::ptr_eq(&station.check, check))
    };
    (Arc::ptr_eq(&ward.panel, panel) || ward.panel == *panel) && ward.posts.iter().all(|post| has_same(&post.stations))
}

/// One idle connection for each port.
fn allow_watches(stations: &mut [Station]) {
    let mut ports = HashSet::new();
    for station in stations {
        let kind = &station.check.kind;
        let is_wanted = kind.asking().is_some_and(|asking| asking.watch);
        station.watch.is_allowed = is_wanted && kind.port().is_some_and(|port| ports.insert(port));
    }
}
