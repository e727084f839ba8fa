//! `meridian check`

use super::WRONG_INPUT;
use super::files::Files;
use super::serve::{certificate, places};
use crate::admin::Certificate;
use crate::compile;
use crate::config;
use crate::document::{Problem, Severity};
use crate::fleet::{self, Fleet};
use crate::node;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Say everything that is wrong with the files of a node.
///
/// Reads meridian.toml, fleet.toml and the zones it names, and changes nothing. Each problem is one line:
/// file, line, key, what is wrong, and what would be right. The exit status is 0 when all is sound, 2 when
/// there are errors; warnings do not change it.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    files: Files,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn check(args: CheckArgs) -> ExitCode {
    let (config_path, fleet_path) = (args.files.config(), args.files.fleet());
    let mut problems = check_config(&config_path);
    let (fleet, found) = read_fleet(&fleet_path);
    problems.extend(found);
    let zones = fleet.zones.len();
    problems.extend(check_zones(&fleet_path.display().to_string(), fleet));
    let report = Report { files: [&config_path, &fleet_path].map(|path| path.display().to_string()), zones, problems };
    let text = if args.json { report.json() } else { report.text() };
    // Whoever closes the pipe early has seen enough.
    let _ = writeln!(std::io::stdout(), "{text}");
    if report.count(Severity::Error) == 0 { ExitCode::SUCCESS } else { ExitCode::from(WRONG_INPUT) }
}

fn check_config(path: &Path) -> Vec<Problem> {
    let (config, mut problems) = config::load(path);
    if let Some(config) = config {
        let secrets = config.dns.cookie_secrets.as_deref().map(config::load_cookie_secrets);
        problems.extend(secrets.and_then(Result::err).into_iter().flatten());
        if let Some(Err(error)) = certificate(&config.admin).map(Certificate::load) {
            let path = error.path.display().to_string();
            problems.push(Problem::error(&path, 0, error.what).at(format!("admin.{}", error.key)).hint(error.hint));
        }
        problems.extend(node::places::survey_once(&places(&config.geoip)).problems);
    }
    problems
}

pub(super) fn read_fleet(path: &Path) -> (Fleet, Vec<Problem>) {
    let (fleet, _, problems) = read_fleet_as_json(path);
    (fleet, problems)
}

pub(super) fn read_fleet_as_json(path: &Path) -> (Fleet, serde_json::Value, Vec<Problem>) {
    let shown = path.display().to_string();
    match config::read_file(path) {
        Ok(bytes) => {
            let (fleet, json, mut problems) = fleet::parse_as_json(&shown, &bytes, path.parent().unwrap_or(Path::new("")));
            if fleet.zones.is_empty() && !problems.iter().any(Problem::is_error) {
                let what = "there is no zone in it, so there is nothing to serve";
                problems.push(Problem::error(&shown, 0, what).hint("add a [[zone]] with a name and a file"));
            }
            (fleet, json, problems)
        }
        Err(error) => (Fleet::default(), serde_json::Value::Null, vec![config::unreadable(&shown, &error)]),
    }
}

/// Every zone the fleet names: the master files, and how they and the hostnames go together.
pub(super) fn check_zones(shown: &str, fleet: Fleet) -> Vec<Problem> {
    compile::plan::plan(shown, fleet).zones.iter().flat_map(|zone| node::compile_once(zone).problems).collect()
}

struct Report {
    files: [String; 2],
    zones: usize,
    problems: Vec<Problem>,
}

impl Report {
    fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }

    fn text(&self) -> String {
        let mut lines: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        lines.push(self.summary());
        lines.join("\n")
    }

    fn summary(&self) -> String {
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let warnings = (warnings > 0).then(|| counted(warnings, "warning"));
        if errors > 0 {
            return [Some(counted(errors, "error")), warnings].into_iter().flatten().collect::<Vec<_>>().join(", ");
        }
        let [config, fleet] = &self.files;
        let sound = format!("{config}, {fleet} and {} are sound", counted(self.zones, "zone"));
        warnings.map_or(sound.clone(), |warnings| format!("{sound}, {warnings}"))
    }

    fn json(&self) -> String {
        let problems = self.problems.iter().map(|problem| {
            serde_json::json!({
                "severity": if problem.is_error() { "error" } else { "warning" },
                "file": problem.file,
                "line": problem.line,
                "path": problem.path,
                "what": problem.what,
                "hint": problem.hint,
            })
        });
        let errors = self.count(Severity::Error);
        serde_json::json!({
            "sound": errors == 0,
            "errors": errors,
            "warnings": self.count(Severity::Warning),
            "zones": self.zones,
            "problems": problems.collect::<Vec<_>>(),
        })
        .to_string()
    }
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts() {
        let mut report = Report { files: ["m".into(), "f".into()], zones: 1, problems: Vec::new() };
        assert_eq!(report.summary(), "m, f and 1 zone are sound");
        report.problems.push(Problem::warning("f", 1, "w"));
        assert_eq!(report.summary(), "m, f and 1 zone are sound, 1 warning");
        report.problems.push(Problem::error("f", 2, "e").at("a.b").hint("h"));
        report.problems.push(Problem::error("f", 0, "e"));
        assert_eq!(report.text(), "f:1: warning: w\nf:2: a.b: e; h\nf: e\n2 errors, 1 warning");
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!((&json["sound"], &json["errors"]), (&false.into(), &2.into()));
        assert_eq!(json["problems"][1]["path"], "a.b");
    }
}
