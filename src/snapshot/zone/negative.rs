//! The SOA record as negative answers show it, written once: only where the apex stands in the message is filled in.

use super::{RECORD_HEAD, Zone};
use crate::dns::name;
use crate::dns::rtype::{Type, class};

/// Two bytes that point at a name: where they stand in the record, and what they point at.
#[derive(Clone, Copy, Debug)]
struct Pointer {
    at: u16,
    to: To,
}

#[derive(Clone, Copy, Debug)]
enum To {
    /// So many bytes into the apex.
    Apex(u8),
    /// So many bytes into the record itself.
    Own(u16),
}

#[derive(Clone, Debug)]
pub struct Negative {
    bytes: Box<[u8]>,
    pointers: [Option<Pointer>; 3],
    pub ttl: u32,
}

/// Where the TTL of a record stands whose owner is a pointer.
const TTL: usize = 6;
/// A pointer reaches no further (RFC 1035 §4.1.4).
const REACH: usize = 0x3fff;

impl Negative {
    /// None: the zone has no sound SOA record.
    pub(super) fn of(zone: &Zone) -> Option<Self> {
        let soa = zone.apex_node().set(Type::SOA)?;
        let data = soa.data().next()?;
        let server = name::wire_len(data)?;
        let mailbox = name::wire_len(&data[server..])?;
        let numbers: &[u8; 20] = data.get(server + mailbox..)?.try_into().ok()?;
        let minimum = u32::from_be_bytes(*numbers.last_chunk()?);
        let ttl = soa.ttl().min(minimum);
        let mut writing = Writing { bytes: Vec::new(), pointers: [None; 3], used: 0, apex: &zone.apex };
        writing.point(To::Apex(0));
        writing.bytes.extend_from_slice(&Type::SOA.0.to_be_bytes());
        writing.bytes.extend_from_slice(&class::IN.to_be_bytes());
        writing.bytes.extend_from_slice(&ttl.to_be_bytes());
        writing.bytes.extend_from_slice(&[0, 0]);
        let start = writing.bytes.len();
        writing.name(&data[..server], None);
        let taken = writing.bytes.len() - start;
        writing.name(&data[server..server + mailbox], Some((&data[..server], taken)));
        writing.bytes.extend_from_slice(numbers);
        let len = ((writing.bytes.len() - RECORD_HEAD) as u16).to_be_bytes();
        writing.bytes[RECORD_HEAD - 2..RECORD_HEAD].copy_from_slice(&len);
        Some(Self { bytes: writing.bytes.into(), pointers: writing.pointers, ttl })
    }

    /// Writes it to `out` from `at` on, the apex standing at `apex`, and gives its end. None: it does not fit, or is out of reach.
    #[inline]
    pub fn write(&self, out: &mut [u8], at: usize, apex: usize, ttl: u32) -> Option<usize> {
        let end = at + self.bytes.len();
        if end > REACH || apex + name::MAX_NAME > REACH {
            return None;
        }
        let place = out.get_mut(at..end)?;
        place.copy_from_slice(&self.bytes);
        place[TTL..TTL + 4].copy_from_slice(&ttl.to_be_bytes());
        for pointer in self.pointers.iter().flatten() {
            let to = match pointer.to {
                To::Apex(within) => apex + usize::from(within),
                To::Own(within) => at + usize::from(within),
            } as u16;
            let from = usize::from(pointer.at);
            place[from..from + 2].copy_from_slice(&(0xc000 | to).to_be_bytes());
        }
        Some(end)
    }
}

struct Writing<'a> {
    bytes: Vec<u8>,
    pointers: [Option<Pointer>; 3],
    used: usize,
    apex: &'a [u8],
}

