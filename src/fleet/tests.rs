use super::*;
use proptest::prelude::*;
use std::time::Duration;

const SHIPPED: &str = include_str!("../../config/fleet.toml");

/// A sound fleet to break: one region, two panels, a set, a zone and a hostname, each on lines that the tests know.
const SOUND: &str = r#"[[region]]
name = "eu"
at = [50, 8.5]
[[panel]]
name = "fra1"
region = "eu"
addresses = ["192.0.2.1", "2001:db8::1"]
[[panel]]
name = "ams1"
region = "eu"
addresses = ["192.0.2.2"]
[[set]]
name = "premium"
panels = ["fra1", "ams1"]
[[zone]]
name = "panels.example"
file = "p.zone"
[[hostname]]
name = "live.panels.example"
set = "premium"
"#;

fn read(text: &str) -> (Fleet, String) {
    let (fleet, problems) = parse("f.toml", text.as_bytes(), Path::new("config"));
    let lines = problems.iter().filter(|p| p.is_error() || p.line > 0).map(ToString::to_string).collect::<Vec<_>>();
    (fleet, lines.join("\n"))
}

/// The sound fleet with one piece replaced, and what is then wrong.
fn broken(from: &str, to: &str) -> String {
    assert!(SOUND.contains(from), "{from}");
    read(&SOUND.replacen(from, to, 1)).1
}

#[test]
fn the_shipped_fleet_is_sound() {
    let (fleet, problems) = parse("config/fleet.toml", SHIPPED.as_bytes(), Path::new("config"));
    let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{shown:?}");
    assert_eq!((fleet.checks.len(), fleet.regions.len(), fleet.panels.len()), (1, 4, 5));
    assert_eq!((fleet.sets.len(), fleet.zones.len(), fleet.hostnames.len()), (2, 1, 3));
    assert_eq!(fleet.zones[0].source, Source::File("config/../zones/panels.example.zone".into()));
    let vod = &fleet.hostnames[1];
    assert_eq!((fleet.policy(vod).ttl, fleet.policy(vod).steer, fleet.set(vod.set).name.as_str()), (30, Steer::Failover, "budget"));
    assert_eq!(fleet.hostnames[0].ports, Ports { http: Some(8090), https: None });
    let budget = fleet.set(vod.set);
    assert_eq!(budget.members.iter().map(|m| (&*fleet.panel(m.panel).name, m.tier)).collect::<Vec<_>>(), [("nyc1", 1), ("fra1", 2)]);
    assert_eq!(fleet.panel(PanelId(2)).at, Some(Place { latitude: 40.71, longitude: -74.0 }), "its region's");
    assert_eq!(fleet.region(RegionId(0)).then, [RegionId(1)]);
}

#[test]
fn the_shipped_defaults_are_the_defaults() {
    let without = SHIPPED.split("[[check]]").nth(1).map(|rest| format!("[[check]]{rest}")).unwrap();
    let least =
        "[[check]]\nname = \"stream\"\nkind = \"hls\"\nurl = \"http://{address}:8090/live/index.m3u8\"\nhost = \"live.panels.example\"\n";
    let (_, rest) = without.split_once("[[region]]").unwrap();
    let (shipped, _) = read(SHIPPED);
    assert_eq!(read(&format!("{least}[[region]]{rest}")).0, shipped);
    let fleet = read(SOUND).0;
    assert_eq!(fleet.policy(&fleet.hostnames[0]), Policy::default());
}

#[test]
fn every_key_of_the_shipped_file_has_its_type() {
    for (at, line) in SHIPPED.lines().enumerate() {
        let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.starts_with('#')) else { continue };
        let wrong = |value: &str| {
            let lines = SHIPPED.lines().enumerate().map(|(i, l)| if i == at { format!("{key} = {value}\n") } else { format!("{l}\n") });
            read(&lines.collect::<String>()).1
        };
        let found = wrong("1979-05-27");
        assert!(found.contains(&format!("f.toml:{}: ", at + 1)) && found.contains(": found a date where "), "{key}: {found}");
    }
}

