//! Whose answers are watched.

use crate::document::Network;

/// A network, and where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Client {
    pub(super) city: &'static str,
    network: &'static str,
    at: (f64, f64),
    country: [u8; 2],
}

/// One for each panel of the shipped fleet; the database that Meridian comes with places them there, too.
pub(super) const CLIENTS: [Client; 5] = [
    Client { city: "Paris", network: "212.27.48.0/24", at: (48.86, 2.35), country: *b"FR" },
    Client { city: "Amsterdam", network: "145.18.0.0/24", at: (52.37, 4.9), country: *b"NL" },
    Client { city: "New York", network: "128.59.0.0/24", at: (40.71, -74.0), country: *b"US" },
    Client { city: "Los Angeles", network: "128.97.0.0/24", at: (34.05, -118.24), country: *b"US" },
    Client { city: "Singapore", network: "137.132.0.0/24", at: (1.35, 103.82), country: *b"SG" },
];

impl Client {
    pub(super) fn network(&self) -> Network {
        Network::parse(self.network).unwrap_or_else(|_| Network::everywhere()[0])
    }

    /// What a database says of it, where there is none.
    pub(super) fn placed(&self) -> crate::config::Override {
        let country = String::from_utf8_lossy(&self.country).into_owned();
        crate::config::Override { network: self.network(), at: Some(self.at), country: Some(country) }
    }
}

/// By the beginning of the city's name, in any case and with or without its space.
pub(super) fn find(word: &str) -> Option<&'static Client> {
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let word = plain(word);
    CLIENTS.iter().find(|client| !word.is_empty() && plain(client.city).starts_with(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn cities_are_found_by_how_they_begin() {
        for (word, city) in
            [("paris", "Paris"), ("NEW", "New York"), ("new-york", "New York"), ("losangeles", "Los Angeles"), ("s", "Singapore")]
        {
            assert_eq!(find(word).map(|client| client.city), Some(city), "{word}");
        }
        assert_eq!((find("york"), find(""), find("-")), (None, None, None));
    }

    #[test]
    fn the_shipped_database_places_them_where_they_are() {
        let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/city.mmdb")).unwrap();
        let reader = maxminddb::Reader::from_source(bytes).unwrap();
        for client in CLIENTS {
            let found: maxminddb::geoip2::City<'_> = reader.lookup(client.network().address()).unwrap().decode().unwrap().unwrap();
            let place = found.location;
            let (latitude, longitude) = (place.latitude.unwrap(), place.longitude.unwrap());
            assert!(
                (latitude - client.at.0).abs() < 0.5 && (longitude - client.at.1).abs() < 0.5,
                "{}: {latitude} {longitude}",
                client.city
            );
            assert_eq!(found.country.iso_code.map(str::as_bytes), Some(&client.country[..]), "{}", client.city);
        }
    }
}
