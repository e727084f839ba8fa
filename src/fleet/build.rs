//! The document to a `Fleet`: references followed, scopes laid over each other.

use super::doc::{self, Document, Object};
use super::names::{Known, Names};
use super::{
    CheckId, Fleet, Hostname, Line, Lost, Member, Origin, Overlay, Own, Panel, PanelId, Policy, Region, RegionId, Set, SetId, Source, Zone,
    ZoneId,
};
use super::{MAX_PANELS_IN_SET, MAX_REGIONS, added, advice, checks, planned};
use crate::dns::name::Name;
use crate::document::{At, Reader, shown};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(super) fn build(reader: &Reader, document: &Document, origin: Origin<'_>) -> Fleet {
    build_with(reader, document, origin, Known::NOTHING)
}

pub(super) fn build_with(reader: &Reader, document: &Document, origin: Origin<'_>, known: Known<'_>) -> Fleet {
    planned::refuse_keys(reader, document);
    let mut builder = Builder { reader, known, fleet: Fleet::default() };
    let mut defaults = document.defaults.over(reader, "defaults", Policy::default());
    // That is an error, and a node that starts serves with the rest of it.
    if defaults.shed_from >= defaults.shed_all {
        let Policy { shed_from, shed_all, .. } = Policy::default();
        defaults = Policy { shed_from, shed_all, ..defaults };
    }
    builder.fleet.defaults = defaults;
    let checks = builder.checks(&document.checks, origin);
    let regions = builder.regions(&document.regions);
    let panels = builder.panels(&document.panels, &regions, &checks);
    let sets = builder.sets(&document.sets, &panels, defaults);
    let zones = builder.zones(document, origin);
    builder.hostnames(&document.hostnames, &sets, &zones);
    // Last, so that however much advice there is, no error is left out for it.
    advice::give(reader, document, &builder.fleet);
    builder.fleet
}

/// Zones by name; without an id where the zone has problems of its own.
struct Zones {
    by_name: HashMap<Name, Option<ZoneId>>,
    /// A zone's name could not be read, so what belongs nowhere may belong there.
    unreadable: bool,
}

struct Builder<'a> {
    reader: &'a Reader,
    known: Known<'a>,
    fleet: Fleet,
}

impl<'k> Builder<'k> {
    fn checks<'d>(&mut self, objects: &'d [Object<doc::Check>], origin: Origin<'_>) -> Names<'d>
    where
        'k: 'd,
    {
        let (mut names, kept) = Names::new(self.reader, self.known, "check", objects);
        for (object, keep) in objects.iter().zip(kept) {
            let check = checks::build(self.reader, object, origin);
            keep_or_lose(&mut names, object, keep, check, &mut self.fleet.checks);
        }
        names
    }

