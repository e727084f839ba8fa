//! The page as a whole.

use super::*;
use crate::control::{CheckTally, Served, Tallies, Told};
use crate::health::{AddressView, CheckView, Gauges, PanelView, Uptimes, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

fn panel(n: u32) -> PanelView {
    let check = |name: &str| CheckView {
        check: name.into(),
        verdict: Verdict::Up,
        failures: 0,
        successes: 3,
        reason: String::new(),
        last_s: Some(1_795_269_600),
        took_ms: Some(42),
        stream_start_ms: Some(250),
        is_watched: true,
        held_until_s: None,
    };
    let address = |at: u32| AddressView {
        address: IpAddr::V4(Ipv4Addr::from(0x7f00_0100 + at)),
        verdict: Verdict::Up,
        since_s: 1_795_269_600,
        reason: String::new(),
        checks: vec![check("stream"), check("portal")],
    };
    let gauges = Gauges { connections: Some(312.0), cpu: Some(0.41), memory: Some(0.6), bandwidth_mbps: Some(840.0), credits: Some(120.0) };
    PanelView {
        name: format!("panel-{n}"),
        verdict: Verdict::Up,
        since_s: 1_795_269_600,
        reason: String::new(),
        addresses: vec![address(2 * n), address(2 * n + 1)],
        gauges: Some((gauges, 1_795_269_600)),
        utilisation: Some(0.625),
        shed: 0.25,
        uptime: Uptimes { day: Some(1.0), week: Some(0.9995), month: Some(0.5) },
        turns: Vec::new(),
    }
}

fn figures(panels: u32) -> Figures {
    let mut check = CheckTally::default();
    check.latency.observe(0.042);
    check.stream_start.observe(0.25);
    let mut tallies = Tallies { wrong_tokens: 2, ..Tallies::default() };
    tallies.turns.insert((Verdict::Up, Verdict::Down), 1);
    tallies.failovers.observe(0.18);
    tallies.checks.insert("stream".into(), check);
    let served = Served { edition: 3, zones: 2, broken: 1, records: 1000, problems: 4 };
    Figures {
        node: "ns1".into(),
        told: Arc::new(Told { served, ..Told::default() }),
        revision: 17,
        hostnames: 9,
        sets: 2,
        verdicts: BTreeMap::from([(Verdict::Up, u64::from(panels)), (Verdict::Down, 2)]),
        panels: (0..panels).map(panel).collect(),
        hidden: 2,
        tallies,
    }
}

fn own() -> Own {
    let mut counts = Counts::default();
    (counts.udp.received, counts.udp.rcodes[16]) = (7, 1);
    (counts.udp.withheld, counts.udp.slipped) = (40, 20);
    let readiness = Readiness { ready: true, generation: 12, problems: Vec::new() };
    let process = Process { started_s: 1, resident_bytes: Some(2), open_files: Some(3), most_files: Some(4), threads: Some(5) };
    Own { readiness, counts: Some(counts), requests: [0, 5, 0, 2, 1], process }
}

/// Dashboards and alerts of others are made of names and labels: whoever changes one changes the golden file, and the CHANGELOG.
#[test]
fn names_and_labels_are_the_golden_ones() {
    let text = page(&figures(1), &own());
    let mut families: Vec<(String, BTreeSet<String>)> = Vec::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            families.push((typed.to_owned(), BTreeSet::new()));
        } else if !line.starts_with('#') {
            let labels = line.split_once('{').map_or("", |(_, rest)| rest.rsplit_once('}').unwrap().0);
            let names = labels.split("\",").filter_map(|label| label.split_once('=')).map(|(name, _)| name.to_owned());
            families.last_mut().unwrap().1.extend(names.filter(|name| name != "le"));
        }
    }
    let shown: String =
        families.iter().map(|(typed, labels)| format!("{typed} {{{}}}\n", labels.iter().cloned().collect::<Vec<_>>().join(","))).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metrics.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &shown).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), shown, "UPDATE_GOLDEN=1 writes tests/golden/metrics.txt anew");
    assert!(families.iter().all(|(typed, _)| typed.starts_with("meridian_")));
}

#[test]
fn each_family_has_its_samples() {
    let text = page(&figures(1), &own());
    for expected in [
        "meridian_ready 1\n",
        "meridian_generation 12\n",
        "meridian_problems 4\n",
        "meridian_zones{state=\"broken\"} 1\n",
        "meridian_dns_queries_total{transport=\"udp\"} 7\n",
        "meridian_dns_answers_total{transport=\"udp\",rcode=\"BADVERS\"} 1\n",
        "meridian_dns_answers_total{transport=\"tcp\",rcode=\"NXDOMAIN\"} 0\n",
        "meridian_dns_limited_total{outcome=\"withheld\"} 40\n",
        "meridian_dns_limited_total{outcome=\"slipped\"} 20\n",
        "meridian_api_requests_total{class=\"4xx\"} 2\n",
        "meridian_panels{verdict=\"down\"} 2\n",
        "meridian_panels_hidden 2\n",
        "meridian_panel_up{panel=\"panel-0\"} 1\n",
        "meridian_panel_verdict{panel=\"panel-0\",verdict=\"up\"} 1\n",
        "meridian_panel_utilisation{panel=\"panel-0\"} 0.625\n",
        "meridian_panel_reported{panel=\"panel-0\",gauge=\"bandwidth_mbps\"} 840\n",
        "meridian_panel_uptime_ratio{panel=\"panel-0\",window=\"7d\"} 0.9995\n",
        "meridian_address_up{panel=\"panel-0\",address=\"127.0.1.1\"} 1\n",
        "meridian_check_latency_seconds{panel=\"panel-0\",address=\"127.0.1.0\",check=\"stream\"} 0.042\n",
        "meridian_stream_start_seconds{panel=\"panel-0\",address=\"127.0.1.0\",check=\"stream\"} 0.25\n",
        "meridian_probe_latency_seconds_bucket{check=\"stream\",le=\"0.05\"} 1\n",
        "meridian_verdict_changes_total{from=\"up\",to=\"down\"} 1\n",
        "meridian_failover_seconds_bucket{le=\"0.2\"} 1\n",
        "meridian_failover_seconds_sum 0.18\n",
    ] {
        assert!(text.contains(expected), "{expected}{text}");
    }
}

#[test]
fn a_verdict_of_down_or_unknown_does_not_serve() {
    for (verdict, serves) in [(Verdict::Unchecked, 1), (Verdict::Up, 1), (Verdict::Degraded, 1), (Verdict::Unknown, 0), (Verdict::Down, 0)]
    {
        let panels = vec![PanelView { verdict, ..panel(0) }];
        let text = page(&Figures { panels, ..figures(0) }, &own());
        assert!(text.contains(&format!("meridian_panel_up{{panel=\"panel-0\"}} {serves}\n")), "{verdict:?}");
        assert!(text.contains(&format!("meridian_panel_verdict{{panel=\"panel-0\",verdict=\"{}\"}} 1\n", verdict.word())));
    }
}

/// Prometheus's own reader, which also knows what names are bad habits; of a node at work tests/api asks it.
#[test]
fn prometheus_reads_every_family() {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool; Debian has it in the package prometheus, which `tests/run` installs");
    promtool.stdin.take().unwrap().write_all(page(&figures(3), &own()).as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(checked.status.success() && said.is_empty(), "{said}");
}
