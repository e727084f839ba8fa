//! A random fleet as an operator would write it, and changes of it.

use crate::chance::Chance;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) const ZONE: &str = "sim.test";
pub(crate) const MASTER: &str = "@ 60 IN SOA ns hostmaster 1 2 3 4 30\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\n";

const REGIONS: &str = r#"
[[region]]
name = "eu"
at = [50.11, 8.68]
serves = { continents = ["EU"] }
then = ["us"]
[[region]]
name = "us"
at = [40.71, -74.0]
serves = { countries = ["US", "CA"] }
[[region]]
name = "asia"
at = [1.35, 103.82]
serves = { continents = ["AS"] }
then = ["eu", "us"]
"#;
const PLACES: [&str; 6] =
    ["", "region = \"eu\"", "region = \"us\"", "region = \"asia\"", "region = \"eu\"\nat = [52.37, 4.9]", "at = [-23.55, -46.63]"];

#[derive(Clone)]
pub(crate) struct Sketch {
    checks: Vec<Check>,
    pub(crate) panels: Vec<Panel>,
    /// Removed, and may come back.
    gone: Vec<Panel>,
    sets: Vec<Set>,
    hosts: Vec<Host>,
    named: u16,
}

#[derive(Clone)]
struct Check {
    text: String,
    is_heartbeat: bool,
}

#[derive(Clone)]
pub(crate) struct Panel {
    pub(crate) name: String,
    place: &'static str,
    pub(crate) addresses: Vec<IpAddr>,
    checks: Vec<usize>,
    weight: f64,
    state: &'static str,
    pub(crate) capacity: u64,
    /// It says how full it is, every so many ms.
    pub(crate) beats_ms: Option<u64>,
}

#[derive(Clone)]
struct Set {
    /// Names of panels, and their tiers.
    members: Vec<(String, u64)>,
    policy: String,
}

#[derive(Clone)]
struct Host {
    set: usize,
    policy: String,
    ports: &'static str,
}

