//! A zone's text and steered names in, the zone made for look-up out.

use super::chain::{Chain, TooDear};
use super::draft::{APEX, Draft, Entry, Outside};
use crate::dns::master::{self, Loader};
use crate::dns::name::Name;
use crate::dns::rdata;
use crate::dns::rtype::Type;
use crate::document::Problem;
use crate::snapshot::path::Path;
use crate::snapshot::zone::{At, Found, Writer, Zone, flag};

/// Problems told of one zone; a file of the wrong kind has one on every line.
const MAX_PROBLEMS: usize = 100;
/// More records of one type at one name fit into no message, so none could ever be answered.
const MAX_SET: usize = 65_535;

/// A name whose addresses are steered, as the zone needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steered {
    pub name: Name,
    pub ttl: u32,
    /// Type and data of each record.
    pub records: Vec<(Type, Vec<u8>)>,
    /// Where it was asked for.
    pub file: String,
    pub line: u32,
}

/// What came of compiling a zone.
#[derive(Debug)]
pub struct Compiled {
    /// None when the zone's file is not sound.
    pub zone: Option<Zone>,
    pub problems: Vec<Problem>,
    /// Every file that was read.
    pub files: Vec<String>,
}

/// `text` is taken, so that it is gone before the zone is written: that halves the peak of memory.
pub fn zone(apex: &Name, shown: &str, text: Vec<u8>, loader: &mut dyn Loader, steered: &[Steered]) -> Compiled {
    let path = Path::read(apex.wire()).expect("a name has a path");
    let mut draft = Draft::new(&path, text.len());
    let mut outside: Vec<(u32, u32, Name)> = Vec::new();
    let reading = master::read(shown, &text, apex, loader, &mut |record| {
        let added = draft.add(record.owner, record.rtype, record.ttl, record.rdata, record.file, record.line);
        if let Err(Outside) = added
            && outside.len() < MAX_PROBLEMS
            && let Ok(owner) = Name::from_wire(record.owner)
        {
            outside.push((record.file, record.line, owner));
        }
    });
    drop(text);
    let mut checker = Checker { files: &reading.files, problems: reading.problems };
    for (file, line, owner) in outside {
        checker.error(
            file,
            line,
            format!("{owner} is not in zone {apex}"),
            "end relative names without a dot, or put the record into its own zone's file",
        );
    }
    if checker.problems.iter().any(Problem::is_error) {
        return Compiled { zone: None, problems: checker.problems, files: reading.files };
    }
    let mut conflicts = Vec::new();
    for name in steered {
        match conflict(&draft, &path, name) {
            Some(what) => conflicts.push(Problem::error(&name.file, name.line, what).at(format!("hostname {}", name.name))),
            None => {
                for (rtype, data) in &name.records {
                    // Its name was found to lie in the zone.
                    let _ = draft.add(name.name.wire(), *rtype, name.ttl, data, u32::MAX, name.line);
                }
            }
        }
    }
    let zone = write(&draft, &path, apex, &mut checker);
    if zone.denial().is_some() {
        for name in steered {
            let what = format!("lies in zone {apex}, whose file is signed: its steered addresses have no signatures");
            let hint = "validating resolvers refuse them; take the signatures out of the file, or steer a name of another zone";
            conflicts.push(Problem::warning(&name.file, name.line, what).at(format!("hostname {}", name.name)).hint(hint));
        }
    }
    let mut problems = checker.problems;
    let sound = !problems.iter().any(Problem::is_error);
    problems.extend(conflicts);
    problems.truncate(MAX_PROBLEMS);
    Compiled { zone: sound.then_some(zone), problems, files: reading.files }
}

