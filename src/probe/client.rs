//! HTTP/1.1 with one address, whatever hosts are named: requests, redirects, bodies as far as they are wanted.

use super::dial;
use super::errand::{Progress, Step};
use super::meter::Metered;
use super::sentence::{cause, of_io};
use super::tls::{self, Trust};
use super::url::{Url, split_port};
use crate::clock;
use crate::fleet::Request;
use crate::health::{Errand, Outcome};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};

/// In a whole check. Players follow more, but a panel that needs more is misconfigured or sends in circles.
const REDIRECTS: usize = 5;

/// Servers send a few hundred bytes of headers; without an end to them a check would eat memory until its timeout.
const HEADERS: usize = 100;
const HEADER_BYTES: usize = 32 << 10;

const AGENT: &str = concat!("meridian/", env!("CARGO_PKG_VERSION"));

/// What one check says and has said to one address.
pub(super) struct Client<'a> {
    pub(super) progress: &'a Progress,
    /// What the check asks for.
    pub(super) url: Url,
    address: IpAddr,
    request: &'a Request,
    trust: &'a Trust,
    /// For the check's own authority only: they may be credentials.
    headers: Vec<(HeaderName, HeaderValue)>,
    line: Option<Line>,
    redirects: usize,
    /// Certificates that want to be looked at.
    pub(super) weak: Vec<String>,
}

/// What is wanted of a URL.
pub(super) struct Wish<'a> {
    pub(super) method: Method,
    /// Statuses that are taken as they are, even where they lead elsewhere.
    pub(super) taken: &'a [u16],
    pub(super) range: Option<String>,
    /// Nothing will be asked after it, so the panel may close: it waits for the last packet then, not we.
    pub(super) last: bool,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Where it came from in the end.
    pub(super) url: Url,
    body: Incoming,
}

/// An open connection, and what it was opened for.
struct Line {
    sender: http1::SendRequest<Empty<Bytes>>,
    drive: Option<Drive>,
    tls: bool,
    port: u16,
    name: String,
    /// The last answer has been read to its end.
    clear: bool,
}

type Drive = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

impl<'a> Client<'a> {
    pub(super) fn new(errand: &Errand, request: &'a Request, trust: &'a Trust, progress: &'a Progress) -> Result<Self, Outcome> {
        let fill = |text: &str| match text.contains('{') {
            true => text.replace("{address}", &bracketed(errand.address)).replace("{panel}", &errand.panel),
            false => text.to_owned(),
        };
        let unasked = |what: String| Outcome::Unasked(format!("the check cannot be asked: {what}"));
        let (url, userinfo) = Url::parse(fill(&request.url).as_bytes()).map_err(unasked)?;
        let mut headers = Vec::with_capacity(request.headers.len() + 1);
        if let Some(userinfo) = userinfo {
            let value = HeaderValue::try_from(format!("Basic {}", base64(&userinfo)));
            headers.push((header::AUTHORIZATION, value.map_err(|_| unasked("its user and password".into()))?));
        }
        for (name, value) in &request.headers {
            let header = HeaderName::try_from(name).map_err(|_| unasked("one of its headers has a name that is none".into()))?;
            // There is no body; a server that is told of one waits for it.
            if header == header::CONTENT_LENGTH || header == header::TRANSFER_ENCODING {
                return Err(unasked(format!("its header {name} announces a body")));
            }
            let value =
                HeaderValue::try_from(fill(value)).map_err(|_| unasked(format!("its header {name} has a line break or the like")))?;
            headers.push((header, value));
        }
        Ok(Self { progress, url, address: errand.address, request, trust, headers, line: None, redirects: 0, weak: Vec::new() })
    }

