//! Requests to a node, and what came of them.

use super::path::escaped;
use super::reach::Address;
use super::tls::{self, Belief, Tls};
use super::trouble::{Result, Trouble};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;
use ureq::http::{Method, Request, Response, Uri, header};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, TcpConnector};
use ureq::{Agent, SendBody};

/// A node that is there answers a connection at once; longer is a firewall.
const CONNECT: Duration = Duration::from_secs(5);
/// One object, from a node under load.
const USUAL: Duration = Duration::from_secs(60);
/// A whole fleet, or a backup of a gigabyte on a slow line.
pub(in crate::cli) const LONG: Duration = Duration::from_secs(3600);
/// Answers are kept in memory while they are read; a fleet of 64 MiB fits several times.
const MAX_ANSWER: u64 = 512 << 20;
/// A problem document is a page.
const MAX_PROBLEM: u64 = 16 << 20;
/// Longer bodies are sent once the node has said that it wants them.
const ASKED_FIRST: u64 = 64 << 10;

#[derive(Debug)]
pub(in crate::cli) struct Client {
    agent: Agent,
    address: Address,
    token: Option<String>,
    /// The operator's own.
    patience: Option<Duration>,
    /// Why there is no token, for when one is needed.
    tokenless: String,
    pub(in crate::cli) json: bool,
}

/// One request. Made by `Ask::new`, then what differs from a plain GET is set.
#[derive(Debug)]
pub(in crate::cli) struct Ask<'a> {
    pub(in crate::cli) method: Method,
    pub(in crate::cli) path: &'a str,
    pub(in crate::cli) query: Vec<(&'static str, String)>,
    pub(in crate::cli) if_match: Option<&'a str>,
    pub(in crate::cli) if_none_match: Option<&'a str>,
    pub(in crate::cli) body: Body,
    pub(in crate::cli) patience: Duration,
}

#[derive(Debug)]
pub(in crate::cli) enum Body {
    None,
    Json(Value),
    Text(&'static str, Vec<u8>),
    File(&'static str, File),
}

/// An answer that is none of a refusal.
#[derive(Debug)]
pub(in crate::cli) struct Heard {
    pub(in crate::cli) status: u16,
    pub(in crate::cli) etag: Option<String>,
    /// Of the store, where a change says it.
    pub(in crate::cli) revision: Option<u64>,
    pub(in crate::cli) body: Vec<u8>,
    url: String,
}

impl<'a> Ask<'a> {
    pub(in crate::cli) fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, query: Vec::new(), if_match: None, if_none_match: None, body: Body::None, patience: USUAL }
    }

    pub(in crate::cli) fn json(self, body: Value) -> Self {
        Self { body: Body::Json(body), ..self }
    }

    pub(in crate::cli) fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    pub(in crate::cli) fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

/// A body's type, its length, and where it is read from.
type Sent = (&'static str, u64, Box<dyn Read>);

impl Body {
    fn sent(self) -> Result<Option<Sent>> {
        let of = |content, bytes: Vec<u8>| (content, bytes.len() as u64, Box::new(io::Cursor::new(bytes)) as Box<dyn Read>);
        Ok(match self {
            Self::None => None,
            Self::Json(json) => Some(of("application/json", json.to_string().into_bytes())),
            Self::Text(content, bytes) => Some(of(content, bytes)),
            Self::File(content, file) => {
                let len = file.metadata().map_err(|error| Trouble::failed(format!("the file cannot be read: {error}")))?.len();
                Some((content, len, Box::new(file.take(len))))
            }
        })
    }
}

impl Heard {
    pub(in crate::cli) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).map_err(|_| {
            let url = &self.url;
            Trouble::failed(format!("{url} answered with something that is not JSON; is it the admin address of a meridian node?"))
        })
    }
}

