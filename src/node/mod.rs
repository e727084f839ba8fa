//! node

pub mod notify;
