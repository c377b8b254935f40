#!/usr/bin/env python3
"""Calls to a provider over three protocols: what it does right is billed once, what it does wrong is told, and nothing is charged for it."""
import base64
import contextlib
import time

from harness import Server, case, equal, expect, refusal, run, sha256
from provider_double import KEY, Double, catalog, png, until

PRICE = 3000
PROTOCOLS = ("blind", "op", "sync")


@contextlib.contextmanager
def world(deadline="2m"):
    with Double() as d, catalog(d, deadline) as folder, Server("--catalog", folder, env=KEY) as s:
        d.before = s.balance()
        yield d, s
        s.audit()


def first(protocol):
    return "make" if protocol == "sync" else "submit"


def paid(d, s, micros):
    equal(d.before - s.balance(), micros)
    equal(s.get("/v1/balance").json["held_micros"], 0)


def ended(d, s, made, code, words=()):
    equal(made["status"], "failed")
    equal(made["error"]["code"], code)
    equal(made["error"]["charged_micros"], 0)
    for word in ("Nothing was charged",) + tuple(words):
        expect(word in made["error"]["detail"], made["error"])
    paid(d, s, 0)


@case
def each_protocol_makes_what_was_asked():
    with world() as (d, s):
        for i, protocol in enumerate(PROTOCOLS):
            made = s.wait(s.submit("double/" + protocol, {"prompt": "a", "n": 2}))
            equal((made["status"], len(made["outputs"]), made["billed_micros"]), ("completed", 2, 2 * PRICE))
            out = made["outputs"][1]
            equal((out["media_type"], out["width"], out["height"], out["sha256"]), ("image/png", 64, 48, sha256(d.picture)))
            equal(s.fetch(out["url"]).body, d.picture)
            paid(d, s, 2 * PRICE * (i + 1))
        usage = s.get("/v1/usage_events").json["usage_events"]
        equal([u["billed_micros"] for u in usage], [2 * PRICE] * 3)


@case
def a_passing_failure_is_tried_again_and_billed_once():
    with world() as (d, s):
        d.fault("submit", status=503, times=2)
        d.fault("make", status=503)
        for id in [s.submit("double/" + protocol, {"prompt": "a"}) for protocol in PROTOCOLS]:
            made = s.wait(id)
            equal((made["status"], made["billed_micros"], made["attempts"]), ("completed", PRICE, 2))
        paid(d, s, 3 * PRICE)
        equal(len(d.works), 3)


@case
def refusals_are_told_with_their_class():
    table = [("blocked", 400, "refused", "refused the content"), ("inputs", 422, "refused", "refused the inputs"),
             ("stranger", 403, "provider_failed", "key"), ("broke", 402, "provider_failed", "balance"), ("odd", 418, "provider_failed", "failed")]
    with world() as (d, s):
        for protocol in PROTOCOLS:
            for code, status, answer, words in table:
                d.fault(first(protocol), status=status, json={"error": {"code": code, "message": "so says the double"}})
                made = s.wait(s.submit("double/" + protocol, {"prompt": "a"}))
                ended(d, s, made, answer, (words, "so says the double"))
                equal(made["attempts"], 1)
        d.fault("make", status=200, json=b"<html>hi</html>", type="text/html")
        made = s.wait(s.submit("double/sync", {"prompt": "a"}))
        ended(d, s, made, "provider_failed", ("neither JSON nor a file, but text/html",))
        equal(d.works, {})


@case
def what_is_billed_although_it_failed_is_bounded():
    with world() as (d, s):
        hour = int(time.time() / 3600)
        d.fault("make", status=400, json={"error": {"code": "costly", "message": "not that"}}, times=20)
        made = [s.wait(id) for id in [s.submit("double/sync", {"prompt": "a"}) for _ in range(20)]]
        for one in made:
            ended(d, s, one, "refused", ("not that",))
        if int(time.time() / 3600) != hour:
            return  # the count began anew in between
        reply = s.post("/v1/generations", {"model": "double/sync", "inputs": {"prompt": "a"}})
        refusal(reply, 429, "too_many_failures")
        expect(0 < int(reply.headers["Retry-After"]) <= 3600, reply.headers)


@case
def work_that_fails_later_is_told_too():
    with world() as (d, s):
        d.fault("poll", say={"state": "broken", "error": {"code": "blocked", "message": "not that"}})
        ended(d, s, s.wait(s.submit("double/blind", {"prompt": "a"})), "refused", ("not that",))
        d.fault("poll", say={"done": True, "error": {"code": "inputs", "message": "too blue"}})
        ended(d, s, s.wait(s.submit("double/op", {"prompt": "a"})), "refused", ("too blue",))
        d.fault("result", say={"nothing": 1})
        ended(d, s, s.wait(s.submit("double/blind", {"prompt": "a"})), "provider_failed", ("`nothing`",))
        d.fault("make", say={"strange": 1})
        ended(d, s, s.wait(s.submit("double/sync", {"prompt": "a"})), "provider_failed", ("`strange`",))


