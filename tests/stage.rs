//! Simulated panels as players and probes see them: every way in which one is well or broken, from outside.

#[path = "stage/child.rs"]
mod child;
#[path = "stage/faults.rs"]
mod faults;
#[path = "stage/player.rs"]
mod player;
#[path = "stage/streams.rs"]
mod streams;
