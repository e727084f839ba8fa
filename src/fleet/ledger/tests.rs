//! The ledger by small changes against the fleet made as a whole: random edits, and what they must come to.

use super::*;
use crate::compile::plan::{order, steered};
use crate::fleet::{Hostname, MAX_REGIONS, ZoneId};
use serde_json::{Map, json};
use std::collections::{BTreeSet, HashSet};

/// ROUNDS and SEED by the environment; a round is a ledger of its own.
const ROUNDS: u64 = 6;
const SEED: u64 = 1;
const EDITS: usize = 120;

const CHECKS: [&str; 3] = ["Ping", "hls.main", "tcp"];
const REGIONS: [&str; 4] = ["eu", "US", "ap", "af.south"];
const PANELS: [&str; 8] = ["fra1", "AMS1", "b.ams1", "a.b.ams1", "nyc.x", "_http._tcp", "live", "spare"];
const SETS: [&str; 4] = ["one", "Two", "dotted.set", "empty"];
const ZONES: [&str; 7] = [".", "example", "p.example", "ams1.p.example", "x.p.example", "_tcp.live.p.example", "other.test"];
const HOSTNAMES: [&str; 18] = [
    "p.example",
    "live.p.example",
    "fra1.live.p.example",
    "x.fra1.live.p.example",
    "*.live.p.example",
    "b.ams1.live.p.example",
    "ams1.live.p.example",
    "c.ams1.live.p.example",
    "*.p.example",
    "live.other.test",
    "x.p.example",
    "a.x.p.example",
    "*.x.p.example",
    "_http._tcp.live.p.example",
    "_443._https.p.example",
    "ams1.p.example",
    "a\\.b.p.example",
    "elsewhere.invalid",
];

fn names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Check => &CHECKS,
        Kind::Region => &REGIONS,
        Kind::Panel => &PANELS,
        Kind::Set => &SETS,
        Kind::Zone => &ZONES,
        Kind::Hostname => &HOSTNAMES,
        Kind::Key => &["k"],
    }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True once in `n`.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A name of an object that the ledger has, where it has one.
    fn name(&mut self, ledger: &Ledger, kind: Kind) -> String {
        let there: Vec<&Item> = ledger.in_order(kind);
        match there.is_empty() || self.once_in(12) {
            true => self.pick(names(kind)).to_string(),
            false => self.pick(&there).name.to_string(),
        }
    }

    fn names(&mut self, ledger: &Ledger, kind: Kind, most: usize) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for _ in 0..self.below(most + 1) {
            let name = self.name(ledger, kind);
            if !found.contains(&name) {
                found.push(name);
            }
        }
        found
    }

    fn policy(&mut self, keys: &mut Map<String, Value>) {
        for _ in 0..self.below(3) {
            let (key, value) = match self.below(7) {
                0 => ("ttl", json!(self.below(300))),
                1 => ("steer", json!(self.pick(&["nearest", "failover", "weighted", "round-robin"]))),
                2 => ("shed_from", json!([0.1, 0.5, 0.8, 0.9][self.below(4)])),
                3 => ("shed_all", json!([0.4, 0.85, 0.95, 2.0][self.below(4)])),
                4 => ("answers", json!(1 + self.below(4))),
                5 => ("fence", json!(self.pick(&["none", "region", "continent"]))),
                _ => ("sticky", json!(self.once_in(2))),
            };
            keys.insert(key.into(), value);
        }
    }

    fn body(&mut self, ledger: &Ledger, kind: Kind, name: &str) -> Value {
        let mut keys = Map::new();
        let place = json!([self.below(120) as i64 - 60, self.below(300) as i64 - 150]);
        match kind {
            Kind::Check => {
                keys.insert("kind".into(), json!("tcp"));
                keys.insert("port".into(), json!(1 + self.below(9)));
            }
            Kind::Region => {
                keys.insert("at".into(), place);
                let then: Vec<String> = self.names(ledger, Kind::Region, 3).into_iter().filter(|then| then != name).collect();
                keys.insert("then".into(), json!(then));
                if self.once_in(3) {
                    keys.insert("serves".into(), json!({"countries": [self.pick(&["DE", "FR", "US"])]}));
                }
            }
            Kind::Panel => {
                keys.insert("addresses".into(), json!([format!("192.0.2.{}", 1 + self.below(250))]));
                if !self.once_in(3) {
                    keys.insert("region".into(), json!(self.name(ledger, Kind::Region)));
                }
                if self.once_in(3) {
                    keys.insert("at".into(), place);
                }
                if self.once_in(2) {
                    keys.insert("checks".into(), json!(self.names(ledger, Kind::Check, 2)));
                }
                if self.once_in(3) {
                    keys.insert("state".into(), json!(self.pick(&["enabled", "draining", "disabled"])));
                }
            }
            Kind::Set => {
                let mut panels = self.names(ledger, Kind::Panel, 4);
                if panels.is_empty() {
                    panels.push(self.name(ledger, Kind::Panel));
                }
                let tiers = self.once_in(3);
                let member = |(n, panel): (usize, String)| if tiers { json!({"panel": panel, "tier": n / 2 + 1}) } else { json!(panel) };
                keys.insert("panels".into(), panels.into_iter().enumerate().map(member).collect());
                self.policy(&mut keys);
            }
            Kind::Zone => {
                if self.once_in(3) {
                    keys.insert("text".into(), json!("@ SOA a b 1 2 3 4 5\n"));
                }
                if self.once_in(3) {
                    keys.insert("dnssec".into(), json!(false));
                }
            }
            Kind::Hostname => {
                keys.insert("set".into(), json!(self.name(ledger, Kind::Set)));
                match self.below(4) {
                    0 => drop(keys.insert("ports".into(), json!({"http": 80}))),
                    1 => drop(keys.insert("ports".into(), json!({"http": 80, "https": self.pick(&[443, 8443])}))),
                    _ => {}
                }
                self.policy(&mut keys);
            }
            Kind::Key => drop(keys.insert("algorithm".into(), json!("hmac-sha256"))),
        }
        let mut body = Value::Object(keys);
        if self.once_in(15) {
            self.breaks(&mut body);
        }
        body
    }

    /// Makes it wrong, most of the time.
    fn breaks(&mut self, body: &mut Value) {
        let Value::Object(keys) = body else { return };
        let key = keys.keys().nth(self.below(keys.len().max(1))).cloned().unwrap_or_else(|| "x".into());
        match self.below(6) {
            0 => *body = json!(["no object"]),
            1 => drop(keys.insert(key, json!(null))),
            2 => drop(keys.insert(key, json!({"wrong": 1}))),
            3 => drop(keys.insert("colour".into(), json!("red"))),
            4 => drop(keys.insert("name".into(), json!("another"))),
            _ => drop(keys.insert("file".into(), json!("/etc/passwd"))),
        }
    }

    fn edit(&mut self, ledger: &Ledger, puts: bool) -> Edit {
        if self.once_in(12) {
            let mut keys = Map::new();
            self.policy(&mut keys);
            let body = (!self.once_in(4)).then_some(Value::Object(keys));
            return Edit { target: Target::Defaults, body };
        }
        const WEIGHED: [Kind; 10] = [
            Kind::Check,
            Kind::Region,
            Kind::Panel,
            Kind::Panel,
            Kind::Set,
            Kind::Set,
            Kind::Zone,
            Kind::Hostname,
            Kind::Hostname,
            Kind::Hostname,
        ];
        let kind = if self.once_in(60) { Kind::Key } else { *self.pick(&WEIGHED) };
        let mut name = if self.once_in(3) { self.name(ledger, kind) } else { self.pick(names(kind)).to_string() };
        match self.below(40) {
            0 => name = name.to_uppercase(),
            1 => name += ".",
            2 => name = ["a b", "", "..", "x.*.example", "-a"][self.below(5)].into(),
            _ => {}
        }
        let goes = !puts && self.once_in(3);
        let body = (!goes).then(|| self.body(ledger, kind, &name));
        Edit { target: Target::Object(kind, name), body }
    }

    fn edits(&mut self, ledger: &Ledger, puts: bool) -> Vec<Edit> {
        let count = if self.once_in(3) { 1 + self.below(5) } else { 1 };
        let mut edits: Vec<Edit> = Vec::new();
        for _ in 0..count {
            let edit = self.edit(ledger, puts);
            if edits.iter().all(|other| other.target.by_key() != edit.target.by_key()) {
                edits.push(edit);
            }
        }
        edits
    }
}

