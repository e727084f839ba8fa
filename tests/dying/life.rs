//! One panel's life: what is said of it, and what a restart, a change or an operator make of it.

use crate::counter::Counter;
use crate::inside::inside;
use crate::node::{Node, Place, at, until};
use crate::panel::Panel;
use crate::wire::A;
use meridian::clock;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

const DEFAULTS: &str = "[defaults]\nsteer = \"round-robin\"\nanswers = 3\nttl = 2\nttl_changing = 1\nslow_start = \"1s\"\n";
const HTTP: &str = "kind = \"http\"\nurl = \"http://{address}:8090/health\"";
const QUICK: &str = "interval = \"1s\"\ntimeout = \"2s\"\nconfirm = \"100ms\"";

/// Panels p1, p2, … at these addresses with this check, in one set behind live.z.example.
fn fleet(addresses: &[&str], check: &str) -> String {
    let names: Vec<String> = (1..=addresses.len()).map(|n| format!("\"p{n}\"")).collect();
    let panel = |(name, address)| format!("[[panel]]\nname = {name}\naddresses = [\"{address}\"]\nchecks = [\"look\"]\n");
    let panels: String = names.iter().zip(addresses).map(panel).collect();
    let set = format!("[[set]]\nname = \"s\"\npanels = [{}]\n[[hostname]]\nname = \"live.z.example\"\nset = \"s\"\n", names.join(", "));
    format!("{DEFAULTS}[[check]]\nname = \"look\"\n{check}\n{panels}{set}")
}

fn panels<const N: usize>(addresses: [&str; N]) -> [Panel; N] {
    addresses.map(|address| Panel::start("p", &[at(address, 8090)], &[]))
}

fn set(addresses: &[&str]) -> BTreeSet<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

fn is_up(node: &Node, panel: &str) -> Value {
    until(&format!("{panel} up"), || node.doors.health(panel), |health| health["verdict"] == "up")
}

const DIES: &str = "127.1.0.1";
const LIVES: &str = "127.1.0.2";

#[test]
fn the_first_failure_is_logged_the_second_alerted_and_the_third_acted_on() {
    if !inside("life::the_first_failure_is_logged_the_second_alerted_and_the_third_acted_on") {
        return;
    }
    let [mut dies, _lives] = panels([DIES, LIVES]);
    let place = Place::new("sequence", &fleet(&[DIES, LIVES], &format!("{HTTP}\n{QUICK}")));
    let mut node = place.start();
    is_up(&node, "p1");
    let eye = node.doors.eye("live.z.example", A);
    let (both, one) = (set(&[DIES, LIVES]), set(&[LIVES]));
    eye.sees(0, "both for the usual TTL", |sample| sample.addresses == both && sample.ttl == 2);

    let broken_ms = clock::now().mono_ms;
    dies.tell("status 503");
    for line in ["INFO", "WARN", "ERROR"].iter().zip(["has failed a check: ", "is degraded: ", "is down: "]) {
        let heard = node.running.hears(&format!("panel p1 at {DIES} {}status 503 instead of 200", line.1));
        assert!(heard.contains(line.0), "{heard}");
    }
    let down = node.doors.ear.hears(broken_ms, "p1", DIES, "down");
    let told: Vec<Value> = node.doors.ear.of("p1").iter().map(|heard| heard.body.clone()).collect();
    let of = |key: &str| told.iter().map(|body| body[key].clone()).filter(|value| !value.is_null()).collect::<Vec<_>>();
    assert_eq!((of("from"), of("to")), (vec!["up".into(), "degraded".into()], vec!["degraded".into(), "down".into()] as Vec<Value>));
    // From its first failed check to the answers that do without it.
    assert!(down.body["seconds"].as_f64().unwrap() >= 0.2, "two checks more, 100 ms apart: {}", down.body);
    eye.sees(broken_ms, "both while it fails, and for a short time", |sample| sample.addresses == both && sample.ttl == 1);
    eye.sees(down.at_ms, "the other alone, for a short time", |sample| sample.addresses == one && sample.ttl == 1);
    let calm = eye.sees(down.at_ms, "the usual TTL again, though it is still down", |sample| sample.ttl == 2);
    assert_eq!(calm.addresses, one);

    let healed_ms = clock::now().mono_ms;
    dies.tell("heal");
    node.running.hears(&format!("panel p1 at {DIES} is up: it answers again"));
    let up = node.doors.ear.hears(healed_ms, "p1", DIES, "up");
    eye.sees(healed_ms, "both, for a short time", |sample| sample.addresses == both && sample.ttl == 1);
    eye.sees(up.at_ms, "both for the usual TTL", |sample| sample.addresses == both && sample.ttl == 2);
    let history = node.doors.health("p1")["history"].clone();
    let turns: Vec<&Value> = history.as_array().unwrap().iter().map(|turn| &turn["to"]).collect();
    assert_eq!(turns, ["up", "down", "degraded", "up"], "newest first: {history}");
}

