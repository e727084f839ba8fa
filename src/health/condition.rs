//! What steering needs to know of a panel's health.

use super::load::Watermarks;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// By panel's name. Of those that are not in it there is nothing to be said: one that nobody checks is well,
/// and one that is checked is new.
pub type Conditions = HashMap<Arc<str>, Box<Condition>>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// Nobody looks, so every address of it counts as up, and `lives` is empty.
    pub is_unchecked: bool,
    pub lives: Vec<(IpAddr, Life)>,
    /// It fails and is not down yet, or is down and answers again.
    pub is_wavering: bool,
    /// When an address was last found to live or not.
    pub turned_ms: Option<u64>,
    /// When operators last said something else of it.
    pub stirred_ms: Option<u64>,
    /// When it came back into service, while the node ran.
    pub returned_ms: Option<u64>,
    /// When others last began to take more of its clients, or fewer.
    pub shed_ms: Option<u64>,
    /// In 1/65,536; none: nothing is shed.
    pub sheds: Vec<(Watermarks, u32)>,
    /// Sixteenths of what it can bear that are taken; None: not known.
    pub load: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    Up,
    /// It counts as up, and nobody has seen it.
    Presumed,
    /// Nothing is known of it yet: used while nobody else is up.
    New,
    Down,
}

impl Life {
    pub fn is_up(self) -> bool {
        matches!(self, Self::Up | Self::Presumed)
    }
}

impl Condition {
    pub fn life(&self, address: IpAddr) -> Life {
        if self.is_unchecked {
            return Life::Up;
        }
        // An address is new until the fleet that has it is followed.
        self.lives.iter().find(|(at, _)| *at == address).map_or(Life::New, |(_, life)| *life)
    }

    /// As without one, where nobody checks the panel.
    pub(super) fn is_plain(&self) -> bool {
        *self == Self { is_unchecked: true, ..Self::default() }
    }

    pub fn shed(&self, marks: Watermarks) -> u32 {
        self.sheds.iter().find(|(under, _)| *under == marks).map_or(0, |(_, share)| *share)
    }
}

pub(super) fn note(conditions: &mut Conditions, name: &Arc<str>, condition: Condition) {
    match condition.is_plain() {
        true => conditions.remove(name),
        false => conditions.insert(Arc::clone(name), Box::new(condition)),
    };
}
