"""One zone of a million addresses, in each server by itself.

start    exec to the first answer, and memory two seconds later
reload   one changed record, the whole file read again: command to the first new answer; memory settled, and at its peak meanwhile

Memory counts shared pages once. Rounds alternate between the servers, five at most; both CPUs are the server's.
"""
import os
import signal
import statistics
import subprocess
import threading
import time

import lab
import world
from servers import Seat, gdnsd_node, knot_node, meridian_node, nsd, pdns_node
from tables import table
from wire import ask, gist, query

RECORDS = 1_000_000
ZONE, LAST = "big.test", f"r{RECORDS - 1:07d}"
LIMIT_S, PORT = 120, 5800


def meridian_big(seat):
    command = meridian_node(seat, f'[[zone]]\nname = "{ZONE}"\nfile = "{ZONE}.zone"\n', [ZONE], store="files")
    return command, f"{seat.home}/{ZONE}.zone", lambda pid: os.kill(pid, signal.SIGHUP)


def gdnsd_big(seat):
    with open(f"{seat.home}/{ZONE}") as zone:
        command = gdnsd_node(seat, {ZONE: zone.read()}, "")
    return command, f"{seat.home}/zones/{ZONE}", control("gdnsdctl", "-c", seat.home, "reload-zones")


def knot_big(seat):
    command = knot_node(seat, f"  - domain: {ZONE}\n    file: {seat.home}/{ZONE}\n")
    return command, f"{seat.home}/{ZONE}", control("knotc", "-s", f"{seat.home}/knot.sock", "zone-reload", ZONE)


def nsd_big(seat):
    return nsd(seat, ZONE), f"{seat.home}/{ZONE}", control("nsd-control", "-c", f"{seat.home}/nsd.conf", "reload", ZONE)


def pdns_big(seat):
    command = pdns_node(seat, {ZONE: f"{seat.home}/{ZONE}"})
    return command, f"{seat.home}/{ZONE}", control("pdns_control", f"--config-dir={seat.home}", f"--socket-dir={seat.home}", "bind-reload-now", ZONE)


SERVERS = {"meridian": meridian_big, "gdnsd": gdnsd_big, "knot": knot_big, "nsd": nsd_big, "pdns": pdns_big}


def run(options, out):
    body = "".join(f"r{n:07d} A 10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}\n" for n in range(RECORDS - 1))
    wanted = [name for name in SERVERS if name in (options.peers or SERVERS)]
    rows = {name: [] for name in wanted}
    for number in range(min(options.rounds, 5)):
        for name in wanted[number % len(wanted):] + wanted[:number % len(wanted)]:
            rows[name].append(one(options, name, body))
            lab.tell(f"round {number + 1} {name} " + " ".join(f"{value:.2f}" for value in rows[name][-1]))
    out("A zone of a million addresses:\n")
    table(out, ["server", "exec to first answer, s", "MiB", "reload to new answer, s", "settled, MiB", "peak, MiB"],
          [[name, *(f"{statistics.median(column):.{places}f}" for column, places in zip(zip(*its), (2, 0, 2, 0, 0)))] for name, its in rows.items()])
    return rows


def one(options, name, body):
    home = lab.empty(f"{options.work}/million")
    seat = Seat(home, PORT, 2, home, options.bin)
    os.symlink(os.path.realpath(f"{options.data}/{world.MMDB}"), f"{home}/{world.MMDB}")
    write(f"{home}/{ZONE}", 1, body)
    command, file, reload = SERVERS[name](seat)
    server = lab.Server(name, seat, command, ZONE, cpu=None, limit=LIMIT_S)
    try:
        await_address(server, "203.0.113.1")
        start = time.monotonic() - server.begun
        time.sleep(2)
        fresh = server.memory()["pss"]
        write(f"{file}.new", 2, body)
        time.sleep(1.1)  # some compare modification times in whole seconds
        watching = Peak(server)
        os.rename(f"{file}.new", file)
        begun = time.monotonic()
        reload(server.process.pid)
        await_address(server, "203.0.113.2")
        again = time.monotonic() - begun
        time.sleep(1)
        most = watching.end()
        time.sleep(2)
        return start, fresh, again, server.memory()["pss"], most
    finally:
        server.stop()


def write(path, serial, body):
    with open(path, "w") as out:
        out.write(f"$ORIGIN {ZONE}.\n$TTL 300\n@ IN SOA ns1 hostmaster {serial} 3600 900 1209600 60\n@ IN NS ns1\nns1 IN A 127.0.0.1\n")
        out.write(body)
        out.write(f"{LAST} A 203.0.113.{serial}\n")


def control(*command):
    """Some wait until it is done, some do not: nobody is waited for here."""
    return lambda _: subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def await_address(server, address):
    wire, end = query(f"{LAST}.{ZONE}"), time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        reply = ask(wire, server.seat.port, 0.25)
        if reply and gist(reply) == (0, (address,)):
            return
        server.check_alive()
        time.sleep(0.002)
    raise SystemExit(f"{server.name}: {LAST}.{ZONE} is not {address} after {LIMIT_S} s, see {server.seat.home}/log")


class Peak(threading.Thread):
    """Watches memory while something goes on."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.most, self.over = server, 0.0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.01):
            self.most = max(self.most, self.server.memory()["pss"])

    def end(self):
        self.over.set()
        self.join()
        return self.most
