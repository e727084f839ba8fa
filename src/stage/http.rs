//! As much of HTTP/1.1 as a panel speaks: heads in, heads out.

use std::fmt::Write;
use std::ops::Range;

/// A longer head is no player's.
pub(super) const MAX_HEAD: usize = 16 << 10;

/// A request's head, as far as a panel looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    /// As it was sent, a port with it.
    pub(super) host: String,
    pub(super) range: Option<String>,
    /// The connection ends with the answer.
    pub(super) is_last: bool,
}

/// What is sent, before it is known how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) content: &'static str,
    /// Further fields of the head.
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Page {
    pub(super) fn new(status: u16, content: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content, fields: Vec::new(), body: body.into() }
    }

    pub(super) fn plain(status: u16) -> Self {
        Self::new(status, "text/plain", format!("{status} {}\n", reason(status)))
    }

    pub(super) fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The part of the body that was asked for.
    pub(super) fn cut(mut self, range: Option<&str>) -> Self {
        let length = self.body.len();
        match range.and_then(|range| part(range, length)) {
            Some(Ok(part)) if self.status == 200 => {
                let field = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                self.body = self.body[part].to_vec();
                self.status = 206;
                self.field("Content-Range", field)
            }
            Some(Err(())) if self.status == 200 => Self::plain(416).field("Content-Range", format!("bytes */{length}")),
            _ => self,
        }
    }

    /// `length` None: the body ends with the connection.
    pub(super) fn head(&self, length: Option<u64>, is_last: bool) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\nServer: stage\r\nContent-Type: {}\r\n", self.status, reason(self.status), self.content);
        for (name, value) in &self.fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if let Some(length) = length {
            let _ = write!(head, "Content-Length: {length}\r\n");
        }
        let connection = if is_last || length.is_none() { "close" } else { "keep-alive" };
        head + "Connection: " + connection + "\r\n\r\n"
    }
}

/// The head at the start of `bytes`, and where it ends. None: it is not whole yet. The error is the status to answer with.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Request, usize)>, u16> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end.filter(|end| *end <= MAX_HEAD) else {
        return if bytes.len() > MAX_HEAD { Err(431) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| 400u16)?;
    request(text).map(|request| Some((request, end + 4)))
}

fn request(text: &str) -> Result<Request, u16> {
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(400);
    };
    if !["HTTP/1.0", "HTTP/1.1"].contains(&version) || method.is_empty() {
        return Err(400);
    }
    // A proxy's form names the host before the path.
    let target = target.strip_prefix("http://").map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.starts_with('/') {
        return Err(400);
    }
    let mut request = Request { method: method.into(), path: path.into(), query: query.into(), ..Request::default() };
    request.is_last = version == "HTTP/1.0";
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(400u16)?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "host" => request.host = value.into(),
            "range" => request.range = Some(value.into()),
            "connection" if value.eq_ignore_ascii_case("close") => request.is_last = true,
            "connection" if value.eq_ignore_ascii_case("keep-alive") => request.is_last = false,
            // A body is not read, so nothing can follow it.
            "content-length" if value != "0" => return Err(413),
            "transfer-encoding" => return Err(413),
            _ => {}
        }
    }
    Ok(request)
}

/// None: not understood, so the whole is sent. An error: there is nothing there.
fn part(range: &str, length: usize) -> Option<Result<Range<usize>, ()>> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.parse::<usize>().ok();
    let part = match (from, to) {
        ("", last) => length.saturating_sub(number(last)?)..length,
        (from, "") => number(from)?..length,
        (from, to) => number(from)?..number(to)?.saturating_add(1).min(length),
    };
    Some(if part.start < part.end { Ok(part) } else { Err(()) })
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let bytes = b"GET /live/index.m3u8?a=b HTTP/1.1\r\nHost: x:1\r\nRANGE:bytes=0-1\r\n\r\nGET";
        assert_eq!(read(&bytes[..40]), Ok(None));
        let (request, end) = read(bytes).unwrap().unwrap();
        assert_eq!(&bytes[end..], b"GET");
        let expected = Request {
            method: "GET".into(),
            path: "/live/index.m3u8".into(),
            query: "a=b".into(),
            host: "x:1".into(),
            range: Some("bytes=0-1".into()),
            is_last: false,
        };
        assert_eq!(request, expected);
        let path = |text: &str| read(format!("{text}\r\n\r\n").as_bytes()).unwrap().unwrap().0.path;
        assert_eq!((path("GET http://h:1/a HTTP/1.1"), path("GET http://h HTTP/1.0")), ("/a".into(), "/".into()));
    }

    #[test]
    fn the_connection_ends_when_somebody_says_so() {
        for (text, is_last) in [
            ("GET / HTTP/1.1", false),
            ("GET / HTTP/1.1\r\nConnection: Close", true),
            ("GET / HTTP/1.0", true),
            ("GET / HTTP/1.0\r\nconnection: keep-alive", false),
        ] {
            assert_eq!(read(format!("{text}\r\n\r\n").as_bytes()).unwrap().unwrap().0.is_last, is_last, "{text}");
        }
    }

    #[test]
    fn garbage_is_refused() {
        let long = format!("GET / HTTP/1.1\r\na: {}", "b".repeat(MAX_HEAD));
        for (text, status) in [
            ("GET /\r\n\r\n", 400),
            ("GET x HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/2\r\n\r\n", 400),
            ("\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello", 413),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 413),
            (long.as_str(), 431),
        ] {
            assert_eq!(read(text.as_bytes()), Err(status), "{text}");
        }
        assert_eq!(read(b"GET /\xff HTTP/1.1\r\n\r\n"), Err(400));
    }

    #[test]
    fn parts_are_cut_as_asked() {
        for (range, expected) in [
            ("bytes=0-1", Some("ab")),
            ("bytes=3-", Some("de")),
            ("bytes=-2", Some("de")),
            ("bytes=-9", Some("abcde")),
            ("bytes=4-99", Some("e")),
            ("bytes=5-", None),
            ("bytes=3-2", None),
            ("bytes=-0", None),
        ] {
            let page = Page::new(200, "text/plain", "abcde").cut(Some(range));
            match expected {
                Some(text) => assert_eq!((page.status, page.body.as_slice()), (206, text.as_bytes()), "{range}"),
                None => assert_eq!((page.status, page.fields[0].1.as_str()), (416, "bytes */5"), "{range}"),
            }
        }
        for range in [None, Some("bytes=0-1,3-4"), Some("lines=1-2"), Some("bytes=x-")] {
            assert_eq!(Page::new(200, "text/plain", "abcde").cut(range).status, 200, "{range:?}");
        }
    }
}