@case
def polls_that_fail_lose_nothing():
    with world() as (d, s):
        d.fault("poll", status=503, times=2)
        d.fault("poll", status=429, headers={"Retry-After": "1"})
        d.fault("poll", say={"state": "daydreaming"})
        d.fault("poll", status=404, json={"error": {"code": "gone", "message": "no such work"}}, times=4)  # a copy of theirs that lags behind
        d.fault("result", status=500, times=3)
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))
        equal((made["status"], made["attempts"]), ("completed", 1))
        equal(made["meta"]["metrics"]["inference_time"], 1.5)
        expect("puras_provider_unknown_status_total 1" in s.get("/metrics", key="admin").body.decode(), "the unknown status was not counted")
        paid(d, s, PRICE)


@case
def one_strange_answer_is_no_end():
    with world() as (d, s):
        d.fault("poll", status=404, json={"error": {"code": "gone", "message": "no such work"}}, times=5)
        ended(d, s, s.wait(s.submit("double/blind", {"prompt": "a"})), "provider_failed", ("no longer knows",))
        d.fault("result", status=500, times=22)  # an outage of what gives results out loses nothing,
        d.fault("result", raw=b"<html>come back</html>", type="text/html")  # nor does a page in place of one
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))
        equal((made["status"], made["attempts"]), ("completed", 1))
        paid(d, s, PRICE)


@case
def a_lost_answer_in_each_mode():
    with world() as (d, s):
        d.fault("submit", lost=True)  # the provider knows our reference: sent again, one work
        made = s.wait(s.submit("double/idem", {"prompt": "a"}))
        equal((made["status"], made["attempts"], [w["submits"] for w in d.works.values()]), ("completed", 1, [2]))
        d.fault("submit", lost=True)  # it is asked, and knows it
        made = s.wait(s.submit("double/look", {"prompt": "a"}))
        equal((made["status"], made["attempts"], d.count("submit")), ("completed", 1, 3))
        d.fault("submit", before=True)  # it is asked, and its no is proof
        made = s.wait(s.submit("double/proof", {"prompt": "a"}))
        equal((made["status"], made["attempts"]), ("completed", 2))
        equal(len(d.works), 3)
        paid(d, s, 3 * PRICE)


@case
def a_gateway_that_gave_up_waiting_is_a_lost_answer():
    with world() as (d, s):
        for status in (502, 504, 520, 524):
            d.fault("submit", status=status)  # that the description takes all of 5xx for transient explains nothing
            id = s.submit("double/blind", {"prompt": "a"})
            made = until(s, id, lambda g: g.get("status_detail"))
            equal((made["status_detail"], made["attempts"]), ("confirming with provider", 1))
            s.cli("generations", "resolve", id, key="admin")
            equal(s.wait(id)["status"], "failed")
        equal(d.count("submit"), 4)  # never sent a second time
        d.fault("submit", status=504, json={"error": {"code": "hiccup", "message": "not yet"}})  # this does: a rule knows the answer
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))
        equal((made["status"], made["attempts"]), ("completed", 2))
        d.fault("submit", status=504)  # a provider that knows our reference may be sent it again
        equal(s.wait(s.submit("double/idem", {"prompt": "a"}))["status"], "completed")
        paid(d, s, 2 * PRICE)


@case
def a_lost_answer_that_would_have_been_the_result_keeps_nobody_waiting():
    with world() as (d, s):
        for fault in ({"status": 504}, {"lost": True}, {"say": {"state": "broken", "error": {"code": "late", "message": "timed out"}}}):  # a rule says `lost` of the third
            d.fault("make", **fault)
            began = time.monotonic()
            made = s.wait(s.submit("double/sync", {"prompt": "a"}))
            ended(d, s, made, "provider_failed", ("lost on the way", "not known"))
            equal(made["attempts"], 1)
            expect(time.monotonic() - began < 30, "it waited for its deadline")
        equal(d.count("make"), 3)


@case
def a_provider_that_says_it_timed_out_is_not_asked_twice():
    late = {"status": 200, "json": {"state": "broken", "error": {"code": "late", "message": "timed out"}}}
    with world() as (d, s):
        d.fault("submit", **late)
        id = s.submit("double/blind", {"prompt": "a"})
        made = until(s, id, lambda g: g.get("status_detail"))
        equal((made["status_detail"], made["attempts"], d.count("submit")), ("confirming with provider", 1, 1))
        s.cli("generations", "resolve", id, key="admin")
        equal(s.wait(id)["error"]["charged_micros"], 0)
        d.fault("submit", **late)  # it knows our reference: sent again, nothing made twice
        made = s.wait(s.submit("double/idem", {"prompt": "a"}))
        equal((made["status"], made["attempts"], d.count("submit")), ("completed", 1, 3))
        paid(d, s, PRICE)


