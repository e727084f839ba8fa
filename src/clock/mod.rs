//! The time.
//!
//! Owns   the only reading of the clocks.
//! Gives  `Now`, which everything else takes as an argument.
//! Never  sleeps.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Now {
    /// Milliseconds since the process first asked; never goes back.
    pub mono_ms: u64,
    /// Seconds since 1970; may step.
    pub wall_s: u64,
}

static START: OnceLock<Instant> = OnceLock::new();

#[allow(clippy::disallowed_methods)]
pub fn now() -> Now {
    let instant = Instant::now();
    let start = START.get_or_init(|| instant);
    Now {
        mono_ms: u64::try_from(instant.saturating_duration_since(*start).as_millis()).unwrap_or(u64::MAX),
        wall_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
    }
}
