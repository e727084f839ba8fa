//! Paths of the API, and the kinds of objects as people write them.

use crate::document::{did_you_mean, shown};
use crate::fleet::Kind;

/// `/v1/` and the segments, each with what has a meaning in a path escaped.
pub(in crate::cli) fn path(segments: &[&str]) -> String {
    let mut path = "/v1".to_owned();
    for segment in segments {
        path.push('/');
        path += &escaped(segment);
    }
    path
}

pub(in crate::cli) fn object_path(kind: Kind, name: &str) -> String {
    path(&[kind.plural(), name])
}

/// Everything but what RFC 3986 calls unreserved; names of one or two dots would be taken for steps.
pub(super) fn escaped(text: &str) -> String {
    let only_dots = text == "." || text == "..";
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => escaped.push(char::from(byte)),
            b'.' if !only_dots => escaped.push('.'),
            _ => escaped += &format!("%{byte:02X}"),
        }
    }
    escaped
}

/// `panel` or `panels`. The error is a sentence.
pub(in crate::cli) fn kind(word: &str) -> Result<Kind, String> {
    let lower = word.to_ascii_lowercase();
    Kind::ALL.into_iter().find(|kind| kind.word() == lower || kind.plural() == lower).ok_or_else(|| {
        let guess = did_you_mean(&lower, Kind::ALL.into_iter().flat_map(|kind| [kind.word(), kind.plural()]));
        let all = Kind::ALL.map(Kind::word).join(", ");
        let hint = if guess.is_empty() { format!("write one of {all}") } else { guess };
        format!("`{}` is no kind of object; {hint}", shown(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_segment() {
        assert_eq!(path(&["panels", "fra1", "state"]), "/v1/panels/fra1/state");
        assert_eq!(object_path(Kind::Hostname, "*.a.example"), "/v1/hostnames/%2A.a.example");
        assert_eq!(path(&["panels", "../fleet?x#y"]), "/v1/panels/..%2Ffleet%3Fx%23y");
        assert_eq!(path(&["zones", ".."]), "/v1/zones/%2E%2E");
        assert_eq!(path(&["panels", "ü 1"]), "/v1/panels/%C3%BC%201");
    }

    #[test]
    fn kinds_are_taken_as_people_write_them() {
        assert_eq!(kind("panel"), Ok(Kind::Panel));
        assert_eq!(kind("Hostnames"), Ok(Kind::Hostname));
        assert_eq!(kind("pannel").unwrap_err(), "`pannel` is no kind of object; did you mean `panel`?");
        assert!(kind("xyz").unwrap_err().ends_with("write one of check, region, panel, set, zone, key, hostname"));
    }
}
