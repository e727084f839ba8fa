//! Probes against panels that are well, and against panels that are broken in every way; all of them on loopback.

#[path = "probe/account.rs"]
mod account;
#[path = "probe/crew.rs"]
mod crew;
#[path = "probe/http.rs"]
mod http;
#[path = "probe/panel.rs"]
mod panel;
#[path = "probe/redirects.rs"]
mod redirects;
#[path = "probe/stream.rs"]
mod stream;
#[path = "probe/tcp.rs"]
mod tcp;
#[path = "probe/tls.rs"]
mod tls;
#[path = "probe/vigils.rs"]
mod vigils;
