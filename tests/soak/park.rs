//! All the panels, what is wrong with each, and until when.

use crate::chance::Chance;
use crate::running;
use crate::server::Server;
use meridian::stage::{Mode, Options, Panel};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub(crate) const PANELS: usize = 200;
/// Of ten panels each; a panel is in one.
pub(crate) const SETS: usize = 20;
/// The last in each set are never broken.
const INNOCENTS: usize = 2;
/// The first panel of one set in so many has a second address.
const DOUBLE: usize = 4;
/// Of a whole check. Long, for the machine may be busy with other tests.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
const BEAT: Duration = Duration::from_millis(300);
/// Faults begin about so often.
const STEP: Duration = Duration::from_millis(40);
/// A fault lasts up to this, in milliseconds; the median is half of it.
const LONGEST_MS: usize = 8_000;
const TICK: Duration = Duration::from_millis(20);

/// What each is checked by; by the place in its set.
const CHECKS: [&[&str]; 10] =
    [&["tcp"], &["http"], &["hls"], &["api"], &["beat"], &["tcp", "hls"], &["http", "beat"], &["hls"], &["http"], &["tcp", "beat"]];
const STEERS: [&str; 5] = ["failover", "nearest", "weighted", "round-robin", "least-loaded"];

pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) addresses: Vec<Ipv4Addr>,
    panel: Panel,
    checks: &'static [&'static str],
    /// It says nothing of itself.
    is_mute: Arc<AtomicBool>,
    broken_until: Option<Instant>,
    pub(crate) was_touched: bool,
}

pub(crate) struct Park {
    pub(crate) members: Vec<Member>,
    port: u16,
    chance: Chance,
    stirred: Instant,
    faults: BTreeMap<String, u64>,
    /// The longest its own threads were kept waiting, in microseconds.
    stall: Arc<AtomicU64>,
    _runtime: Runtime,
}

/// Panels that report by themselves do so until it is dropped.
pub(crate) struct Beats {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Park {
    pub(crate) fn open(chance: Chance) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let own = std::process::id() as u8;
        let address = |n: usize, nth: usize| Ipv4Addr::new(127, 160 + nth as u8, own, n as u8);
        let port = running::free(address(0, 0)).port();
        let members = (0..PANELS).map(|n| {
            let place = n % (PANELS / SETS);
            let addresses: Vec<Ipv4Addr> = (0..1 + usize::from(n % (DOUBLE * PANELS / SETS) == 0)).map(|nth| address(n, nth)).collect();
            let listen = addresses.iter().map(|address| SocketAddr::new(IpAddr::V4(*address), port)).collect();
            let name = format!("p{n}");
            let segment = Duration::from_secs(1);
            let options = Options { name: name.clone(), listen, segment, tls: None, capacity: 500 };
            let panel = Panel::start(options, runtime.handle()).unwrap();
            let is_mute = Arc::new(AtomicBool::new(false));
            Member { name, addresses, panel, checks: CHECKS[place], is_mute, broken_until: None, was_touched: false }
        });
        let members = members.collect();
        let stall = Arc::new(AtomicU64::new(0));
        runtime.spawn(notice(Arc::clone(&stall)));
        Self { members, port, chance, stirred: Instant::now(), faults: BTreeMap::new(), stall, _runtime: runtime }
    }

    pub(crate) fn set(&self, n: usize) -> &[Member] {
        &self.members[n * (PANELS / SETS)..(n + 1) * (PANELS / SETS)]
    }

    pub(crate) fn hostnames(&self) -> Vec<String> {
        (0..SETS).map(|n| format!("h{n}.soak.example")).collect()
    }

    /// In order: the answer is foreseen.
    pub(crate) fn is_ordered(set: usize) -> bool {
        STEERS[set % STEERS.len()] == "failover"
    }

    pub(crate) fn fleet(&self) -> String {
        let port = self.port;
        let timeout = TIMEOUT.as_millis();
        let mut text = String::from("[defaults]\nttl = 20\nttl_changing = 2\nslow_start = \"2s\"\n");
        let url = format!("http://{{address}}:{port}");
        for (name, rest) in [
            ("tcp", format!("kind = \"tcp\"\nport = {port}\ninterval = \"300ms\"\nhold_down = false")),
            ("http", format!("kind = \"http\"\nurl = \"{url}/health\"\ninterval = \"400ms\"\nhold_down = false")),
            ("hls", format!("kind = \"hls\"\nurl = \"{url}/live/index.m3u8\"\ninterval = \"500ms\"\nwatch = false\nhold_down = false")),
            // Who falls often is held back as well.
            ("api", format!("kind = \"panel-api\"\nurl = \"{url}/\"\nuser = \"u\"\npassword = \"p\"\ninterval = \"500ms\"")),
        ] {
            text += &format!("[[check]]\nname = \"{name}\"\n{rest}\ntimeout = \"{timeout}ms\"\nconfirm = \"50ms\"\n");
        }
        text += "[[check]]\nname = \"beat\"\nkind = \"heartbeat\"\ninterval = \"1s\"\nhold_down = false\n";
        for n in 0..5 {
            text += &format!("[[region]]\nname = \"r{n}\"\nat = [{}, {}]\n", 10 * n, 20 * n);
        }
        for (n, member) in self.members.iter().enumerate() {
            let (name, region, checks) = (&member.name, n % 5, member.checks);
            let addresses: Vec<String> = member.addresses.iter().map(Ipv4Addr::to_string).collect();
            text += &format!(
                "[[panel]]\nname = \"{name}\"\nregion = \"r{region}\"\naddresses = {addresses:?}\nchecks = {checks:?}\ncapacity = 500\n"
            );
        }
        for n in 0..SETS {
            let panels: Vec<&String> = self.set(n).iter().map(|member| &member.name).collect();
            text += &format!("[[set]]\nname = \"s{n}\"\npanels = {panels:?}\nsteer = \"{}\"\n", STEERS[n % STEERS.len()]);
        }
        text += "[[zone]]\nname = \"soak.example\"\nfile = \"soak.zone\"\n";
        for (n, name) in self.hostnames().iter().enumerate() {
            text += &format!("[[hostname]]\nname = \"{name}\"\nset = \"s{n}\"\n");
        }
        text
    }

