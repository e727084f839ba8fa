//! The streams: which segments there are by now, and the playlists that name them (RFC 8216).

use super::ts;
use std::fmt::Write;
use std::time::Duration;

/// Segments a live playlist names.
const WINDOW: u64 = 6;
/// Segments that have left the playlist and are still served, for who has just read it.
const LEEWAY: u64 = 3;
/// Segments of the film.
const FILM: u64 = 10;
/// A segment that is shorter would be no packets.
const SHORTEST: Duration = Duration::from_millis(20);

/// Streams differ in their rate and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) bits_per_s: u64,
    resolution: &'static str,
}

pub(super) const VARIANTS: [Variant; 2] = [
    Variant { name: "low", bits_per_s: 200_000, resolution: "640x360" },
    Variant { name: "high", bits_per_s: 600_000, resolution: "1280x720" },
];

/// A live stream: a segment comes every `length`, counted from the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    first: u64,
    start_ms: u64,
    pub(super) length: Duration,
}

impl Stream {
    /// `first` is the number of the oldest segment there ever was.
    pub(super) fn new(first: u64, start_ms: u64, length: Duration) -> Self {
        Self { first, start_ms, length: length.max(SHORTEST) }
    }

    /// The newest segment; there is a whole window from the start.
    pub(super) fn newest(&self, now_ms: u64) -> u64 {
        let came = u128::from(now_ms.saturating_sub(self.start_ms)) * 1000 / self.length.as_micros();
        self.first + WINDOW - 1 + u64::try_from(came).unwrap_or(u64::MAX / 2)
    }

    /// The segment, while it is there.
    pub(super) fn segment(&self, variant: Variant, number: u64, now_ms: u64) -> Option<Vec<u8>> {
        let newest = self.newest(now_ms);
        let is_there = number <= newest && number + WINDOW + LEEWAY > newest;
        is_there.then(|| ts::segment(number, self.length, ts::size(variant.bits_per_s, self.length)))
    }

    /// `base` stands before each segment's name.
    pub(super) fn playlist(&self, now_ms: u64, base: &str) -> String {
        let newest = self.newest(now_ms);
        let first = newest + 1 - WINDOW;
        let mut text = format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{first}\n", self.target());
        for number in first..=newest {
            let _ = write!(text, "#EXTINF:{:.3},\n{base}{number}.ts\n", self.length.as_secs_f64());
        }
        text
    }

    /// A film: all segments in one file.
    pub(super) fn film_playlist(&self) -> String {
        let size = ts::size(VARIANTS[0].bits_per_s, self.length);
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n",
            self.target()
        );
        for number in 0..FILM as usize {
            let _ = write!(text, "#EXTINF:{:.3},\n#EXT-X-BYTERANGE:{size}@{}\nfilm.ts\n", self.length.as_secs_f64(), number * size);
        }
        text + "#EXT-X-ENDLIST\n"
    }

    pub(super) fn film(&self) -> Vec<u8> {
        let size = ts::size(VARIANTS[0].bits_per_s, self.length);
        (0..FILM).flat_map(|number| ts::segment(number, self.length, size)).collect()
    }

    /// Bytes a second at which the variant plays.
    pub(super) fn bytes_per_s(variant: Variant) -> u64 {
        variant.bits_per_s / 8
    }

    /// Whole seconds, and no segment is longer.
    fn target(&self) -> u64 {
        u64::try_from(self.length.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
    }
}

/// `base` stands before each variant's name, `tail` behind it.
pub(super) fn master(base: &str, tail: &str) -> String {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:3\n".to_owned();
    for Variant { name, bits_per_s, resolution } in VARIANTS {
        let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={bits_per_s},RESOLUTION={resolution}\n{base}{name}/{tail}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: Stream = Stream { first: 100, start_ms: 5_000, length: Duration::from_millis(2_000) };

    #[test]
    fn a_segment_comes_each_time_one_has_played() {
        for (now_ms, newest) in [(0, 105), (5_000, 105), (6_999, 105), (7_000, 106), (11_000, 108), (65_000, 135)] {
            assert_eq!(LIVE.newest(now_ms), newest, "{now_ms}");
        }
        let short = Stream::new(0, 0, Duration::ZERO);
        assert_eq!(short.newest(200), 15);
    }

    #[test]
    fn a_playlist_slides() {
        let text = LIVE.playlist(11_000, "");
        assert!(text.starts_with("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:103\n"), "{text}");
        let named: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(named, ["103.ts", "104.ts", "105.ts", "106.ts", "107.ts", "108.ts"]);
        assert!(LIVE.playlist(11_000, "http://x/").contains("\nhttp://x/108.ts\n"));
        let short = Stream::new(0, 0, Duration::from_millis(200)).playlist(0, "");
        assert!(short.contains("#EXT-X-TARGETDURATION:1\n") && short.contains("#EXTINF:0.200,\n"), "{short}");
        assert!(Stream::new(0, 0, Duration::from_millis(2_001)).playlist(0, "").contains("TARGETDURATION:3\n"));
    }

    #[test]
    fn segments_come_and_go() {
        for (number, is_there) in [(108, true), (103, true), (100, true), (99, false), (109, false), (u64::MAX - 9, false)] {
            assert_eq!(LIVE.segment(VARIANTS[0], number, 11_000).is_some(), is_there, "{number}");
        }
    }

    #[test]
    fn the_film_has_the_segments_its_playlist_names() {
        let (text, film) = (LIVE.film_playlist(), LIVE.film());
        assert!(text.ends_with("#EXT-X-ENDLIST\n"));
        let ranges: Vec<(usize, usize)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:")?.split_once('@'))
            .map(|(size, at)| (size.parse().unwrap(), at.parse().unwrap()))
            .collect();
        assert_eq!(ranges.iter().map(|(size, _)| size).sum::<usize>(), film.len());
        // Each begins with the first table.
        assert!(ranges.iter().all(|(_, at)| film[*at..].starts_with(&[0x47, 0x40, 0x00])));
    }
}
