//! Panels made by hand, and somebody who has them probed.

use meridian::fleet::{Asking, Check, CheckKind, Expect, Request};
use meridian::health::{Errand, Outcome, Report, Target};
use meridian::probe::{Heard, Options, Prober};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What does not come in this time never comes.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Timeouts of checks that shall not run into them.
pub(crate) const LONG: Duration = Duration::from_secs(15);

/// Timeouts of checks that shall.
pub(crate) const SHORT: Duration = Duration::from_millis(400);

pub(crate) trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// A server whose every request is answered by a function, which says whether the connection stays open.
pub(crate) struct Panel {
    pub(crate) at: SocketAddr,
    /// The head of each request.
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Panel {
    pub(crate) fn new(answer: impl Fn(&mut dyn Wire, &str) -> bool + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", answer)
    }

    pub(crate) fn at(at: &str, answer: impl Fn(&mut dyn Wire, &str) -> bool + Send + Sync + 'static) -> Self {
        Self::wrapped(at, |stream| Some(Box::new(stream)), answer)
    }

    /// With something between the socket and HTTP.
    pub(crate) fn wrapped(
        at: &str,
        wrap: impl Fn(TcpStream) -> Option<Box<dyn Wire>> + Send + Sync + 'static,
        answer: impl Fn(&mut dyn Wire, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(at).unwrap();
        let at = listener.local_addr().unwrap();
        let (seen, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let panel = Self { at, seen: Arc::clone(&seen), connections: Arc::clone(&connections) };
        let shared = Arc::new((wrap, answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                *connections.lock().unwrap() += 1;
                let (seen, shared) = (Arc::clone(&seen), Arc::clone(&shared));
                thread::spawn(move || {
                    let Some(mut wire) = (shared.0)(stream) else { return };
                    while let Some(head) = head(&mut *wire) {
                        seen.lock().unwrap().push(head.clone());
                        if !(shared.1)(&mut *wire, &head) {
                            return;
                        }
                    }
                });
            }
        });
        panel
    }

    /// The same answer to everybody.
    pub(crate) fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::new(move |wire, _| {
            let _ = wire.write_all(&bytes);
            false
        })
    }

    /// Answers by path, with status and body; others do not exist.
    pub(crate) fn files(files: &[(&str, u16, &[u8])]) -> Self {
        let files: Vec<_> = files.iter().map(|(path, status, body)| ((*path).to_owned(), *status, body.to_vec())).collect();
        Self::new(move |wire, head| {
            let path = target(head);
            let found = files.iter().find(|file| file.0 == path);
            let (status, body) = found.map_or((404, &b"none"[..]), |(_, status, body)| (*status, body.as_slice()));
            wire.write_all(&response(status, body)).is_ok()
        })
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{{address}}:{}{path}", self.at.port())
    }
}

/// To the empty line; none when the peer is gone.
pub(crate) fn head(wire: &mut dyn Wire) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if wire.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// Until the peer is gone.
pub(crate) fn wait(wire: &mut dyn Wire) {
    let mut rest = [0; 1024];
    while wire.read(&mut rest).is_ok_and(|count| count > 0) {}
}

pub(crate) fn target(head: &str) -> String {
    head.split(' ').nth(1).unwrap_or_default().to_owned()
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

pub(crate) fn response(status: u16, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

pub(crate) fn asking(timeout: Duration) -> Asking {
    Asking { timeout, confirm: Duration::from_millis(500), watch: true }
}

pub(crate) fn request(url: String) -> Request {
    Request { url, host: None, headers: Vec::new(), latency: None, verify: true, certificate_days: 14 }
}

pub(crate) fn expect() -> Expect {
    Expect { method: "GET".into(), status: vec![200], body: None, json: Vec::new() }
}

pub(crate) fn http(request: Request, expect: Expect) -> CheckKind {
    CheckKind::Http { asking: asking(LONG), request, expect }
}

pub(crate) fn check(kind: CheckKind) -> Arc<Check> {
    Arc::new(Check {
        name: "check".into(),
        interval: Duration::from_secs(10),
        degraded_after: 2,
        down_after: 3,
        up_after: 2,
        hold_down: true,
        kind,
    })
}

pub(crate) fn errand(number: u64, address: IpAddr, kind: CheckKind) -> Errand {
    Errand { target: Target(number), panel: "fra1".into(), address, check: check(kind) }
}

pub(crate) struct Listener {
    pub(crate) prober: Prober,
    heard: UnboundedReceiver<Heard>,
}

impl Listener {
    pub(crate) fn new(options: Options) -> Self {
        let (sender, heard) = unbounded_channel();
        Self { prober: Prober::start(options, sender).unwrap(), heard }
    }

    pub(crate) fn next(&mut self) -> Heard {
        next(&mut self.heard).expect("the prober has more to say")
    }

    pub(crate) fn report(&mut self) -> (Target, Report) {
        match self.next() {
            Heard::Report { target, report } => (target, report),
            other => panic!("{other:?} instead of a report"),
        }
    }

    /// What is left to hear when the prober is gone.
    pub(crate) fn end(self) -> UnboundedReceiver<Heard> {
        self.heard
    }
}

pub(crate) fn next(heard: &mut UnboundedReceiver<Heard>) -> Option<Heard> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(SOON, heard.recv()).await.expect("nothing is heard") })
}

pub(crate) fn probe(address: &str, kind: CheckKind) -> Report {
    let mut listener = Listener::new(Options { concurrency: 10, vigils: 10 });
    listener.prober.ask(errand(7, address.parse().unwrap(), kind));
    let (target, report) = listener.report();
    assert_eq!(target, Target(7));
    report
}

pub(crate) fn outcome(kind: CheckKind) -> Outcome {
    probe("127.0.0.1", kind).outcome
}

pub(crate) fn bad(sentence: &str) -> Outcome {
    Outcome::Bad(sentence.into())
}

pub(crate) fn weak(sentence: &str) -> Outcome {
    Outcome::Weak(sentence.into())
}
