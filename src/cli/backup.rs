//! `meridian backup`

use super::api::{Ask, LONG, Reach, Result, Trouble, print, print_json};
use super::aside::Aside;
use serde_json::json;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use ureq::http::Method;

/// Save all that the node's store holds, while it runs.
///
/// Secrets and the hashes of tokens are in it: the file is for its owner only. `meridian restore` brings it back.
#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// Write it there [default: stdout, if that is no terminal]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn backup(args: BackupArgs) -> ExitCode {
    args.reach.run(|client| {
        let file = args.output.as_deref().filter(|path| *path != Path::new("-"));
        if file.is_none() && io::stdout().is_terminal() {
            return Err(Trouble::wrong("a backup is nothing for a terminal: name a file by -o FILE, or redirect it"));
        }
        if file.is_none() && client.json {
            return Err(Trouble::wrong("--json and the backup cannot both be on stdout; name a file by -o FILE"));
        }
        let source = client.stream(Ask::new(Method::GET, "/v1/backup").patience(LONG))?;
        let Some(path) = file else {
            // Half a backup is none, whoever closed the pipe.
            let mut out = io::stdout().lock();
            copy(source, &mut out)?;
            out.flush().map_err(|error| Trouble::failed(format!("the backup cannot be written: {error}")))?;
            return Ok(0);
        };
        let cannot = |error| Trouble::failed(format!("{}: the backup cannot be written: {error}", path.display()));
        let mut aside = Aside::new(path, 0o600).map_err(cannot)?;
        let bytes = copy(source, &mut aside)?;
        aside.keep().map_err(cannot)?;
        match client.json {
            true => print_json(&json!({"file": path.display().to_string(), "bytes": bytes}))?,
            false => print(&format!("{} written, {bytes} bytes\n", path.display()))?,
        }
        Ok(0)
    })
}

fn copy(mut source: impl Read, target: &mut impl Write) -> Result<u64> {
    let mut part = vec![0; 64 << 10];
    let mut bytes = 0;
    loop {
        let read = source.read(&mut part).map_err(|error| Trouble::failed(format!("the backup broke off, and is thrown away: {error}")))?;
        if read == 0 {
            break;
        }
        target.write_all(&part[..read]).map_err(|error| Trouble::failed(format!("the backup cannot be written: {error}")))?;
        bytes += read as u64;
    }
    match bytes {
        0 => Err(Trouble::failed("the backup is empty, so it is none; is it a meridian node of the same version?")),
        bytes => Ok(bytes),
    }
}
