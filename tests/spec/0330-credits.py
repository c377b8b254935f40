#!/usr/bin/env python3
"""Credit to the micro: what is missing is said, what is there can be spent to the last one, and no more than that."""
import threading

from harness import Unmoved, case, each_store, equal, expect, refusal, run, shared

CALL = {"model": "puras/sketch", "inputs": {"prompt": "a coin"}}


def poor(s, micros=0, kind="live"):
    """A new project with `micros` in one book; returns its key and id."""
    project = s.post("/v1/projects", {"name": "poor"}, key="admin").json["id"]
    key = s.post("/v1/keys", {"kind": kind, "project": project}, key="admin").json["key"]
    if micros:
        done = s.post("/v1/top-up", {"usd": "%d.%06d" % divmod(micros, 1000000), "project": project}, key="admin")
        equal((done.status, done.json["amount_micros"], done.json["book"], done.json["project_id"]), (200, micros, "live", project))
    return key, project


@each_store
def a_402_says_what_is_missing(s):
    for have in (0, 1, 9999, 4000):
        key, _ = poor(s, have)
        for route in ("/v1/generations", "/v1/media/generate"):
            with Unmoved(s, [key]):
                reply = s.post(route, CALL, key=key)
                body = refusal(reply, 402, "insufficient_credits")
            equal((body["required_micros"], body["available_micros"], body["missing_micros"]), (10000, have, 10000 - have))
            for number in (10000, 10000 - have):
                expect(str(number) in body["detail"], body)
            equal(body["retry"], "never")
    s.audit()


@each_store
def the_last_micro_can_be_spent(s):
    key, _ = poor(s, 10000)
    made = s.post("/v1/media/generate", CALL, key=key)
    equal((made.status, made.json["billed_micros"]), (200, 10000))
    balance = s.get("/v1/balance", key=key).json
    equal((balance["available_micros"], balance["held_micros"], balance["credits"], balance["balance_usd"]), (0, 0, 0, 0))
    body = refusal(s.post("/v1/media/generate", CALL, key=key), 402, "insufficient_credits")
    equal(body["missing_micros"], 10000)
    # the refusal was not stored under its idempotency key: with credit the same call goes through
    project = balance["project_id"]
    named = {"Idempotency-Key": "later"}
    refusal(s.post("/v1/media/generate", CALL, key=key, headers=named), 402, "insufficient_credits")
    s.post("/v1/top-up", {"usd": 0.02, "project": project}, key="admin")
    equal(s.post("/v1/media/generate", CALL, key=key, headers=named).status, 200)
    equal(s.balance(key), 10000)
    s.audit()


@each_store
def four_of_a_kind_need_credit_for_four(s):
    key, _ = poor(s, 39999)
    body = refusal(s.post("/v1/generations", {"model": "puras/sketch", "inputs": {"prompt": "x", "n": 4}}, key=key), 402, "insufficient_credits")
    equal((body["required_micros"], body["missing_micros"]), (40000, 1))
    made = s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": {"prompt": "x", "n": 3, "size": "64x64"}}, key=key).json
    equal((made["billed_micros"], len(made["outputs"]), made["drive_path"]), (30000, 3, made["outputs"][0]["drive_path"]))
    equal(s.balance(key), 9999)


