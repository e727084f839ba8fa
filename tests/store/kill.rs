//! `kill -9` at any moment: what was acknowledged is there, and every commit is whole.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;

use meridian::store::{Expect, Store, Write, open};

use crate::{Dice, Place, commit, small, times};

const WRITERS: usize = 3;

#[test]
fn a_kill_loses_nothing_acknowledged_and_leaves_every_commit_whole() {
    let mut dice = Dice::new("kills");
    let place = Place::new();
    let rounds = times("KILLS", 60);
    let (mut acknowledged, mut highest) = ([0; WRITERS], 0);
    let mut acks = 0;
    for round in 0..rounds {
        let mut child = spawn(&place);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // Some die while they open.
        let wait = if dice.one_in(8) { 0 } else { 1 + dice.below(40) };
        assert!(lines.any(|line| line == "begun"), "round {round}: the child never began");
        let mut take = |line: String| {
            let mut words = line.split(' ');
            let Some("ack") = words.next() else { return false };
            let [writer, count, revision] = [(); 3].map(|()| words.next().unwrap().parse::<usize>().unwrap());
            assert_eq!(count, acknowledged[writer] + 1, "round {round}: a writer goes on where it was");
            acknowledged[writer] = count;
            highest = highest.max(revision as u64);
            acks += 1;
            true
        };
        for _ in 0..wait {
            assert!(lines.by_ref().find_map(|line| take(line).then_some(())).is_some(), "round {round}: the child ended by itself");
        }
        child.kill().unwrap();
        lines.for_each(|line| {
            take(line);
        });
        child.wait().unwrap();

        let opened = open(&place.0, &small()).unwrap_or_else(|error| panic!("round {round}: {}", error.in_full()));
        assert!(opened.problem.is_none(), "round {round}: {:?}", opened.problem);
        let store = opened.store;
        assert!(store.revision() >= highest && store.revision() <= highest + WRITERS as u64, "round {round}");
        for (writer, acknowledged) in acknowledged.iter_mut().enumerate() {
            let [one, two] = ["one", "two"].map(|name| count(&store, writer, name));
            assert_eq!(one, two, "round {round}: a commit is whole");
            assert!(one >= *acknowledged && one <= *acknowledged + 1, "round {round}: {one} is there, {acknowledged} was acknowledged");
            *acknowledged = one;
        }
        highest = store.revision();
        if highest > 0 {
            let changed = store.at(highest).unwrap().expect("the newest revision is kept");
            assert_eq!(changed.len(), 2, "round {round}: so is its history");
        }
    }
    println!("{rounds} kills, {acks} acknowledged commits");
    assert!(acks > rounds);
}

#[test]
#[ignore = "run by the test that kills it"]
fn the_child_that_is_killed() {
    let here = std::env::var_os("MERIDIAN_KILLED").expect("run by its parent");
    // The name of the test stands unended on the line before.
    println!("\nbegun");
    let store = open(here.as_ref(), &small()).unwrap_or_else(|error| panic!("{}", error.in_full())).store;
    let out = Mutex::new(std::io::stdout());
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, out) = (&store, &out);
            scope.spawn(move || {
                let mut n = count(store, writer, "one");
                loop {
                    n += 1;
                    let mut value = n.to_string().into_bytes();
                    value.resize(8 + (n * 37) % 6000, b' ');
                    let write = |name| Write { key: format!("{writer}/{name}"), expect: Expect::Any, value: Some(value.clone()) };
                    let revision = commit(store, vec![write("one"), write("two")]).unwrap_or_else(|error| panic!("{}", error.in_full()));
                    // One write, so that a line is never by half.
                    let line = format!("ack {writer} {n} {revision}\n");
                    // The parent may be gone; then the child is too, soon.
                    if out.lock().unwrap().write_all(line.as_bytes()).is_err() {
                        return;
                    }
                    if n.is_multiple_of(20) {
                        let _ = store.keep_good(u64::MAX);
                    }
                }
            });
        }
    });
}

fn spawn(place: &Place) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "kill::the_child_that_is_killed", "--nocapture"])
        .env("MERIDIAN_KILLED", &place.0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn count(store: &Store, writer: usize, name: &str) -> usize {
    let document = store.get(&format!("{writer}/{name}")).unwrap();
    document.map_or(0, |document| String::from_utf8(document.value).unwrap().trim().parse().unwrap())
}
