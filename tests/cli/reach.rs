//! Which node is asked, with which token, and what is said when that goes wrong.

use super::canned::{Answer, Node, answer, json};
use super::place::Place;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use std::net::TcpListener;
use std::sync::Arc;

const GET: &[&str] = &["get", "panel", "fra1"];

#[test]
fn the_token_of_the_environment_goes_to_the_node_of_the_environment() {
    let (place, node) = (Place::new("env"), Node::new(vec![json(200, json!({"region": "eu", "addresses": ["192.0.2.1"]}))]));
    let told = place.run(&node.url(), GET);
    assert_eq!((told.status, told.err.as_str()), (0, ""));
    assert_eq!(told.out, "[[panel]]\nname = \"fra1\"\nregion = \"eu\"\naddresses = [\"192.0.2.1\"]\n");
    let heard = &node.heard()[0];
    assert_eq!(heard.line, "GET /v1/panels/fra1");
    assert_eq!(heard.header("authorization"), "Bearer t0ken");
    assert!(heard.header("user-agent").starts_with("meridian/"));
}

#[test]
fn arguments_stand_above_the_environment() {
    let (place, node) = (Place::new("arguments"), Node::new(vec![json(200, json!({}))]));
    let token = place.write("token", "other\n");
    let told = place.run("http://127.0.0.1:1", &["get", "panel", "fra1", "--url", &node.url(), "--token-file", token.to_str().unwrap()]);
    assert_eq!(told.status, 0, "{told:?}");
    assert_eq!(node.heard()[0].header("authorization"), "Bearer other");
}

#[test]
fn on_the_node_its_own_address_and_admin_token_are_found() {
    let (place, node) = (Place::new("own"), Node::new(vec![json(200, json!({})), json(200, json!({}))]));
    place.write("config/meridian.toml", &format!("[node]\nname = \"n\"\n[admin]\nlisten = \"127.0.0.1:{}\"\n", node.port));
    place.write("data/admin.token", "adm1n\n");
    assert_eq!(place.run_with(&[], GET).status, 0);
    let config = place.write("elsewhere/m.toml", &format!("[node]\ndata = \"../data\"\n[admin]\nlisten = \"0.0.0.0:{}\"\n", node.port));
    std::fs::remove_dir_all(place.0.join("config")).unwrap();
    let told = place.run_with(&[], &["get", "panel", "fra1", "--config", config.to_str().unwrap()]);
    assert_eq!(told.status, 0, "{told:?}");
    assert_eq!(node.heard().iter().map(|heard| heard.header("authorization").to_owned()).collect::<Vec<_>>(), ["Bearer adm1n"; 2]);
}

#[test]
fn a_token_never_leaves_for_where_it_was_not_sent() {
    let place = Place::new("shout");
    let told = place.run("http://192.0.2.1", GET);
    assert_eq!(told.status, 2);
    assert!(told.err.contains("--insecure-http") && !told.err.contains("t0ken"), "{}", told.err);
    for status in [301, 302, 307, 308] {
        let elsewhere = Node::new(vec![json(200, json!({}))]);
        let node = Node::new(vec![answer(status, "").with("location", &format!("{}/v1/panels/fra1", elsewhere.url()))]);
        let told = place.run(&node.url(), GET);
        assert_eq!(told.status, 1, "{told:?}");
        assert!(told.err.contains("is not followed"), "{}", told.err);
        assert!(elsewhere.heard().is_empty());
    }
    // Nor through a proxy that somebody has set.
    let (proxy, node) = (Node::new(vec![json(200, json!({}))]), Node::new(vec![json(200, json!({}))]));
    let variables = ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"].map(|name| (name, proxy.url()));
    let mut variables: Vec<(&str, &str)> = variables.iter().map(|(name, url)| (*name, url.as_str())).collect();
    let url = node.url();
    variables.extend([("MERIDIAN_URL", url.as_str()), ("MERIDIAN_TOKEN", "t0ken")]);
    assert_eq!(place.run_with(&variables, GET).status, 0);
    assert!(proxy.heard().is_empty() && node.heard().len() == 1);
}

#[test]
fn a_node_that_is_not_there_is_said_to_be_so() {
    let place = Place::new("nobody");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let told = place.run(&url, GET);
    assert_eq!((told.status, told.out.as_str()), (4, ""));
    assert!(told.err.starts_with(&format!("meridian: nothing listens at {url} (connection refused); is the node running")), "{}", told.err);
    let told = place.run(&url, &["get", "panel", "fra1", "--json"]);
    assert_eq!((told.status, &told.json()["type"]), (4, &json!("/problems/unreachable")));
}

#[test]
fn a_node_that_is_silent_is_not_waited_for_for_ever() {
    let (place, node) = (Place::new("silent"), Node::new(vec![Answer::silent(), Answer::silent()]));
    let told = place.run(&node.url(), &["get", "panel", "fra1", "--timeout", "100ms"]);
    assert_eq!(told.status, 4, "{told:?}");
    assert!(told.err.ends_with("has not answered in time\n"), "{}", told.err);
    let told = place.run(&node.url(), &["drain", "fra1", "--timeout", "100ms"]);
    assert!(told.status == 4 && told.err.contains("look whether it was done"), "{told:?}");
    assert_eq!(place.run("", &["get", "panel", "fra1", "--timeout", "soon"]).status, 2);
}