    fn regions<'d>(&mut self, objects: &'d [Object<doc::Region>]) -> Names<'d>
    where
        'k: 'd,
    {
        let (mut names, kept) = Names::new(self.reader, self.known, "region", objects);
        if let Some(first) = objects.get(MAX_REGIONS) {
            let what = format!("found {} regions", objects.len());
            self.reader.error(first.line, "region", what, format!("a fleet has at most {MAX_REGIONS}; put neighbours into one"));
            objects[MAX_REGIONS..].iter().for_each(|object| names.lose(&object.name));
        }
        for (object, keep) in objects.iter().zip(kept).take(MAX_REGIONS) {
            // A `then` that leads nowhere is left out; the region itself is sound, and others refer to it.
            let path = format!("region {}: then", shown(&object.name));
            let mut then = Vec::new();
            for name in &object.keys.then {
                if name.it == object.name.it {
                    self.reader.error(name.line, &path, "a region cannot follow itself", "name other regions");
                } else if let Some(id) = names.follow(self.reader, &path, name).map(RegionId) {
                    if then.contains(&id) {
                        self.reader.error(name.line, &path, format!("`{}` is listed twice", shown(name)), "keep one of the two");
                    } else {
                        then.push(id);
                    }
                }
            }
            if let Some(at) = object.keys.at.filter(|_| keep) {
                self.fleet.regions.push(Region { name: object.name.it.clone(), at, serves: object.keys.serves.clone(), then });
            }
        }
        names
    }

    fn panels<'d>(&mut self, objects: &'d [Object<doc::Panel>], regions: &Names<'_>, checks: &Names<'_>) -> Names<'d>
    where
        'k: 'd,
    {
        let (mut names, kept) = Names::new(self.reader, self.known, "panel", objects);
        for (object, keep) in objects.iter().zip(kept) {
            let panel = self.panel(object, regions, checks).map(Arc::new);
            keep_or_lose(&mut names, object, keep, panel, &mut self.fleet.panels);
        }
        names
    }

    fn panel(&self, object: &Object<doc::Panel>, regions: &Names<'_>, checks: &Names<'_>) -> Option<Panel> {
        let before = self.reader.errors();
        let keys = &object.keys;
        let path = |key: &str| format!("panel {}: {key}", shown(&object.name));
        let region = keys.region.as_ref().and_then(|name| regions.follow(self.reader, &path("region"), name)).map(RegionId);
        let mut check_ids = Vec::new();
        for name in &keys.checks {
            let Some(id) = checks.follow(self.reader, &path("checks"), name).map(CheckId) else { continue };
            if check_ids.contains(&id) {
                self.reader.error(name.line, &path("checks"), format!("`{}` is listed twice", shown(name)), "keep one of the two");
            }
            check_ids.push(id);
        }
        (self.reader.errors() == before).then(|| Panel {
            name: object.name.as_str().into(),
            region,
            at: keys.at.or_else(|| region.map(|region| self.fleet.region(region).at)),
            addresses: keys.addresses.as_slice().into(),
            checks: check_ids.into(),
            capacity: keys.capacity.map(|capacity| capacity.it),
            limits: keys.limits.as_slice().into(),
            weight: keys.weight.map_or(1.0, |weight| weight.it),
            state: keys.state.map_or_else(Default::default, |state| state.it),
            labels: keys.labels.as_slice().into(),
        })
    }

    fn sets<'d>(&mut self, objects: &'d [Object<doc::Set>], panels: &Names<'_>, defaults: Policy) -> Names<'d>
    where
        'k: 'd,
    {
        let (mut names, kept) = Names::new(self.reader, self.known, "set", objects);
        for (object, keep) in objects.iter().zip(kept) {
            let set = self.set(object, panels, defaults).map(Arc::new);
            keep_or_lose(&mut names, object, keep, set, &mut self.fleet.sets);
        }
        names
    }

    fn set(&self, object: &Object<doc::Set>, panels: &Names<'_>, defaults: Policy) -> Option<Set> {
        let before = self.reader.errors();
        let object_path = format!("set {}", shown(&object.name));
        let path = format!("{object_path}: panels");
        let policy = object.keys.policy.over(self.reader, &object_path, defaults);
        let written = &object.keys.members;
        let mut members: Vec<Member> = Vec::new();
        let mut seen = HashSet::new();
        for member in &written.it {
            let Some(id) = panels.follow(self.reader, &path, &member.panel) else { continue };
            if seen.insert(id) {
                members.push(Member { panel: PanelId(id), tier: member.tier });
            } else {
                let what = format!("`{}` is listed twice", shown(&member.panel));
                self.reader.error(member.panel.line, &path, what, "a panel has one place in a set: keep one of the two");
            }
        }
        if written.is_empty() && object.sound {
            self.reader.error(written.line, &path, "the set is empty", "list at least one panel");
        }
        if written.len() > MAX_PANELS_IN_SET {
            let what = format!("found {} panels", written.len());
            self.reader.error(written.line, &path, what, format!("a set has at most {MAX_PANELS_IN_SET}; make several sets"));
        }
        self.refuse_empty_tiers(written, &path);
        // A set whose only panels are broken has nobody to answer with.
        (self.reader.errors() == before && !members.is_empty()).then(|| Set {
            name: object.name.it.clone(),
            members,
            policy,
            own: object.keys.policy.own(),
        })
    }

    fn refuse_empty_tiers(&self, members: &At<Vec<doc::Member>>, path: &str) {
        let used: HashSet<u32> = members.iter().map(|member| member.tier).collect();
        let last = used.iter().copied().max().unwrap_or(0);
        if let Some(gap) = (1..last).find(|tier| !used.contains(tier)) {
            let what = format!("tier {gap} has no panels, and tier {last} has");
            self.reader.error(members.line, path, what, "number the tiers from 1 without gaps");
        }
    }

    fn zones(&mut self, document: &Document, origin: Origin<'_>) -> Zones {
        let (keys, _) = Names::new(self.reader, self.known, "key", &document.keys);
        let mut zones = Zones { by_name: HashMap::new(), unreadable: false };
        let mut lines: HashMap<Name, u32> = HashMap::new();
        for object in &document.zones {
            let path = format!("zone {}", shown(&object.name));
            let built = planned::refuse_zone(self.reader, object, &keys);
            let name = match Name::parse(&object.name) {
                Ok(name) if !name.is_wildcard() => name,
                Ok(_) => {
                    self.reader.error(
                        object.name.line,
                        &path,
                        "a zone's name cannot begin with `*`",
                        "name the zone; wildcards stand in it",
                    );
                    continue;
                }
                Err(error) => {
                    self.reader.error(object.name.line, &path, error.to_string(), "write it as \"panels.example\"");
                    zones.unreadable = true;
                    continue;
                }
            };
            if let Some(line) = lines.get(&name) {
                let what = format!("there is a zone of this name already, at line {line}");
                self.reader.error(object.name.line, &path, what, "keep one of the two");
                continue;
            }
            lines.insert(name.clone(), object.line);
            let source = self.source(object, &path, origin).filter(|_| object.sound && built);
            let id = source.map(|source| {
                self.fleet.zones.push(Zone { name: name.clone(), source, line: Line(object.line) });
                ZoneId(id_of_last(&self.fleet.zones))
            });
            if id.is_none() {
                self.fleet.lost.push(Lost::Zone(name.clone()));
            }
            zones.by_name.insert(name, id);
        }
        zones
    }

    fn source(&self, object: &Object<doc::Zone>, path: &str, origin: Origin<'_>) -> Option<Source> {
        match (&object.keys.file, &object.keys.text, origin) {
            (Some(file), Some(_), _) => {
                self.reader.error(file.line, &format!("{path}: file"), "`text` is given as well", "keep one of the two");
                None
            }
            (Some(file), None, Origin::File(base)) => Some(Source::File(base.join(&file.it))),
            (Some(file), None, Origin::Store) => {
                let hint = "give the records themselves: leave out `file` and send them to the zone's /file, or as `text`";
                self.reader.error(file.line, &format!("{path}: file"), "no path of the server is read here", hint);
                None
            }
            (None, Some(text), _) => Some(Source::Text(text.it.as_str().into())),
            (None, None, Origin::Store) => Some(Source::Stored { revision: 0, serial: None }),
            (None, None, Origin::File(_)) => {
                if !object.keys.has_source {
                    let hint = "name its master file: file = \"../zones/panels.example.zone\"";
                    self.reader.error(object.line, path, "`file` is missing", hint);
                }
                None
            }
        }
    }

    fn hostnames(&mut self, objects: &[Object<doc::Hostname>], sets: &Names<'_>, zones: &Zones) {
        let mut lines: HashMap<Name, u32> = HashMap::new();
        for object in objects {
            let path = format!("hostname {}", shown(&object.name));
            let set = object.keys.set.as_ref().and_then(|name| sets.follow(self.reader, &format!("{path}: set"), name)).map(SetId);
            let Some(name) = self.hostname_name(object, &path) else { continue };
            if let Some(line) = lines.get(&name) {
                let what = format!("there is a hostname of this name already, at line {line}");
                self.reader.error(object.name.line, &path, what, "keep one of the two");
                continue;
            }
            lines.insert(name.clone(), object.line);
            let zone = self.zone_of(&name, object, zones, &path);
            let policy = set.map(|set| self.fleet.set(set).policy).unwrap_or_default();
            let before = self.reader.errors();
            let own = object.keys.policy.as_ref().and_then(|own| {
                own.over(self.reader, &path, policy);
                own.own()
            });
            let ports = object.keys.ports.it;
            if name.is_wildcard() && ports.http.is_some() {
                let what = "`http` adds nothing to a wildcard name: SRV records have no place there";
                self.reader.warn(object.keys.ports.line, &format!("{path}: ports"), what, "leave it out, or name the hosts one by one");
            }
            let sound = object.sound && self.reader.errors() == before;
            match (set.filter(|_| sound), zone) {
                (Some(set), Some(zone)) => {
                    self.fleet.hostnames.push(Hostname { name, set, zone, number: 0, ports, own, line: Line(object.line) });
                }
                (None, Some(zone)) => self.fleet.lost.push(Lost::Hostname { name, zone }),
                (_, None) => {}
            }
        }
        added::refuse_taken(self.reader, &mut self.fleet, &lines);
        let mut counts = vec![0; self.fleet.zones.len()];
        self.fleet.hostnames = std::mem::take(&mut self.fleet.hostnames)
            .iter()
            .map(|hostname| {
                let count = &mut counts[hostname.zone.index()];
                *count += 1;
                Hostname { number: *count - 1, ..hostname.clone() }
            })
            .collect();
    }

    fn hostname_name(&self, object: &Object<doc::Hostname>, path: &str) -> Option<Name> {
        let (what, hint) = match Name::parse(&object.name) {
            Err(error) => (error.to_string(), "write it as \"live.panels.example\""),
            Ok(name) if name.is_root() => ("the root cannot be steered".into(), "write it as \"live.panels.example\""),
            Ok(name) if name.labels().skip(1).any(|label| label == b"*") => {
                ("`*` stands for any name only as the first label".into(), "write it as \"*.panels.example\"")
            }
            Ok(name) => return Some(name),
        };
        self.reader.error(object.name.line, path, what, hint);
        None
    }

    fn zone_of(&self, name: &Name, object: &Object<doc::Hostname>, zones: &Zones, path: &str) -> Option<ZoneId> {
        let mut at = Some(name.clone());
        while let Some(suffix) = at {
            if let Some(zone) = zones.by_name.get(&suffix) {
                return *zone;
            }
            at = suffix.parent();
        }
        if !zones.unreadable {
            let hint = format!("add the [[zone]] it belongs to, such as \"{}\"", shown(&zone_like(name)));
            self.reader.error(object.name.line, path, "it is in none of the zones", hint);
        }
        None
    }
}

