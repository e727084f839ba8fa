//! `[dns]` and the listen addresses of all sections.

use super::Admin;
use super::planned;
use crate::document::{At, Reader, TableReader, shown};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// More worker threads than any machine has cores.
const MAX_WORKERS: u32 = 1024;
/// RFC 1035's least, and what RFC 6891 calls a good most: beyond it answers only feed amplifiers.
const UDP_SIZES: std::ops::RangeInclusive<u32> = 512..=4096;
/// A process may not have more descriptors than that on Linux as it ships.
const MAX_CONNECTIONS: u32 = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// UDP and TCP; at least one, each once.
    pub listen: Vec<SocketAddr>,
    /// UDP worker threads; 0 = one a core.
    pub workers: u32,
    pub udp_size: u16,
    /// None: made on first start in the data directory.
    pub cookie_secrets: Option<PathBuf>,
    pub tcp: Tcp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub connections: u32,
    pub per_client: u32,
    pub idle: Duration,
}

impl Default for Tcp {
    fn default() -> Self {
        Self { connections: 10_000, per_client: 100, idle: Duration::from_secs(10) }
    }
}

impl Default for Dns {
    fn default() -> Self {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        Self {
            listen: loopback.map(|ip| SocketAddr::new(ip, 5300)).to_vec(),
            workers: 0,
            udp_size: 1232,
            cookie_secrets: None,
            tcp: Tcp::default(),
        }
    }
}

pub(super) fn read(root: &mut TableReader<'_>, base: &Path) -> At<Dns> {
    let default = Dns::default();
    let Some(mut table) = root.table("dns") else { return At::new(0, default) };
    let before = table.reader().errors();
    let listen = socket_addresses(&mut table);
    let line = listen.as_ref().map_or(table.line(), |listen| listen.line);
    let sound = table.reader().errors() == before;
    if sound && listen.as_ref().is_some_and(|listen| listen.is_empty()) {
        table.error(line, "listen", "the list is empty, so nobody could ask", "name an address and port, such as \"0.0.0.0:53\"");
    }
    let workers = table.integer("workers", 0..=MAX_WORKERS);
    let udp_size = table.integer("udp_size", UDP_SIZES);
    planned::read_ecs_from(&mut table);
    let cookie_secrets = table.text("cookie_secrets").filter(|path| !path.is_empty());
    let tcp = read_tcp(&mut table);
    planned::read_limit(&mut table);
    planned::read_encrypted(&mut table);
    table.finish();
    At::new(
        line,
        Dns {
            listen: listen.map_or(default.listen, |listen| listen.it),
            workers: workers.map_or(default.workers, |n| n.it),
            udp_size: udp_size.and_then(|n| u16::try_from(n.it).ok()).unwrap_or(default.udp_size),
            cookie_secrets: cookie_secrets.map(|path| base.join(path.it)),
            tcp,
        },
    )
}

fn read_tcp(dns: &mut TableReader<'_>) -> Tcp {
    let default = Tcp::default();
    let Some(mut table) = dns.table("tcp") else { return default };
    let connections = table.integer("connections", 1..=MAX_CONNECTIONS);
    let per_client = table.integer("per_client", 1..=MAX_CONNECTIONS);
    let idle = table.duration("idle", Duration::from_secs(1)..=Duration::from_secs(3600));
    table.finish();
    Tcp {
        connections: connections.map_or(default.connections, |n| n.it),
        per_client: per_client.map_or(default.per_client, |n| n.it),
        idle: idle.map_or(default.idle, |time| time.it),
    }
}

/// The key `listen` as a list; what is wrong in it is noted and left out.
pub(super) fn socket_addresses(table: &mut TableReader<'_>) -> Option<At<Vec<SocketAddr>>> {
    let texts = table.texts("listen")?;
    let mut seen = HashSet::new();
    let mut addresses = Vec::new();
    for text in &texts.it {
        let Some(address) = socket_address(table, "listen", text) else { continue };
        // Port 0 is "any that is free", and a different one each time.
        if address.port() == 0 || seen.insert(address) {
            addresses.push(address);
        } else {
            table.error(text.line, "listen", format!("`{address}` is listed twice"), "keep one of the two");
        }
    }
    Some(At::new(texts.line, addresses))
}

pub(super) fn socket_address(table: &TableReader<'_>, key: &str, text: &At<String>) -> Option<SocketAddr> {
    let (what, hint) = match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_multicast() => ("is a multicast address".to_owned(), "write an address of this host".to_owned()),
        Ok(address) => return Some(address),
        Err(_) => not_an_address(text),
    };
    table.error(text.line, key, format!("`{}` {what}", shown(text)), hint);
    None
}

fn not_an_address(text: &str) -> (String, String) {
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return ("has no port".into(), format!("write \"{}\"", SocketAddr::new(ip, 53)));
    }
    let port = text.trim_start_matches(':');
    if let Ok(port) = port.parse::<u16>() {
        let hint = format!("write \"0.0.0.0:{port}\", \"[::]:{port}\" or one address of this host");
        return ("has no address".into(), hint);
    }
    let hint = "names are not looked up here, write the address, such as \"127.0.0.1:53\" or \"[::1]:53\"";
    ("is not an address and port".into(), hint.into())
}

/// Both listen on TCP, so the second to start would find the port taken.
pub(super) fn refuse_shared_port(reader: &Reader, dns: &At<Dns>, admin: &At<Admin>) {
    let admin_address = admin.listen;
    let taken = |listen: &&SocketAddr| {
        let same_family = listen.is_ipv4() == admin_address.is_ipv4();
        let covers = listen.ip() == admin_address.ip() || listen.ip().is_unspecified() || admin_address.ip().is_unspecified();
        listen.port() != 0 && listen.port() == admin_address.port() && same_family && covers
    };
    if let Some(listen) = dns.listen.iter().find(taken) {
        let what = format!("`{listen}` takes the port of admin.listen ({admin_address})");
        reader.error(dns.line, "dns.listen", what, "choose another port for one of them");
    }
}
