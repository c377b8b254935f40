#!/usr/bin/env python3
"""The figures of docs/BENCHMARKS.md, in one run: rounds in which the server, the bare loop and nginx take turns, medians over the
rounds, ratios of medians. Targets stand beside what was measured; a missed one is marked, and ends nothing.

    tests/bench/run.py [--rounds N] [--seconds S] [--data DIR] [--only PART]... [--json FILE]

PURAS_BUILD names the build folder (build). Parts: submit, generate, drive, idle, quote, postgres. The server runs with --quiet, so it
writes no line per request, unless a row says otherwise.

How only the submit's commit is measured: the server is an ordinary one on an ordinary folder, whose project has run_limit 0 (set in
the stopped server's database). Every submit is priced, held, numbered and committed, and none may start. drive_limit is lifted,
because each waiting generation reserves space.
"""
import argparse
import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "spec"))
import harness  # noqa: E402

BUILD = harness.BUILD
TOOLS = os.path.join(BUILD, "tests", "bench")
SLOW = {"LD_PRELOAD": os.path.join(TOOLS, "libslowsync.so")}
CATALOG = os.path.join(TOP, "tests", "catalog")
BODY = '{"model":"test/nothing","inputs":{"prompt":"three red balloons over a harbour at dusk, number {n}"}}'
ROWS_MAX = 95000  # of one folder: a project may have 100,000 waiting
args = None
ROWS = []  # what was measured: (name, text, ratio, target, met)


def say(*words):
    print(*words, flush=True)


def row(name, measured, target="", met=None):
    ROWS.append({"name": name, "measured": measured, "target": target, "met": met})
    say("%-64s %-58s %-22s %s" % (name, measured, target, "" if met is None else "met" if met else "MISSED"))


def median(values):
    return statistics.median(values) if values else 0.0


def folder():
    return tempfile.mkdtemp(prefix="puras-bench-", dir=args.data)


def tool(name, *words, env=None):
    done = subprocess.run([os.path.join(TOOLS, name)] + [str(w) for w in words], stdout=subprocess.PIPE, env=dict(os.environ, **(env or {})))
    if done.returncode:
        raise SystemExit("%s failed" % name)
    return json.loads(done.stdout)


def load(address, target, connections, seconds, method="GET", status=200, key=None, body=None, requests=None, warmup=0.3, threads=2):
    words = ["-c", connections, "-t", threads, "-d", seconds, "-w", warmup, "-m", method, "-s", status]
    if key:
        words += ["-H", "Authorization: Bearer " + key]
    if body:
        words += ["-b", body]
    if requests:
        words += ["-n", requests]
    return tool("load", *words, address, target)


# --- the server

def start_server(env=None, quiet=True, database=None, idle_project=False):
    """A server on a fresh folder with the benchmark's catalog. idle_project: its project may run nothing."""
    words = ["--catalog", CATALOG] + (["--quiet"] if quiet else [])
    server = harness.Server(*words, data=folder(), database=database, start=False)
    server.own_data = True
    server.start()
    top_up = server.post("/v1/top-up", {"usd": 1000000}, key="admin")
    harness.expect(top_up.status in (200, 201), top_up)
    if idle_project:
        server.stop()
        change = "update project set run_limit = 0, drive_limit = 0"
        if database:
            subprocess.run(["psql", "-q", "-d", database, "-c", change], check=True)
        else:
            with contextlib.closing(sqlite3.connect(os.path.join(server.data, "puras.db"))) as db:
                db.execute(change)
                db.commit()
        server.port = 0
    if env or idle_project:
        if server.alive():
            server.stop()
        server.env = env or {}
        server.start()
    settle(server)
    return server


def settle(server):
    """Its first beat, its reserve file and its helper are behind it."""
    end = time.monotonic() + 20
    while server.call("GET", "/readyz").status != 200 and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)


