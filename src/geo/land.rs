//! Lands: continents, countries and their subdivisions, by their codes.

use super::countries::COUNTRIES;
use super::globe::{Point, distance_km};

/// A set of continents, a bit each, in the order of `CONTINENTS`.
pub type Continents = u8;

/// A code of ISO 3166-2 without its country, filled up with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subdivision([u8; 3]);

/// A country as the table has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Country {
    pub code: [u8; 2],
    pub continent: Continents,
    /// Latitude and longitude.
    pub centre: (f64, f64),
}

const CONTINENTS: [(&str, &str); 7] = [
    ("AF", "Africa"),
    ("AN", "Antarctica"),
    ("AS", "Asia"),
    ("EU", "Europe"),
    ("NA", "North America"),
    ("OC", "Oceania"),
    ("SA", "South America"),
];

/// 0 when there is no such continent.
pub const fn continent_bit(code: &str) -> Continents {
    let code = code.as_bytes();
    let mut at = 0;
    while at < CONTINENTS.len() {
        let known = CONTINENTS[at].0.as_bytes();
        if code.len() == 2 && code[0] == known[0] && code[1] == known[1] {
            return 1 << at;
        }
        at += 1;
    }
    0
}

/// The codes of a set of continents.
pub fn continent_codes(continents: Continents) -> impl Iterator<Item = &'static str> {
    CONTINENTS.iter().enumerate().filter(move |(at, _)| continents & 1 << at != 0).map(|(_, (code, _))| *code)
}

pub fn continent_name(code: &str) -> Option<&'static str> {
    CONTINENTS.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

pub fn country(code: [u8; 2]) -> Option<Country> {
    COUNTRIES.binary_search_by_key(&code, |country| country.code).ok().map(|at| COUNTRIES[at])
}

/// The country whose centre is nearest.
pub fn nearest_country(latitude: f64, longitude: f64) -> Country {
    let far = |country: &Country| distance_km(country.centre, (latitude, longitude));
    *COUNTRIES.iter().min_by(|a, b| far(a).total_cmp(&far(b))).expect("the table has countries")
}

/// The centres as points, for those who ask for the nearest one many times.
pub(super) struct Centres(Vec<Point>);

impl Centres {
    pub(super) fn new() -> Self {
        Self(COUNTRIES.iter().map(|country| Point::at(country.centre.0, country.centre.1)).collect())
    }

    pub(super) fn nearest(&self, point: Point) -> Country {
        let far = |at: &usize| self.0[*at].chord2(point);
        COUNTRIES[(0..COUNTRIES.len()).min_by(|a, b| far(a).total_cmp(&far(b))).expect("the table has countries")]
    }
}

impl Subdivision {
    /// One to three letters and digits, the letters large.
    pub fn parse(code: &str) -> Option<Self> {
        let sound = (1..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let mut bytes = [0; 3];
        sound.then(|| bytes[..code.len()].copy_from_slice(code.as_bytes()))?;
        Some(Self(bytes))
    }

    /// From a name as the flat schema gives it: those of the US and Canada are known, and codes stand for themselves.
    pub fn named(country: [u8; 2], name: &str) -> Option<Self> {
        let names: &[(&str, &str)] = match &country {
            b"US" => &STATES,
            b"CA" => &PROVINCES,
            _ => &[],
        };
        let known = names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, code)| *code);
        Self::parse(known.or((name.len() > 1).then_some(name))?)
    }

    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|&b| b == 0).unwrap_or(3);
        std::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

const STATES: [(&str, &str); 52] = [
    ("Alabama", "AL"),
    ("Alaska", "AK"),
    ("Arizona", "AZ"),
    ("Arkansas", "AR"),
    ("California", "CA"),
    ("Colorado", "CO"),
    ("Connecticut", "CT"),
    ("Delaware", "DE"),
    ("District of Columbia", "DC"),
    ("Florida", "FL"),
    ("Georgia", "GA"),
    ("Hawaii", "HI"),
    ("Idaho", "ID"),
    ("Illinois", "IL"),
    ("Indiana", "IN"),
    ("Iowa", "IA"),
    ("Kansas", "KS"),
    ("Kentucky", "KY"),
    ("Louisiana", "LA"),
    ("Maine", "ME"),
    ("Maryland", "MD"),
    ("Massachusetts", "MA"),
    ("Michigan", "MI"),
    ("Minnesota", "MN"),
    ("Mississippi", "MS"),
    ("Missouri", "MO"),
    ("Montana", "MT"),
    ("Nebraska", "NE"),
    ("Nevada", "NV"),
    ("New Hampshire", "NH"),
    ("New Jersey", "NJ"),
    ("New Mexico", "NM"),
    ("New York", "NY"),
    ("North Carolina", "NC"),
    ("North Dakota", "ND"),
    ("Ohio", "OH"),
    ("Oklahoma", "OK"),
    ("Oregon", "OR"),
    ("Pennsylvania", "PA"),
    ("Rhode Island", "RI"),
    ("South Carolina", "SC"),
    ("South Dakota", "SD"),
    ("Tennessee", "TN"),
    ("Texas", "TX"),
    ("Utah", "UT"),
    ("Vermont", "VT"),
    ("Virginia", "VA"),
    ("Washington", "WA"),
    ("Washington, D.C.", "DC"),
    ("West Virginia", "WV"),
    ("Wisconsin", "WI"),
    ("Wyoming", "WY"),
];

