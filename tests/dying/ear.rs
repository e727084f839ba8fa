//! Who listens to a node's events.

use crate::running::SOON;
use meridian::clock;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// An event of verdicts, and when it was heard.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) at_ms: u64,
    pub(crate) body: Value,
}

/// Hears until the node ends.
#[derive(Clone)]
pub(crate) struct Ear {
    heard: Arc<(Mutex<Vec<Heard>>, Condvar)>,
}

impl Ear {
    pub(crate) fn open(admin: SocketAddr, token: &str) -> Self {
        let mut stream = TcpStream::connect(admin).unwrap();
        write!(stream, "GET /v1/events HTTP/1.1\r\nhost: n1\r\nauthorization: Bearer {token}\r\n\r\n").unwrap();
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        assert!(lines.next().unwrap().contains(" 200 "));
        // The stream has begun when its head is whole.
        lines.by_ref().find(String::is_empty).unwrap();
        let heard = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let here = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut kind = String::new();
            for line in lines {
                if let Some(word) = line.strip_prefix("event: ") {
                    kind = word.to_owned();
                }
                if let Some(body) = line.strip_prefix("data: ").filter(|_| kind == "verdict") {
                    let body = serde_json::from_str(body).unwrap();
                    here.0.lock().unwrap().push(Heard { at_ms: clock::now().mono_ms, body });
                    here.1.notify_all();
                }
            }
        });
        Self { heard }
    }

    /// The first event from `from_ms` on of this panel at this address (none: of the panel as a whole) that has this verdict.
    pub(crate) fn hears(&self, from_ms: u64, panel: &str, address: &str, verdict: &str) -> Heard {
        let is_it = |heard: &&Heard| {
            let body = &heard.body;
            let is_there = body["address"].as_str().unwrap_or_default() == address;
            heard.at_ms >= from_ms && body["panel"] == panel && is_there && body["to"] == verdict
        };
        let all = self.heard.0.lock().unwrap();
        let (all, _) = self.heard.1.wait_timeout_while(all, SOON, |all| !all.iter().any(|heard| is_it(&heard))).unwrap();
        let of_it: Vec<&Heard> = all.iter().filter(|heard| heard.body["panel"] == panel).collect();
        all.iter().find(is_it).cloned().unwrap_or_else(|| panic!("{panel} at {address} does not become {verdict}; heard: {of_it:?}"))
    }

    /// All that was said of a panel.
    pub(crate) fn of(&self, panel: &str) -> Vec<Heard> {
        self.heard.0.lock().unwrap().iter().filter(|heard| heard.body["panel"] == panel).cloned().collect()
    }
}