def address(server):
    return "127.0.0.1:%d" % server.port


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def metric(server, name):
    for line in server.call("GET", "/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise AssertionError("no metric " + name)


# --- nginx, the yardstick

@contextlib.contextmanager
def nginx(answer, root, workers=2):
    """Nothing logged, sendfile, a worker per core or one; POST /v1/generations reads the body and returns `answer`, GET /files/ serves `root`."""
    where = tempfile.mkdtemp(prefix="puras-nginx-")
    with contextlib.closing(__import__("socket").socket()) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    conf = os.path.join(where, "nginx.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write("""%s
daemon off; pid %s/pid; error_log %s/error.log crit; worker_processes %d;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 600;
  client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;
  server {
    listen 127.0.0.1:%d backlog=1024;
    location /v1/ { default_type application/json; return 200 '%s'; }
    location /files/ { alias %s/; }
  }
}
""" % ("user root;" if os.getuid() == 0 else "", where, where, workers, where, where, where, where, where, port, answer.replace("'", " "), root))
    process = subprocess.Popen(["nginx", "-c", conf, "-p", where, "-e", os.path.join(where, "error.log")])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), contextlib.closing(__import__("socket").create_connection(("127.0.0.1", port), 1)):
                break
            time.sleep(0.05)
        yield "127.0.0.1:%d" % port
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(where, ignore_errors=True)


# --- conditions

def conditions():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    where = folder()
    flush = tool("raw_commit", "--flush", os.path.join(where, "flush"), 1)
    slow = tool("raw_commit", "--flush", os.path.join(where, "flush"), 1, env=SLOW)
    shutil.rmtree(where)
    fs = subprocess.run(["stat", "-f", "-c", "%T", args.data], stdout=subprocess.PIPE, text=True).stdout.strip()
    nginx_version = subprocess.run(["nginx", "-v"], stderr=subprocess.PIPE, text=True).stderr.strip().split("/")[-1]
    say("conditions: %d cores %s, kernel %s, %s, SQLite %s, nginx %s, gcc %s" % (os.cpu_count(), model, os.uname().release, fs, sqlite3.sqlite_version, nginx_version,
        subprocess.run(["gcc", "-dumpfullversion"], stdout=subprocess.PIPE, text=True).stdout.strip()))
    say("            load average %.1f before the run; %d rounds of %.1f s" % (os.getloadavg()[0], args.rounds, args.seconds))
    say("            flush of 4 KB: p50 %.0f us, p99 %.0f us; with the shim p50 %.0f us, p99 %.0f us" % (flush["p50_us"], flush["p99_us"], slow["p50_us"], slow["p99_us"]))


def calibrate(yard):
    """Our load generator beside wrk, on the same nginx."""
    ours, wrk = [], []
    for _ in range(args.rounds):
        ours.append(load(yard, "/v1/x", 64, args.seconds / 2)["rate"])
        out = subprocess.run(["wrk", "-t2", "-c64", "-d%ds" % max(1, round(args.seconds / 2)), "http://" + yard + "/v1/x"], stdout=subprocess.PIPE, text=True, check=True).stdout
        wrk.append(float(next(line.split()[1] for line in out.splitlines() if line.startswith("Requests/sec"))))
    row("load generator, GET from nginx, 64 connections", "%.0f/s, wrk %.0f/s" % (median(ours), median(wrk)), "ratio %.2f" % (median(ours) / median(wrk)))


# --- (a) durable submit

def submit_round(connections, env=None, quiet=True, database=None):
    """One server on a fresh folder, then the bare loop in batches of the same size."""
    with start_server(env=env, quiet=quiet, database=database, idle_project=True) as server:
        batches, commands = metric(server, "puras_commit_batches_total"), metric(server, "puras_commit_commands_total")
        cpu = cpu_seconds(server.process.pid)
        seen = load(address(server), "/v1/generations", connections, args.seconds, "POST", 202, server.live, BODY, ROWS_MAX)
        cpu = cpu_seconds(server.process.pid) - cpu
        batches, commands = metric(server, "puras_commit_batches_total") - batches, metric(server, "puras_commit_commands_total") - commands
        server.audit()
    seen["batch"], seen["cpu_us"] = commands / max(1, batches), cpu * 1e6 / max(1, commands)
    if not database:
        where = folder()
        seen["raw"] = tool("raw_commit", os.path.join(where, "raw.db"), max(1, round(seen["batch"])), args.seconds, ROWS_MAX, env=env)["rate"]
        shutil.rmtree(where)
    return seen


def submit(yard):
    kinds = [("64", 64, {}), ("256", 256, {}), ("256, 1 ms added per flush", 256, {"env": SLOW}), ("64, a log line per request", 64, {"quiet": False})]
    seen = {name: [] for name, _, _ in kinds}
    plain = {64: [], 256: []}
    for _ in range(args.rounds):
        for name, connections, more in kinds:
            seen[name].append(submit_round(connections, **more))
            if name in ("64", "256"):
                plain[connections].append(load(yard, "/v1/generations", connections, args.seconds / 2, "POST", 200, None, BODY)["rate"])
    for name, connections, _ in kinds:
        rows = seen[name]
        rate, p99 = median([r["rate"] for r in rows]), median([r["p99_us"] for r in rows]) / 1000
        title = "submit, %s connections" % name if name in ("64", "256") else "submit, %s" % name.replace(",", " connections,", 1)
        row(title, "%.0f/s, p50 %.2f ms, batches of %.0f, %.0f us of CPU each" % (rate, median([r["p50_us"] for r in rows]) / 1000, median([r["batch"] for r in rows]), median([r["cpu_us"] for r in rows])))
        raw = median([r["raw"] for r in rows])
        goal = 0.7 if "env" in dict(kinds[2][2]) and name == kinds[2][0] else 0.5
        row("  of the bare loop (%.0f/s)" % raw, "%.2f" % (rate / raw), ">= %.1f" % goal, rate / raw >= goal)
        limit = {"64": 25, kinds[2][0]: 15}.get(name)
        row("  p99", "%.1f ms" % p99, "< %d ms" % limit if limit else "", p99 < limit if limit else None)
        if name in ("64", "256"):
            web = median(plain[connections])
            row("  of nginx for the same POST (%.0f/s)" % web, "%.3f" % (rate / web), ">= 0.06, goal 0.10", rate / web >= 0.06)


# --- (b) generate on a model that takes no time

def generate(yard):
    one, many, web = [], [], []
    with start_server() as server:
        for _ in range(args.rounds):
            web.append(load(yard, "/v1/media/generate", 1, args.seconds / 2, "POST", 200, None, BODY))
            before = metric(server, "puras_commit_batches_total")
            one.append(load(address(server), "/v1/media/generate", 1, args.seconds, "POST", 200, server.live, BODY))
            one[-1]["batches"] = metric(server, "puras_commit_batches_total") - before
            many.append(load(address(server), "/v1/media/generate", 64, args.seconds, "POST", 200, server.live, BODY))
        server.audit()
    over = (median([r["p50_us"] for r in one]) - median([r["p50_us"] for r in web])) / 1000
    row("generate, 1 connection: p50 over nginx (%.3f ms)" % (median([r["p50_us"] for r in web]) / 1000), "%.2f ms" % over, "< 1 ms", over < 1)
    row("  p99", "%.2f ms, %.1f transactions each" % (median([r["p99_us"] for r in one]) / 1000, median([r["batches"] / (r["requests"] * (args.seconds + 0.3) / args.seconds) for r in one])))
    row("generate, 64 connections", "%.0f/s, p50 %.1f ms, p99 %.1f ms" % tuple(median([r[k] for r in many]) / s for k, s in (("rate", 1), ("p50_us", 1000), ("p99_us", 1000))))


# --- (c) files

def drive(yard, alone, root):
    sizes = [("10 MB", 10 * 1000 * 1000, 16, 0.8), ("16 KB", 16 * 1024, 64, 0.4)]
    seen, web, one = ({s[0]: [] for s in sizes} for _ in range(3))
    with start_server() as server:
        signed = {}
        for name, size, _, _ in sizes:
            data = os.urandom(size)
            path = "bench-%d.bin" % size
            with open(os.path.join(root, path), "wb") as f:
                f.write(data)
            put = server.call("PUT", "/v1/drive/files/" + path, body=data, key="live", headers={"Content-Type": "application/octet-stream"})
            harness.expect(put.status in (200, 201), put)
            url = server.post("/v1/drive/sign", {"path": path}).json
            parts = urllib.parse.urlsplit(url.get("url") or url.get("signed_url"))
            signed[name] = (parts.path + "?" + parts.query, path)
        for _ in range(args.rounds):
            for name, _, connections, _ in sizes:
                seen[name].append(load(address(server), signed[name][0], connections, args.seconds))
                web[name].append(load(yard, "/files/" + signed[name][1], connections, args.seconds))
                one[name].append(load(alone, "/files/" + signed[name][1], connections, args.seconds))
    for name, size, connections, goal in sizes:
        rate, plain = median([r["rate"] for r in seen[name]]), median([r["rate"] for r in web[name]])
        row("signed file of %s, %d connections" % (name, connections), "%.0f/s, %.2f GB/s" % (rate, rate * size / 1e9))
        row("  of nginx sendfile, two workers (%.0f/s)" % plain, "%.2f" % (rate / plain), ">= %.1f" % goal, rate / plain >= goal)
        single = median([r["rate"] for r in one[name]])
        row("  of nginx sendfile, one worker (%.0f/s)" % single, "%.2f" % (rate / single), "information")


# --- (d) idle, start, quote

def pss(pid):
    with open("/proc/%d/smaps_rollup" % pid, encoding="utf-8") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def children(pid):
    out = subprocess.run(["pgrep", "-P", str(pid)], stdout=subprocess.PIPE, text=True).stdout.split()
    return [int(p) for p in out]


def family(pid):
    return [pid] + [p for child in children(pid) for p in family(child)]


def ready_ms(server):
    """From the start of the process to the first 200 of /readyz."""
    with contextlib.closing(__import__("socket").socket()) as s:
        s.bind(("127.0.0.1", 0))
        server.port = s.getsockname()[1]
    ask = b"GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
    began = time.monotonic()
    server.process = subprocess.Popen(server.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while time.monotonic() - began < 30:
        with contextlib.suppress(OSError), __import__("socket").create_connection(("127.0.0.1", server.port), 5) as s:
            s.sendall(ask)
            if s.recv(4096).startswith(b"HTTP/1.1 200"):
                return (time.monotonic() - began) * 1000
        time.sleep(0.0005)
    raise AssertionError("the server did not become ready")


def idle():
    first, second, sizes = [], [], []
    for _ in range(max(args.rounds, 5)):
        server = harness.Server("--quiet", data=folder(), start=False)
        first.append(ready_ms(server))
        server.stop()
        second.append(ready_ms(server))
        time.sleep(1)
        sizes.append([pss(p) for p in family(server.process.pid)])
        server.stop()
        shutil.rmtree(server.data)
    total = median([sum(s) for s in sizes]) / 1024
    row("idle PSS of server and helper (%s KB)" % " + ".join(str(k) for k in sizes[-1]), "%.1f MB" % total, "< 30 MB", total < 30)
    row("start to ready on an empty folder", "%.0f ms" % median(first), "30 ms", median(first) <= 30)
    row("start to ready, second start", "%.0f ms" % median(second), "30 ms", median(second) <= 30)


def quote():
    out = subprocess.run([os.path.join(BUILD, "src", "catalog", "catalog_bench"), os.path.join(TOP, "catalog")], stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in out.splitlines():
        words = line.split()
        if words[0] != "quote":
            continue
        ns, allocations = float(words[2]), float(words[4])
        row("quote of " + words[1], "%.0f ns, %g allocations" % (ns, allocations), "< 2000 ns, 0", ns < 2000 and allocations == 0)


# --- PostgreSQL, for information

def postgres():
    where = tempfile.mkdtemp(prefix="puras-bench-pg-", dir=args.data)
    os.chmod(where, 0o755)
    pg = os.path.join(TOP, "tests", "pg.sh")
    os.environ["PURAS_TEST_PG"] = subprocess.run([pg, "start", where], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    try:
        for connections in (64, 256):
            rows = [submit_round(connections, database=harness.pg_database()) for _ in range(max(1, args.rounds - 2))]
            row("PostgreSQL: submit, %d connections" % connections, "%.0f/s, p50 %.2f ms, p99 %.1f ms" % tuple(median([r[k] for r in rows]) / s for k, s in (("rate", 1), ("p50_us", 1000), ("p99_us", 1000))))
        with start_server(database=harness.pg_database()) as server:
            for connections in (1, 64):
                rows = [load(address(server), "/v1/media/generate", connections, args.seconds, "POST", 200, server.live, BODY) for _ in range(max(1, args.rounds - 2))]
                row("PostgreSQL: generate, %d connection%s" % (connections, "s" if connections > 1 else ""), "%.0f/s, p50 %.2f ms, p99 %.1f ms" % tuple(median([r[k] for r in rows]) / s for k, s in (("rate", 1), ("p50_us", 1000), ("p99_us", 1000))))
    finally:
        subprocess.run([pg, "stop", where])
        shutil.rmtree(where, ignore_errors=True)


def main():
    global args
    parts = ["submit", "generate", "drive", "idle", "quote", "postgres"]
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--data", default=tempfile.gettempdir(), help="where the data folders are made: its file system is what is measured")
    p.add_argument("--only", action="append", choices=parts)
    p.add_argument("--json")
    args = p.parse_args()
    chosen = args.only or parts
    subprocess.run(["ninja", "-C", BUILD, "--quiet", "benches", "src/catalog/catalog_bench"], stdout=subprocess.DEVNULL, check=True)
    conditions()
    root = tempfile.mkdtemp(prefix="puras-bench-files-", dir=args.data)
    try:
        with start_server() as server:
            answer = server.post("/v1/generations", json.loads(BODY.replace("{n}", "0" * 16))).body.decode()
        with nginx(answer, root) as yard, nginx(answer, root, workers=1) as alone:
            if "submit" in chosen:
                calibrate(yard)
                submit(yard)
            if "generate" in chosen:
                generate(yard)
            if "drive" in chosen:
                drive(yard, alone, root)
        if "idle" in chosen:
            idle()
        if "quote" in chosen:
            quote()
        if "postgres" in chosen:
            postgres()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    missed = [r["name"].strip() for r in ROWS if r["met"] is False]
    say("%d targets met, %d missed%s" % (sum(r["met"] is True for r in ROWS), len(missed), ": " + "; ".join(missed) if missed else ""))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(ROWS, f, indent=1)


main()
