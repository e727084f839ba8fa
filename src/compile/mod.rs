//! Zones as people write them → zones as queries read them.
//!
//! Owns   the rules a zone must keep, and the writing of the look-up form.
//! Takes  master files (through the loader it is given), the fleet, and the atlas of places.
//! Gives  a `Zone` or the reasons why not, every one with its file and line; a service for each distinct order of its hostnames.
//! Never  decides what is served: the pilot does.

pub mod brief;
mod chain;
mod check;
mod draft;
pub mod patch;
pub mod plan;
pub mod service;
mod steered;
pub mod zone;
