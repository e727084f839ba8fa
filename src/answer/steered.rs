//! Names whose answer depends on who asks.

use super::limit::Imputed;
use super::lookup::{Cut, Walk};
use super::message::{Full, Owner, Section};
use super::why::{By, Located, Of, Why};
use super::writing::Writing;
use crate::dns::name::MAX_NAME;
use crate::dns::rtype::Type;
use crate::snapshot::Services;
use crate::snapshot::path::Path;
use crate::snapshot::service::{Below, Service};
use crate::snapshot::zone::{Node, Part, Set, flag};
use crate::steer::{Choice, Class, Family, Guide, MAX_ANSWERS};
use std::net::IpAddr;

/// Addresses of one answer: no more fit what UDP carries.
const MAX_ADDRESSES: usize = 32;
const BOTH: [Family; 2] = [Family::V4, Family::V6];
/// Parameters of HTTPS records (RFC 9460 §14.3.2).
const PORT: u16 = 3;
const HINTS: [u16; 2] = [4, 6];
/// The longest data of an HTTPS record made here: priority, target, port, and all hints twice headed.
const MAX_BINDING: usize = 2 + MAX_NAME + 6 + 8 + MAX_ADDRESSES * (4 + 16);

/// Who asks, and what came of it.
pub(super) struct Client<'a, 'w> {
    pub(super) guide: &'a Guide,
    pub(super) services: &'a Services,
    /// Who sent the query, as the socket has it.
    pub(super) peer: IpAddr,
    /// The network that the resolver asks for.
    pub(super) subnet: Option<IpAddr>,
    pub(super) seed: u64,
    /// The answer holds for all with so many bits of `subnet`; None: for everybody.
    pub(super) scope: Option<u8>,
    /// Where the reasons go, if anybody wants them.
    pub(super) why: Option<&'w mut Option<Why>>,
    /// Whose name the answer counts for where answers are limited.
    pub(super) imputed: Imputed,
}

impl Client<'_, '_> {
    #[inline]
    fn resolver(&self) -> IpAddr {
        self.peer.to_canonical()
    }

    /// Where the client is to this service: what it is, the address that told it, and the widest network around `subnet` of which the same is known.
    #[inline]
    fn locate(&self, service: &Service) -> (Class, By, IpAddr, u8) {
        let roster = &service.roster;
        let Some(subnet) = self.subnet else {
            let resolver = self.resolver();
            let (class, prefix) = roster.class(self.guide, resolver);
            return (class, By::Resolver, resolver, prefix);
        };
        let (class, prefix) = roster.class(self.guide, subnet);
        if class.is_known() {
            return (class, By::Subnet, subnet, prefix);
        }
        // Nobody knows where that is, so the resolver's place is the better guess for all of it.
        let resolver = self.resolver();
        match roster.class(self.guide, resolver).0 {
            Class::Unknown => (Class::Unknown, By::Subnet, subnet, prefix),
            class => (class, By::Resolver, resolver, prefix),
        }
    }

    /// None: nobody can be chosen in this family.
    #[inline]
    fn choose(&mut self, service: &Service, family: Family) -> Option<Choice> {
        let roster = &service.roster;
        let (class, by, place, mut prefix) = self.locate(service);
        let network = self.subnet.unwrap_or_else(|| self.resolver());
        let slot = roster.slot(network, self.seed);
        let choice = roster.choose(self.guide, class, place, family, slot, self.seed);
        if choice.beyond_chart && by == By::Subnet {
            prefix = prefix.max(self.guide.find(place).1);
        }
        let scope = roster.narrowed(prefix, choice.by_slot, network);
        self.note(Located { by, place, class, network, slot, prefix }, Some((family, &choice)));
        if choice.members().is_empty() {
            // Nobody has weight, whoever asks.
            return None;
        }
        self.scope = self.scope.max(self.subnet.map(|_| scope));
        Some(choice)
    }

    /// Whatever is said now is said of this hostname.
    #[inline]
    pub(super) fn come_upon(&mut self, hostname: usize, of: Of) {
        if let Some(why) = &mut self.why {
            **why = Some(Why::new(hostname, of));
        }
    }

