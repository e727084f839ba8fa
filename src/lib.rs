//! Meridian: an authoritative DNS server that answers a streaming operator's hostnames with the nearest panel that can
//! serve the client.
//!
//! # The map
//!
//! Rooms from the lowest to the highest. A room imports only rooms listed above it; `tests/architecture.rs` holds the code to that.
//!
//! ```text
//! words   clock      the only reading of the time
//!         document   what people write (TOML), and what is wrong with it, all problems at once
//!         metrics    numbers in the words of Prometheus: families of samples, histograms
//!         dns        names, types, record data, the wire, master files
//!         geo        address → place: databases flattened; distances
//!
//! laws    steer      who should serve whom: weights, slots
//!         snapshot   the compiled truth a query reads, and the slot it is swapped in
//!         answer     question bytes + snapshot → answer bytes
//!         fleet      what operators want: a document in, a valid `Fleet` out; the ledger keeps it in step by small changes
//!         health     reports in, verdicts out: thresholds, the watch, load, uptime; when who is asked again
//!         compile    master files + fleet + health → zones made for look-up, and services that steer
//!         pilot      events → actions; the one place where a snapshot comes into being
//!
//! hands   store      documents that outlive the process: revisions, history, a log; the last good copy; backups
//!         probe      asking a panel how it is: tcp, http, hls, its own API; idle connections that tell when it goes
//!         transport  sockets: UDP on threads of its own, TCP on tokio; limits; all `unsafe`
//!
//! doors   control    every verb an operator has, once: changes and their one writer, tokens and scopes, the audit trail, explain
//!         admin      HTTP: the API over control and its description, TLS; does it live, does it answer
//!         agent      the reporter on a panel's host: gauges in, heartbeats out
//!         stage      simulated panels, for the demo and for tests
//!
//! wiring  node       starts, joins and drains the parts; the event loop; files
//!         config     meridian.toml → options
//!         cli        the commands
//! ```
//!
//! The laws are pure: no I/O, clock, lock, log or async in them, time is an argument. Three flows, and nothing else:
//!
//! ```text
//! a query    transport ─ Slot::load ─▸ answer::handle(now, &snapshot, &ask, &mut out) ─▸ Verdict
//! files      node ─▸ pilot::handle(now, Event::Plan) ─▸ Action::Build ─ node ─▸ Event::Built ─▸ Action::Publish ─▸ Slot::store
//! a report   node ─▸ probe::ask ─ a panel ─▸ Report ─ node ─▸ pilot::handle(now, Event::Reported) ─▸ Action::Publish ─▸ Slot::store, then Action::Turned
//! a change   admin ─▸ control: ledger (judged) ─▸ compile ─▸ store (durable) ─▸ Post ─ node ─▸ pilot::handle(now, Event::Changed) ─▸ Publish ─▸ answered
//! ```

pub mod admin;
pub mod agent;
pub mod answer;
pub mod cli;
pub mod clock;
pub mod compile;
pub mod config;
pub mod control;
pub mod dns;
pub mod document;
pub mod fleet;
pub mod geo;
pub mod health;
pub mod metrics;
pub mod node;
pub mod pilot;
pub mod probe;
pub mod snapshot;
pub mod stage;
pub mod steer;
pub mod store;
pub mod transport;
