//! Which files a command reads.

use std::path::{Path, PathBuf};

/// Where a checkout has it.
const HERE: &str = "config/meridian.toml";
/// Where a package has it.
const INSTALLED: &str = "/etc/meridian/meridian.toml";

/// Texts, because paths stand in problems and are found again by them: a path that is not UTF-8 is refused.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// How this node runs [default: config/meridian.toml, or else /etc/meridian/meridian.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// What is served [default: fleet.toml beside the config]
    #[arg(long, value_name = "FILE")]
    fleet: Option<String>,
}

impl Files {
    /// The operator named one of them.
    pub(super) fn are_named(&self) -> bool {
        self.config.is_some() || self.fleet.is_some()
    }

    pub(super) fn config(&self) -> PathBuf {
        self.config.as_ref().map(PathBuf::from).unwrap_or_else(default_config)
    }

    pub(super) fn fleet(&self) -> PathBuf {
        self.fleet.as_ref().map(PathBuf::from).unwrap_or_else(|| self.config().with_file_name("fleet.toml"))
    }
}

/// Of the node of this machine.
pub(super) fn default_config() -> PathBuf {
    first(Path::new(HERE))
}

fn first(here: &Path) -> PathBuf {
    if here.exists() { here.to_owned() } else { INSTALLED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_comes_before_an_installation() {
        assert_eq!(first(Path::new(HERE)), Path::new(HERE), "tests run in the checkout");
        assert_eq!(first(Path::new("no/such/file")), Path::new(INSTALLED));
    }

    #[test]
    fn the_fleet_is_beside_the_config() {
        let files = Files { config: Some("/a/b.toml".into()), fleet: None };
        assert_eq!(files.fleet(), Path::new("/a/fleet.toml"));
        let files = Files { config: Some("b.toml".into()), fleet: Some("/f".into()) };
        assert_eq!(files.fleet(), Path::new("/f"));
    }
}
