//! A fleet's document with all that it names, fit to be sent: nothing in it depends on this machine's files.

use super::api::{Result, Trouble};
use super::check::check_zones;
use super::say;
use super::set::read_input;
use crate::config;
use crate::dns::name::Name;
use crate::dns::sheet::Sheet;
use crate::document::{self, Problem, Reader, shown};
use crate::fleet;
use crate::node::files::{self, Includes};
use serde_json::{Map, Value};
use std::path::Path;

/// What the API shows in the place of a secret; sent back, it keeps the stored one.
const MASK: &[u8] = b"********";
/// As long as the mask, and base64.
const STAND_IN: &[u8] = b"AAAAAAAA";

/// The fleet as JSON, zones with their `text`, secrets with their value. All problems are told with file and line.
pub(super) fn fleet(path: &Path) -> Result<Value> {
    let is_stdin = path == Path::new("-");
    let shown = if is_stdin { "stdin".to_owned() } else { path.display().to_string() };
    let base = if is_stdin { Path::new("") } else { path.parent().unwrap_or(Path::new("")) };
    let bytes = read_input(path)?;
    let (fleet, mut problems) = fleet::parse(&shown, &unmasked(&bytes), base);
    if !problems.iter().any(Problem::is_error) {
        problems.extend(check_zones(&shown, fleet));
    }
    tell_warnings(&problems);
    if problems.iter().any(Problem::is_error) {
        return Err(Trouble::problems(&problems));
    }
    let reader = Reader::new(&shown);
    let table = document::parse(&reader, &bytes).ok_or_else(|| Trouble::problems(&reader.into_problems()))?;
    let mut json = document::to_json(&table);
    for (kind, file, text, read) in
        [("zone", "file", "text", zone as Read), ("check", "password_file", "password", secret), ("key", "secret_file", "secret", secret)]
    {
        for object in json.get_mut(kind).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
            put_in(object, file, text, base, read)?;
        }
    }
    Ok(json)
}

/// A zone's master file in one piece, or why not.
pub(super) fn zone_text(zone: &str, path: &Path) -> Result<String> {
    let apex = Name::parse(zone).map_err(|error| Trouble::wrong(format!("`{}` is not a zone's name: {error}", shown(zone))))?;
    if path == Path::new("-") {
        return in_one_piece(&apex, "stdin", read_input(path)?, &mut Includes::none());
    }
    let bytes = files::read(path).map_err(|what| Trouble::problems(&[Problem::error(&path.display().to_string(), 0, what)]))?;
    in_one_piece(&apex, &path.display().to_string(), bytes, &mut Includes::of(path))
}

type Read = fn(&str, &Path) -> Result<String>;

fn zone(name: &str, path: &Path) -> Result<String> {
    zone_text(name, path)
}

