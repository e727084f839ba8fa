//! The worlds that are asked about: panels and regions as Meridian, the oracle and the peers get them, and what the oracle says.

use crate::peers::wire::{A, AAAA};
use crate::place::{Node, Place};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};

pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");
pub(crate) const DATABASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/city.mmdb");
pub(crate) const ZONE: &str = "geo.test";

/// `answers` is at most this; a tier with no more panels is then seen whole.
pub(crate) const MOST: usize = 8;

#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) name: &'static str,
    pub(crate) at: [f64; 2],
    pub(crate) continent: &'static str,
}

/// The cities of places.txt.
pub(crate) fn spots() -> Vec<Spot> {
    let lines = include_str!("places.txt").lines().filter(|line| !line.starts_with('#'));
    let spot = |line: &'static str| {
        let words: Vec<&str> = line.split(' ').collect();
        let degrees = |n: usize| words[n].parse().expect("degrees");
        Spot { name: words[0], at: [degrees(1), degrees(2)], continent: words[3] }
    };
    lines.map(spot).collect()
}

#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) name: String,
    pub(crate) at: [f64; 2],
    pub(crate) region: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) at: [f64; 2],
    /// Which continent it is on, as everybody knows; only the oracle is told.
    pub(crate) continent: String,
    /// `continents`, `countries`, `subdivisions` or `networks`, and which.
    pub(crate) serves: Vec<(&'static str, Vec<String>)>,
    pub(crate) then: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Hostname {
    pub(crate) name: String,
    /// Panels by their place in the world's list, and their tier.
    pub(crate) panels: Vec<(usize, u32)>,
    pub(crate) spread_km: u32,
    pub(crate) fence: &'static str,
    pub(crate) answers: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) regions: Vec<Region>,
    pub(crate) panels: Vec<Panel>,
    pub(crate) hostnames: Vec<Hostname>,
    /// More of the zone's file.
    pub(crate) records: String,
}

/// A network whose clients stand at a place, by [geoip].overrides.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    pub(crate) network: String,
    pub(crate) at: [f64; 2],
    pub(crate) country: Option<String>,
}

impl World {
    pub(crate) fn add(&mut self, name: String, at: [f64; 2], region: Option<&str>) -> usize {
        self.panels.push(Panel { name, at, region: region.map(str::to_owned) });
        self.panels.len() - 1
    }

    pub(crate) fn host(&mut self, name: &str, panels: Vec<(usize, u32)>, spread_km: u32, fence: &'static str, answers: usize) {
        self.hostnames.push(Hostname { name: format!("{name}.{ZONE}"), panels, spread_km, fence, answers });
    }

    pub(crate) fn address(&self, panel: usize, rtype: u16) -> IpAddr {
        match rtype {
            A => Ipv4Addr::new(198, 18, (panel / 250) as u8, (panel % 250) as u8 + 1).into(),
            AAAA => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, panel as u16).into(),
            other => panic!("type {other} has no address"),
        }
    }

    /// The panel that has the address.
    pub(crate) fn owner(&self, address: IpAddr) -> Option<&str> {
        let rtype = if address.is_ipv4() { A } else { AAAA };
        (0..self.panels.len()).find(|&panel| self.address(panel, rtype) == address).map(|panel| self.panels[panel].name.as_str())
    }

    pub(crate) fn zone(&self) -> String {
        format!("$TTL 60\n@ SOA ns1 host 1 1h 15m 2w 60\n@ NS ns1\n@ NS ns2\nns1 A 127.0.0.1\nns2 A 127.0.0.1\n{}", self.records)
    }

    /// fleet.toml.
    pub(crate) fn fleet(&self) -> String {
        let mut text = format!("[[zone]]\nname = \"{ZONE}\"\nfile = \"{ZONE}.zone\"\n");
        for region in &self.regions {
            let serves: Vec<String> = region.serves.iter().map(|(key, codes)| format!("{key} = {codes:?}")).collect();
            let Region { name, at, then, .. } = region;
            write!(text, "[[region]]\nname = \"{name}\"\nat = {at:?}\nserves = {{ {} }}\nthen = {then:?}\n", serves.join(", ")).unwrap();
        }
        for (n, panel) in self.panels.iter().enumerate() {
            let (v4, v6) = (self.address(n, A), self.address(n, AAAA));
            let region = panel.region.as_ref().map(|name| format!("region = \"{name}\"\n")).unwrap_or_default();
            let Panel { name, at, .. } = panel;
            write!(text, "[[panel]]\nname = \"{name}\"\n{region}at = {at:?}\naddresses = [\"{v4}\", \"{v6}\"]\n").unwrap();
        }
        for host in &self.hostnames {
            let set = host.name.split('.').next().unwrap();
            let panel = |(n, tier): &(usize, u32)| format!("{{ panel = \"{}\", tier = {tier} }}", self.panels[*n].name);
            let panels: Vec<String> = host.panels.iter().map(panel).collect();
            let Hostname { name, spread_km, fence, answers, .. } = host;
            write!(
                text,
                "[[set]]\nname = \"{set}\"\npanels = [{}]\n[[hostname]]\nname = \"{name}\"\nset = \"{set}\"\nsteer = \"nearest\"\n\
                 spread = \"{spread_km}km\"\nfence = \"{fence}\"\nanswers = {answers}\n",
                panels.join(", ")
            )
            .unwrap();
        }
        text
    }

    /// A node that serves this world. `more` goes into [dns].
    pub(crate) fn serve<'p>(&self, place: &'p Place, databases: &[&str], overrides: &[Override], more: &str) -> Node<'p> {
        let mut text = format!(
            "[node]\nname = \"n1\"\ndata = \"data\"\n[dns]\nlisten = [\"{}\", \"[::1]:{}\"]\n{more}\n[admin]\nlisten = \"{}\"\n[store]\nkind = \"files\"\n\
             [geoip]\ndatabases = {databases:?}\noverrides = [\n",
            place.dns,
            place.dns.port(),
            place.admin
        );
        for Override { network, at, country } in overrides {
            let country = country.as_ref().map(|code| format!(", country = \"{code}\"")).unwrap_or_default();
            writeln!(text, "  {{ network = \"{network}\", at = {at:?}{country} }},").unwrap();
        }
        text.push_str("]\n");
        place.write("meridian.toml", &text);
        place.write("fleet.toml", &self.fleet());
        place.write(&format!("{ZONE}.zone"), &self.zone());
        let node = place.start();
        node.comes_to_show("\"ready\":true");
        let shown = node.readyz();
        assert!(!shown.contains("problems\":[{") && !shown.contains("problems\":[\""), "{shown}");
        node
    }

    /// Asks the oracle about networks: `which` is {"pick": ...} or {"networks": ...}.
    pub(crate) fn oracle(&self, which: &Value) -> Vec<Expected> {
        let regions: Vec<Value> = self.regions.iter().map(region_json).collect();
        let panel = |&(n, tier): &(usize, u32)| {
            let Panel { name, at, region } = &self.panels[n];
            json!({ "name": name, "at": at, "region": region, "tier": tier })
        };
        let host = |host: &Hostname| {
            let panels: Vec<Value> = host.panels.iter().map(panel).collect();
            json!({ "spread_km": host.spread_km, "fence": host.fence, "panels": panels })
        };
        let hostnames: Vec<Value> = self.hostnames.iter().map(host).collect();
        let mut asked = json!({ "database": DATABASE, "regions": regions, "hostnames": hostnames });
        asked.as_object_mut().unwrap().extend(which.as_object().unwrap().clone());
        // -B: nothing is left beside the sources.
        let mut command = Command::new("/usr/bin/python3");
        command.arg("-B").arg(format!("{ROOT}/tests/steering/oracle.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("/usr/bin/python3 comes with the Debian package python3; `tests/run` installs it");
        child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).expect("the oracle listens");
        let output = child.wait_with_output().expect("the oracle ends");
        assert!(output.status.success(), "the oracle fails");
        let lines = std::str::from_utf8(&output.stdout).expect("text");
        lines.lines().map(|line| Expected::read(&serde_json::from_str(line).expect("a line of JSON"))).collect()
    }
}

