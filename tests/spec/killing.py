"""A server that is killed under load, with or without a power cut, and the account that must hold afterwards. Used by the scenarios
from 0200 on; standard library only."""
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid

from harness import BUILD, TOP, Server, audit_folder, equal, expect, sha256

CATALOG = os.path.join(TOP, "tests", "catalog")
PRICES = {"test/nothing": 1000, "puras/sketch": 10000}
TERMINAL = ("completed", "failed", "cancelled")
USD = 1_000_000
RESTART_S = 30  # by then everything must have ended
SHIM = os.path.join(BUILD, "tests", "shim", "libforget.so")
FORGET = os.path.join(BUILD, "tests", "shim", "forget")


def rounds(name, default):
    return int(os.environ.get(name, default))


class Load:
    """Callers that submit over kept connections until their server is gone. What was answered is in `answered` (id to model); what
    was sent and not answered is in `open` (idempotency key to model): at most one call of each caller."""

    def __init__(self, ports, key, callers, sketches=1, bodies=None):
        self.answered, self.open, self.keys, self.other = {}, {}, {}, []
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.bodies = bodies or {"test/nothing": {}, "puras/sketch": {"prompt": "a red house", "size": "64x64", "seed": 1}}
        self.threads = []
        for n in range(callers):
            model = "puras/sketch" if n < sketches else "test/nothing"
            self.threads.append(threading.Thread(target=self.call, args=(ports[n % len(ports)], key, model), daemon=True))
        for t in self.threads:
            t.start()

    def call(self, port, key, model):
        body = json.dumps({"model": model, "inputs": self.bodies[model]})
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while not self.ended.is_set():
            once = uuid.uuid4().hex
            with self.lock:
                self.open[once] = model
            try:
                connection.request("POST", "/v1/generations", body=body, headers={
                    "Authorization": "Bearer " + key, "Content-Type": "application/json", "Idempotency-Key": once})
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                return  # the server is gone; this call stays open
            with self.lock:
                del self.open[once]
                if answer.status == 202:
                    made = json.loads(content)["id"]
                    self.answered[made] = model
                    self.keys[made] = once
                else:
                    self.other.append((answer.status, content))

    def end(self):
        self.ended.set()
        for t in self.threads:
            t.join(70)
            expect(not t.is_alive(), "a caller never got an end of its connection")


