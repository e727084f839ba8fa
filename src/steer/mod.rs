//! Who should serve whom.
//!
//! Owns   ranking by place, tiers, slots, and what a panel may carry now.
//! Takes  where panels and clients are, weights and policies; an atlas.
//! Gives  a `Choice` of panels for one client, the same on every node, and the reasons for it.
//! Never  knows names, records or documents: panels and regions are numbers here.

mod chart;
mod geometry;
mod guide;
mod roster;
pub mod slots;
mod standing;

pub use chart::Chart;
pub use geometry::{Fence, Geometry, MAX_STOPS, Stop};
pub use guide::{Claim, Client, Guide, NOWHERE, Region, Rule, Spot};
pub use roster::{Choice, Class, Family, How, MAX_ANSWERS, Member, Order, Roster, Tally};
pub use slots::{Slot, key};
pub use standing::{Family as Fitness, Fit, Limits, Standing, State, judge};

#[cfg(test)]
mod tests;
