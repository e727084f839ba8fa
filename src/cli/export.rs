//! `meridian export`

use super::api::{Ask, LONG, Reach, Result, Trouble, fleet_document, print, print_json};
use super::aside::Aside;
use serde_json::{Value, json};
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use ureq::http::Method;

/// Print the fleet in the form of fleet.toml.
///
/// `meridian apply -f` of what it prints changes nothing. Secrets are masked, and a mask keeps the secret that is stored.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// Write fleet.toml and zones/NAME.zone into this directory instead, for git
    #[arg(long, short, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// With the secrets themselves, for an admin's token
    #[arg(long)]
    secrets: bool,
    #[command(flatten)]
    reach: Reach,
}

pub(super) fn export(args: ExportArgs) -> ExitCode {
    args.reach.run(|client| {
        let mut ask = Ask::new(Method::GET, "/v1/fleet").patience(LONG);
        if args.secrets {
            ask = ask.with("secrets", "true");
        }
        let fleet = client.send(ask)?.json()?;
        if !fleet.is_object() {
            return Err(Trouble::failed("the node's fleet is no object; is it a meridian node of the same version?"));
        }
        match &args.directory {
            None if client.json => print_json(&fleet)?,
            None => print(&fleet_document(&fleet))?,
            Some(directory) => {
                let written = write(directory, fleet, args.secrets)?;
                match client.json {
                    true => print_json(&json!({ "files": written }))?,
                    false => print(&written.iter().flat_map(|file| [file, "\n"]).collect::<String>())?,
                }
            }
        }
        Ok(0)
    })
}

/// The zones first, so that the fleet never names one that is not there.
fn write(directory: &Path, mut fleet: Value, secrets: bool) -> Result<Vec<String>> {
    let failed = |path: &Path, error: std::io::Error| Trouble::failed(format!("{}: cannot be written: {error}", path.display()));
    let zones = directory.join("zones");
    let mode = if secrets { 0o700 } else { 0o755 };
    DirBuilder::new().recursive(true).mode(mode).create(&zones).map_err(|error| failed(&zones, error))?;
    let mut written = Vec::new();
    let mut put = |path: PathBuf, text: &str| {
        // What is there already is left alone: a repository sees no change.
        if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        let mut file = Aside::new(&path, if secrets { 0o600 } else { 0o644 }).map_err(|error| failed(&path, error))?;
        file.write_all(text.as_bytes()).and_then(|()| file.keep()).map_err(|error| failed(&path, error))?;
        written.push(path.display().to_string());
        Ok(())
    };
    for zone in fleet.get_mut("zone").and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
        let (Some(name), Some(text)) = (zone.get("name").and_then(Value::as_str), zone.get("text").and_then(Value::as_str)) else {
            continue;
        };
        let file = file_name(name);
        put(zones.join(&file), text)?;
        let old = std::mem::take(zone);
        let in_file = |(key, value)| if key == "text" { ("file".to_owned(), format!("zones/{file}").into()) } else { (key, value) };
        zone.extend(old.into_iter().map(in_file));
    }
    put(directory.join("fleet.toml"), &fleet_document(&fleet))?;
    Ok(written)
}

/// A name of a zone as the name of a file in its directory, whatever stands in it; no two have the same.
fn file_name(zone: &str) -> String {
    let mut file = String::new();
    for byte in zone.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => file.push(char::from(byte)),
            b'.' if !file.is_empty() => file.push('.'),
            _ => file += &format!("%{byte:02x}"),
        }
    }
    file + ".zone"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_writes_into_its_own_file_only() {
        for (zone, expected) in [
            ("panels.example", "panels.example.zone"),
            ("0/25.2.0.192.in-addr.arpa", "0%2f25.2.0.192.in-addr.arpa.zone"),
            ("../../etc/passwd", "%2e.%2f..%2fetc%2fpasswd.zone"),
            (".", "%2e.zone"),
            ("", ".zone"),
            ("a%2fb", "a%252fb.zone"),
        ] {
            assert_eq!(file_name(zone), expected);
        }
    }

    #[test]
    fn a_directory_reads_back_as_the_fleet() {
        let directory = std::env::temp_dir().join(format!("meridian-export-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        let text = "$TTL 60\n@ SOA ns1 host 1 1 1 1 1\n@ NS ns1\nns1 A 192.0.2.1\n";
        let fleet = json!({"defaults": {"ttl": 30}, "zone": [{"name": "a.example", "text": text}]});
        let written = write(&directory, fleet.clone(), false).unwrap();
        assert_eq!(written, ["zones/a.example.zone", "fleet.toml"].map(|file| directory.join(file).display().to_string()));
        assert!(
            fs::read_to_string(directory.join("fleet.toml")).unwrap().ends_with("name = \"a.example\"\nfile = \"zones/a.example.zone\"\n")
        );
        assert_eq!(super::super::gather::fleet(&directory.join("fleet.toml")).unwrap(), fleet);
        assert_eq!(write(&directory, fleet, false).unwrap(), Vec::<String>::new(), "what is there already is left alone");
        fs::remove_dir_all(directory).unwrap();
    }
}
