//! A fleet in files becomes the store's: made ready so that no path is left in it, and handed over once.

use super::Node;
use super::files::{self, Includes};
use crate::clock;
use crate::compile::plan::ZonePlan;
use crate::dns::sheet::Sheet;
use crate::document::Problem;
use crate::fleet::Source;
use crate::fleet::ledger::shown;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// What came of an import, and where to say so next time.
pub(super) struct Imported {
    outcome: Result<u64, String>,
    again: mpsc::UnboundedSender<Self>,
}

impl Node {
    /// A fleet in files becomes the store's, once all of it is sound.
    pub(super) fn import(&mut self) {
        let is_sound = || self.pilot.is_idle() && !self.pilot.state().problems.iter().any(Problem::is_error);
        if !self.serving || !self.control.is_files() || !self.is_read || !is_sound() {
            return;
        }
        let Some(done) = self.import.take() else { return };
        (self.importing, self.is_read) = (true, false);
        let (control, plans) = (self.control.clone(), self.pilot.plan().zones.clone());
        let base = self.fleet_files.first().and_then(|file| file.parent()).unwrap_or(Path::new("")).to_owned();
        tokio::spawn(async move {
            let holder = control.clone();
            let gathered = tokio::task::spawn_blocking(move || gather(holder.document(), &plans, &base)).await;
            let outcome = match gathered {
                Ok(Ok((json, texts))) => control.import(json, texts).await.map_err(|refusal| refusal.in_words()),
                Ok(Err(why)) => Err(why),
                Err(error) => Err(error.to_string()),
            };
            let _ = done.send(Imported { outcome: outcome.map(|done| done.revision), again: done.clone() });
        });
    }

    pub(super) fn imported(&mut self, Imported { outcome, again }: Imported) {
        self.importing = false;
        let was_late = std::mem::take(&mut self.was_late);
        self.tidy.stir(clock::now().mono_ms);
        match outcome {
            Ok(revision) => {
                tracing::info!(
                    revision,
                    "imported the fleet and its zones: the store is the truth from now on, and the files are not read again"
                );
                if was_late {
                    tracing::warn!(
                        "the files changed while they were imported, and what counts is what was imported; `meridian apply -f` makes the node match them"
                    );
                }
                self.fleet_files.clear();
                self.watch();
            }
            Err(why) => {
                tracing::error!("the fleet could not be imported, so the files go on being read: {why}");
                (self.import, self.is_unread) = (Some(again), true);
                if was_late {
                    self.reload(false);
                }
            }
        }
    }
}

/// A fleet's document, and its zones' texts by key.
pub(super) type Gathered = (Value, Vec<(String, Vec<u8>)>);

/// The document without paths, and the text of each zone. Errors are sentences.
pub(super) fn gather(mut json: Value, plans: &[Arc<ZonePlan>], base: &Path) -> Result<Gathered, String> {
    let mut texts = Vec::with_capacity(plans.len());
    for plan in plans {
        if let Source::File(path) = &plan.source {
            texts.push((shown(&plan.name), whole(plan, path)?));
        }
    }
    for (list, path_key, key) in
        [("zone", "file", None), ("check", "password_file", Some("password")), ("key", "secret_file", Some("secret"))]
    {
        for object in json.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
            let Some(Value::String(path)) = object.shift_remove(path_key) else { continue };
            if let Some(key) = key {
                let bytes = files::read(&base.join(&path)).map_err(|why| format!("{path}: {why}"))?;
                let text = String::from_utf8(bytes).map_err(|_| format!("{path}: is not text"))?;
                object.insert(key.into(), text.trim_end_matches(['\n', '\r']).into());
            }
        }
    }
    Ok((json, texts))
}

/// A zone's file as it is; where it includes others, what they come to.
fn whole(plan: &ZonePlan, path: &Path) -> Result<Vec<u8>, String> {
    let text = files::read(path).map_err(|why| format!("{}: {why}", path.display()))?;
    let has_includes = text.split(|byte| *byte == b'\n').any(|line| line.to_ascii_lowercase().starts_with(b"$include"));
    if !has_includes {
        return Ok(text);
    }
    let (sheet, problems) = Sheet::read(&plan.name, &path.display().to_string(), &text, &mut Includes::of(path));
    let why = || problems.iter().find(|problem| problem.is_error()).map_or_else(String::new, Problem::to_string);
    sheet.map(|sheet| sheet.text().into_bytes()).ok_or_else(why)
}
