//! The data directory: one node at a time, and what is made on the first start.

use anyhow::{Context, bail};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const PID_FILE: &str = "meridian.pid";
const COOKIE_FILE: &str = "cookie.secrets";

/// Held while the node runs; the lock goes with the process, however it ends.
#[derive(Debug)]
pub struct Claim {
    _locked: File,
}

/// Makes the directory if it is not there, and makes sure that no other node uses it.
pub fn claim(data: &Path) -> anyhow::Result<Claim> {
    let shown = data.display();
    if fs::metadata(data).is_ok_and(|about| !about.is_dir()) {
        bail!("[node].data: {shown} is a file where a directory belongs; name another, or remove it");
    }
    DirBuilder::new().recursive(true).mode(0o700).create(data).with_context(|| {
        format!("[node].data: can't make the directory {shown}; make it, or give this process's user write permission beside it")
    })?;
    let path = data.join(PID_FILE);
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o644)
        .open(&path)
        .with_context(|| format!("[node].data: can't write {}; give this process's user write permission", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            bail!("[node].data: another meridian (process {}) uses {shown}; stop it, or give this node a directory of its own", pid.trim());
        }
        Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("[node].data: can't lock {}", path.display())),
    }
    // Written over the old one, which has its place on the disk already: a full one must not keep a node from starting again.
    let pid = format!("{}\n", std::process::id());
    file.write_all_at(pid.as_bytes(), 0)
        .and_then(|()| file.set_len(pid.len() as u64))
        .with_context(|| format!("[node].data: can't write {}", path.display()))?;
    Ok(Claim { _locked: file })
}

/// Tells the node that runs on `data` to read its files again.
pub fn tell_to_reload(data: &Path, force: bool) -> anyhow::Result<()> {
    let path = data.join(PID_FILE);
    let none = || format!("no meridian runs with its data in {}", data.display());
    let mut file = File::open(&path).with_context(none)?;
    if file.try_lock_shared().is_ok() {
        bail!(none());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).with_context(|| format!("can't read {}", path.display()))?;
    let pid = text.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.with_context(|| format!("{} holds no process number", path.display()))?;
    let signal = if force { rustix::process::Signal::USR1 } else { rustix::process::Signal::HUP };
    rustix::process::kill_process(pid, signal).with_context(|| format!("can't signal process {}", text.trim()))
}

/// The cookie secrets of a node that was given none: made once, kept from then on.
pub fn own_cookie_secrets(data: &Path) -> anyhow::Result<PathBuf> {
    let path = data.join(COOKIE_FILE);
    if path.exists() {
        return Ok(path);
    }
    let mut secret = [0u8; 16];
    getrandom::fill(&mut secret).context("the system gives no random bytes for the cookie secret")?;
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    // A half-written secret would be refused at the next start.
    replace(&path, format!("{hex}\n").as_bytes())?;
    Ok(path)
}

/// Written aside and renamed: it is there as a whole, or as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    write().with_context(|| format!("[node].data: can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_at_a_time() {
        let data = std::env::temp_dir().join(format!("meridian-data-{}", std::process::id())).join("deeper");
        let claim = super::claim(&data).unwrap();
        let refused = super::claim(&data).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(claim);
        assert!(tell_to_reload(&data, false).unwrap_err().to_string().contains("no meridian runs"));
        let path = own_cookie_secrets(&data).unwrap();
        let first = fs::read_to_string(&path).unwrap();
        assert_eq!(first.trim().len(), 32);
        own_cookie_secrets(&data).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), first);
        drop(super::claim(&data).unwrap());
        let refused = super::claim(&path).unwrap_err().to_string();
        assert!(refused.contains("is a file where a directory belongs"), "{refused}");
        fs::remove_dir_all(data.parent().unwrap()).unwrap();
    }
}
