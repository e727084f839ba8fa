//! What goes into the OPT record of an answer.

use super::cookie::{self, Judged};
use super::message::Message;
use super::{Ask, Over};
use crate::clock::Now;
use crate::dns::wire::{Edns, option, rcode};
use crate::snapshot::{Manners, Snapshot};

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
    malformed: bool,
}

impl<'a> Extras<'a> {
    /// `space` is what the answer has beside header and question: at least 241 bytes.
    pub(super) fn new(now: Now, snapshot: &'a Snapshot, ask: &Ask<'_>, edns: Option<Edns<'a>>, space: usize) -> Self {
        let manners = &*snapshot.manners;
        let mut extras = Self { edns, manners, nsid: false, cookie: None, keepalive: false, malformed: false };
        let Some(edns) = edns.filter(|edns| edns.version == 0) else { return extras };
        for (code, value) in edns.options() {
            match code {
                option::NSID => extras.nsid = !manners.name.is_empty(),
                option::COOKIE if extras.cookie.is_none() && !manners.cookie_secrets.is_empty() => {
                    let judged = cookie::judge(value, ask.peer.ip().to_canonical(), &manners.cookie_secrets, now.wall_s as u32);
                    extras.malformed |= judged.is_none();
                    extras.cookie = judged;
                }
                option::SUBNET => extras.malformed |= !is_subnet(value),
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
    }

    /// A query without a question asks for a cookie (RFC 7873 §5.4).
    pub(super) fn rcode_without_question(&self) -> u16 {
        match self.cookie {
            None => rcode::FORMERR,
            Some(cookie) if cookie.sent && !cookie.valid => rcode::BADCOOKIE,
            Some(_) => rcode::NOERROR,
        }
    }

    /// There is room for `len()` bytes.
    pub(super) fn write(&self, message: &mut Message<'_>, rcode: u16, ede: Option<Ede>) {
        let Some(edns) = self.edns else { return };
        let ede = ede.filter(|_| message.left() >= self.len() + OPTION_HEAD + 2);
        let mut head = [0, 0, 41, 0, 0, (rcode >> 4) as u8, 0, u8::from(edns.dnssec) << 7, 0, 0, 0];
        head[3..5].copy_from_slice(&self.manners.udp_size.to_be_bytes());
        let data = self.len() - OPT_HEAD + if ede.is_some() { OPTION_HEAD + 2 } else { 0 };
        head[9..].copy_from_slice(&(data as u16).to_be_bytes());
        let mut parts: [&[u8]; 7] = [&head, &[], &[], &[], &[], &[], &[]];
        let nsid_head = option_head(option::NSID, self.nsid().len());
        if self.nsid {
            parts[1] = &nsid_head;
            parts[2] = self.nsid();
        }
        let cookie_head = option_head(option::COOKIE, cookie::CLIENT + cookie::SERVER);
        if let Some(cookie) = &self.cookie {
            parts[3] = &cookie_head;
            parts[4] = &cookie.reply;
        }
        let [idle_high, idle_low] = self.manners.tcp_idle.to_be_bytes();
        let [code_high, code_low] = option::KEEPALIVE.to_be_bytes();
        let keepalive = [code_high, code_low, 0, 2, idle_high, idle_low];
        if self.keepalive {
            parts[5] = &keepalive;
        }
        let [code_high, code_low] = option::EDE.to_be_bytes();
        let error = [code_high, code_low, 0, 2, 0, ede.map_or(0, |ede| ede as u8)];
        if ede.is_some() {
            parts[6] = &error;
        }
        message.raw_additional(&parts);
    }

    fn nsid(&self) -> &'a [u8] {
        let name = self.manners.name.as_bytes();
        &name[..name.len().min(MAX_NSID)]
    }
}

/// The form of a client subnet in a query (RFC 7871 §6): just the bytes the prefix needs, no bits beyond it, scope 0.
fn is_subnet(value: &[u8]) -> bool {
    let Some((&[high, low, source, scope], address)) = value.split_first_chunk() else { return false };
    let width = match u16::from_be_bytes([high, low]) {
        // No address at all, as `dig +subnet=0` says it.
        0 => 0,
        1 => 32,
        2 => 128,
        _ => return false,
    };
    let beyond = (8 - source % 8) % 8;
    scope == 0
        && source <= width
        && address.len() == usize::from(source).div_ceil(8)
        && address.last().is_none_or(|last| last.trailing_zeros() >= beyond.into())
}

fn option_head(code: u16, len: usize) -> [u8; OPTION_HEAD] {
    let ([a, b], [c, d]) = (code.to_be_bytes(), (len as u16).to_be_bytes());
    [a, b, c, d]
}
