//! The limit by itself, with the time as it is wanted.

use super::*;

const START_MS: u64 = 5_000_000;
const VICTIM: &str = "192.0.2.1";

fn limit(per_second: u32, slip: u32) -> Limit {
    Limit::with(LimitOptions { per_second, slip }, 1 << 10, [7, 9])
}

fn network(address: &str) -> Network {
    Network::of(address.parse().unwrap())
}

fn count(limit: &Limit, now_ms: u64, address: &str) -> Judged {
    limit.count(now_ms, network(address), 1)
}

/// How many of so many a millisecond pass.
fn flood(limit: &Limit, ms: std::ops::Range<u64>, each_ms: u64) -> u64 {
    ms.flat_map(|ms| (0..each_ms).map(move |_| ms)).filter(|ms| count(limit, *ms, VICTIM) == Judged::Pass).count() as u64
}

#[test]
fn two_seconds_of_the_rate_pass_at_once_and_then_the_rate() {
    for per_second in [1, 2, 3, 10, 1000, 100_000] {
        let limit = limit(per_second, 0);
        assert_eq!(flood(&limit, START_MS..START_MS + 1, 3 * u64::from(per_second)), 2 * u64::from(per_second), "{per_second}");
    }
    let limit = limit(100, 0);
    let passed = (0..6000).filter(|n| count(&limit, START_MS + n * 10, VICTIM) == Judged::Pass).count();
    assert_eq!(passed, 6000, "a minute at just the rate");
}

#[test]
fn a_flood_gets_its_burst_and_no_more_than_the_rate() {
    for (per_second, each_ms) in [(10, 1), (100, 1), (100, 50), (1000, 2), (1000, 50)] {
        let passed = flood(&limit(per_second, 0), START_MS..START_MS + 5000, each_ms);
        assert!((2 * u64::from(per_second)..=7 * u64::from(per_second)).contains(&passed), "{per_second} {each_ms}: {passed}");
    }
}

#[test]
fn a_second_after_a_flood_its_network_is_answered_again() {
    for per_second in [5, 100, 5000] {
        let limit = limit(per_second, 2);
        let end = START_MS + 20_000;
        flood(&limit, START_MS..end, 20);
        let again = (end..).find(|ms| count(&Limit { buckets: copied(&limit), ..self::limit(per_second, 2) }, *ms, VICTIM) == Judged::Pass);
        let after_ms = again.unwrap() - end;
        assert!((999..=1001 + 1000 / u64::from(per_second)).contains(&after_ms), "{per_second}: {after_ms} ms");
        assert_eq!(flood(&limit, end + 3000..end + 3001, 3 * u64::from(per_second)), 2 * u64::from(per_second), "all is forgotten");
    }
}

fn copied(limit: &Limit) -> Box<[Bucket]> {
    let bucket = |bucket: &Bucket| Bucket(std::array::from_fn(|way| AtomicU64::new(bucket.0[way].load(Relaxed))));
    limit.buckets.iter().map(bucket).collect()
}

#[test]
fn every_so_many_answers_over_the_limit_one_goes_out_small() {
    for slip in [0, 1, 2, 3, 10] {
        let limit = limit(1, slip);
        assert_eq!(flood(&limit, START_MS..START_MS + 1, 2), 2);
        for n in 1..=60 {
            let expected = if slip > 0 && n % slip == 0 { Judged::Slip } else { Judged::Withhold };
            assert_eq!(count(&limit, START_MS, VICTIM), expected, "slip {slip}, number {n}");
        }
    }
}

#[test]
fn a_network_is_a_24_or_a_56_and_a_key_of_another_is_its_own() {
    for (a, b, same) in [
        ("192.0.2.1", "192.0.2.255", true),
        ("192.0.2.1", "192.0.3.1", false),
        ("192.0.2.1", "::ffff:192.0.2.9", true),
        ("192.0.2.1", "::192.0.2.1", false),
        ("2001:db8:1:2ff::1", "2001:db8:1:200:ffff::", true),
        ("2001:db8:1:2ff::1", "2001:db8:1:300::1", false),
        ("::4", "0.0.0.0", false),
        ("::", "0.0.0.0", false),
    ] {
        assert_eq!(network(a) == network(b), same, "{a} {b}");
    }
    assert_eq!(network("192.0.2.77").to_string(), "192.0.2.0/24");
    assert_eq!(network("2001:db8:1:2ff::1").to_string(), "2001:db8:1:200::/56");
    let limit = limit(1, 0);
    for key in 0..100 {
        for at in ["192.0.2.1", "192.0.3.1", "2001:db8::1"].map(network) {
            let seen = [(); 3].map(|()| limit.count(START_MS, at, key));
            assert_eq!(seen, [Judged::Pass, Judged::Pass, Judged::Withhold], "{at} {key}");
        }
    }
}

