//! A check as it is written to a check that can be run.

use super::Origin;
use super::doc::{self, Kind, Object};
use super::model::{Asking, Check, CheckKind, Expect, Password, Request};
use crate::document::{At, Reader, shown};
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(3);
const CONFIRM: Duration = Duration::from_millis(500);
const DEGRADED_AFTER: u32 = 2;
const DOWN_AFTER: u32 = 3;
const UP_AFTER: u32 = 2;
const CERTIFICATE_DAYS: u32 = 14;

/// None when something is missing or does not fit together.
pub(super) fn build(reader: &Reader, object: &Object<doc::Check>, origin: Origin<'_>) -> Option<Check> {
    let builder = Builder { reader, object, keys: &object.keys };
    let before = reader.errors();
    let down_after = or(&object.keys.down_after, DOWN_AFTER);
    if let Some(degraded) = object.keys.degraded_after.filter(|degraded| degraded.it > down_after) {
        builder.error(
            degraded.line,
            "degraded_after",
            format!("{} failures come after the panel is down ({down_after})", degraded.it),
            "make it at most down_after",
        );
    }
    let kind = builder.kind(origin);
    let check = Check {
        name: object.name.it.clone(),
        interval: or(&object.keys.interval, INTERVAL),
        degraded_after: or(&object.keys.degraded_after, DEGRADED_AFTER.min(down_after)),
        down_after,
        up_after: or(&object.keys.up_after, UP_AFTER),
        hold_down: or(&object.keys.hold_down, true),
        kind: kind?,
    };
    (object.sound && reader.errors() == before).then_some(check)
}

fn or<T: Copy>(given: &Option<At<T>>, default: T) -> T {
    given.map_or(default, |given| given.it)
}

struct Builder<'a> {
    reader: &'a Reader,
    object: &'a Object<doc::Check>,
    keys: &'a doc::Check,
}

