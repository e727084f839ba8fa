//! An answer takes no memory from the allocator, whatever is asked: counted, not believed.

#![allow(unsafe_code)]

#[allow(dead_code)]
mod world;

use meridian::answer::{AHEAD, Ahead, Ask, Over, Verdict, handle, slip};
use meridian::clock::Now;
use meridian::dns::name::Name;
use meridian::dns::rtype::Type;
use meridian::document::Network;
use meridian::geo::Override;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use world::World;

struct Counting;

thread_local! {
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is handed on to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.with(|taken| taken.set(taken.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const ZONE: &str = "\
$TTL 60
@ IN SOA ns h 1 2 3 4 5
@ IN NS ns
@ IN MX 10 mail
ns IN A 192.0.2.1
mail IN A 192.0.2.2
kid IN NS ns.kid
ns.kid IN A 192.0.2.3
www IN CNAME live
old IN DNAME new
a.new IN CNAME live
*.wild IN TXT \"any\"
";

/// Forty panels: more than the ranking's small form holds.
fn fleet() -> String {
    let mut fleet = String::from("[[region]]\nname = \"eu\"\nat = [50, 8]\nserves = { continents = [\"EU\"] }\nthen = [\"us\"]\n");
    fleet += "[[region]]\nname = \"us\"\nat = [40, -74]\n";
    let mut panels = Vec::new();
    for n in 0..40 {
        let region = if n % 2 == 0 { "eu" } else { "us" };
        fleet += &format!("[[panel]]\nname = \"p{n}\"\nregion = \"{region}\"\nat = [{n}, {n}]\n");
        fleet += &format!("addresses = [\"198.51.100.{n}\", \"2001:db8::{n}\"]\n");
        panels.push(format!("\"p{n}\""));
    }
    fleet += &format!("[[set]]\nname = \"many\"\nanswers = 3\npanels = [{}]\n", panels.join(", "));
    fleet += &format!("[[set]]\nname = \"few\"\npanels = [{}]\n", panels[..5].join(", "));
    fleet += &format!("[[set]]\nname = \"fenced\"\nfence = \"region\"\npanels = [{}]\n", panels[..5].join(", "));
    for (name, set) in [("live", "few"), ("large", "many"), ("fenced", "fenced"), ("*.star", "few")] {
        fleet += &format!("[[hostname]]\nname = \"{name}.x.test\"\nset = \"{set}\"\nports = {{ http = 80, https = 443 }}\n");
    }
    fleet
}

/// With EDNS if there is a subnet, which may be empty: then without the option.
fn question(name: &str, rtype: Type, subnet: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(subnet.is_some())];
    bytes.extend_from_slice(Name::parse(name).unwrap().wire());
    bytes.extend_from_slice(&rtype.0.to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    let Some(subnet) = subnet else { return bytes };
    bytes.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0]);
    let options = if subnet.is_empty() { vec![] } else { [&[0, 8, 0, subnet.len() as u8], subnet].concat() };
    bytes.extend_from_slice(&(options.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&options);
    bytes
}

#[test]
fn no_answer_takes_memory() {
    let place = |network: &str, latitude: f64| Override {
        network: Network::parse(network).unwrap(),
        at: Some((latitude, latitude)),
        country: None,
    };
    let world = World {
        file: "allocation",
        fleet: fleet(),
        zones: vec![(Name::parse("x.test").unwrap(), ZONE.into())],
        places: vec![place("192.0.2.0/24", 12.0), place("203.0.113.0/24", 3.0), place("2001:db8:5::/48", 30.0)],
        ..World::default()
    };
    let now = Now { mono_ms: 0, wall_s: 1_600_000_000 };
    let mut out = vec![0; 65_535];
    let mut ahead = Ahead::default();
    let mut asked = 0;
    for with_charts in [false, true] {
        let published = world.publish(with_charts);
        assert!(!published.problems.iter().any(|problem| problem.is_error()), "{}", published.problems[0]);
        assert_eq!(published.charts > 0, with_charts);
        for name in [
            "x.test",
            "ns.x.test",
            "nobody.x.test",
            "a.nobody.x.test",
            "a.kid.x.test",
            "www.x.test",
            "a.old.x.test",
            "b.wild.x.test",
            "live.x.test",
            "large.x.test",
            "fenced.x.test",
            "a.star.x.test",
            "_http._tcp.live.x.test",
            "_http._tcp.large.x.test",
            "_443._https.live.x.test",
            "p3.live.x.test",
            "p99.live.x.test",
            "other.test",
        ] {
            for rtype in [Type::A, Type::AAAA, Type::MX, Type::SRV, Type::HTTPS, Type::ANY, Type::SOA] {
                for subnet in [
                    None,
                    Some(&[][..]),
                    Some(&[0, 1, 24, 0, 192, 0, 2]),
                    Some(&[0, 1, 8, 0, 10]),
                    Some(&[0, 2, 48, 0, 0x20, 1, 0xd, 0xb8, 0, 5]),
                ] {
                    let bytes = question(name, rtype, subnet);
                    for (peer, over) in [("203.0.113.9:53", Over::Udp), ("[2001:db8:5::1]:53", Over::Tcp), ("127.0.0.1:53", Over::Udp)] {
                        let ask = Ask { bytes: &bytes, peer: peer.parse().unwrap(), over, seed: asked, path: None };
                        let before = TAKEN.get();
                        let verdict = handle(now, &published.snapshot, &ask, &mut out);
                        let taken = TAKEN.get() - before;
                        assert!(matches!(verdict, Verdict::Reply(_)));
                        assert_eq!(taken, 0, "{name} {rtype} {subnet:?} from {peer}");
                        let before = TAKEN.get();
                        ahead.look(&published.snapshot, std::iter::repeat_n((&bytes[..], ask.peer.ip()), AHEAD + 1));
                        let again = handle(now, &published.snapshot, &Ask { path: ahead.path(AHEAD - 1), ..ask }, &mut out);
                        let taken = TAKEN.get() - before;
                        assert_eq!((again, taken), (verdict, 0), "{name} {rtype} {subnet:?} from {peer}");
                        assert!(ahead.path(AHEAD - 1).is_some() && ahead.path(AHEAD).is_none());
                        let before = TAKEN.get();
                        let small = slip(now, &published.snapshot, &ask, &mut out);
                        let taken = TAKEN.get() - before;
                        assert!(small.is_some_and(|reply| reply.len <= bytes.len()), "{name} {rtype} {subnet:?} from {peer}");
                        assert_eq!(taken, 0, "the small answer to {name} {rtype} {subnet:?} from {peer}");
                        asked += 1;
                    }
                }
            }
        }
    }
    let before = TAKEN.get();
    drop(vec![0u8; asked as usize]);
    assert_eq!(TAKEN.get() - before, 1, "the counting itself counts");
}
