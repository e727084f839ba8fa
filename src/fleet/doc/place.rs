//! `[[region]]` and `[[panel]]`.

use super::country::country_code;
use crate::document::{At, Network, TableReader, shown};
use crate::fleet::{Place, Serves, State};
use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::net::IpAddr;

/// Beyond it a panel would have all clients anyway.
const MAX_WEIGHT: f64 = 10_000.0;
/// An answer carries no more addresses, so the rest would never be seen.
const MAX_ADDRESSES: usize = 32;
/// More connections than a host has ports to serve them from.
const MAX_CAPACITY: u32 = 100_000_000;
/// Many times round: whoever writes more writes no degrees.
const MAX_DEGREES: f64 = 1e6;
/// Above any rate or share a host reports.
const MAX_LIMIT: f64 = 1e9;
const CONTINENTS: [&str; 7] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];
/// The gauges a panel reports that have a limit; connections have `capacity`.
const GAUGES: [&str; 3] = ["bandwidth_mbps", "cpu", "memory"];

#[derive(Clone, Debug)]
pub struct Region {
    pub at: Option<Place>,
    pub serves: Serves,
    pub then: Vec<At<String>>,
}

#[derive(Clone, Debug)]
pub struct Panel {
    pub region: Option<At<String>>,
    pub at: Option<Place>,
    pub addresses: Vec<IpAddr>,
    pub checks: Vec<At<String>>,
    pub capacity: Option<At<u32>>,
    pub limits: Vec<(String, f64)>,
    pub weight: Option<At<f64>>,
    pub state: Option<At<State>>,
    pub labels: Vec<(String, String)>,
}

pub(super) fn read_region(table: &mut TableReader<'_>) -> Region {
    table.needs("at", "say where it is: at = [latitude, longitude], such as [50.11, 8.68]");
    let at = read_place(table);
    let serves = table.table("serves").map_or_else(Serves::default, |mut serves| {
        let read = read_serves(&mut serves);
        serves.finish();
        read
    });
    Region { at, serves, then: table.texts("then").map_or_else(Vec::new, |then| then.it) }
}

pub(super) fn read_panel(table: &mut TableReader<'_>) -> Panel {
    table.needs("addresses", "say how it is reached: addresses = [\"192.0.2.1\"]");
    Panel {
        region: table.text("region"),
        at: read_place(table),
        addresses: read_addresses(table),
        checks: table.texts("checks").map_or_else(Vec::new, |checks| checks.it),
        capacity: table.integer("capacity", 1..=MAX_CAPACITY),
        limits: read_limits(table),
        weight: table.float("weight", 0.0..=MAX_WEIGHT),
        state: table.word("state", &[("enabled", State::Enabled), ("draining", State::Draining), ("disabled", State::Disabled)]),
        labels: read_labels(table),
    }
}

/// The key `at`: latitude and longitude in degrees.
pub fn read_place(table: &mut TableReader<'_>) -> Option<Place> {
    let at = table.list("at")?;
    let [latitude, longitude] = at.it else {
        let what = format!("found a list of {} where latitude and longitude belong", at.len());
        table.error(at.line, "at", what, "write degrees, such as at = [50.11, 8.68]");
        return None;
    };
    let before = table.reader().errors();
    // Any angle first: only two numbers can be told to be the wrong way round.
    let any = -MAX_DEGREES..=MAX_DEGREES;
    let numbers = (table.float_of("at", latitude, any.clone()), table.float_of("at", longitude, any));
    let (Some(latitude), Some(longitude)) = numbers else {
        debug_assert!(table.reader().errors() > before);
        return None;
    };
    let (latitude, longitude) = (latitude.it, longitude.it);
    let fits = |latitude: f64, longitude: f64| latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    if fits(latitude, longitude) {
        return Some(Place { latitude, longitude });
    }
    let hint = match fits(longitude, latitude) {
        true => format!("latitude comes first: at = [{longitude}, {latitude}]"),
        false => "latitude is from -90 to 90, longitude from -180 to 180".into(),
    };
    table.error(at.line, "at", format!("[{latitude}, {longitude}] is off the globe"), hint);
    None
}

fn read_serves(table: &mut TableReader<'_>) -> Serves {
    Serves {
        continents: read_codes(table, "continents", continent_code),
        countries: read_codes(table, "countries", country_code),
        subdivisions: read_codes(table, "subdivisions", subdivision_code),
        networks: read_networks(table),
        asns: read_asns(table),
    }
}

/// Codes are kept in capitals. The error of `read` says what is wrong and what would be right.
fn read_codes(table: &mut TableReader<'_>, key: &'static str, read: fn(&str) -> Result<String, (String, String)>) -> Vec<String> {
    let mut codes = Vec::new();
    for text in table.texts(key).map_or_else(Vec::new, |texts| texts.it) {
        match read(&text) {
            Ok(code) => codes.push(At::new(text.line, code)),
            Err((what, hint)) => table.error(text.line, key, what, hint),
        }
    }
    each_once(table, key, codes)
}

fn continent_code(text: &str) -> Result<String, (String, String)> {
    let code = text.to_ascii_uppercase();
    if CONTINENTS.contains(&code.as_str()) {
        return Ok(code);
    }
    Err((format!("`{}` is not a continent", shown(text)), format!("write one of {}", CONTINENTS.join(", "))))
}

