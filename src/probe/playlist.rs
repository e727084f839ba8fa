//! HLS playlists (RFC 8216): as much of them as it takes to find the newest segment. Low-latency parts are left to players.

/// A list of more lines serves nobody, and a day of one-second segments has fewer.
const MOST_SEGMENTS: usize = 200_000;

/// So much of a text that is no playlist is shown.
const SHOWN: usize = 32;

#[derive(Clone, Debug, PartialEq)]
pub enum Playlist<'a> {
    /// Where its variants are, in its own order.
    Master(Vec<&'a [u8]>),
    Media(Media<'a>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Media<'a> {
    /// Seconds; the longest segment's where the playlist does not say.
    pub target_s: u64,
    /// Nothing will be added.
    pub ended: bool,
    /// Media sequence number of the last segment, whether it can be fetched or not.
    pub newest: Option<u64>,
    pub first: Option<Segment<'a>>,
    pub last: Option<Segment<'a>>,
}

/// A segment that can be fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment<'a> {
    pub uri: &'a [u8],
    /// How long it plays; 0 where nobody says.
    pub plays_s: f64,
    pub range: Option<Range>,
    /// Its bytes mean nothing without a key.
    pub encrypted: bool,
}

/// Of the resource's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub from: u64,
    pub length: u64,
}

/// The playlist, or what is wrong with it.
pub fn parse(text: &[u8]) -> Result<Playlist<'_>, String> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    match text.strip_prefix(b"#EXTM3U") {
        Some(rest) if rest.first().is_none_or(u8::is_ascii_whitespace) => {}
        _ => return Err(format!("not a playlist: {}", beginning(text))),
    }
    let mut reading = Reading::default();
    for line in text.split(|byte| *byte == b'\n').skip(1) {
        reading.line(line.trim_ascii())?;
    }
    reading.end()
}

/// How it begins, so that the reader sees what came instead: at most a line of it, and nothing that is not printable.
pub(super) fn beginning(text: &[u8]) -> String {
    let text = text.trim_ascii_start();
    if text.is_empty() {
        return "it is empty".into();
    }
    // Of a page the tag says it all.
    let stop: &[u8] = if text[0] == b'<' { b">\r\n" } else { b"\r\n" };
    let end = text.iter().position(|byte| stop.contains(byte)).map_or(text.len(), |at| at + usize::from(text[at] == b'>'));
    let line = String::from_utf8_lossy(&text[..end.min(4 * SHOWN)]);
    let mut shown: String = line.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if line.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("it begins with `{shown}`")
}

#[derive(Default)]
struct Reading<'a> {
    variants: Vec<&'a [u8]>,
    /// The next URI is a variant's.
    variant: bool,
    /// There is a variant, or there should be.
    master: bool,
    sequence: u64,
    skipped: u64,
    count: usize,
    target_s: Option<u64>,
    ended: bool,
    encrypted: bool,
    plays_s: Option<f64>,
    range: Option<(u64, Option<u64>)>,
    gap: bool,
    /// Where the last range ended, and of what.
    after: Option<(&'a [u8], u64)>,
    longest_s: f64,
    first: Option<Segment<'a>>,
    last: Option<Segment<'a>>,
}

