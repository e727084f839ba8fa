//! What is sound and yet hardly meant. Only warnings: a fleet is served with all of them.

use super::doc::{self, Document, Object};
use super::{Fence, Fleet, Panel, Serves, Set, State, Steer};
use crate::document::{Reader, shown};
use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::hash::Hash;

pub(super) fn give(reader: &Reader, document: &Document, fleet: &Fleet) {
    let advice = Advice {
        reader,
        fleet,
        regions: by_name(&document.regions),
        panels: by_name(&document.panels),
        sets: by_name(&document.sets),
        nearest: steered_by_nearest(fleet),
    };
    advice.shared("continents", |serves| &serves.continents);
    advice.shared("countries", |serves| &serves.countries);
    advice.shared("subdivisions", |serves| &serves.subdivisions);
    advice.shared("networks", |serves| &serves.networks);
    advice.shared("asns", |serves| &serves.asns);
    advice.places();
    for (set, nearest) in fleet.sets.iter().zip(&advice.nearest) {
        advice.shares(set);
        if let Some(object) = advice.sets.get(set.name.as_str()).filter(|_| !nearest) {
            advice.idle_keys("set", object, &object.keys.policy);
        }
    }
    for object in document.hostnames.iter().filter(|object| object.sound) {
        object.keys.policy.iter().for_each(|policy| advice.idle_keys("hostname", object, policy));
    }
}

struct Advice<'a> {
    reader: &'a Reader,
    fleet: &'a Fleet,
    regions: HashMap<&'a str, &'a Object<doc::Region>>,
    panels: HashMap<&'a str, &'a Object<doc::Panel>>,
    sets: HashMap<&'a str, &'a Object<doc::Set>>,
    /// By set: whether distance matters to anybody who asks for it.
    nearest: Vec<bool>,
}

impl Advice<'_> {
    /// What two regions list by the same word.
    fn shared<T: Eq + Hash + Display>(&self, key: &str, list: impl Fn(&Serves) -> &[T]) {
        let mut first: HashMap<&T, &str> = HashMap::new();
        for region in &self.fleet.regions {
            for item in list(&region.serves) {
                let Some(other) = first.get(item) else {
                    first.insert(item, &region.name);
                    continue;
                };
                let line = |name: &str| self.regions.get(name).map_or(0, |object| object.line);
                let what = format!(
                    "region `{other}` at line {} lists `{item}` as well, and comes first in the document: its clients go there",
                    line(other)
                );
                self.reader.warn(line(&region.name), &format!("region {}: serves.{key}", region.name), what, "list it in one of the two");
            }
        }
    }

    fn places(&self) {
        let mut named = HashSet::new();
        for (set, _) in self.fleet.sets.iter().zip(&self.nearest).filter(|(set, nearest)| **nearest && set.members.len() > 1) {
            let panels = || set.members.iter().map(|member| self.fleet.panel(member.panel));
            let nowhere = || panels().filter_map(|panel| self.nowhere(panel));
            if panels().all(|panel| panel.at.is_none()) {
                if nowhere().next().is_some() {
                    let hint = "give them `region` or `at`, or the set another `steer`";
                    self.warn_set(set, "none of its panels has a place: `nearest` takes them all alike", hint);
                }
                continue;
            }
            for object in nowhere() {
                if named.insert(object.name.it.as_str()) {
                    let path = format!("panel {}", shown(&object.name));
                    self.reader.warn(object.line, &path, "has no place: with `nearest` it comes last", "give it `region` or `at`");
                }
            }
        }
    }

    /// The panel as it is written, if it says nothing of where it is: a region with problems of its own is none of its faults.
    fn nowhere(&self, panel: &Panel) -> Option<&Object<doc::Panel>> {
        let object = self.panels.get(&*panel.name)?;
        (panel.at.is_none() && object.keys.region.is_none()).then_some(object)
    }

    fn shares(&self, set: &Set) {
        let mut enabled =
            set.members.iter().map(|member| self.fleet.panel(member.panel)).filter(|panel| panel.state != State::Disabled).peekable();
        if enabled.peek().is_none() {
            self.warn_set(set, "every panel of it is disabled: there is nobody to answer with", "enable one of them");
        } else if enabled.all(|panel| panel.weight == 0.0) {
            self.warn_set(
                set,
                "every panel of it that is not disabled has weight 0",
                "give one of them more: a weight of 0 takes no clients",
            );
        }
    }

    /// Keys that another key of the same scope leaves without effect; what is inherited is no mistake.
    fn idle_keys<T>(&self, kind: &str, object: &Object<T>, policy: &doc::Policy) {
        if policy.steer.is_none_or(|steer| steer.it == Steer::Nearest) {
            return;
        }
        let fence = policy.fence.filter(|fence| fence.it != Fence::None).map(|fence| (fence.line, "fence"));
        let spread = policy.spread_km.map(|spread| (spread.line, "spread"));
        for (line, key) in [spread, fence].into_iter().flatten() {
            let path = format!("{kind} {}: {key}", shown(&object.name));
            let what = "has no effect: the same table has a `steer` other than \"nearest\"";
            self.reader.warn(line, &path, what, "leave out one of the two");
        }
    }

    fn warn_set(&self, set: &Set, what: &str, hint: &str) {
        let line = self.sets.get(set.name.as_str()).map_or(0, |object| object.keys.members.line);
        self.reader.warn(line, &format!("set {}: panels", set.name), what, hint);
    }
}

