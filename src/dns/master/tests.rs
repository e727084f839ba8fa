use std::collections::HashMap;

use super::*;

/// Included files by name.
#[derive(Default)]
struct Shelf(HashMap<&'static str, &'static str>);

impl Loader for Shelf {
    fn load(&mut self, path: &str, from: &str) -> Result<(String, Vec<u8>), String> {
        let text = self.0.get(path).ok_or_else(|| format!("{from} may not read it"))?;
        Ok((path.into(), text.as_bytes().into()))
    }
}

/// Records as `owner ttl type data`, and problems.
fn read_with(shelf: Shelf, text: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut shelf = shelf;
    let mut records = Vec::new();
    let origin = Name::parse("example.com").unwrap();
    let reading = read("zone", text, &origin, &mut shelf, &mut |record| {
        let owner = Name::from_wire(record.owner).unwrap();
        records.push(format!("{owner} {} {} {}", record.ttl, record.rtype, rdata::show(record.rtype, record.rdata)));
    });
    (records, reading.problems.iter().map(Problem::to_string).collect())
}

fn read_text(text: &str) -> (Vec<String>, Vec<String>) {
    read_with(Shelf::default(), text.as_bytes())
}

#[track_caller]
fn reads(text: &str, records: &[&str]) {
    let (got, problems) = read_text(text);
    assert!(problems.is_empty(), "{text:?}: {problems:?}");
    assert_eq!(got, records, "{text:?}");
}

#[track_caller]
fn fails(text: &str, problems: &[&str]) {
    assert_eq!(read_text(text).1, problems, "{text:?}");
}

#[test]
fn what_may_be_left_out() {
    let both = ["a.example.com. 60 A 192.0.2.1", "a.example.com. 60 A 192.0.2.2"];
    reads("a 60 IN A 192.0.2.1\n IN 60 A 192.0.2.2\n", &both);
    reads("$TTL 60\na IN A 192.0.2.1\n\tA 192.0.2.2", &both);
    reads("$ttl 1m\na in a 192.0.2.1\n   \n; nothing\n \t; nothing\n CLASS1 TYPE1 \\# 4 c0000202", &both);
    reads(
        "A 60 A 192.0.2.1\nin 1 in A 192.0.2.1\n300 2 A 192.0.2.1",
        &["A.example.com. 60 A 192.0.2.1", "in.example.com. 1 A 192.0.2.1", "300.example.com. 2 A 192.0.2.1"],
    );
}