impl<'a> Reading<'a> {
    fn line(&mut self, line: &'a [u8]) -> Result<(), String> {
        if line.is_empty() {
            return Ok(());
        }
        let Some(tag) = line.strip_prefix(b"#") else { return self.uri(line) };
        let colon = tag.iter().position(|byte| *byte == b':').unwrap_or(tag.len());
        let value = tag.get(colon + 1..).unwrap_or_default().trim_ascii();
        match &tag[..colon] {
            b"EXT-X-STREAM-INF" => (self.variant, self.master) = (true, true),
            b"EXT-X-I-FRAME-STREAM-INF" => self.master = true,
            b"EXT-X-TARGETDURATION" => self.target_s = Some(seconds(value).ok_or("its #EXT-X-TARGETDURATION is no number")?.ceil() as u64),
            b"EXT-X-MEDIA-SEQUENCE" => self.sequence = integer(value).ok_or("its #EXT-X-MEDIA-SEQUENCE is no number")?,
            b"EXT-X-SKIP" => self.skipped = attribute(value, b"SKIPPED-SEGMENTS").and_then(integer).unwrap_or(0),
            // A VOD playlist may not change, even where its end is not marked.
            b"EXT-X-ENDLIST" => self.ended = true,
            b"EXT-X-PLAYLIST-TYPE" => self.ended |= value == b"VOD",
            b"EXTINF" => self.plays_s = value.split(|byte| *byte == b',').next().and_then(seconds),
            b"EXT-X-BYTERANGE" => self.range = Some(range(value).ok_or("one of its #EXT-X-BYTERANGE is no range")?),
            b"EXT-X-KEY" => self.encrypted = attribute(value, b"METHOD").is_some_and(|method| method != b"NONE"),
            b"EXT-X-GAP" => self.gap = true,
            _ => {}
        }
        Ok(())
    }

    fn uri(&mut self, uri: &'a [u8]) -> Result<(), String> {
        if std::mem::take(&mut self.variant) {
            self.variants.push(uri);
            return Ok(());
        }
        self.count += 1;
        if self.count > MOST_SEGMENTS {
            return Err(format!("a playlist of more than {MOST_SEGMENTS} segments"));
        }
        let plays_s = self.plays_s.take().unwrap_or(0.0);
        self.longest_s = self.longest_s.max(plays_s);
        let range = self.range.take().map(|(length, from)| {
            // Without an offset it goes on where the one before ended.
            let before = self.after.filter(|(of, _)| *of == uri).map_or(0, |(_, end)| end);
            Range { from: from.unwrap_or(before), length }
        });
        self.after = range.map(|range| (uri, range.from.saturating_add(range.length)));
        if !std::mem::take(&mut self.gap) {
            let segment = Segment { uri, plays_s, range, encrypted: self.encrypted };
            self.first.get_or_insert_with(|| segment.clone());
            self.last = Some(segment);
        }
        Ok(())
    }

    fn end(self) -> Result<Playlist<'a>, String> {
        if self.master {
            return Ok(Playlist::Master(self.variants));
        }
        let target_s = match self.target_s {
            Some(target_s) => target_s,
            None if self.longest_s > 0.0 => self.longest_s.ceil() as u64,
            // Lists of channels look so.
            None => return Err("a playlist without #EXT-X-TARGETDURATION, and its segments have no length".into()),
        };
        let listed = self.skipped.saturating_add(self.count as u64);
        let newest = listed.checked_sub(1).map(|more| self.sequence.saturating_add(more));
        Ok(Playlist::Media(Media { target_s, ended: self.ended, newest, first: self.first, last: self.last }))
    }
}

/// The value of an attribute in a list of them, without its quotes.
fn attribute<'a>(mut list: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    while let Some(equals) = list.iter().position(|byte| *byte == b'=') {
        let name = list[..equals].trim_ascii();
        let rest = &list[equals + 1..];
        let (value, after) = match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = quoted.iter().position(|byte| *byte == b'"')?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => rest.split_at(rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len())),
        };
        if name == wanted {
            return Some(value.trim_ascii());
        }
        let comma = after.iter().position(|byte| *byte == b',')?;
        list = &after[comma + 1..];
    }
    None
}

/// `length` or `length@offset`.
fn range(value: &[u8]) -> Option<(u64, Option<u64>)> {
    let at = value.iter().position(|byte| *byte == b'@');
    let length = integer(&value[..at.unwrap_or(value.len())]).filter(|length| *length > 0)?;
    match at {
        Some(at) => Some((length, Some(integer(&value[at + 1..])?))),
        None => Some((length, None)),
    }
}

