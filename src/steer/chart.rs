//! A ranking worked out beforehand for every address: what it saves is time, and what it gives is wider networks of one answer.

use super::geometry::Geometry;
use super::guide::{Guide, Spot};
use crate::geo::{Hit, Near, Ranges, map, merge};
use std::collections::HashMap;
use std::net::IpAddr;

/// Tiers kept of each ranking. Full rankings are nearly as many as places; the first three are few hundreds.
const KEPT: usize = 3;
/// Classes have 16 bits; 0 is the unknown place, and the greatest number is kept for the ranges.
const MAX_CLASSES: usize = u16::MAX as usize - 1;

/// Address ranges → class, for one geometry and one guide.
pub struct Chart {
    ranges: Ranges<u16>,
    /// Class 0 has no tiers.
    classes: Vec<Class>,
    /// Stops of all tiers, one after the other.
    stops: Vec<u16>,
}

/// Where the tiers of a class stand in `stops`.
#[derive(Clone, Copy, Debug, Default)]
struct Class {
    start: u32,
    lens: [u16; KEPT],
    /// Nothing comes after these.
    is_whole: bool,
}

/// The ranges are millions, so only their size is shown.
impl std::fmt::Debug for Chart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chart").field("classes", &self.classes()).field("memory", &self.memory()).finish_non_exhaustive()
    }
}

impl Chart {
    /// None: there are more classes than a chart can hold.
    pub fn new(geometry: &Geometry, guide: &Guide) -> Option<Self> {
        let mut chart = Self { ranges: Ranges::default(), classes: vec![Class::default()], stops: Vec::new() };
        let mut known = HashMap::new();
        let mut scratch = Vec::new();
        let mut class_of = |spot: Spot| chart.class(geometry, guide, spot, &mut known, &mut scratch);
        let cells: Vec<u16> = (0..guide.atlas.cells().len() as u32).map(|cell| class_of(Spot { rule: 0, cell })).collect::<Option<_>>()?;
        if guide.rules().is_empty() {
            chart.ranges = map(guide.atlas.ranges(), |cell| cells[cell as usize]);
            return Some(chart);
        }
        let rules: Vec<u16> = (0..guide.rule_count() as u16).map(|rule| class_of(Spot { rule, cell: 0 })).collect::<Option<_>>()?;
        chart.ranges = merge(guide.rules(), guide.atlas.ranges(), |rule, cell| match rule {
            0 => cells[cell as usize],
            rule => rules[usize::from(rule)],
        });
        Some(chart)
    }

    #[inline]
    pub fn near(&self, address: IpAddr) -> Near {
        self.ranges.near(address)
    }

    #[inline]
    pub fn touch(&self, near: Near) {
        self.ranges.touch(near);
    }

    #[inline]
    pub fn find(&self, address: IpAddr) -> Hit<u16> {
        self.ranges.find(address)
    }

    /// Calls `visit` with each tier's stops until it says that this was enough. False: what comes after these it does not know.
    #[inline]
    pub fn rank(&self, class: u16, mut visit: impl FnMut(&[u16]) -> bool) -> bool {
        let Class { start, lens, is_whole } = self.classes[usize::from(class)];
        let mut at = start as usize;
        for len in lens {
            let tier = &self.stops[at..at + usize::from(len)];
            if len == 0 || visit(tier) {
                break;
            }
            at += tier.len();
        }
        is_whole
    }

    pub fn classes(&self) -> usize {
        self.classes.len() - 1
    }

    pub fn memory(&self) -> usize {
        self.ranges.memory() + self.classes.len() * size_of::<Class>() + self.stops.len() * 2
    }

    fn class(
        &mut self,
        geometry: &Geometry,
        guide: &Guide,
        spot: Spot,
        known: &mut HashMap<Box<[u16]>, u16>,
        scratch: &mut Vec<u16>,
    ) -> Option<u16> {
        let Some(client) = guide.client(spot) else { return Some(0) };
        // The lengths and whether that is all, then the stops.
        scratch.clear();
        scratch.resize(KEPT + 1, 0);
        let mut tiers = 0;
        let mut is_whole = true;
        geometry.rank(guide, &client, |tier| {
            if tiers == KEPT {
                is_whole = false;
                return true;
            }
            scratch[tiers] = tier.len() as u16;
            scratch.extend_from_slice(tier);
            tiers += 1;
            false
        });
        scratch[KEPT] = is_whole.into();
        if let Some(class) = known.get(scratch.as_slice()) {
            return Some(*class);
        }
        if self.classes.len() > MAX_CLASSES {
            return None;
        }
        let class = self.classes.len() as u16;
        let mut lens = [0; KEPT];
        lens.copy_from_slice(&scratch[..KEPT]);
        self.classes.push(Class { start: self.stops.len() as u32, lens, is_whole });
        self.stops.extend_from_slice(&scratch[KEPT + 1..]);
        known.insert(scratch.as_slice().into(), class);
        Some(class)
    }
}
