//! What is said of panels, to whom, and what comes in of them.

use super::*;
use crate::control::begin::{Opening, Options, begin};
use crate::control::{Control, Post, Posts, Role, Scope};
use crate::fleet::ledger::{Item, Ledger};
use crate::health::{Outcome, Report};
use crate::pilot::Event;
use crate::snapshot::Slot;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

fn view() -> PanelView {
    let address = |address: &str, verdict, reason: &str| AddressView {
        address: address.parse::<IpAddr>().unwrap(),
        verdict,
        since_s: 1_795_269_600,
        reason: reason.into(),
        checks: Vec::new(),
    };
    PanelView {
        verdict: Verdict::Degraded,
        since_s: 1_795_269_600,
        reason: "timed out".into(),
        addresses: vec![address("192.0.2.1", Verdict::Up, ""), address("2001:db8::1", Verdict::Down, "timed out")],
        ..nothing("Fra1")
    }
}

fn ranked(out: Option<&str>, text: &str) -> Ranked {
    Ranked {
        panel: "Fra1".into(),
        region: None,
        tier: 1,
        distance_km: None,
        weight: 0.0,
        state: "enabled".into(),
        verdict: None,
        reason: None,
        chosen: false,
        turn: None,
        out: out.map(str::to_owned),
        text: text.into(),
    }
}

#[test]
fn a_panel_that_is_not_up_is_told_with_its_reason() {
    let weightless = Some(crate::control::steered::WEIGHTLESS);
    let full = PanelView { verdict: Verdict::Up, reason: String::new(), addresses: Vec::new(), shed: 1.0, ..view() };
    for (view, is_v4, out, text, expected_out, expected_text, verdict) in [
        (&view(), Some(false), weightless, "out: has no weight", Some("down: timed out"), "out: down: timed out", Some("down")),
        (&view(), Some(true), None, "chosen: 1st", None, "chosen: 1st", None),
        (&view(), None, None, "chosen: 1st", None, "chosen: 1st; degraded: timed out", Some("degraded")),
        // Nobody better is left.
        (&view(), Some(false), None, "", None, "down: timed out", Some("down")),
        (&view(), Some(false), Some("draining"), "out: draining", Some("draining"), "out: draining; down: timed out", Some("down")),
        (&nothing("fra1"), Some(true), weightless, "", Some("unknown: not asked yet"), "out: unknown: not asked yet", Some("unknown")),
        (
            &full,
            Some(true),
            weightless,
            "",
            Some("full: others take all of its clients"),
            "out: full: others take all of its clients",
            None,
        ),
        (&full, Some(true), None, "2nd", None, "2nd", None),
    ] {
        let mut ranked = ranked(out, text);
        condition(&mut ranked, view, is_v4);
        assert_eq!((ranked.out.as_deref(), &*ranked.text, ranked.verdict.as_deref()), (expected_out, expected_text, verdict));
    }
}

#[test]
fn gauges_are_those_that_were_said() {
    let said = json!({"connections": 312, "cpu": 0.41, "credits": 0});
    let read = read_gauges(&said);
    assert_eq!(read, Gauges { connections: Some(312.0), cpu: Some(0.41), credits: Some(0.0), ..Gauges::default() });
    assert_eq!(gauges(&read), said);
}

/// A control whose node is the test, with a fleet of two sets.
struct Place {
    control: Control,
    posts: Posts,
    data: PathBuf,
}

