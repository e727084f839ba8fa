//! A simulated panel in a process of its own, on this host or on one that can vanish.

use crate::inside::{ip, ip_of};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Of all streams here. Playlists say 1 s as target.
const SEGMENT_MS: &str = "1000";

/// Dropping it kills the process.
pub(crate) struct Panel {
    arguments: Vec<String>,
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Panel {
    pub(crate) fn start(name: &str, listen: &[String], more: &[String]) -> Self {
        let mut arguments = vec!["panel".to_owned(), "--name".into(), name.into(), "--segment-ms".into(), SEGMENT_MS.into()];
        listen.iter().for_each(|address| arguments.extend(["--listen".to_owned(), address.clone()]));
        arguments.extend_from_slice(more);
        let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
        command.args(&arguments);
        let mut panel = Self::of(command, arguments);
        panel.hear();
        panel
    }

    /// On a host of its own, which is 10.9.`host`.2; from there this one is 10.9.`host`.1.
    pub(crate) fn start_far(name: &str, host: u8, port: u16) -> Self {
        let mut command = Command::new("unshare");
        let set_up = format!("ip link set lo up; ip addr add 10.9.{host}.2/24 dev cable; ip link set cable up");
        let script = format!("echo here; read -r plugged; {set_up}; exec \"$@\"");
        command.args(["--net", "sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_meridian"), "panel", "--name", name]);
        command.args(["--segment-ms", SEGMENT_MS, "--listen", &format!("10.9.{host}.2:{port}")]);
        let mut panel = Self::of(command, Vec::new());
        assert_eq!(panel.hear(), "here");
        ip(&format!("link add far{host} type veth peer name cable netns {}", panel.child.id()));
        ip(&format!("addr add 10.9.{host}.1/24 dev far{host}"));
        ip(&format!("link set far{host} up"));
        writeln!(panel.to, "plugged").unwrap();
        panel.hear();
        panel
    }

    fn of(mut command: Command, arguments: Vec<String>) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { arguments, child, to, from }
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "a panel has ended: {:?}", self.arguments);
        line.trim_end().into()
    }

    /// What is typed to it.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.to, "{line}").unwrap();
        assert_eq!(self.hear(), "ok", "{line}");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// After it was killed: another process at the same addresses.
    pub(crate) fn start_again(&mut self) {
        self.child.wait().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
        command.args(&self.arguments);
        *self = Self::of(command, std::mem::take(&mut self.arguments));
        self.hear();
    }

    /// What it sends to this host gets lost, so all that is sent to it seems to be.
    pub(crate) fn swallow(&self, host: u8, is_on: bool) {
        let verb = if is_on { "add" } else { "del" };
        ip_of(self.child.id(), &format!("route {verb} blackhole 10.9.{host}.1/32"));
    }

    /// Its end of the cable.
    pub(crate) fn plug(&self, is_in: bool) {
        ip_of(self.child.id(), if is_in { "link set cable up" } else { "link set cable down" });
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
