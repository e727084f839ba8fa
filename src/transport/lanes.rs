//! Two lanes for UDP: queries that carry a server cookie do not queue behind those that carry none.
//!
//! When more comes than can be answered, sockets overflow and the kernel drops by chance. Whoever floods has no cookies or makes them up
//! for an address that is not his; clients who were answered before have ours. So the kernel is told to put queries with a server cookie
//! onto sockets of their own, with workers of their own. It looks at their form only: whether a cookie is true the handler says.
//!
//! The instructions are those of the classic packet filter (`bpf(4)`), which has no loops: names of more labels and records of more options
//! than are looked at go the common way, which is no harm.

use super::sys::Instruction;

/// Labels and options looked at.
const LABELS: usize = 8;
const OPTIONS: usize = 6;
/// Header, the shortest question, an OPT record, and a cookie with its head.
const SHORTEST: u32 = 12 + 5 + 11 + COOKIE;
/// Head, client cookie, server cookie (RFC 9018).
const COOKIE: u32 = 4 + 8 + 16;

// Of the classic filter: what an instruction does, with what, and how much of it.
const LD: u16 = 0x00;
const LDX: u16 = 0x01;
const ST: u16 = 0x02;
const ALU: u16 = 0x04;
const JMP: u16 = 0x05;
const RET: u16 = 0x06;
const TAX: u16 = 0x07;
const WORD: u16 = 0x00;
const HALF: u16 = 0x08;
const BYTE: u16 = 0x10;
const ABS: u16 = 0x20;
const IND: u16 = 0x40;
const MEM: u16 = 0x60;
const LEN: u16 = 0x80;
const ADD: u16 = 0x00;
const SUB: u16 = 0x10;
const MUL: u16 = 0x20;
const RSH: u16 = 0x70;
const MOD: u16 = 0x90;
const XOR: u16 = 0xa0;
const JEQ: u16 = 0x10;
const JGT: u16 = 0x20;
const JGE: u16 = 0x30;
const X: u16 = 0x08;
const RET_A: u16 = 0x10;
/// From here on offsets count from the network header.
const NETWORK: u32 = -0x10_0000_i32 as u32;

/// Where a jump leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Next,
    Options,
    Cookie,
    Common,
    Spread,
}

#[derive(Default)]
struct Program {
    instructions: Vec<(Instruction, To, To)>,
    places: Vec<(To, usize)>,
}

/// Which of the sockets of a port, in the order they were bound, gets a packet: one of the first `workers`, or of the next `workers` if it has a
/// server cookie. Packets of one client and port always go to one socket; which, nobody can work out who does not know the secret.
pub(super) fn program(workers: u32, is_v6: bool, secret: [u32; 3]) -> Vec<Instruction> {
    let mut it = Program::default();
    // One question, nothing else but additional records.
    it.put(LD | LEN, 0);
    it.jump(JGE, SHORTEST, To::Next, To::Common);
    it.put(LD | WORD | ABS, 4);
    it.jump(JEQ, 0x0001_0000, To::Next, To::Common);
    it.put(LD | HALF | ABS, 8);
    it.jump(JEQ, 0, To::Next, To::Common);
    it.put(LD | HALF | ABS, 10);
    it.jump(JEQ, 0, To::Common, To::Next);
    it.put(LDX, 12);
    for _ in 0..LABELS {
        it.within(0);
        it.put(LD | BYTE | IND, 0);
        it.jump(JEQ, 0, To::Options, To::Next);
        it.jump(JGT, 63, To::Common, To::Next);
        it.put(ALU | ADD, 1);
        it.forward();
    }
    it.go(To::Common);
    // X is at the root of the question's name: the OPT record must be the next.
    it.place(To::Options);
    it.within(16);
    it.put(LD | BYTE | IND, 5);
    it.jump(JEQ, 0, To::Next, To::Common);
    it.put(LD | HALF | IND, 6);
    it.jump(JEQ, 41, To::Next, To::Common);
    it.put(LD, 16);
    it.forward();
    for _ in 0..OPTIONS {
        it.within(COOKIE - 1);
        it.put(LD | HALF | IND, 0);
        it.jump(JEQ, 10, To::Cookie, To::Next);
        it.put(LD | HALF | IND, 2);
        it.put(ALU | ADD, 4);
        it.forward();
    }
    it.go(To::Common);
    // X is at a cookie option that is whole.
    it.place(To::Cookie);
    it.put(LD | HALF | IND, 2);
    it.jump(JEQ, COOKIE - 4, To::Next, To::Common);
    it.put(LD | BYTE | IND, 12);
    it.jump(JEQ, 1, To::Next, To::Common);
    it.put(LD, workers);
    it.put(ST, 0);
    it.go(To::Spread);
    it.place(To::Common);
    it.put(LD, 0);
    it.put(ST, 0);
    it.place(To::Spread);
    // The source address, or its last four bytes, and the source port.
    let (address, port) = if is_v6 { (20, 40) } else { (12, 20) };
    it.put(LD | WORD | ABS, NETWORK + address);
    it.put(TAX, 0);
    it.put(LD | HALF | ABS, NETWORK + port);
    let [first, second, third] = secret;
    it.put(ALU | XOR, second);
    it.put(ALU | MUL, first | 1);
    it.put(ALU | XOR | X, 0);
    it.fold();
    it.put(ALU | MUL, third | 1);
    it.fold();
    it.put(ALU | MUL, first.rotate_left(16) | 1);
    it.put(ALU | RSH, 16);
    it.put(ALU | MOD, workers);
    it.put(LDX | MEM, 0);
    it.put(ALU | ADD | X, 0);
    it.put(RET | RET_A, 0);
    it.finish()
}