impl Place {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let data = std::env::temp_dir().join(format!("meridian-asking-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed)));
        let _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir_all(&data).unwrap();
        let options = Options { data: data.clone(), node: "test".into(), is_files: true, admin_token: None };
        let Opening { control, posts, .. } = begin(&options, Arc::new(Slot::new(Default::default()))).unwrap();
        let check = |name: &str| (Kind::Check, name.to_owned(), json!({"kind": "tcp", "port": 80}));
        let panel = |name: &str, n: u8, check: &str| {
            (Kind::Panel, name.to_owned(), json!({"addresses": [format!("192.0.2.{n}")], "checks": [check]}))
        };
        let set = |name: &str, panel: &str| (Kind::Set, name.to_owned(), json!({"panels": [panel]}));
        let objects =
            [check("mine"), check("theirs"), panel("Fra1", 1, "mine"), panel("nyc1", 2, "theirs"), set("a", "Fra1"), set("b", "nyc1")];
        let item = |(at, (kind, name, json)): (usize, (Kind, String, Value))| (kind, Item::of(&name, &json, at as u64));
        let (ledger, problems) = Ledger::load(None, objects.into_iter().enumerate().map(item));
        assert!(problems.iter().all(|problem| !problem.is_error()), "{problems:?}");
        control.take_files(ledger);
        Self { control, posts, data }
    }

    /// Sees set `a` and what it refers to.
    fn scoped(&self) -> Caller {
        let scope = Scope::Named { zones: BTreeSet::new(), sets: BTreeSet::from(["a".to_owned()]) };
        Caller { who: "ann".into(), role: Role::Operator, scope, from: None }
    }

    /// Answers one question for views with these.
    async fn answer(&mut self, views: Vec<PanelView>) -> Option<Vec<String>> {
        match self.posts.recv().await {
            Some(Post::Health { panels, done }) => {
                done.send(views).unwrap();
                panels
            }
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_is_told_of_in_two_seconds() {
    let place = Place::new();
    let caller = Caller::node();
    let mut asked = Box::pin(place.control.panel_health(&caller, "fra1"));
    let early = tokio::time::timeout(Duration::from_millis(1990), &mut asked).await;
    assert!(early.is_err(), "it may still answer");
    let refusal = tokio::time::timeout(Duration::from_millis(20), asked).await.unwrap().unwrap_err();
    assert!(matches!(refusal, Refusal::Late(_)), "{refusal:?}");
    let Place { control, posts, .. } = &mut Place::new();
    posts.close();
    let refusal = control.status(&Caller::node()).await.unwrap_err();
    assert_eq!(refusal, Refusal::Late("the node is stopping".into()));
}

#[tokio::test]
async fn health_is_asked_for_by_the_panels_own_name_and_shown_whole() {
    let mut place = Place::new();
    let control = place.control.clone();
    let asked = tokio::spawn(async move { control.panel_health(&Caller::node(), "FRA1").await });
    assert_eq!(place.answer(vec![view()]).await, Some(vec!["Fra1".to_owned()]));
    let health = asked.await.unwrap().unwrap();
    assert_eq!((&health["panel"], &health["verdict"], &health["since"]), (&json!("Fra1"), &json!("degraded"), &json!(1_795_269_600)));
    assert_eq!(
        health["addresses"][1],
        json!({"address": "2001:db8::1", "verdict": "down", "since": 1_795_269_600, "reason": "timed out", "checks": []})
    );
    assert_eq!((&health["state"]["state"], &health["uptime"]["7d"], &health["gauges"]), (&json!("enabled"), &Value::Null, &Value::Null));
    // Who may not know of it learns nothing, and the node is not asked.
    let refusal = place.control.panel_health(&place.scoped(), "nyc1").await.unwrap_err();
    assert!(matches!(refusal, Refusal::NotFound(_)), "{refusal:?}");
    assert!(place.posts.try_recv().is_err());
}

#[tokio::test]
async fn heartbeats_come_together_and_the_last_of_each_panel_counts() {
    let mut place = Place::new();
    for n in 0..1000 {
        place.control.report(&Caller::node(), "FRA1", json!({"connections": n})).await.unwrap();
    }
    place.control.report(&Caller::node(), "nyc1", json!({"cpu": 0.5})).await.unwrap();
    assert!(matches!(place.posts.try_recv(), Ok(Post::Beats)));
    assert!(place.posts.try_recv().is_err(), "one call for all that wait");
    let beats: Vec<(String, Gauges)> = place
        .control
        .beats()
        .into_iter()
        .map(|event| match event {
            Event::Beat { panel, gauges } => (panel, gauges),
            other => panic!("{other:?}"),
        })
        .collect();
    let of = |connections, cpu| Gauges { connections, cpu, ..Gauges::default() };
    assert_eq!(beats, [("Fra1".to_owned(), of(Some(999.0), None)), ("nyc1".to_owned(), of(None, Some(0.5)))]);
    // And again.
    place.control.report(&Caller::node(), "nyc1", json!({})).await.unwrap();
    assert!(matches!(place.posts.try_recv(), Ok(Post::Beats)));
    assert_eq!(place.control.beats().len(), 1);
}

#[tokio::test]
async fn figures_count_what_they_may_not_name() {
    let mut place = Place::new();
    let report = Report { outcome: Outcome::Good, took: Duration::from_millis(5), stream_start: None, live: None };
    place.control.checked([("mine", &report), ("theirs", &report), ("gone", &report)]);
    let mut figures = Vec::new();
    for caller in [Caller::node(), place.scoped()] {
        let control = place.control.clone();
        let asked = tokio::spawn(async move { control.figures(&caller).await });
        assert_eq!(place.answer(vec![view(), PanelView { verdict: Verdict::Down, ..nothing("nyc1") }]).await, None);
        let found = asked.await.unwrap().unwrap();
        let panels: Vec<String> = found.panels.iter().map(|panel| panel.name.clone()).collect();
        let checks: Vec<String> = found.tallies.checks.keys().cloned().collect();
        let verdicts: Vec<(Verdict, u64)> = found.verdicts.into_iter().collect();
        assert_eq!(verdicts, [(Verdict::Degraded, 1), (Verdict::Down, 1)]);
        figures.push((panels.join(" "), checks.join(" "), found.hidden));
    }
    assert_eq!(figures, [("Fra1 nyc1".into(), "mine theirs".into(), 0), ("Fra1".into(), "mine".into(), 1)]);
}

#[tokio::test]
async fn verdicts_are_told_to_those_who_see_the_panel() {
    let place = Place::new();
    let turn = |panel: &str, to| Turn {
        panel: panel.into(),
        address: None,
        from: Verdict::Up,
        to,
        reason: "refused".into(),
        at_s: 7,
        took_ms: None,
    };
    let (_, mut all) = place.control.happenings(&Caller::node(), None).unwrap().unwrap();
    // A first failure changes no verdict, so nobody is told; that others take some of its clients is told.
    let failure = Turn { address: Some([127, 0, 0, 1].into()), ..turn("Fra1", Verdict::Up) };
    place.control.turned(&[turn("Fra1", Verdict::Up)]);
    assert_eq!(all.try_recv().unwrap().kind, "load");
    place.control.turned(&[failure, turn("Fra1", Verdict::Down), turn("nyc1", Verdict::Down)]);
    let mut told = Vec::new();
    while let Ok(happening) = all.try_recv() {
        assert_eq!(happening.kind, "verdict");
        told.push((happening.body["panel"].as_str().unwrap().to_owned(), place.control.may_see(&place.scoped(), &happening)));
    }
    assert_eq!(told, [("Fra1".to_owned(), true), ("nyc1".to_owned(), false)]);
}
