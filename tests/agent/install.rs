//! `meridian agent install`, into a directory, judged by systemd's own reader.

use crate::place::Place;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

const UNIT: &str = "image/etc/systemd/system/meridian-agent.service";
const TOKEN: &str = "image/etc/meridian/agent.token";

fn install(place: &Place, more: &[&str]) -> Output {
    let first = ["agent", "install", "--root", "image", "--panel", "fra1", "--to", "https://ns1.example:8443", "--program", "/bin/true"];
    place.run(&[&first[..], more].concat())
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn verify(unit: &PathBuf) {
    let output = Command::new("systemd-analyze").arg("verify").arg(unit).output().expect("systemd-analyze; Debian has it in systemd");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", told(&output));
}

#[test]
fn the_unit_and_the_token_are_written_and_systemd_takes_them() {
    let place = Place::new();
    place.write("t", " mrd_secret\n");
    let arguments =
        ["agent", "install", "--root", "piped", "--panel", "p", "--to", "https://n", "--token-file", "-", "--program", "/bin/true"];
    let mut piped = place.command(&arguments);
    assert!(piped.stdin(fs::File::open(place.path("t")).unwrap()).status().unwrap().success());
    assert_eq!(fs::read_to_string(place.path("piped/etc/meridian/agent.token")).unwrap(), "mrd_secret\n");
    let odd = r#"command=awk '$1 == "x" { n++ } END { print n + 0, "100%" ; }' /tmp/\$HOME ${X} %n"#;
    let output = install(&place, &["--token-file", "t", "--interface", "eth0", "--connections", odd]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("systemctl enable") && !told(&output).contains("mrd_secret"), "{}", told(&output));
    assert_eq!(fs::read_to_string(place.path(TOKEN)).unwrap(), "mrd_secret\n");
    assert_eq!(fs::metadata(place.path(TOKEN)).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(place.path(UNIT)).unwrap();
    let quoted = r#"--connections "command=awk '$$1 == \"x\" { n++ } END { print n + 0, \"100%%\" ; }' /tmp/\\$$HOME $${X} %%n""#;
    assert!(text.contains(quoted) && text.contains("--to https://ns1.example:8443") && text.contains("--interface eth0"), "{text}");
    assert!(!text.contains("mrd_secret"));
    verify(&place.path(UNIT));
    // Again with other words, and the token that is there.
    let output = install(&place, &["--every", "5s", "--user", "root", "--group", "adm"]);
    assert!(output.status.success(), "{}", told(&output));
    let text = fs::read_to_string(place.path(UNIT)).unwrap();
    assert!(text.contains("--every 5s") && text.contains("\nUser=root\n") && !text.contains("DynamicUser"), "{text}");
    assert_eq!(fs::read_to_string(place.path(TOKEN)).unwrap(), "mrd_secret\n");
    verify(&place.path(UNIT));
}

#[test]
fn nothing_is_written_where_something_else_is_or_the_words_cannot_stand() {
    let place = Place::new();
    place.write("t", "mrd_secret");
    let refused = |more: &[&str], exit: i32, expected: &str| {
        let output = install(&place, more);
        let said = told(&output);
        assert!(output.status.code() == Some(exit) && said.contains(expected), "{more:?}: {:?} {said}", output.status.code());
        assert!(!place.path("image").exists() && !said.contains("mrd_secret"), "{said}");
    };
    refused(&[], 2, "--token-file");
    refused(&["--token-file", "none"], 2, "there is no such file");
    refused(&["--token-file", "-"], 2, "stdin holds no token");
    refused(&["--token-file", "t", "--connections", "command=a\nb"], 1, "control character");
    refused(&["--token-file", "t", "--user", "a b"], 1, "may only have letters");
    refused(&["--token-file", "t", "--to", "http://192.0.2.1"], 2, "--insecure-http");
    let hidden =
        ["agent", "install", "--root", "image", "--panel", "p", "--to", "https://n", "--token-file", "t", "--program", "/root/meridian"];
    let output = place.run(&hidden);
    assert!(output.status.code() == Some(2) && told(&output).contains("does not see /root"), "{}", told(&output));
    // A unit of somebody else.
    fs::create_dir_all(place.path(UNIT).parent().unwrap()).unwrap();
    place.write(UNIT, "[Service]\nExecStart=/bin/false\n");
    let output = install(&place, &["--token-file", "t"]);
    assert!(output.status.code() == Some(1) && told(&output).contains("--force"), "{}", told(&output));
    assert!(!place.path(TOKEN).exists() && fs::read_to_string(place.path(UNIT)).unwrap().contains("/bin/false"));
    assert!(install(&place, &["--token-file", "t", "--force"]).status.success());
    verify(&place.path(UNIT));
}

#[test]
fn the_unit_can_be_looked_at_before() {
    let place = Place::new();
    place.write("ca.pem", include_str!("../cli/ca.pem"));
    let output = install(&place, &["--print", "--ca", "ca.pem"]);
    assert!(output.status.success() && !place.path("image").exists(), "{}", told(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("LoadCredential=ca:/etc/meridian/agent-ca.pem") && text.contains("--ca ${CREDENTIALS_DIRECTORY}/ca"), "{text}");
    place.write("meridian-agent.service", &text);
    verify(&place.path("meridian-agent.service"));
}

#[test]
fn the_agent_joins_the_group_of_haproxys_socket() {
    let place = Place::new();
    fs::create_dir_all(place.path("image/etc")).unwrap();
    place.write("image/etc/group", "root:x:0:\nhaproxy:x:117:\n");
    let output = install(&place, &["--print", "--connections", "haproxy=/run/haproxy/admin.sock"]);
    assert!(String::from_utf8(output.stdout).unwrap().contains("\nSupplementaryGroups=haproxy\n"));
    place.write("image/etc/group", "root:x:0:\n");
    let output = install(&place, &["--print", "--connections", "haproxy=/run/haproxy/admin.sock"]);
    assert!(told(&output).contains("may stay closed") && !String::from_utf8(output.stdout).unwrap().contains("SupplementaryGroups"));
}
