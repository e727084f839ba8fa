//! The keys that `[defaults]`, `[[set]]` and `[[hostname]]` share.

use crate::document::{At, TableReader, Value, shown};
use crate::fleet::{Fence, Steer};
use std::time::Duration;

/// RFC 2181 §8.
const MAX_TTL: u32 = i32::MAX as u32;
/// An answer of more panels no longer steers. Times the addresses of a panel that may be more than the 32 an answer carries; then it is cut.
const MAX_ANSWERS: u32 = 8;
/// Ten times what a panel is rated for: far enough to switch shedding off.
const MAX_SHED: f64 = 10.0;
/// A panel that is not back at full weight after a day is never back.
const MAX_SLOW_START: Duration = Duration::from_secs(24 * 3600);

/// What one scope says; what it does not say comes from the scope around it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
        panic: share(table, "panic", 1.0),
        overflow: share(table, "overflow", 1.0),
        shed_from: share(table, "shed_from", MAX_SHED),
        shed_all: share(table, "shed_all", MAX_SHED),
        slow_start: table.duration("slow_start", Duration::ZERO..=MAX_SLOW_START),
    }
}

/// A part of 1. Whoever writes per cent is told so.
fn share(table: &mut TableReader<'_>, key: &'static str, max: f64) -> Option<At<f64>> {
    let node = table.node(key)?;
    let (found, percent) = match &node.it {
        Value::Integer(number) => (number.to_string(), Some(*number as f64)),
        Value::Float(number) => (number.to_string(), Some(*number)),
        Value::Text(text) => {
            (format!("the text \"{}\"", shown(text)), text.strip_suffix('%').and_then(|number| number.trim_end().parse().ok()))
        }
        _ => (String::new(), None),
    };
    let is_text = matches!(node.it, Value::Text(_));
    match percent.filter(|percent| (0.0..=100.0 * max).contains(percent) && (is_text || *percent > max)) {
        Some(percent) => {
            let what = format!("found {found} where a share from 0 to {max} belongs");
            table.error(node.line, key, what, format!("write {percent} % as {}", percent / 100.0));
            None
        }
        None => table.float_of(key, node, 0.0..=max),
    }
}
