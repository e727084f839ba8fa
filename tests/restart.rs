//! Random changes by the API, and restarts, half of them by kill -9: what is answered before and after is equal, and so it is by a fresh node
//! that was given the export. The driver is Python and knows nothing of the code here.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// `SEED` and `CHANGES` ask for other and for more.
#[test]
fn a_restart_and_an_export_change_no_answer() {
    let from_environment = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("restart");
    // The driver takes this port for DNS, one 2,700 above for the API, and those ten above them for a second node.
    let port =
        (20_000..30_000).step_by(10).map(|port| port + (std::process::id() % 10) as u16).find(|port| is_free(*port)).expect("a free port");
    let output = Command::new("python3")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/restart/driver.py"))
        .arg(env!("CARGO_BIN_EXE_meridian"))
        .args([
            "--seed",
            &from_environment("SEED", "5"),
            "--changes",
            &from_environment("CHANGES", "300"),
            "--every",
            "75",
            "--fresh",
            "150",
        ])
        .args(["--port", &port.to_string(), "--dir"])
        .arg(&home)
        .output()
        .expect("python3");
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
}

fn is_free(port: u16) -> bool {
    [0, 10].iter().all(|n| [port + n, port + 2700 + n].into_iter().all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()))
}
