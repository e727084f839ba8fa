//! TLS: what is believed of certificates, and what is said about them.

use crate::panel::{LONG, Panel, SHORT, Wire, asking, bad, expect, header, http, probe, request, response, wait, weak};
use meridian::fleet::{CheckKind, Request};
use meridian::health::Outcome;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where the authority's key is kept for the test below.
const KEY: &str = "MERIDIAN_TEST_KEY";
const DAY_S: u64 = 86_400;

/// The system's authorities are an environment's, so the cases run in a process of their own.
#[test]
fn certificates_are_judged_by_the_systems_authorities() {
    let home = std::env::temp_dir().join(format!("meridian-probe-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    let key = KeyPair::generate().unwrap();
    std::fs::write(home.join("ca.pem"), authority("Believed").self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(home.join("ca.key"), key.serialize_pem()).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "tls::cases", "--ignored", "--nocapture"]);
    let done = child.env("SSL_CERT_FILE", home.join("ca.pem")).env(KEY, home.join("ca.key")).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
    std::fs::remove_dir_all(&home).unwrap();
}

#[test]
#[ignore = "runs in the test above, which says who is believed"]
fn cases() {
    let key = KeyPair::from_pem(&std::fs::read_to_string(std::env::var(KEY).unwrap()).unwrap()).unwrap();
    let believed = Issuer::new(authority("Believed"), key);
    let [stranger, liar] = ["Stranger", "Believed"].map(|name| Issuer::new(authority(name), KeyPair::generate().unwrap()));
    let issued = |name: &str, from: i64, to: i64| Chain::new(&believed, name, from, to);
    let good = || issued("live.panels.example", -1, 90);
    let named = |request: &mut Request| request.host = Some("live.panels.example:8443".into());
    let unverified = |request: &mut Request| {
        named(request);
        request.verify = false;
    };
    type Change<'a> = &'a dyn Fn(&mut Request);
    let cases: [(Chain, Change, Outcome); 15] = [
        (good(), &named, Outcome::Good),
        (issued("*.panels.example", -1, 90), &named, Outcome::Good),
        (issued("127.0.0.1", -1, 90), &|_| {}, Outcome::Good),
        (good(), &|_| {}, bad("the certificate is not for the address, but for live.panels.example")),
        (issued("other.example", -1, 90), &named, bad("the certificate is not for `live.panels.example`, but for other.example")),
        (issued("live.panels.example", -90, -4), &named, bad("the certificate has expired, 3 days ago")),
        (issued("live.panels.example", 1, 90), &named, bad("the certificate is not valid yet")),
        (Chain::new(&stranger, "live.panels.example", -1, 90), &named, bad("the certificate is not trusted: its issuer is not known here")),
        (
            Chain::new(&liar, "live.panels.example", -1, 90),
            &named,
            bad("the certificate is not trusted: its signature is not its issuer's"),
        ),
        (issued("live.panels.example", -1, 13), &named, weak("the certificate ends in 13 days")),
        (issued("live.panels.example", -1, 15), &named, Outcome::Good),
        (
            issued("live.panels.example", -1, 15),
            &|request| {
                named(request);
                request.certificate_days = 30;
            },
            weak("the certificate ends in 15 days"),
        ),
        (Chain::new(&stranger, "other.example", -90, -4), &unverified, Outcome::Good),
        (issued("live.panels.example", -1, 1), &unverified, Outcome::Good),
        (
            issued("live.panels.example", -1, 3),
            &|request| {
                named(request);
                request.latency = Some(Duration::ZERO);
                request.certificate_days = 0;
            },
            Outcome::Good,
        ),
    ];
    for (number, (chain, change, expected)) in cases.into_iter().enumerate() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let panel = secure(chain, Arc::clone(&seen));
        let mut request = request(panel.url("/").replace("http:", "https:"));
        change(&mut request);
        let host = request.host.clone();
        let slow = request.latency.is_some();
        let outcome = probe("127.0.0.1", http(request, expect())).outcome;
        let late = matches!(&outcome, Outcome::Weak(said) if said.starts_with("slow: "));
        assert!(outcome == expected || (slow && late), "{number}: {outcome:?} instead of {expected:?}");
        // Addresses are not sent as names.
        let name = host.is_some().then(|| "live.panels.example".to_owned());
        assert!(seen.lock().unwrap().iter().all(|seen| *seen == name), "{number}: {seen:?}");
        if matches!(expected, Outcome::Good | Outcome::Weak(_)) {
            assert_eq!(header(&panel.seen()[0], "host"), Some(host.unwrap_or(panel.at.to_string()).as_str()));
        } else {
            assert!(panel.seen().is_empty(), "{number}: it was asked all the same");
        }
    }
    streams_are_served(good());
}

