#!/usr/bin/env python3
"""Events of a generation: numbered from 1 without gaps, resumed anywhere, ended by the last; seen only by their owner."""
import json
import socket
import threading
import time

from harness import case, each_store, equal, expect, refusal, run, shared

INPUTS = {"prompt": "an event", "size": "64x64"}
LAST = ("completed", "failed", "cancelled")


def parse(text):
    """The events of a stream; comments are dropped."""
    out = []
    for block in text.replace(b"\r\n", b"\n").split(b"\n\n"):
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if line and not line.startswith(b":"))
        if b"data" in fields:
            out.append({"id": int(fields[b"id"]), "event": fields[b"event"].decode(), "data": json.loads(fields[b"data"])})
    return out


def events(s, i, key="live", after=None, header=None):
    path = "/v1/generations/%s/events" % i + ("" if after is None else "?after=%s" % after)
    reply = s.get(path, key=key, headers={"Last-Event-ID": str(header)} if header is not None else None)
    equal((reply.status, reply.headers["Content-Type"].split(";")[0], reply.headers["Cache-Control"]), (200, "text/event-stream", "no-store"))
    return parse(reply.body)


def check(list_, i, first=1):
    equal([e["id"] for e in list_], list(range(first, first + len(list_))))
    for e in list_:
        equal((e["data"]["n"], e["data"]["type"], e["data"]["generation_id"]), (e["id"], e["event"], i))
    expect(all(e["event"] not in LAST for e in list_[:-1]) and list_[-1]["event"] in LAST, list_)
    times = [e["data"]["at"] for e in list_]
    equal(times, sorted(times))


@each_store
def numbered_without_gaps_and_ended_by_the_last(s):
    for inputs in (INPUTS, dict(INPUTS, n=4)):
        i = s.submit("puras/sketch", inputs)
        live = events(s, i)  # while it runs
        check(live, i)
        equal(live[0]["event"], "submitted")
        expect("started" in [e["event"] for e in live], live)
        equal(events(s, i), live)  # and again when it is over
        stages = s.get("/v1/generations/" + i).json["stages"]
        equal([t["name"] for t in stages], [e["event"] for e in live])
    equal(live[-1]["data"]["data"]["billed_micros"], 40000)


@each_store
def resumed_anywhere(s):
    i = s.submit("puras/sketch", INPUTS)
    whole = events(s, i)
    for n in range(len(whole) + 1):
        equal(events(s, i, header=n), whole[n:])
        equal(events(s, i, after=n), whole[n:])
    equal(events(s, i, header=10 ** 15), [])  # behind the end: ends at once
    equal(events(s, i, after=0, header=1), whole[1:])  # the header is stronger: it is what a browser sends by itself
    for bad in ("x", "-1", "1.5", "", " "):
        reply = s.get("/v1/generations/%s/events" % i, headers={"Last-Event-ID": bad})
        expect(reply.status == 400 if bad.strip() else reply.status == 200, (bad, reply))
    refusal(s.get("/v1/generations/%s/events?after=x" % i), 400, "invalid_argument")


@each_store
def many_subscribers_see_the_same(s):
    seen = []
    with s.hold_renders():
        i = s.submit("puras/sketch", INPUTS)
        threads = [threading.Thread(target=lambda n=n: seen.append(events(s, i, header=n % 2))) for n in range(12)]
        for t in threads:
            t.start()
        time.sleep(0.3)
        equal(seen, [])
        # one that leaves in the middle hurts nobody
        gone = socket.create_connection(("127.0.0.1", s.port), 10)
        gone.sendall(b"GET /v1/generations/%s/events HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n" % (i.encode(), s.live.encode()))
        expect(b"200 OK" in gone.recv(65536), "no stream")
        gone.close()
    for t in threads:
        t.join()
    whole = events(s, i)
    check(whole, i)
    for one in seen:
        expect(one in (whole, whole[1:]), one)
    equal(len(seen), 12)


@case
def an_event_comes_when_it_happens():
    s = shared("sqlite")
    with s.hold_renders():
        i = s.submit("puras/sketch", INPUTS)
        c = socket.create_connection(("127.0.0.1", s.port), 10)
        c.sendall(b"GET /v1/generations/%s/events HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n" % (i.encode(), s.live.encode()))
        got = b""
        while b"started" not in got:
            got += c.recv(65536)
        expect(b"completed" not in got, got)
        began = time.monotonic()
        equal(s.post("/v1/generations/%s/cancel" % i, {}).json["status"], "cancelled")
        while True:
            piece = c.recv(65536)
            if not piece:
                break
            got += piece
        expect(time.monotonic() - began < 2, "late")
        c.close()
    list_ = parse(got.split(b"\r\n\r\n", 1)[1])
    equal([e["event"] for e in list_][-1], "cancelled")
    check(list_, i)


@each_store
def only_their_owner_sees_them(s):
    i = s.submit("puras/sketch", INPUTS)
    for _ in range(20):  # whatever the reader's thread is quicker than
        refusal(s.get("/v1/generations/%s/events" % i, key="test"), 404, "not_found")
        refusal(s.get("/v1/generations/%s/events" % ("0" * 32)), 404, "not_found")
    for wrong in (i[:-1], i + "0", i.upper() if i.upper() != i else "G" * 32, "x", "%ff", "..", i + "%20"):
        refusal(s.get("/v1/generations/%s/events" % wrong), 404, "not_found")
    equal(s.call("HEAD", "/v1/generations/%s/events" % i, key="live").status, 405)
    check(events(s, i, key="admin"), i)


@each_store
def every_generation_of_many_tells_its_own(s):
    ids = [s.submit("puras/sketch", dict(INPUTS, seed=n)) for n in range(20)]
    seen = {}
    threads = [threading.Thread(target=lambda i=i: seen.update({i: events(s, i)})) for i in ids]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    equal(set(seen), set(ids))
    for i in ids:
        check(seen[i], i)
        equal(seen[i][-1]["event"], "completed")
    s.audit()


run()
