#!/usr/bin/env python3
"""100,000 generations in flight at a provider on one node, at the pace its description declares. Prints rows of docs/BENCHMARKS.md.

    tests/bench/flight.py [--works N] [--pace 30] [--window SECONDS] [--data DIR] [--no-end]

What is measured, in this order, on one fresh folder:

  submit, idle        test/nothing of a second project at a fixed rate, before anything is in flight
  accepted            N generations submitted and taken by the provider
  in flight           for WINDOW seconds: each is polled every PACE seconds; the server's memory, its processor time, and for each poll the time
                      from the moment it was due to its answer (puras_poll_lag_seconds)
  submit, in flight   the same submits as at first, meanwhile
  restart             killed with SIGKILL and started again: until /readyz says 200 and every generation has its task
  end                 the provider ends them all: until all are settled, files fetched and fsynced; then the ledger is audited
"""
import argparse
import os
import signal
import tempfile
import time

import double
from double import cpu_seconds, harness, load, metrics, rss

args = None
RATE = 200  # submits a second beside the works
LAGS = ["0.01", "0.05", "0.1", "0.25", "0.5", "1", "2", "10"]


def row(name, measured, target="", met=None):
    print("| %s | %s | %s | %s |" % (name, target, measured, "" if met is None else "met" if met else "**missed**"), flush=True)


def until(what, seconds, ready):
    began = time.monotonic()
    while not ready():
        harness.expect(time.monotonic() - began < seconds, "%s: not within %d s" % (what, seconds))
        time.sleep(0.02)
    return time.monotonic() - began


def second_project(server):
    """Its own slots and money, so that what it submits does not wait behind the others."""
    project = server.post("/v1/projects", {"name": "beside"}, key="admin").json["id"]
    key = server.post("/v1/keys", {"kind": "live", "project": project, "name": "k"}, key="admin").json["key"]
    reply = server.post("/v1/top-up", {"usd": 1000, "project": project}, key="admin")
    harness.expect(reply.status in (200, 201), reply)
    return key


def submits(server, key, seconds):
    return load("127.0.0.1:%d" % server.port, "/v1/generations", 16, seconds, "-r", RATE, key=key, body='{"model":"test/nothing","inputs":{"prompt":"{n}"}}')


def lag_between(before, after):
    """The bound that 99 of 100 polls kept, and the mean."""
    def name(bound):
        return 'puras_poll_lag_seconds_bucket{le="%s"}' % bound
    count = after["puras_poll_lag_seconds_count"] - before["puras_poll_lag_seconds_count"]
    mean = (after["puras_poll_lag_seconds_sum"] - before["puras_poll_lag_seconds_sum"]) / max(1, count)
    for bound in LAGS:
        if after[name(bound)] - before[name(bound)] >= 0.99 * count:
            return count, float(bound), mean
    return count, float("inf"), mean


def fill(server, provider):
    began = time.monotonic()
    load("127.0.0.1:%d" % server.port, "/v1/generations", 64, 3600, "-n", args.works, key=server.live, warmup=0,
         body='{"model":"double/queue","inputs":{"prompt":"three red balloons over a harbour at dusk, number {n}"}}')
    submitted = time.monotonic() - began
    until("the provider has them all", 600, lambda: provider.ask("/stats")["works"] >= args.works)
    row("submitted / taken by the provider", "%.1f s / %.1f s" % (submitted, time.monotonic() - began))


def fly(server, provider, key, idle):
    time.sleep(args.pace * 1.3)  # the first polls, all at their first wait, are over
    before, polls, cpu, began = metrics(server), provider.ask("/stats")["polls"], cpu_seconds(server.process.pid), time.monotonic()
    beside = submits(server, key, args.window)
    took = time.monotonic() - began
    polls, cpu = provider.ask("/stats")["polls"] - polls, cpu_seconds(server.process.pid) - cpu
    after = metrics(server)
    count, p99, mean = lag_between(before, after)
    size = rss(server.process.pid) / 1e6
    row("in flight: tasks, polls a second, processor", "%d, %.0f, %.0f %% of a core" % (after["puras_tasks"], polls / took, 100 * cpu / took))
    row("resident memory of the server", "%.0f MB" % size, "< 400 MB", size < 400)
    row("lag of %d polls" % count, "p99 within %g s, mean %.0f ms" % (p99, mean * 1000), "p99 < 2 s", p99 <= 2)
    ratio = beside["p99_us"] / idle["p99_us"]
    row("submit p99, %d a second: in flight / idle" % RATE, "%.1f / %.1f ms = %.2f (p50 %.2f / %.2f ms)" % (beside["p99_us"] / 1000, idle["p99_us"] / 1000, ratio, beside["p50_us"] / 1000, idle["p50_us"] / 1000),
        "<= 2", ratio <= 2)
    for name, value in sorted(after.items()):
        if name.startswith("puras_loop_"):
            print("  ", name, value, flush=True)


def restart(server):
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    began = time.monotonic()
    server.start()
    until("ready", 60, lambda: server.call("GET", "/readyz").status == 200)
    ready = time.monotonic() - began
    until("all are there", 300, lambda: metrics(server)["puras_tasks"] >= args.works)
    took = time.monotonic() - began
    row("restart after SIGKILL: /readyz / all at work", "%.2f s / %.2f s" % (ready, took), "3 s", took <= 3)


def end(server, provider):
    began = time.monotonic()
    provider.ask("/end", post=True)
    until("settled", 1800, lambda: metrics(server)["puras_settled_total"] >= args.works)
    took = time.monotonic() - began
    row("all ended at once: until the last is settled", "%.0f s, %.0f a second" % (took, args.works / took))
    server.audit()


def main():
    global args
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--works", type=int, default=100000)
    p.add_argument("--pace", type=int, default=30)
    p.add_argument("--window", type=int, default=60)
    p.add_argument("--data", default=tempfile.gettempdir())
    p.add_argument("--no-end", action="store_true", help="leave out the last step")
    args = p.parse_args()
    data = tempfile.mkdtemp(prefix="puras-flight-", dir=args.data)
    catalog = os.path.join(double.TOP, "tests", "catalog")
    print("| measure | target | measured | |\n|---|---|---|---|", flush=True)
    with double.Double(time_ms=6 * 3600 * 1000, pace="%ds" % args.pace) as provider:
        with harness.Server("--quiet", "--catalog", catalog, "--catalog", provider.folder, "--slots", str(args.works + 1000), data=data) as server:
            server.own_data = True
            harness.expect(server.post("/v1/top-up", {"usd": 1000000}, key="admin").status in (200, 201), "no credit")
            project = "/v1/projects/" + server.credentials["project"]
            harness.equal(server.call("PATCH", project, {"run_limit": min(args.works, 100000), "drive_limit": 0}, key="admin").status, 200)
            key = second_project(server)
            submits(server, key, 2)
            idle = submits(server, key, min(args.window, 20))
            fill(server, provider)
            fly(server, provider, key, idle)
            restart(server)
            if not args.no_end:
                end(server, provider)


if __name__ == "__main__":
    main()
