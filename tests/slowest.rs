//! What the slowest questions cost that anybody can ask, or that a zone of somebody's making can cause.
//! `cargo test --release --test slowest -- --ignored --nocapture`

#[path = "peers/wire.rs"]
#[allow(dead_code)]
mod wire;

use meridian::answer::{Ask, Over, Verdict, handle};
use meridian::clock::{Now, now};
use meridian::compile::zone::zone;
use meridian::dns::master::Loader;
use meridian::dns::name::Name;
use meridian::snapshot::{Services, Serving, Snapshot, Zones};
use std::fmt::Write;
use std::sync::Arc;

struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("no files".into())
    }
}

fn hostile() -> String {
    let mut text = String::from("$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n@ IN NS ns\nns IN A 192.0.2.1\n");
    let deep = |labels: usize| "b.".repeat(labels);
    for n in 0..400_000 {
        let _ = writeln!(text, "h{n} IN A 192.0.2.1");
    }
    // Aliases in a row, each name as deep as names get.
    for n in 0..128 {
        let _ = writeln!(text, "c{n}.{}chain IN CNAME c{}.{}chain", deep(110), n + 1, deep(110));
        let _ = writeln!(text, "s{n} IN CNAME s{}", n + 1);
    }
    // Renames that make the name longer each time, and servers with deep names of their own.
    text += "grow IN DNAME g.grow\n*.w IN CNAME x.w2\n*.w2 IN CNAME x.w3\n*.w3 IN CNAME x.w\n";
    for n in 0..255 {
        let _ = writeln!(text, "deepmx IN MX {n} m{n}.{}mx", deep(105));
        let _ = writeln!(text, "m{n}.{}mx IN A 192.0.2.1", deep(105));
    }
    for n in 0..4000 {
        let _ = writeln!(text, "manymx IN MX {n} m");
        let _ = writeln!(text, "manyns IN NS n{n}.manyns");
    }
    for n in 0..1800 {
        let _ = writeln!(text, "hosts IN MX {n} x{n}\nx{n} IN A 192.0.2.1");
    }
    for n in 0..20_000 {
        let _ = writeln!(text, "big IN A 10.0.{}.{}", n / 256, n % 256);
    }
    text
}

#[test]
#[ignore = "a measurement"]
fn how_long_the_slowest_take() {
    let apex = Name::parse("x.test").unwrap();
    let compiled = zone(&apex, "zone", hostile().into_bytes(), &mut NoFiles, &[]);
    let zone = compiled.zone.unwrap_or_else(|| panic!("{}", compiled.problems[0]));
    let zones = Zones::new(vec![Serving::Zone(Arc::new(zone), Services::default())]);
    let snapshot = Snapshot { generation: 1, zones, ..Snapshot::default() };
    let deep = "a.".repeat(122);
    let mut found = Vec::new();
    for (what, name, rtype, tcp) in [
        ("a host", "h77777", 1, false),
        ("no such name", "nothing", 1, false),
        ("no such name, 124 labels", deep.as_str(), 1, false),
        ("below a wildcard, 124 labels", &format!("{}w", "a.".repeat(121)), 1, false),
        ("128 aliases", "s0", 1, false),
        ("128 aliases by TCP", "s0", 1, true),
        ("128 deep aliases by TCP", &format!("c0.{}chain", "b.".repeat(110)), 1, true),
        ("a name that grows", "q.grow", 1, false),
        ("a name that grows, by TCP", "q.grow", 1, true),
        ("255 deep hosts by TCP", "deepmx", 15, true),
        ("4000 MX of one host by TCP", "manymx", 15, true),
        ("1800 hosts by TCP", "hosts", 15, true),
        ("4000 servers by TCP", "a.manyns", 1, true),
        ("4000 servers by UDP", "a.manyns", 1, false),
        ("20,000 addresses by UDP", "big", 1, false),
        ("20,000 addresses by TCP", "big", 1, true),
    ] {
        let name = wire::name(&format!("{}.x.test.", name.trim_end_matches('.')));
        let edns = Some(wire::Edns::of(1232));
        let question = wire::Question { tcp, edns, ..wire::Question::of(name, rtype) }.encode();
        let over = if tcp { Over::Tcp } else { Over::Udp };
        let ask = Ask { bytes: &question, peer: "192.0.2.1:53".parse().unwrap(), over, seed: 0, path: None };
        let mut out = vec![0; 65_535];
        let (mut rounds, start) = (0u64, now());
        let mut len = 0;
        while now().mono_ms - start.mono_ms < 200 {
            for _ in 0..16 {
                if let Verdict::Reply(reply) = handle(Now::default(), &snapshot, &ask, &mut out) {
                    len = reply.len;
                }
            }
            rounds += 16;
        }
        found.push(((now().mono_ms - start.mono_ms) as f64 * 1000.0 / rounds as f64, what, len));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (micros, what, len) in found {
        println!("{micros:10.2} µs  {len:6} bytes  {what}");
    }
}
