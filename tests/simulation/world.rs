//! What drives a pilot: probes, panels that report, operators, clocks, and a loop that is late now and then.

use crate::asking::{self, Client};
use crate::chance::Chance;
use crate::judge::{Judge, Step};
use crate::sketch::{self, Sketch};
use crate::truth::{State as Real, Truth, trouble};
use meridian::clock::Now;
use meridian::compile::zone::Compiled;
use meridian::compile::{self, plan};
use meridian::dns::master::Loader;
use meridian::fleet::{self, Check, CheckKind, State, Wish};
use meridian::health::{Errand, Gauges, Health, Memory, Target, Verdict, Vigil, Watching};
use meridian::pilot::{Action, Event, Pilot, Survey};
use meridian::snapshot::Snapshot;
use meridian::steer::Chart;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// When worlds begin: wall time.
const DAWN_S: u64 = 1_800_000_000;
/// The node looks at what is due at least so often.
const LOOK_MS: u64 = 1000;
/// The first round takes 2 s; zones and places take a little.
const START_MS: u64 = 2_500;
/// Handled so often without time going on: it does so for ever.
const MOST_AT_ONCE: u32 = 2000;
/// What a failure is told with.
const TOLD: usize = 60;
const CLIENTS_MS: u64 = 5000;

struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("nothing is included here".into())
    }
}

enum Happening {
    /// A check may be over. With the number of the node's run.
    Ends(u32, Target),
    Opens(u32, Target),
    /// A panel closes an idle connection that was opened then.
    Closes(u32, Target, u64),
    Arrives(u32, Box<Event>),
    Beats(String),
    Trouble(String),
    Turns(IpAddr, u64, Real),
    Operator,
    Steps,
    Clients,
    Restart,
}

struct Asked {
    panel: String,
    address: IpAddr,
    check: Arc<Check>,
    began_ms: u64,
}

struct Held {
    address: IpAddr,
    opened_ms: Option<u64>,
}

/// Viewers of one network, and whom they were told.
#[derive(Clone, Default)]
struct Crowd {
    host: usize,
    client: usize,
    size: f64,
    told: Vec<IpAddr>,
    until_ms: u64,
}

/// What happened in all, so that a run in which nothing does is not taken for a good one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    worlds: u64,
    handled: u64,
    published: u64,
    falls: u64,
    returns: u64,
    breaks: u64,
    beats: u64,
    wishes: u64,
    edits: u64,
    clock_steps: u64,
    restarts: u64,
    remembered: u64,
}

impl Sums {
    pub(crate) fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        let pairs = self.all().into_iter().zip(other.all());
        pairs.for_each(|(mine, theirs)| *mine += *theirs);
    }

    fn all(&mut self) -> [&mut u64; 12] {
        [
            &mut self.worlds,
            &mut self.handled,
            &mut self.published,
            &mut self.falls,
            &mut self.returns,
            &mut self.breaks,
            &mut self.beats,
            &mut self.wishes,
            &mut self.edits,
            &mut self.clock_steps,
            &mut self.restarts,
            &mut self.remembered,
        ]
    }

    /// In some hours of worlds everything happens.
    pub(crate) fn must_be_full(&self, minutes: u64) {
        if minutes >= 200 {
            assert!(self.clone().all().iter().all(|count| **count > 0), "{self:?}");
        }
    }
}

