//! Packets that no careful client sends, and those that only a tester sends.

use super::wire::{self, Edns, Question};

/// What Meridian must do, where more is asked than "not unlike every peer".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Must {
    /// Nothing beyond the rule of the peers.
    Agree,
    Silence,
    /// This rcode, whatever the peers do.
    Rcode(u16),
}

pub(crate) struct Probe {
    pub(crate) title: String,
    pub(crate) packet: Vec<u8>,
    pub(crate) must: Must,
}

const FORMERR: Must = Must::Rcode(1);
const NOTIMP: Must = Must::Rcode(4);
const REFUSED: Must = Must::Rcode(5);
const NOTAUTH: Must = Must::Rcode(9);
const BADVERS: Must = Must::Rcode(16);
const NOERROR: Must = Must::Rcode(0);

const NSID: u16 = 3;
const SUBNET: u16 = 8;
const EXPIRE: u16 = 9;
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;

fn soa() -> Question {
    Question::of(wire::name("types.test"), wire::SOA)
}

fn with(edns: Edns) -> Vec<u8> {
    Question { edns: Some(edns), ..soa() }.encode()
}

fn set(mut packet: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    packet[at..at + bytes.len()].copy_from_slice(bytes);
    packet
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A header with these counts, then whatever is given.
fn raw(counts: [u16; 4], rest: &[&[u8]]) -> Vec<u8> {
    joined(&[&wire::header(0x1234, wire::RD, counts), &rest.concat()])
}

fn record(owner: &[u8], rtype: u16, class: u16, rdata: &[u8]) -> Vec<u8> {
    let fixed = [rtype.to_be_bytes(), class.to_be_bytes(), [0, 0], [0, 0]].concat();
    joined(&[owner, &fixed, &(rdata.len() as u16).to_be_bytes(), rdata])
}

/// What ISC's EDNS compliance tester sends, and the options a server may know.
pub(crate) fn edns() -> Vec<Probe> {
    let e = || Edns::of(4096);
    let one = || Edns { version: 1, ..e() };
    let everything =
        e().option(NSID, b"").option(COOKIE, b"\x01\x02\x03\x04\x05\x06\x07\x08").option(SUBNET, b"\x00\x01\x00\x00").option(EXPIRE, b"");
    let big = |size| Question { edns: Some(Edns::of(size).with_do()), ..Question::of(wire::name("t5000.big.test"), wire::TXT) };
    let keys = Question { edns: Some(Edns::of(512).with_do()), ..Question::of(wire::name("keys.test"), 48) };
    [
        ("plain SOA", soa().encode(), NOERROR),
        ("EDNS 0", with(e()), NOERROR),
        ("EDNS 1", with(one()), BADVERS),
        ("EDNS 255", with(Edns { version: 255, ..e() }), BADVERS),
        ("EDNS 0, unknown option 100", with(e().option(100, b"")), NOERROR),
        ("EDNS 0, unknown option 100 with data", with(e().option(100, b"abc")), NOERROR),
        ("EDNS 0, option 65001", with(e().option(65001, b"x")), NOERROR),
        ("EDNS 1, unknown option 100", with(one().option(100, b"")), BADVERS),
        ("EDNS 1, NSID", with(one().option(NSID, b"")), BADVERS),
        ("EDNS 1, malformed options", with(Edns { options: vec![0, 3, 0, 9], ..one() }), Must::Agree),
        ("EDNS 0, unknown flag 0x40", with(Edns { flags: 0x40, ..e() }), NOERROR),
        ("EDNS 0, all unknown flags", with(Edns { flags: 0x7fff, ..e() }), NOERROR),
        ("EDNS 1, unknown flags", with(Edns { flags: 0x40, ..one() }), BADVERS),
        ("EDNS 0, DO", with(e().with_do()), NOERROR),
        ("EDNS 1, DO", with(one().with_do()), BADVERS),
        ("EDNS 0, DO and unknown flags", with(Edns { flags: 0xffff, ..e() }), NOERROR),
        ("EDNS 0, size 0", with(Edns::of(0)), NOERROR),
        ("EDNS 0, size 65535", with(Edns::of(65_535)), NOERROR),
        ("512 bytes, big answer, DO", big(512).encode(), NOERROR),
        ("0 bytes, big answer, DO", big(0).encode(), NOERROR),
        ("512 bytes, keys, DO", keys.encode(), NOERROR),
        ("NSID", with(e().option(NSID, b"")), NOERROR),
        ("NSID with data", with(e().option(NSID, b"abc")), Must::Agree),
        ("COOKIE, client only", with(e().option(COOKIE, b"12345678")), NOERROR),
        ("COOKIE, of 7 bytes", with(e().option(COOKIE, b"1234567")), FORMERR),
        ("COOKIE, of 12 bytes", with(e().option(COOKIE, b"123456789012")), FORMERR),
        ("COOKIE, of 16 bytes, unknown", with(e().option(COOKIE, b"1234567890123456")), NOERROR),
        ("COOKIE, of 24 bytes, unknown", with(e().option(COOKIE, b"123456789012345678901234")), NOERROR),
        ("COOKIE, of 41 bytes", with(e().option(COOKIE, &[7; 41])), FORMERR),
        ("COOKIE twice", with(e().option(COOKIE, b"12345678").option(COOKIE, b"87654321")), Must::Agree),
        ("SUBNET 0/0", with(e().option(SUBNET, b"\x00\x01\x00\x00")), NOERROR),
        ("SUBNET 192.0.2.0/24", with(e().option(SUBNET, b"\x00\x01\x18\x00\xc0\x00\x02")), NOERROR),
        ("SUBNET with a scope", with(e().option(SUBNET, b"\x00\x01\x18\x18\xc0\x00\x02")), FORMERR),
        ("SUBNET with bits past the prefix", with(e().option(SUBNET, b"\x00\x01\x17\x00\xc0\x00\x03")), FORMERR),
        ("SUBNET too long", with(e().option(SUBNET, b"\x00\x01\x18\x00\xc0\x00\x02\x01")), FORMERR),
        ("SUBNET too short", with(e().option(SUBNET, b"\x00\x01\x18\x00\xc0\x00")), FORMERR),
        ("SUBNET /33", with(e().option(SUBNET, b"\x00\x01\x21\x00\xc0\x00\x02\x00\x00")), FORMERR),
        ("SUBNET of family 3", with(e().option(SUBNET, b"\x00\x03\x08\x00\x01")), Must::Agree),
        ("EXPIRE", with(e().option(EXPIRE, b"")), NOERROR),
        ("KEEPALIVE over UDP", with(e().option(KEEPALIVE, b"")), NOERROR),
        ("PADDING", with(e().option(PADDING, &[0; 32])), NOERROR),
        ("NSID, COOKIE, SUBNET and EXPIRE", with(everything), NOERROR),
        ("REFUSED with EDNS", Question { edns: Some(e()), ..Question::of(wire::name("nobody.example"), wire::A) }.encode(), REFUSED),
    ]
    .map(|(title, packet, must)| Probe { title: title.into(), packet, must })
    .into()
}

/// Packets that are wrong in themselves.
pub(crate) fn malformed() -> Vec<Probe> {
    let plain = soa().encode();
    let opt = Edns::of(1232).record();
    let question = &plain[12..];
    let fixed = &[0, 6, 0, 1][..];
    let deep = vec![[1, b'x']; 127].concat();
    let a = record(&wire::name("types.test"), wire::A, wire::IN, &[192, 0, 2, 1]);
    let lying_opt = set(opt.clone(), 9, &[0, 50]);
    let short_option = Edns { options: vec![0, 3, 0, 9, 1], ..Edns::of(1232) }.record();
    let half_option = Edns { options: vec![0, 3, 0], ..Edns::of(1232) }.record();
    let owned_opt = joined(&[b"\x01x", &opt]);
    let pointed_opt = joined(&[&[0xc0, 12], &opt[1..]]);
    let mut probes: Vec<Probe> =
        (0..12).map(|n| Probe { title: format!("runt of {n} bytes"), packet: plain[..n].to_vec(), must: Must::Silence }).collect();
    let table: Vec<(&str, Vec<u8>, Must)> = vec![
        ("header only, QDCOUNT 1", raw([1, 0, 0, 0], &[]), FORMERR),
        ("QDCOUNT 0", raw([0; 4], &[]), FORMERR),
        ("QDCOUNT 0 and an OPT", raw([0, 0, 0, 1], &[&opt]), FORMERR),
        ("QDCOUNT 0 and a COOKIE", raw([0, 0, 0, 1], &[&Edns::of(1232).option(COOKIE, b"12345678").record()]), Must::Agree),
        ("QDCOUNT 2", raw([2, 0, 0, 0], &[question, question]), FORMERR),
        ("QDCOUNT 2, one there", raw([2, 0, 0, 0], &[question]), FORMERR),
        ("QDCOUNT 65535", raw([65_535, 0, 0, 0], &[question]), FORMERR),
        ("label type 0x40", raw([1, 0, 0, 0], &[b"\x41x\0", fixed]), FORMERR),
        ("label type 0x80", raw([1, 0, 0, 0], &[b"\x81x\0", fixed]), FORMERR),
        ("label of 64", raw([1, 0, 0, 0], &[&[64], &[b'x'; 64], &[0], fixed]), FORMERR),
        ("pointer to itself", raw([1, 0, 0, 0], &[&[0xc0, 12], fixed]), FORMERR),
        ("pointer to its own label", raw([1, 0, 0, 0], &[b"\x01x\xc0\x0c", fixed]), FORMERR),
        ("pointer forward", raw([1, 0, 0, 0], &[&[0xc0, 16], fixed, b"\x01x\0"]), FORMERR),
        ("pointer into the header", raw([1, 0, 0, 0], &[&[0xc0, 6], fixed]), FORMERR),
        ("pointer past the end", raw([1, 0, 0, 0], &[&[0xff, 0xff], fixed]), FORMERR),
        ("name without its end", raw([1, 0, 0, 0], &[b"\x05types\x04test"]), FORMERR),
        ("label longer than the packet", raw([1, 0, 0, 0], &[b"\x3ftypes"]), FORMERR),
        ("name of 255 bytes", raw([1, 0, 0, 0], &[&deep, &[0], fixed]), Must::Agree),
        ("name of 256 bytes", raw([1, 0, 0, 0], &[&deep[2..], b"\x02xx\0", fixed]), FORMERR),
        ("name of 257 bytes", raw([1, 0, 0, 0], &[&deep, b"\x01x\0", fixed]), FORMERR),
        ("no type", raw([1, 0, 0, 0], &[b"\x05types\x04test\0"]), FORMERR),
        ("half a type", raw([1, 0, 0, 0], &[b"\x05types\x04test\0\0"]), FORMERR),
        ("no class", raw([1, 0, 0, 0], &[b"\x05types\x04test\0\0\x06"]), FORMERR),
        ("half a class", raw([1, 0, 0, 0], &[b"\x05types\x04test\0\0\x06\0"]), FORMERR),
        ("a byte after the question", raw([1, 0, 0, 0], &[question, b"x"]), Must::Agree),
        ("100 bytes after the question", raw([1, 0, 0, 0], &[question, &[0; 100]]), Must::Agree),
        ("a byte after the OPT", raw([1, 0, 0, 1], &[question, &opt, b"x"]), Must::Agree),
        ("ANCOUNT 1 and nothing", raw([1, 1, 0, 0], &[question]), FORMERR),
        ("ANCOUNT 1 and a record", raw([1, 1, 0, 0], &[question, &a]), Must::Agree),
        ("NSCOUNT 1 and nothing", raw([1, 0, 1, 0], &[question]), FORMERR),
        ("NSCOUNT 1 and a record", raw([1, 0, 1, 0], &[question, &a]), Must::Agree),
        ("ARCOUNT 1 and nothing", raw([1, 0, 0, 1], &[question]), FORMERR),
        ("ARCOUNT 1 and a record", raw([1, 0, 0, 1], &[question, &a]), Must::Agree),
        ("ARCOUNT 2, a record and an OPT", raw([1, 0, 0, 2], &[question, &a, &opt]), Must::Agree),
        ("ARCOUNT 2, an OPT and a record", raw([1, 0, 0, 2], &[question, &opt, &a]), Must::Agree),
        ("ARCOUNT 2 and one OPT", raw([1, 0, 0, 2], &[question, &opt]), FORMERR),
        ("ARCOUNT 65535 and an OPT", raw([1, 0, 0, 65_535], &[question, &opt]), FORMERR),
        ("all counts 65535", raw([65_535; 4], &[question]), FORMERR),
        ("two OPTs", raw([1, 0, 0, 2], &[question, &opt, &opt]), FORMERR),
        ("OPT owned by x", raw([1, 0, 0, 1], &[question, &owned_opt]), FORMERR),
        ("OPT owned by a pointer to a name", raw([1, 0, 0, 1], &[question, &pointed_opt]), FORMERR),
        ("OPT in the answer section", raw([1, 1, 0, 0], &[question, &opt]), FORMERR),
        ("OPT in the authority section", raw([1, 0, 1, 0], &[question, &opt]), FORMERR),
        ("OPT cut short", raw([1, 0, 0, 1], &[question, &opt[..6]]), FORMERR),
        ("OPT data beyond the end", raw([1, 0, 0, 1], &[question, &lying_opt]), FORMERR),
        ("option beyond its OPT", raw([1, 0, 0, 1], &[question, &short_option]), FORMERR),
        ("half an option header", raw([1, 0, 0, 1], &[question, &half_option]), FORMERR),
        ("record cut short", raw([1, 0, 0, 1], &[question, &a[..a.len() - 1]]), FORMERR),
        ("TSIG of an unknown key", raw([1, 0, 0, 1], &[question, &tsig()]), NOTAUTH),
        ("TSIG, then an OPT", raw([1, 0, 0, 2], &[question, &tsig(), &opt]), FORMERR),
        ("an OPT, then TSIG", raw([1, 0, 0, 2], &[question, &opt, &tsig()]), NOTAUTH),
    ];
    probes.extend(table.into_iter().map(|(title, packet, must)| Probe { title: title.into(), packet, must }));
    probes
}

/// A TSIG record that is sound in form, with a key nobody has.
fn tsig() -> Vec<u8> {
    let algorithm = wire::name("hmac-sha256");
    let rdata = [&algorithm[..], &[0, 0, 0x6a, 0, 0, 0, 1, 44, 0, 32], &[9; 32], &[0x12, 0x34, 0, 0, 0, 0]].concat();
    record(&wire::name("nobodys-key"), 250, 255, &rdata)
}

/// Sound packets that ask for odd things: flags, opcodes, types, classes.
pub(crate) fn unusual() -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut add = |title: String, question: Question, must| probes.push(Probe { title, packet: question.encode(), must });
    for (flag, text) in [
        (wire::AA, "AA"),
        (wire::TC, "TC"),
        (wire::RD, "RD"),
        (wire::RA, "RA"),
        (wire::Z, "Z"),
        (wire::AD, "AD"),
        (wire::CD, "CD"),
        (wire::RD | wire::CD, "RD and CD"),
        (0x07f0, "every flag but QR"),
        (0x0003, "rcode 3"),
    ] {
        add(format!("flag {text}"), Question { flags: flag, ..soa() }, Must::Agree);
        add(format!("flag {text} and EDNS"), Question { flags: flag, edns: Some(Edns::of(1232)), ..soa() }, Must::Agree);
        let refused = Question { flags: flag, ..Question::of(wire::name("nobody.example"), wire::A) };
        add(format!("flag {text}, out of zone"), refused, REFUSED);
    }
    add("QR".into(), Question { flags: wire::QR, ..soa() }, Must::Silence);
    add("QR and EDNS".into(), Question { flags: wire::QR, edns: Some(Edns::of(1232)), ..soa() }, Must::Silence);
    for opcode in 1..16 {
        add(format!("opcode {opcode}"), Question { flags: opcode << 11, ..soa() }, NOTIMP);
        add(format!("opcode {opcode}, EDNS"), Question { flags: opcode << 11, edns: Some(Edns::of(1232)), ..soa() }, NOTIMP);
    }
    for rtype in [0, 41, 100, 128, 200, 248, 249, 250, 253, 254, 256, 257, 32768, 65_280, 65_534, 65_535] {
        add(format!("type {rtype} at the apex"), Question::of(wire::name("types.test"), rtype), Must::Agree);
        add(format!("type {rtype} at nothing"), Question::of(wire::name("x.nasty.test"), rtype), Must::Agree);
        add(format!("type {rtype} out of zone"), Question::of(wire::name("x.example"), rtype), Must::Agree);
    }
    for rtype in [wire::IXFR, wire::AXFR] {
        add(format!("type {rtype} at an apex"), Question::of(wire::name("types.test"), rtype), REFUSED);
        add(format!("type {rtype} elsewhere"), Question::of(wire::name("x.nasty.test"), rtype), Must::Agree);
        add(format!("type {rtype} out of zone"), Question::of(wire::name("x.example"), rtype), Must::Agree);
    }
    for class in [0, 2, 3, 4, 5, 254, 255, 9999, 65_535] {
        let at = |name: &str| Question { class, ..Question::of(wire::name(name), wire::SOA) };
        // RFC 1035 §3.2.5: class ANY is for what may have several; every answer a peer gives is as good.
        let must = if class == 255 { Must::Agree } else { REFUSED };
        add(format!("class {class}"), at("types.test"), must);
        add(format!("class {class}, out of zone"), at("x.example"), Must::Agree);
    }
    for (name, rtype, class) in [
        ("id.server", wire::TXT, 3),
        ("ID.Server", wire::TXT, 3),
        ("version.bind", wire::TXT, 3),
        ("hostname.bind", wire::TXT, 3),
        ("version.server", wire::TXT, 3),
        ("authors.bind", wire::TXT, 3),
        ("foo.bind", wire::TXT, 3),
        ("id.server", wire::A, 3),
        ("id.server", wire::TXT, wire::IN),
        ("x.id.server", wire::TXT, 3),
    ] {
        add(format!("{name} {rtype} class {class}"), Question { class, ..Question::of(wire::name(name), rtype) }, Must::Agree);
    }
    probes
}