impl Builder<'_> {
    fn kind(&self, origin: Origin<'_>) -> Option<CheckKind> {
        let asking = Asking {
            timeout: or(&self.keys.timeout, TIMEOUT),
            confirm: or(&self.keys.confirm, CONFIRM),
            watch: or(&self.keys.watch, true),
        };
        Some(match self.keys.kind?.it {
            Kind::Heartbeat => CheckKind::Heartbeat,
            Kind::Tcp => {
                let port = self.require("port", &self.keys.port, "say which port: port = 8090")?;
                CheckKind::Tcp { asking, port: u16::try_from(port.it).ok()? }
            }
            Kind::Http => {
                let request = self.request();
                let expect = self.expect();
                CheckKind::Http { asking, request: request?, expect: expect? }
            }
            Kind::Hls => CheckKind::Hls { asking, request: self.request()? },
            Kind::PanelApi => {
                let request = self.request();
                let user = self.require("user", &self.keys.user, "name the account that is asked with: user = \"...\"");
                let password = self.password(origin);
                CheckKind::PanelApi { asking, request: request?, user: user?.it.clone(), password: password? }
            }
        })
    }

    fn request(&self) -> Option<Request> {
        let url = self.require("url", &self.keys.url, "say what is asked for: url = \"http://{address}:8090/\"")?;
        if let Err((what, hint)) = check_url(url) {
            self.error(url.line, "url", what, hint);
        }
        if let Some(host) = self.keys.host.as_ref().filter(|host| !is_host(host)) {
            self.error(host.line, "host", format!("`{}` is not a host's name", shown(host)), "write it as \"live.panels.example\"");
        }
        Some(Request {
            url: url.it.clone(),
            host: self.keys.host.as_ref().map(|host| host.it.clone()),
            headers: self.keys.headers.iter().map(|(name, value)| (name.it.clone(), value.it.clone())).collect(),
            latency: self.keys.latency.map(|latency| latency.it),
            verify: or(&self.keys.verify, true),
            certificate_days: or(&self.keys.certificate_days, CERTIFICATE_DAYS),
        })
    }

    fn expect(&self) -> Option<Expect> {
        let method = self.keys.method.as_ref().map_or("GET", |method| &method.it);
        if method.is_empty() || method.len() > 16 || !method.bytes().all(|b| b.is_ascii_uppercase()) {
            let line = self.keys.method.as_ref().map_or(self.object.line, |method| method.line);
            self.error(line, "method", format!("`{}` is not a method", shown(method)), "write it in capitals, such as \"GET\" or \"HEAD\"");
            return None;
        }
        if let Some(status) = self.keys.status.as_ref().filter(|status| status.is_empty() && self.object.sound) {
            self.error(status.line, "status", "the list is empty, so no answer would do", "list what is right, such as [200]");
        }
        let status = self.keys.status.as_ref().map(|status| status.iter().filter_map(|code| u16::try_from(code.it).ok()).collect());
        Some(Expect {
            method: method.to_owned(),
            status: status.unwrap_or_else(|| vec![200]),
            body: self.keys.body.as_ref().map(|body| body.it.clone()),
            json: self.keys.json.iter().map(|(pointer, node)| (pointer.it.clone(), node.it.clone())).collect(),
        })
    }

    fn password(&self, origin: Origin<'_>) -> Option<Password> {
        match (&self.keys.password, &self.keys.password_file) {
            (Some(_), Some(file)) => {
                self.error(file.line, "password_file", "`password` is given as well", "keep one of the two");
                None
            }
            (Some(text), None) => Some(Password::Text(text.it.clone())),
            (None, Some(file)) => match origin {
                Origin::File(base) => Some(Password::File(base.join(&file.it))),
                Origin::Store => {
                    self.error(file.line, "password_file", "no path of the server is read here", "give the `password` itself");
                    None
                }
            },
            (None, None) => {
                self.missing("password", "give it password = \"...\" or password_file = \"path\"");
                None
            }
        }
    }

    /// The key, or a problem; silent where the object's own reading has noted one.
    fn require<'k, T>(&self, key: &str, given: &'k Option<T>, hint: &str) -> Option<&'k T> {
        if given.is_none() {
            self.missing(key, hint);
        }
        given.as_ref()
    }

    fn missing(&self, key: &str, hint: &str) {
        // A key of the wrong type is None as well, and has been noted.
        if self.object.sound {
            self.reader.error(self.object.line, &self.path(), format!("`{key}` is missing"), hint);
        }
    }

    fn error(&self, line: u32, key: &str, what: impl Into<String>, hint: impl Into<String>) {
        self.reader.error(line, &format!("{}: {key}", self.path()), what, hint);
    }

    fn path(&self) -> String {
        format!("check {}", shown(&self.object.name))
    }
}

fn is_host(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

/// As far as it can be known before `{address}` and `{panel}` are filled in.
fn check_url(url: &str) -> Result<(), (String, String)> {
    let filled = url.replace("{address}", "192.0.2.1").replace("{panel}", "panel");
    let wrong = |what: String, hint: &str| Err((what, hint.to_owned()));
    let example = "write it as \"http://{address}:8090/live/index.m3u8\"";
    if let Some(at) = filled.find(['{', '}']) {
        let what = format!("`{}` in it is neither {{address}} nor {{panel}}", shown(&filled[at..]));
        return wrong(what, "only {address} and {panel} are filled in; write other braces as %7B and %7D");
    }
    if filled.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return wrong("a URL has no spaces".into(), "write a space as %20");
    }
    let rest = filled.strip_prefix("http://").or_else(|| filled.strip_prefix("https://"));
    let Some(rest) = rest else {
        return wrong(format!("`{}` is not an http:// or https:// URL", shown(url)), example);
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (host, None),
    };
    if !is_host(host) {
        return wrong(format!("`{}` names no host", shown(url)), example);
    }
    if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
        return wrong(format!("`{}` is not a port", shown(port.unwrap_or_default())), "a port is a number from 1 to 65535");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_url;

    #[test]
    fn urls() {
        for url in
            ["http://{address}:8090/live/index.m3u8", "https://{panel}.example/", "http://{address}", "http://[2001:db8::1]:80/x?y=1"]
        {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "{address}",
            "ftp://{address}/",
            "http://",
            "http:///x",
            "http://{adress}/",
            "http://a b/",
            "http://a:0/",
            "http://a:99999/",
            "http://a:/",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
