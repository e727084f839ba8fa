//! Comparing whole answers, aspect by aspect.
//!
//! Where the three peers agree the fourth must agree; where they differ it must equal one of them.

use super::wire::{self, Answer, Question, Rr};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What one server made of one question.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    Said(Answer),
    Silence,
    Broken(String),
}

pub(crate) fn hear(bytes: Option<&Vec<u8>>) -> Heard {
    match bytes.map(|b| wire::decode(b)) {
        None => Heard::Silence,
        Some(Ok(answer)) => Heard::Said(answer),
        Some(Err(why)) => Heard::Broken(why),
    }
}

impl Heard {
    fn show(&self) -> String {
        match self {
            Heard::Said(answer) => answer.to_string(),
            Heard::Silence => "silence\n".into(),
            Heard::Broken(why) => format!("cannot be read: {why}\n"),
        }
    }
}

/// Records as a set: order, letter case and compression are free.
fn set(records: &[Rr]) -> String {
    let mut sorted: Vec<&Rr> = records.iter().collect();
    sorted.sort();
    sorted.dedup();
    sorted.iter().fold(String::new(), |mut text, rr| {
        writeln!(text, "{} {} {} {} {}", wire::show(&rr.name), rr.ttl, rr.class, rr.rtype, wire::hex(&rr.rdata))
            .expect("writing to a string");
        text
    })
}

pub(crate) const ASPECTS: [&str; 8] = ["reply", "rcode", "aa", "tc", "answer", "authority", "additional", "opt"];

/// The aspects of one answer in comparable form; `None` where an answer has nothing to compare.
fn aspects(heard: &Heard) -> [Option<String>; 8] {
    let Heard::Said(answer) = heard else {
        let what = if matches!(heard, Heard::Silence) { "silence" } else { "broken" };
        return [Some(what.into()), None, None, None, None, None, None, None];
    };
    // A truncated answer is only a request to come again: what is left in it is free.
    let whole = |records: &[Rr]| (!answer.has(wire::TC)).then(|| set(records));
    [
        Some("said".into()),
        Some(wire::rcode_text(answer.rcode())),
        Some(answer.has(wire::AA).to_string()),
        Some(answer.has(wire::TC).to_string()),
        whole(&answer.answer),
        whole(&answer.authority),
        whole(&answer.additional),
        Some(answer.opt.as_ref().map_or("none".into(), |o| format!("version {} flags {:x}", o.ttl >> 16 & 255, o.ttl & 0xffff))),
    ]
}

/// Says for each aspect whether `ours` may stand beside `peers`.
pub(crate) fn faults(question: &Question, peers: &[Heard], ours: &Heard) -> Vec<&'static str> {
    let theirs: Vec<_> = peers.iter().map(aspects).collect();
    let mine = aspects(ours);
    let mut found = Vec::new();
    for (n, aspect) in ASPECTS.into_iter().enumerate() {
        let Some(value) = &mine[n] else { continue };
        let mut known = theirs.iter().filter_map(|a| a[n].as_ref()).peekable();
        if known.peek().is_none() || known.any(|k| k == value) {
            continue;
        }
        let is_excused = match n {
            3 => is_close(question, peers, ours) || proves_more(peers, ours),
            4 => is_close(question, peers, ours),
            5 => is_minimal(peers, ours) || proves_more(peers, ours) || is_close(question, peers, ours),
            6 => {
                is_cut_to_size(question, peers, ours)
                    || is_minimal(peers, ours)
                    || offers_more(peers, ours)
                    || is_close(question, peers, ours)
            }
            _ => false,
        };
        if !is_excused {
            found.push(aspect);
        }
    }
    if let Heard::Said(answer) = ours {
        found.extend(own_faults(question, answer));
    }
    found
}

/// The rule for ANY: everything by the peers but the answer, which may be one whole RRset of the name.
pub(crate) fn any_faults(question: &Question, peers: &[Heard], ours: &Heard) -> Vec<&'static str> {
    let mut found = faults(question, peers, ours);
    // Authority and additional that a peer adds to a set of its own choice say nothing about another's.
    found.retain(|fault| *fault != "additional");
    let Heard::Said(mine) = ours else { return found };
    let Some(first) = mine.answer.first() else { return found };
    found.retain(|fault| *fault != "authority" || !mine.authority.is_empty());
    let is_one_set = mine.answer.iter().all(|rr| (&rr.name, rr.rtype) == (&first.name, first.rtype));
    // BIND gives all sets of the name, so its records of that type are the whole set.
    let is_whole = peers.iter().any(|peer| {
        let Heard::Said(all) = peer else { return false };
        let of_type: Vec<Rr> = all.answer.iter().filter(|rr| rr.rtype == first.rtype).cloned().collect();
        set(&of_type) == set(&mine.answer)
    });
    found.retain(|fault| *fault != "answer" || !(is_one_set && is_whole));
    if mine.answer.iter().any(|rr| (rr.rtype != first.rtype || rr.name != first.name) && !is_alias(&mine.answer)) {
        found.push("more than one set");
    }
    found
}

