#!/usr/bin/env python3
"""SIGTERM in the middle of everything: whoever waits is told the name of what goes on, the server ends clean and soon, and after the
next start each call is finished and charged once."""
import socket
import threading
import time

from harness import Server, audit_folder, case, equal, expect, refusal, run

INPUTS = {"prompt": "a lighthouse", "size": "128x128"}
CALL = {"model": "puras/sketch", "inputs": INPUTS}
SOON_S = 15


def parked(s, out, call):
    thread = threading.Thread(target=lambda: out.append(call()))
    thread.start()
    return thread


def half_an_upload(s):
    c = socket.create_connection(("127.0.0.1", s.port))
    c.sendall(("PUT /v1/drive/files/half.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100000\r\n\r\n" % s.live).encode() + b"x" * 50000)
    return c


@case
def a_stop_names_what_goes_on():
    with Server() as s:
        before = s.balance()
        seen, named, threads = [], {"Idempotency-Key": "the-one"}, []
        with s.hold_renders():
            for _ in range(5):
                threads.append(parked(s, seen, lambda: s.post("/v1/media/generate", CALL)))
            first = s.post("/v1/generations", CALL, headers=named).json["id"]
            for _ in range(3):
                threads.append(parked(s, seen, lambda: s.post("/v1/generations", CALL, headers=dict(named, Prefer="wait=60"))))
            watching, waiting = [], []
            threads.append(parked(s, watching, lambda: s.get("/v1/generations/%s/events" % first)))
            threads.append(parked(s, waiting, lambda: s.get("/v1/generations/%s?wait=60" % first)))
            upload = half_an_upload(s)
            deadline = time.monotonic() + 10
            while s.get("/v1/generations?limit=50").body.count(b'"status":"processing"') < 6:
                expect(time.monotonic() < deadline)
            time.sleep(0.2)
            began = time.monotonic()
            upload.close()
            equal(s.stop(), 0)
            expect(time.monotonic() - began < SOON_S, time.monotonic() - began)
        for t in threads:
            t.join()
        ids = set()
        for reply in seen:
            if reply.status == 202:  # asked with Prefer: an unfinished answer is understood
                equal(reply.json["id"], first)
                continue
            body = refusal(reply, 504, "still_running")
            expect(body["generation_id"] in body["detail"] and body["retry"] == "same_key", body)
            ids.add(body["generation_id"])
        equal((len(ids), sum(r.status == 202 for r in seen)), (5, 3))
        expect(b"retry: " in watching[0].body and b"event: completed" not in watching[0].body, watching)
        equal((waiting[0].status, waiting[0].json["id"]), (200, first))
        equal(audit_folder(s.data)["findings"], 0)
        s.start()
        for i in ids | {first}:
            g = s.wait(i)
            equal((g["status"], g["billed_micros"]), ("completed", 10000))
        equal(s.balance(), before - 60000)
        equal(s.get("/v1/drive/files/half.bin").status, 404)
        s.audit()


@case
def what_waits_for_the_renderer_does_not_hold_up_the_end():
    with Server("--renders", "1", "--slots", "64") as s:
        big = {"model": "puras/sketch", "inputs": {"prompt": "a city", "size": "2048x2048"}}
        ids = [s.submit(big["model"], big["inputs"]) for _ in range(40)]
        began = time.monotonic()
        equal(s.stop(), 0)
        expect(time.monotonic() - began < SOON_S, time.monotonic() - began)
        equal(audit_folder(s.data)["findings"], 0)
        s.start()
        equal(s.post("/v1/generations/%s/cancel" % ids[-1], {}).status, 200)
        s.audit()


run()
