"""One function a server: writes its configuration for the zones and the policy of world.py, and gives its command.

Each takes a Seat; SERVERS says which loads each can be asked.
Rate limits, logs and whatever else costs by choice are off; receive buffers are 1 MiB where there is a key for them.
"""
import json
import os
import shutil
import subprocess
from dataclasses import dataclass

import world


@dataclass(frozen=True)
class Seat:
    """Where a server sits: an empty folder, its port, its threads, and the zones and the database it serves."""
    home: str
    port: int
    threads: int
    data: str
    bin: str
    answers: int = 1

    def write(self, name, text):
        path = f"{self.home}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        return path


def quoted(words):
    return json.dumps(list(words))


# ---- Meridian ----

def meridian_node(seat, fleet, zones, extra="", store="embedded"):
    """The two files every fleet here needs; the binary is linked at seat.bin/meridian."""
    for zone in zones:
        shutil.copy(f"{seat.data}/{zone}", f"{seat.home}/{zone}.zone")
    seat.write("fleet.toml", fleet)
    seat.write("meridian.toml", f"""[node]
name = "bench"
data = "state"
[dns]
listen = ["127.0.0.1:{seat.port}"]
workers = {seat.threads}
{extra}[admin]
listen = "127.0.0.1:{seat.port + 1}"
[geoip]
databases = ["{seat.data}/{world.MMDB}"]
[store]
kind = "{store}"
""")
    return [f"{seat.bin}/meridian", "serve", "--config", f"{seat.home}/meridian.toml", "--fleet", f"{seat.home}/fleet.toml"]


def meridian_regions():
    text = ""
    for n, place in enumerate(world.PLACES):
        continents = [continent for continent, to in world.CONTINENTS.items() if to == place]
        countries = [country for (_, country), to in world.COUNTRIES.items() if to == place]
        serves = ", ".join(f"{key} = {quoted(what)}" for key, what in [("continents", continents), ("countries", countries)] if what)
        text += f'[[region]]\nname = "{place}"\nat = [0.0, {n}.0]\n' + (f"serves = {{ {serves} }}\n" if serves else "")
    return text


def meridian_zones(*zones):
    return "".join(f'[[zone]]\nname = "{zone}"\nfile = "{zone}.zone"\n' for zone in zones)


def meridian(seat):
    fleet = [meridian_zones("static.lab", "geo.lab"), meridian_regions()]
    for n, name in enumerate(world.steered_names()):
        for place in world.PLACES:
            fleet.append(f'[[panel]]\nname = "{name}-{place}"\nregion = "{place}"\naddresses = ["{world.address(n, place)}"]\n')
        panels = quoted(f"{name}-{place}" for place in world.others_last(world.DEFAULT))
        fleet.append(f'[[set]]\nname = "{name}"\npanels = {panels}\nttl = 30\nspread = "0km"\n')
        fleet.append(f'[[hostname]]\nname = "{name}.geo.lab"\nset = "{name}"\n')
    return meridian_node(seat, "".join(fleet), ["static.lab", "geo.lab"])


def meridian_slots(seat):
    """Sets of 16 panels a region; every panel has a capacity, and p0-use-0 a check that finds it slow (slots.py serves that)."""
    fleet = [meridian_zones("slots.lab"), meridian_regions()]
    fleet.append('[[check]]\nname = "slow"\nkind = "http"\nurl = "http://{address}:8099/"\nlatency = "10ms"\ninterval = "1s"\n'
                 'timeout = "5s"\ndegraded_after = 1\nwatch = false\n')
    for group in range(world.SETS):
        panels = []
        for place in world.others_last(world.DEFAULT):
            for n in range(world.A_TIER):
                name = f"p{group}-{place}-{n}"
                checks = 'checks = ["slow"]\n' if name == "p0-use-0" else ""
                fleet.append(f'[[panel]]\nname = "{name}"\nregion = "{place}"\naddresses = ["{world.slot_address(group, place, n)}"]\n'
                             f'capacity = 1000\n{checks}')
                panels.append(name)
        fleet.append(f'[[set]]\nname = "s{group}"\npanels = {quoted(panels)}\nttl = 30\nspread = "0km"\nanswers = {seat.answers}\n')
    for n, name in enumerate(world.slot_names()):
        fleet.append(f'[[hostname]]\nname = "{name}.slots.lab"\nset = "s{n % world.SETS}"\n')
    return meridian_node(seat, "".join(fleet), ["slots.lab"])


# ---- gdnsd ----

def gdnsd_node(seat, zones, plugins):
    for folder in ("run", "state"):
        os.makedirs(f"{seat.home}/{folder}")
    for name, text in zones.items():
        seat.write(f"zones/{name}", text)
    seat.write("config", f"""options => {{ listen => [ 127.0.0.1:{seat.port} ], udp_threads => {seat.threads}, tcp_threads => 1,
  run_dir => "{seat.home}/run", state_dir => "{seat.home}/state", zones_rfc1035_threads => 2, udp_rcvbuf => 1048576, udp_sndbuf => 1048576 }}
{plugins}""")
    return ["gdnsd", "-c", seat.home, "start"]


