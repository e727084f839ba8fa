//! A stream whose other end must take what it asked for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// For so long a client may take nothing.
const STALL: Duration = Duration::from_secs(30);
/// What it must take in that time, if there is so much for it: else one byte at a time would hold a connection for ever.
const LEAST: usize = 16 << 10;

/// Reading goes through as it is: hyper and `body` watch over that.
#[derive(Debug)]
pub(super) struct Paced<S> {
    stream: S,
    /// Runs while something waits to be taken.
    stall: Option<Pin<Box<Sleep>>>,
    /// Taken since then.
    taken: usize,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, stall: None, taken: 0 }
    }

    /// After each try to write: of so many bytes.
    fn wrote(&mut self, cx: &mut Context<'_>, tried: Poll<io::Result<usize>>, all: usize) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(went)) = tried {
            self.taken += went;
            if self.taken >= LEAST || went == all {
                (self.stall, self.taken) = (None, 0);
            }
        }
        self.watch(cx, tried)
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, tried: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if tried.is_ready() {
            return tried;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL)));
        match stall.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, tried, bytes.len())
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        let all = parts.iter().map(|part| part.len()).sum();
        self.wrote(cx, tried, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tried = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, tried)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tried = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, tried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_is_cut() {
        let (ours, _theirs) = duplex(64);
        let told = Paced::new(ours).write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(told.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_it_byte_by_byte_is_cut_too() {
        let (ours, mut theirs) = duplex(64);
        let writing = tokio::spawn(async move { Paced::new(ours).write_all(&[0; 100_000]).await });
        while theirs.read_u8().await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(writing.await.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_slow_but_sure_gets_all() {
        let (ours, mut theirs) = duplex(64);
        let writing = tokio::spawn(async move { Paced::new(ours).write_all(&[0; 100_000]).await });
        let mut part = [0; 1024];
        let mut read = 0;
        while read < 100_000 {
            theirs.read_exact(&mut part[..1000]).await.unwrap();
            read += 1000;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        writing.await.unwrap().unwrap();
    }
}
