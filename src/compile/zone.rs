//! A zone's text and steered names in, the zone made for look-up out.

use super::chain::{Chain, TooDear};
use super::check::{Checker, below_dname, check_node, check_server, full};
use super::draft::{APEX, Draft, Entry, NotAdded};
use super::plan::Steered;
use super::steered;
use crate::dns::master::{self, Loader};
use crate::dns::name::Name;
use crate::dns::rdata;
use crate::dns::rtype::Type;
use crate::document::Problem;
use crate::snapshot::path::Path;
use crate::snapshot::zone::{At, RECORD_HEAD, Writer, Zone, flag};

/// Problems of one kind told of one zone; a file of the wrong kind has one on every line.
pub(super) const MAX_PROBLEMS: usize = 100;
/// More records of one type at one name than a message can count.
const MAX_SET: usize = 65_535;
/// Data of one RRset that can be sent: what a message has beyond its header, the longest question and an OPT record.
const MAX_SET_BYTES: usize = 65_535 - 12 - 259 - 11;

/// Serial, refresh, retry, expire and minimum, at the end of an SOA record.
const SOA_NUMBERS: usize = 20;

/// What came of compiling a zone.
#[derive(Debug)]
pub struct Compiled {
    /// None when the zone's file is not sound.
    pub zone: Option<Zone>,
    pub problems: Vec<Problem>,
    /// Every file that was read.
    pub files: Vec<String>,
}

/// `text` is taken, so that it is gone before the zone is written: that halves the peak of memory.
pub fn zone(apex: &Name, shown: &str, text: Vec<u8>, loader: &mut dyn Loader, steered: &[Steered]) -> Compiled {
    zone_shown_as(apex, shown, text, loader, steered, None)
}

/// With another serial than the text has.
pub fn zone_shown_as(
    apex: &Name,
    shown: &str,
    text: Vec<u8>,
    loader: &mut dyn Loader,
    steered: &[Steered],
    serial: Option<u32>,
) -> Compiled {
    let path = Path::read(apex.wire()).expect("a name has a path");
    let mut draft = Draft::new(&path, text.len());
    let mut outside: Vec<(u32, u32, Name)> = Vec::new();
    let reading = master::read(shown, &text, apex, loader, &mut |record| {
        let with_serial = serial.filter(|_| record.rtype == Type::SOA).and_then(|serial| {
            let mut soa = record.rdata.to_vec();
            let at = soa.len().checked_sub(SOA_NUMBERS)?;
            soa[at..at + 4].copy_from_slice(&serial.to_be_bytes());
            Some(soa)
        });
        let rdata = with_serial.as_deref().unwrap_or(record.rdata);
        let added = draft.add(record.owner, record.rtype, record.ttl, rdata, record.file, record.line);
        if let Err(NotAdded::Outside) = added
            && outside.len() < MAX_PROBLEMS
            && let Ok(owner) = Name::from_wire(record.owner)
        {
            outside.push((record.file, record.line, owner));
        }
    });
    drop(text);
    let mut checker = Checker { files: &reading.files, problems: reading.problems, errors: 0, warnings: 0, is_partial: false };
    for (file, line, owner) in outside {
        checker.error(
            file,
            line,
            format!("{owner} is not in zone {apex}"),
            "end relative names without a dot, or put the record into its own zone's file",
        );
    }
    if draft.is_full() {
        checker.error(0, 0, format!("zone {apex} has more than 4 GiB of data"), "split it into several zones");
        return Compiled { zone: None, problems: checker.problems, files: reading.files };
    }
    // What could be read is checked all the same, so that all problems are told at once.
    checker.is_partial = checker.problems.iter().any(Problem::is_error);
    let mut conflicts = steered::steer(&mut draft, &path, steered);
    let zone = write(&draft, &path, apex, &mut checker);
    if zone.denial().is_some() {
        for name in steered {
            let what = format!("lies in zone {apex}, whose file is signed: its steered addresses have no signatures");
            let hint = "validating resolvers refuse them; take the signatures out of the file, or steer a name of another zone";
            conflicts.push(Problem::warning(&name.file, name.line, what).at(format!("hostname {}", name.name)).hint(hint));
        }
    }
    let mut problems = checker.problems;
    // By file as they were read, then by line; what has no line comes first.
    problems.sort_by_cached_key(|problem| (reading.files.iter().position(|file| *file == problem.file), problem.line));
    let sound = !problems.iter().any(Problem::is_error);
    problems.extend(conflicts.into_iter().take(MAX_PROBLEMS));
    Compiled { zone: sound.then_some(zone), problems, files: reading.files }
}

