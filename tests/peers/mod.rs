//! NSD, Knot and BIND as Debian ships them, and Meridian, on loopback ports with the same zones.
//!
//! Owns   the processes: they are started here, asked until they answer, and end with the handle.
//! Never  installs anything, or goes on without a peer: a missing one fails the test and says which package it is in.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod ask;
pub(crate) mod judge;
pub(crate) mod probes;
pub(crate) mod questions;
pub(crate) mod random;
pub(crate) mod sign;
pub(crate) mod wire;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// How often a starting server is asked, 100 ms apart, before it counts as broken.
const START_TRIES: u32 = 100;

/// What BIND and Meridian make cookies from, so that they can be compared.
const COOKIE_SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";

/// A zone to be served: its name in presentation form and its master file.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
}

/// The zones of `tests/zones/<world>`: each file is named after its zone, `root.zone` is the root's.
pub(crate) fn world(which: &str) -> Vec<Zone> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zones").join(which);
    let mut zones: Vec<Zone> = fs::read_dir(&dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .map(|entry| entry.expect("a directory entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "zone"))
        .map(|file| {
            let stem = file.file_stem().expect("a file name").to_string_lossy().into_owned();
            Zone { name: if stem == "root" { ".".into() } else { stem }, file }
        })
        .collect();
    zones.sort_by(|a, b| a.name.cmp(&b.name));
    zones
}

/// Ends the server when its own input closes, which also happens when the test process is killed; ends with the server.
pub(crate) const KEEPER: &str = r#"exec 3<&0; "$@" 3<&- & server=$!
(cat <&3 >/dev/null; kill -TERM $server) & watch=$!
wait $server; code=$?; kill $watch 2>/dev/null; exit $code"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nsd,
    Knot,
    Bind,
    Meridian,
}

pub(crate) const PEERS: [Kind; 3] = [Kind::Nsd, Kind::Knot, Kind::Bind];

impl Kind {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Kind::Nsd => "NSD",
            Kind::Knot => "Knot",
            Kind::Bind => "BIND",
            Kind::Meridian => "Meridian",
        }
    }

    fn program(self) -> (&'static str, &'static str) {
        match self {
            Kind::Nsd => ("/usr/sbin/nsd", "nsd"),
            Kind::Knot => ("/usr/sbin/knotd", "knot"),
            Kind::Bind => ("/usr/sbin/named", "bind9"),
            Kind::Meridian => (env!("CARGO_BIN_EXE_meridian"), "meridian"),
        }
    }
}

