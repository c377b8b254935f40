#!/usr/bin/env python3
"""POST /v1/media/generate: the call that existing callers make, with the keys, the words and the errors that they know."""
import json

from harness import Unmoved, case, each_store, equal, expect, refusal, run, shared

KEYS = {"model", "kind", "drive_path", "output_url", "request_id", "billed_micros", "billed_usd", "meta"}
INPUTS = {"prompt": "a seed in the ground", "size": "64x64"}


def call(s, status=200, key="live", headers=None, **more):
    reply = s.post("/v1/media/generate", dict({"model": "puras/sketch", "inputs": INPUTS}, **more), key=key, headers=headers)
    if reply.status != status:
        raise AssertionError("%r: expected %d, seen %r" % (more, status, reply))
    return reply


@each_store
def the_answer_has_these_keys_and_no_others(s):
    before = s.balance()
    made = call(s).json
    equal(set(made), KEYS)
    equal((made["model"], made["kind"], made["billed_micros"], made["billed_usd"]), ("puras/sketch", "image", 10000, 0.01))
    expect(len(made["request_id"]) == 32 and set(made["request_id"]) <= set("0123456789abcdef"), made)
    equal(made["drive_path"], "media/%s.png" % made["request_id"])
    expect(made["output_url"].startswith(s.url + "/v1/drive/files/" + made["drive_path"] + "?exp="), made)
    expect(isinstance(made["meta"], dict) and "warnings" not in made["meta"], made)
    equal(s.fetch(made["output_url"]).headers["Content-Type"], "image/png")
    equal(s.balance(), before - 10000)
    s.audit()


@each_store
def the_tenant_may_be_named_in_two_words(s):
    project = s.get("/v1/balance").json["project_id"]
    for named in ({}, {"project_id": project}, {"workspace_id": project}, {"project_id": project, "workspace_id": project}, {"project_id": None}, {"workspace_id": ""}):
        call(s, **named)
    with Unmoved(s):
        for name in ("project_id", "workspace_id"):
            for value in ("someone-else", project[:-1], project + "x", project.upper() + "x", "*"):
                equal(refusal(call(s, 403, **{name: value}), 403, "forbidden")["field"], name)
            refusal(call(s, 400, **{name: 5}), 400, "invalid_argument")
        refusal(call(s, 403, project_id=project, workspace_id="someone-else"), 403, "forbidden")


@case
def members_it_does_not_know_are_ignored():
    s = shared("sqlite")
    made = call(s, verb="image", job_id="job-7", stream=True, whatever={"a": [1, None]}, webhook_url="https://example.com/", n=4).json
    equal((set(made), made["billed_micros"]), (KEYS, 10000))
    made = call(s, inputs=dict(INPUTS, steps=50, guidance_scale=7.5, unknown={"deep": [1, 2]})).json
    equal(made["billed_micros"], 10000)
    stored = s.get("/v1/generations/" + made["request_id"]).json["inputs"]
    equal((stored["steps"], stored["guidance_scale"], stored["unknown"]), (50, 7.5, {"deep": [1, 2]}))


@case
def a_wrong_kind_is_echoed_with_a_warning():
    s = shared("sqlite")
    for kind in ("video", "audio", "text"):
        made = call(s, kind=kind).json
        equal(made["kind"], kind)
        expect(any(kind in w and "image" in w for w in made["meta"]["warnings"]), made)
        equal(s.get("/v1/drive/files/" + made["drive_path"]).headers["Content-Type"], "image/png")
    for kind in ("image", "auto", "", None):
        made = call(s, kind=kind).json
        equal(made["kind"], "image")
        expect("warnings" not in made["meta"], made)
    equal(call(s, kind="auto", verb="video").json["kind"], "video")  # the verb of newer clients
    equal(call(s, kind="image", verb="video").json["kind"], "image")
    with Unmoved(s):
        for kind in ("picture", "IMAGE ", 5, ["image"]):
            refusal(call(s, 400, kind=kind), 400, "invalid_argument")


