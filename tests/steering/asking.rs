//! Questions with EDNS Client Subnet, from any loopback address, and what is common to all answers to them.

use crate::peers::wire::{self, Answer, Edns, Question};
use crate::world::World;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

pub(crate) const ECS: u16 = 8;
/// Sockets that are open at once; a process may have 1024.
const AT_ONCE: usize = 200;
const ROUNDS: u32 = 4;

/// The option for a network, as a resolver writes it.
pub(crate) fn ecs(network: IpAddr, length: u8) -> Vec<u8> {
    let (family, octets) = match network {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let mut option = vec![0, family, length, 0];
    option.extend(&octets[..usize::from(length).div_ceil(8)]);
    if let Some(last) = option[4..].last_mut().filter(|_| !length.is_multiple_of(8)) {
        *last &= 0xff << (8 - length % 8);
    }
    option
}

pub(crate) fn question(name: &str, rtype: u16, ecs: Option<&[u8]>) -> Question {
    let edns = ecs.map(|option| Edns::of(1232).option(ECS, option));
    Question { edns, ..Question::of(wire::name(name), rtype) }
}

/// One question from a loopback address.
pub(crate) fn ask(source: IpAddr, server: SocketAddr, question: &Question) -> Answer {
    let bytes = from(server, &[(source, question.encode())]).remove(0).unwrap_or_else(|| panic!("{server} is silent: {question}"));
    wire::decode(&bytes).unwrap_or_else(|why| panic!("{question}: {why}"))
}

/// Many datagrams, each from an address of its own.
pub(crate) fn from(server: SocketAddr, packets: &[(IpAddr, Vec<u8>)]) -> Vec<Option<Vec<u8>>> {
    let mut answers = Vec::with_capacity(packets.len());
    for part in packets.chunks(AT_ONCE) {
        let sockets: Vec<UdpSocket> = part.iter().map(|(source, _)| socket(*source, server)).collect();
        let mut got = vec![None; part.len()];
        for _ in 0..ROUNDS {
            let missing: Vec<usize> = (0..part.len()).filter(|&n| got[n].is_none()).collect();
            for &n in &missing {
                sockets[n].send(&part[n].1).expect("a datagram is sent");
            }
            for &n in &missing {
                let mut buffer = vec![0; 4096];
                got[n] = sockets[n].recv(&mut buffer).ok().map(|length| buffer[..length].to_vec());
            }
        }
        answers.extend(got);
    }
    answers
}

fn socket(source: IpAddr, server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((source, 0)).unwrap_or_else(|e| panic!("{source}: {e}"));
    socket.connect(server).expect("a loopback address");
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a time-out");
    socket
}

/// The scope in an answer. A fault is told: the option must be there as often as it was sent, and be the one that was sent.
pub(crate) fn scope(answer: &Answer, sent: Option<&[u8]>) -> Result<Option<u8>, String> {
    let got = options(answer, ECS);
    match (sent, got.as_slice()) {
        (None, []) => Ok(None),
        (None, _) => Err("an ECS option that nobody sent".into()),
        (Some(sent), [got]) if got.len() == sent.len() && got[..3] == sent[..3] && got[4..] == sent[4..] => {
            let most = if sent[1] == 1 { 32 } else { 128 };
            if got[3] > most { Err(format!("scope /{}", got[3])) } else { Ok(Some(got[3])) }
        }
        (Some(sent), got) => Err(format!("ECS {} is answered with {got:?}", wire::hex(sent))),
    }
}

/// The values of all options of a code.
pub(crate) fn options(answer: &Answer, code: u16) -> Vec<Vec<u8>> {
    let mut rest = answer.opt.as_ref().map_or(&[][..], |opt| &opt.rdata);
    let mut found = Vec::new();
    while rest.len() >= 4 {
        let end = 4 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        if rest[..2] == code.to_be_bytes() {
            found.push(rest[4..end].to_vec());
        }
        rest = &rest[end..];
    }
    found
}

/// The addresses of a type in the answer section.
pub(crate) fn addresses(answer: &Answer, rtype: u16) -> Vec<IpAddr> {
    let read = |rdata: &[u8]| match rdata.len() {
        4 => <[u8; 4]>::try_from(rdata).map(IpAddr::from).expect("four bytes"),
        _ => <[u8; 16]>::try_from(rdata).map(IpAddr::from).expect("sixteen bytes"),
    };
    answer.answer.iter().filter(|rr| rr.rtype == rtype).map(|rr| read(&rr.rdata)).collect()
}

/// The panels an answer names, in its order.
pub(crate) fn panels(world: &World, answer: &Answer, rtype: u16) -> Vec<String> {
    let name = |address: &IpAddr| world.owner(*address).map_or_else(|| address.to_string(), str::to_owned);
    addresses(answer, rtype).iter().map(name).collect()
}

/// What one client network got of one name, for as wide as the answer says.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) network: IpAddr,
    pub(crate) scope: u8,
    pub(crate) panels: Vec<String>,
}

impl Given {
    fn bits(&self) -> u32 {
        if self.network.is_ipv4() { 32 } else { 128 }
    }

    /// The first address of what the scope covers, at the top of 128 bits.
    fn start(&self) -> u128 {
        aligned(self.network) & mask(self.scope)
    }

    /// An address inside of what the scope covers; `chance` fills what is free.
    pub(crate) fn inside(&self, chance: u128) -> IpAddr {
        let bits = self.start() | chance & !mask(self.scope);
        match self.bits() {
            32 => IpAddr::V4(((bits >> 96) as u32).into()),
            _ => IpAddr::V6(bits.into()),
        }
    }
}

/// Pairs of answers of which one's scope covers the other's, and which differ.
pub(crate) fn overlapping(mut given: Vec<Given>) -> Vec<(Given, Given)> {
    given.sort_by_key(|one| (one.bits(), one.start(), one.scope));
    let mut open: Vec<Given> = Vec::new();
    let mut wrong = Vec::new();
    for one in given {
        let covers = |outer: &Given| outer.bits() == one.bits() && one.start() & mask(outer.scope) == outer.start();
        while open.last().is_some_and(|outer| !covers(outer)) {
            open.pop();
        }
        if let Some(outer) = open.iter().find(|outer| outer.panels != one.panels) {
            wrong.push((outer.clone(), one.clone()));
        }
        open.push(one);
    }
    wrong
}

fn aligned(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => v6.into(),
    }
}

fn mask(length: u8) -> u128 {
    if length == 0 { 0 } else { u128::MAX << (128 - u32::from(length)) }
}

#[test]
fn overlaps_are_found() {
    let given = |network: &str, scope, panel: &str| Given { network: network.parse().unwrap(), scope, panels: vec![panel.into()] };
    let sound = vec![given("10.0.0.0", 9, "a"), given("10.128.0.0", 9, "b"), given("10.1.2.0", 24, "a"), given("a00::", 24, "b")];
    assert!(overlapping(sound.clone()).is_empty());
    let mut bad = sound;
    bad.push(given("10.1.0.0", 16, "c"));
    assert_eq!(overlapping(bad).len(), 2);
}
