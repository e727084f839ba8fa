//! Verdicts, answers, and verdicts again: whether they agree.

use crate::park::{Park, SETS};
use crate::server::{Api, Server};
use crate::traffic::Asker;
use serde_json::Value;
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// From a verdict to the answers that follow it: verdicts are gathered for 10 ms, and the loop has other things to do.
const FOLLOWS: Duration = Duration::from_millis(50);
/// Nobody falls and returns, or the other way round, between two looks that are nearer to each other: two checks take longer.
const APART: Duration = Duration::from_millis(250);
/// Clients asked for at each look, for each hostname.
const CLIENTS: u8 = 4;

pub(crate) struct Witness {
    api: Api,
    asker: Asker,
    hostnames: Vec<String>,
    /// The panels of each set, each by its addresses.
    sets: Vec<Vec<Vec<Ipv4Addr>>>,
    names: HashMap<Ipv4Addr, String>,
    /// Panels of more than one address, whose addresses are asked about one by one.
    double: Vec<String>,
    sights: VecDeque<Sight>,
    looks: u64,
    too_late: u64,
    pub(crate) judged: u64,
    foreseen: u64,
    pub(crate) lost: u64,
    fallen: HashSet<(Ipv4Addr, String)>,
    pub(crate) violations: Vec<String>,
}

/// What verdicts were, with since when.
struct Sight {
    told: Instant,
    verdicts: HashMap<Ipv4Addr, (String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Down,
    Alive,
    Moving,
}

impl Witness {
    pub(crate) fn new(server: &Server, park: &Park) -> Self {
        let addresses = |set: usize| park.set(set).iter().map(|member| member.addresses.clone()).collect();
        let names = park.members.iter().flat_map(|member| member.addresses.iter().map(|address| (*address, member.name.clone())));
        Self {
            api: server.api(),
            asker: Asker::new(server.dns),
            hostnames: park.hostnames(),
            sets: (0..SETS).map(addresses).collect(),
            names: names.collect(),
            double: park.members.iter().filter(|member| member.addresses.len() > 1).map(|member| member.name.clone()).collect(),
            sights: VecDeque::new(),
            looks: 0,
            too_late: 0,
            judged: 0,
            foreseen: 0,
            lost: 0,
            fallen: HashSet::new(),
            violations: Vec::new(),
        }
    }

    /// Asks, looks at the verdicts after it as well, and compares.
    pub(crate) fn look(&mut self) {
        self.looks += 1;
        let asked = Instant::now();
        let client = |n: u8| [10, self.looks as u8, n];
        let questions: Vec<(&str, [u8; 3])> =
            self.hostnames.iter().flat_map(|name| (0..CLIENTS).map(move |n| (name.as_str(), client(n)))).collect();
        let answers = self.asker.ask(&questions);
        let sight = self.sight();
        let down = sight.verdicts.iter().filter(|(_, (verdict, _))| verdict == "down");
        self.fallen.extend(down.map(|(address, (_, since))| (*address, since.clone())));
        self.sights.push_back(sight);
        // All but the last that the answers had time to follow.
        while self.sights.len() > 2 && self.sights[1].told + FOLLOWS <= asked {
            self.sights.pop_front();
        }
        if self.sights[0].told + FOLLOWS > asked {
            return;
        }
        let pairs = self.sights.iter().zip(self.sights.iter().skip(1));
        if pairs.clone().any(|(before, after)| before.told + APART < after.told) {
            self.too_late += 1;
            return;
        }
        for (n, answer) in answers.into_iter().enumerate() {
            let set = n / usize::from(CLIENTS);
            match answer {
                Some(answer) => self.judge(set, &answer),
                None => self.lost += 1,
            }
        }
    }

    pub(crate) fn was_down(&self) -> usize {
        self.fallen.len()
    }

    pub(crate) fn told(&self) -> String {
        format!(
            "{} looks ({} too far apart), {} answers compared, {} of them foreseen, {} falls, {} violations",
            self.looks,
            self.too_late,
            self.judged,
            self.foreseen,
            self.fallen.len(),
            self.violations.len()
        )
    }

