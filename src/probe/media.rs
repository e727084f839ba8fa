//! What a segment is, by its first bytes.

use super::playlist::beginning;

/// So many bytes tell every kind: two sync bytes of MPEG-TS, a packet apart.
pub(super) const ENOUGH: usize = PACKET + 1;

const PACKET: usize = 188;
const SYNC: u8 = 0x47;

/// Boxes a segment may begin with (ISO 14496-12), in the wild and by the book.
const BOXES: [&[u8; 4]; 15] =
    [b"ftyp", b"styp", b"moof", b"sidx", b"ssix", b"emsg", b"prft", b"moov", b"mdat", b"free", b"skip", b"uuid", b"mfra", b"meta", b"wide"];

/// Whether players can begin with it; `whole` when nothing follows. An encrypted one is judged only as far as it is no page.
pub(super) fn judge(bytes: &[u8], whole: bool, encrypted: bool) -> Result<(), String> {
    if bytes.is_empty() {
        return Err("it is empty".into());
    }
    if bytes.trim_ascii_start().first() == Some(&b'<') && is_page(bytes) {
        return Err(format!("a page instead of media: {}", beginning(bytes)));
    }
    match encrypted || is_transport_stream(bytes, whole) || is_boxes(bytes) || is_packed(bytes) || is_text(bytes) {
        true => Ok(()),
        false => Err("it is no media: neither MPEG-TS nor ISO-BMFF".into()),
    }
}

/// Random bytes begin with `<` once in 256 times, with a tag never.
fn is_page(bytes: &[u8]) -> bool {
    let rest = &bytes.trim_ascii_start()[1..];
    rest.iter().take(5).filter(|byte| byte.is_ascii_alphabetic() || b"!?-/>".contains(byte)).count() >= 4
}

fn is_transport_stream(bytes: &[u8], whole: bool) -> bool {
    bytes[0] == SYNC
        && match bytes.get(PACKET) {
            Some(next) => *next == SYNC,
            None => whole && bytes.len() == PACKET,
        }
}

fn is_boxes(bytes: &[u8]) -> bool {
    let Some((size, rest)) = bytes.split_first_chunk::<4>() else { return false };
    // 0 is "to the end", 1 "the size follows", and a header alone has eight bytes.
    let size = u32::from_be_bytes(*size);
    !(2..8).contains(&size) && rest.first_chunk::<4>().is_some_and(|kind| BOXES.contains(&kind))
}

/// Audio without a container (RFC 8216 3.4): ADTS, MPEG audio, AC-3, mostly after an ID3 tag.
fn is_packed(bytes: &[u8]) -> bool {
    let [first, second, ..] = *bytes else { return false };
    bytes.starts_with(b"ID3") || (first == 0xff && second & 0xe0 == 0xe0) || (first, second) == (0x0b, 0x77)
}

/// Subtitles (RFC 8216 3.5).
fn is_text(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).starts_with(b"WEBVTT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(count: usize) -> Vec<u8> {
        let packet: Vec<u8> = [&[SYNC][..], &[0xff; PACKET - 1]].concat();
        packet.repeat(count)
    }

    #[test]
    fn media_is_known_by_its_first_bytes() {
        for bytes in [
            &packets(2)[..ENOUGH],
            &packets(1),
            b"\0\0\0\x18ftypmp42",
            b"\0\0\0\x18stypmsdh",
            b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x20",
            b"\0\0\0\0moof",
            b"ID3\x04",
            b"\xff\xf1\x50\x80",
            b"\xff\xfb\x90\x64",
            b"\x0b\x77",
            b"WEBVTT\n",
            b"\xef\xbb\xbfWEBVTT",
        ] {
            assert_eq!(judge(bytes, true, false), Ok(()), "{bytes:?}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        let mut torn = packets(2);
        torn[PACKET] = 0;
        for bytes in
            [&b""[..], b"G", &torn, &packets(1)[..100], b"\0\0\0\x18none", b"\0\0\0\x04ftyp", b"\0\0\0", b"not media", b"\xff", b"\0"]
        {
            assert!(judge(bytes, true, false).is_err(), "{bytes:?}");
        }
        // One packet, and something else follows that has not come.
        assert!(judge(&packets(1), false, false).is_err());
    }

    #[test]
    fn a_page_is_named_even_in_place_of_what_is_encrypted() {
        for bytes in [&b"<html>x"[..], b"\r\n<!DOCTYPE html><p>", b"<?xml version=\"1.0\"?>", b"<h1>No"] {
            for encrypted in [true, false] {
                let said = judge(bytes, true, encrypted).unwrap_err();
                assert!(said.starts_with("a page instead of media: it begins with `<"), "{said}");
            }
        }
    }

    #[test]
    fn of_encrypted_bytes_any_will_do() {
        for bytes in [&b"x"[..], b"<\x01\x02\x03\x04\x05\x06", b"<"] {
            assert_eq!(judge(bytes, true, true), Ok(()), "{bytes:?}");
        }
        assert!(judge(b"", true, true).is_err());
    }
}