const PROVINCES: [(&str, &str); 15] = [
    ("Alberta", "AB"),
    ("British Columbia", "BC"),
    ("Manitoba", "MB"),
    ("New Brunswick", "NB"),
    ("Newfoundland and Labrador", "NL"),
    ("Newfoundland", "NL"),
    ("Northwest Territories", "NT"),
    ("Nova Scotia", "NS"),
    ("Nunavut", "NU"),
    ("Ontario", "ON"),
    ("Prince Edward Island", "PE"),
    ("Quebec", "QC"),
    ("Québec", "QC"),
    ("Saskatchewan", "SK"),
    ("Yukon", "YT"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_each_country_has_one_continent_and_a_centre_on_the_globe() {
        assert!(COUNTRIES.windows(2).all(|pair| pair[0].code < pair[1].code));
        for country in COUNTRIES {
            let (latitude, longitude) = country.centre;
            assert_eq!(country.continent.count_ones(), 1, "{country:?}");
            assert!((-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude), "{country:?}");
            assert!(country.centre != (0.0, 0.0), "{country:?}");
            assert!(country.code.iter().all(u8::is_ascii_uppercase), "{country:?}");
            assert_eq!(super::country(country.code), Some(country));
        }
        assert_eq!(country(*b"XX"), None);
        assert_eq!(country(*b"EU"), None);
    }

    #[test]
    fn continents_are_bits_in_the_order_of_their_codes() {
        for (at, code) in ["AF", "AN", "AS", "EU", "NA", "OC", "SA"].into_iter().enumerate() {
            assert_eq!(continent_bit(code), 1 << at);
            assert!(continent_name(code).is_some());
        }
        for none in ["", "E", "EUR", "eu", "XX"] {
            assert_eq!((continent_bit(none), continent_name(none)), (0, None), "{none}");
        }
        assert_eq!(continent_codes(continent_bit("EU") | continent_bit("AF")).collect::<Vec<_>>(), ["AF", "EU"]);
    }

    #[test]
    fn a_bare_place_lies_in_the_country_of_the_nearest_centre() {
        for (place, code) in
            [((50.1, 8.7), b"DE"), ((47.37, 8.54), b"CH"), ((-33.9, 18.4), b"ZA"), ((39.7, -105.0), b"US"), ((-17.8, 178.0), b"FJ")]
        {
            assert_eq!(nearest_country(place.0, place.1).code, *code, "{place:?}");
        }
    }

    #[test]
    fn subdivisions_are_codes_or_names_of_the_us_and_canada() {
        let named = |country: &[u8; 2], name: &str| Subdivision::named(*country, name).map(|code| code.as_str().to_owned());
        assert_eq!(named(b"US", "California").as_deref(), Some("CA"));
        assert_eq!(named(b"US", "district of columbia").as_deref(), Some("DC"));
        assert_eq!(named(b"CA", "Québec").as_deref(), Some("QC"));
        assert_eq!(named(b"US", "TX").as_deref(), Some("TX"));
        assert_eq!(named(b"GB", "ENG").as_deref(), Some("ENG"));
        for (country, name) in
            [(b"CH", "Uri"), (b"DE", "Bavaria"), (b"DE", "California"), (b"US", ""), (b"US", "X"), (b"US", "Ontario"), (b"FR", "ÎD")]
        {
            assert_eq!(named(country, name), None, "{name}");
        }
        assert_eq!(Subdivision::parse("7").unwrap().as_str(), "7");
        for bad in ["", "ABCD", "ca", "C-A", "É"] {
            assert_eq!(Subdivision::parse(bad), None, "{bad}");
        }
    }
}
