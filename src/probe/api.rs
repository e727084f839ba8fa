//! A check by a panel's own API, as Xtream-style panels have it: does the account get in, and for how long.
//!
//! Nothing of an answer is repeated: panels tell the account's password there.

use super::client::{Client, Wish};
use super::errand::Findings;
use crate::clock;
use crate::fleet::Password;
use crate::health::Outcome;
use hyper::Method;
use serde_json::Value as Json;
use std::path::Path;

const FILE: &str = "player_api.php";

/// Without an action a panel tells of the account and itself, in a kilobyte or two.
const BODY: usize = 1 << 20;

/// Time enough to have an account prolonged.
const NEAR_DAYS: i64 = 7;

const DAY_S: i64 = 86_400;

/// A password is a line.
const MOST_PASSWORD: u64 = 4 << 10;

/// States of an account that are told by name.
const STATES: [&str; 5] = ["Banned", "Disabled", "Expired", "Inactive", "Trial"];

pub(super) async fn check(mut client: Client<'_>, user: &str, password: &Password) -> Result<Findings, Outcome> {
    let password = match password {
        Password::Text(text) => text.clone(),
        Password::File(path) => {
            let file = path.clone();
            // A file may be far away: nobody else shall wait for it.
            let read = tokio::task::spawn_blocking(move || secret(&file)).await;
            read.ok().flatten().ok_or_else(|| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                Outcome::Unasked(format!("the password's file `{}` cannot be read", crate::document::shown(&name)))
            })?
        }
    };
    let mut url = client.url.clone();
    let path = url.path();
    if path.rsplit('/').next() != Some(FILE) {
        let query = url.target[path.len()..].to_owned();
        let slash = if path.ends_with('/') { "" } else { "/" };
        url.target = format!("{path}{slash}{FILE}{query}");
    }
    url.with_query(&[("username", user), ("password", &password)]);
    let mut answer = client.ask(&url, Wish { method: Method::GET, taken: &[], range: None, last: true }).await?;
    match answer.status.as_u16() {
        200 => {}
        status => return Err(Outcome::Bad(format!("status {status} instead of 200"))),
    }
    answer.plain()?;
    let (body, whole) = client.read_all(&mut answer, BODY).await?;
    if !whole {
        return Err(Outcome::Bad("the answer is longer than 1 MiB".into()));
    }
    let mut weak = client.weak;
    weak.extend(judge(&body, clock::now().wall_s.cast_signed()).map_err(Outcome::Bad)?);
    Ok(Findings { weak, ..Findings::default() })
}

fn secret(path: &Path) -> Option<String> {
    let found = std::fs::metadata(path).ok()?;
    // To read a pipe would wait for a writer.
    if !found.is_file() || found.len() > MOST_PASSWORD {
        return None;
    }
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

/// Sentences on what wants to be looked at, or what is wrong.
fn judge(body: &[u8], wall_s: i64) -> Result<Vec<String>, String> {
    let json: Json = serde_json::from_slice(body).map_err(|_| "the answer is not JSON")?;
    let user = json.get("user_info").ok_or("the answer has no user_info")?;
    match user.get("auth") {
        Some(auth) if number(auth) == Some(1) => {}
        Some(_) => return Err("the account does not get in: user_info.auth is not 1".into()),
        None => return Err("the answer has no user_info.auth".into()),
    }
    let mut weak = Vec::new();
    match user.get("status").and_then(Json::as_str) {
        None => {}
        Some(state) if state.eq_ignore_ascii_case("active") => {}
        Some(state) => weak.push(match STATES.iter().find(|known| known.eq_ignore_ascii_case(state)) {
            Some(known) => format!("the account is not active: {known}"),
            None => "the account is not active".into(),
        }),
    }
    // Without an end it is null; some panels write 0 or nothing at all.
    if let Some(end_s) = user.get("exp_date").and_then(number).filter(|end_s| *end_s > 0) {
        match end_s.saturating_sub(wall_s) {
            ..=0 => weak.push("the account has ended".into()),
            left_s if left_s < NEAR_DAYS * DAY_S => weak.push(match left_s / DAY_S {
                0 => "the account ends within a day".into(),
                1 => "the account ends in 1 day".into(),
                days => format!("the account ends in {days} days"),
            }),
            _ => {}
        }
    }
    Ok(weak)
}

/// A whole number, or one in quotes.
fn number(json: &Json) -> Option<i64> {
    match json {
        Json::String(text) => text.trim().parse().ok(),
        json => json.as_i64().or_else(|| json.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn accounts() {
        let soon = NOW + 3 * DAY_S + 5;
        for (user, expected) in [
            (r#""auth":1"#.to_owned(), Ok("")),
            (r#""auth":"1","status":"Active","exp_date":null"#.into(), Ok("")),
            (r#""auth":1.0,"exp_date":"0","status":"active"#.to_owned() + "\"", Ok("")),
            (r#""auth":1,"exp_date":"" "#.into(), Ok("")),
            (r#""auth":1,"active_cons":"9","max_connections":"1"#.to_owned() + "\"", Ok("")),
            (format!(r#""auth":1,"exp_date":{}"#, NOW + 7 * DAY_S), Ok("")),
            (format!(r#""auth":1,"exp_date":{soon}"#), Ok("the account ends in 3 days")),
            (format!(r#""auth":1,"exp_date":"{soon}""#), Ok("the account ends in 3 days")),
            (format!(r#""auth":1,"exp_date":{}"#, NOW + DAY_S), Ok("the account ends in 1 day")),
            (format!(r#""auth":1,"exp_date":{}"#, NOW + 1), Ok("the account ends within a day")),
            (format!(r#""auth":1,"exp_date":{NOW},"status":"Expired""#), Ok("the account is not active: Expired; the account has ended")),
            (r#""auth":1,"status":"my secret""#.into(), Ok("the account is not active")),
            (r#""auth":0"#.into(), Err("the account does not get in: user_info.auth is not 1")),
            (r#""auth":"0""#.into(), Err("the account does not get in: user_info.auth is not 1")),
            (r#""auth":true"#.into(), Err("the account does not get in: user_info.auth is not 1")),
            (r#""username":"x""#.into(), Err("the answer has no user_info.auth")),
        ] {
            let said = judge(format!(r#"{{"user_info":{{{user}}}}}"#).as_bytes(), NOW).map(|weak| weak.join("; "));
            assert_eq!(said, expected.map(str::to_owned).map_err(str::to_owned), "{user}");
        }
        for (body, expected) in
            [("[]", "the answer has no user_info"), ("<html>", "the answer is not JSON"), ("", "the answer is not JSON")]
        {
            assert_eq!(judge(body.as_bytes(), NOW), Err(expected.into()));
        }
    }
}
