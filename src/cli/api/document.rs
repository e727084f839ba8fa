//! Objects and whole fleets in the form of fleet.toml.

use super::toml::{block, key, value};
use crate::fleet::Kind;
use serde_json::{Map, Value};

/// `[[panel]]` and its keys; the name comes first.
pub(in crate::cli) fn object_document(kind: Kind, name: &str, object: &Value) -> String {
    let mut text = format!("[[{}]]\nname = {}\n", kind.word(), value(&Value::from(name)).unwrap_or_default());
    text += &keys_document(object);
    text
}

/// The keys alone.
pub(in crate::cli) fn keys_document(object: &Value) -> String {
    object.as_object().map(keys).unwrap_or_default()
}

/// A fleet as the API gives it, in the same order. What has no name has no place in a fleet and is left out.
pub(in crate::cli) fn fleet_document(fleet: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(defaults) = fleet["defaults"].as_object().filter(|defaults| !defaults.is_empty()) {
        parts.push(format!("[defaults]\n{}", keys(defaults)));
    }
    for kind in Kind::ALL {
        let objects = fleet[kind.word()].as_array().map(Vec::as_slice).unwrap_or_default();
        parts.extend(objects.iter().filter_map(|object| Some(object_document(kind, object["name"].as_str()?, object))));
    }
    parts.join("\n")
}

fn keys(object: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (name, inner) in object.iter().filter(|(name, _)| *name != "name") {
        let written = match inner {
            Value::String(long) if name == "text" => Some(block(long)),
            inner => value(inner),
        };
        text.extend(written.map(|written| format!("{} = {written}\n", key(name))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{self, Reader};
    use serde_json::json;

    fn read(text: &str) -> Value {
        let reader = Reader::new("f");
        let table = document::parse(&reader, text.as_bytes()).unwrap();
        assert!(reader.into_problems().is_empty(), "{text}");
        document::to_json(&table)
    }

    #[test]
    fn the_shipped_fleet_reads_back_as_it_was() {
        let shipped = read(include_str!("../../../config/fleet.toml"));
        let text = fleet_document(&shipped);
        assert_eq!(read(&text), shipped);
        assert!(text.starts_with("[defaults]\nsteer = \"nearest\"\n"), "{text}");
        assert!(
            text.contains("\n\n[[set]]\nname = \"budget\"\npanels = [\"nyc1\", { panel = \"fra1\", tier = 2 }]\nsteer = \"failover\"\n")
        );
        assert_eq!(fleet_document(&read(&text)), text, "it is stable");
    }

    #[test]
    fn zones_carry_their_text() {
        let fleet = json!({"defaults": {}, "zone": [{"name": "a.example", "text": "@ SOA a b\n", "dnssec": false}], "key": [{"x": 1}]});
        assert_eq!(fleet_document(&fleet), "[[zone]]\nname = \"a.example\"\ntext = '''\n@ SOA a b\n'''\ndnssec = false\n");
    }
}
