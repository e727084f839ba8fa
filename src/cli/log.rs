//! How the node tells what it does: on stderr, for people or for machines.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;
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

/// Lines kept for a reader that is slow. What comes beyond is left out and counted: a log that nobody reads must not stop a node.
const KEPT_LINES: usize = 16_384;
/// What is still kept at the end is waited for so long.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The log while it runs; at its end what was said is written.
#[derive(Debug)]
pub(super) struct Log(Lines);

/// `usual` is the level where the environment names none. The error is a sentence for the operator.
pub(super) fn start(format: LogFormat, usual: &str) -> Result<Log, String> {
    let filter = filter(["MERIDIAN_LOG", "RUST_LOG"].map(|name| (name, std::env::var(name).ok())), usual)?;
    let failed = |error: String| format!("the log cannot be started: {error}");
    let lines = write_to(io::stderr(), format).map_err(|error| failed(error.to_string()))?;
    let writer = lines.clone();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone());
    let started = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Human => builder.with_ansi(false).with_target(false).try_init(),
        LogFormat::Auto => builder.with_ansi(io::stderr().is_terminal()).with_target(false).try_init(),
    };
    started.map_err(|error| failed(error.to_string()))?;
    Ok(Log(lines))
}

impl Drop for Log {
    fn drop(&mut self) {
        let (done, written) = sync_channel(1);
        // A full queue means that nobody reads: there is nothing to wait for.
        if self.0.send(Line::End(done)) {
            let _ = written.recv_timeout(LAST_WORDS);
        }
    }
}

enum Line {
    Text(Vec<u8>),
    End(SyncSender<()>),
}

/// Takes lines and never waits.
#[derive(Clone, Debug)]
struct Lines {
    to: Sender<Line>,
    /// Lines in the queue. It has no bound of its own: one that has takes all its room from the start.
    kept: Arc<AtomicUsize>,
    lost: Arc<AtomicU64>,
}

impl Lines {
    /// False: there is no room, or nobody to take it.
    fn send(&self, line: Line) -> bool {
        if self.kept.fetch_add(1, Relaxed) < KEPT_LINES && self.to.send(line).is_ok() {
            return true;
        }
        self.kept.fetch_sub(1, Relaxed);
        false
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !self.send(Line::Text(line.to_vec())) {
            self.lost.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A thread that writes, so that only it waits for whoever reads. When nobody does any more the lines are gone, and nothing else.
fn write_to(mut out: impl Write + Send + 'static, format: LogFormat) -> io::Result<Lines> {
    let (to, lines) = channel();
    let kept = Arc::new(AtomicUsize::new(0));
    let in_queue = Arc::clone(&kept);
    let lost = Arc::new(AtomicU64::new(0));
    let left_out = Arc::clone(&lost);
    thread::Builder::new().name("log".into()).spawn(move || {
        for line in lines {
            in_queue.fetch_sub(1, Relaxed);
            match line {
                Line::Text(text) => drop(out.write_all(&text)),
                Line::End(done) => drop(done.send(())),
            }
            let lost = left_out.swap(0, Relaxed);
            if lost > 0 {
                let what = format!(
                    "{lost} lines of the log were left out: they came faster than they were read; `meridian check` names every problem"
                );
                let _ = match format {
                    LogFormat::Json => writeln!(out, "{}", serde_json::json!({ "level": "WARN", "message": what })),
                    LogFormat::Human | LogFormat::Auto => writeln!(out, "WARN {what}"),
                };
            }
        }
    })?;
    Ok(Lines { to, kept, lost })
}

/// The first variable that is set wins; none means `usual`.
fn filter<'a>(variables: impl IntoIterator<Item = (&'a str, Option<String>)>, usual: &str) -> Result<EnvFilter, String> {
    let set = variables.into_iter().find_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    let Some((name, value)) = set else { return Ok(EnvFilter::new(usual)) };
    EnvFilter::try_new(&value).map_err(|error| format!("{name}: {error}; write a level such as info or debug, or meridian=debug"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_waits_or_goes_stops_nobody() {
        let (reader, writer) = io::pipe().unwrap();
        let mut lines = write_to(writer, LogFormat::Human).unwrap();
        let long = [b'x'; 1024];
        // More than the pipe and the queue hold.
        for _ in 0..2 * KEPT_LINES {
            assert_eq!(lines.write(&long).unwrap(), long.len());
        }
        assert!(lines.lost.load(Relaxed) > 0);
        drop(reader);
        assert_eq!(lines.write(&long).unwrap(), long.len());
    }

    #[test]
    fn the_first_variable_wins() {
        let filter = |first: Option<&str>, second: Option<&str>| {
            filter([("MERIDIAN_LOG", first.map(String::from)), ("RUST_LOG", second.map(String::from))], "info")
                .map(|filter| filter.to_string())
        };
        assert_eq!(filter(None, None).unwrap(), "info");
        assert_eq!(filter(Some("debug"), Some("error")).unwrap(), "debug");
        assert_eq!(filter(Some(""), Some("error")).unwrap(), "error");
        assert!(filter(Some("meridian=loud"), None).unwrap_err().starts_with("MERIDIAN_LOG: "));
    }
}
