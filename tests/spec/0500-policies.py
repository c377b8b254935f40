#!/usr/bin/env python3
"""What operators set: keys with scopes, models, caps, calls a minute and an end; rotation; limits; adjustments; secrets that are never shown; metadata, end
users and sums of usage."""
import json
import os
import pty
import select
import signal
import subprocess
import time
import urllib.parse

from harness import PURAS, Unmoved, case, each_store, equal, expect, refusal, run, shared

CALL = {"model": "puras/sketch", "inputs": {"prompt": "a policy", "size": "64x64"}}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def make_key(s, **more):
    reply = s.post("/v1/keys", dict({"kind": "live"}, **more), key="admin")
    equal(reply.status, 201)
    return reply.json


def render(s, key="live", **more):
    reply = s.post("/v1/media/generate", dict(CALL, **more), key=key)
    equal(reply.status, 200)
    return reply.json["request_id"]


@each_store
def scopes_bound_a_key(s):
    narrow = make_key(s, scopes=["read:balance"])
    equal(narrow["scopes"], ["read:balance"])
    key = narrow["key"]
    equal(s.get("/v1/balance", key=key).status, 200)
    mine = render(s)
    with Unmoved(s):
        for method, path, body, scope in (("POST", "/v1/generations", CALL, "generate:media"), ("POST", "/v1/media/generate", CALL, "generate:media"),
                                          ("GET", "/v1/generations/" + mine, None, "read:generations"), ("GET", "/v1/generations", None, "read:generations"),
                                          ("GET", "/v1/generations/%s/events" % mine, None, "read:generations"), ("GET", "/v1/drive", None, "drive"),
                                          ("PUT", "/v1/drive/files/x", b"x", "drive"), ("GET", "/v1/secrets", None, "admin")):
            expect(scope in refusal(s.call(method, path, body, key=key), 403, "forbidden")["detail"], (path, scope))
        # sound is another scope than pictures: the route lets the key in, the model does not
        sound = make_key(s, scopes=["generate:music", "generate:speech"])["key"]
        expect("generate:media" in refusal(s.post("/v1/generations", CALL, key=sound), 403, "forbidden")["detail"], "scope")
        refusal(s.post("/v1/keys", {"kind": "live", "scopes": ["everything"]}, key="admin"), 400, "invalid_argument")
    equal(s.get("/v1/projects", key=make_key(s, kind="admin", scopes=["read:balance"])["key"]).status, 403)
    render(s, key=make_key(s, scopes=["generate:media"])["key"])
    for scope, slug, other in (("generate:music", "puras/tune", "puras/voice"), ("generate:speech", "puras/voice", "puras/tune")):
        key = make_key(s, scopes=[scope, "read:generations"])["key"]
        told = refusal(s.post("/v1/generations", {"model": other, "inputs": {"text": "a"} if other == "puras/voice" else {"prompt": "a"}}, key=key), 403, "forbidden")
        expect(("generate:music" if scope == "generate:speech" else "generate:speech") in told["detail"], told)
        equal(s.post("/v1/generations", {"model": slug, "inputs": {"text": "a"} if slug == "puras/voice" else {"prompt": "a", "duration": 10}}, key=key).status, 202)


