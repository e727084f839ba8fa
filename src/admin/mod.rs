//! The HTTP door: what an operator can do, and whether the node lives and answers.
//!
//! Owns   the shapes of requests and answers, tokens on the wire, the API's description, and the limits on those who ask.
//! Takes  a listener, `Control`, and a `Status` that node writes.
//! Gives  /v1/…, /livez and /readyz, /metrics, /openapi.json and /docs.
//! Never  decides anything: control does, and node says how it is. Never sees the store, compile or a snapshot.

mod bearer;
mod body;
mod docs;
mod door;
mod endpoints;
mod events;
mod fields;
mod fleet;
mod json;
mod look;
mod metrics;
mod objects;
mod openapi;
mod pace;
mod panels;
mod problem;
mod query;
mod reply;
mod serve;
mod shapes;
mod status;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;
mod version;
mod zones;

pub use door::Door;
pub use serve::serve;
pub use status::{Readiness, Status};
pub use tls::{Certificate, CertificateError, CertificateFiles};
