#!/usr/bin/env python3
"""Keys that stand in web pages: what they may, from where, and that they show nothing but what they submitted."""
import base64
import os
import sqlite3

from harness import Server, Unmoved, case, equal, expect, refusal, run, shared

PAGE, OTHER = "https://app.example", "https://evil.example"
CALL = {"model": "puras/sketch", "inputs": {"prompt": "two red boats", "size": "64x64"}}
KEY = {"kind": "pub", "models": ["puras/sketch", "puras/sketch-edit"], "origins": [PAGE, "http://localhost:3000"], "day_cap_usd": 0.5}


def key(s, **more):
    return s.post("/v1/keys", dict(KEY, **more), key="admin").json["key"]


def page(s, method, path, body=None, own=None, origin=PAGE, token=None):
    head = {}
    if origin:
        head["Origin"] = origin
    if token:
        head["X-Puras-Read-Token"] = token
    return s.call(method, path, body, key=own, headers=head)


def allowed(reply, origin=PAGE):
    equal(reply.headers["Access-Control-Allow-Origin"], origin)
    expect("Origin" in reply.headers["Vary"], reply.headers)
    return reply


@case
def a_page_submits_and_reads_what_it_submitted():
    s = shared("sqlite")
    own = key(s)
    expect(own.startswith("puras_pub_"), own)
    before = s.balance()
    made = allowed(page(s, "POST", "/v1/generations", CALL, own))
    equal(made.status, 202)
    token, path = made.json["read_token"], "/v1/generations/" + made.json["id"]
    done = allowed(page(s, "GET", path + "?wait=30", own=own, token=token))
    equal((done.json["status"], before - s.balance()), ("completed", 10000))
    link = done.json["outputs"][0]["url"]
    equal(s.call("GET", link[len(s.url):], headers={"Origin": PAGE}).headers["Access-Control-Allow-Origin"], "*")
    events = allowed(page(s, "GET", path + "/events", own=own, token=token))
    expect(b"event: completed" in events.body, events)
    allowed(page(s, "POST", "/v1/quote", CALL, own))
    equal(allowed(page(s, "GET", "/v1/models", own=own)).status, 200)
    equal(page(s, "GET", path, own=own, origin=None, token=token).status, 200)  # the page of this very server sends none with a read
    test = page(s, "POST", "/v1/generations", CALL, key(s, kind="pubtest")).json
    equal(test["book"], "test")
    s.audit()


@case
def only_what_was_submitted_and_only_with_its_token():
    s = shared("sqlite")
    own, other = key(s), key(s)
    mine = page(s, "POST", "/v1/generations", CALL, own).json
    theirs = page(s, "POST", "/v1/generations", CALL, other).json
    secret = s.submit("puras/sketch", CALL["inputs"])
    for id, token in ((mine["id"], None), (mine["id"], "x"), (mine["id"], theirs["read_token"]), (theirs["id"], theirs["read_token"]), (secret, None), (secret, mine["read_token"]),
                      (mine["id"], mine["read_token"][:-1])):
        for method, path, body in (("GET", "", None), ("GET", "/events", None), ("POST", "/cancel", {})):
            refusal(page(s, method, "/v1/generations/" + id + path, body, own, token=token), 404, "not_found")


@case
def everything_else_is_closed():
    s = shared("sqlite")
    own = key(s)
    with Unmoved(s):
        for method, path, body in (("GET", "/v1/generations", None), ("GET", "/v1/balance", None), ("GET", "/v1/ledger", None), ("GET", "/v1/usage_events", None), ("GET", "/v1/drive", None),
                                   ("POST", "/v1/drive/sign", {"path": "a.png"}), ("GET", "/v1/drive/files/a.png", None), ("PUT", "/v1/drive/files/a.png", b"x"),
                                   ("DELETE", "/v1/drive/files/a.png", None), ("GET", "/v1/secrets", None), ("GET", "/v1/keys", None), ("POST", "/v1/top-up", {"usd": 1}),
                                   ("POST", "/v1/media/generate", CALL), ("POST", "/v1/images/generations", {"model": "puras/sketch", "prompt": "x"}), ("POST", "/v1/service-tokens", {})):
            reply = page(s, method, path, body, own)
            equal((reply.status, path), (403, path))
        for origin in (OTHER, "null", PAGE + ".evil.example", "http://app.example", "https://APP.example", PAGE + "/"):
            reply = page(s, "POST", "/v1/generations", CALL, own, origin=origin)
            refusal(reply, 403, "forbidden")
            expect("Access-Control-Allow-Origin" not in reply.headers, reply.headers)
        refusal(page(s, "POST", "/v1/generations", CALL, own, origin=None), 403, "forbidden")
        refusal(page(s, "POST", "/v1/generations", dict(CALL, model="puras/tune", inputs={"prompt": "x"}), own), 403, "forbidden")
        refusal(page(s, "POST", "/v1/generations", dict(CALL, output_path="over.png"), own), 403, "forbidden")
        for live in (s.live, s.test, s.admin):
            reply = page(s, "POST", "/v1/generations", CALL, live)
            refusal(reply, 403, "forbidden")
            expect("Access-Control-Allow-Origin" not in reply.headers, reply.headers)


