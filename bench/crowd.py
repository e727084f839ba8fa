#!/usr/bin/env python3
"""Keeps its CPU busy for a share of the time, so that what runs beside it at a lower priority has the rest. usage: crowd.py SHARE; started by flood.py"""
import sys
import time

TURN_S = 0.002


def main():
    share, turn = float(sys.argv[1]), time.monotonic()
    print("ready", flush=True)
    while True:
        while time.monotonic() < turn + TURN_S * share:
            pass
        turn = max(turn + TURN_S, time.monotonic())
        time.sleep(max(0.0, turn - time.monotonic()))


if __name__ == "__main__":
    main()
