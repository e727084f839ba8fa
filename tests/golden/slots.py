#!/usr/bin/env python3
"""Prints the golden numbers of src/steer/slots/tests.rs, from the formulas and without its code: `python3 tests/golden/slots.py`."""

from decimal import Decimal, getcontext
from fractions import Fraction
from ipaddress import ip_address

getcontext().prec = 60
M64 = (1 << 64) - 1


def mixed(seed):
    x = (seed + 0x9E3779B97F4A7C15) & M64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & M64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & M64
    return x ^ (x >> 31)


def key(name):
    hash = 0xCBF29CE484222325
    for byte in name.encode():
        byte += 32 if 65 <= byte <= 90 else 0
        hash = ((hash ^ byte) * 0x100000001B3) & M64
    return mixed(hash)


def of_network(text):
    address = ip_address(text)
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    family, kept = (4, int(address) >> 8) if address.version == 4 else (6, int(address) >> 72)
    return mixed((family << 56) + kept) >> 48


def permuted(value, key):
    a, b, c, d = [(key >> shift) % 65536 for shift in (0, 16, 32, 48)]
    value = (value ^ d) * (a | 1) % 65536
    value ^= value >> 8
    value = value * (b | 1) % 65536
    value ^= value >> 7
    value = value * (c | 1) % 65536
    return value ^ (value >> 9)


TABLE = [int(((1 + Decimal(i) / 1024).ln() / Decimal(2).ln() * 2**24).to_integral_value()) for i in range(1025)]


def log2(number):
    whole = number.bit_length() - 1
    step, within = divmod(number * 2 ** (16 - whole) - 65536, 64)
    return whole * 2**24 + TABLE[step] + (TABLE[step + 1] - TABLE[step]) * within // 64


def rank(slot, key):
    dealt = permuted(slot, key)
    return 0 if dealt >= 65534 else 17 * 2**24 - log2(2 * dealt + 1)


def winners(slot, members):
    bids = [(Fraction(rank(slot, key), weight), key, index) for index, key, weight in members if weight > 0]
    return [index for _, _, index in sorted(bids)]


names = ["", "fra1", "ams1", "panel-with-a-long-name.example", "münchen"]
print("KEYS", *[f'("{name}", {key(name):#018x}),' for name in names], sep="\n    ")
networks = ["0.0.0.0", "192.0.2.1", "198.51.100.200", "255.255.255.255", "::ffff:192.0.2.1", "::", "2001:db8::1", "2001:db8:0:ff00::"]
print("NETWORKS", *[f'("{network}", {of_network(network)}),' for network in networks], sep="\n    ")
print("RANDOM", [(seed, mixed(seed) >> 48) for seed in (0, 1, M64)])
ranks = [(0, "fra1"), (1, "fra1"), (65535, "fra1"), (0, "ams1"), (4242, "nyc1")]
ranks += [(next(slot for slot in range(65536) if permuted(slot, key("sgp1")) == 65534), "sgp1")]
print("RANKS", *[f'({slot}, "{name}", ({permuted(slot, key(name))}, {rank(slot, key(name))})),' for slot, name in ranks], sep="\n    ")
print("LOGS", [(number, log2(number)) for number in (1, 2, 3, 1023, 65537, 131071)])
tiers = [(tier, mixed(0x7469657200000000 + tier)) for tier in (0, 1, 255)]
print("TIERS", [(tier, [slot for slot in range(65536) if permuted(slot, key) < 4]) for tier, key in tiers])
table = 0
for entry in TABLE:
    table = mixed(table ^ entry)
print(f"TABLE {table:#018x}")
weights = [("fra1", 65536), ("ams1", 163840), ("nyc1", 66), ("lax1", 0), ("sgp1", 655360)]
members = [(index, key(name), weight) for index, (name, weight) in enumerate(weights)]
nyc1 = next(slot for slot in range(65536) if rank(slot, key("nyc1")) == 0)
print("WINNERS", [(slot, winners(slot, members)) for slot in (0, 1, nyc1, 40000, 65535)])
everything = 0
for slot in range(65536):
    for index in winners(slot, members):
        everything = mixed(everything ^ index)
print(f"ALL WINNERS {everything:#018x}")
