//! Addresses of the web: read, and followed from one to the next (RFC 3986). Only http and https.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};

/// Servers refuse longer request lines long before this; a playlist or a redirect may not make us keep more.
const LONGEST: usize = 8 << 10;

/// What a request line may not hold. `%` stays: what was written encoded is sent as it was.
const RAW: AsciiSet = CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'}');

/// In values of a query everything but unreserved characters is encoded.
const VALUE: AsciiSet = percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) tls: bool,
    /// In small letters; an IPv6 address has its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query, as they are sent: begins with `/`, and has no fragment.
    pub(super) target: String,
}

/// `user:password` before the host, decoded.
pub(super) type Userinfo = Option<Vec<u8>>;

impl Url {
    /// An absolute one.
    pub(super) fn parse(text: &[u8]) -> Result<(Self, Userinfo), String> {
        if text.len() > LONGEST {
            return Err("a URL of more than 8 KiB".into());
        }
        let text = without_fragment(text.trim_ascii());
        let (scheme, rest) = split_scheme(text).ok_or("a URL without http:// or https://")?;
        let tls = secure(scheme)?;
        let rest = rest.strip_prefix(b"//").ok_or("a URL without a host")?;
        Self::after_slashes(tls, rest)
    }

    /// Where `reference` leads, found in what was got from here. Credentials in it are no business of ours.
    pub(super) fn join(&self, reference: &[u8]) -> Result<Self, String> {
        if reference.len() > LONGEST {
            return Err("a URL of more than 8 KiB".into());
        }
        let reference = without_fragment(reference.trim_ascii());
        if let Some((scheme, rest)) = split_scheme(reference) {
            let tls = secure(scheme)?;
            let rest = rest.strip_prefix(b"//").ok_or("a URL without a host")?;
            return Ok(Self::after_slashes(tls, rest)?.0);
        }
        if let Some(rest) = reference.strip_prefix(b"//") {
            return Ok(Self::after_slashes(self.tls, rest)?.0);
        }
        let own_path = self.path();
        let target = match reference.first() {
            None => return Ok(self.clone()),
            Some(b'/') => normal(&encode(reference)),
            Some(b'?') => format!("{own_path}{}", encode(reference)),
            Some(_) => {
                let folder = own_path.rfind('/').map_or("/", |at| &own_path[..=at]);
                normal(&format!("{folder}{}", encode(reference)))
            }
        };
        if target.len() > LONGEST {
            return Err("a URL of more than 8 KiB".into());
        }
        Ok(Self { target, ..self.clone() })
    }

    fn after_slashes(tls: bool, rest: &[u8]) -> Result<(Self, Userinfo), String> {
        let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let authority = std::str::from_utf8(authority).map_err(|_| "a URL whose host is not ASCII")?;
        let (userinfo, place) = match authority.rsplit_once('@') {
            Some((userinfo, place)) => (Some(percent_decode_str(userinfo).collect()), place),
            None => (None, authority),
        };
        let (host, port) = split_port(place);
        let port = match port {
            None | Some("") => standard(tls),
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or("a URL whose port is none")?,
        };
        if !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:[]%".contains(&b)) || host.is_empty() || host.len() > 255 {
            return Err("a URL whose host is none".into());
        }
        let target = match target.first() {
            None => "/".into(),
            Some(b'?') => format!("/{}", encode(target)),
            Some(_) => normal(&encode(target)),
        };
        Ok((Self { tls, host: host.to_ascii_lowercase(), port, target }, userinfo))
    }

    pub(super) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// As the header `Host` wants it.
    pub(super) fn authority(&self) -> String {
        match self.port == standard(self.tls) {
            true => self.host.clone(),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// What people may be shown of it: queries and folders hold credentials on many panels.
    pub(super) fn shown(&self) -> &str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    pub(super) fn with_query(&mut self, pairs: &[(&str, &str)]) {
        for (name, value) in pairs {
            self.target.push(if self.target.contains('?') { '&' } else { '?' });
            self.target.push_str(name);
            self.target.push('=');
            self.target.extend(percent_encode(value.as_bytes(), &VALUE));
        }
    }
}

/// A host and its port, if there is one: `name`, `name:80`, `[::1]:80`; `::1` is all host.
pub(super) fn split_port(place: &str) -> (&str, Option<&str>) {
    match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') && (!host.contains(':') || host.ends_with(']')) => (host, Some(port)),
        _ => (place, None),
    }
}

pub(super) fn standard(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn secure(scheme: &[u8]) -> Result<bool, String> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case(b"http") => Ok(false),
        _ if scheme.eq_ignore_ascii_case(b"https") => Ok(true),
        _ => Err("a URL that is neither http:// nor https://".into()),
    }
}

