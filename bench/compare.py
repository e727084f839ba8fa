"""The whole server against Debian's peers: CPU per answer, answers a second, latency and memory, saturated and at a fixed rate."""
import lab
from rounds import alternate, measure, median, noise, ratios, user_us
from servers import SERVERS, Seat
from tables import table
from wire import ask, gist, read_packets

LOADS = ["w1", "w2one", "w2many", "w2src", "w3"]
FIXED = ["w1", "w2many"]
RATE = 10_000
OURS, FLOOR = "meridian", "echo"
FIRST_PORT = 5300


def chosen(options, loads):
    """(server, load) for all that were asked for and can do it."""
    return [(name, load) for load in options.loads or loads if load in loads
            for name in options.peers or SERVERS if load in SERVERS[name][1]]


def starter(options, names):
    """Starts all of them, each on its port."""
    def start():
        servers = {}
        for n, name in enumerate(names):
            seat = Seat(lab.empty(f"{options.work}/{name}"), FIRST_PORT + 10 * n, 1, options.data, options.bin)
            make, loads = SERVERS[name]
            servers[name] = lab.Server(name, seat, make(seat), "geo.lab" if "w2one" in loads and name != FLOOR else "static.lab")
        return servers
    return start


def names_of(cases):
    return list(dict.fromkeys(name for name, _ in cases))


def agreement(options, count=500):
    """Do all servers give the same answers? Each is compared with what most say; gives the lines to print."""
    cases = chosen(options, LOADS)
    servers, lines = starter(options, [name for name in names_of(cases) if name != FLOOR])(), []
    try:
        for load in dict.fromkeys(load for _, load in cases):
            packets = read_packets(f"{options.data}/{load}.pkt", count)
            said = {}
            for name in [name for name, its in cases if its == load and name != FLOOR]:
                replies = [ask(wire, servers[name].seat.port, source=source) for source, wire in packets]
                said[name] = [reply and gist(reply) for reply in replies]
            for name, replies in said.items():
                others = list(zip(*said.values()))
                common = [max(set(them), key=them.count) for them in others]
                wrong = [n for n in range(count) if replies[n] != common[n]]
                lines.append((load, name, count - len(wrong), count, [(packets[n][0], replies[n], common[n]) for n in wrong[:3]]))
    finally:
        for server in servers.values():
            server.stop()
    return lines


def saturated(options):
    """Closed loop, 128 outstanding, one server thread on a CPU of its own."""
    return run(options, chosen(options, LOADS), None)


def fixed(options):
    """Open loop at 10,000 queries a second: mostly one wake-up a query."""
    return run(options, chosen(options, FIXED), RATE)


def run(options, cases, rate):
    def once(servers, name, load):
        return measure(servers[name], f"{options.data}/{load}.pkt", options.seconds, rate, sources=load == "w2src")
    return alternate(options.rounds, cases, starter(options, names_of(cases)), once)


def by_load(found):
    loads = {}
    for (name, load), runs in found.items():
        loads.setdefault(load, {})[name] = runs
    return loads


def best_peer(runs, key="cpu_us", most=False):
    peers = [name for name in runs if name not in (OURS, FLOOR)]
    pick = max if most else min
    return pick(peers, key=lambda name: median(runs[name], key)) if peers else None


def ratio_cell(runs):
    peer = best_peer(runs)
    if OURS not in runs or not peer:
        return ""
    middle, low, high = ratios(runs[OURS], runs[peer])
    return f"{middle:.2f} ({low:.2f}-{high:.2f}) {peer}"


