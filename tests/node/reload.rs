//! Files that change while a node runs.

use crate::peers::wire::{A, CNAME};
use crate::place::{HEAD, Place, zones};
use rustix::process::Signal;
use std::fs::OpenOptions;
use std::io::Write;

/// z.example, a set of one panel, and a hostname of it.
pub(crate) fn steered(addresses: &[&str], hostname: &str) -> String {
    let addresses: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    format!(
        "{}[[panel]]\nname = \"p1\"\naddresses = [{}]\n[[panel]]\nname = \"p2\"\naddresses = [\"192.0.2.62\"]\n\
         [[set]]\nname = \"s\"\npanels = [\"p1\", \"p2\"]\nsteer = \"failover\"\n[[hostname]]\nname = \"{hostname}\"\nset = \"s\"\n",
        zones(&["z.example"]),
        addresses.join(", ")
    )
}

#[test]
fn a_changed_zone_file_is_served_without_being_told() {
    let place = Place::new();
    place.write("z.example.zone", &format!("{HEAD}$INCLUDE more.inc\n"));
    place.write("more.inc", "www A 192.0.2.7\n");
    let node = place.start();
    assert!(node.says("www.z.example", A).contains("192.0.2.7"));
    place.write("more.inc", "www A 192.0.2.8\n");
    node.comes_to_say("www.z.example", A, "192.0.2.8");
    place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.9\n"));
    node.comes_to_say("www.z.example", A, "192.0.2.9");
    // Replaced as most editors and tools do it.
    place.write("new", &format!("{HEAD}www A 192.0.2.10\n"));
    std::fs::rename(place.path("new"), place.path("z.example.zone")).unwrap();
    node.comes_to_say("www.z.example", A, "192.0.2.10");
}

#[test]
fn an_include_that_appears_is_read() {
    let place = Place::new();
    let mut node = place.start();
    place.write("z.example.zone", &format!("{HEAD}$INCLUDE more.inc\n"));
    node.hears("there is no such file");
    place.write("more.inc", "www A 192.0.2.8\n");
    node.comes_to_say("www.z.example", A, "192.0.2.8");
}

#[test]
fn a_file_put_back_under_its_old_time_is_seen() {
    let place = Place::new();
    let node = place.start();
    let zone = place.path("z.example.zone");
    let time = std::fs::metadata(&zone).unwrap().modified().unwrap();
    place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.8\n"));
    OpenOptions::new().write(true).open(&zone).unwrap().set_modified(time).unwrap();
    node.comes_to_say("www.z.example", A, "192.0.2.8");
}

#[test]
fn a_signal_reads_everything_at_once() {
    let place = Place::new();
    let mut node = place.start();
    place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.8\n"));
    node.signal(Signal::HUP);
    node.hears("generation=2");
    assert!(node.says("www.z.example", A).contains("192.0.2.8"));
    place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.9\n"));
    node.reload(&[]);
    node.comes_to_say("www.z.example", A, "192.0.2.9");
}

#[test]
fn a_half_written_file_is_not_served() {
    let place = Place::new();
    let mut node = place.start();
    let mut file = std::fs::File::create(place.path("z.example.zone")).unwrap();
    // Sound as far as it goes, and soon longer: each write is a change, and only after the last one it is quiet.
    writeln!(file, "{HEAD}www A 192.0.2.8").unwrap();
    for n in 0..12 {
        crate::peers::ask::pause();
        writeln!(file, "h{n} A 192.0.2.1").unwrap();
        assert!(node.says("www.z.example", A).contains("192.0.2.7"), "served while it was being written");
    }
    drop(file);
    node.hears("generation=2");
    assert!(node.says("www.z.example", A).contains("192.0.2.8"));
    assert!(node.says("h11.z.example", A).contains("192.0.2.1"));
}

#[test]
fn a_changed_fleet_is_served() {
    let place = Place::new();
    let node = place.start();
    place.write("y.example.zone", &format!("{HEAD}www A 192.0.2.20\n"));
    assert!(node.says("www.y.example", A).starts_with("REFUSED"));
    place.write("fleet.toml", &zones(&["z.example", "y.example"]));
    node.comes_to_say("www.y.example", A, "192.0.2.20");
    let fleet = steered(&["192.0.2.61"], "live.z.example") + &zones(&["y.example"]);
    place.write("fleet.toml", &fleet);
    node.comes_to_say("live.z.example", A, "60 A 192.0.2.61");
    place.write("fleet.toml", &fleet.replace("[\"p1\", \"p2\"]", "[\"p2\", \"p1\"]"));
    node.comes_to_say("live.z.example", A, "60 A 192.0.2.62");
    assert!(node.says("www.y.example", A).contains("192.0.2.20"));
}

#[test]
fn a_database_that_changes_together_with_the_fleet_is_read_too() {
    let place = Place::new();
    place.write("meridian.toml", &std::fs::read_to_string(place.path("meridian.toml")).unwrap().replace("[]\n", "[\"places.mmdb\"]\n"));
    let node = place.start();
    node.comes_to_show("places.mmdb: ");
    let database = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/geoip/GeoIP2-Country-Test.mmdb");
    std::fs::copy(database, place.path("new")).unwrap();
    std::fs::rename(place.path("new"), place.path("places.mmdb")).unwrap();
    place.write("fleet.toml", &steered(&["192.0.2.61"], "live.z.example"));
    node.comes_to_say("live.z.example", A, "192.0.2.61");
    node.heals();
}

