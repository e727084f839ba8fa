//! Scenarios written without knowing Rust: zones, questions, and what must be said. `tests/scenarios/README.md` tells how to write one.

#[path = "peers/wire.rs"]
#[allow(dead_code)]
mod wire;

#[allow(dead_code)]
mod world;

use meridian::answer::{Ask, Over, Verdict, handle};
use meridian::clock::Now;
use meridian::dns::master;
use meridian::dns::name::Name;
use meridian::dns::rdata;
use meridian::dns::rtype::Type;
use meridian::document::Network;
use meridian::geo::Override;
use meridian::snapshot::{Manners, Snapshot};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use world::mmdb::Entry;
use world::{NoFiles, Published, World};

const NOW: Now = Now { mono_ms: 0, wall_s: 1_559_731_985 };
const CLIENT: &str = "198.51.100.100";

/// A line that begins at the margin, with the indented ones under it.
struct Part<'t> {
    line: u32,
    words: Vec<&'t str>,
    below: Vec<(u32, &'t str)>,
}

#[test]
fn every_scenario_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "scenario"));
    files.sort();
    assert!(!files.is_empty(), "no scenarios");
    let (mut told, mut failures) = (Told::default(), String::new());
    for path in files {
        let shown = format!("tests/scenarios/{}", path.file_name().unwrap().to_string_lossy());
        let text = std::fs::read_to_string(&path).unwrap();
        run(&shown, &text, &mut told, &mut failures);
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(told.charts > 0 && told.wider > 0, "no chart was drawn, or none made a scope wider");
    println!("{} questions, {} charts, {} scopes were wider by them", told.asked, told.charts, told.wider);
}

/// What was done.
#[derive(Default)]
struct Told {
    asked: usize,
    charts: usize,
    wider: usize,
}

fn run(file: &str, text: &str, told: &mut Told, failures: &mut String) {
    let parts = split(file, text);
    let world = world(file, &parts);
    let [charted, own] = [true, false].map(|with_charts| world.publish(with_charts));
    told.charts += charted.charts;
    assert_eq!(own.charts, 0);
    for published in [&charted, &own] {
        judge(file, &parts, published, failures);
    }
    let mut parts = parts.iter().filter(|part| matches!(part.words[0], "ask" | "packet" | "say"));
    while let Some(question) = parts.next() {
        assert_ne!(question.words[0], "say", "{file}:{}: nothing was asked", question.line);
        let expected = parts.next().filter(|part| part.words[0] == "say");
        let expected = expected.unwrap_or_else(|| panic!("{file}:{}: a question without `say`", question.line));
        let asked = Asked::read(file, question);
        let mut scopes = Vec::new();
        for (how, published, scope) in [("", &charted, "scope"), (" without charts", &own, "own-scope")] {
            let want = want(file, expected, &asked, scope);
            let is_told = want[0].contains(" scope=");
            let (got, scope) = got(&published.snapshot, &asked, is_told);
            scopes.push(scope);
            if want != got {
                let asked = question.words.join(" ");
                let _ = writeln!(failures, "{file}:{}: {asked}{how}\n{}", question.line, side_by_side(&want, &got));
            }
        }
        if scopes[0] > scopes[1] {
            let _ = writeln!(failures, "{file}:{}: a chart made the scope longer: {scopes:?}", question.line);
        }
        told.wider += usize::from(scopes[0] < scopes[1]);
        told.asked += 1;
    }
}

