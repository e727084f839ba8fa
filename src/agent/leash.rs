//! The commands that run for the agent: none of them outlives it.

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::{Child, Command};

/// Holds the process groups that run. Nothing is started once it has ended.
#[derive(Debug, Default)]
pub(super) struct Leash(Mutex<Groups>);

#[derive(Debug, Default)]
struct Groups {
    running: Vec<Pid>,
    has_ended: bool,
}

impl Leash {
    /// The command must make a process group of its own.
    pub(super) fn start(&self, command: &mut Command) -> io::Result<Child> {
        let mut groups = self.0.lock();
        if groups.has_ended {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let child = command.spawn()?;
        groups.running.push(Pid::from_child(&child));
        Ok(child)
    }

    /// Kills it with all that it started; to be called before it is waited for, while the number is still its own.
    pub(super) fn kill(&self, child: &Child) {
        let group = Pid::from_child(child);
        let mut groups = self.0.lock();
        groups.running.retain(|running| *running != group);
        let _ = kill_process_group(group, Signal::KILL);
    }

    pub(super) fn end(&self) {
        let mut groups = self.0.lock();
        groups.has_ended = true;
        for group in groups.running.drain(..) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
