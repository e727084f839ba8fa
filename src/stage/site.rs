//! What a panel has at which path.

use super::http::{Page, Request};
use super::mode::Mode;
use super::stream::{self, Stream, VARIANTS, Variant};
use super::tally::Kind;
use serde_json::json;
use std::net::SocketAddr;

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const MEDIA: &str = "video/mp2t";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// What a player could take for a stream only if it does not look.
const PEOPLE: &str = "<!doctype html><html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>\n";
const NO_MEDIA: &str = "this is no media, whatever its name says\n";

/// An account that does not end soon.
const ACCOUNT_S: u64 = 365 * 86_400;

/// What stays the same for all addresses of a panel.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) name: String,
    pub(super) stream: Stream,
    pub(super) capacity: u32,
    pub(super) scheme: &'static str,
}

/// What an answer depends on, besides the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) mode: Mode,
    /// When the mode was set, and now.
    pub(super) since_ms: u64,
    pub(super) now_ms: u64,
    pub(super) wall_s: u64,
    /// Where the request came in.
    pub(super) at: SocketAddr,
    /// As the panel reports them.
    pub(super) connections: u32,
    /// How many there were before it at this address, and connections that were accepted.
    pub(super) earlier: u64,
    pub(super) accepted: u64,
}

/// A path, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place<'a> {
    Master {
        is_absolute: bool,
    },
    Media {
        variant: Variant,
        is_absolute: bool,
    },
    Segment {
        variant: Variant,
        number: u64,
    },
    FilmList,
    Film,
    Health,
    Account,
    Stub,
    /// Leads on, so many times, to the path behind it.
    Moved {
        times: u32,
        to: &'a str,
    },
    /// Leads to itself.
    Loop,
    Nothing,
}

impl Site {
    pub(super) fn kind(&self, request: &Request) -> Kind {
        match place(&request.path) {
            Place::Master { .. } => Kind::Master,
            Place::Media { .. } | Place::FilmList => Kind::Media,
            Place::Segment { .. } | Place::Film => Kind::Segment,
            Place::Health => Kind::Health,
            Place::Account => Kind::Account,
            Place::Stub => Kind::Stub,
            Place::Moved { .. } | Place::Loop | Place::Nothing => Kind::Other,
        }
    }

    pub(super) fn page(&self, request: &Request, moment: &Moment) -> Page {
        if !["GET", "HEAD"].contains(&request.method.as_str()) {
            return Page::plain(405).field("Allow", "GET, HEAD");
        }
        let place = place(&request.path);
        let is_segment = matches!(place, Place::Segment { .. } | Place::Film);
        match moment.mode {
            Mode::Status(code) => return Page::plain(code),
            Mode::Html => return Page::new(200, HTML, PEOPLE),
            Mode::HalfFail if moment.earlier.is_multiple_of(2) => return Page::plain(500),
            Mode::Barred => return Page::plain(401).field("WWW-Authenticate", "Basic realm=\"panel\""),
            Mode::NoSegments if is_segment => return Page::plain(404),
            Mode::WrongBytes if is_segment => return Page::new(200, MEDIA, NO_MEDIA.repeat(100)),
            _ => {}
        }
        self.find(place, request, moment).cut(request.range.as_deref())
    }

    /// Bytes a second that make a body take `times` as long as it plays; None where it does not play.
    pub(super) fn slow_rate(&self, request: &Request, times: u32) -> Option<u64> {
        let variant = match place(&request.path) {
            Place::Segment { variant, .. } => variant,
            Place::Film => VARIANTS[0],
            _ => return None,
        };
        Some((Stream::bytes_per_s(variant) / u64::from(times.max(1))).max(1))
    }