/// The object's id is its place in `list`; without a `built` it loses the one it was promised.
fn keep_or_lose<T, U>(names: &mut Names<'_>, object: &Object<T>, keep: bool, built: Option<U>, list: &mut Vec<U>) {
    match built.filter(|_| keep) {
        Some(built) => {
            list.push(built);
            names.set(&object.name, id_of_last(list));
        }
        None if keep => names.lose(&object.name),
        None => {}
    }
}

fn id_of_last<T>(list: &[T]) -> u32 {
    // A document of `MAX_DOCUMENT` bytes cannot hold more objects than that.
    u32::try_from(list.len() - 1).unwrap_or(u32::MAX)
}

fn zone_like(name: &Name) -> String {
    let zone = name.parent().filter(|parent| !parent.is_root()).unwrap_or_else(|| name.clone());
    zone.to_string().trim_end_matches('.').to_owned()
}

impl doc::Policy {
    /// This scope laid over the one around it.
    fn over(&self, reader: &Reader, object: &str, around: Policy) -> Policy {
        let policy = Overlay::over(&self.own(), around);
        if let Some(here) = self.shed_from.or(self.shed_all).filter(|_| policy.shed_from >= policy.shed_all) {
            let what = format!("{} is not below shed_all, which is {}", policy.shed_from, policy.shed_all);
            let separator = if object == "defaults" { "." } else { ": " };
            reader.error(
                here.line,
                &format!("{object}{separator}shed_from"),
                what,
                "a panel must begin to lose clients before it gets none",
            );
        }
        policy
    }

    /// What this scope says, without where it says so.
    fn own(&self) -> Own {
        let own = Overlay {
            steer: self.steer.map(|v| v.it),
            spread_km: self.spread_km.map(|v| v.it),
            fence: self.fence.map(|v| v.it),
            sticky: self.sticky.map(|v| v.it),
            answers: self.answers.and_then(|v| u8::try_from(v.it).ok()),
            ttl: self.ttl.map(|v| v.it),
            ttl_changing: self.ttl_changing.map(|v| v.it),
            panic: self.panic.map(|v| v.it),
            overflow: self.overflow.map(|v| v.it),
            shed_from: self.shed_from.map(|v| v.it),
            shed_all: self.shed_all.map(|v| v.it),
            slow_start: self.slow_start.map(|v| v.it),
        };
        (own != Overlay::default()).then(|| Arc::new(own))
    }
}
