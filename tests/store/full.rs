//! The disk is full: a clear error, reading goes on, and writing again as soon as there is space.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use meridian::store::{Expect, Options, Store, StoreError, Write, open};

use crate::platter::{Fail, Platter};
use crate::{Dice, Documents, Place, change, commit, documents, small};

/// Commits of the script that is failed at every one of its changes.
const COMMITS: usize = 12;

#[test]
fn a_full_disk_at_any_moment_is_said_and_forgotten() {
    let full = meets_every_failure("a full disk", libc::ENOSPC);
    assert!(full.contains("full"), "{full:?}");
    assert!(!full.contains("gone"), "{full:?}");
}

#[test]
fn a_failing_disk_at_any_moment_is_said_and_forgotten() {
    let gone = meets_every_failure("a failing disk", libc::EIO);
    assert!(gone.contains("gone") && gone.contains("unsure"), "{gone:?}");
    assert!(!gone.contains("full"), "{gone:?}");
}

/// Fails the script at its first change, at its second and so on; the kinds of errors that commits gave.
fn meets_every_failure(what: &str, errno: i32) -> BTreeSet<&'static str> {
    let dice = Dice::new(what);
    let image = Platter::fresh(&small()).bytes();
    let changes = {
        let platter = Platter::new(image.clone());
        run(&platter, &mut dice.clone(), errno);
        platter.changes()
    };
    let mut errors = BTreeSet::new();
    for fail_at in 0..changes {
        let platter = Platter::new(image.clone());
        platter.fail_after(fail_at, Fail::Errno(errno));
        errors.extend(run(&platter, &mut dice.clone(), errno));
    }
    println!("{what}: failed at each of {changes} changes; commits said {errors:?}");
    assert!(changes > 100);
    errors
}

/// The script: at its first error it looks around, gives the space back, and goes on.
fn run(platter: &Platter, dice: &mut Dice, errno: i32) -> Option<&'static str> {
    let mut later = dice.clone();
    let store = match platter.open(&small()) {
        Ok(opened) => opened.store,
        // Reading what is there needs no space.
        Err(error) => panic!("{}", error.in_full()),
    };
    let (mut truth, mut revision, mut met) = (Documents::new(), 0, None);
    for _ in 0..COMMITS {
        let (writes, after) = change(dice, &truth);
        match commit(&store, writes.clone()) {
            Ok(made) => {
                assert_eq!(made, revision + 1);
                (truth, revision) = (after, made);
                continue;
            }
            Err(StoreError::Full { .. }) if errno == libc::ENOSPC => met = Some("full"),
            Err(StoreError::Gone { .. }) if errno == libc::EIO => met = Some("gone"),
            Err(StoreError::Unsure { revision: made, .. }) => {
                assert_eq!(made, revision + 1);
                (truth, revision, met) = (after.clone(), made, Some("unsure"));
            }
            Err(error) => panic!("{}", error.in_full()),
        }
        assert_eq!((store.revision(), documents(&store)), (revision, truth.clone()), "reading goes on");
        let again = commit(&store, writes.clone()).expect_err("there is still no space");
        assert!(matches!(again, StoreError::Full { .. } | StoreError::Gone { .. }), "{}", again.in_full());
        assert_eq!((store.revision(), documents(&store)), (revision, truth.clone()));
        let mut watch = store.watch();
        platter.heal();
        let made = commit(&store, writes).unwrap_or_else(|error| panic!("there is space again: {}", error.in_full()));
        if met == Some("unsure") {
            assert_eq!(watch.try_recv().unwrap().revision, revision, "what was unsure is told once it is safe");
        }
        assert_eq!(watch.try_recv().unwrap().revision, made);
        assert_eq!(made, revision + 1, "what failed left no trace");
        (truth, revision) = (after, made);
    }
    assert_eq!(documents(&store), truth);
    // As a crash and as a loss of power would leave it.
    for left in [Platter::new(platter.bytes()), platter.after_power_cut(&mut later)] {
        let store = left.open(&small()).unwrap_or_else(|error| panic!("{}", error.in_full())).store;
        assert_eq!((store.revision(), documents(&store)), (revision, truth.clone()));
    }
    met
}

/// The kernel's own full disk: a small tmpfs in a mount namespace where that may be had, else a limit on the size of files.
#[test]
fn a_real_full_disk_is_said_and_forgotten() {
    let place = Place::new();
    let here = place.0.display().to_string();
    let exe = std::env::current_exe().unwrap();
    let run = |program: &str, script: &str| {
        let child = format!("exec '{}' --ignored --exact full::the_child_on_a_full_disk --nocapture", exe.display());
        let mut command = Command::new(program);
        if program == "unshare" {
            command.args(["-m", "sh"]);
        }
        let command = command.args(["-c", &format!("{script} && {child}")]);
        command.env("MERIDIAN_FULL", &here).stdin(Stdio::null()).output()
    };
    let mount = format!("mount -t tmpfs -o size=8m tmpfs '{here}' && echo mounted");
    let tmpfs = run("unshare", &mount).ok().filter(|output| String::from_utf8_lossy(&output.stdout).contains("mounted"));
    let (how, output) = match tmpfs {
        Some(output) => ("a tmpfs of 8 MB", output),
        // Blocks of 512 bytes. The signal is ignored, so that the write fails instead of the process.
        None => ("a limit of 4 MB on files", run("sh", "trap '' XFSZ; ulimit -S -f 8192").unwrap()),
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{how}:\n{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{how}:\n{said}");
}

#[test]
#[ignore = "run by the test of a full disk, on one"]
fn the_child_on_a_full_disk() {
    let here = std::path::PathBuf::from(std::env::var_os("MERIDIAN_FULL").expect("run by its parent"));
    let ballast = here.join("ballast");
    fs::write(&ballast, vec![1; 3 << 20]).unwrap();
    let store = open(&here, &Options::default()).unwrap_or_else(|error| panic!("{}", error.in_full())).store;
    let big = |n: u64| Write { key: format!("zones/{n:04}"), expect: Expect::Any, value: Some(vec![n as u8; 100_000]) };
    let mut revision = 0;
    let error = loop {
        match commit(&store, vec![big(revision), big(revision + 1000)]) {
            Ok(made) => revision = made,
            Err(error) => break error,
        }
        assert!(revision < 1000, "it never gets full");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{}", error.in_full());
    let whole = |store: &Store, revision: u64| {
        let found = documents(store);
        assert_eq!((found.len() as u64, store.revision()), (2 * revision, revision));
        assert!(found.values().all(|value| value.len() == 100_000));
    };
    whole(&store, revision);
    // A full disk is a bad time to start, and still one can.
    drop(store);
    let store = open(&here, &Options::default()).unwrap_or_else(|error| panic!("{}", error.in_full())).store;
    whole(&store, revision);
    let error = commit(&store, (0..9).map(|n| big(revision + n)).collect()).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{}", error.in_full());
    whole(&store, revision);

    fs::remove_file(&ballast).unwrap();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    rustix::process::setrlimit(rustix::process::Resource::Fsize, rustix::process::Rlimit { current: limit.maximum, ..limit }).unwrap();
    let made = commit(&store, vec![big(revision), big(revision + 1000)]).unwrap_or_else(|error| panic!("{}", error.in_full()));
    assert_eq!(made, revision + 1);
    whole(&store, made);
    drop(store);
    whole(&open(&here, &Options::default()).unwrap_or_else(|error| panic!("{}", error.in_full())).store, made);
}
