#!/usr/bin/env python3
"""Refusals that any route can give, at every route the document names, and those that no other scenario has a reason to provoke. What all
scenarios together have seen is held against the document by tests/refusals.py."""
import base64
import json
import os
import threading
import time

from harness import Server, Unmoved, case, equal, expect, refusal, run, shared

SMALL = {"model": "puras/sketch", "inputs": {"prompt": "a small boat", "size": "64x64"}}
PICTURE = {"model": "openai/gpt-image-2", "prompt": "a small boat", "size": "1024x1024", "quality": "low"}
LOCAL = {"/v1/images/generations": "puras/sketch", "/v1/images/edits": "puras/sketch-edit", "/v1/audio/speech": "puras/voice"}
SPEECH = {"model": "openai/gpt-4o-mini-tts", "input": "a small boat"}


def operations(s):
    """(method, path with its parameters filled in, its documented statuses, whether it takes a key) of every operation."""
    for pattern, methods in s.get("/openapi.json", key=None).json["paths"].items():
        path = "/".join("x" if part.startswith("{") else part for part in pattern.split("/"))
        for method, operation in methods.items():
            yield method.upper(), path, {int(status) for status in operation["responses"]}, bool(operation["security"])


def said(reply):
    """The body of an error in either of the two shapes."""
    body = reply.json
    return body.get("error", body)


def refused(reply, status, code, what=""):
    expect(reply.status == status, (what, reply))
    body = said(reply)
    equal((body["code"], body["charged_micros"]), (code, 0))
    expect(0 < len(body["detail"]) < 500, (what, reply))
    return body


def call_of(s, method, path, statuses, **more):
    return s.call(method, path, b"{}" if 415 in statuses else None, **more)


@case
def nobody_calls_without_a_key():
    s = shared("sqlite")
    with Unmoved(s):
        for method, path, statuses, keyed in operations(s):
            if keyed:
                refused(call_of(s, method, path, statuses), 401, "unauthenticated", (method, path))
                refused(call_of(s, method, path, statuses, key="puras_live_aaaaaaaa.bbbb"), 401, "unauthenticated", (method, path))


@case
def nobody_sends_what_is_not_taken():
    s = shared("sqlite")
    with Unmoved(s):
        for method, path, statuses, keyed in operations(s):
            if 415 not in statuses:
                continue
            encoded = {"Content-Encoding": "gzip"}
            replies = [call_of(s, method, path, statuses, key=key, headers=encoded) for key in ("live", "admin")]
            if keyed and path == "/v1/drive/put/x":  # a link is its only key
                link = s.post("/v1/drive/sign", {"path": "x", "method": "PUT"}).json["signed_url"].split("/v1/", 1)[1]
                replies = [s.call(method, "/v1/" + link, b"{}", headers=encoded)]
            told = [reply for reply in replies if reply.status == 415]
            expect(told, (method, path, replies))
            refused(told[0], 415, "unsupported_media_type", (method, path))


@case
def nobody_calls_more_often_than_their_class():
    s = shared("sqlite")
    keys = {kind: s.post("/v1/keys", {"kind": kind, "rate_class": "mcp"}, key="admin").json["key"] for kind in ("live", "admin")}
    for kind, key in keys.items():
        seen = 0
        while s.get("/v1/balance", key=key).status == 200:
            seen += 1
            expect(seen < 200, kind)
        path = "/v1/media/generate"
        while kind == "live" and s.post(path, {}, key=key).status != 429:
            seen += 1
            expect(seen < 400, seen)
    with Unmoved(s):
        for method, path, statuses, keyed in operations(s):
            if not keyed:
                continue
            for _ in range(150):  # a call may have come back in the meantime
                replies = [call_of(s, method, path, statuses, key=key) for key in keys.values()]
                told = [reply for reply in replies if reply.status == 429]
                if told:
                    break
            expect(told, (method, path, replies))
            body = refused(told[0], 429, "rate_limited", (method, path))
            equal(int(told[0].headers["Retry-After"]), body["retry_after_s"])


