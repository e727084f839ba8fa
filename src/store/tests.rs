//! The laws of the store, on a file in a directory of its own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A directory that goes away with its test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("meridian-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn open(&self) -> Opened {
        open(&self.0, &Options::default()).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn put(key: &str, value: &str) -> Write {
    Write { key: key.into(), expect: Expect::Any, value: Some(value.into()) }
}

fn delete(key: &str) -> Write {
    Write { key: key.into(), expect: Expect::Any, value: None }
}

fn commit(store: &Store, writes: Vec<Write>) -> Result<u64, StoreError> {
    commit_at(store, writes, 1000)
}

fn commit_at(store: &Store, writes: Vec<Write>, at_s: u64) -> Result<u64, StoreError> {
    store.commit(Commit { writes, entry: b"who and what".to_vec(), at_s })
}

fn value(store: &Store, key: &str) -> Option<String> {
    store.get(key).unwrap().map(|document| String::from_utf8(document.value).unwrap())
}

fn all(store: &Store, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    store
        .scan(prefix, &mut |key, document| {
            found.push(format!("{key}={}@{}", String::from_utf8(document.value).unwrap(), document.revision));
            true
        })
        .unwrap();
    found
}

fn asked(store: &Store, object: Option<&str>, limit: usize) -> Vec<(u64, Option<u64>)> {
    let query = LogQuery { object: object.map(str::to_owned), limit, ..LogQuery::default() };
    store.log(&query).unwrap().iter().map(|logged| (logged.sequence, logged.revision)).collect()
}

fn error(opened: Result<Opened, StoreError>) -> StoreError {
    opened.err().expect("it opened")
}

#[test]
fn a_commit_is_there_after_a_restart_with_its_revisions() {
    let place = Place::new();
    let opened = place.open();
    assert!(opened.is_new && opened.problem.is_none() && opened.store.revision() == 0);
    let store = opened.store;
    assert_eq!(commit(&store, vec![put("panels/b", "1"), put("panels/a", "2"), put("zones/x.test", "3")]).unwrap(), 1);
    assert_eq!(commit(&store, vec![put("panels/a", "4"), delete("panels/b")]).unwrap(), 2);
    assert_eq!(commit(&store, vec![put("panels/b", "5")]).unwrap(), 3);
    drop(store);

    let Opened { store, is_new, problem } = place.open();
    assert!(!is_new && problem.is_none());
    assert_eq!(store.revision(), 3);
    assert_eq!(all(&store, ""), ["panels/a=4@2", "panels/b=5@3", "zones/x.test=3@1"]);
    assert_eq!(all(&store, "panels/"), ["panels/a=4@2", "panels/b=5@3"]);
    assert_eq!(store.get("panels/a").unwrap().unwrap().created, 1);
    assert_eq!(store.get("panels/b").unwrap().unwrap().created, 3, "it came into being anew");
    assert_eq!(store.get("panels").unwrap(), None);
}

#[test]
fn a_conflict_names_its_key_and_changes_nothing() {
    let place = Place::new();
    let store = place.open().store;
    commit(&store, vec![put("a", "1"), put("b", "1")]).unwrap();
    let cases = [
        ("a", Expect::Absent, Some(1)),
        ("c", Expect::Present, None),
        ("c", Expect::Revision(1), None),
        ("a", Expect::Revision(2), Some(1)),
    ];
    for (key, expect, found) in cases {
        let writes = vec![put("b", "changed"), Write { key: key.into(), expect, value: Some(b"2".to_vec()) }];
        match commit(&store, writes) {
            Err(StoreError::Conflict { key: named, revision }) => assert_eq!((named.as_str(), revision), (key, found)),
            other => panic!("{key} {expect:?}: {other:?}"),
        }
    }
    assert_eq!(all(&store, ""), ["a=1@1", "b=1@1"]);
    assert_eq!((store.revision(), asked(&store, None, 10).len()), (1, 1));
    for (key, expect) in [("a", Expect::Revision(1)), ("b", Expect::Present), ("c", Expect::Absent)] {
        commit(&store, vec![Write { key: key.into(), expect, value: Some(b"2".to_vec()) }]).unwrap();
    }
}

