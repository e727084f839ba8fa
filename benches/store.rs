//! What the store costs with a hundred thousand documents of 200 bytes in it: `cargo bench --bench store`.
//!
//! On the disk that holds the directory for temporary files; a commit waits for two syncs of it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, io, process};

use divan::{Bencher, black_box};
use meridian::store::{Commit, Expect, Options, Store, Write, open};

const DOCUMENTS: u64 = 100_000;

static STORE: LazyLock<Store> = LazyLock::new(|| {
    let store = opened(&place("shared"));
    store.commit(all()).unwrap();
    store
});

/// Never the same value and never the same second, so that each commit changes something.
static NEXT: AtomicU64 = AtomicU64::new(1);

fn main() {
    divan::main();
    let _ = fs::remove_dir_all(root());
}

#[divan::bench]
fn commit_of_one(bencher: Bencher<'_, '_>) {
    let store = &*STORE;
    bencher.bench(|| {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        store.commit(Commit { writes: vec![write(n * 7919 % DOCUMENTS, n)], entry: vec![b'e'; 200], at_s: 1000 + n }).unwrap()
    });
}

#[divan::bench]
fn note(bencher: Bencher<'_, '_>) {
    let store = &*STORE;
    bencher.bench(|| store.note(1000, &["hostnames/000001.test".into()], vec![b'e'; 200]).unwrap());
}

#[divan::bench]
fn quiet(bencher: Bencher<'_, '_>) {
    let store = &*STORE;
    bencher.bench(|| store.quiet("tokens/used", Some(NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes().into())).unwrap());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn commit_of_all(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| (opened(&place("all")), all())).bench_values(|(store, commit)| store.commit(commit).unwrap());
}

#[divan::bench]
fn get(bencher: Bencher<'_, '_>) {
    let store = &*STORE;
    bencher.bench(|| {
        let n = NEXT.fetch_add(1, Ordering::Relaxed) * 7919 % DOCUMENTS;
        black_box(store.get(&key(n)).unwrap())
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn scan_of_all(bencher: Bencher<'_, '_>) {
    let store = &*STORE;
    bencher.bench(|| {
        let mut bytes = 0;
        store
            .scan("", &mut |_, document| {
                bytes += document.value.len();
                true
            })
            .unwrap();
        bytes
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn backup_of_all(bencher: Bencher<'_, '_>) {
    let store = &*STORE;
    bencher.bench(|| store.backup(1000, &mut io::sink()).unwrap());
}

/// With the check of every page, and the copy that an open makes.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn open_checked(bencher: Bencher<'_, '_>) {
    let here = place("opened");
    opened(&here).commit(all()).unwrap();
    bencher.bench(|| opened(&here));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn keep_good(bencher: Bencher<'_, '_>) {
    let store = &*STORE;
    bencher
        .with_inputs(|| {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            store.commit(Commit { writes: vec![write(1, n)], entry: vec![], at_s: 1000 }).unwrap();
            n * 1_000_000
        })
        .bench_values(|now_s| assert!(store.keep_good(now_s).unwrap()));
}

fn all() -> Commit {
    Commit { writes: (0..DOCUMENTS).map(|n| write(n, 0)).collect(), entry: vec![b'e'; 200], at_s: 1000 }
}

fn write(n: u64, version: u64) -> Write {
    Write { key: key(n), expect: Expect::Any, value: Some(format!("{version:0200}").into_bytes()) }
}

fn key(n: u64) -> String {
    format!("hostnames/{n:06}.test")
}

fn opened(here: &Path) -> Store {
    open(here, &Options::default()).unwrap_or_else(|error| panic!("{}", error.in_full())).store
}

fn root() -> PathBuf {
    env::temp_dir().join(format!("meridian-bench-{}", process::id()))
}

/// A directory nobody has used.
fn place(name: &str) -> PathBuf {
    root().join(format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}
