//! `meridian panel`

use super::say;
use crate::stage::{Mode, Options, Panel, secured};
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Be a simulated panel.
///
/// Prints the addresses it listens at in one line, then does what each line on stdin says and answers each with `ok` or `wrong: why`;
/// ends when stdin does. A line is a mode, such as `freeze` or `status 500`, and before it the address if only that one is meant.
#[derive(Debug, clap::Args)]
pub(super) struct PanelArgs {
    #[arg(long, value_name = "ADDRESS", required = true)]
    listen: Vec<SocketAddr>,
    #[arg(long)]
    name: String,
    #[arg(long, default_value = "heal")]
    mode: Mode,
    /// How long a segment plays
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 2000)]
    segment_ms: u64,
    #[arg(long, default_value_t = 500)]
    capacity: u32,
    /// PEM file
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
}

pub(super) fn panel(args: PanelArgs) -> ExitCode {
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            say(format_args!("meridian: {sentence}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: PanelArgs) -> Result<(), String> {
    let tls = args.certificate.zip(args.key).map(|(certificate, key)| secured(&certificate, &key)).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| format!("can't start the runtime: {error}"))?;
    let capacity = args.capacity;
    let segment = Duration::from_millis(args.segment_ms);
    let options = Options { name: args.name, listen: args.listen, segment, tls, capacity };
    let panel = Panel::start(options, runtime.handle()).map_err(|error| format!("can't listen at {error}"))?;
    panel.set(args.mode).map_err(|error| error.to_string())?;
    let addresses: Vec<String> = panel.addresses().iter().map(SocketAddr::to_string).collect();
    tell(&addresses.join(" "))?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        match obey(&panel, &line, capacity) {
            Ok(()) => tell("ok")?,
            Err(why) => tell(&format!("wrong: {why}"))?,
        }
    }
    Ok(())
}

fn obey(panel: &Panel, line: &str, capacity: u32) -> Result<(), String> {
    let (first, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let done = match first.parse::<SocketAddr>() {
        Ok(address) => panel.set_at(address, Mode::read(rest, capacity)?),
        Err(_) => panel.set(Mode::read(line, capacity)?),
    };
    done.map_err(|error| error.to_string())
}

/// At once: somebody waits for it.
fn tell(line: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}