def answer_to(s, text, seconds=15):
    out = s.raw(text, timeout=seconds)
    head, _, body = out.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["code"]


@case
def nobody_breaks_the_frame():
    s = shared("sqlite")
    with Unmoved(s):
        for text, status, code in (
                (b"GET /v1/models HTTP/1.1\r\n\r\n", 400, "bad_request"),
                (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
                (b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(80)) + b"\r\n", 431, "headers_too_large"),
                (b"POST /v1/quote HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n{}", 417, "expectation_failed"),
                (b"GET http://elsewhere.example/health HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n", 421, "misdirected_request"),
                (b"GET /health HTTP/3.0\r\nHost: x\r\n\r\n", 505, "http_version"),
                (b"POST /v1/quote HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 9000000000\r\n\r\n" % s.live.encode(), 413, "too_large")):
            equal(answer_to(s, text), (status, code))


@case
def nobody_is_waited_for_for_ever():
    s = shared("sqlite")
    with Unmoved(s):
        began = time.monotonic()
        equal(answer_to(s, b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ", seconds=60), (408, "request_timeout"))
        expect(time.monotonic() - began > 2)


@case
def a_file_that_is_gone_from_the_disk_is_the_servers_fault():
    with Server() as s:
        out = s.wait(s.submit(SMALL["model"], SMALL["inputs"]))["outputs"][0]
        blobs = [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(s.data, "blobs")) for name in names]
        expect(blobs, "no blob")
        for blob in blobs:
            os.unlink(blob)
            os.mkdir(blob)
        body = refused(s.get("/v1/drive/files/" + out["drive_path"]), 500, "corrupt")
        expect(s.data not in body["detail"], body)
        equal(s.get("/health").status, 200)  # it goes on; and what it answered before this stands in its log, which is read once it is killed


def data_uri(s):
    png = s.fetch(s.wait(s.submit(SMALL["model"], SMALL["inputs"]))["outputs"][0]["url"]).body
    return "data:image/png;base64," + base64.b64encode(png).decode()


def openai_calls(s):
    """(path, call, the name of its text) of each route of that shape."""
    return (("/v1/images/generations", PICTURE, "prompt"), ("/v1/images/edits", dict(PICTURE, images=[data_uri(s)]), "prompt"), ("/v1/audio/speech", SPEECH, "input"))


def with_words(call, text, words):
    return dict(call, **{text: "%s [twin: %s]" % (call[text], words)})


@case
def openai_routes_refuse_in_each_way():
    s = shared("sqlite")
    project = s.post("/v1/projects", {"name": "poor"}, key="admin").json["id"]
    poor = s.post("/v1/keys", {"kind": "live", "project": project}, key="admin").json["key"]
    for path, call, text in openai_calls(s):
        once = {"Idempotency-Key": "refusals" + path}
        equal(s.post(path, call, key="test", headers=once).status, 200)
        before = s.balance("test")
        refused(s.post(path, dict(call, **{text: "another"}), key="test", headers=once), 409, "idempotency_key_reused", path)
        refused(s.post(path, with_words(call, text, "fail moderation"), key="test"), 422, "refused", path)
        refused(s.post(path, with_words(call, text, "fail unclassified"), key="test"), 502, "provider_failed", path)
        equal(s.balance("test"), before)
        refused(s.post(path, dict(call, model=LOCAL[path], size="64x64"), key=poor), 402, "insufficient_credits", path)
    s.audit()


@case
def a_full_drive_takes_nothing_by_any_route():
    with Server() as s:
        calls = openai_calls(s)
        link = s.post("/v1/drive/sign", {"path": "more.bin", "method": "PUT"}).json["signed_url"].split("/v1/", 1)[1]
        s.cli("projects", "set", s.get("/v1/balance").json["project_id"], "--drive-limit", "1", key="admin")
        with Unmoved(s):
            for path, call, _ in calls:
                refused(s.post(path, call, key="test"), 507, "drive_full", path)
            refused(s.call("PUT", "/v1/" + link, b"x" * 10), 507, "drive_full")


@case
def a_stop_says_so_to_openai_clients():
    with Server() as s:
        out, threads = [], []
        for path, call, text in openai_calls(s):
            threads.append(threading.Thread(target=lambda p=path, c=with_words(call, text, "slow 60s"): out.append((p, s.post(p, c, key="test")))))
            threads[-1].start()
        end = time.monotonic() + 10
        while s.get("/v1/generations?state=processing", key="test").body.count(b'"status":"processing"') < 3:
            expect(time.monotonic() < end)
            time.sleep(0.02)
        equal(s.stop(), 0)
        for thread in threads:
            thread.join()
        for path, reply in out:
            body = refused(reply, 504, "still_running", path)
            equal((len(body["generation_id"]), reply.headers["x-should-retry"]), (32, "false"))


@case
def what_has_ended_or_was_said_differently():
    s = shared("sqlite")
    ended = s.submit(SMALL["model"], SMALL["inputs"])
    s.wait(ended)
    project = s.get("/v1/balance").json["project_id"]
    adjustment = {"project": project, "book": "live", "usd": 1, "reason": "a gift"}
    once = {"Idempotency-Key": "adjusted-once"}
    equal(s.post("/v1/adjustments", adjustment, key="admin", headers=once).status, 200)
    with Unmoved(s):
        refusal(s.post("/v1/generations/%s/resolve" % ended, {}, key="admin"), 409, "conflict")
        refusal(s.post("/v1/adjustments", dict(adjustment, usd=2), key="admin", headers=once), 409, "idempotency_key_reused")
        refusal(s.post("/v1/adjustments", dict(adjustment, project="0" * 32), key="admin"), 404, "not_found")
    hook = s.post("/v1/webhooks", {"url": "https://example.org/hook"}).json["id"]
    equal(s.post("/v1/webhooks/%s/test" % hook, {}).status, 200)
    message = s.get("/v1/webhooks/%s/deliveries" % hook).json["deliveries"][0]["id"]
    equal(s.call("PATCH", "/v1/webhooks/" + hook, {"state": "disabled"}, key="live").status, 200)
    refusal(s.post("/v1/webhooks/deliveries/%s/redeliver" % message, {}), 409, "conflict")
    equal(s.call("DELETE", "/v1/webhooks/" + hook, key="live").status, 200)


@case
def copies_are_read_as_files_are():
    s = shared("sqlite")
    path = s.wait(s.submit(SMALL["model"], {"prompt": "large", "size": "2048x1024"}))["outputs"][0]["drive_path"]
    for route in ("/v1/drive/thumbnails/", "/v1/drive/optimized/"):
        reply = s.get(route + path)
        expect(reply.status == 200, reply)
        refusal(s.get(route + "no/such.png"), 404, "not_found")
        refusal(s.get(route + path, headers={"Range": "bytes=90000000-"}), 416, "range_not_satisfiable")
        refusal(s.get(route + path, headers={"If-Match": '"another"'}), 412, "precondition_failed")


@case
def a_generation_that_fails_while_it_is_waited_for_is_an_answer():
    s = shared("sqlite")
    for words, code in (("fail moderation", "refused"), ("fail unclassified", "provider_failed")):
        call = {"model": PICTURE["model"], "inputs": {"prompt": "x [twin: %s]" % words, "size": "1024x1024", "quality": "low"}}
        reply = s.post("/v1/generations", call, key="test", headers={"Prefer": "wait=20"})
        expect(reply.status == 200, reply)
        equal((reply.json["status"], reply.json["error"]["code"], reply.json["billed_micros"]), ("failed", code, 0))


run()
