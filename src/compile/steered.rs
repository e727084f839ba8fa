//! Hostnames in their zone: what they own there, and what is in their way.

use super::draft::Draft;
use super::plan::Steered;
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::document::Problem;
use crate::snapshot::path::Path;
use crate::snapshot::zone::{Node, Part, Zone};
use std::collections::HashSet;

/// Puts the hostnames into the draft; those that can't be there are told of and left out.
pub(super) fn steer(draft: &mut Draft, apex: &Path, steered: &[Steered]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if steered.is_empty() {
        return problems;
    }
    let (servers, nodes) = (servers(draft), draft.len());
    for (number, hostname) in steered.iter().enumerate() {
        let ground = Ground::Draft { draft, servers: &servers, nodes };
        for (path, part) in claim(&ground, apex, hostname, &mut problems) {
            draft.steer(&path, number, part);
        }
    }
    problems
}

/// What the zone's file has, wherever it is read from. What hostnames do to each other is the fleet's concern.
pub(super) enum Ground<'a> {
    /// `servers` are the names of all name servers in lower case; the first `nodes` names are those of the file.
    Draft {
        draft: &'a Draft,
        servers: &'a HashSet<Vec<u8>>,
        nodes: usize,
    },
    Zone(&'a Zone),
}

/// A name that stands there.
#[derive(Clone, Copy)]
enum Spot<'a> {
    Draft(&'a Draft, usize),
    Zone(Node<'a>),
}

impl Spot<'_> {
    fn has(self, rtype: Type) -> bool {
        match self {
            Self::Draft(draft, node) => draft.entries(node).any(|entry| entry.rtype == rtype),
            Self::Zone(node) => node.set(rtype).is_some(),
        }
    }
}

impl<'a> Ground<'a> {
    fn find(&self, path: &Path, depth: usize) -> Option<Spot<'a>> {
        match self {
            Self::Draft { draft, .. } => draft.find(path, depth).map(|node| Spot::Draft(draft, node)),
            Self::Zone(zone) => zone.exact(path, depth).map(Spot::Zone),
        }
    }

    /// Data at this suffix of the name, or below it.
    fn is_used(&self, path: &Path, depth: usize) -> bool {
        match self {
            Self::Draft { draft, nodes, .. } => draft.find(path, depth).is_some_and(|node| node < *nodes),
            Self::Zone(zone) => zone.exact(path, depth).is_some_and(|node| {
                // An empty one may be there for hostnames only.
                !node.is_bare() || zone.each().any(|other| !other.is_bare() && is_below(other.name(), node.name()))
            }),
        }
    }

    /// `path` lies at or below no delegation.
    fn is_server(&self, path: &Path) -> bool {
        match self {
            Self::Draft { servers, .. } => servers.contains(path.wire()),
            Self::Zone(zone) => zone.is_server(path),
        }
    }
}

/// The names that a hostname takes, and what of it stands at each; those it can't take are told of and left out.
pub(super) fn claim(ground: &Ground<'_>, apex: &Path, hostname: &Steered, problems: &mut Vec<Problem>) -> Vec<(Path, Part)> {
    let mut tell = |what: String, hint: &str| {
        let at = format!("hostname {}", hostname.name);
        problems.push(Problem::error(&hostname.file, hostname.line, what).at(at).hint(hint));
    };
    let mut claimed = Vec::with_capacity(3);
    let Some(path) = Path::read(hostname.name.wire()) else { return claimed };
    if let Some((what, hint)) = conflict(ground, apex, &path) {
        tell(what, hint);
        return claimed;
    }
    if let Some(panels) = &hostname.http {
        match service(&hostname.name) {
            Ok(service) => match taken(ground, &path, &service, Type::SRV) {
                Some(what) => tell(what, "`http` adds that name: remove the record, or leave out `http`"),
                None => claimed.push((service, Part::Service)),
            },
            Err(what) => tell(what, "shorten the name, or leave out `http`"),
        }
        // Where nothing is, nothing is below.
        let is_there = ground.find(&path, path.count()).is_some();
        for panel in panels.iter().filter(|_| is_there) {
            // A name too long is the fleet's problem.
            let Ok(target) = below(&hostname.name, panel) else { continue };
            // Of several labels the last one is the first that has to be free.
            if (path.count() + 1..=target.count()).any(|depth| ground.is_used(&target, depth)) {
                let what = format!("the zone's file has data at or below {panel}.{}, which SRV records point at", hostname.name);
                tell(what, "`http` adds that name for the panel: remove the data, or leave out `http`");
            }
        }
    }
    if let Some(port) = hostname.https {
        if hostname.http.is_none() && ground.find(&path, path.count()).is_some_and(|spot| spot.has(Type::HTTPS)) {
            tell("has a static HTTPS record in the zone's file".into(), "`https` adds one: remove the record, or leave out `https`");
        }
        if !hostname.name.is_wildcard() {
            match binding(&hostname.name, port) {
                Ok(binding) => match taken(ground, &path, &binding, Type::HTTPS) {
                    Some(what) => tell(what, "`https` adds that name: remove the record, or leave out `https`"),
                    None => claimed.push((binding, Part::Binding)),
                },
                Err(what) => tell(what, "shorten the name, or leave out `https`"),
            }
        }
    }
    claimed.push((path, Part::Host));
    claimed
}

