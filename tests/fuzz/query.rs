//! Any bytes as a query: no panic, and every answer can be read, keeps its limits, and says the same over TCP as over UDP,
//! about static names and steered ones.
#![no_main]

#[path = "../peers/wire.rs"]
#[allow(dead_code)]
mod wire;
#[path = "../world/mod.rs"]
#[allow(dead_code)]
mod world;

use libfuzzer_sys::fuzz_target;
use meridian::answer::{Ahead, Ask, Over, Verdict, handle, slip};
use meridian::clock::Now;
use meridian::dns::name::Name;
use meridian::document::Network;
use meridian::geo::Override;
use meridian::snapshot::{Manners, Snapshot};
use std::sync::{Arc, LazyLock};
use world::World;

const ZONE: &str = include_str!("query.zone");
const FLEET: &str = include_str!("query.toml");
const SUBNET: u16 = 8;

/// With charts and without.
static SNAPSHOTS: LazyLock<[Arc<Snapshot>; 2]> = LazyLock::new(|| {
    let place = |network: &str, at| Override { network: Network::parse(network).unwrap(), at: Some(at), country: None };
    let world = World {
        file: "query",
        fleet: FLEET.into(),
        zones: [("x.test", ZONE), ("broken.test", "")].map(|(name, text)| (Name::parse(name).unwrap(), text.into())).into(),
        places: vec![
            place("192.0.2.0/24", (50.0, 8.0)),
            place("192.0.2.128/25", (40.0, -74.0)),
            place("198.51.0.0/16", (1.0, 103.0)),
            place("2001:db8::/32", (48.0, 2.0)),
            place("2001:db8:0:1::8000/113", (40.0, -74.0)),
        ],
        manners: Manners { name: "n".repeat(255), version: "fuzz".into(), cookie_secrets: vec![[7; 16]], ..Manners::default() },
        ..World::default()
    };
    [true, false].map(|with_charts| {
        let published = world.publish(with_charts);
        let errors: Vec<_> = published.problems.iter().filter(|problem| problem.is_error()).map(ToString::to_string).collect();
        assert!(errors.iter().all(|error| error.contains("zone broken.test. has no ")), "{errors:?}");
        assert_eq!(published.charts > 0, with_charts);
        published.snapshot
    })
});

fuzz_target!(|bytes: &[u8]| {
    let [charted, own] = SNAPSHOTS.each_ref().map(|snapshot| said(snapshot, bytes));
    match (charted, own) {
        (Some(charted), Some(own)) => {
            assert_eq!(charted.rcode(), own.rcode());
            assert_eq!((&charted.answer, &charted.authority), (&own.answer, &own.authority));
            let scope = |answer: &wire::Answer| Some(*answer.option(SUBNET)?.get(3)?);
            assert!(scope(&charted) <= scope(&own), "a chart makes scopes wider, never longer");
        }
        (None, None) => {}
        _ => panic!("charts change nothing but scopes"),
    }
});

fn said(snapshot: &Snapshot, bytes: &[u8]) -> Option<wire::Answer> {
    let ask = |over| Ask { bytes, peer: "192.0.2.1:5353".parse().unwrap(), over, seed: 0, path: None };
    let now = Now { mono_ms: 0, wall_s: 1_800_000_000 };
    let (mut udp, mut tcp) = (vec![0; 4096], vec![0; 65_535]);
    if let Some(small) = slip(now, snapshot, &ask(Over::Udp), &mut udp) {
        // By no more than a server cookie.
        assert!(small.len <= bytes.len() + 16);
        let small = wire::decode(&udp[..small.len]).unwrap_or_else(|why| panic!("{why}"));
        assert!(small.answer.is_empty() && small.authority.is_empty() && small.additional.is_empty());
    }
    // As in a batch.
    let mut ahead = Ahead::default();
    ahead.look(snapshot, std::iter::once((bytes, ask(Over::Udp).peer.ip())));
    let udp_verdict = handle(now, snapshot, &Ask { path: ahead.path(0), ..ask(Over::Udp) }, &mut udp);
    let tcp_verdict = handle(now, snapshot, &ask(Over::Tcp), &mut tcp);
    let (Verdict::Reply(udp_reply), Verdict::Reply(tcp_reply)) = (udp_verdict, tcp_verdict) else {
        assert_eq!(udp_verdict, tcp_verdict);
        return None;
    };
    assert!(udp_reply.len <= 1232);
    let over_udp = wire::decode(&udp[..udp_reply.len]).unwrap_or_else(|why| panic!("{why}"));
    let over_tcp = wire::decode(&tcp[..tcp_reply.len]).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(udp[..2], bytes[..2]);
    assert!(over_udp.squeezed.is_empty());
    for answer in [&over_udp, &over_tcp] {
        check_scope(bytes, answer);
    }
    // A chain that did not fit does not know its end yet.
    if !over_udp.has(wire::TC) {
        assert_eq!(over_udp.rcode(), over_tcp.rcode());
        assert_eq!((&over_udp.answer, &over_udp.authority), (&over_tcp.answer, &over_tcp.authority));
        assert_eq!(over_udp.option(SUBNET), over_tcp.option(SUBNET));
    }
    Some(over_tcp)
}

/// A scope is no longer than an address, it repeats what was sent, and nobody gets one who named no network.
fn check_scope(query: &[u8], answer: &wire::Answer) {
    let Some(option) = answer.option(SUBNET) else { return };
    let [high, low, source, scope, ..] = *option else { panic!("{option:?}") };
    let most = [0, 32, 128][usize::from(u16::from_be_bytes([high, low]))];
    assert!(source <= most && scope <= most, "{option:?}");
    let sent = |window: &[u8]| window[..2] == SUBNET.to_be_bytes() && window[4..7] == option[..3] && window[8..] == option[4..];
    assert!(query.windows(4 + option.len()).any(sent), "{option:?} was not sent");
    assert!(scope == 0 || !answer.answer.is_empty(), "what nobody is answered with is everybody's");
}
