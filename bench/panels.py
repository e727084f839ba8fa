#!/usr/bin/env python3
"""What it costs to check thousands of panels, that it is done as promised, and that answers do not feel it.

usage: bench/panels.py [--binary target/release/meridian] [--panels 10000] [--kinds none,tcp,http,hls] [--watch on,off]
                             [--interval 5] [--settle 20] [--seconds 60] [--dns 2000] [--outage] [--before "chrt -r 1"]

Panels are one process for each 5,000 of them (panels.c, built here with cc), each on an address of its own in 127.150.0.0/16; sets of
ten, a hostname for each. For each kind of check, with watches and without:

cpu      CPU time of the node's process over the window, as a share of one core; what dnsperf made of it is measured apart
checks   by the panels' side: checks a second, targets that had two at once, the longest time a target was not looked at
dns      dnsperf at a rate that is no load, over the same hostnames: median, 99th percentile, lost. `none` is a node without checks
outage   a fifth of the panels gone at once, two of each set: until no answer has one of them, and until all are back

CPU time is what the process used, however busy the machine is; times are the machine's as well. `--before` is put before the commands of
the node, the panels and dnsperf: with `chrt -r 1` other work on the machine does not hold them up (as root; nice does not reach across sessions).
Needs Debian's dnsperf and gcc, and a limit of open files of 20,000.
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
import time

TOKEN = "a token for the bench alone"
ZONE = "scale.example"
FIRST = 127 << 24 | 150 << 16
A_PROCESS = 5000
PLACES = 50


def free_port(ip="127.0.0.1"):
    with socket.socket() as tcp:
        tcp.bind((ip, 0))
        return tcp.getsockname()[1]


def address(n):
    return socket.inet_ntoa(struct.pack(">I", FIRST + n))


class Panels:
    """All of them, by number."""

    def __init__(self, options, program, port):
        self.parts, count = [], options.panels
        for first in range(0, count, A_PROCESS):
            many = min(A_PROCESS, count - first)
            part = subprocess.Popen([*options.before, program, address(first), str(many), str(port)], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
            self.parts.append((first, many, part))
            part.stdout.readline()

    def ask(self, text):
        for _, _, part in self.parts:
            part.stdin.write(text + "\n")
            part.stdin.flush()
        return [json.loads(part.stdout.readline()) for _, _, part in self.parts]

    def those(self, verb, first, count):
        for begin, many, part in self.parts:
            low, high = max(first, begin), min(first + count, begin + many)
            if low < high:
                part.stdin.write(f"{verb} {low - begin} {high - low}\n")
                part.stdin.flush()
                part.stdout.readline()

    def report(self):
        parts = self.ask("report")
        whole = {key: sum(part[key] for part in parts) for key in ("checks", "requests", "overlaps", "watches", "accepted")}
        whole["per_second"] = sum(part["checks"] / max(part["seconds"], 1e-3) for part in parts)
        whole["gap_ms"] = {key: max(part["gap_ms"][key] for part in parts) for key in ("p50", "p999", "max")}
        whole["cpu"] = [part["cpu"] for part in parts]
        return whole

    def end(self):
        for _, _, part in self.parts:
            part.stdin.close()
            part.wait()


def fleet(options, port, kind, watch):
    """Even sets by nearness, odd ones in order. A set's panels are so far apart in number that a fifth of all is two of each set."""
    draw = random.Random(4)
    panels, sets = options.panels, options.panels // 10
    asked = {"tcp": f"port = {port}", "http": f'url = "http://{{address}}:{port}/health"', "hls": f'url = "http://{{address}}:{port}/live/index.m3u8"'}
    text = ["[defaults]\nttl = 60\n"]
    checks = ""
    if kind != "none":
        text.append(f'[[check]]\nname = "c"\nkind = "{kind}"\n{asked[kind]}\ninterval = "{options.interval}s"\nwatch = {str(watch).lower()}\n')
        checks = 'checks = ["c"]\n'
    for n in range(PLACES):
        text.append(f'[[region]]\nname = "r{n}"\nat = [{draw.uniform(-60, 70):.2f}, {draw.uniform(-180, 180):.2f}]\n')
    for n in range(panels):
        text.append(f'[[panel]]\nname = "p{n}"\nregion = "r{n % PLACES}"\naddresses = ["{address(n)}"]\n{checks}')
    for n in range(sets):
        members = ", ".join(f'"p{n + k * sets}"' for k in range(10))
        text.append(f'[[set]]\nname = "s{n}"\npanels = [{members}]\nsteer = "{"failover" if n % 2 else "nearest"}"\n')
    text.append(f'[[zone]]\nname = "{ZONE}"\nfile = "scale.zone"\n')
    text.extend(f'[[hostname]]\nname = "h{n}.{ZONE}"\nset = "s{n}"\n' for n in range(sets))
    return "\n".join(text)


