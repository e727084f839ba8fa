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

#[cfg(test)]
mod tests {
    use crate::compile::plan::Steered;
    use crate::compile::zone::{Compiled, zone};
    use crate::dns::master::Loader;
    use crate::dns::name::Name;
    use crate::dns::rtype::Type;
    use crate::snapshot::denial::Denial;

    struct NoFiles;

    impl Loader for NoFiles {
        fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
            Err("no files".into())
        }
    }

    const SIGNATURE: &str = "13 2 60 20460101000000 20260101000000 1 x.test. AAAA";

    fn compiled(lines: &str, steered: &[Steered]) -> Compiled {
        let text =
            format!("$ORIGIN x.test.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n{lines}").replace("SIGNATURE", SIGNATURE);
        zone(&Name::parse("x.test").unwrap(), "x.zone", text.into_bytes(), &mut NoFiles, steered)
    }

    #[test]
    fn a_zone_is_signed_when_its_soa_is() {
        let denial = |lines: &str| {
            let compiled = compiled(lines, &[]);
            let zone = compiled.zone.unwrap_or_else(|| panic!("{:?}", compiled.problems));
            zone.denial().map(|denial| match denial {
                Denial::None => "none",
                Denial::Nsec(order) => ["", "nsec", "nsec nsec"][order.len()],
                Denial::Nsec3(_) => "nsec3",
            })
        };
        assert_eq!(denial("@ NSEC ns A\nns RRSIG A SIGNATURE"), None);
        assert_eq!(denial("@ RRSIG SOA SIGNATURE"), Some("none"));
        assert_eq!(denial("@ RRSIG SOA SIGNATURE\nns NSEC @ A\n@ NSEC ns SOA"), Some("nsec nsec"));
        // Below a cut nothing is the zone's to deny with.
        assert_eq!(denial("@ RRSIG SOA SIGNATURE\n@ NSEC cut SOA\ncut NS ns\na.cut NSEC @ A"), Some("nsec"));
        let hash = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
        let nsec3 = format!("@ RRSIG SOA SIGNATURE\n@ NSEC3PARAM 1 0 0 -\n{hash} NSEC3 1 0 0 - {hash} SOA");
        assert_eq!(denial(&nsec3), Some("nsec3"));
        assert_eq!(denial(&nsec3.replace("NSEC3PARAM 1 0 0 -", "NSEC3PARAM 1 0 1 -")), Some("none"), "records of another chain");
        assert_eq!(denial(&nsec3.replace("NSEC3PARAM 1 0", "NSEC3PARAM 1 1")), Some("none"), "a chain that is being made");
    }

    #[test]
    fn hashes_are_no_names() {
        let hash = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
        let nodes = |lines: &str| compiled(lines, &[]).zone.unwrap().nodes();
        let nsec3 = format!("@ RRSIG SOA SIGNATURE\n@ NSEC3PARAM 1 0 0 -\n{hash} NSEC3 1 0 0 - {hash} SOA\n{hash} RRSIG NSEC3 SIGNATURE\n");
        assert_eq!(nodes(&nsec3), 2);
        assert_eq!(nodes(&format!("{nsec3}{hash} TXT \"also a name\"\n")), 3);
        assert_eq!(nodes(&format!("{nsec3}a.{hash} TXT \"something below\"\n")), 4);
    }

    #[test]
    fn too_many_iterations_are_refused() {
        let with = |iterations: u32| compiled(&format!("@ RRSIG SOA SIGNATURE\n@ NSEC3PARAM 1 0 {iterations} -"), &[]);
        assert!(with(2500).zone.is_some());
        let refused = with(2501);
        assert!(refused.zone.is_none());
        assert!(refused.problems.iter().any(|problem| problem.to_string().contains("2501 iterations")), "{:?}", refused.problems);
    }

    #[test]
    fn signatures_keep_their_own_ttl() {
        let compiled = compiled("ns 30 RRSIG A SIGNATURE\nns 40 RRSIG NSEC SIGNATURE", &[]);
        assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
        let zone = compiled.zone.unwrap();
        let path = crate::snapshot::path::Path::read(Name::parse("ns.x.test").unwrap().wire()).unwrap();
        let set = zone.exact(&path, 3).and_then(|node| node.set(Type::RRSIG)).unwrap();
        assert_eq!(set.records().map(|record| record[9]).collect::<Vec<_>>(), [30, 40]);
    }

    #[test]
    fn steering_in_a_signed_zone_is_warned_of() {
        let name = Name::parse("live.x.test").unwrap();
        let steered = Steered { name, http: None, https: None, file: "fleet".into(), line: 1 };
        assert!(compiled("", std::slice::from_ref(&steered)).problems.is_empty());
        let problems = compiled("@ RRSIG SOA SIGNATURE", &[steered]).problems;
        assert!(problems.len() == 1 && !problems[0].is_error(), "{problems:?}");
    }
}
