//! A zone that was signed beforehand: what of its records is the chain that denies, and no name of its own.

use super::draft::{APEX, Draft, Entry};
use crate::dns::rtype::Type;
use crate::snapshot::denial::{Denial, Hash, HashRule, MAX_ITERATIONS, canonical, owner_hash};
use crate::snapshot::zone::{At, Writer};

/// The chain of a signed zone while the zone is written.
pub(super) struct Chain {
    /// `None`: the zone denies by NSEC, if at all.
    rule: Option<HashRule>,
    nsec: Vec<(usize, At)>,
    nsec3: Vec<(Hash, At)>,
    /// Names that are hashes and nothing else, by node.
    hidden: Vec<bool>,
}

/// A rule that would make each negative answer too dear.
pub(super) struct TooDear {
    pub file: u32,
    pub line: u32,
    pub iterations: u16,
}

impl Chain {
    /// `None`: the zone is not signed, which is to say that its SOA is not.
    pub(super) fn of(draft: &Draft) -> Result<Option<Self>, TooDear> {
        if !draft.entries(APEX).any(|entry| covered(draft, entry) == Some(Type::SOA)) {
            return Ok(None);
        }
        let params = draft.entries(APEX).filter(|entry| entry.rtype == Type::NSEC3PARAM);
        // Flags other than 0 speak of a chain that is still being made: RFC 5155 §4.1.2.
        let mut usable =
            params.filter(|entry| draft.data(entry).get(1) == Some(&0)).filter_map(|entry| Some((entry, HashRule::of(draft.data(entry))?)));
        let mut chain = Self { rule: None, nsec: Vec::new(), nsec3: Vec::new(), hidden: Vec::new() };
        if let Some((entry, rule)) = usable.next() {
            if rule.iterations > MAX_ITERATIONS {
                return Err(TooDear { file: entry.file, line: entry.line, iterations: rule.iterations });
            }
            chain.hidden = (0..draft.len())
                .map(|node| draft.entries(node).next().is_some() && draft.entries(node).all(|entry| is_chain(draft, entry)))
                .collect();
            for node in 0..draft.len() {
                if let Some(parent) = draft.parent(node) {
                    // Something real below it: then it exists.
                    chain.hidden[parent] = false;
                }
            }
            chain.rule = Some(rule);
        }
        Ok(Some(chain))
    }

    /// Takes out of a node's records those of the chain and writes them. True: nothing of the name is left.
    pub(super) fn take(&mut self, draft: &Draft, node: usize, entries: &mut Vec<&Entry>, writer: &mut Writer) -> bool {
        let Some(rule) = &self.rule else { return false };
        if !entries.iter().any(|entry| entry.rtype == Type::NSEC3) {
            return false;
        }
        let name = draft.name(node);
        let hash = name.split_first().filter(|(len, label)| usize::from(**len) == label.len()).and_then(|(_, label)| owner_hash(label));
        let record = entries.iter().find(|entry| entry.rtype == Type::NSEC3 && HashRule::of(draft.data(entry)).as_ref() == Some(rule));
        if let (Some(hash), Some(record)) = (hash, record) {
            let at = writer.hidden(name, 0, None);
            writer.set(Type::RRSIG);
            for entry in entries.iter().filter(|entry| covered(draft, entry) == Some(Type::NSEC3)) {
                writer.record(Type::RRSIG, entry.ttl, draft.data(entry));
            }
            writer.set(Type::NSEC3);
            writer.record(Type::NSEC3, record.ttl, draft.data(record));
            self.nsec3.push((hash, at));
        }
        entries.retain(|entry| !is_chain(draft, entry));
        self.hidden[node]
    }

    /// A node was written that is no hash.
    pub(super) fn note(&mut self, node: usize, at: At, is_covered: bool, entries: &[&Entry]) {
        if self.rule.is_none() && !is_covered && entries.iter().any(|entry| entry.rtype == Type::NSEC) {
            self.nsec.push((node, at));
        }
    }

    pub(super) fn finish(mut self, draft: &Draft) -> Denial {
        if let Some(rule) = self.rule
            && !self.nsec3.is_empty()
        {
            return Denial::nsec3(rule, self.nsec3);
        }
        if self.nsec.is_empty() {
            return Denial::None;
        }
        // Signers write in this order, so there is little to sort.
        self.nsec.sort_by(|a, b| canonical(draft.name(a.0), draft.name(b.0)));
        Denial::Nsec(self.nsec.into_iter().map(|(_, at)| at).collect())
    }
}

/// The type that an RRSIG record covers.
fn covered(draft: &Draft, entry: &Entry) -> Option<Type> {
    let &[high, low] = draft.data(entry).first_chunk()?;
    (entry.rtype == Type::RRSIG).then_some(Type(u16::from_be_bytes([high, low])))
}

fn is_chain(draft: &Draft, entry: &Entry) -> bool {
    entry.rtype == Type::NSEC3 || covered(draft, entry) == Some(Type::NSEC3)
}