fn region_json(region: &Region) -> Value {
    let serves: serde_json::Map<String, Value> = region.serves.iter().map(|(key, codes)| ((*key).to_owned(), json!(codes))).collect();
    json!({ "name": region.name, "at": region.at, "continent": region.continent, "serves": serves, "then": region.then })
}

/// What the oracle says about a network.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) network: IpAddr,
    pub(crate) length: u8,
    /// A region names it.
    pub(crate) ruled: bool,
    pub(crate) country: Option<String>,
    pub(crate) continent: Option<String>,
    pub(crate) at: Option<[f64; 2]>,
    /// One for each hostname of the world.
    pub(crate) hosts: Vec<Ranked>,
}

#[derive(Clone, Debug)]
pub(crate) struct Ranked {
    /// In the first tier for certain.
    pub(crate) first: Vec<String>,
    /// In it or not: a hundred metres decide.
    pub(crate) perhaps: Vec<String>,
    distances: Value,
}

impl Expected {
    fn read(line: &Value) -> Expected {
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        let (network, length) = line["network"].as_str().and_then(|n| n.split_once('/')).expect("a network");
        let names = |list: &Value| list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        let ranked =
            |host: &Value| Ranked { first: names(&host["first"]), perhaps: names(&host["perhaps"]), distances: host["distances"].clone() };
        Expected {
            network: network.parse().unwrap(),
            length: length.parse().unwrap(),
            ruled: line["ruled"].as_bool().unwrap(),
            country: text("country"),
            continent: text("continent"),
            at: line["at"].as_array().map(|at| [at[0].as_f64().unwrap(), at[1].as_f64().unwrap()]),
            hosts: line["hosts"].as_array().unwrap().iter().map(ranked).collect(),
        }
    }
}

impl Ranked {
    /// What is wrong with an answer that names these panels, if anything is.
    pub(crate) fn fault(&self, answers: usize, heard: &[String]) -> Option<String> {
        let fits = |name: &String| self.first.contains(name) || self.perhaps.contains(name);
        let enough = answers.min(MOST).min(self.first.len().max(1));
        let all_there = self.first.len() > answers || answers == 1 || self.first.iter().all(|name| heard.contains(name));
        let twice = heard.iter().enumerate().any(|(n, name)| heard[..n].contains(name));
        if heard.iter().all(fits) && heard.len() >= enough && heard.len() <= answers && all_there && !twice {
            return None;
        }
        let far = |name: &String| self.distances[name].as_f64().map_or_else(|| format!("{name} far off"), |km| format!("{name} {km} km"));
        let list = |names: &[String]| names.iter().map(far).collect::<Vec<_>>().join(", ");
        Some(format!("says [{}], right is [{}], perhaps [{}]", list(heard), list(&self.first), list(&self.perhaps)))
    }
}
