#!/usr/bin/env python3
"""Reports the load of many panels to a node, as agents do, over connections that stay open.

usage: gauges.py PORT TOKEN RATE PANELS      PANELS is a file of names, one a line; started by slots.py

Prints a line once all is ready, and at SIGTERM how many reports were taken.
"""
import random
import signal
import socket
import sys
import threading
import time

CONNECTIONS = 4
TURN_S = 0.01


class Line:
    """One connection; requests are sent ahead of the answers to those before."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest, self.open = b"", 0

    def send(self, requests):
        self.socket.sendall(b"".join(requests))
        self.open += len(requests)

    def read(self):
        """Waits for all answers; gives how many took the report."""
        taken = 0
        while self.open:
            more = self.socket.recv(65536)
            if not more:
                raise SystemExit("the node closed the connection")
            self.rest += more
            *heads, self.rest = self.rest.split(b"\r\n\r\n")
            for head in heads:
                if not head.startswith(b"HTTP/1.1 204"):
                    raise SystemExit(f"a report was not taken: {head[:200]!r}")
            taken += len(heads)
            self.open -= len(heads)
        return taken


def main():
    port, token, rate, file = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
    with open(file) as names:
        panels = names.read().split()
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    draw, taken, at = random.Random(5), 0, 0
    lines = [Line(port) for _ in range(CONNECTIONS)]
    print("ready", flush=True)
    begun = time.monotonic()
    while not over.wait(TURN_S):
        due = int((time.monotonic() - begun) * rate) - at
        for number, line in enumerate(lines):
            line.send([report(panels[(at + k) % len(panels)], token, draw) for k in range(number, due, CONNECTIONS)])
        at += max(0, due)
        taken += sum(line.read() for line in lines)
    print(f"taken {taken} in {time.monotonic() - begun:.2f}", flush=True)


def report(panel, token, draw):
    """Most panels are half full; one in sixteen is so full that it sheds."""
    share = draw.uniform(0.82, 0.93) if panel.endswith("-3") else draw.uniform(0.3, 0.7)
    body = f'{{"connections":{int(1000 * share)},"cpu":{share:.3f},"memory":0.5,"bandwidth_mbps":{900 * share:.1f}}}'.encode()
    return (f"POST /v1/panels/{panel}/heartbeat HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


if __name__ == "__main__":
    main()