@each_store
def the_caller_may_name_the_path(s):
    for path in ("a.png", "/b.png", "shots/day one/bär 100%.png", "deep/er/and/deeper/x"):
        made = call(s, output_path=path).json
        expect(made["drive_path"] == path.lstrip("/") or made["drive_path"].startswith(path.lstrip("/")), made)
        equal(s.get("/v1/drive/files/" + "".join(c if c.isalnum() and c.isascii() or c in "/." else "".join("%%%02X" % b for b in c.encode()) for c in made["drive_path"])).status, 200)
        equal(s.fetch(made["output_url"]).status, 200)
    with Unmoved(s):
        for path in ("../a.png", "/../a.png", "a/../b.png", "a//b.png", "./a.png", "a/", "x" * 256 + ".png", "..", ".", "a/./b", "a\x01b", "a\nb"):
            reply = s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": INPUTS, "output_path": path})
            if reply.status != 400:
                raise AssertionError("%r: %r" % (path, reply))
            equal(refusal(reply, 400, "bad_path")["field"], "output_path")
        refusal(s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": INPUTS, "output_path": "a\x00b.png"}), 400, "bad_json")
    # the last finished writer wins; what it replaced stays reachable by its generation's own link
    first, second = (call(s, output_path="same.png", inputs=dict(INPUTS, seed=n)).json for n in (1, 2))
    shown = s.get("/v1/drive/files/same.png").body
    equal(s.fetch(second["output_url"]).body, shown)
    equal(s.fetch(first["output_url"]).status, 200)
    expect(s.fetch(first["output_url"]).body != shown, "the replaced file")
    s.audit()


@case
def persist_is_taken_and_the_file_is_kept():
    s = shared("sqlite")
    for more in ({"persist": True}, {"persist": False}, {"persist": None}, {}):
        made = call(s, **more).json
        equal(set(made), KEYS)
        equal(s.get("/v1/drive/files/" + made["drive_path"]).status, 200)
    for value in ("yes", 1, []):
        refusal(call(s, 400, persist=value), 400, "invalid_argument")


@case
def a_path_into_the_reply_that_misses_is_a_warning():
    s = shared("sqlite")
    made = call(s, output_url_path="data.images.0.url").json
    expect(any("output_url_path" in w for w in made["meta"]["warnings"]), made)
    equal((made["billed_micros"], s.get("/v1/drive/files/" + made["drive_path"]).status), (10000, 200))


@each_store
def a_caller_that_waits_only_so_long(s):
    with s.hold_renders():
        for prefer in ("wait=1", "respond-async", "respond-async, wait=1"):
            reply = call(s, 202, headers={"Prefer": prefer})
            i = reply.json["id"]
            equal((reply.json["status"], reply.headers["Location"]), ("processing", "%s/v1/generations/%s" % (s.url, i)))
            expect(reply.json["poll_after_s"] > 0 and reply.json["held_micros"] == 10000, reply)
    equal(s.wait(i)["status"], "completed")
    equal(call(s, 200, headers={"Prefer": "wait=60"}).json.keys(), KEYS)


@case
def several_files_are_listed():
    s = shared("sqlite")
    made = call(s, inputs=dict(INPUTS, n=3)).json
    equal((set(made), made["billed_micros"], len(made["outputs"])), (KEYS | {"outputs"}, 30000, 3))
    equal(made["drive_path"], made["outputs"][0]["drive_path"])
    equal(made["output_url"].split("?")[0], made["outputs"][0]["url"].split("?")[0])
    equal(len({o["drive_path"] for o in made["outputs"]}), 3)
    for o in made["outputs"]:
        equal((s.fetch(o["url"]).status, len(s.get("/v1/drive/files/" + o["drive_path"]).body)), (200, o["file_size"]))


@case
def errors_begin_with_a_short_sentence():
    s = shared("sqlite")
    long = "x" * 30000
    calls = [({"model": long[:200]}, "live"), ({"model": "puras/sketch", "inputs": {"prompt": "x", "format": long[:9000]}}, "live"),
             ({"model": "puras/sketch", "inputs": {"prompt": "x", "n": long[:9000]}}, "live"), ({"model": "puras/sketch", "inputs": {"prompt": "x", "size": [long[:9000]]}}, "live"),
             ({"model": "puras/sketch", "inputs": INPUTS, "output_path": "/" + long[:400]}, "live"), ({"model": "puras/sketch", "inputs": INPUTS, "kind": long[:30]}, "live"),
             ({"model": "puras/sketch", "inputs": INPUTS, "project_id": long[:100]}, "live"), ({"model": "puras/sketch", "inputs": INPUTS}, "admin"),
             ({"model": "puras/sketch", "inputs": {"prompt": "\U0001f600" * 9000}}, "live"), ({"model": "ü" * 90}, "live"),
             ({"model": "puras/sketch", "inputs": {"prompt": "x", "format": "\U0001f600" * 2000}}, "live"), ({"model": "puras/sketch", "inputs": {"prompt": "x", "n": "\"\\\n\x1b[31m" * 100}}, "live")]
    for body, key in calls:
        reply = s.post("/v1/media/generate", body, key=key)
        expect(400 <= reply.status < 500, (body, reply))
        refusal(reply, reply.status, reply.json["code"])
        end = reply.body.index(b'","code"')
        expect(end < 500, (end, reply))
        reply.body.decode("utf-8")
        expect("\x1b" not in reply.json["detail"], reply)
        json.loads(reply.body[:0] or reply.body)


@case
def a_failed_call_answers_the_error_itself():
    s = shared("sqlite")
    import threading

    seen = []
    with s.hold_renders():
        waiting = threading.Thread(target=lambda: seen.append(call_any(s)))
        waiting.start()
        i = None
        while not i:
            rows = s.get("/v1/generations?limit=1&state=processing").json["generations"]
            i = rows[0]["id"] if rows else None
        equal(s.post("/v1/generations/%s/cancel" % i, {}).json["status"], "cancelled")
        waiting.join()
    body = refusal(seen[0], 409, "cancelled")
    equal(body["generation_id"], i)


def call_any(s):
    return s.post("/v1/media/generate", {"model": "puras/sketch", "inputs": INPUTS})


run()
