//! `[health]`

use super::{dns, planned};
use crate::document::{Network, TableReader};

#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Where panels are that are checked from here.
    pub networks: Vec<Network>,
}

impl Default for Health {
    fn default() -> Self {
        Self { networks: Network::everywhere().into() }
    }
}

pub(super) fn read(root: &mut TableReader<'_>) -> Health {
    let Some(mut table) = root.table("health") else { return Health::default() };
    planned::read_agree(&mut table);
    let networks = dns::read_networks(&mut table, "networks");
    table.finish();
    networks.map_or_else(Health::default, |networks| Health { networks })
}