#[test]
fn owners() {
    reads(
        "$TTL 1\n@ A 192.0.2.1\n*.W A 192.0.2.1\na\\.b\\@\\032 A 192.0.2.1\n\\$TTL A 192.0.2.1\nx. A 192.0.2.1\n. A 192.0.2.1\n\\@ A 192.0.2.1",
        &[
            "example.com. 1 A 192.0.2.1",
            "*.W.example.com. 1 A 192.0.2.1",
            "a\\.b\\@\\032.example.com. 1 A 192.0.2.1",
            "\\$TTL.example.com. 1 A 192.0.2.1",
            "x. 1 A 192.0.2.1",
            ". 1 A 192.0.2.1",
            "\\@.example.com. 1 A 192.0.2.1",
        ],
    );
    fails(
        " A 192.0.2.1",
        &[
            "zone:1: the line begins with white space, but there is no owner above it to go on with; begin the line with the owner, such as `@`",
        ],
    );
    // A record below an owner that was refused has no place, but is still looked at.
    let (records, problems) = read_text("$TTL 1\na A 192.0.2.1\nb..c A 192.0.2.2\n A 192.0.2.3\n A x\nd A 192.0.2.4");
    assert_eq!(records, ["a.example.com. 1 A 192.0.2.1", "d.example.com. 1 A 192.0.2.4"]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    fails("\"a\" 1 A 192.0.2.1", &["zone:1: <owner> `\"a\"` must stand without quotes"]);
}

#[test]
fn ttls() {
    for (text, ttl) in [("0", "0"), ("2147483647", "2147483647"), ("1h30m", "5400"), ("2W", "1209600"), ("1d1s", "86401")] {
        reads(&format!("a {text} A 192.0.2.1"), &[&format!("a.example.com. {ttl} A 192.0.2.1")]);
        reads(&format!("$TTL {text}\na A 192.0.2.1"), &[&format!("a.example.com. {ttl} A 192.0.2.1")]);
    }
    for text in ["2147483648", "4294967296", "1h30", "3x", "4000w"] {
        assert_eq!(read_text(&format!("a {text} A 192.0.2.1")).1.len(), 1, "{text}");
        assert_eq!(read_text(&format!("$TTL {text}\n")).1.len(), 1, "{text}");
    }
    fails("a 2147483648 A 192.0.2.1", &["zone:1: <TTL> `2147483648` must be at most 2147483647 seconds (RFC 2181 §8)"]);
    // Without $TTL: the last one written (RFC 1035), or the SOA's minimum; with a warning, once.
    let (records, problems) = read_text("@ SOA a b 1 2 3 4 77\nb A 192.0.2.1\nc 5 A 192.0.2.1\nd A 192.0.2.1");
    assert_eq!(records[1..], ["b.example.com. 77 A 192.0.2.1", "c.example.com. 5 A 192.0.2.1", "d.example.com. 77 A 192.0.2.1"]);
    assert_eq!(problems, ["zone:1: warning: records without a TTL, and no $TTL: the SOA's minimum is taken; add a line such as `$TTL 1h`"]);
    let (records, problems) = read_text("@ 9 SOA a b 1 2 3 4 77\nb A 192.0.2.1\nc 5 A 192.0.2.1\nd A 192.0.2.1");
    assert_eq!(records[1..], ["b.example.com. 9 A 192.0.2.1", "c.example.com. 5 A 192.0.2.1", "d.example.com. 5 A 192.0.2.1"]);
    assert_eq!(problems.len(), 1);
    fails("a A 192.0.2.1", &["zone:1: a.example.com. A: the record has no TTL and none was given before; add a line such as `$TTL 1h`"]);
}

#[test]
fn origins() {
    reads(
        "$TTL 1\n$ORIGIN sub\na CNAME b\n$ORIGIN x.test.\n@ CNAME @\n$ORIGIN @\nb CNAME c",
        &["a.sub.example.com. 1 CNAME b.sub.example.com.", "x.test. 1 CNAME x.test.", "b.x.test. 1 CNAME c.x.test."],
    );
    reads("$TTL 1\na A 192.0.2.1\n$ORIGIN sub\n A 192.0.2.2", &["a.example.com. 1 A 192.0.2.1", "a.example.com. 1 A 192.0.2.2"]);
    fails("$ORIGIN", &["zone:1: <origin> is missing"]);
    fails("$ORIGIN a b", &["zone:1: `b` is one word too many"]);
    fails(
        "$ORIGIN a..b",
        &["zone:1: <origin> `a..b` must be a domain name: a name has an empty label (two dots in a row, or a leading dot)"],
    );
    fails(
        "$ORIGN a",
        &[
            "zone:1: `$ORIGN` is not a directive; there are $ORIGIN, $TTL, $INCLUDE and $GENERATE; an owner that begins with a dollar sign is written \\$",
        ],
    );
    fails(
        "a 1 A 192.0.2.1\n $TTL 1",
        &[
            "zone:2: <type> `$TTL` must be a record type, such as A or CNAME; a line that begins with white space goes on with the owner above",
        ],
    );
}

#[test]
fn parentheses_and_comments() {
    reads(
        "$TTL 1\na TXT ( ; a ( comment \"\n \"x;y\" ; more )\n\n z)\n(b A 192.0.2.1)\nc A 192.0.2.1;glued\nd A(192.0.2.1)",
        &[
            "a.example.com. 1 TXT \"x;y\" \"z\"",
            "b.example.com. 1 A 192.0.2.1",
            "c.example.com. 1 A 192.0.2.1",
            "d.example.com. 1 A 192.0.2.1",
        ],
    );
    fails(
        "a 1 A 192.0.2.1 )\nb 1 A x",
        &[
            "zone:1: a `)` closes what no `(` has opened",
            "zone:2: b.example.com. A: <IPv4 address> `x` must be four numbers from 0 to 255 with dots, such as 192.0.2.1",
        ],
    );
    fails("a 1 A (\n( 192.0.2.1 )", &["zone:2: a `(` stands inside another, which was opened on line 1; close the first with `)`"]);
    // What stands below an unclosed parenthesis is read all the same.
    let (records, problems) = read_text("$TTL 1\na TXT ( x\nb A 192.0.2.1\nc A y\n");
    assert_eq!(records, ["b.example.com. 1 A 192.0.2.1"]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(problems[0], "zone:2: a `(` is never closed; close it with `)` behind the last word");
    assert!(problems[1].starts_with("zone:4: c.example.com. A:"), "{problems:?}");
    // The line is that of the word, not that of the entry.
    fails(
        "@ 1 SOA a b (\n 1\n 2\n x ; retry\n 4 5 )",
        &["zone:4: example.com. SOA: <retry> `x` must be a number of seconds, or a time such as 1h30m or 2w"],
    );
}

#[test]
fn quotes() {
    reads(
        "$TTL 1\na TXT \"a b\" \"\\\"\" \"\\;(\" a\\\"b \"x\"\"y\" k=\"v w\"\n",
        &["a.example.com. 1 TXT \"a b\" \"\\\"\" \";(\" \"a\\\"b\" \"x\" \"y\" \"k=\" \"v w\""],
    );
    reads("$TTL 1\na HTTPS 1 . alpn=\"h2,h3\" port=\"443\"", &["a.example.com. 1 HTTPS 1 . alpn=\"h2,h3\" port=443"]);
    fails(
        "a 1 TXT \"x\ny 1 A 192.0.2.1\nz 1 A x",
        &[
            "zone:1: a quote is not closed on its line; close it with `\"`; long text is written as several strings in parentheses",
            "zone:3: z.example.com. A: <IPv4 address> `x` must be four numbers from 0 to 255 with dots, such as 192.0.2.1",
        ],
    );
    fails(
        "a 1 TXT \"x\\\n",
        &["zone:1: a quote is not closed on its line; close it with `\"`; long text is written as several strings in parentheses"],
    );
    fails("a 1 TXT x\\\n", &["zone:1: a backslash ends the line; to go on with the next line, put the words in parentheses"]);
}

#[test]
fn how_files_end_lines_and_begin() {
    let records = ["a.example.com. 1 A 192.0.2.1", "b.example.com. 1 TXT \"x\""];
    for text in [
        "$TTL 1\r\na A 192.0.2.1\r\n\r\nb TXT x\r\n",
        "\u{feff}$TTL 1\na A 192.0.2.1\nb TXT x",
        "$TTL 1 \na\tA\t192.0.2.1 \nb TXT (\r\n x\r\n)\r\n",
    ] {
        reads(text, &records);
    }
    reads("", &[]);
    reads("\n\n;\n \n", &[]);
    fails(
        "a 1 A 192.0.2.1\0\nb 1 TXT \"\0\"\nc 1 TXT \\\0",
        &[
            "zone:1: a NUL byte stands in the text; is this a text file in ASCII or UTF-8?",
            "zone:2: a NUL byte stands in the text; is this a text file in ASCII or UTF-8?",
            "zone:3: a NUL byte stands in the text; is this a text file in ASCII or UTF-8?",
        ],
    );
}

#[test]
fn classes_and_types() {
    fails("a 1 CH A 192.0.2.1", &["zone:1: the class is CH; only zones of class IN are served; write IN, or no class"]);
    fails("a 1 CLASS7 A 192.0.2.1", &["zone:1: the class is CLASS7; only zones of class IN are served; write IN, or no class"]);
    fails("a 1 IN IN A 192.0.2.1", &["zone:1: <type> `IN` must be a record type; the class stands before it already"]);
    fails("a 1 1 A 192.0.2.1", &["zone:1: <type> `1` must be a record type; the TTL stands before it already"]);
    fails("a 1 CANME b", &["zone:1: <type> `CANME` must be a record type, such as A or CNAME; did you mean CNAME?"]);
    fails("a 1 ANY b", &["zone:1: ANY is a type of queries and messages, not of records in a zone"]);
    fails("a 1 OPT \\# 0", &["zone:1: OPT is a type of queries and messages, not of records in a zone"]);
    fails("a", &["zone:1: <type> is missing"]);
    fails("a 1 IN", &["zone:1: <type> is missing"]);
    fails("a 1 \"A\" 192.0.2.1", &["zone:1: <type> `\"A\"` must stand without quotes"]);
}

#[test]
fn doubts_are_warnings() {
    let (records, problems) = read_text("a 1 DS 1 8 2 abcd");
    assert_eq!(records.len(), 1);
    assert_eq!(problems, ["zone:1: warning: a.example.com. DS: <digest> has 2 bytes, but digest type 2 needs 32"]);
    let many = "a 1 DS 1 8 2 abcd\n".repeat(MAX_PROBLEMS + 5) + "b 1 A x";
    let (records, problems) = read_text(&many);
    assert_eq!((records.len(), problems.len()), (MAX_PROBLEMS + 5, MAX_PROBLEMS + 1), "warnings never hide an error");
}

#[test]
fn includes() {
    let shelf = || {
        Shelf(HashMap::from([
            ("sub", " A 192.0.2.2\n$ORIGIN deep\nx 2 A 192.0.2.3\n$TTL 9\n"),
            ("bad", "\nb 1 A x\n"),
            ("self", "$INCLUDE self\n"),
        ]))
    };
    let (records, problems) = read_with(shelf(), b"$TTL 1\na A 192.0.2.1\n$INCLUDE sub in\n A 192.0.2.4\nb A 192.0.2.5");
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(
        records,
        [
            "a.example.com. 1 A 192.0.2.1",
            "a.example.com. 1 A 192.0.2.2",
            "x.deep.in.example.com. 2 A 192.0.2.3",
            "a.example.com. 9 A 192.0.2.4",
            "b.example.com. 9 A 192.0.2.5",
        ]
    );
    let (records, problems) = read_with(shelf(), b"$INCLUDE \"bad\" ; comment\n$INCLUDE none\nc 1 A 192.0.2.1");
    assert_eq!(records.len(), 1);
    assert_eq!(
        problems,
        [
            "bad:2: b.example.com. A: <IPv4 address> `x` must be four numbers from 0 to 255 with dots, such as 192.0.2.1",
            "zone:2: `none` cannot be included: zone may not read it",
        ]
    );
    assert_eq!(read_with(shelf(), b"$INCLUDE self\n").1, ["self:1: `self` is included 10 files deep already; does a file include itself?"]);
    assert_eq!(read_with(shelf(), b"$INCLUDE\n").1, ["zone:1: <file> is missing"]);
    assert_eq!(read_with(shelf(), b"$INCLUDE a b c\n").1, ["zone:1: `c` is one word too many"]);
    assert_eq!(read_with(shelf(), b"$INCLUDE \"\"\n").1, ["zone:1: <file> `\"\"` must be a path in UTF-8"]);
}

#[test]
fn a_fan_of_includes_is_bounded() {
    struct Fan(usize);
    impl Loader for Fan {
        fn load(&mut self, path: &str, _: &str) -> Result<(String, Vec<u8>), String> {
            self.0 += 1;
            // Each level includes the next twenty times; the last is empty.
            let level: usize = path.parse().unwrap();
            let text = if level < 9 { format!("$INCLUDE {}\n", level + 1).repeat(20) } else { String::new() };
            Ok((path.into(), text.into_bytes()))
        }
    }
    let mut fan = Fan(0);
    let reading = read("zone", b"$INCLUDE 1", &Name::root(), &mut fan, &mut |_| {});
    assert_eq!(reading.files.len(), MAX_FILES);
    assert_eq!(fan.0, MAX_FILES - 1);
    assert_eq!(reading.problems.len(), MAX_PROBLEMS + 1);
}

#[test]
fn generates() {
    reads("$TTL 1\n$GENERATE 1-3/2 h$ A 192.0.2.$", &["h1.example.com. 1 A 192.0.2.1", "h3.example.com. 1 A 192.0.2.3"]);
    reads(
        "$GENERATE 8-9 ${1,3}.\\$$ 7 in CNAME ${-8,4,d}.$$.${0,0,o}.${0,2,x}.${240,0,X}",
        &["009.\\$8.example.com. 7 CNAME 0000.\\$.10.08.F8.example.com.", "010.\\$9.example.com. 7 CNAME 0001.\\$.11.09.F9.example.com."],
    );
    reads("$GENERATE 10-10 ${0,6,n}x 1 PTR h${161,0,N}", &["a.0.0.x.example.com. 1 PTR hB.A.example.com."]);
    reads(
        "$GENERATE 1-1 a$ 1 MX \"1$ m$\"\n$GENERATE 2-2 a$ 1 MX 1$ m$\n$GENERATE 3-3 a$ 1 TXT \"\\\"a $\\\"\"",
        &["a1.example.com. 1 MX 11 m1.example.com.", "a2.example.com. 1 MX 12 m2.example.com.", "a3.example.com. 1 TXT \"a 3\""],
    );
    // The owner above it goes on below it.
    let (records, _) = read_text("a 1 A 192.0.2.9\n$GENERATE 1-2 h$ A 192.0.2.$\n A 192.0.2.8");
    assert_eq!(records.last().unwrap(), "a.example.com. 1 A 192.0.2.8");
    for wrong in [
        "1 h$ A 192.0.2.$",
        "3-1 h$ A 192.0.2.$",
        "1-3/0 h$ A 192.0.2.$",
        "-1-3 h$ A 192.0.2.$",
        "1-2147483648 h$ A 192.0.2.$",
        "0-65536 h$ A 192.0.2.1",
        "1-2 h${1 A 192.0.2.1",
        "1-2 h${1,2,q} A 192.0.2.1",
        "1-2 h${,} A 192.0.2.1",
        "1-2 h${0,256} A 192.0.2.1",
        "1-2 h${0,1,d,} A 192.0.2.1",
        "1-2 h${-9,1,x} A 192.0.2.1",
        "255-256 h$ A 192.0.2.$",
        "1-2 h$ A",
        "1-2 h$",
        "1-2 h..$ A 192.0.2.1",
        "1-2",
        "",
    ] {
        let (_, problems) = read_text(&format!("$TTL 1\n$GENERATE {wrong}\n"));
        assert_eq!(problems.len(), 1, "{wrong}: {problems:?}");
        assert!(problems[0].starts_with("zone:2: "), "{problems:?}");
    }
    fails(
        "$GENERATE 255-256 h$ 1 A 192.0.2.$",
        &["zone:1: with the number 256: <IPv4 address> `192.0.2.256` must be four numbers from 0 to 255 with dots, such as 192.0.2.1"],
    );
}

#[test]
fn generate_is_bounded() {
    // Wrong data ends each line at its first record; the range counts all the same.
    let full = "$GENERATE 0-65535 $ 1 A x\n";
    let lines = (MAX_GENERATED / MAX_GENERATE) as usize;
    let count = |text: &str| read("zone", text.as_bytes(), &Name::root(), &mut Shelf::default(), &mut |_| {}).problems;
    let problems = count(&(full.repeat(lines) + "$GENERATE 1-1 $ 1 A 192.0.2.1"));
    assert_eq!(problems.iter().filter(|problem| problem.what.contains("IPv4")).count(), lines);
    assert_eq!(problems[lines].what, "all $GENERATE together make more than 1048576 records");
    let problems = count(&format!("$GENERATE 0-65535 $ 1 TXT \"x ;{}\"", "${0,255}".repeat(100)));
    assert!(problems[0].what.contains("bytes of text"), "{problems:?}");
}

#[test]
fn problems_are_bounded() {
    let (_, problems) = read_text(&"a 1 A x\n".repeat(MAX_PROBLEMS));
    assert_eq!(problems.len(), MAX_PROBLEMS);
    let (_, problems) = read_text(&"a 1 A x\n".repeat(MAX_PROBLEMS + 10));
    assert_eq!(problems.len(), MAX_PROBLEMS + 1);
    assert_eq!(problems[MAX_PROBLEMS], "zone:101: there are more than 100 errors; the rest was not read");
}

/// Any bytes are read to their end without a panic, and in time that grows with their length.
#[test]
fn any_bytes_are_read() {
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let words: [&[u8]; 28] = [
        b"$ORIGIN",
        b"$TTL",
        b"$INCLUDE",
        b"$GENERATE",
        b"\n",
        b"\n",
        b"\n",
        b" ",
        b"\t",
        b"(",
        b")",
        b"\"",
        b";",
        b"\\",
        b"\\032",
        b"a",
        b"@",
        b"A",
        b"SVCB",
        b"TXT",
        b"alpn=h2",
        b"LOC",
        b"1",
        b"1-9/2",
        b"${1,2,n}",
        b"\\#",
        b"192.0.2.1",
        b"\xff\0",
    ];
    for _ in 0..10_000 {
        let mut text = Vec::new();
        for _ in 0..random() % 30 {
            text.extend_from_slice(words[random() as usize % words.len()]);
            if random() % 2 == 0 {
                text.push(b' ');
            }
        }
        read_with(Shelf::default(), &text);
    }
    let mut long = b"a 1 TXT ".to_vec();
    for part in [&b"("[..], b"\\", b"\"", b"x ", b"\"\" ", b"$", b"a.", b"( \n"] {
        long.truncate(8);
        long.extend(part.repeat(1 << 18));
        read_with(Shelf::default(), &long);
    }
}
