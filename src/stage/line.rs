//! One connection: requests in, answers out, as well or as badly as the mode says.

use super::face::{Face, Stand};
use super::http::{self, Page, Request};
use super::mode::Mode;
use super::site::Moment;
use crate::clock;
use socket2::SockRef;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How much of a body is written before the mode is looked at again.
const PIECE: usize = 16 << 10;
/// Of a slow body; short enough to look like a slow line.
const SLOW_EVERY: Duration = Duration::from_millis(50);
/// Of a body that drips: a whole head takes half a minute.
const DRIP_EVERY: Duration = Duration::from_millis(250);
/// What a body that drips says it has.
const NEVER: u64 = 1 << 40;

/// Serves a connection until it ends, or until the panel is killed.
pub(super) async fn serve(stream: TcpStream, face: Arc<Face>) {
    // Whoever lets go of the connection without a word resets it, as a process that is killed does.
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    let _ = stream.set_nodelay(true);
    face.common.open.fetch_add(1, Relaxed);
    let stand = face.stand.subscribe();
    while_alive(stand, secure(stream, &face)).await;
    face.common.open.fetch_sub(1, Relaxed);
}

/// A future that stands still while the panel is stopped, and is dropped when it is killed.
async fn while_alive(mut stand: watch::Receiver<Stand>, talk: impl Future<Output = ()>) {
    let mut talk = pin!(talk);
    let life = stand.borrow_and_update().life;
    loop {
        let Stand { mode, life: now, .. } = *stand.borrow_and_update();
        if now != life || mode == Mode::Killed {
            return;
        }
        if mode == Mode::Stopped {
            let _ = stand.changed().await;
            continue;
        }
        tokio::select! {
            biased;
            _ = stand.changed() => {}
            () = &mut talk => return,
        }
    }
}

async fn secure(stream: TcpStream, face: &Face) {
    if face.mode() == Mode::Reset {
        return;
    }
    let Some(config) = &face.common.tls else { return converse(stream, face).await };
    match TlsAcceptor::from(Arc::clone(config)).accept(stream).into_fallible().await {
        Ok(stream) => converse(stream, face).await,
        // What was wrong has been said, and is to arrive.
        Err((_, mut stream)) => part(&mut stream).await,
    }
}

trait Line: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Line for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Line for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// What comes after an answer.
enum Then {
    Next,
    Part,
    Reset,
}

async fn converse(mut line: impl Line, face: &Face) {
    let mut heard = Vec::new();
    loop {
        let request = match hear(&mut line, &mut heard).await {
            Ok(Some(request)) => request,
            Ok(None) => return part(&mut line).await,
            Err(status) => {
                let page = Page::plain(status);
                let _ = line.write_all(&[page.head(Some(page.body.len() as u64), true).as_bytes(), &page.body].concat()).await;
                return part(&mut line).await;
            }
        };
        match answer(&mut line, face, &request).await {
            Ok(Then::Next) => {}
            Ok(Then::Part) => return part(&mut line).await,
            Ok(Then::Reset) | Err(_) => return,
        }
    }
}

/// An end that both sides agree on.
async fn part(line: &mut impl Line) {
    let _ = SockRef::from(line.tcp()).set_linger(None);
    let _ = line.shutdown().await;
}

/// The next request; None when there is none any more. What comes behind it stays in `heard`.
async fn hear(line: &mut impl Line, heard: &mut Vec<u8>) -> Result<Option<Request>, u16> {
    loop {
        if let Some((request, end)) = http::read(heard)? {
            heard.drain(..end);
            return Ok(Some(request));
        }
        match line.read_buf(heard).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    }
}

async fn answer(line: &mut impl Line, face: &Face, request: &Request) -> io::Result<Then> {
    let common = &face.common;
    common.tally.request(common.site.kind(request));
    let Stand { mode, since_ms, .. } = *face.stand.borrow();
    let now = clock::now();
    let moment = Moment {
        mode,
        since_ms,
        now_ms: now.mono_ms,
        wall_s: now.wall_s,
        at: face.address,
        connections: common.connections(mode),
        earlier: face.asked.fetch_add(1, Relaxed),
        accepted: common.tally.requests().connections,
    };
    let page = common.site.page(request, &moment);
    let body: &[u8] = if request.method == "HEAD" { &[] } else { &page.body };
    let length = Some(page.body.len() as u64);
    match mode {
        Mode::Reset => return Ok(Then::Reset),
        Mode::Late { by } => tokio::time::sleep(by).await,
        Mode::Drip => return drip(line, face, &[page.head(Some(NEVER), true).as_bytes(), body].concat()).await,
        Mode::EndlessBody => return flood(line, face, &page, body).await,
        Mode::Cut => {
            line.write_all(page.head(length, true).as_bytes()).await?;
            line.write_all(&body[..body.len() / 2]).await?;
            return Ok(Then::Part);
        }
        _ => {}
    }
    line.write_all(page.head(length, request.is_last).as_bytes()).await?;
    write(line, face, request, body).await?;
    line.flush().await?;
    Ok(if request.is_last { Then::Part } else { Then::Next })
}

/// A body in pieces, slowly as long as the panel is slow.
async fn write(line: &mut impl Line, face: &Face, request: &Request, mut body: &[u8]) -> io::Result<()> {
    while !body.is_empty() {
        let rate = match face.mode() {
            Mode::Slow { times } => face.common.site.slow_rate(request, times),
            _ => None,
        };
        let most = rate.map_or(PIECE, |rate| (rate as usize * SLOW_EVERY.as_millis() as usize / 1000).max(1));
        let (piece, rest) = body.split_at(most.min(body.len()));
        line.write_all(piece).await?;
        line.flush().await?;
        body = rest;
        if rate.is_some() {
            tokio::time::sleep(SLOW_EVERY).await;
        }
    }
    Ok(())
}

/// A byte now and then, as long as the mode says so.
async fn drip(line: &mut impl Line, face: &Face, bytes: &[u8]) -> io::Result<Then> {
    for byte in bytes.iter().chain(std::iter::repeat(&b'\n')) {
        if face.mode() != Mode::Drip {
            break;
        }
        line.write_all(&[*byte]).await?;
        line.flush().await?;
        tokio::time::sleep(DRIP_EVERY).await;
    }
    Ok(Then::Part)
}

/// The page, and then more without an end, as long as the mode says so.
async fn flood(line: &mut impl Line, face: &Face, page: &Page, body: &[u8]) -> io::Result<Then> {
    line.write_all(page.head(None, true).as_bytes()).await?;
    line.write_all(body).await?;
    // As a playlist these are comments without meaning, as JSON or media they are nothing.
    let more = b"#MORE\n".repeat(PIECE / 6);
    while face.mode() == Mode::EndlessBody {
        line.write_all(&more).await?;
    }
    Ok(Then::Part)
}
