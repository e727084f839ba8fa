//! A caching resolver between clients and the node: each client network gets its own panel, and the scope in an answer says for
//! whom the resolver may keep it. A relay between the two counts what is really asked.

use crate::asking::{ECS, Given, addresses, ask, ecs, from, options, panels, question};
use crate::peers::wire::{self, A, AAAA, CNAME, Question};
use crate::place::Place;
use crate::servers::{Lands, gdnsd, unbound};
use crate::world::{DATABASE, Override, World, ZONE, spots};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A question the resolver really asked, and the scope it was answered with.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    rtype: u16,
    ecs: Option<Vec<u8>>,
    scope: Option<u8>,
}

/// Passes datagrams on to a server and its answers back, one at a time, and remembers them.
struct Relay {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    fn to(server: SocketAddr) -> Relay {
        let inner = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP port");
        let address = inner.local_addr().expect("an address");
        let outer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP port");
        outer.connect(server).expect("a loopback address");
        outer.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 4096];
            // An empty datagram is the end.
            while let Ok((length @ 1.., client)) = inner.recv_from(&mut buffer) {
                let asked = wire::decode(&buffer[..length]).expect("a question");
                outer.send(&buffer[..length]).expect("a datagram is sent");
                let Ok(length) = outer.recv(&mut buffer) else { continue };
                let answer = wire::decode(&buffer[..length]).expect("an answer");
                let end = asked.question.len() - 4;
                let rtype = u16::from_be_bytes([asked.question[end], asked.question[end + 1]]);
                let option = |message: &wire::Answer| options(message, ECS).pop();
                let scope = option(&answer).map(|option| option[3]);
                let name = wire::show(&asked.question[..end]).to_lowercase();
                log.lock().unwrap().push(Seen { name, rtype, ecs: option(&asked), scope });
                let _ = inner.send_to(&buffer[..length], client);
            }
        });
        Relay { address, seen, thread: Some(thread) }
    }

    /// What has been asked since the last look.
    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let waker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a UDP port");
        let _ = waker.send_to(&[], self.address);
        let ended = self.thread.take().expect("one thread").join();
        assert!(ended.is_ok() || std::thread::panicking(), "the relay met something odd");
    }
}

fn recursive(name: &str, rtype: u16) -> Question {
    Question { flags: wire::RD, ..question(name, rtype, None) }
}

/// Clients of three neighbouring networks, and the panels next to where they are.
const CLIENTS: [(&str, &str, &str); 3] =
    [("127.50.0.0/16", "127.50.1.7", "london"), ("127.51.0.0/16", "127.51.1.7", "tokyo"), ("127.60.0.0/16", "127.60.1.7", "sydney")];

fn world() -> (World, Vec<Override>) {
    let mut world = World { records: "www CNAME live\nplain A 192.0.2.7\n".into(), ..World::default() };
    let all: Vec<(usize, u32)> = spots().iter().take(16).map(|spot| (world.add(spot.name.into(), spot.at, None), 1)).collect();
    world.host("live", all, 0, "none", 1);
    let at = |name: &str| spots().iter().find(|spot| spot.name == name).expect("a place").at;
    let put = |&(network, _, panel): &(&str, &str, &str)| Override { network: network.into(), at: at(panel), country: None };
    (world, CLIENTS.iter().map(put).collect())
}

#[test]
fn each_client_behind_one_resolver_gets_its_own_panel() {
    let (world, overrides) = world();
    let place = Place::new();
    let _node = world.serve(&place, &[DATABASE], &overrides, "");
    each_gets_its_own(&world, place.dns, &["live", "www"]);
}

/// The same with a server that is known to be right. It follows no CNAME by itself.
#[test]
fn with_gdnsd_behind_it_the_resolver_does_the_same() {
    let (world, _) = world();
    let gdnsd = gdnsd(&world, &Lands::new(), &CLIENTS.map(|(network, _, panel)| (network, panel)));
    each_gets_its_own(&world, gdnsd.address, &["live"]);
}

