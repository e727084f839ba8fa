//! Every way to die, in one table: what becomes of the verdict, of the answers, and of those that are well.

use crate::certificates::{self, HOST};
use crate::ear::Heard;
use crate::eye::{Eye, Sample};
use crate::inside::{inside, ip};
use crate::node::{Doors, Place, at, until};
use crate::panel::Panel;
use crate::switch::Switch;
use crate::wire;
use meridian::clock;
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// What checks are given; the rest is as it is by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) interval_ms: u64,
    pub(crate) timeout_ms: u64,
    pub(crate) confirm_ms: u64,
}

/// Nobody waits for it, and a machine with much to do still answers within it.
const QUICK: Pace = Pace { interval_ms: 1000, timeout_ms: 2000, confirm_ms: 100 };

impl Pace {
    /// From the fault to the last stale answer, as the design has it.
    fn bound_ms(self) -> u64 {
        self.interval_ms + self.timeout_ms + 2 * (self.confirm_ms + self.timeout_ms)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// kill -9
    Kill,
    /// SIGSTOP
    Stop,
    /// What is typed to a simulated panel.
    Mode(&'static str),
    /// Packets vanish on the way back.
    Swallow,
    /// The cable is pulled at the panel.
    Unplug,
    /// It shows this certificate.
    Certificate(&'static str),
    /// It no longer reports.
    Silence,
    /// Its IPv6 address is closed, those of others are not.
    Six,
    /// As before, and no other has one.
    OnlySix,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    name: &'static str,
    check: &'static str,
    fault: Fault,
    /// The verdict on the address; who is degraded stays in the answers.
    verdict: &'static str,
    /// One of them is said.
    reasons: &'static [&'static str],
    /// Beyond the bound of all checks.
    more_ms: u64,
}

const fn down(name: &'static str, check: &'static str, fault: Fault, reasons: &'static [&'static str]) -> Case {
    Case { name, check, fault, verdict: "down", reasons, more_ms: 0 }
}

const fn degraded(name: &'static str, check: &'static str, fault: Fault, reasons: &'static [&'static str]) -> Case {
    Case { name, check, fault, verdict: "degraded", reasons, more_ms: 0 }
}

/// A playlist with a target of 1 s may stand still for max(3 × 1, 6) s.
const STILL_MS: u64 = 6000;

pub(crate) const CASES: &[Case] = &[
    down("killed, watched", "hls", Fault::Kill, &["connection refused"]),
    down("killed, not watched", "hls-unwatched", Fault::Kill, &["connection refused"]),
    down("stopped", "hls", Fault::Stop, &["no answer within"]),
    down("port closed", "tcp", Fault::Mode("close"), &["connection refused"]),
    down("port closed", "hls", Fault::Mode("close"), &["connection refused"]),
    down("black-holed", "tcp", Fault::Swallow, &["no connection within"]),
    down("black-holed", "hls", Fault::Swallow, &["no connection within"]),
    down("unplugged", "http", Fault::Unplug, &["no connection within", "the host cannot be reached"]),
    down("500", "http", Fault::Mode("status 500"), &["status 500 instead of 200"]),
    down("500", "hls", Fault::Mode("status 500"), &["status 500 instead of 200"]),
    down("200 with HTML", "hls", Fault::Mode("html"), &["not a playlist"]),
    down("200 with HTML", "http-json", Fault::Mode("html"), &["the body is not JSON"]),
    Case { more_ms: STILL_MS, ..down("playlist frozen", "hls", Fault::Mode("freeze"), &["the playlist has not moved for"]) },
    down("segments 404", "hls", Fault::Mode("no-segments"), &["status 404 instead of 200"]),
    down("segments no media", "hls", Fault::Mode("wrong-bytes"), &["it is no media"]),
    down("slow drip", "hls", Fault::Mode("drip"), &["no answer within", "the answer was not complete within"]),
    down("slow drip", "http", Fault::Mode("drip"), &["no answer within", "the answer was not complete within"]),
    down("endless", "hls", Fault::Mode("endless"), &["longer than 1 MiB"]),
    down(
        "cut short",
        "http",
        Fault::Mode("cut"),
        &["the connection was closed early", "the connection was closed in the middle of the answer"],
    ),
    down("reset", "http", Fault::Mode("reset"), &["the connection was reset"]),
    down("expired certificate", "https", Fault::Certificate("expired"), &["the certificate has expired"]),
    down("wrong host", "https", Fault::Certificate("other"), &["the certificate is not for `live.z.example`, but for other.example"]),
    down("certificate of nobody", "https", Fault::Certificate("stranger"), &["the certificate is not trusted"]),
    degraded("certificate near its end", "https", Fault::Certificate("ending"), &["the certificate ends in 2 days"]),
    down("half of the requests failing", "hls", Fault::Mode("half"), &["status 500 instead of 200"]),
    down("half of the requests failing", "http", Fault::Mode("half"), &["status 500 instead of 200"]),
    degraded("late", "http-latency", Fault::Mode("late 900"), &["slow: "]),
    degraded("slower than it plays", "hls", Fault::Mode("slow 4"), &["slower than it plays"]),
    degraded("credentials refused", "hls", Fault::Mode("bar"), &["status 401: it wants other credentials"]),
    down("account refused", "panel-api", Fault::Mode("deny"), &["the account does not get in"]),
    degraded("account near its end", "panel-api", Fault::Mode("ending 2"), &["the account ends in"]),
    down("silent", "heartbeat", Fault::Silence, &["no report for"]),
    down("IPv6 dead, IPv4 alive", "http", Fault::Six, &["connection refused"]),
    down("the only IPv6 dead, IPv4 alive", "http", Fault::OnlySix, &["connection refused"]),
];

