"""DNS packets: queries as bytes, replies as what matters of them, and the packet files that dnsload sends."""
import socket
import struct

A, ANY = 1, 255
COOKIE = 10


def query(name, qtype=A, ecs=None, edns=False, cookie=None, id=0):
    """One question; `ecs` is an IPv4 address whose /24 goes along as the client subnet."""
    question = b"".join(bytes([len(label)]) + label for label in name.encode().split(b".")) + b"\0"
    options = b""
    if ecs is not None:
        subnet = struct.pack(">HBB", 1, 24, 0) + ecs.packed[:3]
        options += struct.pack(">HH", 8, len(subnet)) + subnet
    if cookie is not None:
        options += struct.pack(">HH", COOKIE, len(cookie)) + cookie
    additional = b""
    if edns or options:
        additional = b"\0" + struct.pack(">HHIH", 41, 1232, 0, len(options)) + options
    head = struct.pack(">HHHHHH", id, 0, 1, 0, 0, 1 if additional else 0)
    return head + question + struct.pack(">HH", qtype, 1) + additional


def write_packets(path, packets):
    """Pairs of (source address or None, query), as dnsload.c reads them."""
    with open(path, "wb") as out:
        for source, wire in packets:
            out.write(struct.pack("<H", len(wire)) + (source.packed if source else b"\0\0\0\0") + wire)


def read_packets(path, count):
    """The first `count` of a packet file."""
    found, at = [], 0
    with open(path, "rb") as file:
        raw = file.read(600 * count)
    while len(found) < count and at < len(raw):
        size, source = struct.unpack_from("<H4s", raw, at)
        found.append((socket.inet_ntoa(source) if source != b"\0\0\0\0" else None, raw[at + 6:at + 6 + size]))
        at += 6 + size
    return found


def records(reply):
    """All records of a reply: (section, type, class, data), section 1 to 3."""
    at, found = skip_name(reply, 12) + 4, []
    for section, count in zip((1, 2, 3), struct.unpack(">HHH", reply[6:12])):
        for _ in range(count):
            at = skip_name(reply, at)
            kind, of, _, size = struct.unpack_from(">HHIH", reply, at)
            found.append((section, kind, of, reply[at + 10:at + 10 + size]))
            at += 10 + size
    return found


def gist(reply):
    """(rcode, sorted addresses of the answer section) of a reply."""
    return reply[3] & 15, tuple(sorted(socket.inet_ntoa(data) for section, kind, _, data in records(reply) if (section, kind) == (1, A)))


def server_cookie(reply):
    """The whole cookie, ours and the server's, that a reply brings, or None."""
    for section, kind, _, data in records(reply):
        while (section, kind) == (3, 41) and data:
            code, size = struct.unpack_from(">HH", data)
            if code == COOKIE and size > 8:
                return data[4:4 + size]
            data = data[4 + size:]
    return None


def skip_name(wire, at):
    while wire[at]:
        if wire[at] >= 192:
            return at + 2
        at += wire[at] + 1
    return at + 1


def ask(wire, port, timeout=1.0, source=None):
    """The reply, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(timeout)
        if source:
            asked.bind((source, 0))
        try:
            asked.connect(("127.0.0.1", port))
            asked.send(wire)
            return asked.recv(4096)
        except OSError:
            return None
