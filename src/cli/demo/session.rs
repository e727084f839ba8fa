//! The prompt: commands in, and what comes of them out.

use super::DemoArgs;
use super::clients::CLIENTS;
use super::dig::{self, Answer};
use super::load;
use super::order::{self, Order};
use super::place::Place;
use super::watch::{self, Move, NAME};
use crate::cli::api::Client;
use crate::clock;
use crate::document::Network;
use crate::stage::{Mode, Panel};
use rustix::process::{Signal, getpid, kill_process};
use std::io::{BufRead, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// What the session waits for.
#[derive(Debug)]
pub(super) enum Heard {
    Line(String),
    /// Nothing more will be typed.
    Silence,
    Moved(Move),
    /// A signal.
    Stop,
    /// The node has.
    Ended,
}

/// How often a node that starts is asked whether it answers.
const START: Duration = Duration::from_millis(100);
/// A script waits so long for answers to move: frozen playlists are seen after 26 s, a panel that returns has all clients after 30.
const LONGEST: Duration = Duration::from_secs(45);
/// And so long for others to follow.
const SETTLE: Duration = Duration::from_millis(500);

pub(super) struct Session {
    dns: SocketAddr,
    admin: SocketAddr,
    token: PathBuf,
    knows_places: bool,
    panels: Arc<Vec<Panel>>,
    /// Names and capacities.
    named: Vec<(String, u32)>,
    inbox: Receiver<Heard>,
    heard: Sender<Heard>,
    /// Somebody types.
    is_terminal: bool,
    /// When the last command was given.
    since_ms: u64,
}

/// Whether there is more to do.
#[derive(PartialEq)]
enum Then {
    Go,
    End,
}

impl Session {
    pub(super) fn new(args: &DemoArgs, place: &Place, panels: Arc<Vec<Panel>>, inbox: Receiver<Heard>, heard: Sender<Heard>) -> Self {
        let named = panels.iter().map(|panel| (panel.name().to_owned(), panel.capacity())).collect();
        Self {
            dns: args.dns,
            admin: args.admin,
            token: place.token(),
            knows_places: place.knows_places(),
            panels,
            named,
            inbox,
            heard,
            is_terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
            since_ms: 0,
        }
    }

    /// Until the node has ended, or is told to.
    pub(super) fn run(mut self) {
        load::seat(&self.panels);
        if self.is_ready() == Then::Go {
            tell(&self.welcome());
            // Each ends when the other end of its channel goes.
            let (_stop, stopped) = channel();
            let (nudge, nudged) = channel();
            self.spawn_watch(stopped);
            self.spawn_load(nudged);
            self.spawn_reader();
            self.converse(&nudge);
        }
        // The node ends as it does for everybody, and with it the demo.
        let _ = kill_process(getpid(), Signal::TERM);
    }

    /// The node answers, and nobody wants it to end. A signal may have come before the node waited for one, so it is not left alone with it.
    fn is_ready(&self) -> Then {
        let mut then = Then::Go;
        while dig::ask(self.dns, NAME, CLIENTS[0].network()).is_err() {
            match self.inbox.recv_timeout(START) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Heard::Ended) | Err(RecvTimeoutError::Disconnected) => return Then::End,
                Ok(_) => then = Then::End,
            }
        }
        then
    }

    fn converse(&mut self, nudge: &Sender<()>) {
        let mut had_orders = false;
        self.prompt();
        loop {
            let then = match self.inbox.recv() {
                Ok(Heard::Line(line)) => {
                    had_orders = true;
                    self.obey(&line, nudge)
                }
                // A script is over; who gave none wants the demo to run.
                Ok(Heard::Silence) if had_orders || self.is_terminal => Then::End,
                Ok(Heard::Silence) => Then::Go,
                Ok(Heard::Moved(what)) => {
                    self.show(&what);
                    Then::Go
                }
                Ok(Heard::Stop | Heard::Ended) | Err(_) => Then::End,
            };
            if then == Then::End {
                return;
            }
            self.prompt();
        }
    }

    fn obey(&mut self, line: &str, nudge: &Sender<()>) -> Then {
        if !self.is_terminal {
            tell(&format!("> {line}"));
        }
        self.since_ms = clock::now().mono_ms;
        match order::read(line, &self.named) {
            Err(why) => tell(&why),
            Ok(Order::Nothing) => {}
            Ok(Order::Help) => tell(&order::help()),
            Ok(Order::Quit) => return Then::End,
            Ok(Order::Status) => tell(&self.status()),
            Ok(Order::Who(clients)) => clients.iter().for_each(|(name, network)| tell(&self.who(name, *network))),
            Ok(Order::Wait(time)) => return self.wait(time, false),
            Ok(Order::Set { panel, mode }) => return self.set(&[panel], mode, nudge),
            Ok(Order::HealAll) => {
                let broken: Vec<usize> = (0..self.panels.len()).filter(|at| self.panels[*at].mode() != Mode::Fine).collect();
                return self.set(&broken, Mode::Fine, nudge);
            }
        }
        Then::Go
    }

    fn set(&mut self, panels: &[usize], mode: Mode, nudge: &Sender<()>) -> Then {
        let mut has_changed = false;
        for panel in panels.iter().map(|at| &self.panels[*at]) {
            if panel.mode() == mode {
                tell(&format!("{} is like that already", panel.name()));
                continue;
            }
            match panel.set(mode) {
                Ok(()) => {
                    has_changed = true;
                    tell(&format!("{}: {}", panel.name(), mode.meaning()));
                }
                Err(error) => tell(&format!("{} can't listen at {error}", panel.name())),
            }
        }
        // Its agent reports at once, so that load is seen as soon as it can be.
        let _ = nudge.send(());
        if self.is_terminal || !has_changed { Then::Go } else { self.wait(LONGEST, true) }
    }

    /// Shows what moves; for a script, until it has moved.
    fn wait(&self, longest: Duration, is_for_move: bool) -> Then {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let start_ms = clock::now().mono_ms;
        let mut until_ms = start_ms.saturating_add(ms(longest));
        let mut kept = Vec::new();
        let mut has_moved = false;
        let then = loop {
            let left_ms = until_ms.saturating_sub(clock::now().mono_ms);
            match self.inbox.recv_timeout(Duration::from_millis(left_ms)) {
                Ok(Heard::Moved(what)) => {
                    self.show(&what);
                    has_moved = true;
                    if is_for_move {
                        until_ms = clock::now().mono_ms + ms(SETTLE);
                    }
                }
                Ok(Heard::Stop | Heard::Ended) | Err(RecvTimeoutError::Disconnected) => break Then::End,
                // Their turn comes.
                Ok(other) => kept.push(other),
                Err(RecvTimeoutError::Timeout) => break Then::Go,
            }
        };
        if is_for_move && !has_moved && then == Then::Go {
            tell(&format!("nothing has moved within {} s", longest.as_secs()));
        }
        for other in kept {
            let _ = self.heard.send(other);
        }
        then
    }

    fn show(&self, what: &Move) {
        let took_ms = what.at_ms.saturating_sub(self.since_ms);
        let start = if self.is_terminal { "\r" } else { "" };
        let seconds =
            if self.since_ms == 0 { "         ".to_owned() } else { format!("{:>6}.{:02} s", took_ms / 1000, took_ms % 1000 / 10) };
        tell(&format!("{start}{seconds}  {:<12} {} -> {}", CLIENTS[what.client].city, self.names(&what.from), self.words(&what.to)));
    }

    fn status(&self) -> String {
        let answers = CLIENTS.map(|client| (client.city, dig::ask(self.dns, NAME, client.network())));
        let mut lines = Vec::new();
        for panel in self.panels.iter() {
            let addresses = panel.addresses();
            let serves = |answer: &Result<Answer, String>| {
                answer
                    .as_ref()
                    .is_ok_and(|answer| answer.addresses.iter().any(|ip| addresses.iter().any(|address| address.ip() == IpAddr::V4(*ip))))
            };
            let cities: Vec<&str> = answers.iter().filter(|(_, answer)| serves(answer)).map(|(city, _)| *city).collect();
            let shown: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
            lines.push(format!(
                "  {:<6} {:<16} {:<14} {:>4} connections   {}",
                panel.name(),
                shown.join(" "),
                panel.mode().to_string(),
                panel.connections(),
                cities.join(", ")
            ));
        }
        lines.join("\n")
    }

    fn who(&self, name: &str, network: Network) -> String {
        let asked = format!("dig @{} -p {} {NAME} +subnet={network}", self.dns.ip(), self.dns.port());
        format!("  {name:<12} {}    {asked}", self.words(&dig::ask(self.dns, NAME, network)))
    }

    /// Panels, or what is there instead.
    fn names(&self, answer: &Result<Answer, String>) -> String {
        let Ok(answer) = answer.as_ref() else { return answer.as_ref().err().cloned().unwrap_or_default() };
        let name = |ip: &std::net::Ipv4Addr| {
            let of = |panel: &&Panel| panel.addresses().iter().any(|address| address.ip() == IpAddr::V4(*ip));
            self.panels.iter().find(of).map_or_else(|| ip.to_string(), |panel| panel.name().to_owned())
        };
        answer.addresses.iter().map(name).collect::<Vec<_>>().join(" and ")
    }

    fn words(&self, answer: &Result<Answer, String>) -> String {
        match answer {
            Ok(Answer { addresses, ttl, scope }) => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                format!("{} ({}), TTL {ttl}, scope /{scope}", self.names(answer), addresses.join(", "))
            }
            Err(why) => why.clone(),
        }
    }

    fn welcome(&self) -> String {
        let (ip, port, admin) = (self.dns.ip(), self.dns.port(), self.admin);
        let panel = self.panels.first().and_then(|panel| panel.addresses().first().copied()).map_or_else(String::new, |at| at.to_string());
        let dig = |at: usize| {
            let client = CLIENTS[at];
            let answer = self.names(&dig::ask(self.dns, NAME, client.network()));
            format!("  dig @{ip} -p {port} {NAME} +subnet={}    # {}: {answer}", client.network(), client.city)
        };
        let token = self.token.display();
        // As it was called, so that it is found the same way.
        let program = std::env::args().next().unwrap_or_else(|| "meridian".into());
        let unknown = "\nThere is no database of places here (geoip/city.mmdb), so only the clients named below have one.\n";
        format!(
            "Meridian answers on {} with the shipped fleet, and its five panels serve a live stream.\n{}\n\
             Ask as a client in Paris, or in New York:\n{}\n{}\n\n\
             See the stream, and what the node knows:\n  curl http://{panel}/live/index.m3u8\n  curl -H \"Authorization: Bearer $(cat {token})\" http://{admin}/v1/panels/fra1\n  \
             {program} status --url http://{admin} --token-file {token}\n\n\
             Break a panel, and see where clients are sent:\n  kill fra1    freeze fra1    slow fra1    overload fra1    heal fra1    status    who paris    help    quit\n\n{}\n",
            self.dns,
            if self.knows_places { "" } else { unknown },
            dig(0),
            dig(2),
            self.status()
        )
    }

    fn prompt(&self) {
        if self.is_terminal {
            let mut out = std::io::stdout().lock();
            let _ = write!(out, "> ").and_then(|()| out.flush());
        }
    }

    fn spawn_watch(&self, stopped: Receiver<()>) {
        let (dns, heard) = (self.dns, self.heard.clone());
        spawn("watch", move || watch::watch(dns, &heard, &stopped));
    }

    fn spawn_load(&self, nudged: Receiver<()>) {
        let (panels, admin) = (Arc::clone(&self.panels), self.admin);
        let token = std::env::var("MERIDIAN_ADMIN_TOKEN").ok().filter(|token| !token.is_empty());
        let token = token.or_else(|| std::fs::read_to_string(&self.token).ok()).unwrap_or_default();
        match Client::beside(admin, token.trim()) {
            Ok(master) => spawn("load", move || load::report(&panels, admin, &master, &nudged)),
            Err(_) => tracing::warn!("the node's API cannot be used, so no panel reports its load"),
        }
    }

    fn spawn_reader(&self) {
        let heard = self.heard.clone();
        spawn("reader", move || {
            for line in std::io::stdin().lock().lines() {
                // What is no text is no command.
                let Ok(line) = line else { break };
                if heard.send(Heard::Line(line)).is_err() {
                    return;
                }
            }
            let _ = heard.send(Heard::Silence);
        });
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = thread::Builder::new().name(name.into()).spawn(work) {
        tracing::warn!(%error, "can't start the thread {name}");
    }
}

/// Whoever closed stdout does not hear it.
fn tell(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