/// Every problem that is expected is there, and no other error.
fn judge(file: &str, parts: &[Part<'_>], published: &Published, failures: &mut String) {
    let broken: Vec<String> = parts.iter().filter(|part| part.words[0] == "broken").map(|part| name(file, part, 1).to_string()).collect();
    let mut problems: Vec<(bool, String)> = published.problems.iter().map(|problem| (problem.is_error(), problem.to_string())).collect();
    problems.retain(|(_, text)| !broken.iter().any(|name| text.contains(&format!("zone {name} has no "))));
    for part in parts.iter().filter(|part| part.words[0] == "problem") {
        let text = part.words[1..].join(" ");
        match problems.iter().position(|(_, problem)| problem.contains(&text)) {
            Some(at) => drop(problems.remove(at)),
            None => {
                let _ = writeln!(failures, "{file}:{}: no such problem, but {problems:#?}", part.line);
            }
        }
    }
    for (_, problem) in problems.iter().filter(|(is_error, _)| *is_error) {
        let _ = writeln!(failures, "{problem}");
    }
}

/// Lines only one of the two has are marked.
fn side_by_side(want: &[String], got: &[String]) -> String {
    let show = |mine: &[String], other: &[String]| {
        mine.iter().fold(String::new(), |text, line| format!("{text}      {} {line}\n", if other.contains(line) { ' ' } else { '!' }))
    };
    format!("  expected\n{}  got\n{}", show(want, got), show(got, want))
}

fn split<'t>(file: &str, text: &'t str) -> Vec<Part<'t>> {
    let mut parts: Vec<Part<'t>> = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let number = n as u32 + 1;
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if line.starts_with(' ') {
            parts.last_mut().unwrap_or_else(|| panic!("{file}:{number}: belongs to nothing")).below.push((number, line));
        } else {
            parts.push(Part { line: number, words: line.split_whitespace().collect(), below: vec![] });
        }
    }
    parts
}

fn world<'t>(file: &'t str, parts: &[Part<'_>]) -> World<'t> {
    let manners = Manners { name: "ns1.test".into(), version: "meridian".into(), ..Manners::default() };
    let mut world = World { file, manners, ..World::default() };
    let mut known = Vec::new();
    for part in parts {
        match part.words[0] {
            "server" => serve(file, part, &mut world.manners),
            "fleet" => world.fleet += &body(part),
            "zone" => world.zones.push((name(file, part, 1), body(part))),
            "broken" => world.zones.push((name(file, part, 1), String::new())),
            "places" => {
                for &(line, text) in &part.below {
                    place(text, &mut world.places, &mut known).unwrap_or_else(|| panic!("{file}:{line}: what is this place?"));
                }
            }
            "problem" | "ask" | "say" | "packet" => {}
            other => panic!("{file}:{}: what is {other:?}?", part.line),
        }
    }
    world.database = (!known.is_empty()).then(|| world::mmdb::write(&known));
    world
}

fn serve(file: &str, part: &Part<'_>, manners: &mut Manners) {
    for word in &part.words[1..] {
        match word.split_once('=') {
            Some(("name", name)) => manners.name = name.into(),
            Some(("version", version)) => manners.version = version.into(),
            Some(("size", size)) => manners.udp_size = size.parse().unwrap(),
            Some(("secret", secret)) => manners.cookie_secrets.push(unhex(secret).try_into().unwrap()),
            Some(("ecs_from", networks)) => {
                let networks = networks.split(',').filter(|network| !network.is_empty());
                manners.ecs_from = networks.map(|network| Network::parse(network).unwrap()).collect();
            }
            _ => panic!("{file}:{}: what is {word:?}?", part.line),
        }
    }
}

/// What stands below the part, on the same lines as in the scenario, so that a problem's line is the scenario's.
fn body(part: &Part<'_>) -> String {
    let mut text = String::new();
    let mut at = 1;
    let margin = part.below.first().map_or(0, |(_, line)| line.len() - line.trim_start().len());
    for &(number, line) in &part.below {
        text.extend((at..number).map(|_| '\n'));
        text += line.get(margin..).unwrap_or("");
        text.push('\n');
        at = number + 1;
    }
    text
}

/// What overrides can't say goes into a database.
fn place(text: &str, overrides: &mut Vec<Override>, known: &mut Vec<Entry>) -> Option<()> {
    let mut words = text.split_whitespace().peekable();
    let network = Network::parse(words.next()?).ok()?;
    let mut degrees = || words.next_if(|word| word.parse::<f64>().is_ok()).and_then(|word| word.parse().ok());
    let at: Option<(f64, f64)> = degrees().zip(degrees());
    let (mut country, mut subdivision, mut asn) = (None, None, None);
    for word in words {
        match word.strip_prefix("as") {
            Some(number) => asn = Some(number.parse().ok()?),
            None => {
                let (code, part) = word.split_once('-').map_or((word, None), |(code, part)| (code, Some(part)));
                (country, subdivision) = (Some(code), part);
            }
        }
    }
    if subdivision.is_none() && asn.is_none() {
        let country = country.and_then(|code| code.as_bytes().try_into().ok());
        overrides.push(Override { network, at, country });
        return (at.is_some() || country.is_some()).then_some(());
    }
    let [country, subdivision] = [country, subdivision].map(|code| code.map(String::from));
    known.push(Entry { address: network.address(), prefix: network.prefix(), place: at, country, subdivision, asn });
    Some(())
}

fn name(file: &str, part: &Part<'_>, at: usize) -> Name {
    let text = part.words.get(at).unwrap_or_else(|| panic!("{file}:{}: a name is missing", part.line));
    Name::parse(text).unwrap_or_else(|why| panic!("{file}:{}: {text}: {why}", part.line))
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "half a byte in {text}");
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap()).collect()
}