fn is_alias(records: &[Rr]) -> bool {
    records.iter().any(|rr| rr.rtype == wire::CNAME || rr.rtype == wire::DNAME)
}

/// Names are compressed by different rules and proofs chosen differently, so what just fits for one is truncated by another.
fn is_close(question: &Question, peers: &[Heard], ours: &Heard) -> bool {
    let is_near = |heard: &Heard| matches!(heard, Heard::Said(answer) if !answer.has(wire::TC) && answer.len + 48 > question.room());
    let is_truncated = |heard: &Heard| matches!(heard, Heard::Said(answer) if answer.has(wire::TC));
    is_signed(ours) && (is_near(ours) && peers.iter().any(is_truncated) || is_truncated(ours) && peers.iter().any(is_near))
}

fn is_signed(heard: &Heard) -> bool {
    let Heard::Said(answer) = heard else { return false };
    answer.answer.iter().chain(&answer.authority).any(|rr| rr.rtype == wire::RRSIG)
}

/// True when `ours` carries all additional records of one peer, and beside them only such as another one has.
/// A set that does not fit makes the peers leave out smaller ones and signatures that would.
fn offers_more(peers: &[Heard], ours: &Heard) -> bool {
    let additional = |heard: &Heard| if let Heard::Said(answer) = heard { answer.additional.clone() } else { Vec::new() };
    let mine = additional(ours);
    // Knot proves of the hosts of services which types they do not have.
    let has_all = |peer: &Heard| additional(peer).iter().all(|rr| mine.contains(rr) || is_proof(rr));
    is_signed(ours) && peers.iter().any(has_all) && mine.iter().all(|rr| peers.iter().any(|peer| additional(peer).contains(rr)))
}

/// True when `ours` is a peer's answer without the signed NS set of the apex and the addresses of its servers, which a positive answer need not have.
fn is_minimal(peers: &[Heard], ours: &Heard) -> bool {
    let Heard::Said(ours) = ours else { return false };
    peers.iter().any(|peer| {
        let Heard::Said(peer) = peer else { return false };
        let covers_ns = |rr: &&Rr| rr.rtype == wire::RRSIG && rr.rdata.starts_with(&wire::NS.to_be_bytes());
        // A delegation's NS set is never signed.
        let Some(apex) = peer.authority.iter().find(covers_ns).map(|rr| &rr.name) else { return false };
        let is_extra = |rr: &&Rr| rr.name == *apex && (rr.rtype == wire::NS || covers_ns(rr));
        let needed: Vec<Rr> = peer.authority.iter().filter(|rr| !is_extra(rr)).cloned().collect();
        let named: Vec<&Rr> = peer.authority.iter().filter(|rr| rr.name == *apex && rr.rtype == wire::NS).collect();
        let is_asked = |rr: &Rr| ours.additional.iter().any(|our| our.name == rr.name);
        let wanted: Vec<Rr> =
            peer.additional.iter().filter(|rr| is_asked(rr) || named.iter().all(|ns| ns.rdata != rr.name)).cloned().collect();
        !peer.has(wire::TC) && !peer.answer.is_empty() && set(&needed) == set(&ours.authority) && set(&wanted) == set(&ours.additional)
    })
}

/// True when `ours` is a peer's authority and proofs beside it. Each peer leaves one out somewhere that validators need:
/// Knot and BIND for a wildcard that is an empty non-terminal, Knot where a wildcard stands in for a name that starts with `*`.
fn proves_more(peers: &[Heard], ours: &Heard) -> bool {
    let Heard::Said(ours) = ours else { return false };
    peers.iter().any(|peer| {
        let Heard::Said(peer) = peer else { return false };
        peer.rcode() == ours.rcode()
            && !peer.has(wire::TC)
            && peer.authority.iter().all(|rr| ours.authority.contains(rr))
            && ours.authority.iter().all(|rr| peer.authority.contains(rr) || is_proof(rr))
    })
}

fn is_proof(rr: &Rr) -> bool {
    match rr.rtype {
        wire::NSEC | wire::NSEC3 => true,
        wire::RRSIG => [wire::NSEC, wire::NSEC3].iter().any(|covered| rr.rdata.starts_with(&covered.to_be_bytes())),
        _ => false,
    }
}