@each_store
def a_class_bounds_how_often(s):
    def left(reply):
        return tuple(int(reply.headers["RateLimit-" + name]) for name in ("Limit", "Remaining", "Reset"))

    made = make_key(s, rate_class="mcp")
    key, rotated = made["key"], s.post("/v1/keys/%s/rotate" % made["prefix"], {}, key="admin").json
    equal((made["rate_class"], rotated["rate_class"]), ("mcp", "mcp"))
    equal([k["rate_class"] for k in s.get("/v1/keys", key="admin").json["keys"] if k["prefix"] == made["prefix"]], ["mcp"])
    with Unmoved(s):
        refusal(s.post("/v1/keys", {"kind": "live", "rate_class": "often"}, key="admin"), 400, "invalid_argument")
        song = {"model": "puras/tune", "inputs": {"prompt": "x"}, "output_path": "../x"}  # counted, and refused
        for n in range(40):  # at ten a minute one comes back every six seconds
            reply = s.post("/v1/generations", song, key=key)
            if reply.status == 429:
                break
            equal((reply.status, left(reply)[0]), (400, 10))
        expect(n >= 10, n)
        body = refusal(reply, 429, "rate_limited")
        equal((body["retry"], int(reply.headers["Retry-After"]), left(reply)[:2]), ("after", body["retry_after_s"], (10, 0)))
        expect(1 <= body["retry_after_s"] <= 6 and 54 <= left(reply)[2] <= 60, (body, left(reply)))
        refusal(s.post("/v1/media/generate", song, key=key), 429, "rate_limited")  # the bound is the key's, not the route's
    # the other groups are as they were, and so is the key that was rotated to
    reply = s.post("/v1/media/generate", CALL, key=key)
    equal((reply.status, left(reply)[:2]), (200, (30, 29)))
    reply = s.get("/v1/balance", key=key)
    equal((reply.status, left(reply)[:2]), (200, (120, 119)))
    equal(s.post("/v1/generations", song, key=rotated["key"]).status, 400)
    expect("RateLimit-Limit" not in s.get("/v1/balance").headers, "a key without a class")
    s.audit()


@each_store
def models_and_caps_bound_a_key(s):
    with Unmoved(s):
        refusal(s.post("/v1/generations", CALL, key=make_key(s, models=["studio/"])["key"]), 403, "forbidden")
        body = refusal(s.post("/v1/generations", CALL, key=make_key(s, call_cap_usd="0.009999")["key"]), 402, "spend_cap_reached")
        equal((body["cap_micros"], body["required_micros"], body["retry"], body["retry_after_s"]), (9999, 10000, "never", None))
    render(s, key=make_key(s, models=["puras/"], call_cap_usd=0.01)["key"])
    daily = make_key(s, day_cap_usd=0.02)
    equal(daily["day_cap_micros"], 20000)
    for _ in range(2):
        render(s, key=daily["key"])
    with Unmoved(s):
        body = refusal(s.post("/v1/generations", CALL, key=daily["key"]), 402, "spend_cap_reached")
        equal((body["spent_micros"], body["retry"]), (20000, "after"))
    s.audit()


@each_store
def a_key_ends(s):
    short = make_key(s, expires_in_s=1)
    expect(short["expires_at"], short)
    equal(s.get("/v1/balance", key=short["key"]).status, 200)
    time.sleep(1.1)
    expect("expired" in refusal(s.get("/v1/balance", key=short["key"]), 401, "unauthenticated")["detail"], "sentence")
    refusal(s.post("/v1/keys", {"kind": "live", "expires_at": "2020-01-01"}, key="admin"), 400, "invalid_argument")
    equal(make_key(s, expires_at="2099-01-01T00:00:00+01:00")["expires_at"], "2098-12-31T23:00:00.000Z")
    refusal(s.post("/v1/keys/%s/rotate" % short["prefix"], {}, key="admin"), 409, "conflict")


@each_store
def rotation_keeps_the_policy(s):
    old = make_key(s, name="shop", scopes=["read:balance", "drive"], models=["puras/"], call_cap_usd=1)
    reply = s.post("/v1/keys/%s/rotate" % old["prefix"], {"overlap_s": 1}, key="admin")
    equal(reply.status, 201)
    new = reply.json
    equal([new[k] for k in ("kind", "name", "scopes", "models", "call_cap_micros", "rotated_from")], ["live", "shop", ["read:balance", "drive"], ["puras/"], 1000000, old["prefix"]])
    for key in (old["key"], new["key"]):
        equal(s.get("/v1/balance", key=key).status, 200)
    refusal(s.get("/v1/generations", key=new["key"]), 403, "forbidden")
    time.sleep(1.2)
    refusal(s.get("/v1/balance", key=old["key"]), 401, "unauthenticated")
    equal(s.get("/v1/balance", key=new["key"]).status, 200)
    refusal(s.post("/v1/keys/zzzzzzzz/rotate", {}, key="admin"), 404, "not_found")
    refusal(s.post("/v1/keys/%s/rotate" % new["prefix"], {}, key=new["key"]), 403, "forbidden")


