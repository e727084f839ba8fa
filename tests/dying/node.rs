//! The node that is asked, and its directory.

use crate::ear::Ear;
use crate::eye::Eye;
use crate::running::{Running, SOON};
use meridian::clock;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// In a namespace of its own every port is free.
const DNS: &str = "127.0.0.1:5300";
const ADMIN: &str = "127.0.0.1:8080";
const ZONE: &str = "$TTL 60\n@ SOA ns1 host 1 1h 15m 2w 30\n@ NS ns1\nns1 A 192.0.2.1\n";
/// Between two looks at what has no event.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) struct Place {
    path: PathBuf,
}

impl Place {
    /// `fleet` without its zone.
    pub(crate) fn new(name: &str, fleet: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("dying-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let place = Self { path };
        let text = format!(
            "[node]\nname = \"n1\"\ndata = \"data\"\n[dns]\nworkers = 1\nlisten = [\"{DNS}\"]\n[admin]\nlisten = \"{ADMIN}\"\n[store]\nkind = \"files\"\n[geoip]\ndatabases = []\n"
        );
        place.write("meridian.toml", &text);
        place.write("z.zone", ZONE);
        place.fleet(fleet);
        place
    }

    pub(crate) fn fleet(&self, fleet: &str) {
        self.write("fleet.toml", &format!("[[zone]]\nname = \"z.example\"\nfile = \"z.zone\"\n{fleet}"));
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path.join(name), text).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
        command.args(arguments).args(["--config", "meridian.toml"]).current_dir(&self.path);
        command.env_remove("NOTIFY_SOCKET").env_remove("MERIDIAN_LOG").env_remove("RUST_LOG").env_remove("MERIDIAN_ADMIN_TOKEN");
        command.env("SSL_CERT_FILE", self.path.join("authority.pem"));
        command
    }

    pub(crate) fn start(&self) -> Node {
        let mut running = Running::spawn(self.command(&["serve"]));
        running.hears("answering on");
        let token = fs::read_to_string(self.path.join("data/admin.token")).unwrap().trim().to_owned();
        let ear = Ear::open(ADMIN.parse().unwrap(), &token);
        Node { running, doors: Doors { token, ear } }
    }

    /// A command that succeeds.
    pub(crate) fn run(&self, arguments: &[&str]) {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

pub(crate) struct Node {
    pub(crate) running: Running,
    pub(crate) doors: Doors,
}

/// What a running node is asked by.
pub(crate) struct Doors {
    token: String,
    pub(crate) ear: Ear,
}

impl Doors {
    pub(crate) fn eye(&self, name: &str, rtype: u16) -> Eye {
        Eye::open(DNS.parse().unwrap(), name, rtype)
    }

    /// One panel as the API shows it.
    pub(crate) fn health(&self, panel: &str) -> Value {
        let answer = http(&self.token, "GET", &format!("/v1/panels/{panel}/health"), "");
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_else(|why| panic!("{why}: {answer}"))
    }

    /// These panels report by themselves, until what is given back is dropped.
    pub(crate) fn beats(&self, panels: Vec<String>, every: Duration) -> Sender<()> {
        let (end, ended) = channel::<()>();
        let token = self.token.clone();
        std::thread::spawn(move || {
            loop {
                for panel in &panels {
                    let answer = http(&token, "POST", &format!("/v1/panels/{panel}/heartbeat"), "{\"cpu\": 0.1}");
                    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
                }
                if ended.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        end
    }
}

/// Looks again and again until it is as wanted.
pub(crate) fn until<T: std::fmt::Debug>(what: &str, mut look: impl FnMut() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let (_kept, never) = channel::<()>();
    let begun_ms = clock::now().mono_ms;
    loop {
        let found = look();
        if wanted(&found) {
            return found;
        }
        let gone_ms = u128::from(clock::now().mono_ms - begun_ms);
        assert!(gone_ms < SOON.as_millis(), "{what} does not come; at last it was {found:?}");
        let _ = never.recv_timeout(LOOK);
    }
}

fn http(token: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(ADMIN).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let head = format!("host: n1\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    write!(stream, "{method} {path} HTTP/1.1\r\n{head}\r\nconnection: close\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// For `SocketAddr`s in text.
pub(crate) fn at(ip: &str, port: u16) -> String {
    SocketAddr::new(ip.parse().unwrap(), port).to_string()
}
