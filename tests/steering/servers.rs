//! gdnsd, Knot with mod-geoip and unbound as Debian ships them, with the worlds and the database that Meridian gets.

use crate::peers::wire::{A, AAAA, Question, SOA, name};
use crate::peers::{KEEPER, Scratch, ask, free_address, wire};
use crate::world::{DATABASE, Hostname, World, ZONE};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How often a starting server is asked, 100 ms apart.
const START_TRIES: u32 = 200;

/// A running server. Dropping it ends the process and removes its files.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    keeper: Child,
    scratch: Scratch,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

impl Server {
    /// Starts a program that answers for the zone with its files in a directory of its own.
    fn start(program: &str, package: &str, files: impl FnOnce(&Path, SocketAddr) -> Vec<String>) -> Server {
        assert!(Path::new(program).exists(), "{program} comes with the Debian package {package}; `tests/run` installs it");
        let (scratch, address) = (Scratch::new(), free_address());
        let arguments = files(scratch.path(), address);
        let log = fs::File::create(scratch.path().join("log")).expect("a log is made");
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER, "keeper", program]).args(arguments).stdin(Stdio::piped());
        keeper.stdout(log.try_clone().expect("a log handle")).stderr(log);
        Server { address, keeper: keeper.spawn().expect("/bin/sh starts"), scratch }
    }

    /// Waits until it answers a question for the zone without an error.
    fn awaited(mut self, question: &Question) -> Server {
        for _ in 0..START_TRIES {
            let answer = ask::over_udp_once(self.address, &[question.encode()], 100).remove(0);
            if answer.and_then(|bytes| wire::decode(&bytes).ok()).is_some_and(|answer| answer.rcode() == 0 && !answer.answer.is_empty()) {
                return self;
            }
            if self.keeper.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            ask::pause();
        }
        let log = fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default();
        panic!("it does not answer {question}; its log:\n{log}");
    }
}

/// Where the clients of a land go: the continent, the country or "", the subdivision or "", and the panel by its place in the list.
pub(crate) type Lands = BTreeMap<(String, String, String), usize>;

/// gdnsd: each of the world's hostnames by coordinates, `land` by the lands. `nets` are networks and the panels they go to.
pub(crate) fn gdnsd(world: &World, lands: &Lands, nets: &[(&str, &str)]) -> Server {
    let server = Server::start("/usr/sbin/gdnsd", "gdnsd", |dir, address| {
        let (maps, resources, names) = gdnsd_maps(world, lands, nets);
        let d = dir.display();
        let config = format!(
            "options => {{ listen => [ \"{address}\" ], run_dir => \"{d}/run\", state_dir => \"{d}/state\", udp_threads => 1, tcp_threads => 1 }}\n\
             plugins => {{ geoip => {{\nmaps => {{\n{maps}}}\nresources => {{\n{resources}}}\n}} }}\n"
        );
        fs::create_dir_all(dir.join("zones")).expect("a directory is made");
        fs::write(dir.join("config"), config).expect("a configuration is written");
        fs::write(dir.join("zones").join(ZONE), format!("{}{names}", world.zone())).expect("a zone is written");
        vec!["-c".into(), d.to_string(), "start".into()]
    });
    server.awaited(&Question::of(name(ZONE), SOA))
}

fn gdnsd_maps(world: &World, lands: &Lands, nets: &[(&str, &str)]) -> (String, String, String) {
    let (mut maps, mut resources, mut names) = (String::new(), String::new(), String::new());
    let nets = nets.iter().map(|(network, panel)| format!("{network} => [ {panel} ], ")).collect::<String>();
    let mut add = |label: &str, panels: &[usize], rule: &str| {
        let list: Vec<&str> = panels.iter().map(|&n| world.panels[n].name.as_str()).collect();
        let list = list.join(", ");
        writeln!(maps, "{label} => {{ geoip2_db => \"{DATABASE}\", datacenters => [ {list} ], {rule} }}").unwrap();
        write!(resources, "{label} => {{ map => {label}, dcmap => {{ ").unwrap();
        for &n in panels {
            let (v4, v6) = (world.address(n, A), world.address(n, AAAA));
            let name = &world.panels[n].name;
            write!(resources, "{name} => {{ addrs_v4 => {{ a => {v4} }}, addrs_v6 => {{ a => \"{v6}\" }} }}, ").unwrap();
        }
        resources.push_str("} }\n");
        writeln!(names, "{label} 60 DYNA geoip!{label}").unwrap();
    };
    for Hostname { name, panels, .. } in &world.hostnames {
        let panels: Vec<usize> = panels.iter().map(|&(n, _)| n).collect();
        let place = |&n: &usize| format!("{} => [ {}, {} ]", world.panels[n].name, world.panels[n].at[0], world.panels[n].at[1]);
        let places: Vec<String> = panels.iter().map(place).collect();
        add(
            name.split('.').next().unwrap(),
            &panels,
            &format!("auto_dc_coords => {{ {} }}, auto_dc_limit => 1, nets => {{ {nets} }}", places.join(", ")),
        );
    }
    if !lands.is_empty() {
        let panels: Vec<usize> = lands.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
        add("land", &panels, &format!("map => {{ {} }}", gdnsd_lands(world, lands)));
    }
    (maps, resources, names)
}

