//! A client of the API over one connection that stays open, and nothing besides.

use crate::place::Place;
use serde_json::Value;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The token of every node here, from the environment, so that no change can drop it.
pub(crate) const TOKEN: &str = "a-token-of-sixteen-or-more";

/// Nothing takes a tenth of it unless it is broken.
const SOON: Duration = Duration::from_secs(40);

/// A place whose fleet is imported once: from then on the store is the truth.
pub(crate) fn stored() -> Place {
    let place = Place::new();
    let config = fs::read_to_string(place.path("meridian.toml")).unwrap();
    place.write("meridian.toml", &config.replace("kind = \"files\"", "kind = \"embedded\""));
    place
}

pub(crate) struct Api {
    stream: BufReader<TcpStream>,
    token: String,
}

#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    /// The header `Meridian-Revision`.
    pub(crate) revision: Option<u64>,
    pub(crate) body: Vec<u8>,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

impl Api {
    pub(crate) fn open(admin: SocketAddr) -> io::Result<Self> {
        Self::with(admin, TOKEN)
    }

    pub(crate) fn with(admin: SocketAddr, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(admin)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SOON))?;
        Ok(Self { stream: BufReader::new(stream), token: token.into() })
    }

    pub(crate) fn get(&mut self, path: &str) -> Said {
        self.ask("GET", path, None).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// An error: the node went away under it.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Said> {
        let body = body.map_or_else(String::new, Value::to_string);
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: n1\r\nauthorization: Bearer {}\r\n{kind}content-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Said> {
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| io::Error::other(line.clone()))?;
        let mut said = Said { status, etag: None, revision: None, body: Vec::new() };
        let mut length = 0;
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().map_err(io::Error::other)?,
                "etag" => said.etag = Some(value.into()),
                "meridian-revision" => said.revision = value.parse().ok(),
                "transfer-encoding" => panic!("{line}: not for this client"),
                _ => {}
            }
        }
        said.body = vec![0; length];
        self.stream.read_exact(&mut said.body)?;
        Ok(said)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ if !line.ends_with('\n') => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}
