"""The scale curve: what an answer costs, and how much memory a name takes, from one steered name to a million, from one panel to 10,000, and
from a thousand static records to a million. Names and clients are drawn uniformly, 500,000 ready-made queries a case, so caches help nobody.

Fleets are written as tersely as TOML allows (a line of `hostname = [{name=..., set=...}, ...]` each), because a million names in tables of their
own are longer than a fleet file may be. Panels stand at 50 places; a set has ten of them, or all if there are fewer.
"""
import os
import random

import lab
import world
from rounds import alternate, measure, median, noise, ratios, user_us
from servers import Seat, meridian_node
from tables import table
from wire import query, write_packets

NAMES, PANELS, RECORDS = [1, 1_000, 100_000, 1_000_000], [1, 100, 10_000], [1_000, 1_000_000]
STEERED = 1_000  # names beside so many panels
PLACES, A_SET = 50, 10
PORT, PATIENCE = 5500, 900
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
KINDS = {"steered names": NAMES, "panels": PANELS, "static records": RECORDS}


def run(options, out):
    sizes = [(kind, count) for kind, counts in KINDS.items() for count in counts if options.most is None or count <= options.most]
    clients = world.drawn_clients(options.data)
    for kind, count in sizes:
        write_queries(options, kind, count, clients)
    starts = {}

    def start():
        servers = {}
        for n, (kind, count) in enumerate(sizes):
            name = title(kind, count)
            seat = Seat(lab.empty(f"{options.work}/scale-{n}"), PORT + 10 * n, 1, options.data, options.bin)
            servers[name] = lab.Server(name, seat, command(seat, kind, count, options.store), "s.lab", limit=PATIENCE)
            starts.setdefault(name, []).append((servers[name].took, servers[name].cpu(), servers[name].memory()["rss"]))
        return servers

    def once(servers, name, load):
        kind, count = next((kind, count) for kind, count in sizes if title(kind, count) == name)
        one = measure(servers[name], packets(options, kind, count), options.seconds)
        if one["noerror"] < one["answered"]:
            raise SystemExit(f"{name}: {one['answered'] - one['noerror']} of {one['answered']} answers are not NOERROR")
        return one

    found, memory = alternate(options.rounds, [(title(kind, count), kind) for kind, count in sizes], start, once)
    show(sizes, found, memory, starts, options.store, out)
    return {"runs": [{"size": name, "runs": runs} for (name, _), runs in found.items()], "memory": memory, "starts": starts}


def title(kind, count):
    return f"{count:,} {kind}"


def label(n):
    """Short, for a file of a million of them has a limit, and all of one length: answers of different lengths are not sent together."""
    text = ""
    for _ in range(4):
        n, digit = divmod(n, len(DIGITS))
        text = DIGITS[digit] + text
    return text


def packets(options, kind, count):
    return f"{options.data}/scale-{kind.replace(' ', '-')}-{count}.pkt"


def write_queries(options, kind, count, clients):
    path = packets(options, kind, count)
    if os.path.exists(path) and os.path.getmtime(path) > max(os.path.getmtime(f"{options.data}/made-of"), os.path.getmtime(__file__)):
        return
    draw, names = random.Random(7), STEERED if kind == "panels" else count
    ecs = kind != "static records"
    write_packets(path, ((None, query(f"h{label(draw.randrange(names))}.s.lab", ecs=client if ecs else None)) for client in clients))


def command(seat, kind, count, store):
    zone = world.HEAD.format("s.lab")
    if kind == "static records":
        zone += "".join(f"h{label(n)} A 10.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(count))
        fleet = ""
    else:
        names, panels = (count, 100) if kind == "steered names" else (STEERED, count)
        fleet = steered(names, panels)
    seat_of_zone = Seat(seat.home, seat.port, seat.threads, seat.home, seat.bin)
    seat.write("s.lab", zone)
    os.symlink(f"{seat.data}/{world.MMDB}", f"{seat.home}/{world.MMDB}")
    return meridian_node(seat_of_zone, fleet + '[[zone]]\nname = "s.lab"\nfile = "s.lab.zone"\n', ["s.lab"], store=store)


def steered(names, panels):
    draw, sets = random.Random(4), max(1, panels // A_SET)
    lines = [f'{{name="h{label(n)}.s.lab",set="s{n % sets}"}}' for n in range(names)]
    text = ["hostname=[", ",\n".join(lines), "]\n"]
    text += [f'[[region]]\nname="r{n}"\nat=[{draw.uniform(-60, 70):.2f},{draw.uniform(-179, 179):.2f}]\n' for n in range(PLACES)]
    text += [f'[[panel]]\nname="p{n}"\nregion="r{n % PLACES}"\naddresses=["10.{n >> 16}.{n >> 8 & 255}.{n & 255}"]\n' for n in range(panels)]
    for n in range(sets):
        members = ",".join(f'"p{(n * A_SET + k) % panels}"' for k in range(min(A_SET, panels)))
        text.append(f'[[set]]\nname="s{n}"\npanels=[{members}]\n')
    return "".join(text)


def show(sizes, found, memory, starts, store, out):
    out(f"Scale, store \"{store}\"; growth is CPU per answer divided by that of the smallest in the same round, median and quartiles; bytes each are counted from the row above:\n")
    rows = []
    for kind, counts in KINDS.items():
        counts = [count for count in counts if (kind, count) in sizes]
        smallest = title(kind, counts[0]) if counts else None
        before = None
        for count in counts:
            name = title(kind, count)
            runs, its = found[name, kind], middle([one["rss"] for one in memory[name]])
            growth = "{:.2f} ({:.2f}-{:.2f})".format(*ratios(runs, found[smallest, kind])) if name != smallest else ""
            each = f"{(its - before[1]) * 2**20 / (count - before[0]):,.0f}" if before else ""
            before = (count, its)
            took, cpu = (middle([one[k] for one in starts[name]]) for k in (0, 1))
            rows.append([name, f"{median(runs, 'cpu_us'):.2f} ({user_us(runs):.2f})", growth, f"{its:,.0f}", each, f"{took:.2f}", f"{cpu:.2f}"])
    table(out, ["", "CPU µs (outside the kernel)", "growth", "resident MiB", "bytes each", "start, s", "CPU s of it"], rows)
    out(noise(found))


def middle(values):
    return sorted(values)[len(values) // 2]
