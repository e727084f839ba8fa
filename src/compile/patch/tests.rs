//! Patched zones beside zones compiled anew.

use super::*;
use crate::compile::zone::Compiled;
use crate::dns::master::Loader;
use crate::dns::name::Name;
use crate::snapshot::zone::{Found, Node};
use std::collections::BTreeMap;
use std::fmt::Write;

struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("no files here".into())
    }
}

const SOUND: &str = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";

/// A zone's text and the hostnames in it, by number.
struct World {
    text: String,
    hostnames: BTreeMap<usize, Steered>,
}

impl World {
    fn new(lines: &str) -> Self {
        Self { text: format!("{SOUND}{lines}"), hostnames: BTreeMap::new() }
    }

    fn compile(&self) -> Compiled {
        let steered: Vec<Steered> = self.hostnames.values().cloned().collect();
        crate::compile::zone::zone(&Name::parse("x.test").unwrap(), "z", self.text.clone().into(), &mut NoFiles, &steered)
    }

    fn zone(&self) -> Zone {
        let compiled = self.compile();
        compiled.zone.unwrap_or_else(|| panic!("{:?}", compiled.problems))
    }

    /// The same hostnames as a zone that was compiled numbers them.
    fn renumber(&mut self) {
        self.hostnames = std::mem::take(&mut self.hostnames).into_values().enumerate().collect();
    }
}

fn steered(name: &str, http: Option<&[&str]>, https: Option<u16>) -> Steered {
    let panels = http.map(|panels| panels.iter().map(|panel| (*panel).to_owned()).collect());
    Steered { name: Name::parse(name).unwrap(), http: panels, https, file: "fleet.toml".into(), line: 9 }
}

fn plain(name: &str) -> Steered {
    steered(name, None, None)
}

fn add(number: usize, after: &Steered) -> Edit<'_> {
    Edit { number, before: None, after: Some(after) }
}

fn remove(number: usize, before: &Steered) -> Edit<'_> {
    Edit { number, before: Some(before), after: None }
}

#[track_caller]
fn zone_of(patched: Patched) -> Zone {
    match patched {
        Patched::Zone(zone) => zone,
        other => panic!("{other:?}"),
    }
}

/// What a node is and has; the hostname by its name, for numbers differ.
fn shown(node: Node<'_>, names: &[(usize, String)]) -> String {
    let steered = node.steered().map(|(number, part)| (names.iter().find(|(n, _)| *n == number).map(|(_, name)| name), part));
    let mut text = format!("{} {:08b} {steered:?}", node.name().escape_ascii(), node.flags());
    for set in node.sets() {
        let _ = write!(text, " {} {} {}", set.rtype, set.count, set.body.escape_ascii());
    }
    text
}

/// All that look-ups tell of both zones, at every name, above it and below it.
fn assert_same(patched: &Zone, compiled: &Zone, hostnames: &BTreeMap<usize, Steered>, more: &[Name]) {
    let own: Vec<(usize, String)> = hostnames.iter().map(|(n, hostname)| (*n, hostname.name.to_string())).collect();
    let counted: Vec<(usize, String)> = own.iter().map(|(_, name)| name.clone()).enumerate().collect();
    assert_eq!((patched.nodes(), patched.records()), (compiled.nodes(), compiled.records()));
    let all = |zone: &Zone, names: &[(usize, String)]| {
        let mut all: Vec<String> = zone.each().map(|node| shown(node, names)).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(all(patched, &own), all(compiled, &counted));
    let mut asked: Vec<Name> = more.to_vec();
    for node in compiled.each() {
        let name = Name::from_wire(&[node.name(), compiled.apex()].concat()).unwrap();
        for before in ["", "n.", "*.", "a.", "n.n.", "_tcp.", "_http._tcp."] {
            asked.extend(Name::parse(&format!("{before}{name}")));
        }
    }
    for name in asked {
        let path = Path::read(name.wire()).unwrap();
        let found = |zone: &Zone, names: &[(usize, String)]| {
            let (kind, node, depth) = match zone.find(&path) {
                Found::Node(node) => ('=', node, 0),
                Found::Covered(node, depth) => ('c', node, depth),
                Found::Missing(node, depth) => ('-', node, depth),
            };
            (
                kind,
                shown(node, names),
                depth,
                zone.host(&path).map(|node| shown(node, names)),
                zone.wildcard(node, &path, depth.max(2)).is_some(),
            )
        };
        assert_eq!(found(patched, &own), found(compiled, &counted), "{name}");
    }
}

/// Looks random and is the same for one seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % end as u64) as usize
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    /// Relative to the apex; few enough that they meet.
    fn name(&mut self) -> String {
        let mut labels = Vec::new();
        for _ in 0..=self.below(3) {
            labels.push(self.pick(&["a", "b", "c", "d", "e", "f", "g", "ns", "p", "*", "_tcp", "_https"]));
        }
        labels.join(".")
    }

    fn line(&mut self, servers: bool) -> String {
        let name = self.name();
        let other = self.name();
        match self.below(if servers { 12 } else { 9 }) {
            0 | 1 => format!("{name} A 192.0.2.7"),
            2 => format!("{name} TXT a"),
            3 => format!("{name} AAAA ::1"),
            4 => format!("{name} CNAME {other}"),
            5 => format!("{name} DNAME {other}"),
            6 => format!("_http._tcp.{name} SRV 1 1 1 {other}"),
            7 => format!("{}{name} HTTPS 1 .", self.pick(&["", "_443._https."])),
            8 => format!("{name} NS ns.elsewhere."),
            9 => format!("{name} NS {other}"),
            10 => format!("{name} NS ns.{name}\nns.{name} A 192.0.2.8"),
            _ => format!("@ NS {other}"),
        }
    }

    fn hostname(&mut self) -> Steered {
        let name = match self.below(40) {
            0 => "x.test".to_owned(),
            1 => "a.y.test".to_owned(),
            2 => "test".to_owned(),
            _ => self.name() + ".x.test",
        };
        let panels = [self.pick(&["p", "Q", "a"]), self.pick(&["r", "r.b", "p.a", "c.ns"])];
        let http = self.one_in(3).then_some(&panels[..]);
        let https = self.one_in(3).then(|| [443, 8443][self.below(2)]);
        steered(&name, http, https)
    }
}

