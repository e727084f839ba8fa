//! The keys that `[defaults]`, `[[set]]` and `[[hostname]]` share.

use crate::document::{At, TableReader};
use crate::fleet::{Fence, Steer};
use std::time::Duration;

/// RFC 2181 §8.
const MAX_TTL: u32 = i32::MAX as u32;
/// An answer of more panels no longer steers, and at 4 addresses each it would pass what UDP carries.
const MAX_ANSWERS: u32 = 8;
/// Ten times what a panel is rated for: far enough to switch shedding off.
const MAX_SHED: f64 = 10.0;
/// A panel that is not back at full weight after a day is never back.
const MAX_SLOW_START: Duration = Duration::from_secs(24 * 3600);

/// What one scope says; what it does not say comes from the scope around it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    pub steer: Option<At<Steer>>,
    pub spread_km: Option<At<f64>>,
    pub fence: Option<At<Fence>>,
    pub sticky: Option<At<bool>>,
    pub answers: Option<At<u32>>,
    pub ttl: Option<At<u32>>,
    pub ttl_changing: Option<At<u32>>,
    pub panic: Option<At<f64>>,
    pub overflow: Option<At<f64>>,
    pub shed_from: Option<At<f64>>,
    pub shed_all: Option<At<f64>>,
    pub slow_start: Option<At<Duration>>,
}

pub(super) fn read(table: &mut TableReader<'_>) -> Policy {
    let steers = [
        ("nearest", Steer::Nearest),
        ("failover", Steer::Failover),
        ("weighted", Steer::Weighted),
        ("round-robin", Steer::RoundRobin),
        ("least-loaded", Steer::LeastLoaded),
    ];
    let fences = [("none", Fence::None), ("region", Fence::Region), ("continent", Fence::Continent)];
    Policy {
        steer: table.word("steer", &steers),
        spread_km: table.distance("spread"),
        fence: table.word("fence", &fences),
        sticky: table.bool("sticky"),
        answers: table.integer("answers", 1..=MAX_ANSWERS),
        ttl: table.seconds("ttl", 0..=MAX_TTL),
        ttl_changing: table.seconds("ttl_changing", 0..=MAX_TTL),
        panic: table.float("panic", 0.0..=1.0),
        overflow: table.float("overflow", 0.0..=1.0),
        shed_from: table.float("shed_from", 0.0..=MAX_SHED),
        shed_all: table.float("shed_all", 0.0..=MAX_SHED),
        slow_start: table.duration("slow_start", Duration::ZERO..=MAX_SLOW_START),
    }
}
