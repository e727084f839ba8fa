#!/usr/bin/env python3
"""The nearest panels for networks of a place database, worked out apart from Meridian: great circles, in degrees and doubles.

stdin: {"database": PATH, "pick": {"seed": N, "v4": N, "v6": N}, "regions": [...], "hostnames": [...]}
    a region: {"name", "at", "continent", "serves": {"continents", "countries", "subdivisions", "networks"}, "then": [...]}
    a hostname: {"name", "spread_km", "fence": "none" | "region" | "continent", "panels": [{"name", "at": [lat, lon], "region", "tier"}]}
stdout: a line of JSON a network: {"network", "ruled", "country", "continent", "subdivision", "at", "hosts": [{"first", "perhaps", "distances"}]}
    ruled: a region names the network; first: panels that are in the first tier for certain; perhaps: those that TIE_KM more or less would put in or out; distances: of the nearest few.

Networks are picked by chance from the seed; with "networks": [...] in place of "pick" those are taken.
"""
import functools
import ipaddress
import json
import math
import random
import sys

from mmdb import Database

EARTH_KM = 6371.0088
# Meridian reckons in single precision; nearer than this neither is wrong.
TIE_KM = 0.1
# So many distances are told, of the nearest panels.
TOLD = 5
V4 = ["0.0.0.0/0"]
V6 = ["2001:200::/23", "2001:4000::/18", "2400::/12", "2600::/12", "2620::/23", "2800::/12", "2a00::/12", "2a00::/13", "2c00::/12"]


@functools.cache
def distance(a, b):
    """Kilometres along the great circle (haversine)."""
    p, q = math.radians(a[0]), math.radians(b[0])
    d = math.radians(b[1] - a[1])
    h = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin(d / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, h)))


def naming(regions, client):
    """The region that names the network the client is in, the longest of several."""
    rules = [(ipaddress.ip_network(text), region) for region in regions for text in region["serves"].get("networks", [])]
    rules = [(rule.prefixlen, region) for rule, region in rules if rule.version == client.version and client.subnet_of(rule)]
    return max(rules, key=lambda rule: rule[0])[1] if rules else None


def serving(regions, land):
    """The region that names the client's network, else its subdivision, country or continent; of several the first."""
    if land["named"]:
        return land["named"]
    country, subdivision = land["country"], f"{land['country']}-{land['subdivision']}"
    for key, value in (("subdivisions", subdivision), ("countries", country), ("continents", land["continent"])):
        for region in regions:
            if value in region["serves"].get(key, []):
                return region
    return None


def rank(host, regions, land):
    by_name = {region["name"]: region for region in regions}
    panels = host["panels"]
    tier = lambda panel: panel.get("tier", 1)
    if land["at"] is None:
        best = min(map(tier, panels))
        return {"first": [p["name"] for p in panels if tier(p) == best], "perhaps": [], "distances": {}}
    far = {panel["name"]: distance(tuple(land["at"]), tuple(panel["at"])) for panel in panels}
    nearest = min(panels, key=lambda panel: far[panel["name"]])
    home = serving(regions, land)
    if host["fence"] == "region":
        region = home["name"] if home else nearest.get("region")
        panels = [p for p in panels if p.get("region") == region] or panels
    elif host["fence"] == "continent":
        panels = [p for p in panels if by_name[p["region"]]["continent"] == land["continent"]] or panels
    order = [home["name"], *home.get("then", [])] if home else []
    key = lambda p: (tier(p), order.index(p["region"]) if p.get("region") in order else len(order))
    best = min(map(key, panels))
    panels = [p for p in panels if key(p) == best]
    least = min(far[p["name"]] for p in panels)
    within = lambda more: [p["name"] for p in panels if far[p["name"]] <= least + host["spread_km"] + more]
    perhaps = within(TIE_KM)
    first = within(-TIE_KM) if host["spread_km"] >= TIE_KM else perhaps if len(perhaps) == 1 else []
    return {"first": first, "perhaps": [name for name in perhaps if name not in first], "distances": {name: round(far[name], 1) for name in sorted(far, key=far.get)[:TOLD]}}


def picked(database, pick):
    chance = random.Random(pick["seed"])
    for count, withins in ((pick["v4"], V4), (pick["v6"], V6)):
        seen = set()
        while len(seen) < count:
            within = ipaddress.ip_network(withins[len(seen) % len(withins)])
            network, _ = database.descend(chance, within)
            length = 24 if network.version == 4 else 56
            # A client's network inside of it, as a resolver would send it.
            inside = int(network[0]) + chance.randrange(network.num_addresses)
            client = ipaddress.ip_network((inside, max(length, network.prefixlen)), strict=False)
            if client[0].is_global and client not in seen:
                seen.add(client)
                yield client


def main():
    asked = json.load(sys.stdin)
    database = Database(asked["database"])
    networks = map(ipaddress.ip_network, asked["networks"]) if "networks" in asked else picked(database, asked["pick"])
    for network in networks:
        record = database.look_up(network[0])[1] or {}
        location = record.get("location", {})
        land = {
            "country": record.get("country", {}).get("iso_code"),
            "continent": record.get("continent", {}).get("code"),
            "subdivision": record.get("subdivisions", [{}])[0].get("iso_code"),
            "at": [location["latitude"], location["longitude"]] if "latitude" in location and "longitude" in location else None,
        }
        land["named"] = naming(asked["regions"], network)
        if land["named"]:
            # What the operator says of a network goes before any database: it is where the region is.
            land["at"], land["continent"] = land["named"]["at"], land["named"]["continent"]
        hosts = [rank(host, asked["regions"], land) for host in asked["hostnames"]]
        land["ruled"] = land.pop("named") is not None
        print(json.dumps({"network": str(network), **land, "hosts": hosts}))


if __name__ == "__main__":
    main()