/// Names that two hostnames take are the fleet's to refuse.
fn is_free(hostname: &Steered, others: &BTreeMap<usize, Steered>) -> bool {
    let names = |hostname: &Steered| whole(hostname).unwrap().into_iter().map(|(path, _)| path.wire().to_vec()).collect::<Vec<_>>();
    let own = names(hostname);
    others.values().all(|other| names(other).iter().all(|name| !own.contains(name)))
}

#[derive(Default, Debug)]
struct Came {
    zones: usize,
    refusals: usize,
    anew: usize,
}

/// One zone through many edits.
fn follow(seed: u64, steps: usize, came: &mut Came) {
    let mut random = Random(seed);
    let servers = random.one_in(2);
    let mut lines = String::new();
    for _ in 0..random.below(14) {
        let _ = writeln!(lines, "{}", random.line(servers));
    }
    let mut world = World::new(&lines);
    let Compiled { zone: Some(mut zone), mut problems, .. } = world.compile() else { return };
    let mut next = 0;
    for step in 0..steps {
        let mut after = World { text: world.text.clone(), hostnames: world.hostnames.clone() };
        let mut changed: BTreeMap<usize, (Option<Steered>, Option<Steered>)> = BTreeMap::new();
        for _ in 0..=random.below(4) {
            let numbers: Vec<usize> = after.hostnames.keys().copied().filter(|number| !changed.contains_key(number)).collect();
            let goes = (!numbers.is_empty() && random.one_in(2)).then(|| numbers[random.below(numbers.len())]);
            let comes = (goes.is_none() || random.one_in(3)).then(|| random.hostname());
            let before = goes.map(|number| after.hostnames.remove(&number).unwrap());
            let comes = comes.map(|mut hostname| {
                if let Some(before) = before.as_ref().filter(|_| random.one_in(2)) {
                    hostname.name = before.name.clone();
                }
                hostname
            });
            if comes.as_ref().is_some_and(|hostname| !is_free(hostname, &after.hostnames)) {
                if let (Some(number), Some(before)) = (goes, before) {
                    after.hostnames.insert(number, before);
                }
                continue;
            }
            let number = goes.unwrap_or_else(|| {
                next += 1 + random.below(2);
                next
            });
            if let Some(hostname) = &comes {
                after.hostnames.insert(number, hostname.clone());
            }
            changed.insert(number, (before, comes));
        }
        let mut edits: Vec<Edit<'_>> = changed
            .iter()
            .map(|(number, (before, after))| Edit { number: *number, before: before.as_ref(), after: after.as_ref() })
            .collect();
        if random.one_in(2) {
            edits.reverse();
        }
        let told = |what: &str| format!("seed {seed}, step {step}: {what}\n{}\n{edits:#?}", world.text);
        let compiled = after.compile();
        let errors: Vec<&Problem> = compiled.problems.iter().filter(|problem| problem.is_error()).collect();
        match patch(&zone, &edits) {
            Patched::Refused(refused) => {
                came.refusals += 1;
                assert_eq!(refused.iter().collect::<Vec<_>>(), errors, "{}", told("refused"));
            }
            Patched::Anew => {
                came.anew += 1;
                assert!(servers, "{}", told("there was no need to compile it anew"));
                if errors.is_empty() {
                    (zone, problems, world) = (compiled.zone.unwrap(), compiled.problems, after);
                    world.renumber();
                    next = world.hostnames.len();
                }
            }
            Patched::Zone(patched) => {
                came.zones += 1;
                assert!(errors.is_empty(), "{}", told(&format!("not refused: {errors:?}")));
                assert_eq!(compiled.problems, problems, "{}", told("warnings"));
                let more: Vec<Name> = (0..20).map(|_| Name::parse(&format!("{}.x.test", random.name())).unwrap()).collect();
                let anew = compiled.zone.unwrap();
                let same = std::panic::catch_unwind(|| assert_same(&patched, &anew, &after.hostnames, &more));
                assert!(same.is_ok(), "{}", told("differs"));
                (zone, world) = (patched, after);
            }
        }
    }
}