#[test]
fn a_sound_fleet_has_no_problem() {
    let (fleet, found) = read(SOUND);
    assert_eq!(found, "");
    assert_eq!(fleet.panels[0].addresses.len(), 2);
    assert_eq!(fleet.panels[1].at, Some(fleet.regions[0].at));
    assert_eq!(read(""), (Fleet::default(), String::new()));
}

#[test]
fn references_lead_somewhere() {
    assert_eq!(broken("region = \"eu\"", "region = \"euu\""), "f.toml:6: panel fra1: region: unknown region `euu`; did you mean `eu`?");
    assert_eq!(
        broken("\"fra1\", \"ams1\"", "\"fra1\", \"Ams1\", \"zzz\""),
        "f.toml:14: set premium: panels: unknown panel `Ams1`; did you mean `ams1`?\n\
         f.toml:14: set premium: panels: unknown panel `zzz`; add a [[panel]] of this name, or name another"
    );
    assert_eq!(
        broken("set = \"premium\"", "set = \"premum\""),
        "f.toml:20: hostname live.panels.example: set: unknown set `premum`; did you mean `premium`?"
    );
    assert_eq!(
        broken("region = \"eu\"", "checks = [\"stream\"]"),
        "f.toml:6: panel fra1: checks: unknown check `stream`; add a [[check]] of this name, or name another"
    );
    assert_eq!(
        broken("at = [50, 8.5]", "at = [50, 8.5]\nthen = [\"eu\", \"us\"]"),
        "f.toml:4: region eu: then: a region cannot follow itself; name other regions\n\
         f.toml:4: region eu: then: unknown region `us`; add a [[region]] of this name, or name another"
    );
}

#[test]
fn a_broken_object_is_named_once_and_the_rest_lives() {
    let text = SOUND.replacen("\"192.0.2.1\"", "\"192.0.2.1:80\"", 1);
    let (fleet, found) = read(&text);
    assert!(found.starts_with("f.toml:7: panel fra1: addresses: `192.0.2.1:80` has a port; write the address alone"), "{found}");
    assert_eq!(found.lines().count(), 1, "{found}");
    assert_eq!(fleet.panels.len(), 1);
    assert_eq!(fleet.sets[0].members, [Member { panel: PanelId(0), tier: 1 }], "ids follow the panels that are left");
    assert_eq!(fleet.hostnames.len(), 1);

    let (fleet, found) = read(&SOUND.replacen("file = \"p.zone\"", "file = 5", 1));
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(fleet.hostnames.is_empty() && fleet.zones.is_empty() && fleet.sets.len() == 1);
}

#[test]
fn names_are_unique_and_sane() {
    assert_eq!(
        broken("name = \"ams1\"", "name = \"fra1\"").lines().next().unwrap(),
        "f.toml:9: panel fra1: there is a panel of this name already, at line 4; give one of the two another name"
    );
    assert!(broken("name = \"ams1\"", "name = \"FRA1\"").contains("differs only in case from the panel `fra1`"));
    for name in ["", "a b", "a..b", ".a", "a.", "-a", "ä", "a/b", &"a".repeat(64)] {
        let found = broken("name = \"eu\"", &format!("name = \"{name}\""));
        assert!(found.contains("cannot be the name of a region"), "{name}: {found}");
    }
    let twice = format!("{SOUND}[[hostname]]\nname = \"LIVE.panels.example.\"\nset = \"premium\"\n");
    assert!(read(&twice).1.starts_with("f.toml:22: hostname LIVE.panels.example.: there is a hostname of this name already, at line 18;"));
    let twice = format!("{SOUND}[[zone]]\nname = \"Panels.Example\"\nfile = \"q\"\n");
    assert!(read(&twice).1.starts_with("f.toml:22: zone Panels.Example: there is a zone of this name already, at line 15;"));
    assert!(broken("name = \"eu\"\n", "").starts_with("f.toml:1: region number 1: `name` is missing; give the region a name"));
}

