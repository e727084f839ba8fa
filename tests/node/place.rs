//! A node of its own for one test: a directory with its files, and the process that serves them.

#[path = "../running/mod.rs"]
pub(crate) mod running;

use crate::peers::{Scratch, ask, wire};
use running::{Running, SOON, two};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU8, Ordering};

/// How often what should come is asked for, 100 ms apart.
const TRIES: u32 = 400;

pub(crate) const HEAD: &str = "$TTL 60\n@ SOA ns1 host 1 1h 15m 2w 30\n@ NS ns1\nns1 A 192.0.2.1\n";

/// A directory with meridian.toml, fleet.toml and z.zone, on an address that no other test has.
pub(crate) struct Place {
    scratch: Scratch,
    pub(crate) dns: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Place {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let ip = Ipv4Addr::new(127, 88, std::process::id() as u8, COUNT.fetch_add(1, Ordering::Relaxed));
        let [dns, admin] = two(ip);
        let place = Self { scratch: Scratch::new(), dns, admin };
        place.configure(&[place.dns], "");
        place.write("fleet.toml", &zones(&["z.example"]));
        place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.7\n"));
        place
    }

    /// meridian.toml; `more` goes into [dns].
    pub(crate) fn configure(&self, listen: &[SocketAddr], more: &str) {
        let listen: Vec<String> = listen.iter().map(|address| format!("\"{address}\"")).collect();
        let text = format!(
            "[node]\nname = \"n1\"\ndata = \"data\"\n[dns]\nworkers = 1\nlisten = [{}]\n{more}\n[admin]\nlisten = \"{}\"\n[store]\nkind = \"files\"\n[geoip]\ndatabases = []\n",
            listen.join(", "),
            self.admin
        );
        self.write("meridian.toml", &text);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts a node that should refuse, and gives its exit status and what it said.
    pub(crate) fn refused(&self) -> (i32, String) {
        self.spawn(self.command(&["serve"])).ended()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
        command.args(arguments).args(["--config", "meridian.toml"]).current_dir(self.scratch.path());
        command.env_remove("NOTIFY_SOCKET").env_remove("MERIDIAN_LOG").env_remove("RUST_LOG").env("RUST_BACKTRACE", "1");
        command
    }

    pub(crate) fn start(&self) -> Node<'_> {
        let mut node = self.spawn(self.command(&["serve"]));
        node.hears("answering on");
        node
    }

    pub(crate) fn spawn(&self, command: Command) -> Node<'_> {
        Node { place: self, running: Running::spawn(command) }
    }
}

/// A running process. Dropping it kills that process.
pub(crate) struct Node<'p> {
    pub(crate) place: &'p Place,
    running: Running,
}

impl std::ops::Deref for Node<'_> {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl std::ops::DerefMut for Node<'_> {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}

impl Node<'_> {
    /// Waits for the end, and gives the exit status and the whole log.
    pub(crate) fn ended(self) -> (i32, String) {
        self.running.ended()
    }

    /// The answer in words, asked over UDP.
    pub(crate) fn says(&self, name: &str, rtype: u16) -> String {
        said(self.place.dns, name, rtype)
    }

    /// Asks until the answer has `text` in it.
    pub(crate) fn comes_to_say(&self, name: &str, rtype: u16, text: &str) {
        until(text, || self.says(name, rtype));
    }

    /// Asks /readyz until it has `text` in it.
    pub(crate) fn comes_to_show(&self, text: &str) -> String {
        until(text, || self.readyz())
    }

    /// Asks /readyz until no error is left.
    pub(crate) fn heals(&self) {
        until("no errors", || {
            let shown = self.readyz();
            let body = shown.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
            let errors = body["problems"].as_array().map(|all| all.iter().filter(|one| !one.to_string().contains(" warning: ")).count());
            if errors == Some(0) { "no errors".into() } else { shown }
        });
    }

    pub(crate) fn readyz(&self) -> String {
        http(self.place.admin, "/readyz")
    }

    /// `meridian reload`, which is to succeed.
    pub(crate) fn reload(&self, arguments: &[&str]) {
        let output = self.place.run(&[&["reload"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

pub(crate) fn until(text: &str, mut ask: impl FnMut() -> String) -> String {
    let mut last = String::new();
    for _ in 0..TRIES {
        last = ask();
        if last.contains(text) {
            return last;
        }
        ask::pause();
    }
    panic!("`{text}` does not come; at last it was: {last}");
}

pub(crate) fn asked(server: SocketAddr, question: &wire::Question) -> wire::Answer {
    let answer = ask::all(server, std::slice::from_ref(question)).remove(0);
    wire::decode(&answer.unwrap_or_else(|| panic!("{server} is silent"))).unwrap()
}

/// The answer in words.
pub(crate) fn said(server: SocketAddr, name: &str, rtype: u16) -> String {
    asked(server, &wire::Question { edns: Some(wire::Edns::of(1232)), ..wire::Question::of(wire::name(name), rtype) }).to_string()
}

pub(crate) fn http(server: SocketAddr, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(server) else { return "refused".into() };
    stream.set_read_timeout(Some(SOON)).unwrap();
    let _ = write!(stream, "GET {path} HTTP/1.1\r\nhost: n1\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// `[[zone]]`s that are read from NAME.zone.
pub(crate) fn zones(names: &[&str]) -> String {
    names.iter().map(|name| format!("[[zone]]\nname = \"{name}\"\nfile = \"{name}.zone\"\n")).collect()
}

/// A service manager's ear.
pub(crate) fn ear(place: &Place) -> UnixDatagram {
    let ear = UnixDatagram::bind(place.path("notify")).unwrap();
    ear.set_read_timeout(Some(SOON)).unwrap();
    ear
}

/// Waits for a message with `text` in it.
pub(crate) fn is_told(ear: &UnixDatagram, text: &str) {
    let mut all = Vec::new();
    loop {
        let mut message = [0; 1024];
        let length = ear.recv(&mut message).unwrap_or_else(|why| panic!("`{text}` does not come ({why}) after {all:?}"));
        all.push(String::from_utf8_lossy(&message[..length]).into_owned());
        if all.last().unwrap().lines().any(|line| line == text) {
            return;
        }
    }
}
