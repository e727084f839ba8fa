//! `meridian status`

mod page;
mod panel;
mod share;
mod watch;

use super::api::{Ask, Client, Paint, Reach, Result, path, print, print_json};
use crate::clock;
use page::Page;
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;
use ureq::http::Method;

/// A node that is asked this often answers at once, or something is wrong that should be seen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Show how the node and its panels are: what is wrong first.
///
/// With the name of a panel: how that one is, by each of its checks, and what became of it lately.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    panel: Option<String>,
    /// Draw it anew every two seconds, until Ctrl-C
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn status(args: StatusArgs) -> ExitCode {
    let of = args.panel.as_deref().map_or(Of::All, Of::Panel);
    args.reach.run(|client| match args.watch {
        true => watch::watch(client, of),
        false => {
            let status = of.ask(client)?;
            match client.json {
                true => print_json(&status)?,
                false => print(&of.lines(&status).iter().flat_map(|line| [line, "\n"]).collect::<String>())?,
            }
            Ok(0)
        }
    })
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
enum Of<'a> {
    All,
    Panel(&'a str),
}

impl Of<'_> {
    fn ask(self, client: &Client) -> Result<Value> {
        let path = match self {
            Self::All => "/v1/status".into(),
            Self::Panel(panel) => path(&["panels", panel, "health"]),
        };
        client.send(Ask::new(Method::GET, &path).patience(PATIENCE))?.json()
    }

    fn lines(self, status: &Value) -> Vec<String> {
        let (now_s, paint) = (clock::now().wall_s, Paint::of_stdout());
        match self {
            Self::All => Page::new(status, now_s, paint).lines(),
            Self::Panel(_) => panel::lines(status, now_s, paint),
        }
    }
}
