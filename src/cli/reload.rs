//! `meridian reload`

use super::files::Files;
use super::{WRONG_INPUT, say};
use crate::{config, node};
use std::process::ExitCode;

/// Tell the running node to read fleet and zones again.
///
/// The node is found by [node].data of the config. What came of it stands in the node's log and at /readyz.
#[derive(Debug, clap::Args)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    files: Files,
    /// Accept it even if a zone, or more than half of a zone's records or a set's panels, goes away
    #[arg(long)]
    force: bool,
}

pub(super) fn reload(args: ReloadArgs) -> ExitCode {
    let (config, problems) = config::load(&args.files.config());
    let Some(config) = config else {
        for problem in &problems {
            say(problem);
        }
        return ExitCode::from(WRONG_INPUT);
    };
    match node::data::tell_to_reload(&config.node.data, args.force) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("meridian: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
