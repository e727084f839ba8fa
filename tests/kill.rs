//! `kill -9` of the whole node under several writers: what was acknowledged is there, by the API and in the answers, and nothing is by half.
//!
//! It draws from a seed that it prints; `SEED=n` repeats the draws, `KILLS=1000` makes a longer run.

#[path = "kill/api.rs"]
mod api;
mod peers;
#[allow(dead_code)]
#[path = "node/place.rs"]
mod place;

use api::{Api, TOKEN};
use peers::ask;
use peers::wire::{self, A, Question, TXT, name};
use place::{HEAD, Node, Place, zones};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use std::{env, fs, thread};

const WRITERS: usize = 4;
/// Hostnames that a writer makes, changes and takes away.
const HOSTNAMES: usize = 6;
/// Nothing takes a tenth of it unless it is broken.
const SOON: Duration = Duration::from_secs(40);

/// By path: what GET shows of it, as far as it is looked at; null where nothing is.
type Truth = BTreeMap<String, Value>;

/// What one writer does at once, and what is there after it.
struct Step {
    method: &'static str,
    path: String,
    body: Option<Value>,
    after: Truth,
}

/// What became of a writer's steps until the node went away.
struct Written {
    truth: Truth,
    /// Sent and not acknowledged: there as a whole, or not at all.
    open: Truth,
    revisions: Vec<u64>,
    /// Path and tag, and what was under it.
    tags: Vec<((String, String), Value)>,
}

#[test]
fn a_kill_loses_nothing_acknowledged_and_leaves_nothing_by_half() {
    let mut dice = Dice::new("kills of a node");
    let rounds = env::var("KILLS").map_or(20, |rounds| rounds.parse().expect("a number of rounds"));
    let place = fresh();
    let mut tags: BTreeMap<(String, String), Value> = BTreeMap::new();
    let mut truth = first_truth();
    let (mut highest, mut serial, mut acknowledged) = (0, 0, 0);
    for round in 0..rounds {
        if dice.one_in(6) {
            let mut node = place.spawn(command(&place));
            node.hears("starting");
            dice.dawdle();
            killed(node);
        }
        let node = started(&place);
        let is_whole = dice.one_in(3);
        let written = written_until_killed(node, &place, &mut dice, &truth, is_whole);

        let node = started(&place);
        let mut api = Api::open(place.admin).unwrap();
        let found: Truth = truth.keys().map(|path| (path.clone(), shown(&mut api, path, &mut tags))).collect();
        let known: BTreeSet<u64> =
            api.get("/v1/audit?limit=1000").json()["items"].as_array().unwrap().iter().filter_map(|e| e["revision"].as_u64()).collect();
        for (writer, written) in written.into_iter().enumerate() {
            for (key, value) in written.tags {
                same_under_one_tag(&mut tags, key, value);
            }
            let is_there = written.open.iter().all(|(path, after)| found[path] == *after);
            let wanted = if is_there { written.truth.into_iter().chain(written.open).collect() } else { written.truth };
            for (path, wanted) in wanted {
                assert_eq!(found[&path], wanted, "round {round}, writer {writer}: {path}");
            }
            for revision in &written.revisions {
                assert!(known.contains(revision), "round {round}: revision {revision} was acknowledged and is in no entry");
            }
            acknowledged += written.revisions.len();
            highest = written.revisions.into_iter().fold(highest, u64::max);
        }
        let revision = api.get("/v1/status").json()["revision"].as_u64().unwrap();
        assert!(revision >= highest, "round {round}: {revision} after {highest}");
        highest = revision;
        let now = api.get("/v1/status").json()["zones"][0]["serial"].as_u64().unwrap();
        assert!(now >= serial, "round {round}: the serial went from {serial} back to {now}");
        serial = now;
        answers_are(&node, &found);
        truth = found;
        killed(node);
        if round % 50 == 49 {
            println!("{} rounds, {acknowledged} acknowledged changes", round + 1);
        }
    }
    println!("{rounds} rounds, {acknowledged} acknowledged changes, revision {highest}");
    assert!(acknowledged > rounds);
}

