//! Connections to panels.

use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// An idle connection says nothing by itself, and a host that vanished does not either: asked this often, silence is noticed,
/// and no firewall in between forgets the connection (some do after half a minute).
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(10)).with_interval(Duration::from_secs(2)).with_retries(3);

/// To be talked over.
pub(super) async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = reach(socket(to)?, to).await?;
    // A request is one write: waiting for more to fill a segment only delays it.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// To be closed at once. With a reset, as HAProxy does: a FIN would leave a socket in TIME_WAIT here for a minute, and of those
/// thousands at 2,000 checks a second. Servers take a reset before the first byte for a client that left, below their log level.
pub(super) async fn knock(to: SocketAddr) -> io::Result<()> {
    let socket = socket(to)?;
    socket.set_zero_linger()?;
    reach(socket, to).await.map(drop)
}

/// To be kept, and to be asked whether it still stands.
pub(super) async fn hold(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = reach(socket(to)?, to).await?;
    SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE)?;
    Ok(stream)
}

/// Routers and firewalls on the way say that there is no route, too. Only where this host has none is that not about the panel.
async fn reach(socket: TcpSocket, to: SocketAddr) -> io::Result<TcpStream> {
    socket.connect(to).await.map_err(|error| {
        let has_route = || UdpSocket::bind((unspecified(to), 0)).and_then(|socket| socket.connect(to)).is_ok();
        let is_far = error.raw_os_error() == Some(libc::ENETUNREACH) && has_route();
        if is_far { io::Error::from_raw_os_error(libc::EHOSTUNREACH) } else { error }
    })
}

fn unspecified(to: SocketAddr) -> IpAddr {
    if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

fn socket(to: SocketAddr) -> io::Result<TcpSocket> {
    match to {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
}
