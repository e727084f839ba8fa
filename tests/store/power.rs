//! The power goes at any moment: what was acknowledged is there, and nothing is there by half.

use crate::platter::{Fail, Platter};
use crate::{Dice, Documents, change, commit, documents, small, times};

/// Lives of one disk before a fresh one is taken.
const LIVES: usize = 6;

/// Changes of the disk in one life, at most, and more commits than fit in them.
const CHANGES: usize = 150;
const COMMITS: usize = 100;

#[test]
fn a_power_cut_loses_nothing_acknowledged_and_leaves_nothing_by_half() {
    let mut dice = Dice::new("power cuts");
    let cuts = times("CUTS", 800);
    let (mut done, mut cut_in_commit, mut kept_unacknowledged) = (0, 0, 0);
    while done < cuts {
        let mut platter = Platter::fresh(&small());
        let (mut truth, mut revision) = (Documents::new(), 0);
        for _ in 0..LIVES {
            done += 1;
            platter.fail_after(dice.below(CHANGES), Fail::Power);
            // What was on its way when the power went, if it was a commit.
            let mut on_its_way = None;
            // Opening may already meet the cut.
            if let Ok(opened) = platter.open(&small()) {
                for _ in 0..COMMITS {
                    let (writes, after) = change(&mut dice, &truth);
                    match commit(&opened.store, writes) {
                        Ok(made) => {
                            assert_eq!(made, revision + 1);
                            (truth, revision) = (after, made);
                        }
                        Err(_) => {
                            on_its_way = Some(after);
                            break;
                        }
                    }
                    if dice.one_in(5) {
                        // It may be lost.
                        let _ = opened.store.quiet("quiet", Some(vec![1; dice.below(5000)]));
                    }
                }
            }
            assert!(platter.has_failed(), "{COMMITS} commits did not even reach the disk {CHANGES} times");
            cut_in_commit += usize::from(on_its_way.is_some());
            platter = platter.after_power_cut(&mut dice);
            let opened = platter.open(&small()).unwrap_or_else(|error| panic!("after cut {done}: {}", error.in_full()));
            assert!(opened.problem.is_none() && !opened.is_new);
            let mut found = documents(&opened.store);
            found.remove("quiet");
            match on_its_way {
                Some(after) if opened.store.revision() == revision + 1 => {
                    kept_unacknowledged += 1;
                    (truth, revision) = (after, revision + 1);
                }
                _ => assert_eq!(opened.store.revision(), revision, "after cut {done}"),
            }
            assert_eq!(found, truth, "after cut {done}");
            if revision > 0 {
                assert_eq!(opened.store.log(&newest()).unwrap()[0].revision, Some(revision), "the log goes with the documents");
            }
        }
    }
    println!("{done} cuts, {cut_in_commit} of them in a commit; {kept_unacknowledged} commits were kept that nobody had been told of");
    assert!(cut_in_commit > done / 4 && kept_unacknowledged > 0, "the cuts fell where they matter");
}

fn newest() -> meridian::store::LogQuery {
    meridian::store::LogQuery { limit: 1, ..Default::default() }
}
