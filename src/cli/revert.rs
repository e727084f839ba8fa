//! `meridian revert`

use super::api::{Ask, Changing, Confirming, LONG, Reach, offer, print, print_json};
use serde_json::json;
use std::process::ExitCode;
use ureq::http::Method;

/// Take a change back: the objects of one revision become what they were before it.
///
/// `meridian history OBJECT` and `meridian audit` show revisions. Taking back is a change as any other, and can be taken back.
#[derive(Debug, clap::Args)]
pub(super) struct RevertArgs {
    revision: u64,
    #[command(flatten)]
    confirming: Confirming,
    #[command(flatten)]
    changing: Changing,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn revert(args: RevertArgs) -> ExitCode {
    args.reach.run(|client| {
        let wanted = |dry_run| {
            let mut ask = Ask::new(Method::POST, "/v1/revert").json(json!({ "revision": args.revision })).patience(LONG);
            ask.query = Changing { dry_run, ..args.changing }.query();
            client.send(ask)?.json()
        };
        if let Err(exit) = offer(client, &wanted(true)?, args.changing.dry_run, args.confirming)? {
            return Ok(exit);
        }
        let answer = wanted(false)?;
        match client.json {
            true => print_json(&answer)?,
            false => print(&format!("revision {} is taken back, store revision {}\n", args.revision, answer["revision"]))?,
        }
        Ok(0)
    })
}