/// Writes the zone and finds what is wrong with it on the way.
fn write(draft: &Draft, apex: &Path, apex_name: &Name, checker: &mut Checker<'_>) -> Zone {
    let mut writer = Writer::new(apex, draft.len(), draft.size());
    let mut covers: Vec<Option<At>> = Vec::with_capacity(draft.len());
    let mut places: Vec<(At, u8)> = Vec::with_capacity(draft.len());
    let mut delegations = Vec::new();
    let mut scratch: Vec<&Entry> = Vec::new();
    let mut chain = Chain::of(draft).unwrap_or_else(|TooDear { file, line, iterations }| {
        checker.error(
            file,
            line,
            format!("NSEC3 of {iterations} iterations: each negative answer would hash that often"),
            "sign the zone with 0 iterations and no salt (RFC 9276); 2,500 is the most that is served",
        );
        None
    });
    for node in 0..draft.len() {
        scratch.clear();
        scratch.extend(draft.entries(node));
        // Stable: records of one type stay in the order of the file.
        scratch.sort_by_key(|entry| entry.rtype);
        if let Some(chain) = &mut chain
            && chain.take(draft, node, &mut scratch, &mut writer)
        {
            covers.push(None);
            // Nothing is below it, so nobody looks.
            places.push((places[APEX].0, 0));
            continue;
        }
        let has = |rtype: Type| scratch.iter().any(|entry| entry.rtype == rtype);
        let mut flags = 0;
        if node != APEX && has(Type::NS) {
            flags |= flag::CUT;
        }
        for (rtype, bit) in [(Type::DNAME, flag::DNAME), (Type::CNAME, flag::CNAME)] {
            if has(rtype) {
                flags |= bit;
            }
        }
        if draft.has_wildcard(node) {
            flags |= flag::HAS_WILDCARD;
        }
        let cover = draft.parent(node).and_then(|parent| {
            let (at, parent_flags) = places[parent];
            covers[parent].or_else(|| (parent_flags & (flag::CUT | flag::DNAME) != 0).then_some(at))
        });
        if let Some(parent) = draft.parent(node)
            && cover.is_some()
            && let Some(entry) = scratch.first()
            && below_dname(&places, draft, parent)
        {
            let owner = full(draft, node, apex_name);
            checker.error(
                entry.file,
                entry.line,
                format!("{owner} is below a DNAME"),
                "a DNAME renames all names below its own, so remove one of the two",
            );
        }
        check_node(draft, node, apex_name, &scratch, checker);
        let at = writer.node(draft.name(node), draft.hash(node), flags, cover);
        if let Some(parent) = draft.parent(node) {
            writer.below(places[parent].0);
        }
        if let Some((number, part)) = draft.steered(node) {
            writer.steer(number, part);
        }
        covers.push(cover);
        places.push((at, flags));
        if let Some(chain) = &mut chain {
            chain.note(node, at, cover.is_some(), &scratch);
        }
        for set in scratch.chunk_by(|a, b| a.rtype == b.rtype) {
            write_set(draft, node, apex_name, set, &mut writer, checker);
        }
        delegations.extend(scratch.iter().filter(|entry| entry.rtype == Type::NS).map(|entry| (node, *entry)));
    }
    if let Some(chain) = chain {
        writer.deny(chain.finish(draft));
    }
    let zone = writer.finish();
    let mut servers = Vec::new();
    for delegation in delegations {
        check_server(&zone, draft, delegation, apex_name, checker, &mut servers);
    }
    zone.with_servers(servers)
}

