#!/usr/bin/env python3
"""Idempotency-Key: a repeat is answered from the first call, whether that is over, under way or before a restart."""
import threading

from harness import Server, Unmoved, case, each_store, equal, expect, refusal, run, shared, pg_database

CALL = {"model": "puras/sketch", "inputs": {"prompt": "an echo", "size": "128x128"}}


def named(name):
    return {"Idempotency-Key": name}


@each_store
def a_repeat_is_answered_from_the_first(s):
    before = s.balance()
    for route in ("/v1/media/generate", "/v1/generations"):
        first = s.post(route, CALL, headers=named("one"))
        expect(first.status in (200, 202) and first.headers["Idempotent-Replayed"] is None, first)
        i = first.json.get("request_id") or first.json["id"]
        s.wait(i)
        for body in (CALL, {"inputs": {"size": "128x128", "prompt": "an echo"}, "model": "puras/sketch"}):  # members in any order
            again = s.post(route, body, headers=named("one"))
            equal((again.status, again.headers["Idempotent-Replayed"]), (first.status, "true"))
            equal(again.json.get("request_id") or again.json["id"], i)
    equal(s.balance(), before - 20000)  # two routes, two calls
    replay = s.post("/v1/media/generate", CALL, headers=named("one")).json
    equal(s.fetch(replay["output_url"]).status, 200)  # signed anew
    equal(replay["billed_micros"], 10000)
    s.audit()


@each_store
def another_body_is_refused(s):
    s.post("/v1/media/generate", CALL, headers=named("two"))
    others = [dict(CALL, inputs=dict(CALL["inputs"], seed=1)), dict(CALL, kind="image"), dict(CALL, output_path="x.png"), {"model": "puras/sketch", "inputs": {"prompt": "x"}}]
    with Unmoved(s):
        for body in others:
            refusal(s.post("/v1/media/generate", body, headers=named("two")), 409, "idempotency_key_reused")
    s.audit()


@each_store
def a_repeat_while_it_runs_waits_for_the_same(s):
    before, seen = s.balance(), []

    def call():
        seen.append(s.post("/v1/media/generate", CALL, headers=named("running")))

    with s.hold_renders():
        first = s.post("/v1/media/generate", CALL, headers=dict(named("running"), Prefer="respond-async"))
        equal(first.status, 202)
        threads = [threading.Thread(target=call) for _ in range(5)]
        for t in threads:
            t.start()
        again = s.post("/v1/media/generate", CALL, headers=dict(named("running"), Prefer="respond-async"))
        equal((again.status, again.json["id"], again.headers["Idempotent-Replayed"]), (202, first.json["id"], "true"))
        equal(s.get("/v1/balance").json["available_micros"], before - 10000)
        equal(len(seen), 0)
    for t in threads:
        t.join()
    equal({r.status for r in seen}, {200})
    equal({r.json["request_id"] for r in seen}, {first.json["id"]})
    equal({r.headers["Idempotent-Replayed"] for r in seen}, {"true"})
    equal(s.balance(), before - 10000)
    s.audit()


@each_store
def forty_at_once_run_once(s):
    before, seen = s.balance(), []

    def call():
        seen.append(s.post("/v1/generations", CALL, headers=named("storm")))

    threads = [threading.Thread(target=call) for _ in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal({r.status for r in seen}, {202})
    equal(len({r.json["id"] for r in seen}), 1)
    equal(sum(r.headers["Idempotent-Replayed"] is None for r in seen), 1)
    s.wait(seen[0].json["id"])
    equal(s.balance(), before - 10000)
    s.audit()


def survives(database):
    with Server(database=database) as s:
        first = s.post("/v1/media/generate", CALL, headers=named("kept")).json
        top_up = s.post("/v1/top-up", {"usd": 1}, key="admin", headers=named("kept")).json["id"]
        before = s.balance()
        with s.hold_renders():
            running = s.post("/v1/generations", CALL, headers=named("cut")).json["id"]
            s.kill9()
        s.start()
        again = s.post("/v1/media/generate", CALL, headers=named("kept"))
        equal((again.json["request_id"], again.headers["Idempotent-Replayed"]), (first["request_id"], "true"))
        refusal(s.post("/v1/media/generate", dict(CALL, kind="image"), headers=named("kept")), 409, "idempotency_key_reused")
        equal(s.post("/v1/top-up", {"usd": 1}, key="admin", headers=named("kept")).json["id"], top_up)
        again = s.post("/v1/generations", CALL, headers=dict(named("cut"), Prefer="wait=60"))
        expect((again.status, again.json["id"], again.json["status"]) == (200, running, "completed"), again.body)
        equal(s.balance(), before - 10000)
        s.audit()


@case
def a_repeat_after_a_crash_on_sqlite():
    survives(None)


@case
def a_repeat_after_a_crash_on_postgres():
    survives(pg_database())


@case
def keys_that_are_none():
    s = shared("sqlite")
    with Unmoved(s):
        for key in ("", " ", "a b", "x" * 256, "\xe9", "a\tb", "\x7f"):
            refusal(s.post("/v1/generations", CALL, headers=named(key)), 400, "bad_request")
        twice = b"POST /v1/generations HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}" % s.live.encode()
        expect(s.raw(twice, timeout=5).startswith(b"HTTP/1.1 400 "), "two keys were taken")
    equal(s.post("/v1/generations", CALL, headers=named("x" * 255)).status, 202)
    equal(s.post("/v1/generations", CALL, headers=named("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~")).status, 202)


@case
def refusals_are_not_kept():
    s = shared("sqlite")
    refusal(s.post("/v1/generations", {"model": "puras/skecth"}, headers=named("again")), 400, "unknown_model")
    refusal(s.post("/v1/generations", dict(CALL, inputs={}), headers=named("again")), 400, "invalid_argument")
    equal(s.post("/v1/generations", CALL, headers=named("again")).status, 202)


@case
def a_failed_generation_replays_its_failure():
    s = shared("sqlite")
    with s.hold_renders():
        i = s.post("/v1/generations", CALL, headers=named("gone")).json["id"]
        equal(s.post("/v1/generations/%s/cancel" % i, {}).json["status"], "cancelled")
    with Unmoved(s):
        again = s.post("/v1/generations", CALL, headers=dict(named("gone"), Prefer="wait=5"))
        equal((again.status, again.json["id"], again.json["status"]), (200, i, "cancelled"))


run()
