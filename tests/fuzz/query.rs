//! Any bytes as a query: no panic, and every answer can be read, keeps its limits, and says the same over TCP as over UDP.
#![no_main]

#[path = "../peers/wire.rs"]
#[allow(dead_code)]
mod wire;

use libfuzzer_sys::fuzz_target;
use meridian::answer::{Ask, Over, Verdict, handle};
use meridian::clock::Now;
use meridian::dns::master::Loader;
use meridian::dns::name::Name;
use meridian::snapshot::{Manners, Serving, Snapshot, Zones};
use std::sync::{Arc, LazyLock};

const ZONE: &str = include_str!("query.zone");

struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("no files".into())
    }
}

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let compiled = meridian::compile::zone::zone(&Name::parse("x.test").unwrap(), "query.zone", ZONE.into(), &mut NoFiles, &[]);
    let zone = compiled.zone.unwrap_or_else(|| panic!("{:?}", compiled.problems));
    let broken = Serving::Broken(Name::parse("broken.test").unwrap().wire().into());
    let manners = Manners { name: "n".repeat(255), version: "fuzz".into(), cookie_secrets: vec![[7; 16]], ..Manners::default() };
    Snapshot { generation: 1, zones: Zones::new(vec![Serving::Zone(Arc::new(zone)), broken]), manners: Arc::new(manners) }
});

fuzz_target!(|bytes: &[u8]| {
    let ask = |over| Ask { bytes, peer: "192.0.2.1:5353".parse().unwrap(), over, seed: 0 };
    let now = Now { mono_ms: 0, wall_s: 1_800_000_000 };
    let (mut udp, mut tcp) = (vec![0; 4096], vec![0; 65_535]);
    let udp_verdict = handle(now, &SNAPSHOT, &ask(Over::Udp), &mut udp);
    let tcp_verdict = handle(now, &SNAPSHOT, &ask(Over::Tcp), &mut tcp);
    let (Verdict::Reply(udp_reply), Verdict::Reply(tcp_reply)) = (udp_verdict, tcp_verdict) else {
        assert_eq!(udp_verdict, tcp_verdict);
        return;
    };
    assert!(udp_reply.len <= 1232);
    let over_udp = wire::decode(&udp[..udp_reply.len]).unwrap_or_else(|why| panic!("{why}"));
    let over_tcp = wire::decode(&tcp[..tcp_reply.len]).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(udp[..2], bytes[..2]);
    assert!(over_udp.squeezed.is_empty());
    // A chain that did not fit does not know its end yet.
    if !over_udp.has(wire::TC) {
        assert_eq!(over_udp.rcode(), over_tcp.rcode());
        assert_eq!((over_udp.answer, over_udp.authority), (over_tcp.answer, over_tcp.authority));
    }
});
