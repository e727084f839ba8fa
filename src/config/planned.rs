//! Keys whose feature is not built yet: their values are checked all the same, and refused unless they are the default.

use super::dns::socket_addresses;
use crate::document::{At, TableReader, shown};

const PREFIX: &str = "/meridian";

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

pub(super) fn read_agree(health: &mut TableReader<'_>) {
    let agree = health.word("agree", &[("any", "any"), ("majority", "majority"), ("all", "all")]);
    refuse_unless(health, "agree", &agree, |word| *word == "majority", "a cluster that votes", "\"majority\"");
}
