//! The world that whole answers are measured in, and what is asked there.
//!
//! 10,000 static records; 1,000 names with a set of their own and a panel in each of 8 regions; 1,000 names each of two sets with 16
//! panels a region, answered with one and with three. Questions come for names in random order, from random client networks.

use crate::world::{Sequence, atlas, settle};
use meridian::answer::{Ask, Over};
use meridian::compile::plan::plan;
use meridian::dns::name::Name;
use meridian::dns::rtype::Type;
use meridian::fleet;
use meridian::pilot::{Event, Pilot};
use meridian::snapshot::Snapshot;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

const STATIC: u64 = 10_000;
const STEERED: u64 = 1_000;
/// Delegations, aliases and wildcards, each.
const OTHERS: u64 = 1_000;
const PANELS: usize = 16;

/// Name, place, and what the region serves.
const REGIONS: [(&str, [i16; 2], &str); 8] = [
    ("use", [39, -77], "continents = [\"NA\", \"AN\"]"),
    ("usw", [37, -122], "countries = [\"MX\", \"CA\"]"),
    ("sam", [-23, -46], "continents = [\"SA\"]"),
    ("fra", [50, 8], "continents = [\"EU\", \"AF\"], countries = [\"TR\", \"IL\"]"),
    ("lon", [51, 0], "countries = [\"GB\", \"IE\", \"PT\", \"ZA\", \"NG\"]"),
    ("sin", [1, 103], "continents = [\"AS\"]"),
    ("nrt", [35, 140], "countries = [\"JP\", \"KR\", \"TW\"]"),
    ("syd", [-33, 151], "continents = [\"OC\"]"),
];

/// A kind of question.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The name asked for, when this number was drawn.
    asked: fn(u64) -> String,
    qtype: Type,
    edns: Edns,
    /// What an answer has in its sections, without the OPT record.
    counts: [u16; 3],
    rcode: u8,
}

#[derive(Clone, Copy)]
enum Edns {
    None,
    Plain,
    /// With the client's network.
    Subnet,
}

const fn case(name: &'static str, asked: fn(u64) -> String, edns: Edns, answers: u16) -> Case {
    Case { name, asked, qtype: Type::A, edns, counts: [answers, 0, 0], rcode: 0 }
}

pub(crate) const CASES: [Case; 12] = [
    case("static", |n| format!("h{:05}.static.example", n % STATIC), Edns::None, 1),
    Case { counts: [0, 1, 0], rcode: 3, ..case("no such name", |n| format!("x{:010x}.static.example", n & 0xff_ffff_ffff), Edns::None, 0) },
    Case { qtype: Type::AAAA, counts: [0, 1, 0], ..case("no data", |n| format!("h{:05}.static.example", n % STATIC), Edns::None, 0) },
    Case { counts: [0, 1, 1], ..case("referral", |n| format!("www.kid{:03}.static.example", n % OTHERS), Edns::None, 0) },
    // The most labels that leave room for what a DNAME makes of them: all of them are hashed and looked for.
    Case {
        counts: [2, 1, 0],
        rcode: 3,
        ..case("a hundred labels under a DNAME", |n| format!("{}{:03}.old.static.example", "x.".repeat(100), n % OTHERS), Edns::Plain, 2)
    },
    case("wildcard", |n| format!("x{:06x}.w{:03}.static.example", n >> 40, n % OTHERS), Edns::None, 1),
    case("static, EDNS", |n| format!("h{:05}.static.example", n % STATIC), Edns::Plain, 1),
    case("steered", |n| format!("g{:03}.geo.example", n % STEERED), Edns::Plain, 1),
    case("steered, ECS", |n| format!("g{:03}.geo.example", n % STEERED), Edns::Subnet, 1),
    case("steered, CNAME, ECS", |n| format!("c{:03}.geo.example", n % OTHERS), Edns::Subnet, 2),
    case("16 a tier, 1 answer, ECS", |n| format!("one{:03}.geo.example", n % STEERED), Edns::Subnet, 1),
    case("16 a tier, 3 answers, ECS", |n| format!("three{:03}.geo.example", n % STEERED), Edns::Subnet, 3),
];

impl Case {
    pub(crate) fn named(name: &str) -> &'static Self {
        CASES.iter().find(|case| case.name == name).expect("a case of this name")
    }

    /// Whether an answer is what this case is about; else something else is measured.
    pub(crate) fn holds(&self, answer: &[u8]) -> bool {
        let word = |at: usize| u16::from_be_bytes([answer[at], answer[at + 1]]);
        let additional = self.counts[2] + u16::from(!matches!(self.edns, Edns::None));
        answer[3] & 15 == self.rcode && [word(6), word(8), word(10)] == [self.counts[0], self.counts[1], additional]
    }
}

/// Questions of one case, one after the other in memory, as they come into a server's buffers.
pub(crate) struct Questions {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    peers: Vec<SocketAddr>,
}