struct Record {
    owner: Vec<u8>,
    rtype: Type,
    ttl: u32,
    data: Vec<u8>,
}

fn records(file: &str, line: u32, text: &str) -> Vec<Record> {
    let mut found = Vec::new();
    let reading = master::read(file, text.as_bytes(), &Name::root(), &mut NoFiles, &mut |record| {
        found.push(Record { owner: record.owner.into(), rtype: record.rtype, ttl: record.ttl, data: record.rdata.into() });
    });
    assert!(reading.problems.is_empty(), "{file}:{line}: {}", reading.problems[0]);
    found
}

struct Asked {
    bytes: Vec<u8>,
    question: Vec<u8>,
    tcp: bool,
    edns: bool,
    dnssec: bool,
    limit: usize,
    flags: u16,
    from: SocketAddr,
    seed: u64,
    /// The first client subnet that was sent in proper form.
    subnet: Option<Vec<u8>>,
}

impl Asked {
    fn read(file: &str, part: &Part<'_>) -> Self {
        if part.words[0] == "packet" {
            let bytes: Vec<u8> = part.words[1..].iter().filter(|word| **word != "tcp").flat_map(|word| unhex(word)).collect();
            let flags = bytes.get(2..4).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
            let tcp = part.words.contains(&"tcp");
            let from = SocketAddr::new(CLIENT.parse().unwrap(), 53);
            return Self { bytes, question: vec![], tcp, edns: false, dnssec: false, limit: 512, flags, from, seed: 0, subnet: None };
        }
        let rtype = Type::from_mnemonic(part.words[2].as_bytes()).unwrap_or_else(|| panic!("{file}:{}: no such type", part.line));
        let mut question = wire::Question::of(name(file, part, 1).wire().to_vec(), rtype.0);
        let mut edns = None;
        let mut empty = false;
        let (mut from, mut seed, mut sent): (IpAddr, u64, Option<Vec<u8>>) = (CLIENT.parse().unwrap(), 0, None);
        for word in &part.words[3..] {
            match word.split_once('=').unwrap_or((word, "")) {
                ("tcp", _) => question.tcp = true,
                ("rd", _) => question.flags |= wire::RD,
                ("cd", _) => question.flags |= wire::CD,
                ("no-question", _) => empty = true,
                ("from", address) => from = address.parse().unwrap_or_else(|_| panic!("{file}:{}: no address", part.line)),
                ("seed", number) => seed = number.parse().unwrap(),
                ("opcode", code) => question.flags |= code.parse::<u16>().unwrap() << 11,
                ("class", class) => {
                    question.class = meridian::dns::rtype::class::from_mnemonic(class.as_bytes()).unwrap_or_else(|| class.parse().unwrap())
                }
                (key, value) => {
                    let edns = edns.get_or_insert_with(|| wire::Edns::of(1232));
                    match key {
                        "edns" => {}
                        "do" => edns.flags |= 0x8000,
                        "size" => edns.size = value.parse().unwrap(),
                        "version" => edns.version = value.parse().unwrap(),
                        "subnet" => {
                            let option = subnet(value).unwrap_or_else(|| panic!("{file}:{}: no subnet", part.line));
                            *edns = edns.clone().option(8, &option);
                            sent = sent.or(Some(option));
                        }
                        "option" => {
                            let (code, data) = value.split_once(':').unwrap_or((value, ""));
                            *edns = edns.clone().option(code.parse().unwrap(), &unhex(data));
                        }
                        _ => panic!("{file}:{}: what is {word:?}?", part.line),
                    }
                }
            }
        }
        let limit = edns.as_ref().map_or(512, |edns| usize::from(edns.size.max(512)));
        let (dnssec, has_edns) = (edns.as_ref().is_some_and(|edns| edns.flags & 0x8000 != 0), edns.is_some());
        question.edns = edns;
        let mut bytes = question.encode();
        let end = 12 + question.name.len() + 4;
        let mut echoed = bytes[12..end].to_vec();
        if empty {
            bytes.drain(12..end);
            bytes[5] = 0;
            echoed.clear();
        }
        let (tcp, flags, from) = (question.tcp, question.flags, SocketAddr::new(from, 53));
        Self { bytes, question: echoed, tcp, edns: has_edns, dnssec, limit, flags, from, seed, subnet: sent }
    }
}

