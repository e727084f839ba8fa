//! Panels in processes of their own that die in every way, before a real node that is asked all the time.
//!
//! Each test runs in a network namespace of its own, as whoever it is run by: there addresses are free, and a host can vanish.

#[path = "dying/bounds.rs"]
mod bounds;
#[path = "dying/cases.rs"]
mod cases;
#[path = "dying/certificates.rs"]
mod certificates;
#[path = "dying/counter.rs"]
mod counter;
#[path = "dying/ear.rs"]
mod ear;
#[path = "dying/eye.rs"]
mod eye;
#[path = "dying/inside.rs"]
mod inside;
#[path = "dying/life.rs"]
mod life;
#[path = "dying/node.rs"]
mod node;
#[path = "dying/panel.rs"]
mod panel;
#[path = "dying/switch.rs"]
mod switch;

#[path = "running/mod.rs"]
#[allow(dead_code, reason = "ports need not be found here")]
mod running;
#[path = "peers/wire.rs"]
#[allow(dead_code, reason = "questions are put here, and answers read")]
mod wire;
