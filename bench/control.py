#!/usr/bin/env python3
"""A fleet of 100,000 hostnames, put in at once by the API, and then changed one by one.

usage: bench/control.py [--binary target/release/meridian] [--hostnames 100000] [--times 50] [--load SECONDS]

apply    PUT /v1/fleet of 10,000 panels in 50 places, 1,000 sets of 10 and all hostnames: request to 200; memory afterwards
single   each kind of change from request to 2xx over a connection that stays open, and a DNS query right after it that must see it
load     50 requests a second, GETs and PUTs, alone and while dnsperf asks half of what the node was measured to answer

Needs Debian's dnsperf for the load, and root for nothing. Medians and 99th percentiles are printed, in milliseconds.
"""
import argparse
import http.client
import json
import os
import random
import re
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import threading
import time

TOKEN = "a token for the bench alone"
ZONE = "scale.example"
PLACES = 50


def free_port():
    with socket.socket() as tcp:
        tcp.bind(("127.0.0.1", 0))
        return tcp.getsockname()[1]


def address(n):
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


def fleet(hostnames):
    draw = random.Random(4)
    panels, sets = hostnames // 10, hostnames // 100
    regions = [{"name": f"r{n}", "at": [round(draw.uniform(-60, 70), 2), round(draw.uniform(-180, 180), 2)]} for n in range(PLACES)]
    return {
        "defaults": {"ttl": 60},
        "region": regions,
        "panel": [{"name": f"p{n}", "region": f"r{n % PLACES}", "addresses": [address(n)], "weight": 1} for n in range(panels)],
        "set": [{"name": f"s{n}", "panels": [f"p{(n * 10 + k) % panels}" for k in range(10)]} for n in range(sets)],
        "zone": [{"name": ZONE, "text": "$TTL 60\n@ SOA ns1 host 1 1h 15m 2w 30\n@ NS ns1\nns1 A 192.0.2.1\nwww A 192.0.2.7\n"}],
        "hostname": [{"name": f"h{n}.{ZONE}", "set": f"s{n % sets}"} for n in range(hostnames)],
    }


