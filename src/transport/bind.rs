//! Opening the listening sockets, all or none, and saying in a sentence why one could not be.

use super::{lanes, sys};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::fmt;
use std::hash::BuildHasher;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// Asked for on UDP sockets: a burst of some thousand queries is kept while a worker is off the CPU. The kernel may give less.
const UDP_BUFFER: usize = 1 << 20;

/// Connections waiting to be accepted; the kernel cuts it down to net.core.somaxconn.
const BACKLOG: i32 = 4096;

/// Bytes of answers the kernel queues for a connection beyond what is on the way: with autotuning alone a client that
/// does not read would hold megabytes.
const TCP_NOT_SENT: u32 = 64 << 10;

/// Where the operator wrote the addresses.
const DNS: &str = "[dns].listen";

/// Ports tried for port 0 until one is free for both UDP and TCP.
const PORT_TRIES: usize = 64;

/// The sockets of one address.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) address: SocketAddr,
    /// The common ones, then as many for queries with cookies.
    pub(super) udp: Vec<UdpSocket>,
    pub(super) tcp: TcpListener,
}

/// Why no listening is possible. Its text is a sentence for the operator.
#[derive(Debug)]
pub enum BindError {
    /// The list of addresses is empty.
    Nothing,
    /// `second` is within what `first` listens on already.
    Twice { first: SocketAddr, second: SocketAddr },
    /// The system refused.
    Socket { address: SocketAddr, over: &'static str, key: &'static str, source: io::Error },
}

impl BindError {
    /// The same sentences for the listener of the API.
    pub fn api(address: SocketAddr, source: io::Error) -> Self {
        Self::Socket { address, over: "TCP", key: "[admin].listen", source }
    }
}

pub(super) fn open(addresses: &[SocketAddr], workers: usize) -> Result<Vec<Listener>, BindError> {
    if addresses.is_empty() {
        return Err(BindError::Nothing);
    }
    for (i, &second) in addresses.iter().enumerate() {
        if let Some(&first) = addresses[..i].iter().find(|first| overlap(first, &second)) {
            return Err(BindError::Twice { first, second });
        }
    }
    addresses.iter().map(|&address| open_one(address, workers)).collect()
}

fn overlap(a: &SocketAddr, b: &SocketAddr) -> bool {
    a.port() != 0
        && a.port() == b.port()
        && a.is_ipv4() == b.is_ipv4()
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

fn open_one(address: SocketAddr, workers: usize) -> Result<Listener, BindError> {
    let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        match open_both(address, workers) {
            Err(BindError::Socket { source, .. }) if tries > 0 && source.kind() == io::ErrorKind::AddrInUse => {}
            result => return result,
        }
    }
}

/// TCP first: its listener cannot be shared, so while it stands no second server of ours gets as far as the UDP sockets.
fn open_both(asked: SocketAddr, workers: usize) -> Result<Listener, BindError> {
    let wrong = |over, address| move |source| BindError::Socket { address, over, key: DNS, source };
    let tcp = tcp(asked).map_err(wrong("TCP", asked))?;
    let address = tcp.local_addr().map_err(wrong("TCP", asked))?;
    // SO_REUSEPORT would let us share the port with any other process of this user and lose half the queries to it: without
    // it, the bind fails if anybody else is there.
    drop(udp(address, false).map_err(wrong("UDP", address))?);
    let udp: Vec<UdpSocket> = (0..2 * workers).map(|_| udp(address, true)).collect::<io::Result<_>>().map_err(wrong("UDP", address))?;
    if let Err(error) = sys::choose_socket_by(&udp[0], &lanes::program(workers as u32, address.is_ipv6(), secret())) {
        tracing::warn!(%address, %error, "the kernel does not tell queries with cookies from others: under overload all wait in one queue");
    }
    Ok(Listener { address, udp, tcp })
}

/// Another one in each process and for each port.
fn secret() -> [u32; 3] {
    let keys = std::collections::hash_map::RandomState::new();
    [0u32, 1, 2].map(|n| keys.hash_one(n) as u32)
}