fn secret(_: &str, path: &Path) -> Result<String> {
    let shown = path.display().to_string();
    let text = config::read_file(path).and_then(|bytes| String::from_utf8(bytes).map_err(|_| std::io::ErrorKind::InvalidData.into()));
    let text = text.map_err(|error| Trouble::problems(&[config::unreadable(&shown, &error)]))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// `file = "path"` becomes `text = "what is in it"`, in its place.
fn put_in(object: &mut Map<String, Value>, file: &str, text: &str, base: &Path, read: Read) -> Result<()> {
    let Some(path) = object.get(file).and_then(Value::as_str) else { return Ok(()) };
    let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
    let content = read(name, &base.join(path))?;
    let old = std::mem::take(object);
    object.extend(old.into_iter().map(|(key, value)| if key == file { (text.to_owned(), content.clone().into()) } else { (key, value) }));
    Ok(())
}

/// Text as it is, unless it names other files, or is no text for JSON: then its records, written anew.
fn in_one_piece(apex: &Name, shown: &str, bytes: Vec<u8>, includes: &mut Includes) -> Result<String> {
    let word = b"$include";
    let names_others = bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    let bytes = match String::from_utf8(bytes) {
        Ok(text) if !names_others => return Ok(text),
        Ok(text) => text.into_bytes(),
        Err(error) => error.into_bytes(),
    };
    let (sheet, problems) = Sheet::read(apex, shown, &bytes, includes);
    tell_warnings(&problems);
    sheet.map(|sheet| sheet.text()).ok_or_else(|| Trouble::problems(&problems))
}

/// For the checks, which have no use for what a secret is. Every line stays where it is.
fn unmasked(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let quotes = [b'"', b'\''];
    let mut at = 0;
    while at + MASK.len() + 2 <= bytes.len() {
        let quoted = &mut bytes[at..at + MASK.len() + 2];
        if quotes.contains(&quoted[0]) && quoted[0] == quoted[MASK.len() + 1] && &quoted[1..=MASK.len()] == MASK {
            quoted[1..=MASK.len()].copy_from_slice(STAND_IN);
        }
        at += 1;
    }
    bytes
}

fn tell_warnings(problems: &[Problem]) {
    problems.iter().filter(|problem| !problem.is_error()).for_each(say);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str, files: &[(&str, &[u8])]) -> Self {
            let path = std::env::temp_dir().join(format!("meridian-gather-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(path.join("zones")).unwrap();
            for (file, bytes) in files {
                fs::write(path.join(file), bytes).unwrap();
            }
            Self(path)
        }

        fn fleet(&self) -> std::result::Result<Value, String> {
            fleet(&self.0.join("fleet.toml")).map_err(|trouble| match trouble {
                Trouble::Told(told) => told.lines().join("\n").replace(&*self.0.display().to_string(), "."),
                Trouble::Closed => String::new(),
            })
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const PLAIN: &[u8] = b"$TTL 60\n@ SOA ns1 host 1 1 1 1 1 ; a comment\n@ NS ns1\nns1 A 192.0.2.1\n";

    #[test]
    fn all_that_a_fleet_names_is_in_it() {
        let place = Place::new(
            "whole",
            &[
                (
                    "fleet.toml",
                    b"[[zone]]\nname = \"a.example\"\nfile = \"zones/a.zone\"\ndnssec = false\n[[zone]]\nname = \"b.example\"\nfile = \"zones/b.zone\"\n\
                      [[check]]\nname = \"k\"\nkind = \"panel-api\"\nurl = \"http://{address}/\"\nuser = \"u\"\npassword_file = \"secret\"\n\
                      [[check]]\nname = \"m\"\nkind = \"panel-api\"\nurl = \"http://{address}/\"\nuser = \"u\"\npassword = \"********\"\n",
                ),
                ("zones/a.zone", PLAIN),
                ("zones/b.zone", b"$INCLUDE rest.inc\n@ TXT \"\xff\"\n"),
                ("zones/rest.inc", PLAIN),
                ("secret", b"c2VjcmV0\n"),
            ],
        );
        let fleet = place.fleet().unwrap();
        let keys: Vec<&String> = fleet["zone"][0].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["name", "text", "dnssec"]);
        assert_eq!(fleet["zone"][0]["text"], String::from_utf8_lossy(PLAIN).into_owned());
        let flat = fleet["zone"][1]["text"].as_str().unwrap();
        assert!(!flat.contains("INCLUDE") && flat.contains("ns1.b.example.") && flat.contains("\\255"), "{flat}");
        assert_eq!(fleet["check"][0]["password"], "c2VjcmV0");
        assert!(fleet["check"][0]["password_file"].is_null());
        assert_eq!(fleet["check"][1]["password"], "********", "the mask stays, for the node to know it");
    }

    #[test]
    fn problems_have_file_and_line() {
        let zone = "[[zone]]\nname = \"a.example\"\nfile = \"zones/a.zone\"\n";
        for (fleet, zone_file, expected) in [
            (format!("{zone}dnsec = false\n"), PLAIN, "./fleet.toml:4: zone a.example: dnsec: unknown key; did you mean `dnssec`?"),
            (zone.to_owned(), &b"$TTL 60\n@ SOA ns1 host 1 1 1 1 1\n@ NS ns1\nns1 A 192.0.2.999\n"[..], "./zones/a.zone:4: "),
            (zone.to_owned(), b"$INCLUDE ../fleet.toml\n", "./zones/a.zone:1: "),
            (zone.replace("a.zone", "b.zone"), PLAIN, "there is no such file"),
        ] {
            let place = Place::new("wrong", &[("fleet.toml", fleet.as_bytes()), ("zones/a.zone", zone_file)]);
            let told = place.fleet().unwrap_err();
            assert!(told.contains(expected), "{told}");
        }
        let place = Place::new("none", &[]);
        assert_eq!(place.fleet().unwrap_err(), "./fleet.toml: there is no such file; name the right one, or create it");
    }

    #[test]
    fn only_a_mask_is_taken_for_one() {
        for (text, expected) in [
            ("secret = \"********\"", "secret = \"AAAAAAAA\""),
            ("secret = '********'", "secret = 'AAAAAAAA'"),
            ("secret = \"*********\"", "secret = \"*********\""),
            ("# ********", "# ********"),
            ("\"********'", "\"********'"),
            ("\"*******", "\"*******"),
        ] {
            assert_eq!(String::from_utf8(unmasked(text.as_bytes())).unwrap(), expected);
        }
    }
}
