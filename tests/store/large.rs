//! A large fleet in one commit, and a backup of it. `DOCUMENTS=100000` is the size that is promised; benches/store.rs times it.

use meridian::store::{Expect, LogQuery, Options, Source, Write, open, read_backup, restore_offline};

use crate::{Documents, Place, commit, documents, times};

#[test]
fn many_documents_go_in_by_one_commit_and_out_by_one_backup() {
    let many = times("DOCUMENTS", 10_000);
    let place = Place::new();
    let store = open(&place.0, &Options::default()).unwrap().store;
    let writes = (0..many).map(|n| Write {
        key: format!("hostnames/{n:06}.test"),
        expect: Expect::Absent,
        value: Some(format!("{{\"set\":\"{n:0190}\"}}").into_bytes()),
    });
    assert_eq!(commit(&store, writes.collect()).unwrap(), 1);
    let logged = &store.log(&LogQuery { object: Some("hostnames/".into()), limit: 9, ..LogQuery::default() }).unwrap();
    assert_eq!((logged.len(), logged[0].objects_in_all, logged[0].objects.len()), (1, many as u64, 100));
    assert_eq!(store.at(1).unwrap().unwrap().len(), many);
    assert_eq!(store.versions("hostnames/000999.test", 9).unwrap().len(), 1);

    let mut backup = Vec::new();
    store.backup(1000, &mut backup).unwrap();
    let mut read = Documents::new();
    read_backup(&mut &backup[..], &mut |document| drop(read.insert(document.key, document.value))).unwrap();
    assert!(read == documents(&store));
    drop(store);

    let other = Place::new();
    restore_offline(&other.0, Source::Backup(&mut &backup[..]), 2000, vec![]).unwrap();
    assert!(read == documents(&open(&other.0, &Options::default()).unwrap().store));
    let mut cuts = (0..200).map(|n| n * backup.len() / 200);
    assert!(cuts.all(|cut| read_backup(&mut &backup[..cut], &mut |_| {}).is_err()));
}
