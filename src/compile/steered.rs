//! Hostnames in their zone: what they own there, and what is in their way.

use super::draft::{APEX, Draft};
use super::plan::Steered;
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::document::Problem;
use crate::snapshot::path::Path;
use crate::snapshot::zone::Part;
use std::collections::HashSet;

/// Puts the hostnames into the draft; those that can't be there are told of and left out.
pub(super) fn steer(draft: &mut Draft, apex: &Path, steered: &[Steered]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if steered.is_empty() {
        return problems;
    }
    let servers = servers(draft);
    for (number, hostname) in steered.iter().enumerate() {
        let mut tell = |what: String, hint: &str| {
            let at = format!("hostname {}", hostname.name);
            problems.push(Problem::error(&hostname.file, hostname.line, what).at(at).hint(hint));
        };
        let Some(path) = Path::read(hostname.name.wire()) else { continue };
        if let Some((what, hint)) = conflict(draft, apex, &path, &servers) {
            tell(what, hint);
            continue;
        }
        draft.steer(&path, number, Part::Host);
        if let Some(panels) = &hostname.http {
            match below(&hostname.name, "_http._tcp") {
                Ok(service) => match taken(draft, &service, Type::SRV) {
                    Some(what) => tell(what, "`http` adds that name: remove the record, or leave out `http`"),
                    None => draft.steer(&service, number, Part::Service),
                },
                Err(what) => tell(what, "shorten the name, or leave out `http`"),
            }
            for panel in panels.iter() {
                // A name too long is the fleet's problem.
                let Ok(target) = below(&hostname.name, panel) else { continue };
                // Of several labels the last one is the first that has to be free.
                if (path.count() + 1..=target.count()).any(|depth| draft.find(&target, depth).is_some()) {
                    let what = format!("the zone's file has data at or below {panel}.{}, which SRV records point at", hostname.name);
                    tell(what, "`http` adds that name for the panel: remove the data, or leave out `http`");
                }
            }
        }
        let Some(port) = hostname.https else { continue };
        if hostname.http.is_none() && draft_has(draft, &path, Type::HTTPS) {
            tell("has a static HTTPS record in the zone's file".into(), "`https` adds one: remove the record, or leave out `https`");
        }
        if !hostname.name.is_wildcard() {
            match below(&hostname.name, &format!("_{port}._https")) {
                Ok(binding) => match taken(draft, &binding, Type::HTTPS) {
                    Some(what) => tell(what, "`https` adds that name: remove the record, or leave out `https`"),
                    None => draft.steer(&binding, number, Part::Binding),
                },
                Err(what) => tell(what, "shorten the name, or leave out `https`"),
            }
        }
    }
    problems
}

fn draft_has(draft: &Draft, path: &Path, rtype: Type) -> bool {
    draft.find(path, path.count()).is_some_and(|node| draft.entries(node).any(|entry| entry.rtype == rtype))
}

fn below(name: &Name, labels: &str) -> Result<Path, String> {
    let text = format!("{labels}.{name}");
    let name = Name::parse(&text).map_err(|error| format!("{text} can't be: {error}"))?;
    Path::read(name.wire()).ok_or_else(|| format!("{text} can't be"))
}

/// Why a record of ours can't stand at this name.
fn taken(draft: &Draft, path: &Path, rtype: Type) -> Option<String> {
    let found = [rtype, Type::CNAME, Type::DNAME, Type::NS].into_iter().find(|rtype| draft_has(draft, path, *rtype))?;
    let name = Name::from_wire(path.wire()).unwrap_or_else(|_| Name::root());
    Some(format!("the zone's file has a {found} record at {name}"))
}

/// The names of all name servers, in lower case.
fn servers(draft: &Draft) -> HashSet<Vec<u8>> {
    let records = (0..draft.len()).flat_map(|node| draft.entries(node)).filter(|entry| entry.rtype == Type::NS);
    records.map(|entry| draft.data(entry).to_ascii_lowercase()).collect()
}

/// Why a name can't be steered in this zone, and what to do about it.
fn conflict(draft: &Draft, apex: &Path, path: &Path, servers: &HashSet<Vec<u8>>) -> Option<(String, &'static str)> {
    if path.count() < apex.count() || path.suffix(apex.count()) != apex.wire() {
        return Some(("is not in the zone".into(), ""));
    }
    if servers.contains(path.wire()) {
        let what = "is a name server in the zone's file (NS): its address must be the same for everybody";
        return Some((what.into(), "steer another name, or name another server"));
    }
    let has = |node: usize, rtype: Type| draft.entries(node).any(|entry| entry.rtype == rtype);
    for depth in apex.count()..=path.count() {
        let Some(node) = draft.find(path, depth) else { break };
        if node != APEX && has(node, Type::NS) {
            let what = "lies at or below a delegation (NS) in the zone's file: its answers would never be asked for here";
            return Some((what.into(), "steer it where it is delegated to, or remove the delegation"));
        }
        if has(node, Type::DNAME) {
            return Some(("lies at or below a DNAME in the zone's file, which renames it".into(), "steer the name it is renamed to"));
        }
    }
    let node = draft.find(path, path.count())?;
    let found = [Type::CNAME, Type::A, Type::AAAA].into_iter().find(|&rtype| has(node, rtype))?;
    Some((format!("has a static {found} record in the zone's file"), "a name is steered or static, so remove one of the two"))
}
