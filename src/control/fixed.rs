//! Answers that are the same for everybody, and questions that have none.

use super::explain::{Facts, Step, is_inside};
use super::heard::{Heard, status};
use super::question::Question;
use super::words::{counted, listed, plain};
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::dns::wire::rcode;
use crate::fleet::{Fleet, Lost};
use crate::snapshot::path::Path;
use crate::snapshot::zone::{Found, Node, Zone};
use crate::snapshot::{Serving, Snapshot};

/// Zones named where a name is in none of them; more would not help anybody.
const MAX_NAMED: usize = 5;

pub(super) fn tell(
    snapshot: &Snapshot,
    fleet: &Fleet,
    question: &Question,
    heard: &Heard,
    serving: Option<&Serving>,
    steps: &mut Vec<Step>,
) {
    let nothing = |text: String| Step { facts: Facts::Nothing { status: status(heard.rcode) }, text };
    let zone = match serving {
        None => return steps.push(nothing(outside(fleet, question))),
        Some(Serving::Broken(apex)) => return steps.push(nothing(broken(fleet, apex))),
        Some(Serving::Zone(zone, _)) => zone,
    };
    let apex = Name::from_wire(zone.apex()).map_or_else(|_| String::new(), |apex| plain(&apex));
    let end = heard.end(&question.name);
    let is_inside = is_inside(serving, &end);
    let is_ended = heard.has_end(question.rtype);
    let found = Path::read(end.wire()).filter(|_| is_inside).map(|path| found(zone, &path));
    let delegation = heard.authority.iter().find(|record| record.rtype == Type::NS).filter(|_| !is_ended);
    let text = match (&found, heard.rcode) {
        _ if is_ended => {
            let wildcard = match &found {
                Some(Stands::Wildcard(node)) => format!(", from the wildcard {}", owner(*node, zone)),
                _ => String::new(),
            };
            let text = format!("static data of zone {apex}{wildcard}: the same for everybody");
            return steps.push(Step { facts: Facts::Zone { zone: Some(apex) }, text });
        }
        (_, rcode::NXDOMAIN) => format!("zone {apex} has no {}, nor a wildcard that stands for it", plain(&end)),
        (_, rcode::NOERROR) if delegation.is_some() => {
            let cut = delegation.map_or(String::new(), |record| plain(&record.name));
            let servers: Vec<String> =
                heard.authority.iter().filter(|record| record.rtype == Type::NS).map(|record| record.shown()).collect();
            format!("{cut} is delegated in zone {apex}: {} answers for it", listed(&servers))
        }
        (None, rcode::NOERROR) => format!(
            "the alias leads out of zone {apex}, where it ends here{}: the resolver asks on",
            if snapshot.zones.iter().any(|other| super::explain::is_inside(Some(other), &end)) {
                " although this node has that zone too"
            } else {
                ""
            }
        ),
        (Some(Stands::Nothing), rcode::NOERROR) => format!("{} has no record of its own in zone {apex}", plain(&end)),
        (Some(Stands::Node(node) | Stands::Wildcard(node)), rcode::NOERROR) => {
            let types: Vec<String> = node.sets().map(|set| set.rtype.to_string()).collect();
            match types.is_empty() {
                true => format!("{} exists in zone {apex} only because there are names below it", plain(&end)),
                false => format!("{} has no {} in zone {apex}; it has {}", plain(&end), question.rtype, listed(&types)),
            }
        }
        (_, rcode::YXDOMAIN) => format!("a DNAME of zone {apex} makes a name of it that is too long"),
        (_, code) => format!("{} from zone {apex}", status(code)),
    };
    steps.push(nothing(text));
}

enum Stands<'z> {
    Node(Node<'z>),
    Wildcard(Node<'z>),
    Nothing,
}

fn found<'z>(zone: &'z Zone, path: &Path) -> Stands<'z> {
    match zone.find(path) {
        Found::Node(node) => Stands::Node(node),
        Found::Covered(..) => Stands::Nothing,
        Found::Missing(encloser, depth) => zone.wildcard(encloser, path, depth).map_or(Stands::Nothing, Stands::Wildcard),
    }
}

fn owner(node: Node<'_>, zone: &Zone) -> String {
    let wire = [node.name(), zone.apex()].concat();
    Name::from_wire(&wire).map_or_else(|_| String::new(), |name| plain(&name))
}

fn outside(fleet: &Fleet, question: &Question) -> String {
    let mut names: Vec<String> = fleet.zones.iter().map(|zone| plain(&zone.name)).take(MAX_NAMED).collect();
    if let Some(more) = fleet.zones.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        names.push(format!("{more} more"));
    }
    let zones = if names.is_empty() { String::new() } else { format!(" ({})", listed(&names)) };
    format!("{} is in no zone of this fleet, which has {}{zones}", plain(&question.name), counted(fleet.zones.len(), "zone"))
}

fn broken(fleet: &Fleet, apex: &[u8]) -> String {
    let Ok(name) = Name::from_wire(apex) else { return String::new() };
    let lost = fleet.lost.iter().find(|lost| matches!(lost, Lost::Zone(lost) | Lost::Hostname { name: lost, .. } if *lost == name));
    let name = plain(&name);
    let what = match lost {
        Some(Lost::Hostname { .. }) => format!("hostname {name} is not sound in the fleet, so nobody knows where it leads"),
        Some(Lost::Zone(_)) => format!("zone {name} is not sound in the fleet, so nobody knows what is in it"),
        None => format!("the file of zone {name} is not sound, so nobody knows what is in it"),
    };
    format!("{what}; `meridian check` names every problem")
}
