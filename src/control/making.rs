//! What a draft comes to: zones compiled, so that whatever is in the way is found before anything is stored.

use super::office::Office;
use super::telling::{said, store_key};
use super::texts::{self, NoFiles};
use super::writer::{Wanted, Writer};
use super::{Fault, How, Refusal};
use crate::compile::patch::{Edit, Patched, patch};
use crate::compile::plan::{self, NO_ORDER, Order, Orders, Plan, ZonePlan};
use crate::compile::zone::{Compiled, zone_shown_as};
use crate::dns::name::Name;
use crate::dns::serial;
use crate::document::Problem;
use crate::fleet::ledger::{Draft, Extent, Ledger, Rehosted, Target, shown};
use crate::fleet::{Fleet, Kind, Source, ZoneId};
use crate::pilot::{Changed, Event, Rezoned};
use crate::snapshot::path::Path;
use crate::snapshot::zone::{Editor, Zone};
use crate::snapshot::{Serving, Snapshot};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Zones compiled side by side: each takes a core and, while it lasts, a few times its text in memory.
const COMPILERS: usize = 2;

/// Bytes that one more record set needs, as a guess.
const ROOM: usize = 1024;

pub(super) struct Made {
    pub(super) draft: Draft,
    pub(super) texts: Vec<NewText>,
    pub(super) outcome: Outcome,
    pub(super) warnings: Vec<String>,
}

/// A zone's new records, and the serial they are shown with.
pub(super) struct NewText {
    pub(super) zone: String,
    pub(super) text: Vec<u8>,
    pub(super) serial: Option<u32>,
}

pub(super) enum Outcome {
    Part { zones: Vec<Amended>, is_policy: bool },
    Whole { plan: Box<Plan>, zones: HashMap<Name, Arc<Zone>>, problems: HashMap<Name, Vec<Problem>> },
}

/// A zone of which something is another.
pub(super) struct Amended {
    pub(super) name: Name,
    pub(super) zone: Option<Arc<Zone>>,
    pub(super) orders: Orders,
    /// Where it was compiled anew, and what there is to say of it.
    pub(super) compiled: Option<(Arc<ZonePlan>, Vec<Problem>)>,
}

impl Made {
    /// Something of the fleet or of a zone's records changes.
    pub(super) fn is_fleet(&self) -> bool {
        !self.draft.items.is_empty() || !self.texts.is_empty()
    }

    /// Where records are that this revision brings.
    pub(super) fn sources(&self, revision: u64) -> Vec<(String, Source)> {
        self.texts.iter().map(|text| (text.zone.clone(), Source::Stored { revision, serial: text.serial })).collect()
    }

    /// The sets that its hostnames pointed to and point to: whoever may not know of those is not told of the hostnames.
    pub(super) fn sets_of_hostnames(&self, ledger: &Ledger) -> BTreeSet<String> {
        let both = self.draft.items.iter().filter_map(|(target, item)| match target {
            Target::Object(Kind::Hostname, name) => Some([ledger.item(Kind::Hostname, name), item.as_ref()]),
            _ => None,
        });
        both.flatten().flatten().filter_map(|item| Some(format!("sets/{}", item.json()["set"].as_str()?))).collect()
    }

    /// Everything it touches, as the store calls it.
    pub(super) fn keys(&self, wanted: &Wanted) -> Vec<String> {
        let items = self.draft.items.iter().map(|(target, _)| store_key(target));
        let texts = self.texts.iter().map(|text| format!("files/{}", text.zone));
        items.chain(texts).chain(wanted.states.iter().map(|(panel, _)| format!("states/{panel}"))).collect()
    }
}

