//! `/metrics`: the node and its panels in numbers. Names and labels are a contract: tests/golden/metrics.txt has them.

mod panels;
mod process;

use super::bearer::Asked;
use super::objects::Doorway;
use super::reply::Answer;
use super::status::Readiness;
use crate::control::{Figures, OUTCOMES};
use crate::metrics::{CONTENT_TYPE, Page};
use crate::transport::{Counts, RCODES, Traffic};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use process::Process;

/// What a panel with one address and one check takes; a page that grows is copied again and again.
const BYTES_A_PANEL: usize = 2 << 10;
const BYTES: usize = 16 << 10;

pub(super) async fn metrics(State(door): Doorway, mut asked: Asked) -> Answer {
    asked.finish()?;
    // Two at once, however many ask: a page of ten thousand panels is 20 MB.
    let _turn = door.reading().await;
    let figures = door.control.figures(&asked.caller).await?;
    let own = Own {
        readiness: (*door.status.load()).clone(),
        counts: door.status.counts(),
        requests: door.requests.read(),
        process: Process::read(door.started_s),
    };
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], page(&figures, &own)).into_response())
}

/// What this node knows of itself.
#[derive(Debug)]
struct Own {
    readiness: Readiness,
    /// None before the first query can come.
    counts: Option<Counts>,
    /// API requests by the first digit of their status.
    requests: [u64; 5],
    process: Process,
}

fn page(figures: &Figures, own: &Own) -> String {
    let mut page = Page::with_capacity(BYTES + figures.panels.len() * BYTES_A_PANEL);
    node(&mut page, figures, own);
    queries(&mut page, &own.counts.unwrap_or_default());
    api(&mut page, figures, own);
    own.process.write(&mut page);
    panels::write(&mut page, figures);
    checks(&mut page, figures);
    page.into_text()
}

fn node(page: &mut Page, figures: &Figures, own: &Own) {
    let served = figures.told.served;
    page.gauge("meridian_build_info", "The program; always 1.")
        .put(&[("version", env!("CARGO_PKG_VERSION")), ("node", &figures.node)], true);
    page.gauge("meridian_ready", "Whether queries are answered.").put(&[], own.readiness.ready);
    page.gauge("meridian_generation", "Of the snapshot that answers.").put(&[], own.readiness.generation);
    page.gauge("meridian_edition", "Of what is served: generations that differ by more than charts.").put(&[], served.edition);
    page.gauge("meridian_store_revision", "Of the last change that is stored.").put(&[], figures.revision);
    page.gauge("meridian_problems", "Things that are wrong, as /readyz names them.").put(&[], served.problems);
    page.gauge("meridian_zones", "Zones by whether they are answered or broken.")
        .put(&[("state", "served")], served.zones)
        .put(&[("state", "broken")], served.broken);
    page.gauge("meridian_records", "Records of all zones that are answered.").put(&[], served.records);
    page.gauge("meridian_hostnames", "Hostnames of the fleet.").put(&[], figures.hostnames);
    page.gauge("meridian_sets", "Sets of the fleet.").put(&[], figures.sets);
}

