//! Which hostnames a change has to do with, and what it means for their clients.

use super::effect::{Side, Touched, effects};
use super::making::Made;
use super::office::{Office, Wished};
use super::sight::Sight;
use super::writer::Wanted;
use crate::compile::{plan, service};
use crate::dns::name::Name;
use crate::fleet::ledger::{Extent, Ledger, shown};
use crate::fleet::{Conducts, Fleet, Hostname, Kind, Set, SetId, conducts};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Where only records of zones change there is nothing to tell of clients.
pub(super) fn effect(office: &Office, ledger: &Ledger, made: &Made, wanted: &Wanted, sight: &Sight) -> Vec<String> {
    if made.draft.items.is_empty() && wanted.states.is_empty() {
        return Vec::new();
    }
    let (old, new) = (ledger.fleet(), &made.draft.fleet);
    let is_moved = old.regions != new.regions;
    let guide = Arc::clone(&office.slot.load().guide);
    let new_guide = match is_moved {
        true => Arc::new(service::guide(new, Arc::clone(&guide.atlas))),
        false => Arc::clone(&guide),
    };
    let [before, after] = held(office, ledger, wanted);
    let mut touched = match &made.draft.extent {
        Extent::Part { hostnames, .. } => {
            let mut touched: Vec<Touched> =
                hostnames.iter().map(|hostname| pair(old, new, hostname.before.as_ref(), hostname.after.as_ref())).collect();
            let done: HashSet<Name> =
                hostnames.iter().filter_map(|hostname| hostname.after.as_ref()).map(|hostname| hostname.name.clone()).collect();
            let sets = Sets { old, new, is_moved, before: &before, after: &after };
            let others =
                new.hostnames.iter().filter(|hostname| sets.is_touched(hostname.set, hostname.set) && !done.contains(&hostname.name));
            touched.extend(others.map(|hostname| pair(old, new, Some(hostname), Some(hostname))));
            touched
        }
        Extent::Whole => of_whole(old, new, is_moved),
    };
    touched.retain(|touched| sight.is_all() || sight.sees(ledger, Kind::Hostname, &touched.name));
    if touched.is_empty() {
        return Vec::new();
    }
    let old = Side { fleet: old, conducts: &before, guide: &guide };
    effects(old, Side { fleet: new, conducts: &after, guide: &new_guide }, &touched)
}

/// How panels are treated now, and how once all hand-overs that are wanted are over.
fn held(office: &Office, ledger: &Ledger, wanted: &Wanted) -> [Conducts; 2] {
    let now_s = Office::now_s();
    let wishes = office.wishes_in(ledger);
    let before = conducts(&wishes, now_s).0;
    let mut after = before.clone();
    for (panel, wished) in &wanted.states {
        let Some(item) = ledger.item(Kind::Panel, panel) else { continue };
        after.remove(&*item.name);
        if let Some(wished) = wished {
            let settled = Wished { over_until: None, ..wished.clone() }.wish(&item.name);
            after.extend(conducts(&[settled], now_s).0);
        }
    }
    [before, after]
}

/// Compares sets of two fleets whose ids are the same.
struct Sets<'a> {
    old: &'a Fleet,
    new: &'a Fleet,
    is_moved: bool,
    before: &'a Conducts,
    after: &'a Conducts,
}

impl Sets<'_> {
    fn is_touched(&self, before: SetId, after: SetId) -> bool {
        let (Some(old), Some(new)) = (self.old.sets.get(before.index()), self.new.sets.get(after.index())) else { return true };
        self.is_moved
            || !Arc::ptr_eq(old, new) && old != new
            || new.members.iter().any(|member| {
                let (old, new) = (self.old.panels.get(member.panel.index()), self.new.panels.get(member.panel.index()));
                let is_other = match (old, new) {
                    (Some(old), Some(new)) => !Arc::ptr_eq(old, new) && old != new,
                    _ => true,
                };
                is_other || new.is_some_and(|panel| self.before.get(&*panel.name) != self.after.get(&*panel.name))
            })
    }
}

fn pair(old: &Fleet, new: &Fleet, before: Option<&Hostname>, after: Option<&Hostname>) -> Touched {
    Touched {
        name: after.or(before).map_or_else(String::new, |hostname| shown(&hostname.name)),
        before: before.map(|hostname| plan::order(old, hostname)),
        after: after.map(|hostname| plan::order(new, hostname)),
    }
}

/// By name, since the numbers of things are others.
fn of_whole(old: &Fleet, new: &Fleet, is_moved: bool) -> Vec<Touched> {
    let before: HashMap<&Name, &Hostname> = old.hostnames.iter().map(|hostname| (&hostname.name, hostname)).collect();
    let mut known: HashMap<(SetId, SetId), bool> = HashMap::new();
    let mut touched = Vec::new();
    for hostname in new.hostnames.iter() {
        let Some(was) = before.get(&hostname.name) else {
            touched.push(pair(old, new, None, Some(hostname)));
            continue;
        };
        let is_same_set = *known
            .entry((was.set, hostname.set))
            .or_insert_with(|| described(old, old.set(was.set)) == described(new, new.set(hostname.set)));
        if is_moved || !is_same_set || was.own != hostname.own || was.ports != hostname.ports {
            touched.push(pair(old, new, Some(was), Some(hostname)));
        }
    }
    let after: HashSet<&Name> = new.hostnames.iter().map(|hostname| &hostname.name).collect();
    touched.extend(
        old.hostnames.iter().filter(|hostname| !after.contains(&hostname.name)).map(|hostname| pair(old, new, Some(hostname), None)),
    );
    touched
}

/// All of a set that answers depend on, without numbers.
fn described(fleet: &Fleet, set: &Set) -> String {
    let panel = |member: &crate::fleet::Member| {
        let panel = fleet.panel(member.panel);
        let region = panel.region.map(|region| &fleet.region(region).name);
        format!("{} {} {region:?} {:?} {:?} {} {:?};", member.tier, panel.name, panel.at, panel.addresses, panel.weight, panel.state)
    };
    format!("{} {:?} {}", set.name, set.policy, set.members.iter().map(panel).collect::<String>())
}
