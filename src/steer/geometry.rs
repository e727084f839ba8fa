//! The order in which the places of a set's panels come for one client.

use super::guide::{Client, Guide, NOWHERE};
use crate::geo::{Continents, EARTH_KM, Point};
use std::hash::{Hash, Hasher};

/// Panels in one set at most, so stops too.
pub const MAX_STOPS: usize = 1024;
/// Sets seldom have more places; for so many the ranking takes less stack and time.
const FEW_STOPS: usize = 32;
/// A squared chord beyond any on the globe: where a panel without a place is.
const FAR: f32 = 16.0;
/// A stop that is out of the running.
const OUT: u64 = u64::MAX;

/// Panels of one set at one place: they are equally near to everybody.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// None: nobody knows where, so it comes last.
    pub point: Option<Point>,
    /// Or `NOWHERE`.
    pub region: u16,
    /// The operator's tier, from 1.
    pub tier: u16,
    pub continents: Continents,
}

/// Whether clients leave their region or continent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Fence {
    #[default]
    None,
    Region,
    Continent,
}

/// Of the fence; where nothing lies within, there is no fence and nothing lies beyond.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Within,
    Beyond,
}

/// All that decides the order but the client; sets whose panels stand in the same places share one.
#[derive(Clone, Debug, PartialEq)]
pub struct Geometry {
    pub stops: Vec<Stop>,
    pub fence: Fence,
    pub spread_km: f64,
    sine: f32,
    cosine: f32,
    /// `spread` reaches around half the globe.
    is_wide: bool,
}

/// The stops not ranked yet, each with a key that is the less the sooner it comes.
struct Ranking<'g, const N: usize> {
    geometry: &'g Geometry,
    keys: [u64; N],
    tier: [u16; N],
}

impl Geometry {
    /// At most `MAX_STOPS` stops, sorted by tier.
    pub fn new(stops: Vec<Stop>, fence: Fence, spread_km: f64) -> Self {
        let half = spread_km / (2.0 * EARTH_KM);
        let is_wide = half >= std::f64::consts::FRAC_PI_2;
        Self { stops, fence, spread_km, sine: half.sin() as f32, cosine: half.cos() as f32, is_wide }
    }

