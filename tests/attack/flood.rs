//! A node that is flooded. It has one worker a lane, so whoever asks without a cookie and is answered knows that all sent before without one has been dealt with.

use crate::peers::ask;
use crate::peers::wire::{self, A, ANY, Edns, Question};
use crate::place::{HEAD, Node, Place, http, until};
use meridian::clock;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

pub(crate) const COOKIE: u16 = 10;
/// Answers a second, and half of what passes at once.
const PER_SECOND: usize = 100;
const BURST: usize = 2 * PER_SECOND;
/// A socket's own buffer holds as many small answers.
const AT_ONCE: usize = 200;
/// When a client gives up. Nothing takes so long unless it is broken.
const SOON: Duration = Duration::from_secs(20);

/// Somebody with an address, asking one node.
pub(crate) struct Client {
    socket: UdpSocket,
}

/// What came back for something sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) full: usize,
    truncated: usize,
    bad_cookie: usize,
    bytes: usize,
}

impl Seen {
    fn small(self) -> usize {
        self.truncated + self.bad_cookie
    }

    fn add(&mut self, other: Self) {
        self.full += other.full;
        self.truncated += other.truncated;
        self.bad_cookie += other.bad_cookie;
        self.bytes += other.bytes;
    }
}

impl Client {
    pub(crate) fn at(address: [u8; 4], server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::from(address), 0)).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Self { socket }
    }

    pub(crate) fn send(&self, packet: &[u8]) {
        self.socket.send(packet).unwrap();
    }

    /// Until something comes, or so long.
    pub(crate) fn waits(&self, time: Duration) -> bool {
        self.socket.set_read_timeout(Some(time)).unwrap();
        self.socket.recv(&mut [0; 4096]).is_ok()
    }

    pub(crate) fn hear(&self) -> wire::Answer {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("an answer");
        wire::decode(&buffer[..length]).unwrap()
    }

    pub(crate) fn ask(&self, packet: &[u8]) -> wire::Answer {
        self.send(packet);
        self.hear()
    }

    /// All that has come, without waiting.
    pub(crate) fn drain(&self) -> Seen {
        let (mut seen, mut buffer) = (Seen::default(), [0; 4096]);
        self.socket.set_nonblocking(true).unwrap();
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    let answer = wire::decode(&buffer[..length]).unwrap();
                    seen.bytes += length;
                    match answer.rcode() {
                        _ if answer.has(wire::TC) => seen.truncated += 1,
                        23 => seen.bad_cookie += 1,
                        _ => seen.full += 1,
                    }
                }
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                Err(why) => panic!("{why}"),
            }
        }
        self.socket.set_nonblocking(false).unwrap();
        seen
    }
}

fn limited(slip: usize) -> Place {
    let place = Place::new();
    place.configure(&[place.dns], &format!("[dns.limit]\nper_second = {PER_SECOND}\nslip = {slip}"));
    place
}

pub(crate) fn question(name: &str, rtype: u16, edns: Option<Edns>) -> Vec<u8> {
    Question { edns, ..Question::of(wire::name(name), rtype) }.encode()
}

/// A name that nobody has, another one each time.
pub(crate) fn nobody(number: usize, edns: Option<Edns>) -> Vec<u8> {
    let label = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    question(&format!("{label:x}.z.example"), A, edns)
}

/// What the rate lets through besides the burst; both ends may round a millisecond.
fn due_since(start_ms: u64) -> usize {
    (clock::now().mono_ms - start_ms + 2) as usize * PER_SECOND / 1000
}

pub(crate) fn with_cookie(cookie: &[u8]) -> Option<Edns> {
    Some(Edns::of(1232).option(COOKIE, cookie))
}

pub(crate) fn cookie(answer: &wire::Answer) -> Vec<u8> {
    answer.option(COOKIE).expect("a cookie").to_vec()
}

pub(crate) fn counted(node: &Node<'_>, sample: &str) -> usize {
    let page = http(node.place.admin, "/metrics");
    let line = page.lines().find_map(|line| line.strip_prefix(sample)).unwrap_or_else(|| panic!("{sample} in {page}"));
    line.trim().parse().unwrap()
}

