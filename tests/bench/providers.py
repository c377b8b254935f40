#!/usr/bin/env python3
"""Works in flight at a provider, and megabytes of base64 to the drive. The provider is nginx with answers that never change. Prints rows for
docs/BENCHMARKS.md.

  tests/bench/providers.py inflight [N]     N (99000; a project runs at most 100,000) works that never end, polled every 30 s: memory, polls a second, submits meanwhile, a restart
  tests/bench/providers.py base64 [N]       N (10000) answers of 2 MB in base64: resident memory after each part, replies a second

PURAS_BUILD names the build folder."""
import base64
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/spec"))
import harness
from provider_double import png

CONF = """
daemon off; worker_processes 1; pid %(root)s/nginx.pid; worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http {
  access_log off; keepalive_requests 1000000; client_max_body_size 64m; client_body_temp_path %(root)s/b; proxy_temp_path %(root)s/p;
  fastcgi_temp_path %(root)s/f; uwsgi_temp_path %(root)s/u; scgi_temp_path %(root)s/s;
  server { listen 127.0.0.1:%(port)d backlog=16384; root %(root)s; default_type application/json;
    location = /submit { return 200 '{"id":"$request_id"}'; }
    location /job/ { return 200 '{"state":"running"}'; }
    location = /make { error_page 404 405 =200 /reply.json; }
    location = /status { stub_status; }
  }
}
"""
PROVIDER = """
provider: still
title: Stands still
base: http://127.0.0.1:%(port)d
private: ["127.0.0.1:%(port)d"]
status: documented
auth: {scheme: none}
endpoints:
  queue:
    protocol: queue
    pace: {first: 30s, every: 30s, max: 30s}
    submit: {path: /submit, reply: {ref: id}}
    poll: {path: "/job/{ref}", reply: {status: state}}
    statuses: {running: running, done: done}
    outputs: {files: url}
  sync:
    protocol: sync
    submit: {path: /make}
    outputs: {files: "images[*].b64", encoding: base64}
"""
MODEL = """
slug: still/%(name)s
kind: image
title: Still
inputs: {prompt: {type: text, required: true, max_chars: 100}}
price: {unit: call, rate_table: [{micros: 1}]}
deadline: 1h
routes: [{provider: still, endpoint: %(name)s, model: %(name)s}]
"""


def rss(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) / 1024


def gauge(s, name):
    for line in s.get("/metrics", key="admin").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise AssertionError("no metric " + name)


def start(root):
    port = 18400 + os.getpid() % 1000
    with open(root + "/nginx.conf", "w", encoding="utf-8") as f:
        f.write(CONF % {"root": root, "port": port})
    with open(root + "/reply.json", "w", encoding="utf-8") as f:
        json.dump({"images": [{"b64": base64.b64encode(png(64, 48, os.urandom(1_500_000))).decode()}]}, f)
    nginx = subprocess.Popen(["nginx", "-c", root + "/nginx.conf", "-p", root, "-e", root + "/error.log"])
    os.makedirs(root + "/cat/models")
    os.makedirs(root + "/cat/providers")
    with open(root + "/cat/providers/still.yaml", "w", encoding="utf-8") as f:
        f.write(PROVIDER % {"port": port})
    for name in ("queue", "sync"):
        with open(root + "/cat/models/%s.yaml" % name, "w", encoding="utf-8") as f:
            f.write(MODEL % {"name": name})
    return nginx


def calls(s, slug, n, at_once, waits=False):
    """n submits over at_once connections; the times they took, in order."""
    took, lock, left = [], threading.Lock(), [n]
    body = json.dumps({"model": slug, "inputs": {"prompt": "a"}})
    head = {"Authorization": "Bearer " + s.live, "Content-Type": "application/json"}
    if waits:
        head["Prefer"] = "wait=120"

    def work():
        c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=150)
        while True:
            with lock:
                if left[0] <= 0:
                    return
                left[0] -= 1
            began = time.monotonic()
            c.request("POST", "/v1/generations", body, head)
            answer = c.getresponse()
            text = answer.read()
            if answer.status not in (200, 201, 202) or (waits and json.loads(text)["status"] != "completed"):
                raise AssertionError((answer.status, json.loads(text).get("error") or text[:300]))
            with lock:
                took.append(time.monotonic() - began)

    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sorted(took)


def p99(took):
    return took[int(len(took) * 0.99)] * 1000


def project(s, **limits):
    reply = s.call("PATCH", "/v1/projects/" + s.get("/v1/balance").json["project_id"], limits, key="admin")
    assert reply.status == 200, reply


def inflight(s, n):
    project(s, run_limit=100_000, drive_limit=1 << 50)
    calm = calls(s, "still/queue", 500, 8)
    began = time.monotonic()
    calls(s, "still/queue", n - 500, 48)
    print("submitted %d in %.1f s" % (n, time.monotonic() - began))
    while gauge(s, "puras_tasks") < n:
        time.sleep(0.2)
    time.sleep(35)
    before, at = gauge(s, "puras_provider_requests_total"), time.monotonic()
    busy = calls(s, "still/queue", 500, 8)
    time.sleep(20)
    rate = (gauge(s, "puras_provider_requests_total") - before) / (time.monotonic() - at)
    print("in flight %d: RSS %.0f MB (< 400), %.0f polls/s, submit p99 %.1f ms, idle %.1f ms (at most twice)" % (gauge(s, "puras_tasks"), rss(s.process.pid), rate, p99(busy), p99(calm)))
    s.kill9()
    began = time.monotonic()
    s.start()
    ready = time.monotonic() - began
    while gauge(s, "puras_tasks") < n:
        time.sleep(0.02)
    print("restart: answers after %.2f s, all %d in memory after %.2f s (< 3)" % (ready, n, time.monotonic() - began))


def base64s(s, n):
    project(s, drive_limit=1 << 50)
    done = 0
    for until in sorted({500, n // 2, n}):
        began = time.monotonic()
        calls(s, "still/sync", until - done, 8, waits=True)
        print("after %d replies: RSS %.1f MB, %.1f replies/s" % (until, rss(s.process.pid), (until - done) / (time.monotonic() - began)), flush=True)
        done = until


def main():
    what, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else {"inflight": 99000, "base64": 10000}[sys.argv[1]]
    root = tempfile.mkdtemp(prefix="puras-still-")
    os.chmod(root, 0o755)  # nginx may run as another user
    nginx = start(root)
    try:
        with harness.Server("--catalog", root + "/cat", "--slots", "1000000", "--quiet") as s:
            {"inflight": inflight, "base64": base64s}[what](s, n)
    finally:
        nginx.terminate()
        shutil.rmtree(root, ignore_errors=True)


main()
