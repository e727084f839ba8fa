//! Where every verb comes in.

use super::{Caller, Change, Done, Explanation, Found, How, Page, Question, Query, RecordSet, Refusal, Role, Scope};
use crate::fleet::Kind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::broadcast;

/// One for the node; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Control {
    _inner: Arc<()>,
}

/// What became of a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Welcome {
    Known(Caller),
    Unknown,
    /// Too many wrong ones came from there: not looked at.
    Slowed { retry_after_s: u64 },
}

/// A token as it is listed: never the token itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenShown {
    pub name: String,
    pub role: String,
    /// The panel whose reports a token of role `panel` brings.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub panel: Option<String>,
    /// Absent: all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub zones: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sets: Option<Vec<String>>,
    pub created: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used: Option<u64>,
}

/// A token that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOrder {
    pub name: String,
    pub role: Role,
    pub scope: Scope,
    /// Seconds from now.
    pub expires_in_s: Option<u64>,
}

/// What happened, for those who watch: `{"object": "panels/fra1", "verb": "put", "who": "ops", "revision": 17}` and the like.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    pub id: u64,
    /// `change`, `published`, `problem`, `state`.
    pub kind: &'static str,
    pub at_s: u64,
    pub body: Value,
    /// Objects it speaks of, for scopes.
    pub objects: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    pub object: Option<String>,
    pub since_s: Option<u64>,
    /// Entries older than this sequence number, for paging.
    pub before: Option<u64>,
    pub limit: usize,
}

impl Control {
    // Who.
    /// Looks at nothing else; cheap. `now_s` is wall time.
    pub fn welcome(&self, _bearer: &str, _from: IpAddr) -> Welcome {
        Welcome::Unknown
    }
    pub fn tokens(&self, _caller: &Caller) -> Result<Vec<TokenShown>, Refusal> {
        nothing()
    }
    /// The token itself is in the answer, and nowhere else ever again.
    pub async fn make_token(&self, _caller: &Caller, _order: TokenOrder) -> Result<(String, TokenShown), Refusal> {
        nothing()
    }
    pub async fn drop_token(&self, _caller: &Caller, _name: &str) -> Result<(), Refusal> {
        nothing()
    }

    // Looking.
    pub fn object(&self, _caller: &Caller, _kind: Kind, _name: &str) -> Result<Found, Refusal> {
        nothing()
    }
    pub fn defaults(&self, _caller: &Caller) -> Result<Found, Refusal> {
        nothing()
    }
    pub fn list(&self, _caller: &Caller, _kind: Kind, _query: &Query) -> Result<Page, Refusal> {
        nothing()
    }
    /// The whole fleet in the form of fleet.toml (`{"defaults": {..}, "check": [{"name": ..}], ...}`), zones with their `text`.
    pub fn fleet(&self, _caller: &Caller, _secrets: bool) -> Result<Found, Refusal> {
        nothing()
    }
    pub fn zone_file(&self, _caller: &Caller, _zone: &str) -> Result<(Vec<u8>, u64), Refusal> {
        nothing()
    }
    /// `after`: name and type of the last one seen.
    pub fn records(
        &self,
        _caller: &Caller,
        _zone: &str,
        _name: Option<&str>,
        _rtype: Option<&str>,
        _after: Option<(&str, &str)>,
        _limit: usize,
    ) -> Result<(Vec<RecordSet>, bool /* there is more */, u64 /* revision */), Refusal> {
        nothing()
    }
    /// `{"node", "version", "generation", "revision", "ready", "problems", "panels": [{"name","region","state","fleet_state","reason","since","until","who","verdict","sets"}], "zones": [..], "sets": [..], "hidden": n}`.
    pub fn status(&self, _caller: &Caller) -> Result<Value, Refusal> {
        nothing()
    }
    pub fn panel_health(&self, _caller: &Caller, _panel: &str) -> Result<Value, Refusal> {
        nothing()
    }
    pub fn panel_state(&self, _caller: &Caller, _panel: &str) -> Result<Value, Refusal> {
        nothing()
    }
    pub fn explain(&self, _caller: &Caller, _question: &Question) -> Result<Explanation, Refusal> {
        nothing()
    }
    /// Newest first; each `{"sequence","at","who","from","verb","revision","objects","outcome","reason","differences"}`, secrets masked.
    pub fn audit(&self, _caller: &Caller, _query: &AuditQuery) -> Result<Vec<Value>, Refusal> {
        nothing()
    }
    /// What this caller may see of those after `id` that are still known, and of all that come. None: `id` is too old, begin anew.
    pub fn happenings(&self, _caller: &Caller, _after: Option<u64>) -> Result<(Vec<Arc<Happening>>, broadcast::Receiver<Arc<Happening>>), Refusal> {
        nothing()
    }
    pub fn may_see(&self, _caller: &Caller, _happening: &Happening) -> bool {
        false
    }

    // Changing.
    /// When it returns, this node's answers have it.
    pub async fn change(&self, _caller: &Caller, _change: Change, _how: &How) -> Result<Done, Refusal> {
        nothing()
    }
    pub async fn report(&self, _caller: &Caller, _panel: &str, _report: Value) -> Result<(), Refusal> {
        nothing()
    }
    /// Lines of the backup, to be written out as they come.
    pub async fn backup(&self, _caller: &Caller) -> Result<tokio::sync::mpsc::Receiver<Result<Vec<u8>, String>>, Refusal> {
        nothing()
    }
}

fn nothing<T>() -> Result<T, Refusal> {
    Err(Refusal::Gone("not connected".into()))
}