#[test]
fn hostnames_belong_to_the_longest_zone() {
    let child = format!("{SOUND}[[zone]]\nname = \"live.panels.example\"\nfile = \"child\"\n");
    assert_eq!(read(&child).0.hostnames[0].zone, ZoneId(1));
    let outside = broken("name = \"live.panels.example\"", "name = \"live.other.example\"");
    assert_eq!(
        outside,
        "f.toml:19: hostname live.other.example: it is in none of the zones; add the [[zone]] it belongs to, such as \"other.example\""
    );
    assert_eq!(broken("name = \"live.panels.example\"", "name = \"*.panels.example\""), "");
    for name in ["", ".", "a..panels.example", "a.*.panels.example", "bücher.panels.example"] {
        let found = broken("name = \"live.panels.example\"", &format!("name = \"{name}\""));
        assert!(found.starts_with(&format!("f.toml:19: hostname {name}: ")), "{name}: {found}");
    }
    assert!(
        broken("name = \"panels.example\"", "name = \"panels..example\"")
            .starts_with("f.toml:16: zone panels..example: a name has an empty")
    );
}

#[test]
fn places_are_on_the_globe() {
    for (at, expected) in [
        ("[8.5, 150]", ""),
        ("[91, 0]", "[91, 0] is off the globe; latitude comes first: at = [0, 91]"),
        ("[0, 181]", "[0, 181] is off the globe; latitude is from -90 to 90, longitude from -180 to 180"),
        ("[1]", "found a list of 1 where latitude and longitude belong; write degrees, such as at = [50.11, 8.68]"),
        ("\"50,8\"", "found the text \"50,8\" where a list belongs; put it in square brackets: at = [...]"),
    ] {
        let found = broken("at = [50, 8.5]", &format!("at = {at}"));
        let expected = if expected.is_empty() { String::new() } else { format!("f.toml:3: region eu: at: {expected}") };
        assert_eq!(found, expected);
    }
}

#[test]
fn regions_serve_what_there_is() {
    for (list, expected) in [
        ("continents = [\"eu\"], countries = [\"gb\"], subdivisions = [\"us-ca\"], networks = [\"::/0\"], asns = [4294967295]", ""),
        ("continents = [\"EX\"]", "continents: `EX` is not a continent; write one of AF, AN, AS, EU, NA, OC, SA"),
        ("continents = [\"EU\", \"eu\"]", "continents: `EU` is listed twice; keep one of the two"),
        ("countries = [\"UK\"]", "countries: `UK` is not a country; did you mean `GB`?"),
        ("countries = [\"Germany\"]", "countries: `Germany` is not a country; write two letters by ISO 3166-1, such as \"DE\" or \"GB\""),
        ("countries = [\"DE\", \"FR\", \"de\"]", "countries: `DE` is listed twice; keep one of the two"),
        ("subdivisions = [\"US\"]", "subdivisions: `US` is not a subdivision; write country-part by ISO 3166-2, such as \"US-CA\""),
        ("subdivisions = [\"US-\"]", "subdivisions: `US-` is not a subdivision; write country-part by ISO 3166-2, such as \"US-CA\""),
        ("subdivisions = [\"uk-eng\"]", "subdivisions: `uk-eng` is not a subdivision; did you mean `GB-ENG`?"),
        (
            "subdivisions = [\"USA-CA\"]",
            "subdivisions: `USA-CA` is not a subdivision; `USA` is not a country: write two letters by ISO 3166-1, such as \"DE\" or \"GB\"",
        ),
        ("networks = [\"x\"]", "networks: `x` is not a network; write address/prefix, such as 192.0.2.0/24 or 2001:db8::/32"),
        ("networks = [\"10.0.0.1\", \"10.0.0.1/32\"]", "networks: `10.0.0.1/32` is listed twice; keep one of the two"),
        ("asns = [0]", "asns: found 0 where a whole number from 1 to 4294967295 belongs"),
        ("asns = [\"AS64500\"]", "asns: found the text \"AS64500\" where a whole number from 1 to 4294967295 belongs"),
        ("asns = [64500, 64500]", "asns: `64500` is listed twice; keep one of the two"),
        ("country = [\"DE\"]", "country: unknown key; known here: continents, countries, subdivisions, networks, asns"),
    ] {
        let found = broken("at = [50, 8.5]", &format!("at = [50, 8.5]\nserves = {{ {list} }}"));
        let expected = if expected.is_empty() { String::new() } else { format!("f.toml:4: region eu: serves.{expected}") };
        assert_eq!(found, expected);
    }
    let all = "serves = { continents = [\"EX\"], countries = [\"UK\"], subdivisions = [\"US\"], networks = [\"x\"], asns = [0] }";
    assert_eq!(broken("at = [50, 8.5]", &format!("at = [50, 8.5]\n{all}")).lines().count(), 5);
}

