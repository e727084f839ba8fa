//! `meridian check` and the other ways to start the program wrongly, as an operator meets them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of its own for one test, gone when it ends.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("check-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.0.join(name), text).unwrap();
        self
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(&self.0, arguments)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_meridian")).current_dir(directory).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

const ZONE: &str = "$ORIGIN z.example.\n$TTL 60\n@ SOA ns1 host 1 1 1 1 1\n@ NS ns1\nns1 A 192.0.2.1\n";

#[test]
fn the_shipped_files_are_sound() {
    let output = run(Path::new(env!("CARGO_MANIFEST_DIR")), &["check"]);
    let text = stdout(&output);
    assert!(text.ends_with("config/meridian.toml, config/fleet.toml and 1 zone are sound\n"), "{text}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn all_problems_of_all_files_come_at_once() {
    let place = Place::new("all");
    place.write(
        "m.toml",
        "[node]\nname = \"a b\"\n[dns]\nlsiten = []\n[geoip]\noverrides = [{ network = \"10.0.0.0/8\", country = \"UK\" }]\n",
    );
    place.write("f.toml", "[[panel]]\nname = \"p\"\naddresses = [\"x\"]\n[[zone]]\nname = \"z.example\"\nfile = \"none.zone\"\n");
    let output = place.run(&["check", "--config", "m.toml", "--fleet", "f.toml"]);
    let text = stdout(&output);
    let starts: Vec<_> = text.lines().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(": ")).collect();
    assert_eq!(
        starts,
        [
            "m.toml:2: node.name",
            "m.toml:4: dns.lsiten",
            "m.toml:6: geoip.overrides number 1",
            "f.toml:3: panel p",
            "none.zone: zone z.example.",
            "5 errors"
        ],
        "{text}"
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stderr.is_empty());
}

#[test]
fn json_says_the_same() {
    let place = Place::new("json");
    place.write("meridian.toml", "[node]\nname = \"n\"\n[geoip]\ndatabases = []\n").write("fleet.toml", "x = 1\n");
    let output = place.run(&["check", "--config", "meridian.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["errors"], 1);
    assert_eq!(json["problems"][0]["file"], "fleet.toml");
    assert_eq!(json["problems"][0]["path"], "x");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn missing_files_are_named() {
    let place = Place::new("missing");
    place.write("z.zone", ZONE);
    place.write("fleet.toml", "[[zone]]\nname = \"z.example\"\nfile = \"z.zone\"\n");
    place.write("meridian.toml", "[node]\nname = \"n\"\n[dns]\ncookie_secrets = \"no.hex\"\n[geoip]\ndatabases = []\n");
    let text = stdout(&place.run(&["check", "--config", "nope.toml"]));
    assert_eq!(text, "nope.toml: there is no such file; name the right one, or create it\n1 error\n");
    let text = stdout(&place.run(&["check", "--config", "meridian.toml"]));
    assert_eq!(text, "no.hex: dns.cookie_secrets: there is no such file; name the right one, or create it\n1 error\n");
    place.write("no.hex", &"ab".repeat(16));
    let text = stdout(&place.run(&["check", "--config", "meridian.toml"]));
    assert_eq!(text, "meridian.toml, fleet.toml and 1 zone are sound\n");
    place.write("meridian.toml", "[node]\nname = \"n\"\n[geoip]\ndatabases = [\"no.mmdb\"]\n");
    let output = place.run(&["check", "--config", "meridian.toml"]);
    assert_eq!(stdout(&output), "no.mmdb: geoip.databases: there is no such file\n1 error\n");
    assert_eq!(output.status.code(), Some(2));
    // Nobody named the shipped one.
    place.write("meridian.toml", "[node]\nname = \"n\"\n");
    let output = place.run(&["check", "--config", "meridian.toml"]);
    assert!(stdout(&output).starts_with("../geoip/city.mmdb: warning: geoip.databases: there is no such file"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn serve_refuses_a_bad_configuration() {
    let place = Place::new("serve");
    place.write("m.toml", "[node]\nname = 1\n");
    let output = place.run(&["serve", "--config", "m.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "m.toml:2: node.name: found 1 where text belongs; put it in quotes\n");
    assert_eq!(place.run(&["serve", "--log-format", "xml"]).status.code(), Some(2));
    assert_eq!(place.run(&["sevre"]).status.code(), Some(2));
    assert_eq!(place.run(&[]).status.code(), Some(2));
}

#[test]
fn the_version_is_told() {
    let output = run(Path::new("."), &["--version"]);
    assert_eq!(stdout(&output), format!("meridian {}\n", env!("CARGO_PKG_VERSION")));
}
