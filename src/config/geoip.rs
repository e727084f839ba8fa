//! `[geoip]`: what is known of where clients are.

use crate::document::{At, Network, TableReader, shown};
use crate::fleet::doc::{country_code, read_place};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What Meridian comes with.
const DATABASES: &str = "../geoip/city.mmdb";

#[derive(Clone, Debug, PartialEq)]
pub struct Geoip {
    /// In the order they are asked; each once, empty: every place is unknown.
    /// A line of 0: nobody wrote it, so a file that is not there is no mistake of the operator's.
    pub databases: Vec<At<PathBuf>>,
    /// No two of one network.
    pub overrides: Vec<Override>,
}

/// What the operator knows better than the databases; a place, a country or both.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    pub network: Network,
    /// Latitude and longitude, on the globe.
    pub at: Option<(f64, f64)>,
    /// In capitals.
    pub country: Option<String>,
}

impl Geoip {
    fn shipped(base: &Path) -> Self {
        Self { databases: vec![At::new(0, base.join(DATABASES))], overrides: Vec::new() }
    }
}

pub(super) fn read(root: &mut TableReader<'_>, base: &Path) -> Geoip {
    let default = Geoip::shipped(base);
    let Some(mut geoip) = root.table("geoip") else { return default };
    let databases = read_databases(&mut geoip, base);
    let overrides = read_overrides(&mut geoip);
    geoip.finish();
    Geoip { databases: databases.unwrap_or(default.databases), overrides }
}

fn read_databases(geoip: &mut TableReader<'_>, base: &Path) -> Option<Vec<At<PathBuf>>> {
    let texts = geoip.texts("databases")?;
    let mut databases: Vec<At<PathBuf>> = Vec::new();
    for text in &texts.it {
        let path = base.join(&text.it);
        if text.is_empty() {
            geoip.error(text.line, "databases", "a path is empty", "name a database file, or leave the list empty");
        } else if databases.iter().any(|other| other.components().eq(path.components())) {
            geoip.error(text.line, "databases", format!("`{}` is listed twice", shown(text)), "keep one of the two");
        } else {
            databases.push(At::new(text.line, path));
        }
    }
    Some(databases)
}

fn read_overrides(geoip: &mut TableReader<'_>) -> Vec<Override> {
    let mut overrides = Vec::new();
    let mut lines: HashMap<Network, u32> = HashMap::new();
    for mut table in geoip.tables("overrides") {
        let network = read_network(&mut table);
        if let Some(network) = &network {
            match lines.get(&network.it) {
                Some(line) => {
                    let what = format!("there is an override of `{}` already, at line {line}", network.it);
                    table.error(network.line, "network", what, "keep one of the two");
                }
                None => drop(lines.insert(network.it, network.line)),
            }
        }
        if !table.has("at") && !table.has("country") {
            let hint = "say where its clients are: at = [50.1, 8.7], country = \"DE\", or both";
            table.reader().error(table.line(), table.own_path(), "neither `at` nor `country` is there", hint);
        }
        let at = read_place(&mut table).map(|place| (place.latitude, place.longitude));
        let country = table.text("country").and_then(|text| match country_code(&text) {
            Ok(code) => Some(code),
            Err((what, hint)) => {
                table.error(text.line, "country", what, hint);
                None
            }
        });
        table.finish();
        overrides.extend(network.map(|network| Override { network: network.it, at, country }));
    }
    overrides
}