@each_store
def many_at_once_never_overdraw(s):
    key, _ = poor(s, 50000 + 9999)
    seen = []

    def call():
        seen.append(s.post("/v1/generations", {"model": "puras/sketch", "inputs": {"prompt": "x", "size": "64x64"}}, key=key))

    threads = [threading.Thread(target=call) for _ in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    taken = [r for r in seen if r.status == 202]
    equal((len(taken), len(seen)), (5, 40))
    for r in seen:
        if r.status != 202:
            refusal(r, 402, "insufficient_credits")
    for r in taken:
        equal(s.wait(r.json["id"], key=key)["billed_micros"], 10000)
    balance = s.get("/v1/balance", key=key).json
    equal((balance["available_micros"], balance["held_micros"]), (9999, 0))
    s.audit()


@each_store
def held_credit_is_not_available(s):
    key, _ = poor(s, 15000)
    with s.hold_renders():
        first = s.submit("puras/sketch", {"prompt": "x"}, key=key)
        balance = s.get("/v1/balance", key=key).json
        equal((balance["available_micros"], balance["held_micros"]), (5000, 10000))
        body = refusal(s.post("/v1/generations", CALL, key=key), 402, "insufficient_credits")
        equal((body["available_micros"], body["missing_micros"]), (5000, 5000))
    equal(s.wait(first, key=key)["billed_micros"], 10000)
    balance = s.get("/v1/balance", key=key).json
    equal((balance["available_micros"], balance["held_micros"]), (5000, 0))
    s.audit()


@each_store
def who_fills_what(s):
    live, test = s.balance("live"), s.balance("test")
    done = s.post("/v1/top-up", {"usd": 1.5}, key="admin").json
    equal((done["book"], done["amount_micros"], done["amount_usd"]), ("live", 1500000, 1.5))
    equal((s.balance("live"), s.balance("test")), (live + 1500000, test))
    done = s.post("/v1/top-up", {"usd": "0.000001", "reason": "the smallest"}, key="test").json
    equal((done["book"], done["amount_micros"]), ("test", 1))
    equal((s.balance("live"), s.balance("test")), (live + 1500000, test + 1))
    newest = s.get("/v1/ledger?limit=1", key="test").json["transfers"][0]
    equal((newest["amount_micros"], newest["reason"]), (1, "the smallest"))
    key, project = poor(s, 0, "test")
    refusal(s.post("/v1/top-up", {"usd": 1, "project": project}, key="test"), 403, "forbidden")
    equal(s.post("/v1/top-up", {"usd": 1, "project": project}, key=key).json["project_id"], project)
    equal(s.balance(key), 1000000)
    refusal(s.post("/v1/top-up", {"usd": 1, "project": "f" * 32}, key="admin"), 404, "not_found")
    s.audit()


@each_store
def a_repeated_top_up_counts_once(s):
    before, named = s.balance("live"), {"Idempotency-Key": "refill-1"}
    ids = {s.post("/v1/top-up", {"usd": 2}, key="admin", headers=named).json["id"] for _ in range(3)}
    equal((len(ids), s.balance("live")), (1, before + 2000000))
    refusal(s.post("/v1/top-up", {"usd": 3}, key="admin", headers=named), 409, "idempotency_key_reused")
    equal(s.balance("live"), before + 2000000)
    s.audit()


@case
def amounts_that_are_none():
    s = shared("sqlite")
    bad = [b"0", b"-1", b"0.0000001", b"1e400", b'"abc"', b'""', b"null", b"true", b"[1]", b'{"a":1}', b'"1,5"', b'"$5"', b'"1e5x"', b"99999999999999999999", b"1e30", b'"-5"', b'"0x10"', b'" 5 x"', b'"NaN"']
    with Unmoved(s):
        for amount in bad:
            for key in ("admin", "test"):
                reply = s.post("/v1/top-up", b'{"usd":' + amount + b"}", key=key)
                if reply.status != 400:
                    raise AssertionError("%r: %r" % (amount, reply))
                equal(refusal(reply, 400, "invalid_argument")["field"], "usd")
        refusal(s.post("/v1/top-up", {}, key="admin"), 400, "invalid_argument")
        refusal(s.post("/v1/top-up", {"usd": 1, "book": "live"}, key="test"), 400, "invalid_argument")
    s.audit()


@case
def a_book_does_not_overflow():
    s = shared("sqlite")
    key, project = poor(s, 0)
    largest = refused = 0
    for usd in ("1000000000", "9000000000", "900000000000", "9000000000000", "9000000000000"):
        reply = s.post("/v1/top-up", {"usd": usd, "project": project}, key="admin")
        if reply.status == 200:
            largest += int(usd) * 1000000
        else:
            refused += 1
            expect(400 <= reply.status < 500, reply)
        equal(s.balance(key), largest)
    expect(refused, "nothing was refused")
    s.audit()


run()
