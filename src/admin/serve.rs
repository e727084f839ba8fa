//! Accepting connections, with a bound on everything a client can make us hold.

use super::{Status, router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// More at once are no operators, and each costs a descriptor that DNS over TCP could use.
const MAX_CONNECTIONS: usize = 256;
/// A request's head comes in one packet; who takes longer holds a connection for nothing.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// A request that is asked, answered and read takes far less; without this a client that never reads stays for ever.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
/// What is under way when the node stops may still finish for so long.
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// hyper's smallest buffer: heads are a few hundred bytes, and what is longer gets 431.
const MAX_HEAD: usize = 8192;
const MAX_HEADERS: usize = 64;
/// Accepting fails while descriptors are short; trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` changes or its sender is gone, then lets open requests finish.
pub async fn serve(listener: TcpListener, status: Arc<Status>, mut stop: watch::Receiver<bool>) {
    let router = router(status);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            _ = stop.changed() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, _peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the API cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let service = router.clone();
        let stop = stop.clone();
        connections.spawn(async move {
            connection(stream, service, stop).await;
            drop(place);
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

async fn connection(stream: TcpStream, router: axum::Router, mut stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let served = async {
        tokio::select! {
            result = connection.as_mut() => result,
            _ = stop.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    // A client that goes away or sends garbage is no event; hyper has told it what it could.
    let _: Result<_, _> = bounded(served).await;
}

async fn bounded<F: Future>(served: F) -> Result<F::Output, tokio::time::error::Elapsed> {
    tokio::time::timeout(CONNECTION_TIME, served).await
}

#[cfg(test)]
mod tests {
    use super::super::Readiness;
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
        let task = tokio::spawn(serve(listener, status.clone(), stopped));
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
        let answer = door.get("GET", "/nope").await;
        assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("content-type: application/problem+json\r\n"), "{answer}");
        assert!(answer.contains("\"status\":404") && answer.contains("there is nothing at /nope"), "{answer}");
        let answer = door.get("POST", "/livez").await;
        assert!(answer.starts_with("HTTP/1.1 405 ") && answer.to_lowercase().contains("\r\nallow: get,head\r\n"), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }

    #[tokio::test]
    async fn garbage_and_floods_are_refused() {
        let door = open().await;
        assert!(door.ask(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
        let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(MAX_HEAD));
        let answer = door.ask(long.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        let many = format!("GET /livez HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        let answer = door.ask(many.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
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
}