    fn find(&self, place: Place<'_>, request: &Request, moment: &Moment) -> Page {
        // A stream that no longer moves is one where time stands still; its segments are still there.
        let stands_ms = if moment.mode == Mode::Frozen { moment.since_ms } else { moment.now_ms };
        match place {
            Place::Master { is_absolute: false } => Page::new(200, PLAYLIST, stream::master("", "index.m3u8")),
            Place::Master { is_absolute: true } => {
                Page::new(200, PLAYLIST, stream::master(&format!("{}/live/", self.origin(request, moment)), "absolute.m3u8"))
            }
            Place::Media { is_absolute: false, .. } => Page::new(200, PLAYLIST, self.stream.playlist(stands_ms, "")),
            Place::Media { variant, is_absolute: true } => {
                let base = format!("{}/live/{}/", self.origin(request, moment), variant.name);
                Page::new(200, PLAYLIST, self.stream.playlist(stands_ms, &base))
            }
            Place::Segment { variant, number } => match self.stream.segment(variant, number, stands_ms) {
                Some(bytes) => Page::new(200, MEDIA, bytes).field("Accept-Ranges", "bytes"),
                None => Page::plain(404),
            },
            Place::FilmList => Page::new(200, PLAYLIST, self.stream.film_playlist()),
            Place::Film => Page::new(200, MEDIA, self.stream.film()).field("Accept-Ranges", "bytes"),
            Place::Health => {
                let body = json!({"status": "ok", "panel": self.name, "connections": moment.connections, "capacity": self.capacity});
                Page::new(200, JSON, body.to_string())
            }
            Place::Account => self.account(request, moment),
            Place::Stub => Page::new(200, "text/plain", stub(moment)),
            Place::Moved { times: 0, to } => {
                let behind = Request { path: format!("/{to}"), ..request.clone() };
                self.find(self::place(&behind.path), &behind, moment)
            }
            Place::Moved { times, to } => Page::plain(302).field("Location", format!("/moved/{}/{to}", times - 1)),
            Place::Loop => Page::plain(302).field("Location", "/loop"),
            Place::Nothing => Page::plain(404),
        }
    }

    /// As the panel of such a host would write it: the name it was asked by, and its own port.
    fn origin(&self, request: &Request, moment: &Moment) -> String {
        let ip = moment.at.ip();
        let name = match request.host.rsplit_once(':') {
            Some((name, port)) if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name.to_owned(),
            _ if !request.host.is_empty() => request.host.clone(),
            _ if ip.is_ipv6() => format!("[{ip}]"),
            _ => ip.to_string(),
        };
        format!("{}://{name}:{}", self.scheme, moment.at.port())
    }

    /// As Xtream-style panels answer: most numbers are texts.
    fn account(&self, request: &Request, moment: &Moment) -> Page {
        let given = |key: &str| {
            let pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).next().filter(|value| !value.is_empty())
        };
        let (Some(user), Some(_), false) = (given("username"), given("password"), moment.mode == Mode::Denied) else {
            return Page::new(200, JSON, json!({"user_info": {"auth": 0}}).to_string());
        };
        let ends_in_s = match moment.mode {
            Mode::Ending { within } => within.as_secs(),
            _ => ACCOUNT_S,
        };
        let body = json!({
            "user_info": {
                "username": user,
                "auth": 1,
                "status": "Active",
                "exp_date": (moment.wall_s + ends_in_s).to_string(),
                "is_trial": "0",
                "active_cons": moment.connections.to_string(),
                "max_connections": self.capacity.to_string(),
                "allowed_output_formats": ["m3u8", "ts"],
            },
            "server_info": {"url": moment.at.ip().to_string(), "port": moment.at.port().to_string(), "timestamp_now": moment.wall_s},
        });
        Page::new(200, JSON, body.to_string())
    }
}

fn place(path: &str) -> Place<'_> {
    let named = |name: &str| VARIANTS.into_iter().find(|variant| variant.name == name);
    match *path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        ["live", "index.m3u8"] => Place::Master { is_absolute: false },
        ["live", "absolute.m3u8"] => Place::Master { is_absolute: true },
        ["live", variant, file] => match (named(variant), file, file.strip_suffix(".ts").map(str::parse)) {
            (Some(variant), "index.m3u8", _) => Place::Media { variant, is_absolute: false },
            (Some(variant), "absolute.m3u8", _) => Place::Media { variant, is_absolute: true },
            (Some(variant), _, Some(Ok(number))) => Place::Segment { variant, number },
            _ => Place::Nothing,
        },
        ["vod", "index.m3u8"] => Place::FilmList,
        ["vod", "film.ts"] => Place::Film,
        ["health"] => Place::Health,
        ["player_api.php"] => Place::Account,
        ["stub_status"] => Place::Stub,
        ["loop"] => Place::Loop,
        ["moved", times, first, ..] if first != "moved" => match (times.parse(), path.splitn(4, '/').nth(3)) {
            (Ok(times), Some(to)) => Place::Moved { times, to },
            _ => Place::Nothing,
        },
        _ => Place::Nothing,
    }
}