#[test]
fn a_kill_at_the_first_start_leaves_a_node_that_starts_and_lets_its_admin_in() {
    let mut dice = Dice::new("first starts");
    let rounds = env::var("KILLS").map_or(8, |rounds| rounds.parse::<usize>().expect("a number of rounds") / 4);
    for round in 0..rounds {
        let place = fresh();
        let without_token = || {
            let mut command = command(&place);
            command.env_remove("MERIDIAN_ADMIN_TOKEN");
            command
        };
        let mut node = place.spawn(without_token());
        node.hears("starting");
        dice.dawdle();
        killed(node);
        let mut node = place.spawn(without_token());
        node.hears("answering on");
        place::until("\"truth\":\"store\"", || {
            let token = fs::read_to_string(place.path("data/admin.token")).unwrap_or_else(|error| panic!("round {round}: {error}"));
            let said = Api::with(place.admin, token.trim()).unwrap().get("/v1/status");
            assert_eq!(said.status, 200, "round {round}: {}", said.text());
            String::from_utf8(said.body).unwrap()
        });
        assert!(node.says("www.z.example", A).contains("192.0.2.7"));
        let token = fs::read_to_string(place.path("data/admin.token")).unwrap();
        let panels = Api::with(place.admin, token.trim()).unwrap().get("/v1/panels").json();
        assert_eq!(panels["items"].as_array().unwrap().len(), 3 * WRITERS, "round {round}");
    }
}

#[test]
fn a_first_token_that_was_stored_and_not_yet_named_is_not_lost() {
    let place = fresh();
    let without_token = || {
        let mut command = command(&place);
        command.env_remove("MERIDIAN_ADMIN_TOKEN");
        let mut node = place.spawn(command);
        node.hears("answering on");
        node
    };
    killed(without_token());
    let token = fs::read_to_string(place.path("data/admin.token")).unwrap();
    fs::rename(place.path("data/admin.token"), place.path("data/admin.token.new")).unwrap();
    killed(without_token());
    assert_eq!(fs::read_to_string(place.path("data/admin.token")).unwrap(), token);
    // Only the one that is known: what else lies there under this name stays what it is.
    fs::remove_file(place.path("data/admin.token")).unwrap();
    place.write("data/admin.token.new", "rubbish\n");
    killed(without_token());
    assert!(!place.path("data/admin.token").exists());
}

/// Each writer has two panels in a set each, a third one for states, and hostnames of its own.
fn fresh() -> Place {
    let place = api::stored();
    let mut fleet = zones(&["z.example"]);
    for w in 0..WRITERS {
        for (panel, last) in [("p", 1), ("q", 2), ("x", 3)] {
            fleet += &format!("[[panel]]\nname = \"{panel}{w}\"\naddresses = [\"10.{w}.0.{last}\"]\n");
        }
        fleet += &format!("[[set]]\nname = \"s{w}\"\npanels = [\"p{w}\"]\n[[set]]\nname = \"t{w}\"\npanels = [\"q{w}\"]\n");
    }
    place.write("fleet.toml", &fleet);
    place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.7\n"));
    place
}

fn first_truth() -> Truth {
    let mut truth = Truth::new();
    for w in 0..WRITERS {
        for (panel, last) in [("p", 1), ("q", 2), ("x", 3)] {
            truth.insert(format!("/v1/panels/{panel}{w}"), json!({"addresses": [format!("10.{w}.0.{last}")]}));
        }
        truth.insert(format!("/v1/sets/s{w}"), json!({"panels": [format!("p{w}")]}));
        truth.insert(format!("/v1/sets/t{w}"), json!({"panels": [format!("q{w}")]}));
        truth.extend((0..HOSTNAMES).map(|h| (format!("/v1/hostnames/h{h}-{w}.z.example"), Value::Null)));
        truth.insert(format!("/v1/zones/z.example/records/r{w}.z.example/TXT"), Value::Null);
        truth.insert(format!("/v1/panels/x{w}/state"), Value::Null);
        truth.insert(format!("/v1/tokens/k{w}"), Value::Null);
    }
    truth
}

