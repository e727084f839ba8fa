//! `meridian agent` beside a real node, a real nginx and a real HAProxy: what it measures arrives, whatever else is broken.

#[path = "agent/host.rs"]
mod host;
#[path = "agent/install.rs"]
mod install;
#[path = "agent/paces.rs"]
mod paces;
#[allow(dead_code)]
#[path = "api/place.rs"]
mod place;
#[path = "agent/sources.rs"]
mod sources;
