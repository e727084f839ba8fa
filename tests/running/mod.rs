//! A running process, its log, and ports for it.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// When a test gives up on what should have come. Nothing takes a tenth of it unless it is broken.
pub(crate) const SOON: Duration = Duration::from_secs(40);

/// Dropping it kills the process; a panic in its log fails the test.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.heard.extend(self.lines.iter());
        assert!(std::thread::panicking() || !self.heard.iter().any(|line| line.contains("panicked")), "{}", self.heard.join("\n"));
    }
}

impl Running {
    pub(crate) fn spawn(mut command: Command) -> Self {
        // The pipe on stdin keeps nothing alive; it only keeps the terminal out.
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { child, lines, heard: Vec::new() }
    }

    /// Waits until the log has a line with `text`, counted from where the last wait ended.
    pub(crate) fn hears(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(SOON) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(why) => panic!("`{text}` does not come ({why}); the log:\n{}", self.heard.join("\n")),
            }
        }
    }

    /// Waits for the end, and gives the exit status and the whole log.
    pub(crate) fn ended(mut self) -> (i32, String) {
        loop {
            match self.lines.recv_timeout(SOON) {
                Ok(line) => self.heard.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(why) => panic!("it does not end ({why}); the log:\n{}", self.heard.join("\n")),
            }
        }
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), self.heard.join("\n"))
    }

    /// Kill -9, and the whole log.
    #[allow(dead_code, reason = "not every test program kills by itself")]
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.heard.extend(self.lines.iter());
        self.heard.join("\n")
    }

    #[allow(dead_code, reason = "not every test program sends signals")]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    #[allow(dead_code, reason = "not every test program needs it")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

/// A port of the address that is free for UDP and TCP alike.
pub(crate) fn free(ip: Ipv4Addr) -> SocketAddr {
    loop {
        let udp = UdpSocket::bind((ip, 0)).unwrap();
        let address = udp.local_addr().unwrap();
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Two of them: chance may give the same port twice.
pub(crate) fn two(ip: Ipv4Addr) -> [SocketAddr; 2] {
    let first = free(ip);
    [first, std::iter::repeat_with(|| free(ip)).find(|second| *second != first).unwrap()]
}
