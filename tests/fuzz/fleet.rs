//! Any bytes as a fleet, and as a change of one: taken or refused, never a panic; and what is taken holds together.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use meridian::fleet::ledger::{Edit, Item, Ledger, Target};
use meridian::fleet::{self, Fleet, Kind};
use serde_json::Value;

/// A fleet with something of everything, to be changed.
const FLEET: &str = r#"{"region": [{"name": "eu", "at": [50, 8], "then": ["us"]}, {"name": "us", "at": [40, -74]}],
"check": [{"name": "up", "kind": "tcp", "port": 80}],
"panel": [{"name": "a", "region": "eu", "addresses": ["192.0.2.1"], "checks": ["up"]}, {"name": "b.c", "addresses": ["2001:db8::1"]}],
"set": [{"name": "s", "panels": ["a", {"panel": "b.c", "tier": 2}], "ttl": 30}],
"zone": [{"name": "x.test"}, {"name": "y.x.test"}],
"hostname": [{"name": "live.x.test", "set": "s", "ports": {"http": 80}}, {"name": "*.y.x.test", "set": "s", "ttl": 5}]}"#;

fuzz_target!(|bytes: &[u8]| {
    let (fleet, json, _) = fleet::parse_as_json("f", bytes, Path::new(""));
    whole(&fleet);
    replaced(&json);
    let Ok(json) = serde_json::from_slice::<Value>(bytes) else { return };
    replaced(&json);
    let mut ledger = base();
    // [kind, name, body], one after the other.
    for change in json.as_array().into_iter().flatten().take(8) {
        let Some(kind) = change[0].as_str().and_then(Kind::from_plural) else { continue };
        let Some(name) = change[1].as_str() else { continue };
        let body = Some(change[2].clone()).filter(|body| !body.is_null());
        let edit = Edit { target: Target::Object(kind, name.to_owned()), body };
        if let Ok(draft) = ledger.draft(&[edit], &|_, _| true) {
            whole(&draft.fleet);
            ledger.apply(draft, 2);
        }
    }
    // What was changed piece by piece is what its objects make as a whole.
    let items = |kind: Kind| ledger.in_order(kind).into_iter().map(move |item| (kind, Item::clone(item))).collect::<Vec<_>>();
    let (again, problems) = Ledger::load(ledger.defaults().cloned(), Kind::ALL.into_iter().flat_map(items));
    assert!(!problems.iter().any(meridian::document::Problem::is_error), "{problems:?}");
    assert_eq!(again.fleet().hostnames.len(), ledger.fleet().hostnames.len());
});

fn base() -> Ledger {
    let mut ledger = Ledger::default();
    let mut json: Value = serde_json::from_str(FLEET).unwrap();
    for zone in json["zone"].as_array_mut().unwrap() {
        zone["text"] = "".into();
    }
    let draft = ledger.replace(&json).expect("a sound fleet");
    ledger.apply(draft, 1);
    ledger
}

fn replaced(json: &Value) {
    if let Ok(draft) = base().replace(json) {
        whole(&draft.fleet);
    }
}

/// Every reference leads somewhere.
fn whole(fleet: &Fleet) {
    for panel in &fleet.panels {
        assert!(panel.region.is_none_or(|region| region.index() < fleet.regions.len()));
        assert!(panel.checks.iter().all(|check| check.index() < fleet.checks.len()));
    }
    for set in &fleet.sets {
        assert!(set.members.iter().all(|member| member.panel.index() < fleet.panels.len()));
    }
    for hostname in fleet.hostnames.iter() {
        assert!(hostname.set.index() < fleet.sets.len() && hostname.zone.index() < fleet.zones.len());
        let policy = fleet.policy(hostname);
        assert!(policy.shed_from < policy.shed_all);
    }
}