/// True when `ours` carries only additional records that a peer has too, and no room for another.
fn is_cut_to_size(question: &Question, peers: &[Heard], ours: &Heard) -> bool {
    let Heard::Said(ours) = ours else { return false };
    let offered: Vec<&Rr> = peers
        .iter()
        .filter_map(|p| if let Heard::Said(answer) = p { Some(answer) } else { None })
        .flat_map(|answer| &answer.additional)
        .collect();
    // A record counts as missing only where the answer names its owner; more is a server's own choice.
    let is_named = |rr: &Rr| ours.answer.iter().chain(&ours.authority).any(|by| by.rdata.ends_with(&rr.name));
    let mut missing: BTreeMap<(&[u8], u16), BTreeSet<&[u8]>> = BTreeMap::new();
    for rr in offered.iter().filter(|rr| !ours.additional.contains(rr) && is_named(rr)) {
        missing.entry((&rr.name, rr.rtype)).or_default().insert(&rr.rdata);
    }
    // Whole sets or nothing: each record takes at least a pointer, ten fixed bytes and its data.
    let smallest = missing.values().map(|set| set.iter().map(|rdata| 12 + rdata.len()).sum::<usize>()).min();
    // With nothing missing, a peer may be the one that had to leave something out.
    let is_tight = |peer: &Heard| matches!(peer, Heard::Said(answer) if answer.len + 40 > question.room());
    // Which of several hosts' addresses make it into a full answer is each server's own choice.
    let is_address = |rr: &Rr| matches!(rr.rtype, wire::A | wire::AAAA) && is_named(rr) && peers.iter().any(is_tight);
    ours.additional.iter().all(|rr| offered.contains(&rr) || is_address(rr))
        && smallest.map_or_else(|| peers.iter().any(is_tight), |bytes| ours.len + bytes > question.room())
}

/// What holds whatever the peers do.
fn own_faults(question: &Question, answer: &Answer) -> Vec<&'static str> {
    let asked = question.encode();
    let echoed = answer.question.is_empty() || asked[12..].starts_with(&answer.question);
    let mut seen = answer.answer.clone();
    seen.sort();
    seen.dedup();
    [
        (!seen.iter().all(|rr| rr.class == wire::IN), "class"),
        (answer.len > question.room(), "longer than asked for"),
        (!answer.squeezed.is_empty(), "compressed where RFC 3597 forbids it"),
        (!is_in_order(question, answer), "aliases out of order"),
        (!echoed, "question not echoed letter for letter"),
        (seen.len() != answer.answer.len(), "the same record twice"),
        (question.edns.is_none() && answer.opt.is_some(), "an OPT that was not asked for"),
        (!answer.has(wire::QR), "no QR"),
        (answer.has(wire::RA), "RA"),
        (answer.has(wire::RD) != (question.flags & wire::RD != 0), "RD not copied"),
        (answer.has(wire::AD) || answer.has(wire::Z), "AD or Z"),
        (answer.opcode() != 0, "opcode"),
    ]
    .into_iter()
    .filter_map(|(wrong, what)| wrong.then_some(what))
    .collect()
}

/// True when each record of the answer is about the name asked for, or the one the aliases before it lead to.
fn is_in_order(question: &Question, answer: &Answer) -> bool {
    let mut name = question.name.to_ascii_lowercase();
    let mut signed = None;
    for rr in &answer.answer {
        if rr.rtype == wire::RRSIG {
            // A signature stands right behind what it covers, unless it is what was asked for.
            if signed == Some((&rr.name, u16::from_be_bytes([rr.rdata[0], rr.rdata[1]]))) {
                continue;
            }
            if question.rtype != wire::RRSIG {
                return false;
            }
        }
        signed = Some((&rr.name, rr.rtype));
        if rr.rtype == wire::DNAME && name != rr.name && name.ends_with(&rr.name) {
            continue;
        }
        if rr.name != name {
            return false;
        }
        if rr.rtype == wire::CNAME && question.rtype != wire::CNAME {
            name.clone_from(&rr.rdata);
        }
    }
    true
}

/// Faults counted by aspect, with the first few shown in full.
#[derive(Default)]
pub(crate) struct Verdict {
    pub(crate) asked: usize,
    counts: BTreeMap<&'static str, usize>,
    shown: Vec<String>,
    seen: BTreeMap<String, usize>,
}

impl Verdict {
    pub(crate) fn add(&mut self, question: &Question, titles: &[&str], heard: &[Heard], faults: &[&'static str]) {
        self.asked += 1;
        if faults.is_empty() {
            return;
        }
        for fault in faults {
            *self.counts.entry(fault).or_default() += 1;
        }
        // One of a kind: the same aspects of the same type, below the same parent.
        let parent = question.name.get(1 + usize::from(question.name[0])..).map_or(String::new(), wire::show);
        let kind = format!("{faults:?} {} {}", question.rtype, parent.to_ascii_lowercase());
        let times = self.seen.entry(kind).or_default();
        *times += 1;
        if *times == 1 && self.shown.len() < most_shown() {
            let mut text = format!("\n;; {question}: {}\n", faults.join(", "));
            for (title, heard) in titles.iter().zip(heard) {
                write!(text, "{title:>9}: {}", heard.show()).expect("writing to a string");
            }
            self.shown.push(text);
        }
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    pub(crate) fn report(&self) -> String {
        let counts: Vec<String> = self.counts.iter().map(|(aspect, n)| format!("{aspect} {n}")).collect();
        let summary = if counts.is_empty() { "no differences".into() } else { counts.join(", ") };
        format!("{}\n{} questions: {summary}; {} kinds\n", self.shown.concat(), self.asked, self.seen.len())
    }
}

/// How many differences are printed in full; DIFFS=200 shows more.
fn most_shown() -> usize {
    std::env::var("DIFFS").ok().and_then(|n| n.parse().ok()).unwrap_or(20)
}
