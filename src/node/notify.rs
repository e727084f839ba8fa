//! shim
pub fn ready(_: &str) {}
pub fn reloading() {}
pub fn stopping() {}
