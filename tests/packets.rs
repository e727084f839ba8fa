//! Queries of odd shapes, some with a few bytes changed, against a server with the longest name: no panic, readable, never too long.

#[path = "peers/wire.rs"]
#[allow(dead_code)]
mod wire;

use meridian::answer::{Ahead, Ask, Over, Verdict, handle, slip};
use meridian::clock::Now;
use meridian::dns::master::Loader;
use meridian::dns::name::Name;
use meridian::snapshot::{Manners, Services, Serving, Snapshot, Zones};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

/// All that a small answer may be longer than its query.
const SERVER_COOKIE: usize = 16;

/// The same packets each time; the fuzz target looks at others.
const SEED: u64 = 1;

struct NoFiles;

impl Loader for NoFiles {
    fn load(&mut self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        Err("no files".into())
    }
}

fn text() -> String {
    let mut text = include_str!("fuzz/query.zone").to_string();
    text.push('\n');
    let deep = "b.".repeat(90);
    let deep = deep.trim_end_matches('.');
    for n in 0..40 {
        let _ = writeln!(text, "lots 60 IN MX {n} host{n}.{}\nhost{n}.{} 60 IN A 192.0.2.{n}", deep, deep);
        let _ = writeln!(text, "sub 60 IN NS ns{n}.sub\nns{n}.sub 60 IN A 192.0.2.{n}");
        let _ = writeln!(text, "k{n} 60 IN CNAME k{}", n + 1);
    }
    text + "grows 60 IN DNAME g.grows\n*.deep 60 IN CNAME a.b.c.deep\n"
}

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let zone = |apex: &str| {
        let compiled = meridian::compile::zone::zone(&Name::parse(apex).unwrap(), "zone", text().into(), &mut NoFiles, &[]);
        Serving::Zone(Arc::new(compiled.zone.unwrap_or_else(|| panic!("{:?}", compiled.problems))), Services::default())
    };
    let broken = Serving::broken(Name::parse("broken.test").unwrap().wire());
    let manners = Manners { name: "n".repeat(255), version: "v".repeat(255), cookie_secrets: vec![[7; 16]], ..Manners::default() };
    let zones = Zones::new(vec![zone("x.test"), zone("."), broken]);
    Snapshot { generation: 1, zones, manners: Arc::new(manners), ..Snapshot::default() }
});

const HEADS: &[&str] = &["", "lots.", "www.sub.", "k0.", "q.grows.", "q.deep.", "a.b.", "*.", "_._.", "version."];
const TAILS: &[&str] = &["x.test.", "test.", ".", "broken.test.", "bind."];

fn name() -> impl Strategy<Value = Vec<u8>> {
    let longest = move |tail: &str| format!("{}{tail}", "a.".repeat((253 - tail.len()) / 2));
    prop_oneof![
        4 => (proptest::sample::select(HEADS), proptest::sample::select(TAILS))
            .prop_map(|(head, tail)| wire::name(&format!("{head}{}", if tail == "." && !head.is_empty() { "" } else { tail }))),
        1 => proptest::sample::select(&TAILS[1..]).prop_map(move |tail| wire::name(&longest(if tail == "." { "" } else { tail }))),
        1 => (1usize..=61).prop_map(|last| {
            let l = |n: usize| "l".repeat(n);
            wire::name(&format!("{}.{}.{}.{}.", l(63), l(63), l(63), l(last)))
        }),
    ]
}

fn edns() -> impl Strategy<Value = Option<wire::Edns>> {
    let option = (proptest::sample::select(&[3u16, 8, 10, 10, 11, 12, 15, 65001][..]), proptest::collection::vec(any::<u8>(), 0..44));
    let cookie = proptest::collection::vec(any::<u8>(), 8..=8).prop_map(|value| (10u16, value));
    let options = proptest::collection::vec(prop_oneof![option, cookie, Just((3u16, vec![]))], 0..4);
    let size = proptest::sample::select(&[0u16, 512, 513, 700, 1231, 1232, 4096, 65_535][..]);
    let some = (size, prop_oneof![9 => Just(0u8), 1 => any::<u8>()], any::<u16>(), options).prop_map(|(size, version, flags, options)| {
        let edns = wire::Edns { version, flags, ..wire::Edns::of(size) };
        Some(options.iter().fold(edns, |edns, (code, value)| edns.option(*code, value)))
    });
    prop_oneof![1 => Just(None), 3 => some]
}

fn tsig() -> impl Strategy<Value = Option<Vec<u8>>> {
    let some = (name(), name(), 0usize..70, 0usize..10).prop_map(|(key, algorithm, mac, other)| {
        let mut data = algorithm;
        data.extend([0, 0, 0, 0, 0, 9, 1, 44, 0, mac as u8]);
        data.extend(vec![5; mac]);
        data.extend([1, 2, 0, 0, 0, other as u8]);
        data.extend(vec![6; other]);
        let mut record = key;
        record.extend([0, 250, 0, 255, 0, 0, 0, 0]);
        record.extend((data.len() as u16).to_be_bytes());
        record.extend(data);
        Some(record)
    });
    prop_oneof![4 => Just(None), 1 => some]
}