#[test]
fn a_panel_that_is_dead_is_not_in_the_first_answer_nor_after_a_restart() {
    if !inside("life::a_panel_that_is_dead_is_not_in_the_first_answer_nor_after_a_restart") {
        return;
    }
    // Nobody listens at the first, and from the second nothing comes back: that is known only when the first round is over.
    let far = Panel::start_far("p2", 2, 8090);
    far.swallow(2, true);
    let _lives = panels([LIVES]);
    let slow = "interval = \"1s\"\ntimeout = \"4s\"\nconfirm = \"100ms\"";
    let place = Place::new("restart", &fleet(&[DIES, "10.9.2.2", LIVES], &format!("{HTTP}\n{slow}")));
    let node = place.start();
    let eye = node.doors.eye("live.z.example", A);
    let down = node.doors.ear.hears(0, "p2", "10.9.2.2", "down");
    let refused: IpAddr = DIES.parse().unwrap();
    let later = eye.next(20);
    assert!(eye.samples().iter().all(|sample| !sample.addresses.contains(&refused)), "{:?}", eye.samples().first());
    assert!(later.iter().all(|sample| sample.asked_ms <= down.at_ms || sample.addresses == set(&[LIVES])), "{later:?}");
    drop(eye);
    until(
        "both in writing",
        || std::fs::read_to_string(place.path().join("data/health")).unwrap_or_default(),
        |text| text.matches("\"verdict\":\"down\"").count() == 2,
    );
    node.running.kill();

    let node = place.start();
    let eye = node.doors.eye("live.z.example", A);
    // It is asked again, and the answer does not come before the first clients do.
    for sample in eye.next(100) {
        assert_eq!(sample.addresses, set(&[LIVES]));
    }
    far.swallow(2, false);
    node.doors.ear.hears(0, "p2", "10.9.2.2", "up");
    eye.sees(0, "the one that came back", |sample| sample.addresses == set(&[LIVES, "10.9.2.2"]));
}

#[test]
fn who_falls_again_and_again_is_held_back_until_an_operator_says_otherwise() {
    if !inside("life::who_falls_again_and_again_is_held_back_until_an_operator_says_otherwise") {
        return;
    }
    let [mut dies, _lives] = panels([DIES, LIVES]);
    let slow = "interval = \"2s\"\ntimeout = \"2s\"\nconfirm = \"100ms\"";
    let place = Place::new("held", &fleet(&[DIES, LIVES], &format!("{HTTP}\n{slow}")));
    let node = place.start();
    let look = || node.doors.health("p1")["addresses"][0]["checks"][0].clone();
    for fall in 1..=3 {
        until("a watch", look, |check| check["verdict"] == "up" && check["watched"] == true);
        let fallen_ms = clock::now().mono_ms;
        dies.tell("kill");
        node.doors.ear.hears(fallen_ms, "p1", DIES, "down");
        dies.tell("heal");
        if fall < 3 {
            node.doors.ear.hears(fallen_ms, "p1", DIES, "up");
        }
    }
    let held = until("a hold-down", look, |check| check["held_until"].is_u64());
    assert_eq!(held["verdict"], "down", "{held}");
    let cleared_ms = clock::now().mono_ms;
    place.run(&["clear", "p1", "--hold"]);
    let up = node.doors.ear.hears(cleared_ms, "p1", DIES, "up");
    let (at_s, until_s) = (up.body["at"].as_u64().unwrap(), held["held_until"].as_u64().unwrap());
    assert!(at_s < until_s, "it came back at {at_s}, held until {until_s}");
}

