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
        Must::Silence if *ours != Outcome::Silence => found.push("must be silent".to_owned()),
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
