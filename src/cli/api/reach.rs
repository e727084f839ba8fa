//! Which node is asked, and with which token.

use super::client::{Client, http};
use super::local::Local;
use super::output::print_json;
use super::tls::Belief;
use super::trouble::{Result, Trouble};
use crate::cli::files::default_config;
use crate::cli::{FAILED, say};
use crate::document::duration;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use ureq::http::Uri;

/// A file that is longer holds no token.
const MAX_TOKEN: usize = 4096;

/// How the node's API is reached.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Door {
    /// The node's admin address, such as https://ns1.example:8443 [default: MERIDIAN_URL, or else the node of this machine]
    #[arg(long, value_name = "URL", help_heading = "The node")]
    url: Option<String>,
    /// File that holds the token [default: MERIDIAN_TOKEN, or else the admin token of the node of this machine]
    #[arg(long, value_name = "FILE", help_heading = "The node")]
    token_file: Option<PathBuf>,
    /// PEM file of the authorities that the node's certificate may come from [default: those of the system]
    #[arg(long, value_name = "FILE", help_heading = "The node")]
    ca: Option<PathBuf>,
    /// Send the token without TLS to another machine
    #[arg(long, help_heading = "The node")]
    insecure_http: bool,
    /// Give up after this time, such as 5s [default: 60s, and an hour for fleets and backups]
    #[arg(long, value_name = "TIME", help_heading = "The node", value_parser = time)]
    timeout: Option<Duration>,
    /// Print one JSON document, also when it fails
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Reach {
    #[command(flatten)]
    pub(in crate::cli) door: Door,
    /// meridian.toml of the node of this machine [default: config/meridian.toml, or else /etc/meridian/meridian.toml]
    #[arg(long, value_name = "FILE", help_heading = "The node")]
    config: Option<PathBuf>,
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Without a slash at the end.
    pub(super) base: String,
    pub(super) is_https: bool,
    /// What is sent there stays on this machine.
    pub(super) is_loopback: bool,
    /// It is the node whose config was read, or would be.
    pub(super) is_own: bool,
    pub(super) belief: Belief,
}

impl Reach {
    /// Runs a command that talks to the node: what it gives is the exit status, and its trouble is told.
    pub(in crate::cli) fn run(&self, command: impl FnOnce(&Client) -> Result<u8>) -> ExitCode {
        finish(self.door.json, self.client().and_then(|client| command(&client)))
    }

    pub(in crate::cli) fn is_json(&self) -> bool {
        self.door.json
    }

    /// Where the node of this machine is configured.
    pub(in crate::cli) fn local(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(default_config)
    }

    pub(in crate::cli) fn client(&self) -> Result<Client> {
        self.door.client(self.config.as_deref())
    }
}

impl Door {
    /// `config` is the one that the operator named.
    pub(in crate::cli) fn client(&self, config: Option<&Path>) -> Result<Client> {
        let local = match config {
            Some(path) => Some(Local::read(path).map_err(Trouble::wrong)?),
            None => Local::read(&default_config()).ok(),
        };
        let env = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let url = self.url.clone().or_else(|| env("MERIDIAN_URL"));
        let address = address(url.as_deref(), local.as_ref(), self.ca.as_deref()).map_err(Trouble::wrong)?;
        let token = token(self.token_file.as_deref(), env("MERIDIAN_TOKEN"), &address, local.as_ref()).map_err(Trouble::wrong)?;
        refuse_to_shout(&address, token.is_ok(), self.insecure_http).map_err(Trouble::wrong)?;
        Client::new(address, token, self.timeout, self.json)
    }
}

fn time(text: &str) -> std::result::Result<Duration, String> {
    duration(text).filter(|time| !time.is_zero()).ok_or_else(|| "write a time such as 500ms, 5s or 1m30s".into())
}

/// Tells the trouble, if there is some.
pub(in crate::cli) fn finish(json: bool, came: Result<u8>) -> ExitCode {
    match came {
        Ok(exit) => ExitCode::from(exit),
        Err(Trouble::Closed) => ExitCode::SUCCESS,
        Err(Trouble::Told(told)) => {
            told.lines().iter().for_each(say);
            match json.then(|| print_json(&told.document)) {
                Some(Err(Trouble::Told(_))) => ExitCode::from(FAILED),
                _ => ExitCode::from(told.exit),
            }
        }
    }
}

