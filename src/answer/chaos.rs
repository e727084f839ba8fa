//! Class CH: who is answering (RFC 4892).

use super::Say;
use super::edns::Ede;
use super::message::Message;
use crate::dns::rtype::{Type, class};
use crate::dns::wire::{HEADER, Header, rcode};
use crate::snapshot::Manners;
use crate::snapshot::path::Path;

pub(super) fn answer(manners: &Manners, path: &Path, qtype: Type, message: &mut Message<'_>) -> Say {
    let text = match path.wire() {
        b"\x02id\x06server\0" | b"\x08hostname\x04bind\0" => &manners.name,
        b"\x07version\x06server\0" | b"\x07version\x04bind\0" => &manners.version,
        _ => return Say::because(rcode::REFUSED, Ede::NotAuthoritative),
    };
    if qtype != Type::TXT && qtype != Type::ANY {
        return Say::because(rcode::REFUSED, Ede::NotAuthoritative);
    }
    let text = &text.as_bytes()[..text.len().min(255)];
    let owner = 0xc000 | HEADER as u16;
    let head = [0, Type::TXT.0 as u8, 0, class::CH as u8, 0, 0, 0, 0];
    let len = text.len() as u16 + 1;
    let parts: [&[u8]; 5] = [&owner.to_be_bytes(), &head, &len.to_be_bytes(), &[text.len() as u8], text];
    if message.raw_answer(&parts).is_err() {
        message.set_flag(Header::TC);
    }
    Say::plain(rcode::NOERROR)
}
