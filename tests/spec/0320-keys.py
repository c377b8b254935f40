#!/usr/bin/env python3
"""Who may call: keys that are missing, malformed, wrong, revoked or foreign; the two books that never mix; keys from web pages."""
import json

from harness import Unmoved, case, each_store, equal, expect, refusal, run, shared

CALL = {"model": "puras/sketch", "inputs": {"prompt": "a key"}}
KEYED = [("GET", "/v1/balance"), ("GET", "/v1/billing/balance"), ("GET", "/v1/models"), ("GET", "/v1/models/puras/sketch"), ("GET", "/v1/generations"),
         ("GET", "/v1/generations/" + "0" * 32), ("GET", "/v1/generations/%s/events" % ("0" * 32)), ("POST", "/v1/generations/%s/cancel" % ("0" * 32)),
         ("GET", "/v1/usage_events"), ("GET", "/v1/ledger"), ("GET", "/v1/ledger/audit"), ("GET", "/v1/drive"), ("GET", "/v1/drive/files/a.png"),
         ("PUT", "/v1/drive/files/a.png"), ("DELETE", "/v1/drive/files/a.png"), ("POST", "/v1/drive/sign"), ("POST", "/v1/media/generate"), ("POST", "/v1/generations"),
         ("POST", "/v1/quote"), ("POST", "/v1/top-up"), ("GET", "/v1/projects"), ("POST", "/v1/projects"), ("GET", "/v1/keys"), ("POST", "/v1/keys"),
         ("DELETE", "/v1/keys/aaaaaaaa"), ("POST", "/v1/keys/aaaaaaaa/revoke"), ("POST", "/v1/keys/aaaaaaaa/rotate"), ("PATCH", "/v1/projects/x"), ("POST", "/v1/adjustments"), ("GET", "/v1/secrets"), ("PUT", "/v1/secrets"),
         ("DELETE", "/v1/secrets/X"), ("POST", "/v1/drive/upload"), ("GET", "/v1/usage_events?group=day")]
