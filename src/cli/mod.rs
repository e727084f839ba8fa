//! The command line.
//!
//! Owns   the commands, one file each, and what is printed to whom.
//! Takes  arguments and files.
//! Gives  the exit status: 0 done, 1 failed, 2 wrong input.
//! Never  decides anything about DNS: it reads, hands over and prints.

mod check;
mod explain;
mod files;
mod log;
mod reload;
mod serve;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// An authoritative DNS server that answers with the nearest panel that can serve the client.
#[derive(Debug, Parser)]
#[command(name = "meridian", version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Check(check::CheckArgs),
    Explain(explain::ExplainArgs),
    Reload(reload::ReloadArgs),
}

pub fn run() -> ExitCode {
    // On wrong arguments clap prints what is wrong and leaves with 2.
    match Arguments::parse().command {
        Command::Serve(args) => serve::serve(args),
        Command::Check(args) => check::check(args),
        Command::Explain(args) => explain::explain(args),
        Command::Reload(args) => reload::reload(args),
    }
}

/// A line for the operator. Who closed stderr does not hear it, and the exit status says it all the same.
fn say(what: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// Wrong input: arguments, meridian.toml, fleet.toml, zones.
const WRONG_INPUT: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed() {
        Arguments::command().debug_assert();
    }
}
