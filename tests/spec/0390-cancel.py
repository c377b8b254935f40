#!/usr/bin/env python3
"""Cancel: what has not been made is not paid for; what has ended cannot be called back."""
import threading

from harness import Server, Unmoved, case, each_store, equal, expect, refusal, run, shared

INPUTS = {"prompt": "never mind", "size": "64x64"}


def cancel(s, i, key="live", body=None):
    return s.call("POST", "/v1/generations/%s/cancel" % i, body, key=key)


@each_store
def a_running_one_is_released_whole(s):
    before = s.get("/v1/balance").json
    with s.hold_renders():
        i = s.submit("puras/sketch", dict(INPUTS, n=3))
        equal(s.get("/v1/balance").json["held_micros"], before["held_micros"] + 30000)
        reply = cancel(s, i)
        equal((reply.status, reply.json["status"], reply.json["billed_micros"], reply.json["held_micros"], reply.json["cancel_requested"]), (200, "cancelled", 0, 0, True))
        equal(s.get("/v1/balance").json["available_micros"], before["available_micros"])
    again = s.wait(i)
    equal((again["status"], again["outputs"], again["billed_micros"]), ("cancelled", [], 0))
    equal([t["purpose"] for t in s.get("/v1/ledger?limit=2").json["transfers"]], ["release", "hold"])
    expect(i not in [u["generation_id"] for u in s.get("/v1/usage_events").json["usage_events"]], "billed")
    # the renderer is free again
    equal(s.wait(s.submit("puras/sketch", INPUTS))["status"], "completed")
    equal(s.get("/v1/generations/" + i).json["status"], "cancelled")
    s.audit()


@each_store
def what_has_ended_stays(s):
    done = s.wait(s.submit("puras/sketch", INPUTS))
    with s.hold_renders():
        gone = s.submit("puras/sketch", INPUTS)
        cancel(s, gone)
    with Unmoved(s):
        for i, state in ((done["id"], "completed"), (gone, "cancelled")):
            for _ in range(3):
                body = refusal(cancel(s, i), 409, "conflict")
                expect(state in body["detail"], body)
    equal(s.get("/v1/drive/files/" + done["outputs"][0]["drive_path"]).status, 200)


@each_store
def one_that_waits_its_turn(s):
    """More than a project may run at once: the rest is pending, and is cancelled without ever having started."""
    before = s.balance()
    with s.hold_renders():
        ids = [s.submit("puras/sketch", INPUTS) for _ in range(20)]
        states = [s.get("/v1/generations/" + i).json["status"] for i in ids]
        equal((states.count("processing"), states.count("pending")), (16, 4))
        pending = [i for i, state in zip(ids, states) if state == "pending"]
        for i in pending:
            reply = cancel(s, i)
            equal((reply.json["status"], reply.json["started_at"]), ("cancelled", None))
        equal(s.get("/v1/balance").json["available_micros"], before - 160000)
        more = s.submit("puras/sketch", INPUTS)
        equal(s.get("/v1/generations/" + more).json["status"], "pending")
        cancel(s, ids[0])  # a place becomes free, the next one takes it
        for _ in range(100):
            if s.get("/v1/generations/" + more).json["status"] != "pending":
                break
        else:
            expect(s.wait(more, seconds=2)["status"] != "pending", "the free place was not taken")
    for i in ids[1:] + [more]:
        expect(s.wait(i)["status"] in ("completed", "cancelled"), i)
    equal(s.balance(), before - 160000)  # 15 of the first, and the last
    s.audit()


@each_store
def a_race_ends_one_way(s):
    """Cancelled while it finishes: either it is billed and there, or released and not."""
    before, billed = s.balance(), 0
    for n in range(12):
        i = s.submit("puras/sketch", dict(INPUTS, seed=n))
        replies = []
        threads = [threading.Thread(target=lambda: replies.append(cancel(s, i))) for _ in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        end = s.wait(i)
        expect(all(r.status in (200, 409) for r in replies), replies)
        expect((end["status"], end["billed_micros"], len(end["outputs"])) in (("cancelled", 0, 0), ("completed", 10000, 1)), end)
        billed += end["billed_micros"]
    equal(s.balance(), before - billed)
    s.audit()


@case
def who_may_cancel():
    s = shared("sqlite")
    with s.hold_renders():
        i = s.submit("puras/sketch", INPUTS)
        refusal(cancel(s, i, key="test"), 404, "not_found")
        refusal(cancel(s, i, key=None), 401, "unauthenticated")
        refusal(cancel(s, "0" * 32), 404, "not_found")
        refusal(cancel(s, "nonsense"), 404, "not_found")
        equal(s.get("/v1/generations/" + i).json["status"], "processing")
        equal(cancel(s, i, key="admin").json["status"], "cancelled")  # the operator's hand reaches everywhere
    with s.hold_renders():
        for body in (b"", b"{}", b'{"reason":"x"}', b"not json"):
            i = s.submit("puras/sketch", INPUTS)
            equal(cancel(s, i, body=body).json["status"], "cancelled")


@case
def a_cancel_survives_a_crash():
    with Server() as s:
        before = s.balance()
        with s.hold_renders():
            i = s.submit("puras/sketch", INPUTS)
            equal(cancel(s, i).json["status"], "cancelled")
            s.kill9()
        s.start()
        equal(s.get("/v1/generations/" + i).json["status"], "cancelled")
        equal(s.balance(), before)
        s.audit()


run()