/// Continents around countries around subdivisions; `default` is what a level says where no deeper one does.
fn gdnsd_lands(world: &World, lands: &Lands) -> String {
    let list = |n: &usize| format!("[ {} ]", world.panels[*n].name);
    let mut tree: BTreeMap<&str, BTreeMap<&str, BTreeMap<&str, String>>> = BTreeMap::new();
    for ((continent, country, subdivision), n) in lands {
        tree.entry(continent).or_default().entry(country).or_default().insert(subdivision, list(n));
    }
    let mut text = String::new();
    for (continent, countries) in tree {
        write!(text, "{continent} => {{ ").unwrap();
        for (country, subdivisions) in countries {
            if country.is_empty() {
                write!(text, "default => {}, ", subdivisions[""]).unwrap();
                continue;
            }
            write!(text, "{country} => {{ ").unwrap();
            for (subdivision, panel) in subdivisions {
                write!(text, "{} => {panel}, ", if subdivision.is_empty() { "default" } else { subdivision }).unwrap();
            }
            text.push_str("}, ");
        }
        text.push_str("}, ");
    }
    text
}

/// Knot with mod-geoip: `land` by the lands.
pub(crate) fn knot(world: &World, lands: &Lands) -> Server {
    let module = glob("/usr/lib", "knot/modules-").map(|dir| dir.join("geoip.so"));
    assert!(module.is_some_and(|file| file.exists()), "mod-geoip comes with the Debian package knot-module-geoip; `tests/run` installs it");
    let server = Server::start("/usr/sbin/knotd", "knot", |dir, address| {
        let d = dir.display();
        let (ip, port) = (address.ip(), address.port());
        let config = format!(
            "server:\n    listen: {ip}@{port}\n    rundir: {d}\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n    \
             edns-client-subnet: on\ndatabase:\n    storage: {d}\ncontrol:\n    listen: {d}/knot.sock\nlog:\n  - target: stderr\n    any: info\n\
             mod-geoip:\n  - id: geo\n    config-file: {d}/geo.conf\n    ttl: 60\n    mode: geodb\n    geodb-file: {DATABASE}\n    \
             geodb-key: [ continent/code, country/iso_code, subdivisions/0/iso_code ]\n\
             template:\n  - id: default\n    storage: {d}\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n\
             zone:\n  - domain: {ZONE}\n    file: {d}/zone\n    module: mod-geoip/geo\n"
        );
        let mut answers = format!("land.{ZONE}:\n");
        for ((continent, country, subdivision), &n) in lands {
            let land = [continent.as_str(), country, subdivision].join(";");
            let land = land.trim_end_matches(';');
            writeln!(answers, "  - geo: \"{land}\"\n    A: {}\n    AAAA: {}", world.address(n, A), world.address(n, AAAA)).unwrap();
        }
        fs::write(dir.join("knot.conf"), config).expect("a configuration is written");
        fs::write(dir.join("geo.conf"), answers).expect("a configuration is written");
        fs::write(dir.join("zone"), format!("{}land TXT \"elsewhere\"\n", world.zone())).expect("a zone is written");
        vec!["-c".into(), format!("{d}/knot.conf")]
    });
    server.awaited(&Question::of(name(ZONE), SOA))
}

/// A directory `start/*/part*`.
fn glob(start: &str, part: &str) -> Option<std::path::PathBuf> {
    let (parent, prefix) = part.split_once('/')?;
    let mut dirs = fs::read_dir(start).ok()?.flatten().map(|entry| entry.path().join(parent));
    let found = dirs.find(|dir| dir.is_dir())?;
    fs::read_dir(found)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
}

/// unbound with its subnet cache: sends the client's network to `upstream`, and asks it for everything in the zone.
pub(crate) fn unbound(upstream: SocketAddr) -> Server {
    let server = Server::start("/usr/sbin/unbound", "unbound", |dir, address| {
        let d = dir.display();
        let (ip, port) = (address.ip(), address.port());
        let (up, up_port): (IpAddr, u16) = (upstream.ip(), upstream.port());
        // Nothing is asked but what a client asked, so that questions can be counted.
        let config = format!(
            "server:\n  directory: \"{d}\"\n  chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n  verbosity: 1\n  \
             interface: {ip}@{port}\n  access-control: 127.0.0.0/8 allow\n  num-threads: 1\n  do-ip6: no\n  do-not-query-localhost: no\n  \
             module-config: \"subnetcache iterator\"\n  send-client-subnet: {up}\n  client-subnet-always-forward: yes\n  \
             max-client-subnet-ipv4: 24\n  max-client-subnet-ipv6: 56\n  qname-minimisation: no\n  prefetch: no\n  use-caps-for-id: no\n  \
             target-fetch-policy: \"0 0 0 0 0\"\n  minimal-responses: yes\n  rrset-roundrobin: no\n  local-zone: \"test.\" nodefault\n\
             remote-control:\n  control-enable: no\nstub-zone:\n  name: \"{ZONE}\"\n  stub-addr: {up}@{up_port}\n"
        );
        fs::write(dir.join("unbound.conf"), config).expect("a configuration is written");
        vec!["-d".into(), "-c".into(), format!("{d}/unbound.conf")]
    });
    server.awaited(&Question { flags: wire::RD, ..Question::of(name(ZONE), SOA) })
}
