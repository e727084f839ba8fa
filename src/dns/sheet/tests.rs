use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::dns::serial;

struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("no files here".into())
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn read_in(apex: &str, text: &str) -> (Option<Sheet>, Vec<String>) {
    let (sheet, problems) = Sheet::read(&name(apex), "z", text.as_bytes(), &mut NoFiles);
    (sheet, problems.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn sheet_in(apex: &str, text: &str) -> Sheet {
    let (sheet, problems) = read_in(apex, text);
    sheet.unwrap_or_else(|| panic!("{problems:?}"))
}

fn sheet(text: &str) -> Sheet {
    sheet_in("x.test", text)
}

/// Its text reads as the same sets, and writes the same text again.
#[track_caller]
fn reads_back(sheet: &Sheet) {
    let text = sheet.text();
    let (again, problems) = read_in(&sheet.apex.to_string(), &text);
    // The data may be doubted as before; the lines themselves leave nothing to guess.
    assert!(problems.iter().all(|problem| !problem.contains("TTL")), "{problems:?} in {text}");
    let again = again.unwrap_or_else(|| panic!("{problems:?} in {text}"));
    assert!(again.sets().eq(sheet.sets()), "{text}");
    assert_eq!(again.text(), text);
    assert!(again.is_same_but_serial(sheet));
}

const ZONE: &str = "\
$TTL 1h
@       IN SOA  ns1 hostmaster ( 2026112001 1h 15m 2w 60 )
        IN NS   ns1
www     300 IN CNAME live
*       IN TXT  \"v=spf1 -all\" ; a comment
@       IN MX   10 Mail.Example.
@       IN A    192.0.2.9
ns1     IN A    192.0.2.1
        IN A    192.0.2.2
        IN A    192.0.2.1
a\\.b\\@\\$\\032c IN AAAA 2001:db8::1
";

#[test]
fn a_zone_is_written_for_people() {
    let sheet = sheet(ZONE);
    let text = "\
$ORIGIN x.test.
@                       3600    SOA     ns1.x.test. hostmaster.x.test. 2026112001 3600 900 1209600 60
@                       3600    NS      ns1.x.test.
@                       3600    A       192.0.2.9
@                       3600    MX      10 Mail.Example.
*                       3600    TXT     \"v=spf1 -all\"
a\\.b\\@\\$\\032c           3600    AAAA    2001:db8::1
ns1                     3600    A       192.0.2.1
ns1                     3600    A       192.0.2.2
www                     300     CNAME   live.x.test.
";
    assert_eq!(sheet.text(), text);
    assert_eq!(sheet.serial(), Some(2_026_112_001));
    reads_back(&sheet);
}

/// Where the columns are too narrow, the words still stand apart.
#[test]
fn long_words_do_not_run_together() {
    let owner = format!("{0}.{0}.{0}", "\\255".repeat(63));
    let sheet = sheet(&format!("{owner} 2147483647 NSEC3PARAM 1 0 0 -\n{owner} 2147483647 TYPE65280 \\# 0"));
    assert_eq!(sheet.sets().count(), 2);
    reads_back(&sheet);
}

/// Each in a zone of its own, so that one which is lost is seen.
#[test]
fn every_spelling_of_every_type_reads_back() {
    let lines = include_str!("../../../tests/master/spellings.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut types = std::collections::HashSet::new();
    for line in lines {
        let line = line.split_once(' ').unwrap().1;
        for apex in ["x.test", "."] {
            let sheet = sheet_in(apex, &format!("a.sub 60 {line}"));
            let mut sets = sheet.sets();
            let (set, None) = (sets.next().unwrap(), sets.next()) else { panic!("{line}") };
            types.insert(set.rtype);
            reads_back(&sheet);
            // As the API has it: the data alone.
            let shown: Vec<String> = set.shown().collect();
            let apex = if set.rtype == Type::SOA { &set.name } else { &sheet.apex };
            assert_eq!(Sheet::parse_set(apex, &set.name, set.rtype, 60, &shown).as_ref(), Ok(set), "{line}");
        }
    }
    assert!(types.len() >= 70, "{} types", types.len());
}

#[test]
fn directives_are_followed_and_gone() {
    let sheet = sheet("$GENERATE 1-2 h$ 60 A 192.0.2.$\n$ORIGIN sub.x.test.\n@ 60 A 192.0.2.3\n$TTL 5\nx CNAME @\n");
    assert_eq!(
        sheet.text().split_ascii_whitespace().collect::<Vec<_>>().join(" "),
        "$ORIGIN x.test. h1 60 A 192.0.2.1 h2 60 A 192.0.2.2 sub 60 A 192.0.2.3 x.sub 5 CNAME sub.x.test."
    );
}

#[test]
fn the_root_zone_is_a_zone() {
    let sheet = sheet_in(".", "@ 60 SOA a. b. 1 2 3 4 5\ncom 60 NS a.gtld.\n* 60 TXT x\n");
    let text = sheet.text();
    let starts: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(starts, ["$ORIGIN", "@", "*", "com"]);
    assert!(text.starts_with("$ORIGIN .\n"));
    assert_eq!(sheet.serial(), Some(1));
    reads_back(&sheet);
}

#[test]
fn signatures_keep_the_ttl_of_each() {
    let rrsig = |ttl: u32, covered| format!("@ {ttl} RRSIG {covered} 13 2 60 20300101000000 20200101000000 1 @ AQID\n");
    let differ = sheet(&[rrsig(60, "NS"), rrsig(300, "A"), rrsig(60, "MX"), rrsig(9, "A")].concat());
    let set = differ.find(&name("x.test"), Type::RRSIG).unwrap();
    assert_eq!(set.records().map(|(ttl, _)| ttl).collect::<Vec<_>>(), [60, 300, 60]);
    reads_back(&differ);
    let alike = sheet(&[rrsig(60, "NS"), rrsig(60, "A")].concat());
    assert_eq!(alike.sets().next().unwrap().signature_ttls, None);
    assert!(!differ.is_same_but_serial(&sheet(&[rrsig(60, "NS"), rrsig(60, "A"), rrsig(60, "MX")].concat())));
}

#[test]
fn all_problems_have_their_lines() {
    let (sheet, problems) = read_in(
        "x.test",
        "@ 60 IN SOA ns h 1 2 3 4 bad\na.y.test. 60 A 192.0.2.1\na 60 A 192.0.2.1\na 61 A 192.0.2.2\nb 60 AAA ::1\n$INCLUDE more\nxx.test. 60 A 192.0.2.1\n",
    );
    assert!(sheet.is_none());
    let starts = [
        "z:1: x.test. SOA: ",
        "z:2: a.y.test. is not in zone x.test.; end relative",
        "z:4: warning: a.x.test. A has records of TTL 60 and 61",
        "z:5: ",
        "z:6: `more` cannot be included",
        "z:7: xx.test. is not in zone",
    ];
    assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    for (problem, start) in problems.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem}");
    }
}

#[test]
fn a_set_has_one_ttl_and_no_record_twice() {
    let (sheet, problems) = read_in("x.test", "a 60 MX 1 Mail\na 61 MX 2 mail\nA 62 MX 1 mail\na 60 TXT a\na 60 TXT A\n");
    let sheet = sheet.unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let mx = sheet.find(&name("A.X.test"), Type::MX).unwrap();
    assert_eq!((mx.ttl, mx.shown().collect::<Vec<_>>()), (60, vec!["1 Mail.x.test.".into(), "2 mail.x.test.".into()]));
    assert_eq!(sheet.find(&name("a.x.test"), Type::TXT).unwrap().data.len(), 2);
    reads_back(&sheet);
}

#[test]
fn sets_are_listed_in_canonical_order_from_anywhere() {
    let owners = ["z", "@", "Z.a", "yljkjljk.a", "zABC.a", "a", "\\001.z", "*.z", "\\200.z", "\\000"];
    let text: String = owners.iter().map(|owner| format!("{owner} 60 TXT a\n{owner} 60 TYPE2 .\n{owner} 60 A 192.0.2.1\n")).collect();
    let sheet = sheet(&format!("{text}@ 60 SOA . . 1 2 3 4 5"));
    let listed: Vec<(String, Type)> = sheet.sets().map(|set| (sheet.relative(&set.name), set.rtype)).collect();
    let mut expected: Vec<(&str, Type)> = vec![("@", Type::SOA), ("@", Type::NS), ("@", Type::A), ("@", Type::TXT)];
    for owner in ["\\000", "a", "yljkjljk.a", "Z.a", "zABC.a", "z", "\\001.z", "*.z", "\\200.z"] {
        expected.extend([(owner, Type::A), (owner, Type::NS), (owner, Type::TXT)]);
    }
    assert!(listed.iter().map(|(owner, rtype)| (owner.as_str(), *rtype)).eq(expected), "{listed:?}");
    // Page by page, as long as it takes.
    let mut paged: Vec<&RecordSet> = Vec::new();
    while let Some(set) = sheet.after(paged.last().map(|set| (&set.name, set.rtype))).next() {
        paged.push(set);
    }
    assert!(paged.into_iter().eq(sheet.sets()));
    let behind = |owner, rtype| sheet.after(Some((&name(owner), rtype))).next().map(|set| (sheet.relative(&set.name), set.rtype));
    assert_eq!(behind("zz.a.x.test", Type::A), Some(("z".into(), Type::A)), "from a name that is not there");
    assert_eq!(behind("z.x.test", Type(3)), Some(("z".into(), Type::TXT)), "from a type that is not there");
    assert_eq!(behind("test", Type::A), Some(("@".into(), Type::SOA)), "from before the first");
    assert_eq!(behind("zz.x.test", Type::A), None);
    let at = |owner| sheet.at(&name(owner)).map(|set| set.rtype).collect::<Vec<_>>();
    assert_eq!(at("X.test"), [Type::SOA, Type::NS, Type::A, Type::TXT]);
    assert_eq!(at("z.x.test"), [Type::A, Type::NS, Type::TXT]);
    assert_eq!(at("b.x.test"), []);
}

/// Apex, name, type, TTL and data; index and beginning of each wrong.
#[test]
fn every_wrong_of_a_set_is_told_with_its_index() {
    type Case<'a> = (&'a str, Type, u32, &'a [&'a str], &'a [(Option<usize>, &'a str)]);
    let cases: &[Case<'_>] = &[
        ("a.y.test", Type::A, 60, &["192.0.2.1"], &[(None, "a.y.test. is not in zone x.test.")]),
        ("test", Type::A, 60, &["192.0.2.1"], &[(None, "test. is not in zone x.test.")]),
        ("a.x.test", Type::ANY, 60, &["x"], &[(None, "ANY is a type of queries")]),
        ("a.x.test", Type::AXFR, 60, &[], &[(None, "AXFR is a type of queries"), (None, "a set has at least one")]),
        ("a.x.test", Type::OPT, 60, &["\\# 0"], &[(None, "OPT is a type of queries")]),
        ("a.x.test", Type::TSIG, 60, &["\\# 0"], &[(None, "TSIG is a type of queries")]),
        ("a.x.test", Type(0), 60, &["\\# 0"], &[(None, "TYPE0 is a type of queries")]),
        ("a.x.test", Type::A, 60, &[], &[(None, "a set has at least one record")]),
        ("a.x.test", Type::A, 1 << 31, &["192.0.2.1"], &[(None, "a TTL of 2147483648 is too long")]),
        ("a.x.test", Type::SOA, 60, &[". . 1 2 3 4 5"], &[(None, "SOA at a.x.test., which is not the apex")]),
        ("x.test", Type::SOA, 60, &[". . 1 2 3 4 5", ". . 2 2 3 4 5"], &[(None, "2 SOA records")]),
        ("a.x.test", Type::CNAME, 60, &["a", "b"], &[(None, "2 CNAME records")]),
        ("a.x.test", Type::DNAME, 60, &["a", "b"], &[(None, "2 DNAME records")]),
        ("a.x.test", Type::MX, 60, &["1 a", "2 a", "1 A.X.test."], &[(Some(2), "is the same record as number 1 of the list")]),
        (
            "a.y.test",
            Type::A,
            u32::MAX,
            &["::1", "192.0.2.1", "", "192.0.2.1 x", "192.0.2.1", "192.0.2.2\n192.0.2.3", "( 192.0.2.4"],
            &[
                (None, "a.y.test. is not in zone"),
                (None, "a TTL of"),
                (Some(0), "<IPv4 address> `::1` must be"),
                (Some(2), "<IPv4 address> is missing"),
                (Some(3), "`x` is one word too many"),
                (Some(4), "is the same record as number 2"),
                (Some(5), "record data must stand on one line"),
                (Some(6), "a `(` is never closed"),
            ],
        ),
    ];
    for &(owner, rtype, ttl, data, expected) in cases {
        let data: Vec<String> = data.iter().map(ToString::to_string).collect();
        let wrongs = Sheet::parse_set(&name("x.test"), &name(owner), rtype, ttl, &data).unwrap_err();
        let told: Vec<_> = wrongs.iter().map(|wrong| wrong.index).collect();
        assert_eq!(told, expected.iter().map(|(index, _)| *index).collect::<Vec<_>>(), "{owner} {rtype}: {wrongs:?}");
        for (wrong, (_, start)) in wrongs.iter().zip(expected) {
            assert!(wrong.what.starts_with(start), "{owner} {rtype}: {wrong:?}");
        }
    }
}

