//! meridian.toml: how one node runs.
//!
//! Owns   the keys of meridian.toml, their defaults and limits.
//! Takes  the file's bytes and the directory its paths are relative to.
//! Gives  a `Config` that is sound in every key, or every problem there is.
//! Never  opens a socket, or a file but in `load…`; the rooms get plain values from it, not the other way round.

mod dns;
mod geoip;
mod health;
mod node;
mod planned;
mod secrets;

pub use dns::{Dns, Limit, Tcp};
pub use geoip::{Geoip, Override};
pub use health::Health;
pub use node::{Admin, Node, Store};
pub use secrets::cookie_secrets;

use crate::document::{self, Problem, Reader};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Everything a node needs to know that is not the fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub node: Node,
    pub dns: Dns,
    pub admin: Admin,
    pub geoip: Geoip,
    pub store: Store,
    pub health: Health,
}

/// `shown` is the file as the operator named it; relative paths are taken from `base`.
/// There is a `Config` unless one of the problems is an error.
pub fn parse(shown: &str, bytes: &[u8], base: &Path) -> (Option<Config>, Vec<Problem>) {
    let reader = Reader::new(shown);
    let config = document::parse(&reader, bytes).and_then(|table| read(&reader, &table, base));
    let config = config.filter(|_| reader.errors() == 0);
    (config, reader.into_problems())
}

/// Reads and parses the file.
pub fn load(path: &Path) -> (Option<Config>, Vec<Problem>) {
    let shown = path.display().to_string();
    match read_file(path) {
        Ok(bytes) => parse(&shown, &bytes, path.parent().unwrap_or(Path::new(""))),
        Err(error) => (None, vec![unreadable(&shown, &error)]),
    }
}

/// Reads and parses the file of `dns.cookie_secrets`.
pub fn load_cookie_secrets(path: &Path) -> Result<Vec<[u8; 16]>, Vec<Problem>> {
    let shown = path.display().to_string();
    let text = read_file(path).and_then(|bytes| String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into()));
    let text = text.map_err(|error| vec![unreadable(&shown, &error).at("dns.cookie_secrets")])?;
    cookie_secrets(&shown, &text)
}

