#!/usr/bin/env python3
"""Pictures of 2 MB of base64 in a provider's answer, from there to the drive, beside nginx that only passes the same answers on. Prints rows
of docs/BENCHMARKS.md; in rounds, the server and nginx take turns.

    tests/bench/inline.py [--rounds N] [--seconds S] [--connections C] [--replies N] [--data DIR]

Each call is POST /v1/media/generate: committed, sent, its answer read, decoded, fsynced under its name, measured, committed, answered. With
derivation, the caller then fetches the thumbnail of each, which the media helper makes of the picture. Memory is the server's resident set."""
import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse

import double
from double import cpu_seconds, harness, load, rss

args = None
BODY = '{"model":"double/sync","inputs":{"prompt":"three red balloons, number {n}"}}'


def row(name, measured, target="", met=None):
    print("| %s | %s | %s | %s |" % (name, target, measured, "" if met is None else "met" if met else "**missed**"), flush=True)


@contextlib.contextmanager
def nginx(port, more=""):
    """Two workers that pass POST /images on to the provider over kept connections."""
    where = tempfile.mkdtemp(prefix="puras-nginx-")
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        own = s.getsockname()[1]
    conf = os.path.join(where, "nginx.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write("""%s
daemon off; pid %s/pid; error_log %s/error.log crit; worker_processes 2;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600; %s
  client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;
  upstream double { server 127.0.0.1:%d; keepalive 64; }
  server {
    listen 127.0.0.1:%d;
    location / { proxy_pass http://double; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
""" % (("user root;" if os.getuid() == 0 else "",) + (where,) * 2 + (more,) + (where,) * 5 + (port, own)))
    process = subprocess.Popen(["nginx", "-c", conf, "-p", where, "-e", os.path.join(where, "error.log")])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), contextlib.closing(socket.create_connection(("127.0.0.1", own), 1)):
                break
            time.sleep(0.05)
        yield "127.0.0.1:%d" % own
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(where, ignore_errors=True)


@contextlib.contextmanager
def serving(provider):
    with harness.Server("--quiet", "--catalog", provider.folder, data=tempfile.mkdtemp(prefix="puras-inline-", dir=args.data)) as server:
        server.own_data = True
        harness.expect(server.post("/v1/top-up", {"usd": 100000}, key="admin").status in (200, 201), "no credit")
        project = "/v1/projects/" + server.credentials["project"]
        harness.equal(server.call("PATCH", project, {"run_limit": 64, "drive_limit": 0}, key="admin").status, 200)
        yield server


def generate(server, seconds, *more):
    cpu = cpu_seconds(server.process.pid)
    seen = load("127.0.0.1:%d" % server.port, "/v1/media/generate", args.connections, seconds, *more, status=200, key=server.live, body=BODY, warmup=0)
    seen["cpu_ms"] = (cpu_seconds(server.process.pid) - cpu) * 1000 / max(1, seen["requests"])
    return seen


def generate_and_derive(server, seconds):
    """How many a second, each with its thumbnail fetched."""
    end, counts = time.monotonic() + seconds, []

    def caller(first):
        n = 0
        while time.monotonic() < end:
            reply = server.post("/v1/media/generate", {"model": "double/sync", "inputs": {"prompt": "%d of %d" % (n, first)}})
            harness.expect(reply.status == 200, reply)
            seen = server.get("/v1/generations/" + reply.json["request_id"]).json
            parts = urllib.parse.urlsplit(seen["outputs"][0]["thumbnail_url"])
            copy = server.call("GET", parts.path + "?" + parts.query)
            harness.expect(copy.status == 200, copy)
            n += 1
        counts.append(n)

    began = time.monotonic()
    threads = [threading.Thread(target=caller, args=(i,)) for i in range(args.connections)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sum(counts) / (time.monotonic() - began)


def rates(provider, yard, plain):
    ours, theirs, buffered, derived = [], [], [], []
    for _ in range(args.rounds):
        time.sleep(6)  # ext4 looks long for an inode while others were freed within 5 s: those of the round before
        with serving(provider) as server:
            ours.append(generate(server, args.seconds))
            server.audit()
        theirs.append(load(yard, "/images", args.connections, args.seconds, status=200, body="{}"))
        buffered.append(load(plain, "/images", args.connections, args.seconds, status=200, body="{}"))
        with serving(provider) as server:
            derived.append(generate_and_derive(server, args.seconds))
    rate, web, disk, both = (statistics.median(v) for v in ([r["rate"] for r in ours], [r["rate"] for r in theirs], [r["rate"] for r in buffered], derived))
    row("to the drive, fsynced, %d connections" % args.connections, "%.0f/s, p50 %.0f ms, p99 %.0f ms, %.1f ms of CPU each" % (
        rate, *(statistics.median(r[k] for r in ours) / 1000 for k in ("p50_us", "p99_us")), statistics.median(r["cpu_ms"] for r in ours)))
    row("of nginx passing them on (%.0f/s)" % web, "%.2f" % (rate / web), ">= 0.35, goal 0.5", rate / web >= 0.35)
    row("of nginx with temporary files, its default (%.0f/s)" % disk, "%.2f" % (rate / disk), "information")
    row("with derivation, of nginx", "%.0f/s, %.2f" % (both, both / web), "information")


def memory(provider):
    with serving(provider) as server:
        sizes, done = [], 0
        for until in (500, args.replies):
            generate(server, 3600, "-n", until - done)
            done = until
            sizes.append(rss(server.process.pid))
        ratio = sizes[1] / sizes[0]
        row("resident memory after %d replies / after 500" % args.replies, "%.0f / %.0f MB = %.2f" % (sizes[1] / 1e6, sizes[0] / 1e6, ratio), "<= 1.1", ratio <= 1.1)


def main():
    global args
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=4)
    p.add_argument("--connections", type=int, default=16)
    p.add_argument("--replies", type=int, default=10000)
    p.add_argument("--data", default=tempfile.gettempdir())
    p.add_argument("--only", action="append", choices=["rates", "memory"])
    args = p.parse_args()
    chosen = args.only or ["rates", "memory"]
    print("| 2 MB of base64 | target | measured | |\n|---|---|---|---|", flush=True)
    with double.Double() as provider, nginx(provider.port, "proxy_max_temp_file_size 0;") as yard, nginx(provider.port) as plain:
        if "rates" in chosen:
            rates(provider, yard, plain)
        if "memory" in chosen:
            memory(provider)


if __name__ == "__main__":
    main()