fn command(place: &Place) -> std::process::Command {
    let mut command = place.command(&["serve"]);
    command.env("MERIDIAN_ADMIN_TOKEN", TOKEN);
    command
}

fn started(place: &Place) -> Node<'_> {
    let mut node = place.spawn(command(place));
    node.hears("answering on");
    place::until("\"truth\":\"store\"", || String::from_utf8(Api::open(place.admin).unwrap().get("/v1/status").body).unwrap());
    let ready = node.readyz();
    assert!(ready.starts_with("HTTP/1.1 200 ") && ready.contains("\"problems\":[]"), "{ready}");
    node
}

fn killed(node: Node<'_>) {
    node.signal(Signal::KILL);
    let (status, log) = node.ended();
    assert!(status == -1 && !log.contains("panicked") && !log.contains("ERROR"), "{status}: {log}");
}

fn written_until_killed(node: Node<'_>, place: &Place, dice: &mut Dice, truth: &Truth, is_whole: bool) -> Vec<Written> {
    let (tell, told) = channel();
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|w| {
                let (tell, dice) = (tell.clone(), dice.split());
                scope.spawn(move || write(place, w, dice, truth, is_whole, &tell))
            })
            .collect();
        drop(tell);
        for _ in 0..dice.below(40) {
            // All writers gone: they say why.
            if told.recv_timeout(SOON).is_err() {
                break;
            }
        }
        dice.dawdle();
        killed(node);
        writers.into_iter().map(|writer| writer.join().unwrap_or_else(|why| std::panic::resume_unwind(why))).collect()
    })
}

/// One change after the other, until the node is gone.
fn write(place: &Place, w: usize, mut dice: Dice, truth: &Truth, is_whole: bool, tell: &Sender<()>) -> Written {
    let is_mine = |path: &str| match is_whole {
        // The first one has the whole fleet, the others what is beside it.
        true => (w == 0 && is_of_fleet(path)) || (owner(path) == w && !is_of_fleet(path)),
        false => owner(path) == w,
    };
    let truth = truth.iter().filter(|(path, _)| is_mine(path)).map(|(path, value)| (path.clone(), value.clone())).collect();
    let mut written = Written { truth, open: Truth::new(), revisions: Vec::new(), tags: Vec::new() };
    let Ok(mut api) = Api::open(place.admin) else { return written };
    loop {
        let Some(step) = step(&written.truth, w, &mut dice, is_whole) else { continue };
        written.open = step.after.clone();
        let Ok(said) = api.ask(step.method, &step.path, step.body.as_ref()) else { return written };
        assert!(said.is_done(), "{} {} {:?}: {}", step.method, step.path, step.body, said.text());
        if let (Some(tag), true) = (&said.etag, step.after.len() == 1) {
            let value = core(&step.path, &said.json());
            assert_eq!(step.after.get(&step.path), Some(&value), "{} {}", step.method, step.path);
            written.tags.push(((step.path.clone(), tag.clone()), value));
        }
        if let Some(revision) = said.revision.filter(|_| written.open.iter().any(|(path, after)| written.truth[path] != *after)) {
            assert!(written.revisions.last().is_none_or(|last| *last < revision), "{revision} after {:?}", written.revisions.last());
            written.revisions.push(revision);
        }
        let open = std::mem::take(&mut written.open);
        written.truth.extend(open);
        let _ = tell.send(());
    }
}

/// Names end with their writer.
fn owner(path: &str) -> usize {
    let name = path.trim_end_matches("/state").trim_end_matches("/TXT").trim_end_matches(".z.example");
    name.chars().last().and_then(|last| last.to_digit(10)).expect("a writer") as usize
}

fn is_of_fleet(path: &str) -> bool {
    (path.contains("/panels/") && !path.ends_with("/state")) || path.contains("/sets/") || path.contains("/hostnames/")
}