@each_store
def limits_of_a_project(s):
    project = s.post("/v1/projects", {"name": "limited"}, key="admin").json["id"]
    equal(s.call("PATCH", "/v1/projects/" + project, {"run_limit": 2, "drive_limit": 1000, "retention_days": 30}, key="admin").json,
          {"id": project, "run_limit": 2, "drive_limit": 1000, "retention_days": 30})
    s.call("PATCH", "/v1/projects/" + project, {"retention_days": 0}, key="admin")
    row = [p for p in s.get("/v1/projects", key="admin").json["projects"] if p["id"] == project][0]
    equal((row["run_limit"], row["drive_limit"], row["retention_days"]), (2, 1000, 0))
    key = make_key(s, project=project)["key"]
    refusal(s.call("PUT", "/v1/drive/files/big", b"x" * 2000, key=key), 507, "drive_full")
    refusal(s.call("PATCH", "/v1/projects/" + "f" * 32, {"run_limit": 2}, key="admin"), 404, "not_found")


@each_store
def adjustments_are_transfers(s):
    before = s.balance()
    given = s.post("/v1/adjustments", {"book": "live", "usd": "0.5", "reason": "a gift"}, key="admin", headers={"Idempotency-Key": "gift"})
    equal((given.status, given.json["amount_micros"], given.json["reason"]), (200, 500000, "a gift"))
    again = s.post("/v1/adjustments", {"book": "live", "usd": "0.5", "reason": "a gift"}, key="admin", headers={"Idempotency-Key": "gift"})
    equal((again.status, again.json["id"]), (200, given.json["id"]))
    equal(s.balance(), before + 500000)
    equal(s.post("/v1/adjustments", {"book": "live", "usd": -0.5, "reason": "taken back"}, key="admin").status, 200)
    equal(s.balance(), before)
    top = s.get("/v1/ledger?limit=2").json["transfers"]
    equal([(t["reason"], t["author"]) for t in top], [("taken back", s.admin.split("_")[2].split(".")[0]), ("a gift", s.admin.split("_")[2].split(".")[0])])
    expect(s.post("/v1/adjustments", {"book": "live", "usd": -1000000, "reason": "too much"}, key="admin").status in (402, 409), "a book below zero")
    refusal(s.post("/v1/adjustments", {"book": "live", "usd": 1, "reason": "self"}, key="live"), 403, "forbidden")
    s.audit()


@each_store
def secrets_are_never_shown(s):
    value = "hush-%s-hush" % ("z" * 40)
    put = s.call("PUT", "/v1/secrets", {"name": "FAL_KEY", "value": value}, key="live")
    equal((put.status, put.json["name"]), (200, "FAL_KEY"))
    seen = [put.body, s.get("/v1/secrets").body, s.get("/v1/secrets", key="admin").body, s.call("PUT", "/v1/secrets", {"name": "PATH", "value": value}, key="live").body]
    expect(not [b for b in seen if value.encode() in b], "shown")
    equal([x["name"] for x in s.get("/v1/secrets").json["secrets"]], ["FAL_KEY"])
    refusal(s.call("PUT", "/v1/secrets", {"name": "LD_PRELOAD", "value": value}, key="live"), 400, "invalid_argument")
    refusal(s.get("/v1/secrets", key="test"), 403, "forbidden")
    equal(s.get("/v1/secrets", key=make_key(s, project=s.post("/v1/projects", {"name": "o"}, key="admin").json["id"])["key"]).json["secrets"], [])
    expect(value not in s.log(), "in the log")
    equal(s.call("DELETE", "/v1/secrets/FAL_KEY", key="live").json["deleted"], True)
    refusal(s.call("DELETE", "/v1/secrets/FAL_KEY", key="live"), 404, "not_found")
    equal(s.get("/v1/secrets").json["secrets"], [])


