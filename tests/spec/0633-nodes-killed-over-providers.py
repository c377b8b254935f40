#!/usr/bin/env python3
"""Two nodes on one PostgreSQL with one folder of files, and providers behind them. Calls come over both at random while one is killed, or both at once, or one
stands still for so long that the other takes its work; answers of are lost, polls and downloads break off, providers call back to nodes that are gone. In the end each call has ended exactly once, its file is there on either
node, the money is exact, its end was told, and no provider that cannot tell one submit from another has seen one twice.

PURAS_PROVIDER_ROUNDS (3) says how often is killed, PURAS_KILL_SEED what is drawn; the seed of a run is printed."""
import contextlib
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

from harness import Server, case, equal, expect, pg_database, run, sha256
from killing import TERMINAL, rounds
from provider_double import KEY, Double, catalog
from twin_server import Hooks, Twin

PRICE = 3000
DEADLINE_S, LEASE_S, BEAT_S, SLACK_S = 50, 15, 3, 25  # slack: a sweep of deadlines, adoption, and a machine that does other things too
FENCED = 1  # exit status of E_FENCED
HOOK_LEASE_S = 45  # a killed node keeps a webhook for as long
KLING = "kuaishou/kling-v3-t2v"
SLUGS = ["double/blind", "double/idem", "double/look", "double/op", "double/sync", "double/upload", "double/data", KLING]
MAY_FAIL = ("double/blind", "double/look", "double/op", "double/sync", "double/upload", "double/data", KLING)  # an answer that was lost may stay lost


class Pair:
    """Two servers of one installation: same database and keys, each a folder of its own, one folder of blobs."""

    def __init__(self, *args, env):
        self.top, database = tempfile.mkdtemp(prefix="puras-pair-"), pg_database()
        os.mkdir(os.path.join(self.top, "blobs"))
        self.servers = []
        for n in range(2):
            folder = os.path.join(self.top, "node%d" % n)
            os.mkdir(folder)
            os.symlink("../blobs", os.path.join(folder, "blobs"))
            if n:
                for name in ("credentials.json", "master.key"):
                    shutil.copy(os.path.join(self.top, "node0", name), folder)
            self.servers.append(Server(*args, data=folder, database=database, env=env))

    def __enter__(self):
        return self.servers

    def __exit__(self, kind, error, trace):
        for s in self.servers:
            s.__exit__(kind, error, trace)
        shutil.rmtree(self.top, ignore_errors=True)