#[test]
fn a_table_full_of_strangers_stays_as_large_keeps_the_flood_and_lets_newcomers_in() {
    let limit = limit(10, 0);
    flood(&limit, START_MS..START_MS + 100, 10);
    let strangers = 20 * limit.buckets.len() * WAYS;
    for n in 0..strangers as u64 {
        assert_eq!(limit.count(START_MS + 100, Network(n << 8), 1), Judged::Pass, "stranger {n}");
    }
    assert_eq!(limit.buckets.len(), 1 << 10);
    assert_eq!(count(&limit, START_MS + 100, VICTIM), Judged::Withhold, "the flood is not forgotten");
}

/// What whoever knew the secret could do: all keys in one bucket.
#[test]
fn keys_that_collide_take_over_the_quietest_entry_and_start_anew() {
    let limit = Limit::with(LimitOptions { per_second: 10, slip: 0 }, 1, [7, 9]);
    let flooders: Vec<Network> = (1..=WAYS as u64).map(|n| Network(n << 8)).collect();
    for (n, flooder) in flooders.iter().enumerate() {
        for _ in 0..100 + n {
            limit.count(START_MS + n as u64, *flooder, 1);
        }
        assert_eq!(limit.count(START_MS + n as u64, *flooder, 1), Judged::Withhold);
    }
    for n in 100..200 {
        assert_eq!(limit.count(START_MS + 8, Network(n << 8), 1), Judged::Pass, "an honest one");
    }
    let still = flooders.iter().filter(|flooder| limit.count(START_MS + 8, **flooder, 1) == Judged::Withhold).count();
    assert_eq!(still, WAYS - 1, "the first flooder's entry was the quietest, and newcomers share it from then on");
}

#[test]
fn where_a_key_goes_depends_on_a_secret_of_the_process() {
    let options = LimitOptions { per_second: 1, slip: 0 };
    let spots: std::collections::HashSet<u64> = (0..8).map(|n| Limit::with(options, 1, [n % 3, n / 3]).hash(network(VICTIM), 1)).collect();
    assert_eq!(spots.len(), 8);
    assert_ne!(Limit::new(options).secret, Limit::new(options).secret);
}

#[test]
fn what_is_hours_old_is_no_debt_when_the_bits_of_time_wrap() {
    let wrap_ms = (TIME_MASK + 1) / TICKS_A_MS;
    let hour = 3_600_000;
    for start in [1, START_MS, wrap_ms - 1, wrap_ms, 7 * wrap_ms + 3, u64::MAX / TICKS_A_MS] {
        for age in [4000, hour, 10 * hour, 18 * hour, 19 * hour, 20 * hour, 2400 * hour, wrap_ms / 2, wrap_ms / 2 + 1] {
            let limit = limit(5, 0);
            flood(&limit, start..start + 100, 1);
            assert_eq!(count(&limit, start + 100, VICTIM), Judged::Withhold, "from {start}");
            assert_eq!(count(&limit, start + age, VICTIM), Judged::Pass, "from {start} after {age} ms");
        }
    }
}

#[test]
fn a_worker_whose_clock_is_behind_does_not_forgive() {
    let limit = limit(5, 0);
    flood(&limit, START_MS..START_MS + 3000, 1);
    for behind in [0, 1, 100, SKEW_MS - 1] {
        assert_eq!(count(&limit, START_MS + 3000 - behind, VICTIM), Judged::Withhold, "{behind} ms behind");
    }
}

#[test]
fn workers_that_count_at_once_lose_nothing() {
    let limit = limit(10_000, 2);
    let (passed, slipped) = std::thread::scope(|scope| {
        let work = || {
            let judged: Vec<Judged> = (0..15_000).map(|_| count(&limit, START_MS, VICTIM)).collect();
            let number = |what: Judged| judged.iter().filter(|one| **one == what).count();
            (number(Judged::Pass), number(Judged::Slip))
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    assert_eq!((passed, slipped), (20_000, 20_000));
}

#[test]
fn a_flood_is_news_once() {
    let limit = limit(5, 0);
    let news: Vec<u64> = (0..3_600_000).step_by(10).map(|ms| START_MS + ms).filter(|ms| limit.is_news(*ms)).collect();
    assert_eq!(news, [START_MS]);
    let end = START_MS + 3_599_990;
    assert!(!limit.is_news(end + QUIET_MS - 1000), "not quiet for long enough");
    assert!(limit.is_news(end + QUIET_MS - 1000 + QUIET_MS));
}

#[test]
fn the_table_takes_four_mebibytes() {
    assert_eq!(size_of::<Bucket>(), 64);
    assert_eq!(Limit::new(LimitOptions { per_second: 1, slip: 0 }).buckets.len() * size_of::<Bucket>(), 4 << 20);
}