@case
def files_of_the_project_are_not_shown_by_their_path():
    s = shared("sqlite")
    own = key(s)
    made = s.post("/v1/media/generate", dict(CALL, output_path="private.png")).json
    edit = {"model": "puras/sketch-edit", "inputs": {"prompt": "warmer"}}
    with Unmoved(s):
        for image in ("private.png", {"drive_path": "private.png"}, {"path": "private.png"}, ["private.png"]):
            refusal(page(s, "POST", "/v1/generations", dict(edit, inputs={"prompt": "x", "image": image}), own), 403, "forbidden")
    png = s.fetch(made["output_url"]).body
    for image in (made["output_url"], "data:image/png;base64," + base64.b64encode(png).decode()):
        reply = page(s, "POST", "/v1/generations", dict(edit, inputs={"prompt": "x", "image": image}), own)
        equal(reply.status, 202)


@case
def caps_hold():
    s = shared("sqlite")
    own = key(s, day_cap_usd=0.015)
    equal(page(s, "POST", "/v1/generations", CALL, own).status, 202)
    refused = allowed(page(s, "POST", "/v1/generations", CALL, own))
    equal(refusal(refused, 402, "spend_cap_reached")["cap_micros"], 15000)


@case
def a_key_from_before_there_was_a_class_is_bound_too():
    with Server() as s:
        made = s.post("/v1/keys", KEY, key="admin").json
        s.stop()
        with sqlite3.connect(os.path.join(s.data, "puras.db")) as db:
            equal(db.execute("update api_key set rate_class = '' where id = ?", (made["prefix"],)).rowcount, 1)
        s.start()
        equal(page(s, "GET", "/v1/models", own=made["key"]).headers["RateLimit-Limit"], "1200")
        equal(page(s, "POST", "/v1/generations", CALL, made["key"]).headers["RateLimit-Limit"], "60")
        equal({k["prefix"]: k["rate_class"] for k in s.get("/v1/keys", key="admin").json["keys"] if k["prefix"] == made["prefix"]}, {made["prefix"]: "page"})


@case
def what_browsers_ask_first():
    s = shared("sqlite")
    ask = {"Origin": OTHER, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    reply = s.call("OPTIONS", "/v1/generations", headers=ask)
    equal((reply.status, reply.headers["Access-Control-Allow-Origin"], reply.body), (204, OTHER, b""))
    expect("X-Puras-Read-Token" in reply.headers["Access-Control-Allow-Headers"], reply.headers)
    for path, head in (("/v1/balance", dict(ask, **{"Access-Control-Request-Method": "GET"})), ("/v1/media/generate", ask), ("/v1/generations", {"Origin": OTHER}), ("/nowhere", ask)):
        reply = s.call("OPTIONS", path, headers=head)
        expect(reply.status in (404, 405) and "Access-Control-Allow-Origin" not in reply.headers, reply)


@case
def a_publishable_key_needs_its_bounds():
    s = shared("sqlite")
    equal([s.post("/v1/keys", dict(KEY, **more), key="admin").json["rate_class"] for more in ({}, {"rate_class": "mcp"})], ["page", "mcp"])
    for change in ({"models": None}, {"models": []}, {"origins": None}, {"origins": []}, {"day_cap_usd": None}, {"origins": ["*"]}, {"origins": ["app.example"]}, {"origins": [PAGE + "/x"]},
                   {"origins": ["https://" + "a" * 600]}, {"kind": "live"}, {"kind": "publishable"}):
        refusal(s.post("/v1/keys", dict(KEY, **change), key="admin"), 400, "invalid_argument")
    made = s.post("/v1/keys", KEY, key="admin").json
    next_one = s.post("/v1/keys/%s/rotate" % made["prefix"], {}, key="admin").json
    equal((next_one["kind"], next_one["origins"], next_one["models"]), ("pub", KEY["origins"], KEY["models"]))
    out = s.cli("keys", "create", "--kind", "pub", "--model", "puras/sketch", "--origin", PAGE, "--day-cap", "1", key="admin")
    equal(page(s, "POST", "/v1/generations", CALL, out.strip()).status, 202)


run()