impl Questions {
    /// So many, by the same clients in the same order for every case.
    pub(crate) fn new(case: &Case, clients: &[Ipv4Addr]) -> Self {
        let mut random = Sequence(7);
        let mut made = Self { bytes: Vec::new(), ends: Vec::new(), peers: Vec::new() };
        for client in clients {
            let n = random.next();
            let name = Name::parse(&(case.asked)(n)).expect("a name");
            let additional = u8::from(!matches!(case.edns, Edns::None));
            made.bytes.extend_from_slice(&[(n >> 8) as u8, n as u8, 0, 0, 0, 1, 0, 0, 0, 0, 0, additional]);
            made.bytes.extend_from_slice(name.wire());
            made.bytes.extend_from_slice(&case.qtype.0.to_be_bytes());
            made.bytes.extend_from_slice(&[0, 1]);
            let [a, b, c, _] = client.octets();
            match case.edns {
                Edns::None => {}
                Edns::Plain => made.bytes.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]),
                Edns::Subnet => made.bytes.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, a, b, c]),
            }
            made.ends.push(made.bytes.len());
            made.peers.push(SocketAddr::from((*client, 1024 | n as u16)));
        }
        made
    }

    /// The question of this number, round and round.
    #[inline]
    pub(crate) fn ask(&self, number: usize) -> Ask<'_> {
        let n = number % self.ends.len();
        let start = if n == 0 { 0 } else { self.ends[n - 1] };
        Ask { bytes: &self.bytes[start..self.ends[n]], peer: self.peers[n], over: Over::Udp, seed: number as u64, path: None }
    }
}

/// 19 of 20 are in networks that the databases know, one anywhere.
pub(crate) fn clients(snapshot: &Snapshot, count: usize) -> Vec<Ipv4Addr> {
    let runs: Vec<(u128, u32)> = snapshot.guide.atlas.ranges().v4().collect();
    let mut random = Sequence(3);
    let mut found = Vec::with_capacity(count);
    while found.len() < count {
        let draw = random.next();
        let at = (draw >> 8) as usize % runs.len();
        let (start, cell) = runs[at];
        if draw.is_multiple_of(20) {
            found.push(Ipv4Addr::from((1 << 24) + (draw >> 8) as u32 % (223 << 24)));
        } else if cell != 0 {
            let last = runs.get(at + 1).map_or(u128::from(u32::MAX), |(next, _)| next - 1);
            found.push(Ipv4Addr::from((start + u128::from(random.next()) % (last - start + 1)) as u32));
        }
    }
    found
}

pub(crate) fn snapshot() -> Arc<Snapshot> {
    let (fleet, problems) = fleet::parse("fleet.toml", fleet().as_bytes(), Path::new(""));
    assert!(!problems.iter().any(|problem| problem.is_error()), "{}", problems[0]);
    let event = Event::Plan { plan: plan("fleet.toml", fleet), problems: vec![], force: false };
    let text = |apex: &Name| if *apex == Name::parse("static.example").unwrap() { fixed() } else { steered() };
    settle(&mut Pilot::default(), event, &text, &mut Some(atlas()), true).expect("a snapshot")
}

fn fleet() -> String {
    let mut text = String::from("[[zone]]\nname = \"static.example\"\nfile = \"z\"\n[[zone]]\nname = \"geo.example\"\nfile = \"z\"\n");
    for (name, at, serves) in REGIONS {
        let _ = writeln!(text, "[[region]]\nname = \"{name}\"\nat = {at:?}\nserves = {{ {serves} }}");
    }
    let mut panel = |name: &str, region: &str, address: [u8; 4]| {
        let _ = writeln!(text, "[[panel]]\nname = \"{name}\"\nregion = \"{region}\"\naddresses = [\"{}\"]", Ipv4Addr::from(address));
        format!("{name:?}")
    };
    let mut sets = Vec::new();
    for n in 0..STEERED {
        let address = |k: usize| [10, (n >> 8) as u8, n as u8, k as u8 + 1];
        let panels = REGIONS.iter().enumerate().map(|(k, (region, ..))| panel(&format!("g{n:03}-{region}"), region, address(k)));
        sets.push((format!("g{n:03}"), panels.collect::<Vec<_>>(), 1, vec![format!("g{n:03}")]));
    }
    let mut many = Vec::new();
    for (k, (region, ..)) in REGIONS.iter().enumerate() {
        many.extend((0..PANELS).map(|n| panel(&format!("{region}-{n}"), region, [10, 99, k as u8, n as u8])));
    }
    for (name, answers) in [("one", 1), ("three", 3)] {
        sets.push((name.into(), many.clone(), answers, (0..STEERED).map(|n| format!("{name}{n:03}")).collect()));
    }
    for (set, panels, answers, hostnames) in sets {
        let panels = panels.join(", ");
        let _ = writeln!(text, "[[set]]\nname = \"{set}\"\npanels = [{panels}]\nanswers = {answers}\nttl = 30\nspread = \"0km\"");
        for hostname in hostnames {
            let _ = writeln!(text, "[[hostname]]\nname = \"{hostname}.geo.example\"\nset = \"{set}\"");
        }
    }
    text
}

const HEAD: &str = "$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.251\nns2 A 192.0.2.252\n";

fn fixed() -> String {
    let mut text = format!("{HEAD}old DNAME new\n");
    for n in 0..STATIC {
        let _ = writeln!(text, "h{n:05} A 198.18.{}.{}", n >> 8, n & 255);
    }
    for n in 0..OTHERS {
        let _ = writeln!(text, "kid{n:03} NS ns.kid{n:03}\nns.kid{n:03} A 198.19.{}.{}", n >> 8, n & 255);
        let _ = writeln!(text, "*.w{n:03} A 198.19.{}.{}", 128 + (n >> 8), n & 255);
    }
    text
}

fn steered() -> String {
    let mut text = String::from(HEAD);
    for n in 0..OTHERS {
        let _ = writeln!(text, "c{n:03} CNAME g{:03}", n % STEERED);
    }
    text
}