/// Why a name can't be steered in this zone.
fn conflict(draft: &Draft, apex: &Path, steered: &Steered) -> Option<String> {
    let path = Path::read(steered.name.wire())?;
    let has = |node: usize, rtype: Type| draft.entries(node).any(|entry| entry.rtype == rtype);
    for depth in apex.count()..=path.count() {
        let Some(node) = draft.find(&path, depth) else { break };
        if node != APEX && has(node, Type::NS) {
            return Some("lies at or below a delegation (NS) in the zone's file: its answers would never be asked for here".into());
        }
        if has(node, Type::DNAME) {
            return Some("lies at or below a DNAME in the zone's file, which renames it".into());
        }
    }
    let node = draft.find(&path, path.count())?;
    [Type::CNAME, Type::A, Type::AAAA]
        .into_iter()
        .find(|&rtype| has(node, rtype))
        .map(|rtype| format!("has a static {rtype} record in the zone's file; a name is steered or static, so remove one of the two"))
}

struct Checker<'f> {
    files: &'f [String],
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn file(&self, file: u32) -> &str {
        self.files.get(file as usize).map_or("", String::as_str)
    }

    fn error(&mut self, file: u32, line: u32, what: String, hint: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            let problem = Problem::error(self.file(file), line, what).hint(hint);
            self.problems.push(problem);
        }
    }

    fn warning(&mut self, file: u32, line: u32, what: String, hint: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            let problem = Problem::warning(self.file(file), line, what).hint(hint);
            self.problems.push(problem);
        }
    }
}

/// Writes the zone and finds what is wrong with it on the way.
fn write(draft: &Draft, apex: &Path, apex_name: &Name, checker: &mut Checker<'_>) -> Zone {
    let mut writer = Writer::new(apex, draft.len(), draft.size());
    let mut covers: Vec<Option<At>> = Vec::with_capacity(draft.len());
    let mut places: Vec<(At, u8)> = Vec::with_capacity(draft.len());
    let mut delegations = Vec::new();
    let mut scratch: Vec<&Entry> = Vec::new();
    let mut chain = Chain::of(draft).unwrap_or_else(|TooDear { file, line, iterations }| {
        checker.error(
            file,
            line,
            format!("NSEC3 of {iterations} iterations: each negative answer would hash that often"),
            "sign the zone with 0 iterations and no salt (RFC 9276); 2,500 is the most that is served",
        );
        None
    });
    for node in 0..draft.len() {
        scratch.clear();
        scratch.extend(draft.entries(node));
        // Stable: records of one type stay in the order of the file.
        scratch.sort_by_key(|entry| entry.rtype);
        if let Some(chain) = &mut chain
            && chain.take(draft, node, &mut scratch, &mut writer)
        {
            covers.push(None);
            // Nothing is below it, so nobody looks.
            places.push((places[APEX].0, 0));
            continue;
        }
        let has = |rtype: Type| scratch.iter().any(|entry| entry.rtype == rtype);
        let mut flags = 0;
        if node != APEX && has(Type::NS) {
            flags |= flag::CUT;
        }
        for (rtype, bit) in [(Type::DNAME, flag::DNAME), (Type::CNAME, flag::CNAME)] {
            if has(rtype) {
                flags |= bit;
            }
        }
        if draft.has_wildcard(node) {
            flags |= flag::HAS_WILDCARD;
        }
        let cover = draft.parent(node).and_then(|parent| {
            let (at, parent_flags) = places[parent];
            covers[parent].or_else(|| (parent_flags & (flag::CUT | flag::DNAME) != 0).then_some(at))
        });
        if let Some(parent) = draft.parent(node)
            && cover.is_some()
            && let Some(entry) = scratch.first()
            && below_dname(&places, draft, parent)
        {
            let owner = full(draft, node, apex_name);
            checker.error(
                entry.file,
                entry.line,
                format!("{owner} is below a DNAME"),
                "a DNAME renames all names below its own, so remove one of the two",
            );
        }
        check_node(draft, node, apex_name, &scratch, checker);
        let at = writer.node(draft.name(node), draft.hash(node), flags, cover);
        covers.push(cover);
        places.push((at, flags));
        if let Some(chain) = &mut chain {
            chain.note(node, at, cover.is_some(), &scratch);
        }
        for set in scratch.chunk_by(|a, b| a.rtype == b.rtype) {
            write_set(draft, node, apex_name, set, &mut writer, checker);
        }
        delegations.extend(scratch.iter().filter(|entry| entry.rtype == Type::NS).map(|entry| (node, *entry)));
    }
    if let Some(chain) = chain {
        writer.deny(chain.finish(draft));
    }
    let zone = writer.finish();
    for (node, entry) in delegations {
        check_server(&zone, draft, node, entry, apex_name, checker);
    }
    zone
}

