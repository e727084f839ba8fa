//! `[[check]]`.

use crate::document::{At, Node, TableReader, Value, shown};
use std::time::Duration;

/// Faster than this the checks are the load.
const MIN_TIME: Duration = Duration::from_millis(10);
const MAX_TIME: Duration = Duration::from_secs(24 * 3600);
/// A count that takes longer to reach than anybody waits.
const MAX_COUNT: u32 = 1000;
/// Certificates do not live longer.
const MAX_CERTIFICATE_DAYS: u32 = 825;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    Http,
    Hls,
    PanelApi,
    Heartbeat,
}

/// Not `Debug`: it holds passwords.
#[derive(Clone)]
pub struct Check {
    pub kind: Option<At<Kind>>,
    pub port: Option<At<u32>>,
    pub url: Option<At<String>>,
    pub host: Option<At<String>>,
    pub interval: Option<At<Duration>>,
    pub timeout: Option<At<Duration>>,
    pub confirm: Option<At<Duration>>,
    pub degraded_after: Option<At<u32>>,
    pub down_after: Option<At<u32>>,
    pub up_after: Option<At<u32>>,
    pub hold_down: Option<At<bool>>,
    pub watch: Option<At<bool>>,
    pub method: Option<At<String>>,
    pub headers: Vec<(At<String>, At<String>)>,
    pub status: Option<At<Vec<At<u32>>>>,
    pub body: Option<At<String>>,
    pub json: Vec<(At<String>, Node)>,
    pub latency: Option<At<Duration>>,
    pub verify: Option<At<bool>>,
    pub certificate_days: Option<At<u32>>,
    pub user: Option<At<String>>,
    pub password: Option<At<String>>,
    pub password_file: Option<At<String>>,
}

const KINDS: [(&str, Kind); 5] =
    [("tcp", Kind::Tcp), ("http", Kind::Http), ("hls", Kind::Hls), ("panel-api", Kind::PanelApi), ("heartbeat", Kind::Heartbeat)];

/// Keys that only some kinds have.
const ONLY: [(&str, &[Kind]); 17] = {
    const ASKING: &[Kind] = &[Kind::Tcp, Kind::Http, Kind::Hls, Kind::PanelApi];
    const WEB: &[Kind] = &[Kind::Http, Kind::Hls, Kind::PanelApi];
    [
        ("port", &[Kind::Tcp]),
        ("timeout", ASKING),
        ("confirm", ASKING),
        ("watch", ASKING),
        ("url", WEB),
        ("host", WEB),
        ("headers", WEB),
        ("latency", WEB),
        ("verify", WEB),
        ("certificate_days", WEB),
        ("method", &[Kind::Http]),
        ("status", &[Kind::Http]),
        ("body", &[Kind::Http]),
        ("json", &[Kind::Http]),
        ("user", &[Kind::PanelApi]),
        ("password", &[Kind::PanelApi]),
        ("password_file", &[Kind::PanelApi]),
    ]
};

pub(super) fn read(table: &mut TableReader<'_>) -> Check {
    let words = KINDS.map(|(word, _)| format!("\"{word}\"")).join(", ");
    table.needs("kind", format!("say how the panels are asked: kind = one of {words}"));
    let kind = table.word("kind", &KINDS);
    let times = MIN_TIME..=MAX_TIME;
    let check = Check {
        kind,
        port: table.integer("port", 1..=65_535),
        url: table.text("url"),
        host: table.text("host"),
        interval: table.duration("interval", times.clone()),
        timeout: table.duration("timeout", times.clone()),
        confirm: table.duration("confirm", times.clone()),
        degraded_after: table.integer("degraded_after", 1..=MAX_COUNT),
        down_after: table.integer("down_after", 1..=MAX_COUNT),
        up_after: table.integer("up_after", 1..=MAX_COUNT),
        hold_down: table.bool("hold_down"),
        watch: table.bool("watch"),
        method: table.text("method"),
        headers: read_headers(table),
        status: table.integers("status", 100..=599),
        body: table.text("body"),
        json: read_json(table),
        latency: table.duration("latency", times),
        verify: table.bool("verify"),
        certificate_days: table.integer("certificate_days", 0..=MAX_CERTIFICATE_DAYS),
        user: table.text("user"),
        password: table.secret("password"),
        password_file: table.text("password_file"),
    };
    if let Some(kind) = kind {
        refuse_misplaced(table, kind.it);
    }
    check
}

fn read_headers(table: &mut TableReader<'_>) -> Vec<(At<String>, At<String>)> {
    let Some(mut headers) = table.table("headers") else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in headers.rest() {
        let token = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
        if !token {
            headers.error(key.line, &shown(key), "not a header's name", "write letters, digits and `-`, such as \"User-Agent\"");
        }
        if let Some(text) = headers.text_of(&shown(key), node) {
            if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
                headers.error(
                    text.line,
                    &shown(key),
                    "a header's value is one line of text",
                    "leave out line breaks and control characters",
                );
            }
            read.push((key.clone(), text));
        }
    }
    headers.finish();
    read
}

fn read_json(table: &mut TableReader<'_>) -> Vec<(At<String>, Node)> {
    let Some(mut json) = table.table("json") else { return Vec::new() };
    let mut read = Vec::new();
    for (key, node) in json.rest() {
        if !key.is_empty() && !key.starts_with('/') {
            json.error(
                key.line,
                &shown(key),
                "not a JSON pointer",
                format!("begin it with a slash: \"/{}\"", shown(key).replace('.', "/")),
            );
        }
        if matches!(node.it, Value::List(_) | Value::Table(_) | Value::Other(_)) {
            json.error(node.line, &shown(key), "only text, numbers, true and false are compared", "point at the single value that matters");
        }
        read.push((key.clone(), node.clone()));
    }
    json.finish();
    read
}

fn refuse_misplaced(table: &TableReader<'_>, kind: Kind) {
    let word = |kind: &Kind| KINDS.iter().find(|(_, known)| known == kind).map_or("", |(word, _)| *word);
    for (key, kinds) in ONLY {
        if let Some(line) = table.line_of(key).filter(|_| !kinds.contains(&kind)) {
            let kinds = kinds.iter().map(word).collect::<Vec<_>>().join(", ");
            let what = format!("a check of kind {} has no such key", word(&kind));
            table.error(line, key, what, format!("leave it out; it belongs to kind {kinds}"));
        }
    }
}
