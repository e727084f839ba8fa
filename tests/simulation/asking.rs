//! Clients all over the world, and what they are told, on the wire.

use crate::sketch::ZONE;
use crate::wire;
use meridian::answer::{Ask, Over, Verdict, handle};
use meridian::clock::Now;
use meridian::document::Network;
use meridian::geo::{Atlas, Override};
use meridian::snapshot::service::Service;
use meridian::snapshot::{Serving, Snapshot};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Networks, and where they are.
const PLACES: [(&str, (f64, f64), &[u8; 2]); 6] = [
    ("10.1.0.0/16", (48.86, 2.35), b"FR"),
    ("10.2.0.0/16", (40.71, -74.0), b"US"),
    ("10.3.0.0/16", (1.35, 103.82), b"SG"),
    ("10.4.0.0/16", (-23.55, -46.63), b"BR"),
    ("2001:db8:1::/48", (52.52, 13.4), b"DE"),
    ("2001:db8:2::/48", (35.68, 139.69), b"JP"),
];

pub(crate) fn atlas() -> Atlas {
    let place = |(network, at, country): &(&str, (f64, f64), &[u8; 2])| Override {
        network: Network::parse(network).expect("a network"),
        at: Some(*at),
        country: Some(**country),
    };
    Atlas::new(Vec::new(), &PLACES.iter().map(place).collect::<Vec<_>>())
}

pub(crate) struct Client {
    pub(crate) shown: &'static str,
    resolver: SocketAddr,
    /// An ECS option.
    subnet: Option<Vec<u8>>,
}

/// A resolver, and the network it asks for.
const CLIENTS: [(&str, &str, &[u8]); 8] = [
    ("10.1.0.7", "10.1.0.7:53", &[]),
    ("10.2.9.7", "10.2.9.7:53", &[]),
    ("10.3.200.7", "10.3.200.7:53", &[]),
    ("10.9.0.7, nowhere", "10.9.0.7:53", &[]),
    ("10.4.5.0/24 by 10.1.0.8", "10.1.0.8:53", &[0, 1, 24, 0, 10, 4, 5]),
    ("10.8.5.0/24, nowhere, by 10.2.0.8", "10.2.0.8:53", &[0, 1, 24, 0, 10, 8, 5]),
    ("2001:db8:1::7", "[2001:db8:1::7]:53", &[]),
    ("2001:db8:2:3::/56 by 10.3.0.8", "10.3.0.8:53", &[0, 2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 2, 3]),
];

pub(crate) fn clients() -> Vec<Client> {
    let client = |(shown, resolver, subnet): (&'static str, &str, &[u8])| Client {
        shown,
        resolver: resolver.parse().expect("an address"),
        subnet: (!subnet.is_empty()).then(|| subnet.to_vec()),
    };
    CLIENTS.map(client).into()
}

/// An answer to A or AAAA. Without addresses it is NODATA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) addresses: BTreeSet<IpAddr>,
    pub(crate) ttl: Option<u32>,
}

pub(crate) fn ask(snapshot: &Snapshot, host: usize, client: &Client, is_v4: bool, seed: u64) -> Result<Said, String> {
    let name = wire::name(&format!("h{host}.{ZONE}"));
    let mut edns = wire::Edns::of(1232);
    if let Some(subnet) = &client.subnet {
        edns = edns.option(8, subnet);
    }
    let rtype = if is_v4 { wire::A } else { wire::AAAA };
    let question = wire::Question { edns: Some(edns), ..wire::Question::of(name, rtype) }.encode();
    let ask = Ask { bytes: &question, peer: client.resolver, over: Over::Udp, seed, path: None };
    let mut out = [0; 1232];
    let Verdict::Reply(reply) = handle(Now::default(), snapshot, &ask, &mut out) else { return Err("no answer at all".into()) };
    let answer = wire::decode(&out[..reply.len])?;
    if answer.rcode() != 0 || answer.has(wire::TC) || !answer.has(wire::AA) {
        return Err(format!("a strange answer: {answer}"));
    }
    let mut said = Said { addresses: BTreeSet::new(), ttl: None };
    for record in &answer.answer {
        let address = match (record.rtype, record.rdata.as_slice()) {
            (wire::A, data) => <[u8; 4]>::try_from(data).map(IpAddr::from),
            (wire::AAAA, data) => <[u8; 16]>::try_from(data).map(IpAddr::from),
            _ => return Err(format!("a strange record: {answer}")),
        };
        said.addresses.insert(address.map_err(|_| format!("a strange address: {answer}"))?);
        if said.ttl.replace(record.ttl).is_some_and(|other| other != record.ttl) {
            return Err(format!("two TTLs in one answer: {answer}"));
        }
    }
    Ok(said)
}

/// What hostnames are answered with, by their numbers.
pub(crate) fn services(snapshot: &Snapshot) -> Vec<Arc<Service>> {
    let zone = snapshot.zones.iter().find_map(|serving| if let Serving::Zone(_, services) = serving { Some(services) } else { None });
    let services = zone.map(|services| services.of.iter().filter_map(|n| services.list.get(*n as usize)).cloned().collect());
    services.unwrap_or_default()
}
