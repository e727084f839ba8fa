//! Explanations of small worlds: every kind of answer, and what is said of it.

use super::{Explanation, Facts, Question, Ranked, explain, geometry};
use crate::clock::Now;
use crate::compile;
use crate::dns::master::Loader;
use crate::dns::name::Name;
use crate::dns::rtype::Type;
use crate::document::{Network, Problem};
use crate::fleet::{self, Fleet};
use crate::geo::{Atlas, Override};
use crate::pilot::{Action, Event, Pilot, Survey};
use crate::snapshot::service::Service;
use crate::snapshot::{Manners, Services, Serving, Snapshot, Zones};
use crate::steer::Chart;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

const FLEET: &str = r#"
[defaults]
spread = "500km"
[[region]]
name = "eu"
at = [50.11, 8.68]
serves = { continents = ["EU"], networks = ["100.64.7.0/24"] }
then = ["us"]
[[region]]
name = "us"
at = [40.71, -74.0]
serves = { countries = ["US"] }
[[region]]
name = "asia"
at = [35.68, 139.69]
[[panel]]
name = "fra1"
region = "eu"
addresses = ["192.0.2.1", "2001:db8::1"]
[[panel]]
name = "ams1"
region = "eu"
at = [52.37, 4.90]
addresses = ["192.0.2.2"]
weight = 2.5
[[panel]]
name = "lon1"
region = "eu"
at = [51.5, 0.0]
addresses = ["192.0.2.3"]
state = "disabled"
[[panel]]
name = "par1"
region = "eu"
at = [48.85, 2.35]
addresses = ["192.0.2.4"]
state = "draining"
[[panel]]
name = "bru1"
region = "eu"
at = [50.85, 4.35]
addresses = ["192.0.2.5"]
weight = 0
[[panel]]
name = "nyc1"
region = "us"
addresses = ["192.0.2.6", "2001:db8::6"]
[[panel]]
name = "tok1"
region = "asia"
addresses = ["192.0.2.7"]
[[set]]
name = "all"
panels = ["fra1", "ams1", "lon1", "par1", "bru1", "nyc1", "tok1"]
[[set]]
name = "reserve"
panels = ["nyc1", "fra1", { panel = "tok1", tier = 2 }]
steer = "failover"
[[set]]
name = "off"
panels = ["lon1"]
[[set]]
name = "leaving"
panels = ["par1", "lon1"]
[[zone]]
name = "z.test"
file = "z.test"
[[zone]]
name = "broken.test"
file = "broken.test"
[[zone]]
name = "gone.test"
[[hostname]]
name = "near.z.test"
set = "all"
ports = { http = 8080 }
[[hostname]]
name = "both.z.test"
set = "all"
ports = { https = 8443 }
[[hostname]]
name = "*.wild.z.test"
set = "all"
answers = 2
[[hostname]]
name = "fenced.z.test"
set = "all"
fence = "region"
[[hostname]]
name = "land.z.test"
set = "all"
fence = "continent"
[[hostname]]
name = "reserve.z.test"
set = "reserve"
ttl = 30
[[hostname]]
name = "chance.z.test"
set = "all"
steer = "weighted"
sticky = false
[[hostname]]
name = "turn.z.test"
set = "all"
steer = "round-robin"
[[hostname]]
name = "off.z.test"
set = "off"
[[hostname]]
name = "leaving.z.test"
set = "leaving"
[[hostname]]
name = "lost.z.test"
set = "nowhere"
"#;

const ZONE: &str = "$ORIGIN z.test.\n$TTL 3600\n@ SOA ns1 host 1 1 1 1 30\n@ NS ns1\nns1 A 192.0.2.53\nwww CNAME near\nfar CNAME www.other.test.\n\
    also CNAME www.broken.test.\nold DNAME wild\nkid NS ns1\n*.any TXT \"any\"\nnear TXT \"static\"\nmail MX 10 ns1\nmail MX 20 ns1\na.b TXT \"x\"\n";

struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("no files here".into())
    }
}

/// What a node publishes for the fleet when all is built and drawn.
struct World {
    snapshot: Arc<Snapshot>,
    fleet: Arc<Fleet>,
}

impl World {
    fn new(fleet: &str) -> Self {
        let (fleet, problems) = fleet::parse("fleet.toml", fleet.as_bytes(), Path::new(""));
        let said = |network: &str, at: (f64, f64), country: &[u8; 2]| Override {
            network: Network::parse(network).unwrap(),
            at: Some(at),
            country: Some(*country),
        };
        let overrides = [
            said("203.0.112.0/22", (51.5, -0.1), b"GB"),
            said("198.51.100.0/24", (41.9, -87.6), b"US"),
            said("2001:db8:1::/48", (-33.9, 151.2), b"AU"),
        ];
        let believed = ["203.0.0.0/8", "198.51.100.0/24", "100.64.0.0/10", "10.0.0.0/8", "2001:db8::/32"];
        let ecs_from = believed.map(|network| Network::parse(network).unwrap()).to_vec();
        let plan = Event::Plan { plan: compile::plan::plan("fleet.toml", fleet), problems, force: false };
        let mut events = VecDeque::from([Event::Manners(Manners { ecs_from, ..Manners::default() }), plan]);
        let (mut pilot, mut snapshot) = (Pilot::default(), Arc::new(Snapshot::default()));
        while let Some(event) = events.pop_front() {
            for action in pilot.handle(crate::clock::Now::default(), event) {
                match action {
                    Action::Build(job) => {
                        let text = if job.plan.name == name("z.test") { ZONE } else { "rubbish" };
                        let compiled = compile::zone::zone(&job.plan.name, "z", text.into(), &mut NoFiles, &job.plan.steered);
                        let errors: Vec<&Problem> = compiled.problems.iter().filter(|problem| problem.is_error()).collect();
                        assert!(errors.is_empty() || text == "rubbish", "{errors:?}");
                        events.push_back(Event::Built { zone: job.plan.name.clone(), ticket: job.ticket, compiled });
                    }
                    Action::Survey(ticket) => {
                        let survey = Survey { atlas: Atlas::new(Vec::new(), &overrides), problems: Vec::new() };
                        events.push_back(Event::Surveyed { ticket, survey: Box::new(survey) });
                    }
                    Action::Chart(sketch) => {
                        let chart = Chart::new(&sketch.geometry, &sketch.guide);
                        events.push_back(Event::Charted { ticket: sketch.ticket, chart });
                    }
                    Action::Publish(published) => snapshot = published,
                    Action::Ask(_) | Action::Watch(_) | Action::Turned(_) => {}
                }
            }
        }
        Self { snapshot, fleet: Arc::clone(pilot.fleet()) }
    }

    /// `client` is an address or a network, or `-`; without `resolver` the client asks for itself.
    fn ask(&self, asked: &str, rtype: &str, client: &str, resolver: Option<&str>) -> Explanation {
        self.ask_with(asked, rtype, client, resolver, 7)
    }