fn integer(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// Lists of channels write -1.
fn seconds(text: &[u8]) -> Option<f64> {
    let seconds: f64 = std::str::from_utf8(text).ok()?.trim().parse().ok()?;
    (seconds.is_finite() && seconds < 1e9).then_some(seconds.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(lines: &str) -> Media<'static> {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{lines}").leak();
        match parse(text.as_bytes()) {
            Ok(Playlist::Media(media)) => media,
            other => panic!("{lines}: {other:?}"),
        }
    }

    fn last(lines: &str) -> Segment<'static> {
        media(lines).last.unwrap()
    }

    #[test]
    fn what_is_no_playlist_is_shown_by_its_beginning() {
        for (text, said) in [
            (&b""[..], "it is empty"),
            (b" \r\n", "it is empty"),
            (b"<html><body>500", "it begins with `<html>`"),
            (b"\n<!DOCTYPE html>\n<html>", "it begins with `<!DOCTYPE html>`"),
            (b"#EXTM3", "it begins with `#EXTM3`"),
            (b"#EXTM3UX\n", "it begins with `#EXTM3UX`"),
            (b"\x1b[31mred\x00\nmore", "it begins with `\\u{1b}[31mred\\0`"),
            (b"\xff\xfe#", "it begins with `\u{fffd}\u{fffd}#`"),
            (b"0123456789012345678901234567890123456789", "it begins with `01234567890123456789012345678901…`"),
        ] {
            assert_eq!(parse(text), Err(format!("not a playlist: {said}")), "{text:?}");
        }
    }

    #[test]
    fn the_first_line_may_have_a_mark_and_carriage_returns() {
        for head in ["#EXTM3U\n", "\u{feff}#EXTM3U\r\n", "#EXTM3U  \n", "#EXTM3U url-tvg=\"x\"\n"] {
            let text = format!("{head}#EXT-X-TARGETDURATION:6\r\n#EXTINF:6.0,\r\na.ts\r\n");
            let Ok(Playlist::Media(media)) = parse(text.as_bytes()) else { panic!("{head:?}") };
            assert_eq!((media.last.unwrap().uri, media.newest, media.target_s), (&b"a.ts"[..], Some(0), 6));
        }
    }

    #[test]
    fn variants_are_told_in_their_order() {
        let text = b"#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"audio.m3u8\"\n#EXT-X-I-FRAME-STREAM-INF:URI=\"i.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"a,b\"\n# a word\n\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhigh.m3u8?x=1\nstray\n";
        assert_eq!(parse(text), Ok(Playlist::Master(vec![b"low.m3u8", b"high.m3u8?x=1"])));
        assert_eq!(parse(b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n"), Ok(Playlist::Master(vec![])));
    }

    #[test]
    fn the_newest_number_counts_from_the_sequence() {
        for (lines, newest, ended) in [
            ("", None, false),
            ("#EXTINF:6,\na\n", Some(0), false),
            ("#EXT-X-MEDIA-SEQUENCE:100\n#EXTINF:6,\na\n#EXTINF:6,\nb\n", Some(101), false),
            ("#EXT-X-MEDIA-SEQUENCE:100\n#EXT-X-SKIP:SKIPPED-SEGMENTS=10\n#EXTINF:6,\na\n", Some(110), false),
            ("#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n#EXTINF:6,\na\n#EXTINF:6,\nb\n", Some(u64::MAX), false),
            ("#EXTINF:6,\na\n#EXT-X-GAP\n#EXTINF:6,\nb\n", Some(1), false),
            ("#EXTINF:6,\na\n#EXT-X-ENDLIST\n", Some(0), true),
            ("#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:6,\na\n", Some(0), true),
            ("#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:6,\na\n", Some(0), false),
            ("#EXTINF:6,\na\n#EXT-X-PART:DURATION=0.3,URI=\"p\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"q\"\n", Some(0), false),
        ] {
            let media = media(lines);
            assert_eq!((media.newest, media.ended), (newest, ended), "{lines}");
        }
    }

    #[test]
    fn gaps_are_not_fetched() {
        let media = media("#EXT-X-GAP\n#EXTINF:6,\na\n#EXTINF:5,\nb\n#EXTINF:4,\nc\n#EXTINF:6,\n#EXT-X-GAP\nd\n");
        assert_eq!((media.first.unwrap().uri, media.last.unwrap().uri, media.newest), (&b"b"[..], &b"c"[..], Some(3)));
        assert_eq!(super::tests::media("#EXT-X-GAP\n#EXTINF:6,\na\n").last, None);
    }

    #[test]
    fn ranges_go_on_where_the_one_before_ended() {
        for (lines, range) in [
            ("#EXT-X-BYTERANGE:10@5\na\n", Some((5, 10))),
            ("#EXT-X-BYTERANGE:10\na\n", Some((0, 10))),
            ("#EXT-X-BYTERANGE:10@5\na\n#EXT-X-BYTERANGE:7\na\n", Some((15, 7))),
            ("#EXT-X-BYTERANGE:10@5\na\n#EXT-X-BYTERANGE:7\nb\n", Some((0, 7))),
            ("#EXT-X-BYTERANGE:10@5\na\nb\n", None),
        ] {
            assert_eq!(last(lines).range, range.map(|(from, length)| Range { from, length }), "{lines}");
        }
    }

    #[test]
    fn keys_hold_until_the_next() {
        for (lines, encrypted) in [
            ("a\n", false),
            ("#EXT-X-KEY:METHOD=AES-128,URI=\"k,METHOD=NONE\"\na\n", true),
            ("#EXT-X-KEY:URI=\"k,METHOD=NONE\", METHOD=SAMPLE-AES\na\nb\n", true),
            ("#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\na\n#EXT-X-KEY:METHOD=NONE\nb\n", false),
            ("#EXT-X-KEY:URI=\"open\na\n", false),
        ] {
            assert_eq!(last(lines).encrypted, encrypted, "{lines}");
        }
    }

    #[test]
    fn lengths() {
        for (lines, plays_s) in [
            ("#EXTINF:5.96,a title, with commas\na\n", 5.96),
            ("#EXTINF:6\na\n", 6.0),
            ("#EXTINF:-1 tvg-id=\"x\",Name\na\n", 0.0),
            ("#EXTINF:nan,\na\n", 0.0),
            ("#EXTINF:9\nz\na\n", 0.0),
        ] {
            assert_eq!(last(lines).plays_s, plays_s, "{lines}");
        }
        let text = b"#EXTM3U\n#EXTINF:5.2,\na\n#EXTINF:3,\nb\n";
        assert!(matches!(parse(text), Ok(Playlist::Media(Media { target_s: 6, .. }))));
        assert!(matches!(parse(b"#EXTM3U\n#EXT-X-TARGETDURATION:3.5\n"), Ok(Playlist::Media(Media { target_s: 4, .. }))));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (lines, what) in [
            ("#EXTINF:-1,Channel\nhttp://a/1.ts\n", "#EXT-X-TARGETDURATION"),
            ("", "#EXT-X-TARGETDURATION"),
            ("#EXT-X-TARGETDURATION:x\n", "#EXT-X-TARGETDURATION is no number"),
            ("#EXT-X-MEDIA-SEQUENCE:-1\n", "#EXT-X-MEDIA-SEQUENCE"),
            ("#EXT-X-BYTERANGE:@1\n", "#EXT-X-BYTERANGE"),
            ("#EXT-X-BYTERANGE:0\n", "#EXT-X-BYTERANGE"),
            ("#EXT-X-BYTERANGE:1@x\n", "#EXT-X-BYTERANGE"),
        ] {
            let text = format!("#EXTM3U\n{lines}");
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(what), "{lines}: {error}");
        }
    }

    #[test]
    fn too_many_segments_are_refused() {
        let list = |count: usize| format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{}", "a\n".repeat(count));
        assert!(parse(list(MOST_SEGMENTS).as_bytes()).is_ok());
        assert!(parse(list(MOST_SEGMENTS + 1).as_bytes()).is_err());
    }
}