class Api:
    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.http.connect()
        self.http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method, path, body=None):
        """Status, body, and how many milliseconds it took."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        head = {"Authorization": f"Bearer {TOKEN}"}
        if data is not None:
            head["Content-Type"] = "application/json"
        start = time.perf_counter()
        self.http.request(method, path, data, head)
        answer = self.http.getresponse()
        text = answer.read()
        took = (time.perf_counter() - start) * 1000
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:500]!r}")
        return answer.status, text, took


class Dns:
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", port))

    def ask(self, name, rtype=1):
        """The rcode, the TTL of the first answer, and the addresses or the raw data of all answers."""
        wire = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
        self.socket.send(struct.pack(">6H", random.randrange(65536), 256, 1, 0, 0, 0) + wire + struct.pack(">2H", rtype, 1))
        answer = self.socket.recv(4096)
        at, found, ttl = len(wire) + 16, [], None
        for _ in range(struct.unpack(">H", answer[6:8])[0]):
            while answer[at]:
                if answer[at] >= 192:
                    at += 1
                    break
                at += answer[at] + 1
            at += 1
            of, _, seconds, length = struct.unpack(">2HIH", answer[at:at + 10])
            data = answer[at + 10:at + 10 + length]
            at += 10 + length
            ttl = seconds if ttl is None else ttl
            found.append(socket.inet_ntoa(data) if of == 1 else data)
        return answer[3] & 15, ttl, found


def memory(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024


def told(what, all_ms):
    all_ms = sorted(all_ms)
    p99 = all_ms[min(len(all_ms) - 1, int(len(all_ms) * 0.99))]
    print(f"{what:<44} {statistics.median(all_ms):8.2f} {p99:8.2f} {all_ms[-1]:8.2f}   {len(all_ms)} times", flush=True)


def singles(api, dns, hostnames, times):
    """Each kind of change: what is sent, and what the answer must then say."""
    panels, sets = hostnames // 10, hostnames // 100

    def members(n):
        return {address((n * 10 + k) % panels) for k in range(10)}

    def must(name, what, test):
        rcode, ttl, found = dns.ask(name)
        if not test(rcode, ttl, found):
            raise SystemExit(f"{what}: {name} is answered with rcode {rcode}, TTL {ttl}, {found}")

    def run(what, each):
        told(what, [each(n) for n in range(times)])

    def new(n):
        took = api.ask("PUT", f"/v1/hostnames/new{n}.{ZONE}", {"set": f"s{n % sets}"})[2]
        must(f"new{n}.{ZONE}", "a new hostname", lambda rcode, _, found: rcode == 0 and set(found) <= members(n % sets) and found)
        return took

    def moved(n):
        to = (n + 7) % sets
        took = api.ask("PATCH", f"/v1/hostnames/new{n}.{ZONE}", {"set": f"s{to}"})[2]
        must(f"new{n}.{ZONE}", "another set", lambda rcode, _, found: rcode == 0 and set(found) <= members(to) and found)
        return took

    def gone(n):
        took = api.ask("DELETE", f"/v1/hostnames/new{n}.{ZONE}")[2]
        must(f"new{n}.{ZONE}", "a hostname that is gone", lambda rcode, _, found: rcode == 3)
        return took

    # A set of one panel, so that an answer can be foreseen.
    api.ask("PUT", "/v1/sets/lone", {"panels": ["p0"]})
    api.ask("PUT", f"/v1/hostnames/lone.{ZONE}", {"set": "lone"})

    def addressed(n):
        to = f"172.16.{n >> 8}.{n & 255}"
        took = api.ask("PATCH", "/v1/panels/p0", {"addresses": [to]})[2]
        must(f"lone.{ZONE}", "another address", lambda rcode, _, found: found == [to])
        return took

    def weighed(n):
        return api.ask("PATCH", "/v1/panels/p1", {"weight": 2 + n % 9})[2]

    # Of two panels one is drained: the other answers.
    api.ask("PUT", "/v1/sets/pair", {"panels": ["p2", "p3"]})
    api.ask("PUT", f"/v1/hostnames/pair.{ZONE}", {"set": "pair"})

    def drained(n):
        out, left = (2, 3) if n % 2 else (3, 2)
        api.ask("DELETE", f"/v1/panels/p{left}/state")
        took = api.ask("POST", f"/v1/panels/p{out}/state", {"state": "disabled", "reason": "a bench"})[2]
        must(f"pair.{ZONE}", "a state", lambda rcode, _, found: found == [address(left)])
        return took

    def policed(n):
        took = api.ask("PATCH", "/v1/sets/s5", {"ttl": 100 + n})[2]
        must(f"h5.{ZONE}", "a set's policy", lambda rcode, ttl, found: ttl in (10, 100 + n))
        return took

    def joined(n):
        took = api.ask("PATCH", "/v1/sets/lone", {"panels": [f"p{10 + n}"]})[2]
        must(f"lone.{ZONE}", "a set's members", lambda rcode, _, found: found == [address(10 + n)])
        return took

    def recorded(n):
        took = api.ask("PUT", f"/v1/zones/{ZONE}/records/www.{ZONE}/A", {"ttl": 300, "data": [f"192.0.2.{n % 250 + 1}"]})[2]
        must(f"www.{ZONE}", "a record set", lambda rcode, _, found: found == [f"192.0.2.{n % 250 + 1}"])
        return took

    def placed(n):
        return api.ask("PATCH", "/v1/regions/r7", {"at": [40 + n / 10, 10]})[2]

    def settled(n):
        took = api.ask("PATCH", "/v1/defaults", {"ttl": 61 + n})[2]
        must(f"h9.{ZONE}", "the defaults", lambda rcode, ttl, found: ttl in (10, 61 + n))
        return took

    print(f"{'':<44} {'median':>8} {'p99':>8} {'most':>8}")
    run("PUT of a new hostname", new)
    run("PATCH of a hostname's set", moved)
    run("DELETE of a hostname", gone)
    run("PATCH of a panel's address", addressed)
    run("PATCH of a panel's weight", weighed)
    run("POST of a panel's state", drained)
    api.ask("DELETE", "/v1/panels/p2/state")
    api.ask("DELETE", "/v1/panels/p3/state")
    run("PATCH of a set's policy", policed)
    run("PATCH of a set's members", joined)
    run("PUT of a record set", recorded)
    run("PATCH of a region's place", placed)
    run("PATCH of the defaults", settled)


def mixed(port, hostnames, seconds, what):
    """50 requests a second by ten clients, each second one a change; measured from when each was due."""
    gets, puts, lock = [], [], threading.Lock()
    begun = time.perf_counter()

    def client(k):
        api, n = Api(port), 0
        while (due := begun + k / 50 + n / 5) < begun + seconds:
            time.sleep(max(0, due - time.perf_counter()))
            if n % 2:
                api.ask("PUT", f"/v1/hostnames/load{k}-{n}.{ZONE}", {"set": f"s{n % (hostnames // 100)}"})
            else:
                api.ask("GET", ["/v1/panels/p7", f"/v1/hostnames/h7.{ZONE}", "/v1/hostnames?limit=100", "/v1/sets/s3"][n // 2 % 4])
            with lock:
                (puts if n % 2 else gets).append((time.perf_counter() - due) * 1000)
            n += 1

    clients = [threading.Thread(target=client, args=(k,)) for k in range(10)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    told(f"GETs {what}", gets)
    told(f"PUTs {what}", puts)


def perf(port, asked, seconds, limit=None):
    """Answers a second that dnsperf gets."""
    command = ["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", asked, "-l", str(seconds), "-c", "8", "-q", "500"]
    done = subprocess.run(command + (["-Q", str(limit)] if limit else []), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    rate = re.search(r"Queries per second:\s+([0-9.]+)", done.stdout)
    lost = re.search(r"Queries lost:\s+(\d+)", done.stdout)
    return float(rate.group(1)), int(lost.group(1))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--binary", default="target/release/meridian")
    options.add_argument("--hostnames", type=int, default=100_000)
    options.add_argument("--times", type=int, default=50)
    options.add_argument("--load", type=int, default=0, metavar="SECONDS")
    options = options.parse_args()
    binary = os.path.abspath(options.binary)
    with tempfile.TemporaryDirectory() as place:
        dns_port, admin_port = free_port(), free_port()
        with open(f"{place}/meridian.toml", "w") as config:
            config.write(f'[node]\nname = "n1"\ndata = "data"\n[dns]\nlisten = ["127.0.0.1:{dns_port}"]\n'
                         f'[admin]\nlisten = "127.0.0.1:{admin_port}"\n[geoip]\ndatabases = []\n')
        with open(f"{place}/fleet.toml", "w") as first:
            first.write('[[zone]]\nname = "first.example"\nfile = "first.zone"\n')
        with open(f"{place}/first.zone", "w") as first:
            first.write("$TTL 60\n@ SOA ns1 host 1 1h 15m 2w 30\n@ NS ns1\nns1 A 192.0.2.1\n")
        environment = {**os.environ, "MERIDIAN_ADMIN_TOKEN": TOKEN}
        with open(f"{place}/log", "w") as log:
            node = subprocess.Popen([binary, "serve", "--config", "meridian.toml"], cwd=place, env=environment, stderr=log, stdout=log)
        try:
            until_ready(node, admin_port, f"{place}/log")
            run(node, options, Api(admin_port), Dns(dns_port), dns_port, admin_port, place)
        finally:
            node.send_signal(signal.SIGTERM)
            node.wait()
            if os.environ.get("KEEP_LOG"):
                os.system(f"cp {place}/log {os.environ['KEEP_LOG']}")


def until_ready(node, port, log):
    for _ in range(3000):
        try:
            if b'"truth":"store"' in Api(port).ask("GET", "/v1/status")[1]:
                return
        except OSError:
            pass
        if node.poll() is not None:
            break
        time.sleep(0.01)
    with open(log) as log:
        raise SystemExit(f"the node does not start:\n{log.read()}")


def run(node, options, api, dns, dns_port, admin_port, place):
    body = json.dumps(fleet(options.hostnames)).encode()
    _, _, took = api.ask("PUT", "/v1/fleet?force=true", body)
    rcode, _, found = dns.ask(f"h77.{ZONE}")
    if rcode or not found:
        raise SystemExit(f"h77 is answered with {rcode}, {found}")
    time.sleep(5)
    print(f"apply    {len(body) / 1e6:.1f} MB, {options.hostnames} hostnames: {took / 1000:.2f} s; memory 5 s later {memory(node.pid):.0f} MB", flush=True)
    singles(api, dns, options.hostnames, options.times)
    print(f"memory after all that {memory(node.pid):.0f} MB", flush=True)
    if options.load:
        with open(f"{place}/asked", "w") as asked:
            asked.writelines(f"h{n}.{ZONE} A\n" for n in range(0, options.hostnames, 7))
        mixed(admin_port, options.hostnames, options.load, "alone")
        most, _ = perf(dns_port, f"{place}/asked", 5)
        answer = {}
        load = threading.Thread(target=lambda: answer.update(got=perf(dns_port, f"{place}/asked", options.load + 2, int(most / 2))))
        load.start()
        time.sleep(1)
        mixed(admin_port, options.hostnames, options.load, "at half")
        load.join()
        print(f"dnsperf  at most {most:.0f} answers a second; then {answer['got'][0]:.0f}, {answer['got'][1]} lost")


main()
