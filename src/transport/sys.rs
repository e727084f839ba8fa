//! The system calls the standard library has no safe form of. All `unsafe` of the project is here and below.
//!
//! Owns   the buffers of a batch of datagrams and the C structures that describe them.
//! Takes  a socket and, for each datagram read, how long its answer is.
//! Gives  datagrams in and out, many a system call, each answer leaving from the address that was asked.
//! Never  allocates after `Batch::new`, and never looks into a message.

#![allow(unsafe_code)]

mod process;

pub(super) use process::nofile;
pub use process::{raise_nofile, return_free_pages, return_freed_memory, return_program_pages};

use libc::{c_int, c_void, cmsghdr, in_pktinfo, in6_pktinfo, iovec, mmsghdr, msghdr, sockaddr_in, sockaddr_in6, sockaddr_storage};
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

/// Datagrams a system call; measured: more brings nothing, fewer costs a third of the throughput under load.
pub(super) const BATCH: usize = 32;

/// Longest query taken whole over UDP. Real ones are below 512; what is cut fails to parse and is told so.
pub(super) const QUERY: usize = 4096;

/// Longest answer over UDP; the configuration allows `udp_size` no more.
pub(super) const ANSWER: usize = 4096;

/// Buffers lie so far apart. At a multiple of a page the first bytes of all would compete for the same few lines of the CPU's cache.
const APART: usize = 4096 + 3 * 64;
const _: () = assert!(QUERY <= APART && ANSWER <= APART);

/// Longer answers are not sent together: they must fit the path as they are.
const SEGMENT: usize = 1232;

/// Room for one IP_PKTINFO or IPV6_PKTINFO message (32 and 40 bytes with header and padding), and 24 bytes for UDP_SEGMENT.
const CONTROL: usize = 64;

/// Control messages want the alignment of their header.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

/// What became of the answers of one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) sent: usize,
    pub(super) unsent: usize,
}

/// One read datagram, and the room for its answer.
pub(super) struct Datagram<'a> {
    pub(super) peer: SocketAddr,
    pub(super) query: &'a [u8],
    pub(super) answer: &'a mut [u8],
}

/// The buffers of one worker: `receive`, then `datagram` and `answer` for each, then `send`.
///
/// Of the structures for receiving only those are set up anew that were used: a wake-up for one query sets up one, not all.
pub(super) struct Batch {
    queries: Box<[[u8; APART]]>,
    answers: Box<[[u8; APART]]>,
    peers: Box<[sockaddr_storage]>,
    controls: Box<[Control]>,
    /// Of answers that are sent together.
    trailers: Box<[Control]>,
    inbound_vectors: Box<[iovec]>,
    inbound: Box<[mmsghdr]>,
    outbound_vectors: Box<[iovec]>,
    outbound: Box<[mmsghdr]>,
    received: [Received; BATCH],
    /// How many of `inbound` are to be set up: all at first, then those that the kernel has written to.
    used: usize,
    queued: [(usize, usize); BATCH],
    queue_len: usize,
    /// Answers to one peer may be sent together.
    together: bool,
}

