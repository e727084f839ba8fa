"""Load slots: 1,000 names over sets of 16 panels in each of eight regions, answers of one and of three panels, one panel degraded,
with and without 1,000 gauges a second. Of the peers only gdnsd has something alike: weighted addresses below a map of places.

Meridian's answers are sticky and follow what panels report; gdnsd's are by chance and by fixed weights, the slow panel's halved.
Gauges come from a process on the generator's CPU; what taking them costs the node is in its CPU per answer, and told apart too.
"""
import json
import os
import subprocess
import sys
import time
import urllib.request

import lab
import world
from rounds import alternate, measure, median, noise, ratios, user_us
from servers import Seat, gdnsd_slots, meridian_slots
from tables import table
from wire import ask, gist, read_packets

TOKEN = "a token for the bench alone"
RATE = 1000
MAKERS = {"meridian": meridian_slots, "gdnsd": gdnsd_slots}
FED = "meridian, gauges"
ANSWERS = {"1 panel": 1, "3 panels": 3}
PORT, SLOW_PORT = 5400, 8099
HERE = os.path.dirname(os.path.abspath(__file__))


def run(options, out):
    wanted = [name for name in MAKERS if name in (options.peers or MAKERS)]
    cases = [(name, load) for load in ANSWERS for name in [*wanted, *([FED] if "meridian" in wanted else [])]]
    packets, taken, alone = f"{options.data}/slots.pkt", [], []
    os.environ["MERIDIAN_ADMIN_TOKEN"] = TOKEN

    def start():
        servers = {}
        for n, (name, load) in enumerate((name, load) for name in wanted for load in ANSWERS):
            seat = Seat(lab.empty(f"{options.work}/slots-{name}-{ANSWERS[load]}"), PORT + 10 * n, 1, options.data, options.bin, ANSWERS[load])
            server = servers[f"{name}, {load}"] = lab.Server(name, seat, MAKERS[name](seat), "slots.lab")
            check_answers(server, packets)
            if name == "meridian":
                await_degraded(seat)
        return servers

    def once(servers, name, load):
        server = servers[f"{name.removesuffix(', gauges')}, {load}"]
        if name != FED:
            return measure(server, packets, options.seconds)
        feeder, begun = feed(server.seat), time.monotonic()
        try:
            before = server.cpu()
            time.sleep(0.5)
            alone.append((server.cpu() - before) / (time.monotonic() - begun))
            one = measure(server, packets, options.seconds, beside=0.2)
            await_degraded(server.seat)
        finally:
            taken.append(ended(feeder))
        return one

    slow = helper([f"{HERE}/slow.py", str(SLOW_PORT), "0.05"])
    try:
        found, memory = alternate(options.rounds, cases, start, once)
    finally:
        slow.terminate()
        slow.wait()
    show(found, taken, alone, out)
    return {"runs": [{"server": name, "answers": load, "runs": runs} for (name, load), runs in found.items()],
            "gauges taken a second": taken, "CPU of gauges alone": alone, "memory": memory}


def helper(command, cpu=lab.GENERATOR_CPU):
    """A program of ours on that CPU, and before the generator or the server there, which never sleep."""
    process = subprocess.Popen(["chrt", "-r", "2", "taskset", "-c", cpu, sys.executable, *command], stdout=subprocess.PIPE, text=True)
    if process.stdout.readline() != "ready\n":
        raise SystemExit(f"{command[0]} did not start")
    return process


def feed(seat):
    with open(f"{seat.home}/panels", "w") as out:
        out.write("\n".join(f"p{group}-{place}-{n}" for n in range(world.A_TIER) for place in world.PLACES for group in range(world.SETS)))
    return helper([f"{HERE}/gauges.py", str(seat.port + 1), TOKEN, str(RATE), f"{seat.home}/panels"])


def ended(feeder):
    """How many reports were taken a second."""
    feeder.terminate()
    told, _ = feeder.communicate(timeout=30)
    if feeder.returncode or not told.startswith("taken"):
        raise SystemExit(f"gauges.py ended with status {feeder.returncode} {told}")
    _, taken, _, seconds = told.split()
    return float(taken) / float(seconds)


def await_degraded(seat, limit=20):
    """The panel that slow.py answers for is degraded; else this is not the load it is said to be."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        request = urllib.request.Request(f"http://127.0.0.1:{seat.port + 1}/v1/panels/p0-use-0/health", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=5) as reply:
            verdict = json.load(reply)["verdict"]
        if verdict == "degraded":
            return
        time.sleep(0.1)
    raise SystemExit(f"panel p0-use-0 is {verdict}, not degraded")


def check_answers(server, packets, count=300):
    """Every answer has so many addresses, all of one tier of the set."""
    for _, wire in read_packets(packets, count):
        reply = ask(wire, server.seat.port)
        rcode, found = gist(reply) if reply else (None, ())
        tiers = {(address.rsplit(".", 1)[0], int(address.rsplit(".", 1)[1]) // world.A_TIER) for address in found}
        if rcode != 0 or len(found) != server.seat.answers or len(tiers) != 1:
            raise SystemExit(f"{server.name}: {wire[12:]!r} is answered with {rcode} {found}")


def show(found, taken, alone, out):
    names = list(dict.fromkeys(name for name, _ in found))
    out(f"Load slots: sets of {world.A_TIER} panels a region, one panel degraded; gauges: {RATE:,} a second come in meanwhile. "
        "CPU per answer in µs (outside the kernel), thousand answers a second:\n")
    rows = []
    for load in ANSWERS:
        runs = {name: found[name, load] for name in names}
        cells = [f"{median(its, 'cpu_us'):.2f} ({user_us(its):.2f}), {median(its, 'qps') / 1000:.0f}" for its in runs.values()]
        rows.append([load, *cells, ratio(runs, "meridian"), ratio(runs, FED)])
    table(out, ["answers of", *names, "ours / gdnsd", "with gauges / gdnsd"], rows)
    out(noise(found))
    if taken:
        middle = sorted(alone)[len(alone) // 2]
        out(f"{sum(taken) / len(taken):,.0f} gauges a second were taken; without queries they cost {middle:.1%} of a CPU ({middle * 1e6 / RATE:.0f} µs each).\n")


def ratio(runs, name):
    if name not in runs or "gdnsd" not in runs:
        return ""
    return "{:.2f} ({:.2f}-{:.2f})".format(*ratios(runs[name], runs["gdnsd"]))
