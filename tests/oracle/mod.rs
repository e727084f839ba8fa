//! A second way to the same answer: the rules of DNS said slowly, over a plain list of records.
//!
//! Nothing of `meridian` is used here, and nothing is clever: names are vectors of labels, and look-ups are searches of the whole list.

use std::collections::BTreeSet;

/// Labels from the left, lower case.
pub(crate) type Name = Vec<Vec<u8>>;

pub(crate) const A: u16 = 1;
pub(crate) const NS: u16 = 2;
pub(crate) const CNAME: u16 = 5;
pub(crate) const SOA: u16 = 6;
pub(crate) const MX: u16 = 15;
pub(crate) const TXT: u16 = 16;
pub(crate) const AAAA: u16 = 28;
pub(crate) const DNAME: u16 = 39;
pub(crate) const DS: u16 = 43;

/// README: chains are followed so far and no further.
const MOST_STEPS: usize = 128;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    pub(crate) owner: Name,
    pub(crate) rtype: u16,
    pub(crate) ttl: u32,
    pub(crate) data: Data,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Data {
    /// NS, CNAME, DNAME, and MX with preference 10.
    Name(Name),
    /// SOA: its minimum. The rest is the same in every zone here.
    Minimum(u32),
    /// A, AAAA, TXT, DS: one byte tells them apart.
    Byte(u8),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) rcode: u16,
    pub(crate) aa: bool,
    pub(crate) answer: BTreeSet<Record>,
    pub(crate) authority: BTreeSet<Record>,
    pub(crate) additional: BTreeSet<Record>,
}

pub(crate) struct Oracle {
    pub(crate) apex: Name,
    pub(crate) records: Vec<Record>,
}

impl Oracle {
    /// `name` lies in the zone.
    pub(crate) fn ask(&self, name: &Name, qtype: u16) -> Said {
        let mut said = Said { aa: true, ..Said::default() };
        let mut current = name.clone();
        let mut visited = BTreeSet::new();
        loop {
            if !below(&current, &self.apex) || visited.len() == MOST_STEPS || !visited.insert(current.clone()) {
                return said;
            }
            if let Some(cut) = self.cover(&current, qtype) {
                if self.has(&cut, NS) && cut != self.apex {
                    return self.refer(said, &cut);
                }
                let dname = self.set(&cut, DNAME).remove(0);
                let Data::Name(target) = &dname.data else { unreachable!("a DNAME has a name") };
                let mut next: Name = current[..current.len() - cut.len()].to_vec();
                next.extend(target.iter().cloned());
                said.answer.insert(dname.clone());
                if next.iter().map(|label| label.len() + 1).sum::<usize>() + 1 > 255 {
                    said.rcode = 6;
                    return said;
                }
                said.answer.insert(Record { owner: current, rtype: CNAME, ttl: dname.ttl, data: Data::Name(next.clone()) });
                if qtype == CNAME {
                    return said;
                }
                current = next;
                continue;
            }
            let Some(source) = self.source(&current) else {
                said.rcode = 3;
                return self.deny(said);
            };
            let own = self.set(&source, qtype);
            let aliases = self.set(&source, CNAME);
            let synthesised = |record: &Record| Record { owner: current.clone(), ..record.clone() };
            if !own.is_empty() {
                said.answer.extend(own.iter().map(synthesised));
                for record in &own {
                    if let (NS | MX, Data::Name(target)) = (record.rtype, &record.data) {
                        self.add_addresses(&mut said, target);
                    }
                }
                return said;
            }
            let Some(alias) = aliases.first() else { return self.deny(said) };
            said.answer.insert(synthesised(alias));
            let Data::Name(target) = &alias.data else { unreachable!("a CNAME has a name") };
            current = target.clone();
        }
    }

    /// The topmost delegation at or above the name, or DNAME above it.
    fn cover(&self, name: &Name, qtype: u16) -> Option<Name> {
        let mut candidates: Vec<Name> = (0..=name.len()).map(|n| name[n..].to_vec()).filter(|n| below(n, &self.apex)).collect();
        candidates.reverse();
        candidates.into_iter().find(|candidate| {
            let is_self = candidate == name;
            let cut = *candidate != self.apex && self.has(candidate, NS) && !(is_self && qtype == DS);
            cut || (!is_self && self.has(candidate, DNAME))
        })
    }

    /// The name whose records answer: itself, or the wildcard of its closest encloser.
    fn source(&self, name: &Name) -> Option<Name> {
        if self.exists(name) {
            return Some(name.clone());
        }
        let encloser = (1..=name.len()).map(|n| name[n..].to_vec()).find(|n| self.exists(n))?;
        let mut wildcard = vec![b"*".to_vec()];
        wildcard.extend(encloser);
        self.exists(&wildcard).then_some(wildcard)
    }

    fn exists(&self, name: &Name) -> bool {
        self.records.iter().any(|record| below(&record.owner, name))
    }

    fn has(&self, name: &Name, rtype: u16) -> bool {
        self.records.iter().any(|record| record.owner == *name && record.rtype == rtype)
    }

    fn set(&self, name: &Name, rtype: u16) -> Vec<Record> {
        self.records.iter().filter(|record| record.owner == *name && record.rtype == rtype).cloned().collect()
    }

    fn deny(&self, mut said: Said) -> Said {
        let soa = self.set(&self.apex, SOA).remove(0);
        let Data::Minimum(minimum) = soa.data else { unreachable!("a SOA has a minimum") };
        said.authority.insert(Record { ttl: soa.ttl.min(minimum), ..soa });
        said
    }

    fn refer(&self, mut said: Said, cut: &Name) -> Said {
        said.aa = !said.answer.is_empty();
        for server in self.set(cut, NS) {
            let Data::Name(target) = server.data.clone() else { unreachable!("an NS has a name") };
            said.authority.insert(server);
            self.add_addresses(&mut said, &target);
        }
        said
    }

    /// Addresses that stand in the zone for a name, or that a wildcard offers, delegations or not.
    fn add_addresses(&self, said: &mut Said, name: &Name) {
        if !below(name, &self.apex) {
            return;
        }
        if let Some(source) = self.source(name) {
            for record in [A, AAAA].into_iter().flat_map(|rtype| self.set(&source, rtype)) {
                said.additional.insert(Record { owner: name.clone(), ..record });
            }
        }
    }
}

fn below(name: &Name, other: &Name) -> bool {
    name.ends_with(other)
}
