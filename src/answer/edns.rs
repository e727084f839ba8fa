//! What goes into the OPT record of an answer.

use super::cookie::{self, Judged};
use super::message::Message;
use super::writing::Writing;
use super::{Ask, Over};
use crate::clock::Now;
use crate::dns::wire::{Edns, option, rcode};
use crate::snapshot::{Manners, Snapshot};
use std::net::{IpAddr, Ipv4Addr};

/// Root name, type, size, flags, length.
const OPT_HEAD: usize = 11;
const OPTION_HEAD: usize = 4;
const MAX_NSID: usize = 255;

/// Extended errors (RFC 8914) that this server has reason to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ede {
    NotReady = 14,
    Prohibited = 18,
    NotAuthoritative = 20,
}

/// The OPT record to come, its size known before the answer is written. Nothing at all for those who sent none.
pub(super) struct Extras<'a> {
    edns: Option<Edns<'a>>,
    manners: &'a Manners,
    nsid: bool,
    cookie: Option<Judged>,
    keepalive: bool,
    subnet: Option<Subnet<'a>>,
    malformed: bool,
}

/// A client's network as the resolver gave it (RFC 7871 §6).
#[derive(Clone, Copy)]
struct Subnet<'a> {
    /// As it came: family, source, scope 0, address.
    option: &'a [u8],
    /// IPv4 in IPv6 form counts as IPv4. None: the client wants its network to play no part.
    address: Option<IpAddr>,
    /// What such a form adds to the scope.
    offset: u8,
}

impl<'a> Extras<'a> {
    /// `space` is what the answer has beside header and question: at least 241 bytes.
    #[inline]
    pub(super) fn new(now: Now, snapshot: &'a Snapshot, ask: &Ask<'_>, edns: Option<Edns<'a>>, space: usize) -> Self {
        let manners = &*snapshot.manners;
        let mut extras = Self { edns, manners, nsid: false, cookie: None, keepalive: false, subnet: None, malformed: false };
        let Some(edns) = edns.filter(|edns| edns.version == 0) else { return extras };
        let mut believed = None;
        for (code, value) in edns.options() {
            match code {
                option::NSID => extras.nsid = !manners.name.is_empty(),
                option::COOKIE if extras.cookie.is_none() && !manners.cookie_secrets.is_empty() => {
                    let judged = cookie::judge(value, ask.peer.ip().to_canonical(), &manners.cookie_secrets, now.wall_s as u32);
                    extras.malformed |= judged.is_none();
                    extras.cookie = judged;
                }
                // Of a resolver that is not believed the option is one of those unknown here.
                option::SUBNET if *believed.get_or_insert_with(|| manners.believes(ask.peer.ip().to_canonical())) => {
                    let subnet = Subnet::read(value);
                    extras.malformed |= subnet.is_none();
                    extras.subnet = extras.subnet.or(subnet);
                }
                option::KEEPALIVE if ask.over == Over::Tcp => extras.keepalive = true,
                _ => {}
            }
        }
        // A long name behind a long question is more than 512 bytes hold; all else always fits.
        extras.nsid &= extras.len() <= space;
        extras
    }

    /// An option has a form that its RFC does not allow.
    pub(super) fn is_malformed(&self) -> bool {
        self.malformed
    }

    /// The network to answer for.
    pub(super) fn subnet(&self) -> Option<IpAddr> {
        self.subnet.and_then(|subnet| subnet.address)
    }

    /// The client wants what DNSSEC needs.
    #[inline]
    pub(super) fn wants_signatures(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec)
    }

    /// The query came with a cookie of ours: its address is no forgery.
    pub(super) fn is_known(&self) -> bool {
        self.cookie.is_some_and(|cookie| cookie.valid)
    }

    /// The client can do cookies, and has none of ours that is good.
    pub(super) fn wants_cookie(&self) -> bool {
        self.cookie.is_some_and(|cookie| !cookie.valid)
    }

    pub(super) fn without_nsid(mut self) -> Self {
        self.nsid = false;
        self
    }

    /// Bytes the record takes, an extended error not counted: that goes in only where there is room.
    #[inline]
    pub(super) fn len(&self) -> usize {
        if self.edns.is_none() {
            return 0;
        }
        OPT_HEAD
            + if self.nsid { OPTION_HEAD + self.nsid().len() } else { 0 }
            + if self.cookie.is_some() { OPTION_HEAD + cookie::CLIENT + cookie::SERVER } else { 0 }
            + if self.keepalive { OPTION_HEAD + 2 } else { 0 }
            + self.subnet.map_or(0, |subnet| OPTION_HEAD + subnet.option.len())
    }

    /// A query without a question asks for a cookie (RFC 7873 §5.4).
    pub(super) fn rcode_without_question(&self) -> u16 {
        match self.cookie {
            None => rcode::FORMERR,
            Some(cookie) if cookie.sent && !cookie.valid => rcode::BADCOOKIE,
            Some(_) => rcode::NOERROR,
        }
    }

    /// There is room for `len()` bytes. `scope` goes to those who sent a client's network; without one the answer is everybody's.
    #[inline]
    pub(super) fn write(&self, message: &mut Message<'_>, rcode: u16, ede: Option<Ede>, scope: Option<u8>) {
        let Some(edns) = self.edns else { return };
        let len = self.len();
        let ede = ede.filter(|_| message.left() >= len + OPTION_HEAD + 2);
        let len = len + if ede.is_some() { OPTION_HEAD + 2 } else { 0 };
        let mut writing = Writing::new(message.last_record(len));
        let [size_high, size_low] = self.manners.udp_size.to_be_bytes();
        let [data_high, data_low] = ((len - OPT_HEAD) as u16).to_be_bytes();
        writing.put(&[0, 0, 41, size_high, size_low, (rcode >> 4) as u8, 0, u8::from(edns.dnssec) << 7, 0, data_high, data_low]);
        if self.nsid {
            writing.put(&option_head(option::NSID, self.nsid().len()));
            writing.put(self.nsid());
        }
        if let Some(cookie) = &self.cookie {
            writing.put(&option_head(option::COOKIE, cookie::CLIENT + cookie::SERVER));
            writing.put(&cookie.reply);
        }
        if self.keepalive {
            writing.put(&option_head(option::KEEPALIVE, 2));
            writing.put(&self.manners.tcp_idle.to_be_bytes());
        }
        if let Some(ede) = ede {
            writing.put(&option_head(option::EDE, 2));
            writing.put(&[0, ede as u8]);
        }
        if let Some(subnet) = &self.subnet {
            writing.put(&option_head(option::SUBNET, subnet.option.len()));
            let scope_at = writing.len() + 3;
            writing.put(subnet.option);
            writing.mend(scope_at, &[subnet.scope(scope)]);
        }
    }

    fn nsid(&self) -> &'a [u8] {
        let name = self.manners.name.as_bytes();
        &name[..name.len().min(MAX_NSID)]
    }
}

