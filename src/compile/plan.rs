//! What of a fleet the zones need to know.

use super::zone::Steered;
use crate::dns::name::Name;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The fleet's file, for problems that have no line.
    pub file: String,
    pub zones: Vec<Arc<ZonePlan>>,
    /// Each set's name and how many panels it has.
    pub sets: Vec<(String, usize)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonePlan {
    pub name: Name,
    pub file: PathBuf,
    pub steered: Vec<Steered>,
}
