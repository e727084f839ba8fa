//! An explanation as a person would tell it.

use super::explain::{Explanation, Facts, Ranked, Shown, Step};
use super::words::{kilometres, weight};
use std::fmt;
use std::net::IpAddr;

/// Panels that are shown; whoever wants more reads JSON.
const MAX_PANELS: usize = 20;
/// Records that are shown below the first line.
const MAX_RECORDS: usize = 20;
/// Where what is said of a step begins.
const LABEL: usize = 9;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = match self.client.as_deref() {
            Some(client) => {
                let whole = if client.contains(':') { "/128" } else { "/32" };
                client.strip_suffix(whole).unwrap_or(client).to_owned()
            }
            None => format!("the resolver {}", self.resolver),
        };
        writeln!(f, "{} {} for {client}: {}", self.name, self.rtype, self.headline())?;
        let records = self.listed_records();
        for record in records.iter().take(MAX_RECORDS) {
            let owner = if record.name == self.name { String::new() } else { format!("{} ", record.name) };
            writeln!(f, "  {owner}{} {}", record.rtype, record.data)?;
        }
        if let Some(more) = records.len().checked_sub(MAX_RECORDS).filter(|more| *more > 0) {
            writeln!(f, "  and {more} more (--json has all)")?;
        }
        writeln!(f)?;
        let columns = Columns::of(&self.steps);
        let mut panels = Panels { columns, left: MAX_PANELS, more: 0 };
        for step in &self.steps {
            match &step.facts {
                Facts::Tier(tiered) => panels.write(f, &format!("tier {}", tiered.tier), &tiered.panels, |ranked| &ranked.text)?,
                Facts::Out { panels: out } => panels.write(f, "out", out, |ranked| ranked.out.as_deref().unwrap_or_default())?,
                facts => {
                    panels.rest(f)?;
                    line(f, label(facts), &step.text)?;
                }
            }
        }
        panels.rest(f)
    }
}

impl Explanation {
    fn headline(&self) -> String {
        let mut parts = Vec::new();
        let is_negative = self.status != "NOERROR";
        if is_negative {
            parts.push(self.status.clone());
        } else if !self.is_answered {
            parts.push("no answer (NODATA)".into());
        } else if !self.answer.is_empty() {
            let addresses: Vec<String> = self.answer.iter().map(IpAddr::to_string).collect();
            let panels = if self.panels.is_empty() { String::new() } else { format!(" ({})", self.panels.join(", ")) };
            parts.push(format!("{}{panels}", addresses.join(", ")));
        } else if self.records.len() == 1 {
            let panels = if self.panels.is_empty() { String::new() } else { format!(" ({})", self.panels.join(", ")) };
            parts.push(format!("{}{panels}", self.records[0].data));
        } else {
            parts.push(format!("{} records", self.records.len()));
        }
        parts.extend(self.ttl.map(|ttl| format!("TTL {ttl}")));
        parts.extend(self.scope.map(|scope| format!("scope /{scope}")));
        parts.join(", ")
    }

    /// Those that the first line does not have.
    fn listed_records(&self) -> Vec<&Shown> {
        if !self.answer.is_empty() || !self.is_answered || self.records.len() < 2 { Vec::new() } else { self.records.iter().collect() }
    }
}

fn label(facts: &Facts) -> &'static str {
    match facts {
        Facts::Alias { .. } => "alias",
        Facts::Hostname { .. } => "name",
        Facts::Client { .. } => "client",
        Facts::Place { .. } => "place",
        Facts::Region { .. } => "region",
        Facts::Set { .. } => "set",
        Facts::Tier(_) => "tier",
        Facts::Out { .. } => "out",
        Facts::Hints { .. } => "hints",
        Facts::Zone { .. } => "zone",
        Facts::Nothing { .. } => "because",
        Facts::Ttl { .. } => "ttl",
        Facts::Scope { .. } => "scope",
    }
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {label:LABEL$} {text}")
}

/// How wide the columns are.
struct Columns {
    name: usize,
    distance: usize,
    weight: usize,
}

impl Columns {
    fn of(steps: &[Step]) -> Self {
        let panels = || {
            let listed = steps.iter().filter_map(|step| match &step.facts {
                Facts::Tier(tiered) => Some(&tiered.panels),
                Facts::Out { panels } => Some(panels),
                _ => None,
            });
            listed.flatten().take(MAX_PANELS)
        };
        Self {
            name: panels().map(|ranked| ranked.panel.len()).max().unwrap_or(0),
            distance: panels().map(|ranked| distance(ranked).len()).max().unwrap_or(0),
            weight: panels().map(|ranked| share(ranked).len()).max().unwrap_or(0),
        }
    }
}

/// The rows of panels, of which only so many are shown.
struct Panels {
    columns: Columns,
    left: usize,
    more: usize,
}

impl Panels {
    fn write(&mut self, f: &mut fmt::Formatter<'_>, label: &str, panels: &[Ranked], note: fn(&Ranked) -> &str) -> fmt::Result {
        let Columns { name, distance: far, weight: heavy } = self.columns;
        for (n, ranked) in panels.iter().enumerate() {
            if self.left == 0 {
                self.more += panels.len() - n;
                break;
            }
            self.left -= 1;
            let label = if n == 0 { label } else { "" };
            let distance = if far == 0 { String::new() } else { format!("   {:>far$}", distance(ranked)) };
            let row = format!("{:name$}{distance}   {:heavy$}   {}", ranked.panel, share(ranked), note(ranked));
            line(f, label, row.trim_end())?;
        }
        Ok(())
    }

    fn rest(&mut self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::mem::take(&mut self.more) {
            0 => Ok(()),
            1 => line(f, "", "and 1 panel more (--json has all)"),
            more => line(f, "", &format!("and {more} panels more (--json has all)")),
        }
    }
}

fn distance(ranked: &Ranked) -> String {
    ranked.distance_km.map_or_else(String::new, kilometres)
}

fn share(ranked: &Ranked) -> String {
    format!("weight {}", weight((ranked.weight * 65_536.0).round() as u32))
}
