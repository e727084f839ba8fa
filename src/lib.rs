#![doc = "Meridian: answers a streaming operator's hostnames with the nearest panel that can serve the client."]

pub mod admin;
pub mod answer;
pub mod cli;
pub mod clock;
pub mod compile;
pub mod config;
pub mod dns;
pub mod document;
pub mod fleet;
pub mod node;
pub mod pilot;
pub mod snapshot;
pub mod transport;