    #[inline]
    fn note(&mut self, located: Located, chosen: Option<(Family, &Choice)>) {
        let Some(Some(why)) = self.why.as_deref_mut() else { return };
        why.client = Some(located);
        if let Some((family, choice)) = chosen {
            why.chosen[family as usize] = Some(*choice);
        }
    }
}

impl<'a> Walk<'a, '_, '_, '_> {
    /// False: the node has nothing steered for this question, so its static records are the answer.
    #[inline]
    pub(super) fn steer(&mut self, owner: Owner<'_>, path: &Path, node: Node<'a>) -> Result<bool, Cut> {
        let Some((hostname, part)) = node.steered() else { return Ok(false) };
        let Some(service) = self.client.services.of_hostname(hostname) else { return Ok(false) };
        self.client.come_upon(hostname, Of::Part(part));
        match (part, self.qtype) {
            (Part::Host, Type::A) => self.steered_addresses(owner, service, Family::V4),
            (Part::Host, Type::AAAA) => self.steered_addresses(owner, service, Family::V6),
            // One RRset is answer enough: RFC 8482 §4.1.
            (Part::Host, Type::ANY) if service.has_v4 => self.steered_addresses(owner, service, Family::V4),
            (Part::Host, Type::ANY) => self.steered_addresses(owner, service, Family::V6),
            (Part::Host, Type::HTTPS) => match service.binds_name() {
                Some(port) => self.binding(owner, service, port, &[0]),
                None => Ok(false),
            },
            (Part::Service, Type::SRV | Type::ANY) => self.services(owner, path, service),
            (Part::Binding, Type::HTTPS | Type::ANY) => match service.https {
                Some(port) => self.binding(owner, service, port, &owner.name[path.start(path.count() - 2)..]),
                None => Ok(false),
            },
            _ => Ok(false),
        }
    }

    #[inline]
    fn steered_addresses(&mut self, owner: Owner<'_>, service: &'a Service, family: Family) -> Result<bool, Cut> {
        if !service.has(family) {
            // It has one or the other: what is missing is dead, or was never there.
            self.dead_ttl = service.dead_ttl;
            return Ok(false);
        }
        let Some(choice) = self.client.choose(service, family) else { return Ok(false) };
        let before = self.message.mark();
        for set in sets(service, &choice, family) {
            if self.message.set(Section::Answer, owner, set).is_err() {
                self.message.rewind(before);
                return Err(Full.into());
            }
        }
        Ok(true)
    }

    /// An HTTPS record whose hints are what A and AAAA would say.
    #[inline(never)]
    fn binding(&mut self, owner: Owner<'_>, service: &'a Service, port: u16, target: &[u8]) -> Result<bool, Cut> {
        let mut data = [0; MAX_BINDING];
        let mut writing = Writing::new(&mut data);
        writing.put(&1u16.to_be_bytes());
        writing.put(target);
        writing.put(&PORT.to_be_bytes());
        writing.put(&[0, 2]);
        writing.put(&port.to_be_bytes());
        let mut is_any = false;
        for (family, hint) in BOTH.into_iter().zip(HINTS) {
            let Some(choice) = service.has(family).then(|| self.client.choose(service, family)).flatten() else { continue };
            is_any = true;
            writing.put(&hint.to_be_bytes());
            let length_at = writing.len();
            writing.put(&[0, 0]);
            sets(service, &choice, family).flat_map(Set::data).for_each(|address| writing.put(address));
            let length = (writing.len() - length_at - 2) as u16;
            writing.mend(length_at, &length.to_be_bytes());
        }
        if !is_any {
            return Ok(false);
        }
        self.message.one(Section::Answer, owner, Type::HTTPS, service.ttl, writing.written())?;
        Ok(true)
    }

    /// An SRV record for each panel that can be used, those first that come first for this client.
    #[inline(never)]
    fn services(&mut self, owner: Owner<'_>, path: &Path, service: &'a Service) -> Result<bool, Cut> {
        let Some(port) = service.http else { return Ok(false) };
        let host = &owner.name[path.start(path.count() - 2)..];
        let client = &mut *self.client;
        let (class, by, place, mut prefix) = client.locate(service);
        let roster = &service.roster;
        let class = match class {
            // All tiers are told, and a chart knows the first ones only.
            Class::Charted(_) => {
                let (spot, own) = client.guide.find(place);
                if by == By::Subnet {
                    prefix = prefix.max(own);
                }
                Class::Spot(spot)
            }
            class => class,
        };
        let network = client.subnet.unwrap_or_else(|| client.resolver());
        client.note(Located { by, place, class, network, slot: roster.slot(network, client.seed), prefix }, None);
        let before = self.message.mark();
        let (mut priority, mut written, mut full) = (0u16, 0usize, Ok(()));
        roster.rank(client.guide, class, None, |tier| {
            let mut used = false;
            for (n, member) in tier.iter().flat_map(|stop| roster.numbered_at(*stop)) {
                let weight = BOTH.map(|family| member.weight(family).units()).into_iter().max().unwrap_or(0);
                if weight == 0 || full.is_err() {
                    continue;
                }
                let mut data = [0; 6 + 64 + MAX_NAME];
                let mut writing = Writing::new(&mut data);
                let labels = service.labels(n);
                writing.put(&priority.to_be_bytes());
                writing.put(&srv_weight(weight).to_be_bytes());
                writing.put(&port.to_be_bytes());
                writing.put(labels);
                writing.put(host);
                full = self.message.one(Section::Answer, owner, Type::SRV, service.ttl, writing.written());
                written += 1;
                used = true;
            }
            priority += u16::from(used);
        });
        if written == 0 {
            return Ok(false);
        }
        if full.is_err() {
            self.message.rewind(before);
            return Err(Full.into());
        }
        self.client.scope = self.client.scope.max(self.client.subnet.map(|_| prefix));
        self.service_addresses(before.position(), service, written, host.len());
        Ok(true)
    }

    /// The addresses of the panels just named, as far as there is room. Of their names the last `host` bytes are the hostname.
    fn service_addresses(&mut self, mut at: usize, service: &'a Service, records: usize, host: usize) {
        for _ in 0..records {
            let data = self.message.data_at(at);
            at = data + self.message.data_len(data);
            let place = data + 6;
            let (mut name, mut path) = ([0; MAX_NAME], Path::ROOT);
            let Some(len) = self.message.plain_name(place, &mut name) else { return };
            if !path.fill(&name[..len]) {
                continue;
            }
            let Some(member) = service.member(&path.wire()[..len - host]) else { continue };
            for family in BOTH {
                let set = service.set(member, family);
                let owner = Owner { at: place, name: &name[..len] };
                if set.count > 0 && self.message.set(Section::Additional, owner, set).is_err() {
                    return;
                }
            }
        }
    }

    /// What a name below a hostname is to its panels' own names, `<panel>.NAME`, which SRV records point at.
    #[inline]
    pub(super) fn panel_below(&self, encloser: Node<'a>, path: &Path, depth: usize) -> Option<(usize, &'a Service, Below)> {
        if encloser.flags() & flag::STEERED == 0 {
            return None;
        }
        let (hostname, part) = encloser.steered()?;
        let service = self.client.services.of_hostname(hostname).filter(|service| part == Part::Host && service.http.is_some())?;
        Some((hostname, service, service.below(&path.wire()[..path.start(depth)])?))
    }

    /// What a panel's own name has for the question.
    pub(super) fn panel_set(&self, service: &'a Service, member: u16) -> Option<Set<'a>> {
        let has = |family| Some(service.set(member, family)).filter(|set| set.count > 0);
        match self.qtype {
            Type::A => has(Family::V4),
            Type::AAAA => has(Family::V6),
            Type::ANY => has(Family::V4).or_else(|| has(Family::V6)),
            _ => None,
        }
    }
}

/// The addresses of the panels chosen, panel by panel, as far as they go into one answer.
#[inline]
fn sets<'a>(service: &'a Service, choice: &Choice, family: Family) -> impl Iterator<Item = Set<'a>> {
    let mut left = MAX_ADDRESSES;
    choice.members().iter().map_while(move |member| {
        let set = service.set(*member, family);
        left = left.checked_sub(usize::from(set.count))?;
        Some(set)
    })
}

/// SRV weights are whole numbers of 16 bits, and 0 is for what should hardly be used at all.
fn srv_weight(weight: u32) -> u16 {
    u16::try_from((u64::from(weight) * 6) >> 16).unwrap_or(u16::MAX).max(1)
}

const _: () = assert!(MAX_ANSWERS <= MAX_ADDRESSES);
