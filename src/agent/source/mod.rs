//! Where connections and credits are counted.

mod command;
mod haproxy;
mod nginx;
mod ports;

use super::leash::Leash;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// A page of numbers; HAProxy's has one line for each server.
const MAX_PAGE: u64 = 8 << 20;
/// More ports than any panel serves on.
const MAX_PORTS: usize = 64;

/// One place that gives a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The page of `stub_status`.
    Nginx(String),
    /// The statistics page as CSV.
    HaproxyPage(String),
    /// The stats socket.
    HaproxySocket(PathBuf),
    /// For `sh -c`; the last line it prints.
    Command(String),
    /// Established connections to these ports of this machine.
    Ports(Vec<u16>),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nginx(url) => write!(f, "nginx={url}"),
            Self::HaproxyPage(url) => write!(f, "haproxy={url}"),
            Self::HaproxySocket(path) => write!(f, "haproxy={}", path.display()),
            Self::Command(line) => write!(f, "command={line}"),
            Self::Ports(ports) => write!(f, "ports={}", ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",")),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let odd = || "write nginx=URL, haproxy=SOCKET, haproxy=URL, command=LINE or ports=80,443".to_owned();
        let (kind, what) = text.split_once('=').ok_or_else(odd)?;
        if what.trim().is_empty() {
            return Err(format!("nothing follows {kind}="));
        }
        let is_url = |what: &str| what.starts_with("http://") || what.starts_with("https://");
        match kind {
            "nginx" if is_url(what) => Ok(Self::Nginx(url(what)?)),
            "nginx" => Err("write nginx=http://127.0.0.1/stub_status, with the address at which stub_status answers".into()),
            "haproxy" if is_url(what) => Ok(Self::HaproxyPage(url(what)?)),
            "haproxy" if what.starts_with('/') => Ok(Self::HaproxySocket(what.into())),
            "haproxy" => Err("write haproxy=/run/haproxy/admin.sock, or haproxy=http://127.0.0.1:8404/;csv".into()),
            "command" if what.contains('\0') => Err("no command holds a zero byte".into()),
            "command" => Ok(Self::Command(what.into())),
            "ports" => ports_of(what).map(Self::Ports),
            _ => Err(odd()),
        }
    }
}

fn url(text: &str) -> Result<String, String> {
    let uri: ureq::http::Uri = text.parse().map_err(|_| format!("`{text}` is not a URL"))?;
    match uri.authority() {
        // It would be in the list of processes and in the log.
        Some(authority) if authority.as_str().contains('@') => Err("no password may stand in the URL; use the socket, or a command".into()),
        Some(authority) if !authority.host().is_empty() => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is not a URL")),
    }
}

fn ports_of(text: &str) -> Result<Vec<u16>, String> {
    let port = |word: &str| word.trim().parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| format!("`{word}` is not a port"));
    let mut ports = text.split(',').map(port).collect::<Result<Vec<_>, _>>()?;
    ports.sort_unstable();
    ports.dedup();
    if ports.len() > MAX_PORTS { Err(format!("more than {MAX_PORTS} ports")) } else { Ok(ports) }
}

/// Asks sources, each within its time.
pub(super) struct Asker {
    pub(super) http: ureq::Agent,
    /// Where `proc` is.
    pub(super) root: PathBuf,
    pub(super) patience: Duration,
    pub(super) leash: Arc<Leash>,
}

impl Asker {
    /// The error is a sentence, the same one for the same trouble.
    pub(super) fn ask(&self, source: &Source) -> Result<f64, String> {
        match source {
            Source::Nginx(url) => nginx::connections(&self.page(url)?).ok_or_else(|| "it is not the page of stub_status".into()),
            Source::HaproxyPage(url) => {
                let sessions = haproxy::sessions(&self.page(url)?)?;
                // The one that asks.
                Ok(sessions.saturating_sub(1) as f64)
            }
            Source::HaproxySocket(path) => Ok(haproxy::sessions(&haproxy::ask(path, self.patience, MAX_PAGE)?)? as f64),
            Source::Command(line) => command::number(line, self.patience, &self.leash),
            Source::Ports(ports) => ports::count(&self.root, ports).map(|count| count as f64),
        }
    }

    fn page(&self, url: &str) -> Result<String, String> {
        let request = ureq::http::Request::get(url).header("connection", "close").body(()).map_err(|error| error.to_string())?;
        let request = self.http.configure_request(request).timeout_global(Some(self.patience)).build();
        let mut response = self.http.run(request).map_err(|error| self.broken(&error))?;
        if response.status().as_u16() != 200 {
            return Err(format!("it answers {}", response.status()));
        }
        let bytes = response.body_mut().with_config().limit(MAX_PAGE).read_to_vec().map_err(|error| self.broken(&error))?;
        String::from_utf8(bytes).map_err(|_| "it answers with something that is no text".into())
    }

    fn broken(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => format!("no answer within {} ms", self.patience.as_millis()),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                "nothing listens there (connection refused)".into()
            }
            error => error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_written_as_it_is_shown() {
        for text in [
            "nginx=http://127.0.0.1/stub_status",
            "nginx=https://[::1]:8443/status?x=y",
            "haproxy=/run/haproxy/admin.sock",
            "haproxy=http://127.0.0.1:8404/;csv",
            "command=ss -Hnt state established | wc -l",
            "command=a=b",
            "ports=80,443,8090",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        assert_eq!("ports= 443,80,443".parse(), Ok(Source::Ports(vec![80, 443])));
    }

    #[test]
    fn what_is_no_source_is_told() {
        for (text, expected) in [
            ("", "write nginx="),
            ("nginx", "write nginx="),
            ("apache=http://x", "write nginx="),
            ("nginx=", "nothing follows nginx="),
            ("command=  ", "nothing follows command="),
            ("nginx=/stub_status", "with the address"),
            ("nginx=http://", "not a URL"),
            ("nginx=http://me:secret@x/", "no password"),
            ("haproxy=admin.sock", "write haproxy="),
            ("ports=80,0", "`0` is not a port"),
            ("ports=80,,81", "`` is not a port"),
            ("ports=65536", "`65536` is not a port"),
        ] {
            let error = text.parse::<Source>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let many = (1..=MAX_PORTS + 1).map(|port| port.to_string()).collect::<Vec<_>>().join(",");
        assert!(format!("ports={many}").parse::<Source>().is_err());
    }
}
