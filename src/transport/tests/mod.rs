//! Real sockets on the loopback, with handlers made for the purpose. Times are limits for a broken build, never measured.

mod limits;
mod tcp;
mod udp;

use super::desk::{Desk, Handler};
use super::{Bound, Options, Running, TcpOptions, bind};
use crate::answer::{Ask, Over, Reply, Verdict};
use crate::clock::Now;
use crate::snapshot::{Slot, Snapshot};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// When a test gives up. Nothing waits so long unless it is broken.
const SOON: Duration = Duration::from_secs(20);

fn options(listen: &[&str]) -> Options {
    Options {
        listen: listen.iter().map(|a| a.parse().unwrap()).collect(),
        workers: 2,
        tcp: TcpOptions { idle: SOON, ..Default::default() },
        limit: None,
    }
}

fn serve(bound: Bound, handler: Handler) -> Running {
    let slot = Arc::new(Slot::new(Snapshot::default()));
    bound.serve_with(Desk::with(slot, handler), &Handle::current()).unwrap()
}

fn start(options: &Options, handler: Handler) -> (Running, SocketAddr) {
    let running = serve(bind(options).unwrap(), handler);
    let address = running.addresses()[0];
    (running, address)
}

/// Answers with the query, QR set. "panic" in it panics; a query of 100 bytes over TCP gets 60,000 bytes.
fn echo(_: Now, _: &Snapshot, ask: &Ask<'_>, out: &mut [u8]) -> Verdict {
    if ask.bytes.len() < 12 || ask.bytes[2] & 0x80 != 0 {
        return Verdict::Drop;
    }
    assert!(!ask.bytes.windows(5).any(|w| w == b"panic"), "as asked");
    let mut len = ask.bytes.len().min(out.len());
    out[..len].copy_from_slice(&ask.bytes[..len]);
    out[2] |= 0x80;
    if len == LARGE_QUERY && ask.over == Over::Tcp {
        out[len..LARGE_ANSWER].fill(0);
        len = LARGE_ANSWER;
    }
    Verdict::Reply(Reply { len, rcode: 0, limit: None })
}

const LARGE_QUERY: usize = 100;
const LARGE_ANSWER: usize = 60_000;

fn query(id: u16, len: usize) -> Vec<u8> {
    let mut query = vec![0; len];
    query[..2].copy_from_slice(&id.to_be_bytes());
    query
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = timeout(SOON, TcpStream::connect(address)).await.unwrap().unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

async fn read_answer(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    timeout(SOON, async {
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    })
    .await
    .expect("an answer or an end")
}

async fn asks(stream: &mut TcpStream, id: u16) {
    stream.write_all(&framed(&query(id, 40))).await.unwrap();
    let answer = read_answer(stream).await.unwrap();
    assert_eq!(answer[..3], [(id >> 8) as u8, id as u8, 0x80]);
}

/// Whether the server has closed it: an end or a reset, and no byte before.
async fn closed(stream: &mut TcpStream) -> bool {
    match timeout(SOON, stream.read_u8()).await {
        Ok(Ok(_)) | Err(_) => false,
        Ok(Err(_)) => true,
    }
}

/// Waits until a counter has got so far.
async fn until(what: impl Fn() -> bool) {
    timeout(SOON, async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("what was waited for");
}
