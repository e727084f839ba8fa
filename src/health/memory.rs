//! Last-known health, written down for the next run: a line a panel, so that what is torn costs one panel.

use super::Health;
use super::uptime::{Hour, Spell, Uptime};
use super::view::Verdict;
use crate::clock::Now;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::IpAddr;

/// Verdicts older than this say what to presume, and no more.
const FRESH_S: u64 = 300;
const FORMAT: u64 = 1;
/// Those of a month, and a day to spare.
const KEPT_HOURS: u64 = 31 * 24;

/// What an earlier run knew.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    saved_s: u64,
    panels: HashMap<String, Value>,
}

impl Memory {
    /// What is not understood is left out. None: it is no such text.
    pub fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let head = lines.next()?;
        if head["health"].as_u64() != Some(FORMAT) {
            return None;
        }
        let panels = lines.filter_map(|line| Some((line["panel"].as_str()?.to_owned(), line)));
        Some(Self { saved_s: head["saved"].as_u64()?, panels: panels.collect() })
    }

    pub(super) fn is_fresh(&self, now: Now) -> bool {
        self.saved_s <= now.wall_s.saturating_add(FRESH_S) && now.wall_s < self.saved_s.saturating_add(FRESH_S)
    }

    pub(super) fn verdict(&self, panel: &str, address: IpAddr, check: &str) -> Option<(Verdict, &str)> {
        let known = &self.panels.get(panel)?["checks"][address.to_string()][check];
        let verdict = match known["verdict"].as_str()? {
            "up" => Verdict::Up,
            "degraded" => Verdict::Degraded,
            "down" => Verdict::Down,
            _ => return None,
        };
        Some((verdict, known["reason"].as_str().unwrap_or_default()))
    }

    pub(super) fn uptime(&self, panel: &str, now: Now) -> Option<Uptime> {
        let known = &self.panels.get(panel)?["uptime"];
        let spell = match known["spell"].as_str()? {
            "up" => Spell::Up,
            "down" => Spell::Down,
            _ => Spell::Unknown,
        };
        let hour = |hour: &Value| {
            let seconds = |n: usize| u16::try_from(hour[n].as_u64()?.min(3600)).ok();
            Some(Hour { number: hour[0].as_u64()?, down_s: seconds(1)?, unknown_s: seconds(2)? })
        };
        let mut hours: Vec<Hour> = known["hours"].as_array()?.iter().filter_map(hour).collect();
        // What no run of this program can have written is not believed.
        let this_hour = now.wall_s / 3600;
        hours.retain(|hour| hour.number <= this_hour && hour.number + KEPT_HOURS >= this_hour);
        hours.sort_by_key(|hour| hour.number);
        hours.dedup_by_key(|hour| hour.number);
        // A clock that is behind costs what it does not know yet, not the past.
        let at_s = known["at"].as_u64()?.min(now.wall_s);
        let began_s = known["began"].as_u64()?.min(at_s);
        Some(Uptime::recalled(spell, at_s, self.saved_s.clamp(at_s, now.wall_s), began_s, hours.into(), now))
    }
}

impl Health {
    /// All of it as text; panels that have not turned cost nothing but the copy.
    pub fn written(&mut self, now: Now) -> String {
        let mut text = json!({"health": FORMAT, "saved": now.wall_s}).to_string();
        // Of those that nobody has ever looked at there is nothing to be remembered.
        for ward in self.wards.values_mut().filter(|ward| !ward.is_unchecked() || !ward.uptime.hours.is_empty()) {
            let line = ward.line.get_or_insert_with(|| {
                let mut checks = json!({});
                for post in &ward.posts {
                    for station in post.stations.iter().filter(|station| station.course.verdict != Verdict::Unknown) {
                        checks[post.address.to_string()][&station.check.name] =
                            json!({"verdict": station.course.verdict.word(), "reason": station.course.reason});
                    }
                }
                let uptime = &ward.uptime;
                let spell = match uptime.spell {
                    Spell::Up => "up",
                    Spell::Down => "down",
                    Spell::Unknown => "unknown",
                };
                let hours: Vec<[u64; 3]> =
                    uptime.hours.iter().map(|hour| [hour.number, hour.down_s.into(), hour.unknown_s.into()]).collect();
                let uptime = json!({"spell": spell, "at": uptime.at_s, "began": uptime.began_s, "hours": hours});
                json!({"panel": &*ward.name, "checks": checks, "uptime": uptime}).to_string().into()
            });
            text.push('\n');
            text.push_str(line);
        }
        text.push('\n');
        text
    }
}