#[test]
fn a_set_is_made_of_text_as_in_a_master_file() {
    let parse = |owner, rtype, data: &[&str]| {
        let data: Vec<String> = data.iter().map(ToString::to_string).collect();
        Sheet::parse_set(&name("x.test"), &name(owner), rtype, 60, &data).map(|set| set.shown().collect::<Vec<_>>())
    };
    assert_eq!(parse("a.b.x.test", Type::CNAME, &["c"]), Ok(vec!["c.x.test.".into()]), "relative to the apex, not to the owner");
    assert_eq!(parse("X.test", Type::MX, &["2 mail", "1 @"]), Ok(vec!["2 mail.x.test.".into(), "1 x.test.".into()]));
    assert_eq!(parse("x.test", Type::SOA, &["ns h 1 1h 2 3 4"]), Ok(vec!["ns.x.test. h.x.test. 1 3600 2 3 4".into()]));
    assert_eq!(parse("*.x.test", Type::TXT, &["a \"b c\"", "a"]), Ok(vec!["\"a\" \"b c\"".into(), "\"a\"".into()]));
    assert_eq!(parse("a.x.test", Type(65280), &["\\# 2 abcd"]), Ok(vec!["\\# 2 ABCD".into()]));
}

#[test]
fn limits_at_the_edge() {
    let parse = |data: Vec<String>, ttl| Sheet::parse_set(&name("x.test"), &name("x.test"), Type::A, ttl, &data);
    let hosts = |count: u32| (0..count).map(|n| std::net::Ipv4Addr::from(n).to_string()).collect::<Vec<_>>();
    assert_eq!(parse(hosts(65_535), rdata::MAX_TTL).unwrap().data.len(), MAX_SET);
    let wrongs = parse(hosts(65_536), 0).unwrap_err();
    assert_eq!((wrongs.len(), wrongs[0].what.as_str()), (1, "65536 records"));
    // Nobody reads ten thousand complaints.
    assert_eq!(parse(vec!["x".into(); 100], 60).unwrap_err().len(), 100);
    let wrongs = parse(vec!["x".into(); 60_000], 60).unwrap_err();
    assert_eq!(wrongs.len(), 101);
    assert!(wrongs[100].index.is_none() && wrongs[100].what.starts_with("there are more than 100"));
}