@case
def blind_is_unresolved_until_somebody_says():
    with world() as (d, s):
        d.fault("submit", lost=True)
        id = s.submit("double/blind", {"prompt": "a"})
        made = until(s, id, lambda g: g.get("status_detail"))
        equal((made["status"], made["status_detail"], made["held_micros"]), ("processing", "confirming with provider", PRICE))
        s.cli("generations", "resolve", id, key="admin")
        made = s.wait(id)
        equal((made["status"], made["error"]["charged_micros"]), ("failed", 0))
        equal((d.count("submit"), len(d.works)), (1, 1))
        paid(d, s, 0)


@case
def the_deadline_ends_what_does_not_end():
    with world(deadline="2s") as (d, s):
        d.polls_until_done = 10 ** 9
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))
        equal((made["status"], made["error"]["code"]), ("failed", "deadline_exceeded"))
        expect("nothing was charged" in made["error"]["detail"], made)
        paid(d, s, 0)


@case
def what_comes_after_the_deadline_is_kept_and_free():
    with world(deadline="1s") as (d, s):
        d.polls_until_done = 10 ** 9
        id = s.submit("double/blind", {"prompt": "a", "n": 2})
        equal(s.wait(id)["error"]["code"], "deadline_exceeded")
        d.polls_until_done = 1
        made = until(s, id, lambda g: g["outputs"])
        equal((made["status"], len(made["outputs"]), made["billed_micros"]), ("failed", 2, 0))
        equal(s.fetch(made["outputs"][0]["url"]).body, d.picture)
        expect(b"late_output" in s.get("/v1/generations/%s/events" % id).body, "it was not announced")
        paid(d, s, 0)


@case
def cancel_at_each_step():
    with world() as (d, s):
        with d.hold("submit") as at:  # on its way: released once the provider has confirmed
            id = s.submit("double/blind", {"prompt": "a"})
            at.wait()
            equal(s.post("/v1/generations/%s/cancel" % id, {}).json["status"], "processing")
        equal(s.wait(id)["status"], "cancelled")
        d.polls_until_done = 10 ** 9
        id = s.submit("double/blind", {"prompt": "a"})  # accepted
        until(s, id, lambda g: d.count("poll") > 0)
        s.post("/v1/generations/%s/cancel" % id, {})
        equal(s.wait(id)["status"], "cancelled")
        paid(d, s, 0)
        d.fault("cancel", refuse=True)  # not confirmed: it completes and is paid
        id = s.submit("double/blind", {"prompt": "a"})
        polls = d.count("poll")
        until(s, id, lambda g: d.count("poll") > polls)
        s.post("/v1/generations/%s/cancel" % id, {})
        until(s, id, lambda g: d.count("cancel") == 3)
        d.polls_until_done = 1
        equal(s.wait(id)["status"], "completed")
        paid(d, s, PRICE)
        with d.hold("file") as at:  # the result is there
            id = s.submit("double/blind", {"prompt": "a"})
            at.wait()
            s.post("/v1/generations/%s/cancel" % id, {})
        equal(s.wait(id)["status"], "completed")
        paid(d, s, 2 * PRICE)