class Node:
    def __init__(self, options, place, port, kind, watch):
        self.dns, self.admin, self.log = free_port(), free_port(), f"{place}/log"
        with open(f"{place}/meridian.toml", "w") as config:
            # TCP clients get few files here, for the limit of the process is small and watches come last.
            config.write(f'[node]\nname = "n1"\ndata = "data"\n[dns]\nlisten = ["127.0.0.1:{self.dns}"]\n[dns.tcp]\nconnections = 1000\n'
                         f'[admin]\nlisten = "127.0.0.1:{self.admin}"\n[geoip]\ndatabases = []\n[store]\nkind = "files"\n')
        with open(f"{place}/fleet.toml", "w") as file:
            file.write(fleet(options, port, kind, watch))
        with open(f"{place}/scale.zone", "w") as file:
            file.write("$TTL 60\n@ SOA ns1 host 1 1h 15m 2w 30\n@ NS ns1\nns1 A 192.0.2.1\n")
        environment = {**os.environ, "MERIDIAN_ADMIN_TOKEN": TOKEN}
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([*options.before, os.path.abspath(options.binary), "serve", "--config", "meridian.toml"], cwd=place,
                                            env=environment, stdout=log, stderr=log)
        begun = time.monotonic()
        while not self.readiness().get("ready"):
            if self.process.poll() is not None or time.monotonic() > begun + 60:
                raise SystemExit(f"the node does not start:\n{open(self.log).read()[-3000:]}")
            time.sleep(0.02)
        self.began_s = time.monotonic() - begun

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        return connection.getresponse().read()

    def readiness(self):
        try:
            return json.loads(self.get("/readyz"))
        except OSError:
            return {}

    def verdicts(self):
        return {word: int(count) for word, count in re.findall(r'meridian_panels\{verdict="(\w+)"\} (\d+)', self.get("/metrics").decode())}

    def cpu(self):
        """User and system seconds so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return tuple(int(fields[n]) / os.sysconf("SC_CLK_TCK") for n in (11, 12))

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def question(number, name, client=None):
    """Asked for a client's network, where one is given."""
    wire = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    text = struct.pack(">6H", number, 256, 1, 0, 0, 1 if client else 0) + wire + struct.pack(">2H", 1, 1)
    if client:
        subnet = struct.pack(">HBB", 1, 24, 0) + bytes(client)
        option = struct.pack(">2H", 8, len(subnet)) + subnet
        text += b"\0" + struct.pack(">2HIH", 41, 1232, 0, len(option)) + option
    return text


def answers(port, questions):
    """The address in each answer, asked some at a time."""
    found = [None] * len(questions)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        udp.connect(("127.0.0.1", port))
        for begin in range(0, len(questions), 64):
            chunk = questions[begin:begin + 64]
            for text in chunk:
                udp.send(text)
            for _ in chunk:
                answer = udp.recv(4096)
                number = struct.unpack(">H", answer[:2])[0]
                end = answer.index(b"\0", 12) + 5
                # The owner's name is a pointer.
                found[number] = socket.inet_ntoa(answer[end + 12:end + 16]) if answer[7] else None
    return found


