//! How the node tells what it does: on stderr, for people or for machines.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people, in colour on a terminal.
    Auto,
    /// For people, without colour.
    Human,
    /// One JSON object a line.
    Json,
}

/// The error is a sentence for the operator.
pub(super) fn start(format: LogFormat) -> Result<(), String> {
    let filter = filter(["MERIDIAN_LOG", "RUST_LOG"].map(|name| (name, std::env::var(name).ok())))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Human => builder.with_ansi(false).with_target(false).try_init(),
        LogFormat::Auto => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
    };
    started.map_err(|error| format!("the log cannot be started: {error}"))
}

/// The first variable that is set wins; none means `info`.
fn filter<'a>(variables: impl IntoIterator<Item = (&'a str, Option<String>)>) -> Result<EnvFilter, String> {
    let set = variables.into_iter().find_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    let Some((name, value)) = set else { return Ok(EnvFilter::new("info")) };
    EnvFilter::try_new(&value).map_err(|error| format!("{name}: {error}; write a level such as info or debug, or meridian=debug"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_wins() {
        let filter = |first: Option<&str>, second: Option<&str>| {
            filter([("MERIDIAN_LOG", first.map(String::from)), ("RUST_LOG", second.map(String::from))]).map(|filter| filter.to_string())
        };
        assert_eq!(filter(None, None).unwrap(), "info");
        assert_eq!(filter(Some("debug"), Some("error")).unwrap(), "debug");
        assert_eq!(filter(Some(""), Some("error")).unwrap(), "error");
        assert!(filter(Some("meridian=loud"), None).unwrap_err().starts_with("MERIDIAN_LOG: "));
    }
}
