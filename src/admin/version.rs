//! Which version of an object is meant: `If-Match`, `If-None-Match`, `ETag` (RFC 9110 §13).

use super::problem::Trouble;
use super::query::Parameters;
use crate::control::How;
use axum::http::{HeaderMap, HeaderName, header};

/// Longer lists name no versions that somebody has seen.
const MAX_VERSIONS: usize = 64;
/// What no object has: a tag of somebody else matches nothing, and an empty list would mean any.
const NO_REVISION: u64 = u64::MAX;

/// Which versions a header names.
#[derive(Debug, PartialEq, Eq)]
enum Versions {
    /// `*`: whichever there is.
    Any,
    /// Each with whether it is a strong one.
    These(Vec<(u64, bool)>),
}

/// `?dry_run`, `?force`, and what the headers demand.
pub(super) fn how(headers: &HeaderMap, query: &mut Parameters) -> Result<How, Trouble> {
    let if_match = read(headers, &header::IF_MATCH)?.map(|versions| match versions {
        Versions::Any => Vec::new(),
        // RFC 9110 §13.1.1: a weak tag is never the same here.
        Versions::These(these) => {
            let strong: Vec<u64> = these.iter().map(|(revision, is_strong)| if *is_strong { *revision } else { NO_REVISION }).collect();
            strong
        }
    });
    let if_absent = match read(headers, &header::IF_NONE_MATCH)? {
        None => false,
        Some(Versions::Any) => true,
        Some(Versions::These(_)) => {
            return Err(Trouble::bad_request("If-None-Match takes only `*` on a change; If-Match names the version that is to be changed"));
        }
    };
    Ok(How { dry_run: query.flag("dry_run")?, force: query.flag("force")?, if_match, if_absent })
}

/// The client has this version already: 304.
pub(super) fn is_known(headers: &HeaderMap, revision: u64) -> Result<bool, Trouble> {
    Ok(match read(headers, &header::IF_NONE_MATCH)? {
        None => false,
        Some(Versions::Any) => true,
        Some(Versions::These(these)) => these.iter().any(|(known, _)| *known == revision),
    })
}

pub(super) fn tag(revision: u64) -> String {
    format!("\"{revision}\"")
}

fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Versions>, Trouble> {
    let mut lines = Vec::new();
    for line in headers.get_all(name) {
        lines.push(line.to_str().map_err(|_| malformed(name))?);
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let joined = lines.join(",");
    if joined.trim() == "*" {
        return Ok(Some(Versions::Any));
    }
    let mut these = Vec::new();
    let mut rest = joined.as_str();
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            break;
        }
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (tag, after) = quoted.strip_prefix('"').and_then(|tag| tag.split_once('"')).ok_or_else(|| malformed(name))?;
        if !after.trim_start().is_empty() && !after.trim_start().starts_with(',') {
            return Err(malformed(name));
        }
        // Another spelling of the same number is not our tag.
        let revision = tag.parse().ok().filter(|revision: &u64| revision.to_string() == tag).unwrap_or(NO_REVISION);
        these.push((revision, !weak));
        if these.len() > MAX_VERSIONS {
            return Err(Trouble::bad_request(format!("{name} names more than {MAX_VERSIONS} versions")));
        }
        rest = after;
    }
    if these.is_empty() { Err(malformed(name)) } else { Ok(Some(Versions::These(these))) }
}

fn malformed(name: &HeaderName) -> Trouble {
    let name = if *name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
    Trouble::bad_request(format!("{name} is no list of versions; write it as the ETag has it, such as \"17\" in its quotes, or *"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(name: HeaderName, lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (name.clone(), HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn versions_are_read_from_lists_and_lines() {
        for (lines, expected) in [
            (&["\"17\""][..], vec![17]),
            (&["\"17\", \"18\""], vec![17, 18]),
            (&["\"17\"", "\"18\" ,\"19\""], vec![17, 18, 19]),
            (&["*"], vec![]),
            (&["W/\"17\""], vec![NO_REVISION]),
            (&["\"abc\", \"017\", \"+17\", \"\""], vec![NO_REVISION; 4]),
        ] {
            let how = how(&headers(header::IF_MATCH, lines), &mut Parameters::default()).unwrap();
            assert_eq!(how.if_match, Some(expected), "{lines:?}");
        }
        assert_eq!(how(&HeaderMap::new(), &mut Parameters::default()).unwrap().if_match, None);
        for line in ["", "17", "\"17", "17\"", "\"17\" \"18\"", "*, \"17\"", "w/\"17\"", ","] {
            assert!(how(&headers(header::IF_MATCH, &[line]), &mut Parameters::default()).is_err(), "{line}");
        }
        let many = vec!["\"1\""; MAX_VERSIONS + 1].join(",");
        assert!(how(&headers(header::IF_MATCH, &[&many]), &mut Parameters::default()).is_err());
    }

    #[test]
    fn what_is_to_be_made_anew_must_not_be_there() {
        let star = headers(header::IF_NONE_MATCH, &["*"]);
        assert!(how(&star, &mut Parameters::default()).unwrap().if_absent);
        assert!(how(&headers(header::IF_NONE_MATCH, &["\"17\""]), &mut Parameters::default()).is_err());
        let mut query = Parameters::read(Some("dry_run=true&force=true")).unwrap();
        let how = how(&HeaderMap::new(), &mut query).unwrap();
        assert!(how.dry_run && how.force && !how.if_absent);
    }

    #[test]
    fn a_version_that_is_known_is_not_sent_again() {
        for (line, revision, known) in
            [("\"17\"", 17, true), ("W/\"17\"", 17, true), ("\"16\", \"17\"", 17, true), ("\"16\"", 17, false), ("*", 17, true)]
        {
            assert_eq!(is_known(&headers(header::IF_NONE_MATCH, &[line]), revision).unwrap(), known, "{line}");
        }
        assert!(!is_known(&HeaderMap::new(), 17).unwrap());
        assert_eq!(tag(17), "\"17\"");
    }
}