#[test]
fn what_no_document_can_be_is_refused() {
    let place = Place::new();
    let store = place.open().store;
    let long = "k".repeat(MAX_KEY + 1);
    for key in ["", "panels/", "a\nb", long.as_str()] {
        assert!(matches!(commit(&store, vec![put(key, "1")]), Err(StoreError::Refused(_))), "{key:?}");
        assert!(matches!(store.quiet(key, None), Err(StoreError::Refused(_))), "{key:?}");
        assert!(matches!(store.note(1, &[key.to_owned()], vec![]), Err(StoreError::Refused(_))), "{key:?}");
    }
    assert!(matches!(commit(&store, vec![put("a", "1"), put("a", "2")]), Err(StoreError::Refused(_))));
    let large = Write { key: "a".into(), expect: Expect::Any, value: Some(vec![0; MAX_VALUE + 1]) };
    assert!(matches!(commit(&store, vec![large]), Err(StoreError::Refused(_))));
    commit(&store, vec![put(&long[1..], "1")]).unwrap();
    assert_eq!(store.revision(), 1);
}

#[test]
fn history_tells_what_each_revision_changed() {
    let place = Place::new();
    let store = place.open().store;
    commit(&store, vec![put("a", "1"), put("b", "1")]).unwrap();
    commit(&store, vec![put("a", "2"), delete("missing")]).unwrap();
    commit(&store, vec![delete("a")]).unwrap();
    let versions: Vec<_> = store.versions("a", 10).unwrap().into_iter().map(|v| (v.revision, v.value)).collect();
    assert_eq!(versions, [(3, None), (2, Some(b"2".to_vec())), (1, Some(b"1".to_vec()))]);
    assert_eq!(store.versions("a", 1).unwrap().len(), 1);
    assert_eq!(store.versions("missing", 10).unwrap(), []);
    let changed = |key: &str, before: Option<&str>, after: Option<&str>| Changed {
        key: key.into(),
        before: before.map(Into::into),
        after: after.map(Into::into),
    };
    assert_eq!(store.at(1).unwrap().unwrap(), [changed("a", None, Some("1")), changed("b", None, Some("1"))]);
    assert_eq!(store.at(2).unwrap().unwrap(), [changed("a", Some("1"), Some("2"))]);
    assert_eq!(store.at(3).unwrap().unwrap(), [changed("a", Some("2"), None)]);
    for never in [0, 4, u64::MAX] {
        assert_eq!(store.at(never).unwrap(), None);
    }
}

#[test]
fn the_log_is_asked_by_object_kind_time_and_place() {
    let place = Place::new();
    let store = place.open().store;
    commit_at(&store, vec![put("panels/a", "1"), put("zones/x", "1")], 1_000_000).unwrap();
    assert_eq!(store.note(2_000_000, &["panels/a".into(), "panels/b".into()], b"refused".to_vec()).unwrap(), 2);
    commit_at(&store, vec![put("panels/ab", "1")], 3_000_000).unwrap();
    assert_eq!(asked(&store, None, 10), [(3, Some(2)), (2, None), (1, Some(1))]);
    assert_eq!(asked(&store, Some("panels/a"), 10), [(2, None), (1, Some(1))]);
    assert_eq!(asked(&store, Some("panels/"), 10), [(3, Some(2)), (2, None), (1, Some(1))]);
    assert_eq!(asked(&store, Some("zones/"), 10), [(1, Some(1))]);
    assert_eq!(asked(&store, Some("panels"), 10), []);
    assert_eq!(asked(&store, None, 2), [(3, Some(2)), (2, None)]);
    let before = |before| store.log(&LogQuery { before: Some(before), limit: 10, ..LogQuery::default() }).unwrap().len();
    assert_eq!([before(0), before(1), before(3), before(9)], [0, 0, 2, 3]);
    let since = |since_s| store.log(&LogQuery { since_s: Some(since_s), limit: 10, ..LogQuery::default() }).unwrap().len();
    assert_eq!([since(1_000_000), since(1_000_001), since(3_000_000), since(3_000_001)], [3, 2, 1, 0]);
    let logged = &store.log(&LogQuery { before: Some(3), limit: 1, ..LogQuery::default() }).unwrap()[0];
    assert_eq!((logged.at_s, logged.entry.as_slice(), logged.objects_in_all), (2_000_000, &b"refused"[..], 2));
    assert_eq!(logged.objects, ["panels/a", "panels/b"]);
    assert_eq!(store.revision(), 2, "a note is no revision");
    assert_eq!(store.versions("panels/a", 9).unwrap().len(), 1);
}

