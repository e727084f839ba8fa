//! The commands that talk to a node, from outside: what they send to it, what they make of its answers, and their exit status.

#[path = "cli/canned.rs"]
mod canned;
#[path = "cli/change.rs"]
mod change;
#[path = "cli/look.rs"]
mod look;
#[path = "cli/place.rs"]
mod place;
#[path = "cli/reach.rs"]
mod reach;
