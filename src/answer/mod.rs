//! Question bytes and a snapshot in, answer bytes out.
//!
//! Owns   every rule of what an authoritative server says.
//! Takes  the query's bytes, who sent it and over what, the snapshot, the time.
//! Gives  the answer's bytes, and a `Reply` that says what kind of answer it is.
//! Never  sends, counts, logs, locks or allocates.

mod ahead;
mod along;
mod chaos;
mod cookie;
mod edns;
mod limit;
mod lookup;
mod message;
mod proof;
mod shape;
mod slip;
mod steered;
mod trail;
mod why;
mod writing;

use crate::clock::Now;
use crate::dns::rtype::{Type, class};
use crate::dns::wire::{HEADER, Header, Malformed, PLAIN_UDP, Query, Question, Tsig, rcode, read_query};
use crate::snapshot::path::Path;
use crate::snapshot::{Serving, Snapshot};
pub use ahead::{AHEAD, Ahead};
pub use slip::slip;
pub use why::{By, Located, Of, Why};

use edns::Extras;
use limit::Imputed;
use message::Message;
use std::net::SocketAddr;
use steered::Client;

/// What carried the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Udp,
    Tcp,
}

/// One query as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub bytes: &'a [u8],
    pub peer: SocketAddr,
    pub over: Over,
    /// One more with each query of a worker; what is random or in turn comes from here.
    pub seed: u64,
    /// The name in its question, where that was made ready before.
    pub path: Option<&'a Path>,
}

/// What `handle` wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send the first `Reply::len` bytes of `out`.
    Reply(Reply),
    /// Say nothing.
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    pub len: usize,
    /// The extended RCODE.
    pub rcode: u16,
    /// What the answer counts as where answers are limited: its kind, and the name it is imputed to. `None`: it is not limited, for a cookie shows who asks.
    pub limit: Option<u64>,
}

/// `out` holds at least 1,232 bytes over UDP and 65,535 over TCP; no more than its length is written.
pub fn handle(now: Now, snapshot: &Snapshot, ask: &Ask<'_>, out: &mut [u8]) -> Verdict {
    answer(now, snapshot, ask, out, None)
}

/// The same, with the reasons where a steered name was come upon.
pub fn explained(now: Now, snapshot: &Snapshot, ask: &Ask<'_>, out: &mut [u8]) -> (Verdict, Option<Why>) {
    let mut why = None;
    (answer(now, snapshot, ask, out, Some(&mut why)), why)
}

#[inline(always)]
fn answer(now: Now, snapshot: &Snapshot, ask: &Ask<'_>, out: &mut [u8], why: Option<&mut Option<Why>>) -> Verdict {
    let Some(header) = Header::read(ask.bytes) else { return Verdict::Drop };
    if header.is_response() {
        return Verdict::Drop;
    }
    if header.opcode() != 0 {
        return bare(&header, rcode::NOTIMP, out);
    }
    let query = match read_query(ask.bytes, &header) {
        Ok(query) => query,
        Err(seen) => return malformed(ask, &header, &seen, out),
    };
    let room = room(snapshot, ask, &query, out.len());
    let question = query.question.map_or(&[][..], |q| &ask.bytes[HEADER..q.end]);
    let extras = Extras::new(now, snapshot, ask, query.edns, room - HEADER - question.len());
    let mut message = Message::new(out, &header, question, room - extras.len());
    let say = if query.edns.is_some_and(|edns| edns.version > 0) {
        Say::plain(rcode::BADVERS)
    } else if extras.is_malformed() {
        Say::plain(rcode::FORMERR)
    } else if let Some(tsig) = query.tsig {
        // No keys yet, so every key is unknown: RFC 8945 §5.2.1. The record stays the last one.
        extras.write(&mut message, rcode::NOTAUTH, None, None);
        bad_key(&mut message, &tsig);
        message.set_rcode(rcode::NOTAUTH);
        return Verdict::Reply(Reply { len: message.finish(), rcode: rcode::NOTAUTH, limit: limited(&extras, limit::NAMELESS) });
    } else {
        match query.question {
            Some(question) => decide(snapshot, ask, &question, &extras, &mut message, why),
            None => Say::plain(extras.rcode_without_question()),
        }
    };
    finish(&mut message, &extras, &say)
}

/// The end of deciding: an RCODE, and why if a client may want to know.
struct Say {
    rcode: u16,
    ede: Option<edns::Ede>,
    /// Bits of the client's network that the answer depends on.
    scope: Option<u8>,
    limit: u64,
}

impl Say {
    const fn plain(rcode: u16) -> Self {
        Self { rcode, ede: None, scope: None, limit: limit::NAMELESS }
    }

