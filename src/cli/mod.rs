//! The command line.
//!
//! Owns   the commands, one file each, and what is printed to whom.
//! Takes  arguments, files, and what a node answers through its API.
//! Gives  the exit status, as `--help` tells it.
//! Never  decides anything about DNS: it reads, hands over and prints.

mod agent;
mod api;
mod apply;
mod aside;
mod backup;
mod check;
mod completions;
mod delete;
mod demo;
mod explain;
mod export;
mod files;
mod gather;
mod get;
mod history;
mod log;
mod panel;
mod reload;
mod restore;
mod revert;
mod serve;
mod set;
mod state;
mod status;
mod token;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// An authoritative DNS server that answers with the nearest panel that can serve the client.
///
/// Commands that talk to a node find it by --url, MERIDIAN_URL, or the config of this machine's node, and take their token from
/// --token-file, MERIDIAN_TOKEN, or the admin token in that node's data directory.
#[derive(Debug, Parser)]
#[command(name = "meridian", version, arg_required_else_help = true, max_term_width = 100, after_help = EXIT_STATUS)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Demo(demo::DemoArgs),
    Check(check::CheckArgs),
    Reload(reload::ReloadArgs),
    Status(status::StatusArgs),
    Explain(explain::ExplainArgs),
    Apply(apply::ApplyArgs),
    Export(export::ExportArgs),
    Get(get::GetArgs),
    Set(set::SetArgs),
    Delete(delete::DeleteArgs),
    Drain(state::DrainArgs),
    Disable(state::DisableArgs),
    Enable(state::EnableArgs),
    Clear(state::ClearArgs),
    History(history::HistoryArgs),
    Audit(history::AuditArgs),
    Revert(revert::RevertArgs),
    Token(token::TokenArgs),
    Agent(agent::AgentArgs),
    Backup(backup::BackupArgs),
    Restore(restore::RestoreArgs),
    Completions(completions::CompletionsArgs),
    #[command(hide = true)]
    Panel(panel::PanelArgs),
}

const EXIT_STATUS: &str = "\
Exit status:
  0  done, or nothing to do
  1  refused by the node, or failed
  2  wrong input: arguments, meridian.toml, fleet.toml, zones
  3  not confirmed, so nothing was changed; or a dry run that would change something
  4  the node cannot be reached
  5  no token, or one that does not allow it";

pub fn run() -> ExitCode {
    // On wrong arguments clap prints what is wrong and leaves with 2.
    match Arguments::parse().command {
        Command::Serve(args) => serve::serve(args),
        Command::Demo(args) => demo::demo(args),
        Command::Check(args) => check::check(args),
        Command::Reload(args) => reload::reload(args),
        Command::Status(args) => status::status(args),
        Command::Explain(args) => explain::explain(args),
        Command::Apply(args) => apply::apply(args),
        Command::Export(args) => export::export(args),
        Command::Get(args) => get::get(args),
        Command::Set(args) => set::set(args),
        Command::Delete(args) => delete::delete(args),
        Command::Drain(args) => state::drain(args),
        Command::Disable(args) => state::disable(args),
        Command::Enable(args) => state::enable(args),
        Command::Clear(args) => state::clear(args),
        Command::History(args) => history::history(args),
        Command::Audit(args) => history::audit(args),
        Command::Revert(args) => revert::revert(args),
        Command::Token(args) => token::token(args),
        Command::Agent(args) => agent::agent(args),
        Command::Backup(args) => backup::backup(args),
        Command::Restore(args) => restore::restore(args),
        Command::Completions(args) => completions::completions(args),
        Command::Panel(args) => panel::panel(args),
    }
}

/// A line for the operator. Who closed stderr does not hear it, and the exit status says it all the same.
fn say(what: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// The node refused it, or it could not be done.
const FAILED: u8 = 1;
/// Wrong input: arguments, meridian.toml, fleet.toml, zones.
const WRONG_INPUT: u8 = 2;
/// The operator has not said yes, so nothing was changed; or a dry run that would change something.
const NOT_CONFIRMED: u8 = 3;
/// No node answers.
const UNREACHABLE: u8 = 4;
/// No token, or one that does not allow it.
const UNAUTHORIZED: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed() {
        Arguments::command().debug_assert();
    }
}
