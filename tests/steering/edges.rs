//! EDNS Client Subnet at its edges (RFC 7871): what is refused, what is echoed, who is believed, and for whom an answer holds.

use crate::asking::{ECS, ask, ecs, options, panels, question, scope};
use crate::peers::wire::{self, A, AAAA, Answer, Edns, MX, NS, Question, SOA, TXT};
use crate::peers::{self, ask as asking};
use crate::place::{Node, Place};
use crate::world::{Override, World, ZONE, spots};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

/// Networks and the panel next to where they are. Who asks from 127.8.0.0/16 is not believed about others.
const NETWORKS: [(&str, &str); 7] = [
    ("81.2.69.0/24", "london"),
    ("24.1.0.0/16", "chicago"),
    ("2a00:1::/32", "london"),
    ("2600:1:2:300::/56", "tokyo"),
    ("127.7.0.0/16", "sydney"),
    ("127.8.0.0/16", "mumbai"),
    ("::1/128", "nairobi"),
];
const BELIEVED: &str = "ecs_from = [\"127.7.0.0/16\", \"127.0.0.1/32\", \"::1/128\"]";
const SYDNEY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 7, 0, 1));
const MUMBAI: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 8, 0, 1));

fn world() -> World {
    let records = "www CNAME live\nplain A 192.0.2.7\nkid NS ns.kid\nns.kid A 192.0.2.9\nout CNAME elsewhere.example.\n";
    let mut world = World { records: records.into(), ..World::default() };
    let all: Vec<(usize, u32)> = spots().iter().take(16).map(|spot| (world.add(spot.name.into(), spot.at, None), 1)).collect();
    world.host("live", all, 0, "none", 1);
    world
}

fn serve<'p>(world: &World, place: &'p Place, more: &str) -> Node<'p> {
    let at = |name: &str| spots().iter().find(|spot| spot.name == name).expect("a place").at;
    let put = |(network, panel): (&str, &str)| Override { network: network.into(), at: at(panel), country: None };
    // No database: what has no override is nowhere.
    world.serve(place, &[], &NETWORKS.map(put), more)
}

fn live() -> String {
    format!("live.{ZONE}")
}

fn raw(options: &[&[u8]]) -> Question {
    let edns = options.iter().fold(Edns::of(1232), |edns, option| edns.option(ECS, option));
    Question { edns: Some(edns), ..Question::of(wire::name(&live()), A) }
}

fn over_tcp(server: SocketAddr, question: &Question) -> Answer {
    let bytes = asking::all(server, &[Question { tcp: true, ..question.clone() }]).remove(0).expect("an answer over TCP");
    wire::decode(&bytes).expect("a sound answer")
}

