//! A command that prints a number.

use crate::agent::leash::Leash;
use crate::clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A number and what a chatty script says before it.
const MAX_OUTPUT: usize = 64 << 10;

/// The number in the last line it prints. It has a process group of its own, which ends with it.
pub(super) fn number(line: &str, patience: Duration, leash: &Leash) -> Result<f64, String> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]).process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = leash.start(&mut command).map_err(|error| format!("it cannot be started: {error}"))?;
    let printed = watch(&mut child, patience);
    leash.kill(&child);
    let status = child.wait().map_err(|error| format!("it cannot be waited for: {error}"))?;
    let printed = printed?;
    match status.success() {
        true => last_number(&printed),
        false => Err(format!("it ended with {status}")),
    }
}

/// What it prints until it ends; what it left running is not waited for.
fn watch(child: &mut Child, patience: Duration) -> Result<Vec<u8>, String> {
    let told = |error: rustix::io::Errno| format!("it cannot be watched: {error}");
    let until_ms = clock::now().mono_ms + patience.as_millis() as u64;
    let mut out = child.stdout.take().ok_or("it cannot be heard")?;
    let end: OwnedFd = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).map_err(told)?;
    let mut printed = Vec::new();
    let mut is_open = true;
    loop {
        let left_ms = until_ms.saturating_sub(clock::now().mono_ms);
        if left_ms == 0 {
            return Err(format!("it did not end within {} ms", patience.as_millis()));
        }
        let left = Timespec { tv_sec: (left_ms / 1000) as i64, tv_nsec: (left_ms % 1000 * 1_000_000) as _ };
        let mut ears = vec![PollFd::new(&end, PollFlags::IN)];
        if is_open {
            ears.push(PollFd::new(&out, PollFlags::IN));
        }
        match poll(&mut ears, Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(told(error)),
        }
        let has_ended = !ears[0].revents().is_empty();
        let has_more = ears.get(1).is_some_and(|ear| !ear.revents().is_empty());
        drop(ears);
        if has_more {
            is_open = hear(&mut out, &mut printed)?;
        } else if has_ended {
            return Ok(printed);
        }
    }
}

/// False at the end of it.
fn hear(out: &mut ChildStdout, printed: &mut Vec<u8>) -> Result<bool, String> {
    let mut part = [0; 4096];
    let read = match out.read(&mut part) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
        read => read.map_err(|error| format!("it cannot be heard: {error}"))?,
    };
    printed.extend_from_slice(&part[..read]);
    match printed.len() > MAX_OUTPUT {
        true => Err(format!("it prints more than {} KiB", MAX_OUTPUT >> 10)),
        false => Ok(read > 0),
    }
}

fn last_number(printed: &[u8]) -> Result<f64, String> {
    let text = String::from_utf8_lossy(printed);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).ok_or("it prints nothing")?;
    let number = last.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "the last line it prints is not a number from 0 up".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn run(line: &str) -> Result<f64, String> {
        number(line, LONG, &Leash::default())
    }

    #[test]
    fn the_last_line_is_the_number() {
        for (line, expected) in [("echo 312", 312.0), ("echo a; echo ' 1.5 '; echo", 1.5), ("printf 7", 7.0), ("echo 1e3", 1000.0)] {
            assert_eq!(run(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn anything_else_is_told() {
        for (line, expected) in [
            ("true", "prints nothing"),
            ("echo many", "not a number"),
            ("echo -1", "not a number"),
            ("echo NaN", "not a number"),
            ("echo inf", "not a number"),
            ("echo 1; exit 3", "exit status: 3"),
            ("kill -9 $$", "signal: 9"),
            ("no-such-command-here", "127"),
            ("yes", "more than 64 KiB"),
            ("head -c 70000 /dev/zero", "more than 64 KiB"),
        ] {
            let error = run(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn what_it_leaves_behind_is_not_waited_for_and_ends() {
        let printed = std::env::temp_dir().join(format!("meridian-left-{}", std::process::id()));
        let line = format!("sleep 600 & echo $! > {}; echo 5", printed.display());
        assert_eq!(run(&line), Ok(5.0));
        assert_gone(&printed);
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children() {
        let printed = std::env::temp_dir().join(format!("meridian-hangs-{}", std::process::id()));
        let line = format!("sleep 600 & echo $! > {}; wait", printed.display());
        // However busy the machine is, at some length the shell has come to its first line.
        let mut patience = Duration::from_millis(100);
        loop {
            let error = number(&line, patience, &Leash::default()).unwrap_err();
            assert_eq!(error, format!("it did not end within {} ms", patience.as_millis()));
            if std::fs::read_to_string(&printed).is_ok_and(|text| text.ends_with('\n')) {
                break;
            }
            patience *= 2;
        }
        assert_gone(&printed);
    }

    #[test]
    fn nothing_is_started_after_the_end() {
        let leash = Leash::default();
        leash.end();
        assert!(number("echo 1", LONG, &leash).unwrap_err().contains("cannot be started"));
    }

    /// Waits for the process whose number is in the file to be gone, or to wait for its new parent.
    fn assert_gone(file: &std::path::Path) {
        let pid: u32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        std::fs::remove_file(file).unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).ok().filter(|stat| !stat.contains(") Z "));
        while let Some(stat) = state() {
            // It is the shell's until it has become the sleep.
            assert!(stat.contains("(sleep)") || stat.contains("(sh)"), "the number is another's: {stat}");
            std::thread::yield_now();
        }
    }
}