pub(crate) fn becomes(node: &Node<'_>, sample: &str, expected: usize) {
    let expected = format!("{sample} is {expected};");
    until(&expected, || format!("{sample} is {};", counted(node, sample)));
}

const WITHHELD: &str = "meridian_dns_limited_total{outcome=\"withheld\"}";
const SLIPPED: &str = "meridian_dns_limited_total{outcome=\"slipped\"}";

#[test]
fn a_flood_of_random_names_hurts_nobody_who_shows_who_he_is() {
    const SLIP: usize = 2;
    let place = limited(SLIP);
    let mut node = place.start();
    let flooders: Vec<Client> = (1..=8).map(|host| Client::at([127, 66, 1, host], place.dns)).collect();
    let plain = Client::at([127, 66, 1, 100], place.dns);
    let learning = Client::at([127, 66, 1, 101], place.dns);
    let known = Client::at([127, 66, 1, 102], place.dns);
    let elsewhere = Client::at([127, 66, 2, 1], place.dns);
    let good = cookie(&known.ask(&question("www.z.example", A, with_cookie(b"knownone"))));
    let (mut sent, mut seen, mut asked) = (0, Seen::default(), 0);
    let mut met_by_learning = Seen::default();
    let start_ms = clock::now().mono_ms;
    for _ in 0..100 {
        for flooder in flooders.iter().cycle().take(AT_ONCE) {
            flooder.send(&nobody(sent, None));
            sent += 1;
        }
        // Two of each right behind the flood: where one is withheld the other goes out small.
        for n in 0..2 {
            plain.send(&nobody(sent + n, None));
            learning.send(&nobody(sent + n, with_cookie(b"learning")));
        }
        sent += 4;
        asked += 1;
        // Fewer of these than a burst, so what is asked of the limit itself is nothing.
        let answer = known.ask(&nobody(sent, with_cookie(&good)));
        assert_eq!((answer.rcode(), cookie(&answer)), (3, good.clone()), "with a cookie, in the flooded network");
        let answer = elsewhere.ask(&nobody(sent, None));
        assert_eq!(answer.rcode(), 3, "in another network");
        flooders.iter().for_each(|flooder| seen.add(flooder.drain()));
        let met = plain.drain();
        assert_eq!(met.bad_cookie, 0);
        seen.add(met);
        met_by_learning.add(learning.drain());
        assert_eq!(known.ask(&question("www.z.example", A, with_cookie(&good))).answer.len(), 1);
    }
    seen.add(met_by_learning);
    let bound = BURST + 1 + due_since(start_ms);
    assert!((BURST..=bound).contains(&seen.full), "{seen:?} of {sent}, and no more than {bound} full ones are due");
    eprintln!("{sent} of a flood: {} answered, {} small; {bound} were due at most", seen.full, seen.small());
    let over = sent - seen.full;
    assert_eq!(seen.small(), over / SLIP, "every second answer over the limit goes out small: {seen:?} of {sent}");
    assert!(met_by_learning.bad_cookie > 0 && met_by_learning.truncated == 0, "{met_by_learning:?}");
    assert!(seen.truncated > 0);
    becomes(&node, WITHHELD, over - seen.small());
    becomes(&node, SLIPPED, seen.small());
    becomes(&node, "meridian_dns_answers_total{transport=\"udp\",rcode=\"BADCOOKIE\"}", seen.bad_cookie);
    becomes(&node, "meridian_dns_answers_total{transport=\"udp\",rcode=\"NXDOMAIN\"}", seen.full + 2 * asked);
    becomes(&node, "meridian_dns_queries_total{transport=\"udp\"}", sent + 3 * asked + 1);
    becomes(&node, "meridian_dns_dropped_total{transport=\"udp\"}", 0);
    let line = node.hears("[dns.limit]");
    assert!(line.contains("WARN") && line.contains("127.66.1.0/24"), "{line}");
    node.signal(rustix::process::Signal::TERM);
    let (status, log) = node.ended();
    assert_eq!((status, log.matches("[dns.limit]").count()), (0, 1), "told once: {log}");
}