#[test]
fn pruning_takes_the_oldest_entries_and_no_document() {
    let place = Place::new();
    let options = Options { keep_age_s: 100, keep_bytes: 100_000 };
    let store = open(&place.0, &options).unwrap().store;
    let many: Vec<Write> = (0..300).map(|n| put(&format!("panels/{n:03}"), "first")).collect();
    commit_at(&store, many, 1000).unwrap();
    store.note(1000, &["panels/000".into()], vec![]).unwrap();
    commit_at(&store, vec![put("panels/000", "second")], 1050).unwrap();
    assert_eq!((asked(&store, None, 9).len(), store.versions("panels/000", 9).unwrap().len()), (3, 2));

    // One commit takes away a part of the large entry, which is gone as a whole from that moment on.
    commit_at(&store, vec![put("panels/001", "third")], 1101).unwrap();
    assert_eq!(asked(&store, None, 9), [(4, Some(3)), (3, Some(2)), (2, None)]);
    assert_eq!(store.at(1).unwrap(), None);
    assert_eq!(store.versions("panels/000", 9).unwrap().len(), 1);
    assert_eq!(store.versions("panels/299", 9).unwrap().len(), 0);
    assert!(!store.prune(1101).unwrap());
    assert_eq!(asked(&store, None, 9), [(4, Some(3)), (3, Some(2))]);
    assert_eq!(asked(&store, Some("panels/"), 9), [(4, Some(3)), (3, Some(2))]);
    assert!(!store.prune(9999).unwrap());
    assert_eq!(asked(&store, None, 9), [(4, Some(3))], "the newest stays");
    let rows = |store: &Store| {
        let counted = store.inner.live.read(&mut |db| {
            use redb::ReadableTableMetadata;
            let txn = db.begin_read()?;
            let (touched, history) = (txn.open_table(embedded::TOUCHED)?, txn.open_table(embedded::HISTORY)?);
            Ok((txn.open_table(embedded::LOG)?.len()?, history.len()?, touched.len()?))
        });
        counted.unwrap()
    };
    assert_eq!(rows(&store), (1, 1, 2), "nothing is left of what was thrown away");

    for n in 0..60 {
        commit_at(&store, vec![put("panels/002", &"x".repeat(2000 + n))], 9999).unwrap();
    }
    let kept = asked(&store, None, 99).len();
    assert!((20..30).contains(&kept), "{kept} entries of about 4,300 bytes fit in 100,000");
    assert_eq!(all(&store, "").len(), 300);
}

#[test]
fn who_watches_is_told_each_revision_or_that_it_lagged() {
    use tokio::sync::broadcast::error::TryRecvError;
    let place = Place::new();
    let store = place.open().store;
    let mut watch = store.watch();
    commit(&store, vec![put("b", "1"), put("a", "1")]).unwrap();
    store.note(1, &["a".into()], vec![]).unwrap();
    store.quiet("a", Some(b"2".to_vec())).unwrap();
    assert!(commit(&store, vec![Write { key: "a".into(), expect: Expect::Absent, value: None }]).is_err());
    commit(&store, vec![delete("a")]).unwrap();
    assert_eq!(*watch.try_recv().unwrap(), Revision { revision: 1, keys: vec!["a".into(), "b".into()] });
    assert_eq!(*watch.try_recv().unwrap(), Revision { revision: 2, keys: vec!["a".into()] });
    assert_eq!(watch.try_recv(), Err(TryRecvError::Empty));
    for _ in 0..WATCHED + 3 {
        let _ = store.inner.watchers.send(Arc::new(Revision { revision: 3, keys: vec![] }));
    }
    assert_eq!(watch.try_recv(), Err(TryRecvError::Lagged(3)));
}