#[test]
fn what_dns_takes_for_the_same_is_the_same() {
    let one = sheet(ZONE);
    let changed = |from: &str, to: &str| {
        assert!(ZONE.contains(from));
        sheet(&ZONE.replacen(from, to, 1)).is_same_but_serial(&one)
    };
    assert!(changed("2026112001", "7"));
    assert!(changed("Mail.Example.", "mail.example."));
    assert!(changed("www ", "WWW "));
    assert!(changed("IN A    192.0.2.1\n        IN A    192.0.2.2", "IN A 192.0.2.2\n IN A 192.0.2.1"));
    for (from, to) in [
        ("hostmaster", "other"),
        ("2w", "1w"),
        ("300", "301"),
        ("192.0.2.9", "192.0.2.8"),
        ("v=spf1", "V=spf1"),
        ("www", "ww"),
        ("www     300 IN", "; "),
    ] {
        assert!(!changed(from, to), "{from} is not {to}");
    }
    assert!(!changed("        IN A    192.0.2.2\n", ""));
}

#[test]
fn the_serial_is_the_soas_at_the_apex() {
    let mut sheet = sheet(ZONE);
    let before = sheet.clone();
    assert!(sheet.set_serial(serial::next(sheet.serial().unwrap())));
    assert_eq!(sheet.serial(), Some(2_026_112_002));
    assert_eq!(sheet.text(), before.text().replace("2026112001", "2026112002"));
    assert!(sheet.is_same_but_serial(&before));
    sheet.remove(&name("x.test"), Type::SOA).unwrap();
    assert!(!sheet.set_serial(1) && sheet.serial().is_none() && !sheet.is_same_but_serial(&before));
}