#[test]
fn malformed_options_are_formerr() {
    let cases: [(&str, &[u8]); 18] = [
        ("an octet too many", &[0, 1, 24, 0, 81, 2, 69, 1]),
        ("an octet too many, of nothing", &[0, 1, 24, 0, 81, 2, 69, 0]),
        ("the whole address", &[0, 1, 16, 0, 81, 2, 0, 0]),
        ("an octet too few", &[0, 1, 24, 0, 81, 2]),
        ("no octets", &[0, 1, 24, 0]),
        ("bits beyond the source length", &[0, 1, 20, 0, 81, 2, 0x4f]),
        ("one bit beyond it", &[0, 1, 23, 0, 81, 2, 69]),
        ("IPv6: bits beyond it", &[0, 2, 33, 0, 0x2a, 0, 0, 1, 0x40]),
        ("IPv6: an octet too many", &[0, 2, 32, 0, 0x2a, 0, 0, 1, 0]),
        ("IPv6: an octet too few", &[0, 2, 32, 0, 0x2a, 0, 0]),
        ("family 3", &[0, 3, 8, 0, 81]),
        ("family 0", &[0, 0, 8, 0, 81]),
        ("family 256", &[1, 0, 8, 0, 81]),
        ("IPv4 of 33 bits", &[0, 1, 33, 0, 81, 2, 69, 7, 0]),
        ("a scope in a question", &[0, 1, 24, 24, 81, 2, 69]),
        ("nothing", &[]),
        ("three bytes", &[0, 1, 24]),
        ("/0 with an octet", &[0, 1, 0, 0, 0]),
    ];
    let world = world();
    let place = Place::new();
    let _node = serve(&world, &place, "");
    let mut wrong = Vec::new();
    let long = [&[0, 2, 129, 0][..], &[0; 17]].concat();
    let whole = [&[0, 2, 56, 0, 0x26, 0, 0, 1, 0, 2, 3][..], &[0; 9]].concat();
    for (title, option) in cases.into_iter().chain([("IPv6 of 129 bits", &long[..]), ("IPv6: the whole address", &whole[..])]) {
        let question = raw(&[option]);
        for answer in [ask(Ipv4Addr::LOCALHOST.into(), place.dns, &question), over_tcp(place.dns, &question)] {
            // RFC 6891 §7: an OPT is answered with an OPT.
            if answer.rcode() != 1 || answer.opt.is_none() || !answer.answer.is_empty() || !options(&answer, ECS).is_empty() {
                wrong.push(format!("{title}: {answer}"));
            }
        }
        // It goes before everything else that could be said.
        let elsewhere = Question { name: wire::name("nobody.geo.test"), ..question };
        let answer = ask(Ipv4Addr::LOCALHOST.into(), place.dns, &elsewhere);
        if answer.rcode() != 1 {
            wrong.push(format!("{title}, of a name that is not there: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} must be FORMERR:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_length_that_is_sound_is_answered_and_echoed() {
    let world = world();
    let place = Place::new();
    let _node = serve(&world, &place, "");
    let mut told = Vec::new();
    for (address, least, panel) in
        [("81.2.69.142", 24, "london"), ("24.1.77.3", 16, "chicago"), ("2a00:1:9::7", 32, "london"), ("2600:1:2:345::9", 56, "tokyo")]
    {
        let address: IpAddr = address.parse().unwrap();
        for length in 0..=if address.is_ipv4() { 32 } else { 128 } {
            let option = ecs(address, length);
            let answer = ask(SYDNEY, place.dns, &question(&live(), A, Some(&option)));
            let scope = scope(&answer, Some(&option)).unwrap_or_else(|why| panic!("{address}/{length}: {why}")).unwrap();
            let heard = panels(&world, &answer, A).join(" ");
            assert_eq!(answer.rcode(), 0, "{address}/{length}: {answer}");
            // As long as the network or longer: nothing is left to guess, and the answer is for that network or less.
            if length >= least {
                assert!(heard == panel && scope >= least, "{address}/{length}: {heard}, scope /{scope}");
                told.push((address, scope));
            }
            // Nothing of the client is told: the resolver's place, for everybody.
            if length == 0 {
                assert_eq!((heard.as_str(), scope), ("sydney", 0), "{address}/0");
            }
        }
    }
    // The scope hangs on where the client is, not on how much of its address is told.
    told.dedup();
    assert_eq!(told.len(), 4, "{told:?}");
}

#[test]
fn what_is_the_same_for_everybody_has_scope_0() {
    let world = world();
    let place = Place::new();
    let _node = serve(&world, &place, "");
    let cases = [
        ("plain.geo.test", A, 0),
        ("plain.geo.test", AAAA, 0),
        ("nobody.geo.test", A, 3),
        ("live.geo.test", TXT, 0),
        ("live.geo.test", MX, 0),
        ("below.live.geo.test", A, 3),
        ("geo.test", SOA, 0),
        ("geo.test", NS, 0),
        ("www.geo.test", wire::CNAME, 0),
        ("out.geo.test", A, 0),
        ("x.kid.geo.test", A, 0),
        ("elsewhere.example", A, 5),
    ];
    for (name, rtype, rcode) in cases {
        for network in ["81.2.69.0", "24.1.77.0", "9.9.9.0", "2a00:1::"] {
            let network: IpAddr = network.parse().unwrap();
            let option = ecs(network, if network.is_ipv4() { 24 } else { 56 });
            let answer = ask(SYDNEY, place.dns, &question(name, rtype, Some(&option)));
            assert_eq!(answer.rcode(), rcode, "{name}: {answer}");
            // An error says nothing about clients; with the option or without it.
            if rcode != 5 || !options(&answer, ECS).is_empty() {
                assert_eq!(scope(&answer, Some(&option)), Ok(Some(0)), "{name} {rtype}: {answer}");
            }
        }
    }
    // A chain that ends at a steered name is steered.
    let option = ecs("24.1.77.0".parse().unwrap(), 24);
    let answer = ask(SYDNEY, place.dns, &question("www.geo.test", A, Some(&option)));
    assert_eq!(panels(&world, &answer, A), ["chicago"], "{answer}");
    assert!(scope(&answer, Some(&option)).unwrap().unwrap() >= 16, "{answer}");
}

#[test]
fn nobody_gets_an_option_that_did_not_send_one() {
    let world = world();
    let place = Place::new();
    let _node = serve(&world, &place, "");
    for (name, rtype) in
        [("live.geo.test", A), ("www.geo.test", AAAA), ("plain.geo.test", A), ("nobody.geo.test", A), ("live.geo.test", MX)]
    {
        for edns in [None, Some(Edns::of(1232)), Some(Edns::of(1232).with_do()), Some(Edns::of(1232).option(10, b"clientco"))] {
            let question = Question { edns: edns.clone(), ..Question::of(wire::name(name), rtype) };
            for answer in [ask(SYDNEY, place.dns, &question), over_tcp(place.dns, &question)] {
                assert_eq!((options(&answer, ECS).len(), answer.opt.is_some()), (0, edns.is_some()), "{question}: {answer}");
            }
            if name.starts_with("live") && rtype == A {
                assert_eq!(panels(&world, &ask(SYDNEY, place.dns, &question), A), ["sydney"]);
            }
        }
    }
}

#[test]
fn only_who_is_listed_speaks_for_others() {
    let world = world();
    let place = Place::new();
    let _node = serve(&world, &place, BELIEVED);
    let v6 = SocketAddr::new("::1".parse().unwrap(), place.dns.port());
    let by_v6: IpAddr = "::1".parse().unwrap();
    for (network, length, panel) in
        [("81.2.69.0", 24, "london"), ("24.1.5.0", 24, "chicago"), ("2a00:1::", 48, "london"), ("2600:1:2:300::", 56, "tokyo")]
    {
        let option = ecs(network.parse().unwrap(), length);
        let question = question(&live(), A, Some(&option));
        for (source, server) in [(SYDNEY, place.dns), (Ipv4Addr::LOCALHOST.into(), place.dns), (by_v6, v6)] {
            let answer = ask(source, server, &question);
            assert_eq!(panels(&world, &answer, A), [panel], "{source}: {answer}");
            assert!(scope(&answer, Some(&option)).unwrap().unwrap() > 0, "{answer}");
        }
        let answer = ask(MUMBAI, place.dns, &question);
        assert_eq!(panels(&world, &answer, A), ["mumbai"], "{answer}");
        assert!(options(&answer, ECS).is_empty() && answer.opt.is_some(), "{answer}");
        // Nor are other answers any different.
        for name in ["plain.geo.test", "nobody.geo.test"] {
            let question = Question { name: wire::name(name), ..question.clone() };
            assert!(options(&ask(MUMBAI, place.dns, &question), ECS).is_empty());
            assert_eq!(scope(&ask(SYDNEY, place.dns, &question), Some(&option)), Ok(Some(0)));
        }
    }
    let nowhere = question(&live(), A, None);
    assert_eq!(panels(&world, &ask(by_v6, v6, &nowhere), A), ["nairobi"]);
}

/// What an unknown place in the option leaves is the resolver's place.
#[test]
fn a_network_that_is_nowhere_is_where_its_resolver_is() {
    let world = world();
    let place = Place::new();
    let _node = serve(&world, &place, "");
    for (network, length) in [("9.9.9.0", 24), ("10.0.0.0", 8), ("2620:fe::", 48)] {
        let option = ecs(network.parse().unwrap(), length);
        let mut scopes = Vec::new();
        for (source, panel) in [(SYDNEY, "sydney"), (MUMBAI, "mumbai")] {
            let answer = ask(source, place.dns, &question(&live(), A, Some(&option)));
            assert_eq!(panels(&world, &answer, A), [panel], "{network}: {answer}");
            scopes.push(scope(&answer, Some(&option)).unwrap().unwrap());
        }
        // Others from there are somewhere, so it does not hold for all.
        assert!(scopes.iter().all(|&scope| scope > 0) && scopes[0] == scopes[1], "{network}: {scopes:?}");
    }
}

/// Peers differ: BIND takes the first of two options, gdnsd and Knot the last. One of them is answered, or neither.
#[test]
fn two_options_are_one_or_none() {
    let world = world();
    let place = Place::new();
    let _node = serve(&world, &place, "");
    let (london, chicago) = (ecs("81.2.69.0".parse().unwrap(), 24), ecs("24.1.1.0".parse().unwrap(), 24));
    for (both, places) in [([&london[..], &chicago[..]], ["london", "chicago"]), ([&london[..], &london[..]], ["london"; 2])] {
        let answer = ask(SYDNEY, place.dns, &raw(&both));
        let fits = |n: usize| scope(&answer, Some(both[n])).is_ok() && panels(&world, &answer, A) == [places[n]];
        assert!(answer.rcode() == 1 && options(&answer, ECS).is_empty() || answer.rcode() == 0 && (fits(0) || fits(1)), "{answer}");
    }
    for both in [[&london[..], &[0, 3, 8, 0, 81]], [&[0, 3, 8, 0, 81], &london[..]]] {
        assert_eq!(ask(SYDNEY, place.dns, &raw(&both)).rcode(), 1, "a bad one beside a good one");
    }
    // Family 0 without an address is what `dig +subnet=0` sends. gdnsd and Knot refuse it, BIND echoes it; nobody reads a place in it.
    let answer = ask(SYDNEY, place.dns, &raw(&[&[0, 0, 0, 0]]));
    assert!(
        answer.rcode() == 1 || panels(&world, &answer, A) == ["sydney"] && scope(&answer, Some(&[0, 0, 0, 0])) == Ok(Some(0)),
        "{answer}"
    );
}

#[test]
fn dig_and_kdig_understand_what_they_hear() {
    let world = world();
    let place = Place::new();
    let _node = serve(&world, &place, "");
    let address = |panel: &str| {
        let n = world.panels.iter().position(|one| one.name == panel).unwrap();
        (world.address(n, A).to_string(), world.address(n, AAAA).to_string())
    };
    for (program, package) in [("/usr/bin/dig", "bind9-dnsutils"), ("/usr/bin/kdig", "knot-dnsutils")] {
        let run = |name: &str, rtype: &str, network: &str| {
            let mut command = Command::new(program);
            command.args([&format!("@{}", place.dns.ip()), "-p", &place.dns.port().to_string(), "+norecurse", "-b", "127.7.0.1"]);
            let output = command.args([name, rtype, &format!("+subnet={network}")]).output();
            let output = output.unwrap_or_else(|e| panic!("{program}: {e}; it comes with the Debian package {package}"));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        for (network, panel) in
            [("81.2.69.0/24", "london"), ("24.1.0.0/16", "chicago"), ("2a00:1::/48", "london"), ("2600:1:2:300::/56", "tokyo")]
        {
            let (v4, v6) = address(panel);
            for (name, rtype, expected) in [("live.geo.test", "A", &v4), ("live.geo.test", "AAAA", &v6), ("www.geo.test", "A", &v4)] {
                let said = run(name, rtype, network);
                assert!(said.contains("NOERROR") && said.contains(&format!("CLIENT-SUBNET: {network}/")), "{said}");
                assert!(said.lines().any(|line| line.ends_with(expected.as_str())), "{program} {network}: {expected} is not in\n{said}");
                assert!(!said.contains("malformed") && !said.to_lowercase().contains("warning"), "{said}");
            }
            assert!(run("plain.geo.test", "A", network).contains(&format!("CLIENT-SUBNET: {network}/0\n")), "{program}");
        }
        let said = run("live.geo.test", "A", "0.0.0.0/0");
        if program.ends_with("kdig") {
            assert!(said.contains("CLIENT-SUBNET: 0.0.0.0/0/0") && said.contains(&address("sydney").0), "{said}");
        }
    }
}

/// The judge's own packets are sound: a peer that reads them takes the sound ones and refuses the others.
#[test]
fn bind_reads_these_packets_the_same() {
    let zones = peers::world("main");
    let bind = peers::start_all(&[peers::Kind::Bind], &zones).remove(0);
    let asked = |option: &[u8]| {
        let edns = Some(Edns::of(1232).option(ECS, option));
        let question = Question { edns, ..Question::of(wire::name("types.test"), SOA) };
        wire::decode(&asking::over_udp(bind.address, &[question.encode()]).remove(0).expect("an answer")).unwrap()
    };
    for (network, lengths) in [("81.2.69.142", 0..=32), ("2a00:1:9:7:6:5:4:3", 0..=128)] {
        for length in lengths {
            let option = ecs(network.parse().unwrap(), length);
            assert_eq!(scope(&asked(&option), Some(&option)), Ok(Some(0)), "{network}/{length}");
        }
    }
    for bad in [&[0, 1, 23, 0, 81, 2, 69][..], &[0, 1, 24, 24, 81, 2, 69], &[0, 3, 8, 0, 81], &[0, 1, 24, 0, 81, 2, 69, 0], &[]] {
        assert_eq!(asked(bad).rcode(), 1, "{bad:?}");
    }
}