def print_saturated(found, memory, out):
    loads, names = by_load(found), names_of(found)
    out("CPU per answer in µs, of it outside the kernel in brackets; the last column is ours divided by the best peer's of the same round, median and quartiles:\n")
    table(out, ["load", *names, "ours / best peer"],
          [[load, *(f"{median(runs[name], 'cpu_us'):.2f} ({user_us(runs[name]):.2f})" if name in runs else "" for name in names), ratio_cell(runs)]
           for load, runs in loads.items()])
    out("Thousand answers a second, and latency of them (50 % / 99 %, µs):\n")
    cell = lambda runs: f"{median(runs, 'qps') / 1000:.0f} ({median(runs, 'p50_us'):.0f} / {median(runs, 'p99_us'):.0f})"
    table(out, ["load", *names], [[load, *(cell(runs[name]) if name in runs else "" for name in names)] for load, runs in loads.items()])
    out("Memory after these loads, MiB:\n")
    middle = lambda name, key: sorted(one[key] for one in memory[name])[len(memory[name]) // 2]
    table(out, ["", *names], [[word, *(f"{middle(name, key):.0f}" for name in names)]
                              for word, key in [("resident", "rss"), ("shared pages once", "pss"), ("its own alone", "private")]])
    for line in verdicts(loads):
        out(line)
    if OURS in memory and "gdnsd" in memory:
        out(f"- resident memory: {middle(OURS, 'rss'):.0f} MiB, gdnsd's {middle('gdnsd', 'rss'):.0f}")
    out("")
    out(noise(found))


def verdicts(loads, speed=True):
    """A sentence for each load: above or below the best peer, and by how much; `speed` where answers a second are not given."""
    for load, runs in loads.items():
        peer = best_peer(runs)
        if OURS not in runs or not peer:
            continue
        middle, low, high = ratios(runs[OURS], runs[peer])
        word = "above" if low > 1 else "below" if high < 1 else "not to be told from"
        line = f"- {load}: CPU per answer is {word} {peer}'s, {middle - 1:+.0%} ({low - 1:+.0%} to {high - 1:+.0%})"
        if speed:
            fast = best_peer(runs, "qps", most=True)
            answers, slow, quick = ratios(runs[OURS], runs[fast], "qps")
            line += f"; answers a second {answers - 1:+.0%} ({slow - 1:+.0%} to {quick - 1:+.0%}) beside {fast}'s"
        yield line


def print_fixed(found, out):
    loads = by_load(found)
    out(f"At {RATE:,} queries a second, CPU per answer in µs and latency (50 % / 99 %, µs):\n")
    names = names_of(found)
    cell = lambda runs: f"{median(runs, 'cpu_us'):.1f} ({median(runs, 'p50_us'):.0f} / {median(runs, 'p99_us'):.0f})"
    table(out, ["load", *names, "ours / best peer"],
          [[load, *(cell(runs[name]) if name in runs else "" for name in names), ratio_cell(runs)] for load, runs in loads.items()])
    for line in verdicts(loads, speed=False):
        out(line)
    out("")
    out(noise(found))


def details(found, out):
    """Every figure there is, a table a load."""
    for load, runs in by_load(found).items():
        out(f"### {load}\n")
        head = ["server", "answers/s", "CPU µs (range)", "of it user", "p50 µs", "p99 µs", "lost %", "CPUs", "stolen", "others", "reply bytes", "generator µs"]
        rows = []
        for name, its in sorted(runs.items(), key=lambda item: median(item[1], "cpu_us")):
            spread = [run["cpu_us"] for run in its]
            rows.append([name, f"{median(its, 'qps'):,.0f}", f"{median(its, 'cpu_us'):.2f} ({min(spread):.2f}-{max(spread):.2f})",
                         f"{user_us(its):.2f}", f"{median(its, 'p50_us'):.0f}", f"{median(its, 'p99_us'):.0f}", f"{100 * median(its, 'lost_share'):.2f}",
                         f"{median(its, 'cpu'):.2f}", f"{median(its, 'stolen'):.2f}", f"{median(its, 'others'):.2f}", f"{median(its, 'bytes'):.0f}",
                         f"{median(its, 'gen_cpu_us'):.2f}"])
        table(out, head, rows)
