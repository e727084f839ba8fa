//! Scenarios written without knowing Rust: zones, questions, and what must be said. `tests/scenarios/README.md` tells how to write one.

#[path = "peers/wire.rs"]
#[allow(dead_code)]
mod wire;

use meridian::answer::{Ask, Over, Verdict, handle};
use meridian::clock::Now;
use meridian::compile::zone::{self, Steered};
use meridian::dns::master::{self, Loader};
use meridian::dns::name::Name;
use meridian::dns::rdata;
use meridian::dns::rtype::Type;
use meridian::snapshot::{Manners, Serving, Snapshot, Zones};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

const NOW: Now = Now { mono_ms: 0, wall_s: 1_559_731_985 };
const PEER: &str = "198.51.100.100:53";

struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("a scenario includes no files".into())
    }
}

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
    let (mut asked, mut failures) = (0, String::new());
    for path in files {
        let shown = format!("tests/scenarios/{}", path.file_name().unwrap().to_string_lossy());
        let text = std::fs::read_to_string(&path).unwrap();
        asked += run(&shown, &text, &mut failures);
    }
    assert!(failures.is_empty(), "\n{failures}");
    println!("{asked} questions");
}

fn run(file: &str, text: &str, failures: &mut String) -> usize {
    let parts = split(file, text);
    let snapshot = world(file, &parts);
    let mut asked = 0;
    let mut parts = parts.iter().filter(|part| matches!(part.words[0], "ask" | "packet" | "say"));
    while let Some(question) = parts.next() {
        assert_ne!(question.words[0], "say", "{file}:{}: nothing was asked", question.line);
        let expected = parts.next().filter(|part| part.words[0] == "say");
        let expected = expected.unwrap_or_else(|| panic!("{file}:{}: a question without `say`", question.line));
        let asked_for = Asked::read(file, question);
        let (want, got) = (want(file, expected, &asked_for), got(&snapshot, &asked_for));
        if want != got {
            let _ = writeln!(failures, "{file}:{}: {}\n{}", question.line, question.words.join(" "), side_by_side(&want, &got));
        }
        asked += 1;
    }
    asked
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

fn world(file: &str, parts: &[Part<'_>]) -> Snapshot {
    let mut manners = Manners { name: "ns1.test".into(), version: "meridian".into(), ..Manners::default() };
    let mut steered: Vec<Steered> = Vec::new();
    for part in parts {
        match part.words[0] {
            "server" => serve(file, part, &mut manners),
            "hostname" => steered.push(hostname(file, part)),
            "zone" | "broken" | "ask" | "say" | "packet" => {}
            other => panic!("{file}:{}: what is {other:?}?", part.line),
        }
    }
    let mut zones = Vec::new();
    for part in parts {
        match part.words[0] {
            "zone" => zones.push(Serving::Zone(Arc::new(compiled(file, part, &steered)))),
            "broken" => zones.push(Serving::Broken(name(file, part, 1).wire().into())),
            _ => {}
        }
    }
    Snapshot { generation: 1, zones: Zones::new(zones), manners: Arc::new(manners) }
}

fn serve(file: &str, part: &Part<'_>, manners: &mut Manners) {
    for word in &part.words[1..] {
        match word.split_once('=') {
            Some(("name", name)) => manners.name = name.into(),
            Some(("version", version)) => manners.version = version.into(),
            Some(("size", size)) => manners.udp_size = size.parse().unwrap(),
            Some(("secret", secret)) => manners.cookie_secrets.push(unhex(secret).try_into().unwrap()),
            _ => panic!("{file}:{}: what is {word:?}?", part.line),
        }
    }
}

fn hostname(file: &str, part: &Part<'_>) -> Steered {
    let records = part.below.iter().flat_map(|&(line, text)| records(file, line, &format!("{} 0 {}", part.words[1], text.trim())));
    Steered {
        name: name(file, part, 1),
        ttl: part.words[2].parse().unwrap(),
        records: records.map(|record| (record.rtype, record.data)).collect(),
        file: file.into(),
        line: part.line,
    }
}

fn compiled(file: &str, part: &Part<'_>, steered: &[Steered]) -> meridian::snapshot::zone::Zone {
    let apex = name(file, part, 1);
    // The same number of lines, so that a problem's line is the scenario's.
    let mut text = String::new();
    let mut at = 1;
    let margin = part.below.first().map_or(0, |(_, line)| line.len() - line.trim_start().len());
    for &(number, line) in &part.below {
        text.extend((at..number).map(|_| '\n'));
        text += line.get(margin..).unwrap_or("");
        text.push('\n');
        at = number + 1;
    }
    let steered: Vec<Steered> = steered.iter().filter(|steered| steered.name.is_at_or_below(&apex)).cloned().collect();
    let compiled = zone::zone(&apex, file, text.into_bytes(), &mut NoFiles, &steered);
    let errors: Vec<_> = compiled.problems.iter().filter(|problem| problem.is_error()).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    compiled.zone.unwrap()
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
}

impl Asked {
    fn read(file: &str, part: &Part<'_>) -> Self {
        if part.words[0] == "packet" {
            let bytes: Vec<u8> = part.words[1..].iter().filter(|word| **word != "tcp").flat_map(|word| unhex(word)).collect();
            let flags = bytes.get(2..4).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
            let tcp = part.words.contains(&"tcp");
            return Self { bytes, question: vec![], tcp, edns: false, dnssec: false, limit: 512, flags };
        }
        let rtype = Type::from_mnemonic(part.words[2].as_bytes()).unwrap_or_else(|| panic!("{file}:{}: no such type", part.line));
        let mut question = wire::Question::of(name(file, part, 1).wire().to_vec(), rtype.0);
        let mut edns = None;
        let mut empty = false;
        for word in &part.words[3..] {
            match word.split_once('=').unwrap_or((word, "")) {
                ("tcp", _) => question.tcp = true,
                ("rd", _) => question.flags |= wire::RD,
                ("cd", _) => question.flags |= wire::CD,
                ("no-question", _) => empty = true,
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
        Self { bytes, question: echoed, tcp: question.tcp, edns: has_edns, dnssec, limit, flags: question.flags }
    }
}

/// Both sides of a comparison are lines in one order.
fn want(file: &str, part: &Part<'_>, asked: &Asked) -> Vec<String> {
    if part.words[1..] == ["silence"] {
        return vec!["silence".into()];
    }
    let mut head: Vec<String> = part.words[1..].iter().map(|&word| word.into()).collect();
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

fn got(snapshot: &Snapshot, asked: &Asked) -> Vec<String> {
    let over = if asked.tcp { Over::Tcp } else { Over::Udp };
    let ask = Ask { bytes: &asked.bytes, peer: PEER.parse().unwrap(), over, seed: 0 };
    let mut out = vec![0xee; 65_535];
    let Verdict::Reply(reply) = handle(NOW, snapshot, &ask, &mut out) else { return vec!["silence".into()] };
    let answer = match wire::decode(&out[..reply.len]) {
        Ok(answer) => answer,
        Err(why) => return vec![format!("an unreadable answer: {why}")],
    };
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
                add(true, &if code == 15 { format!("ede={}", value[1]) } else { format!("option={code}:{}", wire::hex(value)) });
                rest = next;
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
    ordered(head, lines)
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
