//! The rules a zone must keep: what is refused, and what is only warned of.

use super::draft::{APEX, Draft, Entry};
use super::zone::MAX_PROBLEMS;
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::document::Problem;
use crate::snapshot::path::Path;
use crate::snapshot::zone::{At, Found, Node, Zone, flag};

pub(super) struct Checker<'f> {
    pub(super) files: &'f [String],
    pub(super) problems: Vec<Problem>,
    pub(super) errors: usize,
    pub(super) warnings: usize,
    /// Some records could not be read: that others are missing says nothing.
    pub(super) is_partial: bool,
}

impl Checker<'_> {
    pub(super) fn file(&self, file: u32) -> &str {
        self.files.get(file as usize).map_or("", String::as_str)
    }

    /// Errors and warnings have a count each: many warnings must not hide the error after them.
    pub(super) fn tell(&mut self, problem: Problem) {
        let told = if problem.is_error() { &mut self.errors } else { &mut self.warnings };
        *told += 1;
        if *told <= MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    pub(super) fn error(&mut self, file: u32, line: u32, what: String, hint: &str) {
        self.tell(Problem::error(self.file(file), line, what).hint(hint));
    }

    pub(super) fn warning(&mut self, file: u32, line: u32, what: String, hint: &str) {
        self.tell(Problem::warning(self.file(file), line, what).hint(hint));
    }
}

pub(super) fn check_node(draft: &Draft, node: usize, apex: &Name, entries: &[&Entry], checker: &mut Checker<'_>) {
    let must_be_whole = node == APEX && !checker.is_partial;
    if must_be_whole && entries.iter().all(|entry| entry.rtype != Type::SOA) {
        checker.error(
            0,
            0,
            format!("zone {apex} has no SOA record at its apex"),
            "every zone starts with one: `@ IN SOA ns1 hostmaster 1 1h 15m 2w 60`",
        );
    }
    if must_be_whole && entries.iter().all(|entry| entry.rtype != Type::NS) {
        checker.error(0, 0, format!("zone {apex} has no NS record at its apex"), "name its servers: `@ IN NS ns1`");
    }
    let mut soa = entries.iter().filter(|entry| entry.rtype == Type::SOA);
    if let Some(entry) =
        if node == APEX { soa.next().and_then(|first| soa.find(|e| draft.data(e) != draft.data(first))) } else { soa.next() }
    {
        let owner = full(draft, node, apex);
        let what = if node == APEX {
            format!("zone {apex} has a second SOA record")
        } else {
            format!("SOA at {owner}, which is not the apex of zone {apex}")
        };
        checker.error(entry.file, entry.line, what, "a zone has one SOA record, at its apex");
    }
    if draft.name(node).starts_with(b"\x01*")
        && let Some(entry) = entries.iter().find(|entry| entry.rtype == Type::NS)
    {
        let owner = full(draft, node, apex);
        checker.warning(
            entry.file,
            entry.line,
            format!("NS at the wildcard {owner}"),
            "what that means is undefined (RFC 4592 §4.2) and servers differ",
        );
    }
    for rtype in [Type::CNAME, Type::DNAME] {
        let mut of_type = entries.iter().filter(|entry| entry.rtype == rtype);
        if let Some(first) = of_type.next()
            && let Some(second) = of_type.find(|entry| !draft.data(entry).eq_ignore_ascii_case(draft.data(first)))
        {
            let owner = full(draft, node, apex);
            checker.error(second.file, second.line, format!("{owner} has a second {rtype} record"), "a name has one at most");
        }
    }
    if let Some(cname) = entries.iter().find(|entry| entry.rtype == Type::CNAME)
        && let Some(other) = entries.iter().find(|entry| !may_stand_beside_cname(entry.rtype))
    {
        let owner = full(draft, node, apex);
        let (late, what) = if other.line > cname.line && other.file == cname.file {
            (other, format!("{owner} has {} beside a CNAME", other.rtype))
        } else {
            (cname, format!("{owner} has a CNAME beside {}", other.rtype))
        };
        checker.error(late.file, late.line, what, "a name with a CNAME has no other data (RFC 1034 §3.6.2)");
    }
}

/// The types that describe the CNAME itself (RFC 4034, RFC 2535).
fn may_stand_beside_cname(rtype: Type) -> bool {
    matches!(rtype, Type::CNAME | Type::RRSIG | Type::NSEC | Type(24 | 25 | 30))
}

pub(super) fn below_dname(places: &[(At, u8)], draft: &Draft, mut node: usize) -> bool {
    loop {
        if places[node].1 & flag::DNAME != 0 {
            return true;
        }
        match draft.parent(node) {
            Some(parent) => node = parent,
            None => return false,
        }
    }
}

/// An NS record whose target is in this zone: it must have an address, and be no alias.
/// The hashes of the names that decide it are added to `names`.
pub(super) fn check_server(
    zone: &Zone,
    draft: &Draft,
    (node, entry): (usize, &Entry),
    apex: &Name,
    checker: &mut Checker<'_>,
    names: &mut Vec<u32>,
) {
    let Some(path) = Path::read(draft.data(entry)) else { return };
    if path.count() < zone.labels() || path.suffix(zone.labels()) != zone.apex() {
        return;
    }
    let target = Name::from_wire(path.wire()).unwrap_or_else(|_| Name::root());
    let owner = full(draft, node, apex);
    let found = zone.find(&path);
    if !matches!(found, Found::Covered(..)) {
        names.push(path.hash(path.count()));
        let is_bare = |depth: &usize| zone.exact(&path, *depth).is_none_or(Node::is_bare);
        names.extend((zone.labels() + 1..=path.count()).rev().take_while(is_bare).map(|depth| path.hash(depth)));
    }
    let server = match found {
        Found::Node(server) => Some(server),
        // Glue of another delegation; needed here only below this very cut.
        Found::Covered(cover, depth) => {
            let own = cover.name() == draft.name(node) && node != APEX;
            match zone.exact(&path, path.count()) {
                None if !own && depth > zone.labels() => return,
                server => server,
            }
        }
        Found::Missing(encloser, depth) => zone.wildcard(encloser, &path, depth),
    };
    if server.is_some_and(|server| server.flags() & flag::CNAME != 0) {
        let what = format!("NS of {owner} is {target}, which is a CNAME");
        checker.warning(entry.file, entry.line, what, "many resolvers refuse that (RFC 2181 §10.3); name a host that has addresses itself");
    } else if !checker.is_partial && server.is_none_or(|server| server.set(Type::A).is_none() && server.set(Type::AAAA).is_none()) {
        let what = format!("NS of {owner} is {target}, which has no address in the zone");
        checker.warning(entry.file, entry.line, what, "add its A or AAAA record: without that glue resolvers can't reach it");
    }
}

pub(super) fn full(draft: &Draft, node: usize, apex: &Name) -> Name {
    let mut wire = draft.name(node).to_vec();
    wire.extend_from_slice(apex.wire());
    Name::from_wire(&wire).unwrap_or_else(|_| apex.clone())
}
