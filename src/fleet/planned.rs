//! Keys whose feature is not built yet: their values are checked all the same, and refused unless they are the default.

use super::doc::{Document, Object, Zone};
use super::names::Names;
use crate::dns::name::Name;
use crate::document::{Reader, shown};

pub(super) fn refuse_keys(reader: &Reader, document: &Document) {
    for key in document.keys.iter().filter(|key| key.sound) {
        let path = format!("key {}", shown(&key.name));
        reader.error(key.line, &path, "keys for transfers and updates are not built yet", "leave it out until they are");
    }
}

/// True when the zone asks for nothing that is not there.
pub(super) fn refuse_zone(reader: &Reader, zone: &Object<Zone>, keys: &Names<'_>) -> bool {
    let before = reader.errors();
    let path = |key: &str| format!("zone {}: {key}", shown(&zone.name));
    let refuse = |line: u32, key: &str, feature: &str, default: &str| {
        reader.error(line, &path(key), format!("{feature} not built yet"), format!("leave it at its default ({default})"));
    };
    if let Some(dnssec) = zone.keys.dnssec.filter(|dnssec| dnssec.it) {
        refuse(dnssec.line, "dnssec", "DNSSEC is", "false");
    }
    let transfer = &zone.keys.transfer;
    if let Some(allow) = transfer.allow.as_ref().filter(|allow| !allow.is_empty()) {
        refuse(allow.line, "transfer.allow", "zone transfers are", "[]");
    }
    if let Some(notify) = transfer.notify.as_ref().filter(|notify| !notify.is_empty()) {
        refuse(notify.line, "transfer.notify", "zone transfers are", "[]");
    }
    let update = &zone.keys.update;
    for (key, name, feature) in [("transfer.key", &transfer.key, "zone transfers are"), ("update.key", &update.key, "dynamic updates are")]
    {
        let Some(name) = name.as_ref().filter(|name| !name.is_empty()) else { continue };
        let before = reader.errors();
        keys.follow(reader, &path(key), name);
        if reader.errors() == before {
            refuse(name.line, key, feature, "\"\"");
        }
    }
    for name in update.names.iter().flat_map(|names| &names.it) {
        if let Err(error) = Name::parse(name) {
            reader.error(name.line, &path("update.names"), format!("`{}`: {error}", shown(name)), "");
        }
    }
    for (key, list) in [("update.names", &update.names), ("update.types", &update.types)] {
        if let Some(list) = list.as_ref().filter(|list| !list.is_empty()) {
            refuse(list.line, key, "dynamic updates are", "[]");
        }
    }
    reader.errors() == before
}
