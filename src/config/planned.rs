//! Keys whose feature is not built yet: their values are checked all the same, and refused unless they are the default.

use super::dns::socket_addresses;
use crate::document::{At, Network, TableReader, shown};

const DATABASES: &str = "../geoip/city.mmdb";
const PREFIX: &str = "/meridian";
/// Every second dropped answer goes out truncated.
const SLIP: u32 = 2;
/// More answers a second to one network are no limit.
const MAX_PER_SECOND: u32 = 1_000_000;
/// As other servers: beyond it hardly any answer would go out.
const MAX_SLIP: u32 = 10;

/// An error when a value was read and is not the default.
pub(super) fn refuse_unless<T>(
    table: &TableReader<'_>,
    key: &str,
    value: &Option<At<T>>,
    is_default: impl Fn(&T) -> bool,
    feature: &str,
    default: &str,
) {
    if let Some(value) = value.as_ref().filter(|value| !is_default(&value.it)) {
        table.error(value.line, key, format!("{feature} is not built yet"), format!("leave it at its default ({default})"));
    }
}

/// Client subnets are believed from everywhere or, later, from whom the operator trusts.
pub(super) fn read_ecs_from(dns: &mut TableReader<'_>) {
    let before = dns.reader().errors();
    let from = dns.networks("ecs_from");
    if dns.reader().errors() == before {
        let all = |networks: &Vec<At<Network>>| networks.len() == 2 && networks.iter().all(|network| network.prefix() == 0);
        refuse_unless(dns, "ecs_from", &from, all, "choosing whose client subnet is believed", "[\"0.0.0.0/0\", \"::/0\"]");
    }
}

pub(super) fn read_limit(dns: &mut TableReader<'_>) {
    let Some(mut limit) = dns.table("limit") else { return };
    let per_second = limit.integer("per_second", 0..=MAX_PER_SECOND);
    refuse_unless(&limit, "per_second", &per_second, |n| *n == 0, "the response rate limit", "0");
    let slip = limit.integer("slip", 0..=MAX_SLIP);
    refuse_unless(&limit, "slip", &slip, |n| *n == SLIP, "the response rate limit", "2");
    limit.finish();
}

/// `[dns.tls]`, `[dns.https]`, `[dns.quic]`; only the first has certificate and key, which the others share.
pub(super) fn read_encrypted(dns: &mut TableReader<'_>) {
    for (section, feature) in [("tls", "DNS over TLS"), ("https", "DNS over HTTPS"), ("quic", "DNS over QUIC")] {
        let Some(mut table) = dns.table(section) else { continue };
        let before = table.reader().errors();
        let listen = socket_addresses(&mut table);
        if table.reader().errors() == before {
            refuse_unless(&table, "listen", &listen, Vec::is_empty, feature, "[]");
        }
        if section == "tls" {
            read_certificate(&mut table, feature);
        }
        table.finish();
    }
}

pub(super) fn read_certificate(table: &mut TableReader<'_>, feature: &str) {
    for key in ["certificate", "key"] {
        let path = table.text(key);
        refuse_unless(table, key, &path, String::is_empty, feature, "\"\"");
    }
}

pub(super) fn read_etcd(store: &mut TableReader<'_>) {
    let before = store.reader().errors();
    let endpoints = store.texts("endpoints");
    for endpoint in endpoints.iter().flat_map(|endpoints| &endpoints.it) {
        let host = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
        if host.is_none_or(str::is_empty) {
            let what = format!("`{}` is not a URL", shown(endpoint));
            store.error(endpoint.line, "endpoints", what, "write it as \"http://127.0.0.1:2379\"");
        }
    }
    if store.reader().errors() == before {
        refuse_unless(store, "endpoints", &endpoints, Vec::is_empty, "a store shared through etcd", "[]");
    }
    let prefix = store.text("prefix");
    match &prefix {
        Some(prefix) if !prefix.starts_with('/') => {
            let what = format!("`{}` does not begin with a slash", shown(prefix));
            store.error(prefix.line, "prefix", what, format!("write it as \"{PREFIX}\""));
        }
        _ => refuse_unless(store, "prefix", &prefix, |prefix| prefix == PREFIX, "a store shared through etcd", "\"/meridian\""),
    }
}

pub(super) fn read_geoip(root: &mut TableReader<'_>) {
    let Some(mut geoip) = root.table("geoip") else { return };
    let databases = geoip.texts("databases");
    // With none every place is unknown, which is what holds now.
    let shipped = |paths: &Vec<At<String>>| paths.is_empty() || (paths.len() == 1 && paths[0].it == DATABASES);
    match databases.iter().flat_map(|paths| &paths.it).find(|path| path.is_empty()) {
        Some(empty) => geoip.error(empty.line, "databases", "a path is empty", "name a database file, or leave the list empty"),
        None => refuse_unless(&geoip, "databases", &databases, shipped, "geo steering", "[\"../geoip/city.mmdb\"]"),
    }
    let before = geoip.reader().errors();
    let line = geoip.list("overrides").filter(|items| !items.is_empty()).map(|items| items.line);
    if line.is_some() {
        geoip.tables("overrides").into_iter().for_each(read_override);
    }
    if let Some(line) = line.filter(|_| geoip.reader().errors() == before) {
        refuse_unless(&geoip, "overrides", &Some(At::new(line, ())), |()| false, "geo steering", "[]");
    }
    geoip.finish();
}

fn read_override(mut table: TableReader<'_>) {
    table.needs("network", "say which clients it is for: network = \"10.0.0.0/8\"");
    if let Some(text) = table.text("network")
        && let Err((what, hint)) = Network::parse(&text)
    {
        table.error(text.line, "network", what, hint);
    }
    if let Some(at) = table.list("at") {
        let bounds = [("latitude", 90.0), ("longitude", 180.0)];
        if at.len() != 2 {
            table.error(at.line, "at", format!("{} numbers where latitude and longitude belong", at.len()), "write at = [50.1, 8.7]");
        }
        for ((_, bound), item) in bounds.iter().zip(at.iter()) {
            table.float_of("at", item, -bound..=*bound);
        }
    }
    if let Some(country) = table.text("country")
        && (country.len() != 2 || !country.bytes().all(|b| b.is_ascii_alphabetic()))
    {
        table.error(country.line, "country", format!("`{}` is not a country code", shown(&country)), "write two letters, such as \"DE\"");
    }
    table.finish();
}

pub(super) fn read_health(root: &mut TableReader<'_>) {
    let Some(mut health) = root.table("health") else { return };
    let agree = health.word("agree", &[("any", "any"), ("majority", "majority"), ("all", "all")]);
    refuse_unless(&health, "agree", &agree, |word| *word == "majority", "a cluster that votes", "\"majority\"");
    health.finish();
}