#[test]
fn a_broken_zone_keeps_its_old_version() {
    let place = Place::new();
    let mut node = place.start();
    place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.8\nbad A 192.0.2\n"));
    assert!(node.hears("z.example.zone:6: ").contains("ERROR"));
    let shown = node.comes_to_show("z.example.zone:6: ");
    assert!(shown.starts_with("HTTP/1.1 200 ") && shown.contains("\"ready\":true") && shown.contains("192.0.2"), "{shown}");
    assert!(node.says("www.z.example", A).contains("192.0.2.7"));
    std::fs::remove_file(place.path("z.example.zone")).unwrap();
    node.hears("there is no such file");
    assert!(node.says("www.z.example", A).contains("192.0.2.7"));
    place.write("z.example.zone", &format!("{HEAD}www A 192.0.2.9\n"));
    node.comes_to_say("www.z.example", A, "192.0.2.9");
    node.heals();
}

#[test]
fn a_broken_fleet_keeps_the_old_one() {
    let place = Place::new();
    place.write("fleet.toml", &steered(&["192.0.2.61"], "live.z.example"));
    place.write("y.example.zone", HEAD);
    let mut node = place.start();
    // One error, and also what is sound in it has to wait.
    let broken = steered(&["192.0.2.99"], "live.z.example") + &zones(&["y.example"]) + "[[panel]]\nname = \"p3\"\naddresses = [\"x\"]\n";
    place.write("fleet.toml", &broken);
    node.hears("fleet.toml:22: panel p3: addresses:");
    let shown = node.comes_to_show("fleet.toml:22: ");
    assert!(shown.starts_with("HTTP/1.1 200 ") && !shown.contains("--force"), "{shown}");
    assert!(node.says("live.z.example", A).contains("192.0.2.61") && node.says("y.example", A).starts_with("REFUSED"));
    place.write("fleet.toml", "\u{feff}[[zone\n");
    node.hears("fleet.toml:1: not TOML");
    std::fs::remove_file(place.path("fleet.toml")).unwrap();
    node.hears("there is no such file");
    assert!(node.says("live.z.example", A).contains("192.0.2.61"));
    place.write("fleet.toml", &broken.replace("\"x\"", "\"192.0.2.63\""));
    node.comes_to_say("live.z.example", A, "192.0.2.99");
    node.comes_to_say("y.example", CNAME, "NOERROR");
    node.heals();
}

#[test]
fn a_zone_does_not_lose_half_of_itself_unless_that_is_meant() {
    let place = Place::new();
    let many: String = (0..20).map(|n| format!("h{n} A 192.0.2.1\n")).collect();
    place.write("z.example.zone", &format!("{HEAD}{many}"));
    let mut node = place.start();
    place.write("z.example.zone", &format!("{HEAD}h0 A 192.0.2.2\n"));
    let line = node.hears("would shrink from 23 to 4 records");
    assert!(line.contains("z.example.zone") && line.contains("meridian reload --force"), "{line}");
    node.comes_to_show("would shrink from 23 to 4 records");
    assert!(node.says("h0.z.example", A).contains("192.0.2.1"));
    node.signal(Signal::HUP);
    node.hears("reading fleet and zones again");
    assert!(node.says("h0.z.example", A).contains("192.0.2.1"));
    node.reload(&["--force"]);
    node.comes_to_say("h0.z.example", A, "192.0.2.2");
    node.heals();
}

#[test]
fn a_fleet_does_not_lose_a_zone_or_half_a_set_unless_that_is_meant() {
    let place = Place::new();
    place.write("y.example.zone", &format!("{HEAD}www A 192.0.2.20\n"));
    let fleet = steered(&["192.0.2.61"], "live.z.example")
        .replace("\"p1\", \"p2\"", "\"p1\", \"p2\", \"p3\"")
        .replace("[[set]]", "[[panel]]\nname = \"p3\"\naddresses = [\"192.0.2.63\"]\n[[set]]");
    place.write("fleet.toml", &(fleet.clone() + &zones(&["y.example"])));
    let mut node = place.start();
    place.write("fleet.toml", &fleet);
    let line = node.hears("zone y.example. would no longer be served");
    assert!(line.contains("fleet.toml: ") && line.contains("meridian reload --force"), "{line}");
    node.comes_to_show("would no longer be served");
    assert!(node.says("www.y.example", A).contains("192.0.2.20"));
    node.reload(&["--force"]);
    node.comes_to_say("www.y.example", A, "REFUSED");
    place.write("fleet.toml", &fleet.replace("\"p1\", \"p2\", \"p3\"", "\"p3\""));
    node.hears("set s would shrink from 3 to 1 panels");
    assert!(node.says("live.z.example", A).contains("192.0.2.61"));
    node.reload(&["--force"]);
    node.comes_to_say("live.z.example", A, "192.0.2.63");
    // An empty fleet is one that was not finished.
    place.write("fleet.toml", "");
    node.hears("fleet.toml: there is no zone in it");
    assert!(node.says("live.z.example", A).contains("192.0.2.63"));
}