fn all(_: Kind, _: &str) -> bool {
    true
}

fn put(kind: Kind, name: &str, body: Value) -> Edit {
    Edit { target: Target::Object(kind, name.into()), body: Some(body) }
}

fn delete(kind: Kind, name: &str) -> Edit {
    Edit { target: Target::Object(kind, name.into()), body: None }
}

/// The ledger as a document in the form of fleet.toml.
fn document(ledger: &Ledger) -> Value {
    let mut document = Map::new();
    document.extend(ledger.defaults().map(|item| ("defaults".to_owned(), item.json())));
    for kind in Kind::ALL {
        let objects = ledger.in_order(kind).into_iter().map(|item| {
            let mut keys = Map::from_iter([("name".to_owned(), json!(&*item.name))]);
            keys.extend(item.json().as_object().unwrap().clone());
            Value::Object(keys)
        });
        document.insert(kind.word().into(), objects.collect());
    }
    Value::Object(document)
}

/// What the fleet says, by names: the same whatever the numbers.
fn facts(ledger: &Ledger) -> BTreeMap<(Kind, String), String> {
    let fleet = ledger.fleet();
    let mut facts = BTreeMap::from([((Kind::Key, "defaults".to_owned()), format!("{:?}", fleet.defaults))]);
    for (kind, shelf) in &ledger.shelves {
        for (key, id) in shelf.iter().filter_map(|(key, shelved)| Some((key, shelved.id?))) {
            let at = id as usize;
            let (name, fact) = match kind {
                Kind::Check => (fleet.checks[at].name.clone(), format!("{:?}", fleet.checks[at])),
                Kind::Region => {
                    let region = &fleet.regions[at];
                    let then: Vec<_> = region.then.iter().map(|id| &fleet.region(*id).name).collect();
                    (region.name.clone(), format!("{:?} {:?} {then:?}", region.at, region.serves))
                }
                Kind::Panel => {
                    let panel = &fleet.panels[at];
                    let region = panel.region.map(|id| &fleet.region(id).name);
                    let checks: Vec<_> = panel.checks.iter().map(|id| &fleet.check(*id).name).collect();
                    let own = (&panel.addresses, panel.capacity, &panel.limits, panel.weight, panel.state, &panel.labels);
                    (panel.name.to_string(), format!("{region:?} {:?} {checks:?} {own:?}", panel.at))
                }
                Kind::Set => {
                    let set = &fleet.sets[at];
                    let members: Vec<_> = set.members.iter().map(|member| (&fleet.panel(member.panel).name, member.tier)).collect();
                    (set.name.clone(), format!("{members:?} {:?} {:?}", set.policy, set.own))
                }
                Kind::Zone => (shown(&fleet.zones[at].name), String::new()),
                Kind::Hostname => {
                    let hostname = &fleet.hostnames[at];
                    let (set, zone) = (&fleet.set(hostname.set).name, shown(&fleet.zone(hostname.zone).name));
                    let fact = format!("{set} {zone} {:?} {:?} {:?}", hostname.ports, hostname.own, fleet.policy(hostname));
                    (shown(&hostname.name), fact)
                }
                Kind::Key => panic!("keys are not built yet"),
            };
            assert_eq!(super::key(*kind, &name).as_deref(), Ok(&**key), "the number leads to another object");
            facts.insert((*kind, name), fact);
        }
    }
    facts
}

