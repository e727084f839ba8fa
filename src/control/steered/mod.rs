//! Answers of steered names: who asked, from where, and how the panels rank for them.

mod client;
mod ranking;

pub(super) use ranking::WEIGHTLESS;

use super::explain::{Facts, Step};
use super::heard::{Heard, status};
use super::question::Question;
use super::words::{counted, kilometres, listed, plain};
use crate::answer::{By, Of, Why};
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::document::Network;
use crate::fleet::{Fence, Fleet, Hostname, Panel, State};
use crate::snapshot::service::Service;
use crate::snapshot::zone::Part;
use crate::snapshot::{Serving, Snapshot};
use crate::steer::{Choice, Class, Family, Member, Order};

const BOTH: [Family; 2] = [Family::V4, Family::V6];

/// Everything that one steered answer was made from.
pub(super) struct Scene<'a> {
    snapshot: &'a Snapshot,
    fleet: &'a Fleet,
    question: &'a Question,
    heard: &'a Heard,
    why: Why,
    zone: Name,
    service: &'a Service,
    /// None where the fleet is another one than the snapshot's.
    hostname: Option<&'a Hostname>,
}

impl<'a> Scene<'a> {
    /// None where nothing of the answer is steered.
    pub(super) fn new(
        snapshot: &'a Snapshot,
        fleet: &'a Fleet,
        question: &'a Question,
        heard: &'a Heard,
        why: Why,
        serving: &'a Serving,
    ) -> Option<Self> {
        let Serving::Zone(zone, services) = serving else { return None };
        let zone = Name::from_wire(zone.apex()).ok()?;
        let service = services.of_hostname(why.hostname)?;
        let is_it = |hostname: &&Hostname| hostname.number as usize == why.hostname && fleet.zone(hostname.zone).name == zone;
        let hostname = fleet.hostnames.iter().find(is_it);
        let scene = Self { snapshot, fleet, question, heard, why, zone, service, hostname };
        // Static records at a steered name are as static as any.
        (!heard.has_end(question.rtype) || scene.is_made_here()).then_some(scene)
    }

    /// The answer lives shorter than the hostname's own time.
    pub(super) fn is_changing(&self, ttl: u32) -> bool {
        self.hostname.is_some_and(|hostname| {
            let policy = self.fleet.policy(hostname);
            ttl == policy.ttl_changing && ttl < policy.ttl && self.service.ttl < policy.ttl
        })
    }

    /// Adds the steps, and gives the names of the panels chosen.
    pub(super) fn tell(&self, steps: &mut Vec<Step>) -> Vec<String> {
        steps.push(self.name());
        if let Of::Panel(member) = self.why.of {
            steps.extend(self.nothing());
            let has_end = self.heard.has_end(self.question.rtype);
            return has_end.then(|| self.panel_name(member)).into_iter().collect();
        }
        let Some(located) = &self.why.client else {
            steps.push(self.set());
            steps.extend(self.nothing());
            steps.extend(self.nobody());
            return Vec::new();
        };
        steps.push(self.who(located));
        if self.service.roster.order == Order::Nearest {
            steps.push(self.place(located));
            steps.extend(self.region(located));
        }
        steps.push(self.set());
        steps.extend(self.nothing());
        self.rank(located, steps);
        let [v4, v6] = BOTH.map(|family| self.chosen(family));
        if self.question.rtype == Type::HTTPS {
            let text = [("ipv4hint", &v4), ("ipv6hint", &v6)].into_iter().filter(|(_, panels)| !panels.is_empty());
            let text: Vec<String> = text.map(|(hint, panels)| format!("{hint} of {}", listed(panels))).collect();
            steps.push(Step { facts: Facts::Hints { ipv4: v4.clone(), ipv6: v6.clone() }, text: text.join(", ") });
        }
        if v4.is_empty() { v6 } else { v4 }
    }

    /// Why the scope is so wide; None: because nothing of it depends on who asks.
    pub(super) fn width(&self, scope: u8) -> Option<String> {
        let located = self.why.client.filter(|_| scope > 0)?;
        let network = Network::around(located.network, scope);
        if scope > located.prefix {
            return Some(format!("the panel depends on the slot, and each /{scope} has a slot of its own"));
        }
        Some(match (located.by, located.class) {
            (By::Resolver, _) => format!("of all of {network} nobody knows where it is, so the resolver's place counts"),
            (_, Class::Unknown) => format!("of all of {network} nobody knows where it is"),
            _ => format!("all of {network} is the same to this set"),
        })
    }

    /// The records are steered ones: at a steered name there may be static ones beside them.
    fn is_made_here(&self) -> bool {
        self.why.client.is_some() || matches!(self.why.of, Of::Panel(_))
    }

    fn name(&self) -> Step {
        let end = plain(&self.heard.end(&self.question.name));
        let zone = plain(&self.zone);
        let hostname = self.hostname.map_or_else(|| end.clone(), |hostname| plain(&hostname.name));
        let text = match self.why.of {
            Of::Panel(member) => {
                format!("{end} is panel {}'s own name below {hostname}: its addresses, for everybody", self.panel_name(member))
            }
            Of::Part(Part::Host) if self.hostname.is_some_and(|hostname| hostname.name.is_wildcard()) => {
                format!("{end} is matched by {hostname}, a wildcard hostname of zone {zone}")
            }
            Of::Part(Part::Host) => format!("{hostname}, a hostname of zone {zone}"),
            Of::Part(Part::Service) => format!("{end} has the panels of {hostname} as SRV records (`ports.http`)"),
            Of::Part(Part::Binding) => format!("{end} has the HTTPS record of {hostname} (`ports.https`)"),
        };
        Step { facts: Facts::Hostname { hostname, zone: Some(zone) }, text }
    }