impl Program {
    fn put(&mut self, code: u16, k: u32) {
        self.instructions.push((Instruction { code, jt: 0, jf: 0, k }, To::Next, To::Next));
    }

    fn jump(&mut self, test: u16, k: u32, yes: To, no: To) {
        self.instructions.push((Instruction { code: JMP | test, jt: 0, jf: 0, k }, yes, no));
    }

    fn go(&mut self, to: To) {
        self.jump(JGE, 0, to, to);
    }

    /// The byte at X + `beyond` is there.
    fn within(&mut self, beyond: u32) {
        self.put(LD | LEN, 0);
        self.put(ALU | SUB, beyond);
        self.instructions.push((Instruction { code: JMP | JGT | X, jt: 0, jf: 0, k: 0 }, To::Next, To::Common));
    }

    /// The upper half goes into the lower one; X is lost.
    fn fold(&mut self) {
        self.put(TAX, 0);
        self.put(ALU | RSH, 15);
        self.put(ALU | XOR | X, 0);
    }

    /// X goes on by A.
    fn forward(&mut self) {
        self.put(ALU | ADD | X, 0);
        self.put(TAX, 0);
    }

    fn place(&mut self, label: To) {
        self.places.push((label, self.instructions.len()));
    }

    fn finish(self) -> Vec<Instruction> {
        let far = |from: usize, to: To| match self.places.iter().find(|(label, _)| *label == to) {
            Some((_, at)) => u8::try_from(at - from - 1).expect("the program is short"),
            None => 0,
        };
        let resolved = self.instructions.iter().enumerate().map(|(at, (instruction, yes, no))| {
            let mut instruction = *instruction;
            (instruction.jt, instruction.jf) = (far(at, *yes), far(at, *no));
            instruction
        });
        resolved.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sys;
    use super::*;
    use socket2::{Domain, Protocol, SockAddr, Socket, Type};
    use std::net::{SocketAddr, UdpSocket};

    const WORKERS: usize = 3;

    /// Sockets of one port with the program at work.
    fn open(address: SocketAddr) -> Vec<UdpSocket> {
        let mut port = 0;
        let sockets: Vec<UdpSocket> = (0..2 * WORKERS)
            .map(|_| {
                let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP)).unwrap();
                socket.set_reuse_port(true).unwrap();
                socket.bind(&SockAddr::from(SocketAddr::new(address.ip(), port))).unwrap();
                let socket: UdpSocket = socket.into();
                socket.set_nonblocking(true).unwrap();
                port = socket.local_addr().unwrap().port();
                socket
            })
            .collect();
        sys::choose_socket_by(&sockets[0], &program(WORKERS as u32, address.is_ipv6(), [0x1234_5678, 0x9abc_def0, 0x0fed_cba9])).unwrap();
        sockets
    }

    fn option(code: u16, value: &[u8]) -> Vec<u8> {
        [&code.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
    }

    fn query(name: &[u8], options: &[Vec<u8>]) -> Vec<u8> {
        let options = options.concat();
        let head = [&[0, 0, 41, 4, 208, 0, 0, 0, 0][..], &(options.len() as u16).to_be_bytes()].concat();
        [&[0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1][..], name, &[0, 1, 0, 1], &head, &options].concat()
    }

    /// Which socket a datagram came to, sent from a port of its own.
    fn goes(sockets: &[UdpSocket], from: &UdpSocket, datagram: &[u8]) -> usize {
        from.send_to(datagram, sockets[0].local_addr().unwrap()).unwrap();
        let mut buffer = [0; 2048];
        let hit: Vec<usize> = (0..sockets.len()).filter(|n| sockets[*n].recv(&mut buffer).is_ok()).collect();
        assert_eq!(hit.len(), 1, "loopback delivers at once, and once");
        hit[0]
    }

    #[test]
    fn whoever_has_a_server_cookie_goes_apart() {
        let cookie = option(10, &[&[7; 8][..], &[1; 16]].concat());
        let subnet = option(8, &[0, 1, 24, 0, 192, 0, 2]);
        let nsid = option(3, &[]);
        let name = b"\x04live\x06panels\x07example\0";
        let deep = |labels: usize| [b"\x01a".repeat(labels), vec![0]].concat();
        let mut answers = query(name, std::slice::from_ref(&cookie));
        answers[7] = 1;
        let mut two = query(name, std::slice::from_ref(&cookie));
        two[5] = 2;
        let mut wrong_version = query(name, std::slice::from_ref(&cookie));
        let at = wrong_version.len() - 16;
        wrong_version[at] = 2;
        let cut = query(name, std::slice::from_ref(&cookie));
        let cases = [
            ("a cookie", query(name, std::slice::from_ref(&cookie)), true),
            ("a cookie for the root", query(b"\0", std::slice::from_ref(&cookie)), true),
            ("a cookie before a subnet", query(name, &[cookie.clone(), subnet.clone()]), true),
            ("a cookie behind others", query(name, &[nsid.clone(), subnet.clone(), cookie.clone()]), true),
            ("seven labels", query(&deep(7), std::slice::from_ref(&cookie)), true),
            ("more labels than are looked at", query(&deep(9), std::slice::from_ref(&cookie)), false),
            ("more options than are looked at", query(name, &[vec![nsid.clone(); 6], vec![cookie.clone()]].concat()), false),
            ("a client's half", query(name, &[option(10, &[7; 8])]), false),
            ("a client's half and much else", query(name, &[option(10, &[7; 8]), option(12, &[0; 40])]), false),
            ("no options", query(name, &[]), false),
            ("no options and much else", [query(name, &[]), vec![0; 60]].concat(), false),
            ("answers", answers, false),
            ("two questions", two, false),
            ("another version", wrong_version, false),
            ("a cookie cut short", cut[..cut.len() - 1].to_vec(), false),
            ("a label cut short", [vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1], vec![63; 60]].concat(), false),
            ("an option that claims too much", query(name, &[[0, 9, 255, 255].to_vec(), vec![0; 40]]), false),
            ("a pointer", query(b"\xc0\x0c", std::slice::from_ref(&cookie)), false),
            ("nothing", vec![], false),
            ("a header", vec![0; 12], false),
        ];
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let address: SocketAddr = address.parse().unwrap();
            let sockets = open(address);
            let from = UdpSocket::bind(address).unwrap();
            for (what, datagram, apart) in &cases {
                assert_eq!(goes(&sockets, &from, datagram) >= WORKERS, *apart, "{what} to {address}");
            }
        }
    }

    #[test]
    fn clients_are_spread_and_each_stays_where_it_is() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let address: SocketAddr = address.parse().unwrap();
            let sockets = open(address);
            let mut seen = [0; 2 * WORKERS];
            for _ in 0..300 {
                let from = UdpSocket::bind(address).unwrap();
                let place = goes(&sockets, &from, &[0; 40]);
                assert_eq!(place, goes(&sockets, &from, &[1; 50]), "the same client");
                seen[place] += 1;
            }
            assert!(seen[..WORKERS].iter().all(|count| (60..=140).contains(count)), "{seen:?}");
        }
    }
}