#[test]
fn a_spread_is_a_distance() {
    let unit = "write kilometres or miles, at most once round the globe: \"250km\" or \"155mi\"";
    for (spread, expected) in [
        ("\"0km\"", String::new()),
        ("\"250 km\"", String::new()),
        // Half the globe: everything is equally near, which may be meant.
        ("\"20038km\"", String::new()),
        ("\"40200km\"", format!("the text \"40200km\" where a distance belongs; {unit}")),
        ("\"-1km\"", format!("the text \"-1km\" where a distance belongs; {unit}")),
        ("\"far\"", format!("the text \"far\" where a distance belongs; {unit}")),
        ("\"250\"", format!("the text \"250\" where a distance belongs; {unit}")),
        ("\"250m\"", format!("the text \"250m\" where a distance belongs; {unit}")),
        ("\"250s\"", format!("the text \"250s\" where a distance belongs; {unit}")),
        ("\"\"", format!("the text \"\" where a distance belongs; {unit}")),
        ("250", "250 where a distance belongs; write the unit: \"250km\" or \"250mi\"".into()),
        ("-250", "-250 where a distance belongs; write it in quotes, such as \"250km\"".into()),
        ("250.5", "250.5 where a distance belongs; write it in quotes, such as \"250km\"".into()),
        ("true", "true where a distance belongs; write it in quotes, such as \"250km\"".into()),
    ] {
        let expected =
            if expected.is_empty() { expected } else { format!("f.toml:21: hostname live.panels.example: spread: found {expected}") };
        assert_eq!(read(&format!("{SOUND}spread = {spread}\n")).1, expected, "{spread}");
    }
}

#[test]
fn shares_are_not_written_in_per_cent() {
    for (share, expected) in [
        ("panic = 1", ""),
        ("panic = 50", "panic: found 50 where a share from 0 to 1 belongs; write 50 % as 0.5"),
        ("overflow = 2.5", "overflow: found 2.5 where a share from 0 to 1 belongs; write 2.5 % as 0.025"),
        ("overflow = \"50%\"", "overflow: found the text \"50%\" where a share from 0 to 1 belongs; write 50 % as 0.5"),
        ("overflow = \"1 %\"", "overflow: found the text \"1 %\" where a share from 0 to 1 belongs; write 1 % as 0.01"),
        ("overflow = \"half\"", "overflow: found the text \"half\" where a number from 0 to 1 belongs"),
        ("overflow = \"0.5\"", "overflow: found the text \"0.5\" where a number from 0 to 1 belongs; leave out the quotes"),
        ("panic = -1", "panic: found -1 where a number from 0 to 1 belongs"),
        ("panic = 101", "panic: found 101 where a number from 0 to 1 belongs"),
        ("panic = nan", "panic: found a number that is not finite where a number from 0 to 1 belongs"),
        ("shed_all = 95", "shed_all: found 95 where a share from 0 to 10 belongs; write 95 % as 0.95"),
        ("shed_all = 2", ""),
    ] {
        let expected = if expected.is_empty() { String::new() } else { format!("f.toml:21: hostname live.panels.example: {expected}") };
        assert_eq!(read(&format!("{SOUND}{share}\n")).1, expected);
    }
}