impl Writing<'_> {
    fn point(&mut self, to: To) {
        self.pointers[self.used] = Some(Pointer { at: self.bytes.len() as u16, to });
        self.used += 1;
        self.bytes.extend_from_slice(&[0xc0, 0]);
    }

    /// The longest end of it that stands already is pointed at: in the apex, or in the name written just before this one, which took so many bytes.
    fn name(&mut self, name: &[u8], before: Option<(&[u8], usize)>) {
        let own = before.map(|(_, taken)| self.bytes.len() - taken);
        let mut at = 0;
        loop {
            let rest = &name[at..];
            if rest == [0] {
                self.bytes.push(0);
                return;
            }
            if let Some(within) = ends_in(self.apex, rest) {
                return self.point(To::Apex(within as u8));
            }
            if let (Some((before, taken)), Some(own)) = (before, own)
                && let Some(place) = ends_in(before, rest)
                && place < taken
            {
                return self.point(To::Own((own + place) as u16));
            }
            let next = at + 1 + usize::from(name[at]);
            self.bytes.extend_from_slice(&name[at..next]);
            at = next;
        }
    }
}

/// Where the labels of `end` begin in `name`, if it ends in them.
fn ends_in(name: &[u8], end: &[u8]) -> Option<usize> {
    let at = name.len().checked_sub(end.len())?;
    (name::is_at_or_below(name, end)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::super::Writer;
    use super::*;
    use crate::dns::name::Name;
    use crate::snapshot::path::Path;
    use hickory_proto::op::Message;

    /// What another reader of messages makes of it.
    fn shown(apex: &str, server: &str, mailbox: &str, ttl: u32, minimum: u32) -> (String, usize) {
        let wire = |name: &str| Name::parse(name).unwrap().wire().to_vec();
        let path = Path::read(&wire(apex)).unwrap();
        let mut writer = Writer::new(&path, 1, 0);
        writer.node(&[], path.hash(path.count()), 0, None);
        writer.set(Type::SOA);
        let numbers: Vec<u8> = [1u32, 2, 3, 4, minimum].iter().flat_map(|n| n.to_be_bytes()).collect();
        writer.record(Type::SOA, ttl, &[wire(server), wire(mailbox), numbers].concat());
        let zone = writer.finish();
        let negative = Negative::of(&zone).unwrap();
        let mut out = vec![0; 600];
        out[5] = 1;
        out[9] = 1;
        let question = [b"\x04some\x03one".to_vec(), wire(apex), vec![0, 1, 0, 1]].concat();
        out[12..12 + question.len()].copy_from_slice(&question);
        let at = 12 + question.len();
        let end = negative.write(&mut out, at, 12 + 9, negative.ttl).unwrap();
        let message = Message::from_vec(&out[..end]).unwrap();
        (message.authorities[0].to_string(), end - at)
    }

    #[test]
    fn another_reader_sees_the_record() {
        for (apex, server, mailbox, ttl, minimum, text, size) in [
            ("x.test", "ns.x.test", "h.x.test", 300, 60, "x.test. 60 IN SOA ns.x.test. h.x.test. 1 2 3 4 60", 12 + 5 + 4 + 20),
            ("x.test", "x.test", "a.b.x.test", 30, 60, "x.test. 30 IN SOA x.test. a.b.x.test. 1 2 3 4 60", 12 + 2 + 6 + 20),
            ("x.test", "ns.x.test", "me.ns.x.test", 9, 9, "x.test. 9 IN SOA ns.x.test. me.ns.x.test. 1 2 3 4 9", 12 + 5 + 5 + 20),
            ("x.test", "a.ns.other", "h.ns.other", 9, 9, "x.test. 9 IN SOA a.ns.other. h.ns.other. 1 2 3 4 9", 12 + 12 + 4 + 20),
            ("x.test", "ns.other", "h.elsewhere", 9, 9, "x.test. 9 IN SOA ns.other. h.elsewhere. 1 2 3 4 9", 12 + 10 + 13 + 20),
            ("x.test", "ax.test", ".", 9, 9, "x.test. 9 IN SOA ax.test. . 1 2 3 4 9", 12 + 5 + 1 + 20),
            ("a.b.test", "ns.b.test", "h.c.test", 9, 9, "a.b.test. 9 IN SOA ns.b.test. h.c.test. 1 2 3 4 9", 12 + 5 + 6 + 20),
            (".", "a.root.test", "b.root.test", 9, 9, ". 9 IN SOA a.root.test. b.root.test. 1 2 3 4 9", 12 + 13 + 4 + 20),
        ] {
            let (seen, len) = shown(apex, server, mailbox, ttl, minimum);
            assert_eq!((seen.as_str(), len), (text, size), "{apex} {server} {mailbox}");
        }
    }
}