class Callers:
    """They call either node at random, each call under a key of its own; what was not answered is asked again in the end, under its key."""

    def __init__(self, servers, chance, count):
        self.ports, self.live, self.chance = [s.port for s in servers], servers[0].live, chance
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.bodies, self.made, self.odd = {}, {}, []  # by idempotency key: body, and id once it is known
        self.threads = [threading.Thread(target=self.call, daemon=True) for _ in range(count)]
        for t in self.threads:
            t.start()

    def draw(self, once):
        slug = self.chance.choice(SLUGS)
        inputs = {"prompt": once}
        if slug == KLING:
            inputs = {"prompt": "rain %s [twin: slow %s%s]" % (once, self.chance.choice(("200ms", "1s")), self.chance.choice(("", ", twice", ", lose 1", ", forged"))), "duration": 3}
        return {"model": slug, "inputs": inputs}

    def call(self):
        while not self.ended.is_set():
            once = uuid.uuid4().hex
            with self.lock:
                port = self.chance.choice(self.ports)
                self.bodies[once] = self.draw(once)
                pause = self.chance.uniform(0.05, 0.8)
            self.ask(once, port)
            self.ended.wait(pause)

    def ask(self, once, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("POST", "/v1/generations", body=json.dumps(self.bodies[once]), headers={
                "Authorization": "Bearer " + self.live, "Content-Type": "application/json", "Idempotency-Key": once})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return  # that node is gone
        finally:
            connection.close()
        with self.lock:
            if answer.status in (200, 202):
                self.made.setdefault(once, set()).add(json.loads(content)["id"])
            elif answer.status == 507:  # what is under way has reserved the whole drive: this call was never taken
                del self.bodies[once]
            else:
                self.odd.append((answer.status, content))

    def end(self):
        self.ended.set()
        for t in self.threads:
            t.join(70)
            expect(not t.is_alive(), "a caller never got an end of its connection")


def trouble(d, chance):
    for what, how in (("submit", {"lost": True}), ("make", {"lost": True}), ("poll", {"status": 503}), ("poll", {"before": True}), ("result", {"status": 502}),
                      ("result", {"before": True}), ("file", {"cut": 20}), ("find", {"status": 503}), ("upload", {"before": True})):
        if chance.random() < 0.5:
            d.fault(what, **how)


def listed(s):
    made, before = {}, ""
    while True:
        page = s.get("/v1/generations?limit=200" + before).json
        made.update({g["id"]: g for g in page["generations"]})
        if not page["next_before"]:
            return made
        before = "&before=%s" % page["next_before"]


def usage(s):
    count, before = {}, ""
    while True:
        page = s.get("/v1/usage_events?limit=200" + before).json
        for u in page["usage_events"]:
            count[u["generation_id"]] = count.get(u["generation_id"], 0) + 1
        if not page["next_before"]:
            return count
        before = "&before=%s" % page["next_before"]


def disturb(servers, chance):
    if chance.random() < 0.3:
        return stand_still(chance.choice(servers), chance)
    dying = chance.choice(([servers[0]], [servers[1]], servers))
    for s in dying:
        s.kill9()
        time.sleep(chance.uniform(0, 0.3) if chance.random() < 0.5 else 0)
    time.sleep(chance.choice((0, 0.2, 2)))
    for s in chance.sample(dying, len(dying)):
        s.start()


def stand_still(s, chance):
    """For less than a lease, or for so long that it was taken for dead; then it must end itself before it does anything more."""
    s.process.send_signal(signal.SIGSTOP)
    time.sleep(chance.choice((chance.uniform(1, 10), chance.uniform(LEASE_S, LEASE_S + 7))))
    s.process.send_signal(signal.SIGCONT)
    try:
        status = s.process.wait(BEAT_S + 3)
    except subprocess.TimeoutExpired:
        return
    equal(status, FENCED)
    s.start()


def ended(s):
    """Everything as it is once it has come to rest. What the shipped model's deadline leaves open for longer is closed by hand, as the manual says."""
    until = time.monotonic() + DEADLINE_S + LEASE_S + SLACK_S
    while True:
        made = listed(s)
        open_ = [g for g in made.values() if g["status"] not in TERMINAL]
        if not open_:
            return made
        for g in open_:
            if g["model"] == KLING and time.monotonic() > until - SLACK_S and s.get("/v1/generations/" + g["id"]).json.get("status_detail"):
                s.cli("generations", "resolve", g["id"], key="admin")
        expect(time.monotonic() < until, [(g["id"], g["model"], g["status"], s.get("/v1/generations/" + g["id"]).json) for g in open_][:5])
        time.sleep(0.3)


@case
def every_call_ends_once():
    seed = int(os.environ.get("PURAS_KILL_SEED", "0")) or random.randrange(1 << 30)
    chance = random.Random(seed)
    print("# PURAS_KILL_SEED=%d" % seed, flush=True)
    with Double() as d, catalog(d, "%ds" % DEADLINE_S) as folder, Twin() as twin, Hooks() as hooks:
        args = ("--catalog", folder, "--allow-private", "127.0.0.1", "--provider-base", "fal=%s/fal" % twin.url)
        with Pair(*args, env=dict(KEY, FAL_KEY="kid:secret")) as servers:
            s = servers[0]
            s.post("/v1/top-up", {"usd": 1000}, key="admin")
            before = s.balance()
            equal(s.post("/v1/webhooks", {"url": hooks.url, "events": ["generation.completed", "generation.failed"]}).status, 201)
            callers = Callers(servers, chance, 5)
            for _ in range(rounds("PURAS_PROVIDER_ROUNDS", 3)):
                trouble(d, chance)
                time.sleep(chance.uniform(0.3, 2.5))
                disturb(servers, chance)
            time.sleep(0.5)
            callers.end()
            for once in list(callers.bodies):  # a repeat under its key is the same call, on whichever node it is asked
                callers.ask(once, chance.choice(callers.ports))
            equal(callers.odd, [])
            equal([ids for ids in callers.made.values() if len(ids) != 1], [])
            by_id = {next(iter(ids)): once for once, ids in callers.made.items()}
            made = ended(s)
            equal(set(made), set(by_id))
            equal(len(callers.bodies), len(made))
            completed = [g for g in made.values() if g["status"] == "completed"]
            print("# %d calls, %d completed" % (len(made), len(completed)), flush=True)
            check_money(servers, made, completed, before)
            check_arrivals(d, twin, made, by_id)
            check_files(servers, d, completed)
            check_told(hooks, made)
            for g in made.values():
                equal((g["id"], sum(s.get("/v1/generations/%s/events" % g["id"]).body.decode().count("event: %s\n" % end) for end in TERMINAL)), (g["id"], 1))
            errors = [line for one in servers for line in one.log().splitlines() if '"level":"error"' in line and 'fenced"' not in line]
            equal(errors, [])


@case
def a_submit_does_not_leave_after_the_heartbeats_have():
    """An upload takes its time, and meanwhile the database is away for so long that another node could have taken over: what leaves now could leave twice."""
    with Double() as d, catalog(d) as folder, Server("--catalog", folder, database=pg_database(), env=KEY) as s:
        equal(s.call("PUT", "/v1/drive/files/in.png", d.picture, key="live").status // 100, 2)
        with d.hold("upload") as upload:
            id = s.submit("double/upload", {"prompt": "a", "image": "in.png"})
            upload.wait()
            with beats_away(s):
                until = time.monotonic() + 30
                while not any("heartbeat" in w for w in s.get("/readyz").json["warnings"]):
                    expect(time.monotonic() < until, "the heartbeats go on")
                    time.sleep(0.1)
                upload.go.set()
                time.sleep(1.5)
                equal((d.count("upload"), d.count("submit")), (1, 0))
        made = s.wait(id)
        equal((made["status"], made["billed_micros"], d.count("submit")), ("completed", PRICE, 1))
        s.audit()


@contextlib.contextmanager
def beats_away(s):
    """Somebody has locked the rows of the heartbeats."""
    psql = subprocess.Popen(["psql", "-q", "-d", s.database], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    psql.stdin.write("begin;\nlock table beat in exclusive mode;\n")
    psql.stdin.flush()
    try:
        yield
    finally:
        psql.stdin.close()
        psql.wait(20)


def check_money(servers, made, completed, before):
    for g in made.values():
        expect(g["status"] == "completed" or (g["status"] == "failed" and g["model"] in MAY_FAIL), g)
        equal((g["id"], g["held_micros"]), (g["id"], 0))
        if g["status"] == "failed":
            equal((g["id"], g["billed_micros"]), (g["id"], 0))
        elif g["model"] != KLING:
            equal((g["id"], g["billed_micros"]), (g["id"], PRICE))
    for s in servers:
        equal((before - s.balance(), s.get("/v1/balance").json["held_micros"]), (sum(g["billed_micros"] for g in completed), 0))
        s.audit()
    equal({i: n for i, n in usage(servers[0]).items() if made[i]["status"] == "completed"}, {g["id"]: 1 for g in completed})


def check_arrivals(d, twin, made, by_id):
    arrived = {}
    for work in d.works.values():
        arrived.setdefault(work["asked"]["prompt"], []).append(work)
    for id, g in made.items():
        if g["model"] == KLING:
            continue
        works = arrived.pop(by_id[id], [])
        expect(len(works) <= 1, (g["model"], id, works))
        expect(len(works) == 1 or g["status"] == "failed", (g["model"], id, "completed, and the provider knows nothing of it"))
    equal(arrived, {})
    taken = twin.log(provider="fal", what="submit")["made"]
    expect(taken <= sum(g["model"] == KLING for g in made.values()), "fal was asked for %d works" % taken)


def check_files(servers, d, completed):
    for g in completed:
        equal((g["id"], len(g["outputs"])), (g["id"], 1))
        o = g["outputs"][0]
        if g["model"] != KLING:
            equal((g["id"], o["sha256"]), (g["id"], sha256(d.picture)))
        for s in servers:
            stored = s.get("/v1/drive/files/" + o["drive_path"])
            equal((g["id"], stored.status, sha256(stored.body)), (g["id"], 200, o["sha256"]))


def check_told(hooks, made):
    """At least once, each time under the same id, and as it ended."""
    until = time.monotonic() + HOOK_LEASE_S + SLACK_S
    while True:
        told = {}
        for _, head, body in list(hooks.seen):
            message = json.loads(body)
            told.setdefault(message["data"]["id"], set()).add((head["webhook-id"], message["type"]))
        if set(told) == set(made) or time.monotonic() > until:
            break
        time.sleep(0.2)
    equal(sorted(set(made) - set(told)), [])
    for id, messages in told.items():
        equal((id, [kind for _, kind in messages]), (id, ["generation." + made[id]["status"]]))


run()
