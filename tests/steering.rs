//! Geo steering from outside: the program on loopback, judged by an oracle in another language, by gdnsd, Knot and a caching resolver.
//!
//! What is needed to run it and what is compared: tests/steering/README.md.

#[path = "steering/asking.rs"]
mod asking;
#[path = "steering/countries.rs"]
mod countries;
#[path = "steering/edges.rs"]
mod edges;
#[path = "steering/judging.rs"]
mod judging;
#[path = "steering/nearest.rs"]
mod nearest;
mod peers;
#[path = "node/place.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod place;
#[path = "steering/resolver.rs"]
mod resolver;
#[path = "steering/servers.rs"]
mod servers;
#[path = "steering/world.rs"]
mod world;
