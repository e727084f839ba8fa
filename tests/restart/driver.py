#!/usr/bin/env python3
"""Random changes by the API on a small fleet; what is answered before and after a restart, and by a fresh node that was given the export, must be equal.

usage: driver.py BINARY [--seed N] [--changes N] [--every N] [--port P] [--dir D]
Nothing but the standard library. Ends only the nodes it started.
"""
import argparse, http.client, json, os, random, shutil, signal, socket, struct, subprocess, sys, threading

TOKEN = "a-token-of-this-test-alone"
ZONES = ["panels.example", "sub.panels.example", "deep.sub.panels.example", "other.example"]
PANELS = ["p%d" % n for n in range(9)] + ["P-Big"]
REGIONS = ["r%d" % n for n in range(5)]
SETS = ["s%d" % n for n in range(6)]
CHECKS = ["c%d" % n for n in range(3)]
KEYS = ["k%d" % n for n in range(2)]
HOSTS = [h + "." + z for z in ZONES for h in ("h0", "h1", "*", "*.w", "x.y", "live")] + ZONES + ["sub.panels.example", "a.h0.panels.example"]
HOSTS = sorted(set(HOSTS))
SUBNETS = [None, "10.1.0.0/24", "10.2.7.0/24", "10.3.9.0/24", "10.4.200.0/24", "10.5.1.0/24", "192.0.2.0/24"]
TYPES = {"A": 1, "NS": 2, "SOA": 6, "TXT": 16, "AAAA": 28, "SRV": 33, "HTTPS": 65}