#[test]
fn whoever_hears_a_small_answer_gets_on_over_tcp_or_with_the_cookie() {
    let place = limited(1);
    let node = place.start();
    let flooder = Client::at([127, 66, 3, 1], place.dns);
    let client = Client::at([127, 66, 3, 2], place.dns);
    let flood = |from: usize| {
        (from..from + 3 * BURST).for_each(|n| {
            flooder.send(&nobody(n, None));
            if n % AT_ONCE == 0 {
                flooder.drain();
            }
        });
    };
    // Whoever else has the processor may let the flood be forgotten before the question comes.
    let over_limit = |packet: &[u8]| {
        (0..100)
            .map(|n| {
                flood(n * 10_000);
                client.ask(packet)
            })
            .find(|answer| answer.rcode() != 3)
            .expect("an answer over the limit")
    };
    let truncated = over_limit(&nobody(7, None));
    assert!(truncated.has(wire::TC) && truncated.rcode() == 0, "{truncated}");
    flood(7_000_000);
    let packets = vec![nobody(7, None); 1000];
    let over_tcp = ask::over_tcp(place.dns, &packets);
    assert!(over_tcp.iter().all(|answer| wire::decode(answer.as_ref().unwrap()).unwrap().rcode() == 3), "TCP has no limit");
    let bad_cookie = over_limit(&nobody(8, with_cookie(b"clientco")));
    assert_eq!(bad_cookie.rcode(), 23);
    assert!(!bad_cookie.has(wire::TC));
    let good = cookie(&bad_cookie);
    flood(8_000_000);
    for n in 0..3 * BURST {
        assert_eq!(client.ask(&nobody(n, with_cookie(&good))).rcode(), 3, "a cookie has no limit");
    }
    assert!(counted(&node, SLIPPED) > 0 && counted(&node, WITHHELD) == 0);
}

#[test]
fn when_the_flood_ends_its_network_is_answered_again() {
    let place = limited(0);
    let _node = place.start();
    let flooder = Client::at([127, 66, 4, 1], place.dns);
    let elsewhere = Client::at([127, 66, 5, 1], place.dns);
    for round in 0..50 {
        (0..AT_ONCE).for_each(|n| flooder.send(&nobody(round * AT_ONCE + n, None)));
        elsewhere.ask(&question("www.z.example", A, None));
        flooder.drain();
    }
    let client = Client::at([127, 66, 4, 2], place.dns);
    until("answered", || {
        client.send(&nobody(1, None));
        elsewhere.ask(&question("ns1.z.example", A, None));
        if client.drain().full > 0 { "answered" } else { "not yet" }.into()
    });
}

pub(crate) fn resident_kib(node: &Node<'_>) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.id())).unwrap();
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}

/// 12,000 networks, each asking a name that exists and one that does not: nothing is kept of any but the entry it has in a table made at the start.
#[test]
fn thousands_of_sources_take_no_memory() {
    const MOST_KIB: usize = 2048;
    let place = limited(2);
    let node = place.start();
    let sentinel = Client::at([127, 66, 6, 1], place.dns);
    let from = |sources: std::ops::Range<usize>| {
        let sources: Vec<Client> = sources.map(|n| Client::at([127, 100 + (n / 250) as u8, (n % 250) as u8, 9], place.dns)).collect();
        for (n, source) in sources.iter().enumerate() {
            source.send(&nobody(n, None));
            source.send(&question("www.z.example", A, None));
        }
        // Without a cookie it queues behind them.
        assert_eq!(sentinel.ask(&question("www.z.example", A, None)).answer.len(), 1);
        for source in &sources {
            assert_eq!(source.drain().full, 2, "each is a network of its own");
        }
    };
    // Once with everything that is made at a first use.
    (0..10).for_each(|_| from(0..100));
    let before = resident_kib(&node);
    (1..121).for_each(|part| from(part * 100..part * 100 + 100));
    let after = resident_kib(&node);
    eprintln!("{before} KiB before 12,000 networks, {after} after");
    assert!(after <= before + MOST_KIB, "{before} KiB became {after}");
}

