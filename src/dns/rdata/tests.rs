use super::*;

use crate::dns::name::Name;

fn read(text: &str) -> Result<(Type, Vec<u8>), Fault> {
    let (rtype, data) = text.split_once(' ').unwrap_or((text, ""));
    let rtype = Type::from_mnemonic(rtype.as_bytes()).unwrap();
    crate::dns::master::read_data(rtype, data.as_bytes(), &Name::parse("example.com").unwrap()).map(|wire| (rtype, wire))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Text, the wire it becomes, and the text that is shown for it.
const VECTORS: &[(&str, &str, &str)] = &[
    ("A 192.0.2.1", "c0000201", "192.0.2.1"),
    ("AAAA 2001:DB8:0::1", "20010db8000000000000000000000001", "2001:db8::1"),
    ("NS ns", "026e73076578616d706c6503636f6d00", "ns.example.com."),
    ("CNAME @", "076578616d706c6503636f6d00", "example.com."),
    ("CNAME .", "00", "."),
    ("MX 10 A.b.", "000a0141016200", "10 A.b."),
    ("SOA a. b. 1 1h 2 3w 4", "01610001620000000001", ""),
    ("SRV 1 2 443 .", "0001000201bb00", "1 2 443 ."),
    ("TXT a \"b c\" \\065\\;", "01610362206302413b", "\"a\" \"b c\" \"A;\""),
    ("TXT \"\"", "00", "\"\""),
    ("HINFO PC \"\\\"x\\\\\"", "0250430322785c", "\"PC\" \"\\\"x\\\\\""),
    ("ISDN 150862028003217 004", "0f31353038363230323830303332313703303034", "\"150862028003217\" \"004\""),
    ("RP a. .", "01610000", "a. ."),
    // RFC 3123 §5.
    ("APL 1:192.168.32.0/21 !1:192.168.38.0/28", "00011503c0a820", ""),
    ("APL", "", "\\# 0"),
    ("APL 2:FF00::/8", "00020801ff", "2:ff00::/8"),
    ("CERT PGP 0 RSASHA1 AQ==", "000300000501", "3 0 5 AQ=="),
    (
        "DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
        "ec4505012bb183af5f22588179a53b0a98631fad1a292118",
        "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
    ),
    ("CDS 0 0 0 00", "0000000000", "0 0 0 00"),
    ("CDNSKEY 0 3 0 AA==", "0000030000", "0 3 0 AA=="),
    ("SSHFP 2 1 12 34", "02011234", "2 1 1234"),
    ("TLSA 3 1 0 0a0B", "0301000a0b", "3 1 0 0A0B"),
    ("NSEC a. A MX RRSIG NSEC TYPE1234", "0161000006400100000003041b", ""),
    ("NSEC a.", "016100", "a."),
    ("NSEC3PARAM 1 0 12 aabbccdd", "0100000c04aabbccdd", "1 0 12 AABBCCDD"),
    ("NSEC3PARAM 1 0 0 -", "0100000000", "1 0 0 -"),
    ("NSEC3 1 1 12 - 2T7B4G4V A", "0101000c0005174eb2409f000140", ""),
    ("RRSIG A 5 3 86400 20030322173103 1048354263 2642 . AQID", "0001050300015180", ""),
    ("EUI48 00-00-5E-00-53-2a", "00005e00532a", "00-00-5e-00-53-2a"),
    ("EUI64 00-00-5e-ef-10-00-00-2a", "00005eef1000002a", "00-00-5e-ef-10-00-00-2a"),
    ("NID 10 14:4fff:ff20:ee64", "000a00144fffff20ee64", "10 0014:4fff:ff20:ee64"),
    ("L32 10 10.1.2.0", "000a0a010200", "10 10.1.2.0"),
    ("LP 10 a.", "000a016100", "10 a."),
    ("URI 10 1 \"ftp://x/\"", "000a00016674703a2f2f782f", "10 1 \"ftp://x/\""),
    ("CAA 128 issue \"ca;x\"", "8005697373756563613b78", "128 issue \"ca;x\""),
    ("CAA 0 issue \"\"", "00056973737565", "0 issue \"\""),
    ("WKS 192.0.2.1 tcp smtp domain 6", "c00002010602000040000004", ""),
    ("NSAP 0x47.0005.80", "47000580", "0x47000580"),
    ("GPOS -32.6882 116.8652 10.0", "082d33322e36383832083131362e383635320431302e30", "\"-32.6882\" \"116.8652\" \"10.0\""),
    ("IPSECKEY 10 1 2 192.0.2.38 AQID", "0a0102c0000226010203", "10 1 2 192.0.2.38 AQID"),
    ("IPSECKEY 10 0 0 .", "0a0000", "10 0 0 ."),
    ("IPSECKEY 10 3 2 a. AQID", "0a0302016100010203", "10 3 2 a. AQID"),
    ("AMTRELAY 10 1 1 203.0.113.15", "0a81cb00710f", "10 1 1 203.0.113.15"),
    ("AMTRELAY 0 0 0 .", "0000", "0 0 0 ."),
    ("HIP 2 2001 AQID a. b.", "0202000320010102030161000162", ""),
    ("DOA 1 2 3 \"x\" -", "0000000100000002030178", "1 2 3 \"x\" -"),
    ("CSYNC 66 3 A NS AAAA", "000000420003000460000008", ""),
    ("TYPE65280 \\# 4 01 020 304", "01020304", "\\# 4 01020304"),
    ("TYPE65280 \\# 0", "", "\\# 0"),
    ("A \\# 4 c0000201", "c0000201", "192.0.2.1"),
    ("NULL \\# 1 ff", "ff", "\\# 1 FF"),
    // RFC 9460 appendix D.
    ("SVCB 0 foo.", "000003666f6f00", "0 foo."),
    ("SVCB 1 .", "000100", "1 ."),
    ("SVCB 16 foo. port=53", "001003666f6f000003000200 35", "16 foo. port=53"),
    ("SVCB 1 foo. key667=hello", "000103666f6f00029b000568656c6c6f", "1 foo. key667=\"hello\""),
    ("SVCB 1 foo. key667=\"hello\\210qoo\"", "000103666f6f00029b000968656c6c6fd2716f6f", "1 foo. key667=\"hello\\210qoo\""),
    (
        "SVCB 1 . ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
        "000100000600 2020010db800000000000000000000000120010db8000000000000000000530001",
        "1 . ipv6hint=2001:db8::1,2001:db8::53:1",
    ),
    (
        "SVCB 16 . alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
        "0010000000000400010004000100090268320568332d313900040004c0000201",
        "16 . mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1",
    ),
    ("SVCB 16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", "00100000010 00c08665c6f6f2c626172026832", "16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\""),
    ("SVCB 16 . alpn=f\\\\\\092oo\\092,bar,h2", "00100000010 00c08665c6f6f2c626172026832", "16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\""),
    ("HTTPS 1 . alpn=h2 no-default-alpn ech=AQID dohpath=/q{?dns} ohttp key10", "0001000001", ""),
    ("SVCB 1 . key1=\"\\002h2\" key9=\"\\000\\029\"", "0001000001000302683200090002001d", "1 . alpn=\"h2\" tls-supported-groups=29"),
];

#[test]
fn known_vectors() {
    for &(text, wire, shown) in VECTORS {
        let (rtype, got) = read(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        // A long vector may be given by its beginning only: then nothing is said of how it is shown.
        let wire = wire.replace(' ', "");
        if shown.is_empty() {
            assert!(hex(&got).starts_with(&wire), "{text}: {}", hex(&got));
        } else {
            assert_eq!(hex(&got), wire, "{text}");
            assert_eq!(show(rtype, &got), shown, "{text}");
        }
        reads_back(rtype, &got);
    }
}

fn reads_back(rtype: Type, wire: &[u8]) {
    check(rtype, wire).unwrap();
    let text = show(rtype, wire);
    let (_, again) = read(&format!("{rtype} {text}")).unwrap_or_else(|why| panic!("{rtype} {text}: {why}"));
    assert_eq!(hex(&again), hex(wire), "{rtype} {text}");
}

/// Places as in RFC 1876 §4.
#[test]
fn places() {
    for (text, shown) in [
        ("42 21 54 N 71 06 18 W -24m 30m", "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"),
        ("42 21 43.952 N 71 5 6.344 W -24m 1m 200m", "42 21 43.952 N 71 5 6.344 W -24.00m 1.00m 200.00m 10.00m"),
        ("60 N 10 E 0", "60 0 0.000 N 10 0 0.000 E 0.00m 1.00m 10000.00m 10.00m"),
        ("0 0 0.001 S 0 0 0.1 W -100000.00", "0 0 0.001 S 0 0 0.100 W -100000.00m 1.00m 10000.00m 10.00m"),
        ("90 s 180 w 42849672.95m 90000000m 0.05m 0", "90 0 0.000 S 180 0 0.000 W 42849672.95m 90000000.00m 0.05m 0.00m"),
    ] {
        let (rtype, wire) = read(&format!("LOC {text}")).unwrap();
        assert_eq!(show(rtype, &wire), shown);
        reads_back(rtype, &wire);
    }
    assert_eq!(hex(&read("LOC 52 22 23 N 4 53 32 E -2.00m 0.00m 10000m 10m").unwrap().1), "000016138b3cf018810cbce0009895b8");
    for wrong in [
        "91 N 0 E 0",
        "90 0 0.001 N 0 E 0",
        "1 60 N 0 E 0",
        "1 2 60 N 0 E 0",
        "1 N 181 E 0",
        "1 N 1 E",
        "1 N 1 E 1.234",
        "1 N 1 E -100000.01",
        "1 N 1 E 42849672.96",
        "1 N 1 E 0 90000001",
        "1 E 1 N 0",
        "1 2 3 4 N 1 E 0",
        ". N 1 E 0",
        "1 N 1 E .",
    ] {
        assert!(read(&format!("LOC {wrong}")).is_err(), "{wrong}");
    }
}

#[test]
fn faults_say_what_is_right() {
    for (text, what) in [
        ("A 1.2.3", "<IPv4 address> `1.2.3` must be four numbers from 0 to 255 with dots, such as 192.0.2.1"),
        (
            "A ::1",
            "<IPv4 address> `::1` must be four numbers from 0 to 255 with dots, such as 192.0.2.1; for an IPv6 address the type is AAAA",
        ),
        ("AAAA 192.0.2.1", "<IPv6 address> `192.0.2.1` must be an IPv6 address, such as 2001:db8::1; for an IPv4 address the type is A"),
        ("A", "<IPv4 address> is missing; A is written: <IPv4 address>"),
        ("MX 10", "<mail server> is missing; MX is written: <preference> <mail server>"),
        ("A 192.0.2.1 x", "`x` is one word too many; A is written: <IPv4 address>"),
        ("MX mail", "<preference> `mail` must be a number from 0 to 65535"),
        ("MX \"10\" mail", "<preference> `\"10\"` must stand without quotes"),
        ("CNAME a..b", "<target> `a..b` must be a domain name: a name has an empty label (two dots in a row, or a leading dot)"),
        ("TYPE65280 abcd", "TYPE65280 has no text form; TYPE65280 is written: \\# <length> <hex digits>"),
        ("A \\# 5 c0000201", "the length is given as 5, but 4 bytes follow"),
        ("A \\# 3 c00002", "A data: IPv4 address: 4 bytes are needed, 3 are left"),
        ("MX \\# 4 000ac000", "MX data: mail server: not a valid uncompressed name"),
        ("DS 1 8 2 zz", "<digest> `zz` must be hex digits"),
        ("SVCB 1 . port=1 port=2", "parameter port stands twice"),
        ("SVCB 1 . mandatory=port,alpn alpn=h2", "parameter port is called mandatory but is not there"),
        ("SVCB 1 . mandatory=alpn port=1", "parameter alpn is called mandatory but is not there"),
        ("SVCB 1 . mandatory=alpn", "parameter alpn is called mandatory but is not there"),
        ("SVCB 1 . no-default-alpn", "parameter no-default-alpn needs alpn beside it"),
        ("SVCB 1 . mandatory=mandatory", "parameter mandatory: may not name itself"),
        ("SVCB 1 . ipv4hint=1", "parameter ipv4hint: must be a list of IPv4 addresses with commas"),
        ("TXT \"a", "a quote is not closed on its line; close it with `\"`; long text is written as several strings in parentheses"),
        ("TXT a\nb", "record data must stand on one line"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), what, "{text}");
    }
}

#[test]
fn limits_at_the_edge() {
    let long = "x".repeat(255);
    assert_eq!(read(&format!("TXT {long}")).unwrap().1.len(), 256);
    assert!(read(&format!("TXT {long}x")).unwrap_err().hint.contains("several strings"));
    let full = "ff ".repeat(65_535);
    assert_eq!(read(&format!("OPENPGPKEY \\# 65535 {full}")).unwrap().1.len(), MAX_RDATA);
    assert!(read(&format!("OPENPGPKEY \\# 65536 {full}")).is_err());
    let strings = "\"\" ".repeat(65_535);
    assert_eq!(read(&format!("TXT {strings}")).unwrap().1.len(), MAX_RDATA);
    assert!(read(&format!("TXT {strings}\"\"")).is_err());
    let uri = "u".repeat(65_531);
    assert_eq!(read(&format!("URI 1 1 \"{uri}\"")).unwrap().1.len(), MAX_RDATA);
    assert!(read(&format!("URI 1 1 \"{uri}u\"")).is_err());
    let value = "v".repeat(65_528);
    assert_eq!(read(&format!("SVCB 1 . key667={value}")).unwrap().1.len(), MAX_RDATA);
    assert!(read(&format!("SVCB 1 . key667={value}v")).is_err());
    assert!(read(&format!("NSEC3PARAM 1 0 0 {}", "ab".repeat(255))).is_ok());
    assert!(read(&format!("NSEC3PARAM 1 0 0 {}", "ab".repeat(256))).is_err());
}

/// Whatever passes the check must read back from its text; nothing may panic.
#[test]
fn random_wire_reads_back() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let types: Vec<Type> = (0..300).chain(32768..32770).map(Type).filter(|&t| table::layout(t).is_some()).collect();
    let (mut sound, mut texts) = (0, 0);
    for _ in 0..30_000 {
        let rtype = types[random() as usize % types.len()];
        let len = random() % 40;
        // Small numbers make lengths and labels that fit.
        let wire: Vec<u8> = (0..len).map(|_| if random() % 3 == 0 { random() as u8 } else { (random() % 5) as u8 }).collect();
        if check(rtype, &wire).is_ok() {
            sound += 1;
            reads_back(rtype, &wire);
        }
        let mut canonical = wire.clone();
        to_canonical(rtype, &mut canonical);
        assert!(canonical.eq_ignore_ascii_case(&wire));
        // Any text is an answer or a fault.
        let text: String = wire.iter().map(|byte| char::from(b" \"\\()1a.=,"[usize::from(byte % 10)])).collect();
        if let Ok((rtype, wire)) = read(&format!("{rtype} {text}")) {
            texts += 1;
            check(rtype, &wire).unwrap_or_else(|why| panic!("{rtype} {text}: {why}"));
        }
    }
    // Strings of any bytes, where each byte could need an escape of its own.
    for _ in 0..2_000 {
        let string: Vec<u8> = (0..1 + random() % 12)
            .map(|_| if random() % 2 == 0 { b"\\,\";= ()@"[random() as usize % 9] } else { random() as u8 })
            .collect();
        let lengthed = [&[string.len() as u8][..], &string].concat();
        let param = |key: u8, value: &[u8]| [&[0, 1, 0, 0, key, 0, value.len() as u8][..], value].concat();
        reads_back(Type::TXT, &[&lengthed[..], &lengthed].concat());
        reads_back(Type(257), &[&b"\x00\x05issue"[..], &string].concat());
        reads_back(Type(256), &[&[0, 0, 0, 0][..], &string].concat());
        reads_back(Type::SVCB, &param(1, &[&lengthed[..], &lengthed].concat()));
        reads_back(Type::HTTPS, &param(99, &string));
        reads_back(Type::CNAME, &[&lengthed[..], &[0]].concat());
    }
    assert!(sound > 1_500 && texts > 50, "{sound} sound wires, {texts} sound texts");
}

#[test]
fn canonical_form_lowers_the_right_names() {
    for (text, lowered) in [
        ("MX 10 MAIL.Example.", "10 mail.example."),
        ("NAPTR 1 2 \"U\" \"SIP\" \"X\" Repl.", "1 2 \"U\" \"SIP\" \"X\" repl."),
        ("NSEC Next. A", "Next. A"),
        ("SVCB 1 Target.", "1 Target."),
        ("TXT ABC", "\"ABC\""),
    ] {
        let (rtype, mut wire) = read(text).unwrap();
        to_canonical(rtype, &mut wire);
        assert_eq!(show(rtype, &wire), lowered);
    }
}
