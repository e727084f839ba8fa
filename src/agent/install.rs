//! Putting the agent on a host: its token, its unit, and systemd told of it.

use super::unit::{MARK, Unit};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const UNIT: &str = "/etc/systemd/system/meridian-agent.service";
const NAME: &str = "meridian-agent.service";
/// Where the token lies on a panel's host.
pub const TOKEN: &str = "/etc/meridian/agent.token";
const CA: &str = "/etc/meridian/agent-ca.pem";
/// Nobody but root; the unit gets it as a credential.
const SECRET: u32 = 0o600;
const PUBLIC: u32 = 0o644;

pub struct Installation {
    /// The host's `/`, or that of an image.
    pub root: PathBuf,
    pub unit: Unit,
    /// None: the one that is there stays.
    pub token: Option<String>,
    /// The authorities' PEM.
    pub ca: Option<Vec<u8>>,
    /// Also over a unit that somebody else wrote.
    pub force: bool,
    /// Tell systemd.
    pub start: bool,
}

impl Installation {
    /// Where the authorities lie, for the unit.
    pub fn ca_path() -> String {
        CA.into()
    }
}

/// What was done, a line each. The error is a sentence.
pub fn install(wanted: &Installation) -> Result<Vec<String>, String> {
    let text = wanted.unit.text().map_err(|error| error.to_string())?;
    let path = below(&wanted.root, UNIT);
    let token = below(&wanted.root, TOKEN);
    refuse_to_overwrite(&path, wanted.force)?;
    if wanted.token.is_none() && !token.exists() {
        return Err(format!("{} is not there; give the panel's token by --token-file FILE, or - for stdin", token.display()));
    }
    let mut done = Vec::new();
    let mut put = |path: &Path, bytes: &[u8], mode: u32| {
        write(path, bytes, mode)?;
        done.push(format!("{} written", path.display()));
        Ok::<(), String>(())
    };
    if let Some(text) = &wanted.token {
        put(&token, format!("{text}\n").as_bytes(), SECRET)?;
    }
    if let Some(ca) = &wanted.ca {
        put(&below(&wanted.root, CA), ca, PUBLIC)?;
    }
    put(&path, text.as_bytes(), PUBLIC)?;
    if wanted.start {
        // A restart, because it may run already with what it was told before.
        for arguments in [&["daemon-reload"][..], &["enable", NAME], &["restart", NAME]] {
            systemctl(arguments)?;
        }
        done.push(format!("{NAME} runs, and starts with the machine; `journalctl -u meridian-agent` shows what it says"));
    } else {
        done.push(format!("start it with: systemctl daemon-reload && systemctl enable {NAME} && systemctl restart {NAME}"));
    }
    Ok(done)
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn refuse_to_overwrite(path: &Path, force: bool) -> Result<(), String> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(told(path, &error)),
        Ok(text) if force || text.starts_with(MARK.as_bytes()) => Ok(()),
        Ok(_) => Err(format!("{} is there and was not written by this command; --force overwrites it", path.display())),
    }
}

/// As a whole or not at all.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), String> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory).map_err(|error| told(directory, &error))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = directory.join(name);
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        // Whatever the umask is.
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    written().map_err(|error| {
        let _ = fs::remove_file(&beside);
        told(path, &error)
    })
}

fn told(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!("{}: {error}; run it as root, or look at the unit by --print", path.display()),
        _ => format!("{}: {error}", path.display()),
    }
}

fn systemctl(arguments: &[&str]) -> Result<(), String> {
    let line = format!("systemctl {}", arguments.join(" "));
    let output = Command::new("systemctl").args(arguments).output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no systemctl here; everything is written, and --no-start leaves systemd alone".to_owned(),
        _ => format!("{line}: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Err(format!("everything is written, but `{line}` failed: {}", said.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn wanted(root: PathBuf) -> Installation {
        let unit = Unit {
            program: "/usr/bin/meridian".into(),
            arguments: Vec::new(),
            token: TOKEN.into(),
            ca: None,
            user: None,
            groups: Vec::new(),
        };
        Installation { root, unit, token: Some("t0ken".into()), ca: None, force: false, start: false }
    }

    #[test]
    fn only_its_own_is_overwritten_and_the_token_is_roots() {
        let root = std::env::temp_dir().join(format!("meridian-install-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let (unit, token) = (below(&root, UNIT), below(&root, TOKEN));
        let mut wanted = wanted(root.clone());
        let first = wanted.token.take();
        assert!(install(&wanted).unwrap_err().contains("--token-file"));
        assert!(!unit.exists());
        wanted.token = first;
        wanted.ca = Some(b"pem".to_vec());
        assert_eq!(install(&wanted).unwrap().len(), 4);
        assert_eq!(fs::read_to_string(&token).unwrap(), "t0ken\n");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(&token), mode(&unit), mode(&below(&root, CA))], [0o600, 0o644, 0o644]);
        // Again, with the token that is there.
        (wanted.token, wanted.ca) = (None, None);
        assert_eq!(install(&wanted).unwrap().len(), 2);
        assert_eq!(fs::read_to_string(&token).unwrap(), "t0ken\n");
        fs::write(&unit, "[Service]\nExecStart=/bin/true\n").unwrap();
        assert!(install(&wanted).unwrap_err().contains("--force"));
        wanted.force = true;
        install(&wanted).unwrap();
        assert!(fs::read_to_string(&unit).unwrap().starts_with(MARK));
        // Nothing is left lying about.
        assert_eq!(fs::read_dir(unit.parent().unwrap()).unwrap().count(), 1);
        fs::remove_dir_all(&root).unwrap();
    }
}