#[test]
fn a_change_of_the_fleet_begins_and_ends_the_checks_that_it_concerns() {
    if !inside("life::a_change_of_the_fleet_begins_and_ends_the_checks_that_it_concerns") {
        return;
    }
    let counter = Counter::open(&[DIES, LIVES, "127.1.0.3"]);
    // So rarely that each look is one that a change has caused.
    let check = |name: &str, more: &str| {
        format!("[[check]]\nname = \"{name}\"\nkind = \"http\"\nurl = \"http://{{address}}:8090/{name}\"\ninterval = \"24h\"\n{more}\n")
    };
    let panel = |n: u8, checks: &str| format!("[[panel]]\nname = \"p{n}\"\naddresses = [\"127.1.0.{n}\"]\nchecks = [{checks}]\n");
    let set = |names: &str| format!("[[set]]\nname = \"s\"\npanels = [{names}]\n[[hostname]]\nname = \"live.z.example\"\nset = \"s\"\n");
    let (a, b) = (check("a", ""), check("b", ""));
    let place = Place::new("change", &[DEFAULTS, &a, &b, &panel(1, "\"a\""), &panel(2, "\"a\""), &set("\"p1\", \"p2\"")].concat());
    let node = place.start();
    counter.comes_to(&[(1, "/a", 1), (2, "/a", 1)]);
    let change = |fleet: &[&str], expected: &[(u8, &str, usize)]| {
        place.fleet(&fleet.concat());
        place.run(&["reload"]);
        counter.comes_to(expected);
    };
    // One check more, on one panel.
    let two = panel(2, "\"a\", \"b\"");
    change(&[DEFAULTS, &a, &b, &panel(1, "\"a\""), &two, &set("\"p1\", \"p2\"")], &[(1, "/a", 1), (2, "/a", 1), (2, "/b", 1)]);
    // Another timeout: that check begins anew wherever it is used.
    let a = check("a", "timeout = \"2s\"");
    change(&[DEFAULTS, &a, &b, &panel(1, "\"a\""), &two, &set("\"p1\", \"p2\"")], &[(1, "/a", 2), (2, "/a", 2), (2, "/b", 1)]);
    // Another policy and another order are no check's concern; a panel that is new is.
    let (three, all) = (panel(3, "\"b\""), set("\"p3\", \"p2\", \"p1\""));
    let expected = [(1, "/a", 2), (2, "/a", 2), (2, "/b", 1), (3, "/b", 1)];
    change(&[&DEFAULTS.replace("ttl = 2", "ttl = 20"), &b, &a, &three, &two, &panel(1, "\"a\""), &all], &expected);
    // Whoever goes is let go of; of those that stay nobody is asked again, as the next change shows.
    until("three watched", || counter.idle(), |idle| *idle == [1, 1, 1]);
    let left = set("\"p3\", \"p1\"");
    change(&[DEFAULTS, &b, &a, &three, &panel(1, "\"a\""), &left], &expected);
    until("two watched", || counter.idle(), |idle| *idle == [1, 0, 1]);
    let expected = [(1, "/a", 2), (1, "/b", 1), (2, "/a", 2), (2, "/b", 1), (3, "/b", 1)];
    change(&[DEFAULTS, &b, &a, &three, &panel(1, "\"a\", \"b\""), &left], &expected);
    is_up(&node, "p1");
}

#[test]
fn a_drain_goes_on_while_others_die_and_is_given_up_before_health_is() {
    if !inside("life::a_drain_goes_on_while_others_die_and_is_given_up_before_health_is") {
        return;
    }
    let (first, second, third) = (DIES, LIVES, "127.1.0.3");
    let [_drains, mut dies, mut last] = panels([first, second, third]);
    let place = Place::new("drain", &fleet(&[first, second, third], &format!("{HTTP}\n{QUICK}")));
    let node = place.start();
    ["p1", "p2", "p3"].iter().for_each(|panel| drop(is_up(&node, panel)));
    let eye = node.doors.eye("live.z.example", A);
    place.run(&["drain", "p1", "--over", "3s", "--reason", "new disks"]);
    let begun_ms = clock::now().mono_ms;
    // While it hands over.
    dies.tell("kill");
    node.doors.ear.hears(begun_ms, "p2", second, "down");
    eye.sees(begun_ms, "the third alone", |sample| sample.addresses == set(&[third]));
    let killed_ms = clock::now().mono_ms;
    last.tell("kill");
    let down = node.doors.ear.hears(killed_ms, "p3", third, "down");
    // Nobody is left but the one that drains: it serves, and is well.
    eye.sees(down.at_ms, "the one that drains", |sample| sample.addresses == set(&[first]));
    eye.next(20).iter().for_each(|sample| assert_eq!(sample.addresses, set(&[first])));
    let healed_ms = clock::now().mono_ms;
    dies.tell("heal");
    let up = node.doors.ear.hears(healed_ms, "p2", second, "up");
    eye.sees(up.at_ms, "the one that came back alone", |sample| sample.addresses == set(&[second]));
    place.run(&["clear", "p1"]);
    eye.sees(up.at_ms, "both", |sample| sample.addresses == set(&[first, second]));
    assert!(eye.samples().iter().all(|sample| !sample.addresses.is_empty()));
}