    /// Panels that nothing was ever done to, and that were down.
    pub(crate) fn fallen_innocents(&mut self, park: &Park) -> Vec<String> {
        let mut fallen = Vec::new();
        for member in park.members.iter().filter(|member| !member.was_touched) {
            let health = self.api.get(&format!("/v1/panels/{}/health", member.name));
            let turns = health["history"].as_array().unwrap().iter().filter(|turn| turn["to"] == "down");
            fallen.extend(turns.map(|turn| format!("{}: {turn}", member.name)));
        }
        fallen
    }

    fn judge(&mut self, set: usize, answer: &[Ipv4Addr]) {
        self.judged += 1;
        let stands: HashMap<Ipv4Addr, Stand> = self.sets[set].iter().flatten().map(|address| (*address, self.stand(*address))).collect();
        let anybody = stands.values().any(|stand| *stand == Stand::Alive);
        let mut wrong = Vec::new();
        if answer.is_empty() {
            wrong.push("it is empty".to_owned());
        }
        for address in answer {
            match stands.get(address) {
                None => wrong.push(format!("{address} is nobody of the set")),
                Some(Stand::Down) if anybody => wrong.push(format!("{} at {address} is down", self.names[address])),
                Some(_) => {}
            }
        }
        if Park::is_ordered(set)
            && let Some(first) = self.first(set, &stands)
        {
            self.foreseen += 1;
            if !answer.iter().all(|address| self.sets[set][first].contains(address)) {
                wrong.push(format!("the first that lives is {}", self.names[&self.sets[set][first][0]]));
            }
        }
        if !wrong.is_empty() {
            self.violations.push(format!("{} is answered with {answer:?}: {}", self.hostnames[set], wrong.join(", ")));
        }
    }

    /// The panel that all clients of a set in order get; none while somebody before it is moving.
    fn first(&self, set: usize, stands: &HashMap<Ipv4Addr, Stand>) -> Option<usize> {
        for (n, addresses) in self.sets[set].iter().enumerate() {
            let all = || addresses.iter().map(|address| stands[address]);
            if all().any(|stand| stand == Stand::Alive) {
                return Some(n);
            }
            if all().any(|stand| stand == Stand::Moving) {
                return None;
            }
        }
        None
    }

    /// The same in all sights, and since the same time where it is down.
    fn stand(&self, address: Ipv4Addr) -> Stand {
        let mut told = self.sights.iter().map(|sight| sight.verdicts.get(&address));
        let Some(Some(first)) = told.next() else { return Stand::Moving };
        let lives = |verdict: &str| ["up", "degraded"].contains(&verdict);
        let is_same = |other: Option<&(String, String)>| match other {
            Some(other) if first.0 == "down" => other == first,
            Some(other) => lives(&first.0) && lives(&other.0),
            None => false,
        };
        match (told.all(is_same), first.0.as_str()) {
            (true, "down") => Stand::Down,
            (true, verdict) if lives(verdict) => Stand::Alive,
            _ => Stand::Moving,
        }
    }

    fn sight(&mut self) -> Sight {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let status = self.api.get("/v1/status");
        let mut verdicts = HashMap::new();
        let panels: HashMap<&str, &Value> =
            status["panels"].as_array().unwrap().iter().map(|panel| (panel["name"].as_str().unwrap(), panel)).collect();
        for (address, name) in &self.names {
            let panel = panels[name.as_str()];
            verdicts.insert(*address, (text(&panel["verdict"]), text(&panel["verdict_since"])));
        }
        for name in &self.double {
            let health = self.api.get(&format!("/v1/panels/{name}/health"));
            for at in health["addresses"].as_array().unwrap() {
                verdicts.insert(at["address"].as_str().unwrap().parse().unwrap(), (text(&at["verdict"]), text(&at["since"])));
            }
        }
        Sight { told: Instant::now(), verdicts }
    }
}
