//! `meridian explain` from outside: what it prints, and its exit status.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("explain-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let place = Self(path);
        // Without databases nothing takes long.
        place.write(
            "meridian.toml",
            "[node]\nname = \"n\"\n[geoip]\ndatabases = []\noverrides = [{ network = \"192.0.2.0/24\", country = \"DE\" }]\n",
        );
        place.write(
            "fleet.toml",
            "[[panel]]\nname = \"p1\"\nat = [50.0, 8.0]\naddresses = [\"10.0.0.1\"]\n[[set]]\nname = \"s\"\npanels = [\"p1\"]\n\
             [[hostname]]\nname = \"live.z.example\"\nset = \"s\"\n[[zone]]\nname = \"z.example\"\nfile = \"z.zone\"\n\
             [[zone]]\nname = \"y.example\"\nfile = \"none.zone\"\n",
        );
        place.write("z.zone", "$ORIGIN z.example.\n$TTL 60\n@ SOA ns1 host 1 1 1 1 1\n@ NS ns1\nns1 A 192.0.2.1\n");
        place
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    /// Its exit status, what it printed, and what it complained of.
    fn explain(&self, arguments: &str) -> (i32, String, String) {
        told(run(&self.0, &format!("{arguments} --config meridian.toml")))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(directory: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
    command.current_dir(directory).arg("explain").args(arguments.split_whitespace()).output().unwrap()
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn shipped(arguments: &str) -> (i32, String, String) {
    told(run(Path::new(env!("CARGO_MANIFEST_DIR")), arguments))
}

#[test]
fn the_shipped_fleet_is_explained_as_the_readme_shows() {
    let (status, text, problems) = shipped("live.panels.example --client 81.2.69.142 --files");
    assert_eq!((status, &*problems), (0, ""));
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let indented: String = text.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") }).collect();
    assert!(readme.contains(&indented), "README.md does not show\n{indented}");
    assert!(text.lines().count() <= 25);
}

#[test]
fn the_keys_of_the_json_stay() {
    let (status, text, _) = shipped("live.panels.example --client 81.2.69.142 --files --json");
    assert_eq!(status, 0);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys = |value: &serde_json::Value| {
        let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys.join(" ")
    };
    assert_eq!(keys(&json), "answer answered client generation name panel panels records resolver scope status steps ttl type");
    assert_eq!(keys(&json["records"][0]), "data name ttl type");
    let steps = json["steps"].as_array().unwrap();
    let steps: BTreeMap<&str, String> = steps.iter().map(|step| (step["step"].as_str().unwrap(), keys(step))).collect();
    let golden = BTreeMap::from([
        ("client", "believed by network resolver step text"),
        ("hostname", "hostname step text zone"),
        ("place", "asn continents country known latitude longitude source step subdivision text"),
        ("region", "region step text"),
        ("scope", "network scope step text"),
        ("set", "answers fence set spread_km steer step sticky text"),
        ("tier", "keeps panels slot state step text tier"),
        ("ttl", "step text ttl"),
    ]);
    assert_eq!(steps, golden.into_iter().map(|(step, keys)| (step, keys.to_owned())).collect());
    let first = json["steps"].as_array().unwrap().iter().find(|step| step["step"] == "tier").unwrap();
    assert_eq!(keys(&first["panels"][0]), "chosen distance_km out panel region state text tier turn weight");
    assert_eq!(
        (&json["answer"], &json["panel"], &json["ttl"], &json["scope"]),
        (&["127.0.1.2"].into(), &"ams1".into(), &60.into(), &18.into())
    );
}

#[test]
fn the_exit_status_says_whether_there_is_an_answer() {
    let place = Place::new("status");
    for (arguments, status, start) in [
        ("live.z.example --client 192.0.2.7", 0, "live.z.example A for 192.0.2.7: 10.0.0.1 (p1), TTL 60, scope /24\n"),
        ("LIVE.z.example. --client 192.0.2.0/25", 0, "LIVE.z.example A for 192.0.2.0/25: 10.0.0.1 (p1), TTL 60, scope /24\n"),
        ("live.z.example --resolver 192.0.2.7", 0, "live.z.example A for the resolver 192.0.2.7: 10.0.0.1 (p1), TTL 60\n"),
        ("ns1.z.example --client 2001:db8::1", 0, "ns1.z.example A for 2001:db8::1: 192.0.2.1, TTL 60, scope /0\n"),
        (
            "live.z.example --client 2001:db8::/32 --type aaaa",
            1,
            "live.z.example AAAA for 2001:db8::/32: no answer (NODATA), TTL 1, scope /0\n",
        ),
        ("x.z.example --client 192.0.2.7", 1, "x.z.example A for 192.0.2.7: NXDOMAIN, TTL 1, scope /0\n"),
        ("x.example --client 192.0.2.7", 1, "x.example A for 192.0.2.7: REFUSED, scope /0\n"),
    ] {
        let (got, text, problems) = place.explain(arguments);
        assert!(got == status && text.starts_with(start), "{arguments}: {got}\n{text}");
        assert_eq!(problems, "", "{arguments}: of zones that do not hold the name nothing is read");
    }
}

#[test]
fn what_is_broken_is_named() {
    let place = Place::new("broken");
    let (status, text, problems) = place.explain("www.y.example --client 192.0.2.7");
    assert!(text.starts_with("www.y.example A for 192.0.2.7: SERVFAIL"), "{text}");
    assert_eq!((status, problems.lines().count()), (1, 1), "{problems}");
    assert!(problems.starts_with("none.zone: zone y.example.: "), "{problems}");
    // As a node at its start does: what is sound of the fleet is served.
    place.write("fleet.toml", "[[zone]]\nname = \"z.example\"\nfile = \"z.zone\"\n[[panel]]\nname = \"p\"\naddresses = []\n");
    let (status, text, problems) = place.explain("ns1.z.example --client 192.0.2.7");
    assert!(status == 0 && text.contains("192.0.2.1"), "{text}");
    assert!(problems.starts_with("fleet.toml:6: panel p: addresses: "), "{problems}");
}

#[test]
fn wrong_input_is_said_to_be_so() {
    let place = Place::new("wrong");
    for (arguments, said) in [
        ("live.z.example", "whose answer? Give the client's address or network, such as --client 203.0.113.7"),
        (
            "live..example --client 192.0.2.7",
            "`live..example` is not a name: a name has an empty label (two dots in a row, or a leading dot)",
        ),
        (
            "live.z.example --client 192.0.2",
            "`192.0.2` is not an address; write one such as 203.0.113.7, or a network such as 203.0.113.0/24",
        ),
        ("live.z.example --client 192.0.2.7/24", "`192.0.2.7/24` has bits beyond its prefix; write 192.0.2.0/24"),
        ("live.z.example --client 192.0.2.0/33", "`192.0.2.0/33` is not a network; a prefix of this family is at most 32"),
        ("live.z.example --client ::/0", "::/0 is everybody, so it is the resolver that counts: give its address, --resolver 192.0.2.53"),
        (
            "live.z.example --client 192.0.2.7 --resolver ns1",
            "`ns1` is not an address; give the resolver's address, such as --resolver 192.0.2.53",
        ),
        ("live.z.example --client 192.0.2.7 --type AAA", "`AAA` is not a record type; did you mean `AAAA`?"),
        (
            "live.z.example --client 192.0.2.7 --type AXFR",
            "AXFR is nothing that clients ask for; write A, AAAA, HTTPS, SRV or another type of record",
        ),
    ] {
        assert_eq!(place.explain(arguments), (2, String::new(), format!("meridian: {said}\n")), "{arguments}");
    }
    let (status, _, problems) = place.explain("live.z.example --client 192.0.2.7 --fleet none.toml");
    assert!(status == 2 && problems.starts_with("none.toml: there is no such file"), "{status}: {problems}");
    place.write("meridian.toml", "[node]\nname = 1\n");
    let (status, _, problems) = place.explain("live.z.example --client 192.0.2.7");
    assert!(status == 2 && problems.starts_with("meridian.toml:2: node.name: "), "{status}: {problems}");
}
