//! A fleet in files, made ready for the store: no path is left in it.

use super::files::{self, Includes};
use crate::compile::plan::ZonePlan;
use crate::dns::sheet::Sheet;
use crate::document::Problem;
use crate::fleet::Source;
use crate::fleet::ledger::shown;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

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
