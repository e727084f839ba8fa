//! `meridian restore`

use super::api::{Ask, Body, Changing, Confirming, LONG, Local, Reach, Result, Trouble, finish, offer, print, print_json};
use crate::control::{self, Ground, Mended};
use crate::node;
use serde_json::json;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use ureq::http::Method;

/// Bring back a backup while the node runs, or mend its store while it does not.
///
/// What is stored becomes what the backup holds; what would change is shown first. Its own change can be taken back by `meridian revert`.
/// With --offline or --good no node is asked: the store in [node].data is made anew, and the old file is set aside.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// What `meridian backup` wrote
    #[arg(required_unless_present = "good", conflicts_with = "good")]
    file: Option<PathBuf>,
    /// While no node runs: make the store of the backup
    #[arg(long)]
    offline: bool,
    /// While no node runs: make a broken or missing store of its last good copy
    #[arg(long)]
    good: bool,
    #[command(flatten)]
    confirming: Confirming,
    #[command(flatten)]
    changing: Changing,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn restore(args: RestoreArgs) -> ExitCode {
    let file = args.file.unwrap_or_default();
    if args.good || args.offline {
        let json = args.reach.is_json();
        return finish(json, mended(&args.reach.local(), (!args.good).then_some(&file)).and_then(|mended| told(&mended, json)).map(|()| 0));
    }
    args.reach.run(|client| {
        let wanted = |dry_run| {
            let backup = opened(&file)?;
            let mut ask = Ask::new(Method::POST, "/v1/restore").patience(LONG);
            ask.body = Body::File("application/x-ndjson", backup);
            ask.query = Changing { dry_run, ..args.changing }.query();
            client.send(ask)?.json()
        };
        if let Err(exit) = offer(client, &wanted(true)?, args.changing.dry_run, args.confirming)? {
            return Ok(exit);
        }
        let answer = wanted(false)?;
        match client.json {
            true => print_json(&answer)?,
            false => print(&format!("{} is restored, store revision {}\n", file.display(), answer["revision"]))?,
        }
        Ok(0)
    })
}

fn opened(path: &Path) -> Result<File> {
    let unreadable = |error: std::io::Error| Trouble::wrong(crate::config::unreadable(&path.display().to_string(), &error).to_string());
    let file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Trouble::wrong(format!("{}: not a regular file", path.display())));
    }
    Ok(file)
}

/// Without a file: of the last good copy.
fn mended(config: &Path, file: Option<&PathBuf>) -> Result<Mended> {
    let data = Local::read(config).map_err(Trouble::wrong)?.data;
    let mut backup = file.map(|file| opened(file).map(BufReader::new)).transpose()?;
    // Held until it is done: no node starts meanwhile, and one that runs is not touched.
    let _claim = node::data::claim(&data).map_err(|error| Trouble::failed(format!("{error:#}")))?;
    let ground = match &mut backup {
        Some(backup) => Ground::Backup(backup),
        None => Ground::Good,
    };
    control::mend(&data, ground).map_err(Trouble::failed)
}

fn told(mended: &Mended, is_json: bool) -> Result<()> {
    let aside = mended.aside.as_ref().map(|aside| aside.display().to_string());
    if is_json {
        return print_json(&json!({"revision": mended.revision, "documents": mended.documents, "aside": aside}));
    }
    let aside = aside.map_or_else(String::new, |aside| format!("; the old file is now {aside}"));
    print(&format!("the store has {} documents again, revision {}{aside}\n", mended.documents, mended.revision))
}
