//! What can be asked for, and what came of it.

use crate::fleet::Kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A change somebody wants. Names are as the operator writes them; a zone's and a hostname's without the last dot.
#[derive(Clone, Debug)]
pub enum Change {
    Put {
        kind: Kind,
        name: String,
        body: Value,
    },
    /// A merge patch (RFC 7396).
    Patch {
        kind: Kind,
        name: String,
        patch: Value,
    },
    Delete {
        kind: Kind,
        name: String,
    },
    PutDefaults(Value),
    PatchDefaults(Value),
    /// The whole fleet in the form of fleet.toml, zones with their `text`.
    Fleet(Value),
    ZoneFile {
        zone: String,
        text: Vec<u8>,
    },
    /// None: the record set goes.
    Records {
        zone: String,
        name: String,
        rtype: String,
        set: Option<RecordData>,
    },
    /// None: back to what the fleet says.
    State {
        panel: String,
        state: Option<StateOrder>,
    },
    /// The objects as they were before this revision.
    Revert(u64),
    /// Lines of a backup.
    Restore(Vec<u8>),
}

impl Change {
    /// Everything its caller has named, in small letters.
    pub(super) fn said(&self) -> String {
        let said = match self {
            Self::Put { name, body, .. } => format!("{name} {body}"),
            Self::Patch { name, patch, .. } => format!("{name} {patch}"),
            Self::Delete { name, .. } => name.clone(),
            Self::PutDefaults(body) | Self::PatchDefaults(body) | Self::Fleet(body) => body.to_string(),
            Self::ZoneFile { zone, text } => format!("{zone} {}", String::from_utf8_lossy(text)),
            Self::Records { zone, name, rtype, set } => format!("{zone} {name} {rtype} {set:?}"),
            Self::State { panel, state } => format!("{panel} {state:?}"),
            Self::Revert(_) | Self::Restore(_) => String::new(),
        };
        said.to_lowercase()
    }
}

#[derive(Clone, Debug, Default)]
pub struct How {
    /// Tell what would be, change nothing.
    pub dry_run: bool,
    /// It may take more than half away.
    pub force: bool,
    /// Only if the object has one of these revisions; an empty list: only if it exists (`If-Match: *`).
    pub if_match: Option<Vec<u64>>,
    /// Only if it does not exist (`If-None-Match: *`).
    pub if_absent: bool,
}

/// What came of a change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// Of the store; the old one when nothing had to change.
    pub revision: u64,
    /// Of the snapshot that answers with it.
    pub generation: u64,
    /// The object did not exist before.
    pub is_made: bool,
    pub differences: Vec<Difference>,
    /// In words: what changes for whom.
    pub effect: Vec<String>,
    pub warnings: Vec<String>,
    /// The object as it is now; secrets masked.
    pub object: Option<Value>,
    /// What `If-Match` takes.
    pub object_revision: u64,
}

/// One object before and after; secrets masked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// `panels/fra1`, `defaults`, `files/panels.example`, `states/fra1`.
    pub object: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<Value>,
    /// Of a zone's file: the records that go and come, as a file has them; the first hundred of each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub removed: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub added: Vec<String>,
}

/// A record set as it is sent: `{"ttl": 300, "data": ["192.0.2.7"]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordData {
    pub ttl: u32,
    pub data: Vec<String>,
}

/// A record set as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    pub name: String,
    #[serde(rename = "type")]
    pub rtype: String,
    pub ttl: u32,
    pub data: Vec<String>,
}

/// What an operator wants of a panel beside what the fleet says; times as seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateOrder {
    /// `enabled`, `draining` or `disabled`.
    pub state: String,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub reason: String,
    /// A drain hands its clients over within this time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub over_s: Option<u64>,
    /// After this time the fleet's own word counts again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub for_s: Option<u64>,
}

/// What to list: names after this one, and only those that fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub after: Option<String>,
    pub limit: usize,
    /// By key: `region`, `set`, `zone`, `panel`, `check`, `state`, `kind`, `label` (as `key=value`), `match` (part of the name).
    pub filters: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Each with its `name`; secrets masked.
    pub items: Vec<Value>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// One object and the revision of its last change.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub object: Value,
    pub revision: u64,
}