    fn ask_with(&self, asked: &str, rtype: &str, client: &str, resolver: Option<&str>, seed: u64) -> Explanation {
        let client = (client != "-").then(|| Network::parse(client).unwrap());
        let resolver = resolver.map_or_else(|| client.unwrap().address(), |text| text.parse().unwrap());
        let question = Question::new(name(asked), Type::from_mnemonic(rtype.as_bytes()).unwrap(), client, resolver, seed);
        explain(Now::default(), &self.snapshot, &self.fleet, &question).unwrap()
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// What is said of one step, its label left out.
fn said(explanation: &Explanation, step: &str) -> String {
    let json = serde_json::to_value(explanation).unwrap();
    let steps = json["steps"].as_array().unwrap();
    let texts = steps.iter().filter(|said| said["step"] == step).map(|said| said["text"].as_str().unwrap());
    texts.collect::<Vec<_>>().join(" | ")
}

fn ranked(explanation: &Explanation) -> Vec<&Ranked> {
    let panels = explanation.steps.iter().filter_map(|step| match &step.facts {
        Facts::Tier(tiered) => Some(&tiered.panels),
        Facts::Out { panels } => Some(panels),
        _ => None,
    });
    panels.flatten().collect()
}

fn notes(explanation: &Explanation) -> Vec<String> {
    ranked(explanation).iter().map(|ranked| format!("{} {}", ranked.panel, ranked.text)).collect()
}

const LONDON: &str = "203.0.113.77";
const CHICAGO: &str = "198.51.100.9";
const SYDNEY: &str = "2001:db8:1::9";

#[test]
fn it_is_told_as_a_person_would() {
    let text = World::new(FLEET).ask("near.z.test", "A", LONDON, None).to_string();
    let expected = "\
near.z.test A for 203.0.113.77: 192.0.2.2 (ams1), TTL 60, scope /22

  name      near.z.test, a hostname of zone z.test
  client    203.0.113.77/32, named by its resolver (EDNS Client Subnet)
  place     GB, 51.5 N 0.1 W, by [geoip].overrides
  region    eu, because it serves continent EU
  set       all, steered by nearest, spread 500 km
  tier 1    ams1     356 km   weight 2.5   chosen: nobody else of its tier can be
            lon1       7 km   weight 0     out: disabled
            bru1     319 km   weight 0     out: weight 0
            par1     342 km   weight 0     out: draining
  tier 2    fra1     636 km   weight 1     629 km farther than lon1
  tier 3    nyc1   5,572 km   weight 1     region us, next in eu's `then`
  tier 4    tok1   9,559 km   weight 1     region asia, not in eu's `then`
  ttl       60 s, the hostname's `ttl`
  scope     /22: all of 203.0.112.0/22 is the same to this set
";
    assert_eq!(text, expected);
}

#[test]
fn what_is_shown_is_what_is_answered() {
    let world = World::new(FLEET);
    for (asked, rtype, client, answer, panels) in [
        ("near.z.test", "A", LONDON, &["192.0.2.2"][..], &["ams1"][..]),
        ("near.z.test", "AAAA", LONDON, &["2001:db8::1"], &["fra1"]),
        ("near.z.test", "A", CHICAGO, &["192.0.2.6"], &["nyc1"]),
        ("near.z.test", "A", SYDNEY, &["192.0.2.7"], &["tok1"]),
        ("near.z.test", "ANY", CHICAGO, &["192.0.2.6"], &["nyc1"]),
        ("reserve.z.test", "A", LONDON, &["192.0.2.6"], &["nyc1"]),
        ("x.wild.z.test", "A", LONDON, &["192.0.2.2"], &["ams1"]),
        ("www.z.test", "A", CHICAGO, &["192.0.2.6"], &["nyc1"]),
        ("y.old.z.test", "A", CHICAGO, &["192.0.2.6"], &["nyc1"]),
        ("tok1.near.z.test", "A", CHICAGO, &["192.0.2.7"], &["tok1"]),
        ("leaving.z.test", "A", CHICAGO, &["192.0.2.4"], &["par1"]),
        ("ns1.z.test", "A", CHICAGO, &["192.0.2.53"], &[]),
    ] {
        let explanation = world.ask(asked, rtype, client, None);
        let answer: Vec<std::net::IpAddr> = answer.iter().map(|address| address.parse().unwrap()).collect();
        assert_eq!(
            (&explanation.answer, &explanation.panels[..]),
            (&answer, &panels.iter().map(|s| s.to_string()).collect::<Vec<_>>()[..]),
            "{asked}"
        );
        assert!(explanation.is_answered && explanation.status == "NOERROR", "{asked}");
        let chosen: Vec<&str> = ranked(&explanation).iter().filter(|ranked| ranked.chosen).map(|ranked| &*ranked.panel).collect();
        assert!(chosen.is_empty() || chosen == panels, "{asked}: {chosen:?}");
    }
}

#[test]
fn the_client_is_the_one_that_counts() {
    let world = World::new(FLEET);
    for (client, resolver, who, place) in [
        (
            "203.0.113.0/24",
            Some("10.0.0.1"),
            "203.0.113.0/24, named by the resolver 10.0.0.1 (EDNS Client Subnet)",
            "GB, 51.5 N 0.1 W, by [geoip].overrides",
        ),
        (
            "192.0.2.0/24",
            Some(CHICAGO),
            "192.0.2.0/24, named by the resolver 198.51.100.9 (EDNS Client Subnet); nobody knows where it is, so the resolver's address counts",
            "US, 41.9 N 87.6 W, by [geoip].overrides",
        ),
        (
            LONDON,
            Some("8.8.8.8"),
            "the resolver 8.8.8.8 names 203.0.113.77/32, but [dns].ecs_from does not have it: its own address counts",
            "unknown: there is no database of places",
        ),
        (
            "0.0.0.0/0",
            Some(CHICAGO),
            "the resolver 198.51.100.9 keeps its client's network to itself (/0): its own address counts",
            "US, 41.9 N 87.6 W, by [geoip].overrides",
        ),
        ("-", Some(LONDON), "the resolver 203.0.113.77 itself: it names no client network", "GB, 51.5 N 0.1 W, by [geoip].overrides"),
        (
            "10.1.2.3",
            None,
            "10.1.2.3/32, named by its resolver (EDNS Client Subnet)",
            "unknown: 10.1.2.3 is a private address; a region's `networks` or [geoip].overrides can place it",
        ),
        (
            "100.64.7.9",
            None,
            "100.64.7.9/32, named by its resolver (EDNS Client Subnet)",
            "50.1 N 8.7 E, the place of region eu, which names the client",
        ),
        (
            "::ffff:203.0.113.77",
            None,
            "203.0.113.77/32, named by its resolver (EDNS Client Subnet)",
            "GB, 51.5 N 0.1 W, by [geoip].overrides",
        ),
    ] {
        let explanation = world.ask("near.z.test", "A", client, resolver);
        assert_eq!((said(&explanation, "client"), said(&explanation, "place")), (who.into(), place.into()), "{client} {resolver:?}");
    }
    // Where the place plays no part nobody asks for it.
    assert_eq!(said(&world.ask("reserve.z.test", "A", LONDON, None), "place"), "");
}

#[test]
fn regions_are_told_with_the_reason() {
    let world = World::new(FLEET);
    let region = |client: &str| said(&world.ask("near.z.test", "A", client, None), "region");
    assert_eq!(region(LONDON), "eu, because it serves continent EU");
    assert_eq!(region(CHICAGO), "us, because it serves country US");
    assert_eq!(region("100.64.7.9"), "eu, because its `networks` have 100.64.7.0/24");
    assert_eq!(region(SYDNEY), "none serves the client, so distance alone decides");
    assert_eq!(region("10.1.2.3"), "");
    let followed = World::new(&FLEET.replace("at = [35.68, 139.69]", "at = [35.68, 139.69]\nthen = [\"us\"]"));
    assert_eq!(
        said(&followed.ask("near.z.test", "A", SYDNEY, None), "region"),
        "none serves the client, so that of its nearest panel: asia"
    );
}

#[test]
fn panels_that_are_out_are_told_with_the_reason() {
    let world = World::new(FLEET);
    let notes = |asked: &str, rtype: &str, client: &str| notes(&world.ask(asked, rtype, client, None));
    let v6 = notes("near.z.test", "AAAA", LONDON);
    assert_eq!(v6.iter().filter(|note| note.ends_with("out: has no IPv6 address")).count(), 5, "{v6:?}");
    assert!(v6.contains(&"fra1 chosen: alone in its tier".to_owned()), "{v6:?}");
    let fenced = notes("fenced.z.test", "A", LONDON);
    assert_eq!(fenced.last().unwrap(), "tok1 out: beyond the fence: not in region eu");
    assert_eq!(fenced.iter().filter(|note| note.contains("fence")).count(), 2, "{fenced:?}");
    // Nothing is within the fence, so nothing is beyond it.
    assert!(!notes("land.z.test", "A", SYDNEY).iter().any(|note| note.contains("fence")));
    assert_eq!(notes("land.z.test", "A", CHICAGO).iter().filter(|note| note.ends_with("not on NA")).count(), 6);
    assert_eq!(
        notes("leaving.z.test", "A", LONDON),
        ["par1 chosen: nobody else of its tier can be; draining, but nobody else is left".to_owned(), "lon1 out: disabled".into()]
    );
    assert_eq!(notes("off.z.test", "A", LONDON), ["lon1 out: disabled"]);
}

#[test]
fn who_is_beyond_a_fence_that_is_given_up_is_told() {
    let drained = World::new(&FLEET.replacen("region = \"eu\"\n", "region = \"eu\"\nstate = \"draining\"\n", 1));
    let explanation = drained.ask("fenced.z.test", "AAAA", LONDON, None);
    assert_eq!(explanation.panels, ["nyc1"]);
    let notes = notes(&explanation);
    let chosen = "nyc1 chosen: alone in its tier; beyond the fence, but nobody within it is left";
    assert!(notes.iter().any(|note| note == chosen), "{notes:?}");
    assert!(!notes.iter().any(|note| note.contains("out: beyond")), "{notes:?}");
}

#[test]
fn sharers_of_a_tier_come_in_the_order_of_the_slot() {
    let world = World::new(FLEET);
    // Nobody knows where they are, so all share one tier.
    for n in 0..64 {
        let explanation = world.ask("near.z.test", "A", &format!("10.1.{n}.3"), None);
        let turns: Vec<Option<usize>> = ranked(&explanation).iter().map(|ranked| ranked.turn).collect();
        assert_eq!(turns, [Some(1), Some(2), Some(3), Some(4), None, None, None]);
        let first = ranked(&explanation)[0];
        assert_eq!(Some(&first.panel), explanation.panel.as_ref());
        assert!(first.chosen && first.text.starts_with("chosen: 1st of 4 in slot "), "{}", first.text);
        assert_eq!(
            (explanation.scope, said(&explanation, "scope")),
            (Some(24), "/24: the panel depends on the slot, and each /24 has a slot of its own".into())
        );
    }
    assert_eq!(world.ask("q.wild.z.test", "A", "10.1.2.3", None).panels.len(), 2, "answers = 2");
    let explanation = world.ask("reserve.z.test", "A", LONDON, None);
    assert_eq!(notes(&explanation), ["nyc1 chosen: alone in its tier", "fra1 next in the list", "tok1 tier 2 of the set"]);
    assert_eq!((explanation.scope, said(&explanation, "scope")), (Some(0), "/0: the same for everybody".into()));
}

#[test]
fn chance_and_turns_are_called_so() {
    let world = World::new(FLEET);
    let seen = |asked: &str| {
        let mut seen: Vec<String> = (0..40).filter_map(|seed| world.ask_with(asked, "A", LONDON, None, seed).panel).collect();
        seen.sort();
        seen.dedup();
        seen
    };
    assert_eq!(seen("chance.z.test"), ["ams1", "fra1", "nyc1", "tok1"]);
    assert_eq!(seen("turn.z.test"), ["ams1", "fra1", "nyc1", "tok1"]);
    assert!(notes(&world.ask("chance.z.test", "A", LONDON, None))[0].ends_with("chosen: 1st of 4 by chance"));
    assert!(notes(&world.ask("turn.z.test", "A", LONDON, None))[0].ends_with("chosen: in turn"));
}

#[test]
fn names_lead_to_their_hostname() {
    let world = World::new(FLEET);
    let told = |asked: &str, rtype: &str| world.ask(asked, rtype, LONDON, None);
    assert_eq!(said(&told("www.z.test", "A"), "alias"), "www.z.test is an alias (CNAME) of near.z.test");
    let renamed = told("y.old.z.test", "A");
    assert_eq!(
        said(&renamed, "alias"),
        "names below old.z.test are renamed to wild.z.test (DNAME) | y.old.z.test is an alias (CNAME) of y.wild.z.test"
    );
    assert_eq!(said(&renamed, "hostname"), "y.wild.z.test is matched by *.wild.z.test, a wildcard hostname of zone z.test");
    assert_eq!(
        said(&told("tok1.near.z.test", "A"), "hostname"),
        "tok1.near.z.test is panel tok1's own name below near.z.test: its addresses, for everybody"
    );
    let srv = told("_http._tcp.near.z.test", "SRV");
    assert_eq!(said(&srv, "hostname"), "_http._tcp.near.z.test has the panels of near.z.test as SRV records (`ports.http`)");
    assert_eq!(srv.records[0].data, "0 15 8080 ams1.near.z.test.");
    assert_eq!(notes(&srv)[3..], ["ams1 priority 0", "fra1 priority 1", "nyc1 priority 2", "tok1 priority 3"]);
    let https = told("_8443._https.both.z.test", "HTTPS");
    assert_eq!(said(&https, "hints"), "ipv4hint of ams1, ipv6hint of fra1");
    assert_eq!(said(&https, "hostname"), "_8443._https.both.z.test has the HTTPS record of both.z.test (`ports.https`)");
    assert_eq!(told("both.z.test", "HTTPS").panel.as_deref(), Some("ams1"));
}

#[test]
fn what_has_no_answer_is_told_why() {
    let world = World::new(FLEET);
    for (asked, rtype, status, because) in [
        ("off.z.test", "A", "NOERROR", "all of set off's panels with an IPv4 address (1 panel) are disabled"),
        ("off.z.test", "AAAA", "NOERROR", "no panel of set off has an IPv6 address"),
        ("tok1.near.z.test", "AAAA", "NOERROR", "the panel has no AAAA"),
        ("near.z.test", "MX", "NOERROR", "the name has steered addresses, and the zone's file has no MX for it"),
        ("near.z.test", "HTTPS", "NOERROR", "the hostname has no `https` port"),
        ("_http._tcp.near.z.test", "A", "NOERROR", "the name has SRV records only, no A"),
        ("www.z.test", "MX", "NOERROR", "the name has steered addresses, and the zone's file has no MX for it"),
        ("mail.z.test", "A", "NOERROR", "mail.z.test has no A in zone z.test; it has MX"),
        ("b.z.test", "A", "NOERROR", "b.z.test exists in zone z.test only because there are names below it"),
        ("q.any.z.test", "A", "NOERROR", "q.any.z.test has no A in zone z.test; it has TXT"),
        ("x.kid.z.test", "A", "NOERROR", "kid.z.test is delegated in zone z.test: ns1.z.test. answers for it"),
        ("nope.z.test", "A", "NXDOMAIN", "zone z.test has no nope.z.test, nor a wildcard that stands for it"),
        ("x.other.test", "A", "REFUSED", "x.other.test is in no zone of this fleet, which has 2 zones (z.test and broken.test)"),
        (
            "x.broken.test",
            "A",
            "SERVFAIL",
            "the file of zone broken.test is not sound, so nobody knows what is in it; `meridian check` names every problem",
        ),
        (
            "gone.test",
            "A",
            "SERVFAIL",
            "zone gone.test is not sound in the fleet, so nobody knows what is in it; `meridian check` names every problem",
        ),
        (
            "lost.z.test",
            "A",
            "SERVFAIL",
            "hostname lost.z.test is not sound in the fleet, so nobody knows where it leads; `meridian check` names every problem",
        ),
    ] {
        let explanation = world.ask(asked, rtype, LONDON, None);
        assert_eq!((&*explanation.status, said(&explanation, "nothing")), (status, because.into()), "{asked} {rtype}");
        assert!(!explanation.is_answered && explanation.answer.is_empty(), "{asked} {rtype}");
    }
    for (asked, rtype) in [("nope.z.test", "A"), ("near.z.test", "MX"), ("x.other.test", "A"), ("off.z.test", "AAAA")] {
        assert_eq!(world.ask(asked, rtype, LONDON, None).scope, Some(0), "{asked}");
    }
    assert_eq!(world.ask("nope.z.test", "A", LONDON, None).ttl, Some(30));
    assert_eq!(world.ask("x.broken.test", "A", LONDON, None).ttl, None);
    let text = world.ask("www.z.test", "MX", LONDON, None).to_string();
    assert!(text.starts_with("www.z.test MX for 203.0.113.77: no answer (NODATA), TTL 30, scope /0\n"), "{text}");
}

#[test]
fn static_data_is_called_so() {
    let world = World::new(FLEET);
    let told = |asked: &str, rtype: &str| world.ask(asked, rtype, LONDON, None);
    for (asked, rtype, zone) in [
        ("near.z.test", "TXT", "static data of zone z.test: the same for everybody"),
        ("q.any.z.test", "TXT", "static data of zone z.test, from the wildcard *.any.z.test: the same for everybody"),
        ("www.z.test", "CNAME", "static data of zone z.test: the same for everybody"),
        ("mail.z.test", "MX", "static data of zone z.test: the same for everybody"),
    ] {
        let explanation = told(asked, rtype);
        assert_eq!(said(&explanation, "zone"), zone, "{asked}");
        assert!(explanation.is_answered && explanation.panel.is_none() && explanation.scope == Some(0), "{asked}");
    }
    let text = told("mail.z.test", "MX").to_string();
    assert!(
        text.starts_with("mail.z.test MX for 203.0.113.77: 2 records, TTL 3600, scope /0\n  MX 10 ns1.z.test.\n  MX 20 ns1.z.test.\n\n"),
        "{text}"
    );
    let out = told("far.z.test", "A");
    assert!(out.is_answered && out.records.len() == 1);
    assert_eq!(said(&out, "nothing"), "the alias leads out of zone z.test, where it ends here: the resolver asks on");
    let also = said(&told("also.z.test", "A"), "nothing");
    assert_eq!(also, "the alias leads out of zone z.test, where it ends here although this node has that zone too: the resolver asks on");
    assert_eq!(told("www.z.test", "A").scope, Some(22), "an alias of a steered name has its scope");
}

#[test]
fn scopes_are_told_only_where_the_answer_has_one() {
    let world = World::new(FLEET);
    let scope = |client: &str, resolver: &str| {
        let explanation = world.ask("near.z.test", "A", client, Some(resolver));
        (explanation.scope, said(&explanation, "scope"))
    };
    assert_eq!(scope("-", LONDON), (None, "none: the resolver named no client network".into()));
    assert_eq!(scope(LONDON, "8.8.8.8"), (None, "none: what this resolver says of clients is not believed".into()));
    assert_eq!(scope("0.0.0.0/0", LONDON), (Some(0), "/0: the resolver wants its client's network to play no part".into()));
    let (bits, because) = scope("192.0.2.0/24", CHICAGO);
    assert_eq!(
        because,
        format!("/{}: of all of {} nobody knows where it is, so the resolver's place counts", bits.unwrap(), "192.0.0.0/6")
    );
}

#[test]
fn a_tier_that_hands_clients_on_is_told_of() {
    let World { snapshot, fleet } = World::new(FLEET);
    // Half of the first tier is down: the services are changed as health will change them.
    let limp = |service: &Service| {
        let mut service = service.clone();
        (service.roster.calm, service.roster.overflow) = (false, 1 << 16);
        let first = &mut service.roster.members[0].fit;
        first.up = first.full / 2;
        Arc::new(service)
    };
    let zones = snapshot.zones.iter().map(|serving| match serving {
        Serving::Zone(zone, services) => {
            let list = services.list.iter().map(|service| limp(service)).collect();
            Serving::Zone(Arc::clone(zone), Services { of: Arc::clone(&services.of), list })
        }
        broken => broken.clone(),
    });
    let world = World { snapshot: Arc::new(Snapshot { zones: Zones::new(zones.collect()), ..Snapshot::clone(&snapshot) }), fleet };
    let mut kept = 0;
    for n in 0..200 {
        let explanation = world.ask("reserve.z.test", "A", &format!("10.9.{n}.1"), None);
        let states: Vec<(&str, f64)> = explanation
            .steps
            .iter()
            .filter_map(|step| match &step.facts {
                Facts::Tier(tiered) => Some((&*tiered.state, tiered.keeps)),
                _ => None,
            })
            .collect();
        assert_eq!(explanation.scope, Some(24));
        if explanation.panel.as_deref() == Some("nyc1") {
            kept += 1;
            assert_eq!(states, [("chosen", 0.5), ("waiting", 1.0), ("waiting", 1.0)]);
        } else {
            assert_eq!(
                (explanation.panel.as_deref(), &states[..]),
                (Some("fra1"), &[("handed-on", 0.5), ("chosen", 1.0), ("waiting", 1.0)][..])
            );
            let notes = notes(&explanation);
            assert!(notes[0].starts_with("nyc1 keeps 50 % of its clients, not those of slot "), "{}", notes[0]);
            assert_eq!(notes[1], "fra1 chosen: alone in its tier");
        }
    }
    assert!((70..130).contains(&kept), "{kept} of 200 are kept");
}

#[test]
fn many_panels_are_cut_in_text_alone() {
    let panel = |n: usize| format!("[[panel]]\nname = \"p{n}\"\nat = [10.0, 10.0]\naddresses = [\"10.0.0.{n}\"]\n");
    let panels: String = (1..=30).map(panel).collect();
    let names: Vec<String> = (1..=30).map(|n| format!("\"p{n}\"")).collect();
    let fleet = format!(
        "{panels}[[set]]\nname = \"s\"\npanels = [{}]\n[[zone]]\nname = \"z.test\"\nfile = \"z\"\n[[hostname]]\nname = \"x.z.test\"\nset = \"s\"\n",
        names.join(", ")
    );
    let explanation = World::new(&fleet).ask("x.z.test", "A", LONDON, None);
    assert_eq!(ranked(&explanation).len(), 30);
    let text = explanation.to_string();
    assert_eq!(text.lines().filter(|line| line.contains("weight 1")).count(), 20);
    assert!(text.contains("\n            and 10 panels more (--json has all)\n"), "{text}");
}

#[test]
fn the_ranking_to_be_charted_is_the_one_that_answers() {
    let world = World::new(FLEET);
    let geometry = |asked: &str, rtype: Type| {
        let client = Network::parse(LONDON).unwrap();
        geometry(Now::default(), &world.snapshot, &Question::new(name(asked), rtype, Some(client), client.address(), 0))
    };
    assert_eq!(geometry("www.z.test", Type::A).unwrap().stops.len(), 7);
    assert!(Arc::ptr_eq(&geometry("near.z.test", Type::AAAA).unwrap(), &geometry("x.wild.z.test", Type::A).unwrap()));
    assert!(geometry("reserve.z.test", Type::A).is_none(), "it needs no places");
    assert!(geometry("ns1.z.test", Type::A).is_none());
    assert!(geometry("x.broken.test", Type::A).is_none());
}
