#!/usr/bin/env python3
"""Answers every HTTP request late, so that a panel checked here with a `latency` is degraded. usage: slow.py PORT SECONDS; started by slots.py"""
import http.server
import sys
import time


class Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(float(sys.argv[2]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Slow)
    print("ready", flush=True)
    server.serve_forever()