/// A directory that goes when its owner does.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("peers-{}-{nth}", std::process::id()));
        fs::create_dir_all(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        Scratch(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // KEEP=1 leaves configurations and logs to be looked at.
        if std::env::var_os("KEEP").is_none() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// A running server. Dropping it ends the process and removes its files.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    keeper: Child,
    _scratch: Scratch,
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

pub(crate) fn start_all(kinds: &[Kind], zones: &[Zone]) -> Vec<Peer> {
    // All at once: the slowest start is then the only one that is waited for.
    let mut starting: Vec<Peer> = kinds.iter().map(|&kind| launch(kind, zones)).collect();
    for peer in &mut starting {
        await_answers(peer, zones);
    }
    starting
}

fn launch(kind: Kind, zones: &[Zone]) -> Peer {
    let (program, package) = kind.program();
    assert!(
        Path::new(program).exists(),
        "{} is not here: {program} comes with the Debian package {package}; `tests/run` installs it",
        kind.title()
    );
    let scratch = Scratch::new();
    let dir = scratch.path();
    let address = free_address();
    let (file, text) = match kind {
        Kind::Nsd => ("nsd.conf", nsd_conf(address.port(), dir, zones)),
        Kind::Knot => ("knot.conf", knot_conf(address.port(), dir, zones)),
        Kind::Bind => ("named.conf", bind_conf(address.port(), dir, zones)),
        Kind::Meridian => ("meridian.toml", meridian_conf(address.port(), dir, zones)),
    };
    let conf = dir.join(file);
    fs::write(&conf, text).expect("a configuration is written");
    let log = fs::File::create(dir.join("log")).expect("a log is made");
    let mut keeper = Command::new("/bin/sh");
    keeper.args(["-c", KEEPER, "keeper", program]).stdin(Stdio::piped()).stdout(log.try_clone().expect("a log handle")).stderr(log);
    match kind {
        Kind::Nsd => keeper.arg("-d").arg("-c").arg(&conf),
        Kind::Knot => keeper.arg("-c").arg(&conf),
        Kind::Bind => keeper.args(["-g", "-n", "1", "-c"]).arg(&conf),
        Kind::Meridian => keeper.args(["serve", "--config"]).arg(&conf).arg("--fleet").arg(dir.join("fleet.toml")),
    };
    let keeper = keeper.spawn().expect("/bin/sh starts");
    Peer { kind, address, keeper, _scratch: scratch }
}

/// A loopback port that is free for UDP and TCP alike. Below those the system hands out by itself, and a run of its own for
/// each process: between this look and the server's start nobody else comes upon it.
pub(crate) fn free_address() -> SocketAddr {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    loop {
        let nth = std::process::id().wrapping_mul(97).wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 10_000 + (nth % 20_000) as u16));
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Waits until every zone is answered for: SOA with AA.
fn await_answers(peer: &mut Peer, zones: &[Zone]) {
    let questions: Vec<_> = zones.iter().map(|z| wire::Question::of(wire::name(&z.name), wire::SOA).encode()).collect();
    let mut bad = Vec::new();
    for _ in 0..START_TRIES {
        let answers = ask::over_udp_once(peer.address, &questions, 100);
        let sound = |bytes: &Option<Vec<u8>>| {
            let answer = bytes.as_ref().and_then(|b| wire::decode(b).ok());
            answer.is_some_and(|a| a.rcode() == 0 && a.has(wire::AA) && !a.answer.is_empty())
        };
        bad = zones.iter().zip(&answers).filter(|(_, a)| !sound(a)).map(|(z, _)| z.name.clone()).collect();
        if bad.is_empty() {
            return;
        }
        if peer.keeper.try_wait().is_ok_and(|status| status.is_some()) {
            break;
        }
        ask::pause();
    }
    let log = fs::read_to_string(peer._scratch.path().join("log")).unwrap_or_default();
    let tail: Vec<&str> = log.lines().rev().take(60).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    panic!("{} does not answer for {bad:?}; its log ends:\n{}", peer.kind.title(), tail.join("\n"));
}

fn each(zones: &[Zone], line: impl Fn(&str, &str) -> String) -> String {
    zones.iter().map(|z| line(&z.name, &z.file.display().to_string())).collect()
}

fn nsd_conf(port: u16, dir: &Path, zones: &[Zone]) -> String {
    let d = dir.display();
    let zones = each(zones, |name, file| format!("zone:\n  name: \"{name}\"\n  zonefile: \"{file}\"\n"));
    format!(
        "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n  zonesdir: \"{d}\"\n  database: \"\"\n  \
         pidfile: \"{d}/nsd.pid\"\n  xfrdfile: \"{d}/xfrd.state\"\n  zonelistfile: \"{d}/zone.list\"\n  xfrdir: \"{d}\"\n  \
         server-count: 1\n  refuse-any: no\n  round-robin: no\n  rrl-ratelimit: 0\n  rrl-whitelist-ratelimit: 0\n  \
         tcp-count: 50\n  tcp-timeout: 60\n  hide-version: no\n  hide-identity: no\n  identity: \"judge\"\n  nsid: \"ascii_judge\"\n  \
         zonefiles-check: no\nremote-control:\n  control-enable: no\n{zones}"
    )
}

fn knot_conf(port: u16, dir: &Path, zones: &[Zone]) -> String {
    let d = dir.display();
    let zones = each(zones, |name, file| format!("  - domain: \"{name}\"\n    file: \"{file}\"\n"));
    format!(
        "server:\n    listen: 127.0.0.1@{port}\n    rundir: {d}\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n    \
         tcp-idle-timeout: 60\n    identity: judge\n    nsid: judge\n    version: judge\n\
         database:\n    storage: {d}\ncontrol:\n    listen: {d}/knot.sock\nlog:\n  - target: stderr\n    any: info\n\
         template:\n  - id: default\n    storage: {d}\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n\
         zone:\n{zones}"
    )
}

fn bind_conf(port: u16, dir: &Path, zones: &[Zone]) -> String {
    let d = dir.display();
    // The other party of a comparison of whole answers: nothing left out, nothing checked, nothing asked of others.
    let zones = each(zones, |name, file| format!("zone \"{name}\" {{ type primary; file \"{file}\"; check-names ignore; }};\n"));
    format!(
        "options {{ directory \"{d}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none; lock-file none;\n  \
         session-keyfile none; recursion no; allow-query {{ any; }}; allow-transfer {{ any; }}; minimal-responses no; minimal-any no;\n  \
         dnssec-validation no; empty-zones-enable no; notify no; check-integrity no; check-dup-records ignore; check-mx ignore;\n  \
         check-mx-cname ignore; check-srv-cname ignore; check-sibling no; check-wildcard no; rrset-order {{ order none; }};\n  \
         server-id \"judge\"; version \"judge\"; hostname \"judge\"; tcp-idle-timeout 600; max-cache-size 8m; max-records-per-type 0;\n  max-types-per-name 0; cookie-secret \"{COOKIE_SECRET}\"; }};\ncontrols {{ }};\n{zones}"
    )
}

fn meridian_conf(port: u16, dir: &Path, zones: &[Zone]) -> String {
    let fleet = each(zones, |name, file| format!("[[zone]]\nname = \"{name}\"\nfile = \"{file}\"\n\n"));
    fs::write(dir.join("fleet.toml"), fleet).expect("a fleet is written");
    let secrets = dir.join("cookies");
    fs::write(&secrets, format!("{COOKIE_SECRET}\n")).expect("a secret is written");
    let admin = free_address();
    format!(
        "[node]\nname = \"judge\"\ndata = \"{}\"\n\n[dns]\nlisten = [\"127.0.0.1:{port}\"]\ncookie_secrets = \"{}\"\n\n[dns.tcp]\nidle = \"60s\"\n\n\
         [admin]\nlisten = \"{admin}\"\n\n[geoip]\ndatabases = []\n",
        dir.join("data").display(),
        secrets.display()
    )
}
