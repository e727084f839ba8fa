//! Small changes: what they have to do with is judged, and only what they touch is made anew.

use super::compose::{Built, Composed};
use super::draft::{Draft, Extent, NoDraft, Rehosted, Renamed};
use super::{Edit, Flaw, Ledger, Numbers, Sight, Target, key, shown};
use crate::dns::name::Name;
use crate::document::Problem;
use crate::fleet::{CheckId, Fleet, Hostname, Kind, Member, Overlay, Panel, PanelId, Ports, Region, RegionId, Set, SetId, ZoneId};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(super) fn draft(ledger: &Ledger, edits: &[Edit], sight: Sight<'_>) -> Result<Draft, NoDraft> {
    let mut gathering = Gathering { ledger, edits, sight, composed: Composed::default() };
    gathering.gather();
    let Built { fleet: made, warnings, .. } = gathering.composed.build(ledger, sight)?;
    let mut joining = Joining {
        ledger,
        made,
        fleet: (**ledger.fleet()).clone(),
        ids: HashMap::new(),
        changed_ids: Vec::new(),
        numbers: HashMap::new(),
        hostnames: Vec::new(),
        is_policy: false,
    };
    joining.join(edits);
    joining.check_policies(edits, sight)?;
    let (items, texts) = ledger.items_of(edits);
    Ok(Draft {
        items,
        fleet: Arc::new(joining.fleet),
        extent: Extent::Part { hostnames: joining.hostnames, is_policy: joining.is_policy },
        warnings,
        texts,
        renamed: Renamed::Some { ids: joining.changed_ids, numbers: joining.numbers.into_iter().collect() },
    })
}

/// Puts together the edited objects and all that their soundness hangs on.
struct Gathering<'a> {
    ledger: &'a Ledger,
    edits: &'a [Edit],
    sight: Sight<'a>,
    composed: Composed,
}

impl Gathering<'_> {
    fn gather(&mut self) {
        if let Some(defaults) = self.ledger.defaults() {
            self.composed.set_defaults(defaults.json(), None);
        }
        for (n, edit) in self.edits.iter().enumerate() {
            let body = edit.body.clone();
            match &edit.target {
                Target::Defaults => self.composed.set_defaults(body.unwrap_or_else(|| Value::Object(Default::default())), Some(n)),
                Target::Object(kind, name) => {
                    let Some(body) = body else { continue };
                    self.composed.add(*kind, name, body, Some(n));
                }
            }
        }
        for edit in self.edits {
            if let (Target::Object(kind, name), Some(body)) = (&edit.target, &edit.body) {
                self.references(*kind, name, body, true);
            }
        }
    }

    /// The object itself, unless it is there or an edit takes it away. `is_direct`: an edit names it.
    fn need(&mut self, kind: Kind, name: &str, is_direct: bool) {
        let Ok(found) = key(kind, name) else { return };
        let is_gone = || {
            self.edits
                .iter()
                .any(|edit| matches!(&edit.target, Target::Object(of, name) if *of == kind && key(kind, name).as_ref() == Ok(&found)))
        };
        if self.composed.has(kind, &found) || is_gone() {
            return;
        }
        let Some(item) = self.ledger.item(kind, &found) else { return };
        if is_direct && !(self.sight)(kind, &item.name) {
            return;
        }
        let body = item.json();
        self.composed.add(kind, &item.name, body.clone(), None);
        self.references(kind, &item.name, &body, false);
    }

    fn references(&mut self, kind: Kind, name: &str, body: &Value, is_direct: bool) {
        match kind {
            Kind::Region => texts(&body["then"]).iter().for_each(|name| self.need(Kind::Region, name, is_direct)),
            Kind::Panel => {
                if let Some(region) = body["region"].as_str() {
                    self.need(Kind::Region, region, is_direct);
                }
                texts(&body["checks"]).iter().for_each(|name| self.need(Kind::Check, name, is_direct));
            }
            Kind::Set => {
                texts(&body["panels"]).iter().for_each(|name| self.need(Kind::Panel, name, is_direct));
                if is_direct {
                    self.owners(name, body);
                }
            }
            Kind::Hostname => {
                if let Some(set) = body["set"].as_str() {
                    self.need(Kind::Set, set, is_direct);
                }
                if is_direct && let Ok(name) = Name::parse(name) {
                    self.neighbours(&name, body.get("ports").is_some());
                }
            }
            Kind::Check | Kind::Zone | Kind::Key => {}
        }
    }

    /// A set's panels have names below its hostnames that have ports.
    fn owners(&mut self, set: &str, body: &Value) {
        let owners: Vec<Hostname> = self.ledger.owners_of_new_names(set, body).cloned().collect();
        for hostname in owners {
            self.need(Kind::Hostname, &shown(&hostname.name), false);
            self.neighbours(&hostname.name, true);
        }
    }

    /// The zones a name may be in, hostnames above it that add names, and what is below it where it adds some itself.
    fn neighbours(&mut self, name: &Name, has_ports: bool) {
        let mut at = Some(name.clone());
        while let Some(above) = at {
            let found = shown(&above);
            self.need(Kind::Zone, &found, false);
            if above != *name && self.ledger.id(Kind::Hostname, &found).is_some() {
                self.need(Kind::Hostname, &found, false);
            }
            at = above.parent();
        }
        if has_ports {
            let fleet = Arc::clone(self.ledger.fleet());
            for below in fleet.zones.iter().filter(|zone| zone.name.is_at_or_below(name)) {
                self.need(Kind::Zone, &shown(&below.name), false);
            }
            for below in fleet.hostnames.iter().filter(|hostname| hostname.name.is_at_or_below(name)) {
                self.need(Kind::Hostname, &shown(&below.name), false);
            }
        }
    }
}

