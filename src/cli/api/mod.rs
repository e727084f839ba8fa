//! How commands talk to a node: its address, a token, the requests, and its answers in words.

mod client;
mod diff;
mod document;
mod local;
mod offer;
mod output;
mod path;
mod reach;
mod table;
mod tls;
mod toml;
mod trouble;
mod when;

pub(super) use client::{Ask, Body, Client, Heard, LONG};
pub(super) use diff::entries;
pub(super) use document::{fleet_document, object_document};
pub(super) use local::Local;
pub(super) use offer::{Changing, Confirming, applied, offer};
pub(super) use output::{Paint, line, print, print_json};
pub(super) use path::{kind, object_path, path};
pub(super) use reach::{Door, Reach, finish};
pub(super) use table::Table;
pub(super) use toml::literal;
pub(super) use trouble::{Result, Trouble};
pub(super) use when::{age, seconds, stamp};
