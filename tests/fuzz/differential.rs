//! Two ways to the same answer: a small zone made from the bytes, asked through the whole path from text to wire, and
//! through an oracle that knows nothing but a list of records.
#![no_main]

#[path = "../oracle/mod.rs"]
mod oracle;
#[path = "../oracle/compare.rs"]
mod compare;
#[path = "../peers/wire.rs"]
#[allow(dead_code)]
mod wire;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    compare::compare(bytes);
});