impl Sketch {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let mut sketch = Self { checks: vec![], panels: vec![], gone: vec![], sets: vec![], hosts: vec![], named: 0 };
        for _ in 0..chance.between(1, 4) {
            let check = check(chance);
            sketch.checks.push(check);
        }
        let most = chance.one(&[3, 6, 6, 12, 30]);
        for _ in 0..chance.between(2, most) {
            sketch.add(chance);
        }
        for _ in 0..chance.between(1, 6) {
            let set = sketch.set(chance);
            sketch.sets.push(set);
        }
        for set in 0..sketch.sets.len() {
            for _ in 0..chance.between(1, 2) {
                let policy = if chance.is(30) { policy(chance) } else { String::new() };
                let ports =
                    chance.one(&["", "", "ports = { http = 8090 }", "ports = { https = 443 }", "ports = { http = 80, https = 443 }"]);
                sketch.hosts.push(Host { set, policy, ports });
            }
        }
        sketch
    }

    /// fleet.toml.
    pub(crate) fn text(&self) -> String {
        let mut text = REGIONS.to_owned();
        for (n, check) in self.checks.iter().enumerate() {
            let _ = write!(text, "[[check]]\nname = \"c{n}\"\n{}", check.text);
        }
        for panel in &self.panels {
            let Panel { name, place, weight, state, capacity, .. } = panel;
            let checks: Vec<String> = panel.checks.iter().map(|n| format!("c{n}")).collect();
            let addresses: Vec<String> = panel.addresses.iter().map(IpAddr::to_string).collect();
            let _ = write!(
                text,
                "[[panel]]\nname = \"{name}\"\n{place}\naddresses = {addresses:?}\nchecks = {checks:?}\nweight = {weight:?}\n"
            );
            let _ = write!(text, "state = \"{state}\"\ncapacity = {capacity}\n");
        }
        for (n, set) in self.sets.iter().enumerate() {
            let mut tiers: Vec<u64> = set.members.iter().map(|(_, tier)| *tier).collect();
            tiers.sort_unstable();
            tiers.dedup();
            let tier = |tier: u64| tiers.iter().position(|other| *other == tier).unwrap_or(0) + 1;
            let members: Vec<String> =
                set.members.iter().map(|(name, of)| format!("{{ panel = \"{name}\", tier = {} }}", tier(*of))).collect();
            let _ = write!(text, "[[set]]\nname = \"s{n}\"\npanels = [{}]\n{}", members.join(", "), set.policy);
        }
        let _ = write!(text, "[[zone]]\nname = \"{ZONE}\"\nfile = \"zone\"\n");
        for (n, host) in self.hosts.iter().enumerate() {
            let Host { set, policy, ports } = host;
            let _ = write!(text, "[[hostname]]\nname = \"h{n}.{ZONE}\"\nset = \"s{set}\"\n{ports}\n{policy}");
        }
        text
    }

    /// Somebody edits it. What was done, in words.
    pub(crate) fn change(&mut self, chance: &mut Chance) -> String {
        let panel = chance.index(self.panels.len());
        let name = self.panels[panel].name.clone();
        match chance.between(0, 10) {
            0 | 1 => {
                self.add(chance);
                let name = self.panels[self.panels.len() - 1].name.clone();
                let (set, tier) = (chance.index(self.sets.len()), chance.between(1, 3));
                self.sets[set].members.push((name.clone(), tier));
                format!("{name} is added to s{set}")
            }
            2 if self.may_go(&name) => {
                for set in &mut self.sets {
                    set.members.retain(|(member, _)| *member != name);
                }
                let panel = self.panels.remove(panel);
                self.gone.push(panel);
                format!("{name} is removed")
            }
            3 if !self.gone.is_empty() => {
                let gone = chance.index(self.gone.len());
                let back = self.gone.remove(gone);
                let (name, set) = (back.name.clone(), chance.index(self.sets.len()));
                self.panels.push(back);
                self.sets[set].members.push((name.clone(), 1));
                format!("{name} comes back to s{set}")
            }
            4 => {
                self.panels[panel].weight = weight(chance);
                format!("{name} has weight {}", self.panels[panel].weight)
            }
            5 => {
                self.panels[panel].checks = self.checks_for(chance);
                let checks = self.panels[panel].checks.clone();
                self.panels[panel].beats_ms = self.beats(&checks, chance);
                format!("{name} has checks {checks:?}")
            }
            6 => {
                let n = chance.index(self.checks.len());
                let is_heartbeat = self.checks[n].is_heartbeat;
                let mut new = check(chance);
                while new.is_heartbeat != is_heartbeat {
                    new = check(chance);
                }
                self.checks[n] = new;
                format!("c{n} is another check")
            }
            7 => {
                let addresses = self.addresses(chance);
                let kept = chance.is(50).then(|| self.panels[panel].addresses[0]);
                self.panels[panel].addresses = kept.into_iter().chain(addresses).collect();
                format!("{name} has addresses {:?}", self.panels[panel].addresses)
            }
            8 => {
                let set = chance.index(self.sets.len());
                self.sets[set] = self.set(chance);
                format!("s{set} is another set")
            }
            9 => {
                self.panels[panel].state = chance.one(&["enabled", "enabled", "draining", "disabled"]);
                format!("{name} is {} in the fleet", self.panels[panel].state)
            }
            _ => {
                let set = chance.index(self.sets.len());
                self.sets[set].policy = policy(chance);
                format!("s{set} has another policy")
            }
        }
    }

    fn may_go(&self, name: &str) -> bool {
        self.panels.len() > 2 && self.sets.iter().all(|set| set.members.iter().any(|(member, _)| member != name))
    }

    fn add(&mut self, chance: &mut Chance) {
        let addresses = self.addresses(chance);
        let checks = self.checks_for(chance);
        let beats_ms = self.beats(&checks, chance);
        self.named += 1;
        self.panels.push(Panel {
            name: format!("p{}", self.named),
            place: chance.one(&PLACES),
            addresses,
            checks,
            weight: weight(chance),
            state: if chance.is(95) { "enabled" } else { chance.one(&["draining", "disabled"]) },
            capacity: chance.between(20, 200),
            beats_ms,
        });
    }

    /// Some have none.
    fn checks_for(&self, chance: &mut Chance) -> Vec<usize> {
        let count = chance.one(&[0, 1, 1, 1, 1, 1, 1, 2, 2, 3]);
        let mut checks: Vec<usize> = (0..count).map(|_| chance.index(self.checks.len())).collect();
        checks.sort_unstable();
        checks.dedup();
        checks
    }

    fn beats(&self, checks: &[usize], chance: &mut Chance) -> Option<u64> {
        let must = checks.iter().any(|n| self.checks[*n].is_heartbeat);
        (must || chance.is(30)).then(|| chance.one(&[1000, 2000, 4000]))
    }

    /// Never one that was used before.
    fn addresses(&mut self, chance: &mut Chance) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        let families: &[u8] = chance.one(&[&[4][..], &[4], &[6], &[4, 6], &[4, 6], &[4, 4], &[4, 4, 6, 6], &[4, 4, 4]]);
        for family in families {
            self.named += 1;
            let [high, low] = self.named.to_be_bytes();
            addresses.push(match family {
                4 => Ipv4Addr::new(198, 18, high, low).into(),
                _ => Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, self.named).into(),
            });
        }
        addresses
    }

    fn set(&self, chance: &mut Chance) -> Set {
        let most = chance.between(1, self.panels.len() as u64) as usize;
        let is_tiered = chance.is(40);
        let mut members: Vec<(String, u64)> = Vec::new();
        for _ in 0..most {
            let name = &self.panels[chance.index(self.panels.len())].name;
            if !members.iter().any(|(member, _)| member == name) {
                members.push((name.clone(), if is_tiered { chance.between(1, 3) } else { 1 }));
            }
        }
        Set { members, policy: policy(chance) }
    }
}

