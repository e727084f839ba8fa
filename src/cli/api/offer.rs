//! A change is shown before it is made.

use super::client::Client;
use super::diff::Effect;
use super::output::{Paint, print, print_json};
use super::trouble::{Result, Trouble};
use crate::cli::{NOT_CONFIRMED, say};
use serde_json::Value;
use std::io::{BufRead, IsTerminal, Write};

/// How a change is made.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(in crate::cli) struct Changing {
    /// Show what would change, and change nothing; the exit status is 3 if something would
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Also if a zone, or more than half of a zone's records or a set's panels, goes away
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

impl Changing {
    pub(in crate::cli) fn query(self) -> Vec<(&'static str, String)> {
        let flags = [("dry_run", self.dry_run), ("force", self.force)];
        flags.into_iter().filter(|(_, on)| *on).map(|(key, _)| (key, "true".to_owned())).collect()
    }
}

/// Whether the operator is asked.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(in crate::cli) struct Confirming {
    /// Do not ask
    #[arg(long, short)]
    pub(in crate::cli) yes: bool,
}

/// Shows what would change and asks whether it shall. Err(exit status): it shall not, or need not.
pub(in crate::cli) fn offer(client: &Client, effect: &Value, dry_run: bool, confirming: Confirming) -> Result<std::result::Result<(), u8>> {
    let nothing = Effect(effect).is_empty();
    if client.json && (nothing || dry_run || !confirming.yes) {
        print_json(effect)?;
    } else if !client.json {
        print(&Effect(effect).text(Paint::of_stdout()))?;
    }
    if nothing {
        return Ok(Err(0));
    }
    if dry_run {
        return Ok(Err(NOT_CONFIRMED));
    }
    if confirming.yes {
        return Ok(Ok(()));
    }
    let (input, output) = (std::io::stdin(), std::io::stderr());
    if client.json || !input.is_terminal() || !output.is_terminal() {
        say("meridian: nothing was changed: there is no terminal to ask on; --yes makes the change");
        return Ok(Err(NOT_CONFIRMED));
    }
    let _ = write!(output.lock(), "Make this change? [y/N] ");
    let mut answer = String::new();
    input.lock().read_line(&mut answer).map_err(|error| Trouble::failed(format!("the answer cannot be read: {error}")))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(Ok(()));
    }
    say("meridian: nothing was changed");
    Ok(Err(NOT_CONFIRMED))
}

/// Tells what came of a change, or of a dry run, of one object; `sentence` says it in words.
pub(in crate::cli) fn applied(client: &Client, changing: Changing, answer: &Value, sentence: &str) -> Result<u8> {
    if client.json {
        print_json(answer)?;
    } else if changing.dry_run {
        print(&Effect(answer).text(Paint::of_stdout()))?;
    } else {
        print(&format!("{sentence}\n"))?;
    }
    Ok(if changing.dry_run && !Effect(answer).is_empty() { NOT_CONFIRMED } else { 0 })
}
