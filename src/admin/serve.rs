//! Accepting connections, with a bound on everything a client can make us hold.

use super::bearer::Peer;
use super::door::{Door, router};
use super::pace::Paced;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// More at once are no operators, and each costs a descriptor that DNS over TCP could use.
const MAX_CONNECTIONS: usize = 256;
/// Of one address, so that nobody alone keeps all others out. All who come through one proxy are one.
const MAX_PER_CLIENT: usize = 128;
/// A request's head comes in one packet; who takes longer holds a connection for nothing. Also how long a connection may be idle.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// What is under way when the node stops may still finish for so long.
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// Twice what `bearer` takes: what is a little too long gets a problem document, what is far too long a bare 431.
const MAX_HEAD: usize = 32 << 10;
const MAX_HEADERS: usize = 128;
/// Accepting fails while descriptors are short; trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` changes or its sender is gone, then lets open requests finish.
pub async fn serve(listener: TcpListener, door: Door, mut stop: watch::Receiver<bool>) {
    let certificate = door.certificate.clone();
    let router = router(Arc::new(door));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut crowd = Crowd::default();
    let mut connections: JoinSet<IpAddr> = JoinSet::new();
    loop {
        while let Some(ended) = connections.try_join_next() {
            crowd.leave(ended);
        }
        let accepted = tokio::select! {
            _ = stop.changed() => break,
            Some(ended) = connections.join_next() => {
                crowd.leave(ended);
                continue;
            }
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the API cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let client = network(peer.ip());
        // Who has too many already is not told: it would cost a connection.
        if !crowd.enter(client) {
            continue;
        }
        let (service, stop, certificate) = (router.clone(), stop.clone(), certificate.clone());
        connections.spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            match certificate {
                None => connection(stream, peer.ip(), service, stop).await,
                Some(certificate) => {
                    certificate.refresh();
                    // Who speaks no TLS is not told: it would not understand.
                    if let Some(stream) = certificate.secure(stream).await {
                        connection(stream, peer.ip(), service, stop).await;
                    }
                }
            }
            client
        });
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    // What has not finished by then is cut when the set is dropped.
    let _ = tokio::time::timeout(DRAIN_TIME, drained).await;
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// Takes a place first: beyond the limit clients wait in the kernel's queue.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> std::io::Result<(TcpStream, SocketAddr, Place)> {
    let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn connection<S>(stream: S, peer: IpAddr, router: axum::Router, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.call(request)
    });
    let connection = http.serve_connection(TokioIo::new(Paced::new(stream)), service);
    tokio::pin!(connection);
    // A client that goes away or sends garbage is no event; hyper has told it what it could.
    let _: Result<_, _> = tokio::select! {
        result = connection.as_mut() => result,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}

/// Connections by client.
#[derive(Debug, Default)]
struct Crowd(HashMap<IpAddr, usize>);

impl Crowd {
    /// False where the client has as many as it may.
    fn enter(&mut self, client: IpAddr) -> bool {
        let count = self.0.entry(client).or_default();
        let may = *count < MAX_PER_CLIENT;
        *count += usize::from(may);
        may
    }

    /// A connection whose task broke off is not known by its client: then all are let in again, and counted anew.
    fn leave(&mut self, ended: Result<IpAddr, tokio::task::JoinError>) {
        let Ok(client) = ended else { return self.0.clear() };
        if let Some(count) = self.0.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(&client);
            }
        }
    }
}