/// Everything that holds of a ledger whatever was done to it.
fn is_sound(ledger: &Ledger) {
    let fleet = ledger.fleet();
    for kind in Kind::ALL {
        for (name, shelved) in ledger.shelves.get(&kind).into_iter().flatten() {
            assert!(shelved.id.is_some(), "{kind:?} {name}");
            assert_eq!(ledger.users(kind, name), naive_users(ledger, kind, name), "users of {kind:?} {name}");
        }
    }
    assert_eq!(fleet.hostnames.len(), ledger.count(Kind::Hostname));
    let mut numbers = HashSet::new();
    for hostname in fleet.hostnames.iter() {
        assert!(numbers.insert((hostname.zone, hostname.number)), "{} has the number of another", hostname.name);
        let known = &ledger.numbers[&hostname.zone.0];
        assert!(hostname.number < known.next && !known.free.contains(&hostname.number), "{}", hostname.name);
    }
    let objects = ledger.shelves.iter().flat_map(|(kind, shelf)| shelf.values().map(|shelved| (*kind, shelved.item.clone())));
    let (anew, problems) = Ledger::load(ledger.defaults.clone(), objects);
    let errors: Vec<_> = problems.iter().filter(|problem| problem.is_error()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(facts(ledger), facts(&anew));
    let again = ledger.replace(&document(ledger)).unwrap();
    assert!(again.items.is_empty(), "{:?}", again.items);
}

/// By what is written, nothing else.
fn naive_users(ledger: &Ledger, kind: Kind, name: &str) -> Vec<(Kind, String)> {
    let zone = |hostname: &str| {
        let name = Name::parse(hostname).unwrap();
        let zones = ledger.in_order(Kind::Zone).into_iter().map(|item| Name::parse(&item.name).unwrap());
        zones.filter(|zone| name.is_at_or_below(zone)).max_by_key(Name::label_count).map(|zone| shown(&zone))
    };
    let lists = |body: &Value, key: &str| {
        let items = body[key].as_array().into_iter().flatten();
        items.map(|item| item.as_str().or(item["panel"].as_str()).unwrap().to_lowercase()).any(|item| item == name)
    };
    let mut users = Vec::new();
    for of in Kind::ALL {
        for (key, item) in ledger.items(of, None) {
            let body = item.json();
            let text = |key: &str| body[key].as_str().map(str::to_lowercase).as_deref() == Some(name);
            let is_user = match (of, kind) {
                (Kind::Region, Kind::Region) => lists(&body, "then"),
                (Kind::Panel, Kind::Region) => text("region"),
                (Kind::Panel, Kind::Check) => lists(&body, "checks"),
                (Kind::Set, Kind::Panel) => lists(&body, "panels"),
                (Kind::Hostname, Kind::Set) => text("set"),
                (Kind::Hostname, Kind::Zone) => zone(&item.name).as_deref() == Some(name),
                _ => false,
            };
            if is_user {
                users.push((of, key.to_owned()));
            }
        }
    }
    users.sort();
    users
}

/// The hostnames told of are those that are others now, and no more.
fn tells_what_changed(old: &Fleet, new: &Fleet, hostnames: &[Rehosted], is_policy: bool) {
    let by_name = |fleet: &Fleet| fleet.hostnames.iter().map(|it| (shown(&it.name), it.clone())).collect::<BTreeMap<String, Hostname>>();
    let (before, after) = (by_name(old), by_name(new));
    let file: Arc<str> = "".into();
    let view = |fleet: &Fleet, hostname: &Hostname| {
        let mut order = order(fleet, hostname);
        if is_policy {
            order.policy = Default::default();
        }
        let mut steered = steered(fleet, hostname, &file);
        steered.line = 0;
        (steered, order, hostname.zone, hostname.number)
    };
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = |name: &&String| before.get(*name).map(|it| view(old, it)) != after.get(*name).map(|it| view(new, it));
    let changed: BTreeSet<String> = all.into_iter().filter(changed).cloned().collect();
    let name = |it: &Rehosted| shown(&it.before.as_ref().or(it.after.as_ref()).unwrap().name);
    let told: BTreeSet<String> = hostnames.iter().map(name).collect();
    assert_eq!(told, changed);
    assert_eq!(told.len(), hostnames.len(), "told twice: {hostnames:?}");
    for it in hostnames {
        let name = name(it);
        assert_eq!((it.before.as_ref(), it.after.as_ref()), (before.get(&name), after.get(&name)));
        assert_eq!(it.zone, it.after.as_ref().or(it.before.as_ref()).unwrap().zone);
    }
}

/// True where it was accepted.
fn tries(ledger: &mut Ledger, edits: &[Edit], revision: u64) -> bool {
    let whole = ledger.whole(edits, &all);
    let draft = match ledger.draft(edits, &all) {
        Err(NoDraft::InUse { edit: 0, users }) => {
            let [Edit { target: Target::Object(kind, name), body: None }] = edits else { panic!("not one deletion") };
            assert!(!users.is_empty() && users == ledger.users(*kind, name));
            // Hostnames of a zone that goes could be those of the zone above: that is not done behind anybody's back.
            assert!(whole.is_err() || *kind == Kind::Zone);
            return false;
        }
        Err(NoDraft::InUse { .. }) => panic!("there is one edit"),
        Err(NoDraft::Flaws(flaws)) => {
            assert!(!flaws.is_empty() && flaws.iter().all(|flaw| flaw.problem.is_error()), "{flaws:?}");
            assert!(flaws.iter().all(|flaw| flaw.edit.is_none_or(|edit| edit < edits.len()) && flaw.problem.line == 0), "{flaws:?}");
            assert!(!flaws.iter().any(|flaw| flaw.problem.to_string().contains(" at line ")), "{flaws:?}");
            let is_misnamed = edits.iter().enumerate().any(|(n, edit)| ledger.misnamed(n, edit, &all).is_some());
            assert!(is_misnamed || whole.is_err(), "refused, and as a whole it is sound: {flaws:?}");
            return false;
        }
        Ok(draft) => draft,
    };
    let whole = whole.unwrap_or_else(|error| panic!("accepted, and as a whole it is not sound: {error:?}"));
    let (before, old) = (ledger.clone(), Arc::clone(ledger.fleet()));
    match &draft.extent {
        Extent::Part { hostnames, is_policy } => tells_what_changed(&old, &draft.fleet, hostnames, *is_policy),
        Extent::Whole => {}
    }
    assert_eq!(draft.texts, if draft.items.is_empty() { vec![] } else { whole.texts });
    ledger.apply(draft, revision);
    is_sound(ledger);
    // What nobody touched is as it was and where it was.
    let touched: HashSet<Target> = edits.iter().map(|edit| edit.target.by_key()).collect();
    for (kind, shelf) in &before.shelves {
        for (key, shelved) in shelf.iter().filter(|(key, _)| !touched.contains(&Target::Object(*kind, key.to_string()))) {
            assert_eq!(ledger.shelves[kind].get(key).map(|after| &after.item), Some(&shelved.item));
        }
    }
    for edit in edits {
        let Target::Object(kind, name) = &edit.target else { continue };
        let item = ledger.item(*kind, name);
        let mut body = edit.body.clone();
        let _ = body.as_mut().and_then(Value::as_object_mut).map(|keys| keys.shift_remove("text"));
        assert_eq!(item.map(Item::json), body);
        if let (Some(old), Some(item)) = (before.item(*kind, name), item) {
            assert_eq!(old.position, item.position, "an object keeps its place");
        }
    }
    true
}

/// The document with some objects left out, changed, and moved about; it may be wrong.
fn stirred(dice: &mut Dice, ledger: &Ledger) -> Value {
    let mut document = document(ledger);
    for kind in Kind::ALL {
        let list = document[kind.word()].as_array_mut().unwrap();
        for _ in 0..dice.below(3) {
            if list.len() > 1 {
                let (from, to) = (dice.below(list.len()), dice.below(list.len()));
                let moved = list.remove(from);
                list.insert(to, moved);
            }
        }
        if dice.once_in(6) && !list.is_empty() {
            list.remove(dice.below(list.len()));
        }
        if dice.once_in(6) && kind != Kind::Key {
            let name = dice.pick(names(kind)).to_string();
            let mut body = dice.body(ledger, kind, &name);
            if let Some(keys) = body.as_object_mut() {
                keys.insert("name".into(), json!(name));
            }
            list.insert(dice.below(list.len() + 1), body);
        }
    }
    document
}

fn replaces(dice: &mut Dice, ledger: &mut Ledger, revision: u64) -> bool {
    let wanted = stirred(dice, ledger);
    let draft = match ledger.replace(&wanted) {
        Ok(draft) => draft,
        Err(NoDraft::Flaws(flaws)) => {
            assert!(!flaws.is_empty());
            for flaw in &flaws {
                assert!(flaw.pointer.is_empty() || wanted.pointer(&flaw.pointer).is_some(), "{flaw:?}");
                assert!(!flaw.problem.to_string().contains(" at line "), "{flaw:?}");
            }
            return false;
        }
        Err(other) => panic!("{other:?}"),
    };
    ledger.apply(draft, revision);
    is_sound(ledger);
    let found = document(ledger);
    for kind in Kind::ALL {
        let list = |document: &Value| -> Vec<Value> {
            let mut list = document[kind.word()].as_array().unwrap().clone();
            for keys in list.iter_mut().filter_map(Value::as_object_mut) {
                keys.shift_remove("text");
                if kind.is_named_by_dns() {
                    let name = key(kind, keys["name"].as_str().unwrap()).unwrap();
                    keys.insert("name".into(), json!(name));
                }
            }
            list
        };
        assert_eq!(list(&found), list(&wanted), "{kind:?}");
    }
    true
}

/// An edit whose zone is numbered anew with it.
fn renumbers(dice: &mut Dice, ledger: &mut Ledger) {
    let edits = dice.edits(ledger, false);
    let (Ok(mut draft), zones @ 1..) = (ledger.draft(&edits, &all), ledger.count(Kind::Zone)) else { return };
    let zone = ledger.items(Kind::Zone, None).nth(dice.below(zones)).unwrap().0.to_owned();
    let Some(id) = draft.fleet.zones.iter().position(|it| shown(&it.name) == zone).map(|id| ZoneId(id as u32)) else { return };
    ledger.renumber(&mut draft, id);
    ledger.apply(draft, 0);
    let mut numbers: Vec<u32> = ledger.fleet().hostnames.iter().filter(|it| it.zone == id).map(|it| it.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..numbers.len() as u32).collect::<Vec<_>>());
    is_sound(ledger);
}

