//! A node that says what it was told to, and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is answered to one request. Requests after the last answer find nobody.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Whole,
    /// The connection ends in the middle of the body.
    Broken,
    /// Nothing is said, and the connection stays open.
    Silent,
    /// The body of the request is not read.
    Early,
}

#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// `GET /v1/panels?limit=1000`
    pub(super) line: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Heard {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(super) struct Node {
    pub(super) port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
    _silent: Arc<Mutex<Vec<TcpStream>>>,
}

pub(super) fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, headers: Vec::new(), body: body.into(), way: Way::Whole }
}

pub(super) fn json(status: u16, body: serde_json::Value) -> Answer {
    answer(status, body.to_string()).with("content-type", "application/json")
}

impl Answer {
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn broken(self) -> Self {
        Self { way: Way::Broken, ..self }
    }

    pub(super) fn early(self) -> Self {
        Self { way: Way::Early, ..self }
    }

    pub(super) fn silent() -> Self {
        Self { way: Way::Silent, ..answer(200, "") }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Said\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let len = self.body.len() + if self.way == Way::Broken { 100 } else { 0 };
        if !matches!(self.status, 204 | 304) {
            head += &format!("content-length: {len}\r\n");
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend(&self.body);
        bytes
    }
}

impl Node {
    pub(super) fn new(answers: Vec<Answer>) -> Self {
        Self::start(answers, None)
    }

    pub(super) fn with_tls(answers: Vec<Answer>, config: rustls::ServerConfig) -> Self {
        Self::start(answers, Some(Arc::new(config)))
    }

    fn start(answers: Vec<Answer>, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, silent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (ears, held) = (Arc::clone(&heard), Arc::clone(&silent));
        thread::spawn(move || {
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else { return };
                if let Some(config) = &tls {
                    // A client that does not like the certificate goes.
                    let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::clone(config)).unwrap(), stream);
                    let _ = serve(&mut stream, &answer, &ears);
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                    continue;
                }
                if serve(&mut stream, &answer, &ears).is_ok() && answer.way == Way::Silent {
                    held.lock().unwrap().push(stream);
                }
            }
        });
        Self { port, heard, _silent: silent }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.heard().into_iter().map(|heard| heard.line).collect()
    }
}

fn serve(stream: &mut (impl Read + Write), answer: &Answer, ears: &Mutex<Vec<Heard>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(&mut *stream);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let len: usize = headers.get("content-length").map_or(0, |len| len.parse().unwrap());
    let mut body = vec![0; if answer.way == Way::Early { 0 } else { len }];
    if headers.contains_key("expect") && answer.way != Way::Early {
        reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    reader.read_exact(&mut body)?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    ears.lock().unwrap().push(Heard { line, headers, body });
    if answer.way != Way::Silent {
        stream.write_all(&answer.bytes())?;
    }
    stream.flush()
}
