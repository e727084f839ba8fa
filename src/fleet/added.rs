//! Names that a hostname's `ports` adds below it, and what must not stand there besides.

use super::names::MAX_OBJECT_NAME;
use super::{Fleet, Hostname, Lost, PanelId, SetId};
use crate::dns::name::{MAX_NAME, Name};
use crate::document::{Reader, shown};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

/// Notes every conflict and leaves out the hostnames whose `ports` are to blame. `lines`: every hostname there is, sound or not.
pub(super) fn refuse_taken(reader: &Reader, fleet: &mut Fleet, lines: &HashMap<Name, u32>) {
    let broken = Ground::new(reader, fleet).survey(lines);
    if broken.is_empty() {
        return;
    }
    let (lost, kept): (Vec<_>, Vec<_>) = fleet.hostnames.iter().cloned().enumerate().partition(|(at, _)| broken.contains(at));
    fleet.lost.extend(lost.into_iter().map(|(_, Hostname { name, zone, .. })| Lost::Hostname { name, zone }));
    fleet.hostnames = kept.into_iter().map(|(_, hostname)| hostname).collect();
}

/// What one hostname adds.
enum Added<'a> {
    /// `<panel>.NAME`, with the panel's addresses.
    Panel(&'a str),
    /// `_http._tcp.NAME`, SRV.
    Http,
    /// `_PORT._https.NAME`, HTTPS.
    Https(u16),
}

impl Added<'_> {
    fn key(&self) -> &'static str {
        if matches!(self, Self::Https(_)) { "https" } else { "http" }
    }
}

impl fmt::Display for Added<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panel(panel) => write!(f, "`http` needs the name of panel `{panel}` below it"),
            Self::Http => f.write_str("`http` needs the name `_http._tcp` below it"),
            Self::Https(port) => write!(f, "`https` needs the name `_{port}._https` below it"),
        }
    }
}

struct Ground<'a> {
    reader: &'a Reader,
    fleet: &'a Fleet,
    /// Hostnames that add names, by their own.
    owners: HashMap<&'a Name, usize>,
    /// By name in small letters, as DNS takes it.
    panels: HashMap<String, PanelId>,
    /// By set and by what stands after a dot, in small letters: the panels that are called something before it.
    ends: HashMap<SetId, HashMap<String, Vec<&'a str>>>,
    broken: HashSet<usize>,
}

impl<'a> Ground<'a> {
    fn new(reader: &'a Reader, fleet: &'a Fleet) -> Self {
        // A wildcard has no place for them: `http` is warned of there, and `https` adds to the name itself.
        let adds = |hostname: &Hostname| (hostname.ports.http.is_some() || hostname.ports.https.is_some()) && !hostname.name.is_wildcard();
        let owners: HashMap<_, _> =
            fleet.hostnames.iter().enumerate().filter(|(_, hostname)| adds(hostname)).map(|(at, hostname)| (&hostname.name, at)).collect();
        let panels = (0u32..).zip(&fleet.panels).map(|(id, panel)| (panel.name.to_ascii_lowercase(), PanelId(id))).collect();
        let mut ends = HashMap::new();
        for at in owners.values() {
            let set = fleet.hostnames[*at].set;
            ends.entry(set).or_insert_with(|| ends_of(fleet.set(set).members.iter().map(|member| &*fleet.panel(member.panel).name)));
        }
        Self { reader, fleet, owners, panels, ends, broken: HashSet::new() }
    }

    fn survey(mut self, lines: &HashMap<Name, u32>) -> HashSet<usize> {
        let owners: Vec<usize> =
            (0..self.fleet.hostnames.len()).filter(|at| self.owners.contains_key(&self.fleet.hostnames[*at].name)).collect();
        for owner in owners {
            self.refuse_long(owner);
            self.refuse_own(owner);
        }
        let mut others: Vec<(&Name, u32)> = lines.iter().map(|(name, line)| (name, *line)).collect();
        others.sort_unstable_by_key(|(_, line)| *line);
        for (name, line) in others {
            self.refuse_hostname(name, line);
        }
        for zone in &self.fleet.zones {
            self.refuse_zone(&zone.name, zone.line.0);
        }
        self.broken
    }