/// The next thing to do; none if that makes no sense now.
fn step(truth: &Truth, w: usize, dice: &mut Dice, is_whole: bool) -> Option<Step> {
    if is_whole && w == 0 && !dice.one_in(6) {
        return Some(whole(dice));
    }
    let n = dice.below(60_000);
    let one = |method, path: String, body: Option<Value>, after: Value| {
        Some(Step { method, after: Truth::from([(path.clone(), after)]), path, body })
    };
    let patched = |path: String, patch: Value| {
        let mut after = truth[&path].clone();
        after.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        one("PATCH", path, Some(patch), after)
    };
    let panel = format!("/v1/panels/{}{w}", ["p", "q", "x"][dice.below(3)]);
    let set = dice.below(2);
    let hostname = format!("/v1/hostnames/h{}-{w}.z.example", dice.below(HOSTNAMES));
    let record = format!("/v1/zones/z.example/records/r{w}.z.example/TXT");
    let state = format!("/v1/panels/x{w}/state");
    let token = format!("/v1/tokens/k{w}");
    let sets = [format!("s{w}"), format!("t{w}")];
    let set_path = format!("/v1/sets/{}", sets[set]);
    let address = format!("10.{w}.{}.{}", n >> 8, n & 255);
    match if is_whole { 10 + dice.below(4) } else { dice.below(14) } {
        0 | 1 => {
            let body = json!({"set": sets[set], "ttl": n});
            one("PUT", hostname, Some(body.clone()), body)
        }
        2 if !truth[&hostname].is_null() => one("DELETE", hostname, None, Value::Null),
        3 if !truth[&hostname].is_null() => patched(hostname, json!({"set": sets[set]})),
        4 => {
            let body = json!({"addresses": [address], "weight": 1.0 + (n % 7) as f64 / 2.0});
            one("PUT", panel, Some(body.clone()), body)
        }
        5 | 6 => patched(panel, json!({"addresses": [address]})),
        7 => patched(set_path, json!({"ttl": n})),
        8 => {
            let body = json!({"panels": [format!("{}{w}", ["p", "q"][set])], "overflow": (n % 100) as f64 / 100.0});
            one("PUT", set_path, Some(body.clone()), body)
        }
        9 if !truth[&record].is_null() && n.is_multiple_of(3) => one("DELETE", record, None, Value::Null),
        9 => {
            let body = json!({"ttl": 60 + n, "data": [format!("\"n{n}\"")]});
            one("PUT", record, Some(body.clone()), body)
        }
        10 | 11 => {
            let state_word = ["draining", "disabled"][n % 2];
            let body = json!({"state": state_word, "reason": format!("n{n}")});
            one("POST", state, Some(body.clone()), body)
        }
        12 if !truth[&state].is_null() => one("DELETE", state, None, Value::Null),
        13 if truth[&token].is_null() => Some(Step {
            method: "POST",
            path: "/v1/tokens".into(),
            body: Some(json!({"name": format!("k{w}"), "role": "viewer"})),
            after: Truth::from([(token, json!(true))]),
        }),
        13 => one("DELETE", token, None, Value::Null),
        _ => None,
    }
}

/// The whole fleet anew: each object with the same mark.
fn whole(dice: &mut Dice) -> Step {
    let n = dice.below(60_000);
    let mut after = Truth::new();
    let mut all: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut add = |kind: &'static str, name: String, body: Value| {
        after.insert(format!("/v1/{kind}s/{name}"), body.clone());
        let mut named = body;
        named["name"] = json!(name);
        all.entry(kind).or_default().push(named);
    };
    for w in 0..WRITERS {
        for panel in ["p", "q", "x"] {
            add(
                "panel",
                format!("{panel}{w}"),
                json!({"addresses": [format!("10.{w}.{}.{}", n >> 8, n & 255)], "labels": {"mark": n.to_string()}}),
            );
        }
        for (set, panel) in [("s", "p"), ("t", "q")] {
            add("set", format!("{set}{w}"), json!({"panels": [format!("{panel}{w}")], "ttl": n}));
        }
        for h in 0..HOSTNAMES {
            add("hostname", format!("h{h}-{w}.z.example"), json!({"set": format!("{}{w}", ["s", "t"][(n + h) % 2]), "ttl": n}));
        }
    }
    let mut body = json!({"zone": [{"name": "z.example"}]});
    for (kind, objects) in all {
        body[kind] = Value::Array(objects);
    }
    Step { method: "PUT", path: "/v1/fleet?force=true".into(), body: Some(body), after }
}

