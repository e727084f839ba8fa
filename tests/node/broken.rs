//! Cold starts with files that are not sound, and hostnames that static data is in the way of.

use crate::peers::wire::{A, Edns, Question, TXT, name};
use crate::place::{HEAD, Place, asked, zones};
use crate::reload::steered;
use std::fs;

const EDE: u16 = 15;

#[test]
fn what_is_sound_is_served_and_the_rest_is_servfail() {
    let place = Place::new();
    place.write("fleet.toml", &zones(&["z.example", "bad.example", "gone.example", "dir.example"]));
    place.write("bad.example.zone", &format!("{HEAD}www A 192.0.2.7\nx A nonsense\n"));
    fs::create_dir(place.path("dir.example.zone")).unwrap();
    let node = place.start();
    assert!(node.says("www.z.example", A).contains("192.0.2.7"));
    for zone in ["www.bad.example", "bad.example", "gone.example", "a.dir.example"] {
        let question = Question { edns: Some(Edns::of(1232)), ..Question::of(name(zone), A) };
        let answer = asked(place.dns, &question);
        assert!(answer.rcode() == 2 && answer.option(EDE).is_some() && answer.answer.is_empty(), "{zone}: {answer}");
    }
    let shown = node.readyz();
    assert!(shown.starts_with("HTTP/1.1 200 "), "{shown}");
    for problem in ["bad.example.zone:6: ", "gone.example.zone: zone gone.example.: there is no such file", "is not a regular file"] {
        assert!(shown.contains(problem), "{problem}: {shown}");
    }
    // Each heals by itself.
    place.write("bad.example.zone", &format!("{HEAD}www A 192.0.2.8\n"));
    place.write("gone.example.zone", &format!("{HEAD}www A 192.0.2.9\n"));
    node.comes_to_say("www.bad.example", A, "192.0.2.8");
    node.comes_to_say("www.gone.example", A, "192.0.2.9");
    fs::remove_dir(place.path("dir.example.zone")).unwrap();
    place.write("dir.example.zone", &format!("{HEAD}www A 192.0.2.10\n"));
    node.comes_to_say("www.dir.example", A, "192.0.2.10");
    node.heals();
}

#[test]
fn with_nothing_sound_there_is_no_start() {
    let place = Place::new();
    place.write("z.example.zone", "@ 60 A 192.0.2.1\n");
    let (status, said) = place.refused();
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("z.example.zone: zone z.example. has no SOA record") && said.contains("nothing can be served"), "{said}");
    place.write("fleet.toml", "");
    let (status, said) = place.refused();
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("fleet.toml: there is no zone in it, so there is nothing to serve; add a [[zone]]"), "{said}");
    fs::remove_file(place.path("fleet.toml")).unwrap();
    let (status, said) = place.refused();
    assert!(status == 2 && said.contains("fleet.toml: there is no such file"), "{status}: {said}");
    place.write("fleet.toml", "[[zone]]\nname = \"z.example\"\nfile = 5\n");
    let (status, said) = place.refused();
    assert!(status == 2 && said.contains("fleet.toml:3: zone z.example: file: "), "{status}: {said}");
}

#[test]
fn a_fleet_that_is_broken_in_part_serves_the_rest() {
    let place = Place::new();
    let fleet = steered(&["192.0.2.61"], "live.z.example")
        + "[[zone]]\nname = \"y.example\"\nfiel = \"y.example.zone\"\n[[hostname]]\nname = \"lost.z.example\"\nset = \"t\"\n"
        + "[[set]]\nname = \"t\"\npanels = [\"p1\", \"p9\"]\n";
    place.write("fleet.toml", &fleet);
    place.write("y.example.zone", &format!("{HEAD}www A 192.0.2.20\n"));
    place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.7\n* TXT wild\n"));
    let node = place.start();
    assert!(node.says("live.z.example", A).contains("192.0.2.61") && node.says("www.z.example", A).contains("192.0.2.7"));
    // Neither REFUSED nor NXDOMAIN nor a wildcard's: other servers may know better.
    assert!(node.says("www.y.example", A).starts_with("SERVFAIL"));
    assert!(node.says("lost.z.example", A).starts_with("SERVFAIL") && node.says("lost.z.example", TXT).starts_with("SERVFAIL"));
    let shown = node.readyz();
    assert!(shown.starts_with("HTTP/1.1 200 ") && shown.contains("did you mean `file`") && shown.contains("unknown panel `p9`"), "{shown}");
    place.write("fleet.toml", &fleet.replace("fiel", "file").replace(", \"p9\"", ""));
    node.comes_to_say("www.y.example", A, "192.0.2.20");
    node.comes_to_say("lost.z.example", A, "192.0.2.61");
    node.heals();
}

#[test]
fn an_include_from_outside_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("zones")).unwrap();
    place.write("secret", "www A 192.0.2.66\n");
    place.write("fleet.toml", &zones(&["z.example"]).replace("file = \"", "file = \"zones/"));
    place.write("zones/z.example.zone", &format!("{HEAD}$INCLUDE ../secret\n"));
    let (status, said) = place.refused();
    assert_eq!(status, 2);
    assert!(said.contains("zones/z.example.zone:5: `../secret` cannot be included: lies outside the directory"), "{said}");
}

const IN_THE_WAY: [(&str, &str); 4] = [
    ("live A 192.0.2.40\n", "has a static A record"),
    ("live CNAME www\n", "has a static CNAME record"),
    ("live NS ns1\n", "at or below a delegation (NS)"),
    ("@ DNAME other.example.\n", "at or below a DNAME"),
];

#[test]
fn static_data_in_the_way_of_a_hostname_at_a_cold_start() {
    for (line, what) in IN_THE_WAY {
        let place = Place::new();
        place.write("fleet.toml", &steered(&["192.0.2.61"], "live.z.example"));
        let head = HEAD.replace("ns1 A", if line.contains("DNAME") { ";" } else { "www TXT here\nns1 A" });
        place.write("z.example.zone", &format!("{head}{line}"));
        let node = place.start();
        let shown = node.readyz();
        assert!(shown.contains("fleet.toml:14: hostname live.z.example.: ") && shown.contains(what), "{line}: {shown}");
        assert!(!node.says("live.z.example", A).contains("192.0.2.61"), "{line}");
        // What the zone's file says goes on being answered.
        let answer = node.says("live.z.example", A);
        assert!(answer.starts_with("NOERROR"), "{line}: {answer}");
        let check = place.run(&["check"]);
        assert_eq!(check.status.code(), Some(2), "{line}");
        assert!(String::from_utf8_lossy(&check.stdout).contains(what));
    }
}

#[test]
fn static_data_in_the_way_of_a_hostname_on_reload() {
    for (line, what) in IN_THE_WAY {
        let place = Place::new();
        place.write("fleet.toml", &steered(&["192.0.2.61"], "live.z.example"));
        place.write("z.example.zone", &HEAD.replace("ns1 A", ";"));
        let mut node = place.start();
        place.write("z.example.zone", &format!("{}{line}more TXT new\n", HEAD.replace("ns1 A", ";")));
        node.hears(what);
        node.comes_to_show(what);
        assert!(node.says("live.z.example", A).contains("192.0.2.61"), "{line}: the old version goes on");
        assert!(node.says("more.z.example", TXT).starts_with("NXDOMAIN"), "{line}: the old version goes on");
        place.write("z.example.zone", &format!("{}more TXT new\n", HEAD.replace("ns1 A", ";")));
        node.comes_to_say("more.z.example", TXT, "TXT");
    }
}
