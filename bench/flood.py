"""Under attack: what a valid client is answered meanwhile, with a DNS cookie and without, and how soon all is well again.

random     names that do not exist, from all over the world, as fast as one CPU can send; the server has a CPU of its own
any        ANY of the zone's apex, by forged sources of the client's own /24, as fast as one CPU can send
overload   plain queries, ten times what the server can answer: crowd.py, which comes before it, leaves it a fifth of its CPU, in turns of 2 ms.
           The column CPU says what it had; the generator is the same as ever, so nothing but the server is small.

The client asks 50 times a second with and without a cookie, from 192.0.2.9, before, during and after; it comes before the generator on its CPU.
`limited` are the first two once more with [dns.limit] at 100 a second, for Meridian alone.
"""
import json
import os
import random
import subprocess
import time

import lab
import world
from servers import SERVERS, Seat, meridian_node, meridian_zones
from slots import helper
from tables import table
from wire import ANY, query, write_packets

SERVER_NAMES = ["meridian", "gdnsd", "knot", "nsd"]
CLIENT = "192.0.2.9"
BEFORE_S, AFTER_S = 1.0, 2.0
WELL_S = 0.05  # an answer that takes longer is not what a client had before
LIMIT = 100
OPEN_RATE = 2_000_000  # more than one CPU can send
CROWD = 0.8  # of the server's CPU is somebody else's: what is left answers a tenth of what the generator sends
PORT = 5700
HERE = os.path.dirname(os.path.abspath(__file__))


def run(options, out):
    write_queries(options)
    seconds = max(2.0, options.seconds * 3)
    rows, kept = [], []
    for attack in ("random", "any", "overload"):
        for name in [name for name in SERVER_NAMES if name in (options.peers or SERVER_NAMES)]:
            kept.append(one(options, attack, name, seconds, 0))
        if attack != "overload" and "meridian" in (options.peers or SERVER_NAMES):
            kept.append(one(options, attack, "meridian", seconds, LIMIT))
    for told in kept:
        if told:
            rows.append(as_row(told))
    out(f"Under attack for {seconds:g} s: what a valid client gets that asks 50 times a second with a DNS cookie and 50 times without, share answered (and 99 % of answers, ms):\n")
    table(out, ["attack, server", "attack/s", "answered/s", "CPU", "with cookie", "without", "truncated", "well again after, s", "MiB before / peak / after"], rows)
    return kept


def write_queries(options):
    draw, clients = random.Random(9), world.drawn_clients(options.data)[:200_000]
    write_packets(f"{options.data}/random.pkt", ((client, query("y%010x.static.lab" % draw.getrandbits(40))) for client in clients))
    victims = [type(clients[0])(f"192.0.2.{n}") for n in range(1, 255)]
    write_packets(f"{options.data}/any.pkt", ((draw.choice(victims), query("static.lab", ANY, edns=True)) for _ in range(20_000)))
    write_packets(f"{options.data}/overload.pkt", ((client, query(f"h{draw.randrange(world.STATIC):05d}.static.lab")) for client in clients))


def meridian_plain(seat, limit):
    return meridian_node(seat, meridian_zones("static.lab"), ["static.lab"], f"[dns.limit]\nper_second = {limit}\n" if limit else "")


def one(options, attack, name, seconds, limit):
    seat = Seat(lab.empty(f"{options.work}/flood-{name}"), PORT, 1, options.data, options.bin)
    command = meridian_plain(seat, limit) if name == "meridian" else SERVERS[name][0](seat)
    if limit and subprocess.run([command[0], "check", *command[2:]], capture_output=True).returncode:
        lab.tell(f"{attack}: this binary refuses [dns.limit]")
        return None
    narrow = attack == "overload"
    server = lab.Server(name, seat, command, "static.lab", before=["chrt", "-r", "1"] if narrow else None)
    crowd = None
    try:
        time.sleep(1)
        if narrow:
            crowd = helper([f"{HERE}/crowd.py", str(CROWD)], lab.SERVER_CPU)
        told = attacked(options, attack, server, seconds)
    finally:
        if crowd:
            crowd.kill()
            crowd.wait()
        server.check_alive()
        server.stop()
    told |= {"attack": attack, "server": name + (", limited" if limit else "")}
    lab.tell(" ".join(as_row(told)))
    return told


def attacked(options, attack, server, seconds):
    before = server.memory()["rss"]
    client = helper([f"{HERE}/client.py", str(server.seat.port), str(BEFORE_S + seconds + AFTER_S), CLIENT])
    time.sleep(BEFORE_S)
    begun, cpu = time.monotonic(), server.cpu()
    command = [*lab.prefix(), "taskset", "-c", lab.GENERATOR_CPU, f"{options.bin}/dnsload", "-p", str(server.seat.port), "-S",
               "-d", f"{options.data}/{attack}.pkt", "-l", str(seconds), "-r", str(OPEN_RATE), "-c", "8", "-T", "1"]
    load = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ended, cpu = time.monotonic(), server.cpu() - cpu
    asked = json.loads(client.communicate()[0])
    memory = peak(server)
    said = {"sent": load["sent"] / seconds, "answered": (load["answered"] + load["late"]) / seconds, "cpu": cpu / (ended - begun),
            "before": before, "peak": memory, "after": server.memory()["rss"]}
    for kind in ("cookie", "plain"):
        said[kind] = seen(asked[kind], begun, begun + seconds) if kind in asked else None
    well = [again(asked[kind], begun + seconds) for kind in asked]
    return said | {"well": max(well)}


def seen(asked, begun, ended):
    """Of what was asked during the attack: share answered, share truncated, 99th percentile in ms."""
    during = [query for query in asked if begun + 0.1 < query[0] < ended - 0.1]
    took = sorted(query[1] for query in during if query[1] is not None and not query[2])
    p99 = took[min(len(took) - 1, int(0.99 * len(took)))] * 1000 if took else None
    return {"share": len(took) / len(during), "truncated": sum(1 for query in during if query[2]) / len(during), "p99_ms": p99}


def again(asked, ended):
    """Seconds from the end of the attack to the last query that was not answered at once."""
    bad = [query[0] for query in asked if query[0] >= ended and (query[1] is None or query[1] > WELL_S or query[2])]
    return max(0.0, max(bad) - ended) if bad else 0.0


def peak(server):
    total = 0
    for pid in server.pids():
        with open(f"/proc/{pid}/status") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
    return total / 1024


def as_row(told):
    def cell(kind):
        its = told[kind]
        return "" if its is None else f"{its['share']:.1%}" + (f" ({its['p99_ms']:.1f})" if its["p99_ms"] is not None else "")
    truncated = " / ".join(f"{told[kind]['truncated']:.0%}" for kind in ("cookie", "plain") if told[kind])
    times = f" {told['sent'] / max(1, told['answered']):.0f} times" if told["attack"] == "overload" else ""
    return [f"{told['attack']}{times}, {told['server']}", f"{told['sent']:,.0f}", f"{told['answered']:,.0f}", f"{told['cpu']:.2f}", cell("cookie"), cell("plain"),
            truncated, f"{told['well']:.2f}", f"{told['before']:.0f} / {told['peak']:.0f} / {told['after']:.0f}"]
