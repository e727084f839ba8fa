//! `meridian status`

mod page;
mod watch;

use super::api::{Ask, Client, Paint, Reach, Result, print, print_json};
use crate::clock;
use page::Page;
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;
use ureq::http::Method;

/// A node that is asked this often answers at once, or something is wrong that should be seen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Show how the node and its panels are: what is wrong first.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Draw it anew every two seconds, until Ctrl-C
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn status(args: StatusArgs) -> ExitCode {
    args.reach.run(|client| match args.watch {
        true => watch::watch(client),
        false => {
            let status = ask(client)?;
            match client.json {
                true => print_json(&status)?,
                false => print(&lines(&status).iter().flat_map(|line| [line, "\n"]).collect::<String>())?,
            }
            Ok(0)
        }
    })
}

fn ask(client: &Client) -> Result<Value> {
    client.send(Ask::new(Method::GET, "/v1/status").patience(PATIENCE))?.json()
}

fn lines(status: &Value) -> Vec<String> {
    Page::new(status, clock::now().wall_s, Paint::of_stdout()).lines()
}
