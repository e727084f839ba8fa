//! An authority, and what it has signed.

use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) const HOST: &str = "live.z.example";

/// `authority.pem` is what is believed, and then a `.pem` and a `.key` of each name: sound, expired, ending, other (another host's) and
/// stranger (signed by nobody).
pub(crate) fn make(directory: &Path) {
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30";
    openssl(directory, &format!("{new} -subj /CN=authority -keyout authority.key -out authority.pem"));
    openssl(directory, &format!("{new} -subj /CN=stranger -addext subjectAltName=DNS:{HOST} -keyout stranger.key -out stranger.pem"));
    std::fs::write(directory.join("index"), "").unwrap();
    std::fs::write(directory.join("serial"), "01\n").unwrap();
    // Only `ca` of OpenSSL 3.0 signs for times that are over.
    let section = "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n\
                   unique_subject=no\nemail_in_dn=no\ncopy_extensions=copy\n[any]\ncommonName=supplied\n";
    std::fs::write(directory.join("ca.conf"), section).unwrap();
    for (name, host, from, to) in [
        ("sound", HOST, "-30 days", "+300 days"),
        ("expired", HOST, "-30 days", "-1 day"),
        ("ending", HOST, "-30 days", "+60 hours"),
        ("other", "other.example", "-30 days", "+300 days"),
    ] {
        let new = "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(directory, &format!("{new} -subj /CN={name} -addext subjectAltName=DNS:{host} -keyout {name}.key -out {name}.csr"));
        let sign = "ca -batch -notext -config ca.conf -cert authority.pem -keyfile authority.key";
        openssl(directory, &format!("{sign} -startdate {} -enddate {} -in {name}.csr -out {name}.pem", date(from), date(to)));
    }
}

/// As certificates write it.
fn date(when: &str) -> String {
    let output = Command::new("date").args(["--utc", "+%Y%m%d%H%M%SZ", "--date", when]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn openssl(directory: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    let output = command.args(arguments.split_whitespace()).current_dir(directory).stdin(Stdio::null()).output().expect("openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