#[test]
fn a_set_may_be_smaller_than_its_answers() {
    assert_eq!(read(&format!("{SOUND}answers = 8\n")).1, "");
}

#[test]
fn addresses_are_what_clients_can_reach() {
    for (address, expected) in [
        ("192.0.2.1", "is listed twice"),
        ("host.example", "is not an address"),
        ("192.0.2.0/24", "is a network"),
        ("0.0.0.0", "is no host's address"),
        ("224.0.0.1", "is a multicast address"),
        ("255.255.255.255", "is the broadcast address"),
        ("::ffff:192.0.2.9", "is an IPv4 address in IPv6 form; write \"192.0.2.9\""),
        ("fe80::1", "is reached from its own link only"),
    ] {
        let found = broken("\"2001:db8::1\"", &format!("\"{address}\""));
        assert!(found.starts_with(&format!("f.toml:7: panel fra1: addresses: `{address}` {expected}")), "{found}");
    }
    assert!(broken("[\"192.0.2.2\"]", "[]").contains("the list is empty"));
    let many: Vec<_> = (0..33).map(|i| format!("\"192.0.2.{i}\"")).collect();
    assert!(broken("[\"192.0.2.2\"]", &format!("[{}]", many.join(","))).contains("a panel has at most 32"));
}

#[test]
fn sets_have_panels_in_tiers_without_gaps() {
    let with = |panels: &str| broken("panels = [\"fra1\", \"ams1\"]", &format!("panels = {panels}"));
    assert!(with("[]").starts_with("f.toml:14: set premium: panels: the set is empty"));
    assert!(with("[\"fra1\", \"fra1\"]").contains("`fra1` is listed twice"));
    assert!(with("[\"fra1\", { panel = \"ams1\", tier = 3 }]").contains("tier 2 has no panels, and tier 3 has"));
    assert!(with("[{ panel = \"ams1\", tier = 2 }]").contains("tier 1 has no panels"));
    assert!(with("[{ panle = \"ams1\" }]").contains("panels.panle: unknown key; did you mean `panel`?"));
    assert!(with("[5]").contains("a panel is a name or a table"));
    assert!(broken("panels = [\"fra1\", \"ams1\"]\n", "").contains("`panels` is missing"));
    let panels = |count: usize| {
        let list: Vec<_> = (0..count).map(|i| format!("\"p{i}\"")).collect();
        let all: String = (0..count)
            .map(|i| format!("[[panel]]\nname = \"p{i}\"\naddresses = [\"10.0.{}.{}\"]\nat = [1, 2]\n", i / 256, i % 256))
            .collect();
        read(&format!("{all}[[set]]\nname = \"s\"\npanels = [{}]\n", list.join(","))).1
    };
    assert_eq!(panels(MAX_PANELS_IN_SET), "");
    assert!(panels(MAX_PANELS_IN_SET + 1).contains("a set has at most 1024"));
}

#[test]
fn policy_is_scoped() {
    let text = format!("[defaults]\nttl = 100\nanswers = 2\nspread = \"155mi\"\n{SOUND}ttl = \"5m\"\n").replacen(
        "panels = [\"fra1\"",
        "ttl = 200\nsticky = false\npanels = [\"fra1\"",
        1,
    );
    let (fleet, found) = read(&text);
    assert_eq!(found, "");
    let (set, hostname) = (fleet.sets[0].policy, fleet.policy(&fleet.hostnames[0]));
    assert_eq!((set.ttl, set.answers, set.sticky), (200, 2, false));
    assert_eq!((hostname.ttl, hostname.answers, hostname.sticky), (300, 2, false));
    assert!((hostname.spread_km - 249.4).abs() < 0.1);
}

