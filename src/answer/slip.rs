//! The small answer that goes out now and then instead of one over the limit.

use super::edns::Extras;
use super::message::Message;
use super::{Ask, Reply, room};
use crate::clock::Now;
use crate::dns::wire::{HEADER, Header, rcode, read_query};
use crate::snapshot::Snapshot;

/// Header, question, OPT, and TC, so that an honest client comes again over TCP. One that can do cookies is told BADCOOKIE and given one instead:
/// with it the limit is not for him. Longer than the query by no more than a server cookie. `None`: nothing small would help, as with a query that cannot be read.
pub fn slip(now: Now, snapshot: &Snapshot, ask: &Ask<'_>, out: &mut [u8]) -> Option<Reply> {
    let header = Header::read(ask.bytes).filter(|header| !header.is_response() && header.opcode() == 0)?;
    let query = read_query(ask.bytes, &header).ok()?;
    let room = room(snapshot, ask, &query, out.len());
    let question = query.question.map_or(&[][..], |q| &ask.bytes[HEADER..q.end]);
    let extras = Extras::new(now, snapshot, ask, query.edns, room - HEADER - question.len()).without_nsid();
    if extras.is_malformed() || query.question.is_none() && !extras.wants_cookie() {
        return None;
    }
    let mut message = Message::new(out, &header, question, room);
    let rcode = if extras.wants_cookie() { rcode::BADCOOKIE } else { rcode::NOERROR };
    if rcode == rcode::NOERROR {
        message.set_flag(Header::TC);
    }
    message.set_rcode(rcode);
    extras.write(&mut message, rcode, None, None);
    Some(Reply { len: message.finish(), rcode, limit: None })
}