/// How a program reaches a node that its operator named: the address without a slash at the end, and the client for it. The error is a sentence.
pub(in crate::cli) fn way(url: &str, ca: Option<&Path>, insecure_http: bool) -> std::result::Result<(String, ureq::Agent), String> {
    let address = address(Some(url), None, ca)?;
    refuse_to_shout(&address, true, insecure_http)?;
    Ok((address.base.clone(), http(address.is_https.then_some(&address.belief))?))
}

/// A client for pages of this machine. The error is a sentence.
pub(in crate::cli) fn plain_http(is_https: bool, ca: Option<&Path>) -> std::result::Result<ureq::Agent, String> {
    let belief = ca.map_or(Belief::System, |ca| Belief::File(ca.to_owned()));
    http(is_https.then_some(&belief))
}

/// The token in a text from there. The error is a sentence, and does not show it.
pub(in crate::cli) fn token_in(text: &str, from: &str) -> std::result::Result<String, String> {
    sane(text, from)
}

/// The error is a sentence.
fn address(url: Option<&str>, local: Option<&Local>, ca: Option<&Path>) -> std::result::Result<Address, String> {
    let given = |text: &str| {
        let what = |what: &str| format!("`{text}` {what}; write it as https://ns1.example:8443");
        let uri: Uri = text.trim_end_matches('/').parse().map_err(|_| what("is not a URL"))?;
        let authority = uri.authority().ok_or_else(|| what("is not a URL"))?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(what("is neither http:// nor https://")),
        };
        if authority.as_str().contains('@') {
            return Err("a URL with a user or a password in it is seen by everybody on this machine; give the token by --token-file".into());
        }
        if authority.host().is_empty() {
            return Err(what("is not a URL"));
        }
        if uri.query().is_some() {
            return Err(what("has a query"));
        }
        let base = format!("{}://{authority}{}", if is_https { "https" } else { "http" }, uri.path().trim_end_matches('/'));
        Ok((base, is_https, is_loopback(authority.host())))
    };
    let own = || local.map_or_else(|| "http://127.0.0.1:8080".to_owned(), Local::url);
    let (base, is_https, is_loopback) = given(&url.map_or_else(own, str::to_owned))?;
    let shown = local.and_then(|local| local.certificate.clone()).filter(|_| url.is_none());
    let belief = match (ca, shown) {
        (Some(ca), _) => Belief::File(ca.to_owned()),
        (None, Some(certificate)) => Belief::Exactly(certificate),
        (None, None) => Belief::System,
    };
    Ok(Address { base, is_https, is_loopback, is_own: url.is_none(), belief })
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The token, or why there is none; a wrong one is an error. No error shows it.
fn token(
    file: Option<&Path>,
    env: Option<String>,
    address: &Address,
    local: Option<&Local>,
) -> std::result::Result<std::result::Result<String, String>, String> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| crate::config::unreadable(&path.display().to_string(), &error).to_string())
    };
    if let Some(path) = file {
        return sane(&read(path)?, &path.display().to_string()).map(Ok);
    }
    if let Some(token) = env {
        return sane(&token, "MERIDIAN_TOKEN").map(Ok);
    }
    let hint = "give one by --token-file FILE or MERIDIAN_TOKEN";
    // This machine's token is for this machine's node.
    let Some(local) = local.filter(|_| address.is_own || address.is_loopback) else {
        return Ok(Err(hint.into()));
    };
    let path = local.token_file();
    match read(&path) {
        Ok(text) => sane(&text, &path.display().to_string()).map(Ok),
        Err(why) => Ok(Err(format!("{hint}, or run it as the user of the node ({why})"))),
    }
}

fn sane(text: &str, from: &str) -> std::result::Result<String, String> {
    let token = text.trim();
    let is_sane = !token.is_empty() && token.len() <= MAX_TOKEN && token.bytes().all(|b| b.is_ascii_graphic());
    if is_sane { Ok(token.to_owned()) } else { Err(format!("{from} holds no token: it is one word of letters, digits and signs")) }
}

