//! The demo's directory: the shipped files, and the node's data. It goes when the demo does.

use super::clients::CLIENTS;
use super::{DemoArgs, sentence};
use crate::config::{self, Config};
use crate::document::At;
use std::fs::{self, DirBuilder};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const CONFIG: &str = include_str!("../../../config/meridian.toml");
const FLEET: &str = include_str!("../../../config/fleet.toml");
const ZONE: &str = include_str!("../../../zones/panels.example.zone");

/// Where the shipped fleet's panels serve.
pub(super) const PORT: u16 = 8090;
/// Where the database lies in a checkout.
const DATABASE: &str = "geoip/city.mmdb";

pub(super) struct Place {
    home: PathBuf,
    dns: SocketAddr,
    admin: SocketAddr,
    /// None: nobody knows where clients are, but for those who are watched.
    database: Option<PathBuf>,
}

impl Place {
    /// The error is a sentence.
    pub(super) fn new(args: &DemoArgs) -> Result<Self, String> {
        let number = getrandom::u32().map_err(|error| format!("the system gives no random bytes: {error}"))?;
        let home = std::env::temp_dir().join(format!("meridian-demo-{number:08x}"));
        let failed = |error| format!("can't make the directory {}: {error}; TMPDIR names another place", home.display());
        let make = |path: &Path| DirBuilder::new().mode(0o700).create(path).map_err(failed);
        make(&home)?;
        let place = Self { home: home.clone(), dns: args.dns, admin: args.admin, database: database() };
        for name in ["config", "zones"] {
            make(&home.join(name))?;
        }
        let fleet = FLEET.replace(&PORT.to_string(), &args.panels_port.to_string());
        for (path, text) in [(place.fleet(), fleet.as_str()), (home.join("zones/panels.example.zone"), ZONE)] {
            fs::write(&path, text).map_err(|error| format!("can't write {}: {error}", path.display()))?;
        }
        Ok(place)
    }

    pub(super) fn fleet(&self) -> PathBuf {
        self.home.join("config/fleet.toml")
    }

    /// Where the node writes the token of its first start.
    pub(super) fn token(&self) -> PathBuf {
        self.home.join("data/admin.token")
    }

    pub(super) fn knows_places(&self) -> bool {
        self.database.is_some()
    }

    /// The shipped one, but for addresses and places.
    pub(super) fn config(&self) -> Result<Config, String> {
        let (config, problems) = config::parse("meridian.toml", CONFIG.as_bytes(), &self.home.join("config"));
        let mut config = config.ok_or_else(|| sentence(&problems))?;
        config.dns.listen = vec![self.dns];
        config.admin.listen = self.admin;
        match &self.database {
            Some(path) => config.geoip.databases = vec![At::new(1, path.clone())],
            None => {
                config.geoip.databases = Vec::new();
                config.geoip.overrides = CLIENTS.iter().map(|client| client.placed()).collect();
            }
        }
        Ok(config)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed stays, and nothing else comes of it.
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// In a checkout: this one, or the one the program was built in.
fn database() -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    let built = std::env::current_exe().ok();
    let above = built.iter().flat_map(|path| path.ancestors().skip(1).take(4)).map(Path::to_path_buf);
    here.into_iter().chain(above).map(|directory| directory.join(DATABASE)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> DemoArgs {
        DemoArgs { dns: "127.0.0.1:53".parse().unwrap(), admin: "127.0.0.1:80".parse().unwrap(), panels_port: 9999 }
    }

    #[test]
    fn the_fleet_is_the_shipped_one_on_the_port_that_was_given() {
        let place = Place::new(&args()).unwrap();
        let (fleet, problems) = crate::cli::check::read_fleet(&place.fleet());
        assert_eq!((problems.iter().find(|problem| problem.is_error()), fleet.panels.len()), (None, 5));
        let text = fs::read_to_string(place.fleet()).unwrap();
        assert!(text.contains("{address}:9999/live/") && text.contains("http = 9999 ") && !text.contains("8090"), "{text}");
        let home = place.home.clone();
        drop(place);
        assert!(!home.exists());
    }

    #[test]
    fn the_config_is_the_shipped_one_in_a_place_of_its_own() {
        let mut place = Place::new(&args()).unwrap();
        assert!(place.knows_places(), "tests run in the checkout");
        let config = place.config().unwrap();
        assert!(config.node.data.starts_with(&place.home) && config.geoip.databases[0].it.ends_with(DATABASE));
        assert_eq!((config.dns.listen, config.admin.listen), (vec![args().dns], args().admin));
        place.database = None;
        let config = place.config().unwrap();
        assert_eq!((config.geoip.databases.len(), config.geoip.overrides.len()), (0, CLIENTS.len()));
    }
}
