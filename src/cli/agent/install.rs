//! `meridian agent install`

use super::{MAX_FILE, Report, SYSTEM_ROOT, Wrong, failed, read, token_of_environment, wrong};
use crate::agent::{self, Installation, Source, Unit};
use crate::cli::api::{print, token_in};
use crate::cli::say;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Make the agent a service of this host: its token, its unit, and systemd told of it.
///
/// Writes /etc/systemd/system/meridian-agent.service, /etc/meridian/agent.token (only root reads it; systemd hands it to the agent), and
/// /etc/meridian/agent-ca.pem where --ca is given; then reloads systemd, enables the unit and starts it anew. The same command again
/// changes what runs. The agent runs as a user of its own that exists only while it runs, and may join the group of HAProxy's socket.
#[derive(Debug, clap::Args)]
pub(super) struct Install {
    #[command(flatten)]
    report: Report,
    /// Print the unit and write nothing
    #[arg(long)]
    print: bool,
    /// Write, and leave systemd alone
    #[arg(long)]
    no_start: bool,
    /// Also over a unit of that name that something else has written
    #[arg(long)]
    force: bool,
    /// Write below this directory, such as an image's; systemd is left alone
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The meridian that the unit runs [default: this one]
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Run it as this user, for a command that needs rights [default: a user that exists only while it runs]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// A group it joins, beside that of HAProxy's socket; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

pub(super) fn install(order: &Install) -> Result<(), Wrong> {
    let installation = order.installation().map_err(wrong)?;
    if order.print {
        let text = installation.unit.text().map_err(|error| wrong(error.to_string()))?;
        let _ = print(&text);
        return Ok(());
    }
    agent::install(&installation).map_err(failed)?.iter().for_each(say);
    Ok(())
}

impl Install {
    fn installation(&self) -> Result<Installation, String> {
        let arguments = self.report.arguments()?;
        // The sources must be such as can be asked, before anything is written.
        self.report.gauging()?;
        let root = self.root.clone().unwrap_or_else(|| SYSTEM_ROOT.into());
        let ca = self.report.ca.as_deref().map(read).transpose()?;
        let unit = Unit {
            program: self.program()?,
            arguments,
            token: agent::TOKEN.into(),
            ca: ca.as_ref().map(|_| Installation::ca_path()),
            user: self.user.clone(),
            groups: self.groups(&root),
        };
        let token = if self.print { None } else { self.token(&root)? };
        let start = !self.no_start && self.root.is_none();
        Ok(Installation { root, unit, token, ca: ca.map(String::into_bytes), force: self.force, start })
    }

    /// None: the one that is there stays.
    fn token(&self, root: &Path) -> Result<Option<String>, String> {
        match &self.report.token_file {
            Some(path) if path.as_os_str() == "-" => {
                let mut text = String::new();
                let read = std::io::stdin().lock().take(MAX_FILE).read_to_string(&mut text);
                read.map_err(|error| format!("the token cannot be read from stdin: {error}"))?;
                token_in(&text, "stdin").map(Some)
            }
            Some(path) => token_in(&read(path)?, &path.display().to_string()).map(Some),
            None if root.join(agent::TOKEN.trim_start_matches('/')).exists() => Ok(None),
            None => token_of_environment()?().map(Some),
        }
    }

    fn program(&self) -> Result<String, String> {
        let path = match &self.program {
            Some(path) => path.clone(),
            None => std::env::current_exe()
                .map_err(|error| format!("where this program lies cannot be told ({error}); name it by --program"))?,
        };
        let shown = path.display().to_string();
        if !path.is_absolute() {
            return Err(format!("--program {shown} must begin with a slash"));
        }
        match ["/home", "/root", "/run/user", "/tmp", "/var/tmp"].iter().find(|hidden| path.starts_with(hidden)) {
            Some(hidden) => {
                Err(format!("the unit does not see {hidden}, where {shown} lies; copy it to /usr/local/bin, or name another by --program"))
            }
            None => Ok(shown),
        }
    }

    /// Those that open HAProxy's sockets, and the named ones.
    fn groups(&self, root: &Path) -> Vec<String> {
        let mut groups = self.groups.clone();
        for source in &self.report.connections {
            let Source::HaproxySocket(path) = source else { continue };
            match group_of(root, path) {
                Ok(group) => groups.push(group),
                Err(why) if self.groups.is_empty() && self.user.is_none() => {
                    say(format_args!("meridian: {} may stay closed to the agent: {why}; name its group by --group", path.display()));
                }
                Err(_) => {}
            }
        }
        groups.sort();
        groups.dedup();
        groups
    }
}

/// The group that may use a socket.
fn group_of(root: &Path, path: &Path) -> Result<String, String> {
    let groups = read(&root.join("etc/group")).unwrap_or_default();
    let lines = || groups.lines().filter_map(|line| Some((line.split(':').next()?, line.split(':').nth(2)?.parse::<u32>().ok()?)));
    let Ok(found) = std::fs::metadata(root.join(path.strip_prefix("/").unwrap_or(path))) else {
        // It is there when HAProxy runs, and then as its package makes it.
        let usual = lines().find(|(name, _)| *name == "haproxy");
        return usual.map(|(name, _)| name.to_owned()).ok_or_else(|| "it is not there".into());
    };
    if !found.file_type().is_socket() {
        return Err("it is not a socket".into());
    }
    match (found.gid(), found.mode() & 0o020) {
        (0, _) => Err("it is the group root's".into()),
        (_, 0) => Err("its group may not write to it".into()),
        (gid, _) => {
            lines().find(|(_, id)| *id == gid).map(|(name, _)| name.to_owned()).ok_or_else(|| format!("its group {gid} has no name"))
        }
    }
}
