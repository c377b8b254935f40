"""What the scenarios share: a real server on a fresh folder and a free port, HTTP by http.client and by raw bytes, the command
line, crashes. Standard library only.

A scenario is an executable file tests/spec/NNNN-name.py that decorates its cases with @case and ends with run(). Each case prints
`ok NAME` or `FAIL NAME`; the exit status is 0 or 1. A case decorated with @each_store runs twice, on SQLite and on PostgreSQL, with a
server that it shares with the file's other cases. PURAS_BUILD names the build folder (build); PURAS_TEST_PG is the URL of a PostgreSQL
server on which databases are made (tests/with_pg.sh starts one and sets it); without it the cases that need it fail.
"""
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("PURAS_BUILD", "build"))
PURAS = os.path.join(BUILD, "puras")
START_S = 30


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %r" % (self.status, self.body[:600])


class Server:
    """One `puras serve`. Use it in a `with` block: leaving it kills the server and removes the folder."""

    def __init__(self, *args, data=None, database=None, env=None, start=True):
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="puras-spec-")
        self.args, self.database, self.env = list(args), database, dict(env or {})
        self.process = None
        self.port = 0
        self.log_path = os.path.join(tempfile.mkdtemp(prefix="puras-log-"), "server.log")
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None:
            sys.stdout.write("---- last lines of the server's log\n" + self.log()[-3000:] + "\n----\n")
        self.end()
        self.note_refusals()
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(os.path.dirname(self.log_path), ignore_errors=True)

    def note_refusals(self):
        """Every refusal that this server gave, for tests/refusals.py."""
        if not os.environ.get("PURAS_REFUSALS"):
            return
        seen = set()
        for line in self.log().splitlines():
            if '"ev":"http.request"' in line and '"code":' in line:
                try:
                    one = json.loads(line)
                except ValueError:
                    continue  # the line it was killed in
                seen.add((one["method"], one["path"], one["status"], one["code"]))
        with open(os.environ["PURAS_REFUSALS"], "a", encoding="utf-8") as f:
            f.write("".join(json.dumps([*one, os.path.basename(sys.argv[0])]) + "\n" for one in sorted(seen)))

    # --- life and death

    def end(self):
        """As most scenarios need it: at once. PURAS_STOP_AT_END=1 stops as planned, so that a sanitizer in the server looks at what it leaves."""
        if not self.alive():
            return
        if not os.environ.get("PURAS_STOP_AT_END"):
            return self.kill9()
        self.process.send_signal(signal.SIGCONT)
        try:
            self.stop(60)
        except subprocess.TimeoutExpired:
            self.kill9()

    def command(self):
        out = [PURAS, "serve", "--data", self.data, "--listen", "127.0.0.1:%d" % self.port]
        if self.database:
            out += ["--database", self.database]
        return out + self.args

    def start(self):
        """Starts, and returns once the port is open. The same port is used again after a restart."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("PURAS_API_")}
        env.update(self.env)
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=env)
        log.close()
        lines, found, opened = [], threading.Event(), []

        def read():  # goes on reading, so that the server never blocks on its output
            for raw in self.process.stdout:
                lines.append(raw.decode("utf-8", "replace"))
                match = re.search(r"listening on http://127\.0\.0\.1:(\d+)", lines[-1])
                if match:
                    self.port = int(match.group(1))
                    opened.append(True)
                    found.set()
            found.set()

        threading.Thread(target=read, daemon=True).start()
        if found.wait(START_S) and not opened:
            try:
                self.process.wait(5)  # its output ends a moment before it does
            except subprocess.TimeoutExpired:
                pass
        if not opened or self.process.poll() is not None:
            raise AssertionError("the server did not start (exit %s):\n%s%s" % (self.process.poll(), "".join(lines), self.log()[-3000:]))
        with open(os.path.join(self.data, "credentials.json"), encoding="utf-8") as f:
            self.credentials = json.load(f)
        self.live, self.test, self.admin = (self.credentials[k] for k in ("live_key", "test_key", "admin_key"))
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill9(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=30):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def restart(self):
        if self.alive():
            self.kill9()
        return self.start()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.port

    # --- HTTP

    def call(self, method, path, body=None, key=None, headers=None, timeout=120):
        """key: "live", "test", "admin", a whole key, or None. body: bytes as they are, anything else as JSON."""
        head = dict(headers or {})
        if key:
            head.setdefault("Authorization", "Bearer " + {"live": self.live, "test": self.test, "admin": self.admin}.get(key, key))
        if body is not None and not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body).encode()
            head.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=head)
            answer, body, end = connection.getresponse(), b"", time.monotonic() + timeout
            while True:
                piece = answer.read1(1 << 20) if method != "HEAD" else b""
                if not piece:
                    break
                body += piece
                # a stream that only beats would otherwise never time out
                expect(time.monotonic() < end, "%s %s does not end" % (method, path))
            if method != "HEAD" and answer.length:
                raise http.client.IncompleteRead(body, answer.length)
            return Reply(answer.status, answer.headers, body)
        finally:
            connection.close()

    def get(self, path, key="live", **more):
        return self.call("GET", path, key=key, **more)

    def post(self, path, body, key="live", **more):
        return self.call("POST", path, body, key=key, **more)

    def fetch(self, url):
        """A whole URL without a key, as anyone who was given a link."""
        parts = urllib.parse.urlsplit(url)
        return self.call("GET", parts.path + ("?" + parts.query if parts.query else ""))

    def raw(self, data, timeout=15, half_close=False):
        """Sends bytes on a fresh connection and returns everything that comes until the server closes or `timeout` passes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as s:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            out, end = b"", time.monotonic() + timeout
            while time.monotonic() < end:
                s.settimeout(max(0.01, end - time.monotonic()))
                try:
                    piece = s.recv(65536)
                except (socket.timeout, ConnectionResetError):
                    break
                if not piece:
                    break
                out += piece
            return out

    def submit(self, model, inputs=None, key="live", **more):
        reply = self.post("/v1/generations", dict({"model": model, "inputs": inputs or {}}, **more), key=key)
        expect(reply.status in (200, 202), reply)
        return reply.json["id"]

    def wait(self, generation, key="live", seconds=60):
        reply = self.get("/v1/generations/%s?wait=%d" % (generation, seconds), key=key, timeout=seconds + 30)
        expect(reply.status == 200, reply)
        return reply.json

    def hold_renders(self):
        """In a `with` block: the media helper stands still, so that whatever is rendered inside stays unfinished until its end."""
        return HeldHelper(self.process.pid)

    # --- command line

    def cli(self, *args, key="live", status=0, env=None):
        """Runs build/puras; key as in call(). Returns stdout; any other exit status than `status` fails."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PURAS_API_")}
        environment["PURAS_API_BASE"] = self.url
        if key:
            environment["PURAS_API_KEY"] = {"live": self.live, "test": self.test, "admin": self.admin}.get(key, key)
        environment.update(env or {})
        done = subprocess.run([PURAS] + list(args), env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=180)
        self.stderr = done.stderr.decode("utf-8", "replace")
        if status is not None and done.returncode != status:
            raise AssertionError("puras %s: exit %d, expected %d\n%s\n%s" % (" ".join(args), done.returncode, status, done.stdout.decode("utf-8", "replace"), self.stderr))
        return done.stdout.decode("utf-8", "replace")

    def audit(self):
        """Every balance recomputed from its transfers; fails when anything differs."""
        report = self.get("/v1/ledger/audit", key="admin").json
        expect(report["ok"] and report["findings"] == 0 and report["sum_micros"] == 0, report)
        return report

    def balance(self, key="live"):
        return self.get("/v1/balance", key=key).json["available_micros"]


class HeldHelper:
    def __init__(self, server_pid):
        with open("/proc/%d/task/%d/children" % (server_pid, server_pid), encoding="ascii") as f:
            self.pids = [int(pid) for pid in f.read().split()]
        if not self.pids:  # it was started from another thread
            for task in os.listdir("/proc/%d/task" % server_pid):
                with open("/proc/%d/task/%s/children" % (server_pid, task), encoding="ascii") as f:
                    self.pids += [int(pid) for pid in f.read().split()]
        expect(self.pids, "the server has no media helper")

    def send(self, number):
        for pid in self.pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def __enter__(self):
        self.send(signal.SIGSTOP)
        return self

    def __exit__(self, kind, error, trace):
        self.send(signal.SIGCONT)


def audit_folder(data):
    """`ledger audit` on a stopped server's folder."""
    done = subprocess.run([PURAS, "ledger", "audit", "--data", data, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    expect(done.returncode == 0, done)
    return json.loads(done.stdout)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# --- PostgreSQL, when tests/with_pg.sh started one

def pg_server():
    return os.environ.get("PURAS_TEST_PG")


def pg_database():
    """The URL of a new, empty database on the test server."""
    base = pg_server()
    assert base, "PURAS_TEST_PG is not set; run through tests/with_pg.sh"
    name = "spec_%d_%d" % (os.getpid(), time.monotonic_ns())
    subprocess.run(["psql", "-q", "-d", base, "-c", "create database " + name], check=True, stdout=subprocess.DEVNULL)
    parts = urllib.parse.urlsplit(base)
    return urllib.parse.urlunsplit(parts._replace(path="/" + name))


# --- cases

CASES = []


def case(function):
    CASES.append(function)
    return function


SHARED = {}


def shared(store, *args):
    """A server that all cases of a file use together; run() ends it."""
    name = (store,) + args
    if name not in SHARED or not SHARED[name].alive():
        SHARED[name] = Server(*args, database=pg_database() if store == "postgres" else None)
    return SHARED[name]


def each_store(function):
    for store in ("sqlite", "postgres"):
        def one(store=store):
            function(shared(store))

        one.__name__ = "%s_on_%s" % (function.__name__, store)
        CASES.append(one)
    return function


def expect(condition, seen=""):
    if not condition:
        raise AssertionError("unexpected: %s" % (seen,))


def equal(seen, expected):
    if seen != expected:
        raise AssertionError("expected %r, seen %r" % (expected, seen))


def refusal(reply, status, code, charged=0):
    """Every error has one shape: the sentence first and short, then the code, and what was charged. Returns the body."""
    if reply.status != status:
        raise AssertionError("expected %d %s, seen %r" % (status, code, reply))
    body = reply.json
    expect(reply.body.startswith(b'{"detail":"'), reply)
    expect(0 < len(body["detail"].encode()) < 500, reply)
    equal((body["code"], body["message"], body["charged_micros"]), (code, body["detail"], charged))
    expect(body["retry"] in ("never", "same_key", "after"), reply)
    equal(body["request_id"], reply.headers["X-Request-Id"])
    equal(reply.headers["Content-Type"].split(";")[0], "application/json")
    return body


class Unmoved:
    """In a `with` block: no money moves, nothing is held, no generation is made, whatever is tried inside. What ran before ends first."""

    def __init__(self, server, keys=("live", "test")):
        self.server, self.keys = server, keys

    def look(self):
        out = []
        for key in self.keys:
            balance = self.server.get("/v1/balance", key=key).json
            out.append((key, balance["available_micros"], balance["held_micros"],
                        [t["id"] for t in self.server.get("/v1/ledger?limit=1", key=key).json["transfers"]],
                        [g["id"] for g in self.server.get("/v1/generations?limit=1", key=key).json["generations"]]))
        return out

    def __enter__(self):
        end = time.monotonic() + 10
        while any(seen[2] for seen in self.look()) and time.monotonic() < end:
            time.sleep(0.02)
        self.before = self.look()
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            equal(self.look(), self.before)


def run():
    """Runs the cases in order; arguments select those whose name contains one of them."""
    failed = 0
    for function in CASES:
        name = function.__name__
        if len(sys.argv) > 1 and not any(part in name for part in sys.argv[1:]):
            continue
        began = time.monotonic()
        try:
            function()
            print("ok %s (%.1f s)" % (name, time.monotonic() - began), flush=True)
        except BaseException:  # a case that ends in any other way than by returning has failed
            failed += 1
            print("FAIL %s (%.1f s)" % (name, time.monotonic() - began))
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
    for server in SHARED.values():
        server.__exit__(failed or None, failed or None, None)
    sys.exit(1 if failed else 0)
