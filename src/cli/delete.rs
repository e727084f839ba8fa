//! `meridian delete`

use super::api::{Ask, Changing, Reach, Trouble, applied, kind, line, object_path};
use super::set::Place;
use serde_json::json;
use std::process::ExitCode;
use ureq::http::Method;

const EXAMPLES: &str = "\
Examples:
  meridian delete hostname vod.panels.example
  meridian delete record panels.example www A";

/// Take away an object or a record set.
///
/// What others refer to is not taken away; they are named. What was deleted comes back by `meridian revert`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DeleteArgs {
    /// KIND NAME, or record ZONE NAME TYPE
    #[arg(required = true, value_name = "WHAT")]
    what: Vec<String>,
    #[command(flatten)]
    changing: Changing,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn delete(args: DeleteArgs) -> ExitCode {
    args.reach.run(|client| {
        let words: Vec<&str> = args.what.iter().map(String::as_str).collect();
        let (path, object) = match words.as_slice() {
            ["record" | "records", zone, name, rtype] => {
                let place = Place { zone, name, rtype };
                (place.path(), place.shown())
            }
            ["record" | "records", ..] => {
                return Err(Trouble::wrong("a record set has a zone, a name and a type: meridian delete record panels.example www A"));
            }
            [word, name] => {
                let kind = kind(word).map_err(Trouble::wrong)?;
                (object_path(kind, name), format!("{}/{name}", kind.plural()))
            }
            _ => return Err(Trouble::wrong("one object at a time: meridian delete KIND NAME")),
        };
        let mut ask = Ask::new(Method::DELETE, &path);
        ask.query = args.changing.query();
        let heard = client.send(ask)?;
        let answer = match heard.body.is_empty() {
            true => json!({"object": object, "revision": heard.revision}),
            false => heard.json()?,
        };
        let revision = heard.revision.map(|revision| format!(", store revision {revision}")).unwrap_or_default();
        applied(client, args.changing, &answer, &format!("{} deleted{revision}", line(&object)))
    })
}
