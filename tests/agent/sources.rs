//! Connections counted where they are: the numbers are those of the connections that the test holds open.

use crate::host::{once, reported, token, until};
use crate::place::{Node, Place};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// From Debian's package of that name; tests/run installs it.
    fn start(program: &str, arguments: &[&str], place: &Place) -> Self {
        let log = std::fs::File::create(place.path(&format!("{}.log", Path::new(program).file_name().unwrap().display()))).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(place.path("")).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap_or_else(|why| panic!("{program}: {why}; tests/run installs it")))
    }
}

/// A viewer between two segments: it was answered, and its connection stays.
fn viewer(at: SocketAddr) -> TcpStream {
    let mut stream = until(&format!("{at}"), || TcpStream::connect(at).ok());
    stream.write_all(b"GET /segment HTTP/1.1\r\nHost: panel\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&answer));
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 204"), "{}", String::from_utf8_lossy(&answer));
    stream
}

fn free(place: &Place) -> SocketAddr {
    TcpListener::bind((place.admin.ip(), 0)).unwrap().local_addr().unwrap()
}

#[track_caller]
fn counts(node: &Node<'_>, sources: &[&str], expected: u64) {
    let arguments: Vec<&str> = sources.iter().flat_map(|source| ["--connections", *source]).collect();
    let (exit, said) = once(node.place, &arguments);
    assert_eq!(exit, 0, "{said}");
    let reported = reported(node);
    assert_eq!(reported["connections"], expected, "{sources:?}: {reported} {said}");
}

#[test]
fn nginx_counts_its_viewers_and_not_the_agent() {
    let place = Place::new();
    let node = place.start();
    token(&node);
    let at = free(&place);
    let config = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}}\nhttp {{ access_log off; server {{ listen {at};\n\
         location = /stub_status {{ stub_status; }} location / {{ return 204; }} }} }}\n"
    );
    place.write("nginx.conf", &config);
    let prefix = place.path("").display().to_string();
    let _nginx = Server::start("/usr/sbin/nginx", &["-p", &prefix, "-c", "nginx.conf", "-e", "stderr"], &place);
    let source = format!("nginx=http://{at}/stub_status");
    let first = viewer(at);
    counts(&node, &[&source], 1);
    let more: Vec<TcpStream> = (0..6).map(|_| viewer(at)).collect();
    counts(&node, &[&source], 7);
    drop((first, more));
    // A page that is not it is no number, and the rest is reported.
    let (exit, said) = once(&place, &["--connections", &format!("nginx=http://{at}/other")]);
    assert!(exit == 0 && said.contains("it answers 204"), "{exit} {said}");
    let reported = reported(&node);
    assert!(reported["connections"].is_null() && reported["memory"].is_number(), "{reported}");
}

#[test]
fn haproxy_counts_its_viewers_by_socket_and_by_page() {
    let place = Place::new();
    let node = place.start();
    token(&node);
    let (at, page) = (free(&place), free(&place));
    // A path of a socket is short.
    let socket = std::env::temp_dir().join(format!("meridian-haproxy-{}.sock", std::process::id()));
    let config = format!(
        "global\n  stats socket {} mode 600 level user\ndefaults\n  mode http\n  timeout connect 60s\n  timeout client 60s\n  timeout server 60s\n\
         frontend live\n  bind {at}\n  http-request return status 204\n\
         frontend stats\n  bind {page}\n  stats enable\n  stats uri /\n",
        socket.display()
    );
    place.write("haproxy.cfg", &config);
    let haproxy = Server::start("/usr/sbin/haproxy", &["-db", "-f", "haproxy.cfg"], &place);
    let viewers: Vec<TcpStream> = (0..5).map(|_| viewer(at)).collect();
    let by_socket = format!("haproxy={}", socket.display());
    counts(&node, &[&by_socket], 5);
    let by_page = format!("haproxy=http://{page}/;csv");
    counts(&node, &[&by_page], 5);
    counts(&node, &[&by_page, "command=echo 100"], 105);
    drop(viewers);
    drop(haproxy);
    let (exit, said) = once(&place, &["--connections", &by_socket, "--connections", "command=echo 100"]);
    assert!(exit == 0 && said.contains("left out of the reports"), "{exit} {said}");
    assert!(reported(&node)["connections"].is_null(), "half of them would look like room");
    let _ = std::fs::remove_file(socket);
}

#[test]
fn a_port_counts_what_is_connected_to_it_in_both_families() {
    let place = Place::new();
    let node = place.start();
    token(&node);
    // A port that is free in both families.
    let (v4, v6) = until("a port", || {
        let v6 = TcpListener::bind("[::1]:0").unwrap();
        let v4 = TcpListener::bind((place.admin.ip(), v6.local_addr().unwrap().port())).ok()?;
        Some((v4, v6))
    });
    let port = v4.local_addr().unwrap().port();
    let source = format!("ports={port}");
    counts(&node, &[&source], 0);
    let open: Vec<(TcpStream, TcpStream)> = [&v4, &v4, &v4, &v6, &v6]
        .iter()
        .map(|listener| (TcpStream::connect(listener.local_addr().unwrap()).unwrap(), listener.accept().unwrap().0))
        .collect();
    counts(&node, &[&source], 5);
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let second = format!("ports={port},{}", other.local_addr().unwrap().port());
    let _more = (TcpStream::connect(other.local_addr().unwrap()).unwrap(), other.accept().unwrap());
    counts(&node, &[&second], 6);
    drop(open);
    counts(&node, &[&second], 1);
}

#[test]
fn a_report_is_of_this_host_and_a_dry_run_sends_nothing() {
    let place = Place::new();
    let node = place.start();
    token(&node);
    let output = place.run(&["agent", "--dry-run", "--interface", "lo", "--credits", "command=echo 12.5"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let share = |name: &str| printed[name].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share));
    assert!(share("cpu") && share("memory") && printed["bandwidth_mbps"].is_number() && printed["credits"] == 12.5, "{printed}");
    assert!(printed["connections"].is_null() && reported(&node).is_null());
    let output = place.run(&["agent", "--dry-run", "--interface", "none0"]);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "meridian: bandwidth_mbps: there is no interface none0\n");
    let (exit, said) = once(&place, &["--interface", "lo", "--credits", "command=echo 12.5"]);
    assert_eq!(exit, 0, "{said}");
    let reported = reported(&node);
    assert!(["cpu", "memory", "bandwidth_mbps", "credits", "at"].iter().all(|gauge| reported[gauge].is_number()), "{reported}");
}