fn weight(chance: &mut Chance) -> f64 {
    chance.one(&[0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 3.0])
}

fn check(chance: &mut Chance) -> Check {
    let kind = chance.one(&["tcp", "tcp", "http", "hls", "hls", "panel-api", "heartbeat"]);
    let is_heartbeat = kind == "heartbeat";
    let down_after = chance.one(&[1, 2, 3, 3, 3, 5]);
    let degraded_after = chance.between(1, down_after);
    let interval = if is_heartbeat { chance.one(&["5s", "10s"]) } else { chance.one(&["1s", "2s", "5s", "5s", "10s", "10s", "30s"]) };
    let mut text = format!("kind = \"{kind}\"\ninterval = \"{interval}\"\n");
    let _ = write!(text, "down_after = {down_after}\ndegraded_after = {degraded_after}\nup_after = {}\n", chance.one(&[1, 2, 2, 3]));
    let _ = writeln!(text, "hold_down = {}", chance.is(80));
    if !is_heartbeat {
        let (timeout, confirm) = (chance.one(&["200ms", "1s", "3s", "3s"]), chance.one(&["100ms", "500ms", "500ms", "2s", "20s"]));
        let _ = write!(text, "timeout = \"{timeout}\"\nconfirm = \"{confirm}\"\nwatch = {}\n", chance.is(80));
    }
    text += match kind {
        "tcp" => "port = 8090\n",
        "http" => "url = \"http://{address}:8080/health\"\nlatency = \"100ms\"\n",
        "hls" => "url = \"http://{address}:8090/live/index.m3u8\"\nlatency = \"100ms\"\n",
        "panel-api" => "url = \"http://{address}/player_api.php\"\nuser = \"u\"\npassword = \"p\"\n",
        _ => "",
    };
    Check { text, is_heartbeat }
}

fn policy(chance: &mut Chance) -> String {
    let steer = chance.one(&["nearest", "nearest", "nearest", "failover", "weighted", "round-robin", "least-loaded"]);
    let mut text = format!("steer = \"{steer}\"\nsticky = {}\nanswers = {}\n", chance.is(80), chance.one(&[1, 1, 2, 3]));
    if steer == "nearest" {
        let (spread, fence) = (chance.one(&["0km", "250km", "20000km"]), chance.one(&["none", "none", "region", "continent"]));
        let _ = write!(text, "spread = \"{spread}\"\nfence = \"{fence}\"\n");
    }
    let _ = write!(text, "ttl = {}\nttl_changing = {}\n", chance.one(&[5, 10, 30, 60]), chance.one(&[1, 5, 10, 60]));
    let _ = write!(text, "panic = {:?}\noverflow = {:?}\n", chance.one(&[0.0, 0.0, 0.0, 0.3, 0.5]), chance.one(&[0.0, 0.5, 0.5, 1.0]));
    let _ = write!(text, "shed_from = {:?}\nshed_all = {:?}\n", chance.one(&[0.5, 0.8]), chance.one(&[0.9, 0.95]));
    let _ = writeln!(text, "slow_start = \"{}\"", chance.one(&["0s", "5s", "30s", "60s"]));
    text
}
