//! Connections to panels.

use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// An idle connection says nothing by itself, and a host that vanished does not either: asked this often, silence is noticed,
/// and no firewall in between forgets the connection (some do after half a minute).
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(10)).with_interval(Duration::from_secs(2)).with_retries(3);

/// To be talked over.
pub(super) async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = socket(to)?.connect(to).await?;
    // A request is one write: waiting for more to fill a segment only delays it.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// To be closed at once. With a reset, as HAProxy does: a FIN would leave a socket in TIME_WAIT here for a minute, and of those
/// thousands at 2,000 checks a second. Servers take a reset before the first byte for a client that left, below their log level.
pub(super) async fn knock(to: SocketAddr) -> io::Result<()> {
    let socket = socket(to)?;
    socket.set_zero_linger()?;
    socket.connect(to).await.map(drop)
}

/// To be kept, and to be asked whether it still stands.
pub(super) async fn hold(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = socket(to)?.connect(to).await?;
    SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE)?;
    Ok(stream)
}

fn socket(to: SocketAddr) -> io::Result<TcpSocket> {
    match to {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
}