#[derive(Clone, Copy)]
struct Received {
    len: usize,
    peer_len: libc::socklen_t,
    control_len: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        // SAFETY: all three are plain C structures of integers and nullable pointers; all zeroes is a value of each.
        let (peer, vector, header) = unsafe { (zeroed::<sockaddr_storage>(), zeroed::<iovec>(), zeroed::<mmsghdr>()) };
        Self {
            queries: vec![[0; APART]; BATCH].into_boxed_slice(),
            answers: vec![[0; APART]; BATCH].into_boxed_slice(),
            peers: vec![peer; BATCH].into_boxed_slice(),
            controls: vec![Control([0; CONTROL]); BATCH].into_boxed_slice(),
            trailers: vec![Control([0; CONTROL]); BATCH].into_boxed_slice(),
            inbound_vectors: vec![vector; BATCH].into_boxed_slice(),
            inbound: vec![header; BATCH].into_boxed_slice(),
            outbound_vectors: vec![vector; BATCH].into_boxed_slice(),
            outbound: vec![header; BATCH].into_boxed_slice(),
            received: [Received { len: 0, peer_len: 0, control_len: 0 }; BATCH],
            used: BATCH,
            queued: [(0, 0); BATCH],
            queue_len: 0,
            together: true,
        }
    }

    /// Reads what is there, up to a batch; with `wait`, waits for the first, or until the socket is woken.
    pub(super) fn receive(&mut self, socket: &UdpSocket, wait: bool) -> io::Result<usize> {
        self.queue_len = 0;
        for i in 0..self.used {
            self.inbound_vectors[i] = iovec { iov_base: self.queries[i].as_mut_ptr().cast(), iov_len: QUERY };
            let header = &mut self.inbound[i].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.peers[i]).cast();
            header.msg_namelen = size_of::<sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = ptr::from_mut(&mut self.inbound_vectors[i]);
            header.msg_iovlen = 1;
            header.msg_control = ptr::from_mut(&mut self.controls[i]).cast();
            header.msg_controllen = CONTROL as _;
            header.msg_flags = 0;
        }
        let flags = if wait { libc::MSG_WAITFORONE } else { libc::MSG_DONTWAIT };
        // SAFETY: each of the BATCH headers was pointed, now or in an earlier call, at buffers that `self` owns on the heap and never
        // replaces, with their true lengths; nothing else touches them before the call returns; a null time-out means none.
        let count = unsafe { libc::recvmmsg(socket.as_raw_fd(), self.inbound.as_mut_ptr(), BATCH as _, flags as _, ptr::null_mut()) };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            // What it wrote before it failed is not told.
            self.used = BATCH;
            return Err(error);
        };
        self.used = count;
        if self.inbound[0].msg_hdr.msg_namelen == 0 {
            // Nobody sent it: it is the end of waiting.
            return Err(io::ErrorKind::WouldBlock.into());
        }
        for (received, header) in self.received.iter_mut().zip(&self.inbound[..count]) {
            *received = Received {
                len: (header.msg_len as usize).min(QUERY),
                peer_len: header.msg_hdr.msg_namelen,
                control_len: answer_from(&header.msg_hdr),
            };
        }
        Ok(count)
    }

    /// What the `i`th datagram of the last `receive` holds, and who sent it.
    #[inline]
    pub(super) fn query(&self, i: usize) -> (&[u8], IpAddr) {
        let peer = address(&self.peers[i], self.received[i].peer_len).map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
        (&self.queries[i][..self.received[i].len], peer)
    }

    /// The `i`th datagram of the last `receive`; nothing if its sender cannot be answered.
    pub(super) fn datagram(&mut self, i: usize) -> Option<Datagram<'_>> {
        let peer = address(&self.peers[i], self.received[i].peer_len)?;
        if peer.port() == 0 {
            return None;
        }
        Some(Datagram { peer, query: &self.queries[i][..self.received[i].len], answer: &mut self.answers[i][..ANSWER] })
    }

    /// Queues the first `len` bytes of the `i`th answer; at most once for each `i`.
    pub(super) fn answer(&mut self, i: usize, len: usize) {
        self.queued[self.queue_len] = (i, len.min(ANSWER));
        self.queue_len += 1;
    }

    /// Sends what is queued. A datagram the kernel refuses is skipped, a full queue ends the batch: waiting or trying
    /// again would take time from those who ask next.
    #[allow(clippy::unnecessary_cast, reason = "musl has msg_iovlen as c_int")]
    pub(super) fn send(&mut self, socket: &UdpSocket) -> Sent {
        let count = std::mem::take(&mut self.queue_len);
        let mut done = Sent::default();
        let (mut next, mut group, mut groups) = (0, 0, self.arrange(0, count));
        while group < groups {
            let rest = &mut self.outbound[group..groups];
            // SAFETY: `arrange` has pointed these headers at buffers of `self` with their true lengths; the kernel only reads them.
            let rc = unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as _, libc::MSG_DONTWAIT as _) };
            if let Ok(sent @ 1..) = usize::try_from(rc) {
                let answers: usize = rest[..sent].iter().map(|header| header.msg_hdr.msg_iovlen as usize).sum();
                done.sent += answers;
                (next, group) = (next + answers, group + sent);
                continue;
            }
            match io::Error::last_os_error().raw_os_error() {
                Some(libc::EINTR) if rc < 0 => {}
                Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) if rc < 0 => break,
                _ if rest[0].msg_hdr.msg_iovlen > 1 => {
                    // Some path takes no groups: from now on each goes by itself.
                    self.together = false;
                    (group, groups) = (0, self.arrange(next, count));
                }
                _ => (next, group) = (next + 1, group + 1),
            }
        }
        done.unsent = count - done.sent;
        done
    }

    /// Points the structures for sending at the queued answers from `from` on, and gives how many they are. Answers of one length that go
    /// one after the other to one peer are one message that the kernel cuts up: forwarders and other busy askers have few ports, and most
    /// of what an answer costs is its way through the kernel.
    fn arrange(&mut self, from: usize, count: usize) -> usize {
        let mut groups = 0;
        for at in from..count {
            let (i, len) = self.queued[at];
            let received = self.received[i];
            self.outbound_vectors[at] = iovec { iov_base: self.answers[i].as_mut_ptr().cast(), iov_len: len };
            if at > from && self.together && len == self.queued[at - 1].1 && len <= SEGMENT && self.is_same_way(self.queued[at - 1].0, i) {
                let header = &mut self.outbound[groups - 1].msg_hdr;
                header.msg_iovlen += 1;
                if header.msg_iovlen == 2 {
                    let control = &mut self.trailers[groups - 1];
                    control.0[..received.control_len].copy_from_slice(&self.controls[i].0[..received.control_len]);
                    header.msg_controllen = cut_into(control, received.control_len, len as u16) as _;
                    header.msg_control = ptr::from_mut(control).cast();
                }
                continue;
            }
            let header = &mut self.outbound[groups].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.peers[i]).cast();
            header.msg_namelen = received.peer_len;
            header.msg_iov = ptr::from_mut(&mut self.outbound_vectors[at]);
            header.msg_iovlen = 1;
            header.msg_control = if received.control_len == 0 { ptr::null_mut() } else { ptr::from_mut(&mut self.controls[i]).cast() };
            header.msg_controllen = received.control_len as _;
            header.msg_flags = 0;
            groups += 1;
        }
        groups
    }

    /// Both go to one peer, and leave from one address.
    fn is_same_way(&self, a: usize, b: usize) -> bool {
        let (one, other) = (&self.received[a], &self.received[b]);
        one.peer_len == other.peer_len
            && one.control_len == other.control_len
            && address(&self.peers[a], one.peer_len) == address(&self.peers[b], other.peer_len)
            && self.controls[a].0[..one.control_len] == self.controls[b].0[..other.control_len]
    }
}

