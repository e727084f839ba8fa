//! What answers count as, and the small ones, from `answer` itself.

use crate::peers::wire::{self, A, AAAA, ANY, CNAME, DS, Edns, MX, NS, Question, SOA, TXT};
use crate::world::World;
use meridian::answer::{Ask, Over, Verdict, handle, slip};
use meridian::clock::Now;
use meridian::dns::name::Name;
use meridian::snapshot::{Manners, Snapshot};
use std::sync::Arc;

const HEAD: &str = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";
const ZONE: &str = "\
www A 192.0.2.2
www TXT \"beside\"
alias CNAME www
nowhere CNAME nobody
kid NS ns.kid
ns.kid A 192.0.2.3
*.wild TXT \"any\"
*.also CNAME www
old DNAME new
a.new A 192.0.2.4
b.new A 192.0.2.5
";
const COOKIE: u16 = 10;
const NSID: u16 = 3;
const SUBNET: u16 = 8;
const NOW: Now = Now { mono_ms: 0, wall_s: 1_600_000_000 };

fn snapshot() -> Arc<Snapshot> {
    let mut fleet =
        String::from("[[panel]]\nname = \"p\"\naddresses = [\"198.51.100.1\", \"2001:db8::1\"]\n[[set]]\nname = \"s\"\npanels = [\"p\"]\n");
    for name in ["live", "*.star"] {
        fleet += &format!("[[hostname]]\nname = \"{name}.x.test\"\nset = \"s\"\n");
    }
    let world = World {
        file: "keys",
        fleet,
        zones: ["x.test", "y.test"].map(|zone| (Name::parse(zone).unwrap(), format!("{HEAD}{ZONE}"))).into(),
        manners: Manners { cookie_secrets: vec![[7; 16]], name: "n1".into(), ..Manners::default() },
        ..World::default()
    };
    let published = world.publish(true);
    assert!(!published.problems.iter().any(|problem| problem.is_error()), "{}", published.problems[0]);
    published.snapshot
}

fn ask(bytes: &[u8]) -> Ask<'_> {
    Ask { bytes, peer: "192.0.2.53:4053".parse().unwrap(), over: Over::Udp, seed: 0, path: None }
}

/// What the answer counts as, and the answer.
fn answered(snapshot: &Snapshot, bytes: &[u8]) -> (Option<u64>, wire::Answer) {
    let mut out = [0; 4096];
    let Verdict::Reply(reply) = handle(NOW, snapshot, &ask(bytes), &mut out) else { panic!("no answer to {bytes:?}") };
    (reply.limit, wire::decode(&out[..reply.len]).unwrap())
}

fn slipped(snapshot: &Snapshot, bytes: &[u8]) -> Option<wire::Answer> {
    let mut out = [0; 4096];
    let reply = slip(NOW, snapshot, &ask(bytes), &mut out)?;
    let answer = wire::decode(&out[..reply.len]).unwrap();
    assert_eq!(answer.rcode(), reply.rcode);
    Some(answer)
}

fn question(name: &str, rtype: u16) -> Question {
    Question::of(wire::name(name), rtype)
}

fn with(edns: Edns) -> Vec<u8> {
    Question { edns: Some(edns), flags: wire::RD, ..question("WwW.x.test", A) }.encode()
}

/// The cookie that an answer brings.
fn cookie(answer: &wire::Answer) -> Vec<u8> {
    answer.option(COOKIE).unwrap().to_vec()
}

/// What it is called, its RCODE, and questions that count as it.
type Group = (&'static str, &'static str, &'static [(&'static str, u16)]);