def gdnsd_geoip(seat, resources, service_types="  service_types => up,\n"):
    in_order = lambda place: "[" + ", ".join(world.others_last(place)) + "]"
    rules = ""
    for continent, place in world.CONTINENTS.items():
        inner = "".join(f" {country} => {in_order(to)}," for (of, country), to in world.COUNTRIES.items() if of == continent)
        rules += f"    {continent} => {{ default => {in_order(place)},{inner} }},\n"
    return f"""geoip => {{
  maps => {{ m => {{ geoip2_db => "{seat.data}/{world.MMDB}", datacenters => {in_order(world.DEFAULT)},
   map => {{ default => {in_order(world.DEFAULT)},
{rules}   }} }} }},
{service_types}  resources => {{
{resources}  }} }}
"""


def gdnsd(seat):
    names = world.steered_names()
    resources = ""
    for n, name in enumerate(names):
        places = ", ".join(f"{place} => {world.address(n, place)}" for place in world.PLACES)
        resources += f"   {name} => {{ map => m, dcmap => {{ {places} }} }},\n"
    zones = {"static.lab": open(f"{seat.data}/static.lab").read(),
             "geo.lab": world.HEAD.format("geo.lab") + "".join(f"{name} 30 DYNA geoip!{name}\n" for name in names)}
    return gdnsd_node(seat, zones, f"plugins => {{ {gdnsd_geoip(seat, resources)} }}\n")


def gdnsd_slots(seat):
    """geoip over weighted: 16 addresses a place, of which chance takes one, or one of 16 groups of three; the slow one weighs half."""
    weighted, resources = "", ""
    for group in range(world.SETS):
        for place in world.PLACES:
            at = [world.slot_address(group, place, n) for n in range(world.A_TIER)]
            weights = [1 if (group, place, n) == (0, "use", 0) else 2 for n in range(world.A_TIER)]
            if seat.answers == 1:
                members = ", ".join(f"a{n} => [ {at[n]}, {weights[n]} ]" for n in range(world.A_TIER))
            else:
                members = ", ".join(
                    f"g{n} => {{ " + ", ".join(f"a{k} => [ {at[(n + k) % world.A_TIER]}, {weights[n]} ]" for k in range(seat.answers)) + " }"
                    for n in range(world.A_TIER))
            weighted += f"   w{group}-{place} => {{ multi => false, {members} }},\n"
        places = ", ".join(f"{place} => %weighted!w{group}-{place}" for place in world.PLACES)
        resources += f"   s{group} => {{ map => m, dcmap => {{ {places} }} }},\n"
    lines = "".join(f"{name} 30 DYNA geoip!s{n % world.SETS}\n" for n, name in enumerate(world.slot_names()))
    plugins = f"plugins => {{ weighted => {{ service_types => up,\n{weighted}  }}\n{gdnsd_geoip(seat, resources, '')} }}\n"
    return gdnsd_node(seat, {"slots.lab": world.HEAD.format("slots.lab") + lines}, plugins)


# ---- Knot ----

def knot(seat):
    lines = []
    for n, name in enumerate(world.steered_names()):
        lines.append(f"{name}.geo.lab:")
        for (continent, country), place in world.COUNTRIES.items():
            lines.append(f'  - geo: "{continent};{country}"\n    A: {world.address(n, place)}')
        for continent, place in world.CONTINENTS.items():
            lines.append(f'  - geo: "{continent};*"\n    A: {world.address(n, place)}')
    seat.write("geo.yaml", "\n".join(lines) + "\n")
    zone = seat.write("geo.lab", world.HEAD.format("geo.lab") +
                      "".join(f"{name} 30 A {world.address(n, world.DEFAULT)}\n" for n, name in enumerate(world.steered_names())))
    return knot_node(seat, f"""  - domain: static.lab
    file: {seat.data}/static.lab
  - domain: geo.lab
    file: {zone}
    module: [mod-geoip/g]
""", f"""mod-geoip:
  - id: g
    config-file: {seat.home}/geo.yaml
    ttl: 30
    mode: geodb
    geodb-file: {seat.data}/{world.MMDB}
    geodb-key: [continent/code, country/iso_code]
""")


def knot_node(seat, zones, modules=""):
    os.makedirs(f"{seat.home}/db", exist_ok=True)
    seat.write("knot.conf", f"""server:
    listen: 127.0.0.1@{seat.port}
    rundir: {seat.home}
    udp-workers: {seat.threads}
    tcp-workers: 1
    background-workers: 2
    edns-client-subnet: on
log:
  - target: stderr
    any: warning
database:
    storage: {seat.home}/db
{modules}template:
  - id: default
    storage: {seat.home}
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
{zones}""")
    return ["knotd", "-c", f"{seat.home}/knot.conf"]


# ---- NSD ----