    /// `prefix` in small letters.
    fn added(&self, owner: usize, prefix: &str) -> Option<Added<'a>> {
        let hostname = &self.fleet.hostnames[owner];
        if let Some(port) = hostname.ports.https.filter(|port| prefix == format!("_{port}._https")) {
            return Some(Added::Https(port));
        }
        hostname.ports.http?;
        if prefix == "_http._tcp" {
            return Some(Added::Http);
        }
        self.panel(owner, prefix).map(Added::Panel)
    }

    /// The panel of this name in the set of a hostname with `http`.
    fn panel(&self, owner: usize, name: &str) -> Option<&'a str> {
        let hostname = &self.fleet.hostnames[owner];
        hostname.ports.http?;
        let id = *self.panels.get(name)?;
        self.fleet.set(hostname.set).members.iter().any(|member| member.panel == id).then(|| &*self.fleet.panel(id).name)
    }

    /// The panels of a hostname with `http` that are called something before `end`.
    fn ending(&self, owner: usize, end: &str) -> Vec<&'a str> {
        let Hostname { set, ports, .. } = &self.fleet.hostnames[owner];
        self.ends.get(set).filter(|_| ports.http.is_some()).and_then(|ends| ends.get(end)).cloned().unwrap_or_default()
    }

    fn refuse_long(&mut self, owner: usize) {
        let Hostname { name, set, ports, .. } = &self.fleet.hostnames[owner];
        let too_long = |added: &str| name.wire().len() + 1 + added.len() > MAX_NAME;
        let hint = "shorten one of the two, or leave out `http`";
        let any_fits = name.wire().len() + 1 + MAX_OBJECT_NAME <= MAX_NAME;
        if ports.http.is_some() && !any_fits {
            for member in &self.fleet.set(*set).members {
                let panel = &self.fleet.panel(member.panel).name;
                if too_long(panel) {
                    self.refuse(owner, format!("with panel `{panel}` before it the name is longer than {MAX_NAME} bytes"), hint);
                }
            }
        }
        let services =
            [ports.http.map(|_| ("http", "_http._tcp".to_owned())), ports.https.map(|port| ("https", format!("_{port}._https")))];
        for (key, service) in services.into_iter().flatten().filter(|(_, service)| too_long(service)) {
            let what = format!("with `{service}` before it the name is longer than {MAX_NAME} bytes");
            self.refuse(owner, what, &format!("shorten it, or leave out `{key}`"));
        }
    }

    /// A panel called as a service is, or as one ends.
    fn refuse_own(&mut self, owner: usize) {
        let https = self.fleet.hostnames[owner].ports.https.map(|port| format!("_{port}._https"));
        for service in ["_http._tcp".to_owned()].into_iter().chain(https) {
            if let Some(panel) = self.panel(owner, &service)
                && let Some(added) = self.added(owner, &service)
            {
                self.refuse(owner, format!("{added}, and panel `{panel}` has that name"), &leave_out("rename that panel", &added));
            }
            // What the service stands below exists by that, so there is no panel of that name, and none below it.
            let end = &service[service.find('.').map_or(0, |dot| dot + 1)..];
            let near = self.panel(owner, end).into_iter().chain(self.ending(owner, end));
            for panel in near.filter(|panel| !panel.eq_ignore_ascii_case(&service)).collect::<Vec<_>>() {
                let added = Added::Panel(panel);
                let what = format!("{added}, and `{service}` stands there already");
                self.refuse(owner, what, &leave_out("rename that panel", &added));
            }
        }
    }

    fn refuse_hostname(&mut self, name: &Name, line: u32) {
        for (owner, labels) in self.owners_above(name) {
            let (prefix, is_whole) = plain(&labels);
            if let Some(added) = self.added(owner, &prefix).filter(|_| is_whole) {
                let what = format!("{added}, and the hostname at line {line} has that name");
                self.refuse(owner, what, &leave_out("rename that hostname", &added));
            }
            for panel in suffixes(&prefix, is_whole).filter_map(|suffix| self.panel(owner, suffix)).collect::<Vec<_>>() {
                let added = Added::Panel(panel);
                let what = format!("{added}, and the hostname at line {line} is below that");
                self.refuse(owner, what, &leave_out("rename that hostname", &added));
            }
            // Where `c.b.NAME` is a hostname `b.NAME` exists, and nothing is made below it that isn't there: no `a.b.NAME`.
            let is_told = |panel: &&str| suffixes(&prefix, is_whole).chain([&*prefix]).any(|suffix| suffix.eq_ignore_ascii_case(panel));
            let beside: BTreeSet<&str> = suffixes(&prefix, is_whole).flat_map(|suffix| self.ending(owner, suffix)).collect();
            for panel in beside.into_iter().filter(|panel| !is_told(panel)) {
                let added = Added::Panel(panel);
                let what = format!("{added}, and the hostname at line {line} ends as that does");
                self.refuse(owner, what, &leave_out("rename one of the two", &added));
            }
            // What is below `b.NAME` is that hostname's, so panel `a.b` of this one has no place there.
            for panel in self.ending(owner, &prefix).into_iter().filter(|_| is_whole) {
                let added = Added::Panel(panel);
                let what = format!("{added}, and that is below the hostname at line {line}");
                self.refuse(owner, what, &leave_out("rename that panel", &added));
            }
        }
    }

    /// What is in another zone is answered from there.
    fn refuse_zone(&mut self, name: &Name, line: u32) {
        for (owner, labels) in self.owners_above(name) {
            let (prefix, is_whole) = plain(&labels);
            let ports = self.fleet.hostnames[owner].ports;
            let mut within: Vec<Added<'_>> = Vec::new();
            if is_whole {
                within.extend(self.added(owner, &prefix));
                within.extend(ports.http.filter(|_| prefix == "_tcp").map(|_| Added::Http));
                within.extend(ports.https.filter(|_| prefix == "_https").map(Added::Https));
                within.extend(self.ending(owner, &prefix).into_iter().map(Added::Panel));
            }
            for added in within {
                let what = format!("{added}, and that is in the zone at line {line}");
                self.refuse(owner, what, &leave_out("put the hostname into a zone of its own", &added));
            }
        }
    }

    /// With the labels that `name` has before each of them.
    fn owners_above<'n>(&self, name: &'n Name) -> Vec<(usize, Vec<&'n [u8]>)> {
        let labels: Vec<&[u8]> = name.labels().collect();
        let mut above = Vec::new();
        let mut ancestor = name.parent();
        for depth in 1..=labels.len() {
            let Some(name) = ancestor else { break };
            if let Some(owner) = self.owners.get(&name) {
                above.push((*owner, labels[..depth].to_vec()));
            }
            ancestor = name.parent();
        }
        above
    }

    fn refuse(&mut self, owner: usize, what: String, hint: &str) {
        let hostname = &self.fleet.hostnames[owner];
        let path = format!("hostname {}: ports", shown(hostname.name.to_string().trim_end_matches('.')));
        self.reader.error(hostname.line.0, &path, what, hint);
        self.broken.insert(owner);
    }
}

