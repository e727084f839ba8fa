//! Why an answer about a steered name is what it is: the decision's own record, for `explain` to put into words.

use crate::snapshot::zone::Part;
use crate::steer::{Choice, Class, Family, Slot};
use std::net::IpAddr;

/// What told where the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The network that the resolver named.
    Subnet,
    /// The resolver's own address.
    Resolver,
}

/// What of a hostname the question came upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Part(Part),
    /// `<panel>.NAME`, with the member's number.
    Panel(u16),
}

/// The last steered name on the way to the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    /// The hostname's number in its zone.
    pub hostname: usize,
    pub of: Of,
    /// None: who asks made no difference.
    pub client: Option<Located>,
    /// What was chosen for IPv4 and for IPv6, where there was a choice to be made.
    pub chosen: [Option<Choice>; 2],
}

/// Who asks, to the service that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    pub by: By,
    /// The address that was looked up.
    pub place: IpAddr,
    pub class: Class,
    /// The network that keeps its panel, and its slot.
    pub network: IpAddr,
    pub slot: Slot,
    /// All with so many bits of `network` are the same to the service, their slots aside.
    pub prefix: u8,
}

impl Why {
    pub(super) fn new(hostname: usize, of: Of) -> Self {
        Self { hostname, of, client: None, chosen: [None; 2] }
    }

    pub fn choice(&self, family: Family) -> Option<Choice> {
        self.chosen[family as usize]
    }
}
