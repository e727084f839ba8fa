//! Master files read by BIND, NSD and Knot, and by us: the wire must be the same.
//!
//! BIND gives its wire as a raw zone file, NSD and Knot by AXFR; our own reader takes no part in what the peers say.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use meridian::dns::master::{self, Loader};
use meridian::dns::name::{Name, wire_len};
use meridian::dns::rdata::{self, Shape};
use meridian::dns::rtype::Type;
use meridian::dns::sheet::Sheet;

/// How long a peer may take to start or to answer; it takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(30);
const ZONE: &str = "ex.test";
const APEX: &str = "@ 300 IN SOA ns host 1 1H 15m 2w1d 1d\n@ 300 NS ns\nns 300 A 192.0.2.1\n";

/// Owner in lower case and type; then TTL and data of each record, sorted.
type Zone = BTreeMap<(Vec<u8>, u16), Vec<(u32, Vec<u8>)>>;

#[test]
fn bind_makes_the_same_of_every_spelling() {
    compare_spellings('B', bind);
}

#[test]
fn nsd_makes_the_same_of_every_spelling() {
    compare_spellings('N', nsd);
}

#[test]
fn knot_makes_the_same_of_every_spelling() {
    compare_spellings('K', knot);
}

/// Directives, `$GENERATE` and included files as BIND reads them; NSD and Knot lack some of these.
#[test]
fn bind_makes_the_same_of_every_directive() {
    let text = std::fs::read_to_string(folder().join("directives.zone")).unwrap();
    same_zones("BIND", &bind(&text), &ours(&text));
}

#[test]
fn all_peers_make_the_same_of_everyday_syntax() {
    let text = std::fs::read_to_string(folder().join("everyday.zone")).unwrap();
    for (who, peer) in [("BIND", bind as fn(&str) -> Zone), ("NSD", nsd), ("Knot", knot)] {
        same_zones(who, &peer(&text), &ours(&text));
    }
}

/// What a sheet writes is the same to the peers as what it was read from.
#[test]
fn all_peers_make_the_same_of_every_spelling_we_write() {
    // All three are older than this parameter's name (RFC 9540) and know its number; so Knot is with the path of DoH (RFC 9461).
    let written = |text: &str| written(ZONE, text).replace(" ohttp", " key8");
    compare_spellings('B', |text| bind(&written(text)));
    compare_spellings('N', |text| nsd(&written(text)));
    compare_spellings('K', |text| knot(&written(text).replace(" dohpath", " key7")));
}

#[test]
fn bind_makes_the_same_of_every_zone_and_of_what_we_write_of_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = vec![folder().join("directives.zone"), folder().join("everyday.zone")];
    for zones in ["zones", "tests/zones/main", "tests/zones/plain", "tests/zones/root", "tests/zones/signed"] {
        files.extend(std::fs::read_dir(root.join(zones)).unwrap().map(|entry| entry.unwrap().path()));
    }
    let mut count = 0;
    for file in files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "zone")) {
        let zone = match file.file_stem().and_then(|stem| stem.to_str()).unwrap() {
            "directives" | "everyday" => ZONE,
            "root" => ".",
            stem => stem,
        };
        let text = std::fs::read_to_string(&file).unwrap();
        same_zones(&format!("{}: BIND", file.display()), &bind_zone(zone, &text), &bind_zone(zone, &written(zone, &text)));
        count += 1;
    }
    assert!(count >= 35, "{count} zones");
}

/// Whatever all three peers know by mnemonic must be known here: the list of spellings covers all such types.
#[test]
fn every_mnemonic_of_all_peers_is_read() {
    let types = |mark: fn(&str) -> bool| -> std::collections::BTreeSet<Type> {
        let read = spellings().into_iter().filter(|(marks, _)| mark(marks));
        read.map(|(_, text)| Type::from_mnemonic(text.split(' ').next().unwrap().as_bytes()).unwrap()).collect()
    };
    let by_all = types(|marks| marks == "BNK");
    let by_any = types(|_| true);
    assert!(by_all.len() >= 47, "{} types are read by all peers: {by_all:?}", by_all.len());
    assert!(by_any.len() >= 70, "{} types are read by someone: {by_any:?}", by_any.len());
    let (text, _) = zone_of(|_| true);
    let zone = ours(&text);
    for rtype in by_any {
        assert!(zone.keys().any(|(_, number)| *number == rtype.0), "{rtype}");
    }
}