fn of_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn small_changes_come_to_what_the_whole_comes_to() {
    let (seed, rounds) = (of_env("SEED", SEED), of_env("ROUNDS", ROUNDS));
    let (mut parts, mut wholes, mut refused, mut replaced) = (0, 0, 0, 0);
    for round in seed..seed + rounds {
        println!("SEED={round} ROUNDS=1");
        let mut dice = Dice(round);
        let mut ledger = Ledger::default();
        for n in 0..EDITS {
            let revision = n as u64 + 1;
            if n % 20 == 19 {
                replaced += u64::from(replaces(&mut dice, &mut ledger, revision));
                continue;
            }
            let edits = dice.edits(&ledger, n < EDITS / 3);
            let is_part = matches!(ledger.draft(&edits, &all), Ok(Draft { extent: Extent::Part { .. }, .. }));
            let accepted = tries(&mut ledger, &edits, revision);
            if !accepted {
                refused += 1;
            } else if is_part {
                parts += 1;
            } else {
                wholes += 1;
            }
            if n % 20 == 10 {
                renumbers(&mut dice, &mut ledger);
            }
        }
    }
    println!("{parts} in part, {wholes} as a whole, {refused} refused, {replaced} replaced");
    // A test in which one side does not happen tells nothing of it.
    for count in [parts / 20, wholes / 3, refused / 20, replaced] {
        assert!(count >= rounds, "{parts} in part, {wholes} as a whole, {refused} refused, {replaced} replaced");
    }
}