#[test]
fn policy_keys_have_bounds() {
    for (key, expected) in [
        ("ttl = -1", "from 0 to 2147483647"),
        ("ttl = 2147483648", "from 0 to 2147483647"),
        ("spread = \"far\"", "where a distance belongs"),
        ("answers = 9", "from 1 to 8"),
        ("panic = 1.5", "from 0 to 1 belongs"),
        ("overflow = -0.1", "from 0 to 1"),
        ("steer = \"nearst\"", "did you mean `nearest`?"),
        ("fence = \"country\"", "write one of \"none\", \"region\", \"continent\""),
        ("slow_start = 30", "write the unit: \"30s\""),
        ("shed_from = 0.95", "0.95 is not below shed_all, which is 0.95"),
        ("shed_all = 0.5", "0.8 is not below shed_all, which is 0.5"),
        ("wieght = 1", "unknown key; known here"),
    ] {
        let found = read(&format!("{SOUND}{key}\n")).1;
        assert!(found.starts_with("f.toml:21: hostname live.panels.example: ") && found.contains(expected), "{key}: {found}");
        let found = read(&format!("[defaults]\n{key}\n")).1;
        assert!(found.starts_with("f.toml:2: defaults.") && found.contains(expected), "{key}: {found}");
    }
    assert_eq!(read(&format!("{SOUND}ttl = 2147483647\n")).1, "");
    assert!(broken("region = \"eu\"", "at = [1, 2]\nweight = 10001").contains("from 0 to 10000"));
    assert_eq!(broken("region = \"eu\"", "at = [1, 2]\nweight = 10000"), "");
    assert!(broken("region = \"eu\"", "limits = { bandwith_mbps = 9 }").contains("did you mean `bandwidth_mbps`?"));
    assert!(broken("region = \"eu\"", "state = \"off\"").contains("write one of \"enabled\", \"draining\", \"disabled\""));
    assert!(broken("region = \"eu\"", "labels = { a = 1 }").contains("panel fra1: labels.a: found 1 where text belongs"));
}

