//! What nobody should do to a node, and somebody will.

use crate::peers::wire::A;
use crate::peers::{ask, wire};
use crate::place::{HEAD, Place, until, zones};
use rustix::process::Signal;
use std::fs;
use std::process::{Child, Command, Stdio};

fn pipe(place: &Place, name: &str) {
    assert!(Command::new("mkfifo").arg(place.path(name)).status().unwrap().success());
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    for name in ["meridian.toml", "fleet.toml", "secrets", "z.example.zone"] {
        let place = Place::new();
        place.configure(&[place.dns], "cookie_secrets = \"secrets\"");
        place.write("secrets", "e5e973e5a6b2a43f48e7dc849e37bfcf\n");
        let sound = place.run(&["check"]);
        assert!(sound.status.success(), "{}", String::from_utf8_lossy(&sound.stdout));
        for kind in ["pipe", "directory", "device", "loop"] {
            let _ = fs::remove_file(place.path(name));
            match kind {
                "pipe" => pipe(&place, name),
                "directory" => fs::create_dir(place.path(name)).unwrap(),
                "device" => std::os::unix::fs::symlink("/dev/zero", place.path(name)).unwrap(),
                _ => std::os::unix::fs::symlink(name, place.path(name)).unwrap(),
            }
            let check = place.run(&["check"]);
            let said = String::from_utf8(check.stdout).unwrap();
            assert!(check.status.code() == Some(2) && said.starts_with(&format!("{name}: ")), "{name} {kind}: {said}");
            let (status, said) = place.refused();
            assert!(status == 2 && said.contains(&format!("{name}: ")), "{name} {kind}: {status} {said}");
            let _ = fs::remove_dir(place.path(name));
        }
    }
}

#[test]
fn odd_names_of_files_stay_on_one_line() {
    let place = Place::new();
    place.write("fleet.toml", "[[zone]]\nname = \"z.example\"\nfile = \"a\\nERROR b\\u001b[31m.zone\"\n");
    let said = String::from_utf8(place.run(&["check"]).stdout).unwrap();
    assert!(said.starts_with("a\\nERROR b\\u{1b}[31m.zone: zone z.example.: there is no such file"), "{said}");
}

#[test]
fn a_storm_of_signals_is_weathered() {
    let place = Place::new();
    let mut node = place.start();
    for _ in 0..1000 {
        node.signal(Signal::HUP);
    }
    assert!(node.says("www.z.example", A).contains("192.0.2.7"));
    place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.8\n"));
    node.signal(Signal::HUP);
    node.comes_to_say("www.z.example", A, "192.0.2.8");
    node.hears("serving");
    node.signal(Signal::TERM);
    assert_eq!(node.ended().0, 0);
}

/// The node with no more than so many open files, and without root's leave to have more all the same.
fn with_files(place: &Place, limit: u32) -> Command {
    let plain = "if [ $(id -u) = 0 ]; then set -- setpriv --bounding-set=-sys_resource \"$@\"; fi; exec \"$@\"";
    let mut shell = Command::new("sh");
    let wanted = place.command(&["serve"]);
    shell.arg("-c").arg(format!("ulimit -n {limit}; {plain}")).arg("sh").arg(wanted.get_program()).args(wanted.get_args());
    shell.current_dir(place.path("."));
    shell
}

#[test]
fn few_open_files_are_enough_and_too_few_are_said() {
    let place = Place::new();
    for limit in [7, 8, 9, 12, 31] {
        let (status, said) = place.spawn(with_files(&place, limit)).ended();
        assert!(
            status == 1 && said.contains(&format!("32 open files are wanted and {limit} are allowed: raise the limit")),
            "{status}: {said}"
        );
    }
    let mut node = place.spawn(with_files(&place, 64));
    let line = node.hears("fewer TCP connections than configured");
    assert!(line.contains("WARN"), "{line}");
    node.hears("answering on");
    assert!(node.says("www.z.example", A).contains("192.0.2.7"));
    place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.8\n"));
    node.comes_to_say("www.z.example", A, "192.0.2.8");
}

/// z.example, and three hundred zones with a hundred problems each.
fn rubbish() -> Place {
    let place = Place::new();
    let names: Vec<String> = (0..300).map(|n| format!("r{n}.example")).collect();
    for zone in &names {
        place.write(&format!("{zone}.zone"), &"x\n".repeat(200));
    }
    let all: Vec<&str> = names.iter().map(String::as_str).chain(["z.example"]).collect();
    place.write("fleet.toml", &zones(&all));
    place
}

#[test]
fn rubbish_in_many_zones_is_told_in_bounds() {
    let place = rubbish();
    let node = place.start();
    assert!(node.says("www.z.example", A).contains("192.0.2.7") && node.says("r7.example", A).starts_with("SERVFAIL"));
    let shown = node.readyz();
    assert!(shown.starts_with("HTTP/1.1 200 ") && shown.contains(" more; `meridian check` names them all"), "{} bytes", shown.len());
    assert!(shown.len() < 200_000, "{} bytes", shown.len());
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    for closed in [false, true] {
        // More to tell than a pipe holds.
        let place = rubbish();
        let mut owned = Owned(place.command(&["serve"]).stderr(Stdio::piped()).spawn().unwrap());
        let child = &mut owned.0;
        let unread = child.stderr.take().filter(|_| !closed);
        until("192.0.2.7", || answer(&place, "www.z.example"));
        place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.8\n"));
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, Signal::HUP).unwrap();
        until("192.0.2.8", || answer(&place, "www.z.example"));
        rustix::process::kill_process(id, Signal::TERM).unwrap();
        until("ended", || if child.try_wait().unwrap().is_some() { "ended" } else { "running" }.into());
        assert_eq!(child.wait().unwrap().code(), Some(0), "closed: {closed}");
        drop(unread);
    }
    let place = Place::new();
    place.write("meridian.toml", "rubbish");
    let (_, full) = std::io::pipe().unwrap();
    assert_eq!(place.command(&["serve"]).stderr(full).status().unwrap().code(), Some(2));
}

/// A process that goes with the test.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What comes of a question while nobody may be there yet.
fn answer(place: &Place, name: &str) -> String {
    let question = wire::Question::of(wire::name(name), A).encode();
    let answer = ask::over_udp_once(place.dns, &[question], 1000).remove(0);
    answer.map_or_else(String::new, |bytes| wire::decode(&bytes).unwrap().to_string())
}