/// All that a hostname takes where nothing is in its way. None: some name is too long.
pub(super) fn whole(hostname: &Steered) -> Option<Vec<(Path, Part)>> {
    let mut names = vec![(Path::read(hostname.name.wire())?, Part::Host)];
    if hostname.http.is_some() {
        names.push((service(&hostname.name).ok()?, Part::Service));
    }
    if let Some(port) = hostname.https.filter(|_| !hostname.name.is_wildcard()) {
        names.push((binding(&hostname.name, port).ok()?, Part::Binding));
    }
    Some(names)
}

fn service(name: &Name) -> Result<Path, String> {
    below(name, "_http._tcp")
}

fn binding(name: &Name, port: u16) -> Result<Path, String> {
    below(name, &format!("_{port}._https"))
}

fn below(name: &Name, labels: &str) -> Result<Path, String> {
    let text = format!("{labels}.{name}");
    let name = Name::parse(&text).map_err(|error| format!("{text} can't be: {error}"))?;
    Path::read(name.wire()).ok_or_else(|| format!("{text} can't be"))
}

/// Why a record of ours can't stand at this name below the hostname's.
fn taken(ground: &Ground<'_>, hostname: &Path, path: &Path, rtype: Type) -> Option<String> {
    let has = |depth: usize, rtypes: &[Type]| {
        let spot = ground.find(path, depth)?;
        rtypes.iter().copied().find(|rtype| spot.has(*rtype)).map(|rtype| (depth, rtype))
    };
    // What is delegated or renamed on the way there is not this zone's to answer.
    let above = || (hostname.count() + 1..path.count()).find_map(|depth| has(depth, &[Type::NS, Type::DNAME]));
    let (depth, found) = has(path.count(), &[rtype, Type::CNAME, Type::DNAME, Type::NS]).or_else(above)?;
    let name = Name::from_wire(path.suffix(depth)).unwrap_or_else(|_| Name::root());
    Some(format!("the zone's file has a {found} record at {name}"))
}

/// The names of all name servers, in lower case.
fn servers(draft: &Draft) -> HashSet<Vec<u8>> {
    let records = (0..draft.len()).flat_map(|node| draft.entries(node)).filter(|entry| entry.rtype == Type::NS);
    records.map(|entry| draft.data(entry).to_ascii_lowercase()).collect()
}

/// Why a name can't be steered in this zone, and what to do about it.
fn conflict(ground: &Ground<'_>, apex: &Path, path: &Path) -> Option<(String, &'static str)> {
    if path.count() < apex.count() || path.suffix(apex.count()) != apex.wire() {
        return Some(("is not in the zone".into(), ""));
    }
    for depth in apex.count()..=path.count() {
        let Some(spot) = ground.find(path, depth) else { break };
        if depth > apex.count() && spot.has(Type::NS) {
            let what = "lies at or below a delegation (NS) in the zone's file: its answers would never be asked for here";
            return Some((what.into(), "steer it where it is delegated to, or remove the delegation"));
        }
        if spot.has(Type::DNAME) {
            return Some(("lies at or below a DNAME in the zone's file, which renames it".into(), "steer the name it is renamed to"));
        }
    }
    if ground.is_server(path) {
        let what = "is a name server in the zone's file (NS): its address must be the same for everybody";
        return Some((what.into(), "steer another name, or name another server"));
    }
    let spot = ground.find(path, path.count())?;
    let found = [Type::CNAME, Type::A, Type::AAAA].into_iter().find(|rtype| spot.has(*rtype))?;
    Some((format!("has a static {found} record in the zone's file"), "a name is steered or static, so remove one of the two"))
}

/// Both as nodes have them.
fn is_below(name: &[u8], above: &[u8]) -> bool {
    let mut rest = name;
    while rest.len() > above.len() {
        rest = &rest[1 + usize::from(rest[0])..];
    }
    name.len() > above.len() && rest == above
}