/// As nginx writes it.
fn stub(moment: &Moment) -> String {
    let (active, accepted, handled) = (moment.connections, moment.accepted, moment.earlier + 1);
    let waiting = active.saturating_sub(1);
    format!(
        "Active connections: {active} \nserver accepts handled requests\n {accepted} {accepted} {handled} \nReading: 0 Writing: 1 Waiting: {waiting} \n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn site() -> Site {
        let stream = Stream::new(100, 0, Duration::from_secs(2));
        Site { name: "fra1".into(), stream, capacity: 500, scheme: "http" }
    }

    fn moment(mode: Mode) -> Moment {
        let at = "127.0.0.1:8090".parse().unwrap();
        Moment { mode, since_ms: 4_000, now_ms: 10_000, wall_s: 1_795_269_600, at, connections: 12, earlier: 0, accepted: 3 }
    }

    fn asked(path: &str, mode: Mode) -> (u16, String) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request =
            Request { method: "GET".into(), path: path.into(), query: query.into(), host: "h.example".into(), ..Request::default() };
        let page = site().page(&request, &moment(mode));
        (page.status, String::from_utf8_lossy(&page.body).into_owned())
    }

    #[test]
    fn each_path_has_its_page() {
        for (path, status, expected) in [
            ("/live/index.m3u8", 200, "\nlow/index.m3u8\n"),
            ("/live/absolute.m3u8", 200, "\nhttp://h.example:8090/live/high/absolute.m3u8\n"),
            ("/live/low/index.m3u8", 200, "\n110.ts\n"),
            ("/live/high/absolute.m3u8", 200, "\nhttp://h.example:8090/live/high/110.ts\n"),
            ("/live/high/110.ts", 200, "G@"),
            ("/live/high/111.ts", 404, ""),
            ("/live/other/110.ts", 404, ""),
            ("/live/high/x.ts", 404, ""),
            ("/vod/index.m3u8", 200, "#EXT-X-ENDLIST"),
            ("/health", 200, "\"connections\":12"),
            ("/player_api.php?username=u&password=p", 200, "\"auth\":1"),
            ("/player_api.php?username=u", 200, "{\"user_info\":{\"auth\":0}}"),
            (
                "/stub_status",
                200,
                "Active connections: 12 \nserver accepts handled requests\n 3 3 1 \nReading: 0 Writing: 1 Waiting: 11 \n",
            ),
            ("/moved/0/live/index.m3u8", 200, "low/index.m3u8"),
            ("/moved/2/live/index.m3u8", 302, ""),
            ("/moved/0/moved/0/health", 404, ""),
            ("/loop", 302, ""),
            ("/", 404, ""),
            ("//", 404, ""),
        ] {
            let (found, body) = asked(path, Mode::Fine);
            assert!(found == status && body.contains(expected), "{path}: {found} {body}");
        }
    }

    #[test]
    fn a_mode_breaks_what_it_says_and_nothing_else() {
        let (list, segment) = ("/live/low/index.m3u8", "/live/low/110.ts");
        for (mode, path, status, expected) in [
            (Mode::Status(503), "/health", 503, "503 Service Unavailable"),
            (Mode::Html, segment, 200, "<!doctype html>"),
            (Mode::Barred, list, 401, ""),
            (Mode::NoSegments, list, 200, "#EXTM3U"),
            (Mode::NoSegments, segment, 404, ""),
            (Mode::WrongBytes, list, 200, "#EXTM3U"),
            (Mode::WrongBytes, segment, 200, "this is no media"),
            // What was the newest at 4 s stays it.
            (Mode::Frozen, list, 200, "MEDIA-SEQUENCE:102\n"),
            (Mode::Frozen, "/live/low/107.ts", 200, "G@"),
            (Mode::Fine, list, 200, "MEDIA-SEQUENCE:105\n"),
            (Mode::Denied, "/player_api.php?username=u&password=p", 200, "\"auth\":0"),
            (Mode::Ending { within: Duration::from_secs(60) }, "/player_api.php?username=u&password=p", 200, "\"exp_date\":\"1795269660\""),
        ] {
            let (found, body) = asked(path, mode);
            assert!(found == status && body.contains(expected), "{mode} {path}: {found} {body}");
        }
    }

    #[test]
    fn every_second_request_fails() {
        let request = Request { method: "GET".into(), path: "/health".into(), ..Request::default() };
        let status = |earlier| site().page(&request, &Moment { earlier, ..moment(Mode::HalfFail) }).status;
        assert_eq!([0, 1, 2, 3].map(status), [500, 200, 500, 200]);
    }

    #[test]
    fn a_slow_segment_takes_longer_than_it_plays() {
        let rate = |path: &str| site().slow_rate(&Request { path: path.into(), ..Request::default() }, 4);
        assert_eq!(rate("/live/low/110.ts"), Some(25_000 / 4));
        assert_eq!(rate("/live/low/index.m3u8"), None);
    }
}