@each_store
def labels_and_sums(s):
    key = make_key(s)
    first = s.post("/v1/generations", dict(CALL, metadata={"order": [7]}, end_user="ann"), key=key["key"], headers={"traceparent": TRACE})
    equal((first.status, first.headers["traceparent"]), (202, TRACE))
    done = s.wait(first.json["id"], key=key["key"])
    equal((done["metadata"], done["end_user"]), ({"order": [7]}, "ann"))
    render(s, key=key["key"], end_user="bob", metadata="not an object")
    render(s, key=key["key"], end_user="bob")
    equal(s.get("/v1/balance", headers={"traceparent": "nonsense"}).headers.get("traceparent"), None)
    for path, name in (("generations", "generations"), ("usage_events", "usage_events")):
        rows = s.get("/v1/%s?end_user=ann" % path, key=key["key"]).json[name]
        expect(first.json["id"] in [r["id"] for r in rows] and {r["end_user"] for r in rows} == {"ann"}, rows)
        equal(len(s.get("/v1/%s?key=%s" % (path, key["prefix"])).json[name]), 3)
        equal(s.get("/v1/%s?until=2020-01-01" % path).json[name], [])
        equal(len(s.get("/v1/%s?since=2020-01-01&key=%s" % (path, key["prefix"])).json[name]), 3)
    by_key = {r["key"]: r for r in s.get("/v1/usage_events?group=key").json["sums"]}
    equal((by_key[key["prefix"]]["events"], by_key[key["prefix"]]["billed_micros"]), (3, 30000))
    users = {r["end_user"]: r["events"] for r in s.get("/v1/usage_events?group=end_user").json["sums"]}
    expect(users["ann"] >= 1 and users["bob"] >= 2, users)
    for group in ("model", "day"):
        sums = s.get("/v1/usage_events?group=" + group).json["sums"]
        expect(sum(r["events"] for r in sums) == sum(r["events"] for r in by_key.values()) and group in sums[0], sums)
    refusal(s.get("/v1/usage_events?group=colour"), 400, "invalid_argument")
    with Unmoved(s):
        refusal(s.post("/v1/generations", dict(CALL, metadata={"a": "x" * 4096})), 400, "invalid_argument")
        refusal(s.post("/v1/generations", dict(CALL, end_user="x" * 129)), 400, "invalid_argument")


def until(fd, word, seconds=20):
    seen, end = b"", time.monotonic() + seconds
    while word not in seen:
        expect(select.select([fd], [], [], max(0, end - time.monotonic()))[0], (word, seen))
        seen += os.read(fd, 4096)
    return seen


