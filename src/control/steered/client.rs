//! Who asked, where that is, and which region serves it.

use super::Scene;
use crate::answer::{By, Located};
use crate::control::explain::{Facts, Step};
use crate::control::words::{degrees, private};
use crate::document::Network;
use crate::geo::{OVERRIDES, continent_codes};
use crate::steer::{Claim, Client, NOWHERE, Rule, Spot};
use std::net::IpAddr;

impl Scene<'_> {
    pub(super) fn who(&self, located: &Located) -> Step {
        let question = self.question;
        let resolver = question.resolver;
        let believed = self.snapshot.manners.believes(resolver);
        let text = match question.client {
            None => format!("the resolver {resolver} itself: it names no client network"),
            Some(network) if !believed => {
                format!("the resolver {resolver} names {network}, but [dns].ecs_from does not have it: its own address counts")
            }
            Some(network) if network.prefix() == 0 => {
                format!("the resolver {resolver} keeps its client's network to itself (/0): its own address counts")
            }
            Some(network) => {
                let by = if network.address() == resolver { "its resolver".into() } else { format!("the resolver {resolver}") };
                let text = format!("{network}, named by {by} (EDNS Client Subnet)");
                match located.by {
                    By::Subnet => text,
                    By::Resolver => format!("{text}; nobody knows where it is, so the resolver's address counts"),
                }
            }
        };
        let by = match located.by {
            By::Subnet => "client",
            By::Resolver => "resolver",
        };
        Step {
            facts: Facts::Client { network: question.client.map(|network| network.to_string()), resolver, believed, by: by.into() },
            text,
        }
    }

    /// What is known of the address that counts.
    pub(super) fn spot(&self, located: &Located) -> (Spot, Option<Client>) {
        let guide = &self.snapshot.guide;
        let (spot, _) = guide.find(located.place);
        (spot, guide.client(spot))
    }

    pub(super) fn place(&self, located: &Located) -> Step {
        let (guide, address) = (&self.snapshot.guide, located.place);
        let (spot, client) = self.spot(located);
        let asn = guide.atlas.asns().map(|asns| asns.find(address).value).filter(|asn| *asn != 0);
        let cell = guide.atlas.cell(spot.cell);
        let land = guide.atlas.land(cell.land);
        let text_of = |code: [u8; 2]| String::from_utf8_lossy(&code).into_owned();
        let country = land.country.map(text_of);
        let subdivision = land.subdivision.map(|part| part.as_str().to_owned());
        let source = match (guide.rule(spot), client) {
            (Some(Rule::Network(region) | Rule::Asn(region)), _) => Some(format!("region {}", self.region_name(region))),
            (None, Some(_)) => guide.atlas.sources().get(usize::from(cell.source)).cloned(),
            (None, None) => None,
        };
        let at = client.map(|client| client.point.degrees());
        let continents: Vec<&str> = client.map_or(Vec::new(), |client| continent_codes(client.continents).collect());
        let text = match (at, guide.rule(spot)) {
            (None, _) => self.unknown(address),
            (Some(at), Some(_)) => {
                format!(
                    "{}, the place of region {}, which names the client",
                    degrees(at),
                    self.region_name(client.map_or(NOWHERE, |client| client.home))
                )
            }
            (Some(at), None) => {
                let land = match (&country, &subdivision) {
                    (Some(country), Some(part)) => format!("{country}-{part}, "),
                    (Some(country), None) => format!("{country}, "),
                    (None, _) if continents.is_empty() => String::new(),
                    (None, _) => format!("{}, ", continents.join("/")),
                };
                let point = match cell.point() {
                    Some(_) => degrees(at),
                    None => format!("no more is known, so the place of the region that serves it ({})", degrees(at)),
                };
                let source = source.as_deref().unwrap_or_default();
                let source = if source == OVERRIDES { "[geoip].overrides" } else { source };
                format!("{land}{point}, by {source}")
            }
        };
        let round = |degree: f64| (degree * 10_000.0).round() / 10_000.0;
        let facts = Facts::Place {
            known: client.is_some(),
            source,
            country,
            subdivision,
            continents: continents.into_iter().map(Into::into).collect(),
            latitude: at.map(|at| round(at.0)),
            longitude: at.map(|at| round(at.1)),
            asn,
        };
        Step { facts, text }
    }

    fn unknown(&self, address: IpAddr) -> String {
        match private(address) {
            Some(what) => format!("unknown: {address} is {what}; a region's `networks` or [geoip].overrides can place it"),
            None if self.snapshot.guide.atlas.sources().len() < 2 => "unknown: there is no database of places".into(),
            None => format!("unknown: no database knows {address}"),
        }
    }

    /// None where the place is not known, or there are no regions.
    pub(super) fn region(&self, located: &Located) -> Option<Step> {
        let guide = &self.snapshot.guide;
        let (spot, client) = self.spot(located);
        let client = client.filter(|_| !guide.regions.is_empty())?;
        let land = guide.atlas.land(guide.atlas.cell(spot.cell).land);
        let country = land.country.map_or(String::new(), |code| String::from_utf8_lossy(&code).into_owned());
        let home = client.home;
        let name = || self.region_name(home);
        let because = match (guide.rule(spot), guide.claim(spot)) {
            (Some(Rule::Network(_)), _) => {
                let networks = guide.regions.get(usize::from(home)).map_or(&[][..], |region| &region.networks);
                let longest = networks.iter().filter(|network| network.contains(located.place)).max_by_key(|network| network.prefix());
                format!("{}, because its `networks` have {}", name(), longest.map_or(String::new(), Network::to_string))
            }
            (Some(Rule::Asn(_)), _) => {
                let asn = guide.atlas.asns().map_or(0, |asns| asns.find(located.place).value);
                format!("{}, because its `asns` have {asn}", name())
            }
            (None, Some((_, Claim::Subdivision))) => {
                let part = land.subdivision.map_or(String::new(), |part| part.as_str().to_owned());
                format!("{}, because it serves subdivision {country}-{part}", name())
            }
            (None, Some((_, Claim::Country))) => format!("{}, because it serves country {country}", name()),
            (None, Some((_, Claim::Continent))) => {
                let served = guide.regions.get(usize::from(home)).map_or(0, |region| region.continents & land.continents);
                format!("{}, because it serves continent {}", name(), continent_codes(served).collect::<Vec<_>>().join(", "))
            }
            (None, None) => match self.service.roster.geometry.ranked_from(guide, &client) {
                NOWHERE => "none serves the client, so distance alone decides".into(),
                nearest => format!("none serves the client, so that of its nearest panel: {}", self.region_name(nearest)),
            },
        };
        let region = (home != NOWHERE).then(name);
        Some(Step { facts: Facts::Region { region }, text: because })
    }

    pub(super) fn region_name(&self, region: u16) -> String {
        self.fleet.regions.get(usize::from(region)).map_or_else(|| "?".into(), |region| region.name.clone())
    }
}
