#!/usr/bin/env python3
"""SIGTERM: nothing new is taken, who waits is told where to ask, the exit is quick; and all that was begun is there afterwards."""
import http.client
import json
import os
import signal
import socket
import threading
import time

from harness import Server, audit_folder, case, equal, expect, pg_database, refusal, run

INPUTS = {"prompt": "until tomorrow", "size": "64x64"}
CALL = {"model": "puras/sketch", "inputs": INPUTS}


def drained_with_work(database):
    with Server(database=database) as s:
        done = s.post("/v1/media/generate", CALL).json
        before, seen = s.balance(), {}

        def ask(name, *args, **more):
            seen[name] = s.call(*args, **more)

        with s.hold_renders():
            waits = {
                "media": ("POST", "/v1/media/generate", CALL),
                "named": ("POST", "/v1/media/generate", CALL),
                "prefer": ("POST", "/v1/media/generate", CALL),
                "submit": ("POST", "/v1/generations", CALL),
            }
            headers = {"named": {"Idempotency-Key": "drain"}, "prefer": {"Prefer": "wait=60"}, "submit": {"Prefer": "wait=60"}}
            threads = [threading.Thread(target=ask, args=(n,) + w, kwargs={"key": "live", "headers": headers.get(n)}) for n, w in waits.items()]
            early = s.submit("puras/sketch", INPUTS)
            threads.append(threading.Thread(target=ask, args=("get", "GET", "/v1/generations/%s?wait=60" % early), kwargs={"key": "live"}))
            stream = socket.create_connection(("127.0.0.1", s.port), 20)
            stream.sendall(b"GET /v1/generations/%s/events HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n" % (early.encode(), s.live.encode()))
            for t in threads:
                t.start()
            while len(s.get("/v1/generations").json["generations"]) < 6:
                time.sleep(0.02)
            time.sleep(0.2)
            idle = http.client.HTTPConnection("127.0.0.1", s.port, timeout=10)
            idle.request("GET", "/health")
            idle.getresponse().read()
            equal(seen, {})
            began = time.monotonic()
            s.process.send_signal(signal.SIGTERM)
            for t in threads:
                t.join()
            told = time.monotonic() - began
            equal(s.process.wait(25), 0)
            took = time.monotonic() - began
        expect(told < 3 and took < 25, (told, took))
        ids = set()
        for name in ("media", "named"):
            body = refusal(seen[name], 504, "still_running")
            expect(body["generation_id"] in body["detail"] and body["retry"] == "same_key", body)
            equal(seen[name].headers["Connection"], "close")
            ids.add(body["generation_id"])
        for name in ("prefer", "submit"):
            expect(seen[name].status in (202, 504), seen[name])
            ids.add(seen[name].json.get("id") or seen[name].json["generation_id"])
        equal(seen["get"].status in (200, 504), True)
        ids.add(early)
        equal(len(ids), 5)
        told = b""
        while True:
            piece = stream.recv(65536)
            if not piece:
                break
            told += piece
        stream.close()
        expect(b"retry: " in told and b"event: started" in told, told)
        if not database:
            report = audit_folder(s.data)
            equal((report["ok"], report["held_micros"]), (True, 50000))
        s.start()
        for i in ids:
            end = s.wait(i)
            equal((end["status"], end["billed_micros"], len(end["outputs"])), ("completed", 10000, 1))
        equal(s.get("/v1/generations/" + done["request_id"]).json["status"], "completed")
        equal(s.fetch(done["output_url"]).status, 200)
        again = s.post("/v1/media/generate", CALL, headers={"Idempotency-Key": "drain"})
        expect(again.status == 200 and again.json["request_id"] in ids and again.headers["Idempotent-Replayed"] == "true", again)
        equal(s.balance(), before - 50000)
        s.audit()


@case
def a_drain_with_work_on_sqlite():
    drained_with_work(None)


@case
def a_drain_with_work_on_postgres():
    drained_with_work(pg_database())


@case
def a_drain_without_work_is_quick():
    for number in (signal.SIGTERM, signal.SIGINT):
        with Server() as s:
            s.get("/health", key=None)
            began = time.monotonic()
            s.process.send_signal(number)
            equal(s.process.wait(10), 0)
            expect(time.monotonic() - began < 2, time.monotonic() - began)


@case
def an_answer_under_way_is_finished():
    with Server() as s:
        big = os.urandom(1 << 20) * 20
        equal(s.call("PUT", "/v1/drive/files/big.bin", big, key="live").status, 201)
        c = socket.create_connection(("127.0.0.1", s.port), 20)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.sendall(b"GET /v1/drive/files/big.bin HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n\r\n" % s.live.encode())
        got = c.recv(1000)
        s.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        while True:
            piece = c.recv(1 << 20)
            if not piece:
                break
            got += piece
        c.close()
        equal(got.split(b"\r\n\r\n", 1)[1] == big, True)
        equal(s.process.wait(25), 0)


@case
def a_drive_and_its_links_are_there_again():
    with Server() as s:
        made = s.post("/v1/media/generate", CALL).json
        s.call("PUT", "/v1/drive/files/a%20b.txt", b"words", key="live")
        keys, url = dict(s.credentials), made["output_url"]
        listed = s.get("/v1/drive").json["files"]
        equal(s.stop(), 0)
        s.start()
        equal({k: s.credentials[k] for k in ("live_key", "test_key", "admin_key", "project")}, {k: keys[k] for k in ("live_key", "test_key", "admin_key", "project")})
        equal(s.get("/v1/drive").json["files"], listed)
        equal((s.fetch(url).status, s.get("/v1/drive/files/a%20b.txt").body), (200, b"words"))
        # no second first credit
        equal((s.balance("live"), s.balance("test")), (10_000_000 - 10000, 100_000_000))
        mode = os.stat(os.path.join(s.data, "credentials.json")).st_mode & 0o777
        equal(mode, 0o600)
        s.audit()


@case
def ten_starts_and_kills_change_nothing():
    with Server() as s:
        for _ in range(10):
            s.restart()
        equal((s.balance("live"), s.balance("test")), (10_000_000, 100_000_000))
        equal(len(s.get("/v1/keys", key="admin").json["keys"]), 3)
        equal(len(s.get("/v1/projects", key="admin").json["projects"]), 1)
        s.audit()
        json.loads(s.get("/readyz", key=None).body)


run()
