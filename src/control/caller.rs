//! Who asks, and what they may see.

use std::collections::BTreeSet;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub who: String,
    pub role: Role,
    pub scope: Scope,
    pub from: Option<IpAddr>,
}

/// In the order of what they may.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reports for this panel, and nothing else.
    Panel(String),
    Viewer,
    Operator,
    Admin,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Scope {
    #[default]
    All,
    /// These zones with their hostnames, these sets with what they refer to.
    Named { zones: BTreeSet<String>, sets: BTreeSet<String> },
}

impl Caller {
    /// The node itself: imports, and changes of its files.
    pub fn node() -> Self {
        Self { who: "node".into(), role: Role::Admin, scope: Scope::All, from: None }
    }

    pub fn may_change(&self) -> bool {
        self.role >= Role::Operator
    }

    pub fn sees_all(&self) -> bool {
        self.scope == Scope::All && self.role >= Role::Viewer
    }
}