/// All of a check's requests go over the secured connection, and an end without farewell is one.
fn streams_are_served(chain: Chain) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let config = chain.config();
    let panel = Panel::wrapped("127.0.0.1:0", wrap(config, Arc::clone(&seen)), |wire, head| {
        if head.starts_with("GET /a.m3u8") {
            let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\ns.ts\n";
            return wire.write_all(&response(200, playlist)).is_ok();
        }
        let _ = wire.write_all(b"HTTP/1.1 200 OK\r\n\r\nID3");
        false
    });
    let mut request = request(panel.url("/a.m3u8").replace("http:", "https:"));
    request.host = Some("live.panels.example".into());
    assert_eq!(probe("127.0.0.1", CheckKind::Hls { asking: asking(LONG), request }).outcome, Outcome::Good);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn what_speaks_no_tls_is_named() {
    let ask = |panel: &Panel, timeout| {
        let mut request = request(panel.url("/").replace("http:", "https:"));
        request.verify = false;
        probe("127.0.0.1", CheckKind::Http { asking: asking(timeout), request, expect: expect() }).outcome
    };
    let plain = Panel::wrapped("127.0.0.1:0", first_word(b"HTTP/1.1 400 Bad Request\r\n\r\n"), |_, _| false);
    assert_eq!(ask(&plain, LONG), bad("it does not speak TLS"));
    let refusing = Panel::wrapped("127.0.0.1:0", first_word(&[21, 3, 3, 0, 2, 2, 40]), |_, _| false);
    assert_eq!(ask(&refusing, LONG), bad("it refused TLS: HandshakeFailure"));
    let closing = Panel::wrapped("127.0.0.1:0", first_word(b""), |_, _| false);
    assert_eq!(ask(&closing, LONG), bad("the connection was closed in the TLS handshake"));
    let silent = Panel::wrapped(
        "127.0.0.1:0",
        |mut stream| {
            wait(&mut stream);
            None
        },
        |_, _| false,
    );
    assert_eq!(ask(&silent, SHORT), bad("no TLS handshake within 400ms"));
}

/// Says this to the first thing it hears, and closes.
fn first_word(word: &'static [u8]) -> impl Fn(TcpStream) -> Option<Box<dyn Wire>> + Send + Sync {
    move |mut stream| {
        use std::io::{Read, Write};
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(word);
        None
    }
}

struct Chain {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Chain {
    /// Valid from one day to another, counted from today.
    fn new(issuer: &Issuer<'_, KeyPair>, name: &str, from: i64, to: i64) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        let today = meridian::clock::now().wall_s;
        let day = |day: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(today.strict_add_signed(day * DAY_S.cast_signed()));
        // Half a day more, so that no whole number of days hangs on a second.
        (params.not_before, params.not_after) = (day(from), day(to) + Duration::from_secs(DAY_S / 2));
        Self { certificate: params.signed_by(&key, issuer).unwrap(), key }
    }

    fn config(self) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        Arc::new(builder.with_single_cert(vec![self.certificate.der().clone()], key.into()).unwrap())
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// Notes the name each client asks for.
fn wrap(config: Arc<ServerConfig>, names: Arc<Mutex<Vec<Option<String>>>>) -> impl Fn(TcpStream) -> Option<Box<dyn Wire>> + Send + Sync {
    move |mut stream| {
        let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).ok()?;
        }
        names.lock().unwrap().push(connection.server_name().map(str::to_owned));
        Some(Box::new(StreamOwned::new(connection, stream)))
    }
}

fn secure(chain: Chain, names: Arc<Mutex<Vec<Option<String>>>>) -> Panel {
    Panel::wrapped("127.0.0.1:0", wrap(chain.config(), names), |wire, _| wire.write_all(&response(200, b"")).is_ok())
}
