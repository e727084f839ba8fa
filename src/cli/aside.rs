//! Files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that is being written beside its place. Dropped before it is kept, it is gone.
#[derive(Debug)]
pub(super) struct Aside {
    file: File,
    here: PathBuf,
    there: PathBuf,
    is_kept: bool,
}

impl Aside {
    pub(super) fn new(there: &Path, mode: u32) -> io::Result<Self> {
        let name = there.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::IsADirectory, "it names no file"))?;
        if there.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let here = there.with_file_name(format!(".{}.{}.new", name.display(), std::process::id()));
        // A new one: what another user has laid there is not written through.
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&here)?;
        Ok(Self { file, here, there: there.to_owned(), is_kept: false })
    }

    /// It is in its place, also after a power cut.
    pub(super) fn keep(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.here, &self.there)?;
        self.is_kept = true;
        let directory = self.there.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_file(&self.here);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let directory = std::env::temp_dir().join(format!("meridian-aside-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("f");
        let mut half = Aside::new(&path, 0o600).unwrap();
        half.write_all(b"half").unwrap();
        drop(half);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0, "a broken one leaves nothing");
        let mut whole = Aside::new(&path, 0o600).unwrap();
        whole.write_all(b"whole").unwrap();
        assert!(!path.exists());
        whole.keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Aside::new(&directory, 0o600).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        fs::remove_dir_all(directory).unwrap();
    }
}