    const fn because(rcode: u16, ede: edns::Ede) -> Self {
        Self { rcode, ede: Some(ede), scope: None, limit: limit::NAMELESS }
    }
}

fn decide(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
    question: &Question<'_>,
    extras: &Extras<'_>,
    message: &mut Message<'_>,
    why: Option<&mut Option<Why>>,
) -> Say {
    let mut own;
    let path = match ask.path {
        Some(path) => {
            debug_assert!(path.wire().eq_ignore_ascii_case(question.name), "the name of another question");
            path
        }
        None => {
            own = Path::ROOT;
            if !own.fill(question.name) {
                return Say::plain(rcode::FORMERR);
            }
            &own
        }
    };
    match question.qclass {
        class::IN | class::ANY => {}
        class::CH => return chaos::answer(&snapshot.manners, path, question.qtype, message),
        _ => return Say::because(rcode::REFUSED, edns::Ede::NotAuthoritative),
    }
    let serving = snapshot.zones.answering(path, question.qtype);
    if matches!(question.qtype, Type::AXFR | Type::IXFR) && serving.is_none_or(|zone| zone.apex() != path.wire()) {
        return Say::because(rcode::NOTAUTH, edns::Ede::NotAuthoritative);
    }
    let (zone, services) = match serving {
        None => return Say::because(rcode::REFUSED, edns::Ede::NotAuthoritative),
        Some(Serving::Broken(_)) => return Say::because(rcode::SERVFAIL, edns::Ede::NotReady),
        Some(Serving::Zone(zone, services)) => (zone, services),
    };
    match question.qtype {
        Type::AXFR | Type::IXFR => return Say::because(rcode::REFUSED, edns::Ede::Prohibited),
        Type::OPT | Type::TSIG => return Say::plain(rcode::FORMERR),
        _ => {}
    }
    if question.qclass == class::IN {
        message.set_flag(Header::AA);
    }
    let mut client = Client {
        guide: &snapshot.guide,
        services,
        peer: ask.peer.ip(),
        subnet: extras.subnet(),
        seed: ask.seed,
        scope: None,
        imputed: Imputed::to(path),
        why,
    };
    let rcode = lookup::answer(zone, &mut client, path, question, extras.wants_signatures(), message);
    let limit = client.imputed.key(rcode, message.has_answers(), path.hash(zone.labels()));
    Say { rcode, ede: None, scope: client.scope, limit }
}

fn finish(message: &mut Message<'_>, extras: &Extras<'_>, say: &Say) -> Verdict {
    message.set_rcode(say.rcode);
    message.release(extras.len());
    extras.write(message, say.rcode, say.ede, say.scope);
    Verdict::Reply(Reply { len: message.finish(), rcode: say.rcode, limit: limited(extras, say.limit) })
}

/// Nobody is limited whose cookie is good.
fn limited(extras: &Extras<'_>, key: u64) -> Option<u64> {
    (!extras.is_known()).then_some(key)
}

/// How long the answer may become.
fn room(snapshot: &Snapshot, ask: &Ask<'_>, query: &Query<'_>, out: usize) -> usize {
    match ask.over {
        Over::Tcp => out,
        Over::Udp => match query.edns {
            Some(edns) => usize::from(edns.payload.min(snapshot.manners.udp_size)).max(PLAIN_UDP).min(out),
            None => PLAIN_UDP,
        },
    }
}

/// A header and nothing else.
fn bare(header: &Header, rcode: u16, out: &mut [u8]) -> Verdict {
    let mut message = Message::new(out, header, &[], PLAIN_UDP);
    message.set_rcode(rcode);
    Verdict::Reply(Reply { len: message.finish(), rcode, limit: Some(limit::NAMELESS) })
}

fn malformed(ask: &Ask<'_>, header: &Header, seen: &Malformed<'_>, out: &mut [u8]) -> Verdict {
    let question = seen.question.map_or(&[][..], |q| &ask.bytes[HEADER..q.end]);
    let mut message = Message::new(out, header, question, PLAIN_UDP);
    message.set_rcode(rcode::FORMERR);
    Verdict::Reply(Reply { len: message.finish(), rcode: rcode::FORMERR, limit: Some(limit::NAMELESS) })
}

fn bad_key(message: &mut Message<'_>, tsig: &Tsig<'_>) {
    const BADKEY: [u8; 2] = [0, 17];
    let head = [0, 250, 0, 255, 0, 0, 0, 0];
    let len = (tsig.algorithm.len() + 16) as u16;
    message.raw_additional(&[
        tsig.key,
        &head,
        &len.to_be_bytes(),
        tsig.algorithm,
        &tsig.time,
        &tsig.fudge,
        &[0, 0],
        &tsig.original_id,
        &BADKEY,
        &[0, 0],
    ]);
}
