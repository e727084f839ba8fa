//! `[node]`, `[admin]` and `[store]`.

use super::dns::socket_address;
use super::planned::{self, refuse_unless};
use crate::document::{At, TableReader, shown};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// NSID and id.server carry it, and one character-string or DNS label must hold it.
const MAX_NODE_NAME: usize = 63;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    pub data: PathBuf,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    pub listen: SocketAddr,
    /// Certificate and key, where the API speaks TLS.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080), certificate: None }
    }
}

/// Where the fleet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Until it is built it serves the fleet file, as `Files` does.
    Embedded,
    Files,
}

pub(super) fn read_node(root: &mut TableReader<'_>, base: &Path) -> Option<Node> {
    if !root.has("node") {
        root.error(1, "", "`[node]` is missing", "every node has a name: [node] and under it name = \"ns1\"");
    }
    let mut node = root.table("node")?;
    node.needs("name", "give the node a name: name = \"ns1\"");
    let name = node.text("name").filter(|name| sane(&node, name));
    let region = node.text("region");
    refuse_unless(&node, "region", &region, |region| region.is_empty(), "health by region", "\"\"");
    let data = node.text("data");
    if let Some(data) = data.as_ref().filter(|data| data.is_empty()) {
        node.error(data.line, "data", "the path is empty", "name a directory that the node may write to, such as \"../data\"");
    }
    node.finish();
    Some(Node { name: name?.it, data: base.join(data.map_or_else(|| "../data".to_owned(), |data| data.it)) })
}

fn sane(node: &TableReader<'_>, name: &At<String>) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let sane = (1..=MAX_NODE_NAME).contains(&name.len())
        && name.starts_with(ends)
        && name.ends_with(ends)
        && name.chars().all(|c| ends(c) || c == '-' || c == '.');
    if !sane {
        let what = format!("`{}` cannot be a node's name", shown(name));
        node.error(name.line, "name", what, format!("use 1 to {MAX_NODE_NAME} letters, digits, `-`, `_` and `.`"));
    }
    sane
}

pub(super) fn read_admin(root: &mut TableReader<'_>, base: &Path) -> Option<At<Admin>> {
    let default = Admin::default();
    let Some(mut table) = root.table("admin") else { return Some(At::new(0, default)) };
    let text = table.text("listen");
    let line = text.as_ref().map_or(table.line(), |text| text.line);
    let listen = match &text {
        Some(text) => socket_address(&table, "listen", text),
        None => Some(default.listen),
    };
    let before = table.reader().errors();
    let certificate = read_certificate(&mut table, base);
    let plaintext = table.bool("plaintext").is_some_and(|plaintext| plaintext.it);
    let sound = table.reader().errors() == before;
    if let Some(listen) = listen.filter(|listen| sound && !listen.ip().is_loopback() && certificate.is_none() && !plaintext) {
        let what = format!("`{listen}` is not loopback, and without TLS whoever is on the way reads the tokens");
        let hint = format!(
            "name `certificate` and `key`, listen on \"127.0.0.1:{}\", or write plaintext = true if something else secures the way",
            listen.port()
        );
        table.error(line, "listen", what, hint);
    }
    table.finish();
    listen.map(|listen| At::new(line, Admin { listen, certificate }))
}

/// Both files or neither.
fn read_certificate(table: &mut TableReader<'_>, base: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut file = |key| table.text(key).filter(|path| !path.is_empty());
    let (certificate, key) = (file("certificate"), file("key"));
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some((base.join(certificate.it), base.join(key.it))),
        (None, None) => None,
        (Some(one), None) => {
            table.error(one.line, "certificate", "there is no `key` to it", "name the file with its private key: key = \"api.key\"");
            None
        }
        (None, Some(one)) => {
            table.error(one.line, "key", "there is no `certificate` to it", "name the file with the chain: certificate = \"api.pem\"");
            None
        }
    }
}

pub(super) fn read_store(root: &mut TableReader<'_>) -> Store {
    let Some(mut table) = root.table("store") else { return Store::Embedded };
    let kind = table.word("kind", &[("embedded", Some(Store::Embedded)), ("files", Some(Store::Files)), ("etcd", None)]);
    refuse_unless(&table, "kind", &kind, Option::is_some, "a store shared through etcd", "\"embedded\"");
    planned::read_etcd(&mut table);
    table.finish();
    kind.and_then(|kind| kind.it).unwrap_or(Store::Embedded)
}