    /// The answer, after redirects.
    pub(super) async fn ask(&mut self, url: &Url, wish: Wish<'_>) -> Result<Answer, Outcome> {
        let mut url = url.clone();
        let mut method = wish.method.clone();
        loop {
            let answer = self.exchange(url, &method, &wish).await?;
            let status = answer.status.as_u16();
            if wish.taken.contains(&status) || !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return Ok(answer);
            }
            let Some(location) = answer.headers.get(header::LOCATION) else { return Ok(answer) };
            if self.redirects == REDIRECTS {
                return Err(Outcome::Bad(format!("more than {REDIRECTS} redirects")));
            }
            self.redirects += 1;
            url = answer.url.join(location.as_bytes()).map_err(|what| Outcome::Bad(format!("a redirect to {what}")))?;
            let to_get = status == 303 || (matches!(status, 301 | 302) && method == Method::POST);
            if to_get && method != Method::HEAD {
                method = Method::GET;
            }
        }
    }

    /// The next piece of the answer's body.
    pub(super) async fn read(&mut self, answer: &mut Answer) -> Result<Option<Bytes>, Outcome> {
        let Some(line) = &mut self.line else { return Ok(None) };
        loop {
            let error = match along(&mut line.drive, answer.body.frame()).await {
                None => {
                    line.clear = true;
                    return Ok(None);
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Ok(Some(bytes)),
                    // Trailers.
                    Err(_) => continue,
                },
                Some(Err(error)) => error,
            };
            // Many servers end an answer of no known length without a farewell in TLS.
            if line.tls && answer.open_ended() && ended(&error) {
                return Ok(None);
            }
            return Err(broken(&error));
        }
    }

    /// The body, up to `most` bytes of it, and whether that is all.
    pub(super) async fn read_all(&mut self, answer: &mut Answer, most: usize) -> Result<(Vec<u8>, bool), Outcome> {
        let mut body = Vec::new();
        while let Some(bytes) = self.read(answer).await? {
            let room = most - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if bytes.len() > room {
                return Ok((body, false));
            }
        }
        Ok((body, true))
    }

    async fn exchange(&mut self, url: Url, method: &Method, wish: &Wish<'_>) -> Result<Answer, Outcome> {
        let own = self.is_own(&url);
        let host = match &self.request.host {
            Some(host) if own => host.clone(),
            _ => url.authority(),
        };
        let mut line = self.line.take().filter(|line| line.fits(&url));
        loop {
            let reused = line.is_some();
            let mut open = match line.take() {
                Some(line) => line,
                None => self.open(&url, &host).await?,
            };
            self.progress.step(Step::Ask);
            let request = self.request(&url, &host, own, method, wish)?;
            let Line { sender, drive, .. } = &mut open;
            let sent = along(drive, async {
                sender.ready().await?;
                sender.send_request(request).await
            });
            match sent.await {
                Ok(response) => {
                    self.progress.step(Step::Read);
                    let (parts, body) = response.into_parts();
                    open.clear = false;
                    self.line = Some(open);
                    return Ok(Answer { status: parts.status, headers: parts.headers, url, body });
                }
                // A server may close a connection it has answered on at any time, also just now.
                Err(error) if reused && !error.is_parse() && !error.is_user() => {}
                Err(error) => return Err(refused(&error)),
            }
        }
    }

    fn request(&self, url: &Url, host: &str, own: bool, method: &Method, wish: &Wish<'_>) -> Result<hyper::Request<Empty<Bytes>>, Outcome> {
        let mut request = hyper::Request::new(Empty::new());
        *request.method_mut() = method.clone();
        *request.uri_mut() = Uri::try_from(url.target.as_str()).map_err(|_| Outcome::Bad("a URL that cannot be asked for".into()))?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::try_from(host).map_err(|_| Outcome::Bad("a URL whose host is none".into()))?);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if wish.last {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(range) = wish.range.as_ref().and_then(|range| HeaderValue::try_from(range).ok()) {
            headers.insert(header::RANGE, range);
        }
        if own {
            for (name, value) in &self.headers {
                headers.insert(name, value.clone());
            }
        }
        Ok(request)
    }

    async fn open(&mut self, url: &Url, host: &str) -> Result<Line, Outcome> {
        self.progress.step(Step::Connect);
        let stream = dial::connect(SocketAddr::new(self.address, url.port)).await.map_err(|error| match of_io(&error) {
            // The panel's own port answers, or has answered: it is not gone.
            Outcome::Refused if url.port != self.url.port => Outcome::Bad(format!("nobody listens on port {}", url.port)),
            outcome => outcome,
        })?;
        let (sender, drive): (_, Drive) = if url.tls {
            self.progress.step(Step::Secure);
            let config = self.trust.config(self.request.verify).await?;
            let name = server_name(host).ok_or_else(|| Outcome::Bad("a host's name that no certificate can have".into()))?;
            let stream = tls::secure(config, name, stream).await?;
            // With `verify = false` nothing about the certificate matters.
            if self.request.verify
                && let Some(weak) = tls::ending(&stream, self.request.certificate_days, clock::now().wall_s)
                && !self.weak.contains(&weak)
            {
                self.weak.push(weak);
            }
            let (sender, connection) = builder().handshake(TokioIo::new(Metered::new(stream))).await.map_err(|error| refused(&error))?;
            (sender, Box::pin(connection))
        } else {
            let (sender, connection) = builder().handshake(TokioIo::new(Metered::new(stream))).await.map_err(|error| refused(&error))?;
            (sender, Box::pin(connection))
        };
        Ok(Line { sender, drive: Some(drive), tls: url.tls, port: url.port, name: url.host.clone(), clear: true })
    }

    /// Whether the check itself is about this authority. A panel that is asked as `host` calls itself that in its redirects.
    fn is_own(&self, url: &Url) -> bool {
        let named = |host: &String| split_port(host).0.eq_ignore_ascii_case(&url.host);
        url.tls == self.url.tls && url.port == self.url.port && (url.host == self.url.host || self.request.host.as_ref().is_some_and(named))
    }
}

