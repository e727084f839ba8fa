//! The response rate limit: how many answers of one kind, about one name, a network of clients may have over UDP.
//!
//! A flood with a forged sender hits whoever has that address, so what is counted is what goes out. One table for all workers, made at the start
//! and never larger, with one word an entry and no lock: a key that has no entry takes over the one that was quiet longest.

use crate::answer::{Ask, Reply};
use siphasher::sip::SipHasher13;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitOptions {
    /// Answers a second to one network, of one kind and about one name; at least 1.
    pub per_second: u32,
    /// Every so many answers over the limit one goes out small; 0: none.
    pub slip: u32,
}

/// With those below it 524,288 keys in 4 MiB. Entries matter for three seconds, and those of a flood are never the quietest, so it takes
/// far more than this in honest keys before a flood is forgotten.
const BUCKETS: usize = 1 << 16;
/// A cache line.
const WAYS: usize = 8;
/// A network that was quiet has so many seconds of its rate at once: resolvers ask in bursts, and NSD lets through as much in a first second.
const BURST_S: u64 = 2;
/// What is over the limit is on the account too, but never more than so many seconds of it: that long after a flood its network is answered again.
const PENALTY_S: u64 = 1;
/// Workers read the clock a batch apart.
const SKEW_MS: u64 = 1_000;
/// Every answer in this long without one over the limit makes the next one news.
const QUIET_MS: u64 = 60_000;

/// An entry is TAG_BITS of its key's hash, SLIP_BITS of answers withheld since the last small one, and when the account will be even.
const TAG_BITS: u32 = 20;
const SLIP_BITS: u32 = 4;
const TIME_BITS: u32 = 40;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
const SLIP_MASK: u64 = (1 << SLIP_BITS) - 1;
/// The 40 bits wrap in 19 hours, and the highest rate there is still has 16 of them an answer.
const TICKS_A_MS: u64 = 16_000;

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Pass,
    /// A small one goes instead.
    Slip,
    Withhold,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Bucket([AtomicU64; WAYS]);

pub(super) struct Limit {
    per_second: u32,
    slip: u64,
    /// What one answer costs.
    cost: u64,
    burst: u64,
    most: u64,
    /// So that nobody can choose names or networks that share an entry.
    secret: [u64; 2],
    buckets: Box<[Bucket]>,
    /// When an answer was last over the limit, to a second; 0: never.
    last_over_ms: AtomicU64,
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit").field("per_second", &self.per_second).field("slip", &self.slip).finish_non_exhaustive()
    }
}

impl Limit {
    pub(super) fn new(options: LimitOptions) -> Self {
        let random = || RandomState::new().build_hasher().finish();
        Self::with(options, BUCKETS, [random(), random()])
    }

    /// `buckets` is a power of two.
    fn with(options: LimitOptions, buckets: usize, secret: [u64; 2]) -> Self {
        let per_second = u64::from(options.per_second.max(1));
        let cost = (1000 * TICKS_A_MS).div_ceil(per_second);
        let burst = BURST_S * per_second * cost;
        Self {
            per_second: options.per_second,
            slip: u64::from(options.slip).min(SLIP_MASK),
            cost,
            burst,
            most: burst + PENALTY_S * per_second * cost,
            secret,
            buckets: (0..buckets).map(|_| Bucket::default()).collect(),
            last_over_ms: AtomicU64::new(0),
        }
    }

    /// Counts an answer that is ready to be sent.
    #[inline]
    pub(super) fn judge(&self, now_ms: u64, ask: &Ask<'_>, reply: &Reply) -> Judged {
        let Some(key) = reply.limit else { return Judged::Pass };
        let network = Network::of(ask.peer.ip());
        let judged = self.count(now_ms, network, key);
        if judged != Judged::Pass && self.is_news(now_ms) {
            self.report(network, reply.rcode);
        }
        judged
    }

