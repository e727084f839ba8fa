//! The node of this machine, as its meridian.toml tells where it is and where its admin token lies.

use crate::config;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Local {
    pub(in crate::cli) listen: SocketAddr,
    /// The API speaks TLS with it.
    pub(in crate::cli) certificate: Option<PathBuf>,
    pub(in crate::cli) data: PathBuf,
}

impl Local {
    /// Only what is needed to find the node: a mistake elsewhere in the file must not keep an operator from a node that runs.
    /// The error is a sentence.
    pub(in crate::cli) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display().to_string();
        let bytes = config::read_file(path).map_err(|error| config::unreadable(&shown, &error).to_string())?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{shown}: the file is not UTF-8 text"))?;
        let table: toml::Table = text.parse().map_err(|_| format!("{shown}: not TOML; `meridian check` says what is wrong"))?;
        Self::of(&table, path.parent().unwrap_or(Path::new("")))
            .map_err(|key| format!("{shown}: {key} cannot be read; `meridian check` says why"))
    }

    fn of(table: &toml::Table, base: &Path) -> Result<Self, &'static str> {
        let text = |section: &str, key: &str| table.get(section).and_then(|section| section.get(key)).and_then(toml::Value::as_str);
        let listen =
            text("admin", "listen").map_or(Ok(config::Admin::default().listen), |text| text.parse().map_err(|_| "admin.listen"))?;
        let data = base.join(text("node", "data").unwrap_or("../data"));
        let certificate = text("admin", "certificate").filter(|path| !path.is_empty()).map(|path| base.join(path));
        Ok(Self { listen, certificate, data })
    }

    /// Where it is asked from this machine.
    pub(super) fn url(&self) -> String {
        let ip = match self.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", SocketAddr::new(ip, self.listen.port()))
    }

    pub(super) fn token_file(&self) -> PathBuf {
        self.data.join("admin.token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> Result<Local, &'static str> {
        Local::of(&text.parse().unwrap(), Path::new("/etc/meridian"))
    }

    #[test]
    fn the_node_is_found_by_its_config() {
        let least = local("[node]\nname = \"n\"").unwrap();
        assert_eq!((least.url(), least.token_file()), ("http://127.0.0.1:8080".into(), "/etc/meridian/../data/admin.token".into()));
        let other = local("[node]\ndata = \"/var/lib/m\"\n[admin]\nlisten = \"0.0.0.0:9\"\ncertificate = \"c.pem\"\n").unwrap();
        assert_eq!((other.url(), other.data), ("https://127.0.0.1:9".into(), PathBuf::from("/var/lib/m")));
        assert_eq!(other.certificate, Some("/etc/meridian/c.pem".into()));
        assert_eq!(local("[admin]\nlisten = \"[::]:1\"\ncertificate = \"\"").unwrap().url(), "http://[::1]:1");
        assert_eq!(local("[admin]\nlisten = \"[fd00::1]:1\"").unwrap().url(), "http://[fd00::1]:1");
        assert_eq!(local("[admin]\nlisten = \"8080\""), Err("admin.listen"));
    }

    #[test]
    fn the_shipped_config_has_the_default_address() {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/meridian.toml");
        assert_eq!(Local::read(&shipped).unwrap().url(), "http://127.0.0.1:8080");
        assert!(Local::read(Path::new("/nonexistent/m.toml")).unwrap_err().contains("there is no such file"));
    }
}