fn compare_spellings(mark: char, peer: impl Fn(&str) -> Zone) {
    let (text, lines) = zone_of(|marks| marks.contains(mark));
    let (theirs, ours) = (peer(&text), ours(&text));
    let mut differences = Vec::new();
    for (key, line) in &lines {
        let (theirs, ours) = (theirs.get(key).map(|all| &all[0].1), ours.get(key).map(|all| &all[0].1));
        if theirs != ours {
            differences.push(format!("{line}\n  theirs {}\n  ours   {}", hex(theirs), hex(ours)));
        }
    }
    assert!(differences.is_empty(), "{} of {} spellings differ:\n{}", differences.len(), lines.len(), differences.join("\n"));
    // TTLs are for the other tests: Knot gives an RRSIG the TTL it covers.
    assert!(theirs.keys().eq(ours.keys()), "{mark} has other owners or types");
}

fn hex(data: Option<&Vec<u8>>) -> String {
    data.map_or("not there".into(), |data| data.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn same_zones(who: &str, theirs: &Zone, ours: &Zone) {
    let show = |zone: &Zone, other: &Zone| -> Vec<String> {
        let own = zone.iter().filter(|(key, records)| other.get(*key) != Some(*records));
        own.flat_map(|((owner, rtype), records)| {
            let owner = Name::from_wire(owner).unwrap();
            records.iter().map(move |(ttl, data)| format!("{owner} {ttl} {} {}", Type(*rtype), rdata::show(Type(*rtype), data)))
        })
        .collect()
    };
    assert!(theirs == ours, "{who} only: {:#?}\nours only: {:#?}", show(theirs, ours), show(ours, theirs));
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/master")
}

fn spellings() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(folder().join("spellings.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').map(|(marks, text)| (marks.into(), text.into())).unwrap()).collect()
}

/// A zone with an owner for each spelling that is wanted, and what stands at which owner.
type Lines = BTreeMap<(Vec<u8>, u16), String>;
fn zone_of(wanted: impl Fn(&str) -> bool) -> (String, Lines) {
    let (mut text, mut lines) = (String::from(APEX), Lines::new());
    for (number, (marks, line)) in spellings().into_iter().enumerate() {
        if wanted(&marks) {
            let rtype = Type::from_mnemonic(line.split(' ').next().unwrap().as_bytes()).unwrap();
            text.push_str(&format!("c{number:03} 300 IN {line}\n"));
            lines.insert((Name::parse(&format!("c{number:03}.{ZONE}")).unwrap().wire().to_vec(), rtype.0), line);
        }
    }
    (text, lines)
}

struct Folder;

impl Loader for Folder {
    fn load(&mut self, path: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        std::fs::read(folder().join(path)).map(|text| (path.into(), text)).map_err(|why| why.to_string())
    }
}

fn ours(text: &str) -> Zone {
    let mut zone = Zone::new();
    let reading = master::read("zone", text.as_bytes(), &Name::parse(ZONE).unwrap(), &mut Folder, &mut |record| {
        add(&mut zone, record.owner, record.rtype.0, record.ttl, record.rdata.into());
    });
    let errors: Vec<String> = reading.problems.iter().filter(|problem| problem.is_error()).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    zone
}

/// As a sheet writes it.
fn written(zone: &str, text: &str) -> String {
    let (sheet, problems) = Sheet::read(&Name::parse(zone).unwrap(), "zone", text.as_bytes(), &mut Folder);
    sheet.unwrap_or_else(|| panic!("{zone}: {problems:#?}")).text()
}

/// Case in names of the data is nobody's promise: Knot lowers it. All are compared in canonical form.
fn add(zone: &mut Zone, owner: &[u8], rtype: u16, ttl: u32, mut data: Vec<u8>) {
    rdata::to_canonical(Type(rtype), &mut data);
    let records = zone.entry((owner.to_ascii_lowercase(), rtype)).or_default();
    records.push((ttl, data));
    records.sort();
    records.dedup();
}

/// A place for a peer's files, and its process if it has one; both go with it.
struct Peer {
    at: PathBuf,
    child: Option<Child>,
}

impl Peer {
    fn new(name: &str) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&at).unwrap();
        Self { at, child: None }
    }

    fn path(&self, name: &str) -> String {
        self.at.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.at.join(name), text).unwrap();
        self.path(name)
    }

    /// Starts a server and waits until it says that it has started.
    fn start(&mut self, program: &str, package: &str, arguments: &[&str], started: &str) {
        let mut child = spawn(Command::new(program).args(arguments).stderr(Stdio::piped()).stdout(Stdio::null()), program, package);
        let stderr = child.stderr.take().unwrap();
        self.child = Some(child);
        let (lines, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Once nobody listens, the pipe is only kept empty.
                let _ = lines.send(line);
            }
        });
        let mut log = Vec::new();
        while let Ok(line) = said.recv_timeout(PATIENCE) {
            let done = line.contains(started);
            log.push(line);
            if done {
                return;
            }
        }
        panic!("{program} did not start: {log:#?}");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // SIGTERM, so that NSD takes its own children with it.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.at);
    }
}

