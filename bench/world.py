"""The zones, the geographic policy and the queries that every server is measured with, from a fixed seed.

static.lab has 10,000 addresses; geo.lab has 1,001 steered names, each with an address of its own in each of eight places.
A load is a file of ready-made packets, data/LOAD.pkt:

w1       A of the names of static.lab, no EDNS
w2one    A of one steered name, another client subnet (/24) in each query
w2many   the same over 1,000 steered names
w2src    1,000 steered names, no client subnet, real source addresses
w3       random names that do not exist, no EDNS
slots    A of 1,000 names of slots.lab, another client subnet in each query
"""
import ipaddress
import json
import os
import random

from wire import query, write_packets

STATIC, STEERED = 10_000, 1_000
HEAD = "$ORIGIN {0}.\n$TTL 300\n@ SOA ns1.{0}. hostmaster.{0}. 1 7200 900 1209600 300\n" \
       "@ NS ns1.{0}.\n@ NS ns2.{0}.\nns1 A 192.0.2.251\nns2 A 192.0.2.252\n"
MMDB = "GeoLite2-City.mmdb"

# The one policy: continents, then what countries say otherwise.
PLACES = ["use", "usw", "sam", "fra", "lon", "sin", "nrt", "syd"]
CONTINENTS = {"NA": "use", "SA": "sam", "EU": "fra", "AF": "fra", "AS": "sin", "OC": "syd", "AN": "use"}
COUNTRIES = {("NA", "MX"): "usw", ("NA", "CA"): "usw", ("EU", "GB"): "lon", ("EU", "IE"): "lon",
             ("EU", "PT"): "lon", ("AS", "JP"): "nrt", ("AS", "KR"): "nrt", ("AS", "TW"): "nrt",
             ("AF", "ZA"): "lon", ("AF", "NG"): "lon", ("AS", "TR"): "fra", ("AS", "IL"): "fra"}
DEFAULT = "use"

# What load slots has: sets of 16 panels in each of the places.
SETS, A_TIER, NAMES = 10, 16, 1_000


def steered_names():
    return ["www"] + [f"g{n:03d}" for n in range(STEERED)]


def address(name, place):
    """Of steered name number `name`, in `place`."""
    return f"10.{name >> 8}.{name & 255}.{PLACES.index(place) + 1}"


def slot_address(group, place, panel):
    """Of panel number `panel` of the tier that set number `group` has in `place`."""
    return f"10.200.{group}.{PLACES.index(place) * A_TIER + panel}"


def slot_names():
    return [f"s{n:03d}" for n in range(NAMES)]


def others_last(place):
    """All places, `place` first."""
    return [place] + [other for other in PLACES if other != place]


def prepare(data, database):
    """Writes zones and packet files, unless they are there and made from this database."""
    os.makedirs(data, exist_ok=True)
    stamp = f"{os.path.getsize(database)} {os.path.getmtime(database)} {os.path.getmtime(__file__)}"
    mark = f"{data}/made-of"
    if os.path.exists(mark) and open(mark).read() == stamp:
        return
    link = f"{data}/{MMDB}"
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink(os.path.abspath(database), link)
    write_zones(data)
    write_loads(data, clients(database, 500_000))
    with open(mark, "w") as out:
        out.write(stamp)


def write_zones(data):
    with open(f"{data}/static.lab", "w") as out:
        out.write(HEAD.format("static.lab") + "".join(f"h{n:05d} A 198.18.{n >> 8}.{n & 255}\n" for n in range(STATIC)))
    for zone in ("geo.lab", "slots.lab"):  # without what is steered
        with open(f"{data}/{zone}", "w") as out:
            out.write(HEAD.format(zone))


def write_loads(data, clients):
    draw = random.Random(2)
    static = [f"h{draw.randrange(STATIC):05d}.static.lab" for _ in range(200_000)]
    junk = ["x%010x.static.lab" % draw.getrandbits(40) for _ in range(500_000)]
    steered = [f"{name}.geo.lab" for name in draw.choices(steered_names()[1:], k=len(clients))]
    slots = [f"{name}.slots.lab" for name in draw.choices(slot_names(), k=len(clients))]
    write_packets(f"{data}/w1.pkt", ((None, query(name)) for name in static))
    write_packets(f"{data}/w2one.pkt", ((None, query("www.geo.lab", ecs=client)) for client in clients))
    write_packets(f"{data}/w2many.pkt", ((None, query(name, ecs=client)) for name, client in zip(steered, clients)))
    write_packets(f"{data}/w2src.pkt", ((client, query(name, edns=True)) for name, client in zip(steered, clients)))
    write_packets(f"{data}/w3.pkt", ((None, query(name)) for name in junk))
    write_packets(f"{data}/slots.pkt", ((None, query(name, ecs=client)) for name, client in zip(slots, clients)))
    with open(f"{data}/clients.json", "w") as out:
        json.dump([str(client) for client in clients], out)


def drawn_clients(data):
    with open(f"{data}/clients.json") as file:
        return [ipaddress.IPv4Address(client) for client in json.load(file)]


def clients(database, count):
    """Client addresses: 95 % inside networks of the database, 5 % anywhere in unicast space."""
    import maxminddb  # one of Debian's packages that the bench installs when it starts

    draw, networks = random.Random(1), []
    for network, _ in maxminddb.open_database(database):
        first, length = int(network.network_address), network.prefixlen
        if network.version == 4:
            networks.append((first, length))
        elif first < 2**32 and length >= 96:
            networks.append((first, length - 96))
    found = []
    while len(found) < count:
        if draw.random() < 0.95:
            first, length = draw.choice(networks)
            client = ipaddress.IPv4Address(first + draw.randrange(2 ** (32 - length)))
        else:
            client = ipaddress.IPv4Address(draw.randrange(1 << 24, 224 << 24))
        if not (client.is_private or client.is_loopback or client.is_multicast or client.is_reserved):
            found.append(client)
    return found