/// A sound fleet; `mine` are the names that the sight of some tests allows.
fn ledger() -> Ledger {
    let document = json!({
        "check": [{"name": "stream", "kind": "tcp", "port": 80}],
        "region": [{"name": "eu", "at": [50, 8]}, {"name": "us", "at": [40, -74], "then": ["eu"]}],
        "panel": [
            {"name": "fra1", "addresses": ["192.0.2.1"], "region": "eu", "checks": ["stream"]},
            {"name": "ams1", "addresses": ["192.0.2.2"]},
            {"name": "secret1", "addresses": ["192.0.2.3"]},
        ],
        "set": [{"name": "mine", "panels": ["fra1", "ams1"]}, {"name": "secret", "panels": ["secret1", "fra1"], "shed_from": 0.9}],
        "zone": [{"name": "p.example"}, {"name": "sub.p.example"}],
        "hostname": [
            {"name": "mine.p.example", "set": "mine"},
            {"name": "secret.p.example", "set": "secret", "ports": {"http": 80}},
            {"name": "below.mine2.p.example", "set": "secret"},
        ],
    });
    let mut ledger = Ledger::default();
    let draft = ledger.replace(&document).unwrap();
    ledger.apply(draft, 1);
    ledger
}

fn mine(_: Kind, name: &str) -> bool {
    !name.contains("secret") && !name.contains("below")
}

/// Each flaw as `edit pointer: problem`.
fn refused(ledger: &Ledger, edits: &[Edit], sight: Sight<'_>) -> Vec<String> {
    let Err(NoDraft::Flaws(flaws)) = ledger.draft(edits, sight) else { panic!("{edits:?} are not refused for flaws") };
    let shown = |flaw: &Flaw| format!("{} {}: {}", flaw.edit.map_or("-".into(), |edit| edit.to_string()), flaw.pointer, flaw.problem);
    flaws.iter().map(shown).collect()
}

#[test]
fn flaws_point_into_the_edit() {
    for (edit, pointer) in [
        (put(Kind::Panel, "new", json!({"addresses": ["192.0.2.9:80"]})), "/addresses/0"),
        (put(Kind::Panel, "new", json!({"addresses": ["192.0.2.9", 7]})), "/addresses/1"),
        (put(Kind::Panel, "new", json!({"addresses": ["192.0.2.9"], "limits": {"cpu": "much"}})), "/limits/cpu"),
        (put(Kind::Panel, "new", json!({"addresses": ["192.0.2.9"], "limits": {"gpu": 1}})), "/limits/gpu"),
        (put(Kind::Panel, "new", json!({"addresses": ["192.0.2.9"], "checks": ["stream", "nix"]})), "/checks/1"),
        (put(Kind::Panel, "new", json!({"addresses": ["192.0.2.9"], "region": "nix"})), "/region"),
        (put(Kind::Panel, "new", json!({"addresses": ["192.0.2.9"], "colour": "red"})), "/colour"),
        (put(Kind::Panel, "new", json!({"addresses": ["192.0.2.9"], "a/b": 1})), "/a~1b"),
        (put(Kind::Panel, "new", json!({})), ""),
        (put(Kind::Panel, "a b", json!({"addresses": ["192.0.2.9"]})), ""),
        (put(Kind::Region, "new", json!({"at": [1, 2], "then": ["eu", "nix"]})), "/then/1"),
        (put(Kind::Region, "new", json!({"at": [1, 2], "serves": {"countries": ["DE", "XX"]}})), "/serves/countries/1"),
        (put(Kind::Set, "new", json!({"panels": ["fra1", {"panel": "nix"}]})), "/panels/1/panel"),
        (put(Kind::Set, "new", json!({"panels": ["fra1", "fra1"]})), "/panels/1"),
        (put(Kind::Set, "new", json!({"panels": ["fra1"], "shed_from": 1})), "/shed_from"),
        (put(Kind::Hostname, "new.p.example", json!({"set": "nix"})), "/set"),
        (put(Kind::Hostname, "new.p.example", json!({"set": "mine", "ports": {"http": 0}})), "/ports/http"),
        (put(Kind::Hostname, "new.invalid", json!({"set": "mine"})), ""),
        (put(Kind::Hostname, ".", json!({"set": "mine"})), ""),
        (put(Kind::Check, "new", json!({"kind": "tcp", "port": 80, "interval": 5})), "/interval"),
        (put(Kind::Zone, "p.example", json!({"dnssec": true})), "/dnssec"),
        (put(Kind::Zone, "new.example", json!({"colour": 1})), "/colour"),
        (Edit { target: Target::Defaults, body: Some(json!({"ttl": -1})) }, "/ttl"),
        (Edit { target: Target::Defaults, body: Some(json!({"shed_from": 1})) }, "/shed_from"),
        (put(Kind::Panel, "new", json!({"name": "new", "addresses": ["192.0.2.9"]})), "/name"),
    ] {
        // Alone, and with others as a whole.
        for edits in [vec![edit.clone()], vec![delete(Kind::Region, "us"), edit.clone()]] {
            let n = edits.len() - 1;
            let Err(NoDraft::Flaws(flaws)) = ledger().draft(&edits, &all) else { panic!("{edits:?}") };
            let found: Vec<_> = flaws.iter().map(|flaw| (flaw.edit, flaw.pointer.as_str())).collect();
            assert_eq!(found, [(Some(n), pointer)], "{flaws:?}");
        }
    }
}