    /// Faults that are over end, and new ones begin; now and then those of a whole set, or of half of all.
    pub(crate) fn stir(&mut self) {
        let now = Instant::now();
        for member in &mut self.members {
            if member.broken_until.is_some_and(|until| until <= now) {
                member.heal();
            }
        }
        let size = PANELS / SETS;
        while self.stirred + STEP <= now {
            self.stirred += STEP;
            // Who was kept waiting does not make up for it with a thousand faults at once.
            self.stirred = self.stirred.max(now.checked_sub(STEP * 8).unwrap_or(now));
            let of: Vec<usize> = match () {
                () if self.chance.one_in(800) => (0..PANELS).filter(|_| self.chance.one_in(2)).collect(),
                () if self.chance.one_in(200) => {
                    let set = self.chance.below(SETS);
                    (set * size..(set + 1) * size).collect()
                }
                () => vec![self.chance.below(PANELS)],
            };
            let lasts = Duration::from_millis(self.chance.below(LONGEST_MS) as u64);
            let mode = mode(&mut self.chance);
            let is_alike = of.len() > 1;
            for n in of.into_iter().filter(|n| n % size < size - INNOCENTS) {
                let mode = if is_alike { mode } else { self::mode(&mut self.chance) };
                let nth = if self.chance.one_in(2) { Some(self.chance.below(2)) } else { None };
                self.members[n].break_it(mode, nth, now + lasts);
                *self.faults.entry(mode.to_string().split(' ').next().unwrap_or_default().to_owned()).or_default() += 1;
            }
        }
    }

    pub(crate) fn heal_all(&mut self) {
        self.members.iter_mut().for_each(Member::heal);
    }

    pub(crate) fn told(&self) -> String {
        let broken = self.members.iter().filter(|member| member.broken_until.is_some()).count();
        format!("{} faults of {} kinds, {broken} panels broken now", self.faults.values().sum::<u64>(), self.faults.len())
    }

    pub(crate) fn longest_stall(&self) -> Duration {
        Duration::from_micros(self.stall.load(Relaxed))
    }

    pub(crate) fn beat(&self, server: &Server) -> Beats {
        let beating = self.members.iter().filter(|member| member.checks.contains(&"beat"));
        let beating: Vec<(String, Arc<AtomicBool>)> = beating.map(|member| (member.name.clone(), Arc::clone(&member.is_mute))).collect();
        let mut api = server.api();
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let mut next = Instant::now();
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(next.saturating_duration_since(Instant::now())) {
                next = Instant::now() + BEAT;
                for (name, _) in beating.iter().filter(|(_, is_mute)| !is_mute.load(Relaxed)) {
                    api.post(&format!("/v1/panels/{name}/heartbeat"), r#"{"connections": 100, "cpu": 0.25}"#);
                }
            }
        });
        Beats { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Beats {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}

impl Member {
    /// At one of its addresses, or at all.
    fn break_it(&mut self, mode: Mode, nth: Option<usize>, until: Instant) {
        match nth.and_then(|nth| self.panel.addresses().get(nth).copied()) {
            Some(address) => self.panel.set_at(address, mode).unwrap(),
            None => self.panel.set(mode).unwrap(),
        }
        // Its agent dies with it, or alone.
        self.is_mute.store(true, Relaxed);
        (self.broken_until, self.was_touched) = (Some(until), true);
    }

    fn heal(&mut self) {
        self.panel.heal().unwrap();
        self.is_mute.store(false, Relaxed);
        self.broken_until = None;
    }
}

fn mode(chance: &mut Chance) -> Mode {
    let form = Mode::WORDS[1 + chance.below(Mode::WORDS.len() - 1)].0;
    let word = form.split(' ').next().unwrap_or(form);
    let text = match word {
        "status" => format!("status {}", [404, 500, 503][chance.below(3)]),
        _ => word.to_owned(),
    };
    text.parse().unwrap()
}

/// How late a thread of this process comes to its turn: what panels do not answer meanwhile is no fault of theirs.
async fn notice(stall: Arc<AtomicU64>) {
    loop {
        let before = Instant::now();
        tokio::time::sleep(TICK).await;
        let late = before.elapsed().saturating_sub(TICK);
        stall.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }
}
