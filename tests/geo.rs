//! Geo steering from outside: the program on loopback, judged by an oracle in another language, by gdnsd, Knot and a caching resolver.
//!
//! What is needed to run it and what is compared: tests/geo/README.md.

#[path = "geo/asking.rs"]
mod asking;
#[path = "geo/countries.rs"]
mod countries;
#[path = "geo/edges.rs"]
mod edges;
#[path = "geo/judging.rs"]
mod judging;
#[path = "geo/nearest.rs"]
mod nearest;
mod peers;
#[path = "node/place.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod place;
#[path = "geo/resolver.rs"]
mod resolver;
#[path = "geo/servers.rs"]
mod servers;
#[path = "geo/world.rs"]
mod world;