/// A client that goes where it is sent and nowhere else. Without a belief it speaks no TLS. The error is a sentence.
pub(super) fn http(belief: Option<&Belief>) -> std::result::Result<Agent, String> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // A token goes where the operator sent it and nowhere else.
        .max_redirects(0)
        .max_redirects_will_error(false)
        // A proxy from the environment would see the token.
        .proxy(None)
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .user_agent(concat!("meridian/", env!("CARGO_PKG_VERSION")))
        .build();
    let tls = belief.map(tls::config).transpose()?;
    Ok(Agent::with_parts(config, ().chain(TcpConnector::default()).chain(Tls(tls)), DefaultResolver::default()))
}

impl Client {
    /// `tokenless` says why there is no token where there is none.
    pub(super) fn new(
        address: Address,
        token: std::result::Result<String, String>,
        patience: Option<Duration>,
        json: bool,
    ) -> Result<Self> {
        let agent = http(address.is_https.then_some(&address.belief)).map_err(Trouble::wrong)?;
        let (token, tokenless) = match token {
            Ok(token) => (Some(token), String::new()),
            Err(why) => (None, why),
        };
        Ok(Self { agent, address, token, patience, tokenless, json })
    }

    /// Of a node in this process.
    pub(in crate::cli) fn beside(listen: SocketAddr, token: &str) -> Result<Self> {
        let base = format!("http://{listen}");
        let address = Address { base, is_https: false, is_loopback: true, is_own: true, belief: Belief::System };
        Self::new(address, Ok(token.to_owned()), None, false)
    }

    pub(in crate::cli) fn get(&self, path: &str) -> Result<Heard> {
        self.send(Ask::new(Method::GET, path))
    }

    /// The answer as a whole.
    pub(in crate::cli) fn send(&self, ask: Ask<'_>) -> Result<Heard> {
        let url = self.url(&ask);
        let mut response = self.open(ask)?;
        let said = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = said("etag").map(str::to_owned);
        let revision = said("meridian-revision").and_then(|revision| revision.parse().ok());
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(|error| self.broken(error, true))?;
        Ok(Heard { status: response.status().as_u16(), etag, revision, body, url })
    }

    /// The answer to be read as it comes.
    pub(in crate::cli) fn stream(&self, ask: Ask<'_>) -> Result<impl Read> {
        Ok(self.open(ask)?.into_body().into_with_config().limit(u64::MAX).reader())
    }

    /// All pages of a list.
    pub(in crate::cli) fn all(&self, path: &str, query: &[(&'static str, String)]) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut ask = Ask::new(Method::GET, path).with("limit", "1000");
            ask.query.extend(query.iter().cloned());
            ask.query.extend(after.clone().map(|after| ("after", after)));
            let page = self.send(ask)?.json()?;
            let Value::Array(mut more) = page["items"].clone() else {
                return Err(Trouble::failed(format!("{path} answered without `items`; is it a meridian node of the same version?")));
            };
            let came = more.len();
            items.append(&mut more);
            let next = page["next"].as_str().map(str::to_owned);
            // A page that leads nowhere new would lead there for ever.
            if next.is_none() || next == after || came == 0 {
                return Ok(items);
            }
            after = next;
        }
    }

    /// A response that is no refusal.
    fn open(&self, ask: Ask<'_>) -> Result<Response<ureq::Body>> {
        let url = self.url(&ask);
        let is_change = ask.method != Method::GET;
        let uri: Uri = url.parse().map_err(|_| Trouble::wrong(format!("{url} is not a URL")))?;
        let mut request =
            Request::builder().method(ask.method).uri(uri).header(header::ACCEPT, "application/json, application/problem+json, */*");
        let conditions = [(header::IF_MATCH, ask.if_match), (header::IF_NONE_MATCH, ask.if_none_match)];
        for (name, value) in conditions.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            request = request.header(name, value);
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match ask.body.sent()? {
            None => SendBody::none(),
            Some((content, len, reader)) => {
                request = request.header(header::CONTENT_TYPE, content).header(header::CONTENT_LENGTH, len);
                if len > ASKED_FIRST {
                    request = request.header(header::EXPECT, "100-continue");
                }
                SendBody::from_owned_reader(reader)
            }
        };
        let request = request.body(body).map_err(|error| Trouble::wrong(format!("{url}: {error}")))?;
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(self.patience.unwrap_or(ask.patience)))
            .allow_non_standard_methods(true)
            .build();
        let response = self.agent.run(request).map_err(|error| self.broken(error, is_change))?;
        match response.status().as_u16() {
            200..=299 | 304 => Ok(response),
            300..=399 => Err(self.elsewhere(&response)),
            _ => Err(self.refusal(response)),
        }
    }

