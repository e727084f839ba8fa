//! `[[set]]`, `[[zone]]` and `[[hostname]]`.

use super::policy::{self, Policy};
use crate::document::{At, Network, TableReader, Value, shown};
use crate::fleet::Ports;
use std::net::{IpAddr, SocketAddr};

/// Tiers have no gaps, and nobody plans a hundredth fallback.
const MAX_TIER: u32 = 100;

#[derive(Clone, Debug)]
pub struct Set {
    pub members: At<Vec<Member>>,
    pub policy: Policy,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub panel: At<String>,
    pub tier: u32,
}

#[derive(Clone, Debug)]
pub struct Zone {
    pub file: Option<At<String>>,
    /// The master file's text itself.
    pub text: Option<At<String>>,
    /// One of the two is there, sound or not.
    pub has_source: bool,
    pub dnssec: Option<At<bool>>,
    pub transfer: Transfer,
    pub update: Update,
}

#[derive(Clone, Debug, Default)]
pub struct Transfer {
    pub allow: Option<At<Vec<At<Network>>>>,
    pub notify: Option<At<Vec<At<String>>>>,
    pub key: Option<At<String>>,
}

#[derive(Clone, Debug, Default)]
pub struct Update {
    pub key: Option<At<String>>,
    pub names: Option<At<Vec<At<String>>>>,
    pub types: Option<At<Vec<At<String>>>>,
}

#[derive(Clone, Debug)]
pub struct Hostname {
    pub set: Option<At<String>>,
    pub ports: At<Ports>,
    /// None where it says nothing, as most do not: it takes ten times what the rest does.
    pub policy: Option<Box<Policy>>,
}

pub(super) fn read_set(table: &mut TableReader<'_>) -> Set {
    table.needs("panels", "list the panels that carry the same content: panels = [\"fra1\", \"ams1\"]");
    let nodes = table.list("panels");
    let line = nodes.map_or(table.line(), |nodes| nodes.line);
    let mut members = Vec::new();
    for node in nodes.iter().flat_map(|nodes| nodes.it) {
        if matches!(node.it, Value::Table(_)) {
            let Some(mut member) = table.table_of("panels", node) else { continue };
            member.needs("panel", "name the panel: { panel = \"fra1\", tier = 2 }");
            let panel = member.text("panel");
            let tier = member.integer("tier", 1..=MAX_TIER).map_or(1, |tier| tier.it);
            member.finish();
            members.extend(panel.map(|panel| Member { panel, tier }));
        } else if let Value::Text(name) = &node.it {
            members.push(Member { panel: At::new(node.line, name.clone()), tier: 1 });
        } else {
            table.error(node.line, "panels", "a panel is a name or a table", "write \"fra1\" or { panel = \"fra1\", tier = 2 }");
        }
    }
    Set { members: At::new(line, members), policy: policy::read(table) }
}

pub(super) fn read_zone(table: &mut TableReader<'_>) -> Zone {
    let has_source = table.has("file") || table.has("text");
    let file = table.text("file");
    let text = table.text("text");
    if let Some(file) = file.as_ref().filter(|file| file.is_empty()) {
        table.error(file.line, "file", "the path is empty", "name its master file, such as \"../zones/panels.example.zone\"");
    }
    let dnssec = table.bool("dnssec");
    let transfer = table.table("transfer").map_or_else(Transfer::default, |mut transfer| {
        let read = Transfer { allow: transfer.networks("allow"), notify: read_notify(&mut transfer), key: transfer.text("key") };
        transfer.finish();
        read
    });
    let update = table.table("update").map_or_else(Update::default, |mut update| {
        let read = Update { key: update.text("key"), names: update.texts("names"), types: update.texts("types") };
        update.finish();
        read
    });
    Zone { file, text, has_source, dnssec, transfer, update }
}

fn read_notify(table: &mut TableReader<'_>) -> Option<At<Vec<At<String>>>> {
    let notify = table.texts("notify")?;
    for text in notify.iter().filter(|text| text.parse::<IpAddr>().is_err() && text.parse::<SocketAddr>().is_err()) {
        let what = format!("`{}` is not an address", shown(text));
        table.error(text.line, "notify", what, "write an address or address:port, such as \"192.0.2.1\" or \"[2001:db8::1]:53\"");
    }
    Some(notify)
}

pub(super) fn read_hostname(table: &mut TableReader<'_>) -> Hostname {
    table.needs("set", "name the set of panels that serve it: set = \"premium\"");
    let set = table.text("set");
    let ports = table.table("ports").map_or_else(At::default, |mut ports| {
        let mut port = |key| ports.integer(key, 1..=65_535).and_then(|port| u16::try_from(port.it).ok());
        let read = Ports { http: port("http"), https: port("https") };
        let line = ports.line();
        ports.finish();
        At::new(line, read)
    });
    let policy = policy::read(table);
    Hostname { set, ports, policy: (policy != Policy::default()).then(|| Box::new(policy)) }
}
