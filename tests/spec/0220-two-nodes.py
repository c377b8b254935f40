#!/usr/bin/env python3
"""Servers on one PostgreSQL: one is killed under load, one is paused for longer than its lease. Another takes over the work of both
within lease and beat; the paused one, awake again, ends itself and nothing is done twice.

Outputs lie in the folder of the server that made them, so what is submitted has none, or is made by the survivor.
PURAS_NODE_ROUNDS (1) says how often a server is killed beside another."""
import os
import shutil
import signal
import tempfile
import time

from harness import Server, case, equal, expect, pg_database, run
from killing import CATALOG, PRICES, Book, Load, rounds

LEASE_S, BEAT_S, SLACK_S = 15, 3, 6  # slack: a busy machine, a scan of the lapsed, the work itself
FENCED = 1  # exit status of E_FENCED


class Fleet:
    """`n` servers of one installation: same database, same keys, own folders."""

    def __init__(self, n):
        self.database = pg_database()
        self.folders, self.servers = [], []
        for i in range(n):
            self.folders.append(tempfile.mkdtemp(prefix="puras-node-"))
            if i:
                for name in ("credentials.json", "master.key"):
                    shutil.copy(os.path.join(self.folders[0], name), self.folders[i])
            self.servers.append(Server("--catalog", CATALOG, data=self.folders[i], database=self.database))

    def __enter__(self):
        return self.servers

    def __exit__(self, kind, error, trace):
        for s in self.servers:
            if s.alive():
                s.process.send_signal(signal.SIGCONT)
            s.__exit__(kind, error, trace)
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)


def metric(s, name):
    for line in s.get("/metrics", key="admin").body.decode().splitlines():
        if line.startswith(name + " "):
            return int(line.split()[1])
    raise AssertionError("no metric " + name)


def pictures_in_progress(s, n):
    """Pictures that cannot end, because the helper of this server stands still."""
    made = [s.submit("puras/sketch", {"prompt": "a red house", "size": "64x64", "seed": k}) for k in range(n)]
    for i in made:
        end = time.monotonic() + 10
        while s.get("/v1/generations/" + i).json["status"] != "processing":
            expect(time.monotonic() < end, "it is never begun")
    return made


def done_once(s, ids):
    """One bill, one capture, one terminal event each."""
    usage = {}
    before = ""
    while before is not None:
        page = s.get("/v1/usage_events?limit=200" + before).json
        for u in page["usage_events"]:
            usage[u["generation_id"]] = usage.get(u["generation_id"], 0) + 1
        before = "&before=%s" % page["next_before"] if page["next_before"] else None
    for i in ids:
        equal((i, usage.get(i)), (i, 1))
    for i in list(ids)[-20:]:
        events = s.get("/v1/generations/%s/events" % i).body.decode()
        equal(events.count("event: completed\n"), 1)
    equal(len(usage), len(ids))


@case
def one_is_killed_and_one_is_paused():
    with Fleet(3) as (killed, paused, left):
        book = Book(0, server=left)
        equal(len({s.get("/readyz").json["node"] for s in (killed, paused, left)}), 3)
        with killed.hold_renders(), paused.hold_renders():
            waiting = pictures_in_progress(killed, 2) + pictures_in_progress(paused, 2)
            load = Load([killed.port, paused.port, left.port], left.live, callers=9, sketches=0)
            time.sleep(0.3)
            killed.kill9()
            paused.process.send_signal(signal.SIGSTOP)
            stopped = time.monotonic()
            time.sleep(0.3)  # the survivor's callers go on
            load.ended.set()
        for i in waiting:
            load.answered[i] = "puras/sketch"
        for i in waiting:
            g = left.wait(i, seconds=LEASE_S + BEAT_S + SLACK_S)
            equal((g["status"], g["attempts"] >= 1), ("completed", True))
        took = time.monotonic() - stopped
        expect(took < LEASE_S + BEAT_S + SLACK_S, "taken over after %.1f s" % took)
        expect(metric(left, "puras_adopted_total") >= len(waiting), "nothing was adopted")
        paused.process.send_signal(signal.SIGCONT)
        woken = time.monotonic()
        equal(paused.process.wait(BEAT_S + SLACK_S), FENCED)
        print("# taken over after %.1f s, the paused server ended %.1f s after it woke" % (took, time.monotonic() - woken))
        expect('"server.fenced"' in paused.log() or '"code":"fenced"' in paused.log(), "it does not say why it ended")
        load.end()
        equal(load.other, [])
        book.started = stopped
        made = book.settle(load)
        done_once(left, made)
        # both come back under new names, and all three work
        nodes = {s.start().get("/readyz").json["node"] for s in (killed, paused)} | {left.get("/readyz").json["node"]}
        equal(len(nodes), 3)
        for s in (killed, paused, left):
            equal(s.wait(s.submit("test/nothing"))["status"], "completed")
        equal(len(book.settle()), 3)


@case
def killed_again_and_again_beside_another():
    """The one that stays answers all the while; each new start adopts nothing that lives."""
    with Fleet(2) as (killed, left):
        book = Book(0, server=left)
        for n in range(rounds("PURAS_NODE_ROUNDS", 1)):
            load = Load([killed.port, left.port], left.live, callers=6, sketches=0)
            time.sleep(0.05 + 0.03 * n)
            killed.kill9()
            time.sleep(0.05)
            load.ended.set()
            load.end()
            equal(load.other, [])
            killed.start()
            book.started = time.monotonic()
            made = book.settle(load)
            done_some = [i for i in made if made[i]["billed_micros"] == PRICES["test/nothing"]]
            equal(len(done_some), len(made))
        equal(killed.stop(), 0)
        equal(left.get("/readyz").status, 200)


run()
