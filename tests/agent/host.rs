//! A panel's host: the agent, its token, and what the node heard of it.

use crate::place::running::Running;
use crate::place::{Node, Place, SOON};
use meridian::clock;
use serde_json::{Value, json};
use std::process::Command;

/// A token for fra1, in a file beside the node's.
pub(crate) fn token(node: &Node<'_>) -> String {
    let made = node.api().post("/v1/tokens", &json!({"name": "fra1-agent", "role": "panel", "panel": "fra1"})).is(201);
    let token = made.json()["token"].as_str().unwrap().to_owned();
    node.place.write("fra1.token", &format!("{token}\n"));
    token
}

pub(crate) fn agent(place: &Place, more: &[&str]) -> Command {
    let to = format!("http://{}", place.admin);
    place.command(&[&["agent", "--panel", "fra1", "--to", &to, "--token-file", "fra1.token"][..], more].concat())
}

pub(crate) fn start(place: &Place, more: &[&str]) -> Running {
    Running::spawn(agent(place, more))
}

/// Its exit status and what it said.
pub(crate) fn once(place: &Place, more: &[&str]) -> (i32, String) {
    let output = agent(place, &[&["--once"][..], more].concat()).output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
}

/// What fra1 reported last; null before.
pub(crate) fn reported(node: &Node<'_>) -> Value {
    let health = node.api().get("/v1/panels/fra1/health").is(200).json();
    let mut reported = health["gauges"].clone();
    if let Some(gauges) = reported.as_object_mut() {
        gauges.insert("at".into(), health["reported"].clone());
    }
    reported
}

/// Looks until it is so; each look is work for somebody else.
#[track_caller]
pub(crate) fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let until_ms = clock::now().mono_ms + SOON.as_millis() as u64;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(clock::now().mono_ms < until_ms, "{what} does not come");
        std::thread::yield_now();
    }
}