#[test]
fn bodies_are_objects_and_do_not_name_themselves() {
    for body in [json!(null), json!([]), json!("text"), json!(1)] {
        let found = refused(&ledger(), &[put(Kind::Panel, "new", body.clone())], &all);
        assert_eq!(found, ["0 : an object belongs here; write {\"key\": value, ...}"]);
        assert_eq!(refused(&ledger(), &[Edit { target: Target::Defaults, body: Some(body) }], &all), found);
    }
    let found = refused(&ledger(), &[put(Kind::Panel, "new", json!({"name": "new"}))], &all);
    assert_eq!(found, ["0 /name: unknown key; leave it out: the path names the object"]);
}

#[test]
fn names_are_found_in_any_case_and_kept_in_one() {
    let mut ledger = ledger();
    assert_eq!(&*ledger.item(Kind::Panel, "FRA1").unwrap().name, "fra1");
    assert_eq!(&*ledger.item(Kind::Hostname, "Mine.P.Example.").unwrap().name, "mine.p.example");
    let body = json!({"addresses": ["192.0.2.9"]});
    let found = refused(&ledger, &[put(Kind::Panel, "FRA1", body.clone())], &all);
    assert_eq!(found, ["0 : panel FRA1: differs only in case from the panel `fra1`; name that one, or choose another name"]);
    let found = refused(&ledger, &[put(Kind::Panel, "Secret1", body.clone())], &mine);
    assert_eq!(found, ["0 : panel Secret1: differs only in case from a panel of others; choose another name"]);
    let found = refused(&ledger, &[put(Kind::Panel, "new", body.clone()), put(Kind::Panel, "NEW", body)], &all);
    assert_eq!(found, ["1 : panel NEW: an edit before this one is about it as well; make one edit of the two"]);
    // Domain names are the same in any case, and are shown in small letters.
    let draft = ledger.draft(&[put(Kind::Hostname, "MINE.p.Example.", json!({"set": "secret"}))], &all).unwrap();
    ledger.apply(draft, 2);
    assert_eq!(ledger.item(Kind::Hostname, "mine.p.example").map(|item| (&*item.name, item.revision)), Some(("mine.p.example", 2)));
    assert_eq!(ledger.count(Kind::Hostname), 3);
    let found = refused(&ledger, &[put(Kind::Set, "mine", json!({"panels": ["Fra1"]}))], &all);
    assert_eq!(found, ["0 /panels/0: set mine: panels: unknown panel `Fra1`; did you mean `fra1`?"]);
}

