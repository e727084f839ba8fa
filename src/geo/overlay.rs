//! What an operator's rules say of addresses, before any database is asked.

use std::collections::HashMap;

use crate::document::Network;

use super::atlas::Atlas;
use super::combine::{from_networks, map, overlay};
use super::ranges::Ranges;

/// The number given to each address by the longest of the networks around it, else by the system it is announced by; of equals the first counts.
pub fn networks_overlay(networks: &[(Network, u16)], asns: &[(u32, u16)], atlas: &Atlas) -> Ranges<u16> {
    let by_network = from_networks(networks.iter().copied());
    let Some(known) = atlas.asns().filter(|_| !asns.is_empty()) else { return by_network };
    let mut numbers = HashMap::new();
    for &(asn, number) in asns.iter().filter(|(asn, _)| *asn != 0) {
        numbers.entry(asn).or_insert(number);
    }
    overlay(by_network, map(known, |asn| numbers.get(&asn).copied().unwrap_or(0)))
}