fn flags() -> impl Strategy<Value = u16> {
    prop_oneof![6 => Just(0u16), 1 => 0u16..0x8000]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, failure_persistence: None, rng_seed: RngSeed::Fixed(SEED), ..ProptestConfig::default() })]

    #[test]
    fn answers_are_sound_and_fit(
        name in name(),
        rtype in proptest::sample::select(&[1u16, 2, 5, 6, 15, 16, 28, 33, 39, 41, 43, 250, 251, 252, 255, 65_535][..]),
        class in proptest::sample::select(&[1u16, 1, 1, 1, 3, 4, 255, 254][..]),
        flags in flags(),
        edns in edns(),
        tsig in tsig(),
        tcp in any::<bool>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3),
        is_changed in prop_oneof![2 => Just(false), 1 => Just(true)],
    ) {
        let limit = match &edns {
            _ if tcp => 65_535,
            None => 512,
            Some(edns) => usize::from(edns.size.clamp(512, 1232)),
        };
        let question = wire::Question { class, flags, edns, ..wire::Question::of(name, rtype) };
        let mut bytes = question.encode();
        if let Some(tsig) = &tsig {
            bytes[11] += 1;
            bytes.extend(tsig);
        }
        if is_changed {
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        let ask = Ask { bytes: &bytes, peer: "[2001:db8::1]:53".parse().unwrap(), over: if tcp { Over::Tcp } else { Over::Udp }, seed: 0, path: None };
        // Whatever stands beside it in a batch.
        let mut ahead = Ahead::default();
        ahead.look(&SNAPSHOT, [&bytes[..bytes.len() / 2], &bytes].into_iter().map(|query| (query, ask.peer.ip())));
        let mut out = vec![0xee; if tcp { 65_535 } else { 1232 }];
        let Verdict::Reply(reply) = handle(Now { mono_ms: 0, wall_s: 1_800_000_000 }, &SNAPSHOT, &ask, &mut out) else {
            prop_assert!(bytes[2] & 0x80 != 0);
            return Ok(());
        };
        let mut again = vec![0xee; out.len()];
        let verdict = handle(Now { mono_ms: 0, wall_s: 1_800_000_000 }, &SNAPSHOT, &Ask { path: ahead.path(1), ..ask }, &mut again);
        prop_assert_eq!((verdict, &again), (Verdict::Reply(reply), &out));
        let answer = wire::decode(&out[..reply.len]);
        prop_assert!(answer.is_ok(), "{answer:?}");
        let answer = answer.unwrap();
        prop_assert_eq!(&answer.squeezed, &[] as &[u16]);
        prop_assert_eq!(&out[..2], &bytes[..2]);
        if !is_changed && tsig.is_none() {
            prop_assert!(reply.len <= limit, "{} bytes of {limit}", reply.len);
        }
        let mut small = vec![0xee; 1232];
        if let Some(reply) = slip(Now { mono_ms: 0, wall_s: 1_800_000_000 }, &SNAPSHOT, &Ask { over: Over::Udp, ..ask }, &mut small) {
            let small = wire::decode(&small[..reply.len]);
            prop_assert!(small.as_ref().is_ok_and(|one| one.answer.is_empty() && one.authority.is_empty() && one.additional.is_empty()), "{small:?}");
            prop_assert!(reply.len <= bytes.len() + SERVER_COOKIE, "{} bytes instead for {}", reply.len, bytes.len());
        }
        // What a TSIG error repeats was sent by the client: no more comes back than that and an OPT record.
        // A changed byte may have changed what the client takes.
        let limit = if is_changed && !tcp { 1232 } else { limit };
        prop_assert!(reply.len <= limit.max(bytes.len() + 300), "{} bytes for {}", reply.len, bytes.len());
    }
}

/// The names of an SOA record point into the apex, which must be whole where they point: behind a chain of aliases it may go on behind a pointer of its own.
#[test]
fn the_soa_behind_a_chain_reads_as_it_was_written() {
    let parent = format!("{}x.test", "p.".repeat(20));
    let apex = format!("b.a.{parent}");
    let text = format!(
        "@ 60 IN SOA ns.{parent}. h.test. 1 2 3 4 5\n@ 60 IN NS ns.{parent}.\nk0 60 IN CNAME k1.t\nk1.t 60 IN CNAME k2.s\nk2.s 60 IN A 192.0.2.1\n"
    );
    let compiled = meridian::compile::zone::zone(&Name::parse(&apex).unwrap(), "zone", text.into(), &mut NoFiles, &[]);
    let zone = Serving::Zone(Arc::new(compiled.zone.unwrap_or_else(|| panic!("{:?}", compiled.problems))), Services::default());
    let snapshot = Snapshot { generation: 1, zones: Zones::new(vec![zone]), ..Snapshot::default() };
    let data = [wire::name(&format!("ns.{parent}.")), wire::name("h.test."), [1u32, 2, 3, 4, 5].map(u32::to_be_bytes).concat()].concat();
    for (head, rtype, aliases) in [("k0.", 28, 2), ("k1.t.", 28, 1), ("nobody.", 1, 0), ("", 28, 0), ("k2.s.", 28, 0)] {
        let question = wire::Question::of(wire::name(&format!("{head}{apex}.")), rtype).encode();
        let ask = Ask { bytes: &question, peer: "192.0.2.1:53".parse().unwrap(), over: Over::Udp, seed: 0, path: None };
        let mut out = vec![0; 1232];
        let Verdict::Reply(reply) = handle(Now { mono_ms: 0, wall_s: 1_800_000_000 }, &snapshot, &ask, &mut out) else {
            panic!("no answer")
        };
        let answer = wire::decode(&out[..reply.len]).unwrap_or_else(|why| panic!("{head}: {why}"));
        assert_eq!((answer.answer.len(), answer.authority.len()), (aliases, 1), "{head}: {answer}");
        let soa = &answer.authority[0];
        assert_eq!((soa.name.to_ascii_lowercase(), &soa.rdata), (wire::name(&format!("{apex}.")), &data), "{head}: {answer}");
    }
}
