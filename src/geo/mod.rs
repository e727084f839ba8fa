//! Where addresses are.
//!
//! Owns   the flattening of mmdb databases into sorted runs, the table of countries, and distances on the globe.
//! Takes  the bytes of databases, and what an operator says of networks.
//! Gives  an `Atlas`: any address → the widest network around it that has one place, and that place; `Ranges` for whatever else goes by address.
//! Never  knows a path or opens a file, and never gives a place to an address it knows nothing about.

mod atlas;
mod block;
mod build;
mod combine;
mod countries;
mod database;
mod flat;
mod globe;
mod land;
mod overlay;
mod packed;
mod ranges;
mod record;
mod table;
#[cfg(test)]
mod tests;
mod tree;

pub use atlas::{Atlas, Cell, Land, OVERRIDES, Override};
pub use build::Builder;
pub use combine::{from_networks, map, merge, overlay};
pub use database::{Database, read};
pub use globe::{EARTH_KM, Point, distance_km};
pub use land::{Continents, Country, Subdivision, continent_bit, continent_codes, continent_name, country, nearest_country};
pub use overlay::networks_overlay;
pub use ranges::{Hit, Near, Ranges};
pub use table::Value;
