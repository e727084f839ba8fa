//! Why a steered answer is what it is: the decision's own record, for `explain` to put into words.

use crate::steer::{Choice, Family};
use std::net::IpAddr;

/// What told where the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The network that the resolver named.
    Subnet,
    /// The resolver's own address.
    Resolver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    /// The service's number in its zone.
    pub service: usize,
    pub family: Family,
    pub by: By,
    /// The address that was looked up.
    pub place: IpAddr,
    pub is_known: bool,
    /// The network that keeps its panel.
    pub network: IpAddr,
    pub choice: Choice,
    /// Bits of the network that the answer holds for, where the resolver named one.
    pub scope: u8,
    pub ttl: u32,
}