@case
def from_the_command_line():
    s = shared("sqlite")
    made = json.loads(s.cli("keys", "create", "--scope", "generate:media", "--scope", "read:generations", "--model", "puras/", "--call-cap", "0.5", "--day-cap", "1", "--expires", "2", "--json", key="admin"))
    equal((made["scopes"], made["models"], made["call_cap_micros"], made["day_cap_micros"]), (["generate:media", "read:generations"], ["puras/"], 500000, 1000000))
    turned = json.loads(s.cli("keys", "rotate", made["prefix"], "--overlap", "60", "--json", key="admin"))
    equal((turned["rotated_from"], turned["scopes"]), (made["prefix"], made["scopes"]))
    listed = s.cli("keys", key="admin")
    expect("scopes generate:media read:generations; models puras/; 0.5 USD a call; 1 USD a day" in listed, listed)
    s.cli("keys", "create", "--expires", "0", key="admin", status=2)
    project = json.loads(s.cli("projects", "create", "cli", "--json", key="admin"))["id"]
    equal(json.loads(s.cli("projects", "set", project, "--run-limit", "3", "--retention-days", "9", "--json", key="admin")), {"id": project, "run_limit": 3, "retention_days": 9})
    s.cli("projects", "set", project, key="admin", status=2)
    expect("adjusted the live book" in s.cli("adjust", "0.25", "--project", project, "--reason", "cli", key="admin"), "adjust")
    expect("-250000 micros" in s.cli("adjust", "--project", project, "--reason", "back", "--", "-0.25", key="admin"), "adjust")
    s.cli("adjust", "1", key="admin", status=2)
    equal(s.cli("secrets", "set", "A_KEY=hush"), "stored A_KEY\n")
    out = s.cli("secrets", "ls")
    expect("A_KEY" in out and "hush" not in out, out)
    equal(s.cli("secrets", "rm", "A_KEY"), "removed A_KEY\n")
    made = json.loads(s.cli("run", "puras/sketch", "-i", "prompt=x", "-i", "size=64x64", "--metadata", '{"a":1}', "--end-user", "cli", "--json"))
    equal((made["metadata"], made["end_user"]), ({"a": 1}, "cli"))
    s.cli("run", "puras/sketch", "-i", "prompt=x", "--metadata", "[1]", status=2)
    parent, child = pty.openpty()  # Ctrl-C on a terminal asks; `c` cancels
    with s.hold_renders():
        env = dict(os.environ, PURAS_API_BASE=s.url, PURAS_API_KEY=s.live)
        for answer, word in ((b"c\n", b"cancelled"), (b"l\n", b"left running"), (None, b"left running")):
            p = subprocess.Popen([PURAS, "run", "puras/sketch", "-i", "prompt=held", "-i", "size=64x64"], env=env, stdin=child, stdout=child, stderr=child, start_new_session=True)
            seen = until(parent, b" s  ")
            p.send_signal(signal.SIGINT)
            seen += until(parent, b"eave running? ")
            if answer:
                os.write(parent, answer)
            else:
                p.send_signal(signal.SIGINT)
            seen += until(parent, word)
            p.wait(20)
            expect(p.returncode == (8 if word == b"cancelled" else 6), (p.returncode, seen))
    for group in ("model", "key", "end_user", "day"):
        expect(s.cli("usage", "--by", group).startswith(group), group)
    told = s.cli("why", made["id"])
    for word in (made["id"], "completed", "metadata", "hold", "capture", made["outputs"][0]["drive_path"], "10000 micros"):
        expect(word in told, (word, told))
    s.audit()


@each_store
def metadata_finds_its_calls(s):
    key = make_key(s, name="shop")["key"]
    given = [{"order": 7}, {"order": "7", "x": 1}, {"x": {"order": 7}}, {"order": 77}, {"order": "a%_\\b\"c"}, {"gift": True}, {"order": 7, "last": "y"}]
    ids = [render(s, key=key, metadata=m) for m in given]
    prefix = key.split(".")[0].split("_")[-1]
    for wanted, which in (("order:7", [0, 1, 6]), ("order:77", [3]), ("order:a%_\\b\"c", [4]), ("order:a%", []), ("gift:true", [5]), ("gift:tru", []), ("x:1", [1]), ("last:y", [6]), ("order:", []), ("nothing:7", [])):
        query = "?key=%s&metadata=%s" % (prefix, urllib.parse.quote(wanted))
        listed = s.get("/v1/generations" + query).json["generations"]
        equal((wanted, sorted(g["id"] for g in listed)), (wanted, sorted(ids[n] for n in which)))
        used = s.get("/v1/usage_events" + query).json["usage_events"]
        equal((wanted, sorted(u["generation_id"] for u in used)), (wanted, sorted(ids[n] for n in which)))
    equal(len(s.get("/v1/generations?key=%s&status=completed" % prefix).json["generations"]), len(ids))
    equal(s.get("/v1/generations?key=%s&status=failed" % prefix).json["generations"], [])
    for route in ("/v1/generations", "/v1/usage_events"):
        for query in ("?metadata=order", "?metadata=:7"):
            refusal(s.get(route + query), 400, "invalid_argument")
        told = refusal(s.get(route + "?statuss=failed"), 400, "invalid_argument")
        expect("statuss" in told["detail"] and "metadata" in told["detail"] and told["field"] == "statuss", told)
    expect(ids[5] in s.cli("generations", "--metadata", "gift:true"), "the command line")


run()