class Node:
    def __init__(self, binary, home, port):
        self.binary, self.home, self.dns, self.api = binary, home, port, port + 2700
        self.proc = None

    def lay(self, fleet_toml, zones, kind="embedded"):
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home + "/config"), os.makedirs(self.home + "/zones")
        overrides = ", ".join('{ network = "10.%d.0.0/16", at = [%s], country = "%s" }' % (n, at, cc) for n, (at, cc) in enumerate(
            [("50.1, 8.7", "DE"), ("40.7, -74.0", "US"), ("1.35, 103.8", "SG"), ("48.8, 2.3", "FR"), ("34.0, -118.2", "US")], 1))
        open(self.home + "/config/meridian.toml", "w").write(f'''[node]
name = "ns1"
data = "../data"
[dns]
listen = ["127.0.0.1:{self.dns}"]
workers = 1
[admin]
listen = "127.0.0.1:{self.api}"
[health]
networks = ["127.0.0.0/8", "::1"]
[geoip]
databases = []
overrides = [{overrides}]
[store]
kind = "{kind}"
''')
        open(self.home + "/config/fleet.toml", "w").write(fleet_toml)
        for name, text in zones.items():
            open(f"{self.home}/zones/{name}.zone", "w").write(text)

    def start(self):
        env = dict(os.environ, MERIDIAN_ADMIN_TOKEN=TOKEN)
        with socket.socket() as other:
            if other.connect_ex(("127.0.0.1", self.api)) == 0:
                raise SystemExit(f"port {self.api} is in use")
        self.log = open(self.home + "/log", "ab", buffering=0)
        self.proc = subprocess.Popen([self.binary, "serve", "--config", self.home + "/config/meridian.toml"], env=env, stderr=subprocess.PIPE)
        wanted = b"answering on"
        for line in self.proc.stderr:
            self.log.write(line)
            if wanted in line:
                if wanted != b"answering on" or self.ask("GET", "/v1/status")[1].get("truth") != "files":
                    threading.Thread(target=shutil.copyfileobj, args=(self.proc.stderr, self.log), daemon=True).start()
                    return self
                wanted = b"imported the fleet"
        raise SystemExit(f"the node ended with {self.proc.wait()}, see {self.home}/log")

    def stop(self):
        self.proc.send_signal(signal.SIGTERM)
        self.proc.wait()

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def ask(self, method, path, body=None, kind=None, headers=None):
        con = http.client.HTTPConnection("127.0.0.1", self.api, timeout=60)
        head = {"Authorization": "Bearer " + TOKEN, **(headers or {})}
        if body is not None:
            head["Content-Type"] = kind or "application/json"
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        con.request(method, path, body, head)
        answer = con.getresponse()
        data = answer.read()
        con.close()
        self.head = dict((k.lower(), v) for k, v in answer.getheaders())
        try:
            data = json.loads(data)
        except ValueError:
            pass
        return answer.status, data

    def dig(self, name, rtype, subnet=None):
        out = struct.pack(">HHHHHH", 7, 0, 1, 0, 0, 1)
        out += b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0" + struct.pack(">HH", TYPES[rtype], 1)
        option = b""
        if subnet:
            address, length = subnet.split("/")
            part = socket.inet_aton(address)[: (int(length) + 7) // 8]
            option = struct.pack(">HHHBB", 8, 4 + len(part), 1, int(length), 0) + part
        out += b"\0" + struct.pack(">HHIH", 41, 4000, 0, len(option)) + option
        for _ in range(5):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(3)
                sock.sendto(out, ("127.0.0.1", self.dns))
                try:
                    return sock.recv(65535)
                except socket.timeout:
                    continue
        return b"no answer"


def without_serial(packet):
    """The packet with the serials of its SOA records put to nought."""
    if len(packet) < 12:
        return packet
    packet = bytearray(packet)
    if packet[3] & 15 == 1:
        return bytes(packet)

    def skip(at):
        while True:
            n = packet[at]
            if n == 0:
                return at + 1
            if n >= 192:
                return at + 2
            at += n + 1
    qd, an, ns, ar = struct.unpack(">HHHH", packet[4:12])
    at = 12
    for _ in range(qd):
        at = skip(at) + 4
    for _ in range(an + ns + ar):
        at = skip(at)
        rtype, _, _, n = struct.unpack(">HHIH", packet[at:at + 10])
        at += 10
        if rtype == 6:
            where = skip(skip(at))
            packet[where:where + 4] = b"\0\0\0\0"
        at += n
    return bytes(packet)


def picture(node, with_meta=True):
    """Everything that is to be the same."""
    seen = {}
    seen["fleet"] = node.ask("GET", "/v1/fleet?secrets=true")[1]
    if with_meta:
        seen["fleet etag"] = node.head.get("etag")
    fleet = seen["fleet"]
    for kind in ("check", "region", "panel", "set", "zone", "key", "hostname"):
        for item in fleet.get(kind, []):
            path = {"check": "checks"}.get(kind, kind + "s") + "/" + item["name"]
            status, _ = node.ask("GET", "/v1/" + path)
            seen["get " + path] = status
            if with_meta:
                seen["etag " + path] = node.head.get("etag")
            if kind == "panel":
                state = node.ask("GET", f"/v1/{path}/state")[1]
                seen["state " + path] = state if with_meta else state.get("state")
            if kind == "zone":
                seen["file " + path] = node.ask("GET", f"/v1/{path}/file")[1]
                if with_meta:
                    seen["file etag " + path] = node.head.get("etag")
    ports = sorted({p for h in fleet.get("hostname", []) for p in [h.get("ports", {}).get("https")] if p})
    for host in HOSTS:
        name = host.replace("*", "anything")
        for subnet in SUBNETS:
            for rtype in ("A", "AAAA") if subnet else ("A", "AAAA", "SOA", "HTTPS", "TXT", "NS"):
                seen[f"dig {name} {rtype} {subnet}"] = node.dig(name, rtype, subnet)
        for subnet in SUBNETS[:2]:
            seen[f"dig _http._tcp.{name} SRV {subnet}"] = node.dig("_http._tcp." + name, "SRV", subnet)
        for port in ports:
            seen[f"dig _{port}._https.{name} HTTPS"] = node.dig(f"_{port}._https.{name}", "HTTPS")
        for panel in PANELS:
            seen[f"dig {panel}.{name} A"] = node.dig(f"{panel.lower()}.{name}", "A")
    status = node.ask("GET", "/v1/status")[1]
    # How long what is so is known to a run is no part of what it is.
    for panel in status.get("panels", []):
        for key in ("verdict_since", "uptime"):
            panel.pop(key, None)
    seen["status"] = {k: status.get(k) for k in (("panels", "sets", "zones", "hostnames", "truth", "problems") if with_meta else ("hostnames",))}
    return seen


def compare(what, a, b, loose=False):
    wrong = 0
    for key in sorted(set(a) | set(b), key=lambda key: (key.startswith('dig'), key)):
        x, y = a.get(key), b.get(key)
        if loose and key.startswith('dig') and isinstance(x, bytes) and isinstance(y, bytes):
            try:
                x, y = without_serial(x), without_serial(y)
            except IndexError:
                print('UNREADABLE', key, x, y)
        if x != y and isinstance(x, dict) and isinstance(y, dict):
            x, y = ({k: v for k, v in one.items() if v != other.get(k)} for one, other in ((x, y), (y, x)))
        if x != y:
            wrong += 1
            if wrong <= 12:
                print(f"DIFFERS {what}: {key}\n   before {x!r:.700}\n   after  {y!r:.700}", flush=True)
    if wrong:
        print(f"DIFFERS {what}: {wrong} in all", flush=True)
    return wrong


ZONE = """$ORIGIN {z}.
$TTL 1h
@ IN SOA ns1 hostmaster ( {serial} 1h 15m 2w 60 )
@ IN NS ns1
ns1 IN A 127.0.0.1
www IN CNAME live
t{t} IN TXT "{t}"
{extra}"""


class Driver:
    def __init__(self, node, rnd):
        self.node, self.rnd = node, rnd
        self.counts, self.acts, self.last = {}, [], None
        self.serials, self.back, self.wrong = {}, 0, 0

    def zone_text(self, zone):
        r = self.rnd
        extra = r.choice(["", "h9 IN A 192.0.2.9\n", "n IN NS ns.elsewhere.example.\n", "* IN TXT \"w\"\n", "@ IN TXT \"apex\"\n", "h0 IN CAA 0 issue \"x\"\n"])
        return ZONE.format(z=zone, serial=r.choice([1, 5, 2026112001, 4294967295, 2147483648, 2147483650, 3]), t=r.randrange(4), extra=extra)

    def panel(self):
        r = self.rnd
        p = {"region": r.choice(REGIONS), "addresses": [f"198.51.100.{r.randrange(1, 250)}"]}
        if r.random() < .4: p["addresses"].append(f"2001:db8::{r.randrange(1, 999):x}")
        if r.random() < .3: p["at"] = [r.choice([50.5, 1, -33.25]), r.choice([8.5, 100, -74])]
        if r.random() < .3: p["weight"] = r.choice([0, 0.5, 1, 2.5, 10])
        if r.random() < .3: p["checks"] = [r.choice(CHECKS)]
        if r.random() < .2: p["state"] = r.choice(["enabled", "draining", "disabled"])
        if r.random() < .2: p["labels"] = {"a": r.choice(["x", "y"])}
        if r.random() < .1: del p["region"]
        return p

    def set(self):
        r = self.rnd
        names = r.sample(PANELS, r.randrange(1, 6))
        s = {"panels": [n if r.random() < .7 else {"panel": n, "tier": r.randrange(1, 4)} for n in names]}
        if r.random() < .4: s["steer"] = r.choice(["nearest", "failover", "weighted", "least-loaded"])
        if r.random() < .2: s["ttl"] = r.choice([5, 30, 300])
        if r.random() < .2: s["answers"] = r.choice([1, 2, 3])
        if r.random() < .2: s["fence"] = r.choice(["region", "continent", "none"])
        if r.random() < .2: s["spread"] = r.choice(["10km", "5000km"])
        if r.random() < .1: s["shed_from"] = r.choice([.5, .9])
        return s

    def host(self):
        r = self.rnd
        h = {"set": r.choice(SETS)}
        if r.random() < .4: h["ports"] = r.choice([{"http": 8090}, {"https": 8443}, {"http": 80, "https": 443}, {"https": 443}])
        if r.random() < .3: h["ttl"] = r.choice([5, 15, 120])
        if r.random() < .2: h["answers"] = 2
        return h

    def region(self):
        r = self.rnd
        g = {"at": [r.choice([50.1, 40, 1.5, -30]), r.choice([8.5, -74, 103, 20])]}
        if r.random() < .6: g["serves"] = r.choice([{"continents": ["EU"]}, {"countries": ["US"]}, {"countries": ["DE", "FR"]}, {"networks": ["10.5.0.0/16"]}])
        if r.random() < .4: g["then"] = r.sample(REGIONS, r.randrange(1, 3))
        return g

    def check(self):
        return self.rnd.choice([{"kind": "tcp", "port": 80}, {"kind": "http", "url": "http://{address}/", "interval": "5s", "timeout": "1s"},
                                {"kind": "panel-api", "url": "http://{address}/", "user": "u", "password": "pw%d" % self.rnd.randrange(9)}])

    def key(self):
        return {"algorithm": "hmac-sha256", "secret": self.rnd.choice(["c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXI="])}

    def change(self):
        r = self.rnd
        act = r.choices(["panels", "sets", "hostnames", "regions", "checks", "keys", "defaults", "zone", "file", "records", "state", "fleet", "revert", "restore", "delete", "patch"],
                        [8, 10, 22, 6, 3, 1, 2, 2, 4, 8, 6, 3, 6, 1, 22, 8])[0]
        query = "?force=true"
        if r.random() < .05: query += "&dry_run=true"
        made = {"panels": (PANELS, self.panel), "sets": (SETS, self.set), "hostnames": (HOSTS, self.host), "regions": (REGIONS, self.region),
                "checks": (CHECKS, self.check), "keys": (KEYS, self.key)}
        if act in made:
            names, body = made[act]
            return "PUT", f"/v1/{act}/{r.choice(names)}{query}", body(), None
        if act == "patch":
            kind = r.choice(["panels", "sets", "hostnames", "regions"])
            names, body = made[kind]
            patch = {"panels": [{"weight": r.choice([1, 3, None])}, {"at": None}, {"region": r.choice(REGIONS)}], "sets": [{"steer": None}, {"ttl": r.choice([9, None])}, {"panels": self.set()["panels"]}],
                     "hostnames": [{"ports": None}, {"ports": {"http": 81}}, {"set": r.choice(SETS)}, {"ttl": None}], "regions": [{"then": None}, {"at": [10, 10]}]}[kind]
            return "PATCH", f"/v1/{kind}/{r.choice(names)}{query}", r.choice(patch), "application/merge-patch+json"
        if act == "defaults":
            return "PUT", "/v1/defaults" + query, r.choice([{}, {"ttl": 20}, {"spread": "900km"}, {"steer": "failover"}, {"shed_from": .6, "shed_all": .7}, {"answers": 2, "ttl": 60}]), None
        if act in ("zone", "file"):
            zone = r.choice(ZONES)
            return "PUT", f"/v1/zones/{zone}/file{query}", self.zone_text(zone), "text/dns"
        if act == "records":
            zone = r.choice(ZONES)
            name = r.choice(["@", "t0." + zone, "new." + zone, "h0." + zone, "*." + zone, "cut." + zone])
            kind, data = r.choice([("TXT", ['"a"']), ("TXT", ['"b"', '"c"']), ("A", ["192.0.2.5"]), ("CAA", ['0 issue "y"']), ("NS", ["ns.q.example."])])
            if r.random() < .4:
                return "DELETE", f"/v1/zones/{zone}/records/{name}/{kind}{query}", None, None
            return "PUT", f"/v1/zones/{zone}/records/{name}/{kind}{query}", {"ttl": r.choice([60, 300]), "data": data}, None
        if act == "state":
            panel = r.choice(PANELS)
            if r.random() < .4:
                return "DELETE", f"/v1/panels/{panel}/state", None, None
            return "POST", f"/v1/panels/{panel}/state", {"state": r.choice(["enabled", "draining", "disabled"]), "reason": "r"}, None
        if act == "delete":
            kind = r.choice(["panels", "sets", "hostnames", "hostnames", "hostnames", "hostnames", "regions", "zones", "checks", "keys"])
            names = {"zones": ZONES, **{k: v[0] for k, v in made.items()}}[kind]
            return "DELETE", f"/v1/{kind}/{r.choice(names)}{query}", None, None
        if act == "fleet":
            fleet = self.node.ask("GET", "/v1/fleet?secrets=true")[1]
            for kind in ("region", "panel", "set", "hostname", "zone"):
                if kind in fleet and r.random() < .5: r.shuffle(fleet[kind])
            if fleet.get("hostname") and r.random() < .6: fleet["hostname"].pop(r.randrange(len(fleet["hostname"])))
            if fleet.get("hostname") and r.random() < .4: fleet["hostname"][0]["set"] = r.choice(SETS)
            return "PUT", "/v1/fleet" + query, fleet, None
        if act == "revert":
            return "POST", "/v1/revert?force=true", {"revision": max(1, self.revision() - r.randrange(0, 12))}, None
        backup = self.last if self.last and r.random() < .7 else None
        if backup is None:
            self.last = self.raw_backup()
            backup = self.last
        return "POST", "/v1/restore?force=true", backup, "application/x-ndjson"

    def raw_backup(self):
        con = http.client.HTTPConnection("127.0.0.1", self.node.api, timeout=60)
        con.request("GET", "/v1/backup", headers={"Authorization": "Bearer " + TOKEN})
        return con.getresponse().read()

    def revision(self):
        return self.node.ask("GET", "/v1/status")[1]["revision"]

    def step(self):
        method, path, body, kind = self.change()
        status, answer = self.node.ask(method, path, body, kind)
        what = path.split("?")[0].split("/")[2]
        key = (method, what, status)
        self.counts[key] = self.counts.get(key, 0) + 1
        self.acts.append((method, path, body if not isinstance(body, bytes) else "BACKUP", status))
        if status >= 500 or status == 0:
            self.wrong += 1
            print("FAULT", method, path, json.dumps(body)[:500] if not isinstance(body, bytes) else "", status, str(answer)[:500], flush=True)
        if status < 300 and "dry_run" not in path:
            self.check_answer(method, path, body, answer)
            self.check_serials(method, path)
        return status

    def check_answer(self, method, path, body, answer):
        """What was acknowledged is what is there."""
        if method == "PUT" and path.startswith(("/v1/panels", "/v1/sets", "/v1/hostnames", "/v1/regions")):
            etag = self.node.head.get("etag")
            got = self.node.ask("GET", path.split("?")[0])[1]
            if got != body or self.node.head.get("etag") != etag:
                self.wrong += 1
                print("WRONG", path, body, got, etag, self.node.head.get("etag"), flush=True)

    def check_serials(self, method, path):
        for zone in ZONES:
            packet = self.node.dig(zone, "SOA")
            serial = serial_of(packet)
            old = self.serials.get(zone)
            if serial is None:
                continue
            if old is not None and old != serial and not (0 < (serial - old) % 2**32 < 2**31):
                self.back += 1
                print(f"SERIAL of {zone} went back from {old} to {serial} with {method} {path}", flush=True)
            self.serials[zone] = serial


def serial_of(packet):
    if len(packet) < 12 or struct.unpack(">H", packet[6:8])[0] != 1 or packet[3] & 15:
        return None
    zeroed = without_serial(packet)
    at = next((n for n in range(len(packet)) if zeroed[n] != packet[n]), None)
    if at is None:
        return 0
    # Where the serial is: behind the names of the record.
    at = 12
    def skip(at):
        while packet[at] and packet[at] < 192:
            at += packet[at] + 1
        return at + (2 if packet[at] >= 192 else 1)
    at = skip(at) + 4
    at = skip(at) + 10
    at = skip(skip(at))
    return struct.unpack(">I", packet[at:at + 4])[0]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("binary"), args.add_argument("--seed", type=int, default=1), args.add_argument("--changes", type=int, default=2000)
    args.add_argument("--every", type=int, default=60), args.add_argument("--port", type=int, default=5460), args.add_argument("--dir", required=True)
    args.add_argument("--fresh", type=int, default=4, help="a fresh node every so many restarts")
    args = args.parse_args()
    rnd = random.Random(args.seed)
    node = Node(args.binary, f"{args.dir}/{args.port}/node", args.port)
    fleet = '[[region]]\nname = "r0"\nat = [50.1, 8.5]\n' + "".join(f'[[panel]]\nname = "{p}"\nregion = "r0"\naddresses = ["198.51.100.{n}"]\n' for n, p in enumerate(PANELS[:4], 1))
    fleet += '[[set]]\nname = "s0"\npanels = ["p0", "p1", "p2"]\n[[zone]]\nname = "panels.example"\nfile = "../zones/panels.example.zone"\n[[zone]]\nname = "other.example"\nfile = "../zones/other.example.zone"\n'
    fleet += '[[hostname]]\nname = "live.panels.example"\nset = "s0"\nports = { http = 8090 }\n'
    node.lay(fleet, {z: ZONE.format(z=z, serial=1, t=0, extra="") for z in ("panels.example", "other.example")})
    node.start()
    driver = Driver(node, rnd)
    wrong, done, rounds = 0, 0, 0
    try:
        while done < args.changes:
            for _ in range(args.every):
                driver.step()
                done += 1
            rounds += 1
            before = picture(node)
            node.kill() if rounds % 2 else node.stop()
            node.start()
            after = picture(node)
            wrong += compare(f"seed {args.seed}, after {done} changes, by a restart", before, after)
            if rounds % args.fresh == 0:
                wrong += fresh(args, node, after)
            print(f"{done} changes, {rounds} restarts, {wrong} wrong", flush=True)
            if wrong:
                json.dump(driver.acts, open(f"{args.dir}/{args.port}/acts.json", "w"))
                if wrong > 200:
                    break
    finally:
        if node.proc and node.proc.poll() is None:
            node.stop()
    for key in sorted(driver.counts):
        print(*key, driver.counts[key])
    print(f"{wrong + driver.wrong} wrong, {driver.back} serials went back")
    return 1 if wrong + driver.wrong + driver.back else 0


def fresh(args, node, before):
    """The same fleet, given to a node that has never seen it: by the API, and by its file."""
    before = picture(node, False)
    fleet = before["fleet"]
    env = dict(os.environ, MERIDIAN_URL=f"http://127.0.0.1:{node.api}", MERIDIAN_TOKEN=TOKEN)
    toml = subprocess.run([args.binary, "export", "--secrets"], env=env, capture_output=True, text=True)
    if toml.returncode:
        print("EXPORT failed", toml.returncode, toml.stderr, flush=True)
    wrong = 0
    for how in ("put", "file"):
        other = Node(args.binary, f"{args.dir}/{args.port}/fresh-{how}", args.port + 10)
        text = ZONE.format(z="start.example", serial=1, t=0, extra="")
        start = f'[[zone]]\nname = "start.example"\ntext = """{text}"""\n'
        other.lay(start if how == "put" else toml.stdout, {})
        other.start()
        try:
            wrong += same_there(args, node, other, before, how)
        finally:
            other.stop()
    return wrong


def same_there(args, node, other, before, how):
    wrong, fleet = 0, before["fleet"]
    if how == "put":
        status, answer = other.ask("PUT", "/v1/fleet?force=true", fleet)
        if status != 200:
            print("FRESH refused", status, str(answer)[:800], flush=True)
            wrong += 1
    for panel in fleet.get("panel", []):
        state = node.ask("GET", f"/v1/panels/{panel['name']}/state")[1]
        if "who" in state:
            other.ask("POST", f"/v1/panels/{panel['name']}/state", {"state": state["state"]})
    return wrong + compare(f"seed {args.seed}, fresh node by {how}", before, picture(other, False), True)


if __name__ == "__main__":
    sys.exit(main())