/// What is looked at of an object.
fn core(path: &str, json: &Value) -> Value {
    if path.ends_with("/state") {
        return match json["until"].is_null() && json["reason"].is_null() {
            true => Value::Null,
            false => json!({"state": json["state"], "reason": json["reason"]}),
        };
    }
    match path.contains("/records/") {
        true => json!({"ttl": json["ttl"], "data": json["data"]}),
        false => json.clone(),
    }
}

fn shown(api: &mut Api, path: &str, tags: &mut BTreeMap<(String, String), Value>) -> Value {
    if let Some(name) = path.strip_prefix("/v1/tokens/") {
        let all = api.get("/v1/tokens").json();
        return if all["items"].as_array().unwrap().iter().any(|token| token["name"] == name) { json!(true) } else { Value::Null };
    }
    let said = api.get(path);
    match said.status {
        200 => {
            let value = core(path, &said.json());
            if let Some(tag) = said.etag {
                same_under_one_tag(tags, (path.into(), tag), value.clone());
            }
            value
        }
        404 => Value::Null,
        _ => panic!("GET {path}: {}", said.text()),
    }
}

fn same_under_one_tag(tags: &mut BTreeMap<(String, String), Value>, key: (String, String), value: Value) {
    let shown = format!("{key:?}");
    let known = tags.entry(key).or_insert_with(|| value.clone());
    // A zone's records share its tag.
    assert!(*known == value, "{shown} was {known} and is {value}");
}

/// Every hostname and record is answered as the API shows it.
fn answers_are(node: &Node<'_>, found: &Truth) {
    let mut asked = Vec::new();
    for (path, value) in found {
        if let Some(hostname) = path.strip_prefix("/v1/hostnames/") {
            let address = value["set"].as_str().map(|set| {
                let panel = found[&format!("/v1/sets/{set}")]["panels"][0].as_str().unwrap();
                found[&format!("/v1/panels/{panel}")]["addresses"][0].as_str().unwrap().to_owned()
            });
            asked.push((hostname.to_owned(), A, address));
        } else if let Some(record) = path.strip_prefix("/v1/zones/z.example/records/") {
            // Shown as the bytes that it is.
            let text = value["data"][0].as_str().map(|text| text.trim_matches('"'));
            let text = text.map(|text| format!("{:02x}", text.len()) + &text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
            asked.push((record.strip_suffix("/TXT").unwrap().to_owned(), TXT, text));
        }
    }
    let questions: Vec<Question> = asked.iter().map(|(of, rtype, _)| Question::of(name(of), *rtype)).collect();
    for (answer, (of, _, wanted)) in ask::all(node.place.dns, &questions).into_iter().zip(asked) {
        let answer = wire::decode(&answer.unwrap_or_else(|| panic!("{of}: silence"))).unwrap().to_string();
        match wanted {
            Some(wanted) => assert!(answer.contains(&wanted), "{of} should be {wanted}: {answer}"),
            None => assert!(answer.starts_with("NXDOMAIN"), "{of} should not be: {answer}"),
        }
    }
}

/// splitmix64: enough to draw cases from.
struct Dice(u64);

impl Dice {
    /// From `SEED`, or a new one; printed, so that the draws can be had again.
    fn new(test: &str) -> Self {
        let seed = env::var("SEED").map_or_else(|_| u64::from(std::process::id()) << 16, |seed| seed.parse().expect("SEED is a number"));
        println!("{test}: SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A moment of no certain length.
    fn dawdle(&mut self) {
        let most = 1 << self.below(21);
        for _ in 0..self.below(most) {
            std::hint::spin_loop();
        }
    }
}