    /// A hash of it: equal ones have equal prints.
    pub fn print(&self) -> u64 {
        let mut hasher = siphasher::sip::SipHasher13::new();
        (self.fence, self.spread_km.to_bits(), self.stops.len()).hash(&mut hasher);
        for stop in &self.stops {
            let bits = stop.point.map(|point| [point.x, point.y, point.z].map(f32::to_bits));
            (bits, stop.region, stop.tier, stop.continents).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Calls `visit` with each tier's stops, until it says that this was enough. What lies beyond the fence is none of them.
    #[inline]
    pub fn rank(&self, guide: &Guide, client: &Client, visit: impl FnMut(&[u16]) -> bool) {
        self.rank_side(guide, client, Side::Within, visit);
    }

    /// The same for what the fence shuts out.
    #[inline(never)]
    pub fn rank_beyond(&self, guide: &Guide, client: &Client, visit: impl FnMut(&[u16]) -> bool) {
        if self.fence != Fence::None {
            self.rank_side(guide, client, Side::Beyond, visit);
        }
    }

    #[inline]
    fn rank_side(&self, guide: &Guide, client: &Client, side: Side, visit: impl FnMut(&[u16]) -> bool) {
        if self.stops.len() <= FEW_STOPS {
            Ranking::<FEW_STOPS>::new(self, guide, client, side).each(visit);
        } else {
            self.rank_many(guide, client, side, visit);
        }
    }

    #[inline(never)]
    fn rank_many(&self, guide: &Guide, client: &Client, side: Side, visit: impl FnMut(&[u16]) -> bool) {
        Ranking::<MAX_STOPS>::new(self, guide, client, side).each(visit);
    }

    /// Where the client counts to: the region that serves it, else that of the nearest stop.
    pub fn home(&self, client: &Client) -> u16 {
        if client.home != NOWHERE {
            return client.home;
        }
        let far = |stop: &Stop| stop.point.map_or(FAR, |point| point.chord2(client.point));
        let nearest = self.stops.iter().map(|stop| (far(stop), stop.region)).reduce(|a, b| if b.0 < a.0 { b } else { a });
        nearest.map_or(NOWHERE, |(_, region)| region)
    }

    /// The region from which all are ranked; `NOWHERE`: distance alone decides.
    /// A client that no region claims counts to the region of its nearest panel where that says who comes next.
    pub fn ranked_from(&self, guide: &Guide, client: &Client) -> u16 {
        if client.home != NOWHERE {
            return client.home;
        }
        let nearest = self.home(client);
        if guide.has_followers(nearest) { nearest } else { NOWHERE }
    }

    /// The squared chord of a distance that is longer by `spread`.
    #[inline]
    fn stretched(&self, chord2: f32) -> f32 {
        if chord2 >= FAR {
            return FAR;
        }
        // Half the angle's sine is half the chord; sin(a + b) without any arc.
        let sine = chord2.sqrt() / 2.0;
        let cosine = (1.0 - sine * sine).max(0.0).sqrt();
        if self.is_wide || cosine * self.cosine - sine * self.sine <= 0.0 {
            // More than a quarter turn of half the angle: everywhere.
            return 4.0 + f32::EPSILON * 8.0;
        }
        let stretched = 2.0 * (sine * self.cosine + cosine * self.sine);
        // As near counts who is exactly as near: rounding must not part two panels at one distance.
        (stretched * stretched).max(chord2)
    }
}

impl<'g, const N: usize> Ranking<'g, N> {
    fn new(geometry: &'g Geometry, guide: &Guide, client: &Client, side: Side) -> Self {
        let mut ranking = Self { geometry, keys: [OUT; N], tier: [0; N] };
        let home = geometry.ranked_from(guide, client);
        for (key, stop) in ranking.keys.iter_mut().zip(&geometry.stops) {
            let chord2 = stop.point.map_or(FAR, |point| point.chord2(client.point));
            let rank = if home == NOWHERE { 0 } else { guide.rank(home, stop.region) };
            // Positive floats are ordered as their bits are.
            *key = u64::from(stop.tier) << 48 | u64::from(rank) << 32 | u64::from(chord2.to_bits());
        }
        ranking.fence(client, side);
        ranking
    }

    /// Shuts out what lies on the other side of the fence.
    fn fence(&mut self, client: &Client, side: Side) {
        let stops = &self.geometry.stops;
        let is_inside: &dyn Fn(&Stop) -> bool = match self.geometry.fence {
            Fence::None => return,
            Fence::Region => {
                let home = self.geometry.home(client);
                &move |stop: &Stop| home != NOWHERE && stop.region == home
            }
            Fence::Continent => &|stop: &Stop| stop.continents & client.continents != 0,
        };
        let is_fenced = stops.iter().any(is_inside);
        for (key, stop) in self.keys.iter_mut().zip(stops) {
            let lies = if is_fenced && !is_inside(stop) { Side::Beyond } else { Side::Within };
            if lies != side {
                *key = OUT;
            }
        }
    }

    #[inline]
    fn each(mut self, mut visit: impl FnMut(&[u16]) -> bool) {
        let count = self.geometry.stops.len();
        loop {
            let first = self.keys[..count].iter().copied().min().unwrap_or(OUT);
            if first == OUT {
                return;
            }
            let limit = self.geometry.stretched(f32::from_bits(first as u32));
            let limit = first & !u64::from(u32::MAX) | u64::from(limit.to_bits());
            let mut len = 0;
            for (n, key) in self.keys[..count].iter_mut().enumerate() {
                if *key <= limit {
                    *key = OUT;
                    self.tier[len] = n as u16;
                    len += 1;
                }
            }
            if visit(&self.tier[..len]) {
                return;
            }
        }
    }
}
