//! One record of a database: MaxMind's nested schema and the flat one, read by the same pass over everything the record holds.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::land::{self, Continents, Subdivision, continent_bit};

/// What a record says; nothing of it is checked against the globe yet.
#[derive(Default)]
pub(super) struct Record<'a> {
    country: Option<[u8; 2]>,
    registered: Option<[u8; 2]>,
    continent: Continents,
    subdivision: Option<Subdivision>,
    /// The flat schema gives a name, which means something only together with the country.
    state: Option<&'a str>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    pub(super) asn: u32,
    /// How much work it was to read: values, and bytes of text by the dozen.
    pub(super) weight: u64,
}

/// Records in the wild nest four deep.
const MAX_DEPTH: u32 = 64;

impl Record<'_> {
    /// The country, where the table knows it.
    pub(super) fn country(&self) -> Option<land::Country> {
        let known = |code: Option<[u8; 2]>| code.and_then(land::country);
        known(self.country).or_else(|| known(self.registered))
    }

    pub(super) fn continent(&self) -> Continents {
        self.continent
    }

    pub(super) fn subdivision(&self) -> Option<Subdivision> {
        let country = self.country()?.code;
        self.subdivision.or_else(|| Subdivision::named(country, self.state?))
    }

    /// Latitude and longitude, if they are a place on the globe. Makers of databases write (0, 0) where they know nothing.
    pub(super) fn coordinates(&self) -> Option<(f64, f64)> {
        let at = (self.latitude?, self.longitude?);
        let on_globe = (-90.0..=90.0).contains(&at.0) && (-180.0..=180.0).contains(&at.1);
        (on_globe && at != (0.0, 0.0)).then_some(at)
    }
}

impl<'de> Deserialize<'de> for Record<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut record = Self::default();
        Reading { spot: Spot::Root, depth: 0, record: &mut record }.deserialize(from)?;
        Ok(record)
    }
}

/// Where in the record a value stands.
#[derive(Clone, Copy)]
enum Spot {
    Root,
    Country,
    CountryCode,
    Registered,
    RegisteredCode,
    Continent,
    ContinentCode,
    Subdivisions,
    Subdivision,
    SubdivisionCode,
    State,
    Location,
    Latitude,
    Longitude,
    Traits,
    Asn,
    Other,
}

impl Spot {
    fn under(self, key: &str) -> Self {
        match (self, key) {
            (Self::Root, "country") => Self::Country,
            (Self::Root, "registered_country") => Self::Registered,
            (Self::Root, "continent") => Self::Continent,
            (Self::Root, "subdivisions") => Self::Subdivisions,
            (Self::Root, "location") => Self::Location,
            (Self::Root, "traits") => Self::Traits,
            (Self::Root, "country_code") | (Self::Country, "iso_code") => Self::CountryCode,
            (Self::Root, "state1") => Self::State,
            (Self::Root | Self::Location, "latitude") => Self::Latitude,
            (Self::Root | Self::Location, "longitude") => Self::Longitude,
            (Self::Root | Self::Traits, "autonomous_system_number") => Self::Asn,
            (Self::Registered, "iso_code") => Self::RegisteredCode,
            (Self::Continent, "code") => Self::ContinentCode,
            (Self::Subdivision, "iso_code") => Self::SubdivisionCode,
            _ => Self::Other,
        }
    }

    /// Of several subdivisions the first is the largest.
    fn nth(self, at: usize) -> Self {
        match (self, at) {
            (Self::Subdivisions, 0) => Self::Subdivision,
            _ => Self::Other,
        }
    }
}

struct Reading<'r, 'de> {
    spot: Spot,
    depth: u32,
    record: &'r mut Record<'de>,
}

impl<'de> Reading<'_, 'de> {
    fn inner(&mut self, spot: Spot) -> Reading<'_, 'de> {
        Reading { spot, depth: self.depth + 1, record: self.record }
    }

    fn enter<E: de::Error>(&self) -> Result<(), E> {
        match self.depth < MAX_DEPTH {
            true => Ok(()),
            false => Err(E::custom(format!("nested deeper than {MAX_DEPTH}"))),
        }
    }

    fn text(&mut self, text: &str) {
        self.record.weight += text.len() as u64 / 12;
        match self.spot {
            Spot::CountryCode => self.record.country = text.as_bytes().try_into().ok(),
            Spot::RegisteredCode => self.record.registered = text.as_bytes().try_into().ok(),
            Spot::ContinentCode => self.record.continent = continent_bit(text),
            Spot::SubdivisionCode => self.record.subdivision = Subdivision::parse(text),
            _ => {}
        }
    }

    fn number(&mut self, number: f64) {
        match self.spot {
            Spot::Latitude => self.record.latitude = Some(number),
            Spot::Longitude => self.record.longitude = Some(number),
            _ => {}
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.record.weight += 1;
        from.deserialize_any(self)
    }
}

/// Everything is visited, also what is of no use here: a record is sound as a whole or not at all.
impl<'de> Visitor<'de> for Reading<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a record")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.enter()?;
        while let Some(key) = map.next_key::<&str>()? {
            let spot = self.spot.under(key);
            map.next_value_seed(self.inner(spot))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        self.enter()?;
        for at in 0.. {
            let spot = self.spot.nth(at);
            if seq.next_element_seed(self.inner(spot))?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_borrowed_str<E: de::Error>(mut self, text: &'de str) -> Result<(), E> {
        self.text(text);
        if let Spot::State = self.spot {
            self.record.state = Some(text);
        }
        Ok(())
    }

    fn visit_str<E: de::Error>(mut self, text: &str) -> Result<(), E> {
        self.text(text);
        Ok(())
    }

    fn visit_f64<E: de::Error>(mut self, number: f64) -> Result<(), E> {
        self.number(number);
        Ok(())
    }

    fn visit_i64<E: de::Error>(mut self, number: i64) -> Result<(), E> {
        self.number(number as f64);
        Ok(())
    }

    fn visit_u64<E: de::Error>(mut self, number: u64) -> Result<(), E> {
        match self.spot {
            // The greatest number is kept for the ranges, and belongs to nobody (RFC 7300).
            Spot::Asn => self.record.asn = u32::try_from(number).ok().filter(|&asn| asn < u32::MAX).unwrap_or(0),
            _ => self.number(number as f64),
        }
        Ok(())
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<(), E> {
        self.record.weight += bytes.len() as u64 / 12;
        Ok(())
    }
}
