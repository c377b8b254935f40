#!/usr/bin/env python3
"""10,000 callers parked at once, in two ways, and answered when the work ends. Prints one row of docs/BENCHMARKS.md each; fails when a
caller is cut, answered early, not answered, or answered with anything but the end of its generation.

  one generation   every caller waits in GET /v1/generations/{id}?wait=300 for the same picture, which is not drawn until all are parked
  its own          every caller waits in POST /v1/generations with Prefer: wait=300 for a generation of its own, pending behind that picture

PARK_CALLERS (10000); PURAS_BUILD names the build folder."""
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/spec"))
import harness
from harness import equal, expect

CALLERS = int(os.environ.get("PARK_CALLERS", "10000"))
PICTURE = {"prompt": "everybody waits", "size": "64x64"}


def rss(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) * 1024


def gauge(server, name):
    for line in server.call("GET", "/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return int(float(line.split()[1]))
    raise AssertionError("no metric " + name)


def request(server, method, target, body=None, headers=()):
    data = json.dumps(body).encode() if body is not None else b""
    head = ["%s %s HTTP/1.1" % (method, target), "Host: 127.0.0.1:%d" % server.port, "Authorization: Bearer " + server.live, "Connection: close", *headers]
    if body is not None:
        head += ["Content-Type: application/json", "Content-Length: %d" % len(data)]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data


def park(server, text):
    """All connections, each with its request sent; returns once the server says that all of them are parked."""
    sockets = []
    for _ in range(CALLERS):
        s = socket.create_connection(("127.0.0.1", server.port), 60)
        s.sendall(text)
        sockets.append(s)
    end = time.monotonic() + 120
    while gauge(server, "puras_callers_parked") < CALLERS:
        expect(time.monotonic() < end, "only %d callers are parked" % gauge(server, "puras_callers_parked"))
        time.sleep(0.2)
    return sockets


def answers(sockets):
    """What each of them is sent until its connection ends."""
    told, left = {s: bytearray() for s in sockets}, len(sockets)
    with selectors.DefaultSelector() as select:
        for s in sockets:
            s.setblocking(False)
            select.register(s, selectors.EVENT_READ)
        end = time.monotonic() + 240
        while left:
            expect(time.monotonic() < end, "%d callers were not answered" % left)
            for key, _ in select.select(1):
                piece = key.fileobj.recv(65536)
                told[key.fileobj] += piece
                if not piece:
                    select.unregister(key.fileobj)
                    key.fileobj.close()
                    left -= 1
    return [bytes(t) for t in told.values()]


def silent(sockets):
    with selectors.DefaultSelector() as select:
        for s in sockets:
            select.register(s, selectors.EVENT_READ)
        equal(len(select.select(0)), 0)


def measure(name, server, text, go):
    before = rss(server.process.pid)
    started = time.monotonic()
    sockets = park(server, text)
    parked, held = time.monotonic() - started, rss(server.process.pid) - before
    silent(sockets)
    started = time.monotonic()
    go()
    told = answers(sockets)
    took = time.monotonic() - started
    for t in told:
        expect(t.startswith(b"HTTP/1.1 200 ") and b'"status":"completed"' in t, t[:1000])
    equal(gauge(server, "puras_callers_parked"), 0)
    print("| %s | %d | %.1f s | %.1f KB | %.2f s |" % (name, CALLERS, parked, held / 1024 / CALLERS, took), flush=True)
    return told


def start():
    """A fresh server each time, as memory that was given back stays with the process. It gets a low soft limit and has to raise it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    expect(hard >= CALLERS + 200, "this shell may open %d files; %d are needed (ulimit -Hn)" % (hard, CALLERS + 200))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 256), hard))
    server = harness.Server("--quiet", "--catalog", os.path.join(TOP, "tests/catalog"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return server


def prepare(server):
    """One at a time, and that one cannot be drawn."""
    expect(server.post("/v1/top-up", {"usd": 1000}, key="admin").status in (200, 201), "no credit")
    project = "/v1/projects/" + server.credentials["project"]
    equal(server.call("PATCH", project, {"run_limit": 1, "drive_limit": 0}, key="admin").status, 200)
    server.wait(server.submit("puras/sketch", PICTURE))
    held = server.hold_renders()
    held.send(signal.SIGSTOP)
    return project, held, server.submit("puras/sketch", dict(PICTURE, seed=1))


def all_for_one(server):
    _, held, picture = prepare(server)
    told = measure("one generation", server, request(server, "GET", "/v1/generations/%s?wait=300" % picture), lambda: held.send(signal.SIGCONT))
    expect(all(picture.encode() in t for t in told), "somebody was answered with another generation")


def one_each(server):
    project, held, _ = prepare(server)

    def go():
        equal(server.call("PATCH", project, {"run_limit": 256}, key="admin").status, 200)
        held.send(signal.SIGCONT)

    told = measure("its own, which then runs", server, request(server, "POST", "/v1/generations", {"model": "test/nothing", "inputs": {}}, ["Prefer: wait=300"]), go)
    equal(len({json.loads(t.split(b"\r\n\r\n", 1)[1])["id"] for t in told}), CALLERS)


print("| callers wait for | callers | connected and parked after | memory per caller | all answered after |\n|---|---|---|---|---|", flush=True)
for part in (all_for_one, one_each):
    with start() as it:
        part(it)
        it.audit()