    fn set(&self) -> Step {
        let Some(hostname) = self.hostname else {
            let facts = Facts::Set { set: String::new(), steer: "".into(), spread_km: 0.0, fence: "".into(), sticky: false, answers: 0 };
            return Step { facts, text: "not in the fleet that is looked at".into() };
        };
        let policy = &self.fleet.policy(hostname);
        let (set, steer) = (self.fleet.set(hostname.set).name.clone(), ranking::steer(policy.steer));
        let mut text = format!("{set}, steered by {steer}");
        if self.service.roster.order == Order::Nearest {
            text += &format!(", spread {}", kilometres(policy.spread_km));
            if policy.fence != Fence::None {
                text += &format!(", fence {}", ranking::fence(policy.fence));
            }
            if self.why.client.is_some_and(|located| !located.class.is_known()) {
                text += "; as the place is unknown, each tier of the set is one";
            }
        } else {
            text += ": the same ranking for all places";
        }
        if policy.answers > 1 {
            text += &format!(", {} panels in an answer", policy.answers);
        }
        let facts = Facts::Set {
            set,
            steer: steer.into(),
            spread_km: policy.spread_km,
            fence: ranking::fence(policy.fence).into(),
            sticky: policy.sticky,
            answers: policy.answers,
        };
        Step { facts, text }
    }

    /// Why there is no answer, if there is none.
    fn nothing(&self) -> Option<Step> {
        if self.heard.has_end(self.question.rtype) {
            return None;
        }
        let rtype = self.question.rtype;
        let family = self.family();
        let text = match (self.why.of, family) {
            (Of::Part(Part::Host), Some(family)) => self.lacks(family),
            (Of::Part(Part::Host), None) if rtype == Type::HTTPS => match (self.service.http, self.service.https) {
                (Some(_), Some(_)) => {
                    "the HTTPS record stands at _PORT._https below it: one at the name itself would move plain HTTP elsewhere".into()
                }
                _ => "the hostname has no `https` port".into(),
            },
            (Of::Part(Part::Host), None) => format!("the name has steered addresses, and the zone's file has no {rtype} for it"),
            (Of::Part(Part::Service), _) if rtype == Type::SRV => "no panel of the set can be used".into(),
            (Of::Part(Part::Binding), _) if rtype == Type::HTTPS => "no panel of the set can be used".into(),
            (Of::Part(Part::Service), _) => format!("the name has SRV records only, no {rtype}"),
            (Of::Part(Part::Binding), _) => format!("the name has an HTTPS record only, no {rtype}"),
            (Of::Panel(_), _) => format!("the panel has no {rtype}"),
        };
        Some(Step { facts: Facts::Nothing { status: status(self.heard.rcode) }, text })
    }

    fn lacks(&self, family: Family) -> String {
        let ip = ranking::ip(family);
        let Some(hostname) = self.hostname else { return format!("no panel has an {ip} address to answer with") };
        let set = self.fleet.set(hostname.set);
        let with = || set.members.iter().map(|member| self.fleet.panel(member.panel)).filter(|panel| ranking::has(panel, family));
        let disabled = with().filter(|panel| panel.state == State::Disabled).count();
        match with().count() {
            0 => format!("no panel of set {} has an {ip} address", set.name),
            all if all == disabled => {
                format!("all of set {}'s panels with an {ip} address ({}) are disabled", set.name, counted(all, "panel"))
            }
            all => format!("none of set {}'s panels with an {ip} address ({}) can be used", set.name, counted(all, "panel")),
        }
    }

    /// What addresses are asked for; None: another type.
    fn family(&self) -> Option<Family> {
        match self.question.rtype {
            Type::A => Some(Family::V4),
            Type::AAAA => Some(Family::V6),
            _ => None,
        }
    }

    /// The choice that is told about, with its family.
    fn choice(&self) -> Option<(Family, Choice)> {
        let made = |family| self.why.choice(family).map(|choice| (family, choice));
        let filled = BOTH.into_iter().filter_map(made).find(|(_, choice)| !choice.members().is_empty());
        filled.or_else(|| BOTH.into_iter().find_map(made))
    }

    fn chosen(&self, family: Family) -> Vec<String> {
        self.why.choice(family).iter().flat_map(Choice::members).map(|member| self.panel_name(*member)).collect()
    }

    fn panel_name(&self, member: u16) -> String {
        match self.service.roster.members.get(usize::from(member)).and_then(|member| self.panel(member)) {
            Some(panel) => panel.name.to_string(),
            None => {
                let (labels, mut name) = (self.service.labels(member), Vec::new());
                let mut rest = labels;
                while let Some((label, after)) = rest.split_first().and_then(|(len, rest)| rest.split_at_checked(usize::from(*len))) {
                    name.push(String::from_utf8_lossy(label));
                    rest = after;
                }
                name.join(".")
            }
        }
    }

    fn panel(&self, member: &Member) -> Option<&'a Panel> {
        self.hostname.and_then(|_| self.fleet.panels.get(member.panel as usize)).map(|panel| &**panel)
    }
}
