//! The language: names, records, the wire, master files.
//!
//! Owns   what a name, a type and a message look like, as bytes and as text.
//! Takes  bytes and text; included files through a loader the caller gives.
//! Gives  parsed queries, records in uncompressed wire form, problems with file and line.
//! Never  does I/O.

pub mod master;
pub mod name;
pub mod rdata;
pub mod rtype;
pub mod serial;
pub mod sheet;
pub mod wire;