/// The bytes of a regular file, up to one more than a document may have: enough to refuse it by.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // Asked before opening: to open a pipe would wait for a writer.
    let about = fs::metadata(path)?;
    if about.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !about.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(document::MAX_DOCUMENT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why a file could not be read, and what to do about it.
pub fn unreadable(shown: &str, error: &io::Error) -> Problem {
    use io::ErrorKind;
    let (what, hint) = match error.kind() {
        ErrorKind::NotFound => ("there is no such file".to_owned(), "name the right one, or create it"),
        ErrorKind::PermissionDenied => ("the file may not be read by this user".to_owned(), "give the user that runs meridian read access"),
        ErrorKind::InvalidData => ("the file is not UTF-8 text".to_owned(), "save it as UTF-8"),
        ErrorKind::IsADirectory => ("this is a directory".to_owned(), "name the file in it"),
        _ => (format!("the file cannot be read: {error}"), ""),
    };
    Problem::error(shown, 0, what).hint(hint)
}

fn read(reader: &Reader, table: &document::Table, base: &Path) -> Option<Config> {
    let mut root = reader.root(table);
    let node = node::read_node(&mut root, base);
    let dns = dns::read(&mut root, base);
    let admin = node::read_admin(&mut root, base);
    let geoip = geoip::read(&mut root, base);
    let store = node::read_store(&mut root);
    let health = health::read(&mut root);
    root.finish();
    if let Some(admin) = &admin {
        dns::refuse_shared_port(reader, &dns, admin);
    }
    Some(Config { node: node?, dns: dns.it, admin: admin?.it, geoip, store, health })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../config/meridian.toml");

    fn problems(text: &str) -> String {
        let (config, problems) = parse("m.toml", text.as_bytes(), Path::new("/etc/meridian"));
        assert_eq!(config.is_none(), problems.iter().any(Problem::is_error));
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_shipped_file_shows_the_defaults() {
        let (shipped, found) = parse("m.toml", SHIPPED.as_bytes(), Path::new("config"));
        assert_eq!(found, []);
        let (least, found) = parse("m.toml", b"[node]\nname = \"ns1\"", Path::new("config"));
        assert_eq!(found, []);
        let (mut shipped, config) = (shipped.unwrap(), least.unwrap());
        // The shipped file writes what others leave out; that is all the difference.
        assert!(shipped.geoip.databases[0].line > 0);
        shipped.geoip.databases[0].line = 0;
        assert_eq!(shipped, config);
        assert_eq!(config.node.data, Path::new("config/../data"));
        assert_eq!(config.dns.udp_size, 1232);
        assert_eq!(config.dns.ecs_from.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.0.0.0/0", "::/0"]);
    }

    #[test]
    fn every_key_of_the_shipped_file_has_its_type() {
        // Each key in turn is given a value of the wrong type: every one of them must be noticed, at its own line.
        let mut section = String::new();
        for (at, line) in SHIPPED.lines().enumerate() {
            section = line.split(']').next().filter(|s| s.starts_with('[')).map_or(section, |s| s[1..].to_owned());
            let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.starts_with('#')) else { continue };
            let broken: String =
                SHIPPED.lines().enumerate().map(|(i, l)| if i == at { format!("{key} = {{}}\n") } else { format!("{l}\n") }).collect();
            let found = problems(&broken);
            assert!(found.starts_with(&format!("m.toml:{}: {section}.{key}: found a table where ", at + 1)), "{found}");
            assert_eq!(found.lines().count(), 1, "{found}");
        }
    }

    #[test]
    fn all_problems_come_at_once() {
        let found = problems(
            "[node]\nnam = \"x\"\n[dns]\nlisten = [\"127.0.0.1\", \"53\", \"localhost:53\", \"127.0.0.1:53\", \"127.0.0.1:53\"]\n\
             workers = \"2\"\nudp_size = 100\n[dns.tcp]\nidle = 10\n[admn]\n",
        );
        let expected = "\
m.toml:1: node: `name` is missing; give the node a name: name = \"ns1\"
m.toml:2: node.nam: unknown key; did you mean `name`?
m.toml:4: dns.listen: `127.0.0.1` has no port; write \"127.0.0.1:53\"
m.toml:4: dns.listen: `53` has no address; write \"0.0.0.0:53\", \"[::]:53\" or one address of this host
m.toml:4: dns.listen: `localhost:53` is not an address and port; names are not looked up here, write the address, such as \"127.0.0.1:53\" or \"[::1]:53\"
m.toml:4: dns.listen: `127.0.0.1:53` is listed twice; keep one of the two
m.toml:5: dns.workers: found the text \"2\" where a whole number from 0 to 1024 belongs; leave out the quotes
m.toml:6: dns.udp_size: found 100 where a whole number from 512 to 4096 belongs
m.toml:8: dns.tcp.idle: found 10 where a time from 1s to 1h belongs; write the unit: \"10s\" or \"10ms\"
m.toml:9: admn: unknown key; did you mean `admin`?";
        assert_eq!(found, expected);
    }

    #[test]
    fn a_node_needs_a_sane_name() {
        assert_eq!(problems(""), "m.toml:1: `[node]` is missing; every node has a name: [node] and under it name = \"ns1\"");
        for name in ["", "a b", "näme", "a/b", "-a", &"a".repeat(64)] {
            let found = problems(&format!("[node]\nname = \"{name}\""));
            assert!(found.starts_with("m.toml:2: node.name: "), "{name}: {found}");
        }
        assert_eq!(problems(&format!("[node]\nname = \"{}\"", "a".repeat(63))), "");
    }

    #[test]
    fn what_is_not_built_yet_says_so() {
        for (key, value, section) in [
            ("region", "\"eu\"", "node"),
            ("listen", "[\"127.0.0.1:853\"]", "dns.tls"),
            ("certificate", "\"a.pem\"", "dns.tls"),
            ("key", "\"a.pem\"", "dns.tls"),
            ("listen", "[\"127.0.0.1:443\"]", "dns.https"),
            ("listen", "[\"127.0.0.1:853\"]", "dns.quic"),
            ("kind", "\"etcd\"", "store"),
            ("endpoints", "[\"http://127.0.0.1:2379\"]", "store"),
            ("prefix", "\"/other\"", "store"),
            ("agree", "\"any\"", "health"),
        ] {
            let name = if section == "node" { "name = \"a\"" } else { "" };
            let node = if section == "node" { "" } else { "[node]\nname = \"a\"\n" };
            let found = problems(&format!("{node}[{section}]\n{name}\n{key} = {value}\n"));
            assert!(
                found.contains("not built yet; leave it at its default (") || found.contains("not built yet; listen on "),
                "{key}: {found}"
            );
            assert_eq!(found.lines().count(), 1, "{found}");
        }
    }

    #[test]
    fn beyond_loopback_the_api_speaks_tls_or_is_told_not_to() {
        let admin = |keys: &str| format!("[node]\nname = \"a\"\n[admin]\n{keys}\n");
        for (keys, expected) in [
            ("listen = \"0.0.0.0:8080\"", "m.toml:4: admin.listen: `0.0.0.0:8080` is not loopback, and without TLS "),
            ("listen = \"[::]:8080\"\nplaintext = false", "m.toml:4: admin.listen: `[::]:8080` is not loopback"),
            ("certificate = \"a.pem\"", "m.toml:4: admin.certificate: there is no `key` to it; "),
            ("key = \"a.key\"\nlisten = \"0.0.0.0:8080\"", "m.toml:4: admin.key: there is no `certificate` to it; "),
            ("plaintext = 1", "m.toml:4: admin.plaintext: found 1 where true or false belongs"),
        ] {
            let found = problems(&admin(keys));
            assert!(found.starts_with(expected) && found.lines().count() == 1, "{found}");
        }
        for keys in [
            "listen = \"0.0.0.0:8080\"\nplaintext = true",
            "listen = \"0.0.0.0:8080\"\ncertificate = \"a.pem\"\nkey = \"a.key\"",
            "certificate = \"\"\nkey = \"\"",
        ] {
            assert_eq!(problems(&admin(keys)), "");
        }
        let text = admin("certificate = \"a.pem\"\nkey = \"/k/a.key\"");
        let (config, _) = parse("m.toml", text.as_bytes(), Path::new("/etc/meridian"));
        assert_eq!(config.unwrap().admin.certificate, Some(("/etc/meridian/a.pem".into(), "/k/a.key".into())));
    }

    #[test]
    fn validity_comes_before_what_is_not_built() {
        for (text, expected) in [
            ("[dns.tls]\nlisten = [\"853\"]", "dns.tls.listen: `853` has no address"),
            ("[store]\nkind = \"etc\"", "store.kind: unknown word `etc`; did you mean `etcd`?"),
            ("[store]\nendpoints = [\"127.0.0.1:2379\"]", "store.endpoints: `127.0.0.1:2379` is not a URL"),
            ("[store]\nprefix = \"x\"", "store.prefix: `x` does not begin with a slash"),
            ("[health]\nnetworks = [\"10.0.0.1/8\"]", "health.networks: `10.0.0.1/8` has bits beyond its prefix"),
            ("[health]\nnetworks = [\"::/0\", \"::/0\"]", "health.networks: `::/0` is listed twice"),
            ("[health]\nagree = \"most\"", "health.agree: unknown word `most`; write one of"),
        ] {
            let found = problems(&format!("[node]\nname = \"a\"\n{text}\n"));
            assert!(found.contains(expected) && !found.contains("not built"), "{found}");
        }
    }

    #[test]
    fn client_subnets_are_believed_from_whom_the_operator_says() {
        let believed = |value: &str| {
            let text = format!("[node]\nname = \"a\"\n[dns]\necs_from = {value}");
            let (config, found) = parse("m.toml", text.as_bytes(), Path::new(""));
            let networks = config.map(|config| config.dns.ecs_from.iter().map(ToString::to_string).collect::<Vec<_>>());
            (networks, found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        };
        let nets = |nets: &[&str]| Some(nets.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(believed("[]"), (nets(&[]), String::new()));
        assert_eq!(
            believed("[\"10.0.0.0/8\", \"10.1.0.0/16\", \"::1\"]"),
            (nets(&["10.0.0.0/8", "10.1.0.0/16", "::1/128"]), String::new())
        );
        for (value, expected) in [
            ("[\"x\"]", "`x` is not a network; write address/prefix, such as 192.0.2.0/24 or 2001:db8::/32"),
            ("[\"::1\", \"::1/128\"]", "`::1/128` is listed twice; keep one of the two"),
            ("\"10.0.0.0/8\"", "found the text \"10.0.0.0/8\" where a list belongs; put it in square brackets: ecs_from = [...]"),
            ("[8]", "found 8 where text belongs; put it in quotes"),
        ] {
            assert_eq!(believed(value), (None, format!("m.toml:4: dns.ecs_from: {expected}")));
        }
    }

    #[test]
    fn the_response_rate_limit_is_off_unless_it_is_set() {
        let read = |text: &str| parse("m.toml", format!("[node]\nname = \"a\"\n[dns.limit]\n{text}\n").as_bytes(), Path::new(""));
        for (text, per_second, slip) in [("", 0, 2), ("slip = 3", 0, 3), ("per_second = 100", 100, 2), ("per_second = 1\nslip = 0", 1, 0)] {
            let (config, found) = read(text);
            assert_eq!((config.unwrap().dns.limit, found), (Limit { per_second, slip }, vec![]), "{text}");
        }
        for (text, expected) in [
            ("per_second = -1", "m.toml:4: dns.limit.per_second: found -1 where a whole number from 0 to 1000000 belongs"),
            ("per_second = 1000001", "m.toml:4: dns.limit.per_second: found 1000001 where a whole number from 0 to 1000000 belongs"),
            ("slip = 11", "m.toml:4: dns.limit.slip: found 11 where a whole number from 0 to 10 belongs"),
            ("per_seconds = 5", "m.toml:4: dns.limit.per_seconds: unknown key; did you mean `per_second`?"),
        ] {
            let (config, found) = read(text);
            assert!(config.is_none());
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
        }
    }

    #[test]
    fn the_api_and_dns_do_not_share_a_port() {
        let found = problems("[node]\nname = \"a\"\n[dns]\nlisten = [\"0.0.0.0:8080\"]");
        assert_eq!(
            found,
            "m.toml:4: dns.listen: `0.0.0.0:8080` takes the port of admin.listen (127.0.0.1:8080); choose another port for one of them"
        );
    }

    #[test]
    fn addresses_that_cannot_be_bound_are_found_before_they_are() {
        for (listen, expected) in [
            ("\"0.0.0.0:53\", \"127.0.0.1:53\"", "`127.0.0.1:53` and `0.0.0.0:53` cannot both be"),
            ("\"[::1]:53\", \"[::]:53\"", "`[::]:53` and `[::1]:53` cannot both be"),
            ("\"[::ffff:192.0.2.1]:53\"", "is an IPv4 address in IPv6 form; write \"192.0.2.1:53\""),
            ("\"[fe80::1]:53\"", "is the same on every interface; add the number that `ip link` shows: \"[fe80::1%2]:53\""),
            ("\"255.255.255.255:53\"", "is the broadcast address"),
        ] {
            let found = problems(&format!("[node]\nname = \"a\"\n[dns]\nlisten = [{listen}]"));
            assert!(found.starts_with("m.toml:4: dns.listen: ") && found.contains(expected), "{found}");
        }
        for listen in ["\"0.0.0.0:53\", \"[::]:53\", \"0.0.0.0:54\"", "\"[fe80::1%2]:53\", \"[fe80::1%3]:53\""] {
            assert_eq!(problems(&format!("[node]\nname = \"a\"\n[dns]\nlisten = [{listen}]")), "");
        }
    }

    #[test]
    fn an_unreadable_file_is_a_problem() {
        let (config, found) = load(Path::new("/nonexistent/m.toml"));
        assert!(config.is_none());
        assert_eq!(found[0].to_string(), "/nonexistent/m.toml: there is no such file; name the right one, or create it");
        assert!(load(Path::new("/")).1[0].what.contains("directory"));
        // Reading on would never end.
        assert!(load(Path::new("/dev/zero")).1[0].what.contains("no regular file"));
    }
}