impl Ledger {
    /// The hostnames below which there are other names than before, once the set is as `body` has it.
    pub(super) fn owners_of_new_names(&self, set: &str, body: &Value) -> impl Iterator<Item = &Hostname> {
        let id = self.id(Kind::Set, set).map(SetId).filter(|id| {
            let members = &self.fleet.set(*id).members;
            let old: HashSet<&str> = members.iter().map(|member| &*self.fleet.panel(member.panel).name).collect();
            texts(&body["panels"]).iter().any(|panel| !old.contains(panel.as_str()))
        });
        let hostnames = id.map(|id| self.fleet.hostnames.iter().filter(move |hostname| hostname.set == id && has_http(hostname)));
        hostnames.into_iter().flatten()
    }
}

/// Whether the panels of its set have names below it.
fn has_http(hostname: &Hostname) -> bool {
    hostname.ports.http.is_some() && !hostname.name.is_wildcard()
}

/// The names in a list of them, or of tables with a panel.
fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| item.as_str().or(item["panel"].as_str())).map(str::to_owned).collect()
}

/// Brings what was made into the fleet, with the fleet's own numbers.
struct Joining<'a> {
    ledger: &'a Ledger,
    /// The edited objects and what they refer to.
    made: Fleet,
    fleet: Fleet,
    /// Of objects that are new.
    ids: HashMap<(Kind, String), u32>,
    changed_ids: Vec<(Kind, String, Option<u32>)>,
    numbers: HashMap<u32, Numbers>,
    hostnames: Vec<Rehosted>,
    is_policy: bool,
}