#[test]
fn a_patched_zone_is_the_one_that_would_be_compiled() {
    let mut came = Came::default();
    for seed in 0..300 {
        follow(seed, 20, &mut came);
    }
    assert!(came.zones > 2000 && came.refusals > 500 && came.anew > 20, "{came:?}");
}

#[test]
fn a_thousand_hostnames_come_and_go_one_by_one_and_at_once() {
    let mut world = World::new("");
    let first = world.zone();
    let mut zone = world.zone();
    // Of some the name is above another's.
    let hostnames: Vec<Steered> = (0..1000)
        .map(|n| steered(&format!("h{n}.e{}.x.test", n % 7), (n % 3 == 0).then_some(&["p"]), (n % 5 == 0).then_some(443)))
        .collect();
    for (n, hostname) in hostnames.iter().enumerate() {
        zone = zone_of(patch(&zone, &[add(n, hostname)]));
        world.hostnames.insert(n, hostname.clone());
    }
    let edits: Vec<Edit<'_>> = hostnames.iter().enumerate().map(|(n, hostname)| add(n, hostname)).collect();
    let at_once = zone_of(patch(&first, &edits));
    let anew = world.zone();
    for patched in [&zone, &at_once] {
        assert_same(patched, &anew, &world.hostnames, &[]);
        assert_eq!(patched.memory(), anew.memory(), "a table of the same size, and no dead bytes");
    }
    let mut rest = zone_of(patch(&zone, &[remove(0, &hostnames[0])]));
    for (n, hostname) in hostnames.iter().enumerate().skip(1) {
        rest = zone_of(patch(&rest, &[remove(n, hostname)]));
        if n % 250 == 0 {
            world.hostnames.retain(|number, _| *number > n);
            assert_same(&rest, &world.zone(), &world.hostnames, &[]);
        }
    }
    let edits: Vec<Edit<'_>> = hostnames.iter().enumerate().rev().map(|(n, hostname)| remove(n, hostname)).collect();
    let at_once = zone_of(patch(&zone, &edits));
    for patched in [rest, at_once] {
        assert_same(&patched, &first, &BTreeMap::new(), &[]);
        assert_eq!(patched.memory(), anew.memory(), "the dead are still there");
    }
}

#[test]
fn a_zone_of_many_dead_bytes_is_compiled_anew() {
    let (mut zone, hostname) = (World::new("").zone(), steered("live.x.test", Some(&["p"]), Some(443)));
    for n in 0.. {
        let with = zone_of(patch(&zone, &[add(n, &hostname)]));
        match patch(&with, &[remove(n, &hostname)]) {
            Patched::Zone(without) => zone = without,
            Patched::Refused(problems) => panic!("{problems:?}"),
            Patched::Anew => break,
        }
        assert!(zone.memory() < 100_000, "it would grow for ever");
    }
    assert!(zone.memory() > 64 << 10, "for so few nobody compiles a zone");
}

#[test]
fn what_a_patch_cannot_know_is_compiled_anew() {
    let (live, served) = (plain("live.x.test"), steered("live.x.test", Some(&["p"]), None));
    let mut world = World::new("@ NS ns.a.far\nother NS ns.b\n*.b A 192.0.2.9\n");
    world.hostnames.insert(0, live.clone());
    let zone = world.zone();
    let signature = "@ RRSIG SOA 13 2 60 20460101000000 20260101000000 1 x.test. AAAA\n";
    let signed = World::new(signature).zone();
    let (b, above, below) = (plain("ns.b.x.test"), plain("c.far.x.test"), plain("c.ns.a.far.x.test"));
    for (what, zone, edits) in [
        ("a signed zone", &signed, vec![add(0, &live)]),
        ("a hostname that is not there", &zone, vec![remove(0, &plain("dead.x.test"))]),
        ("one that is not in the zone", &zone, vec![remove(0, &plain("live.y.test"))]),
        ("another number", &zone, vec![remove(1, &live)]),
        ("a part of it that is not there", &zone, vec![Edit { number: 0, before: Some(&served), after: Some(&live) }]),
        ("a name that is taken", &zone, vec![add(1, &live)]),
        ("a number too large", &zone, vec![add(1 << 30, &plain("more.x.test"))]),
        ("a name above a server's that had none", &zone, vec![add(1, &above)]),
        ("a name below a server's that had none", &zone, vec![add(1, &below)]),
    ] {
        assert!(matches!(patch(zone, &edits), Patched::Anew), "{what}");
    }
    let Patched::Refused(problems) = patch(&zone, &[add(1, &b)]) else { panic!("a name server") };
    assert!(problems[0].what.contains("is a name server"), "{problems:?}");
}

