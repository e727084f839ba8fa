//! Under attack: what an answer counts as, and a node that is flooded while others want to be answered.

#[path = "attack/dig.rs"]
mod dig;
#[path = "attack/flood.rs"]
mod flood;
#[path = "attack/keys.rs"]
mod keys;
#[path = "attack/overload.rs"]
mod overload;
mod peers;
#[allow(dead_code, reason = "the tests of the process use all of it")]
#[path = "node/place.rs"]
mod place;
#[allow(dead_code, reason = "the tests of steering use all of it")]
mod world;