fn each_gets_its_own(world: &World, server: SocketAddr, names: &[&str]) {
    let relay = Relay::to(server);
    let unbound = unbound(relay.address);
    relay.take();
    let panel = |client: IpAddr, name: &str, rtype: u16| {
        let answer = ask(client, unbound.address, &recursive(name, rtype));
        assert_eq!(answer.rcode(), 0, "{answer}");
        assert_eq!(answer.answer.iter().any(|rr| rr.rtype == CNAME), name.starts_with("www"), "{answer}");
        panels(world, &answer, rtype).join(" ")
    };
    for name in names.iter().map(|label| format!("{label}.{ZONE}")) {
        for rtype in [A, AAAA] {
            for _ in 0..20 {
                for (_, client, expected) in &CLIENTS[..2] {
                    assert_eq!(panel(client.parse().unwrap(), &name, rtype), *expected, "{name} {client}");
                }
            }
            // Forty questions, of which two went on: one for each network, and both answers are for no more than that network.
            // unbound asks for each link of a chain by itself, whatever came with the first.
            let links = if name.starts_with("www") { 2 } else { 1 };
            let seen = relay.take();
            assert_eq!(seen.len(), 2 * links, "{seen:?}");
            let asked_for = |n: usize| if n % links == 0 { format!("{name}.") } else { format!("live.{ZONE}.") };
            for (n, one) in seen.iter().enumerate() {
                let (network, client, expected) = CLIENTS[n / links];
                let client: IpAddr = client.parse().unwrap();
                assert_eq!((&one.name, one.rtype), (&asked_for(n), rtype), "{one:?}");
                assert_eq!(one.ecs, Some(ecs(client, 24)), "{one:?}");
                let scope = one.scope.expect("a scope");
                assert!(scope >= network.split('/').nth(1).unwrap().parse().unwrap(), "{one:?} is wider than {network}");
                // A third client that the scope covers is answered from what is kept.
                let third = Given { network: client, scope: scope.min(24), panels: Vec::new() }.inside(u128::MAX / 3);
                assert_eq!(panel(third, &name, rtype), expected);
                let seen = relay.take();
                assert!(seen.is_empty(), "/{scope} covers {third}, and yet: {seen:?}");
            }
            // One that no scope covers is asked for.
            let (_, client, expected) = CLIENTS[2];
            assert_eq!(panel(client.parse().unwrap(), &name, rtype), expected);
            assert_eq!(relay.take().len(), links);
        }
    }
    // What is the same for everybody is asked once: static answers and negative ones have scope 0.
    for (label, rtype, rcode) in [("plain", A, 0), ("plain", AAAA, 0), ("nobody", A, 3), ("live", wire::MX, 0)] {
        for (_, client, _) in CLIENTS {
            let answer = ask(client.parse().unwrap(), unbound.address, &recursive(&format!("{label}.{ZONE}"), rtype));
            assert_eq!((answer.rcode(), answer.answer.len()), (rcode, usize::from((label, rtype) == ("plain", A))), "{answer}");
        }
        let seen = relay.take();
        assert!(seen.len() == 1 && seen[0].scope == Some(0), "{label}: {seen:?}");
    }
}

/// Clients that say themselves which network they are: real ones, all mixed up, from behind one resolver.
#[test]
fn real_networks_behind_one_resolver_get_their_nearest() {
    let (world, _) = world();
    let expected = world.oracle(&json!({ "pick": { "seed": 20_261_124, "v4": 40, "v6": 30 } }));
    let place = Place::new();
    let gdnsd = gdnsd(&world, &Lands::new(), &[]);
    let mut node = None;
    // gdnsd first: what goes wrong there is not Meridian's fault.
    for who in ["gdnsd", "Meridian"] {
        let server = if node.is_none() && who == "Meridian" {
            node = Some(world.serve(&place, &[DATABASE], &[], ""));
            place.dns
        } else {
            gdnsd.address
        };
        let relay = Relay::to(server);
        let unbound = unbound(relay.address);
        relay.take();
        let mut asked = [0; 3];
        for asked in &mut asked {
            for rtype in [A, AAAA] {
                for one in &expected {
                    let question =
                        Question { flags: wire::RD, ..question(&world.hostnames[0].name, rtype, Some(&ecs(one.network, one.length))) };
                    let bytes = from(unbound.address, &[(Ipv4Addr::LOCALHOST.into(), question.encode())]).remove(0).expect("an answer");
                    let answer = wire::decode(&bytes).unwrap();
                    let fault = one.hosts[0].fault(1, &panels(&world, &answer, rtype));
                    assert_eq!(fault, None, "{who}: {}/{}: {:?}", one.network, one.length, addresses(&answer, rtype));
                }
            }
            *asked = relay.take().len();
        }
        println!("{who}: {} questions of {} went on", asked[0], expected.len() * 2);
        assert!((2..=expected.len() * 2).contains(&asked[0]) && asked[1..] == [0, 0], "{who}: {asked:?} questions went on");
    }
}
