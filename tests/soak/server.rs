//! The node, and its API.

use crate::park::Park;
use crate::running::{self, Running, SOON};
use serde_json::Value;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

const TOKEN: &str = "a token for the soak alone";

pub(crate) struct Server {
    process: Running,
    pub(crate) dns: SocketAddr,
    admin: SocketAddr,
    home: PathBuf,
}

pub(crate) struct Api {
    agent: ureq::Agent,
    admin: SocketAddr,
}

impl Server {
    pub(crate) fn start(park: &Park) -> Self {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("soak-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        let [dns, admin] = running::two(Ipv4Addr::new(127, 162, std::process::id() as u8, 1));
        let config = format!(
            "[node]\nname = \"n1\"\ndata = \"data\"\n[dns]\nlisten = [\"{dns}\"]\nworkers = 1\n[admin]\nlisten = \"{admin}\"\n[geoip]\ndatabases = []\n"
        );
        fs::write(home.join("meridian.toml"), config).unwrap();
        fs::write(home.join("fleet.toml"), park.fleet()).unwrap();
        fs::write(home.join("soak.zone"), "$TTL 60\n@ SOA ns1 host 1 1h 15m 2w 30\n@ NS ns1\nns1 A 192.0.2.53\n").unwrap();
        let binary = std::env::var("MERIDIAN_SOAK_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_meridian").to_owned());
        let mut command = Command::new(fs::canonicalize(&binary).unwrap_or_else(|error| panic!("{binary}: {error}")));
        command.args(["serve", "--config", "meridian.toml"]).current_dir(&home).env_clear();
        command.env("MERIDIAN_ADMIN_TOKEN", TOKEN);
        let mut process = Running::spawn(command);
        process.hears("answering on");
        Self { process, dns, admin, home }
    }

    pub(crate) fn api(&self) -> Api {
        let agent = ureq::Agent::config_builder().proxy(None).timeout_global(Some(SOON)).build().into();
        Api { agent, admin: self.admin }
    }

    pub(crate) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.home);
        }
    }
}

impl Api {
    pub(crate) fn get(&mut self, path: &str) -> Value {
        let asked = self.agent.get(format!("http://{}{path}", self.admin)).header("Authorization", format!("Bearer {TOKEN}"));
        let text = asked.call().unwrap_or_else(|error| panic!("{path}: {error}")).body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) {
        let asked = self.agent.post(format!("http://{}{path}", self.admin)).header("Authorization", format!("Bearer {TOKEN}"));
        let asked = asked.header("Content-Type", "application/json");
        asked.send(body).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}
