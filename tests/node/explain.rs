//! What `meridian explain` says, held against what a running node answers.

use crate::peers::questions::{Dice, seed};
use crate::peers::wire::{A, AAAA, CNAME, Edns, Question, name, rcode_text};
use crate::place::{Place, asked, until};
use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const SUBNET: u16 = 8;
const COUNTRIES: [&str; 12] = ["DE", "GB", "US", "BR", "JP", "AU", "ZA", "IN", "CA", "FR", "NG", "SG"];
const PAIRS: usize = 300;

/// A fleet in which every policy has a hostname whose answer does not depend on chance.
fn fleet(dice: &mut Dice) -> String {
    let mut text = String::new();
    let at = |dice: &mut Dice| format!("at = [{}.5, {}.25]", dice.below(140) as i32 - 70, dice.below(340) as i32 - 170);
    for (n, serves) in [(0, "continents = [\"EU\"]"), (1, "countries = [\"US\", \"BR\"]"), (2, "networks = [\"100.64.0.0/16\"]"), (3, "")] {
        let then = if n == 0 { "then = [\"r1\", \"r2\"]" } else { "" };
        let _ = writeln!(text, "[[region]]\nname = \"r{n}\"\n{}\nserves = {{ {serves} }}\n{then}", at(dice));
    }
    for n in 0..14 {
        let own = if dice.chance(50) { at(dice) } else { String::new() };
        let v6 = if dice.chance(60) { format!(", \"2001:db8::{n}\"") } else { String::new() };
        let state = *dice.pick(&["enabled", "enabled", "enabled", "draining", "disabled"]);
        let _ = writeln!(
            text,
            "[[panel]]\nname = \"p{n}\"\nregion = \"r{}\"\n{own}\naddresses = [\"10.0.0.{n}\"{v6}]\nweight = {}\nstate = \"{state}\"",
            dice.below(4),
            dice.below(4)
        );
    }
    let sets = [
        ("near", "spread = \"2000km\""),
        ("wide", "spread = \"9000km\"\nanswers = 3"),
        ("region", "fence = \"region\""),
        ("land", "fence = \"continent\"\nspread = \"100km\""),
        ("fail", "steer = \"failover\""),
        ("share", "steer = \"weighted\""),
    ];
    for (set, policy) in sets {
        let panels: Vec<String> = (0..14).filter(|_| dice.chance(70)).map(|n| format!("\"p{n}\"")).collect();
        let _ = writeln!(text, "[[set]]\nname = \"{set}\"\npanels = [{}]\n{policy}", panels.join(", "));
        let _ = writeln!(text, "[[hostname]]\nname = \"{set}.z.example\"\nset = \"{set}\"");
        let _ = writeln!(text, "[[hostname]]\nname = \"*.{set}.z.example\"\nset = \"{set}\"\nttl = 30");
    }
    text + "[[zone]]\nname = \"z.example\"\nfile = \"z.example.zone\"\n"
}

/// Half of them are places that are known.
fn network(dice: &mut Dice) -> (IpAddr, u8) {
    match dice.below(8) {
        0 => (IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, dice.below(20) as u16, 0, 0, 0, 0, 0)), 48),
        1 => (Ipv4Addr::new(100, 64, dice.below(256) as u8, 0).into(), 24),
        2 => (Ipv4Addr::new(192, 0, dice.below(256) as u8, dice.below(256) as u8).into(), 32),
        _ => (Ipv4Addr::new(198, 18 + dice.below(2) as u8, dice.below(256) as u8, 0).into(), 24),
    }
}

fn overrides(dice: &mut Dice) -> String {
    let v4 = (0..64).map(|n| format!("198.18.{}.0/22", n * 4)).chain((0..16).map(|n| format!("198.19.{}.0/20", n * 16)));
    let networks: Vec<String> = v4.chain((0..10).map(|n| format!("2001:db8:{n:x}::/48"))).collect();
    let said = networks.iter().map(|network| {
        let country = *dice.pick(&COUNTRIES);
        let at = if dice.chance(50) {
            format!(", at = [{}, {}]", dice.below(120) as i32 - 60, dice.below(340) as i32 - 170)
        } else {
            String::new()
        };
        format!("{{ network = \"{network}\", country = \"{country}\"{at} }}")
    });
    said.collect::<Vec<_>>().join(", ")
}

/// The option as RFC 7871 §6 has it, and what comes after the answer's scope.
fn subnet(address: IpAddr, prefix: u8) -> Vec<u8> {
    let (family, octets) = match address {
        IpAddr::V4(v4) => (1, v4.octets().to_vec()),
        IpAddr::V6(v6) => (2, v6.octets().to_vec()),
    };
    [&[0, family, prefix, 0][..], &octets[..usize::from(prefix) / 8]].concat()
}

#[test]
fn what_is_explained_is_what_is_answered() {
    let seed = seed();
    println!("SEED={seed}");
    let mut dice = Dice::new(seed);
    let place = Place::new();
    let config = fs::read_to_string(place.path("meridian.toml")).unwrap();
    place.write("meridian.toml", &format!("{config}overrides = [{}]\n", overrides(&mut dice)));
    place.write("fleet.toml", &fleet(&mut dice));
    place.write("z.example.zone", &format!("{}www CNAME near\nmail MX 1 ns1\n", crate::place::HEAD));
    let node = place.start();
    let mut answered = 0;
    for n in 0..PAIRS {
        let host = *dice.pick(&[
            "near",
            "wide",
            "region",
            "land",
            "fail",
            "share",
            "x.near",
            "y.wide",
            "www",
            "mail",
            "ns1",
            "nobody",
            "x.y.share",
        ]);
        let (host, rtype) = (format!("{host}.z.example"), *dice.pick(&[A, A, AAAA]));
        let (address, prefix) = network(&mut dice);
        let output = place.run(&[
            "explain",
            &host,
            "--client",
            &format!("{address}/{prefix}"),
            "--resolver",
            "127.0.0.1",
            "--type",
            if rtype == A { "A" } else { "AAAA" },
            "--json",
        ]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output:?}"));
        let told: Vec<&str> = json["answer"].as_array().unwrap().iter().map(|address| address.as_str().unwrap()).collect();
        answered += usize::from(!told.is_empty());
        let expected = format!("[{} {} /{}]", json["status"].as_str().unwrap(), told.join(" "), json["scope"]);
        // Charts are drawn in the background, and give wider scopes as they come.
        until(&expected, || {
            let edns = Edns::of(1232).option(SUBNET, &subnet(address, prefix));
            let answer = asked(place.dns, &Question { edns: Some(edns), ..Question::of(name(&host), rtype) });
            let addresses = answer.answer.iter().filter(|rr| rr.rtype != CNAME).map(|rr| match <[u8; 4]>::try_from(&*rr.rdata) {
                Ok(v4) => IpAddr::from(v4).to_string(),
                Err(_) => IpAddr::from(<[u8; 16]>::try_from(&*rr.rdata).unwrap()).to_string(),
            });
            let scope = answer.option(SUBNET).expect("a scope")[3];
            format!(
                "pair {n}, {host} {rtype} for {address}/{prefix}: [{} {} /{scope}]",
                rcode_text(answer.rcode()),
                addresses.collect::<Vec<_>>().join(" ")
            )
        });
    }
    assert!(answered > PAIRS / 2, "only {answered} have an answer");
    drop(node);
}
