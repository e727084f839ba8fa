//! Packets that are odd: EDNS as ISC's compliance tester probes it, malformed messages, odd flags, types and classes.
//!
//! Where the three peers agree on an aspect Meridian agrees, unless an RFC or the issue asks for more (`Must`).

mod peers;

use peers::ask::{self, Outcome};
use peers::probes::{self, Must, Probe};
use peers::wire::{self, Answer};
use peers::{Kind, PEERS, Peer, start_all, world};
use std::fmt::Write as _;

/// What is compared of an answer to an odd packet; contents of sections are the differential test's business.
const ASPECTS: [&str; 7] = ["reply", "rcode", "flags", "question", "opt", "truncated", "sections"];

fn outcome(server: &Peer, probe: &Probe, tcp: bool) -> Outcome {
    let sound = wire::Question::of(wire::name("types.test"), wire::NS).encode();
    if tcp { ask::lone_tcp(server.address, &probe.packet) } else { ask::lone_udp(server.address, &probe.packet, &sound) }
}

fn read(outcome: &Outcome) -> Result<Answer, String> {
    match outcome {
        Outcome::Answer(bytes) => wire::decode(bytes),
        Outcome::Silence => Err("silence".into()),
        Outcome::Closed => Err("closed".into()),
    }
}

fn aspects(outcome: &Outcome) -> [Option<String>; 7] {
    let answer = match read(outcome) {
        Ok(answer) => answer,
        Err(why) => return [Some(why), None, None, None, None, None, None],
    };
    let flags = answer.flags & (wire::AA | wire::RD | wire::RA | wire::Z | wire::AD | wire::CD | 0x7800);
    let opt = answer.opt.as_ref().map_or("none".into(), |o| format!("version {} flags {:x}", o.ttl >> 16 & 255, o.ttl & 0xffff));
    [
        Some("answer".into()),
        Some(wire::rcode_text(answer.rcode())),
        Some(format!("{flags:04x}")),
        Some(if answer.question.is_empty() { "none" } else { "echoed" }.into()),
        Some(opt),
        Some(answer.has(wire::TC).to_string()),
        // Authority and additional of a positive answer are each server's own choice.
        (!answer.has(wire::TC)).then(|| if answer.answer.is_empty() { "no answer" } else { "an answer" }.into()),
    ]
}

fn faults(probe: &Probe, peers: &[Outcome], ours: &Outcome) -> Vec<String> {
    let mine = aspects(ours);
    let theirs: Vec<_> = peers.iter().map(aspects).collect();
    let mut found = Vec::new();
    match probe.must {
        // A connection may be closed over a runt.
        Must::Silence if matches!(ours, Outcome::Answer(_)) => found.push("must be silent".to_owned()),
        Must::Rcode(rcode) if mine[1] != Some(wire::rcode_text(rcode)) => found.push(format!("must be {}", wire::rcode_text(rcode))),
        _ => {}
    }
    for (n, aspect) in ASPECTS.into_iter().enumerate() {
        // An rcode that an RFC or the issue asks for is not for the peers to vote on.
        if probe.must != Must::Agree && n < 2 {
            continue;
        }
        let known: Vec<&String> = theirs.iter().filter_map(|a| a[n].as_ref()).collect();
        if let Some(value) = &mine[n]
            && !known.is_empty()
            && !known.contains(&value)
        {
            found.push(format!("{aspect} {value}, peers {known:?}"));
        }
    }
    found
}

fn show(outcome: &Outcome) -> String {
    match read(outcome) {
        Ok(answer) => {
            let counts = [&answer.answer, &answer.authority, &answer.additional].map(Vec::len);
            let text = answer.to_string();
            format!("{} {counts:?}", text.lines().next().unwrap_or_default())
        }
        Err(why) => why,
    }
}

fn report(titles: &[&str], probe: &Probe, heard: &[Outcome], faults: &[String]) -> String {
    let mut text = format!("\n;; {}: {}\n", probe.title, faults.join("; "));
    for (title, outcome) in titles.iter().zip(heard) {
        writeln!(text, "{title:>9}: {}", show(outcome)).expect("writing to a string");
    }
    text
}

/// An answer of Meridian's own that must be sound, with its EDNS.
fn ask_ours(ours: &Peer, question: &wire::Question) -> Answer {
    let answers = ask::all(ours.address, std::slice::from_ref(question));
    wire::decode(answers[0].as_ref().expect("an answer")).unwrap_or_else(|why| panic!("{question}: {why}"))
}