class Book:
    """One server, one folder, many lives. What it has seen as ended is summed up and not asked again."""

    def __init__(self, seed, power=False, server=None):
        """With `server`: an account of what another manages."""
        self.random, self.power = random.Random(seed), power
        self.seq, self.billed, self.top_ups, self.files = 0, 0, 10 * USD, {}
        self.restarts = []
        if server:
            self.server, self.started = server, time.monotonic()
            return
        folder, env = None, {}
        if power:
            expect(os.path.exists(SHIM) and os.path.exists(FORGET), "the shim is not built: " + SHIM)
            # its forgetting is all the shim's, so memory will do
            folder = tempfile.mkdtemp(prefix="puras-cut-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
            env = {"LD_PRELOAD": SHIM, "PURAS_FORGET": folder}
            subprocess.run([FORGET, "begin", folder], check=True)
        self.server = Server("--catalog", CATALOG, "--quiet", data=folder, env=env, start=False)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is not None and os.path.isdir(self.server.data):
            kept = tempfile.mkdtemp(prefix="puras-failed-")
            shutil.copytree(self.server.data, kept, dirs_exist_ok=True, ignore=shutil.ignore_patterns("reserve"))
            print("the folder is kept in " + kept)
        self.server.__exit__(kind, error, trace)
        for end in ("", ".durable", ".cut", ".gone"):
            shutil.rmtree(self.server.data + end, ignore_errors=True)

    # --- death

    def after_death(self):
        """The power goes with the process, if this book is about that; then the books of the stopped folder are audited, on a copy,
        so that the server itself finds what its death left."""
        if self.power:
            subprocess.run([FORGET, "cut", self.server.data, str(self.random.getrandbits(48))], check=True)
        if not os.path.exists(os.path.join(self.server.data, "credentials.json")):
            return  # died before the first commit
        with tempfile.TemporaryDirectory() as copy:
            for name in ("puras.db", "puras.db-wal"):
                if os.path.exists(os.path.join(self.server.data, name)):
                    shutil.copy(os.path.join(self.server.data, name), copy)
            database = os.path.join(copy, "puras.db")
            if os.path.exists(database) and os.path.getsize(database) and self.seq:
                report = audit_folder(copy)
                expect(report["ok"] and report["findings"] == 0 and report["sum_micros"] == 0, report)

    def die_while_starting(self):
        s = self.server
        expect(not s.alive(), "it runs already")
        log = open(s.log_path, "ab")
        env = dict(os.environ, **s.env)
        s.process = subprocess.Popen(s.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        log.close()
        time.sleep(self.random.uniform(0, 0.06))
        s.kill9()
        self.after_death()

    def die_at(self, n):
        """Starts and lets the shim kill the server at its n-th sync or change of names. False: it was listening before."""
        s = self.server
        env = dict(os.environ, PURAS_FORGET_KILL_AT=str(n), **s.env)
        log = open(s.log_path, "ab")
        s.process = subprocess.Popen(s.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=env)
        log.close()
        listening = b"listening" in s.process.stdout.readline()
        if listening:
            s.kill9()
        else:
            equal(s.process.wait(20), -signal.SIGKILL)
        s.process.stdout.close()
        self.after_death()
        return not listening

    def die_under_load(self, kill_helper):
        """Load for some tens of milliseconds, then SIGKILL in the midst of it."""
        s = self.server
        load = Load([s.port], s.live, callers=5)
        if self.random.random() < 0.8:  # mostly once something was answered, however slow the disk is
            end = time.monotonic() + 20
            while not load.answered and time.monotonic() < end:
                time.sleep(0.001)
        time.sleep(self.random.uniform(0, 0.05))
        if kill_helper:
            for pid in children(s.process.pid):
                os.kill(pid, signal.SIGKILL)
            time.sleep(self.random.uniform(0, 0.03))
        once = uuid.uuid4().hex
        topping = threading.Thread(target=self.top_up_blindly, args=(once,))
        topping.start()
        time.sleep(self.random.uniform(0, 0.02))
        helpers = children(s.process.pid)
        s.kill9()
        topping.join()
        load.end()
        equal(load.other, [])
        self.after_death()
        end = time.monotonic() + 5
        while any(is_alive(pid) for pid in helpers):  # no helper outlives its server
            expect(time.monotonic() < end, "a media helper is still there")
            time.sleep(0.01)
        return load, once

    def top_up_blindly(self, once):
        try:
            self.server.post("/v1/top-up", {"usd": 1}, key="admin", headers={"Idempotency-Key": once})
        except (OSError, http.client.HTTPException):
            pass  # the repeat tells

    # --- life

    def start(self):
        began = time.monotonic()
        self.server.start()
        self.started = time.monotonic()
        self.restarts.append(self.started - began)
        return self.server

    def settle(self, load=None, once=None):
        """Everything that was answered is there; what was not is repeated under its key and is there once; all of it ends in time;
        the money agrees; the files are whole."""
        s = self.server
        if once:
            done = s.post("/v1/top-up", {"usd": 1}, key="admin", headers={"Idempotency-Key": once})
            expect(done.status in (200, 201), done)
            self.top_ups += USD
        again = {}
        for key, model in list(load.open.items()) + list((load.keys[i], load.answered[i]) for i in list(load.answered)[-1:]) if load else ():
            done = s.post("/v1/generations", {"model": model, "inputs": load.bodies[model]}, headers={"Idempotency-Key": key})
            expect(done.status in (200, 202), done)
            again[done.json["id"]] = model
        if load and load.answered:
            expect(list(load.answered)[-1] in again, "a repeat under the same key made another generation")
        made = self.listed_since(self.seq)
        if load:
            missing = (set(load.answered) | set(again)) - set(made)
            expect(not missing, "answered and not there: %s" % sorted(missing))
            equal(set(made) - set(load.answered) - set(again), set())
        equal(sorted(g["seq"] for g in made.values()), list(range(self.seq + 1, self.seq + 1 + len(made))))
        for i in made:
            while made[i]["status"] not in TERMINAL:
                left = self.started + RESTART_S - time.monotonic()
                expect(left > 0, "%s is still %s %d s after the restart" % (i, made[i]["status"], RESTART_S))
                made[i] = s.wait(i, seconds=max(1, int(left)))
        for g in made.values():
            equal((g["status"], g["billed_micros"], g["held_micros"]), ("completed", PRICES[g["model"]], 0))
        self.seq += len(made)
        self.billed += sum(g["billed_micros"] for g in made.values())
        self.check_money()
        self.check_files(made)
        return made

    def settle_one(self):
        """The same without a death: the last call ends, too."""
        equal(len(self.settle()), 1)

    def listed_since(self, seq):
        made, before = {}, ""
        while True:
            page = self.server.get("/v1/generations?limit=200" + before).json
            for g in page["generations"]:
                if g["seq"] <= seq:
                    return made
                made[g["id"]] = g
            if not page["next_before"]:
                return made
            before = "&before=%s" % page["next_before"]

    def check_money(self):
        balance = self.server.get("/v1/balance").json
        equal((balance["held_micros"], balance["available_micros"]), (0, self.top_ups - self.billed))
        report = self.server.audit()
        equal(report["top_ups_micros"], self.top_ups + 100 * USD)
        equal(report["revenue_micros"], self.billed)

    def check_files(self, made):
        fresh = {}
        for g in made.values():
            if g["model"] == "puras/sketch":
                equal(len(g["outputs"]), 1)
            for o in g["outputs"]:
                fresh[o["drive_path"]] = o["sha256"]
        self.files.update(fresh)
        for path, digest in (self.files if self.power else fresh).items():
            stored = self.server.get("/v1/drive/files/" + path)
            equal((path, stored.status, sha256(stored.body)), (path, 200, digest))

    def check_all_files(self):
        self.check_files({})
        for path, digest in self.files.items():
            equal(sha256(self.server.get("/v1/drive/files/" + path).body), digest)


def children(pid):
    """Of all its threads: each may have started some."""
    out = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as f:
                out += [int(p) for p in f.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return out


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
