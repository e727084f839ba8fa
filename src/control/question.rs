//! The question that is explained, as a resolver would send it.

use crate::dns::name::Name;
use crate::dns::rtype::{Type, class};
use crate::dns::wire::option;
use crate::document::Network;
use std::net::IpAddr;

/// What an answer over TCP may be long, so that nothing is left out of it.
const PAYLOAD: u16 = 65_535;

#[derive(Clone, Debug)]
pub struct Question {
    pub name: Name,
    pub rtype: Type,
    /// What the resolver tells of its client (EDNS Client Subnet), if anything.
    pub client: Option<Network>,
    pub resolver: IpAddr,
    /// Stands for chance where the choice is left to it.
    pub seed: u64,
}

impl Question {
    /// IPv4 in IPv6 form is IPv4.
    pub fn new(name: Name, rtype: Type, client: Option<Network>, resolver: IpAddr, seed: u64) -> Self {
        let plain = |network: Network| match (network.address(), network.address().to_canonical()) {
            (IpAddr::V6(_), v4 @ IpAddr::V4(_)) if network.prefix() >= 96 => Network::around(v4, network.prefix() - 96),
            _ => network,
        };
        Self { name, rtype, client: client.map(plain), resolver: resolver.to_canonical(), seed }
    }

    pub(super) fn packet(&self) -> Vec<u8> {
        let mut packet = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        packet.extend(self.name.wire());
        packet.extend(self.rtype.0.to_be_bytes());
        packet.extend(class::IN.to_be_bytes());
        packet.push(0);
        packet.extend(Type::OPT.0.to_be_bytes());
        packet.extend(PAYLOAD.to_be_bytes());
        packet.extend([0; 4]);
        let subnet = self.client.map_or(Vec::new(), |network| subnet(&network));
        packet.extend((subnet.len() as u16).to_be_bytes());
        packet.extend(subnet);
        packet
    }
}

/// The whole option (RFC 7871 §6).
fn subnet(network: &Network) -> Vec<u8> {
    let (family, octets) = match network.address() {
        IpAddr::V4(v4) => (1u16, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    let needed = &octets[..usize::from(network.prefix()).div_ceil(8)];
    let mut value = option::SUBNET.to_be_bytes().to_vec();
    value.extend((4 + needed.len() as u16).to_be_bytes());
    value.extend(family.to_be_bytes());
    value.extend([network.prefix(), 0]);
    value.extend(needed);
    value
}
