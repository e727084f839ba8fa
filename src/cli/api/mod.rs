//! How commands talk to a node.
//!
//! Owns   the node's address, the token and where it may go, the requests, and the forms in which answers are shown.
//! Takes  arguments, the environment, and the config of this machine's node.
//! Gives  answers as JSON, tables, TOML and differences; and every trouble in words, as a document and as an exit status.
//! Never  follows a redirect, uses a proxy, or sends a token where the operator did not send it.

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
pub(super) use document::{fleet_document, keys_document, object_document};
pub(super) use local::Local;
pub(super) use offer::{Changing, Confirming, applied, offer};
pub(super) use output::{Paint, line, print, print_json, print_raw};
pub(super) use path::{kind, object_path, path};
pub(super) use reach::{Door, Reach, finish, plain_http, token_in, way};
pub(super) use table::Table;
pub(super) use toml::literal;
pub(super) use trouble::{Result, Trouble};
pub(super) use when::{age, seconds, stamp};