#[test]
fn answers_that_any_number_of_names_would_get_count_as_one() {
    let snapshot = snapshot();
    let groups: &[Group] = &[
        ("www", "NOERROR", &[("www.x.test", A), ("www.x.test", TXT), ("WWW.X.test", ANY)]),
        ("ns", "NOERROR", &[("ns.x.test", A)]),
        ("www has no such record", "NOERROR", &[("www.x.test", AAAA), ("www.x.test", MX)]),
        ("ns has no such record", "NOERROR", &[("ns.x.test", MX)]),
        ("an alias", "NOERROR", &[("alias.x.test", A), ("alias.x.test", CNAME), ("alias.x.test", MX)]),
        ("an alias of nobody", "NXDOMAIN", &[("nowhere.x.test", A)]),
        ("nobody", "NXDOMAIN", &[("nobody.x.test", A), ("other.x.test", MX), ("a.b.www.x.test", A), ("q.ns.x.test", TXT)]),
        ("nobody of another zone", "NXDOMAIN", &[("nobody.y.test", A), ("a.b.c.y.test", A)]),
        ("the apex", "NOERROR", &[("x.test", SOA), ("x.test", NS)]),
        ("a delegation", "NOERROR", &[("kid.x.test", A), ("a.kid.x.test", MX), ("a.b.kid.x.test", DS)]),
        ("what the parent says itself", "NOERROR", &[("kid.x.test", DS)]),
        ("a wildcard", "NOERROR", &[("a.wild.x.test", TXT), ("b.c.wild.x.test", ANY), ("*.wild.x.test", TXT)]),
        ("a wildcard without it", "NOERROR", &[("a.wild.x.test", A), ("b.wild.x.test", MX), ("*.wild.x.test", A)]),
        ("a wildcard alias", "NOERROR", &[("a.also.x.test", A), ("b.also.x.test", TXT), ("c.also.x.test", MX)]),
        ("a DNAME", "NOERROR", &[("a.old.x.test", A), ("b.old.x.test", A)]),
        ("what a DNAME leads to", "NOERROR", &[("a.new.x.test", A)]),
        ("a hostname", "NOERROR", &[("live.x.test", A), ("live.x.test", AAAA)]),
        ("a wildcard hostname", "NOERROR", &[("a.star.x.test", A), ("b.star.x.test", AAAA), ("*.star.x.test", A)]),
        ("not ours", "REFUSED", &[("x.example", A), ("other.example", MX), (".", NS)]),
    ];
    let mut seen: Vec<(u64, &str)> = Vec::new();
    for (what, rcode, questions) in groups {
        let mut keys = questions.iter().map(|(name, rtype)| {
            let (key, answer) = answered(&snapshot, &question(name, *rtype).encode());
            assert_eq!(wire::rcode_text(answer.rcode()), *rcode, "{name}");
            key.unwrap_or_else(|| panic!("{name} is exempt"))
        });
        let key = keys.next().unwrap();
        assert!(keys.all(|other| other == key), "{what} is one key");
        if let Some((_, other)) = seen.iter().find(|(known, _)| *known == key) {
            panic!("{what} counts as {other}");
        }
        seen.push((key, what));
    }
}

#[test]
fn all_errors_count_as_one() {
    let snapshot = snapshot();
    let refused = answered(&snapshot, &question("x.example", A).encode()).0;
    assert!(refused.is_some());
    let mut bad_option = question("www.x.test", A);
    bad_option.edns = Some(Edns::of(1232).option(COOKIE, &[1; 3]));
    let mut version = question("www.x.test", A);
    version.edns = Some(Edns { version: 1, ..Edns::of(1232) });
    let mut notify = question("x.test", SOA).encode();
    notify[2] |= 4 << 3;
    let mut cut = question("www.x.test", A).encode();
    cut.truncate(14);
    let transfer = question("x.test", wire::AXFR).encode();
    let chaos = Question { class: 3, ..question("version.bind", TXT) }.encode();
    for (packet, rcode) in [
        (bad_option.encode(), "FORMERR"),
        (version.encode(), "BADVERS"),
        (notify, "NOTIMP"),
        (cut, "FORMERR"),
        (transfer, "REFUSED"),
        (chaos, "NOERROR"),
        (Question { class: 7, ..question("www.x.test", A) }.encode(), "REFUSED"),
    ] {
        let (key, answer) = answered(&snapshot, &packet);
        assert_eq!((key, wire::rcode_text(answer.rcode()).as_str()), (refused, rcode), "{packet:?}");
    }
}

