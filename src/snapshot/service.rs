//! What a steered name answers with: a set under one policy, its records rendered.

use super::zone::{RECORD_HEAD, Set};
use crate::dns::name::MAX_NAME;
use crate::dns::rtype::{Type, class};
use crate::steer::{Family, Roster, key};
use std::hint::black_box;
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
    /// How long clients may believe that there are no addresses of a family, where that is only so because none of them lives.
    pub dead_ttl: Option<u32>,
    /// Some member's name has several labels.
    is_deep: bool,
    bytes: Box<[u8]>,
    /// By member.
    rendered: Box<[Rendered]>,
}

/// What lies at or below a name right below a hostname with `http`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Below {
    /// A member's own name.
    Panel(u16),
    /// Nothing itself, but on the way to a member's name of several labels.
    Between,
    /// Nothing, below a member's name or a name on the way to one.
    Nothing(u16),
}

/// Where a member's labels and records stand in `bytes`, one after the other.
#[derive(Clone, Copy, Debug)]
struct Rendered {
    at: u32,
    labels: u8,
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
            for label in listing.name.split('.') {
                bytes.push(label.len() as u8);
                bytes.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
            }
            let labels = (bytes.len() - at as usize) as u8;
            let (mut v4, mut v6) = (0, 0);
            for address in listing.addresses.iter().filter(|address| address.is_ipv4()) {
                render(&mut bytes, Type::A, ttl, address);
                v4 += 1;
            }
            for address in listing.addresses.iter().filter(|address| address.is_ipv6()) {
                render(&mut bytes, Type::AAAA, ttl, address);
                v6 += 1;
            }
            rendered.push(Rendered { at, labels, v4, v6 });
        }
        let [has_v4, has_v6] = families;
        let is_deep = listings.iter().any(|listing| listing.name.contains('.'));
        Self {
            is_deep,
            roster,
            ttl,
            http: None,
            https: None,
            has_v4,
            has_v6,
            dead_ttl: None,
            bytes: bytes.into(),
            rendered: rendered.into(),
        }
    }

    /// Has all of it come near that choosing among a few members looks at.
    #[inline]
    pub fn touch(&self) {
        let Roster { members, stops, .. } = &self.roster;
        let members = [0, 3, 6].map(|n| members.get(n).map(|member| member.panel));
        let bytes = [0, 128].map(|at| self.bytes.get(at));
        black_box((
            members,
            stops.first().map(|stop| stop.start),
            self.rendered.first().map(|first| first.at),
            bytes.map(Option::<&u8>::copied),
            self.ttl,
        ));
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
        let Rendered { at, labels, v4, v6 } = self.rendered[usize::from(member)];
        let start = at as usize + usize::from(labels);
        let middle = start + usize::from(v4) * A_LEN;
        match family {
            Family::V4 => Set { rtype: Type::A, count: v4.into(), body: &self.bytes[start..middle] },
            Family::V6 => Set { rtype: Type::AAAA, count: v6.into(), body: &self.bytes[middle..middle + usize::from(v6) * AAAA_LEN] },
        }
    }

    /// The labels that a member's own name begins with, in lower case, as they stand in a name.
    pub fn labels(&self, member: u16) -> &[u8] {
        let Rendered { at, labels, .. } = self.rendered[usize::from(member)];
        &self.bytes[at as usize..][..usize::from(labels)]
    }

    /// The member of these labels, in lower case.
    pub fn member(&self, labels: &[u8]) -> Option<u16> {
        let mut name = [0; MAX_NAME];
        let name = name.get_mut(..labels.len().checked_sub(1)?)?;
        name.copy_from_slice(&labels[1..]);
        let mut at = usize::from(labels[0]);
        while let Some(dot) = name.get_mut(at) {
            at += 1 + usize::from(*dot);
            *dot = b'.';
        }
        let key = key(str::from_utf8(name).ok()?);
        (0u16..).zip(&self.roster.members).find(|(n, member)| member.key == key && self.labels(*n) == labels).map(|(n, _)| n)
    }

    /// What `labels`, in lower case, are below the hostname. None: no name of a member is near.
    pub fn below(&self, labels: &[u8]) -> Option<Below> {
        if let Some(member) = self.member(labels) {
            return Some(Below::Panel(member));
        }
        let ends = |labels: &[u8], end: &[u8]| labels.strip_suffix(end).is_some_and(is_whole);
        let find = |is_it: &dyn Fn(&[u8]) -> bool| (0..self.rendered.len() as u16).find(|n| is_it(self.labels(*n)));
        if self.is_deep && find(&|own| ends(own, labels)).is_some() {
            return Some(Below::Between);
        }
        if !self.is_deep {
            let last = last_label(labels);
            return (last != labels).then(|| self.member(last)).flatten().map(Below::Nothing);
        }
        // Whatever ends in the last label of a member's name lies below that name, or below one on the way to it.
        find(&|own| last_label(own) == last_label(labels)).map(Below::Nothing)
    }

    /// An HTTPS record at the name itself would move plain HTTP elsewhere, so there is none where plain HTTP is served.
    pub fn binds_name(&self) -> Option<u16> {
        self.https.filter(|_| self.http.is_none())
    }
}

/// Labels of a name without its end, and nothing cut in two.
fn is_whole(labels: &[u8]) -> bool {
    let mut rest = labels;
    while let [len, after @ ..] = rest {
        let Some(next) = after.get(usize::from(*len)..) else { return false };
        rest = next;
    }
    true
}

fn last_label(labels: &[u8]) -> &[u8] {
    let mut rest = labels;
    while let Some(next) = rest.first().and_then(|len| rest.get(1 + usize::from(*len)..)).filter(|next| !next.is_empty()) {
        rest = next;
    }
    rest
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
