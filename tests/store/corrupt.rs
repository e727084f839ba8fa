//! A file that rots: read from its copy or refused, never written over, and never taken for what it is not.

use std::fs;

use meridian::store::{LogQuery, Logged, Opened, Options, Store, StoreError, open};

use crate::{Dice, Documents, Place, change, commit, documents, times};

const FILE: &str = "meridian.redb";
const COPY: &str = "meridian.redb.good";

/// The head of redb's file, with both of its states.
const HEAD: usize = 320;

#[test]
fn rot_is_found_and_never_written_over() {
    let mut dice = Dice::new("rot");
    let place = Place::new();
    let (truth, log, revision) = grown(&place, &mut dice);
    let (file, copy) = (place.0.join(FILE), place.0.join(COPY));
    let (sound, good) = (fs::read(&file).unwrap(), fs::read(&copy).unwrap());
    let (mut sealed, mut refused, mut unharmed) = (0, 0, 0);
    for round in 0..times("ROTS", 250) {
        let (how, broken) = rotten(&mut dice, &sound);
        let with_copy = !dice.one_in(3);
        fs::write(&file, &broken).unwrap();
        match with_copy {
            true => fs::write(&copy, &good).unwrap(),
            false => drop(fs::remove_file(&copy)),
        }
        let same = |store: &Store, what: &str| {
            assert_eq!(documents(store), truth, "round {round}, {how}: {what}");
            assert_eq!((store.revision(), entries(store)), (revision, log.clone()), "round {round}, {how}: {what}");
        };
        match open(&place.0, &Options::default()) {
            Ok(Opened { store, problem: Some(problem), is_new }) => {
                assert!(with_copy && !is_new && problem.is_error() && store.sealed().is_some(), "round {round}, {how}: {problem}");
                same(&store, "the copy");
                drop(store);
                assert!(fs::read(&file).unwrap() == broken, "round {round}, {how}: the file was written");
                assert!(fs::read(&copy).unwrap() == good, "round {round}, {how}: the copy was written");
                sealed += 1;
            }
            Ok(Opened { store, problem: None, is_new }) => {
                assert!(!is_new);
                same(&store, "taken for sound");
                unharmed += 1;
            }
            Err(StoreError::Corrupt(_)) => {
                assert!(!with_copy, "round {round}, {how}");
                assert!(fs::read(&file).unwrap() == broken, "round {round}, {how}: the file was written");
                refused += 1;
            }
            Err(error) => panic!("round {round}, {how}: {}", error.in_full()),
        }
    }
    println!("{sealed} read from the copy, {refused} refused, {unharmed} unharmed");
    assert!(sealed > 0 && refused > 0);
}

/// The head says which of two states is the valid one. Of a store that was closed, no fault in it brings back anything else.
#[test]
fn no_byte_of_the_head_brings_back_another_state() {
    let mut dice = Dice::new("the head");
    let place = Place::new();
    let (truth, log, revision) = grown(&place, &mut dice);
    let file = place.0.join(FILE);
    let sound = fs::read(&file).unwrap();
    fs::remove_file(place.0.join(COPY)).unwrap();
    let mut refused = 0;
    for byte in 0..HEAD {
        let bit = byte * 8 + dice.below(8);
        let mut broken = sound.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &broken).unwrap();
        match open(&place.0, &Options::default()) {
            Ok(Opened { store, .. }) => {
                assert_eq!((store.revision(), entries(&store)), (revision, log.clone()), "bit {} of byte {}", bit % 8, bit / 8);
                assert!(documents(&store) == truth);
            }
            Err(StoreError::Corrupt(_)) => {
                refused += 1;
                assert!(fs::read(&file).unwrap() == broken);
            }
            Err(error) => panic!("bit {} of byte {}: {}", bit % 8, bit / 8, error.in_full()),
        }
        let _ = fs::remove_file(place.0.join(COPY));
    }
    println!("{refused} of {HEAD} were refused");
    assert!(refused > 0);
}

/// A store with a past, closed, and a copy of the same.
fn grown(place: &Place, dice: &mut Dice) -> (Documents, Vec<Logged>, u64) {
    let mut truth = Documents::new();
    let store = open(&place.0, &Options::default()).unwrap().store;
    for _ in 0..60 {
        let (writes, after) = change(dice, &truth);
        commit(&store, writes).unwrap();
        truth = after;
    }
    drop(store);
    let store = open(&place.0, &Options::default()).unwrap().store;
    (truth, entries(&store), store.revision())
}

fn entries(store: &Store) -> Vec<Logged> {
    store.log(&LogQuery { limit: 1000, ..LogQuery::default() }).unwrap()
}

fn rotten(dice: &mut Dice, sound: &[u8]) -> (String, Vec<u8>) {
    let mut bytes = sound.to_vec();
    // The head of the file is where a small fault does most.
    let within = if dice.one_in(3) { 512 } else { bytes.len() };
    let at = dice.below(within);
    let len = (1 + dice.below(8192)).min(bytes.len() - at);
    let how = match dice.below(6) {
        0 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        1 => {
            bytes[at..at + len].fill(0);
            format!("{len} bytes zero from {at}")
        }
        2 => {
            bytes[at..at + len].fill_with(|| dice.next() as u8);
            format!("{len} bytes of garbage from {at}")
        }
        3 => {
            bytes.extend_from_slice(&sound[at..at + len]);
            format!("{len} bytes more at the end")
        }
        _ => {
            let bit = dice.below(8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} turned")
        }
    };
    (how, bytes)
}
