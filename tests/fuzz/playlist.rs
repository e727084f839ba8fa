//! Any bytes as an HLS playlist: no panic, and whatever is read of it is a part of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meridian::probe::playlist::{Playlist, Segment, parse};

fuzz_target!(|text: &[u8]| {
    match parse(text) {
        Ok(Playlist::Master(variants)) => variants.iter().for_each(|variant| check(text, variant)),
        Ok(Playlist::Media(media)) => {
            assert!(media.last.is_none() || media.newest.is_some());
            assert_eq!(media.first.is_some(), media.last.is_some());
            for Segment { uri, plays_s, range, .. } in media.first.iter().chain(&media.last) {
                check(text, uri);
                assert!(plays_s.is_finite() && *plays_s >= 0.0);
                assert!(range.is_none_or(|range| range.length > 0));
            }
        }
        Err(what) => assert!(!what.contains('\n') && what.len() < 1000, "{what:?}"),
    }
});

/// A line of the text: not empty, and not a remark.
fn check(text: &[u8], uri: &[u8]) {
    assert!(text.as_ptr_range().contains(&uri.as_ptr()));
    assert!(!uri.is_empty() && uri[0] != b'#' && !uri.contains(&b'\n'));
}
