//! A directory of its own to run the command in, with nothing of the outside in its environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(super) struct Place(pub(super) PathBuf);

#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Told {
    pub(super) fn json(&self) -> serde_json::Value {
        // Nothing before and nothing behind the one document.
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Place {
    pub(super) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(super) fn command(&self, url: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
        command.current_dir(&self.0).args(arguments).env_clear().stdin(Stdio::null());
        if !url.is_empty() {
            command.env("MERIDIAN_URL", url).env("MERIDIAN_TOKEN", "t0ken");
        }
        command
    }

    pub(super) fn run(&self, url: &str, arguments: &[&str]) -> Told {
        told(self.command(url, arguments).output().unwrap())
    }

    pub(super) fn run_with(&self, variables: &[(&str, &str)], arguments: &[impl AsRef<OsStr>]) -> Told {
        let mut command = self.command("", &[]);
        command.args(arguments).envs(variables.iter().copied());
        told(command.output().unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn told(output: Output) -> Told {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Told { status: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}
