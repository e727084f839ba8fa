//! A panel in a process of its own, so that it can be stopped and killed as processes are.

use super::player::{Line, curl, is_refused};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

struct Process {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    addresses: Vec<SocketAddr>,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
        command.args(["panel", "--name", "fra1"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut process = Self { child, to, from, addresses: Vec::new() };
        process.addresses = process.hear().split(' ').map(|text| text.parse().unwrap()).collect();
        process
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim_end().into()
    }

    fn tell(&mut self, line: &str) -> String {
        writeln!(self.to.as_ref().unwrap(), "{line}").unwrap();
        self.hear()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn status(&self, address: usize) -> u16 {
        curl(&["-g", &format!("http://{}/health", self.addresses[address])]).status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_does_what_it_reads_and_ends_with_what_it_reads() {
    let mut panel = Process::start(&["--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--mode", "status 503"]);
    assert_eq!((panel.status(0), panel.status(1)), (503, 503));
    assert_eq!((panel.tell("heal").as_str(), panel.status(0)), ("ok", 200));
    let six = panel.addresses[1];
    assert_eq!((panel.tell(&format!("{six} kill")).as_str(), panel.status(0)), ("ok", 200));
    assert!(is_refused(six));
    assert!(panel.tell("burn").starts_with("wrong: `burn` is no mode; there are heal, kill"));
    assert_eq!(panel.tell("127.0.0.1:1 kill"), "wrong: 127.0.0.1:1 is no address of fra1");
    assert_eq!(panel.tell("overload"), "ok");
    assert!(curl(&[&format!("http://{}/health", panel.addresses[0])]).text().contains("\"connections\":500"));
    panel.to = None;
    assert!(panel.child.wait().unwrap().success());
    assert!(is_refused(panel.addresses[0]));
}

#[test]
fn a_process_that_is_stopped_is_what_the_mode_says_it_is() {
    let panel = Process::start(&["--listen", "127.0.0.1:0"]);
    panel.signal(Signal::STOP);
    // Until then it may still answer.
    let stopped = waitpid(Some(Pid::from_child(&panel.child)), WaitOptions::UNTRACED).unwrap();
    assert!(stopped.is_some_and(|(_, status)| status.stopped()));
    let mut line = Line::open(panel.addresses[0]);
    line.ask("/health");
    assert!(line.is_silent());
    panel.signal(Signal::CONT);
    assert!(line.hear().0.starts_with("HTTP/1.1 200 OK"));
    panel.signal(Signal::KILL);
    // How a process ends whose socket has nothing left to read: the kernel says so in good manners.
    assert!(line.rest().0.is_empty());
}

#[test]
fn what_cannot_be_listened_at_is_told() {
    let first = Process::start(&["--listen", "127.0.0.1:0"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
    command.args(["panel", "--name", "x", "--listen", &first.addresses[0].to_string()]).stdin(Stdio::null());
    let output = command.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.starts_with(&format!("meridian: can't listen at {}: Address already in use", first.addresses[0])), "{error}");
}
