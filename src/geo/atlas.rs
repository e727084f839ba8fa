//! All that is known about where addresses are, in one table.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::document::Network;

use super::combine::{from_networks, overlay};
use super::database::Database;
use super::globe::Point;
use super::land::{self, Centres, Continents, Subdivision};
use super::ranges::{Hit, Ranges};

/// The name of the source that the operator's own words about networks have.
pub const OVERRIDES: &str = "geoip.overrides";

/// What an operator says of a network. One that says neither says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    pub network: Network,
    /// Latitude and longitude.
    pub at: Option<(f64, f64)>,
    pub country: Option<[u8; 2]>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Land {
    pub continents: Continents,
    pub country: Option<[u8; 2]>,
    pub subdivision: Option<Subdivision>,
}

/// A place as one source knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The middle of the earth when only the continent is known.
    point: Point,
    /// Its number in `Atlas::lands`.
    pub land: u16,
    /// Its number in `Atlas::sources`.
    pub source: u8,
}

/// The ranges give each address the number of a cell; 0 is the unknown one.
pub struct Atlas {
    ranges: Ranges<u32>,
    asns: Option<Ranges<u32>>,
    cells: Vec<Cell>,
    lands: Vec<Land>,
    sources: Vec<String>,
}

/// Lands by number; 0 is none at all.
pub(super) struct Lands {
    list: Vec<Land>,
    numbers: HashMap<Land, u16>,
}

/// ISO 3166-2 has about 5,000 subdivisions. A file that makes up more loses those; countries and continents alone always have room.
const MAX_SUBDIVISIONS: usize = 60_000;

impl Cell {
    pub const UNKNOWN: Self = Self { point: Point { x: 0.0, y: 0.0, z: 0.0 }, land: 0, source: 0 };

    pub(super) fn new(point: Option<Point>, land: u16) -> Self {
        Self { point: point.unwrap_or(Self::UNKNOWN.point), land, source: 0 }
    }

    /// Not known for the unknown cell, and where a database tells the continent alone.
    pub fn point(&self) -> Option<Point> {
        (self.point != Self::UNKNOWN.point).then_some(self.point)
    }

    pub(super) fn key(&self) -> ([u32; 3], u16) {
        ([self.point.x.to_bits(), self.point.y.to_bits(), self.point.z.to_bits()], self.land)
    }
}

impl Default for Atlas {
    fn default() -> Self {
        Self::new(Vec::new(), &[])
    }
}

impl Atlas {
    /// The overrides are believed first, then the databases in order.
    pub fn new(databases: Vec<Database>, overrides: &[Override]) -> Self {
        let mut atlas = Self {
            ranges: Ranges::default(),
            asns: None,
            cells: vec![Cell::UNKNOWN],
            lands: Vec::new(),
            sources: vec![OVERRIDES.to_owned()],
        };
        let mut lands = Lands::default();
        let mut places = vec![atlas.take_overrides(overrides, &mut lands)];
        let mut asns = Vec::new();
        for mut database in databases {
            asns.push(std::mem::take(&mut database.asns));
            places.push(atlas.take(database, &mut lands));
        }
        // From the last to the first: each lies on top of what is less believed.
        let stack = |layers: Vec<Ranges<u32>>| layers.into_iter().rev().reduce(|bottom, top| overlay(top, bottom)).unwrap_or_default();
        atlas.ranges = stack(places);
        atlas.asns = Some(stack(asns)).filter(|asns| !asns.is_empty());
        atlas.cells.shrink_to_fit();
        atlas.lands = lands.list;
        atlas.lands.shrink_to_fit();
        atlas
    }

    #[inline]
    pub fn find(&self, address: IpAddr) -> Hit<u32> {
        self.ranges.find(address)
    }

    /// The unknown cell for numbers that this atlas never gave.
    #[inline]
    pub fn cell(&self, number: u32) -> Cell {
        self.cells.get(number as usize).copied().unwrap_or(Cell::UNKNOWN)
    }

    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    pub fn lands(&self) -> &[Land] {
        &self.lands
    }

    pub fn land(&self, number: u16) -> Land {
        self.lands.get(usize::from(number)).copied().unwrap_or_default()
    }

    pub fn ranges(&self) -> &Ranges<u32> {
        &self.ranges
    }

    /// Which system announces an address; 0 where that is not known.
    pub fn asns(&self) -> Option<&Ranges<u32>> {
        self.asns.as_ref()
    }

    /// Who told a place: the overrides, then the databases as the operator named them.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// In bytes.
    pub fn memory(&self) -> usize {
        let tables = self.ranges.memory() + self.asns.as_ref().map_or(0, Ranges::memory);
        tables + self.cells.capacity() * size_of::<Cell>() + self.lands.capacity() * size_of::<Land>()
    }

    fn take_overrides(&mut self, overrides: &[Override], lands: &mut Lands) -> Ranges<u32> {
        let centres = Centres::new();
        let mut networks = Vec::new();
        for said in overrides {
            let country = said.country.and_then(land::country);
            let Some((latitude, longitude)) = said.at.or(country.map(|country| country.centre)) else { continue };
            let point = Point::at(latitude, longitude);
            let continents = country.unwrap_or_else(|| centres.nearest(point)).continent;
            let land = lands.number(Land { continents, country: country.map(|country| country.code), subdivision: None });
            networks.push((said.network, self.cells.len() as u32));
            self.cells.push(Cell::new(Some(point), land));
        }
        from_networks(networks)
    }

    /// The places of a database, with the numbers they have here.
    fn take(&mut self, database: Database, all: &mut Lands) -> Ranges<u32> {
        let Database { name, mut cells, lands, mut places, .. } = database;
        let source = u8::try_from(self.sources.len()).unwrap_or(u8::MAX);
        self.sources.push(name);
        let lands: Vec<u16> = lands.list.into_iter().map(|land| all.number(land)).collect();
        for cell in &mut cells[1..] {
            (cell.land, cell.source) = (lands[usize::from(cell.land)], source);
        }
        // Every database has the unknown cell at its beginning.
        let by = self.cells.len() as u32 - 1;
        match by {
            0 => self.cells = cells,
            _ => {
                self.cells.extend_from_slice(&cells[1..]);
                places.add(by);
            }
        }
        places
    }
}

impl Default for Lands {
    fn default() -> Self {
        Self { list: vec![Land::default()], numbers: HashMap::from([(Land::default(), 0)]) }
    }
}

impl Lands {
    pub(super) fn number(&mut self, land: Land) -> u16 {
        if let Some(number) = self.numbers.get(&land) {
            return *number;
        }
        if self.list.len() >= MAX_SUBDIVISIONS && land.subdivision.is_some() {
            return self.number(Land { subdivision: None, ..land });
        }
        let number = u16::try_from(self.list.len()).expect("countries times continents are fewer than what is left");
        self.list.push(land);
        self.numbers.insert(land, number);
        number
    }
}
