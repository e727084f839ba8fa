#!/usr/bin/env python3
"""One zone of a million addresses, served by Meridian, Knot and NSD in the same run.

usage: bench/million.py [--binary target/release/meridian] [--rounds 5] [--records 1000000]

start    exec to the first answer, and memory two seconds later
reload   one changed record, the whole file read again: command to the first new answer; memory settled and at its peak

Memory is what the process tree holds, shared pages once (PSS). Needs Debian's knot and nsd, and root for neither.
Rounds alternate between the servers; medians are printed.
"""
import argparse
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import threading
import time

LIMIT = 60


def query(name):
    wire = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    return struct.pack(">6H", 7, 0, 1, 0, 0, 0) + wire + struct.pack(">2H", 1, 1)


def address(port, wire):
    """The address in the answer, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(0.25)
        try:
            asked.connect(("127.0.0.1", port))
            asked.send(wire)
            answer = asked.recv(2048)
        except OSError:
            return None
    at = len(wire) + 12  # behind the question and the head of the first record
    return socket.inet_ntoa(answer[at:at + 4]) if answer[3] & 15 == 0 and answer[7] == 1 else None


def until(test):
    start = time.monotonic()
    while not test():
        if time.monotonic() - start > LIMIT:
            raise TimeoutError("no answer in time")
        time.sleep(0.002)
    return time.monotonic() - start


def tree(pid):
    found = [pid]
    for parent in found:
        for task in os.listdir(f"/proc/{parent}/task"):
            with open(f"/proc/{parent}/task/{task}/children") as children:
                found += map(int, children.read().split())
    return found


def memory(pid):
    total = 0
    for process in tree(pid):
        try:
            with open(f"/proc/{process}/smaps_rollup") as rollup:
                total += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return total / 1024


class Peak(threading.Thread):
    """Watches memory while something goes on."""

    def __init__(self, pid):
        super().__init__()
        self.pid, self.most, self.over = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.01):
            self.most = max(self.most, memory(self.pid))

    def end(self):
        self.over.set()
        self.join()
        return self.most


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write(path, text):
    with open(path, "w") as out:
        out.write(text)


def meridian(binary):
    def make(d, port):
        write(f"{d}/meridian.toml", f'[node]\nname = "bench"\ndata = "data"\n[dns]\nlisten = ["127.0.0.1:{port}"]\n[admin]\nlisten = "127.0.0.1:0"\n')
        write(f"{d}/fleet.toml", '[[zone]]\nname = "big.test"\nfile = "big.zone"\n')
        return [binary, "serve", "--config", f"{d}/meridian.toml"], lambda pid: os.kill(pid, signal.SIGHUP)
    return make


def knot(d, port):
    os.mkdir(f"{d}/db")
    write(f"{d}/knot.conf", f"""server:
    listen: 127.0.0.1@{port}
    rundir: {d}
    udp-workers: 2
    tcp-workers: 1
    background-workers: 2
log:
  - target: stderr
    any: warning
database:
    storage: {d}/db
template:
  - id: default
    storage: {d}
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
  - domain: big.test
    file: {d}/big.zone
""")
    reload = lambda pid: subprocess.run(["knotc", "-s", f"{d}/knot.sock", "zone-reload", "big.test"], stdout=subprocess.DEVNULL, check=True)
    return ["knotd", "-c", f"{d}/knot.conf"], reload


def nsd(d, port):
    write(f"{d}/nsd.conf", f"""server:
    ip-address: 127.0.0.1@{port}
    server-count: 2
    reuseport: yes
    username: ""
    database: ""
    zonesdir: "{d}"
    pidfile: "{d}/nsd.pid"
    xfrdfile: "{d}/xfrd"
    zonelistfile: "{d}/zone.list"
    xfrdir: "{d}"
    rrl-ratelimit: 0
remote-control:
    control-enable: yes
    control-interface: {d}/ctl
zone:
    name: big.test
    zonefile: big.zone
""")
    reload = lambda pid: subprocess.run(["nsd-control", "-c", f"{d}/nsd.conf", "reload", "big.test"], stdout=subprocess.DEVNULL, check=True)
    return ["nsd", "-d", "-c", f"{d}/nsd.conf"], reload


def head(serial):
    return f"$ORIGIN big.test.\n$TTL 300\n@ IN SOA ns1 hostmaster {serial} 3600 900 1209600 60\n@ IN NS ns1\nns1 IN A 127.0.0.1\n"


def measure(make, body, records, last):
    d = tempfile.mkdtemp(prefix="million-")
    port = free_port()
    file = f"{d}/big.zone"
    write(file, head(1) + body + f"r{last:07d} A 203.0.113.1\n")
    command, reload = make(d, port)
    with open(f"{d}/log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        ask = query(f"r{last:07d}.big.test")
        start = until(lambda: address(port, ask) == "203.0.113.1")
        time.sleep(2)
        fresh = memory(process.pid)
        write(f"{file}.new", head(2) + body + f"r{last:07d} A 203.0.113.2\n")
        time.sleep(1.1)  # some compare modification times in whole seconds
        watching = Peak(process.pid)
        os.rename(f"{file}.new", file)
        begun = time.monotonic()
        reload(process.pid)
        until(lambda: address(port, ask) == "203.0.113.2")
        again = time.monotonic() - begun
        time.sleep(1)
        peak = watching.end()
        time.sleep(2)
        return start, fresh, again, memory(process.pid), peak
    except TimeoutError as late:
        with open(f"{d}/log") as log:
            raise SystemExit(f"{' '.join(command)}: {late}\n{log.read()[-2000:]}")
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(d, ignore_errors=True)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=os.path.join(here, "../target/release/meridian"))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--records", type=int, default=1_000_000)
    options = options.parse_args()
    last = options.records - 1
    body = "".join(f"r{n:07d} A 10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}\n" for n in range(last))
    servers = {"meridian": meridian(os.path.abspath(options.binary)), "knot": knot, "nsd": nsd}
    rows = {name: [] for name in servers}
    for _ in range(options.rounds):
        for name, make in servers.items():
            rows[name].append(measure(make, body, options.records, last))
    print("| server | exec to first answer, s | MiB | reload to new answer, s | settled, MiB | peak, MiB |\n|---|---:|---:|---:|---:|---:|")
    for name, all_rows in rows.items():
        start, fresh, again, settled, peak = (statistics.median(column) for column in zip(*all_rows))
        print(f"| {name} | {start:.2f} | {fresh:.0f} | {again:.2f} | {settled:.0f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
