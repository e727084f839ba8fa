//! What a steered name answers with: a set under one policy, its records rendered.

use super::zone::{RECORD_HEAD, Set};
use crate::dns::rtype::{Type, class};
use crate::steer::{Family, Roster, key};
use std::net::IpAddr;
use std::sync::Arc;

/// Which service each hostname of a zone has.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// By the hostname's number in the zone.
    pub of: Arc<[u32]>,
    pub list: Arc<[Arc<Service>]>,
}

impl Services {
    #[inline]
    pub fn of_hostname(&self, number: usize) -> Option<&Service> {
        self.list.get(*self.of.get(number)? as usize).map(|service| &**service)
    }
}

#[derive(Clone, Debug)]
pub struct Service {
    pub roster: Roster,
    pub ttl: u32,
    /// Ports of SRV and HTTPS records.
    pub http: Option<u16>,
    pub https: Option<u16>,
    /// Families that clients get: those its panels are configured with, but for one that is dead.
    pub has_v4: bool,
    pub has_v6: bool,
    bytes: Box<[u8]>,
    /// By member.
    rendered: Box<[Rendered]>,
}

/// Where a member's label and records stand in `bytes`, one after the other.
#[derive(Clone, Copy, Debug)]
struct Rendered {
    at: u32,
    label: u8,
    v4: u8,
    v6: u8,
}

const A_LEN: usize = RECORD_HEAD + 4;
const AAAA_LEN: usize = RECORD_HEAD + 16;

/// One member's name and the addresses that it is reached at now, at most 255 of a family.
pub struct Listing<'a> {
    pub name: &'a str,
    pub addresses: Vec<IpAddr>,
}

impl Service {
    /// `listings` are in the order of the roster's members.
    pub fn new(roster: Roster, ttl: u32, families: [bool; 2], listings: &[Listing<'_>]) -> Self {
        let mut bytes = Vec::new();
        let mut rendered = Vec::with_capacity(listings.len());
        for listing in listings {
            let at = bytes.len() as u32;
            bytes.extend(listing.name.bytes().map(|byte| byte.to_ascii_lowercase()));
            let (mut v4, mut v6) = (0, 0);
            for address in listing.addresses.iter().filter(|address| address.is_ipv4()) {
                render(&mut bytes, Type::A, ttl, address);
                v4 += 1;
            }
            for address in listing.addresses.iter().filter(|address| address.is_ipv6()) {
                render(&mut bytes, Type::AAAA, ttl, address);
                v6 += 1;
            }
            rendered.push(Rendered { at, label: listing.name.len() as u8, v4, v6 });
        }
        let [has_v4, has_v6] = families;
        Self { roster, ttl, http: None, https: None, has_v4, has_v6, bytes: bytes.into(), rendered: rendered.into() }
    }

    #[inline]
    pub fn has(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.has_v4,
            Family::V6 => self.has_v6,
        }
    }

    /// A member's addresses as they stand in a message whose question starts at byte 12.
    #[inline]
    pub fn set(&self, member: u16, family: Family) -> Set<'_> {
        let Rendered { at, label, v4, v6 } = self.rendered[usize::from(member)];
        let start = at as usize + usize::from(label);
        let middle = start + usize::from(v4) * A_LEN;
        match family {
            Family::V4 => Set { rtype: Type::A, count: v4.into(), body: &self.bytes[start..middle] },
            Family::V6 => Set { rtype: Type::AAAA, count: v6.into(), body: &self.bytes[middle..middle + usize::from(v6) * AAAA_LEN] },
        }
    }

    /// The label that a member's own name begins with, in lower case.
    pub fn label(&self, member: u16) -> &[u8] {
        let Rendered { at, label, .. } = self.rendered[usize::from(member)];
        &self.bytes[at as usize..][..usize::from(label)]
    }

    /// The member of this label, in lower case.
    pub fn member(&self, label: &[u8]) -> Option<u16> {
        let key = key(str::from_utf8(label).ok()?);
        (0u16..).zip(&self.roster.members).find(|(n, member)| member.key == key && self.label(*n) == label).map(|(n, _)| n)
    }

    /// An HTTPS record at the name itself would move plain HTTP elsewhere, so there is none where plain HTTP is served.
    pub fn binds_name(&self) -> Option<u16> {
        self.https.filter(|_| self.http.is_none())
    }

    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.bytes.len() + self.rendered.len() * size_of::<Rendered>() + self.roster.memory()
    }
}

fn render(bytes: &mut Vec<u8>, rtype: Type, ttl: u32, address: &IpAddr) {
    bytes.extend_from_slice(&[0xc0, 12]);
    bytes.extend_from_slice(&rtype.0.to_be_bytes());
    bytes.extend_from_slice(&class::IN.to_be_bytes());
    bytes.extend_from_slice(&ttl.to_be_bytes());
    match address {
        IpAddr::V4(v4) => {
            bytes.extend_from_slice(&[0, 4]);
            bytes.extend_from_slice(&v4.octets());
        }
        IpAddr::V6(v6) => {
            bytes.extend_from_slice(&[0, 16]);
            bytes.extend_from_slice(&v6.octets());
        }
    }
}
