//! The API over TLS, and plain text only where it is asked for.

use crate::place::{Place, SOON};
use std::process::{Command, Stdio};

fn openssl(place: &Place, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(place.path("")).stdin(Stdio::null()).output().expect("openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn certificate(place: &Place, name: &str) {
    let ip = format!("subjectAltName=IP:{}", place.admin.ip());
    let arguments = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj"];
    openssl(place, &[&arguments[..], &[&format!("/CN={name}"), "-addext", &ip, "-keyout", "node.key", "-out", "node.pem"]].concat());
}

#[test]
fn the_api_speaks_tls() {
    let place = Place::new();
    certificate(&place, "one");
    let place = place.with("certificate = \"node.pem\"\nkey = \"node.key\"\n");
    let mut node = place.spawn();
    node.hears("answering on");
    let mut api = node.api();
    api.url = format!("https://{}", place.admin);
    api.more = vec!["--cacert".into(), place.path("node.pem").display().to_string(), "--http1.1".into()];
    api.get("/v1/status").is(200);
    let wrong = Command::new("curl").args(["--silent", "--show-error", &format!("https://{}/livez", place.admin)]).output().unwrap();
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("certificate"));
    let plain = Command::new("curl")
        .args(["--silent", "--max-time", &SOON.as_secs().to_string(), &format!("http://{}/livez", place.admin)])
        .output()
        .unwrap();
    assert!(!plain.status.success() && plain.stdout.is_empty(), "{}", String::from_utf8_lossy(&plain.stdout));
}

#[test]
fn plain_text_beyond_loopback_is_refused() {
    let mut place = Place::new();
    place.admin = "0.0.0.0:8080".parse().unwrap();
    place.configure();
    let told = place.run(&["check", "--config", "meridian.toml"]);
    let said = String::from_utf8_lossy(&told.stderr).into_owned() + &String::from_utf8_lossy(&told.stdout);
    assert!(told.status.code() == Some(2) && said.contains("admin"), "{said}");
}