fn spawn(command: &mut Command, program: &str, package: &str) -> Child {
    match command.spawn() {
        Ok(child) => child,
        Err(why) if why.kind() == ErrorKind::NotFound => panic!("{program} is not installed; this test needs the Debian package {package}"),
        Err(why) => panic!("{program}: {why}"),
    }
}

fn bind(text: &str) -> Zone {
    bind_zone(ZONE, text)
}

fn bind_zone(name: &str, text: &str) -> Zone {
    let program = "/usr/bin/named-compilezone";
    let peer = Peer::new("bind");
    let (zone, raw) = (peer.write("zone", text), peer.path("raw"));
    let lenient =
        ["-i", "none", "-k", "ignore", "-n", "ignore", "-m", "ignore", "-M", "ignore", "-S", "ignore", "-T", "ignore", "-W", "ignore"];
    let mut command = Command::new(program);
    command.args(lenient).args(["-f", "text", "-F", "raw", "-o", &raw, name, &zone]).current_dir(folder());
    let output = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()), program, "bind9-utils").wait_with_output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let raw = std::fs::read(raw).unwrap();
    // BIND's lib/dns/masterdump.c: six words of header, then sets of records, each led by its length.
    assert_eq!(raw[..8], [0, 0, 0, 2, 0, 0, 0, 1], "the raw format has changed");
    let (mut found, mut rest) = (Zone::new(), &raw[24..]);
    while !rest.is_empty() {
        let (mut set, after) = rest.split_at(u32_at(rest, 0) as usize);
        rest = after;
        let (rtype, ttl, count, owner_len) = (u16_at(set, 6), u32_at(set, 10), u32_at(set, 14), usize::from(u16_at(set, 18)));
        let owner = &set[20..20 + owner_len];
        set = &set[20 + owner_len..];
        for _ in 0..count {
            let (data, after) = set[2..].split_at(u16_at(set, 0).into());
            add(&mut found, owner, rtype, ttl, data.into());
            set = after;
        }
    }
    found
}

