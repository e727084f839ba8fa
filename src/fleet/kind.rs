//! The kinds of objects a fleet is made of.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Check,
    Region,
    Panel,
    Set,
    Zone,
    Hostname,
    Key,
}

impl Kind {
    /// In the order of a fleet's document.
    pub const ALL: [Self; 7] = [Self::Check, Self::Region, Self::Panel, Self::Set, Self::Zone, Self::Key, Self::Hostname];

    /// What the document calls one: `[[panel]]`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Region => "region",
            Self::Panel => "panel",
            Self::Set => "set",
            Self::Zone => "zone",
            Self::Hostname => "hostname",
            Self::Key => "key",
        }
    }

    /// What paths call them: `/v1/panels`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Check => "checks",
            Self::Region => "regions",
            Self::Panel => "panels",
            Self::Set => "sets",
            Self::Zone => "zones",
            Self::Hostname => "hostnames",
            Self::Key => "keys",
        }
    }

    pub fn from_plural(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == text)
    }

    /// Its names are DNS names.
    pub fn is_named_by_dns(self) -> bool {
        matches!(self, Self::Zone | Self::Hostname)
    }
}