/// As its hostnames have it, or the set itself where it has none.
fn steered_by_nearest(fleet: &Fleet) -> Vec<bool> {
    let mut asked: Vec<Option<bool>> = vec![None; fleet.sets.len()];
    for hostname in fleet.hostnames.iter() {
        let nearest = &mut asked[hostname.set.index()];
        *nearest = Some(nearest.unwrap_or(false) || fleet.policy(hostname).steer == Steer::Nearest);
    }
    fleet.sets.iter().zip(asked).map(|(set, asked)| asked.unwrap_or(set.policy.steer == Steer::Nearest)).collect()
}

/// Of two of one name the first counts.
fn by_name<T>(objects: &[Object<T>]) -> HashMap<&str, &Object<T>> {
    let mut names = HashMap::with_capacity(objects.len());
    for object in objects {
        names.entry(object.name.it.as_str()).or_insert(object);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use std::path::Path;

    /// What the document is warned of; it has no errors.
    fn advice(text: &str) -> String {
        let (_, problems) = parse("f", text.as_bytes(), Path::new(""));
        assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
        problems.iter().map(|problem| problem.to_string().replacen("warning: ", "", 1)).collect::<Vec<_>>().join("\n")
    }

    /// Panels `a`, `b` with these keys, one a line; a set of both from line 9 with the keys that follow; a hostname.
    fn two(a: &str, b: &str, set: &str, hostname: &str) -> String {
        let panel = |name: &str, keys: &str| format!("[[panel]]\nname = \"{name}\"\naddresses = [\"192.0.2.1\"]\n{keys}\n");
        format!(
            "{}{}[[set]]\nname = \"s\"\npanels = [\"a\", \"b\"]\n{set}\n[[zone]]\nname = \"z\"\nfile = \"z\"\n\
             [[hostname]]\nname = \"h.z\"\nset = \"s\"\n{hostname}\n",
            panel("a", a),
            panel("b", b)
        )
    }

    const HERE: &str = "at = [1, 2]";

    #[test]
    fn a_panel_without_a_place_comes_last() {
        let last = "f:5: panel b: has no place: with `nearest` it comes last; give it `region` or `at`";
        let failover = "steer = \"failover\"";
        for (a, b, set, hostname, expected) in [
            (HERE, HERE, "", "", ""),
            (HERE, "", "", "", last),
            (HERE, "", failover, "", ""),
            (HERE, "", "", failover, ""),
            (HERE, "", failover, "steer = \"nearest\"", last),
            (
                "",
                "",
                "",
                "",
                "f:11: set s: panels: none of its panels has a place: `nearest` takes them all alike; give them `region` or `at`, or the set another `steer`",
            ),
            ("", "", failover, "", ""),
        ] {
            assert_eq!(advice(&two(a, b, set, hostname)), expected, "{a}, {b}, {set}, {hostname}");
        }
        // Once, whatever the number of sets; and in a set of one there is no order.
        assert_eq!(advice(&(two(HERE, "", "", "") + "[[set]]\nname = \"t\"\npanels = [\"a\", \"b\"]\n")), last);
        assert_eq!(advice(&two(HERE, "", "", "").replace("[\"a\", \"b\"]", "[\"b\"]")), "");
        let region = "[[region]]\nname = \"eu\"\nat = [1, 2]\n";
        assert_eq!(advice(&(two(HERE, "region = \"eu\"", "", "") + region)), "");
    }

    #[test]
    fn a_broken_region_is_no_fault_of_its_panels() {
        let text = two(HERE, "region = \"eu\"", "", "") + "[[region]]\nname = \"eu\"\nat = [1, 200]\n";
        let (fleet, problems) = parse("f", text.as_bytes(), Path::new(""));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((fleet.panels.len(), fleet.hostnames.len()), (2, 1));
    }

    #[test]
    fn nobody_to_answer_with_is_warned_of() {
        let disabled = "f:11: set s: panels: every panel of it is disabled: there is nobody to answer with; enable one of them";
        let weightless = "f:11: set s: panels: every panel of it that is not disabled has weight 0; give one of them more: a weight of 0 takes no clients";
        for (a, b, expected) in [
            ("state = \"disabled\"", "state = \"disabled\"", disabled),
            ("state = \"disabled\"", "state = \"draining\"", ""),
            ("state = \"disabled\"", "weight = 0", weightless),
            ("weight = 0", "weight = 0.0", weightless),
            ("weight = 0", "weight = 0.1", ""),
        ] {
            let with_place = |keys: &str| format!("{keys}\nat = [1, 2]");
            let found = advice(&two(a, &with_place(b), "steer = \"weighted\"", ""));
            // The second panel has a line more.
            assert_eq!(found, expected.replacen("f:11", "f:12", 1), "{a}, {b}");
        }
    }

    #[test]
    fn keys_of_nearest_beside_another_steer_are_idle() {
        let idle = |place: &str, key: &str| {
            format!("{place}: {key}: has no effect: the same table has a `steer` other than \"nearest\"; leave out one of the two")
        };
        let weighted = "steer = \"weighted\"";
        let failover_fenced = "steer = \"failover\"\nfence = \"region\"";
        for (set, hostname, expected) in [
            (failover_fenced, "", idle("f:13: set s", "fence")),
            (failover_fenced, "steer = \"nearest\"", String::new()),
            ("steer = \"weighted\"\nspread = \"1km\"", "", idle("f:13: set s", "spread")),
            ("steer = \"weighted\"\nfence = \"none\"", "", String::new()),
            ("steer = \"nearest\"\nfence = \"region\"\nspread = \"1km\"", weighted, String::new()),
            // Inherited, or in a scope that says nothing of steering: no mistake.
            (weighted, "fence = \"region\"", String::new()),
            ("", "steer = \"round-robin\"\nfence = \"continent\"", idle("f:20: hostname h.z", "fence")),
        ] {
            assert_eq!(advice(&two(HERE, HERE, set, hostname)), expected, "{set}, {hostname}");
        }
        assert_eq!(advice(&format!("[defaults]\nsteer = \"failover\"\nspread = \"1km\"\nfence = \"region\"\n{}", two("", "", "", ""))), "");
    }

    #[test]
    fn what_two_regions_serve_goes_to_the_first() {
        for (key, list, shown) in [
            ("continents", "[\"EU\"]", "EU"),
            ("countries", "[\"MA\"]", "MA"),
            ("subdivisions", "[\"US-CA\"]", "US-CA"),
            ("networks", "[\"192.0.2.0/24\"]", "192.0.2.0/24"),
            ("asns", "[64500]", "64500"),
        ] {
            let region = |name: &str| format!("[[region]]\nname = \"{name}\"\nat = [1, 2]\nserves = {{ {key} = {list} }}\n");
            assert_eq!(
                advice(&(region("one") + &region("two"))),
                format!(
                    "f:5: region two: serves.{key}: region `one` at line 1 lists `{shown}` as well, and comes first in the document: \
                     its clients go there; list it in one of the two"
                )
            );
        }
        let exact = "[[region]]\nname = \"one\"\nat = [1, 2]\nserves = { countries = [\"US\"], networks = [\"10.0.0.0/8\"] }\n\
                     [[region]]\nname = \"two\"\nat = [1, 2]\nserves = { subdivisions = [\"US-CA\"], networks = [\"10.0.0.0/9\"] }\n";
        assert_eq!(advice(exact), "", "the more exact one decides, whatever the order");
    }
}