/// Data that is too short for its type: nobody should put it, and nothing may panic.
#[test]
fn odd_sets_do_no_harm() {
    let mut sheet = sheet("");
    let set = |owner, rtype, data: &[&[u8]]| {
        let data = data.iter().map(|data| data.to_vec()).collect();
        RecordSet { name: name(owner), rtype, ttl: 1, data, signature_ttls: None }
    };
    sheet.put(set("x.test", Type::SOA, &[&[0; 3]]));
    sheet.put(set("other", Type::A, &[&[1]]));
    assert_eq!((sheet.serial(), sheet.set_serial(1)), (None, false));
    assert!(sheet.text().contains("\nother.                  1       A       \\# 1 01\n"), "{}", sheet.text());
    assert!(sheet.put(set("other", Type::A, &[])).is_some(), "a set without records is no set");
    assert_eq!(sheet.sets().count(), 1);
}

fn a_set() -> impl Strategy<Value = (&'static str, Type, u32, Vec<u8>)> {
    let owners =
        ["x.test", "a.x.test", "A.X.Test", "*.x.test", "\\000.a.x.test", "a\\.b.x.test", "\\..x.test", "\\;\\(\\\".x.test", "z.x.test"];
    let types = [Type::A, Type::TXT, Type::MX, Type::NS, Type(65280)];
    (
        proptest::sample::select(owners.to_vec()),
        proptest::sample::select(types.to_vec()),
        0..=rdata::MAX_TTL,
        proptest::collection::vec(any::<u8>(), 0..4),
    )
}

