#!/usr/bin/env python3
"""A client like any other, that asks all the time: every turn once with a DNS cookie and once without.

usage: client.py PORT SECONDS ADDRESS; started by flood.py

Prints "ready" once it has its cookie, then, after SECONDS, one line of JSON: for each kind a list of [asked at, seconds it took or null, truncated],
times by the monotonic clock.
"""
import json
import os
import select
import socket
import sys
import time

from wire import ask, query, server_cookie

TURN_S = 0.02
PATIENCE_S = 1.0


class Line:
    """One kind of asking, on a socket of its own."""

    def __init__(self, port, source, cookie):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.cookie, self.asked = cookie, []

    def send(self):
        number = len(self.asked)
        wire = query(f"h{number % 10_000:05d}.static.lab", edns=True, cookie=self.cookie, id=number & 0xffff)
        self.asked.append([time.monotonic(), None, False])
        try:
            self.socket.send(wire)
        except OSError:
            pass  # counts as unanswered

    def read(self):
        while True:
            try:
                reply = self.socket.recv(4096)
            except OSError:
                return
            number = reply[0] << 8 | reply[1]
            if number < len(self.asked) and self.asked[number][1] is None:
                took = time.monotonic() - self.asked[number][0]
                self.asked[number][1:] = [took if took < PATIENCE_S else None, bool(reply[2] & 2)]


def main():
    port, seconds, source = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    reply = ask(query("static.lab", 6, cookie=os.urandom(8)), port, source=source)
    cookie = server_cookie(reply) if reply else None
    lines = {"plain": Line(port, source, None)}
    if cookie:
        lines["cookie"] = Line(port, source, cookie)
    print("ready", flush=True)
    now = time.monotonic()
    end, turn = now + seconds, now
    while now < end + PATIENCE_S:
        if now >= turn and now < end:
            turn += TURN_S
            for line in lines.values():
                line.send()
        select.select([line.socket for line in lines.values()], [], [], max(0.0, min(turn if turn < end else end + PATIENCE_S, now + TURN_S) - now))
        for line in lines.values():
            line.read()
        now = time.monotonic()
    print(json.dumps({kind: line.asked for kind, line in lines.items()}))


if __name__ == "__main__":
    main()
