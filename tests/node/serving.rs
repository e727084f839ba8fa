//! What a sound node answers, and from where.

use crate::peers::wire::{A, AAAA, CNAME, MX, Question, SOA, TXT, name};
use crate::place::running::free;
use crate::place::{HEAD, Place, asked, http, said, zones};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

#[test]
fn the_shipped_files_are_served() {
    let place = Place::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir_all(place.path("config")).unwrap();
    fs::create_dir_all(place.path("zones")).unwrap();
    fs::copy(shipped.join("zones/panels.example.zone"), place.path("zones/panels.example.zone")).unwrap();
    fs::copy(shipped.join("config/fleet.toml"), place.path("config/fleet.toml")).unwrap();
    std::os::unix::fs::symlink(shipped.join("geoip"), place.path("geoip")).unwrap();
    let config = fs::read_to_string(shipped.join("config/meridian.toml")).unwrap();
    let config = config.replace("\"127.0.0.1:5300\", \"[::1]:5300\"", &format!("\"{}\"", place.dns));
    place.write("config/meridian.toml", &config.replace("127.0.0.1:8080", &place.admin.to_string()));
    // Without --config, as in a checkout.
    let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
    command.arg("serve").current_dir(place.path("."));
    let mut node = place.spawn(command);
    node.hears("answering on");
    // Nobody knows where loopback is, so its network's slot decides.
    let steered = node.says("live.panels.example", A);
    assert!(steered.starts_with("NOERROR aa") && steered.contains("an live.panels.example. 60 A 127.0.1.2\n"), "{steered}");
    let www = node.says("www.panels.example", A);
    assert!(www.contains("an www.panels.example. 3600 CNAME live.panels.example.\n    an live.panels.example. 60 A 127.0.1.2\n"), "{www}");
    assert!(node.says("panels.example", A).contains("an panels.example. 60 A 127.0.1.2\n"));
    assert!(node.says("mail.panels.example", MX).contains("an mail.panels.example. 3600 MX 10 mx.mail.example.\n"));
    let none = node.says("live.panels.example", AAAA);
    assert!(none.starts_with("NOERROR aa") && !none.contains("    an ") && none.contains("au panels.example. 60 SOA"), "{none}");
    let none = node.says("nobody.panels.example", A);
    assert!(none.starts_with("NXDOMAIN aa") && none.contains("au panels.example. 60 SOA"), "{none}");
    let vod = node.says("vod.panels.example", A);
    assert!(vod.contains("an vod.panels.example. 30 A 127.0.1.3\n"), "{vod}");
    assert!(node.says("other.example", A).starts_with("REFUSED"));
    assert!(http(place.admin, "/livez").ends_with("\r\n\r\nok\n"));
    let ready = node.readyz();
    assert!(ready.starts_with("HTTP/1.1 200 ") && ready.contains("\"ready\":true,"), "{ready}");
}

#[test]
fn over_udp_and_tcp_on_every_address_asked() {
    let place = Place::new();
    let port = free(Ipv4Addr::UNSPECIFIED).port();
    place.configure(&[([0, 0, 0, 0], port).into(), (std::net::Ipv6Addr::UNSPECIFIED, port).into()], "");
    let _node = place.start();
    // A socket that is connected hears only who it asked.
    for address in [format!("127.0.0.9:{port}"), format!("127.88.1.1:{port}")] {
        let address: SocketAddr = address.parse().unwrap();
        assert!(said(address, "www.z.example", A).contains("A 192.0.2.7"), "{address}");
    }
    for tcp in [false, true] {
        let question = Question { tcp, ..Question::of(name("www.z.example"), A) };
        assert!(asked(SocketAddr::from(([127, 0, 0, 9], port)), &question).to_string().contains("A 192.0.2.7"));
    }
    assert!(over_v6(port).contains("A 192.0.2.7"));
}

#[test]
fn on_ipv6_alone() {
    let place = Place::new();
    let port = free(Ipv4Addr::UNSPECIFIED).port();
    place.configure(&[(std::net::Ipv6Addr::LOCALHOST, port).into()], "");
    let _node = place.start();
    assert!(over_v6(port).contains("A 192.0.2.7"));
}

fn over_v6(port: u16) -> String {
    let socket = std::net::UdpSocket::bind("[::1]:0").unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    socket.connect((std::net::Ipv6Addr::LOCALHOST, port)).unwrap();
    socket.send(&Question::of(name("www.z.example"), A).encode()).unwrap();
    let mut answer = [0; 1500];
    let length = socket.recv(&mut answer).unwrap();
    crate::peers::wire::decode(&answer[..length]).unwrap().to_string()
}

#[test]
fn a_thousand_zones() {
    let place = Place::new();
    let names: Vec<String> = (0..1000).map(|n| format!("z{n}.example")).collect();
    for zone in &names {
        place.write(&format!("{zone}.zone"), &format!("{HEAD}www A 192.0.2.7\n"));
    }
    place.write("fleet.toml", &zones(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut node = place.start();
    for zone in [&names[0], &names[500], &names[999]] {
        assert!(node.says(&format!("www.{zone}"), A).contains("A 192.0.2.7"));
    }
    for zone in &names {
        place.write(&format!("{zone}.zone"), &format!("{HEAD}www A 192.0.2.8\n"));
    }
    node.signal(rustix::process::Signal::HUP);
    node.hears("reading fleet and zones again");
    for zone in &names {
        node.comes_to_say(&format!("www.{zone}"), A, "A 192.0.2.8");
    }
}

#[test]
fn a_steered_name_goes_with_the_other_records_at_it() {
    let place = Place::new();
    place.write("z.example.zone", &format!("{HEAD}live TXT \"beside\"\n@ CAA 0 issue \"ca.example\"\nwww CNAME live\n"));
    place.write("fleet.toml", &crate::reload::steered(&["192.0.2.50", "2001:db8::50"], "live.z.example"));
    let node = place.start();
    assert!(node.says("live.z.example", A).contains("60 A 192.0.2.50"));
    assert!(node.says("live.z.example", AAAA).contains("60 AAAA 2001:db8::50"));
    assert!(node.says("live.z.example", TXT).contains("TXT"));
    assert!(node.says("www.z.example", A).contains("60 A 192.0.2.50"));
    assert!(node.says("www.z.example", CNAME).contains("CNAME live"));
    assert!(node.says("z.example", SOA).contains("SOA"));
}
