//! Ten times more than can be answered. A node that is stopped while it is flooded stands for one that is too slow: what its sockets
//! cannot hold is lost, and what counts is who is among those they hold.

use crate::flood::{Client, cookie, counted, nobody, question, resident_kib, with_cookie};
use crate::peers::wire::{self, A};
use crate::place::{HEAD, Node, Place, until};
use rustix::process::Signal;
use std::time::Duration;

/// No socket buffer that the node asks for holds a tenth of it.
const FLOOD: usize = 40_000;
const ASKED: usize = 50;
const MOST_KIB: usize = 2048;
const QUERIES: &str = "meridian_dns_queries_total{transport=\"udp\"}";

fn is_stopped(node: &Node<'_>) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", node.id())).unwrap();
    tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok()).all(|stat| {
        let (_, state) = stat.rsplit_once(") ").unwrap();
        state.starts_with('T')
    })
}

#[test]
fn whoever_has_a_cookie_is_answered_while_others_crowd_each_other_out() {
    let place = Place::new();
    place.configure(&[place.dns], "");
    let node = place.start();
    let known = Client::at([127, 67, 1, 1], place.dns);
    let stranger = Client::at([127, 67, 1, 2], place.dns);
    let good = cookie(&known.ask(&question("www.z.example", A, with_cookie(b"knownone"))));
    // Once with everything that is made at a first use.
    assert_eq!(stranger.ask(&question("www.z.example", A, None)).answer.len(), 1);
    assert_eq!(known.ask(&question("www.z.example", A, with_cookie(&good))).answer.len(), 1);
    let (before_kib, before) = (resident_kib(&node), counted(&node, QUERIES));

    node.signal(Signal::STOP);
    until("stopped", || if is_stopped(&node) { "stopped" } else { "not yet" }.into());
    let flooders: Vec<Client> = (1..=16).map(|host| Client::at([127, 67, 2, host], place.dns)).collect();
    for (n, flooder) in flooders.iter().cycle().take(FLOOD).enumerate() {
        flooder.send(&nobody(n, None));
    }
    for _ in 0..ASKED {
        known.send(&question("www.z.example", A, with_cookie(&good)));
        stranger.send(&question("www.z.example", A, None));
    }
    node.signal(Signal::CONT);

    for n in 0..ASKED {
        assert_eq!(known.hear().answer.len(), 1, "{n} of those asked with a cookie");
    }
    let newcomer = Client::at([127, 67, 1, 3], place.dns);
    until("answered", || {
        newcomer.send(&question("www.z.example", A, None));
        if newcomer.waits(Duration::from_secs(1)) { "answered" } else { "lost" }.into()
    });
    // What was queued before the newcomer's question has been answered.
    let (heard, taken) = (stranger.drain().full, counted(&node, QUERIES) - before - ASKED);
    eprintln!("of {FLOOD} of a flood {taken} were taken; of {ASKED} without a cookie {heard} were answered");
    assert!(taken * 10 <= FLOOD, "{taken} of {FLOOD}: that was not ten times too much");
    assert!(heard < ASKED, "whoever has no cookie takes his chance: {heard}");
    let after_kib = resident_kib(&node);
    assert!(after_kib <= before_kib + MOST_KIB, "{before_kib} KiB became {after_kib}");
}

/// A batch is looked at together before any of it is answered.
#[test]
fn what_waits_together_is_answered_each_for_itself() {
    const NAMES: usize = 90;
    let place = Place::new();
    let names: String = (0..NAMES).map(|n| format!("h{n} A 192.0.2.{n}\n")).collect();
    place.write("z.example.zone", &format!("{HEAD}{names}"));
    place.configure(&[place.dns], "");
    let node = place.start();
    node.signal(Signal::STOP);
    until("stopped", || if is_stopped(&node) { "stopped" } else { "not yet" }.into());
    let clients: Vec<Client> = (1..=3).map(|host| Client::at([127, 67, 3, host], place.dns)).collect();
    for (n, client) in (0..NAMES).zip(clients.iter().cycle()) {
        client.send(&question(&format!("H{n}.z.example"), A, with_cookie(b"together").filter(|_| n % 4 > 0)));
        // Nothing that could be looked for.
        client.send(&[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63][..n % 14]);
    }
    node.signal(Signal::CONT);
    let mut heard = Vec::new();
    for client in (0..NAMES).zip(clients.iter().cycle()).map(|(_, client)| client) {
        let answer = std::iter::repeat_with(|| client.hear()).find(|answer| answer.rcode() == 0).unwrap();
        let [record] = &answer.answer[..] else { panic!("{answer:?}") };
        let n = usize::from(record.rdata[3]);
        assert!(answer.question.starts_with(&wire::name(&format!("H{n}.z.example"))), "{answer:?}");
        heard.push(n);
    }
    heard.sort_unstable();
    assert_eq!(heard, (0..NAMES).collect::<Vec<_>>());
}