fn ends_of<'a>(panels: impl Iterator<Item = &'a str>) -> HashMap<String, Vec<&'a str>> {
    let mut ends: HashMap<String, Vec<&str>> = HashMap::new();
    for panel in panels {
        for (dot, _) in panel.match_indices('.') {
            ends.entry(panel[dot + 1..].to_ascii_lowercase()).or_default().push(panel);
        }
    }
    ends
}

fn leave_out(other: &str, added: &Added<'_>) -> String {
    format!("{other}, or leave out `{}`", added.key())
}

/// The last labels that a panel or a service could be called by, in small letters; and whether that is all of them.
fn plain(labels: &[&[u8]]) -> (String, bool) {
    let is_plain = |label: &&&[u8]| label.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let count = labels.iter().rev().take_while(is_plain).count();
    let kept: Vec<String> =
        labels[labels.len() - count..].iter().map(|label| String::from_utf8_lossy(label).to_ascii_lowercase()).collect();
    (kept.join("."), count == labels.len())
}

/// What stands after each dot; and the whole when it is itself the end of something longer.
fn suffixes(prefix: &str, is_whole: bool) -> impl Iterator<Item = &str> {
    let whole = (!is_whole && !prefix.is_empty()).then_some(prefix);
    whole.into_iter().chain(prefix.match_indices('.').map(|(at, _)| &prefix[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::super::{Lost, parse};
    use std::path::Path;

    const FLEET: &str = r#"[[panel]]
name = "fra1"
addresses = ["192.0.2.1"]
[[panel]]
name = "b.ams1"
addresses = ["192.0.2.2"]
[[panel]]
name = "_http._tcp"
addresses = ["192.0.2.3"]
[[set]]
name = "s"
panels = ["fra1"]
[[set]]
name = "dotted"
panels = ["b.ams1"]
[[set]]
name = "service"
panels = ["_http._tcp"]
[[zone]]
name = "p.example"
file = "p.zone"
"#;
    /// Where the first object after `FLEET` begins.
    const FIRST: usize = 22;

    /// What is wrong with hostnames (name, set, ports) after `FLEET`, and which are left.
    fn read(hostnames: &[(&str, &str, &str)], zones: &[&str]) -> (Vec<String>, Vec<String>, usize) {
        let mut text = FLEET.to_owned();
        for (name, set, ports) in hostnames {
            text += &format!("[[hostname]]\nname = \"{name}\"\nset = \"{set}\"\nports = {{ {ports} }}\n");
        }
        for name in zones {
            text += &format!("[[zone]]\nname = \"{name}\"\nfile = \"z\"\n");
        }
        let (fleet, problems) = parse("f", text.as_bytes(), Path::new(""));
        let kept = fleet.hostnames.iter().map(|hostname| hostname.name.to_string()).collect();
        (
            problems.iter().map(ToString::to_string).collect(),
            kept,
            fleet.lost.iter().filter(|lost| matches!(lost, Lost::Hostname { .. })).count(),
        )
    }

    #[test]
    fn what_ports_add_must_be_free() {
        let live = |ports| ("live.p.example", "s", ports);
        for (hostnames, zones, expected) in [
            (
                vec![live("http = 80"), ("FRA1.live.p.example", "s", "")],
                vec![],
                "`http` needs the name of panel `fra1` below it, and the hostname at line 26 has that name; rename that hostname, or leave out `http`",
            ),
            (
                vec![live("http = 80"), ("x.fra1.live.p.example", "s", "")],
                vec![],
                "`fra1` below it, and the hostname at line 26 is below that",
            ),
            (
                vec![live("http = 80"), ("*.y.fra1.live.p.example", "s", "")],
                vec![],
                "`fra1` below it, and the hostname at line 26 is below that",
            ),
            (
                vec![live("http = 80"), ("*.fra1.live.p.example", "s", "")],
                vec![],
                "`fra1` below it, and the hostname at line 26 is below that",
            ),
            (
                vec![live("http = 80"), ("_http._tcp.live.p.example", "s", "")],
                vec![],
                "`http` needs the name `_http._tcp` below it, and the hostname at line 26 has that name; rename that hostname, or leave out `http`",
            ),
            (
                vec![live("https = 8443"), ("_8443._HTTPS.live.p.example", "s", "")],
                vec![],
                "`https` needs the name `_8443._https` below it, and the hostname at line 26 has that name; rename that hostname, or leave out `https`",
            ),
            (
                vec![("live.p.example", "dotted", "http = 80"), ("b.ams1.live.p.example", "s", "")],
                vec![],
                "`b.ams1` below it, and the hostname at line 26 has that name",
            ),
            (
                vec![("live.p.example", "dotted", "http = 80"), ("ams1.live.p.example", "s", "")],
                vec![],
                "`b.ams1` below it, and that is below the hostname at line 26; rename that panel, or leave out `http`",
            ),
            (
                vec![("live.p.example", "dotted", "http = 80"), ("c.ams1.live.p.example", "s", "")],
                vec![],
                "`b.ams1` below it, and the hostname at line 26 ends as that does; rename one of the two, or leave out `http`",
            ),
            (
                vec![("live.p.example", "dotted", "http = 80"), ("*.AMS1.live.p.example", "s", "")],
                vec![],
                "`b.ams1` below it, and the hostname at line 26 ends as that does",
            ),
            (
                vec![("live.p.example", "dotted", "http = 80"), ("c.b.ams1.live.p.example", "s", "")],
                vec![],
                "`b.ams1` below it, and the hostname at line 26 is below that",
            ),
            (vec![("live.p.example", "service", "http = 80")], vec![], "`_http._tcp` below it, and panel `_http._tcp` has that name"),
            (
                vec![("p.example", "dotted", "http = 80"), ("live.p.example", "s", "")],
                vec!["ams1.p.example"],
                "`b.ams1` below it, and that is in the zone at line 30",
            ),
            (vec![live("http = 80")], vec!["fra1.live.p.example"], "`fra1` below it, and that is in the zone at line 26"),
            (vec![live("http = 80")], vec!["_tcp.live.p.example"], "`_http._tcp` below it, and that is in the zone at line 26"),
            (vec![live("https = 1")], vec!["_1._https.live.p.example"], "`_1._https` below it, and that is in the zone at line 26"),
        ] {
            let (found, kept, lost) = read(&hostnames, &zones);
            assert_eq!(found.len(), 1, "{hostnames:?}: {found:?}");
            let start = format!("f:{FIRST}: hostname {}: ports: ", hostnames[0].0);
            assert!(found[0].starts_with(&start) && found[0].contains(expected), "{found:?}");
            // The one whose ports are to blame is left out, nobody else.
            assert_eq!((kept.len(), lost), (hostnames.len() - 1, 1), "{kept:?}");
            assert!(kept.iter().all(|name| name.trim_end_matches('.') != hostnames[0].0), "{kept:?}");
        }
    }

    #[test]
    fn two_hostnames_do_not_add_one_name() {
        let text = FLEET.replace("name = \"fra1\"", "name = \"b\"").replace("[\"fra1\"]", "[\"b\"]")
            + "[[hostname]]\nname = \"p.example\"\nset = \"dotted\"\nports = { http = 1 }\n\
               [[hostname]]\nname = \"ams1.p.example\"\nset = \"s\"\nports = { http = 1 }\n";
        let (fleet, problems) = parse("f", text.as_bytes(), Path::new(""));
        let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "f:22: hostname p.example: ports: `http` needs the name of panel `b.ams1` below it, and that is below the hostname at line 26; \
              rename that panel, or leave out `http`"
            ]
        );
        assert_eq!(fleet.hostnames.len(), 1);
    }

    #[test]
    fn no_panel_is_called_as_a_service_ends() {
        for (panel, ports, service) in [
            ("_TCP", "http = 80", Some("_http._tcp")),
            ("x._tcp", "http = 80", Some("_http._tcp")),
            ("x.y._tcp", "http = 80", Some("_http._tcp")),
            ("x._https", "http = 80, https = 443", Some("_443._https")),
            ("x._https", "http = 80", None),
            ("x._tcp", "https = 443", None),
            ("x_tcp", "http = 80", None),
        ] {
            let text = FLEET.replace("\"fra1\"", &format!("{panel:?}"))
                + &format!("[[hostname]]\nname = \"live.p.example\"\nset = \"s\"\nports = {{ {ports} }}\n");
            let (_, problems) = parse("f", text.as_bytes(), Path::new(""));
            let found: Vec<_> = problems.iter().filter(|problem| problem.is_error()).map(ToString::to_string).collect();
            let expected = service.map(|service| {
                let what = format!("f:22: hostname live.p.example: ports: `http` needs the name of panel `{panel}` below it");
                format!("{what}, and `{service}` stands there already; rename that panel, or leave out `http`")
            });
            assert_eq!(found, Vec::from_iter(expected));
        }
    }

    #[test]
    fn what_ports_do_not_add_is_free() {
        for hostnames in [
            vec![("live.p.example", "s", ""), ("fra1.live.p.example", "s", "")],
            vec![("live.p.example", "s", "https = 443"), ("fra1.live.p.example", "s", ""), ("_http._tcp.live.p.example", "s", "")],
            vec![
                ("live.p.example", "s", "http = 80, https = 443"),
                ("_444._https.live.p.example", "s", ""),
                ("ams1.live.p.example", "s", ""),
            ],
            vec![("live.p.example", "s", "http = 80"), ("fra1.x.live.p.example", "s", ""), ("xfra1.live.p.example", "s", "")],
            vec![("live.p.example", "s", "http = 80"), ("fra1.p.example", "s", ""), ("*.live.p.example", "s", "")],
            vec![("*.p.example", "s", "https = 443"), ("_443._https.p.example", "s", "")],
            // A dot within a label is no border of labels.
            vec![("live.p.example", "dotted", "http = 80"), ("b\\\\.ams1.live.p.example", "s", "")],
        ] {
            let (found, kept, lost) = read(&hostnames, &[]);
            assert_eq!((found, kept.len(), lost), (vec![], hostnames.len(), 0), "{hostnames:?}");
        }
    }

    #[test]
    fn what_ports_add_is_a_name() {
        let label = "a".repeat(61);
        // The first label has so many letters, and the rest with every length and the root is 198 bytes of 255.
        for (letters, ports, expected) in [
            (45, "http = 80, https = 443", vec![]),
            (46, "http = 80, https = 443", vec!["with `_443._https` before it"]),
            (47, "http = 80", vec!["with `_http._tcp` before it"]),
            (53, "http = 80", vec!["with panel `fra1` before it", "with `_http._tcp` before it"]),
            (43, "https = 65535", vec![]),
            (44, "https = 65535", vec!["with `_65535._https` before it"]),
            (57, "", vec![]),
        ] {
            let name = format!("{}.{label}.{label}.{label}.p.example", "b".repeat(letters));
            let (found, _, _) = read(&[(&name, "s", ports)], &[]);
            assert_eq!(found.len(), expected.len(), "{letters}: {found:?}");
            assert!(found.iter().zip(&expected).all(|(found, expected)| found.contains(expected)), "{found:?}");
        }
    }
}