#[test]
fn refusals_become_words_and_an_exit_status() {
    let place = Place::new("refused");
    let problem = |status: u16, body| json(status, body).with("content-type", "application/problem+json");
    for (answer, status, said) in [
        (
            problem(404, json!({"type": "/problems/not-found", "detail": "there is no panel `fra1`"})),
            1,
            "meridian: there is no panel `fra1`\n",
        ),
        (
            problem(401, json!({"type": "/problems/unauthorized", "detail": "the token is unknown"})),
            5,
            "meridian: the token is unknown\nmeridian: the token that was sent is not known there, or has expired\n",
        ),
        (problem(403, json!({"detail": "viewers only look"})), 5, "meridian: viewers only look\n"),
        (
            problem(
                422,
                json!({"detail": "1 error", "errors": [{"pointer": "/weight", "path": "panel fra1: weight", "detail": "found true", "hint": "no"}]}),
            ),
            2,
            "meridian: panel fra1: weight: found true; no\n",
        ),
        (problem(503, json!({"detail": "busy"})).with("retry-after", "7"), 1, "meridian: busy\nmeridian: try again in 7 s\n"),
        (answer(500, "<html>"), 1, "does not say why; is it the admin address of a meridian node?\n"),
        (answer(200, "<html>"), 1, "answered with something that is not JSON; is it the admin address of a meridian node?\n"),
        (answer(200, "{\"half\":").broken(), 4, "\n"),
    ] {
        let node = Node::new(vec![answer.clone(), answer]);
        let told = place.run(&node.url(), GET);
        assert!(told.status == status && told.err.ends_with(said) && told.out.is_empty(), "{told:?}");
        let told = place.run(&node.url(), &["get", "panel", "fra1", "--json"]);
        assert_eq!(told.status, status);
        assert!(told.json()["detail"].is_string(), "{told:?}");
    }
}

#[test]
fn without_a_token_it_is_said_where_one_comes_from() {
    let (place, node) = (Place::new("tokenless"), Node::new(vec![json(401, json!({"detail": "a token is needed"}))]));
    let told = place.run_with(&[("MERIDIAN_URL", &node.url())], GET);
    assert_eq!(told.status, 5);
    assert!(told.err.contains("no token was sent: give one by --token-file FILE or MERIDIAN_TOKEN"), "{}", told.err);
    assert_eq!(node.heard()[0].header("authorization"), "");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let (place, node) = (Place::new("pipe"), Node::new(vec![json(200, json!({"region": "eu"}))]));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let told = super::place::told(place.command(&node.url(), GET).stdout(writer).output().unwrap());
    assert_eq!((told.status, told.err.as_str()), (0, ""));
}

#[test]
fn tls_is_spoken_with_whom_is_believed_only() {
    let place = Place::new("tls");
    let fixture = |name: &str| format!("{}/tests/cli/{name}", env!("CARGO_MANIFEST_DIR"));
    let (ca, other, shown) = (fixture("ca.pem"), fixture("other.pem"), fixture("node.pem"));
    let node = || Node::with_tls(vec![json(200, json!({"region": "eu"}))], server(&fixture("node.pem"), &fixture("node.key")));
    let run = |url: &str, more: &[&str]| {
        let arguments: Vec<&str> = GET.iter().chain(more).copied().collect();
        place.run(url, &arguments)
    };
    let named = |node: &Node| format!("https://localhost:{}", node.port);
    let sound = node();
    let told = run(&named(&sound), &["--ca", &ca]);
    assert_eq!(told.status, 0, "{told:?}");
    assert_eq!(sound.heard()[0].header("authorization"), "Bearer t0ken");
    // Another authority, and another name.
    for (url, ca) in [(named as fn(&Node) -> String, &other), (|node: &Node| format!("https://127.0.0.1:{}", node.port), &ca)] {
        let node = node();
        let told = run(&url(&node), &["--ca", ca]);
        assert!(told.status == 4 && told.err.contains("--ca FILE names the authority"), "{told:?}");
        assert!(node.heard().is_empty(), "nothing is sent to whom is not believed");
    }
    // The node of this machine is known by its certificate itself.
    for (certificate, status) in [(&shown, 0), (&other, 4)] {
        let node = node();
        let config = format!("[admin]\nlisten = \"127.0.0.1:{}\"\ncertificate = \"{certificate}\"\n", node.port);
        place.write("config/meridian.toml", &config);
        let told = place.run_with(&[("MERIDIAN_TOKEN", "t0ken")], GET);
        assert_eq!((told.status, node.heard().len()), (status, usize::from(status == 0)), "{told:?}");
    }
    let plain = Node::new(vec![json(200, json!({}))]);
    let told = run(&format!("https://127.0.0.1:{}", plain.port), &["--ca", &ca, "--timeout", "5s"]);
    assert_eq!(told.status, 4, "{told:?}");
    let told = run("https://127.0.0.1:1", &["--ca", "none.pem"]);
    assert!(told.status == 2 && told.err.contains("none.pem: the certificate cannot be read"), "{told:?}");
}

fn server(certificate: &str, key: &str) -> rustls::ServerConfig {
    let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap())
        .unwrap()
}
