//! A database file, flattened.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;

use maxminddb::Reader;

use crate::document::{Problem, shown};

use super::atlas::{Cell, Land, Lands};
use super::build::Builder;
use super::globe::Point;
use super::land::Centres;
use super::ranges::Ranges;
use super::record::Record;
use super::tree::{Start, Tree};

/// What one file knows, with numbers of its own for its cells and lands.
pub struct Database {
    /// The file as the operator named it.
    pub name: String,
    /// What the maker calls it, such as `GeoLite2-City`.
    pub kind: String,
    /// Seconds since 1970.
    pub built: u64,
    pub(super) cells: Vec<Cell>,
    pub(super) lands: Lands,
    pub(super) places: Ranges<u32>,
    pub(super) asns: Ranges<u32>,
}

/// A record brings a value a byte or two when names are shared by pointers; a file that brings more is made to waste time.
const WORK_A_BYTE: u64 = 64;
/// Small files may share more.
const LEAST_WORK: u64 = 1 << 20;
/// A database of places has few records that know nothing; one of something else has hardly any that happen to look like a place.
const LEAST_PER_CENT: usize = 3;

/// Reads a whole file; every record in it is decoded once. A file with a fault anywhere is refused.
pub fn read(name: &str, bytes: Vec<u8>) -> Result<Database, Problem> {
    flatten(name, &bytes).map_err(|(what, hint)| Problem::error(name, 0, what).hint(hint))
}

type Refusal = (String, String);

fn flatten(name: &str, bytes: &[u8]) -> Result<Database, Refusal> {
    let broken = |what: String| (what, "get the file anew".to_owned());
    let reader = Reader::from_source(bytes).map_err(|error| broken(format!("not a sound mmdb database: {error}")))?;
    let about = reader.metadata();
    let tree_size = about.node_count as usize * usize::from(about.record_size) / 4;
    let tree = Tree { bytes: &bytes[..tree_size], record_size: about.record_size, node_count: about.node_count, v6: about.ip_version == 6 };
    let mut facts = Facts::new(&reader, bytes.len());
    let (mut places, mut asns) = (Builder::new(), Builder::new());
    tree.walk(|leaf| {
        let known = match leaf.record {
            None => Known::default(),
            Some(record) => facts.at(record, leaf.start)?,
        };
        match leaf.start {
            Start::V4(start) => {
                places.push_v4(start, known.cell);
                asns.push_v4(start, known.asn);
            }
            Start::V6(start) => {
                places.push_v6(start, known.cell);
                asns.push_v6(start, known.asn);
            }
        }
        Ok(())
    })
    .map_err(|what| broken(format!("not a sound mmdb database: {what}")))?;
    if facts.useful * 100 < facts.seen.len() * LEAST_PER_CENT || facts.useful == 0 {
        let kind = shown(&about.database_type);
        let (useful, all) = (facts.useful, facts.seen.len());
        let what = format!("not a database of places or ASNs: its type is `{kind}`, and {useful} of its {all} records tell one");
        return Err((what, "cities, countries and ASNs are read, in MaxMind's schema or the flat one of ip-location-db".into()));
    }
    let Facts { cells, lands, .. } = facts;
    Ok(Database {
        name: name.to_owned(),
        kind: about.database_type.clone(),
        built: about.build_epoch,
        cells: cells.list,
        lands,
        places: places.finish(),
        asns: asns.finish(),
    })
}

#[derive(Clone, Copy, Default)]
struct Known {
    cell: u32,
    asn: u32,
}

/// The records met so far.
struct Facts<'a> {
    reader: &'a Reader<&'a [u8]>,
    seen: HashMap<u32, Known, BuildHasherDefault<Spread>>,
    useful: usize,
    work: u64,
    cells: Cells,
    lands: Lands,
    centres: Centres,
}

impl<'a> Facts<'a> {
    fn new(reader: &'a Reader<&'a [u8]>, size: usize) -> Self {
        let work = LEAST_WORK + WORK_A_BYTE * size as u64;
        let (cells, lands, centres) = (Cells::new(), Lands::default(), Centres::new());
        Self { reader, seen: HashMap::default(), useful: 0, work, cells, lands, centres }
    }

    #[inline]
    fn at(&mut self, record: u32, start: Start) -> Result<Known, String> {
        match self.seen.get(&record) {
            Some(known) => Ok(*known),
            None => self.read(record, start),
        }
    }

    fn read(&mut self, offset: u32, start: Start) -> Result<Known, String> {
        let address: IpAddr = match start {
            Start::V4(start) => IpAddr::V4(start.into()),
            Start::V6(start) => IpAddr::V6(start.into()),
        };
        let record = self.reader.lookup(address).and_then(|result| result.decode::<Record<'_>>());
        let record = record.map_err(|error| format!("the record of {address}: {error}"))?.unwrap_or_default();
        self.work = self.work.checked_sub(record.weight).ok_or("its records share more than any real ones do")?;
        let cell = self.place(&record);
        let known = Known { cell, asn: record.asn };
        self.useful += usize::from(known.cell != 0 || known.asn != 0);
        self.seen.insert(offset, known);
        Ok(known)
    }

    fn place(&mut self, record: &Record<'_>) -> u32 {
        let country = record.country();
        let coordinates = record.coordinates().or(country.map(|country| country.centre));
        let point = coordinates.map(|(latitude, longitude)| Point::at(latitude, longitude));
        let continents = match (record.continent(), country, point) {
            (0, Some(country), _) => country.continent,
            (0, None, Some(point)) => self.centres.nearest(point).continent,
            (continents, ..) => continents,
        };
        if point.is_none() && continents == 0 {
            return 0;
        }
        let land = Land { continents, country: country.map(|country| country.code), subdivision: record.subdivision() };
        self.cells.number(Cell::new(point, self.lands.number(land)))
    }
}

/// Equal places have one number, whatever else their records say.
struct Cells {
    list: Vec<Cell>,
    numbers: HashMap<([u32; 3], u16), u32>,
}

impl Cells {
    fn new() -> Self {
        Self { list: vec![Cell::UNKNOWN], numbers: HashMap::new() }
    }

    fn number(&mut self, cell: Cell) -> u32 {
        *self.numbers.entry(cell.key()).or_insert_with(|| {
            self.list.push(cell);
            self.list.len() as u32 - 1
        })
    }
}

/// Offsets come from the file, and a map of them is asked millions of times: one multiplication spreads them well enough.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(u32::from(byte)));
    }

    fn write_u32(&mut self, number: u32) {
        let spread = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ spread >> 32;
    }
}