/// The option that names a client's network. Bits beyond its length are sent as they are written.
fn subnet(text: &str) -> Option<Vec<u8>> {
    let (address, length) = text.split_once('/')?;
    let (address, length): (IpAddr, u8) = (address.parse().ok()?, length.parse().ok()?);
    let (family, octets) = match address {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    Some([&[0, family, length, 0], octets.get(..usize::from(length).div_ceil(8))?].concat())
}

/// Both sides of a comparison are lines in one order. `scope` is the word that says it, where it is not `scope` itself.
fn want(file: &str, part: &Part<'_>, asked: &Asked, scope: &str) -> Vec<String> {
    if part.words[1..] == ["silence"] {
        return vec!["silence".into()];
    }
    let mut head: Vec<String> = part.words[1..].iter().map(|&word| word.into()).collect();
    let told = |word: &str| head.iter().find_map(|told| told.strip_prefix(word)?.strip_prefix('=')).map(|bits| format!("scope={bits}"));
    let told = told(scope).or_else(|| told("scope"));
    head.retain(|word| !word.contains("scope="));
    head.extend(told);
    if asked.subnet.is_some() && !head.iter().any(|word| word == "no-ecs") {
        head.push("ecs".into());
    }
    head.retain(|word| word != "no-ecs");
    if asked.flags & wire::RD != 0 {
        head.push("rd".into());
    }
    if asked.edns && !head.iter().any(|word| word == "no-edns") {
        head.push("edns".into());
        if asked.dnssec {
            head.push("do".into());
        }
    }
    let mut lines = Vec::new();
    for &(line, text) in &part.below {
        let text = text.trim();
        let (class, text) = text.strip_prefix("other-class ").map_or(("", text), |rest| ("other-class ", rest));
        let (section, record) = text.split_once(' ').unwrap_or_else(|| panic!("{file}:{line}: section and record"));
        assert!(matches!(section, "answer" | "authority" | "additional"), "{file}:{line}: no such section");
        for record in records(file, line, record) {
            lines.push(format!("{class}{}", shown(section, &record.owner, record.rtype, record.ttl, &record.data)));
        }
    }
    ordered(head, lines)
}

/// With the scope of the answer, if it has one. `is_told`: it also stands among the words.
fn got(snapshot: &Snapshot, asked: &Asked, is_told: bool) -> (Vec<String>, Option<u8>) {
    let over = if asked.tcp { Over::Tcp } else { Over::Udp };
    let ask = Ask { bytes: &asked.bytes, peer: asked.from, over, seed: asked.seed, path: None };
    let mut out = vec![0xee; 65_535];
    let Verdict::Reply(reply) = handle(NOW, snapshot, &ask, &mut out) else { return (vec!["silence".into()], None) };
    let answer = match wire::decode(&out[..reply.len]) {
        Ok(answer) => answer,
        Err(why) => return (vec![format!("an unreadable answer: {why}")], None),
    };
    let mut scope = None;
    let mut head = vec![wire::rcode_text(answer.rcode())];
    let mut add = |is: bool, word: &str| {
        if is {
            head.push(word.into());
        }
    };
    for (bit, word) in
        [(wire::AA, "aa"), (wire::TC, "tc"), (wire::RD, "rd"), (wire::RA, "ra"), (wire::Z, "z"), (wire::AD, "ad"), (wire::CD, "cd")]
    {
        add(answer.has(bit), word);
    }
    add(out[..2] != asked.bytes[..2], "another-id");
    add(answer.opcode() != asked.flags >> 11 & 15, "another-opcode");
    add(!answer.squeezed.is_empty(), "compressed-where-forbidden");
    add(!asked.tcp && reply.len > asked.limit, "longer-than-the-client-takes");
    if answer.question.is_empty() {
        add(!asked.question.is_empty(), "no-question");
    } else {
        add(!asked.question.is_empty() && answer.question != asked.question, "another-question");
    }
    match &answer.opt {
        None => add(asked.edns, "no-edns"),
        Some(opt) => {
            add(true, "edns");
            add(opt.ttl & 0x8000 != 0, "do");
            let mut rest = &opt.rdata[..];
            while let Some((head, tail)) = rest.split_at_checked(4) {
                let (code, len) = (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]));
                let (value, next) = tail.split_at(usize::from(len));
                rest = next;
                if let Some(sent) = asked.subnet.as_ref().filter(|sent| code == 8 && is_echo(sent, value)) {
                    scope = Some(value[3]);
                    add(true, "ecs");
                    add(is_told, &format!("scope={}", value[3]));
                    add(usize::from(value[3]) > [32, 128][usize::from(sent[1] - 1)], "longer-than-an-address");
                    continue;
                }
                add(true, &if code == 15 { format!("ede={}", value[1]) } else { format!("option={code}:{}", wire::hex(value)) });
            }
        }
    }
    let mut lines = Vec::new();
    for (section, records) in [("answer", &answer.answer), ("authority", &answer.authority), ("additional", &answer.additional)] {
        for rr in records {
            let class = if rr.class == 1 { "" } else { "other-class " };
            lines.push(format!("{class}{}", shown(section, &rr.name, Type(rr.rtype), rr.ttl, &rr.rdata)));
        }
    }
    (ordered(head, lines), scope)
}

/// The answer repeats all of a client's network but the scope.
fn is_echo(sent: &[u8], value: &[u8]) -> bool {
    value.len() == sent.len() && value[..3] == sent[..3] && value[4..] == sent[4..]
}

fn ordered(head: Vec<String>, mut lines: Vec<String>) -> Vec<String> {
    let (rcode, words) = head.split_first().expect("a response code");
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.sort_unstable();
    lines.sort();
    lines.insert(0, format!("{rcode} {}", words.join(" ")).trim().into());
    lines
}

fn shown(section: &str, owner: &[u8], rtype: Type, ttl: u32, data: &[u8]) -> String {
    let owner = Name::from_wire(owner).unwrap().to_lowercase();
    let mut data = data.to_vec();
    rdata::to_canonical(rtype, &mut data);
    format!("{section} {owner} {ttl} {rtype} {}", rdata::show(rtype, &data))
}