fn subdivision_code(text: &str) -> Result<String, (String, String)> {
    let wrong = |hint: String| Err((format!("`{}` is not a subdivision", shown(text)), hint));
    let code = text.to_ascii_uppercase();
    let parts = code.split_once('-').filter(|(_, part)| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    let Some((land, part)) = parts else {
        return wrong("write country-part by ISO 3166-2, such as \"US-CA\"".into());
    };
    match country_code(land) {
        Ok(_) => Ok(code),
        // `GB-ENG` is what whoever wrote `UK-ENG` wants to read.
        Err((_, hint)) if hint.starts_with("did you mean") => wrong(hint.replace("`?", &format!("-{part}`?"))),
        Err((what, hint)) => wrong(format!("{what}: {hint}")),
    }
}

fn read_networks(table: &mut TableReader<'_>) -> Vec<Network> {
    let networks = table.networks("networks").map_or_else(Vec::new, |networks| networks.it);
    each_once(table, "networks", networks)
}

fn read_asns(table: &mut TableReader<'_>) -> Vec<u32> {
    let asns = table.integers("asns", 1..=u32::MAX).map_or_else(Vec::new, |asns| asns.it);
    each_once(table, "asns", asns)
}

fn each_once<T: Clone + Eq + Hash + Display>(table: &TableReader<'_>, key: &str, items: Vec<At<T>>) -> Vec<T> {
    let mut seen = HashSet::with_capacity(items.len());
    let mut once = Vec::with_capacity(items.len());
    for item in items {
        if seen.insert(item.it.clone()) {
            once.push(item.it);
        } else {
            table.error(item.line, key, format!("`{}` is listed twice", item.it), "keep one of the two");
        }
    }
    once
}

fn read_addresses(table: &mut TableReader<'_>) -> Vec<IpAddr> {
    let Some(texts) = table.list("addresses") else { return Vec::new() };
    let mut addresses = Vec::new();
    for text in texts.iter().filter_map(|node| table.text_of("addresses", node)) {
        let Some(address) = read_address(table, &text) else { continue };
        if addresses.contains(&address) {
            table.error(text.line, "addresses", format!("`{address}` is listed twice"), "keep one of the two");
        } else {
            addresses.push(address);
        }
    }
    if texts.is_empty() {
        table.error(texts.line, "addresses", "the list is empty", "a panel has at least one address: addresses = [\"192.0.2.1\"]");
    }
    if addresses.len() > MAX_ADDRESSES {
        let what = format!("found {} addresses", addresses.len());
        table.error(texts.line, "addresses", what, format!("a panel has at most {MAX_ADDRESSES}"));
    }
    addresses
}

fn read_address(table: &TableReader<'_>, text: &At<String>) -> Option<IpAddr> {
    let (what, hint) = match text.parse::<IpAddr>() {
        Ok(address) => match unreachable(address) {
            None => return Some(address),
            Some((what, hint)) => (what, hint),
        },
        Err(_) if text.parse::<std::net::SocketAddr>().is_ok() => {
            ("has a port", "write the address alone; ports belong to a hostname's `ports` and a check's `url`".into())
        }
        Err(_) if text.contains('/') => ("is a network", "write one address, such as \"192.0.2.1\"".into()),
        Err(_) => ("is not an address", "write it as \"192.0.2.1\" or \"2001:db8::1\"; names are not looked up".into()),
    };
    table.error(text.line, "addresses", format!("`{}` {what}", shown(text)), hint);
    None
}

/// Addresses that no client could be sent to.
fn unreachable(address: IpAddr) -> Option<(&'static str, String)> {
    let one = || "write the address that clients connect to".to_owned();
    match address {
        _ if address.is_unspecified() => Some(("is no host's address", one())),
        _ if address.is_multicast() => Some(("is a multicast address", one())),
        IpAddr::V4(v4) if v4.is_broadcast() => Some(("is the broadcast address", one())),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => Some(("is an IPv4 address in IPv6 form", format!("write \"{v4}\""))),
            None if v6.is_unicast_link_local() => Some(("is reached from its own link only", one())),
            None => None,
        },
        IpAddr::V4(_) => None,
    }
}

fn read_limits(table: &mut TableReader<'_>) -> Vec<(String, f64)> {
    let Some(mut limits) = table.table("limits") else { return Vec::new() };
    let mut read = Vec::new();
    for gauge in GAUGES {
        if let Some(limit) = limits.float(gauge, 0.0..=MAX_LIMIT) {
            if limit.it == 0.0 {
                limits.error(limit.line, gauge, "a limit of 0 is always reached", "write what the panel can bear, or leave it out");
            }
            read.push((gauge.to_owned(), limit.it));
        }
    }
    limits.finish();
    read
}

fn read_labels(table: &mut TableReader<'_>) -> Vec<(String, String)> {
    let Some(mut labels) = table.table("labels") else { return Vec::new() };
    let rest = labels.rest();
    rest.into_iter().filter_map(|(key, node)| Some((key.it.clone(), labels.text_of(&shown(key), node)?.it))).collect()
}