/// Adds to a message's control, of `len` bytes so far, that it is to be cut into datagrams of `size` bytes; gives the new length.
#[allow(clippy::unnecessary_cast, reason = "musl has cmsg_len as u32")]
fn cut_into(control: &mut Control, len: usize, size: u16) -> usize {
    const TAKES: usize = size_of::<cmsghdr>() + 8;
    let place = &mut control.0[len..len + TAKES];
    // SAFETY: `place` is as long as one such message takes, and aligned for its header: `Control` is, and so is what came before it.
    unsafe {
        let message = place.as_mut_ptr().cast::<cmsghdr>();
        (*message).cmsg_level = libc::SOL_UDP;
        (*message).cmsg_type = libc::UDP_SEGMENT;
        (*message).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as _) as _;
        libc::CMSG_DATA(message).cast::<u16>().write_unaligned(size);
    }
    len + TAKES
}

/// Turns the packet information that came with a datagram into that of its answer, in place; gives its length.
#[allow(clippy::unnecessary_cast, reason = "musl has cmsg_len as u32")]
fn answer_from(header: &msghdr) -> usize {
    // SAFETY: the kernel has just filled `msg_control` up to `msg_controllen`, and the pointer is to a whole `Control`,
    // aligned for its header; the lengths are checked before the payload is touched, and CONTROL holds either payload.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        let Some(kind) = message.as_ref().map(|m: &cmsghdr| (m.cmsg_level, m.cmsg_type, m.cmsg_len as usize)) else { return 0 };
        match kind {
            (libc::IPPROTO_IP, libc::IP_PKTINFO, len) if len >= libc::CMSG_LEN(size_of::<in_pktinfo>() as _) as usize => {
                let data = libc::CMSG_DATA(message).cast::<in_pktinfo>();
                let mut info = data.read_unaligned();
                // The way back may be another interface than the way in.
                info.ipi_ifindex = 0;
                data.write_unaligned(info);
                libc::CMSG_SPACE(size_of::<in_pktinfo>() as _) as usize
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, len) if len >= libc::CMSG_LEN(size_of::<in6_pktinfo>() as _) as usize => {
                let data = libc::CMSG_DATA(message).cast::<in6_pktinfo>();
                let mut info = data.read_unaligned();
                let asked = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                if asked.is_multicast() {
                    return 0;
                }
                // A link-local address means nothing without its interface; any other may leave by another one.
                if !asked.is_unicast_link_local() {
                    info.ipi6_ifindex = 0;
                }
                data.write_unaligned(info);
                libc::CMSG_SPACE(size_of::<in6_pktinfo>() as _) as usize
            }
            _ => 0,
        }
    }
}

