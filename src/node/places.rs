//! The databases of places: read, side by side, into one atlas.

use super::files;
use crate::document::Problem;
use crate::geo::{self, Atlas, Database, Override};
use crate::pilot::Survey;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The first that knows an address wins.
    pub databases: Vec<PathBuf>,
    pub overrides: Vec<Override>,
    /// Nobody asked for these databases by name: one that is missing is no error.
    pub is_default: bool,
}

pub(super) fn survey(options: &Options) -> Survey {
    let mut problems = Vec::new();
    let mut databases = Vec::new();
    // Each takes a second or two when it holds all cities.
    let read: Vec<Result<Database, Problem>> = thread::scope(|scope| {
        let readers: Vec<_> = options.databases.iter().map(|path| scope.spawn(|| read(path, options.is_default))).collect();
        readers.into_iter().map(|reader| reader.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    for result in read {
        match result {
            Ok(database) => databases.push(database),
            Err(problem) => problems.push(problem.at("geoip.databases")),
        }
    }
    Survey { atlas: Atlas::new(databases, &options.overrides), problems }
}

fn read(path: &Path, is_default: bool) -> Result<Database, Problem> {
    let shown = path.display().to_string();
    if is_default && !path.exists() {
        let what = "there is no such file, so nobody knows where clients are";
        return Err(
            Problem::warning(&shown, 0, what).hint("put the shipped city.mmdb there, or name databases in [geoip].databases ([] for none)")
        );
    }
    match files::read(path) {
        Ok(bytes) => geo::read(&shown, bytes),
        Err(why) => Err(Problem::error(&shown, 0, why)),
    }
}

pub(super) fn fault(options: &Options) -> Survey {
    let shown = options.databases.first().map_or_else(String::new, |path| path.display().to_string());
    let what = "reading the databases met a fault of meridian's own; please report it with them";
    Survey { atlas: Atlas::default(), problems: vec![Problem::error(&shown, 0, what).at("geoip.databases")] }
}

/// For commands that look once.
pub fn survey_once(options: &Options) -> Survey {
    survey(options)
}