fn made(owner: &str, rtype: Type, ttl: u32, seeds: &[u8]) -> RecordSet {
    let data = |seed: u8| match rtype {
        Type::A => vec![192, 0, 2, seed],
        Type::TXT => vec![2, seed, b'"'],
        Type::MX => vec![0, 1, 1, seed, 0],
        Type::NS => vec![1, seed, 0],
        _ => vec![seed; usize::from(seed % 9)],
    };
    let mut wires: Vec<Vec<u8>> = Vec::new();
    for wire in seeds.iter().map(|seed| data(*seed)) {
        if wires.iter().all(|other| set::canonical(rtype, other) != set::canonical(rtype, &wire)) {
            wires.push(wire);
        }
    }
    RecordSet { name: name(owner), rtype, ttl, data: wires, signature_ttls: None }
}

proptest! {
    /// Against a plain map: what was there before, what is there now, the order, and the text.
    #[test]
    fn edits_are_as_in_a_map(edits in proptest::collection::vec(a_set(), 0..40)) {
        let (mut sheet, mut map) = (sheet(""), HashMap::new());
        for (owner, rtype, ttl, seeds) in edits {
            let set = made(owner, rtype, ttl, &seeds);
            let key = (set.name.clone(), rtype);
            if set.data.is_empty() {
                prop_assert_eq!(sheet.remove(&set.name, rtype), map.remove(&key));
            } else {
                prop_assert_eq!(sheet.put(set.clone()), map.insert(key.clone(), set));
            }
            prop_assert_eq!(sheet.find(&key.0, rtype), map.get(&key));
        }
        let mut sorted: Vec<&RecordSet> = map.values().collect();
        let apex = name("x.test");
        sorted.sort_by_key(|set| (set.name.clone(), set.name != apex || set.rtype != Type::NS, set.rtype));
        prop_assert!(sheet.sets().eq(sorted));
        reads_back(&sheet);
    }

    /// Whatever the text: a sheet that reads back, or an error.
    #[test]
    fn any_text_is_a_sheet_or_an_error(words in proptest::collection::vec(
        proptest::sample::select(&["@", "a", "*", "60", "IN", "A", "TXT", "MX", "192.0.2.1", "\"q\"", "\\@", "\n", "\n ", "(", ")", "1", "\\# 0", "TYPE7", ";", "$TTL"][..]),
        0..30,
    )) {
        let text = words.join(" ");
        match read_in("x.test", &text) {
            (Some(sheet), _) => reads_back(&sheet),
            (None, problems) => prop_assert!(!problems.is_empty()),
        }
    }
}
