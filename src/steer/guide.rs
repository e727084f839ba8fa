//! Where a client is, as ranking needs to know it: databases and the regions' own rules laid over each other.

use crate::document::Network;
use crate::geo::{Atlas, Continents, Hit, Land, Point, Ranges, networks_overlay};
use std::net::IpAddr;
use std::sync::Arc;

/// No region at all, where a region's number belongs.
pub const NOWHERE: u16 = u16::MAX;
/// Twice the number of the last, and two, must fit into a rule.
const MAX_REGIONS: usize = 32_000;
/// The rank of regions that neither serve a client nor follow the one that does.
const OTHERS: u16 = u16::MAX;

/// A region as operators describe it, codes in capitals.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Region {
    pub latitude: f64,
    pub longitude: f64,
    pub continents: Continents,
    pub countries: Vec<String>,
    pub subdivisions: Vec<String>,
    pub networks: Vec<Network>,
    pub asns: Vec<u32>,
    /// Numbers of the regions where its clients go next.
    pub then: Vec<u16>,
}

/// All regions of a fleet over one atlas.
#[derive(Default)]
pub struct Guide {
    pub atlas: Arc<Atlas>,
    pub regions: Vec<Region>,
    homes: Vec<Home>,
    /// Twice a region's number, plus one where an ASN says so, plus one; 0: no rule.
    rules: Ranges<u16>,
    /// Per land of the atlas the region that serves it, or `NOWHERE`.
    lands: Vec<u16>,
}

/// What of a region its clients share.
#[derive(Clone, Copy, Debug)]
struct Home {
    point: Point,
    continents: Continents,
}

/// What is known of an address. Both zero: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Spot {
    pub rule: u16,
    pub cell: u32,
}

/// A rule of a region that names an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Network(u16),
    Asn(u16),
}

/// What of a client's land a region serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    Subdivision,
    Country,
    Continent,
}

/// A client whose place is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Client {
    pub point: Point,
    /// The region that serves it, or `NOWHERE` when no region says so.
    pub home: u16,
    pub continents: Continents,
}

/// The atlas has millions of entries, so only its size is shown.
impl std::fmt::Debug for Guide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guide").field("cells", &self.atlas.cells().len()).field("regions", &self.regions).finish_non_exhaustive()
    }
}

impl Guide {
    /// Regions are numbered as they come.
    pub fn new(atlas: Arc<Atlas>, regions: Vec<Region>) -> Self {
        // The fleet refuses more; those of a fleet that was refused must not make numbers that wrap.
        let numbered = || regions.iter().zip(0u16..).take(MAX_REGIONS);
        let networks: Vec<(Network, u16)> =
            numbered().flat_map(|(region, n)| region.networks.iter().map(move |network| (*network, 2 * n + 1))).collect();
        let asns: Vec<(u32, u16)> = numbered().flat_map(|(region, n)| region.asns.iter().map(move |asn| (*asn, 2 * n + 2))).collect();
        let rules = networks_overlay(&networks, &asns, &atlas);
        let homes =
            regions.iter().map(|region| Home { point: Point::at(region.latitude, region.longitude), continents: continents(region) });
        let homes = homes.collect();
        let lands = atlas.lands().iter().map(|land| claim(&regions, land).map_or(NOWHERE, |(region, _)| region)).collect();
        Self { atlas, homes, rules, lands, regions }
    }

    /// What is known of `address`, and the widest network around it of which the same is known.
    #[inline]
    pub fn find(&self, address: IpAddr) -> (Spot, u8) {
        let mut prefix = 0;
        if !self.rules.is_empty() {
            let rule = self.rules.find(address);
            if rule.value != 0 {
                return (Spot { rule: rule.value, cell: 0 }, rule.prefix);
            }
            prefix = rule.prefix;
        }
        let Hit { value, prefix: own } = self.atlas.find(address);
        (Spot { rule: 0, cell: value }, prefix.max(own))
    }

    #[inline]
    pub fn client(&self, spot: Spot) -> Option<Client> {
        if spot.rule != 0 {
            let home = (spot.rule - 1) / 2;
            let Home { point, continents } = *self.homes.get(usize::from(home))?;
            return Some(Client { point, home, continents });
        }
        let cell = self.atlas.cell(spot.cell);
        let home = self.lands.get(usize::from(cell.land)).copied().unwrap_or(NOWHERE);
        // Where only the continent is known, the region that serves it says where on it.
        let point = cell.point().or_else(|| self.homes.get(usize::from(home)).map(|home| home.point))?;
        Some(Client { point, home, continents: self.atlas.land(cell.land).continents })
    }

    pub fn rule(&self, spot: Spot) -> Option<Rule> {
        let n = spot.rule.checked_sub(1)?;
        Some(if n % 2 == 0 { Rule::Network(n / 2) } else { Rule::Asn(n / 2) })
    }

    /// The region that serves a place by its land, and what of the land it names.
    pub fn claim(&self, spot: Spot) -> Option<(u16, Claim)> {
        claim(&self.regions, &self.atlas.land(self.atlas.cell(spot.cell).land))
    }

    pub fn rules(&self) -> &Ranges<u16> {
        &self.rules
    }

    pub fn rule_count(&self) -> usize {
        2 * self.regions.len() + 1
    }

    /// How soon panels of `region` come for clients of `home`: its own first, then those of `then` in order, then all others.
    #[inline]
    pub fn rank(&self, home: u16, region: u16) -> u16 {
        if home == region {
            return 0;
        }
        let then = self.regions.get(usize::from(home)).map_or(&[][..], |region| &region.then);
        then.iter().position(|next| *next == region).map_or(OTHERS, |n| u16::try_from(n + 1).unwrap_or(OTHERS))
    }

    pub(super) fn has_followers(&self, region: u16) -> bool {
        self.regions.get(usize::from(region)).is_some_and(|region| !region.then.is_empty())
    }

    /// The continents a region counts to.
    pub fn continents(&self, region: u16) -> Continents {
        self.homes.get(usize::from(region)).map_or(0, |home| home.continents)
    }
}

/// The first region that names the land most exactly.
fn claim(regions: &[Region], land: &Land) -> Option<(u16, Claim)> {
    let first = |wanted: &dyn Fn(&Region) -> bool| regions.iter().zip(0u16..).find(|(region, _)| wanted(region)).map(|(_, n)| n);
    let country = land.country.as_ref().and_then(|code| str::from_utf8(code).ok());
    let subdivision = land.subdivision.zip(country).map(|(part, country)| format!("{country}-{}", part.as_str()));
    let by_subdivision = first(&|region| subdivision.as_ref().is_some_and(|code| region.subdivisions.contains(code)));
    let by_country = || first(&|region| country.is_some_and(|code| region.countries.iter().any(|known| known == code)));
    let by_continent = || first(&|region| region.continents & land.continents != 0);
    by_subdivision
        .map(|n| (n, Claim::Subdivision))
        .or_else(|| by_country().map(|n| (n, Claim::Country)))
        .or_else(|| by_continent().map(|n| (n, Claim::Continent)))
}

/// What it serves, else where it stands.
fn continents(region: &Region) -> Continents {
    match region.continents {
        0 => crate::geo::nearest_country(region.latitude, region.longitude).continent,
        serves => serves,
    }
}