#[test]
fn checks_fit_their_kind() {
    let with = |keys: &str| read(&format!("[[check]]\nname = \"c\"\n{keys}\n")).1;
    for keys in [
        "kind = \"tcp\"\nport = 80",
        "kind = \"heartbeat\"\ninterval = \"5s\"",
        "kind = \"http\"\nurl = \"https://{panel}.x/\"\nstatus = [200, 204]\nbody = \"ok\"\njson = { \"/user_info/auth\" = 1 }\nheaders = { User-Agent = \"m\" }",
        "kind = \"panel-api\"\nurl = \"http://{address}\"\nuser = \"u\"\npassword_file = \"f\"",
        "kind = \"tcp\"\nport = 80\ndown_after = 1",
    ] {
        assert_eq!(with(keys), "", "{keys}");
    }
    for (keys, expected) in [
        ("", "f.toml:1: check c: `kind` is missing"),
        ("kind = \"icmp\"", "f.toml:3: check c: kind: unknown word `icmp`"),
        ("kind = \"tcp\"", "f.toml:1: check c: `port` is missing"),
        ("kind = \"tcp\"\nport = 0", "check c: port: found 0 where"),
        (
            "kind = \"tcp\"\nport = 80\nurl = \"http://x/\"",
            "f.toml:5: check c: url: a check of kind tcp has no such key; leave it out; it belongs to kind http, hls, panel-api",
        ),
        ("kind = \"heartbeat\"\nwatch = true", "check c: watch: a check of kind heartbeat has no such key"),
        ("kind = \"hls\"", "f.toml:1: check c: `url` is missing"),
        ("kind = \"hls\"\nurl = \"http://{adress}/\"", "check c: url: `{adress}/` in it is neither {address} nor {panel}"),
        ("kind = \"http\"\nurl = \"http://a/\"\nmethod = \"get\"", "check c: method: `get` is not a method"),
        ("kind = \"http\"\nurl = \"http://a/\"\nstatus = [99]", "check c: status: found 99 where a whole number from 100 to 599 belongs"),
        ("kind = \"http\"\nurl = \"http://a/\"\nstatus = []", "check c: status: the list is empty"),
        ("kind = \"http\"\nurl = \"http://a/\"\njson = { \"user.auth\" = 1 }", "begin it with a slash: \"/user/auth\""),
        ("kind = \"http\"\nurl = \"http://a/\"\nheaders = { \"A B\" = \"x\" }", "check c: headers.A B: not a header's name"),
        ("kind = \"panel-api\"\nurl = \"http://a\"\nuser = \"u\"", "check c: `password` is missing"),
        ("kind = \"panel-api\"\nurl = \"http://a\"\nuser = \"u\"\npassword = \"p\"\npassword_file = \"f\"", "`password` is given as well"),
        ("kind = \"panel-api\"\nurl = \"http://a\"\nuser = \"u\"\npassword = 123456", "check c: password: not text; put it in quotes"),
        ("kind = \"tcp\"\nport = 80\ndegraded_after = 4", "4 failures come after the panel is down (3)"),
        ("kind = \"tcp\"\nport = 80\ninterval = \"1ms\"", "from 10ms to 1d"),
    ] {
        let found = with(keys);
        assert!(found.contains(expected), "{keys}: {found}");
        assert!(found.lines().count() == 1 && !found.contains("123456"), "{found}");
    }
    let (fleet, _) = read("[[check]]\nname = \"c\"\nkind = \"panel-api\"\nurl = \"http://a\"\nuser = \"u\"\npassword = \"hunter2\"\n");
    assert!(matches!(&fleet.checks[0].kind, CheckKind::PanelApi { .. }));
    assert!(!format!("{fleet:?}").contains("hunter2"));
    let (fleet, _) = read("[[check]]\nname = \"c\"\nkind = \"tcp\"\nport = 1\ndown_after = 1\n");
    assert_eq!((fleet.checks[0].degraded_after, fleet.checks[0].interval), (1, Duration::from_secs(10)));
}

#[test]
fn what_is_not_built_yet_says_so() {
    let key = "[[key]]\nname = \"acme\"\nalgorithm = \"hmac-sha256\"\nsecret = \"c2VjcmV0\"\n";
    for (keys, expected) in [
        ("dnssec = true", "dnssec: DNSSEC is not built yet; leave it at its default (false)"),
        ("transfer = { allow = [\"10.0.0.0/8\"] }", "transfer.allow: zone transfers are not built yet; leave it at its default ([])"),
        ("transfer = { notify = [\"192.0.2.1\"] }", "transfer.notify: zone transfers are not built yet"),
        ("transfer = { key = \"acme\" }", "transfer.key: unknown key `acme`; add a [[key]] of this name"),
        ("update = { key = \"acm\" }", "update.key: unknown key `acm`"),
        ("update = { names = [\"a.example\"] }", "update.names: dynamic updates are not built yet"),
        ("update = { types = [\"A\"] }", "update.types: dynamic updates are not built yet"),
        ("transfer = { allow = [\"x\"] }", "transfer.allow: `x` is not a network"),
        ("transfer = { notify = [\"x\"] }", "transfer.notify: `x` is not an address"),
    ] {
        let found = broken("file = \"p.zone\"", &format!("file = \"p.zone\"\n{keys}"));
        assert!(found.starts_with("f.toml:18: zone panels.example: ") && found.contains(expected), "{keys}: {found}");
    }
    assert!(read(key).1.contains("f.toml:1: key acme: keys for transfers and updates are not built yet"));
    let (_, found) = read(&format!("{}{key}", SOUND.replacen("file = \"p.zone\"", "file = \"p.zone\"\nupdate = {key = \"acme\"}", 1)));
    assert!(found.contains("update.key: dynamic updates are not built yet"), "{found}");
    assert!(!read(&key.replace("\"c2VjcmV0\"", "123456")).1.contains("123456"));
    let secret = read(&key.replace("c2VjcmV0", "c2VjcmV0!")).1;
    assert!(secret.contains("key acme: secret: not base64") && !secret.contains("c2Vj"), "{secret}");
}

