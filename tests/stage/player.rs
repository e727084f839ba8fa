//! A panel, and what is used to look at it: curl, and a plain socket.

use meridian::stage::{Options, Panel};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// When a test gives up on what should have come.
const SOON: Duration = Duration::from_secs(30);
/// So long nothing comes from who does not answer.
const SILENCE: Duration = Duration::from_millis(250);

pub(super) struct Stage {
    pub(super) panel: Panel,
    pub(super) at: SocketAddr,
    _runtime: Runtime,
}

impl Stage {
    /// Segments are so short that none is waited for.
    pub(super) fn new() -> Self {
        Self::with(&["127.0.0.1:0"], Duration::from_millis(100), None)
    }

    pub(super) fn with(listen: &[&str], segment: Duration, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listen = listen.iter().map(|text| text.parse().unwrap()).collect();
        let panel = Panel::start(Options { name: "fra1".into(), listen, segment, tls, capacity: 500 }, runtime.handle()).unwrap();
        Self { at: panel.addresses()[0], panel, _runtime: runtime }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        curl(&[&self.url(path)])
    }

    pub(super) fn open(&self) -> Line {
        Line::open(self.at)
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    /// Of curl.
    pub(super) exit: i32,
    pub(super) status: u16,
    pub(super) content: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What a playlist names.
    pub(super) fn names(&self) -> Vec<String> {
        self.text().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }
}

pub(super) fn curl(arguments: &[&str]) -> Answer {
    let mut command = Command::new("curl");
    command.env_clear().args(["-q", "-s", "--noproxy", "*", "--max-time", "20", "-w", "\n%{http_code} %{content_type}"]).args(arguments);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let end = output.stdout.iter().rposition(|byte| *byte == b'\n').unwrap();
    let last = String::from_utf8_lossy(&output.stdout[end + 1..]).into_owned();
    let (status, content) = last.split_once(' ').unwrap();
    let body = output.stdout[..end].to_vec();
    Answer { exit: output.status.code().unwrap(), status: status.parse().unwrap(), content: content.into(), body }
}

/// A connection, byte by byte.
pub(super) struct Line(TcpStream);

impl Line {
    pub(super) fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Self(stream)
    }

    pub(super) fn ask(&mut self, path: &str) {
        self.say(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    }

    pub(super) fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// One answer that has a length.
    pub(super) fn hear(&mut self) -> (String, Vec<u8>) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.bytes(1));
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
        (head, self.bytes(length))
    }

    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Whatever comes up to the end, and whether the end was a reset.
    pub(super) fn rest(&mut self) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => (bytes, false),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => (bytes, true),
            Err(error) => panic!("{error}"),
        }
    }

    /// Nothing comes, not even an end.
    pub(super) fn is_silent(&mut self) -> bool {
        self.0.set_read_timeout(Some(SILENCE)).unwrap();
        let heard = self.0.read(&mut [0; 1]);
        self.0.set_read_timeout(Some(SOON)).unwrap();
        heard.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }
}

pub(super) fn is_refused(to: SocketAddr) -> bool {
    TcpStream::connect(to).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}
