//! The demo as somebody tries it: what it prints is typed, and its end leaves nothing behind.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

#[path = "running/mod.rs"]
#[allow(dead_code, reason = "only ports are wanted of it")]
mod running;

/// A directory for the demo's directory, and addresses that nobody else has.
struct Place {
    home: PathBuf,
    dns: SocketAddr,
    admin: SocketAddr,
    panels_port: u16,
}

impl Place {
    fn new(name: &str) -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("demo-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(home.join("temporary")).unwrap();
        let ip = Ipv4Addr::new(127, 89, std::process::id() as u8, COUNT.fetch_add(1, Ordering::Relaxed));
        let [dns, admin] = running::two(ip);
        Self { home, dns, admin, panels_port: panels_port() }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.arg("demo").args(["--dns", &self.dns.to_string(), "--admin", &self.admin.to_string()]);
        command.args(["--panels-port", &self.panels_port.to_string()]);
        for name in ["MERIDIAN_LOG", "RUST_LOG", "MERIDIAN_ADMIN_TOKEN", "NOTIFY_SOCKET"] {
            command.env_remove(name);
        }
        command.env("TMPDIR", self.home.join("temporary")).current_dir(&self.home);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn start(&self) -> Demo {
        Demo::of(self.command(Path::new(env!("CARGO_BIN_EXE_meridian"))))
    }

    /// A whole script, and what came of it.
    fn script(&self, program: &Path, script: &str) -> Output {
        let mut child = self.command(program).spawn().unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What the demo leaves behind.
    fn left(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.home.join("temporary")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

struct Demo {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    welcome: Vec<String>,
}

impl Demo {
    /// Reads up to the list of commands.
    fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut demo = Self { child, to, from, welcome: Vec::new() };
        while !demo.welcome.last().is_some_and(|line| line.contains("heal fra1")) {
            let line = demo.hear();
            demo.welcome.push(line);
        }
        demo
    }

    /// The next line; there must be one.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        if self.from.read_line(&mut line).unwrap() == 0 {
            let mut error = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
            panic!("it has ended: {error}");
        }
        line.trim_end().into()
    }

    fn hear_of(&mut self, text: &str) -> String {
        std::iter::repeat_with(|| self.hear()).find(|line| line.contains(text)).unwrap()
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.to.as_ref().unwrap(), "{line}").unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit status, and what it complained of.
    fn ended(mut self) -> (Option<i32>, String) {
        std::io::copy(&mut self.from, &mut std::io::sink()).unwrap();
        let mut error = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (self.child.wait().unwrap().code(), error)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Free at all panels' addresses.
fn panels_port() -> u16 {
    let is_free = |port: &u16| (1..=5).all(|last| TcpListener::bind((Ipv4Addr::new(127, 0, 1, last), *port)).is_ok());
    std::iter::repeat_with(|| running::free(Ipv4Addr::new(127, 0, 1, 1)).port()).find(is_free).unwrap()
}

fn typed(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn status_of(place: &Place, panel: u8) -> String {
    let url = format!("http://127.0.1.{panel}:{}/health", place.panels_port);
    let output = Command::new("curl").args(["-q", "-s", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", &url]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_it_prints_works_as_typed_and_quit_leaves_nothing_behind() {
    let place = Place::new("typed");
    let mut demo = place.start();
    let commands: Vec<String> = demo.welcome.iter().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned).collect();
    let of = |program: &str| commands.iter().filter(|line| line.starts_with(program)).map(String::as_str).collect::<Vec<_>>();
    let digs = of("dig ");
    for (line, city, address) in [(digs[0], "# Paris: fra1", "127.0.1.1"), (digs[1], "# New York: nyc1", "127.0.1.3")] {
        assert!(line.ends_with(city), "{line}");
        let answer = typed(line);
        let found = answer.lines().find(|line| line.starts_with("live.panels.example.") && line.ends_with(&format!("\tA\t{address}")));
        assert!(found.is_some() && answer.contains("CLIENT-SUBNET"), "{answer}");
    }
    let curls = of("curl ");
    assert!(typed(curls[0]).contains("\nlow/index.m3u8\n"));
    assert!(typed(curls[1]).contains("\"127.0.1.1\""));
    let status = commands.iter().find(|line| line.contains(" status --url ")).unwrap();
    assert!(typed(status).contains("node ns1 ready"));
    demo.tell("who new york");
    assert_eq!(demo.hear_of("who new york"), "> who new york");
    assert!(demo.hear().starts_with("  New York     nyc1 (127.0.1.3), TTL "));
    demo.tell("burn fra1");
    assert!(demo.hear_of("no mode").starts_with("`burn` is no mode"));
    let [home] = place.left().try_into().unwrap();
    assert_eq!(std::fs::metadata(home).unwrap().permissions().mode() & 0o777, 0o700);
    demo.tell("quit");
    let (status, error) = demo.ended();
    assert_eq!((status, place.left()), (Some(0), vec![]), "{error}");
}

#[test]
fn answers_that_move_are_shown_with_whose_they_are() {
    let place = Place::new("moves");
    let mut demo = place.start();
    demo.tell("kill fra1");
    let moved = demo.hear_of("Paris        fra1 -> ");
    assert!(moved.contains("-> ams1 (127.0.1.2), TTL "), "{moved}");
    demo.tell("who paris");
    assert!(demo.hear_of("  Paris        ams1 (127.0.1.2), ").contains("+subnet=212.27.48.0/24"));
    demo.tell("heal fra1");
    let back = demo.hear_of("Paris        ams1 -> ");
    assert!(back.contains("-> fra1 (127.0.1.1), TTL "), "{back}");
    // Full: others take its clients.
    demo.tell("overload fra1");
    let moved = demo.hear_of("Paris        fra1 -> ");
    assert!(moved.contains("-> ams1 (127.0.1.2), TTL "), "{moved}");
    demo.tell("quit");
    assert_eq!(demo.ended().0, Some(0));
}

#[test]
fn a_command_breaks_its_panel_and_a_signal_ends_it_all() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new("signal");
        let mut demo = place.start();
        assert_eq!((status_of(&place, 1), status_of(&place, 2)), ("200".into(), "200".into()));
        demo.tell("status fra1 503");
        while status_of(&place, 1) != "503" {}
        assert_eq!(status_of(&place, 2), "200");
        // While the script waits for answers to move.
        demo.signal(signal);
        let (status, error) = demo.ended();
        assert_eq!((status, place.left(), status_of(&place, 2)), (Some(0), vec![], "000".into()), "{error}");
    }
}

#[test]
fn a_script_ends_with_its_last_line_and_needs_no_checkout() {
    let place = Place::new("script");
    // So deep that no database lies above it.
    let deep = place.home.join("a/b/c");
    std::fs::create_dir_all(&deep).unwrap();
    let program = deep.join("meridian");
    std::fs::hard_link(env!("CARGO_BIN_EXE_meridian"), &program).unwrap();
    let output = place.script(&program, "# a comment\nwho paris\nwait 0\nwho new york\nheal\n");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), place.left()), (Some(0), vec![]), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("There is no database of places here"), "{said}");
    let answers: Vec<&str> = said.split("\n> ").skip(1).collect();
    assert!(answers[1].contains("  Paris        fra1 (127.0.1.1), ") && answers[3].contains("  New York     nyc1 (127.0.1.3), "), "{said}");
}