impl Answer {
    /// What it says of the length of its body.
    pub(super) fn length(&self) -> Option<u64> {
        self.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
    }

    /// A body that is compressed although that was not asked for cannot be judged.
    pub(super) fn plain(&self) -> Result<(), Outcome> {
        let encoding = self.headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim());
        match encoding.filter(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")) {
            None => Ok(()),
            Some(encoding) => {
                Err(Outcome::Bad(format!("the answer is compressed, which was not asked for: {}", crate::document::shown(encoding))))
            }
        }
    }

    fn open_ended(&self) -> bool {
        !self.headers.contains_key(header::CONTENT_LENGTH) && !self.headers.contains_key(header::TRANSFER_ENCODING)
    }
}

impl Line {
    fn fits(&self, url: &Url) -> bool {
        self.clear && self.drive.is_some() && (self.tls, self.port) == (url.tls, url.port) && self.name == url.host
    }
}

/// `work`, with the connection it waits for.
async fn along<T>(drive: &mut Option<Drive>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        // Its errors reach the work as well.
        if drive.as_mut().is_some_and(|drive| drive.as_mut().poll(context).is_ready()) {
            *drive = None;
        }
        work.as_mut().poll(context)
    })
    .await
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_headers(HEADERS).max_header_size(HEADER_BYTES).max_buf_size(2 * HEADER_BYTES);
    builder
}

/// Why there is no answer.
fn refused(error: &hyper::Error) -> Outcome {
    if let Some(outcome) = of_wire(error, "the connection was closed before the answer") {
        return outcome;
    }
    Outcome::Bad(match () {
        () if error.is_parse_too_large() => "the answer's headers have no end".into(),
        () if error.is_parse_version_h2() => "it speaks HTTP/2 without being asked".into(),
        () if error.is_parse_status() => "the answer's status is none".into(),
        () if error.is_parse() => "the answer is not HTTP".into(),
        () if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
            "the connection was closed before the answer".into()
        }
        () if error.is_user() => return Outcome::Unasked("the request cannot be sent: a header is wrong".into()),
        () => "the answer is not HTTP".into(),
    })
}

/// Why an answer does not go on.
fn broken(error: &hyper::Error) -> Outcome {
    let closed = "the connection was closed in the middle of the answer";
    if let Some(outcome) = of_wire(error, closed) {
        return outcome;
    }
    // What hyper cannot decode it tells as an io::Error.
    let torn = cause::<io::Error>(error).is_some() || error.is_parse() || error.is_parse_too_large();
    Outcome::Bad(if torn { "the answer's body is not HTTP" } else { closed }.into())
}

/// What TLS or the socket has to say.
fn of_wire(error: &hyper::Error, closed: &str) -> Option<Outcome> {
    if let Some(error) = cause::<rustls::Error>(error) {
        return Some(Outcome::Bad(tls::said(error)));
    }
    let error = cause::<io::Error>(error)?;
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Some(Outcome::Bad(closed.into())),
        _ => error.raw_os_error().map(|_| of_io(error)),
    }
}

fn ended(error: &hyper::Error) -> bool {
    cause::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
}

/// For SNI and the certificate: `host` as it goes into the header may have a port, and IPv6 addresses brackets.
fn server_name(host: &str) -> Option<ServerName<'static>> {
    let name = split_port(host).0;
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    ServerName::try_from(name.to_owned()).ok()
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= group.len() { digit.into() } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_the_rfc_has_it() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy"), ("\u{ff}\u{3f}>", "w78/Pg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn names_for_tls_have_no_ports() {
        for (host, name) in [("a.example:8443", "a.example"), ("[::1]:443", "::1"), ("::1", "::1"), ("127.0.0.1:1", "127.0.0.1")] {
            assert_eq!(server_name(host).unwrap().to_str(), name);
        }
        assert_eq!(server_name("a..b"), None);
    }
}