/// Asks everybody everything and judges the last one against the three before it.
fn judge(probes: &[Probe], tcp: bool) {
    let kinds = [PEERS[0], PEERS[1], PEERS[2], Kind::Meridian];
    let servers = start_all(&kinds, &world("main"));
    let mut wrong = String::new();
    for probe in probes {
        let heard: Vec<Outcome> = servers.iter().map(|server| outcome(server, probe, tcp)).collect();
        let faults = faults(probe, &heard[..3], &heard[3]);
        if !faults.is_empty() {
            wrong.push_str(&report(&kinds.map(Kind::title), probe, &heard, &faults));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn edns_is_as_the_compliance_tester_wants_it() {
    judge(&probes::edns(), false);
}

#[test]
fn malformed_packets_get_an_error_or_silence() {
    judge(&probes::malformed(), false);
}

#[test]
fn unusual_flags_opcodes_types_and_classes() {
    judge(&probes::unusual(), false);
}

#[test]
fn edns_over_tcp() {
    judge(&probes::edns(), true);
}

#[test]
fn malformed_packets_over_tcp() {
    judge(&probes::malformed(), true);
}

#[test]
fn unusual_packets_over_tcp() {
    judge(&probes::unusual(), true);
}

#[test]
fn the_node_says_who_it_is() {
    let servers = start_all(&[Kind::Meridian], &world("main"));
    let chaos = |name: &str| wire::Question { class: 3, ..wire::Question::of(wire::name(name), wire::TXT) };
    for name in ["id.server", "ID.SERVER", "hostname.bind"] {
        let answer = ask_ours(&servers[0], &chaos(name));
        assert_eq!(answer.rcode(), 0, "{name}: {answer}");
        assert_eq!(answer.answer[0].rdata, b"\x05judge", "{name}: {answer}");
        assert_eq!((answer.answer[0].class, answer.answer[0].ttl), (3, 0), "{name}: {answer}");
    }
    let version = ask_ours(&servers[0], &chaos("version.bind"));
    assert!(String::from_utf8_lossy(&version.answer[0].rdata).to_lowercase().contains("meridian"), "{version}");
    let mut question = wire::Question::of(wire::name("types.test"), wire::SOA);
    question.edns = Some(wire::Edns::of(1232).option(3, b""));
    assert_eq!(ask_ours(&servers[0], &question).option(3), Some(&b"judge"[..]), "NSID");
}

/// RFC 9018 §4: with one secret in both, both give one client the same cookie in the same second.
#[test]
fn cookies_are_those_of_bind() {
    let servers = start_all(&[Kind::Bind, Kind::Meridian], &world("main"));
    let mut question = wire::Question::of(wire::name("types.test"), wire::SOA);
    question.edns = Some(wire::Edns::of(1232).option(10, b"judgejud"));
    let cookie = |server: &Peer| ask_ours(server, &question).option(10).map(<[u8]>::to_vec).expect("a cookie");
    let pair = (0..20).map(|_| (cookie(&servers[0]), cookie(&servers[1]))).find(|(bind, ours)| bind[12..16] == ours[12..16]);
    let (bind, ours) = pair.expect("two answers within the same second");
    assert_eq!(wire::hex(&ours), wire::hex(&bind));
}

/// RFC 7873 §5.2: a cookie that comes back good is answered with a cookie, never with BADCOOKIE.
#[test]
fn a_cookie_comes_back() {
    let servers = start_all(&[Kind::Meridian], &world("main"));
    let mut question = wire::Question::of(wire::name("types.test"), wire::SOA);
    question.edns = Some(wire::Edns::of(1232).option(10, b"judgejud"));
    let first = ask_ours(&servers[0], &question).option(10).map(<[u8]>::to_vec).expect("a cookie");
    assert_eq!((first.len(), &first[..8]), (24, &b"judgejud"[..]));
    question.edns = Some(wire::Edns::of(1232).option(10, &first));
    let second = ask_ours(&servers[0], &question);
    assert_eq!((second.rcode(), second.option(10).map(<[u8]>::len)), (0, Some(24)), "{second}");
    // RFC 7873 §5.4: no question, only a cookie, is a question for a cookie.
    let edns = question.edns.expect("just set").record();
    let packet = [wire::header(7, 0, [0, 0, 0, 1]), edns].concat();
    let sound = wire::Question::of(wire::name("types.test"), wire::NS).encode();
    let answer = read(&ask::lone_udp(servers[0].address, &packet, &sound)).expect("an answer");
    assert_eq!((answer.rcode(), answer.option(10).map(<[u8]>::len)), (0, Some(24)), "{answer}");
}

/// RFC 7828: a server that is asked says over TCP how long it waits, and over UDP nothing.
#[test]
fn keepalive_is_for_tcp() {
    let servers = start_all(&[Kind::Meridian], &world("main"));
    let mut question = wire::Question::of(wire::name("types.test"), wire::SOA);
    question.edns = Some(wire::Edns::of(1232).option(11, b""));
    assert_eq!(ask_ours(&servers[0], &question).option(11), None);
    question.tcp = true;
    assert_eq!(ask_ours(&servers[0], &question).option(11).map(<[u8]>::len), Some(2));
}

/// What everybody says to every probe: run with `--ignored --nocapture`; TCP=1 asks over TCP.
#[test]
#[ignore = "a survey to read, not a judgement"]
fn what_the_peers_say() {
    let servers = start_all(&PEERS, &world("main"));
    for probe in probes::edns().iter().chain(&probes::malformed()).chain(&probes::unusual()) {
        let heard: Vec<Outcome> = servers.iter().map(|s| outcome(s, probe, std::env::var_os("TCP").is_some())).collect();
        print!("{}", report(&PEERS.map(Kind::title), probe, &heard, &[]));
    }
}
