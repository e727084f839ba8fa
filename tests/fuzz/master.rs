//! Any bytes as a master file: no panic, no more memory than the text is worth, and what is read can be compiled and shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meridian::dns::master::{self, Loader};
use meridian::dns::name::{self, Name};

struct Same<'a>(&'a [u8], u32);

impl Loader for Same<'_> {
    /// Includes of includes of includes, up to the reader's own bound.
    fn load(&mut self, path: &str, _: &str) -> Result<(String, Vec<u8>), String> {
        self.1 += 1;
        if self.1 > 20 { Err("enough".into()) } else { Ok((path.to_owned(), self.0[..self.0.len() / 2].to_vec())) }
    }
}

fuzz_target!(|text: &[u8]| {
    let apex = Name::parse("x.test").unwrap();
    let mut generated = 0u32;
    master::read("fuzz.zone", text, &apex, &mut Same(text, 0), &mut |record| {
        assert_eq!(name::wire_len(record.owner), Some(record.owner.len()));
        generated += 1;
        // What was read must read back the same from what we show of it.
        if generated < 1000 {
            meridian::dns::rdata::check(record.rtype, record.rdata).expect("what was parsed is sound");
            let shown = format!("{} {} {} {}", Name::from_wire(record.owner).unwrap(), record.ttl, record.rtype, meridian::dns::rdata::show(record.rtype, record.rdata));
            let mut again = Vec::new();
            let reading = master::read("again", shown.as_bytes(), &apex, &mut Same(b"", 99), &mut |back| again = back.rdata.to_vec());
            assert!(!reading.problems.iter().any(meridian::document::Problem::is_error), "{shown}: {:?}", reading.problems);
            assert_eq!(again, record.rdata, "{shown}");
        }
    });
    let _ = meridian::compile::zone::zone(&apex, "fuzz.zone", text.to_vec(), &mut Same(b"", 99), &[]);
});