#[test]
fn a_good_cookie_is_exempt_and_no_other() {
    let snapshot = snapshot();
    let (key, answer) = answered(&snapshot, &with(Edns::of(1232).option(COOKIE, b"clientco")));
    assert_eq!(key, answered(&snapshot, &question("www.x.test", A).encode()).0, "a client's half alone shows nothing");
    let good = cookie(&answer);
    assert_eq!(answered(&snapshot, &with(Edns::of(1232).option(COOKIE, &good))).0, None);
    let error = Question { edns: Some(Edns::of(1232).option(COOKIE, &good)), ..question("other.example", A) };
    assert_eq!(answered(&snapshot, &error.encode()).0, None, "errors too");
    let mut forged = good.clone();
    forged[23] ^= 1;
    assert_eq!(answered(&snapshot, &with(Edns::of(1232).option(COOKIE, &forged))).0, key);
}

#[test]
fn a_small_answer_has_no_records_and_is_hardly_longer_than_the_query() {
    let snapshot = snapshot();
    let mut forged = b"clientco\x01\0\0\0aaaaaaaaaaaa".to_vec();
    let subnet = [0, 1, 24, 0, 192, 0, 2];
    for (what, packet, rcode, longer) in [
        ("no EDNS", Question { flags: wire::RD, ..question("WwW.x.test", A) }.encode(), "NOERROR", 0),
        ("EDNS", with(Edns::of(1232)), "NOERROR", 0),
        ("DO", with(Edns::of(1232).with_do()), "NOERROR", 0),
        ("NSID, which is left out", with(Edns::of(1232).option(NSID, &[])), "NOERROR", -4),
        ("ECS", with(Edns::of(1232).option(SUBNET, &subnet)), "NOERROR", 0),
        ("a client cookie", with(Edns::of(1232).option(COOKIE, b"clientco")), "BADCOOKIE", 16),
        ("a wrong cookie", with(Edns::of(1232).option(COOKIE, &forged)), "BADCOOKIE", 0),
        ("all of it", with(Edns::of(512).with_do().option(SUBNET, &subnet).option(COOKIE, b"clientco")), "BADCOOKIE", 16),
    ] {
        let answer = slipped(&snapshot, &packet).unwrap_or_else(|| panic!("{what}: nothing"));
        assert_eq!(answer.len as isize, packet.len() as isize + longer, "{what}");
        assert_eq!(wire::rcode_text(answer.rcode()), rcode, "{what}");
        assert_eq!(answer.flags & !15, wire::QR | wire::RD | if rcode == "NOERROR" { wire::TC } else { 0 }, "{what}: {answer}");
        assert_eq!(answer.question, [wire::name("WwW.x.test"), vec![0, 1, 0, 1]].concat(), "{what}");
        assert!(answer.answer.is_empty() && answer.authority.is_empty() && answer.additional.is_empty(), "{what}: {answer}");
        let edns = packet.len() > question("WwW.x.test", A).encode().len();
        assert_eq!(answer.opt.is_some(), edns, "{what}");
        assert_eq!(answer.option(SUBNET).is_some(), what == "ECS" || what == "all of it");
        if rcode == "BADCOOKIE" {
            let again = with(Edns::of(1232).option(COOKIE, &cookie(&answer)));
            assert_eq!(answered(&snapshot, &again).0, None, "{what}: the next time it is exempt");
            forged = cookie(&answer);
        }
    }
    assert_eq!(forged.len(), 24);
}

#[test]
fn what_cannot_be_made_small_is_not_made() {
    let snapshot = snapshot();
    let plain = question("www.x.test", A).encode();
    let mut response = plain.clone();
    response[2] |= 0x80;
    let mut notify = plain.clone();
    notify[2] |= 4 << 3;
    let no_question = wire::header(7, 0, [0; 4]);
    let bad_option = with(Edns::of(1232).option(COOKIE, &[1; 3]));
    for packet in [&plain[..11], &plain[..20], &response, &notify, &no_question, &bad_option, &[]] {
        assert!(slipped(&snapshot, packet).is_none(), "{packet:?}");
    }
    let mut for_a_cookie = wire::header(7, 0, [0, 0, 0, 1]);
    for_a_cookie.extend(Edns::of(1232).option(COOKIE, b"clientco").record());
    assert_eq!(cookie(&slipped(&snapshot, &for_a_cookie).unwrap()).len(), 24);
}
