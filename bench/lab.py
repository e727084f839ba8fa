"""The machine: a private network, what is installed, processes that are started, watched and ended, and what they use."""
import datetime
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import time

from wire import ask, query

SERVER_CPU, GENERATOR_CPU = "0", "1"
TICK = os.sysconf("SC_CLK_TCK")
PACKAGES = ["gdnsd", "knot", "knot-module-geoip", "nsd", "pdns-server", "pdns-backend-bind", "pdns-backend-geoip", "gcc", "libc6-dev",
            "iproute2", "util-linux", "python3-maxminddb", "dnsperf"]


def install():
    """What is missing of Debian's packages."""
    missing = []
    for package in PACKAGES:
        known = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True).stdout
        if "ok installed" not in known:
            missing.append(package)
    if missing:
        tell(f"installing {' '.join(missing)}")
        root = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*root, "apt-get", "update", "-qq"], check=True)
        subprocess.run([*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
                       check=True, stdout=subprocess.DEVNULL)


def private_network():
    """Starts this program again as root of a network of its own, whose loopback owns every IPv4 address."""
    if os.environ.get("BENCH_NETWORK") != "1":
        root = [] if os.geteuid() == 0 else ["sudo", "--preserve-env"]
        path = os.environ["PATH"] + ":/usr/sbin:/sbin"
        os.execvpe((root + ["unshare"])[0], [*root, "unshare", "-n", sys.executable, *sys.argv], {**os.environ, "BENCH_NETWORK": "1", "PATH": path})
    subprocess.run("ip link set lo up && ip route add local 0.0.0.0/0 dev lo", shell=True, check=True)


def prefix():
    """What goes before the commands of servers and generators, so that other work on the machine does not hold them up."""
    return shlex.split(os.environ.get("LAB_PREFIX", "chrt -r 1"))


def real_time():
    """Whether prefix() does what it is there for: some machines do not let it."""
    asked = subprocess.run([*prefix(), sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"], capture_output=True, text=True)
    return asked.stdout.strip() in (str(os.SCHED_RR), str(os.SCHED_FIFO))


def tell(text):
    print(text, file=sys.stderr, flush=True)


def machine():
    """One line about the machine, for the head of a table."""
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    with open("/etc/os-release") as file:
        system = next(line.split("=", 1)[1].strip().strip('"') for line in file if line.startswith("PRETTY_NAME="))
    return f"{model}, {os.cpu_count()} cores, {system}, Linux {platform.release().split('-')[0]}"


def today():
    return datetime.date.today().isoformat()


def version(package):
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True).stdout
    return shown.split(":")[-1].split("-")[0].split("+")[0]


class Server:
    """A server that runs, with all its processes."""

    def __init__(self, name, seat, command, ready, cpu=SERVER_CPU, before=None, limit=60):
        self.name, self.seat = name, seat
        pin = ["taskset", "-c", cpu] if cpu is not None else []
        self.log = open(f"{seat.home}/log", "w")
        self.begun = time.monotonic()
        self.process = subprocess.Popen([*(prefix() if before is None else before), *pin, *command], stdout=self.log, stderr=subprocess.STDOUT)
        self.await_answer(ready, limit)
        self.took = time.monotonic() - self.begun

    def await_answer(self, ready, limit):
        wire, end = query(ready, 6), time.monotonic() + limit
        while time.monotonic() < end:
            reply = ask(wire, self.seat.port, 0.2)
            if reply and reply[3] & 15 == 0 and (reply[2] & 128):
                return
            self.check_alive()
            time.sleep(0.01)
        self.stop()
        raise SystemExit(f"{self.name}: no answer within {limit} s, see {self.seat.home}/log")

    def check_alive(self):
        if self.process.poll() is not None:
            self.log.flush()
            with open(self.log.name) as log:
                raise SystemExit(f"{self.name} ended with status {self.process.returncode}\n{log.read()[-2000:]}")

    def pids(self):
        return tree(self.process.pid)

    def cpu(self):
        """CPU seconds so far, of ended threads too, without what the host stole."""
        total = 0.0
        for pid in self.pids():
            try:
                total += time.clock_gettime(~pid << 3 | 2)  # the kernel's name for the CPU clock of a process
            except OSError:
                pass
        return total

    def user(self):
        """Seconds of it outside the kernel, in ticks of the clock: good over many runs only."""
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/stat") as file:
                    total += int(file.read().rsplit(")", 1)[1].split()[11])
            except OSError:
                pass
        return total / TICK

    def memory(self):
        """MiB: resident, with shared pages counted once, and its own alone."""
        sums = {"Rss": 0, "Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as file:
                    for line in file:
                        key = line.split(":")[0]
                        if key in sums:
                            sums[key] += int(line.split()[1])
            except OSError:
                pass
        return {"rss": sums["Rss"] / 1024, "pss": sums["Pss"] / 1024, "private": (sums["Private_Clean"] + sums["Private_Dirty"]) / 1024}

    def stop(self):
        pids = self.pids()
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            self.process.wait()
        self.log.close()


def empty(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def tree(pid):
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children") as children:
                    found += map(int, children.read().split())
        except OSError:
            pass
    return found


def busy():
    """(used, stolen) CPU seconds of the whole machine."""
    with open("/proc/stat") as file:
        ticks = [int(part) / TICK for part in file.readline().split()[1:]]
    return ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6], ticks[7]