impl Outcome {
    /// What the pilot is told; the writer remembers what it needs for the next change.
    pub(super) fn event(self, writer: &mut Writer, ledger: &Ledger) -> Event {
        let fleet = Arc::clone(ledger.fleet());
        match self {
            Self::Part { zones, is_policy } => {
                let mut rezoned = Vec::with_capacity(zones.len());
                if is_policy {
                    for (name, orders) in &mut writer.orders {
                        *orders = orders.under(&fleet);
                        if zones.iter().all(|zone| zone.name != *name) {
                            rezoned.push(Rezoned { name: name.clone(), zone: None, orders: Some(orders.clone()), compiled: None });
                        }
                    }
                }
                for Amended { name, zone, orders, compiled } in zones {
                    match &compiled {
                        Some((plan, _)) => writer.plans.insert(name.clone(), Arc::clone(plan)),
                        None => writer.plans.remove(&name),
                    };
                    writer.orders.insert(name.clone(), orders.clone());
                    rezoned.push(Rezoned { name, zone, orders: Some(orders), compiled });
                }
                Event::Changed(Box::new(Changed { fleet, zones: rezoned }))
            }
            Self::Whole { plan, zones, problems } => {
                let placed = plan
                    .zones
                    .iter()
                    .zip(&fleet.zones)
                    .map(|(zone, of)| Arc::new(ZonePlan { source: of.source.clone(), ..(**zone).clone() }));
                let plan = Plan { zones: placed.collect(), fleet, ..*plan };
                writer.remember(&plan);
                Event::Replaced { plan, zones, problems }
            }
        }
    }
}

impl Writer {
    pub(super) fn remember(&mut self, plan: &Plan) {
        self.orders = plan.zones.iter().zip(&plan.orders).map(|(zone, orders)| (zone.name.clone(), orders.clone())).collect();
        self.plans = plan.zones.iter().map(|zone| (zone.name.clone(), Arc::clone(zone))).collect();
    }
}

pub(super) fn make(writer: &Writer, ledger: &Ledger, draft: Draft, wanted: &Wanted, how: &How) -> Result<Made, Refusal> {
    let snapshot = Arc::clone(&writer.office.slot.load());
    let mut making = Making { writer, ledger, wanted, snapshot, texts: HashMap::new(), new: Vec::new(), warnings: Vec::new() };
    making.gather(&draft)?;
    let mut draft = draft;
    let outcome = match draft.extent.clone() {
        Extent::Part { hostnames, is_policy } => Outcome::Part { zones: making.part(&mut draft, &hostnames)?, is_policy },
        Extent::Whole => making.whole(&draft)?,
    };
    if !how.force {
        making.refuse_shrinking(&draft, &outcome)?;
    }
    let Making { new, warnings, .. } = making;
    Ok(Made { draft, texts: new, outcome, warnings })
}

struct Making<'a> {
    writer: &'a Writer,
    ledger: &'a Ledger,
    wanted: &'a Wanted,
    /// What answers now.
    snapshot: Arc<Snapshot>,
    /// Texts that are not the stored ones, by zone's key.
    texts: HashMap<String, Vec<u8>>,
    new: Vec<NewText>,
    warnings: Vec<String>,
}

/// What a zone is compiled from, for threads.
struct Work {
    plan: Arc<ZonePlan>,
    text: Vec<u8>,
    serial: Option<u32>,
}