/// What was measured of a case.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) case: &'static Case,
    pub(crate) bound_ms: u64,
    /// From the fault to the last stale answer; of those that stay in the answers, to the event.
    pub(crate) measured_ms: u64,
    /// As the event has it: from the first failed check to publication.
    took_s: Option<f64>,
    reason: String,
}

#[test]
fn each_way_to_die_is_seen_for_what_it_is_and_takes_nobody_else_along() {
    if inside("cases::each_way_to_die_is_seen_for_what_it_is_and_takes_nobody_else_along") {
        print!("{}", table(&run("cases", QUICK)));
    }
}

/// All at once: each has a set of its own.
pub(crate) fn run(name: &str, pace: Pace) -> Vec<Row> {
    let place = Place::new(name, &fleet(pace));
    certificates::make(place.path());
    let mut shared = Shared::start(&place);
    let scenes: Vec<Scene> = CASES.iter().zip(1..).map(|(case, n)| Scene::set(case, n)).collect();
    let node = place.start();
    let beating: Vec<String> = CASES.iter().zip(1..).filter(|(case, _)| case.fault == Fault::Silence).flat_map(|(_, n)| well(n)).collect();
    shared.beats = Some(node.doors.beats(beating, Duration::from_millis(pace.interval_ms / 5)));
    let rows: Vec<_> = std::thread::scope(|scope| {
        let node = &node.doors;
        let running: Vec<_> = scenes.into_iter().map(|scene| scope.spawn(move || scene.play(node, pace))).collect();
        running.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let failed = rows.iter().filter(|row| row.is_err()).count();
    assert_eq!(failed, 0, "of {} cases so many went otherwise; each has said why above", rows.len());
    rows.into_iter().flatten().collect()
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| fault | check | verdict | reason | bound | fault to last stale answer | first failed check to publication |\n|---|---|---|---|---|---|---|\n",
    );
    for Row { case, bound_ms, measured_ms, took_s, reason } in rows {
        let seconds = |ms: u64| format!("{:.2} s", ms as f64 / 1000.0);
        let measured = if case.verdict == "down" { seconds(*measured_ms) } else { format!("stays; told after {}", seconds(*measured_ms)) };
        let took = took_s.map_or("".into(), |took_s| format!("{took_s:.2} s"));
        let (name, check, verdict, bound) = (case.name, case.check, case.verdict, seconds(*bound_ms));
        writeln!(text, "| {name} | {check} | {verdict} | {reason} | {bound} | {measured} | {took} |").unwrap();
    }
    text
}

/// Those that are well, two a case: a process each for all cases, and for those with TLS again. Also what is behind switches.
struct Shared {
    _panels: Vec<Panel>,
    beats: Option<Sender<()>>,
}

impl Shared {
    fn start(place: &Place) -> Self {
        let certificate = |name: &str| {
            let of = |end: &str| place.path().join(format!("{name}.{end}")).display().to_string();
            ["--certificate".to_owned(), of("pem"), "--key".into(), of("key")]
        };
        let cases = || CASES.iter().zip(1u8..);
        let mut panels = Vec::new();
        for last in [2, 3] {
            let plain = cases().filter(|(case, _)| case.check != "https").map(|(_, n)| at(&format!("127.1.{n}.{last}"), 8090));
            let sixes = cases().filter(|(case, _)| case.fault == Fault::Six).map(|(_, n)| {
                ip(&format!("addr add fd00::{n}:{last}/128 dev lo nodad"));
                at(&format!("fd00::{n}:{last}"), 8090)
            });
            panels.push(Panel::start("well", &plain.chain(sixes).collect::<Vec<_>>(), &[]));
            let secure = cases().filter(|(case, _)| case.check == "https").map(|(_, n)| at(&format!("127.1.{n}.{last}"), 8443));
            panels.push(Panel::start("well", &secure.collect::<Vec<_>>(), &certificate("sound")));
        }
        for name in CERTIFICATES {
            panels.push(Panel::start(name, &[behind(name)], &certificate(name)));
        }
        Self { _panels: panels, beats: None }
    }
}

const CERTIFICATES: [&str; 5] = ["sound", "expired", "ending", "other", "stranger"];

/// Where panels show a certificate of this name.
fn behind(name: &str) -> String {
    let place = CERTIFICATES.iter().position(|known| *known == name).unwrap();
    at(&format!("127.2.0.{}", place + 1), 8443)
}

/// One case, ready to be played.
struct Scene {
    case: &'static Case,
    n: u8,
    panel: Option<Panel>,
    switch: Option<Switch>,
}

impl Scene {
    fn set(case: &'static Case, n: u8) -> Self {
        let mut scene = Self { case, n, panel: None, switch: None };
        match case.fault {
            Fault::Silence => {}
            Fault::Certificate(_) => scene.switch = Some(Switch::open(&at(&scene.address(), 8443), &behind("sound"))),
            Fault::Swallow | Fault::Unplug => scene.panel = Some(Panel::start_far(&dying(n), n, 8090)),
            Fault::Six | Fault::OnlySix => {
                ip(&format!("addr add {} dev lo nodad", six(n)));
                scene.panel = Some(Panel::start(&dying(n), &[at(&scene.address(), 8090), at(&six(n), 8090)], &[]));
            }
            Fault::Kill | Fault::Stop | Fault::Mode(_) => scene.panel = Some(Panel::start(&dying(n), &[at(&scene.address(), 8090)], &[])),
        }
        scene
    }

    /// Its first one.
    fn address(&self) -> String {
        address(self.case, self.n)
    }

    fn play(mut self, node: &Doors, pace: Pace) -> Row {
        let (case, n) = (self.case, self.n);
        let is_six = matches!(case.fault, Fault::Six | Fault::OnlySix);
        let mut beats = (case.fault == Fault::Silence).then(|| node.beats(vec![dying(n)], Duration::from_millis(pace.interval_ms / 5)));
        let dead: IpAddr = if is_six { six(n) } else { self.address() }.parse().unwrap();
        let well: Vec<IpAddr> = [2, 3].map(|last| format!("127.1.{n}.{last}").parse().unwrap()).to_vec();
        self.is_ready(node);
        let name = format!("c{n}.z.example");
        let (four, mut sixes) = (node.eye(&name, wire::A), None);
        let eye = if is_six { sixes.insert(node.eye(&name, wire::AAAA)) } else { &four };
        let begun_ms = clock::now().mono_ms;
        eye.sees(begun_ms, "all panels", |sample| sample.addresses.contains(&dead));

        let broken_ms = clock::now().mono_ms;
        self.break_it(&mut beats);
        let heard = node.ear.hears(broken_ms, &dying(n), &dead.to_string(), case.verdict);
        let reason = heard.body["reason"].as_str().unwrap().to_owned();
        assert!(case.reasons.iter().any(|expected| reason.contains(expected)), "{}, {}: {reason}", case.name, case.check);
        let leaves = case.verdict == "down";
        for sample in eye.next(20) {
            assert_eq!(sample.addresses.contains(&dead), !leaves, "{}, {}: {:?}", case.name, case.check, sample.addresses);
            // That there is no address is remembered no longer than what changes.
            assert!(case.fault != Fault::OnlySix || sample.ttl <= 1, "{}: {sample:?}", case.name);
        }
        let stale = eye.samples().into_iter().rev().find(|sample| sample.addresses.contains(&dead)).unwrap();
        let measured_ms = if leaves { stale.heard_ms.saturating_sub(broken_ms) } else { heard.at_ms - broken_ms };

        let healed_ms = clock::now().mono_ms;
        self.heal(node, pace, &mut beats);
        node.ear.hears(healed_ms, &dying(n), &dead.to_string(), "up");
        eye.sees(healed_ms, "the panel that came back", |sample| sample.addresses.contains(&dead));
        self.judge(node, &four, sixes.as_ref(), &well, broken_ms);
        let took_s = heard.body["seconds"].as_f64();
        let bound_ms = if case.name == "killed, watched" { 1000 } else { pace.bound_ms() + case.more_ms };
        Row { case, bound_ms, measured_ms, took_s, reason }
    }

    /// All three are up, and watched where they can be.
    fn is_ready(&self, node: &Doors) {
        let is_watched = !["hls-unwatched", "heartbeat"].contains(&self.case.check);
        let is_well = |health: &Value| {
            let addresses = health["addresses"].as_array().unwrap();
            let watched = addresses.iter().all(|address| address["checks"][0]["watched"] == is_watched);
            health["verdict"] == "up" && watched
        };
        let panels = [vec![dying(self.n)], well(self.n).to_vec()].concat();
        panels.iter().for_each(|panel| drop(until(&format!("{panel} well and watched"), || node.health(panel), is_well)));
    }

    fn break_it(&mut self, beats: &mut Option<Sender<()>>) {
        let n = self.n;
        match (self.case.fault, &mut self.panel) {
            (Fault::Kill, Some(panel)) => panel.signal(Signal::KILL),
            (Fault::Stop, Some(panel)) => panel.signal(Signal::STOP),
            (Fault::Mode(mode), Some(panel)) => panel.tell(mode),
            (Fault::Swallow, Some(panel)) => panel.swallow(n, true),
            (Fault::Unplug, Some(panel)) => panel.plug(false),
            (Fault::Six | Fault::OnlySix, Some(panel)) => panel.tell(&format!("{} close", at(&six(n), 8090))),
            (Fault::Certificate(name), _) => self.switch.as_ref().unwrap().turn(&behind(name)),
            (Fault::Silence, _) => *beats = None,
            (fault, None) => unreachable!("{fault:?} has a panel"),
        }
    }

    fn heal(&mut self, node: &Doors, pace: Pace, beats: &mut Option<Sender<()>>) {
        let n = self.n;
        match (self.case.fault, &mut self.panel) {
            (Fault::Kill, Some(panel)) => panel.start_again(),
            (Fault::Stop, Some(panel)) => panel.signal(Signal::CONT),
            (Fault::Mode(_) | Fault::Six | Fault::OnlySix, Some(panel)) => panel.tell("heal"),
            (Fault::Swallow, Some(panel)) => panel.swallow(n, false),
            (Fault::Unplug, Some(panel)) => panel.plug(true),
            (Fault::Certificate(_), _) => self.switch.as_ref().unwrap().turn(&behind("sound")),
            (Fault::Silence, _) => *beats = Some(node.beats(vec![dying(n)], Duration::from_millis(pace.interval_ms / 5))),
            (fault, None) => unreachable!("{fault:?} has a panel"),
        }
    }

    /// Of those that are well nobody was ever missing, and no other family suffered.
    fn judge(&self, node: &Doors, four: &Eye, six: Option<&Eye>, well: &[IpAddr], broken_ms: u64) {
        let (case, n) = (self.case, self.n);
        let has_all = |sample: &Sample, all: &[IpAddr]| all.iter().all(|address| sample.addresses.contains(address));
        let known: BTreeSet<IpAddr> = well.iter().copied().chain([self.address().parse().unwrap()]).collect();
        for sample in four.samples() {
            assert!(has_all(&sample, well) && sample.addresses.is_subset(&known), "{}: {sample:?}", case.name);
            assert!(six.is_none() || sample.addresses == known, "{}: {sample:?}", case.name);
        }
        if case.fault == Fault::Six {
            let well = [2, 3].map(|last| format!("fd00::{n}:{last}").parse().unwrap());
            six.unwrap().samples().iter().for_each(|sample| assert!(has_all(sample, &well), "{}: {sample:?}", case.name));
        }
        for panel in self::well(n) {
            let health = node.health(&panel);
            let history = health["history"].as_array().unwrap();
            let is_start = |turn: &Value| turn["from"] == "unknown" && turn["to"] == "up";
            assert!(health["verdict"] == "up" && history.iter().all(is_start), "{}: {health}", case.name);
        }
        // Nobody is down who was not degraded before, but for a connection that is refused: that is conclusive.
        let turns: Vec<Heard> = node.ear.of(&dying(n)).into_iter().filter(|heard| heard.at_ms >= broken_ms).collect();
        let of_address = turns.iter().filter(|heard| heard.body["address"].is_string());
        let verdicts: Vec<&str> = of_address.map(|heard| heard.body["to"].as_str().unwrap()).collect();
        let is_expected = match case.verdict {
            "down" => verdicts == ["degraded", "down", "up"] || verdicts == ["down", "up"] && case.reasons == ["connection refused"],
            verdict => verdicts == [verdict, "up"],
        };
        assert!(is_expected, "{}, {}: {verdicts:?}", case.name, case.check);
    }
}

fn fleet(pace: Pace) -> String {
    let Pace { interval_ms, timeout_ms, confirm_ms } = pace;
    let mut text = String::from("[defaults]\nsteer = \"round-robin\"\nanswers = 3\nttl = 2\nttl_changing = 1\n");
    let live = "url = \"http://{address}:8090/live/index.m3u8\"";
    let health = "url = \"http://{address}:8090/health\"";
    for (name, kind, keys) in [
        ("tcp", "tcp", "port = 8090".to_owned()),
        ("http", "http", health.into()),
        ("http-json", "http", format!("{health}\njson = {{ \"/status\" = \"ok\" }}")),
        ("http-latency", "http", format!("{health}\nlatency = \"500ms\"")),
        ("https", "http", format!("url = \"https://{{address}}:8443/health\"\nhost = \"{HOST}\"")),
        ("hls", "hls", live.into()),
        ("hls-unwatched", "hls", format!("{live}\nwatch = false")),
        ("panel-api", "panel-api", "url = \"http://{address}:8090/\"\nuser = \"u\"\npassword = \"p\"".into()),
    ] {
        let times = format!("interval = \"{interval_ms}ms\"\ntimeout = \"{timeout_ms}ms\"\nconfirm = \"{confirm_ms}ms\"");
        writeln!(text, "[[check]]\nname = \"{name}\"\nkind = \"{kind}\"\n{times}\n{keys}").unwrap();
    }
    writeln!(text, "[[check]]\nname = \"heartbeat\"\nkind = \"heartbeat\"\ninterval = \"{interval_ms}ms\"").unwrap();
    for (case, n) in CASES.iter().zip(1u8..) {
        let [a, b] = well(n);
        for (panel, last) in [(dying(n), 1), (a.clone(), 2), (b.clone(), 3)] {
            let first = if last == 1 { address(case, n) } else { format!("127.1.{n}.{last}") };
            let has_six = case.fault == Fault::Six || case.fault == Fault::OnlySix && last == 1;
            let second = if has_six { format!(", \"fd00::{n}:{last}\"") } else { String::new() };
            writeln!(text, "[[panel]]\nname = \"{panel}\"\naddresses = [\"{first}\"{second}]\nchecks = [\"{}\"]", case.check).unwrap();
        }
        writeln!(text, "[[set]]\nname = \"s{n}\"\npanels = [\"{}\", \"{a}\", \"{b}\"]", dying(n)).unwrap();
        writeln!(text, "[[hostname]]\nname = \"c{n}.z.example\"\nset = \"s{n}\"").unwrap();
    }
    text
}

fn dying(n: u8) -> String {
    format!("p{n}-dies")
}

fn well(n: u8) -> [String; 2] {
    ["a", "b"].map(|word| format!("p{n}-{word}"))
}

fn address(case: &Case, n: u8) -> String {
    let is_far = matches!(case.fault, Fault::Swallow | Fault::Unplug);
    if is_far { format!("10.9.{n}.2") } else { format!("127.1.{n}.1") }
}

fn six(n: u8) -> String {
    format!("fd00::{n}:1")
}
