//! What is too long, too many or too slow.

use crate::place::{Place, SOON};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

fn connect(admin: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(admin).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// All that the node says until it closes.
fn until_closed(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn heads_are_bounded() {
    let place = Place::new();
    let node = place.start();
    let api = node.api();
    let long = format!("X-Long: {}", "x".repeat(16 << 10));
    api.ask("GET", "/v1/status", &[&long], None).refuses(431, "header-too-large");
    let far = format!("X-Long: {}", "x".repeat(60 << 10));
    assert_eq!(api.ask("GET", "/v1/status", &[&far], None).status, 431);
    let many: Vec<String> = (0..62).map(|nth| format!("X-{nth}: y")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    api.ask("GET", "/v1/status", &many, None).refuses(431, "header-too-large");
    api.ask("GET", "/v1/status", &many[..50], None).is(200);
    let path = format!("/v1/panels/{}", "x".repeat(17 << 10));
    assert_eq!(api.get(&path).status, 431);
}

#[test]
fn whoever_stops_in_the_middle_is_cut() {
    let place = Place::new();
    let node = place.start();
    let token = node.api().token;
    // All wait at once, so that the test takes as long as one of them.
    let [mut silent, mut head, mut body, mut idle] = [(); 4].map(|()| connect(place.admin));
    silent.write_all(b"").unwrap();
    head.write_all(b"GET /livez HTTP/1.1\r\nhost: n").unwrap();
    let line = "PUT /v1/panels/fra1 HTTP/1.1\r\nhost: n1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n";
    body.write_all(format!("{line}authorization: Bearer {token}\r\n\r\n{{").as_bytes()).unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: n1\r\n\r\n").unwrap();
    // Without a token the body is not waited for.
    let mut stranger = connect(place.admin);
    stranger.write_all(format!("{line}\r\n{{").as_bytes()).unwrap();
    let mut told = [0; 12];
    stranger.read_exact(&mut told).unwrap();
    assert_eq!(&told, b"HTTP/1.1 401");
    assert_eq!(until_closed(silent), "");
    let said = until_closed(head);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
    let said = until_closed(body);
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("/problems/timeout"), "{said}");
    assert!(until_closed(idle).starts_with("HTTP/1.1 200 "));
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.1"]);
}

#[test]
fn nonsense_is_refused_and_the_node_goes_on() {
    let place = Place::new();
    let node = place.start();
    for bytes in [
        &b"\0\x01\x02\r\n\r\n"[..],
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut stream = connect(place.admin);
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let said = until_closed(stream);
        assert!(said.is_empty() || said.starts_with("HTTP/1."), "{said}");
    }
    // Far more at once than one client may have: they wait or are turned away, and nothing breaks.
    let crowd: Vec<TcpStream> = (0..300).map(|_| connect(place.admin)).collect();
    assert_eq!(node.dig("live.z.example", "A"), ["192.0.2.1"]);
    drop(crowd);
    node.api().get("/v1/status").is(200);
}