/// Who counts as one: an IPv4 address, or the network of an IPv6 link.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Readiness, Status};
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    struct Door {
        address: SocketAddr,
        status: Arc<Status>,
        stop: watch::Sender<bool>,
        task: tokio::task::JoinHandle<()>,
    }

    async fn open() -> Door {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let status = Arc::new(Status::starting());
        let (stop, stopped) = watch::channel(false);
        let door = super::super::Door { status: status.clone(), stopped: stopped.clone(), ..super::super::tests::door() };
        let task = tokio::spawn(serve(listener, door, stopped));
        Door { address, status, stop, task }
    }

    impl Door {
        /// Sends bytes, and gives the whole answer until the door is closed.
        async fn ask(&self, request: &[u8]) -> String {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request).await.unwrap();
            let mut answer = Vec::new();
            // A reset after the answer is as good as an end.
            let _ = stream.read_to_end(&mut answer).await;
            String::from_utf8_lossy(&answer).into_owned()
        }

        async fn get(&self, method: &str, path: &str) -> String {
            self.ask(format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await
        }
    }

    #[tokio::test]
    async fn it_lives_and_is_ready_when_it_answers() {
        let door = open().await;
        let answer = door.get("GET", "/livez").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
        let answer = door.get("GET", "/readyz").await;
        assert!(
            answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("{\"ready\":false,\"generation\":0,\"problems\":[\"starting\"]}"),
            "{answer}"
        );
        door.status.set(Readiness { ready: true, generation: 7, problems: vec!["zones/x.zone:3: no".into()] });
        let answer = door.get("GET", "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("content-type: application/json\r\n"), "{answer}");
        assert!(answer.ends_with("{\"ready\":true,\"generation\":7,\"problems\":[\"zones/x.zone:3: no\"]}"), "{answer}");
        door.status.draining();
        let answer = door.get("GET", "/readyz").await;
        assert!(
            answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("{\"ready\":false,\"generation\":7,\"problems\":[\"draining\"]}"),
            "{answer}"
        );
        assert!(door.get("GET", "/livez").await.contains("200 OK"));
    }

    #[tokio::test]
    async fn other_paths_and_methods_are_told_so() {
        let door = open().await;
        let answer = door.get("HEAD", "/livez").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
        // Whoever has no token learns of no path.
        for path in ["/nope", "/v1/panels", "/v1/nope", "/"] {
            let answer = door.get("GET", path).await;
            assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("content-type: application/problem+json\r\n"), "{answer}");
            assert!(answer.contains("www-authenticate: Bearer") && answer.contains("x-content-type-options: nosniff"), "{answer}");
            assert!(answer.contains("cache-control: no-store"), "{answer}");
        }
        let answer = door.get("POST", "/livez").await;
        assert!(answer.starts_with("HTTP/1.1 405 ") && answer.to_lowercase().contains("\r\nallow: get,head\r\n"), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }

    #[tokio::test]
    async fn garbage_and_floods_are_refused() {
        let door = open().await;
        assert!(door.ask(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
        for (size, count, is_told) in [(17 << 10, 1, true), (10, 65, true), (4 * MAX_HEAD, 1, false), (10, MAX_HEADERS + 1, false)] {
            let field = format!("a: {}\r\n", "b".repeat(size));
            let answer = door.ask(format!("GET /livez HTTP/1.1\r\n{}\r\n", field.repeat(count)).as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 431 "), "{size} {count}: {answer}");
            assert_eq!(answer.contains("/problems/header-too-large"), is_told, "{answer}");
        }
        assert!(door.get("GET", "/livez").await.contains("200 OK"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_dawdles_is_cut() {
        let door = open().await;
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nhos").await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&answer));
    }

    #[tokio::test]
    async fn it_stops_when_told() {
        let door = open().await;
        let mut idle = TcpStream::connect(door.address).await.unwrap();
        idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 15];
        idle.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        door.stop.send(true).unwrap();
        door.task.await.unwrap();
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).await.unwrap();
        assert!(TcpStream::connect(door.address).await.is_err());
    }

    #[test]
    fn nobody_alone_keeps_others_out() {
        let mut crowd = Crowd::default();
        let one = network("2001:db8::1".parse().unwrap());
        assert_eq!(one, network("2001:db8::ffff:1".parse().unwrap()));
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), network("192.0.2.1".parse().unwrap()));
        assert!((0..MAX_PER_CLIENT).all(|_| crowd.enter(one)));
        assert!(!crowd.enter(one) && crowd.enter(network("192.0.2.1".parse().unwrap())));
        crowd.leave(Ok(one));
        assert!(crowd.enter(one) && !crowd.enter(one));
    }
}