def perf(options, port, place, seconds):
    with open(f"{place}/asked", "w") as asked:
        asked.writelines(f"h{n}.{ZONE} A\n" for n in range(options.panels // 10))
    done = subprocess.run([*options.before, "dnsperf", "-v", "-s", "127.0.0.1", "-p", str(port), "-d", f"{place}/asked", "-l", str(seconds), "-c", "4",
                           "-Q", str(options.dns)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    took = sorted(float(line.rsplit(" ", 1)[1]) * 1000 for line in done.stdout.splitlines() if line.startswith("> NOERROR"))
    lost = int(re.search(r"Queries lost:\s+(\d+)", done.stdout).group(1))
    return statistics.median(took), took[int(len(took) * 0.99)], took[int(len(took) * 0.999)], lost, len(took)


def measure(options, program, place, kind, watch):
    port = free_port("127.150.255.255")
    panels = Panels(options, program, port)
    node = Node(options, place, port, kind, watch)
    try:
        time.sleep(options.settle)
        before, generation, waits = node.cpu(), node.readiness()["generation"], []
        panels.ask("reset")
        panels_before = panels.report()["cpu"]
        begun, most = time.monotonic(), 0
        while time.monotonic() < begun + options.seconds:
            time.sleep(1)
            most = max(most, node.files())
        lasted = time.monotonic() - begun
        cpu, seen, verdicts = [(b - a) / lasted * 100 for a, b in zip(before, node.cpu())], panels.report(), node.verdicts()
        share = [(b - a) / lasted * 100 for a, b in zip(panels_before, seen["cpu"])]
        name = f"{kind} {'with' if watch else 'without'} watches" if kind != "none" else "no checks"
        print(f"\n{name}: ready after {node.began_s:.2f} s; verdicts {verdicts}")
        print(f"  cpu     {sum(cpu):.1f} % of one core ({cpu[0]:.1f} user, {cpu[1]:.1f} system); the panels' side {sum(share):.1f} %")
        print(f"  memory  {node.memory():.0f} MB; files open {node.files()}, at most {most}; {seen['watches']} watches by the panels' side")
        print(f"  checks  {seen['per_second']:.0f} a second, {seen['overlaps']} targets with two at once; between two of one target: median "
              f"{seen['gap_ms']['p50']} ms, 99.9 % {seen['gap_ms']['p999']} ms, longest {seen['gap_ms']['max']} ms; "
              f"{node.readiness()['generation'] - generation} generations", flush=True)
        half, most_ms, worst, lost, count = perf(options, node.dns, place, 20)
        print(f"  dns     {count / 20:.0f} a second: median {half:.3f} ms, 99 % {most_ms:.3f} ms, 99.9 % {worst:.3f} ms, {lost} lost", flush=True)
        if options.outage and kind != "none":
            outage(options, panels, node)
    finally:
        node.end()
        panels.end()
        if os.environ.get("KEEP_LOG"):
            os.system(f"cp {place}/log {os.environ['KEEP_LOG']}-{kind}-{watch}")


def outage(options, panels, node):
    sets, gone = options.panels // 10, options.panels // 5
    ordered = [f"h{n}.{ZONE}" for n in range(1, sets, 2)]
    near = [f"h{n}.{ZONE}" for n in range(0, sets, 2)]
    dead = {address(n) for n in range(gone)}
    firsts = [question(n, name) for n, name in enumerate(ordered)]

    def spread():
        """Answers of the sets by nearness for many clients: how many of them are panels that are gone."""
        count = 0
        for client in range(16):
            count += sum(found in dead for found in answers(node.dns, [question(n, name, (10, client, 7)) for n, name in enumerate(near)]))
        return count

    def until(what, test, most=120):
        begun, cpu, generation = time.monotonic(), node.cpu(), node.readiness()["generation"]
        while not test():
            if time.monotonic() > begun + most:
                print(f"  outage  {what}: not within {most} s; verdicts {node.verdicts()}", flush=True)
                return
            time.sleep(0.005)
        took = time.monotonic() - begun
        spent = sum(node.cpu()) - sum(cpu)
        print(f"  outage  {what}: {took:.2f} s, {spent:.2f} s of CPU, {node.readiness()['generation'] - generation} generations", flush=True)

    if not all(found in dead for found in answers(node.dns, firsts)):
        raise SystemExit("sets in order are not answered with their first panel")
    print(f"  outage  {spread()} of {len(near) * 16} answers of sets by nearness are panels that will go")
    begun = time.monotonic()
    panels.those("kill", 0, gone)
    print(f"  outage  {gone} panels gone, within {time.monotonic() - begun:.2f} s")
    until("no first answer is one of them", lambda: not any(found in dead for found in answers(node.dns, firsts)))
    until("and none of many clients'", lambda: spread() == 0)
    until("and all verdicts down", lambda: node.verdicts().get("down") == gone)
    before, at = node.cpu(), time.monotonic()
    time.sleep(20)
    print(f"  outage  cpu while they are gone {(sum(node.cpu()) - sum(before)) / (time.monotonic() - at) * 100:.1f} % of one core")
    panels.those("heal", 0, gone)
    until("all first answers are back", lambda: all(found in dead for found in answers(node.dns, firsts)))
    until("and all verdicts up", lambda: node.verdicts().get("up") == options.panels)
    before, at, generation = node.cpu(), time.monotonic(), node.readiness()["generation"]
    time.sleep(20)
    print(f"  outage  cpu while they get their share back {(sum(node.cpu()) - sum(before)) / (time.monotonic() - at) * 100:.1f} % of one core, "
          f"{node.readiness()['generation'] - generation} generations in 20 s", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--binary", default="target/release/meridian")
    options.add_argument("--panels", type=int, default=10_000)
    options.add_argument("--kinds", default="none,tcp,http,hls")
    options.add_argument("--watch", default="on,off")
    options.add_argument("--interval", type=int, default=5)
    options.add_argument("--settle", type=int, default=20)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--dns", type=int, default=2000, metavar="A_SECOND")
    options.add_argument("--outage", action="store_true")
    options.add_argument("--before", default="", metavar="COMMAND")
    options = options.parse_args()
    options.before = options.before.split()
    with tempfile.TemporaryDirectory() as place:
        program = f"{place}/panels"
        subprocess.run(["cc", "-O2", "-o", program, os.path.join(os.path.dirname(os.path.abspath(__file__)), "panels.c")], check=True)
        for kind in options.kinds.split(","):
            for watch in options.watch.split(",") if kind != "none" else ["off"]:
                with tempfile.TemporaryDirectory() as own:
                    measure(options, program, own, kind, watch == "on")


main()
