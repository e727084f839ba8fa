//! A test runs again, alone in a network namespace.

use std::process::Command;

const MARK: &str = "MERIDIAN_TEST_INSIDE";

/// True: this is the inner run. False: that was run here, and all is well.
pub(crate) fn inside(test: &str) -> bool {
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let mut command = Command::new("unshare");
    // Users are mapped, so that whoever may make namespaces need not be root.
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    command.arg(std::env::current_exe().unwrap()).args([test, "--exact", "--include-ignored", "--nocapture"]);
    let output = command.env(MARK, "1").output().expect("unshare; Debian has it in the package util-linux");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let hint = "this needs a network namespace (`unshare --user --map-root-user --net true` makes one) and iproute2";
    assert!(out.contains("running 1 test"), "{error}\n{hint}");
    assert!(output.status.success() && out.contains("1 passed"), "{out}{error}");
    print!("{out}");
    false
}

/// `ip`, in this namespace.
pub(crate) fn ip(arguments: &str) {
    run("ip", arguments);
}

/// `ip`, in the namespace of a process.
pub(crate) fn ip_of(process: u32, arguments: &str) {
    run("nsenter", &format!("--target {process} --net ip {arguments}"));
}

fn run(program: &str, arguments: &str) {
    let output = Command::new(program).args(arguments.split(' ')).output().expect("ip; Debian has it in the package iproute2");
    assert!(output.status.success(), "{program} {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