fn address(storage: &sockaddr_storage, len: libc::socklen_t) -> Option<SocketAddr> {
    match c_int::from(storage.ss_family) {
        libc::AF_INET if len as usize >= size_of::<sockaddr_in>() => {
            // SAFETY: the family says it is a `sockaddr_in`, for which `sockaddr_storage` has the room and the alignment.
            let v4 = unsafe { &*ptr::from_ref(storage).cast::<sockaddr_in>() };
            Some(SocketAddrV4::new(u32::from_be(v4.sin_addr.s_addr).into(), u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 if len as usize >= size_of::<sockaddr_in6>() => {
            // SAFETY: as above, for `sockaddr_in6`.
            let v6 = unsafe { &*ptr::from_ref(storage).cast::<sockaddr_in6>() };
            Some(SocketAddrV6::new(v6.sin6_addr.s6_addr.into(), u16::from_be(v6.sin6_port), v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Has each datagram tell the address it was sent to. Needed on wildcard listeners only.
pub(super) fn want_packet_info(socket: &impl AsRawFd, v6: bool) -> io::Result<()> {
    let (level, option) = if v6 { (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO) } else { (libc::IPPROTO_IP, libc::IP_PKTINFO) };
    set(socket.as_raw_fd(), level, option, 1)
}

/// Neither sets "don't fragment" nor believes what ICMP says of the path: a forged one cannot make answers fragment.
pub(super) fn ignore_path_mtu(socket: &impl AsRawFd, v6: bool) -> io::Result<()> {
    let (level, option, value) = if v6 {
        (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT)
    } else {
        (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)
    };
    set(socket.as_raw_fd(), level, option, value)
}

/// One instruction of the classic packet filter.
pub(super) use libc::sock_filter as Instruction;

/// Of all sockets bound to the port of this one, the program says which gets a packet: by its number, in the order they were bound.
pub(super) fn choose_socket_by(socket: &impl AsRawFd, program: &[Instruction]) -> io::Result<()> {
    let len = u16::try_from(program.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel copies as many instructions as are told from a slice that lives through the call, checks them, and writes nothing.
    let rc = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            ptr::from_ref(&program).cast::<c_void>(),
            size_of::<libc::sock_fprog>() as _,
        )
    };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whoever waits for datagrams waits no longer, now and later; what has arrived can still be read.
pub(super) fn wake(socket: &impl AsRawFd) {
    // SAFETY: takes no pointer. That the socket is not connected is an error to the kernel, which does what is asked all the same.
    let _ = unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RD) };
}

fn set(fd: RawFd, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: `value` lives through the call and its true size is given.
    let rc = unsafe { libc::setsockopt(fd, level, option, ptr::from_ref(&value).cast::<c_void>(), size_of::<c_int>() as _) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn pair() -> (UdpSocket, UdpSocket) {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        for socket in [&server, &client] {
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        }
        (server, client)
    }

    fn echo(batch: &mut Batch, count: usize) {
        for i in 0..count {
            let datagram = batch.datagram(i).unwrap();
            let len = datagram.query.len();
            datagram.answer[..len].copy_from_slice(datagram.query);
            batch.answer(i, len);
        }
    }

    #[test]
    fn what_the_kernel_refuses_is_skipped() {
        let (server, client) = pair();
        for byte in 0..5 {
            client.send(&[byte]).unwrap();
        }
        let mut batch = Batch::new();
        let count = batch.receive(&server, true).unwrap();
        assert_eq!(count, 5);
        echo(&mut batch, count);
        for refused in [0, 2, 4] {
            // No such family on an IPv4 socket.
            batch.peers[refused].ss_family = libc::AF_INET6 as _;
        }
        assert_eq!(batch.send(&server), Sent { sent: 2, unsent: 3 });
        let mut answer = [9; 8];
        for wanted in [1, 3] {
            assert_eq!((client.recv(&mut answer).unwrap(), answer[0]), (1, wanted));
        }
        assert_eq!(batch.send(&server), Sent::default(), "nothing is sent twice");
    }

    #[test]
    fn more_than_a_batch_takes_several_calls_and_then_nothing_waits() {
        let (server, client) = pair();
        for byte in 0..BATCH as u8 + 3 {
            client.send(&[byte]).unwrap();
        }
        let mut batch = Batch::new();
        for wanted in [BATCH, 3] {
            let count = batch.receive(&server, false).unwrap();
            assert_eq!(count, wanted);
            echo(&mut batch, count);
            assert_eq!(batch.send(&server), Sent { sent: wanted, unsent: 0 });
        }
        assert_eq!(batch.receive(&server, false).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn answers_to_one_peer_go_together_and_arrive_one_by_one() {
        for (server, home) in [("127.0.0.1:0", "127.0.0.1:0"), ("0.0.0.0:0", "127.0.0.1:0"), ("[::]:0", "[::1]:0")] {
            let server = UdpSocket::bind(server).unwrap();
            if server.local_addr().unwrap().ip().is_unspecified() {
                want_packet_info(&server, server.local_addr().unwrap().is_ipv6()).unwrap();
            }
            let to = SocketAddr::new(home.parse::<SocketAddr>().unwrap().ip(), server.local_addr().unwrap().port());
            let [one, other] = [(); 2].map(|()| {
                let client = UdpSocket::bind(home).unwrap();
                client.connect(to).unwrap();
                client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                client
            });
            let of = |byte: u8, len: usize| vec![byte; len];
            // Who sends, and what: runs of one length, a shorter and a longer one, another peer in between.
            let sent = [(0, 1, 50), (0, 2, 50), (0, 3, 50), (0, 4, 49), (1, 5, 49), (1, 6, 49), (0, 7, 60), (0, 8, 1400), (0, 9, 1400)];
            for (who, byte, len) in sent {
                [&one, &other][who].send(&of(byte, len)).unwrap();
            }
            for together in [true, false] {
                let mut batch = Batch::new();
                batch.together = together;
                let count = match together {
                    true => batch.receive(&server, true).unwrap(),
                    false => {
                        for (who, byte, len) in sent {
                            [&one, &other][who].send(&of(byte, len)).unwrap();
                        }
                        batch.receive(&server, true).unwrap()
                    }
                };
                assert_eq!(count, sent.len());
                echo(&mut batch, count);
                let queued = batch.queue_len;
                let groups = batch.arrange(0, queued);
                assert_eq!(groups, if together { 6 } else { 9 }, "three and two go as one, what is too long goes alone");
                assert_eq!(batch.send(&server), Sent { sent: 9, unsent: 0 });
                assert_eq!(batch.together, together, "loopback takes them");
                let mut answer = [0; 2048];
                for (who, byte, len) in sent {
                    let got = [&one, &other][who].recv(&mut answer).unwrap();
                    assert_eq!(answer[..got], of(byte, len));
                }
            }
        }
    }

    #[test]
    fn where_groups_are_refused_each_goes_by_itself() {
        let (server, client) = pair();
        for byte in 0..5 {
            client.send(&[byte, byte]).unwrap();
        }
        let mut batch = Batch::new();
        let count = batch.receive(&server, true).unwrap();
        assert_eq!(count, 5);
        echo(&mut batch, count);
        // The kernel refuses to cut up what has no checksum.
        set(server.as_raw_fd(), libc::SOL_SOCKET, libc::SO_NO_CHECK, 1).unwrap();
        assert_eq!(batch.send(&server), Sent { sent: 5, unsent: 0 });
        assert!(!batch.together);
        let mut answer = [9; 8];
        for wanted in 0..5 {
            assert_eq!((client.recv(&mut answer).unwrap(), answer[0]), (2, wanted));
        }
    }

    #[test]
    fn who_is_woken_waits_no_more_and_still_reads_what_came() {
        let (server, client) = pair();
        server.set_read_timeout(None).unwrap();
        let waiting = server.try_clone().unwrap();
        let waits = std::thread::spawn(move || Batch::new().receive(&waiting, true).unwrap_err().kind());
        wake(&server);
        assert_eq!(waits.join().unwrap(), io::ErrorKind::WouldBlock);
        client.send(&[7]).unwrap();
        let mut batch = Batch::new();
        assert_eq!((batch.receive(&server, false).unwrap(), batch.datagram(0).unwrap().query), (1, &[7][..]));
        assert_eq!(batch.receive(&server, false).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn source_port_0_gets_no_answer() {
        let (server, client) = pair();
        client.send(&[1]).unwrap();
        let mut batch = Batch::new();
        assert_eq!(batch.receive(&server, true).unwrap(), 1);
        // SAFETY: the datagram came over IPv4, so this is its `sockaddr_in`.
        unsafe { (*ptr::from_mut(&mut batch.peers[0]).cast::<sockaddr_in>()).sin_port = 0 };
        assert!(batch.datagram(0).is_none());
    }
}
