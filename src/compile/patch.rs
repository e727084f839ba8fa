//! A compiled zone whose hostnames change: the few that do, not the whole zone again.

use super::plan::Steered;
use super::steered::{Ground, claim, whole};
use super::zone::MAX_PROBLEMS;
use crate::document::Problem;
use crate::snapshot::path::Path;
use crate::snapshot::zone::{Editor, Part, Unfit, Zone};

/// Bytes that a hostname seldom needs more of: its own name, two more for a service and two for a binding.
const ROOM: usize = 256;

/// What becomes of one hostname.
#[derive(Clone, Copy, Debug)]
pub struct Edit<'a> {
    /// Its number in the zone; nobody else in the zone may have that.
    pub number: usize,
    /// As the zone was compiled or patched with it. None: it is new.
    pub before: Option<&'a Steered>,
    /// None: it goes.
    pub after: Option<&'a Steered>,
}

#[derive(Debug)]
pub enum Patched {
    Zone(Zone),
    /// The zone has to be compiled anew.
    Anew,
    /// What is in the way of the hostnames. Nothing was made.
    Refused(Vec<Problem>),
}

/// The zone as it would be compiled with its hostnames edited. `zone` was compiled with every `before`, whichever hostnames it left out.
/// Warnings stay those it was compiled with: what would change one is compiled anew.
pub fn patch(zone: &Zone, edits: &[Edit<'_>]) -> Patched {
    let Some(apex) = Path::read(zone.apex()) else { return Patched::Anew };
    if zone.denial().is_some() {
        return Patched::Anew;
    }
    let mut added: Vec<(usize, &Steered)> = edits.iter().filter_map(|edit| Some((edit.number, edit.after?))).collect();
    // Problems come as they would if the zone were compiled.
    added.sort_by_key(|(number, _)| *number);
    let (ground, mut problems) = (Ground::Zone(zone), Vec::new());
    let claims: Vec<_> = added.iter().map(|(number, hostname)| (*number, claim(&ground, &apex, hostname, &mut problems))).collect();
    if !problems.is_empty() {
        problems.truncate(MAX_PROBLEMS);
        return Patched::Refused(problems);
    }
    match edited(zone, edits, &claims) {
        Ok(zone) => Patched::Zone(zone),
        Err(Unfit) => Patched::Anew,
    }
}

fn edited(zone: &Zone, edits: &[Edit<'_>], claims: &[(usize, Vec<(Path, Part)>)]) -> Result<Zone, Unfit> {
    let mut editor = Editor::new(zone, claims.len() * ROOM)?;
    for (number, before) in edits.iter().filter_map(|edit| Some((edit.number, edit.before?))) {
        for (path, part) in whole(before).ok_or(Unfit)? {
            editor.unsteer(&path, number, part)?;
        }
    }
    for (number, names) in claims {
        for (path, part) in names {
            editor.steer(path, *number, *part)?;
        }
    }
    editor.finish()
}

#[cfg(test)]
mod tests;
