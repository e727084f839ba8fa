//! Small random zones, each asked two ways. The fuzz target of the same name goes on where this stops.

#[path = "oracle/compare.rs"]
mod compare;
mod oracle;
#[path = "peers/wire.rs"]
#[allow(dead_code)]
mod wire;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same zones each time; the fuzz target looks at others.
const SEED: u64 = 1;

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, rng_seed: RngSeed::Fixed(SEED), ..ProptestConfig::default() })]

    #[test]
    fn both_say_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        compare::compare(&bytes);
    }
}