#[test]
fn ports_of_a_wildcard_add_nothing_below_it() {
    let wildcard = SOUND.replacen("\"live.panels", "\"*.panels", 1) + "ports = { http = 80, https = 443 }\n";
    let (fleet, found) = read(&wildcard);
    assert!(found.contains("warning: hostname *.panels.example: ports: `http` adds nothing to a wildcard name"), "{found}");
    assert_eq!(fleet.hostnames.len(), 1);
    assert!(read(&format!("{SOUND}ports = {{ http = 0, htps = 1 }}\n")).1.contains("did you mean `https`?"));
}

#[test]
fn all_problems_come_at_once() {
    let text = SOUND
        .replacen("[50, 8.5]", "[500, 8.5]", 1)
        .replacen("region = \"eu\"", "region = \"us\"", 1)
        .replacen("[\"fra1\", \"ams1\"]", "[\"fra2\"]", 1)
        .replacen("file = ", "flie = ", 1)
        + "answers = 0\n[[pannel]]\n";
    let lines: Vec<_> = read(&text).1.lines().map(|l| l.split(':').nth(1).unwrap().to_owned()).collect();
    assert_eq!(lines, ["3", "6", "14", "15", "17", "21", "22"]);
}

proptest! {
    #[test]
    fn no_document_makes_it_panic(lines in prop::collection::vec(0usize..200, 0..60), cut in 0usize..40) {
        // Lines of the shipped file in any order, some of them cut short.
        let all: Vec<&str> = SHIPPED.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
        let text: String = lines.iter().map(|&i| { let l = all[i % all.len()]; let at = if i % 7 == 0 { cut.min(l.len()) } else { l.len() };
            format!("{}\n", l.get(..at).unwrap_or(l)) }).collect();
        let (fleet, problems) = parse("f", text.as_bytes(), Path::new(""));
        for hostname in fleet.hostnames.iter() {
            prop_assert!(!fleet.set(hostname.set).members.is_empty());
            prop_assert!(hostname.name.is_at_or_below(&fleet.zone(hostname.zone).name));
        }
        prop_assert!(problems.iter().all(|p| !p.to_string().contains('\n')));
    }
}

#[test]
fn there_are_no_more_regions_than_can_be_numbered() {
    let text: String = (0..MAX_REGIONS + 2).map(|n| format!("[[region]]\nname = \"r{n}\"\nat = [1, 2]\n")).collect();
    let last = format!("[[panel]]\nname = \"p\"\nregion = \"r{}\"\naddresses = [\"192.0.2.1\"]\n", MAX_REGIONS + 1);
    let (fleet, problems) = parse("f", (text + &last).as_bytes(), Path::new(""));
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let line = 3 * MAX_REGIONS + 1;
    assert_eq!(shown, [format!("f:{line}: region: found 32002 regions; a fleet has at most 32000; put neighbours into one")]);
    assert_eq!((fleet.regions.len(), fleet.panels[0].region), (MAX_REGIONS, None));
}

#[test]
fn defaults_that_contradict_themselves_are_an_error_and_no_policy() {
    let (fleet, found) = read(&format!("[defaults]\nshed_from = 1.8\n{SOUND}"));
    assert!(found.contains("1.8 is not below shed_all"), "{found}");
    assert!((fleet.defaults.shed_from, fleet.defaults.shed_all) == (0.80, 0.95) && !fleet.hostnames.is_empty());
}