#[test]
fn a_quiet_value_has_no_revision_and_no_entry() {
    let place = Place::new();
    let store = place.open().store;
    commit(&store, vec![put("a", "1")]).unwrap();
    store.quiet("a", Some(b"2".to_vec())).unwrap();
    store.quiet("b", Some(b"3".to_vec())).unwrap();
    assert_eq!(all(&store, ""), ["a=2@1", "b=3@1"]);
    assert_eq!((store.revision(), asked(&store, None, 9).len()), (1, 1));
    store.quiet("b", None).unwrap();
    commit(&store, vec![put("c", "4")]).unwrap();
    drop(store);
    assert_eq!(all(&place.open().store, ""), ["a=2@1", "c=4@2"]);
}

#[test]
fn the_file_is_for_its_owner_and_for_one_process() {
    let place = Place::new();
    let store = place.open().store;
    let mode = |name: &str| fs::metadata(place.file(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("meridian.redb"), mode("meridian.redb.good")), (0o600, 0o600));
    assert!(matches!(error(open(&place.0, &Options::default())), StoreError::Busy(_)));
    drop(store);
    fs::set_permissions(place.file("meridian.redb"), fs::Permissions::from_mode(0o644)).unwrap();
    drop(place.open());
    assert_eq!(mode("meridian.redb"), 0o600);
}