PUBLIC = ["/health", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/pricing"]


def body_of(method):
    return dict(CALL, usd=1, path="a.png", name="x", kind="live") if method == "POST" else b"x" if method == "PUT" else None


def new_project(s, name="other"):
    project = s.post("/v1/projects", {"name": name}, key="admin").json["id"]
    return project, {kind: s.post("/v1/keys", {"kind": kind, "project": project}, key="admin").json["key"] for kind in ("live", "test")}


@each_store
def no_key_opens_nothing(s):
    with Unmoved(s):
        for method, path in KEYED:
            reply = s.call(method, path, body_of(method))
            refusal(reply, 401, "unauthenticated")
            expect(reply.headers["WWW-Authenticate"].startswith("Bearer"), reply.headers)
    for path in PUBLIC:
        equal(s.get(path, key=None).status, 200)
        equal(s.get(path, key="puras_live_aaaaaaaa.wrong").status, 200)


@each_store
def wrong_keys_open_nothing(s):
    prefix, secret = s.live.rsplit(".", 1)
    other = s.test.rsplit(".", 1)
    wrong = [prefix + "." + secret[:-1], prefix + "." + secret + "a", prefix + "." + secret[:-1] + ("a" if secret[-1] != "a" else "b"), prefix, prefix + ".", "." + secret, secret,
             prefix + "." + other[1], other[0] + "." + secret, s.live.replace("live", "test", 1), s.live.replace("live", "admin", 1), s.test.replace("test", "live", 1), s.live.upper(),
             "puras_live_00000000." + secret, "x", "puras_", "puras_live_", "." * 100, "a" * 5000, "puras_live_%s.%s" % ("a" * 3000, "b" * 3000), s.live + " ", s.live + "," + s.test,
             s.live + " " + s.live, "\xfc" * 20, "' or 1=1 --", "%s%n", "puras_live_../../etc.x"]
    with Unmoved(s):
        for key in wrong:
            if key == s.live + " ":  # blanks around a header's value are no part of it
                continue
            for header in ({"Authorization": "Bearer " + key}, {"X-API-Key": key}):
                reply = s.post("/v1/generations", CALL, key=None, headers=header)
                if reply.status != 401:
                    raise AssertionError("%r opened: %r" % (key, reply))
                refusal(reply, 401, "unauthenticated")
                expect(key not in reply.body.decode() or len(key) < 30, reply)
        for header in ("", "Bearer", "Bearer ", "Basic " + s.live, "bearer", s.live, "Token " + s.live, "Bearer: " + s.live):
            refusal(s.post("/v1/generations", CALL, key=None, headers={"Authorization": header}), 401, "unauthenticated")


@case
def the_key_is_read_from_two_headers():
    s = shared("sqlite")
    for header in ({"Authorization": "Bearer " + s.live}, {"authorization": "bearer   " + s.live}, {"X-API-Key": s.live}, {"x-api-key": " %s " % s.live},
                   {"Authorization": "Bearer " + s.live, "X-API-Key": s.live}):
        equal(s.get("/v1/balance", key=None, headers=header).json["book"], "live")
    both = {"Authorization": "Bearer " + s.live, "X-API-Key": s.test}
    refusal(s.get("/v1/balance", key=None, headers=both), 400, "bad_request")
    # a key in the query is no key: it would stand in logs
    refusal(s.get("/v1/balance?api_key=%s&key=%s" % (s.live, s.live), key=None), 401, "unauthenticated")


@each_store
def a_revoked_key_ends_at_once(s):
    made = s.post("/v1/keys", {"kind": "live", "name": "short"}, key="admin")
    equal(made.status, 201)
    key = made.json["key"]
    equal(s.get("/v1/balance", key=key).status, 200)
    listed = s.get("/v1/keys", key="admin")
    expect(key not in listed.body.decode() and key.rsplit(".", 1)[1] not in listed.body.decode(), "the secret is listed")
    expect(made.json["prefix"] in [k["prefix"] for k in listed.json["keys"]], listed)
    equal(s.call("DELETE", "/v1/keys/" + made.json["prefix"], key="admin").status, 200)
    refusal(s.get("/v1/balance", key=key), 401, "unauthenticated")
    refusal(s.post("/v1/generations", CALL, key=key), 401, "unauthenticated")
    expect(any(k["prefix"] == made.json["prefix"] and k["revoked_at"] for k in s.get("/v1/keys", key="admin").json["keys"]), "not listed as revoked")
    refusal(s.call("DELETE", "/v1/keys/zzzzzzzz", key="admin"), 404, "not_found")
    again = s.post("/v1/keys/%s/revoke" % made.json["prefix"], {}, key="admin")
    expect(again.status in (200, 409), again)


@each_store
def scopes_of_the_three_kinds(s):
    admin_only = [("GET", "/v1/ledger/audit", None), ("GET", "/v1/projects", None), ("POST", "/v1/projects", {"name": "x"}), ("GET", "/v1/keys", None),
                  ("POST", "/v1/keys", {"kind": "admin"}), ("DELETE", "/v1/keys/" + "a" * 8, None)]
    with Unmoved(s):
        for key in ("live", "test"):
            for method, path, body in admin_only:
                refusal(s.call(method, path, body, key=key), 403, "forbidden")
        for route in ("/v1/generations", "/v1/media/generate"):
            refusal(s.post(route, CALL, key="admin"), 403, "forbidden")
        refusal(s.post("/v1/top-up", {"usd": 5}, key="live"), 403, "forbidden")
        equal(s.post("/v1/quote", CALL, key="admin").json["quoted_micros"], 10000)


@each_store
def the_books_never_mix(s):
    before = {k: s.balance(k) for k in ("live", "test")}
    live = s.post("/v1/media/generate", CALL, key="live").json["request_id"]
    equal((s.balance("live"), s.balance("test")), (before["live"] - 10000, before["test"]))
    test = s.post("/v1/media/generate", CALL, key="test").json["request_id"]
    equal((s.balance("live"), s.balance("test")), (before["live"] - 10000, before["test"] - 10000))
    for key, own, foreign in (("live", live, test), ("test", test, live)):
        equal(s.get("/v1/generations/" + own, key=key).json["book"], key)
        refusal(s.get("/v1/generations/" + foreign, key=key), 404, "not_found")
        refusal(s.get("/v1/generations/%s/events" % foreign, key=key), 404, "not_found")
        refusal(s.post("/v1/generations/%s/cancel" % foreign, {}, key=key), 404, "not_found")
        for path, name, word in (("generations", "generations", "id"), ("usage_events", "usage_events", "generation_id"), ("ledger", "transfers", "generation_id")):
            ids = {row[word] for row in s.get("/v1/" + path + "?limit=200", key=key).json[name]}
            expect(own in ids and foreign not in ids, (path, key))
        equal({row["book"] for row in s.get("/v1/ledger?limit=200", key=key).json["transfers"]}, {key})
    # the same idempotency key is two keys in two books
    ids = {s.post("/v1/generations", CALL, key=k, headers={"Idempotency-Key": "both"}).json["id"] for k in ("live", "test")}
    equal(len(ids), 2)
    for i, key in zip([s.post("/v1/generations", CALL, key=k, headers={"Idempotency-Key": "both"}).json["id"] for k in ("live", "test")], ("live", "test")):
        expect(i in ids and s.wait(i, key=key)["status"] == "completed", i)
    s.audit()


@each_store
def another_project_sees_nothing(s):
    project, keys = new_project(s)
    mine = s.post("/v1/media/generate", CALL).json
    for key in keys.values():
        gen = "/v1/generations/" + mine["request_id"]
        refusal(s.get(gen, key=key), 404, "not_found")
        refusal(s.get(gen + "/events", key=key), 404, "not_found")
        refusal(s.post(gen + "/cancel", {}, key=key), 404, "not_found")
        refusal(s.get("/v1/drive/files/" + mine["drive_path"], key=key), 404, "not_found")
        refusal(s.call("DELETE", "/v1/drive/files/" + mine["drive_path"], key=key), 404, "not_found")
        refusal(s.post("/v1/drive/sign", {"path": mine["drive_path"]}, key=key), 404, "not_found")
        own = s.get("/v1/balance", key="live").json["project_id"]
        refusal(s.post("/v1/drive/sign", {"path": "%s/%s" % (own, mine["drive_path"])}, key=key), 404, "not_found")
        refusal(s.post("/v1/drive/sign", {"path": mine["drive_path"], "project_id": own}, key=key), 403, "forbidden")
        refusal(s.post("/v1/media/generate", dict(CALL, project_id=own), key=key), 403, "forbidden")
        equal(s.get("/v1/drive", key=key).json["files"], [])
        equal(s.get("/v1/generations", key=key).json["generations"], [])
        equal(s.get("/v1/ledger", key=key).json["transfers"], [])
        equal(s.get("/v1/balance", key=key).json["project_id"], project)
    equal(s.get("/v1/drive/files/" + mine["drive_path"]).status, 200)
    # an idempotency key and a quote of one project mean nothing in another
    used = {"Idempotency-Key": "shared-name"}
    first = s.post("/v1/generations", CALL, headers=used).json["id"]
    refusal(s.post("/v1/generations", CALL, key=keys["live"], headers=used), 402, "insufficient_credits")
    s.wait(first)
    refusal(s.post("/v1/keys", {"kind": "live", "project": "f" * 32}, key="admin"), 404, "not_found")
    refusal(s.get("/v1/keys?project=" + "f" * 32, key="admin"), 404, "not_found")
    s.audit()


@case
def a_key_from_a_web_page_is_refused():
    s = shared("sqlite")
    with Unmoved(s):
        for header in ({"Authorization": "Bearer " + s.live}, {"X-API-Key": s.live}, {"Authorization": "Bearer wrong"}):
            for origin in ("https://example.com", "null", s.url):
                reply = s.post("/v1/generations", CALL, key=None, headers=dict(header, Origin=origin))
                refusal(reply, 403, "forbidden")
                expect(not [h for h in reply.headers if h.lower().startswith("access-control-")], reply.headers)
        for path in ("/v1/media/generate", "/v1/top-up", "/v1/keys"):  # consent is for the routes of publishable keys alone (0710)
            reply = s.call("OPTIONS", path, headers={"Origin": "https://example.com", "Access-Control-Request-Method": "POST"})
            equal(reply.status, 405)
            expect(not [h for h in reply.headers if h.lower().startswith("access-control-")], reply.headers)
    equal(s.get("/v1/pricing", key=None, headers={"Origin": "https://example.com"}).status, 200)


@case
def no_secret_reaches_log_or_answer():
    s = shared("sqlite")
    s.get("/v1/balance?sig=%s" % s.live, key="live")
    s.get("/v1/nothing/" + "x", key="live")
    log = s.log()
    for key in (s.live, s.test, s.admin):
        expect(key not in log and key.rsplit(".", 1)[1] not in log, "a key stands in the log")
    json.loads(s.get("/openapi.json", key=None).body)


run()