#[test]
fn one_refusal_refuses_all() {
    let world = World::new("taken A 192.0.2.9\n");
    let zone = world.zone();
    let (good, bad, worse) = (plain("live.x.test"), plain("taken.x.test"), plain("ns.x.test"));
    let Patched::Refused(problems) = patch(&zone, &[add(7, &worse), add(2, &good), add(3, &bad)]) else { panic!("nobody refused") };
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(shown[0].starts_with("fleet.toml:9: hostname taken.x.test.: has a static A record"), "by number: {shown:?}");
    assert!(shown[1].contains("is a name server"), "{shown:?}");
}

#[test]
fn a_record_set_that_is_put_into_a_zone_is_as_if_it_were_compiled_with_it() {
    let mut random = Random(7);
    let (mut edited, mut unfit) = (0, 0);
    for _ in 0..60 {
        // By name and type, in the order of the text.
        let mut sets: BTreeMap<(String, &str), Vec<String>> = BTreeMap::new();
        let live = [plain("live.x.test"), steered("svc.x.test", Some(&["p1"]), Some(443))];
        let text = |sets: &BTreeMap<(String, &str), Vec<String>>| {
            sets.iter()
                .flat_map(|((name, rtype), data)| data.iter().map(move |data| format!("{name} 60 {rtype} {data}\n")))
                .collect::<String>()
        };
        let mut world = World { text: format!("{SOUND}c CNAME ns\ncut NS ns.cut\nns.cut A 192.0.2.1\n"), hostnames: BTreeMap::new() };
        world.hostnames = live.iter().cloned().enumerate().collect();
        let fixed = world.text.clone();
        let mut zone = world.zone();
        for _ in 0..40 {
            let labels = ["a", "b", "*", "live", "svc", "p1", "ns", "c", "cut", "d"];
            let depth = 1 + random.below(3);
            let mut name: Vec<&str> = (0..depth).map(|_| random.pick(&labels)).collect();
            name.iter_mut().skip(1).filter(|label| **label == "*").for_each(|label| *label = "e");
            let name = name.join(".");
            let (rtype, data) = match random.below(4) {
                0 => ("A", "192.0.2.9"),
                1 => ("AAAA", "2001:db8::9"),
                2 => ("MX", "19 ns"),
                _ => ("TXT", "\"t9\""),
            };
            let before = sets.clone();
            let data: Vec<String> =
                if random.one_in(3) { vec![] } else { (0..=random.below(2)).map(|n| data.replace('9', &(n + 2).to_string())).collect() };
            match data.is_empty() {
                true => sets.remove(&(name.clone(), rtype)),
                false => sets.insert((name.clone(), rtype), data.clone()),
            };
            world.text = format!("{fixed}{}", text(&sets));
            let compiled = world.compile();
            let Some(compiled) = compiled.zone.filter(|_| !compiled.problems.iter().any(Problem::is_error)) else {
                sets = before;
                world.text = format!("{fixed}{}", text(&sets));
                // What is not sound is not made by an edit either, or it is left to the compiler.
                continue;
            };
            let apex = Name::parse("x.test").unwrap();
            let owner = Name::parse(&format!("{name}.x.test")).unwrap();
            let kind = crate::dns::rtype::Type::from_mnemonic(rtype.as_bytes()).unwrap();
            let wire: Vec<Vec<u8>> = data.iter().map(|data| crate::dns::master::read_data(kind, data.as_bytes(), &apex).unwrap()).collect();
            let records: Vec<(u32, &[u8])> = wire.iter().map(|data| (60, data.as_slice())).collect();
            let mut editor = Editor::new(&zone, 0).unwrap();
            let done = editor.put(&Path::read(owner.wire()).unwrap(), kind, &records).and_then(|()| editor.finish());
            zone = match done {
                Ok(zone) => {
                    edited += 1;
                    assert_same(&zone, &compiled, &world.hostnames, &[owner]);
                    zone
                }
                Err(_) => {
                    unfit += 1;
                    compiled
                }
            };
        }
    }
    assert!(edited > 800 && unfit > 50, "{edited} edited, {unfit} left to the compiler");
}
