//! Who should serve whom.
//!
//! Owns   the slots that clients' networks fall into, who wins each, and how much weight every panel of a set has now.
//! Takes  names, weights, operator states, and what health and load say of each panel.
//! Gives  winners of a slot in order of preference, and verdicts on sets; the same ones on every node.
//! Never  opens a socket, reads a clock, or knows names and records.

pub mod slots;
pub mod standing;