fn queries(page: &mut Page, counts: &Counts) {
    let both: [(&str, &Traffic); 2] = [("udp", &counts.udp), ("tcp", &counts.tcp)];
    let mut each = |name, help, count: fn(&Traffic) -> u64| {
        let mut samples = page.counter(name, help);
        for (transport, traffic) in both {
            samples.put(&[("transport", transport)], count(traffic));
        }
    };
    each("meridian_dns_queries_total", "Messages read.", |traffic| traffic.received);
    each("meridian_dns_dropped_total", "Messages that deserve no answer.", |traffic| traffic.dropped);
    each("meridian_dns_unsent_total", "Answers that the kernel did not take.", |traffic| traffic.unsent);
    each("meridian_dns_panics_total", "Messages lost to a fault of meridian's own.", |traffic| traffic.panics);
    page.counter(
        "meridian_dns_limited_total",
        "Answers over the response rate limit, by what became of them; the small ones are answers too.",
    )
    .put(&[("outcome", "withheld")], counts.udp.withheld)
    .put(&[("outcome", "slipped")], counts.udp.slipped);
    let mut samples = page.counter("meridian_dns_answers_total", "Answers by their RCODE.");
    for (transport, traffic) in both {
        for (code, count) in traffic.rcodes.iter().enumerate().filter(|(code, count)| **count > 0 || COMMON.contains(code)) {
            samples.put(&[("transport", transport), ("rcode", &rcode(code))], *count);
        }
    }
    let tcp = counts.connections;
    page.gauge("meridian_dns_tcp_connections", "TCP connections that are open.").put(&[], tcp.open);
    page.counter("meridian_dns_tcp_accepted_total", "TCP connections accepted.").put(&[], tcp.accepted);
    page.counter("meridian_dns_tcp_closed_total", "TCP connections closed from this side, by why.")
        .put(&[("reason", "evicted")], tcp.evicted)
        .put(&[("reason", "idle")], tcp.idle)
        .put(&[("reason", "stalled")], tcp.stalled);
    page.counter("meridian_dns_tcp_exhausted_total", "Times no connection could be accepted for want of files or memory.")
        .put(&[], tcp.exhausted);
}

/// Told even when there was none: a rate of what was never seen has no beginning.
const COMMON: [usize; 6] = [0, 1, 2, 3, 4, 5];

fn rcode(code: usize) -> String {
    match code {
        0 => "NOERROR".into(),
        1 => "FORMERR".into(),
        2 => "SERVFAIL".into(),
        3 => "NXDOMAIN".into(),
        4 => "NOTIMP".into(),
        5 => "REFUSED".into(),
        6 => "YXDOMAIN".into(),
        9 => "NOTAUTH".into(),
        16 => "BADVERS".into(),
        // What is beyond counts as the last.
        code if code + 1 == RCODES => "BADCOOKIE".into(),
        code => format!("RCODE{code}"),
    }
}

fn api(page: &mut Page, figures: &Figures, own: &Own) {
    let mut samples = page.counter("meridian_api_requests_total", "Requests to the API by the class of their status.");
    for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx"].iter().zip(own.requests) {
        samples.put(&[("class", class)], count);
    }
    page.counter("meridian_api_wrong_tokens_total", "Tokens that nobody has.").put(&[], figures.tallies.wrong_tokens);
}

fn checks(page: &mut Page, figures: &Figures) {
    let tallies = &figures.tallies;
    let mut samples = page.counter("meridian_checks_total", "Checks done by what came of them.");
    for (check, tally) in &tallies.checks {
        for (outcome, count) in OUTCOMES.iter().zip(tally.outcomes) {
            samples.put(&[("check", check), ("outcome", outcome)], count);
        }
    }
    let mut histograms = page.histogram("meridian_probe_latency_seconds", "What checks took that were answered well.");
    for (check, tally) in &tallies.checks {
        histograms.put(&[("check", check)], &tally.latency);
    }
    let mut histograms =
        page.histogram("meridian_probe_stream_start_seconds", "From the start of a check to the first bytes of a segment.");
    let starts = tallies.checks.iter().filter(|(_, tally)| tally.stream_start.count() > 0);
    for (check, tally) in starts {
        histograms.put(&[("check", check)], &tally.stream_start);
    }
    let mut samples = page.counter("meridian_verdict_changes_total", "Verdicts on addresses that became another one.");
    for ((from, to), count) in &tallies.turns {
        samples.put(&[("from", from.word()), ("to", to.word())], *count);
    }
    page.histogram("meridian_failover_seconds", "From the start of the first failed check to answers without the address.")
        .put(&[], &tallies.failovers);
}

#[cfg(test)]
mod tests;