fn write_set(draft: &Draft, node: usize, apex: &Name, set: &[&Entry], writer: &mut Writer, checker: &mut Checker<'_>) {
    let first = set[0];
    writer.set(first.rtype);
    // Signatures have the TTL of what they sign, so those of one name differ (RFC 4034 §3).
    let is_signatures = first.rtype == Type::RRSIG;
    if let Some(other) = set.iter().find(|entry| entry.ttl != first.ttl)
        && !is_signatures
    {
        let owner = full(draft, node, apex);
        let what = format!("{owner} {} has records of TTL {} and {}", first.rtype, first.ttl, other.ttl);
        checker.warning(
            other.file,
            other.line,
            what,
            "all records of one name and type share one TTL (RFC 2181 §5.2); the first one is used",
        );
    }
    if set.len() == 1 {
        return writer.record(first.rtype, first.ttl, draft.data(first));
    }
    // Twice the same is once (RFC 2181 §5), whatever the case of the names in it.
    let mut seen = std::collections::HashSet::with_capacity(set.len());
    for entry in set {
        let data = draft.data(entry);
        let mut canonical = data.to_vec();
        rdata::to_canonical(first.rtype, &mut canonical);
        if seen.insert(canonical) {
            writer.record(first.rtype, if is_signatures { entry.ttl } else { first.ttl }, data);
        }
    }
    if seen.len() > MAX_SET {
        let owner = full(draft, node, apex);
        checker.error(
            first.file,
            first.line,
            format!("{owner} has {} {} records", seen.len(), first.rtype),
            "no answer can carry more than 65,535",
        );
    }
}

fn check_node(draft: &Draft, node: usize, apex: &Name, entries: &[&Entry], checker: &mut Checker<'_>) {
    if node == APEX && entries.iter().all(|entry| entry.rtype != Type::SOA) {
        checker.error(
            0,
            0,
            format!("zone {apex} has no SOA record at its apex"),
            "every zone starts with one: `@ IN SOA ns1 hostmaster 1 1h 15m 2w 60`",
        );
    }
    if node == APEX && entries.iter().all(|entry| entry.rtype != Type::NS) {
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

fn below_dname(places: &[(At, u8)], draft: &Draft, mut node: usize) -> bool {
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
fn check_server(zone: &Zone, draft: &Draft, node: usize, entry: &Entry, apex: &Name, checker: &mut Checker<'_>) {
    let Some(path) = Path::read(draft.data(entry)) else { return };
    if path.count() < zone.labels() || path.suffix(zone.labels()) != zone.apex() {
        return;
    }
    let target = Name::from_wire(path.wire()).unwrap_or_else(|_| Name::root());
    let owner = full(draft, node, apex);
    let found = zone.find(&path);
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
    } else if server.is_none_or(|server| server.set(Type::A).is_none() && server.set(Type::AAAA).is_none()) {
        let what = format!("NS of {owner} is {target}, which has no address in the zone");
        checker.warning(entry.file, entry.line, what, "add its A or AAAA record: without that glue resolvers can't reach it");
    }
}

fn full(draft: &Draft, node: usize, apex: &Name) -> Name {
    let mut wire = draft.name(node).to_vec();
    wire.extend_from_slice(apex.wire());
    Name::from_wire(&wire).unwrap_or_else(|_| apex.clone())
}
