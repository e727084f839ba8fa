//! `meridian completions`

use super::Arguments;
use super::api::{Result, Trouble, finish, print};
use clap::CommandFactory;
use clap_complete::Shell;
use std::process::ExitCode;

/// Print the script by which a shell completes commands and options.
///
/// For bash: meridian completions bash > /etc/bash_completion.d/meridian
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    shell: Shell,
}

pub(super) fn completions(args: CompletionsArgs) -> ExitCode {
    finish(false, script(args.shell).and_then(|script| print(&script)).map(|()| 0))
}

fn script(shell: Shell) -> Result<String> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "meridian", &mut script);
    String::from_utf8(script).map_err(|_| Trouble::failed("the script is not text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let script = script(*shell).unwrap();
            for command in Arguments::command().get_subcommands().map(clap::Command::get_name) {
                assert!(script.contains(command), "{shell}: {command}");
            }
        }
    }
}