#[test]
fn hints_come_from_all_that_may_be_seen() {
    let unknown = "add a [[panel]] of this name, or name another";
    for (name, sight, hint) in [
        ("ams2", &all as Sight<'_>, "did you mean `ams1`?"),
        ("secret2", &all, "did you mean `secret1`?"),
        ("ams2", &mine, "did you mean `ams1`?"),
        ("secret2", &mine, unknown),
        // It is there, and not for those who ask.
        ("secret1", &mine, unknown),
        ("SECRET1", &mine, unknown),
    ] {
        let edit = put(Kind::Set, "mine", json!({"panels": ["fra1", name]}));
        let expected = format!("set mine: panels: unknown panel `{name}`; {hint}");
        for others in [
            vec![],
            // As a whole, and where an object that was drawn in has the name.
            vec![delete(Kind::Region, "us")],
            vec![put(Kind::Hostname, "x.secret.p.example", json!({"set": "mine"}))],
        ] {
            let edits: Vec<Edit> = others.into_iter().chain([edit.clone()]).collect();
            assert_eq!(refused(&ledger(), &edits, sight), [format!("{} /panels/1: {expected}", edits.len() - 1)]);
        }
    }
    // What comes with the edit is known to whoever sends it.
    let edits = [put(Kind::Panel, "secret9", json!({"addresses": ["192.0.2.9"]})), put(Kind::Set, "new", json!({"panels": ["secret9"]}))];
    assert!(ledger().draft(&edits, &mine).is_ok());
    assert!(ledger().draft(&[put(Kind::Set, "mine", json!({"panels": ["fra1"], "ttl": 5}))], &mine).is_ok());
}

#[test]
fn others_are_named_to_those_who_may_see_them() {
    let taken = |name: &str| put(Kind::Hostname, name, json!({"set": "mine", "ports": {"http": 80}}));
    let needs = "`http` needs the name `_http._tcp` below it";
    let unfit = "does not fit with this change; ask whoever looks after it, or change something else";
    let shed = "shed_from: 0.9 is not below shed_all, which is 0.85; a panel must begin to lose clients before it gets none";
    let stands = put(Kind::Hostname, "_http._tcp.secret.p.example", json!({"set": "mine"}));
    let stood_in = format!(
        "- : hostname secret.p.example: ports: {needs}, and the hostname `_http._tcp.secret.p.example` has that name; \
         rename that hostname, or leave out `http`"
    );
    let sheds = Edit { target: Target::Defaults, body: Some(json!({"shed_all": 0.85})) };
    let whole = delete(Kind::Region, "us");
    for (edits, seen, unseen) in [
        (vec![stands.clone()], stood_in.clone(), format!("- : hostname of others: {unfit}")),
        (vec![stands, whole.clone()], stood_in, format!("- : hostname of others: {unfit}")),
        (vec![sheds.clone()], format!("0 : set secret: {shed}"), format!("0 : set of others: {shed}")),
        (vec![sheds, whole], format!("- : set secret: {shed}"), format!("- : set of others: {unfit}")),
    ] {
        assert_eq!(refused(&ledger(), &edits, &all), [seen]);
        assert_eq!(refused(&ledger(), &edits, &mine), [unseen]);
    }
    // Its own object is at fault: only the other is left unnamed.
    let mut ledger = ledger();
    let draft = ledger.draft(&[put(Kind::Hostname, "fra1.below.p.example", json!({"set": "secret"}))], &all).unwrap();
    ledger.apply(draft, 2);
    let start = "0 : hostname below.p.example: ports: `http` needs the name of panel `fra1` below it, and the hostname";
    let end = "has that name; rename that hostname, or leave out `http`";
    assert_eq!(refused(&ledger, &[taken("below.p.example")], &all), [format!("{start} `fra1.below.p.example` {end}")]);
    assert_eq!(refused(&ledger, &[taken("below.p.example")], &mine), [format!("{start} of others {end}")]);
}

#[test]
fn warnings_are_of_the_edits_and_name_what_they_speak_of_once() {
    let serves = |code: &str| json!({"at": [1, 2], "serves": {"countries": [code]}});
    let edits = [put(Kind::Region, "one", serves("DE")), put(Kind::Region, "two", serves("DE"))];
    for edits in [edits.to_vec(), [delete(Kind::Region, "us")].into_iter().chain(edits).collect()] {
        let draft = ledger().draft(&edits, &all).unwrap();
        let warnings: Vec<_> = draft.warnings.iter().map(|flaw| (flaw.edit, flaw.problem.to_string())).collect();
        let text = "warning: region two: serves.countries: region `one` lists `DE` as well, and comes first in the document: \
                    its clients go there; list it in one of the two";
        assert_eq!(warnings, [(Some(edits.len() - 1), text.to_owned())]);
    }
}

#[test]
fn what_is_referred_to_stays() {
    let users = |kind: Kind, name: &str| match ledger().draft(&[delete(kind, name)], &all) {
        Err(NoDraft::InUse { edit: 0, users }) => users,
        other => panic!("{other:?}"),
    };
    let of = |kind: Kind, names: &[&str]| -> Vec<(Kind, String)> { names.iter().map(|name| (kind, name.to_string())).collect() };
    assert_eq!(users(Kind::Check, "stream"), of(Kind::Panel, &["fra1"]));
    assert_eq!(users(Kind::Panel, "FRA1".to_lowercase().as_str()), of(Kind::Set, &["mine", "secret"]));
    assert_eq!(users(Kind::Region, "eu"), [of(Kind::Region, &["us"]), of(Kind::Panel, &["fra1"])].concat());
    assert_eq!(users(Kind::Set, "mine"), of(Kind::Hostname, &["mine.p.example"]));
    let hostnames = ["below.mine2.p.example", "mine.p.example", "secret.p.example"];
    assert_eq!(users(Kind::Zone, "P.example."), of(Kind::Hostname, &hostnames));
    // With what refers to it, it goes.
    let mut ledger = ledger();
    let draft = ledger.draft(&[delete(Kind::Set, "mine"), delete(Kind::Hostname, "mine.p.example")], &all).unwrap();
    ledger.apply(draft, 2);
    assert!(ledger.item(Kind::Set, "mine").is_none() && ledger.users(Kind::Panel, "ams1").is_empty());
    assert!(ledger.draft(&[delete(Kind::Panel, "nobody")], &all).unwrap().items.is_empty());
    is_sound(&ledger);
}

#[test]
fn records_are_taken_out_of_zones() {
    let text = "@ SOA a b 1 2 3 4 5\n";
    for (name, is_new) in [("new.example", true), ("p.example", false)] {
        let mut ledger = ledger();
        let draft = ledger.draft(&[put(Kind::Zone, name, json!({"text": text, "dnssec": false}))], &all).unwrap();
        assert_eq!(draft.texts, [(name.to_owned(), text.into())]);
        assert_eq!(draft.extent == Extent::Whole, is_new);
        ledger.apply(draft, 2);
        assert_eq!(ledger.item(Kind::Zone, name).unwrap().json(), json!({"dnssec": false}));
        assert!(ledger.fleet().zones.iter().all(|zone| zone.source == Source::Stored { revision: 0, serial: None }));
        // Records alone are a change as well.
        let again = ledger.draft(&[put(Kind::Zone, name, json!({"text": "x", "dnssec": false}))], &all).unwrap();
        assert_eq!((again.items.len(), again.texts.len()), (1, 1));
        assert!(ledger.draft(&[put(Kind::Zone, name, json!({"dnssec": false}))], &all).unwrap().items.is_empty());
        let mut wanted = document(&ledger);
        wanted["zone"][0]["text"] = json!(text);
        let draft = ledger.replace(&wanted).unwrap();
        assert_eq!((draft.texts.len(), draft.items.len()), (1, 0));
    }
    let found = refused(&ledger(), &[put(Kind::Zone, "p.example", json!({"text": 5}))], &all);
    assert_eq!(found, ["0 /text: zone p.example: text: found 5 where text belongs; put it in quotes"]);
}

#[test]
fn no_path_is_read_for_who_sends_one() {
    let found = refused(&ledger(), &[put(Kind::Zone, "p.example", json!({"file": "/etc/passwd"}))], &all);
    let hint = "give the records themselves: leave out `file` and send them to the zone's /file, or as `text`";
    assert_eq!(found, [format!("0 /file: zone p.example: file: no path of the server is read here; {hint}")]);
    let check = json!({"kind": "panel-api", "url": "http://{address}/", "user": "u", "password_file": "/etc/passwd"});
    let found = refused(&ledger(), &[put(Kind::Check, "new", check)], &all);
    assert_eq!(found, ["0 /password_file: check new: password_file: no path of the server is read here; give the `password` itself"]);
}

#[test]
fn a_ledger_that_is_no_longer_sound_is_mended_piece_by_piece() {
    let mut items = Vec::new();
    for kind in Kind::ALL {
        items.extend(ledger().in_order(kind).into_iter().map(|item| (kind, item.clone())));
    }
    for (kind, item) in &mut items {
        match (*kind, &*item.name) {
            (Kind::Panel, "secret1") => item.body = json!({"addresses": ["nowhere"]}).to_string().into(),
            (Kind::Hostname, "below.mine2.p.example") => item.body = json!({"set": "gone"}).to_string().into(),
            _ => {}
        }
    }
    let (mut ledger, problems) = Ledger::load(None, items);
    assert_eq!(problems.iter().filter(|problem| problem.is_error()).count(), 2, "{problems:?}");
    // Other objects change as ever, and broken ones stay as they are.
    let draft = ledger.draft(&[put(Kind::Hostname, "mine.p.example", json!({"set": "mine", "ttl": 5}))], &all).unwrap();
    ledger.apply(draft, 2);
    // What would break another is refused.
    let edits = [delete(Kind::Set, "mine"), delete(Kind::Check, "stream")];
    assert_eq!(refused(&ledger, &edits, &all).len(), 2);
    // The set gets its panel back.
    let draft = ledger.draft(&[put(Kind::Panel, "secret1", json!({"addresses": ["192.0.2.3"]}))], &all).unwrap();
    ledger.apply(draft, 3);
    assert_eq!(ledger.users(Kind::Panel, "secret1"), [(Kind::Set, "secret".to_owned())]);
    let draft = ledger.draft(&[put(Kind::Hostname, "below.mine2.p.example", json!({"set": "mine"}))], &all).unwrap();
    ledger.apply(draft, 4);
    assert!(ledger.fleet().lost.is_empty() && ledger.troubles.is_empty());
    is_sound(&ledger);
}

#[test]
fn a_fleet_has_no_more_regions_by_small_changes_either() {
    let regions = (0..MAX_REGIONS).map(|n| {
        let item = Item::of(&format!("r{n}"), &json!({"at": [1, 2]}), n as u64);
        (Kind::Region, item)
    });
    let (ledger, _) = Ledger::load(None, regions);
    let found = refused(&ledger, &[put(Kind::Region, "more", json!({"at": [1, 2]}))], &all);
    assert!(found[0].starts_with("0 : region: found 32001 regions"), "{found:?}");
    assert!(ledger.draft(&[put(Kind::Region, "r1", json!({"at": [1, 3]}))], &all).is_ok());
}

#[test]
fn a_name_that_is_its_own_key_is_told_from_one_that_is_not() {
    let long = "x".repeat(63);
    for name in ["live.p.example", "a", "_http._tcp.p.example", "0-1.x", &format!("{long}.p"), &[&*long; 3].join(".")] {
        assert!(super::is_key(name), "{name}");
        let parsed = Name::parse(name).unwrap();
        assert_eq!((key(Kind::Hostname, name).as_deref(), shown(&parsed).as_str()), (Ok(name), name));
    }
    for (name, found) in
        [("Live.P.example.", "live.p.example"), ("*.p.example", "*.p.example"), (".", "."), ("a\\.b.x", "a\\.b.x"), ("a\\045b", "a-b")]
    {
        assert!(!super::is_key(name), "{name}");
        assert_eq!((key(Kind::Hostname, name).as_deref(), shown(&Name::parse(name).unwrap()).as_str()), (Ok(found), found));
    }
    for name in ["", "a..b", ".a", &format!("{long}x.p"), &format!("{}.xx", [&*long; 4].join("."))] {
        assert!(!super::is_key(name) && key(Kind::Hostname, name).is_err(), "{name}");
    }
}

#[test]
fn a_fleet_of_files_that_is_stored_stays_where_it_is_and_what_is_not_stored_goes() {
    let text = r#"
[defaults]
ttl = 5
[[region]]
name = "eu"
at = [40.369425376548236, 0.1]
[[panel]]
name = "Fra1"
addresses = ["192.0.2.1"]
[[set]]
name = "s"
panels = ["Fra1"]
[[zone]]
name = "P.example."
file = "z"
[[hostname]]
name = "live.p.example"
set = "s"
"#;
    let (fleet, json, problems) = crate::fleet::parse_as_json("f", text.as_bytes(), std::path::Path::new(""));
    assert!(!problems.iter().any(Problem::is_error), "{problems:?}");
    let mut ledger = Ledger::of_file(json.clone(), Arc::new(fleet));
    let (before, mut document) = (ledger.clone(), ledger.document());
    for list in ["defaults", "region", "panel", "set", "hostname"] {
        assert_eq!(document[list], json[list]);
    }
    document["zone"] = json!([{"name": "p.example"}]);
    document["hostname"] = json!([]);
    let draft = Ledger::default().replace(&document).unwrap().sharing(&ledger);
    ledger.take_stored(draft, 7);
    for (kind, name) in [(Kind::Region, "eu"), (Kind::Panel, "fra1"), (Kind::Set, "s")] {
        let (old, new) = (before.item(kind, name).unwrap(), ledger.item(kind, name).unwrap());
        assert!(Arc::ptr_eq(&old.name, &new.name) && Arc::ptr_eq(&old.body, &new.body) && new.revision == 7, "{name}");
    }
    assert_eq!(&*ledger.item(Kind::Region, "eu").unwrap().body, json!({"at": json["region"][0]["at"]}).to_string());
    assert!(Arc::ptr_eq(&before.fleet().panels[0], &ledger.fleet().panels[0]));
    assert!(Arc::ptr_eq(&before.fleet().sets[0], &ledger.fleet().sets[0]));
    assert_eq!((ledger.defaults().unwrap().revision, &*ledger.item(Kind::Zone, "p.example").unwrap().body), (7, "{}"));
    assert!(ledger.item(Kind::Hostname, "live.p.example").is_none() && ledger.fleet().hostnames.is_empty());
    is_sound(&ledger);
}

/// A million hostnames have a million of these.
#[test]
fn what_there_is_a_million_of_is_small() {
    assert_eq!((size_of::<super::Shelved>(), size_of::<Hostname>()), (56, 48));
}