impl Joining<'_> {
    fn join(&mut self, edits: &[Edit]) {
        const ORDER: [Kind; 6] = [Kind::Region, Kind::Check, Kind::Panel, Kind::Set, Kind::Zone, Kind::Hostname];
        // Numbers first: a panel may come together with its region.
        for kind in ORDER {
            for (name, body) in of_kind(edits, kind) {
                if body.is_some() && kind != Kind::Hostname && self.id(kind, name).is_none() {
                    let next = match kind {
                        Kind::Region => self.fleet.regions.len(),
                        Kind::Check => self.fleet.checks.len(),
                        Kind::Panel => self.fleet.panels.len(),
                        Kind::Set => self.fleet.sets.len(),
                        _ => self.fleet.zones.len(),
                    };
                    let ahead = self.ids.keys().filter(|(of, _)| *of == kind).count();
                    self.rename(kind, name, Some((next + ahead) as u32));
                } else if body.is_none() && kind != Kind::Hostname {
                    if let (Kind::Panel, Some(id)) = (kind, self.id(kind, name)) {
                        self.retire(id);
                    }
                    self.rename(kind, name, None);
                }
            }
        }
        if edits.iter().any(|edit| edit.target == Target::Defaults) {
            self.defaults();
        }
        for kind in ORDER {
            for (name, body) in of_kind(edits, kind) {
                match (kind, body.is_some()) {
                    (Kind::Region, true) => self.region(name),
                    (Kind::Check, true) => self.check(name),
                    (Kind::Panel, true) => self.panel(name),
                    (Kind::Set, true) => self.set(name),
                    (Kind::Hostname, _) => self.hostname(name),
                    _ => {}
                }
            }
        }
    }

    fn id(&self, kind: Kind, name: &str) -> Option<u32> {
        let found = key(kind, name).ok()?;
        self.ids.get(&(kind, found)).copied().or_else(|| self.ledger.id(kind, name))
    }

    fn rename(&mut self, kind: Kind, name: &str, id: Option<u32>) {
        let Ok(found) = key(kind, name) else { return };
        if let Some(id) = id {
            self.ids.insert((kind, found.clone()), id);
        }
        self.changed_ids.push((kind, found, id));
    }

    /// Nobody refers to it any more, and without addresses nobody looks at it either.
    fn retire(&mut self, panel: u32) {
        if let Some(panel) = self.fleet.panels.get_mut(panel as usize) {
            *panel = Arc::new(Panel { addresses: Box::default(), checks: Box::default(), ..(**panel).clone() });
        }
    }

    fn defaults(&mut self) {
        self.fleet.defaults = self.made.defaults;
        self.is_policy = true;
        for set in &mut self.fleet.sets {
            let policy = Overlay::over(&set.own, self.made.defaults);
            if set.policy != policy {
                *set = Arc::new(Set { policy, ..(**set).clone() });
            }
        }
    }

    fn region(&mut self, name: &str) {
        let (Some(id), Some(made)) = (self.id(Kind::Region, name), self.made.regions.iter().find(|region| region.name == name)) else {
            return;
        };
        let then = made.then.iter().filter_map(|then| self.id(Kind::Region, &self.made.region(*then).name).map(RegionId)).collect();
        let region = Region { then, ..made.clone() };
        let at = region.at;
        let is_elsewhere = self.fleet.regions.get(id as usize).is_some_and(|old| old.at != at);
        put(&mut self.fleet.regions, id, region);
        if is_elsewhere {
            // Panels that do not say where they are stand where their region does.
            let ledger = self.ledger;
            for panel in self.fleet.panels.iter_mut().filter(|panel| panel.region == Some(RegionId(id))) {
                let is_own = ledger.item(Kind::Panel, &panel.name).is_some_and(|item| item.json().get("at").is_some());
                if !is_own {
                    *panel = Arc::new(Panel { at: Some(at), ..(**panel).clone() });
                }
            }
        }
    }

    fn check(&mut self, name: &str) {
        let made = self.made.checks.iter().find(|check| check.name == name);
        if let (Some(id), Some(made)) = (self.id(Kind::Check, name), made) {
            put(&mut self.fleet.checks, id, made.clone());
        }
    }

    fn panel(&mut self, name: &str) {
        let (Some(id), Some(made)) = (self.id(Kind::Panel, name), self.made.panels.iter().find(|panel| *panel.name == *name)) else {
            return;
        };
        let region = made.region.and_then(|region| self.id(Kind::Region, &self.made.region(region).name)).map(RegionId);
        let checks = made.checks.iter().filter_map(|check| self.id(Kind::Check, &self.made.check(*check).name).map(CheckId)).collect();
        let panel = Panel { region, checks, ..(**made).clone() };
        put(&mut self.fleet.panels, id, Arc::new(panel));
    }

    fn set(&mut self, name: &str) {
        let (Some(id), Some(made)) = (self.id(Kind::Set, name), self.made.sets.iter().find(|set| set.name == name)) else { return };
        let member =
            |member: &Member| Some(Member { panel: PanelId(self.id(Kind::Panel, &self.made.panel(member.panel).name)?), ..*member });
        let set = Set { members: made.members.iter().filter_map(member).collect(), ..(**made).clone() };
        let old = self.fleet.sets.get(id as usize).cloned();
        if let Some(old) = &old {
            self.is_policy |= old.policy != set.policy;
            let panels = |set: &Set| set.members.iter().map(|member| member.panel).collect::<Vec<_>>();
            if panels(old) != panels(&set) {
                // The names that `http` adds are others.
                let with_http = self.fleet.hostnames.iter().filter(|hostname| hostname.set == SetId(id) && has_http(hostname));
                let same =
                    |hostname: &Hostname| Rehosted { zone: hostname.zone, before: Some(hostname.clone()), after: Some(hostname.clone()) };
                self.hostnames.extend(with_http.map(same).collect::<Vec<_>>());
            }
        }
        put(&mut self.fleet.sets, id, Arc::new(set));
    }

    /// It comes, goes, or becomes another: by what was made of it.
    fn hostname(&mut self, name: &str) {
        let Ok(found) = key(Kind::Hostname, name) else { return };
        let at = self.ids.get(&(Kind::Hostname, found.clone())).copied().or_else(|| self.ledger.id(Kind::Hostname, &found));
        let before = at.and_then(|at| self.fleet.hostnames.get(at as usize)).cloned();
        let made = self.made.hostnames.iter().find(|hostname| shown(&hostname.name) == found);
        let after = made.and_then(|made| {
            Some(Hostname {
                set: SetId(self.id(Kind::Set, &self.made.set(made.set).name)?),
                zone: ZoneId(self.id(Kind::Zone, &shown(&self.made.zone(made.zone).name))?),
                ..made.clone()
            })
        });
        let after = after.map(|after| match &before {
            Some(before) if before.zone == after.zone => Hostname { number: before.number, ..after },
            _ => Hostname { number: self.number(after.zone), ..after },
        });
        match (at, &after) {
            (Some(at), Some(after)) => self.fleet.hostnames.set(at as usize, after.clone()),
            (None, Some(after)) => {
                self.rename(Kind::Hostname, &found, Some(self.fleet.hostnames.len() as u32));
                self.fleet.hostnames.push(after.clone());
            }
            (Some(at), None) => self.take_out(at, &found),
            (None, None) => return,
        }
        if before.as_ref().zip(after.as_ref()).is_some_and(|(before, after)| is_steered_alike(before, after)) {
            return;
        }
        // What its set made of it is told with what it made of itself.
        let zone = after.as_ref().or(before.as_ref()).map(|hostname| hostname.zone);
        let number = |hostname: &Option<Hostname>| hostname.as_ref().map(|hostname| (hostname.zone, hostname.number));
        self.hostnames.retain(|other| before.is_none() || number(&other.before) != number(&before));
        self.hostnames.extend(zone.map(|zone| Rehosted { zone, before, after }));
    }

    fn take_out(&mut self, at: u32, found: &str) {
        let Some(gone) = self.fleet.hostnames.swap_remove(at as usize) else { return };
        self.numbers_of(gone.zone).free.push(gone.number);
        self.changed_ids.push((Kind::Hostname, found.to_owned(), None));
        self.ids.remove(&(Kind::Hostname, found.to_owned()));
        if let Some(moved) = self.fleet.hostnames.get(at as usize).map(|moved| shown(&moved.name)) {
            self.rename(Kind::Hostname, &moved, Some(at));
        }
    }

    fn number(&mut self, zone: ZoneId) -> u32 {
        let numbers = self.numbers_of(zone);
        numbers.free.pop().unwrap_or_else(|| {
            numbers.next += 1;
            numbers.next - 1
        })
    }

    fn numbers_of(&mut self, zone: ZoneId) -> &mut Numbers {
        let old = || self.ledger.numbers.get(&zone.0).cloned().unwrap_or_default();
        self.numbers.entry(zone.0).or_insert_with(old)
    }

    /// Scopes that lie in others: those below a changed one must still make sense.
    fn check_policies(&self, edits: &[Edit], sight: Sight<'_>) -> Result<(), NoDraft> {
        if !self.is_policy {
            return Ok(());
        }
        let edit = edits.iter().position(|edit| matches!(edit.target, Target::Defaults | Target::Object(Kind::Set, _)));
        // What was removed keeps its place in the list.
        let live = self.fleet.sets.iter().zip(0..).filter(|(set, id)| set.own.is_some() && self.id(Kind::Set, &set.name) == Some(*id));
        let of_sets = live.map(|(set, _)| (Kind::Set, set.name.clone(), set.policy));
        let with_own = self.fleet.hostnames.iter().filter(|hostname| hostname.own.is_some());
        let of_hostnames = with_own.map(|hostname| (Kind::Hostname, shown(&hostname.name), self.fleet.policy(hostname)));
        let wrong = of_sets.chain(of_hostnames).filter(|(_, _, policy)| policy.shed_from >= policy.shed_all);
        let flaws: Vec<Flaw> = wrong
            .map(|(kind, name, policy)| {
                let name = if sight(kind, &name) { format!(" {name}") } else { " of others".to_owned() };
                let what = format!("{} is not below shed_all, which is {}", policy.shed_from, policy.shed_all);
                let problem = Problem::error("", 0, what).at(format!("{}{name}: shed_from", kind.word()));
                let problem = problem.hint("a panel must begin to lose clients before it gets none");
                Flaw { edit, pointer: String::new(), problem }
            })
            .collect();
        if flaws.is_empty() { Ok(()) } else { Err(flaws.into()) }
    }
}

/// Where the set is as it was, both are compiled to the same.
fn is_steered_alike(before: &Hostname, after: &Hostname) -> bool {
    let same_http = before.ports.http == after.ports.http || after.name.is_wildcard();
    same_http && *before == Hostname { ports: Ports { http: before.ports.http, ..after.ports }, ..after.clone() }
}

fn of_kind(edits: &[Edit], kind: Kind) -> impl Iterator<Item = (&str, &Option<Value>)> {
    edits.iter().filter_map(move |edit| match &edit.target {
        Target::Object(of, name) if *of == kind => Some((name.as_str(), &edit.body)),
        _ => None,
    })
}

/// `id` is in the list, or the next.
fn put<T>(list: &mut Vec<T>, id: u32, item: T) {
    match list.get_mut(id as usize) {
        Some(place) => *place = item,
        None => list.push(item),
    }
}
