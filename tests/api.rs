//! A real node and the clients that operators have: curl for its API, dig for its answers, and its own command line.

#[path = "api/errors.rs"]
mod errors;
#[path = "api/files.rs"]
mod files;
#[path = "api/health.rs"]
mod health;
#[path = "api/instant.rs"]
mod instant;
#[path = "api/limits.rs"]
mod limits;
#[path = "api/line.rs"]
mod line;
#[path = "api/objects.rs"]
mod objects;
#[path = "api/place.rs"]
mod place;
#[path = "api/scopes.rs"]
mod scopes;
#[path = "api/tls.rs"]
mod tls;
#[path = "api/trail.rs"]
mod trail;
#[path = "api/who.rs"]
mod who;
#[path = "api/whole.rs"]
mod whole;
#[path = "api/zones.rs"]
mod zones;