@case
def outputs_that_come_otherwise():
    with world() as (d, s):
        sound = {"data": b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb\x90\x00" + b"\0" * 413, "type": "image/png"}
        page = {"data": b"<!doctype html><title>Not found</title>", "type": "image/png"}
        for wrong, type in ((sound, "audio/mpeg"), (page, "text/html")):  # nothing that the model makes: a fresh link is asked for, then it is the operator's cost
            d.fault("file", times=2, **wrong)
            results = d.count("result")
            made = s.wait(s.submit("double/blind", {"prompt": "a"}))
            equal((made["status"], made["error"]["code"], made["billed_micros"], made["outputs"], d.count("result") - results), ("failed", "output_lost", 0, [], 2))
            expect(type in made["error"]["detail"] and "Nothing was charged" in made["error"]["detail"], made["error"])
        d.fault("file", **page)  # the fresh link leads to the picture
        equal(s.wait(s.submit("double/blind", {"prompt": "a"}))["status"], "completed")
        d.fault("file", **sound)  # one of three: the others are billed
        made = s.wait(s.submit("double/blind", {"prompt": "a", "n": 3}))
        equal((made["status"], [o["media_type"] for o in made["outputs"]], made["billed_micros"]), ("completed", ["image/png"] * 2, 2 * PRICE))
        expect(any("audio/mpeg" in w and "neither kept nor billed" in w for w in made["meta"]["warnings"]) and any("outputs_missing" in w for w in made["meta"]["warnings"]), made["meta"])
        d.fault("file", data=b"\x00\x00\x00\x1cftypavif" + b"\0" * 400, type="image/avif")  # a type that nobody here knows may be right: kept, and said
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))
        equal((made["status"], made["outputs"][0]["media_type"]), ("completed", "application/octet-stream"))
        expect("application/octet-stream" in made["meta"]["warnings"][0], made["meta"])
        d.fault("result", fewer=1)  # fewer than asked for: only these are billed
        made = s.wait(s.submit("double/blind", {"prompt": "a", "n": 3}))
        equal((made["status"], len(made["outputs"]), made["billed_micros"]), ("completed", 2, 2 * PRICE))
        expect("outputs_missing" in made["meta"]["warnings"][0], made["meta"])
        d.fault("file", status=410)  # a dead link: a fresh one is asked for
        results = d.count("result")
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))
        equal((made["status"], d.count("result") - results), ("completed", 2))
        d.fault("file", status=404, times=2)  # no link any more
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))
        equal((made["status"], made["error"]["code"]), ("failed", "output_lost"))
        d.picture = png(64, 48, b"x" * 700_000)  # a download that breaks goes on where it stopped
        d.fault("file", cut=400_000)
        files = d.count("file")
        made = s.wait(s.submit("double/blind", {"prompt": "a"}))
        equal((made["status"], made["outputs"][0]["sha256"], d.count("file") - files), ("completed", sha256(d.picture), 2))
        expect(d.last("file")["headers"].get("Range", "").startswith("bytes="), d.last("file"))
        for odd in ({"shift": -5}, {"shift": 5}, {"longer": 3}):  # it goes on somewhere else, or in another file: all of it once more
            d.fault("file", cut=400_000)
            d.fault("file", **odd)
            files = d.count("file")
            made = s.wait(s.submit("double/blind", {"prompt": "a"}))
            equal((odd, made["status"], made["outputs"][0]["sha256"], d.count("file") - files), (odd, "completed", sha256(d.picture), 3))
            equal(d.last("file")["headers"].get("Range"), None)


@case
def the_callers_own_path_to_the_output():
    with world() as (d, s):
        reply = s.post("/v1/generations", {"model": "double/blind", "inputs": {"prompt": "a", "n": 2}, "output_url_path": "files[1].url"})
        made = s.wait(reply.json["id"])
        equal((made["status"], len(made["outputs"]), made["billed_micros"]), ("completed", 1, PRICE))
        expect(d.last("file")["path"].endswith("/1"), d.last("file"))
        reply = s.post("/v1/generations", {"model": "double/blind", "inputs": {"prompt": "a"}, "output_url_path": "nowhere[0].url"})
        made = s.wait(reply.json["id"])  # it misses: the usual places are looked at, and that is said
        equal((made["status"], len(made["outputs"])), ("completed", 1))
        expect("nowhere[0].url" in made["meta"]["warnings"][0], made["meta"])


@case
def megabytes_of_base64():
    with world() as (d, s):
        d.picture = png(64, 48, bytes(range(256)) * 12_000)
        made = s.wait(s.submit("double/sync", {"prompt": "a", "n": 2}))
        equal((made["status"], [o["sha256"] for o in made["outputs"]]), ("completed", [sha256(d.picture)] * 2))


@case
def files_are_handed_over():
    with world() as (d, s):
        picture = png(32, 16, b"y" * 500_000)
        equal(s.call("PUT", "/v1/drive/files/in.png", picture, key="live").status // 100, 2)
        made = s.wait(s.submit("double/upload", {"prompt": "a", "image": "in.png"}))
        equal(made["status"], "completed")
        expect(picture in d.last("upload")["body"], "the file was not sent whole")
        expect(b'"image":"up-1"' in d.last("submit")["body"], d.last("submit")["body"])
        made = s.wait(s.submit("double/data", {"prompt": "a", "image": "in.png"}))
        equal(made["status"], "completed")
        expect(b"data:image/png;base64," + base64.b64encode(picture) in d.last("submit")["body"], "the file was not sent whole")


@case
def the_trace_goes_on_and_the_key_stays_here():
    with world() as (d, s):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        reply = s.post("/v1/generations", {"model": "double/blind", "inputs": {"prompt": "a"}}, headers={"traceparent": trace})
        equal(s.wait(reply.json["id"])["status"], "completed")
        head = d.last("submit")["headers"]
        expect(head.get("traceparent", "").split("-")[1] == trace.split("-")[1], head)
        equal(head["Authorization"], "Key double-secret")
        equal(d.last("file")["headers"].get("Authorization"), None)
        expect("double-secret" not in s.log(), "the key is in the log")


run()