def nsd(seat, zone="static.lab", file=None):
    seat.write("nsd.conf", f"""server:
    ip-address: 127.0.0.1@{seat.port}
    server-count: {seat.threads}
    reuseport: yes
    username: ""
    database: ""
    zonesdir: "{seat.data}"
    pidfile: "{seat.home}/nsd.pid"
    xfrdfile: "{seat.home}/xfrd"
    zonelistfile: "{seat.home}/zone.list"
    xfrdir: "{seat.home}"
    minimal-responses: yes
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    receive-buffer-size: 1048576
    send-buffer-size: 1048576
remote-control:
    control-enable: yes
    control-interface: {seat.home}/ctl
zone:
    name: {zone}
    zonefile: {file or zone}
""")
    return ["nsd", "-d", "-c", f"{seat.home}/nsd.conf"]


# ---- PowerDNS ----

def pdns_node(seat, zones, geo="domains: []\n"):
    os.makedirs(f"{seat.home}/keys", exist_ok=True)
    listing = subprocess.run(["dpkg", "-L", "pdns-backend-bind"], capture_output=True, text=True, check=True).stdout
    modules = os.path.dirname(next(line for line in listing.splitlines() if line.endswith("libbindbackend.so")))
    seat.write("geo.yaml", geo)
    seat.write("named.conf", "".join(f'zone "{zone}" {{ type native; file "{file}"; }};\n' for zone, file in zones.items()))
    seat.write("pdns.conf", f"""local-address=127.0.0.1
local-port={seat.port}
socket-dir={seat.home}
config-dir={seat.home}
module-dir={modules}
receiver-threads={seat.threads}
distributor-threads=1
reuseport=yes
cache-ttl=60
query-cache-ttl=60
negquery-cache-ttl=60
max-packet-cache-entries=1000000
log-dns-details=no
loglevel=3
disable-syslog=yes
security-poll-suffix=
version-string=anonymous
edns-subnet-processing=yes
launch=bind,geoip
bind-config={seat.home}/named.conf
bind-dnssec-db={seat.home}/dnssec.db
geoip-database-files=mmdb:{seat.data}/{world.MMDB}
geoip-zones-file={seat.home}/geo.yaml
geoip-dnssec-keydir={seat.home}/keys
""")
    subprocess.run(["pdnsutil", "--config-dir", seat.home, "create-bind-db", f"{seat.home}/dnssec.db"], check=True, capture_output=True)
    return ["pdns_server", f"--config-dir={seat.home}", "--daemon=no", "--guardian=no"]


def pdns(seat):
    names = world.steered_names()
    yaml = ["domains:", "- domain: geo.lab", "  ttl: 30", "  records:", "    geo.lab:",
            "      - soa: ns1.geo.lab hostmaster.geo.lab 1 7200 900 1209600 300", "      - ns: ns1.geo.lab", "      - ns: ns2.geo.lab",
            "    ns1.geo.lab:", "      - a: 192.0.2.251", "    ns2.geo.lab:", "      - a: 192.0.2.252"]
    for n, name in enumerate(names):
        for place in world.PLACES:
            yaml += [f"    {place}.{name}.geo.lab:", f"      - a: {world.address(n, place)}"]
        yaml += [f"    unknown.{name}.geo.lab:", f"      - a: {world.address(n, world.DEFAULT)}"]
    yaml += ["  services:"] + [f"    {name}.geo.lab: ['%mp.{name}.geo.lab', 'unknown.{name}.geo.lab']" for name in names]
    yaml += ["  mapping_lookup_formats: ['%cc', '%cn']", "  custom_mapping:"]
    # Countries and continents share their keys: Saudi Arabia is taken for South America, Namibia for North America.
    yaml += [f"    {country.lower()}: {place}" for (_, country), place in world.COUNTRIES.items()]
    yaml += [f"    {continent.lower()}: {place}" for continent, place in world.CONTINENTS.items()]
    return pdns_node(seat, {"static.lab": f"{seat.data}/static.lab"}, "\n".join(yaml) + "\n")


# ---- the floor ----

def echo(seat):
    """Sends every packet back in batches: what the kernel asks for by itself."""
    return [f"{seat.bin}/echo", str(seat.port), str(seat.threads), "32"]


SERVERS = {
    "meridian": (meridian, ("w1", "w2one", "w2many", "w2src", "w3")),
    "gdnsd": (gdnsd, ("w1", "w2one", "w2many", "w2src", "w3")),
    "knot": (knot, ("w1", "w2one", "w2many", "w2src", "w3")),
    "nsd": (nsd, ("w1", "w3")),
    "pdns": (pdns, ("w1", "w2one", "w2many", "w2src", "w3")),
    "echo": (echo, ("w1", "w2one", "w2many", "w2src", "w3")),
}
READY = {"static.lab": ("w1", "w3"), "geo.lab": ("w2one", "w2many", "w2src")}
PACKAGES = {"gdnsd": "gdnsd", "knot": "knot", "nsd": "nsd", "pdns": "pdns-server"}
