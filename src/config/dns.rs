//! `[dns]` and the listen addresses of all sections.

use super::Admin;
use super::planned;
use crate::document::{At, Network, Reader, TableReader, shown};
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
/// More answers a second to one network are no limit.
const MAX_PER_SECOND: u32 = 1_000_000;
/// As other servers: beyond it hardly any answer would go out.
const MAX_SLIP: u32 = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// UDP and TCP; at least one, each once.
    pub listen: Vec<SocketAddr>,
    /// UDP worker threads; 0 = one a core.
    pub workers: u32,
    pub udp_size: u16,
    /// Resolvers whose client subnets are believed, none twice; empty: nobody's are.
    pub ecs_from: Vec<Network>,
    /// None: made on first start in the data directory.
    pub cookie_secrets: Option<PathBuf>,
    pub tcp: Tcp,
    pub limit: Limit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    pub connections: u32,
    pub per_client: u32,
    pub idle: Duration,
}

/// The response rate limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Answers of one kind a second to one network; 0 = off.
    pub per_second: u32,
    /// Every so many answers over the limit one goes out small; 0: none.
    pub slip: u32,
}

impl Default for Limit {
    fn default() -> Self {
        Self { per_second: 0, slip: 2 }
    }
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
            ecs_from: everybody(),
            cookie_secrets: None,
            tcp: Tcp::default(),
            limit: Limit::default(),
        }
    }
}

/// All of IPv4 and all of IPv6.
fn everybody() -> Vec<Network> {
    ["0.0.0.0/0", "::/0"].iter().filter_map(|all| Network::parse(all).ok()).collect()
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
    let ecs_from = read_networks(&mut table, "ecs_from");
    let cookie_secrets = table.text("cookie_secrets").filter(|path| !path.is_empty());
    let tcp = read_tcp(&mut table);
    let limit = read_limit(&mut table);
    planned::read_encrypted(&mut table);
    table.finish();
    At::new(
        line,
        Dns {
            listen: listen.map_or(default.listen, |listen| listen.it),
            workers: workers.map_or(default.workers, |n| n.it),
            udp_size: udp_size.and_then(|n| u16::try_from(n.it).ok()).unwrap_or(default.udp_size),
            ecs_from: ecs_from.unwrap_or(default.ecs_from),
            cookie_secrets: cookie_secrets.map(|path| base.join(path.it)),
            tcp,
            limit,
        },
    )
}

/// Networks, each listed once.
pub(super) fn read_networks(table: &mut TableReader<'_>, key: &'static str) -> Option<Vec<Network>> {
    let networks = table.networks(key)?;
    let mut once = Vec::new();
    let mut seen = HashSet::new();
    for network in &networks.it {
        if seen.insert(network.it) {
            once.push(network.it);
        } else {
            table.error(network.line, key, format!("`{}` is listed twice", network.it), "keep one of the two");
        }
    }
    Some(once)
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

fn read_limit(dns: &mut TableReader<'_>) -> Limit {
    let default = Limit::default();
    let Some(mut table) = dns.table("limit") else { return default };
    let per_second = table.integer("per_second", 0..=MAX_PER_SECOND);
    let slip = table.integer("slip", 0..=MAX_SLIP);
    table.finish();
    Limit { per_second: per_second.map_or(default.per_second, |n| n.it), slip: slip.map_or(default.slip, |n| n.it) }
}

/// The key `listen` as a list; what is wrong in it is noted and left out.
pub(super) fn socket_addresses(table: &mut TableReader<'_>) -> Option<At<Vec<SocketAddr>>> {
    let texts = table.texts("listen")?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for text in &texts.it {
        let Some(address) = socket_address(table, "listen", text) else { continue };
        match addresses.iter().find(|other| clash(other, &address)) {
            None => addresses.push(address),
            Some(other) if *other == address => {
                table.error(text.line, "listen", format!("`{address}` is listed twice"), "keep one of the two");
            }
            Some(other) => {
                let what = format!("`{address}` and `{other}` cannot both be: one of them is every address of this host");
                table.error(text.line, "listen", what, "keep one of the two");
            }
        }
    }
    Some(At::new(texts.line, addresses))
}

pub(super) fn socket_address(table: &TableReader<'_>, key: &str, text: &At<String>) -> Option<SocketAddr> {
    let (what, hint) = match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_multicast() => ("is a multicast address".to_owned(), "write an address of this host".to_owned()),
        Ok(address) if address.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) => {
            ("is the broadcast address".to_owned(), "write an address of this host".to_owned())
        }
        Ok(SocketAddr::V6(v6)) if v6.ip().to_ipv4_mapped().is_some() => {
            let v4 = SocketAddr::new(v6.ip().to_canonical(), v6.port());
            ("is an IPv4 address in IPv6 form".to_owned(), format!("write \"{v4}\""))
        }
        Ok(SocketAddr::V6(v6)) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 => {
            let hint = format!("add the number that `ip link` shows: \"[{}%2]:{}\"", v6.ip(), v6.port());
            ("is the same on every interface".to_owned(), hint)
        }
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

/// The system gives them to one listener only. Port 0 is "any that is free", and another one each time.
fn clash(a: &SocketAddr, b: &SocketAddr) -> bool {
    let covers = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && a.is_ipv4() == b.is_ipv4() && covers && (a == b || !different_scopes(a, b))
}

/// One link-local address on two interfaces is two addresses.
fn different_scopes(a: &SocketAddr, b: &SocketAddr) -> bool {
    matches!((a, b), (SocketAddr::V6(a), SocketAddr::V6(b)) if a.ip() == b.ip() && a.scope_id() != b.scope_id())
}

/// Both listen on TCP, so the second to start would find the port taken.
pub(super) fn refuse_shared_port(reader: &Reader, dns: &At<Dns>, admin: &At<Admin>) {
    let admin_address = admin.listen;
    if let Some(listen) = dns.listen.iter().find(|listen| clash(listen, &admin_address)) {
        let what = format!("`{listen}` takes the port of admin.listen ({admin_address})");
        reader.error(dns.line, "dns.listen", what, "choose another port for one of them");
    }
}