fn read_network(table: &mut TableReader<'_>) -> Option<At<Network>> {
    table.needs("network", "say which clients it is for: network = \"10.0.0.0/8\"");
    let text = table.text("network")?;
    match Network::parse(&text) {
        Ok(network) => Some(At::new(text.line, network)),
        Err((what, hint)) => {
            table.error(text.line, "network", what, hint);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, parse};
    use super::*;
    use crate::document::Problem;

    /// `text` after a sound `[node]` of two lines.
    fn read(text: &str) -> (Option<Config>, String) {
        let (config, problems) = parse("m.toml", format!("[node]\nname = \"a\"\n{text}\n").as_bytes(), Path::new("/etc/meridian"));
        (config, problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))
    }

    fn geoip(text: &str) -> Geoip {
        let (config, found) = read(text);
        assert_eq!(found, "", "{text}");
        config.unwrap().geoip
    }

    #[test]
    fn databases_are_relative_to_the_file_and_know_whether_they_were_written() {
        let shipped = [At::new(0, PathBuf::from("/etc/meridian/../geoip/city.mmdb"))];
        assert_eq!(geoip("").databases, shipped);
        assert_eq!(geoip("[geoip]").databases, shipped);
        let written = geoip("[geoip]\ndatabases = [\n  \"../geoip/city.mmdb\",\n  \"/var/lib/asn.mmdb\",\n]").databases;
        assert_eq!(written, [At::new(5, shipped[0].it.clone()), At::new(6, PathBuf::from("/var/lib/asn.mmdb"))]);
        assert_eq!(geoip("[geoip]\ndatabases = []").databases, []);
    }

    #[test]
    fn overrides_say_a_place_a_country_or_both() {
        let found = geoip(
            "[geoip]\noverrides = [\n{ network = \"10.0.0.0/8\", at = [50.1, -8], country = \"de\" },\n\
             { network = \"10.1.0.0/16\", country = \"FR\" }, { network = \"2001:db8::1\", at = [-1, 2] } ]",
        );
        let network = |text: &str| Network::parse(text).unwrap();
        let expected = [
            Override { network: network("10.0.0.0/8"), at: Some((50.1, -8.0)), country: Some("DE".into()) },
            Override { network: network("10.1.0.0/16"), at: None, country: Some("FR".into()) },
            Override { network: network("2001:db8::1/128"), at: Some((-1.0, 2.0)), country: None },
        ];
        assert_eq!(found.overrides, expected);
        assert_eq!(geoip("[[geoip.overrides]]\nnetwork = \"10.0.0.0/8\"\ncountry = \"DE\"").overrides.len(), 1);
        assert_eq!(geoip("[geoip]\noverrides = []").overrides, []);
    }

    #[test]
    fn what_is_wrong_with_a_database_is_said() {
        for (value, expected) in [
            ("[\"a.mmdb\", \"\"]", "a path is empty; name a database file, or leave the list empty"),
            ("[\"a.mmdb\", \"./a.mmdb\"]", "`./a.mmdb` is listed twice; keep one of the two"),
            ("[\"a.mmdb\", \"/etc/meridian//a.mmdb\"]", "`/etc/meridian//a.mmdb` is listed twice; keep one of the two"),
            ("\"a.mmdb\"", "found the text \"a.mmdb\" where a list belongs; put it in square brackets: databases = [...]"),
            ("[1]", "found 1 where text belongs; put it in quotes"),
            ("[\"a\\u0000\"]", "found the text \"a\\0\" where text belongs; leave out the NUL character"),
        ] {
            let (config, found) = read(&format!("[geoip]\ndatabases = {value}"));
            assert_eq!(found, format!("m.toml:4: geoip.databases: {expected}"));
            assert!(config.is_none());
        }
    }

    #[test]
    fn what_is_wrong_with_an_override_is_said() {
        for (keys, expected) in [
            ("country = \"DE\"", ": `network` is missing; say which clients it is for: network = \"10.0.0.0/8\""),
            ("network = \"10.0.0.0/8\"", ": neither `at` nor `country` is there; say where its clients are: "),
            ("network = \"10.0.0.1/8\", country = \"DE\"", ": network: `10.0.0.1/8` has bits beyond its prefix; write 10.0.0.0/8"),
            ("network = 10, country = \"DE\"", ": network: found 10 where text belongs"),
            ("network = \"::/0\", at = [95, 200]", ": at: [95, 200] is off the globe; latitude is from -90 to 90"),
            ("network = \"::/0\", at = [139.7, 35.7]", ": at: [139.7, 35.7] is off the globe; latitude comes first: at = [35.7, 139.7]"),
            ("network = \"::/0\", at = [1]", ": at: found a list of 1 where latitude and longitude belong"),
            ("network = \"::/0\", at = [\"1\", 2]", ": at: found the text \"1\" where a number "),
            ("network = \"::/0\", at = \"1,2\"", ": at: found the text \"1,2\" where a list belongs"),
            ("network = \"::/0\", country = \"UK\"", ": country: `UK` is not a country; did you mean `GB`?"),
            ("network = \"::/0\", country = \"DEU\"", ": country: `DEU` is not a country; write two letters by ISO 3166-1"),
            ("network = \"::/0\", country = 49", ": country: found 49 where text belongs"),
            ("network = \"::/0\", country = \"DE\", asn = 1", ": asn: unknown key; known here: network, at, country"),
        ] {
            let (config, found) = read(&format!("[geoip]\noverrides = [{{ {keys} }}]"));
            assert!(found.starts_with(&format!("m.toml:4: geoip.overrides number 1{expected}")), "{keys}: {found}");
            assert_eq!(found.lines().count(), 1, "{found}");
            assert!(config.is_none());
        }
        assert_eq!(
            read("[geoip]\noverrides = 5").1,
            "m.toml:4: geoip.overrides: found 5 where a list of objects belongs; write [[geoip.overrides]] in two brackets"
        );
    }

    #[test]
    fn all_problems_of_geoip_come_at_once() {
        let one = "{ network = \"10.0.0.0/8\", country = \"DE\" }";
        let (_, found) = read(&format!("[geoip]\ndatabases = [\"\"]\noverrides = [\n{one},\n{one},\n{{}},\n]\nx = 1"));
        let lines: Vec<_> = found.lines().map(|line| line.split("; ").next().unwrap()).collect();
        assert_eq!(
            lines,
            [
                "m.toml:4: geoip.databases: a path is empty",
                "m.toml:7: geoip.overrides number 2: network: there is an override of `10.0.0.0/8` already, at line 6",
                "m.toml:8: geoip.overrides number 3: `network` is missing",
                "m.toml:8: geoip.overrides number 3: neither `at` nor `country` is there",
                "m.toml:10: geoip.x: unknown key",
            ]
        );
    }
}