    fn url(&self, ask: &Ask<'_>) -> String {
        let mut url = format!("{}{}", self.address.base, ask.path);
        for (number, (key, value)) in ask.query.iter().enumerate() {
            url.push(if number == 0 { '?' } else { '&' });
            url += &format!("{key}={}", escaped(value));
        }
        url
    }

    fn elsewhere(&self, response: &Response<ureq::Body>) -> Trouble {
        let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("another place");
        let base = &self.address.base;
        Trouble::failed(format!("{base} leads on to {to}, which is not followed, because the token would go along; give the right --url"))
    }

    fn refusal(&self, mut response: Response<ureq::Body>) -> Trouble {
        let status = response.status();
        let after =
            response.headers().get(header::RETRY_AFTER).and_then(|after| after.to_str().ok()).and_then(|after| after.parse::<u64>().ok());
        let body = response.body_mut().with_config().limit(MAX_PROBLEM).read_to_vec().unwrap_or_default();
        let is_problem = |json: &Value| ["type", "title", "detail"].iter().any(|key| json[key].is_string());
        let document = serde_json::from_slice(&body).ok().filter(is_problem).unwrap_or_else(|| {
            let said = format!("{} answered {status} and does not say why; is it the admin address of a meridian node?", self.address.base);
            json!({"type": "about:blank", "title": status.canonical_reason().unwrap_or("Refused"), "status": status.as_u16(), "detail": said})
        });
        let advice = match (status.as_u16(), after) {
            (401, _) if self.token.is_none() => Some(format!("no token was sent: {}", self.tokenless)),
            (401, _) => Some("the token that was sent is not known there, or has expired".into()),
            (_, Some(seconds)) => Some(format!("try again in {seconds} s")),
            _ => None,
        };
        Trouble::refused(status.as_u16(), document, advice)
    }

    /// No answer, or half of one.
    fn broken(&self, error: ureq::Error, is_change: bool) -> Trouble {
        let base = &self.address.base;
        let check = "is the node running, and is this its [admin].listen? (--url, MERIDIAN_URL)";
        let unknown = if is_change { "; look whether it was done before you repeat it" } else { "" };
        Trouble::unreachable(match error {
            ureq::Error::HostNotFound => format!("{base}: there is no such host; {check}"),
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                format!("{base} does not answer within {} s; {check}", CONNECT.as_secs())
            }
            ureq::Error::Timeout(_) => format!("{base} has not answered in time{unknown}"),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                format!("nothing listens at {base} (connection refused); {check}")
            }
            ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(error) => self.distrusted(error),
                None => format!("{base}: {error}{unknown}"),
            },
            ureq::Error::Other(error) => match error.downcast_ref::<rustls::Error>() {
                Some(error) => self.distrusted(error),
                None => format!("{base}: {error}{unknown}"),
            },
            ureq::Error::BodyExceedsLimit(limit) => format!("{base} answers with more than {} MiB", limit >> 20),
            error @ ureq::Error::Protocol(_) => format!("what answers at {base} does not speak HTTP as it should ({error}){unknown}"),
            error => format!("{base}: {error}{unknown}"),
        })
    }

    fn distrusted(&self, error: &rustls::Error) -> String {
        let base = &self.address.base;
        match error {
            rustls::Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure) => {
                format!(
                    "{base} does not show the certificate that its config names; has the file changed since? name the node by --url and --ca"
                )
            }
            rustls::Error::InvalidCertificate(_) => {
                format!(
                    "{base}: {error}; --ca FILE names the authority of its certificate, and --url must name the host as the certificate does"
                )
            }
            rustls::Error::InvalidMessage(_) => format!("{base} does not speak TLS ({error}); is it http:// instead?"),
            _ => format!("{base}: no TLS: {error}"),
        }
    }
}