fn refuse_to_shout(address: &Address, has_token: bool, insecure_http: bool) -> std::result::Result<(), String> {
    if address.is_https || address.is_loopback || address.is_own || !has_token || insecure_http {
        return Ok(());
    }
    let base = &address.base;
    Err(format!("the token would go to {base} for everybody on the way to read; use https://, or --insecure-http if the way is safe"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(certificate: bool, listen: &str) -> Local {
        Local { listen: listen.parse().unwrap(), certificate: certificate.then(|| "/c.pem".into()), data: "/nonexistent/data".into() }
    }

    #[test]
    fn the_address_is_the_named_one_or_the_local_node() {
        let found = |url: Option<&str>, local: Option<&Local>| address(url, local, None).unwrap();
        assert_eq!(found(None, None).base, "http://127.0.0.1:8080");
        assert_eq!(found(None, Some(&local(false, "127.0.0.1:9"))).base, "http://127.0.0.1:9");
        let own = found(None, Some(&local(true, "0.0.0.0:9")));
        assert_eq!((own.base.as_str(), own.is_https, own.belief), ("https://127.0.0.1:9", true, Belief::Exactly("/c.pem".into())));
        let named = found(Some("https://ns1.example:8443/"), Some(&local(true, "127.0.0.1:9")));
        assert_eq!((named.base.as_str(), named.is_own, named.belief), ("https://ns1.example:8443", false, Belief::System));
        assert_eq!(found(Some("http://h/meridian/"), None).base, "http://h/meridian");
        assert_eq!(address(Some("https://h"), None, Some(Path::new("ca.pem"))).unwrap().belief, Belief::File("ca.pem".into()));
    }

    #[test]
    fn what_is_no_address_is_told() {
        for (url, expected) in [
            ("ns1.example", "neither http"),
            ("ns1.example:8443", "neither http"),
            ("ftp://h", "neither http"),
            ("http://", "neither http"),
            ("http://:80", "not a URL"),
            ("", "not a URL"),
            ("https://me:secret@h", "--token-file"),
            ("https://h/?token=x", "has a query"),
            ("http://h h", "not a URL"),
        ] {
            let error = address(Some(url), None, None).unwrap_err();
            assert!(error.contains(expected), "{url}: {error}");
        }
    }

    #[test]
    fn loopback_is_what_never_leaves() {
        for host in ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LocalHost", "[::ffff:127.0.0.1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["192.0.2.1", "[::]", "0.0.0.0", "localhost.example", "127.0.0.1.example", "example"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_token_goes_only_where_it_belongs() {
        let address = |url| address(url, None, None).unwrap();
        let far = address(Some("https://ns1.example"));
        let here = local(false, "127.0.0.1:1");
        assert_eq!(token(None, Some(" t0ken\n".into()), &far, None), Ok(Ok("t0ken".into())));
        // The local admin token is not looked for when another machine is asked.
        let none = token(None, None, &far, Some(&here)).unwrap().unwrap_err();
        assert_eq!(none, "give one by --token-file FILE or MERIDIAN_TOKEN");
        let none = token(None, None, &address(None), Some(&here)).unwrap().unwrap_err();
        assert!(none.contains("/nonexistent/data/admin.token"), "{none}");
        let wrong = token(None, Some("se cret".into()), &far, None).unwrap_err();
        assert!(wrong.contains("MERIDIAN_TOKEN") && !wrong.contains("cret "), "{wrong}");
        assert!(token(Some(Path::new("/nonexistent/t")), Some("x".into()), &far, None).unwrap_err().contains("no such file"));
    }

    #[test]
    fn a_token_is_not_shouted() {
        let address = |url| address(Some(url), None, None).unwrap();
        assert!(refuse_to_shout(&address("http://192.0.2.1"), true, false).unwrap_err().contains("--insecure-http"));
        for (url, has_token, insecure) in [
            ("http://192.0.2.1", false, false),
            ("http://192.0.2.1", true, true),
            ("https://192.0.2.1", true, false),
            ("http://[::1]:1", true, false),
        ] {
            assert_eq!(refuse_to_shout(&address(url), has_token, insecure), Ok(()), "{url}");
        }
    }
}