#[test]
fn with_nothing_to_read_it_runs_until_a_signal() {
    let place = Place::new("nothing");
    let mut command = place.command(Path::new(env!("CARGO_BIN_EXE_meridian")));
    command.stdin(Stdio::null());
    let demo = Demo::of(command);
    let dig = demo.welcome.iter().find_map(|line| line.strip_prefix("  dig ")).unwrap();
    assert!(typed(&format!("dig {dig}")).contains("\tA\t127.0.1.1"));
    demo.signal(Signal::TERM);
    assert_eq!((demo.ended().0, place.left()), (Some(0), vec![]));
}

#[test]
fn an_address_that_is_taken_is_told_with_what_to_do() {
    let place = Place::new("taken");
    let panel = SocketAddr::from(([127, 0, 1, 3], place.panels_port));
    for (taken, option) in [(place.dns, "--dns"), (place.admin, "--admin"), (panel, "--panels-port")] {
        let held = TcpListener::bind(taken).unwrap();
        let output = place.script(Path::new(env!("CARGO_BIN_EXE_meridian")), "");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), place.left()), (Some(1), vec![]), "{error}");
        let expected = format!("can't listen at {taken}: Address already in use");
        assert!(error.starts_with("meridian: ") && error.contains(&expected) && error.contains(&format!("{option} ")), "{error}");
        drop(held);
    }
}