impl Making<'_> {
    fn gather(&mut self, draft: &Draft) -> Result<(), Refusal> {
        let is_gone =
            |zone: &str| draft.items.iter().any(|(target, item)| item.is_none() && *target == Target::Object(Kind::Zone, zone.to_owned()));
        let inline = draft.texts.iter().map(|(zone, text)| (zone, text.as_bytes()));
        for (zone, text) in inline.chain(self.wanted.texts.iter().map(|(zone, text)| (zone, text.as_slice()))) {
            let is_known = self.ledger.item(Kind::Zone, zone).is_some();
            let is_later = || {
                let shown = super::wanting::serial_of(self.office(), zone);
                self.wanted.serials.get(zone).is_some_and(|wanted| shown.is_none_or(|shown| serial::is_after(*wanted, shown)))
            };
            let is_same = is_known
                && !is_later()
                && self.office().store.get(&format!("files/{zone}")).ok().flatten().is_some_and(|old| old.value == text);
            if !is_gone(zone) && !is_same {
                self.texts.insert(zone.clone(), text.to_vec());
            }
        }
        for (target, item) in &draft.items {
            let Target::Object(Kind::Zone, zone) = target else { continue };
            if item.is_some() && self.ledger.item(Kind::Zone, zone).is_none() && !self.texts.contains_key(zone) {
                let mut fault = self.fault_at(zone, "the zone has no records");
                fault.hint = "give its master file as `text`".into();
                return Err(Refusal::Faults(vec![fault]));
            }
        }
        Ok(())
    }

    fn office(&self) -> &Office {
        &self.writer.office
    }

    /// The zone as it is answered from.
    fn served(&self, name: &Name) -> Option<&Arc<Zone>> {
        let path = Path::read(name.wire())?;
        match self.snapshot.zones.find(&path, path.count())? {
            Serving::Zone(zone, _) if zone.apex() == path.wire() => Some(zone),
            _ => None,
        }
    }

    fn part(&mut self, draft: &mut Draft, hostnames: &[Rehosted]) -> Result<Vec<Amended>, Refusal> {
        let mut touched: BTreeMap<u32, Vec<&Rehosted>> = BTreeMap::new();
        for hostname in hostnames {
            touched.entry(hostname.zone.0).or_default().push(hostname);
        }
        for zone in self.texts.keys() {
            touched.extend(self.ledger.id(Kind::Zone, zone).filter(|id| !touched.contains_key(id)).map(|id| (id, Vec::new())));
        }
        let mut amended = Vec::with_capacity(touched.len());
        for (id, hostnames) in touched {
            amended.push(self.amend(draft, ZoneId(id), &hostnames)?);
        }
        Ok(amended)
    }

    fn amend(&mut self, draft: &mut Draft, id: ZoneId, hostnames: &[&Rehosted]) -> Result<Amended, Refusal> {
        let name = draft.fleet.zone(id).name.clone();
        let served = self.served(&name).cloned();
        if let (Some(zone), Some(orders), false) = (&served, self.writer.orders.get(&name), self.texts.contains_key(&shown(&name))) {
            let file: Arc<str> = "".into();
            let steered = |fleet: &Fleet, hostname: &Option<_>| hostname.as_ref().map(|hostname| plan::steered(fleet, hostname, &file));
            let pairs: Vec<_> = hostnames
                .iter()
                .map(|hostname| (number(hostname), steered(self.ledger.fleet(), &hostname.before), steered(&draft.fleet, &hostname.after)))
                .collect();
            let edits: Vec<Edit<'_>> = pairs
                .iter()
                .map(|(number, before, after)| Edit { number: *number as usize, before: before.as_ref(), after: after.as_ref() })
                .collect();
            let same_block = pairs.iter().all(|(_, before, after)| before == after);
            match if same_block { None } else { Some(patch(zone, &edits)) } {
                None => return Ok(Amended { orders: amended(orders, &draft.fleet, hostnames), name, zone: None, compiled: None }),
                Some(Patched::Zone(zone)) => {
                    let orders = amended(orders, &draft.fleet, hostnames);
                    return Ok(Amended { name, zone: Some(Arc::new(zone)), orders, compiled: None });
                }
                Some(Patched::Refused(problems)) => return Err(Refusal::Faults(problems.iter().map(Fault::of).collect())),
                Some(Patched::Anew) => {}
            }
        }
        if let (Some(zone), Some(orders), true) = (&served, self.writer.orders.get(&name), hostnames.is_empty())
            && let Some(zone) = self.with_record(zone)
        {
            let zone = self.numbered(&name, zone, self.wanted.record.as_ref().and_then(|record| record.written));
            return Ok(Amended { orders: orders.clone(), name, zone: Some(zone), compiled: None });
        }
        self.ledger.renumber(draft, id);
        let (zone_plan, orders) = plan::of_zone("", &draft.fleet, id);
        let zone_plan = Arc::new(zone_plan);
        let work = self.work(&zone_plan)?;
        let compiled = compile(work);
        let problems = compiled.problems.clone();
        let zone = self.sound(&zone_plan, compiled)?;
        Ok(Amended { name, zone: Some(zone), orders, compiled: Some((zone_plan, problems)) })
    }

    fn whole(&mut self, draft: &Draft) -> Result<Outcome, Refusal> {
        let plan = plan::plan("", (*draft.fleet).clone());
        let mut zones = HashMap::with_capacity(plan.zones.len());
        let mut problems = HashMap::new();
        let mut works: Vec<Arc<ZonePlan>> = Vec::new();
        for zone in &plan.zones {
            let is_same = self.writer.plans.get(&zone.name).is_some_and(|old| old == zone) && !self.texts.contains_key(&shown(&zone.name));
            match self.served(&zone.name).filter(|_| is_same) {
                Some(served) => drop(zones.insert(zone.name.clone(), Arc::clone(served))),
                None => works.push(Arc::clone(zone)),
            }
        }
        // A few at a time: texts are read when it is their turn.
        for batch in works.chunks(COMPILERS) {
            let texts = batch.iter().map(|zone| self.work(zone)).collect::<Result<Vec<Work>, Refusal>>()?;
            let compiled: Vec<Compiled> = match texts.len() {
                1 => texts.into_iter().map(compile).collect(),
                _ => std::thread::scope(|scope| {
                    let threads: Vec<_> = texts.into_iter().map(|work| scope.spawn(|| compile(work))).collect();
                    threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| fault())).collect()
                }),
            };
            for (zone, compiled) in batch.iter().zip(compiled) {
                problems.insert(zone.name.clone(), compiled.problems.clone());
                zones.insert(zone.name.clone(), self.sound(zone, compiled)?);
            }
        }
        Ok(Outcome::Whole { plan: Box::new(plan), zones, problems })
    }

    fn work(&self, plan: &Arc<ZonePlan>) -> Result<Work, Refusal> {
        let zone = shown(&plan.name);
        let serial = if let Source::Stored { serial, .. } = &plan.source { *serial } else { None };
        Ok(match self.texts.get(&zone) {
            Some(text) => Work { plan: Arc::clone(plan), text: text.clone(), serial: None },
            None => Work { plan: Arc::clone(plan), text: super::wanting::text_of(self.office(), &zone)?, serial },
        })
    }

    /// The zone, or everything that is wrong with it. New records get the serial they are shown with.
    fn sound(&mut self, plan: &ZonePlan, compiled: Compiled) -> Result<Arc<Zone>, Refusal> {
        let key = shown(&plan.name);
        let (errors, warnings): (Vec<&Problem>, Vec<&Problem>) = compiled.problems.iter().partition(|problem| problem.is_error());
        if !errors.is_empty() {
            let at = self.fault_at(&key, "");
            // A hostname's line is not one of the zone's text.
            let line = |problem: &Problem| if problem.path.starts_with("hostname ") { 0 } else { problem.line };
            let faults = errors.into_iter().map(|problem| Fault { pointer: at.pointer.clone(), line: line(problem), ..Fault::of(problem) });
            return Err(Refusal::Faults(faults.collect()));
        }
        self.warnings.extend(warnings.into_iter().map(|problem| format!("zone {key}: {}", said(problem))));
        let Some(zone) = compiled.zone else { return Err(Refusal::Faults(vec![self.fault_at(&key, "the zone is not sound")])) };
        let written = zone.serial();
        Ok(self.numbered(&plan.name, zone, written))
    }

    /// The zone with the one set that is another, where that is all there is to it.
    fn with_record(&self, zone: &Zone) -> Option<Zone> {
        let record = self.wanted.record.as_ref()?;
        let records: Vec<(u32, &[u8])> = record.set.iter().flat_map(|set| set.records()).collect();
        let mut editor = Editor::new(zone, ROOM).ok()?;
        editor.put(&Path::read(record.name.wire())?, record.rtype, &records).ok()?;
        editor.finish().ok()
    }

    /// New records get the serial they are shown with; `written` is the one in their text.
    fn numbered(&mut self, name: &Name, mut zone: Zone, written: Option<u32>) -> Arc<Zone> {
        let key = shown(name);
        if let Some(text) = self.texts.get(&key) {
            let serial = match zone.denial() {
                // Its signatures hold for this serial and no other.
                Some(_) => written,
                None => {
                    let old = self.office().store.get(&format!("files/{key}")).ok().flatten().map(|document| document.value);
                    // What was ever shown counts, also of a zone that was away for a while.
                    let kept = super::wanting::serial_of(self.office(), &key);
                    let shown = old.as_ref().and_then(|_| self.served(name)?.serial()).or(kept);
                    let serial = texts::serial_after(name, shown, old.as_deref(), text, written);
                    let wanted = self.wanted.serials.get(&key).copied();
                    wanted.filter(|wanted| serial.is_none_or(|serial| serial::is_after(*wanted, serial))).or(serial)
                }
            };
            if let Some(serial) = serial.filter(|serial| Some(*serial) != zone.serial()) {
                zone.set_serial(serial);
            }
            self.new.push(NewText { zone: key, text: text.clone(), serial });
        }
        Arc::new(zone)
    }

    /// Where in the body this zone's records are.
    fn fault_at(&self, zone: &str, what: &str) -> Fault {
        let pointer = match &self.wanted.fleet {
            Some(json) => {
                let is_it = |object: &Value| {
                    object["name"].as_str().and_then(|name| crate::fleet::ledger::key(Kind::Zone, name).ok()).as_deref() == Some(zone)
                };
                let at = json["zone"].as_array().and_then(|zones| zones.iter().position(is_it));
                at.map_or_else(String::new, |at| format!("/zone/{at}/text"))
            }
            None if self.wanted.edits.iter().any(|edit| edit.body.as_ref().is_some_and(|body| body.get("text").is_some())) => {
                "/text".into()
            }
            None => String::new(),
        };
        Fault { path: format!("zone {zone}"), ..Fault::new(pointer, what, "") }
    }

    /// Half gone at once is seldom meant, and an empty file is the usual reason.
    fn refuse_shrinking(&self, draft: &Draft, outcome: &Outcome) -> Result<(), Refusal> {
        let mut shrinks = Vec::new();
        let (old, new) = (self.ledger.fleet(), &draft.fleet);
        for (target, item) in &draft.items {
            match (target, item) {
                (Target::Object(Kind::Zone, zone), None) if !self.wanted.is_zone_deleted => {
                    shrinks.push(format!("zone {zone} would no longer be served"));
                }
                (Target::Object(Kind::Set, set), Some(_)) => {
                    let before = self.ledger.id(Kind::Set, set).map_or(0, |id| old.sets[id as usize].members.len());
                    let after = new.sets.iter().rev().find(|other| other.name.to_lowercase() == *set).map_or(0, |set| set.members.len());
                    if after * 2 < before {
                        shrinks.push(format!("set {set} would shrink from {before} to {after} panels"));
                    }
                }
                _ => {}
            }
        }
        let records = |name: &Name, zone: &Zone| {
            let before = self.served(name).map_or(0, |zone| zone.records());
            let is_new = !self.wanted.is_records && self.texts.contains_key(&shown(name));
            (is_new && zone.records() * 2 < before)
                .then(|| format!("zone {} would shrink from {before} to {} records", shown(name), zone.records()))
        };
        match outcome {
            Outcome::Part { zones, .. } => {
                shrinks.extend(zones.iter().filter_map(|amended| records(&amended.name, amended.zone.as_deref()?)));
            }
            Outcome::Whole { zones, .. } => shrinks.extend(zones.iter().filter_map(|(name, zone)| records(name, zone))),
        }
        shrinks.sort();
        if shrinks.is_empty() { Ok(()) } else { Err(Refusal::Shrinks(shrinks)) }
    }
}

fn compile(Work { plan, text, serial }: Work) -> Compiled {
    zone_shown_as(&plan.name, "", text, &mut NoFiles, &plan.steered, serial)
}

fn fault() -> Compiled {
    let problem = Problem::error("", 0, "compiling it met a fault of meridian's own; please report it with this zone");
    Compiled { zone: None, problems: vec![problem], files: Vec::new() }
}

fn number(hostname: &Rehosted) -> u32 {
    hostname.after.as_ref().or(hostname.before.as_ref()).map_or(NO_ORDER, |hostname| hostname.number)
}

fn amended(orders: &Orders, fleet: &Fleet, hostnames: &[&Rehosted]) -> Orders {
    let order = |hostname: &Rehosted| -> Option<Order> { hostname.after.as_ref().map(|hostname| plan::order(fleet, hostname)) };
    let edits: Vec<_> = hostnames.iter().map(|hostname| (number(hostname), order(hostname))).collect();
    orders.under(fleet).amended(&edits)
}
