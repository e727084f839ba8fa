"""Reads MaxMind DB files: the little that the oracle needs, written from the format's description and from nothing else."""
import ipaddress
import struct


class Database:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        mark = self.bytes.rindex(b"\xab\xcd\xefMaxMind.com") + 14
        self.metadata = self._value(mark, mark)[0]
        self.nodes, self.bits = self.metadata["node_count"], self.metadata["record_size"]
        self.width = self.bits // 4
        self.data = self.nodes * self.width + 16
        self.depth = 128 if self.metadata["ip_version"] == 6 else 32
        self.known = {}
        self.v4 = 0
        for _ in range(96 if self.depth == 128 else 0):
            self.v4 = self.v4 if self.v4 >= self.nodes else self.child(self.v4, 0)

    def child(self, node, bit):
        """What a node has on its left (0) or right (1): a node, `nodes` for nothing, or more for a record."""
        at = node * self.width
        if self.bits == 28:
            middle = self.bytes[at + 3]
            high = middle & 15 if bit else middle >> 4
            at += 4 * bit
            return high << 24 | int.from_bytes(self.bytes[at:at + 3], "big")
        size = self.width // 2
        at += size * bit
        return int.from_bytes(self.bytes[at:at + size], "big")

    def record(self, node):
        if node <= self.nodes:
            return None
        if node not in self.known:
            self.known[node] = self._value(self.data + node - self.nodes - 16, self.data)[0]
        return self.known[node]

    def look_up(self, address):
        """The network an address belongs to, and its record or None."""
        address = ipaddress.ip_address(address)
        bits = address.max_prefixlen
        node = self.v4 if bits == 32 else 0
        length = 0
        while node < self.nodes and length < bits:
            node = self.child(node, int(address) >> (bits - 1 - length) & 1)
            length += 1
        kind = ipaddress.IPv4Network if bits == 32 else ipaddress.IPv6Network
        return kind((int(address) >> (bits - length) << (bits - length), length)), self.record(node)

    def descend(self, random, within):
        """A network with a record inside `within`: at each fork a side by chance, more often the one that leads deeper."""
        bits = within.max_prefixlen
        while True:
            node, number = self.v4 if bits == 32 else 0, 0
            for length in range(bits + 1):
                if node >= self.nodes:
                    break
                if length < within.prefixlen:
                    bit = int(within.network_address) >> (bits - 1 - length) & 1
                else:
                    deeper = [bit for bit in (0, 1) if self.child(node, bit) < self.nodes]
                    bit = deeper[0] if len(deeper) == 1 and random.random() < 0.8 else random.randrange(2)
                number = number << 1 | bit
                node = self.child(node, bit)
            record = self.record(node)
            if record is not None:
                return type(within)((number << (bits - length), length)), record

    def _value(self, at, base):
        head = self.bytes[at]
        at += 1
        kind = head >> 5
        if kind == 1:
            size, more = head >> 3 & 3, head & 7
            tail = int.from_bytes(self.bytes[at:at + size + 1], "big")
            offset = tail if size == 3 else (more << 8 * (size + 1) | tail) + (0, 2048, 526336)[size]
            return self._value(base + offset, base)[0], at + size + 1
        if kind == 0:
            kind = 7 + self.bytes[at]
            at += 1
        size = head & 31
        if size > 28:
            extra = size - 28
            size = (29, 285, 65821)[extra - 1] + int.from_bytes(self.bytes[at:at + extra], "big")
            at += extra
        if kind == 7:
            found = {}
            for _ in range(size):
                key, at = self._value(at, base)
                found[key], at = self._value(at, base)
            return found, at
        if kind == 11:
            found = []
            for _ in range(size):
                value, at = self._value(at, base)
                found.append(value)
            return found, at
        if kind == 14:
            return size == 1, at
        raw, at = self.bytes[at:at + size], at + size
        if kind == 2:
            return raw.decode(), at
        if kind == 3:
            return struct.unpack(">d", raw)[0], at
        if kind == 15:
            return struct.unpack(">f", raw)[0], at
        if kind == 8:
            return int.from_bytes(raw, "big", signed=size == 4), at
        if kind in (5, 6, 9, 10):
            return int.from_bytes(raw, "big"), at
        return raw, at