    fn count(&self, now_ms: u64, network: Network, key: u64) -> Judged {
        let hash = self.hash(network, key);
        let bucket = &self.buckets[hash as usize & (self.buckets.len() - 1)].0;
        let tag = hash >> (64 - TAG_BITS);
        let now = now_ms.wrapping_mul(TICKS_A_MS) & TIME_MASK;
        loop {
            let mut quietest = (0, 0, u64::MAX);
            let mut own = None;
            for (way, entry) in bucket.iter().enumerate() {
                let word = entry.load(Relaxed);
                if word >> (SLIP_BITS + TIME_BITS) == tag {
                    own = Some((way, word));
                    break;
                }
                let freshness = self.freshness(word, now);
                if freshness < quietest.2 {
                    quietest = (way, word, freshness);
                }
            }
            let (way, old) = own.unwrap_or((quietest.0, quietest.1));
            let (judged, debt, withheld) = match own {
                Some((_, word)) => self.charge(self.debt(word, now), word >> TIME_BITS & SLIP_MASK),
                None => self.charge(0, 0),
            };
            let new = tag << (SLIP_BITS + TIME_BITS) | withheld << TIME_BITS | (now + debt) & TIME_MASK;
            // Another worker may have been first; then it is all looked at again.
            if bucket[way].compare_exchange_weak(old, new, Relaxed, Relaxed).is_ok() {
                return judged;
            }
        }
    }

    /// The verdict, and the account and the count after it.
    fn charge(&self, debt: u64, withheld: u64) -> (Judged, u64, u64) {
        let after = (debt + self.cost).min(self.most);
        if debt + self.cost <= self.burst {
            (Judged::Pass, after, withheld)
        } else if self.slip == 0 {
            (Judged::Withhold, after, 0)
        } else if withheld + 1 < self.slip {
            (Judged::Withhold, after, withheld + 1)
        } else {
            (Judged::Slip, after, 0)
        }
    }

    /// How far ahead of `now` an entry's time is: what is farther than can be is hours old, and the bits have wrapped.
    fn debt(&self, word: u64, now: u64) -> u64 {
        let ahead = word.wrapping_sub(now) & TIME_MASK;
        if ahead <= self.most + SKEW_MS * TICKS_A_MS { ahead.min(self.most) } else { 0 }
    }

    /// Orders entries by how little is lost with them: the least were quiet for longest.
    fn freshness(&self, word: u64, now: u64) -> u64 {
        // From the first instant that cannot be ahead any more, which is the oldest there is, to the last that can.
        word.wrapping_sub(now + self.most + SKEW_MS * TICKS_A_MS + 1) & TIME_MASK
    }

    fn hash(&self, network: Network, key: u64) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.secret[0], self.secret[1]);
        hasher.write_u64(network.0);
        hasher.write_u64(key);
        hasher.finish()
    }

    /// The first answer over the limit after a while, told once however many workers there are.
    fn is_news(&self, now_ms: u64) -> bool {
        let last = self.last_over_ms.load(Relaxed);
        // Written once a second: a flood of it would move the line from core to core.
        if last != 0 && now_ms.saturating_sub(last) < 1000 {
            return false;
        }
        let is_first = self.last_over_ms.compare_exchange(last, now_ms.max(1), Relaxed, Relaxed).is_ok();
        is_first && (last == 0 || now_ms.saturating_sub(last) >= QUIET_MS)
    }

    #[cold]
    fn report(&self, network: Network, rcode: u16) {
        tracing::warn!(%network, rcode, "more answers of one kind to one network than the {} a second of [dns.limit]: the rest are withheld", self.per_second);
    }
}

/// A /24 of IPv4 or a /56 of IPv6, as `[dns.tcp].per_client` counts them: the rightmost byte, which is in neither, tells which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network(u64);

impl Network {
    const V4: u64 = 4;

    fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(u64::from(ip.to_bits() >> 8) << 8 | Self::V4),
            IpAddr::V6(ip) => Self(((ip.to_bits() >> 72) as u64) << 8),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 & 0xff == Self::V4 {
            write!(f, "{}/24", std::net::Ipv4Addr::from_bits(self.0 as u32 & !0xff))
        } else {
            write!(f, "{}/56", std::net::Ipv6Addr::from_bits(u128::from(self.0) << 64))
        }
    }
}

#[cfg(test)]
mod tests;