#[test]
fn any_is_answered_small_and_a_flood_of_it_sends_out_less_than_comes_in() {
    /// Bytes of an answer for one of the query.
    const MOST: usize = 8;
    let addresses: String = (1..=12).map(|n| format!("big A 192.0.2.{n}\nbig AAAA 2001:db8::{n}\n")).collect();
    let text = format!("big TXT \"{}\"\n", "x".repeat(200));
    let zone = format!("{HEAD}{addresses}{text}{}@ TXT \"{}\"\n@ MX 10 ns1\n", "big MX 10 ns1\n", "y".repeat(250));
    for per_second in [0, PER_SECOND] {
        let place = limited(2);
        place.configure(&[place.dns], &format!("[dns.limit]\nper_second = {per_second}"));
        place.write("z.example.zone", &zone);
        let node = place.start();
        let flooder = Client::at([127, 66, 7, 1], place.dns);
        let elsewhere = Client::at([127, 66, 8, 1], place.dns);
        let (mut bytes_in, mut seen) = (0, Seen::default());
        for round in 0..50 {
            for n in 0..AT_ONCE {
                let name = ["big.z.example", "z.example"][n % 2];
                let edns = (n % 4 < 2).then(|| Edns::of(4096));
                let packet = question(name, ANY, edns);
                if round == 0 && per_second == 0 {
                    let answer = elsewhere.ask(&packet);
                    assert!(answer.len <= MOST * packet.len(), "{} bytes for {}: {answer}", answer.len, packet.len());
                    let first = answer.answer.first().map(|one| one.rtype);
                    assert!(first.is_some() && answer.answer.iter().all(|one| Some(one.rtype) == first), "one RRset: {answer}");
                }
                flooder.send(&packet);
                bytes_in += packet.len();
                if n % 100 == 99 {
                    elsewhere.ask(&question("www.elsewhere.example", A, None));
                    seen.add(flooder.drain());
                }
            }
        }
        if per_second == 0 {
            assert_eq!((seen.full, seen.small()), (50 * AT_ONCE, 0), "without a limit all are answered");
            assert_eq!((counted(&node, WITHHELD), counted(&node, SLIPPED)), (0, 0));
        } else {
            eprintln!("{} bytes of ANY for {bytes_in}", seen.bytes);
            assert!(seen.bytes < bytes_in, "{seen:?}: {} bytes for {bytes_in}", seen.bytes);
        }
    }
}

#[test]
fn over_ipv6_it_is_the_same() {
    let place = Place::new();
    let port = crate::place::running::free(Ipv4Addr::UNSPECIFIED).port();
    place.configure(&[(std::net::Ipv6Addr::LOCALHOST, port).into()], &format!("[dns.limit]\nper_second = {PER_SECOND}\nslip = 0"));
    let node = place.start();
    let socket = UdpSocket::bind((IpAddr::from(std::net::Ipv6Addr::LOCALHOST), 0)).unwrap();
    socket.connect((std::net::Ipv6Addr::LOCALHOST, port)).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let client = Client { socket };
    let good = cookie(&client.ask(&question("www.z.example", A, with_cookie(b"clientco"))));
    let mut seen = Seen::default();
    let start_ms = clock::now().mono_ms;
    for round in 0..10 {
        (0..AT_ONCE).for_each(|n| client.send(&nobody(round * AT_ONCE + n, None)));
        client.send(&question("www.z.example", A, with_cookie(&good)));
        let asked = 1 + (round + 1) * (AT_ONCE + 1);
        becomes(&node, "meridian_dns_queries_total{transport=\"udp\"}", asked);
        let answered = client.drain();
        assert!(answered.full > 0, "the one with the cookie");
        seen.full += answered.full - 1;
    }
    let bound = BURST + 1 + due_since(start_ms);
    assert!((BURST..=bound).contains(&seen.full), "{seen:?}");
}