fn write_set(draft: &Draft, node: usize, apex: &Name, set: &[&Entry], writer: &mut Writer, checker: &mut Checker<'_>) {
    let first = set[0];
    writer.set(first.rtype);
    // Signatures have the TTL of what they sign, so those of one name differ (RFC 4034 §3).
    let is_signatures = first.rtype == Type::RRSIG;
    if let Some(other) = set.iter().find(|entry| entry.ttl != first.ttl)
        && !is_signatures
    {
        let owner = full(draft, node, apex);
        let what = format!("{owner} {} has records of TTL {} and {}", first.rtype, first.ttl, other.ttl);
        checker.warning(
            other.file,
            other.line,
            what,
            "all records of one name and type share one TTL (RFC 2181 §5.2); the first one is used",
        );
    }
    if set.len() == 1 {
        return writer.record(first.rtype, first.ttl, draft.data(first));
    }
    // Twice the same is once (RFC 2181 §5), whatever the case of the names in it.
    let mut seen = std::collections::HashSet::with_capacity(set.len());
    for entry in set {
        let data = draft.data(entry);
        let mut canonical = data.to_vec();
        rdata::to_canonical(first.rtype, &mut canonical);
        // The writer counts in 16 bits.
        if seen.insert(canonical) && seen.len() <= MAX_SET {
            writer.record(first.rtype, if is_signatures { entry.ttl } else { first.ttl }, data);
        }
    }
    if seen.len() > MAX_SET {
        let owner = full(draft, node, apex);
        checker.error(
            first.file,
            first.line,
            format!("{owner} has {} {} records", seen.len(), first.rtype),
            "no answer can carry more than 65,535",
        );
    } else if !matches!(rdata::names(first.rtype), rdata::Shape::Names { compress: true, .. })
        && set.iter().map(|entry| RECORD_HEAD + draft.data(entry).len()).sum::<usize>() > MAX_SET_BYTES
    {
        let owner = full(draft, node, apex);
        let what = format!("{owner} has more {} data than fits into a message", first.rtype);
        checker.warning(first.file, first.line, what, "answers are at most 65,535 bytes long, so clients only ever get them cut off");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    struct NoFiles;

    impl Loader for NoFiles {
        fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
            Err("no files here".into())
        }
    }

    const SOUND: &str = "$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n@ IN NS ns\nns IN A 192.0.2.1\n";

    fn compile(text: &str, steered: &[Steered]) -> Compiled {
        zone(&Name::parse("x.test").unwrap(), "z", text.into(), &mut NoFiles, steered)
    }

    /// What is said of a sound zone with these lines added to it. The first of them is line 5.
    fn said(lines: &str) -> (bool, Vec<String>) {
        let compiled = compile(&format!("{SOUND}{lines}"), &[]);
        (compiled.zone.is_some(), compiled.problems.iter().map(ToString::to_string).collect())
    }

    fn steered(name: &str) -> Steered {
        Steered { name: Name::parse(name).unwrap(), http: None, https: None, file: "fleet.toml".into(), line: 9 }
    }

    #[test]
    fn all_problems_come_at_once() {
        let text = "@ 60 IN SOA ns h 1 2 3 4 bad\n@ 60 IN NS ns\na 60 IN CNAME b\na 60 IN A 192.0.2.1\nb 60 IN AAA ::1\n";
        let compiled = compile(text, &[]);
        let lines: Vec<u32> = compiled.problems.iter().filter(|problem| problem.is_error()).map(|problem| problem.line).collect();
        assert!(compiled.zone.is_none());
        assert_eq!(lines, [1, 4, 5], "and no word of a missing SOA or address: {:?}", compiled.problems);
    }

    #[test]
    fn errors_stand_where_the_mistake_is() {
        for (lines, where_and_what) in [
            ("@ IN SOA ns h 2 2 3 4 5", "z:5: zone x.test. has a second SOA record"),
            ("a IN SOA ns h 2 2 3 4 5", "z:5: SOA at a.x.test., which is not the apex"),
            ("a.y.test. IN A 192.0.2.2", "z:5: a.y.test. is not in zone x.test."),
            ("test. IN A 192.0.2.2", "z:5: test. is not in zone x.test."),
            ("xx.test. IN A 192.0.2.2", "z:5: xx.test. is not in zone x.test."),
            ("a IN A 192.0.2.2\na IN CNAME b", "z:6: a.x.test. has a CNAME beside A"),
            ("a IN CNAME b\nA IN TXT b", "z:6: a.x.test. has TXT beside a CNAME"),
            ("a IN CNAME b\na IN CNAME c", "z:6: a.x.test. has a second CNAME record"),
            ("@ IN CNAME b", "z:5: x.test. has a CNAME beside NS"),
            ("a IN DNAME b\na IN DNAME c", "z:6: a.x.test. has a second DNAME record"),
            ("a IN DNAME b\nb.a IN TXT c", "z:6: b.a.x.test. is below a DNAME"),
            ("c.b.a IN TXT c\na IN DNAME b", "z:5: c.b.a.x.test. is below a DNAME"),
            ("@ IN DNAME b", "z:4: ns.x.test. is below a DNAME"),
        ] {
            let (sound, problems) = said(lines);
            assert!(!sound, "{lines}");
            assert!(problems.iter().any(|problem| problem.starts_with(where_and_what)), "{lines}: {problems:?}");
        }
    }

    #[test]
    fn an_apex_needs_soa_and_ns() {
        for (text, what) in [
            ("", "no SOA record at its apex"),
            ("", "no NS record at its apex"),
            ("$TTL 60\n@ IN SOA ns.test. h 1 2 3 4 5\n", "no NS record at its apex"),
            ("$TTL 60\n@ IN NS ns.test.\na IN SOA ns.test. h 1 2 3 4 5\n", "no SOA record at its apex"),
        ] {
            let compiled = compile(text, &[]);
            assert!(compiled.zone.is_none(), "{text}");
            assert!(compiled.problems.iter().any(|problem| problem.is_error() && problem.what.contains(what)), "{:?}", compiled.problems);
        }
    }

    #[test]
    fn what_is_only_unwise_is_served_with_a_warning() {
        for (lines, where_and_what) in [
            ("a IN NS b.a", "z:5: warning: NS of a.x.test. is b.a.x.test., which has no address"),
            ("a IN NS nowhere", "z:5: warning: NS of a.x.test. is nowhere.x.test., which has no address"),
            ("@ IN NS c\nc IN CNAME ns", "z:5: warning: NS of x.test. is c.x.test., which is a CNAME"),
            ("@ IN NS t\nt IN TXT a", "z:5: warning: NS of x.test. is t.x.test., which has no address"),
            ("a 60 IN A 192.0.2.2\na 61 IN A 192.0.2.3", "z:6: warning: a.x.test. A has records of TTL 60 and 61"),
        ] {
            let (sound, problems) = said(lines);
            assert!(sound && problems.len() == 1 && problems[0].starts_with(where_and_what), "{lines}: {problems:?}");
        }
    }

    #[test]
    fn what_is_right_is_not_complained_of() {
        for lines in [
            "a IN CNAME b\na IN CNAME B",
            "a IN CNAME b\na IN NSEC b CNAME NSEC",
            "@ IN SOA ns h 1 2 3 4 5",
            "a IN DNAME b\na IN TXT beside",
            "a IN NS b.a\nb.a IN A 192.0.2.2\nc.b.a IN CNAME hidden",
            "a IN NS other.test.",
            "a IN NS any.w\n*.w IN A 192.0.2.2",
            // Somebody else's glue.
            "a IN NS other.test.\nb IN NS ns.a",
        ] {
            let (sound, problems) = said(lines);
            assert!(sound && problems.is_empty(), "{lines}: {problems:?}");
        }
    }

    #[test]
    fn many_warnings_hide_no_error() {
        let mut lines = String::new();
        for n in 0..2 * MAX_PROBLEMS {
            let _ = writeln!(lines, "a{n} 60 IN A 192.0.2.1\na{n} 61 IN A 192.0.2.2");
        }
        let (sound, problems) = said(&format!("{lines}z IN CNAME a\nz IN A 192.0.2.1"));
        assert!(!sound, "a CNAME beside an A behind 200 warnings");
        assert_eq!(problems.len(), MAX_PROBLEMS + 1);
        let compiled = compile(&format!("{SOUND}{lines}"), &[steered("ns.x.test")]);
        assert!(compiled.problems.iter().any(Problem::is_error), "nor one about a hostname");
    }

    #[test]
    fn data_of_a_known_type_in_unknown_form_is_checked() {
        for lines in
            ["a IN TYPE15 \\# 0", "a IN TYPE33 \\# 3 000000", "a IN TYPE65 \\# 1 00", "a IN TYPE1 \\# 3 000000", "a IN TYPE2 \\# 2 c00c"]
        {
            assert!(!said(lines).0, "{lines}");
        }
    }

    #[test]
    fn sets_too_large_to_be_sent() {
        let zone = |hosts: std::ops::Range<u32>| {
            hosts.fold(SOUND.to_string(), |mut text, n| {
                let _ = writeln!(text, "a IN A {}", std::net::Ipv4Addr::from(n));
                text
            })
        };
        let large = compile(&zone(0..5000), &[]);
        assert!(large.zone.is_some() && large.problems[0].what.contains("more A data than fits"), "{:?}", large.problems);
        assert!(compile(&zone(0..65_535), &[]).zone.is_some());
        let compiled = compile(&zone(0..65_600), &[]);
        assert!(compiled.zone.is_none() && compiled.problems[0].what.contains("has 65600 A records"), "{:?}", compiled.problems);
        // A line that is repeated is one record, however often.
        let repeated = format!("{SOUND}{}", "a IN A 192.0.2.1\n".repeat(70_000));
        assert_eq!(compile(&repeated, &[]).zone.unwrap().records(), 4);
    }

    #[test]
    fn what_ports_add_and_what_is_in_their_way() {
        for (lines, what) in [
            ("_http._tcp.live IN SRV 1 1 1 a", Some("has a SRV record at _http._tcp.live.x.test.")),
            ("_http._tcp.live IN CNAME a", Some("has a CNAME record at _http._tcp.live.x.test.")),
            ("_tcp.live IN NS a.test.", Some("has a NS record at _tcp.live.x.test.")),
            ("_https.live IN DNAME a", Some("has a DNAME record at _https.live.x.test.")),
            ("_443._https.live IN HTTPS 1 .", Some("has a HTTPS record at _443._https.live.x.test.")),
            ("fra1.live IN TXT a", Some("has data at or below fra1.live.x.test.")),
            ("a.b.fra1.live IN TXT a", Some("has data at or below fra1.live.x.test.")),
            ("a.ams1.live IN TXT a", Some("has data at or below b.ams1.live.x.test.")),
            ("_http._tcp.live IN TXT a\n_tcp.live IN TXT a\nfra2.live IN A 192.0.2.2\nlive IN HTTPS 1 .", None),
        ] {
            let panels = ["fra1".to_owned(), "b.ams1".to_owned()];
            let live = Steered { http: Some(panels.into()), https: Some(443), ..steered("live.x.test") };
            // What stands below for another hostname's sake is no data of the file.
            let compiled = compile(&format!("{SOUND}{lines}"), &[steered("a.c.ams1.live.x.test"), live]);
            let problems: Vec<_> = compiled.problems.iter().filter(|p| p.file == "fleet.toml").map(ToString::to_string).collect();
            match what {
                Some(what) => assert!(problems.len() == 1 && problems[0].contains(what), "{lines}: {problems:?}"),
                None => assert!(problems.is_empty(), "{lines}: {problems:?}"),
            }
        }
    }

    #[test]
    fn steered_names_and_what_is_in_their_way() {
        for (lines, name, what) in [
            ("live IN A 192.0.2.9", "Live.x.test", Some("has a static A record")),
            ("live IN AAAA ::1", "live.x.test", Some("has a static AAAA record")),
            ("live IN CNAME ns", "live.x.test", Some("has a static CNAME record")),
            ("cut IN NS ns", "cut.x.test", Some("at or below a delegation")),
            ("cut IN NS ns", "a.b.cut.x.test", Some("at or below a delegation")),
            ("d IN DNAME ns", "d.x.test", Some("at or below a DNAME")),
            ("d IN DNAME ns", "a.b.d.x.test", Some("at or below a DNAME")),
            ("live IN TXT a", "live.x.test", None),
            ("* IN A 192.0.2.9", "live.x.test", None),
            ("* IN CNAME ns", "a.live.x.test", None),
            ("", "*.x.test", None),
            ("", "x.test", None),
            ("@ IN NS live\nlive IN A 192.0.2.9", "LIVE.x.test", Some("is a name server")),
            ("cut IN NS live.cut\nlive.cut IN A 192.0.2.9", "live.cut.x.test", Some("at or below a delegation")),
            ("", "test", Some("is not in the zone")),
            ("", "live.y.test", Some("is not in the zone")),
        ] {
            let compiled = compile(&format!("{SOUND}{lines}"), &[steered(name)]);
            assert!(compiled.zone.is_some(), "the file is sound");
            let problems: Vec<_> = compiled.problems.iter().map(ToString::to_string).collect();
            match what {
                Some(what) => {
                    assert!(problems[0].starts_with("fleet.toml:9: hostname ") && problems[0].contains(what), "{lines}: {problems:?}")
                }
                None => assert!(problems.is_empty(), "{lines}: {problems:?}"),
            }
        }
    }
}
