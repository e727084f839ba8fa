//! `meridian restore`

use super::api::{Ask, Body, Changing, Confirming, LONG, Reach, Trouble, offer, print, print_json};
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use ureq::http::Method;

/// Bring back a backup while the node runs.
///
/// What is stored becomes what the backup holds; what would change is shown first. Its own change can be taken back by `meridian revert`.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// What `meridian backup` wrote
    file: PathBuf,
    #[command(flatten)]
    confirming: Confirming,
    #[command(flatten)]
    changing: Changing,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn restore(args: RestoreArgs) -> ExitCode {
    args.reach.run(|client| {
        let wanted = |dry_run| {
            let unreadable =
                |error: std::io::Error| Trouble::wrong(crate::config::unreadable(&args.file.display().to_string(), &error).to_string());
            let file = File::open(&args.file).map_err(unreadable)?;
            if !file.metadata().map_err(unreadable)?.is_file() {
                return Err(Trouble::wrong(format!("{}: not a regular file", args.file.display())));
            }
            let mut ask = Ask::new(Method::POST, "/v1/restore").patience(LONG);
            ask.body = Body::File("application/x-ndjson", file);
            ask.query = Changing { dry_run, ..args.changing }.query();
            client.send(ask)?.json()
        };
        if let Err(exit) = offer(client, &wanted(true)?, args.changing.dry_run, args.confirming)? {
            return Ok(exit);
        }
        let answer = wanted(false)?;
        match client.json {
            true => print_json(&answer)?,
            false => print(&format!("{} is restored, store revision {}\n", args.file.display(), answer["revision"]))?,
        }
        Ok(0)
    })
}