fn split_scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let scheme = &text[..colon];
    let sound = scheme.first()?.is_ascii_alphabetic() && scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
    sound.then(|| (scheme, &text[colon + 1..]))
}

fn without_fragment(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b'#').next().unwrap_or_default()
}

fn encode(text: &[u8]) -> String {
    percent_encode(text, &RAW).to_string()
}

/// The path without `.` and `..` (RFC 3986 5.2.4), the query as it was.
fn normal(target: &str) -> String {
    let (path, query) = target.find('?').map_or((target, ""), |at| target.split_at(at));
    let mut steps: Vec<&str> = Vec::new();
    let mut open = false;
    for step in path.split('/').skip(1) {
        open = matches!(step, "." | "..");
        match step {
            "." => {}
            ".." => drop(steps.pop()),
            _ => steps.push(step),
        }
    }
    let mut normal: String = steps.iter().flat_map(|step| ["/", step]).collect();
    // What ends in `.` or `..` is a folder.
    if open || normal.is_empty() {
        normal.push('/');
    }
    normal + query
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Url {
        Url::parse(text.as_bytes()).unwrap().0
    }

    #[test]
    fn parts() {
        for (text, tls, host, port, target) in [
            ("http://a", false, "a", 80, "/"),
            ("HTTPS://A.Example/x", true, "a.example", 443, "/x"),
            ("http://a:8090?x=1", false, "a", 8090, "/?x=1"),
            ("http://[::1]:8090/live/a.m3u8?x=%20#y", false, "[::1]", 8090, "/live/a.m3u8?x=%20"),
            ("http://u:p@a:/x/../y/./z/..", false, "a", 80, "/y/"),
            ("http://a/ü \"{x}", false, "a", 80, "/%C3%BC%20%22%7Bx%7D"),
        ] {
            assert_eq!(parse(text), Url { tls, host: host.into(), port, target: target.into() }, "{text}");
        }
        assert_eq!(Url::parse(b"http://us%65r:p%40ss@a/").unwrap().1.as_deref(), Some(&b"user:p@ss"[..]));
    }

    #[test]
    fn what_is_no_url() {
        for text in ["", "a", "/a", "ftp://a/", "http:a", "http:///x", "http://a:0/", "http://a:65536/", "http://a b/", "http://a\\@b:1x/"]
        {
            assert!(Url::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Url::parse(&[b"http://a/".as_slice(), &[b'x'; LONGEST]].concat()).is_err());
        assert!(Url::parse(b"http://a\xff/").is_err());
    }

    /// RFC 3986 5.4, as far as it concerns http.
    #[test]
    fn references_are_followed_as_the_rfc_has_it() {
        let base = parse("http://a/b/c/d;p?q");
        for (reference, target) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d;p?q"),
            ("g#s", "/b/c/g"),
            ("g?y#s", "/b/c/g?y"),
            (";x", "/b/c/;x"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("./", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            ("..g", "/b/c/..g"),
            ("./g/.", "/b/c/g/"),
            ("g;x=1/../y", "/b/c/y"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("g#s/../x", "/b/c/g"),
            ("1:2", "/b/c/1:2"),
            (" s eg.ts ", "/b/c/s%20eg.ts"),
        ] {
            assert_eq!(base.join(reference.as_bytes()), Ok(Url { target: target.into(), ..base.clone() }), "{reference}");
        }
        assert_eq!(base.join(b"//h:81/x"), Ok(parse("http://h:81/x")));
        assert_eq!(base.join(b"https://u:p@h/x"), Ok(parse("https://h/x")));
        for reference in ["ftp://a/", "javascript:x", "http:g", "file:///etc"] {
            assert!(base.join(reference.as_bytes()).is_err(), "{reference}");
        }
    }

    #[test]
    fn hosts_and_ports() {
        for (place, host, port) in
            [("a", "a", None), ("a:1", "a", Some("1")), ("[::1]", "[::1]", None), ("[::1]:80", "[::1]", Some("80")), ("::1", "::1", None)]
        {
            assert_eq!(split_port(place), (host, port));
        }
        assert_eq!(parse("http://a:443/").authority(), "a:443");
        assert_eq!(parse("https://a:443/").authority(), "a");
    }

    #[test]
    fn queries_grow_encoded_and_are_not_shown() {
        let mut url = parse("http://a/live/user/secret/player_api.php");
        url.with_query(&[("username", "a b"), ("password", "p&=ü")]);
        assert_eq!(url.target, "/live/user/secret/player_api.php?username=a%20b&password=p%26%3D%C3%BC");
        assert_eq!(url.shown(), "player_api.php");
    }
}
