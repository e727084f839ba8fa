//! A panel's own API: who gets in, and what must never be told.

use crate::panel::{LONG, Panel, asking, bad, probe, request, response, target, weak};
use meridian::fleet::{CheckKind, Password};
use meridian::health::Outcome;

const SECRET: &str = "p&ss wörd";

fn account(panel: &Panel, path: &str, password: Password) -> Outcome {
    let report =
        probe("127.0.0.1", CheckKind::PanelApi { asking: asking(LONG), request: request(panel.url(path)), user: "us er".into(), password });
    let shown = format!("{report:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("p%26ss"), "{shown}");
    report.outcome
}

fn text() -> Password {
    Password::Text(SECRET.into())
}

#[test]
fn the_account_is_asked_for_where_panels_have_it() {
    let panel = Panel::saying(response(200, br#"{"user_info":{"auth":1,"status":"Active","exp_date":null}}"#));
    let query = "username=us%20er&password=p%26ss%20w%C3%B6rd";
    for (path, asked) in [
        ("", format!("/player_api.php?{query}")),
        ("/", format!("/player_api.php?{query}")),
        ("/panel", format!("/panel/player_api.php?{query}")),
        ("/panel/?x=1", format!("/panel/player_api.php?x=1&{query}")),
        ("/c/player_api.php", format!("/c/player_api.php?{query}")),
    ] {
        assert_eq!(account(&panel, path, text()), Outcome::Good);
        assert_eq!(target(&panel.seen().pop().unwrap()), asked);
    }
}

#[test]
fn answers_are_judged_and_never_repeated() {
    let echo = format!(r#"{{"user_info":{{"auth":0,"password":"{SECRET}","status":"{SECRET}"}}}}"#);
    let states = format!(r#"{{"user_info":{{"auth":"1","status":"{SECRET}"}}}}"#);
    for (status, body, outcome) in [
        (200, echo.as_str(), bad("the account does not get in: user_info.auth is not 1")),
        (200, &states, weak("the account is not active")),
        (200, r#"{"user_info":{"auth":1,"status":"Expired"}}"#, weak("the account is not active: Expired")),
        (200, r#"{"user_info":{"auth":1,"exp_date":"1000"}}"#, weak("the account has ended")),
        (200, SECRET, bad("the answer is not JSON")),
        (403, SECRET, bad("status 403 instead of 200")),
        (500, "", bad("status 500 instead of 200")),
    ] {
        let panel = Panel::saying(response(status, body.as_bytes()));
        assert_eq!(account(&panel, "/", text()), outcome, "{body}");
    }
    // Where the URL itself cannot be followed, it is not shown either.
    let panel = Panel::saying(format!("HTTP/1.1 302 x\r\nLocation: ftp://{SECRET}\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!(account(&panel, "/", text()), bad("a redirect to a URL that is neither http:// nor https://"));
}

#[test]
fn a_password_file_is_read_each_time() {
    let panel = Panel::saying(response(200, br#"{"user_info":{"auth":1}}"#));
    let file = std::env::temp_dir().join(format!("meridian-probe-password-{}", std::process::id()));
    for secret in ["one", "two"] {
        std::fs::write(&file, format!("  {secret}\n")).unwrap();
        assert_eq!(account(&panel, "/", Password::File(file.clone())), Outcome::Good);
        assert!(target(&panel.seen().pop().unwrap()).ends_with(&format!("&password={secret}")));
    }
    std::fs::remove_file(&file).unwrap();
    let Outcome::Unasked(said) = account(&panel, "/", Password::File(file.clone())) else { panic!("it was asked") };
    let name = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(said, format!("the password's file `{name}` cannot be read"));
    assert_eq!(panel.seen().len(), 2);
}
