"""Measuring: one load on one server, and rounds in which all servers take turns.

A run in which the host stole CPU, or others used it, for more than 15 % of one CPU is repeated, up to three times; the cleanest counts.
Servers all run at once, each on its port, so that runs that are compared lie seconds apart; the order turns with each round.
"""
import json
import statistics
import subprocess

import lab

FOREIGN = 0.15
TRIES = 3
WARM = 0.2
FRESH = 5  # rounds with the same processes; then all are started anew, for the luck of a memory layout to average out


def generate(seat_bin, port, packets, seconds, rate=None, sources=False, threads=1, cpu=lab.GENERATOR_CPU, timeout_ms=200):
    """One run of dnsload; its figures."""
    command = [*lab.prefix(), "taskset", "-c", cpu, f"{seat_bin}/dnsload", "-p", str(port), "-d", packets, "-l", str(seconds), "-T", str(timeout_ms)]
    # 128 outstanding: deep enough for full batches, and below what a default receive buffer holds
    command += ["-t", str(threads), "-c", "8", "-w", "16"]
    command += ["-S"] if sources else []
    command += ["-r", str(rate)] if rate else []
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(server, packets, seconds, rate=None, sources=False, beside=0.0):
    """One server under one load. `beside` is the CPU that helpers of ours may use, as a share of one."""
    seat = server.seat
    generate(seat.bin, seat.port, packets, WARM, rate, sources)
    best = None
    for _ in range(TRIES):
        cpu, user, (used, stolen) = server.cpu(), server.user(), lab.busy()
        run = generate(seat.bin, seat.port, packets, seconds, rate, sources)
        cpu, user, (used_after, stolen_after) = server.cpu() - cpu, server.user() - user, lab.busy()
        server.check_alive()
        answered = max(1, run["answered"])
        run |= {"cpu": cpu, "user": user, "cpu_us": cpu * 1e6 / answered, "lost_share": run["lost"] / max(1, run["sent"]),
                "stolen": (stolen_after - stolen) / seconds,
                "others": max(0.0, (used_after - used - cpu - run["gen_cpu_us"] * run["answered"] / 1e6) / seconds - beside)}
        if best is None or run["stolen"] + run["others"] < best["stolen"] + best["others"]:
            best = run
        if best["stolen"] + best["others"] < FOREIGN:
            break
    return best


def alternate(rounds, cases, start, run):
    """`cases` are (server, load); `start()` gives the servers that run, by name; `run(servers, server, load)` measures.

    Gives {(server, load): [run a round]} and {server: [memory at the end of its life]}."""
    found, memory = {case: [] for case in cases}, {}
    loads = list(dict.fromkeys(load for _, load in cases))
    servers = {}
    try:
        for number in range(rounds):
            if number % FRESH == 0:
                finish(servers, memory)
                servers = start()
            for turn, load in enumerate(loads):
                asked = [name for name, its in cases if its == load]
                first = (number + turn) % len(asked)
                for name in asked[first:] + asked[:first]:
                    one = run(servers, name, load)
                    found[name, load].append(one)
                    lab.tell(f"round {number + 1:2} {load:9} {name:18} {one['qps']:>8,.0f}/s {one['cpu_us']:7.2f} us"
                             f" p99 {one['p99_us']:6.0f} lost {one['lost_share']:.2%} stolen {one['stolen']:.2f} others {one['others']:.2f}")
    finally:
        finish(servers, memory)
    return found, memory


def finish(servers, memory):
    for name, server in servers.items():
        memory.setdefault(name, []).append(server.memory())
        server.stop()
    servers.clear()


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def user_us(runs):
    """Microseconds outside the kernel an answer, over all rounds: single runs are too short for the clock's ticks."""
    return sum(run["user"] for run in runs) * 1e6 / max(1, sum(run["answered"] for run in runs))


def ratios(ours, theirs, key="cpu_us"):
    """Ours divided by theirs, round by round: (median, lower quartile, upper quartile)."""
    each = sorted(a[key] / b[key] for a, b in zip(ours, theirs))
    if len(each) < 4:
        return statistics.median(each), each[0], each[-1]
    low, middle, high = statistics.quantiles(each, n=4, method="inclusive")
    return middle, low, high


def noise(found):
    """What to say of others on the machine."""
    share = statistics.median(run["stolen"] + run["others"] for runs in found.values() for run in runs)
    return f"Others used {share:.2f} CPUs meanwhile (median of all runs).\n"
