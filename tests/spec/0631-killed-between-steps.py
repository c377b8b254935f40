#!/usr/bin/env python3
"""kill -9 while each request to a provider is under way, and a start after it: every call is finished exactly once, and the money is exact."""
import signal
import threading
import time

from harness import Server, case, equal, expect, run, sha256
from provider_double import KEY, MODEL, Double, catalog, png, until, write

PRICE = 3000


def killed(d, s, slug, step, **inputs):
    with d.hold(step) as at:
        id = s.submit("double/" + slug, dict({"prompt": "a"}, **inputs))
        at.wait()
        s.kill9()
    s.restart()
    return id


def finished(s, d, id, works):
    made = s.wait(id)
    equal((made["status"], made["billed_micros"], made["attempts"]), ("completed", PRICE, 1))
    equal(made["outputs"][0]["sha256"], sha256(d.picture))
    equal(len(d.works), works)


@case
def after_every_step_it_goes_on():
    with Double() as d, catalog(d) as folder, Server("--catalog", folder, env=KEY) as s:
        before = s.balance()
        for i, step in enumerate(("poll", "result", "file")):
            finished(s, d, killed(d, s, "blind", step), i + 1)
        finished(s, d, killed(d, s, "op", "poll"), 4)
        equal(before - s.balance(), 4 * PRICE)
        equal(d.count("submit"), 4)
        s.audit()


@case
def a_stop_in_the_middle_of_everything_is_orderly():
    with Double() as d, catalog(d) as folder, Server("--catalog", folder, env=KEY) as s:
        d.picture = png(64, 48, b"z" * 300_000)
        ids = []
        with d.hold("submit") as submit, d.hold("poll") as poll, d.hold("file") as file:
            ids.append(s.submit("double/blind", {"prompt": "a"}))
            submit.wait()
            ids.append(s.submit("double/op", {"prompt": "b"}))
            poll.wait()
            ids.append(s.submit("double/look", {"prompt": "c"}))
            file.wait()
            s.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            expect(s.alive(), "it did not wait for the submit")
            equal(s.stop(), 0)  # the second signal: now
        s.start()
        equal([s.wait(id)["status"] for id in ids[1:]], ["completed"] * 2)
        until(s, ids[0], lambda g: g.get("status_detail"))
        equal(d.count("submit"), 3)
        s.audit()


@case
def during_the_submit_it_does_as_the_provider_promises():
    with Double() as d, catalog(d) as folder, Server("--catalog", folder, env=KEY) as s:
        before = s.balance()
        finished(s, d, killed(d, s, "idem", "submit"), 1)  # sent again under the same reference
        finished(s, d, killed(d, s, "look", "submit"), 2)  # asked, and found
        equal(d.count("submit"), 3)
        id = killed(d, s, "blind", "submit")  # neither: it is not sent again
        made = until(s, id, lambda g: g.get("status_detail"))
        equal((made["status"], made["held_micros"], d.count("submit")), ("processing", PRICE, 4))
        s.cli("generations", "resolve", id, key="admin")
        equal(s.wait(id)["status"], "failed")
        made = s.wait(killed(d, s, "sync", "make"))  # its answer was the result: it never comes, so nobody waits for it
        equal((made["status"], made["error"]["code"], made["billed_micros"], d.count("make")), ("failed", "provider_failed", 0, 1))
        equal(before - s.balance(), 2 * PRICE)
        s.audit()


@case
def a_planned_stop_waits_for_the_answers_of_what_has_left():
    with Double() as d, catalog(d) as folder, Server("--catalog", folder, env=KEY) as s:
        before = s.balance()
        d.polls_until_done = 1000
        working = s.submit("double/blind", {"prompt": "b"})
        until(s, working, lambda g: any(e["name"] == "accepted" for e in g["stages"]))
        with d.hold("submit") as submit, d.hold("make") as make:
            ids = [s.submit("double/blind", {"prompt": "a"}), s.submit("double/sync", {"prompt": "a"})]
            submit.wait()
            make.wait()
            stopping = threading.Thread(target=s.stop)
            stopping.start()
            time.sleep(1.5)
            expect(s.alive(), "it did not wait")
            polls = d.count("poll")
            time.sleep(1)
            equal(d.count("poll"), polls)  # nothing new begins meanwhile
        stopping.join(20)
        expect(not stopping.is_alive() and not s.alive(), "it did not stop")
        d.polls_until_done = 2
        s.start()
        for id in ids + [working]:
            made = s.wait(id)
            equal((made["status"], made["attempts"], made["billed_micros"]), ("completed", 1, PRICE))
        equal((d.count("submit"), d.count("make")), (2, 1))
        equal(before - s.balance(), 3 * PRICE)
        s.audit()


@case
def a_catalog_published_in_between_changes_nothing_for_those_under_way():
    with Double() as d, catalog(d) as folder, Server("--catalog", folder, env=KEY) as s:
        with d.hold("poll") as at:
            id = s.submit("double/blind", {"prompt": "a"})
            at.wait()
            version = s.get("/v1/generations/" + id).json["catalog"]
            write(folder, "models/double-blind.yaml", MODEL.replace("micros: 3000", "micros: 4000") % {"name": "blind", "deadline": "2m"})
            until_price(s, 4000)
            s.kill9()
        s.restart()
        made = s.wait(id)
        equal((made["status"], made["billed_micros"], made["catalog"]), ("completed", PRICE, version))
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))
        equal(made["billed_micros"], 4000)
        expect(made["catalog"] != version, made)
        s.audit()


def until_price(s, micros):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if s.post("/v1/quote", {"model": "double/blind", "inputs": {"prompt": "a"}}).json["quoted_micros"] == micros:
            return
        time.sleep(0.02)
    raise AssertionError("the new price is not there")


run()