fn udp(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let v6 = address.is_ipv6();
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if v6 {
        socket.set_only_v6(true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
        // Less than asked for is no reason not to serve.
        let _ = socket.set_recv_buffer_size(UDP_BUFFER);
        let _ = socket.set_send_buffer_size(UDP_BUFFER);
        sys::ignore_path_mtu(&socket, v6)?;
        if address.ip().is_unspecified() {
            sys::want_packet_info(&socket, v6)?;
        }
    }
    socket.bind(&SockAddr::from(address))?;
    Ok(socket.into())
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Past connections in TIME_WAIT must not keep a restarted server away; two listeners still exclude each other.
    socket.set_reuse_address(true)?;
    // Accepted connections inherit it; a kernel that does not know it costs memory, not answers.
    let _ = socket.set_tcp_notsent_lowat(TCP_NOT_SENT);
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "there is no address to listen on: name at least one in [dns].listen"),
            Self::Twice { first, second } => {
                write!(f, "{second} is listened on already as {first}: remove one of the two from [dns].listen")
            }
            Self::Socket { address, over, key, source } => {
                write!(f, "cannot listen on {address} ({over}): ")?;
                let ip = address.ip();
                match source.kind() {
                    io::ErrorKind::AddrInUse => write!(
                        f,
                        "another server uses it. Stop that one (`ss -lpn 'sport = :{}'` names it) or change {key}",
                        address.port()
                    ),
                    io::ErrorKind::PermissionDenied if address.port() < 1024 => write!(
                        f,
                        "ports below 1024 need the capability CAP_NET_BIND_SERVICE. Give it to the process \
                         (AmbientCapabilities= in systemd, or `setcap cap_net_bind_service+ep` on the binary) or take a higher port"
                    ),
                    io::ErrorKind::AddrNotAvailable => write!(
                        f,
                        "this machine has no address {ip}. Name one it has, or {} for all",
                        if ip.is_ipv4() { "0.0.0.0" } else { "[::]" }
                    ),
                    _ if source.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
                        write!(f, "this machine has no IPv{}. Remove it from {key}", if ip.is_ipv4() { 4 } else { 6 })
                    }
                    _ if source.raw_os_error() == Some(libc::EMFILE) => write!(
                        f,
                        "too few files may be open. Raise the limit (LimitNOFILE= in systemd, ulimit -n in a shell), or lower [dns].workers"
                    ),
                    _ => write!(f, "{source}"),
                }
            }
        }
    }
}

/// The cause stands in the text already.
impl std::error::Error for BindError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(address: &str, errno: i32) -> String {
        BindError::Socket { address: address.parse().unwrap(), over: "UDP", key: DNS, source: io::Error::from_raw_os_error(errno) }
            .to_string()
    }

    #[test]
    fn refusals_say_what_to_do() {
        assert!(said("192.0.2.1:53", libc::EACCES).contains("CAP_NET_BIND_SERVICE"));
        assert!(!said("192.0.2.1:5300", libc::EACCES).contains("CAP_NET_BIND_SERVICE"));
        assert!(said("[::1]:53", libc::EADDRINUSE).contains("cannot listen on [::1]:53 (UDP): another server uses it"));
        assert!(said("[::1]:53", libc::EAFNOSUPPORT).contains("has no IPv6"));
        assert!(said("192.0.2.1:53", libc::EMFILE).contains("too few files may be open"));
        let api = BindError::api("127.0.0.1:8080".parse().unwrap(), io::Error::from_raw_os_error(libc::EADDRINUSE)).to_string();
        assert!(api.contains("another server uses it") && api.contains("or change [admin].listen"), "{api}");
        assert!(said("192.0.2.1:53", libc::ENOBUFS).contains("No buffer space"));
    }

    #[test]
    fn only_addresses_that_exclude_each_other_overlap() {
        for (a, b, overlaps) in [
            ("0.0.0.0:53", "192.0.2.1:53", true),
            ("0.0.0.0:53", "[::]:53", false),
            ("[::]:53", "[::1]:53", true),
            ("192.0.2.1:53", "192.0.2.1:54", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            assert_eq!(overlap(&a.parse().unwrap(), &b.parse().unwrap()), overlaps, "{a} {b}");
        }
    }
}
