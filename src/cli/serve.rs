//! `meridian serve`

use super::WRONG_INPUT;
use super::files::Files;
use super::log::{self, LogFormat};
use crate::config::{self, Config};
use std::path::PathBuf;
use std::process::ExitCode;

/// Run a node: answer queries until SIGTERM.
///
/// SIGHUP and changed files reload what is served. A file that is wrong never replaces one that was right.
#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    files: Files,
    /// How the log on stderr looks
    #[arg(long, value_enum, default_value = "auto", value_name = "FORMAT")]
    log_format: LogFormat,
}

pub(super) fn serve(args: ServeArgs) -> ExitCode {
    if let Err(sentence) = log::start(args.log_format) {
        eprintln!("meridian: {sentence}");
        return ExitCode::from(WRONG_INPUT);
    }
    let (config, problems) = config::load(&args.files.config());
    for problem in &problems {
        eprintln!("{problem}");
    }
    match config {
        Some(config) => start(config, args.files.fleet()),
        None => ExitCode::from(WRONG_INPUT),
    }
}

/// Where the node takes over.
fn start(config: Config, fleet: PathBuf) -> ExitCode {
    tracing::info!(node = config.node.name, fleet = %fleet.display(), "starting");
    ExitCode::FAILURE
}