pub(crate) struct World {
    chance: Chance,
    sketch: Sketch,
    truth: Truth,
    pilot: Pilot,
    judge: Judge,
    queue: BTreeMap<(u64, u64), Happening>,
    numbered: u64,
    now_ms: u64,
    /// The node began then.
    origin_ms: u64,
    wall_step_s: i64,
    inbox: VecDeque<Event>,
    wake_ms: Option<u64>,
    delay_ms: u64,
    handled_ms: u64,
    at_once: u32,
    run: u32,
    snapshot: Option<Arc<Snapshot>>,
    asked: HashMap<Target, Asked>,
    vigils: HashMap<Target, Held>,
    wishes: BTreeMap<String, Wish>,
    /// Those that the pilot was told of.
    heeded: BTreeMap<String, Wish>,
    crowds: Vec<Crowd>,
    clients: Vec<Client>,
    /// By panel, what it had to bear lately, the latest last.
    loads: HashMap<String, VecDeque<f64>>,
    sums: Sums,
    told: VecDeque<String>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let sketch = Sketch::new(&mut chance);
        let mut world = Self {
            chance,
            sketch,
            truth: Truth::default(),
            pilot: Pilot::new(Health::new(seed, None)),
            judge: Judge::new(),
            queue: BTreeMap::new(),
            numbered: 0,
            now_ms: 0,
            origin_ms: 0,
            wall_step_s: 0,
            inbox: VecDeque::new(),
            wake_ms: None,
            delay_ms: 0,
            handled_ms: 0,
            at_once: 0,
            run: 0,
            snapshot: None,
            asked: HashMap::new(),
            vigils: HashMap::new(),
            wishes: BTreeMap::new(),
            heeded: BTreeMap::new(),
            crowds: Vec::new(),
            clients: asking::clients(),
            loads: HashMap::new(),
            sums: Sums { worlds: 1, ..Sums::default() },
            told: VecDeque::new(),
        };
        for panel in world.sketch.panels.clone() {
            world.settle(&panel);
        }
        world.crowds = (0..24).map(|_| world.crowd()).collect();
        for (happening, from_ms, to_ms) in [
            (Happening::Operator, 5000, 60_000),
            (Happening::Steps, 60_000, 400_000),
            (Happening::Clients, CLIENTS_MS, CLIENTS_MS),
            (Happening::Restart, 100_000, 1_500_000),
        ] {
            let at_ms = world.chance.between(from_ms, to_ms);
            world.at(at_ms, happening);
        }
        world
    }

    /// Lives for so long, or until something is wrong.
    pub(crate) fn last(mut self, span_ms: u64) -> Result<Sums, String> {
        self.begin();
        while self.now_ms < span_ms {
            if let Err(fault) = self.step() {
                let told: Vec<String> = self.told.into();
                return Err(format!("step {} at {} ms: {fault}\n  before that:\n  {}", self.sums.handled, self.now_ms, told.join("\n  ")));
            }
        }
        Ok(self.sums)
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.told.len() == TOLD {
            self.told.pop_front();
        }
        self.told.push_back(format!("{} ms: {}", self.now_ms, what()));
    }

    fn at(&mut self, at_ms: u64, happening: Happening) {
        self.numbered += 1;
        self.queue.insert((at_ms, self.numbered), happening);
    }

    fn soon(&mut self, from_ms: u64, to_ms: u64, happening: Happening) {
        let at_ms = self.now_ms + self.chance.between(from_ms, to_ms);
        self.at(at_ms, happening);
    }

    fn now(&self) -> Now {
        Now { mono_ms: self.now_ms - self.origin_ms, wall_s: self.wall_s() }
    }

    fn wall_s(&self) -> u64 {
        (DAWN_S + self.now_ms / 1000).saturating_add_signed(self.wall_step_s)
    }

    /// A node starts with what it reads.
    fn begin(&mut self) {
        let plan = self.planned();
        self.hear(Event::Plan { plan, problems: vec![], force: true });
        self.hear(Event::Wishes(self.wishes.values().cloned().collect()));
    }

    fn planned(&self) -> plan::Plan {
        let text = self.sketch.text();
        let (fleet, problems) = fleet::parse("fleet.toml", text.as_bytes(), Path::new(""));
        let error = problems.iter().find(|problem| problem.is_error());
        assert!(error.is_none(), "{}\n{text}", error.map(ToString::to_string).unwrap_or_default());
        plan::plan("fleet.toml", fleet)
    }

    /// A panel that is new in the world.
    fn settle(&mut self, panel: &sketch::Panel) {
        for address in &panel.addresses {
            self.truth.add(*address, self.run == 0 && self.now_ms == 0, &mut self.chance);
        }
        self.soon(1000, 200_000, Happening::Trouble(panel.name.clone()));
        self.soon(0, 1000, Happening::Beats(panel.name.clone()));
    }

    fn hear(&mut self, event: Event) {
        self.inbox.push_back(event);
        self.wake_ms.get_or_insert(self.now_ms + self.delay_ms);
    }

    fn step(&mut self) -> Result<(), String> {
        let due_ms = self.pilot.due_ms().map_or(u64::MAX, |due| due.saturating_add(self.origin_ms));
        let due_ms = due_ms.min(self.handled_ms + LOOK_MS).max(self.handled_ms).saturating_add(self.delay_ms);
        let wake_ms = self.wake_ms.unwrap_or(u64::MAX).min(due_ms).max(self.now_ms);
        match self.queue.first_key_value() {
            Some(((at_ms, _), _)) if *at_ms <= wake_ms => {
                let Some(((at_ms, _), happening)) = self.queue.pop_first() else { return Ok(()) };
                self.now_ms = at_ms.max(self.now_ms);
                self.happen(happening)
            }
            _ => {
                self.now_ms = wake_ms;
                self.handle()
            }
        }
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Ends(run, target) => {
                if run == self.run {
                    self.ends(target);
                }
            }
            Happening::Opens(run, target) => {
                if run == self.run {
                    self.opens(target);
                }
            }
            Happening::Closes(run, target, opened_ms) => {
                if run == self.run && self.vigils.get(&target).is_some_and(|held| held.opened_ms == Some(opened_ms)) {
                    self.breaks(target);
                }
            }
            Happening::Arrives(run, event) => {
                if run == self.run {
                    self.hear(*event);
                }
            }
            Happening::Beats(panel) => self.beats(panel),
            Happening::Trouble(panel) => self.trouble(panel),
            Happening::Turns(address, plan, state) => {
                if self.truth.at(address).plan == plan {
                    self.turns(address, state);
                }
            }
            Happening::Operator => {
                self.operate();
                self.soon(2000, 150_000, Happening::Operator);
            }
            Happening::Steps => {
                self.sums.clock_steps += 1;
                let (from, to) = self.chance.one(&[(0u64, 40u64), (0, 14_400)]);
                let seconds = self.chance.between(from, to) as i64 - (to / 2) as i64;
                self.wall_step_s += seconds;
                self.tell(|| format!("the clock steps by {seconds} s"));
                self.soon(60_000, 600_000, Happening::Steps);
            }
            Happening::Clients => {
                self.clients_ask()?;
                self.soon(CLIENTS_MS, CLIENTS_MS, Happening::Clients);
            }
            Happening::Restart => {
                self.restart()?;
                self.soon(200_000, 3_000_000, Happening::Restart);
            }
        }
        Ok(())
    }

    fn handle(&mut self) -> Result<(), String> {
        let count = if self.chance.is(85) { self.inbox.len() } else { self.chance.index(self.inbox.len() + 1) };
        let events: Vec<Event> = self.inbox.drain(..count).collect();
        let mut step = Step { at_ms: self.now_ms, now: self.now(), ..Step::default() };
        for event in &events {
            match event {
                Event::Reported { target, .. } => {
                    step.touched.extend(self.asked.remove(target).map(|asked| asked.panel));
                }
                Event::Beat { panel, .. } => {
                    step.touched.insert(panel.clone());
                    self.judge.beat(panel, self.now_ms);
                    self.sums.beats += 1;
                }
                Event::Plan { .. } | Event::Replaced { .. } => step.is_edited = true,
                Event::Wishes(wishes) => {
                    step.is_wished = true;
                    self.heeded = wishes.iter().map(|wish| (wish.panel.clone(), wish.clone())).collect();
                }
                _ => {}
            }
        }
        self.at_once = if self.now_ms == self.handled_ms { self.at_once + 1 } else { 0 };
        if self.at_once > MOST_AT_ONCE {
            return Err("time stands still: something is due for ever".into());
        }
        step.starts = !self.pilot.has_started();
        let actions = self.pilot.handle_all(self.now(), events);
        self.sums.handled += 1;
        (self.handled_ms, self.wake_ms, self.delay_ms) = (self.now_ms, None, self.lateness());
        if !self.inbox.is_empty() {
            self.wake_ms = Some(self.now_ms + self.delay_ms);
        }
        if step.is_edited {
            self.expect();
        }
        for action in actions {
            self.perform(action, &mut step)?;
        }
        if !self.pilot.has_started() && self.now_ms > self.origin_ms + START_MS + self.judge.slept_ms {
            return Err("the node does not start".into());
        }
        let under_way = |panel: &str, address: IpAddr, check: &str| {
            self.asked.values().any(|asked| asked.panel == panel && asked.address == address && asked.check.name == check)
        };
        self.judge.look(&self.pilot, &self.heeded, &under_way, &step)
    }

    /// Seldom the driver sleeps.
    fn lateness(&mut self) -> u64 {
        let late_ms = match self.chance.between(0, 999) {
            0..600 => 0,
            600..998 => self.chance.between(0, 30),
            _ => self.chance.between(300, 1000),
        };
        if late_ms > 30 {
            self.judge.slept_ms += late_ms;
        }
        late_ms
    }

    fn perform(&mut self, action: Action, step: &mut Step) -> Result<(), String> {
        let run = self.run;
        match action {
            Action::Ask(errands) => errands.into_iter().try_for_each(|errand| self.ask(errand)),
            Action::Watch(watching) => {
                for watching in watching {
                    match watching {
                        Watching::Begin(vigil) => self.watch(&vigil),
                        Watching::End(target) => drop(self.vigils.remove(&target)),
                    }
                }
                Ok(())
            }
            Action::Turned(turns) => {
                for turn in &turns {
                    self.sums.falls += u64::from(turn.to == Verdict::Down && turn.from != Verdict::Down);
                    self.sums.returns += u64::from(turn.from == Verdict::Down && turn.to != Verdict::Down);
                    self.tell(|| format!("{} {:?} turns from {:?} to {:?}: {}", turn.panel, turn.address, turn.from, turn.to, turn.reason));
                }
                step.turns.extend(turns);
                Ok(())
            }
            Action::Publish(snapshot) => {
                self.sums.published += 1;
                let before = self.snapshot.as_ref().map_or(0, |before| before.generation);
                if snapshot.generation != before + 1 {
                    return Err(format!("generation {} follows {before}", snapshot.generation));
                }
                self.tell(|| format!("generation {}", snapshot.generation));
                if step.published.replace(Arc::clone(&snapshot)).is_some() {
                    return Err("two snapshots at once".into());
                }
                self.snapshot = Some(snapshot);
                Ok(())
            }
            Action::Build(job) => {
                let zone = job.plan.name.clone();
                let compiled = compiled(&job.plan);
                self.soon(1, 50, Happening::Arrives(run, Box::new(Event::Built { zone, ticket: job.ticket, compiled })));
                Ok(())
            }
            Action::Survey(ticket) => {
                let survey = Survey { atlas: asking::atlas(), problems: vec![] };
                self.soon(1, 50, Happening::Arrives(run, Box::new(Event::Surveyed { ticket, survey: Box::new(survey) })));
                Ok(())
            }
            Action::Chart(sketch) => {
                let chart = Chart::new(&sketch.geometry, &sketch.guide);
                self.soon(1, 500, Happening::Arrives(run, Box::new(Event::Charted { ticket: sketch.ticket, chart })));
                Ok(())
            }
        }
    }

    fn ask(&mut self, errand: Errand) -> Result<(), String> {
        let Errand { target, panel, address, check } = errand;
        let fleet = self.pilot.fleet();
        let is_there = fleet.panels.iter().any(|known| *known.name == *panel && known.addresses.contains(&address));
        if !is_there {
            return Err(format!("{panel} is asked at {address}, and there is no such panel"));
        }
        self.judge.asked(&panel, address, &check.name, self.now_ms)?;
        let asked = Asked { panel: panel.to_string(), address, check, began_ms: self.now_ms };
        if self.asked.insert(target, asked).is_some() {
            return Err(format!("{panel} is asked twice at once at {address}"));
        }
        let most_ms = self.chance.one(&[3, 30, 150]);
        self.soon(1, most_ms, Happening::Ends(self.run, target));
        Ok(())
    }

    fn ends(&mut self, target: Target) {
        let Some(Asked { address, check, began_ms, .. }) = self.asked.get(&target) else { return };
        let timeout_ms = match &check.kind {
            CheckKind::Heartbeat => 0,
            CheckKind::Tcp { asking, .. }
            | CheckKind::Http { asking, .. }
            | CheckKind::Hls { asking, .. }
            | CheckKind::PanelApi { asking, .. } => asking.timeout.as_millis() as u64,
        };
        let took_ms = self.now_ms - began_ms;
        match self.truth.at(*address).seen(check, took_ms, timeout_ms, self.now_ms) {
            Some(report) => self.hear(Event::Reported { target, report }),
            None => {
                let at_ms = began_ms + timeout_ms;
                self.at(at_ms, Happening::Ends(self.run, target));
            }
        }
    }

    fn watch(&mut self, vigil: &Vigil) {
        let held = Held { address: vigil.to.ip(), opened_ms: None };
        // One that is replaced in time is never closed.
        let habit_ms = self.truth.at(held.address).habit_ms;
        let closes = habit_ms.filter(|habit_ms| vigil.renew.is_none_or(|renew| renew.as_millis() as u64 >= *habit_ms));
        self.vigils.insert(vigil.target, held);
        let after_ms = self.chance.between(1, 30);
        self.at(self.now_ms + after_ms, Happening::Opens(self.run, vigil.target));
        if let Some(habit_ms) = closes {
            let opened_ms = self.now_ms + after_ms;
            self.at(opened_ms + habit_ms, Happening::Closes(self.run, vigil.target, opened_ms));
        }
    }

    fn opens(&mut self, target: Target) {
        let Some(held) = self.vigils.get_mut(&target).filter(|held| held.opened_ms.is_none()) else { return };
        let at = self.truth.at(held.address);
        if at.listens() && at.state != Real::Unasked {
            held.opened_ms = Some(self.now_ms);
            self.hear(Event::Watching(target));
        } else {
            self.vigils.remove(&target);
            self.hear(Event::Unwatched(target));
        }
    }

    fn breaks(&mut self, target: Target) {
        let Some(opened_ms) = self.vigils.remove(&target).and_then(|held| held.opened_ms) else { return };
        self.sums.breaks += 1;
        let lived = std::time::Duration::from_millis(self.now_ms - opened_ms);
        self.hear(Event::Broken { target, lived });
    }

    fn expect(&mut self) {
        let Self { judge, pilot, truth, now_ms, .. } = self;
        judge.expect(pilot.fleet(), truth, *now_ms);
    }

    fn turns(&mut self, address: IpAddr, state: Real) {
        self.tell(|| format!("{address} is {state:?}"));
        self.truth.at(address).turn(state, self.now_ms);
        if state == Real::Refused {
            let mut broken: Vec<Target> =
                self.vigils.iter().filter(|(_, held)| held.address == address).map(|(target, _)| *target).collect();
            broken.sort();
            broken.into_iter().for_each(|target| self.breaks(target));
        }
        self.expect();
    }

    fn trouble(&mut self, name: String) {
        let Some(panel) = self.sketch.panels.iter().find(|panel| panel.name == name).cloned() else { return };
        let is_site = self.chance.is(5);
        let panels = if is_site { self.sketch.panels.clone() } else { vec![panel] };
        let planned = trouble(&mut self.chance);
        let mut lasts_ms = planned.last().map_or(0, |(after_ms, _)| *after_ms);
        for panel in &panels {
            let all = self.chance.is(60) || is_site;
            let one = self.chance.index(panel.addresses.len());
            for (_, address) in panel.addresses.iter().enumerate().filter(|(n, _)| all || *n == one) {
                self.truth.at(*address).plan += 1;
                let plan = self.truth.at(*address).plan;
                for (after_ms, state) in &planned {
                    let apart_ms = self.chance.one(&[0, 0, 5, 200]);
                    self.at(self.now_ms + after_ms + apart_ms, Happening::Turns(*address, plan, *state));
                }
            }
        }
        lasts_ms += self.chance.one(&[1000, 30_000, 300_000, 900_000]);
        self.soon(lasts_ms / 2, lasts_ms, Happening::Trouble(name));
    }

    fn beats(&mut self, name: String) {
        let Some(panel) = self.sketch.panels.iter().find(|panel| panel.name == name) else { return };
        let Some(every_ms) = panel.beats_ms else {
            // It may be given a heartbeat later.
            return self.soon(5000, 10_000, Happening::Beats(name));
        };
        let capacity = panel.capacity as f64;
        let is_alive = panel.addresses.clone().iter().any(|address| self.truth.at(*address).listens());
        if self.chance.is(1) {
            // The agent is stopped for a while.
            return self.soon(2000, 120_000, Happening::Beats(name));
        }
        if is_alive {
            let lately = self.loads.get(&name).and_then(|loads| loads.front()).copied().unwrap_or(0.0);
            let gauges = Gauges { connections: Some(lately), cpu: Some((lately / capacity / 2.0).min(1.0)), ..Gauges::default() };
            self.hear(Event::Beat { panel: name.clone(), gauges });
        }
        self.soon(every_ms, every_ms, Happening::Beats(name));
    }

    fn crowd(&mut self) -> Crowd {
        let size = self.chance.between(1, 20) as f64;
        Crowd { host: self.chance.index(64), client: self.chance.index(self.clients.len()), size, ..Crowd::default() }
    }

    /// Clients whose answers have expired ask again, and panels have what they bear.
    fn clients_ask(&mut self) -> Result<(), String> {
        let Some(snapshot) = self.snapshot.clone().filter(|_| self.pilot.has_started()) else { return Ok(()) };
        let hosts = self.pilot.fleet().hostnames.iter().count();
        let mut loads: HashMap<IpAddr, f64> = HashMap::new();
        for n in 0..self.crowds.len() {
            let seed = self.chance.draw();
            let crowd = &mut self.crowds[n];
            if crowd.until_ms <= self.now_ms {
                let said = asking::ask(&snapshot, crowd.host % hosts, &self.clients[crowd.client], n % 4 != 0, seed)?;
                crowd.until_ms = self.now_ms + u64::from(said.ttl.unwrap_or(30)) * 1000;
                crowd.told = said.addresses.into_iter().collect();
            }
            if let Some(address) = crowd.told.first() {
                *loads.entry(*address).or_default() += crowd.size;
            }
            if self.chance.is(2) {
                self.crowds[n] = self.crowd();
            }
        }
        for panel in &self.sketch.panels {
            let load = panel.addresses.iter().filter_map(|address| loads.get(address)).sum();
            let lately = self.loads.entry(panel.name.clone()).or_default();
            lately.push_back(load);
            // Gauges lag by 30 s.
            if lately.len() > 6 {
                lately.pop_front();
            }
        }
        Ok(())
    }

    fn operate(&mut self) {
        let name = self.sketch.panels[self.chance.index(self.sketch.panels.len())].name.clone();
        match self.chance.between(0, 9) {
            0..5 => {
                let state = self.chance.one(&[State::Draining, State::Draining, State::Disabled, State::Disabled, State::Enabled]);
                let wall_s = self.wall_s();
                let over_s = self.chance.is(50).then(|| wall_s + self.chance.one(&[1, 10, 60, 120]));
                let until_s = self.chance.is(70).then(|| wall_s + self.chance.one(&[1, 10, 60, 120, 300]));
                let everybody = self.chance.is(8);
                let names = if everybody { self.sketch.panels.iter().map(|panel| panel.name.clone()).collect() } else { vec![name] };
                for panel in names {
                    self.wishes.insert(panel.clone(), Wish { panel, state, since_s: wall_s, over_s, until_s });
                }
                self.wish();
            }
            5 | 6 if !self.wishes.is_empty() => {
                let panel = self.wishes.keys().nth(self.chance.index(self.wishes.len())).cloned();
                panel.and_then(|panel| self.wishes.remove(&panel));
                self.wish();
            }
            7 => self.hear(Event::Unheld { panel: name }),
            _ => self.edit(),
        }
    }

    fn wish(&mut self) {
        self.sums.wishes += 1;
        self.tell(|| "operators wish".into());
        let wishes: Vec<Wish> = self.wishes.values().cloned().collect();
        self.tell(|| format!("{wishes:?}"));
        self.hear(Event::Wishes(wishes));
    }

    fn edit(&mut self) {
        self.sums.edits += 1;
        let known: HashSet<String> = self.sketch.panels.iter().map(|panel| panel.name.clone()).collect();
        let what = self.sketch.change(&mut self.chance);
        self.tell(|| what);
        for panel in self.sketch.panels.clone() {
            for address in &panel.addresses {
                self.truth.add(*address, self.run == 0 && self.now_ms == 0, &mut self.chance);
            }
            if !known.contains(&panel.name) {
                self.settle(&panel);
            }
        }
        let plan = self.planned();
        if self.chance.is(50) {
            self.hear(Event::Plan { plan, problems: vec![], force: true });
        } else {
            let zones = plan.zones.iter().filter_map(|zone| Some((zone.name.clone(), Arc::new(compiled(zone).zone?))));
            let zones = zones.collect();
            self.hear(Event::Replaced { plan, zones, problems: HashMap::new() });
        }
        self.hear(Event::Wishes(self.wishes.values().cloned().collect()));
    }

    /// The node stops, and another run begins with what this one wrote down.
    fn restart(&mut self) -> Result<(), String> {
        if !self.pilot.has_started() {
            return Ok(());
        }
        let before = self.pilot.health().views(self.now());
        let text = self.pilot.written_health(self.now());
        let gone_s = self.chance.one(&[0, 1, 20, 200, 400]);
        self.now_ms += gone_s * 1000;
        self.sums.restarts += 1;
        self.tell(|| format!("the node begins anew after {gone_s} s"));
        self.run += 1;
        self.delay_ms = 0;
        self.origin_ms = self.now_ms;
        (self.handled_ms, self.wake_ms, self.at_once) = (self.now_ms, None, 0);
        self.inbox.clear();
        self.asked.clear();
        self.vigils.clear();
        self.snapshot = None;
        self.heeded.clear();
        self.judge.restart();
        let memory = Memory::read(&text).ok_or("what was written is not understood")?;
        self.pilot = Pilot::new(Health::new(self.chance.draw(), Some(memory)));
        self.begin();
        // The fleet is read, and nobody has answered yet.
        self.handle()?;
        // What was written was known so lately that it counts as known.
        let is_fresh = gone_s < 300;
        let now = self.now();
        for (old, panel) in before.iter().filter_map(|old| Some((old, self.pilot.health().view(&old.name, now)?))) {
            for (old, new) in old.addresses.iter().zip(&panel.addresses).filter(|(old, new)| old.address == new.address) {
                for (was, is) in old.checks.iter().zip(&new.checks).filter(|(was, is)| was.check == is.check) {
                    let expected = match was.verdict {
                        Verdict::Degraded => Verdict::Up,
                        // That nobody could ask is nothing to remember.
                        Verdict::Unchecked => Verdict::Unknown,
                        verdict => verdict,
                    };
                    let is_heard = is.last_s.is_some();
                    if is_fresh && !is_heard && is.verdict != expected {
                        return Err(format!(
                            "{} {} {} was {expected:?} and is {:?} after a restart",
                            panel.name, new.address, is.check, is.verdict
                        ));
                    }
                    self.sums.remembered += u64::from(is_fresh && expected == Verdict::Down);
                }
            }
        }
        Ok(())
    }
}

fn compiled(plan: &plan::ZonePlan) -> Compiled {
    compile::zone::zone(&plan.name, "zone", sketch::MASTER.into(), &mut NoFiles, &plan.steered)
}