fn nsd(text: &str) -> Zone {
    let mut peer = Peer::new("nsd");
    let (zone, port) = (peer.write("zone", text), free_port());
    let [pid, state, list, cookies, folder] = ["pid", "state", "list", "cookies", "."].map(|name| peer.path(name));
    let config = format!(
        "server:\n ip-address: 127.0.0.1@{port}\n server-count: 1\n zonesdir: \"{folder}\"\n database: \"\"\n pidfile: \"{pid}\"\n \
         xfrdfile: \"{state}\"\n zonelistfile: \"{list}\"\n cookie-secret-file: \"{cookies}\"\n username: \"\"\n chroot: \"\"\n xfrdir: \"{folder}\"\n\
         remote-control:\n control-enable: no\nzone:\n name: {ZONE}\n zonefile: \"{zone}\"\n provide-xfr: 127.0.0.1 NOKEY\n"
    );
    let config = peer.write("nsd.conf", &config);
    peer.start("/usr/sbin/nsd", "nsd", &["-d", "-c", &config], "nsd started");
    transfer(port)
}

fn knot(text: &str) -> Zone {
    let mut peer = Peer::new("knot");
    let (zone, port) = (peer.write("zone", text), free_port());
    let folder = peer.path(".");
    let config = format!(
        "server:\n  rundir: \"{folder}\"\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n\
         database:\n  storage: \"{folder}\"\nacl:\n  - id: here\n    address: 127.0.0.1\n    action: transfer\n\
         zone:\n  - domain: {ZONE}\n    file: \"{zone}\"\n    acl: here\n    semantic-checks: off\n\
         log:\n  - target: stderr\n    any: info\n"
    );
    let config = peer.write("knot.conf", &config);
    peer.start("/usr/sbin/knotd", "knot", &["-c", &config], "server started");
    transfer(port)
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn transfer(port: u16) -> Zone {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = Name::parse(ZONE).unwrap();
    let mut query = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    query.extend_from_slice(name.wire());
    query.extend_from_slice(&[0, 252, 0, 1]);
    stream.write_all(&(query.len() as u16).to_be_bytes()).unwrap();
    stream.write_all(&query).unwrap();
    let (mut zone, mut soas) = (Zone::new(), 0);
    while soas < 2 {
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut message = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut message).unwrap();
        assert_eq!(message[3] & 15, 0, "the peer refused the transfer: did it refuse the zone?");
        let mut at = 12;
        for _ in 0..u16_at(&message, 4) {
            expand(&message, &mut at, &mut Vec::new());
            at += 4;
        }
        for _ in 0..u16_at(&message, 6) {
            let mut owner = Vec::new();
            expand(&message, &mut at, &mut owner);
            let (rtype, ttl, len) = (u16_at(&message, at), u32_at(&message, at + 4), usize::from(u16_at(&message, at + 8)));
            at += 10;
            soas += u32::from(rtype == Type::SOA.0);
            add(&mut zone, &owner, rtype, ttl, uncompressed(&message, rtype, at, len));
            at += len;
        }
    }
    zone
}

fn uncompressed(message: &[u8], rtype: u16, at: usize, len: usize) -> Vec<u8> {
    let Shape::Names { skip, count, compress: true } = rdata::names(Type(rtype)) else { return message[at..at + len].to_vec() };
    let mut from = at + usize::from(skip);
    let mut data = message[at..from].to_vec();
    for _ in 0..count {
        expand(message, &mut from, &mut data);
    }
    data.extend_from_slice(&message[from..at + len]);
    data
}

/// A possibly compressed name at `at`, which is moved behind it.
fn expand(message: &[u8], at: &mut usize, out: &mut Vec<u8>) {
    let (start, mut from, mut jumped) = (out.len(), *at, false);
    loop {
        let len = usize::from(message[from]);
        if len >= 0xc0 {
            if !jumped {
                *at = from + 2;
            }
            jumped = true;
            from = usize::from(u16_at(message, from) & 0x3fff);
            continue;
        }
        out.extend_from_slice(&message[from..from + len + 1]);
        from += len + 1;
        if len == 0 {
            break;
        }
    }
    if !jumped {
        *at = from;
    }
    assert_eq!(wire_len(&out[start..]), Some(out.len() - start));
}
