//! What a change means for clients, in words.

use super::making::Made;
use super::shared::Shared;
use super::sight::Sight;
use crate::fleet::ledger::Ledger;

pub(super) fn of(_shared: &Shared, _ledger: &Ledger, _made: &Made, _sight: &Sight) -> Vec<String> {
    Vec::new()
}