#[test]
fn a_broken_file_is_left_alone_and_its_copy_is_read_sealed() {
    type Break = fn(&Path);
    let breaks: [(&str, Break); 6] = [
        ("is empty", |file| fs::write(file, b"").unwrap()),
        ("is damaged", |file| fs::write(file, b"garbage").unwrap()),
        ("is damaged", |file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("is missing", |file| fs::remove_file(file).unwrap()),
        ("cannot be opened", |file| {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        }),
        ("cannot be opened", |file| {
            fs::remove_file(file).unwrap();
            symlink("nowhere", file).unwrap();
        }),
    ];
    for (what, broken) in breaks {
        let place = Place::new();
        let file = place.file("meridian.redb");
        commit(&place.open().store, vec![put("a", "1")]).unwrap();
        drop(place.open());
        broken(&file);
        let bytes = fs::read(&file).ok();
        let good = fs::read(place.file("meridian.redb.good")).unwrap();

        let Opened { store, is_new, problem } = place.open();
        let problem = problem.expect("a problem").to_string();
        for part in [what, "meridian.redb", "revision 1", "seconds old", "meridian restore --good"] {
            assert!(problem.contains(part), "{problem} should tell {part}");
        }
        assert!(!is_new && store.sealed().is_some());
        assert_eq!((value(&store, "a").as_deref(), store.revision()), (Some("1"), 1));
        assert!(matches!(commit(&store, vec![put("a", "2")]), Err(StoreError::Sealed(_))));
        assert!(matches!(store.quiet("a", None), Err(StoreError::Sealed(_))));
        assert!(matches!(store.note(1, &[], vec![]), Err(StoreError::Sealed(_))));
        assert!(matches!(store.prune(1), Err(StoreError::Sealed(_))));
        assert!(!store.keep_good(u64::MAX).unwrap());
        assert!(matches!(restore_offline(&place.0, Source::Good, 2000, vec![]), Err(StoreError::Busy(_))), "it is open");
        drop(store);
        assert_eq!(fs::read(&file).ok(), bytes);
        assert_eq!(fs::read(place.file("meridian.redb.good")).unwrap(), good, "not even the copy is written");

        let restored = restore_offline(&place.0, Source::Good, 2000, b"restored".to_vec()).unwrap();
        assert!(restored.revision > 1000, "revisions that were lost never come again");
        assert_eq!(restored.aside.as_ref().and_then(|aside| fs::read(aside).ok()), bytes);
        let Opened { store, problem, .. } = place.open();
        assert!(problem.is_none() && value(&store, "a").as_deref() == Some("1"));
        assert_eq!(store.revision(), restored.revision);
        assert_eq!(commit(&store, vec![put("a", "2")]).unwrap(), restored.revision + 1);
        assert_eq!(asked(&store, None, 9).len(), 3, "the log goes on");
        assert!(matches!(restore_offline(&place.0, Source::Good, 1, vec![]), Err(StoreError::Busy(_))));
        drop(store);
        assert!(matches!(restore_offline(&place.0, Source::Good, 1, vec![]), Err(StoreError::Refused(_))));
    }
}

#[test]
fn a_broken_file_without_a_copy_is_an_error_and_stays() {
    for bytes in [&b""[..], b"garbage", &[0; 100_000]] {
        let place = Place::new();
        fs::write(place.file("meridian.redb"), bytes).unwrap();
        let said = error(open(&place.0, &Options::default()));
        assert!(matches!(said, StoreError::Corrupt(_)) && said.to_string().contains("no copy"), "{said}");
        fs::write(place.file("meridian.redb.good"), b"garbage too").unwrap();
        let said = error(open(&place.0, &Options::default()));
        assert!(matches!(said, StoreError::Corrupt(_)) && said.to_string().contains("of its copy"), "{said}");
        assert_eq!(fs::read(place.file("meridian.redb")).unwrap(), bytes);
    }
}

#[test]
fn the_copy_is_made_of_a_changed_store_every_ten_minutes_and_only_if_sound() {
    let place = Place::new();
    let store = place.open().store;
    let start = crate::clock::now().wall_s;
    let good = place.file("meridian.redb.good");
    assert!(!store.keep_good(start + 10 * GOOD_EVERY_S).unwrap(), "nothing has changed");
    commit(&store, vec![put("a", "1")]).unwrap();
    assert!(!store.keep_good(start).unwrap(), "the last is young");
    assert!(store.keep_good(start + 2 * GOOD_EVERY_S).unwrap());
    let kept = fs::read(&good).unwrap();

    // A page goes bad under the running store: the copy finds it, and the last good one stays.
    commit(&store, vec![put("a", "needle in a page")]).unwrap();
    let mut bytes = fs::read(place.file("meridian.redb")).unwrap();
    let found: Vec<usize> = bytes.windows(6).enumerate().filter(|(_, w)| w == b"needle").map(|(at, _)| at).collect();
    for at in &found {
        bytes[*at] ^= 1;
    }
    assert!(!found.is_empty());
    fs::write(place.file("meridian.redb"), &bytes).unwrap();
    let said = store.keep_good(start + 4 * GOOD_EVERY_S).unwrap_err();
    assert!(matches!(said, StoreError::Corrupt(_)), "{said}");
    assert_eq!(fs::read(&good).unwrap(), kept);
    assert!(!place.file("meridian.redb.good.new").exists());
}

#[test]
fn a_backup_gives_back_the_same_documents_and_no_cut_or_altered_one_does() {
    let place = Place::new();
    let store = place.open().store;
    commit(&store, vec![put("zones/x", "text \"quoted\"\n"), put("panels/a", "")]).unwrap();
    let bytes: Vec<u8> = (0..=255).collect();
    let binary = (0..9).map(|n| Write { key: format!("b/{n}"), expect: Expect::Any, value: Some(bytes[200..200 + n].to_vec()) });
    commit(&store, binary.collect()).unwrap();
    let mut out = Vec::new();
    assert_eq!(store.backup(77, &mut out).unwrap(), Backup { revision: 2, documents: 11 });

    let mut read = Vec::new();
    let head = read_backup(&mut &out[..], &mut |document| read.push(document)).unwrap();
    assert_eq!(head, BackupHead { revision: 2, at_s: 77, documents: 11 });
    let mut there = Vec::new();
    store
        .scan("", &mut |key, document| {
            let Document { revision, created, value } = document;
            there.push(BackedUp { key: key.to_owned(), revision, created, value });
            true
        })
        .unwrap();
    assert_eq!(read, there);

    for cut in 0..out.len() {
        let said = read_backup(&mut &out[..cut], &mut |_| {}).unwrap_err();
        assert!(matches!(said, StoreError::Backup { .. }), "cut at {cut}: {said}");
    }
    for at in 0..out.len() {
        for bit in [1, 4, 32] {
            let mut altered = out.clone();
            altered[at] ^= bit;
            let said = read_backup(&mut &altered[..], &mut |_| {}).unwrap_err();
            assert!(matches!(said, StoreError::Backup { .. }), "altered at {at}: {said}");
        }
    }
    let more = [&out[..], b"{}\n"].concat();
    assert!(read_backup(&mut &more[..], &mut |_| {}).is_err());
}

#[test]
fn a_restored_backup_is_one_more_revision_of_the_store_that_is_there() {
    let place = Place::new();
    let store = place.open().store;
    commit(&store, vec![put("a", "1"), put("b", "1"), put("c", "1")]).unwrap();
    let mut backup = Vec::new();
    store.backup(77, &mut backup).unwrap();
    commit(&store, vec![put("a", "2"), delete("b"), put("d", "2")]).unwrap();
    drop(store);
    let cut = &backup[..backup.len() - 1];
    assert!(matches!(restore_offline(&place.0, Source::Backup(&mut &cut[..]), 9, vec![]), Err(StoreError::Backup { .. })));
    let old = fs::read(place.file("meridian.redb")).unwrap();

    let restored = restore_offline(&place.0, Source::Backup(&mut &backup[..]), 2000, b"restored".to_vec()).unwrap();
    assert_eq!((restored.revision, restored.documents), (3, 3));
    assert_eq!(fs::read(restored.aside.unwrap()).unwrap(), old);
    let store = place.open().store;
    assert_eq!(all(&store, ""), ["a=1@3", "b=1@3", "c=1@1"]);
    assert_eq!(store.at(3).unwrap().unwrap().len(), 3);
    assert_eq!(asked(&store, None, 9).len(), 3);

    // Where there is no store, and where there is a broken one, the counter starts well above the backup's.
    let empty = Place::new();
    fs::remove_dir(&empty.0).unwrap();
    let broken = Place::new();
    fs::write(broken.file("meridian.redb"), b"garbage").unwrap();
    for (place, aside) in [(empty, false), (broken, true)] {
        let restored = restore_offline(&place.0, Source::Backup(&mut &backup[..]), 2000, vec![]).unwrap();
        assert!(restored.revision > 1000 && restored.aside.is_some() == aside);
        assert_eq!(all(&place.open().store, "").len(), 3);
    }
}

#[test]
fn a_backup_of_an_impossible_revision_is_refused() {
    let head = format!("{{\"meridian_backup\":1,\"revision\":{},\"at\":1}}\n", u64::MAX);
    let said = read_backup(&mut head.as_bytes(), &mut |_| {}).unwrap_err();
    assert!(said.to_string().contains("is no revision"), "{said}");
}

#[test]
fn reading_goes_on_while_another_thread_commits() {
    let place = Place::new();
    let store = place.open().store;
    commit(&store, vec![put("a", "0"), put("b", "0")]).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 1..50 {
                commit(&store, vec![put("a", &n.to_string()), put("b", &n.to_string())]).unwrap();
            }
        });
        let mut looks = 0;
        while !writer.is_finished() || looks == 0 {
            let mut values = Vec::new();
            store
                .scan("", &mut |_, document| {
                    values.push(document.value);
                    store.get("a").unwrap().is_some()
                })
                .unwrap();
            assert_eq!(values[0], values[1], "a scan sees one moment");
            looks += 1;
        }
        writer.join().unwrap();
    });
    assert_eq!(value(&store, "a").as_deref(), Some("49"));
}