/// The network that the data of such an option tells.
#[inline]
pub(super) fn network(option: &[u8]) -> Option<IpAddr> {
    Subnet::read(option)?.address
}

impl<'a> Subnet<'a> {
    /// The form it has in a query (RFC 7871 §6): just the bytes the prefix needs, no bits beyond it, scope 0.
    fn read(option: &'a [u8]) -> Option<Self> {
        let (&[high, low, source, scope], bytes) = option.split_first_chunk()?;
        let family = u16::from_be_bytes([high, low]);
        let width = match family {
            // No address at all, as `dig +subnet=0` says it.
            0 => 0,
            1 => 32,
            2 => 128,
            _ => return None,
        };
        let beyond = (8 - source % 8) % 8;
        let is_sound = scope == 0
            && source <= width
            && bytes.len() == usize::from(source).div_ceil(8)
            && bytes.last().is_none_or(|last| last.trailing_zeros() >= beyond.into());
        if !is_sound {
            return None;
        }
        let mut octets = [0; 16];
        octets[..bytes.len()].copy_from_slice(bytes);
        let [a, b, c, d, ..] = octets;
        let address = match family {
            1 => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            _ => IpAddr::V6(octets.into()).to_canonical(),
        };
        let offset = if family == 2 && address.is_ipv4() { 96 } else { 0 };
        // With fewer bits than the form itself has it says nothing of IPv4.
        Some(Self { option, address: Some(address).filter(|_| source > offset), offset })
    }

    fn scope(self, bits: Option<u8>) -> u8 {
        bits.map_or(0, |bits| bits + self.offset)
    }
}

#[inline]
fn option_head(code: u16, len: usize) -> [u8; OPTION_HEAD] {
    let ([a, b], [c, d]) = (code.to_be_bytes(), (len as u16).to_be_bytes());
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_subnet_has_one_form() {
        for (option, address, offset) in [
            (&[0, 1, 24, 0, 192, 0, 2][..], Some("192.0.2.0"), 0),
            (&[0, 1, 32, 0, 192, 0, 2, 1], Some("192.0.2.1"), 0),
            (&[0, 1, 9, 0, 10, 0x80], Some("10.128.0.0"), 0),
            (&[0, 1, 0, 0], None, 0),
            (&[0, 2, 0, 0], None, 0),
            (&[0, 0, 0, 0], None, 0),
            (&[0, 2, 32, 0, 0x20, 1, 0xd, 0xb8], Some("2001:db8::"), 0),
            // IPv4 in the form of IPv6; `::/96` is not, and the form alone says nothing.
            (&[0, 2, 112, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1], Some("10.1.0.0"), 96),
            (&[0, 2, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], None, 96),
            (&[0, 2, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Some("::"), 0),
        ] {
            let subnet = Subnet::read(option).unwrap_or_else(|| panic!("{option:?} is sound"));
            assert_eq!((subnet.address, subnet.offset), (address.map(|text| text.parse().unwrap()), offset), "{option:?}");
            assert_eq!((subnet.scope(None), subnet.scope(Some(8))), (0, 8 + offset));
        }
        for (option, why) in [
            (&[][..], "nothing"),
            (&[0, 1, 24], "no scope"),
            (&[0, 1, 24, 0, 192, 0], "too short"),
            (&[0, 1, 24, 0, 192, 0, 2, 0], "too long"),
            (&[0, 1, 23, 0, 192, 0, 3], "a bit beyond the length"),
            (&[0, 1, 24, 24, 192, 0, 2], "a scope"),
            (&[0, 1, 33, 0, 192, 0, 2, 1, 0], "longer than an address"),
            (&[0, 2, 129, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "longer than an address"),
            (&[0, 0, 8, 0, 10], "no family but a length"),
            (&[0, 3, 8, 0, 10], "an unknown family"),
            (&[1, 1, 8, 0, 10], "an unknown family"),
        ] {
            assert!(Subnet::read(option).is_none(), "{why}: {option:?}");
        }
    }
}
