//! One address of a panel: its listener, and the mode it is in.

use super::line;
use super::mode::Mode;
use super::panel::Common;
use crate::clock;
use parking_lot::Mutex;
use socket2::{Domain, SockRef, Socket, Type};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Connections that wait in the kernel, while a panel is stopped among others.
const BACKLOG: i32 = 1024;
/// Accepting fails while descriptors are short; trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Face {
    pub(super) address: SocketAddr,
    pub(super) common: Arc<Common>,
    pub(super) stand: watch::Sender<Stand>,
    /// Requests at this address.
    pub(super) asked: AtomicU64,
    /// None: nobody listens.
    ear: Mutex<Option<Arc<TcpListener>>>,
    runtime: Handle,
}

/// How it stands with an address.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stand {
    pub(super) mode: Mode,
    /// When the mode was set.
    pub(super) since_ms: u64,
    /// Rises when the panel is killed: connections of an earlier life do not see a later one.
    pub(super) life: u64,
}

impl Face {
    pub(super) fn open(address: SocketAddr, common: &Arc<Common>, runtime: &Handle) -> io::Result<Arc<Self>> {
        let listener = Arc::new(bind(address, runtime)?);
        let face = Arc::new(Self {
            address: listener.local_addr()?,
            common: Arc::clone(common),
            stand: watch::Sender::new(Stand::default()),
            asked: AtomicU64::new(0),
            ear: Mutex::new(Some(Arc::clone(&listener))),
            runtime: runtime.clone(),
        });
        face.listen(listener);
        Ok(face)
    }

    pub(super) fn mode(&self) -> Mode {
        self.stand.borrow().mode
    }

    pub(super) fn set(self: &Arc<Self>, mode: Mode) -> io::Result<()> {
        let mut ear = self.ear.lock();
        let mut fresh = None;
        if mode.listens() && ear.is_none() {
            fresh = Some(Arc::new(bind(self.address, &self.runtime)?));
        } else if !mode.listens()
            && let Some(listener) = ear.take()
        {
            // The kernel refuses from here on; the task that accepts wakes up and lets go of it.
            let _ = SockRef::from(&*listener).shutdown(Shutdown::Both);
        }
        self.stand.send_modify(|stand| {
            if stand.mode != mode {
                stand.since_ms = clock::now().mono_ms;
            }
            stand.life += u64::from(mode == Mode::Killed);
            stand.mode = mode;
        });
        // Only now, so that whoever comes in finds the new mode.
        if let Some(listener) = fresh {
            *ear = Some(Arc::clone(&listener));
            self.listen(listener);
        }
        Ok(())
    }

    fn listen(self: &Arc<Self>, listener: Arc<TcpListener>) {
        self.runtime.spawn(accept(listener, Arc::clone(self)));
    }
}

/// Ends with the listener.
async fn accept(listener: Arc<TcpListener>, face: Arc<Face>) {
    let mut stand = face.stand.subscribe();
    loop {
        if stand.borrow_and_update().mode == Mode::Stopped {
            let _ = stand.changed().await;
            continue;
        }
        let accepted = tokio::select! {
            biased;
            _ = stand.changed() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                face.common.tally.connection();
                tokio::spawn(line::serve(stream, Arc::clone(&face)));
            }
            // What a listener says that was shut down.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return,
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// The error names the address.
fn bind(address: SocketAddr, runtime: &Handle) -> io::Result<TcpListener> {
    listener(address, runtime).map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
}

fn listener(address: SocketAddr, runtime: &Handle) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // A panel that comes back finds its old connections in the way.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let _inside = runtime.enter();
    TcpListener::from_std(socket.into())
}
